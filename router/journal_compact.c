/* Log-structured compaction, and the ageing of identities.

   A round begins when the log is more than twice what was live at the end of the last round, plus some; so the log's size is
   bounded by what lives, and each row is moved at most about once for every row that goes. A round walks from the oldest row to
   the newest there was when it began, a slice at a time, never two slices at once: rows that are live move to the end under a new
   number (the thread copies them inside the database: no body passes through here), then all chunks that were passed are cut,
   both in the one transaction of the next batch. A slice ends where a chunk ends. Only when it is committed does the tail move
   on. A slice that failed is simply done again.

   A settled identity may not leave before all rows written before its settling have: they would come back to life at the next
   start. In the order of numbers: an entry goes only when its number is below the oldest row's. */
#include "base/limits.h"
#include "router/journal_private.h"

#define SLICE_ROWS   2000u  /* asked in one turn */
#define SLICE_MOVES  500u   /* moved in one batch, but for the rest of a chunk: a commit stays short */
#define SLACK_ROWS   65536u /* garbage not worth a round */
#define IDLE_SETTLES 4096u
#define FORGET_ROWS  2000u
#define DAY_MS       86400000ull

static bool round_due(const struct journal *j, bool idle)
{
    const struct compaction *c = &j->compact;
    uint64_t count = rows_count(&j->rows);
    if (count > 2 * c->live + SLACK_ROWS) return true;
    return idle && c->settles >= IDLE_SETTLES && c->settles >= c->live / 2;
}

static bool is_live(struct journal *j, const struct row_ref *ref)
{
    if (!ref->kind) return false;
    const struct known_entry *k = known_get(&j->known, &ref->id);
    if (k && k->number > ref->number && row_ends_with_event((enum row_kind)ref->kind)) return false;
    return j->cfg.is_live(j->cfg.ctx, ref->number, (enum row_kind)ref->kind, &ref->id);
}

/* The row becomes the newest. Its new place in `rows` counts from now on, its old one until the slice is committed. */
static bool move_row(struct journal *j, struct row_ref ref)
{
    struct op *op = batch_add(j->filling, OP_MOVE, STR_NONE, STR_NONE);
    if (!op) return false;
    op->from = ref.number;
    if (!journal_place(j, op, ref.kind, &ref.id)) return true;
    j->filling->count--;
    return false;
}

static bool cut_rows(struct journal *j, uint64_t to)
{
    struct op *op = batch_add(j->filling, OP_CUT, STR_NONE, STR_NONE);
    if (op) op->number = to;
    return op != NULL;
}

static void slice(struct journal *j)
{
    struct compaction *c = &j->compact;
    uint64_t pos = j->rows.tail, passed = pos, last = 0; /* passed: behind the last whole chunk */
    uint64_t end = c->end - pos > SLICE_ROWS ? pos + SLICE_ROWS : c->end;
    for (unsigned moves = 0; pos < c->end; pos++) {
        if (passed == pos && (pos >= end || moves >= SLICE_MOVES)) break;
        struct row_ref ref = *rows_at(&j->rows, pos);
        if (is_live(j, &ref)) {
            if (!move_row(j, ref)) break;
            moves++;
        }
        if (!ref.end) continue;
        passed = pos + 1;
        last = ref.number;
    }
    if (last && cut_rows(j, last)) c->slice_to = passed;
}

void journal_compact(struct journal *j, bool idle)
{
    struct compaction *c = &j->compact;
    if (!j->cfg.is_live || j->fatal || j->closing || c->slice_to) return;
    if (!c->active) {
        if (!round_due(j, idle)) return;
        c->active = true;
        c->live = 0;
        c->settles = 0;
        c->end = j->written;
    }
    if (j->rows.tail < c->end) slice(j);
    else c->active = false;
}

bool journal_compacting(const struct journal *j) { return j->compact.active || j->compact.slice_to; }

static void tell_moved(struct journal *j)
{
    const struct batch *b = j->away;
    for (size_t i = 0; i < b->count; i++) {
        const struct op *op = &b->ops[i];
        if (op->type != OP_MOVE) continue;
        j->compact.live++;
        if (j->cfg.on_moved) j->cfg.on_moved(j->cfg.ctx, op->from, op->number, &op->id);
    }
}

void journal_compact_done(struct journal *j, bool ok)
{
    struct compaction *c = &j->compact;
    if (!c->slice_to) return;
    if (ok) {
        rows_cut(&j->rows, c->slice_to);
        if (j->rows.tail >= c->end) c->active = false;
        tell_moved(j);
    }
    c->slice_to = 0;
}

/* ---- identities ----------------------------------------------------------------------------------------------------- */

static bool may_go(const struct journal *j, const struct known_entry *k, uint64_t cutoff)
{
    uint64_t oldest_row = rows_count(&j->rows) ? rows_at(&j->rows, j->rows.tail)->number : UINT64_MAX;
    return (k->number == 0 || k->at < cutoff || known_count(&j->known) > LIM_IDENTITIES) && k->number < oldest_row;
}

static uint64_t cutoff_now(const struct journal *j)
{
    uint64_t now = journal_wall(j), keep = LIM_IDENTITY_DAYS * DAY_MS;
    return now > keep ? now - keep : 0;
}

bool journal_forget_due(const struct journal *j)
{
    const struct known_entry *k = known_oldest(&j->known);
    return k && may_go(j, k, cutoff_now(j));
}

void journal_forget(struct journal *j)
{
    uint64_t cutoff = cutoff_now(j), last = 0;
    const struct known_entry *k;
    for (unsigned n = 0; n < FORGET_ROWS && (k = known_oldest(&j->known)) && may_go(j, k, cutoff); n++) {
        if (k->number) last = k->number;
        known_shift(&j->known);
    }
    struct op *op = last ? batch_add(j->filling, OP_FORGET, STR_NONE, STR_NONE) : NULL;
    if (op) op->number = last; /* without it the rows go with the next FORGET, or at the next start */
}
