/* An agent's life: the words that it says to the server and the words that it is told.

   Acts (accept, resolve, decline) are idempotent, so they are said again when no answer came in REPEAT_MS and after each reconnect.
   Each act has a number of its own (`ref`: a counter and the deal's slot), so that the answer to an older act of the same deal is
   known as such and ignored.

   A word is looked at by a scan of its first level: its fields are slices of the frame, and live as long as the handler's call. No
   handler closes a connection; an agent that is to vanish says so to its socket, which does it when the handler has returned. All
   that is said in one turn of the loop leaves in one write a connection. */
#include "base/clock.h"
#include "base/json.h"
#include "base/log.h"
#include "cli/crowd.h"
#include "cli/scan.h"

#include <math.h>
#include <stdio.h>
#include <time.h>

#define REPEAT_MS  3000u /* an act without an answer */
#define SUSPECT_US 1000000u
#define TYPE_MS    1500u  /* writing an answer to who is talked with */
#define SILENT_MS  20000u /* they have nothing more to say */

static const char *const act_words[] = {
    [DEAL_ACCEPTING] = "accept", [DEAL_RESOLVING] = "resolve", [DEAL_DECLINING] = "decline",     [DEAL_REPLYING] = "reply",
    [DEAL_PARKING] = "park",     [DEAL_RESUMING] = "resume",   [DEAL_TRANSFERRING] = "transfer",
};

/* Nothing of it is on its way: the clock says when it goes on. */
static bool rests(const struct deal *d) { return d->state == DEAL_THINKING || d->state == DEAL_PARKED; }

static bool chance(struct crowd *c, double p) { return p > 0 && rng_f64(&c->hub->rng) < p; }

/* What is said to who is talked with: the first answer, the second, and then the rest in turn. */
static const char *const talk_words[][2] = {
    { "Hello! I am looking into it for you.", "안녕하세요! 말씀하신 내용을 확인하고 있습니다." },
    { "I have found it. Could you tell me a little more?", "확인했습니다. 조금 더 자세히 알려 주시겠어요?" },
    { "Thank you. I have noted that down. Is there anything else?",
      "감사합니다. 그렇게 적어 두었습니다. 더 필요하신 것이 있으신가요?" },
};
#define TALKS (sizeof talk_words / sizeof *talk_words)

static const char *reply_words(const struct deal *d)
{
    if (!d->talks) return "We are looking into it.";
    return talk_words[d->said < TALKS ? d->said : 1 + d->said % (TALKS - 1)][d->korean];
}

/* ---- words out ---- */

void agent_say_presence(struct agent *a, bool available)
{
    a->said_us = a->crowd->now_us;
    ws_client_say(&a->ws, available ? STR("{\"type\":\"presence\",\"presence\":\"available\"}")
                                    : STR("{\"type\":\"presence\",\"presence\":\"away\",\"reason\":\"leaving\"}"));
}

/* Another agent of the crowd; the same one when it is said again. */
static void say_receiver(struct deal *d)
{
    struct crowd *c = d->agent->crowd;
    uint32_t from = (uint32_t)(d->agent - c->agents), step = 1 + (uint32_t)(d->act * 2654435761u % (c->count - 1));
    struct jw w = jw_on(&c->text);

    buf_addz(&c->text, ",\"to\":");
    jw_strz(&w, c->agents[(from + step) % c->count].name);
}

static void say_act(struct deal *d)
{
    struct crowd *c = d->agent->crowd;
    char id[ID_TEXT + 1];

    deal_due(d, REPEAT_MS);
    if (!d->agent->welcome) return; /* said after the welcome */
    buf_clear(&c->text);
    buf_addz(&c->text, "{\"type\":\"");
    buf_addz(&c->text, act_words[d->state]);
    buf_addz(&c->text, "\",\"ticket\":\"");
    buf_add(&c->text, id_text(&d->ticket->id, id), ID_TEXT);
    buf_addz(&c->text, "\",\"token\":\"");
    buf_addz(&c->text, d->token);
    buf_addc(&c->text, '"');
    if (d->state == DEAL_DECLINING) buf_addz(&c->text, ",\"reason\":\"busy\"");
    if (d->state == DEAL_REPLYING) buf_addf(&c->text, ",\"text\":\"%s\"", reply_words(d));
    if (d->state == DEAL_TRANSFERRING) say_receiver(d);
    buf_addz(&c->text, ",\"ref\":");
    buf_addu(&c->text, d->act << SLOT_BITS | d->slot);
    buf_addc(&c->text, '}');
    if (!c->text.err) ws_client_say(&d->agent->ws, buf_str(&c->text));
}

static void act(struct deal *d, enum deal_state state)
{
    struct crowd *c = d->agent->crowd;

    d->state = state;
    d->act = ++c->acts & ((UINT64_C(1) << 32) - 1); /* with the slot it stays below 2^53, JSON's whole numbers */
    d->asked_us = c->now_us;
    say_act(d);
}

