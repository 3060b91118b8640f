/* Any provider, described by the policy (config/inbound.h): what generic.c and cloudevents.c share. Pure. */
#ifndef NARU_ROUTER_CHANNELS_GENERIC_H
#define NARU_ROUTER_CHANNELS_GENERIC_H

#include "router/channel.h"
#include "router/form.h"
#include "router/ingest.h"
#include "router/sign.h"

/* Is the delivery signed as the account's `signature` says? Under each live secret, in constant time. */
enum verified generic_verify(const struct door *d, const struct delivery *in);
/* One HS256 token (RFC 7519), or rather its three parts. `claim` and `encoding`: the claim that must be the SHA-256 of the body;
   NULL: none. */
enum verified jwt_verify(const struct door *d, struct str token, const char *claim, int encoding, struct str body, uint64_t now);

/* Where values are looked up. */
#define INNER_DOCS 8u
struct inner { /* a field of a form that is JSON, or was tried for it */
    const char *field;
    struct json *doc;
};
struct mapped {
    struct channel_in *c;
    const struct json *body, *item; /* NULL: there is none, or the body is a form */
    const struct form *form;        /* NULL: the body is none */
    struct inner *inner;            /* INNER_DOCS of them */
};
/* What stands at a path, as text: of the body, the delivery or the arena. STR_NONE: nothing does, or no single value. */
struct str path_text(const struct mapped *m, const struct path *p);
/* The value itself; NULL: nothing, a form, or a part of the request that is no JSON. */
const struct json *path_json(const struct mapped *m, const struct path *p);
struct str value_text(const struct mapped *m, const struct value *v);
bool tests_hold(const struct mapped *m, const struct inbound_tests *t);
/* ---- generic_form.c ---- */
bool form_type(struct str type); /* urlencoded or multipart */
/* The body as a form, in c's arena: fields in UTF-8. ERR_PROTO: told; ERR_NOMEM. */
enum err generic_form(struct channel_in *c, const struct form **out);
/* A field as JSON, read once; NULL: there is no such field, it is no JSON, or there are too many of them. */
const struct json *form_json(const struct mapped *m, const char *field);
void form_json_free(struct inner *inner);
/* The same form again, whatever boundary it is wrapped with this time, has the same one. STR_NONE: no memory. */
struct str form_identity(struct channel_in *c, const struct form *f);
struct str form_file_name(const struct form *f); /* of the first file; STR_NONE: it brings none */
/* Its files, as attributes if `told`; else counted as skipped. */
void form_tell_files(struct channel_in *c, struct event *e, const struct form *f, bool told);

/* Calls `fn` for each item of `each` (NULL: once, with the body), in order, until it gives an error. */
enum err each_item(struct mapped *m, const struct path *each, enum err (*fn)(struct mapped *m, void *ctx), void *ctx);
bool same_path(const struct path *a, const struct path *b); /* of `each` */

/* "1516403560557", "1614663967", "2021-03-25T05:09:27Z", "2020-03-03 13:05:57 UTC" → wall ms. ERR_RANGE. */
enum err generic_time(struct str text, uint64_t *ms);
/* What ingest read, as one of the channel's events. ERR_PROTO: told. */
enum err generic_event(struct channel_in *c, const struct ingest *in);
/* What ingest did not take. `place`: of the event in its list, from 1: a bad item, and ERR_OK; 0: there is no list, the request is
   refused, and so it is without memory (ERR_PROTO). */
enum err generic_refuse(struct channel_in *c, const struct ingest *in, uint32_t place);
/* Each item of a list that `read` takes (place from 1), then channel_batch_end. */
enum err generic_batch(struct channel_in *c, struct ingest *in, const struct json *list,
                       enum err (*read)(struct channel_in *c, struct ingest *in, const struct json *v, uint32_t place));
/* An `env` whose only account is the door's; lives as long as `d`. */
struct ingest_env generic_env(const struct door *d, const struct delivery *in);

/* How replies go out by this account; NULL: it says none. */
const struct sender *generic_sender_for(const struct door *d);
void generic_close(struct door *d);

#endif
