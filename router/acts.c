/* Slots are a fixed array; an act's id is the slot's number and the slot's turn, so that a late result finds nobody instead of
   somebody else. `waiting` is in the order of asking, hence of deadlines. What could not be sent is in `unsent` too. */
#include "router/acts.h"

#include "base/log.h"

#include <stdlib.h>

struct act_slot {
    TAILQ_ENTRY(act_slot) link, later;
    uint32_t turn;
    uint16_t workspace;
    bool busy, unsent;
    uint64_t asked;
    char *packed;
    uint32_t packed_n;
    act_fn *fn;
    void *ctx;
};

enum err acts_init(struct acts *a, const struct acts_cfg *cfg, uint32_t seed)
{
    memset(a, 0, sizeof *a);
    a->cfg = *cfg;
    TAILQ_INIT(&a->spare);
    TAILQ_INIT(&a->waiting);
    TAILQ_INIT(&a->unsent);
    buf_init(&a->scratch, LIM_ZMQ_MESSAGE);
    a->slots = calloc(LIM_ACTS, sizeof *a->slots);
    if (!a->slots) return ERR_NOMEM;
    for (uint32_t i = 0; i < LIM_ACTS; i++) {
        a->slots[i].turn = seed; /* another life of this process used other numbers */
        TAILQ_INSERT_TAIL(&a->spare, &a->slots[i], link);
    }
    return ERR_OK;
}

static void sent(struct acts *a, struct act_slot *s)
{
    if (!s->unsent) return;
    TAILQ_REMOVE(&a->unsent, s, later);
    s->unsent = false;
    a->unsent_count--;
}

static void unsent(struct acts *a, struct act_slot *s)
{
    if (s->unsent) return;
    TAILQ_INSERT_TAIL(&a->unsent, s, later);
    s->unsent = true;
    a->unsent_count++;
}

static void finish(struct acts *a, struct act_slot *s, const struct result *r)
{
    act_fn *fn = s->fn;
    void *ctx = s->ctx;
    sent(a, s);
    TAILQ_REMOVE(&a->waiting, s, link);
    TAILQ_INSERT_HEAD(&a->spare, s, link); /* the memory that is warm is used first */
    free(s->packed);
    s->packed = NULL;
    s->busy = false;
    s->turn++;
    a->count--;
    fn(ctx, r);
}

static void refuse(struct acts *a, struct act_slot *s, const char *problem, const char *detail)
{
    struct result r = { .status = 503, .problem = str_of(problem), .detail = str_of(detail) };
    finish(a, s, &r);
}

void acts_refuse_all(struct acts *a)
{
    struct act_slot *s;
    while (a->slots && (s = TAILQ_FIRST(&a->waiting))) refuse(a, s, "shutting-down", "the router is stopping");
}

void acts_fini(struct acts *a)
{
    acts_refuse_all(a);
    buf_fini(&a->scratch);
    free(a->slots);
    a->slots = NULL;
}

enum err acts_ask(struct acts *a, uint16_t workspace, struct act *act, bool patient, uint64_t now, act_fn *fn, void *ctx)
{
    struct act_slot *s = TAILQ_FIRST(&a->spare);
    if (!s) return ERR_FULL;
    act->id = (uint64_t)s->turn << 32 | (uint32_t)(s - a->slots);
    buf_clear(&a->scratch);
    record_pack(&a->scratch, &act_record, act);
    if (a->scratch.err) return a->scratch.err;
    enum err err = a->cfg.send(a->cfg.ctx, workspace, buf_str(&a->scratch));
    if (err && err != ERR_FULL && !patient) return ERR_UNAVAILABLE;
    if (!(s->packed = malloc(a->scratch.n))) return ERR_NOMEM;
    memcpy(s->packed, a->scratch.p, a->scratch.n);
    s->packed_n = (uint32_t)a->scratch.n;
    s->workspace = workspace;
    s->asked = now;
    s->fn = fn;
    s->ctx = ctx;
    s->busy = true;
    TAILQ_REMOVE(&a->spare, s, link);
    TAILQ_INSERT_TAIL(&a->waiting, s, link);
    a->count++;
    if (err) unsent(a, s);
    return ERR_OK;
}

void acts_result(struct acts *a, const struct result *r)
{
    uint64_t at = r->id & UINT32_MAX;
    struct act_slot *s = at < LIM_ACTS ? &a->slots[at] : NULL;
    if (s && s->busy && s->turn == r->id >> 32) finish(a, s, r);
    else log_debug("act=%llu its result came too late", (unsigned long long)r->id);
}

void acts_led(struct acts *a, uint16_t workspace)
{
    struct act_slot *s;
    TAILQ_FOREACH (s, &a->waiting, link) {
        if (s->workspace == workspace) unsent(a, s);
    }
}

uint32_t acts_pump(struct acts *a)
{
    uint32_t done = 0, failed = 0;
    struct act_slot *s, *next;
    for (s = TAILQ_FIRST(&a->unsent); s && failed < 64; s = next) {
        next = TAILQ_NEXT(s, later);
        if (a->cfg.send(a->cfg.ctx, s->workspace, (struct str){ s->packed, s->packed_n })) {
            failed++; /* another workspace's may go; but the walk is bounded */
            continue;
        }
        sent(a, s);
        done++;
    }
    return done;
}

void acts_tick(struct acts *a, uint64_t now)
{
    struct act_slot *s;
    while ((s = TAILQ_FIRST(&a->waiting)) && now - s->asked >= ACT_MS) {
        if (s->unsent) refuse(a, s, "not-leading", "nobody leads the workspace now");
        else refuse(a, s, "no-answer", "the leader did not answer in time; the act may still have been done");
    }
}
