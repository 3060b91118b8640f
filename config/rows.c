/* Every key that a policy may have, once. A row serves reading, its default, bounds, the JSON Schema (`naru check --schema`) and
   the reference page (`naru check --reference`). ROW_IDLE marks what is checked for form and acted on by nothing yet; taking the
   flag away is the last step of making it act.

   To add a key: a member in policy.h, a row here, and both generated files written again (the test says when they are stale). */
#include "base/limits.h"
#include "config/draft.h"
#include "config/expr.h"

#include <string.h>

#define AT(type, member) offsetof(struct type, member)
#define OFFER_MIN        1000.0
#define HOUR             3600e3
#define MONTH            2592000e3
#define DEFAULT_ANSWER   900000u /* 15 min */

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

#define BIT(id) (1u << (id))
#define CHOOSE_IDLE                                                                                                                \
    (BIT(CHOOSE_PREFERRED) | BIT(CHOOSE_LAST_AGENT) | BIT(CHOOSE_SPARE_SKILL) | BIT(CHOOSE_OWN_SKILL_FIRST) |                      \
     BIT(CHOOSE_ROUND_ROBIN) | BIT(CHOOSE_FASTEST))
static const struct wordset orders = { &order_words, 0, BIT(ORDER_WEIGHTS) };
static const struct wordset choices = { &choose_words, 0, CHOOSE_IDLE };
static const struct wordset clocks = { &since_words, 0, BIT(SINCE_ASSIGNED) | BIT(SINCE_LAST_REPLY) };
static const struct wordset urgencies = { &urgency_words, 0, 0 };
static const struct wordset event_kinds = { &event_kind_words, 0, 0 };
static const struct wordset found_sentiments = { &sentiment_words, BIT(SENT_UNKNOWN), 0 };
static const struct wordset sentiments = { &sentiment_words, 0, 0 };

static const char *const agent_kind_texts[] = { "person", "bot" };
static const struct words agent_kind_words = { agent_kind_texts, 2 };
static const struct wordset agent_kinds = { &agent_kind_words, 0, 0 };
static const char *const staffed_texts[] = { "some", "none" };
static const struct words staffed_words = { staffed_texts, 2 };
static const struct wordset staffing = { &staffed_words, 1, 0 };

static const enum ref_to to_queue = REF_QUEUE, to_hours = REF_HOURS, to_channel = REF_CHANNEL, to_account = REF_ACCOUNT;

/* ---- hours ---- */

static const struct row hours_rows[] = {
    { "timezone", &K_ZONE, AT(hours_spec, timezone), .flags = ROW_NEEDED, .help = "the zone that the times are in" },
    { "open", &K_OPEN, AT(hours_spec, week), .flags = ROW_NEEDED,
      .help =
          "by weekday or range: `mon-fri: \"09:00-18:00\"`; several intervals as a list; to `24:00`; over midnight `22:00-06:00`" },
    { "closed", &K_DATES, 0, .max = 2000, .help = "dates that are closed from midnight to midnight" },
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
      .help = "units that a held or offered ticket takes of an agent's capacity; when not given: voice 100, chat and messaging 30, "
              "sms 20, "
              "email and form 15, api 10" },
    { "offer", &K_MS, AT(channel, offer_ms), "20s", OFFER_MIN, HOUR, .help = "how long an offer stands" },
    { "wrapup", &K_MS, AT(channel, wrapup_ms), "0s", 0, HOUR, .help = "time after resolving in which the units stay taken" },
    { .name = NULL },
};
static const struct mapping channel_mapping = { .name = "a channel",
                                                .rows = channel_rows,
                                                .size = sizeof(struct channel),
                                                .name_at = AT(channel, name),
                                                .line_at = AT(channel, line),
                                                .names = &channel_words,
                                                .init = channel_init };

