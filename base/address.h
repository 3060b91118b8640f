/* Which addresses are out in the world. */
#ifndef NARU_BASE_ADDRESS_H
#define NARU_BASE_ADDRESS_H

#include <stdbool.h>

struct sockaddr;
/* Is it an address out in the world, rather than one of this machine, a private network, a link, a group, or reserved? IPv4, also
   within IPv6, and IPv6; of other families: no. */
bool address_public(const struct sockaddr *address);

#endif
