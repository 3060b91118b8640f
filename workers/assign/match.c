#include "workers/assign/choice.h"
#include "workers/assign/pairs.h"

#include <stdlib.h>

/* The matching pass: ready lines in the order of their first tickets' ranks, round by round, until no line is ready. A line for
   which nobody is free and eligible is stuck and leaves the pass; since all tickets of a line can be served by the same agents,
   nothing behind its head is overlooked. After a pass that was not cut short, no free agent could serve anything that waits, but
   for what a gate holds back.

   A ROUND has one ticket, or as many as there are free agents (BEST_MAX at most) where several of them compete: the first ones in
   rank order whose keys can be compared (choice_same). One ticket gets the best agent by its key. Several get the best set of
   pairs (pairs.c), in which an agent has one ticket at most: which tickets are served is decided by their rank, who gets which by
   the sum of the keys. Under the order `weights` rank decides nothing: the sum of what the pairs are worth does, but that as many
   as possible are served and that what has reached its cap is a round of its own.

   A pair stands only as long as nobody who was given something in the same round, and has room still, would now be better for the
   ticket: such a ticket stays for the next round. So an agent who can take three gets the three that they are best for, and the
   outcome is not another one because tickets came in one instant instead of one after another. The first ticket of a round that
   has a pair is always offered, so a pass comes to its end.

   Tickets of a round are in hand meanwhile (waiting_take): offered, or put back. No waiting for more to come: a pass takes what is
   there. */

struct matching {
    struct pairs *pairs;
    uint32_t n;
    struct ticket *ticket[BEST_MAX];
    const struct choice *by[BEST_MAX]; /* each ticket's, in `choice`: those with the same keys share one */
    struct choice choice[BEST_MAX];
    uint32_t got[BEST_MAX];   /* the place among the choice's best, or NONE */
    uint32_t given[BEST_MAX]; /* agents who were given something in this round */
    uint32_t given_count;
};

/* ---- candidates ---- */

/* Returns how many agents were looked at. */
static uint32_t consider_all(struct workspace *ws, struct line *l, struct choice *c, const struct ticket *offered)
{
    const uint64_t *eligible = line_eligible(ws, l), *is_free = line_free_set(ws, l);
    struct gates g = gates_now(ws, l);
    uint32_t looked = ws->roster.words;

    for (uint32_t w = 0; eligible && w < ws->roster.words; w++)
        for (uint64_t left = eligible[w] & is_free[w]; left; left &= left - 1) {
            uint32_t i = w * 64 + (uint32_t)__builtin_ctzll(left);
            looked++;
            if (g.closed && gate_stops(ws, &g, i)) continue;
            if (offered && ticket_hold_of(offered, ws->roster.v[i])) continue;
            choice_consider(c, i);
        }
    return looked;
}

uint32_t match_best(struct workspace *ws, const struct ticket *t, uint32_t k, struct agent **out)
{
    struct line *l = t->line ? t->line : line_of(ws, t);
    uint32_t at[BEST_MAX];
    struct choice c;

    if (!l || !k) return 0;
    choice_init(&c, ws, t, l, k < BEST_MAX ? k : BEST_MAX);
    consider_all(ws, l, &c, t);
    k = choice_first(&c, k < BEST_MAX ? k : BEST_MAX, at);
    for (uint32_t i = 0; i < k; i++) out[i] = ws->roster.v[c.best[at[i]].agent];
    line_unused(ws, l);
    return k;
}

/* ---- offering ---- */

/* What was skipped for the one who alone is asked may be more than they should have. */
static bool offer(struct workspace *ws, struct ticket *t, const struct choice *c, uint32_t winner, uint32_t together)
{
    struct agent *a = ws->roster.v[c->best[winner].agent];
    bool skipped = c->line->only == a && c->line->only_skip;

    if (!offer_make(ws, t, a, why_chosen(ws, t->line, c, winner, together))) return false;
    if (skipped) roster_allow_over(ws, a);
    return true;
}

