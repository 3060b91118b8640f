/* Why not before, on the page: under the decision that ended a wait, or at the end while it waits.

         waited 3 min 30 s
           15:06:50  for 3 min 30 s: 1 away, 1 lacks billing 5, 1 short of units (voice costs 100)
           15:08:50  minji was free and was given 0197… first: its deadline was 53 min 10 s earlier
           15:10:20  minji's voice ticket was over
         minji     15:06:50 had 0 units free of 100, 15:10:20 was free
         sooner    billing 5 → 4: sora

   All sentences are the leader's; the page puts times (UTC) before them and sorts them. */
#include "base/clock.h"
#include "cli/life_parts.h"

#define BRIEF_MS 10 /* a wait below is none: it was matched in the turn it came in, or the next */

static struct str text_of(const struct json *o, const char *key) { return json_str(json_get(o, key)); }

static uint64_t time_of(const struct json *o, const char *key)
{
    struct str s = text_of(o, key);
    uint64_t ms = 0;
    return s.n && !clock_parse(s.p, s.n, &ms) ? ms : 0;
}

/* "15:06:50" of "2026-03-02T15:06:50.000Z" */
static void put_clock(struct buf *b, struct str at)
{
    if (at.n >= 19) life_put(b, (struct str){ at.p + 11, 8 });
}

const struct json *life_wait(const struct json *doc, uint64_t seq, struct str at)
{
    for (const struct json *w = json_first(json_get(doc, "waits")); w; w = json_next(w)) {
        uint64_t entry = 0;
        bool given = json_is_u64(json_get(w, "entry"), &entry);
        if (given ? entry == seq : (!seq || at.n) && str_eq(text_of(w, "until"), at)) return w;
    }
    return NULL;
}

static void put_line(struct buf *b, const struct json *item)
{
    buf_addz(b, "          ");
    put_clock(b, text_of(item, "at"));
    buf_addz(b, "  ");
    life_put(b, text_of(item, "says"));
    buf_addc(b, '\n');
}

/* What took less than a hundredth of the wait is no span to be read of: the matcher's own milliseconds. */
static bool is_brief(const struct json *wait, double ms) { return ms * 100 < json_num(json_get(wait, "ms")); }

static void put_by_time(struct buf *b, const struct json *wait)
{
    const struct json *s = json_first(json_get(wait, "spans")), *m = json_first(json_get(wait, "moments"));
    while (s || m) {
        if (s && is_brief(wait, json_num(json_get(s, "ms")))) s = json_next(s);
        else if (s && (!m || time_of(s, "at") < time_of(m, "at"))) put_line(b, s), s = json_next(s);
        else if (m) put_line(b, m), m = json_next(m);
    }
}

static void put_winner(struct buf *b, const struct json *wait)
{
    const struct json *list = json_get(wait, "winner");
    if (!json_first(list) || !json_next(json_first(list))) return; /* one state all the time: the spans say it */
    const char *between = "        ";
    for (const struct json *o = json_first(list); o; o = json_next(o)) {
        const struct json *next = json_next(o);
        if (next && is_brief(wait, (double)(time_of(next, "at") - time_of(o, "at")))) continue;
        buf_addz(b, between);
        between = "; ";
        put_clock(b, text_of(o, "at"));
        buf_addc(b, ' ');
        life_put(b, text_of(o, "says"));
    }
    buf_addc(b, '\n');
}

static void put_smallest(struct buf *b, const struct json *change, bool now)
{
    const struct json *c = json_first(json_get(change, "changes"));
    struct str never = text_of(change, "says");
    if (never.n) buf_addz(b, "        nobody could ever take it: "), life_put(b, never), buf_addc(b, '\n');
    if (!c) return;
    buf_addz(b, never.n ? "        the nearest: " : now ? "        somebody would take it with: " : "        sooner with: ");
    for (const char *between = ""; c; c = json_next(c), between = "\n          or: ")
        buf_addz(b, between), life_put(b, text_of(c, "says"));
    buf_addc(b, '\n');
}

void life_put_wait(struct buf *b, const struct json *wait)
{
    double ms = json_num(json_get(wait, "ms")), first = json_num(json_get(wait, "given_first"));
    bool now = !text_of(wait, "until").n;
    if (!wait || (ms < BRIEF_MS && !now)) return;
    buf_addz(b, now ? "        waiting for " : "        waited ");
    life_span(b, ms);
    if (!json_bool(json_get(wait, "whole"))) buf_addz(b, " and longer: what was before is not known");
    if (first > 0)
        buf_addf(b, "; %.0f other%s given first to somebody who could have had it", first, first < 2 ? " was" : "s were");
    buf_addc(b, '\n');
    put_by_time(b, wait);
    put_winner(b, wait);
    put_smallest(b, json_get(wait, "smallest_change"), now);
}

/* ---- queues ---- */

static void put_stay(struct buf *b, struct str queue, uint64_t from, uint64_t to, const char *between)
{
    buf_addz(b, between);
    life_put(b, queue);
    buf_addc(b, ' ');
    if (to > from) life_span(b, (double)(to - from));
    else buf_addz(b, "0 s");
}

void life_put_queues(struct buf *b, const struct json *doc)
{
    const struct json *life = json_get(doc, "life"), *last = NULL;
    struct str queue = STR_NONE;
    uint64_t since = 0, at = 0;
    size_t from = b->n;
    const char *between = "  queues       ";
    bool moved = false;
    for (const struct json *e = json_first(life); e; last = e, e = json_next(e)) {
        struct str q = text_of(e, "queue");
        at = time_of(e, "at");
        if (!q.n || str_eq(q, queue)) continue;
        if (queue.n) put_stay(b, queue, since, at, between), between = ", ", moved = true;
        queue = q;
        since = at;
    }
    if (!moved) {
        b->n = from;
        return;
    }
    if (str_is(text_of(last, "kind"), "ended")) put_stay(b, queue, since, at, between);
    else buf_addz(b, between), life_put(b, queue), buf_addz(b, " since then");
    buf_addc(b, '\n');
}

/* ---- how far back ---- */

void life_put_known(struct buf *b, const struct json *doc)
{
    static const struct {
        const char *because, *says;
    } rows[] = { { "leader", "this leader began then" },
                 { "policy", "the policy changed then" },
                 { "full", "older changes are not kept" } };
    uint64_t began = time_of(json_first(json_get(doc, "life")), "at"), known = time_of(doc, "known_from");
    if (!known || !began || began >= known) return;
    buf_addz(b, "what it waited for is not known before ");
    life_put(b, text_of(doc, "known_from"));
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        if (str_is(text_of(doc, "known_because"), rows[i].because)) buf_addf(b, ": %s", rows[i].says);
    buf_addc(b, '\n');
}
