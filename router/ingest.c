/* The members of an event are rows: name, reader, place, bounds. A member that is no row is refused with the nearest word that is
   one. "customer" and "attributes" become attributes (customer.tier, event.page), scalars only, so that rules can look at them. */
#include "router/ingest.h"

#include "base/clock.h"
#include "router/facts.h"

#include <stdarg.h>
#include <stdio.h>

void ingest_init(struct ingest *in)
{
    memset(in, 0, sizeof *in);
    arena_init(&in->arena, LIM_HTTP_BODY * 4);
}

void ingest_fini(struct ingest *in)
{
    json_free(in->inner);
    arena_fini(&in->arena);
}

void ingest_refuse(struct ingest *in, unsigned status, const char *problem, const char *cause, const char *fmt, ...)
{
    va_list ap;
    in->status = status;
    in->problem = problem;
    in->cause = cause;
    va_start(ap, fmt);
    vsnprintf(in->why, sizeof in->why, fmt, ap);
    va_end(ap);
}

#define INVALID(in, cause, ...) (ingest_refuse((in), 422, "bad-event", (cause), __VA_ARGS__), ERR_PROTO)

/* ---- readers ---- */

struct row {
    const char *name;
    enum err (*read)(struct ingest *in, const struct row *row, const struct json *v);
    size_t offset; /* in struct event */
    size_t min, max;
};

static enum err read_text(struct ingest *in, const struct row *row, const struct json *v)
{
    if (json_type(v) != JSON_STRING)
        return INVALID(in, "type", "\"%s\" must be a string, not %s", row->name, json_type_name(json_type(v)));
    struct str s = json_str(v);
    if (s.n < row->min) return INVALID(in, "missing", "\"%s\" must not be empty", row->name);
    if (s.n > row->max) return INVALID(in, "too_long", "\"%s\" is %zu bytes long; at most %zu", row->name, s.n, row->max);
    *(struct str *)((char *)&in->event + row->offset) = s;
    return ERR_OK;
}

static enum err read_kind(struct ingest *in, const struct row *row, const struct json *v)
{
    struct str s = json_str(v);
    int kind = words_find(&event_kind_words, s);
    if (kind < 0) {
        const char *near = str_nearest(s, event_kind_words.v, event_kind_words.count);
        return INVALID(in, "kind", "\"%s\" is no kind of event%s%s%s", row->name, near ? " (did you mean \"" : "", near ? near : "",
                       near ? "\"?)" : "");
    }
    in->event.kind = (enum event_kind)kind;
    return ERR_OK;
}

enum err ingest_text(struct ingest *in, const char *prefix, struct str key, struct str value)
{
    char name[80];
    if (key.n + strlen(prefix) > 64)
        return INVALID(in, "too_long", "the attribute \"%.*s\" has too long a name", (int)(key.n > 80 ? 80 : key.n), key.p);
    if (value.n > 1024) return INVALID(in, "too_long", "the attribute \"%.*s\" is longer than 1024 bytes", STR_FMT(key));
    if (in->attribute_count == FACTS_ROOM) return INVALID(in, "attributes", "more than %u attributes", FACTS_ROOM);
    int n = snprintf(name, sizeof name, "%s%.*s", prefix, STR_FMT(key));
    if (facts_key((struct str){ name, (size_t)n })) { /* the router says this itself: nobody else's word counts */
        in->facts_claimed++;
        return ERR_OK;
    }
    char *copy = arena_strdup(&in->arena, (struct str){ name, (size_t)n });
    if (!copy) return ERR_NOMEM;
    in->attributes[in->attribute_count++] = (struct attribute){ { copy, (size_t)n }, value };
    return ERR_OK;
}

