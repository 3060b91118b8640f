/* Slots go round by position (slot = position % most). Bodies go round in `bytes`, each in one piece: one that does not fit before
   the end begins at the start again. Places in `bytes` are counted on without end, so that a body is still there as long as nobody
   has written `room` bytes past its beginning; whoever would be overwritten leaves the ring first.

   A log may be set back (Redis came back from older data): then a later reign has lower numbers. Names still rise, for the reign
   comes first, and the break shows as a number that is not the next one. */
#include "router/stream_ring.h"

#include "base/panic.h"

#include <stdio.h>
#include <stdlib.h>

struct stream_slot {
    struct change_id id;
    uint64_t from;
    struct id ticket;
    size_t begin; /* of its texts: the queue, then the body */
    uint32_t queue_n, body_n;
    uint16_t workspace;
    uint8_t kind;
};

/* ---- names ---- */

static int cmp(uint64_t a, uint64_t b) { return (a > b) - (a < b); }

int change_cmp(struct change_id a, struct change_id b)
{
    int by_epoch = a.epoch && b.epoch ? cmp(a.epoch, b.epoch) : 0;
    return by_epoch ? by_epoch : cmp(a.seq, b.seq);
}

enum err change_parse(struct str text, struct change_id *out)
{
    const char *dot = text.n ? memchr(text.p, '.', text.n) : NULL;
    if (!dot) return ERR_RANGE;
    size_t n = (size_t)(dot - text.p);
    enum err e = str_u64((struct str){ text.p, n }, 1, INT64_MAX, &out->epoch);
    return e ? e : str_u64((struct str){ dot + 1, text.n - n - 1 }, 1, INT64_MAX, &out->seq);
}

char *change_text(struct change_id id, char out[CHANGE_TEXT])
{
    snprintf(out, CHANGE_TEXT, "%llu.%llu", (unsigned long long)id.epoch, (unsigned long long)id.seq);
    return out;
}

/* ---- beginning and end ---- */

enum err stream_ring_init(struct stream_ring *r, size_t bytes, uint32_t most, uint32_t lines)
{
    *r = (struct stream_ring){ .room = bytes, .most = most, .line_count = lines };
    r->lines = calloc(lines, sizeof *r->lines);
    return r->lines ? ERR_OK : ERR_NOMEM;
}

void stream_ring_fini(struct stream_ring *r)
{
    free(r->slots);
    free(r->bytes);
    free(r->lines);
    *r = (struct stream_ring){ 0 };
}

static enum err take_memory(struct stream_ring *r)
{
    if (!r->slots) r->slots = malloc(r->most * sizeof *r->slots);
    if (!r->bytes) r->bytes = malloc(r->room);
    return r->slots && r->bytes ? ERR_OK : ERR_NOMEM;
}

/* ---- hearing ---- */

void stream_ring_begin(struct stream_ring *r, uint16_t workspace, uint64_t seq)
{
    naru_assert(workspace < r->line_count);
    struct stream_line *l = &r->lines[workspace];
    if (!l->known) *l = (struct stream_line){ .last = { 0, seq }, .from = seq + 1, .known = true };
}

bool stream_ring_is_new(const struct stream_ring *r, uint16_t workspace, struct change_id id)
{
    naru_assert(workspace < r->line_count);
    const struct stream_line *l = &r->lines[workspace];
    return !l->known || !l->last.epoch || change_cmp(id, l->last) > 0;
}

/* Its line has heard it now; a number that is not the next one begins anew what is known. */
static struct stream_line *hear(struct stream_ring *r, uint16_t workspace, struct change_id id)
{
    stream_ring_begin(r, workspace, id.seq - 1);
    struct stream_line *l = &r->lines[workspace];
    if (id.seq != l->last.seq + 1) l->from = id.seq;
    l->last = id;
    return l;
}

void stream_ring_pass(struct stream_ring *r, uint16_t workspace, struct change_id id) { (void)hear(r, workspace, id); }

void stream_ring_miss(struct stream_ring *r, uint16_t workspace, struct change_id id) { hear(r, workspace, id)->from = id.seq + 1; }

void stream_ring_drop(struct stream_ring *r)
{
    free(r->slots);
    free(r->bytes);
    r->slots = NULL;
    r->bytes = NULL;
    r->head = r->tail;
}

/* Where `n` bytes go; the oldest that they would overwrite leave. */
static size_t make_room(struct stream_ring *r, size_t n)
{
    size_t at = r->end;
    if (at % r->room + n > r->room) at += r->room - at % r->room;
    r->end = at + n;
    if (r->tail - r->head == r->most) r->head++;
    while (r->head != r->tail && r->slots[r->head % r->most].begin + r->room < r->end) r->head++;
    return at;
}

static void copy(struct stream_ring *r, size_t at, struct str s)
{
    if (s.n) memcpy(r->bytes + at % r->room, s.p, s.n);
}

enum err stream_ring_push(struct stream_ring *r, const struct stream_change *c)
{
    struct stream_line *l = hear(r, c->workspace, c->id);
    struct stream_slot s = { .id = c->id, .from = l->from, .ticket = c->ticket, .workspace = c->workspace, .kind = c->kind };
    size_t n = c->queue.n + c->body.n;
    enum err e = n > r->room ? ERR_TOOBIG : take_memory(r);
    l->from = c->id.seq + 1;
    if (e) return e;
    s.begin = make_room(r, n);
    s.queue_n = (uint32_t)c->queue.n;
    s.body_n = (uint32_t)c->body.n;
    copy(r, s.begin, c->queue);
    copy(r, s.begin + c->queue.n, c->body);
    r->slots[r->tail++ % r->most] = s;
    return ERR_OK;
}

/* ---- reading ---- */

struct stream_change stream_ring_at(const struct stream_ring *r, uint64_t at)
{
    naru_assert(at >= r->head && at < r->tail);
    const struct stream_slot *s = &r->slots[at % r->most];
    const char *p = r->bytes + s->begin % r->room;
    return (struct stream_change){ .id = s->id,
                                   .from = s->from,
                                   .ticket = s->ticket,
                                   .workspace = s->workspace,
                                   .kind = s->kind,
                                   .queue = { p, s->queue_n },
                                   .body = { p + s->queue_n, s->body_n } };
}

/* Something between is not known here, or the log was set back to before what the reader has. */
static bool breaks(struct change_id after, uint64_t from, struct change_id id)
{
    return from > after.seq + 1 || id.seq <= after.seq;
}

bool stream_gap(struct change_id after, const struct stream_change *c) { return after.epoch && breaks(after, c->from, c->id); }

struct stream_place stream_ring_after(const struct stream_ring *r, uint16_t workspace, struct change_id after)
{
    naru_assert(workspace < r->line_count);
    const struct stream_line *l = &r->lines[workspace];
    for (uint64_t at = r->head; at != r->tail; at++) {
        const struct stream_slot *s = &r->slots[at % r->most];
        if (s->workspace != workspace || change_cmp(s->id, after) <= 0) continue;
        return (struct stream_place){ at, breaks(after, s->from, s->id) };
    }
    bool later = l->known && change_cmp(l->last, after) > 0; /* what was not told, or has left the ring */
    return (struct stream_place){ r->tail, later && breaks(after, l->from, l->last) };
}

struct change_id stream_ring_last(const struct stream_ring *r, uint16_t workspace)
{
    naru_assert(workspace < r->line_count);
    return r->lines[workspace].last;
}
