#include "workers/assign/core.h"
#include "world.h"

/* The states of a ticket, walked cell by cell, and every act in every state by everybody who might try it. What is expected of the
   table of state.c is the picture in workers/assign/README.md, so one cannot change without the other. */

static const char policy[] =
    "naru: 1\nworkspace: w\nchannels:\n  webchat: { cost: 30, offer: 20s, wrapup: 10s }\naccounts:\n  web: { channel: webchat }\n"
    "queues:\n  desk: { takes: default, sla: { answer: { within: 5m } }, choose: [longest-idle] }\n"
    "  other: { takes: { tag: other }, sla: { answer: { within: 5m } }, choose: [longest-idle] }\n"
    "agents:\n  a: { skills: { x: 5 } }\n  b: { skills: { y: 5 } }\n";

static const enum ticket_state live[] = { TK_WAITING, TK_OFFERED, TK_ASSIGNED, TK_WRAPUP, TK_SCHEDULED, TK_PARKED };
#define LIVE (sizeof live / sizeof *live)

/* ---- the picture ---- */

static char *readme(void)
{
    static char text[65536];
    FILE *f = fopen(NARU_SOURCE_DIR "/workers/assign/README.md", "r");

    assert_non_null(f);
    text[fread(text, 1, sizeof text - 1, f)] = '\0';
    fclose(f);
    return text;
}

/* "state  event → state · event, event → state": a line each, in the order of both lists. */
static void draw(struct buf *out)
{
    for (unsigned from = 0; from < TK_COUNT; from++) {
        size_t began = out->n;
        for (unsigned to = 1; to < TK_COUNT; to++) {
            unsigned n = 0;
            for (unsigned ev = 0; ev < EV_COUNT; ev++) {
                if (state_next((enum ticket_state)from, (enum ticket_event)ev) != (enum ticket_state)to) continue;
                if (n++) buf_addz(out, ", ");
                else if (out->n > began) buf_addz(out, " · ");
                else buf_addz(out, from ? ticket_state_words.v[from] : "(new)"), buf_addz(out, ": ");
                buf_addz(out, ticket_event_name((enum ticket_event)ev));
            }
            if (n) buf_addz(out, " → "), buf_addz(out, ticket_state_words.v[to]);
        }
        if (out->n > began) buf_addc(out, '\n');
    }
}

static void the_readme_draws_the_table_as_it_is(void **state)
{
    struct buf b;

    (void)state;
    buf_init(&b, 16384);
    draw(&b);
    if (!strstr(readme(), buf_cstr(&b))) {
        printf("workers/assign/README.md must have:\n%s", buf_cstr(&b));
        fail();
    }
    buf_fini(&b);
}

static void an_end_is_never_left_and_every_state_can_be_reached_and_ended(void **state)
{
    bool reached[TK_COUNT] = { [TK_INVALID] = true };

    (void)state;
    for (unsigned round = 0; round < TK_COUNT; round++)
        for (unsigned from = 0; from < TK_COUNT; from++)
            for (unsigned ev = 0; reached[from] && ev < EV_COUNT; ev++)
                reached[state_next((enum ticket_state)from, (enum ticket_event)ev)] = true;
    for (unsigned s = 1; s < TK_COUNT; s++) {
        if (s != TK_DEAD) assert_true(reached[s]);
        assert_int_equal(state_live((enum ticket_state)s), s < TK_RESOLVED);
        for (unsigned ev = 0; ev < EV_COUNT; ev++)
            if (s >= TK_RESOLVED) assert_int_equal(state_next((enum ticket_state)s, (enum ticket_event)ev), TK_INVALID);
        if (s < TK_RESOLVED) assert_int_equal(state_next((enum ticket_state)s, EV_RESOLVE), TK_RESOLVED);
        if (s < TK_RESOLVED) assert_int_equal(state_next((enum ticket_state)s, EV_CANCEL), TK_CANCELLED);
    }
}

/* ---- every cell, with a ticket in it ---- */

static struct seen_ticket *bring(struct world *w, enum ticket_state s)
{
    world_open(w, policy);
    if (s != TK_WAITING && s != TK_SCHEDULED) world_online(w, "a");
    world_take(w, &(struct said){ .external = "m1", .conversation = "c1", .urgency = URG_NORMAL });
    world_turn(w);
    if (s == TK_ASSIGNED || s == TK_WRAPUP || s == TK_PARKED) world_on(w, ACT_ACCEPT, "a", "c1");
    world_turn(w);
    if (s == TK_WRAPUP) world_on(w, ACT_RESOLVE, "a", "c1");
    if (s == TK_PARKED) world_on(w, ACT_PARK, "a", "c1");
    if (s == TK_SCHEDULED)
        world_act(
            w, (struct act){ .kind = ACT_CALLBACK, .privileged = true, .ticket = world_ticket(w, "c1")->id, .at = w->now + 60000 });
    world_turn(w);
    assert_int_equal(world_ticket(w, "c1")->state, s);
    return world_ticket(w, "c1");
}

