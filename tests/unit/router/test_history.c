/* Closed tickets: put, got and listed; replaced, expired, refused. */
#include "base/clock.h"
#include "base/loop.h"
#include "base/metrics.h"
#include "router/history.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

/* cmocka.h wants the others before it. */
/* clang-format off */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
/* clang-format on */

#define DEADLINE_MS 20000u

struct bench {
    uv_loop_t loop;
    char dir[64], path[96];
    struct history *h;
    int puts, answers, closed;
    enum err last;
    char body[4096];
    bool late;
};

static void on_put(void *ctx, enum err e)
{
    struct bench *b = ctx;
    b->puts++;
    b->last = e;
}
static void on_get(void *ctx, enum err e, struct str body)
{
    struct bench *b = ctx;
    b->answers++;
    b->last = e;
    snprintf(b->body, sizeof b->body, "%.*s", STR_FMT(body));
}
static void on_closed(void *ctx) { ((struct bench *)ctx)->closed++; }
static void on_late(uv_timer_t *t) { ((struct bench *)t->data)->late = true; }

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
}

static struct id ticket(uint8_t n) { return (struct id){ { n, 7 } }; }

static void put(struct bench *b, uint8_t n, const char *workspace, const char *state, const char *queue, const char *body,
                uint64_t ended)
{
    const struct history_row row = { ticket(n), ended, str_of(workspace), str_of(state), str_of(queue), str_of(body) };
    assert_int_equal(history_put(b->h, &row, on_put, b), ERR_OK);
}

static const char *got(struct bench *b, uint8_t n)
{
    struct id id = ticket(n);
    assert_int_equal(history_get(b->h, &id, on_get, b), ERR_OK);
    wait_for(b, &b->answers, b->answers + 1);
    return b->body;
}

static const char *listed(struct bench *b, const char *workspace, const char *state, const char *queue, uint8_t after,
                          uint32_t limit)
{
    struct id id = ticket(after);
    assert_int_equal(history_list(b->h, str_of(workspace), str_of(state), str_of(queue), after ? &id : NULL, limit, on_get, b),
                     ERR_OK);
    wait_for(b, &b->answers, b->answers + 1);
    assert_int_equal(b->last, ERR_OK);
    return b->body;
}

static void open_history(struct bench *b) { assert_int_equal(history_open(&b->h, &b->loop, b->path, 30, NULL), ERR_OK); }

static void close_history(struct bench *b)
{
    int want = b->closed + 1;
    history_close(b->h, on_closed, b);
    b->h = NULL;
    wait_for(b, &b->closed, want);
}

static int set_up(void **state)
{
    struct bench *b = calloc(1, sizeof *b);
    uv_loop_init(&b->loop);
    snprintf(b->dir, sizeof b->dir, "/tmp/naru-history-XXXXXX");
    if (!mkdtemp(b->dir)) return -1;
    snprintf(b->path, sizeof b->path, "%s/history.db", b->dir);
    *state = b;
    open_history(b);
    return 0;
}

static int tear_down(void **state)
{
    struct bench *b = *state;
    char wal[128];
    if (b->h) close_history(b);
    loop_finish(&b->loop);
    snprintf(wal, sizeof wal, "%s-journal", b->path);
    unlink(wal);
    unlink(b->path);
    rmdir(b->dir);
    free(b);
    return 0;
}

static void a_closed_ticket_is_found_at_once_and_after_reopening(void **state)
{
    struct bench *b = *state;
    put(b, 1, "hanbit", "resolved", "billing", "{\"a\":1}", clock_wall_ms());
    assert_string_equal(got(b, 1), "{\"a\":1}"); /* asked in the same turn */
    assert_int_equal(b->last, ERR_OK);
    assert_int_equal(b->puts, 1);
    got(b, 2);
    assert_int_equal(b->last, ERR_NOTFOUND);
    close_history(b);
    open_history(b);
    assert_string_equal(got(b, 1), "{\"a\":1}");
}

static void a_second_put_replaces_the_first(void **state)
{
    struct bench *b = *state;
    put(b, 1, "hanbit", "resolved", "billing", "1", clock_wall_ms());
    put(b, 1, "hanbit", "expired", "billing", "2", clock_wall_ms());
    assert_string_equal(got(b, 1), "2");
    assert_string_equal(listed(b, "hanbit", "", "", 0, 10), "[2]");
    assert_string_equal(listed(b, "hanbit", "resolved", "", 0, 10), "[]");
}

