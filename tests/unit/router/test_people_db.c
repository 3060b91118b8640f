/* Customers on disk: a real file in a folder of its own, what is stated and forgotten over restarts, and files that are broken,
   full or of another version. */
#include "base/loop.h"
#include "router/people.h"
#include "router/people_db.h"
#include "tests/unit/base/unit.h"

#include <signal.h>
#include <sqlite3.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <unistd.h>

#define DEADLINE_MS 20000u

static struct {
    uv_loop_t loop;
    char dir[64], path[96];
    struct people people;
    struct people_db *db;
    struct arena arena;
    int puts, rows, closed;
    enum err last;
    bool late;
} b;

static void on_put(void *ctx, enum err e)
{
    UNUSED(ctx);
    b.puts++;
    if (e) b.last = e;
}

static void on_row(void *ctx, const struct id *key, uint64_t at, struct str packed)
{
    UNUSED(ctx);
    b.rows++;
    enum err e = people_row(&b.people, key, at, packed);
    assert_true(!e || e == ERR_EXISTS);
}

static void on_kept(void *ctx, const struct id *key, uint64_t at, struct str packed)
{
    UNUSED(ctx);
    assert_int_equal(people_db_put(b.db, key, at, packed, on_put, NULL), ERR_OK);
}

static void on_closed(void *ctx) { (*(int *)ctx)++; }
static void on_late(uv_timer_t *t) { *(bool *)t->data = true; }

static void wait_for(const int *n, int want)
{
    uv_timer_t t;
    uv_timer_init(&b.loop, &t);
    t.data = &b.late;
    b.late = false;
    uv_timer_start(&t, on_late, DEADLINE_MS, 0);
    while (*n < want && !b.late) uv_run(&b.loop, UV_RUN_ONCE);
    uv_close((uv_handle_t *)&t, NULL);
    uv_run(&b.loop, UV_RUN_NOWAIT);
    assert_false(b.late);
}

static enum err open_file(uint64_t forget)
{
    b.rows = b.closed = 0;
    assert_int_equal(people_init(&b.people), ERR_OK);
    enum err e = people_db_open(&b.db, &b.loop, b.path, forget, on_row, NULL);
    if (e) people_fini(&b.people);
    return e;
}

static void close_file(void)
{
    people_db_close(b.db, on_closed, &b.closed);
    b.db = NULL;
    wait_for(&b.closed, 1);
    people_fini(&b.people);
}

static int set_up(void **state)
{
    UNUSED(state);
    memset(&b, 0, sizeof b);
    strcpy(b.dir, "/tmp/naru-people-XXXXXX");
    if (!mkdtemp(b.dir)) return -1;
    snprintf(b.path, sizeof b.path, "%s/customers.db", b.dir);
    arena_init(&b.arena, 16u << 20);
    return uv_loop_init(&b.loop);
}

static int tear_down(void **state)
{
    char path[120];
    UNUSED(state);
    if (b.db) close_file(); /* the test failed: the loop would wait for its thread */
    loop_finish(&b.loop);
    arena_fini(&b.arena);
    for (int i = 0; i < 3; i++) {
        snprintf(path, sizeof path, "%s%s", b.path, (const char *const[]){ "", "-wal", "-shm" }[i]);
        unlink(path);
    }
    return rmdir(b.dir);
}

/* What was stated is on the disk when it returns; what came of that. */
static enum err state_one(const char *id, const char *name, const char *identity, uint64_t at)
{
    struct identity v = { STR("mail"), str_of(identity) };
    struct person p = { .workspace = STR("w"), .id = str_of(id), .name = str_of(name), .at = at, .gone = !*name };
    int before = b.puts;
    p.key = person_key(p.workspace, p.id);
    if (*identity) p.identities = (struct list){ &v, 1 };
    b.last = ERR_OK;
    enum err e = people_take(&b.people, &p, on_kept, NULL, NULL);
    if (!e) wait_for(&b.puts, before + 1);
    return e ? e : b.last;
}

static const char *name_of(const char *id)
{
    static char name[64];
    struct person p;
    arena_clear(&b.arena);
    if (people_get(&b.people, STR("w"), str_of(id), &p, &b.arena)) return NULL;
    snprintf(name, sizeof name, "%.*s", STR_FMT(p.name));
    return name;
}

static const char *owner_of(const char *identity)
{
    static char id[64];
    struct person p;
    arena_clear(&b.arena);
    if (people_find(&b.people, STR("mail"), str_of(identity), &p, &b.arena)) return NULL;
    snprintf(id, sizeof id, "%.*s", STR_FMT(p.id));
    return id;
}

static void reopen(uint64_t forget)
{
    close_file();
    assert_int_equal(open_file(forget), ERR_OK);
}

TEST(what_was_stated_is_there_after_a_restart_and_the_newest_statement_wins)
{
    UNUSED(state);
    assert_int_equal(open_file(0), ERR_OK);
    assert_int_equal(state_one("c1", "Kim", "kim@x", 1000), ERR_OK);
    assert_int_equal(state_one("c1", "Kim Minji", "kim@x", 2000), ERR_OK);
    assert_int_equal(state_one("c1", "an older name", "kim@x", 1500), ERR_EXISTS);
    reopen(0);
    assert_int_equal(b.rows, 1);
    assert_string_equal(name_of("c1"), "Kim Minji");
    assert_string_equal(owner_of("kim@x"), "c1");
    assert_int_equal(state_one("c2", "Lee", "kim@x", 3000), ERR_OK); /* takes the identity: both are stored */
    reopen(0);
    assert_int_equal(b.rows, 2);
    assert_string_equal(owner_of("kim@x"), "c2");
    assert_string_equal(name_of("c1"), "Kim Minji");
    close_file();
}

