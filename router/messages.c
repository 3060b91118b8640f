/* What leaves, and what is written of it.

   An attempt is one message on its way: made when sending_next gives it, its row "sending" is written, and only once that is
   durable does the request leave; its end is a row as well. It holds its door, its plan, and copies of what is not the message's
   own: until the row is written another policy may come, and secrets be read again. It is freed when it ends, or when nothing may
   leave any more (messages_close): then its message stays `sending` on the disk, and the next start finds it so.

   Whatever changes a message's state puts it among sending_changed; `record` writes those rows, in the order of the changes. A row
   that cannot be written now is written later: until then the disk knows an earlier state, which is the safe side.

   People are told of ends through the leader, who knows where they are connected; what cannot be said now is said at the next
   second. */
#include "router/messages.h"

#include "base/clock.h"
#include "base/log.h"
#include "base/metrics.h"
#include "base/openssl.h"
#include "router/http_out.h"
#include "router/parts.h"
#include "router/replies.h"
#include "router/router.h"
#include "router/trace.h"

#include <stdio.h>
#include <stdlib.h>

#define WITHIN_MS  30000u
#define LATER_MS   1000u
#define BODY_MOST  (2u << 20)
#define TELL_MOST  1000u /* at once */
#define TURN_MOST  1000u /* messages begun, and given up, at once: the loop has others */
#define SWEEP_MOST 2048u

struct attempt {
    struct router *router;
    struct out_message *m;
    struct door *door;
    const struct sender *by;
    struct send_plan plan;
    struct message_out said;
    struct out_call *call;
    uint32_t parts;
    struct message_context context;
    struct secret user, password; /* the plan's, as they were */
};

static struct sending *of(struct router *r) { return &r->messages.sending; }

static const struct sender *sender_now(void *ctx, const struct out_message *m)
{
    struct door *d = doors_find(ctx, m->row.account);
    bool ours = d && d->ready && d->provider && str_is(m->row.workspace, d->workspace);
    return ours ? sender_of(d) : NULL;
}

/* ---- rows ---- */

static void on_recorded(void *ctx, enum err e, uint64_t number)
{
    struct router *r = ctx;
    if (e) sending_unwritten(of(r), number);
}

