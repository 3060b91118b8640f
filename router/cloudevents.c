/* A CloudEvent is an envelope: its attributes say what and whence, its data is the event itself. The envelope is read member by
   member; data first, so that what it says stands. A binary one is written as JSON and read the same way: one reader for all. */
#include "router/cloudevents.h"

#include "base/clock.h"
#include "base/limits.h"
#include "router/http.h"
#include "router/sign.h"

#include <stdio.h>
#include <stdlib.h>
#include <strings.h>

#define INVALID(in, cause, ...) (ingest_refuse((in), 422, "bad-event", (cause), __VA_ARGS__), ERR_PROTO)
#define NAME_MAX_CE             60u

/* ---- required attributes ---- */

static enum err check_needed(struct ingest *in, const struct json *v)
{
    static const char *const needed[] = { "specversion", "id", "source", "type" };
    if (json_type(v) != JSON_OBJECT)
        return INVALID(in, "type", "a CloudEvent must be an object, not %s", json_type_name(json_type(v)));
    for (size_t i = 0; i < sizeof needed / sizeof *needed; i++) {
        const struct json *m = json_get(v, needed[i]);
        if (!m) return INVALID(in, "missing", "\"%s\" is missing: a CloudEvent must have it", needed[i]);
        if (!json_str(m).n) return INVALID(in, "type", "\"%s\" must be a text that is not empty", needed[i]);
    }
    struct str version = json_str(json_get(v, "specversion"));
    if (!str_is(version, "1.0"))
        return INVALID(in, "specversion", "CloudEvents of version 1.0 are taken, not \"%.*s\"",
                       (int)(version.n > 20 ? 20 : version.n), version.p);
    return ERR_OK;
}

/* ---- data ---- */

static enum err read_text(struct ingest *in, struct str text)
{
    if (text.n > LIM_TEXT) return INVALID(in, "too_long", "\"data\" is %zu bytes long; at most %u", text.n, LIM_TEXT);
    in->event.text = text;
    return ERR_OK;
}

static enum err read_data(struct ingest *in, const struct json *data)
{
    if (json_type(data) == JSON_NULL) return ERR_OK;
    if (json_type(data) == JSON_STRING) return read_text(in, json_str(data));
    if (json_type(data) == JSON_OBJECT) return ingest_members(in, data);
    return INVALID(in, "type", "\"data\" must be an event's members or a text, not %s", json_type_name(json_type(data)));
}

static enum err read_base64(struct ingest *in, struct str coded, struct str type)
{
    unsigned char *bytes = arena_alloc(&in->arena, coded.n + 4);
    const char *why = "";
    size_t n = 0, at;
    if (!bytes) return ERR_NOMEM;
    if (sign_unbase64(coded, bytes, &n)) return INVALID(in, "base64", "\"data_base64\" is no base64");
    struct str plain = { (char *)bytes, n };
    if (!http_type_json(type)) {
        if (type.n < 5 || strncasecmp(type.p, "text/", 5) != 0)
            return INVALID(in, "content_type", "data of this type cannot be read");
        return str_utf8(plain, &at) && !memchr(plain.p, 0, n) ? read_text(in, plain) : INVALID(in, "utf8", "the data is no UTF-8");
    }
    if (json_parse(&in->inner, plain, LIM_JSON_DEPTH, &at, &why)) return INVALID(in, "json", "the data is no JSON: %s", why);
    return read_data(in, in->inner);
}

static enum err read_payload(struct ingest *in, const struct json *v)
{
    const struct json *data = json_get(v, "data"), *coded = json_get(v, "data_base64");
    if (data && coded) return INVALID(in, "data", "\"data\" and \"data_base64\" exclude each other");
    if (coded && json_type(coded) != JSON_STRING) return INVALID(in, "type", "\"data_base64\" must be a string");
    if (coded) return read_base64(in, json_str(coded), json_str(json_get(v, "datacontenttype")));
    return data ? read_data(in, data) : ERR_OK;
}

/* ---- the other attributes ---- */

static bool name_ok(struct str name)
{
    for (size_t i = 0; i < name.n; i++)
        if (!(name.p[i] >= 'a' && name.p[i] <= 'z') && !(name.p[i] >= '0' && name.p[i] <= '9')) return false;
    return name.n > 0 && name.n < NAME_MAX_CE;
}

static bool has_attribute(const struct ingest *in, struct str name)
{
    for (uint32_t i = 0; i < in->attribute_count; i++) {
        struct str key = in->attributes[i].key;
        if (key.n == name.n + 6 && !memcmp(key.p, "event.", 6) && !memcmp(key.p + 6, name.p, name.n)) return true;
    }
    return false;
}

static bool is_own(struct str name)
{
    static const char *const own[] = { "specversion", "id", "data", "data_base64", "datacontenttype", "dataschema", "tracestate" };
    for (size_t i = 0; i < sizeof own / sizeof *own; i++)
        if (str_is(name, own[i])) return true;
    return false;
}

static enum err read_time(struct ingest *in, const struct json *m)
{
    struct str s = json_str(m);
    uint64_t ms;
    if (!s.n || clock_parse(s.p, s.n, &ms)) return INVALID(in, "at", "\"time\" must be a time as in RFC 3339");
    return has_attribute(in, STR("at")) ? ERR_OK : ingest_text(in, "event.", STR("at"), s);
}

