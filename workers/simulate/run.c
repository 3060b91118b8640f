#include "workers/simulate/play.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

/* The loop of a run. Time goes from one instant at which something happens to the next: the next arrival, the first ticket done,
   the first customer to hang up, the next deadline of the core, the next answer to an offer, the next duty. At one instant, in this
   order and each followed by a matching pass: what is done, who hangs up, everything else that is due by the clock (answers to
   offers, the core's deadlines, who comes and goes), and who arrives. What agents do about an offer at once, they do in the pass
   that made it, and it is gone on with until nothing more comes of it.

   What the core decides is heard in on_entry, entry by entry, and nowhere else: it brings customers and hands up to date and calls
   nothing of the core. Acts are then what the heaps say is due.

   THE END. When no more arrive, it goes on until nobody is left, but for those who wait and whom no work, no hanging up and no duty
   can help any more: the core's own deadlines (steps that widen, shifts that begin) are played until it gives such a ticket up
   (it expires after 30 days), but no longer than TAIL_MS. `last` is the last instant at which anything but that happened, and
   they wait until then. */

#define TAIL_MS          2678400000ull /* 31 days after the last arrival */
#define LAY_OUT_AGAIN_MS 86400000ull   /* after hours could not be laid out further */
#define STILL_MAX        10000000u     /* rounds at one instant: more of them come to no end */

WORDS_TABLE(outcome, OUTCOME_MAP)

void play_fail(struct play *p, enum err e, const char *fmt, ...)
{
    va_list ap;

    if (p->err) return;
    p->err = e;
    va_start(ap, fmt);
    vsnprintf(p->why, 512, fmt, ap);
    va_end(ap);
}

void play_act(struct play *p, struct act *a)
{
    a->workspace = p->name;
    space_act(p->ws, play_wall(p), a);
}

/* ---- what the core tells ---- */

static uint32_t queue_index(const struct play *p, const struct customer *c, struct str name)
{
    const struct policy *policy = p->cfg->policy;
    int i;

    if (c->queue != UINT32_MAX && str_is(name, policy->queues[c->queue].name)) return c->queue;
    i = policy_queue(policy, name);
    return i < 0 ? policy->default_queue : (uint32_t)i;
}

static void heard_offered(struct play *p, struct customer *c, struct hand *h, const struct entry *e)
{
    if (h) customer_offered(p, c, h, e->token_epoch, e->token_seq);
}

static void heard_accepted(struct play *p, struct customer *c, struct hand *h, const struct entry *e)
{
    const struct channel *channel = p->kinds[c->class].rules;

    (void)e;
    customer_not_offered_at_all(p, c);
    if (heap_has(&c->patience)) heap_remove(&p->patience, &c->patience);
    if (c->start == NEVER) c->start = p->now;
    if (h && channel && channel->connect_ms) customer_concerns(p, c, h, REPLY_START);
}

static void heard_declined(struct play *p, struct customer *c, struct hand *h, const struct entry *e)
{
    (void)e;
    customer_not_offered(p, c, h);
    if (h && play_counts(p)) h->use.declined++;
}

static void heard_missed(struct play *p, struct customer *c, struct hand *h, const struct entry *e)
{
    (void)e;
    customer_not_offered(p, c, h);
    if (h && play_counts(p)) h->use.missed++;
}

static void heard_withdrawn(struct play *p, struct customer *c, struct hand *h, const struct entry *e)
{
    (void)e;
    customer_not_offered(p, c, h);
}

/* Who is called back holds no line. */
static void heard_scheduled(struct play *p, struct customer *c, struct hand *h, const struct entry *e)
{
    (void)h, (void)e;
    if (heap_has(&c->patience)) heap_remove(&p->patience, &c->patience);
}

/* Customers here write no second time: what is parked after somebody had it is done, and would be kept for nothing. */
static void heard_parked(struct play *p, struct customer *c, struct hand *h, const struct entry *e)
{
    (void)e;
    if (h && c->start != NEVER) customer_concerns(p, c, h, REPLY_RESOLVE);
}

