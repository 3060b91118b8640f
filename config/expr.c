/* One pass over an expression writes it for the matcher and weighs it.

   Weighing stands for the matcher's own bound, which comes too late: it unrolls counted repeats before it finds that they are too
   large, and takes seconds for it. `last` is the weight of the element just read, which a repeat behind it multiplies; sums[depth]
   is that of the open group's elements before it. */
#include "config/expr.h"

#include <hs/hs.h>
#include <stdio.h>
#include <stdlib.h>

#define DEPTH_MAX 16u
#define WALK      50u /* states from which an expression without plain characters is worth a warning */
#define CLASS     4u  /* states of a class: UTF-8 has four lengths */
#define PROPERTY  60u /* … of \p{…}, which is hundreds of ranges */

/* Letters and digits of all scripts, by blocks: what of them a key can hold. */
#define DIGITS "0-9\\x{660}-\\x{669}\\x{6f0}-\\x{6f9}\\x{966}-\\x{96f}\\x{9e6}-\\x{9ef}\\x{e50}-\\x{e59}"
#define WORDS                                                                                                                      \
    "0-9a-z_\\x{b5}\\x{df}-\\x{2ff}\\x{370}-\\x{1fff}\\x{2e80}-\\x{2fdf}\\x{3005}-\\x{3007}\\x{3031}-\\x{d7ff}\\x{f900}-\\x{faff}" \
    "\\x{20000}-\\x{3ffff}"
/* … of scripts that put spaces between words. */
#define SPACED        "0-9a-z\\x{b5}\\x{df}-\\x{2ff}\\x{370}-\\x{dff}\\x{10a0}-\\x{10ff}\\x{1e00}-\\x{1fff}"
#define BORDER_BEFORE "(?:^|[^" SPACED "])"
#define BORDER_BEHIND "(?:$|[^" SPACED "])"

struct making {
    struct str in;
    size_t at;
    struct buf *out;
    char *why;
    uint32_t sums[DEPTH_MAX + 1], depth, last;
    uint32_t run, plain; /* bytes of plain characters up to here, and the most of them in a row */
    bool refused;
};

static void refuse(struct making *m, const char *text)
{
    if (!m->refused) snprintf(m->why, 200, "%s", text);
    m->refused = true;
}

static uint32_t plus(uint32_t a, uint32_t b) { return a + b < 1000000u ? a + b : 1000000u; }

static void element(struct making *m, uint32_t weight)
{
    m->sums[m->depth] = plus(m->sums[m->depth], m->last);
    m->last = weight;
    m->run = 0;
}

/* A character that stands for itself. */
static void plain(struct making *m, size_t n)
{
    uint32_t run = m->run + (uint32_t)n;
    element(m, (uint32_t)n);
    m->run = run;
    if (run > m->plain) m->plain = run;
}

static char ahead(const struct making *m, size_t n) { return m->at + n < m->in.n ? m->in.p[m->at + n] : 0; }

static void copy(struct making *m, size_t n)
{
    if (n > m->in.n - m->at) n = m->in.n - m->at;
    buf_add(m->out, m->in.p + m->at, n);
    m->at += n;
}

static void put(struct making *m, size_t skip, const char *text)
{
    buf_addz(m->out, text);
    m->at += skip;
}

/* \Q … \E, as it is. */
static void quoted(struct making *m)
{
    while (m->at < m->in.n && !(ahead(m, 0) == '\\' && ahead(m, 1) == 'E')) {
        plain(m, 1);
        copy(m, 1);
    }
    copy(m, 2);
}

static void braced(struct making *m) /* \x{…} \p{…} */
{
    size_t n = 3;
    while (m->at + n < m->in.n && ahead(m, n - 1) != '}') n++;
    element(m, ahead(m, 1) == 'x' ? 3 : PROPERTY);
    copy(m, n);
}

