/* Arrivals as a file tells them, in place of a trace: how many of which class come at which time of day. Read with the rows and the
   binder of policies, so mistakes are told with line, column, key and the nearest valid word.

     naru: 1
     from: 2026-03-02 08:00        # optional, over the policy's `simulate.from`
     for: 10h
     warm-up: 1h                   # the first hour of those: played, not reported
     classes:
       billing: { rate: 200/h }
       chat:    { rate: { "08:00": 20/h, "09:00": 120/h, "18:00": 0/h }, work: { exponential: 5m }, patience: 3m } */
#ifndef NARU_CONFIG_ARRIVALS_H
#define NARU_CONFIG_ARRIVALS_H

#include "config/policy.h"

struct rate_part { /* from `minute` of the day (0..1439, policy's time zone) until the next part, over midnight */
    uint32_t minute;
    double per_ms; /* arrivals a millisecond; 0: none */
};
struct rates {
    struct rate_part *v; /* sorted by minute, no two alike; a single one holds all day */
    uint32_t count;      /* at least 1 */
};
struct arrival_class {
    const char *name;
    uint32_t class; /* index into simulate.classes of the policy it was read for; no two alike */
    struct rates rate;
    struct dist work;     /* what the file says, else the policy's section: never DIST_NONE */
    struct dist patience; /* likewise; DIST_NONE: waits for ever */
    uint32_t line;
};
struct arrivals {        /* immutable once loaded */
    uint64_t from;       /* wall ms of arrival_ms 0 */
    uint64_t for_ms;     /* nobody comes at or after this; 1 s .. 400 d */
    uint64_t warm_up_ms; /* who came before this is not reported; less than for_ms */
    struct arrival_class *classes;
    uint32_t class_count; /* at least 1 */
    struct arena *mem;    /* all of it, this struct too */
};

/* Reads and checks all of it for the classes and the time zone of `p`, which need not outlive it. On ERR_OK the caller owns *out;
   ERR_YAML or ERR_POLICY with errors in `f` (may be NULL); ERR_NOMEM, ERR_INTERNAL (no time-zone data). */
enum err arrivals_load(struct arrivals **out, struct str yaml, const struct policy *p, struct findings *f);
/* The same from a file; ERR_IO when it cannot be read, ERR_TOOBIG beyond LIM_YAML_BYTES. */
enum err arrivals_load_file(struct arrivals **out, const char *path, const struct policy *p, struct findings *f);
void arrivals_free(struct arrivals *a); /* NULL is fine */

#endif
