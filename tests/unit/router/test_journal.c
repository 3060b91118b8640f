/* The journal: what it acknowledged is there after kill -9, in order; its file stays as large as what lives; a full disk refuses
   and recovers; a failed sync ends it. Faults are made by a thin VFS laid over SQLite's own. */
#include "base/log.h"
#include "base/loop.h"
#include "base/metrics.h"
#include "router/journal.h"

#include <dirent.h>
#include <signal.h>
#include <sqlite3.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
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

#define DEADLINE_MS 30000u

/* ---- a disk that can fail ------------------------------------------------------------------------------------------- */

static atomic_bool sync_fails, disk_full;
static atomic_int syncs;

struct bad_file {
    sqlite3_file base;
    sqlite3_file *real;
};
#define REAL(f) (((struct bad_file *)(f))->real)

static int bad_close(sqlite3_file *f) { return REAL(f)->pMethods->xClose(REAL(f)); }
static int bad_read(sqlite3_file *f, void *p, int n, sqlite3_int64 at) { return REAL(f)->pMethods->xRead(REAL(f), p, n, at); }
static int bad_write(sqlite3_file *f, const void *p, int n, sqlite3_int64 at)
{
    return disk_full ? SQLITE_FULL : REAL(f)->pMethods->xWrite(REAL(f), p, n, at);
}
static int bad_truncate(sqlite3_file *f, sqlite3_int64 n) { return REAL(f)->pMethods->xTruncate(REAL(f), n); }
static int bad_sync(sqlite3_file *f, int flags)
{
    syncs++;
    return sync_fails ? SQLITE_IOERR_FSYNC : REAL(f)->pMethods->xSync(REAL(f), flags);
}
static int bad_size(sqlite3_file *f, sqlite3_int64 *n) { return REAL(f)->pMethods->xFileSize(REAL(f), n); }
static int bad_lock(sqlite3_file *f, int l) { return REAL(f)->pMethods->xLock(REAL(f), l); }
static int bad_unlock(sqlite3_file *f, int l) { return REAL(f)->pMethods->xUnlock(REAL(f), l); }
static int bad_reserved(sqlite3_file *f, int *out) { return REAL(f)->pMethods->xCheckReservedLock(REAL(f), out); }
static int bad_control(sqlite3_file *f, int op, void *arg) { return REAL(f)->pMethods->xFileControl(REAL(f), op, arg); }
static int bad_sector(sqlite3_file *f) { return REAL(f)->pMethods->xSectorSize(REAL(f)); }
static int bad_traits(sqlite3_file *f) { return REAL(f)->pMethods->xDeviceCharacteristics(REAL(f)); }

static const sqlite3_io_methods bad_methods = { 1,        bad_close,  bad_read,     bad_write,   bad_truncate, bad_sync,   bad_size,
                                                bad_lock, bad_unlock, bad_reserved, bad_control, bad_sector,   bad_traits, NULL,
                                                NULL,     NULL,       NULL,         NULL,        NULL };

static sqlite3_vfs *real_vfs, bad_vfs;

static int bad_open(sqlite3_vfs *v, const char *name, sqlite3_file *f, int flags, int *out)
{
    struct bad_file *bf = (struct bad_file *)f;
    (void)v;
    bf->real = (sqlite3_file *)(bf + 1);
    int rc = real_vfs->xOpen(real_vfs, name, bf->real, flags, out);
    f->pMethods = bf->real->pMethods ? &bad_methods : NULL;
    return rc;
}

static void bad_disk_install(void)
{
    real_vfs = sqlite3_vfs_find(NULL);
    bad_vfs = *real_vfs;
    bad_vfs.zName = "bad-disk";
    bad_vfs.szOsFile = (int)sizeof(struct bad_file) + real_vfs->szOsFile;
    bad_vfs.xOpen = bad_open;
    sqlite3_vfs_register(&bad_vfs, 1);
}

/* ---- the bench ------------------------------------------------------------------------------------------------------ */

