/* The kinds of values that describe any provider's webhook: paths, values made of them, conditions, bodies to send. What may be
   written is said in inbound.h; here each is read from YAML to the structures there, so that nothing is parsed per request. */
#include "config/draft.h"
#include "config/inbound.h"
#include "config/rows.h"

#include <stdio.h>

WORDS_TABLE(send_name, SEND_NAME_MAP)

/* ---- paths and values ---- */

static const struct path *path_of(struct bind *b, const struct ynode *n, struct str text, bool each)
{
    char why[200];
    struct path *p = bind_alloc(b, sizeof *p);
    if (!p) return NULL;
    enum err e = path_parse(p, text, each, b->arena, why);
    if (e == ERR_NOMEM) b->broken |= 1;
    else if (e) bind_error(b, n, "%s", why);
    return e ? NULL : p;
}

/* What stands between braces, to a piece. */
typedef bool hole_fn(struct bind *b, const struct ynode *n, struct str inside, struct piece *out);

static bool hole_path(struct bind *b, const struct ynode *n, struct str inside, struct piece *out)
{
    out->path = path_of(b, n, inside, false);
    return out->path != NULL;
}

static bool hole_name(struct bind *b, const struct ynode *n, struct str inside, struct piece *out)
{
    static const struct str keep = { "reply.", 6 };
    if (inside.n > keep.n && !memcmp(inside.p, keep.p, keep.n)) {
        out->name = SEND_KEEP;
        out->keep = bind_text(b, (struct str){ inside.p + keep.n, inside.n - keep.n });
        return true;
    }
    out->name = words_find(&send_name_words, inside);
    if (out->name >= 0 && out->name != SEND_KEEP) return true;
    bind_error(b, n, "\"{%.*s}\" is nothing%s", STR_FMT(findings_shown(inside)),
               findings_hint(b->f, inside, send_name_words.v, send_name_words.count));
    return false;
}

/* The text before the next single brace; doubled ones count as one. */
static struct str plain_part(struct bind *b, struct str s, size_t *at)
{
    char *out = bind_alloc(b, s.n - *at + 1);
    size_t n = 0;
    while (out && *at < s.n) {
        bool brace = s.p[*at] == '{' || s.p[*at] == '}';
        bool twice = brace && *at + 1 < s.n && s.p[*at + 1] == s.p[*at];
        if (brace && !twice) break;
        out[n++] = s.p[*at];
        *at += twice ? 2 : 1;
    }
    return (struct str){ out, n };
}

static bool read_pieces(struct bind *b, const struct ynode *n, struct str s, hole_fn *hole, struct pieces *out)
{
    struct piece v[VALUE_PIECES];
    uint32_t count = 0;
    for (size_t at = 0; at < s.n;) {
        if (count == VALUE_PIECES) return bind_error(b, n, "has more than %u parts", VALUE_PIECES), false;
        struct piece *p = &v[count];
        *p = (struct piece){ .name = -1 };
        if ((p->text = plain_part(b, s, &at)).n) {
            count++;
            continue;
        }
        if (at >= s.n) break;
        const char *end = s.p[at] == '{' ? memchr(s.p + at, '}', s.n - at) : NULL;
        if (!end) return bind_error(b, n, "a brace stands alone: write {path}, or {{ and }} for braces"), false;
        if (!hole(b, n, (struct str){ s.p + at + 1, (size_t)(end - s.p) - at - 1 }, p)) return false;
        at = (size_t)(end - s.p) + 1;
        count++;
    }
    out->v = bind_alloc(b, (count ? count : 1) * sizeof *v);
    if (!out->v) return false;
    memcpy(out->v, v, count * sizeof *v);
    out->count = count;
    return true;
}

static bool one_piece(struct bind *b, struct piece p, struct pieces *out)
{
    out->v = bind_alloc(b, sizeof *out->v);
    if (!out->v) return false;
    out->v[0] = p;
    out->count = 1;
    return true;
}

static bool read_alternative(struct bind *b, const struct ynode *n, struct pieces *out)
{
    static const char what[] = "a path such as message.text, or { const: TEXT }";
    if (n->type == Y_MAP) {
        const struct ynode *c = tree_get(n, "const");
        if (!c || n->count != 1) return bind_expected(b, n, what), false;
        return bind_is_scalar(b, c, "a text") &&
               one_piece(b, (struct piece){ .text = str_of(bind_text(b, c->text)), .name = -1 }, out);
    }
    if (!bind_is_scalar(b, n, what)) return false;
    if (strpbrk(n->text.p, "{}")) return read_pieces(b, n, n->text, hole_path, out);
    const struct path *p = path_of(b, n, n->text, false);
    return p && one_piece(b, (struct piece){ .path = p, .name = -1 }, out);
}

