/* What can be said of queues beside the whole: callbacks that no hours bring back, gates that hold nobody back, groups that nobody
   is in, keys that the queue's order does not look at.

   Agents may also be kept by the API. Where the file has none, nothing is said of who is in a group. */
#include "config/lint.h"

/* ---- callbacks ---- */

static void check_callback(struct bind *b, const struct callback *c, const struct ynode *at)
{
    if (!c->given || !c->next_open || c->hours >= 0 || !at || (at->type == Y_MAP && tree_get(at, "hours"))) return;
    bind_error(b, at, "does not say which hours: write { at: next-open, hours: NAME }, or give the answer target its hours");
}

void check_callbacks(struct bind *b, const struct draft *d, const struct ynode *root)
{
    for (uint32_t i = 0; i < d->p.queue_count; i++) {
        const struct queue *q = &d->p.queues[i];
        const struct ynode *n = lint_queue(root, q), *answer = tree_get(tree_get(tree_get(n, "sla"), "answer"), "hours");
        const struct ynode *steps = tree_get(n, "timeline"), *overflow = tree_get(n, "overflow");
        for (uint32_t k = 0; !answer && k < q->timeline_count; k++)
            check_callback(b, &q->timeline[k].callback, tree_get(tree_item(steps, k), "callback"));
        for (uint32_t k = 0; !answer && k < q->overflow_count; k++)
            if (!tree_get(tree_get(tree_item(overflow, k), "when"), "closed"))
                check_callback(b, &q->overflow[k].callback, tree_get(tree_item(overflow, k), "callback"));
    }
}

/* ---- gates ---- */

static void check_gates_of(struct bind *b, const struct policy *p, const struct queue *q, const struct ynode *list)
{
    for (uint32_t i = 0; i < q->gate_count; i++) {
        const struct gate *g = &q->gates[i];
        const struct ynode *at = tree_get(tree_item(list, i), "group");
        if (!at || g->group >= p->group_count) continue;
        for (uint32_t k = 0; k < i; k++)
            if (q->gates[k].group == g->group)
                bind_error(b, at, "\"%s\" has its gate already on line %u", p->groups[g->group].name, q->gates[k].line);
        if (q->groups >> g->group & 1)
            bind_warn(b, at, "holds nobody back: \"%s\" is one of the queue's own \"groups\"", p->groups[g->group].name);
    }
}

void check_gates(struct bind *b, const struct draft *d, const struct ynode *root)
{
    for (uint32_t i = 0; i < d->p.queue_count; i++)
        check_gates_of(b, &d->p, &d->p.queues[i], tree_get(lint_queue(root, &d->p.queues[i]), "gate"));
}

/* ---- groups ---- */

struct staff {
    struct bind *b;
    const struct policy *p;
    uint64_t manned;      /* groups that an agent of the file is in */
    uint64_t asked, said; /* groups that a queue, step or gate names; those spoken of already */
};

static bool is_agent(const struct policy *p, struct str name)
{
    for (uint32_t i = 0; i < p->agent_count; i++)
        if (str_is(name, p->agents[i].name)) return true;
    return false;
}

/* A group, or a list of them, where somebody is asked. */
static void note_asked(struct staff *s, const struct ynode *n)
{
    for (const struct ynode *c = n ? bind_first(n) : NULL; c; c = c == n ? NULL : c->next) {
        int at = policy_group(s->p, c->text);
        if (at < 0) continue;
        s->asked |= 1ull << at;
        if (s->manned >> at & 1 || s->said >> at & 1) continue;
        s->said |= 1ull << at;
        bind_warn(s->b, c, "no agent of this file is in the group \"%s\"", s->p->groups[at].name);
    }
}

static const char *near_group(struct staff *s, struct str word, uint64_t among)
{
    const char *words[GROUPS_MAX];
    size_t count = 0;
    for (uint32_t i = 0; i < s->p->group_count; i++)
        if (among >> i & 1) words[count++] = s->p->groups[i].name;
    return word.n <= 64 ? str_nearest(word, words, count) : NULL;
}

