/* Patterns to places of the file.

   The file's tree is walked along each row's path: at `*` over all members, at `[]` over all items. A place that is written counts
   with what it says; one whose last keys are missing counts when the row has a default. What a pattern does not name is left out,
   and what two patterns name counts once. */
#include "base/limits.h"
#include "config/findings.h"
#include "workers/simulate/params.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#define ARENA   (256u << 20)
#define AWAY_MS 15e3 /* who begins at no time has to get away from it */

/* ---- places of the file ---- */

struct finder {
    struct params *out;
    const struct param_row *row;
    const char *pattern; /* that is looked for */
    bool as_one;         /* all that it names gets one value */
    enum err err;
    uint32_t hits; /* that it named, new or not */
    bool full;
};

static const char *keep(struct finder *f, const char *text)
{
    const char *kept = arena_strdup(&f->out->arena, str_of(text));
    if (!kept) f->err = ERR_NOMEM;
    return kept;
}

/* "a[3].b" → "a.b" */
static void without_numbers(const char *path, char *out, size_t room)
{
    size_t n = 0;
    for (bool inside = false; *path && n + 1 < room; path++) {
        inside = *path == '[' || (inside && *path != ']');
        if (!inside && *path != ']') out[n++] = *path;
    }
    out[n] = 0;
}

/* A pattern names a path, or one that it leads on to. */
static bool names(const char *pattern, const char *path)
{
    char plain[1024], longer[1024];
    without_numbers(path, plain, sizeof plain);
    const char *texts[] = { path, plain };
    snprintf(longer, sizeof longer, "%s.*", pattern);
    for (size_t i = 0; i < 2; i++)
        if (str_glob(str_of(pattern), str_of(texts[i])) || str_glob(str_of(longer), str_of(texts[i]))) return true;
    return false;
}

static double clamped(double v, double least, double most) { return fmin(fmax(v, least), most); }

static void bound(struct param *p)
{
    const struct param_row *r = p->row;
    double least = p->percent ? r->pct_least : r->least, most = p->percent ? r->pct_most : r->most;
    p->least = least;
    p->most = most;
    if (r->reach == 0) return;
    if (r->log) p->least = clamped(p->start / r->reach, least, most);
    double step = r->kind == PARAM_MS && !r->log ? AWAY_MS : 1;
    p->most = clamped(r->log ? p->start * r->reach : (p->start + step) * r->reach, least, most);
}

static struct param *new_param(struct finder *f, const char *name)
{
    struct params *all = f->out;
    if (all->count == PARAMS_MAX) f->full = true;
    if (f->full || f->err) return NULL;
    struct param *p = &all->v[all->count];
    *p = (struct param){ .row = f->row, .name = keep(f, name) };
    p->paths = arena_alloc(&all->arena, PARAMS_MAX * sizeof *p->paths);
    if (!p->paths) f->err = ERR_NOMEM;
    if (f->err) return NULL;
    all->count++;
    return p;
}

/* What may stand there: what is written first. */
static void take_words(struct param *p, const char *written)
{
    p->words[p->word_count++] = written;
    for (const char *const *w = p->row->words; *w && p->word_count < PARAM_WORDS; w++)
        if (strcmp(*w, written)) p->words[p->word_count++] = *w;
}

static bool known(const struct params *all, const char *path)
{
    for (uint32_t i = 0; i < all->count; i++)
        for (uint32_t k = 0; k < all->v[i].path_count; k++)
            if (!strcmp(all->v[i].paths[k], path)) return true;
    return false;
}

static bool is_one(const struct finder *f) { return f->as_one || f->row->together; }

/* The one that this path changes together with, or NULL: it says the same now. */
static struct param *companion(struct finder *f, const char *written)
{
    for (uint32_t i = 0; is_one(f) && i < f->out->count; i++) {
        struct param *p = &f->out->v[i];
        if (p->row == f->row && !strcmp(p->name, f->pattern) && !strcmp(p->written, written)) return p;
    }
    return NULL;
}

