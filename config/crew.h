/* The agents that a file names, as sets: who has a skill at a level, whom a queue asks. Agents may also be kept by the API, so all
   that follows from a crew is said "of this file", and of a file without agents nothing is said. */
#ifndef NARU_CONFIG_CREW_H
#define NARU_CONFIG_CREW_H

#include "base/arena.h"
#include "base/map.h"
#include "config/policy.h"

struct having { /* an agent with a skill */
    uint32_t agent, level;
};
struct holders { /* of one skill, in the order of agents */
    const char *skill;
    struct having *v;
    uint32_t count, best; /* best: the index of one with the highest level */
};
struct crew {
    const struct policy *p;
    struct map skills; /* name → struct holders */
    struct arena arena;
    uint32_t words; /* of 64 agents, in a set */
    uint64_t *some; /* for passing use */
};

/* `p` outlives it. ERR_NOMEM; crew_fini is right after either. */
enum err crew_init(struct crew *c, const struct policy *p);
void crew_fini(struct crew *c);
/* NULL: nobody has it. "lang" (from the ticket) is had by all who speak any language. */
const struct holders *crew_skill(const struct crew *c, const char *skill);
/* Sets of agents, of c->words words. Everybody whom the queue may ask when it asks `groups` (0: everybody). */
void crew_asked(const struct crew *c, const struct queue *q, uint64_t groups, uint64_t *set);
/* Takes out those who do not have the skill at this level. */
void crew_keep(const struct crew *c, const char *skill, uint32_t level, uint64_t *set);
bool crew_any(const struct crew *c, const uint64_t *set);
/* The groups that `q` asks at its widest, after all steps and with all gates open; 0: everybody. */
uint64_t crew_widest(const struct queue *q);
/* The level at which `q` needs this need of its own at its lowest, after all steps; 0: dropped. */
uint32_t crew_lowest(const struct queue *q, const struct skill *need);
bool crew_is_lang(const char *skill);

static inline bool crew_in(const uint64_t *set, uint32_t agent) { return set[agent / 64] >> (agent % 64) & 1; }

#endif
