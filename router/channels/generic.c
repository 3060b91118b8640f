/* Any provider (`provider: generic`): a webhook mapped to events by paths in the policy.

   A body is JSON or a form (generic_form.c). It is parsed once; each list that a rule names is walked in its order, and each item
   goes to the first rule of that list whose conditions hold. What no rule takes is skipped and counted, as is what lacks a text:
   providers send many kinds of news, and an error would only make them send the same again. Without `map` the body is an event, or
   a list of them, as POST /v1/events takes it; there the sender is one who can mend it, and hears what is wrong. Of a list, what is
   good is taken, and the sender hears of the rest only when nothing was (channel_batch.c).

   A challenge is answered before anything is mapped. With `hmac` it signs what a stranger sent, under the secret that webhooks are
   signed with: so only what can be no body (letters, digits, -_.~+/ and = at the end) is signed. */
#include "router/channels/generic.h"

#include "base/clock.h"
#include "base/limits.h"

#include <stdio.h>
#include <stdlib.h>

#define BODY_MAX  (3u << 20)
#define VALUE_MAX 512u

/* ---- the request ---- */

static bool is_json(struct str type) { return http_type_json(type) || http_type_is(type, "text/json"); }

static enum verified verify(const struct door *d, const struct delivery *in)
{
    const struct inbound *b = &d->account->inbound;
    if (in->method == HTTP_M_GET) return b->challenge.value.count ? VERIFIED : UNSIGNED;
    enum verified v = generic_verify(d, in);
    return v || is_json(in->type) || form_type(in->type) ? v : BAD_TYPE;
}

/* ---- challenges ---- */

static bool is_plain(struct str s)
{
    size_t n = s.n;
    while (n && s.p[n - 1] == '=') n--;
    for (size_t i = 0; i < n; i++) {
        char c = s.p[i], low = (char)(c | 0x20);
        if (!(low >= 'a' && low <= 'z') && !(c >= '0' && c <= '9') && !strchr("-_.~+/", c)) return false;
    }
    return n > 0 && s.n <= VALUE_MAX;
}

static enum err answer_json(struct channel_in *c, struct str value)
{
    struct jw w = jw_on(&c->answer.body);
    c->answer.type = "application/json";
    jw_open(&w, '{');
    jw_key(&w, c->door->account->inbound.challenge.name);
    jw_str(&w, value);
    jw_close(&w, '}');
    return ERR_OK;
}

static enum err answer_hmac(struct channel_in *c, struct str value)
{
    const struct inbound_challenge *ch = &c->door->account->inbound.challenge;
    const struct secret *s = &c->door->secrets[0];
    char text[2 * SIGN_MAX + 1];
    struct mac m;
    if (!c->door->secret_count || sign_hmac(&m, (enum sign_hash)ch->hash, (struct str){ s->p, s->n }, &value, 1)) return ERR_NOMEM;
    if (ch->encoding == ENCODING_BASE64) (void)sign_base64(m.p, m.n, text);
    else (void)sign_hex(m.p, m.n, text);
    return answer_json(c, channel_text(c, "%s%s", ch->prefix ? ch->prefix : "", text));
}

static enum err answer_challenge(struct mapped *m, struct str value)
{
    struct channel_in *c = m->c;
    const struct inbound_challenge *ch = &c->door->account->inbound.challenge;
    if (ch->verify.count && !sign_equal(value_text(m, &ch->verify), (struct str){ c->door->verify.p, c->door->verify.n }))
        return channel_refuse(c, 403, "challenge", "the challenge does not bring this account's word");
    if (!is_plain(value)) return channel_refuse(c, 400, "challenge", "a challenge is at most %u letters and digits", VALUE_MAX);
    if (ch->answer == CHALLENGE_JSON) return answer_json(c, value);
    if (ch->answer == CHALLENGE_HMAC) return answer_hmac(c, value);
    buf_addstr(&c->answer.body, value);
    return ERR_OK;
}

/* ---- one item, by one rule ---- */

static struct str first_subtag(struct channel_in *c, struct str s)
{
    char low[16];
    size_t n = 0;
    for (; n < s.n && n < sizeof low && s.p[n] != '-' && s.p[n] != '_'; n++)
        low[n] = s.p[n] >= 'A' && s.p[n] <= 'Z' ? (char)(s.p[n] | 0x20) : s.p[n];
    return n >= 2 && n <= 3 ? channel_text(c, "%.*s", (int)n, low) : STR_NONE;
}