static void read_value(struct bind *b, const struct ynode *n, const struct row *r, void *into)
{
    struct value *out = into;
    bool list = n->type == Y_LIST;
    (void)r;
    if (list && !bind_list_fits(b, n, VALUE_ALTS)) return;
    out->count = 0;
    out->v = bind_alloc(b, (list ? n->count : 1) * sizeof *out->v + 1);
    if (!out->v) return;
    for (const struct ynode *c = list ? n->first : n; c; c = list ? c->next : NULL)
        if (read_alternative(b, c, &out->v[out->count])) out->count++;
}
static void schema_alternative(struct jw *w, const struct row *r)
{
    (void)r;
    jw_key(w, "type");
    jw_open(w, '[');
    jw_strz(w, "string");
    jw_strz(w, "object");
    jw_close(w, ']');
}
static void schema_value(struct jw *w, const struct row *r) { schema_list_or_one(w, schema_alternative, r); }
const struct kind K_VALUE = { .name = "path, text with `{paths}`, `{ const: TEXT }`, or a list: the first that is there",
                              .example = "message.text",
                              .read = read_value,
                              .schema = schema_value };

static void read_each(struct bind *b, const struct ynode *n, const struct row *r, void *into)
{
    (void)r;
    if (!bind_is_scalar(b, n, "a path with [], such as messages[]")) return;
    const struct path *p = path_of(b, n, n->text, true);
    bool each = false;
    for (uint32_t i = 0; p && i < p->count; i++) each |= p->steps[i].kind == STEP_EACH;
    if (p && p->root != ROOT_ITEM && p->root != ROOT_BODY) bind_error(b, n, "a list can only be in the body");
    else if (p && !each) bind_error(b, n, "names no list: write \"%.*s[]\"", STR_FMT(findings_shown(n->text)));
    else *(const struct path **)into = p;
}
static void schema_text(struct jw *w, const struct row *r) { K_TEXT.schema(w, r); }
const struct kind K_EACH = { .name = "path with `[]`", .example = "\"messages[]\"", .read = read_each, .schema = schema_text };

/* ---- named values ---- */

static void read_members(struct bind *b, const struct ynode *n, const struct row *r, void *into)
{
    struct inbound_members *out = into;
    if (n->type != Y_MAP) {
        bind_expected(b, n, "names with paths such as { id: from.id }");
        return;
    }
    if (!bind_list_fits(b, n, (uint32_t)r->max)) return;
    out->count = 0;
    out->v = bind_alloc(b, n->count * sizeof *out->v);
    if (!out->v) return;
    for (const struct ynode *c = n->first; c; c = c->next) {
        struct ynode key = *c;
        key.line = c->key_line, key.column = c->key_column;
        if (!bind_is_name(b, &key, c->key, 48, "")) continue;
        out->v[out->count].name = bind_text(b, c->key);
        read_value(b, c, r, &out->v[out->count++].value);
    }
}
static void schema_members(struct jw *w, const struct row *r)
{
    schema_text_of(w, "object");
    jw_key(w, "additionalProperties");
    jw_open(w, '{');
    schema_value(w, r);
    jw_close(w, '}');
}
const struct kind K_MEMBERS = {
    .name = "names with paths", .example = "{ id: from.id, name: from.name }", .read = read_members, .schema = schema_members
};

/* ---- conditions: path → text, list of texts, { not: … }, { exists: yes } ---- */

static void read_test_words(struct bind *b, const struct ynode *n, struct inbound_test *t)
{
    if (n->type == Y_MAP) {
        bind_expected(b, n, "a text, a list of texts, { not: … } or { exists: yes }");
        return;
    }
    if (!bind_list_fits(b, n, 32) || !(t->words = bind_alloc(b, bind_count(n) * sizeof *t->words + 1))) return;
    for (const struct ynode *c = bind_first(n); c; c = c == n ? NULL : c->next)
        if (bind_is_scalar(b, c, "a text") && read_pieces(b, c, c->text, hole_path, &t->words[t->count])) t->count++;
}

