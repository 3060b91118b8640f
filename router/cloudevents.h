/* CloudEvents 1.0 (https://github.com/cloudevents/spec, JSON format and HTTP binding) as events. Pure.

   Identity: source and id, with a blank between. `data`: an object has the members of an event as POST /v1/events takes them; a
   text is the event's text. `type`, `source`, `subject` and extensions become event.NAME, `time` becomes event.at; what data says
   under the same name stands. The account is data's, else the extension `account`, else env's default. */
#ifndef NARU_ROUTER_CLOUDEVENTS_H
#define NARU_ROUTER_CLOUDEVENTS_H

#include "router/ingest.h"

/* One in the JSON format. As ingest_event. */
enum err cloudevent_ingest(struct ingest *in, const struct ingest_env *env, const struct json *v);

/* One in binary mode, as the JSON format: begin, each header of the request (others than ce-* are passed over), the body. Sticky;
   `why` is a sentence when a call gives false. */
struct cloudevent_binary {
    struct jw w;
    char why[120];
};
void cloudevent_begin(struct cloudevent_binary *b, struct buf *out);
bool cloudevent_header(struct cloudevent_binary *b, struct str name, struct str value);
bool cloudevent_body(struct cloudevent_binary *b, struct str type, struct str body);

/* By content-type; binary mode has the header ce-specversion instead. */
enum cloudevent_mode { CE_NONE, CE_STRUCTURED, CE_BATCH, CE_BINARY };
enum cloudevent_mode cloudevent_mode(struct str type, struct str specversion);

#endif
