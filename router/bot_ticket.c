/* What a bot has to do with a ticket.

   A bot_ticket begins with an offer (or with `assigned` and `message` of a ticket that we did not know) and is in its bot's map
   until the bot has nothing to do with it any more. At most one webhook and one act are under way for it; what comes meanwhile
   waits: later words in `next` (only the last: it has all messages), acts in `todo`, done in the order of their bits.

       offer ──POST──▶ answer ──accept──▶ held ──reply──▶ … ──resolve | handover──▶ gone
                          └────decline──▶ gone     └─message─POST─▶ answer ──reply──▶ …

   A webhook that fails or answers nonsense declines what is offered and hands over what is held. Acts that had no answer are said
   again with the next second: they are harmless twice. `gone` with an act under way waits for its result, which frees it. */
#include "base/clock.h"
#include "base/json.h"
#include "base/log.h"
#include "base/metrics.h"
#include "router/bot_answer.h"
#include "router/bot_impl.h"
#include "router/offer_json.h"
#include "router/router.h"
#include "router/trace.h"

#include <stdio.h>
#include <stdlib.h>

#define MS_TOLD 10000u

enum {
    DO_ACCEPT = 1,
    DO_REPLY = 2,
    DO_HAND_OVER = 4,
    DO_RESOLVE = 8,
    DO_DECLINE = 16,
    DO_ENDS = DO_HAND_OVER | DO_RESOLVE | DO_DECLINE
};

struct bot_ticket {
    struct bot *bot;
    struct id id;
    uint64_t epoch, seq; /* of the token */
    bool held, gone;
    bool acting, again; /* an act is under way; the first of `todo` is to be said again with the next second */
    unsigned todo;
    uint32_t offer_ms; /* an offer stands no longer than this after it came */
    struct out_call *call;
    struct id message;    /* of the reply; none: not asked yet */
    char *reply, *reason; /* of what is to be done; owned, or NULL */
    char *next;           /* to be POSTed after the present one; owned, or NULL */
    size_t next_n;
};

static const struct do_row {
    unsigned bit;
    enum act_kind act;
} do_rows[] = {
    { DO_ACCEPT, ACT_ACCEPT },   { DO_REPLY, ACT_REPLY },     { DO_HAND_OVER, ACT_HANDOVER },
    { DO_RESOLVE, ACT_RESOLVE }, { DO_DECLINE, ACT_DECLINE },
};

static void proceed(struct bot_ticket *t);

/* ---- life ---- */

static struct str key_of(const struct bot_ticket *t) { return (struct str){ (const char *)t->id.b, sizeof t->id.b }; }

static void ticket_free(struct bot_ticket *t)
{
    if (t->call) http_out_cancel(t->call);
    free(t->reply);
    free(t->reason);
    free(t->next);
    free(t);
}

/* Out of the map at once, so that its id may begin anew; freed as soon as no act is under way. */
static void leave(struct bot_ticket *t)
{
    if (!t->gone) map_del(&t->bot->tickets, key_of(t));
    t->gone = true;
    t->todo = 0;
    if (t->call) http_out_cancel(t->call);
    t->call = NULL;
    if (!t->acting) ticket_free(t);
}

static struct bot_ticket *find(struct bot *b, const struct id *id)
{
    return map_get(&b->tickets, (struct str){ (const char *)id->b, sizeof id->b });
}

static struct bot_ticket *begin(struct bot *b, const struct offer *o, bool held)
{
    struct bot_ticket *t = calloc(1, sizeof *t);
    if (!t) return NULL;
    *t = (struct bot_ticket){ .bot = b, .id = o->ticket, .held = held, .offer_ms = o->expires_in };
    if (!map_put(&b->tickets, key_of(t), t)) return t;
    free(t); /* an offer that is not answered expires; the policy's clocks take care of what is held */
    metric_add(MET_BOT_ANSWERS, "failed", 1);
    return NULL;
}

static void take_token(struct bot_ticket *t, const struct offer *o)
{
    if (!o->token_epoch) return;
    t->epoch = o->token_epoch;
    t->seq = o->token_seq;
}

/* ---- what is to be done ---- */

static void set_text(char **to, struct str s)
{
    free(*to);
    *to = s.n ? strndup(s.p, s.n) : NULL;
}

static void give_up(struct bot_ticket *t, const char *why)
{
    set_text(&t->reason, str_of(why));
    t->todo = t->held ? DO_HAND_OVER : DO_DECLINE;
    proceed(t);
}

static const char *result_word(const struct bot_answer *a)
{
    static const char *const words[] = {
        [BOT_KEEPS] = "reply", [BOT_DONE] = "done", [BOT_HANDS_OVER] = "handover", [BOT_DECLINES] = "decline"
    };
    return a->unsure ? "unsure" : words[a->end];
}

