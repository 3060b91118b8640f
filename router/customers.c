/* Customers lie in 64 open-addressing tables, so that growing one never stops the loop for long: at 750,000 customers a table holds
   12,000. The key is a keyed hash already: its upper bits choose the table, its lower ones the slot. Deletion shifts back, so there
   are no tombstones.

   A customer has a counter for each six hours of seven days, in a ring: `newest` is the number of the step that was counted last,
   and ring position (step % 28) holds that step's contacts. Steps between the newest and a younger one are cleared when it comes.
   A counter stops at 255: nobody who writes more often than that is told apart by it. */
#include "router/customers.h"

#include <stdlib.h>
#include <string.h>

#define SLOTS_FIRST 16u
#define SWEEP_SHARE 1200u /* a part of the slots is looked at: an hour suffices, though who goes costs a second look */

struct customer {
    uint64_t key;
    uint32_t newest;
    uint16_t open;
    bool used;
    uint8_t contacts[CUSTOMERS_STEPS];
};
struct customer_part {
    struct customer *slots;
    uint32_t count, room; /* room: a power of two, or 0 */
};

enum err customers_init(struct customers *c, size_t cap)
{
    *c = (struct customers){ .cap = cap };
    c->parts = calloc(CUSTOMERS_PARTS, sizeof *c->parts);
    return c->parts ? ERR_OK : ERR_NOMEM;
}

void customers_fini(struct customers *c)
{
    for (uint32_t i = 0; c->parts && i < CUSTOMERS_PARTS; i++) free(c->parts[i].slots);
    free(c->parts);
    c->parts = NULL;
}

/* ---- a table ---- */

static struct customer_part *part_of(const struct customers *c, uint64_t key) { return &c->parts[key >> 58]; }

/* The slot of `key`, or the empty one where it would go; room > 0, and one is empty. */
static uint32_t slot_of(const struct customer_part *p, uint64_t key)
{
    uint32_t i = (uint32_t)key & (p->room - 1);
    while (p->slots[i].used && p->slots[i].key != key) i = (i + 1) & (p->room - 1);
    return i;
}

static struct customer *find(const struct customers *c, uint64_t key)
{
    const struct customer_part *p = part_of(c, key);
    struct customer *s = p->room ? &p->slots[slot_of(p, key)] : NULL;
    return s && s->used ? s : NULL;
}

static enum err grow(struct customer_part *p)
{
    if (p->room && p->count < p->room - p->room / 4) return ERR_OK;
    struct customer_part bigger = { NULL, p->count, p->room ? p->room * 2 : SLOTS_FIRST };
    if (!(bigger.slots = calloc(bigger.room, sizeof *bigger.slots))) return ERR_NOMEM;
    for (uint32_t i = 0; i < p->room; i++)
        if (p->slots[i].used) bigger.slots[slot_of(&bigger, p->slots[i].key)] = p->slots[i];
    free(p->slots);
    *p = bigger;
    return ERR_OK;
}

/* Found or made. */
static enum err get(struct customers *c, uint64_t key, struct customer **out)
{
    struct customer_part *p = part_of(c, key);
    enum err e;
    if ((*out = find(c, key))) return ERR_OK;
    if (c->count >= c->cap) return c->full++, ERR_FULL;
    if ((e = grow(p))) return c->full++, e;
    *out = &p->slots[slot_of(p, key)];
    **out = (struct customer){ .key = key, .used = true };
    p->count++;
    c->count++;
    return ERR_OK;
}

static void forget(struct customers *c, struct customer_part *p, uint32_t hole)
{
    uint32_t mask = p->room - 1;
    p->count--;
    c->count--;
    for (uint32_t i = (hole + 1) & mask; p->slots[i].used; i = (i + 1) & mask) {
        uint32_t home = (uint32_t)p->slots[i].key & mask;
        if (((i - home) & mask) < ((i - hole) & mask)) continue; /* between the hole and itself: stays */
        p->slots[hole] = p->slots[i];
        hole = i;
    }
    p->slots[hole].used = false;
}

/* ---- counting ---- */

static uint32_t step_of(uint64_t at) { return (uint32_t)(at / CUSTOMERS_STEP_MS); }

/* The first step that counts at `now`. */
static uint32_t first_step(uint64_t now)
{
    uint32_t step = step_of(now);
    return step >= CUSTOMERS_STEPS ? step - (CUSTOMERS_STEPS - 1) : 0;
}

enum err customers_contact(struct customers *c, uint64_t key, uint64_t at)
{
    struct customer *s;
    uint32_t step = step_of(at);
    enum err e = get(c, key, &s);
    if (e) return e;
    if (step > s->newest) {
        uint32_t gone = step - s->newest < CUSTOMERS_STEPS ? step - s->newest : CUSTOMERS_STEPS;
        for (uint32_t i = 0; i < gone; i++) s->contacts[(step - i) % CUSTOMERS_STEPS] = 0;
        s->newest = step;
    }
    if (s->newest - step >= CUSTOMERS_STEPS) return ERR_OK;
    uint8_t *n = &s->contacts[step % CUSTOMERS_STEPS];
    if (*n < UINT8_MAX) ++*n;
    return ERR_OK;
}

enum err customers_open(struct customers *c, uint64_t key)
{
    struct customer *s;
    enum err e = get(c, key, &s);
    if (!e && s->open == UINT16_MAX) e = ERR_FULL;
    if (!e) s->open++;
    return e;
}

void customers_close(struct customers *c, uint64_t key)
{
    struct customer *s = find(c, key);
    if (s && s->open) s->open--;
}

struct customer_said customers_ask(const struct customers *c, uint64_t key, uint64_t now)
{
    const struct customer *s = find(c, key);
    struct customer_said out = { 0 };
    uint32_t first = first_step(now);
    if (!s) return out;
    out.open = s->open;
    for (uint32_t i = 0; i < CUSTOMERS_STEPS && i <= s->newest && s->newest - i >= first; i++)
        out.contacts += s->contacts[(s->newest - i) % CUSTOMERS_STEPS];
    return out;
}

void customers_sweep(struct customers *c, uint64_t now)
{
    size_t room = 0;
    for (uint32_t i = 0; i < CUSTOMERS_PARTS; i++) room += c->parts[i].room;
    uint32_t oldest = first_step(now);
    for (size_t looks = room / SWEEP_SHARE + 1; looks; looks--) {
        struct customer_part *p = &c->parts[c->sweep_part % CUSTOMERS_PARTS];
        if (c->sweep_at >= p->room) {
            c->sweep_part++;
            c->sweep_at = 0;
            continue;
        }
        const struct customer *s = &p->slots[c->sweep_at];
        if (s->used && !s->open && s->newest < oldest) forget(c, p, c->sweep_at); /* another may stand there now: looked at next */
        else c->sweep_at++;
    }
}
