/* Saying something about a file: the inside of `struct findings` (policy.h). */
#ifndef NARU_CONFIG_FINDINGS_H
#define NARU_CONFIG_FINDINGS_H

#include "config/policy.h"
#include "config/tree.h"

#include <stdarg.h>

#define F_ERROR true
#define F_WARN  false

/* `key` must live as long as `f` (tree_path into f->arena, or a literal). Control characters in the text become '?'. When the
   list is full an error takes the place of the last warning, so that warnings never hide an error. */
void findings_add(struct findings *f, bool error, uint32_t line, uint32_t column, const char *key, const char *fmt, ...)
    __attribute__((format(printf, 6, 7)));
void findings_vadd(struct findings *f, bool error, uint32_t line, uint32_t column, const char *key, const char *fmt, va_list ap)
    __attribute__((format(printf, 6, 0)));
/* About a node: its value's place, or (findings_key) the place of its key. */
void findings_at(struct findings *f, bool error, const struct ynode *n, const char *fmt, ...) __attribute__((format(printf, 4, 5)));
void findings_key(struct findings *f, bool error, const struct ynode *n, const char *fmt, ...)
    __attribute__((format(printf, 4, 5)));
void findings_sort(struct findings *f);
/* ' (did you mean "slack"?)', or, when no word is near, ' (known: slack, fifo, priority)' for short lists, or "". */
const char *findings_hint(struct findings *f, struct str word, const char *const *words, size_t count);
/* At most 60 bytes of `s`, cut between characters, for use in a sentence. */
struct str findings_shown(struct str s);

#endif
