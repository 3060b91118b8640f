/* What of a model's evidence is told in a reason: few words, each once, whole. Pure. */
#ifndef NARU_WORKERS_TRIAGE_SPOKE_H
#define NARU_WORKERS_TRIAGE_SPOKE_H

#include "workers/triage/model.h"

#define SPOKE_ASKED 12u /* n-grams to ask a model for: most of the strongest are parts of the same few words … */
#define SPOKE_TOLD  3u  /* … of which so many are told */
#define SPOKE_ROOM  40u /* bytes of one at most */

/* Writes "환불 0.61, refund + back 0.33, ~delivery 0.20" into `room` (`cap` >= 2; cut at a character) and gives its length; 0 when
   nothing spoke for the label. `e` are n-grams as model_explain gives them, strongest first, out of the text whose key is `key`.
   A part of a word is told as the words it stands in, "~name" is a group of words that mean nearly the same, and what says nothing
   that was not told before, speaks against the label, or is a punctuation mark alone, is passed over. */
size_t spoke_say(const struct evidence *e, uint32_t count, struct str key, char *room, size_t cap);

#endif
