/* Entries become intents. Only a ticket's home does this (an entry comes to every router that has an event of it), and only while
   it keeps the ticket: what it keeps no more has ended, and its messages were made before.

   The id of a reply is the one that the router chose which took it; of the policy's own words it is made of the entry's place in
   the log, so that the same entry told twice is one message. */
#include "router/replies.h"

#include "base/clock.h"
#include "base/json.h"
#include "base/metrics.h"
#include "router/router.h"

#include <stdio.h>
#include <stdlib.h>

/* ---- the customer's last message ---- */

static struct str attribute(const struct event *e, const char *key)
{
    const struct attribute *a = e->attributes.items;
    for (uint32_t i = 0; i < e->attributes.count; i++)
        if (str_is(a[i].key, key)) return a[i].value;
    return STR_NONE;
}

bool reply_event(const struct kept_ticket *t, struct event *event, struct arena *a)
{
    const struct kept_event *e;
    TAILQ_FOREACH_REVERSE(e, &t->events, event_list, sibling)
    {
        if (!e->packed || !e->reaches) continue;
        return !record_unpack(&event_record, event, (struct str){ e->packed, e->packed_n }, a);
    }
    return false;
}

static void take_with(struct message_context *out, struct str with)
{
    out->with_n = with.n <= sizeof out->with ? with.n : 0;
    if (out->with_n) memcpy(out->with, with.p, out->with_n);
}

void message_context(struct router *r, const struct out_message *m, struct message_context *out)
{
    const struct kept_ticket *t = events_ticket(&r->events, &m->row.ticket);
    struct event event;
    struct arena a;
    out->heard = m->row.heard;
    take_with(out, m->row.with);
    arena_init(&a, 1u << 20);
    if (t && reply_event(t, &event, &a) && event.received >= out->heard) {
        out->heard = event.received;
        take_with(out, attribute(&event, REPLY_WITH));
    }
    arena_fini(&a);
}

bool window_open(const struct sender *by, uint64_t heard, uint64_t now, char why[200])
{
    uint64_t hours = by->window_ms / 3600000;
    if (!by->window_ms || (heard && now <= heard + by->window_ms)) return true;
    if (!heard) snprintf(why, 200, "the customer has never written by this account, and it allows replies only");
    else if (hours)
        snprintf(why, 200, "the customer last wrote %llu hours ago: this account allows replies for %llu hours",
                 (unsigned long long)((now - heard) / 3600000), (unsigned long long)hours);
    else
        snprintf(why, 200, "the customer last wrote %llu s ago: this account allows replies for %llu s",
                 (unsigned long long)((now - heard) / 1000), (unsigned long long)by->window_ms / 1000);
    return false;
}

/* ---- may it be sent ---- */

const struct sender *reply_sender(struct router *r, struct str account, struct str workspace, struct door **door)
{
    struct door *d = doors_find(r, account);
    const struct sender *by = d && d->provider && str_is(workspace, d->workspace) ? sender_of(d) : NULL;
    if (door) *door = d;
    return by && by->needs_token && !d->account->token ? NULL : by;
}

static const struct sender *ticket_sender(struct router *r, const struct kept_ticket *t, struct event *event, struct arena *a)
{
    if (id_home(&t->id) != r->number || !reply_event(t, event, a)) return NULL;
    return reply_sender(r, event->account, event->workspace, NULL);
}

bool messages_sends(struct router *r, const struct kept_ticket *t)
{
    struct event event;
    struct arena a;
    arena_init(&a, 1u << 20);
    bool sends = ticket_sender(r, t, &event, &a) != NULL;
    arena_fini(&a);
    return sends;
}

