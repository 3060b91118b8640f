/* What is always true:

   - A hook is in `hooks` from hookbox_add until it leaves `done`. Before its row is durable it is in no list; then it is in `order`
     until nobody is left for whom it is pending or dead and that is written; then in `done`.
   - A told that is pending (WAITS, UNDER_WAY) is in the lane of its listener and subject; `backlog` counts them. Only the head of a
     lane is under way.
   - A lane has a told, and is in exactly one of its listener's places: `ready`, `waiting`, or `out` while its head is under way.
   - A told that is dead has a letter in its listener's list.
   - `body` is there while somebody is `hot`: told so that what is delivered at once is not read from the disk again. A listener
     that does not take it in time costs no more than HOOKS_HOT bodies.

   Lanes are in hook_lane.c, the fold over rows in hook_rows.c. */
#include "base/limits.h"
#include "base/map.h"
#include "base/panic.h"
#include "router/hook_part.h"

#include <stdlib.h>

#define PAUSE_MOST   3600000u  /* of a whole listener, by its Retry-After … */
#define RETRY_MOST   86400000u /* … and of one change */
#define STALE_A_TICK 10000u

/* ---- hooks ---- */

struct hook *told_hook(struct told *t) { return container_of(t - t->at, struct hook, told[0]); }

bool told_is_pending(const struct told *t) { return t->state == TOLD_WAITS || t->state == TOLD_UNDER_WAY; }

void hook_free(struct hookbox *b, struct hook *h)
{
    if (h->body) b->bytes -= h->body_n;
    (void)idmap_del(&b->hooks, &h->id);
    free(h->body);
    free(h);
}

void hook_set_body(struct hookbox *b, struct hook *h, struct str body)
{
    if (h->body) b->bytes -= h->body_n;
    free(h->body);
    h->body_n = 0;
    if (!(h->body = body.n ? malloc(body.n) : NULL)) return;
    memcpy(h->body, body.p, body.n);
    h->body_n = (uint32_t)body.n;
    b->bytes += body.n;
}

static void cool(struct told *t)
{
    struct hook *h = told_hook(t);
    if (!t->hot) return;
    t->hot = false;
    if (--h->hot == 0) hook_set_body(t->to->box, h, STR_NONE);
}

static void mark_changed(struct hookbox *b, struct hook *h)
{
    if (h->changed) return;
    h->changed = true;
    TAILQ_INSERT_TAIL(&b->changed, h, changed_link);
}

static bool wants(struct hook *h, const struct listener *l)
{
    for (uint8_t i = 0; i < h->count; i++)
        if (h->told[i].to == l && told_is_pending(&h->told[i])) return true;
    return false;
}

static void pass_oldest(struct listener *l)
{
    while (l->oldest && !wants(l->oldest, l)) l->oldest = TAILQ_NEXT(l->oldest, link);
}

/* It begins to wait: into its lane. */
void told_enter(struct told *t)
{
    struct listener *l = t->to;
    struct hook *h = told_hook(t);
    struct hook_lane *n = lane_for(l, h->subject);
    if (!n) { /* no memory */
        t->state = TOLD_DONE;
        l->dropped++;
        mark_changed(l->box, h);
        return;
    }
    t->state = TOLD_WAITS;
    l->backlog++;
    if (!l->oldest) l->oldest = h;
    lane_insert(n, t);
}

/* It is pending no more. Its lane is the caller's. */
static void leave(struct told *t, enum told_state state)
{
    struct listener *l = t->to;
    t->state = (uint8_t)state;
    l->backlog--;
    cool(t);
    pass_oldest(l);
    mark_changed(l->box, told_hook(t));
}

void hook_retire(struct hookbox *b, struct hook *h)
{
    TAILQ_REMOVE(&b->order, h, link);
    hook_set_body(b, h, STR_NONE);
    h->over = true;
    TAILQ_INSERT_TAIL(&b->done, h, link);
    if (++b->done_count <= HOOKS_DONE) return;
    struct hook *first = TAILQ_FIRST(&b->done);
    TAILQ_REMOVE(&b->done, first, link);
    b->done_count--;
    hook_free(b, first);
}

bool hook_is_over(const struct hook *h)
{
    for (uint8_t i = 0; i < h->count; i++)
        if (h->told[i].state != TOLD_DONE) return false;
    return true;
}