static void plan(struct bot_ticket *t, const struct bot_answer *a)
{
    static const unsigned ends[] = {
        [BOT_KEEPS] = 0, [BOT_DONE] = DO_RESOLVE, [BOT_HANDS_OVER] = DO_HAND_OVER, [BOT_DECLINES] = DO_DECLINE
    };
    unsigned last = ends[a->end];
    if (t->held && last == DO_DECLINE) last = DO_HAND_OVER; /* it has been accepted already */
    set_text(&t->reply, a->reply);
    memset(&t->message, 0, sizeof t->message);
    set_text(&t->reason, a->reason);
    t->todo = last | (t->reply ? DO_REPLY : 0) | (t->held || last == DO_DECLINE ? 0 : DO_ACCEPT);
    proceed(t);
}

/* A webhook that is down fails once a ticket: the log says so every ten seconds, the metrics count all. */
static void log_failure(struct bot_ticket *t, const char *what, const char *why, unsigned status)
{
    uint64_t now = clock_mono_ms();
    char id[ID_TEXT + 1];
    if (t->bot->told_at && now - t->bot->told_at < MS_TOLD) return;
    t->bot->told_at = now;
    log_warn("ticket=%s bot=%.*s %s cause=\"%s\" status=%u", id_text(&t->id, id), STR_FMT(bot_name(t->bot)), what, why, status);
}

static void on_answer(void *ctx, const struct out_answer *said)
{
    struct bot_ticket *t = ctx;
    struct bot_answer a;
    struct json *doc = NULL;
    char why[BOT_WHY] = "";
    t->call = NULL;
    if (said->end != OUT_OK) {
        metric_add(MET_BOT_ANSWERS, "failed", 1);
        log_failure(t, "its webhook failed", out_end_words[said->end], said->status);
        snprintf(why, sizeof why, "webhook: %s", out_end_words[said->end]);
        give_up(t, why);
    } else if (bot_answer_read(&a, &doc, said->body, t->bot->below, why)) {
        metric_add(MET_BOT_ANSWERS, "bad", 1);
        log_failure(t, "its webhook's answer cannot be used", why, said->status);
        give_up(t, "webhook: bad answer");
    } else {
        metric_add(MET_BOT_ANSWERS, result_word(&a), 1);
        plan(t, &a);
    }
    json_free(doc);
}

/* ---- asking the webhook ---- */

static uint32_t within(const struct bot_ticket *t)
{
    uint32_t ms = t->bot->within_ms, offer = t->offer_ms - t->offer_ms / 8; /* time to decline before it expires */
    return !t->held && offer && offer < ms ? offer : ms;
}

static void post(struct bot_ticket *t, struct str body)
{
    struct bot *b = t->bot;
    struct buf headers;
    buf_init(&headers, 256);
    trace_header(&headers, events_ticket(&b->router->events, &t->id));
    struct out_ask ask = { .url = b->url,
                           .headers = buf_str(&headers),
                           .body = body,
                           .secret = { b->secret, b->secret_n },
                           .within_ms = within(t),
                           .now = clock_wall_ms() };
    enum err e = http_out_post(b->router->bots.out, &ask, on_answer, t, &t->call);
    buf_fini(&headers);
    if (!e) return;
    t->call = NULL;
    metric_add(MET_BOT_ANSWERS, "failed", 1);
    log_warn("bot=%.*s its webhook cannot be called: %s", STR_FMT(bot_name(b)), err_text(e));
    give_up(t, "webhook: cannot be called");
}

static void ask_bot(struct bot_ticket *t, const struct offer *o)
{
    struct buf *b = &t->bot->router->text;
    buf_clear(b);
    if (!offer_json(b, o) || b->err) return;
    if (!t->call && !t->todo) {
        post(t, buf_str(b));
        return;
    }
    free(t->next);
    t->next_n = b->n;
    if ((t->next = malloc(b->n))) memcpy(t->next, b->p, b->n);
}

static void post_next(struct bot_ticket *t)
{
    char *body = t->next;
    if (!body) return;
    t->next = NULL;
    post(t, (struct str){ body, t->next_n });
    free(body);
}

/* ---- acts ---- */

static void take_result(struct bot_ticket *t, struct str body)
{
    struct json *doc = NULL;
    const char *why;
    size_t at;
    if (!json_parse(&doc, body, LIM_JSON_DEPTH, &at, &why)) (void)parse_token(json_str(json_get(doc, "token")), &t->epoch, &t->seq);
    json_free(doc);
}

static unsigned first_of(unsigned todo) { return todo & (~todo + 1); }

/* Whose ticket it is not any more has nothing to do with it; a reply that cannot be put down does not hold up the rest. */
static void refused(struct bot_ticket *t, unsigned what, unsigned status)
{
    bool theirs = status != 403 && status != 404 && status != 409;
    t->todo &= ~what;
    if (what == DO_REPLY && theirs) proceed(t);
    else leave(t); /* if it is ours all the same, its next message begins it anew */
}

