/* Findings: what is said about a file. At most LIM_POLICY_ERRORS are kept, the rest is counted in `more`; `errors` counts all
   errors, kept or not, so "errors == 0" is always the truth. The array is allocated once, at the first finding; texts and
   keys live in the arena, whose cap bounds what a hostile file can make us say. */
#include "config/findings.h"

#include "base/limits.h"
#include "config/facts.h"

#include <stdio.h>
#include <stdlib.h>

#define FINDINGS_ARENA (4u << 20)
#define FINDING_TEXT   512

void findings_init(struct findings *f)
{
    *f = (struct findings){ 0 };
    arena_init(&f->arena, FINDINGS_ARENA);
}

void findings_fini(struct findings *f)
{
    arena_fini(&f->arena);
    *f = (struct findings){ 0 };
}

/* A free slot, or the last warning's when an error needs one; NULL when there is none. */
static struct finding *slot(struct findings *f, bool error)
{
    if (!f->v) f->v = arena_alloc(&f->arena, LIM_POLICY_ERRORS * sizeof *f->v);
    if (!f->v) return NULL;
    if (f->count < LIM_POLICY_ERRORS) return &f->v[f->count++];
    f->more++;
    for (uint32_t i = error ? f->count : 0; i-- > 0;) {
        if (f->v[i].error) continue;
        memmove(&f->v[i], &f->v[i + 1], (f->count - 1 - i) * sizeof *f->v);
        return &f->v[f->count - 1];
    }
    return NULL;
}

static const char *keep(struct findings *f, const char *text)
{
    char *p = arena_strdup(&f->arena, str_of(text));
    if (!p) return "(no memory left for the text)";
    for (char *c = p; *c; c++)
        if ((unsigned char)*c < 0x20 || *c == 0x7f) *c = '?';
    return p;
}

void findings_vadd(struct findings *f, bool error, uint32_t line, uint32_t column, const char *key, const char *fmt, va_list ap)
{
    char text[FINDING_TEXT];
    f->errors += error;
    struct finding *v = slot(f, error);
    if (!v) return;
    vsnprintf(text, sizeof text, fmt, ap);
    size_t n = strlen(text), at;
    if (!str_utf8((struct str){ text, n }, &at)) text[at] = '\0'; /* cut within a character */
    *v = (struct finding){ error, line, column, keep(f, key), keep(f, text) };
}

void findings_add(struct findings *f, bool error, uint32_t line, uint32_t column, const char *key, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    findings_vadd(f, error, line, column, key, fmt, ap);
    va_end(ap);
}

void findings_at(struct findings *f, bool error, const struct ynode *n, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    findings_vadd(f, error, n->line, n->column, tree_path(n, &f->arena), fmt, ap);
    va_end(ap);
}

void findings_key(struct findings *f, bool error, const struct ynode *n, const char *fmt, ...)
{
    bool own = n->key.p != NULL;
    va_list ap;
    va_start(ap, fmt);
    findings_vadd(f, error, own ? n->key_line : n->line, own ? n->key_column : n->column, tree_path(n, &f->arena), fmt, ap);
    va_end(ap);
}

static int by_place(const void *a, const void *b)
{
    const struct finding *x = a, *y = b;
    if (x->line != y->line) return x->line < y->line ? -1 : 1;
    if (x->column != y->column) return x->column < y->column ? -1 : 1;
    return (int)y->error - (int)x->error;
}

void findings_sort(struct findings *f)
{
    if (f->count > 1) qsort(f->v, f->count, sizeof *f->v, by_place);
}

/* ---- words for sentences ---- */

struct str findings_shown(struct str s)
{
    size_t n = s.n < 60 ? s.n : 60, at = 0;
    if (!str_utf8((struct str){ s.p, n }, &at)) n = at;
    return (struct str){ s.p, n };
}

const char *findings_hint(struct findings *f, struct str word, const char *const *words, size_t count)
{
    const char *near = word.n <= 64 ? str_nearest(word, words, count) : NULL;
    struct buf out;
    buf_init(&out, 400);
    if (near) {
        buf_addf(&out, " (did you mean \"%s\"?)", near);
    } else if (count && count <= 16) {
        buf_addz(&out, " (known: ");
        for (size_t i = 0; i < count; i++) buf_addf(&out, "%s%.*s", i ? ", " : "", STR_FMT(findings_shown(str_of(words[i]))));
        buf_addc(&out, ')');
    }
    const char *hint = out.err ? NULL : arena_strdup(&f->arena, buf_str(&out));
    buf_fini(&out);
    return hint ? hint : "";
}

/* ---- writing them out ---- */

void findings_text(const struct findings *f, const char *path, struct buf *out)
{
    for (uint32_t i = 0; i < f->count; i++) {
        const struct finding *v = &f->v[i];
        buf_addz(out, path);
        if (v->line) buf_addf(out, ":%u:%u", v->line, v->column);
        buf_addf(out, ": %s: ", v->error ? "error" : "warning");
        if (v->key[0]) buf_addf(out, "%s: ", v->key);
        buf_addz(out, v->text);
        buf_addc(out, '\n');
    }
    if (f->more) buf_addf(out, "%s: … and %u more\n", path, f->more);
}

static void finding_json(struct jw *w, const struct finding *v)
{
    jw_open(w, '{');
    jw_key(w, "level");
    jw_strz(w, v->error ? "error" : "warning");
    jw_key(w, "line");
    jw_u64(w, v->line);
    jw_key(w, "column");
    jw_u64(w, v->column);
    jw_key(w, "key");
    jw_strz(w, v->key);
    jw_key(w, "text");
    jw_strz(w, v->text);
    jw_close(w, '}');
}

static void fact_json(void *ctx, const char *key, const char *text)
{
    struct jw *w = ctx;
    jw_open(w, '{');
    jw_key(w, "key");
    jw_strz(w, key);
    jw_key(w, "text");
    jw_strz(w, text);
    jw_close(w, '}');
}

void findings_json(const struct findings *f, const char *path, const struct policy *p, struct buf *out)
{
    struct jw w = jw_on(out);
    jw_open(&w, '{');
    jw_key(&w, "file");
    jw_strz(&w, path);
    jw_key(&w, "ok");
    jw_bool(&w, f->errors == 0);
    jw_key(&w, "version");
    jw_strz(&w, p ? p->version : "");
    jw_key(&w, "findings");
    jw_open(&w, '[');
    for (uint32_t i = 0; i < f->count; i++) finding_json(&w, &f->v[i]);
    jw_close(&w, ']');
    jw_key(&w, "more");
    jw_u64(&w, f->more);
    jw_key(&w, "facts");
    jw_open(&w, '[');
    if (p) policy_facts(p, fact_json, &w);
    jw_close(&w, ']');
    jw_close(&w, '}');
}
