/* What the load clients share: where Naru is, connections that come back by themselves, answers read, JSON glanced at.

   A `client` is one TCP connection to the router, kept up for as long as it is not stopped: it connects, tells on_up, hands bytes
   in, and when the connection is lost tells on_down and tries again with back-off (doubling, with jitter; a lost connection
   begins at the least delay only once client_proven was called, so that a server which accepts and hangs up is not stormed).
   What is written into client_out during a loop turn leaves in one write at the end of the turn. */
#ifndef NARU_CLI_CLIENT_H
#define NARU_CLI_CLIENT_H

#include "base/buf.h"
#include "base/loop.h"
#include "base/rng.h"

#include <http_parser.h>
#include <sys/queue.h>
#include <sys/socket.h>

/* ---- where ---- */

struct client_target {
    struct sockaddr_storage addr;
    char authority[300]; /* host:port, for the Host header */
    char token[256];
};
/* Reads "http://host[:port]", finds its address, and takes the token: `token` if given, else the first line of `token_file`, else
   of operator.token in the data folder. Tells people on stderr what is wrong, in the name of `who`. */
enum err client_target_set(struct client_target *t, const char *who, const char *url, const char *token, const char *token_file);

/* ---- connections ---- */

struct client;
struct client_hub { /* of all connections of one loop */
    uv_loop_t *loop;
    struct client_target target;
    struct rng rng;
    void *ctx;
    void (*on_turn)(void *ctx); /* at the end of every loop turn, before what was written leaves; may be NULL */
    struct turn_end turn;
    TAILQ_HEAD(, client) dirty;
    char in[65536]; /* the bytes of one read, used up in on_bytes */
};
void client_hub_init(struct client_hub *h, uv_loop_t *loop, void (*on_turn)(void *ctx), void *ctx); /* target is set before */
void client_hub_fini(struct client_hub *h);

struct client_cfg {
    size_t out_cap;                      /* unwritten bytes; beyond: the connection is dropped */
    uint32_t back_off_min, back_off_max; /* ms */
    void (*on_up)(void *ctx);
    void (*on_bytes)(void *ctx, const char *p, size_t n);
    void (*on_down)(void *ctx); /* once after each on_up; not for tries that failed */
};
struct client {
    struct client_hub *hub;
    const struct client_cfg *cfg; /* borrowed */
    void *ctx;
    struct client_sock *sock; /* NULL: not connected and not connecting */
    bool up, stopped, dirty;
    uint32_t back_off;
    struct timer timer; /* down: the next try; connecting: its deadline */
    struct buf out;
    TAILQ_ENTRY(client) link;
};
void client_init(struct client *c, struct client_hub *h, const struct client_cfg *cfg, void *ctx);
void client_start(struct client *c, uint64_t delay_ms);
/* Where to write; only while up. */
struct buf *client_out(struct client *c);
void client_flush(struct client *c); /* now instead of at the end of the turn; may drop */
void client_proven(struct client *c);
/* Closes without a word, tells on_down, and connects again after the back-off, or after `ms` when that is not 0. */
void client_drop(struct client *c, uint64_t ms);
void client_stop(struct client *c); /* closes for good; on_down is told if it was up */
void client_fini(struct client *c); /* after client_stop; the memory must outlive the loop's next turn */

/* ---- HTTP answers ---- */

#define CLIENT_NO_HINT UINT32_MAX
struct client_answer {
    unsigned status;
    uint32_t retry_after_ms; /* CLIENT_NO_HINT: none */
    bool last;               /* the server closes after it */
    struct str accept;       /* Sec-WebSocket-Accept */
    struct str body;         /* at most its first 4 KiB */
};
struct client_answers {
    http_parser parser;
    void *ctx;
    bool (*fn)(void *ctx, const struct client_answer *a); /* false: nobody asked for this answer; must not drop the client */
    char field[32], value[96], accept[32], body[4096];
    size_t field_n, value_n, accept_n, body_n;
    bool in_value;
    uint32_t retry_after_ms;
};
void client_answers_init(struct client_answers *a, bool (*fn)(void *ctx, const struct client_answer *a), void *ctx);
/* ERR_PROTO: not HTTP, or an answer that nobody asked for; ERR_CLOSED: an answer was the last. `*used` is n unless a 101 came: what
   follows it speaks another protocol. */
enum err client_answers_feed(struct client_answers *a, const char *p, size_t n, size_t *used);

/* ---- JSON ---- */

struct client_field {
    struct str key, value; /* value: a string without its quotes (escapes as they are), else the raw text; absent: p is NULL */
};
/* Finds fields of one object, of its first level only. Reads any JSON that the server writes, and walks away from anything else
   with ERR_JSON; it does not judge what it skips. */
enum err client_scan(struct str object, struct client_field *fields, size_t count);
/* The last item of an array, raw; NULL when it has none. */
struct str client_scan_last(struct str array);
/* `s` inside of quotes: quotes, backslashes and control characters escaped. */
void client_escape(struct buf *out, struct str s);

/* ---- counting by name ---- */

#define CLIENT_TALLY 24u
struct client_tally {
    struct {
        char name[48];
        uint64_t count;
    } rows[CLIENT_TALLY]; /* the last one takes what does not fit */
    unsigned used;
    uint64_t total;
};
void client_tally_add(struct client_tally *t, struct str name);
void client_tally_text(const struct client_tally *t, struct buf *out); /* "a=1 b=2" */
void client_tally_json(const struct client_tally *t, struct buf *out); /* {"a":1,"b":2} */

/* A progress line on stderr: over the last one on a terminal, else on a line of its own. */
void client_progress(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
void client_progress_end(void);
/* Numbers of a summary: whole ones as such. */
struct client_row {
    const char *key;
    double v;
};
void client_summary(const struct client_row *rows, size_t count, const struct client_tally *refused, bool json);

#endif
