/* `texts`: what customers are told, by name and by language; and what is looked for in them. */
#include "config/draft.h"
#include "config/texts.h"

#include <string.h>

#define LANGUAGES_MOST 32u
#define TEXT_BYTES     4096u

#define TEXT_HOLE_WORD(id, word, help) word,
const char *const text_hole_words[TEXT_HOLES] = { TEXT_HOLE_MAP(TEXT_HOLE_WORD) };
#undef TEXT_HOLE_WORD

/* ---- holes ---- */

int text_hole(struct str text, size_t *n)
{
    const char *end = text.n > 2 && *text.p == '{' ? memchr(text.p, '}', text.n < 32 ? text.n : 32) : NULL;
    size_t len = end ? (size_t)(end - text.p) - 1 : 0;
    if (!len || strspn(text.p + 1, "abcdefghijklmnopqrstuvwxyz_-") < len) return TEXT_NO_HOLE;
    *n = len + 2;
    for (int i = 0; i < TEXT_HOLES; i++)
        if (str_is((struct str){ text.p + 1, len }, text_hole_words[i])) return i;
    return TEXT_BAD_HOLE;
}

static void check_holes(struct bind *b, const struct ynode *n)
{
    struct str s = n->text;
    for (size_t len = 1; s.n; s = (struct str){ s.p + len, s.n - len }, len = 1) {
        if (text_hole(s, &len) != TEXT_BAD_HOLE) continue;
        struct str word = { s.p + 1, len - 2 };
        bind_error(b, n, "{%.*s} is nothing that can be filled in%s", STR_FMT(word),
                   findings_hint(b->f, word, text_hole_words, TEXT_HOLES));
    }
}

/* ---- reading ---- */

static bool name_good(struct bind *b, const struct ynode *n, size_t max)
{
    struct ynode at = *n; /* the place of the key, not of the value */
    at.line = n->key_line;
    at.column = n->key_column;
    return bind_is_name(b, &at, n->key, max, "");
}

static void read_in(struct bind *b, const struct ynode *n, const char *language, struct text *t)
{
    if (!bind_is_scalar(b, n, "what the customer is told")) return;
    if (!n->text.n || n->text.n > TEXT_BYTES) {
        bind_error(b, n, "a text has 1 to %u bytes", TEXT_BYTES);
        return;
    }
    check_holes(b, n);
    t->v[t->count++] = (struct text_in){ language, bind_text(b, n->text) };
}

static void read_text(struct bind *b, const struct ynode *n, struct text *t)
{
    uint32_t count = n->type == Y_MAP ? n->count : 1;
    t->name = bind_text(b, n->key);
    t->line = n->key_line;
    if (n->type == Y_MAP && !bind_list_fits(b, n, LANGUAGES_MOST)) return;
    if (!count) bind_error(b, n, "says nothing: write it by language, as in { ko: …, en: … }");
    if (!(t->v = bind_alloc(b, (count ? count : 1) * sizeof *t->v))) return;
    if (n->type != Y_MAP) {
        read_in(b, n, "", t);
        return;
    }
    for (const struct ynode *c = n->first; c; c = c->next)
        if (name_good(b, c, 16)) read_in(b, c, bind_text(b, c->key), t);
}

static void read_texts(struct bind *b, const struct ynode *n, const struct row *r, void *into)
{
    struct text_list *all = into;
    if (n->type != Y_MAP) {
        bind_error(b, n, "expected names, each with what is said by language, found %s", tree_type(n));
        return;
    }
    if (!bind_list_fits(b, n, (uint32_t)r->max) || !(all->v = bind_alloc(b, (n->count + 1) * sizeof *all->v))) return;
    for (const struct ynode *c = n->first; c; c = c->next)
        if (name_good(b, c, 64)) read_text(b, c, &all->v[all->count++]);
}

static void schema_texts(struct jw *w, const struct row *r)
{
    (void)r;
    schema_text_of(w, "object");
    jw_key(w, "additionalProperties");
    jw_open(w, '{');
    jw_key(w, "type"), jw_open(w, '['), jw_strz(w, "string"), jw_strz(w, "object"), jw_close(w, ']');
    jw_key(w, "additionalProperties"), jw_open(w, '{');
    schema_text_of(w, "string");
    jw_close(w, '}');
    jw_close(w, '}');
}
const struct kind K_TEXTS = { .name = "names, each with a text or with texts by language",
                              .example = "{ received: { ko: \"접수했습니다.\", en: \"We have it.\" } }",
                              .read = read_texts,
                              .schema = schema_texts };

/* ---- asking ---- */

/* "ko-KR" is asked for as that, then as "ko". */
static const char *in_language(const struct text *t, struct str language)
{
    for (uint32_t i = 0; i < t->count; i++)
        if (str_is(language, t->v[i].language)) return t->v[i].text;
    return NULL;
}

const char *text_say(const struct text *t, struct str language)
{
    const char *said = in_language(t, language), *dash = language.n ? memchr(language.p, '-', language.n) : NULL;
    if (!said && dash) said = in_language(t, (struct str){ language.p, (size_t)(dash - language.p) });
    return said ? said : t->count ? t->v[0].text : NULL;
}

const struct text *policy_text(const struct policy *p, struct str name)
{
    for (uint32_t i = 0; i < p->texts.count; i++)
        if (str_is(name, p->texts.v[i].name)) return &p->texts.v[i];
    return NULL;
}
