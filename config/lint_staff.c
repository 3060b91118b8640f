/* Hours of the week at which nobody is there. A queue's answer clock runs round the clock, or while its hours are open; agents with
   a `shift` get offers only within it. Where everybody who could take a queue's tickets has a shift, the stretches in which the
   clock runs and none of them is on shift are looked for, over the next five weeks, in the intervals that the calendars were
   expanded to; the longest one that comes again each week is named, else the longest of all with its date.

   Who could take them: whom the queue asks at its widest, with its own needs as low as its steps make them. Nothing is said of
   times at which tickets are sent elsewhere (an overflow with `closed`, or with `staffed: none`), nor where somebody has no
   shift: they may be there at any time. */
#include "base/limits.h"
#include "config/lint.h"

#include <stdio.h>

#define WEEK_MS  604800000ull
#define HOUR_MS  3600000ull
#define WINDOW   (5 * WEEK_MS)
#define GAPS_MAX 400u
#define PLACE    120u /* bytes of a stretch in words */

struct gap {
    uint64_t from, to;
};
struct sweep { /* of one queue */
    const struct policy *p;
    const struct queue *q;
    int wanted[LIM_LIST_ITEMS]; /* hours that must all be open for anybody to be missed */
    uint32_t wanted_count;
    bool shift[LIM_LIST_ITEMS]; /* hours of the policy that are a shift of somebody who could */
    struct gap gaps[GAPS_MAX];
    uint32_t gap_count;
    uint32_t first_minute; /* of the local week, when the window begins */
    bool staffed;          /* at some time in the window */
};

/* ---- open or shut, and until when ---- */

static bool is_open(const struct sweep *s, uint32_t hours, uint64_t t, uint64_t *until)
{
    uint64_t next = 0;
    bool open = hours_open(&s->p->hours[hours], t, &next);
    *until = next > t ? next : UINT64_MAX;
    return open;
}

/* All of `wanted` are open at t; *until: when that may change. */
static bool is_wanted(const struct sweep *s, uint64_t t, uint64_t *until)
{
    bool all = true;
    *until = UINT64_MAX;
    for (uint32_t i = 0; i < s->wanted_count; i++) {
        uint64_t next;
        all &= is_open(s, (uint32_t)s->wanted[i], t, &next);
        if (next < *until) *until = next;
    }
    return all;
}

/* Somebody is on shift at t: *until, the last of them at least so long; nobody: until somebody is. */
static bool is_staffed(const struct sweep *s, uint64_t t, uint64_t *until)
{
    uint64_t last = 0, first = UINT64_MAX;
    for (uint32_t h = 0; h < s->p->hours_count; h++) {
        uint64_t next;
        if (!s->shift[h]) continue;
        if (is_open(s, h, t, &next)) last = next > last ? next : last;
        else if (next < first) first = next;
    }
    *until = last ? last : first;
    return last > 0;
}

static void add_gap(struct sweep *s, uint64_t from, uint64_t to)
{
    struct gap *last = s->gap_count ? &s->gaps[s->gap_count - 1] : NULL;
    if (last && last->to == from) last->to = to;
    else if (s->gap_count < GAPS_MAX) s->gaps[s->gap_count++] = (struct gap){ from, to };
}

static void look(struct sweep *s)
{
    uint64_t begin = s->p->loaded, end = begin + WINDOW;
    for (uint64_t t = begin; t < end;) {
        uint64_t until, then;
        bool wanted = is_wanted(s, t, &until), staffed = is_staffed(s, t, &then);
        if (wanted && then < until) until = then;
        if (until > end) until = end;
        s->staffed |= wanted && staffed;
        if (wanted && !staffed) add_gap(s, t, until);
        t = until;
    }
    /* What the window cuts is not known whole. */
    if (s->gap_count && s->gaps[s->gap_count - 1].to == end) s->gap_count--;
    if (s->gap_count && s->gaps[0].from == begin) memmove(s->gaps, s->gaps + 1, --s->gap_count * sizeof *s->gaps);
}

/* ---- which one is named ---- */

static bool about(uint64_t a, uint64_t b) { return (a > b ? a - b : b - a) <= HOUR_MS; } /* summer time may move one of both */

