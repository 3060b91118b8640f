/* A workspace's policy passes three places:

     next       the newest CONFIG heard of, as bytes, while an older one is still compiling; replaced by a newer one
     job        being loaded and compiled on the thread pool: touches nothing but its own bytes until it is back on the loop
     live       serves. Replaced in one assignment on the loop, between two events: every verdict is made under exactly one policy.
                A policy that is refused leaves the last good one in force.

   Its models are opened by the same job; when their files change later, a job that does only that. One that cannot be opened leaves
   the one before in force, or its stage is passed over.

   So a workspace without `live` and without `job` has never had a good policy. Its events are held for a while, because a router
   that just met us sends policy and events in one breath, and an error counts as an attempt. They are answered when the first
   policy is ready, or refused when it is found bad, or after DESK_HELD_MS.

   An event whose policy lets external scorers answer is held by their table (scorers.c) until they have, or until its deadline;
   then it is answered under the policy that is live at that moment.

   Everything here belongs to the loop's thread but a job's `yaml`, `policy`, `rules` and `why`, which are the worker's between
   uv_queue_work and on_compiled. A job owns its bytes; the desk lives until the last job is back. */
#include "workers/triage/desk.h"

#include "base/clock.h"
#include "base/heap.h"
#include "base/log.h"
#include "base/loop.h"
#include "base/map.h"
#include "base/metrics.h"
#include "base/panic.h"
#include "workers/triage/language.h"
#include "workers/triage/scorers.h"
#include "workers/triage/verdict.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/queue.h>

#define VERDICT_CAP (1u << 20) /* arena of one verdict */
#define DAY_MS      86400000u

struct paper { /* a policy's bytes and where they are from; owns all of it */
    char *yaml;
    size_t n;
    uint64_t at;
    char version[81], source[257];
};
struct job {
    uv_work_t uv;
    struct desk *desk;
    struct workspace *ws;
    struct paper paper;
    uint64_t wall;
    struct rules *rules;       /* the result, or NULL */
    bool only_models;          /* `policy` stays, its models are opened anew */
    struct policy *policy;     /* … a reference of it */
    struct models old, models; /* those in force when the job began (references of ours), and those that are to follow */
    char why[400], models_why[400];
};
struct held {
    STAILQ_ENTRY(held) next;
    void *from;
    uint64_t since;
    size_t n;
    char packed[];
};
struct workspace {
    char name[65];
    struct rules *live;
    struct models models; /* of live */
    struct job *job;
    struct paper next;
    bool has_next;
    uint64_t newest;     /* `at` of the newest policy heard of */
    char version[81];    /* … and its version */
    uint64_t lay_out_at; /* hours are not laid out further before */
    STAILQ_HEAD(, held) held;
};
struct desk {
    uv_loop_t *loop;
    struct desk_cfg cfg;
    struct map workspaces;
    struct scratch *scratch;
    struct arena arena; /* of one verdict, cleared after it */
    size_t held_count, held_bytes;
    struct scorers *scorers;
    struct timer overdue; /* the next deadline of a question */
    uint64_t overdue_at;  /* … UINT64_MAX: none */
    bool grace;           /* the deadline passed; answers that are here already are read first */
    unsigned jobs;
    bool closing;
};

static void copy_text(char *to, size_t room, struct str s)
{
    size_t n = s.n < room - 1 ? s.n : room - 1;
    if (n) memcpy(to, s.p, n);
    to[n] = 0;
}

static void paper_fini(struct paper *p)
{
    free(p->yaml);
    *p = (struct paper){ 0 };
}

static enum err paper_init(struct paper *p, const struct config *c)
{
    *p = (struct paper){ .n = c->body.n, .at = c->at, .yaml = malloc(c->body.n + 1) };
    if (!p->yaml) return ERR_NOMEM;
    if (c->body.n) memcpy(p->yaml, c->body.p, c->body.n);
    copy_text(p->version, sizeof p->version, c->version);
    copy_text(p->source, sizeof p->source, c->source.n ? c->source : STR("policy"));
    return ERR_OK;
}

/* ---- answering ---- */

static void count_verdict(const struct verdict *v, uint64_t took_us)
{
    const struct tag *fired = v->rules.items;
    metric_add(MET_TRIAGE_EVENTS, v->unsure ? "unsure" : "ok", 1);
    metric_observe(MET_TRIAGE_TIME, "", (double)took_us / 1e6);
    for (uint32_t i = 0; i < v->rules.count; i++) metric_add(MET_RULE_HITS, fired[i].name.p, 1); /* a rule_text's: NUL-terminated */
}