struct bench {
    uv_loop_t loop;
    char dir[64], path[96];
    struct journal *j;
    uint64_t wall;
    int ok, full, io, fatals, closed, moved, disorder, seen;
    uint64_t last_told, live_from; /* is_live: rows of ids numbered from here on, and those marked */
    uint64_t seen_ids[64];
    unsigned seen_kinds[64];
    char seen_body[64];
    int first_at[8]; /* place of the row of id 1, by kind; 0: none, 1: first */
    bool keep[64];
    bool late;
};

static struct bench *the_bench; /* for wall_of, which has no ctx */

static struct id id_number(uint64_t n)
{
    struct id id = { { 0 } };
    memcpy(id.b, &n, sizeof n);
    id.b[15] = 1;
    return id;
}
static uint64_t number_of(const struct id *id)
{
    uint64_t n;
    memcpy(&n, id->b, sizeof n);
    return n;
}

static uint64_t wall_of(void) { return the_bench->wall; }

static void on_row(void *ctx, uint64_t number, enum row_kind kind, const struct id *id, struct str body)
{
    struct bench *b = ctx;
    (void)number;
    if (b->seen < 64) {
        b->seen_ids[b->seen] = number_of(id);
        b->seen_kinds[b->seen] = kind;
    }
    snprintf(b->seen_body, sizeof b->seen_body, "%.*s", body.n < 63 ? (int)body.n : 63, body.p);
    b->seen++;
    if (number_of(id) == 1) b->first_at[kind & 7] = b->seen;
}
static void on_fatal(void *ctx, const char *why)
{
    (void)why;
    ((struct bench *)ctx)->fatals++;
}
static bool is_live(void *ctx, uint64_t number, enum row_kind kind, const struct id *id)
{
    struct bench *b = ctx;
    uint64_t n = number_of(id);
    (void)number;
    (void)kind;
    return n >= b->live_from || (n < 64 && b->keep[n]);
}
static void on_moved(void *ctx, uint64_t from, uint64_t to, const struct id *id)
{
    struct bench *b = ctx;
    if (to <= from || !is_live(ctx, from, ROW_EVENT, id)) b->disorder++;
    b->moved++;
}
static void on_told(void *ctx, enum err e, uint64_t number)
{
    struct bench *b = ctx;
    if (number <= b->last_told) b->disorder++;
    b->last_told = number;
    if (e == ERR_OK) b->ok++;
    else if (e == ERR_FULL) b->full++;
    else b->io++;
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

static enum err try_open(struct bench *b)
{
    struct journal_cfg cfg = { .path = b->path,
                               .linger_us = 300,
                               .pending_max = 5000,
                               .wall_ms = wall_of,
                               .ctx = b,
                               .on_row = on_row,
                               .on_fatal = on_fatal,
                               .is_live = is_live,
                               .on_moved = on_moved };
    b->seen = 0;
    memset(b->first_at, 0, sizeof b->first_at);
    b->last_told = 0;
    return journal_open(&b->j, &b->loop, &cfg);
}

static void open_journal(struct bench *b) { assert_int_equal(try_open(b), ERR_OK); }

static void close_journal(struct bench *b)
{
    int want = b->closed + 1;
    journal_close(b->j, on_closed, b);
    b->j = NULL;
    wait_for(b, &b->closed, want);
}

static enum err append(struct bench *b, enum row_kind kind, uint64_t n, const char *body)
{
    struct id id = id_number(n);
    return journal_append(b->j, kind, &id, str_of(body), on_told, b, NULL);
}
static enum err settle(struct bench *b, uint64_t n, uint64_t ticket)
{
    struct id id = id_number(n), t = id_number(ticket);
    return journal_settle(b->j, &id, ticket ? &t : NULL, b->wall, on_told, b);
}
static bool knows(struct bench *b, uint64_t n, uint64_t *ticket)
{
    struct id id = id_number(n), t;
    uint64_t at = 0;
    if (journal_known(b->j, &id, &t, &at)) return false;
    *ticket = number_of(&t);
    return at != 0;
}

static int set_up(void **state)
{
    struct bench *b = calloc(1, sizeof *b);
    the_bench = b;
    sync_fails = disk_full = false;
    b->wall = 1800000000000ull;
    b->live_from = UINT64_MAX;
    uv_loop_init(&b->loop);
    snprintf(b->dir, sizeof b->dir, "/tmp/naru-journal-XXXXXX");
    if (!mkdtemp(b->dir)) return -1;
    snprintf(b->path, sizeof b->path, "%s/journal.db", b->dir);
    *state = b;
    return 0;
}

static int tear_down(void **state)
{
    struct bench *b = *state;
    static const char *const ends[] = { "", "-wal", "-shm" };
    sync_fails = disk_full = false;
    if (b->j) close_journal(b);
    loop_finish(&b->loop);
    for (size_t i = 0; i < 3; i++) {
        char p[128];
        snprintf(p, sizeof p, "%s%s", b->path, ends[i]);
        unlink(p);
    }
    rmdir(b->dir);
    free(b);
    return 0;
}

/* ---- the sentences -------------------------------------------------------------------------------------------------- */

static void rows_come_back_in_order_after_a_close(void **state)
{
    struct bench *b = *state;
    uint64_t number = 0;
    struct id three = id_number(3);
    open_journal(b);
    assert_int_equal(append(b, ROW_EVENT, 1, "one"), ERR_OK);
    assert_int_equal(append(b, ROW_VERDICT, 1, "two"), ERR_OK);
    assert_int_equal(append(b, ROW_CONFIG, 2, ""), ERR_OK);
    assert_int_equal(journal_append(b->j, ROW_ENTRY, &three, STR("four\0x"), NULL, NULL, &number), ERR_OK);
    assert_int_equal(number, 4);
    assert_int_equal(journal_pending(b->j), 4);
    wait_for(b, &b->ok, 3);
    assert_int_equal(journal_pending(b->j), 0);
    close_journal(b);
    open_journal(b);
    assert_int_equal(b->seen, 4);
    static const uint64_t ids[] = { 1, 1, 2, 3 };
    static const unsigned kinds[] = { ROW_EVENT, ROW_VERDICT, ROW_CONFIG, ROW_ENTRY };
    assert_memory_equal(b->seen_ids, ids, sizeof ids);
    assert_memory_equal(b->seen_kinds, kinds, sizeof kinds);
    assert_string_equal(b->seen_body, "four");
    assert_int_equal(journal_append(b->j, ROW_EVENT, &three, STR("five"), NULL, NULL, &number), ERR_OK);
    assert_int_equal(number, 5);
    assert_int_equal(b->disorder, 0);
}

static void many_rows_of_one_turn_are_one_transaction(void **state)
{
    struct bench *b = *state;
    open_journal(b);
    double commits = metric_get(MET_JOURNAL_COMMITS, "");
    for (uint64_t n = 1; n <= 1000; n++) assert_int_equal(append(b, ROW_EVENT, n, "body"), ERR_OK);
    int before = syncs;
    wait_for(b, &b->ok, 1000);
    assert_true(metric_get(MET_JOURNAL_COMMITS, "") == commits + 1);
    assert_int_equal(syncs - before, 1);
    assert_int_equal(b->disorder, 0);
}

static void what_waits_is_bounded(void **state)
{
    struct bench *b = *state;
    open_journal(b);
    for (uint64_t n = 1; n <= 5000; n++) assert_int_equal(append(b, ROW_EVENT, n, "body"), ERR_OK);
    assert_int_equal(append(b, ROW_EVENT, 5001, "body"), ERR_FULL);
    wait_for(b, &b->ok, 5000);
    assert_int_equal(append(b, ROW_EVENT, 5001, "body"), ERR_OK);
    wait_for(b, &b->ok, 5001);
}

struct child_row {
    struct bench *b;
    int fd;
};
static void on_child_told(void *ctx, enum err e, uint64_t number)
{
    struct child_row *c = ctx;
    if (e == ERR_OK && write(c->fd, &number, sizeof number) != (ssize_t)sizeof number) _exit(1);
}

/* Appends for ever, a few rows a turn, and reports what was acknowledged. */
static void child_run(struct bench *b, int fd)
{
    struct child_row c = { b, fd };
    char body[300];
    memset(body, 'x', sizeof body);
    if (try_open(b)) _exit(1);
    for (uint64_t n = 1;; n++) {
        struct id id = id_number(n);
        memcpy(body, &n, sizeof n);
        if (journal_append(b->j, ROW_EVENT, &id, (struct str){ body, sizeof body }, on_child_told, &c, NULL) || n % 7 == 0)
            uv_run(&b->loop, UV_RUN_NOWAIT);
    }
}

static void every_acknowledged_row_is_there_after_a_kill(void **state)
{
    struct bench *b = *state;
    for (int round = 0; round < 3; round++) {
        int ends[2];
        assert_int_equal(pipe(ends), 0);
        pid_t child = fork();
        if (child == 0) {
            uv_loop_fork(&b->loop);
            child_run(b, ends[1]);
        }
        close(ends[1]);
        uint64_t number, highest = 0, count = 0;
        while (count < 5000 && read(ends[0], &number, sizeof number) == (ssize_t)sizeof number) {
            assert_true(number > highest);
            highest = number;
            count++;
        }
        kill(child, SIGKILL);
        while (read(ends[0], &number, sizeof number) == (ssize_t)sizeof number) {
            highest = number;
            count++;
        }
        waitpid(child, NULL, 0);
        close(ends[0]);
        assert_true(count >= 5000);
        open_journal(b);
        assert_true((uint64_t)b->seen >= count);
        for (int i = 0; round == 0 && i < 64; i++) assert_int_equal(b->seen_ids[i], (uint64_t)i + 1);
        struct id id = id_number(1);
        assert_int_equal(journal_append(b->j, ROW_EVENT, &id, STR("x"), NULL, NULL, &number), ERR_OK);
        assert_true(number > highest);
        close_journal(b);
    }
}

static void on_body(void *ctx, enum err e, struct str body)
{
    struct bench *b = ctx;
    snprintf(b->seen_body, sizeof b->seen_body, "%s", e ? err_name(e) : "");
    if (!e) snprintf(b->seen_body, sizeof b->seen_body, "%.*s", STR_FMT(body));
    b->seen++;
}

static void a_row_is_read_back_from_the_disk_and_a_missing_one_is_told(void **state)
{
    struct bench *b = *state;
    struct id id = id_number(1);
    uint64_t first, number;
    open_journal(b);
    assert_int_equal(journal_append(b->j, ROW_HOOK, &id, STR("one"), on_told, b, &first), ERR_OK);
    for (int i = 0; i < 300; i++) /* a chunk, and the begin of another one */
        assert_int_equal(journal_append(b->j, ROW_HOOK, &id, STR("two"), on_told, b, &number), ERR_OK);
    wait_for(b, &b->ok, 301);
    b->seen = 0;
    assert_int_equal(journal_read(b->j, first, on_body, b), ERR_OK);
    wait_for(b, &b->seen, 1);
    assert_string_equal(b->seen_body, "one");
    assert_int_equal(journal_read(b->j, number, on_body, b), ERR_OK);
    assert_int_equal(journal_read(b->j, first + 7, on_body, b), ERR_OK);
    wait_for(b, &b->seen, 3);
    assert_string_equal(b->seen_body, "two");
    assert_int_equal(journal_read(b->j, number + 1, on_body, b), ERR_OK);
    wait_for(b, &b->seen, 4);
    assert_string_equal(b->seen_body, "ERR_NOTFOUND");
    close_journal(b);
    assert_int_equal(b->io + b->full, 0);
}

static void a_settled_identity_is_known_at_once_and_after_reopening_and_its_rows_are_not_told(void **state)
{
    struct bench *b = *state;
    uint64_t ticket = 0;
    open_journal(b);
    for (uint64_t n = 1; n <= 3; n++) assert_int_equal(append(b, ROW_EVENT, n, "body"), ERR_OK);
    assert_false(knows(b, 1, &ticket));
    assert_int_equal(settle(b, 1, 77), ERR_OK);
    assert_int_equal(settle(b, 2, 0), ERR_OK);
    assert_true(knows(b, 1, &ticket));
    assert_int_equal(ticket, 77);
    wait_for(b, &b->ok, 5);
    close_journal(b);
    open_journal(b);
    assert_int_equal(b->seen, 1);
    assert_int_equal(b->seen_ids[0], 3);
    assert_true(knows(b, 1, &ticket));
    assert_int_equal(ticket, 77);
    struct id two = id_number(2), none = { { 0 } }, t;
    assert_int_equal(journal_known(b->j, &two, &t, NULL), ERR_OK);
    assert_true(id_eq(&t, &none));
    assert_false(knows(b, 3, &ticket));
}

static void identities_leave_after_their_days_but_not_before_their_rows(void **state)
{
    struct bench *b = *state;
    uint64_t ticket;
    open_journal(b);
    for (uint64_t n = 1; n <= 3000; n++) assert_int_equal(settle(b, n, n), ERR_OK); /* rows of an earlier life: none in this log */
    wait_for(b, &b->ok, 3000);
    assert_int_equal(append(b, ROW_EVENT, 4000, "body"), ERR_OK);
    assert_int_equal(settle(b, 4000, 9), ERR_OK);
    wait_for(b, &b->ok, 3002);
    b->wall += 9 * 86400000ull;
    close_journal(b);
    open_journal(b);
    assert_true(knows(b, 3000, &ticket));
    assert_int_equal(b->seen, 0);
    for (b->late = false; knows(b, 3000, &ticket);) uv_run(&b->loop, UV_RUN_ONCE);
    assert_false(knows(b, 1, &ticket));
    assert_true(knows(b, 4000, &ticket)); /* else its row would come back to life */
    close_journal(b);
    open_journal(b);
    assert_int_equal(b->seen, 0);
    assert_false(knows(b, 3000, &ticket));
    assert_true(knows(b, 4000, &ticket));
}

static int64_t query(const char *path, const char *sql)
{
    sqlite3 *db = NULL;
    sqlite3_stmt *s = NULL;
    int64_t v = -1;
    assert_int_equal(sqlite3_open_v2(path, &db, SQLITE_OPEN_READWRITE, real_vfs->zName), SQLITE_OK);
    assert_int_equal(sqlite3_prepare_v2(db, sql, -1, &s, NULL), SQLITE_OK);
    if (sqlite3_step(s) == SQLITE_ROW) v = sqlite3_column_int64(s, 0);
    sqlite3_finalize(s);
    sqlite3_close(db);
    return v;
}

static void a_line_of_a_chat_outlives_the_event_that_it_came_with_over_starts_and_compaction(void **state)
{
    struct bench *b = *state;
    int told = 3;
    b->keep[1] = true;
    open_journal(b);
    assert_int_equal(append(b, ROW_EVENT, 1, "what came in"), ERR_OK);
    assert_int_equal(append(b, ROW_CHAT, 1, "the line"), ERR_OK);
    assert_int_equal(settle(b, 1, 77), ERR_OK);
    wait_for(b, &b->ok, told);
    close_journal(b);
    open_journal(b);
    assert_int_equal(b->seen, 1);
    assert_int_equal(b->seen_kinds[0], ROW_CHAT);
    assert_string_equal(b->seen_body, "the line");
    for (uint64_t n = 100; n < 100 + 150000; n++) {
        assert_int_equal(append(b, ROW_EVENT, n, "others"), ERR_OK);
        if (++told % 2000 == 0) wait_for(b, &b->ok, told);
    }
    wait_for(b, &b->ok, told);
    assert_true(b->moved >= 1);
    close_journal(b);
    open_journal(b);
    assert_true(b->first_at[ROW_CHAT & 7] > 0);
    assert_int_equal(b->first_at[ROW_EVENT], 0); /* the event's own row went */
}

static void the_file_stays_as_large_as_what_lives_over_many_cycles(void **state)
{
    struct bench *b = *state;
    int told = 0;
    open_journal(b);
    for (uint64_t n = 1; n < 40; n++) { /* these live through all of it */
        b->keep[n] = true;
        assert_int_equal(append(b, ROW_EVENT, n, "keep me"), ERR_OK);
        assert_int_equal(append(b, ROW_VERDICT, n, "me too"), ERR_OK);
        told += 2;
    }
    for (uint64_t n = 100; n < 100 + 300000; n++) {
        assert_int_equal(append(b, ROW_EVENT, n, "an event's body of some fifty bytes, more or less"), ERR_OK);
        assert_int_equal(settle(b, n, n), ERR_OK);
        told += 2;
        if (n % 1000 == 0) wait_for(b, &b->ok, told);
    }
    wait_for(b, &b->ok, told);
    assert_true(b->moved >= 3 * 78); /* some rounds */
    assert_int_equal(b->disorder, 0);
    close_journal(b);
    assert_true(query(b->path, "SELECT count(*) FROM log") < 2 * 65536 + 10000);
    assert_true(query(b->path, "PRAGMA page_count") < 300000 / 20); /* identities 60 bytes each, and some 100,000 rows */
    open_journal(b);
    assert_int_equal(b->seen, 78);
    for (int i = 0; i < 64; i++) { /* in the order of their first writing */
        assert_int_equal(b->seen_ids[i], i / 2 + 1);
        assert_int_equal(b->seen_kinds[i], i % 2 ? ROW_VERDICT : ROW_EVENT);
    }
}

static void the_write_ahead_log_is_bounded(void **state)
{
    struct bench *b = *state;
    char wal[128], body[4000];
    struct stat st;
    snprintf(wal, sizeof wal, "%s-wal", b->path);
    memset(body, 'x', sizeof body - 1);
    body[sizeof body - 1] = '\0';
    open_journal(b);
    for (int turn = 0; turn < 100; turn++) {
        for (uint64_t n = 1; n <= 200; n++) assert_int_equal(append(b, ROW_EVENT, n, body), ERR_OK);
        wait_for(b, &b->ok, (turn + 1) * 200);
    }
    assert_int_equal(stat(wal, &st), 0);
    assert_true(st.st_size < 40 << 20); /* of 80 MB that were written */
}

static void replay_keeps_the_first_order_when_a_round_of_compaction_was_cut_short(void **state)
{
    struct bench *b = *state;
    int told = 0;
    open_journal(b);
    b->keep[1] = true;
    assert_int_equal(append(b, ROW_EVENT, 1, "event"), ERR_OK);
    for (uint64_t n = 100; n < 68000; n++) {
        assert_int_equal(append(b, ROW_EVENT, n, "garbage"), ERR_OK);
        told++;
        if (n % 1000 == 0) wait_for(b, &b->ok, told);
    }
    assert_int_equal(append(b, ROW_VERDICT, 1, "verdict"), ERR_OK); /* younger than the round: stays where it is */
    wait_for(b, &b->ok, told + 2);
    wait_for(b, &b->moved, 1);
    b->live_from = 0; /* no more garbage; the round stops short */
    close_journal(b);
    open_journal(b);
    assert_true(b->seen > 1000); /* the round had not reached these */
    assert_int_equal(b->first_at[ROW_EVENT], 1);
    assert_int_equal(b->first_at[ROW_VERDICT], b->seen);
}

static void the_last_value_of_a_key_is_there_after_reopening(void **state)
{
    struct bench *b = *state;
    open_journal(b);
    assert_int_equal(journal_meta(b->j, STR("seen_seq:a")).n, 0);
    for (int i = 0; i < 100; i++) {
        char v[8];
        snprintf(v, sizeof v, "%d", i);
        assert_int_equal(journal_set_meta(b->j, STR("seen_seq:a"), str_of(v)), ERR_OK);
    }
    assert_int_equal(journal_set_meta(b->j, STR("seen_seq:b"), STR("\0\1")), ERR_OK);
    assert_int_equal(journal_meta(b->j, STR("seen_seq:a")).n, 0);
    close_journal(b);
    open_journal(b);
    assert_true(str_is(journal_meta(b->j, STR("seen_seq:a")), "99"));
    assert_true(str_eq(journal_meta(b->j, STR("seen_seq:b")), STR("\0\1")));
    close_journal(b);
    open_journal(b);
    assert_true(str_is(journal_meta(b->j, STR("seen_seq:a")), "99"));
}

static void a_full_disk_refuses_and_recovers_by_itself(void **state)
{
    struct bench *b = *state;
    uint64_t ticket;
    open_journal(b);
    assert_int_equal(append(b, ROW_EVENT, 1, "one"), ERR_OK);
    wait_for(b, &b->ok, 1);
    disk_full = true;
    assert_int_equal(append(b, ROW_EVENT, 2, "two"), ERR_OK);
    assert_int_equal(settle(b, 1, 5), ERR_OK);
    assert_int_equal(journal_set_meta(b->j, STR("k"), STR("v")), ERR_OK);
    wait_for(b, &b->full, 2);
    assert_false(journal_healthy(b->j));
    assert_false(knows(b, 1, &ticket));
    assert_int_equal(append(b, ROW_EVENT, 3, "three"), ERR_FULL);
    disk_full = false;
    for (b->late = false; !journal_healthy(b->j);) uv_run(&b->loop, UV_RUN_ONCE);
    assert_int_equal(append(b, ROW_EVENT, 4, "four"), ERR_OK);
    wait_for(b, &b->ok, 2);
    assert_int_equal(b->fatals, 0);
    close_journal(b);
    open_journal(b);
    assert_int_equal(b->seen, 2);
    assert_int_equal(b->seen_ids[1], 4);
    assert_true(str_is(journal_meta(b->j, STR("k")), "v"));
}

static void after_a_failed_sync_nothing_is_acknowledged(void **state)
{
    struct bench *b = *state;
    open_journal(b);
    assert_int_equal(append(b, ROW_EVENT, 1, "one"), ERR_OK);
    wait_for(b, &b->ok, 1);
    sync_fails = true;
    assert_int_equal(append(b, ROW_EVENT, 2, "two"), ERR_OK);
    journal_flush(b->j);
    assert_int_equal(append(b, ROW_EVENT, 3, "three"), ERR_OK); /* in the other batch by now */
    wait_for(b, &b->fatals, 1);
    assert_int_equal(b->io, 2);
    sync_fails = false;
    int before = syncs;
    assert_int_equal(append(b, ROW_EVENT, 4, "four"), ERR_IO);
    assert_int_equal(settle(b, 1, 1), ERR_IO);
    assert_false(journal_healthy(b->j));
    close_journal(b);
    assert_int_equal(b->fatals, 1);
    assert_int_equal(b->ok, 1);
    assert_int_equal(syncs, before); /* not even the closing checkpoint is tried */
    open_journal(b);
    assert_int_equal(b->seen_ids[0], 1);
}

static void a_second_opener_is_refused(void **state)
{
    struct bench *b = *state;
    open_journal(b);
    pid_t child = fork();
    if (child == 0) {
        uv_loop_t loop;
        struct journal *other = NULL;
        struct journal_cfg cfg = { .path = b->path };
        uv_loop_init(&loop);
        _exit(journal_open(&other, &loop, &cfg) == ERR_IO ? 0 : 1);
    }
    int status = 1;
    waitpid(child, &status, 0);
    assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 0);
    struct journal *other = NULL;
    struct journal_cfg cfg = { .path = b->path };
    assert_int_equal(journal_open(&other, &b->loop, &cfg), ERR_IO); /* nor by the same process */
    assert_int_equal(append(b, ROW_EVENT, 1, "still mine"), ERR_OK);
    wait_for(b, &b->ok, 1);
}

