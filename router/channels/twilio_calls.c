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
   on where another was killed. A `step` is one request under way, or one to Twilio (twilio_push.c); it has an end of its own
   whatever comes: the leader's answer, its refusal, or the clock: a caller is answered within 3 s, and then waits on.

   A caller leaves a talk only by hanging up, or because a person passes the ticket on. */
#include "router/channels/twilio_calls.h"

#include "base/clock.h"
#include "base/log.h"
#include "base/metrics.h"
#include "router/doors.h"
#include "router/problems.h"
#include "router/router.h"

#include <stdio.h>
#include <stdlib.h>

#define ANSWER_MS   2000u  /* for the leader; Twilio itself waits 15 s, and hears silence meanwhile */
#define MISSED_MOST 150u   /* about five minutes of requests that found no ticket */
#define CALLBACK_MS 60000u /* who asks for a callback is not called sooner */

/* ---- steps ---- */

struct call_step *step_new(struct router *r, struct door *d)
{
    struct step_list *list = d->own;
    struct call_step *s = calloc(1, sizeof *s);
    if (!list && s && (list = d->own = calloc(1, sizeof *list))) TAILQ_INIT(list);
    if (!s || !list) {
        metric_add(MET_CALL_STEPS, "memory", 1);
        free(s);
        return NULL;
    }
    s->router = r;
    s->door = door_ref(d);
    s->asked = router_now(r);
    TAILQ_INSERT_TAIL(list, s, link);
    return s;
}

static struct twiml twiml_of(const struct call_step *s)
{
    return (struct twiml){ str_of(s->base), &s->door->account->voice, s->language };
}

static void reply(struct call_step *s, struct buf *b)
{
    struct http_req *req = s->req;
    s->req = NULL;
    if (req && b->err) http_problem(req, 503, "overloaded", "out of memory");
    else if (req) http_answer(req, 200, "text/xml", buf_str(b), "");
    buf_fini(b);
}

static void reply_hold(struct call_step *s, const struct twiml_hold *h)
{
    struct twiml t = twiml_of(s);
    struct buf b;
    if (!s->req) return;
    buf_init(&b, 65536);
    twiml_hold(&b, &t, h);
    reply(s, &b);
}

static void reply_end(struct call_step *s, enum twiml_said said)
{
    struct twiml t = twiml_of(s);
    struct buf b;
    if (!s->req) return;
    buf_init(&b, 65536);
    twiml_end(&b, &t, said);
    reply(s, &b);
}

static void reply_empty(struct call_step *s)
{
    struct buf b;
    buf_init(&b, 4096);
    twiml_empty(&b);
    reply(s, &b);
}

/* Nothing is known now: the caller waits, and what was told is as it was. */
static void hold_on(struct call_step *s)
{
    reply_hold(s, &(struct twiml_hold){ .wait_ms = UINT64_MAX, .said_s = s->said_s, .missed = s->missed });
}

void step_free(struct call_step *s)
{
    struct step_list *list = s->door->own;
    hold_on(s);
    TAILQ_REMOVE(list, s, link);
    door_unref(s->door);
    free(s);
}

bool step_ask(struct call_step *s, struct act *act, bool patient, void (*fn)(void *step, const struct result *r))
{
    struct router *r = s->router;
    uint16_t ws;
    if (events_workspace(&r->events, str_of(s->door->workspace), &ws)) return false;
    act->workspace = str_of(s->door->workspace);
    act->router = r->number;
    act->actor = str_of(s->door->account->name);
    return !acts_ask(&r->acts, ws, act, patient, router_now(r), fn, s);
}

bool step_copy(char *out, size_t room, struct str s)
{
    bool fits = s.n < room && (!s.n || !memchr(s.p, 0, s.n));
    if (fits && s.n) memcpy(out, s.p, s.n);
    out[fits ? s.n : 0] = '\0';
    return fits && s.n;
}

