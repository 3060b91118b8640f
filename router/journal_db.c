/* The journal's file. WAL with synchronous=FULL: a commit is one write and one sync of the WAL. Checkpoints are ours to call (never
   inside a commit), since they take milliseconds.

   The lock is exclusive (locking_mode) and held from open to close, so a second router on the same folder is refused, and SQLite
   needs no shared memory.

   Tables: log (rows), known (settled identities, in the order of settling), meta. No index beyond the keys. What a table of rows
   costs SQLite is paid for each of its rows; therefore those of log and known are chunks: `number` to `last` of our rows side by
   side in one blob, as many as a transaction writes (the loop's side says where a chunk of the log ends). A chunk is written once
   and deleted as a whole. An item of a chunk of the log is a struct item and the body; `origin` is 0, or the number under which a
   row that compaction moved was first written: the order of replay. An item of a chunk of known is a struct known_item. They are
   in the machine's byte order: a journal belongs to its machine, and FORMAT tells.

   Errors: a full disk or quota rolls back and is told as ERR_FULL. Anything else sets `broken` for good: after a failed sync the
   page cache may lie, so nothing is tried again, not even the checkpoint that closing a database does by itself. */
#include "router/journal_db.h"

#include "base/clock.h"
#include "base/log.h"
#include "router/db.h"

#include <errno.h>
#include <fcntl.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define APPLICATION   0x4e617275 /* "Naru" */
#define FORMAT        2
#define WAL_LARGE     2048 /* pages of 8 KiB: checkpoint right after a commit */
#define WAL_WORTH_IT  128  /* pages: checkpoint in the first quiet moment */
#define FREE_WORTH_IT 2048 /* free pages: give them back when all is quiet */
#define VACUUM_PAGES  256
#define CHUNK_MOST    (512u << 20) /* SQLite takes a thousand million bytes */
#define QUIET_MS      5000u
#define BETWEEN_MS    20u

struct item {
    uint64_t number, origin;
    struct id id;
    uint32_t kind, n; /* n: bytes of the body, which follows */
};
struct known_item {
    uint64_t number, at;
    struct id id, ticket;
};

struct chunk {             /* being filled */
    uint64_t number, last; /* 0: empty */
    struct buf items;
};

struct journal_db {
    sqlite3 *db;
    sqlite3_stmt *begin, *commit, *op[OP_COUNT];
    struct chunk rows, known;
    int wal_pages;
    bool broken;
    char why[160];
};

static const char schema[] = "CREATE TABLE log (number INTEGER PRIMARY KEY, last INTEGER NOT NULL, items BLOB NOT NULL);"
                             "CREATE TABLE known (number INTEGER PRIMARY KEY, last INTEGER NOT NULL, items BLOB NOT NULL);"
                             "CREATE TABLE meta (key TEXT PRIMARY KEY, value BLOB NOT NULL) WITHOUT ROWID;";

static const char *const op_sql[OP_COUNT] = {
    [OP_ROW] = "INSERT INTO log VALUES (?1, ?2, ?3)", /* a chunk of rows, moved ones among them */
    [OP_SETTLE] = "INSERT INTO known VALUES (?1, ?2, ?3)",
    [OP_META] = "INSERT OR REPLACE INTO meta VALUES (?1, ?2)",
    [OP_MOVE] = "SELECT number, last, items FROM log WHERE number <= ?1 ORDER BY number DESC LIMIT 1",
    [OP_READ] = "SELECT number, last, items FROM log WHERE number <= ?1 ORDER BY number DESC LIMIT 1",
    [OP_CUT] = "DELETE FROM log WHERE number <= ?1 AND last <= ?1",
    [OP_FORGET] = "DELETE FROM known WHERE number <= ?1 AND last <= ?1",
};

/* ---- small helpers -------------------------------------------------------------------------------------------------- */

static int run(struct journal_db *d, const char *sql) { return sqlite3_exec(d->db, sql, NULL, NULL, NULL); }

static struct str column(sqlite3_stmt *s, int i)
{
    const char *p = sqlite3_column_blob(s, i); /* before the size: it may convert */
    return (struct str){ p, (size_t)sqlite3_column_bytes(s, i) };
}