static void refuse(struct desk *d, void *from, const struct event *e, struct str error)
{
    struct verdict v;
    verdict_refuse(&v, e, error);
    metric_add(MET_TRIAGE_EVENTS, "error", 1);
    d->cfg.answer(d->cfg.ctx, from, &v);
}

static void answer(struct desk *d, const struct workspace *ws, void *from, const struct event *e, const struct given *given,
                   uint64_t now)
{
    struct verdict v;
    uint64_t start = clock_mono_us();
    enum err err = verdict_make(ws->live, &ws->models, d->scratch, e, given, now, &v, &d->arena);
    uint64_t took = clock_mono_us() - start;
    if (err) {
        refuse(d, from, e, str_of(err_text(err)));
    } else {
        v.took_us = took > UINT32_MAX ? UINT32_MAX : (uint32_t)took;
        count_verdict(&v, took);
        d->cfg.answer(d->cfg.ctx, from, &v);
    }
    arena_clear(&d->arena);
}

/* ---- asking scorers ---- */

static void overdue_arm(struct desk *d)
{
    uint64_t next = scorers_next(d->scorers), now = clock_mono_ms();
    if (next >= d->overdue_at || d->grace) return; /* armed early enough: it looks again when it fires */
    d->overdue_at = next;
    timer_once(&d->overdue, next > now ? next - now : 0);
}

static void on_overdue(struct timer *t)
{
    struct desk *d = t->ctx;
    d->grace = !d->grace;
    if (d->grace) return timer_once(t, 0); /* one turn of the loop: what lies in the inbox is in time */
    d->overdue_at = UINT64_MAX;
    scorers_due(d->scorers, clock_mono_ms());
    overdue_arm(d);
}

static enum err on_question(void *ctx, void *scorer, const struct score *q)
{
    struct desk *d = ctx;
    return d->cfg.ask(d->cfg.ctx, scorer, q);
}

static void on_given(void *ctx, void *from, void *workspace, const struct event *e, const struct given *given)
{
    struct desk *d = ctx;
    struct workspace *ws = workspace;
    answer(d, ws, from, e, given, clock_wall_ms());
}

static struct shown on_show(void *ctx, const struct event *e)
{
    struct desk *d = ctx;
    const struct workspace *ws = map_get(&d->workspaces, e->workspace); /* it has a policy, or nobody would ask */
    struct glance g;
    arena_clear(&d->arena);
    if (verdict_glance(ws->live, &ws->models, d->scratch, e, &g, &d->arena) != ERR_OK) g.language = STR("und");
    return (struct shown){ g.language, g.own };
}

/* True when scorers are asked about `e` and its verdict comes later. */
static bool ask_scorers(struct desk *d, struct workspace *ws, void *from, const struct event *e)
{
    const struct policy *p = rules_policy(ws->live);
    char stated[LANGUAGE_MAX + 1];
    uint32_t within[ANSWER_COUNT], any = 0;
    for (unsigned i = 0; i < ANSWER_COUNT; i++) any |= within[i] = p->external_ms[i];
    if (!any || (!e->text.n && !e->subject.n)) return false;               /* a hang-up says nothing that could be read */
    if (language_stated(e->language, stated)) within[ANSWER_LANGUAGE] = 0; /* no question */
    uint64_t now = clock_mono_ms();
    struct asking a = { .from = from, .workspace = ws, .event = e, .within_ms = within };
    a.stages = scorers_wanted(d->scorers, e->workspace, within, now);
    if (!a.stages) return false;
    if (!scorers_ask(d->scorers, &a, now)) return false;
    overdue_arm(d);
    return true;
}

static void serve(struct desk *d, struct workspace *ws, void *from, const struct event *e, uint64_t now)
{
    if (!ask_scorers(d, ws, from, e)) answer(d, ws, from, e, NULL, now);
}

/* ---- holding ---- */

static void held_take(struct desk *d, struct workspace *ws, struct held *h)
{
    STAILQ_REMOVE_HEAD(&ws->held, next);
    d->held_count--;
    d->held_bytes -= h->n;
}

