/* From recorded kinds to the policy's classes, and from their tickets to estimates.

   A kind takes the class that has its queue, channel, urgency and needs (and its language, where the policy's queues ask for the
   ticket's language: else languages make no difference). Where there is none one is made, named after them. When no more classes
   may be made the kind shares the class that comes nearest: same queue and channel, else same queue, else the first; that is told.

   Works lie in one array class by class, so that those of a class, and those of all, are slices of it. */
#include "config/findings.h"
#include "workers/simulate/recorded_impl.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#define DIST_MOST   2592000000.0 /* ms: 30 days, as in a file; so are the next two */
#define ACCEPT_MOST 3600000.0
#define MOST_LOST   0.95 /* of offers */

struct binding {
    struct recorded *r;
    struct policy *p;
    bool languages;        /* make a difference */
    struct sim_class *v;   /* room for RECORDED_CLASSES */
    uint32_t count, there; /* of which `there` were the policy's */
    uint32_t *class_of;    /* of each kind */
};

/* ---- classes ---- */

static bool asks_language(const struct policy *p)
{
    for (uint32_t q = 0; q < p->queue_count; q++)
        for (uint32_t i = 0; i < p->queues[q].needs.count; i++)
            if (p->queues[q].needs.v[i].from_ticket) return true;
    return false;
}

static bool same_needs(const struct skills *a, const struct skills *b)
{
    uint32_t found = 0;
    for (uint32_t i = 0; i < a->count; i++)
        for (uint32_t k = 0; k < b->count; k++) found += !strcmp(a->v[i].name, b->v[k].name) && a->v[i].level == b->v[k].level;
    return a->count == b->count && found == a->count;
}

static const char *language_of(const char *language) { return language && *language ? language : "und"; }

static bool fits(const struct binding *b, const struct sim_class *c, const struct recorded_kind *k, int queue)
{
    return c->queue == queue && !strcmp(c->channel, k->channel) && c->urgency == k->urgency && same_needs(&c->needs, &k->needs) &&
           (!b->languages || !strcmp(language_of(c->language), language_of(k->language)));
}

static bool is_taken(const struct binding *b, const char *name)
{
    for (uint32_t i = 0; i < b->count; i++)
        if (!strcmp(b->v[i].name, name)) return true;
    return !strcmp(name, "all"); /* stands for all classes in a policy */
}

/* "billing-voice-high-tech5-ko", at most 60 bytes of it, with a number behind it when it is taken. */
static const char *new_name(struct binding *b, const struct recorded_kind *k, const char *queue)
{
    char text[1024], name[80];
    int n = snprintf(text, sizeof text, "%s-%s-%s", queue, k->channel, urgency_words.v[k->urgency]);
    for (uint32_t i = 0; i < k->needs.count && n > 0 && n < 256; i++)
        n += snprintf(text + n, sizeof text - (size_t)n, "-%s%u", k->needs.v[i].name, k->needs.v[i].level);
    if (b->languages && n > 0 && n < 512) snprintf(text + n, sizeof text - (size_t)n, "-%s", language_of(k->language));
    struct str cut = findings_shown(str_of(text));
    snprintf(name, sizeof name, "%.*s", STR_FMT(cut));
    for (unsigned i = 2; is_taken(b, name); i++) snprintf(name, sizeof name, "%.*s-%u", STR_FMT(cut), i);
    return arena_strdup(&b->r->arena, str_of(name));
}

static bool add_class(struct binding *b, const struct recorded_kind *k, int queue)
{
    const char *name = new_name(b, k, b->p->queues[queue].name);
    if (!name) return false;
    b->v[b->count++] = (struct sim_class){ .name = name,
                                           .queue = queue,
                                           .channel = k->channel,
                                           .urgency = k->urgency,
                                           .needs = k->needs,
                                           .language = b->languages && *k->language ? k->language : NULL,
                                           .weight = 1 };
    return true;
}

/* The class that comes nearest, when no more may be made. */
static uint32_t nearest_class(const struct binding *b, const struct recorded_kind *k, int queue)
{
    uint32_t best = 0;
    int most = -1;
    for (uint32_t i = 0; i < b->count; i++) {
        int alike = 2 * (b->v[i].queue == queue) + !strcmp(b->v[i].channel, k->channel);
        if (alike > most) most = alike, best = i;
    }
    return best;
}

static int queue_of(struct binding *b, const struct recorded_kind *k, bool *there)
{
    int queue = policy_queue(b->p, str_of(k->queue));
    *there = queue >= 0;
    return *there ? queue : (int)b->p->default_queue;
}

