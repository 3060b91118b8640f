/* Callbacks that no hours bring back, gates that hold nobody back, and groups: those that nobody is in, that nobody asks, that are
   named in one place alone and almost as another is.

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
                bind_error(b, at, "\"%s\" has its gate already on line %u: put both conditions there", p->groups[g->group].name,
                           q->gates[k].line);
        if (q->groups >> g->group & 1)
            bind_warn(b, at, "holds nobody back: \"%s\" is one of the queue's own \"groups\"; take it out there, or the gate here",
                      p->groups[g->group].name);
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

static const char *near_group(struct staff *s, struct str word, uint64_t among)
{
    const char *words[GROUPS_MAX];
    size_t count = 0;
    for (uint32_t i = 0; i < s->p->group_count; i++)
        if (among >> i & 1) words[count++] = s->p->groups[i].name;
    return word.n <= 64 ? str_nearest(word, words, count) : NULL;
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
        const char *near = near_group(s, c->text, s->manned);
        if (near)
            bind_warn(s->b, c, "no agent of this file is in the group \"%s\" (did you mean \"%s\"?)", s->p->groups[at].name, near);
        else
            bind_warn(s->b, c, "no agent of this file is in the group \"%s\": put somebody into it, or leave it out",
                      s->p->groups[at].name);
    }
}

static void check_notified(struct staff *s, const struct ynode *n)
{
    for (const struct ynode *c = n ? bind_first(n) : NULL; c; c = c == n ? NULL : c->next) {
        int at = policy_group(s->p, c->text);
        if (is_agent(s->p, c->text) || (at >= 0 && (s->manned | s->said) >> at & 1)) continue;
        const char *near = near_group(s, c->text, s->manned);
        if (near)
            bind_warn(s->b, c, "tells nobody: \"%s\" is neither an agent of this file nor a group with one (did you mean \"%s\"?)",
                      c->text.p, near);
        else
            bind_warn(
                s->b, c,
                "tells nobody: \"%s\" is neither an agent of this file nor a group with one; put somebody into it, or leave it "
                "out",
                c->text.p);
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

/* ---- without agents: names that stand in one place alone ---- */

struct uses {
    uint32_t count[GROUPS_MAX];
    const struct ynode *at[GROUPS_MAX];
};

static void note_use(struct uses *u, const struct policy *p, const struct ynode *n)
{
    for (const struct ynode *c = n ? bind_first(n) : NULL; c; c = c == n ? NULL : c->next) {
        int at = policy_group(p, c->text);
        if (at < 0) continue;
        u->count[at]++;
        u->at[at] = c;
    }
}

static void uses_of_queue(struct uses *u, const struct policy *p, const struct ynode *n)
{
    const struct ynode *gates = tree_get(n, "gate"), *steps = tree_get(n, "timeline");
    note_use(u, p, tree_get(n, "groups"));
    for (const struct ynode *c = gates ? gates->first : NULL; c; c = c->next) note_use(u, p, tree_get(c, "group"));
    for (const struct ynode *c = steps ? steps->first : NULL; c; c = c->next) {
        note_use(u, p, tree_get(c, "add"));
        note_use(u, p, tree_get(c, "notify"));
    }
}

/* Longer names that differ in a letter or two are one name; "team-1" and "team-2" are two. */
static bool is_slip(const char *a, const char *b)
{
    size_t head = 0, n = strlen(a), m = strlen(b), tail = 0;
    while (a[head] && a[head] == b[head]) head++;
    while (tail < n - head && tail < m - head && a[n - 1 - tail] == b[m - 1 - tail]) tail++;
    for (size_t i = head; i < n - tail; i++)
        if (a[i] >= '0' && a[i] <= '9') return false;
    return n > 5 && m > 5 && n - tail - head <= 2 && m - tail - head <= 2;
}

static void warn_once(struct bind *b, const struct draft *d, const struct ynode *root)
{
    struct uses u = { { 0 }, { NULL } };
    for (uint32_t i = 0; i < d->p.queue_count; i++) uses_of_queue(&u, &d->p, lint_queue(root, &d->p.queues[i]));
    for (uint32_t i = 0; i < d->p.group_count; i++)
        for (uint32_t k = 0; u.count[i] == 1 && k < d->p.group_count; k++)
            if (u.count[k] > 1 && is_slip(d->p.groups[i].name, d->p.groups[k].name)) {
                bind_warn(b, u.at[i], "the group \"%s\" is named here alone (did you mean \"%s\"?)", d->p.groups[i].name,
                          d->p.groups[k].name);
                break;
            }
}

void warn_groups(struct bind *b, const struct draft *d, const struct ynode *root)
{
    struct staff s = { .b = b, .p = &d->p };
    const struct ynode *agents = tree_get(root, "agents");
    if (d->p.agent_count == 0) {
        warn_once(b, d, root);
        return;
    }
    for (uint32_t i = 0; i < d->p.agent_count; i++) s.manned |= d->p.agents[i].groups;
    for (uint32_t i = 0; i < d->p.queue_count; i++) groups_of_queue(&s, lint_queue(root, &d->p.queues[i]));
    for (const struct ynode *c = agents ? agents->first : NULL; c; c = c->next) check_spelt(&s, tree_get(c, "groups"));
}