bool step_ticket(struct call_step *s, struct str body, struct call_ticket *out)
{
    struct json *doc = NULL;
    const char *why;
    size_t at;
    *out = (struct call_ticket){ .wait_ms = UINT64_MAX };
    if (json_parse(&doc, body, LIM_JSON_DEPTH, &at, &why)) return false;
    int state = words_find(&ticket_state_words, json_str(json_get(doc, "state")));
    bool good = state > 0 && !id_parse(json_str(json_get(doc, "ticket")), &s->ticket) &&
                json_is_u64(json_get(doc, "token_epoch"), &s->token_epoch) &&
                json_is_u64(json_get(doc, "token_seq"), &s->token_seq);
    out->state = state > 0 ? (enum ticket_state)state : TK_INVALID;
    out->on_line = json_bool(json_get(doc, "on_line"));
    s->talked |= json_bool(json_get(doc, "started"));
    (void)json_is_u64(json_get(doc, "position"), &out->position);
    (void)json_is_u64(json_get(doc, "expected_wait_ms"), &out->wait_ms);
    (void)step_copy(s->agent, sizeof s->agent, json_str(json_get(doc, "agent")));
    (void)step_copy(s->customer, sizeof s->customer, json_str(json_get(doc, "customer")));
    (void)step_copy(s->conversation, sizeof s->conversation, json_str(json_get(doc, "conversation")));
    json_free(doc);
    return good;
}

void twilio_call_close(struct door *d)
{
    struct step_list *list = d->own;
    struct call_step *s;
    while (list && (s = TAILQ_FIRST(list))) { /* requests to Twilio that nobody will tell the end of */
        TAILQ_REMOVE(list, s, link);
        free(s);
    }
    free(list);
    d->own = NULL;
}

void twilio_call_tick(struct door *d, uint64_t now)
{
    struct step_list *list = d->own;
    struct call_step *s;
    if (!list) return;
    TAILQ_FOREACH (s, list, link)
        if (s->req && now - s->asked >= ANSWER_MS) hold_on(s);
}

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

/* ---- waiting ---- */

/* Where the agent is reached. What the API made counts more than the policy. */
static void agent_phone(struct call_step *s, struct buf *out)
{
    const struct policy *p = s->door->policy;
    struct router *r = s->router;
    const struct kept_config *k;
    const char *own = NULL;
    struct agent_spec spec;
    struct config c;
    char why[200];
    for (uint32_t i = 0; i < p->agent_count; i++)
        if (!strcmp(p->agents[i].name, s->agent)) own = p->agents[i].phone;
    for (size_t i = 0; (k = config_keep_next(&r->config, &i));) {
        if (k->kind != CONFIG_AGENT || !memmem(k->packed, k->packed_n, s->agent, strlen(s->agent))) continue;
        arena_clear(&r->events.scratch);
        if (record_unpack(&config_record, &c, (struct str){ k->packed, k->packed_n }, &r->events.scratch)) continue;
        if (!str_is(c.workspace, s->door->workspace) || !str_is(c.name, s->agent)) continue;
        own = policy_agent_again(p, c.name, c.body, &spec, &r->events.scratch, why) ? NULL : spec.phone;
        break;
    }
    twiml_phone(out, &s->door->account->voice, own, str_of(s->agent));
}

static void reply_dial(struct call_step *s)
{
    char ticket[ID_TEXT + 1], token[44];
    struct twiml t = twiml_of(s);
    struct buf b, phone;
    uint32_t untold;
    buf_init(&b, 65536);
    buf_init(&phone, 1024);
    agent_phone(s, &phone);
    snprintf(token, sizeof token, "%llu.%llu", (unsigned long long)s->token_epoch, (unsigned long long)s->token_seq);
    struct twiml_dial d = { buf_str(&phone), str_of(id_text(&s->ticket, ticket)), str_of(token) };
    if (phone.n && !phone.err) {
        metric_add(MET_CALL_STEPS, "dialled", 1);
        twiml_dial(&b, &t, &d);
        reply(s, &b);
    } else {
        metric_add(MET_CALL_STEPS, "no_phone", 1);
        if (door_may_tell(s->door, DOOR_OUT, clock_wall_ms(), &untold))
            log_warn("ticket=%s agent=%s account=%s the agent has no phone next=\"give the account voice.connect, or the agent a "
                     "phone\"",
                     ticket, s->agent, s->door->account->name);
        hold_on(s);
    }
    buf_fini(&b);
    buf_fini(&phone);
}

static void on_callback(void *ctx, const struct result *res)
{
    struct call_step *s = ctx;
    if (res->status < 300) {
        metric_add(MET_CALL_STEPS, "callback", 1);
        reply_end(s, SAID_BACK);
    }
    step_free(s);
}

