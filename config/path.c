/* Paths of a webhook's mapping: their text to steps. inbound.h says what may be written.

   A reader goes once over the text; the first trouble is said in a sentence, and nothing of a path is used then. A path inside of
   brackets is read by the same reader, one level deep. */
#include "config/inbound.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

WORDS_TABLE(path_root, PATH_ROOT_MAP)

struct reader {
    struct str text;
    size_t at;
    bool each, inner;
    struct arena *arena;
    char *why;
};

static enum err bad(struct reader *r, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
static enum err bad(struct reader *r, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(r->why, 200, fmt, ap);
    va_end(ap);
    return ERR_RANGE;
}

static const char *keep(struct reader *r, struct str s, enum err *e)
{
    const char *p = arena_strdup(r->arena, s);
    if (!p) *e = ERR_NOMEM;
    return p;
}

static struct str rest(const struct reader *r) { return (struct str){ r->text.p + r->at, r->text.n - r->at }; }

static struct str until(struct reader *r, const char *ends)
{
    size_t from = r->at;
    while (r->at < r->text.n && !strchr(ends, r->text.p[r->at])) r->at++;
    return (struct str){ r->text.p + from, r->at - from };
}

static enum err read_name(struct reader *r, struct path_step *out)
{
    enum err e = ERR_OK;
    struct str name = until(r, ".[]{}");
    if (!name.n) return bad(r, "a name is missing at character %zu of \"%.*s\"", r->at + 1, STR_FMT(r->text));
    if (name.n > 128) return bad(r, "a name is longer than 128 bytes; put it into ['…']");
    if (memchr(name.p, ' ', name.n)) return bad(r, "a path has no blanks; a text that is always the same is { const: \"…\" }");
    out->kind = STEP_KEY;
    out->key = keep(r, name, &e);
    return e;
}

/* The closing bracket that belongs to the opening one before `at`; false: none. */
static bool close_of(const struct reader *r, size_t *end)
{
    const char *p = memchr(r->text.p + r->at, ']', r->text.n - r->at);
    if (r->at < r->text.n && r->text.p[r->at] == '\'') {
        const char *quote = memchr(r->text.p + r->at + 1, '\'', r->text.n - r->at - 1);
        p = quote && quote + 1 < r->text.p + r->text.n && quote[1] == ']' ? quote + 1 : NULL;
    }
    if (!p) return false;
    *end = (size_t)(p - r->text.p);
    return true;
}

static enum err read_path(struct reader *r, struct path *out);

static enum err read_lookup(struct reader *r, struct str inside, struct path_step *out)
{
    if (r->inner) return bad(r, "brackets within brackets are one too many in \"%.*s\"", STR_FMT(r->text));
    struct path *by = arena_alloc(r->arena, sizeof *by);
    if (!by) return ERR_NOMEM;
    struct reader inner = { inside, 0, false, true, r->arena, r->why };
    out->kind = STEP_LOOKUP;
    out->by = by;
    return read_path(&inner, by);
}

static enum err read_bracket(struct reader *r, struct path_step *out)
{
    size_t end;
    uint64_t index;
    enum err e = ERR_OK;
    r->at++;
    if (!close_of(r, &end)) return bad(r, "a bracket is not closed in \"%.*s\"", STR_FMT(r->text));
    struct str inside = { r->text.p + r->at, end - r->at };
    r->at = end + 1;
    if (!inside.n) {
        out->kind = STEP_EACH;
        return r->each ? ERR_OK : bad(r, "\"[]\" stands for every item and belongs into \"each\"; here take one: [0]");
    }
    if (inside.p[0] == '\'') {
        out->kind = STEP_KEY;
        out->key = keep(r, (struct str){ inside.p + 1, inside.n - 2 }, &e);
        return e;
    }
    if (inside.p[0] < '0' || inside.p[0] > '9') return read_lookup(r, inside, out);
    if (str_u64(inside, 0, 1000000, &index)) return bad(r, "[%.*s] is no place in a list", STR_FMT(inside));
    out->kind = STEP_INDEX;
    out->index = (uint32_t)index;
    return ERR_OK;
}

static enum err read_steps(struct reader *r, struct path *out)
{
    struct path_step steps[PATH_STEPS];
    enum err e = ERR_OK;
    uint32_t n = 0;
    bool first = out->root == ROOT_ITEM;
    while (r->at < r->text.n && !e) {
        if (n == PATH_STEPS) return bad(r, "has more than %u steps", PATH_STEPS);
        memset(&steps[n], 0, sizeof *steps);
        char c = r->text.p[r->at];
        if (c == '[') e = read_bracket(r, &steps[n]);
        else if (c == '.' && !first) r->at++, e = read_name(r, &steps[n]);
        else if (first) e = read_name(r, &steps[n]);
        else e = bad(r, "a dot or a bracket is missing at character %zu of \"%.*s\"", r->at + 1, STR_FMT(r->text));
        first = false;
        n++;
    }
    if (e) return e;
    out->steps = arena_alloc(r->arena, (n ? n : 1) * sizeof *steps);
    if (!out->steps) return ERR_NOMEM;
    memcpy(out->steps, steps, n * sizeof *steps);
    out->count = n;
    return ERR_OK;
}

static enum err read_named(struct reader *r, struct path *out)
{
    static const char *const of_account[] = { "name", "id", "channel", "from" };
    enum err e = ERR_OK;
    char *name;
    if (r->at == r->text.n || r->text.p[r->at] != '.' || r->at + 1 == r->text.n)
        return bad(r, "\"%.*s\" must go on with a dot and a name", STR_FMT(r->text));
    r->at++;
    struct str s = rest(r);
    r->at = r->text.n;
    if (s.n > 128) return bad(r, "a name is longer than 128 bytes");
    if (!(name = (char *)keep(r, s, &e))) return e;
    if (out->root == ROOT_HEADER)
        for (char *p = name; *p; p++)
            if (*p >= 'A' && *p <= 'Z') *p |= 0x20;
    bool known = out->root != ROOT_ACCOUNT;
    for (size_t i = 0; i < sizeof of_account / sizeof *of_account; i++) known = known || !strcmp(name, of_account[i]);
    if (!known) return bad(r, "\"$account.%s\" is nothing: there are $account.name, .id, .channel and .from", name);
    out->name = name;
    return ERR_OK;
}

static enum err read_root(struct reader *r, struct path *out)
{
    r->at = 1;
    struct str word = until(r, ".[]{}");
    int root = word.n ? words_find(&path_root_words, word) : -1;
    if (root < 0) {
        const char *near = str_nearest(word, path_root_words.v + 1, path_root_words.count - 1);
        return bad(r, "\"$%.*s\" is nothing%s%s%s", STR_FMT(word),
                   near ? " (did you mean \"$"
                        : ": there are $body, $query, $header "
                          "and $account",
                   near ? near : "", near ? "\"?)" : "");
    }
    out->root = (enum path_root)root;
    return root == ROOT_BODY ? read_steps(r, out) : read_named(r, out);
}

static enum err read_path(struct reader *r, struct path *out)
{
    *out = (struct path){ .root = ROOT_ITEM };
    if (!r->text.n) return bad(r, "a path is empty");
    if (r->text.n > 512) return bad(r, "a path is longer than 512 bytes");
    return r->text.p[0] == '$' ? read_root(r, out) : read_steps(r, out);
}

enum err path_parse(struct path *out, struct str text, bool each, struct arena *arena, char why[200])
{
    struct reader r = { text, 0, each, false, arena, why };
    why[0] = 0;
    return read_path(&r, out);
}