static void account_check(struct bind *b, const struct ynode *n, void *into)
{
    const struct account *a = into;
    const struct ynode *secret = tree_get(n, "secret");
    if (secret && a->secret && strncmp(a->secret, "file:", 5) && strncmp(a->secret, "env:", 4))
        bind_warn(b, secret, "a secret does not belong in this file: write file:/path or env:NAME");
}
static const struct row account_rows[] = {
    { "channel", &K_REF, AT(account, channel), .arg = &to_channel, .flags = ROW_NEEDED,
      .help = "the channel that its events come on" },
    { "provider", &K_NAME, AT(account, provider), .min = 1, .max = 64, .flags = ROW_IDLE,
      .help = "who runs the other end, such as twilio" },
    { "secret", &K_TEXT, AT(account, secret), .min = 1, .max = 1024, .flags = ROW_IDLE,
      .help = "where the provider's secret is: `file:/path` or `env:NAME`" },
    { .name = NULL },
};
static const struct mapping account_mapping = { .name = "an account",
                                                .rows = account_rows,
                                                .size = sizeof(struct account),
                                                .name_at = AT(account, name),
                                                .line_at = AT(account, line),
                                                .check = account_check };

/* ---- triage ---- */

static const struct cond_spec on_text = { COND_TEXT, -1, NULL, false };
static const struct cond_spec on_channel = { COND_CHANNEL, REF_CHANNEL, NULL, false };
static const struct cond_spec on_account = { COND_ACCOUNT, REF_ACCOUNT, NULL, false };
static const struct cond_spec on_language = { COND_LANGUAGE, -1, NULL, true };
static const struct cond_spec on_intent = { COND_INTENT, -1, NULL, false };
static const struct cond_spec on_sentiment = { COND_SENTIMENT, -1, &sentiments, false };
static const struct cond_spec on_kind = { COND_KIND, -1, &event_kinds, false };
static const struct cond_spec on_attribute = { COND_ATTRIBUTE, -1, NULL, false };
static const struct cond_spec on_open = { COND_HOURS_OPEN, REF_HOURS, NULL, false };
static const struct cond_spec on_closed = { COND_HOURS_CLOSED, REF_HOURS, NULL, false };
static const struct cond_spec on_match = { COND_MATCH, -1, NULL, false };
static const struct cond_spec on_confidence = { COND_CONFIDENCE, -1, NULL, false };
static const struct cond_spec on_all = { COND_ALL, -1, NULL, false };
static const struct cond_spec on_any = { COND_ANY, -1, NULL, false };
static const struct cond_spec on_not = { COND_NOT, -1, NULL, false };

static const struct row when_rows[] = {
    { "text", &K_COND, 0, .max = 1024, .arg = &on_text,
      .help =
          "words in the subject or text; `=사고` as a whole word (a particle may follow), `refund*` may go on, `*phone` may begin "
          "before" },
    { "match", &K_COND, 0, .max = EXPR_MAX, .arg = &on_match,
      .help = "regular expressions in the subject or text, without regard to case; `\\b` at their ends only" },
    { "channel", &K_COND, 0, .max = 32, .arg = &on_channel, .help = "the event's channel" },
    { "account", &K_COND, 0, .max = 64, .arg = &on_account, .help = "the event's account" },
    { "language", &K_COND, 0, .max = 16, .arg = &on_language, .help = "the language found or stated: ko, en, … or und" },
    { "intent", &K_COND, 0, .max = 64, .arg = &on_intent, .help = "the intent found so far; `*` stands for anything" },
    { "confidence", &K_COND, 0, .max = 64, .arg = &on_confidence,
      .help = "how sure the intent is, such as `\">=0.7\"`; 1 when a rule named it" },
    { "sentiment", &K_COND, 0, .max = 16, .arg = &on_sentiment, .help = "the sentiment found so far" },
    { "kind", &K_COND, 0, .max = 16, .arg = &on_kind, .help = "the kind of event" },
    { "open", &K_COND, 0, .max = 64, .arg = &on_open, .help = "one of these hours is open" },
    { "closed", &K_COND, 0, .max = 64, .arg = &on_closed, .help = "one of these hours is closed" },
    { "customer.", &K_COND, 0, .max = 1024, .arg = &on_attribute, .flags = ROW_PREFIX,
      .help = "an attribute of the customer, such as `customer.tier`: a text, a glob (`gold*`, `\"*\"` for any), a comparison "
              "(`\">=3\"`, `\">=3 <10\"`). The service attaches `customer.open_tickets` and `customer.contacts_7d`" },
    { "conversation.", &K_COND, 0, .max = 1024, .arg = &on_attribute, .flags = ROW_PREFIX,
      .help = "how the conversation stands, as the service knows it: `conversation.sentiment` and `conversation.urgency` (words, "
              "of its live ticket), `conversation.waiting` (whole seconds that nobody has had it)" },
    { "event.", &K_COND, 0, .max = 1024, .arg = &on_attribute, .flags = ROW_PREFIX,
      .help = "an attribute of the event, such as `event.page`" },
    { "all", &K_CONDS, 0, .arg = &on_all, .help = "conditions all of which hold" },
    { "any", &K_CONDS, 0, .arg = &on_any, .help = "groups of conditions, one of which holds at least" },
    { "not", &K_NOT, 0, .arg = &on_not, .help = "conditions that do not all hold" },
    { .name = NULL },
};
const struct mapping when_mapping = { .name = "conditions", .rows = when_rows, .name_at = NOWHERE, .line_at = NOWHERE };

