#include "base/log.h"
#include "workers/assign/core.h"

/* A triaged event comes in. Which ticket it belongs to is decided here and nowhere else: the live one of its conversation, else
   a new one for kinds that open. Each event is answered by exactly one entry that its home waits for (opened, joined, no_ticket);
   one that comes again is answered the same way again and changes nothing. */

static void repeat(struct workspace *ws, const struct taken *e)
{
    enum entry_kind kind = e->opened ? ENTRY_OPENED : ENTRY_JOINED;

    if (!e->ended) {
        log_change(ws, .kind = kind, .t = e->ticket, .event = &e->event, .home = e->home, .cause = "repeat", .keep_token = true);
        return;
    }
    log_change(ws, .kind = kind, .past = e->past, .event = &e->event, .home = e->home, .cause = "repeat");
    log_change(ws, .kind = ENTRY_ENDED, .past = e->past, .home = e->home, .cause = "repeat");
}

/* ---- opening ---- */

static struct str attribute(const struct event *e, const char *key, size_t max)
{
    const struct attribute *v = e->attributes.items;

    for (uint32_t i = 0; i < e->attributes.count; i++)
        if (str_is(v[i].key, key)) return text_cut(v[i].value, max);
    return STR_NONE;
}

/* Kept for explain, without what the ticket says itself. */
static struct str pack_verdict(struct workspace *ws, const struct verdict *v)
{
    struct verdict kept = *v;

    kept.event = (struct id){ { 0 } };
    kept.workspace = STR_NONE;
    buf_clear(&ws->detail);
    record_pack(&ws->detail, &verdict_record, &kept);
    return ws->detail.err ? STR_NONE : buf_str(&ws->detail);
}

static struct ticket *make(struct workspace *ws, const struct event *e, const struct verdict *v, const struct id *id)
{
    bool known = v->language.n && !str_is(v->language, "und");
    struct about a = { .event = e->id,
                       .call = e->kind == EVENT_CALL,
                       .channel = e->channel,
                       .account = e->account,
                       .conversation = e->conversation,
                       .customer = e->customer,
                       .person = e->person.n ? e->person : attribute(e, "customer.id", 256),
                       .preferred = attribute(e, "customer.agent", 128),
                       .name = e->name,
                       .subject = e->subject,
                       .language = known ? v->language : e->language,
                       .intent = v->intent,
                       .score = v->score,
                       .tags = v->tags,
                       .named = v->queue,
                       .unsure = v->unsure,
                       .sentiment = v->sentiment,
                       .confidence = v->confidence };

    if (!ws->watch) a.verdict = pack_verdict(ws, v);
    return ticket_new(ws, &a, id, e->home);
}

struct ticket *intake_open(struct workspace *ws, const struct event *e, const struct verdict *v, const struct id *given,
                           struct overflowing *o)
{
    struct id id = given ? *given : id_new(ws->now, e->home, &ws->rng);
    struct ticket *t = make(ws, e, v, &id);

    if (!t) return NULL;
    t->listed = true; /* its home has just told of it */
    t->queue = policy_route(ws->policy, e, v);
    t->urgency = v->urgency;
    t->enqueued = e->received && e->received < ws->now ? e->received : ws->now;
    ticket_ask(ws, t, v);
    ticket_needs_of_queue(ws, t);
    *o = (struct overflowing){ .cause = "recovered" };
    if (!given) overflow_before(ws, t, o);
    if (e->kind == EVENT_MESSAGE) sla_message(ws, t, t->enqueued);
    ws->queues[t->queue].lately = (struct profile){ true, t->channel, needs_open(t->needs) };
    ticket_due_from_sla(ws, t);
    continuity_recall(ws, t);
    bots_opening(ws, t);
    if (e->text.n) ticket_note(ws, t, &e->id, e->received, STR_NONE, e->text);
    if (ticket_index(ws, t) || !ticket_event_add(ws, t, &e->id, e->home, true)) {
        ticket_free(ws, t);
        return NULL;
    }
    return t;
}

/* A machine wrote it (a mail's adapter says so): it is never answered by one. */
static bool is_automatic(const struct event *e) { return attribute(e, "event.automatic", 64).n > 0; }

/* Once a ticket, when it is opened by a message and nothing else was said. */
static void acknowledge(struct workspace *ws, struct ticket *t, const struct event *e, const struct overflowing *o)
{
    const char *name = tell_name(ws->policy, queue_of(ws, t)->acknowledge);

    if (name && e->kind == EVENT_MESSAGE && !o->answer && !is_automatic(e))
        tell_customer(ws, t, ws->policy, name, "acknowledge", -1);
}

