#include "base/quote_impl.h"

#include <stdio.h>

/* A mail is read line by line, once from the top: quoted lines and what introduces them go, the others are kept. Kept lines that
   lie together in front are left where they are; from the first hole on they are moved up, in the caller's room. Where a quote
   begins and at the end, what was kept since the last hole may end in a signature: it goes too.

   Reading the result again could find more (two halves of something that a hole parted). So it is read until nothing changes, a
   few times at most; a text that is still changing then is nothing that people write, and is given whole. That makes "own words of
   own words" the same words without a proof for each table. */

#define ROUNDS 4
#define LEADS  6 /* lines that introduce one quote */

/* ---- lines ---- */

/* Bytes of the blank that `s` begins (or ends) with; 0: none. Line ends are blanks. */
static size_t blank_first(struct str s)
{
    static const char *const wide[] = { "\xC2\xA0",     "\xE2\x80\xAF", "\xE3\x80\x80", "\xEF\xBB\xBF",
                                        "\xE2\x80\x8B", "\xE2\x80\x8E", "\xE2\x80\x8F" };
    if (!s.n) return 0;
    if (*s.p == ' ' || (*s.p >= '\t' && *s.p <= '\r')) return 1;
    if ((unsigned char)*s.p < 0xC2) return 0;
    for (size_t i = 0; i < sizeof wide / sizeof *wide; i++) {
        size_t n = strlen(wide[i]);
        if (s.n >= n && memcmp(s.p, wide[i], n) == 0) return n;
    }
    return 0;
}

static size_t blank_last(struct str s)
{
    if (!s.n) return 0;
    if ((unsigned char)s.p[s.n - 1] < 0x80) return blank_first((struct str){ s.p + s.n - 1, 1 });
    for (size_t n = 2; n <= 3 && n <= s.n; n++)
        if (blank_first((struct str){ s.p + s.n - n, n }) == n) return n;
    return 0;
}

struct str quote_trim(struct str s)
{
    for (size_t n; (n = blank_first(s)); s.n -= n) s.p += n;
    for (size_t n; (n = blank_last(s));) s.n -= n;
    return s;
}

struct line quote_line(const char *p, const char *end)
{
    const char *nl = memchr(p, '\n', (size_t)(end - p));
    const char *next = nl ? nl + 1 : end;
    return (struct line){ p, next, quote_trim((struct str){ p, (size_t)(next - p) }) };
}

static char lower(char c) { return c >= 'A' && c <= 'Z' ? (char)(c | 0x20) : c; }

bool quote_begins(struct str s, const char *z)
{
    size_t i = 0;
    while (i < s.n && z[i] && lower(s.p[i]) == z[i]) i++;
    return !z[i];
}

bool quote_ends(struct str s, const char *z)
{
    size_t n = strlen(z);
    return n <= s.n && quote_begins((struct str){ s.p + s.n - n, n }, z);
}

const char *quote_has(struct str s, const char *z)
{
    size_t n = strlen(z);
    for (; s.n >= n; s.p++, s.n--)
        if (lower(*s.p) == *z && quote_begins(s, z)) return s.p;
    return NULL;
}

bool quote_is(struct str s, const char *z)
{
    size_t i = 0;
    while (i < s.n && z[i] && lower(s.p[i]) == z[i]) i++;
    return !z[i] && i == s.n;
}

bool quote_is_any(struct str s, const char *const *words)
{
    char first = s.n ? lower(*s.p) : '\0';
    for (; *words; words++)
        if (**words == first && quote_is(s, *words)) return true;
    return false;
}

bool quote_begins_any(struct str s, const char *const *words)
{
    char first = s.n ? lower(*s.p) : '\0';
    for (; *words; words++)
        if (**words == first && quote_begins(s, *words)) return true;
    return false;
}

/* Most places of a text begin none of the words: their first bytes tell. */
bool quote_has_any(struct str s, const char *const *words)
{
    bool first[256] = { false };
    for (const char *const *z = words; *z; z++) first[(unsigned char)**z] = true;
    for (; s.n; s.p++, s.n--) {
        if (!first[(unsigned char)lower(*s.p)]) continue;
        if (quote_begins_any(s, words)) return true;
    }
    return false;
}

uint32_t quote_words(struct str s)
{
    uint32_t count = 0;
    for (bool in = false; s.n;) {
        size_t blank = blank_first(s), step = blank ? blank : 1;
        if (!blank && !in) count++;
        in = !blank;
        s.p += step;
        s.n -= step;
    }
    return count;
}

/* ---- what is kept ---- */

