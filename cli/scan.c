/* A glance at JSON: no tree, no copy, no memory; every value found is a slice of the text itself. The text comes from the server,
   which writes well-formed JSON, so what is skipped is only counted in and out; text that is cut off or not JSON at all ends with
   ERR_JSON or STR_NONE, never behind its end. */
#include "cli/scan.h"

struct cursor {
    const char *p, *end;
};

static void blanks(struct cursor *c)
{
    while (c->p < c->end && (*c->p == ' ' || *c->p == '\n' || *c->p == '\t' || *c->p == '\r')) c->p++;
}

static bool eat(struct cursor *c, char what)
{
    blanks(c);
    if (c->p == c->end || *c->p != what) return false;
    c->p++;
    return true;
}

/* At an opening quote; ends behind the closing one. */
static bool string(struct cursor *c, struct str *out)
{
    const char *from = ++c->p;

    for (;;) {
        const char *q = memchr(c->p, '"', (size_t)(c->end - c->p));
        if (!q) return false;
        size_t slashes = 0;
        while (q - slashes > from && q[-1 - (ptrdiff_t)slashes] == '\\') slashes++;
        c->p = q + 1;
        if (slashes % 2) continue;
        *out = (struct str){ from, (size_t)(q - from) };
        return true;
    }
}

/* Objects and arrays are only counted in and out: the server writes them well-formed. */
static bool nested(struct cursor *c)
{
    struct str skipped;
    unsigned depth = 0;

    while (c->p < c->end) {
        char ch = *c->p;
        if (ch == '"') {
            if (!string(c, &skipped)) return false;
            continue;
        }
        c->p++;
        if (ch == '{' || ch == '[') depth++;
        else if ((ch == '}' || ch == ']') && --depth == 0) return true;
    }
    return false;
}

static bool value(struct cursor *c, struct str *out)
{
    blanks(c);
    const char *from = c->p;
    if (from == c->end) return false;
    if (*from == '"') return string(c, out);
    if (*from == '{' || *from == '[') {
        if (!nested(c)) return false;
    } else
        while (c->p < c->end && !strchr(",}] \t\r\n", *c->p)) c->p++;
    *out = (struct str){ from, (size_t)(c->p - from) };
    return out->n > 0;
}

static void take(struct scan_field *fields, size_t count, struct str key, struct str v)
{
    for (size_t i = 0; i < count; i++)
        if (str_eq(fields[i].key, key)) fields[i].value = v;
}

enum err scan_object(struct str object, struct scan_field *fields, size_t count)
{
    struct cursor c = { object.p, object.p + object.n };
    struct str key, v;

    for (size_t i = 0; i < count; i++) fields[i].value = STR_NONE;
    if (!eat(&c, '{')) return ERR_JSON;
    if (eat(&c, '}')) return ERR_OK;
    do {
        blanks(&c);
        if (c.p == c.end || *c.p != '"' || !string(&c, &key) || !eat(&c, ':') || !value(&c, &v)) return ERR_JSON;
        take(fields, count, key, v);
    } while (eat(&c, ','));
    return eat(&c, '}') ? ERR_OK : ERR_JSON;
}

struct str scan_last(struct str array)
{
    struct cursor c = { array.p, array.p + array.n };
    struct str item, last = STR_NONE;

    if (array.n == 0 || !eat(&c, '[')) return STR_NONE;
    while (value(&c, &item)) {
        last = item;
        if (!eat(&c, ',')) break;
    }
    return last;
}

void scan_escape(struct buf *out, struct str s)
{
    size_t from = 0;

    for (size_t i = 0; i < s.n; i++) {
        unsigned char ch = (unsigned char)s.p[i];
        if (ch >= 0x20 && ch != '"' && ch != '\\') continue;
        buf_add(out, s.p + from, i - from);
        if (ch < 0x20) buf_addf(out, "\\u%04x", ch);
        else buf_addc(out, '\\'), buf_addc(out, (char)ch);
        from = i + 1;
    }
    buf_add(out, s.p + from, s.n - from);
}
