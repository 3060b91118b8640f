/* What adapters call, and how their events become what the journal takes. Pure but for counting.

   Texts of an event lie in the delivery's body, in the JSON document, or in the arena: all three live until the answer. An adapter
   fills what the provider said; channel_complete makes it fit. Nothing is refused there for being long or oddly spelled: a provider
   would only send the same again, for days. */
#include "base/metrics.h"
#include "base/openssl.h"
#include "router/channel.h"
#include "router/facts.h"
#include "router/http_req.h"

#include <stdarg.h>
#include <stdio.h>

#define ANSWER_MAX (1u << 20)
#define OWN_ROOM   (FACTS_ROOM - 2u) /* two are ours: event.cut and reply.with */
#define ID_MAX     256u
#define HEX        64u

void channel_in_init(struct channel_in *c, struct door *door, const struct delivery *in, struct arena *arena)
{
    *c = (struct channel_in){ .door = door, .in = in, .arena = arena, .answer = { .status = 200, .type = "text/plain" } };
    buf_init(&c->answer.body, ANSWER_MAX);
}

void channel_in_fini(struct channel_in *c)
{
    json_free(c->doc);
    buf_fini(&c->answer.body);
    c->doc = NULL;
}

/* ---- refusing and skipping ---- */

enum err channel_refuse(struct channel_in *c, unsigned status, const char *cause, const char *fmt, ...)
{
    va_list ap;
    c->answer.status = status;
    c->cause = cause;
    va_start(ap, fmt);
    vsnprintf(c->why, sizeof c->why, fmt, ap);
    va_end(ap);
    return ERR_PROTO;
}

void channel_skip(struct channel_in *c, const char *what)
{
    (void)c;
    metric_add(MET_CHANNEL_SKIPPED, what, 1);
}

static void count_cut(const char *what) { metric_add(MET_CHANNEL_CUT, what, 1); }

/* ---- events ---- */

struct event *channel_event(struct channel_in *c)
{
    if (!c->events) c->events = arena_alloc(c->arena, LIM_CHANNEL_EVENTS * sizeof *c->events);
    if (!c->events) {
        (void)channel_refuse(c, 503, "memory", "no memory for this request");
        return NULL;
    }
    if (c->count == LIM_CHANNEL_EVENTS) {
        (void)channel_refuse(c, 413, "batch", "more than %u events in one request", LIM_CHANNEL_EVENTS);
        return NULL;
    }
    struct event *e = &c->events[c->count++];
    memset(e, 0, sizeof *e);
    return e;
}

/* Room grows by doubling from 8; the old list stays in the arena until the answer. */
static bool add_attribute(struct channel_in *c, struct event *e, struct str key, struct str value)
{
    uint32_t n = e->attributes.count;
    struct attribute *v = e->attributes.items;
    if (n == 0 || (n >= 8 && (n & (n - 1)) == 0)) {
        struct attribute *more = arena_alloc(c->arena, (n ? 2 * n : 8) * sizeof *more);
        if (!more) return false;
        if (n) memcpy(more, v, n * sizeof *more);
        e->attributes.items = v = more;
    }
    v[n] = (struct attribute){ key, value };
    e->attributes.count = n + 1;
    return true;
}

static bool key_allowed(struct str key)
{
    bool known = (key.n > 6 && !memcmp(key.p, "event.", 6)) || (key.n > 9 && !memcmp(key.p, "customer.", 9));
    return known && key.n <= 64 && !facts_key(key);
}

void channel_attribute(struct channel_in *c, struct event *e, const char *key, struct str value)
{
    struct str name = str_of(key);
    if (!value.n) return;
    name.p = key_allowed(name) && e->attributes.count < OWN_ROOM ? arena_strdup(c->arena, name) : NULL;
    if (!name.p || !add_attribute(c, e, name, value)) count_cut("attribute");
}

void channel_reply_with(struct channel_in *c, struct event *e, struct str how)
{
    if (!how.n) return;
    if (how.n > 1024 || !add_attribute(c, e, STR(REPLY_WITH), how)) count_cut("reply_with");
}

/* ---- texts ---- */

struct str channel_text(struct channel_in *c, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    int n = vsnprintf(NULL, 0, fmt, ap);
    va_end(ap);
    char *p = n >= 0 ? arena_alloc(c->arena, (size_t)n + 1) : NULL;
    if (!p) return STR_NONE;
    va_start(ap, fmt);
    vsnprintf(p, (size_t)n + 1, fmt, ap);
    va_end(ap);
    return (struct str){ p, (size_t)n };
}

static bool name_is(struct str raw, struct str name)
{
    char plain[256];
    size_t n;
    if (raw.n > sizeof plain) return false;
    return http_unescape(raw, true, plain, &n) && str_eq((struct str){ plain, n }, name);
}

