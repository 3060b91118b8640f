/* What the files on SQLite have in common. The thread that works on one is journal_thread.h's. */
#ifndef NARU_ROUTER_DB_H
#define NARU_ROUTER_DB_H

#include <sqlite3.h>
#include <stdint.h>

/* Carries a statement out that gives no rows, or whose first row was all that counts, and makes it ready for the next time.
   SQLITE_OK, or SQLite's code. */
int db_step(sqlite3_stmt *s);
/* The first column of the first row; `otherwise` when there is none or on an error. */
int64_t db_ask(sqlite3 *db, const char *sql, int64_t otherwise);

#endif
