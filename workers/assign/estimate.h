/* How long a ticket will wait: from how much work is ahead of it and how fast the agents who are there get through work; not from
   what others before it have waited. Pure arithmetic; what is counted, and for whom, is forecast.c's.

   Ward Whitt, "Predicting queueing delays", Management Science 45 (1999): with every server busy and k ahead, the wait in a queue
   served by s servers of mean handling time h is a sum of k+1 intervals of mean h/s each. Ibrahim and Whitt, "Real-time delay
   estimation based on delay history", M&SOM 11 (2009): in M/M/s its mean square error is about half of that of the delay of the
   customer at the head. tests/unit/assign/test_estimate.c measures both. */
#ifndef NARU_ASSIGN_ESTIMATE_H
#define NARU_ASSIGN_ESTIMATE_H

#include <stdint.h>

/* A mean of handling times: the plain mean of the first `memory` pieces of work, from then on an exponential one in which the last
   counts 1 / memory. As long as few were seen, what is assumed counts beside them as `prior` more: credibility n / (n + prior),
   Hans Bühlmann, "Experience rating and credibility", ASTIN Bulletin 4 (1967), in which the best prior is the variance of single
   times over the variance between means. Of an agent beside the queue's mean: times vary about as much as they are long, agents by
   a quarter to a half of that, so 4 to 16. A mean in which the last one counts a fifth takes an agent of 400 s for faster than one
   of 240 s one time out of seven (exponential times; tests/unit/assign/test_choice.c). */
#define PACE_MEMORY  512u /* of a queue, */
#define PACE_PRIOR   2u
#define SPEED_MEMORY 128u /* and of an agent in it: some days, in which they may learn */
#define SPEED_PRIOR  8u

struct pace { /* all 0: nothing known */
    double handle_ms;
    uint32_t fed;
};
void pace_feed(struct pace *p, uint64_t handle_ms, uint32_t memory); /* a piece of work took so long, from its accept to its end */
double pace_handle(const struct pace *p, double assumed_ms, uint32_t prior); /* mean handling time */

struct service {
    double slots;     /* tickets that the agents who are there can have at once */
    double free;      /* of those, not taken now */
    double ahead;     /* tickets that are served before */
    double work_ms;   /* handling time of those together */
    double handle_ms; /* mean handling time of what the agents have now */
};
double estimate_wait(const struct service *s); /* milliseconds; below 0: nobody is there, so nobody can say */
double estimate_rate(const struct service *s); /* tickets an hour when all slots work */

#endif
