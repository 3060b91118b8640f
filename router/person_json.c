/* Members are rows. What is no row is refused with the nearest word that is one, as events are. */
#include "router/person_json.h"

#include "base/clock.h"
#include "router/facts.h"

#include <stdarg.h>
#include <stdio.h>

struct reading {
    struct person *r;
    const struct ingest_env *env;
    struct arena *arena;
    char *why;
};
struct row {
    const char *name;
    enum err (*read)(struct reading *in, const struct row *row, const struct json *v);
    size_t offset, min, max;
};

static enum err refuse(struct reading *in, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
static enum err refuse(struct reading *in, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(in->why, PERSON_WHY, fmt, ap);
    va_end(ap);
    return ERR_PROTO;
}

static enum err read_text(struct reading *in, const struct row *row, const struct json *v)
{
    struct str s = json_str(v);
    if (json_type(v) != JSON_STRING) return refuse(in, "\"%s\" must be a string, not %s", row->name, json_type_name(json_type(v)));
    if (s.n < row->min) return refuse(in, "\"%s\" must not be empty", row->name);
    if (s.n > row->max) return refuse(in, "\"%s\" is %zu bytes long; at most %zu", row->name, s.n, row->max);
    *(struct str *)((char *)in->r + row->offset) = s;
    return ERR_OK;
}

static enum err unknown(struct reading *in, struct str key, const char *what, const char *const *names, size_t n)
{
    const char *near = key.n <= 64 ? str_nearest(key, names, n) : NULL;
    return refuse(in, "\"%.*s\" is no member of %s%s%s%s", (int)(key.n > 80 ? 80 : key.n), key.p, what,
                  near ? " (did you mean \"" : "", near ? near : "", near ? "\"?)" : "");
}

/* ---- attributes ---- */

static enum err scalar(struct reading *in, const struct json *v, struct str *out)
{
    char text[40];
    uint64_t whole;
    int n;
    *out = json_str(v);
    if (json_type(v) == JSON_STRING) return ERR_OK;
    if (json_type(v) == JSON_BOOL) return *out = json_bool(v) ? STR("true") : STR("false"), ERR_OK;
    if (json_type(v) != JSON_NUMBER) return ERR_PROTO;
    if (json_is_u64(v, &whole)) n = snprintf(text, sizeof text, "%llu", (unsigned long long)whole);
    else n = snprintf(text, sizeof text, "%.17g", json_num(v));
    *out = (struct str){ arena_strdup(in->arena, (struct str){ text, (size_t)n }), (size_t)n };
    return out->p ? ERR_OK : ERR_NOMEM;
}

static bool is_ours(struct str key)
{
    char name[80];
    int n = snprintf(name, sizeof name, "customer.%.*s", STR_FMT(key));
    return facts_key((struct str){ name, (size_t)n }) || str_is(key, "id") || str_is(key, "tier") || str_is(key, "language");
}

static enum err read_attributes(struct reading *in, const struct row *row, const struct json *v)
{
    struct attribute *a = arena_alloc(in->arena, PERSON_ATTRIBUTES * sizeof *a);
    uint32_t n = 0;
    enum err e = ERR_OK;
    if (!a) return ERR_NOMEM;
    if (json_type(v) != JSON_OBJECT) return refuse(in, "\"%s\" must be an object, not %s", row->name, json_type_name(json_type(v)));
    for (const struct json *m = json_first(v); m && !e; m = json_next(m)) {
        struct str key = json_key(m), value;
        int shown = (int)(key.n > 80 ? 80 : key.n);
        if (json_type(m) == JSON_NULL) continue;
        if (!key.n || key.n > 55) return refuse(in, "the attribute \"%.*s\" must have a name of 1 to 55 bytes", shown, key.p);
        if (is_ours(key))
            return refuse(in, "the attribute \"%.*s\" is another member's, or told by the router itself", shown, key.p);
        if (n == PERSON_ATTRIBUTES) return refuse(in, "more than %u attributes", PERSON_ATTRIBUTES);
        e = scalar(in, m, &value);
        if (e == ERR_PROTO) return refuse(in, "the attribute \"%.*s\" must be a text, a number or a boolean", shown, key.p);
        if (value.n > 1024) return refuse(in, "the attribute \"%.*s\" is longer than 1024 bytes", shown, key.p);
        if (!e && value.n) a[n++] = (struct attribute){ key, value };
    }
    in->r->attributes = (struct list){ a, n };
    return e;
}

/* ---- identities ---- */

static enum err read_identity(struct reading *in, const struct json *v, struct identity *out)
{
    static const char *const names[] = { "account", "id" };
    struct account_found found;
    *out = (struct identity){ STR_NONE, STR_NONE };
    if (json_type(v) != JSON_OBJECT) return refuse(in, "an identity must be an object, not %s", json_type_name(json_type(v)));
    for (const struct json *m = json_first(v); m; m = json_next(m)) {
        struct str key = json_key(m), value = json_str(m);
        bool account = str_is(key, "account");
        if (!account && !str_is(key, "id")) return unknown(in, key, "an identity", names, 2);
        if (json_type(m) != JSON_STRING || !value.n || value.n > (account ? 64 : 256))
            return refuse(in, "an identity's \"%.*s\" must be a text of 1 to %u bytes", STR_FMT(key), account ? 64u : 256u);
        *(account ? &out->account : &out->id) = value;
    }
    if (!out->account.n || !out->id.n) return refuse(in, "an identity needs \"account\" and \"id\"");
    bool known = in->env->account(in->env->ctx, out->account, &found) && str_is(in->env->workspace, found.workspace);
    const char *near = known || !in->env->near ? NULL : in->env->near(in->env->ctx, out->account, in->env->workspace);
    if (known) return ERR_OK;
    return refuse(in, "no policy of this workspace has an account \"%.*s\"%s%s%s", STR_FMT(out->account),
                  near ? " (did you mean \"" : "", near ? near : "", near ? "\"?)" : "");
}

static enum err read_identities(struct reading *in, const struct row *row, const struct json *v)
{
    struct identity *list = arena_alloc(in->arena, PERSON_IDENTITIES * sizeof *list);
    uint32_t n = 0;
    enum err e = ERR_OK;
    if (!list) return ERR_NOMEM;
    if (json_type(v) != JSON_ARRAY) return refuse(in, "\"%s\" must be an array, not %s", row->name, json_type_name(json_type(v)));
    for (const struct json *m = json_first(v); m && !e; m = json_next(m)) {
        if (n == PERSON_IDENTITIES) return refuse(in, "more than %u identities", PERSON_IDENTITIES);
        e = read_identity(in, m, &list[n++]);
    }
    in->r->identities = (struct list){ list, n };
    return e;
}

/* ---- the whole ---- */

static const struct row rows[] = {
    { "id", read_text, offsetof(struct person, id), 1, 128 },
    { "name", read_text, offsetof(struct person, name), 0, 256 },
    { "tier", read_text, offsetof(struct person, tier), 0, 64 },
    { "language", read_text, offsetof(struct person, language), 0, 16 },
    { "attributes", read_attributes, 0, 0, 0 },
    { "identities", read_identities, 0, 0, 0 },
};
#define ROWS (sizeof rows / sizeof *rows)

static enum err read_member(struct reading *in, const struct json *m)
{
    const char *names[ROWS];
    for (size_t i = 0; i < ROWS; i++) {
        names[i] = rows[i].name;
        if (str_is(json_key(m), rows[i].name)) return rows[i].read(in, &rows[i], m);
    }
    return unknown(in, json_key(m), "a customer", names, ROWS);
}

enum err person_read(struct person *out, const struct json *v, const struct ingest_env *env, struct arena *arena,
                     char why[PERSON_WHY])
{
    struct reading in = { out, env, arena, why };
    enum err e = ERR_OK;
    *out = (struct person){ .workspace = env->workspace, .at = env->now };
    if (json_type(v) != JSON_OBJECT) return refuse(&in, "a customer must be an object, not %s", json_type_name(json_type(v)));
    for (const struct json *m = json_first(v); m && !e; m = json_next(m)) e = read_member(&in, m);
    if (!e && !out->id.n) e = refuse(&in, "\"id\" is missing: what your own systems call this customer");
    if (!e) out->key = person_key(out->workspace, out->id);
    return e;
}

void person_write(struct jw *w, const struct person *r, const struct ingest_env *env)
{
    const struct identity *v = r->identities.items;
    const struct attribute *a = r->attributes.items;
    struct account_found found;
    char at[40];
    jw_open(w, '{');
    jw_key(w, "id"), jw_str(w, r->id);
    if (r->name.n) jw_key(w, "name"), jw_str(w, r->name);
    if (r->tier.n) jw_key(w, "tier"), jw_str(w, r->tier);
    if (r->language.n) jw_key(w, "language"), jw_str(w, r->language);
    jw_key(w, "attributes"), jw_open(w, '{');
    for (uint32_t i = 0; i < r->attributes.count; i++) {
        char key[65];
        snprintf(key, sizeof key, "%.*s", STR_FMT(a[i].key));
        jw_key(w, key), jw_str(w, a[i].value);
    }
    jw_close(w, '}');
    jw_key(w, "identities"), jw_open(w, '[');
    for (uint32_t i = 0; i < r->identities.count; i++) {
        jw_open(w, '{');
        jw_key(w, "account"), jw_str(w, v[i].account);
        jw_key(w, "id"), jw_str(w, v[i].id);
        if (env->account(env->ctx, v[i].account, &found)) jw_key(w, "channel"), jw_strz(w, found.channel);
        jw_close(w, '}');
    }
    jw_close(w, ']');
    jw_key(w, "at"), jw_strz(w, clock_text(r->at, at));
    jw_close(w, '}');
}
