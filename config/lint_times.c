/* Times beside times: how long something takes beside how long it may.

   They are compared with the tightest answer target of the queue, the slowest, one offer that can happen in it, or the target that
   the time is about. A share of the target is compared with the end of the target (100 %); what runs by opening hours is not
   compared with what runs round the clock. A timer that comes after the slowest target helps nobody to be in time; one that is
   shorter than an offer comes before the first agent has answered. */
#include "config/lint.h"

#include <stdio.h>

static bool has_word(const struct words_list *l, const char *word)
{
    for (uint32_t i = 0; i < l->count; i++)
        if (!strcmp(l->v[i], word)) return true;
    return false;
}

struct times { /* of one queue */
    struct bind *b;
    const struct policy *p;
    const struct queue *q;
    const struct ynode *n;
    uint32_t tightest, slowest;          /* answer targets */
    const struct channel *offer, *quick; /* whose offers stand longest and shortest, of those that tickets may come by; or NULL */
};

/* An account brings tickets, and `takes` does not leave it out. */
static bool may_come_by(const struct policy *p, const struct queue *q, const struct account *a)
{
    if (q->takes.channel.count && !has_word(&q->takes.channel, p->channels[a->channel].name)) return false;
    return !q->takes.account.count || has_word(&q->takes.account, a->name);
}

static struct times times_of(struct bind *b, const struct policy *p, const struct queue *q, const struct ynode *n)
{
    struct times t = { b, p, q, n, UINT32_MAX, 0, NULL, NULL };
    for (unsigned u = 0; u < URG_COUNT; u++) {
        uint32_t ms = q->answer.within_ms[u];
        if (ms < t.tightest) t.tightest = ms;
        if (ms > t.slowest) t.slowest = ms;
    }
    for (uint32_t i = 0; i < p->account_count; i++) {
        const struct channel *c = &p->channels[p->accounts[i].channel];
        if (c->auto_accept || !may_come_by(p, q, &p->accounts[i])) continue;
        if (!t.offer || c->offer_ms > t.offer->offer_ms) t.offer = c;
        if (!t.quick || c->offer_ms < t.quick->offer_ms) t.quick = c;
    }
    return t;
}

static void warn_offer(const struct times *t)
{
    const struct ynode *answer = tree_get(tree_get(t->n, "sla"), "answer");
    char stands[32], target[32];
    if (!t->offer || t->offer->offer_ms <= t->tightest) return;
    findings_key(t->b->f, F_WARN, answer ? answer : t->n,
                 "one offer on %s stands %s, longer than the tightest answer target here (%s): lower channels.%s.offer, or raise "
                 "the target",
                 t->offer->name, ms_text(t->offer->offer_ms, stands), ms_text(t->tightest, target), t->offer->name);
}

/* A ticket waits so long for one agent alone. */
static void warn_wait(const struct times *t, uint32_t ms, const struct ynode *at)
{
    char text[32];
    if (!at || !ms) return;
    if (ms > t->tightest)
        bind_warn(
            t->b, at,
            "is longer than the tightest answer target here (%s): such a ticket is late before anybody else is asked; lower it "
            "below that",
            ms_text(t->tightest, text));
    else if (t->offer && ms < t->offer->offer_ms)
        bind_warn(t->b, at,
                  "is shorter than one offer on %s (%s): others are asked while that agent still may answer; raise it to that",
                  t->offer->name, ms_text(t->offer->offer_ms, text));
}

/* ---- steps ---- */

#define ASKING (STEP_NEEDS | STEP_DROP | STEP_ADD)

static bool runs_out(const struct times *t, uint32_t ms) { return t->q->answer.hours < 0 && ms > t->slowest; }

static void warn_share(const struct times *t, uint32_t pct, const struct ynode *at)
{
    if (pct && at && !t->q->answer.given)
        bind_warn(t->b, at,
                  "is a share of the answer target, and none is written here, so of 15m: write sla: { answer: { within: 15m "
                  "} }, or a time");
}

static void warn_step(const struct times *t, const struct step *s, const struct ynode *after)
{
    double longest = s->after_pct ? (double)t->slowest * s->after_pct / 100 : s->after_ms;
    char text[32];
    if (!after || (s->since != SINCE_ENQUEUED && s->since != SINCE_STEP)) return;
    warn_share(t, s->after_pct, after);
    if (s->actions & (ASKING | STEP_OFFER | STEP_RAISE) && !(s->actions & STEP_MOVE) &&
        (s->after_pct > 100 || runs_out(t, s->after_ms)))
        bind_warn(
            t->b, after,
            "comes when even the slowest answer target here (%s) has passed, and helps nobody to be in time: make it earlier, "
            "such as 80%%",
            ms_text(t->slowest, text));
    else if (s->actions & ASKING && t->quick && longest < t->quick->offer_ms)
        bind_warn(
            t->b, after,
            "is shorter than one offer on %s (%s), at any urgency: who is asked first has not answered by then; make it later",
            t->quick->name, ms_text(t->quick->offer_ms, text));
}