static void escape(struct making *m)
{
    char c = ahead(m, 1);
    static const char inside[] = "\\b may only begin or end an expression: within it, write a blank or [^\\w]";
    if (c == 'b' && m->at == 0) put(m, 2, BORDER_BEFORE), element(m, CLASS);
    else if (c == 'b' && m->at + 2 == m->in.n) put(m, 2, BORDER_BEHIND), element(m, CLASS);
    else if (c == 'b' || c == 'B') refuse(m, c == 'b' ? inside : "\\B is not used here"), m->at += 2;
    else if (c == 'w') put(m, 2, "[" WORDS "]"), element(m, CLASS);
    else if (c == 'W') put(m, 2, "[^" WORDS "]"), element(m, CLASS);
    else if (c == 'd') put(m, 2, "[" DIGITS "]"), element(m, CLASS);
    else if (c == 'D') put(m, 2, "[^" DIGITS "]"), element(m, CLASS);
    else if (c == 'Q') quoted(m);
    else if ((c == 'x' || c == 'p' || c == 'P') && ahead(m, 2) == '{') braced(m);
    else if (c && strchr("sSpPhHvVNR", c)) element(m, CLASS), copy(m, 2);
    else plain(m, 1), copy(m, 2);
}

static void class_escape(struct making *m)
{
    char c = ahead(m, 1);
    if (c == 'w') put(m, 2, WORDS);
    else if (c == 'd') put(m, 2, DIGITS);
    else if (c == 'W' || c == 'D') refuse(m, "\\W and \\D stand outside of [ ] only: inside, write [^\\w…]"), m->at += 2;
    else copy(m, 2);
}

static void class(struct making *m)
{
    element(m, CLASS);
    copy(m, ahead(m, 1) == '^' ? 2 : 1);
    if (ahead(m, 0) == ']') copy(m, 1); /* the first one is a member */
    while (m->at < m->in.n && ahead(m, 0) != ']') {
        if (ahead(m, 0) == '\\') class_escape(m);
        else if (ahead(m, 0) == '[' && ahead(m, 1) == ':') {
            size_t n = 2;
            while (m->at + n < m->in.n && ahead(m, n) != ']') n++;
            copy(m, n + 1);
        } else copy(m, 1);
    }
    copy(m, 1);
}

static void open_group(struct making *m)
{
    if (m->depth == DEPTH_MAX) {
        refuse(m, "groups are nested too deep: more than 16 levels");
        m->at = m->in.n;
        return;
    }
    element(m, 0);
    m->sums[++m->depth] = 0;
    copy(m, 1);
    if (ahead(m, 0) != '?') return;
    while (m->at < m->in.n && !strchr(":)=!<#'", ahead(m, 0))) copy(m, 1); /* (?i: … ) */
    if (ahead(m, 0) != ')') copy(m, 1);
}

static void close_group(struct making *m)
{
    element(m, 0);
    copy(m, 1);
    if (m->depth == 0) return; /* the matcher says so better */
    m->last = m->sums[m->depth--];
}

/* {m}, {m,} or {m,n}: so many times what stands before it. Other braces are plain characters. */
static void repeat(struct making *m)
{
    uint32_t count = 0, least = 0;
    size_t n = 1;
    for (; ahead(m, n) >= '0' && ahead(m, n) <= '9'; n++) least = plus(least * 10, (uint32_t)(ahead(m, n) - '0'));
    bool comma = n > 1 && ahead(m, n) == ',';
    if (comma) n++;
    for (; comma && ahead(m, n) >= '0' && ahead(m, n) <= '9'; n++) count = plus(count * 10, (uint32_t)(ahead(m, n) - '0'));
    if (n == 1 || ahead(m, n) != '}') {
        element(m, 1);
        copy(m, 1);
        return;
    }
    if (least > count) count = least;
    m->run = 0;
    m->last = (uint64_t)m->last * count < 1000000u ? m->last * count : 1000000u;
    copy(m, n + 1);
}

