/* The kinds of values that any file of ours could use: texts, numbers, durations, percentages, words, lists, mappings, references.
   Each is one `struct kind`: how it is read, what it looks like when it is not given, how the JSON Schema describes it.
   What is quoted is text: "0815" is never a number; a plain 0815 is refused rather than guessed. */
#include "base/limits.h"
#include "base/opt.h"
#include "config/bind.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

/* ---- helpers that other kinds use ---- */

bool bind_within(struct bind *b, const struct ynode *n, const struct row *r, int64_t v)
{
    if ((r->min == 0 && r->max == 0) || ((double)v >= r->min && (double)v <= r->max)) return true;
    bind_error(b, n, "%lld is out of bounds: %.0f to %.0f", (long long)v, r->min, r->max);
    return false;
}

bool bind_whole(struct bind *b, const struct ynode *n, int64_t *out)
{
    if (!bind_is_scalar(b, n, "a whole number")) return false;
    if (n->quoted) {
        bind_error(b, n, "\"%.*s\" is a text: write the number without quotes", STR_FMT(findings_shown(n->text)));
        return false;
    }
    struct str digits = n->text;
    bool minus = digits.n > 1 && digits.p[0] == '-';
    if (minus) digits.p++, digits.n--;
    uint64_t v;
    if (str_u64(digits, 0, INT64_MAX, &v)) {
        bind_expected(b, n, "a whole number");
        return false;
    }
    if (digits.n > 1 && digits.p[0] == '0') {
        bind_error(b, n, "%.*s begins with a zero: write the number without it", STR_FMT(findings_shown(n->text)));
        return false;
    }
    *out = minus ? -(int64_t)v : (int64_t)v;
    return true;
}

/* "1h30" does not exist here: the largest unit that divides. */
const char *ms_text(double ms, char out[32])
{
    static const struct {
        const char *unit;
        double ms;
    } units[] = { { "d", 86400e3 }, { "h", 3600e3 }, { "m", 60e3 }, { "s", 1e3 }, { "ms", 1 } };
    size_t i = ms == 0 ? 3 : 0; /* 0s */
    while (i < 4 && ms > 0 && (ms < units[i].ms || fmod(ms, units[i].ms) != 0)) i++;
    snprintf(out, 32, "%.0f%s", ms / units[i].ms, units[i].unit);
    return out;
}

bool bind_ms(struct bind *b, const struct ynode *n, double min, double max, uint32_t *out)
{
    static const char what[] = "a duration (write 250ms, 15s, 2m, 4h or 7d)";
    uint64_t ms;
    char least[32], most[32];
    if (!bind_is_scalar(b, n, what)) return false;
    if (opt_ms(n->text, &ms)) {
        bind_expected(b, n, what);
        return false;
    }
    if ((double)ms < min || (double)ms > max || ms > UINT32_MAX) {
        bind_error(b, n, "%.*s is out of bounds: %s to %s", STR_FMT(findings_shown(n->text)), ms_text(min, least),
                   ms_text(max, most));
        return false;
    }
    *out = (uint32_t)ms;
    return true;
}

bool bind_percent(struct bind *b, const struct ynode *n, double min, double max, uint32_t *out)
{
    uint64_t v;
    if (!bind_is_scalar(b, n, "a percentage such as 80%")) return false;
    struct str s = n->text;
    if (s.n < 2 || s.p[s.n - 1] != '%' || str_u64((struct str){ s.p, s.n - 1 }, 0, 1000000, &v)) {
        bind_expected(b, n, "a percentage (write 80%)");
        return false;
    }
    if ((double)v < min || (double)v > max) {
        bind_error(b, n, "%.*s is out of bounds: %.0f%% to %.0f%%", STR_FMT(findings_shown(s)), min, max);
        return false;
    }
    *out = (uint32_t)v;
    return true;
}

int bind_word(struct bind *b, const struct ynode *n, const struct wordset *set, const char *what)
{
    const char *open[32];
    size_t count = 0;
    if (!bind_is_scalar(b, n, what)) return -1;
    int at = words_find(set->words, n->text);
    if (at >= 0 && !(set->hidden >> at & 1)) {
        if (set->idle >> at & 1) bind_warn(b, n, "nothing acts on \"%s\" yet", set->words->v[at]);
        return at;
    }
    for (unsigned i = 0; i < set->words->count && count < 32; i++)
        if (!(set->hidden >> i & 1)) open[count++] = set->words->v[i];
    bind_error(b, n, "\"%.*s\" is not %s%s", STR_FMT(findings_shown(n->text)), what, findings_hint(b->f, n->text, open, count));
    return -1;
}

