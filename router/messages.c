/* What is written of messages, who is told of them, and whose turn it is; how one leaves is attempt.c's.

   Whatever changes a message's state puts it among sending_changed; messages_record writes those rows, in the order of the changes.
   A row that cannot be written now is written later: until then the disk knows an earlier state, which is the safe side.

   People are told of ends through the leader, who knows where they are connected; what cannot be said now is said at the next
   second. */
#include "base/clock.h"
#include "base/log.h"
#include "base/metrics.h"
#include "router/http_out.h"
#include "router/messages_impl.h"
#include "router/replies.h"
#include "router/router.h"

#include <stdio.h>
#include <stdlib.h>

#define TELL_MOST  1000u /* at once */
#define TURN_MOST  1000u /* messages begun, and given up, at once: the loop has others */
#define SWEEP_MOST 2048u

struct sending *messages_of(struct router *r) { return &r->messages.sending; }

const struct sender *messages_sender(void *ctx, const struct out_message *m)
{
    struct door *d = doors_find(ctx, m->row.account);
    bool ours = d && d->ready && d->provider && str_is(m->row.workspace, d->workspace);
    return ours ? sender_of(d) : NULL;
}

/* ---- rows ---- */

static void on_recorded(void *ctx, enum err e, uint64_t number) { sending_wrote(ctx, number, !e); }

enum err messages_write(struct router *r, struct out_message *m, journal_fn *fn, void *ctx)
{
    uint64_t number = 0;
    buf_clear(&r->packed);
    sending_pack(m, &r->packed);
    enum err e = r->packed.err;
    if (!e) e = journal_append(r->journal, ROW_MESSAGE_END, &m->id, buf_str(&r->packed), fn, ctx, &number);
    if (!e) sending_told(messages_of(r), m, number);
    return e;
}

static void log_end(const struct out_message *m)
{
    char id[ID_TEXT + 1], ticket[ID_TEXT + 1];
    const char *state = message_state_words.v[m->state];
    metric_add(MET_MESSAGES, state, 1);
    if (m->state == MESSAGE_FAILED || m->state == MESSAGE_UNKNOWN)
        log_warn("message=%s ticket=%s account=%.*s state=%s part=%u tries=%u cause=\"%s\"", id_text(&m->id, id),
                 id_text(&m->row.ticket, ticket), STR_FMT(m->row.account), state, m->part, m->tries, m->why);
}

void messages_record(struct router *r)
{
    struct out_message *m;
    while ((m = sending_changed(messages_of(r)))) {
        if (messages_write(r, m, on_recorded, m)) return; /* at the next second */
        log_end(m);
    }
}

/* ---- people are told ---- */

static enum err tell(struct router *r, const struct out_message *m)
{
    const char *receipt = m->receipt == RECEIPT_DELIVERED || m->receipt == RECEIPT_READ ? receipt_words.v[m->receipt] : NULL;
    struct act act = { .workspace = m->row.workspace,
                       .kind = ACT_MESSAGE,
                       .router = r->number,
                       .ticket = m->row.ticket,
                       .message = m->id,
                       .privileged = true,
                       .reason = str_of(receipt && m->state == MESSAGE_SENT ? receipt : message_state_words.v[m->state]),
                       .text = str_of(m->why) };
    uint16_t ws;
    if (events_workspace(&r->events, m->row.workspace, &ws)) return ERR_OK;
    buf_clear(&r->packed);
    record_pack(&r->packed, &act_record, &act);
    return r->packed.err ? ERR_OK : leader_send_act(r, ws, buf_str(&r->packed));
}

/* Whom nobody could be told of goes behind the others, and all wait for the next second: no leader is asked again for each message
   that leaves, and one that is away does not stand before another. */
