/* What joins the outbox (hook_box.c) to the journal: a change on its way in, and the rows of what became of it.

   hooks_keep makes a change's row and remembers it; leader.c appends it; hooks_landed lets it into its lanes. How it leaves is
   hook_send.c's, to whom hook_target.c's. */
#include "router/hooks.h"

#include "base/clock.h"
#include "base/log.h"
#include "base/metrics.h"
#include "router/hook_event.h"
#include "router/hook_target.h"
#include "router/http_out.h"
#include "router/router.h"

#include <stdlib.h>

#define ROW_MOST 160000u /* an entry with its detail, and some facts */

const char *const hook_state_words[HOOK_STATE_COUNT] = { "on", "failing", "gone", "no-secret" };

/* ---- coming in ---- */

/* A ticket's changes are told by its home, where its lane is, also when another router took the event. */
static bool is_teller(const struct router *r, const struct entry *en)
{
    return r->number == (id_is_none(&en->ticket) ? en->home : id_home(&en->ticket));
}

static uint32_t who_wants(struct router *r, uint16_t workspace, const struct entry *en, struct listener *out[], struct tag names[])
{
    const struct hook_wants *w = r->hooks.wants[workspace];
    uint32_t count = 0;
    if (!w || en->kind >= 64 || !(w->kinds >> en->kind & 1) || !is_teller(r, en)) return 0;
    if (en->kind == ENTRY_CONFIG && !en->agent.n) return 0; /* a policy */
    for (uint32_t i = 0; i < w->count; i++) {
        if (!(hook_target_of(w->v[i])->kinds >> en->kind & 1)) continue;
        names[count].name = str_of(w->v[i]->name);
        out[count++] = w->v[i];
    }
    return count;
}

/* What this router knows of the ticket now, before the entry changes it. */
static void add_facts(struct router *r, const struct entry *en, struct hook_row *row)
{
    struct arena *a = &r->hooks.scratch;
    bool own;
    const struct kept_event *e = events_about(&r->events, en, &own);
    bool judged = en->kind == ENTRY_OPENED || en->kind == ENTRY_JOINED;
    struct event event;
    struct verdict verdict;
    if (!e || !e->packed || record_unpack(&event_record, &event, (struct str){ e->packed, e->packed_n }, a)) return;
    judged = judged && own && e->verdict && !record_unpack(&verdict_record, &verdict, (struct str){ e->verdict, e->verdict_n }, a);
    hook_row_facts(row, &event, own, judged ? &verdict : NULL);
}

/* Those for whom there was room. */
static struct list names_of(const struct hook *h, struct tag names[])
{
    for (uint8_t i = 0; i < h->count; i++) names[i].name = str_of(h->told[i].to->name);
    return (struct list){ names, h->count };
}

static enum err make_row(struct router *r, const struct entry *en, struct hook *h, struct str *out)
{
    struct hooks *k = &r->hooks;
    struct tag names[LIM_WEBHOOKS];
    struct hook_row row = { .entry = *en, .to = names_of(h, names) };
    if (en->kind == ENTRY_CONFIG) row.entry.detail = STR_NONE;
    add_facts(r, en, &row);
    buf_clear(&k->row);
    record_pack_short(&k->row, &hook_row_record, &row);
    if (k->row.err) return k->row.err;
    *out = buf_str(&k->row);
    hookbox_body(&k->box, h, *out);
    return ERR_OK;
}

enum err hooks_keep(struct router *r, uint16_t workspace, const struct entry *en, struct hook **out, struct str *row)
{
    struct hooks *k = &r->hooks;
    struct listener *to[LIM_WEBHOOKS];
    struct tag names[LIM_WEBHOOKS];
    char subject[160];
    *out = NULL;
    hook_targets_look(r);
    uint32_t count = who_wants(r, workspace, en, to, names);
    if (!count) return ERR_OK;
    struct hook_new n = { .id = hook_id(en),
                          .epoch = en->epoch,
                          .seq = en->seq,
                          .at = en->at,
                          .subject = hook_subject(en, subject),
                          .to = to,
                          .count = count };
    struct hook *h;
    enum err e = hookbox_add(&k->box, &n, &h);
    if (e == ERR_EXISTS) return h->landed ? ERR_OK : ERR_BUSY; /* told twice: its row is there, or on its way */
    if (e == ERR_FULL) return ERR_OK;                          /* counted there */
    if (e) return e;
    arena_clear(&k->scratch);
    e = make_row(r, en, h, row);
    if (e) hookbox_failed(&k->box, h);
    else *out = h;
    return e;
}

void hooks_landed(struct router *r, const struct id *id, uint64_t row)
{
    struct hook *h = idmap_get(&r->hooks.box.hooks, id);
    if (!h || h->landed) return;
    hookbox_landed(&r->hooks.box, h, row);
    metric_add(MET_HOOKS, "kept", 1);
}

