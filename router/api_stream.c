#include "router/api.h"

#include <stdlib.h>

/* The names of the workspace's queues; caller frees. NULL: no memory. */
static const char **queue_names(const struct policy *p)
{
    const char **names = malloc((p->queue_count + 1) * sizeof *names);
    for (uint32_t i = 0; names && i < p->queue_count; i++) names[i] = p->queues[i].name;
    return names;
}

void get_stream(struct call *c)
{
    struct router *r = c->router;
    struct stream_said said = { .only = http_param(c->req, "only"),
                                .ticket = http_param(c->req, "ticket"),
                                .queue = http_param(c->req, "queue"),
                                .after = http_param(c->req, "after"),
                                .last_event_id = http_header(c->req, "last-event-id") };
    struct stream_ask ask;
    char why[STREAM_WHY];
    unsigned char token[32];
    uint16_t ws;
    if (!call_workspace(c, &ws)) return;
    const struct policy *p = config_keep_policy(&r->config, str_of(router_workspace(r, ws)))->policy;
    const char **queues = queue_names(p);
    if (!queues) http_problem(c->req, 503, "overloaded", "out of memory");
    else if (!stream_ask_read(&ask, &said, queues, p->queue_count, why)) http_problem(c->req, 422, "bad-field", "%s", why);
    else if (!token_hash(http_header(c->req, "authorization"), token)) http_problem(c->req, 401, "unauthorized", "no token");
    else streams_open(r, c->req, ws, &ask, token);
    free(queues);
}
