#include "workers/assign/core.h"

/* A second agent beside the owner: asked in, they see the ticket with its context and may reply, and it takes units of theirs
   (but no place in their maximum); the owner keeps it. It is over when either of them says so, and by itself when the ticket
   leaves `assigned`, whichever way: ticket_step sees to that, so a consult never outlives what it was about. At most one at a time.

   A reply is what an agent wrote to the customer. It is kept as a message of the ticket, so that who comes next reads both
   sides, and it stops the clock of replies whoever of the two wrote it. Sending it is its home's part, which says later what came
   of it (ACT_MESSAGE). */

/* ---- asked in ---- */

void consult_over(struct workspace *ws, struct ticket *t, const char *what, const char *why)
{
    struct hold *h = ticket_hold(t, HOLD_CONSULT);
    struct agent *g = h ? h->agent : NULL;

    if (!h) return;
    hold_drop(ws, h);
    log_change(ws, .kind = ENTRY_CONSULTED, .t = t, .agent = g, .cause = "over");
    change_offer(ws, t, g, what, why);
}

static bool may_be_asked(struct workspace *ws, const struct act *a, const struct ticket *t, const struct agent *g)
{
    const struct hold *h = ticket_hold(t, HOLD_CONSULT);

    if (h) refuse(ws, a, 409, "wrong-state", "%.*s is asked in already", STR_FMT(h->agent->name));
    else if (ticket_agent(t) == g) refuse(ws, a, 409, "wrong-state", "%.*s has the ticket", STR_FMT(g->name));
    else if (g->presence != PRES_AVAILABLE) refuse(ws, a, 409, "agent-offline", "%.*s is away", STR_FMT(g->name));
    else if (act_has_room(ws, a, t, g)) return true;
    return false;
}

static void ask_in(struct workspace *ws, const struct act *a)
{
    struct ticket *t = act_own_target(ws, a, EV_CONSULT);
    struct agent *g = t ? act_colleague(ws, a) : NULL;
    struct hold *h;
    char reason[129];

    if (!g || !may_be_asked(ws, a, t, g)) return;
    if (!hold_ready(ws)) {
        refuse(ws, a, 503, "overloaded", "no memory for it now");
        return;
    }
    h = hold_add(ws, t, g, HOLD_CONSULT, capacity_cost(ws, g, t->channel), false);
    h->until = t->until;
    log_change(ws, .kind = ENTRY_CONSULTED, .t = t, .agent = g, .cause = act_reason(a, reason));
    change_offer(ws, t, g, "consult", reason);
    act_tell(ws, a, t);
}

static void let_go(struct workspace *ws, const struct act *a)
{
    struct ticket *t = act_party(ws, a, EV_CONSULT);

    if (!t) return;
    if (!ticket_hold(t, HOLD_CONSULT)) {
        refuse(ws, a, 409, "wrong-state", "nobody is asked in");
        return;
    }
    consult_over(ws, t, "returned", "over");
    act_tell(ws, a, t);
}

void act_consult(struct workspace *ws, const struct act *a)
{
    if (str_is(a->reason, "over")) let_go(ws, a);
    else ask_in(ws, a);
}

/* ---- replies ---- */

/* Who else has it in hand sees what was written. */
static void show_reply(struct workspace *ws, struct ticket *t, const struct agent *by)
{
    for (const struct hold *h = t->holds; h; h = h->next)
        if (h->agent != by) change_offer(ws, t, h->agent, "message", "reply");
}

static bool noted(const struct ticket *t, const struct id *message)
{
    for (const struct note *n = t->notes; n && !id_is_none(message); n = n->next)
        if (id_eq(&n->event, message)) return true;
    return false;
}

/* The text is in the entry: its home sends it, and integrations read it there. Control characters may make it longer than fits. */
static struct str replied(struct workspace *ws, const struct act *a, struct str by)
{
    struct jw w = jw_on(&ws->detail);
    char text[ID_TEXT + 1];

