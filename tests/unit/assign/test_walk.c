#include "base/clock.h"
#include "world.h"

/* Random walks of the whole core, against a small model that knows it by its entries and mail alone: which entry may follow in
   which state, who has what for how many units, and whether who was given something had the room for it, was available and was
   not held back. Everything that must always hold is checked by the core's own check as well.

   Each walk is told by its seed: which policies there are (capacities, costs, maxima, offers at once, ends to them, groups), and
   what happens. Inputs are events, all acts with right and wrong tokens by right and wrong agents, the clock, presence, reloads of
   another of the policies, and new reigns from what was written.

     NARU_WALK_SECONDS=600   goes on for so long (processor time; else 20)
     NARU_SEED=7             one walk, this one */

#define AGENTS   6
#define CHANNELS 3
#define TICKETS  512
#define POLICIES 4
#define STEPS    20000
static const char *const agents[AGENTS] = { "a", "b", "c", "d", "e", "f" };
static const char *const channels[CHANNELS] = { "webchat", "sms", "voice" };
static const char *const accounts[CHANNELS] = { "web", "text", "phone" };
enum { ALONE_NO, ALONE, ON_TOP };

/* ---- policies ---- */

struct rules {
    uint32_t cost[CHANNELS], max[CHANNELS], capacity[AGENTS];
    int exclusive; /* of voice */
    uint32_t keep, parked_pct, at_once, back_off_s;
    struct policy *policy;
};

static const char *one_of(struct rng *rng, const char *const *v, uint64_t n) { return v[rng_below(rng, n)]; }
#define ONE_OF(rng, ...)                                                                                                           \
    one_of(rng, (const char *const[]){ __VA_ARGS__ }, sizeof((const char *const[]){ __VA_ARGS__ }) / sizeof(char *))

static void draw_rules(struct rules *r, struct rng *rng)
{
    static const uint32_t some[] = { 20, 30, 50 };

    *r = (struct rules){ .exclusive = (int)rng_below(rng, 3),
                         .keep = rng_below(rng, 3) ? 0 : 20,
                         .parked_pct = rng_below(rng, 2) ? 25 : 0,
                         .at_once = 1 + (uint32_t)rng_below(rng, 4),
                         .back_off_s = 1 + (uint32_t)rng_below(rng, 6) };
    for (int c = 0; c < CHANNELS; c++) r->cost[c] = c == 2 ? 100 : some[rng_below(rng, 3)];
    for (int c = 0; c < 2; c++) r->max[c] = rng_below(rng, 2) ? 0 : 1 + (uint32_t)rng_below(rng, 2);
    for (int a = 0; a < AGENTS; a++) r->capacity[a] = a == 0 ? 200 : 60 + 20 * (uint32_t)rng_below(rng, 4);
}

static void put_queue(struct buf *b, struct rng *rng, const struct rules *r, const char *name, const char *takes, const char *more)
{
    unsigned most = (unsigned)rng_below(rng, 4);
    char text[600];

    snprintf(text, sizeof text,
             "  %s: { takes: %s, sla: { answer: { within: 30s } }, order: %s, choose: [%s], %s\n"
             "    offers: { at-once: %u, back-off: %us, most: %u%s }%s }\n",
             name, takes, ONE_OF(rng, "slack", "fifo", "priority"),
             ONE_OF(rng, "longest-idle", "least-loaded", "best-skill, longest-idle", "round-robin"), more, r->at_once,
             r->back_off_s, most, most && *name != 'f' && rng_below(rng, 2) ? ", exhausted: front" : "",
             rng_below(rng, 2) ? ", timeline: [{ after: 200%, raise: 1 }, { after: 20s, since: assigned, raise: 1 }]" : "");
    buf_addz(b, text);
}

static void put_head(struct buf *b, struct rng *rng, const struct rules *r)
{
    char text[1000];

    snprintf(text, sizeof text,
             "naru: 1\nworkspace: w\nchannels:\n"
             "  webchat: { cost: %u, offer: 5s, wrapup: %s }\n  sms: { cost: %u, offer: 5s%s%s }\n"
             "  voice: { cost: 100, offer: 3s, wrapup: 2s%s%s }\n"
             "accounts:\n  web: { channel: webchat }\n  text: { channel: sms }\n  phone: { channel: voice }\n"
             "presence: { lease: 30s, leave: 2s, grace: 10s, misses: %u }\n"
             "capacity: { parked: %u%%, wake-wait: 5s%s }\n",
             r->cost[0], ONE_OF(rng, "0s", "3s"), r->cost[1], ONE_OF(rng, "", ", auto-accept: yes"),
             ONE_OF(rng, "", ", connect: 3s"), ONE_OF(rng, "", ", connect: 4s"),
             r->exclusive == ALONE    ? ", exclusive: alone"
             : r->exclusive == ON_TOP ? ", exclusive: interrupts"
                                      : "",
             2 + (unsigned)rng_below(rng, 3), r->parked_pct, r->keep ? ", keep: { units: 20, for: { urgency: high } }" : "");
    buf_addz(b, text);
}

