/* A rehearsal, taken in halves of turns, decides as the live workspace does: both are given the same random acts at the same
   instants, and what the one is told is what the other put into its outbox. */
#include "world.h"

#define MOST 400000u

static const char yaml[] =
    "naru: 1\nworkspace: w\nchannels:\n"
    "  webchat: { cost: 30, offer: 3s }\n  email: { cost: 15, offer: 8s, auto-accept: yes }\n"
    "  voice: { cost: 100, offer: 5s, wrapup: 2s, connect: 4s }\naccounts:\n  web: { channel: webchat }\n"
    "queues:\n"
    "  desk: { takes: default, sla: { answer: { within: 20s } }, offers: { at-once: 2 }, timeline: [ { after: 50%, raise: 1 }, "
    "{ after: 200%, move: second } ] }\n"
    "  second: { takes: { tag: second }, needs: { rare: 3 }, order: fifo, sla: { answer: { within: 40s } }, "
    "timeline: [ { after: 30s, needs: { rare: 1 } } ] }\n"
    "agents:\n  a: { skills: { x: 5, rare: 2 } }\n  b: { skills: { x: 3, rare: 5 }, max: { webchat: 1 } }\n"
    "  c: { skills: { rare: 9 }, capacity: 60 }\n  d: { skills: { x: 9 } }\n";

struct line_told {
    uint64_t seq, at;
    enum entry_kind kind;
    enum ticket_state state;
    struct id ticket;
    char agent[8], cause[40];
};
struct log {
    struct line_told *v;
    uint32_t count;
};

static void note(struct log *l, const struct entry *e)
{
    struct line_told *t = &l->v[l->count++];

    assert_true(l->count < MOST);
    memset(t, 0, sizeof *t);
    t->seq = e->seq, t->at = e->at, t->kind = e->kind, t->state = e->state, t->ticket = e->ticket;
    snprintf(t->agent, sizeof t->agent, "%.*s", STR_FMT(e->agent));
    snprintf(t->cause, sizeof t->cause, "%.*s", STR_FMT(e->cause));
}

static void on_entry(void *ctx, const struct entry *e) { note(ctx, e); }

static void drain(struct workspace *ws, struct log *l)
{
    struct outbox *o = space_out(ws);
    struct arena arena;
    struct entry e;

    arena_init(&arena, 1u << 20);
    for (uint32_t i = 0; i < o->entry_count; i++) {
        struct str packed = { o->entries.p + o->entry[i].offset, o->entry[i].length };
        assert_int_equal(record_unpack(&entry_record, &e, packed, &arena), ERR_OK);
        note(l, &e);
        arena_clear(&arena);
    }
    space_out_clear(ws);
    arena_fini(&arena);
}

struct both {
    struct workspace *live, *rehearsal;
    struct log said, told;
    uint64_t now;
    struct rng rng;
};

static void act(struct both *b, struct act a)
{
    a.router = 1;
    a.workspace = STR("w");
    space_act(b->live, b->now, &a);
    space_act(b->rehearsal, b->now, &a);
}

static const char *some_agent(struct both *b)
{
    static const char *const names[] = { "a", "b", "c", "d" };

    return names[rng_below(&b->rng, 4)];
}

static void some_event(struct both *b, uint32_t n)
{
    char text[24];
    struct event e = { .workspace = STR("w"), .account = STR("web"), .received = b->now, .home = 1 };
    struct verdict v = { .workspace = STR("w"), .urgency = (enum urgency)rng_below(&b->rng, 4), .language = STR("und") };
    static const char *const channels[] = { "webchat", "email", "voice" };

    snprintf(text, sizeof text, "n%u", n);
    e.external = e.conversation = str_of(text);
    e.channel = str_of(channels[rng_below(&b->rng, 3)]);
    e.kind = str_is(e.channel, "voice") ? EVENT_CALL : EVENT_MESSAGE;
    e.id = v.event = id_of_event(e.account, e.external);
    if (rng_below(&b->rng, 4) == 0) v.queue = STR("second");
    space_take(b->live, b->now, &e, &v);
    space_take(b->rehearsal, b->now, &e, &v);
}

/* On a ticket of which something was told lately. */
static void some_act(struct both *b)
{
    static const enum act_kind kinds[] = { ACT_ACCEPT, ACT_ACCEPT, ACT_START, ACT_START, ACT_RESOLVE, ACT_DECLINE, ACT_PARK };
    uint32_t back = b->told.count < 30 ? b->told.count : 30;
    const struct line_told *t = back ? &b->told.v[b->told.count - 1 - rng_below(&b->rng, back)] : NULL;

    if (!t || !t->agent[0]) return;
    act(b,
        (struct act){ .kind = kinds[rng_below(&b->rng, 7)], .agent = str_of(t->agent), .ticket = t->ticket, .privileged = true });
}