static bool comes_again(const struct sweep *s, const struct gap *g)
{
    for (uint32_t i = 0; i < s->gap_count; i++)
        if (about(s->gaps[i].from, g->from + WEEK_MS) && about(s->gaps[i].to, g->to + WEEK_MS)) return true;
    return false;
}

static const char *zone_of(const struct sweep *s)
{
    if (s->q->answer.hours >= 0) return s->p->hours[s->q->answer.hours].timezone;
    for (uint32_t h = 0; h < s->p->hours_count; h++)
        if (s->shift[h]) return s->p->hours[h].timezone;
    return s->p->timezone;
}

/* From Monday on, so that which of two equal ones is named does not depend on today; summer time may put it an hour off. */
static uint32_t minute_of_week(const struct sweep *s, uint64_t t)
{
    return (uint32_t)((s->first_minute + (t - s->p->loaded) / 60000) % (7 * 1440));
}

static const struct gap *worst(const struct sweep *s, bool *weekly)
{
    const struct gap *best = NULL;
    *weekly = false;
    for (uint32_t i = 0; i < s->gap_count; i++) {
        const struct gap *g = &s->gaps[i];
        bool again = comes_again(s, g);
        uint64_t span = g->to - g->from, most = best ? best->to - best->from : 0;
        if (best && *weekly && !again) continue;
        if (!best || (again && !*weekly) || span > most ||
            (span == most && minute_of_week(s, g->from) < minute_of_week(s, best->from))) {
            best = g;
            *weekly = again;
        }
    }
    return best;
}

/* "; 4 more such times a week": beside the one that is named, so that all are mended at once. */
static void more_text(const struct sweep *s, char out[PLACE])
{
    uint64_t first = 0;
    uint32_t n = 0;
    for (uint32_t i = 0; i < s->gap_count; i++) {
        if (!comes_again(s, &s->gaps[i])) continue;
        if (!n) first = s->gaps[i].from;
        n += s->gaps[i].from < first + WEEK_MS - HOUR_MS;
    }
    *out = '\0';
    if (n > 1) snprintf(out, PLACE, "; %u more such time%s a week", n - 1, n == 2 ? "" : "s");
}

/* "every Sunday 10:00-14:00", "on Friday 2026-12-25 09:00-18:00", "every Friday 18:00 to Monday 09:00" */
static void gap_text(const struct sweep *s, const struct gap *g, bool weekly, char out[PLACE])
{
    static const char *const days[] = { "Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday" };
    struct local a = hours_local(zone_of(s), g->from), z = hours_local(zone_of(s), g->to);
    char date[24] = "";
    bool midnight = z.minute == 0 && g->to - g->from <= 24 * HOUR_MS && z.weekday == (a.weekday + 1) % 7;
    if (!weekly) snprintf(date, sizeof date, " %04u-%02u-%02u", a.ymd / 10000, a.ymd / 100 % 100, a.ymd % 100);
    int n = snprintf(out, PLACE, "%s %s%s %02u:%02u", weekly ? "every" : "on", days[a.weekday], date, a.minute / 60, a.minute % 60);
    if (midnight) snprintf(out + n, PLACE - (size_t)n, "-24:00");
    else if (a.ymd == z.ymd) snprintf(out + n, PLACE - (size_t)n, "-%02u:%02u", z.minute / 60, z.minute % 60);
    else snprintf(out + n, PLACE - (size_t)n, " to %s %02u:%02u", days[z.weekday], z.minute / 60, z.minute % 60);
}

/* ---- who is missing ---- */

/* The shifts of those in the set; false: somebody has none, or there is nobody. */
static bool gather_shifts(struct sweep *s, const uint64_t *set)
{
    bool any = false;
    memset(s->shift, 0, sizeof s->shift);
    for (uint32_t i = 0; i < s->p->agent_count; i++) {
        if (!crew_in(set, i)) continue;
        if (s->p->agents[i].shift < 0) return false;
        s->shift[s->p->agents[i].shift] = any = true;
    }
    return any;
}