static void held_answer(struct desk *d, struct workspace *ws, struct held *h, uint64_t now, struct str error)
{
    struct event e;
    struct arena lists;
    arena_init(&lists, VERDICT_CAP);
    if (record_unpack(&event_record, &e, (struct str){ h->packed, h->n }, &lists) == ERR_OK) {
        if (ws->live) serve(d, ws, h->from, &e, now);
        else refuse(d, h->from, &e, error);
    }
    arena_fini(&lists);
}

static void held_release(struct desk *d, struct workspace *ws, uint64_t now, uint64_t before, struct str error)
{
    for (struct held *h; (h = STAILQ_FIRST(&ws->held)) && h->since <= before;) {
        held_take(d, ws, h);
        held_answer(d, ws, h, now, error);
        free(h);
    }
}

static void hold(struct desk *d, struct workspace *ws, void *from, const struct event *e, uint64_t now)
{
    struct buf b;
    struct held *h = NULL;
    buf_init(&b, LIM_ZMQ_MESSAGE);
    record_pack(&b, &event_record, e);
    bool room = !b.err && d->held_count < DESK_HELD_MAX && d->held_bytes + b.n <= DESK_HELD_BYTES;
    if (room) h = malloc(sizeof *h + b.n);
    if (h) {
        *h = (struct held){ .from = from, .since = now, .n = b.n };
        memcpy(h->packed, b.p, b.n);
        STAILQ_INSERT_TAIL(&ws->held, h, next);
        d->held_count++;
        d->held_bytes += h->n;
    } else {
        refuse(d, from, e, STR("no policy"));
    }
    buf_fini(&b);
}

/* ---- compiling ---- */

static void compile_start(struct desk *d, struct workspace *ws, struct paper *take, uint64_t now);

static void on_model(void *ctx, enum model_kind kind, const char *name, const char *why)
{
    struct job *j = ctx;
    size_t n = strlen(j->models_why);
    snprintf(j->models_why + n, sizeof j->models_why - n, "%s%s model %s: %s", n ? "; " : "", model_kind_words.v[kind], name, why);
}

static void on_compile(uv_work_t *uv) /* on a thread of the pool */
{
    struct job *j = container_of(uv, struct job, uv);
    if (j->only_models) {
        models_open(&j->models, j->policy, j->desk->cfg.models, &j->old, on_model, j);
        return;
    }
    struct findings f;
    struct policy *p = NULL;
    struct buf said;
    char why[200];
    findings_init(&f);
    f.checked = true; /* by the router that took it; and rules_new compiles all of it */
    buf_init(&said, LIM_YAML_BYTES);
    enum err e = policy_load(&p, (struct str){ j->paper.yaml, j->paper.n }, j->paper.source, j->wall, &f);
    if (e) {
        findings_text(&f, j->paper.source, &said);
        copy_text(j->why, sizeof j->why, said.n ? buf_str(&said) : str_of(err_text(e)));
    } else if (rules_new(&j->rules, p, why) != ERR_OK) {
        copy_text(j->why, sizeof j->why, str_of(why));
    } else {
        models_open(&j->models, p, j->desk->cfg.models, &j->old, on_model, j);
    }
    policy_unref(p);
    buf_fini(&said);
    findings_fini(&f);
}

static void take_models(struct workspace *ws, struct job *j)
{
    models_fini(&ws->models);
    ws->models = j->models;
    j->models = (struct models){ 0 };
    metric_add(MET_MODEL_LOADS, *j->models_why ? "refused" : "ok", 1);
    if (*j->models_why) log_warn("workspace=%s %s; what was in force stays, or the stage is passed over", ws->name, j->models_why);
    else log_info("workspace=%s models in force", ws->name);
}

static void take_over(struct desk *d, struct workspace *ws, struct job *j)
{
    if (j->only_models) {
        if (ws->live && rules_policy(ws->live) == j->policy) take_models(ws, j);
        return;
    }
    const struct policy *p = j->rules ? rules_policy(j->rules) : NULL;
    if (p && strcmp(p->workspace, ws->name) != 0) {
        snprintf(j->why, sizeof j->why, "it is of workspace %.64s", p->workspace);
    } else if (p && scratch_fit(d->scratch, j->rules) != ERR_OK) {
        snprintf(j->why, sizeof j->why, "out of memory");
    } else if (p) {
        rules_free(ws->live);
        ws->live = j->rules;
        j->rules = NULL;
        metric_add(MET_POLICY_LOADS, "ok", 1);
        take_models(ws, j);
        log_info("workspace=%s policy=%s rules=%" PRIu32 " words=%" PRIu32 " in force", ws->name, p->version, p->rule_count,
                 p->pattern_count);
        return;
    }
    metric_add(MET_POLICY_LOADS, "refused", 1);
    log_warn("workspace=%s policy=%s refused, %s; see naru check: %s", ws->name, j->paper.version,
             ws->live ? "the last good one stays" : "none is in force", j->why);
}