static void add(struct finder *f, const char *path, const char *written)
{
    double start = 0;
    bool percent = false;
    if (f->row->kind != PARAM_CHOICE && !param_read(f->row->kind, str_of(written), &start, &percent)) return;
    if (f->row->log && start <= 0) return; /* no factor leads away from nothing */
    f->hits++;
    if (known(f->out, path)) return;
    struct param *p = companion(f, written);
    if (!p) {
        p = new_param(f, is_one(f) ? f->pattern : path);
        if (!p) return;
        p->written = keep(f, written);
        p->percent = percent;
        p->start = start;
        if (f->err) return;
        if (f->row->kind == PARAM_CHOICE) take_words(p, p->written);
        else bound(p);
    }
    if (p->path_count == PARAMS_MAX) f->full = true;
    else p->paths[p->path_count++] = keep(f, path);
}

/* The text of a value, a list of words as one line: "[a, b]". False: a mapping, or not on one line. */
static bool value_text(const struct ynode *n, char *out, size_t room)
{
    int used = 0;
    if (n->type == Y_SCALAR) return (size_t)snprintf(out, room, "%.*s", STR_FMT(n->text)) < room;
    if (n->type != Y_LIST) return false;
    used += snprintf(out, room, "[");
    for (const struct ynode *c = n->first; c && (size_t)used < room; c = c->next)
        used += snprintf(out + used, room - (size_t)used, "%s%.*s", c->index ? ", " : "", STR_FMT(c->text));
    if ((size_t)used < room) used += snprintf(out + used, room - (size_t)used, "]");
    return (size_t)used < room;
}

static void at_end(struct finder *f, const struct ynode *n, const char *path)
{
    char written[PARAM_TEXT];
    if (!names(f->pattern, path)) return;
    if (!n && f->row->fallback) add(f, path, f->row->fallback);
    else if (n && value_text(n, written, sizeof written)) add(f, path, written);
}

/* `n` is what `path` leads to, NULL when the file does not write it; `rest` is what is left of the row's path. */
static void walk(struct finder *f, const struct ynode *n, const char *path, const char *rest)
{
    char longer[1024];
    size_t len = strcspn(rest, ".[");
    if (f->err) return;
    if (*rest == 0) {
        at_end(f, n, path);
    } else if (rest[0] == '[') {
        for (const struct ynode *c = n && n->type == Y_LIST ? n->first : NULL; c; c = c->next) {
            snprintf(longer, sizeof longer, "%s[%u]", path, c->index);
            walk(f, c, longer, rest + 2 + (rest[2] == '.'));
        }
    } else if (rest[0] == '*') {
        for (const struct ynode *c = n && n->type == Y_MAP ? n->first : NULL; c; c = c->next) {
            snprintf(longer, sizeof longer, "%s.%.*s", path, STR_FMT(c->key));
            walk(f, c, longer, rest + 1 + (rest[1] == '.'));
        }
    } else {
        char key[64];
        snprintf(key, sizeof key, "%.*s", (int)len, rest);
        snprintf(longer, sizeof longer, "%s%s%s", path, *path ? "." : "", key);
        if (n && n->type != Y_MAP && !(n->type == Y_SCALAR && !n->quoted && n->text.n == 0)) return;
        walk(f, tree_get(n, key), longer, rest + len + (rest[len] == '.'));
    }
}

/* ---- patterns ---- */

static bool is_row_word(const char *word, size_t n)
{
    for (const struct param_row *r = param_rows; r->path; r++)
        for (const char *at = r->path; *at;) {
            size_t len = strcspn(at, ".[");
            if (len == n && !strncmp(at, word, n)) return true;
            at += len;
            at += strspn(at, ".[]");
        }
    return false;
}

