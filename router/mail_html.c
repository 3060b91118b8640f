/* HTML to plain text: not a parser of HTML, a reader of its words.

   The page is read once from the front. A tag is what stands between "<" and the next ">" outside of quotes; what it means is a row
   of `tags`: a line ends before and after it, its content is not for reading, it quotes. Anything else in a tag is passed over.
   Words are written as they come, a run of blanks as one; blanks and line ends are owed until the next word, so none stand at an
   end. Where quotes begin and end ("blockquote"), the depth stands in "> " before each line, which is how people and the reader of
   own words know them. A page that closes what it never opened, or never closes what it did, is read all the same. */
#include "router/mail_text.h"

#include <stdlib.h>
#include <strings.h>

#define QUOTE_MOST 8u

enum tag_kind {
    TAG_BREAK = 1,  /* a new line */
    TAG_BLOCK = 2,  /* on lines of its own */
    TAG_PARA = 4,   /* … with a blank line around */
    TAG_HIDE = 8,   /* what stands in it is not for reading */
    TAG_QUOTE = 16, /* deeper */
    TAG_ITEM = 32,  /* begins with "- " */
    TAG_CELL = 64,  /* a blank beside it */
    TAG_PRE = 128,  /* blanks and line ends stand as they are */
    TAG_RAW = 256,  /* up to its own end tag there are no tags */
    TAG_HEAD = 512, /* ends, whatever is missing, where the … */
    TAG_BODY = 1024 /* … page begins */
};
static const struct tag {
    const char *name;
    unsigned kind;
} tags[] = {
    { "address", TAG_BLOCK },
    { "article", TAG_BLOCK },
    { "body", TAG_BODY },
    { "blockquote", TAG_BLOCK | TAG_QUOTE },
    { "br", TAG_BREAK },
    { "dd", TAG_BLOCK },
    { "div", TAG_BLOCK },
    { "dl", TAG_BLOCK },
    { "dt", TAG_BLOCK },
    { "footer", TAG_BLOCK },
    { "form", TAG_BLOCK },
    { "h1", TAG_PARA },
    { "h2", TAG_PARA },
    { "h3", TAG_PARA },
    { "h4", TAG_PARA },
    { "h5", TAG_PARA },
    { "h6", TAG_PARA },
    { "head", TAG_HIDE | TAG_HEAD },
    { "header", TAG_BLOCK },
    { "hr", TAG_BLOCK },
    { "li", TAG_BLOCK | TAG_ITEM },
    { "noscript", TAG_HIDE },
    { "ol", TAG_BLOCK },
    { "p", TAG_PARA },
    { "pre", TAG_BLOCK | TAG_PRE },
    { "script", TAG_RAW },
    { "section", TAG_BLOCK },
    { "style", TAG_RAW },
    { "svg", TAG_HIDE },
    { "table", TAG_BLOCK },
    { "td", TAG_CELL },
    { "template", TAG_HIDE },
    { "th", TAG_CELL },
    { "title", TAG_HIDE | TAG_HEAD },
    { "tr", TAG_BLOCK },
    { "ul", TAG_BLOCK },
};

static const struct entity {
    const char *name, *text;
} entities[] = {
    { "amp", "&" },    { "apos", "'" },   { "bull", "•" },   { "cent", "¢" },   { "copy", "©" },   { "deg", "°" },
    { "euro", "€" },   { "gt", ">" },     { "hellip", "…" }, { "laquo", "«" },  { "larr", "←" },   { "ldquo", "“" },
    { "lsquo", "‘" },  { "lt", "<" },     { "mdash", "—" },  { "middot", "·" }, { "nbsp", " " },   { "ndash", "–" },
    { "pound", "£" },  { "quot", "\"" },  { "raquo", "»" },  { "rarr", "→" },   { "rdquo", "”" },  { "reg", "®" },
    { "rsquo", "’" },  { "sect", "§" },   { "shy", "" },     { "szlig", "ß" },  { "times", "×" },  { "trade", "™" },
    { "uuml", "ü" },   { "Uuml", "Ü" },   { "ouml", "ö" },   { "Ouml", "Ö" },   { "auml", "ä" },   { "Auml", "Ä" },
    { "eacute", "é" }, { "egrave", "è" }, { "ecirc", "ê" },  { "agrave", "à" }, { "acirc", "â" },  { "aacute", "á" },
    { "ccedil", "ç" }, { "iacute", "í" }, { "icirc", "î" },  { "ntilde", "ñ" }, { "oacute", "ó" }, { "ocirc", "ô" },
    { "uacute", "ú" }, { "ugrave", "ù" }, { "yen", "¥" },    { "zwnj", "" },    { "zwj", "" },     { "ensp", " " },
    { "emsp", " " },   { "thinsp", " " }, { "iexcl", "¡" },  { "iquest", "¿" },
};

