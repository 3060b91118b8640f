/* Which ids were there: a set of 64-bit hashes, since as many texts would not fit. What is not in it was surely not there; what is
   in it was there, or is one of the few whose hash is that of another (of 10 million ids, a pair in 370,000 sets). */
#ifndef NARU_SIMULATE_IDS_H
#define NARU_SIMULATE_IDS_H

#include "base/str.h"

struct ids {
    uint64_t *slots; /* 0: empty */
    size_t count, mask, cap;
};
void ids_init(struct ids *s, size_t cap); /* allocates nothing yet; 8 bytes a slot, four fifths of them used at most */
void ids_fini(struct ids *s);
/* ERR_EXISTS: its hash is there; ERR_FULL, ERR_NOMEM. */
enum err ids_add(struct ids *s, struct str id);

#endif