/* Who has a ticket longer than presence.hold has it no more. */
static void warn_held(const struct times *t, const struct step *s, const struct ynode *after)
{
    char text[32];
    if (after && s->since == SINCE_ASSIGNED && s->after_ms > t->p->presence.hold_ms)
        bind_warn(t->b, after,
                  "never comes: a ticket that is held longer than %s waits again; make it earlier, or raise presence.hold",
                  ms_text(t->p->presence.hold_ms, text));
}

static void warn_callback(const struct times *t, const struct callback *c, const struct ynode *at)
{
    const struct ynode *in = at && at->type == Y_MAP ? tree_get(at, "in") : at;
    char text[32];
    if (in && c->in_ms && runs_out(t, c->in_ms))
        bind_warn(
            t->b, in,
            "comes back when even the slowest answer target here (%s) has passed, so each counts as late: shorten it, or raise "
            "the target",
            ms_text(t->slowest, text));
}

static void warn_timeline(const struct times *t)
{
    const struct ynode *steps = tree_get(t->n, "timeline"), *clauses = tree_get(t->n, "overflow");
    for (uint32_t i = 0; steps && i < t->q->timeline_count; i++) {
        const struct ynode *n = tree_item(steps, i), *after = tree_get(n, "after");
        warn_step(t, &t->q->timeline[i], after);
        warn_held(t, &t->q->timeline[i], after);
        warn_callback(t, &t->q->timeline[i].callback, tree_get(n, "callback"));
    }
    for (uint32_t i = 0; clauses && i < t->q->overflow_count; i++) {
        const struct ynode *n = tree_item(clauses, i), *when = tree_get(n, "when");
        warn_share(t, t->q->overflow[i].expected_over.pct, tree_get(when, "expected_wait"));
        warn_share(t, t->q->overflow[i].age.pct, tree_get(when, "age"));
        warn_callback(t, &t->q->overflow[i].callback, tree_get(n, "callback"));
    }
}

/* ---- gates, caps, back-offs ---- */

static void warn_gates(const struct times *t)
{
    const struct ynode *list = tree_get(t->n, "gate");
    char text[32];
    for (uint32_t i = 0; i < t->q->gate_count; i++) {
        const struct ynode *age = tree_get(tree_item(list, i), "age");
        if (age && t->q->gates[i].age_ms != UINT32_MAX && t->q->gates[i].age_ms > t->slowest)
            bind_warn(t->b, age,
                      "is longer than the slowest answer target here (%s): help comes when all are late; open it earlier",
                      ms_text(t->slowest, text));
    }
}

static void warn_caps(const struct times *t)
{
    const struct ynode *cap = tree_get(t->n, "age-cap"), *back = tree_get(tree_get(t->n, "offers"), "back-off");
    char text[32];
    if (cap && t->q->age_cap.ms && t->q->age_cap.ms < t->slowest)
        bind_warn(t->b, cap,
                  "is shorter than the slowest answer target here (%s): such a ticket goes before everybody while it is in time; "
                  "raise it to "
                  "that at the least",
                  ms_text(t->slowest, text));
    if (back && t->q->offers.back_off_ms > t->slowest)
        bind_warn(t->b, back,
                  "is longer than the slowest answer target here (%s): who missed a ticket once is not asked again in time; lower "
                  "it below "
                  "that",
                  ms_text(t->slowest, text));
    else if (back && t->quick && t->q->offers.back_off_ms < t->quick->offer_ms)
        bind_warn(
            t->b, back,
            "is shorter than one offer on %s (%s): who missed a ticket is asked again before another could answer; raise it to "
            "that",
            t->quick->name, ms_text(t->quick->offer_ms, text));
}

