/* The table of corrections: what people said a ticket should have been judged. It lies in history.db and is used on history's
   thread alone; history.h has the functions for others. */
#ifndef NARU_ROUTER_FEEDBACK_DB_H
#define NARU_ROUTER_FEEDBACK_DB_H

#include "base/buf.h"
#include "base/id.h"

#include <stdatomic.h>

struct sqlite3;
struct sqlite3_stmt;

/* One correction; texts borrowed. A later one of the same ticket, person and source takes the place of an earlier one. */
struct feedback_row {
    struct id ticket;
    uint64_t at; /* wall ms */
    struct str workspace;
    struct str who;    /* an agent's name, or the subject of the token */
    struct str source; /* "agent", "supervisor", "operator", "transfer" */
    struct str said;   /* the correction: a JSON object */
    struct str about;  /* what was known of the ticket then: a JSON object */
};
struct feedback_query {
    struct str workspace;
    uint64_t since; /* wall ms; 0: from the beginning */
    uint64_t after; /* the number of a row; 0: none */
    uint32_t limit;
};

enum feedback_statement { FB_FORGET, FB_PUT, FB_CROWD, FB_EXPIRE, FB_LIST, FB_OF, FB_COUNT, FB_STATEMENTS };
struct feedback_db {
    struct sqlite3 *db;
    struct sqlite3_stmt *st[FB_STATEMENTS];
    uint64_t keep_rows, keep_ms;              /* 0: no bound */
    _Atomic uint64_t rows, too_many, too_old; /* there now; gone since somebody last asked */
};

extern const char feedback_db_schema[]; /* the statements that make the table */

/* The functions below give SQLite's codes (0: good) where they write, so that a transaction of the caller can go on or back. */
int feedback_db_open(struct feedback_db *f, struct sqlite3 *db, uint64_t keep_rows, uint64_t keep_ms);
void feedback_db_close(struct feedback_db *f); /* a zeroed one is fine */
int feedback_db_put(struct feedback_db *f, const struct feedback_row *row);
int feedback_db_recount(struct feedback_db *f); /* after a transaction was taken back */
/* A few hundred of those that are too old. Gives how many they were, or -1. */
int feedback_db_expire(struct feedback_db *f, uint64_t now_wall_ms);
/* {"feedback": [{"number", "ticket", …said, …about}], "next": "12"}: rising numbers; `next` when there are more. ERR_IO. */
enum err feedback_db_list(struct feedback_db *f, const struct feedback_query *q, struct buf *out);
/* [{"number", …said}] of one ticket, the oldest first, at most 100. ERR_IO. */
enum err feedback_db_of(struct feedback_db *f, const struct id *ticket, struct buf *out);

#endif
