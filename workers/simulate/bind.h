/* The section `simulate` of one policy for playing the same arrivals to another one: names in place of indexes, once, before the
   first run. And an example of such a section for a policy that has none. */
#ifndef NARU_SIMULATE_BIND_H
#define NARU_SIMULATE_BIND_H

#include "config/policy.h"

/* What `to` is simulated with, for arrivals whose classes are those of `first` (the policy that the source was opened with; may be
   `to` itself): the section of `to` if it has one, else that of `first`. out->classes are those of `first`, in its order, and
   out->from is its begin. What `to` does not have is told in `f` with the nearest name it has: a class or a class's queue is an
   error, an agent or a queue's places a warning, and left out. Both policies are borrowed as long as *out is, which lives in
   `arena`. ERR_NOTFOUND: `first` has no section (sim_lacks says what to write); ERR_POLICY: errors in `f`; ERR_NOMEM. */
enum err sim_bind(struct simulate_rules *out, const struct policy *first, const struct policy *to, struct arena *arena,
                  struct findings *f);

/* A section for this policy, as YAML to be put at its end: a class for each queue, with usual times, and some of its agents. It is
   an example: whoever uses it writes their own numbers. */
void sim_example(const struct policy *p, struct buf *out);
/* Why the policy cannot be simulated as it is, and that example: for people, several lines. */
void sim_lacks(const struct policy *p, struct buf *out);

#endif
