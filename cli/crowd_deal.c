/* Tickets and deals.

   Tickets are found by id and remembered after they are resolved, so that each is counted once; beyond REMEMBER_MAX a resolved one
   is forgotten with its last deal. A deal's memory is used again and keeps its slot for good: acts name the slot, so an answer
   finds its deal without a search, and an answer to an earlier user of the slot is known by the act's number.

   `held` is what the server's own words say: a 200 to accept, or `assigned`, until returned, ended, resolved or refused. While an
   agent is away from the server it knows nothing, so its deals are not held until `assigned` says so again. A ticket that is held
   by two agents of this crowd at once is `double`: what this client exists to find. */
#include "base/log.h"
#include "cli/crowd.h"

#include <stdlib.h>

#define REMEMBER_MAX (UINT32_C(1) << 20)

static struct str ticket_key(const struct ticket *t) { return (struct str){ (const char *)t->id.b, sizeof t->id.b }; }

struct ticket *ticket_get(struct crowd *c, const struct id *id)
{
    return map_get(&c->tickets, (struct str){ (const char *)id->b, sizeof id->b });
}

struct ticket *ticket_make(struct crowd *c, const struct id *id)
{
    struct ticket *t = ticket_get(c, id);

    if (t || !(t = malloc(sizeof *t))) return t;
    *t = (struct ticket){ .id = *id };
    TAILQ_INIT(&t->deals);
    if (!map_put(&c->tickets, ticket_key(t), t)) return t;
    free(t);
    return NULL;
}

struct deal *deal_of(const struct agent *a, const struct ticket *t)
{
    struct deal *d = NULL;

    if (t)
        TAILQ_FOREACH (d, &t->deals, of_ticket)
            if (d->agent == a) break;
    return d;
}

/* A deal's memory keeps its slot for good. */
static struct deal *slot_new(struct crowd *c)
{
    struct deal *d = TAILQ_FIRST(&c->spare);

    if (d) {
        TAILQ_REMOVE(&c->spare, d, of_agent);
        return d;
    }
    if (c->slots_used == c->slots_room) {
        uint32_t room = c->slots_room ? c->slots_room * 2 : 1024;
        struct deal **more = room <= DEALS_MAX ? realloc(c->slots, room * sizeof(struct deal *)) : NULL;
        if (!more) return NULL;
        c->slots = more;
        c->slots_room = room;
    }
    if (!(d = calloc(1, sizeof *d))) return NULL;
    d->slot = c->slots_used;
    c->slots[c->slots_used++] = d;
    return d;
}

struct deal *deal_new(struct agent *a, struct ticket *t)
{
    struct deal *d = slot_new(a->crowd);

    if (!d) return NULL;
    *d = (struct deal){ .slot = d->slot, .agent = a, .ticket = t };
    TAILQ_INSERT_TAIL(&a->deals, d, of_agent);
    TAILQ_INSERT_TAIL(&t->deals, d, of_ticket);
    a->crowd->live++;
    return d;
}

void deal_free(struct deal *d)
{
    struct crowd *c = d->agent->crowd;
    struct ticket *t = d->ticket;

    if (heap_has(&d->due)) heap_remove(&c->due, &d->due);
    TAILQ_REMOVE(&d->agent->deals, d, of_agent);
    TAILQ_REMOVE(&t->deals, d, of_ticket);
    d->state = DEAL_FREE;
    TAILQ_INSERT_HEAD(&c->spare, d, of_agent);
    c->live--;
    c->busy_us = c->now_us;
    if (t->resolved && TAILQ_EMPTY(&t->deals) && c->tickets.count > REMEMBER_MAX) {
        map_del(&c->tickets, ticket_key(t));
        free(t);
    }
}

void deal_due(struct deal *d, uint64_t after_ms)
{
    struct crowd *c = d->agent->crowd;
    int64_t key = (int64_t)(c->now_us / 1000 + after_ms);

    if (heap_has(&d->due)) heap_rekey(&c->due, &d->due, key);
    else {
        d->due.key = key;
        d->due.tie = d->act;
        (void)heap_push(&c->due, &d->due); /* without memory the next reconnect says it again */
    }
}

void deal_hold(struct deal *d)
{
    struct crowd *c = d->agent->crowd;
    struct deal *o;

    d->held = true;
    d->withdrawn = false;
    TAILQ_FOREACH (o, &d->ticket->deals, of_ticket) {
        char text[ID_TEXT + 1];
        if (o == d || !o->held) continue;
        c->doubles++;
        o->suspected_us = c->now_us;
        tell_progress_end();
        log_error("ticket=%s agent=%s other=%s is held twice", id_text(&d->ticket->id, text), d->agent->name, o->agent->name);
    }
}
