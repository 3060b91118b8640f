/* YAML events to a tree.

   libyaml's event API is the only part of it in use: the document API keeps duplicate keys, makes real cycles of aliases and
   ignores a second document. One handler per event type (on_event[]) hangs a node under the container that is open (`at`); the
   depth of open containers is bounded, so is the file, so everything here is.

   Always true: `at` is the innermost open container, NULL outside; while `at` is a mapping, `key.p` is set between a key and its
   value. Keys already seen are kept in one hash for the whole file, as the number of their mapping followed by the key, so
   that a mapping of 30,000 agents costs no more per key than one of three.

   Two kinds of refusal: those after which the rest still makes sense (a tag, an anchor, a duplicate key: said, then skipped) and
   those after which it does not (`stop`): libyaml itself gave up, the depth, a key that is no text.

   All nodes and texts live in the caller's arena; events are deleted by the loop on every path. */
#include "config/tree.h"

#include "base/limits.h"
#include "base/map.h"
#include "config/findings.h"

#include <stdio.h>
#include <yaml.h>

struct reader {
    yaml_parser_t parser;
    struct arena *arena;
    struct findings *f;
    struct str yaml;
    struct map keys;
    struct ynode *root, *at;
    struct str key;
    uint32_t key_line, key_column;
    uint32_t depth, numbers, documents;
    enum err err;
    bool stop, ended;
};

static uint32_t line_of(const yaml_event_t *e) { return (uint32_t)e->start_mark.line + 1; }
static uint32_t column_of(const yaml_event_t *e) { return (uint32_t)e->start_mark.column + 1; }

static void refuse(struct reader *r, const yaml_event_t *e, const char *text)
{
    const char *key = r->at ? tree_path(r->at, &r->f->arena) : "";
    findings_add(r->f, F_ERROR, line_of(e), column_of(e), key, "%s", text);
    r->err = ERR_YAML;
}

static void refuse_and_stop(struct reader *r, const yaml_event_t *e, const char *text)
{
    refuse(r, e, text);
    r->stop = true;
}

static void out_of_memory(struct reader *r)
{
    r->err = ERR_NOMEM;
    r->stop = true;
}

/* ---- nodes ---- */

/* Notes the key of `n` for its mapping. False when it was there before: said, and the second one is left out of the tree. */
static bool is_first(struct reader *r, struct ynode *n)
{
    struct str id = { NULL, sizeof n->parent->number + n->key.n };
    char *bytes = arena_alloc(r->arena, id.n);
    if (!bytes) {
        out_of_memory(r);
        return false;
    }
    memcpy(bytes, &n->parent->number, sizeof n->parent->number);
    memcpy(bytes + sizeof n->parent->number, n->key.p, n->key.n);
    id.p = bytes;
    enum err put = map_put(&r->keys, id, n);
    if (put == ERR_EXISTS) {
        const struct ynode *before = map_get(&r->keys, id);
        findings_key(r->f, F_ERROR, n, "\"%.*s\" is written twice here, first on line %u", STR_FMT(findings_shown(n->key)),
                     before->key_line);
        r->err = ERR_YAML;
    } else if (put) {
        out_of_memory(r);
    }
    return put == ERR_OK;
}

/* A duplicate knows its parent (what is in it must still be read), but its parent does not know it: whoever walks the tree may rely
   on keys being unique. */
static void hang(struct reader *r, struct ynode *n)
{
    struct ynode *p = n->parent = r->at;
    if (!p) {
        r->root = n;
        return;
    }
    if (p->type == Y_MAP) {
        n->key = r->key;
        n->key_line = r->key_line;
        n->key_column = r->key_column;
        r->key = STR_NONE;
        if (!is_first(r, n)) return;
    }
    n->index = p->count++;
    if (p->last) p->last->next = n;
    else p->first = n;
    p->last = n;
}

static struct ynode *add_node(struct reader *r, const yaml_event_t *e, enum ytype type)
{
    if (r->numbers == LIM_YAML_NODES) {
        refuse_and_stop(r, e, "the file is too long: more than 400,000 texts, lists and mappings");
        return NULL;
    }
    struct ynode *n = arena_alloc(r->arena, sizeof *n);
    if (!n) {
        out_of_memory(r);
        return NULL;
    }
    n->type = type;
    n->line = line_of(e);
    n->column = column_of(e);
    n->at = (uint32_t)e->start_mark.index;
    n->end = (uint32_t)e->end_mark.index;
    n->number = r->numbers++;
    hang(r, n);
    return n;
}

static struct str keep_text(struct reader *r, struct str s)
{
    const char *p = arena_strdup(r->arena, s);
    if (!p) out_of_memory(r);
    return (struct str){ p, p ? s.n : 0 };
}

/* True when a mapping waits for a key, and `e` begins something that cannot be one. */
static bool is_odd_key(struct reader *r, const yaml_event_t *e)
{
    if (!r->at || r->at->type != Y_MAP || r->key.p) return false;
    refuse_and_stop(r, e, "a key must be a plain text, not a list or a mapping");
    return true;
}