static void open_ticket(struct workspace *ws, const struct event *e, const struct verdict *v)
{
    struct overflowing o;
    struct ticket *t = intake_open(ws, e, v, NULL, &o);

    if (!t) { /* not answered: home keeps the event and sends it again */
        log_error("ticket not opened workspace=%.*s cause=limit next=\"is the limit of live tickets reached, or memory short?\"",
                  STR_FMT(ws->name));
        return;
    }
    naru_assert(!ticket_step(ws, t, EV_OPEN, NULL));
    log_change(ws, .kind = ENTRY_OPENED, .t = t, .event = &e->id, .home = e->home, .cause = o.cause);
    if (is_automatic(e)) o.answer = NULL;
    if (!overflow_begun(ws, t, &o)) return;
    continuity_wait(ws, t);
    acknowledge(ws, t, e, &o);
}

/* ---- joining ---- */

static void join_ticket(struct workspace *ws, struct ticket *t, const struct event *e, const struct verdict *v)
{
    if (!ticket_event_add(ws, t, &e->id, e->home, false)) return;
    if (e->text.n) ticket_note(ws, t, &e->id, e->received, STR_NONE, e->text);
    if (e->kind == EVENT_CALL) t->hung_up = false;
    log_change(ws, .kind = ENTRY_JOINED, .t = t, .event = &e->id, .home = e->home);
    if (e->kind == EVENT_MESSAGE) sla_message(ws, t, e->received);
    if (t->state == TK_PARKED || t->state == TK_WRAPUP) ticket_resume(ws, t, "message");
    else ticket_schedule(ws, t); /* for the reply that is due */
    ticket_retriage(ws, t, e, v);
    change_offer_all(ws, t, "message", NULL);
}

/* The call was begun, so it was had: what is left is the wrap-up. */
static void talk_over(struct workspace *ws, struct ticket *t)
{
    if (!ws->channels[t->channel].wrapup_ms) {
        ticket_end(ws, t, EV_RESOLVE, "hangup");
        return;
    }
    naru_assert(!ticket_step(ws, t, EV_WRAPUP, ticket_agent(t)));
    log_change(ws, .kind = ENTRY_WRAPUP, .t = t, .cause = "hangup");
    change_offer_all(ws, t, "changed", "wrapup");
}

static void hang_up(struct workspace *ws, struct ticket *t, const struct event *e)
{
    if (!ticket_event_add(ws, t, &e->id, e->home, false)) return;
    t->hung_up = true;
    log_change(ws, .kind = ENTRY_JOINED, .t = t, .event = &e->id, .home = e->home, .cause = "hangup");
    if (t->state == TK_SCHEDULED && t->call) return; /* who is called back need not hold the line */
    if (t->state == TK_ASSIGNED && t->call && t->started) talk_over(ws, t);
    else if (state_next(t->state, EV_ABANDON)) ticket_end(ws, t, EV_ABANDON, "customer_left");
}

struct ticket *intake_conversation(const struct workspace *ws, const struct event *e)
{
    char key[64 + 1 + 256];

    if (e->account.n > 64 || e->conversation.n > 256) return NULL;
    if (e->account.n) memcpy(key, e->account.p, e->account.n);
    key[e->account.n] = '\0';
    if (e->conversation.n) memcpy(key + e->account.n + 1, e->conversation.p, e->conversation.n);
    return map_get(&ws->conversations, (struct str){ key, e->account.n + 1 + e->conversation.n });
}

void space_take(struct workspace *ws, uint64_t now, const struct event *e, const struct verdict *v)
{
    const struct taken *again;
    struct ticket *t;
    bool opens = e->kind == EVENT_MESSAGE || e->kind == EVENT_CALL;

    if (now > ws->now) ws->now = now;
    if (!ws->policy) return;
    space_lay_out(ws);
    if ((again = idmap_get(&ws->events, &e->id))) {
        repeat(ws, again);
        return;
    }
    t = intake_conversation(ws, e);
    if (opens && t) join_ticket(ws, t, e, v);
    else if (opens) open_ticket(ws, e, v);
    else if (e->kind == EVENT_HANGUP && t) hang_up(ws, t, e);
    else log_change(ws, .kind = ENTRY_NO_TICKET, .event = &e->id, .home = e->home);
}
