/* The policy's own words on their way to a customer: what is filled into them, and how often one customer is given any. Pure. */
#ifndef NARU_ROUTER_AUTOMATIC_H
#define NARU_ROUTER_AUTOMATIC_H

#include "base/buf.h"
#include "base/id.h"
#include "config/texts.h"

#define AUTOMATIC_AN_HOUR 6u       /* to one customer */
#define AUTOMATIC_SAME_MS 1800000u /* before the same text is said to them again */

/* Fills in the holes; values[i] empty: it is not known, and the sentence that asks for it is left out. Appends. */
void automatic_fill(struct buf *out, struct str text, const struct str values[TEXT_HOLES]);

/* What was said to whom within the last hour: of a bounded number of customers, those of longest ago are forgotten first. */
#define AUTOMATIC_SETS 16384u
#define AUTOMATIC_WAYS 4u
struct automatic {
    struct automatic_slot {
        uint64_t who; /* a hash; 0: empty */
        struct automatic_said {
            uint64_t at;
            uint32_t word, message; /* hashes */
        } said[AUTOMATIC_AN_HOUR];
    } * slots;
    uint64_t seed[2];
};
enum automatic_end { AUTOMATIC_OK, AUTOMATIC_OFTEN, AUTOMATIC_RECENT };
enum err automatic_init(struct automatic *a);
void automatic_fini(struct automatic *a);
struct automatic_words {
    struct str account, customer, word;
    const struct id *message;
};
/* May the customer of this account be told `word` now? If so it is counted; the same message asked for again is the same one. */
enum automatic_end automatic_ask(struct automatic *a, const struct automatic_words *w, uint64_t now);
/* It was told at that time, as a row says: counted. In any order. */
void automatic_was_said(struct automatic *a, const struct automatic_words *w, uint64_t at);

#endif