/* True: the leader is asked. */
static bool ask_callback(struct call_step *s, const struct call_ticket *t)
{
    uint64_t wait = t->wait_ms > CALLBACK_MS ? t->wait_ms : CALLBACK_MS;
    struct act act = { .kind = ACT_CALLBACK,
                       .ticket = s->ticket,
                       .privileged = true,
                       .reason = STR("caller_asked"),
                       .at = t->wait_ms == UINT64_MAX ? 0 : clock_wall_ms() + wait };
    return step_ask(s, &act, false, on_callback);
}

/* They wait: with their place and the wait, when it is time to say it again. True: it goes on by another answer. */
static bool next_hold(struct call_step *s, const struct call_ticket *t)
{
    uint64_t now_s = clock_wall_ms() / 1000, every = s->door->account->voice.say_ms;
    bool say = every && now_s >= s->said_s + every / 1000, offer = s->door->account->voice.callback;
    offer = offer && call_can_call(s->door, str_of(s->customer));
    if (offer && s->pressed && ask_callback(s, t)) return true;
    reply_hold(s,
               &(struct twiml_hold){
                   .say = say, .offer = offer, .position = t->position, .wait_ms = t->wait_ms, .said_s = say ? now_s : s->said_s });
    return false;
}

static bool next_dial(struct call_step *s, const struct call_ticket *t)
{
    (void)t;
    reply_dial(s);
    return false;
}

static bool next_back(struct call_step *s, const struct call_ticket *t)
{
    (void)t;
    reply_end(s, SAID_BACK);
    return false;
}

static bool next_bye(struct call_step *s, const struct call_ticket *t)
{
    (void)t;
    reply_end(s, SAID_BYE);
    return false;
}

/* What comes next, by the ticket's state. */
static bool (*const nexts[])(struct call_step *s, const struct call_ticket *t) = {
    [TK_WAITING] = next_hold,  [TK_OFFERED] = next_hold,   [TK_PARKED] = next_hold,
    [TK_ASSIGNED] = next_dial, [TK_SCHEDULED] = next_back, [TK_WRAPUP] = next_bye,
};

/* Not yet taken: it waits. For minutes on end: triage failed on it, or it ended long ago. */
static void not_found(struct call_step *s)
{
    if (++s->missed >= MISSED_MOST) reply_end(s, SAID_SORRY);
    else hold_on(s);
}

static void on_ticket(void *ctx, const struct result *res)
{
    struct call_step *s = ctx;
    struct call_ticket t;
    bool goes_on = false;
    if (!s->req) {                   /* it came too late: the caller asks again */
    } else if (res->status == 409) { /* it has ended */
        reply_end(s, s->talked ? SAID_BYE : SAID_SORRY);
    } else if (res->status == 404) {
        not_found(s);
    } else if (res->status < 300 && step_ticket(s, res->body, &t)) {
        s->missed = 0;
        if (t.state < sizeof nexts / sizeof *nexts && nexts[t.state]) goes_on = nexts[t.state](s, &t);
    }
    if (!goes_on) step_free(s);
}

static void ask_ticket(struct call_step *s)
{
    struct act act = { .kind = ACT_TICKET, .event = s->event };
    if (!step_ask(s, &act, false, on_ticket)) step_free(s);
}

/* ---- what is asked of us, by action ---- */

static void serve_hold(struct channel_in *c, struct str form, struct call_step *s)
{
    s->pressed = str_is(channel_form(c, form, "Digits"), "1");
    ask_ticket(s);
}

static void on_talked(void *ctx, const struct result *res)
{
    struct call_step *s = ctx;
    if (res->status == 409 || res->status == 404) { /* it has changed hands or state since */
        ask_ticket(s);
        return;
    }
    reply_end(s, SAID_BYE);
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
        reply_empty(s);
        step_free(s);
    } else if (!step_target(c, s)) {
        step_free(s);
    } else if (s->talked) {
        act = act_of(s, ACT_START);
        if (step_ask(s, &act, false, on_talked)) return;
        reply_end(s, SAID_BYE);
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
    reply_empty(s);
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
    reply_empty(s);
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
    (void)str_u64(channel_form(c, c->in->query, "m"), 0, MISSED_MOST, &missed);
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