static void tell_people(struct router *r)
{
    struct out_message *m = r->messages.untellable ? NULL : sending_untold(messages_of(r), NULL), *next;
    const struct out_message *last = TAILQ_LAST(&messages_of(r)->untold, out_messages);
    for (uint32_t budget = TELL_MOST; m && budget; m = next, budget--) {
        next = m == last ? NULL : sending_untold(messages_of(r), m);
        bool nobody = !events_ticket(&r->events, &m->row.ticket); /* it has ended */
        bool told = nobody || !tell(r, m);
        sending_heard(messages_of(r), m);
        if (!told) sending_tell_later(messages_of(r), m);
        r->messages.untellable |= !told;
    }
}

/* ---- the turn ---- */

static void arm(struct router *r, uint64_t now)
{
    uint64_t wake = sending_wake(messages_of(r), now);
    if (wake == UINT64_MAX) timer_stop(&r->messages.wake);
    else timer_once(&r->messages.wake, wake > now ? wake - now : 1);
}

void messages_pump(struct router *r)
{
    struct out_message *m;
    uint64_t now = clock_wall_ms();
    if (!r->messages.open || r->stopping) {
        messages_record(r);
        return;
    }
    for (uint32_t n = TURN_MOST; n && sending_late(messages_of(r), now); n--) {
    }
    for (uint32_t n = TURN_MOST; n && (m = sending_next(messages_of(r), now, messages_sender, r)); n--) attempt_start(r, m);
    messages_record(r);
    tell_people(r);
    arm(r, now);
}

static void on_wake(struct timer *t) { messages_pump(t->ctx); }

/* Rows that tell ends go behind the intents, so that none of these is left alone. */
static void rewrite(struct router *r, struct ticket_messages *t)
{
    struct out_message *m;
    TAILQ_FOREACH (m, &t->all, sibling)
        if (message_ended(m) && !m->in_changed && sending_inverted(m) && messages_write(r, m, on_recorded, m))
            return; /* the next time */
}

/* Messages of tickets that are gone from here, once nobody needs them. */
static void sweep(struct router *r)
{
    struct sending *s = messages_of(r);
    uint64_t now = clock_wall_ms();
    if (journal_compacting(r->journal)) return; /* which of a message's rows will go first is not known yet */
    for (size_t n = s->by_ticket.count < SWEEP_MOST ? s->by_ticket.count : SWEEP_MOST; n; n--) {
        struct ticket_messages *t = TAILQ_FIRST(&s->tickets);
        bool gone = !events_ticket(&r->events, &t->ticket);
        if (gone) rewrite(r, t);
        if (gone && sending_over(s, t, now)) sending_drop(s, t);
        else sending_to_back(s, t);
    }
}

/* By "WORKSPACE/ACCOUNT": whose provider's replies wait. */
static void count_waiting(const struct outlet *o)
{
    char label[sizeof o->key];
    memcpy(label, o->key, sizeof label);
    label[strlen(label)] = '/'; /* the account is behind the workspace's end */
    metric_set(MET_MESSAGES_WAITING, label, o->waiting);
}

void messages_tick(struct router *r)
{
    const struct outlet *o;
    for (unsigned i = 0; i < MESSAGE_STATES; i++)
        metric_set(MET_MESSAGES_KEPT, message_state_words.v[i], (double)messages_of(r)->counts[i]);
    r->messages.untellable = false;
    TAILQ_FOREACH (o, &messages_of(r)->outlet_list, link) count_waiting(o);
    sweep(r);
    messages_pump(r);
}

/* ---- from entries ---- */

enum err messages_take(struct router *r, const struct id *id, struct str row, uint64_t **number)
{
    struct out_message *m;
    enum err e = sending_add(messages_of(r), id, row, 0, &m);
    if (!e) *number = &m->row_intent;
    return e;
}

void messages_landed(struct router *r, const struct id *id, bool durable)
{
    struct out_message *m = sending_find(messages_of(r), id);
    if (!m || m->committed) return;
    if (!durable) {
        sending_forget(messages_of(r), m);
        return;
    }
    metric_add(MET_MESSAGES, message_state_words.v[m->state], 1);
    sending_committed(messages_of(r), m, clock_wall_ms());
    messages_pump(r);
}

/* ---- a person's and a provider's word ---- */

