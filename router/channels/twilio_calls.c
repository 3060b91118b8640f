/* Calls: what is answered to Twilio from a call's first request to its last.
   https://www.twilio.com/docs/voice/twiml

     (no action)   the call comes in: an event `call`, and a greeting that leads to …/hold
     hold          asked again and again while the caller waits: the leader says what the ticket is now, and so what comes next
     dialed        an agent's phone was called: talked and hung up, or nobody answered: back to the queue
     leg           an agent's phone was answered: the ticket is started
     called        the customer answered our own call: an event `call` of the conversation that it goes on
     status        a call is over: an event `hangup`; or a customer whom we called did not answer: put off again

   Nothing that matters is kept here: which ticket it is follows from the CallSid (the event's id is made of it), what to do from
   the leader's answer, and the rest stands in the addresses. So any router can answer any request, and one that has just begun goes
   on where another was killed. A step (twilio_step.c) is one request under way; what comes next for who waits is twilio_next.c's.

   A caller leaves a talk only by hanging up, or because a person passes the ticket on. */
#include "router/channels/twilio_calls.h"

#include "base/metrics.h"
#include "router/doors.h"
#include "router/router.h"

/* ---- the form of a call ---- */

/* How Twilio spells callers who withhold their number: words on a telephone's keys. */
static const char *const nobody[] = { "+266696687", "+7378742833", "+2562533", "+8656696", "+86282452253" };

static bool is_number(struct str s)
{
    if (s.n < 4 || s.n > 17 || s.p[0] != '+') return false;
    for (size_t i = 1; i < s.n; i++)
        if (s.p[i] < '0' || s.p[i] > '9') return false;
    for (size_t i = 0; i < sizeof nobody / sizeof *nobody; i++)
        if (str_is(s, nobody[i])) return false;
    return true;
}

/* The other end: who called, or whom we called. Empty: they do not say. */
static struct str customer_of(struct channel_in *c, struct str form)
{
    struct str way = channel_form(c, form, "Direction");
    bool ours = way.n >= 8 && !memcmp(way.p, "outbound", 8);
    struct str number = channel_form(c, form, ours ? "To" : "From");
    for (size_t i = 0; i < sizeof nobody / sizeof *nobody; i++)
        if (str_is(number, nobody[i])) return STR_NONE;
    return number;
}

bool call_can_call(const struct door *d, struct str number)
{
    return d->account->id && d->account->from && d->policy->public_url && is_number(number);
}

static bool is_over(struct str status)
{
    static const char *const words[] = { "completed", "busy", "no-answer", "canceled", "failed" };
    for (size_t i = 0; i < sizeof words / sizeof *words; i++)
        if (str_is(status, words[i])) return true;
    return false;
}

/* The address without action and query. */
static struct str base_of(const struct channel_in *c)
{
    struct str s = c->in->url;
    const char *query = s.n ? memchr(s.p, '?', s.n) : NULL;
    if (query) s.n = (size_t)(query - s.p);
    if (c->in->action.n && s.n > c->in->action.n) s.n -= c->in->action.n + 1;
    while (s.n && s.p[s.n - 1] == '/') s.n--;
    return s;
}

/* ---- events ---- */

enum err twilio_call_read(struct channel_in *c, struct str form)
{
    struct str sid = channel_form(c, form, "CallSid"), status = channel_form(c, form, "CallStatus");
    struct str of = channel_form(c, c->in->query, "c"), action = c->in->action;
    if (!sid.n || sid.n > TWILIO_SID) return channel_skip(c, "incomplete"), ERR_OK;
    if (!is_over(status) && str_is(action, "status")) return channel_skip(c, "call_status"), ERR_OK;
    struct event *e = channel_event(c);
    if (!e) return ERR_PROTO;
    e->kind = is_over(status) ? EVENT_HANGUP : EVENT_CALL;
    e->external = e->kind == EVENT_CALL ? sid : channel_text(c, "%.*s.end", STR_FMT(sid));
    e->conversation = of.n ? of : sid;
    e->customer = customer_of(c, form);
    if (e->kind == EVENT_HANGUP) channel_attribute(c, e, "event.status", status);
    if (e->kind == EVENT_HANGUP) return ERR_OK;
    e->name = channel_form(c, form, "CallerName");
    e->language = str_of(voice_language_words.v[twiml_language(&c->door->account->voice, e->customer)]);
    channel_attribute(c, e, "event.to", channel_form(c, form, "To"));
    return ERR_OK;
}

void twilio_call_answer(struct channel_in *c, struct str form)
{
    const struct voice_rules *v = &c->door->account->voice;
    struct twiml t = { base_of(c), v, twiml_language(v, customer_of(c, form)) };
    bool begins = c->count && c->events[0].kind == EVENT_CALL;
    if (begins) twiml_greet(&c->answer.body, &t, str_is(c->in->action, "called"));
    else twiml_empty(&c->answer.body);
}

/* ---- what is asked of us, by action ---- */

static void serve_hold(struct channel_in *c, struct str form, struct call_step *s)
{
    s->pressed = str_is(channel_form(c, form, "Digits"), "1");
    call_next(s);
}

static void on_talked(void *ctx, const struct result *res)
{
    struct call_step *s = ctx;
    if (res->status == 409 || res->status == 404) { /* it has changed hands or state since */
        call_next(s);
        return;
    }
    step_reply_end(s, SAID_BYE);
    step_free(s);
}

