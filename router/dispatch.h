/* To triage: which event is sent to which worker, when again, and when it is given up.

   Of one conversation one event is in triage at a time; the others wait behind it in the order of arrival. An event that may go is
   in `ready` until a worker has credit, then in the worker's list until its verdict. A worker that dies, or answers an error, costs
   an event an attempt; the third is its last. One with two behind it goes out alone (`suspect`), so that an event which kills
   workers takes no innocent ones with it. Waiting and slowness cost nothing.

   Pure: the peers, their credit and the time are handed in. */
#ifndef NARU_ROUTER_DISPATCH_H
#define NARU_ROUTER_DISPATCH_H

#include "router/event.h"

#define DISPATCH_ATTEMPTS 3u
#define DISPATCH_SLOW_MS  10000u

struct worker {
    void *peer;
    bool up;
    uint32_t credit; /* of this pump */
    struct event_list under_way;
    uint32_t count;
};
struct dispatch_cfg {
    void *ctx;
    uint32_t (*credit)(void *ctx, void *peer);
    enum err (*send)(void *ctx, void *peer, const struct kept_event *e);
    void (*on_retry)(void *ctx, const struct kept_event *e, const char *cause); /* for the count */
    void (*on_dead)(void *ctx, struct kept_event *e, const char *cause);        /* it is in no list any more */
};
struct dispatch {
    struct dispatch_cfg cfg;
    struct map heads; /* conversation hash → the event whose turn it is */
    struct event_list ready, suspects;
    struct kept_event *suspect; /* the one that is under way */
    struct worker workers[LIM_PEERS];
    uint32_t worker_count;
};

void dispatch_init(struct dispatch *d, const struct dispatch_cfg *cfg, size_t cap);
void dispatch_fini(struct dispatch *d);
/* An accepted event, in the order of arrival: ready, or behind its conversation. ERR_NOMEM, ERR_FULL. */
enum err dispatch_add(struct dispatch *d, struct kept_event *e, uint64_t now);
/* Its verdict came: it leaves, the next of its conversation is ready. False: dispatch did not have it. */
bool dispatch_done(struct dispatch *d, struct kept_event *e, uint64_t now);
/* It is settled without a verdict of ours: it leaves, wherever it is. */
void dispatch_forget(struct dispatch *d, struct kept_event *e, uint64_t now);
/* Its verdict was an error: an attempt. */
void dispatch_failed(struct dispatch *d, struct kept_event *e, uint64_t now, const char *cause);
enum err dispatch_up(struct dispatch *d, void *peer);
void dispatch_down(struct dispatch *d, void *peer, uint64_t now);
/* Sends what can be sent; the number sent. */
uint32_t dispatch_pump(struct dispatch *d, uint64_t now);
/* Sends again what a worker has had for too long. */
void dispatch_tick(struct dispatch *d, uint64_t now);
bool dispatch_has_worker(const struct dispatch *d);

#endif
