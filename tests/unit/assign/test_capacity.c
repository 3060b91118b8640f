#include "base/rng.h"
#include "world.h"

/* Capacity against a model of its own: who has what is gathered from the change log alone, and every offer and every waking is
   asked whether the rules, written down here a second time and as plainly as possible, allowed it. After each turn the model is
   asked the other way round: nothing may wait that somebody could be given. */

enum { CHAT, VOICE, MAIL, SMS, CHANNELS };
static const char letters[] = "cvms"; /* a conversation's first letter says its channel */
static const char *const accounts[] = { "web", "phone", "mail", "text" }, *const words[] = { "webchat", "voice", "email", "sms" };

#define KEEP       30
#define PER_MINUTE 3
#define RAMP_MS    120000
static const char yaml[] =
    "naru: 1\nworkspace: w\nchannels:\n  webchat: { cost: 30, max: 3, offer: 20s }\n  voice: { cost: 50, offer: 15s, wrapup: 5s, "
    "exclusive: "
    "interrupts }\n  email: { cost: 15, offer: 2m }\n  sms: { cost: 20, offer: 20s, exclusive: alone }\n"
    "accounts:\n  web: { channel: webchat }\n  mail: { channel: email }\n  phone: { channel: voice }\n  text: { channel: sms }\n"
    "capacity: { keep: { units: 30, for: { urgency: high, channel: [voice] } }, parked: 25%, wake-wait: 20s, ramp: { per-minute: "
    "3, "
    "for: 2m }, daily: 60 }\n"
    "queues:\n  desk: { takes: default, sla: { answer: { within: 10m } }, choose: [longest-idle] }\n"
    "agents:\n  a: { skills: { x: 1 } }\n  b: { skills: { x: 1 }, capacity: 120, cost: { webchat: 20 }, max: { email: 2, webchat: "
    "5 } }\n"
    "  c: { skills: { x: 1 }, capacity: 80, daily: 20 }\n  d: { skills: { x: 1 }, capacity: 90, max: { webchat: 0 } }\n";

static const struct limits {
    const char *name;
    uint32_t capacity, daily, cost[CHANNELS], max[CHANNELS];
} limits[] = {
    { "a", 100, 60, { 30, 50, 15, 20 }, { 3, 99, 99, 99 } },
    { "b", 120, 60, { 20, 50, 15, 20 }, { 5, 99, 2, 99 } },
    { "c", 80, 20, { 30, 50, 15, 20 }, { 3, 99, 99, 99 } },
    { "d", 90, 60, { 30, 50, 15, 20 }, { 0, 99, 99, 99 } },
};
#define AGENTS 4

struct thing { /* a ticket, as the log tells of it */
    struct id id;
    int channel;
    enum urgency urgency;
    enum ticket_state state;
    bool offered[AGENTS];
    int owner;  /* or -1 */
    bool plain; /* nobody is held back from it and nobody waited for */
};
struct person {
    enum presence presence;
    uint64_t online, offers[64]; /* times of the last offers */
    uint32_t offer_count, day, taken;
};
struct model {
    struct world *w;
    struct thing t[512];
    uint32_t count;
    struct person p[AGENTS];
};

static int agent_of(struct str name)
{
    for (int i = 0; i < AGENTS; i++)
        if (str_is(name, limits[i].name)) return i;
    return -1;
}

static bool favoured(const struct thing *t) { return t->channel == VOICE || t->urgency >= URG_HIGH; }

struct sums {
    uint32_t used, plain, in_hand[CHANNELS], all, open;
};

static struct sums sums_of(const struct model *m, int a, const struct thing *but)
{
    struct sums s = { 0 };

    for (uint32_t i = 0; i < m->count; i++) {
        const struct thing *t = &m->t[i];
        if (t == but || (t->owner != a && !t->offered[a])) continue;
        uint32_t cost = limits[a].cost[t->channel], units = t->state == TK_PARKED ? (cost * 25 + 99) / 100 : cost;
        s.used += units;
        if (!favoured(t)) s.plain += units;
        s.open += t->offered[a];
        if (t->state == TK_PARKED) continue;
        s.in_hand[t->channel]++;
        s.all++;
    }
    return s;
}

/* The ticket beside everything else that the agent has. */
static const char *no_room(const struct model *m, int a, const struct thing *t)
{
    struct sums s = sums_of(m, a, t);
    uint32_t used = s.used + limits[a].cost[t->channel];

    if (used > limits[a].capacity) return "units";
    if (!favoured(t) && used + KEEP > limits[a].capacity) return "keep";
    if (s.in_hand[t->channel] >= limits[a].max[t->channel]) return "maximum";
    if (s.in_hand[VOICE] || s.in_hand[SMS]) return "beside an exclusive one";
    return t->channel == SMS && s.all ? "not alone" : NULL;
}

