/* Editing a policy file in place: one value is set, and every other byte stays as it was written. */
#ifndef NARU_CONFIG_EDIT_H
#define NARU_CONFIG_EDIT_H

#include "base/buf.h"

/* Writes `yaml` to `out`, an empty buffer, with the value at `path` being `value`.

   `path` is as findings name places: "queues.billing.gate[0].waiting"; items are counted from 0. Keys at its end that the file does
   not write are added: behind the last one of their mapping, in its style and indentation.

   `value` is YAML that fits on one line anywhere: `45s`, `">5"`, `[a, b]`, `{ a: 1 }`.

   ERR_NOTFOUND: there is no such item, or the path leads through a text. ERR_YAML: the file is none, or what came out would say
   something else than the file with this one change; then `out` is of no use. ERR_NOMEM, ERR_FULL (of `out`). */
enum err edit_set(struct str yaml, const char *path, struct str value, struct buf *out);

#endif
