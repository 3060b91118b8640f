/* Where an accepted event can be:
     waiting     behind another of its conversation (conv_next chain of the head); in no list
     head        `heads` names it, and it is in `ready`, in `suspects`, or in one worker's `under_way`
   dispatch_done and a death take it out of all of these and make the next of its conversation the head.
   The heads map borrows its keys from the events themselves (e->conversation). */
#include "router/dispatch.h"

#include "base/log.h"

static struct str conv_key(const struct kept_event *e)
{
    return (struct str){ (const char *)&e->conversation, sizeof e->conversation };
}

void dispatch_init(struct dispatch *d, const struct dispatch_cfg *cfg, size_t cap)
{
    memset(d, 0, sizeof *d);
    d->cfg = *cfg;
    map_init(&d->heads, cap + 1);
    TAILQ_INIT(&d->ready);
    TAILQ_INIT(&d->suspects);
}

static void empty(struct event_list *l)
{
    struct kept_event *e;
    while ((e = TAILQ_FIRST(l))) event_list_leave(e);
}

void dispatch_fini(struct dispatch *d)
{
    empty(&d->ready);
    empty(&d->suspects);
    for (uint32_t i = 0; i < d->worker_count; i++) empty(&d->workers[i].under_way);
    map_fini(&d->heads);
}

static void make_ready(struct dispatch *d, struct kept_event *e, bool again, uint64_t now)
{
    struct event_list *l = e->attempts + 1u >= DISPATCH_ATTEMPTS ? &d->suspects : &d->ready;
    if (again) event_list_push_front(l, e, now);
    else event_list_push(l, e, now);
}

enum err dispatch_add(struct dispatch *d, struct kept_event *e, uint64_t now)
{
    struct kept_event *head = map_get(&d->heads, conv_key(e));
    e->conv_next = NULL;
    e->conv_tail = e;
    if (head) {
        head->conv_tail->conv_next = e;
        head->conv_tail = e;
        return ERR_OK;
    }
    enum err err = map_put(&d->heads, conv_key(e), e);
    if (!err) make_ready(d, e, false, now);
    return err;
}

/* Out of the list that it is in. */
static void leave(struct dispatch *d, struct kept_event *e)
{
    struct worker *w = e->worker;
    if (w && e->in == &w->under_way) w->count--;
    if (d->suspect == e) d->suspect = NULL;
    event_list_leave(e);
}

bool dispatch_done(struct dispatch *d, struct kept_event *e, uint64_t now)
{
    if (map_get(&d->heads, conv_key(e)) != e) return false;
    leave(d, e);
    map_del(&d->heads, conv_key(e));
    struct kept_event *next = e->conv_next;
    if (next) {
        next->conv_tail = e->conv_tail == e ? next : e->conv_tail;
        if (map_put(&d->heads, conv_key(next), next))
            log_error("conversation lost its turn for want of memory"); /* room was made just now */
        else make_ready(d, next, false, now);
    }
    e->conv_next = e->conv_tail = NULL;
    e->worker = NULL;
    return true;
}

void dispatch_forget(struct dispatch *d, struct kept_event *e, uint64_t now)
{
    struct kept_event *head = map_get(&d->heads, conv_key(e)), *before = head;
    if (!head || dispatch_done(d, e, now)) return;
    while (before && before->conv_next != e) before = before->conv_next;
    if (!before) return;
    before->conv_next = e->conv_next;
    if (head->conv_tail == e) head->conv_tail = before;
    e->conv_next = e->conv_tail = NULL;
}

/* An attempt has failed: once more, or never again. */
static void attempt_failed(struct dispatch *d, struct kept_event *e, uint64_t now, const char *cause)
{
    leave(d, e);
    if (++e->attempts >= DISPATCH_ATTEMPTS) {
        dispatch_done(d, e, now);
        d->cfg.on_dead(d->cfg.ctx, e, cause);
        return;
    }
    d->cfg.on_retry(d->cfg.ctx, e, cause);
    make_ready(d, e, true, now);
}

