/* One part at a time, from the front: a window of at most `most` code points, and in its later half the best place to end. */
#include "router/parts.h"

#include <utf8proc.h>

/* How good a place to cut is: the place is before a character of this kind, or behind it. */
enum cut { CUT_NONE, CUT_CLUSTER, CUT_SPACE, CUT_SENTENCE, CUT_LINE, CUT_PARAGRAPH };

static bool is_space(utf8proc_int32_t c) { return c == ' ' || c == '\t' || c == '\n' || c == '\r' || c == 0x3000; }

/* Of Latin, Korean, Chinese and Japanese writing. */
static bool ends_sentence(utf8proc_int32_t c)
{
    return c == '.' || c == '!' || c == '?' || c == 0x2026 || c == 0x3002 || c == 0xff01 || c == 0xff1f;
}

static size_t step(struct str s, utf8proc_int32_t *c)
{
    utf8proc_ssize_t n = utf8proc_iterate((const utf8proc_uint8_t *)s.p, (utf8proc_ssize_t)s.n, c);
    if (n > 0) return (size_t)n;
    *c = 0xfffd; /* not UTF-8: a byte is a character */
    return 1;
}

static struct str skip(struct str s, size_t n) { return (struct str){ s.p + n, s.n - n }; }

static struct str trim_front(struct str s)
{
    utf8proc_int32_t c;
    for (size_t n; s.n && (n = step(s, &c), is_space(c));) s = skip(s, n);
    return s;
}

static struct str trim_end(struct str s)
{
    for (;;) {
        if (s.n >= 3 && memcmp(s.p + s.n - 3, "\xe3\x80\x80", 3) == 0) s.n -= 3;
        else if (s.n && is_space(s.p[s.n - 1])) s.n--;
        else return s;
    }
}

/* What a cut between these two characters is worth. `before`: the one before `last`. */
static enum cut worth(utf8proc_int32_t before, utf8proc_int32_t last, utf8proc_int32_t next, bool boundary)
{
    if (last == '\n' && before == '\n') return CUT_PARAGRAPH;
    if (last == '\n') return CUT_LINE;
    if (is_space(next) && next != '\n' && ends_sentence(last)) return CUT_SENTENCE;
    if (last == 0x3002 || last == 0xff01 || last == 0xff1f) return CUT_SENTENCE; /* no space follows these */
    if (is_space(next) || is_space(last)) return CUT_SPACE;
    return boundary ? CUT_CLUSTER : CUT_NONE;
}

/* Bytes of the first part of `s`, which has no white space in front and is longer than `most` code points. */
static size_t first_part(struct str s, uint32_t most)
{
    utf8proc_int32_t before = 0, last = 0, c, state = 0;
    size_t at = 0, best_at = 0, n;
    enum cut best = CUT_NONE;
    for (uint32_t k = 0; at < s.n && k <= most; k++, at += n) {
        n = step(skip(s, at), &c);
        bool boundary = k && utf8proc_grapheme_break_stateful(last, c, &state);
        enum cut here = k ? worth(before, last, c, boundary) : CUT_NONE;
        bool filled = k * 2 >= most || here == CUT_CLUSTER;
        if (here && filled && here >= best) best = here, best_at = at;
        before = last;
        last = c;
        if (k == most) break;
    }
    return best ? best_at : at;
}

static bool fits(struct str s, uint32_t most)
{
    utf8proc_int32_t c;
    uint32_t k = 0;
    for (size_t at = 0; at < s.n; at += step(skip(s, at), &c)) {
        if (k++ == most) return false;
    }
    return true;
}

uint32_t parts_of(struct str text, uint32_t most, uint32_t part, struct str *out)
{
    struct str rest = trim_end(trim_front(text));
    uint32_t count = 0;
    while (rest.n) {
        bool last = !most || fits(rest, most);
        size_t n = last ? rest.n : first_part(rest, most);
        if (out && count == part) *out = trim_end((struct str){ rest.p, n });
        rest = trim_front(skip(rest, n));
        count++;
    }
    return count;
}
