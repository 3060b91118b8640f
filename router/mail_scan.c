/* A look over a mail before a parser builds a tree of it. A parser keeps every header and every part as an object; a mail within
   the limit of bytes can hold millions of them. So heads are measured and parts counted first, at the speed of memchr.

   A head is what stands at the front, after each line that may be a boundary, and after the head of a mail within the mail, up to
   the next blank line. A boundary is a line that begins with "--" and one of the words that are given as `boundary=` anywhere in
   it; where a mail cuts that parameter in pieces (RFC 2231), every line that begins with "--" counts. It may find more heads than
   there are, never fewer. */
#include "router/mail.h"

#include <strings.h>

#define BOUNDARIES 64u

struct scan {
    struct str words[BOUNDARIES];
    uint32_t count;
    bool any;    /* every "--" line may be one */
    bool digest; /* parts may be mails without saying so */
    uint32_t parts, nested;
    bool in_head, message; /* the head says that a mail follows */
    size_t head;
};

static bool has(struct str s, const char *word)
{
    size_t n = strlen(word);
    for (const char *p = s.p, *end = s.p + s.n; (size_t)(end - p) >= n; p++)
        if ((*p | 0x20) == *word && strncasecmp(p, word, n) == 0) return true;
    return false;
}

static void boundary(struct scan *c, struct str line)
{
    for (const char *p = line.p, *end = line.p + line.n; end - p > 9; p++) {
        if ((*p | 0x20) != 'b' || strncasecmp(p, "boundary", 8)) continue;
        const char *from = p + 8;
        while (from < end && (*from == ' ' || *from == '\t')) from++;
        if (from == end || *from != '=' || c->count == BOUNDARIES) {
            c->any = true; /* cut in pieces, or too many */
            continue;
        }
        from++;
        while (from < end && (*from == ' ' || *from == '\t' || *from == '"')) from++;
        const char *to = from;
        while (to < end && *to && !strchr("\"; \t\\(", *to)) to++;
        if (to == from) c->any = true; /* folded, escaped */
        else c->words[c->count++] = (struct str){ from, (size_t)(to - from) };
    }
}

static bool is_boundary(const struct scan *c, struct str line)
{
    if (line.n < 2 || line.p[0] != '-' || line.p[1] != '-') return false;
    for (uint32_t i = 0; i < c->count; i++)
        if (line.n - 2 >= c->words[i].n && !memcmp(line.p + 2, c->words[i].p, c->words[i].n)) return true;
    return c->any;
}

static enum err head_line(struct scan *c, struct str line)
{
    c->head += line.n + 1;
    if (c->head > LIM_MAIL_HEAD) return ERR_TOOBIG;
    if (!line.n) {
        c->in_head = c->message || c->digest;
        c->nested += c->message;
        c->head = 0;
        c->message = false;
        return c->nested > LIM_MAIL_NESTED ? ERR_TOOBIG : ERR_OK;
    }
    boundary(c, line);
    if (has(line, "message/")) c->message = true;
    if (has(line, "multipart/digest")) c->digest = true;
    return ERR_OK;
}

enum err mail_scan(struct str s)
{
    struct scan c = { .in_head = true };
    enum err err = ERR_OK;
    while (s.n && !err) {
        const char *nl = memchr(s.p, '\n', s.n);
        size_t all = nl ? (size_t)(nl - s.p) + 1 : s.n;
        struct str line = { s.p, nl ? all - 1 : all };
        if (line.n && line.p[line.n - 1] == '\r') line.n--;
        if (is_boundary(&c, line)) {
            if (++c.parts > LIM_MAIL_PARTS) err = ERR_TOOBIG;
            c.in_head = true;
            c.message = false;
            c.head = 0;
        } else if (c.in_head) {
            err = head_line(&c, line);
        }
        s.p += all;
        s.n -= all;
    }
    return err;
}
