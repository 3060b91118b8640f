/* Sections are read with every name an index of their own policy. Played to another one each index is looked up there by the name
   that it stands for. Structs are copied as far as they change; texts, needs and numbers stay where the policies have them. */
#include "workers/simulate/bind.h"

#include "base/limits.h"
#include "config/findings.h"

#include <stdio.h>
#include <stdlib.h>

struct binding {
    const struct policy *first, *to; /* classes are of the first */
    const struct policy *of;         /* whose section it is: one of both */
    struct simulate_rules *out;
    struct arena *arena;
    struct findings *f;
    enum err e;
};

static void *room(struct binding *b, size_t n)
{
    void *p = arena_alloc(b->arena, n);
    if (!p) b->e = ERR_NOMEM;
    return p;
}

/* "simulate.classes.billing": lives as long as the findings. */
static const char *key_of(struct binding *b, const char *part, const char *name)
{
    size_t n = strlen(part) + strlen(name) + 12;
    char *key = arena_alloc(&b->f->arena, n);
    if (key) snprintf(key, n, "simulate.%s.%s", part, name);
    return key ? key : "simulate";
}

/* ' (did you mean "billing"?)' of the names of structs that lie one behind the other, their names at `first`. */
static const char *near_name(struct binding *b, const char *name, const char *const *first, size_t stride, uint32_t count)
{
    const char **words = malloc((count ? count : 1) * sizeof *words);
    for (uint32_t i = 0; words && i < count; i++) words[i] = *(const char *const *)((const char *)first + i * stride);
    const char *hint = words ? findings_hint(b->f, str_of(name), words, count) : "";
    free(words);
    return hint;
}
#define NEAR(b, word, list, count) near_name(b, word, (count) ? &(list)->name : NULL, sizeof *(list), count)

/* The line in the file that the findings are about: of another file there is none. */
static uint32_t line_in(const struct binding *b, uint32_t line) { return b->of == b->to ? line : 0; }

static int class_named(const struct simulate_rules *s, const char *name)
{
    for (uint32_t i = 0; i < s->class_count; i++)
        if (!strcmp(s->classes[i].name, name)) return (int)i;
    return -1;
}

/* ---- classes ---- */

static void bind_queue(struct binding *b, struct sim_class *c)
{
    const char *queue = b->of->queues[c->queue].name;
    c->queue = policy_queue(b->to, str_of(queue));
    if (c->queue < 0)
        findings_add(b->f, F_ERROR, 0, 0, key_of(b, "classes", c->name),
                     "comes to the queue \"%s\", which this policy does not have%s: give it a section of its own, or the queue",
                     queue, NEAR(b, queue, b->to->queues, b->to->queue_count));
}

/* Measured with other weights or targets, the two are not measured alike. */
static void tell_measure(struct binding *b, const struct sim_class *ours, const struct sim_class *theirs)
{
    if (ours->weight != theirs->weight || ours->target_ms != theirs->target_ms)
        findings_add(b->f, F_WARN, line_in(b, ours->line), 0, key_of(b, "classes", ours->name),
                     "has another weight or target than in %s: their breaches are not counted alike", b->first->path);
}

static void bind_class(struct binding *b, const struct sim_class *first, struct sim_class *out)
{
    const struct simulate_rules *s = &b->of->simulate;
    int at = class_named(s, first->name);
    *out = *first;
    if (at < 0) {
        findings_add(b->f, F_ERROR, s->line, 0, key_of(b, "classes", first->name),
                     "is a class of %s, and not one of this section%s", b->first->path,
                     NEAR(b, first->name, s->classes, s->class_count));
        return;
    }
    *out = s->classes[at];
    tell_measure(b, out, first);
    bind_queue(b, out);
}

static void bind_classes(struct binding *b)
{
    const struct simulate_rules *s = &b->first->simulate;
    struct sim_class *v = room(b, s->class_count * sizeof *v);
    for (uint32_t i = 0; v && i < s->class_count; i++) bind_class(b, &s->classes[i], &v[i]);
    b->out->classes = v;
    b->out->class_count = v ? s->class_count : 0;
}

