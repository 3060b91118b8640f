/* Two databases of Vectorscan over one text: words as literals, expressions as automata.

   Words: both sides are keys, so the search is for plain bytes: UTF-8 finds no character inside another, the literal matcher needs
   neither Unicode tables nor start-of-match tracking (a hit's start is its end less the word's length), and a thousand words cost
   0.2 us in a 140-byte message, as much as with SINGLEMATCH and less than with SOM_LEFTMOST. All hits are reported, because the
   first may fail the border check and a later one hold ("cardigan, card").

   Expressions: what of them is not ASCII is taken by its key as well, so that they meet the text in the form it has; the rest is
   expr.c's. Each is reported once.

   Terms: the words with a key first, in the order of their keys (equal words are one), then the expressions in the order of their
   texts. `seen` holds for each term the number of the search that found it last, so nothing is cleared between searches. */
#include "workers/triage/lexicon.h"

#include "config/expr.h"
#include "config/policy.h"
#include "workers/triage/particles.h"
#include "workers/triage/text.h"

#include <hs/hs.h>
#include <stdio.h>
#include <stdlib.h>

#define WORD_MAX 4096u /* bytes of one word's key */

enum border {
    BORDER_NONE,
    BORDER_WORD,  /* must not continue into a word of a script with spaces */
    BORDER_BLANK, /* nothing stands there; behind the word at most particles */
};
struct term {
    uint32_t len; /* of the word; 0: an expression */
    uint8_t left, right;
};
struct lexicon {
    hs_database_t *words, *expressions; /* NULL: none */
    struct term *terms;
    uint32_t *term_of; /* by word, then by expression */
    uint32_t word_terms, count;
};
struct lexicon_scratch {
    hs_scratch_t *hs;
    uint64_t *seen;
    uint64_t search;
    uint32_t room;
};

/* A word or an expression on its way into the lexicon: sorted, equal ones become one term. */
struct draft {
    char *key; /* owned */
    size_t n;
    uint32_t word;
    uint8_t left, right;
};

static int draft_cmp(const void *a, const void *b)
{
    const struct draft *x = a, *y = b;
    int c = str_cmp((struct str){ x->key, x->n }, (struct str){ y->key, y->n });
    if (!c) c = (x->left * 4 + x->right) - (y->left * 4 + y->right);
    return c ? c : (x->word > y->word) - (x->word < y->word);
}

static bool same_term(const struct draft *a, const struct draft *b)
{
    return a->n == b->n && a->left == b->left && a->right == b->right && memcmp(a->key, b->key, a->n) == 0;
}

static enum err keep(struct draft *d, const char *p, size_t n, uint32_t word)
{
    d->key = malloc(n + 1);
    if (!d->key) return ERR_NOMEM;
    memcpy(d->key, p, n);
    d->key[n] = 0;
    d->n = n;
    d->word = word;
    return ERR_OK;
}

/* ---- words ---- */

static uint8_t border(const struct rule_word *w, bool open, enum text_class c)
{
    return open ? BORDER_NONE : w->whole ? BORDER_BLANK : c == TEXT_WORD ? BORDER_WORD : BORDER_NONE;
}

static enum err draft_words(struct draft *d, const struct str *words, uint32_t count, char why[200])
{
    char room[WORD_MAX + 8];
    for (uint32_t i = 0; i < count; i++) {
        struct rule_word w = rule_word(words[i]);
        size_t n = text_key(w.text, room, sizeof room);
        struct str k = { room, n };
        if (k.n > WORD_MAX) return snprintf(why, 200, "a word of a text condition is longer than %u bytes", WORD_MAX), ERR_POLICY;
        enum err e = keep(&d[i], k.p, k.n, i);
        if (e) return e;
        d[i].left = border(&w, w.open_left, text_class_at(k, 0));
        d[i].right = border(&w, w.open_right, text_class_before(k, k.n));
    }
    qsort(d, count, sizeof *d, draft_cmp);
    return ERR_OK;
}

static void add_words(struct lexicon *l, const struct draft *d, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++) {
        if (d[i].n && !(i && same_term(&d[i], &d[i - 1])))
            l->terms[l->count++] = (struct term){ (uint32_t)d[i].n, d[i].left, d[i].right };
        l->term_of[d[i].word] = d[i].n ? l->count - 1 : LEXICON_NONE;
    }
    l->word_terms = l->count;
}

/* ---- expressions ---- */

