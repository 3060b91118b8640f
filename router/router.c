/* naru router: options, the order in which things are opened and closed, what comes in from peers.

   Opening: journal first (its rows give back the memory), then policies, history, peers, and the HTTP door last, so that nothing is
   asked for before it can be answered. Closing is the reverse: no new requests, answers out, history, journal (which commits what
   is there), peers. A journal that fails ends the process: it starts again from what is on the disk. */
#include "router/router.h"

#include "base/clock.h"
#include "base/log.h"
#include "base/metrics.h"
#include "cli/cli.h"
#include "router/api.h"
#include "router/facts.h"
#include "router/lmtp.h"

#include <errno.h>
#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

#define DRAIN_MS 5000u
#define ACTS_MS  2000u /* how long acts may still be answered while stopping */

#define ROW(name, kind, field, fallback, min, max, arg, help)                                                                      \
    {                                                                                                                              \
        name, kind, offsetof(struct router_opts, field), fallback, min, max, arg, help                                             \
    }
static const struct opt rows[] = {
    ROW("name", OPT_STR, name, "router-1", 0, 0, "NAME", "unique in the installation"),
    ROW("number", OPT_U64, number, "1", 1, 4095, "N", "unique in the installation; stands in the ids of tickets"),
    ROW("listen", OPT_STR, listen, "127.0.0.1:8080", 0, 0, "ADDR", "where HTTP is served; port 0: any free one"),
    ROW("data", OPT_STR, data, "data", 0, 0, "DIR", "journal, history, tokens"),
    ROW("inbox", OPT_STR, inbox, "ipc:///tmp/naru-router-1", 0, 0, "ENDPOINT", "where peers send to: ipc://… or tcp://ADDR:PORT"),
    ROW("advertise", OPT_STR, advertise, NULL, 0, 0, "ENDPOINT", "what peers are told to connect to, where it is another"),
    ROW("policy", OPT_LIST, policies, NULL, 0, 0, "FILE", "a workspace's policy; may be given many times"),
    ROW("tokens", OPT_STR, tokens, NULL, 0, 0, "FILE", "access tokens; default: tokens in the data folder"),
    ROW("window", OPT_U64, window, "4096", 1, 1000000, "N", "records that each peer may have under way to us"),
    ROW("dial", OPT_LIST, dial, NULL, 0, 0, "ENDPOINT", "a peer's inbox to introduce ourselves to (as a rule peers dial us)"),
    ROW("proxy", OPT_LIST, proxies, NULL, 0, 0, "ADDR", "an address that may open any number of connections"),
    ROW("curve-secret", OPT_STR, curve_secret, NULL, 0, 0, "FILE", "our secret key: encrypts links to peers"),
    ROW("curve-peers", OPT_STR, curve_peers, NULL, 0, 0, "FILE", "public keys of the peers that may connect, one a line"),
    ROW("history-days", OPT_U64, history_days, "30", 1, 3650, "N", "how long closed tickets can be read"),
    ROW("feedback-rows", OPT_U64, feedback_rows, "200000", 1, 100000000, "N", "corrections that are kept; the oldest go"),
    ROW("feedback-days", OPT_U64, feedback_days, "365", 1, 36500, "N", "how long corrections are kept"),
    ROW("lmtp", OPT_STR, lmtp, NULL, 0, 0, "ADDR", "where mails are taken: HOST:PORT or the path of a unix socket"),
    ROW("mail-days", OPT_U64, mail_days, "30", 1, 3650, "N", "how long whole mails are kept in the data folder"),
    ROW("mail-mb", OPT_U64, mail_mb, "10240", 1, 100000000, "N", "how much of them at most, in MB; the oldest go"),
    ROW("port-file", OPT_STR, port_file, NULL, 0, 0, "FILE", "gets the bound HTTP port"),
    { 0 },
};

const char *router_workspace(const struct router *r, uint16_t number) { return r->events.workspaces[number]; }

/* ---- dispatch's hands ---- */

static uint32_t triage_credit(void *ctx, void *peer)
{
    (void)ctx;
    return peer_credit(peer);
}

