/* What is done to calls from here, at the home of their ticket, the moment a ticket is accepted or taken back:

     accepted, the caller on the line   Twilio is told to ask …/hold now, which connects them; the poll would find it 2 s later
     accepted, a callback               the customer is called; when they answer, the agent is (…/called)
     passed on, not connected           a caller who is with an agent goes back to waiting

   A request that fails costs a caller two seconds, no more: the poll is there. A callback that Twilio refuses is put off by the
   queue's rule, as one that nobody answered. One whose end is not known (no answer, 5xx) is not repeated: the customer's phone may
   be ringing; `connect` of the channel is what brings the ticket back then. */
#include "base/clock.h"
#include "base/log.h"
#include "base/metrics.h"
#include "router/channels/twilio_calls.h"
#include "router/http_out.h"
#include "router/router.h"

#include <stdio.h>

#define WITHIN_MS 5000u
#define RING_S    "40" /* how long the customer's phone rings */

/* Causes that take a caller out of a talk: a person wanted it. A desk that is lost is not a line that is lost. */
static bool takes_away(struct str cause)
{
    static const char *const causes[] = { "transferred", "requeued", "handed_over", "not_connected" };
    for (size_t i = 0; i < sizeof causes / sizeof *causes; i++)
        if (str_is(cause, causes[i])) return true;
    return false;
}

/* ---- requests ---- */

/* False: it could not be sent, and `fn` is not called. */
static bool post(struct call_step *s, const char *path, struct buf *form, out_fn *fn)
{
    struct out_ask ask = { .headers = STR("Content-Type: application/x-www-form-urlencoded\n"),
                           .body = buf_str(form),
                           .within_ms = WITHIN_MS,
                           .now = clock_wall_ms() };
    char why[200] = "";
    struct buf url;
    buf_init(&url, 4096);
    bool good = !form->err && !twilio_url(s->door, &url, path, why) && !url.err;
    ask.url = buf_cstr(&url);
    twilio_login(s->door, &ask.user, &ask.password);
    good = good && !http_out_post(s->router->bots.out, &ask, fn, s, NULL);
    if (!good) metric_add(MET_CALL_STEPS, "unsent", 1);
    buf_fini(&url);
    return good;
}

static void told(const struct call_step *s, const char *what, const struct out_answer *a)
{
    char ticket[ID_TEXT + 1];
    metric_add(MET_CALL_STEPS, a->end == OUT_OK ? what : "refused", 1);
    if (a->end != OUT_OK)
        log_warn("ticket=%s account=%s what=%s end=%s status=%u Twilio did not do it", id_text(&s->ticket, ticket),
                 s->door->account->name, what, out_end_words[a->end], a->status);
}

static void on_poked(void *ctx, const struct out_answer *a)
{
    told(ctx, "pushed", a);
    step_free(ctx);
}

/* The call asks what comes next, now. */
static void poke(struct call_step *s)
{
    char path[TWILIO_SID * 3 + 16] = "";
    struct buf form, at;
    bool sent = false;
    buf_init(&form, 16384);
    buf_init(&at, 4096);
    buf_addz(&at, "/Calls/");
    twilio_escape(&at, str_of(s->sid));
    buf_addz(&at, ".json");
    if (!at.err && at.n < sizeof path) memcpy(path, at.p, at.n);
    buf_clear(&at);
    if (s->sid[0] && twilio_door_url(s->door, &at)) {
        buf_addz(&at, "/hold?s=0&m=0");
        twilio_add(&form, "Url", buf_str(&at));
        twilio_add(&form, "Method", STR("POST"));
        sent = post(s, path, &form, on_poked);
    }
    buf_fini(&form);
    buf_fini(&at);
    if (!sent) step_free(s);
}

/* ---- callbacks ---- */

static void on_put_off(void *ctx, const struct result *res)
{
    (void)res;
    step_free(ctx);
}