static void foreign_and_newer_files_are_refused_and_left_alone(void **state)
{
    struct bench *b = *state;
    open_journal(b);
    assert_int_equal(append(b, ROW_EVENT, 1, "one"), ERR_OK);
    wait_for(b, &b->ok, 1);
    close_journal(b);
    query(b->path, "PRAGMA user_version=3");
    assert_int_equal(try_open(b), ERR_IO);
    query(b->path, "PRAGMA user_version=2");
    query(b->path, "PRAGMA application_id=7");
    assert_int_equal(try_open(b), ERR_IO);
    assert_int_equal(query(b->path, "SELECT count(*) FROM log"), 1);
    FILE *f = fopen(b->path, "w");
    for (int i = 0; i < 1000; i++) fputs("not a database at all\n", f);
    fclose(f);
    assert_int_equal(try_open(b), ERR_IO);
    struct stat st;
    assert_int_equal(stat(b->path, &st), 0);
    assert_int_equal(st.st_size, 22000);
    b->j = NULL;
    struct journal_cfg cfg = { .path = "/nonexistent/journal.db" };
    assert_int_equal(journal_open(&b->j, &b->loop, &cfg), ERR_IO);
    b->j = NULL;
}

static void closing_commits_what_waits_and_takes_nothing_more(void **state)
{
    struct bench *b = *state;
    open_journal(b);
    for (uint64_t n = 1; n <= 10; n++) assert_int_equal(append(b, ROW_EVENT, n, "body"), ERR_OK);
    struct journal *j = b->j;
    struct id id = id_number(11);
    journal_close(j, on_closed, b);
    b->j = NULL;
    assert_int_equal(journal_append(j, ROW_EVENT, &id, STR("late"), on_told, b, NULL), ERR_CLOSED);
    wait_for(b, &b->closed, 1);
    assert_int_equal(b->ok, 10);
    open_journal(b);
    assert_int_equal(b->seen, 10);
}

