/* What comes into a simulation, whoever tells it: a trace, drawn arrivals, or recorded tickets. Times are milliseconds since the
   simulation's begin (policy.h, simulate.from). */
#ifndef NARU_SIMULATE_ARRIVAL_H
#define NARU_SIMULATE_ARRIVAL_H

#include "config/policy.h"

#define SIM_ID_MAX   64u             /* bytes of an id */
#define SIM_TIME_MAX 315360000000ull /* ms: ten years; later times, longer works and patiences are refused as absurd */
#define SIM_FOR_EVER UINT64_MAX      /* patience of who waits until they are served */

struct arrival {
    char id[SIM_ID_MAX + 1]; /* unique in a run */
    uint32_t class;          /* index into simulate.classes of the policy that the source was opened with */
    uint64_t at, work, patience;
};

/* Arrivals in the order of their time; those of one instant in the order of their ids (numbers by their value, before texts). The
   same source gives the same bytes whatever policy it is played to: what is random in it comes from its own seed. */
struct source {
    /* ERR_OK: *out is the next one. ERR_NOTFOUND: there are no more. Otherwise `why` is a sentence with the place. */
    enum err (*next)(struct source *s, struct arrival *out);
    void (*close)(struct source *s); /* frees all of it */
    bool random;                     /* something that it gave was drawn: another seed gives others. Set as it is read */
    char why[512];
};
/* <0, 0, >0: numbers (digits alone, however many) by their value, before texts; the rest by their bytes. */
int sim_id_cmp(const char *a, const char *b);
static inline enum err source_next(struct source *s, struct arrival *out) { return s->next(s, out); }
static inline void source_close(struct source *s) /* NULL is fine */
{
    if (s) s->close(s);
}

/* When who is there: agents come and go by a roster, or are there from the begin to the end (within their shifts). */
struct duty {
    char agent[129];
    uint64_t from, to; /* from < to */
};
struct duties { /* sorted by from; of one agent they do not overlap */
    struct duty *v;
    uint32_t count;
    bool given; /* false: everybody is there all the time */
};

#endif
