#include "base/metrics.h"
#include "workers/assign/story.h"

#include <stdlib.h>

/* Why a ticket went where it went: its verdict, its life with the record of each decision, what it waits for, and why not before
   (story.h). Of one that has ended the leader knows no more than the trail: that goes along with the refusal, for the router, which
   has the life. */

#define BODY_MAX 524288u /* of an answer, as in read.c */

static void explain_waits(struct workspace *ws, struct jw *w, const struct id *ticket)
{
    struct story *s = malloc(sizeof *s);

    if (!s || story_find(s, ws, ticket)) {
        free(s);
        return;
    }
    story_tell(ws, s, w);
    story_fini(s);
    free(s);
}

static void explain_ended(struct workspace *ws, const struct act *a)
{
    struct result r = {
        .id = a->id, .status = 404, .problem = STR("ticket-not-found"), .detail = STR("no live ticket has this id")
    };
    struct buf b;
    struct jw w;

    buf_init(&b, BODY_MAX);
    w = jw_on(&b);
    jw_open(&w, '{');
    explain_waits(ws, &w, &a->ticket);
    jw_close(&w, '}');
    if (!b.err) r.body = buf_str(&b);
    metric_add(MET_ACTS_REFUSED, "ticket-not-found", 1);
    change_mail(ws, &(struct out_mail){ .type = MSG_RESULT, .router = a->router, .seq = ws->seq }, &result_record, &r);
    buf_fini(&b);
}

static void explain_life(struct workspace *ws, struct jw *w, const struct ticket *t)
{
    struct str packed;

    jw_key(w, "life"), jw_open(w, '[');
    for (uint32_t at = 0; life_next(&t->life, &at, &packed) && w->out->n < BODY_MAX - 70000;) {
        struct entry e;
        if (record_unpack(&entry_record, &e, packed, &ws->arena)) continue;
        jw_open(w, '{');
        record_json_fields(w, &entry_record, &e);
        if (e.kind != ENTRY_CONFIG && e.detail.n) jw_key(w, "detail"), jw_raw(w, e.detail);
        jw_close(w, '}');
    }
    jw_close(w, ']');
    arena_clear(&ws->arena);
}

/* Why the first message went to its queue. Told only while the policy that judged it is in force: another might route it elsewhere.
 */
static void explain_route(struct workspace *ws, struct jw *w, const struct ticket *t, const struct verdict *v)
{
    const struct event e = { .channel = ticket_text(t, TEXT_CHANNEL), .account = ticket_text(t, TEXT_ACCOUNT) };
    enum route_by by;

    if (!str_is(v->policy, ws->policy_version)) return;
    uint32_t queue = policy_route_by(ws->policy, &e, v, &by);
    jw_key(w, "route"), jw_open(w, '{');
    jw_key(w, "queue"), jw_strz(w, ws->policy->queues[queue].name);
    jw_key(w, "by"), jw_strz(w, route_by_words[by]);
    jw_close(w, '}');
}

static void explain_verdict(struct workspace *ws, struct jw *w, const struct ticket *t)
{
    struct verdict v;

    if (!ticket_text(t, TEXT_VERDICT).n || record_unpack(&verdict_record, &v, ticket_text(t, TEXT_VERDICT), &ws->arena)) return;
    v.event = t->event;
    v.workspace = ws->name;
    jw_key(w, "verdict"), jw_open(w, '{');
    record_json_fields(w, &verdict_record, &v);
    jw_close(w, '}');
    explain_route(ws, w, t, &v);
    arena_clear(&ws->arena);
}

static void explain_waiting(struct workspace *ws, struct jw *w, struct ticket *t)
{
    struct tally n = { 0 };

    if (!t->line) return;
    match_tally(ws, t->line, &n);
    jw_key(w, "waiting_for"), jw_open(w, '{');
    jw_key(w, "free"), jw_u64(w, n.fit);
#define TELL(name) jw_key(w, #name), jw_u64(w, n.name);
    TALLY_MAP(TELL)
#undef TELL
    jw_key(w, "rank"), jw_strz(w, rank_class_words.v[t->lane->rank]);
    if (t->line->only) jw_key(w, "asked"), jw_str(w, t->line->only->name);
    jw_key(w, "ahead"), jw_u64(w, t->line->count - 1); /* others with the same needs, most of them at most */
    jw_key(w, "next_change_in_ms"), jw_u64(w, t->due.node.key > (int64_t)ws->now ? (uint64_t)t->due.node.key - ws->now : 0);
    jw_close(w, '}');
}

void act_explain(struct workspace *ws, const struct act *a)
{
    struct ticket *t = ticket_find(ws, &a->ticket);
    const struct agent *with;
    char id[ID_TEXT + 1];
    struct list needs;
    struct buf b;
    struct jw w;

    if (!t) {
        explain_ended(ws, a);
        return;
    }
    buf_init(&b, BODY_MAX);
    w = jw_on(&b);
    jw_open(&w, '{');
    jw_key(&w, "ticket"), jw_strz(&w, id_text(&t->id, id));
    jw_key(&w, "state"), jw_strz(&w, ticket_state_words.v[t->state]);
    jw_key(&w, "queue"), jw_strz(&w, queue_of(ws, t)->name);
    if ((with = ticket_with(t))) jw_key(&w, "agent"), jw_str(&w, with->name);
    jw_key(&w, "urgency"), jw_strz(&w, urgency_words.v[t->urgency]);
    jw_key(&w, "policy"), jw_strz(&w, ws->policy_version);
    needs = change_needs(ws, t);
    jw_key(&w, "needs"), jw_open(&w, '[');
    for (uint32_t i = 0; i < needs.count; i++) {
        jw_open(&w, '{');
        record_json_fields(&w, &need_record, (struct need *)needs.items + i);
        jw_close(&w, '}');
    }
    jw_close(&w, ']');
    explain_verdict(ws, &w, t);
    explain_waiting(ws, &w, t);
    explain_waits(ws, &w, &t->id);
    explain_life(ws, &w, t);
    jw_close(&w, '}');
    answer_body(ws, a, &b);
}
