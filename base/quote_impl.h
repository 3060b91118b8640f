/* Lines of a mail, shared by the three files of quote and by nothing else. Reading order: quote.c, quote_lead.c, quote_tail.c. */
#ifndef NARU_BASE_QUOTE_IMPL_H
#define NARU_BASE_QUOTE_IMPL_H

#include "base/quote.h"

#define QUOTE_LINE 400u /* bytes of a line that may be something else than words; longer ones are words */

/* One line: `s` is it without the blanks at both ends; its bytes are raw … next, its line end included. */
struct line {
    const char *raw, *next;
    struct str s;
};

struct line quote_line(const char *p, const char *end); /* the line at p < end */
struct str quote_trim(struct str s);                    /* without blanks, Unicode's and line ends too */
/* Letters of ASCII are compared without case, other bytes as they are; `z` is in lower case. */
bool quote_is(struct str s, const char *z);
bool quote_is_any(struct str s, const char *const *words); /* NULL ends the list */
bool quote_begins(struct str s, const char *z);
bool quote_begins_any(struct str s, const char *const *words);
bool quote_ends(struct str s, const char *z);
const char *quote_has(struct str s, const char *z);         /* where; NULL: nowhere */
bool quote_has_any(struct str s, const char *const *words); /* NULL ends the list */
uint32_t quote_words(struct str s);                         /* runs of anything but blanks */
/* strchr finds the NUL that ends its set: a text may hold one */
static inline bool quote_in(char c, const char *set) { return c && strchr(set, c); }
static inline bool quote_digit(char c) { return c >= '0' && c <= '9'; }

/* ---- quote_lead.c: lines that introduce earlier mail ---- */
enum lead {
    LEAD_NONE,
    LEAD_MARKED, /* introduces a quote if ">" lines follow, else it is words */
    LEAD_REST,   /* introduces a quote: of the ">" lines that follow, or else of all that follows */
    LEAD_FORWARD /* all that follows stays */
};
/* What begins at line `l`, and where it ends (*after). `blocks`: From/Sent/… blocks count. */
enum lead quote_lead(const struct line *l, const char *end, bool blocks, const char **after);
bool quote_marked(const struct line *l, bool mail); /* a ">" line */

/* ---- quote_tail.c: what stands below the words ---- */
size_t quote_tail(struct str s); /* bytes of `s` that are not signature, closing or legal notice */

#endif
