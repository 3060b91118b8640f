/* The keys of agents, and of what holds for all of them: capacity and presence. An agent made by the API is read through the same
   rows (agent.c). */
#include "config/rows.h"

static const char *const agent_kind_texts[] = { "person", "bot" };
static const struct words agent_kind_words = { agent_kind_texts, 2 };
static const struct wordset agent_kinds = { &agent_kind_words, 0, 0 };

/* ---- bots ---- */

static const struct row bot_rows[] = {
    { "webhook", &K_URL, AT(bot_rules, webhook), .max = 2048, .usual = "a WebSocket, as people have",
      .help = "where offers are posted" },
    { "secret", &K_SECRET, AT(bot_rules, secret), .max = 1024, .example = "env:BOT_KEY",
      .help = "where the key is that signs what is posted: `file:/path` or `env:NAME`" },
    { "within", &K_MS, AT(bot_rules, within_ms), "5s", 100, MINUTE, .clock = "the post",
      .help = "how long the webhook's answer is waited for" },
    { "below", &K_F64, AT(bot_rules, below), "0", 0, 1, .help = "a verdict with less confidence is not for it" },
    { "negative", &K_FLAG, AT(bot_rules, negative), "yes",
      .help = "a negative message is not for it, and while it has the ticket hands it over to people" },
    { "after", &K_MS, AT(bot_rules, after_ms), "0s", 0, DAY, .clock = "its accept", .example = "10m",
      .help = "how long it may have a ticket; then people get it. 0: no end" },
    { .name = NULL },
};
static void bot_check(struct bind *b, const struct ynode *n, void *into)
{
    const struct ynode *secret = tree_get(n, "secret"), *within = tree_get(n, "within");
    (void)into;
    if (tree_get(n, "webhook")) return;
    if (secret) bind_error(b, secret, "signs what is posted to a webhook, and there is none: add \"webhook\"");
    if (within) bind_error(b, within, "is the deadline of a webhook, and there is none: add \"webhook\"");
}
static const struct mapping bot_mapping = {
    .name = "the rules of a bot", .rows = bot_rows, .name_at = NOWHERE, .line_at = NOWHERE, .check = bot_check
};

/* ---- agents ---- */

static void agent_init(void *into, struct str name)
{
    struct agent_spec *a = into;
    (void)name;
    a->daily = UINT32_MAX;
}
static void agent_check(struct bind *b, const struct ynode *n, void *into)
{
    const struct ynode *bot = tree_get(n, "bot"), *phone = tree_get(n, "phone");
    if (phone) bind_phone(b, phone);
    if (bot && !((struct agent_spec *)into)->bot) findings_key(b->f, F_ERROR, bot, "is for bots: add \"kind: bot\"");
}
static const struct row agent_rows[] = {
    { "skills", &K_SKILLS, AT(agent_spec, skills), .help = "what the agent can, and how well; languages as `lang:ko`" },
    { "groups", &K_GROUPS, AT(agent_spec, groups), .help = "groups that the agent belongs to; 64 in a workspace at most" },
    { "capacity", &K_U32, AT(agent_spec, capacity), "100", 1, CAPACITY_MAX, .flags = ROW_LIMIT,
      .help = "units for all channels together" },
    { "max", &K_MAXIMA, AT(agent_spec, max), .min = 0, .max = 1000, .example = "{ webchat: 3, voice: 1 }",
      .help = "most tickets at once, by channel" },
    { "cost", &K_MAXIMA, AT(agent_spec, cost), .min = 1, .max = 1000, .example = "{ webchat: 20 }",
      .help = "units that a ticket takes of this agent, by channel, in place of the channel's `cost`" },
    { "daily", &K_U32, AT(agent_spec, daily), .min = 1, .max = 10000, .usual = "`capacity.daily`", .example = "60",
      .help = "tickets a day, counted at the accept" },
    { "shift", &K_REF, AT(agent_spec, shift), .arg = &to_hours, .usual = "always",
      .help = "offers come only while these hours are open; what they hold stays" },
    { "phone", &K_TEXT, AT(agent_spec, phone), .min = 1, .max = 256, .usual = "the account's `voice.connect`",
      .example = "\"+821012345678\"", .help = "where calls reach them: `sip:…`, `client:…` or a number" },
    { "kind", &K_BOOLWORD, AT(agent_spec, bot), "person", .arg = &agent_kinds, .help = "who it is; bots are asked before people" },
    { "bot", &K_MAPPING, AT(agent_spec, bot_rules), .arg = &bot_mapping,
      .help = "how a bot is reached, and when it hands over to people" },
    { .name = NULL },
};
const struct mapping agent_mapping = { .name = "an agent",
                                       .name_max = 128,
                                       .rows = agent_rows,
                                       .size = sizeof(struct agent_spec),
                                       .name_at = AT(agent_spec, name),
                                       .line_at = AT(agent_spec, line),
                                       .init = agent_init,
                                       .check = agent_check };

/* ---- capacity ---- */