static void draw_policy(struct rules *r, struct rng *rng)
{
    struct buf b;
    char text[200];

    draw_rules(r, rng);
    buf_init(&b, 65536);
    put_head(&b, rng, r);
    buf_addz(&b, "queues:\n");
    put_queue(&b, rng, r, "desk", "default", ONE_OF(rng, "", "last-agent: { within: 1h, wait: 5s },"));
    put_queue(&b, rng, r, "tech", "{ tag: [tech] }",
              ONE_OF(rng, "needs: { x: 3 },", "groups: [one],", "needs: { x: 2 }, groups: [one, two],"));
    put_queue(&b, rng, r, "front", "{ tag: [front] }", "");
    buf_addz(&b, "agents:\n");
    for (int a = 0; a < AGENTS; a++) {
        const char *groups = a == 0 ? "one, two" : a % 2 ? "one" : "two";
        snprintf(text, sizeof text, "  %s: { skills: { x: %u }, capacity: %u, groups: [%s], max: { webchat: %u, sms: %u } }\n",
                 agents[a], 1 + (unsigned)a, r->capacity[a], groups, r->max[0] ? r->max[0] : 50, r->max[1] ? r->max[1] : 50);
        buf_addz(&b, text);
    }
    r->policy = world_policy(buf_cstr(&b));
    buf_fini(&b);
}

/* ---- the model ---- */

enum kept { OFFERED_TO, OWNED_BY, HELPED_BY };
struct kept_hold {
    enum kept kind;
    int agent;
    uint32_t units;
    bool counts; /* has a place in the channel's maximum */
};
struct modelled {
    struct id id;
    bool used;
    enum ticket_state state;
    enum urgency urgency;
    int channel;
    struct kept_hold v[AGENTS + 1];
    uint32_t n;
    uint64_t held_back[AGENTS]; /* until */
};
struct model {
    struct world w;
    struct rules rules[POLICIES], *now;
    struct modelled ticket[TICKETS];
    enum presence presence[AGENTS];
    bool shown[AGENTS][TICKETS]; /* what an agent's desktop has as an offer */
    bool knows[AGENTS];          /* that desktop has been told all since it connected */
    uint64_t seed, step;
    struct rng rng;
};

#define broken(m, ...)                                                                                                             \
    do {                                                                                                                           \
        print_message("seed=%llu step=%llu: ", (unsigned long long)(m)->seed, (unsigned long long)(m)->step);                      \
        fail_msg(__VA_ARGS__);                                                                                                     \
    } while (0)

static int agent_of(struct str name) { return name.n == 1 && name.p[0] >= 'a' && name.p[0] < 'a' + AGENTS ? name.p[0] - 'a' : -1; }

static struct modelled *modelled(struct model *m, const struct id *id, bool make)
{
    struct modelled *spare = NULL;

    for (int i = 0; i < TICKETS; i++) {
        struct modelled *t = &m->ticket[i];
        if (t->used && memcmp(&t->id, id, sizeof *id) == 0) return t;
        if (!spare && (!t->used || t->state >= TK_RESOLVED)) spare = t;
    }
    if (!make || !spare) return NULL;
    for (int a = 0; a < AGENTS; a++) m->shown[a][spare - m->ticket] = false;
    *spare = (struct modelled){ .id = *id, .used = true };
    return spare;
}