typedef void heard_fn(struct play *p, struct customer *c, struct hand *h, const struct entry *e);
static heard_fn *const heard[ENTRY_QUEUE + 1] = {
    [ENTRY_OFFERED] = heard_offered,      [ENTRY_ACCEPTED] = heard_accepted,   [ENTRY_DECLINED] = heard_declined,
    [ENTRY_OFFER_EXPIRED] = heard_missed, [ENTRY_WITHDRAWN] = heard_withdrawn, [ENTRY_SCHEDULED] = heard_scheduled,
    [ENTRY_PARKED] = heard_parked,
};

static bool in_hand(enum ticket_state s) { return s == TK_ASSIGNED || s == TK_WRAPUP; }

/* Where the ticket is now, and with whom. */
static void follow(struct play *p, struct customer *c, struct hand *h, const struct entry *e)
{
    if (c->state == TK_WAITING) p->waiting[c->queue]--;
    if (c->hand && !in_hand(e->state)) hand_lets_go(p, c);
    if (c->hand && e->state == TK_WRAPUP && c->state == TK_ASSIGNED) hand_wraps_up(p, c);
    if (e->kind == ENTRY_WRAPUP) customer_tell(p, c, OUT_SERVED, p->now);
    c->state = e->state;
    c->queue = queue_index(p, c, e->queue);
    if (c->first_queue == UINT32_MAX) customer_queued(p, c);
    c->token_epoch = e->token_epoch;
    c->token_seq = e->token_seq;
    if (h && !c->hand && in_hand(e->state)) hand_takes(p, h, c);
    if (c->state == TK_WAITING) p->waiting[c->queue]++;
}

/* Worked on is served, whoever ended it; what the policy closed or refused before anybody took it was turned away; what the core
   gave up after its time, and out of nobody's hands, was not reached any more: it waited, or was parked until a customer wrote. */
static enum outcome outcome_at_end(const struct customer *c, bool held)
{
    if (c->state == TK_EXPIRED && !held) return OUT_WAITING;
    if (c->start != NEVER) return OUT_SERVED;
    return c->state == TK_ABANDONED && !c->turned_away ? OUT_ABANDONED : OUT_BLOCKED;
}

static bool happened(const struct entry *e)
{
    return !(e->kind == ENTRY_ENDED && e->state == TK_EXPIRED) && e->kind != ENTRY_RELAXED && e->kind != ENTRY_NOTIFIED &&
           e->kind != ENTRY_UPDATED && e->kind != ENTRY_MOVED;
}

static void on_entry(void *ctx, const struct entry *e)
{
    struct play *p = ctx;
    struct hand *h = e->agent.n ? hand_of(p, e->agent) : NULL;
    struct customer *c;

    if (happened(e)) p->last = p->now;
    if (e->kind == ENTRY_PRESENCE && h) hand_presence(p, h, e->cause);
    if (e->kind == ENTRY_OPENED) customer_opened(p, e);
    if (!(c = customer_of(p, &e->ticket))) return;
    bool held = c->hand;
    follow(p, c, h, e);
    if (heard[e->kind]) heard[e->kind](p, c, h, e);
    if (e->kind != ENTRY_ENDED) return;
    if (outcome_at_end(c, held) == OUT_WAITING && !p->more) customer_given_up(p, c);
    else customer_tell(p, c, outcome_at_end(c, held), p->now), customer_over(p, c);
}

/* ---- what agents and customers do ---- */

static void reply(struct play *p, struct offered *o)
{
    static const enum act_kind kinds[] = {
        [REPLY_ACCEPT] = ACT_ACCEPT, [REPLY_DECLINE] = ACT_DECLINE, [REPLY_START] = ACT_START, [REPLY_RESOLVE] = ACT_RESOLVE
    };
    struct act a = { .kind = kinds[o->reply],
                     .agent = o->to->name,
                     .ticket = o->who->ticket,
                     .token_epoch = o->token_epoch,
                     .token_seq = o->token_seq };
    bool once = o->reply == REPLY_START || o->reply == REPLY_RESOLVE;
    struct customer *c = o->who;

    heap_remove(o->in, &o->due);
    if (once) customer_not_offered_at_all(p, c);
    play_act(p, &a);
    struct offered *left = once ? NULL : c->offered;
    while (left && left != o) left = left->next;
    if (left && !heap_has(&left->due) && left->token_seq == a.token_seq)
        play_fail(p, ERR_INTERNAL, "arrival \"%s\": the core refused what %.*s does about its offer", c->id, STR_FMT(a.agent));
}