static const struct row then_rows[] = {
    { "urgency", &K_WORD, AT(rule, urgency), .arg = &urgencies, .help = "sets the urgency" },
    { "raise", &K_INT, AT(rule, raise), .min = -3, .max = 3, .help = "raises the urgency by so many steps; negative lowers" },
    { "weigh", &K_F64, AT(rule, weigh), .min = -1, .max = 1, .help = "adds to the urgency score; negative takes away" },
    { "intent", &K_NAME, AT(rule, intent), .max = 64, .help = "sets the intent" },
    { "sentiment", &K_WORD, AT(rule, sentiment), .arg = &found_sentiments, .help = "sets the sentiment" },
    { "needs", &K_NEEDS, AT(rule, needs), .help = "adds needs to those of the queue" },
    { "tag", &K_WORDS, AT(rule, tags), .max = 64, .help = "adds tags" },
    { "queue", &K_REF, AT(rule, queue), .arg = &to_queue, .help = "names the queue, whatever the queues' `takes` say" },
    { "stop", &K_FLAG, AT(rule, stop), .help = "no later rule is looked at" },
    { .name = NULL },
};
static void then_check(struct bind *b, const struct ynode *n, void *into)
{
    (void)into;
    if (n->count == 0) bind_warn(b, n, "says nothing to do");
}
static const struct mapping then_mapping = {
    .name = "actions", .rows = then_rows, .name_at = NOWHERE, .line_at = NOWHERE, .check = then_check
};

static const struct row rule_rows[] = {
    { "name", &K_NAME, AT(rule, name), .max = 64, .flags = ROW_NEEDED, .help = "its name, unique: verdicts and metrics say it" },
    { "when", &K_WHEN, AT(rule, when), .flags = ROW_NEEDED,
      .help = "all of these must hold; within one, any of its words. `{}` always holds" },
    { "then", &K_MAPPING, 0, .arg = &then_mapping, .flags = ROW_NEEDED, .help = "what it does" },
    { .name = NULL },
};
static const struct mapping rule_mapping = {
    .name = "a rule", .rows = rule_rows, .size = sizeof(struct rule), .name_at = NOWHERE, .line_at = AT(rule, line)
};

static const struct row models_rows[] = {
    { "language", &K_TEXT, AT(policy, model_language), .min = 1, .max = 1024, .help = "file of the language model" },
    { "intent", &K_TEXT, AT(policy, model_intent), .min = 1, .max = 1024, .help = "file of the intent model" },
    { "urgency", &K_TEXT, AT(policy, model_urgency), .min = 1, .max = 1024, .help = "file of the urgency model" },
    { "sentiment", &K_TEXT, AT(policy, model_sentiment), .min = 1, .max = 1024, .help = "file of the sentiment model" },
    { .name = NULL },
};
static const struct mapping models_mapping = { .name = "models", .rows = models_rows, .name_at = NOWHERE, .line_at = NOWHERE };

static void levels_check(struct bind *b, const struct ynode *n, void *into)
{
    const struct urgency_policy *u = into;
    for (unsigned l = URG_HIGH; l < URG_COUNT; l++) {
        if (u->levels[l] > u->levels[l - 1]) continue;
        const struct ynode *at = tree_get(n, urgency_words.v[l]);
        bind_error(b, at ? at : n, "levels must rise: %s from %g, but %s from %g", urgency_words.v[l - 1], u->levels[l - 1],
                   urgency_words.v[l], u->levels[l]);
    }
}
static const struct row levels_rows[] = {
    { "normal", &K_F64, AT(urgency_policy, levels[URG_NORMAL]), "0.25", 0, 1, .help = "the least score of `normal`" },
    { "high", &K_F64, AT(urgency_policy, levels[URG_HIGH]), "0.55", 0, 1, .help = "the least score of `high`" },
    { "critical", &K_F64, AT(urgency_policy, levels[URG_CRITICAL]), "0.8", 0, 1, .help = "the least score of `critical`" },
    { .name = NULL },
};
static const struct mapping levels_mapping = {
    .name = "levels", .rows = levels_rows, .name_at = NOWHERE, .line_at = NOWHERE, .check = levels_check
};