/* Which entry may follow in which states, and to which states it leads; `stays`: to none other. */
#define B(s)  (1u << (s))
#define LIVE  (B(TK_WAITING) | B(TK_OFFERED) | B(TK_ASSIGNED) | B(TK_WRAPUP) | B(TK_SCHEDULED) | B(TK_PARKED))
#define ENDS  (B(TK_RESOLVED) | B(TK_ABANDONED) | B(TK_CANCELLED) | B(TK_EXPIRED))
#define STAYS 0
static const struct {
    uint32_t from, to;
} legal[ENTRY_HANDED_OVER + 1] = {
    [ENTRY_OPENED] = { B(TK_INVALID), B(TK_WAITING) },
    [ENTRY_JOINED] = { LIVE, STAYS },
    [ENTRY_OFFERED] = { B(TK_WAITING) | B(TK_OFFERED), B(TK_OFFERED) },
    [ENTRY_ACCEPTED] = { LIVE & ~B(TK_WRAPUP), B(TK_ASSIGNED) },
    [ENTRY_DECLINED] = { B(TK_OFFERED), B(TK_OFFERED) | B(TK_WAITING) },
    [ENTRY_OFFER_EXPIRED] = { B(TK_OFFERED), B(TK_OFFERED) | B(TK_WAITING) },
    [ENTRY_WITHDRAWN] = { B(TK_OFFERED), B(TK_OFFERED) | B(TK_WAITING) },
    [ENTRY_RELAXED] = { LIVE, STAYS },
    [ENTRY_MOVED] = { LIVE & ~B(TK_WRAPUP), B(TK_WAITING) },
    [ENTRY_RETURNED] = { LIVE & ~B(TK_WRAPUP), B(TK_WAITING) },
    [ENTRY_PARKED] = { B(TK_WAITING) | B(TK_ASSIGNED), B(TK_PARKED) },
    [ENTRY_RESUMED] = { B(TK_PARKED) | B(TK_WRAPUP), B(TK_ASSIGNED) | B(TK_WAITING) },
    [ENTRY_WRAPUP] = { B(TK_ASSIGNED), B(TK_WRAPUP) },
    [ENTRY_ENDED] = { LIVE, ENDS },
    [ENTRY_RETRIAGED] = { LIVE, STAYS },
    [ENTRY_STARTED] = { B(TK_ASSIGNED), STAYS },
    [ENTRY_REPLIED] = { B(TK_ASSIGNED) | B(TK_WRAPUP) | B(TK_PARKED), STAYS },
    [ENTRY_NOTIFIED] = { LIVE, STAYS },
    [ENTRY_UPDATED] = { LIVE, STAYS },
    [ENTRY_SCHEDULED] = { LIVE & ~B(TK_WRAPUP), B(TK_SCHEDULED) },
    [ENTRY_DUE] = { B(TK_SCHEDULED), B(TK_WAITING) },
    [ENTRY_DEFLECTED] = { LIVE, STAYS },
    [ENTRY_CONSULTED] = { B(TK_ASSIGNED), STAYS },
    [ENTRY_HANDED_OVER] = { B(TK_ASSIGNED) | B(TK_PARKED), B(TK_WAITING) },
};

static void check_legal(struct model *m, const struct modelled *t, const struct entry *e)
{
    uint32_t to = legal[e->kind].to ? legal[e->kind].to : B(t->state);

    if (!(legal[e->kind].from & B(t->state)) || !(to & B(e->state)))
        broken(m, "%s led from %s to %s", entry_kind_words.v[e->kind], ticket_state_words.v[t->state],
               ticket_state_words.v[e->state]);
}

static struct kept_hold *kept(struct modelled *t, enum kept kind, int agent)
{
    for (uint32_t i = 0; i < t->n; i++)
        if (t->v[i].kind == kind && (agent < 0 || t->v[i].agent == agent)) return &t->v[i];
    return NULL;
}

static void drop(struct modelled *t, struct kept_hold *h)
{
    if (h) *h = t->v[--t->n];
}

static uint32_t in_use(const struct model *m, int agent, int channel, bool counted)
{
    uint32_t n = 0;

    for (int i = 0; i < TICKETS; i++)
        for (uint32_t k = 0; k < m->ticket[i].n; k++) {
            const struct kept_hold *h = &m->ticket[i].v[k];
            if (h->agent != agent || (channel >= 0 && m->ticket[i].channel != channel)) continue;
            n += !counted ? h->units : h->counts;
        }
    return n;
}

