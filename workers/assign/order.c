#include "workers/assign/core.h"

WORDS_TABLE(rank_class, RANK_MAP)

/* Which of two waiting tickets goes first, whatever their queues: one number for each, at one instant, the least first.

     capped    it has waited as long as its queue's age-cap allows. Before everything that has not, the earliest cap first. A cap in
               percent is a share of the answer target counted back from the deadline, so the hours that the target sleeps
               through do not count.
     in time   by a time in wall milliseconds:
                 slack     now + the time left until the answer deadline / weight
                 fifo      enqueued + the queue's target for `normal`, so within a queue by age alone
                 priority  the same, less a day for each step of urgency above normal, and a day more below it
                 weights   now + target - weight * waited: with weight 1 the same as slack, and nothing is ever late
     late      only under slack: the deadline has passed. Among those in time, as if target * (1 + target / waited) were left.
   Equal: by arrival.

   WHAT IS LATE is lost: serving it first would make others late too, and under pressure all of them (which is what by deadline
   alone does). So it stands behind whatever of its own kind is in time, for that has at most one target left. But what has much
   more time than that (a mail due in hours, behind a call that is 10 s late) loses nothing by letting it pass, and who is late
   waits less. The longer it waits the nearer it comes, from two targets (just late) towards one.

   WEIGHT says how much dearer a breach here is: with 5, a minute left is as pressing as 12 s elsewhere. Where not all can be in
   time, those are late whose being late costs less.

   WHAT THE CAP BOUNDS. A capped ticket goes before everything that is not capped, and before every ticket whose own cap comes
   later. All that can still be taken before it are tickets whose cap had passed before its own: they all came before it or have a
   shorter cap, so there are no more of them after that instant, and newcomers, however urgent, never join them. Its wait is
   therefore at most the cap and one freed place for each of those that the same agents serve. Without a cap (fifo, priority,
   unless age-cap is given) the order bounds no wait by itself but fifo's: there nobody passes who came later to the same queue.

   Classes depend on the clock, so a ticket's deadlines include the next change of its class (order_changes), and it moves to
   another lane then. Within one lane (same queue, urgency and class) all keys are in the order of age at every instant, so only
   the heads of lanes are ever compared. */

#define AFTER_CAPPED (1ll << 60) /* times of all kinds are far below it */
#define DAY_MS       86400000ll

static uint64_t target_of(const struct waits *w)
{
    uint32_t ms = w->queue->answer.within_ms[w->urgency];

    return ms ? ms : 1;
}

static uint64_t waited(const struct waits *w, uint64_t now) { return now > w->enqueued ? now - w->enqueued : 0; }

uint64_t order_cap(const struct waits *w)
{
    const struct span_of *cap = &w->queue->age_cap;
    int64_t at;

    if (cap->ms) return w->enqueued + cap->ms;
    if (!cap->pct) return UINT64_MAX;
    at = (int64_t)w->due_at + (int64_t)target_of(w) * ((int64_t)cap->pct - 100) / 100;
    return at > (int64_t)w->enqueued ? (uint64_t)at : w->enqueued;
}

static uint64_t late_at(const struct waits *w) { return w->queue->order == ORDER_SLACK ? w->due_at : UINT64_MAX; }

enum rank_class order_class(const struct waits *w, uint64_t now)
{
    if (now >= order_cap(w)) return RANK_CAPPED;
    return now >= late_at(w) ? RANK_LATE : RANK_IN_TIME;
}

uint64_t order_changes(const struct waits *w, uint64_t now)
{
    uint64_t cap = order_cap(w), late = late_at(w), next = UINT64_MAX;

    if (now >= cap) return UINT64_MAX; /* capped for good */
    if (cap > now) next = cap;
    if (late > now && late < next) next = late;
    return next;
}

double order_delay(const struct waits *w, uint64_t now) { return w->queue->weight * (double)waited(w, now) / (double)target_of(w); }

/* ---- the time of those who are in time, by order ---- */

static int64_t left_until(const struct waits *w, uint64_t now, double left_ms)
{
    return (int64_t)now + (int64_t)(left_ms / w->queue->weight);
}

static int64_t by_deadline(const struct waits *w, uint64_t now) { return left_until(w, now, (double)w->due_at - (double)now); }

static int64_t by_age(const struct waits *w, uint64_t now)
{
    (void)now;
    return (int64_t)(w->enqueued + w->queue->answer.within_ms[URG_NORMAL]);
}

static int64_t by_urgency(const struct waits *w, uint64_t now)
{
    return by_age(w, now) + (URG_NORMAL - (int64_t)w->urgency) * DAY_MS;
}

static int64_t by_weight(const struct waits *w, uint64_t now)
{
    return (int64_t)(now + target_of(w)) - (int64_t)(w->queue->weight * (double)waited(w, now));
}

static int64_t (*const in_time[])(const struct waits *w, uint64_t now) = {
    [ORDER_SLACK] = by_deadline, [ORDER_FIFO] = by_age, [ORDER_PRIORITY] = by_urgency, [ORDER_WEIGHTS] = by_weight
};

/* Waited no less than its target, unless its deadline was moved: then as if just late. */
static int64_t by_lateness(const struct waits *w, uint64_t now)
{
    double target = (double)target_of(w), wait = (double)waited(w, now);

    return left_until(w, now, target * (1 + (wait > target ? target / wait : 1)));
}

int64_t order_key(const struct waits *w, uint64_t now)
{
    enum rank_class c = order_class(w, now);

    if (c == RANK_CAPPED) return (int64_t)order_cap(w);
    return AFTER_CAPPED + (c == RANK_LATE ? by_lateness(w, now) : in_time[w->queue->order](w, now));
}

int64_t order_lane_key(const struct waits *w) { return (int64_t)(w->queue->order == ORDER_SLACK ? w->due_at : w->enqueued); }
