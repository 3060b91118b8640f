/* Slack's Web API out and its way of writing text, for slack.c. */
#ifndef NARU_ROUTER_CHANNELS_SLACK_H
#define NARU_ROUTER_CHANNELS_SLACK_H

#include "router/sender.h"

extern const struct sender slack_sender;
/* Slack's text as people wrote it: "&lt;" and its like decoded, <@U1>, <#C1|general>, <https://x|label> told by their names. In the
   arena; STR_NONE without memory. */
struct str slack_plain(struct channel_in *c, struct str text);

#endif
