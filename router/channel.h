/* Channels: what a provider's webhook at /v1/channels/{account} looks like, and how it becomes events.

   A provider is one row (struct provider) in one file of router/channels/. What it does is pure: it gets a whole request
   (struct delivery) and the account it is for (struct door), and makes events. channel.c does the rest, in this order: the account;
   the body within the row's limit; `verify`, over raw bytes, before anything is parsed; `read`; the journal; `answer`, after the
   commit of all events. So a provider hears 2xx only when nothing can be lost, and 503 when it should send again.

   An adapter never looks at what it has not verified, never answers an unknown kind of event with an error (channel_skip: accepted
   and counted), and leaves to intake what it needs not know: lengths, duplicates, the customer's facts. */
#ifndef NARU_ROUTER_CHANNEL_H
#define NARU_ROUTER_CHANNEL_H

#include "base/arena.h"
#include "config/policy.h"
#include "proto/records.h"
#include "router/http.h"
#include "router/secret.h"
#include "router/sign.h"

#define LIM_CHANNEL_EVENTS 1000u /* of one request; more: 413 */
#define CHANNEL_BAD_TOLD   16u   /* items of a batch whose numbers are told when they are bad */
#define REPLY_WITH                                                                                                                 \
    "reply.with" /* the attribute that channel_reply_with makes; no source can: theirs begin with event. or customer. */
#define CHANNEL_WINDOW_MS 300000u /* how far a signed time may be from ours, both ways */

struct router;
struct provider;
struct kept_ticket;

/* A credential as it was read from where the policy says. Never logged. */
struct secret {
    size_t n;
    char p[SECRET_MAX];
};
static inline struct str secret_str(const struct secret *s) { return (struct str){ s->p, s->n }; }

/* An account with a provider, live: what the policy says of it, and its secrets. Made anew when the policy changes; secrets are
   read again with SIGHUP. Valid for the call. */
struct door {
    const struct provider *provider;
    const struct account *account; /* of a policy that the door holds a reference of */
    const struct policy *policy;
    const char *workspace, *channel;
    struct secret secrets[2]; /* live ones; `verify` tries each, the first signs */
    uint32_t secret_count;
    struct secret token, verify; /* n: 0 when the policy names none */
    bool ready;                  /* false: a secret cannot be read; every request is answered 503 until it can */
    void *own;                   /* the provider's, between calls; `provider->close` frees it */
};

/* One request of a provider, whole. Borrowed for the call. */
struct delivery {
    enum http_method method;
    struct str url;    /* as the provider addressed it: public-url, path, "?", query. Without a public-url: http://Host… */
    struct str action; /* what stands behind the account in the path: /v1/channels/{account}/{action}; empty: nothing */
    struct str query, body;
    struct str type; /* content-type as sent */
    void *ctx;
    struct str (*header)(void *ctx, const char *lowercase_name); /* STR_NONE when absent */
    /* Every header as it stands, until `fn` says false. May be NULL: then there are none but those that are asked for. */
    void (*headers)(void *ctx, bool (*fn)(void *to, struct str name, struct str value), void *to);
    uint64_t now; /* wall ms */
};

/* How `verify` ends: X(CONSTANT, "cause", status). The cause is a label of naru_channel_refused_total. */
#define VERIFIED_MAP(X)                                                                                                            \
    X(VERIFIED, "", 200)                                                                                                           \
    X(UNSIGNED, "unsigned", 401)           /* there is no signature */                                                             \
    X(BAD_SIGNATURE, "signature", 401)     /* it is not of this body under any live secret */                                      \
    X(OLD_TIMESTAMP, "timestamp", 401)     /* signed, but not now: outside of CHANNEL_WINDOW_MS */                                 \
    X(OTHER_ACCOUNT, "other_account", 403) /* signed, and of another account of this provider (`id`) */                            \
    X(BAD_TYPE, "content_type", 415)                                                                                               \
    X(BAD_FORM, "malformed", 400)
