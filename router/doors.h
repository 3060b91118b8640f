/* The accounts with a provider, live, by name: made anew when a policy changes, secrets read again with SIGHUP. */
#ifndef NARU_ROUTER_DOORS_H
#define NARU_ROUTER_DOORS_H

#include "base/map.h"
#include "router/channel.h"

struct router;
struct kept_ticket;
struct doors {
    struct map by_name;    /* account name → struct kept_door */
    uint64_t seen;         /* config_keep.policy_changes that was read last */
    bool reread;           /* secrets are to be read again */
    bool curious;          /* some provider wants to know of changes */
    struct event *scratch; /* LIM_CHANNEL_EVENTS, for one `read` at a time */
};

enum err doors_init(struct router *r);
void doors_fini(struct router *r);
/* The door of an account; NULL: there is no such account, or it has no provider. Borrowed until the next turn of the loop. */
struct door *doors_find(struct router *r, struct str account);
/* Keeps a door, and the policy that it was last named by, until door_unref. One that no policy names any more is not found, and
   stays good for who holds it. */
struct door *door_ref(struct door *d);
void door_unref(struct door *d); /* NULL is fine */
/* What goes wrong at a door, inwards or outwards, is logged once a minute each: true, with how many were not, when this one is to
 * be. */
enum door_way { DOOR_IN, DOOR_ITEMS, DOOR_OUT, DOOR_WAYS }; /* requests, items of theirs, what goes out */
bool door_may_tell(struct door *d, enum door_way way, uint64_t now, uint32_t *untold);
void doors_reload(struct router *r); /* SIGHUP */
void doors_tick(struct router *r);   /* once a second */
/* A ticket that is at home here was accepted or returned: its account's provider is told, when that wants to know. */
void doors_changed(struct router *r, const struct kept_ticket *t, const struct entry *en);

#endif
