/* Readers of the stream. What they hear is in the ring (stream_ring.h), packed; each has a position there:

     heard ─▶ ring ── told ──▶ the message, made once ──▶ readers who keep up (at == told)
               │
               └── each by its own ──▶ readers who begin earlier or read slowly (at < told), whenever all that they were sent has
   left

   So a slow reader costs LIM_STREAM_AHEAD bytes and a place in the ring; once the ring has gone over its place it is closed, and
   may come again with its last id. The ring is there while somebody listens and for LIM_STREAM_KEEP_MS longer; else a change costs
   no more than its number, and whoever names an older one is told a gap.

   A reader's `after` is the last change of its workspace that it was told or did not want; a change that is not the next one after
   it is told as a gap first. `after` without an epoch: it has nothing, and misses nothing.

   A reader is freed by reader_end (our word) or on_close (the connection's), whichever comes; both take it off the list. */
#include "router/stream.h"

#include "base/clock.h"
#include "base/log.h"
#include "base/metrics.h"
#include "router/router.h"
#include "router/stream_change.h"

#include <stdlib.h>

#define BEAT_MS  15000u /* silence after which a comment is sent: proxies close what is silent for a minute */
#define AHEAD_MS 10000u /* a name that this router should hear within */
#define ROW_MAX  262144u
#define TEXT_MAX 1048576u

struct stream_reader {
    struct router *router;
    struct http_stream *out;
    TAILQ_ENTRY(stream_reader) link;
    struct stream_ask ask;
    struct change_id after;
    uint64_t at;       /* position of the change to look at next */
    uint64_t said_ms;  /* mono: when something was sent last */
    uint64_t ahead_ms; /* mono: `after` is ahead of what was heard here since; 0: it is not */
    uint16_t workspace;
    unsigned char token[32];
};

enum err streams_init(struct streams *s)
{
    TAILQ_INIT(&s->readers);
    buf_init(&s->packed, ROW_MAX);
    buf_init(&s->text, TEXT_MAX);
    arena_init(&s->scratch, LIM_ZMQ_MESSAGE);
    return stream_ring_init(&s->ring, LIM_STREAM_BYTES, LIM_STREAM_CHANGES, EVENTS_WORKSPACES);
}

void streams_fini(struct streams *s)
{
    struct stream_reader *rd;
    while ((rd = TAILQ_FIRST(&s->readers))) {
        TAILQ_REMOVE(&s->readers, rd, link);
        free(rd);
    }
    stream_ring_fini(&s->ring);
    buf_fini(&s->packed);
    buf_fini(&s->text);
    arena_fini(&s->scratch);
}

/* ---- hearing ---- */

static void pack(struct router *r, const struct entry *en)
{
    bool own, judged = en->kind == ENTRY_OPENED || en->kind == ENTRY_JOINED;
    const struct kept_event *e = events_about(&r->events, en, &own);
    struct str event = e && e->packed ? (struct str){ e->packed, e->packed_n } : STR_NONE;
    struct str verdict = judged && own && e->verdict ? (struct str){ e->verdict, e->verdict_n } : STR_NONE;
    buf_clear(&r->streams.packed);
    stream_change_pack(&r->streams.packed, en, event, own, verdict);
}

void streams_heard(struct router *r, uint16_t workspace, const struct entry *en)
{
    struct streams *s = &r->streams;
    struct stream_change c = {
        .id = { en->epoch, en->seq }, .ticket = en->ticket, .workspace = workspace, .kind = (uint8_t)en->kind, .queue = en->queue
    };
    if (!stream_ring_is_new(&s->ring, workspace, c.id)) return;
    if (!stream_change_told(en)) {
        stream_ring_pass(&s->ring, workspace, c.id);
        return;
    }
    if (!s->count && !s->keep_until) {
        stream_ring_miss(&s->ring, workspace, c.id);
        return;
    }
    pack(r, en);
    c.body = buf_str(&s->packed);
    if (s->packed.err || stream_ring_push(&s->ring, &c))
        log_error("workspace=%s seq=%llu a change is missing from the stream: out of memory", router_workspace(r, workspace),
                  (unsigned long long)en->seq);
}

/* ---- the end of a reader ---- */

