/* N-grams overlap: "refund" speaks as a word, as "refun…", "…fund" and as the group "=refund". People want the word, once.

   A feature's core is what is left of it without the marks of parts ("…") and groups ("="). Parts are found again in the key, from
   its beginning, and grown to whole words; the beginning is enough, as models read no more of a text either. */
#include "workers/triage/spoke.h"

#include "workers/triage/text.h"

#include <stdio.h>

#define LOOKED 8192u /* bytes of the key in which parts are looked for */

static const struct str more = { "…", 3 };

static bool begins(struct str s, struct str with) { return s.n >= with.n && memcmp(s.p, with.p, with.n) == 0; }
static bool ends(struct str s, struct str with) { return s.n >= with.n && memcmp(s.p + s.n - with.n, with.p, with.n) == 0; }
static struct str from(struct str s, size_t at) { return (struct str){ s.p + at, s.n - at }; }

static struct str trim(struct str s)
{
    while (s.n && *s.p == ' ') s = from(s, 1);
    while (s.n && s.p[s.n - 1] == ' ') s.n--;
    return s;
}

/* Is there more of a word before, behind a place of `s`? */
static bool before(struct str s, size_t at) { return at > 0 && text_class_before(s, at) != TEXT_OTHER; }
static bool behind(struct str s, size_t at) { return at < s.n && text_class_at(s, at) != TEXT_OTHER; }

static size_t back(struct str s, size_t at)
{
    for (at--; at > 0 && text_tail(s.p[at]);) at--;
    return at;
}

static size_t forth(struct str s, size_t at)
{
    for (at++; at < s.n && text_tail(s.p[at]);) at++;
    return at;
}

/* `part` as the whole words of the key that it stands in; itself when it is not found. */
static struct str grow(struct str key, struct str part)
{
    if (key.n > LOOKED) key.n = LOOKED;
    const char *p = part.n ? memmem(key.p, key.n, part.p, part.n) : NULL;
    if (!p) return part;
    size_t at = (size_t)(p - key.p), end = at + part.n;
    if (behind(part, 0))
        while (before(key, at)) at = back(key, at);
    if (before(part, part.n))
        while (behind(key, end)) end = forth(key, end);
    return (struct str){ key.p + at, end - at };
}

/* Does `s` hold `part` as words of its own? */
static bool holds(struct str s, struct str part)
{
    for (size_t at = 0; at + part.n <= s.n; at++) {
        const char *p = memmem(s.p + at, s.n - at, part.p, part.n);
        if (!p) return false;
        at = (size_t)(p - s.p);
        if (!before(s, at) && !behind(s, at + part.n)) return true;
    }
    return false;
}

/* A full stop or a question mark may speak, but says nothing to people. */
static bool is_sign(struct str s)
{
    for (size_t i = 0; i < s.n; i++)
        if (s.p[i] & 0x80 || text_class((uint32_t)s.p[i]) != TEXT_OTHER) return false;
    return true;
}

/* What of a feature is told, without the mark of a group. */
static struct str core_of(struct str key, struct str f, bool *group)
{
    bool part = false;
    *group = f.n > 1 && begins(f, STR("="));
    if (*group) return from(f, 1);
    if (begins(f, more)) f = from(f, more.n), part = true;
    if (ends(f, more)) f.n -= more.n, part = true;
    return trim(part ? grow(key, f) : f);
}

/* Does it say nothing beyond what was told? A pair does not when both of its words were. */
static bool was_told(const struct str *told, uint32_t count, struct str core)
{
    const struct str plus = STR(" + ");
    const char *p = memmem(core.p, core.n, plus.p, plus.n);
    if (p) {
        size_t n = (size_t)(p - core.p);
        return was_told(told, count, (struct str){ core.p, n }) && was_told(told, count, from(core, n + plus.n));
    }
    for (uint32_t i = 0; i < count; i++)
        if (holds(told[i], core)) return true;
    return false;
}

size_t spoke_say(const struct evidence *e, uint32_t count, struct str key, char *room, size_t cap)
{
    struct str told[SPOKE_TOLD];
    uint32_t n = 0;
    size_t at = 0;
    for (uint32_t i = 0; i < count && n < SPOKE_TOLD; i++) {
        bool group;
        struct str core = core_of(key, e[i].feature, &group);
        if (e[i].weight <= 0 || is_sign(core) || was_told(told, n, core)) continue;
        told[n] = core;
        core = text_clip(core, SPOKE_ROOM);
        int len =
            snprintf(room + at, cap - at, "%s%s%.*s %.2f", n ? ", " : "", group ? "~" : "", STR_FMT(core), (double)e[i].weight);
        n++;
        if (len < 0) break;
        if ((size_t)len >= cap - at) return text_clip((struct str){ room, cap }, cap - 2).n;
        at += (size_t)len;
    }
    return at;
}
