/* A world around one workspace for tests: a clock that is turned by hand, a store that takes the writes as Redis would, and a
   watcher that reads every entry and every mail and fails the test as soon as something that must always hold does not. */
#ifndef NARU_TEST_ASSIGN_WORLD_H
#define NARU_TEST_ASSIGN_WORLD_H

#include "base/map.h"
#include "base/metrics.h"
#include "workers/assign/workspace.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

/* clang-format off: cmocka.h needs those before it */
#include <cmocka.h>
/* clang-format on */

#define WORLD_START  1750000000000ull
#define WORLD_ROUTER 7u

#define SEEN_OFFERS 32
struct seen_offer { /* the last one to this agent */
    char agent[64];
    uint64_t epoch, seq;
    bool stands;
};
struct seen_ticket { /* what the entries told of a ticket */
    struct id id;
    char conversation[64];
    enum ticket_state state;
    char owner[64];
    char offered[256]; /* to whom offers stand, parted by "," */
    struct seen_offer offers[SEEN_OFFERS];
    uint32_t offer_count;
    uint64_t epoch, seq;             /* last token */
    uint64_t offer_epoch, offer_seq; /* last offer's token */
    uint32_t messages;
    enum urgency urgency;
    char queue[64], told[128]; /* told: the cause of the last "changed" that its agent saw */
    char detail[8300];         /* of the last `retriaged` */
    char shown[4096];          /* as JSON, what an agent was shown with it last: all of it, not what happened to it */
    bool ended;
};
struct stored { /* one key of the store */
    char key[256];
    struct stored_field {
        char *name, *value;
        size_t name_n, value_n;
    } * v;
    uint32_t count;
};
struct world {
    struct workspace *ws;
    struct policy *policy;
    uint64_t now, last_seq, act_id;
    struct map tickets; /* by id */
    struct map store;
    uint32_t entries[32], offers_shown, notices;
    void (*on_entry)(void *ctx, const struct entry *e); /* NULL: nobody else watches */
    void (*on_offer)(void *ctx, const struct offer *o); /* the same */
    void *on_entry_ctx;
    struct str opening; /* the conversation of the event being taken */
    uint32_t status;    /* of the last result */
    char problem[65], why[513];
    char *body;
    uint64_t session, replaced;             /* … and of the last connection that was told to close */
    uint32_t watched_entries, watched_mail; /* of the outbox as it is */
};

/* ---- the store ---- */

static inline struct stored *store_key(struct world *w, struct str key, bool make)
{
    struct stored *s = map_get(&w->store, key);

    if (s || !make) return s;
    s = calloc(1, sizeof *s);
    assert_true(key.n < sizeof s->key);
    memcpy(s->key, key.p, key.n);
    assert_int_equal(map_put(&w->store, (struct str){ s->key, key.n }, s), ERR_OK);
    return s;
}

static inline void store_drop_field(struct stored *s, uint32_t i)
{
    free(s->v[i].name);
    free(s->v[i].value);
    s->v[i] = s->v[--s->count];
}

static inline void store_set(struct stored *s, struct str name, struct str value)
{
    for (uint32_t i = 0; i < s->count; i++)
        if (s->v[i].name_n == name.n && memcmp(s->v[i].name, name.p, name.n) == 0) {
            store_drop_field(s, i);
            break;
        }
    s->v = realloc(s->v, (s->count + 1) * sizeof *s->v);
    struct stored_field f = { malloc(name.n + 1), malloc(value.n + 1), name.n, value.n };
    memcpy(f.name, name.p, name.n);
    if (value.n) memcpy(f.value, value.p, value.n);
    f.name[name.n] = f.value[value.n] = '\0';
    s->v[s->count++] = f;
}

static inline void store_del(struct world *w, struct str key)
{
    struct stored *s = map_del(&w->store, key);

    if (!s) return;
    while (s->count) store_drop_field(s, 0);
    free(s->v);
    free(s);
}

static inline void store_remove(struct world *w, struct str key, struct str name)
{
    struct stored *s = store_key(w, key, false);

    for (uint32_t i = 0; s && i < s->count; i++)
        if (s->v[i].name_n == name.n && memcmp(s->v[i].name, name.p, name.n) == 0) {
            store_drop_field(s, i);
            break;
        }
    if (s && !s->count) store_del(w, key);
}