void dispatch_failed(struct dispatch *d, struct kept_event *e, uint64_t now, const char *cause)
{
    if (map_get(&d->heads, conv_key(e)) == e) attempt_failed(d, e, now, cause);
}

/* ---- workers ---- */

static struct worker *worker_of(struct dispatch *d, const void *peer)
{
    for (uint32_t i = 0; i < d->worker_count; i++) {
        if (d->workers[i].peer == peer) return &d->workers[i];
    }
    return NULL;
}

enum err dispatch_up(struct dispatch *d, void *peer)
{
    struct worker *w = worker_of(d, peer);
    if (!w) {
        if (d->worker_count == LIM_PEERS) return ERR_FULL;
        w = &d->workers[d->worker_count++];
        *w = (struct worker){ .peer = peer };
        TAILQ_INIT(&w->under_way);
    }
    w->up = true;
    return ERR_OK;
}

void dispatch_down(struct dispatch *d, void *peer, uint64_t now)
{
    struct worker *w = worker_of(d, peer);
    struct kept_event *e;
    if (!w) return;
    w->up = false;
    /* from the youngest, each to the front: the oldest is first again */
    while ((e = TAILQ_LAST(&w->under_way, event_list))) attempt_failed(d, e, now, "worker died");
}

bool dispatch_has_worker(const struct dispatch *d)
{
    for (uint32_t i = 0; i < d->worker_count; i++) {
        if (d->workers[i].up) return true;
    }
    return false;
}

/* The one with the most credit; the one that had the event last only when there is no other. */
static struct worker *choose(struct dispatch *d, const struct kept_event *e)
{
    struct worker *best = NULL, *same = NULL;
    for (uint32_t i = 0; i < d->worker_count; i++) {
        struct worker *w = &d->workers[i];
        if (!w->up) continue;
        if (w == e->worker) same = w;
        else if (w->credit && (!best || w->credit > best->credit)) best = w;
    }
    return best ? best : same && same->credit ? same : NULL;
}

static bool send_to(struct dispatch *d, struct worker *w, struct kept_event *e, uint64_t now)
{
    if (d->cfg.send(d->cfg.ctx, w->peer, e)) {
        w->credit = 0; /* whatever the reason: not to this one in this turn */
        return false;
    }
    event_list_leave(e);
    event_list_push(&w->under_way, e, now);
    e->worker = w;
    w->count++;
    w->credit--;
    return true;
}

static uint32_t pump_list(struct dispatch *d, struct event_list *l, uint32_t max, uint64_t now)
{
    struct kept_event *e;
    uint32_t sent = 0;
    while (sent < max && (e = TAILQ_FIRST(l))) {
        struct worker *w = choose(d, e);
        if (!w) break;
        if (!send_to(d, w, e, now)) continue;
        if (l == &d->suspects) d->suspect = e;
        sent++;
    }
    return sent;
}

uint32_t dispatch_pump(struct dispatch *d, uint64_t now)
{
    if (TAILQ_EMPTY(&d->ready) && TAILQ_EMPTY(&d->suspects)) return 0;
    for (uint32_t i = 0; i < d->worker_count; i++) {
        struct worker *w = &d->workers[i];
        w->credit = w->up ? d->cfg.credit(d->cfg.ctx, w->peer) : 0;
    }
    uint32_t sent = d->suspect ? 0 : pump_list(d, &d->suspects, 1, now);
    return sent + pump_list(d, &d->ready, UINT32_MAX, now);
}

void dispatch_tick(struct dispatch *d, uint64_t now)
{
    for (uint32_t i = 0; i < d->worker_count; i++) {
        struct worker *w = &d->workers[i];
        struct kept_event *e;
        while ((e = TAILQ_FIRST(&w->under_way)) && now - e->since >= DISPATCH_SLOW_MS) {
            leave(d, e);
            d->cfg.on_retry(d->cfg.ctx, e, "slow worker");
            make_ready(d, e, false, now);
        }
    }
}