struct page {
    struct buf *out;
    unsigned breaks;  /* line ends owed … */
    bool blank, item; /* … a blank, a "- " */
    bool any;         /* something was written */
    bool pre;
    unsigned depth; /* of quotes now … */
    const struct tag *hidden;
    unsigned hidden_deep;
};

/* ---- writing ---- */

static void line_start(struct page *g)
{
    for (unsigned i = 0; i < g->depth && i < QUOTE_MOST; i++) buf_addc(g->out, '>');
    if (g->depth) buf_addc(g->out, ' ');
}

/* What is owed, before a word. */
static void settle(struct page *g)
{
    if (!g->any) {
        line_start(g);
    } else if (g->breaks) {
        buf_addc(g->out, '\n');
        for (unsigned i = 1; i < g->breaks; i++) {
            line_start(g);
            buf_addc(g->out, '\n');
        }
        line_start(g);
    } else if (g->blank) {
        buf_addc(g->out, ' ');
    }
    if (g->item) buf_addz(g->out, "- ");
    g->breaks = 0;
    g->blank = g->item = false;
    g->any = true;
}

static void owe(struct page *g, unsigned breaks)
{
    if (g->breaks < breaks) g->breaks = breaks;
    g->blank = false;
}

static void word(struct page *g, const char *p, size_t n)
{
    if (!n) return;
    settle(g);
    buf_add(g->out, p, n);
}

static bool is_blank(char c) { return c == ' ' || (c >= '\t' && c <= '\r'); }

/* ---- entities ---- */

static size_t put_utf8(uint32_t c, char out[4])
{
    if (c < 0x20 || (c >= 0xD800 && c < 0xE000) || c > 0x10FFFF || (c >= 0x7f && c < 0xa0)) c = ' ';
    if (c == 0xA0) c = ' ';
    if (c < 0x80) return out[0] = (char)c, 1;
    if (c < 0x800) return out[0] = (char)(0xC0 | c >> 6), out[1] = (char)(0x80 | (c & 63)), 2;
    if (c < 0x10000)
        return out[0] = (char)(0xE0 | c >> 12), out[1] = (char)(0x80 | (c >> 6 & 63)), out[2] = (char)(0x80 | (c & 63)), 3;
    out[0] = (char)(0xF0 | c >> 18);
    out[1] = (char)(0x80 | (c >> 12 & 63));
    out[2] = (char)(0x80 | (c >> 6 & 63));
    out[3] = (char)(0x80 | (c & 63));
    return 4;
}

/* What "&…;" at s.p means; gives the bytes that it takes, 0: it is none. */
static size_t entity(struct str s, char out[4], size_t *n)
{
    size_t end = 1;
    while (end < s.n && end < 12 &&
           ((s.p[end] | 0x20) >= 'a' && (s.p[end] | 0x20) <= 'z' ? 1 : s.p[end] == '#' || (s.p[end] >= '0' && s.p[end] <= '9')))
        end++;
    if (end < 2 || end >= s.n || s.p[end] != ';') return 0;
    if (s.p[1] == '#') {
        char digits[12] = { 0 };
        memcpy(digits, s.p + 2, end - 2);
        bool hex = (digits[0] | 0x20) == 'x';
        *n = put_utf8((uint32_t)strtoul(digits + hex, NULL, hex ? 16 : 10), out);
        return end + 1;
    }
    for (size_t i = 0; i < sizeof entities / sizeof *entities; i++) {
        if (!str_eq((struct str){ s.p + 1, end - 1 }, str_of(entities[i].name))) continue;
        *n = strlen(entities[i].text);
        memcpy(out, entities[i].text, *n);
        return end + 1;
    }
    return 0;
}

/* ---- tags ---- */

static const struct tag *tag_find(struct str name)
{
    for (size_t i = 0; i < sizeof tags / sizeof *tags; i++)
        if (name.n == strlen(tags[i].name) && strncasecmp(name.p, tags[i].name, name.n) == 0) return &tags[i];
    return NULL;
}

/* Bytes of the tag, comment or declaration at s.p ('<'); all that is left when it never ends. */
static size_t tag_length(struct str s)
{
    if (s.n >= 4 && !memcmp(s.p, "<!--", 4)) {
        const char *end = memmem(s.p + 4, s.n - 4, "-->", 3);
        return end ? (size_t)(end + 3 - s.p) : s.n;
    }
    char quote = 0;
    for (size_t i = 1; i < s.n; i++) {
        if (quote) quote = s.p[i] == quote ? 0 : quote;
        else if ((s.p[i] == '"' || s.p[i] == '\'') && s.p[i - 1] == '=') quote = s.p[i];
        else if (s.p[i] == '>') return i + 1;
    }
    const char *end = memchr(s.p, '>', s.n); /* a quote that nobody closed */
    return end ? (size_t)(end + 1 - s.p) : s.n;
}

