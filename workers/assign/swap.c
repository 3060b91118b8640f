#include "base/log.h"
#include "workers/assign/core.h"

#include <stdlib.h>

/* One policy takes the place of another. Every ticket is kept, with its age; offers and holds stand. Each one has its needs, its
   target, whom its customer had last and, if it waits, its line made anew by the rules of its queue as they are now: what is held
   may wait again. One whose queue is gone goes where the policy sends what is known of it.

   Which timeline it goes by is its queue's `swap`:
     all    the new one. What was already done is not done twice: a step counts as taken when one that did the same was. What is
            due by the ticket's age in the new timeline, and was not done, happens at once.
     new    tickets keep the timeline that they came under as long as they are in the queue. The old policy is kept while any of
            them needs it, OLD_POLICIES at most: beyond that the tickets of the oldest take the next one. After a restart of the
            leader all of them take the one in use.

   The same version again (hours laid out further) is no change of timeline. */

/* ---- the same step in two policies ---- */

static bool same_text(const char *a, const char *b) { return a == b || (a && b && strcmp(a, b) == 0); }

static bool same_words(const struct words_list *a, const struct words_list *b)
{
    if (a->count != b->count) return false;
    for (uint32_t i = 0; i < a->count; i++)
        if (strcmp(a->v[i], b->v[i]) != 0) return false;
    return true;
}

static bool same_skills(const struct skills *a, const struct skills *b)
{
    if (a->count != b->count) return false;
    for (uint32_t i = 0; i < a->count; i++)
        if (a->v[i].level != b->v[i].level || !same_text(a->v[i].name, b->v[i].name)) return false;
    return true;
}

static bool same_queue(const struct policy *p, int a, const struct policy *q, int b)
{
    return a < 0 || b < 0 ? (a < 0) == (b < 0) : strcmp(p->queues[a].name, q->queues[b].name) == 0;
}

uint64_t swap_groups(const struct policy *from, uint64_t groups, const struct policy *to)
{
    uint64_t out = 0;

    for (; groups; groups &= groups - 1) {
        int at = policy_group(to, str_of(from->groups[__builtin_ctzll(groups)].name));
        if (at >= 0) out |= 1ull << at;
    }
    return out;
}

/* Does the same to a ticket, whenever that is. */
static bool same_step(const struct policy *p, const struct step *a, const struct policy *q, const struct step *b)
{
    const struct callback *c = &a->callback, *d = &b->callback;

    return a->actions == b->actions && a->narrow == b->narrow && step_waits(a) == step_waits(b) && a->raise == b->raise &&
           a->at_once == b->at_once && c->next_open == d->next_open && c->in_ms == d->in_ms &&
           swap_groups(p, a->add, q) == b->add && same_queue(p, a->move, q, b->move) && same_skills(&a->needs, &b->needs) &&
           same_words(&a->drop, &b->drop) && same_words(&a->notify, &b->notify) && same_text(a->update, b->update) &&
           same_text(a->close, b->close);
}

static uint64_t map_steps(const struct policy *p, const struct queue *from, uint64_t taken, const struct policy *q,
                          const struct queue *to)
{
    uint64_t out = 0;

    for (; taken; taken &= taken - 1) {
        const struct step *s = &from->timeline[__builtin_ctzll(taken)];
        for (uint32_t i = 0; i < to->timeline_count; i++) {
            if (out >> i & 1 || !same_step(p, s, q, &to->timeline[i])) continue;
            out |= 1ull << i;
            break;
        }
    }
    return out;
}

static bool same_overflow(const struct policy *p, const struct overflow *a, const struct policy *q, const struct overflow *b)
{
    const struct callback *c = &a->callback, *d = &b->callback;

    return c->given == d->given && c->next_open == d->next_open && c->in_ms == d->in_ms && same_queue(p, a->move, q, b->move) &&
           same_text(a->refuse, b->refuse) && same_text(a->deflect, b->deflect) &&
           same_text(tell_name(p, a->answer), tell_name(q, b->answer));
}

static uint64_t map_overflow(const struct policy *p, const struct queue *from, uint64_t taken, const struct policy *q,
                             const struct queue *to)
{
    uint64_t out = 0;

    for (; taken; taken &= taken - 1)
        for (uint32_t i = 0; i < to->overflow_count; i++)
            if (same_overflow(p, &from->overflow[__builtin_ctzll(taken)], q, &to->overflow[i])) out |= 1ull << i;
    return out;
}

