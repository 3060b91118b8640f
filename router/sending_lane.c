/* Whose turn it is. A lane exists exactly while its queue is not empty. It is in its outlet's heap when its first message is
   durable and nobody has taken it; `busy` from sending_next to sending_done or sending_put_back, and counted in `under_way` as
   long. (When there is no memory to put it back into the heap it waits until sending_late ends its first message.)

   An outlet is made with its first message and stays: there are no more of them than accounts that ever had one. */
#include "router/sending_impl.h"

#include <stdio.h>
#include <stdlib.h>

size_t sending_key(char *out, struct str a, struct str b)
{
    size_t n = 0;
    if (a.n) memcpy(out, a.p, a.n);
    n += a.n;
    out[n++] = '\0';
    if (b.n) memcpy(out + n, b.p, b.n);
    n += b.n;
    out[n++] = '\0';
    return n;
}

static struct outlet *outlet_of(struct sending *s, const struct message_row *row)
{
    struct outlet probe, *o;
    probe.key_n = (uint32_t)sending_key(probe.key, row->workspace, row->account);
    if ((o = map_get(&s->outlets, (struct str){ probe.key, probe.key_n })) || !(o = calloc(1, sizeof *o))) return o;
    memcpy(o->key, probe.key, probe.key_n);
    o->key_n = probe.key_n;
    heap_init(&o->due, s->most);
    o->tokens = -1; /* full, once its sender is known */
    if (map_put(&s->outlets, (struct str){ o->key, o->key_n }, o)) return free(o), NULL;
    TAILQ_INSERT_TAIL(&s->outlet_list, o, link);
    return o;
}

static struct lane *lane_of(struct sending *s, struct outlet *o, const struct message_row *row)
{
    char key[sizeof o->key + 256];
    size_t n = o->key_n + row->conversation.n;
    memcpy(key, o->key, o->key_n);
    if (row->conversation.n) memcpy(key + o->key_n, row->conversation.p, row->conversation.n);
    struct lane *l = map_get(&s->lanes, (struct str){ key, n });
    if (l || !(l = calloc(1, sizeof *l + n))) return l;
    memcpy(l->key, key, n);
    l->key_n = (uint32_t)n;
    l->outlet = o;
    TAILQ_INIT(&l->queue);
    if (!map_put(&s->lanes, (struct str){ l->key, l->key_n }, l)) return l;
    free(l);
    return NULL;
}

/* In the heap when its first may leave at some time, with that time. */
void sending_lane_wait(struct lane *l)
{
    const struct out_message *first = TAILQ_FIRST(&l->queue);
    bool may = !l->busy && first && first->committed;
    if (heap_has(&l->node)) heap_remove(&l->outlet->due, &l->node);
    if (!may) return;
    l->node.key = (int64_t)first->due;
    l->node.tie = first->row.seq;
    (void)heap_push(&l->outlet->due, &l->node);
}

static int by_place(const struct out_message *a, const struct out_message *b)
{
    if (a->row.epoch != b->row.epoch) return a->row.epoch < b->row.epoch ? -1 : 1;
    if (a->row.seq != b->row.seq) return a->row.seq < b->row.seq ? -1 : 1;
    return memcmp(a->id.b, b->id.b, sizeof a->id.b);
}

enum err sending_lane_enter(struct sending *s, struct out_message *m)
{
    struct outlet *o = outlet_of(s, &m->row);
    struct lane *l = o ? lane_of(s, o, &m->row) : NULL;
    struct out_message *before;
    if (!l) return ERR_NOMEM;
    before = TAILQ_LAST(&l->queue, out_messages);
    while (before && by_place(before, m) > 0 && !(l->busy && before == TAILQ_FIRST(&l->queue)))
        before = TAILQ_PREV(before, out_messages, in_lane);
    if (before) TAILQ_INSERT_AFTER(&l->queue, before, m, in_lane);
    else TAILQ_INSERT_HEAD(&l->queue, m, in_lane);
    m->lane = l;
    o->waiting++;
    TAILQ_INSERT_TAIL(&s->open, m, open);
    m->in_open = true;
    sending_lane_wait(l);
    return ERR_OK;
}

