/* A long text in parts that a provider takes. Pure. */
#ifndef NARU_ROUTER_PARTS_H
#define NARU_ROUTER_PARTS_H

#include "base/str.h"

#define PARTS_MOST 64u /* of one message; what is longer is refused */

/* Into how many parts of at most `most` code points (0: no limit) the UTF-8 text is cut; *out (may be NULL) gets the one of number
   `part`, which points into `text`. A part ends where a paragraph does, else a line, a sentence, a word, as long as it is at least
   half full; else between two grapheme clusters (UAX 29), or within one that is longer than a part. The white space between two
   parts belongs to neither. 0: no text but white space. The same text and limit always give the same parts. */
uint32_t parts_of(struct str text, uint32_t most, uint32_t part, struct str *out);

#endif