static inline void store_command(struct world *w, const struct str *v, uint32_t n)
{
    if (str_is(v[0], "HSET")) {
        assert_true(n >= 4 && n % 2 == 0);
        struct stored *s = store_key(w, v[1], true);
        for (uint32_t i = 2; i < n; i += 2) store_set(s, v[i], v[i + 1]);
    } else {
        assert_true(str_is(v[0], "HDEL"));
        for (uint32_t i = 2; i < n; i++) store_remove(w, v[1], v[i]);
    }
}

static inline void store_apply(struct world *w, const struct outbox *o)
{
    const char *p = o->writes.p, *end = o->writes.n ? p + o->writes.n : p;
    static struct str v[4096];
    uint32_t commands = 0;

    while (p < end) {
        uint32_t n, len;
        memcpy(&n, p, 4);
        p += 4;
        assert_true(n <= 4096);
        for (uint32_t i = 0; i < n; i++) {
            memcpy(&len, p, 4);
            v[i] = (struct str){ p + 4, len };
            p += 4 + len;
        }
        store_command(w, v, n);
        commands++;
    }
    assert_int_equal(commands, o->write_count);
}

/* ---- the watcher ---- */

static inline struct seen_ticket *world_ticket(struct world *w, const char *conversation)
{
    struct seen_ticket *t, *found = NULL;

    for (size_t i = 0; (t = map_next(&w->tickets, &i));)
        if (strcmp(t->conversation, conversation) == 0 && (!found || found->ended)) found = t;
    return found;
}

static inline void copy_text(char *to, size_t room, struct str s)
{
    size_t n = s.n < room - 1 ? s.n : room - 1;

    if (n) memcpy(to, s.p, n);
    to[n] = '\0';
}

static inline struct seen_offer *world_offer(struct seen_ticket *t, const char *agent)
{
    for (uint32_t i = 0; i < t->offer_count; i++)
        if (strcmp(t->offers[i].agent, agent) == 0) return &t->offers[i];
    return NULL;
}

static inline void list_offers(struct seen_ticket *t)
{
    size_t n = 0;

    t->offered[0] = '\0';
    for (uint32_t i = 0; i < t->offer_count && n < sizeof t->offered - 70; i++)
        if (t->offers[i].stands)
            n += (size_t)snprintf(t->offered + n, sizeof t->offered - n, "%s%s", n ? "," : "", t->offers[i].agent);
}

static inline void watch_offered(struct seen_ticket *t, const struct entry *e)
{
    char agent[64];
    struct seen_offer *o;

    copy_text(agent, sizeof agent, e->agent);
    assert_string_equal(t->owner, "");
    if (!(o = world_offer(t, agent))) {
        for (o = t->offers; o < t->offers + t->offer_count && (t->offer_count < SEEN_OFFERS || o->stands);) o++;
        assert_true(o < t->offers + SEEN_OFFERS);
        if (o == t->offers + t->offer_count) t->offer_count++;
        *o = (struct seen_offer){ .stands = false };
        memcpy(o->agent, agent, sizeof agent);
    }
    assert_false(o->stands); /* one agent, one offer */
    o->stands = true;
    o->epoch = t->offer_epoch = e->token_epoch, o->seq = t->offer_seq = e->token_seq;
}

static inline void watch_offer_over(struct seen_ticket *t, const struct entry *e)
{
    char agent[64];
    struct seen_offer *o;

    copy_text(agent, sizeof agent, e->agent);
    assert_non_null(o = world_offer(t, agent));
    assert_true(o->stands); /* an offer ends once */
    o->stands = false;
}

/* The entries alone, as everybody else reads them: offers end one by one, and all but the accepted one before the accept. */
static inline void watch_owner(struct seen_ticket *t, const struct entry *e)
{
    switch (e->kind) {
    case ENTRY_OFFERED: watch_offered(t, e); break;
    case ENTRY_ACCEPTED:
        assert_string_equal(t->owner, ""); /* never two owners */
        copy_text(t->owner, sizeof t->owner, e->agent);
        if (world_offer(t, t->owner)) world_offer(t, t->owner)->stands = false;
        break;
    case ENTRY_DECLINED:
    case ENTRY_OFFER_EXPIRED:
    case ENTRY_WITHDRAWN: watch_offer_over(t, e); break;
    case ENTRY_RETURNED:
    case ENTRY_MOVED:
    case ENTRY_HANDED_OVER:
    case ENTRY_ENDED: t->owner[0] = '\0'; break;
    case ENTRY_RESUMED:
        if (e->state == TK_WAITING) t->owner[0] = '\0';
        break;
    case ENTRY_SCHEDULED: t->owner[0] = '\0'; break;
    default: break;
    }
    list_offers(t);
    if (e->state != TK_OFFERED) assert_string_equal(t->offered, "");
}

