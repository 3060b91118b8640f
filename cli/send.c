/* naru send: customers who write messages from a file; a load client through the public door, POST /v1/events.

   Every message is a `shot`. It is either in the line of the door (connection) that it went out by, in the order of the answers to
   come, or in `waiting` until its next try is due; it is freed when it was acknowledged, refused or given up. What the server
   cannot take now (503, 429) and what was under way when a connection broke is said again with the same id, so nothing is lost and
   nothing counts twice: the server knows the id.

   With --rate the loop is open: message n has its planned moment, is sent then or as soon after as there is room, and its latency
   counts from the plan, so that a stall of the server is seen by all whom it would have kept waiting. With --closed N messages are
   under way at any time, and a latency counts from the first try.

   The file's texts are escaped for JSON once, when loaded; a request is a few copies into the buffer of its door, written once a
   turn. `pump`, at the end of every turn, is the only place that sends. */
#include "base/clock.h"
#include "base/heap.h"
#include "base/json.h"
#include "base/limits.h"
#include "base/log.h"
#include "base/opt.h"
#include "cli/cli.h"
#include "cli/client.h"
#include "cli/hist.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <strings.h>
#include <sys/timerfd.h>
#include <unistd.h>
#include <zlib.h>

#define DOORS_MAX   256u
#define DOOR_SHOTS  200u /* under way on one connection; the server reads no further than LIM_HTTP_PIPELINE */
#define CHUNK       16u  /* consecutive messages by one door: fewer, larger writes */
#define SHOTS_MAX   65536u
#define FILE_MAX    ((size_t)1 << 30)
#define ROWS_MAX    (UINT32_C(1) << 27)
#define HINT_MAX_MS 2000u
#define TRY_MIN_MS  20u
#define TRY_MAX_MS  1000u
#define SILENT_US   (40u * 1000000u) /* longer than any answer takes */
#define FAREWELL_MS 2000u

struct send_opts {
    const char *file, *column, *account, *url, *token, *token_file, *prefix, *ids;
    double rate;
    uint64_t closed, count, connections, customers, retry_for;
    bool json;
};

static const struct opt rows[] = {
    { "file", OPT_STR, offsetof(struct send_opts, file), NULL, 0, 0, "F.tsv[.gz]",
      "messages: tab-separated, the first line names the columns" },
    { "text", OPT_STR, offsetof(struct send_opts, column), NULL, 0, 0, "COLUMN",
      "column of the text, by name or number (default: text, document, message, utterance or body, else the first)" },
    { "account", OPT_STR, offsetof(struct send_opts, account), "web", 0, 0, "NAME", "account that the messages come in by" },
    { "rate", OPT_F64, offsetof(struct send_opts, rate), NULL, 0, 0, "R", "messages a second, whatever the answers (open loop)" },
    { "closed", OPT_U64, offsetof(struct send_opts, closed), "64", 1, 51200, "N",
      "messages under way at any time, without --rate (closed loop)" },
    { "count", OPT_U64, offsetof(struct send_opts, count), NULL, 0, 0, "N",
      "messages in all; the file repeats (default: its rows once)" },
    { "url", OPT_STR, offsetof(struct send_opts, url), "http://127.0.0.1:8080", 0, 0, "URL", "where Naru is" },
    { "token", OPT_STR, offsetof(struct send_opts, token), NULL, 0, 0, "TOKEN", "access token" },
    { "token-file", OPT_STR, offsetof(struct send_opts, token_file), NULL, 0, 0, "FILE",
      "file with the access token (default: operator.token in the data folder)" },
    { "connections", OPT_U64, offsetof(struct send_opts, connections), "8", 1, DOORS_MAX, "N", "keep-alive connections" },
    { "prefix", OPT_STR, offsetof(struct send_opts, prefix), NULL, 0, 0, "WORD", "ids begin with it (default: random)" },
    { "customers", OPT_U64, offsetof(struct send_opts, customers), NULL, 0, 0, "K",
      "customers who take turns (default: one a message)" },
    { "ids", OPT_STR, offsetof(struct send_opts, ids), NULL, 0, 0, "FILE",
      "write the ids of acknowledged events there, one a line" },
    { "retry-for", OPT_MS, offsetof(struct send_opts, retry_for), "60s", 0, 0, "TIME", "how long one message is tried again" },
    { "json", OPT_FLAG, offsetof(struct send_opts, json), NULL, 0, 0, NULL, "the summary as one JSON object" },
    { NULL, OPT_STR, 0, NULL, 0, 0, NULL, NULL },
};