static uint32_t round_of_one(struct workspace *ws, struct ticket *t)
{
    struct line *l = t->line;
    struct choice c;
    uint32_t looked, first;

    choice_init(&c, ws, t, l, WHY_TOP);
    looked = consider_all(ws, l, &c, NULL);
    if (!choice_first(&c, 1, &first) || !offer(ws, t, &c, first, 1)) waiting_stuck(ws, l);
    return looked + OFFER_LOOKS;
}

/* ---- a round of several ---- */

static bool capped(const struct workspace *ws, const struct ticket *t)
{
    struct waits w = waits_of(ws, t);

    return order_class(&w, ws->now) == RANK_CAPPED;
}

static bool by_worth(const struct workspace *ws, const struct ticket *t)
{
    return queue_of(ws, t)->order == ORDER_WEIGHTS && !capped(ws, t);
}

static bool goes_with(const struct workspace *ws, const struct ticket *first, const struct ticket *t)
{
    const struct queue *a = queue_of(ws, first), *b = queue_of(ws, t);

    if ((first->line->tier_count > 1) != (t->line->tier_count > 1)) return false; /* keys with a tier of groups, and without */
    return choice_same(a, b) && (a->order != ORDER_WEIGHTS || capped(ws, first) == capped(ws, t));
}

/* The first ready ticket whose line has a candidate; lines without one are stuck. */
static struct ticket *next_ticket(struct workspace *ws, uint32_t *looked)
{
    struct ticket *t;

    while ((t = waiting_peek(ws))) {
        *looked += ws->roster.words;
        if (line_has_candidate(ws, t->line)) return t;
        waiting_stuck(ws, t->line);
    }
    return NULL;
}

/* Takes in hand all that competes with `first`; what is alone, or equal but for its age, does not. */
static void gather(struct workspace *ws, struct matching *m, struct ticket *first, uint32_t *looked)
{
    bool worth = by_worth(ws, first), personal = choice_personal(queue_of(ws, first));
    uint32_t most = worth || ws->roster.free_agents > BEST_MAX ? BEST_MAX : ws->roster.free_agents;
    struct ticket *t = first;

    m->n = 0;
    if (most < 2 || (!personal && ws->ready.count == 1)) return;
    while (t && m->n < most && goes_with(ws, first, t)) {
        m->ticket[m->n++] = t;
        waiting_take(ws, t);
        t = next_ticket(ws, looked);
    }
}

static bool same_keys(const struct choice *a, const struct ticket *t)
{
    return a->line == t->line && a->ticket->queue == t->queue && !choice_personal(a->queue);
}

static bool share_agents(struct workspace *ws, struct line *a, struct line *b)
{
    const uint64_t *x = line_eligible(ws, a), *y = line_eligible(ws, b), *is_free = line_free_set(ws, a);

    for (uint32_t w = 0; x && y && w < ws->roster.words; w++)
        if (x[w] & y[w] & is_free[w]) return true;
    return false;
}

/* How many other tickets of the round could take somebody whom this one could be given. */
static uint32_t rivals(struct workspace *ws, const struct matching *m, uint32_t i, uint32_t *looked)
{
    uint32_t n = 0;

    for (uint32_t k = 0; k < m->n; k++)
        if (k != i) n += m->ticket[k]->line == m->ticket[i]->line || share_agents(ws, m->ticket[k]->line, m->ticket[i]->line);
    *looked += m->n + m->n * ws->roster.words / 16;
    return n;
}

/* Each ticket's best candidates: one more than it has rivals, since those can take no more than one each. */
static uint32_t choose_all(struct workspace *ws, struct matching *m)
{
    uint32_t looked = 0;

    for (uint32_t i = 0; i < m->n; i++) {
        uint32_t k = 0;
        while (k < i && !same_keys(m->by[k], m->ticket[i])) k++;
        m->by[i] = k < i ? m->by[k] : &m->choice[i];
        if (k < i) continue;
        uint32_t keep = rivals(ws, m, i, &looked) + 1;
        choice_init(&m->choice[i], ws, m->ticket[i], m->ticket[i]->line, keep > WHY_TOP ? keep : WHY_TOP);
        looked += consider_all(ws, m->ticket[i]->line, &m->choice[i], NULL);
    }
    return looked;
}

