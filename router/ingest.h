/* An event as POST /v1/events takes it: JSON → checked `event` record. Pure: accounts, time and the asker's workspace are handed
 * in. */
#ifndef NARU_ROUTER_INGEST_H
#define NARU_ROUTER_INGEST_H

#include "proto/records.h"

struct account_found { /* what a policy says of an account; borrowed */
    const char *workspace, *channel;
};
struct ingest_env {
    void *ctx;
    bool (*account)(void *ctx, struct str name, struct account_found *out);
    struct str workspace; /* of the token; "*": all */
    uint64_t now;         /* wall ms */
    uint32_t home;
    /* The account of that workspace whose name is nearest, for "did you mean"; NULL: none. May be absent. */
    const char *(*near)(void *ctx, struct str name, struct str workspace);
    struct str default_account; /* of an event that names none; may be empty */
    struct str trace;           /* for intake: the traceparent of the request */
    bool cloudevents;           /* for intake: events are CloudEvents in the JSON format */
};
/* One event on its way in. Texts of `event` point into the JSON document and into `arena`. */
struct ingest {
    struct event event;
    struct attribute attributes[LIM_LIST_ITEMS];
    uint32_t attribute_count;
    uint32_t facts_claimed; /* attributes of the source that are called like facts of the router: left out, see facts.h */
    struct arena arena;
    struct json *inner; /* a document that came within the event's; or NULL */
    /* of a refusal: HTTP status, problem type, cause (a metric's label), and a sentence */
    unsigned status;
    const char *problem, *cause;
    char why[320];
};
void ingest_init(struct ingest *in);
void ingest_fini(struct ingest *in);
/* ERR_PROTO and the like: refused, and `in` says why. Forgets what was read before. */
enum err ingest_event(struct ingest *in, const struct ingest_env *env, const struct json *v);
/* The same in three steps, for what wraps an event into something else: forget what was read; the members of an event (what is
   there already stands unless it is named); what they must be together. */
void ingest_begin(struct ingest *in);
enum err ingest_members(struct ingest *in, const struct json *v);
enum err ingest_complete(struct ingest *in, const struct ingest_env *env);
/* `prefix`: "event." or "customer.". A value that is no text, number or boolean is refused. */
enum err ingest_attribute(struct ingest *in, const char *prefix, const struct json *member);
enum err ingest_text(struct ingest *in, const char *prefix, struct str key, struct str value);
/* The trace that the event came with, unless it says one itself. After ingest_complete. */
void ingest_trace(struct ingest *in, struct str traceparent);
/* Fills the refusal of a body that is no JSON. */
void ingest_refuse(struct ingest *in, unsigned status, const char *problem, const char *cause, const char *fmt, ...)
    __attribute__((format(printf, 5, 6)));

#endif
