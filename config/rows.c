/* Every key that a policy may have, once. A row serves reading, its default, bounds, the JSON Schema (`naru check --schema`) and
   the reference page (`naru check --reference`). ROW_IDLE marks what is checked for form and acted on by nothing yet; taking the
   flag away is the last step of making it act.

   To add a key: a member in policy.h, a row here, and both generated files written again (the test says when they are stale). */
#include "config/rows.h"

#include <string.h>

/* ---- words ---- */

WORDS_TABLE(order, ORDER_MAP)
WORDS_TABLE(choose, CHOOSE_MAP)
WORDS_TABLE(since, SINCE_MAP)
WORDS_TABLE(exclusive, EXCLUSIVE_MAP)
WORDS_TABLE(skip, SKIP_MAP)
WORDS_TABLE(swap, SWAP_MAP)

#define CHANNEL_TEXT(word, cost) word,
#define CHANNEL_COST(word, cost) cost,
static const char *const channel_texts[] = { CHANNEL_MAP(CHANNEL_TEXT) };
static const uint32_t channel_costs[] = { CHANNEL_MAP(CHANNEL_COST) };
const struct words channel_words = { channel_texts, sizeof channel_texts / sizeof *channel_texts };

uint32_t channel_cost(struct str channel)
{
    int at = words_find(&channel_words, channel);
    return at < 0 ? 20 : channel_costs[at];
}

const struct wordset urgencies = { &urgency_words, 0, 0 };
#define PROVIDER_TEXT(id, word, needs, channels) word,
static const char *const provider_texts[] = { PROVIDER_MAP(PROVIDER_TEXT) };
const struct words provider_words = { provider_texts, PROVIDER_COUNT };
static const struct wordset providers = { &provider_words, 0, 0 };
static const struct wordset exclusives = { &exclusive_words, 0, 0 };

const enum ref_to to_queue = REF_QUEUE, to_hours = REF_HOURS, to_channel = REF_CHANNEL, to_account = REF_ACCOUNT,
                  to_text = REF_TEXT;

/* ---- hours ---- */

static const struct row hours_rows[] = {
    { "timezone", &K_ZONE, AT(hours_spec, timezone), .flags = ROW_NEEDED, .help = "the zone that the times are in" },
    { "open", &K_OPEN, AT(hours_spec, week), .flags = ROW_NEEDED,
      .help =
          "by weekday or range: `mon-fri: \"09:00-18:00\"`; several intervals as a list; to `24:00`; over midnight `22:00-06:00`" },
    { "closed", &K_DATES, 0, .max = LIM_CLOSED_DATES,
      .help = "dates that are closed from midnight to midnight, and files of them: `[2026-05-05, file:kr.ics]`" },
    { .name = NULL },
};
static const struct mapping hours_mapping = { .name = "hours",
                                              .rows = hours_rows,
                                              .size = sizeof(struct hours_spec),
                                              .name_at = AT(hours_spec, name),
                                              .line_at = AT(hours_spec, line) };

/* ---- channels and accounts ---- */

static void channel_init(void *into, struct str name)
{
    struct channel *c = into;
    c->cost = channel_cost(name);
}
static const struct row channel_rows[] = {
    { "cost", &K_U32, AT(channel, cost), .min = 1, .max = 1000,
      .usual = "voice 100, chat and messaging 30, sms 20, email and form 15, api 10", .example = "30",
      .help = "units that a held or offered ticket takes of an agent's capacity" },
    { "max", &K_U32, AT(channel, max), "0", 0, 1000, .example = "3",
      .help = "most tickets at once with one agent, unless their own `max` says otherwise; 0: as many as they have units for" },
    { "offer", &K_MS, AT(channel, offer_ms), "20s", SECOND, HOUR, .clock = "the offer", .flags = ROW_LIMIT,
      .help = "how long it stands" },
    { "wrapup", &K_MS, AT(channel, wrapup_ms), "0s", 0, HOUR, .clock = "resolving", .example = "10s",
      .help = "time in which the units stay taken; 0: none" },
    { "connect", &K_MS, AT(channel, connect_ms), "0s", 0, HOUR, .clock = "the accept", .example = "20s",
      .help = "how long the agent's `start` is waited for: who has not begun by then loses the ticket and has missed it; 0: no "
              "`start` is awaited" },
    { "auto-accept", &K_FLAG, AT(channel, auto_accept), "no", .example = "yes",
      .help = "an offer is an accept: the agent is not asked. With `connect` they still have to begin" },
    { "exclusive", &K_WORD, AT(channel, exclusive), "no", .arg = &exclusives, .example = "interrupts",
      .help = "whether other work may run beside it: `alone` goes only to who has nothing, `interrupts` on top of what they have; "
              "with either they get nothing else until it ends" },
    { .name = NULL },
};
static const struct mapping channel_mapping = { .name = "a channel",
                                                .rows = channel_rows,
                                                .size = sizeof(struct channel),
                                                .name_at = AT(channel, name),
                                                .line_at = AT(channel, line),
                                                .names = &channel_words,
                                                .init = channel_init };

