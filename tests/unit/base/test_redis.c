/* The Redis link against a real redis-server on a unix socket in a folder of its own, and against peers that refuse, freeze,
   never answer, talk nonsense or die. */
#include "base/log.h"
#include "base/loop.h"
#include "base/metrics.h"
#include "base/redis.h"

#include <netinet/in.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/un.h>
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

#define DEADLINE_MS 10000u

struct bench {
    uv_loop_t loop;
    char dir[64];
    char sock[96];
    char url[160];
    pid_t server;
    struct redis *link;
    int ups, downs, replies, unknown, order_faults, next;
    char cause[16];
    char last[64];
    bool close_in_reply, late;
};

static void on_up(void *ctx) { ((struct bench *)ctx)->ups++; }

static void on_down(void *ctx, const char *cause)
{
    struct bench *b = ctx;
    b->downs++;
    snprintf(b->cause, sizeof b->cause, "%s", cause);
}

static void on_reply(void *ctx, const redisReply *reply)
{
    struct bench *b = ctx;
    if (reply) b->replies++;
    else b->unknown++;
    if (reply && reply->str) snprintf(b->last, sizeof b->last, "%s", reply->str);
    if (b->close_in_reply) {
        redis_close(b->link);
        b->link = NULL;
    }
}

static void on_counted(void *ctx, const redisReply *reply)
{
    struct bench *b = ctx;
    b->replies++;
    if (!reply || reply->type != REDIS_REPLY_INTEGER || reply->integer != ++b->next) b->order_faults++;
}

static void on_late(uv_timer_t *t) { ((struct bench *)t->data)->late = true; }

/* Turns the loop until *n reaches `want`. */
static void wait_for(struct bench *b, const int *n, int want)
{
    uv_timer_t t;
    uv_timer_init(&b->loop, &t);
    t.data = b;
    b->late = false;
    uv_timer_start(&t, on_late, DEADLINE_MS, 0);
    while (*n < want && !b->late) uv_run(&b->loop, UV_RUN_ONCE);
    uv_close((uv_handle_t *)&t, NULL);
    uv_run(&b->loop, UV_RUN_NOWAIT);
    assert_false(b->late);
    assert_int_equal(*n, want);
}

/* Until somebody listens on the socket: a link opened earlier would be told "refused" first. */
static void wait_listening(struct bench *b)
{
    struct sockaddr_un a = { .sun_family = AF_UNIX };
    snprintf(a.sun_path, sizeof a.sun_path, "%.90s", b->sock);
    uint64_t until = uv_hrtime() + DEADLINE_MS * 1000000ull;
    for (bool there = false; !there;) {
        int fd = socket(AF_UNIX, SOCK_STREAM, 0);
        there = connect(fd, (struct sockaddr *)&a, sizeof a) == 0;
        close(fd);
        assert_true(uv_hrtime() < until);
        if (!there) poll(NULL, 0, 2);
    }
}

static void server_start(struct bench *b, const char *password)
{
    b->server = fork();
    if (b->server == 0) {
        if (!freopen("/dev/null", "w", stdout)) _exit(1);
        if (chdir(b->dir)) _exit(1);
        execlp("redis-server", "redis-server", "--port", "0", "--unixsocket", b->sock, "--save", "", "--daemonize", "no",
               "--requirepass", password, (char *)NULL);
        _exit(127);
    }
    assert_true(b->server > 0);
    wait_listening(b);
}

static void server_kill(struct bench *b)
{
    if (b->server <= 0) return;
    kill(b->server, SIGKILL);
    waitpid(b->server, NULL, 0);
    b->server = 0;
}

static void link_open(struct bench *b, const char *url, uint32_t reply_ms)
{
    struct redis_cfg cfg = {
        .url = url, .connect_ms = 1000, .reply_ms = reply_ms, .pending_max = 1000, .ctx = b, .on_up = on_up, .on_down = on_down
    };
    assert_int_equal(redis_open(&b->link, &b->loop, &cfg), ERR_OK);
}