static enum err triage_send(void *ctx, void *peer, const struct kept_event *e)
{
    struct router *r = ctx;
    buf_clear(&r->packed);
    if (facts_attach(&r->events, e, clock_wall_ms(), &r->packed)) metric_add(MET_FACTS_MISSED, "attributes", 1);
    return r->packed.err ? r->packed.err : mailbox_put_packed(r->mail, peer, MSG_EVENT, buf_str(&r->packed));
}

static void triage_retry(void *ctx, const struct kept_event *e, const char *cause)
{
    char text[ID_TEXT + 1];
    (void)ctx;
    metric_add(MET_TRIAGE_RETRIES, cause, 1);
    log_debug("event=%s goes to triage again attempts=%u cause=\"%s\"", id_text(&e->id, text), e->attempts, cause);
}

/* What the leader has taken (before a restart of ours) lives, with or without our copy of its verdict. */
static void triage_dead(void *ctx, struct kept_event *e, const char *cause)
{
    if (!e->ticket) (void)event_die(ctx, e, cause, true, NULL, NULL);
}

/* ---- records ---- */

static void on_verdict(struct router *r, struct peer *p, const void *obj)
{
    const struct verdict *v = obj;
    struct kept_event *e = events_find(&r->events, &v->event);
    uint64_t number = 0, now = router_now(r);
    char cause[129];
    (void)p;
    if (!e || e->verdict || !e->committed || (e->state != EV_ACCEPTED && e->state != EV_TAKEN))
        return; /* told twice, or too late */
    if (v->error.n) {
        snprintf(cause, sizeof cause, "triage: %.*s", STR_FMT(v->error));
        dispatch_failed(&r->dispatch, e, now, cause);
        return;
    }
    events_heard(e, v); /* before the next of its conversation has its turn */
    metric_observe(MET_TRIAGE_ROUNDTRIP, "", (double)(now - e->since) / 1e3);
    (void)dispatch_done(&r->dispatch, e, now);
    buf_clear(&r->packed);
    record_pack(&r->packed, &verdict_record, v);
    /* Its row comes with the leader's answer. Without it a restart asks triage again: the event is safe either way. */
    if (e->state == EV_TAKEN) (void)journal_append(r->journal, ROW_VERDICT, &e->id, buf_str(&r->packed), NULL, NULL, &number);
    if (events_verdict(&r->events, e, buf_str(&r->packed), number)) return;
    if (e->state == EV_TRIAGED) leader_take(r, e);
}

static void on_entry(struct router *r, struct peer *p, const void *obj) { leader_on_entry(r, p, obj); }
static void on_lead(struct router *r, struct peer *p, const void *obj) { leader_on_lead(r, p, obj); }
static void on_sync(struct router *r, struct peer *p, const void *obj) { leader_on_sync(r, p, obj); }

static void on_offer(struct router *r, struct peer *p, const void *obj)
{
    (void)p;
    agents_offer(r, obj);
    bots_offer(r, obj);
}

static void on_result(struct router *r, struct peer *p, const void *obj)
{
    (void)p;
    acts_result(&r->acts, obj);
}

static void on_config(struct router *r, struct peer *p, const void *obj)
{
    const struct config *c = obj;
    if (c->kind == CONFIG_PEOPLE) {
        people_heard(r, c);
        return;
    }
    enum err e = config_keep_put(&r->config, c, clock_wall_ms(), r->journal, NULL, NULL, NULL);
    if (!e && c->kind == CONFIG_POLICY) policy_tell(r, NULL);
    if (e && e != ERR_EXISTS) log_warn("peer=%s sent a configuration that cannot be used: %s", peer_name(p), err_text(e));
}

static void on_stats(struct router *r, struct peer *p, const void *obj)
{
    const struct stats *s = obj;
    (void)r;
    if (metrics_take(str_of(peer_name(p)), s->values)) log_debug("peer=%s sent metrics that cannot be read", peer_name(p));
}

static const struct record_row { /* what is taken from whom */
    enum role from;              /* ROLE_NONE: anybody */
    void (*fn)(struct router *r, struct peer *p, const void *obj);
} record_rows[MSG_COUNT] = {
    [MSG_VERDICT] = { ROLE_TRIAGE, on_verdict }, [MSG_ENTRY] = { ROLE_ASSIGN, on_entry }, [MSG_OFFER] = { ROLE_ASSIGN, on_offer },
    [MSG_RESULT] = { ROLE_ASSIGN, on_result },   [MSG_LEAD] = { ROLE_ASSIGN, on_lead },   [MSG_SYNC] = { ROLE_ASSIGN, on_sync },
    [MSG_CONFIG] = { ROLE_ASSIGN, on_config },   [MSG_STATS] = { ROLE_NONE, on_stats },
};

