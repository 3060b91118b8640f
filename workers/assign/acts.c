#include "base/metrics.h"
#include "workers/assign/core.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

/* What agents, supervisors and integrations ask. One table leads from a kind to its function; each answers exactly once, with a
   result or with a refusal of a stable type (heartbeats with nothing). An answer that tells of a change waits for that change to
   be safe: `confirm` names the ticket whose home must have committed it.

   Who may act on a ticket: who has it, with the token of their accept; or somebody privileged, with that token or none. */

void answer(struct workspace *ws, const struct act *a, uint32_t status, struct str body, uint64_t session,
            const uint32_t *confirm_home)
{
    struct result r = { .id = a->id, .status = status, .body = body, .session = session };
    struct out_mail m = { .type = MSG_RESULT, .router = a->router, .seq = ws->seq };

    if (confirm_home) m.home = *confirm_home, m.confirm = true;
    change_mail(ws, &m, &result_record, &r);
}

void refuse(struct workspace *ws, const struct act *a, uint32_t status, const char *problem, const char *fmt, ...)
{
    struct result r = { .id = a->id, .status = status, .problem = str_of(problem) };
    char text[400];
    va_list ap;

    va_start(ap, fmt);
    vsnprintf(text, sizeof text, fmt, ap);
    va_end(ap);
    r.detail = text_cut(str_of(text), sizeof text - 5);
    metric_add(MET_ACTS_REFUSED, problem, 1);
    change_mail(ws, &(struct out_mail){ .type = MSG_RESULT, .router = a->router, .seq = ws->seq }, &result_record, &r);
}

#define NEAR_MOST 4096u /* among more agents, a wrong name is not worth the search */

static const char *nearest_agent(const struct roster *r, struct str name)
{
    const char **names = r->count <= NEAR_MOST ? malloc((r->count + 1) * sizeof *names) : NULL, *near;
    size_t n = 0;

    for (uint32_t i = 0; names && i < r->count; i++)
        if (r->v[i]->known) names[n++] = r->v[i]->name.p;
    near = n ? str_nearest(name, names, n) : NULL;
    free(names);
    return near;
}

struct agent *act_agent_called(struct workspace *ws, const struct act *a, struct str name)
{
    struct agent *g = roster_find(&ws->roster, name);
    const char *near;

    if (g && g->known) return g;
    near = nearest_agent(&ws->roster, name);
    refuse(ws, a, 404, "agent-not-found", "no agent is called \"%.*s\"%s%s%s", STR_FMT(name), near ? " (did you mean \"" : "",
           near ? near : "", near ? "\"?)" : "");
    return NULL;
}

/* What is told of a ticket after an act on it; taken before the ticket may be freed. */
struct told {
    struct id id;
    uint32_t home;
    enum ticket_state state;
    uint64_t token_epoch, token_seq;
    struct str agent, queue;
};

static void add_text(struct buf *b, const char *key, struct str s)
{
    struct jw w = jw_on(b);

    buf_addz(b, key);
    jw_str(&w, s);
}

static void tell(struct workspace *ws, const struct act *a, const struct told *s)
{
    char id[ID_TEXT + 1];
    struct buf *b = &ws->detail;

    if (ws->watch) return;
    buf_clear(b);
    buf_add(b, "{\"ticket\":\"", 11);
    buf_add(b, id_text(&s->id, id), ID_TEXT);
    buf_add(b, "\",\"state\":\"", 11);
    buf_addz(b, ticket_state_words.v[s->state]);
    buf_addc(b, '"');
    if (s->queue.n) add_text(b, ",\"queue\":", s->queue);
    if (s->agent.n) add_text(b, ",\"agent\":", s->agent);
    buf_add(b, ",\"token\":\"", 10);
    buf_addu(b, s->token_epoch);
    buf_addc(b, '.'); /* as records write it */
    buf_addu(b, s->token_seq);
    buf_add(b, "\"}", 2);
    answer(ws, a, 200, buf_str(b), 0, &s->home);
}