static enum err send_words(struct bench *b, redis_fn *fn, const char *a, const char *c)
{
    struct str argv[2] = { str_of(a), str_of(c) };
    return redis_send(b->link, c ? 2 : 1, argv, fn, b);
}

static int set_up(void **state)
{
    struct bench *b = calloc(1, sizeof *b);
    uv_loop_init(&b->loop);
    snprintf(b->dir, sizeof b->dir, "/tmp/naru-redis-XXXXXX");
    if (!mkdtemp(b->dir)) return -1;
    snprintf(b->sock, sizeof b->sock, "%s/s", b->dir);
    snprintf(b->url, sizeof b->url, "unix://%s", b->sock);
    *state = b;
    return 0;
}

static int tear_down(void **state)
{
    struct bench *b = *state;
    if (b->link) redis_close(b->link);
    loop_finish(&b->loop);
    server_kill(b);
    unlink(b->sock);
    rmdir(b->dir);
    free(b);
    return 0;
}

static void a_command_gets_its_reply_and_pipelines_keep_their_order(void **state)
{
    struct bench *b = *state;
    server_start(b, "");
    link_open(b, b->url, 3000);
    wait_for(b, &b->ups, 1);
    assert_true(redis_is_up(b->link));
    assert_true(metric_get(MET_REDIS_UP, "") == 1);
    for (int i = 0; i < 1000; i++) assert_int_equal(send_words(b, on_counted, "INCR", "n"), ERR_OK);
    assert_int_equal(send_words(b, on_counted, "INCR", "n"), ERR_FULL);
    wait_for(b, &b->replies, 1000);
    assert_int_equal(b->order_faults, 0);
    assert_int_equal(send_words(b, on_reply, "NOSUCH", NULL), ERR_OK);
    wait_for(b, &b->replies, 1001);
    assert_non_null(strstr(b->last, "unknown command"));
    assert_int_equal(b->unknown, 0);
}

static void binary_arguments_and_large_replies_arrive_whole(void **state)
{
    struct bench *b = *state;
    size_t n = 3u << 20;
    char *big = malloc(n);
    for (size_t i = 0; i < n; i++) big[i] = (char)(i * 7);
    server_start(b, "");
    link_open(b, b->url, 3000);
    wait_for(b, &b->ups, 1);
    struct str set[3] = { STR("SET"), STR("k\0k"), { big, n } };
    assert_int_equal(redis_send(b->link, 3, set, on_reply, b), ERR_OK);
    assert_int_equal(redis_send(b->link, 2, (struct str[]){ STR("GET"), STR("k\0k") }, on_reply, b), ERR_OK);
    assert_int_equal(redis_send(b->link, 2, (struct str[]){ STR("STRLEN"), STR("k\0k") }, on_reply, b), ERR_OK);
    wait_for(b, &b->replies, 3);
    assert_int_equal(b->unknown, 0);
    assert_memory_equal(b->last, big, 1);
    free(big);
}

/* Pieces of one value, more of them at once than a socket takes; each answer sends the next piece. */
#define PIECE  100000u
#define PIECES 60
struct pieces {
    struct bench *b;
    char *all;
    int sent, answered, wrong;
};

static void on_piece(void *ctx, const redisReply *reply)
{
    struct pieces *p = ctx;
    if (!reply || reply->type != REDIS_REPLY_INTEGER || reply->integer != (long long)++p->answered * PIECE) p->wrong++;
    if (p->sent == PIECES) return;
    struct str append[3] = { STR("APPEND"), STR("k"), { p->all + (size_t)p->sent++ * PIECE, PIECE } };
    assert_int_equal(redis_send(p->b->link, 3, append, on_piece, p), ERR_OK);
}

static void on_whole(void *ctx, const redisReply *reply)
{
    struct pieces *p = ctx;
    assert_int_equal(reply->len, PIECES * PIECE);
    assert_memory_equal(reply->str, p->all, PIECES * PIECE);
    p->answered++;
}

