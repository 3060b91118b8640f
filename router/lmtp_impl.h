/* What the files of the LMTP door share: a connection, the mail that comes in by it, the door. */
#ifndef NARU_ROUTER_LMTP_IMPL_H
#define NARU_ROUTER_LMTP_IMPL_H

#include "base/loop.h"
#include "router/channel.h"
#include "router/lmtp_talk.h"
#include "router/mail_book.h"
#include "router/mail_event.h"

#include <sys/queue.h>
#include <sys/un.h>
#include <uv.h>

#define IN_BYTES   65536u
#define OUT_BYTES  (1u << 20)
#define HELD_BYTES 65536u  /* of a mail, before they are written: its lines come one by one */
#define IDLE_MS    300000u /* RFC 5321, 4.5.3.2.7 */
#define ACCOUNTS   16u     /* of one mail's recipients */

union stream {
    uv_handle_t handle;
    uv_stream_t stream;
    uv_tcp_t tcp;
    uv_pipe_t pipe;
};

struct conn;
struct part { /* an account among the recipients of a mail */
    struct conn *conn;
    struct door *door;
    char to[321]; /* its first address here */
    struct channel_in in;
    struct delivery delivery; /* the time */
    enum lmtp_end end;
};
struct conn {
    union stream s;
    struct timer idle;
    struct lmtp *of;
    TAILQ_ENTRY(conn) link;
    struct lmtp_talk talk;
    struct buf out;
    uv_write_t write;
    char in[IN_BYTES], *sent;
    size_t in_n, in_at;
    bool writing, reading, closing, working;
    bool whole; /* a mail has come to its end, so far as … */
    enum lmtp_end so_far;
    unsigned handles, busy;
    /* the mail */
    struct part parts[ACCOUNTS];
    uint32_t part_count;
    uint8_t rcpts[LIM_MAIL_RCPT]; /* which part each is of */
    uint32_t rcpt_count;
    int fd;
    char path[4096], held[HELD_BYTES];
    size_t held_n;
    uint64_t ended_us;
    struct mail_job *job;
};
struct lmtp {
    struct router *router;
    union stream s;
    TAILQ_HEAD(, conn) conns;
    uint32_t count;
    bool closed;
    struct mail_book book; /* address → const struct account of the policies as they were … */
    uint64_t seen;         /* … at this of config_keep.policy_changes, plus 1; 0: never */
    char path[sizeof((struct sockaddr_un *)0)->sun_path], host[256];
};

/* ---- lmtp_conn.c ---- */

/* A connection that waits to be accepted, if there is memory and room. */
void lmtp_conn_new(struct lmtp *l);
void lmtp_conn_close(struct conn *c);
/* All that can be done now: what came is heard, what is to be said is sent, and more is read unless it would have to wait. */
void lmtp_conn_work(struct conn *c);
/* Frees it when nothing of it is open or under way any more. */
void lmtp_conn_try_free(struct conn *c);
int lmtp_stream_init(struct lmtp *l, union stream *s); /* of the door's kind; 0 or libuv's error */

/* ---- lmtp_mail.c ---- */

struct lmtp_owner lmtp_mail_owner(struct conn *c); /* what the talk asks for */
void lmtp_mail_take(struct conn *c);               /* a mail is whole (c->whole): it is read and answered for */
void lmtp_mail_drop(struct conn *c);               /* what came of one, and its recipients */

#endif