static struct told told_of(const struct workspace *ws, const struct ticket *t)
{
    const struct agent *g = ticket_agent(t);

    return (struct told){
        t->id, t->home, t->state, t->token_epoch, t->token_seq, g ? g->name : STR_NONE, str_of(queue_of(ws, t)->name)
    };
}

void act_tell(struct workspace *ws, const struct act *a, const struct ticket *t)
{
    struct told s = told_of(ws, t);

    tell(ws, a, &s);
}

void act_refuse_state(struct workspace *ws, const struct act *a, enum ticket_state s)
{
    refuse(ws, a, 409, "wrong-state", "the ticket is %s", ticket_state_words.v[s]);
}

/* The live ticket of the act; else refused: it has ended, or there is none. */
struct ticket *act_target(struct workspace *ws, const struct act *a)
{
    struct ticket *t = ticket_find(ws, &a->ticket);
    const struct past *p;

    if (t) return t;
    if ((p = idmap_get(&ws->past, &a->ticket))) act_refuse_state(ws, a, p->state);
    else refuse(ws, a, 404, "ticket-not-found", "no live ticket has this id");
    return NULL;
}

bool act_has_token(const struct act *a) { return a->token_epoch || a->token_seq; }

bool act_token_is(const struct act *a, uint64_t epoch, uint64_t seq) { return a->token_epoch == epoch && a->token_seq == seq; }

/* ---- what the owner does ---- */

/* `consulted`: who is asked in may do it too. */
static bool may_act(struct workspace *ws, const struct act *a, const struct ticket *t, bool consulted)
{
    const struct agent *g = roster_find(&ws->roster, a->agent);
    const struct hold *h = g ? ticket_hold_of(t, g) : NULL;

    if (a->privileged && !act_has_token(a)) return true;
    if (g && !agent_session_ok(ws, a, g)) return false;
    if (!a->privileged && (!h || (h->kind != HOLD_OWNER && !(consulted && h->kind == HOLD_CONSULT)))) {
        refuse(ws, a, 403, "not-your-ticket", "the ticket is %s, and not with this agent", ticket_state_words.v[t->state]);
        return false;
    }
    if (!act_token_is(a, t->token_epoch, t->token_seq)) {
        refuse(ws, a, 409, "old-token", "the ticket is %s and has changed hands since", ticket_state_words.v[t->state]);
        return false;
    }
    return true;
}

static struct ticket *target_of(struct workspace *ws, const struct act *a, enum ticket_event ev, bool consulted)
{
    struct ticket *t = act_target(ws, a);

    if (!t || !may_act(ws, a, t, consulted)) return NULL;
    if (state_next(t->state, ev)) return t;
    act_refuse_state(ws, a, t->state);
    return NULL;
}

struct ticket *act_own_target(struct workspace *ws, const struct act *a, enum ticket_event ev)
{
    return target_of(ws, a, ev, false);
}

struct ticket *act_party(struct workspace *ws, const struct act *a, enum ticket_event ev) { return target_of(ws, a, ev, true); }

const char *act_reason(const struct act *a, char out[129])
{
    struct str s = text_cut(a->reason, 128);

    if (s.n) memcpy(out, s.p, s.n);
    out[s.n] = '\0';
    return out;
}

static void end_by(struct workspace *ws, const struct act *a, struct ticket *t, enum ticket_event ev)
{
    struct told s = told_of(ws, t);
    char reason[129];

    s.state = state_next(t->state, ev);
    ticket_end(ws, t, ev, act_reason(a, reason));
    tell(ws, a, &s);
}

/* The same agent reports the end of the same ticket once more: it is the same end. */
static bool resolved_again(struct workspace *ws, const struct act *a)
{
    const struct past *p = idmap_get(&ws->past, &a->ticket);

    if (!p || p->state != TK_RESOLVED) return false;
    if (!(a->privileged && !act_has_token(a)) &&
        !(p->agent && str_eq(a->agent, p->agent->name) && act_token_is(a, p->token_epoch, p->token_seq)))
        return false;
    struct told s = { p->id, p->home, p->state, p->token_epoch, p->token_seq, p->agent ? p->agent->name : STR_NONE, STR_NONE };
    tell(ws, a, &s);
    return true;
}