/* The next item of a chunk's bytes, and its body; false behind the last. What does not fit is not ours to judge: it ends there. */
static bool next_item(struct str *items, struct item *item, struct str *body)
{
    if (items->n < sizeof *item) return false;
    memcpy(item, items->p, sizeof *item);
    if (item->n > items->n - sizeof *item) return false;
    *body = (struct str){ items->p + sizeof *item, item->n };
    items->p += sizeof *item + item->n;
    items->n -= sizeof *item + item->n;
    return true;
}

static bool disk_is_full(sqlite3 *db, int rc)
{
    int sys = sqlite3_system_errno(db);
    return (rc & 0xff) == SQLITE_FULL || (rc == SQLITE_IOERR_WRITE && (sys == ENOSPC || sys == EDQUOT));
}

static void set_broken(struct journal_db *d, int rc)
{
    d->broken = true;
    snprintf(d->why, sizeof d->why, "%s (%d), system error %d", sqlite3_errmsg(d->db), rc, sqlite3_system_errno(d->db));
}

static int on_wal(void *ctx, sqlite3 *db, const char *name, int pages)
{
    (void)db;
    (void)name;
    ((struct journal_db *)ctx)->wal_pages = pages;
    return SQLITE_OK;
}

/* ---- opening -------------------------------------------------------------------------------------------------------- */

/* Customers' words are in it: nobody else reads it. Only a file that is new is touched, since closing a descriptor of a file
   drops this process's locks on it. */
static void create_private(const char *path)
{
    int fd = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (fd >= 0) close(fd);
}

static enum err set_up(struct journal_db *d)
{
    static const char pragmas[] =
        "PRAGMA locking_mode=EXCLUSIVE; PRAGMA page_size=8192; PRAGMA auto_vacuum=INCREMENTAL; PRAGMA journal_mode=WAL; PRAGMA "
        "synchronous=FULL;"
        "PRAGMA wal_autocheckpoint=0; PRAGMA journal_size_limit=67108864; PRAGMA cache_size=-32768; PRAGMA temp_store=MEMORY;"
        "BEGIN EXCLUSIVE; COMMIT;";
    if (run(d, pragmas) != SQLITE_OK) return ERR_IO;
    if (db_ask(d->db, "SELECT journal_mode = 'wal' FROM pragma_journal_mode", 0)) return ERR_OK;
    log_error("the journal's file system does not take a write-ahead log; name a folder on a local disk");
    return ERR_VERSION;
}

static enum err check_format(struct journal_db *d, const char *path)
{
    int64_t format = db_ask(d->db, "PRAGMA user_version", -1), app = db_ask(d->db, "PRAGMA application_id", -1),
            tables = db_ask(d->db, "SELECT count(*) FROM sqlite_schema", -1);
    char sql[sizeof schema + 128];
    if (format == 0 && app == 0 && tables == 0) {
        snprintf(sql, sizeof sql, "BEGIN; %s PRAGMA application_id=%d; PRAGMA user_version=%d; COMMIT;", schema, APPLICATION,
                 FORMAT);
        return run(d, sql) == SQLITE_OK ? ERR_OK : ERR_IO;
    }
    if (app == APPLICATION && format == FORMAT) return ERR_OK;
    if (app == APPLICATION && format > FORMAT)
        log_error("journal=%s format=%lld is newer than this program's %d; use the newer naru", path, (long long)format, FORMAT);
    else if (app == APPLICATION)
        log_error("journal=%s format=%lld is older than this program's %d; let the older naru settle what is in it", path,
                  (long long)format, FORMAT);
    else log_error("journal=%s is another program's database or unreadable; name a folder of naru's own", path);
    return ERR_VERSION;
}

