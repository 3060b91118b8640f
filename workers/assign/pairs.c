#include "workers/assign/pairs.h"

#include <stdlib.h>

/* Rows are tickets, columns the agents that their edges name, found through a hash of their numbers. What is always true between
   two rows: `match` is a matching of least sum among those that serve the same rows, and the potentials u of rows and v of
   columns show it: key - u - v is 0 along a pair and at least 0 along every other edge. A column's v is 0 until it is taken and
   only falls. A row that finds no path stays unserved and changes nothing; a path never drops a row that is served.

   With `equal`, each row has a column of its own beside the agents: to go unserved, which is dearer than any agent. So every row
   finds a path, a row may be dropped for another, and the least sum has as few of those as possible. The price of it lies in a
   limb before all others. */

#define COLUMNS (BEST_MAX * (BEST_MAX + 1)) /* all edges of all rows to different agents, and going unserved */
#define SLOTS   4096u                       /* a power of two above COLUMNS */
#define LIMBS   (KEY_LIMBS + 1)

struct cost { /* with `equal` the first limb counts rows unserved */
    limb v[LIMBS];
};
struct column {
    uint32_t agent; /* NONE: going unserved */
    uint32_t row;   /* who has it, or NONE */
    struct cost v;
    /* while a path is sought: */
    uint32_t turn; /* of the search that these are of */
    bool done;
    uint32_t from; /* the row it is reached from */
    struct cost far;
};
struct pairs {
    struct column columns[COLUMNS];
    uint32_t count, limbs, turn; /* limbs: of a cost */
    uint32_t slot[SLOTS];        /* 1-based column */
    const struct pair_row *rows;
    uint32_t edge[BEST_MAX][BEST_MAX + 1]; /* the column of each edge; behind them: going unserved */
    uint32_t edges[BEST_MAX];
    struct cost prices[BEST_MAX][BEST_MAX + 1];
    struct cost u[BEST_MAX];
    uint32_t has[BEST_MAX]; /* the edge each row has, or NONE */
    uint32_t reached[COLUMNS], reached_count;
    bool equal;
};

struct pairs *pairs_new(void) { return calloc(1, sizeof(struct pairs)); }

void pairs_free(struct pairs *p) { free(p); }

/* ---- costs ---- */

static int compare(const struct pairs *p, const struct cost *a, const struct cost *b)
{
    for (uint32_t i = 0; i < p->limbs; i++)
        if (a->v[i] != b->v[i]) return a->v[i] < b->v[i] ? -1 : 1;
    return 0;
}

static struct cost price(const struct pairs *p, uint32_t row, uint32_t edge)
{
    const struct pair_row *r = &p->rows[row];
    struct cost c = { { 0 } };

    if (edge == r->count) c.v[0] = 1; /* going unserved */
    else memcpy(c.v + p->equal, r->edges[edge].key.v, (p->limbs - p->equal) * sizeof *c.v);
    return c;
}

/* ---- columns ---- */

static uint32_t column_new(struct pairs *p, uint32_t agent)
{
    p->columns[p->count] = (struct column){ .agent = agent, .row = NONE };
    return p->count++;
}

static uint32_t column_of(struct pairs *p, uint32_t agent)
{
    uint32_t at = agent * 2654435761u >> 20; /* 12 bits: SLOTS */

    while (p->slot[at] && p->columns[p->slot[at] - 1].agent != agent) at = (at + 1) % SLOTS;
    if (!p->slot[at]) p->slot[at] = column_new(p, agent) + 1;
    return p->slot[at] - 1;
}

static void lay_edges(struct pairs *p, uint32_t n)
{
    for (uint32_t r = 0; r < n; r++) {
        p->edges[r] = p->rows[r].count;
        for (uint32_t e = 0; e < p->rows[r].count; e++) p->edge[r][e] = column_of(p, p->rows[r].edges[e].agent);
        if (p->equal) p->edge[r][p->edges[r]++] = column_new(p, NONE);
        for (uint32_t e = 0; e < p->edges[r]; e++) p->prices[r][e] = price(p, r, e);
        p->u[r] = (struct cost){ { 0 } };
        p->has[r] = NONE;
    }
}

/* ---- one row ---- */

/* The columns that `row`, itself `far` away, leads to. */
static void reach(struct pairs *p, uint32_t row, const struct cost *far)
{
    for (uint32_t e = 0; e < p->edges[row]; e++) {
        struct column *c = &p->columns[p->edge[row][e]];
        struct cost to;
        if (c->turn == p->turn && c->done) continue;
        for (uint32_t i = 0; i < p->limbs; i++) to.v[i] = p->prices[row][e].v[i] + far->v[i] - p->u[row].v[i] - c->v.v[i];
        if (c->turn == p->turn && compare(p, &to, &c->far) >= 0) continue;
        if (c->turn != p->turn) p->reached[p->reached_count++] = p->edge[row][e];
        c->turn = p->turn;
        c->done = false;
        c->from = row;
        c->far = to;
    }
}

static struct column *nearest(struct pairs *p)
{
    struct column *best = NULL;

    for (uint32_t i = 0; i < p->reached_count; i++) {
        struct column *c = &p->columns[p->reached[i]];
        if (c->done || (best && compare(p, &c->far, &best->far) >= 0)) continue;
        best = c;
    }
    return best;
}

/* The nearest column that nobody has; NULL: there is none. */
static struct column *search(struct pairs *p, uint32_t row)
{
    struct cost far = { { 0 } };
    struct column *c;

    p->turn++;
    p->reached_count = 0;
    reach(p, row, &far);
    while ((c = nearest(p)) && c->row != NONE) {
        c->done = true;
        reach(p, c->row, &c->far);
    }
    return c;
}

static void raise_potentials(struct pairs *p, uint32_t row, const struct cost *end)
{
    for (uint32_t k = 0; k < p->limbs; k++) p->u[row].v[k] += end->v[k];
    for (uint32_t i = 0; i < p->reached_count; i++) {
        struct column *c = &p->columns[p->reached[i]];
        for (uint32_t k = 0; c->done && k < p->limbs; k++) {
            limb less = end->v[k] - c->far.v[k];
            p->u[c->row].v[k] += less;
            c->v.v[k] -= less;
        }
    }
}

static uint32_t edge_to(const struct pairs *p, uint32_t row, const struct column *c)
{
    uint32_t e = 0;

    while (&p->columns[p->edge[row][e]] != c) e++;
    return e;
}

/* Everybody along the path moves on by one. */
static void follow(struct pairs *p, uint32_t row, struct column *end)
{
    for (struct column *c = end, *before = NULL;; c = before) {
        uint32_t r = c->from, had = p->has[r];
        before = had == NONE ? NULL : &p->columns[p->edge[r][had]];
        c->row = r;
        p->has[r] = edge_to(p, r, c);
        if (r == row) return;
    }
}

static void insert(struct pairs *p, uint32_t row)
{
    struct column *end = search(p, row);
    struct cost far;

    if (!end) return;
    far = end->far;
    raise_potentials(p, row, &far);
    follow(p, row, end);
}

void pairs_solve(struct pairs *p, const struct pair_row *rows, uint32_t n, uint32_t limbs, bool equal, uint32_t *out)
{
    p->rows = rows;
    p->limbs = limbs + equal;
    p->equal = equal;
    p->count = p->turn = 0;
    memset(p->slot, 0, sizeof p->slot);
    lay_edges(p, n);
    for (uint32_t r = 0; r < n; r++) insert(p, r);
    for (uint32_t r = 0; r < n; r++) out[r] = p->has[r] == NONE || p->has[r] == rows[r].count ? NONE : p->has[r];
}