static void desk_end(struct desk *d);

static void on_compiled(uv_work_t *uv, int status)
{
    (void)status;
    struct job *j = container_of(uv, struct job, uv);
    struct desk *d = j->desk;
    struct workspace *ws = j->ws;
    uint64_t now = clock_wall_ms();
    d->jobs--;
    ws->job = NULL;
    if (!d->closing) {
        take_over(d, ws, j);
        if (ws->has_next) compile_start(d, ws, &ws->next, now);
        if (ws->live || !ws->job) held_release(d, ws, now, UINT64_MAX, STR("no policy"));
    }
    rules_free(j->rules);
    policy_unref(j->policy);
    models_fini(&j->models);
    models_fini(&j->old);
    paper_fini(&j->paper);
    free(j);
    if (d->closing && d->jobs == 0) desk_end(d);
}

static void job_start(struct desk *d, struct workspace *ws, struct job *j)
{
    j->desk = d;
    j->ws = ws;
    models_ref(&j->old, &ws->models);
    int rc = uv_queue_work(d->loop, &j->uv, on_compile, on_compiled);
    naru_assert(rc == 0); /* fails only without a callback */
    ws->job = j;
    d->jobs++;
}

/* Takes what `take` owns. */
static void compile_start(struct desk *d, struct workspace *ws, struct paper *take, uint64_t now)
{
    struct job *j = calloc(1, sizeof *j);
    ws->has_next = false;
    if (!j) {
        metric_add(MET_POLICY_LOADS, "refused", 1);
        log_error("workspace=%s policy=%s out of memory, the last good one stays", ws->name, take->version);
        paper_fini(take);
        return;
    }
    *j = (struct job){ .paper = *take, .wall = now };
    *take = (struct paper){ 0 };
    job_start(d, ws, j);
}

/* Hours reach as far as they were laid out when the policy was loaded: long before they end it is loaded again from its bytes. */
static void hours_watch(struct desk *d, struct workspace *ws, uint64_t now)
{
    const struct policy *p = ws->live ? rules_policy(ws->live) : NULL;
    struct paper paper;
    if (!p || ws->job || now < ws->lay_out_at || !policy_stale(p, now)) return;
    ws->lay_out_at = now + DAY_MS; /* should it not be possible */
    struct config same = { .at = ws->newest, .version = str_of(p->version), .source = str_of(p->path), .body = p->yaml };
    if (paper_init(&paper, &same) == ERR_OK) compile_start(d, ws, &paper, now);
}

static void models_watch(struct desk *d, struct workspace *ws)
{
    const struct policy *p = ws->live ? rules_policy(ws->live) : NULL;
    struct job *j = p && !ws->job && models_changed(&ws->models, p, d->cfg.models) ? calloc(1, sizeof *j) : NULL;
    if (!j) return;
    j->only_models = true;
    j->policy = policy_ref((struct policy *)(uintptr_t)p);
    job_start(d, ws, j);
}

/* ---- workspaces ---- */

static struct workspace *workspace_get(struct desk *d, struct str name)
{
    struct workspace *ws = map_get(&d->workspaces, name);
    if (ws || name.n == 0 || name.n > 64) return ws;
    ws = calloc(1, sizeof *ws);
    if (!ws) return NULL;
    copy_text(ws->name, sizeof ws->name, name);
    STAILQ_INIT(&ws->held);
    if (map_put(&d->workspaces, str_of(ws->name), ws) == ERR_OK) return ws;
    free(ws);
    return NULL;
}

static void workspace_free(struct workspace *ws)
{
    for (struct held *h; (h = STAILQ_FIRST(&ws->held));) {
        STAILQ_REMOVE_HEAD(&ws->held, next);
        free(h);
    }
    rules_free(ws->live);
    models_fini(&ws->models);
    paper_fini(&ws->next);
    free(ws);
}

/* ---- the desk ---- */

static const struct models_place nowhere;

