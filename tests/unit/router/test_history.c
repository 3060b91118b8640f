/* Closed tickets: put, got and listed; replaced, expired, refused. Corrections of them. */
#include "base/clock.h"
#include "base/loop.h"
#include "base/metrics.h"
#include "router/history.h"

#include <sqlite3.h>
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
    uint64_t feedback_rows;
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

/* `next`: of the ticket that the next page comes after; 0: it is the last. */
static void assert_page(const char *got, const char *tickets, uint8_t next)
{
    char want[256], text[ID_TEXT + 1];
    struct id id = ticket(next);
    int n = snprintf(want, sizeof want, "{\"tickets\":%s", tickets);
    if (next) n += snprintf(want + n, sizeof want - (size_t)n, ",\"next\":\"%s\"", id_text(&id, text));
    snprintf(want + n, sizeof want - (size_t)n, "}");
    assert_string_equal(got, want);
}

static enum err digest(const void *ctx, struct buf *out, struct str body, struct arena *scratch)
{
    (void)scratch;
    if (str_is(body, "bad")) return buf_addz(out, "half"), ERR_PROTO;
    buf_addstr(out, body);
    buf_addz(out, ctx);
    return ERR_OK;
}

static enum err try_open(struct bench *b, struct history **out, const char *path)
{
    const struct history_cfg cfg = {
        .path = path, .keep_days = 30, .feedback_rows = b->feedback_rows, .feedback_days = 100, .digest = digest, .digest_ctx = ","
    };
    return history_open(out, &b->loop, &cfg);
}

static void open_history(struct bench *b) { assert_int_equal(try_open(b, &b->h, b->path), ERR_OK); }

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
    assert_page(listed(b, "hanbit", "", "", 0, 10), "[2]", 0);
    assert_page(listed(b, "hanbit", "resolved", "", 0, 10), "[]", 0);
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
    assert_page(listed(b, "hanbit", "", "", 0, 1000), "[5,3,2,1]", 0);
    assert_page(listed(b, "hanbit", "", "", 0, 2), "[5,3]", 3);
    assert_page(listed(b, "hanbit", "", "", 3, 2), "[2,1]", 0);
    assert_page(listed(b, "hanbit", "", "", 3, 1), "[2]", 2);
    assert_page(listed(b, "hanbit", "resolved", "billing", 0, 10), "[5,1]", 0);
    assert_page(listed(b, "hanbit", "", "technical", 0, 10), "[2]", 0);
    assert_page(listed(b, "nobody", "", "", 0, 10), "[]", 0);
    assert_int_equal(history_list(b->h, STR("hanbit"), STR_NONE, STR_NONE, NULL, 0, on_get, b), ERR_RANGE);
    assert_int_equal(history_list(b->h, STR("hanbit"), STR_NONE, STR_NONE, NULL, 1001, on_get, b), ERR_RANGE);
}

struct digested {
    struct bench *b;
    uint64_t next;
    char text[256];
};

static void on_digest(void *ctx, enum err e, struct str answer)
{
    struct digested *d = ctx;
    d->b->answers++;
    assert_int_equal(e, ERR_OK);
    assert_true(answer.n >= sizeof d->next);
    memcpy(&d->next, answer.p, sizeof d->next);
    snprintf(d->text, sizeof d->text, "%.*s", (int)(answer.n - sizeof d->next), answer.p + sizeof d->next);
}

static void digested(struct bench *b, struct digested *d, uint64_t since, uint64_t below, uint32_t limit)
{
    d->b = b;
    assert_int_equal(history_digest(b->h, since, below, limit, on_digest, d), ERR_OK);
    wait_for(b, &b->answers, b->answers + 1);
}

static void a_digest_goes_back_in_parts_to_its_time_and_passes_over_what_it_cannot_read(void **state)
{
    struct bench *b = *state;
    struct digested d;
    uint64_t now = clock_wall_ms();
    put(b, 1, "hanbit", "resolved", "billing", "old", now - 900);
    put(b, 2, "hanbit", "resolved", "billing", "2", now - 400);
    put(b, 3, "other", "resolved", "billing", "bad", now - 300);
    put(b, 4, "hanbit", "resolved", "billing", "4", now - 200);
    put(b, 5, "hanbit", "resolved", "billing", "5", now - 100);
    digested(b, &d, now - 500, 0, 2);
    assert_string_equal(d.text, "5,4,");
    assert_true(d.next > 0);
    digested(b, &d, now - 500, d.next, 2);
    assert_string_equal(d.text, "2,");
    assert_true(d.next > 0);
    digested(b, &d, now - 500, d.next, 2);
    assert_string_equal(d.text, "");
    assert_int_equal(d.next, 0);
    digested(b, &d, now - 500, 0, 1000);
    assert_string_equal(d.text, "5,4,2,");
    assert_int_equal(d.next, 0);
    assert_int_equal(history_digest(b->h, 0, 0, 0, on_digest, &d), ERR_RANGE);
}