static void what_a_full_socket_leaves_unwritten_goes_on_where_it_stopped(void **state)
{
    struct bench *b = *state;
    struct pieces p = { b, malloc(PIECES * PIECE), 0, 0, 0 };
    for (size_t i = 0; i < PIECES * PIECE; i++) p.all[i] = (char)(i % 251);
    server_start(b, "");
    link_open(b, b->url, 3000);
    wait_for(b, &b->ups, 1);
    for (; p.sent < 20; p.sent++) {
        struct str append[3] = { STR("APPEND"), STR("k"), { p.all + (size_t)p.sent * PIECE, PIECE } };
        assert_int_equal(redis_send(b->link, 3, append, on_piece, &p), ERR_OK);
    }
    wait_for(b, &p.answered, PIECES);
    assert_int_equal(p.wrong, 0);
    assert_int_equal(redis_send(b->link, 2, (struct str[]){ STR("GET"), STR("k") }, on_whole, &p), ERR_OK);
    wait_for(b, &p.answered, PIECES + 1);
    free(p.all);
}

static void password_and_database_of_the_url_are_used(void **state)
{
    struct bench *b = *state;
    char url[200];
    server_start(b, "p@ss/word");
    snprintf(url, sizeof url, "unix://default:p%%40ss%%2Fword@%s?db=3", b->sock);
    link_open(b, url, 3000);
    wait_for(b, &b->ups, 1);
    assert_int_equal(redis_send(b->link, 2, (struct str[]){ STR("CLIENT"), STR("INFO") }, NULL, NULL), ERR_OK);
    assert_int_equal(redis_send(b->link, 2, (struct str[]){ STR("CONFIG"), STR("RESETSTAT") }, on_reply, b), ERR_OK);
    struct str lua[3] = { STR("EVAL"), STR("redis.call('SET','a','1') return redis.call('INFO','keyspace')"), STR("0") };
    assert_int_equal(redis_send(b->link, 3, lua, on_reply, b), ERR_OK);
    wait_for(b, &b->replies, 2);
    assert_non_null(strstr(b->last, "db3:keys=1"));
}

static void a_wrong_password_is_an_error_told_once(void **state)
{
    struct bench *b = *state;
    char url[200];
    double before = metric_get(MET_REDIS_FAULTS, "error");
    server_start(b, "right");
    snprintf(url, sizeof url, "unix://:wrong@%s", b->sock);
    link_open(b, url, 3000);
    wait_for(b, &b->downs, 1);
    assert_string_equal(b->cause, "error");
    for (b->late = false; metric_get(MET_REDIS_FAULTS, "error") < before + 3;) uv_run(&b->loop, UV_RUN_ONCE);
    assert_int_equal(b->downs, 1);
    assert_int_equal(b->ups, 0);
}

static void a_refused_connection_is_told_once_and_tried_again_until_there_is_a_server(void **state)
{
    struct bench *b = *state;
    double before = metric_get(MET_REDIS_FAULTS, "refused");
    link_open(b, b->url, 3000);
    wait_for(b, &b->downs, 1);
    assert_string_equal(b->cause, "refused");
    assert_int_equal(send_words(b, on_reply, "PING", NULL), ERR_CLOSED);
    assert_int_equal(b->unknown, 0);
    while (metric_get(MET_REDIS_FAULTS, "refused") < before + 3) uv_run(&b->loop, UV_RUN_ONCE);
    assert_int_equal(b->downs, 1);
    server_start(b, "");
    wait_for(b, &b->ups, 1);
    assert_true(redis_is_up(b->link));
}

static void a_refused_tcp_port_is_noticed(void **state)
{
    struct bench *b = *state;
    struct sockaddr_in a = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    socklen_t n = sizeof a;
    char url[64];
    int fd = socket(AF_INET, SOCK_STREAM, 0); /* bound, never listening: connecting to it is refused */
    assert_int_equal(bind(fd, (struct sockaddr *)&a, sizeof a), 0);
    assert_int_equal(getsockname(fd, (struct sockaddr *)&a, &n), 0);
    snprintf(url, sizeof url, "redis://127.0.0.1:%u", (unsigned)ntohs(a.sin_port));
    link_open(b, url, 3000);
    wait_for(b, &b->downs, 1);
    assert_string_equal(b->cause, "refused");
    redis_close(b->link);
    snprintf(url, sizeof url, "redis://localhost:%u/2", (unsigned)ntohs(a.sin_port)); /* by name: through the resolver */
    link_open(b, url, 3000);
    wait_for(b, &b->downs, 2);
    assert_string_equal(b->cause, "refused");
    close(fd);
}

