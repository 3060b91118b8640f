/* Rows come from several routers, in any order, and tell of people who change their minds and do not agree. They are put in the
   order of tickets and times, so that what is left depends on what was said alone; a duplicate text is taken out because the same
   words on both sides of the split would make any model look good. */
#include "cli/feedback_select.h"

#include "base/map.h"
#include "base/quote.h"
#include "workers/triage/text.h"

#include <stdlib.h>

#define ROOM (2 * TEXT_MAX)

struct candidate {
    struct chosen row;
    struct str key;
    uint32_t at; /* its place by ticket */
    bool dropped;
};

bool feedback_held_back(struct str ticket, unsigned percent)
{
    static const uint64_t seed[2] = { 0x6e6172752d686c64, 0x6261636b2d726f77 }; /* any, but for ever the same */
    return hash_bytes(ticket.p, ticket.n, seed) % 100 < percent;
}

/* By ticket, the latest first; equal times by their words, so that no order of arrival shows. */
static int by_ticket(const void *a, const void *b)
{
    const struct said *x = a, *y = b;
    int c = str_cmp(x->ticket, y->ticket);
    if (c) return c;
    if (x->at != y->at) return x->at < y->at ? 1 : -1;
    return str_cmp(x->label, y->label);
}

static int by_key(const void *a, const void *b)
{
    const struct candidate *const *x = a, *const *y = b;
    int c = str_cmp((*x)->key, (*y)->key);
    return c ? c : (*x)->at < (*y)->at ? -1 : (*x)->at > (*y)->at;
}

/* Subject and own words, as triage would read them. */
static enum err make_texts(struct candidate *c, const struct said *s, char *room, struct arena *arena)
{
    struct str own = quote_own_words(text_clip(s->text, TEXT_MAX), s->channel, room, ROOM);
    struct str subject = text_clip(s->subject, 1024);
    char *p = arena_alloc(arena, subject.n + own.n + 2);
    if (!p) return ERR_NOMEM;
    size_t n = 0;
    if (subject.n) {
        memcpy(p, subject.p, subject.n);
        n = subject.n;
        p[n++] = '\n';
    }
    if (own.n) memcpy(p + n, own.p, own.n);
    c->row.text = (struct str){ p, n + own.n };
    size_t key_n = text_key(c->row.text, room, ROOM);
    c->key = (struct str){ arena_strdup(arena, (struct str){ room, key_n }), key_n };
    c->row.label = arena_strdup(arena, s->label);
    c->row.ticket = s->ticket;
    return c->key.p && c->row.label ? ERR_OK : ERR_NOMEM;
}

/* The latest word on each ticket that has a text. */
static enum err latest(struct candidate *v, uint32_t *found, struct selected *out, const struct said *rows, uint32_t count,
                       char *room, struct arena *arena)
{
    for (uint32_t i = 0; i < count; i++) {
        struct candidate *c = &v[*found];
        if (i && str_eq(rows[i].ticket, rows[i - 1].ticket)) {
            out->earlier++;
            continue;
        }
        *c = (struct candidate){ .at = *found };
        enum err e = make_texts(c, &rows[i], room, arena);
        if (e) return e;
        if (c->key.n) (*found)++;
        else out->no_text++;
    }
    return ERR_OK;
}

/* Of those with the same key one stays, or none when they do not agree. */
static void drop_group(struct candidate **group, uint32_t n, struct selected *out)
{
    bool agree = true;
    for (uint32_t i = 1; i < n; i++) agree &= !strcmp(group[i]->row.label, group[0]->row.label);
    for (uint32_t i = agree ? 1 : 0; i < n; i++) group[i]->dropped = true;
    *(agree ? &out->again : &out->conflicting) += agree ? n - 1 : n;
}

static void drop_same(struct candidate **by, uint32_t n, struct selected *out)
{
    qsort(by, n, sizeof *by, by_key);
    for (uint32_t from = 0, to; from < n; from = to) {
        for (to = from + 1; to < n && str_eq(by[to]->key, by[from]->key);) to++;
        if (to - from > 1) drop_group(by + from, to - from, out);
    }
}

static void split(struct selected *out, const struct candidate *v, uint32_t n, unsigned percent)
{
    for (uint32_t i = 0; i < n; i++) {
        if (v[i].dropped) continue;
        struct chosen *c = &out->v[out->count++];
        *c = v[i].row;
        c->held = feedback_held_back(c->ticket, percent);
        *(c->held ? &out->held : &out->learnt) += 1;
    }
}

enum err feedback_select(struct selected *out, struct said *rows, uint32_t count, unsigned held_percent, struct arena *arena)
{
    enum err e = ERR_NOMEM;
    uint32_t n = 0;
    struct candidate *v = calloc(count ? count : 1, sizeof *v), **by = malloc((count ? count : 1) * sizeof *by);
    char *room = malloc(ROOM);
    *out = (struct selected){ .given = count, .v = arena_alloc(arena, (count ? count : 1) * sizeof *out->v) };
    text_init();
    if (!v || !by || !room || !out->v) goto out;
    if (count) qsort(rows, count, sizeof *rows, by_ticket);
    if ((e = latest(v, &n, out, rows, count, room, arena))) goto out;
    for (uint32_t i = 0; i < n; i++) by[i] = &v[i];
    drop_same(by, n, out);
    split(out, v, n, held_percent);
out:
    free(v);
    free(by);
    free(room);
    return e;
}
