/* Reading and replaying events. */
#include "base/clock.h"
#include "router/api.h"

#include <stdlib.h>

static void answer_settled(struct call *c, const struct id *id, const struct id *ticket, uint64_t at)
{
    struct buf *b = &c->router->text;
    char text[ID_TEXT + 1];
    buf_clear(b);
    struct jw w = jw_on(b);
    jw_open(&w, '{');
    jw_key(&w, "event"), jw_strz(&w, id_text(id, text));
    jw_key(&w, "state"), jw_strz(&w, "settled");
    if (!id_is_none(ticket)) jw_key(&w, "ticket"), jw_strz(&w, id_text(ticket, text));
    jw_time(&w, "settled", at);
    jw_close(&w, '}');
    http_json(c->req, 200, buf_str(b));
}

void get_event(struct call *c)
{
    struct id id, ticket;
    uint64_t at;
    if (!call_id(c, &id)) return;
    const struct kept_event *e = events_find(&c->router->events, &id);
    if (e && call_sees(c, e->workspace)) {
        buf_clear(&c->router->text);
        event_json(c->router, &c->router->text, e);
        http_json(c->req, 200, buf_str(&c->router->text));
    } else if (!e && !journal_known(c->router->journal, &id, &ticket, &at)) {
        answer_settled(c, &id, &ticket, at);
    } else {
        http_problem(c->req, 404, "event-not-found", "no such event was accepted here");
    }
}

/* The dead event behind `e` that the caller may see; NULL: the first one, or none. */
static const struct kept_event *next_dead(const struct call *c, const struct kept_event *e)
{
    const struct events *all = &c->router->events;
    if (!all->counts[EV_DEAD]) return NULL;
    e = e ? TAILQ_NEXT(e, order) : TAILQ_FIRST(&all->order);
    while (e && (e->state != EV_DEAD || !call_sees(c, e->workspace))) e = TAILQ_NEXT(e, order);
    return e;
}

/* A page of the dead events, in the order of their arrival. */
void list_events(struct call *c)
{
    struct router *r = c->router;
    const struct kept_event *e, *last = NULL;
    struct id after;
    char id[ID_TEXT + 1];
    uint64_t left;
    if (!str_is(http_param(c->req, "state"), "dead")) {
        http_problem(c->req, 422, "bad-field", "?state=dead is the only list of events");
        return;
    }
    if (!call_limit(c, 100, 100, &left) || !call_after(c, &after)) return;
    struct buf out;
    const struct kept_event *from = id_is_none(&after) ? NULL : events_find(&r->events, &after);
    if (!from && !id_is_none(&after)) {
        answer_page_gone(c->req);
        return;
    }
    buf_init(&out, 64u << 20);
    buf_addz(&out, "{\"events\":[");
    for (e = next_dead(c, from); e && left; e = next_dead(c, e), left--) {
        if (last) buf_addc(&out, ',');
        event_json(r, &out, last = e);
    }
    buf_addc(&out, ']');
    if (e) buf_addf(&out, ",\"next\":\"%s\"", id_text(&last->id, id));
    buf_addc(&out, '}');
    if (out.err) http_problem(c->req, 503, "overloaded", "out of memory");
    else http_json(c->req, 200, buf_str(&out));
    buf_fini(&out);
}

struct replay {
    struct router *router;
    struct http_req *req;
    struct id id;
};

static void on_replayed(void *ctx, enum err e, uint64_t number)
{
    struct replay *p = ctx;
    struct kept_event *event = events_find(&p->router->events, &p->id);
    char text[ID_TEXT + 1];
    (void)number;
    if (e || !event) {
        http_problem(p->req, 503, "journal-full", "the journal could not be written");
    } else {
        buf_clear(&p->router->text);
        buf_addf(&p->router->text, "{\"event\":\"%s\",\"state\":\"accepted\"}", id_text(&p->id, text));
        http_json(p->req, 202, buf_str(&p->router->text));
    }
    free(p);
}

void replay_event(struct call *c)
{
    struct id id;
    if (!call_id(c, &id)) return;
    struct kept_event *e = events_find(&c->router->events, &id);
    struct replay *p;
    if (!e || !call_sees(c, e->workspace)) {
        http_problem(c->req, 404, "event-not-found", "no such event is kept here");
    } else if (e->state != EV_DEAD) {
        http_problem(c->req, 409, "wrong-state", "the event is %s, not dead", event_state_words.v[e->state]);
    } else if (!(p = malloc(sizeof *p))) {
        http_problem(c->req, 503, "overloaded", "out of memory");
    } else {
        *p = (struct replay){ c->router, c->req, id };
        if (event_die(c->router, e, c->token->subject, false, on_replayed, p)) {
            http_problem(c->req, 503, "journal-full", "the journal takes no more now");
            free(p);
            return;
        }
        (void)dispatch_add(&c->router->dispatch, e, router_now(c->router));
    }
}
