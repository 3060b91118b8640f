/* The loop gathers rows; at the end of its turn a batch goes to the thread, which writes it in one transaction. Two batches, as in
   history.c: `filling` takes, `away` is with the thread or its callbacks run. A write that fails fails its batch and is told to
   whoever waits; memory is then ahead of the disk until the statement comes again.

   WAL, so that a small write costs one sync; freed pages are overwritten (secure_delete), since who is forgotten is to be gone. */
#include "router/people_db.h"

#include "base/buf.h"
#include "base/log.h"
#include "base/loop.h"
#include "router/db.h"
#include "router/journal_thread.h"

#include <fcntl.h>
#include <sqlite3.h>
#include <stdlib.h>
#include <unistd.h>

#define APPLICATION 0x4e617243 /* "NarC" */
#define FORMAT      1
#define JOBS_MAX    65536u
#define BYTES_MAX   (64u << 20)
#define KEEP        (1u << 20)

struct job {
    struct id key;
    uint64_t at_ms;
    size_t at, n; /* in the bytes */
    people_db_fn *fn;
    void *ctx;
};
struct batch {
    struct job *jobs;
    size_t count, room;
    struct buf bytes;
    enum err result;
};
enum statement { ST_BEGIN, ST_COMMIT, ST_PUT, ST_COUNT };
struct people_db {
    uv_loop_t *loop;
    sqlite3 *db;
    sqlite3_stmt *st[ST_COUNT];
    struct db_thread thread;
    struct turn_end turn_end;
    struct batch batches[2], *filling, *away;
    bool closing, quitting;
    void (*closed)(void *ctx);
    void *closed_ctx;
};

static const char *const sql[ST_COUNT] = {
    [ST_BEGIN] = "BEGIN IMMEDIATE",
    [ST_COMMIT] = "COMMIT",
    [ST_PUT] = "INSERT INTO customer VALUES (?1, ?2, ?3) ON CONFLICT (key) DO UPDATE SET at = ?2, body = ?3 WHERE at <= ?2",
};

/* ---- the thread's side ---- */

static int put(struct people_db *db, const struct batch *b, const struct job *job)
{
    sqlite3_stmt *s = db->st[ST_PUT];
    sqlite3_bind_blob(s, 1, job->key.b, sizeof job->key.b, SQLITE_STATIC);
    sqlite3_bind_int64(s, 2, (int64_t)job->at_ms);
    sqlite3_bind_blob(s, 3, job->n ? b->bytes.p + job->at : "", (int)job->n, SQLITE_STATIC);
    return db_step(s);
}

static void on_work(void *ctx, void *work)
{
    struct people_db *db = ctx;
    struct batch *b = work;
    int rc = db_step(db->st[ST_BEGIN]);
    for (size_t i = 0; i < b->count && !rc; i++) rc = put(db, b, &b->jobs[i]);
    if (!rc) rc = db_step(db->st[ST_COMMIT]);
    b->result = rc == SQLITE_OK ? ERR_OK : (rc & 0xff) == SQLITE_FULL ? ERR_FULL : ERR_IO;
    if (!rc) return;
    log_error("customers not written: %s (%d); see the disk, then state them again", sqlite3_errmsg(db->db), rc);
    if (!sqlite3_get_autocommit(db->db)) sqlite3_exec(db->db, "ROLLBACK", NULL, NULL, NULL);
}

static void db_close(struct people_db *db)
{
    for (int i = 0; i < ST_COUNT; i++) sqlite3_finalize(db->st[i]);
    sqlite3_close(db->db);
    memset(db->st, 0, sizeof db->st);
    db->db = NULL;
}

static void on_end(void *ctx) { db_close(ctx); }

/* ---- the loop's side ---- */

