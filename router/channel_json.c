/* A delivery's body as JSON, for adapters.

   The parser is strict (base/json.h), and a provider cannot mend what a customer typed: a text with a NUL, or an emoji that
   somebody cut in two, would have its whole batch refused, and sent again for days. So what the parser does not take is looked at
   once more, with every character that is none replaced by U+FFFD, as channel_complete does it with texts. Everything else that is
   wrong with a body is its sender's, and refused. The mended copy lives in the arena only while it is read. */
#include "base/metrics.h"
#include "router/channel.h"

static const char unknown[] = "\xEF\xBF\xBD", unknown_escape[] = "\\ufffd";
#define ESCAPE 6u /* bytes of \uXXXX */

/* \uXXXX at `i`: its value; false: there is none. */
static bool escape_at(struct str s, size_t i, unsigned *out)
{
    *out = 0;
    if (s.n < ESCAPE || i > s.n - ESCAPE || s.p[i] != '\\' || s.p[i + 1] != 'u') return false;
    for (size_t k = 2; k < ESCAPE; k++) {
        char c = s.p[i + k], low = (char)(c | 0x20);
        if (c >= '0' && c <= '9') *out = *out << 4 | (unsigned)(c - '0');
        else if (low >= 'a' && low <= 'f') *out = *out << 4 | (unsigned)(low - 'a' + 10);
        else return false;
    }
    return true;
}

static bool is_high(unsigned u) { return u >= 0xd800 && u < 0xdc00; }
static bool is_low(unsigned u) { return u >= 0xdc00 && u < 0xe000; }

/* What begins at `i` with a backslash: its bytes; *good: it may stay. Half a pair is judged alone: what follows it may be good. */
static size_t escape_step(struct str s, size_t i, bool *good)
{
    unsigned first, second;
    *good = true;
    if (!escape_at(s, i, &first)) return s.n - i < 2 ? 1 : 2; /* the parser judges it; of \\u0000 the backslash is escaped */
    if (is_high(first) && escape_at(s, i + ESCAPE, &second) && is_low(second)) return 2 * (size_t)ESCAPE;
    *good = first && !is_high(first) && !is_low(first);
    return ESCAPE;
}

/* Writes the mended text to `to`, or only measures when it is NULL. Gives its bytes. */
static size_t mend(struct str s, char *to)
{
    size_t n = 0;
    for (size_t i = 0; i < s.n;) {
        bool good = true;
        size_t step = s.p[i] == '\\' ? escape_step(s, i, &good) : str_utf8_step(s.p + i, s.n - i);
        struct str put = { s.p + i, step };
        if (!step) put = (struct str){ unknown, sizeof unknown - 1 };
        else if (!good) put = (struct str){ unknown_escape, sizeof unknown_escape - 1 };
        if (to) memcpy(to + n, put.p, put.n);
        n += put.n;
        i += step ? step : 1;
    }
    return n;
}

static enum err parse_mended(struct json **out, struct arena *arena, struct str text)
{
    const char *why;
    size_t n = mend(text, NULL), at;
    char *p = arena_alloc(arena, n ? n : 1);
    if (!p) return ERR_NOMEM;
    (void)mend(text, p);
    enum err e = json_parse(out, (struct str){ p, n }, LIM_JSON_DEPTH, &at, &why);
    if (!e) metric_add(MET_CHANNEL_CUT, "characters", 1);
    return e;
}

enum err channel_json_parse(struct json **out, struct arena *arena, struct str text, size_t *at, const char **why)
{
    enum err e = json_parse(out, text, LIM_JSON_DEPTH, at, why);
    return e && !parse_mended(out, arena, text) ? ERR_OK : e;
}

enum err channel_json_of(struct channel_in *c, struct str text, const struct json **doc)
{
    const char *why = "";
    size_t at = 0;
    *doc = NULL;
    if (!c->doc && channel_json_parse(&c->doc, c->arena, text, &at, &why))
        return channel_refuse(c, 400, "malformed", "the body is no JSON: %s (at byte %zu)", why, at);
    *doc = c->doc;
    return ERR_OK;
}

enum err channel_json(struct channel_in *c, const struct json **doc) { return channel_json_of(c, c->in->body, doc); }