/* "queues.*.gates[].age" → "queues.*.gate.age": a plural is read as its key, and any item as all of them. */
static void singular(const char *from, char out[256])
{
    size_t n = 0, word = 0;
    for (; n < 255; from++) {
        bool end = !*from || *from == '.' || *from == '[';
        if (end && n > word + 1 && out[n - 1] == 's' && !is_row_word(out + word, n - word) && is_row_word(out + word, n - word - 1))
            n--;
        if (!*from) break;
        size_t any = !strncmp(from, "[]", 2) ? 2 : !strncmp(from, "[*]", 3) ? 3 : 0;
        if (any) {
            from += any - 1;
            continue;
        }
        out[n++] = *from;
        if (*from == '.') word = n;
    }
    out[n] = 0;
}

static uint32_t take_pattern(struct finder *f, const struct ynode *root, const char *pattern)
{
    f->pattern = keep(f, pattern);
    f->hits = 0;
    for (f->row = param_rows; f->row->path && f->pattern && !f->err; f->row++) walk(f, root, "", f->row->path);
    return f->hits;
}

/* As it stands, then with its plurals read as keys, then behind what the pattern before it begins with, the longest first. */
static bool take_item(struct finder *f, const struct ynode *root, const char *item, char before[256])
{
    char one[256], longer[512];
    singular(item, one);
    bool found = take_pattern(f, root, item) || take_pattern(f, root, one);
    for (size_t n = strlen(before); !found && n > 0; n--) {
        if (before[n - 1] != '.') continue;
        snprintf(longer, sizeof longer, "%.*s%s", (int)n, before, one);
        found = take_pattern(f, root, longer);
    }
    if (found && strlen(f->pattern) < 256) snprintf(before, 256, "%s", f->pattern);
    return found;
}

/* ---- what is wrong with a pattern ---- */

static bool tree_has(const struct ynode *map, struct str name)
{
    for (const struct ynode *c = map && map->type == Y_MAP ? map->first : NULL; c; c = c->next)
        if (str_eq(c->key, name)) return true;
    return false;
}

static const char *nearest_name(const struct ynode *root, struct str word)
{
    const char *list[LIM_LIST_ITEMS];
    size_t count = 0;
    const struct ynode *queues = tree_get(root, "queues");
    for (const struct ynode *c = queues && queues->type == Y_MAP ? queues->first : NULL; c && count < LIM_LIST_ITEMS; c = c->next)
        list[count++] = c->key.p;
    return str_nearest(word, list, count);
}

/* The pattern names what could be tuned, if the policy had it. */
static bool is_key(const char *pattern)
{
    char key[256];
    for (const struct param_row *r = param_rows; r->path; r++) {
        singular(r->path, key);
        size_t n = strlen(key);
        do {
            key[n] = 0;
            if (str_glob(str_of(pattern), str_of(key)) || str_glob(str_of(key), str_of(pattern))) return true;
            while (n && key[n] != '.') n--;
        } while (n > 1 && key[n - 1] != '*' && memchr(key, '.', n));
    }
    return false;
}

/* The nearest row to a pattern, or the nearest part that one begins with; NULL: none is near. */
static const char *nearest_key(struct finder *f, const char *pattern)
{
    const char *keys[128];
    char key[256];
    size_t count = 0;
    for (const struct param_row *r = param_rows; r->path && count < 126; r++) {
        singular(r->path, key);
        keys[count++] = keep(f, key);
        char *dot = strrchr(key, '.');
        if (dot > key && dot[-1] != '*') {
            *dot = 0;
            keys[count++] = keep(f, key);
        }
    }
    return f->err ? NULL : str_nearest(str_of(pattern), keys, count);
}

