#include "workers/assign/choice.h"

#include <math.h>

/* The choice of a queue, made into one key an agent.

   As tiers, each word is a term of so many bits, less being better, and the terms stand in the order written: a later one only
   decides between those whom all earlier ones hold for equal. Before them all stand: is it a bot (bots are asked before people),
   and which group (a queue's own before those that steps added, in that order, before those that gates let in). After them all
   stands the order of the roster. Keys are also added, when a set of pairs is chosen (pairs.c): above each term lie SUM_BITS of
   room, so even the sum of 64 keys never lets a term outweigh one before it.

   As weights, each word is a share 0..1 (1 is best) times its weight, and one term holds the sum:
     preferred, last-agent   1 for that agent, else 0
     best-skill              sum of their levels in what it needs, of 10 each
     spare-skill             1 less a hundredth for each level beyond what it needs
     own-skill-first         1 less a tenth for each level between their best skill and the best of what it needs
     least-loaded            what is left of their units
     longest-idle            idle / (idle + 5 min); 0 with work in hand
     round-robin             n / (n + agents), n offers made since their last one
     fastest                 mean / (mean + theirs): a half for who is as fast as the queue
   Under the order `weights` a pair is worth delay * best-skill ^ match * longest-idle ^ idle, with the shares above; that comes
   before the words.

   Languages are needs as others are, but not anybody's own skill: whoever speaks would call everything their own. */

#define IDLE_HALF_MS  300000.0
#define SURPLUS_FULL  100.0
#define BUSY_FROM     ((1ull << 32) - (1ull << 16)) /* longest-idle: who has work in hand, by load, after everybody idle */
#define WORTH_ONE     16777216.0                    /* an index of 1, in steps */
#define SPEED_STEP_MS 256.0

/* ---- values, less is better ---- */

static uint64_t value_preferred(const struct choice *c, uint32_t agent) { return c->ticket->prefer != c->ws->roster.v[agent]; }

static uint64_t value_last(const struct choice *c, uint32_t agent) { return c->ticket->last != c->ws->roster.v[agent]; }

static uint32_t level_of(const struct choice *c, uint16_t skill, uint32_t agent)
{
    const struct roster *r = &c->ws->roster;

    return skill < r->level_room && r->level[skill] ? r->level[skill][agent] : 0;
}

static uint32_t levels(const struct choice *c, uint32_t agent)
{
    uint32_t sum = 0;

    for (uint32_t i = 0; i < c->level_count; i++) sum += c->level[i][agent];
    return sum;
}

static uint64_t value_best_skill(const struct choice *c, uint32_t agent) { return NEEDS_MAX * 10 - levels(c, agent); }

static uint32_t surplus(const struct choice *c, uint32_t agent)
{
    uint32_t points = c->ws->roster.points[agent];

    return points > c->asked ? points - c->asked : 0;
}

static uint64_t value_spare(const struct choice *c, uint32_t agent) { return surplus(c, agent); }

static uint64_t value_own(const struct choice *c, uint32_t agent)
{
    uint32_t best = c->ws->roster.best[agent], here = 0;

    if (!c->own_count) return 0;
    for (uint32_t i = 0; i < c->own_count; i++) {
        uint32_t level = level_of(c, c->own[i].skill, agent);
        if (level > here) here = level;
    }
    return best - here;
}

static uint64_t value_load(const struct choice *c, uint32_t agent) { return c->ws->roster.load[agent]; }

/* Idle since when: an agent who never worked has been idle for ever. */
static uint64_t idle_ms(const struct choice *c, uint32_t agent)
{
    uint64_t since = c->ws->roster.v[agent]->idle;

    return c->ws->now > since ? c->ws->now - since : 0;
}

static uint64_t value_idle(const struct choice *c, uint32_t agent)
{
    uint64_t key = c->ws->roster.idle_key[agent], idle;

    if (key >> 62) {
        key -= 1ull << 62;
        return BUSY_FROM + (key < 65535 ? key : 65535);
    }
    idle = c->ws->now > key ? c->ws->now - key : 0;
    return idle < BUSY_FROM ? BUSY_FROM - 1 - idle : 0;
}

static uint64_t value_turn(const struct choice *c, uint32_t agent)
{
    uint64_t ago = c->ws->turns - c->ws->roster.v[agent]->turn, most = (1u << 24) - 1;

    return ago < most ? most - ago : 0;
}

/* 0: unknown. */
static double queue_mean(const struct choice *c)
{
    const struct pace *p = &c->ws->queues[c->ticket->queue].pace;

    return p->fed ? p->handle_ms : 0;
}