static void on_act(void *ctx, const struct result *res)
{
    struct bot_ticket *t = ctx;
    struct bot *b = t->bot;
    unsigned what = first_of(t->todo);
    t->acting = false;
    b->refs--;
    if (t->gone) {
        ticket_free(t);
    } else if (res->status >= 500) {
        t->again = true;
    } else if (res->status >= 300) {
        char id[ID_TEXT + 1];
        log_info("ticket=%s bot=%.*s refused status=%u: %.*s", id_text(&t->id, id), STR_FMT(bot_name(b)), res->status,
                 STR_FMT(res->detail));
        refused(t, what, res->status);
    } else {
        take_result(t, res->body);
        t->todo &= ~what;
        if (what == DO_ACCEPT) t->held = true;
        if (what & DO_ENDS) leave(t);
        else proceed(t);
    }
}

static void proceed(struct bot_ticket *t)
{
    struct act act;
    unsigned what = first_of(t->todo);
    if (t->acting || t->call || t->gone) return;
    if (!what) {
        post_next(t);
        return;
    }
    t->again = false;
    for (size_t i = 0; i < sizeof do_rows / sizeof *do_rows; i++) {
        if (do_rows[i].bit == what) bot_act(t->bot, &act, do_rows[i].act);
    }
    act.ticket = t->id;
    act.token_epoch = t->epoch;
    act.token_seq = t->seq;
    if (what == DO_REPLY) {
        act.text = str_of(t->reply);
        act.message = t->message;
        messages_name(t->bot->router, &act);
        t->message = act.message; /* asked again it is the same one */
    } else if (what != DO_ACCEPT) act.reason = str_of(t->reason);
    if (acts_ask(&t->bot->router->acts, t->bot->workspace, &act, true, router_now(t->bot->router), on_act, t)) {
        t->again = true;
        return;
    }
    t->acting = true;
    t->bot->refs++;
}

/* ---- words of the leader ---- */

static bool customer_waits(const struct offer *o)
{
    const struct message *m = o->messages.items;
    return o->messages.count && str_is(m[o->messages.count - 1].by, "customer");
}

static void on_offer(struct bot *b, struct bot_ticket *t, const struct offer *o)
{
    if (t && t->held) leave(t), t = NULL; /* it went and came back */
    if (t) {
        take_token(t, o); /* told again, or under another token */
        return;
    }
    if (!(t = begin(b, o, false))) return;
    take_token(t, o);
    ask_bot(t, o);
}

/* Held from before our time, or given by hand; a customer who has no answer yet gets one. */
static void on_assigned(struct bot *b, struct bot_ticket *t, const struct offer *o)
{
    if (t) {
        take_token(t, o);
        if (!t->acting) t->held = true;
        return;
    }
    if (!(t = begin(b, o, true))) return;
    take_token(t, o);
    if (customer_waits(o)) ask_bot(t, o);
}

static void on_message(struct bot *b, struct bot_ticket *t, const struct offer *o)
{
    if (!t && !(t = begin(b, o, true))) return;
    take_token(t, o);
    if (customer_waits(o)) ask_bot(t, o); /* else a colleague wrote */
}

static void on_changed(struct bot *b, struct bot_ticket *t, const struct offer *o)
{
    (void)b;
    if (t) take_token(t, o);
}

static void on_gone(struct bot *b, struct bot_ticket *t, const struct offer *o)
{
    (void)b, (void)o;
    if (t) leave(t);
}

static const struct heard_row {
    const char *what;
    void (*fn)(struct bot *b, struct bot_ticket *t, const struct offer *o); /* t: NULL when it is not known */
} heard_rows[] = {
    { "offer", on_offer },    { "assigned", on_assigned }, { "message", on_message }, { "changed", on_changed },
    { "withdrawn", on_gone }, { "returned", on_gone },     { "ended", on_gone },
};

void bot_tickets_offer(struct bot *b, const struct offer *o)
{
    for (size_t i = 0; i < sizeof heard_rows / sizeof *heard_rows; i++) {
        if (str_is(o->what, heard_rows[i].what)) heard_rows[i].fn(b, find(b, &o->ticket), o);
    }
}

void bot_tickets_tick(struct bot *b, uint64_t now)
{
    struct bot_ticket *t;
    (void)now;
    for (size_t i = 0; (t = map_next(&b->tickets, &i));) {
        if (t->again) proceed(t); /* asks only; results come later */
    }
}

void bot_tickets_drop(struct bot *b)
{
    struct bot_ticket *t;
    for (size_t i = 0; (t = map_next(&b->tickets, &i)); i = 0) leave(t);
}

void bot_tickets_fini(struct bot *b)
{
    bot_tickets_drop(b);
    map_fini(&b->tickets);
}