static void on_record(void *ctx, struct peer *p, enum msg type, const void *obj)
{
    const struct record_row *row = &record_rows[type];
    if (row->fn && (row->from == ROLE_NONE || row->from == peer_role(p))) row->fn(ctx, p, obj);
    else metric_add(MET_MBOX_REFUSED, "role", 1);
}

/* ---- peers ---- */

static void on_up(void *ctx, struct peer *p)
{
    struct router *r = ctx;
    log_info("peer=%s role=%s is up", peer_name(p), role_words.v[peer_role(p)]);
    if (peer_role(p) == ROLE_TRIAGE) {
        policy_tell(r, p);
        if (dispatch_up(&r->dispatch, p)) log_error("peer=%s gets no events: too many triage workers", peer_name(p));
    } else if (peer_role(p) == ROLE_ASSIGN) {
        leader_on_up(r, p);
    }
}

static void on_down(void *ctx, struct peer *p)
{
    struct router *r = ctx;
    if (!r->stopping) log_warn("peer=%s role=%s is down", peer_name(p), role_words.v[peer_role(p)]);
    if (peer_role(p) == ROLE_TRIAGE) dispatch_down(&r->dispatch, p, router_now(r));
    else if (peer_role(p) == ROLE_ASSIGN) leader_on_down(r, p);
    metrics_forget(str_of(peer_name(p)));
}

static void on_credit(void *ctx, struct peer *p) { (void)ctx, (void)p; /* on_turn pumps anyway */ }

/* ---- time ---- */

static bool on_turn(struct turn_end *t)
{
    struct router *r = t->ctx;
    bool did = dispatch_pump(&r->dispatch, router_now(r)) > 0;
    did |= leaders_pump(r);
    if (did) mailbox_flush(r->mail);
    streams_pump(r);
    return hooks_pump(r);
}

static void tell_again(struct router *r)
{
    for (struct peer *p = NULL; (p = mailbox_next(r->mail, p));) {
        if (peer_data(p)) policy_tell(r, p);
    }
}

static void count_customers(struct router *r)
{
    struct customers *c = &r->events.customers;
    customers_sweep(c, clock_wall_ms());
    metric_set(MET_CUSTOMERS, "", (double)c->count);
    if (c->full) metric_add(MET_FACTS_MISSED, "customers", (double)c->full);
    c->full = 0;
}

static void on_second(struct timer *t)
{
    struct router *r = t->ctx;
    uint64_t now = router_now(r);
    dispatch_tick(&r->dispatch, now);
    leaders_tick(r, now);
    acts_tick(&r->acts, now);
    agents_tick(r, now);
    bots_tick(r, now);
    widget_tick(r, now);
    messages_tick(r);
    doors_tick(r);
    hooks_tick(r);
    if (r->mails) mailroom_tick(r->mails, now);
    people_tick(r);
    settle_retry(r);
    count_customers(r);
    tokens_refresh(r->tokens);
    streams_tick(r, now);
    tell_again(r);
}

/* ---- the journal ---- */

static bool is_hook(enum row_kind kind) { return kind == ROW_HOOK || kind == ROW_HOOK_END; }

static bool is_message(enum row_kind kind) { return kind == ROW_MESSAGE || kind == ROW_MESSAGE_END; }

static void on_row(void *ctx, uint64_t number, enum row_kind kind, const struct id *id, struct str body)
{
    struct router *r = ctx;
    if (kind == ROW_CONFIG) {
        config_keep_row(&r->config, number, body, clock_wall_ms());
        return;
    }
    if (kind == ROW_CHAT) {
        widget_row(r, number, id, body);
        return;
    }
    if (is_message(kind)) {
        messages_row(r, number, kind, id, body);
        return;
    }
    bool hook = is_hook(kind);
    enum err e = hook ? hooks_row(r, number, kind, id, body) : events_row(&r->events, number, kind, id, body);
    if (e && e != ERR_EXISTS) log_error("row=%llu of the journal cannot be used: %s", (unsigned long long)number, err_text(e));
}