struct str channel_form(struct channel_in *c, struct str form, const char *name)
{
    while (form.n) {
        const char *amp = memchr(form.p, '&', form.n);
        struct str pair = { form.p, amp ? (size_t)(amp - form.p) : form.n };
        form = (struct str){ form.p + pair.n + (amp != NULL), form.n - pair.n - (amp != NULL) };
        const char *is = memchr(pair.p, '=', pair.n);
        struct str key = { pair.p, is ? (size_t)(is - pair.p) : pair.n }, value = { NULL, 0 };
        struct str raw = { pair.p + key.n + (is != NULL), pair.n - key.n - (is != NULL) };
        if (!name_is(key, str_of(name))) continue;
        char *plain = arena_alloc(c->arena, raw.n + 1);
        if (!plain || !http_unescape(raw, true, plain, &value.n)) return STR_NONE;
        value.p = plain;
        return value;
    }
    return STR_NONE;
}

/* ---- making an event fit ---- */

/* UTF-8 without NUL, at most `max` bytes; the text itself when it is that already. *cut is set when its end was lost. */
static struct str clean(struct channel_in *c, struct str s, size_t max, bool *cut)
{
    static const char unknown[] = "\xEF\xBF\xBD";
    size_t at, n = 0, room = s.n > max / 3 ? max : 3 * s.n;
    if (s.n == 0) return STR_NONE;
    if (s.n <= max && !memchr(s.p, 0, s.n) && str_utf8(s, &at)) return s;
    char *p = arena_alloc(c->arena, room + 1);
    if (!p) return *cut = true, STR_NONE;
    for (size_t i = 0; i < s.n;) {
        size_t step = s.p[i] ? str_utf8_step(s.p + i, s.n - i) : 0, add = step ? step : 3;
        if (n + add > max) {
            *cut = true;
            break;
        }
        memcpy(p + n, step ? s.p + i : unknown, add);
        n += add;
        i += step ? step : 1;
    }
    return (struct str){ p, n };
}

static struct str hash_text(struct channel_in *c, struct str s)
{
    unsigned char hash[SHA256_DIGEST_LENGTH];
    char hex[HEX + 1];
    SHA256((const unsigned char *)(s.n ? s.p : ""), s.n, hash);
    sign_hex(hash, sizeof hash, hex);
    char *p = arena_strdup(c->arena, (struct str){ hex, HEX });
    return p ? (struct str){ p, HEX } : STR_NONE;
}

/* Two long ones that begin alike must stay two. */
static struct str clean_id(struct channel_in *c, struct str s)
{
    bool cut = false;
    struct str good = clean(c, s, ID_MAX, &cut);
    if (!cut) return good;
    count_cut("id");
    good = clean(c, s, ID_MAX - HEX - 1, &cut);
    return channel_text(c, "%.*s#%.*s", STR_FMT(good), STR_FMT(hash_text(c, s)));
}

static const struct text_row {
    const char *name;
    size_t offset, max;
} text_rows[] = {
    { "text", offsetof(struct event, text), LIM_TEXT },
    { "subject", offsetof(struct event, subject), 1024 },
    { "name", offsetof(struct event, name), 256 },
};

static void clean_texts(struct channel_in *c, struct event *e)
{
    char cuts[64] = "";
    size_t n = 0;
    for (size_t i = 0; i < sizeof text_rows / sizeof *text_rows; i++) {
        struct str *s = (struct str *)((char *)e + text_rows[i].offset);
        bool cut = false;
        *s = clean(c, *s, text_rows[i].max, &cut);
        if (!cut) continue;
        count_cut(text_rows[i].name);
        n += (size_t)snprintf(cuts + n, sizeof cuts - n, "%s%s", n ? "," : "", text_rows[i].name);
    }
    struct attribute *a = e->attributes.items;
    for (uint32_t i = 0; i < e->attributes.count; i++) {
        bool cut = false;
        a[i].value = clean(c, a[i].value, 1024, &cut);
        if (cut) count_cut("attribute");
    }
    if (n) (void)add_attribute(c, e, STR("event.cut"), channel_text(c, "%s", cuts));
}

static bool is_language(struct str s)
{
    for (size_t i = 0; i < s.n; i++) {
        char low = (char)(s.p[i] | 0x20);
        if (!(low >= 'a' && low <= 'z') && !(s.p[i] >= '0' && s.p[i] <= '9') && s.p[i] != '-') return false;
    }
    return s.n <= 16;
}

enum err channel_complete(struct channel_in *c, uint32_t home)
{
    for (uint32_t i = 0; i < c->count; i++) {
        struct event *e = &c->events[i];
        clean_texts(c, e);
        e->external = clean_id(c, e->external);
        e->customer = clean_id(c, e->customer);
        e->conversation = clean_id(c, e->conversation);
        if (!e->external.n) {
            e->external = channel_text(c, "body:%.*s:%u", STR_FMT(hash_text(c, c->in->body)), i);
            count_cut("id");
        }
        if (!e->conversation.n) e->conversation = e->customer.n ? e->customer : e->external;
        if (!is_language(e->language)) e->language = STR_NONE;
        e->workspace = str_of(c->door->workspace);
        e->account = str_of(c->door->account->name);
        e->channel = str_of(c->door->channel);
        e->received = c->in->now;
        e->home = home;
        if (!e->external.n || !e->conversation.n) return ERR_NOMEM;
        e->id = id_of_event(e->account, e->external);
    }
    return ERR_OK;
}