/* ---- the texts ---- */

struct text_row {
    size_t at;
    uint32_t n;
};
struct texts {
    struct buf escaped; /* all texts one after the other, ready to stand inside of JSON quotes */
    struct text_row *rows;
    size_t count, room;
    uint64_t bad_utf8, empty, too_long;
};

static int complain(const char *what, const char *why)
{
    fprintf(stderr, "naru send: %s: %s\n", what, why);
    return 2;
}

static bool read_file(const char *path, struct buf *out)
{
    gzFile f = gzopen(path, "rb"); /* reads plain files as they are */
    int n = -1;

    if (!f) return complain(path, strerror(errno)), false;
    gzbuffer(f, 262144);
    for (char *to; (to = buf_reserve(out, 262144)) && (n = gzread(f, to, 262144)) > 0;) buf_grow(out, (size_t)n);
    gzclose_r(f);
    if (out->err) complain(path, err_text(out->err));
    else if (n < 0) complain(path, "cannot be read, or is damaged");
    return !out->err && n == 0;
}

static bool next_line(struct str *rest, struct str *line)
{
    if (rest->n == 0) return false;
    const char *end = memchr(rest->p, '\n', rest->n);
    size_t n = end ? (size_t)(end - rest->p) : rest->n, step = end ? n + 1 : n;
    *line = (struct str){ rest->p, n && rest->p[n - 1] == '\r' ? n - 1 : n };
    *rest = (struct str){ rest->p + step, rest->n - step };
    return true;
}

/* Cell `column` (from 0); STR_NONE when the line is shorter. */
static struct str cell(struct str line, unsigned column)
{
    for (;; column--) {
        const char *tab = line.n ? memchr(line.p, '\t', line.n) : NULL;
        size_t n = tab ? (size_t)(tab - line.p) : line.n;
        if (column == 0) return (struct str){ line.p, n };
        if (!tab) return STR_NONE;
        line = (struct str){ tab + 1, line.n - n - 1 };
    }
}

static unsigned column_count(struct str header)
{
    unsigned n = 1;
    for (size_t i = 0; i < header.n; i++) n += header.p[i] == '\t';
    return n;
}

static int column_named(struct str header, const char *name)
{
    for (unsigned i = 0; i < column_count(header); i++) {
        struct str c = cell(header, i);
        if (c.n == strlen(name) && !strncasecmp(c.p, name, c.n)) return (int)i;
    }
    return -1;
}

static int find_column(struct str header, const char *wanted)
{
    static const char *const usual[] = { "text", "document", "message", "utterance", "body" };
    uint64_t number;
    int found = -1;

    if (!wanted) {
        for (size_t i = 0; found < 0 && i < sizeof usual / sizeof *usual; i++) found = column_named(header, usual[i]);
        return found < 0 ? 0 : found;
    }
    found = column_named(header, wanted);
    if (found < 0 && !str_u64(str_of(wanted), 1, column_count(header), &number)) found = (int)number - 1;
    if (found < 0) fprintf(stderr, "naru send: --text %s: the columns are: %.*s\n", wanted, STR_FMT(header));
    return found;
}

static bool add_text(struct texts *t, struct str s)
{
    if (s.n == 0) return t->empty++, true;
    if (s.n > LIM_TEXT) return t->too_long++, true;
    if (!str_utf8(s, NULL)) return t->bad_utf8++, true;
    if (t->count == t->room) {
        size_t room = t->room ? t->room * 2 : 4096;
        struct text_row *more = room <= ROWS_MAX ? realloc(t->rows, room * sizeof *more) : NULL;
        if (!more) return false;
        t->rows = more;
        t->room = room;
    }
    size_t at = t->escaped.n;
    client_escape(&t->escaped, s);
    t->rows[t->count++] = (struct text_row){ at, (uint32_t)(t->escaped.n - at) };
    return !t->escaped.err;
}

