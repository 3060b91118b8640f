/* A look over a mail before a parser builds a tree of it. A parser keeps every header and every part as an object; a mail within
   the limit of bytes can hold millions of them. So heads are measured and parts counted first, at the speed of memchr.

   A head is what stands at the front, after each line that may be a boundary, and after the head of a mail within the mail, up to
   the next blank line. A boundary is a line that begins with "--" and one of the words that are given as `boundary=` anywhere in
   it; where a mail cuts that parameter in pieces (RFC 2231), every line that begins with "--" counts. It may find more heads than
   there are, never fewer. So a parameter that the parser decodes (RFC 2047, another charset) makes every "--" line count as well,
   and a type that is spelt with blanks, comments or line ends around its slash is the same type. */
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
    bool in_type;          /* within the lines of a Content-Type, before its parameters; what of it is … */
    char type[20];         /* … no comment and no blank, in lower case */
    uint32_t type_n, comments;
    uint32_t colons; /* of one field */
    size_t head;
};

static bool has(struct str s, const char *word)
{
    size_t n = strlen(word);
    for (const char *p = s.p, *end = s.p + s.n; (size_t)(end - p) >= n; p++)
        if ((*p | 0x20) == *word && strncasecmp(p, word, n) == 0) return true;
    return false;
}

/* Is it spelt in other bytes than those in the mail's lines? */
static bool is_encoded(struct str word)
{
    for (size_t i = 0; i < word.n; i++)
        if ((unsigned char)word.p[i] >= 0x80 || (word.p[i] == '=' && i + 1 < word.n && word.p[i + 1] == '?')) return true;
    return false;
}

static void boundary(struct scan *c, struct str line)
{
    for (const char *p = line.p, *end = line.p + line.n; end - p >= 8; p++) {
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
        struct str word = { from, (size_t)(to - from) };
        if (!word.n || is_encoded(word)) c->any = true; /* folded, escaped, decoded before it is looked for */
        else c->words[c->count++] = word;
    }
}

static bool is_boundary(const struct scan *c, struct str line)
{
    if (line.n < 2 || line.p[0] != '-' || line.p[1] != '-') return false;
    for (uint32_t i = 0; i < c->count; i++)
        if (line.n - 2 >= c->words[i].n && !memcmp(line.p + 2, c->words[i].p, c->words[i].n)) return true;
    return c->any;
}

/* RFC 5322, 3.2.2: comments nest, and a backslash takes the next character along. */
static void type_text(struct scan *c, struct str s)
{
    for (size_t i = 0; i < s.n && c->in_type; i++) {
        char ch = s.p[i];
        if (ch == '(') c->comments++;
        else if (c->comments && ch == '\\') i++;
        else if (c->comments) c->comments -= ch == ')';
        else if (ch == ';') c->in_type = false;
        else if ((unsigned char)ch > ' ' && c->type_n < sizeof c->type)
            c->type[c->type_n++] = ch >= 'A' && ch <= 'Z' ? (char)(ch | 0x20) : ch;
    }
    struct str type = { c->type, c->type_n };
    c->message |= type.n >= 8 && !memcmp(type.p, "message/", 8);
    c->digest |= type.n >= 16 && !memcmp(type.p, "multipart/digest", 16);
}

/* In an address list a colon begins a group, and GMime calls itself for each: as many as it has stack for are too many. */
static bool colons_fit(struct scan *c, struct str line)
{
    if (*line.p != ' ' && *line.p != '\t') c->colons = 0;
    for (size_t i = 0; i < line.n; i++) c->colons += line.p[i] == ':';
    return c->colons <= LIM_MAIL_COLONS;
}

static void type_line(struct scan *c, struct str line)
{
    static const char name[] = "Content-Type";
    bool goes_on = *line.p == ' ' || *line.p == '\t';
    const char *colon = memchr(line.p, ':', line.n);
    if (!goes_on) {
        c->in_type = colon && !strncasecmp(line.p, name, sizeof name - 1);
        c->type_n = c->comments = 0;
        line = (struct str){ colon ? colon + 1 : line.p, colon ? line.n - (size_t)(colon + 1 - line.p) : 0 };
    }
    type_text(c, line);
}

static enum err head_line(struct scan *c, struct str line)
{
    c->head += line.n + 1;
    if (c->head > LIM_MAIL_HEAD) return ERR_TOOBIG;
    if (!line.n) {
        c->in_head = c->message || c->digest;
        c->nested += c->message;
        c->head = 0;
        c->message = c->in_type = false;
        return c->nested > LIM_MAIL_NESTED ? ERR_TOOBIG : ERR_OK;
    }
    if (!colons_fit(c, line)) return ERR_TOOBIG;
    boundary(c, line);
    type_line(c, line);
    if (has(line, "message/")) c->message = true;
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
            c.message = c.in_type = false;
            c.head = 0;
        } else if (c.in_head) {
            err = head_line(&c, line);
        }
        s.p += all;
        s.n -= all;
    }
    return err;
}
