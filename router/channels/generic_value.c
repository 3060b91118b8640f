/* Values of a mapping: what stands at a path, or what is made of several, as one text.

   Of JSON, texts are as they are, numbers as they would be written, true and false as words. A number too large to be exact in JSON
   (2^53 and more) is not there at all, and counted: half of its digits would be invented, and two identities could become one. */
#include "base/clock.h"
#include "router/channels/generic.h"

#include <math.h>
#include <stdio.h>

/* ---- JSON ---- */

static struct str number_text(const struct mapped *m, const struct json *v)
{
    double n = json_num(v);
    if (n == floor(n) && fabs(n) <= 9007199254740992.0) return channel_text(m->c, "%.0f", n);
    if (fabs(n) < 9007199254740992.0) return channel_text(m->c, "%.15g", n);
    channel_skip(m->c, "inexact_number");
    return STR_NONE;
}

/* The body's document lives until the answer, those of a form's fields do not. */
static struct str own_text(const struct mapped *m, struct str s)
{
    char *p = m->form && s.n ? arena_strdup(m->c->arena, s) : NULL;
    return m->form ? (struct str){ p, p ? s.n : 0 } : s;
}

static struct str json_text(const struct mapped *m, const struct json *v)
{
    if (!v) return STR_NONE;
    switch (json_type(v)) {
    case JSON_STRING: return own_text(m, json_str(v));
    case JSON_NUMBER: return number_text(m, v);
    case JSON_BOOL: return json_bool(v) ? STR("true") : STR("false");
    default: return STR_NONE;
    }
}

static const struct json *item_at(const struct json *list, uint32_t index)
{
    const struct json *v = json_type(list) == JSON_ARRAY ? json_first(list) : NULL;
    while (v && index--) v = json_next(v);
    return v;
}

static const struct json *member_at(const struct mapped *m, const struct json *v, const struct path *by)
{
    char key[257];
    struct str name = path_text(m, by);
    if (!name.n || name.n >= sizeof key) return NULL;
    memcpy(key, name.p, name.n);
    key[name.n] = '\0';
    return json_get(v, key);
}

static const struct json *step(const struct mapped *m, const struct json *v, const struct path_step *s)
{
    switch (s->kind) {
    case STEP_KEY: return json_get(v, s->key);
    case STEP_INDEX: return item_at(v, s->index);
    case STEP_LOOKUP: return member_at(m, v, s->by);
    default: return NULL;
    }
}

/* Does it begin with a field's name? An item of a list within a field is JSON as any. */
static bool is_field(const struct mapped *m, const struct path *p)
{
    bool of_form = m->form && (p->root == ROOT_BODY || (p->root == ROOT_ITEM && !m->item));
    return of_form && p->count && p->steps[0].kind == STEP_KEY;
}

const struct json *path_json(const struct mapped *m, const struct path *p)
{
    bool field = is_field(m, p);
    const struct json *v = p->root == ROOT_ITEM ? m->item : p->root == ROOT_BODY ? m->body : NULL;
    if (field) v = p->count > 1 ? form_json(m, p->steps[0].key) : NULL;
    for (uint32_t i = field; v && i < p->count; i++) v = step(m, v, &p->steps[i]);
    return v;
}

/* ---- texts ---- */

static struct str account_text(const struct mapped *m, const char *name)
{
    const struct door *d = m->c->door;
    if (!strcmp(name, "name")) return str_of(d->account->name);
    if (!strcmp(name, "id")) return str_of(d->account->id);
    if (!strcmp(name, "from")) return str_of(d->account->from);
    return str_of(d->channel);
}

struct str path_text(const struct mapped *m, const struct path *p)
{
    const struct delivery *in = m->c->in;
    switch (p->root) {
    case ROOT_QUERY: return channel_form(m->c, in->query, p->name);
    case ROOT_HEADER: return in->header(in->ctx, p->name);
    case ROOT_ACCOUNT: return account_text(m, p->name);
    default: break;
    }
    if (p->count == 1 && is_field(m, p)) return form_field(m->form, p->steps[0].key);
    return json_text(m, path_json(m, p));
}

