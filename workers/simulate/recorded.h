/* Recorded tickets as arrivals: what became of closed tickets, what can be known from it of the work and the patience of those who
   come, and a source that draws the rest.

   A ticket gives its arrival, its class (queue, channel, urgency and needs as its verdict had them) and at most one of: its work,
   when it was served (from accept to resolve, without what it was parked); its patience, when the customer hung up unanswered. Who
   was served, or left otherwise, hangs up later than that: a censored observation (survive.h). What is not known is drawn: work
   from the served tickets of the class (of all, where the class has none); patience from the estimate of the class, given what was
   waited already, and for ever beyond its last observation. How long an accept takes, and which shares of the offers are declined
   or missed, is estimated from all tickets together.

   In this order: recorded_new, recorded_add for each, recorded_ready (from then on recorded_from), recorded_bind, and then as many
   sources as are wanted. */
#ifndef NARU_SIMULATE_RECORDED_H
#define NARU_SIMULATE_RECORDED_H

#include "base/id.h"
#include "base/json.h"
#include "base/limits.h"
#include "workers/simulate/arrival.h"

#define RECORDED_MOST    2000000u       /* tickets; about 64 bytes each */
#define RECORDED_KINDS   4096u          /* that differ in queue, channel, urgency, needs, language; a further one is left out */
#define RECORDED_CLASSES LIM_LIST_ITEMS /* of the policy, those that are made here among them */
#define RECORDED_NEEDS   32u            /* of one ticket; further ones are not looked at */

struct recorded_need {
    struct str skill;
    uint32_t level;
};
struct recorded_ticket { /* one closed ticket; texts are borrowed */
    struct id id;
    uint64_t at;          /* wall ms: opened */
    uint64_t wait;        /* ms until it was accepted, hung up, put off for a callback, or left otherwise */
    uint64_t work;        /* ms, when served */
    bool served, hung_up; /* hung_up: unanswered, so the patience is `wait` */
    uint32_t offers, declined, missed;
    uint64_t accept;  /* ms from an offer to the first accept; UINT64_MAX: there was none */
    struct str agent; /* who served it last */
    struct str queue; /* where it first waited */
    struct str channel, language;
    enum urgency urgency;
    struct recorded_need needs[RECORDED_NEEDS];
    uint32_t need_count;
};
/* Reads one out of what GET /v1/tickets?state=… tells of closed tickets, which the texts are borrowed from. ERR_PROTO: it is none.
 */
enum err recorded_parse(const struct json *ticket, struct recorded_ticket *out);

struct recorded;
enum err recorded_new(struct recorded **out);
void recorded_free(struct recorded *r); /* NULL is fine */
/* Copies it. ERR_FULL beyond RECORDED_MOST; ERR_NOMEM. */
enum err recorded_add(struct recorded *r, const struct recorded_ticket *t);
uint32_t recorded_count(const struct recorded *r);
/* All were added: puts them in order, each once. `since` (wall ms) is the begin of the simulation; 0: the full hour that the first
   of them came in. */
void recorded_ready(struct recorded *r, uint64_t since);
uint64_t recorded_from(const struct recorded *r); /* wall ms of arrival_ms 0, a full minute */

/* Gives every ticket a class of p->simulate: one that is there and like it, or a new one, which is added to p->simulate in place;
   p->simulate.from becomes recorded_from. What is added lives in `r`. Work counts the speed that the section gives its agent. A
   channel without `parallel` there is worked at full speed however many are at hand: recorded times have the slowing down in them.
   What the section does not say of offers becomes as it was recorded. Once, with the policy that the arrivals are for, which `r`
   borrows. ERR_NOTFOUND: no ticket was served and a class has no `work`; ERR_NOMEM; `why` is a sentence. */
enum err recorded_bind(struct recorded *r, struct policy *p, char why[512]);
const char *recorded_class(const struct recorded *r, uint32_t class); /* its name, since recorded_bind */
/* Adds to the section of another policy, when it has one, the classes that recorded_bind added, where it has their queues: so that
   the two can be compared (bind.h). */
enum err recorded_join(struct recorded *r, struct policy *other);

/* ERR_OK: the caller owns *out (source_close), `r` outlives it. Ids are those of the tickets. ERR_NOMEM; `why` is a sentence. */
enum err recorded_open(struct source **out, const struct recorded *r, uint64_t seed, uint32_t replication, char why[512]);

/* What was estimated: a table for people, a line a class, and what was left out. */
void recorded_tell(const struct recorded *r, struct buf *out);
/* The bound policy's classes, offers and begin, as the section `simulate` of a policy file: with it a written trace can be played
   without the recorded tickets. Works and patiences as distributions fitted by their moments. */
void recorded_yaml(const struct recorded *r, struct buf *out);

#endif
