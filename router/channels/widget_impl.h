/* What the files of the web chat share. Nobody else includes it. */
#ifndef NARU_ROUTER_WIDGET_IMPL_H
#define NARU_ROUTER_WIDGET_IMPL_H

#include "router/channels/widget.h"
#include "router/channels/widget_token.h"
#include "router/doors.h"
#include "router/journal.h"

#define WIDGET_PROTOCOL "naru.chat.1" /* the WebSocket's subprotocol; a token may stand beside it as "naru.token.TOKEN" */
#define WIDGET_MESSAGE  65536u        /* bytes of what a client says at once */
#define WIDGET_PING_MS  30000u
#define WIDGET_HELLO_MS 10000u /* from the handshake to the client's hello */

/* Close codes of ours. */
#define WIDGET_BAD_TOKEN 4401u
#define WIDGET_CLOSED    4403u /* the account takes no chats any more */
#define WIDGET_NO_HELLO  4408u
#define WIDGET_TOO_MANY  4409u /* a newer tab took its place */
#define WIDGET_ELSEWHERE 4421u /* another router has the conversation */
#define WIDGET_TOO_FAST  4429u

/* A customer's socket. It has no chat before its hello. Idle, this and its WebSocket are all that it takes. */
struct widget_conn {
    TAILQ_ENTRY(widget_conn) all;
    struct widget_conn *next; /* of the same chat */
    struct router *router;
    struct ws *sock;
    struct door *door; /* held */
    struct chat *chat; /* held; NULL before hello */
    uint64_t opened;   /* mono ms */
    uint64_t exp;      /* of its token: wall ms; 0: none yet */
    struct bucket words, messages, signs;
    uint32_t sends; /* messages under way that will answer here */
    uint16_t name_n, facts_n, sub_n;
    char *who; /* name, facts, then sub until hello; owned */
};

/* widget_conn.c */
/* `home`: the router that the client was told to come back to; another one than this: it is told so, and closed. */
void widget_connect(struct router *r, struct door *d, struct http_req *req, const struct widget_claims *claims, uint32_t home);
/* All who are in the chat are told that router `home` has it, and closed. */
void widget_send_home(struct chat *chat, uint32_t home);

/* widget_tell.c: what clients are told. `w->out` is written anew by each. */
void widget_tell_welcome(struct widget_conn *c, uint64_t after);
void widget_tell_lines(struct widget_conn *c, uint64_t after);
void widget_tell_line(struct chat_line *l, const struct widget_conn *but); /* to all who are there */
void widget_tell_ack(struct widget_conn *c, struct str ref, uint64_t seq);
void widget_tell_error(struct widget_conn *c, struct str ref, const char *error, const char *detail, uint32_t wait_ms);
void widget_tell_elsewhere(struct widget_conn *c, uint32_t home);
void widget_tell_state(struct widget *w, struct chat *chat, struct widget_conn *one, uint64_t position,
                       double wait_ms); /* one: NULL: all */
void widget_tell_sign(struct widget *w, struct chat *chat, const struct widget_conn *but, const char *type, const char *by, bool on,
                      uint64_t seq);

/* widget_state.c */
void widget_state_find(struct router *r, struct chat *chat); /* of a chat whose state is not known */
void widget_ask_wait(struct router *r, struct chat *chat);
/* The router that has the chat's live ticket, and sends its agent's replies, as far as it is known here; else this one. */
uint32_t widget_home(const struct router *r, const struct chat *chat);

/* widget_line.c: into the journal, then to the customer. */
enum err widget_keep_line(struct router *r, struct chat_line *l, journal_fn *fn, void *ctx);
void widget_here(struct router *r, struct door *d, const struct message_out *m, struct send_result *out);

#endif
