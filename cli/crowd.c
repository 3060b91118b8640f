/* naru crowd: agents who take offers; a load client through the public doors, one WebSocket an agent, as a desktop would hold it.

   What an agent has to do with one ticket is a `deal`: it begins with an offer (or with `assigned`, when the server says on resume
   that a ticket is still ours) and goes
       accepting → thinking → resolving → gone          declining → gone
   It lives in its agent's list, in its ticket's list, and in the `due` heap whenever something is to happen without a word from the
   server: the end of thinking, or an act that is said again because no answer came in 3 s. Acts are idempotent, so they are also
   said again after each reconnect. Each act has a number of its own (`ref`: a counter and the deal's slot), so that the answer to
   an older act of the same deal is known as such and ignored.

   `held` is what the server's own words say: a 200 to accept, or `assigned`, until returned, ended, resolved or refused. While an
   agent is away from the server it knows nothing, so its deals are not held until `assigned` says so again. A ticket that is held
   by two agents of this crowd at once is `double`: what this client exists to find.

   Tickets are remembered after they are resolved, so that each is counted once. Nothing is closed or freed from inside of wslay's
   callbacks: on_text only notes that the agent is to vanish. */
#include "base/clock.h"
#include "base/heap.h"
#include "base/id.h"
#include "base/limits.h"
#include "base/log.h"
#include "base/map.h"
#include "base/openssl.h"
#include "base/opt.h"
#include "cli/cli.h"
#include "cli/client.h"
#include "cli/hist.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <wslay/wslay.h>

#define TOKEN_MAX        48u
#define SLOT_BITS        20u
#define DEALS_MAX        (UINT32_C(1) << SLOT_BITS)
#define TICKETS_MAX      (UINT32_C(1) << 22)
#define REMEMBER_MAX     (UINT32_C(1) << 20) /* beyond it, resolved tickets are forgotten */
#define REPEAT_MS        3000u               /* an act without an answer */
#define BEAT_S           10u
#define FAREWELL_MS      5000u
#define LINGER_MS        200u /* late offers are still declined */
#define REGISTER_MS      30000u
#define REGISTER_AT_ONCE 100u
#define SUSPECT_US       1000000u

struct crowd_opts {
    const char *names, *prefix, *skills, *url, *token, *token_file;
    uint64_t agents, capacity, think, seconds, until_idle;
    double decline, vanish;
    bool enrol, json;
};

static const struct opt rows[] = {
    { "agents", OPT_U64, offsetof(struct crowd_opts, agents), NULL, 1, LIM_AGENTS, "N", "how many agents" },
    { "names", OPT_STR, offsetof(struct crowd_opts, names), NULL, 0, 0, "a,b,c", "these agents, instead of --agents" },
    { "prefix", OPT_STR, offsetof(struct crowd_opts, prefix), "agent-", 0, 0, "WORD", "names of --agents: WORD1, WORD2 and so on" },
    { "skills", OPT_STR, offsetof(struct crowd_opts, skills), "", 0, 0, "LIST", "with --register: like billing:5,lang:ko:10" },
    { "capacity", OPT_U64, offsetof(struct crowd_opts, capacity), "100", 0, 1e6, "UNITS", "with --register: units of each" },
    { "register", OPT_FLAG, offsetof(struct crowd_opts, enrol), NULL, 0, 0, NULL, "make the agents first" },
    { "think", OPT_U64, offsetof(struct crowd_opts, think), "0", 0, 1e9, "MS",
      "mean time from accept to resolve (exponential; 0: at once)" },
    { "decline", OPT_F64, offsetof(struct crowd_opts, decline), NULL, 0, 1, "P", "probability that an offer is declined" },
    { "vanish", OPT_F64, offsetof(struct crowd_opts, vanish), NULL, 0, 1, "P",
      "probability that an offer makes an agent drop its connection for 2 to 6 s" },
    { "url", OPT_STR, offsetof(struct crowd_opts, url), "http://127.0.0.1:8080", 0, 0, "URL", "where Naru is" },
    { "token", OPT_STR, offsetof(struct crowd_opts, token), NULL, 0, 0, "TOKEN",
      "access token; an operator's may speak for any agent" },
    { "token-file", OPT_STR, offsetof(struct crowd_opts, token_file), NULL, 0, 0, "FILE",
      "file with the access token (default: operator.token in the data folder)" },
    { "seconds", OPT_U64, offsetof(struct crowd_opts, seconds), "0", 0, 1e9, "S", "end after so long (0: by signal)" },
    { "until-idle", OPT_U64, offsetof(struct crowd_opts, until_idle), "0", 0, 1e9, "S",
      "end when, after a first offer, nothing was offered or held for so long (0: never)" },
    { "json", OPT_FLAG, offsetof(struct crowd_opts, json), NULL, 0, 0, NULL, "the summary as one JSON object" },
    { NULL, OPT_STR, 0, NULL, 0, 0, NULL, NULL },
};

enum deal_state { DEAL_FREE, DEAL_ACCEPTING, DEAL_THINKING, DEAL_RESOLVING, DEAL_DECLINING };
static const char *const act_words[] = { [DEAL_ACCEPTING] = "accept", [DEAL_RESOLVING] = "resolve", [DEAL_DECLINING] = "decline" };