/* Matches until nothing comes of it. */
static void settle(struct play *p)
{
    bool more = true;

    while (more && !p->err) {
        struct heap_node *n;
        more = space_match(p->ws, play_wall(p));
        while ((n = heap_peek(&p->replies_now)) && !p->err) {
            reply(p, container_of(n, struct offered, due));
            more = true;
        }
    }
}

static void finish(struct play *p, struct customer *c)
{
    struct act a = {
        .kind = ACT_RESOLVE, .agent = c->hand->name, .ticket = c->ticket, .token_epoch = c->token_epoch, .token_seq = c->token_seq
    };
    const struct hand *h = c->hand;

    play_act(p, &a);
    if (h->has && heap_has(&h->done) && c->hand == h && c->state == TK_ASSIGNED)
        play_fail(p, ERR_INTERNAL, "arrival \"%s\": the core refused its end by %.*s", c->id, STR_FMT(a.agent));
}

static struct heap_node *due(const struct play *p, const struct heap *h)
{
    struct heap_node *n = p->err ? NULL : heap_peek(h);

    return n && n->key <= (int64_t)p->now ? n : NULL;
}

static bool run_done(struct play *p)
{
    struct heap_node *n;
    bool any = false;

    for (; (n = due(p, &p->done)); any = true) finish(p, hand_done(container_of(n, struct hand, done)));
    return any;
}

static bool run_hang_ups(struct play *p)
{
    struct heap_node *n;
    bool any = false;

    for (; (n = due(p, &p->patience)); any = true) customer_hangs_up(p, container_of(n, struct customer, patience));
    return any;
}

static bool run_duties(struct play *p)
{
    struct heap_node *n;
    bool any = false;

    for (; p->coming_at < p->coming_count && p->coming[p->coming_at].from <= p->now; p->coming_at++, any = true)
        hand_comes(p, &p->hands[p->coming[p->coming_at].hand], p->coming[p->coming_at].to);
    for (; (n = due(p, &p->leaving)); any = true) hand_leaves(p, container_of(n, struct hand, leaving));
    for (; (n = due(p, &p->back)); any = true) hand_is_back(p, container_of(n, struct hand, back));
    return any;
}

static uint64_t core_next(const struct play *p)
{
    uint64_t at = space_next(p->ws);

    return at == NEVER ? NEVER : at > p->begin ? at - p->begin : 0;
}

static bool run_timers(struct play *p)
{
    struct heap_node *n;
    bool any = false;

    for (; (n = due(p, &p->replies)); any = true) reply(p, container_of(n, struct offered, due));
    if (core_next(p) <= p->now) space_due(p->ws, play_wall(p)), any = true;
    if (run_duties(p)) {
        if (core_next(p) <= p->now) space_due(p->ws, play_wall(p)); /* who leaves with nothing in hand is gone */
        any = true;
    }
    return any;
}

static void read_next(struct play *p)
{
    enum err e = source_next(p->cfg->source, &p->next);

    p->more = e == ERR_OK;
    if (e == ERR_NOTFOUND) return;
    if (e) play_fail(p, e, "%s", p->cfg->source->why);
    else if (p->next.at < p->arrived_last) play_fail(p, ERR_RANGE, "arrival \"%s\" comes before the one before it", p->next.id);
    else if (p->next.class >= p->cfg->rules->class_count) play_fail(p, ERR_RANGE, "arrival \"%s\" is of no class", p->next.id);
    if (!p->err) p->arrived_last = p->next.at;
}

static bool run_arrivals(struct play *p)
{
    bool any = false;

    for (; p->more && !p->err && p->next.at <= p->now; any = true) {
        customer_take(p, &p->next);
        read_next(p);
    }
    return any;
}

/* The last ones of this instant find no place. */
static void block(struct play *p, uint64_t first)
{
    for (struct customer *c = p->latest, *prev; p->has_places && c && c->number >= first && !p->err; c = prev) {
        prev = c->prev;
        if (c->state != TK_WAITING || p->waiting[c->queue] <= p->places[c->queue]) continue;
        c->turned_away = true;
        customer_hangs_up(p, c);
    }
}

