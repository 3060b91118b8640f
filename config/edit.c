/* One value of a YAML file, set where it stands.

   The tree of the file says where each value begins and ends. A value that is written is replaced between these two places; one
   that is not is added to the innermost mapping of the path that is there: in brackets behind the last member, in a block on a line
   of its own behind it, indented as its first member is. All other bytes are copied, so comments, quotes and the order of keys
   survive.

   What came out is read again, and must be the same tree but for the change: a way of writing YAML that was not thought of ends in
   ERR_YAML, never in a file that says something else. Trees live in an arena of the call. */
#include "config/edit.h"

#include "config/findings.h"

#define ARENA (192u << 20)

struct edit {
    struct str yaml, value;
    const struct ynode *at; /* the innermost part of the path that the file writes */
    const char *rest;       /* of the path: keys to add, "" for none */
    struct buf *out;
};

/* ---- finding the place ---- */

/* The member whose name `path` goes on with, the longest: names may have dots in them. */
static const struct ynode *member_of(const struct ynode *map, const char *path)
{
    const struct ynode *best = NULL;
    for (const struct ynode *c = map->first; c; c = c->next) {
        size_t n = c->key.n;
        bool here = strncmp(path, c->key.p, n) == 0 && (path[n] == 0 || path[n] == '.' || path[n] == '[');
        if (here && (!best || n > best->key.n)) best = c;
    }
    return best;
}

/* "[3]…" → 3, and what follows. */
static bool read_index(const char **path, uint32_t *out)
{
    const char *end = strchr(*path, ']');
    uint64_t v = 0;
    if (!end || str_u64((struct str){ *path + 1, (size_t)(end - *path - 1) }, 0, UINT32_MAX, &v)) return false;
    *out = (uint32_t)v;
    *path = end + 1;
    return true;
}

static enum err find(struct edit *ed, const struct ynode *root, const char *path)
{
    const struct ynode *n = root, *next;
    uint32_t index;
    while (*path) {
        if (*path == '.') path++;
        if (*path == '[') {
            if (!read_index(&path, &index) || !(next = tree_item(n, index))) return ERR_NOTFOUND;
        } else {
            if (n->type != Y_MAP || !(next = member_of(n, path))) break;
            path += next->key.n;
        }
        n = next;
    }
    ed->at = n;
    ed->rest = path;
    if (!*path) return ERR_OK;
    bool nothing = n->type == Y_SCALAR && !n->quoted && n->text.n == 0;
    return strchr(path, '[') || (n->type != Y_MAP && !nothing) ? ERR_NOTFOUND : ERR_OK;
}

/* ---- writing ---- */

static void copy(struct edit *ed, size_t from, size_t to)
{
    if (to > from) buf_add(ed->out, ed->yaml.p + from, to - from);
}

/* a.b.c → "a: { b: { c: VALUE } }" */
static void add_keys(struct edit *ed, const char *keys)
{
    unsigned open = 0;
    for (const char *dot; (dot = strchr(keys, '.')); keys = dot + 1, open++) {
        buf_add(ed->out, keys, (size_t)(dot - keys));
        buf_addz(ed->out, ": { ");
    }
    buf_addf(ed->out, "%s: ", keys);
    buf_addstr(ed->out, ed->value);
    while (open--) buf_addz(ed->out, " }");
}

static void add_value(struct edit *ed)
{
    if (!*ed->rest) {
        buf_addstr(ed->out, ed->value);
        return;
    }
    buf_addz(ed->out, "{ ");
    add_keys(ed, ed->rest);
    buf_addz(ed->out, " }");
}

static bool is_blank(char c) { return c == ' ' || c == '\n' || c == '\r' || c == '\t'; }

/* A block that stands below its key moves up to it, since brackets would need an indentation that a list there may not have. */
static void replace(struct edit *ed)
{
    const struct ynode *n = ed->at;
    size_t from = tree_byte(ed->yaml, 0, 0, n->at), to = tree_byte(ed->yaml, 0, 0, n->end), key = from;
    while (n->type != Y_SCALAR && !n->flow && key && is_blank(ed->yaml.p[key - 1])) key--;
    if (key && ed->yaml.p[key - 1] == ':') from = key;
    while (to > from && is_blank(ed->yaml.p[to - 1])) to--; /* a block of text takes the end of its line with it */
    copy(ed, 0, from);
    if (from && ed->yaml.p[from - 1] == ':') buf_addc(ed->out, ' ');
    add_value(ed);
    copy(ed, to, ed->yaml.n);
}

