/* An attempt is one message, or a part of a long one, on its way: made when sending_next gives it, its row "sending" is written,
   and only once that is durable does the request leave; its end is a row as well. It holds its door, its plan, and copies of what
   is not the message's own: until the row is written another policy may come, and secrets be read again. It is freed when it ends,
   or when nothing may leave any more (messages_close): then its message stays `sending` on the disk, and the next start finds it
   so. */
#include "base/clock.h"
#include "base/log.h"
#include "base/metrics.h"
#include "base/openssl.h"
#include "router/http_out.h"
#include "router/messages_impl.h"
#include "router/parts.h"
#include "router/replies.h"
#include "router/router.h"
#include "router/trace.h"

#include <stdio.h>
#include <stdlib.h>

#define WITHIN_MS 30000u
#define LATER_MS  1000u
#define BODY_MOST (2u << 20)

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
    sending_done(messages_of(r), t->m, &res, silent, clock_wall_ms());
    attempt_free(t);
    messages_pump(r);
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
    sending_put_back(messages_of(t->router), t->m, clock_wall_ms() + LATER_MS);
    attempt_free(t);
}

/* Its row "sending" is durable, or is not. */
static void on_begun(void *ctx, enum err e, uint64_t number)
{
    struct attempt *t = ctx;
    struct router *r = t->router;
    sending_wrote(t->m, number, !e);
    if (!e && !r->stopping && r->messages.open) {
        if (t->plan.how == SEND_HERE) send_here(t);
        else send_out(t);
        return;
    }
    struct send_result res = { .end = SEND_AGAIN, .why = "the router is stopping" };
    if (e) {
        put_back(t);
    } else {
        sending_done(messages_of(r), t->m, &res, false, clock_wall_ms());
        attempt_free(t);
    }
    messages_record(r);
}

static void refuse_attempt(struct attempt *t, const char *why)
{
    struct send_result res = { .end = SEND_REFUSED };
    snprintf(res.why, sizeof res.why, "%s", why);
    sending_done(messages_of(t->router), t->m, &res, false, clock_wall_ms());
    attempt_free(t);
}

/* A text of which some parts have left must still be cut in the same way: another provider may have come to the account. */
static bool parts_fit(const struct attempt *t, char why[200])
{
    const struct out_message *m = t->m;
    if (!t->parts) snprintf(why, 200, "there is no text");
    else if (t->parts > PARTS_MOST) snprintf(why, 200, "the text is too long: it would be sent in more than %u parts", PARTS_MOST);
    else if (!TAILQ_EMPTY(&m->taken) && t->parts != m->parts)
        snprintf(why, 200, "%u of %u parts were sent, and the account cuts texts otherwise now", sending_parts_taken(m), m->parts);
    else return true;
    return false;
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
    if (!parts_fit(t, why)) return false;
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
                                    .answered = sending_answered(messages_of(t->router), m) > t->context.heard,
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

void attempt_start(struct router *r, struct out_message *m)
{
    uint64_t now = clock_wall_ms();
    struct attempt *t = attempt_new(r, m);
    char why[200] = "";
    if (!t) {
        sending_put_back(messages_of(r), m, now + LATER_MS);
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
        sending_begin(messages_of(r), m, t->parts, t->plan.once, now);
        if (messages_write(r, m, on_begun, t)) put_back(t);
    }
}

void attempt_let_go(struct out_message *m)
{
    struct attempt *t = m->own;
    if (t && t->call) attempt_free(t);
}

void attempt_free_own(struct out_message *m)
{
    if (m->own) attempt_free(m->own);
}
