/* Corrections are few, written by people, and read rarely: to be shown with a ticket, and all of them to learn from. So every put
   is durable with its transaction, numbers rise for ever (who read up to a number misses nothing that comes later, a replaced
   correction among it), and two JSON objects a row are kept as they are told: `said`, the correction, and `about`, the text and the
   verdict it is about.

   Bounded twice: by rows at every put, by age when there is nothing else to do. What goes is the oldest, and it is counted. */
#include "router/feedback_db.h"

#include "router/db.h"

#include <sqlite3.h>
#include <stdio.h>

#define EXPIRE_ROWS 200
#define LIST_BYTES  (4u << 20) /* an answer stops there; `next` goes on */

const char feedback_db_schema[] =
    "CREATE TABLE feedback (number INTEGER PRIMARY KEY AUTOINCREMENT, at INTEGER NOT NULL, workspace TEXT NOT NULL,"
    " ticket BLOB NOT NULL, who TEXT NOT NULL, source TEXT NOT NULL, said TEXT NOT NULL, about TEXT NOT NULL);"
    "CREATE UNIQUE INDEX feedback_of ON feedback (ticket, who, source);"
    "CREATE INDEX feedback_in ON feedback (workspace, number, at);";

static const char *const sql[FB_STATEMENTS] = {
    [FB_FORGET] = "DELETE FROM feedback WHERE ticket = ?1 AND who = ?2 AND source = ?3",
    [FB_PUT] = "INSERT INTO feedback VALUES (NULL, ?1, ?2, ?3, ?4, ?5, ?6, ?7)",
    [FB_CROWD] = "DELETE FROM feedback WHERE number IN (SELECT number FROM feedback ORDER BY number LIMIT ?1)",
    [FB_EXPIRE] = "DELETE FROM feedback WHERE number IN (SELECT number FROM feedback ORDER BY number LIMIT 200) AND at < ?1",
    [FB_LIST] =
        "SELECT number, said, about FROM feedback WHERE workspace = ?1 AND number > ?2 AND at >= ?3 ORDER BY number LIMIT ?4",
    [FB_OF] = "SELECT number, said FROM feedback WHERE ticket = ?1 ORDER BY number LIMIT 100",
    [FB_COUNT] = "SELECT count(*) FROM feedback",
};

static void bind_text(sqlite3_stmt *s, int i, struct str t) { sqlite3_bind_text(s, i, t.n ? t.p : "", (int)t.n, SQLITE_STATIC); }
static void bind_id(sqlite3_stmt *s, int i, const struct id *id) { sqlite3_bind_blob(s, i, id->b, sizeof id->b, SQLITE_STATIC); }
static struct str column(sqlite3_stmt *s, int i)
{
    const void *p = sqlite3_column_text(s, i);
    return (struct str){ p, (size_t)sqlite3_column_bytes(s, i) };
}

int feedback_db_recount(struct feedback_db *f)
{
    int rc = sqlite3_step(f->st[FB_COUNT]);
    if (rc == SQLITE_ROW) f->rows = (uint64_t)sqlite3_column_int64(f->st[FB_COUNT], 0);
    sqlite3_reset(f->st[FB_COUNT]);
    return rc == SQLITE_ROW ? SQLITE_OK : rc;
}

int feedback_db_open(struct feedback_db *f, sqlite3 *db, uint64_t keep_rows, uint64_t keep_ms)
{
    int rc = SQLITE_OK;
    f->db = db;
    f->keep_rows = keep_rows;
    f->keep_ms = keep_ms;
    for (int i = 0; i < FB_STATEMENTS && !rc; i++)
        rc = sqlite3_prepare_v3(db, sql[i], -1, SQLITE_PREPARE_PERSISTENT, &f->st[i], NULL);
    return rc ? rc : feedback_db_recount(f);
}

void feedback_db_close(struct feedback_db *f)
{
    for (int i = 0; i < FB_STATEMENTS; i++) {
        sqlite3_finalize(f->st[i]);
        f->st[i] = NULL;
    }
}

