/* The router as a process of its own, between a fake triage worker, a fake leader and clients who speak plain HTTP and WebSocket:
   the way of an event from its POST to its end, and what a kill -9 on that way leaves behind. */
#include "base/clock.h"
#include "base/loop.h"
#include "cli/cli.h"
#include "proto/mailbox.h"
#include "router/token.h"

#include <arpa/inet.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

/* cmocka.h wants the others before it. */
/* clang-format off */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
/* clang-format on */

#define WAIT_MS 20000

static const char policy[] =
    "naru: 1\nworkspace: hanbit\nchannels:\n  sms: { cost: 20, offer: 30s }\n  email: { cost: 15, offer: 1m }\n"
    "accounts:\n  kr-sms: { channel: sms }\nqueues:\n  front-desk: { takes: default }\n"
    "agents:\n  minji: { skills: { lang:ko: 10 } }\n";

static struct fixture {
    char dir[64], inbox[128], token[64], agent_token[64], source_token[64];
    pid_t pid;
    uint16_t port;
    uv_loop_t loop;
    struct mailbox *triage, *assign;
    struct peer *to_router; /* of assign */
    /* fake triage */
    bool hold, error;
    unsigned events_seen;
    char conversation_order[64];
    /* fake leader */
    uint64_t epoch, seq, seen;
    unsigned takes, lives, configs;
    bool synced, lead, ask_sync;
    struct id ticket, last_event;
    uint64_t waiting_act, waiting_seq; /* an answer that waits for SEEN */
    unsigned disconnects;
    char act[512]; /* the last act of a ticket that is no accept and no end, as it came */
} f;

/* ---- fakes ---- */

static void triage_record(void *ctx, struct peer *p, enum msg type, const void *obj)
{
    const struct event *e = obj;
    (void)ctx;
    if (type != MSG_EVENT) return;
    f.events_seen++;
    if (f.hold) return;
    struct verdict v = { .event = e->id,
                         .workspace = e->workspace,
                         .policy = STR("v"),
                         .language = STR("ko"),
                         .urgency = URG_HIGH,
                         .error = f.error ? STR("cannot read it") : STR_NONE };
    assert_int_equal(mailbox_put(f.triage, p, MSG_VERDICT, &v), ERR_OK);
}

static void put_entry(enum entry_kind kind, const struct id *event, enum ticket_state state)
{
    struct entry en = { .workspace = STR("hanbit"),
                        .epoch = f.epoch,
                        .seq = ++f.seq,
                        .kind = kind,
                        .at = clock_wall_ms(),
                        .ticket = f.ticket,
                        .home = 1,
                        .state = state,
                        .queue = STR("front-desk"),
                        .token_epoch = f.epoch,
                        .token_seq = f.seq };
    if (event) en.event = *event;
    if (kind == ENTRY_ACCEPTED || kind == ENTRY_ENDED) en.agent = STR("minji");
    if (kind == ENTRY_OFFERED) en.detail = STR("{\"candidates\":[]}");
    assert_int_equal(mailbox_put(f.assign, f.to_router, MSG_ENTRY, &en), ERR_OK);
}

static void answer_act(uint64_t id, const char *body)
{
    struct result r = { .id = id, .status = 200, .body = str_of(body), .session = 77 };
    assert_int_equal(mailbox_put(f.assign, f.to_router, MSG_RESULT, &r), ERR_OK);
}

static void leader_take(const struct event *e)
{
    struct rng rng;
    rng_seed_os(&rng);
    f.takes++;
    f.last_event = e->id;
    f.ticket = id_new(clock_wall_ms(), 1, &rng);
    put_entry(ENTRY_OPENED, &e->id, TK_WAITING);
    put_entry(ENTRY_OFFERED, NULL, TK_OFFERED);
    struct message m = { e->id, e->received, STR("customer"), e->text };
    struct offer o = { .workspace = STR("hanbit"),
                       .what = STR("offer"),
                       .agent = STR("minji"),
                       .session = 77,
                       .ticket = f.ticket,
                       .token_epoch = f.epoch,
                       .token_seq = f.seq,
                       .expires_in = 30000,
                       .queue = STR("front-desk"),
                       .messages = { &m, 1 } };
    assert_int_equal(mailbox_put(f.assign, f.to_router, MSG_OFFER, &o), ERR_OK);
}