/* One more may be given to them. */
static void check_room(struct model *m, const struct modelled *t, int agent)
{
    const struct rules *r = m->now;
    uint32_t used = in_use(m, agent, -1, false) + r->cost[t->channel], hand = in_use(m, agent, -1, true);
    uint32_t calls = r->exclusive ? in_use(m, agent, 2, true) : 0;

    if (used > r->capacity[agent]) broken(m, "%s has %u of %u units", agents[agent], used, r->capacity[agent]);
    if (r->keep && t->urgency < URG_HIGH && used + r->keep > r->capacity[agent])
        broken(m, "%s was given what is kept", agents[agent]);
    if (r->max[t->channel] && in_use(m, agent, t->channel, true) >= r->max[t->channel])
        broken(m, "%s was given more than the maximum of %s", agents[agent], channels[t->channel]);
    if (calls || (t->channel == 2 && r->exclusive == ALONE && hand)) broken(m, "%s was given more beside a call", agents[agent]);
}

static void keep(struct model *m, struct modelled *t, enum kept kind, int agent, bool forced)
{
    if (!forced) check_room(m, t, agent);
    if (t->n > AGENTS) broken(m, "more holds than agents");
    t->v[t->n++] = (struct kept_hold){ kind, agent, m->now->cost[t->channel], kind != HELPED_BY };
}

static void on_offered(struct model *m, struct modelled *t, int agent)
{
    uint32_t n = 0;

    for (uint32_t i = 0; i < t->n; i++) n += t->v[i].kind == OFFERED_TO;
    if (n >= m->now->at_once) broken(m, "offered to more than %u at once", m->now->at_once);
    if (m->presence[agent] != PRES_AVAILABLE) broken(m, "offered to %s, who is not available", agents[agent]);
    if (t->held_back[agent] > m->w.now) broken(m, "offered to %s, who is held back", agents[agent]);
    if (kept(t, OFFERED_TO, agent) || kept(t, OWNED_BY, -1))
        broken(m, "offered to %s twice, or while somebody has it", agents[agent]);
    keep(m, t, OFFERED_TO, agent, false);
}

static void on_accepted(struct model *m, struct modelled *t, int agent, bool forced)
{
    struct kept_hold *h = kept(t, OFFERED_TO, agent);

    if (kept(t, OWNED_BY, -1)) broken(m, "two owners");
    if (h) h->kind = OWNED_BY;
    else keep(m, t, OWNED_BY, agent, forced);
    if (kept(t, OFFERED_TO, -1)) broken(m, "accepted, and an offer stands");
}

static void on_parked(struct model *m, struct modelled *t, struct kept_hold *h, bool back)
{
    if (!h) return;
    if (!back) {
        h->units = (h->units * m->now->parked_pct + 99) / 100;
        h->counts = false;
        return;
    }
    h->units = 0;
    check_room(m, t, h->agent);
    h->units = m->now->cost[t->channel];
    h->counts = true;
}

static void on_offer_over(struct model *m, struct modelled *t, const struct entry *e, int agent)
{
    if (!kept(t, OFFERED_TO, agent)) broken(m, "an offer ended that there was not");
    drop(t, kept(t, OFFERED_TO, agent));
    if (e->kind != ENTRY_WITHDRAWN) t->held_back[agent] = m->w.now + m->now->back_off_s * 1000;
    if ((e->state == TK_WAITING) != (t->n == 0) && e->kind != ENTRY_WITHDRAWN) broken(m, "it waits while an offer stands");
}

static void apply(struct model *m, struct modelled *t, const struct entry *e)
{
    int agent = agent_of(e->agent);
    bool was_parked = t->state == TK_PARKED;

    switch (e->kind) {
    case ENTRY_OFFERED: on_offered(m, t, agent); break;
    case ENTRY_ACCEPTED: /* to who was consulted: they have had units for it, before a reload maybe others */
        on_accepted(m, t, agent, str_is(e->cause, "force") || str_is(e->cause, "transferred"));
        break;
    case ENTRY_DECLINED:
    case ENTRY_OFFER_EXPIRED:
    case ENTRY_WITHDRAWN: on_offer_over(m, t, e, agent); break;
    case ENTRY_PARKED: on_parked(m, t, kept(t, OWNED_BY, -1), false); break;
    case ENTRY_RESUMED:
        if (e->state == TK_ASSIGNED && was_parked) on_parked(m, t, kept(t, OWNED_BY, -1), true);
        break;
    case ENTRY_CONSULTED:
        if (str_is(e->cause, "over")) drop(t, kept(t, HELPED_BY, agent));
        else keep(m, t, HELPED_BY, agent, false);
        break;
    case ENTRY_RELAXED:
        if (str_is(e->cause, "offers_exhausted")) memset(t->held_back, 0, sizeof t->held_back);
        break;
    default: break;
    }
    if (e->state != TK_OFFERED && e->state != TK_ASSIGNED && e->state != TK_WRAPUP && e->state != TK_PARKED) t->n = 0;
    t->state = e->state;
}