/* ---- dead letters ---- */

void letter_insert(struct listener *l, struct dead_letter *d)
{
    struct dead_letter *after = TAILQ_LAST(&l->letters, dead_list);
    while (after && after->at > d->at) after = TAILQ_PREV(after, dead_list, link);
    if (after) TAILQ_INSERT_AFTER(&l->letters, after, d, link);
    else TAILQ_INSERT_HEAD(&l->letters, d, link);
    l->dead++;
}

static void letter_free(struct listener *l, struct dead_letter *d)
{
    TAILQ_REMOVE(&l->letters, d, link);
    l->dead--;
    free(d);
}

static void letter_drop(struct listener *l, struct dead_letter *d)
{
    d->told->state = TOLD_DONE;
    mark_changed(l->box, told_hook(d->told));
    letter_free(l, d);
}

/* The head of a lane, which is in no place, is given up; the next one has its turn. */
static void die(struct hook_lane *n, uint64_t now)
{
    struct told *t = n->head;
    struct listener *l = n->to;
    struct dead_letter *d = malloc(sizeof *d);
    if (d)
        *d = (struct dead_letter){
            .told = t, .at = now, .attempts = n->failed, .end = l->last_bad.end, .status = l->last_bad.status
        };
    leave(t, d ? TOLD_DEAD : TOLD_DONE);
    lane_pop(n);
    t->letter = d;
    if (d) letter_insert(l, d);
    else l->dropped++;
}

/* ---- the box ---- */

void hookbox_init(struct hookbox *b, uint32_t most, uint32_t most_each, uint64_t seed)
{
    memset(b, 0, sizeof *b);
    idmap_init(&b->hooks, (size_t)most + HOOKS_DONE + 1);
    idmap_init(&b->lanes, (size_t)most * 4);
    TAILQ_INIT(&b->order);
    TAILQ_INIT(&b->changed);
    TAILQ_INIT(&b->done);
    b->most = most;
    b->most_each = most_each;
    rng_seed(&b->rng, seed);
    b->seed[0] = rng_u64(&b->rng);
    b->seed[1] = rng_u64(&b->rng);
}

static void listener_free(struct listener *l)
{
    struct dead_letter *d;
    while ((d = TAILQ_FIRST(&l->letters))) letter_free(l, d);
    heap_fini(&l->waiting);
    free(l);
}

void hookbox_fini(struct hookbox *b)
{
    struct hook *h;
    struct hook_lane *n;
    for (size_t i = 0; (n = idmap_next(&b->lanes, &i));) free(n);
    for (size_t i = 0; (h = idmap_next(&b->hooks, &i));) {
        free(h->body);
        free(h);
    }
    for (uint32_t i = 0; i < b->count; i++) listener_free(b->v[i]);
    free(b->v);
    idmap_fini(&b->lanes);
    idmap_fini(&b->hooks);
}

struct listener *hookbox_listener(struct hookbox *b, struct str workspace, struct str name)
{
    for (uint32_t i = 0; i < b->count; i++)
        if (str_is(name, b->v[i]->name) && str_is(workspace, b->v[i]->workspace)) return b->v[i];
    if (b->count == LIM_LISTENERS || workspace.n > 64 || name.n > 64) return NULL;
    if (!b->v && !(b->v = calloc(LIM_LISTENERS, sizeof(void *)))) return NULL;
    struct listener *l = calloc(1, sizeof *l);
    if (!l) return NULL;
    l->box = b;
    l->number = b->count;
    memcpy(l->workspace, workspace.p, workspace.n);
    memcpy(l->name, name.p, name.n);
    TAILQ_INIT(&l->ready);
    TAILQ_INIT(&l->out);
    TAILQ_INIT(&l->letters);
    heap_init(&l->waiting, b->most);
    return b->v[b->count++] = l;
}

static void lane_over(struct hook_lane *n)
{
    bool out = n->place == LANE_OUT;
    struct told *t = out ? n->head->next : n->head, *next;
    for (; t; t = next) {
        next = t->next;
        leave(t, TOLD_DONE);
        n->to->dropped++;
    }
    if (out) {
        n->head->next = NULL;
        n->tail = n->head;
        return;
    }
    lane_leave(n);
    lane_free(n);
}

