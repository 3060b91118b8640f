/* How it stands with the customer's ticket, and the signs of the agent who has it. States follow the change log; after a restart
   they are found again in the tickets that live here. Position and expected wait are the leader's: it is asked when a customer who
   is there begins to wait, and again every ASK_MS, so many at a time. A ticket whose first event came in at another router has its
   conversation there, and its customer is sent there: an agent's reply leaves by that router alone. */
#include "base/clock.h"
#include "base/json.h"
#include "router/channels/widget_impl.h"
#include "router/router.h"

#include <stdlib.h>

#define ASK_MS      10000u
#define ASK_AT_ONCE 64u

static const uint8_t chat_states[] = {
    [TK_WAITING] = CHAT_WAITING,   [TK_OFFERED] = CHAT_WAITING, [TK_SCHEDULED] = CHAT_WAITING, [TK_ASSIGNED] = CHAT_WITH_AGENT,
    [TK_PARKED] = CHAT_WITH_AGENT, [TK_WRAPUP] = CHAT_ENDED,    [TK_RESOLVED] = CHAT_ENDED,    [TK_ABANDONED] = CHAT_ENDED,
    [TK_CANCELLED] = CHAT_ENDED,   [TK_EXPIRED] = CHAT_ENDED,   [TK_DEAD] = CHAT_ENDED,
};

static enum chat_state state_of(enum ticket_state s) { return s < sizeof chat_states ? chat_states[s] : CHAT_UNKNOWN; }

void widget_state_find(struct router *r, struct chat *chat)
{
    const struct kept_ticket *t = events_conversation(&r->events, chat->conversation);
    if (chat->state != CHAT_UNKNOWN) return;
    enum chat_state s = t ? state_of(t->ticket_state) : CHAT_UNKNOWN;
    if (!t) s = chat->count ? CHAT_ENDED : CHAT_NONE;
    if (s == CHAT_UNKNOWN) return;
    (void)chat_state_set(chat, s, s == CHAT_WITH_AGENT ? str_of(t->agent) : STR_NONE);
}

uint32_t widget_home(const struct router *r, const struct chat *chat)
{
    const struct kept_ticket *t = events_conversation(&r->events, chat->conversation);
    enum chat_state s = t ? state_of(t->ticket_state) : CHAT_ENDED;
    return s == CHAT_ENDED ? r->number : id_home(&t->id);
}

static struct chat *chat_of(struct router *r, const struct id *ticket, const struct kept_ticket **t)
{
    if (!r->widget.chats.by_key.count || id_is_none(ticket) || !(*t = events_ticket(&r->events, ticket)) || !(*t)->known)
        return NULL;
    return chats_by_conversation(&r->widget.chats, (*t)->conversation);
}

void widget_entry(struct router *r, const struct entry *en)
{
    const struct kept_ticket *t, *now;
    struct chat *chat = chat_of(r, &en->ticket, &t);
    enum chat_state s = chat ? state_of(en->state) : CHAT_UNKNOWN;
    if (s == CHAT_UNKNOWN) return;
    now = events_conversation(&r->events, t->conversation);
    if (now && now != t) return; /* the end of an older ticket, told late */
    if (widget_home(r, chat) != r->number) {
        widget_send_home(chat, widget_home(r, chat));
        return;
    }
    struct str agent = s != CHAT_WITH_AGENT ? STR_NONE : en->kind == ENTRY_ACCEPTED ? en->agent : str_of(t->agent);
    if (!chat_state_set(chat, s, agent)) return;
    widget_tell_state(&r->widget, chat, NULL, 0, -1);
    if (s == CHAT_WAITING) widget_ask_wait(r, chat);
}

/* ---- how long it takes ---- */

struct wait_ask {
    struct router *router;
    struct chat *chat;
};

static void on_wait(void *ctx, const struct result *res)
{
    struct wait_ask *a = ctx;
    struct json *doc = NULL;
    const char *why;
    uint64_t position = 0;
    size_t at;
    a->router->widget.asking--;
    a->chat->held--;
    a->chat->asking = false;
    if (res->status == 200 && a->chat->state == CHAT_WAITING && !json_parse(&doc, res->body, LIM_JSON_DEPTH, &at, &why)) {
        const struct json *wait = json_get(doc, "expected_wait_ms");
        if (json_is_u64(json_get(doc, "position"), &position))
            widget_tell_state(&a->router->widget, a->chat, NULL, position, wait ? json_num(wait) : -1);
    }
    json_free(doc);
    free(a);
}

void widget_ask_wait(struct router *r, struct chat *chat)
{
    const struct kept_ticket *t = events_conversation(&r->events, chat->conversation);
    struct wait_ask *a;
    if (!t || !chat->conns || chat->asking || r->widget.asking >= ASK_AT_ONCE || !(a = malloc(sizeof *a))) return;
    struct act act = { .workspace = str_of(router_workspace(r, t->workspace)),
                       .kind = ACT_TICKET,
                       .ticket = t->id,
                       .router = r->number,
                       .actor = STR("webchat"),
                       .privileged = true };
    *a = (struct wait_ask){ r, chat };
    chat->asked = router_now(r);
    if (acts_ask(&r->acts, t->workspace, &act, false, router_now(r), on_wait, a)) {
        free(a);
        return;
    }
    r->widget.asking++;
    chat->held++;
    chat->asking = true;
}

/* ---- signs of the agent ---- */

static struct chat *held_by(struct router *r, struct str agent, const struct id *ticket)
{
    const struct kept_ticket *t;
    struct chat *chat = chat_of(r, ticket, &t);
    return chat && t->agent && str_is(agent, t->agent) ? chat : NULL;
}

void widget_agent_types(struct router *r, struct str agent, const struct id *ticket, bool on)
{
    struct chat *chat = held_by(r, agent, ticket);
    if (chat) widget_tell_sign(&r->widget, chat, NULL, "typing", "agent", on, 0);
}

void widget_agent_reads(struct router *r, struct str agent, const struct id *ticket)
{
    struct chat *chat = held_by(r, agent, ticket);
    uint64_t seq = chat ? chat_seq(chat) : 0;
    if (!seq || seq == chat->read_by_agent) return;
    chat->read_by_agent = seq;
    widget_tell_sign(&r->widget, chat, NULL, "read", "agent", true, seq);
}

/* ---- the second ---- */

/* Does a policy still name its account, with this provider? */
static bool is_open(struct router *r, const struct widget_conn *c)
{
    return doors_find(r, str_of(c->door->account->name)) == c->door;
}

void widget_tick(struct router *r, uint64_t now)
{
    struct widget *w = &r->widget;
    struct widget_conn *c;
    uint64_t wall = clock_wall_ms();
    TAILQ_FOREACH (c, &w->conns, all) {
        if (!c->chat && now - c->opened >= WIDGET_HELLO_MS) ws_close(c->sock, WIDGET_NO_HELLO, "no hello");
        else if (c->exp && wall > c->exp) ws_close(c->sock, WIDGET_BAD_TOKEN, "token");
        else if (!is_open(r, c)) ws_close(c->sock, WIDGET_CLOSED, "account");
        else if (c->chat && c->chat->state == CHAT_WAITING && now - c->chat->asked >= ASK_MS) widget_ask_wait(r, c->chat);
    }
    chats_sweep(&w->chats, wall);
}
