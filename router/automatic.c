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

static uint64_t last_of(const struct automatic_slot *s)
{
    uint64_t last = 0;
    for (unsigned i = 0; i < AUTOMATIC_AN_HOUR; i++)
        if (s->said[i].at > last) last = s->said[i].at;
    return last;
}

/* Theirs, else the one of its set that was used longest ago, for them from now on. */
static struct automatic_slot *slot_of(struct automatic *a, const struct automatic_words *w)
{
    uint64_t who = hash_of(a, w->account) ^ hash_of(a, w->customer) * 3;
    struct automatic_slot *set = a->slots + who % AUTOMATIC_SETS * AUTOMATIC_WAYS, *oldest = set;
    for (unsigned i = 0; i < AUTOMATIC_WAYS; i++) {
        if (set[i].who == who) return &set[i];
        if (last_of(&set[i]) < last_of(oldest)) oldest = &set[i];
    }
    *oldest = (struct automatic_slot){ .who = who };
    return oldest;
}

static struct automatic_said said_at(const struct automatic *a, const struct automatic_words *w, uint64_t at)
{
    struct str id = { (const char *)w->message->b, sizeof w->message->b };
    return (struct automatic_said){ at, (uint32_t)hash_of(a, w->word), (uint32_t)hash_of(a, id) };
}

/* In place of what was said longest ago: more than these are never looked at. */
static void keep(struct automatic_slot *s, const struct automatic_said *said)
{
    struct automatic_said *oldest = s->said;
    for (unsigned i = 1; i < AUTOMATIC_AN_HOUR; i++)
        if (s->said[i].at < oldest->at) oldest = &s->said[i];
    if (said->at > oldest->at) *oldest = *said;
}

enum automatic_end automatic_ask(struct automatic *a, const struct automatic_words *w, uint64_t now)
{
    struct automatic_slot *s = slot_of(a, w);
    struct automatic_said new = said_at(a, w, now);
    unsigned within = 0;
    bool recent = false;
    for (unsigned i = 0; i < AUTOMATIC_AN_HOUR; i++) {
        const struct automatic_said *old = &s->said[i];
        if (!old->at) continue;
        if (old->message == new.message) return AUTOMATIC_OK;
        recent |= old->word == new.word &&now < old->at + AUTOMATIC_SAME_MS;
        within += now < old->at + HOUR_MS;
    }
    if (recent) return AUTOMATIC_RECENT;
    if (within == AUTOMATIC_AN_HOUR) return AUTOMATIC_OFTEN;
    keep(s, &new);
    return AUTOMATIC_OK;
}

void automatic_was_said(struct automatic *a, const struct automatic_words *w, uint64_t at)
{
    struct automatic_said said = said_at(a, w, at);
    keep(slot_of(a, w), &said);
}
