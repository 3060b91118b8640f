/* Borrowed slices of text or bytes: a pointer and a length, never owned, not NUL-terminated. */
#ifndef NARU_BASE_STR_H
#define NARU_BASE_STR_H

#include "base/err.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

struct str {
    const char *p; /* may be NULL when n is 0 */
    size_t n;
};

#define STR(lit) ((struct str){ (lit), sizeof(lit) - 1 })
#define STR_NONE ((struct str){ NULL, 0 })
/* For printf: "%.*s", STR_FMT(s) */
#define STR_FMT(s) (int)(s).n, (s).p ? (s).p : ""

static inline struct str str_of(const char *z) { return (struct str){ z, z ? strlen(z) : 0 }; }
static inline bool str_eq(struct str a, struct str b) { return a.n == b.n && (a.n == 0 || memcmp(a.p, b.p, a.n) == 0); }
static inline bool str_is(struct str a, const char *z) { return str_eq(a, str_of(z)); }
static inline int str_cmp(struct str a, struct str b)
{
    size_t n = a.n < b.n ? a.n : b.n;
    int c = n ? memcmp(a.p, b.p, n) : 0;
    return c ? c : (a.n > b.n) - (a.n < b.n);
}

/* The nearest of `count` words to `word` by edit distance (Damerau-Levenshtein), for "did you mean"; NULL when none is within a third of its length + 1. */
const char *str_nearest(struct str word, const char *const *words, size_t count);
/* Does `text` match `pattern`, in which '*' stands for any run of bytes? No other wildcard. */
bool str_glob(struct str pattern, struct str text);
/* Whole-string unsigned decimal in [min, max]; ERR_RANGE otherwise (signs, blanks and empty are refused). */
enum err str_u64(struct str s, uint64_t min, uint64_t max, uint64_t *out);
/* Is all of `s` well-formed UTF-8 (RFC 3629: no surrogates, no overlong forms)? *at gets the offset of the first bad byte. */
bool str_utf8(struct str s, size_t *at);
/* Bytes of the well-formed character that `p` begins with (1..4), or 0 when the first of its `n` bytes begins none. */
size_t str_utf8_step(const char *p, size_t n);

#endif