/* ---- old policies ---- */

const struct queue *timeline_of(const struct workspace *ws, const struct ticket *t)
{
    const struct queue *q = queue_of(ws, t);
    int old = t->under ? policy_queue(t->under->policy, str_of(q->name)) : -1;

    return old < 0 ? q : &t->under->policy->queues[old];
}

uint64_t swap_steps(const struct workspace *ws, const struct ticket *t)
{
    if (!t->under) return t->steps;
    return map_steps(t->under->policy, timeline_of(ws, t), t->steps, ws->policy, queue_of(ws, t));
}

void swap_leave(struct workspace *ws, struct ticket *t)
{
    struct old_policy *o = t->under;

    (void)ws;
    t->under = NULL;
    if (!o || --o->tickets) return;
    policy_unref(o->policy);
    *o = (struct old_policy){ 0 };
}

void swap_fini(struct workspace *ws)
{
    for (uint32_t i = 0; i < OLD_POLICIES; i++) policy_unref(ws->old[i].policy);
}

/* Tickets of an old policy take the one in use. */
static void retire(struct workspace *ws, struct old_policy *o)
{
    struct ticket *t;

    for (size_t i = 0; o->policy && (t = idmap_next(&ws->tickets, &i));) {
        if (t->under != o) continue;
        t->steps = swap_steps(ws, t);
        swap_leave(ws, t);
        change_touch(ws, t);
    }
}

/* Before the swap, while queues have the numbers that tickets know: a place for the policy that goes out of use. */
static struct old_policy *free_place(struct workspace *ws)
{
    struct old_policy *oldest = &ws->old[0];

    for (uint32_t i = 0; i < OLD_POLICIES; i++) {
        if (!ws->old[i].policy) return &ws->old[i];
        if (ws->old[i].at < oldest->at) oldest = &ws->old[i];
    }
    retire(ws, oldest);
    return oldest;
}

/* Is a place needed for the timelines of the policy in use when `p` takes its place? */
static bool keeps_timelines(const struct workspace *ws, const struct policy *p)
{
    if (!ws->policy || strcmp(ws->policy->version, p->version) == 0) return false;
    for (uint32_t i = 0; i < p->queue_count; i++)
        if (p->queues[i].swap == SWAP_NEW) return true;
    return false;
}

/* The ticket goes on by the timeline of `old`, which it was under. */
static void stay_under(struct workspace *ws, struct ticket *t, struct policy *old, struct old_policy *place)
{
    if (t->under || !place) return;
    if (!place->policy) *place = (struct old_policy){ .policy = policy_ref(old), .at = ws->seq };
    t->under = place;
    place->tickets++;
}

/* ---- the swap ---- */

static void take_channels(struct workspace *ws, const struct policy *p)
{
    uint32_t n = p->channel_count < CHANNELS_MAX ? p->channel_count : CHANNELS_MAX - 1;

    memcpy(ws->channels, p->channels, n * sizeof *p->channels);
    ws->channels[n] = (struct channel){ .name = "other", .cost = OTHER_COST, .offer_ms = OTHER_OFFER_MS };
    ws->channel_count = n + 1;
}

static struct wait_queue *new_queues(const struct workspace *ws, const struct policy *p)
{
    struct wait_queue *v = calloc(p->queue_count, sizeof *v);

    for (uint32_t i = 0; v && i < p->queue_count; i++) {
        int old = ws->policy ? policy_queue(ws->policy, str_of(p->queues[i].name)) : -1;
        heap_init(&v[i].by_age, LIM_TICKETS);
        v[i].met = -1;
        if (old < 0) continue;
        v[i].pace = ws->queues[old].pace;
        v[i].met = ws->queues[old].met;
        v[i].told = ws->queues[old].told;
        v[i].told.hours_next = 0;
        memcpy(v[i].sla, ws->queues[old].sla, sizeof v[i].sla);
    }
    return v;
}

/* Queues have other numbers now; what an agent's speed is remembered of keeps its name. */
static void readdress_speeds(struct workspace *ws, const struct policy *old)
{
    for (uint32_t i = 0; old && i < ws->roster.count; i++)
        for (uint32_t k = 0; k < SPEEDS_MAX; k++) {
            struct speed *s = &ws->roster.v[i]->speeds[k];
            int queue = s->pace.fed ? policy_queue(ws->policy, str_of(old->queues[s->queue].name)) : -1;
            *s = queue < 0 ? (struct speed){ 0 } : (struct speed){ .queue = (uint32_t)queue, .pace = s->pace };
        }
}

