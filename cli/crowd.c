/* naru crowd: agents who take offers; a load client through the public doors, one WebSocket an agent, as a desktop would hold it.

   Here is the crowd as a whole: its options, its clock, its beginning and end. crowd_agent.c is one agent's life, crowd_deal.c what
   agents have to do with tickets, crowd_enrol.c the making of agents. All of it lives in one loop and is freed when that has ended.

   on_turn, at the end of every loop turn, says what is due and arms `wake` for what will be. To leave is to say away, resolve what
   is held and decline what comes, until no deal is left or FAREWELL_MS have passed. */
#include "cli/crowd.h"

#include "base/clock.h"
#include "base/limits.h"
#include "base/log.h"
#include "base/opt.h"
#include "cli/cli.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>

#define BEAT_S      10u
#define FAREWELL_MS 5000u
#define LINGER_MS   200u /* late offers are still declined */

static const struct opt rows[] = {
    { "agents", OPT_U64, offsetof(struct crowd_opts, agents), NULL, 1, LIM_AGENTS, "N", "how many agents" },
    { "names", OPT_STR, offsetof(struct crowd_opts, names), NULL, 0, 0, "a,b,c", "these agents, instead of --agents" },
    { "prefix", OPT_STR, offsetof(struct crowd_opts, prefix), "agent-", 0, 0, "WORD", "names of --agents: WORD1, WORD2 and so on" },
    { "skills", OPT_STR, offsetof(struct crowd_opts, skills), "", 0, 0, "LIST", "with --register: like billing:5,lang:ko:10" },
    { "capacity", OPT_U64, offsetof(struct crowd_opts, capacity), "100", 0, 1e6, "UNITS", "with --register: units of each" },
    { "register", OPT_FLAG, offsetof(struct crowd_opts, enrol), NULL, 0, 0, NULL, "make the agents first" },
    { "think", OPT_U64, offsetof(struct crowd_opts, think), "0", 0, 1e9, "MS",
      "mean time from accept to resolve, exponential; 0: at once" },
    { "decline", OPT_F64, offsetof(struct crowd_opts, decline), NULL, 0, 1, "P", "probability that an offer is declined" },
    { "ignore", OPT_F64, offsetof(struct crowd_opts, ignore), NULL, 0, 1, "P", "probability that an offer is left to expire" },
    { "reply", OPT_F64, offsetof(struct crowd_opts, reply), NULL, 0, 1, "P",
      "probability that a reply is written before it is resolved" },
    { "talk", OPT_STR, offsetof(struct crowd_opts, talk), NULL, 0, 0, "GLOB",
      "customers of such ids are answered in words, each time they write, until they have been silent for 20 s" },
    { "park", OPT_F64, offsetof(struct crowd_opts, park), NULL, 0, 1, "P",
      "probability that a ticket is parked once, and resumed" },
    { "transfer", OPT_F64, offsetof(struct crowd_opts, transfer), NULL, 0, 1, "P",
      "probability that a ticket is sent on to another agent of the crowd instead of being resolved" },
    { "vanish", OPT_F64, offsetof(struct crowd_opts, vanish), NULL, 0, 1, "P",
      "probability that an offer makes an agent drop its connection for 2 to 6 s" },
    { "seed", OPT_U64, offsetof(struct crowd_opts, seed), "0", 0, 0, "N",
      "of its choices, so that they repeat; 0: different each time" },
    { "url", OPT_STR, offsetof(struct crowd_opts, url), "http://127.0.0.1:8080", 0, 0, "URL", "where Naru is" },
    { "token", OPT_STR, offsetof(struct crowd_opts, token), NULL, 0, 0, "TOKEN",
      "access token; an operator's may speak for any agent" },
    { "token-file", OPT_STR, offsetof(struct crowd_opts, token_file), NULL, 0, 0, "FILE",
      "file with the access token (default: operator.token in the data folder)" },
    { "seconds", OPT_U64, offsetof(struct crowd_opts, seconds), "0", 0, 1e9, "S", "end after so long; 0: by signal" },
    { "until-idle", OPT_U64, offsetof(struct crowd_opts, until_idle), "0", 0, 1e9, "S",
      "end when, after a first offer, nothing was offered or held for so long; 0: never" },
    { "json", OPT_FLAG, offsetof(struct crowd_opts, json), NULL, 0, 0, NULL, "the summary as one JSON object" },
    { NULL, OPT_STR, 0, NULL, 0, 0, NULL, NULL },
};

static int complain(const char *what, const char *why)
{
    fprintf(stderr, "naru crowd: %s: %s\n", what, why);
    return 2;
}

/* ---- time ---- */

static void on_due(struct crowd *c)
{
    struct heap_node *top;

    while ((top = heap_peek(&c->due)) && top->key <= (int64_t)(c->now_us / 1000)) agent_on_due(container_of(top, struct deal, due));
}

