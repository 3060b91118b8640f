/* `file:` references to days that are closed, in the bytes of a policy file. */
#ifndef NARU_CONFIG_CLOSED_FILES_H
#define NARU_CONFIG_CLOSED_FILES_H

#include "config/policy.h"

/* Appends `yaml` to `out`, each `file:NAME.ics` under hours.*.closed replaced, on its line, by a list of the dates that the file
   holds; NAME is looked for from the folder of `path` on. So the version of a policy is that of its dates, and nothing behind
   needs a file. ERR_POLICY, and said in `f`, when a file cannot be read: its place then holds an empty list. Bytes that are no good
   YAML are appended as they are. ERR_NOMEM, ERR_TOOBIG. */
enum err closed_files(struct str yaml, const char *path, struct buf *out, struct findings *f);
#define CLOSED_FILES_ROOM (2u * LIM_YAML_BYTES + LIM_CLOSED_FILES * LIM_CLOSED_DATES * 12u) /* for `out` */
/* Reads a whole file of at most `most` bytes into `out` (initialised, with room for more). ERR_IO, ERR_TOOBIG. */
enum err file_bytes(const char *path, size_t most, struct buf *out);

#endif
