/* How long a ticket will wait: from how much work is ahead of it and how fast the agents who are there get through work; not from
   what others before it have waited. Pure arithmetic; what is counted, and for whom, is forecast.c's.

   Ward Whitt, "Predicting queueing delays", Management Science 45 (1999): with every server busy and k ahead, the wait in a queue
   served by s servers of mean handling time h is a sum of k+1 intervals of mean h/s each. Ibrahim and Whitt, "Real-time delay
   estimation based on delay history", M&SOM 11 (2009): in M/M/s its mean square error is about half of that of the delay of the
   customer at the head. tests/unit/assign/test_estimate.c measures both. */
#ifndef NARU_ASSIGN_ESTIMATE_H
#define NARU_ASSIGN_ESTIMATE_H

#include <stdint.h>

#define PACE_MEMORY 512u /* pieces of work whose times still count: an exponential mean of about so many */
#define PACE_PRIOR  2u   /* … and what is assumed counts as so many */

struct pace { /* of one queue; all 0: nothing known */
    double handle_ms;
    uint32_t fed;
};
void pace_feed(struct pace *p, uint64_t handle_ms);          /* a piece of work took so long, from its accept to its end */
double pace_handle(const struct pace *p, double assumed_ms); /* mean handling time; assumed: where little is known */

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