/* Is the text anywhere in the file or its log? */
static bool in_files(const char *text)
{
    static char bytes[1u << 20];
    bool found = false;
    for (int i = 0; i < 2; i++) {
        char path[120];
        snprintf(path, sizeof path, "%s%s", b.path, i ? "-wal" : "");
        FILE *f = fopen(path, "rb");
        size_t n = f ? fread(bytes, 1, sizeof bytes, f) : 0;
        if (f) fclose(f);
        found |= n && memmem(bytes, n, text, strlen(text));
    }
    return found;
}

TEST(who_is_forgotten_is_gone_from_the_file_and_an_old_statement_does_not_bring_them_back)
{
    static const char zeb[] = "zebulon@a-house-of-mail-with-a-rather-long-name.example"; /* longer than what replaces it */

    UNUSED(state);
    assert_int_equal(open_file(0), ERR_OK);
    assert_int_equal(state_one("c1", "Zebulon", zeb, 1000), ERR_OK);
    assert_true(in_files("Zebulon"));
    assert_int_equal(state_one("c1", "", "", 2000), ERR_OK);
    reopen(1000);
    assert_int_equal(b.rows, 1);
    assert_null(name_of("c1"));
    assert_null(owner_of(zeb));
    assert_int_equal(state_one("c1", "Zebulon", zeb, 1500), ERR_EXISTS);
    close_file();
    assert_false(in_files("Zebulon") || in_files(zeb));
    assert_int_equal(open_file(2001), ERR_OK); /* forgotten long ago: not even the hash is left */
    assert_int_equal(b.rows, 0);
    close_file();
}

TEST(a_torn_file_or_another_programs_is_refused_and_left_as_it_is)
{
    FILE *f;
    UNUSED(state);
    assert_int_equal(open_file(0), ERR_OK);
    assert_int_equal(state_one("c1", "Kim", "kim@x", 1000), ERR_OK);
    close_file();
    assert_int_equal(truncate(b.path, 5000), 0);
    assert_int_equal(open_file(0), ERR_IO);
    assert_non_null(f = fopen(b.path, "w"));
    fputs("these are no customers, but somebody's notes, and longer than the head of a database: 0123456789 0123456789 0123456789",
          f);
    fclose(f);
    assert_int_equal(open_file(0), ERR_IO);
    assert_non_null(f = fopen(b.path, "r"));
    assert_int_equal(fgetc(f), 't');
    fclose(f);
}

static void set_pragma(const char *pragma)
{
    sqlite3 *db;
    assert_int_equal(sqlite3_open(b.path, &db), SQLITE_OK);
    assert_int_equal(sqlite3_exec(db, pragma, NULL, NULL, NULL), SQLITE_OK);
    assert_int_equal(sqlite3_close(db), SQLITE_OK);
}

TEST(a_newer_format_is_refused)
{
    UNUSED(state);
    assert_int_equal(open_file(0), ERR_OK);
    close_file();
    set_pragma("PRAGMA user_version=2");
    assert_int_equal(open_file(0), ERR_IO);
    set_pragma("PRAGMA user_version=1");
    assert_int_equal(open_file(0), ERR_OK);
    close_file();
}

/* A bound on the size of files stands for the disk's end. */
TEST(a_full_disk_is_told_to_who_waits_and_what_was_written_before_stays)
{
    struct rlimit was, few = { 65536, RLIM_INFINITY };
    char id[16];
    unsigned n = 0;
    enum err e = ERR_OK;
    UNUSED(state);
    signal(SIGXFSZ, SIG_IGN);
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &was), 0);
    assert_int_equal(open_file(0), ERR_OK);
    few.rlim_max = was.rlim_max;
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &few), 0);
    for (; !e && n < 200; n++) {
        snprintf(id, sizeof id, "c%u", n);
        e = state_one(id, "Kim", id, 1000);
    }
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &was), 0);
    assert_true(e == ERR_FULL || e == ERR_IO);
    assert_in_range(n, 2, 199);
    assert_int_equal(state_one("last", "Park", "park@x", 2000), ERR_OK); /* there is room again */
    reopen(0);
    assert_int_equal(b.rows, n); /* all but the one that was told */
    assert_string_equal(name_of("c0"), "Kim");
    assert_string_equal(name_of("last"), "Park");
    assert_null(name_of(id));
    close_file();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(what_was_stated_is_there_after_a_restart_and_the_newest_statement_wins, set_up, tear_down),
        cmocka_unit_test_setup_teardown(who_is_forgotten_is_gone_from_the_file_and_an_old_statement_does_not_bring_them_back,
                                        set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_torn_file_or_another_programs_is_refused_and_left_as_it_is, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_newer_format_is_refused, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_full_disk_is_told_to_who_waits_and_what_was_written_before_stays, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
