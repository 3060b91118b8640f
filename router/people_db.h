/* customers.db: what people.h keeps, on disk, with a thread of its own. Written behind; read once, at start. */
#ifndef NARU_ROUTER_PEOPLE_DB_H
#define NARU_ROUTER_PEOPLE_DB_H

#include "base/id.h"

#include <uv.h>

struct people_db;
typedef void people_db_fn(void *ctx, enum err e); /* ERR_OK: durable. ERR_FULL, ERR_IO: not written; ERR_CLOSED */
/* Opens or creates, and tells every row, oldest statement first, with `row`. Those forgotten before `forget` (wall ms) are deleted
   in place of that. ERR_IO with a log line that says why. */
enum err people_db_open(struct people_db **out, uv_loop_t *loop, const char *path, uint64_t forget,
                        void (*row)(void *ctx, const struct id *key, uint64_t at, struct str packed), void *ctx);
/* Copies the row; an empty one says that the customer was forgotten. `fn` (may be NULL) once, in order. ERR_FULL: too much waits.
 */
enum err people_db_put(struct people_db *db, const struct id *key, uint64_t at, struct str packed, people_db_fn *fn, void *ctx);
/* Writes what waits, frees itself later in the loop; then calls `done`. */
void people_db_close(struct people_db *db, void (*done)(void *ctx), void *ctx);

#endif
