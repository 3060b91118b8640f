/* Both sides are keys, so the search is for plain bytes: UTF-8 finds no character inside another, Vectorscan's literal matcher
   needs neither Unicode tables nor start-of-match tracking (a hit's start is its end less the word's length), and a thousand
   words cost 0.2 us in a 140-byte message, as much as with SINGLEMATCH and less than with SOM_LEFTMOST. All hits are reported,
   because the first may fail the border check and a later one hold ("cardigan, card").

   The same key written in several rules is one term. `seen` holds for each term the number of the search that found it last, so
   nothing is cleared between searches. */
#include "workers/triage/lexicon.h"

#include "workers/triage/text.h"

#include <hs/hs.h>
#include <stdio.h>
#include <stdlib.h>

#define WORD_MAX 4096u /* bytes of one word's key */

struct term {
    uint32_t len;
    uint32_t first, count; /* its words: users[first .. first + count) */
    bool left, right;      /* must not continue into a word on this side */
};
struct lexicon {
    hs_database_t *db; /* NULL: no terms */
    struct term *terms;
    uint32_t *users; /* indexes of words, by term */
    uint32_t count;
};
struct lexicon_scratch {
    hs_scratch_t *hs;
    uint64_t *seen;
    uint64_t search;
    uint32_t room;
};

/* A word on its way into the lexicon: sorted by key, equal keys become one term. */
struct draft {
    struct str key;
    uint32_t word;
};

static int draft_cmp(const void *a, const void *b)
{
    const struct draft *x = a, *y = b;
    int c = str_cmp(x->key, y->key);
    return c ? c : (x->word > y->word) - (x->word < y->word);
}

static enum err draft_keys(struct draft *d, const struct str *words, uint32_t count, char why[200])
{
    char room[WORD_MAX + 8];
    for (uint32_t i = 0; i < count; i++) {
        size_t n = text_key(words[i], room, sizeof room);
        if (n > WORD_MAX) return snprintf(why, 200, "a word of a text condition is longer than %u bytes", WORD_MAX), ERR_POLICY;
        char *copy = malloc(n + 1);
        if (!copy) return ERR_NOMEM;
        memcpy(copy, room, n);
        d[i] = (struct draft){ { copy, n }, i };
    }
    return ERR_OK;
}

static void add_terms(struct lexicon *l, const struct draft *d, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++) {
        l->users[i] = d[i].word;
        if (d[i].key.n == 0) continue;
        if (i && str_eq(d[i].key, d[i - 1].key)) {
            l->terms[l->count - 1].count++;
            continue;
        }
        l->terms[l->count++] = (struct term){ .len = (uint32_t)d[i].key.n,
                                              .first = i,
                                              .count = 1,
                                              .left = text_class_at(d[i].key, 0) == TEXT_WORD,
                                              .right = text_class_before(d[i].key, d[i].key.n) == TEXT_WORD };
    }
}

static enum err compile(struct lexicon *l, const struct draft *d, char why[200])
{
    enum err e = ERR_NOMEM;
    hs_compile_error_t *trouble = NULL;
    const char **text = calloc(l->count, sizeof *text);
    size_t *len = calloc(l->count, sizeof *len);
    unsigned *ids = calloc(l->count, sizeof *ids), *flags = calloc(l->count, sizeof *flags);
    if (!text || !len || !ids || !flags) goto out;
    for (uint32_t i = 0; i < l->count; i++) text[i] = d[l->terms[i].first].key.p, len[i] = l->terms[i].len, ids[i] = i;
    e = ERR_OK;
    if (hs_compile_lit_multi(text, flags, ids, len, l->count, HS_MODE_BLOCK, NULL, &l->db, &trouble) != HS_SUCCESS) {
        snprintf(why, 200, "the words of the text conditions do not compile: %.120s", trouble->message);
        e = ERR_POLICY;
    }
out:
    hs_free_compile_error(trouble);
    free(text);
    free(len);
    free(ids);
    free(flags);
    return e;
}

enum err lexicon_new(struct lexicon **out, const struct str *words, uint32_t count, char why[200])
{
    enum err e = ERR_NOMEM;
    text_init();
    struct lexicon *l = calloc(1, sizeof *l);
    struct draft *d = calloc(count + 1, sizeof *d);
    if (!l || !d) goto out;
    l->terms = calloc(count + 1, sizeof *l->terms);
    l->users = calloc(count + 1, sizeof *l->users);
    if (!l->terms || !l->users) goto out;
    e = draft_keys(d, words, count, why);
    if (e) goto out;
    qsort(d, count, sizeof *d, draft_cmp);
    add_terms(l, d, count);
    if (l->count) e = compile(l, d, why);
    if (e) goto out;
    *out = l;
    l = NULL;
out:
    for (uint32_t i = 0; d && i < count; i++) free((char *)d[i].key.p);
    free(d);
    lexicon_free(l);
    if (e == ERR_NOMEM) snprintf(why, 200, "%s", err_text(e));
    return e;
}

void lexicon_free(struct lexicon *l)
{
    if (!l) return;
    hs_free_database(l->db);
    free(l->terms);
    free(l->users);
    free(l);
}

enum err lexicon_scratch_new(struct lexicon_scratch **out)
{
    struct lexicon_scratch *s = calloc(1, sizeof *s);
    if (!s) return ERR_NOMEM;
    text_init();
    *out = s;
    return ERR_OK;
}

enum err lexicon_scratch_fit(struct lexicon_scratch *s, const struct lexicon *l)
{
    if (!l->count) return ERR_OK;
    if (hs_alloc_scratch(l->db, &s->hs) != HS_SUCCESS) return ERR_NOMEM;
    if (l->count <= s->room) return ERR_OK;
    uint64_t *seen = calloc(l->count, sizeof *seen);
    if (!seen) return ERR_NOMEM;
    free(s->seen);
    s->seen = seen;
    s->room = l->count;
    return ERR_OK;
}

void lexicon_scratch_free(struct lexicon_scratch *s)
{
    if (!s) return;
    hs_free_scratch(s->hs);
    free(s->seen);
    free(s);
}

struct finding_words { /* one search */
    const struct lexicon *l;
    struct lexicon_scratch *s;
    struct str key;
    void (*found)(void *ctx, uint32_t word);
    void *ctx;
};

static int on_hit(unsigned id, unsigned long long from, unsigned long long to, unsigned flags, void *ctx)
{
    (void)from, (void)flags;
    struct finding_words *f = ctx;
    const struct term *t = &f->l->terms[id];
    if (f->s->seen[id] == f->s->search) return 0;
    if (t->left && text_class_before(f->key, (size_t)to - t->len) == TEXT_WORD) return 0;
    if (t->right && text_class_at(f->key, (size_t)to) == TEXT_WORD) return 0;
    f->s->seen[id] = f->s->search;
    for (uint32_t i = 0; i < t->count; i++) f->found(f->ctx, f->l->users[t->first + i]);
    return 0;
}

enum err lexicon_find(const struct lexicon *l, struct lexicon_scratch *s, struct str key, void (*found)(void *ctx, uint32_t word),
                      void *ctx)
{
    if (!l->count || !key.n) return ERR_OK;
    struct finding_words f = { l, s, key, found, ctx };
    s->search++;
    hs_error_t e = hs_scan(l->db, key.p, (unsigned)key.n, 0, s->hs, on_hit, &f);
    return e == HS_SUCCESS ? ERR_OK : ERR_INTERNAL;
}
