/* Every outcome is added to three groups (all, its queue, its class) and to the part of the day that it arrived in: sums, counts
   and a histogram of waits each. Nothing is kept of a single ticket, so ten million of them take what a thousand do.

   The groups lie in one block: all, then the policy's queues, then the rules' classes. Parts of the day are 5 minutes of the
   policy's time zone, made when the first ticket arrives in one; for the picture they are joined in threes when the run is long. A
   day is taken to have 24 hours that end with the next midnight: on the day that clocks change, times before the change are an hour
   off. */
#include "workers/simulate/report.h"

#include "base/arena.h"
#include "base/limits.h"

#include <math.h>
#include <stdlib.h>

#define DAY_MS     86400000ull
#define PART_MS    300000ull
#define JOIN_PARTS 3u               /* 15 minutes, when … */
#define FINE_MS    (8 * 3600000ull) /* … arrivals lie further apart than this */
#define NEVER      UINT64_MAX

const struct figure_row figure_rows[FIG_COUNT] = {
#define FIGURE_ROW(id, key, title, unit, better) [id] = { key, title, unit, better },
    FIGURE_MAP(FIGURE_ROW)
#undef FIGURE_ROW
};

int figure_find(struct str key)
{
    for (int i = 0; i < FIG_COUNT; i++)
        if (str_is(key, figure_rows[i].key)) return i;
    return -1;
}

struct tickets { /* of one group */
    uint64_t offered, abandoned, blocked, waiting, in_time, finished, matched;
    double weight, breached, late_ms, finish_ms, match, target_ms;
    struct waits waits; /* of those answered */
};
struct day_part { /* of the day */
    uint64_t offered, in_time;
    struct waits waits;
};
struct agent_row {
    char *name; /* in the arena */
    struct agent_use use;
};
struct sim_report {
    const struct policy *policy;
    const struct simulate_rules *rules;
    uint64_t warm_ms;
    struct tickets *groups;
    uint32_t group_count;
    struct day_part *parts[SIM_DAY_PARTS]; /* NULL: nobody arrived */
    uint64_t first, last;                  /* wall ms of arrivals that count; first NEVER: none */
    struct {                               /* the day last looked up: it holds [low, next) at least */
        uint64_t low, next;
    } day;
    struct agent_row *agents;
    uint32_t agent_count, agent_room;
    struct arena names;
    uint64_t print;
    enum err err;
};

/* ---- life ---- */

enum err sim_report_new(struct sim_report **out, const struct policy *p, const struct simulate_rules *rules, uint64_t warm_ms)
{
    struct sim_report *r = calloc(1, sizeof *r);

    *out = NULL;
    if (!r) return ERR_NOMEM;
    *r = (struct sim_report){ .policy = p, .rules = rules, .warm_ms = warm_ms, .first = NEVER };
    r->group_count = 1 + p->queue_count + rules->class_count;
    r->groups = calloc(r->group_count, sizeof *r->groups);
    arena_init(&r->names, (size_t)LIM_AGENTS * 160);
    if (!r->groups) {
        sim_report_free(r);
        return ERR_NOMEM;
    }
    *out = r;
    return ERR_OK;
}

void sim_report_free(struct sim_report *r)
{
    if (!r) return;
    for (uint32_t i = 0; i < SIM_DAY_PARTS; i++) free(r->parts[i]);
    arena_fini(&r->names);
    free(r->agents);
    free(r->groups);
    free(r);
}

void sim_report_clear(struct sim_report *r)
{
    memset(r->groups, 0, r->group_count * sizeof *r->groups);
    for (uint32_t i = 0; i < SIM_DAY_PARTS; i++) free(r->parts[i]), r->parts[i] = NULL;
    arena_clear(&r->names);
    r->agent_count = 0;
    r->first = NEVER;
    r->last = r->print = 0;
    r->err = ERR_OK;
}

enum err sim_report_err(const struct sim_report *r) { return r->err; }

/* ---- an outcome ---- */

struct judged { /* what an outcome means for the figures */
    bool answered, in_time, breach;
    uint64_t wait, late;
    double weight;
};

/* Whoever was accepted was answered, even when the run ended before the work did. */
static struct judged judge(const struct sim_report *r, const struct outcome_of *o)
{
    struct judged j = { .answered = o->start != NEVER, .weight = 1 };

    j.wait = (j.answered ? o->start : o->end) - o->arrived;
    j.in_time = j.answered && j.wait <= o->target;
    j.late = j.wait > o->target && o->outcome != OUT_BLOCKED ? j.wait - o->target : 0;
    j.breach = o->outcome == OUT_BLOCKED || j.wait > o->target;
    if (o->class < r->rules->class_count) j.weight = r->rules->classes[o->class].weight;
    return j;
}