/* Said again while it is being wrapped up it is the same end, and cuts nothing short; with the reason "over" so is the wrap-up. */
static void act_resolve(struct workspace *ws, const struct act *a)
{
    bool over = str_is(a->reason, "over");
    struct ticket *t;
    char reason[129];

    if (!ticket_find(ws, &a->ticket) && resolved_again(ws, a)) return;
    if (!(t = act_own_target(ws, a, EV_RESOLVE))) return;
    if (t->state == TK_ASSIGNED && !over && ws->channels[t->channel].wrapup_ms) {
        naru_assert(!ticket_step(ws, t, EV_WRAPUP, ticket_agent(t)));
        log_change(ws, .kind = ENTRY_WRAPUP, .t = t, .cause = act_reason(a, reason));
    }
    if (t->state == TK_WRAPUP && !over) act_tell(ws, a, t);
    else end_by(ws, a, t, EV_RESOLVE);
}

static void act_cancel(struct workspace *ws, const struct act *a)
{
    struct ticket *t = act_own_target(ws, a, EV_CANCEL);

    if (t) end_by(ws, a, t, EV_CANCEL);
}

static void act_park(struct workspace *ws, const struct act *a)
{
    struct ticket *t = act_own_target(ws, a, EV_PARK);
    char reason[129];

    if (!t) return;
    naru_assert(!ticket_step(ws, t, EV_PARK, ticket_agent(t)));
    log_change(ws, .kind = ENTRY_PARKED, .t = t, .cause = act_reason(a, reason));
    change_offer_all(ws, t, "changed", "parked");
    act_tell(ws, a, t);
}

static void act_resume(struct workspace *ws, const struct act *a)
{
    struct ticket *t = act_own_target(ws, a, EV_RESUME_WAIT);

    if (!t) return;
    ticket_resume(ws, t, "asked");
    act_tell(ws, a, t);
}

typedef void act_fn(struct workspace *ws, const struct act *a);
static act_fn *const on_act[ACT_MESSAGE + 1] = {
    [ACT_CONNECT] = act_connect,     [ACT_DISCONNECT] = act_disconnect,
    [ACT_HEARTBEAT] = act_heartbeat, [ACT_PRESENCE] = act_presence,
    [ACT_ACCEPT] = act_accept,       [ACT_DECLINE] = act_decline,
    [ACT_RESOLVE] = act_resolve,     [ACT_PARK] = act_park,
    [ACT_RESUME] = act_resume,       [ACT_TRANSFER] = act_transfer,
    [ACT_CANCEL] = act_cancel,       [ACT_TICKET] = act_ticket,
    [ACT_TICKETS] = act_tickets,     [ACT_QUEUES] = act_queues,
    [ACT_AGENTS] = act_agents,       [ACT_AGENT] = act_agent,
    [ACT_CONFIG] = act_config,       [ACT_EXPLAIN] = act_explain,
    [ACT_REPLY] = act_reply,         [ACT_ASSIGN] = act_assign,
    [ACT_PULL] = act_pull,           [ACT_REQUEUE] = act_requeue,
    [ACT_CONSULT] = act_consult,     [ACT_HANDOVER] = act_handover,
    [ACT_CALLBACK] = act_callback,   [ACT_START] = act_start,
    [ACT_MESSAGE] = act_message,
};

void space_act(struct workspace *ws, uint64_t now, const struct act *a)
{
    act_fn *fn = a->kind <= ACT_MESSAGE ? on_act[a->kind] : NULL;

    if (now > ws->now) ws->now = now;
    if (!fn) refuse(ws, a, 400, "bad-request", "this act is not known here");
    else if (!ws->policy && a->kind != ACT_CONFIG) refuse(ws, a, 503, "not-leading", "the workspace has no policy yet");
    else {
        ws->actor = a->actor;
        fn(ws, a);
        ws->actor = STR_NONE;
    }
}