static const struct row urgency_rows[] = {
    { "model", &K_F64, AT(urgency_policy, model), "1", 0, 4, .help = "weight of what the urgency model says" },
    { "start", &K_F64, AT(urgency_policy, start), "0.4", 0, 1, .help = "the score where no model speaks" },
    { "negative", &K_F64, AT(urgency_policy, negative), "0.05", -1, 1, .help = "added when the sentiment is negative" },
    { "turn", &K_F64, AT(urgency_policy, turn), "0.1", -1, 1,
      .help = "added when the customer's sentiment turned negative within the conversation" },
    { "repeated", &K_F64, AT(urgency_policy, repeated), "0.05", -1, 1,
      .help = "added for each contact of the last 7 days beyond the first, for three at most" },
    { "waiting", &K_F64, AT(urgency_policy, waiting), "0.05", 0, 1,
      .help = "added for each hour that the conversation's ticket has been waiting" },
    { "waiting-most", &K_F64, AT(urgency_policy, waiting_most), "0.2", 0, 1, .help = "the most that waiting adds" },
    { "levels", &K_MAPPING, 0, .arg = &levels_mapping, .help = "the score from which a level holds; `low` is below them all" },
    { .name = NULL },
};
static const struct mapping urgency_mapping = { .name = "urgency", .rows = urgency_rows, .name_at = NOWHERE, .line_at = NOWHERE };

static const struct row scorer_rows[] = {
    { "within", &K_MS, 0, .min = 1, .max = 2000, .flags = ROW_NEEDED,
      .help = "how long an answer is waited for; then ours is taken" },
    { .name = NULL },
};
static const struct mapping scorer_mapping = { .name = "a deadline", .rows = scorer_rows, .name_at = NOWHERE, .line_at = NOWHERE };
static const struct row external_rows[] = {
    { "language", &K_MAPPING, AT(policy, external_ms[ANSWER_LANGUAGE]), .arg = &scorer_mapping, .help = "the language" },
    { "intent", &K_MAPPING, AT(policy, external_ms[ANSWER_INTENT]), .arg = &scorer_mapping, .help = "the intent" },
    { "urgency", &K_MAPPING, AT(policy, external_ms[ANSWER_URGENCY]), .arg = &scorer_mapping, .help = "the urgency" },
    { "sentiment", &K_MAPPING, AT(policy, external_ms[ANSWER_SENTIMENT]), .arg = &scorer_mapping, .help = "the sentiment" },
    { .name = NULL },
};
static const struct mapping external_mapping = {
    .name = "stages of triage", .rows = external_rows, .name_at = NOWHERE, .line_at = NOWHERE
};

static const struct row unsure_rows[] = {
    { "below", &K_F64, AT(policy, unsure_below), .min = 0, .max = 1, .help = "a verdict with less confidence is unsure" },
    { "queue", &K_REF, AT(policy, unsure_queue), .arg = &to_queue, .help = "where unsure ones go, unless a rule named a queue" },
    { .name = NULL },
};
static const struct mapping unsure_mapping = {
    .name = "the unsure clause", .rows = unsure_rows, .name_at = NOWHERE, .line_at = NOWHERE
};

static const struct row triage_rows[] = {
    { "models", &K_MAPPING, 0, .arg = &models_mapping, .help = "trained models" },
    { "unsure", &K_MAPPING, 0, .arg = &unsure_mapping, .help = "what happens when triage is not sure" },
    { "urgency", &K_MAPPING, AT(policy, urgency), .arg = &urgency_mapping, .help = "how the urgency score is put together" },
    { "external", &K_MAPPING, 0, .arg = &external_mapping,
      .help = "stages that a scorer of your own may answer, each with a deadline; late or broken answers fall back to ours" },
    { "rules", &K_ITEMS, AT(policy, rules), .max = LIM_RULES, .arg = &rule_mapping, .help = "looked at in this order" },
    { .name = NULL },
};
static const struct mapping triage_mapping = { .name = "triage", .rows = triage_rows, .name_at = NOWHERE, .line_at = NOWHERE };