static void one(struct making *m)
{
    switch (ahead(m, 0)) {
    case '\\': escape(m); break;
    case '[': class(m); break;
    case '(': open_group(m); break;
    case ')': close_group(m); break;
    case '{': repeat(m); break;
    case '|': element(m, 0), copy(m, 1); break;
    case '*':
    case '+':
    case '?':
    case '^':
    case '$': m->run = 0, copy(m, 1); break;
    case '.': element(m, CLASS), copy(m, 1); break;
    default: {
        size_t n = 1;
        while (((unsigned char)ahead(m, n) & 0xC0) == 0x80) n++;
        plain(m, n);
        copy(m, n);
    }
    }
}

/* *walks: nothing plain stands in it that could be looked for, and it is not small: every message is walked through. */
static enum err make(struct str written, struct buf *out, char why[200], bool *walks)
{
    struct making m = { .in = written, .out = out, .why = why };
    if (written.n == 0) refuse(&m, "an empty expression says nothing");
    if (written.n > EXPR_MAX) {
        snprintf(why, 200, "has %zu bytes; at most %u are allowed", written.n, EXPR_MAX);
        return ERR_POLICY;
    }
    while (m.at < m.in.n) one(&m);
    while (m.depth) element(&m, 0), m.last = m.sums[m.depth--]; /* groups left open: the matcher says so better */
    uint32_t weight = plus(m.sums[0], m.last);
    if (!m.refused && weight > EXPR_WEIGHT) {
        snprintf(why, 200, "is too large: its repeats come to %u states, at most %u are allowed: shorten the {m,n} in it", weight,
                 EXPR_WEIGHT);
        return ERR_POLICY;
    }
    *walks = m.plain < 2 && weight >= WALK;
    return m.refused ? ERR_POLICY : out->err;
}

enum err expr_make(struct str written, struct buf *out, char why[200])
{
    bool walks;
    return make(written, out, why, &walks);
}

unsigned expr_flags(void) { return HS_FLAG_UTF8 | HS_FLAG_CASELESS | HS_FLAG_MULTILINE | HS_FLAG_SINGLEMATCH; }

/* ---- checking ---- */

/* The matcher's words; a place that it names in what we made of the expression is left out when that is not what was written. */
static void say_refused(const char *message, bool same, char why[200])
{
    const char *at = strstr(message, " at index ");
    size_t n = at && !same ? (size_t)(at - message) : strlen(message);
    while (n && message[n - 1] == '.') n--;
    snprintf(why, 200, "does not compile: %.*s", (int)(n < 150 ? n : 150), message);
}

static bool begins(struct str s, const char *with) { return s.n >= strlen(with) && !memcmp(s.p, with, strlen(with)); }

enum err expr_check(struct str written, char why[200])
{
    hs_compile_error_t *trouble = NULL;
    hs_expr_info_t *info = NULL;
    struct buf made;
    buf_init(&made, 256u << 10);
    why[0] = 0;
    bool walks = false;
    enum err e = make(written, &made, why, &walks);
    if (e) goto out;
    if (hs_expression_info(buf_cstr(&made), expr_flags(), &info, &trouble) != HS_SUCCESS) {
        say_refused(trouble->message, str_eq(buf_str(&made), written), why);
        e = ERR_POLICY;
    } else if (info->min_width == 0) {
        snprintf(why, 200, "is found in everything, because it may match nothing at all: ask for at least one character");
        e = ERR_POLICY;
    } else if (begins(written, ".*") || begins(written, ".+")) {
        snprintf(why, 200, "begins with \"%.2s\", which costs and says nothing: an expression is found anywhere", written.p);
    } else if (walks) {
        snprintf(why, 200,
                 "has no word that could be looked for, so every message is walked through for it (about 1 us): add one, or "
                 "shorten its repeats");
    } else if (info->max_width == 1) {
        snprintf(why, 200, "is a single character, which most messages may have: is that meant?");
    }
out:
    hs_free_compile_error(trouble);
    free(info);
    buf_fini(&made);
    return e;
}