static void check_notified(struct staff *s, const struct ynode *n)
{
    for (const struct ynode *c = n ? bind_first(n) : NULL; c; c = c == n ? NULL : c->next) {
        if (policy_group(s->p, c->text) >= 0 || is_agent(s->p, c->text)) continue;
        const char *near = near_group(s, c->text, ~0ull);
        if (near) bind_warn(s->b, c, "\"%s\" is neither an agent of this file nor a group (did you mean \"%s\"?)", c->text.p, near);
    }
}

/* An agent's group that nobody asks and that is spelt almost as one that is: they would wait for work for ever. */
static void check_spelt(struct staff *s, const struct ynode *n)
{
    for (const struct ynode *c = n ? bind_first(n) : NULL; c; c = c == n ? NULL : c->next) {
        int at = policy_group(s->p, c->text);
        if (at < 0 || s->asked >> at & 1) continue;
        const char *near = near_group(s, c->text, s->asked);
        if (near) bind_warn(s->b, c, "no queue, step or gate asks the group \"%s\" (did you mean \"%s\"?)", c->text.p, near);
    }
}

static void groups_of_queue(struct staff *s, const struct ynode *n)
{
    const struct ynode *gates = tree_get(n, "gate"), *steps = tree_get(n, "timeline");
    note_asked(s, tree_get(n, "groups"));
    for (const struct ynode *c = gates ? gates->first : NULL; c; c = c->next) note_asked(s, tree_get(c, "group"));
    for (const struct ynode *c = steps ? steps->first : NULL; c; c = c->next) {
        note_asked(s, tree_get(c, "add"));
        check_notified(s, tree_get(c, "notify"));
    }
}

void warn_groups(struct bind *b, const struct draft *d, const struct ynode *root)
{
    struct staff s = { .b = b, .p = &d->p };
    const struct ynode *agents = tree_get(root, "agents");
    if (d->p.agent_count == 0) return;
    for (uint32_t i = 0; i < d->p.agent_count; i++) s.manned |= d->p.agents[i].groups;
    for (uint32_t i = 0; i < d->p.queue_count; i++) groups_of_queue(&s, lint_queue(root, &d->p.queues[i]));
    for (const struct ynode *c = agents ? agents->first : NULL; c; c = c->next) check_spelt(&s, tree_get(c, "groups"));
}

/* ---- orders and choices ---- */

static const struct {
    const char *key;
    unsigned orders; /* bits of enum order that look at it */
    const char *remedy;
} looked_at[] = {
    { "weight", 1u << ORDER_SLACK | 1u << ORDER_WEIGHTS, "slack or weights" },
    { "index", 1u << ORDER_WEIGHTS, "weights" },
};

static bool prefers_last(const struct queue *q)
{
    for (uint32_t i = 0; i < q->choose_count; i++)
        if (q->choose[i] == CHOOSE_LAST_AGENT) return true;
    return false;
}

void warn_orders(struct bind *b, const struct draft *d, const struct ynode *root)
{
    for (uint32_t i = 0; i < d->p.queue_count; i++) {
        const struct queue *q = &d->p.queues[i];
        const struct ynode *n = lint_queue(root, q), *last = tree_get(n, "last-agent");
        for (size_t k = 0; k < sizeof looked_at / sizeof *looked_at; k++) {
            const struct ynode *at = tree_get(n, looked_at[k].key);
            if (at && !(looked_at[k].orders >> q->order & 1))
                findings_key(b->f, F_WARN, at, "the order \"%s\" does not look at it: it is for %s", order_words.v[q->order],
                             looked_at[k].remedy);
        }
        if (last && !q->last_agent.wait_ms && !prefers_last(q))
            findings_key(b->f, F_WARN, last, "changes nothing: add \"wait\" here, or last-agent to \"choose\"");
    }
}