static void batch_clear(struct batch *b)
{
    if (b->bytes.room > KEEP || b->room * sizeof *b->jobs > KEEP) {
        free(b->jobs);
        buf_fini(&b->bytes);
        *b = (struct batch){ .jobs = NULL };
        buf_init(&b->bytes, BYTES_MAX);
    }
    buf_clear(&b->bytes);
    b->count = 0;
}

static enum err room_for_one(struct batch *b)
{
    if (b->count == JOBS_MAX) return ERR_FULL;
    if (b->count < b->room) return ERR_OK;
    size_t room = b->room ? b->room * 2 : 64;
    struct job *jobs = realloc(b->jobs, room * sizeof *jobs);
    if (!jobs) return ERR_NOMEM;
    b->jobs = jobs;
    b->room = room;
    return ERR_OK;
}

enum err people_db_put(struct people_db *db, const struct id *key, uint64_t at, struct str packed, people_db_fn *fn, void *ctx)
{
    struct batch *b = db->filling;
    enum err e = db->closing ? ERR_CLOSED : room_for_one(b);
    if (e) return e;
    size_t before = b->bytes.n;
    buf_addstr(&b->bytes, packed);
    if ((e = b->bytes.err)) {
        b->bytes.n = before;
        b->bytes.err = ERR_OK;
        return e;
    }
    b->jobs[b->count++] = (struct job){ .key = *key, .at_ms = at, .at = before, .n = packed.n, .fn = fn, .ctx = ctx };
    return ERR_OK;
}

static void pump(struct people_db *db)
{
    if (db->away || db->quitting) return;
    if (db->filling->count) {
        db->away = db->filling;
        db->filling = db->away == &db->batches[0] ? &db->batches[1] : &db->batches[0];
        db_thread_give(&db->thread, db->away);
    } else if (db->closing) {
        db->quitting = true;
        db_thread_quit(&db->thread);
    }
}

static bool on_turn_end(struct turn_end *t)
{
    pump(t->ctx);
    return false;
}

static void on_done(void *ctx, void *work)
{
    struct people_db *db = ctx;
    struct batch *b = work;
    for (size_t i = 0; i < b->count; i++)
        if (b->jobs[i].fn) b->jobs[i].fn(b->jobs[i].ctx, b->result);
    batch_clear(b);
    db->away = NULL;
}

static void db_free(void *p)
{
    struct people_db *db = p;
    void (*closed)(void *) = db->closed;
    void *ctx = db->closed_ctx;
    db_close(db);
    for (int i = 0; i < 2; i++) {
        free(db->batches[i].jobs);
        buf_fini(&db->batches[i].bytes);
    }
    free(db);
    if (closed) closed(ctx);
}

static void on_ended(void *ctx)
{
    struct people_db *db = ctx;
    turn_end_fini(&db->turn_end);
    loop_reap(db->loop, db, db_free);
}

void people_db_close(struct people_db *db, void (*done)(void *ctx), void *ctx)
{
    if (db->closing) return;
    db->closing = true;
    db->closed = done;
    db->closed_ctx = ctx;
    pump(db);
}

/* ---- opening ---- */

static int create(sqlite3 *db)
{
    char text[400];
    sqlite3_snprintf(sizeof text, text,
                     "BEGIN; CREATE TABLE customer (key BLOB PRIMARY KEY, at INTEGER NOT NULL, body BLOB NOT NULL) WITHOUT ROWID;"
                     "PRAGMA application_id=%d; PRAGMA user_version=%d; COMMIT;",
                     APPLICATION, FORMAT);
    return sqlite3_exec(db, text, NULL, NULL, NULL);
}