/* Every run of characters that are not ASCII as its key; what the key made of a sign that means something is escaped. */
static void fold(struct str s, struct buf *out)
{
    char room[4 * EXPR_MAX];
    for (size_t i = 0, from; i < s.n;) {
        for (from = i; i < s.n && (unsigned char)s.p[i] < 0x80;) i++;
        buf_add(out, s.p + from, i - from);
        for (from = i; i < s.n && (unsigned char)s.p[i] >= 0x80;) i++;
        size_t n = text_key((struct str){ s.p + from, i - from }, room, sizeof room);
        for (size_t k = 0; k < n; k++) {
            if (strchr("\\^$.|?*+()[]{}-", room[k])) buf_addc(out, '\\');
            buf_addc(out, room[k]);
        }
    }
}

static enum err draft_expression(struct draft *d, struct str written, uint32_t number, struct buf *folded, struct buf *made,
                                 char why[200])
{
    char said[200];
    buf_clear(folded);
    buf_clear(made);
    fold(written, folded);
    if (folded->err) return folded->err;
    enum err e = expr_make(buf_str(folded), made, said);
    if (e == ERR_POLICY) snprintf(why, 200, "\"%.60s\" %.120s", buf_cstr(folded), said);
    return e ? e : keep(d, made->p, made->n, number);
}

static enum err draft_expressions(struct draft *d, const struct str *list, uint32_t count, uint32_t first, char why[200])
{
    enum err e = ERR_OK;
    struct buf folded, made;
    buf_init(&folded, 64u << 10);
    buf_init(&made, 1u << 20);
    for (uint32_t i = 0; i < count && !e; i++) e = draft_expression(&d[i], list[i], first + i, &folded, &made, why);
    buf_fini(&folded);
    buf_fini(&made);
    if (!e) qsort(d, count, sizeof *d, draft_cmp);
    return e;
}

static void add_expressions(struct lexicon *l, const struct draft *d, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++) {
        if (!(i && same_term(&d[i], &d[i - 1]))) l->terms[l->count++] = (struct term){ 0 };
        l->term_of[d[i].word] = l->count - 1;
    }
}

/* ---- compiling ---- */

struct sources { /* of one database: a row a term */
    const char **text;
    size_t *len;
    unsigned *ids, *flags;
    uint32_t count;
};

static bool sources_new(struct sources *s, uint32_t most)
{
    s->text = calloc(most + 1, sizeof *s->text);
    s->len = calloc(most + 1, sizeof *s->len);
    s->ids = calloc(most + 1, sizeof *s->ids);
    s->flags = calloc(most + 1, sizeof *s->flags);
    return s->text && s->len && s->ids && s->flags;
}

static void sources_free(struct sources *s)
{
    free(s->text);
    free(s->len);
    free(s->ids);
    free(s->flags);
}

static void add_source(struct sources *s, const struct draft *d, unsigned term, unsigned flags)
{
    s->text[s->count] = d->key;
    s->len[s->count] = d->n;
    s->ids[s->count] = term;
    s->flags[s->count++] = flags;
}

static enum err refused(hs_compile_error_t *trouble, const struct sources *s, const char *what, char why[200])
{
    int at = trouble->expression;
    snprintf(why, 200, "the %s do not compile: %.90s%s%.60s", what, trouble->message, at >= 0 ? ": " : "",
             at >= 0 ? s->text[at] : "");
    hs_free_compile_error(trouble);
    return ERR_POLICY;
}

static enum err compile(struct lexicon *l, const struct draft *d, uint32_t words_n, uint32_t expressions_n, char why[200])
{
    enum err e = ERR_NOMEM;
    hs_compile_error_t *trouble = NULL;
    struct sources words = { 0 }, expressions = { 0 };
    if (!sources_new(&words, words_n) || !sources_new(&expressions, expressions_n)) goto out;
    for (uint32_t i = 0; i < words_n; i++)
        if (d[i].n && !(i && same_term(&d[i], &d[i - 1]))) add_source(&words, &d[i], l->term_of[d[i].word], 0);
    for (uint32_t i = words_n; i < words_n + expressions_n; i++)
        if (i == words_n || !same_term(&d[i], &d[i - 1])) add_source(&expressions, &d[i], l->term_of[d[i].word], expr_flags());
    e = ERR_OK;
    if (words.count && hs_compile_lit_multi(words.text, words.flags, words.ids, words.len, words.count, HS_MODE_BLOCK, NULL,
                                            &l->words, &trouble) != HS_SUCCESS)
        e = refused(trouble, &words, "words of the text conditions", why);
    else if (expressions.count && hs_compile_multi(expressions.text, expressions.flags, expressions.ids, expressions.count,
                                                   HS_MODE_BLOCK, NULL, &l->expressions, &trouble) != HS_SUCCESS)
        e = refused(trouble, &expressions, "expressions of the match conditions", why);
out:
    sources_free(&words);
    sources_free(&expressions);
    return e;
}