static void warn_targets(const struct times *t)
{
    const struct sla *answer = &t->q->answer, *resolve = &t->q->resolve;
    const struct ynode *at = tree_get(tree_get(tree_get(t->n, "sla"), "resolve"), "within");
    char target[32], hold[32];
    if (!resolve->given || !at) return;
    for (unsigned u = URG_COUNT; u-- > 0;) {
        if (resolve->hours != answer->hours || resolve->within_ms[u] >= answer->within_ms[u]) continue;
        bind_warn(t->b, at,
                  "%s is to be resolved within %s, sooner than it is to be answered: raise it, or lower the answer target",
                  urgency_words.v[u], ms_text(resolve->within_ms[u], target));
        return;
    }
    for (unsigned u = 0; u < URG_COUNT; u++) {
        if (resolve->within_ms[u] <= t->p->presence.hold_ms) continue;
        bind_warn(t->b, at, "%s has %s, but a ticket held longer than %s waits again: raise presence.hold", urgency_words.v[u],
                  ms_text(resolve->within_ms[u], target), ms_text(t->p->presence.hold_ms, hold));
        return;
    }
}

static void warn_bots(struct bind *b, const struct policy *p, const struct ynode *root)
{
    char text[32];
    for (uint32_t i = 0; i < p->agent_count; i++) {
        const struct agent_spec *a = &p->agents[i];
        const struct ynode *n = tree_get(tree_get(tree_get(root, "agents"), a->name), "bot"), *at = tree_get(n, "within");
        for (uint32_t k = 0; a->bot_rules.webhook && n && k < p->account_count; k++) {
            const struct channel *c = &p->channels[p->accounts[k].channel];
            if (a->bot_rules.within_ms <= c->offer_ms) continue;
            bind_warn(b, at ? at : n,
                      "its webhook has longer to answer than an offer on %s stands (%s): lower \"within\", or raise the offer",
                      c->name, ms_text(c->offer_ms, text));
            break;
        }
    }
}

/* ---- what holds for all queues ---- */

static bool takes_by(const struct policy *p, const struct queue *q, uint32_t channel)
{
    for (uint32_t i = 0; i < p->account_count; i++)
        if (p->accounts[i].channel == channel && may_come_by(p, q, &p->accounts[i])) return true;
    return false;
}

/* After each ticket the agent's units stay taken: longer than any ticket of some queue may wait? */
static void warn_wrapup(struct bind *b, const struct policy *p, const struct ynode *root)
{
    const struct ynode *channels = tree_get(root, "channels");
    char text[32];
    for (uint32_t c = 0; c < p->channel_count; c++) {
        const struct ynode *at = tree_get(tree_get(channels, p->channels[c].name), "wrapup");
        for (uint32_t i = 0; at && i < p->queue_count; i++) {
            struct times t = times_of(b, p, &p->queues[i], NULL);
            if (!runs_out(&t, p->channels[c].wrapup_ms) || !takes_by(p, t.q, c)) continue;
            bind_warn(b, at,
                      "is longer than the slowest answer target of \"%s\" (%s): who ends a ticket is late for the next; lower it "
                      "below that",
                      t.q->name, ms_text(t.slowest, text));
            break;
        }
    }
}

static void warn_wake(struct bind *b, const struct policy *p, const struct ynode *root)
{
    const struct ynode *at = tree_get(tree_get(root, "capacity"), "wake-wait");
    char text[32];
    for (uint32_t i = 0; at && i < p->queue_count; i++) {
        const struct sla *reply = &p->queues[i].reply;
        uint32_t slowest = 0;
        for (unsigned u = 0; u < URG_COUNT; u++) slowest = reply->within_ms[u] > slowest ? reply->within_ms[u] : slowest;
        if (!reply->given || p->capacity.wake_wait_ms <= slowest) continue;
        bind_warn(b, at,
                  "is longer than the slowest reply target of \"%s\" (%s): what wakes is late before anybody else is asked; lower "
                  "it below that",
                  p->queues[i].name, ms_text(slowest, text));
        return;
    }
}

void warn_times(struct bind *b, const struct draft *d, const struct ynode *root)
{
    for (uint32_t i = 0; i < d->p.queue_count; i++) {
        const struct queue *q = &d->p.queues[i];
        struct times t = times_of(b, &d->p, q, lint_queue(root, q));
        if (!t.n) continue;
        warn_offer(&t);
        warn_wait(&t, q->last_agent.wait_ms, tree_get(tree_get(t.n, "last-agent"), "wait"));
        warn_wait(&t, q->prefer_wait_ms, tree_get(t.n, "prefer-wait"));
        warn_timeline(&t);
        warn_gates(&t);
        warn_caps(&t);
        warn_targets(&t);
    }
    warn_wrapup(b, &d->p, root);
    warn_wake(b, &d->p, root);
    warn_bots(b, &d->p, root);
}