static void the_file_is_readable_by_its_user_only(void **state)
{
    struct bench *b = *state;
    struct stat st;
    open_journal(b);
    assert_int_equal(stat(b->path, &st), 0);
    assert_int_equal(st.st_mode & 0777, 0600);
}

#define TEST(fn) cmocka_unit_test_setup_teardown(fn, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(rows_come_back_in_order_after_a_close),
        TEST(many_rows_of_one_turn_are_one_transaction),
        TEST(what_waits_is_bounded),
        TEST(every_acknowledged_row_is_there_after_a_kill),
        TEST(a_row_is_read_back_from_the_disk_and_a_missing_one_is_told),
        TEST(a_settled_identity_is_known_at_once_and_after_reopening_and_its_rows_are_not_told),
        TEST(a_line_of_a_chat_outlives_the_event_that_it_came_with_over_starts_and_compaction),
        TEST(identities_leave_after_their_days_but_not_before_their_rows),
        TEST(the_file_stays_as_large_as_what_lives_over_many_cycles),
        TEST(the_write_ahead_log_is_bounded),
        TEST(replay_keeps_the_first_order_when_a_round_of_compaction_was_cut_short),
        TEST(the_last_value_of_a_key_is_there_after_reopening),
        TEST(a_full_disk_refuses_and_recovers_by_itself),
        TEST(after_a_failed_sync_nothing_is_acknowledged),
        TEST(a_second_opener_is_refused),
        TEST(foreign_and_newer_files_are_refused_and_left_alone),
        TEST(closing_commits_what_waits_and_takes_nothing_more),
        TEST(the_file_is_readable_by_its_user_only),
    };
    metrics_init("test");
    bad_disk_install();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