/* ---- queues ---- */

static const struct row takes_rows[] = {
    { "intent", &K_NAMES, AT(takes, intent), .max = 64, .help = "intents; `*` stands for anything" },
    { "tag", &K_WORDS, AT(takes, tag), .max = 64, .help = "tags" },
    { "channel", &K_REFS, AT(takes, channel), .max = 32, .arg = &to_channel, .help = "channels" },
    { "account", &K_REFS, AT(takes, account), .max = 64, .arg = &to_account, .help = "accounts" },
    { "language", &K_LANGUAGES, AT(takes, language), .max = 16, .help = "languages" },
    { .name = NULL },
};
static void takes_check(struct bind *b, const struct ynode *n, void *into)
{
    (void)into;
    if (n->count == 0) bind_error(b, n, "has no condition: say what the queue takes, or write `takes: default`");
}
static const struct mapping takes_mapping = {
    .name = "conditions", .rows = takes_rows, .name_at = NOWHERE, .line_at = NOWHERE, .check = takes_check
};

static void target_check(struct bind *b, const struct ynode *n, void *into)
{
    (void)b;
    (void)n;
    ((struct sla *)into)->given = true;
}
static const struct row target_rows[] = {
    { "within", &K_WITHIN, 0, .min = 1000, .max = MONTH, .flags = ROW_NEEDED,
      .help = "one time, or one by urgency (a missing one takes the nearest slower that is given)" },
    { "target", &K_PERCENT, AT(sla, target_pct), .min = 1, .max = 100, .flags = ROW_IDLE, .help = "the share that should make it" },
    { "hours", &K_REF, AT(sla, hours), .arg = &to_hours, .flags = ROW_IDLE, .help = "the clock runs only while these are open" },
    { .name = NULL },
};
static const struct mapping target_mapping = {
    .name = "a target", .rows = target_rows, .name_at = NOWHERE, .line_at = NOWHERE, .check = target_check
};
static const struct row sla_rows[] = {
    { "answer", &K_MAPPING, AT(queue, answer), .arg = &target_mapping,
      .help = "from opening to an agent's accept; when not given: within 15m" },
    { "reply", &K_MAPPING, AT(queue, reply), .arg = &target_mapping, .flags = ROW_IDLE,
      .help = "from the customer's message to the reply" },
    { "resolve", &K_MAPPING, AT(queue, resolve), .arg = &target_mapping, .flags = ROW_IDLE, .help = "from opening to the end" },
    { .name = NULL },
};
static const struct mapping sla_mapping = { .name = "the SLA", .rows = sla_rows, .name_at = NOWHERE, .line_at = NOWHERE };

static void step_check(struct bind *b, const struct ynode *n, void *into)
{
    static const char *const doing[] = { "needs", "drop", "raise", "move", "add", "offer", "callback", "notify", "update" };
    (void)into;
    for (size_t i = 0; i < sizeof doing / sizeof *doing; i++)
        if (tree_get(n, doing[i])) return;
    bind_error(b, n, "says when, but nothing to do (needs, drop, raise, move)");
}
static void step_init(void *into, struct str name)
{
    (void)name;
    ((struct step *)into)->callback.hours = -1;
}
static const struct row step_rows[] = {
    { "after", &K_AFTER, 0, .flags = ROW_NEEDED, .help = "when: a time, or a share of the answer target" },
    { "since", &K_WORD, AT(step, since), "enqueued", .arg = &clocks, .help = "which clock; `step` is the step before" },
    { "needs", &K_NEEDS, AT(step, needs), .help = "lowers needs to these levels" },
    { "drop", &K_NAMES, AT(step, drop), .max = 64, .help = "drops needs; `lang` drops every language" },
    { "raise", &K_INT, AT(step, raise), .min = -3, .max = 3, .help = "raises the urgency" },
    { "move", &K_REF, AT(step, move), .arg = &to_queue, .help = "moves to this queue" },
    { "add", &K_NAMES, NOWHERE, .max = 64, .flags = ROW_IDLE, .help = "adds groups of agents" },
    { "offer", &K_U32, NOWHERE, .min = 1, .max = 16, .flags = ROW_IDLE, .help = "offers to so many agents at once" },
    { "callback", &K_TEXT, NOWHERE, .min = 1, .max = 64, .flags = ROW_IDLE, .help = "offers a callback" },
    { "notify", &K_NAMES, NOWHERE, .max = 64, .flags = ROW_IDLE, .help = "notifies" },
    { "update", &K_TEXT, NOWHERE, .min = 1, .max = 64, .flags = ROW_IDLE, .help = "sends an update" },
    { .name = NULL },
};
static const struct mapping step_mapping = { .name = "a step",
                                             .rows = step_rows,
                                             .size = sizeof(struct step),
                                             .name_at = NOWHERE,
                                             .line_at = AT(step, line),
                                             .init = step_init,
                                             .check = step_check };

