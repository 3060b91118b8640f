/* One agent as the API gives it: JSON. It is made into the same small tree that a file becomes and read through the same rows, so
   what is valid in one is valid in the other, and mistakes are said in the same words. */
#include "base/limits.h"
#include "config/draft.h"

#include <stdio.h>

#define AGENT_JSON_DEPTH 8u
#define AGENT_ARENA      (1u << 20)

static struct ynode *node_of(const struct json *v, struct ynode *parent, struct arena *arena);

static bool scalar_of(const struct json *v, struct ynode *n, struct arena *arena)
{
    struct buf text;
    buf_init(&text, LIM_WS_MESSAGE);
    n->quoted = json_type(v) == JSON_STRING;
    if (n->quoted) buf_addstr(&text, json_str(v));
    else if (json_type(v) != JSON_NULL) json_print(&text, v);
    const char *p = text.err ? NULL : arena_strdup(arena, buf_str(&text));
    n->text = (struct str){ p, text.n };
    buf_fini(&text);
    return p != NULL;
}

static bool children_of(const struct json *v, struct ynode *n, struct arena *arena)
{
    for (const struct json *c = json_first(v); c; c = json_next(c)) {
        struct ynode *child = node_of(c, n, arena);
        if (!child) return false;
        if (n->type == Y_MAP) {
            child->key = (struct str){ arena_strdup(arena, json_key(c)), json_key(c).n };
            if (!child->key.p) return false;
        }
        child->index = n->count++;
        if (n->last) n->last->next = child;
        else n->first = child;
        n->last = child;
    }
    return true;
}

static struct ynode *node_of(const struct json *v, struct ynode *parent, struct arena *arena)
{
    enum json_type t = json_type(v);
    struct ynode *n = arena_alloc(arena, sizeof *n);
    if (!n) return NULL;
    n->parent = parent;
    n->type = t == JSON_OBJECT ? Y_MAP : t == JSON_ARRAY ? Y_LIST : Y_SCALAR;
    return (n->type == Y_SCALAR ? scalar_of(v, n, arena) : children_of(v, n, arena)) ? n : NULL;
}

static void first_error(const struct findings *f, char why[200])
{
    for (uint32_t i = 0; i < f->count; i++) {
        if (!f->v[i].error) continue;
        snprintf(why, 200, "%s%s%s", f->v[i].key, f->v[i].key[0] ? ": " : "", f->v[i].text);
        size_t at;
        if (!str_utf8(str_of(why), &at)) why[at] = '\0';
        return;
    }
}

static enum err bind_agent(const struct policy *p, struct str name, struct ynode *root, struct bind *b, struct agent_spec *out)
{
    struct ynode named = { .type = Y_SCALAR, .text = name };
    if (!bind_is_name(b, &named, name, 128, "")) return ERR_POLICY;
    bind_mapping(b, root, &agent_mapping, out);
    out->name = bind_text(b, name);
    resolve_refs(b, p, NULL);
    return b->broken ? ERR_NOMEM : b->f->errors ? ERR_POLICY : ERR_OK;
}

/* `again`: names that the policy has no more are left out. */
static enum err read_agent(const struct policy *p, struct str name, struct str json, struct agent_spec *out, struct arena *arena,
                           char why[200], bool again)
{
    struct json *doc = NULL;
    struct arena trees;
    struct findings f;
    size_t at = 0;
    const char *trouble = "";
    *out = (struct agent_spec){ 0 };
    why[0] = '\0';
    findings_init(&f);
    arena_init(&trees, AGENT_ARENA);
    enum err e = json_parse(&doc, json, AGENT_JSON_DEPTH, &at, &trouble);
    if (e) {
        snprintf(why, 200, "%.150s (at byte %zu)", trouble, at);
        goto out;
    }
    struct ynode *root = node_of(doc, NULL, &trees);
    struct bind b = { .f = &f, .arena = arena, .groups = p->groups, .group_count = p->group_count, .fixed = true, .again = again };
    e = root ? bind_agent(p, name, root, &b, out) : ERR_NOMEM;
    if (e == ERR_POLICY) first_error(&f, why);
    else if (e) snprintf(why, 200, "%s", err_text(e));
    else if (b.gone.n) snprintf(why, 200, "%.*s", STR_FMT(findings_shown(b.gone)));
out:
    json_free(doc);
    arena_fini(&trees);
    findings_fini(&f);
    return e;
}

enum err policy_agent(const struct policy *p, struct str name, struct str json, struct agent_spec *out, struct arena *arena,
                      char why[200])
{
    return read_agent(p, name, json, out, arena, why, false);
}

enum err policy_agent_again(const struct policy *p, struct str name, struct str json, struct agent_spec *out, struct arena *arena,
                            char why[200])
{
    return read_agent(p, name, json, out, arena, why, true);
}