static enum err prepare(struct journal_db *d)
{
    int rc = sqlite3_prepare_v3(d->db, "BEGIN IMMEDIATE", -1, SQLITE_PREPARE_PERSISTENT, &d->begin, NULL);
    if (!rc) rc = sqlite3_prepare_v3(d->db, "COMMIT", -1, SQLITE_PREPARE_PERSISTENT, &d->commit, NULL);
    for (int i = 0; i < OP_COUNT && !rc; i++)
        rc = sqlite3_prepare_v3(d->db, op_sql[i], -1, SQLITE_PREPARE_PERSISTENT, &d->op[i], NULL);
    return rc ? ERR_IO : ERR_OK;
}

static void say_why(struct journal_db *d, const char *path)
{
    int rc = sqlite3_extended_errcode(d->db);
    const char *hint = (rc & 0xff) == SQLITE_BUSY       ? "another process has it open; stop that one first"
                       : (rc & 0xff) == SQLITE_FULL     ? "no space left; make room"
                       : (rc & 0xff) == SQLITE_CANTOPEN ? "see that its folder exists and may be written"
                       : (rc & 0xff) == SQLITE_READONLY ? "it may not be written; see its owner and mode"
                       : (rc & 0xff) == SQLITE_NOTADB   ? "it is not a journal; name another folder"
                                                        : "see the disk's health";
    log_error("journal=%s does not open: %s (%d), system error %d; %s", path, sqlite3_errmsg(d->db), rc,
              sqlite3_system_errno(d->db), hint);
}

enum err journal_db_open(struct journal_db **out, const char *path)
{
    enum err e = ERR_NOMEM;
    struct journal_db *d = calloc(1, sizeof *d);
    if (!d) goto out;
    buf_init(&d->rows.items, CHUNK_MOST);
    buf_init(&d->known.items, CHUNK_MOST);
    create_private(path);
    sqlite3_config(SQLITE_CONFIG_MEMSTATUS, 0); /* counting its memory costs a lock an allocation; too late is no fault */
    e = ERR_IO;
    if (sqlite3_open_v2(path, &d->db, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX, NULL) != SQLITE_OK)
        goto out;
    sqlite3_extended_result_codes(d->db, 1);
    e = set_up(d);
    sqlite3_wal_hook(d->db, on_wal, d); /* after set_up: the pragma about checkpoints takes a hook away */
    if (!e) e = check_format(d, path);
    if (!e) e = prepare(d);
    if (!e) {
        *out = d;
        d = NULL;
    }
out:
    if (d && d->db && e != ERR_VERSION) say_why(d, path);
    journal_db_close(d);
    return e == ERR_VERSION ? ERR_IO : e;
}

/* ---- reading at start ----------------------------------------------------------------------------------------------- */

typedef enum err row_fn(void *ctx, sqlite3_stmt *s);

static enum err each(struct journal_db *d, const char *sql, row_fn *fn, void *ctx)
{
    sqlite3_stmt *s = NULL;
    enum err e = ERR_OK;
    int rc = sqlite3_prepare_v2(d->db, sql, -1, &s, NULL);
    while (!rc && !e && (rc = sqlite3_step(s)) == SQLITE_ROW) {
        e = fn(ctx, s);
        rc = SQLITE_OK;
    }
    if (!e && rc != SQLITE_DONE) {
        log_error("the journal cannot be read: %s (%d); see the disk's health", sqlite3_errmsg(d->db), rc);
        e = ERR_IO;
    }
    sqlite3_finalize(s);
    return e;
}

static enum err on_meta(void *ctx, sqlite3_stmt *s)
{
    const struct journal_db_visit *v = ctx;
    return v->meta(v->ctx, column(s, 0), column(s, 1));
}

static enum err on_known(void *ctx, sqlite3_stmt *s)
{
    const struct journal_db_visit *v = ctx;
    struct str items = column(s, 0);
    struct known_item k;
    enum err e = ERR_OK;
    for (; !e && items.n >= sizeof k; items.p += sizeof k, items.n -= sizeof k) {
        memcpy(&k, items.p, sizeof k);
        e = v->known(v->ctx, k.number, k.at, &k.id, &k.ticket);
    }
    return e;
}

struct place { /* where a row stands that was moved, by the order of first writing */
    uint64_t origin, number;
};
struct scan {
    const struct journal_db_visit *v;
    struct place *moved;
    size_t count, room;
};