enum err desk_open(struct desk **out, uv_loop_t *loop, const struct desk_cfg *cfg)
{
    struct desk *d = calloc(1, sizeof *d);
    if (!d) return ERR_NOMEM;
    struct scorers_cfg scorers = { .ctx = d, .first = clock_wall_ms(), .show = on_show, .send = on_question, .ready = on_given };
    enum err e = scratch_new(&d->scratch);
    if (!e) e = scorers_new(&d->scorers, &scorers);
    if (e) {
        scratch_free(d->scratch);
        free(d);
        return e;
    }
    d->loop = loop;
    d->cfg = *cfg;
    if (!d->cfg.models) d->cfg.models = &nowhere;
    d->overdue_at = UINT64_MAX;
    timer_init(&d->overdue, loop, on_overdue, d);
    map_init(&d->workspaces, DESK_WORKSPACES);
    arena_init(&d->arena, VERDICT_CAP);
    *out = d;
    return ERR_OK;
}

void desk_config(struct desk *d, const struct config *c, uint64_t now_wall_ms)
{
    struct paper paper;
    if (c->kind != CONFIG_POLICY) return; /* agents are no business of triage */
    struct workspace *ws = workspace_get(d, c->workspace);
    if (!ws) {
        metric_add(MET_POLICY_LOADS, "refused", 1);
        log_warn("workspace=%.*s not taken: no name, too many workspaces or out of memory", STR_FMT(c->workspace));
        return;
    }
    if (c->at < ws->newest) return;
    ws->newest = c->at < now_wall_ms + DAY_MS ? c->at : now_wall_ms; /* a router with a wild clock must not shut others out */
    if (c->version.n && str_is(c->version, ws->version)) return;     /* every router sends it */
    if (paper_init(&paper, c) != ERR_OK) {
        log_error("workspace=%s out of memory, policy not taken", ws->name);
        return;
    }
    copy_text(ws->version, sizeof ws->version, c->version);
    if (!ws->job) {
        compile_start(d, ws, &paper, now_wall_ms);
        return;
    }
    paper_fini(&ws->next);
    ws->next = paper;
    ws->has_next = true;
}

void desk_event(struct desk *d, void *from, const struct event *e, uint64_t now_wall_ms)
{
    struct workspace *ws = workspace_get(d, e->workspace);
    if (!ws) refuse(d, from, e, STR("no such workspace"));
    else if (ws->live) serve(d, ws, from, e, now_wall_ms);
    else hold(d, ws, from, e, now_wall_ms);
}

void desk_tick(struct desk *d, uint64_t now_wall_ms)
{
    struct workspace *ws;
    for (size_t i = 0; (ws = map_next(&d->workspaces, &i));) {
        hours_watch(d, ws, now_wall_ms);
        models_watch(d, ws);
    }
    if (d->held_count == 0 || now_wall_ms < DESK_HELD_MS) return;
    for (size_t i = 0; (ws = map_next(&d->workspaces, &i));)
        held_release(d, ws, now_wall_ms, now_wall_ms - DESK_HELD_MS, STR("no policy"));
}

/* ---- scorers, as the process hears of them ---- */

enum err desk_scorer(struct desk *d, void *scorer, const struct scorer *what) { return scorers_join(d->scorers, scorer, what); }
void desk_scored(struct desk *d, void *scorer, const struct scored *said)
{
    scorers_answer(d->scorers, scorer, said, clock_mono_ms());
}
void desk_scorer_room(struct desk *d, void *scorer) { scorers_room(d->scorers, scorer, clock_mono_ms()); }
void desk_scorer_left(struct desk *d, void *scorer) { scorers_leave(d->scorers, scorer); }

/* ---- closing ---- */

static void desk_free(void *ctx)
{
    struct desk *d = ctx;
    struct workspace *ws;
    for (size_t i = 0; (ws = map_next(&d->workspaces, &i));) workspace_free(ws);
    map_fini(&d->workspaces);
    scratch_free(d->scratch);
    scorers_free(d->scorers);
    arena_fini(&d->arena);
    free(d);
}

static void desk_end(struct desk *d)
{
    timer_fini(&d->overdue);
    loop_reap(d->loop, d, desk_free);
}

void desk_close(struct desk *d)
{
    if (!d) return;
    d->closing = true;
    timer_stop(&d->overdue);
    if (d->jobs == 0) desk_end(d);
}