static void check_marks(struct reader *r, const yaml_event_t *e, const yaml_char_t *anchor, const yaml_char_t *tag)
{
    if (anchor) refuse(r, e, "anchors (&name) are not used here: write the value out");
    if (tag) refuse(r, e, "tags (!name) are not used here: write the value plainly");
}

/* ---- events ---- */

static void on_scalar(struct reader *r, const yaml_event_t *e)
{
    struct str s = { (const char *)e->data.scalar.value, e->data.scalar.length };
    check_marks(r, e, e->data.scalar.anchor, e->data.scalar.tag);
    if (s.n && memchr(s.p, 0, s.n)) refuse_and_stop(r, e, "a text may not contain a NUL character");
    if (r->stop) return;
    if (r->at && r->at->type == Y_MAP && !r->key.p) {
        r->key = keep_text(r, s);
        r->key_line = line_of(e);
        r->key_column = column_of(e);
        return;
    }
    struct ynode *n = add_node(r, e, Y_SCALAR);
    if (!n) return;
    n->quoted = e->data.scalar.style != YAML_PLAIN_SCALAR_STYLE;
    n->text = keep_text(r, s);
}

static void on_alias(struct reader *r, const yaml_event_t *e)
{
    refuse(r, e, "aliases (*name) are not used here: write the value out; a pattern that begins with * needs quotes");
    if (is_odd_key(r, e)) return;
    struct ynode *n = add_node(r, e, Y_SCALAR);
    if (n) n->quoted = true, n->text = STR("");
}

static void open_container(struct reader *r, const yaml_event_t *e, enum ytype type, bool flow)
{
    if (is_odd_key(r, e)) return;
    if (++r->depth > LIM_YAML_DEPTH) {
        refuse_and_stop(r, e, "nested too deep: more than 32 levels");
        return;
    }
    struct ynode *n = add_node(r, e, type);
    if (n) n->flow = flow, r->at = n;
}

static void on_list(struct reader *r, const yaml_event_t *e)
{
    check_marks(r, e, e->data.sequence_start.anchor, e->data.sequence_start.tag);
    open_container(r, e, Y_LIST, e->data.sequence_start.style == YAML_FLOW_SEQUENCE_STYLE);
}

static void on_map(struct reader *r, const yaml_event_t *e)
{
    check_marks(r, e, e->data.mapping_start.anchor, e->data.mapping_start.tag);
    open_container(r, e, Y_MAP, e->data.mapping_start.style == YAML_FLOW_MAPPING_STYLE);
}

static void on_end(struct reader *r, const yaml_event_t *e)
{
    struct ynode *n = r->at;
    if (n->flow) n->end = (uint32_t)e->end_mark.index;
    else if (n->last) n->end = n->last->end; /* its own end event comes behind blank lines and comments */
    r->depth--;
    r->at = n->parent;
}

static void on_document(struct reader *r, const yaml_event_t *e)
{
    if (r->documents++) refuse_and_stop(r, e, "a second document begins here: a policy is one document");
}

static void on_stream_end(struct reader *r, const yaml_event_t *e)
{
    (void)e;
    r->ended = r->stop = true;
}

typedef void event_fn(struct reader *r, const yaml_event_t *e);
static event_fn *const on_event[] = {
    [YAML_STREAM_END_EVENT] = on_stream_end, [YAML_DOCUMENT_START_EVENT] = on_document, [YAML_ALIAS_EVENT] = on_alias,
    [YAML_SCALAR_EVENT] = on_scalar,         [YAML_SEQUENCE_START_EVENT] = on_list,     [YAML_SEQUENCE_END_EVENT] = on_end,
    [YAML_MAPPING_START_EVENT] = on_map,     [YAML_MAPPING_END_EVENT] = on_end,
};

/* ---- trouble of form ---- */

/* Line and column of a byte offset. */
static void place_of(struct str yaml, size_t at, uint32_t *line, uint32_t *column)
{
    *line = *column = 1;
    for (size_t i = 0; i < at && i < yaml.n; i++) {
        if (yaml.p[i] == '\n') ++*line, *column = 1;
        else if (((unsigned char)yaml.p[i] & 0xc0) != 0x80) ++*column;
    }
}

/* Is there a tab between the beginning of the line and its first other character? It is the most common mistake of form. */
static bool tab_indents(struct str yaml, size_t line)
{
    size_t i = 0;
    for (; line && i < yaml.n; i++) line -= yaml.p[i] == '\n';
    while (i < yaml.n && yaml.p[i] == ' ') i++;
    return i < yaml.n && yaml.p[i] == '\t';
}