static enum err note_moved(struct scan *sc, const struct item *it)
{
    if (sc->count == sc->room) {
        size_t room = sc->room ? sc->room * 2 : 4096;
        struct place *p = realloc(sc->moved, room * sizeof *p);
        if (!p) return ERR_NOMEM;
        sc->moved = p;
        sc->room = room;
    }
    sc->moved[sc->count++] = (struct place){ it->origin, it->number };
    return ERR_OK;
}

static enum err on_chunk_seen(void *ctx, sqlite3_stmt *s)
{
    struct scan *sc = ctx;
    struct str items = column(s, 0), body;
    struct item it;
    enum err e = ERR_OK;
    while (!e && next_item(&items, &it, &body)) {
        if (it.origin) e = note_moved(sc, &it);
        if (!e) e = sc->v->seen(sc->v->ctx, it.number, it.kind, &it.id, items.n == 0);
    }
    return e;
}

static enum err on_chunk_rows(void *ctx, sqlite3_stmt *s)
{
    const struct journal_db_visit *v = ctx;
    struct str items = column(s, 0), body;
    struct item it;
    enum err e = ERR_OK;
    while (!e && next_item(&items, &it, &body)) {
        if (!it.origin) e = v->row(v->ctx, it.number, it.kind, &it.id, body);
    }
    return e;
}

static int by_origin(const void *a, const void *b)
{
    const struct place *x = a, *y = b;
    return (x->origin > y->origin) - (x->origin < y->origin);
}

/* The row `number` in the chunk that the statement stands on, or in another one that it then stands on. */
static int find_item(sqlite3_stmt *s, uint64_t number, struct item *it, struct str *body)
{
    if (!sqlite3_stmt_busy(s) || (uint64_t)sqlite3_column_int64(s, 0) > number || (uint64_t)sqlite3_column_int64(s, 1) < number) {
        sqlite3_reset(s);
        sqlite3_bind_int64(s, 1, (int64_t)number);
        int rc = sqlite3_step(s);
        if (rc != SQLITE_ROW) return rc == SQLITE_DONE ? SQLITE_NOTFOUND : rc;
    }
    struct str items = column(s, 2);
    while (next_item(&items, it, body)) {
        if (it->number == number) return SQLITE_OK;
    }
    return SQLITE_NOTFOUND;
}

/* Rows that compaction moved stand behind younger ones. Whatever was moved is older than all that was not. */
static enum err load_moved(struct journal_db *d, const struct scan *sc)
{
    enum err e = ERR_OK;
    if (sc->count) qsort(sc->moved, sc->count, sizeof *sc->moved, by_origin);
    for (size_t i = 0; i < sc->count && !e; i++) {
        struct item it;
        struct str body;
        int rc = find_item(d->op[OP_MOVE], sc->moved[i].number, &it, &body);
        if (rc) log_error("the journal cannot be read: %s (%d); see the disk's health", sqlite3_errmsg(d->db), rc);
        e = rc ? ERR_IO : sc->v->row(sc->v->ctx, it.number, it.kind, &it.id, body);
    }
    sqlite3_reset(d->op[OP_MOVE]);
    return e;
}

enum err journal_db_load(struct journal_db *d, const struct journal_db_visit *v)
{
    struct scan sc = { .v = v };
    enum err e = each(d, "SELECT key, value FROM meta", on_meta, (void *)v);
    if (!e) e = each(d, "SELECT items FROM known ORDER BY number", on_known, (void *)v);
    if (!e) e = each(d, "SELECT items FROM log ORDER BY number", on_chunk_seen, &sc);
    if (!e) e = load_moved(d, &sc);
    if (!e) e = each(d, "SELECT items FROM log ORDER BY number", on_chunk_rows, (void *)v);
    free(sc.moved);
    return e;
}

/* ---- operations ----------------------------------------------------------------------------------------------------- */

static void chunk_add(struct chunk *c, uint64_t number, const void *item, size_t n, struct str body)
{
    if (!c->number) c->number = number;
    c->last = number;
    buf_add(&c->items, item, n);
    buf_addstr(&c->items, body);
}

