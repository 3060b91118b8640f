/* The keys of an account whose provider is `generic` or `cloudevents`: how any webhook is signed, mapped and answered. */
#include "config/inbound.h"
#include "config/rows.h"

WORDS_TABLE(sign_kind, SIGN_KIND_MAP)
WORDS_TABLE(inbound_hash, HASH_MAP)
WORDS_TABLE(encoding, ENCODING_MAP)
WORDS_TABLE(time_unit, TIME_UNIT_MAP)
WORDS_TABLE(challenge, CHALLENGE_MAP)
WORDS_TABLE(send_method, METHOD_MAP)
WORDS_TABLE(send_type, SEND_TYPE_MAP)
static const struct wordset sign_kinds = { &sign_kind_words, 0, 0 }, hashes = { &inbound_hash_words, 0, 0 },
                            encodings = { &encoding_words, 0, 0 }, units = { &time_unit_words, 0, 0 },
                            challenges = { &challenge_words, 0, 0 }, methods = { &send_method_words, 0, 0 },
                            send_types = { &send_type_words, 0, 0 }, event_kinds = { &event_kind_words, 0, 0 };

/* ---- signature ---- */

/* Which keys a kind of signature has a use for, and which it cannot do without. */
#define HEADER    1u
#define PREFIX    2u
#define HASH      4u
#define ENCODING  8u
#define TIMESTAMP 16u
#define UNIT      32u
#define SEPARATOR 64u
#define QUERY     128u
#define CLAIM     256u
static const struct {
    const char *key;
    unsigned bit;
} sign_keys[] = { { "header", HEADER },       { "prefix", PREFIX },       { "hash", HASH },
                  { "encoding", ENCODING },   { "timestamp", TIMESTAMP }, { "unit", UNIT },
                  { "separator", SEPARATOR }, { "query", QUERY },         { "claim", CLAIM } };
static const struct {
    unsigned may, needs;
} sign_uses[] = {
    [SIGNED_HMAC] = { HEADER | PREFIX | HASH | ENCODING, HEADER },
    [SIGNED_TIMESTAMP] = { HEADER | PREFIX | HASH | ENCODING | TIMESTAMP | UNIT | SEPARATOR, HEADER | TIMESTAMP },
    [SIGNED_STANDARD] = { 0, 0 },
    [SIGNED_TOKEN] = { HEADER | PREFIX | QUERY, 0 },
    [SIGNED_JWT] = { HEADER | PREFIX | CLAIM | ENCODING, 0 },
    [SIGNED_OPEN] = { 0, 0 },
};

static void check_sign(struct bind *b, const struct ynode *n, void *into)
{
    const struct inbound_sign *s = into;
    if (s->kind < 0) return;
    const char *word = sign_kind_words.v[s->kind];
    for (size_t i = 0; i < sizeof sign_keys / sizeof *sign_keys; i++) {
        const struct ynode *c = n->type == Y_MAP ? tree_get(n, sign_keys[i].key) : NULL;
        if (c && !(sign_uses[s->kind].may & sign_keys[i].bit))
            findings_key(b->f, F_ERROR, c, "a signature of kind %s has no \"%s\"", word, sign_keys[i].key);
        else if (!c && (sign_uses[s->kind].needs & sign_keys[i].bit))
            bind_error(b, n, "a signature of kind %s needs \"%s\": the name of the header that it comes in", word,
                       sign_keys[i].key);
    }
    if (s->kind == SIGNED_TOKEN && !s->header == !s->query)
        bind_error(b, n, "the token stands in a \"header\" or in a parameter of the \"query\": name one of them");
}
static const struct row sign_rows[] = {
    { "kind", &K_WORD, AT(inbound_sign, kind), .arg = &sign_kinds, .flags = ROW_NEEDED, .example = "hmac",
      .help = "`hmac`: of the body; `timestamp`: of timestamp, separator and body; `standard-webhooks`: of id, timestamp and body, "
              "as Standard Webhooks 1.0 says; `token`: a shared word; `jwt`: HS256 with `exp` or `iat`; `none`: anybody who knows "
              "the URL is believed" },
    { "header", &K_NAME, AT(inbound_sign, header), .max = 64, .usual = "`authorization` for `jwt`",
      .example = "x-hub-signature-256", .help = "the header that the signature or the token comes in" },
    { "prefix", &K_TEXT, AT(inbound_sign, prefix), .max = 32, .usual = "`Bearer ` in `authorization`, else nothing",
      .example = "\"sha256=\"", .help = "what stands in it before the signature or the token" },
    { "hash", &K_WORD, AT(inbound_sign, hash), "sha256", .arg = &hashes, .help = "of the HMAC" },
    { "encoding", &K_WORD, AT(inbound_sign, encoding), "hex", .arg = &encodings, .help = "how the signature is written" },
    { "timestamp", &K_NAME, AT(inbound_sign, timestamp), .max = 64, .example = "x-timestamp",
      .help = "the header of the signed time, which may be 5 minutes from ours" },
    { "unit", &K_WORD, AT(inbound_sign, unit), "s", .arg = &units,
      .help = "of that time: seconds or milliseconds since 1970, or a date" },
    { "separator", &K_TEXT, AT(inbound_sign, separator), ".", .max = 8, .example = "\":\"",
      .help = "what is signed between time and body; `\"\"`: nothing" },
    { "query", &K_NAME, AT(inbound_sign, query), .max = 64, .example = "key",
      .help = "the parameter of the URL that the token comes in" },
    { "claim", &K_NAME, AT(inbound_sign, claim), .max = 64, .example = "payload_hash",
      .help = "a claim of the JWT that must be the SHA-256 of the body; without one, whoever sees a token may send another body "
              "with it" },
    { .name = NULL },
};
const struct mapping inbound_sign_mapping = {
    .name = "a signature", .rows = sign_rows, .size = sizeof(struct inbound_sign), .line_at = NOWHERE, .check = check_sign
};