    buf_clear(&ws->detail);
    jw_open(&w, '{');
    if (!id_is_none(&a->message)) jw_key(&w, "message"), jw_strz(&w, id_text(&a->message, text));
    if (!roster_find(&ws->roster, by)) jw_key(&w, "by"), jw_str(&w, by);
    if (a->subject.n) jw_key(&w, "subject"), jw_str(&w, a->subject);
    jw_key(&w, "text"), jw_str(&w, a->text);
    if (a->sent) jw_key(&w, "sent"), jw_bool(&w, true);
    jw_close(&w, '}');
    return ws->detail.err ? STR_NONE : buf_str(&ws->detail);
}

/* Who writes: who has it, who is consulted, or somebody privileged in their own name. Empty: refused. */
static struct str writer(struct workspace *ws, const struct act *a, const struct ticket *t)
{
    const struct agent *by = roster_find(&ws->roster, a->agent);
    const struct hold *h = by ? ticket_hold_of(t, by) : NULL;

    if (h && h->kind != HOLD_OFFER) return by->name;
    if (a->privileged && !a->agent.n && a->actor.n) return a->actor;
    refuse(ws, a, 403, "not-your-ticket", "the ticket is %s: who has it replies, or who is consulted, and \"agent\" names them",
           ticket_state_words.v[t->state]);
    return STR_NONE;
}

void act_reply(struct workspace *ws, const struct act *a)
{
    struct ticket *t = act_party(ws, a, EV_REPLY);
    struct str by = t ? writer(ws, a, t) : STR_NONE, detail;

    if (!by.n) return;
    if (!a->text.n) {
        refuse(ws, a, 400, "bad-request", "the text of the reply is missing");
        return;
    }
    if (noted(t, &a->message)) { /* asked again, as the answer was lost */
        act_tell(ws, a, t);
        return;
    }
    detail = replied(ws, a, by);
    if (!detail.n || detail.n > LIM_REPLY_DETAIL) {
        refuse(ws, a, 422, "bad-field", "\"text\" has too many characters that must be escaped");
        return;
    }
    ticket_note(ws, t, &a->message, ws->now, by, a->text);
    if (t->state == TK_ASSIGNED) ticket_started(ws, t);
    sla_met(ws, t, SLA_REPLY);
    steps_replied(ws, t);
    log_change(ws, .kind = ENTRY_REPLIED, .t = t, .agent = roster_find(&ws->roster, by), .detail = replied(ws, a, by));
    show_reply(ws, t, roster_find(&ws->roster, by));
    act_tell(ws, a, t);
}

/* ---- what became of them ---- */

static bool is_bad(struct str state) { return str_is(state, "failed") || str_is(state, "unknown"); }

static void put_on_record(struct workspace *ws, struct ticket *t, const struct act *a)
{
    struct agent *had = ticket_agent(t);
    struct jw w = jw_on(&ws->detail);
    char id[ID_TEXT + 1];

    buf_clear(&ws->detail);
    jw_open(&w, '{');
    jw_key(&w, "to"), jw_open(&w, '[');
    if (had) jw_str(&w, had->name);
    jw_close(&w, ']');
    jw_key(&w, "message"), jw_strz(&w, id_text(&a->message, id));
    jw_key(&w, "text"), jw_str(&w, a->text);
    jw_close(&w, '}');
    log_change(ws, .kind = ENTRY_NOTIFIED, .t = t, .cause = str_is(a->reason, "failed") ? "message failed" : "message unknown",
               .detail = ws->detail.err ? STR_NONE : buf_str(&ws->detail));
}

/* Who has the ticket is told; what did not go well is on record, for supervisors and integrations. */
void act_message(struct workspace *ws, const struct act *a)
{
    struct ticket *t = ticket_find(ws, &a->ticket);

    if (!t) return;
    if (is_bad(a->reason)) put_on_record(ws, t, a);
    for (const struct hold *h = t->holds; h; h = h->next)
        if (h->kind != HOLD_OFFER) change_offer_state(ws, t, h->agent, a);
}