void crowd_finish(struct crowd *c)
{
    if (c->over) return;
    c->over = true;
    for (uint32_t i = 0; i < c->count; i++) {
        ws_client_stop(&c->agents[i].ws);
        ws_client_fini(&c->agents[i].ws);
    }
    timer_fini(&c->wake);
    timer_fini(&c->second);
    timer_fini(&c->farewell);
    signals_fini(&c->signals);
    client_hub_fini(c->hub);
}

static void on_farewell(struct timer *t) { crowd_finish(t->ctx); }

static void leave(struct crowd *c)
{
    if (c->stopping) return;
    c->stopping = true;
    c->stop_us = c->now_us = clock_mono_us();
    enrol_end(c);
    for (uint32_t i = 0; i < c->count; i++) agent_on_leave(&c->agents[i]);
    timer_once(&c->farewell, FAREWELL_MS);
    timer_once(&c->wake, LINGER_MS);
}

static void on_stop(void *ctx)
{
    struct crowd *c = ctx;
    leave(c);
}

static void on_turn(void *ctx)
{
    struct crowd *c = ctx;
    struct heap_node *top;

    if (c->over) return;
    c->now_us = clock_mono_us();
    on_due(c);
    if (c->stopping && c->live == 0 && (c->welcome == 0 || c->now_us - c->stop_us >= LINGER_MS * 1000)) return crowd_finish(c);
    if (!(top = heap_peek(&c->due))) return;
    if (top->key == c->armed && timer_armed(&c->wake)) return;
    int64_t wait = top->key - (int64_t)(c->now_us / 1000);
    c->armed = top->key;
    timer_once(&c->wake, wait > 0 ? (uint64_t)wait : 0);
}

static void on_wake(struct timer *t) { (void)t; } /* on_turn does it */

static void progress(struct crowd *c)
{
    double rate = (double)(c->resolved - c->told_resolved) * 1e6 / (double)(c->now_us - c->told_us + 1);

    tell_progress("crowd %3.0f s  agents %u/%u  offers %" PRIu64 "  accepted %" PRIu64 "  at work %u  resolved %" PRIu64
                  " (%.0f/s)  declined %" PRIu64 "  withdrawn %" PRIu64 "  expired %" PRIu64 "  refused %" PRIu64
                  "  reconnects %" PRIu64 "  double %" PRIu64 "  offer p50 %.2f p99 %.2f ms",
                  (double)(c->now_us - c->start_us) / 1e6, c->welcome, c->count, c->offers, c->accepted, c->live, c->resolved, rate,
                  c->declined, c->withdrawn, c->expired, c->refused.total, c->reconnects, c->doubles, hist_ms(&c->offer_ms, 0.5),
                  hist_ms(&c->offer_ms, 0.99));
    c->told_resolved = c->resolved;
    c->told_us = c->now_us;
}

static void on_second(struct timer *t)
{
    struct crowd *c = t->ctx;

    c->now_us = clock_mono_us();
    c->tick++;
    for (uint32_t i = 0; i < c->count; i++) agent_on_second(&c->agents[i], i % BEAT_S == c->tick % BEAT_S);
    progress(c);
    bool idle = c->o.until_idle && c->offers && !c->live && c->now_us - c->busy_us >= c->o.until_idle * 1000000;
    if (idle || (c->o.seconds && c->now_us - c->start_us >= c->o.seconds * 1000000)) leave(c);
}

void crowd_open(struct crowd *c)
{
    c->start_us = c->told_us = c->now_us = clock_mono_us();
    for (uint32_t i = 0; i < c->count; i++) client_start(&c->agents[i].ws.net, i / 20); /* not all in one moment */
    timer_every(&c->second, 1000);
}

/* ---- start and end ---- */

static bool name_agent(struct agent *a, struct str name)
{
    char *to = stpcpy(a->path, AGENT_PATH);

    if (name.n == 0 || name.n >= sizeof a->name) return false;
    memcpy(a->name, name.p, name.n);
    for (size_t i = 0; i < name.n; i++) {
        unsigned char ch = (unsigned char)name.p[i];
        bool plain = (ch >= 'a' && ch <= 'z') || (ch >= 'A' && ch <= 'Z') || (ch >= '0' && ch <= '9') || strchr("-._~", ch);
        to += sprintf(to, plain ? "%c" : "%%%02X", ch);
    }
    stpcpy(to, AGENT_STREAM);
    return true;
}