static bool row_live(void *ctx, uint64_t number, enum row_kind kind, const struct id *id)
{
    struct router *r = ctx;
    if (kind == ROW_CHAT) return widget_row_live(r, number, id);
    if (is_hook(kind)) return hookbox_row_live(&r->hooks.box, number, id);
    if (is_message(kind)) return sending_row_live(&r->messages.sending, number, id);
    return kind == ROW_CONFIG ? config_keep_row_live(&r->config, number, id) : events_row_live(&r->events, number, id);
}

static void row_moved(void *ctx, uint64_t from, uint64_t to, const struct id *id)
{
    struct router *r = ctx;
    config_keep_row_moved(&r->config, from, to, id);
    widget_row_moved(r, from, to, id);
    events_row_moved(&r->events, from, to, id);
    hookbox_row_moved(&r->hooks.box, from, to, id);
    sending_row_moved(&r->messages.sending, from, to, id);
}

static void stop(struct router *r);

static void on_fatal(void *ctx, const char *why)
{
    struct router *r = ctx;
    log_error("the journal failed (%s): nothing is accepted any more; the process ends, so that it begins again from the disk",
              why);
    r->failed = true;
    stop(r);
}

/* What the rows said is still to be done. */
static void take_up(struct router *r)
{
    struct kept_event *e, *next;
    uint64_t now = router_now(r), at;
    struct id ticket;
    events_replayed(&r->events);
    for (e = TAILQ_FIRST(&r->events.order); e; e = next) {
        next = TAILQ_NEXT(e, order);
        if (!journal_known(r->journal, &e->id, &ticket, &at)) events_drop(&r->events, e);
        else if (e->state == EV_ACCEPTED || (e->state == EV_TAKEN && !e->verdict)) (void)dispatch_add(&r->dispatch, e, now);
        else if (e->state == EV_TRIAGED) leader_take(r, e);
    }
    log_info("events=%zu are not settled accepted=%llu triaged=%llu taken=%llu dead=%llu", r->events.by_id.count,
             (unsigned long long)r->events.counts[EV_ACCEPTED], (unsigned long long)r->events.counts[EV_TRIAGED],
             (unsigned long long)r->events.counts[EV_TAKEN], (unsigned long long)r->events.counts[EV_DEAD]);
}

/* ---- opening ---- */

static enum err open_memory(struct router *r)
{
    uint32_t seed;
    struct acts_cfg acts = { .ctx = r, .send = leader_send_act };
    struct dispatch_cfg dispatch = {
        .ctx = r, .credit = triage_credit, .send = triage_send, .on_retry = triage_retry, .on_dead = triage_dead
    };
    rng_secret(&seed, sizeof seed);
    buf_init(&r->packed, LIM_ZMQ_MESSAGE);
    buf_init(&r->text, 16u << 20);
    ingest_init(&r->ingest);
    agents_init(&r->agents);
    admit_init(&r->admit);
    dispatch_init(&r->dispatch, &dispatch, LIM_EVENTS_LIVE);
    r->number = (uint32_t)r->opts.number;
    idems_init(&r->idems, LIM_IDEM_KEYS, LIM_IDEM_BYTES);
    enum err e = events_init(&r->events, LIM_EVENTS_LIVE);
    r->events.owner = r;
    if (!e) e = config_keep_init(&r->config);
    if (!e) e = leaders_init(&r->leaders);
    if (!e) e = acts_init(&r->acts, &acts, seed);
    if (!e) e = bots_init(r);
    if (!e) e = widget_init(r);
    if (!e) e = hooks_init(r);
    if (!e) e = streams_init(&r->streams);
    if (!e) e = doors_init(r);
    if (!e) e = messages_init(r);
    if (!e) e = people_init(&r->people.people);
    arena_init(&r->people.arena, 1u << 20);
    return e;
}