static enum err class_kind(struct binding *b, uint32_t kind)
{
    const struct recorded_kind *k = b->r->kinds[kind];
    bool there;
    int queue = queue_of(b, k, &there);
    uint32_t i = 0;
    while (i < b->count && !fits(b, &b->v[i], k, queue)) i++;
    if (i == b->count && b->count == RECORDED_CLASSES) i = nearest_class(b, k, queue);
    else if (i == b->count && !add_class(b, k, queue)) return ERR_NOMEM;
    b->class_of[kind] = i;
    return ERR_OK;
}

static enum err make_classes(struct binding *b)
{
    const struct simulate_rules *s = &b->p->simulate;
    enum err e = ERR_OK;
    b->v = arena_alloc(&b->r->arena, RECORDED_CLASSES * sizeof *b->v);
    b->class_of = calloc(b->r->kind_count + 1, sizeof *b->class_of);
    if (!b->v || !b->class_of) return ERR_NOMEM;
    if (s->class_count) memcpy(b->v, s->classes, s->class_count * sizeof *b->v);
    b->count = b->there = s->class_count;
    for (uint32_t i = 0; i < b->r->kind_count && !e; i++) e = class_kind(b, i);
    return e;
}

/* Channels that the section leaves out are worked at full speed beside each other: see recorded.h. */
static enum err add_parallel(struct binding *b, struct simulate_rules *s)
{
    struct sim_parallel *v = arena_alloc(&b->r->arena, (s->parallel_count + b->p->channel_count + 1) * sizeof *v);
    double *one = arena_alloc(&b->r->arena, sizeof *one);
    if (!v || !one) return ERR_NOMEM;
    *one = 1;
    uint32_t n = s->parallel_count;
    if (n) memcpy(v, s->parallel, n * sizeof *v);
    for (uint32_t i = 0; i < b->p->channel_count; i++) {
        uint32_t k = 0;
        while (k < n && strcmp(v[k].channel, b->p->channels[i].name)) k++;
        if (k == n) v[n++] = (struct sim_parallel){ .channel = b->p->channels[i].name, .v = one, .count = 1 };
    }
    s->parallel = v;
    s->parallel_count = n;
    return ERR_OK;
}

/* ---- tickets ---- */

/* How fast this agent works on this class as the section says it: what took them a minute is so many minutes of work. */
static double speed_of(const struct policy *p, const char *agent, uint32_t class)
{
    for (uint32_t i = 0; agent && i < p->simulate.agent_count; i++)
        if (!strcmp(p->simulate.agents[i].name, agent)) return sim_number_of(&p->simulate.agents[i].speed, class, 1);
    return 1;
}

static void note_row(struct binding *b, struct recorded_row *row)
{
    struct recorded *r = b->r;
    const struct recorded_kind *k = r->kinds[row->kind];
    row->class = b->class_of[row->kind];
    if (!fits(b, &b->v[row->class], k, b->v[row->class].queue)) r->shared++;
    if (policy_queue(b->p, str_of(k->queue)) < 0 && !r->elsewhere++) r->elsewhere_queue = k->queue;
    if (row->served) {
        double work = (double)row->work * speed_of(b->p, row->agent, row->class);
        row->work = work < (double)SIM_TIME_MAX ? (uint64_t)llround(work) : SIM_TIME_MAX;
    }
    struct recorded_class *c = &r->known[row->class];
    c->tickets++;
    c->served += row->served;
    c->hung_up += row->hung_up;
    r->works_count += row->served;
}

/* ---- estimates ---- */

static enum err sort_works(struct recorded *r)
{
    uint32_t first = 0;
    r->works = calloc((size_t)r->works_count + 1, sizeof *r->works);
    uint32_t *next = calloc((size_t)r->class_count + 1, sizeof *next);
    if (!r->works || !next) return free(next), ERR_NOMEM;
    for (uint32_t i = 0; i < r->class_count; first += r->known[i++].served) r->known[i].first = next[i] = first;
    for (uint32_t i = 0; i < r->count; i++) {
        const struct recorded_row *row = &r->v[i];
        if (!row->served) continue;
        struct recorded_class *c = &r->known[row->class];
        c->work_sum += (double)row->work;
        c->work_squares += (double)row->work * (double)row->work;
        r->works[next[row->class]++] = row->work;
    }
    free(next);
    return ERR_OK;
}

static enum err fit_patience(struct recorded *r)
{
    struct survive_seen *seen = calloc((size_t)r->count + 1, sizeof *seen);
    uint32_t *next = calloc((size_t)r->class_count + 1, sizeof *next), first = 0;
    enum err e = seen && next ? ERR_OK : ERR_NOMEM;
    for (uint32_t i = 0; !e && i < r->class_count; first += r->known[i++].tickets) next[i] = first;
    for (uint32_t i = 0; !e && i < r->count; i++)
        seen[next[r->v[i].class]++] = (struct survive_seen){ r->v[i].wait, r->v[i].hung_up };
    first = 0;
    for (uint32_t i = 0; !e && i < r->class_count; first += r->known[i++].tickets)
        e = survive_fit(&r->known[i].patience, seen + first, r->known[i].tickets);
    free(seen);
    free(next);
    return e;
}