static enum err db_open(struct people_db *db, const char *path)
{
    static const char pragmas[] = "PRAGMA locking_mode=EXCLUSIVE; PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL;"
                                  "PRAGMA secure_delete=ON; PRAGMA cache_size=-8192; PRAGMA temp_store=MEMORY;"
                                  "BEGIN EXCLUSIVE; COMMIT;";
    int fd = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600); /* its user's alone; only when it is new */
    if (fd >= 0) close(fd);
    int rc = sqlite3_open_v2(path, &db->db, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX, NULL);
    if (!rc) rc = sqlite3_exec(db->db, pragmas, NULL, NULL, NULL);
    if (!rc && db_ask(db->db, "PRAGMA application_id", -1) == 0 && db_ask(db->db, "SELECT count(*) FROM sqlite_schema", -1) == 0)
        rc = create(db->db);
    if (!rc &&
        (db_ask(db->db, "PRAGMA application_id", -1) != APPLICATION || db_ask(db->db, "PRAGMA user_version", -1) != FORMAT)) {
        log_error("customers=%s is of another version or another program's; use the naru that wrote it, or name another folder",
                  path);
        return ERR_IO;
    }
    for (int i = 0; i < ST_COUNT && !rc; i++)
        rc = sqlite3_prepare_v3(db->db, sql[i], -1, SQLITE_PREPARE_PERSISTENT, &db->st[i], NULL);
    if (rc)
        log_error("customers=%s does not open: %s (%d); see that its folder may be written and no other process has it", path,
                  sqlite3_errmsg(db->db), rc);
    return rc ? ERR_IO : ERR_OK;
}

static enum err read_rows(struct people_db *db, uint64_t forget,
                          void (*row)(void *ctx, const struct id *key, uint64_t at, struct str packed), void *ctx)
{
    sqlite3_stmt *s = NULL;
    struct id key;
    int rc = sqlite3_prepare_v2(db->db, "DELETE FROM customer WHERE body = x'' AND at < ?1", -1, &s, NULL);
    if (!rc) sqlite3_bind_int64(s, 1, (int64_t)forget);
    if (!rc) rc = db_step(s);
    sqlite3_finalize(s);
    s = NULL;
    if (!rc) rc = sqlite3_prepare_v2(db->db, "SELECT key, at, body FROM customer ORDER BY at", -1, &s, NULL);
    while (!rc && (rc = sqlite3_step(s)) == SQLITE_ROW) {
        const void *body = sqlite3_column_blob(s, 2);
        rc = sqlite3_column_bytes(s, 0) == sizeof key.b ? SQLITE_OK : SQLITE_CORRUPT; /* a file cut short reads as zeros */
        if (rc) break;
        memcpy(key.b, sqlite3_column_blob(s, 0), sizeof key.b);
        row(ctx, &key, (uint64_t)sqlite3_column_int64(s, 1), (struct str){ body, (size_t)sqlite3_column_bytes(s, 2) });
    }
    sqlite3_finalize(s);
    if (rc != SQLITE_DONE)
        log_error("customers cannot be read: %s (%d); put a copy of the file back, or move it away and state them again",
                  sqlite3_errstr(rc), rc);
    return rc == SQLITE_DONE ? ERR_OK : ERR_IO;
}

enum err people_db_open(struct people_db **out, uv_loop_t *loop, const char *path, uint64_t forget,
                        void (*row)(void *ctx, const struct id *key, uint64_t at, struct str packed), void *ctx)
{
    struct people_db *db = calloc(1, sizeof *db);
    if (!db) return ERR_NOMEM;
    db->loop = loop;
    buf_init(&db->batches[0].bytes, BYTES_MAX);
    buf_init(&db->batches[1].bytes, BYTES_MAX);
    db->filling = &db->batches[0];
    db->thread =
        (struct db_thread){ .name = "customers", .ctx = db, .work = on_work, .end = on_end, .done = on_done, .ended = on_ended };
    enum err e = db_open(db, path);
    if (!e) e = read_rows(db, forget, row, ctx);
    if (e) {
        db_free(db);
        return e;
    }
    if ((e = db_thread_start(&db->thread, loop))) {
        loop_reap(loop, db, db_free);
        return e;
    }
    turn_end_init(&db->turn_end, loop, on_turn_end, db);
    *out = db;
    return ERR_OK;
}