static const struct row for_rows[] = {
    { "urgency", &K_WORD, AT(capacity_rules, keep_urgency), .arg = &urgencies, .example = "high",
      .help = "tickets at least so urgent" },
    { "channel", &K_REFS, AT(capacity_rules, keep_words), .max = 32, .arg = &to_channel, .example = "[voice]",
      .help = "tickets on these channels" },
    { .name = NULL },
};
static const struct mapping for_mapping = {
    .name = "urgency or channel", .rows = for_rows, .name_at = NOWHERE, .line_at = NOWHERE
};

static const struct row keep_rows[] = {
    { "units", &K_U32, AT(capacity_rules, keep_units), .min = 1, .max = CAPACITY_MAX, .flags = ROW_NEEDED, .example = "30",
      .help = "the last so many units of every agent are kept free" },
    { "for", &K_MAPPING, 0, .arg = &for_mapping, .flags = ROW_NEEDED, .help = "for tickets of which either holds" },
    { .name = NULL },
};
static void keep_check(struct bind *b, const struct ynode *n, void *into)
{
    const struct capacity_rules *c = into;
    const struct ynode *who = tree_get(n, "for");
    if (who && who->type == Y_MAP && who->count == 0) bind_error(b, who, "says for nobody: give an urgency or a channel");
    if (c->keep_urgency == URG_LOW)
        bind_error(b, tree_get(who, "urgency"), "every ticket is at least low: what is kept for all is kept for none; write high");
}
static const struct mapping keep_mapping = {
    .name = "units and what they are for", .rows = keep_rows, .name_at = NOWHERE, .line_at = NOWHERE, .check = keep_check
};

static const struct row ramp_rows[] = {
    { "per-minute", &K_U32, AT(capacity_rules, ramp_per_minute), .min = 1, .max = 600, .flags = ROW_NEEDED, .example = "4",
      .help = "offers a minute to an agent who has come online" },
    { "for", &K_MS, AT(capacity_rules, ramp_ms), .min = SECOND, .max = 8 * HOUR, .usual = "10m", .clock = "coming online",
      .flags = ROW_LIMIT, .example = "10m", .help = "for so long" },
    { .name = NULL },
};
static void ramp_check(struct bind *b, const struct ynode *n, void *into)
{
    struct capacity_rules *c = into;
    (void)b;
    if (!tree_get(n, "for")) c->ramp_ms = 600000;
}
static const struct mapping ramp_mapping = {
    .name = "a ramp", .rows = ramp_rows, .name_at = NOWHERE, .line_at = NOWHERE, .check = ramp_check
};

static const struct row capacity_rows[] = {
    { "keep", &K_MAPPING, 0, .arg = &keep_mapping, .help = "headroom for what cannot wait" },
    { "parked", &K_PERCENT, AT(capacity_rules, parked_pct), "25%", 0, 100, .flags = ROW_LIMIT,
      .help = "what a parked ticket costs of its units" },
    { "wake-wait", &K_MS, AT(capacity_rules, wake_wait_ms), "2m", 0, DAY, .clock = "waking", .flags = ROW_LIMIT,
      .help = "how long a parked ticket that wakes waits for its own agent; then everybody is asked" },
    { "ramp", &K_MAPPING, 0, .arg = &ramp_mapping, .help = "who comes online is not flooded" },
    { "daily", &K_U32, AT(capacity_rules, daily), "0", 0, 10000, .clock = "midnight in `timezone`", .example = "60",
      .flags = ROW_LIMIT, .help = "tickets a day and agent, counted at the accept; 0: no cap" },
    { "acts", &K_MOST, AT(capacity_rules, acts), "1000/s", 1, RATE_BURST_MAX, .flags = ROW_LIMIT, .example = "50/s",
      .help = "what one agent's programs may ask of one router, over the stream and the API together: so many at once, and so many "
              "in each second or minute; what is over that is refused with 429" },
    { .name = NULL },
};
const struct mapping capacity_mapping = {
    .name = "the rules of capacity", .rows = capacity_rows, .name_at = NOWHERE, .line_at = NOWHERE
};

/* ---- presence ---- */

static const struct row presence_rows[] = {
    { "lease", &K_MS, AT(presence_rules, lease_ms), "30s", 15 * SECOND, HOUR, .clock = "the last heartbeat or act",
      .flags = ROW_LIMIT, .help = "who has not been heard of for so long is offline; a stream is a heartbeat every 10 s" },
    { "leave", &K_MS, AT(presence_rules, leave_ms), "5s", 0, 10 * MINUTE, .clock = "the end of an agent's connection",
      .flags = ROW_LIMIT, .help = "time to connect again before they are offline" },
    { "grace", &K_MS, AT(presence_rules, grace_ms), "60s", 0, DAY, .clock = "going offline", .flags = ROW_LIMIT,
      .help = "how long they keep what they hold; then it waits again, with its age" },
    { "misses", &K_U32, AT(presence_rules, misses), "3", 1, 100, .flags = ROW_LIMIT,
      .help = "so many offers in a row without an answer, and the agent is away (missed)" },
    { "hold", &K_MS, AT(presence_rules, hold_ms), "24h", MINUTE, MONTH, .clock = "the accept", .flags = ROW_LIMIT,
      .help = "a ticket held longer waits again, with its age" },
    { .name = NULL },
};
const struct mapping presence_mapping = {
    .name = "the rules of presence", .rows = presence_rows, .name_at = NOWHERE, .line_at = NOWHERE
};
