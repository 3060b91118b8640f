/* The keys of `triage`: what makes a verdict. */
#include "config/expr.h"
#include "config/rows.h"

static const struct wordset event_kinds = { &event_kind_words, 0, 0 };
static const struct wordset found_sentiments = { &sentiment_words, BIT(SENT_UNKNOWN), 0 };
static const struct wordset sentiments = { &sentiment_words, 0, 0 };

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
    { "match", &K_COND, 0, .max = EXPR_MAX, .arg = &on_match, .example = "\"order [0-9]{6}\"",
      .help = "regular expressions in the subject or text, without regard to case; `\\b` at their ends only" },
    { "channel", &K_COND, 0, .max = 32, .arg = &on_channel, .example = "[webchat, sms]", .help = "the event's channel" },
    { "account", &K_COND, 0, .max = 64, .arg = &on_account, .example = "web", .help = "the event's account" },
    { "language", &K_COND, 0, .max = 16, .arg = &on_language, .example = "[ko, en]",
      .help = "the language found or stated: ko, en, … or und" },
    { "intent", &K_COND, 0, .max = 64, .arg = &on_intent, .example = "refund_*",
      .help = "the intent found so far; `*` stands for anything" },
    { "confidence", &K_COND, 0, .max = 64, .arg = &on_confidence, .example = "\">=0.7\"",
      .help = "how sure the intent is, such as `\">=0.7\"`; 1 when a rule named it" },
    { "sentiment", &K_COND, 0, .max = 16, .arg = &on_sentiment, .example = "negative", .help = "the sentiment found so far" },
    { "kind", &K_COND, 0, .max = 16, .arg = &on_kind, .example = "call", .help = "the kind of event" },
    { "open", &K_COND, 0, .max = 64, .arg = &on_open, .example = "seoul", .help = "one of these hours is open" },
    { "closed", &K_COND, 0, .max = 64, .arg = &on_closed, .example = "seoul", .help = "one of these hours is closed" },
    { "customer.", &K_COND, 0, .max = 1024, .arg = &on_attribute, .flags = ROW_PREFIX, .example = "[gold, platinum]",
      .help = "an attribute of the customer, such as `customer.tier`: a text, a glob (`gold*`, `\"*\"` for any), a comparison "
              "(`\">=3\"`, `\">=3 <10\"`). The service attaches `customer.open_tickets` and `customer.contacts_7d`" },
    { "conversation.", &K_COND, 0, .max = 1024, .arg = &on_attribute, .flags = ROW_PREFIX, .example = "\"*\"",
      .help = "how the conversation stands, as the service knows it: `conversation.sentiment` and `conversation.urgency` (words, "
              "of its live ticket), `conversation.waiting` (whole seconds that nobody has had it)" },
    { "event.", &K_COND, 0, .max = 1024, .arg = &on_attribute, .flags = ROW_PREFIX, .example = "\"*\"",
      .help = "an attribute of the event, such as `event.page`" },
    { "all", &K_CONDS, 0, .arg = &on_all, .help = "conditions all of which hold" },
    { "any", &K_CONDS, 0, .arg = &on_any, .help = "groups of conditions, one of which holds at least" },
    { "not", &K_NOT, 0, .arg = &on_not, .help = "conditions that do not all hold" },
    { .name = NULL },
};
const struct mapping when_mapping = { .name = "conditions", .rows = when_rows, .name_at = NOWHERE, .line_at = NOWHERE };

static const struct row then_rows[] = {
    { "urgency", &K_WORD, AT(rule, urgency), .arg = &urgencies, .help = "sets the urgency" },
    { "raise", &K_INT, AT(rule, raise), .min = -3, .max = 3, .example = "1",
      .help = "raises the urgency by so many steps; negative lowers" },
    { "weigh", &K_F64, AT(rule, weigh), .min = -1, .max = 1, .example = "0.2",
      .help = "adds to the urgency score; negative takes away" },
    { "intent", &K_NAME, AT(rule, intent), .max = 64, .example = "refund_request", .help = "sets the intent" },
    { "sentiment", &K_WORD, AT(rule, sentiment), .arg = &found_sentiments, .help = "sets the sentiment" },
    { "needs", &K_NEEDS, AT(rule, needs), .help = "adds needs to those of the queue" },
    { "tag", &K_WORDS, AT(rule, tags), .max = 64, .example = "retention", .help = "adds tags" },
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
    { "language", &K_TEXT, AT(policy, model_language), .min = 1, .max = 1024, .example = "language.model",
      .help = "file of the language model" },
    { "intent", &K_TEXT, AT(policy, model_intent), .min = 1, .max = 1024, .example = "intent.model",
      .help = "file of the intent model" },
    { "urgency", &K_TEXT, AT(policy, model_urgency), .min = 1, .max = 1024, .example = "urgency.model",
      .help = "file of the urgency model" },
    { "sentiment", &K_TEXT, AT(policy, model_sentiment), .min = 1, .max = 1024, .example = "sentiment.model",
      .help = "file of the sentiment model" },
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
    { "within", &K_MS, 0, .min = 1, .max = 2000, .flags = ROW_NEEDED, .example = "200ms",
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
    { "below", &K_F64, AT(policy, unsure_below), .min = 0, .max = 1, .example = "0.45",
      .help = "a verdict with less confidence is unsure" },
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
const struct mapping triage_mapping = { .name = "triage", .rows = triage_rows, .name_at = NOWHERE, .line_at = NOWHERE };
