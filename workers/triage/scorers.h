/* External scorers: who is there, what they are asked, which event waits for which answer until when. Pure: time is handed in
   (`now`: monotonic milliseconds, never going back), questions and events leave through callbacks. Bounded: beyond its caps an
   event is not asked about, and its stages are ours at once.

   A stage of an event is asked of one scorer, once: the one with the fewest questions unanswered among those that answer the stage
   for the workspace, in turn among equals. While none of them has room (credit, at_once) it waits here for half of its time, so
   that whoever takes it has the other half. Who misses SCORERS_MISSES deadlines in a row is left alone for SCORERS_PAUSE_MS, and
   then gets one question at a time until it answers one in time. Everything that does not come to an answer is counted by cause in
   MET_SCORER_FALLBACK:
     none    no scorer for this stage and workspace      late     the deadline passed
     paused  all of them are left alone                  broken   what came is no answer (scored_check)
     busy    none had room in half of the time           error    the scorer says that it cannot
     full    the caps of this table                      down     the scorer went away */
#ifndef NARU_WORKERS_TRIAGE_SCORERS_H
#define NARU_WORKERS_TRIAGE_SCORERS_H

#include "workers/triage/given.h"

#define SCORERS_MAX      64u         /* processes */
#define SCORERS_EVENTS   16384u      /* events waiting for answers */
#define SCORERS_BYTES    (64u << 20) /* … and their bytes */
#define SCORERS_MISSES   5u
#define SCORERS_PAUSE_MS 10000u

struct scorers;
struct shown {                 /* an event as scorers are shown it */
    struct str language, text; /* the language so far; the customer's own words, at most LIM_SCORE_TEXT */
};
struct scorers_cfg {
    void *ctx;
    uint64_t first; /* where numbers of questions begin: any number that differs between lives of the process */
    /* What to show of an event; texts valid until the next call. */
    struct shown (*show)(void *ctx, const struct event *e);
    /* Puts a question on its way. An error: not sent (no credit, gone). Must not call back into the table; when there is credit
       again, scorers_room is called. */
    enum err (*send)(void *ctx, void *peer, const struct score *question);
    /* All that was asked about an event has been answered or given up; `from`, `workspace` as given to scorers_ask, `e` and `given`
       valid during the call. May ask again, must not free the table. */
    void (*ready)(void *ctx, void *from, void *workspace, const struct event *e, const struct given *given);
};

enum err scorers_new(struct scorers **out, const struct scorers_cfg *cfg); /* ERR_NOMEM */
void scorers_free(struct scorers *s); /* NULL is fine; what waits is dropped, nobody is called */

/* A scorer says what it answers; said as often as it likes, the last word counts. `peer` (not NULL) names it. Without stages
   it is asked nothing any more, but may still answer. ERR_USAGE, when it is news: no good name, or only stages that there are
   not; what it said before no longer holds then. ERR_FULL, ERR_NOMEM. */
enum err scorers_join(struct scorers *s, void *peer, const struct scorer *what);
/* It went away: events that wait for it only are ready. */
void scorers_leave(struct scorers *s, void *peer);

/* There is credit again: questions that wait are put to it. */
void scorers_room(struct scorers *s, void *peer, uint64_t now);

/* Which stages (bits 1 << enum answer) of those with within_ms[stage] > 0 there is a scorer for; the others are counted as
   fallbacks. */
unsigned scorers_wanted(struct scorers *s, struct str workspace, const uint32_t within_ms[ANSWER_COUNT], uint64_t now);

struct asking {
    void *from, *workspace; /* for `ready` */
    const struct event *event;
    unsigned stages;           /* of scorers_wanted */
    const uint32_t *within_ms; /* by enum answer */
};
/* Asks all stages at once and keeps a copy of the event. False when it cannot be kept: then there is nothing to wait for. */
bool scorers_ask(struct scorers *s, const struct asking *a, uint64_t now);

/* An answer. One that nobody waits for, that is another's to give or that is broken is counted, and harms only its own question.
   One that comes after its deadline but before scorers_due was called is taken. */
void scorers_answer(struct scorers *s, void *peer, const struct scored *said, uint64_t now);
/* Gives up what is overdue. */
void scorers_due(struct scorers *s, uint64_t now);
/* When the next deadline is; UINT64_MAX: nothing waits. */
uint64_t scorers_next(const struct scorers *s);

#endif
