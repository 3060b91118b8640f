/* The outbox as a fold over rows: what is written of a change, and what the box is once all rows of a journal were seen.

   Rows come in any order, for compaction moves them: the last ROW_HOOK_END of a change counts, whether its ROW_HOOK comes before or
   behind it. While they are replayed, a hook's `body` is its last ROW_HOOK_END; hookbox_replayed makes of it what it says. */
#include "base/limits.h"
#include "base/map.h"
#include "router/hook_part.h"

#include <stdlib.h>
#include <string.h>

RECORD_TABLE(hook_row, HOOK_ROW_FIELDS)
RECORD_TABLE(hook_dead, HOOK_DEAD_FIELDS)
RECORD_TABLE(hook_end, HOOK_END_FIELDS)

struct hook *hookbox_changed(struct hookbox *b) { return TAILQ_FIRST(&b->changed); }

void hookbox_pack_end(const struct hook *h, struct buf *out)
{
    struct tag left[LIM_WEBHOOKS];
    struct hook_dead dead[LIM_WEBHOOKS];
    struct hook_end e = { .left = { left, 0 }, .dead = { dead, 0 }, .since = h->since };
    for (uint8_t i = 0; i < h->count; i++) {
        const struct told *t = &h->told[i];
        e.workspace = str_of(t->to->workspace);
        if (told_is_pending(t)) left[e.left.count++] = (struct tag){ str_of(t->to->name) };
        if (t->state != TOLD_DEAD) continue;
        const struct dead_letter *d = t->letter;
        dead[e.dead.count++] = (struct hook_dead){ str_of(t->to->name), d->at, d->attempts, d->end, d->status };
    }
    record_pack_short(out, &hook_end_record, &e);
}

void hookbox_written(struct hookbox *b, struct hook *h, uint64_t row_end)
{
    TAILQ_REMOVE(&b->changed, h, changed_link);
    h->changed = false;
    h->row_end = row_end;
    if (hook_is_over(h)) hook_retire(b, h);
}

enum err hookbox_row(struct hookbox *b, uint64_t row, const struct id *id, const struct hook_row *r, struct str subject)
{
    struct hook *was = idmap_get(&b->hooks, id), *h;
    const struct tag *to = r->to.items;
    if (was && was->row) return ERR_EXISTS; /* written twice: the first one counts */
    if (r->to.count > LIM_WEBHOOKS) return ERR_TOOBIG;
    if (was) (void)idmap_del(&b->hooks, id);
    if (!(h = hook_new(b, id, r->to.count))) {
        if (was) (void)idmap_put(&b->hooks, was);
        return ERR_NOMEM;
    }
    h->row = row;
    h->landed = true;
    h->epoch = r->entry.epoch;
    h->seq = r->entry.seq;
    h->since = r->entry.at;
    h->subject = hash_bytes(subject.p, subject.n, b->seed);
    for (uint32_t i = 0; i < r->to.count; i++)
        if ((h->told[h->count].to = hookbox_listener(b, r->entry.workspace, to[i].name))) h->count++;
    TAILQ_INSERT_TAIL(&b->order, h, link);
    if (!was) return ERR_OK;
    h->row_end = was->row_end;
    h->body = was->body;
    h->body_n = was->body_n;
    TAILQ_REMOVE(&b->order, was, link);
    free(was);
    return ERR_OK;
}

enum err hookbox_row_end(struct hookbox *b, uint64_t row, const struct id *id, const struct hook_end *e)
{
    struct hook *h = idmap_get(&b->hooks, id);
    struct buf packed;
    if (!h) { /* its own row is gone, or comes behind */
        if (!(h = hook_new(b, id, 0))) return ERR_NOMEM;
        TAILQ_INSERT_TAIL(&b->order, h, link);
    }
    buf_init(&packed, 65536);
    record_pack_short(&packed, &hook_end_record, e);
    enum err err = packed.err;
    if (!err) hook_set_body(b, h, buf_str(&packed));
    if (!err && !h->body) err = ERR_NOMEM;
    if (!err) h->row_end = row;
    buf_fini(&packed);
    return err;
}

static void set_state(struct told *t, const struct hook_end *e)
{
    const struct tag *left = e->left.items;
    const struct hook_dead *dead = e->dead.items;
    t->state = TOLD_DONE;
    for (uint32_t i = 0; i < e->left.count; i++)
        if (str_is(left[i].name, t->to->name)) t->state = TOLD_WAITS;
    for (uint32_t i = 0; i < e->dead.count; i++) {
        struct dead_letter *d = str_is(dead[i].name, t->to->name) ? malloc(sizeof *d) : NULL;
        if (!d) continue;
        *d = (struct dead_letter){
            .told = t, .at = dead[i].at, .attempts = dead[i].attempts, .end = dead[i].end, .status = dead[i].status
        };
        t->state = TOLD_DEAD;
        t->letter = d;
        letter_insert(t->to, d);
    }
}

/* What its last ROW_HOOK_END said. */
static void apply_end(struct hookbox *b, struct hook *h, struct arena *a)
{
    struct hook_end e;
    arena_clear(a);
    if (h->body && !record_unpack(&hook_end_record, &e, (struct str){ h->body, h->body_n }, a)) {
        for (uint8_t i = 0; i < h->count; i++) set_state(&h->told[i], &e);
        if (e.since > h->since) h->since = e.since;
    }
    hook_set_body(b, h, STR_NONE);
}

void hookbox_replayed(struct hookbox *b)
{
    struct hook *h, *next;
    struct arena a;
    arena_init(&a, 1u << 20);
    for (h = TAILQ_FIRST(&b->order); h; h = next) {
        next = TAILQ_NEXT(h, link);
        if (!h->row) {
            TAILQ_REMOVE(&b->order, h, link);
            hook_free(b, h);
            continue;
        }
        apply_end(b, h, &a);
        for (uint8_t i = 0; i < h->count; i++)
            if (h->told[i].state == TOLD_WAITS) told_enter(&h->told[i]);
        if (hook_is_over(h) && !h->changed) hook_retire(b, h);
    }
    arena_fini(&a);
}

bool hookbox_row_live(const struct hookbox *b, uint64_t number, const struct id *id)
{
    const struct hook *h = idmap_get(&b->hooks, id);
    return h && !h->over && (number == h->row || number == h->row_end);
}

void hookbox_row_moved(struct hookbox *b, uint64_t from, uint64_t to, const struct id *id)
{
    struct hook *h = idmap_get(&b->hooks, id);
    if (h && h->row == from) h->row = to;
    else if (h && h->row_end == from) h->row_end = to;
}
