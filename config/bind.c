/* The binder's frame: one mapping of the file against one table of rows.

   For a mapping (and for the mappings inside of it): first every row's "not given" (kind->init) and default (read through the row's
   own kind from its text, as if it had been written, so a default is checked like any value), then what is written, each key
   through its row; then keys that had to be there; then the mapping's own check. An error never stops the walk: all mistakes of a
   file are found in one go, and a struct that had errors is complete enough to be looked at (every pointer NULL or valid, every
   count true).

   All memory is the policy's arena. Running out of it is remembered in `broken` and ends in ERR_NOMEM; until then reads go on
   harmlessly. Names that refer to something are put on `refs` and resolved when all was read. */
#include "config/bind.h"

#include "base/panic.h"

#include <stdlib.h>

void *bind_alloc(struct bind *b, size_t n)
{
    void *p = arena_alloc(b->arena, n);
    b->broken |= !p;
    return p;
}

const char *bind_text(struct bind *b, struct str s)
{
    const char *p = arena_strdup(b->arena, s);
    b->broken |= !p;
    return p ? p : "";
}

void bind_error(struct bind *b, const struct ynode *n, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    findings_vadd(b->f, F_ERROR, n->line, n->column, tree_path(n, &b->f->arena), fmt, ap);
    va_end(ap);
}

void bind_warn(struct bind *b, const struct ynode *n, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    findings_vadd(b->f, F_WARN, n->line, n->column, tree_path(n, &b->f->arena), fmt, ap);
    va_end(ap);
}

void bind_expected(struct bind *b, const struct ynode *n, const char *what)
{
    if (n->type == Y_SCALAR && (n->quoted || n->text.n))
        bind_error(b, n, "\"%.*s\" is not %s", STR_FMT(findings_shown(n->text)), what);
    else bind_error(b, n, "expected %s, found %s", what, tree_type(n));
}

bool bind_is_scalar(struct bind *b, const struct ynode *n, const char *what)
{
    if (n->type == Y_SCALAR && (n->quoted || n->text.n)) return true;
    bind_error(b, n, "expected %s, found %s", what, tree_type(n));
    return false;
}

void bind_ref(struct bind *b, enum ref_to to, const struct ynode *n, int *out)
{
    if (!bind_is_scalar(b, n, "a name")) return;
    struct ref *r = bind_alloc(b, sizeof *r);
    if (!r) return;
    *r = (struct ref){ to, n->text, n, out, b->refs };
    b->refs = r;
}

void bind_ref_key(struct bind *b, enum ref_to to, const struct ynode *n, int *out)
{
    struct ynode *key = bind_alloc(b, sizeof *key);
    if (!key) return;
    *key = *n;
    key->type = Y_SCALAR;
    key->quoted = true;
    key->text = n->key;
    key->line = n->key_line;
    key->column = n->key_column;
    bind_ref(b, to, key, out);
}

const struct ynode *bind_first(const struct ynode *n) { return n->type == Y_SCALAR ? n : n->first; }
uint32_t bind_count(const struct ynode *n) { return n->type == Y_SCALAR ? 1 : n->count; }

bool bind_list_fits(struct bind *b, const struct ynode *n, uint32_t max)
{
    if (bind_count(n) <= max) return true;
    bind_error(b, n, "has %u entries, at most %u are allowed", bind_count(n), max);
    return false;
}

/* ---- rows ---- */

static const struct row *find_row(const struct mapping *m, struct str key)
{
    for (const struct row *r = m->rows; r->name; r++) {
        struct str name = str_of(r->name);
        if (r->flags & ROW_PREFIX ? key.n > name.n && !memcmp(key.p, name.p, name.n) : str_eq(key, name)) return r;
    }
    return NULL;
}

static void *place(struct bind *b, const struct row *r, void *into)
{
    return r->offset == NOWHERE ? (void *)b->scratch : (char *)into + r->offset;
}

void bind_defaults(struct bind *b, const struct mapping *m, void *into, struct str name)
{
    for (const struct row *r = m->rows; r->name; r++) {
        if (r->offset == NOWHERE) continue;
        if (r->kind == &K_MAPPING) bind_defaults(b, r->arg, place(b, r, into), STR_NONE); /* also when it is not written at all */
        if (r->kind->init) r->kind->init(place(b, r, into));
        if (!r->fallback) continue;
        struct ynode n = { .type = Y_SCALAR, .text = str_of(r->fallback) };
        r->kind->read(b, &n, r, place(b, r, into));
    }
    if (m->init) m->init(into, name);
}

static void unknown_key(struct bind *b, const struct ynode *n, const struct mapping *m)
{
    const char *words[64];
    size_t count = 0;
    for (const struct row *r = m->rows; r->name && count < 64; r++) words[count++] = r->name;
    findings_key(b->f, F_ERROR, n, "unknown key \"%.*s\"%s", STR_FMT(findings_shown(n->key)),
                 findings_hint(b->f, n->key, words, count));
}

static void read_key(struct bind *b, const struct ynode *n, const struct mapping *m, void *into)
{
    const struct row *r = find_row(m, n->key);
    if (!r) {
        unknown_key(b, n, m);
        return;
    }
    if (n->type == Y_SCALAR && !n->quoted && !n->text.n) {
        bind_error(b, n, "has no value: give it one, or leave the key out");
        return;
    }
    bool idle = r->flags & ROW_IDLE;
    if (idle && !b->idle) findings_key(b->f, F_WARN, n, "nothing acts on \"%.*s\" yet", STR_FMT(findings_shown(n->key)));
    b->idle += idle;
    r->kind->read(b, n, r, place(b, r, into));
    b->idle -= idle;
}

static void check_needed(struct bind *b, const struct ynode *n, const struct mapping *m)
{
    for (const struct row *r = m->rows; r->name; r++)
        if ((r->flags & ROW_NEEDED) && !tree_get(n, r->name))
            findings_key(b->f, F_ERROR, n, "\"%s\" is missing here: %s", r->name, r->help);
}

void bind_mapping(struct bind *b, const struct ynode *n, const struct mapping *m, void *into)
{
    bind_defaults(b, m, into, n->key);
    if (m->line_at != NOWHERE) *(uint32_t *)((char *)into + m->line_at) = n->key.p ? n->key_line : n->line;
    if (n->type != Y_MAP) {
        bind_expected(b, n, m->name);
        return;
    }
    for (const struct ynode *c = n->first; c; c = c->next) read_key(b, c, m, into);
    check_needed(b, n, m);
    if (m->check) m->check(b, n, into);
}