static const struct row overflow_when_rows[] = {
    { "waiting", &K_OVER, AT(overflow, waiting_over), .min = 1, .max = 1000000, .help = "more than so many wait" },
    { "closed", &K_REF, AT(overflow, closed), .arg = &to_hours, .help = "these hours are closed" },
    { "staffed", &K_BOOLWORD, AT(overflow, nobody_staffed), .arg = &staffing,
      .help = "`none`: nobody who could take it is present" },
    { "expected_wait", &K_AFTER, NOWHERE, .flags = ROW_IDLE, .help = "the expected wait is longer" },
    { .name = NULL },
};
static const struct mapping overflow_when_mapping = {
    .name = "conditions", .rows = overflow_when_rows, .name_at = NOWHERE, .line_at = NOWHERE
};
/* A clause with a condition that nothing looks at yet must never fire on the rest of it alone: marked here, left out at the end. */
static void overflow_check(struct bind *b, const struct ynode *n, void *into)
{
    const struct ynode *when = tree_get(n, "when");
    if (when && when->type == Y_MAP && when->count == 0) bind_error(b, when, "has no condition (waiting, closed, staffed)");
    if (tree_get(when, "expected_wait")) ((struct overflow *)into)->waiting_over = UINT32_MAX;
    if (!tree_get(n, "move") && !tree_get(n, "callback")) bind_error(b, n, "says when, but not where to: add \"move\"");
}
static void overflow_init(void *into, struct str name)
{
    (void)name;
    ((struct overflow *)into)->callback.hours = -1;
}
static const struct row overflow_rows[] = {
    { "when", &K_MAPPING, 0, .arg = &overflow_when_mapping, .flags = ROW_NEEDED,
      .help = "all of these hold when a ticket is about to wait here" },
    { "move", &K_REF, AT(overflow, move), .arg = &to_queue, .help = "the queue it goes to instead" },
    { "callback", &K_TEXT, NOWHERE, .min = 1, .max = 64, .flags = ROW_IDLE, .help = "offers a callback" },
    { .name = NULL },
};
static const struct mapping overflow_mapping = { .name = "an overflow",
                                                 .rows = overflow_rows,
                                                 .size = sizeof(struct overflow),
                                                 .name_at = NOWHERE,
                                                 .line_at = AT(overflow, line),
                                                 .init = overflow_init,
                                                 .check = overflow_check };

static void queue_init(void *into, struct str name)
{
    static const enum choose usual[] = { CHOOSE_BEST_SKILL, CHOOSE_LEAST_LOADED, CHOOSE_LONGEST_IDLE };
    struct queue *q = into;
    (void)name;
    for (unsigned u = 0; u < URG_COUNT; u++) q->answer.within_ms[u] = DEFAULT_ANSWER;
    q->answer.hours = q->reply.hours = q->resolve.hours = -1;
    memcpy(q->choose, usual, sizeof usual);
    q->choose_count = 3;
    q->weight = q->match_power = 1;
    q->age_cap = (struct span_of){ .pct = 300 };
    q->offers = (struct offer_rules){ .at_once = 1, .back_off_ms = 30000, .exhausted = -1 };
}
static const struct row queue_rows[] = {
    { "takes", &K_TAKES, AT(queue, takes), .arg = &takes_mapping,
      .help = "which tickets: all conditions that are given must hold; exactly one queue takes `default`; none: only by rules and "
              "moves" },
    { "needs", &K_NEEDS, AT(queue, needs), .help = "what an agent must be able to" },
    { "sla", &K_MAPPING, 0, .arg = &sla_mapping, .help = "targets" },
    { "order", &K_WORD, AT(queue, order), "slack", .arg = &orders,
      .help = "who is next: the one nearest to its target, the oldest, or strictly the most urgent" },
    { "choose", &K_CHOOSE, 0, .arg = &choices,
      .help = "which agent, in this order of questions; when not given: best-skill, least-loaded, longest-idle" },
    { "timeline", &K_ITEMS, AT(queue, timeline), .max = 64, .arg = &step_mapping, .help = "what changes while a ticket waits" },
    { "overflow", &K_ITEMS, AT(queue, overflow), .max = 64, .arg = &overflow_mapping,
      .help = "where tickets go instead of waiting here; the first that holds" },
    { .name = NULL },
};
static const struct mapping queue_mapping = { .name = "a queue",
                                              .rows = queue_rows,
                                              .size = sizeof(struct queue),
                                              .name_at = AT(queue, name),
                                              .line_at = AT(queue, line),
                                              .init = queue_init };

