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

static bool holds(struct str s, struct str part) { return part.n && memmem(s.p, s.n, part.p, part.n); }

/* `part` (begins before, goes on behind) as the whole words of the key that it stands in; itself when it is not found. */
static struct str grow(struct str key, struct str part, bool before, bool behind)
{
    if (key.n > LOOKED) key.n = LOOKED;
    const char *p = part.n ? memmem(key.p, key.n, part.p, part.n) : NULL;
    if (!p) return part;
    size_t at = (size_t)(p - key.p), end = at + part.n;
    while (before && at > 0 && text_class_before(key, at) != TEXT_OTHER) do at--;
        while (at > 0 && text_tail(key.p[at]));
    while (behind && end < key.n && text_class_at(key, end) != TEXT_OTHER) do end++;
        while (end < key.n && text_tail(key.p[end]));
    return (struct str){ key.p + at, end - at };
}

/* What of a feature is told, without the mark of a group. */
static struct str core_of(struct str key, struct str f, bool *group)
{
    bool before = begins(f, more), behind = f.n > more.n && ends(f, more);
    *group = begins(f, STR("=")) && f.n > 1;
    if (*group) return from(f, 1);
    if (before) f = from(f, more.n);
    if (behind) f.n -= more.n;
    if (!before && !behind) return trim(f);
    return grow(key, f, before, behind);
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
        struct str core = trim(core_of(key, e[i].feature, &group));
        if (e[i].weight <= 0 || core.n == 0 || was_told(told, n, core)) continue;
        told[n] = core;
        core = text_clip(core, SPOKE_ROOM);
        int len = snprintf(room + at, cap - at, "%s%s%.*s %.2f", n ? ", " : "", group ? "~" : "", STR_FMT(core), (double)e[i].weight);
        n++;
        if (len < 0) break;
        if ((size_t)len >= cap - at) return text_clip((struct str){ room, cap }, cap - 2).n;
        at += (size_t)len;
    }
    return at;
}
