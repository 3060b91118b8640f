/* One keep-alive connection of `naru send`: requests written, answers read, each answer put to its shot.

   A shot is in the line of the door that it went out by, in the order of the answers to come, or in `waiting` (the sender's heap)
   until its next try is due, or among the spare; a shot's memory is used again and freed at the end. What the server cannot take
   now (503, 429, 408) and what was under way when the connection broke goes to `waiting` and is said again with the same id.

   A request is a few copies into the door's buffer, with its length known beforehand; the buffer leaves in one write at the end of
   the loop's turn. No door is dropped from inside of on_answer: a wrong answer makes answers_feed fail, and on_bytes drops it. */
#include "base/clock.h"
#include "cli/scan.h"
#include "cli/sender.h"

#include <stdlib.h>

#define CHUNK       16u /* consecutive messages by one door: fewer, larger writes */
#define HINT_MAX_MS 2000u
#define TRY_MIN_MS  20u
#define TRY_MAX_MS  1000u

/* ---- the request ---- */

static char *put(char *to, const void *p, size_t n)
{
    memcpy(to, p, n);
    return to + n;
}

static size_t digits(uint64_t v, char out[20])
{
    char back[20];
    size_t n = 0;

    do back[n++] = (char)('0' + v % 10);
    while (v /= 10);
    for (size_t i = 0; i < n; i++) out[i] = back[n - 1 - i];
    return n;
}

#define PUT_LIT(to, lit) put((to), (lit), sizeof(lit) - 1)

/* {"id":"P-N","account":"A","customer":"P-cK","conversation":"P-cK","text":"…"} */
static void write_request(struct sender *s, struct buf *out, uint64_t n)
{
    static const size_t fixed =
        sizeof "{\"id\":\"-\",\"account\":\"\",\"customer\":\"-c\",\"conversation\":\"-c\",\"text\":\"\"}" - 1;
    struct str text = tsv_text(&s->texts, n);
    char number[20], who[20], length[20];
    size_t number_n = digits(n, number), who_n = digits(s->o.customers ? n % s->o.customers : n, who);
    size_t body = fixed + 3 * s->prefix.n + s->account.n + number_n + 2 * who_n + text.n, length_n = digits(body, length);
    char *to = buf_reserve(out, s->head.n + length_n + 4 + body), *from = to;

    if (!to) return; /* remembered in the buffer; the door is dropped at the end of the turn */
    to = put(to, s->head.p, s->head.n);
    to = put(to, length, length_n);
    to = PUT_LIT(to, "\r\n\r\n{\"id\":\"");
    to = put(to, s->prefix.p, s->prefix.n);
    *to++ = '-';
    to = put(to, number, number_n);
    to = PUT_LIT(to, "\",\"account\":\"");
    to = put(to, s->account.p, s->account.n);
    to = PUT_LIT(to, "\",\"customer\":\"");
    to = put(to, s->prefix.p, s->prefix.n);
    to = PUT_LIT(to, "-c");
    to = put(to, who, who_n);
    to = PUT_LIT(to, "\",\"conversation\":\"");
    to = put(to, s->prefix.p, s->prefix.n);
    to = PUT_LIT(to, "-c");
    to = put(to, who, who_n);
    to = PUT_LIT(to, "\",\"text\":\"");
    to = put(to, text.p, text.n);
    to = PUT_LIT(to, "\"}");
    buf_grow(out, (size_t)(to - from));
}

/* ---- shots ---- */

struct shot *shot_new(struct sender *s)
{
    struct shot *shot = STAILQ_FIRST(&s->spare);

    if (shot) STAILQ_REMOVE_HEAD(&s->spare, link);
    else if (!(shot = malloc(sizeof *shot))) return NULL;
    *shot = (struct shot){ .n = s->next };
    s->under_way++;
    return shot;
}

void shot_done(struct sender *s, struct shot *shot)
{
    s->under_way--;
    STAILQ_INSERT_HEAD(&s->spare, shot, link);
}

static void shot_later(struct sender *s, struct shot *shot, uint64_t after_ms)
{
    shot->due = (struct heap_node){ .key = (int64_t)(clock_mono_ms() + after_ms), .tie = shot->n };
    if (heap_push(&s->waiting, &shot->due)) { /* no memory */
        s->gave_up++;
        shot_done(s, shot);
    }
}

/* ---- answers ---- */