enum err lexicon_new(struct lexicon **out, const struct str *words, uint32_t words_n, const struct str *expressions,
                     uint32_t expressions_n, char why[200])
{
    enum err e = ERR_NOMEM;
    uint32_t count = words_n + expressions_n;
    text_init();
    struct lexicon *l = calloc(1, sizeof *l);
    struct draft *d = calloc(count + 1, sizeof *d);
    if (!l || !d) goto out;
    l->terms = calloc(count + 1, sizeof *l->terms);
    l->term_of = calloc(count + 1, sizeof *l->term_of);
    if (!l->terms || !l->term_of) goto out;
    e = draft_words(d, words, words_n, why);
    if (!e) e = draft_expressions(d + words_n, expressions, expressions_n, words_n, why);
    if (e) goto out;
    add_words(l, d, words_n);
    add_expressions(l, d + words_n, expressions_n);
    e = compile(l, d, words_n, expressions_n, why);
    if (e) goto out;
    *out = l;
    l = NULL;
out:
    for (uint32_t i = 0; d && i < count; i++) free(d[i].key);
    free(d);
    lexicon_free(l);
    if (e == ERR_NOMEM) snprintf(why, 200, "%s", err_text(e));
    return e;
}

void lexicon_free(struct lexicon *l)
{
    if (!l) return;
    hs_free_database(l->words);
    hs_free_database(l->expressions);
    free(l->terms);
    free(l->term_of);
    free(l);
}

uint32_t lexicon_terms(const struct lexicon *l) { return l->count; }
uint32_t lexicon_term(const struct lexicon *l, uint32_t word) { return l->term_of[word]; }

/* ---- the scratch ---- */

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
    if (l->words && hs_alloc_scratch(l->words, &s->hs) != HS_SUCCESS) return ERR_NOMEM;
    if (l->expressions && hs_alloc_scratch(l->expressions, &s->hs) != HS_SUCCESS) return ERR_NOMEM;
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

/* ---- finding ---- */

struct finding_words { /* one search */
    const struct lexicon *l;
    struct lexicon_scratch *s;
    struct str key;
    void (*found)(void *ctx, uint32_t term);
    void *ctx;
};

static bool starts_here(enum border border, struct str key, size_t at)
{
    if (border == BORDER_NONE) return true;
    enum text_class c = text_class_before(key, at);
    return c == TEXT_OTHER || (c == TEXT_FREE && border == BORDER_WORD);
}

static bool ends_here(enum border border, struct str key, size_t at)
{
    if (border == BORDER_NONE) return true;
    enum text_class c = text_class_at(key, at);
    if (c == TEXT_OTHER) return true;
    if (c == TEXT_WORD) return false;
    return border == BORDER_WORD || particles_follow((struct str){ key.p + at, key.n - at });
}

static int on_hit(unsigned id, unsigned long long from, unsigned long long to, unsigned flags, void *ctx)
{
    (void)from, (void)flags;
    struct finding_words *f = ctx;
    const struct term *t = &f->l->terms[id];
    if (f->s->seen[id] == f->s->search) return 0;
    if (t->len && !(starts_here(t->left, f->key, (size_t)to - t->len) && ends_here(t->right, f->key, (size_t)to))) return 0;
    f->s->seen[id] = f->s->search;
    if (f->found) f->found(f->ctx, id);
    return 0;
}

enum err lexicon_find(const struct lexicon *l, struct lexicon_scratch *s, struct str key, void (*found)(void *ctx, uint32_t term),
                      void *ctx)
{
    struct finding_words f = { l, s, key, found, ctx };
    s->search++;
    if (!key.n) return ERR_OK;
    if (l->words && hs_scan(l->words, key.p, (unsigned)key.n, 0, s->hs, on_hit, &f) != HS_SUCCESS) return ERR_INTERNAL;
    if (l->expressions && hs_scan(l->expressions, key.p, (unsigned)key.n, 0, s->hs, on_hit, &f) != HS_SUCCESS) return ERR_INTERNAL;
    return ERR_OK;
}

bool lexicon_found(const struct lexicon_scratch *s, uint32_t term)
{
    return term != LEXICON_NONE && s->search && s->seen[term] == s->search;
}
