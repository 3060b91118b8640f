/* A trace: arrivals out of a CSV file, read row by row in bounded memory. The header names the columns id, arrival_ms, class,
   work_ms and patience_ms in any order, further columns are ignored; quoting as RFC 4180 has it, UTF-8 with or without a byte order
   mark, LF or CRLF. Rows stand in the order of their arrival_ms. An empty work_ms is drawn from the class's `work`; an empty
   patience_ms waits for ever, whatever the class says. */
#ifndef NARU_SIMULATE_TRACE_H
#define NARU_SIMULATE_TRACE_H

#include "workers/simulate/arrival.h"

#define TRACE_ROWS_MAX    20000000u /* ids are compared with all before: 8 bytes a slot, 134 MB at 10 million rows, 268 MB at most */
#define TRACE_INSTANT_MAX 1000000u  /* rows of one arrival_ms: as many as may wait in a workspace at once */

struct trace_cfg {
    const char *path;                   /* borrowed until the source is closed */
    const struct simulate_rules *rules; /* whose classes the arrivals are numbered by; borrowed likewise */
    uint64_t seed;                      /* of what is drawn … */
    uint32_t replication;               /* … anew in each */
};
/* Opens the file and reads its header. ERR_OK: the caller owns *out (source_close). ERR_IO, ERR_USAGE (what the file says),
   ERR_NOMEM, with a sentence in `why` that begins "file:" or "file:line:". The source's `next` gives the same of rows: ERR_USAGE,
   ERR_IO, ERR_FULL (a bound above), and after any of them ERR_NOTFOUND. */
enum err trace_open(struct source **out, const struct trace_cfg *cfg, char why[512]);

#endif
