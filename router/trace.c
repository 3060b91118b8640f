#include "router/trace.h"

#include "base/rng.h"
#include "router/sign.h"

static bool is_hex(struct str s, size_t at, size_t n)
{
    for (size_t i = at; i < at + n; i++)
        if (!(s.p[i] >= '0' && s.p[i] <= '9') && !(s.p[i] >= 'a' && s.p[i] <= 'f')) return false;
    return true;
}

static bool only_zeros(struct str s, size_t at, size_t n)
{
    for (size_t i = at; i < at + n; i++)
        if (s.p[i] != '0') return false;
    return true;
}

struct str trace_read(struct str h)
{
    if (h.n < TRACE_TEXT || h.p[2] != '-' || h.p[35] != '-' || h.p[52] != '-') return STR_NONE;
    bool form = is_hex(h, 0, 2) && is_hex(h, 3, 32) && is_hex(h, 36, 16) && is_hex(h, 53, 2);
    if (!form || !memcmp(h.p, "ff", 2) || only_zeros(h, 3, 32) || only_zeros(h, 36, 16)) return STR_NONE;
    if (h.n > TRACE_TEXT && (!memcmp(h.p, "00", 2) || h.p[TRACE_TEXT] != '-')) return STR_NONE;
    return (struct str){ h.p, TRACE_TEXT };
}

/* Texts point into the event's bytes, and only the list is in the arena. */
static struct str of_event(const struct kept_event *e, struct arena *arena)
{
    struct event event;
    if (!e->packed || record_unpack_one(&event_record, "attributes", &event, (struct str){ e->packed, e->packed_n }, arena))
        return STR_NONE;
    const struct attribute *a = event.attributes.items;
    for (uint32_t i = 0; i < event.attributes.count; i++)
        if (str_is(a[i].key, TRACE_KEY)) return trace_read(a[i].value);
    return STR_NONE;
}

void trace_header(struct buf *out, const struct kept_ticket *ticket)
{
    struct arena arena;
    struct str found = STR_NONE;
    unsigned char span[8];
    char hex[2 * sizeof span + 1];
    if (!ticket) return;
    arena_init(&arena, 1u << 20);
    for (const struct kept_event *e = TAILQ_LAST(&ticket->events, event_list); e && !found.n;
         e = TAILQ_PREV(e, event_list, sibling))
        found = of_event(e, &arena);
    if (found.n) {
        rng_secret(span, sizeof span);
        span[0] |= 1; /* never only zeros */
        buf_addf(out, "traceparent: 00-%.*s-", STR_FMT(trace_id(found)));
        sign_hex(span, sizeof span, hex);
        buf_addf(out, "%s-%.2s\n", hex, found.p + 53);
    }
    arena_fini(&arena);
}
