#include "workers/assign/core.h"

/* The matching pass: ready lines in the order of their heads' ranks; for each head the best of the agents who are eligible for
   the line and free for its channel, by the choice of the ticket's queue. A line for whose head there is nobody is stuck and
   leaves the pass; since all tickets of a line can be served by the same agents, nothing behind the head is overlooked.

   After a pass that was not cut short, no line is ready: no free eligible agent exists for any waiting ticket.

   A choice is compared term by term, lower is better; a later term only decides between equals in all earlier ones, and the
   lowest index of the roster decides in the end. So the best three come out of one scan over the candidates' bits, and so do
   the counts of those who failed, by the first test they failed, in the order: offline, away, skills, back-off, units, keep,
   maximum, exclusive. */

#define TERMS_MAX 3
#define TOP       3

struct candidate {
    uint32_t agent;
    int64_t term[TERMS_MAX];
};
struct choice {
    enum choose by[TERMS_MAX];
    uint32_t terms;
    const struct needs *needs;
    struct candidate top[TOP];
    uint32_t count;
    struct tally tally;
};

static int64_t skill_sum(const struct workspace *ws, const struct needs *needs, uint32_t agent)
{
    int64_t sum = 0;

    for (uint32_t i = 0; i < needs->count; i++) sum += ws->roster.level[needs->v[i].skill][agent];
    return sum;
}

static int64_t term_of(const struct workspace *ws, const struct choice *c, enum choose by, uint32_t agent)
{
    if (by == CHOOSE_BEST_SKILL) return -skill_sum(ws, c->needs, agent);
    return by == CHOOSE_LEAST_LOADED ? (int64_t)ws->roster.load[agent] : (int64_t)ws->roster.idle_key[agent];
}

/* The choice's words that the matcher acts on; none: longest-idle. */
static void choice_init(struct choice *c, const struct queue *q, const struct needs *needs)
{
    *c = (struct choice){ .needs = needs };
    for (uint32_t i = 0; i < q->choose_count && c->terms < TERMS_MAX; i++)
        if (q->choose[i] == CHOOSE_BEST_SKILL || q->choose[i] == CHOOSE_LEAST_LOADED || q->choose[i] == CHOOSE_LONGEST_IDLE)
            c->by[c->terms++] = q->choose[i];
    if (!c->terms) c->by[c->terms++] = CHOOSE_LONGEST_IDLE;
}

/* Does `agent` come before `than`? Terms are computed only as far as they are needed to tell. */
static bool better(const struct workspace *ws, const struct choice *c, struct candidate *agent, uint32_t known,
                   const struct candidate *than)
{
    for (uint32_t i = 0; i < c->terms; i++) {
        if (i >= known) agent->term[i] = term_of(ws, c, c->by[i], agent->agent);
        if (agent->term[i] != than->term[i]) return agent->term[i] < than->term[i];
    }
    return false; /* candidates come by rising index */
}

static void consider(const struct workspace *ws, struct choice *c, uint32_t index)
{
    struct candidate one = { .agent = index };
    uint32_t at = c->count;

    if (at == TOP && !better(ws, c, &one, 0, &c->top[TOP - 1])) return;
    for (uint32_t i = 0; i < c->terms; i++) one.term[i] = term_of(ws, c, c->by[i], index);
    if (at == TOP) at--;
    else c->count++;
    for (; at && better(ws, c, &one, c->terms, &c->top[at - 1]); at--) c->top[at] = c->top[at - 1];
    c->top[at] = one;
}

static uint64_t excluded_word(const struct line *l, uint32_t w)
{
    uint64_t out = 0;

    for (uint32_t i = 0; i < l->excluded_count; i++)
        if (l->excluded[i] / 64 == w) out |= 1ull << (l->excluded[i] % 64);
    return out;
}

static void tally_word(const struct roster *r, const struct line *l, uint32_t w, const uint64_t *eligible, struct tally *t)
{
    uint64_t avail = r->avail[w], fit = avail & eligible[w], unfit = avail & ~eligible[w];

    if (unfit && l->excluded_count) {
        uint64_t held = unfit & excluded_word(l, w);
        t->backoff += bits_in(held);
        unfit &= ~held;
    }
    if (unfit) t->skills += bits_in(unfit);
    uint64_t room = fit & r->room_for[1][l->channel][w], no_room = fit & ~room;
    uint64_t kept = room & ~r->room_for[l->favoured][l->channel][w], at_max = room & ~kept & ~r->below[l->channel][w];
    uint64_t other = room & ~kept & ~at_max & ~r->free[l->favoured][l->channel][w];
    if (no_room) t->capacity += bits_in(no_room);
    if (kept) t->keep += bits_in(kept);
    if (at_max) t->channel_max += bits_in(at_max);
    if (other) t->exclusive += bits_in(other);
    fit &= r->free[l->favoured][l->channel][w];
    if (fit) t->fit += bits_in(fit);
}

