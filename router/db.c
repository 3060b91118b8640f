#include "router/db.h"

#include <stddef.h>

int db_step(sqlite3_stmt *s)
{
    int rc = sqlite3_step(s), reset = sqlite3_reset(s);
    return rc == SQLITE_DONE || rc == SQLITE_ROW ? reset : rc;
}

int64_t db_ask(sqlite3 *db, const char *sql, int64_t otherwise)
{
    sqlite3_stmt *s = NULL;
    if (sqlite3_prepare_v2(db, sql, -1, &s, NULL) == SQLITE_OK && sqlite3_step(s) == SQLITE_ROW)
        otherwise = sqlite3_column_int64(s, 0);
    sqlite3_finalize(s);
    return otherwise;
}