static void parser_refused(struct reader *r)
{
    const yaml_parser_t *p = &r->parser;
    r->err = p->error == YAML_MEMORY_ERROR ? ERR_NOMEM : ERR_YAML;
    r->stop = true;
    r->root = NULL;
    if (p->error == YAML_READER_ERROR) {
        uint32_t line, column;
        place_of(r->yaml, p->problem_offset, &line, &column);
        findings_add(r->f, F_ERROR, line, column, "", "%s", p->problem);
        return;
    }
    const char *key = r->at ? tree_path(r->at, &r->f->arena) : "";
    uint32_t line = (uint32_t)p->problem_mark.line + 1, column = (uint32_t)p->problem_mark.column + 1;
    bool sign = p->problem && strstr(p->problem, "cannot start any token");
    if (tab_indents(r->yaml, p->problem_mark.line)) {
        findings_add(r->f, F_ERROR, line, column, key, "a tab cannot indent: use spaces");
    } else if (sign || (p->context && strstr(p->context, "block scalar"))) {
        findings_add(r->f, F_ERROR, line, column, key, "a text that begins with a sign such as > | %% or @ needs quotes: \">=3\"");
    } else if (p->context) {
        findings_add(r->f, F_ERROR, line, column, key, "%s, %s (from line %u)", p->problem, p->context,
                     (uint32_t)p->context_mark.line + 1);
    } else {
        findings_add(r->f, F_ERROR, line, column, key, "%s", p->problem ? p->problem : "not YAML");
    }
}

static void read_event(struct reader *r)
{
    yaml_event_t e;
    if (!yaml_parser_parse(&r->parser, &e)) {
        parser_refused(r);
        return;
    }
    if ((size_t)e.type < sizeof on_event / sizeof *on_event && on_event[e.type]) on_event[e.type](r, &e);
    yaml_event_delete(&e);
}

static bool check_bytes(struct str yaml, struct findings *f, enum err *err)
{
    size_t at = 0;
    if (yaml.n > LIM_YAML_BYTES) {
        findings_add(f, F_ERROR, 0, 0, "", "the file has %zu bytes; at most %u are read", yaml.n, LIM_YAML_BYTES);
        *err = ERR_TOOBIG;
        return false;
    }
    if (str_utf8(yaml, &at)) return true;
    uint32_t line, column;
    place_of(yaml, at, &line, &column);
    findings_add(f, F_ERROR, line, column, "", "not valid UTF-8 here: save the file as UTF-8");
    *err = ERR_YAML;
    return false;
}

enum err tree_read(struct ynode **out, struct str yaml, struct arena *arena, struct findings *f)
{
    struct reader r = { .arena = arena, .f = f, .yaml = yaml };
    *out = NULL;
    if (!check_bytes(yaml, f, &r.err)) return r.err;
    size_t mark = tree_byte(yaml, 0, 0, 0); /* libyaml would count a byte order mark as indentation */
    if (mark) yaml.p += mark, yaml.n -= mark;
    r.yaml = yaml;
    if (!yaml_parser_initialize(&r.parser)) return ERR_NOMEM;
    map_init(&r.keys, LIM_YAML_BYTES);
    yaml_parser_set_encoding(&r.parser, YAML_UTF8_ENCODING);
    yaml_parser_set_input_string(&r.parser, (const unsigned char *)(yaml.n ? yaml.p : ""), yaml.n);
    while (!r.stop) read_event(&r);
    if (r.ended && !r.root) {
        findings_add(f, F_ERROR, 0, 0, "", "the file is empty");
        r.err = ERR_YAML;
    }
    *out = r.ended ? r.root : NULL;
    map_fini(&r.keys);
    yaml_parser_delete(&r.parser);
    return r.err;
}

/* ---- looking ---- */

const struct ynode *tree_get(const struct ynode *n, const char *key)
{
    if (!n || !key || n->type != Y_MAP) return NULL;
    for (const struct ynode *c = n->first; c; c = c->next)
        if (str_is(c->key, key)) return c;
    return NULL;
}

const struct ynode *tree_item(const struct ynode *n, uint32_t index)
{
    if (!n || n->type != Y_LIST) return NULL;
    for (const struct ynode *c = n->first; c; c = c->next)
        if (c->index == index) return c;
    return NULL;
}

size_t tree_byte(struct str yaml, size_t byte, uint32_t from, uint32_t character)
{
    if (byte == 0 && yaml.n >= 3 && memcmp(yaml.p, "\xef\xbb\xbf", 3) == 0) byte = 3;
    for (; from < character && byte < yaml.n; from++) byte += str_utf8_step(yaml.p + byte, yaml.n - byte);
    return byte;
}

const char *tree_type(const struct ynode *n)
{
    static const char *const names[] = { "a text", "a list", "a mapping" };
    return n->type == Y_SCALAR && !n->quoted && n->text.n == 0 ? "nothing" : names[n->type];
}

const char *tree_path(const struct ynode *n, struct arena *arena)
{
    const struct ynode *chain[LIM_YAML_DEPTH + 2];
    size_t depth = 0;
    for (; n && n->parent && depth < LIM_YAML_DEPTH + 2; n = n->parent) chain[depth++] = n;
    struct buf out;
    buf_init(&out, 2048);
    while (depth-- > 0) {
        const struct ynode *c = chain[depth];
        if (c->parent->type == Y_LIST) buf_addf(&out, "[%u]", c->index);
        else buf_addf(&out, "%s%.*s", out.n ? "." : "", STR_FMT(findings_shown(c->key)));
    }
    const char *path = out.err ? NULL : arena_strdup(arena, buf_str(&out));
    buf_fini(&out);
    return path ? path : "";
}