static void tickets_leave_after_their_days(void **state)
{
    struct bench *b = *state;
    uint64_t now = clock_wall_ms();
    for (unsigned n = 1; n < 250; n++) put(b, (uint8_t)n, "hanbit", "resolved", "billing", "old", now - 31 * 86400000ull);
    put(b, 250, "hanbit", "resolved", "billing", "new", now);
    wait_for(b, &b->puts, 250);
    for (uint64_t until = clock_mono_ms() + DEADLINE_MS; strcmp(listed(b, "hanbit", "", "", 0, 10), "{\"tickets\":[new]}") != 0;) {
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
    assert_int_equal(try_open(b, &other, b->path), ERR_IO);
    close_history(b);
    FILE *f = fopen(b->path, "w");
    for (int i = 0; i < 1000; i++) fputs("not a database at all\n", f);
    fclose(f);
    assert_int_equal(try_open(b, &other, b->path), ERR_IO);
    assert_int_equal(try_open(b, &other, "/nonexistent/history.db"), ERR_IO);
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

/* ---- corrections ---- */

static void correct(struct bench *b, uint8_t n, const char *who, const char *source, const char *said, uint64_t at)
{
    const struct feedback_row row = { ticket(n),      at,           STR("hanbit"),          str_of(who),
                                      str_of(source), str_of(said), STR("{\"text\":\"t\"}") };
    assert_int_equal(history_feedback(b->h, &row, on_put, b), ERR_OK);
    wait_for(b, &b->puts, b->puts + 1);
    assert_int_equal(b->last, ERR_OK);
}

static const char *corrections(struct bench *b, const char *workspace, uint64_t since, uint64_t after, uint32_t limit)
{
    const struct feedback_query q = { str_of(workspace), since, after, limit };
    assert_int_equal(history_feedback_list(b->h, &q, on_get, b), ERR_OK);
    wait_for(b, &b->answers, b->answers + 1);
    assert_int_equal(b->last, ERR_OK);
    return b->body;
}

static const char *corrections_of(struct bench *b, uint8_t n)
{
    struct id id = ticket(n);
    assert_int_equal(history_feedback_of(b->h, &id, on_get, b), ERR_OK);
    wait_for(b, &b->answers, b->answers + 1);
    return b->body;
}

static void a_correction_is_listed_with_what_it_is_about_and_survives_reopening(void **state)
{
    struct bench *b = *state;
    correct(b, 1, "ann", "agent", "{\"by\":\"ann\"}", clock_wall_ms());
    assert_string_equal(corrections(b, "hanbit", 0, 0, 10), "{\"feedback\":[{\"number\":1,\"by\":\"ann\",\"text\":\"t\"}]}");
    assert_string_equal(corrections(b, "other", 0, 0, 10), "{\"feedback\":[]}");
    close_history(b);
    open_history(b);
    assert_int_equal(history_feedback_rows(b->h), 1);
    assert_string_equal(corrections_of(b, 1), "[{\"number\":1,\"by\":\"ann\"}]");
    assert_string_equal(corrections_of(b, 2), "[]");
}

static void the_same_persons_later_correction_of_a_ticket_replaces_theirs_alone(void **state)
{
    struct bench *b = *state;
    uint64_t now = clock_wall_ms();
    correct(b, 1, "ann", "agent", "{\"v\":1}", now);
    correct(b, 1, "bob", "agent", "{\"v\":2}", now);
    correct(b, 1, "ann", "transfer", "{\"v\":3}", now);
    correct(b, 2, "ann", "agent", "{\"v\":4}", now);
    correct(b, 1, "ann", "agent", "{\"v\":5}", now);
    assert_string_equal(corrections_of(b, 1), "[{\"number\":2,\"v\":2},{\"number\":3,\"v\":3},{\"number\":5,\"v\":5}]");
    assert_string_equal(corrections_of(b, 2), "[{\"number\":4,\"v\":4}]");
    assert_int_equal(history_feedback_rows(b->h), 4);
}

static void a_list_of_corrections_goes_on_where_it_ended(void **state)
{
    struct bench *b = *state;
    const struct feedback_query none = { STR("hanbit"), 0, 0, 0 }, many = { STR("hanbit"), 0, 0, 1001 };
    uint64_t now = clock_wall_ms();
    correct(b, 1, "ann", "agent", "{}", now - 3000);
    correct(b, 2, "ann", "agent", "{}", now - 2000);
    correct(b, 3, "ann", "agent", "{}", now - 1000);
    assert_string_equal(corrections(b, "hanbit", 0, 0, 2),
                        "{\"feedback\":[{\"number\":1,\"text\":\"t\"},{\"number\":2,\"text\":\"t\"}],\"next\":\"2\"}");
    assert_string_equal(corrections(b, "hanbit", 0, 2, 2), "{\"feedback\":[{\"number\":3,\"text\":\"t\"}]}");
    assert_string_equal(corrections(b, "hanbit", now - 2000, 0, 1),
                        "{\"feedback\":[{\"number\":2,\"text\":\"t\"}],\"next\":\"2\"}");
    correct(b, 1, "ann", "agent", "{}", now); /* replaced: told again to who has read so far */
    assert_string_equal(corrections(b, "hanbit", 0, 3, 2), "{\"feedback\":[{\"number\":4,\"text\":\"t\"}]}");
    assert_int_equal(history_feedback_list(b->h, &none, on_get, b), ERR_RANGE);
    assert_int_equal(history_feedback_list(b->h, &many, on_get, b), ERR_RANGE);
}

static void beyond_their_number_the_oldest_corrections_go_and_are_counted(void **state)
{
    struct bench *b = *state;
    double before = metric_get(MET_FEEDBACK_DROPPED, "rows");
    close_history(b);
    b->feedback_rows = 3;
    open_history(b);
    for (uint8_t n = 1; n <= 5; n++) correct(b, n, "ann", "agent", "{}", clock_wall_ms());
    assert_int_equal(history_feedback_rows(b->h), 3);
    assert_string_equal(corrections_of(b, 2), "[]");
    assert_string_equal(corrections_of(b, 3), "[{\"number\":3}]");
    assert_true(metric_get(MET_FEEDBACK_DROPPED, "rows") == before + 2);
}

static void corrections_leave_after_their_days(void **state)
{
    struct bench *b = *state;
    uint64_t now = clock_wall_ms();
    double before = metric_get(MET_FEEDBACK_DROPPED, "age");
    correct(b, 1, "ann", "agent", "{}", now - 101 * 86400000ull);
    correct(b, 2, "ann", "agent", "{}", now);
    for (uint64_t until = clock_mono_ms() + DEADLINE_MS; metric_get(MET_FEEDBACK_DROPPED, "age") == before;) {
        assert_true(clock_mono_ms() < until);
        uv_run(&b->loop, UV_RUN_ONCE);
    }
    assert_string_equal(corrections(b, "hanbit", 0, 0, 10), "{\"feedback\":[{\"number\":2,\"text\":\"t\"}]}");
    assert_int_equal(history_feedback_rows(b->h), 1);
}

static void sql(const char *path, const char *text)
{
    sqlite3 *db = NULL;
    assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
    assert_int_equal(sqlite3_exec(db, text, NULL, NULL, NULL), SQLITE_OK);
    sqlite3_close(db);
}

static void the_format_before_corrections_is_taken_over_with_its_tickets_and_others_are_refused(void **state)
{
    struct bench *b = *state;
    struct history *other = NULL;
    put(b, 1, "hanbit", "resolved", "billing", "kept", clock_wall_ms());
    close_history(b);
    sql(b->path, "DROP TABLE feedback; PRAGMA user_version=2");
    open_history(b);
    assert_string_equal(got(b, 1), "kept");
    correct(b, 1, "ann", "agent", "{}", clock_wall_ms());
    assert_string_equal(corrections_of(b, 1), "[{\"number\":1}]");
    close_history(b);
    sql(b->path, "PRAGMA user_version=1");
    assert_int_equal(try_open(b, &other, b->path), ERR_IO);
    sql(b->path, "PRAGMA user_version=4");
    assert_int_equal(try_open(b, &other, b->path), ERR_IO);
}

#define TEST(fn) cmocka_unit_test_setup_teardown(fn, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_closed_ticket_is_found_at_once_and_after_reopening),
        TEST(a_second_put_replaces_the_first),
        TEST(a_list_is_newest_first_filtered_and_goes_on_after_an_id),
        TEST(a_digest_goes_back_in_parts_to_its_time_and_passes_over_what_it_cannot_read),
        TEST(tickets_leave_after_their_days),
        TEST(what_waits_is_bounded),
        TEST(a_second_opener_and_a_foreign_file_are_refused),
        TEST(closing_writes_what_waits),
        TEST(a_correction_is_listed_with_what_it_is_about_and_survives_reopening),
        TEST(the_same_persons_later_correction_of_a_ticket_replaces_theirs_alone),
        TEST(a_list_of_corrections_goes_on_where_it_ended),
        TEST(beyond_their_number_the_oldest_corrections_go_and_are_counted),
        TEST(corrections_leave_after_their_days),
        TEST(the_format_before_corrections_is_taken_over_with_its_tickets_and_others_are_refused),
    };
    metrics_init("test");
    return cmocka_run_group_tests(tests, NULL, NULL);
}
