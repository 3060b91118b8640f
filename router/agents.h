/* The agents' WebSockets: JSON messages in, acts out to the leader; offers and results back. One connection an agent: a newer one
   replaces an older. What an agent may do is decided by the leader; here it is only translated. */
#ifndef NARU_ROUTER_AGENTS_H
#define NARU_ROUTER_AGENTS_H

#include "base/map.h"
#include "proto/records.h"
#include "router/http.h"

struct router;
struct agents {
    struct map by_key; /* workspace number and name → struct agent_conn */
};

void agents_init(struct agents *a);
void agents_fini(struct agents *a);
/* The request becomes the stream of this agent, or is answered. */
void agents_stream(struct router *r, struct http_req *req, uint16_t workspace, struct str name, struct str actor);
void agents_offer(struct router *r, const struct offer *o);
void agents_presence(struct router *r, uint16_t workspace, const struct entry *en);
/* The customer of `ticket` types (`on`, or has stopped), or ("read") has read what was written up to the wall time `at`. */
void agents_sign(struct router *r, uint16_t workspace, struct str agent, const char *type, const struct id *ticket, bool on,
                 uint64_t at);
/* Somebody leads the workspace anew: every connection introduces itself again. */
void agents_resume(struct router *r, uint16_t workspace);
/* Once a second: connections that the leader has not answered ask again; heartbeats of all, every ten seconds. */
void agents_tick(struct router *r, uint64_t now);

#endif