static const struct row hello_rows[] = {
    { "ko", &K_TEXT, AT(widget_look, hello.ko), .min = 1, .max = 400, .example = "무엇을 도와드릴까요?", .help = "in Korean" },
    { "en", &K_TEXT, AT(widget_look, hello.en), .min = 1, .max = 400, .example = "How can we help?", .help = "in English" },
    { .name = NULL },
};
static const struct mapping hello_mapping = { .name = "a greeting", .rows = hello_rows, .name_at = NOWHERE, .line_at = NOWHERE };
static const struct row widget_rows[] = {
    { "title", &K_TEXT, AT(widget_look, title), .min = 1, .max = 80, .example = "Hanbit",
      .help = "what stands at the top of the panel; else the widget's own word" },
    { "colour", &K_COLOUR, AT(widget_look, colour), .example = "\"#1f4fd8\"",
      .help = "of the button and of the customer's own messages; text on it is black or white, whichever reads better" },
    { "hello", &K_MAPPING, 0, .arg = &hello_mapping, .help = "what the panel says before anybody has written" },
    { .name = NULL },
};
static const struct mapping widget_mapping = { .name = "a web chat", .rows = widget_rows, .name_at = NOWHERE, .line_at = NOWHERE };

static const struct row account_rows[] = {
    { "channel", &K_REF, AT(account, channel), .arg = &to_channel, .flags = ROW_NEEDED,
      .help = "the channel that its events come on" },
    { "provider", &K_WORD, AT(account, provider), "none", .arg = &providers, .example = "twilio",
      .help = "who runs the other end, and so what its webhooks at `/v1/channels/ACCOUNT` look like; `none`: events come by "
              "`POST /v1/events` alone" },
    { "most", &K_MOST, AT(account, most), "50000/s", 1, RATE_BURST_MAX, .flags = ROW_LIMIT, .example = "500/s",
      .help = "events that one router takes of it: so many at once, and so many in each second or minute; what is over that is "
              "asked to come again, and what it sends twice is not counted twice" },
    { "secret", &K_SECRETS, AT(account, secrets), .max = 2, .example = "file:/etc/naru/sms.token",
      .help = "where the secret is that the provider signs with; two of them while one is being changed: the first signs" },
    { "token", &K_SECRET, AT(account, token), .max = 1024, .example = "env:SLACK_BOT_TOKEN",
      .help = "where the credential is that replies are sent with; without it nothing can be answered through Naru" },
    { "verify", &K_SECRET, AT(account, verify), .max = 1024, .example = "env:META_VERIFY",
      .help = "where the word is that the provider's challenge must bring" },
    { "id", &K_TEXT, AT(account, id), .min = 1, .max = 128, .example = "AC0123456789abcdef0123456789abcdef",
      .help = "what the provider calls this account; what comes for another one is refused" },
    { "from", &K_TEXT, AT(account, from), .min = 1, .max = 256, .example = "\"+8215880000\"",
      .help = "the number or address that replies come from" },
    { "api", &K_URL, AT(account, api), .max = 1024, .example = "https://api.twilio.com",
      .help = "where the provider's API is, if not at its usual address" },
    { "receipt", &K_REF, AT(account, receipt), .arg = &to_text, .example = "received",
      .help = "of provider `kakao`: what the customer reads at once (of `texts`); default: a sentence of ours" },
    { "addresses", &K_ADDRESSES, AT(account, addresses), .max = 64, .example = "[help@shop.example, \"@care.shop.example\"]",
      .help =
          "mail: the addresses that are this account's; `@domain` stands for all of a domain, and `help+anything@` is `help@`" },
    { "smtp", &K_SMTP, AT(account, smtp), .max = 256, .example = "smtps://mail.shop.example:465",
      .help = "mail: the server that replies are handed to; `token` names the password" },
    { "user", &K_TEXT, AT(account, user), .min = 1, .max = 256, .example = "naru@shop.example",
      .help = "mail: who hands them in there; default: `from`" },
    { "voice", &K_MAPPING, AT(account, voice), .arg = &voice_mapping,
      .help = "how callers are spoken to while they wait, and connected" },
    { "origins", &K_ORIGINS, AT(account, origins), .max = 64, .example = "[https://shop.example]",
      .help =
          "of provider `widget`: the pages whose scripts may open a chat, as the browser names them; `*`: any page of the world" },
    { "widget", &K_MAPPING, AT(account, widget), .arg = &widget_mapping, .help = "how the chat of provider `widget` looks" },
    { "signature", &K_SIGN, AT(account, inbound.signature), .arg = &inbound_sign_mapping,
      .help = "generic, cloudevents: how requests are signed; a word alone is its `kind`" },
    { "challenge", &K_MAPPING, AT(account, inbound.challenge), .arg = &inbound_challenge_mapping,
      .help = "generic: how the provider asks whether the URL is ours" },
    { "map", &K_RULES, AT(account, inbound.map), .max = 32, .arg = &inbound_rule_mapping,
      .help =
          "generic: how a body becomes events; without it a body is an event, or a list of them, as `POST /v1/events` takes it" },
    { "send", &K_MAPPING, AT(account, inbound.send), .arg = &inbound_send_mapping, .help = "generic: how replies go out" },
    { .name = NULL },
};
static void check_account(struct bind *b, const struct ynode *n, void *into) { inbound_check(b, n, into); }
static const struct mapping account_mapping = { .name = "an account",
                                                .check = check_account,
                                                .rows = account_rows,
                                                .size = sizeof(struct account),
                                                .name_at = AT(account, name),
                                                .line_at = AT(account, line) };

