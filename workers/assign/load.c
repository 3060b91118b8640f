#include "base/log.h"
#include "base/metrics.h"
#include "workers/assign/process.h"

#include <stdlib.h>

/* Redis is read when a reign begins, one phase after another: configuration first (tickets need the policy), then agents, tickets
   in their two parts, held sets, and the tail of the change log. Two kinds of phases: one command; a hash walked with HSCAN, so
   that Redis is never held up for long. One question at a time; a lost answer ends the try: the reign steps down and begins
   again. */

#define SCAN     "500"
#define LOG_TAIL "4096"

struct load;
enum phase_kind { PHASE_ONE, PHASE_SCAN };
struct phase {
    enum phase_kind kind;
    const char *key;                                   /* the hash, or the stream */
    bool (*take)(struct load *l, const redisReply *r); /* an array; for a hash: field, value, … */
};
struct load {
    struct reign *reign;
    unsigned phase;
    bool over; /* all of the phase has been taken */
    bool cancelled;
    char cursor[32]; /* of HSCAN */
    struct arena arena;
};

static void load_free(struct load *l)
{
    arena_fini(&l->arena);
    free(l);
}

static void load_fail(struct load *l, const char *cause)
{
    struct reign *r = l->reign;

    if (l->cancelled) return;
    reign_step_down(r, cause, 500); /* cancels this load */
}

/* ---- what each phase takes ---- */

static uint64_t now_of(const struct load *l) { return assigner_now(l->reign->a); }

static struct str text_of(const redisReply *r)
{
    return r && r->type == REDIS_REPLY_STRING ? (struct str){ r->str, (size_t)r->len } : STR_NONE;
}

/* `known`: it is in Redis. What is not is taken as of no date, so that it is written once we lead. */
static void take_config_record(struct load *l, struct str packed, bool known)
{
    struct config c;
    struct buf why;
    enum err e;

    buf_init(&why, 4096);
    arena_clear(&l->arena);
    e = record_unpack(&config_record, &c, packed, &l->arena);
    if (!e && !known) c.at = 0;
    if (!e) e = space_config(l->reign->ws, now_of(l), &c, false, &why);
    if (e && e != ERR_STALE && e != ERR_EXISTS && e != ERR_NOTFOUND)
        log_warn("workspace=%s a configuration in Redis cannot be used: %s %s", l->reign->name, err_text(e), buf_cstr(&why));
    buf_fini(&why);
}

/* The policy goes first: agents are read by it. */
static bool take_config(struct load *l, const redisReply *r)
{
    for (size_t i = 0; i + 1 < r->elements; i += 2)
        if (str_is(text_of(r->element[i]), "policy")) take_config_record(l, text_of(r->element[i + 1]), true);
    if (!space_has_policy(l->reign->ws) && l->reign->policy.n)
        take_config_record(l, buf_str(&l->reign->policy), false); /* a first start */
    for (size_t i = 0; i + 1 < r->elements; i += 2)
        if (!str_is(text_of(r->element[i]), "policy")) take_config_record(l, text_of(r->element[i + 1]), true);
    if (space_has_policy(l->reign->ws)) return true;
    load_fail(l, "no_policy");
    return false;
}

typedef void restore_fn(struct workspace *ws, uint64_t now, struct str id, struct str value);

static bool take_pairs(struct load *l, const redisReply *r, restore_fn *fn)
{
    for (size_t i = 0; i + 1 < r->elements; i += 2) fn(l->reign->ws, now_of(l), text_of(r->element[i]), text_of(r->element[i + 1]));
    return true;
}

static bool take_agents(struct load *l, const redisReply *r) { return take_pairs(l, r, space_restore_agent); }

static bool take_customers(struct load *l, const redisReply *r) { return take_pairs(l, r, space_restore_customer); }

static bool take_about(struct load *l, const redisReply *r) { return take_pairs(l, r, space_restore_about); }

static bool take_rows(struct load *l, const redisReply *r) { return take_pairs(l, r, space_restore_row); }

static bool take_held(struct load *l, const redisReply *r)
{
    for (size_t i = 0; i + 1 < r->elements; i += 2)
        space_restore_held(l->reign->ws, text_of(r->element[i]), text_of(r->element[i + 1]));
    return true;
}

static void take_entry(struct load *l, struct str packed)
{
    struct reign *r = l->reign;
    struct entry e;

    arena_clear(&l->arena);
    if (record_unpack(&entry_record, &e, packed, &l->arena)) return;
    space_restore_entry(r->ws, &e);
    if (r->feed.first != r->feed.next && e.seq != r->feed.next) {
        feed_fini(&r->feed);
        feed_init(&r->feed, e.seq);
    }
    (void)feed_put(&r->feed, e.seq, packed, e.seq);
}