static void a_list_is_newest_first_filtered_and_goes_on_after_an_id(void **state)
{
    struct bench *b = *state;
    uint64_t now = clock_wall_ms();
    put(b, 1, "hanbit", "resolved", "billing", "1", now);
    put(b, 3, "hanbit", "expired", "billing", "3", now);
    put(b, 2, "hanbit", "resolved", "technical", "2", now);
    put(b, 4, "other", "resolved", "billing", "4", now);
    put(b, 5, "hanbit", "resolved", "billing", "5", now);
    assert_string_equal(listed(b, "hanbit", "", "", 0, 1000), "[5,3,2,1]");
    assert_string_equal(listed(b, "hanbit", "", "", 0, 2), "[5,3]");
    assert_string_equal(listed(b, "hanbit", "", "", 3, 2), "[2,1]");
    assert_string_equal(listed(b, "hanbit", "resolved", "billing", 0, 10), "[5,1]");
    assert_string_equal(listed(b, "hanbit", "", "technical", 0, 10), "[2]");
    assert_string_equal(listed(b, "nobody", "", "", 0, 10), "[]");
    assert_int_equal(history_list(b->h, STR("hanbit"), STR_NONE, STR_NONE, NULL, 0, on_get, b), ERR_RANGE);
    assert_int_equal(history_list(b->h, STR("hanbit"), STR_NONE, STR_NONE, NULL, 1001, on_get, b), ERR_RANGE);
}

static void tickets_leave_after_their_days(void **state)
{
    struct bench *b = *state;
    uint64_t now = clock_wall_ms();
    for (unsigned n = 1; n < 250; n++) put(b, (uint8_t)n, "hanbit", "resolved", "billing", "old", now - 31 * 86400000ull);
    put(b, 250, "hanbit", "resolved", "billing", "new", now);
    wait_for(b, &b->puts, 250);
    for (uint64_t until = clock_mono_ms() + DEADLINE_MS; strcmp(listed(b, "hanbit", "", "", 0, 10), "[new]") != 0;) {
        assert_true(clock_mono_ms() < until);
        uv_timer_t t; /* leave the thread its quiet moment */
        uv_timer_init(&b->loop, &t);
        t.data = b;
        uv_timer_start(&t, on_late, 250, 0);
        for (b->late = false; !b->late;) uv_run(&b->loop, UV_RUN_ONCE);
        uv_close((uv_handle_t *)&t, NULL);
        uv_run(&b->loop, UV_RUN_NOWAIT);
    }
}

static void what_waits_is_bounded(void **state)
{
    struct bench *b = *state;
    struct id id = ticket(1);
    for (int i = 0; i < 65536; i++) assert_int_equal(history_get(b->h, &id, on_get, b), ERR_OK);
    assert_int_equal(history_get(b->h, &id, on_get, b), ERR_FULL);
    wait_for(b, &b->answers, 65536);
}

static void a_second_opener_and_a_foreign_file_are_refused(void **state)
{
    struct bench *b = *state;
    struct history *other = NULL;
    assert_int_equal(history_open(&other, &b->loop, b->path, 30, NULL), ERR_IO);
    close_history(b);
    FILE *f = fopen(b->path, "w");
    for (int i = 0; i < 1000; i++) fputs("not a database at all\n", f);
    fclose(f);
    assert_int_equal(history_open(&other, &b->loop, b->path, 30, NULL), ERR_IO);
    assert_int_equal(history_open(&other, &b->loop, "/nonexistent/history.db", 30, NULL), ERR_IO);
}

static void closing_writes_what_waits(void **state)
{
    struct bench *b = *state;
    put(b, 1, "hanbit", "resolved", "billing", "kept", clock_wall_ms());
    close_history(b);
    assert_int_equal(b->puts, 1);
    assert_int_equal(b->last, ERR_OK);
    open_history(b);
    assert_string_equal(got(b, 1), "kept");
}

#define TEST(fn) cmocka_unit_test_setup_teardown(fn, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_closed_ticket_is_found_at_once_and_after_reopening),
        TEST(a_second_put_replaces_the_first),
        TEST(a_list_is_newest_first_filtered_and_goes_on_after_an_id),
        TEST(tickets_leave_after_their_days),
        TEST(what_waits_is_bounded),
        TEST(a_second_opener_and_a_foreign_file_are_refused),
        TEST(closing_writes_what_waits),
    };
    metrics_init("test");
    return cmocka_run_group_tests(tests, NULL, NULL);
}