static void a_killed_server_fails_what_is_under_way_once_and_the_link_comes_back(void **state)
{
    struct bench *b = *state;
    server_start(b, "");
    link_open(b, b->url, 3000);
    wait_for(b, &b->ups, 1);
    assert_int_equal(redis_send(b->link, 3, (struct str[]){ STR("BLPOP"), STR("q"), STR("0") }, on_reply, b), ERR_OK);
    for (int i = 0; i < 10; i++) assert_int_equal(send_words(b, on_reply, "INCR", "n"), ERR_OK);
    uv_run(&b->loop, UV_RUN_NOWAIT);
    server_kill(b);
    unlink(b->sock);
    wait_for(b, &b->downs, 1);
    assert_string_equal(b->cause, "closed");
    assert_int_equal(b->unknown, 11);
    assert_int_equal(b->replies, 0);
    assert_false(redis_is_up(b->link));
    assert_true(metric_get(MET_REDIS_UP, "") == 0);
    server_start(b, "");
    wait_for(b, &b->ups, 2);
    assert_int_equal(send_words(b, on_reply, "PING", NULL), ERR_OK);
    wait_for(b, &b->replies, 1);
    assert_int_equal(b->downs, 1);
    assert_int_equal(b->unknown, 11);
}

static void a_frozen_server_is_noticed_with_and_without_traffic(void **state)
{
    struct bench *b = *state;
    server_start(b, "");
    link_open(b, b->url, 150);
    wait_for(b, &b->ups, 1);
    kill(b->server, SIGSTOP);
    uint64_t from = uv_hrtime();
    assert_int_equal(send_words(b, on_reply, "PING", NULL), ERR_OK);
    wait_for(b, &b->downs, 1);
    assert_string_equal(b->cause, "stalled");
    assert_int_equal(b->unknown, 1);
    assert_true(uv_hrtime() - from >= 140 * 1000000ull);
    assert_int_equal(b->ups, 1); /* its socket accepts connections while it is frozen: that is not up */
    kill(b->server, SIGCONT);
    wait_for(b, &b->ups, 2);
    kill(b->server, SIGSTOP);
    wait_for(b, &b->downs, 2); /* nothing was sent by us */
    assert_string_equal(b->cause, "stalled");
    kill(b->server, SIGCONT);
    wait_for(b, &b->ups, 3);
}

static int listen_unix(struct bench *b)
{
    struct sockaddr_un a = { .sun_family = AF_UNIX };
    snprintf(a.sun_path, sizeof a.sun_path, "%.90s", b->sock);
    int fd = socket(AF_UNIX, SOCK_STREAM, 0);
    assert_int_equal(bind(fd, (struct sockaddr *)&a, sizeof a), 0);
    assert_int_equal(listen(fd, 16), 0);
    return fd;
}

static void a_listener_that_never_answers_is_stalled_and_never_up(void **state)
{
    struct bench *b = *state;
    int fd = listen_unix(b);
    link_open(b, b->url, 100);
    wait_for(b, &b->downs, 1);
    assert_string_equal(b->cause, "stalled");
    assert_int_equal(b->ups, 0);
    close(fd);
}

static void a_peer_that_talks_nonsense_is_an_error_and_harms_nobody(void **state)
{
    struct bench *b = *state;
    static const char *const nonsense[] = { "HTTP/1.1 400 Bad Request\r\n\r\n", "+PONG\r\n+PONG\r\n", "*-7\r\n",
                                            "$99999999999999999999\r\n" };
    int fd = listen_unix(b);
    for (size_t i = 0; i < sizeof nonsense / sizeof *nonsense; i++) {
        b->downs = 0;
        link_open(b, b->url, 500);
        uv_run(&b->loop, UV_RUN_ONCE); /* the first try is a timer of 0 ms */
        int peer = accept(fd, NULL, NULL);
        assert_int_equal(write(peer, nonsense[i], strlen(nonsense[i])), (ssize_t)strlen(nonsense[i]));
        wait_for(b, &b->downs, 1);
        assert_string_equal(b->cause, "error");
        close(peer);
        redis_close(b->link);
        b->link = NULL;
    }
    close(fd);
}