static inline void watch_ticket(struct world *w, const struct entry *e)
{
    struct seen_ticket *t = map_get(&w->tickets, (struct str){ (const char *)e->ticket.b, 16 });
    bool repeat = str_is(e->cause, "repeat");

    if (!t) {
        t = calloc(1, sizeof *t);
        t->id = e->ticket;
        assert_int_equal(map_put(&w->tickets, (struct str){ (const char *)t->id.b, 16 }, t), ERR_OK);
    }
    if (w->opening.n && e->kind == ENTRY_OPENED) copy_text(t->conversation, sizeof t->conversation, w->opening);
    if (repeat) return;
    assert_false(t->ended); /* a terminal state is never left */
    assert_true(e->token_epoch > t->epoch || (e->token_epoch == t->epoch && e->token_seq >= t->seq)); /* a token never falls */
    t->epoch = e->token_epoch, t->seq = e->token_seq;
    t->state = e->state;
    t->urgency = e->urgency;
    copy_text(t->queue, sizeof t->queue, e->queue);
    if (e->kind == ENTRY_RETRIAGED) copy_text(t->detail, sizeof t->detail, e->detail);
    watch_owner(t, e);
    if (e->kind == ENTRY_ENDED) t->ended = true;
}

static inline void watch_entries(struct world *w, const struct outbox *o)
{
    struct arena arena;
    struct entry e;

    arena_init(&arena, 1u << 20);
    for (uint32_t i = w->watched_entries; i < o->entry_count; i++) {
        struct str bytes = { o->entries.p + o->entry[i].offset, o->entry[i].length };
        assert_int_equal(record_unpack(&entry_record, &e, bytes, &arena), ERR_OK);
        assert_int_equal(e.seq, o->entry[i].seq);
        assert_int_equal(e.seq, w->last_seq + 1); /* no gap, no repeat */
        w->last_seq = e.seq;
        w->entries[e.kind]++;
        if (!id_is_none(&e.ticket)) watch_ticket(w, &e);
        if (w->on_entry) w->on_entry(w->on_entry_ctx, &e);
        arena_clear(&arena);
    }
    w->watched_entries = o->entry_count;
    arena_fini(&arena);
}

static inline void watch_result(struct world *w, const struct result *r)
{
    w->status = r->status;
    w->session = r->session;
    copy_text(w->problem, sizeof w->problem, r->problem);
    copy_text(w->why, sizeof w->why, r->detail);
    free(w->body);
    w->body = malloc(r->body.n + 1);
    copy_text(w->body, r->body.n + 1, r->body);
}

static inline void watch_offer(struct world *w, const struct offer *o)
{
    struct seen_ticket *t = map_get(&w->tickets, (struct str){ (const char *)o->ticket.b, 16 });

    if (str_is(o->what, "replaced")) {
        w->replaced = o->session;
        return;
    }
    assert_non_null(t); /* its entry came first */
    w->offers_shown++;
    if (str_is(o->what, "message")) t->messages++;
    if (str_is(o->what, "notice")) w->notices++;
    if (o->messages.count) {
        struct buf b;
        buf_init(&b, 262144);
        record_json(&b, &offer_record, o);
        copy_text(t->shown, sizeof t->shown, buf_str(&b));
        buf_fini(&b);
    }
    if (str_is(o->what, "changed")) copy_text(t->told, sizeof t->told, o->cause);
    if (str_is(o->what, "offer")) assert_true(o->expires_in > 0 || str_is(o->cause, "resume"));
}

static inline void watch_mail(struct world *w, const struct outbox *o)
{
    struct arena arena;

    arena_init(&arena, 8u << 20);
    for (uint32_t i = w->watched_mail; i < o->mail_count; i++) {
        union {
            struct offer offer;
            struct result result;
            struct config config;
        } u;
        const struct out_mail *m = &o->mail[i];
        assert_true(m->seq <= w->last_seq);
        assert_int_equal(
            record_unpack(msg_table[m->type].record, &u, (struct str){ o->mail_bytes.p + m->offset, m->length }, &arena), ERR_OK);
        if (m->type == MSG_RESULT) watch_result(w, &u.result);
        if (m->type == MSG_OFFER) watch_offer(w, &u.offer);
        if (m->type == MSG_OFFER && w->on_offer) w->on_offer(w->on_entry_ctx, &u.offer);
        arena_clear(&arena);
    }
    w->watched_mail = o->mail_count;
    arena_fini(&arena);
}

