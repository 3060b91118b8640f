#include "router/mail_text.h"

#include <errno.h>
#include <iconv.h>
#include <stdio.h>
#include <strings.h>

/* ---- what is UTF-8 already ---- */

static bool is_control(char c) { return (unsigned char)c < 0x20 || c == 0x7f; }

void mail_clean(struct buf *out, struct str s)
{
    while (s.n) {
        size_t step = str_utf8_step(s.p, s.n);
        if (*s.p == '\r') {
            if (s.n < 2 || s.p[1] != '\n') buf_addc(out, '\n');
            step = 1;
        } else if (step == 0) {
            buf_addz(out, "\xEF\xBF\xBD");
            step = 1;
        } else if (step > 1 || !is_control(*s.p) || *s.p == '\n' || *s.p == '\t') {
            buf_add(out, s.p, step);
        }
        s.p += step;
        s.n -= step;
    }
}

/* ---- what is not ---- */

/* What is written under a name, and how it is best read. */
static const struct charset {
    const char *name, *iconv;
} charsets[] = {
    { "euc-kr", "CP949" },         { "ks_c_5601-1987", "CP949" },
    { "ks_c_5601-1989", "CP949" }, { "ks_c_5601", "CP949" },
    { "ksc5601", "CP949" },        { "ksc_5601", "CP949" },
    { "ks-c-5601-1987", "CP949" }, { "korean", "CP949" },
    { "euckr", "CP949" },          { "uhc", "CP949" },
    { "x-windows-949", "CP949" },  { "windows-949", "CP949" },
    { "ms949", "CP949" },          { "gb2312", "GB18030" },
    { "gbk", "GB18030" },          { "x-gbk", "GB18030" },
    { "cp936", "GB18030" },        { "shift_jis", "CP932" },
    { "shift-jis", "CP932" },      { "x-sjis", "CP932" },
    { "sjis", "CP932" },           { "iso-2022-jp", "ISO-2022-JP-2" },
    { "big5", "BIG5-HKSCS" },      { "iso-8859-1", "WINDOWS-1252" },
    { "latin1", "WINDOWS-1252" },  { "iso-8859-9", "WINDOWS-1254" },
    { "tis-620", "CP874" },
};

static bool is_name(struct str s, const char *z) { return s.n == strlen(z) && strncasecmp(s.p, z, s.n) == 0; }
static bool says_nothing(struct str s)
{
    return !s.n || is_name(s, "us-ascii") || is_name(s, "utf-8") || is_name(s, "utf8") || is_name(s, "unknown-8bit") ||
           is_name(s, "x-unknown") || is_name(s, "default");
}

static iconv_t open_charset(struct str name)
{
    char text[64];
    for (size_t i = 0; i < sizeof charsets / sizeof *charsets; i++)
        if (is_name(name, charsets[i].name)) return iconv_open("UTF-8", charsets[i].iconv);
    if (name.n >= sizeof text || memchr(name.p, '/', name.n)) return (iconv_t)-1; /* "//" would be an instruction to iconv */
    snprintf(text, sizeof text, "%.*s", STR_FMT(name));
    return iconv_open("UTF-8", text);
}

/* Appends all of it; what cannot be read is replaced and counted. */
static size_t convert(struct buf *out, iconv_t cd, struct str s)
{
    char *in = (char *)s.p, room[4096], *to;
    size_t left = s.n, bad = 0, space;
    while (left && !out->err) {
        to = room;
        space = sizeof room;
        size_t end = iconv(cd, &in, &left, &to, &space);
        int cause = end == (size_t)-1 ? errno : 0;
        buf_add(out, room, sizeof room - space);
        if (!cause || cause == E2BIG) continue;
        buf_addz(out, "\xEF\xBF\xBD");
        bad++;
        in++;
        left--;
    }
    return bad;
}

static bool try_charset(struct buf *out, struct str name, struct str s, bool all)
{
    iconv_t cd = open_charset(name);
    if (cd == (iconv_t)-1) return false;
    struct buf text;
    buf_init(&text, out->cap * 3 + 64);
    size_t bad = convert(&text, cd, s);
    bool good = !text.err && (!all || !bad);
    if (good) mail_clean(out, buf_str(&text));
    buf_fini(&text);
    iconv_close(cd);
    return good;
}

void mail_utf8(struct buf *out, struct str charset, struct str s)
{
    size_t at;
    if (s.n >= 3 && !memcmp(s.p, "\xEF\xBB\xBF", 3) && str_utf8(s, &at)) s.p += 3, s.n -= 3;
    if (!says_nothing(charset) && try_charset(out, charset, s, false)) return;
    if (str_utf8(s, &at)) mail_clean(out, s);
    else if (is_name(charset, "utf-8") || is_name(charset, "utf8")) mail_clean(out, s);
    else if (!try_charset(out, STR("CP949"), s, true) && !try_charset(out, STR("WINDOWS-1252"), s, false)) mail_clean(out, s);
}

/* ---- lines that flow ---- */

static size_t quote_depth(struct str s)
{
    size_t n = 0;
    while (n < s.n && s.p[n] == '>') n++;
    return n;
}

void mail_unflow(struct buf *out, struct str text, bool delsp)
{
    size_t depth_before = 0;
    bool open = false; /* the last line goes on */
    while (text.n) {
        const char *nl = memchr(text.p, '\n', text.n);
        struct str line = { text.p, nl ? (size_t)(nl - text.p) : text.n };
        text.p += line.n + (nl != NULL);
        text.n -= line.n + (nl != NULL);
        size_t depth = quote_depth(line), skip = depth + (depth < line.n && line.p[depth] == ' ');
        struct str words = { line.p + skip, line.n - skip };
        bool signature = str_is(words, "-- "), soft = words.n && words.p[words.n - 1] == ' ' && !signature;
        if (open && (depth != depth_before || signature)) buf_addc(out, '\n'), open = false;
        if (!open) {
            for (size_t i = 0; i < depth; i++) buf_addc(out, '>');
            if (depth) buf_addc(out, ' ');
        }
        buf_add(out, words.p, words.n - (soft && delsp));
        if (!soft) buf_addc(out, '\n');
        open = soft;
        depth_before = depth;
    }
    if (open) buf_addc(out, '\n');
}