/* A scalar as text. ERR_PROTO: it is none. */
static enum err scalar(struct ingest *in, const struct json *v, struct str *out)
{
    enum json_type t = json_type(v);
    if (t == JSON_STRING) return *out = json_str(v), ERR_OK;
    if (t == JSON_NULL) return *out = STR_NONE, ERR_OK;
    if (t == JSON_BOOL) return *out = json_bool(v) ? STR("true") : STR("false"), ERR_OK;
    if (t != JSON_NUMBER) return ERR_PROTO;
    char text[40];
    uint64_t whole;
    int n = json_is_u64(v, &whole) ? snprintf(text, sizeof text, "%llu", (unsigned long long)whole)
                                   : snprintf(text, sizeof text, "%.17g", json_num(v));
    *out = (struct str){ arena_strdup(&in->arena, (struct str){ text, (size_t)n }), (size_t)n };
    return out->p ? ERR_OK : ERR_NOMEM;
}

enum err ingest_attribute(struct ingest *in, const char *prefix, const struct json *m)
{
    struct str value, key = json_key(m);
    enum err err = scalar(in, m, &value);
    if (err == ERR_PROTO)
        return INVALID(in, "type", "the attribute \"%.*s\" must be a text, a number or a boolean, not %s",
                       (int)(key.n > 80 ? 80 : key.n), key.p, json_type_name(json_type(m)));
    if (err || !value.n) return err;
    return ingest_text(in, prefix, key, value);
}

static enum err read_attributes(struct ingest *in, const struct row *row, const struct json *v)
{
    enum err err = ERR_OK;
    if (json_type(v) != JSON_OBJECT)
        return INVALID(in, "type", "\"%s\" must be an object, not %s", row->name, json_type_name(json_type(v)));
    for (const struct json *m = json_first(v); m && !err; m = json_next(m)) err = ingest_attribute(in, "event.", m);
    return err;
}

static const struct row customer_rows[] = {
    { "id", read_text, offsetof(struct event, customer), 1, 256 },
    { "name", read_text, offsetof(struct event, name), 0, 256 },
};

static enum err read_customer(struct ingest *in, const struct row *row, const struct json *v)
{
    enum err err = ERR_OK;
    if (json_type(v) == JSON_STRING) return read_text(in, row, v);
    if (json_type(v) != JSON_OBJECT)
        return INVALID(in, "type", "\"customer\" must be a string or an object, not %s", json_type_name(json_type(v)));
    for (const struct json *m = json_first(v); m && !err; m = json_next(m)) {
        bool is_row = false;
        for (size_t i = 0; i < sizeof customer_rows / sizeof *customer_rows && !is_row; i++) {
            is_row = str_is(json_key(m), customer_rows[i].name);
            if (is_row) err = customer_rows[i].read(in, &customer_rows[i], m);
        }
        if (!is_row) err = ingest_attribute(in, "customer.", m);
    }
    if (!err && !in->event.customer.n) return INVALID(in, "missing", "\"customer\" has no \"id\"");
    return err;
}

static enum err read_at(struct ingest *in, const struct row *row, const struct json *v)
{
    struct str s = json_str(v);
    uint64_t ms;
    if (!s.n || clock_parse(s.p, s.n, &ms)) return INVALID(in, "at", "\"%s\" must be a time as in RFC 3339", row->name);
    return ingest_text(in, "event.", STR("at"), s);
}

static const struct row rows[] = {
    { "id", read_text, offsetof(struct event, external), 1, 256 },
    { "account", read_text, offsetof(struct event, account), 1, 64 },
    { "kind", read_kind, 0, 0, 0 },
    { "conversation", read_text, offsetof(struct event, conversation), 0, 256 },
    { "customer", read_customer, offsetof(struct event, customer), 1, 256 },
    { "subject", read_text, offsetof(struct event, subject), 0, 1024 },
    { "text", read_text, offsetof(struct event, text), 0, LIM_TEXT },
    { "language", read_text, offsetof(struct event, language), 0, 16 },
    { "at", read_at, 0, 0, 0 },
    { "attributes", read_attributes, 0, 0, 0 },
};
#define ROWS (sizeof rows / sizeof *rows)