static void forget(struct stream_reader *rd, const char *cause)
{
    struct streams *s = &rd->router->streams;
    TAILQ_REMOVE(&s->readers, rd, link);
    metric_set(MET_STREAMS, "", --s->count);
    if (!s->count) s->keep_until = router_now(rd->router) + LIM_STREAM_KEEP_MS;
    metric_add(MET_STREAM_ENDED, cause, 1);
    log_info("workspace=%s streams=%u a stream ended cause=%s", router_workspace(rd->router, rd->workspace), s->count, cause);
    free(rd);
}

static void reader_end(struct stream_reader *rd, const char *cause)
{
    http_stream_end(rd->out);
    forget(rd, cause);
}

static void on_close(void *ctx, enum err why)
{
    forget(ctx, why == ERR_TIMEOUT ? "slow" : why == ERR_UNAVAILABLE ? "stopping" : "client");
}

/* ---- telling ---- */

static void say(struct stream_reader *rd, struct str text)
{
    http_stream_send(rd->out, text);
    rd->said_ms = router_now(rd->router);
}

static void tell_gap(struct stream_reader *rd, struct change_id after, struct change_id next)
{
    struct streams *s = &rd->router->streams;
    s->text_of = 0;
    buf_clear(&s->text);
    stream_gap_message(&s->text, after, next);
    say(rd, buf_str(&s->text));
    s->gaps++;
}

/* The message of the change at `at`, which is `c`; made once for all who ask for it in a row. Empty: it cannot be made. */
static struct str message_of(struct streams *s, uint64_t at, const struct stream_change *c)
{
    if (s->text_of == at + 1) return buf_str(&s->text);
    buf_clear(&s->text);
    enum err e = stream_change_message(&s->text, c, &s->scratch);
    s->text_of = e ? 0 : at + 1;
    if (e) log_error("seq=%llu a change cannot be told: %s", (unsigned long long)c->id.seq, err_text(e));
    return e ? STR_NONE : buf_str(&s->text);
}

static void tell(struct stream_reader *rd, uint64_t at, const struct stream_change *c)
{
    struct streams *s = &rd->router->streams;
    struct str text = message_of(s, at, c);
    if (!text.n) {
        tell_gap(rd, rd->after, c->id);
        return;
    }
    say(rd, text);
    s->changes++;
}

/* Looks at the change at its position, and goes on to the next. */
static void step(struct stream_reader *rd, const struct stream_change *c)
{
    uint64_t at = rd->at++;
    if (c->workspace != rd->workspace) return;
    if (rd->after.epoch && change_cmp(c->id, rd->after) <= 0) return;
    if (stream_gap(rd->after, c)) tell_gap(rd, rd->after, c->id);
    if (stream_ask_wants(&rd->ask, c)) tell(rd, at, c);
    rd->after = c->id;
    rd->ahead_ms = 0;
}

static bool has_room(const struct stream_reader *rd) { return http_stream_unsent(rd->out) < LIM_STREAM_AHEAD; }

/* Who is behind, when all that it was sent has left. */
static void on_room(void *ctx)
{
    struct stream_reader *rd = ctx;
    struct streams *s = &rd->router->streams;
    while (rd->at >= s->ring.head && rd->at < s->told && has_room(rd)) {
        struct stream_change c = stream_ring_at(&s->ring, rd->at);
        step(rd, &c);
    }
}

static void end_the_slow(struct streams *s)
{
    struct stream_reader *next;
    for (struct stream_reader *rd = TAILQ_FIRST(&s->readers); rd; rd = next) {
        next = TAILQ_NEXT(rd, link);
        if (rd->at < s->ring.head) reader_end(rd, "slow");
    }
}

void streams_pump(struct router *r)
{
    struct streams *s = &r->streams;
    struct stream_reader *rd;
    if (!s->count || s->told == s->ring.tail) return;
    end_the_slow(s);
    if (s->told < s->ring.head) s->told = s->ring.head;
    for (; s->told < s->ring.tail; s->told++) {
        struct stream_change c = stream_ring_at(&s->ring, s->told);
        TAILQ_FOREACH (rd, &s->readers, link)
            if (rd->at == s->told && has_room(rd)) step(rd, &c);
    }
}

/* ---- beginning ---- */

static struct stream_reader *reader_new(struct router *r, uint16_t workspace, const struct stream_ask *ask)
{
    struct stream_reader *rd = calloc(1, sizeof *rd);
    if (!rd) return NULL;
    rd->router = r;
    rd->workspace = workspace;
    rd->ask = *ask;
    return rd;
}

