/* The end of an event, and its death.

   A ticket whose end is durable goes through stages: ENDED → (its life into the history, by its home) HISTORY → (its events settled
   in the journal) SETTLE → gone with the last of its events. `busy` while an answer is awaited; a failure clears it, and
   settle_retry begins the stage again. A crash anywhere begins at ENDED again: history replaces, settling twice is settling once.
 */
#include "base/clock.h"
#include "base/log.h"
#include "base/metrics.h"
#include "router/router.h"

static struct router *router_of_ticket(const struct kept_ticket *t) { return t->all->owner; }

static void on_settled(void *ctx, enum err e, uint64_t number)
{
    struct kept_event *event = ctx;
    struct kept_ticket *t = event->ticket;
    struct events *ev = event->all;
    (void)number;
    if (t && !--t->settling) t->busy = false;
    if (e) events_unsettle(ev, event);
    else events_drop(ev, event);
}

void event_leave(struct router *r, struct kept_event *e)
{
    if (!e->verdict) dispatch_forget(&r->dispatch, e, router_now(r));
    event_list_leave(e);
}

static void settle_events(struct router *r, struct kept_ticket *t)
{
    struct kept_event *e;
    t->stage = STAGE_SETTLE;
    TAILQ_FOREACH (e, &t->events, sibling) {
        if (e->ended || !e->packed) continue;
        event_leave(r, e);
        if (journal_settle(r->journal, &e->id, &t->id, t->ended, on_settled, e)) continue; /* settle_retry */
        events_settle(&r->events, e);
        t->settling++;
    }
    t->busy = t->settling;
}

static void on_history(void *ctx, enum err e)
{
    struct kept_ticket *t = ctx;
    t->busy = false;
    if (e) t->stage = STAGE_ENDED;
    else settle_events(router_of_ticket(t), t);
}

static enum err put_history(struct router *r, struct kept_ticket *t)
{
    buf_clear(&r->text);
    ticket_pack(t, &r->text, true);
    if (r->text.err) return r->text.err;
    struct history_row row = { .ticket = t->id,
                               .ended = t->ended,
                               .workspace = str_of(router_workspace(r, t->workspace)),
                               .state = str_of(ticket_state_words.v[t->ticket_state]),
                               .queue = str_of(t->queue),
                               .body = buf_str(&r->text) };
    return history_put(r->history, &row, on_history, t);
}

void settle_ticket(struct router *r, struct kept_ticket *t)
{
    if (t->busy || t->stage == STAGE_LIVE || TAILQ_EMPTY(&t->events) || r->stopping) return;
    if (t->stage == STAGE_SETTLE || id_home(&t->id) != r->number) {
        settle_events(r, t);
        return;
    }
    t->stage = STAGE_HISTORY;
    t->busy = true;
    if (!put_history(r, t)) return;
    t->stage = STAGE_ENDED;
    t->busy = false;
}

void settle_retry(struct router *r)
{
    struct kept_ticket *t, *next;
    uint32_t budget = 4096;
    for (t = TAILQ_FIRST(&r->events.ended); t && budget--; t = next) {
        next = TAILQ_NEXT(t, link);
        settle_ticket(r, t);
    }
}

enum err event_die(struct router *r, struct kept_event *e, const char *cause, bool dead, journal_fn *fn, void *ctx)
{
    struct entry death = { .workspace = str_of(router_workspace(r, e->workspace)),
                           .event = e->id,
                           .home = r->number,
                           .at = clock_wall_ms(),
                           .state = dead ? TK_DEAD : TK_WAITING,
                           .cause = str_of(cause) };
    char text[ID_TEXT + 1];
    uint64_t number = 0;
    if (death.at <= e->dead_at) death.at = e->dead_at + 1;
    if (death.cause.n > 128) death.cause.n = 128;
    buf_clear(&r->packed);
    record_pack(&r->packed, &entry_record, &death);
    enum err err = journal_append(r->journal, ROW_DEAD, &e->id, buf_str(&r->packed), fn, ctx, &number);
    if (err && !dead) return err;
    if (dead) { /* a row that was not written is written after the next three attempts of the next life */
        log_warn("event=%s is given up after %u attempts cause=\"%s\": look at GET /v1/events?state=dead, then replay it",
                 id_text(&e->id, text), e->attempts, cause);
        metric_add(MET_EVENTS_DEAD, "", 1);
    }
    return events_death(&r->events, &death, err ? 0 : number);
}