static double speed_of(const struct choice *c, uint32_t agent)
{
    const struct agent *a = c->ws->roster.v[agent];
    double mean = queue_mean(c);

    for (uint32_t i = 0; i < SPEEDS_MAX; i++) {
        const struct pace *p = &a->speeds[i].pace;
        if (p->fed && a->speeds[i].queue == c->ticket->queue) return pace_handle(p, mean > 0 ? mean : p->handle_ms, SPEED_PRIOR);
    }
    return mean;
}

static uint64_t value_speed(const struct choice *c, uint32_t agent) { return (uint64_t)(speed_of(c, agent) / SPEED_STEP_MS); }

static uint64_t value_bot(const struct choice *c, uint32_t agent) { return !bit_get(c->ws->roster.bots, agent); }

static uint64_t value_tier(const struct choice *c, uint32_t agent)
{
    const struct roster *r = &c->ws->roster;

    return c->line->only == r->v[agent] ? 0 : line_tier(c->line, r->groups[agent]);
}

/* ---- shares, more is better ---- */

static double share_skill(const struct choice *c, uint32_t agent)
{
    return c->line->needs.count ? levels(c, agent) / (10.0 * c->line->needs.count) : 1;
}

static double share_spare(const struct choice *c, uint32_t agent) { return 1 - surplus(c, agent) / SURPLUS_FULL; }

static double share_own(const struct choice *c, uint32_t agent) { return 1 - (double)value_own(c, agent) / 10; }

static double share_load(const struct choice *c, uint32_t agent) { return 1 - c->ws->roster.load[agent] / 65536.0; }

static double share_idle(const struct choice *c, uint32_t agent)
{
    double idle = (double)idle_ms(c, agent);

    return c->ws->roster.idle_key[agent] >> 62 ? 0 : idle / (idle + IDLE_HALF_MS);
}

static double share_turn(const struct choice *c, uint32_t agent)
{
    double ago = (double)(c->ws->turns - c->ws->roster.v[agent]->turn);

    return ago / (ago + c->ws->roster.count);
}

static double share_speed(const struct choice *c, uint32_t agent)
{
    double mean = queue_mean(c), theirs = speed_of(c, agent);

    return mean > 0 ? mean / (mean + theirs) : 0.5;
}

static double share_preferred(const struct choice *c, uint32_t agent) { return !value_preferred(c, agent); }

static double share_last(const struct choice *c, uint32_t agent) { return !value_last(c, agent); }

static uint64_t value_index(const struct choice *c, uint32_t agent)
{
    double worth = c->delay * pow(share_skill(c, agent), c->queue->match_power) * pow(share_idle(c, agent), c->queue->idle_power);
    double most = (double)(1ull << SCORE_BITS) - 1;

    worth *= WORTH_ONE;
    return (uint64_t)(worth < most ? most - worth : 0);
}

static uint64_t value_score(const struct choice *c, uint32_t agent)
{
    const struct queue *q = c->queue;
    double sum = 0, all = 0;

    for (uint32_t i = 0; i < q->choose_count; i++) {
        all += q->choose_weight[i];
        sum += q->choose_weight[i] * choice_share(c, q->choose[i], agent);
    }
    return all > 0 ? (uint64_t)((1 - sum / all) * (double)((1ull << SCORE_BITS) - 1)) : 0;
}

/* ---- what is told ---- */

static uint64_t told_levels(const struct choice *c, uint32_t agent) { return levels(c, agent); }

static uint64_t told_load(const struct choice *c, uint32_t agent) { return (uint64_t)c->ws->roster.load[agent] * 100 / 65536; }

static uint64_t told_idle(const struct choice *c, uint32_t agent)
{
    const struct agent *a = c->ws->roster.v[agent];

    return a->used || !a->idle ? 0 : idle_ms(c, agent);
}

static uint64_t told_turn(const struct choice *c, uint32_t agent) { return c->ws->turns - c->ws->roster.v[agent]->turn; }

static uint64_t told_speed(const struct choice *c, uint32_t agent) { return (uint64_t)speed_of(c, agent); }

static uint64_t told_tier(const struct choice *c, uint32_t agent) { return value_tier(c, agent) + 1; }

static uint64_t told_index(const struct choice *c, uint32_t agent)
{
    return (uint64_t)(((double)((1ull << SCORE_BITS) - 1) - (double)value_index(c, agent)) / WORTH_ONE * 100);
}

static uint64_t told_score(const struct choice *c, uint32_t agent) { return 100 - (value_score(c, agent) * 100 >> SCORE_BITS); }

