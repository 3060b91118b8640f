/* Mails that come as webhooks, of providers that take them in for their customers. */
#ifndef NARU_ROUTER_MAIL_HOOK_H
#define NARU_ROUTER_MAIL_HOOK_H

#include "router/mailroom.h"

/* Whether this request may bring this mail; ERR_PROTO after channel_refuse. Of c->in it has the type, the body and the time. */
typedef enum err mail_check(struct channel_in *c, const struct mail *m);
/* A provider's `read`: the mail of the body by `reader` (its `arg` is the content type), then its event. `check` may be NULL. */
enum err mail_hook_read(struct channel_in *c, mail_reader *reader, mail_check *check);
/* Its `serve`: takes over what is large (more than LIM_HTTP_BODY), reads it on a thread, and answers when the journal has. */
bool mail_hook_serve(struct channel_in *c, mail_reader *reader, mail_check *check);

#endif