/* ---- the whole ---- */

static enum err unknown_member(struct ingest *in, struct str key)
{
    const char *names[ROWS];
    for (size_t i = 0; i < ROWS; i++) names[i] = rows[i].name;
    const char *near = str_nearest(key, names, ROWS);
    return INVALID(in, "unknown_key", "\"%.*s\" is no member of an event%s%s%s", (int)(key.n > 80 ? 80 : key.n), key.p,
                   near ? " (did you mean \"" : "", near ? near : "", near ? "\"?)" : "");
}

static enum err read_member(struct ingest *in, const struct json *m)
{
    struct str key = json_key(m);
    for (size_t i = 0; i < ROWS; i++) {
        if (str_is(key, rows[i].name)) return rows[i].read(in, &rows[i], m);
    }
    return unknown_member(in, key);
}

/* What the members together must be, and what follows from them. */
enum err ingest_complete(struct ingest *in, const struct ingest_env *env)
{
    struct event *e = &in->event;
    struct account_found found;
    if (!e->external.n) return INVALID(in, "missing", "\"id\" is missing: the provider's id of this event");
    if (!e->account.n) e->account = env->default_account;
    if (!e->account.n) return INVALID(in, "missing", "\"account\" is missing");
    if (e->kind == EVENT_MESSAGE && !e->text.n) return INVALID(in, "missing", "\"text\" is missing: a message must have one");
    bool known = env->account(env->ctx, e->account, &found);
    /* another workspace's account is as unknown as one that is nowhere: a token tells nothing about its neighbours */
    if (!known || !(str_is(env->workspace, "*") || str_is(env->workspace, found.workspace))) {
        const char *near = env->near ? env->near(env->ctx, e->account, env->workspace) : NULL;
        ingest_refuse(in, 422, "unknown-account", "account", "no policy has an account \"%.*s\"%s%s%s", STR_FMT(e->account),
                      near ? " (did you mean \"" : "", near ? near : "", near ? "\"?)" : "");
        return ERR_NOTFOUND;
    }
    e->workspace = str_of(found.workspace);
    e->channel = str_of(found.channel);
    if (!e->conversation.n) e->conversation = e->customer.n ? e->customer : e->external;
    e->attributes = (struct list){ in->attributes, in->attribute_count };
    e->received = env->now;
    e->home = env->home;
    e->id = id_of_event(e->account, e->external);
    return ERR_OK;
}

void ingest_begin(struct ingest *in)
{
    memset(&in->event, 0, sizeof in->event);
    in->attribute_count = in->facts_claimed = 0;
    in->status = 0;
    json_free(in->inner);
    in->inner = NULL;
    arena_clear(&in->arena);
}

enum err ingest_members(struct ingest *in, const struct json *v)
{
    enum err err = ERR_OK;
    if (json_type(v) != JSON_OBJECT) return INVALID(in, "type", "an event must be an object, not %s", json_type_name(json_type(v)));
    for (const struct json *m = json_first(v); m && !err; m = json_next(m)) err = read_member(in, m);
    return err;
}

enum err ingest_event(struct ingest *in, const struct ingest_env *env, const struct json *v)
{
    ingest_begin(in);
    enum err err = ingest_members(in, v);
    if (!err) err = ingest_complete(in, env);
    if (err == ERR_NOMEM) ingest_refuse(in, 503, "overloaded", "memory", "no memory for this event");
    return err;
}

void ingest_trace(struct ingest *in, struct str traceparent)
{
    for (uint32_t i = 0; i < in->attribute_count; i++)
        if (str_is(in->attributes[i].key, "event.traceparent")) return;
    if (traceparent.n && !ingest_text(in, "event.", STR("traceparent"), traceparent))
        in->event.attributes = (struct list){ in->attributes, in->attribute_count };
}
