/* What decides: keys that the queue's order does not look at, words of `choose` behind which nothing is left to decide.

   As a list, each word decides only between those whom the words before hold for equal. `round-robin` tells apart all who ever had
   an offer; `longest-idle` tells apart who has nothing in hand, and ranks the others by load as `least-loaded` would. Words about
   skills decide nothing where tickets need none: the queue has no needs, no step of it adds one, and no rule does. */
#include "config/lint.h"

static const struct {
    const char *key;
    unsigned orders; /* bits of enum order that look at it */
    const char *remedy;
} looked_at[] = {
    { "weight", 1u << ORDER_SLACK | 1u << ORDER_WEIGHTS, "slack or weights" },
    { "index", 1u << ORDER_WEIGHTS, "weights" },
};

static bool chooses(const struct queue *q, enum choose word)
{
    for (uint32_t i = 0; i < q->choose_count; i++)
        if (q->choose[i] == word) return true;
    return false;
}

static void check_order(struct bind *b, const struct queue *q, const struct ynode *n)
{
    const struct ynode *last = tree_get(n, "last-agent");
    for (size_t k = 0; k < sizeof looked_at / sizeof *looked_at; k++) {
        const struct ynode *at = tree_get(n, looked_at[k].key);
        if (at && !(looked_at[k].orders >> q->order & 1))
            findings_key(b->f, F_WARN, at, "the order \"%s\" does not look at it: it is for %s; change the order, or leave it out",
                         order_words.v[q->order], looked_at[k].remedy);
    }
    if (last && !q->last_agent.wait_ms && !chooses(q, CHOOSE_LAST_AGENT))
        findings_key(b->f, F_WARN, last, "changes nothing: add \"wait\" here, or last-agent to \"choose\"");
}

/* ---- choose ---- */

struct asking { /* what tickets of a queue may need */
    bool rules; /* rules add needs, to any queue's tickets */
};

static bool needs_something(const struct queue *q, bool languages)
{
    for (uint32_t i = 0; i < q->needs.count; i++)
        if (languages || !crew_is_lang(q->needs.v[i].name)) return true;
    for (uint32_t i = 0; i < q->timeline_count; i++)
        if (q->timeline[i].narrow && q->timeline[i].needs.count) return true;
    return false;
}

static void check_skill_words(struct bind *b, const struct queue *q, const struct asking *a, const struct ynode *at, uint32_t i)
{
    bool best = q->choose[i] == CHOOSE_BEST_SKILL, own = q->choose[i] == CHOOSE_OWN_SKILL_FIRST;
    if (a->rules || !(best || own) || needs_something(q, best)) return;
    findings_at(b->f, F_WARN, at, "\"%s\" decides nothing: tickets here need no skill%s; add \"needs\", or take it out",
                choose_words.v[q->choose[i]], own && q->needs.count ? " but a language" : "");
}

static void check_rest(struct bind *b, const struct queue *q, const struct ynode *list, uint32_t i)
{
    for (uint32_t k = 0; k < i; k++) {
        const char *why = q->choose[k] == CHOOSE_ROUND_ROBIN ? "tells all agents apart"
                          : q->choose[k] == CHOOSE_LONGEST_IDLE && q->choose[i] == CHOOSE_LEAST_LOADED
                              ? "ranks who has work in hand by load already"
                              : NULL;
        if (!why) continue;
        findings_at(b->f, F_WARN, tree_item(list, i), "\"%s\" decides nothing: \"%s\" before it %s; put it first, or take it out",
                    choose_words.v[q->choose[i]], choose_words.v[q->choose[k]], why);
        return;
    }
}

static void check_choose(struct bind *b, const struct queue *q, const struct asking *a, const struct ynode *choose)
{
    const struct ynode *c = choose ? bind_first(choose) : NULL;
    if (choose && choose->type != Y_SCALAR && choose->count != q->choose_count) return; /* one stands there twice, which was said */
    for (uint32_t i = 0; c && i < q->choose_count; i++) {
        check_skill_words(b, q, a, c, i);
        if (choose->type == Y_LIST) check_rest(b, q, choose, i);
        c = c == choose ? NULL : c->next;
    }
}

static void check_index(struct bind *b, const struct queue *q, const struct asking *a, const struct ynode *match)
{
    if (match && q->order == ORDER_WEIGHTS && q->match_power > 0 && !a->rules && !needs_something(q, true))
        findings_key(b->f, F_WARN, match, "changes nothing: tickets here need no skill; add \"needs\", or leave it out");
}

void warn_choices(struct bind *b, const struct draft *d, const struct ynode *root)
{
    struct asking a = { false };
    for (uint32_t i = 0; i < d->p.rule_count; i++) a.rules |= d->p.rules[i].needs.count > 0;
    for (uint32_t i = 0; i < d->p.queue_count; i++) {
        const struct queue *q = &d->p.queues[i];
        const struct ynode *n = lint_queue(root, q);
        check_order(b, q, n);
        check_choose(b, q, &a, tree_get(n, "choose"));
        check_index(b, q, &a, tree_get(tree_get(n, "index"), "match"));
    }
}