static const struct term_rule {
    uint8_t bits;
    uint64_t (*value)(const struct choice *c, uint32_t agent);
    double (*share)(const struct choice *c, uint32_t agent); /* of words */
    const char *member;
    uint64_t (*told)(const struct choice *c, uint32_t agent); /* NULL: a value of 0 is told as true, another not at all */
} rules[TERM_COUNT] = {
    [CHOOSE_PREFERRED] = { 1, value_preferred, share_preferred, "preferred", NULL },
    [CHOOSE_LAST_AGENT] = { 1, value_last, share_last, "last_agent", NULL },
    [CHOOSE_BEST_SKILL] = { 9, value_best_skill, share_skill, "skill", told_levels },
    [CHOOSE_SPARE_SKILL] = { 10, value_spare, share_spare, "surplus", value_spare },
    [CHOOSE_OWN_SKILL_FIRST] = { 4, value_own, share_own, "below_own", value_own },
    [CHOOSE_LEAST_LOADED] = { 17, value_load, share_load, "load_pct", told_load },
    [CHOOSE_LONGEST_IDLE] = { 32, value_idle, share_idle, "idle_ms", told_idle },
    [CHOOSE_ROUND_ROBIN] = { 24, value_turn, share_turn, "offers_since", told_turn },
    [CHOOSE_FASTEST] = { 20, value_speed, share_speed, "handling_ms", told_speed },
    [TERM_BOT] = { 1, value_bot, NULL, "bot", NULL },
    [TERM_TIER] = { 4, value_tier, NULL, "group_tier", told_tier },
    [TERM_INDEX] = { SCORE_BITS, value_index, NULL, "worth_pct", told_index },
    [TERM_SCORE] = { SCORE_BITS, value_score, NULL, "score_pct", told_score },
};

uint32_t choice_bits(uint32_t term) { return rules[term].bits; }

double choice_share(const struct choice *c, enum choose word, uint32_t agent)
{
    double s = rules[word].share(c, agent);

    return s < 0 ? 0 : s > 1 ? 1 : s;
}

static uint64_t value_of(const struct choice *c, uint32_t term, uint32_t agent)
{
    uint64_t v = rules[term].value(c, agent), most = (1ull << rules[term].bits) - 1;

    return v < most ? v : most;
}

/* ---- the key ---- */

/* Each term goes right behind the one before, or to the top of the next limb; the longest list of words fits. */
static void lay(struct choice *c, uint32_t term, uint32_t *left)
{
    uint32_t need = rules[term].bits + SUM_BITS;

    if (need > *left) {
        naru_assert(c->limbs < KEY_LIMBS);
        c->limbs++;
        *left = LIMB_BITS;
    }
    *left -= need;
    c->at[c->terms++] = (struct term_at){ (uint8_t)term, (uint8_t)(c->limbs - 1), (uint8_t)*left };
}

static void lay_all(struct choice *c)
{
    const struct queue *q = c->queue;
    uint32_t left = 0;

    if (c->ws->roster.bot_count) lay(c, TERM_BOT, &left);
    if (c->line->tier_count > 1) lay(c, TERM_TIER, &left);
    if (q->order == ORDER_WEIGHTS) lay(c, TERM_INDEX, &left);
    if (q->choose_weighted) lay(c, TERM_SCORE, &left);
    else
        for (uint32_t i = 0; i < q->choose_count; i++) lay(c, q->choose[i], &left);
    if (!q->choose_count) lay(c, CHOOSE_LONGEST_IDLE, &left);
}

void choice_init(struct choice *c, const struct workspace *ws, const struct ticket *t, const struct line *l, uint32_t keep)
{
    struct waits w = waits_of(ws, t);

    c->ws = ws;
    c->ticket = t;
    c->line = l;
    c->queue = w.queue;
    c->own_count = c->level_count = c->asked = c->terms = c->limbs = c->count = 0;
    c->keep = keep;
    c->delay = w.queue->order == ORDER_WEIGHTS ? order_delay(&w, ws->now) : 0;
    for (uint32_t i = 0; i < l->needs.count; i++) {
        const uint8_t *column = l->needs.v[i].skill < ws->roster.level_room ? ws->roster.level[l->needs.v[i].skill] : NULL;
        c->asked += l->needs.v[i].level;
        if (column) c->level[c->level_count++] = column;
        if (!ws->skill[l->needs.v[i].skill]->language) c->own[c->own_count++] = l->needs.v[i];
    }
    lay_all(c);
}

void choice_key(const struct choice *c, uint32_t agent, struct key *out)
{
    for (uint32_t i = 0; i < c->limbs; i++) out->v[i] = 0;
    for (uint32_t i = 0; i < c->terms; i++) out->v[c->at[i].limb] |= (limb)value_of(c, c->at[i].term, agent) << c->at[i].shift;
}