/* Hours reach so far from the day on that a policy was loaded for: the core loads its own again, and so is ours. */
static void lay_out(struct play *p)
{
    struct policy *again = NULL;
    struct findings f;

    if (p->now < p->lay_out_at || !policy_stale(p->laid, play_wall(p))) return;
    p->lay_out_at = p->now + LAY_OUT_AGAIN_MS;
    findings_init(&f);
    f.checked = true;
    if (!policy_load(&again, p->laid->yaml, p->laid->path, play_wall(p), &f)) {
        for (uint32_t i = 0; i < p->hand_count; i++) hand_tally(p, &p->hands[i], p->now);
        policy_unref(p->laid);
        p->laid = again;
    }
    findings_fini(&f);
}

static void instant(struct play *p)
{
    uint64_t first = p->count + 1;

    lay_out(p);
    if (run_done(p)) settle(p);
    if (run_hang_ups(p)) settle(p);
    if (run_timers(p)) settle(p);
    if (!run_arrivals(p)) return;
    settle(p);
    block(p, first);
}

/* ---- the run ---- */

static void least(uint64_t *next, uint64_t at)
{
    if (at < *next) *next = at;
}

static void least_of(uint64_t *next, const struct heap *h)
{
    const struct heap_node *n = heap_peek(h);

    if (n) least(next, (uint64_t)n->key);
}

/* When something happens next; NEVER: nothing does, or nothing that matters. */
static uint64_t next_instant(const struct play *p)
{
    uint64_t next = p->more ? p->next.at : NEVER;

    if (!p->more && !p->customers.count) return NEVER;
    least_of(&next, &p->done);
    least_of(&next, &p->patience);
    least_of(&next, &p->replies);
    least_of(&next, &p->leaving);
    least_of(&next, &p->back);
    if (p->coming_at < p->coming_count) least(&next, p->coming[p->coming_at].from);
    least(&next, core_next(p));
    if (next < p->now) next = p->now;
    return !p->more && next > p->arrived_last + TAIL_MS ? NEVER : next;
}

static void run(struct play *p, struct sim_end *out)
{
    uint32_t still = 0;

    for (uint64_t next; !p->err && (next = next_instant(p)) != NEVER;) {
        if (p->cfg->stop && *p->cfg->stop) {
            out->stopped = true;
            return;
        }
        still = next == p->now ? still + 1 : 0;
        if (still > STILL_MAX) play_fail(p, ERR_INTERNAL, "at %llu ms there is no end", (unsigned long long)next);
        p->now = next;
        instant(p);
    }
}

static void tell_rest(struct play *p)
{
    uint64_t end = p->last;

    for (struct customer *c = p->first; c; c = c->next) customer_tell(p, c, OUT_WAITING, end > c->at ? end : c->at);
    for (uint32_t i = 0; i < p->hand_count; i++) {
        hand_tally(p, &p->hands[i], end);
        if (p->cfg->on_agent) p->cfg->on_agent(p->cfg->ctx, &p->hands[i].use);
    }
}

/* ---- before and after ---- */

static enum err lay_kind(struct play *p, struct kind *k, const struct sim_class *c)
{
    const struct policy *policy = p->cfg->policy;
    int channel = policy_channel(policy, str_of(c->channel));
    struct need *needs = calloc(c->needs.count + 1, sizeof *needs);

    *k = (struct kind){ .class = c, .channel = str_of(c->channel), .needs = needs, .channel_index = UINT32_MAX };
    if (!needs) return ERR_NOMEM;
    if (c->queue < 0 || (uint32_t)c->queue >= policy->queue_count) {
        play_fail(p, ERR_POLICY, "simulate.classes.%s: its queue is not one of the policy", c->name);
        return p->err;
    }
    k->queue = str_of(policy->queues[c->queue].name);
    k->language = c->language ? str_of(c->language) : STR("und");
    for (uint32_t i = 0; i < c->needs.count; i++)
        if (!c->needs.v[i].from_ticket) needs[k->need_count++] = (struct need){ str_of(c->needs.v[i].name), c->needs.v[i].level };
    if (channel >= 0) k->rules = &policy->channels[channel], k->channel_index = (uint32_t)channel;
    k->interrupts = k->rules && k->rules->exclusive == EXCLUSIVE_INTERRUPTS;
    k->event = str_is(k->channel, "voice") ? EVENT_CALL : EVENT_MESSAGE;
    for (uint32_t i = 0; i < p->cfg->rules->parallel_count; i++)
        if (str_is(k->channel, p->cfg->rules->parallel[i].channel)) k->parallel = &p->cfg->rules->parallel[i];
    return ERR_OK;
}