static enum err write_end(struct router *r, struct out_message *m, journal_fn *fn, void *ctx)
{
    uint64_t number = 0;
    buf_clear(&r->packed);
    sending_pack(m, &r->packed);
    enum err e = r->packed.err;
    if (!e) e = journal_append(r->journal, ROW_MESSAGE_END, &m->id, buf_str(&r->packed), fn, ctx, &number);
    if (e) return e;
    m->row_end = number;
    sending_told(of(r), m);
    return ERR_OK;
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

static void record(struct router *r)
{
    struct out_message *m;
    while ((m = sending_changed(of(r)))) {
        if (write_end(r, m, on_recorded, r)) return; /* at the next second */
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
    struct out_message *m = r->messages.untellable ? NULL : sending_untold(of(r), NULL), *next;
    const struct out_message *last = TAILQ_LAST(&of(r)->untold, out_messages);
    for (uint32_t budget = TELL_MOST; m && budget; m = next, budget--) {
        next = m == last ? NULL : sending_untold(of(r), m);
        bool nobody = !events_ticket(&r->events, &m->row.ticket); /* it has ended */
        bool told = nobody || !tell(r, m);
        sending_heard(of(r), m);
        if (!told) sending_tell_later(of(r), m);
        r->messages.untellable |= !told;
    }
}

/* ---- an attempt ---- */

static void pump(struct router *r);

static void plan_init(struct send_plan *p)
{
    memset(p, 0, sizeof *p);
    buf_init(&p->url, 8192);
    buf_init(&p->body, BODY_MOST);
    buf_init(&p->headers, 16384);
    buf_init(&p->from, 1024);
    buf_init(&p->to, 1024);
}

static void attempt_free(struct attempt *t)
{
    struct buf *bufs[] = { &t->plan.url, &t->plan.body, &t->plan.headers, &t->plan.from, &t->plan.to };
    for (size_t i = 0; i < sizeof bufs / sizeof *bufs; i++) buf_fini(bufs[i]);
    OPENSSL_cleanse(&t->user, sizeof t->user);
    OPENSSL_cleanse(&t->password, sizeof t->password);
    if (t->m) t->m->own = NULL;
    door_unref(t->door);
    free(t);
}

/* A provider that does not take replies now: its account, what it says and how much waits for it. */
static void log_delay(struct attempt *t, const struct send_result *res)
{
    uint32_t untold;
    char id[ID_TEXT + 1];
    if (!door_may_tell(t->door, DOOR_OUT, clock_wall_ms(), &untold)) return;
    log_warn("account=%s message=%s tries=%u waiting=%u a reply was not taken and goes again: %s (%u more within the last minute)",
             t->door->account->name, id_text(&t->m->id, id), t->m->tries, t->m->lane->outlet->waiting, res->why, untold);
}

/* The end of an attempt, and perhaps the turn of another. */
static void finish(struct attempt *t, const struct send_result *result, bool silent)
{
    struct router *r = t->router;
    struct send_result res = *result;
    bool repeatable = t->by->repeatable && !t->plan.once;
    if (res.end == SEND_UNKNOWN && repeatable) res.end = SEND_AGAIN;
    metric_add(MET_MESSAGE_TRIES, (const char *const[]){ "done", "again", "refused", "unknown" }[res.end], 1);
    if (res.end == SEND_AGAIN) log_delay(t, &res);
    sending_done(of(r), t->m, &res, t->m->part + 1 < t->parts, silent, clock_wall_ms());
    attempt_free(t);
    pump(r);
}

static void judge(struct attempt *t, const struct out_answer *a, struct send_result *res)
{
    struct send_answer said = { .status = a->status, .body = a->body, .retry_after_s = a->retry_after_s };
    if (!a->sent || a->end == OUT_PRIVATE) {
        res->end = a->end == OUT_PRIVATE ? SEND_REFUSED : SEND_AGAIN;
        snprintf(res->why, sizeof res->why, "the provider could not be reached (%s)", out_end_words[a->end]);
    } else if (!a->status) {
        res->end = SEND_UNKNOWN;
        snprintf(res->why, sizeof res->why, "the provider did not answer (%s): the customer may have it", out_end_words[a->end]);
    } else {
        t->by->judge(t->door, &said, res);
        if (res->end == SEND_AGAIN && !res->after_ms) res->after_ms = a->retry_after_s > 3600 ? 3600000 : a->retry_after_s * 1000;
    }
}

static void on_answer(void *ctx, const struct out_answer *a)
{
    struct attempt *t = ctx;
    struct send_result res = { .end = SEND_UNKNOWN };
    t->call = NULL;
    judge(t, a, &res);
    finish(t, &res, !a->status || a->status >= 500);
}

static void send_here(struct attempt *t)
{
    struct send_result res = { .end = SEND_AGAIN };
    t->by->here(t->router, t->door, &t->said, &res);
    finish(t, &res, false);
}

static void send_out(struct attempt *t)
{
    struct send_plan *p = &t->plan;
    bool mail = p->how == SEND_MAIL;
    if (!mail) trace_header(&p->headers, events_ticket(&t->router->events, &t->said.ticket));
    struct out_ask ask = { .url = buf_cstr(&p->url),
                           .method = p->method,
                           .headers = buf_str(&p->headers),
                           .body = buf_str(&p->body),
                           .user = p->user,
                           .password = p->password,
                           .mail_from = mail ? buf_cstr(&p->from) : NULL,
                           .mail_to = mail ? buf_cstr(&p->to) : NULL,
                           .once = !t->by->repeatable || p->once,
                           .within_ms = WITHIN_MS,
                           .now = clock_wall_ms() };
    enum err e = http_out_post(t->router->messages.out, &ask, on_answer, t, &t->call);
    if (!e) return;
    struct send_result res = { .end = e == ERR_RANGE ? SEND_REFUSED : SEND_AGAIN };
    snprintf(res.why, sizeof res.why, e == ERR_RANGE ? "the provider's address cannot be used" : "too many requests are under way");
    finish(t, &res, false);
}

/* It could not be begun: nothing has left. */
static void put_back(struct attempt *t)
{
    metric_add(MET_MESSAGE_TRIES, "unwritten", 1);
    sending_put_back(of(t->router), t->m, clock_wall_ms() + LATER_MS);
    attempt_free(t);
}

/* Its row "sending" is durable, or is not. */
static void on_begun(void *ctx, enum err e, uint64_t number)
{
    struct attempt *t = ctx;
    struct router *r = t->router;
    (void)number;
    if (!e && !r->stopping && r->messages.open) {
        if (t->plan.how == SEND_HERE) send_here(t);
        else send_out(t);
        return;
    }
    struct send_result res = { .end = SEND_AGAIN, .why = "the router is stopping" };
    if (e) {
        put_back(t);
    } else {
        sending_done(of(r), t->m, &res, false, false, clock_wall_ms());
        attempt_free(t);
    }
    record(r);
}

static void refuse_attempt(struct attempt *t, const char *why)
{
    struct send_result res = { .end = SEND_REFUSED };
    snprintf(res.why, sizeof res.why, "%s", why);
    sending_done(of(t->router), t->m, &res, false, false, clock_wall_ms());
    attempt_free(t);
}

/* What the sender is told of this part of the message. False: `why` says what stands against it. */
static bool say(struct attempt *t, uint64_t now, char why[200])
{
    struct out_message *m = t->m;
    const struct message_row *row = &m->row;
    struct str text = row->text;
    message_context(t->router, m, &t->context);
    if (!window_open(t->by, t->context.heard, now, why)) return false;
    t->parts = parts_of(row->text, t->by->text_max, m->part, &text);
    if (!t->parts || t->parts > PARTS_MOST) {
        snprintf(why, 200, t->parts ? "the text is too long: it would be sent in more than %u parts" : "there is no text",
                 PARTS_MOST);
        return false;
    }
    t->said = (struct message_out){ .id = sending_part_id(&m->id, m->part),
                                    .ticket = row->ticket,
                                    .conversation = row->conversation,
                                    .customer = row->customer,
                                    .subject = row->subject,
                                    .text = text,
                                    .language = row->language,
                                    .by = row->by,
                                    .with = { t->context.with, t->context.with_n },
                                    .heard = t->context.heard,
                                    .answered = sending_answered(of(t->router), m) > t->context.heard,
                                    .tries = m->tries,
                                    .now = now };
    return true;
}

static struct attempt *attempt_new(struct router *r, struct out_message *m)
{
    struct door *d = doors_find(r, m->row.account);
    struct attempt *t = d ? calloc(1, sizeof *t) : NULL;
    if (!t) return NULL;
    t->router = r;
    t->m = m;
    t->door = door_ref(d);
    t->by = sender_of(d);
    plan_init(&t->plan);
    m->own = t;
    return t;
}

static bool plan_failed(const struct send_plan *p)
{
    return p->url.err || p->body.err || p->headers.err || p->from.err || p->to.err;
}

/* A text that the plan borrows of its door, kept. */
static bool keep_text(struct secret *kept, struct str *text)
{
    if (text->n > sizeof kept->p) return false;
    if (text->n) memcpy(kept->p, text->p, text->n);
    kept->n = text->n;
    *text = secret_str(kept);
    return true;
}

static enum err plan(struct attempt *t, char why[200])
{
    enum err e = t->by->plan(t->door, &t->said, &t->plan, why);
    if (!e && plan_failed(&t->plan)) e = ERR_NOMEM;
    if (!e && !(keep_text(&t->user, &t->plan.user) && keep_text(&t->password, &t->plan.password))) e = ERR_TOOBIG;
    return e;
}

static void start(struct router *r, struct out_message *m)
{
    uint64_t now = clock_wall_ms();
    struct attempt *t = attempt_new(r, m);
    char why[200] = "";
    if (!t) {
        sending_put_back(of(r), m, now + LATER_MS);
        return;
    }
    if (!say(t, now, why)) {
        refuse_attempt(t, why);
        return;
    }
    enum err e = plan(t, why);
    if (e == ERR_RANGE || e == ERR_TOOBIG) refuse_attempt(t, why[0] ? why : "it cannot be sent by this account");
    else if (e) put_back(t);
    else {
        sending_begin(of(r), m, t->plan.once, now);
        if (write_end(r, m, on_begun, t)) put_back(t);
    }
}

/* ---- the turn ---- */

static void arm(struct router *r, uint64_t now)
{
    uint64_t wake = sending_wake(of(r), now);
    if (wake == UINT64_MAX) timer_stop(&r->messages.wake);
    else timer_once(&r->messages.wake, wake > now ? wake - now : 1);
}

static void pump(struct router *r)
{
    struct out_message *m;
    uint64_t now = clock_wall_ms();
    if (!r->messages.open || r->stopping) {
        record(r);
        return;
    }
    for (uint32_t n = TURN_MOST; n && sending_late(of(r), now); n--) {
    }
    for (uint32_t n = TURN_MOST; n && (m = sending_next(of(r), now, sender_now, r)); n--) start(r, m);
    record(r);
    tell_people(r);
    arm(r, now);
}

static void on_wake(struct timer *t) { pump(t->ctx); }

/* Rows that tell ends go behind the intents, so that none of these is left alone. */
static void rewrite(struct router *r, struct ticket_messages *t)
{
    struct out_message *m;
    TAILQ_FOREACH (m, &t->all, sibling)
        if (message_ended(m) && !m->in_changed && sending_inverted(m) && write_end(r, m, on_recorded, r))
            return; /* the next time */
}

/* Messages of tickets that are gone from here, once nobody needs them. */
static void sweep(struct router *r)
{
    struct sending *s = of(r);
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
    for (unsigned i = 0; i < MESSAGE_STATES; i++) metric_set(MET_MESSAGES_KEPT, message_state_words.v[i], (double)of(r)->counts[i]);
    r->messages.untellable = false;
    TAILQ_FOREACH (o, &of(r)->outlet_list, link) count_waiting(o);
    sweep(r);
    pump(r);
}

/* ---- from entries ---- */

enum err messages_take(struct router *r, const struct id *id, struct str row, uint64_t **number)
{
    struct out_message *m;
    enum err e = sending_add(of(r), id, row, 0, &m);
    if (!e) *number = &m->row_intent;
    return e;
}

void messages_landed(struct router *r, const struct id *id, bool durable)
{
    struct out_message *m = sending_find(of(r), id);
    if (!m || m->committed) return;
    if (!durable) {
        sending_forget(of(r), m);
        return;
    }
    metric_add(MET_MESSAGES, message_state_words.v[m->state], 1);
    sending_committed(of(r), m, clock_wall_ms());
    pump(r);
}

/* ---- a person's and a provider's word ---- */

enum err messages_resend(struct router *r, struct out_message *m)
{
    enum err e = sending_again(of(r), m, clock_wall_ms());
    pump(r);
    return e;
}

enum err messages_confirm(struct router *r, struct out_message *m)
{
    enum err e = sending_confirm(of(r), m, clock_wall_ms());
    pump(r);
    return e;
}

void messages_receipt(struct router *r, const struct door *d, struct str external, enum receipt what)
{
    struct out_message *m = sending_receipt(of(r), str_of(d->workspace), str_of(d->account->name), external, what, clock_wall_ms());
    metric_add(MET_MESSAGE_RECEIPTS, m ? receipt_words.v[what] : "unknown", 1);
    if (m) pump(r);
}

/* ---- opening and closing ---- */

enum err messages_init(struct router *r)
{
    uint64_t seed;
    rng_secret(&seed, sizeof seed);
    enum err e = automatic_init(&r->messages.automatic);
    return e ? e : sending_init(of(r), LIM_MESSAGES, LIM_MESSAGE_BYTES, seed);
}

void messages_row(struct router *r, uint64_t number, enum row_kind kind, const struct id *id, struct str body)
{
    struct out_message *m;
    enum err e = kind == ROW_MESSAGE ? sending_add(of(r), id, body, number, &m) : sending_fold(of(r), id, body, number);
    if (e && e != ERR_EXISTS) log_error("row=%llu of a message cannot be used: %s", (unsigned long long)number, err_text(e));
}

/* What was being sent when the last life ended. */
static void recover(struct router *r)
{
    struct out_message *m, *next;
    uint32_t unknown = 0, again = 0;
    for (m = TAILQ_FIRST(&of(r)->open); m; m = next) {
        const struct sender *by = sender_now(r, m);
        next = TAILQ_NEXT(m, open);
        if (m->state != MESSAGE_SENDING) continue;
        sending_recover(of(r), m, by && by->repeatable, clock_wall_ms());
        unknown += m->state == MESSAGE_UNKNOWN;
        again += m->state == MESSAGE_QUEUED;
    }
    if (unknown || again)
        log_warn("messages=%u were being sent when the last life ended: %u go again, of %u nobody knows whether they came; look at "
                 "GET /v1/messages?state=unknown",
                 unknown + again, again, unknown);
}

/* What was said before, as far as rows tell: by agents, for the lives of tickets; by the policy, for its bounds. */
static void recall(struct router *r)
{
    const struct out_message *m;
    for (size_t i = 0; (m = idmap_next(&of(r)->by_id, &i));) {
        reply_recall(r, m);
        if (m->row.word.n)
            (void)automatic_ask(&r->messages.automatic, m->row.account, m->row.customer.n ? m->row.customer : m->row.conversation,
                                m->row.word, &m->id, m->row.at);
    }
}

enum err messages_open(struct router *r)
{
    sending_replayed(of(r));
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
    TAILQ_FOREACH (m, &of(r)->open, open) {
        struct attempt *t = m->own;
        if (t && t->call) attempt_free(t); /* the others are freed by their rows' callbacks */
    }
}

void messages_fini(struct router *r)
{
    struct out_message *m;
    TAILQ_FOREACH (m, &of(r)->open, open) {
        if (m->own) attempt_free(m->own);
    }
    sending_fini(of(r));
    automatic_fini(&r->messages.automatic);
    http_out_free(r->messages.out);
}