/* The server's own id of the event, out of {"event":"…","duplicate":…}. */
static void note_event(struct sender *s, struct str body)
{
    struct scan_field f[] = { { STR("event"), STR_NONE }, { STR("duplicate"), STR_NONE } };

    if (scan_object(body, f, 2)) return;
    if (str_is(f[1].value, "true")) s->duplicates++;
    if (s->ids && f[0].value.n) {
        fwrite(f[0].value.p, 1, f[0].value.n, s->ids);
        fputc('\n', s->ids);
    }
}

static void acknowledged(struct sender *s, struct shot *shot, const struct answer *a)
{
    s->last_us = clock_mono_us();
    s->accepted++;
    hist_add(&s->acks, s->last_us > shot->from_us ? s->last_us - shot->from_us : 0);
    note_event(s, a->body);
    shot_done(s, shot);
}

static void not_now(struct sender *s, struct shot *shot, const struct answer *a)
{
    unsigned doubled = shot->tries < 6 ? shot->tries : 6;
    uint64_t ms = a->retry_after_ms != ANSWER_NO_HINT ? a->retry_after_ms : (uint64_t)TRY_MIN_MS << doubled;

    if (ms > HINT_MAX_MS) ms = HINT_MAX_MS;
    if (a->retry_after_ms == ANSWER_NO_HINT && ms > TRY_MAX_MS) ms = TRY_MAX_MS;
    shot_later(s, shot, ms - rng_below(&s->hub->rng, ms / 4 + 1));
}

static void refused(struct sender *s, struct shot *shot, const struct answer *a)
{
    char status[20];

    tally_add(&s->refused, (struct str){ status, digits(a->status, status) });
    shot_done(s, shot);
}

static bool on_answer(void *ctx, const struct answer *a)
{
    struct door *d = ctx;
    struct shot *shot = STAILQ_FIRST(&d->line);

    if (!shot) return false;
    STAILQ_REMOVE_HEAD(&d->line, link);
    d->under_way--;
    if (a->status >= 200 && a->status < 300) {
        client_proven(&d->net);
        acknowledged(d->sender, shot, a);
    } else if (a->status == 503 || a->status == 429 || a->status == 408) not_now(d->sender, shot, a);
    else refused(d->sender, shot, a);
    return true;
}

/* ---- doors ---- */

static void on_up(void *ctx)
{
    struct door *d = ctx;
    struct sender *s = d->sender;
    uint64_t now = clock_mono_us();

    answers_init(&d->answers, on_answer, d);
    d->heard_us = now;
    s->doors_up++;
    if (!s->start_us) s->start_us = now;
}

static void on_bytes(void *ctx, const char *p, size_t n)
{
    struct door *d = ctx;
    size_t used;

    d->heard_us = clock_mono_us();
    enum err e = answers_feed(&d->answers, p, n, &used);
    if (e) client_drop(&d->net, e == ERR_CLOSED ? 1 : 0);
}

static void on_down(void *ctx)
{
    struct door *d = ctx;
    struct shot *shot;

    d->sender->doors_up--;
    d->sender->up_us = clock_mono_us();
    while ((shot = STAILQ_FIRST(&d->line))) {
        STAILQ_REMOVE_HEAD(&d->line, link);
        shot_later(d->sender, shot, 0);
    }
    d->under_way = 0;
}

static const struct client_cfg door_cfg = {
    .out_cap = (size_t)1 << 28, .back_off_min = 20, .back_off_max = 1000, .on_up = on_up, .on_bytes = on_bytes, .on_down = on_down
};

struct door *door_pick(struct sender *s)
{
    for (unsigned i = 0; i <= s->o.connections; i++) {
        struct door *d = &s->doors[s->at];
        if (d->net.up && d->under_way < s->door_shots && s->at_count < CHUNK) {
            s->at_count++;
            return d;
        }
        s->at = (s->at + 1) % (unsigned)s->o.connections;
        s->at_count = 0;
    }
    return NULL;
}

void door_fire(struct sender *s, struct door *d, struct shot *shot)
{
    if (shot->tries++) s->retries++;
    write_request(s, client_out(&d->net), shot->n);
    if (d->under_way++ == 0) d->heard_us = clock_mono_us();
    STAILQ_INSERT_TAIL(&d->line, shot, link);
}

void door_init(struct door *d, struct sender *s)
{
    d->sender = s;
    STAILQ_INIT(&d->line);
    client_init(&d->net, s->hub, &door_cfg, d);
    client_start(&d->net, 0);
}