/* Numbers of classes that nobody arrives of are left out. */
static void bind_numbers(struct binding *b, struct sim_by_class *n)
{
    const struct simulate_rules *s = &b->of->simulate;
    struct sim_number *v = room(b, (n->count + 1) * sizeof *v);
    uint32_t count = 0;
    for (uint32_t i = 0; v && i < n->count; i++) {
        int class = class_named(&b->first->simulate, s->classes[n->v[i].class].name);
        if (class >= 0) v[count++] = (struct sim_number){ (uint32_t) class, n->v[i].v };
    }
    n->v = v;
    n->count = count;
}

/* ---- agents and places ---- */

static int by_name(const void *a, const void *b)
{
    const struct agent_spec *x = *(const struct agent_spec *const *)a, *y = *(const struct agent_spec *const *)b;
    return strcmp(x->name, y->name);
}

/* The agents of `to` by their names; the caller frees it. */
static const struct agent_spec **sorted_agents(struct binding *b)
{
    const struct agent_spec **v = malloc((b->to->agent_count + 1) * sizeof *v);
    if (!v) b->e = ERR_NOMEM;
    for (uint32_t i = 0; v && i < b->to->agent_count; i++) v[i] = &b->to->agents[i];
    if (v) qsort(v, b->to->agent_count, sizeof *v, by_name);
    return v;
}

static void bind_agents(struct binding *b)
{
    const struct simulate_rules *s = &b->of->simulate;
    const struct agent_spec **named = sorted_agents(b);
    struct sim_agent *v = room(b, (s->agent_count + 1) * sizeof *v);
    uint32_t count = 0;
    for (uint32_t i = 0; named && v && i < s->agent_count; i++) {
        const struct agent_spec *key = &(struct agent_spec){ .name = s->agents[i].name };
        const struct agent_spec **at = bsearch(&key, named, b->to->agent_count, sizeof *named, by_name);
        if (!at) {
            findings_add(b->f, F_WARN, line_in(b, s->agents[i].line), 0, key_of(b, "agents", key->name),
                         "is not an agent of this policy%s: what is simulated of them is left out",
                         b->f->more ? "" : NEAR(b, key->name, b->to->agents, b->to->agent_count));
            continue;
        }
        v[count] = s->agents[i];
        v[count].agent = (int)(*at - b->to->agents);
        bind_numbers(b, &v[count].speed);
        bind_numbers(b, &v[count++].match);
    }
    b->out->agents = v;
    b->out->agent_count = count;
    free(named);
}

static void bind_places(struct binding *b)
{
    const struct simulate_rules *s = &b->of->simulate;
    struct sim_places *v = room(b, (s->places_count + 1) * sizeof *v);
    uint32_t count = 0;
    for (uint32_t i = 0; v && i < s->places_count; i++) {
        const char *queue = b->of->queues[s->places[i].queue].name;
        int at = policy_queue(b->to, str_of(queue));
        if (at < 0) {
            findings_add(b->f, F_WARN, line_in(b, s->places[i].line), 0, key_of(b, "places", queue),
                         "is not a queue of this policy%s: its places are left out",
                         NEAR(b, queue, b->to->queues, b->to->queue_count));
            continue;
        }
        v[count] = s->places[i];
        v[count++].queue = at;
    }
    b->out->places = v;
    b->out->places_count = count;
}

enum err sim_bind(struct simulate_rules *out, const struct policy *first, const struct policy *to, struct arena *arena,
                  struct findings *f)
{
    struct binding b = { .first = first, .to = to, .of = to->simulate.given ? to : first, .out = out, .arena = arena, .f = f };
    uint32_t before = f->errors;
    *out = (struct simulate_rules){ .given = false };
    if (!first->simulate.given) return ERR_NOTFOUND;
    *out = b.of->simulate;
    out->from = first->simulate.from;
    bind_classes(&b);
    bind_agents(&b);
    bind_places(&b);
    if (!to->agent_count)
        findings_add(f, F_ERROR, 0, 0, "agents",
                     "nobody is there to work: name agents here; those kept by the API are not in the file");
    return b.e ? b.e : f->errors > before ? ERR_POLICY : ERR_OK;
}

