/* Any provider's webhook, said in YAML: how it is signed, how its challenge is answered, how its body becomes events (`map`), how a
   reply is sent back (`send`). All of it is parsed once, when the policy is loaded; router/channels/generic*.c acts on it.

   A path is where a value stands:
     message.text   of the item (`each`), or of the body when there is no `each`
     $body.a.b      of the whole body, from within an item
     entry[0].id    an item of a list           data['a.b']  a member whose name has dots or brackets
     users[from.id].name   the member called as what stands at from.id
     $query.NAME   $header.NAME   of the request; all that follows the dot is the name
     $account.name $account.id $account.channel $account.from
   Of a form, the first step is a field's name, and where there are more steps the field is JSON that they go into: envelope.from.
   A value is a path, a text with paths in it ("{a}-{b}", "{{" for a brace), { const: TEXT }, or a list of these: the first that is
   there. What is null, empty, missing, a list or an object is not there. */
#ifndef NARU_CONFIG_INBOUND_H
#define NARU_CONFIG_INBOUND_H

#include "base/arena.h"
#include "proto/records.h"

#define PATH_STEPS   16u /* of one path */
#define VALUE_PIECES 16u /* texts and paths of one value */
#define VALUE_ALTS   8u  /* of one list */
#define SEND_NODES   200u

#define PATH_ROOT_MAP(X)                                                                                                           \
    X(ROOT_ITEM, "")                                                                                                               \
    X(ROOT_BODY, "body") X(ROOT_QUERY, "query") X(ROOT_HEADER, "header") X(ROOT_ACCOUNT, "account")
WORDS_OF(path_root, PATH_ROOT_MAP)
enum path_step_kind { STEP_KEY, STEP_INDEX, STEP_LOOKUP, STEP_EACH };
struct path;
struct path_step {
    enum path_step_kind kind;
    const char *key;       /* STEP_KEY */
    uint32_t index;        /* STEP_INDEX */
    const struct path *by; /* STEP_LOOKUP */
};
struct path {
    enum path_root root;
    const char *name; /* of ROOT_QUERY, ROOT_HEADER (lower case), ROOT_ACCOUNT */
    struct path_step *steps;
    uint32_t count;
};
/* `each`: "[]" may stand in it, and only then. Everything is allocated in `arena`. ERR_RANGE with a sentence in `why`; ERR_NOMEM.
 */
enum err path_parse(struct path *out, struct str text, bool each, struct arena *arena, char why[200]);

/* A text with holes. */
struct piece {
    struct str text;         /* when there is no hole here */
    const struct path *path; /* NULL: none. Of `send`, a name instead: */
    int name;                /* enum send_name, or -1 */
    const char *keep;        /* SEND_KEEP: which */
};
struct pieces {
    struct piece *v;
    uint32_t count;
};
struct value {
    struct pieces *v; /* the first of which all holes can be filled */
    uint32_t count;
};

#define SIGN_KIND_MAP(X)                                                                                                           \
    X(SIGNED_HMAC, "hmac")                                                                                                         \
    X(SIGNED_TIMESTAMP, "timestamp")                                                                                               \
    X(SIGNED_STANDARD, "standard-webhooks") X(SIGNED_TOKEN, "token") X(SIGNED_JWT, "jwt") X(SIGNED_OPEN, "none")
WORDS_OF(sign_kind, SIGN_KIND_MAP)
#define HASH_MAP(X)      X(HASH_SHA1, "sha1") X(HASH_SHA256, "sha256") X(HASH_SHA512, "sha512") /* as enum sign_hash */
#define ENCODING_MAP(X)  X(ENCODING_HEX, "hex") X(ENCODING_BASE64, "base64")
#define TIME_UNIT_MAP(X) X(UNIT_S, "s") X(UNIT_MS, "ms") X(UNIT_RFC3339, "rfc3339")
WORDS_OF(inbound_hash, HASH_MAP)
WORDS_OF(encoding, ENCODING_MAP)
WORDS_OF(time_unit, TIME_UNIT_MAP)
struct inbound_sign {
    int kind; /* enum sign_kind; -1: not written */
    const char *header, *prefix, *query;
    int hash, encoding, unit;
    const char *timestamp, *separator, *claim;
};