static void finish_step(struct workspace *ws, struct ticket *t, const struct agent *b, uint64_t now)
{
    struct hold *h = ticket_offer_to(t, b);

    t->token_seq = t->token_seq ? t->token_seq : 1; /* an entry would have given them theirs */
    if (h) h->token_seq = t->token_seq;
    if (!state_live(t->state)) {
        change_gone(ws, t);
        ticket_free(ws, t);
    }
    while (space_turn(ws, now))
        ;
    assert_ptr_equal(space_check(ws), NULL);
}

static void walk_cell(enum ticket_state from, enum ticket_event ev)
{
    struct world w;
    struct seen_ticket *seen = bring(&w, from);
    struct ticket *t = ticket_find(w.ws, &seen->id);
    enum ticket_state to = state_next(from, ev);
    struct agent *b = roster_find(&w.ws->roster, STR("b"));
    const struct hold *holds = t->holds;

    world_online(&w, "b");
    if (to == TK_INVALID) {
        assert_int_equal(ticket_step(w.ws, t, ev, b), ERR_STATE);
        assert_int_equal(t->state, from);
        assert_ptr_equal(t->holds, holds);
        assert_true(heap_has(&t->due.node));
        finish_step(w.ws, t, b, w.now);
    } else {
        if (to == TK_SCHEDULED) t->until = w.now + 60000;
        bool resumes = ev == EV_RESUME || ev == EV_ACCEPT || ev == EV_START;
        assert_int_equal(ticket_step(w.ws, t, ev, resumes ? t->holds->agent : b), ERR_OK);
        assert_int_equal(t->state, to);
        if (!state_live(to) || to == TK_WAITING || to == TK_SCHEDULED) assert_ptr_equal(t->holds, NULL);
        if (to == TK_ASSIGNED) assert_ptr_equal(ticket_agent(t), resumes ? roster_find(&w.ws->roster, STR("a")) : b);
        finish_step(w.ws, t, b, w.now);
    }
    world_close(&w);
}

static void every_cell_leads_where_the_table_says_or_changes_nothing(void **state)
{
    (void)state;
    for (size_t s = 0; s < LIVE; s++)
        for (unsigned ev = 0; ev < EV_COUNT; ev++) walk_cell(live[s], (enum ticket_event)ev);
}

/* ---- every act in every state ---- */

/* What comes of it for the agent the ticket is with or offered to, in the order of `places`:
     +  done      .  no such ticket      m  not your ticket      n  not offered to you      s  wrong state      !  not for agents
   and for somebody privileged without a token. */
static const char *const places[] = { "none",      "waiting", "offered",  "assigned", "wrapup",
                                      "scheduled", "parked",  "resolved", "cancelled" };
#define PLACES (sizeof places / sizeof *places)
static const struct expected {
    enum act_kind kind;
    const char *owner, *privileged;
} expected[] = {
    { ACT_ACCEPT, ".n+++nnss", NULL },          { ACT_DECLINE, ".n+nnnnss", NULL },
    { ACT_START, ".mm+smsss", ".ss+sssss" },    { ACT_RESOLVE, ".mm++m++s", ".+++++++s" },
    { ACT_PARK, ".mm+smsss", ".+s+sssss" },     { ACT_RESUME, ".mmssm+ss", ".sssss+ss" },
    { ACT_TRANSFER, ".mm+sm+ss", ".+++ss+ss" }, { ACT_CANCEL, ".mm++m+ss", ".++++++ss" },
    { ACT_CALLBACK, ".mm+sm+ss", ".+++s++ss" }, { ACT_REPLY, ".mm++m+ss", ".ssmmsmss" },
    { ACT_CONSULT, ".mm+smsss", ".ss+sssss" },  { ACT_ASSIGN, "!!!!!!!!!", ".+++s++ss" },
    { ACT_REQUEUE, "!!!!!!!!!", ".+++s++ss" },  { ACT_HANDOVER, ".mmssmsss", ".ssssssss" },
};

static void check_answer(struct world *w, const struct expected *x, size_t place, char wanted)
{
    static const struct {
        char mark;
        uint32_t status;
        const char *problem;
    } answers[] = { { '+', 200, "" },
                    { '.', 404, "ticket-not-found" },
                    { '!', 403, "forbidden" },
                    { 'm', 403, "not-your-ticket" },
                    { 'n', 409, "ticket-not-offered-to-you" },
                    { 's', 409, "wrong-state" },
                    { 't', 409, "old-token" } };
    size_t i = 0;

    while (answers[i].mark != wanted) i++;
    if (w->status != answers[i].status || strcmp(w->problem, answers[i].problem) != 0)
        fail_msg("%s of a ticket that is %s: %u %s (%s)", act_kind_words.v[x->kind], places[place], w->status, w->problem, w->why);
    if (w->status > 200 && place && wanted != '!' && !strstr(w->why, places[place]))
        fail_msg("%s of a ticket that is %s does not name its state: %s", act_kind_words.v[x->kind], places[place], w->why);
}