/* ---- challenge ---- */

static const struct row challenge_rows[] = {
    { "value", &K_VALUE, AT(inbound_challenge, value), .flags = ROW_NEEDED, .example = "$query.crc_token",
      .help = "what is to be given back; a request that has it is a challenge" },
    { "verify", &K_VALUE, AT(inbound_challenge, verify), .example = "$query.verify_token",
      .help = "what must be the account's `verify` word" },
    { "answer", &K_WORD, AT(inbound_challenge, answer), "text", .arg = &challenges,
      .help =
          "`text`: the value; `json`: an object with it as member `name`; `hmac`: the same with its HMAC under the first secret" },
    { "name", &K_NAME, AT(inbound_challenge, name), "challenge", .max = 64, .example = "response_token",
      .help = "that member's name" },
    { "prefix", &K_TEXT, AT(inbound_challenge, prefix), .max = 32, .example = "\"sha256=\"",
      .help = "what stands before the HMAC" },
    { "hash", &K_WORD, AT(inbound_challenge, hash), "sha256", .arg = &hashes, .help = "of the HMAC" },
    { "encoding", &K_WORD, AT(inbound_challenge, encoding), "base64", .arg = &encodings, .help = "of the HMAC" },
    { .name = NULL },
};
const struct mapping inbound_challenge_mapping = {
    .name = "a challenge", .rows = challenge_rows, .size = sizeof(struct inbound_challenge), .line_at = NOWHERE
};

/* ---- map ---- */

static void check_rule(struct bind *b, const struct ynode *n, void *into)
{
    const struct inbound_rule *rule = into;
    if (rule->kind == EVENT_MESSAGE && !tree_get(n, "text"))
        findings_key(b->f, F_ERROR, n, "\"text\" is missing here: what the customer wrote");
    for (uint32_t i = 0; i < rule->customer.count; i++)
        if (!strcmp(rule->customer.v[i].name, "id")) return;
    if (rule->customer.count)
        bind_error(b, tree_get(n, "customer"), "\"id\" is missing here: what the provider calls the customer");
}
static const struct row rule_rows[] = {
    { "each", &K_EACH, AT(inbound_rule, each), .usual = "the body is one item",
      .help = "the list whose items are events; the other paths begin at the item then" },
    { "when", &K_TESTS, AT(inbound_rule, when), .max = 16,
      .help = "what must all hold; the first rule whose conditions hold takes the item" },
    { "id", &K_VALUE, AT(inbound_rule, id), .usual = "a hash of the body and the item's place", .example = "message.id",
      .help = "the provider's id of the event: the same one twice is one event" },
    { "kind", &K_WORD, AT(inbound_rule, kind), "message", .arg = &event_kinds, .help = "what it is" },
    { "conversation", &K_VALUE, AT(inbound_rule, conversation), .usual = "the customer", .example = "conversation.id",
      .help = "what threads events together" },
    { "customer", &K_MEMBERS, AT(inbound_rule, customer), .max = 16, .example = "{ id: from.id, name: from.name }",
      .help = "`id`, `name`, and any other as `customer.NAME`" },
    { "subject", &K_VALUE, AT(inbound_rule, subject), .example = "ticket.subject", .help = "the subject" },
    { "text", &K_VALUE, AT(inbound_rule, text), .example = "[message.text, message.caption]", .help = "what the customer wrote" },
    { "language", &K_VALUE, AT(inbound_rule, language), .usual = "triage finds it", .example = "from.locale",
      .help = "a language tag; what follows its first subtag is dropped" },
    { "at", &K_VALUE, AT(inbound_rule, at), .example = "created_at",
      .help = "when it happened: a date, or seconds, milliseconds or microseconds since 1970; becomes `event.at`" },
    { "attributes", &K_MEMBERS, AT(inbound_rule, attributes), .max = 24, .example = "{ page: context.page }",
      .help = "become `event.NAME`, which rules may ask for" },
    { "attachments", &K_FLAG, AT(inbound_rule, files), "no", .example = "yes",
      .help =
          "of a multipart form: how many files it brings (`event.attachments`), and name, type, size and SHA-256 of the first 20 "
          "(`event.attachments.1.name` …); without it they are left out" },
    { "reply", &K_MEMBERS, AT(inbound_rule, reply), .max = 8, .example = "{ room: room.id }",
      .help = "what a reply needs to know beside customer and conversation: `{reply.NAME}` in `send`" },
    { .name = NULL },
};
const struct mapping inbound_rule_mapping = { .name = "a mapping to events",
                                              .rows = rule_rows,
                                              .size = sizeof(struct inbound_rule),
                                              .line_at = AT(inbound_rule, line),
                                              .check = check_rule };

