#include "workers/assign/core.h"

/* Bots are agents who are asked before people. What is not for them stays away from all of them: ticket.no_bots, part of its
   line's key. It is set once and never cleared:

     a message    whose verdict is less sure than a bot's `below`, or negative where the bot leaves those to people. Bots that have
                  not the skills do not count; of those that have, the strictest decides for all.
     handed over  the bot asks for it; has had the ticket for its `after`; lets an offer expire; or is lost with it

   Whichever it is, the ticket keeps its age, and the messages that people are shown hold what the bot wrote. */

static bool leaves_to_people(const struct bot_rules *r, enum sentiment sentiment, double confidence)
{
    return confidence < r->below || (r->negative && sentiment == SENT_NEGATIVE);
}

/* Some bot that could serve it does not take such a message. */
static bool bots_refuse(const struct workspace *ws, const struct ticket *t, enum sentiment sentiment, double confidence)
{
    const struct roster *r = &ws->roster;

    for (uint32_t w = 0; w < r->words; w++)
        for (uint64_t left = r->bots[w] & r->known[w]; left; left &= left - 1) {
            const struct agent *a = r->v[w * 64 + (uint32_t)__builtin_ctzll(left)];
            if (ticket_serves(ws, t, a) && leaves_to_people(&a->bot_rules, sentiment, confidence)) return true;
        }
    return false;
}

static void told_handed_over(struct workspace *ws, struct ticket *t, const struct agent *bot, const char *cause)
{
    log_change(ws, .kind = ENTRY_HANDED_OVER, .t = t, .agent = bot, .cause = cause);
}

static void withdraw_from_bots(struct workspace *ws, struct ticket *t, const char *cause)
{
    for (struct hold *h = t->holds, *next; h && t->state == TK_OFFERED; h = next) {
        next = h->next;
        if (h->agent->bot) offer_withdraw(ws, h, cause);
    }
}

void bot_failed(struct workspace *ws, struct ticket *t, const struct agent *a, const char *cause)
{
    if (!a || !a->bot || t->no_bots) return;
    t->no_bots = true;
    change_touch(ws, t);
    withdraw_from_bots(ws, t, cause); /* others who were asked with it */
    if (t->line) waiting_again(ws, t);
    told_handed_over(ws, t, a, cause);
}

void bot_hand_over(struct workspace *ws, struct ticket *t, const char *cause)
{
    struct agent *bot = ticket_agent(t);

    t->no_bots = true; /* before it waits: it decides the line */
    naru_assert(!ticket_step(ws, t, EV_HAND_OVER, NULL));
    log_change(ws, .kind = ENTRY_RETURNED, .t = t, .agent = bot, .cause = "handed_over");
    told_handed_over(ws, t, bot, cause);
    change_offer(ws, t, bot, "returned", "handed_over");
}

/* ---- by what is said ---- */

void bots_opening(struct workspace *ws, struct ticket *t)
{
    if (bots_refuse(ws, t, t->facts.sentiment, t->facts.confidence)) t->no_bots = true;
}

void bots_message(struct workspace *ws, struct ticket *t, const struct verdict *v)
{
    const struct agent *a = ticket_agent(t);
    const char *cause = v->sentiment == SENT_NEGATIVE ? "negative" : "unsure";

    if (t->no_bots) return;
    if (a && a->bot && leaves_to_people(&a->bot_rules, v->sentiment, v->confidence) && state_next(t->state, EV_HAND_OVER)) {
        bot_hand_over(ws, t, cause);
    } else if (!a && bots_refuse(ws, t, v->sentiment, v->confidence)) {
        t->no_bots = true;
        change_touch(ws, t);
        withdraw_from_bots(ws, t, cause);
        if (t->line) waiting_again(ws, t);
    }
}

/* ---- by the clock, and by the bot ---- */

uint64_t bot_hold(const struct agent *a, uint64_t hold_ms)
{
    uint32_t after = a->bot ? a->bot_rules.after_ms : 0;

    return after && after < hold_ms ? after : hold_ms;
}

bool bot_has_had_it_long(const struct workspace *ws, const struct ticket *t)
{
    const struct agent *a = ticket_agent(t);

    return a && a->bot && a->bot_rules.after_ms && ws->now >= t->assigned_at + a->bot_rules.after_ms;
}

void act_handover(struct workspace *ws, const struct act *a)
{
    struct ticket *t = act_own_target(ws, a, EV_HAND_OVER);
    const struct agent *g = t ? ticket_agent(t) : NULL;
    char reason[129];

    if (!t) return;
    if (!g || !g->bot) {
        refuse(ws, a, 409, "wrong-state", "the ticket is %s, and no bot has it: transfer it", ticket_state_words.v[t->state]);
        return;
    }
    bot_hand_over(ws, t, *act_reason(a, reason) ? reason : "asked");
    act_tell(ws, a, t);
}