#define VERIFIED_ENUM(id, cause, status) id,
enum verified { VERIFIED_MAP(VERIFIED_ENUM) VERIFIED_COUNT };
#undef VERIFIED_ENUM

/* What is made of a delivery. */
struct channel_in {
    struct router *router; /* for `serve` and `answer` of channels with a state here; NULL in unit tests of pure ones */
    struct door *door;
    const struct delivery *in;
    struct arena *arena;  /* until the answer */
    struct event *events; /* room for LIM_CHANNEL_EVENTS while `read` runs: what channel_event gave stays where it is */
    uint32_t count;
    struct json *doc; /* channel_json's */
    struct http_req *req;
    struct {
        unsigned status;
        const char *type;
        struct buf body;
    } answer;          /* 200 without a body, unless `read` or `answer` fills it */
    const char *cause; /* of a refusal, a metric's label; NULL: none */
    char why[200];
    struct bad_items {
        uint32_t count, places[CHANNEL_BAD_TOLD]; /* of the first ones, from 1 */
        unsigned status;                          /* of the first, as all that follow */
        const char *cause;
        char why[200];
    } bad; /* channel_bad_item's */
};

struct provider {
    const char *word;  /* as in PROVIDER_MAP */
    uint32_t body_max; /* bytes of a request; what is larger than LIM_HTTP_BODY is spooled to a file and mapped */
    /* Pure. Constant time over every live secret. */
    enum verified (*verify)(const struct door *d, const struct delivery *in);
    /* Events of a verified delivery, by channel_event; none is fine (a challenge, a receipt). ERR_PROTO after channel_refuse. */
    enum err (*read)(struct channel_in *c);
    /* Once all events are durable: fills c->answer where 200 without a body will not do. May be NULL. */
    void (*answer)(struct channel_in *c);
    /* Takes over a request with an action, or one that becomes a socket, from after `verify` (which may say VERIFIED without a look
       for those). True: it has answered c->req or will; `c`, its arena and the delivery are gone when it returns, the request's
       texts stay until its answer, and a door that is needed longer is to be held (door_ref, doors.h). False: `read` goes on.
       NULL: none, and a request with an action is answered 404. */
    bool (*serve)(struct channel_in *c);
    void (*close)(struct door *d); /* frees d->own. NULL: nothing to free */
    /* At its home: a ticket whose first event came by this account was accepted or returned. NULL: nothing to do. */
    void (*changed)(struct router *r, struct door *d, const struct kept_ticket *t, const struct entry *en);
    void (*tick)(struct door *d, uint64_t now); /* once a second, mono ms. NULL: nothing to do */
    const struct sender *sender;                /* how replies go out: sender.h; NULL: they cannot */
    /* Instead of `sender`, where it depends on the account's channel: ask sender_of. */
    const struct sender *(*sender_for)(const struct door *d);
};
/* By enum provider_id; NULL: an account of it takes nothing by webhook. */
extern const struct provider *const providers[PROVIDER_COUNT];

/* ---- for adapters ---- */

/* For a request, or for a unit test that calls `read` by hand. Nothing is borrowed but the arguments. */
void channel_in_init(struct channel_in *c, struct door *door, const struct delivery *in, struct arena *arena);
void channel_in_fini(struct channel_in *c); /* the document, the answer's body; not the arena */

/* A new event, empty, to be filled: external (the identity within the account), kind, conversation, customer, name, subject, text,
   language; texts live in the delivery or in c->arena. NULL: beyond LIM_CHANNEL_EVENTS, or no memory; the refusal is told. */
struct event *channel_event(struct channel_in *c);
/* An attribute of it, such as "event.attachments" or "customer.language". An empty value is none. Too many, a value too long, a key
   that begins otherwise or is a fact of the router's (facts.h): cut or left out, and counted. The value is borrowed until the
   answer; the key is copied. */
void channel_attribute(struct channel_in *c, struct event *e, const char *key, struct str value);
/* What a reply to this event must know beside account, conversation and customer (a reply token, a thread, Message-IDs): at most
   1,024 bytes, meant for the provider's own sender alone. Not shown to agents, not logged. */
