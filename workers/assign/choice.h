/* Which of several free agents a ticket goes to: each word of a queue's choice is a term, and all terms of an agent are one key;
   the least key is the best. Pure. */
#ifndef NARU_ASSIGN_CHOICE_H
#define NARU_ASSIGN_CHOICE_H

#include "workers/assign/core.h"

#define KEY_LIMBS  3u /* enough: two that follow each other hold more than LIMB_BITS, and all terms have 245 */
#define TERMS_MAX  13u
#define BEST_MAX   32u /* candidates kept for one ticket, and tickets of one matching round */
#define SUM_BITS   6u  /* so many keys as 1 << this can be added without a term spilling over into the one before it */
#define LIMB_BITS  126u
#define SCORE_BITS 50u

/* Terms one after another, the most significant first, each whole within one limb and with SUM_BITS above it. Keys are compared
   and added limb by limb. */
typedef __int128 limb;
struct key {
    limb v[KEY_LIMBS];
};
struct candidate {
    uint32_t agent;
    struct key key;
};

/* What a term looks at; the words of the policy first. */
enum term {
    TERM_BOT = CHOOSE_MAX, /* a bot before people */
    TERM_TIER,             /* the group that was asked first */
    TERM_INDEX,            /* order weights: how much the pair is worth */
    TERM_SCORE,            /* weighted choice: all its words in one number */
    TERM_COUNT
};
struct choice {
    const struct workspace *ws;
    const struct ticket *ticket;
    const struct line *line;
    const struct queue *queue;
    const uint8_t *level[NEEDS_MAX]; /* the column of each need that anybody has, level_count of them */
    uint32_t level_count;
    struct need_at own[NEEDS_MAX]; /* the needs that are no languages */
    uint32_t own_count;
    uint32_t asked;  /* the sum of the needs' levels */
    double delay;    /* order weights */
    struct term_at { /* where a term lies in the key */
        uint8_t term, limb, shift;
    } at[TERMS_MAX];
    uint32_t terms, limbs;
    uint32_t keep;                   /* so many candidates are wanted, at most BEST_MAX */
    struct candidate best[BEST_MAX]; /* in no order: see choice_first */
    uint32_t count;
    uint64_t worst[TERMS_MAX]; /* once there are `keep`: what the worst of them has at each term */
};

/* `keep`: 1..BEST_MAX. The line is the ticket's. */
void choice_init(struct choice *c, const struct workspace *ws, const struct ticket *t, const struct line *l, uint32_t keep);
void choice_consider(struct choice *c, uint32_t agent); /* each once */
/* The places of the `most` best, the best first; returns how many there are. */
uint32_t choice_first(const struct choice *c, uint32_t most, uint32_t *out);
void choice_key(const struct choice *c, uint32_t agent, struct key *out);
bool choice_same(const struct queue *a, const struct queue *b); /* keys of both can be compared and added */
bool choice_personal(const struct queue *q);                    /* the key depends on the ticket beyond its line and queue */
/* What the terms say of an agent, as members of a JSON object: ,"skill":8,"idle_ms":1200 */
void choice_tell(const struct choice *c, uint32_t agent, struct buf *out);
uint32_t choice_bits(uint32_t term); /* its width, SUM_BITS not counted */
/* 0..1 of a word, as weights use it; 1 is best. */
double choice_share(const struct choice *c, enum choose word, uint32_t agent);

void choice_offered(struct workspace *ws, struct agent *a);                        /* they were offered something: round-robin */
void choice_worked(struct workspace *ws, struct agent *a, const struct ticket *t); /* it is off their hands: fastest */

/* ---- why.c ---- */
#define WHY_TOP 3u
/* The record of a decision, as JSON in ws->detail: c->best[winner] was chosen, with so many tickets of one round. */
struct str why_chosen(struct workspace *ws, struct line *l, const struct choice *c, uint32_t winner, uint32_t together);

static inline int key_compare(const struct key *a, const struct key *b, uint32_t limbs)
{
    for (uint32_t i = 0; i < limbs; i++)
        if (a->v[i] != b->v[i]) return a->v[i] < b->v[i] ? -1 : 1;
    return 0;
}

#endif
