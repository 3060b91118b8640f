/* How often somebody may come: a bucket for each account's events and one for what each agent asks, of this router. The rates are
   the policy's (`accounts.NAME.most`, `capacity.acts`) and hold as soon as it does; what a bucket lacks outlives a change of it. */
#ifndef NARU_ROUTER_ADMIT_H
#define NARU_ROUTER_ADMIT_H

#include "base/rate.h"

struct router;
#define ADMIT_WHY 240u
struct admit_told { /* refusals of a kind are logged once a minute, with how many were not */
    uint64_t at;
    uint32_t untold;
};
struct admit {
    struct rate_table accounts, agents;
    struct admit_told told_account, told_agent;
};
void admit_init(struct admit *a);
/* A new event of an account. `owed`: it is let in whatever the bucket has, which then lacks it. False: refused, counted, and
 *wait_ms is until there is room for one. An account that is in no policy is not refused here. */
bool admit_event(struct router *r, struct str account, bool owed, uint32_t *wait_ms);
/* Would an event be let in? A refusal is counted as above, nothing is taken. */
bool admit_would(struct router *r, struct str account);
/* Something that an agent asks, by whatever door. False: refused, counted, *wait_ms as above. */
bool admit_act(struct router *r, struct str workspace, struct str agent, uint32_t *wait_ms);
/* A sentence for whoever was refused. */
void admit_why_event(struct router *r, struct str account, uint32_t wait_ms, char why[ADMIT_WHY]);
void admit_why_act(struct router *r, struct str workspace, uint32_t wait_ms, char why[ADMIT_WHY]);

#endif