static enum err lay_kinds(struct play *p)
{
    const struct simulate_rules *r = p->cfg->rules;
    const struct policy *policy = p->cfg->policy;
    enum err e = ERR_OK;

    p->kinds = calloc(r->class_count + 1, sizeof *p->kinds);
    p->waiting = calloc(policy->queue_count + 1, sizeof *p->waiting);
    p->places = calloc(policy->queue_count + 1, sizeof *p->places);
    if (!p->kinds || !p->waiting || !p->places) return ERR_NOMEM;
    for (uint32_t i = 0; i < r->class_count && !e; i++) e = lay_kind(p, &p->kinds[i], &r->classes[i]);
    for (uint32_t i = 0; i < policy->queue_count; i++) p->places[i] = UINT32_MAX;
    for (uint32_t i = 0; i < r->places_count; i++)
        if (r->places[i].queue >= 0) p->places[r->places[i].queue] = r->places[i].places, p->has_places = true;
    return e;
}

static int by_coming(const void *x, const void *y)
{
    const struct coming *a = x, *b = y;

    if (a->from != b->from) return a->from < b->from ? -1 : 1;
    return a->hand < b->hand ? -1 : a->hand > b->hand;
}

/* Who comes when: at one instant in the policy's order. Names that the policy does not have are nobody here. */
static enum err lay_duties(struct play *p)
{
    const struct duties *d = p->cfg->duties;
    bool given = d && d->given;
    uint32_t most = given ? d->count : p->hand_count;

    if (!(p->coming = calloc(most + 1, sizeof *p->coming))) return ERR_NOMEM;
    for (uint32_t i = 0; i < most; i++) {
        const struct hand *h = given ? hand_of(p, str_of(d->v[i].agent)) : &p->hands[i];
        if (h) p->coming[p->coming_count++] = (struct coming){ given ? d->v[i].from : 0, given ? d->v[i].to : NEVER, h->index };
    }
    qsort(p->coming, p->coming_count, sizeof *p->coming, by_coming);
    return ERR_OK;
}

static enum err begin(struct play *p)
{
    struct space_cfg space = { .name = p->name, .seed = p->cfg->seed, .epoch = 1, .watch = on_entry, .ctx = p };
    enum err e = play_customers_init(p);

    if (!e) e = play_hands_init(p);
    if (!e) e = lay_kinds(p);
    if (!e) e = lay_duties(p);
    if (!e) e = space_new(&p->ws, &space);
    if (!e) e = space_policy(p->ws, p->begin, p->cfg->policy);
    if (!e) read_next(p);
    return e;
}

static void end(struct play *p)
{
    space_free(p->ws);
    play_customers_fini(p);
    play_hands_fini(p);
    for (uint32_t i = 0; p->kinds && i < p->cfg->rules->class_count; i++) free(p->kinds[i].needs);
    free(p->kinds);
    free(p->waiting);
    free(p->places);
    free(p->coming);
    policy_unref(p->laid);
}

enum err sim_run(const struct sim_cfg *cfg, struct sim_end *out)
{
    struct play p = { .cfg = cfg, .name = str_of(cfg->policy->workspace), .begin = cfg->rules->from, .why = out->why };
    enum err e;

    *out = (struct sim_end){ .stopped = false };
    p.laid = policy_ref(cfg->policy);
    if (!(e = begin(&p))) run(&p, out);
    if (e && !p.err) play_fail(&p, e, "%s", err_text(e));
    if (!e) tell_rest(&p);
    out->tickets = p.count;
    out->decisions = p.decisions;
    out->last_ms = p.last;
    end(&p);
    return p.err;
}
