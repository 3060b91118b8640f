/* How urgent a message is: a score put together from what is known, and the level that it makes. Pure.

   score = what the model says, or `start` where none speaks
         + the `weigh` of every rule that fired
         + context: a negative message, a mood that turned, contacts of the week, the time waited so far
   held within 0..1; the level is the highest whose least score (`levels`) is reached. A rule that names a level wins over the
   score's; raises of rules come last. */
#ifndef NARU_WORKERS_TRIAGE_URGENCY_H
#define NARU_WORKERS_TRIAGE_URGENCY_H

#include "config/policy.h"

/* What a rule adds to the score. */
struct urgency_rule {
    struct str by; /* "rule:NAME" */
    double weigh;  /* -1..1 */
};

/* What is known of one message. Borrowed. */
struct urgency_view {
    const float *p; /* probabilities of the levels, by enum urgency, each 0..1, sum 1; NULL: nobody has read the message */
    struct str by;  /* who gave them: "model", "scorer:NAME" */
    const struct urgency_rule *rules;
    uint32_t rule_count;
    int named;           /* the highest level that a rule names, or -1 */
    struct str named_by; /* which rule */
    int raise;           /* steps of all rules together; negative lowers */
    enum sentiment sentiment;
    const struct list *attributes; /* the event's; of them conversation.sentiment (before this message), conversation.waiting
                                      (seconds) and customer.contacts_7d count; unreadable ones do not */
};

#define URGENCY_PARTS 24u /* parts that are told; what is beyond is added up all the same */
#define URGENCY_SAID  32u /* room for a part's text */

/* One part of a score, for the reasons. */
struct urgency_part {
    struct str by;    /* "model", "scorer:NAME", "default", "rule:NAME", "context" */
    const char *what; /* context: "negative"; a rule that names a level, and the model: that level; else NULL */
    double value;     /* what it added; of the model and the default: the score itself; of a named level: 0 */
    double p;         /* of the model: how probable it holds `what`; else 0 */
    enum { URGENCY_BASE, URGENCY_ADDS, URGENCY_NAMES } kind;
};

struct urgency_sum {
    double score; /* 0..1, always within the band of `level` */
    enum urgency level;
    struct urgency_part parts[URGENCY_PARTS]; /* in the order in which they were added; a named level last */
    uint32_t part_count;
};

/* Never fails. Fills *out; texts of parts are borrowed from the view. */
void urgency_settle(const struct urgency_policy *u, const struct urgency_view *view, struct urgency_sum *out);
/* A part as reasons give it, into `room`: "0.42 normal 0.71", "0.40", "+0.30", "negative +0.05", "critical". */
struct str urgency_part_say(const struct urgency_part *part, char room[URGENCY_SAID]);

#endif
