/* What the files of the HTTP server share: the server, its connections, and what they ask of each other. Nobody else includes it.
 */
#ifndef NARU_ROUTER_HTTP_IMPL_H
#define NARU_ROUTER_HTTP_IMPL_H

#include "base/loop.h"
#include "base/map.h"
#include "base/metrics.h"
#include "router/http_in.h"

#include <wslay/wslay.h>

#define HTTP_READ 65536u
#define HTTP_HEADROOM                                                                                                              \
    32768u                   /* in front of the read buffer: an unfinished head is put there, so that it joins what is read next   \
                              */
#define HTTP_LINGER_MS 2000u /* after our last byte: the client's last bytes are read and dropped, lest a reset eat the answer */
#define HTTP_SPARE_OUT 64u
#define HTTP_CODES     16u

enum http_conn_state {
    CONN_OPEN,   /* reads requests, or is a WebSocket */
    CONN_LAST,   /* reads no more; ends when all is answered and written */
    CONN_STREAM, /* its last answer goes on; drops input */
    CONN_LINGER, /* our side is shut; drops input until the client's end */
    CONN_CLOSED, /* uv_close was called; freed in its callback */
};

struct http_addr { /* open connections of one address that is counted */
    char key[16];
    uint32_t count;
};

struct http_conn {
    uv_tcp_t tcp;
    struct http *srv;
    struct http_conn *prev, *next; /* among the server's connections */
    struct http_conn *next_dirty;
    struct http_addr *addr; /* NULL: not counted */
    enum http_conn_state state;
    bool reading, dirty, gone, eof, writing_now, upgrading, held; /* held: reading waits for answers or writes */
    struct http_in in;
    struct buf part; /* bytes read and not used yet */
    struct http_req *first, **last;
    uint32_t queued;         /* unanswered requests, first .. last */
    struct buf out, writing; /* for the next write; in uv_write now */
    uv_write_t write;
    uv_shutdown_t shutdown;
    uint64_t read_us;  /* clock_mono_us of the last read */
    uint64_t since_ms; /* uv_now of the last step forward: of the head, the body or being idle */
    uint64_t stall_ms; /* … of the last write, linger */
    size_t stall_left;
    enum http_in_phase phase; /* the one since_ms speaks of */
    struct ws *ws;
    struct http_stream *stream; /* in CONN_STREAM alone */
};

struct http {
    uv_loop_t *loop;
    struct http_cfg cfg;
    char (*proxies)[16];
    size_t proxy_n;
    uv_tcp_t listener;
    uint16_t port;
    struct timer sweep;
    struct turn_end turn;
    uv_idle_t wake; /* active while something is dirty: the loop must not sleep on it */
    struct http_pool *pool;
    struct http_conn *conns, *dirty;
    uint32_t conn_n;
    struct map addrs;
    char *in; /* HTTP_HEADROOM + HTTP_READ */
    struct buf spare_out[HTTP_SPARE_OUT];
    uint32_t spare_out_n;
    char date[48]; /* "Date: …\r\n" */
    size_t date_n;
    uint64_t date_ms;
    wslay_frame_context_ptr framer; /* writes WebSocket frames into `framed` */
    struct buf *framed;
    struct {
        unsigned status;
        uint32_t n;
    } codes[HTTP_CODES]; /* answers of this turn, for the metrics */
    bool draining, ended;
    uint64_t drain_until;
    void (*drain_done)(void *ctx);
    void *drain_ctx;
};

/* http.c */
void http_refused(const char *cause);                     /* counts */
void http_wake(struct http *h);                           /* the loop must not sleep before the turn's end was reached */
void http_conn_gone(struct http *h, struct http_conn *c); /* it was closed: unlinks, uncounts */
void http_end_when_empty(struct http *h);                 /* ends a drain when no connection is left */
void http_sweep_within(struct http *h, uint64_t ms);      /* something needs to be looked at that often */
struct buf http_out_take(struct http *h);
void http_out_give(struct http *h, struct buf *b);

/* http_conn.c */
void http_conn_accept(struct http *h);
void http_conn_touch(struct http_conn *c);      /* something is to be written or read at the end of the turn */
struct buf *http_conn_out(struct http_conn *c); /* to be followed by a touch */
void http_conn_flush(struct http_conn *c);
void http_conn_last(struct http_conn *c);  /* no more requests; ends when all is written */
void http_conn_close(struct http_conn *c); /* now */
void http_conn_sweep(struct http_conn *c, uint64_t now_ms);
void http_conn_drain(struct http_conn *c);
void http_conn_free(struct http_conn *c);
static inline size_t http_conn_unsent(const struct http_conn *c) { return c->out.n + (c->writing_now ? c->writing.n : 0); }

/* http_answer.c */
void http_answer_status(struct http *h, struct buf *out, unsigned status); /* "HTTP/1.1 200 OK\r\nDate: …\r\n" */
/* Answers the oldest request of `c` with NO_ANSWER in its handler's place, drops the others, and ends the connection. */
void http_answer_late(struct http_conn *c);
/* Answers `r` (not yet in the line of `c`) with a refusal, in its turn; the connection ends after it. */
void http_answer_refusal(struct http_conn *c, struct http_req *r, const struct http_refusal *why);
void http_line_push(struct http_conn *c, struct http_req *r);
struct http_req *http_line_pop(struct http_conn *c);

/* http_stream.c */
void http_stream_gone(struct http_stream *s, enum err why); /* tells on_close, frees; the connection ends, unless it is closed */
void http_stream_room(struct http_stream *s);               /* nothing is unsent */

/* ws.c */
bool ws_framer_new(struct http *h);
void ws_feed(struct ws *w, const char *p, size_t n); /* `w` may be gone after it */
void ws_turn(struct ws *w);                          /* at the end of a turn; `w` may be gone after it */
void ws_sweep(struct ws *w, uint64_t now_ms);
void ws_gone(struct ws *w); /* its connection was closed: tells on_close, frees */

#endif