enum err messages_resend(struct router *r, struct out_message *m)
{
    enum err e = sending_again(messages_of(r), m, clock_wall_ms());
    messages_pump(r);
    return e;
}

enum err messages_confirm(struct router *r, struct out_message *m)
{
    enum err e = sending_confirm(messages_of(r), m, clock_wall_ms());
    messages_pump(r);
    return e;
}

void messages_receipt(struct router *r, const struct door *d, struct str external, enum receipt what)
{
    struct out_message *m =
        sending_receipt(messages_of(r), str_of(d->workspace), str_of(d->account->name), external, what, clock_wall_ms());
    metric_add(MET_MESSAGE_RECEIPTS, m ? receipt_words.v[what] : "unknown", 1);
    if (m) messages_pump(r);
}

/* ---- opening and closing ---- */

enum err messages_init(struct router *r)
{
    uint64_t seed;
    rng_secret(&seed, sizeof seed);
    enum err e = automatic_init(&r->messages.automatic);
    return e ? e : sending_init(messages_of(r), LIM_MESSAGES, LIM_MESSAGE_BYTES, seed);
}

void messages_row(struct router *r, uint64_t number, enum row_kind kind, const struct id *id, struct str body)
{
    struct out_message *m;
    enum err e =
        kind == ROW_MESSAGE ? sending_add(messages_of(r), id, body, number, &m) : sending_fold(messages_of(r), id, body, number);
    if (e && e != ERR_EXISTS) log_error("row=%llu of a message cannot be used: %s", (unsigned long long)number, err_text(e));
}

/* What was being sent when the last life ended. */
static void recover(struct router *r)
{
    struct out_message *m, *next;
    uint32_t unknown = 0, again = 0;
    for (m = TAILQ_FIRST(&messages_of(r)->open); m; m = next) {
        const struct sender *by = messages_sender(r, m);
        next = TAILQ_NEXT(m, open);
        if (m->state != MESSAGE_SENDING) continue;
        sending_recover(messages_of(r), m, by && by->repeatable, clock_wall_ms());
        unknown += m->state == MESSAGE_UNKNOWN;
        again += m->state == MESSAGE_QUEUED;
    }
    if (unknown || again)
        log_warn("messages=%u were being sent when the last life ended: %u go again, of %u nobody knows whether they came; look at "
                 "GET /v1/messages?state=unknown",
                 unknown + again, again, unknown);
}

/* What was said before, as far as rows tell: by agents, for the lives of tickets; by the policy, for its bounds, which look back
   for less long than a message is kept. */
static void recall(struct router *r)
{
    const struct out_message *m;
    for (size_t i = 0; (m = idmap_next(&messages_of(r)->by_id, &i));) {
        struct str who = m->row.customer.n ? m->row.customer : m->row.conversation;
        struct automatic_words words = { m->row.account, who, m->row.word, &m->id };
        reply_recall(r, m);
        if (m->row.word.n) automatic_was_said(&r->messages.automatic, &words, m->row.at);
    }
}

enum err messages_open(struct router *r)
{
    sending_replayed(messages_of(r));
    recall(r);
    timer_init(&r->messages.wake, &r->loop, on_wake, r);
    enum err e = http_out_open(&r->messages.out, &r->loop);
    if (e) return e;
    r->messages.open = true;
    recover(r);
    timer_once(&r->messages.wake, 1);
    return ERR_OK;
}

void messages_close(struct router *r)
{
    struct out_message *m;
    if (!r->messages.open) return;
    r->messages.open = false;
    timer_fini(&r->messages.wake);
    http_out_close(r->messages.out);
    TAILQ_FOREACH (m, &messages_of(r)->open, open) attempt_let_go(m);
}

void messages_fini(struct router *r)
{
    struct out_message *m;
    TAILQ_FOREACH (m, &messages_of(r)->open, open) attempt_free_own(m);
    sending_fini(messages_of(r));
    automatic_fini(&r->messages.automatic);
    http_out_free(r->messages.out);
}