enum err messages_may(struct router *r, const struct kept_ticket *t, char why[200])
{
    struct event event;
    struct arena a;
    enum err e = ERR_OK;
    arena_init(&a, 1u << 20);
    const struct sender *by = ticket_sender(r, t, &event, &a);
    if (by && !window_open(by, event.received, clock_wall_ms(), why)) {
        metric_add(MET_MESSAGES_REFUSED, "window", 1);
        e = ERR_RANGE;
    }
    if (!sending_has_room(&r->messages.sending)) {
        snprintf(why, 200, "too many messages are waiting to be sent");
        metric_add(MET_MESSAGES_REFUSED, "full", 1);
        e = ERR_FULL;
    }
    arena_fini(&a);
    return e;
}

void messages_name(struct router *r, struct act *act)
{
    if (act->kind != ACT_REPLY || !id_is_none(&act->message)) return;
    act->message = id_new(clock_wall_ms(), r->number, &r->messages.sending.rng);
}

/* ---- intents ---- */

struct intent { /* what is being made, and what its texts point into */
    struct message_row row;
    struct event event;
    struct json *detail;
    struct arena arena;
    struct id id;
};

static enum err of_reply(struct router *r, const struct entry *en, struct intent *i)
{
    struct str by = json_str(json_get(i->detail, "by"));
    (void)r;
    if (id_parse(json_str(json_get(i->detail, "message")), &i->id)) return ERR_NOTFOUND; /* of a router that knew no ids */
    i->row.text = json_str(json_get(i->detail, "text"));
    i->row.subject = json_str(json_get(i->detail, "subject"));
    i->row.by = by.n ? by : en->agent;
    i->row.recorded = json_bool(json_get(i->detail, "sent"));
    return i->row.text.n ? ERR_OK : ERR_NOTFOUND;
}

/* What stands in an entry of each kind. ERR_NOTFOUND: nothing for the customer. */
static enum err (*const said_by[])(struct router *, const struct entry *, struct intent *) = {
    [ENTRY_REPLIED] = of_reply,
};

static void fill_row(const struct kept_ticket *t, const struct entry *en, struct intent *i)
{
    const struct event *e = &i->event;
    i->row.workspace = e->workspace;
    i->row.ticket = t->id;
    i->row.epoch = en->epoch;
    i->row.seq = en->seq;
    i->row.at = en->at;
    i->row.account = e->account;
    i->row.channel = e->channel;
    i->row.conversation = e->conversation;
    i->row.customer = e->customer;
    i->row.with = attribute(e, REPLY_WITH);
    i->row.heard = e->received;
}

static enum err make(struct router *r, const struct kept_ticket *t, const struct entry *en, struct intent *i)
{
    const char *why;
    size_t at;
    if (!reply_event(t, &i->event, &i->arena)) return ERR_NOTFOUND;
    if (json_parse(&i->detail, en->detail, LIM_JSON_DEPTH, &at, &why)) return ERR_NOTFOUND;
    fill_row(t, en, i);
    enum err e = said_by[en->kind](r, en, i);
    if (e) return e;
    if (sending_find(&r->messages.sending, &i->id)) return ERR_EXISTS;
    if (!reply_sender(r, i->row.account, i->row.workspace, NULL)) i->row.recorded = true;
    buf_clear(&r->packed);
    record_pack(&r->packed, &message_row_record, &i->row);
    return r->packed.err;
}

enum err messages_of_entry(struct router *r, const struct entry *en, struct id *id, struct str *row)
{
    const struct kept_ticket *t = events_ticket(&r->events, &en->ticket);
    struct intent i;
    if (!t || en->home != r->number || en->kind >= sizeof said_by / sizeof *said_by || !said_by[en->kind]) return ERR_NOTFOUND;
    if (!sending_has_room(&r->messages.sending)) { /* the door refused before; this one came by another router */
        metric_add(MET_MESSAGES_REFUSED, "full", 1);
        return ERR_NOTFOUND;
    }
    memset(&i, 0, sizeof i);
    arena_init(&i.arena, 1u << 20);
    enum err e = make(r, t, en, &i);
    *id = i.id;
    *row = buf_str(&r->packed);
    json_free(i.detail);
    arena_fini(&i.arena);
    return e;
}