bool bind_is_name(struct bind *b, const struct ynode *n, struct str s, size_t max, const char *more)
{
    if (s.n == 0 || s.n > max) {
        bind_error(b, n, "a name has 1 to %zu bytes, this one %zu", max, s.n);
        return false;
    }
    for (size_t i = 0; i < s.n; i++) {
        unsigned char c = (unsigned char)s.p[i];
        if (c >= 0x80 || (c >= '0' && c <= '9') || ((c | 0x20) >= 'a' && (c | 0x20) <= 'z') || strchr("-_.@+", c) ||
            strchr(more, c))
            continue;
        bind_error(b, n, "the name \"%.*s\" has a character that names may not have: letters, digits and -_.@+%s only",
                   STR_FMT(findings_shown(s)), more);
        return false;
    }
    return true;
}

/* ---- schema helpers ---- */

void schema_text_of(struct jw *w, const char *type)
{
    jw_key(w, "type");
    jw_strz(w, type);
}

void schema_pattern(struct jw *w, const char *pattern)
{
    schema_text_of(w, "string");
    jw_key(w, "pattern");
    jw_strz(w, pattern);
}

void schema_words(struct jw *w, const struct wordset *set)
{
    jw_key(w, "enum");
    jw_open(w, '[');
    for (unsigned i = 0; i < set->words->count; i++)
        if (!(set->hidden >> i & 1)) jw_strz(w, set->words->v[i]);
    jw_close(w, ']');
}

void schema_list_or_one(struct jw *w, void (*item)(struct jw *w, const struct row *r), const struct row *r)
{
    jw_key(w, "anyOf");
    jw_open(w, '[');
    jw_open(w, '{');
    item(w, r);
    jw_close(w, '}');
    jw_open(w, '{');
    schema_text_of(w, "array");
    jw_key(w, "items");
    jw_open(w, '{');
    item(w, r);
    jw_close(w, '}');
    jw_close(w, '}');
    jw_close(w, ']');
}

static void schema_bounds(struct jw *w, const struct row *r)
{
    if (r->min == 0 && r->max == 0) return;
    jw_key(w, "minimum");
    jw_f64(w, r->min);
    jw_key(w, "maximum");
    jw_f64(w, r->max);
}

/* ---- scalars ---- */

static void read_text(struct bind *b, const struct ynode *n, const struct row *r, void *into)
{
    if (!bind_is_scalar(b, n, "a text")) return;
    if (r->max != 0 && ((double)n->text.n < r->min || (double)n->text.n > r->max)) {
        bind_error(b, n, "has %zu bytes; allowed are %.0f to %.0f", n->text.n, r->min, r->max);
        return;
    }
    *(const char **)into = bind_text(b, n->text);
}
static void schema_text(struct jw *w, const struct row *r)
{
    (void)r;
    schema_text_of(w, "string");
}
const struct kind K_TEXT = { .name = "text", .example = "a text", .read = read_text, .schema = schema_text };

static void read_name(struct bind *b, const struct ynode *n, const struct row *r, void *into)
{
    if (bind_is_scalar(b, n, "a name") && bind_is_name(b, n, n->text, (size_t)r->max, ""))
        *(const char **)into = bind_text(b, n->text);
}
const struct kind K_NAME = { .name = "name", .example = "outage", .read = read_name, .schema = schema_text };

static void read_u32(struct bind *b, const struct ynode *n, const struct row *r, void *into)
{
    int64_t v;
    if (bind_whole(b, n, &v) && bind_within(b, n, r, v)) *(uint32_t *)into = (uint32_t)v;
}
static void schema_whole(struct jw *w, const struct row *r)
{
    schema_text_of(w, "integer");
    schema_bounds(w, r);
}
const struct kind K_U32 = { .name = "whole number", .example = "1", .read = read_u32, .schema = schema_whole };

static void read_int(struct bind *b, const struct ynode *n, const struct row *r, void *into)
{
    int64_t v;
    if (bind_whole(b, n, &v) && bind_within(b, n, r, v)) *(int *)into = (int)v;
}
const struct kind K_INT = { .name = "whole number", .example = "1", .read = read_int, .schema = schema_whole };

