/* A WebSocket that comes back by itself (RFC 6455, the client's side) over a `client`: handshake, text out, text in, pings
   answered, a close answered with a close. */
#ifndef NARU_CLI_WS_CLIENT_H
#define NARU_CLI_WS_CLIENT_H

#include "cli/answers.h"
#include "cli/client.h"

struct ws_client_cfg {
    void (*on_open)(void *ctx);
    /* One whole message, borrowed during the call, in which the socket must not be dropped: see ws_client_leave. */
    void (*on_text)(void *ctx, struct str text);
    void (*on_refused)(void *ctx, const struct answer *a); /* the handshake; it is tried again */
    void (*on_down)(void *ctx);                            /* once after each on_open */
};
enum ws_client_state { WS_CLIENT_DOWN, WS_CLIENT_SHAKING, WS_CLIENT_OPEN };
struct ws_client {
    struct client net;
    const struct ws_client_cfg *cfg; /* borrowed */
    void *ctx;
    const char *path; /* borrowed; ready for the request line */
    enum ws_client_state state;
    struct answers *head; /* while shaking hands */
    bool shaken;
    uint64_t leave_ms;   /* not 0: to be dropped when on_text has returned */
    char accept[32];     /* the Sec-WebSocket-Accept to come */
    struct buf part;     /* the beginning of a frame whose end has not come */
    struct buf message;  /* fragments of a message whose end has not come */
    unsigned fragmented; /* its opcode; 0: no message is under way */
};

void ws_client_init(struct ws_client *w, struct client_hub *h, const struct ws_client_cfg *cfg, void *ctx, const char *path);
/* Sends one text message; nothing while not open or leaving. It leaves with the turn's others in one write. */
void ws_client_say(struct ws_client *w, struct str text);
/* Called from on_text: hangs up without a word when that has returned, and connects again after `ms`. No text is told or said
 * before. */
void ws_client_leave(struct ws_client *w, uint64_t ms);
/* Closes for good, politely when open. */
void ws_client_stop(struct ws_client *w);
void ws_client_fini(struct ws_client *w); /* after ws_client_stop; the memory must outlive the loop's next turn */

#endif