/* Its place in the ring; the first words. */
static void begin(struct stream_reader *rd)
{
    struct router *r = rd->router;
    struct streams *s = &r->streams;
    struct change_id last = stream_ring_last(&s->ring, rd->workspace);
    struct stream_place place = { s->told, false };
    if (rd->ask.after.epoch) place = stream_ring_after(&s->ring, rd->workspace, rd->ask.after);
    rd->at = place.at < s->told ? place.at : s->told;
    rd->after = rd->ask.after.epoch ? rd->ask.after : last;
    say(rd, STR("retry: 1000\n\n"));
    if (rd->ask.lost || place.gap) {
        bool kept = place.at < s->ring.tail;
        tell_gap(rd, rd->ask.after, kept ? stream_ring_at(&s->ring, place.at).id : (struct change_id){ 0 });
        rd->after = (struct change_id){ 0 };
    }
    if (change_cmp(rd->after, last) > 0) rd->ahead_ms = router_now(r) + AHEAD_MS;
}

void streams_open(struct router *r, struct http_req *req, uint16_t workspace, const struct stream_ask *ask,
                  const unsigned char token[32])
{
    struct streams *s = &r->streams;
    struct leader *l = leader_of(r, workspace);
    struct stream_reader *rd = l && s->count < LIM_STREAMS ? reader_new(r, workspace, ask) : NULL;
    if (!rd) {
        metric_add(MET_STREAM_ENDED, "full", 1);
        http_problem(req, 503, "overloaded", "too many streams are open here");
        return;
    }
    struct http_stream_cfg cfg = { .ctx = rd, .on_room = on_room, .on_close = on_close };
    if (http_stream_open(req, &cfg, "text/event-stream", "Cache-Control: no-store\r\nX-Accel-Buffering: no\r\n", &rd->out)) {
        free(rd);
        return;
    }
    memcpy(rd->token, token, sizeof rd->token);
    stream_ring_begin(&s->ring, workspace, l->got);
    if (!s->count) s->told = s->ring.tail;
    TAILQ_INSERT_TAIL(&s->readers, rd, link);
    metric_set(MET_STREAMS, "", ++s->count);
    log_info("workspace=%s streams=%u a stream is open", router_workspace(r, workspace), s->count);
    begin(rd);
}

/* ---- the second ---- */

static bool may_listen(const struct stream_reader *rd)
{
    const struct token *t;
    struct router *r = rd->router;
    if (tokens_again(r->tokens, rd->token, clock_wall_ms(), &t)) return false;
    if (t->role != TOKEN_SUPERVISOR && t->role != TOKEN_OPERATOR) return false;
    return !strcmp(t->workspace, "*") || !strcmp(t->workspace, router_workspace(r, rd->workspace));
}

/* What it names was never heard here since: nobody knows what it misses. */
static void give_up_waiting(struct stream_reader *rd)
{
    rd->ahead_ms = 0;
    tell_gap(rd, rd->after, (struct change_id){ 0 });
    rd->after = (struct change_id){ 0 };
}

/* A comment, and the name of the last change that it did not want, so that it comes again with a young one. */
static void beat(struct stream_reader *rd)
{
    char text[CHANGE_TEXT];
    say(rd, STR(":\n"));
    if (rd->after.epoch) {
        say(rd, STR("id: "));
        say(rd, str_of(change_text(rd->after, text)));
        say(rd, STR("\n"));
    }
    say(rd, STR("\n"));
}

void streams_tick(struct router *r, uint64_t now)
{
    struct streams *s = &r->streams;
    struct stream_reader *next;
    for (struct stream_reader *rd = TAILQ_FIRST(&s->readers); rd; rd = next) {
        next = TAILQ_NEXT(rd, link);
        if (!may_listen(rd)) {
            reader_end(rd, "token");
            continue;
        }
        if (rd->ahead_ms && now >= rd->ahead_ms) give_up_waiting(rd);
        if (now - rd->said_ms >= BEAT_MS && !http_stream_unsent(rd->out)) beat(rd);
    }
    if (s->changes) metric_add(MET_STREAM_MESSAGES, "change", (double)s->changes);
    if (s->gaps) metric_add(MET_STREAM_MESSAGES, "gap", (double)s->gaps);
    s->changes = s->gaps = 0;
    if (s->count || !s->keep_until || now < s->keep_until) return;
    s->keep_until = 0;
    stream_ring_drop(&s->ring);
}
