/* What follows from a policy that nobody wrote in so many words. */
#ifndef NARU_CONFIG_FACTS_H
#define NARU_CONFIG_FACTS_H

#include "config/policy.h"

/* `key` is a dotted path ("*" for any name), `text` a sentence; both are valid during the call alone. */
typedef void policy_say(void *ctx, const char *key, const char *text);
/* For each queue the bound of its waits, and the answer target when it is the default; then each limit that took its default. */
void policy_facts(const struct policy *p, policy_say *say, void *ctx);

#endif