/* Thinking is over: what this agent does with the ticket. */
static void work(struct deal *d)
{
    struct crowd *c = d->agent->crowd;

    if (c->stopping) act(d, DEAL_RESOLVING);
    else if (d->talks) act(d, d->replied ? DEAL_RESOLVING : DEAL_REPLYING);
    else if (c->count > 1 && chance(c, c->o.transfer)) act(d, DEAL_TRANSFERRING);
    else if (!d->parked_once && chance(c, c->o.park)) act(d, DEAL_PARKING);
    else if (!d->replied && chance(c, c->o.reply)) act(d, DEAL_REPLYING);
    else act(d, DEAL_RESOLVING);
}

static void rest(struct deal *d, enum deal_state state)
{
    struct crowd *c = d->agent->crowd;

    d->state = state;
    deal_due(d, c->stopping ? 0 : (uint64_t)(-log(1.0 - rng_f64(&c->hub->rng)) * (double)c->o.think));
}

/* An answer is being written, and the customer sees that it is; or they are waited for. */
static void talk(struct deal *d)
{
    struct crowd *c = d->agent->crowd;
    char id[ID_TEXT + 1];

    deal_due(d, d->replied ? SILENT_MS : TYPE_MS);
    if (d->replied || !d->agent->welcome) return;
    buf_clear(&c->text);
    buf_addf(&c->text, "{\"type\":\"read\",\"ticket\":\"%s\"}", id_text(&d->ticket->id, id));
    ws_client_say(&d->agent->ws, buf_str(&c->text));
    buf_clear(&c->text);
    buf_addf(&c->text, "{\"type\":\"typing\",\"ticket\":\"%s\",\"on\":true}", id_text(&d->ticket->id, id));
    ws_client_say(&d->agent->ws, buf_str(&c->text));
}

static void think(struct deal *d)
{
    struct crowd *c = d->agent->crowd;

    d->state = DEAL_THINKING;
    if (d->talks && !c->stopping) talk(d);
    else if (c->o.think == 0 || c->stopping) work(d);
    else rest(d, DEAL_THINKING);
}

/* ---- words in ---- */

enum {
    F_TYPE,
    F_TICKET,
    F_TOKEN,
    F_REF,
    F_STATUS,
    F_MESSAGES,
    F_CAUSE,
    F_PROBLEM,
    F_PRESENCE,
    F_STATE,
    F_CUSTOMER,
    F_LANGUAGE,
    F_COUNT
};
struct word {
    struct scan_field f[F_COUNT];
    struct id id; /* of `ticket`, when there is one */
    bool has_id;
};

static struct str field(const struct word *w, unsigned i) { return w->f[i].value; }

static void set_customer(struct deal *d, const struct word *w)
{
    const char *talk = d->agent->crowd->o.talk;

    d->talks = talk && str_glob(str_of(talk), field(w, F_CUSTOMER));
    if (field(w, F_LANGUAGE).n) d->korean = str_is(field(w, F_LANGUAGE), "ko");
}

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
    struct scan_field at = { STR("at"), STR_NONE };
    uint64_t then;
    struct timespec now;

    struct str last = scan_last(field(w, F_MESSAGES));
    if (!last.n || scan_object(last, &at, 1) || clock_parse(at.value.p, at.value.n, &then)) return;
    clock_gettime(CLOCK_REALTIME, &now);
    uint64_t us = (uint64_t)now.tv_sec * 1000000 + (uint64_t)now.tv_nsec / 1000;
    hist_add(&c->offer_ms, us > then * 1000 ? us - then * 1000 : 0);
}

static void on_offer(struct agent *a, const struct word *w)
{
    struct crowd *c = a->crowd;
    struct ticket *t = w->has_id ? ticket_make(c, &w->id) : NULL;
    struct deal *d = deal_of(a, t);

    if (!t) return tally_add(&c->refused, STR("offer-not-understood"));
    if (d && !rests(d) && str_is(field(w, F_TOKEN), d->token)) return; /* told again after a drop */
    c->offers++;
    c->busy_us = c->now_us;
    measure_offer(c, w);
    if (!c->stopping && chance(c, c->o.vanish)) {
        c->vanished++;
        return ws_client_leave(&a->ws, 2000 + rng_below(&c->hub->rng, 4000));
    }
    if (!d && !c->stopping && chance(c, c->o.ignore)) {
        c->ignored++;
        return;
    }
    if (!d && !(d = deal_new(a, t))) return tally_add(&c->refused, STR("too-many-deals"));
    set_token(d, w);
    set_customer(d, w);
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
    deal_hold(d);
    think(d);
}