struct ticket {
    struct id id; /* its key in the map */
    bool resolved;
    TAILQ_HEAD(, deal) deals;
};
struct deal {
    enum deal_state state;
    bool held, withdrawn; /* withdrawn: while accepting; the result decides */
    uint32_t slot;
    uint64_t act;          /* number of the act under way, over all deals */
    uint64_t asked_us;     /* when that act was first said */
    uint64_t suspected_us; /* another agent was told that it holds the ticket while we did */
    struct agent *agent;
    struct ticket *ticket;
    struct heap_node due; /* ms */
    TAILQ_ENTRY(deal) of_agent, of_ticket;
    char token[TOKEN_MAX];
};
enum link_state { LINK_DOWN, LINK_SHAKING, LINK_OPEN, LINK_WELCOME };
struct agent {
    struct crowd *crowd;
    struct client net;
    enum link_state link;
    struct client_answers *head; /* while shaking hands */
    bool shaken, vanishing, available, was_welcome, registered;
    char accept[32]; /* the Sec-WebSocket-Accept to come */
    wslay_event_context_ptr ev;
    const char *in; /* input of the present feed */
    size_t in_n;
    uint64_t said_us; /* presence, last */
    TAILQ_HEAD(, deal) deals;
    char name[129], path[3 * 129];
};
struct enrolment { /* PUT of every agent, before the first one connects */
    struct client net;
    struct client_answers answers;
    struct buf body;
    uint32_t asked[REGISTER_AT_ONCE], first, under_way; /* a ring: agents in the order of the answers to come */
    uint32_t cursor, done;
    struct timer again, deadline;
    bool over;
};
struct crowd {
    struct crowd_opts o;
    struct client_hub *hub;
    struct agent *agents;
    uint32_t count, welcome;
    struct enrolment enrol;
    struct map tickets;
    struct deal **slots;
    uint32_t slots_used, slots_room;
    TAILQ_HEAD(, deal) spare;
    uint32_t live; /* deals */
    uint64_t acts;
    struct heap due;
    int64_t armed;
    struct timer wake, second, farewell;
    struct signals signals;
    uint64_t now_us, tick, start_us, busy_us, stop_us, told_resolved, told_us;
    bool stopping, over, failed, warned;
    struct buf text;
    struct hist offer_ms, accept_ms, resolve_ms;
    struct client_tally refused;
    uint64_t offers, accepted, declined, vanished, withdrawn, expired, resolved, reconnects, doubles;
};

static int complain(const char *what, const char *why)
{
    fprintf(stderr, "naru crowd: %s: %s\n", what, why);
    return 2;
}

static bool chance(struct crowd *c, double p) { return p > 0 && rng_f64(&c->hub->rng) < p; }

/* ---- tickets and deals ---- */

static struct str ticket_key(const struct ticket *t) { return (struct str){ (const char *)t->id.b, sizeof t->id.b }; }

static struct ticket *ticket_get(struct crowd *c, const struct id *id)
{
    return map_get(&c->tickets, (struct str){ (const char *)id->b, sizeof id->b });
}

static struct ticket *ticket_make(struct crowd *c, const struct id *id)
{
    struct ticket *t = ticket_get(c, id);

    if (t || !(t = malloc(sizeof *t))) return t;
    *t = (struct ticket){ .id = *id };
    TAILQ_INIT(&t->deals);
    if (!map_put(&c->tickets, ticket_key(t), t)) return t;
    free(t);
    return NULL;
}

static struct deal *deal_of(const struct agent *a, const struct ticket *t)
{
    struct deal *d = NULL;

    if (t)
        TAILQ_FOREACH (d, &t->deals, of_ticket)
            if (d->agent == a) break;
    return d;
}

/* A deal's memory keeps its slot for good. */
static struct deal *slot_new(struct crowd *c)
{
    struct deal *d = TAILQ_FIRST(&c->spare);

    if (d) {
        TAILQ_REMOVE(&c->spare, d, of_agent);
        return d;
    }
    if (c->slots_used == c->slots_room) {
        uint32_t room = c->slots_room ? c->slots_room * 2 : 1024;
        struct deal **more = room <= DEALS_MAX ? realloc(c->slots, room * sizeof(struct deal *)) : NULL;
        if (!more) return NULL;
        c->slots = more;
        c->slots_room = room;
    }
    if (!(d = calloc(1, sizeof *d))) return NULL;
    d->slot = c->slots_used;
    c->slots[c->slots_used++] = d;
    return d;
}

static struct deal *deal_new(struct agent *a, struct ticket *t)
{
    struct deal *d = slot_new(a->crowd);

    if (!d) return NULL;
    *d = (struct deal){ .slot = d->slot, .agent = a, .ticket = t };
    TAILQ_INSERT_TAIL(&a->deals, d, of_agent);
    TAILQ_INSERT_TAIL(&t->deals, d, of_ticket);
    a->crowd->live++;
    return d;
}