/* ---- send ---- */

static void check_send(struct bind *b, const struct ynode *n, void *into)
{
    const struct inbound_send *s = into;
    if (s->as != SEND_FORM || !s->body) return;
    for (const struct send_node *c = s->body->first; c; c = c->next)
        if (c->type == NODE_LIST || c->type == NODE_MAP)
            bind_error(b, tree_get(tree_get(n, "body"), c->key), "a form has texts only");
}
static const struct row send_rows[] = {
    { "url", &K_SEND_URL, AT(inbound_send, url), .flags = ROW_NEEDED,
      .help = "where a reply goes; what fills a hole is percent-encoded" },
    { "method", &K_WORD, AT(inbound_send, method), "POST", .arg = &methods, .help = "of the request" },
    { "headers", &K_HEADERS, AT(inbound_send, headers), .max = 16, .help = "of the request; `{token}` is the account's `token`" },
    { "user", &K_TEXT, AT(inbound_send, user), .min = 1, .max = 128, .example = "\"bot@shop.example/token\"",
      .help = "HTTP Basic with this name, and the account's `token` as password" },
    { "as", &K_WORD, AT(inbound_send, as), "json", .arg = &send_types, .help = "how the body is written" },
    { "body", &K_BODY, AT(inbound_send, body), .flags = ROW_NEEDED,
      .help =
          "of the request. Holes: `{text}` `{customer}` `{conversation}` `{message}` `{ticket}` `{subject}` `{language}` `{by}` "
          "`{token}` `{from}` `{account.id}` `{reply.NAME}`" },
    { "external", &K_VALUE, AT(inbound_send, external), .example = "id",
      .help = "where the answer has the provider's id of the message" },
    { "text-max", &K_U32, AT(inbound_send, text_max), "0", 0, 1000000, .example = "1000",
      .help = "characters of one message; longer ones are cut into several; 0: any number" },
    { "rate", &K_U32, AT(inbound_send, rate), "0", 0, 10000, .example = "20", .help = "messages a second at most; 0: any number" },
    { "window", &K_MS, AT(inbound_send, window_ms), "0s", 0, 30 * DAY, .clock = "the customer's last message", .example = "24h",
      .help = "how long a reply is allowed; 0: always" },
    { "repeatable", &K_FLAG, AT(inbound_send, repeatable), "no", .example = "yes",
      .help = "the provider drops a second message with the same `{message}`: one whose end is not known is sent again" },
    { .name = NULL },
};
const struct mapping inbound_send_mapping = {
    .name = "a way to send", .rows = send_rows, .size = sizeof(struct inbound_send), .line_at = NOWHERE, .check = check_send
};

/* ---- of an account ---- */

void inbound_check(struct bind *b, const struct ynode *n, const struct account *a)
{
    static const char *const keys[] = { "signature", "challenge", "map", "send" };
    bool any = a->provider == PROVIDER_GENERIC || a->provider == PROVIDER_CLOUDEVENTS;
    const struct ynode *sign = tree_get(n, "signature");
    for (size_t i = 0; i < sizeof keys / sizeof *keys; i++) {
        const struct ynode *c = tree_get(n, keys[i]);
        if (c && (!any || (i && a->provider != PROVIDER_GENERIC)))
            findings_key(b->f, F_ERROR, c, "\"%s\" is for accounts of the provider generic%s; this one knows it by itself", keys[i],
                         i ? "" : " or cloudevents");
    }
    if (!any) return;
    if (a->inbound.signature.kind < 0) {
        if (!sign)
            findings_key(b->f, F_ERROR, n,
                         "\"signature\" is missing here: how its requests are signed (`none` believes anybody who knows the URL)");
    } else if (a->inbound.signature.kind == SIGNED_OPEN)
        bind_warn(b, sign, "anybody who knows the URL can send events: ask the provider for a signature or a token");
    else if (!a->secrets.count)
        findings_key(b->f, F_ERROR, n, "\"secret\" is missing here: where the secret is that the provider signs with");
}