/* Whoever is refused because the ticket is not theirs any more has nothing to do with it. */
static bool lost_it(struct str problem)
{
    static const char *const lost[] = { "not-your-ticket", "old-token", "ticket-not-found", "ticket-not-offered-to-you" };

    for (size_t i = 0; i < sizeof lost / sizeof *lost; i++)
        if (str_is(problem, lost[i])) return true;
    return false;
}

static void refused(struct deal *d, const struct word *w)
{
    struct str problem = field(w, F_PROBLEM);
    bool extra = d->state >= DEAL_REPLYING;

    for (size_t i = problem.n; i > 0; i--) /* a URL's last word names it */
        if (problem.p[i - 1] == '/') {
            problem = (struct str){ problem.p + i, problem.n - i };
            break;
        }
    if (!d->withdrawn) tally_add(&d->agent->crowd->refused, problem.n ? problem : field(w, F_STATUS));
    if (extra && !lost_it(problem)) act(d, DEAL_RESOLVING);
    else deal_free(d);
}

static void replied(struct deal *d, const struct word *w)
{
    (void)w;
    d->agent->crowd->replied++;
    d->replied = !d->more;
    d->more = false;
    d->said++;
    if (d->talks) think(d);
    else act(d, DEAL_RESOLVING);
}

static void parked(struct deal *d, const struct word *w)
{
    (void)w;
    d->agent->crowd->parked++;
    d->parked_once = true;
    rest(d, DEAL_PARKED);
}

/* Theirs again at once, or once there is room: then it comes as `assigned` or as an offer. */
static void resumed(struct deal *d, const struct word *w)
{
    d->agent->crowd->resumed++;
    if (str_is(field(w, F_STATE), "assigned")) think(d);
    else deal_free(d);
}

static void gone_on(struct deal *d, const struct word *w)
{
    if (d->state == DEAL_TRANSFERRING) d->agent->crowd->transferred++;
    (void)w;
    deal_free(d);
}

static void (*const on_done[])(struct deal *d, const struct word *w) = {
    [DEAL_DECLINING] = gone_on, [DEAL_REPLYING] = replied,     [DEAL_PARKING] = parked,
    [DEAL_RESUMING] = resumed,  [DEAL_TRANSFERRING] = gone_on,
};

static void on_result(struct agent *a, const struct word *w)
{
    struct crowd *c = a->crowd;
    uint64_t ref, status;

    if (str_u64(field(w, F_REF), 0, UINT64_MAX, &ref) || str_u64(field(w, F_STATUS), 0, 999, &status)) return; /* of presence */
    uint64_t slot = ref & (DEALS_MAX - 1);
    struct deal *d = slot < c->slots_used ? c->slots[slot] : NULL;
    if (!d || d->state == DEAL_FREE || rests(d) || d->agent != a || d->act != ref >> SLOT_BITS) return; /* of an older act */
    if (status == 503 || status == 429) return deal_due(d, 200 + rng_below(&c->hub->rng, 800));
    if (status != 200) return refused(d, w);
    set_token(d, w);
    if (d->state == DEAL_ACCEPTING) got_it(d);
    else if (d->state == DEAL_RESOLVING) done(d);
    else on_done[d->state](d, w);
}

static void on_assigned(struct agent *a, const struct word *w)
{
    struct ticket *t = w->has_id ? ticket_make(a->crowd, &w->id) : NULL;
    struct deal *d = deal_of(a, t);
    bool fresh = !d;

    if (!t || (!d && !(d = deal_new(a, t)))) return;
    bool changed = set_token(d, w);
    set_customer(d, w);
    if (d->state == DEAL_ACCEPTING) return got_it(d); /* its result was lost on the way */
    deal_hold(d);
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

    if (d && rests(d)) deal_free(d);
}

static void on_returned(struct agent *a, const struct word *w)
{
    struct crowd *c = a->crowd;
    struct deal *d = gone(a, w);

    if (!d) return;
    if (d->suspected_us && c->now_us - d->suspected_us < SUSPECT_US) c->doubles--; /* it was not ours any more; word came late */
    d->suspected_us = 0;
    if (rests(d)) deal_free(d);
}

static void on_presence(struct agent *a, const struct word *w)
{
    struct crowd *c = a->crowd;

    a->available = str_is(field(w, F_PRESENCE), "available");
    if (!a->available && !c->stopping && c->now_us - a->said_us > 200000)
        agent_say_presence(a, true); /* else with the next second */
}

static void on_welcome(struct agent *a, const struct word *w)
{
    struct crowd *c = a->crowd;
    struct deal *d;

    (void)w;
    if (!a->welcome) {
        c->welcome++;
        c->reconnects += a->was_welcome;
    }
    a->welcome = a->was_welcome = true;
    a->available = false;
    client_proven(&a->ws.net);
    agent_say_presence(a, !c->stopping);
    TAILQ_FOREACH (d, &a->deals, of_agent)
        if (!rests(d)) say_act(d);
}