static void closing_fails_what_is_under_way_exactly_once(void **state)
{
    struct bench *b = *state;
    server_start(b, "");
    link_open(b, b->url, 3000);
    wait_for(b, &b->ups, 1);
    for (int i = 0; i < 5; i++) assert_int_equal(send_words(b, on_reply, "PING", NULL), ERR_OK);
    redis_close(b->link);
    b->link = NULL;
    assert_int_equal(b->unknown, 5);
    uv_run(&b->loop, UV_RUN_DEFAULT);
    assert_int_equal(b->unknown, 5);
    assert_int_equal(b->downs, 0); /* the owner asked for it */
}

static void a_callback_may_close_its_link(void **state)
{
    struct bench *b = *state;
    server_start(b, "");
    link_open(b, b->url, 3000);
    wait_for(b, &b->ups, 1);
    b->close_in_reply = true;
    assert_int_equal(send_words(b, on_reply, "PING", NULL), ERR_OK);
    assert_int_equal(send_words(b, on_counted, "PING", NULL), ERR_OK);
    wait_for(b, &b->replies, 2); /* one reply, one unknown, which on_counted counts as an answer in disorder */
    assert_int_equal(b->order_faults, 1);
    b->close_in_reply = false;
}

static void a_bad_url_is_refused(void **state)
{
    struct bench *b = *state;
    static const char *const bad[] = { "http://x",       "redis://",         "redis://:6379",
                                       "redis://h:0",    "redis://h:99999",  "redis://h/x",
                                       "redis://user@h", "unix://",          "unix://x",
                                       "unix:///p?db=x", "unix:///p?what=1", "redis://[::1:637",
                                       "redis://h%00",   "redis://h:1/2/3",  NULL };
    for (size_t i = 0; bad[i]; i++) {
        struct redis_cfg cfg = { .url = bad[i] };
        assert_int_equal(redis_open(&b->link, &b->loop, &cfg), ERR_USAGE);
    }
    struct redis_cfg none = { 0 };
    assert_int_equal(redis_open(&b->link, &b->loop, &none), ERR_USAGE);
    b->link = NULL;
    static const char *const good[] = { "redis://[::1]:6380/0", "redis://h",        "redis://u:p@h:1/15",
                                        "redis://h/",           "unix:///a/b?db=0", NULL };
    for (size_t i = 0; good[i]; i++) {
        struct redis_cfg cfg = { .url = good[i] };
        assert_int_equal(redis_open(&b->link, &b->loop, &cfg), ERR_OK);
        redis_close(b->link);
    }
    b->link = NULL;
}

#define TEST(fn) cmocka_unit_test_setup_teardown(fn, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_command_gets_its_reply_and_pipelines_keep_their_order),
        TEST(binary_arguments_and_large_replies_arrive_whole),
        TEST(what_a_full_socket_leaves_unwritten_goes_on_where_it_stopped),
        TEST(password_and_database_of_the_url_are_used),
        TEST(a_wrong_password_is_an_error_told_once),
        TEST(a_refused_connection_is_told_once_and_tried_again_until_there_is_a_server),
        TEST(a_refused_tcp_port_is_noticed),
        TEST(a_killed_server_fails_what_is_under_way_once_and_the_link_comes_back),
        TEST(a_frozen_server_is_noticed_with_and_without_traffic),
        TEST(a_listener_that_never_answers_is_stalled_and_never_up),
        TEST(a_peer_that_talks_nonsense_is_an_error_and_harms_nobody),
        TEST(closing_fails_what_is_under_way_exactly_once),
        TEST(a_callback_may_close_its_link),
        TEST(a_bad_url_is_refused),
    };
    signal(SIGPIPE, SIG_IGN);
    metrics_init("test");
    return cmocka_run_group_tests(tests, NULL, NULL);
}