/* Drops the oldest beyond the bound: one as a rule, more after the bound was lowered. */
static int crowd_out(struct feedback_db *f)
{
    if (!f->keep_rows || f->rows <= f->keep_rows) return SQLITE_OK;
    sqlite3_bind_int64(f->st[FB_CROWD], 1, (int64_t)(f->rows - f->keep_rows));
    int rc = db_step(f->st[FB_CROWD]);
    if (rc) return rc;
    f->rows -= (uint64_t)sqlite3_changes(f->db);
    f->too_many += (uint64_t)sqlite3_changes(f->db);
    return SQLITE_OK;
}

int feedback_db_put(struct feedback_db *f, const struct feedback_row *row)
{
    sqlite3_stmt *forget = f->st[FB_FORGET], *s = f->st[FB_PUT];
    bind_id(forget, 1, &row->ticket);
    bind_text(forget, 2, row->who);
    bind_text(forget, 3, row->source);
    int rc = db_step(forget);
    if (rc) return rc;
    f->rows -= (uint64_t)sqlite3_changes(f->db);
    sqlite3_bind_int64(s, 1, (int64_t)row->at);
    bind_text(s, 2, row->workspace);
    bind_id(s, 3, &row->ticket);
    bind_text(s, 4, row->who);
    bind_text(s, 5, row->source);
    bind_text(s, 6, row->said);
    bind_text(s, 7, row->about);
    rc = db_step(s);
    if (rc) return rc;
    f->rows++;
    return crowd_out(f);
}

int feedback_db_expire(struct feedback_db *f, uint64_t now)
{
    if (!f->keep_ms || now < f->keep_ms || !f->rows) return 0;
    sqlite3_bind_int64(f->st[FB_EXPIRE], 1, (int64_t)(now - f->keep_ms));
    if (db_step(f->st[FB_EXPIRE])) return -1;
    int gone = sqlite3_changes(f->db);
    f->rows -= (uint64_t)gone;
    f->too_old += (uint64_t)gone;
    return gone;
}

/* The members of a JSON object that is told as part of another, with the comma before them. */
static void members(struct buf *out, struct str object)
{
    if (object.n <= 2) return;
    buf_addc(out, ',');
    buf_add(out, object.p + 1, object.n - 2);
}

enum err feedback_db_list(struct feedback_db *f, const struct feedback_query *q, struct buf *out)
{
    sqlite3_stmt *s = f->st[FB_LIST];
    uint64_t last = q->after, n = 0;
    size_t from = out->n;
    int rc;
    bind_text(s, 1, q->workspace);
    sqlite3_bind_int64(s, 2, (int64_t)q->after);
    sqlite3_bind_int64(s, 3, (int64_t)q->since);
    sqlite3_bind_int64(s, 4, (int64_t)q->limit + 1);
    buf_addz(out, "{\"feedback\":[");
    for (; (rc = sqlite3_step(s)) == SQLITE_ROW && n < q->limit && out->n - from < LIST_BYTES; n++) {
        last = (uint64_t)sqlite3_column_int64(s, 0);
        buf_addz(out, n ? ",{\"number\":" : "{\"number\":");
        buf_addu(out, last);
        members(out, column(s, 1));
        members(out, column(s, 2));
        buf_addc(out, '}');
    }
    buf_addc(out, ']');
    if (rc == SQLITE_ROW) buf_addf(out, ",\"next\":\"%llu\"", (unsigned long long)last);
    buf_addc(out, '}');
    sqlite3_reset(s);
    return rc == SQLITE_ROW || rc == SQLITE_DONE ? ERR_OK : ERR_IO;
}

enum err feedback_db_of(struct feedback_db *f, const struct id *ticket, struct buf *out)
{
    sqlite3_stmt *s = f->st[FB_OF];
    int rc;
    bind_id(s, 1, ticket);
    buf_addc(out, '[');
    for (unsigned n = 0; (rc = sqlite3_step(s)) == SQLITE_ROW; n++) {
        buf_addf(out, "%s{\"number\":%lld", n ? "," : "", (long long)sqlite3_column_int64(s, 0));
        members(out, column(s, 1));
        buf_addc(out, '}');
    }
    buf_addc(out, ']');
    sqlite3_reset(s);
    return rc == SQLITE_DONE ? ERR_OK : ERR_IO;
}
