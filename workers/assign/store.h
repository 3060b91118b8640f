/* Redis as the assigner uses it: the lease and the fenced batches of apply.lua. One store a process, over one link. */
#ifndef NARU_ASSIGN_STORE_H
#define NARU_ASSIGN_STORE_H

#include "base/redis.h"
#include "workers/assign/workspace.h"

struct store;
struct store_cfg {
    const char *url;
    void *ctx;
    void (*on_up)(void *ctx); /* connected, and the functions are loaded */
    void (*on_down)(void *ctx, const char *cause);
};
enum err store_open(struct store **out, uv_loop_t *loop, const struct store_cfg *cfg); /* ERR_USAGE on a bad url */
bool store_is_up(const struct store *s);
void store_close(struct store *s);
/* Any command; see redis_send. */
enum err store_send(struct store *s, size_t argc, const struct str *argv, redis_fn *fn, void *ctx);
/* "naru:{ws}:part" */
struct str store_key(char out[256], struct str workspace, const char *part, struct str rest);

/* What the functions of apply.lua answer. */
enum store_word {
    STORE_UNKNOWN,
    STORE_OK,
    STORE_LEAD,
    STORE_RENEWED,
    STORE_HELD,
    STORE_STALE,
    STORE_RESIGNED,
    STORE_DUPLICATE,
    STORE_GAP
};
struct store_reply {
    enum store_word word; /* STORE_UNKNOWN: the link was lost or Redis answered an error; it may have happened */
    uint64_t epoch, seq;
    struct str holder, error; /* valid during the call */
};
struct store_reply store_read(const redisReply *reply);

/* Takes, renews (`renew`) or gives up (ttl 0) the lease. `fn` reads the reply with store_read. */
enum err store_lead(struct store *s, struct str workspace, const char *name, uint64_t ttl_ms, uint64_t epoch, bool renew,
                    redis_fn *fn, void *ctx);
enum err store_seat(struct store *s, struct str workspace, uint64_t epoch, uint64_t seq, redis_fn *fn, void *ctx);

/* A batch: what one turn of a workspace changes, all of it or nothing. Filled from the outbox, whose buffer of writes it takes. */
struct batch {
    uint64_t epoch, first;
    uint32_t count;
    struct buf entries; /* per entry: u32 length, bytes */
    struct buf writes;  /* as in struct outbox */
    uint32_t words, commands;
    struct str *argv;
    size_t argc, argv_room;
    uint64_t sent_us;
    bool sent;      /* its answer is awaited */
    bool abandoned; /* nobody waits for the answer any more: freed by it */
    struct reign *reign;
    struct batch *next;
};
/* True in *more: the rest of the writes did not fit into one call; fill another one after this. */
enum err apply_fill(struct batch *b, struct workspace *ws, bool *more);
void apply_fini(struct batch *b);
/* Sends it; the batch must stay until `fn` is called. Sending again after an unknown answer is harmless. */
enum err store_apply(struct store *s, struct str workspace, struct batch *b, redis_fn *fn, void *ctx);

/* for (struct str e; stream_next(&blob, &e); ) … over the entries of a batch as the stream keeps them */
bool stream_next(struct str *blob, struct str *entry);

#endif