static double within(double v, double least, double most) { return v < least ? least : v > most ? most : v; }

/* A distribution with the mean and deviation of `n` times, as exact as a file has it; DIST_NONE when there is none. */
static struct dist fitted(uint64_t n, double sum, double squares, double most)
{
    double mean = n ? sum / (double)n : 0, variance = n ? squares / (double)n - mean * mean : 0;
    struct dist d = { .kind = !n             ? DIST_NONE
                              : variance > 0 ? DIST_LOGNORMAL
                                             : DIST_FIXED,
                      .mean_ms = round(within(mean, 1, most)),
                      .cv = 1 };
    if (d.kind == DIST_LOGNORMAL) d.cv = round(100 * within(sqrt(variance) / mean, 0.01, 10)) / 100;
    return d;
}

/* A class that was made is told its distributions too; nothing is drawn from them while tickets are there. */
static void tell_class(struct sim_class *c, const struct recorded_class *known)
{
    double patience = survive_mean(&known->patience);
    c->work = fitted(known->served, known->work_sum, known->work_squares, DIST_MOST);
    if (isfinite(patience)) c->patience = (struct dist){ DIST_EXPONENTIAL, round(within(patience, 1, DIST_MOST)), 1 };
}

/* In tenths of a percent. */
static double share(uint64_t part, uint64_t all)
{
    return round(within((double)part / (double)all, 0, MOST_LOST / 2) * 1000) / 1000;
}

/* What the section does not say; an accept within a millisecond is one at once. */
static void tell_offers(const struct recorded_offers *o, struct simulate_rules *s)
{
    if (s->accept.kind == DIST_NONE && o->accept_sum >= (double)o->accepts)
        s->accept = fitted(o->accepts, o->accept_sum, o->accept_squares, ACCEPT_MOST);
    if (!o->all || s->declined + s->missed > 0) return;
    s->declined = share(o->declined, o->all);
    s->missed = share(o->missed, o->all);
}

static enum err estimate(struct binding *b)
{
    struct recorded *r = b->r;
    enum err e = sort_works(r);
    if (!e) e = fit_patience(r);
    for (uint32_t i = b->there; !e && i < r->class_count; i++) {
        r->known[i].added = true;
        tell_class(&b->v[i], &r->known[i]);
    }
    return e;
}

static enum err check_works(const struct recorded *r, char why[512])
{
    for (uint32_t i = 0; i < r->class_count && !r->works_count; i++) {
        if (!r->known[i].tickets || r->classes[i].work.kind != DIST_NONE) continue;
        snprintf(why, 512, "of %u recorded tickets nobody was served: nothing tells how long work takes", r->count);
        return ERR_NOTFOUND;
    }
    return ERR_OK;
}

enum err recorded_bind(struct recorded *r, struct policy *p, char why[512])
{
    struct binding b = { .r = r, .p = p, .languages = asks_language(p) };
    struct simulate_rules *s = &p->simulate;
    enum err e = make_classes(&b);

    if (!e) e = add_parallel(&b, s);
    if (e) goto out;
    r->classes = b.v;
    r->class_count = b.count;
    r->policy = p;
    r->known = calloc((size_t)b.count + 1, sizeof *r->known);
    if (!r->known) e = ERR_NOMEM;
    for (uint32_t i = 0; !e && i < r->count; i++) note_row(&b, &r->v[i]);
    if (!e) e = estimate(&b);
    if (e) goto out;
    tell_offers(&r->offers, s);
    s->given = true;
    s->from = r->from;
    s->classes = b.v;
    s->class_count = b.count;
out:
    free(b.class_of);
    if (e) return snprintf(why, 512, "recorded tickets: %s", err_text(e)), e;
    return check_works(r, why);
}

const char *recorded_class(const struct recorded *r, uint32_t class) { return r->classes[class].name; }

enum err recorded_join(struct recorded *r, struct policy *other)
{
    struct simulate_rules *s = &other->simulate;
    if (!s->given) return ERR_OK;
    struct sim_class *v = arena_alloc(&r->arena, (s->class_count + r->class_count + 1) * sizeof *v);
    if (!v) return ERR_NOMEM;
    uint32_t n = s->class_count;
    if (n) memcpy(v, s->classes, n * sizeof *v);
    for (uint32_t i = 0; i < r->class_count; i++) {
        uint32_t k = 0;
        while (k < n && strcmp(v[k].name, r->classes[i].name)) k++;
        int queue = r->known[i].added ? policy_queue(other, str_of(r->policy->queues[r->classes[i].queue].name)) : -1;
        if (k == n && queue >= 0) v[n] = r->classes[i], v[n++].queue = queue;
    }
    s->classes = v;
    s->class_count = n;
    return ERR_OK;
}
