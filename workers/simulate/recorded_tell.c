#include "config/date.h"
#include "config/hours.h"
#include "workers/simulate/recorded_impl.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>

#define DAY_MIN 1440

/* "0.4s" "12.3s" "3m 35s" "2h 05m" */
static const char *span_text(double ms, char out[32])
{
    if (ms < 1000) snprintf(out, 32, "%.0fms", ms);
    else if (ms < 59950) snprintf(out, 32, "%.1fs", ms / 1000);
    else if (ms < 3599500) snprintf(out, 32, "%um %02us", (unsigned)(ms / 1000 + 0.5) / 60, (unsigned)(ms / 1000 + 0.5) % 60);
    else snprintf(out, 32, "%uh %02um", (unsigned)(ms / 60000 + 0.5) / 60, (unsigned)(ms / 60000 + 0.5) % 60);
    return out;
}

static void tell_class(const struct recorded *r, uint32_t i, struct buf *out)
{
    const struct recorded_class *c = &r->known[i];
    char work[32] = "of all", patience[32];
    uint64_t median;
    if (c->served) span_text(c->work_sum / c->served, work);
    if (survive_median(&c->patience, &median)) span_text((double)median, patience);
    else snprintf(patience, sizeof patience, "%s", c->hung_up ? "too few" : "for ever");
    buf_addf(out, "%-44s %8u %8u %8u %10s %16s\n", r->classes[i].name, c->tickets, c->served, c->hung_up, work, patience);
}

static void tell_offers(const struct recorded *r, struct buf *out)
{
    const struct recorded_offers *o = &r->offers;
    char text[32];
    if (!o->all) return;
    buf_addf(out, "%" PRIu64 " offers: %.1f %% declined, %.1f %% missed", o->all, 100 * (double)o->declined / (double)o->all,
             100 * (double)o->missed / (double)o->all);
    if (o->accepts) buf_addf(out, ", accepted after %s in the mean", span_text(o->accept_sum / (double)o->accepts, text));
    buf_addc(out, '\n');
}

void recorded_tell(const struct recorded *r, struct buf *out)
{
    buf_addf(out, "%-44s %8s %8s %8s %10s %16s\n", "recorded class", "tickets", "served", "hung up", "mean work",
             "median patience");
    for (uint32_t i = 0; i < r->class_count; i++)
        if (r->known[i].tickets) tell_class(r, i, out);
    tell_offers(r, out);
    if (r->elsewhere)
        buf_addf(out, "%u tickets came to queues that the policy does not have (\"%s\" first): they come to \"%s\"\n", r->elsewhere,
                 r->elsewhere_queue, r->policy->queues[r->policy->default_queue].name);
    if (r->shared)
        buf_addf(out, "%u tickets share a class that is not quite theirs: there are %u at most\n", r->shared, RECORDED_CLASSES);
    if (r->beyond)
        buf_addf(out, "%" PRIu64 " tickets are left out: before the begin, or of more than %u kinds\n", r->beyond, RECORDED_KINDS);
}

/* ---- the section ---- */

static bool is_bare(const char *name)
{
    bool bare = (*name | 32) >= 'a' && (*name | 32) <= 'z';
    for (const char *c = name; *c && bare; c++)
        bare = (*c >= '0' && *c <= '9') || ((*c | 32) >= 'a' && (*c | 32) <= 'z') || strchr("-_.", *c);
    return bare;
}

/* Bare where that is unmistakable, else in double quotes. */
static void add_name(struct buf *out, const char *name)
{
    if (is_bare(name)) {
        buf_addz(out, name);
        return;
    }
    buf_addc(out, '"');
    for (const char *c = name; *c; c++) {
        if (*c == '"' || *c == '\\') buf_addc(out, '\\');
        if ((unsigned char)*c < 0x20 || *c == 0x7F) buf_addf(out, "\\x%02x", (unsigned char)*c);
        else buf_addc(out, *c);
    }
    buf_addc(out, '"');
}

static void add_time(struct buf *out, uint64_t ms)
{
    buf_addf(out, "%" PRIu64 "%s", ms % 1000 ? ms : ms / 1000, ms % 1000 ? "ms" : "s");
}

