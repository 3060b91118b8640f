/* Forms as Twilio sends them, and the signature over one.

   A signed form cannot be checked over its raw bytes: what is signed is the decoded parameters in an order of their own. So they
   are decoded before the signature is known to be good, into one block of memory of the body's size and one list, both bounded;
   nothing else is done with them until it is. */
#include "router/channels/twilio.h"
#include "router/http_req.h"
#include "router/sign.h"

#include <stdlib.h>

void twilio_form_fini(struct twilio_form *f)
{
    free(f->v);
    free(f->text);
    *f = (struct twilio_form){ 0 };
}

static uint32_t count_pairs(struct str form)
{
    uint32_t n = 1;
    for (size_t i = 0; i < form.n; i++) n += form.p[i] == '&';
    return n;
}

/* One half of a pair, decoded to *at, which moves on. */
static bool decode(struct str raw, char **at, struct str *out)
{
    out->p = *at;
    if (!http_unescape(raw, true, *at, &out->n)) return false;
    *at += out->n;
    return true;
}

enum err twilio_form_read(struct twilio_form *out, struct str form)
{
    uint32_t most = count_pairs(form);
    struct twilio_form f = { 0 };
    enum err e = most > TWILIO_PARAMS ? ERR_TOOBIG : ERR_OK;
    *out = f;
    if (e) return e;
    f.v = calloc(most, sizeof *f.v);
    f.text = malloc(form.n + 1);
    char *at = f.text;
    if (!f.v || !f.text) e = ERR_NOMEM;
    while (!e && form.n) {
        const char *amp = memchr(form.p, '&', form.n);
        struct str pair = { form.p, amp ? (size_t)(amp - form.p) : form.n };
        const char *is = pair.n ? memchr(pair.p, '=', pair.n) : NULL;
        struct str name = { pair.p, is ? (size_t)(is - pair.p) : pair.n };
        struct str value = { pair.p + name.n + (is != NULL), pair.n - name.n - (is != NULL) };
        form = (struct str){ form.p + pair.n + (amp != NULL), form.n - pair.n - (amp != NULL) };
        if (!pair.n) continue;
        if (!decode(name, &at, &f.v[f.count].name) || !decode(value, &at, &f.v[f.count].value)) e = ERR_PROTO;
        f.count++;
    }
    if (e) twilio_form_fini(&f);
    *out = f;
    return e;
}

struct str twilio_form_get(const struct twilio_form *f, const char *name)
{
    for (uint32_t i = 0; i < f->count; i++)
        if (str_is(f->v[i].name, name)) return f->v[i].value;
    return STR_NONE;
}

/* ---- the order ---- */

/* UTF-8 sorts by code point. In UTF-16, what lies beyond U+FFFF begins with a surrogate and so comes before U+E000..U+FFFF, whose
   UTF-8 begins with 0xEE or 0xEF. */
static unsigned rank(char c)
{
    unsigned char b = (unsigned char)c;
    return b == 0xEE || b == 0xEF ? b + 0x10u : b;
}

static int order(struct str a, struct str b)
{
    size_t i = 0, n = a.n < b.n ? a.n : b.n;
    while (i < n && a.p[i] == b.p[i]) i++;
    if (i < n) return rank(a.p[i]) < rank(b.p[i]) ? -1 : 1;
    return (a.n > b.n) - (a.n < b.n);
}

static int by_name_and_value(const void *left, const void *right)
{
    const struct twilio_param *a = left, *b = right;
    int c = order(a->name, b->name);
    return c ? c : order(a->value, b->value);
}

void twilio_form_sort(struct twilio_form *f)
{
    uint32_t n = 0;
    if (f->count) qsort(f->v, f->count, sizeof *f->v, by_name_and_value);
    for (uint32_t i = 0; i < f->count; i++)
        if (!n || by_name_and_value(&f->v[n - 1], &f->v[i])) f->v[n++] = f->v[i];
    f->count = n;
}

/* ---- the signature ---- */

/* "https://host", ":8443" or nothing, "/path?query". */
struct url_parts {
    struct str origin, port, rest, usual; /* usual: the port of the scheme */
};

static struct url_parts parts_of(struct str url)
{
    struct url_parts u = { .usual = STR(":80") };
    size_t host = 0, end, port;
    while (host + 3 <= url.n && memcmp(url.p + host, "://", 3)) host++;
    if (host + 3 <= url.n) {
        if (host == 5 && !memcmp(url.p, "https", 5)) u.usual = STR(":443");
        host += 3;
    } else {
        host = 0;
    }
    for (end = host; end < url.n && url.p[end] != '/' && url.p[end] != '?';) end++;
    for (port = end; port > host && url.p[port - 1] >= '0' && url.p[port - 1] <= '9';) port--;
    if (port > host && port < end && url.p[port - 1] == ':') port--;
    else port = end;
    u.origin = (struct str){ url.p, port };
    u.port = (struct str){ url.p + port, end - port };
    u.rest = (struct str){ url.p + end, url.n - end };
    return u;
}

bool twilio_signed(const struct door *d, struct str url, const struct twilio_form *f, struct str said)
{
    struct url_parts u = parts_of(url);
    size_t count = 3, pairs = f ? f->count : 0;
    struct str *parts = malloc((3 + 2 * pairs) * sizeof *parts);
    bool good = false;
    if (!parts) return false;
    for (size_t i = 0; i < pairs; i++) {
        parts[count++] = f->v[i].name;
        parts[count++] = f->v[i].value;
    }
    const struct str ports[2] = { { NULL, 0 }, u.port.n ? u.port : u.usual };
    for (size_t i = 0; i < 2; i++) {
        parts[0] = u.origin, parts[1] = ports[i], parts[2] = u.rest;
        good |= channel_signed(d, SIGN_SHA1, parts, count, said, sign_is_base64);
    }
    free(parts);
    return good;
}