static void deal_free(struct deal *d)
{
    struct crowd *c = d->agent->crowd;
    struct ticket *t = d->ticket;

    if (heap_has(&d->due)) heap_remove(&c->due, &d->due);
    TAILQ_REMOVE(&d->agent->deals, d, of_agent);
    TAILQ_REMOVE(&t->deals, d, of_ticket);
    d->state = DEAL_FREE;
    TAILQ_INSERT_HEAD(&c->spare, d, of_agent);
    c->live--;
    c->busy_us = c->now_us;
    if (t->resolved && TAILQ_EMPTY(&t->deals) && c->tickets.count > REMEMBER_MAX) {
        map_del(&c->tickets, ticket_key(t));
        free(t);
    }
}

static void deal_due(struct deal *d, uint64_t after_ms)
{
    struct crowd *c = d->agent->crowd;
    int64_t key = (int64_t)(c->now_us / 1000 + after_ms);

    if (heap_has(&d->due)) heap_rekey(&c->due, &d->due, key);
    else {
        d->due.key = key;
        d->due.tie = d->act;
        (void)heap_push(&c->due, &d->due); /* without memory the next reconnect says it again */
    }
}

/* The server says that the deal's agent holds its ticket. */
static void hold(struct deal *d)
{
    struct crowd *c = d->agent->crowd;
    struct deal *o;

    d->held = true;
    d->withdrawn = false;
    TAILQ_FOREACH (o, &d->ticket->deals, of_ticket) {
        char text[ID_TEXT + 1];
        if (o == d || !o->held) continue;
        c->doubles++;
        o->suspected_us = c->now_us;
        client_progress_end();
        log_error("ticket=%s agent=%s other=%s is held twice", id_text(&d->ticket->id, text), d->agent->name, o->agent->name);
    }
}

/* ---- words out ---- */

static void say(struct agent *a, struct str text)
{
    struct wslay_event_msg m = { .opcode = WSLAY_TEXT_FRAME, .msg = (const uint8_t *)text.p, .msg_length = text.n };

    if (a->link < LINK_OPEN || a->vanishing) return;
    if (!wslay_event_queue_msg(a->ev, &m)) wslay_event_send(a->ev);
}

static void say_presence(struct agent *a, bool available)
{
    a->said_us = a->crowd->now_us;
    say(a, available ? STR("{\"type\":\"presence\",\"presence\":\"available\"}")
                     : STR("{\"type\":\"presence\",\"presence\":\"away\",\"reason\":\"leaving\"}"));
}

static void say_act(struct deal *d)
{
    struct crowd *c = d->agent->crowd;
    char id[ID_TEXT + 1];

    deal_due(d, REPEAT_MS);
    if (d->agent->link != LINK_WELCOME) return; /* said after the welcome */
    buf_clear(&c->text);
    buf_addz(&c->text, "{\"type\":\"");
    buf_addz(&c->text, act_words[d->state]);
    buf_addz(&c->text, "\",\"ticket\":\"");
    buf_add(&c->text, id_text(&d->ticket->id, id), ID_TEXT);
    buf_addz(&c->text, "\",\"token\":\"");
    buf_addz(&c->text, d->token);
    if (d->state == DEAL_DECLINING) buf_addz(&c->text, "\",\"reason\":\"busy");
    buf_addz(&c->text, "\",\"ref\":");
    buf_addu(&c->text, d->act << SLOT_BITS | d->slot);
    buf_addc(&c->text, '}');
    if (!c->text.err) say(d->agent, buf_str(&c->text));
}

static void act(struct deal *d, enum deal_state state)
{
    struct crowd *c = d->agent->crowd;

    d->state = state;
    d->act = ++c->acts & ((UINT64_C(1) << 32) - 1); /* with the slot it stays below 2^53, JSON's whole numbers */
    d->asked_us = c->now_us;
    say_act(d);
}

static void think(struct deal *d)
{
    struct crowd *c = d->agent->crowd;

    d->state = DEAL_THINKING;
    if (c->o.think == 0 || c->stopping) act(d, DEAL_RESOLVING);
    else deal_due(d, (uint64_t)(-log(1.0 - rng_f64(&c->hub->rng)) * (double)c->o.think));
}

/* ---- words in ---- */

enum { F_TYPE, F_TICKET, F_TOKEN, F_REF, F_STATUS, F_MESSAGES, F_CAUSE, F_PROBLEM, F_PRESENCE, F_COUNT };
struct word {
    struct client_field f[F_COUNT];
    struct id id; /* of `ticket`, when there is one */
    bool has_id;
};

static struct str field(const struct word *w, unsigned i) { return w->f[i].value; }

static bool set_token(struct deal *d, const struct word *w)
{
    struct str token = field(w, F_TOKEN);
    bool same = str_is(token, d->token);

    if (token.n == 0 || token.n >= sizeof d->token || same) return false;
    memcpy(d->token, token.p, token.n);
    d->token[token.n] = '\0';
    return true;
}

/* From the moment the last message came in until now. The server's moment is cut to the millisecond, so this is at most one too
 * long. */