/* ---- the whole ---- */

static void policy_init(void *into, struct str name)
{
    struct policy *p = &((struct draft *)into)->p;
    (void)name;
    p->unsure_queue = -1;
}
static const struct row policy_rows[] = {
    { "naru", &K_U32, AT(draft, naru), .min = 1, .max = 1, .flags = ROW_NEEDED, .example = "1",
      .help = "the version of this format: 1" },
    { "workspace", &K_NAME, AT(draft, p.workspace), .min = 1, .max = 64, .flags = ROW_NEEDED, .example = "hanbit",
      .help = "the workspace that the policy is for" },
    { "timezone", &K_ZONE, AT(draft, p.timezone), "UTC", .help = "the zone in which a day begins at midnight, for `daily`" },
    { "hours", &K_NAMED, AT(draft, hours), .max = 64, .arg = &hours_mapping, .help = "opening hours, by name" },
    { "channels", &K_NAMED, AT(draft, p.channels), .max = 64, .arg = &channel_mapping,
      .help = "costs and times of channels; one that is not listed has the defaults" },
    { "public-url", &K_URL, AT(draft, p.public_url), .max = 1024, .example = "https://naru.example.com",
      .help = "where providers and customers reach this installation from outside; some of them sign it with what they send" },
    { "accounts", &K_NAMED, AT(draft, p.accounts), .max = LIM_LIST_ITEMS, .arg = &account_mapping, .help = "where events come in" },
    { "webhooks", &K_NAMED, AT(draft, p.webhooks), .max = LIM_WEBHOOKS, .arg = &webhook_mapping,
      .help = "who is told of changes of tickets, agents and queues" },
    { "texts", &K_TEXTS, AT(draft, p.texts), .max = 64,
      .help =
          "what customers are told by `acknowledge`, `answer` and `update`, by name and language: in the customer's, else in the "
          "one written first. {name} {ticket} {position} {wait} {opens} are filled in; a sentence whose hole cannot be filled is "
          "left out" },
    { "triage", &K_MAPPING, AT(draft, p), .arg = &triage_mapping, .help = "how urgent a message is and what it needs" },
    { "queues", &K_NAMED, AT(draft, p.queues), .max = LIM_LIST_ITEMS, .arg = &queue_mapping, .flags = ROW_NEEDED,
      .help = "waiting lines" },
    { "capacity", &K_MAPPING, AT(draft, p.capacity), .arg = &capacity_mapping, .flags = ROW_LIMIT,
      .help = "what every agent keeps free, and how fast "
              "they are given work" },
    { "presence", &K_MAPPING, AT(draft, p.presence), .arg = &presence_mapping, .flags = ROW_LIMIT,
      .help = "when an agent is taken to be gone" },
    { "agents", &K_NAMED, AT(draft, p.agents), .max = LIM_AGENTS, .arg = &agent_mapping,
      .help = "who takes tickets; or kept by the API" },
    { "simulate", &K_MAPPING, AT(draft, p.simulate), .arg = &simulate_mapping,
      .help = "what a simulation is told of customers and agents beyond these rules; the service does not look at it" },
    { .name = NULL },
};
const struct mapping policy_mapping = { .name = "a policy (keys such as workspace and queues)",
                                        .rows = policy_rows,
                                        .name_at = NOWHERE,
                                        .line_at = NOWHERE,
                                        .init = policy_init };