static uint32_t offers_this_minute(const struct model *m, int a)
{
    const struct person *p = &m->p[a];
    uint64_t from = p->online + (m->w->now - p->online) / 60000 * 60000;
    uint32_t n = 0;

    for (uint32_t i = 0; i < 64 && i < p->offer_count; i++) n += p->offers[i] >= from;
    return n;
}

static const char *no_offer(const struct model *m, int a, const struct thing *t)
{
    const struct person *p = &m->p[a];
    uint32_t taken = p->day == m->w->now / 86400000 ? p->taken : 0;

    if (p->presence != PRES_AVAILABLE) return "not available";
    if (taken + sums_of(m, a, t).open >= limits[a].daily) return "the day's cap";
    if (m->w->now < p->online + RAMP_MS && offers_this_minute(m, a) >= PER_MINUTE) return "the ramp";
    return no_room(m, a, t);
}

/* ---- what the log says ---- */

static struct thing *thing_of(struct model *m, const struct entry *e)
{
    for (uint32_t i = 0; i < m->count; i++)
        if (id_eq(&m->t[i].id, &e->ticket)) return &m->t[i];
    const struct seen_ticket *s = map_get(&m->w->tickets, (struct str){ (const char *)e->ticket.b, 16 });
    assert_true(m->count < 512);
    m->t[m->count] = (struct thing){
        .id = e->ticket, .owner = -1, .plain = true, .channel = (int)(strchr(letters, s->conversation[0]) - letters)
    };
    return &m->t[m->count++];
}

static void offered(struct model *m, struct thing *t, int a)
{
    const char *why = no_offer(m, a, t);
    struct person *p = &m->p[a];

    if (why) fail_msg("%s was offered a %s against the model: %s", limits[a].name, words[t->channel], why);
    t->offered[a] = true;
    p->offers[p->offer_count++ % 64] = m->w->now;
}

static void accepted(struct model *m, struct thing *t, int a)
{
    struct person *p = &m->p[a];
    uint32_t day = (uint32_t)(m->w->now / 86400000);

    memset(t->offered, 0, sizeof t->offered);
    t->owner = a;
    if (p->day != day) p->day = day, p->taken = 0;
    p->taken++;
}

static void resumed(struct model *m, struct thing *t)
{
    const char *why = t->owner >= 0 && t->state == TK_ASSIGNED ? no_room(m, t->owner, t) : NULL;

    if (why) fail_msg("%s was woken for %s against the model: %s", words[t->channel], limits[t->owner].name, why);
    if (t->state != TK_WAITING) return;
    t->owner = -1;
    t->plain = false;
}

static void presence(struct model *m, const struct entry *e, int a)
{
    enum presence to = str_is(e->cause, "available") ? PRES_AVAILABLE : str_is(e->cause, "offline") ? PRES_OFFLINE : PRES_AWAY;

    if (m->p[a].presence == PRES_OFFLINE && to != PRES_OFFLINE) m->p[a].online = e->at, m->p[a].offer_count = 0;
    m->p[a].presence = to;
}

static void on_entry(void *ctx, const struct entry *e)
{
    struct model *m = ctx;
    int a = agent_of(e->agent);

    if (e->kind == ENTRY_PRESENCE) presence(m, e, a);
    if (id_is_none(&e->ticket) || str_is(e->cause, "repeat")) return;
    struct thing *t = thing_of(m, e);
    t->state = e->state;
    t->urgency = e->urgency;
    switch (e->kind) {
    case ENTRY_OFFERED: offered(m, t, a); break;
    case ENTRY_ACCEPTED: accepted(m, t, a); break;
    case ENTRY_DECLINED:
    case ENTRY_OFFER_EXPIRED: t->plain = false; /* fall through */
    case ENTRY_WITHDRAWN: t->offered[a] = false; break;
    case ENTRY_RETURNED: t->owner = -1; break;
    case ENTRY_RESUMED: resumed(m, t); break;
    case ENTRY_ENDED: *t = m->t[--m->count]; break;
    default: break;
    }
}

/* A ramp's fair share holds back only those who have an offer open. */
static void nothing_waits_that_could_be_given(const struct model *m)
{
    for (uint32_t i = 0; i < m->count; i++)
        for (int a = 0; m->t[i].state == TK_WAITING && m->t[i].plain && a < AGENTS; a++) {
            bool shared = m->w->now < m->p[a].online + RAMP_MS && sums_of(m, a, NULL).open;
            if (!shared && !no_offer(m, a, &m->t[i]))
                fail_msg("a %s waits, and %s is free", words[m->t[i].channel], limits[a].name);
        }
}

