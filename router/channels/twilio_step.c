/* Steps: one request of Twilio's under way, or one to Twilio (twilio_push.c). A step is in its door's list (door.own) until it is
   freed, and holds its door. It has an end of its own whatever comes: the leader's answer, its refusal, or the clock: a caller is
   answered within 3 s, and then waits on. What is answered is answered once: then `req` is NULL. */
#include "base/metrics.h"
#include "router/channels/twilio_calls.h"
#include "router/doors.h"
#include "router/problems.h"
#include "router/router.h"

#include <stdlib.h>

#define ANSWER_MS 2000u /* for the leader; Twilio itself waits 15 s, and hears silence meanwhile */

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

struct twiml step_twiml(const struct call_step *s)
{
    return (struct twiml){ str_of(s->base), &s->door->account->voice, s->language };
}

void step_reply(struct call_step *s, struct buf *b)
{
    struct http_req *req = s->req;
    s->req = NULL;
    if (req && b->err) http_problem(req, 503, "overloaded", "out of memory");
    else if (req) http_answer(req, 200, "text/xml", buf_str(b), "");
    buf_fini(b);
}

void step_reply_hold(struct call_step *s, const struct twiml_hold *h)
{
    struct twiml t = step_twiml(s);
    struct buf b;
    if (!s->req) return;
    buf_init(&b, 65536);
    twiml_hold(&b, &t, h);
    step_reply(s, &b);
}

void step_reply_end(struct call_step *s, enum twiml_said said)
{
    struct twiml t = step_twiml(s);
    struct buf b;
    if (!s->req) return;
    buf_init(&b, 65536);
    twiml_end(&b, &t, said);
    step_reply(s, &b);
}

void step_reply_empty(struct call_step *s)
{
    struct buf b;
    buf_init(&b, 4096);
    twiml_empty(&b);
    step_reply(s, &b);
}

void step_hold_on(struct call_step *s)
{
    step_reply_hold(s, &(struct twiml_hold){ .wait_ms = UINT64_MAX, .said_s = s->said_s, .missed = s->missed });
}

void step_free(struct call_step *s)
{
    struct step_list *list = s->door->own;
    step_hold_on(s);
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
        if (s->req && now - s->asked >= ANSWER_MS) step_hold_on(s);
}