/* ---- an example ---- */

#define EXAMPLE_AGENTS 3u

/* What is usual for a kind of channel: to begin with, and to be replaced by one's own. */
static const struct usual {
    const char *channel, *work, *patience;
} usuals[] = {
    { "voice", "{ exponential: 180s }", "{ exponential: 2m }" },
    { "email", "{ lognormal: 6m }", NULL },
    { "form", "{ lognormal: 6m }", NULL },
    { "api", "{ lognormal: 3m }", NULL },
    { NULL, "{ lognormal: 8m }", "{ lognormal: 5m }" }, /* chats and messages */
};
static const struct usual *usual_of(const char *channel)
{
    const struct usual *u = usuals;
    while (u->channel && strcmp(u->channel, channel)) u++;
    return u;
}

static bool has_account(const struct policy *p, const char *channel)
{
    for (uint32_t i = 0; i < p->account_count; i++)
        if (!strcmp(p->channels[p->accounts[i].channel].name, channel)) return true;
    return false;
}

/* The channel that a queue's tickets most likely come on: the one it takes, voice, or the first that comes in. */
static const char *channel_of(const struct policy *p, const struct queue *q)
{
    if (q->takes.channel.count) return q->takes.channel.v[0];
    if (!p->account_count || has_account(p, "voice")) return "voice";
    return p->channels[p->accounts[0].channel].name;
}

/* A name may begin with what YAML reads as something else. */
static void name_text(struct buf *out, const char *name)
{
    bool plain = (unsigned char)*name >= 0x80 || (*name >= '0' && *name <= '9') || ((*name | 0x20) >= 'a' && (*name | 0x20) <= 'z');
    buf_addf(out, plain ? "%s" : "\"%s\"", name);
}

static void example_class(const struct policy *p, const struct queue *q, struct buf *out)
{
    const char *channel = channel_of(p, q);
    const struct usual *u = usual_of(channel);
    bool all = !strcmp(q->name, "all"); /* which is no class's name */
    buf_addz(out, "    ");
    name_text(out, all ? "all-of-it" : q->name);
    buf_addf(out, ": { %schannel: %s, work: %s", all ? "queue: all, " : "", channel, u->work);
    if (u->patience) buf_addf(out, ", patience: %s", u->patience);
    buf_addz(out, " }\n");
}

static bool any_chats(const struct policy *p, const char **channel)
{
    for (uint32_t i = 0; i < p->queue_count; i++) {
        *channel = channel_of(p, &p->queues[i]);
        if (!usual_of(*channel)->channel) return true;
    }
    return false;
}

void sim_example(const struct policy *p, struct buf *out)
{
    const char *chat;
    buf_addz(out, "simulate:\n  from: 2026-01-05 09:00          # the time of arrival_ms 0, a Monday\n"
                  "  classes:                        # what a trace calls its class; how long its work and its patience last\n");
    for (uint32_t i = 0; i < p->queue_count; i++) example_class(p, &p->queues[i], out);
    if (p->agent_count)
        buf_addz(out, "  agents:                         # work takes them its time divided by their speed; 1 when not said\n");
    for (uint32_t i = 0; i < p->agent_count && i < EXAMPLE_AGENTS; i++) {
        buf_addz(out, "    ");
        name_text(out, p->agents[i].name);
        buf_addz(out, ": { speed: 1 }\n");
    }
    if (any_chats(p, &chat)) buf_addf(out, "  parallel: { %s: [1, 0.8, 0.65] } # how fast each of n at once is worked on\n", chat);
    buf_addz(out, "  offers: { accept: 3s, declined: 2%, missed: 1% }\n");
}

void sim_lacks(const struct policy *p, struct buf *out)
{
    buf_addf(out,
             "%s cannot be simulated: it has no \"simulate\" section, which says who comes to which queue, for how much work and "
             "with how much patience. For its queues and agents it could be:\n\n",
             p->path);
    sim_example(p, out);
}