static void read_f64(struct bind *b, const struct ynode *n, const struct row *r, void *into)
{
    if (!bind_is_scalar(b, n, "a number")) return;
    char *end = NULL;
    bool plain = !n->quoted && n->text.n < 32 && strspn(n->text.p, "0123456789.-") == n->text.n;
    double v = plain ? strtod(n->text.p, &end) : 0;
    if (!plain || end != n->text.p + n->text.n) {
        bind_expected(b, n, "a number such as 0.45");
        return;
    }
    if (v < r->min || v > r->max) {
        bind_error(b, n, "%s is out of bounds: %g to %g", n->text.p, r->min, r->max);
        return;
    }
    *(double *)into = v;
}
static void schema_f64(struct jw *w, const struct row *r)
{
    schema_text_of(w, "number");
    schema_bounds(w, r);
}
const struct kind K_F64 = { .name = "number", .example = "0.5", .read = read_f64, .schema = schema_f64 };

static void read_flag(struct bind *b, const struct ynode *n, const struct row *r, void *into)
{
    (void)r;
    bool plain = n->type == Y_SCALAR && !n->quoted, yes = plain && (str_is(n->text, "yes") || str_is(n->text, "true"));
    if (!yes && !(plain && (str_is(n->text, "no") || str_is(n->text, "false")))) bind_expected(b, n, "yes or no");
    else *(bool *)into = yes;
}
static void schema_flag(struct jw *w, const struct row *r)
{
    (void)r;
    jw_key(w, "enum"); /* true and false, which readers of YAML 1.1 also make of yes and no */
    jw_open(w, '[');
    jw_bool(w, true);
    jw_bool(w, false);
    jw_strz(w, "yes");
    jw_strz(w, "no");
    jw_close(w, ']');
}
const struct kind K_FLAG = { .name = "yes or no", .example = "yes", .read = read_flag, .schema = schema_flag };

static void read_ms(struct bind *b, const struct ynode *n, const struct row *r, void *into)
{
    (void)bind_ms(b, n, r->min, r->max, into);
}
static void schema_ms(struct jw *w, const struct row *r)
{
    (void)r;
    schema_pattern(w, "^([0-9]+(ms|s|m|h|d)|0)$");
}
const struct kind K_MS = { .name = "duration", .example = "30s", .read = read_ms, .schema = schema_ms };

static void read_percent(struct bind *b, const struct ynode *n, const struct row *r, void *into)
{
    (void)bind_percent(b, n, r->min, r->max, into);
}
static void schema_percent(struct jw *w, const struct row *r)
{
    (void)r;
    schema_pattern(w, "^[0-9]+%$");
}
const struct kind K_PERCENT = { .name = "percentage", .example = "80%", .read = read_percent, .schema = schema_percent };

/* ---- words ---- */

static void not_given(void *into) { *(int *)into = -1; }

static void read_word(struct bind *b, const struct ynode *n, const struct row *r, void *into)
{
    int at = bind_word(b, n, r->arg, "a word known here");
    if (at >= 0) *(int *)into = at;
}
static void schema_word(struct jw *w, const struct row *r) { schema_words(w, r->arg); }
const struct kind K_WORD = { .name = "word", .read = read_word, .init = not_given, .schema = schema_word };

/* The second word of two means true. */
static void read_boolword(struct bind *b, const struct ynode *n, const struct row *r, void *into)
{
    int at = bind_word(b, n, r->arg, "a word known here");
    if (at >= 0) *(bool *)into = at != 0;
}
const struct kind K_BOOLWORD = { .name = "word", .read = read_boolword, .schema = schema_word };

/* ---- lists of texts: row->max is the bytes of one ---- */

static void read_texts(struct bind *b, const struct ynode *n, const struct row *r, void *into, bool names)
{
    struct words_list *list = into;
    if (n->type == Y_MAP) {
        bind_expected(b, n, "a text or a list of texts");
        return;
    }
    if (!bind_list_fits(b, n, LIM_LIST_ITEMS)) return;
    list->v = bind_alloc(b, bind_count(n) * sizeof *list->v);
    list->count = 0;
    if (!list->v) return;
    for (const struct ynode *c = bind_first(n); c; c = c == n ? NULL : c->next) {
        if (!bind_is_scalar(b, c, "a text")) continue;
        if (names && !bind_is_name(b, c, c->text, (size_t)r->max, ":*")) continue;
        if (c->text.n == 0) bind_error(b, c, "an empty text says nothing");
        else if ((double)c->text.n > r->max) bind_error(b, c, "has %zu bytes; at most %.0f are allowed", c->text.n, r->max);
        else list->v[list->count++] = bind_text(b, c->text);
    }
}
static void read_words(struct bind *b, const struct ynode *n, const struct row *r, void *into) { read_texts(b, n, r, into, false); }
static void read_names(struct bind *b, const struct ynode *n, const struct row *r, void *into) { read_texts(b, n, r, into, true); }
static void schema_any_text(struct jw *w, const struct row *r)
{
    (void)r;
    jw_key(w, "type"); /* a plain 1004 or true is a text here */
    jw_open(w, '[');
    jw_strz(w, "string");
    jw_strz(w, "number");
    jw_strz(w, "boolean");
    jw_close(w, ']');
}
static void schema_texts(struct jw *w, const struct row *r) { schema_list_or_one(w, schema_any_text, r); }
const struct kind K_WORDS = {
    .name = "text or list of texts", .example = "[one, two]", .read = read_words, .schema = schema_texts
};
const struct kind K_NAMES = {
    .name = "name or list of names", .example = "[one, two]", .read = read_names, .schema = schema_texts
};