static void put_off(struct call_step *s)
{
    struct act act = { .kind = ACT_CALLBACK,
                       .agent = str_of(s->agent),
                       .ticket = s->ticket,
                       .token_epoch = s->token_epoch,
                       .token_seq = s->token_seq,
                       .reason = STR("call_failed") };
    if (!step_ask(s, &act, true, on_put_off)) step_free(s);
}

static void on_called(void *ctx, const struct out_answer *a)
{
    told(ctx, "called", a);
    if (a->end == OUT_OK || a->status >= 500 || (a->sent && !a->status)) step_free(ctx);
    else put_off(ctx);
}

/* "?c=conversation", and for what is told of its end whose it is. */
static void add_back(struct call_step *s, struct buf *form, const char *name, const char *action, bool whose)
{
    char ticket[ID_TEXT + 1];
    struct buf at;
    buf_init(&at, 4096);
    (void)twilio_door_url(s->door, &at);
    buf_addf(&at, "/%s?c=", action);
    twilio_escape(&at, str_of(s->conversation));
    if (whose) {
        buf_addf(&at, "&k=%s&t=%llu.%llu&a=", id_text(&s->ticket, ticket), (unsigned long long)s->token_epoch,
                 (unsigned long long)s->token_seq);
        twilio_escape(&at, str_of(s->agent));
    }
    twilio_add(form, name, at.err ? STR_NONE : buf_str(&at));
    buf_fini(&at);
}

static void call_out(struct call_step *s)
{
    struct buf form;
    bool able = call_can_call(s->door, str_of(s->customer));
    char ticket[ID_TEXT + 1];
    buf_init(&form, 16384);
    if (able) {
        twilio_add(&form, "To", str_of(s->customer));
        twilio_add(&form, "From", str_of(s->door->account->from));
        add_back(s, &form, "Url", "called", false);
        twilio_add(&form, "Method", STR("POST"));
        add_back(s, &form, "StatusCallback", "status", true);
        twilio_add(&form, "StatusCallbackMethod", STR("POST"));
        twilio_add(&form, "Timeout", STR(RING_S));
    } else {
        log_warn(
            "ticket=%s account=%s the customer cannot be called back next=\"the account needs id and from, the policy public-url, "
            "the customer a number\"",
            id_text(&s->ticket, ticket), s->door->account->name);
    }
    bool sent = able && post(s, "/Calls.json", &form, on_called);
    buf_fini(&form);
    if (!sent) put_off(s);
}

/* ---- what has happened ---- */

static void on_accepted(void *ctx, const struct result *res)
{
    struct call_step *s = ctx;
    struct call_ticket t;
    if (res->status >= 300 || !step_ticket(s, res->body, &t) || t.state != TK_ASSIGNED) step_free(s); /* it went on already */
    else if (t.on_line) poke(s);
    else call_out(s);
}

/* The call that the customer is on, as far as it came in here: the last one. */
static void last_call(struct router *r, const struct kept_ticket *t, struct call_step *s)
{
    const struct kept_event *e;
    struct event ev;
    TAILQ_FOREACH_REVERSE(e, &t->events, event_list, sibling)
    {
        arena_clear(&r->events.scratch);
        if (!e->packed || record_unpack(&event_record, &ev, (struct str){ e->packed, e->packed_n }, &r->events.scratch)) continue;
        if (ev.kind == EVENT_CALL && step_copy(s->sid, sizeof s->sid, ev.external)) return;
    }
}

void twilio_call_changed(struct router *r, struct door *d, const struct kept_ticket *t, const struct entry *en)
{
    bool accepted = en->kind == ENTRY_ACCEPTED;
    struct act act = { .kind = ACT_TICKET, .ticket = t->id };
    if (strcmp(d->channel, "voice") != 0 || (!accepted && !takes_away(en->cause))) return;
    struct call_step *s = step_new(r, d);
    if (!s) return;
    s->ticket = t->id;
    last_call(r, t, s);
    if (!accepted) poke(s);
    else if (!step_ask(s, &act, true, on_accepted)) step_free(s);
}