static void measure_offer(struct crowd *c, const struct word *w)
{
    struct client_field at = { STR("at"), STR_NONE };
    uint64_t then;
    struct timespec now;

    struct str last = client_scan_last(field(w, F_MESSAGES));
    if (!last.n || client_scan(last, &at, 1) || clock_parse(at.value.p, at.value.n, &then)) return;
    clock_gettime(CLOCK_REALTIME, &now);
    uint64_t us = (uint64_t)now.tv_sec * 1000000 + (uint64_t)now.tv_nsec / 1000;
    hist_add(&c->offer_ms, us > then * 1000 ? us - then * 1000 : 0);
}

static void on_offer(struct agent *a, const struct word *w)
{
    struct crowd *c = a->crowd;
    struct ticket *t = w->has_id ? ticket_make(c, &w->id) : NULL;
    struct deal *d = deal_of(a, t);

    if (!t) return client_tally_add(&c->refused, STR("offer-not-understood"));
    if (d && d->state != DEAL_THINKING && str_is(field(w, F_TOKEN), d->token)) return; /* told again after a drop */
    c->offers++;
    c->busy_us = c->now_us;
    measure_offer(c, w);
    if (!c->stopping && chance(c, c->o.vanish)) {
        c->vanished++;
        a->vanishing = true;
        return;
    }
    if (!d && !(d = deal_new(a, t))) return client_tally_add(&c->refused, STR("too-many-deals"));
    set_token(d, w);
    d->held = d->withdrawn = false;
    if (c->stopping || chance(c, c->o.decline)) {
        c->declined++;
        act(d, DEAL_DECLINING);
    } else act(d, DEAL_ACCEPTING);
}

static void done(struct deal *d)
{
    struct crowd *c = d->agent->crowd;

    hist_add(&c->resolve_ms, c->now_us - d->asked_us);
    if (!d->ticket->resolved) c->resolved++;
    d->ticket->resolved = true;
    deal_free(d);
}

static void got_it(struct deal *d)
{
    struct crowd *c = d->agent->crowd;

    c->accepted++;
    hist_add(&c->accept_ms, c->now_us - d->asked_us);
    hold(d);
    think(d);
}

static void refused(struct deal *d, const struct word *w)
{
    struct str problem = field(w, F_PROBLEM);

    for (size_t i = problem.n; i > 0; i--) /* a URL's last word names it */
        if (problem.p[i - 1] == '/') {
            problem = (struct str){ problem.p + i, problem.n - i };
            break;
        }
    if (!d->withdrawn) client_tally_add(&d->agent->crowd->refused, problem.n ? problem : field(w, F_STATUS));
    deal_free(d);
}

static void on_result(struct agent *a, const struct word *w)
{
    struct crowd *c = a->crowd;
    uint64_t ref, status;

    if (str_u64(field(w, F_REF), 0, UINT64_MAX, &ref) || str_u64(field(w, F_STATUS), 0, 999, &status)) return; /* of presence */
    uint64_t slot = ref & (DEALS_MAX - 1);
    struct deal *d = slot < c->slots_used ? c->slots[slot] : NULL;
    if (!d || d->state == DEAL_FREE || d->state == DEAL_THINKING || d->agent != a || d->act != ref >> SLOT_BITS)
        return; /* of an older act */
    if (status == 503 || status == 429) return deal_due(d, 200 + rng_below(&c->hub->rng, 800));
    if (status != 200) return refused(d, w);
    set_token(d, w);
    if (d->state == DEAL_ACCEPTING) got_it(d);
    else if (d->state == DEAL_RESOLVING) done(d);
    else deal_free(d);
}

static void on_assigned(struct agent *a, const struct word *w)
{
    struct ticket *t = w->has_id ? ticket_make(a->crowd, &w->id) : NULL;
    struct deal *d = deal_of(a, t);
    bool fresh = !d;

    if (!t || (!d && !(d = deal_new(a, t)))) return;
    bool changed = set_token(d, w);
    if (d->state == DEAL_ACCEPTING) return got_it(d); /* its result was lost on the way */
    hold(d);
    if (fresh || d->state == DEAL_DECLINING) think(d);
    else if (d->state == DEAL_RESOLVING && changed) act(d, DEAL_RESOLVING);
}

static void on_withdrawn(struct agent *a, const struct word *w)
{
    struct deal *d = w->has_id ? deal_of(a, ticket_get(a->crowd, &w->id)) : NULL;

    if (d && (d->state != DEAL_ACCEPTING || d->withdrawn)) return;
    if (d) d->withdrawn = true; /* an accept on its way gets its answer still */
    if (str_is(field(w, F_CAUSE), "expired")) a->crowd->expired++;
    else a->crowd->withdrawn++;
}

static struct deal *gone(struct agent *a, const struct word *w)
{
    struct deal *d = w->has_id ? deal_of(a, ticket_get(a->crowd, &w->id)) : NULL;

    if (d) d->held = false;
    return d;
}

/* An act under way still gets its answer. */
static void on_ended(struct agent *a, const struct word *w)
{
    struct deal *d = gone(a, w);

    if (d && d->state == DEAL_THINKING) deal_free(d);
}