static inline void world_check(struct world *w)
{
    const char *why = space_check(w->ws);

    if (why) fail_msg("must always hold, and does not: %s", why);
}

/* Reads what has come of the inputs so far, within the turn. */
static inline void world_watch(struct world *w)
{
    watch_entries(w, space_out(w->ws));
    watch_mail(w, space_out(w->ws));
}

/* Ends the turn, watches what came of it, and checks what must always hold. */
static inline void world_turn(struct world *w)
{
    while (space_turn(w->ws, w->now))
        ;
    world_watch(w);
    store_apply(w, space_out(w->ws));
    space_out_clear(w->ws);
    w->watched_entries = w->watched_mail = 0;
    world_check(w);
}

/* Turns the clock, stopping at every deadline on the way. */
static inline void world_wait(struct world *w, uint64_t ms)
{
    uint64_t until = w->now + ms;

    while (space_next(w->ws) <= until) {
        if (space_next(w->ws) > w->now) w->now = space_next(w->ws);
        world_turn(w);
    }
    w->now = until;
    world_turn(w);
}

/* ---- life ---- */

static inline struct policy *world_policy(const char *yaml)
{
    struct policy *p = NULL;
    struct findings f;
    struct buf text;

    findings_init(&f);
    buf_init(&text, 65536);
    if (policy_load(&p, str_of(yaml), "test.yaml", WORLD_START, &f)) {
        findings_text(&f, "test.yaml", &text);
        fail_msg("%s", buf_cstr(&text));
    }
    buf_fini(&text);
    findings_fini(&f);
    return p;
}

static inline void world_open(struct world *w, const char *yaml)
{
    *w = (struct world){ .now = WORLD_START };
    map_init(&w->tickets, 1000000);
    map_init(&w->store, 1000000);
    metrics_init("test");
    w->policy = world_policy(yaml);
    struct space_cfg cfg = { .name = str_of(w->policy->workspace), .seed = 1, .epoch = 5, .seq = 100 };
    w->last_seq = 100;
    assert_int_equal(space_new(&w->ws, &cfg), ERR_OK);
    assert_int_equal(space_policy(w->ws, w->now, w->policy), ERR_OK);
    world_turn(w);
}

static inline void world_close(struct world *w)
{
    struct seen_ticket *t;
    struct stored *s, **all = calloc(w->store.count + 1, sizeof *all);
    size_t n = 0;

    space_free(w->ws);
    policy_unref(w->policy);
    for (size_t i = 0; (t = map_next(&w->tickets, &i));) free(t);
    map_fini(&w->tickets);
    for (size_t i = 0; (s = map_next(&w->store, &i));) all[n++] = s;
    while (n) store_del(w, str_of(all[--n]->key));
    free(all);
    map_fini(&w->store);
    free(w->body);
}

/* ---- a new reign ---- */

static inline bool store_part(const struct stored *s, const char *part, struct str *rest)
{
    const char *at = strstr(s->key, "}:");
    size_t n = strlen(part);

    if (!at || strncmp(at + 2, part, n) != 0) return false;
    *rest = str_of(at + 2 + n);
    return true;
}

static inline void restore_hash(struct world *w, const char *part, void (*fn)(struct workspace *, uint64_t, struct str, struct str))
{
    struct stored *s;
    struct str rest;

    for (size_t i = 0; (s = map_next(&w->store, &i));)
        for (uint32_t k = 0; store_part(s, part, &rest) && k < s->count; k++)
            fn(w->ws, w->now, (struct str){ s->v[k].name, s->v[k].name_n }, (struct str){ s->v[k].value, s->v[k].value_n });
}

static inline void restore_held(struct workspace *ws, uint64_t now, struct str id, struct str value)
{
    (void)now;
    space_restore_held(ws, id, value);
}

