/* The router process: what its files share. Each module's own structure is its own; this one only holds them together.
   Reading order: README.md. */
#ifndef NARU_ROUTER_ROUTER_H
#define NARU_ROUTER_ROUTER_H

#include "base/loop.h"
#include "base/opt.h"
#include "proto/mailbox.h"
#include "router/acts.h"
#include "router/admit.h"
#include "router/agents.h"
#include "router/bots.h"
#include "router/channels/widget.h"
#include "router/config_keep.h"
#include "router/dispatch.h"
#include "router/doors.h"
#include "router/event.h"
#include "router/history.h"
#include "router/hooks.h"
#include "router/http.h"
#include "router/idempotency.h"
#include "router/ingest.h"
#include "router/journal.h"
#include "router/leader.h"
#include "router/mailroom.h"
#include "router/messages.h"
#include "router/people_share.h"
#include "router/stream.h"
#include "router/token.h"

struct router_opts {
    const char *name, *listen, *data, *inbox, *advertise, *tokens, *curve_secret, *curve_peers, *port_file;
    uint64_t number, window, history_days, feedback_rows, feedback_days;
    const char *lmtp;
    uint64_t mail_days, mail_mb;
    struct opt_list policies, dial, proxies;
};

struct router {
    struct router_opts opts;
    uv_loop_t loop;
    struct signals signals;
    struct timer second;
    struct turn_end turn;
    struct mailbox *mail;
    struct http *http;
    struct journal *journal;
    struct history *history;
    struct tokens *tokens;
    struct events events;
    struct dispatch dispatch;
    struct config_keep config;
    struct acts acts;
    struct admit admit; /* who may come how often */
    struct leaders leaders;
    struct agents agents;
    struct bots bots;
    struct widget widget;
    struct doors doors;
    struct hooks hooks;
    struct streams streams;
    struct messages messages;
    struct mailroom *mails;
    struct lmtp *lmtp; /* NULL: no such door */
    struct people_keep people;
    struct idems idems;      /* answers under an Idempotency-Key */
    struct ingest ingest;    /* scratch of one event at a time */
    struct buf packed, text; /* scratch */
    uint32_t number;
    char imported[64][80]; /* versions of the policy files, as they were imported last */
    uint64_t configured;   /* wall ms: what the last agent configured here was stamped with */
    uint64_t beat;         /* mono ms of the last heartbeats */
    struct {
        uint64_t began, tickets; /* wall ms; read of the history so far */
    } rebuild;                   /* contacts.c's */
    bool stopping, failed;
    const char *old_policy; /* a sentence for /readyz and the log when a bad file at start was passed over; NULL: none */
};

static inline uint64_t router_now(const struct router *r) { return uv_now((uv_loop_t *)&r->loop); }
const char *router_workspace(const struct router *r, uint16_t number);

/* ---- intake.c: POST /v1/events → journal → answer ---- */
void intake_post(struct router *r, struct http_req *req, const struct token *token);
/* The same way for complete events (channel_complete): duplicates, room, the account's rate (the first new one must be within it; a
   delivery is one, and is let in whole), journal. `fn` is told once, when all are durable or cannot
   be, perhaps before this returns. Events are not needed after it. */
struct intake_end {
    unsigned status; /* 0: all are kept, or were before; else the first refusal */
    const char *problem, *why;
    uint32_t wait_ms; /* of too-many-requests: when it may come again; else 0 */
};
typedef void intake_fn(void *ctx, const struct intake_end *end);
void intake_events(struct router *r, uint64_t arrived_us, const struct event *events, uint32_t count, intake_fn *fn, void *ctx);
void intake_committed(void *event, enum err e, uint64_t number); /* journal_fn of ROW_EVENT */

/* ---- channel.c: webhooks of channels' providers ---- */
/* How long the body of a request to `path` may be, when it is a channel's; 0: no word on it. */
uint64_t channel_body_max(struct router *r, struct str path);

/* ---- mail_recall.c: after a start, the conversations of mails that live ---- */
void mails_recall(struct router *r);

/* ---- settle.c: the end of an event ---- */
void settle_ticket(struct router *r, struct kept_ticket *t); /* its end is durable: history, then settle its events */
void settle_retry(struct router *r);                         /* once a second: what a full disk or queue held up */
/* Out of whatever it waits in, triage's queue too. */
void event_leave(struct router *r, struct kept_event *e);
/* Dead for want of attempts left, or alive again at a person's word. The row is written; `fn` (may be NULL) after its commit. */
enum err event_die(struct router *r, struct kept_event *e, const char *cause, bool dead, journal_fn *fn, void *ctx);

/* ---- ticket_json.c ---- */
/* Appends the ticket as home knows it, packed; `life`: with its changes. */
void ticket_pack(const struct kept_ticket *t, struct buf *out, bool life);
/* What ticket_pack gave, as JSON. Takes nothing but its arguments: history's thread calls it too. */
enum err ticket_json(struct buf *out, struct str packed, struct arena *scratch);
/* What contacts.c wants of a packed ticket: a struct contact for each message and call that it still has. `ctx`: the events. */
enum err ticket_contacts(const void *ctx, struct buf *out, struct str packed, struct arena *scratch);
void event_json(struct router *r, struct buf *out, const struct kept_event *e);
/* The leader's JSON with "token_epoch":5,"token_seq":7 told as "token":"5.7", which is what acts take. */
void leader_json(struct buf *out, struct str body);
/* "5.7" → 5, 7. ERR_RANGE. */
enum err parse_token(struct str text, uint64_t *epoch, uint64_t *seq);

/* ---- contacts.c: after a start, the contacts of seven days again ---- */
struct contact {
    struct id event;
    uint64_t customer, received;
};
void contacts_rebuild(struct router *r);

/* ---- api.c ---- */
void api_request(void *router, struct http_req *req);

/* ---- policy_files.c ---- */
/* Imports the files of --policy whose bytes differ from the last import. `strict`: ERR_POLICY when one is bad and no earlier good
 * one is kept. */
enum err policy_import(struct router *r, bool strict);
/* Sends the active policies to a triage worker (NULL: all of them). */
void policy_tell(struct router *r, struct peer *p);
/* Asks the leader of a workspace to take what is kept here of it; what it knows already is nothing to it. */
void config_tell_leader(struct router *r, uint16_t workspace);

#endif