static bool names_somebody(enum act_kind k) { return k == ACT_CONSULT || k == ACT_ASSIGN; }

enum who { OWNER, OLD_TOKEN, SOMEBODY_ELSE, PRIVILEGED };

/* A ticket in this place, and the act on it by this one. */
static void act_in(struct world *w, const struct expected *x, size_t place, enum who who)
{
    static const enum ticket_state at[PLACES] = { TK_WAITING,   TK_WAITING, TK_OFFERED,  TK_ASSIGNED, TK_WRAPUP,
                                                  TK_SCHEDULED, TK_PARKED,  TK_ASSIGNED, TK_ASSIGNED };
    bool offer = x->kind == ACT_ACCEPT || x->kind == ACT_DECLINE;
    struct act a = { .kind = x->kind, .queue = STR("other"), .at = WORLD_START + 600000, .text = STR("hello") };
    struct seen_ticket *t = bring(w, at[place]);

    if (names_somebody(x->kind)) a.to = STR("b");

    if (strcmp(places[place], "cancelled") == 0) world_on(w, ACT_CANCEL, "a", "c1");
    if (strcmp(places[place], "resolved") == 0) world_on(w, ACT_RESOLVE, "a", "c1"), world_turn(w), world_wait(w, 10000);
    world_turn(w);
    if (place) a.ticket = t->id;
    world_token(t, "a", offer, &a);
    if (!a.token_seq) a.token_epoch = 5, a.token_seq = 7; /* nobody has one */
    if (who == PRIVILEGED) a.token_epoch = a.token_seq = 0;
    else a.agent = who == SOMEBODY_ELSE ? STR("b") : STR("a");
    if (who == OLD_TOKEN) a.token_seq--;
    a.privileged = who == PRIVILEGED;
    if (a.to.n) world_online(w, "b"); /* in the same turn: nothing is offered to them meanwhile */
    world_act(w, a);
    world_turn(w);
}

/* Of what is refused to the owner, so is to everybody else; what is not, for the reason that comes first. */
static char wanted(const struct expected *x, size_t place, enum who who)
{
    bool offer = x->kind == ACT_ACCEPT || x->kind == ACT_DECLINE, ended = place >= 7, is = x->owner[place] == '+';

    if (who == PRIVILEGED) return x->privileged[place];
    if (who == OWNER || !place) return x->owner[place];
    if (x->owner[place] == '!') return '!';
    if (ended) return 's';
    if (who == SOMEBODY_ELSE) return offer ? 'n' : 'm';
    if (offer) return place == 2 ? 't' : 'n';
    return is || x->owner[place] == 's' ? 't' : x->owner[place];
}

static void every_act_in_every_state_is_done_or_refused_with_the_state(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof expected / sizeof *expected; i++)
        for (size_t place = 0; place < PLACES; place++)
            for (enum who who = OWNER; who <= PRIVILEGED; who++) {
                struct world w;
                if (who == PRIVILEGED && !expected[i].privileged) continue;
                act_in(&w, &expected[i], place, who);
                check_answer(&w, &expected[i], place, wanted(&expected[i], place, who));
                world_close(&w);
            }
}

static void a_ticket_is_pulled_only_while_it_waits(void **state)
{
    (void)state;
    for (size_t i = 0; i < LIVE; i++) {
        struct world w;
        struct seen_ticket *t = bring(&w, live[i]);
        world_online(&w, "b");
        world_act(&w, (struct act){ .kind = ACT_PULL, .agent = STR("b"), .ticket = t->id });
        assert_int_equal(w.status, live[i] == TK_WAITING ? 200 : 409);
        if (w.status > 200) assert_non_null(strstr(w.why, ticket_state_words.v[live[i]]));
        world_turn(&w);
        assert_int_equal(t->state, live[i] == TK_WAITING ? TK_ASSIGNED : live[i]);
        world_close(&w);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_readme_draws_the_table_as_it_is),
        cmocka_unit_test(an_end_is_never_left_and_every_state_can_be_reached_and_ended),
        cmocka_unit_test(every_cell_leads_where_the_table_says_or_changes_nothing),
        cmocka_unit_test(every_act_in_every_state_is_done_or_refused_with_the_state),
        cmocka_unit_test(a_ticket_is_pulled_only_while_it_waits),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
