/* What shows that a request is the provider's. Every live secret is tried whatever the first one said, so that the time does not
   tell which of them was good. */
#include "router/channel.h"

bool channel_signed(const struct door *d, enum sign_hash hash, const struct str *parts, size_t count, struct str said,
                    bool (*spells)(const struct mac *m, struct str said))
{
    bool good = false;
    for (uint32_t i = 0; i < d->secret_count; i++) {
        struct mac m;
        if (sign_hmac(&m, hash, secret_str(&d->secrets[i]), parts, count)) continue;
        good |= spells(&m, said);
    }
    return good;
}

bool channel_secret(const struct door *d, struct str said)
{
    bool good = false;
    for (uint32_t i = 0; i < d->secret_count; i++) good |= sign_equal(said, secret_str(&d->secrets[i]));
    return good;
}

bool channel_now(const struct delivery *in, uint64_t wall_ms)
{
    return (wall_ms > in->now ? wall_ms - in->now : in->now - wall_ms) <= CHANNEL_WINDOW_MS;
}

struct str channel_raw(struct str form, const char *name)
{
    size_t n = strlen(name);
    while (form.n) {
        const char *amp = memchr(form.p, '&', form.n);
        struct str pair = { form.p, amp ? (size_t)(amp - form.p) : form.n };
        form = (struct str){ form.p + pair.n + (amp != NULL), form.n - pair.n - (amp != NULL) };
        if (pair.n > n && !memcmp(pair.p, name, n) && pair.p[n] == '=') return (struct str){ pair.p + n + 1, pair.n - n - 1 };
    }
    return STR_NONE;
}