static bool name_all(struct crowd *c)
{
    const char *p = c->o.names;
    char made[256];

    if (p)
        for (c->count = 1; *p; p++) c->count += *p == ',';
    else c->count = (uint32_t)c->o.agents;
    if (c->count == 0) return complain("--agents or --names", "is missing"), false;
    if (c->count > LIM_AGENTS || !(c->agents = calloc(c->count, sizeof *c->agents))) return complain("--names", "too many"), false;
    p = c->o.names;
    for (uint32_t i = 0; i < c->count; i++) {
        struct str name = { p, p ? strcspn(p, ",") : 0 };
        if (p) p += name.n + (p[name.n] == ',');
        else name = (struct str){ made, (size_t)snprintf(made, sizeof made, "%.150s%u", c->o.prefix, i + 1) };
        c->agents[i].crowd = c;
        TAILQ_INIT(&c->agents[i].deals);
        if (!name_agent(&c->agents[i], name)) return complain("an agent's name", "has 1 to 128 bytes"), false;
    }
    return true;
}

static void more_files(void)
{
    struct rlimit r;

    if (getrlimit(RLIMIT_NOFILE, &r)) return;
    r.rlim_cur = r.rlim_max;
    setrlimit(RLIMIT_NOFILE, &r);
}

static bool start(struct crowd *c, uv_loop_t *loop)
{
    TAILQ_INIT(&c->spare);
    map_init(&c->tickets, TICKETS_MAX);
    heap_init(&c->due, DEALS_MAX);
    buf_init(&c->text, 4096);
    client_hub_init(c->hub, loop, on_turn, c);
    if (c->o.seed) rng_seed(&c->hub->rng, c->o.seed);
    timer_init(&c->wake, loop, on_wake, c);
    timer_init(&c->second, loop, on_second, c);
    timer_init(&c->farewell, loop, on_farewell, c);
    for (uint32_t i = 0; i < c->count; i++) agent_init(&c->agents[i]);
    c->enrol.over = !c->o.enrol;
    c->start_us = c->told_us = clock_mono_us();
    if (signals_init(&c->signals, loop, on_stop, NULL, c)) return false;
    if (c->o.enrol) enrol_begin(c);
    else crowd_open(c);
    return true;
}

static void release(struct crowd *c)
{
    struct ticket *t;

    for (size_t i = 0; (t = map_next(&c->tickets, &i));) free(t);
    map_fini(&c->tickets);
    for (uint32_t i = 0; i < c->slots_used; i++) free(c->slots[i]);
    free(c->slots);
    heap_fini(&c->due);
    buf_fini(&c->text);
    buf_fini(&c->enrol.body);
    free(c->agents);
}

static void summary(struct crowd *c)
{
    const struct tell_row table[] = {
        { "agents", c->count },
        { "offers", (double)c->offers },
        { "accepted", (double)c->accepted },
        { "declined", (double)c->declined },
        { "ignored", (double)c->ignored },
        { "replied", (double)c->replied },
        { "parked", (double)c->parked },
        { "resumed", (double)c->resumed },
        { "transferred", (double)c->transferred },
        { "vanished", (double)c->vanished },
        { "withdrawn", (double)c->withdrawn },
        { "expired", (double)c->expired },
        { "resolved", (double)c->resolved },
        { "refused", (double)c->refused.total },
        { "reconnects", (double)c->reconnects },
        { "double", (double)c->doubles },
        { "unfinished", c->live },
        { "offer_ms_p50", hist_ms(&c->offer_ms, 0.5) },
        { "offer_ms_p90", hist_ms(&c->offer_ms, 0.9) },
        { "offer_ms_p99", hist_ms(&c->offer_ms, 0.99) },
        { "offer_ms_max", hist_max_ms(&c->offer_ms) },
        { "accept_ms_p50", hist_ms(&c->accept_ms, 0.5) },
        { "accept_ms_p99", hist_ms(&c->accept_ms, 0.99) },
        { "resolve_ms_p50", hist_ms(&c->resolve_ms, 0.5) },
        { "resolve_ms_p99", hist_ms(&c->resolve_ms, 0.99) },
        { "seconds", (double)(clock_mono_us() - c->start_us) / 1e6 },
        { "cpu_us_per_ticket", c->resolved ? (double)clock_cpu_us() / (double)c->resolved : 0 },
    };

    tell_progress_end();
    tell_summary(table, sizeof table / sizeof *table, &c->refused, c->o.json);
}

int crowd_main(int argc, char **argv)
{
    static struct crowd crowd;
    static struct client_hub hub;
    struct crowd *c = &crowd;
    uv_loop_t loop;

    log_init("crowd");
    if (opt_parse(rows, "naru crowd --agents N [options]", argc, argv, &c->o)) return 2;
    if (target_set(&hub.target, "crowd", c->o.url, c->o.token, c->o.token_file)) return 2;
    c->hub = &hub;
    if (!name_all(c) || !enrol_body(c)) {
        free(c->agents);
        buf_fini(&c->enrol.body);
        return 2;
    }
    more_files();
    if (uv_loop_init(&loop) || !start(c, &loop)) return complain("start", "the loop cannot be made"), 1;
    loop_finish(&loop);
    summary(c);
    int status = c->failed || c->doubles ? 1 : 0;
    release(c);
    return status;
}
