/* What comes next for a caller: the leader is asked what their ticket is now, and its state says whether they wait on, are
   connected, are promised a callback, or hear goodbye. The step ends with the answer. */
#include "base/clock.h"
#include "base/log.h"
#include "base/metrics.h"
#include "router/channels/twilio_calls.h"
#include "router/doors.h"
#include "router/router.h"

#include <stdio.h>

#define CALLBACK_MS 60000u /* who asks for a callback is not called sooner */

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
    struct twiml t = step_twiml(s);
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
        step_reply(s, &b);
    } else {
        metric_add(MET_CALL_STEPS, "no_phone", 1);
        if (door_may_tell(s->door, DOOR_OUT, clock_wall_ms(), &untold))
            log_warn("ticket=%s agent=%s account=%s the agent has no phone next=\"give the account voice.connect, or the agent a "
                     "phone\"",
                     ticket, s->agent, s->door->account->name);
        step_hold_on(s);
    }
    buf_fini(&b);
    buf_fini(&phone);
}

static void on_callback(void *ctx, const struct result *res)
{
    struct call_step *s = ctx;
    if (res->status < 300) {
        metric_add(MET_CALL_STEPS, "callback", 1);
        step_reply_end(s, SAID_BACK);
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
    step_reply_hold(
        s, &(struct twiml_hold){
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
    step_reply_end(s, SAID_BACK);
    return false;
}

static bool next_bye(struct call_step *s, const struct call_ticket *t)
{
    (void)t;
    step_reply_end(s, SAID_BYE);
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
    if (++s->missed >= CALL_MISSED_MOST) step_reply_end(s, SAID_SORRY);
    else step_hold_on(s);
}

static void on_ticket(void *ctx, const struct result *res)
{
    struct call_step *s = ctx;
    struct call_ticket t;
    bool goes_on = false;
    if (!s->req) {                   /* it came too late: the caller asks again */
    } else if (res->status == 409) { /* it has ended */
        step_reply_end(s, s->talked ? SAID_BYE : SAID_SORRY);
    } else if (res->status == 404) {
        not_found(s);
    } else if (res->status < 300 && step_ticket(s, res->body, &t)) {
        s->missed = 0;
        if (t.state < sizeof nexts / sizeof *nexts && nexts[t.state]) goes_on = nexts[t.state](s, &t);
    }
    if (!goes_on) step_free(s);
}

void call_next(struct call_step *s)
{
    struct act act = { .kind = ACT_TICKET, .event = s->event };
    if (!step_ask(s, &act, false, on_ticket)) step_free(s);
}