void hooks_failed(struct router *r, const struct id *id)
{
    struct hook *h = idmap_get(&r->hooks.box.hooks, id);
    if (h && !h->landed) hookbox_failed(&r->hooks.box, h);
}

enum err hooks_row(struct router *r, uint64_t number, enum row_kind kind, const struct id *id, struct str body)
{
    struct hooks *k = &r->hooks;
    struct hook_row row;
    struct hook_end end;
    char subject[160];
    arena_clear(&k->scratch);
    enum err e = kind == ROW_HOOK ? record_unpack(&hook_row_record, &row, body, &k->scratch)
                                  : record_unpack(&hook_end_record, &end, body, &k->scratch);
    if (e) return e;
    if (kind == ROW_HOOK_END) return hookbox_row_end(&k->box, number, id, &end);
    return hookbox_row(&k->box, number, id, &row, hook_subject(&row.entry, subject));
}

/* ---- the end of a turn ---- */

static bool write_ends(struct router *r)
{
    struct hooks *k = &r->hooks;
    struct hook *h;
    bool did = false;
    while ((h = hookbox_changed(&k->box))) {
        uint64_t row;
        buf_clear(&k->row);
        hookbox_pack_end(h, &k->row);
        if (k->row.err || journal_append(r->journal, ROW_HOOK_END, &h->id, buf_str(&k->row), NULL, NULL, &row)) break;
        hookbox_written(&k->box, h, row);
        did = true;
    }
    return did;
}

bool hooks_pump(struct router *r)
{
    if (!r->hooks.ready || r->hooks.closed) return false;
    hook_send_due(r);
    return write_ends(r);
}

/* ---- the second ---- */

static void tell_metrics(struct listener *l, uint64_t now)
{
    struct hook_target *t = l->own;
    uint64_t oldest = hookbox_oldest(l);
    metric_set(MET_HOOK_BACKLOG, t->label, l->backlog);
    metric_set(MET_HOOK_OLDEST, t->label, oldest && now > oldest ? (double)(now - oldest) / 1000 : 0);
    metric_set(MET_HOOK_DEAD, t->label, l->dead);
    metric_set(MET_HOOK_STATE, t->label, hooks_state(l));
    if (l->dropped != t->told_dropped) {
        metric_add(MET_HOOKS, "dropped", (double)(l->dropped - t->told_dropped));
        log_error("webhook=%s changes=%llu were dropped: %u wait already, or it is not named any more", t->label,
                  (unsigned long long)(l->dropped - t->told_dropped), l->backlog);
    }
    t->told_dropped = l->dropped;
}

void hooks_tick(struct router *r)
{
    struct hookbox *b = &r->hooks.box;
    uint64_t now = clock_wall_ms();
    if (!r->hooks.ready) return;
    hook_targets_look(r);
    hookbox_tick(b, now);
    for (uint32_t i = 0; i < b->count; i++)
        if (b->v[i]->own) tell_metrics(b->v[i], now);
}

/* ---- the router's words ---- */

enum err hooks_init(struct router *r)
{
    struct hooks *k = &r->hooks;
    uint64_t seed;
    rng_secret(&seed, sizeof seed);
    hookbox_init(&k->box, LIM_HOOKS, LIM_HOOKS_EACH, seed);
    arena_init(&k->scratch, LIM_ZMQ_MESSAGE * 4);
    buf_init(&k->row, ROW_MOST);
    buf_init(&k->json, 4 * ROW_MOST);
    buf_init(&k->headers, 65536);
    k->wants = calloc(EVENTS_WORKSPACES, sizeof(void *));
    return k->wants ? http_out_open(&k->out, &r->loop) : ERR_NOMEM;
}

void hooks_open(struct router *r)
{
    struct hookbox *b = &r->hooks.box;
    uint64_t pending = 0, dead = 0;
    hookbox_replayed(b);
    hook_targets_read(r);
    r->hooks.ready = true;
    for (uint32_t i = 0; i < b->count; i++) {
        pending += b->v[i]->backlog;
        dead += b->v[i]->dead;
    }
    if (pending || dead)
        log_info("webhooks=%u changes=%llu are still to be told dead_letters=%llu", b->count, (unsigned long long)pending,
                 (unsigned long long)dead);
}

void hooks_close(struct router *r)
{
    if (r->hooks.closed) return;
    (void)write_ends(r);
    r->hooks.closed = true;
    http_out_close(r->hooks.out);
}

void hooks_fini(struct router *r)
{
    struct hooks *k = &r->hooks;
    hook_targets_fini(r);
    hookbox_fini(&k->box);
    http_out_free(k->out);
    arena_fini(&k->scratch);
    buf_fini(&k->row);
    buf_fini(&k->json);
    buf_fini(&k->headers);
}