/* ---- agents ---- */

static void agent_init(void *into, struct str name)
{
    struct agent_spec *a = into;
    (void)name;
    a->daily = UINT32_MAX;
    a->shift = -1;
    a->bot_rules = (struct bot_rules){ .within_ms = 5000, .negative = true };
}
static const struct row agent_rows[] = {
    { "skills", &K_SKILLS, AT(agent_spec, skills), .help = "what the agent can, and how well; languages as `lang:ko`" },
    { "capacity", &K_U32, AT(agent_spec, capacity), "100", 1, 10000, .help = "units for all channels together" },
    { "max", &K_MAXIMA, 0, .min = 0, .max = 1000, .help = "most tickets at once, by channel" },
    { "kind", &K_BOOLWORD, AT(agent_spec, bot), "person", .arg = &agent_kinds, .help = "who it is" },
    { "groups", &K_NAMES, NOWHERE, .max = 64, .flags = ROW_IDLE, .help = "groups that the agent belongs to" },
    { .name = NULL },
};
const struct mapping agent_mapping = { .name = "an agent",
                                       .name_max = 128,
                                       .rows = agent_rows,
                                       .size = sizeof(struct agent_spec),
                                       .name_at = AT(agent_spec, name),
                                       .line_at = AT(agent_spec, line),
                                       .init = agent_init };

/* ---- the whole ---- */

static void ints_init(void *into, struct str name)
{
    struct policy *p = &((struct draft *)into)->p;
    (void)name;
    p->unsure_queue = -1;
    p->capacity = (struct capacity_rules){ .keep_urgency = -1, .parked_pct = 25, .wake_wait_ms = 120000 };
    p->presence =
        (struct presence_rules){ .lease_ms = 30000, .leave_ms = 5000, .grace_ms = 60000, .misses = 3, .hold_ms = 86400000 };
    p->timezone = "UTC";
}
static const struct row policy_rows[] = {
    { "naru", &K_U32, AT(draft, naru), .min = 1, .max = 1, .flags = ROW_NEEDED, .help = "the version of this format: 1" },
    { "workspace", &K_NAME, AT(draft, p.workspace), .min = 1, .max = 64, .flags = ROW_NEEDED,
      .help = "the workspace that the policy is for" },
    { "hours", &K_NAMED, AT(draft, hours), .max = 64, .arg = &hours_mapping, .help = "opening hours, by name" },
    { "channels", &K_NAMED, AT(draft, p.channels), .max = 64, .arg = &channel_mapping,
      .help = "costs and times of channels; one that is not listed has the defaults" },
    { "accounts", &K_NAMED, AT(draft, p.accounts), .max = LIM_LIST_ITEMS, .arg = &account_mapping, .help = "where events come in" },
    { "triage", &K_MAPPING, AT(draft, p), .arg = &triage_mapping, .help = "how urgent a message is and what it needs" },
    { "queues", &K_NAMED, AT(draft, p.queues), .max = LIM_LIST_ITEMS, .arg = &queue_mapping, .flags = ROW_NEEDED,
      .help = "waiting lines" },
    { "agents", &K_NAMED, AT(draft, p.agents), .max = LIM_AGENTS, .arg = &agent_mapping,
      .help = "who takes tickets; or kept by the API" },
    { .name = NULL },
};
_Static_assert(sizeof(struct step) <= sizeof(((struct bind *)0)->scratch), "idle rows are read into scratch memory");
const struct mapping policy_mapping = { .name = "a policy (keys such as workspace and queues)",
                                        .rows = policy_rows,
                                        .name_at = NOWHERE,
                                        .line_at = NOWHERE,
                                        .init = ints_init };
