#include "router/origin.h"

#include <string.h>
#include <strings.h>

/* How long "http://" or "https://" is in front of it; 0: neither is. */
static size_t scheme_n(struct str s)
{
    static const char *const schemes[] = { "https://", "http://" };
    for (size_t i = 0; i < 2; i++) {
        size_t n = strlen(schemes[i]);
        if (s.n > n && !strncasecmp(s.p, schemes[i], n)) return n;
    }
    return 0;
}

static bool same(struct str a, struct str b) { return a.n == b.n && !strncasecmp(a.p, b.p, a.n); }

bool origin_of_host(struct str origin, struct str host)
{
    size_t n = scheme_n(origin);
    return n && host.n && same((struct str){ origin.p + n, origin.n - n }, host);
}

bool origin_of_url(struct str origin, const char *url)
{
    struct str server = url ? str_of(url) : STR_NONE;
    size_t n = scheme_n(server);
    if (!n || !origin.n) return false;
    const char *slash = memchr(server.p + n, '/', server.n - n);
    if (slash) server.n = (size_t)(slash - server.p);
    return same(origin, server);
}

static struct str trimmed(struct str s)
{
    while (s.n && (*s.p == ' ' || *s.p == '\t')) s.p++, s.n--;
    while (s.n && (s.p[s.n - 1] == ' ' || s.p[s.n - 1] == '\t')) s.n--;
    return s;
}

struct str subprotocol_token(struct str offered)
{
    static const struct str prefix = { SUBPROTOCOL_TOKEN, sizeof SUBPROTOCOL_TOKEN - 1 };
    while (offered.n) {
        const char *comma = memchr(offered.p, ',', offered.n);
        struct str one = { offered.p, comma ? (size_t)(comma - offered.p) : offered.n };
        size_t step = one.n + (comma != NULL);
        offered = (struct str){ offered.p + step, offered.n - step };
        one = trimmed(one);
        if (one.n > prefix.n && !memcmp(one.p, prefix.p, prefix.n)) return (struct str){ one.p + prefix.n, one.n - prefix.n };
    }
    return STR_NONE;
}