static void leave_lines(struct workspace *ws)
{
    struct ticket *t;

    for (size_t i = 0; (t = idmap_next(&ws->tickets, &i));) waiting_leave(ws, t);
    waiting_forget_lines(ws);
}

static void to_other_queue(struct workspace *ws, struct ticket *t)
{
    t->queue = ticket_route(ws, t, &t->facts);
    t->steps = t->overflowed = 0;
    t->step_at = ws->now;
    t->offers_made = 0;
    change_touch(ws, t);
}

/* In its queue: what it has gone through, as lines of the new policy. Its row tells them, so it is written. */
static void stay(struct workspace *ws, struct ticket *t, struct policy *old, struct old_policy *place)
{
    const struct queue *was = &old->queues[policy_queue(old, str_of(queue_of(ws, t)->name))], *q = queue_of(ws, t);

    t->overflowed = map_overflow(old, was, t->overflowed, ws->policy, q);
    change_touch(ws, t);
    if (q->swap == SWAP_NEW) {
        stay_under(ws, t, old, place);
        return;
    }
    t->steps = t->under ? swap_steps(ws, t) : map_steps(old, was, t->steps, ws->policy, q);
    swap_leave(ws, t);
}

/* A ticket under the new policy: its queue's number, and the timeline that it goes by. True: its queue is gone, and it has moved.
 */
static bool readdress(struct workspace *ws, struct ticket *t, struct policy *old, struct old_policy *place)
{
    const struct queue *was = old ? &old->queues[t->queue] : NULL;
    int queue = was ? policy_queue(ws->policy, str_of(was->name)) : (int)t->queue;

    t->channel = space_channel(ws, ticket_text(t, TEXT_CHANNEL));
    if (queue < 0) swap_leave(ws, t), to_other_queue(ws, t);
    else t->queue = (uint32_t)queue;
    if (queue >= 0 && was) stay(ws, t, old, place);
    ticket_count_in_queue(ws, t, 1);
    offers_again(ws, t); /* the queue may put it to more, or to fewer, at once */
    if (t->state == TK_OFFERED) ticket_schedule(ws, t);
    ticket_needs_of_queue(ws, t);
    steps_again(ws, t);
    ticket_due_from_sla(ws, t);
    if (queue < 0) log_change(ws, .kind = ENTRY_MOVED, .t = t, .cause = "queue_gone", .keep_token = true); /* who has it goes on */
    return queue < 0;
}

static void enter_lines(struct workspace *ws)
{
    struct ticket *t;

    for (size_t i = 0; (t = idmap_next(&ws->tickets, &i));) {
        continuity_recall(ws, t);
        if (t->state == TK_WAITING && !t->line) (void)waiting_enter(ws, t);
        if (state_live(t->state)) ticket_schedule(ws, t);
    }
}

enum err space_policy(struct workspace *ws, uint64_t now, struct policy *p)
{
    struct wait_queue *queues = new_queues(ws, p);
    struct old_policy *place;
    struct policy *old = ws->policy;
    struct ticket *t;
    uint32_t moved = 0;

    if (now > ws->now) ws->now = now;
    if (!queues) return ERR_NOMEM;
    place = keeps_timelines(ws, p) ? free_place(ws) : NULL;
    leave_lines(ws);
    for (uint32_t i = 0; i < ws->queue_count; i++) heap_fini(&ws->queues[i].by_age);
    free(ws->queues);
    ws->queues = queues;
    ws->queue_count = p->queue_count;
    ws->policy = policy_ref(p);
    memcpy(ws->policy_version, p->version, strlen(p->version) + 1);
    take_channels(ws, p);
    for (size_t i = 0; (t = idmap_next(&ws->tickets, &i));) moved += readdress(ws, t, old, place);
    readdress_speeds(ws, old);
    configure_agents(ws, p);
    trail_cut(ws, TRAIL_POLICY);
    enter_lines(ws);
    ws->shorts_again = true;
    policy_unref(old);
    if (moved) log_warn("workspace=%.*s policy=%s tickets=%u moved cause=queue_gone", STR_FMT(ws->name), p->version, moved);
    return ERR_OK;
}