static void note_act(const struct act *a)
{
    const struct need *need = a->needs.items;
    int n =
        snprintf(f.act, sizeof f.act, "%s agent=%.*s token=%llu.%llu actor=%.*s%s queue=%.*s to=%.*s reason=%.*s at=%llu text=%.*s",
                 act_kind_words.v[a->kind], STR_FMT(a->agent), (unsigned long long)a->token_epoch, (unsigned long long)a->token_seq,
                 STR_FMT(a->actor), a->privileged ? " privileged" : "", STR_FMT(a->queue), STR_FMT(a->to), STR_FMT(a->reason),
                 (unsigned long long)a->at, STR_FMT(a->text));
    for (uint32_t i = 0; i < a->needs.count; i++)
        n += snprintf(f.act + n, sizeof f.act - (size_t)n, " %.*s:%u", STR_FMT(need[i].skill), need[i].level);
}

static void leader_act(const struct act *a)
{
    if (a->kind == ACT_CONFIG) f.configs++, answer_act(a->id, "{}");
    if (a->kind == ACT_CONNECT)
        answer_act(a->id, "{\"agent\":\"minji\",\"session\":77,\"presence\":\"offline\",\"held\":[],\"offers\":[]}");
    if (a->kind == ACT_DISCONNECT) f.disconnects++, answer_act(a->id, "{}");
    if (a->kind == ACT_PRESENCE) answer_act(a->id, "{\"presence\":\"available\"}");
    if (a->kind == ACT_TICKET || a->kind == ACT_EXPLAIN) {
        struct result r = { .id = a->id, .status = 404, .problem = STR("ticket-not-found") };
        assert_int_equal(mailbox_put(f.assign, f.to_router, MSG_RESULT, &r), ERR_OK);
    }
    if (a->kind == ACT_TRANSFER || a->kind >= ACT_START) {
        note_act(a);
        answer_act(a->id, "{\"state\":\"assigned\",\"token_epoch\":5,\"token_seq\":10}");
    }
    if (a->kind != ACT_ACCEPT && a->kind != ACT_RESOLVE) return;
    put_entry(a->kind == ACT_ACCEPT ? ENTRY_ACCEPTED : ENTRY_ENDED, NULL, a->kind == ACT_ACCEPT ? TK_ASSIGNED : TK_RESOLVED);
    f.waiting_act = a->id;
    f.waiting_seq = f.seq; /* told only after home has committed it */
}

static void assign_record(void *ctx, struct peer *p, enum msg type, const void *obj)
{
    (void)ctx, (void)p;
    if (type == MSG_TAKE) leader_take(&((const struct take *)obj)->event);
    if (type == MSG_ACT) leader_act(obj);
    if (type == MSG_LIVE) f.lives++;
    if (type == MSG_SYNC) f.synced = ((const struct sync *)obj)->done;
    if (type == MSG_SEEN) f.seen = ((const struct seen *)obj)->seq;
    if (f.waiting_act && f.seen >= f.waiting_seq) {
        answer_act(f.waiting_act, "{\"token_epoch\":5,\"token_seq\":9}");
        f.waiting_act = 0;
    }
}

static void say_lead(void)
{
    struct lead l = { STR("hanbit"), f.epoch, f.seq };
    assert_int_equal(mailbox_put(f.assign, f.to_router, MSG_LEAD, &l), ERR_OK);
}

static void assign_up(void *ctx, struct peer *p)
{
    (void)ctx;
    struct sync sync = { STR("hanbit"), f.epoch, f.seq, false };
    f.to_router = p;
    if (f.lead) say_lead();
    if (f.ask_sync) assert_int_equal(mailbox_put(f.assign, p, MSG_SYNC, &sync), ERR_OK);
}
static void ignore(void *ctx, struct peer *p) { (void)ctx, (void)p; }

static void open_triage(void)
{
    static char inbox[160];
    snprintf(inbox, sizeof inbox, "ipc://%s/triage", f.dir);
    struct mailbox_cfg cfg = { .name = "triage-1",
                               .role = ROLE_TRIAGE,
                               .inbox = inbox,
                               .window = 64,
                               .on_up = ignore,
                               .on_down = ignore,
                               .on_credit = ignore,
                               .on_record = triage_record };
    assert_int_equal(mailbox_open(&f.triage, &f.loop, &cfg), ERR_OK);
    assert_int_equal(mailbox_dial(f.triage, f.inbox), ERR_OK);
}

static void open_assign(void)
{
    static char inbox[160];
    snprintf(inbox, sizeof inbox, "ipc://%s/assign", f.dir);
    struct mailbox_cfg cfg = { .name = "assign-1",
                               .role = ROLE_ASSIGN,
                               .inbox = inbox,
                               .window = 1024,
                               .on_up = assign_up,
                               .on_down = ignore,
                               .on_credit = ignore,
                               .on_record = assign_record };
    assert_int_equal(mailbox_open(&f.assign, &f.loop, &cfg), ERR_OK);
    assert_int_equal(mailbox_dial(f.assign, f.inbox), ERR_OK);
}