static void tally_ends(const struct roster *r, struct tally *t)
{
    uint32_t known = 0, online = 0, avail = t->skills + t->backoff + t->capacity + t->keep + t->channel_max + t->exclusive + t->fit;

    for (uint32_t w = 0; w < r->words; w++) {
        if (r->known[w]) known += bits_in(r->known[w]);
        if (r->online[w]) online += bits_in(r->online[w]);
    }
    t->offline = known - online;
    t->away = online - avail;
}

void match_tally(struct workspace *ws, struct line *l, struct tally *out)
{
    const uint64_t *eligible = line_eligible(ws, l);

    *out = (struct tally){ 0 };
    for (uint32_t w = 0; eligible && w < ws->roster.words; w++) tally_word(&ws->roster, l, w, eligible, out);
    if (eligible) tally_ends(&ws->roster, out);
}

/* False: nobody. */
static bool choose(struct workspace *ws, struct line *l, const struct queue *q, struct choice *c)
{
    const struct roster *r = &ws->roster;
    const uint64_t *eligible = line_eligible(ws, l);

    choice_init(c, q, &l->needs);
    if (!eligible) return false;
    for (uint32_t w = 0; w < r->words; w++)
        for (uint64_t left = eligible[w] & r->free[l->favoured][l->channel][w]; left; left &= left - 1)
            consider(ws, c, w * 64 + (uint32_t)__builtin_ctzll(left));
    return c->count > 0;
}

/* ---- the record of a decision ---- */

static void add_num(struct buf *b, const char *key, uint64_t v)
{
    buf_addz(b, key);
    buf_addu(b, v);
}

static void add_name(struct buf *b, struct str name)
{
    struct jw w = jw_on(b);

    jw_str(&w, name);
}

static void add_candidate(struct workspace *ws, const struct choice *c, uint32_t at)
{
    const struct candidate *one = &c->top[at];
    const struct agent *a = ws->roster.v[one->agent];
    struct buf *b = &ws->detail;

    buf_addz(b, at ? ",{\"agent\":" : "{\"agent\":");
    add_name(b, a->name);
    for (uint32_t i = 0; i < c->terms; i++) {
        if (c->by[i] == CHOOSE_BEST_SKILL) add_num(b, ",\"skill\":", (uint64_t)-one->term[i]);
        if (c->by[i] == CHOOSE_LEAST_LOADED) add_num(b, ",\"load_pct\":", (uint64_t)one->term[i] * 100 / 65536);
        if (c->by[i] == CHOOSE_LONGEST_IDLE) add_num(b, ",\"idle_ms\":", a->used || !a->idle ? 0 : ws->now - a->idle);
    }
    add_num(b, ",\"units\":", a->used);
    buf_addc(b, '}');
}

static struct str decision(struct workspace *ws, struct line *l, const struct choice *c)
{
    struct buf *b = &ws->detail;
    struct tally t;

    match_tally(ws, l, &t);
    const struct {
        const char *key; /* the first one goes without its comma */
        uint64_t n;
    } failed[] = { { ",\"offline\":", t.offline },         { ",\"away\":", t.away },          { ",\"skills\":", t.skills },
                   { ",\"backoff\":", t.backoff },         { ",\"capacity\":", t.capacity },  { ",\"keep\":", t.keep },
                   { ",\"channel_max\":", t.channel_max }, { ",\"exclusive\":", t.exclusive } };
    buf_clear(b);
    buf_addz(b, "{\"winner\":");
    add_name(b, ws->roster.v[c->top[0].agent]->name);
    buf_addz(b, ",\"top\":[");
    for (uint32_t i = 0; i < c->count; i++) add_candidate(ws, c, i);
    add_num(b, "],\"candidates\":", t.fit);
    buf_addz(b, ",\"failed\":{");
    size_t none = b->n;
    for (size_t i = 0; i < sizeof failed / sizeof *failed; i++)
        if (failed[i].n) add_num(b, failed[i].key + (b->n == none), failed[i].n);
    buf_addz(b, "}}");
    return b->err ? STR_NONE : buf_str(b);
}

bool match_pass(struct workspace *ws)
{
    uint64_t looked = 0;
    struct heap_node *n;

    waiting_wake(ws);
    while ((n = heap_peek(&ws->ready))) {
        struct line *l = container_of(n, struct line, ready);
        struct ticket *t = container_of(heap_peek(&l->waiting), struct ticket, in_line);
        struct choice c;
        if (looked > PASS_BUDGET) return true;
        looked += 64 + ws->roster.count;
        if (!choose(ws, l, queue_of(ws, t), &c) || !offer_make(ws, t, ws->roster.v[c.top[0].agent], decision(ws, l, &c)))
            heap_remove(&ws->ready, n); /* stuck */
    }
    return false;
}
