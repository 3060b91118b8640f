/* A header's list is walked one tag at a time; what is no tag is passed over, so that it fits nothing. */
#include "router/etag.h"

#include "base/map.h"

#include <stdio.h>

struct tag {
    struct str text; /* with its quotes */
    bool weak;
};

/* The next tag of a list. False: there are no more. */
static bool next_tag(struct str list, size_t *at, struct tag *out)
{
    while (*at < list.n) {
        size_t i = *at;
        while (i < list.n && (list.p[i] == ' ' || list.p[i] == '\t' || list.p[i] == ',')) i++;
        bool weak = list.n - i > 2 && list.p[i] == 'W' && list.p[i + 1] == '/';
        if (weak) i += 2;
        const char *end = i < list.n && list.p[i] == '"' ? memchr(list.p + i + 1, '"', list.n - i - 1) : NULL;
        if (end) {
            *out = (struct tag){ { list.p + i, (size_t)(end + 1 - list.p) - i }, weak };
            *at = i + out->text.n;
            return true;
        }
        while (i < list.n && list.p[i] != ',') i++;
        *at = i;
    }
    return false;
}

static bool names(struct str header, struct str etag, bool strong)
{
    struct tag t;
    for (size_t at = 0; next_tag(header, &at, &t);)
        if (str_eq(t.text, etag) && !(strong && t.weak)) return true;
    return str_is(header, "*");
}

void etag_of(struct str version, struct str body, char out[ETAG_TEXT])
{
    static const uint64_t seed[2] = { 0x6e617275, 0x65746167 }; /* told by none: a tag keeps no secret */
    snprintf(out, ETAG_TEXT, "\"%.*s%s%016llx\"", version.n < ETAG_VERSION ? (int)version.n : (int)ETAG_VERSION,
             version.n ? version.p : "", version.n ? "/" : "", (unsigned long long)hash_bytes(body.p, body.n, seed));
}

bool etag_none_match(struct str header, struct str etag) { return header.n && etag.n && names(header, etag, false); }

bool etag_match(struct str header, struct str etag) { return !header.n || (etag.n && names(header, etag, true)); }

enum err etag_versions(struct str header, char out[ETAG_LIST_TEXT])
{
    struct tag t;
    size_t n = 0;
    out[0] = '\0';
    if (str_is(header, "*")) return memcpy(out, "*", 2), ERR_OK;
    for (size_t at = 0; next_tag(header, &at, &t);) {
        struct str v = { t.text.p + 1, t.text.n - 2 };
        const char *rest = memchr(v.p, '/', v.n);
        if (rest) v.n = (size_t)(rest - v.p);
        if (t.weak || !v.n || memchr(v.p, ',', v.n)) continue;
        if (n + v.n + 2 > ETAG_LIST_TEXT) return ERR_TOOBIG;
        n += (size_t)snprintf(out + n, ETAG_LIST_TEXT - n, "%s%.*s", n ? "," : "", STR_FMT(v));
    }
    return ERR_OK;
}