static void set_customer(struct mapped *m, struct event *e, const struct inbound_members *list)
{
    char key[64];
    for (uint32_t i = 0; i < list->count; i++) {
        struct str value = value_text(m, &list->v[i].value);
        snprintf(key, sizeof key, "customer.%s", list->v[i].name);
        if (!strcmp(list->v[i].name, "id")) e->customer = value;
        else if (!strcmp(list->v[i].name, "name")) e->name = value;
        else channel_attribute(m->c, e, key, value);
    }
}

static void set_attributes(struct mapped *m, struct event *e, const struct inbound_rule *r)
{
    char key[64], text[25];
    struct str at = value_text(m, &r->at);
    uint64_t ms;
    for (uint32_t i = 0; i < r->attributes.count; i++) {
        snprintf(key, sizeof key, "event.%s", r->attributes.v[i].name);
        channel_attribute(m->c, e, key, value_text(m, &r->attributes.v[i].value));
    }
    if (at.n && !generic_time(at, &ms)) channel_attribute(m->c, e, "event.at", channel_text(m->c, "%s", clock_text(ms, text)));
}

static void set_reply(struct mapped *m, struct event *e, const struct inbound_members *list)
{
    struct buf out;
    struct jw w;
    if (!list->count) return;
    buf_init(&out, 8192);
    w = jw_on(&out);
    jw_open(&w, '{');
    for (uint32_t i = 0; i < list->count; i++) {
        jw_key(&w, list->v[i].name);
        jw_str(&w, value_text(m, &list->v[i].value));
    }
    jw_close(&w, '}');
    if (!out.err) channel_reply_with(m->c, e, channel_text(m->c, "%.*s", STR_FMT(buf_str(&out))));
    buf_fini(&out);
}

static enum err take(struct mapped *m, const struct inbound_rule *r)
{
    struct str text = value_text(m, &r->text);
    if (!text.n && m->form && r->files) text = form_file_name(m->form); /* who sends a picture has said something */
    if (r->kind == EVENT_MESSAGE && !text.n) {
        channel_skip(m->c, "no_text");
        return ERR_OK;
    }
    struct event *e = channel_event(m->c);
    if (!e) return ERR_PROTO;
    e->kind = (enum event_kind)r->kind;
    e->text = text;
    e->external = value_text(m, &r->id);
    if (!e->external.n && m->form) e->external = form_identity(m->c, m->form);
    e->conversation = value_text(m, &r->conversation);
    e->subject = value_text(m, &r->subject);
    e->language = first_subtag(m->c, value_text(m, &r->language));
    set_customer(m, e, &r->customer);
    set_attributes(m, e, r);
    set_reply(m, e, &r->reply);
    if (m->form) form_tell_files(m->c, e, m->form, r->files);
    return ERR_OK;
}

/* ---- the rules ---- */

/* The first of the rules with the same list as rule `ctx` that takes the item. */
static enum err take_first(struct mapped *m, void *ctx)
{
    const struct inbound_rules *all = &m->c->door->account->inbound.map;
    const struct inbound_rule *first = ctx;
    for (const struct inbound_rule *r = first; r < all->v + all->count; r++)
        if (same_path(r->each, first->each) && tests_hold(m, &r->when)) return take(m, r);
    channel_skip(m->c, "unmapped");
    return ERR_OK;
}

static bool is_first(const struct inbound_rules *all, uint32_t i)
{
    for (uint32_t k = 0; k < i; k++)
        if (same_path(all->v[k].each, all->v[i].each)) return false;
    return true;
}

static enum err read_mapped(struct mapped *m)
{
    const struct inbound_rules *all = &m->c->door->account->inbound.map;
    enum err e = ERR_OK;
    for (uint32_t i = 0; i < all->count && !e; i++)
        if (is_first(all, i)) e = each_item(m, all->v[i].each, take_first, &all->v[i]);
    return e;
}

/* ---- a body that is an event already ---- */

