/* What the parts of `naru send` share: the sender, its doors, its shots. send.c says when; door.c says how. */
#ifndef NARU_CLI_SENDER_H
#define NARU_CLI_SENDER_H

#include "base/heap.h"
#include "cli/answers.h"
#include "cli/client.h"
#include "cli/hist.h"
#include "cli/tell.h"
#include "cli/tsv.h"

#include <stdio.h>

#define SENDER_DOORS 256u
#define SENDER_SHOTS 65536u

struct send_opts {
    const char *file, *column, *account, *url, *token, *token_file, *prefix, *ids;
    double rate;
    uint64_t closed, count, connections, customers, retry_for;
    bool json;
};

struct shot {
    STAILQ_ENTRY(shot) link; /* in a door's line, or among the free */
    struct heap_node due;    /* in `waiting`; key: ms */
    uint64_t n, from_us;     /* which message; what its latency and its --retry-for count from */
    unsigned tries;
};
STAILQ_HEAD(shot_line, shot);

struct door {
    struct client net;
    struct answers answers;
    struct sender *sender;
    struct shot_line line;
    unsigned under_way;
    uint64_t heard_us;
};
struct sender {
    struct send_opts o;
    struct client_hub *hub;
    struct tsv texts;
    struct buf head, account, prefix; /* the request up to the length; the other two escaped */
    struct door *doors;
    unsigned doors_up, at, at_count, door_shots;
    struct shot_line spare;
    struct heap waiting;
    uint64_t next, under_way, shots_max;
    double tick_us, per_tick;
    uint64_t start_us, first_us, last_us, up_us, armed_us;
    uint64_t told_sent, told_us;
    bool ending, over;
    int timer_fd;
    uv_poll_t slice;
    struct timer second, wake, farewell;
    struct signals signals;
    FILE *ids;
    struct hist acks;
    struct tally refused;
    uint64_t accepted, duplicates, retries, gave_up;
};

/* Connects when the loop turns; what it was sending when its connection breaks goes to `waiting`. */
void door_init(struct door *d, struct sender *s);
/* A door with room: the same one for a chunk, then the next; NULL when there is none now. */
struct door *door_pick(struct sender *s);
void door_fire(struct sender *s, struct door *d, struct shot *shot); /* takes `shot` */

/* Message number s->next; NULL without memory. In no list: the caller fires it. */
struct shot *shot_new(struct sender *s);
void shot_done(struct sender *s, struct shot *shot); /* takes it; it is in no list */

#endif