/* Is the agent's key less than that of the worst? Terms are looked up only as far as they are needed to tell. */
static bool beats_worst(const struct choice *c, uint32_t agent)
{
    for (uint32_t i = 0; i < c->terms; i++) {
        uint64_t ours = value_of(c, c->at[i].term, agent);
        if (ours != c->worst[i]) return ours < c->worst[i];
    }
    return false;
}

static void know_worst(struct choice *c)
{
    for (uint32_t i = 0; i < c->terms; i++)
        c->worst[i] = (uint64_t)(c->best[0].key.v[c->at[i].limb] >> c->at[i].shift) & ((1ull << rules[c->at[i].term].bits) - 1);
}

/* Is a better than b? Of equals, who stands first in the roster. */
static bool better(const struct choice *c, const struct candidate *a, const struct candidate *b)
{
    int order = key_compare(&a->key, &b->key, c->limbs);

    return order ? order < 0 : a->agent < b->agent;
}

/* `one` takes the place of best[at], in a heap whose first is the worst. */
static void sink(struct choice *c, uint32_t at, struct candidate one)
{
    for (uint32_t child; (child = 2 * at + 1) < c->count; at = child) {
        if (child + 1 < c->count && better(c, &c->best[child], &c->best[child + 1])) child++;
        if (!better(c, &one, &c->best[child])) break;
        c->best[at] = c->best[child];
    }
    c->best[at] = one;
}

void choice_consider(struct choice *c, uint32_t agent)
{
    struct candidate one;

    if (c->count == c->keep && !beats_worst(c, agent)) return;
    one.agent = agent;
    choice_key(c, agent, &one.key);
    if (c->count == c->keep) {
        sink(c, 0, one);
    } else {
        c->best[c->count++] = one;
        for (uint32_t at = c->count == c->keep ? c->keep / 2 : 0; at-- > 0;) sink(c, at, c->best[at]);
    }
    if (c->count == c->keep) know_worst(c);
}

uint32_t choice_first(const struct choice *c, uint32_t most, uint32_t *out)
{
    uint32_t n = 0;

    for (uint32_t i = 0; i < c->count; i++) {
        uint32_t at = n < most ? n++ : most;
        while (at && better(c, &c->best[i], &c->best[out[at - 1]])) {
            if (at < most) out[at] = out[at - 1];
            at--;
        }
        if (at < most) out[at] = i;
    }
    return n;
}

bool choice_same(const struct queue *a, const struct queue *b)
{
    if (a == b) return true;
    if (a->choose_count != b->choose_count || a->choose_weighted != b->choose_weighted) return false;
    if ((a->order == ORDER_WEIGHTS) != (b->order == ORDER_WEIGHTS)) return false;
    for (uint32_t i = 0; i < a->choose_count; i++)
        if (a->choose[i] != b->choose[i] || (a->choose_weighted && a->choose_weight[i] != b->choose_weight[i])) return false;
    return true;
}

bool choice_personal(const struct queue *q)
{
    bool personal = q->order == ORDER_WEIGHTS;

    for (uint32_t i = 0; i < q->choose_count; i++)
        if (q->choose[i] == CHOOSE_PREFERRED || q->choose[i] == CHOOSE_LAST_AGENT) personal = true;
    return personal;
}

void choice_tell(const struct choice *c, uint32_t agent, struct buf *out)
{
    for (uint32_t i = 0; i < c->terms; i++) {
        const struct term_rule *r = &rules[c->at[i].term];
        if (!r->told && r->value(c, agent)) continue;
        buf_add(out, ",\"", 2);
        buf_addz(out, r->member);
        buf_add(out, "\":", 2);
        if (r->told) buf_addu(out, r->told(c, agent));
        else buf_add(out, "true", 4);
    }
}

/* ---- what is remembered of agents ---- */

void choice_offered(struct workspace *ws, struct agent *a) { a->turn = ++ws->turns; }

void choice_worked(struct workspace *ws, struct agent *a, const struct ticket *t)
{
    struct speed *p = NULL;

    if (!t->work_at || ws->now <= t->work_at) return;
    for (uint32_t i = 0; i < SPEEDS_MAX && !p; i++)
        if (a->speeds[i].pace.fed && a->speeds[i].queue == t->queue) p = &a->speeds[i];
    if (!p) {
        p = &a->speeds[a->speed_at++ % SPEEDS_MAX];
        *p = (struct speed){ .queue = t->queue };
    }
    pace_feed(&p->pace, ws->now - t->work_at, SPEED_MEMORY);
}