/* What is wrong with a pattern that named nothing, when something is near. */
static bool suggest(struct finder *f, const struct ynode *root, const char *pattern, char why[PARAMS_WHY])
{
    char one[256];
    singular(pattern, one);
    struct str name = { one + 7, strncmp(one, "queues.", 7) ? 0 : strcspn(one + 7, ".") };
    bool named = name.n && !memchr(name.p, '*', name.n) && !tree_has(tree_get(root, "queues"), name);
    const char *near = is_key(one) ? (named ? nearest_name(root, name) : NULL) : nearest_key(f, one);
    if (is_key(one) && named) snprintf(why, PARAMS_WHY, "\"%s\": no queue is named \"%.*s\"", pattern, STR_FMT(name));
    else if (is_key(one)) snprintf(why, PARAMS_WHY, "\"%s\": the policy writes none, so there is nothing to tune", pattern);
    else if (near) snprintf(why, PARAMS_WHY, "\"%s\" is nothing that can be tuned", pattern);
    else return false;
    size_t n = strlen(why);
    if (near) snprintf(why + n, PARAMS_WHY - n, " (did you mean \"%s\"?)", near);
    return true;
}

static void refuse(struct finder *f, const struct ynode *root, const char *item, const char *before, char why[PARAMS_WHY])
{
    char longer[512];
    if (suggest(f, root, item, why)) return;
    for (size_t n = strlen(before); n > 0; n--) {
        if (before[n - 1] != '.') continue;
        snprintf(longer, sizeof longer, "%.*s%s", (int)n, before, item);
        if (suggest(f, root, longer, why)) return;
    }
    int used = snprintf(why, PARAMS_WHY, "\"%s\" is nothing that can be tuned; known:", item);
    for (const struct param_row *r = param_rows; r->path && used < (int)PARAMS_WHY; r++)
        used += snprintf(why + used, PARAMS_WHY - (size_t)used, "%s %s", r == param_rows ? "" : ",", r->path);
}

/* ---- all of it ---- */

static enum err find_all(struct finder *f, const struct ynode *root, const char *over, char why[PARAMS_WHY])
{
    char item[256], before[256] = "";
    while (!f->err) {
        over += strspn(over, " \t,");
        size_t len = strcspn(over, ","), used = len;
        if (!len) break;
        while (used && (over[used - 1] == ' ' || over[used - 1] == '\t')) used--;
        if (used >= sizeof item - 16) {
            snprintf(why, PARAMS_WHY, "a pattern has at most %zu bytes", sizeof item - 17);
            return ERR_USAGE;
        }
        f->as_one = over[used - 1] == '=';
        snprintf(item, sizeof item, "%.*s", (int)(f->as_one ? used - 1 : used), over);
        if (!take_item(f, root, item, before) && !f->err && !f->full) {
            refuse(f, root, item, before, why);
            return ERR_USAGE;
        }
        over += len;
    }
    if (!f->err && f->full) snprintf(why, PARAMS_WHY, "more than %u values would be tuned: name fewer", PARAMS_MAX);
    if (!f->err && !f->full && f->out->count == 0) snprintf(why, PARAMS_WHY, "name what is to be tuned, such as queues.*.weight");
    return f->err ? f->err : f->full || f->out->count == 0 ? ERR_USAGE : ERR_OK;
}

enum err params_find(struct params *out, struct str yaml, const char *over, char why[PARAMS_WHY])
{
    struct finder f = { .out = out };
    struct ynode *root = NULL;
    struct findings findings;
    struct arena trees;
    *out = (struct params){ .v = calloc(PARAMS_MAX, sizeof *out->v) };
    arena_init(&out->arena, ARENA);
    arena_init(&trees, ARENA);
    findings_init(&findings);
    snprintf(why, PARAMS_WHY, "out of memory");
    enum err e = out->v ? tree_read(&root, yaml, &trees, &findings) : ERR_NOMEM;
    if (e && e != ERR_NOMEM) snprintf(why, PARAMS_WHY, "the policy is no YAML that could be edited");
    if (!e) e = find_all(&f, root, over, why);
    findings_fini(&findings);
    arena_fini(&trees);
    if (e) params_fini(out);
    return e;
}