/* ---- mappings ---- */

static const struct mapping *inner_mapping(const struct row *r) { return r->arg; }

static void read_mapping(struct bind *b, const struct ynode *n, const struct row *r, void *into)
{
    bind_mapping(b, n, r->arg, into);
}
static void schema_inner(struct jw *w, const struct row *r) { schema_mapping(w, r->arg); }
const struct kind K_MAPPING = {
    .name = "mapping", .read = read_mapping, .schema = schema_inner, .inner = inner_mapping, .suffix = ""
};

/* Where lists of structs go: every pointer is followed by its count. */
struct array {
    void *v;
    uint32_t count;
};

static bool name_allowed(struct bind *b, const struct ynode *n, const struct mapping *m)
{
    if (!m->names) {
        struct ynode at = *n; /* the place of the key, not of the value */
        at.line = n->key_line;
        at.column = n->key_column;
        return bind_is_name(b, &at, n->key, m->name_max ? m->name_max : 64, "");
    }
    if (words_find(m->names, n->key) >= 0) return true;
    findings_key(b->f, F_ERROR, n, "\"%.*s\" is not %s%s", STR_FMT(findings_shown(n->key)), m->name,
                 findings_hint(b->f, n->key, m->names->v, m->names->count));
    return false;
}

static void read_named(struct bind *b, const struct ynode *n, const struct row *r, void *into)
{
    const struct mapping *m = r->arg;
    struct array *a = into;
    if (n->type != Y_MAP) {
        bind_error(b, n, "expected names, each with %s, found %s", m->name, tree_type(n));
        return;
    }
    if (!bind_list_fits(b, n, (uint32_t)r->max)) return;
    a->v = bind_alloc(b, n->count * m->size);
    if (!a->v) return;
    for (const struct ynode *c = n->first; c; c = c->next) {
        char *item = (char *)a->v + a->count * m->size;
        if (!name_allowed(b, c, m)) continue;
        *(const char **)(item + m->name_at) = bind_text(b, c->key);
        bind_mapping(b, c, m, item);
        a->count++;
    }
}
static void schema_named(struct jw *w, const struct row *r)
{
    const struct mapping *m = r->arg;
    schema_text_of(w, "object");
    if (m->names) {
        jw_key(w, "propertyNames");
        jw_open(w, '{');
        schema_words(w, &(struct wordset){ m->names, 0, 0 });
        jw_close(w, '}');
    }
    jw_key(w, "additionalProperties");
    jw_open(w, '{');
    schema_mapping(w, m);
    jw_close(w, '}');
}
const struct kind K_NAMED = {
    .name = "names", .read = read_named, .schema = schema_named, .inner = inner_mapping, .suffix = ".NAME"
};

static void read_items(struct bind *b, const struct ynode *n, const struct row *r, void *into)
{
    const struct mapping *m = r->arg;
    struct array *a = into;
    if (n->type != Y_LIST) {
        bind_error(b, n, "expected a list (each line begins with \"- \"), found %s", tree_type(n));
        return;
    }
    if (!bind_list_fits(b, n, (uint32_t)r->max)) return;
    a->v = bind_alloc(b, n->count * m->size);
    if (!a->v) return;
    for (const struct ynode *c = n->first; c; c = c->next) bind_mapping(b, c, m, (char *)a->v + a->count++ * m->size);
}
static void schema_items(struct jw *w, const struct row *r)
{
    schema_text_of(w, "array");
    jw_key(w, "items");
    jw_open(w, '{');
    schema_mapping(w, r->arg);
    jw_close(w, '}');
}
const struct kind K_ITEMS = { .name = "list", .read = read_items, .schema = schema_items, .inner = inner_mapping, .suffix = "[]" };

/* ---- references: row->arg is an enum ref_to ---- */

static void read_ref(struct bind *b, const struct ynode *n, const struct row *r, void *into)
{
    bind_ref(b, *(const enum ref_to *)r->arg, n, into);
}
const struct kind K_REF = { .name = "name", .read = read_ref, .init = not_given, .schema = schema_text };
