#include "router/channels/pick.h"

#include "base/clock.h"

#define WHOLE_MOST 9007199254740992.0 /* 2^53: beyond it a double does not hold every whole number */
#define NAME_MOST  200u
#define WHERE_MOST 700u /* half an address leads nowhere: a longer one is left out */

const struct json *pick(const struct json *v, const char *path)
{
    char name[64];
    while (v && *path) {
        size_t n = strcspn(path, ".");
        if (n >= sizeof name) return NULL;
        memcpy(name, path, n);
        name[n] = '\0';
        v = json_get(v, name);
        path += n + (path[n] == '.');
    }
    return v;
}

struct str pick_text(const struct json *v, const char *path)
{
    const struct json *at = pick(v, path);
    return at ? json_str(at) : STR_NONE;
}

bool pick_true(const struct json *v, const char *path)
{
    const struct json *at = pick(v, path);
    return at && json_type(at) == JSON_BOOL && json_bool(at);
}

struct str pick_id(struct channel_in *c, const struct json *v, const char *path)
{
    const struct json *at = pick(v, path);
    if (!at || json_type(at) != JSON_NUMBER) return at ? json_str(at) : STR_NONE;
    double d = json_num(at);
    if (!(d > -WHOLE_MOST && d < WHOLE_MOST) || (double)(long long)d != d) return STR_NONE;
    return channel_text(c, "%lld", (long long)d);
}

uint64_t pick_time(const struct json *v, const char *path, uint64_t unit_ms)
{
    const struct json *at = pick(v, path);
    uint64_t t = 0, most = ((uint64_t)1 << 53) / unit_ms;
    if (!at) return 0;
    if (json_type(at) == JSON_STRING) {
        if (str_u64(json_str(at), 0, most, &t)) return 0;
    } else if (!json_is_u64(at, &t) || t > most) {
        return 0;
    }
    return t * unit_ms;
}

void event_note(struct channel_in *c, struct event *e, const char *key, struct str value)
{
    if (value.n) channel_attribute(c, e, key, value);
}

void event_at(struct channel_in *c, struct event *e, uint64_t wall_ms)
{
    char text[25];
    /* later than the year 9999: no time that RFC 3339 could write */
    if (wall_ms && wall_ms < 253402300800000) event_note(c, e, "event.at", channel_text(c, "%s", clock_text(wall_ms, text)));
}

void event_place(struct channel_in *c, struct event *e, const struct json *v)
{
    const struct json *lat = pick(v, "latitude"), *lon = pick(v, "longitude");
    if (lat && lon && json_type(lat) == JSON_NUMBER && json_type(lon) == JSON_NUMBER)
        event_note(c, e, "event.location", channel_text(c, "%.6f,%.6f", json_num(lat), json_num(lon)));
}

/* The first `most` bytes, without a character cut in two. */
static struct str shortened(struct str s, size_t most)
{
    if (s.n <= most) return s;
    while (most && ((unsigned char)s.p[most] & 0xc0) == 0x80) most--;
    return (struct str){ s.p, most };
}

void attach(struct attachments *a, struct str kind, struct str name, struct str where)
{
    a->count++;
    if (!kind.n) kind = STR("file");
    kind = shortened(kind, 64);
    name = shortened(name, NAME_MOST);
    if (where.n > WHERE_MOST) where = STR_NONE;
    if (!a->e->text.n) a->e->text = channel_text(a->c, "[%.*s]", STR_FMT(kind));
    if (a->count > ATTACHMENTS_TOLD) return;
    struct str key = channel_text(a->c, "event.attachment.%u", a->count);
    struct str told =
        channel_text(a->c, "%.*s%s%.*s%s%.*s", STR_FMT(kind), name.n ? " " : "", STR_FMT(name), where.n ? " " : "", STR_FMT(where));
    if (key.n && told.n) channel_attribute(a->c, a->e, key.p, told);
}

void attach_end(struct attachments *a)
{
    if (a->count) event_note(a->c, a->e, "event.attachments", channel_text(a->c, "%u", a->count));
}