static void read_test(struct bind *b, const struct ynode *n, struct inbound_test *t)
{
    const struct ynode *not = tree_get(n, "not"), *exists = tree_get(n, "exists");
    t->exists = -1;
    t->path = path_of(b, n, n->key, false);
    if (n->type != Y_MAP) read_test_words(b, n, t);
    else if (n->count == 1 && not ) t->negate = true, read_test_words(b, not, t);
    else if (n->count == 1 && exists) {
        bool yes = true;
        K_FLAG.read(b, exists, NULL, &yes);
        t->exists = yes;
    } else bind_expected(b, n, "a text, a list of texts, { not: … } or { exists: yes }");
}

static void read_tests(struct bind *b, const struct ynode *n, const struct row *r, void *into)
{
    struct inbound_tests *out = into;
    if (n->type != Y_MAP) {
        bind_expected(b, n, "paths with what must stand there, such as { type: message_create }");
        return;
    }
    if (!bind_list_fits(b, n, (uint32_t)r->max) || !(out->v = bind_alloc(b, n->count * sizeof *out->v))) return;
    for (const struct ynode *c = n->first; c; c = c->next) read_test(b, c, &out->v[out->count++]);
}
static void schema_tests(struct jw *w, const struct row *r)
{
    (void)r;
    schema_text_of(w, "object");
}
const struct kind K_TESTS = { .name = "paths with the text (`*`: any run), a list of texts, `{ not: … }` or `{ exists: yes }`",
                              .example = "{ type: message_create, from.bot: { not: true } }",
                              .read = read_tests,
                              .schema = schema_tests };

/* ---- a mapping that one word may stand for: its row `kind` ---- */

static const struct mapping *inner_of(const struct row *r) { return r->arg; }

static void read_sign(struct bind *b, const struct ynode *n, const struct row *r, void *into)
{
    const struct mapping *m = r->arg;
    if (n->type != Y_SCALAR) {
        bind_mapping(b, n, m, into);
        return;
    }
    bind_defaults(b, m, into, STR_NONE);
    m->rows[0].kind->read(b, n, &m->rows[0], (char *)into + m->rows[0].offset);
    if (m->check) m->check(b, n, into);
}
static void schema_sign(struct jw *w, const struct row *r)
{
    const struct mapping *m = r->arg;
    jw_key(w, "anyOf");
    jw_open(w, '[');
    jw_open(w, '{');
    schema_words(w, m->rows[0].arg);
    jw_close(w, '}');
    jw_open(w, '{');
    schema_mapping(w, m);
    jw_close(w, '}');
    jw_close(w, ']');
}
static void init_sign(void *into) { ((struct inbound_sign *)into)->kind = -1; }
const struct kind K_SIGN = { .name = "word, or mapping",
                             .example = "standard-webhooks",
                             .read = read_sign,
                             .init = init_sign,
                             .schema = schema_sign,
                             .inner = inner_of,
                             .suffix = "" };

/* ---- one mapping, or a list of them ---- */

static void read_rules(struct bind *b, const struct ynode *n, const struct row *r, void *into)
{
    struct inbound_rules *out = into;
    bool list = n->type == Y_LIST;
    if (list && !bind_list_fits(b, n, (uint32_t)r->max)) return;
    out->count = 0;
    out->v = bind_alloc(b, (list ? n->count : 1) * sizeof *out->v + 1);
    if (!out->v) return;
    for (const struct ynode *c = list ? n->first : n; c; c = list ? c->next : NULL)
        bind_mapping(b, c, r->arg, &out->v[out->count++]);
}
static void schema_rule(struct jw *w, const struct row *r) { schema_mapping(w, r->arg); }
static void schema_rules(struct jw *w, const struct row *r) { schema_list_or_one(w, schema_rule, r); }
const struct kind K_RULES = {
    .name = "mapping, or a list of them", .read = read_rules, .schema = schema_rules, .inner = inner_of, .suffix = ""
};

/* ---- what is sent ---- */

static void read_send_text(struct bind *b, const struct ynode *n, const struct row *r, void *into)
{
    (void)r;
    if (bind_is_scalar(b, n, "a text with holes such as {text}")) (void)read_pieces(b, n, n->text, hole_name, into);
}