static bool only_account(void *ctx, struct str name, struct account_found *out)
{
    const struct door *d = ctx;
    *out = (struct account_found){ d->workspace, d->channel };
    return str_is(name, d->account->name);
}

struct ingest_env generic_env(const struct door *d, const struct delivery *in)
{
    return (struct ingest_env){ .ctx = (void *)d,
                                .account = only_account,
                                .default_account = str_of(d->account->name),
                                .workspace = str_of(d->workspace),
                                .now = in->now };
}

enum err generic_refuse(struct channel_in *c, const struct ingest *in, uint32_t place)
{
    if (!place || in->status == 503) return channel_refuse(c, in->status, in->cause, "%s", in->why);
    channel_bad_item(c, place, in->status, in->cause, in->why);
    return ERR_OK;
}

enum err generic_batch(struct channel_in *c, struct ingest *in, const struct json *list,
                       enum err (*read)(struct channel_in *c, struct ingest *in, const struct json *v, uint32_t place))
{
    enum err e = ERR_OK;
    uint32_t place = 0;
    for (const struct json *v = json_first(list); v && !e; v = json_next(v)) e = read(c, in, v, ++place);
    return e ? e : channel_batch_end(c, place);
}

/* Texts that ingest made itself live in its own arena, which the next event takes. */
static struct str own(struct channel_in *c, struct str s)
{
    char *p = s.n ? arena_strdup(c->arena, s) : NULL;
    if (s.n && !p) (void)channel_refuse(c, 503, "memory", "no memory for this request");
    return p ? (struct str){ p, s.n } : STR_NONE;
}

enum err generic_event(struct channel_in *c, const struct ingest *in)
{
    const struct event *from = &in->event;
    struct event *e = channel_event(c);
    if (!e) return ERR_PROTO;
    *e = (struct event){ .kind = from->kind,
                         .external = own(c, from->external),
                         .conversation = own(c, from->conversation),
                         .customer = own(c, from->customer),
                         .name = own(c, from->name),
                         .subject = own(c, from->subject),
                         .text = own(c, from->text),
                         .language = own(c, from->language) };
    for (uint32_t i = 0; i < in->attribute_count; i++)
        channel_attribute(c, e, in->attributes[i].key.p, own(c, in->attributes[i].value));
    return c->cause ? ERR_PROTO : ERR_OK;
}

static enum err read_event(struct channel_in *c, struct ingest *in, const struct json *v, uint32_t place)
{
    struct ingest_env env = generic_env(c->door, c->in);
    return ingest_event(in, &env, v) ? generic_refuse(c, in, place) : generic_event(c, in);
}

static enum err read_plain(struct channel_in *c, const struct json *body)
{
    struct ingest *in = body ? malloc(sizeof *in) : NULL;
    if (!body) return channel_refuse(c, 415, "content_type", "without a `map` the body is JSON");
    if (!in) return ERR_NOMEM;
    ingest_init(in);
    enum err e = json_type(body) == JSON_ARRAY ? generic_batch(c, in, body, read_event) : read_event(c, in, body, 0);
    ingest_fini(in);
    free(in);
    return e;
}

/* ---- the whole ---- */

static enum err read_values(struct mapped *m)
{
    struct channel_in *c = m->c;
    const struct inbound *b = &c->door->account->inbound;
    struct str value = value_text(m, &b->challenge.value);
    if (value.n) return answer_challenge(m, value);
    if (c->in->method == HTTP_M_GET) return channel_refuse(c, 400, "challenge", "this is no challenge, and webhooks are POSTs");
    return b->map.count ? read_mapped(m) : read_plain(c, m->body);
}

static enum err read_body(struct channel_in *c)
{
    struct inner inner[INNER_DOCS] = { 0 };
    struct mapped m = { .c = c, .inner = inner };
    enum err e = ERR_OK;
    if (c->in->method != HTTP_M_GET) e = form_type(c->in->type) ? generic_form(c, &m.form) : channel_json(c, &m.body);
    m.item = m.body;
    if (!e) e = read_values(&m);
    form_json_free(inner);
    return e;
}

const struct provider provider_generic = { .word = "generic",
                                           .body_max = BODY_MAX,
                                           .verify = verify,
                                           .read = read_body,
                                           .sender_for = generic_sender_for,
                                           .close = generic_close };
