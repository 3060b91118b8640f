/* A file written whole or not at all: beside its place first, made durable, then put there. */
#ifndef NARU_CLI_SAVE_H
#define NARU_CLI_SAVE_H

#include "base/str.h"

#include <limits.h>
#include <stdio.h>

struct save {
    char place[PATH_MAX], beside[PATH_MAX]; /* where it will be, and where it is until save_commit */
};
/* Writes and syncs the bytes beside `place`. ERR_TOOBIG (the name), ERR_IO; `why` is a sentence and nothing is left behind. After
   ERR_OK one of the next two is due. */
enum err save_beside(struct save *s, const char *place, struct str bytes, char why[200]);
/* The same for what is written bit by bit: save_open gives a stream to write to, and save_close, which says whether all of it was
   written and made durable, closes it whatever it says. After ERR_OK of save_close one of the next two is due; save_drop also in
   place of it. */
enum err save_open(struct save *s, const char *place, FILE **out, char why[200]);
enum err save_close(struct save *s, FILE *f, char why[200]);
/* Puts the file in its place, over what is there: who opens the place sees all of the old or all of the new. */
enum err save_commit(const struct save *s, char why[200]);
void save_drop(const struct save *s);
/* Can a file be put there? Asked before long work; the answer may change. */
enum err save_possible(const char *place, char why[200]);
/* Do two names, however they are spelt, mean one file, or one place that has none yet? NULL: no file. */
bool save_same(const char *a, const char *b);

#endif