static int texts_load(struct texts *t, const char *path, const char *wanted)
{
    struct buf file;
    struct str rest, line;
    int status = 2, column;

    buf_init(&file, FILE_MAX);
    buf_init(&t->escaped, 2 * FILE_MAX);
    if (!read_file(path, &file)) goto out;
    rest = buf_str(&file);
    if (rest.n >= 3 && !memcmp(rest.p, "\xEF\xBB\xBF", 3)) rest = (struct str){ rest.p + 3, rest.n - 3 };
    if (!next_line(&rest, &line)) {
        complain(path, "is empty");
        goto out;
    }
    column = find_column(line, wanted);
    if (column < 0) goto out;
    while (next_line(&rest, &line))
        if (!add_text(t, cell(line, (unsigned)column))) {
            complain(path, "too much text");
            goto out;
        }
    if (t->bad_utf8 + t->empty + t->too_long)
        fprintf(stderr, "naru send: skipped bad_utf8=%" PRIu64 " empty=%" PRIu64 " too_long=%" PRIu64 " of %s\n", t->bad_utf8,
                t->empty, t->too_long, path);
    if (t->count == 0) complain(path, "has no text to send");
    else status = 0;
out:
    buf_fini(&file);
    return status;
}

static void texts_fini(struct texts *t)
{
    buf_fini(&t->escaped);
    free(t->rows);
}

/* ---- the sender ---- */

struct shot {
    STAILQ_ENTRY(shot) link; /* in a door's line, or among the free */
    struct heap_node due;    /* in `waiting`; key: ms */
    uint64_t n, from_us;     /* which message; what its latency and its --retry-for count from */
    unsigned tries;
};
STAILQ_HEAD(shot_line, shot);

struct door {
    struct client net;
    struct client_answers answers;
    struct sender *sender;
    struct shot_line line;
    unsigned under_way;
    uint64_t heard_us;
};
struct sender {
    struct send_opts o;
    struct client_hub *hub;
    struct texts texts;
    struct buf head, account, prefix; /* the request up to the length; both escaped */
    struct door *doors;
    unsigned doors_up, at, at_count, door_shots;
    struct shot_line spare;
    struct heap waiting;
    uint64_t next, under_way, shots_max;
    double tick_us, per_tick;
    uint64_t start_us, first_us, last_us, up_us, armed_us;
    uint64_t told_sent, told_us;
    bool ending, over;
    int timer_fd;
    uv_poll_t slice;
    struct timer second, wake, farewell;
    struct signals signals;
    FILE *ids;
    struct hist acks;
    struct client_tally refused;
    uint64_t accepted, duplicates, retries, gave_up;
};

/* ---- one message ---- */

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
    const struct text_row *row = &s->texts.rows[n % s->texts.count];
    char number[20], who[20], length[20];
    size_t number_n = digits(n, number), who_n = digits(s->o.customers ? n % s->o.customers : n, who);
    size_t body = fixed + 3 * s->prefix.n + s->account.n + number_n + 2 * who_n + row->n, length_n = digits(body, length);
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
    to = put(to, s->texts.escaped.p + row->at, row->n);
    to = PUT_LIT(to, "\"}");
    buf_grow(out, (size_t)(to - from));
}

static struct shot *shot_new(struct sender *s)
{
    struct shot *shot = STAILQ_FIRST(&s->spare);

    if (shot) STAILQ_REMOVE_HEAD(&s->spare, link);
    else if (!(shot = malloc(sizeof *shot))) return NULL;
    *shot = (struct shot){ .n = s->next };
    s->under_way++;
    return shot;
}

static void shot_done(struct sender *s, struct shot *shot)
{
    s->under_way--;
    STAILQ_INSERT_HEAD(&s->spare, shot, link);
}

static void try_later(struct sender *s, struct shot *shot, uint64_t after_ms)
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
    struct client_field f[] = { { STR("event"), STR_NONE }, { STR("duplicate"), STR_NONE } };

    if (client_scan(body, f, 2)) return;
    if (str_is(f[1].value, "true")) s->duplicates++;
    if (s->ids && f[0].value.n) {
        fwrite(f[0].value.p, 1, f[0].value.n, s->ids);
        fputc('\n', s->ids);
    }
}

static void acknowledged(struct sender *s, struct shot *shot, const struct client_answer *a)
{
    s->last_us = clock_mono_us();
    s->accepted++;
    hist_add(&s->acks, s->last_us > shot->from_us ? s->last_us - shot->from_us : 0);
    note_event(s, a->body);
    shot_done(s, shot);
}

static void not_now(struct sender *s, struct shot *shot, const struct client_answer *a)
{
    unsigned doubled = shot->tries < 6 ? shot->tries : 6;
    uint64_t ms = a->retry_after_ms != CLIENT_NO_HINT ? a->retry_after_ms : (uint64_t)TRY_MIN_MS << doubled;

    if (ms > HINT_MAX_MS) ms = HINT_MAX_MS;
    if (a->retry_after_ms == CLIENT_NO_HINT && ms > TRY_MAX_MS) ms = TRY_MAX_MS;
    try_later(s, shot, ms - rng_below(&s->hub->rng, ms / 4 + 1));
}

