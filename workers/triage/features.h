/* The features of a text: hashed n-grams of words and of characters, found once and read by every model. */
#ifndef NARU_WORKERS_TRIAGE_FEATURES_H
#define NARU_WORKERS_TRIAGE_FEATURES_H

#include "workers/triage/text.h"

struct features; /* one a thread: rooms for one text at a time */

enum err features_new(struct features **out); /* ERR_NOMEM */
void features_free(struct features *f);       /* NULL is fine */

/* Reads a text as it came (any bytes): makes its key (text_key) and keeps it. Subject may be empty. n-grams are made when the
   first model asks for their group. The texts need not outlive the call. */
void features_read(struct features *f, struct str subject, struct str text);
/* The same from a key that was made already (subject and text with '\n' between): borrowed until the next reading. */
void features_of_key(struct features *f, struct str key);

#endif