/* The one need without which somebody would be there at t; NULL: it is several together, or all of them. */
static const struct skill *missing_at(struct sweep *s, const struct crew *c, uint64_t t)
{
    for (uint32_t i = 0; i < s->q->needs.count; i++) {
        uint32_t lowest = crew_lowest(s->q, &s->q->needs.v[i]);
        uint64_t until;
        if (!lowest) continue;
        crew_asked(c, s->q, crew_widest(s->q), c->some);
        crew_keep(c, s->q->needs.v[i].name, lowest, c->some);
        if (gather_shifts(s, c->some) && !is_staffed(s, t, &until)) return &s->q->needs.v[i];
    }
    return NULL;
}

static void who_text(const struct sweep *s, const struct skill *need, char out[PLACE])
{
    if (need) snprintf(out, PLACE, "with \"%.60s\" at %u", need->name, crew_lowest(s->q, need));
    else snprintf(out, PLACE, "who could take it");
}

static void say_gap(struct bind *b, struct sweep *s, const struct crew *c, const struct ynode *n)
{
    const struct ynode *hours = tree_get(tree_get(tree_get(n, "sla"), "answer"), "hours");
    char who[PLACE], when[PLACE], more[PLACE];
    bool weekly;
    const struct gap *g = worst(s, &weekly);
    if (s->staffed && !g) return;
    more_text(s, more);
    if (g) gap_text(s, g, weekly, when); /* in the zone of the shifts, so before they are gathered anew */
    who_text(s, s->staffed ? missing_at(s, c, g->from) : NULL, who);
    if (!s->staffed)
        findings_key(b->f, F_WARN, hours ? hours : n,
                     "nobody of this file %s is ever on shift while the answer clock runs%s%s: change the hours, or a shift", who,
                     hours ? " by " : "", hours ? hours->text.p : "");
    else if (hours)
        findings_key(
            b->f, F_WARN, hours,
            "%s nobody of this file %s is on shift, while the answer clock runs by %s: give somebody a shift then, or close "
            "these hours%s",
            when, who, hours->text.p, more);
    else
        findings_key(
            b->f, F_WARN, n,
            "%s nobody of this file %s is on shift, while the answer clock runs round the clock: give somebody a shift then, "
            "or the answer target \"hours\"%s",
            when, who, more);
}

/* ---- one queue ---- */

/* False: tickets are sent elsewhere whenever nobody is there. */
static bool gather_wanted(struct sweep *s)
{
    s->wanted_count = 0;
    if (s->q->answer.hours >= 0) s->wanted[s->wanted_count++] = s->q->answer.hours;
    for (uint32_t i = 0; i < s->q->overflow_count; i++) {
        const struct overflow *o = &s->q->overflow[i];
        bool leaves = o->move >= 0 || o->callback.given || o->refuse;
        if (!leaves || o->waiting_over || o->expected_over.ms || o->expected_over.pct) continue;
        if (o->nobody_staffed && o->closed < 0) return false;
        if (o->closed >= 0 && !o->nobody_staffed && s->wanted_count < LIM_LIST_ITEMS) s->wanted[s->wanted_count++] = o->closed;
    }
    return true;
}

static void check_queue(struct bind *b, struct sweep *s, const struct crew *c, const struct ynode *n)
{
    s->gap_count = 0;
    s->staffed = false;
    if (!n || !gather_wanted(s)) return;
    crew_asked(c, s->q, crew_widest(s->q), c->some);
    for (uint32_t i = 0; i < s->q->needs.count; i++) {
        uint32_t lowest = crew_lowest(s->q, &s->q->needs.v[i]);
        if (lowest) crew_keep(c, s->q->needs.v[i].name, lowest, c->some);
    }
    if (!gather_shifts(s, c->some)) return;
    struct local first = hours_local(zone_of(s), s->p->loaded);
    s->first_minute = (uint32_t)(first.weekday + 6) % 7 * 1440 + first.minute;
    look(s);
    say_gap(b, s, c, n);
}

void warn_staff(struct bind *b, const struct draft *d, const struct crew *c, const struct ynode *root)
{
    struct sweep s = { .p = &d->p };
    for (uint32_t i = 0; i < d->p.queue_count && d->p.agent_count; i++) {
        s.q = &d->p.queues[i];
        check_queue(b, &s, c, lint_queue(root, s.q));
    }
}