/* The process died: all memory is gone, and made again from what was written. Not ended: space_restore_done is the caller's. */
static inline void world_restart(struct world *w)
{
    struct space_cfg cfg = { .name = str_of(w->policy->workspace),
                             .seed = w->now + space_epoch(w->ws),
                             .epoch = space_epoch(w->ws) + 1,
                             .seq = space_seq(w->ws) };

    space_free(w->ws);
    assert_int_equal(space_new(&w->ws, &cfg), ERR_OK);
    assert_int_equal(space_policy(w->ws, w->now, w->policy), ERR_OK);
    restore_hash(w, "presence", space_restore_agent);
    restore_hash(w, "customers", space_restore_customer);
    restore_hash(w, "about", space_restore_about);
    restore_hash(w, "tickets", space_restore_row);
    restore_hash(w, "tickets", space_restore_row); /* HSCAN may say things twice */
    space_restore_rows_done(w->ws);
    restore_hash(w, "held", restore_held);
}

/* ---- inputs ---- */

struct said { /* one event with its verdict */
    const char *external, *conversation, *account, *channel, *text, *lang, *queue, *intent;
    const char *customer, *person, *prefer; /* person: attribute customer.id; prefer: customer.agent */
    bool unsure;
    enum sentiment sentiment;
    double confidence;
    struct tag tags[8];
    uint32_t tag_count;
    enum event_kind kind;
    enum urgency urgency;
    struct need needs[8];
    uint32_t need_count;
};

static inline void world_take(struct world *w, const struct said *s)
{
    struct attribute attributes[2];
    uint32_t attribute_count = 0;

    if (s->person) attributes[attribute_count++] = (struct attribute){ STR("customer.id"), str_of(s->person) };
    if (s->prefer) attributes[attribute_count++] = (struct attribute){ STR("customer.agent"), str_of(s->prefer) };
    struct event e = { .workspace = space_name(w->ws),
                       .customer = str_of(s->customer),
                       .attributes = { attributes, attribute_count },
                       .account = str_of(s->account ? s->account : "web"),
                       .channel = str_of(s->channel ? s->channel : "webchat"),
                       .external = str_of(s->external),
                       .kind = s->kind,
                       .conversation = str_of(s->conversation),
                       .text = str_of(s->text ? s->text : "hello"),
                       .received = w->now,
                       .home = 3 };
    struct verdict v = { .workspace = e.workspace,
                         .policy = str_of(w->policy->version),
                         .urgency = s->urgency,
                         .language = str_of(s->lang ? s->lang : "und"),
                         .queue = str_of(s->queue),
                         .intent = str_of(s->intent),
                         .unsure = s->unsure,
                         .sentiment = s->sentiment,
                         .confidence = s->confidence,
                         .tags = { (void *)s->tags, s->tag_count },
                         .needs = { (void *)s->needs, s->need_count } };

    e.id = id_of_event(e.account, e.external);
    v.event = e.id;
    space_take(w->ws, w->now, &e, &v);
    w->opening = e.conversation;
    world_watch(w);
    w->opening = STR_NONE;
}

static inline void world_act(struct world *w, struct act a)
{
    a.id = ++w->act_id;
    a.workspace = space_name(w->ws);
    if (!a.router) a.router = WORLD_ROUTER;
    w->status = 0;
    space_act(w->ws, w->now, &a);
    world_watch(w);
}

static inline void world_online(struct world *w, const char *agent)
{
    world_act(w, (struct act){ .kind = ACT_CONNECT, .agent = str_of(agent) });
    world_act(w, (struct act){ .kind = ACT_PRESENCE, .agent = str_of(agent), .presence = PRES_AVAILABLE });
}

/* The token that the agent knows: of the last offer to them (of anybody, if there was none), or of what is theirs. */
static inline void world_token(struct seen_ticket *t, const char *agent, bool offer, struct act *a)
{
    const struct seen_offer *o = offer ? world_offer(t, agent) : NULL;

    a->token_epoch = o ? o->epoch : offer ? t->offer_epoch : t->epoch;
    a->token_seq = o ? o->seq : offer ? t->offer_seq : t->seq;
}

/* An act on a ticket with the token the agent knows: of the offer, or of what is theirs. */
static inline void world_on(struct world *w, enum act_kind kind, const char *agent, const char *conversation)
{
    struct seen_ticket *t = world_ticket(w, conversation);
    struct act a = { .kind = kind, .agent = str_of(agent) };

    assert_non_null(t);
    a.ticket = t->id;
    world_token(t, agent, kind == ACT_ACCEPT || kind == ACT_DECLINE, &a);
    world_act(w, a);
}

#endif