static void on_returned(struct agent *a, const struct word *w)
{
    struct crowd *c = a->crowd;
    struct deal *d = gone(a, w);

    if (!d) return;
    if (d->suspected_us && c->now_us - d->suspected_us < SUSPECT_US) c->doubles--; /* it was not ours any more; word came late */
    d->suspected_us = 0;
    if (d->state == DEAL_THINKING) deal_free(d);
}

static void on_presence(struct agent *a, const struct word *w)
{
    struct crowd *c = a->crowd;

    a->available = str_is(field(w, F_PRESENCE), "available");
    if (!a->available && !c->stopping && c->now_us - a->said_us > 200000) say_presence(a, true); /* else with the next second */
}

static void on_welcome(struct agent *a, const struct word *w)
{
    struct crowd *c = a->crowd;
    struct deal *d;

    (void)w;
    if (a->link == LINK_OPEN) {
        c->welcome++;
        c->reconnects += a->was_welcome;
    }
    a->link = LINK_WELCOME;
    a->was_welcome = true;
    a->available = false;
    client_proven(&a->net);
    say_presence(a, !c->stopping);
    TAILQ_FOREACH (d, &a->deals, of_agent)
        if (d->state != DEAL_THINKING) say_act(d);
}

static void on_other(struct agent *a, const struct word *w) { (void)a, (void)w; }

static const struct {
    const char *type;
    void (*fn)(struct agent *a, const struct word *w);
} words[] = {
    { "offer", on_offer },   { "result", on_result },     { "withdrawn", on_withdrawn }, { "assigned", on_assigned },
    { "ended", on_ended },   { "returned", on_returned }, { "welcome", on_welcome },     { "presence", on_presence },
    { "message", on_other }, { "changed", on_other },
};

static void on_text(struct agent *a, struct str text)
{
    struct word w = { .f = { [F_TYPE] = { STR("type"), STR_NONE },
                             [F_TICKET] = { STR("ticket"), STR_NONE },
                             [F_TOKEN] = { STR("token"), STR_NONE },
                             [F_REF] = { STR("ref"), STR_NONE },
                             [F_STATUS] = { STR("status"), STR_NONE },
                             [F_MESSAGES] = { STR("messages"), STR_NONE },
                             [F_CAUSE] = { STR("cause"), STR_NONE },
                             [F_PROBLEM] = { STR("problem"), STR_NONE },
                             [F_PRESENCE] = { STR("presence"), STR_NONE } } };

    if (client_scan(text, w.f, F_COUNT)) return client_tally_add(&a->crowd->refused, STR("not-json"));
    w.has_id = field(&w, F_TICKET).n && !id_parse(field(&w, F_TICKET), &w.id);
    for (size_t i = 0; i < sizeof words / sizeof *words; i++)
        if (str_is(field(&w, F_TYPE), words[i].type)) return words[i].fn(a, &w);
    client_tally_add(&a->crowd->refused, STR("unknown-word"));
}

/* ---- the socket ---- */

static ssize_t on_recv(wslay_event_context_ptr ev, uint8_t *to, size_t n, int flags, void *ctx)
{
    struct agent *a = ctx;

    (void)flags;
    if (a->in_n == 0) {
        wslay_event_set_error(ev, WSLAY_ERR_WOULDBLOCK);
        return -1;
    }
    if (n > a->in_n) n = a->in_n;
    memcpy(to, a->in, n);
    a->in += n;
    a->in_n -= n;
    return (ssize_t)n;
}

static ssize_t on_send(wslay_event_context_ptr ev, const uint8_t *p, size_t n, int flags, void *ctx)
{
    struct agent *a = ctx;

    (void)ev, (void)flags;
    buf_add(client_out(&a->net), p, n);
    return (ssize_t)n; /* a full buffer is noticed at the end of the turn */
}

static int on_mask(wslay_event_context_ptr ev, uint8_t *to, size_t n, void *ctx)
{
    struct agent *a = ctx;

    (void)ev;
    for (uint64_t r; n; to += n > 8 ? 8 : n, n -= n > 8 ? 8 : n) {
        r = rng_u64(&a->crowd->hub->rng);
        memcpy(to, &r, n > 8 ? 8 : n);
    }
    return 0;
}

static void on_message(wslay_event_context_ptr ev, const struct wslay_event_on_msg_recv_arg *m, void *ctx)
{
    struct agent *a = ctx;

    (void)ev;
    if (m->opcode == WSLAY_TEXT_FRAME && !a->vanishing) on_text(a, (struct str){ (const char *)m->msg, m->msg_length });
}

static void feed(struct agent *a, const char *p, size_t n)
{
    struct crowd *c = a->crowd;

    a->in = p;
    a->in_n = n;
    bool broken = wslay_event_recv(a->ev) != 0 || !wslay_event_get_read_enabled(a->ev);
    if (a->vanishing) return client_drop(&a->net, 2000 + rng_below(&c->hub->rng, 4000));
    if (wslay_event_want_write(a->ev)) wslay_event_send(a->ev); /* pongs, and the answer to a close */
    if (!broken) return;
    client_flush(&a->net);
    if (a->net.up) client_drop(&a->net, 0);
}