static void refused(struct sender *s, struct shot *shot, const struct client_answer *a)
{
    char status[20];

    client_tally_add(&s->refused, (struct str){ status, digits(a->status, status) });
    shot_done(s, shot);
}

static bool on_answer(void *ctx, const struct client_answer *a)
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

    client_answers_init(&d->answers, on_answer, d);
    d->heard_us = now;
    s->doors_up++;
    if (!s->start_us) s->start_us = now;
}

static void on_bytes(void *ctx, const char *p, size_t n)
{
    struct door *d = ctx;
    size_t used;

    d->heard_us = clock_mono_us();
    enum err e = client_answers_feed(&d->answers, p, n, &used);
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
        try_later(d->sender, shot, 0);
    }
    d->under_way = 0;
}

static const struct client_cfg door_cfg = {
    .out_cap = (size_t)1 << 28, .back_off_min = 20, .back_off_max = 1000, .on_up = on_up, .on_bytes = on_bytes, .on_down = on_down
};

/* A door with room: the same one for a chunk, then the next. */
static struct door *pick_door(struct sender *s)
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

static void fire(struct sender *s, struct door *d, struct shot *shot)
{
    if (shot->tries++) s->retries++;
    write_request(s, client_out(&d->net), shot->n);
    if (d->under_way++ == 0) d->heard_us = clock_mono_us();
    STAILQ_INSERT_TAIL(&d->line, shot, link);
}

/* ---- when ---- */

static uint64_t planned_us(const struct sender *s, uint64_t n)
{
    double ticks = (double)(n + 1) / s->per_tick;
    uint64_t whole = (uint64_t)ticks;

    if (ticks - (double)whole > 1e-6) whole++;
    return s->start_us + (uint64_t)((double)whole * s->tick_us);
}

static void fire_due(struct sender *s, uint64_t now_us)
{
    struct heap_node *top;

    while ((top = heap_peek(&s->waiting)) && (uint64_t)top->key * 1000 <= now_us) {
        struct shot *shot = container_of(top, struct shot, due);
        if (now_us > shot->from_us + s->o.retry_for * 1000) {
            heap_remove(&s->waiting, top);
            s->gave_up++;
            shot_done(s, shot);
            continue;
        }
        struct door *d = pick_door(s);
        if (!d) return;
        heap_remove(&s->waiting, top);
        fire(s, d, shot);
    }
    if (!top) timer_stop(&s->wake);
    else if (s->doors_up) timer_once(&s->wake, (uint64_t)top->key > now_us / 1000 ? (uint64_t)top->key - now_us / 1000 : 1);
}

static void fire_new(struct sender *s, uint64_t now_us)
{
    while (s->next < s->o.count && s->under_way < s->shots_max) {
        uint64_t from = s->o.rate > 0 ? planned_us(s, s->next) : now_us;
        struct door *d = from <= now_us ? pick_door(s) : NULL;
        struct shot *shot = d ? shot_new(s) : NULL;
        if (!shot) return;
        shot->from_us = from;
        s->next++;
        if (!s->first_us) s->first_us = now_us;
        fire(s, d, shot);
    }
}

/* Wakes us for the next planned message. A timer of the kernel's: the loop's own are up to a millisecond late. */
static void arm_slice(struct sender *s, uint64_t now_us)
{
    if (s->o.rate <= 0 || s->next == s->o.count) return;
    uint64_t at = planned_us(s, s->next);
    if (at == s->armed_us || at <= now_us) return; /* late already: room for it will wake us */
    struct itimerspec once = { .it_value = { (time_t)(at / 1000000), (long)(at % 1000000) * 1000 } };
    if (timerfd_settime(s->timer_fd, TFD_TIMER_ABSTIME, &once, NULL) == 0) s->armed_us = at;
}

static void finish(struct sender *s)
{
    if (s->over) return;
    s->over = s->ending = true;
    for (unsigned i = 0; i < s->o.connections; i++) client_stop(&s->doors[i].net), client_fini(&s->doors[i].net);
    if (s->timer_fd >= 0) uv_close((uv_handle_t *)&s->slice, NULL);
    timer_fini(&s->second);
    timer_fini(&s->wake);
    timer_fini(&s->farewell);
    signals_fini(&s->signals);
    client_hub_fini(s->hub);
}

