/* Looking into a provider's JSON, and what the events of all messengers have in common. Pure. */
#ifndef NARU_ROUTER_CHANNELS_PICK_H
#define NARU_ROUTER_CHANNELS_PICK_H

#include "router/channel.h"

/* The value at a path of members, "message.chat.id"; NULL when something on the way is absent. `v` may be NULL. */
const struct json *pick(const struct json *v, const char *path);
struct str pick_text(const struct json *v, const char *path); /* STR_NONE unless a string */
bool pick_true(const struct json *v, const char *path);
/* An identifier: a string as it stands, a whole number (below 2^53 either side of 0) as text in the arena; else STR_NONE. */
struct str pick_id(struct channel_in *c, const struct json *v, const char *path);
/* A time in units of `unit_ms`, as a number or as digits; 0: none. */
uint64_t pick_time(const struct json *v, const char *path, uint64_t unit_ms);

/* event.at: when it happened by the provider's clock; nothing for 0. */
void event_at(struct channel_in *c, struct event *e, uint64_t wall_ms);
/* event.location: "latitude,longitude" of an object that has both; else nothing. */
void event_place(struct channel_in *c, struct event *e, const struct json *v);
/* An attribute, when there is a value. */
void event_note(struct channel_in *c, struct event *e, const char *key, struct str value);

/* What hangs on a message: event.attachments counts, event.attachment.1 … say "kind name where" of the first ten. A message without
   words reads "[kind]", so that people and triage see that something came. */
#define ATTACHMENTS_TOLD 10u
struct attachments {
    struct channel_in *c;
    struct event *e;
    uint32_t count;
};
void attach(struct attachments *a, struct str kind, struct str name, struct str where);
void attach_end(struct attachments *a);

#endif