/* Newest first, as XREVRANGE gives them; each message's fields: first, entries. Only the unbroken run that ends at the head is of
 * use to the feed. */
static bool take_log(struct load *l, const redisReply *r)
{
    for (size_t i = r->elements; i-- > 0;) {
        const redisReply *m = r->element[i], *fields = m->elements == 2 ? m->element[1] : NULL;
        struct str blob = fields && fields->elements >= 4 ? text_of(fields->element[3]) : STR_NONE, one;
        while (stream_next(&blob, &one)) take_entry(l, one);
    }
    return true;
}

static const struct phase phases[] = {
    { PHASE_ONE, "config", take_config }, { PHASE_SCAN, "presence", take_agents }, { PHASE_SCAN, "customers", take_customers },
    { PHASE_SCAN, "about", take_about },  { PHASE_SCAN, "tickets", take_rows },    { PHASE_SCAN, "held", take_held },
    { PHASE_ONE, "log", take_log },
};
#define PHASES (sizeof phases / sizeof *phases)

/* ---- asking ---- */

static void load_next(struct load *l);

/* A reply of HSCAN: the next cursor, and an array. */
static bool take_scan(struct load *l, const redisReply *r)
{
    struct str cursor = r->elements == 2 ? text_of(r->element[0]) : STR_NONE;

    if (!cursor.n || cursor.n >= sizeof l->cursor || r->element[1]->type != REDIS_REPLY_ARRAY) return false;
    memcpy(l->cursor, cursor.p, cursor.n);
    l->cursor[cursor.n] = '\0';
    l->over = str_is(cursor, "0");
    return phases[l->phase].take(l, r->element[1]);
}

static bool take_answer(struct load *l, const redisReply *r)
{
    if (phases[l->phase].kind == PHASE_SCAN) return take_scan(l, r);
    l->over = true;
    return phases[l->phase].take(l, r);
}

static void on_answer(void *ctx, const redisReply *r)
{
    struct load *l = ctx;

    if (!l->cancelled) {
        if (r && r->type == REDIS_REPLY_ERROR) log_error("redis: %s", r->str);
        if (r && r->type == REDIS_REPLY_ARRAY && take_answer(l, r)) {
            load_next(l);
            return;
        }
        load_fail(l, "redis_unreadable");
    }
    load_free(l);
}

static bool ask(struct load *l)
{
    const struct phase *p = &phases[l->phase];
    struct store *s = l->reign->a->store;
    char key[256];
    struct str k = store_key(key, reign_name(l->reign), p->key, STR_NONE);

    if (p->kind == PHASE_SCAN)
        return !store_send(s, 5, (struct str[]){ STR("HSCAN"), k, str_of(l->cursor), STR("COUNT"), STR(SCAN) }, on_answer, l);
    if (p->take == take_log)
        return !store_send(s, 6, (struct str[]){ STR("XREVRANGE"), k, STR("+"), STR("-"), STR("COUNT"), STR(LOG_TAIL) }, on_answer,
                           l);
    return !store_send(s, 2, (struct str[]){ STR("HGETALL"), k }, on_answer, l);
}

/* The next phase, or none: false. */
static bool begin_phase(struct load *l)
{
    l->over = false;
    memcpy(l->cursor, "0", 2);
    if (phases[l->phase].take == take_rows) space_restore_rows_done(l->reign->ws);
    return ++l->phase < PHASES;
}

static void load_done(struct load *l)
{
    struct reign *r = l->reign;

    r->load = NULL;
    load_free(l);
    reign_loaded(r);
}

static void load_next(struct load *l)
{
    if (l->over && !begin_phase(l)) {
        load_done(l);
        return;
    }
    if (ask(l)) return; /* the new phase, or the next part of a hash */
    load_fail(l, "store_lost");
    load_free(l);
}

enum err load_begin(struct reign *r)
{
    struct load *l = calloc(1, sizeof *l);

    if (!l) return ERR_NOMEM;
    l->reign = r;
    arena_init(&l->arena, 4u << 20);
    memcpy(l->cursor, "0", 2);
    r->load = l;
    if (ask(l)) return ERR_OK;
    r->load = NULL;
    load_free(l);
    return ERR_UNAVAILABLE;
}

/* Its answer is still to come, and frees it. */
void load_cancel(struct reign *r)
{
    if (!r->load) return;
    r->load->cancelled = true;
    r->load = NULL;
}
