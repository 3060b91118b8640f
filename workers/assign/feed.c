#include "workers/assign/feed.h"

#include <stdlib.h>

/* Entries lie one after another in `bytes`, none across its end. A slot tells where, counted as if the ring had no end, so that
   "still there" is one comparison: nothing after it has been written more than `room` bytes later. The ring grows by doubling
   while pushing out would lose what a router still needs, up to its caps. */

#define BYTES_FIRST (1u << 20)
#define BYTES_MOST  (256u << 20)
#define SLOTS_FIRST 4096u
#define SLOTS_MOST  (1u << 21)

struct feed_slot {
    uint64_t at;
    uint32_t n;
};

void feed_init(struct feed *f, uint64_t next) { *f = (struct feed){ .first = next, .next = next }; }

void feed_fini(struct feed *f)
{
    free(f->bytes);
    free(f->slots);
    *f = (struct feed){ 0 };
}

static struct feed_slot *slot(const struct feed *f, uint64_t seq) { return &f->slots[seq & (f->slot_room - 1)]; }

/* Where an entry of n bytes would begin: not across the end. */
static uint64_t begin_of(const struct feed *f, size_t n)
{
    size_t off = f->at & (f->room - 1);

    return off + n <= f->room ? f->at : f->at + (f->room - off);
}

static enum err grow_slots(struct feed *f)
{
    uint64_t room = f->slot_room ? f->slot_room * 2 : SLOTS_FIRST;
    struct feed_slot *v = room <= SLOTS_MOST ? malloc(room * sizeof *v) : NULL;

    if (!v) return ERR_FULL;
    for (uint64_t s = f->first; s < f->next; s++) v[s & (room - 1)] = *slot(f, s);
    free(f->slots);
    f->slots = v;
    f->slot_room = room;
    return ERR_OK;
}

/* A bigger ring with the same entries, packed from its beginning. */
static enum err grow_bytes(struct feed *f, size_t n)
{
    size_t room = f->room ? f->room * 2 : BYTES_FIRST;
    char *p;
    uint64_t at = 0;

    while (room < n * 2) room *= 2;
    if (room > BYTES_MOST || !(p = malloc(room))) return ERR_FULL;
    for (uint64_t s = f->first; s < f->next; s++) {
        struct feed_slot *one = slot(f, s);
        memcpy(p + at, f->bytes + (one->at & (f->room - 1)), one->n);
        one->at = at;
        at += one->n;
    }
    free(f->bytes);
    f->bytes = p;
    f->room = room;
    f->at = at;
    return ERR_OK;
}

/* Entries that must go so that bytes up to `end` can be written and one more slot be used. */
static uint64_t first_after(const struct feed *f, uint64_t end)
{
    uint64_t first = f->first;

    while (first < f->next && (slot(f, first)->at + f->room < end || f->next - first >= f->slot_room)) first++;
    return first;
}

enum err feed_put(struct feed *f, uint64_t seq, struct str entry, uint64_t keep)
{
    if (f->first == f->next) f->first = f->next = seq;
    for (;;) {
        bool fits = f->room && f->slot_room && entry.n <= f->room / 2;
        uint64_t first = fits ? first_after(f, begin_of(f, entry.n) + entry.n) : 0;
        if (fits && (first <= keep || first == f->first)) {
            f->first = first;
            break;
        }
        bool grew = (!f->slot_room || f->next - f->first >= f->slot_room) ? !grow_slots(f) : false;
        if (!grew && grow_bytes(f, entry.n)) {
            if (!fits) return ERR_FULL;
            f->first = first; /* at its cap: the slowest loses, and is told by the gap */
            break;
        }
    }
    f->at = begin_of(f, entry.n);
    *slot(f, seq) = (struct feed_slot){ f->at, (uint32_t)entry.n };
    if (entry.n) memcpy(f->bytes + (f->at & (f->room - 1)), entry.p, entry.n);
    f->at += entry.n;
    f->next = seq + 1;
    return ERR_OK;
}

struct str feed_get(const struct feed *f, uint64_t seq)
{
    if (seq < f->first || seq >= f->next) return STR_NONE;
    const struct feed_slot *s = slot(f, seq);
    return (struct str){ f->bytes + (s->at & (f->room - 1)), s->n };
}

bool feed_has_room(const struct feed *f, size_t bytes, uint64_t count, uint64_t keep)
{
    uint64_t kept = keep < f->first ? f->first : keep;

    if (kept >= f->next) return true;
    return f->at - slot(f, kept)->at + bytes < BYTES_MOST / 2 && f->next - kept + count < SLOTS_MOST / 2;
}