/* They wrote again: answered, once what is being said has been said. */
static void on_message(struct agent *a, const struct word *w)
{
    struct deal *d = w->has_id ? deal_of(a, ticket_get(a->crowd, &w->id)) : NULL;

    if (!d || !d->talks) return;
    set_customer(d, w);
    d->replied = false;
    d->more = d->state != DEAL_THINKING;
    if (!d->more) think(d);
}

static void on_other(struct agent *a, const struct word *w) { (void)a, (void)w; }

static const struct {
    const char *type;
    void (*fn)(struct agent *a, const struct word *w);
} words[] = {
    { "offer", on_offer },     { "result", on_result },     { "withdrawn", on_withdrawn }, { "assigned", on_assigned },
    { "ended", on_ended },     { "returned", on_returned }, { "welcome", on_welcome },     { "presence", on_presence },
    { "message", on_message }, { "changed", on_other },     { "consult", on_other },       { "notice", on_other },
    { "typing", on_other },    { "read", on_other },
};

static void on_text(void *ctx, struct str text)
{
    struct agent *a = ctx;
    struct word w = { .f = { [F_TYPE] = { STR("type"), STR_NONE },
                             [F_TICKET] = { STR("ticket"), STR_NONE },
                             [F_TOKEN] = { STR("token"), STR_NONE },
                             [F_REF] = { STR("ref"), STR_NONE },
                             [F_STATUS] = { STR("status"), STR_NONE },
                             [F_MESSAGES] = { STR("messages"), STR_NONE },
                             [F_CAUSE] = { STR("cause"), STR_NONE },
                             [F_PROBLEM] = { STR("problem"), STR_NONE },
                             [F_PRESENCE] = { STR("presence"), STR_NONE },
                             [F_STATE] = { STR("state"), STR_NONE },
                             [F_CUSTOMER] = { STR("customer"), STR_NONE },
                             [F_LANGUAGE] = { STR("language"), STR_NONE } } };

    a->crowd->now_us = clock_mono_us();
    if (scan_object(text, w.f, F_COUNT)) return tally_add(&a->crowd->refused, STR("not-json"));
    w.has_id = field(&w, F_TICKET).n && !id_parse(field(&w, F_TICKET), &w.id);
    for (size_t i = 0; i < sizeof words / sizeof *words; i++)
        if (str_is(field(&w, F_TYPE), words[i].type)) return words[i].fn(a, &w);
    tally_add(&a->crowd->refused, STR("unknown-word"));
}

/* ---- the socket's words ---- */

static void on_open(void *ctx) { (void)ctx; } /* the server speaks first */

static void on_refused(void *ctx, const struct answer *h)
{
    struct agent *a = ctx;
    struct crowd *c = a->crowd;
    char name[40];

    if (h->status == 503) return; /* it asks to come again */
    snprintf(name, sizeof name, "handshake-%u", h->status);
    tally_add(&c->refused, str_of(name));
    if (c->warned) return;
    c->warned = true;
    tell_progress_end();
    log_warn("agent=%s status=%u the stream is refused; trying again: %.*s", a->name, h->status, STR_FMT(h->body));
}

static void on_down(void *ctx)
{
    struct agent *a = ctx;
    struct deal *d;

    if (a->welcome) a->crowd->welcome--;
    a->welcome = a->available = false;
    TAILQ_FOREACH (d, &a->deals, of_agent) d->held = false; /* until `assigned` says so again */
}

static const struct ws_client_cfg agent_cfg = {
    .on_open = on_open, .on_text = on_text, .on_refused = on_refused, .on_down = on_down
};

/* ---- the crowd's words ---- */

void agent_init(struct agent *a) { ws_client_init(&a->ws, a->crowd->hub, &agent_cfg, a, a->path); }

void agent_on_due(struct deal *d)
{
    if (d->state == DEAL_THINKING) work(d);
    else if (d->state == DEAL_PARKED) act(d, DEAL_RESUMING);
    else say_act(d);
}

void agent_on_second(struct agent *a, bool beat)
{
    const struct crowd *c = a->crowd;

    if (!a->welcome) return;
    if (!a->available && !c->stopping && c->now_us - a->said_us >= 900000) agent_say_presence(a, true);
    else if (beat) ws_client_say(&a->ws, STR("{\"type\":\"heartbeat\"}"));
}

void agent_on_leave(struct agent *a)
{
    struct deal *d;

    if (a->welcome) agent_say_presence(a, false);
    TAILQ_FOREACH (d, &a->deals, of_agent)
        if (rests(d)) act(d, d->state == DEAL_PARKED ? DEAL_RESUMING : DEAL_RESOLVING);
}