static void count_in(struct tickets *t, const struct outcome_of *o, const struct judged *j)
{
    t->offered++;
    t->target_ms += (double)o->target;
    t->weight += j->weight;
    t->breached += j->breach ? j->weight : 0;
    t->in_time += j->in_time;
    t->late_ms += (double)j->late;
    if (j->answered) waits_add(&t->waits, j->wait);
    else if (o->outcome == OUT_BLOCKED) t->blocked++;
    else if (o->outcome == OUT_ABANDONED) t->abandoned++;
    else t->waiting++;
    if (o->outcome != OUT_SERVED) return;
    t->finished++;
    t->finish_ms += (double)(o->end - o->arrived);
    if (isnan(o->match)) return;
    t->matched++;
    t->match += o->match;
}

static uint32_t part_of_day(struct sim_report *r, uint64_t wall)
{
    if (wall < r->day.low || wall >= r->day.next) {
        policy_day(r->policy, wall, &r->day.next);
        r->day.low = wall;
    }
    uint64_t left = r->day.next - wall;
    return left < DAY_MS ? (uint32_t)((DAY_MS - left) / PART_MS) : 0;
}

static void count_in_day(struct sim_report *r, const struct outcome_of *o, const struct judged *j)
{
    uint64_t wall = r->rules->from + o->arrived;
    struct day_part **at = &r->parts[part_of_day(r, wall)];

    if (wall < r->first) r->first = wall;
    if (wall > r->last) r->last = wall;
    if (!*at && !(*at = calloc(1, sizeof **at))) {
        r->err = ERR_NOMEM;
        return;
    }
    (*at)->offered++;
    (*at)->in_time += j->in_time;
    if (j->answered) waits_add(&(*at)->waits, j->wait);
}

/* Multiplied and folded, as in wyhash (Wang Yi): the low half of a product alone would forget high bits. */
static uint64_t mix(uint64_t h, uint64_t v)
{
    unsigned __int128 m = (unsigned __int128)(h ^ v ^ 0x9e3779b97f4a7c15ull) * 0xd6e8feb86659fd93ull;
    return (uint64_t)m ^ (uint64_t)(m >> 64);
}

static struct tickets *group_at(const struct sim_report *r, struct sim_group g)
{
    if (g.kind == GROUP_ALL) return r->groups;
    if (g.kind == GROUP_QUEUE) return g.index < r->policy->queue_count ? r->groups + 1 + g.index : NULL;
    return g.index < r->rules->class_count ? r->groups + 1 + r->policy->queue_count + g.index : NULL;
}

void sim_report_outcome(void *ctx, const struct outcome_of *o)
{
    struct sim_report *r = ctx;
    struct tickets *queue = group_at(r, (struct sim_group){ GROUP_QUEUE, o->queue });
    struct tickets *class = group_at(r, (struct sim_group){ GROUP_CLASS, o->class });

    r->print =
        mix(mix(mix(mix(r->print, o->arrived), o->start), o->end), (uint64_t)o->agent_index << 32 | o->class << 3 | o->outcome);
    if (o->arrived < r->warm_ms) return;
    struct judged j = judge(r, o);
    count_in(r->groups, o, &j);
    if (queue) count_in(queue, o, &j);
    if (class) count_in(class, o, &j);
    count_in_day(r, o, &j);
}

uint64_t sim_report_print(const struct sim_report *r) { return r->print; }

/* ---- agents ---- */

static struct agent_row *one_more_agent(struct sim_report *r, const char *name)
{
    if (r->agent_count == r->agent_room) {
        uint32_t room = r->agent_room ? 2 * r->agent_room : 64;
        struct agent_row *v = realloc(r->agents, room * sizeof *v);
        if (!v) return NULL;
        r->agents = v;
        r->agent_room = room;
    }
    struct agent_row *row = &r->agents[r->agent_count];
    *row = (struct agent_row){ .name = arena_strdup(&r->names, str_of(name)) };
    if (row->name) r->agent_count++;
    return row->name ? row : NULL;
}

static void add_use(struct agent_use *into, const struct agent_use *u)
{
    into->online_ms += u->online_ms;
    into->busy_ms += u->busy_ms;
    into->unit_ms += u->unit_ms;
    into->served += u->served;
    into->declined += u->declined;
    into->missed += u->missed;
    into->capacity = u->capacity;
}