/* "key: { … }, " */
static void add_dist(struct buf *out, const char *key, const struct dist *d)
{
    static const char *const words[] = {
        [DIST_FIXED] = "deterministic", [DIST_EXPONENTIAL] = "exponential", [DIST_LOGNORMAL] = "lognormal"
    };
    if (d->kind == DIST_NONE) return;
    buf_addf(out, "%s: { %s: ", key, words[d->kind]);
    add_time(out, (uint64_t)llround(d->mean_ms));
    if (d->kind == DIST_LOGNORMAL) buf_addf(out, ", cv: %.2f", d->cv);
    buf_addz(out, " }, ");
}

static void add_needs(struct buf *out, const struct skills *s)
{
    if (!s->count) return;
    buf_addz(out, ", needs: { ");
    for (uint32_t i = 0; i < s->count; i++) {
        if (i) buf_addz(out, ", ");
        add_name(out, s->v[i].name);
        buf_addf(out, ": %u", s->v[i].level);
    }
    buf_addz(out, " }");
}

static void add_class(struct buf *out, const struct policy *p, const struct sim_class *c)
{
    buf_addz(out, "    ");
    add_name(out, c->name);
    buf_addz(out, ": { queue: ");
    add_name(out, p->queues[c->queue].name);
    buf_addz(out, ", ");
    add_dist(out, "work", &c->work);
    add_dist(out, "patience", &c->patience);
    buf_addf(out, "channel: %s, urgency: %s", c->channel, urgency_words.v[c->urgency]);
    add_needs(out, &c->needs);
    if (c->language) buf_addz(out, ", language: "), add_name(out, c->language);
    if (c->weight != 1) buf_addf(out, ", weight: %g", c->weight);
    if (c->target_ms) buf_addz(out, ", target: "), add_time(out, c->target_ms);
    buf_addz(out, " }\n");
}

/* The local time of the begin, as `from` is written: the minute whose instant it is. */
static void add_from(struct buf *out, const struct recorded *r)
{
    struct zone *z;
    if (zone_open(&z, r->policy->timezone)) return;
    int32_t day = (int32_t)(r->from / 86400000) + 1;
    while (day > 0 && zone_instant(z, day, 0) > r->from) day--;
    uint32_t minute = (uint32_t)((r->from - zone_instant(z, day, 0)) / 60000);
    for (uint32_t off = 0; off <= 180; off += 30) { /* clocks were changed since midnight */
        uint32_t later = minute + off, earlier = minute >= off ? minute - off : minute;
        if (zone_instant(z, day, earlier) == r->from) minute = earlier, off = 180;
        else if (later < DAY_MIN && zone_instant(z, day, later) == r->from) minute = later, off = 180;
    }
    char date[11];
    buf_addf(out, "  from: %s %02u:%02u\n", date_text(date_from(day), date), minute / 60, minute % 60);
    zone_close(z);
}

void recorded_yaml(const struct recorded *r, struct buf *out)
{
    buf_addz(out, "simulate:\n");
    add_from(out, r);
    buf_addz(out, "  classes:\n");
    for (uint32_t i = 0; i < r->class_count; i++)
        if (r->known[i].tickets || !r->known[i].added) add_class(out, r->policy, &r->classes[i]);
    const struct simulate_rules *s = &r->policy->simulate;
    buf_addz(out, "  offers: { ");
    add_dist(out, "accept", &s->accept);
    buf_addf(out, "declined: %.1f%%, missed: %.1f%% }\n", 100 * s->declined, 100 * s->missed);
    buf_addz(out, "  parallel: {");
    for (uint32_t i = 0; i < r->policy->simulate.parallel_count; i++) {
        const struct sim_parallel *v = &r->policy->simulate.parallel[i];
        buf_addf(out, "%s %s: [", i ? "," : "", v->channel);
        for (uint32_t k = 0; k < v->count; k++) buf_addf(out, "%s%g", k ? ", " : "", v->v[k]);
        buf_addc(out, ']');
    }
    buf_addz(out, " }\n");
}