static void hide(struct page *g, const struct tag *t, bool closes)
{
    if (!g->hidden && !closes) g->hidden = t, g->hidden_deep = 1;
    else if (g->hidden == t && !closes) g->hidden_deep++;
    else if (g->hidden == t && --g->hidden_deep == 0) g->hidden = NULL;
}

/* Bytes up to the end tag "</name". */
static size_t raw_length(struct str s, const char *name)
{
    size_t n = strlen(name);
    for (const char *p = s.p, *end = s.p + s.n; (p = memmem(p, (size_t)(end - p), "</", 2)); p += 2)
        if ((size_t)(end - p) >= n + 2 && strncasecmp(p + 2, name, n) == 0) return (size_t)(p - s.p);
    return s.n;
}

static void apply(struct page *g, const struct tag *t, bool closes)
{
    if (t->kind & TAG_BREAK) g->breaks = g->breaks < 3 ? g->breaks + 1 : 3, g->blank = false;
    if (t->kind & TAG_BLOCK) owe(g, 1);
    if (t->kind & TAG_PARA) owe(g, 2);
    if (t->kind & TAG_CELL && !g->breaks) g->blank = g->any;
    if (t->kind & TAG_ITEM) g->item = !closes;
    if (t->kind & TAG_PRE) g->pre = !closes;
    if (t->kind & TAG_QUOTE && !closes) g->depth++;
    else if (t->kind & TAG_QUOTE && g->depth) g->depth--;
}

static size_t take_tag(struct page *g, struct str s)
{
    size_t n = tag_length(s), at = 1;
    bool closes = n > 1 && s.p[1] == '/', itself = n > 2 && s.p[n - 2] == '/';
    at += closes;
    size_t from = at;
    while (at < n && ((s.p[at] | 0x20) >= 'a' && (s.p[at] | 0x20) <= 'z' ? 1 : s.p[at] >= '0' && s.p[at] <= '9')) at++;
    const struct tag *t = tag_find((struct str){ s.p + from, at - from });
    if (!t) return n;
    if (t->kind & TAG_BODY && g->hidden && g->hidden->kind & TAG_HEAD) g->hidden = NULL;
    if (t->kind & TAG_RAW && !closes && !itself) n += raw_length((struct str){ s.p + n, s.n - n }, t->name);
    else if (t->kind & TAG_HIDE && !itself) hide(g, t, closes);
    else if (!g->hidden) apply(g, t, closes);
    return n;
}

/* ---- the page ---- */

static size_t take_words(struct page *g, struct str s)
{
    size_t n = 0;
    while (n < s.n && s.p[n] != '<' && s.p[n] != '&' && !is_blank(s.p[n])) n++;
    if (!g->hidden) word(g, s.p, n);
    return n;
}

static void take_blank(struct page *g, char c)
{
    if (g->hidden) return;
    if (!g->pre) g->blank = g->blank || (g->any && !g->breaks);
    else if (c == '\n') g->breaks = g->breaks < 3 ? g->breaks + 1 : 3;
    else if (c != '\r') word(g, " ", 1);
}

static size_t take_entity(struct page *g, struct str s)
{
    char text[4];
    size_t n = 0, used = entity(s, text, &n);
    if (g->hidden) return used ? used : 1;
    if (!used) return word(g, "&", 1), 1;
    if (n == 1 && *text == ' ') take_blank(g, ' ');
    else word(g, text, n);
    return used;
}

static bool starts_tag(struct str s)
{
    char c = s.n > 1 ? s.p[1] : 0;
    return *s.p == '<' && (c == '/' || c == '!' || c == '?' || ((c | 0x20) >= 'a' && (c | 0x20) <= 'z'));
}

void mail_unhtml(struct buf *out, struct str html)
{
    struct page g = { .out = out };
    for (size_t n; html.n && !out->err; html.p += n, html.n -= n) {
        if (starts_tag(html)) n = take_tag(&g, html);
        else if (*html.p == '<') n = 1, g.hidden ? (void)0 : word(&g, "<", 1);
        else if (*html.p == '&') n = take_entity(&g, html);
        else if (is_blank(*html.p)) n = 1, take_blank(&g, *html.p);
        else n = take_words(&g, html);
    }
    if (g.any) buf_addc(out, '\n');
}