struct kept {
    const char *from; /* the text that is read */
    char *room;       /* what is kept lies there once it is not the front of `from` any more */
    bool moved;
    size_t n, part; /* bytes kept; of those, up to the last hole */
};

static const char *kept_at(const struct kept *k) { return k->moved ? k->room : k->from; }

static void keep(struct kept *k, const char *p, size_t n)
{
    if (!k->moved && p != k->from + k->n) {
        memmove(k->room, k->from, k->n); /* the room may be the text itself, in a later round */
        k->moved = true;
    }
    if (k->moved) memmove(k->room + k->n, p, n);
    k->n += n;
}

/* A hole begins, or the text ends: below the words there may be a signature. */
static void end_part(struct kept *k, bool mail)
{
    if (mail) k->n = k->part + quote_tail((struct str){ kept_at(k) + k->part, k->n - k->part });
    k->part = k->n;
}

/* ---- reading ---- */

struct reader {
    const char *end;
    bool mail, blocks;
};

/* Past the lines that introduce, those that are blank between them too. */
static const char *past_leads(const struct reader *r, const char *p)
{
    for (int lines = 0; p < r->end && lines < LEADS; lines++) {
        const char *after;
        struct line l = quote_line(p, r->end);
        enum lead lead = quote_lead(&l, r->end, r->blocks, &after);
        if (l.s.n && lead != LEAD_REST && lead != LEAD_MARKED) break;
        p = after;
    }
    return p;
}

/* Where reading goes on when what begins with `l` is quoted; NULL: it is words. *lead tells what it is. */
static const char *past_quote(const struct reader *r, const struct line *l, enum lead *lead)
{
    const char *p;
    *lead = LEAD_NONE;
    if (quote_marked(l, r->mail)) return l->next;
    if (!r->mail) return NULL;
    *lead = quote_lead(l, r->end, r->blocks, &p);
    if (*lead != LEAD_MARKED && *lead != LEAD_REST) return NULL;
    p = past_leads(r, p);
    if (p < r->end) {
        struct line first = quote_line(p, r->end);
        if (quote_marked(&first, true)) return p; /* line by line: replies may stand between */
    }
    return *lead == LEAD_REST ? r->end : NULL;
}

/* Bytes kept of what is read. */
static size_t read_once(const struct reader *r, struct kept *k)
{
    bool hole = false;
    for (const char *p = k->from, *next; p < r->end; p = next) {
        struct line l = quote_line(p, r->end);
        enum lead lead;
        next = past_quote(r, &l, &lead);
        if (next) {
            if (!hole) end_part(k, r->mail);
            hole = true;
            continue;
        }
        next = lead == LEAD_FORWARD ? r->end : l.next;
        keep(k, p, (size_t)(next - p));
        hole = false;
        if (lead == LEAD_FORWARD) return k->n; /* signatures in what is handed on are part of it */
    }
    end_part(k, r->mail);
    return k->n;
}

/* Can it hold anything to take away? One look for what almost every message has none of. */
static bool plain(struct str text, bool mail)
{
    if (mail) return !memchr(text.p, '\n', text.n);
    return !memchr(text.p, '>', text.n) && !memmem(text.p, text.n, "\xEF\xBC\x9E", 3);
}

struct str quote_own_words(struct str text, struct str channel, char *room, size_t cap)
{
    bool email = str_is(channel, "email"), mail = email || str_is(channel, "form");
    struct str now = text;
    if (!text.n || cap < text.n || plain(text, mail)) return text;
    for (int round = 0; round < ROUNDS; round++) {
        struct reader r = { now.p + now.n, mail, email };
        struct kept k = { .from = now.p, .room = room };
        size_t n = read_once(&r, &k);
        if (n == now.n && !k.moved) return now;
        now = quote_trim((struct str){ kept_at(&k), n });
        if (!now.n) return text;
    }
    return text;
}

static size_t thousands(size_t v, char *out, size_t cap)
{
    if (v < 1000) return (size_t)snprintf(out, cap, "%zu", v);
    size_t n = thousands(v / 1000, out, cap);
    return n + (size_t)snprintf(out + n, cap - n, ",%03zu", v % 1000);
}

struct str quote_say(size_t own, size_t whole, char out[QUOTE_SAID])
{
    size_t n = thousands(own, out, QUOTE_SAID);
    n += (size_t)snprintf(out + n, QUOTE_SAID - n, " of ");
    n += thousands(whole, out + n, QUOTE_SAID - n);
    n += (size_t)snprintf(out + n, QUOTE_SAID - n, " bytes");
    return (struct str){ out, n };
}