static enum err read_attribute(struct ingest *in, const struct json *m)
{
    struct str name = json_key(m), value = json_str(m);
    if (is_own(name)) return ERR_OK;
    if (!name_ok(name))
        return INVALID(in, "unknown_key", "\"%.*s\" is no name of a CloudEvent's attribute: lower-case letters and digits",
                       (int)(name.n > 60 ? 60 : name.n), name.p);
    if (str_is(name, "time")) return read_time(in, m);
    if (str_is(name, "account")) {
        if (!in->event.account.n && value.n <= 64) in->event.account = value;
        return ERR_OK;
    }
    return has_attribute(in, name) ? ERR_OK : ingest_attribute(in, "event.", m);
}

/* A source is a URI reference: it has no blanks. */
static enum err set_identity(struct ingest *in, const struct json *v)
{
    struct str source = json_str(json_get(v, "source")), id = json_str(json_get(v, "id"));
    size_t n = source.n + id.n + 1;
    char *p = arena_alloc(&in->arena, n);
    if (n > 256) return INVALID(in, "too_long", "\"source\" and \"id\" have %zu bytes together; at most 255", n - 1);
    if (!p) return ERR_NOMEM;
    memcpy(p, source.p, source.n);
    p[source.n] = ' ';
    memcpy(p + source.n + 1, id.p, id.n);
    in->event.external = (struct str){ p, n };
    return ERR_OK;
}

enum err cloudevent_ingest(struct ingest *in, const struct ingest_env *env, const struct json *v)
{
    ingest_begin(in);
    enum err e = check_needed(in, v);
    if (!e) e = read_payload(in, v);
    for (const struct json *m = e ? NULL : json_first(v); m && !e; m = json_next(m)) e = read_attribute(in, m);
    if (!e) e = set_identity(in, v);
    if (!e) e = ingest_complete(in, env);
    if (e == ERR_NOMEM) ingest_refuse(in, 503, "overloaded", "memory", "no memory for this event");
    return e;
}

/* ---- binary mode ---- */

enum cloudevent_mode cloudevent_mode(struct str type, struct str specversion)
{
    if (http_type_is(type, "application/cloudevents+json")) return CE_STRUCTURED;
    if (http_type_is(type, "application/cloudevents-batch+json")) return CE_BATCH;
    return specversion.n ? CE_BINARY : CE_NONE;
}

void cloudevent_begin(struct cloudevent_binary *b, struct buf *out)
{
    *b = (struct cloudevent_binary){ .w = jw_on(out) };
    jw_open(&b->w, '{');
}

static int hex_digit(char c)
{
    if (c >= '0' && c <= '9') return c - '0';
    c |= 0x20;
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* A value as the HTTP binding writes it: perhaps in double quotes, with backslashes; then %XX. Not longer than it was. */
static size_t decode(struct str s, char *out)
{
    bool quoted = s.n >= 2 && s.p[0] == '"' && s.p[s.n - 1] == '"';
    size_t n = 0, i = quoted, end = s.n - quoted;
    for (; i < end; i++) {
        if (quoted && s.p[i] == '\\' && i + 1 < end) i++;
        int high = s.p[i] == '%' && i + 2 < end ? hex_digit(s.p[i + 1]) : -1, low = high >= 0 ? hex_digit(s.p[i + 2]) : -1;
        out[n++] = low >= 0 ? (char)(high << 4 | low) : s.p[i];
        if (low >= 0) i += 2;
    }
    return n;
}

bool cloudevent_header(struct cloudevent_binary *b, struct str name, struct str value)
{
    char key[NAME_MAX_CE + 1], plain[4096];
    size_t at;
    if (b->why[0]) return false;
    if (name.n <= 3 || strncasecmp(name.p, "ce-", 3) != 0) return true;
    if (name.n - 3 > NAME_MAX_CE || value.n > sizeof plain) {
        snprintf(b->why, sizeof b->why, "a ce- header is too long");
        return false;
    }
    for (size_t i = 3; i < name.n; i++) key[i - 3] = name.p[i] >= 'A' && name.p[i] <= 'Z' ? (char)(name.p[i] | 0x20) : name.p[i];
    key[name.n - 3] = '\0';
    struct str text = { plain, decode(value, plain) };
    if (!str_utf8(text, &at) || memchr(plain, 0, text.n)) snprintf(b->why, sizeof b->why, "the header ce-%s is no UTF-8", key);
    else if (!strcmp(key, "data") || !strcmp(key, "data_base64"))
        snprintf(b->why, sizeof b->why, "data is the body's, not a header's");
    else {
        jw_key(&b->w, key);
        jw_str(&b->w, text);
    }
    return !b->why[0];
}

/* JSON is looked at before it is put between our own braces. */
static bool is_json(struct cloudevent_binary *b, struct str body)
{
    struct json *doc = NULL;
    const char *why = "";
    size_t at;
    if (json_parse(&doc, body, LIM_JSON_DEPTH - 1, &at, &why)) snprintf(b->why, sizeof b->why, "the body is no JSON: %s", why);
    json_free(doc);
    return !b->why[0];
}

bool cloudevent_body(struct cloudevent_binary *b, struct str type, struct str body)
{
    size_t at;
    if (b->why[0]) return false;
    if (body.n && http_type_json(type)) {
        if (!is_json(b, body)) return false;
        jw_key(&b->w, "data");
        jw_raw(&b->w, body);
    } else if (body.n) {
        bool text = type.n >= 5 && !strncasecmp(type.p, "text/", 5) && str_utf8(body, &at) && !memchr(body.p, 0, body.n);
        if (!text) {
            snprintf(b->why, sizeof b->why, "the body must be JSON or a text in UTF-8");
            return false;
        }
        jw_key(&b->w, "data");
        jw_str(&b->w, body);
    }
    jw_close(&b->w, '}');
    if (b->w.out->err) snprintf(b->why, sizeof b->why, "no memory for this event");
    return !b->why[0];
}
