/* A mail, read: what of it an event is made of. Texts are UTF-8 and live in the arena it was read with. */
#ifndef NARU_ROUTER_MAIL_H
#define NARU_ROUTER_MAIL_H

#include "base/arena.h"
#include "base/limits.h"
#include "router/channel.h"

/* Why a mail is not a person's own, or not a mail to be answered by a machine: X(CONSTANT, "word"). The words are values of the
   attribute event.automatic and labels of naru_mail_skipped_total. In the order in which they are looked for. */
#define MAIL_AUTO_MAP(X)                                                                                                           \
    X(AUTO_NO, "")                                                                                                                 \
    X(AUTO_LOOP, "loop")          /* one of our own came back */                                                                   \
    X(AUTO_BOUNCE, "bounce")      /* a report that a mail did not arrive (RFC 3464), or nobody stands in its envelope */           \
    X(AUTO_REPLY, "auto-replied") /* Auto-Submitted (RFC 3834), and what programs wrote before there was that */                   \
    X(AUTO_GENERATED, "auto-generated")                                                                                            \
    X(AUTO_LIST, "list")         /* of a mailing list */                                                                           \
    X(AUTO_BULK, "bulk")         /* Precedence: bulk or junk */                                                                    \
    X(AUTO_SUPPRESS, "suppress") /* a person's, who asks for no automatic answer (X-Auto-Response-Suppress) */
#define MAIL_AUTO_ENUM(id, word) id,
enum mail_auto { MAIL_AUTO_MAP(MAIL_AUTO_ENUM) MAIL_AUTO_COUNT };
#undef MAIL_AUTO_ENUM
extern const char *const mail_auto_words[MAIL_AUTO_COUNT];

struct mail_file { /* an attachment */
    struct str name, type;
    uint64_t size;   /* bytes, decoded */
    char sha256[65]; /* of those; "" when not known */
};
struct mail {
    struct str id;                  /* its Message-ID, without brackets; empty: none */
    struct str refs[LIM_MAIL_REFS]; /* In-Reply-To, then References from the last to the first: the nearest mail first */
    uint32_t ref_count;
    struct str root;                 /* the first of References, else In-Reply-To; empty: it begins a conversation */
    struct str from, name, reply_to; /* address with its domain in lower case; display name; may be empty */
    struct str subject;
    struct str text; /* the customer's own words, LF lines, at most LIM_TEXT bytes … */
    bool cut;        /* … of more */
    struct mail_file files[LIM_MAIL_FILES];
    uint32_t file_count, more_files;
    enum mail_auto automatic;
    struct str bounce;  /* AUTO_BOUNCE: the status ("5.1.1"), may be empty … */
    struct str bounced; /* … and the Message-ID of the mail that did not arrive */
};

/* ---- mail_mime.c: by GMime ---- */
/* Once, before the first thread reads; and at the end. */
void mail_open(void);
void mail_close(void);
/* Reads a mail. `envelope_from`: of MAIL FROM, NULL: not known. Any thread. ERR_TOOBIG: heads, parts or depth beyond the limits;
   ERR_PROTO: it is no mail; ERR_NOMEM. `bytes` may go once it returns. */
enum err mail_read(struct mail *m, struct arena *arena, struct str bytes, const char *envelope_from);

/* ---- mail_scan.c ---- */
/* Is it within what can be read without harm: heads, parts, mails within mails? One look over the bytes, before they are parsed.
   ERR_TOOBIG. */
enum err mail_scan(struct str bytes);

/* ---- mail_words.c: from pieces that somebody has taken apart. Texts are copied into the arena; ERR_NOMEM ---- */
struct mail_head {
    /* A header as it stands, by its name in any case; STR_NONE: there is no such one. Valid as long as the mail is. */
    struct str (*header)(void *ctx, const char *name);
    void *ctx;
    const char *envelope_from; /* of MAIL FROM, without brackets; NULL: not known */
    bool report;               /* multipart/report; report-type=delivery-status */
};
/* Is it this name of a header, in any case? */
bool mail_is_name(struct str said, const char *name);
/* Fills id, refs, root and automatic. */
enum err mail_take_head(struct mail *m, struct arena *arena, const struct mail_head *h);
/* Fills from and name. */
enum err mail_take_from(struct mail *m, struct arena *arena, struct str address, struct str name);
/* Fills text and cut with the customer's own words of `text` (any bytes, at most LIM_MAIL_HTML of them count). `said`: what a
   provider takes for those; empty: it says nothing. */
enum err mail_take_text(struct mail *m, struct arena *arena, struct str text, struct str said);
/* The same of a mail that came taken apart: of its text, or without one of its HTML. */
enum err mail_take_parts(struct mail *m, struct arena *arena, struct str plain, struct str html);
/* Text as one line of clean UTF-8 of at most `max` bytes. */
enum err mail_line(struct str *out, struct arena *arena, struct str text, size_t max);

#endif
