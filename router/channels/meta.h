/* Meta's Graph API out, for meta.c. */
#ifndef NARU_ROUTER_CHANNELS_META_H
#define NARU_ROUTER_CHANNELS_META_H

#include "router/sender.h"

/* By the account's channel: messenger, instagram, whatsapp. */
const struct sender *meta_sender(const struct door *d);

#endif