static void on_requeued(void *ctx, const struct result *res)
{
    (void)res;
    step_free(ctx); /* … and so to hold */
}

static struct act act_of(const struct call_step *s, enum act_kind kind)
{
    return (struct act){
        .kind = kind, .ticket = s->ticket, .token_epoch = s->token_epoch, .token_seq = s->token_seq, .privileged = true
    };
}

/* "?k=ticket&t=token" of the address. */
static bool step_target(struct channel_in *c, struct call_step *s)
{
    return !id_parse(channel_form(c, c->in->query, "k"), &s->ticket) &&
           !parse_token(channel_form(c, c->in->query, "t"), &s->token_epoch, &s->token_seq);
}

static void serve_dialed(struct channel_in *c, struct str form, struct call_step *s)
{
    struct str how = channel_form(c, form, "DialCallStatus");
    s->talked = str_is(how, "completed") || str_is(how, "answered");
    struct act act;
    if (is_over(channel_form(c, form, "CallStatus"))) { /* the caller is gone: …/status tells */
        step_reply_empty(s);
        step_free(s);
    } else if (!step_target(c, s)) {
        step_free(s);
    } else if (s->talked) {
        act = act_of(s, ACT_START);
        if (step_ask(s, &act, false, on_talked)) return;
        step_reply_end(s, SAID_BYE);
        step_free(s);
    } else {
        metric_add(MET_CALL_STEPS, "not_connected", 1);
        act = act_of(s, ACT_REQUEUE);
        act.reason = STR("not_connected");
        if (!step_ask(s, &act, false, on_requeued)) step_free(s);
    }
}

static void on_told(void *ctx, const struct result *res)
{
    (void)res;
    step_free(ctx);
}

static void serve_leg(struct channel_in *c, struct str form, struct call_step *s)
{
    bool answered = str_is(channel_form(c, form, "CallStatus"), "in-progress");
    step_reply_empty(s);
    struct act act = act_of(s, ACT_START);
    if (answered && step_target(c, s)) {
        metric_add(MET_CALL_STEPS, "started", 1);
        act = act_of(s, ACT_START);
        if (step_ask(s, &act, true, on_told)) return;
    }
    step_free(s);
}

/* The customer did not answer our call: as often as the queue's rule allows it is tried again, then it is the agent's to decide. */
static void serve_unreached(struct channel_in *c, struct str form, struct call_step *s)
{
    struct act act;
    (void)form;
    step_reply_empty(s);
    (void)step_copy(s->agent, sizeof s->agent, channel_form(c, c->in->query, "a"));
    if (step_target(c, s)) {
        metric_add(MET_CALL_STEPS, "unreached", 1);
        act = act_of(s, ACT_CALLBACK);
        act.privileged = false;
        act.agent = str_of(s->agent);
        act.reason = STR("unreached");
        if (step_ask(s, &act, true, on_told)) return;
    }
    step_free(s);
}

typedef void serve_fn(struct channel_in *c, struct str form, struct call_step *s);
static const struct {
    const char *action;
    serve_fn *fn;
} actions[] = { { "hold", serve_hold }, { "dialed", serve_dialed }, { "leg", serve_leg } };

/* NULL: it becomes an event, or is nothing. */
static serve_fn *action_of(struct channel_in *c, struct str form)
{
    struct str status = channel_form(c, form, "CallStatus");
    bool ours = channel_form(c, c->in->query, "k").n > 0;
    for (size_t i = 0; i < sizeof actions / sizeof *actions; i++)
        if (str_is(c->in->action, actions[i].action)) return actions[i].fn;
    return str_is(c->in->action, "status") && ours && is_over(status) && !str_is(status, "completed") ? serve_unreached : NULL;
}

static struct call_step *step_of(struct channel_in *c, struct str form)
{
    struct str sid = channel_form(c, form, "CallSid");
    uint64_t missed = 0;
    struct call_step *s = step_new(c->router, c->door);
    if (!s) return NULL;
    s->req = c->req;
    s->language = twiml_language(&c->door->account->voice, customer_of(c, form));
    s->event = id_of_event(str_of(c->door->account->name), sid);
    (void)str_u64(channel_form(c, c->in->query, "s"), 0, UINT32_MAX, &s->said_s);
    (void)str_u64(channel_form(c, c->in->query, "m"), 0, CALL_MISSED_MOST, &missed);
    s->missed = (uint32_t)missed;
    if (step_copy(s->base, sizeof s->base, base_of(c))) return s;
    s->req = NULL;
    step_free(s);
    return NULL;
}

bool twilio_call_serve(struct channel_in *c, struct str form)
{
    static const char *const events[] = { "", "called", "status" };
    serve_fn *fn = action_of(c, form);
    for (size_t i = 0; !fn && i < sizeof events / sizeof *events; i++)
        if (str_is(c->in->action, events[i])) return false;
    struct call_step *s = fn ? step_of(c, form) : NULL;
    if (!fn) channel_turn_away(c, 404, "action", "not-found", "calls come to the account's address, their ends to …/status");
    else if (!s) channel_turn_away(c, 503, "memory", "overloaded", "out of memory");
    else fn(c, form, s);
    return true;
}