void hookbox_forget(struct listener *l)
{
    struct hook_lane *n;
    struct dead_letter *d;
    l->named = false;
    while ((n = TAILQ_FIRST(&l->ready))) lane_over(n);
    while (l->waiting.count) lane_over(container_of(heap_peek(&l->waiting), struct hook_lane, due));
    TAILQ_FOREACH (n, &l->out, link) lane_over(n);
    while ((d = TAILQ_FIRST(&l->letters))) letter_drop(l, d);
}

/* ---- coming in ---- */

struct hook *hook_new(struct hookbox *b, const struct id *id, uint32_t count)
{
    struct hook *h = calloc(1, sizeof *h + count * sizeof h->told[0]);
    if (!h) return NULL;
    h->id = *id;
    for (uint32_t i = 0; i < count; i++) h->told[i].at = (uint8_t)i;
    if (idmap_put(&b->hooks, h)) return free(h), NULL;
    return h;
}

static uint32_t with_room(struct hookbox *b, const struct hook_new *n, struct listener *to[])
{
    bool full = b->hooks.count >= (size_t)b->most + b->done_count;
    uint32_t count = 0;
    for (uint32_t i = 0; i < n->count; i++) {
        if (full || n->to[i]->backlog >= b->most_each) n->to[i]->dropped++;
        else to[count++] = n->to[i];
    }
    return count;
}

enum err hookbox_add(struct hookbox *b, const struct hook_new *n, struct hook **out)
{
    struct listener *to[LIM_WEBHOOKS];
    naru_assert(n->count <= LIM_WEBHOOKS);
    if ((*out = idmap_get(&b->hooks, &n->id))) return ERR_EXISTS;
    uint32_t count = with_room(b, n, to);
    if (!count) return ERR_FULL;
    struct hook *h = hook_new(b, &n->id, count);
    if (!h) return ERR_NOMEM;
    h->epoch = n->epoch;
    h->seq = n->seq;
    h->since = n->at;
    h->subject = hash_bytes(n->subject.p, n->subject.n, b->seed);
    h->count = (uint8_t)count;
    for (uint32_t i = 0; i < count; i++) h->told[i].to = to[i];
    *out = h;
    return ERR_OK;
}

static bool flows(const struct listener *l)
{
    return l->named && !l->gone && l->breaker.state == BREAKER_CLOSED && l->backlog < HOOKS_HOT;
}

void hookbox_body(struct hookbox *b, struct hook *h, struct str body) { hook_set_body(b, h, body); }

void hookbox_landed(struct hookbox *b, struct hook *h, uint64_t row)
{
    h->landed = true;
    h->row = row;
    TAILQ_INSERT_TAIL(&b->order, h, link);
    for (uint8_t i = 0; i < h->count; i++) {
        h->told[i].hot = h->body && flows(h->told[i].to);
        h->hot += h->told[i].hot;
    }
    if (!h->hot) hook_set_body(b, h, STR_NONE);
    for (uint8_t i = 0; i < h->count; i++) told_enter(&h->told[i]);
}

void hookbox_failed(struct hookbox *b, struct hook *h)
{
    naru_assert(!h->landed);
    hook_free(b, h);
}

/* ---- leaving ---- */

struct told *hookbox_next(struct listener *l, uint64_t now)
{
    struct hook_lane *n;
    if (!l->named || l->gone || l->under_way >= l->at_once || now < l->paused_until) return NULL;
    if (!breaker_lets(&l->breaker, l->under_way, now)) return NULL;
    lanes_hurry(l, now, false);
    n = TAILQ_FIRST(&l->ready);
    if (!n && l->breaker.state == BREAKER_OPEN && l->waiting.count)
        n = container_of(heap_peek(&l->waiting), struct hook_lane, due); /* a probe need not be due */
    if (!n) return NULL;
    lane_leave(n);
    lane_to(n, LANE_OUT);
    n->head->state = TOLD_UNDER_WAY;
    l->under_way++;
    return n->head;
}