static void model_entry(void *ctx, const struct entry *e)
{
    struct model *m = ctx;
    struct modelled *t;
    const struct seen_ticket *seen;

    if (e->kind == ENTRY_PRESENCE) {
        int agent = agent_of(e->agent);
        m->presence[agent] = e->cause.n > 4 && memcmp(e->cause.p, "away", 4) == 0 ? PRES_AWAY
                             : str_is(e->cause, "away")                           ? PRES_AWAY
                             : str_is(e->cause, "available")                      ? PRES_AVAILABLE
                                                                                  : PRES_OFFLINE;
        if (m->presence[agent] == PRES_OFFLINE) m->knows[agent] = false; /* until they connect again */
    }
    if (id_is_none(&e->ticket) || str_is(e->cause, "repeat")) return;
    if (!(t = modelled(m, &e->ticket, e->kind == ENTRY_OPENED))) broken(m, "%s of no ticket", entry_kind_words.v[e->kind]);
    seen = map_get(&m->w.tickets, (struct str){ (const char *)e->ticket.b, 16 });
    if (e->kind == ENTRY_OPENED) t->channel = atoi(seen->conversation + 1) % CHANNELS;
    t->urgency = e->urgency;
    check_legal(m, t, e);
    apply(m, t, e);
}

static void model_offer(void *ctx, const struct offer *o)
{
    struct model *m = ctx;
    struct modelled *t = modelled(m, &o->ticket, false);
    int agent = agent_of(o->agent);

    if (!t) return;
    if (str_is(o->what, "offer")) m->shown[agent][t - m->ticket] = true;
    else if (str_is(o->what, "withdrawn") || str_is(o->what, "assigned")) m->shown[agent][t - m->ticket] = false;
}

/* The figures that the core gives of an agent are the model's, and their desktop shows the offers that stand. */
static void compare_agent(struct model *m, int agent)
{
    uint32_t offered = 0, held = 0;
    char text[100];

    for (int i = 0; i < TICKETS; i++)
        for (uint32_t k = 0; k < m->ticket[i].n; k++)
            if (m->ticket[i].v[k].agent == agent)
                *(m->ticket[i].v[k].kind == OFFERED_TO ? &offered : &held) += m->ticket[i].v[k].units;
    world_act(&m->w, (struct act){ .kind = ACT_AGENT, .agent = str_of(agents[agent]) });
    snprintf(text, sizeof text, "\"units_held\":%u,\"units_offered\":%u,", held, offered);
    if (!strstr(m->w.body, text)) broken(m, "%s should have %s but: %s", agents[agent], text, m->w.body);
    if (!m->knows[agent] || !strstr(m->w.body, "\"connected\":true")) return;
    for (int i = 0; i < TICKETS; i++)
        if (m->shown[agent][i] != (m->ticket[i].used && kept(&m->ticket[i], OFFERED_TO, agent) != NULL))
            broken(m, "%s is shown an offer that does not stand, or is not shown one that does", agents[agent]);
}

/* ---- what happens ---- */

static void random_take(struct model *m)
{
    static const char *const tags[] = { "tech", "front", "other" };
    char external[32], conversation[32];
    uint64_t c = rng_below(&m->rng, 12);
    struct said s = { .external = external,
                      .conversation = conversation,
                      .account = accounts[c % CHANNELS],
                      .channel = channels[c % CHANNELS],
                      .urgency = (enum urgency)rng_below(&m->rng, 4) };

    snprintf(external, sizeof external, "m%llu",
             (unsigned long long)(m->step - (rng_below(&m->rng, 20) ? 0 : rng_below(&m->rng, 20))));
    snprintf(conversation, sizeof conversation, "c%llu", (unsigned long long)c);
    if (!rng_below(&m->rng, 12)) s.kind = EVENT_HANGUP;
    else if (c % CHANNELS == 2) s.kind = EVENT_CALL;
    if (!rng_below(&m->rng, 4)) s.tags[s.tag_count++].name = str_of(tags[rng_below(&m->rng, 3)]);
    if (!rng_below(&m->rng, 8)) s.needs[s.need_count++] = (struct need){ STR("x"), 1 + (uint32_t)rng_below(&m->rng, 6) };
    world_take(&m->w, &s);
}

