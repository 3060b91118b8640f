#include "base/log.h"
#include "base/metrics.h"
#include "workers/assign/process.h"

/* What goes to one router, in the order that keeps promises: an entry only when its batch is in Redis; an offer or a result only
   after the entry that it tells of; a result that confirms a change of a ticket only when the ticket's home has committed it, or
   has been silent for HOME_MS.

   Entries are not queued here: `cursor` walks over the reign's feed, so a router that was away goes on from what it has seen. When
   SEEN stands still although entries are out, they are sent again. */

#define MAIL_CAP  (64u << 20)
#define HOME_MS   3000u
#define REPEAT_MS 2000u

/* ---- parcels ---- */

enum err parcels_put(struct parcels *q, const struct parcel *head, struct str bytes)
{
    size_t before = q->b.n;

    if (!q->b.cap) buf_init(&q->b, MAIL_CAP);
    buf_add(&q->b, head, sizeof *head);
    buf_add(&q->b, bytes.p, bytes.n);
    if (q->b.err) {
        q->b.n = before;
        q->b.err = ERR_OK;
        return ERR_FULL;
    }
    q->count++;
    return ERR_OK;
}

bool parcels_peek(const struct parcels *q, struct parcel *head, struct str *bytes)
{
    if (!q->count) return false;
    memcpy(head, q->b.p + q->at, sizeof *head);
    *bytes = (struct str){ q->b.p + q->at + sizeof *head, head->n };
    return true;
}

void parcels_drop(struct parcels *q)
{
    struct parcel head;

    memcpy(&head, q->b.p + q->at, sizeof head);
    q->at += sizeof head + head.n;
    if (!--q->count) {
        q->at = 0;
        buf_clear(&q->b);
    } else if (q->at > 65536 && q->at > q->b.n / 2) {
        buf_shift(&q->b, q->at);
        q->at = 0;
    }
}

void parcels_fini(struct parcels *q)
{
    buf_fini(&q->b);
    *q = (struct parcels){ 0 };
}

/* ---- the link ---- */

void link_reset(struct link *l)
{
    parcels_fini(&l->mail);
    parcels_fini(&l->confirm);
    *l = (struct link){ .peer = l->peer, .number = l->number };
}

static bool pump_entries(struct reign *r, struct link *l)
{
    struct mailbox *m = r->a->mail;
    bool did = false;

    if (l->cursor < r->feed.first && l->cursor <= r->committed) {
        log_warn("workspace=%s router=%s changes %llu..%llu cannot be told any more", r->name, peer_name(l->peer),
                 (unsigned long long)l->cursor, (unsigned long long)r->feed.first - 1);
        l->cursor = r->feed.first;
    }
    if (l->cursor == l->seen + 1) l->moved_at = assigner_mono(); /* waiting for SEEN begins here */
    while (l->cursor <= r->committed && l->cursor < r->feed.next) {
        if (mailbox_put_packed(m, l->peer, MSG_ENTRY, feed_get(&r->feed, l->cursor))) break;
        l->cursor++;
        did = true;
    }
    return did;
}

static bool pump_mail(struct reign *r, struct link *l)
{
    struct parcel head;
    struct str bytes;
    bool did = false;

    while (parcels_peek(&l->mail, &head, &bytes) && head.seq <= r->committed && (head.seq < l->cursor || !l->met)) {
        enum err e = mailbox_put_packed(r->a->mail, l->peer, (enum msg)head.type, bytes);
        if (e == ERR_FULL || e == ERR_CLOSED) break;
        parcels_drop(&l->mail);
        did = true;
    }
    return did;
}

static bool pump_sync(struct reign *r, struct link *l)
{
    struct sync s = { .workspace = reign_name(r), .epoch = r->epoch, .seq = r->committed };

    if (!l->sync_due || l->cursor <= r->committed) return false;
    if (mailbox_put(r->a->mail, l->peer, MSG_SYNC, &s)) return false;
    space_live_begin(r->ws, l->number);
    l->sync_due = false;
    l->syncing = true;
    l->heard_at = assigner_mono();
    return true;
}

bool link_pump(struct reign *r, struct link *l)
{
    bool did = false;

    if (!peer_is_up(l->peer)) return false;
    if (l->met) did = pump_entries(r, l);
    did |= pump_mail(r, l);
    if (l->met) did |= pump_sync(r, l);
    return did;
}

/* ---- confirmations ---- */

static void release_one(struct reign *r, const struct parcel *head, struct str bytes)
{
    struct link *to = reign_link(r, head->router);

    if (to && parcels_put(&to->mail, &(struct parcel){ .type = head->type, .n = head->n, .seq = head->seq }, bytes))
        metric_add(MET_MBOX_REFUSED, "link_full", 1);
}

void link_release(struct reign *r, struct link *l, bool silent)
{
    struct parcel head;
    struct str bytes;
    uint64_t now = assigner_mono();

    while (parcels_peek(&l->confirm, &head, &bytes)) {
        bool seen = l->met && head.seq <= l->seen;
        if (!seen && (head.seq > r->committed || (!silent && now - head.at < HOME_MS))) return;
        if (!seen) metric_add(MET_HOME_SILENT, "", 1);
        release_one(r, &head, bytes);
        parcels_drop(&l->confirm);
    }
}

/* A router says how far it has all changes. The first time in a reign, that is where its entries go on from. */
void link_seen(struct reign *r, struct link *l, const struct seen *s)
{
    uint64_t now = assigner_mono();

    if (s->epoch != r->epoch) return;
    if (!l->met) {
        l->met = true;
        l->seen = s->seq;
        l->cursor = s->seq + 1;
        l->moved_at = now;
        l->sync_due = true;
        return;
    }
    if (s->seq > l->seen) {
        l->seen = s->seq;
        l->moved_at = now;
        if (l->cursor <= l->seen) l->cursor = l->seen + 1;
        link_release(r, l, false);
        return;
    }
    if (l->cursor > l->seen + 1 && now - l->moved_at >= REPEAT_MS) { /* it waits for what we think is sent */
        l->cursor = l->seen + 1;
        l->moved_at = now;
    }
}