static void pump(void *ctx)
{
    struct sender *s = ctx;

    if (s->over) return;
    if (!s->ending && s->start_us) {
        uint64_t now = clock_mono_us();
        fire_due(s, now);
        fire_new(s, now);
        arm_slice(s, now);
    }
    bool all_out = s->next == s->o.count;
    if (s->under_way == 0 && (all_out || s->ending)) finish(s);
    else if (s->ending && s->under_way == s->waiting.count) finish(s); /* nothing more will be answered */
}

static void on_slice(uv_poll_t *h, int status, int events)
{
    struct sender *s = h->data;
    uint64_t ticks;

    (void)status, (void)events;
    if (read(s->timer_fd, &ticks, sizeof ticks) < 0) return; /* waking was its whole job: pump follows */
}

static void on_wake(struct timer *t) { (void)t; }

static void on_farewell(struct timer *t) { finish(t->ctx); }

static void on_stop(void *ctx)
{
    struct sender *s = ctx;

    s->ending = true;
    timer_once(&s->farewell, FAREWELL_MS);
}

/* No door for --retry-for: nobody is there any more. */
static void check_doors(struct sender *s, uint64_t now)
{
    for (unsigned i = 0; i < s->o.connections; i++) {
        struct door *d = &s->doors[i];
        if (d->net.up && d->under_way && now - d->heard_us > SILENT_US) client_drop(&d->net, 0);
    }
    if (s->doors_up || now - s->up_us <= s->o.retry_for * 1000) return;
    client_progress_end();
    fprintf(stderr, "naru send: %s does not answer; given up after %" PRIu64 " s\n", s->o.url, s->o.retry_for / 1000);
    s->gave_up += s->under_way;
    finish(s);
}

static void on_second(struct timer *t)
{
    struct sender *s = t->ctx;
    uint64_t now = clock_mono_us();
    double rate = (double)(s->accepted - s->told_sent) * 1e6 / (double)(now - s->told_us + 1);

    client_progress("send %3.0f s  sent %" PRIu64 "/%" PRIu64 "  acked %" PRIu64 " (%.0f/s)  under way %" PRIu64
                    "  retries %" PRIu64 "  refused %" PRIu64 "  connections %u  ack p50 %.2f p99 %.2f ms",
                    s->start_us ? (double)(now - s->start_us) / 1e6 : 0.0, s->next, s->o.count, s->accepted, rate, s->under_way,
                    s->retries, s->refused.total, s->doors_up, hist_ms(&s->acks, 0.5), hist_ms(&s->acks, 0.99));
    s->told_sent = s->accepted;
    s->told_us = now;
    if (s->ids) fflush(s->ids);
    check_doors(s, now);
}

/* ---- start and end ---- */

/* Messages leave in slices of a millisecond, or singly below 1,000 a second. */
static bool start_slices(struct sender *s, uv_loop_t *loop)
{
    if (s->o.rate <= 0) return true;
    s->tick_us = s->o.rate >= 1000 ? 1000 : 1e6 / s->o.rate;
    s->per_tick = s->o.rate * s->tick_us / 1e6;
    s->timer_fd = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC);
    s->slice.data = s;
    return s->timer_fd >= 0 && uv_poll_init(loop, &s->slice, s->timer_fd) == 0 &&
           uv_poll_start(&s->slice, UV_READABLE, on_slice) == 0;
}

static void write_head(struct sender *s)
{
    char made[17];

    buf_init(&s->head, 4096), buf_init(&s->account, 4096), buf_init(&s->prefix, 4096);
    buf_addf(
        &s->head,
        "POST /v1/events HTTP/1.1\r\nHost: %s\r\nAuthorization: Bearer %s\r\nContent-Type: application/json\r\nContent-Length: ",
        s->hub->target.authority, s->hub->target.token);
    client_escape(&s->account, str_of(s->o.account));
    snprintf(made, sizeof made, "s%011" PRIx64, rng_u64(&s->hub->rng) >> 20);
    client_escape(&s->prefix, str_of(s->o.prefix ? s->o.prefix : made));
}