void sending_lane_leave(struct sending *s, struct out_message *m)
{
    struct lane *l = m->lane;
    if (!l) return;
    TAILQ_REMOVE(&l->queue, m, in_lane);
    TAILQ_REMOVE(&s->open, m, open);
    m->in_open = false;
    m->lane = NULL;
    l->outlet->waiting--;
    sending_lane_wait(l);
    if (!TAILQ_EMPTY(&l->queue)) return;
    map_del(&s->lanes, (struct str){ l->key, l->key_n });
    free(l);
}

/* ---- whose turn it is ---- */

void sending_committed(struct sending *s, struct out_message *m, uint64_t now)
{
    (void)s;
    m->committed = true;
    if (m->due < now) m->due = now;
    if (m->lane) sending_lane_wait(m->lane);
}

static void refill(struct outlet *o, const struct sender *by, uint64_t now)
{
    double most = by->per_second;
    if (o->tokens < 0) o->tokens = most;
    else if (now > o->tokens_at) o->tokens += most * (double)(now - o->tokens_at) / 1e3;
    if (o->tokens > most) o->tokens = most;
    o->tokens_at = now;
}

/* When its account lets the next one go, by all but its rate; UINT64_MAX: when one of those under way has ended. */
static uint64_t outlet_opens(const struct outlet *o)
{
    bool probing = o->failures >= SENDING_BREAK_AFTER;
    if (o->under_way >= (probing ? 1 : SENDING_AT_ONCE)) return UINT64_MAX;
    return o->paused_until > o->broken_until ? o->paused_until : o->broken_until;
}

static struct out_message *outlet_next(struct outlet *o, uint64_t now, sender_fn *can, void *ctx)
{
    struct heap_node *n = heap_peek(&o->due);
    if (!n || n->key > (int64_t)now || outlet_opens(o) > now) return NULL;
    struct lane *l = container_of(n, struct lane, node);
    struct out_message *m = TAILQ_FIRST(&l->queue);
    const struct sender *by = can(ctx, m);
    if (!by) {
        o->paused_until = now + SENDING_BACK_MS;
        return NULL;
    }
    refill(o, by, now);
    if (by->per_second && o->tokens < 1) {
        o->paused_until = now + 1 + (uint64_t)((1 - o->tokens) * 1e3 / by->per_second);
        return NULL;
    }
    if (by->per_second) o->tokens -= 1;
    heap_remove(&o->due, n);
    l->busy = true;
    o->under_way++;
    return m;
}

/* Whoever had a turn goes behind the others. */
struct out_message *sending_next(struct sending *s, uint64_t now, sender_fn *can, void *ctx)
{
    struct out_message *m;
    struct outlet *o;
    TAILQ_FOREACH (o, &s->outlet_list, link) {
        if (!(m = outlet_next(o, now, can, ctx))) continue;
        TAILQ_REMOVE(&s->outlet_list, o, link);
        TAILQ_INSERT_TAIL(&s->outlet_list, o, link);
        return m;
    }
    return NULL;
}

static bool is_under_way(const struct out_message *m) { return m->lane->busy && TAILQ_FIRST(&m->lane->queue) == m; }

static struct out_message *first_waiting(const struct sending *s)
{
    struct out_message *m = TAILQ_FIRST(&s->open);
    while (m && (is_under_way(m) || !m->committed)) m = TAILQ_NEXT(m, open);
    return m;
}

struct out_message *sending_late(struct sending *s, uint64_t now)
{
    struct out_message *m = first_waiting(s);
    char last[160];
    if (!m || now < m->began + SENDING_TOTAL_MS) return NULL;
    snprintf(last, sizeof last, "%.150s", m->why);
    snprintf(m->why, sizeof m->why, "not sent within an hour%s%s", last[0] ? ": " : "", last);
    sending_change(s, m, MESSAGE_FAILED, now);
    return m;
}

uint64_t sending_wake(const struct sending *s, uint64_t now)
{
    const struct out_message *first = first_waiting(s);
    uint64_t wake = first ? first->began + SENDING_TOTAL_MS : UINT64_MAX;
    const struct outlet *o;
    TAILQ_FOREACH (o, &s->outlet_list, link) {
        const struct heap_node *n = heap_peek(&o->due);
        uint64_t opens = outlet_opens(o), at = n ? (uint64_t)n->key : UINT64_MAX;
        if (opens > at) at = opens;
        if (at < wake) wake = at;
    }
    return wake < now ? now : wake;
}
