/* The web chat: customers' WebSockets at /v1/channels/{account}/stream, and what belongs to them. What the rest of the router
   calls; what its own files share is in widget_impl.h. The protocol: proto/asyncapi.yaml; how to connect it:
   docs/channels/webchat.md. */
#ifndef NARU_ROUTER_WIDGET_H
#define NARU_ROUTER_WIDGET_H

#include "base/rate.h"
#include "router/channels/widget_chat.h"
#include "router/sender.h"

struct call;
struct widget_conn;
TAILQ_HEAD(widget_conns, widget_conn);

struct widget {
    struct chats chats;
    struct widget_conns conns;
    uint32_t conn_count, asking;
    struct rate_table sessions; /* tokens for visitors, by address */
    struct arena scratch;       /* of one event at a time */
    struct buf out;             /* a message being written */
};

enum err widget_init(struct router *r);
void widget_fini(struct router *r);

/* The journal's: see journal_cfg. */
void widget_row(struct router *r, uint64_t number, const struct id *id, struct str body);
bool widget_row_live(struct router *r, uint64_t number, const struct id *id);
void widget_row_moved(struct router *r, uint64_t from, uint64_t to, const struct id *id);

/* A change of a ticket was taken: the customer may be told. */
void widget_entry(struct router *r, const struct entry *en);
/* The agent who has the ticket types, or has read what the customer wrote. Nothing when it is no ticket of a web chat. */
void widget_agent_types(struct router *r, struct str agent, const struct id *ticket, bool on);
void widget_agent_reads(struct router *r, struct str agent, const struct id *ticket);
/* Once a second. */
void widget_tick(struct router *r, uint64_t now);

void get_chat_script(struct call *c); /* GET /chat.js */
void get_chat_style(struct call *c);  /* GET /chat.css: of the page */
void get_chat_page(struct call *c);   /* GET /chat?account=web&language=ko */

#endif