#define CHALLENGE_MAP(X) X(CHALLENGE_TEXT, "text") X(CHALLENGE_JSON, "json") X(CHALLENGE_HMAC, "hmac")
WORDS_OF(challenge, CHALLENGE_MAP)
struct inbound_challenge {
    struct value value;  /* count 0: no challenge */
    struct value verify; /* must be the account's `verify` word; count 0: unasked */
    int answer;
    const char *name, *prefix; /* of the JSON member; before the HMAC */
    int hash, encoding;
};

struct inbound_test {
    const struct path *path;
    int exists;           /* 1, 0; -1: `words` */
    bool negate;          /* none of the words */
    struct pieces *words; /* globs */
    uint32_t count;
};
struct inbound_tests {
    struct inbound_test *v;
    uint32_t count;
};
struct inbound_member { /* of `attributes`, `customer`, `reply` */
    const char *name;
    struct value value;
};
struct inbound_members {
    struct inbound_member *v;
    uint32_t count;
};
struct inbound_rule {
    const struct path *each; /* NULL: the body is one item */
    struct inbound_tests when;
    struct value id, conversation, subject, text, language, at;
    int kind; /* enum event_kind */
    struct inbound_members customer, attributes, reply;
    bool files; /* of a multipart form: they are told as attributes */
    uint32_t line;
};

#define SEND_NAME_MAP(X)                                                                                                           \
    X(SEND_TEXT, "text")                                                                                                           \
    X(SEND_CUSTOMER, "customer")                                                                                                   \
    X(SEND_CONVERSATION, "conversation")                                                                                           \
    X(SEND_MESSAGE, "message") X(SEND_TICKET, "ticket") X(SEND_SUBJECT, "subject") X(SEND_LANGUAGE, "language") X(SEND_BY, "by")   \
        X(SEND_TOKEN, "token") X(SEND_FROM, "from") X(SEND_ACCOUNT_ID, "account.id") X(SEND_KEEP, "reply.")
WORDS_OF(send_name, SEND_NAME_MAP)
#define METHOD_MAP(X) X(METHOD_POST, "POST") X(METHOD_PUT, "PUT") X(METHOD_PATCH, "PATCH")
WORDS_OF(send_method, METHOD_MAP)
#define SEND_TYPE_MAP(X) X(SEND_JSON, "json") X(SEND_FORM, "form") /* how the body is written */
WORDS_OF(send_type, SEND_TYPE_MAP)
struct send_node {
    enum { NODE_TEXT, NODE_PLAIN, NODE_LIST, NODE_MAP } type; /* PLAIN: true, null, a number: as it stands */
    const char *key;                                          /* of a member */
    struct pieces text;
    struct str plain;
    struct send_node *first, *next;
};
struct send_headers {
    struct send_header {
        const char *name;
        struct pieces value;
    } * v;
    uint32_t count;
};
struct inbound_send {
    struct pieces url; /* count 0: no replies */
    int method, as;
    struct send_headers headers;
    const struct send_node *body;
    const char *user;        /* HTTP Basic, with the account's token as password; NULL: none */
    struct value external;   /* of the answer: the provider's id of the message */
    uint32_t text_max, rate; /* code points; messages a second; 0: no limit */
    uint32_t window_ms;
    bool repeatable;
};

struct inbound_rules {
    struct inbound_rule *v;
    uint32_t count;
};
struct inbound {
    struct inbound_sign signature;
    struct inbound_challenge challenge;
    struct inbound_rules map; /* count 0: the body is an event as POST /v1/events takes it */
    struct inbound_send send;
};

#endif