static void failed(struct hook_lane *n, const struct hook_result *r, uint64_t now)
{
    struct listener *l = n->to;
    struct hook *h = told_hook(n->head);
    uint64_t end = h->since + l->give_up_ms, wait = hook_delay(++n->failed, &l->box->rng);
    if (r->retry_after_ms > wait) wait = r->retry_after_ms < RETRY_MOST ? r->retry_after_ms : RETRY_MOST;
    if (now >= end) {
        die(n, now);
        return;
    }
    n->head->state = TOLD_WAITS;
    cool(n->head);
    n->due.key = (int64_t)(now + wait < end ? now + wait : end); /* a last time when the time is over */
    n->place = LANE_WAITING;
    if (heap_push(&l->waiting, &n->due)) lane_to(n, LANE_READY);
}

static void bad(struct listener *l, const struct hook_result *r, uint64_t now)
{
    l->failed++;
    l->last_bad.at = now;
    l->last_bad.end = r->end;
    l->last_bad.status = r->status;
    l->gone |= r->gone;
    (void)breaker_bad(&l->breaker, now, &l->box->rng);
    if (r->status == 429 || r->status == 503)
        l->paused_until = now + (r->retry_after_ms < PAUSE_MOST ? r->retry_after_ms : PAUSE_MOST);
}

void hookbox_end(struct told *t, const struct hook_result *r, uint64_t now)
{
    struct hook_lane *n = lane_of(t);
    struct listener *l = t->to;
    l->under_way--;
    lane_leave(n);
    if (!r->good) bad(l, r, now);
    if (!r->good && l->named) {
        failed(n, r, now);
        return;
    }
    if (r->good) {
        l->delivered++;
        l->last_good = now;
        if (breaker_good(&l->breaker)) lanes_hurry(l, now, true);
    } else {
        l->dropped++;
    }
    leave(t, TOLD_DONE);
    lane_pop(n);
}

void hookbox_back(struct told *t)
{
    struct hook_lane *n = lane_of(t);
    t->to->under_way--;
    lane_leave(n);
    if (!t->to->named) {
        t->to->dropped++;
        leave(t, TOLD_DONE);
        lane_pop(n);
        return;
    }
    t->state = TOLD_WAITS;
    n->place = LANE_READY;
    TAILQ_INSERT_HEAD(&t->to->ready, n, link);
}

/* Nothing leaves for now: who is too old would never be asked about. */
static void bury_old(struct listener *l, uint64_t now)
{
    struct hook_lane *n;
    lanes_hurry(l, now, false);
    for (uint32_t i = 0; i < STALE_A_TICK && (n = TAILQ_FIRST(&l->ready)); i++) {
        if (now < told_hook(n->head)->since + l->give_up_ms) return;
        lane_leave(n);
        die(n, now);
    }
}

void hookbox_tick(struct hookbox *b, uint64_t now)
{
    for (uint32_t i = 0; i < b->count; i++) {
        struct listener *l = b->v[i];
        struct dead_letter *d;
        if (l->named && (l->gone || l->breaker.state == BREAKER_OPEN)) bury_old(l, now);
        while ((d = TAILQ_FIRST(&l->letters)) && (l->dead > HOOK_DEAD_MOST || d->at + HOOK_DEAD_MS < now)) letter_drop(l, d);
    }
}

static void revive(struct listener *l, struct dead_letter *d, uint64_t now)
{
    struct told *t = d->told;
    struct hook *h = told_hook(t);
    h->since = now;
    for (uint32_t i = 0; i < l->box->count; i++) /* it goes to the end of `order` */
        if (l->box->v[i]->oldest == h) l->box->v[i]->oldest = TAILQ_NEXT(h, link), pass_oldest(l->box->v[i]);
    TAILQ_REMOVE(&l->box->order, h, link);
    TAILQ_INSERT_TAIL(&l->box->order, h, link);
    for (uint8_t i = 0; i < h->count; i++)
        if (told_is_pending(&h->told[i]) && !h->told[i].to->oldest) h->told[i].to->oldest = h;
    letter_free(l, d);
    mark_changed(l->box, h);
    told_enter(t);
}

uint32_t hookbox_replay(struct listener *l, const struct id *id, uint64_t now)
{
    struct dead_letter *d, *next;
    uint32_t count = 0;
    for (d = TAILQ_FIRST(&l->letters); d; d = next) {
        next = TAILQ_NEXT(d, link);
        if (id && !id_eq(&told_hook(d->told)->id, id)) continue;
        revive(l, d, now);
        count++;
    }
    return count;
}

uint64_t hookbox_oldest(struct listener *l) { return l->oldest ? l->oldest->since : 0; }
