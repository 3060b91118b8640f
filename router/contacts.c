/* Who wrote in the last seven days is counted in memory. After a start, what is not settled counts again with the journal's rows;
   what is settled is read from the history, newest first, a part at a time and beside everything else, so that the door opens at
   once and customers are known a moment later. A closed ticket keeps its first and last messages only: one with more counts for
   those. What ended without a ticket is not in the history and counts no more. */
#include "base/clock.h"
#include "base/log.h"
#include "router/router.h"

#define PART 500u    /* tickets at a time */
#define MOST 500000u /* tickets read at a start; older ones are left out */
#define SPAN ((uint64_t)CUSTOMERS_STEP_MS * CUSTOMERS_STEPS)

static void on_part(void *ctx, enum err e, struct str answer);

static void go_on(struct router *r, uint64_t below)
{
    uint64_t since = r->rebuild.began > SPAN ? r->rebuild.began - SPAN : 0;
    enum err e = history_digest(r->history, since, below, PART, on_part, r);
    if (e) log_warn("contacts of customers are known in part: the history could not be asked: %s", err_text(e));
}

/* What came after the start is counted already, and so is what the journal has. */
static void count(struct router *r, struct str contacts)
{
    struct contact c;
    for (; contacts.n >= sizeof c; contacts.p += sizeof c, contacts.n -= sizeof c) {
        memcpy(&c, contacts.p, sizeof c);
        if (c.received < r->rebuild.began && !events_find(&r->events, &c.event))
            (void)customers_contact(&r->events.customers, c.customer, c.received); /* counted in `full` when there is no room */
    }
}

static void on_part(void *ctx, enum err e, struct str answer)
{
    struct router *r = ctx;
    uint64_t next = 0;
    if (r->stopping) return;
    if (e || answer.n < sizeof next) {
        log_warn("contacts of customers are known in part: the history could not be read: %s", err_text(e ? e : ERR_PROTO));
        return;
    }
    memcpy(&next, answer.p, sizeof next);
    count(r, (struct str){ answer.p + sizeof next, answer.n - sizeof next });
    r->rebuild.tickets += PART;
    if (next && r->rebuild.tickets < MOST) go_on(r, next);
    else log_info("customers=%zu have written in the last seven days, as far as is known", r->events.customers.count);
}

void contacts_rebuild(struct router *r)
{
    r->rebuild.began = clock_wall_ms();
    r->rebuild.tickets = 0;
    go_on(r, 0);
}