static bool start(struct sender *s, uv_loop_t *loop)
{
    uint64_t shares = (s->o.closed + s->o.connections - 1) / s->o.connections;

    s->timer_fd = -1;
    s->shots_max = s->o.rate > 0 ? SHOTS_MAX : s->o.closed;
    s->door_shots = s->o.rate > 0 || shares > DOOR_SHOTS ? DOOR_SHOTS : (unsigned)shares;
    s->up_us = s->told_us = clock_mono_us();
    STAILQ_INIT(&s->spare);
    heap_init(&s->waiting, SHOTS_MAX + 1);
    client_hub_init(s->hub, loop, pump, s);
    timer_init(&s->second, loop, on_second, s);
    timer_init(&s->wake, loop, on_wake, s);
    timer_init(&s->farewell, loop, on_farewell, s);
    s->doors = calloc(s->o.connections, sizeof *s->doors);
    if (!s->doors || signals_init(&s->signals, loop, on_stop, NULL, s) || !start_slices(s, loop)) return false;
    write_head(s);
    for (unsigned i = 0; i < s->o.connections; i++) {
        struct door *d = &s->doors[i];
        d->sender = s;
        STAILQ_INIT(&d->line);
        client_init(&d->net, s->hub, &door_cfg, d);
        client_start(&d->net, 0);
    }
    timer_every(&s->second, 1000);
    return true;
}

static void free_line(struct shot_line *line)
{
    struct shot *shot;

    while ((shot = STAILQ_FIRST(line))) {
        STAILQ_REMOVE_HEAD(line, link);
        free(shot);
    }
}

static bool release(struct sender *s)
{
    bool ids_ok = !s->ids || fclose(s->ids) == 0;

    for (struct heap_node *n; (n = heap_peek(&s->waiting));) {
        heap_remove(&s->waiting, n);
        free(container_of(n, struct shot, due));
    }
    free_line(&s->spare);
    heap_fini(&s->waiting);
    if (s->timer_fd >= 0) close(s->timer_fd);
    free(s->doors);
    buf_fini(&s->head), buf_fini(&s->account), buf_fini(&s->prefix);
    texts_fini(&s->texts);
    if (!ids_ok) complain(s->o.ids, strerror(errno));
    return ids_ok;
}

static void summary(struct sender *s)
{
    double seconds = s->last_us > s->first_us ? (double)(s->last_us - s->first_us) / 1e6 : 0;
    const struct client_row table[] = {
        { "sent", (double)s->next },
        { "accepted_2xx", (double)s->accepted },
        { "duplicates", (double)s->duplicates },
        { "refused", (double)s->refused.total },
        { "retries", (double)s->retries },
        { "gave_up", (double)s->gave_up },
        { "skipped", (double)(s->texts.bad_utf8 + s->texts.empty + s->texts.too_long) },
        { "ack_ms_p50", hist_ms(&s->acks, 0.5) },
        { "ack_ms_p90", hist_ms(&s->acks, 0.9) },
        { "ack_ms_p99", hist_ms(&s->acks, 0.99) },
        { "ack_ms_max", hist_max_ms(&s->acks) },
        { "seconds", seconds },
        { "rate", seconds > 0 ? (double)s->accepted / seconds : 0 },
        { "cpu_us_per_event", s->accepted ? (double)clock_cpu_us() / (double)s->accepted : 0 },
    };

    client_progress_end();
    client_summary(table, sizeof table / sizeof *table, &s->refused, s->o.json);
}

static int run(struct sender *s)
{
    uv_loop_t loop;

    if (uv_loop_init(&loop)) return complain("loop", "cannot be made"), 1;
    if (!start(s, &loop)) {
        complain("start", strerror(errno));
        exit(1);
    }
    loop_finish(&loop);
    summary(s);
    bool all = s->next > 0 && s->accepted == s->next && (s->next == s->o.count || s->signals.stopping);
    return release(s) && all ? 0 : 1;
}

int send_main(int argc, char **argv)
{
    static struct sender sender;
    static struct client_hub hub;
    struct sender *s = &sender;
    int status;

    log_init("send");
    if (opt_parse(rows, "naru send --file F.tsv [options]", argc, argv, &s->o)) return 2;
    if (!s->o.file) return complain("--file", "is missing");
    if (s->o.rate < 0) return complain("--rate", "must be above 0");
    if (client_target_set(&hub.target, "send", s->o.url, s->o.token, s->o.token_file)) return 2;
    status = texts_load(&s->texts, s->o.file, s->o.column);
    if (!status && s->o.ids && !(s->ids = fopen(s->o.ids, "w"))) status = complain(s->o.ids, strerror(errno));
    if (status) {
        texts_fini(&s->texts);
        return status;
    }
    if (!s->o.count) s->o.count = s->texts.count;
    s->hub = &hub;
    return run(s);
}