static int chunk_write(struct chunk *c, sqlite3_stmt *s)
{
    if (!c->number) return SQLITE_OK;
    if (c->items.err) return SQLITE_NOMEM;
    sqlite3_bind_int64(s, 1, (int64_t)c->number);
    sqlite3_bind_int64(s, 2, (int64_t)c->last);
    sqlite3_bind_blob(s, 3, c->items.p, (int)c->items.n, SQLITE_STATIC);
    int rc = db_step(s);
    c->number = 0;
    buf_clear(&c->items);
    return rc;
}

static int add_row(struct journal_db *d, const struct op *op, uint64_t origin, struct str body)
{
    const struct item it = { op->number, origin, op->id, op->kind, (uint32_t)body.n };
    chunk_add(&d->rows, op->number, &it, sizeof it, body);
    return op->ends ? chunk_write(&d->rows, d->op[OP_ROW]) : SQLITE_OK;
}

static int op_row(struct journal_db *d, struct batch *b, struct op *op) { return add_row(d, op, 0, batch_bytes(b, op)); }

/* A copy; the old one goes with its chunk. */
static int op_move(struct journal_db *d, struct batch *b, struct op *op)
{
    struct item it;
    struct str body;
    (void)b;
    int rc = find_item(d->op[OP_MOVE], op->from, &it, &body);
    return rc ? rc : add_row(d, op, it.origin ? it.origin : it.number, body);
}

static int op_read(struct journal_db *d, struct batch *b, struct op *op)
{
    struct item it;
    struct str body;
    int rc = find_item(d->op[OP_READ], op->from, &it, &body);
    if (rc) return rc == SQLITE_NOTFOUND ? SQLITE_OK : rc;
    op->at = b->read.n;
    op->len = it.n;
    op->found = buf_reserve(&b->read, it.n) != NULL; /* no room: as if it were not there */
    if (op->found) buf_addstr(&b->read, body);
    return SQLITE_OK;
}

static int op_settle(struct journal_db *d, struct batch *b, struct op *op)
{
    struct settle_bytes sb;
    memcpy(&sb, b->bytes.p + op->at, sizeof sb);
    const struct known_item it = { op->number, sb.at, op->id, sb.ticket };
    chunk_add(&d->known, op->number, &it, sizeof it, STR_NONE);
    return SQLITE_OK;
}

static int op_meta(struct journal_db *d, struct batch *b, struct op *op)
{
    sqlite3_stmt *s = d->op[OP_META];
    const char *p = b->bytes.p + op->at;
    sqlite3_bind_text(s, 1, p, (int)op->number, SQLITE_STATIC);
    sqlite3_bind_blob(s, 2, p + op->number, (int)(op->len - op->number), SQLITE_STATIC);
    return db_step(s);
}

static int delete_up_to(sqlite3_stmt *s, const struct op *op)
{
    sqlite3_bind_int64(s, 1, (int64_t)op->number);
    return db_step(s);
}

static int op_cut(struct journal_db *d, struct batch *b, struct op *op)
{
    (void)b;
    sqlite3_reset(d->op[OP_MOVE]); /* they may stand on what is cut */
    sqlite3_reset(d->op[OP_READ]);
    return delete_up_to(d->op[OP_CUT], op);
}

static int op_forget(struct journal_db *d, struct batch *b, struct op *op)
{
    (void)b;
    return delete_up_to(d->op[OP_FORGET], op);
}

#define OP_ROW_OF_TABLE(id, fn) [OP_##id] = fn,
static int (*const op_fn[OP_COUNT])(struct journal_db *d, struct batch *b, struct op *op) = { OP_MAP(OP_ROW_OF_TABLE) };

/* ---- transactions --------------------------------------------------------------------------------------------------- */

