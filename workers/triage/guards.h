/* Which rules a message concerns. Every rule is behind the condition that is asked for least often among all rules: found words and
   true facts name the rules to look at, so that thousands of rules by words, accounts or attributes cost a message nothing. */
#ifndef NARU_WORKERS_TRIAGE_GUARDS_H
#define NARU_WORKERS_TRIAGE_GUARDS_H

#include "config/policy.h"
#include "workers/triage/facts.h"
#include "workers/triage/lexicon.h"

struct guards {
    struct facts facts;
    uint32_t terms;  /* sources are numbered: the lexicon's terms, then the facts */
    uint32_t *first; /* by source: its rules are rules[first[s]] .. rules[first[s + 1]] */
    uint32_t *rules;
    uint32_t *keys;   /* by condition: number of the FACT_KEY of a COND_ATTRIBUTE */
    uint64_t *always; /* bits: rules that nothing guards */
};

/* ERR_NOMEM. guards_fini is needed in any case. Borrows from `p`. */
enum err guards_init(struct guards *g, const struct policy *p, const struct lexicon *l);
void guards_fini(struct guards *g);
/* Sets the bits of the rules behind a term, or behind a fact. */
void guards_term(const struct guards *g, uint32_t term, uint64_t *bits);
void guards_fact(const struct guards *g, enum fact_of of, uint32_t key, struct str value, uint64_t *bits);

#endif
