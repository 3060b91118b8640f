#include "base/address.h"

#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>

struct net {
    unsigned char p[16];
    unsigned bits;
};
/* What is not out in the world: RFC 6890 and its successors in the IANA registries of special-purpose addresses. */
static const struct net nets4[] = {
    { { 0 }, 8 },
    { { 10 }, 8 },
    { { 100, 64 }, 10 },
    { { 127 }, 8 },
    { { 169, 254 }, 16 },
    { { 172, 16 }, 12 },
    { { 192, 0, 0 }, 24 },
    { { 192, 0, 2 }, 24 },
    { { 192, 88, 99 }, 24 },
    { { 192, 168 }, 16 },
    { { 198, 18 }, 15 },
    { { 198, 51, 100 }, 24 },
    { { 203, 0, 113 }, 24 },
    { { 224 }, 4 },
    { { 240 }, 4 },
};
static const struct net nets6[] = {
    { { 0 }, 96 }, /* unspecified, loopback, and the old way to write an IPv4 address */
    { { 0x01, 0x00 }, 64 },
    { { 0x20, 0x01, 0x00 }, 23 }, /* Teredo and others that carry another address */
    { { 0x20, 0x01, 0x0d, 0xb8 }, 32 },
    { { 0x20, 0x02 }, 16 }, /* 6to4 carries an IPv4 address */
    { { 0xfc }, 7 },
    { { 0xfe, 0x80 }, 10 },
    { { 0xfe, 0xc0 }, 10 },
    { { 0xff }, 8 },
};

static bool is_in(const unsigned char *a, const struct net *v, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        size_t whole = v[i].bits / 8;
        unsigned rest = v[i].bits % 8;
        if (memcmp(a, v[i].p, whole)) continue;
        if (!rest || (a[whole] ^ v[i].p[whole]) >> (8 - rest) == 0) return true;
    }
    return false;
}

bool address_public(const struct sockaddr *sa)
{
    static const unsigned char mapped[12] = { [10] = 0xff, [11] = 0xff }, nat64[12] = { 0x00, 0x64, 0xff, 0x9b };
    const unsigned char *a6 = (const unsigned char *)&((const struct sockaddr_in6 *)(const void *)sa)->sin6_addr;
    const unsigned char *a4 = (const unsigned char *)&((const struct sockaddr_in *)(const void *)sa)->sin_addr;
    if (sa->sa_family == AF_INET6 && (!memcmp(a6, mapped, 12) || !memcmp(a6, nat64, 12))) a4 = a6 + 12;
    else if (sa->sa_family == AF_INET6) return !is_in(a6, nets6, sizeof nets6 / sizeof *nets6);
    else if (sa->sa_family != AF_INET) return false;
    return !is_in(a4, nets4, sizeof nets4 / sizeof *nets4);
}