static int carry_out(struct journal_db *d, struct batch *b)
{
    d->rows.number = d->known.number = 0; /* a batch that failed left something */
    buf_clear(&d->rows.items);
    buf_clear(&d->known.items);
    int rc = db_step(d->begin);
    for (size_t i = 0; i < b->count && !rc; i++) rc = op_fn[b->ops[i].type](d, b, &b->ops[i]);
    sqlite3_reset(d->op[OP_MOVE]);
    sqlite3_reset(d->op[OP_READ]);
    if (!rc) rc = chunk_write(&d->rows, d->op[OP_ROW]);
    if (!rc) rc = chunk_write(&d->known, d->op[OP_SETTLE]);
    return rc ? rc : db_step(d->commit);
}

/* Is there room for 64 KiB? Written in one transaction and taken back in another, since pages that a transaction frees itself
   never reach the disk. */
static int probe(struct journal_db *d)
{
    int rc = run(d, "BEGIN IMMEDIATE; INSERT OR REPLACE INTO meta VALUES ('room', zeroblob(65536)); COMMIT;");
    return rc ? rc : run(d, "DELETE FROM meta WHERE key = 'room'");
}

static void checkpoint(struct journal_db *d, int mode)
{
    int frames = 0, done = 0;
    if (d->broken) return;
    int rc = sqlite3_wal_checkpoint_v2(d->db, NULL, mode, &frames, &done);
    if (rc == SQLITE_OK) d->wal_pages = frames - done;
    else if ((rc & 0xff) != SQLITE_BUSY && !disk_is_full(d->db, rc)) set_broken(d, rc);
}

/* What a transaction's end means. */
static enum err judge(struct journal_db *d, int rc)
{
    if (rc == SQLITE_OK) return ERR_OK;
    if (!disk_is_full(d->db, rc)) {
        set_broken(d, rc);
        return ERR_IO;
    }
    if (!sqlite3_get_autocommit(d->db) && (rc = run(d, "ROLLBACK"))) {
        set_broken(d, rc);
        return ERR_IO;
    }
    checkpoint(d, SQLITE_CHECKPOINT_TRUNCATE); /* the WAL itself may be what fills the disk */
    return d->broken ? ERR_IO : ERR_FULL;
}

void journal_db_commit(struct journal_db *d, struct batch *b)
{
    uint64_t from = clock_mono_us();
    b->result = d->broken ? ERR_IO : judge(d, b->probe ? probe(d) : carry_out(d, b));
    if (d->broken) snprintf(b->why, sizeof b->why, "%s", d->why);
    b->took_us = clock_mono_us() - from;
}

void journal_db_after(struct journal_db *d)
{
    if (d->wal_pages > WAL_LARGE) checkpoint(d, SQLITE_CHECKPOINT_PASSIVE);
}

static bool give_back_pages(struct journal_db *d)
{
    char sql[64];
    if (db_ask(d->db, "PRAGMA freelist_count", 0) < FREE_WORTH_IT) return false;
    snprintf(sql, sizeof sql, "PRAGMA incremental_vacuum(%d)", VACUUM_PAGES);
    int rc = run(d, sql);
    if (rc && !disk_is_full(d->db, rc)) set_broken(d, rc);
    return !rc;
}

unsigned journal_db_idle(struct journal_db *d, unsigned step)
{
    if (d->broken) return 0;
    if (step == 0) {
        if (d->wal_pages > WAL_WORTH_IT) checkpoint(d, SQLITE_CHECKPOINT_PASSIVE);
        return QUIET_MS;
    }
    bool more = give_back_pages(d);
    if (!d->broken && d->wal_pages > 0 && (!more || d->wal_pages > WAL_LARGE)) checkpoint(d, SQLITE_CHECKPOINT_PASSIVE);
    return more && !d->broken ? BETWEEN_MS : 0;
}

const char *journal_db_broken(const struct journal_db *d) { return d->broken ? d->why : NULL; }

void journal_db_close(struct journal_db *d)
{
    if (!d) return;
    sqlite3_finalize(d->begin);
    sqlite3_finalize(d->commit);
    for (int i = 0; i < OP_COUNT; i++) sqlite3_finalize(d->op[i]);
    if (d->broken && d->db) sqlite3_db_config(d->db, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, NULL);
    sqlite3_close(d->db);
    buf_fini(&d->rows.items);
    buf_fini(&d->known.items);
    free(d);
}