void channel_reply_with(struct channel_in *c, struct event *e, struct str how);
/* Something that is none of ours: counted as naru_channel_skipped_total{what}. `what` is a constant: a provider's own words are
   many. */
void channel_skip(struct channel_in *c, const char *what);
/* Gives ERR_PROTO. `cause` is a constant: a metric's label. */
enum err channel_refuse(struct channel_in *c, unsigned status, const char *cause, const char *fmt, ...)
    __attribute__((format(printf, 4, 5)));
/* An item of a batch that cannot be taken although it should be; its neighbours can. Counted as
   naru_channel_bad_items_total{cause}; all of a request are logged in one line. `place`: its number in the batch, from 1; `cause`
   as in channel_refuse. */
void channel_bad_item(struct channel_in *c, uint32_t place, unsigned status, const char *cause, const char *why);
/* After the last of `items`: when every one of them was bad, the first one's refusal is the request's (ERR_PROTO). An empty batch
   is fine. */
enum err channel_batch_end(struct channel_in *c, uint32_t items);
/* The first bad items by number, "3,17,204"; `out` has CHANNEL_BAD_TEXT bytes. */
#define CHANNEL_BAD_TEXT (CHANNEL_BAD_TOLD * 11u + 1u)
const char *channel_bad_places(const struct channel_in *c, char out[CHANNEL_BAD_TEXT]);
/* For `serve`: answers c->req with a refusal, counted as such. `problem` is one of problems.h. */
void channel_turn_away(struct channel_in *c, unsigned status, const char *cause, const char *problem, const char *why);
/* A copy in the arena, printf's way; STR_NONE without memory. */
struct str channel_text(struct channel_in *c, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
/* Parses the body as JSON into *doc, once for a request; c's own. Refuses what is none (channel_refuse). Characters that are none
   (bytes that are no UTF-8, \u0000, half a surrogate pair) become U+FFFD and are counted: one customer's odd text must not refuse
   the batch that it came in. */
enum err channel_json(struct channel_in *c, const struct json **doc);
/* The same for who keeps the document: as json_parse, then once more with such characters replaced, in `arena`. */
enum err channel_json_parse(struct json **out, struct arena *arena, struct str text, size_t *at, const char **why);
/* The same of a part of the body instead, such as a member of a form: one of the two in a request. */
enum err channel_json_of(struct channel_in *c, struct str text, const struct json **doc);
/* A member of an application/x-www-form-urlencoded text, the first of its name, decoded into the arena; STR_NONE when absent,
   or when its escapes are broken. Its bytes may be no UTF-8: intake repairs what becomes an event. */
struct str channel_form(struct channel_in *c, struct str form, const char *name);

/* ---- for `verify`: channel_proof.c ---- */

/* Is `said` the HMAC of the parts, one after the other, under a live secret? `spells`: sign_is_hex or sign_is_base64. */
bool channel_signed(const struct door *d, enum sign_hash hash, const struct str *parts, size_t count, struct str said,
                    bool (*spells)(const struct mac *m, struct str said));
/* Is `said` a live secret, as it stands? */
bool channel_secret(const struct door *d, struct str said);
/* Is a signed time within CHANNEL_WINDOW_MS of ours? */
bool channel_now(const struct delivery *in, uint64_t wall_ms);
/* A member of an urlencoded text as it stands there, undecoded: for what has no need of escapes, before anything is believed. The
   first of its name that is not empty; STR_NONE. */
struct str channel_raw(struct str form, const char *name);

/* ---- for intake (channel.c, and doors that are no webhooks) ---- */

/* Every event as the journal takes it: texts in UTF-8 (what is none becomes U+FFFD) and not longer than their fields (the attribute
   event.cut names what was cut; an identity that is too long keeps its beginning and gets a hash), a conversation (customer, else
   external), an identity (without one: a hash of the body and the event's place in it), account, channel, time, home. ERR_NOMEM. */
enum err channel_complete(struct channel_in *c, uint32_t home);

#endif