static enum err open_disk(struct router *r)
{
    char path[4096];
    struct journal_cfg cfg = { .path = path,
                               .linger_us = 1000,
                               .ctx = r,
                               .on_row = on_row,
                               .on_fatal = on_fatal,
                               .is_live = row_live,
                               .on_moved = row_moved };
    if (mkdir(r->opts.data, 0700) && errno != EEXIST) {
        log_error("the data folder %s cannot be made: %s", r->opts.data, strerror(errno));
        return ERR_IO;
    }
    snprintf(path, sizeof path, "%s/tokens", r->opts.data);
    enum err e = tokens_open(&r->tokens, r->opts.tokens ? r->opts.tokens : path);
    if (e && !r->tokens) return e; /* bad lines are logged and skipped */
    snprintf(path, sizeof path, "%s/journal.db", r->opts.data);
    if ((e = journal_open(&r->journal, &r->loop, &cfg))) return e;
    snprintf(path, sizeof path, "%s/history.db", r->opts.data);
    struct history_cfg history = { .path = path,
                                   .keep_days = (uint32_t)r->opts.history_days,
                                   .feedback_rows = r->opts.feedback_rows,
                                   .feedback_days = (uint32_t)r->opts.feedback_days,
                                   .render = ticket_json,
                                   .digest = ticket_contacts,
                                   .digest_ctx = &r->events };
    if ((e = history_open(&r->history, &r->loop, &history))) return e;
    snprintf(path, sizeof path, "%s/customers.db", r->opts.data);
    if ((e = people_open(r, path))) return e;
    take_up(r);
    contacts_rebuild(r);
    e = policy_import(r, true);
    hooks_open(r);
    return e ? e : messages_open(r);
}

static enum err open_mailroom(struct router *r)
{
    char path[4096];
    struct mailroom_cfg cfg = { .folder = path, .days = r->opts.mail_days, .bytes = r->opts.mail_mb << 20 };
    snprintf(path, sizeof path, "%s/mail", r->opts.data);
    enum err e = mailroom_open(&r->mails, &r->loop, &cfg);
    if (!e) mails_recall(r);
    return e;
}

static enum err open_peers(struct router *r)
{
    struct mailbox_cfg cfg = { .name = r->opts.name,
                               .role = ROLE_ROUTER,
                               .inbox = r->opts.inbox,
                               .advertise = r->opts.advertise,
                               .window = (uint32_t)r->opts.window,
                               .number = r->number,
                               .curve_secret_file = r->opts.curve_secret,
                               .curve_peers_file = r->opts.curve_peers,
                               .ctx = r,
                               .on_up = on_up,
                               .on_down = on_down,
                               .on_credit = on_credit,
                               .on_record = on_record };
    enum err e = mailbox_open(&r->mail, &r->loop, &cfg);
    for (size_t i = 0; !e && i < r->opts.dial.count; i++) e = mailbox_dial(r->mail, r->opts.dial.v[i]);
    return e;
}

static enum err write_port(const struct router *r)
{
    char path[4096];
    if (!r->opts.port_file) return ERR_OK;
    snprintf(path, sizeof path, "%s.new", r->opts.port_file);
    FILE *f = fopen(path, "w");
    if (!f) return ERR_IO;
    bool good = fprintf(f, "%u\n", http_port(r->http)) > 0;
    good = fclose(f) == 0 && good && rename(path, r->opts.port_file) == 0; /* whoever sees the file sees all of it */
    return good ? ERR_OK : ERR_IO;
}

static uint64_t body_limit(void *ctx, struct str path)
{
    if (str_is(path, "/v1/policy")) return LIM_YAML_BYTES;
    return str_is(path, "/v1/customers") ? LIM_CUSTOMERS_BODY : channel_body_max(ctx, path);
}

static enum err open_door(struct router *r)
{
    struct http_cfg cfg = { .listen = r->opts.listen,
                            .proxies = { r->opts.proxies.v, r->opts.proxies.count },
                            .ctx = r,
                            .on_request = api_request,
                            .body_limit = body_limit,
                            .spool = r->opts.data };
    enum err e = http_open(&r->http, &r->loop, &cfg);
    if (!e && r->opts.lmtp) e = lmtp_open(&r->lmtp, r, r->opts.lmtp);
    if (!e) e = write_port(r);
    if (!e) log_info("listening on %s port=%u", r->opts.listen, http_port(r->http));
    return e;
}

/* ---- stopping ---- */