/* ---- the walk ---- */

static void random_message(struct model *m, struct rng *rng, uint64_t n)
{
    uint64_t c = rng_below(rng, CHANNELS);
    char external[32], conversation[32];
    struct said s = { .external = external,
                      .conversation = conversation,
                      .account = accounts[c],
                      .channel = words[c],
                      .urgency = (enum urgency)rng_below(rng, 4) };

    snprintf(external, sizeof external, "m%llu", (unsigned long long)n);
    snprintf(conversation, sizeof conversation, "%c%llu", letters[c], (unsigned long long)rng_below(rng, 12));
    if (c == VOICE) s.kind = rng_below(rng, 6) ? EVENT_CALL : EVENT_HANGUP;
    world_take(m->w, &s);
}

static void random_act(struct model *m, struct rng *rng)
{
    static const enum act_kind of_owner[] = { ACT_RESOLVE, ACT_RESOLVE, ACT_RESOLVE, ACT_PARK, ACT_PARK, ACT_RESUME };
    const struct thing *t = m->count ? &m->t[rng_below(rng, m->count)] : NULL;
    struct act act = { .privileged = true };

    if (!t) return;
    act.ticket = t->id;
    for (int a = 0; a < AGENTS; a++)
        if (t->offered[a] || t->owner == a) act.agent = str_of(limits[a].name);
    if (!act.agent.n) return;
    if (t->owner >= 0) act.kind = of_owner[rng_below(rng, 6)];
    else act.kind = rng_below(rng, 5) ? ACT_ACCEPT : ACT_DECLINE;
    world_act(m->w, act);
}

static void everybody_beats(struct model *m)
{
    for (int a = 0; a < AGENTS; a++) world_act(m->w, (struct act){ .kind = ACT_HEARTBEAT, .agent = str_of(limits[a].name) });
}

static void wait(struct model *m, struct rng *rng)
{
    uint64_t ms = rng_below(rng, 3000);

    if (!rng_below(rng, 150)) ms = 3600000 * rng_below(rng, 8);
    for (; ms; ms -= ms < 10000 ? ms : 10000) {
        everybody_beats(m);
        world_wait(m->w, ms < 10000 ? ms : 10000);
    }
}

static void units_are_those_of_the_model(struct model *m)
{
    for (int a = 0; a < AGENTS; a++) {
        unsigned held = 0, offers = 0;
        world_act(m->w, (struct act){ .kind = ACT_AGENT, .agent = str_of(limits[a].name) });
        assert_int_equal(sscanf(strstr(m->w->body, "\"units_held\""), "\"units_held\":%u,\"units_offered\":%u", &held, &offers), 2);
        assert_int_equal(held + offers, sums_of(m, a, NULL).used);
    }
}

static void every_offer_is_one_that_the_rules_allow_and_none_is_forgotten(void **state)
{
    uint64_t steps = getenv("NARU_WALK") ? strtoull(getenv("NARU_WALK"), NULL, 10) : 20000;
    static struct model m;
    struct world w;
    struct rng rng;

    (void)state;
    rng_seed(&rng, getenv("NARU_SEED") ? strtoull(getenv("NARU_SEED"), NULL, 10) : 2026);
    world_open(&w, yaml);
    m = (struct model){ .w = &w };
    w.on_entry = on_entry;
    w.on_entry_ctx = &m;
    for (int a = 0; a < AGENTS; a++) world_act(&w, (struct act){ .kind = ACT_CONNECT, .agent = str_of(limits[a].name) });
    for (uint64_t n = 1; n <= steps; n++) {
        uint64_t k = rng_below(&rng, 100);
        if (k < 25) random_message(&m, &rng, n);
        else if (k < 75) random_act(&m, &rng);
        else if (k < 80)
            world_act(&w, (struct act){ .kind = ACT_PRESENCE,
                                        .agent = str_of(limits[rng_below(&rng, AGENTS)].name),
                                        .presence = rng_below(&rng, 4) ? PRES_AVAILABLE : (enum presence)rng_below(&rng, 3) });
        else wait(&m, &rng);
        world_turn(&w);
        nothing_waits_that_could_be_given(&m);
        if (n % 50 == 0) units_are_those_of_the_model(&m);
    }
    print_message("  %u offered %u accepted %u parked %u resumed\n", w.entries[ENTRY_OFFERED], w.entries[ENTRY_ACCEPTED],
                  w.entries[ENTRY_PARKED], w.entries[ENTRY_RESUMED]);
    assert_true(w.entries[ENTRY_ACCEPTED] > steps / 100);
    assert_true(w.entries[ENTRY_RESUMED] > steps / 1000);
    world_close(&w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_offer_is_one_that_the_rules_allow_and_none_is_forgotten),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
