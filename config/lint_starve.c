/* Queues whose tickets may wait for ever, or as good as that: while more comes in than is answered, who waits behind whom decides
   everything, and without an age cap nothing else does (order.c of the matching core says how tickets are ranked).

   Priority without a cap: what is low waits behind all that is more urgent, also what comes later: a day for each step of urgency.

   Fifo without a cap: within the queue nobody is passed; but tickets of other queues that the same agents serve go first when they
   are capped, or of an order that looks at urgency.

   A gate that never opens: it keeps more of its group idle than there are, or waits for what has left the queue by then.

   Where there is a cap, the bound stands among the notes of `naru check` (facts.c). Two queues share agents when somebody of this
   file may be asked by both; without agents in the file, when their groups meet. */
#include "base/limits.h"
#include "config/lint.h"

#include <stdlib.h>

struct starve {
    struct bind *b;
    const struct policy *p;
    const struct ynode *root;
    uint64_t *serving; /* by queue: a set of agents, of crew->words each */
    uint32_t words;
};

/* ---- who shares agents ---- */

static void find_serving(struct starve *s, const struct crew *c)
{
    for (uint32_t i = 0; i < s->p->queue_count; i++) {
        const struct queue *q = &s->p->queues[i];
        uint64_t *set = s->serving + (size_t)i * s->words;
        crew_asked(c, q, crew_widest(q), set);
        for (uint32_t k = 0; k < q->needs.count; k++) {
            uint32_t lowest = crew_lowest(q, &q->needs.v[k]);
            if (lowest) crew_keep(c, q->needs.v[k].name, lowest, set);
        }
    }
}

static bool share_agents(const struct starve *s, uint32_t a, uint32_t b)
{
    uint64_t x = crew_widest(&s->p->queues[a]), y = crew_widest(&s->p->queues[b]);
    if (s->p->agent_count == 0) return !x || !y || (x & y);
    for (uint32_t w = 0; w < s->words; w++)
        if (s->serving[(size_t)a * s->words + w] & s->serving[(size_t)b * s->words + w]) return true;
    return false;
}

/* ---- orders without a cap ---- */

static bool is_capped(const struct queue *q) { return q->age_cap.ms || q->age_cap.pct; }

/* Three times the slowest target: what `age-cap: 300%` would come to. */
static const char *cap_text(const struct queue *q, char out[32])
{
    uint32_t slowest = 0;
    for (unsigned u = 0; u < URG_COUNT; u++)
        if (q->answer.within_ms[u] > slowest) slowest = q->answer.within_ms[u];
    return ms_text(slowest * 3.0, out);
}

static void check_fifo(struct starve *s, uint32_t i, const struct ynode *at)
{
    char text[32];
    for (uint32_t k = 0; k < s->p->queue_count; k++) {
        const struct queue *other = &s->p->queues[k];
        if (k == i || (other->order == ORDER_FIFO && !is_capped(other)) || !share_agents(s, i, k)) continue;
        bind_warn(s->b, at,
                  "nothing bounds a wait here: of \"%s\" (line %u), which the same agents serve, %s goes first, however late it "
                  "came; add \"age-cap: 300%%\", and nobody here waits longer than %s for that",
                  other->name, other->line, is_capped(other) ? "all that has reached its age cap" : "what is more urgent",
                  cap_text(&s->p->queues[i], text));
        return;
    }
}

static void check_orders(struct starve *s)
{
    char text[32];
    for (uint32_t i = 0; i < s->p->queue_count; i++) {
        const struct queue *q = &s->p->queues[i];
        const struct ynode *at = tree_get(lint_queue(s->root, q), "order");
        if (!at || is_capped(q)) continue;
        if (q->order == ORDER_FIFO) check_fifo(s, i, at);
        else if (q->order == ORDER_PRIORITY)
            bind_warn(s->b, at,
                      "what is low waits here behind all that is more urgent and comes later, for up to 3 days; add \"age-cap: "
                      "300%%\", and after %s it goes first",
                      cap_text(q, text));
    }
}

/* ---- gates that never open ---- */

static uint32_t members(const struct policy *p, uint32_t group)
{
    uint32_t count = 0;
    for (uint32_t i = 0; i < p->agent_count; i++) count += p->agents[i].groups >> group & 1;
    return count;
}

static void check_gate(struct starve *s, const struct queue *q, const struct gate *g, const struct ynode *n)
{
    const struct ynode *reserve = tree_get(n, "reserve"), *age = tree_get(n, "age");
    uint32_t count = members(s->p, g->group);
    char text[32];
    if (s->p->agent_count && count && reserve && g->reserve >= count)
        bind_warn(
            s->b, reserve,
            "never opens: it opens only while more than %u of \"%s\" are idle, and this file has %u of them; lower it below %u",
            g->reserve, s->p->groups[g->group].name, count, count);
    uint32_t line = age ? lint_leaves(q, (struct span_of){ g->age_ms, 0 }) : 0;
    if (line)
        bind_warn(s->b, age,
                  "never opens by age: the step on line %u takes every ticket out of the queue before %s; open it earlier", line,
                  ms_text(g->age_ms, text));
}

static void check_gates_open(struct starve *s)
{
    for (uint32_t i = 0; i < s->p->queue_count; i++) {
        const struct queue *q = &s->p->queues[i];
        const struct ynode *list = tree_get(lint_queue(s->root, q), "gate");
        for (uint32_t k = 0; list && k < q->gate_count; k++)
            if (q->gates[k].group < s->p->group_count) check_gate(s, q, &q->gates[k], tree_item(list, k));
    }
}

void warn_starving(struct bind *b, const struct draft *d, const struct crew *c, const struct ynode *root)
{
    struct starve s = { .b = b, .p = &d->p, .root = root, .words = c->words };
    s.serving = calloc((size_t)d->p.queue_count * c->words + 1, sizeof *s.serving);
    b->broken |= !s.serving;
    if (s.serving) {
        find_serving(&s, c);
        check_orders(&s);
        check_gates_open(&s);
    }
    free(s.serving);
}