/* STR_NONE unless every hole is filled. */
static struct str pieces_text(const struct mapped *m, const struct pieces *p)
{
    struct str parts[VALUE_PIECES];
    size_t n = 0, at = 0;
    for (uint32_t i = 0; i < p->count; i++) {
        parts[i] = p->v[i].path ? path_text(m, p->v[i].path) : p->v[i].text;
        if (!parts[i].n) return STR_NONE;
        n += parts[i].n;
    }
    if (p->count == 1) return parts[0];
    char *out = n ? arena_alloc(m->c->arena, n) : NULL;
    for (uint32_t i = 0; out && i < p->count; i++) {
        memcpy(out + at, parts[i].p, parts[i].n);
        at += parts[i].n;
    }
    return (struct str){ out, out ? n : 0 };
}

struct str value_text(const struct mapped *m, const struct value *v)
{
    struct str s = STR_NONE;
    for (uint32_t i = 0; i < v->count && !s.n; i++) s = pieces_text(m, &v->v[i]);
    return s;
}

/* ---- conditions ---- */

static bool is_there(const struct mapped *m, const struct path *p)
{
    const struct json *v = path_json(m, p);
    return v ? json_type(v) != JSON_NULL : path_text(m, p).n != 0;
}

static bool test_holds(const struct mapped *m, const struct inbound_test *t)
{
    bool any = false;
    if (t->exists >= 0) return is_there(m, t->path) == (t->exists == 1);
    struct str said = path_text(m, t->path);
    for (uint32_t i = 0; i < t->count && !any; i++) any = said.n && str_glob(pieces_text(m, &t->words[i]), said);
    return any != t->negate;
}

bool tests_hold(const struct mapped *m, const struct inbound_tests *t)
{
    for (uint32_t i = 0; i < t->count; i++)
        if (!test_holds(m, &t->v[i])) return false;
    return true;
}

/* ---- items ---- */

struct walk {
    struct mapped *m;
    const struct path *each;
    enum err (*fn)(struct mapped *m, void *ctx);
    void *ctx;
};

/* Depth is bounded by PATH_STEPS. */
static enum err walk_items(const struct walk *w, const struct json *v, uint32_t i)
{
    enum err e = ERR_OK;
    w->m->item = v;
    if (!v) return ERR_OK;
    if (i == w->each->count) return w->fn(w->m, w->ctx);
    if (w->each->steps[i].kind != STEP_EACH) return walk_items(w, step(w->m, v, &w->each->steps[i]), i + 1);
    if (json_type(v) != JSON_ARRAY) return ERR_OK;
    for (const struct json *c = json_first(v); c && !e; c = json_next(c)) e = walk_items(w, c, i + 1);
    return e;
}

enum err each_item(struct mapped *m, const struct path *each, enum err (*fn)(struct mapped *m, void *ctx), void *ctx)
{
    struct walk w = { m, each, fn, ctx };
    m->item = m->body;
    if (!each) return fn(m, ctx);
    if (is_field(m, each)) return walk_items(&w, form_json(m, each->steps[0].key), 1);
    return m->body ? walk_items(&w, m->body, 0) : ERR_OK;
}

static bool same_step(const struct path_step *a, const struct path_step *b)
{
    if (a->kind != b->kind) return false;
    if (a->kind == STEP_KEY) return !strcmp(a->key, b->key);
    return a->kind == STEP_LOOKUP ? same_path(a->by, b->by) : a->index == b->index;
}

bool same_path(const struct path *a, const struct path *b)
{
    if (!a || !b) return a == b;
    if (a->count != b->count) return false;
    for (uint32_t i = 0; i < a->count; i++)
        if (!same_step(&a->steps[i], &b->steps[i])) return false;
    return true;
}

/* ---- times ---- */

enum err generic_time(struct str text, uint64_t *ms)
{
    char z[40];
    uint64_t n;
    if (!str_u64(text, 1, UINT64_MAX, &n)) { /* until the year 5138, seconds have 11 digits at most */
        *ms = n < 100000000000ull ? n * 1000 : n < 100000000000000ull ? n : n / 1000;
        return *ms < 100000000000000ull ? ERR_OK : ERR_RANGE;
    }
    if (text.n < 19 || text.n >= sizeof z - 1) return ERR_RANGE;
    memcpy(z, text.p, text.n);
    z[10] = 'T';
    size_t end = text.n;
    if (end > 4 && !memcmp(z + end - 4, " UTC", 4)) z[end - 4] = 'Z', end -= 3;
    return clock_parse(z, end, ms) ? ERR_RANGE : ERR_OK;
}