static void on_journal_closed(void *ctx)
{
    struct router *r = ctx;
    r->journal = NULL;
    if (r->mail) mailbox_close(r->mail);
    r->mail = NULL;
    turn_end_fini(&r->turn);
    timer_fini(&r->second);
    signals_fini(&r->signals);
}

static void on_history_closed(void *ctx)
{
    struct router *r = ctx;
    r->history = NULL;
    if (r->journal) journal_close(r->journal, on_journal_closed, r);
    else on_journal_closed(r);
}

static void on_people_closed(void *ctx)
{
    struct router *r = ctx;
    r->people.db = NULL;
    if (r->history) history_close(r->history, on_history_closed, r);
    else on_history_closed(r);
}

static void on_drained(void *ctx)
{
    struct router *r = ctx;
    r->http = NULL;
    bots_close(r);
    hooks_close(r);
    messages_close(r);
    mailroom_close(r->mails);
    acts_refuse_all(&r->acts);
    if (r->people.db) people_db_close(r->people.db, on_people_closed, r);
    else on_people_closed(r);
}

static void on_acts_late(struct timer *t)
{
    struct router *r = t->ctx;
    acts_refuse_all(&r->acts);
}

static void stop(struct router *r)
{
    if (r->stopping) return;
    r->stopping = true;
    log_info("stopping: answering what is under way");
    timer_stop(&r->second);
    r->second.fn = on_acts_late;
    timer_once(&r->second, ACTS_MS);
    lmtp_close(r->lmtp);
    if (r->http) http_drain(r->http, DRAIN_MS, on_drained, r);
    else on_drained(r);
}

static void on_stop(void *ctx) { stop(ctx); }

static void on_hup(void *ctx)
{
    struct router *r = ctx;
    log_info("SIGHUP: reading policies and tokens again");
    (void)policy_import(r, false);
    policy_tell(r, NULL);
    bots_reload(r);
    hooks_reload(r);
    doors_reload(r);
    for (uint32_t i = 0; i < r->leaders.count; i++) {
        if (leader_is_there(r, (uint16_t)i)) config_tell_leader(r, (uint16_t)i);
    }
}

static void free_memory(struct router *r)
{
    acts_fini(&r->acts);
    bots_fini(r);
    widget_fini(r);
    hooks_fini(r);
    streams_fini(&r->streams);
    messages_fini(r);
    lmtp_free(r->lmtp);
    mailroom_free(r->mails);
    doors_fini(r);
    people_fini_all(r);
    agents_fini(&r->agents);
    leaders_fini(&r->leaders);
    dispatch_fini(&r->dispatch);
    events_fini(&r->events);
    config_keep_fini(&r->config);
    if (r->tokens) tokens_close(r->tokens);
    ingest_fini(&r->ingest);
    buf_fini(&r->packed);
    buf_fini(&r->text);
    idems_fini(&r->idems); /* last: what answered until now ended its keys here */
}

int router_main(int argc, char **argv)
{
    struct router *r = calloc(1, sizeof *r);
    if (!r) return 1;
    if (opt_parse(rows, "naru router --data DIR --policy FILE [options]", argc, argv, &r->opts)) return free(r), 2;
    mallopt(M_TRIM_THRESHOLD, 256 << 20); /* what one rush needed the next one needs again: do not give it back between them */
    mallopt(M_MMAP_THRESHOLD, 32 << 20);
    log_init(r->opts.name);
    metrics_init(r->opts.name);
    uv_loop_init(&r->loop);
    timer_init(&r->second, &r->loop, on_second, r);
    enum err e = open_memory(r);
    if (!e) e = signals_init(&r->signals, &r->loop, on_stop, on_hup, r);
    if (!e) e = open_disk(r);
    if (!e) e = open_mailroom(r);
    if (!e) e = open_peers(r);
    turn_end_init(&r->turn, &r->loop, on_turn, r);
    if (!e) e = open_door(r);
    if (e) {
        log_error("cannot start: %s", err_text(e));
        r->failed = true;
        stop(r);
    } else {
        timer_every(&r->second, 1000);
    }
    loop_finish(&r->loop);
    bool failed = r->failed;
    free_memory(r);
    free(r);
    return failed ? 1 : 0;
}
