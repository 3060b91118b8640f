#include "base/clock.h"
#include "base/log.h"
#include "base/metrics.h"
#include "workers/assign/process.h"

#include <stdlib.h>

/* What a workspace decided in a turn, on its way out: its writes and entries to Redis as a batch, its entries into the feed, its
   mail to the links of routers.

   Batches: `first` … `last` in order; those with `sent` wait for an answer. After a lost link all are sent again in order, and the
   fence recognises what was done already. While IN_FLIGHT are under way, inputs gather in the outbox and become one bigger batch. A
   batch belongs to its reign until courier_drop; one whose answer is still awaited then is freed by that answer. */

#define IN_FLIGHT 8u
#define RETRY_MS  500u

static void batch_free(struct batch *b)
{
    apply_fini(b);
    free(b);
}

void courier_drop(struct reign *r)
{
    for (struct batch *b = r->first, *next; b; b = next) {
        next = b->next;
        b->abandoned = true;
        if (!b->sent) batch_free(b);
    }
    r->first = r->last = NULL;
    r->in_flight = 0;
}

/* ---- to Redis ---- */

static void on_applied(void *ctx, const redisReply *reply);

void courier_send(struct reign *r)
{
    for (struct batch *b = r->first; b && r->in_flight < IN_FLIGHT; b = b->next) {
        if (b->sent) continue;
        if (store_apply(r->a->store, reign_name(r), b, on_applied, b)) return; /* again when the link is up */
        r->in_flight++;
    }
}

static void batch_done(struct reign *r, struct batch *b)
{
    r->first = b->next;
    if (!r->first) r->last = NULL;
    if (b->count) r->committed = b->first + b->count - 1;
    if (r->spare) batch_free(b);
    else r->spare = b;
}

static void on_applied(void *ctx, const redisReply *reply)
{
    struct batch *b = ctx;
    struct reign *r = b->reign;
    struct store_reply s = store_read(reply);

    b->sent = false;
    if (b->abandoned) {
        batch_free(b);
        return;
    }
    r->in_flight--;
    if (s.word == STORE_OK || s.word == STORE_DUPLICATE) {
        metric_observe(MET_APPLY_TIME, "", (double)(clock_mono_us() - b->sent_us) / 1e6);
        metric_add(MET_APPLY, "ok", 1);
        batch_done(r, b); /* answers come in the order of the batches, so this is the first */
        return;
    }
    if (!reply) return; /* unknown: sent again when the link is up, or thrown away by stepping down */
    metric_add(MET_APPLY, s.word == STORE_STALE ? "stale" : s.word == STORE_GAP ? "gap" : "error", 1);
    if (s.error.n) log_error("workspace=%s redis refused a batch: %.*s; is it out of memory?", r->name, STR_FMT(s.error));
    if ((s.word == STORE_STALE && s.epoch < r->epoch) || s.word == STORE_GAP) metric_add(MET_STORE_ROLLBACKS, "", 1);
    reign_step_down(r, s.word == STORE_STALE ? "stale" : s.word == STORE_GAP ? "gap" : "refused", s.word ? 50 : RETRY_MS);
}

/* ---- to routers ---- */

static uint64_t slowest(const struct reign *r)
{
    uint64_t keep = r->committed + 1;

    for (uint32_t i = 0; i < r->link_count; i++)
        if (r->links[i].met && peer_is_up(r->links[i].peer) && r->links[i].seen + 1 < keep) keep = r->links[i].seen + 1;
    return keep;
}

/* Room for another turn's changes: not too many batches under way, and nothing lost that a router still needs. */
bool courier_has_room(const struct reign *r)
{
    return r->in_flight < IN_FLIGHT && feed_has_room(&r->feed, 1u << 20, 4096, slowest(r));
}

static void feed_entries(struct reign *r, const struct outbox *o)
{
    uint64_t keep = slowest(r);

    for (uint32_t i = 0; i < o->entry_count; i++)
        (void)feed_put(&r->feed, o->entry[i].seq, (struct str){ o->entries.p + o->entry[i].offset, o->entry[i].length }, keep);
}

static void route_result(struct reign *r, const struct out_mail *m, struct str bytes)
{
    struct link *home = m->confirm ? reign_link(r, m->home) : NULL, *to = reign_link(r, m->router);
    struct parcel head = { .type = m->type, .n = m->length, .seq = m->seq, .at = assigner_mono(), .router = m->router };

    if (!to) return;
    if (m->confirm && !home) metric_add(MET_HOME_SILENT, "", 1);
    if (parcels_put(home ? &home->confirm : &to->mail, &head, bytes)) metric_add(MET_MBOX_REFUSED, "link_full", 1);
}

static void route_mail(struct reign *r, const struct outbox *o)
{
    for (uint32_t i = 0; i < o->mail_count; i++) {
        const struct out_mail *m = &o->mail[i];
        struct str bytes = { o->mail_bytes.p + m->offset, m->length };
        struct parcel head = { .type = m->type, .n = m->length, .seq = m->seq };
        struct link *to;
        if (m->type == MSG_RESULT) route_result(r, m, bytes);
        else if (m->router != SPACE_ALL_ROUTERS && (to = reign_link(r, m->router))) (void)parcels_put(&to->mail, &head, bytes);
        for (uint32_t k = 0; m->router == SPACE_ALL_ROUTERS && k < r->link_count; k++)
            if (peer_is_up(r->links[k].peer)) (void)parcels_put(&r->links[k].mail, &head, bytes);
    }
}

enum err courier_drain(struct reign *r)
{
    struct outbox *o = space_out(r->ws);
    bool more = o->entry_count || o->write_count;
    enum err e = ERR_OK;

    if (!more && !o->mail_count) return ERR_OK;
    feed_entries(r, o);
    route_mail(r, o);
    while (more && !e) {
        struct batch *b = r->spare ? r->spare : calloc(1, sizeof *b);
        r->spare = NULL;
        if (!b) return ERR_NOMEM;
        b->reign = r;
        e = apply_fill(b, r->ws, &more);
        if (r->last) r->last->next = b;
        else r->first = b;
        r->last = b;
    }
    space_out_clear(r->ws);
    return e;
}

void courier_fini(struct reign *r)
{
    courier_drop(r);
    if (r->spare) batch_free(r->spare);
    r->spare = NULL;
}