/* Sec-WebSocket-Accept for our key (RFC 6455, 4.2.2). */
static void expect_accept(const char key[24], char out[32])
{
    static const char guid[] = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";
    char both[24 + sizeof guid];
    unsigned char sum[SHA_DIGEST_LENGTH];

    memcpy(both, key, 24);
    memcpy(both + 24, guid, sizeof guid);
    SHA1((unsigned char *)both, 24 + sizeof guid - 1, sum);
    EVP_EncodeBlock((unsigned char *)out, sum, sizeof sum);
}

static bool on_head(void *ctx, const struct client_answer *h)
{
    struct agent *a = ctx;
    struct crowd *c = a->crowd;
    char name[40];

    a->shaken = h->status == 101 && str_is(h->accept, a->accept);
    if (a->shaken) return true;
    snprintf(name, sizeof name, "handshake-%u", h->status);
    if (h->status != 503) client_tally_add(&c->refused, str_of(name));
    if (h->status != 503 && !c->warned) {
        c->warned = true;
        client_progress_end();
        log_warn("agent=%s status=%u the stream is refused; trying again: %.*s", a->name, h->status, STR_FMT(h->body));
    }
    return true;
}

static void on_up(void *ctx)
{
    struct agent *a = ctx;
    const struct client_target *target = &a->crowd->hub->target;
    uint64_t bits[2] = { rng_u64(&a->crowd->hub->rng), rng_u64(&a->crowd->hub->rng) };
    char key[32];

    a->link = LINK_SHAKING;
    a->shaken = a->vanishing = false;
    if (!(a->head = malloc(sizeof *a->head))) return client_drop(&a->net, 1000);
    client_answers_init(a->head, on_head, a);
    EVP_EncodeBlock((unsigned char *)key, (unsigned char *)bits, sizeof bits);
    expect_accept(key, a->accept);
    buf_addf(
        client_out(&a->net),
        "GET /v1/agents/%s/stream HTTP/1.1\r\nHost: %s\r\nAuthorization: Bearer %s\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: %s\r\n\r\n",
        a->path, target->authority, target->token, key);
}

static void shake(struct agent *a, const char *p, size_t n)
{
    static const struct wslay_event_callbacks callbacks = {
        .recv_callback = on_recv, .send_callback = on_send, .genmask_callback = on_mask, .on_msg_recv_callback = on_message
    };
    size_t used;
    enum err e = client_answers_feed(a->head, p, n, &used);

    if (!e && !a->shaken && a->head->parser.upgrade) e = ERR_PROTO; /* a wrong Sec-WebSocket-Accept */
    if (e || (a->shaken && wslay_event_context_client_init(&a->ev, &callbacks, a))) return client_drop(&a->net, 0);
    if (!a->shaken) return;
    wslay_event_config_set_max_recv_msg_length(a->ev, LIM_ZMQ_MESSAGE);
    free(a->head);
    a->head = NULL;
    a->link = LINK_OPEN;
    if (used < n) feed(a, p + used, n - used);
}

static void on_bytes(void *ctx, const char *p, size_t n)
{
    struct agent *a = ctx;

    a->crowd->now_us = clock_mono_us();
    if (a->link == LINK_SHAKING) shake(a, p, n);
    else feed(a, p, n);
}

static void on_down(void *ctx)
{
    struct agent *a = ctx;
    struct deal *d;

    if (a->link == LINK_WELCOME) a->crowd->welcome--;
    a->link = LINK_DOWN;
    a->available = false;
    free(a->head);
    a->head = NULL;
    if (a->ev) wslay_event_context_free(a->ev);
    a->ev = NULL;
    TAILQ_FOREACH (d, &a->deals, of_agent) d->held = false; /* until `assigned` says so again */
}

static const struct client_cfg agent_cfg = {
    .out_cap = 1 << 22, .back_off_min = 50, .back_off_max = 1000, .on_up = on_up, .on_bytes = on_bytes, .on_down = on_down
};

/* ---- time ---- */

static void on_due(struct crowd *c)
{
    struct heap_node *top;

    while ((top = heap_peek(&c->due)) && top->key <= (int64_t)(c->now_us / 1000)) {
        struct deal *d = container_of(top, struct deal, due);
        if (d->state == DEAL_THINKING) act(d, DEAL_RESOLVING);
        else say_act(d);
    }
}

static void finish(struct crowd *c)
{
    if (c->over) return;
    c->over = true;
    for (uint32_t i = 0; i < c->count; i++) {
        struct agent *a = &c->agents[i];
        if (a->link >= LINK_OPEN) {
            wslay_event_queue_close(a->ev, WSLAY_CODE_NORMAL_CLOSURE, NULL, 0);
            wslay_event_send(a->ev);
            client_flush(&a->net);
        }
        client_stop(&a->net);
        client_fini(&a->net);
    }
    timer_fini(&c->wake);
    timer_fini(&c->second);
    timer_fini(&c->farewell);
    signals_fini(&c->signals);
    client_hub_fini(c->hub);
}

