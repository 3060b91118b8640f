/* Is what an external scorer said an answer? Pure: a stranger's bytes in, a checked answer or the cause of refusal out. */
#ifndef NARU_WORKERS_TRIAGE_SCORED_H
#define NARU_WORKERS_TRIAGE_SCORED_H

#include "workers/triage/given.h"

#define SCORED_ROOM 384u /* what the texts of one answer need */

/* Checks `in` as an answer about `stage` by the scorer whose reasons say `by`. Gives NULL and fills *out, its texts in `room` (but
   words of enums and `by`, which is borrowed); or the cause of refusal, a word for metrics:
     error        the scorer says that it cannot
     p            not a number of 0..1
     label        empty; no word of the stage; an intent that is no name or has over 64 bytes; no language subtag
     oos          said of another stage than the intent, or together with a label
     second       not empty and not fit to be a label
   A language is cut to its subtag: "en-US" is "en". */
const char *scored_check(enum answer stage, const struct scored *in, struct str by, struct answered *out, char room[SCORED_ROOM]);

#endif
