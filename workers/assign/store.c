#include "workers/assign/store.h"

#include "apply_lua.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/panic.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

/* The functions are loaded anew at every connection, before on_up is told: a Redis that was replaced meanwhile knows them too.

   A batch's arguments point into the batch's own buffers; hiredis copies them when the command is formatted, so that the batch is
   only kept to be sent again. The numbers of words stand as texts in one static table. */

#define REPLY_MS    3000
#define WORDS_MOST  4096 /* words of one command: more than change.c ever groups */
#define BATCH_CAP   (96u << 20)
#define BATCH_WORDS 300000u /* of one call: Redis takes a million */
#define BATCH_BYTES (24u << 20)

struct store {
    struct redis *redis;
    struct store_cfg cfg;
    bool ready; /* functions loaded on this connection */
};

static void on_loaded(void *ctx, const redisReply *reply)
{
    struct store *s = ctx;

    if (!reply) return; /* the link is gone again: on_down follows */
    if (reply->type == REDIS_REPLY_ERROR) {
        log_error("redis refused the functions: %s; is it Redis 7 or later, and may this user run FUNCTION?", reply->str);
        return;
    }
    s->ready = true;
    s->cfg.on_up(s->cfg.ctx);
}

static void on_up(void *ctx)
{
    struct store *s = ctx;
    struct str argv[] = { STR("FUNCTION"), STR("LOAD"), STR("REPLACE"), { apply_lua, sizeof apply_lua } };

    (void)redis_send(s->redis, 4, argv, on_loaded, s);
}

static void on_down(void *ctx, const char *cause)
{
    struct store *s = ctx;

    s->ready = false;
    s->cfg.on_down(s->cfg.ctx, cause);
}

enum err store_open(struct store **out, uv_loop_t *loop, const struct store_cfg *cfg)
{
    struct store *s = calloc(1, sizeof *s);
    enum err e;

    if (!s) return ERR_NOMEM;
    s->cfg = *cfg;
    struct redis_cfg rc = { .url = cfg->url, .reply_ms = REPLY_MS, .ctx = s, .on_up = on_up, .on_down = on_down };
    if ((e = redis_open(&s->redis, loop, &rc))) {
        free(s);
        return e;
    }
    *out = s;
    return ERR_OK;
}

bool store_is_up(const struct store *s) { return s->ready && redis_is_up(s->redis); }

void store_close(struct store *s)
{
    if (!s) return;
    redis_close(s->redis);
    free(s);
}

enum err store_send(struct store *s, size_t argc, const struct str *argv, redis_fn *fn, void *ctx)
{
    return store_is_up(s) ? redis_send(s->redis, argc, argv, fn, ctx) : ERR_CLOSED;
}

struct str store_key(char out[256], struct str workspace, const char *part, struct str rest)
{
    int n = snprintf(out, 256, "naru:{%.*s}:%s%.*s", STR_FMT(workspace), part, STR_FMT(rest));

    naru_assert(n > 0 && n < 256);
    return (struct str){ out, (size_t)n };
}

/* ---- replies ---- */

static enum store_word word_of(struct str s)
{
    static const char *const words[] = {
        [STORE_OK] = "ok",       [STORE_LEAD] = "lead",         [STORE_RENEWED] = "renewed",     [STORE_HELD] = "held",
        [STORE_STALE] = "stale", [STORE_RESIGNED] = "resigned", [STORE_DUPLICATE] = "duplicate", [STORE_GAP] = "gap",
    };

    for (unsigned i = 1; i < sizeof words / sizeof *words; i++)
        if (str_is(s, words[i])) return (enum store_word)i;
    return STORE_UNKNOWN;
}

static struct str text_at(const redisReply *r, size_t i)
{
    const redisReply *e = r->elements > i ? r->element[i] : NULL;

    return e && (e->type == REDIS_REPLY_STRING || e->type == REDIS_REPLY_STATUS) ? (struct str){ e->str, (size_t)e->len }
                                                                                 : STR_NONE;
}

static uint64_t number_at(const redisReply *r, size_t i)
{
    const redisReply *e = r->elements > i ? r->element[i] : NULL;

    return e && e->type == REDIS_REPLY_INTEGER && e->integer > 0 ? (uint64_t)e->integer : 0;
}

struct store_reply store_read(const redisReply *r)
{
    struct store_reply out = { 0 };

    if (!r) return out;
    if (r->type == REDIS_REPLY_ERROR) out.error = (struct str){ r->str, (size_t)r->len };
    if (r->type != REDIS_REPLY_ARRAY) return out;
    out.word = word_of(text_at(r, 0));
    out.epoch = number_at(r, 1);
    out.seq = number_at(r, 2);
    out.holder = text_at(r, 3);
    return out;
}

/* ---- calls ---- */

struct call { /* the head of every call: function, keys, numbers as texts */
    struct str argv[12];
    size_t argc;
    char keys[3][256], numbers[3][24];
    size_t number_count;
};

static void call_begin(struct call *c, const char *function, struct str workspace)
{
    static const char *const parts[] = { "head", "lead", "log" };

    c->argc = c->number_count = 0;
    c->argv[c->argc++] = STR("FCALL");
    c->argv[c->argc++] = str_of(function);
    c->argv[c->argc++] = STR("3");
    for (int i = 0; i < 3; i++) c->argv[c->argc++] = store_key(c->keys[i], workspace, parts[i], STR_NONE);
}

static void call_number(struct call *c, uint64_t v)
{
    char *text = c->numbers[c->number_count++];
    int n = snprintf(text, sizeof c->numbers[0], "%" PRIu64, v);

    c->argv[c->argc++] = (struct str){ text, (size_t)n };
}