static void enrol_end(struct crowd *c)
{
    struct enrolment *e = &c->enrol;

    if (e->over) return;
    e->over = true;
    client_stop(&e->net);
    client_fini(&e->net);
    timer_fini(&e->again);
    timer_fini(&e->deadline);
}

static void on_farewell(struct timer *t) { finish(t->ctx); }

static void leave(struct crowd *c)
{
    if (c->stopping) return;
    c->stopping = true;
    c->stop_us = c->now_us = clock_mono_us();
    enrol_end(c);
    for (uint32_t i = 0; i < c->count; i++) {
        struct agent *a = &c->agents[i];
        struct deal *d;
        if (a->link == LINK_WELCOME) say_presence(a, false);
        TAILQ_FOREACH (d, &a->deals, of_agent)
            if (d->state == DEAL_THINKING) act(d, DEAL_RESOLVING);
    }
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
    if (c->stopping && c->live == 0 && (c->welcome == 0 || c->now_us - c->stop_us >= LINGER_MS * 1000)) return finish(c);
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

    client_progress("crowd %3.0f s  agents %u/%u  offers %" PRIu64 "  accepted %" PRIu64 "  at work %u  resolved %" PRIu64
                    " (%.0f/s)  declined %" PRIu64 "  withdrawn %" PRIu64 "  expired %" PRIu64 "  refused %" PRIu64
                    "  reconnects %" PRIu64 "  double %" PRIu64 "  offer p50 %.2f p99 %.2f ms",
                    (double)(c->now_us - c->start_us) / 1e6, c->welcome, c->count, c->offers, c->accepted, c->live, c->resolved,
                    rate, c->declined, c->withdrawn, c->expired, c->refused.total, c->reconnects, c->doubles,
                    hist_ms(&c->offer_ms, 0.5), hist_ms(&c->offer_ms, 0.99));
    c->told_resolved = c->resolved;
    c->told_us = c->now_us;
}

static void on_second(struct timer *t)
{
    struct crowd *c = t->ctx;

    c->now_us = clock_mono_us();
    c->tick++;
    for (uint32_t i = 0; i < c->count; i++) {
        struct agent *a = &c->agents[i];
        if (a->link != LINK_WELCOME) continue;
        if (!a->available && !c->stopping && c->now_us - a->said_us >= 900000) say_presence(a, true);
        else if (i % BEAT_S == c->tick % BEAT_S) say(a, STR("{\"type\":\"heartbeat\"}"));
    }
    progress(c);
    bool idle = c->o.until_idle && c->offers && !c->live && c->now_us - c->busy_us >= c->o.until_idle * 1000000;
    if (idle || (c->o.seconds && c->now_us - c->start_us >= c->o.seconds * 1000000)) leave(c);
}

static void open_all(struct crowd *c)
{
    c->start_us = c->told_us = c->now_us = clock_mono_us();
    for (uint32_t i = 0; i < c->count; i++) client_start(&c->agents[i].net, i / 20); /* not all in one moment */
    timer_every(&c->second, 1000);
}

/* ---- making the agents ---- */

/* Passes over those who are not made yet, until none is left: 503 and a lost connection leave an agent for the next pass. */
static void enrol_more(struct crowd *c)
{
    struct enrolment *e = &c->enrol;
    const struct client_target *target = &c->hub->target;

    for (; e->net.up && e->cursor < c->count && e->under_way < REGISTER_AT_ONCE; e->cursor++) {
        if (c->agents[e->cursor].registered) continue;
        e->asked[(e->first + e->under_way++) % REGISTER_AT_ONCE] = e->cursor;
        buf_addf(client_out(&e->net),
                 "PUT /v1/agents/%s HTTP/1.1\r\nHost: %s\r\nAuthorization: Bearer %s\r\nContent-Type: "
                 "application/json\r\nContent-Length: "
                 "%zu\r\n\r\n%.*s",
                 c->agents[e->cursor].path, target->authority, target->token, e->body.n, STR_FMT(buf_str(&e->body)));
    }
    if (e->done < c->count && e->cursor == c->count && e->under_way == 0 && !timer_armed(&e->again)) timer_once(&e->again, 300);
}

static bool on_enrolled(void *ctx, const struct client_answer *h)
{
    struct crowd *c = ctx;
    struct enrolment *e = &c->enrol;

    if (e->under_way == 0) return false;
    struct agent *a = &c->agents[e->asked[e->first]];
    e->first = (e->first + 1) % REGISTER_AT_ONCE;
    e->under_way--;
    if (h->status >= 200 && h->status < 300) {
        a->registered = true;
        e->done++;
    } else if (h->status != 503 && h->status != 429 && !c->failed) {
        c->failed = true;
        fprintf(stderr, "naru crowd: agent %s is refused with %u: %.*s\n", a->name, h->status, STR_FMT(h->body));
    }
    return true;
}

static void on_enrol_up(void *ctx)
{
    struct crowd *c = ctx;

    client_answers_init(&c->enrol.answers, on_enrolled, c);
    c->enrol.cursor = c->enrol.under_way = 0;
    enrol_more(c);
}

