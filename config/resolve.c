/* Names to indexes. What a file refers to may stand before or after what it names, so references are collected while reading and
   resolved here, once. Each kind of thing that can be referred to is one row: what it is called and where its names are. */
#include "base/limits.h"
#include "config/draft.h"

#include <stdlib.h>

struct names {
    const char *const *first; /* the first one's name */
    size_t stride;            /* bytes to the next one's */
    uint32_t count;
    uint32_t last; /* where one was found: the next one asked for is most often its neighbour */
};
static const char *name_at(const struct names *s, uint32_t i)
{
    return *(const char *const *)((const char *)s->first + i * s->stride);
}

static struct names queue_names(const struct policy *p, const struct draft *d)
{
    (void)d;
    return (struct names){ p->queues ? &p->queues->name : NULL, sizeof *p->queues, p->queue_count, 0 };
}
static struct names channel_names(const struct policy *p, const struct draft *d)
{
    (void)d;
    return (struct names){ p->channels ? &p->channels->name : NULL, sizeof *p->channels, p->channel_count, 0 };
}
static struct names account_names(const struct policy *p, const struct draft *d)
{
    (void)d;
    return (struct names){ p->accounts ? &p->accounts->name : NULL, sizeof *p->accounts, p->account_count, 0 };
}
static struct names hours_names(const struct policy *p, const struct draft *d)
{
    if (d) return (struct names){ d->hours ? &d->hours->name : NULL, sizeof *d->hours, d->hours_count, 0 };
    return (struct names){ p->hours ? &p->hours->name : NULL, sizeof *p->hours, p->hours_count, 0 };
}

static struct names agent_names(const struct policy *p, const struct draft *d)
{
    (void)d;
    return (struct names){ p->agents ? &p->agents->name : NULL, sizeof *p->agents, p->agent_count, 0 };
}
static struct names class_names(const struct policy *p, const struct draft *d)
{
    const struct simulate_rules *s = &p->simulate;
    (void)d;
    return (struct names){ s->classes ? &s->classes->name : NULL, sizeof *s->classes, s->class_count, 0 };
}

static struct names text_names(const struct policy *p, const struct draft *d)
{
    (void)d;
    return (struct names){ p->texts.v ? &p->texts.v->name : NULL, sizeof *p->texts.v, p->texts.count, 0 };
}

static const struct {
    const char *what;
    struct names (*names)(const struct policy *p, const struct draft *d);
} targets[REF_COUNT] = {
    [REF_QUEUE] = { "a queue of this policy", queue_names },  [REF_HOURS] = { "hours of this policy", hours_names },
    [REF_CHANNEL] = { "a channel", channel_names },           [REF_ACCOUNT] = { "an account of this policy", account_names },
    [REF_AGENT] = { "an agent of this policy", agent_names }, [REF_CLASS] = { "a class of simulate.classes", class_names },
    [REF_TEXT] = { "a name of `texts`", text_names },
};

/* Looking for the nearest of thousands takes its time, so it is not done for what nobody will be shown. */
static void unknown_name(struct bind *b, const struct ref *r, const struct names *s)
{
    const char **words = b->f->errors < LIM_POLICY_ERRORS ? malloc((s->count ? s->count : 1) * sizeof *words) : NULL;
    for (uint32_t i = 0; words && i < s->count; i++) words[i] = name_at(s, i);
    findings_at(b->f, F_ERROR, r->node, "\"%.*s\" is not %s%s", STR_FMT(findings_shown(r->name)), targets[r->to].what,
                words ? findings_hint(b->f, r->name, words, s->count) : "");
    free(words);
}

/* References come newest first, so the search goes down from the last one found. */
static void resolve(struct bind *b, const struct ref *r, struct names *s)
{
    for (uint32_t k = 0; k < s->count; k++) {
        uint32_t i = (s->last + s->count - k) % s->count;
        if (!str_is(r->name, name_at(s, i))) continue;
        s->last = i;
        if (r->out) *r->out = (int)i;
        return;
    }
    if (b->again) {
        if (!b->gone.n) b->gone = r->name;
        return;
    }
    unknown_name(b, r, s);
}

void resolve_refs(struct bind *b, const struct policy *p, const struct draft *d)
{
    struct names all[REF_COUNT];
    for (int to = 0; to < REF_COUNT; to++) all[to] = targets[to].names(p, d);
    for (const struct ref *r = b->refs; r; r = r->next) resolve(b, r, &all[r->to]);
}