void sim_report_agent(void *ctx, const struct agent_use *u)
{
    struct sim_report *r = ctx;
    struct agent_row *row = one_more_agent(r, u->agent);

    if (!row) r->err = ERR_NOMEM;
    else add_use(&row->use, u);
}

uint32_t sim_agents(const struct sim_report *r) { return r->agent_count; }

static double share(double part, double whole) { return whole > 0 ? part / whole : NAN; }

struct agent_figures sim_agent_figures(const struct sim_report *r, uint32_t i)
{
    const struct agent_use *u = &r->agents[i].use;
    double online = (double)u->online_ms;

    return (struct agent_figures){ .agent = r->agents[i].name,
                                   .occupancy = share((double)u->busy_ms, online),
                                   .load = share((double)u->unit_ms, online * u->capacity),
                                   .online_ms = u->online_ms,
                                   .busy_ms = u->busy_ms,
                                   .capacity = u->capacity,
                                   .served = u->served,
                                   .declined = u->declined,
                                   .missed = u->missed };
}

static void agents_together(const struct sim_report *r, double out[FIG_COUNT])
{
    double online = 0, busy = 0, units = 0, room = 0, sum = 0, squares = 0, there = 0;

    for (uint32_t i = 0; i < r->agent_count; i++) {
        const struct agent_use *u = &r->agents[i].use;
        struct agent_figures a = sim_agent_figures(r, i);
        if (isnan(a.occupancy)) continue;
        online += (double)u->online_ms, busy += (double)u->busy_ms;
        units += (double)u->unit_ms, room += (double)u->online_ms * u->capacity;
        sum += a.occupancy, squares += a.occupancy * a.occupancy, there++;
    }
    out[FIG_OCCUPANCY] = share(busy, online);
    out[FIG_LOAD] = share(units, room);
    out[FIG_JAIN] = share(sum * sum, there * squares);
}

/* ---- merging ---- */

static void merge_tickets(struct tickets *into, const struct tickets *from)
{
    into->offered += from->offered, into->abandoned += from->abandoned, into->blocked += from->blocked;
    into->waiting += from->waiting, into->in_time += from->in_time, into->finished += from->finished;
    into->matched += from->matched, into->weight += from->weight, into->breached += from->breached;
    into->late_ms += from->late_ms, into->finish_ms += from->finish_ms, into->match += from->match;
    into->target_ms += from->target_ms;
    waits_merge(&into->waits, &from->waits);
}

static void merge_part(struct sim_report *into, struct day_part **at, const struct day_part *from)
{
    if (!from) return;
    if (!*at && !(*at = calloc(1, sizeof **at))) {
        into->err = ERR_NOMEM;
        return;
    }
    (*at)->offered += from->offered;
    (*at)->in_time += from->in_time;
    waits_merge(&(*at)->waits, &from->waits);
}

void sim_report_merge(struct sim_report *into, const struct sim_report *from)
{
    for (uint32_t i = 0; i < into->group_count; i++) merge_tickets(&into->groups[i], &from->groups[i]);
    for (uint32_t i = 0; i < SIM_DAY_PARTS; i++) merge_part(into, &into->parts[i], from->parts[i]);
    for (uint32_t i = 0; i < from->agent_count; i++) { /* runs of one policy tell the same agents in the same order */
        struct agent_use use = from->agents[i].use;
        use.agent = from->agents[i].name;
        if (i < into->agent_count) add_use(&into->agents[i].use, &use);
        else sim_report_agent(into, &use);
    }
    if (from->first < into->first) into->first = from->first;
    if (from->last > into->last) into->last = from->last;
    into->print = mix(into->print, from->print);
    if (from->err) into->err = from->err;
}

/* ---- figures ---- */

static void figures_of(const struct tickets *t, double out[FIG_COUNT])
{
    static const struct {
        enum figure f;
        double q;
    } quantiles[] = { { FIG_P50, 0.5 }, { FIG_P90, 0.9 }, { FIG_P95, 0.95 }, { FIG_P99, 0.99 }, { FIG_MAX, 1 } };
    double offered = (double)t->offered, answered = (double)t->waits.count;

    out[FIG_OFFERED] = offered;
    out[FIG_ANSWERED] = answered;
    out[FIG_ABANDONED] = (double)t->abandoned;
    out[FIG_BLOCKED] = (double)t->blocked;
    out[FIG_WAITING] = (double)t->waiting;
    out[FIG_ABANDONED_SHARE] = share((double)t->abandoned, offered);
    out[FIG_BLOCKED_SHARE] = share((double)t->blocked, offered);
    out[FIG_WAITED] = share(answered - (double)t->waits.zero, answered);
    out[FIG_WAIT] = waits_mean(&t->waits) / 1000;
    for (size_t i = 0; i < sizeof quantiles / sizeof *quantiles; i++)
        out[quantiles[i].f] = waits_at(&t->waits, quantiles[i].q) / 1000;
    out[FIG_WITHIN] = share((double)t->in_time, offered);
    out[FIG_BREACH] = share(t->breached, t->weight);
    out[FIG_LATENESS] = share(t->late_ms, offered - (double)t->blocked) / 1000;
    out[FIG_FINISH] = share(t->finish_ms, (double)t->finished) / 1000;
    out[FIG_MATCH] = share(t->match, (double)t->matched);
}