static void on_enrol_bytes(void *ctx, const char *p, size_t n)
{
    struct crowd *c = ctx;
    struct enrolment *e = &c->enrol;
    size_t used;
    enum err err = client_answers_feed(&e->answers, p, n, &used);

    client_proven(&e->net);
    if (c->failed) {
        enrol_end(c);
        finish(c);
    } else if (e->done == c->count) {
        enrol_end(c);
        open_all(c);
    } else if (err) client_drop(&e->net, 0);
    else enrol_more(c);
}

static void on_enrol_down(void *ctx) { (void)ctx; }

static const struct client_cfg enrol_cfg = { .out_cap = 1 << 24,
                                             .back_off_min = 50,
                                             .back_off_max = 1000,
                                             .on_up = on_enrol_up,
                                             .on_bytes = on_enrol_bytes,
                                             .on_down = on_enrol_down };

static void on_enrol_again(struct timer *t)
{
    struct crowd *c = t->ctx;

    c->enrol.cursor = 0;
    enrol_more(c);
}

static void on_enrol_late(struct timer *t)
{
    struct crowd *c = t->ctx;

    fprintf(stderr, "naru crowd: only %u of %u agents could be made in %u s; is Naru up at %s?\n", c->enrol.done, c->count,
            REGISTER_MS / 1000, c->o.url);
    c->failed = true;
    enrol_end(c);
    finish(c);
}

/* "billing:5,lang:ko:10" → {"billing":5,"lang:ko":10} */
static bool write_skills(struct buf *out, const char *list)
{
    buf_addc(out, '{');
    for (const char *p = list; *p;) {
        struct str item = { p, strcspn(p, ",") };
        const char *colon = memrchr(item.p, ':', item.n);
        uint64_t level;
        if (!colon || colon == item.p || str_u64((struct str){ colon + 1, item.n - (size_t)(colon + 1 - item.p) }, 1, 10, &level))
            return false;
        buf_addz(out, p == list ? "\"" : ",\"");
        client_escape(out, (struct str){ item.p, (size_t)(colon - item.p) });
        buf_addf(out, "\":%" PRIu64, level);
        p += item.n;
        if (*p) p++;
    }
    buf_addc(out, '}');
    return true;
}

static bool write_body(struct crowd *c)
{
    struct buf *b = &c->enrol.body;

    buf_init(b, 65536);
    buf_addz(b, "{\"skills\":");
    if (!write_skills(b, c->o.skills))
        return complain("--skills", "is to look like billing:5,lang:ko:10 with levels 1 to 10"), false;
    buf_addf(b, ",\"capacity\":%" PRIu64 "}", c->o.capacity);
    return !b->err;
}

static void enrol_begin(struct crowd *c)
{
    struct enrolment *e = &c->enrol;

    timer_init(&e->again, c->hub->loop, on_enrol_again, c);
    timer_init(&e->deadline, c->hub->loop, on_enrol_late, c);
    client_init(&e->net, c->hub, &enrol_cfg, c);
    client_start(&e->net, 0);
    timer_once(&e->deadline, REGISTER_MS);
}

/* ---- start and end ---- */

static bool name_agent(struct agent *a, struct str name)
{
    char *to = a->path;

    if (name.n == 0 || name.n >= sizeof a->name) return false;
    memcpy(a->name, name.p, name.n);
    for (size_t i = 0; i < name.n; i++) {
        unsigned char ch = (unsigned char)name.p[i];
        bool plain = (ch >= 'a' && ch <= 'z') || (ch >= 'A' && ch <= 'Z') || (ch >= '0' && ch <= '9') || strchr("-._~", ch);
        to += sprintf(to, plain ? "%c" : "%%%02X", ch);
    }
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
    timer_init(&c->wake, loop, on_wake, c);
    timer_init(&c->second, loop, on_second, c);
    timer_init(&c->farewell, loop, on_farewell, c);
    for (uint32_t i = 0; i < c->count; i++) client_init(&c->agents[i].net, c->hub, &agent_cfg, &c->agents[i]);
    c->enrol.over = !c->o.enrol;
    c->start_us = c->told_us = clock_mono_us();
    if (signals_init(&c->signals, loop, on_stop, NULL, c)) return false;
    if (c->o.enrol) enrol_begin(c);
    else open_all(c);
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
    const struct client_row table[] = {
        { "agents", c->count },
        { "offers", (double)c->offers },
        { "accepted", (double)c->accepted },
        { "declined", (double)c->declined },
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

    client_progress_end();
    client_summary(table, sizeof table / sizeof *table, &c->refused, c->o.json);
}

int crowd_main(int argc, char **argv)
{
    static struct crowd crowd;
    static struct client_hub hub;
    struct crowd *c = &crowd;
    uv_loop_t loop;

    log_init("crowd");
    if (opt_parse(rows, "naru crowd --agents N [options]", argc, argv, &c->o)) return 2;
    if (client_target_set(&hub.target, "crowd", c->o.url, c->o.token, c->o.token_file)) return 2;
    c->hub = &hub;
    if (!name_all(c) || !write_body(c)) {
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