static void presence(struct both *b)
{
    const char *name = some_agent(b);
    enum presence p = rng_below(&b->rng, 4) ? PRES_AVAILABLE : PRES_AWAY;

    act(b, (struct act){ .kind = ACT_CONNECT, .agent = str_of(name) });
    act(b, (struct act){
               .kind = ACT_PRESENCE, .agent = str_of(name), .presence = p, .reason = p == PRES_AWAY ? STR("draining") : STR_NONE });
}

static void turn(struct both *b)
{
    while (space_turn(b->live, b->now)) continue;
    space_due(b->rehearsal, b->now);
    while (space_match(b->rehearsal, b->now)) continue;
    drain(b->live, &b->said);
    assert_int_equal(space_out(b->rehearsal)->entry_count, 0);
    assert_int_equal(space_out(b->rehearsal)->write_count, 0);
    assert_int_equal(space_out(b->rehearsal)->mail_count, 0);
}

/* Each heard from every second: where nobody lapses, leases make no difference. */
static void pass_time(struct both *b)
{
    static const char *const names[] = { "a", "b", "c", "d" };

    b->now += rng_below(&b->rng, 1500);
    for (int i = 0; i < 4; i++) act(b, (struct act){ .kind = ACT_HEARTBEAT, .agent = str_of(names[i]) });
}

static void a_rehearsal_decides_as_the_live_workspace_does(void **state)
{
    struct both b = { .now = WORLD_START };
    struct space_cfg cfg = { .name = STR("w"), .seed = 7, .epoch = 1 };
    struct policy *p = NULL;

    (void)state;
    b.said.v = calloc(MOST, sizeof *b.said.v);
    b.told.v = calloc(MOST, sizeof *b.told.v);
    rng_seed(&b.rng, 11);
    assert_int_equal(policy_load(&p, STR(yaml), "test", b.now, NULL), ERR_OK);
    assert_int_equal(space_new(&b.live, &cfg), ERR_OK);
    cfg.watch = on_entry;
    cfg.ctx = &b.told;
    assert_int_equal(space_new(&b.rehearsal, &cfg), ERR_OK);
    assert_int_equal(space_policy(b.live, b.now, p), ERR_OK);
    assert_int_equal(space_policy(b.rehearsal, b.now, p), ERR_OK);
    for (uint32_t n = 0; n < 12000; n++) {
        uint64_t k = rng_below(&b.rng, 10);
        if (k < 2) some_event(&b, n);
        else if (k < 3) presence(&b);
        else if (k < 8) some_act(&b);
        else pass_time(&b);
        turn(&b);
        if (n % 500 == 0) assert_null(space_check(b.rehearsal));
    }
    assert_int_equal(b.said.count, b.told.count);
    for (uint32_t i = 0; i < b.said.count; i++)
        if (memcmp(&b.said.v[i], &b.told.v[i], sizeof *b.said.v)) fail_msg("entry %u is another one", i);
    print_message("  %u entries alike\n", b.said.count);
    assert_true(b.said.count > 5000);
    space_free(b.live);
    space_free(b.rehearsal);
    policy_unref(p);
    free(b.said.v);
    free(b.told.v);
}

/* Nobody is heard of for an hour, and still they are there. */
static void in_a_rehearsal_nobody_falls_silent(void **state)
{
    struct log told = { .v = calloc(MOST, sizeof *told.v) };
    struct space_cfg cfg = { .name = STR("w"), .seed = 7, .epoch = 1, .watch = on_entry, .ctx = &told };
    struct workspace *ws;
    struct policy *p = NULL;

    (void)state;
    assert_int_equal(policy_load(&p, STR(yaml), "test", WORLD_START, NULL), ERR_OK);
    assert_int_equal(space_new(&ws, &cfg), ERR_OK);
    assert_int_equal(space_policy(ws, WORLD_START, p), ERR_OK);
    space_act(ws, WORLD_START, &(struct act){ .kind = ACT_CONNECT, .agent = STR("a") });
    space_act(ws, WORLD_START, &(struct act){ .kind = ACT_PRESENCE, .agent = STR("a"), .presence = PRES_AVAILABLE });
    assert_int_equal(told.count, 1);
    space_due(ws, WORLD_START + 3600000);
    assert_int_equal(told.count, 1);
    space_free(ws);
    policy_unref(p);
    free(told.v);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_rehearsal_decides_as_the_live_workspace_does),
        cmocka_unit_test(in_a_rehearsal_nobody_falls_silent),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