static void random_presence(struct model *m)
{
    int agent = (int)rng_below(&m->rng, AGENTS);
    struct act a = { .agent = str_of(agents[agent]) };
    uint64_t k = rng_below(&m->rng, 16);

    if (k < 8) a.kind = ACT_HEARTBEAT;
    else if (k < 10) a.kind = ACT_CONNECT;
    else if (k == 10) a.kind = ACT_DISCONNECT, m->knows[agent] = false;
    else a.kind = ACT_PRESENCE, a.presence = k < 15 ? PRES_AVAILABLE : (enum presence)rng_below(&m->rng, 3);
    if (a.kind == ACT_CONNECT) {
        memset(m->shown[agent], 0, sizeof m->shown[agent]); /* the result tells all, and each is shown again */
        m->knows[agent] = true;
    }
    world_act(&m->w, a);
}

static struct modelled *some_ticket(struct model *m)
{
    struct modelled *chosen = NULL;
    uint64_t n = 0;

    for (int i = 0; i < TICKETS; i++)
        if (m->ticket[i].used && (m->ticket[i].state < TK_RESOLVED || !rng_below(&m->rng, 100)) && rng_below(&m->rng, ++n) == 0)
            chosen = &m->ticket[i];
    return chosen;
}

static void random_act(struct model *m)
{
    static const enum act_kind kinds[] = { ACT_ACCEPT,  ACT_ACCEPT,  ACT_ACCEPT,   ACT_DECLINE,  ACT_START,  ACT_START,  ACT_REPLY,
                                           ACT_RESOLVE, ACT_PARK,    ACT_RESUME,   ACT_TRANSFER, ACT_CANCEL, ACT_ASSIGN, ACT_PULL,
                                           ACT_REQUEUE, ACT_CONSULT, ACT_CALLBACK, ACT_HANDOVER, ACT_TICKET, ACT_EXPLAIN };
    static const char *const queues[] = { "desk", "tech", "front", "" };
    struct modelled *t = some_ticket(m);
    struct act a = { .kind = kinds[rng_below(&m->rng, sizeof kinds / sizeof *kinds)] };
    int agent;

    if (!t) return;
    struct seen_ticket *seen = map_get(&m->w.tickets, (struct str){ (const char *)t->id.b, 16 });
    agent = t->n && rng_below(&m->rng, 8) ? t->v[rng_below(&m->rng, t->n)].agent : (int)rng_below(&m->rng, AGENTS);
    a.agent = str_of(agents[agent]);
    a.ticket = t->id;
    if (seen) world_token(seen, agents[agent], a.kind == ACT_ACCEPT || a.kind == ACT_DECLINE, &a);
    if (!rng_below(&m->rng, 20)) a.token_seq--;
    a.privileged = !rng_below(&m->rng, 8) || a.kind == ACT_ASSIGN || a.kind == ACT_REQUEUE;
    if (a.privileged && rng_below(&m->rng, 2)) a.token_epoch = a.token_seq = 0;
    a.queue = str_of(queues[rng_below(&m->rng, 4)]);
    if (rng_below(&m->rng, 2)) a.to = str_of(agents[rng_below(&m->rng, AGENTS)]);
    if (a.kind == ACT_ASSIGN && !rng_below(&m->rng, 4)) a.reason = STR("force");
    if (a.kind == ACT_CONSULT && rng_below(&m->rng, 2)) a.reason = STR("over");
    if (a.kind == ACT_CALLBACK) a.at = m->w.now + 1 + rng_below(&m->rng, 20000);
    a.text = STR("as you wish");
    world_act(&m->w, a);
    if (a.kind == ACT_TRANSFER && a.to.n) t->held_back[agent_of(a.to)] = 0; /* who is asked for is asked, or asks: */
    if (a.kind == ACT_PULL) t->held_back[agent] = 0;
    if ((a.kind == ACT_ACCEPT || a.kind == ACT_DECLINE) && m->w.status == 200) m->shown[agent][t - m->ticket] = false;
}

static void reload(struct model *m)
{
    m->now = &m->rules[rng_below(&m->rng, POLICIES)];
    assert_int_equal(space_policy(m->w.ws, m->w.now, m->now->policy), ERR_OK);
    policy_unref(m->w.policy);
    m->w.policy = policy_ref(m->now->policy);
}

