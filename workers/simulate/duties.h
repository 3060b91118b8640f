/* A roster: who is on duty when, out of a CSV file with the header agent,from_ms,to_ms (any order, further columns ignored; the
   form of trace.h's files). Rows stand in any order. An agent without a row is never there. */
#ifndef NARU_SIMULATE_DUTIES_H
#define NARU_SIMULATE_DUTIES_H

#include "workers/simulate/arrival.h"

#define DUTIES_MAX 1000000u /* rows */

/* Reads all of it. ERR_OK: duties_fini is due, out->given is set. ERR_IO, ERR_USAGE (an agent that `p` does not name, a duty that
   does not end after its begin, two of one agent that overlap, no number), ERR_FULL, ERR_NOMEM: nothing to free, and `why` is a
   sentence that begins "file:" or "file:line:". */
enum err duties_load(struct duties *out, const char *path, const struct policy *p, char why[512]);
void duties_fini(struct duties *d); /* a zeroed or finished one is fine */

#endif