static void insert_in_brackets(struct edit *ed)
{
    const struct ynode *n = ed->at;
    size_t at = tree_byte(ed->yaml, 0, 0, n->last ? n->last->end : n->end - 1);
    copy(ed, 0, at);
    buf_addz(ed->out, n->last ? ", " : is_blank(ed->yaml.p[at - 1]) ? "" : " ");
    add_keys(ed, ed->rest);
    if (!n->last) buf_addc(ed->out, ' ');
    copy(ed, at, ed->yaml.n);
}

static void insert_as_line(struct edit *ed)
{
    const struct ynode *n = ed->at;
    size_t end = tree_byte(ed->yaml, 0, 0, n->end), at = end;
    bool over = end && ed->yaml.p[end - 1] == '\n'; /* a block of text ends where the next line begins */
    const char *line = over || end == ed->yaml.n ? NULL : memchr(ed->yaml.p + end, '\n', ed->yaml.n - end);
    if (!over) at = line ? (size_t)(line + 1 - ed->yaml.p) : ed->yaml.n;
    bool whole = at == 0 || ed->yaml.p[at - 1] == '\n';
    bool crlf = memmem(ed->yaml.p, ed->yaml.n, "\r\n", 2) != NULL;
    copy(ed, 0, at);
    if (!whole) buf_addz(ed->out, crlf ? "\r\n" : "\n");
    for (uint32_t i = 1; i < n->first->key_column; i++) buf_addc(ed->out, ' ');
    add_keys(ed, ed->rest);
    if (whole) buf_addz(ed->out, crlf ? "\r\n" : "\n");
    copy(ed, at, ed->yaml.n);
}

static void write_edit(struct edit *ed)
{
    if (!*ed->rest || ed->at->type != Y_MAP) replace(ed);
    else if (ed->at->flow || !ed->at->first) insert_in_brackets(ed);
    else insert_as_line(ed);
}

/* ---- is it the same file? ---- */

static bool same(const struct edit *ed, const struct ynode *a, const struct ynode *b)
{
    bool added = a == ed->at && *ed->rest && a->type == Y_MAP;
    if (a == ed->at && !added) return true;
    if (a->type != b->type || a->quoted != b->quoted || !str_eq(a->text, b->text)) return false;
    if (b->count != a->count + added) return false;
    const struct ynode *d = b->first;
    for (const struct ynode *c = a->first; c; c = c->next, d = d->next)
        if (!str_eq(c->key, d->key) || !same(ed, c, d)) return false;
    return true;
}

/* The path leads to the value, and to nothing else. */
static bool leads(const struct ynode *root, const char *path, struct str value, struct arena *arena, struct findings *f)
{
    struct edit to = { .rest = "" }, none = { .rest = "" };
    struct ynode *wanted = NULL;
    if (tree_read(&wanted, value, arena, f) || find(&to, root, path) || *to.rest) return false;
    return same(&none, wanted, to.at);
}

enum err edit_set(struct str yaml, const char *path, struct str value, struct buf *out)
{
    struct edit ed = { .yaml = yaml, .value = value, .out = out };
    struct ynode *root = NULL, *result = NULL;
    struct findings f;
    struct arena arena;
    findings_init(&f);
    arena_init(&arena, ARENA);
    enum err e = tree_read(&root, yaml, &arena, &f);
    if (!e) e = find(&ed, root, path);
    if (e) goto out;
    write_edit(&ed);
    e = out->err ? out->err : tree_read(&result, buf_str(out), &arena, &f);
    if (!e && (!same(&ed, root, result) || !leads(result, path, value, &arena, &f))) e = ERR_YAML;
out:
    arena_fini(&arena);
    findings_fini(&f);
    return e;
}