static bool alike(const struct choice *a, const struct choice *b)
{
    if (a == b) return true;
    if (a->count != b->count || a->limbs != b->limbs) return false;
    for (uint32_t i = 0; i < a->count; i++)
        if (a->best[i].agent != b->best[i].agent || key_compare(&a->best[i].key, &b->best[i].key, a->limbs)) return false;
    return true;
}

/* Tickets that are worth the same to the same agents: the first gets the best of them, and so on. False: they are not. */
static bool solve_alike(struct matching *m)
{
    uint32_t best[BEST_MAX], n;

    for (uint32_t i = 1; i < m->n; i++)
        if (!alike(m->by[0], m->by[i])) return false;
    n = choice_first(m->by[0], m->n, best);
    for (uint32_t i = 0; i < m->n; i++) m->got[i] = i < n ? best[i] : NONE;
    return true;
}

static uint32_t solve(struct workspace *ws, struct matching *m)
{
    struct pair_row rows[BEST_MAX];
    uint32_t edges = 0;

    if (solve_alike(m)) return m->n;
    for (uint32_t i = 0; i < m->n; i++) {
        rows[i] = (struct pair_row){ m->by[i]->best, m->by[i]->count };
        edges += rows[i].count;
    }
    pairs_solve(m->pairs, rows, m->n, m->by[0]->limbs, by_worth(ws, m->ticket[0]), m->got);
    return edges * 4;
}

/* Would somebody who was given something be better still? */
static bool outdone(struct workspace *ws, const struct matching *m, uint32_t i)
{
    const struct choice *c = m->by[i];
    struct key key;

    for (uint32_t k = 0; k < m->given_count; k++) {
        if (!line_takes(ws, m->ticket[i]->line, m->given[k])) continue;
        choice_key(c, m->given[k], &key);
        if (key_compare(&key, &c->best[m->got[i]].key, c->limbs) < 0) return true;
    }
    return false;
}

static void give(struct workspace *ws, struct matching *m, uint32_t i)
{
    struct ticket *t = m->ticket[i];
    struct line *l = t->line;
    uint32_t agent = m->got[i] == NONE ? NONE : m->by[i]->best[m->got[i]].agent;

    if (agent == NONE || !line_takes(ws, l, agent) || outdone(ws, m, i)) {
        waiting_put_back(ws, t);
    } else if (offer(ws, t, m->by[i], m->got[i], m->n)) {
        m->given[m->given_count++] = agent;
    } else {
        waiting_put_back(ws, t);
        waiting_stuck(ws, l);
    }
}

static uint32_t round_of_many(struct workspace *ws, struct matching *m)
{
    uint32_t looked = choose_all(ws, m);

    m->given_count = 0;
    looked += solve(ws, m);
    for (uint32_t i = 0; i < m->n; i++) give(ws, m, i);
    return looked + m->given_count * OFFER_LOOKS;
}

static struct matching *room(struct workspace *ws)
{
    if (ws->matching) return ws->matching;
    if (!(ws->matching = calloc(1, sizeof *ws->matching))) return NULL;
    if (!(ws->matching->pairs = pairs_new())) match_fini(ws);
    return ws->matching;
}

void match_fini(struct workspace *ws)
{
    if (!ws->matching) return;
    pairs_free(ws->matching->pairs);
    free(ws->matching);
    ws->matching = NULL;
}

bool match_pass(struct workspace *ws)
{
    struct matching *m = room(ws); /* without memory for it, one after another */
    uint32_t looked = 0;
    struct ticket *t;

    waiting_rerank(ws);
    waiting_wake(ws);
    while ((t = next_ticket(ws, &looked))) {
        if (looked > PASS_BUDGET) return true;
        if (m) gather(ws, m, t, &looked);
        if (m && m->n) looked += round_of_many(ws, m);
        else looked += round_of_one(ws, t);
        looked += 64;
    }
    return false;
}
