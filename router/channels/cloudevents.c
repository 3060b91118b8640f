/* CloudEvents by webhook (`provider: cloudevents`), signed as the account's `signature` says: structured, batch and binary mode. */
#include "router/cloudevents.h"

#include "base/limits.h"
#include "router/channels/generic.h"

#include <stdlib.h>

#define BODY_MAX (3u << 20)

static enum verified verify(const struct door *d, const struct delivery *in)
{
    struct str version = in->header(in->ctx, "ce-specversion");
    if (in->method == HTTP_M_GET) return UNSIGNED;
    enum verified v = generic_verify(d, in);
    return v || cloudevent_mode(in->type, version) != CE_NONE ? v : BAD_TYPE;
}

static enum err read_one(struct channel_in *c, struct ingest *in, const struct json *v, uint32_t place)
{
    struct ingest_env env = generic_env(c->door, c->in);
    return cloudevent_ingest(in, &env, v) ? generic_refuse(c, in, place) : generic_event(c, in);
}

static enum err read_structured(struct channel_in *c, struct ingest *in, bool batch)
{
    const struct json *doc = NULL;
    enum err e = channel_json(c, &doc);
    if (e) return e;
    if (!batch) return read_one(c, in, doc, 0);
    if (json_type(doc) != JSON_ARRAY) return channel_refuse(c, 400, "malformed", "a batch is an array of CloudEvents");
    return generic_batch(c, in, doc, read_one);
}

static bool on_header(void *ctx, struct str name, struct str value) { return cloudevent_header(ctx, name, value); }

static enum err read_binary(struct channel_in *c, struct ingest *in)
{
    struct cloudevent_binary b;
    struct buf text;
    struct json *doc = NULL;
    const char *why = "";
    size_t at;
    enum err e;
    buf_init(&text, BODY_MAX + 65536);
    cloudevent_begin(&b, &text);
    if (c->in->headers) c->in->headers(c->in->ctx, on_header, &b);
    if (!cloudevent_body(&b, c->in->type, c->in->body)) e = channel_refuse(c, 400, "malformed", "%s", b.why);
    else if (json_parse(&doc, buf_str(&text), LIM_JSON_DEPTH, &at, &why)) e = channel_refuse(c, 400, "malformed", "%s", why);
    else e = read_one(c, in, doc, 0);
    json_free(doc);
    buf_fini(&text);
    return e;
}

static enum err read_body(struct channel_in *c)
{
    enum cloudevent_mode mode = cloudevent_mode(c->in->type, c->in->header(c->in->ctx, "ce-specversion"));
    struct ingest *in = malloc(sizeof *in);
    if (!in) return ERR_NOMEM;
    ingest_init(in);
    enum err e = mode == CE_BINARY ? read_binary(c, in) : read_structured(c, in, mode == CE_BATCH);
    ingest_fini(in);
    free(in);
    return e;
}

const struct provider provider_cloudevents = { .word = "cloudevents", .body_max = BODY_MAX, .verify = verify, .read = read_body };