void sim_figures(const struct sim_report *r, struct sim_group g, double out[FIG_COUNT])
{
    const struct tickets *t = group_at(r, g);

    for (int i = 0; i < FIG_COUNT; i++) out[i] = NAN;
    if (t) figures_of(t, out);
    if (g.kind == GROUP_ALL) agents_together(r, out);
}

double sim_figure(const struct sim_report *r, struct sim_group g, enum figure f)
{
    double all[FIG_COUNT];

    sim_figures(r, g, all);
    return all[f];
}

uint32_t sim_groups(const struct sim_report *r, enum group_kind kind)
{
    return kind == GROUP_ALL ? 1 : kind == GROUP_QUEUE ? r->policy->queue_count : r->rules->class_count;
}

const char *sim_group_name(const struct sim_report *r, struct sim_group g)
{
    if (g.kind == GROUP_ALL) return "all";
    return g.kind == GROUP_QUEUE ? r->policy->queues[g.index].name : r->rules->classes[g.index].name;
}

int sim_report_worst(const struct sim_report *r)
{
    double least = 2, longest = 0;
    int worst = -1;

    for (uint32_t i = 0; i < r->rules->class_count; i++) {
        const struct tickets *t = group_at(r, (struct sim_group){ GROUP_CLASS, i });
        double within = share((double)t->in_time, (double)t->offered), p99 = t->waits.count ? waits_at(&t->waits, 0.99) : 0;
        if (!(within < least || (within == least && p99 > longest))) continue;
        least = within, longest = p99, worst = (int)i;
    }
    return worst;
}

double sim_target(const struct sim_report *r, uint32_t class)
{
    const struct tickets *t = group_at(r, (struct sim_group){ GROUP_CLASS, class });
    return t ? share(t->target_ms, (double)t->offered) / 1000 : NAN;
}

/* ---- the day ---- */

static uint32_t days_between(const struct policy *p, uint64_t first, uint64_t last)
{
    return policy_day(p, last, NULL) - policy_day(p, first, NULL) + 1;
}

/* `count` parts from `at` on as one; false: nobody arrived in them. */
static bool join(const struct sim_report *r, uint32_t at, uint32_t count, struct day_part *out)
{
    *out = (struct day_part){ 0 };
    for (uint32_t i = 0; i < count; i++) {
        const struct day_part *p = r->parts[at + i];
        if (!p) continue;
        out->offered += p->offered;
        out->in_time += p->in_time;
        waits_merge(&out->waits, &p->waits);
    }
    return out->offered > 0;
}

uint32_t sim_report_day(const struct sim_report *r, struct bucket_figures out[SIM_DAY_PARTS], uint32_t *step, uint32_t *days)
{
    struct day_part sum;
    uint32_t n = 0, end = 0, begin = 0;

    *step = 5, *days = 0;
    if (r->first == NEVER) return 0;
    struct sim_report look = { .policy = r->policy }; /* looks the day up without a trace in what is const */
    uint32_t width = r->last - r->first <= FINE_MS ? 1 : JOIN_PARTS, all = SIM_DAY_PARTS / width;
    *step = width * (uint32_t)(PART_MS / 60000);
    if (r->last - r->first < DAY_MS - width * PART_MS) { /* the order of the run */
        begin = part_of_day(&look, r->first) / width;
        *days = 1;
    } else *days = days_between(r->policy, r->first, r->last);
    for (uint32_t i = 0; i < all; i++) {
        uint32_t at = (begin + i) % all;
        bool any = join(r, at * width, width, &sum);
        if (!any && n == 0) continue;
        out[n] = (struct bucket_figures){ .at = at * *step,
                                          .offered = sum.offered,
                                          .wait = waits_mean(&sum.waits) / 1000,
                                          .p90 = waits_at(&sum.waits, 0.9) / 1000,
                                          .within = share((double)sum.in_time, (double)sum.offered) };
        n++;
        if (any) end = n;
    }
    return end;
}