/* The host must be the file's word alone: no customer's text may choose where a reply goes. */
static void read_send_url(struct bind *b, const struct ynode *n, const struct row *r, void *into)
{
    const char *host = n->type == Y_SCALAR ? strstr(n->text.p, "://") : NULL, *hole = host ? strchr(n->text.p, '{') : NULL;
    const char *path = host ? strchr(host + 3, '/') : NULL;
    bool http = host && (!strncmp(n->text.p, "https://", 8) || !strncmp(n->text.p, "http://", 7));
    if (!http) bind_expected(b, n, "a URL that begins with https:// or http://");
    else if (hole && (!path || hole < path)) bind_error(b, n, "the host cannot be filled in: holes stand behind its slash");
    else read_send_text(b, n, r, into);
}
const struct kind K_SEND_URL = { .name = "URL, with holes",
                                 .example = "\"https://api.example.com/rooms/{conversation}\"",
                                 .read = read_send_url,
                                 .schema = schema_text };

static void read_headers(struct bind *b, const struct ynode *n, const struct row *r, void *into)
{
    struct send_headers *out = into;
    if (n->type != Y_MAP) {
        bind_expected(b, n, "names with texts such as { Authorization: \"Bearer {token}\" }");
        return;
    }
    if (!bind_list_fits(b, n, (uint32_t)r->max) || !(out->v = bind_alloc(b, n->count * sizeof *out->v))) return;
    out->count = 0;
    for (const struct ynode *c = n->first; c; c = c->next) {
        struct ynode key = *c;
        key.line = c->key_line, key.column = c->key_column;
        if (!bind_is_name(b, &key, c->key, 64, "")) continue;
        out->v[out->count].name = bind_text(b, c->key);
        read_send_text(b, c, r, &out->v[out->count++].value);
    }
}
static void schema_headers(struct jw *w, const struct row *r)
{
    (void)r;
    schema_text_of(w, "object");
    jw_key(w, "additionalProperties");
    jw_open(w, '{');
    schema_text_of(w, "string");
    jw_close(w, '}');
}
const struct kind K_HEADERS = { .name = "names with texts, with holes",
                                .example = "{ Authorization: \"Bearer {token}\" }",
                                .read = read_headers,
                                .schema = schema_headers };

static bool is_plain(const struct ynode *n)
{
    size_t digits = strspn(n->text.p, "0123456789.-");
    return !n->quoted &&
           (str_is(n->text, "true") || str_is(n->text, "false") || str_is(n->text, "null") ||
            (n->text.n && n->text.n < 16 && digits == n->text.n && n->text.p[n->text.n - 1] != '.' && n->text.p[0] >= '0' &&
             n->text.p[0] <= '9' && !strchr(n->text.p, '-') && (n->text.p[0] != '0' || n->text.n == 1)));
}

static struct send_node *body_node(struct bind *b, const struct ynode *n, uint32_t *left)
{
    struct send_node *out = *left ? bind_alloc(b, sizeof *out) : NULL, **tail;
    if (!out) {
        if (!*left) bind_error(b, n, "the body has more than %u parts", SEND_NODES);
        return NULL;
    }
    (*left)--;
    out->type = n->type == Y_MAP ? NODE_MAP : n->type == Y_LIST ? NODE_LIST : is_plain(n) ? NODE_PLAIN : NODE_TEXT;
    if (n->key.p) out->key = bind_text(b, n->key);
    if (out->type == NODE_PLAIN) out->plain = str_of(bind_text(b, n->text));
    else if (out->type == NODE_TEXT) (void)read_pieces(b, n, n->text, hole_name, &out->text);
    tail = &out->first;
    for (const struct ynode *c = n->type == Y_SCALAR ? NULL : n->first; c; c = c->next) {
        if (!(*tail = body_node(b, c, left))) break;
        tail = &(*tail)->next;
    }
    return out;
}
static bool says_text(const struct ynode *n)
{
    if (n->type == Y_SCALAR) return n->text.n && strstr(n->text.p, "{text}");
    for (const struct ynode *c = n->first; c; c = c->next)
        if (says_text(c)) return true;
    return false;
}

static void read_body(struct bind *b, const struct ynode *n, const struct row *r, void *into)
{
    uint32_t left = SEND_NODES;
    (void)r;
    if (n->type != Y_MAP) bind_expected(b, n, "members such as { text: \"{text}\" }");
    else *(const struct send_node **)into = body_node(b, n, &left);
    if (n->type == Y_MAP && !says_text(n)) bind_warn(b, n, "what the agent writes is not in it: put {text} where it belongs");
}
static void schema_body(struct jw *w, const struct row *r)
{
    (void)r;
    schema_text_of(w, "object");
}
const struct kind K_BODY = { .name = "mapping of any shape, its texts with holes",
                             .example = "{ to: \"{customer}\", message: { text: \"{text}\" } }",
                             .read = read_body,
                             .schema = schema_body };