static void new_reign(struct model *m)
{
    world_turn(&m->w);
    uint32_t live = space_tickets(m->w.ws);
    world_restart(&m->w);
    assert_int_equal(space_tickets(m->w.ws), live);
    space_restore_done(m->w.ws, m->w.now);
}

static void turn(struct model *m)
{
    while (space_turn(m->w.ws, m->w.now))
        ;
    world_watch(&m->w);
    store_apply(&m->w, space_out(m->w.ws));
    space_out_clear(m->w.ws);
    m->w.watched_entries = m->w.watched_mail = 0;
    if (m->step % 8) return;
    const char *why = space_check(m->w.ws);
    if (why) broken(m, "must always hold, and does not: %s", why);
}

static void forget_ended(struct model *m)
{
    struct seen_ticket *t, *old[1024];
    size_t n = 0;

    for (size_t i = 0; (t = map_next(&m->w.tickets, &i)) && n < 1024;)
        if (t->ended) old[n++] = t;
    while (n) {
        struct modelled *gone = modelled(m, &old[--n]->id, false);
        if (gone) gone->used = false;
        map_del(&m->w.tickets, (struct str){ (const char *)old[n]->id.b, 16 });
        free(old[n]);
    }
}

static void step(struct model *m)
{
    uint64_t k = rng_below(&m->rng, 1000);

    m->step++;
    if (k < 180) random_take(m);
    else if (k < 380) random_presence(m);
    else if (k < 850) random_act(m);
    else if (k < 990) m->w.now += rng_below(&m->rng, rng_below(&m->rng, 100) ? 1500 : 60000);
    else if (k < 996) reload(m);
    else if (k < 998) new_reign(m);
    if (rng_below(&m->rng, 4)) turn(m);
    if (m->step % 16 == 0) turn(m), compare_agent(m, (int)rng_below(&m->rng, AGENTS));
    if (m->step % 500 == 0) turn(m), forget_ended(m);
}

static void begin(struct model *m, uint64_t seed)
{
    struct space_cfg cfg = { .name = STR("w"), .seed = seed, .epoch = 5, .seq = 100 };

    *m = (struct model){ .seed = seed };
    rng_seed(&m->rng, seed);
    for (int i = 0; i < POLICIES; i++) draw_policy(&m->rules[i], &m->rng);
    m->now = &m->rules[0];
    m->w = (struct world){ .now = WORLD_START, .policy = policy_ref(m->now->policy), .last_seq = 100, .on_entry_ctx = m };
    m->w.on_entry = model_entry;
    m->w.on_offer = model_offer;
    map_init(&m->w.tickets, 1000000);
    map_init(&m->w.store, 1000000);
    metrics_init("test");
    assert_int_equal(space_new(&m->w.ws, &cfg), ERR_OK);
    assert_int_equal(space_policy(m->w.ws, m->w.now, m->w.policy), ERR_OK);
}

static void walk(struct model *m, uint64_t seed, uint64_t total[32])
{
    print_message("  seed=%llu\n", (unsigned long long)seed); /* the last one is the one that fails */
    begin(m, seed);
    while (m->step < STEPS) step(m);
    turn(m);
    for (unsigned k = 0; k < 32; k++) total[k] += m->w.entries[k];
    world_close(&m->w);
    for (int i = 0; i < POLICIES; i++) policy_unref(m->rules[i].policy);
}

static void walks_end_where_the_model_does(void **state)
{
    const char *one = getenv("NARU_SEED"), *seconds = getenv("NARU_WALK_SECONDS");
    uint64_t until = clock_cpu_us() + (seconds ? strtoull(seconds, NULL, 10) : 20) * 1000000,
             seed = one ? strtoull(one, NULL, 10) : 1;
    static struct model m;
    uint64_t total[32] = { 0 }, n = 0;

    (void)state;
    do walk(&m, seed++, total), n++;
    while (!one && clock_cpu_us() < until);
    print_message("  %llu steps:", (unsigned long long)(n * STEPS));
    for (unsigned k = 1; k <= ENTRY_HANDED_OVER; k++)
        if (total[k]) print_message(" %llu %s", (unsigned long long)total[k], entry_kind_words.v[k]);
    print_message("\n");
    assert_true(total[ENTRY_ACCEPTED] > n * STEPS / 100);
    assert_true(total[ENTRY_WITHDRAWN] > n * STEPS / 100);
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(walks_end_where_the_model_does) };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