enum err store_lead(struct store *s, struct str workspace, const char *name, uint64_t ttl_ms, uint64_t epoch, bool renew,
                    redis_fn *fn, void *ctx)
{
    struct call c;

    call_begin(&c, "naru_lead", workspace);
    c.argv[c.argc++] = str_of(name);
    call_number(&c, ttl_ms);
    call_number(&c, epoch);
    c.argv[c.argc++] = renew ? STR("1") : STR("0");
    return store_send(s, c.argc, c.argv, fn, ctx);
}

enum err store_seat(struct store *s, struct str workspace, uint64_t epoch, uint64_t seq, redis_fn *fn, void *ctx)
{
    struct call c;

    call_begin(&c, "naru_seat", workspace);
    call_number(&c, epoch);
    call_number(&c, seq);
    return store_send(s, c.argc, c.argv, fn, ctx);
}

/* ---- batches ---- */

/* How many bytes of whole commands stay within one call. */
static size_t first_commands(struct str writes, uint32_t *commands, uint32_t *words)
{
    size_t at = 0;

    *commands = *words = 0;
    while (at < writes.n && *words < BATCH_WORDS && at < BATCH_BYTES) {
        uint32_t count, n;
        memcpy(&count, writes.p + at, sizeof count);
        at += sizeof count;
        *words += count;
        ++*commands;
        for (; count; count--) {
            memcpy(&n, writes.p + at, sizeof n);
            at += sizeof n + n;
        }
    }
    return at;
}

static void take_some_writes(struct batch *b, struct outbox *o)
{
    size_t n = first_commands(buf_str(&o->writes), &b->commands, &b->words);

    if (!b->writes.cap) buf_init(&b->writes, o->writes.cap);
    buf_clear(&b->writes);
    buf_add(&b->writes, o->writes.p, n);
    buf_shift(&o->writes, n);
    o->write_count -= b->commands;
    o->word_count -= b->words;
}

/* By exchange: no copy of what may be megabytes. */
static void take_all_writes(struct batch *b, struct outbox *o)
{
    struct buf spare = b->writes;

    b->writes = o->writes;
    b->words = o->word_count;
    b->commands = o->write_count;
    spare.cap = b->writes.cap;
    buf_clear(&spare);
    o->writes = spare;
    o->word_count = o->write_count = 0;
}

enum err apply_fill(struct batch *b, struct workspace *ws, bool *more)
{
    struct outbox *o = space_out(ws);

    if (o->entries.err || o->writes.err) return ERR_FULL;
    b->epoch = space_epoch(ws);
    b->count = o->entry_count;
    b->first = space_seq(ws) + 1 - o->entry_count;
    b->sent = b->abandoned = false;
    b->next = NULL;
    if (!b->entries.cap) buf_init(&b->entries, BATCH_CAP);
    buf_clear(&b->entries);
    for (uint32_t i = 0; i < o->entry_count; i++) {
        uint32_t n = o->entry[i].length;
        buf_add(&b->entries, &n, sizeof n);
        buf_add(&b->entries, o->entries.p + o->entry[i].offset, n);
    }
    if (o->word_count <= BATCH_WORDS && o->writes.n <= BATCH_BYTES) take_all_writes(b, o);
    else take_some_writes(b, o);
    o->entry_count = 0; /* they are in this batch; what is left of the writes goes without */
    buf_clear(&o->entries);
    *more = o->write_count > 0;
    return b->entries.err ? b->entries.err : b->writes.err;
}

void apply_fini(struct batch *b)
{
    buf_fini(&b->entries);
    buf_fini(&b->writes);
    free(b->argv);
    *b = (struct batch){ 0 };
}

static struct str number_text(uint32_t n)
{
    static char texts[WORDS_MOST][5];

    naru_assert(n < WORDS_MOST);
    if (!texts[n][0]) snprintf(texts[n], sizeof texts[n], "%u", n);
    return str_of(texts[n]);
}

static void add_commands(struct batch *b)
{
    const char *p = b->writes.p, *end = p + b->writes.n;

    while (p < end) {
        uint32_t words, n;
        memcpy(&words, p, sizeof words);
        p += sizeof words;
        b->argv[b->argc++] = number_text(words);
        for (; words; words--) {
            memcpy(&n, p, sizeof n);
            b->argv[b->argc++] = (struct str){ p + sizeof n, n };
            p += sizeof n + n;
        }
    }
}

enum err store_apply(struct store *s, struct str workspace, struct batch *b, redis_fn *fn, void *ctx)
{
    size_t room = b->words + b->commands + 16u;
    struct call c;
    enum err e;

    if (room > b->argv_room) {
        struct str *v = realloc(b->argv, room * sizeof *v);
        if (!v) return ERR_NOMEM;
        b->argv = v;
        b->argv_room = room;
    }
    call_begin(&c, "naru_apply", workspace);
    call_number(&c, b->epoch);
    call_number(&c, b->first);
    call_number(&c, b->count);
    memcpy(b->argv, c.argv, c.argc * sizeof *c.argv);
    b->argc = c.argc;
    b->argv[b->argc++] = buf_str(&b->entries);
    add_commands(b);
    e = store_send(s, b->argc, b->argv, fn, ctx);
    if (!e) b->sent = true, b->sent_us = clock_mono_us();
    return e;
}

bool stream_next(struct str *blob, struct str *entry)
{
    uint32_t n;

    if (blob->n < sizeof n) return false;
    memcpy(&n, blob->p, sizeof n);
    if (n > blob->n - sizeof n) return false;
    *entry = (struct str){ blob->p + sizeof n, n };
    blob->p += sizeof n + n;
    blob->n -= sizeof n + n;
    return true;
}
