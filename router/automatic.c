#include "router/automatic.h"

#include "base/map.h"
#include "base/rng.h"

#include <stdlib.h>

#define HOUR_MS 3600000u

/* ---- holes ---- */

static bool is_space(char c) { return c == ' ' || c == '\n'; }

/* Bytes of a mark that ends a sentence here; 0: none. A point within a number or a name is none. */
static size_t ends_sentence(struct str s)
{
    static const char wide[] = "\xe3\x80\x82"; /* 。 */
    if (s.n >= 3 && memcmp(s.p, wide, 3) == 0) return 3;
    bool mark = *s.p == '.' || *s.p == '!' || *s.p == '?';
    return *s.p == '\n' || (mark && (s.n == 1 || is_space(s.p[1])));
}

/* With the white space behind it. */
static struct str sentence(struct str s)
{
    size_t n = 0, mark = 0;
    while (n < s.n && !(mark = ends_sentence((struct str){ s.p + n, s.n - n }))) n++;
    n += mark;
    while (n < s.n && is_space(s.p[n])) n++;
    return (struct str){ s.p, n };
}

static bool lacks(struct str s, const struct str values[TEXT_HOLES])
{
    for (size_t n = 1; s.n; s = (struct str){ s.p + n, s.n - n }, n = 1) {
        int hole = text_hole(s, &n);
        if (hole >= 0 && !values[hole].n) return true;
    }
    return false;
}

static void fill(struct buf *out, struct str s, const struct str values[TEXT_HOLES])
{
    for (size_t n = 1; s.n; s = (struct str){ s.p + n, s.n - n }, n = 1) {
        int hole = text_hole(s, &n);
        if (hole >= 0) buf_addstr(out, values[hole]);
        else buf_add(out, s.p, n = 1);
    }
}

void automatic_fill(struct buf *out, struct str text, const struct str values[TEXT_HOLES])
{
    while (text.n) {
        struct str one = sentence(text);
        if (!lacks(one, values)) fill(out, one, values);
        text = (struct str){ text.p + one.n, text.n - one.n };
    }
    while (out->n && (out->p[out->n - 1] == ' ' || out->p[out->n - 1] == '\n')) out->n--;
}

/* ---- how often ---- */

enum err automatic_init(struct automatic *a)
{
    rng_secret(a->seed, sizeof a->seed);
    a->slots = calloc((size_t)AUTOMATIC_SETS * AUTOMATIC_WAYS, sizeof *a->slots);
    return a->slots ? ERR_OK : ERR_NOMEM;
}

void automatic_fini(struct automatic *a)
{
    free(a->slots);
    a->slots = NULL;
}

static uint64_t hash_of(const struct automatic *a, struct str s)
{
    uint64_t h = hash_bytes(s.p ? s.p : "", s.n, a->seed);
    return h ? h : 1;
}

/* Theirs, else the one of its set that was used longest ago, for them from now on. */
static struct automatic_slot *slot_of(struct automatic *a, uint64_t who)
{
    struct automatic_slot *set = a->slots + who % AUTOMATIC_SETS * AUTOMATIC_WAYS, *oldest = set;
    for (unsigned i = 0; i < AUTOMATIC_WAYS; i++) {
        if (set[i].who == who) return &set[i];
        if (set[i].at < oldest->at) oldest = &set[i];
    }
    *oldest = (struct automatic_slot){ .who = who };
    return oldest;
}

enum automatic_end automatic_ask(struct automatic *a, struct str account, struct str customer, struct str word,
                                 const struct id *message, uint64_t now)
{
    uint64_t what = hash_of(a, word), id = hash_of(a, (struct str){ (const char *)message->b, sizeof message->b });
    struct automatic_slot *s = slot_of(a, hash_of(a, account) ^ hash_of(a, customer) * 3);
    if (s->last == id) return AUTOMATIC_OK;
    if (s->word == what && now < s->at + AUTOMATIC_SAME_MS) return AUTOMATIC_RECENT;
    if (now >= s->began + HOUR_MS) s->began = now, s->count = 0;
    if (s->count >= AUTOMATIC_AN_HOUR) return AUTOMATIC_OFTEN;
    s->count++;
    s->word = what;
    s->at = now;
    s->last = id;
    return AUTOMATIC_OK;
}