/* ---- the process ---- */

static void turn(void)
{
    uv_run(&f.loop, UV_RUN_NOWAIT);
    usleep(300);
}
#define UNTIL(cond)                                                                                                                \
    do {                                                                                                                           \
        uint64_t until = clock_mono_ms() + WAIT_MS;                                                                                \
        while (!(cond)) {                                                                                                          \
            turn();                                                                                                                \
            if (clock_mono_ms() > until) fail_msg("waited in vain for: %s", #cond);                                                \
        }                                                                                                                          \
    } while (0)

static bool read_port(void)
{
    char path[128];
    unsigned port = 0;
    snprintf(path, sizeof path, "%s/port", f.dir);
    FILE *file = fopen(path, "r");
    if (!file) return false;
    bool good = fscanf(file, "%u", &port) == 1;
    fclose(file);
    f.port = (uint16_t)port;
    return good;
}

static void start_router(void)
{
    char port[128], yaml[128];
    snprintf(port, sizeof port, "%s/port", f.dir);
    snprintf(yaml, sizeof yaml, "%s/policy.yaml", f.dir);
    unlink(port);
    f.pid = fork();
    assert_true(f.pid >= 0);
    if (f.pid == 0) {
        char *argv[] = { "test",    "router", "--name",   "router-1", "--listen",    "127.0.0.1:0", "--data", f.dir,
                         "--inbox", f.inbox,  "--policy", yaml,       "--port-file", port,          NULL };
        execv("/proc/self/exe", argv); /* a fresh process: threads and contexts of ours do not fork */
        _exit(127);
    }
    UNTIL(read_port());
}

static void kill_router(int signo)
{
    int status;
    kill(f.pid, signo);
    assert_int_equal(waitpid(f.pid, &status, 0), f.pid);
    if (signo == SIGTERM) assert_int_equal(status, 0);
    f.pid = 0;
}

/* ---- HTTP ---- */

static int dial(void)
{
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    struct sockaddr_in a = { .sin_family = AF_INET, .sin_port = htons(f.port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    assert_int_equal(connect(fd, (struct sockaddr *)&a, sizeof a), 0);
    return fd;
}

static char answer[65536];
static size_t answer_n;

static bool complete(void)
{
    const char *head = strstr(answer, "\r\n\r\n"), *length = strcasestr(answer, "content-length:");
    return head && (!length || answer_n >= (size_t)(head - answer) + 4 + strtoul(length + 15, NULL, 10));
}

static void hear(int fd)
{
    ssize_t n = recv(fd, answer + answer_n, sizeof answer - answer_n - 1, MSG_DONTWAIT);
    if (n > 0) answer_n += (size_t)n;
    answer[answer_n] = '\0';
}

/* The status; the whole answer is in `answer`. */
static int request(const char *token, const char *method, const char *path, const char *body)
{
    char text[8192];
    int fd = dial(),
        n = snprintf(text, sizeof text,
                     "%s %s HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer %s\r\nContent-Type: application/json\r\nContent-Length: "
                     "%zu\r\nConnection: close\r\n\r\n%s",
                     method, path, token, strlen(body), body);
    assert_int_equal(send(fd, text, (size_t)n, 0), n);
    answer_n = 0;
    answer[0] = '\0';
    UNTIL((hear(fd), complete()));
    close(fd);
    return atoi(answer + 9);
}
static int get(const char *path) { return request(f.token, "GET", path, ""); }

static int post_event(const char *id, const char *customer)
{
    char body[512];
    snprintf(body, sizeof body, "{\"id\":\"%s\",\"account\":\"kr-sms\",\"customer\":\"%s\",\"text\":\"환불해 주세요\"}", id,
             customer);
    return request(f.source_token, "POST", "/v1/events", body);
}

static bool event_is(const char *id, const char *state)
{
    char path[128], text[ID_TEXT + 1], word[64];
    struct id event = id_of_event(STR("kr-sms"), str_of(id));
    snprintf(path, sizeof path, "/v1/events/%s", id_text(&event, text));
    snprintf(word, sizeof word, "\"state\":\"%s\"", state);
    return get(path) == 200 && strstr(answer, word);
}

/* ---- WebSocket ---- */

static unsigned char ws_in[65536];
static size_t ws_n;
static char ws_text[65536];

static int ws_open(void)
{
    char text[1024];
    int fd = dial(),
        n = snprintf(text, sizeof text,
                     "GET /v1/agents/minji/stream HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer %s\r\nUpgrade: websocket\r\n"
                     "Connection: Upgrade\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n",
                     f.agent_token);
    assert_int_equal(send(fd, text, (size_t)n, 0), n);
    answer_n = 0;
    UNTIL((hear(fd), strstr(answer, "\r\n\r\n")));
    assert_int_equal(atoi(answer + 9), 101);
    char *end = strstr(answer, "\r\n\r\n") + 4;
    ws_n = answer_n - (size_t)(end - answer);
    memcpy(ws_in, end, ws_n);
    return fd;
}

static void ws_say(int fd, const char *text)
{
    unsigned char frame[1024] = { 0x81 };
    size_t n = strlen(text), head = n < 126 ? 6 : 8;
    frame[1] = (unsigned char)(0x80 | (n < 126 ? n : 126));
    if (n >= 126) frame[2] = (unsigned char)(n >> 8), frame[3] = (unsigned char)n;
    memcpy(frame + head, text, n); /* masked with zeros */
    assert_int_equal(send(fd, frame, head + n, 0), (ssize_t)(head + n));
}

/* The next whole text frame into ws_text. */
static bool ws_next(int fd)
{
    ssize_t got = recv(fd, ws_in + ws_n, sizeof ws_in - ws_n, MSG_DONTWAIT);
    if (got > 0) ws_n += (size_t)got;
    if (ws_n < 2) return false;
    size_t n = ws_in[1] & 127, head = 2;
    if (n == 126) n = (size_t)ws_in[2] << 8 | ws_in[3], head = 4;
    if (ws_n < head + n) return false;
    bool text = (ws_in[0] & 15) == 1;
    if (text) {
        memcpy(ws_text, ws_in + head, n);
        ws_text[n] = '\0';
    }
    memmove(ws_in, ws_in + head + n, ws_n - head - n);
    ws_n -= head + n;
    return text;
}
static bool ws_heard(int fd, const char *type)
{
    char word[64];
    snprintf(word, sizeof word, "\"type\":\"%s\"", type);
    return ws_next(fd) && strstr(ws_text, word);
}

/* ---- fixture ---- */

static void make_token(enum token_role role, const char *subject, char out[64])
{
    char path[128];
    struct token t = { .role = role, .workspace = "hanbit" };
    snprintf(t.subject, sizeof t.subject, "%s", subject);
    snprintf(path, sizeof path, "%s/tokens", f.dir);
    assert_int_equal(token_create(path, &t, str_of(subject), clock_wall_ms(), out), ERR_OK);
}

static int set_up(void **state)
{
    char path[128];
    (void)state;
    memset(&f, 0, sizeof f);
    snprintf(f.dir, sizeof f.dir, "/tmp/naru-router-XXXXXX");
    assert_non_null(mkdtemp(f.dir));
    snprintf(f.inbox, sizeof f.inbox, "ipc://%s/router", f.dir);
    snprintf(path, sizeof path, "%s/policy.yaml", f.dir);
    FILE *file = fopen(path, "w");
    fputs(policy, file);
    fclose(file);
    make_token(TOKEN_OPERATOR, "boss", f.token);
    make_token(TOKEN_AGENT, "minji", f.agent_token);
    make_token(TOKEN_SOURCE, "gateway", f.source_token);
    uv_loop_init(&f.loop);
    f.epoch = 5;
    f.lead = true;
    start_router();
    return 0;
}

static int tear_down(void **state)
{
    char command[128];
    (void)state;
    if (f.pid) kill_router(SIGTERM);
    if (f.triage) mailbox_close(f.triage);
    if (f.assign) mailbox_close(f.assign);
    loop_finish(&f.loop);
    snprintf(command, sizeof command, "rm -rf %s", f.dir);
    return system(command);
}

/* ---- the tests ---- */

static void an_event_goes_all_the_way(void **state)
{
    char text[256], id[ID_TEXT + 1], path[128];
    (void)state;
    open_triage();
    open_assign();
    UNTIL(get("/readyz") == 200);
    int ws = ws_open();
    UNTIL(ws_heard(ws, "welcome"));
    assert_non_null(strstr(ws_text, "\"session\":77"));
    ws_say(ws, "{\"type\":\"presence\",\"presence\":\"available\",\"ref\":1}");
    UNTIL(ws_heard(ws, "result"));
    assert_non_null(strstr(ws_text, "\"ref\":1"));

    assert_int_equal(post_event("m-1", "kim"), 202);
    assert_non_null(strstr(answer, "\"duplicate\":false"));
    UNTIL(ws_heard(ws, "offer"));
    assert_non_null(strstr(ws_text, "환불해 주세요"));
    assert_true(event_is("m-1", "taken"));

    snprintf(text, sizeof text, "{\"type\":\"accept\",\"ticket\":\"%s\",\"token\":\"5.2\",\"ref\":2}", id_text(&f.ticket, id));
    ws_say(ws, text);
    UNTIL(ws_heard(ws, "result"));
    assert_non_null(strstr(ws_text, "\"status\":200"));
    assert_non_null(strstr(ws_text, "\"token\":\"5.9\""));
    snprintf(text, sizeof text, "{\"type\":\"resolve\",\"ticket\":\"%s\",\"token\":\"5.9\",\"ref\":3}", id);
    ws_say(ws, text);
    UNTIL(ws_heard(ws, "result"));
    UNTIL(event_is("m-1", "settled"));
    assert_int_equal(f.seen, 4);
    assert_int_equal(f.takes, 1);

    snprintf(path, sizeof path, "/v1/tickets/%s/explain", id);
    assert_int_equal(get(path), 200);
    assert_non_null(strstr(answer, "\"state\":\"resolved\""));
    assert_non_null(strstr(answer, "\"kind\":\"offered\""));
    assert_non_null(strstr(answer, "\"candidates\":[]"));
    assert_non_null(strstr(answer, "\"agent\":\"minji\""));
    assert_int_equal(get("/v1/tickets?state=resolved"), 200);
    assert_non_null(strstr(answer, id));

    assert_int_equal(post_event("m-1", "kim"), 202); /* an hour later */
    assert_non_null(strstr(answer, "\"duplicate\":true"));
    close(ws);
    UNTIL(f.disconnects == 1);
}

/* ---- acts: the same words by both doors ---- */

#define TICKET "/v1/tickets/01900000-0000-7001-8000-000000000000/"
enum asker { BOSS, MINJI };
static const struct told_act {
    enum asker who;
    const char *act, *body, *told; /* told: as note_act writes it */
} told_acts[] = {
    { MINJI, "start", "{\"token\":\"5.9\"}", "start agent=minji token=5.9 actor=minji queue= to= reason= at=0 text=" },
    { MINJI, "reply", "{\"token\":\"5.9\",\"text\":\"We paid it back\"}",
      "reply agent=minji token=5.9 actor=minji queue= to= reason= at=0 text=We paid it back" },
    { MINJI, "consult", "{\"token\":\"5.9\",\"to\":\"joohan\",\"reason\":\"tax\"}",
      "consult agent=minji token=5.9 actor=minji queue= to=joohan reason=tax at=0 text=" },
    { MINJI, "consult", "{\"token\":\"5.9\",\"over\":true}",
      "consult agent=minji token=5.9 actor=minji queue= to= reason=over at=0 text=" },
    { MINJI, "callback", "{\"token\":\"5.9\",\"at\":\"1970-01-01T09:00:01+09:00\"}",
      "callback agent=minji token=5.9 actor=minji queue= to= reason= at=1000 text=" },
    { MINJI, "handover", "{\"token\":\"5.9\",\"reason\":\"asks for a person\"}",
      "handover agent=minji token=5.9 actor=minji queue= to= reason=asks for a person at=0 text=" },
    { MINJI, "pull", "{}", "pull agent=minji token=0.0 actor=minji queue= to= reason= at=0 text=" },
    { MINJI, "transfer", "{\"token\":\"5.9\",\"needs\":{\"billing\":5,\"lang:ko\":1}}",
      "transfer agent=minji token=5.9 actor=minji queue= to= reason= at=0 text= billing:5 lang:ko:1" },
    { BOSS, "transfer", "{\"to\":\"joohan\",\"queue\":\"front-desk\"}",
      "transfer agent= token=0.0 actor=boss privileged queue=front-desk to=joohan reason= at=0 text=" },
    { BOSS, "assign", "{\"to\":\"minji\"}", "assign agent= token=0.0 actor=boss privileged queue= to=minji reason= at=0 text=" },
    { BOSS, "requeue", "{\"queue\":\"front-desk\",\"agent\":\"minji\"}",
      "requeue agent=minji token=0.0 actor=boss privileged queue=front-desk to= reason= at=0 text=" },
};

static void acts_on_tickets_reach_the_leader_by_http(void **state)
{
    char path[128];
    (void)state;
    open_triage();
    open_assign();
    UNTIL(get("/readyz") == 200);
    for (size_t i = 0; i < sizeof told_acts / sizeof *told_acts; i++) {
        const struct told_act *t = &told_acts[i];
        snprintf(path, sizeof path, TICKET "%s", t->act);
        f.act[0] = '\0';
        assert_int_equal(request(t->who == BOSS ? f.token : f.agent_token, "POST", path, t->body), 200);
        assert_string_equal(f.act, t->told);
        assert_non_null(strstr(answer, "\"token\":\"5.10\""));
    }
}

static void acts_on_tickets_reach_the_leader_by_websocket(void **state)
{
    char text[512];
    (void)state;
    open_assign();
    int ws = ws_open();
    UNTIL(ws_heard(ws, "welcome"));
    for (size_t i = 0; i < sizeof told_acts / sizeof *told_acts; i++) {
        const struct told_act *t = &told_acts[i];
        if (t->who != MINJI) continue;
        snprintf(text, sizeof text, "{\"type\":\"%s\",\"ticket\":\"01900000-0000-7001-8000-000000000000\",\"ref\":7%s%s", t->act,
                 t->body[1] == '}' ? "" : ",", t->body + 1);
        f.act[0] = '\0';
        ws_say(ws, text);
        UNTIL(ws_heard(ws, "result"));
        assert_non_null(strstr(ws_text, "\"status\":200"));
        assert_string_equal(f.act, t->told);
    }
    ws_say(ws, "{\"type\":\"hndover\",\"ref\":8}");
    UNTIL(ws_heard(ws, "result"));
    assert_non_null(strstr(ws_text, "did you mean \\\"handover\\\""));
    ws_say(ws, "{\"type\":\"reply\",\"ticket\":\"01900000-0000-7001-8000-000000000000\",\"token\":\"5.9\",\"txt\":\"x\"}");
    UNTIL(ws_heard(ws, "result"));
    assert_non_null(strstr(ws_text, "did you mean \\\"text\\\""));
    ws_say(ws, "{\"type\":\"start\",\"ticket\":\"01900000-0000-7001-8000-000000000000\"}");
    UNTIL(ws_heard(ws, "result"));
    assert_non_null(strstr(ws_text, "bad-field"));
    close(ws);
}

static void an_agent_is_shown_all_that_is_known_of_a_ticket(void **state)
{
    struct tag rules[] = { { STR("outage") } };
    struct holder owners[] = { { STR("bot") }, { STR("joohan") } };
    struct previous before = {
        .at = 1000, .queue = STR("front-desk"), .agent = STR("joohan"), .state = TK_RESOLVED, .intent = STR("refund")
    };
    struct offer o = { .workspace = STR("hanbit"),
                       .what = STR("consult"),
                       .agent = STR("minji"),
                       .session = 77,
                       .token_epoch = 5,
                       .token_seq = 3,
                       .state = TK_ASSIGNED,
                       .queue = STR("front-desk"),
                       .sentiment = SENT_NEGATIVE,
                       .confidence = 0.75,
                       .rules = { rules, 1 },
                       .owners = { owners, 2 },
                       .previous = { &before, 1 } };
    (void)state;
    open_assign();
    int ws = ws_open();
    UNTIL(ws_heard(ws, "welcome"));
    assert_int_equal(mailbox_put(f.assign, f.to_router, MSG_OFFER, &o), ERR_OK);
    UNTIL(ws_heard(ws, "consult"));
    assert_non_null(strstr(ws_text, "\"state\":\"assigned\",\"queue\":\"front-desk\""));
    assert_non_null(strstr(ws_text, "\"sentiment\":\"negative\",\"confidence\":0.75"));
    assert_non_null(strstr(ws_text, "\"rules\":[\"outage\"],\"owners\":[\"bot\",\"joohan\"]"));
    assert_non_null(strstr(ws_text, "\"at\":\"1970-01-01T00:00:01.000Z\",\"queue\":\"front-desk\",\"agent\":\"joohan\","
                                    "\"state\":\"resolved\",\"intent\":\"refund\"}]"));
    o.what = STR("notice");
    o.cause = STR("step 3");
    assert_int_equal(mailbox_put(f.assign, f.to_router, MSG_OFFER, &o), ERR_OK);
    UNTIL(ws_heard(ws, "notice"));
    assert_non_null(strstr(ws_text, "\"queue\":\"front-desk\",\"urgency\":\"low\",\"cause\":\"step 3\""));
    assert_null(strstr(ws_text, "messages")); /* of a ticket that is not theirs */
    close(ws);
}

static void what_was_acknowledged_survives_a_kill_on_its_way(void **state)
{
    (void)state;
    open_triage();
    f.hold = true; /* triage has it and says nothing */
    UNTIL((get("/readyz"), strstr(answer, "\"triage\":true")));
    assert_int_equal(post_event("k-1", "a"), 202);
    UNTIL(f.events_seen == 1);
    kill_router(SIGKILL);
    start_router();
    UNTIL(f.events_seen == 2);
    assert_int_equal(post_event("k-1", "a"), 202);
    assert_non_null(strstr(answer, "\"duplicate\":true"));
    f.hold = false;
    assert_int_equal(post_event("k-2", "b"), 202);
    UNTIL(event_is("k-2", "triaged")); /* nobody leads */
    kill_router(SIGKILL);
    start_router();
    UNTIL(event_is("k-1", "triaged"));
    open_assign();
    UNTIL(f.takes == 2);
    UNTIL(event_is("k-1", "taken") && event_is("k-2", "taken"));
    UNTIL(f.seen == f.seq); /* on the disk: what is not yet would be handed over again */
    kill_router(SIGKILL);
    f.epoch = 6;
    f.ask_sync = true;
    start_router();
    UNTIL(event_is("k-1", "taken"));
    UNTIL(f.synced);
    assert_int_equal(f.lives, 2);
    assert_int_equal(f.takes, 2); /* never again but by sync */
    assert_true(f.configs > 0);
}

static void an_event_that_triage_cannot_read_is_dead_and_can_be_replayed(void **state)
{
    char path[128], text[ID_TEXT + 1];
    struct id id = id_of_event(STR("kr-sms"), STR("d-1"));
    (void)state;
    f.error = true;
    open_triage();
    UNTIL((get("/readyz"), strstr(answer, "\"triage\":true")));
    assert_int_equal(post_event("d-1", "a"), 202);
    UNTIL(event_is("d-1", "dead"));
    assert_int_equal(f.events_seen, 3);
    kill_router(SIGKILL);
    start_router();
    UNTIL(get("/v1/events?state=dead") == 200 && strstr(answer, id_text(&id, text)));
    f.error = false;
    snprintf(path, sizeof path, "/v1/events/%s/replay", text);
    assert_int_equal(request(f.source_token, "POST", path, ""), 403);
    assert_int_equal(request(f.token, "POST", path, ""), 202);
    UNTIL(event_is("d-1", "triaged"));
    assert_int_equal(request(f.token, "POST", path, ""), 409);
}

static const struct refusal {
    const char *method, *path, *body, *word;
    int status;
} refusals[] = {
    { "POST", "/v1/events", "{", "bad-json", 400 },
    { "POST", "/v1/events", "{\"id\":\"x\",\"id\":\"y\"}", "bad-json", 400 },
    { "POST", "/v1/events", "[]", "bad-event", 422 },
    { "POST", "/v1/events", "{\"id\":\"x\",\"account\":\"nowhere\",\"text\":\"t\"}", "unknown-account", 422 },
    { "PUT", "/v1/events", "{}", "method-not-allowed", 405 },
    { "GET", "/v1/nothing", "", "not-found", 404 },
    { "GET", "/v1/events/not-an-id", "", "event-not-found", 404 },
    { "GET", "/v1/events?state=live", "", "bad-field", 422 },
    { "GET", "/v1/tickets", "", "not-leading", 503 },
    { "GET", "/v1/tickets?state=sleeping", "", "bad-field", 422 },
    { "GET", "/v1/tickets?workspace=other", "", "unknown-workspace", 422 },
    { "GET", "/v1/tickets/01900000-0000-7001-8000-000000000000", "", "ticket-not-found", 404 },
    { "POST", "/v1/tickets/01900000-0000-7001-8000-000000000000/accept", "{\"tokken\":1}", "bad-field", 422 },
    { "POST", "/v1/tickets/01900000-0000-7001-8000-000000000000/accept", "{\"token\":\"5\"}", "bad-field", 422 },
    { "POST", TICKET "reply", "{\"token\":\"5.1\"}", "\\\"text\\\" is missing", 422 },
    { "POST", TICKET "reply", "{\"txt\":\"x\"}", "did you mean \\\"text\\\"", 422 },
    { "POST", TICKET "accept", "{\"text\":\"x\"}", "known: agent, token, reason", 422 },
    { "POST", TICKET "transfer", "{}", "say where it goes", 422 },
    { "POST", TICKET "transfer", "{\"needs\":{\"billing\":11}}", "a level from 1 to 10", 422 },
    { "POST", TICKET "transfer", "{\"needs\":[\"billing\"]}", "must be an object", 422 },
    { "POST", TICKET "assign", "{}", "\\\"to\\\" is missing", 422 },
    { "POST", TICKET "assign", "{\"to\":7}", "must be a string", 422 },
    { "POST", TICKET "consult", "{\"over\":false}", "say whom to ask in", 422 },
    { "POST", TICKET "consult", "{\"to\":\"a\",\"over\":true}", "contradict", 422 },
    { "POST", TICKET "callback", "{\"at\":\"tomorrow\"}", "must be a time like", 422 },
    { "POST", TICKET "pull", "{}", "forbidden", 403 },
    { "PUT", "/v1/agents/x", "{\"skils\":{}}", "bad-field", 422 },
    { "POST", "/v1/agents/x/presence", "{\"presence\":\"asleep\"}", "bad-field", 422 },
    { "POST", "/v1/policy", "naru: 1\nworkspace: hanbit\nqueus: {}\n", "findings", 422 },
    { "GET", "/v1/agents/minji/stream", "", "upgrade-required", 426 },
};

static void refusals_are_stable_and_say_why(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof refusals / sizeof *refusals; i++) {
        const struct refusal *r = &refusals[i];
        int status = request(f.token, r->method, r->path, r->body);
        if (status != r->status || !strstr(answer, r->word)) fail_msg("%s %s: %d\n%s", r->method, r->path, status, answer);
    }
    assert_int_equal(request("naru_wrong", "GET", "/v1/queues", ""), 401);
    assert_int_equal(request(f.source_token, "GET", "/v1/queues", ""), 403);
    assert_int_equal(request(f.agent_token, "GET", "/v1/agents/joohan", ""), 403);
    assert_int_equal(request(f.agent_token, "POST", TICKET "assign", "{\"to\":\"minji\"}"), 403);
    assert_int_equal(request(f.agent_token, "POST", TICKET "requeue", "{}"), 403);
    assert_int_equal(request(f.agent_token, "POST", TICKET "start", "{}"), 422); /* without a token */
    assert_int_equal(request(f.agent_token, "POST", TICKET "start", "{\"agent\":\"joohan\",\"token\":\"5.9\"}"), 403);
    assert_int_equal(get("/healthz"), 200);
    assert_int_equal(get("/readyz"), 503);
    assert_int_equal(get("/metrics"), 200);
    assert_non_null(strstr(answer, "naru_events_refused_total"));
    assert_int_equal(get("/"), 200);
}

static void many_events_in_one_body_are_answered_one_by_one(void **state)
{
    (void)state;
    assert_int_equal(
        request(f.token, "POST", "/v1/events",
                "[{\"id\":\"b1\",\"account\":\"kr-sms\",\"text\":\"x\"},{\"id\":\"b1\",\"account\":\"kr-sms\",\"text\":\"x\"},"
                "{\"id\":\"b2\",\"account\":\"kr-sms\"}]"),
        200);
    const char *first = strstr(answer, "\"duplicate\":false"), *second = strstr(answer, "\"duplicate\":true");
    assert_true(first && second && first < second);
    assert_non_null(strstr(second, "/problems/bad-event"));
    assert_int_equal(request(f.token, "POST", "/v1/events", "[{\"id\":\"b3\",\"account\":\"kr-sms\",\"text\":\"x\"}]"), 202);
}

static void policies_and_agents_sent_by_api_outlive_a_restart(void **state)
{
    static const char yaml[] = "naru: 1\nworkspace: hanbit\nchannels:\n  sms: { cost: 20 }\naccounts:\n  kr-sms: { channel: sms }\n"
                               "  new-sms: { channel: sms }\nqueues:\n  desk: { takes: default }\n";
    (void)state;
    assert_int_equal(request(f.token, "POST", "/v1/policy?check=1", yaml), 200);
    assert_int_equal(get("/v1/policy"), 200);
    assert_null(strstr(answer, "new-sms"));
    assert_int_equal(request(f.token, "POST", "/v1/policy", yaml), 200);
    assert_int_equal(request(f.token, "PUT", "/v1/agents/sora", "{\"skills\":{\"billing\":8}}"), 200);
    kill_router(SIGKILL);
    start_router();
    assert_int_equal(get("/v1/policy"), 200); /* the file has not changed: what was sent since stands */
    assert_non_null(strstr(answer, "new-sms"));
    assert_int_equal(request(f.token, "POST", "/v1/events", "{\"id\":\"n\",\"account\":\"new-sms\",\"text\":\"x\"}"), 202);
    open_assign();
    UNTIL(f.configs >= 2); /* a leader is told of both */
}

int main(int argc, char **argv)
{
    if (argc > 1 && !strcmp(argv[1], "router")) return router_main(argc - 1, argv + 1);
#define T(fn) cmocka_unit_test_setup_teardown(fn, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        T(an_event_goes_all_the_way),
        T(acts_on_tickets_reach_the_leader_by_http),
        T(acts_on_tickets_reach_the_leader_by_websocket),
        T(an_agent_is_shown_all_that_is_known_of_a_ticket),
        T(what_was_acknowledged_survives_a_kill_on_its_way),
        T(an_event_that_triage_cannot_read_is_dead_and_can_be_replayed),
        T(refusals_are_stable_and_say_why),
        T(many_events_in_one_body_are_answered_one_by_one),
        T(policies_and_agents_sent_by_api_outlive_a_restart),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
