/* The keys of a queue: what it takes, who is next, who is asked, and what happens while a ticket waits. */
#include "config/rows.h"

#include <string.h>

#define DEFAULT_ANSWER      900000u    /* 15 min */
#define DEFAULT_LAST_WITHIN 604800000u /* 7 days */

static const struct wordset orders = { &order_words, 0, 0 };
static const struct wordset choices = { &choose_words, 0, 0 };
static const struct wordset clocks = { &since_words, 0, 0 };
static const struct wordset skips = { &skip_words, 0, 0 };
static const struct wordset swaps = { &swap_words, 0, 0 };
static const char *const staffed_texts[] = { "some", "none" };
static const struct words staffed_words = { staffed_texts, 2 };
static const struct wordset staffing = { &staffed_words, 1, 0 };
static const char *const bots_texts[] = { "first", "never" };
static const struct words bots_words = { bots_texts, 2 };
static const struct wordset bots = { &bots_words, 0, 0 };

static const struct span_rule after_rule = { 1, 1000, false }, cap_rule = { 100, 10000, false }, over_rule = { 1, 10000, true };

/* ---- what it takes, and its targets ---- */

static const struct row takes_rows[] = {
    { "intent", &K_NAMES, AT(takes, intent), .max = 64, .example = "[refund_*, invoice_*]",
      .help = "intents; `*` stands for anything" },
    { "tag", &K_WORDS, AT(takes, tag), .max = 64, .example = "outage", .help = "tags" },
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
      .example = "{ critical: 1m, high: 2m, normal: 10m, low: 4h }",
      .help = "one time, or one by urgency (a missing one takes the nearest slower that is given)" },
    { "target", &K_PERCENT, AT(sla, target_pct), .min = 1, .max = 100, .example = "80%",
      .help = "the share that should make it; for reports" },
    { "hours", &K_REF, AT(sla, hours), .arg = &to_hours, .usual = "round the clock",
      .help = "the clock runs only while these are open" },
    { .name = NULL },
};
static const struct mapping target_mapping = {
    .name = "a target", .rows = target_rows, .name_at = NOWHERE, .line_at = NOWHERE, .check = target_check
};
static const struct row sla_rows[] = {
    { "answer", &K_MAPPING, AT(queue, answer), .arg = &target_mapping, .usual = "within 15m", .clock = "enqueueing",
      .help = "to an agent's accept" },
    { "reply", &K_MAPPING, AT(queue, reply), .arg = &target_mapping, .clock = "the customer's message",
      .help = "to the agent's reply; not measured when not given" },
    { "resolve", &K_MAPPING, AT(queue, resolve), .arg = &target_mapping, .clock = "opening",
      .help = "to the end; not measured when not given" },
    { .name = NULL },
};
static const struct mapping sla_mapping = { .name = "the SLA", .rows = sla_rows, .name_at = NOWHERE, .line_at = NOWHERE };

/* ---- callbacks ---- */

static void callback_check(struct bind *b, const struct ynode *n, void *into)
{
    const struct callback *c = into;
    const struct ynode *at = tree_get(n, "at"), *in = tree_get(n, "in"), *hours = tree_get(n, "hours");
    if (at && in) bind_error(b, in, "either \"in\" or \"at\": the other says when already");
    if (!at && !in) bind_error(b, n, "does not say when: write next-open, a time such as 30m, or \"in\" or \"at\"");
    if (hours && !c->next_open) bind_error(b, hours, "belongs to \"at: next-open\"; after a time no hours are asked");
}
static const char *const open_texts[] = { "", "next-open" };
static const struct words open_words = { open_texts, 2 };
static const struct wordset openings = { &open_words, 1, 0 };
static const struct row callback_rows[] = {
    { "in", &K_MS, AT(callback, in_ms), .min = SECOND, .max = MONTH, .clock = "the step or overflow", .example = "30m",
      .help = "how long until it comes back" },
    { "at", &K_BOOLWORD, AT(callback, next_open), .arg = &openings, .help = "it comes back when `hours` open next" },
    { "hours", &K_REF, AT(callback, hours), .arg = &to_hours, .usual = "those of `closed`, else of the answer target",
      .help = "which hours" },
    { "retries", &K_U32, AT(callback, retries), "3", 0, 100, .help = "how often an agent may put it off again" },
    { "every", &K_MS, AT(callback, again_ms), "1h", MINUTE, 7 * DAY, .clock = "putting it off",
      .help = "… for how long, when they do not say" },
    { .name = NULL },
};
static const struct mapping callback_mapping = {
    .name = "a callback", .rows = callback_rows, .name_at = NOWHERE, .line_at = NOWHERE, .check = callback_check
};

/* ---- timeline ---- */

static const struct row step_rows[] = {
    { "after", &K_AFTER, 0, .arg = &after_rule, .min = 1, .max = MONTH, .flags = ROW_NEEDED, .clock = "`since`", .example = "40%",
      .help = "when: a time, or a share of the answer target of the ticket's urgency" },
    { "since", &K_WORD, AT(step, since), "enqueued", .arg = &clocks, .example = "last-reply",
      .help = "the clock. `enqueued` is the ticket's age and runs on over moves; `step` begins with the last step taken, once all "
              "written above it have been; `assigned` with the agent's accept; `last-reply` with the agent's last reply, before "
              "the first with the accept. The first two run while it waits, the others while an agent has it or it is parked" },
    { "needs", &K_NEEDS, AT(step, needs), .example = "{ billing: 3 }", .help = "lowers needs to these levels" },
    { "drop", &K_NAMES, AT(step, drop), .max = 64, .example = "[lang]", .help = "drops needs; `lang` drops every language" },
    { "add", &K_GROUPS, AT(step, add), .example = "[second-line]",
      .help = "asks these groups of agents too; those asked before stay first" },
    { "offer", &K_U32, AT(step, at_once), .min = 1, .max = 16, .example = "3",
      .help = "offers to so many agents at once from then on" },
    { "raise", &K_INT, AT(step, raise), .min = -3, .max = 3, .example = "1", .help = "raises the urgency by so many steps" },
    { "notify", &K_NAMES, AT(step, notify), .max = 64, .example = "[supervisors]", .help = "tells these agents or groups" },
    { "update", &K_TEXT, AT(step, update), .min = 1, .max = 64, .example = "long-wait",
      .help = "tells the customer: a name of `texts`, or a word that integrations make a message of" },
    { "move", &K_REF, AT(step, move), .arg = &to_queue, .help = "moves to this queue, with its age" },
    { "callback", &K_CALLBACK, AT(step, callback), .arg = &callback_mapping,
      .help = "takes it out of the line until then; it comes back with its age" },
    { "park", &K_FLAG, AT(step, park), .help = "parks it until the customer writes, with its agent when it has one" },
    { "close", &K_TEXT, AT(step, close), .min = 1, .max = 64, .example = "no-answer",
      .help = "ends it (cancelled) for this reason" },
    { "narrow", &K_FLAG, AT(step, narrow), .help = "this step may ask for more than before; else a step only widens" },
    { .name = NULL },
};

/* Bit i: row i of step_rows says what to do. */
#define FIRST_DOING 2u
#define LAST_DOING  12u

static void step_check(struct bind *b, const struct ynode *n, void *into)
{
    static const char *const ways[] = { "move", "callback", "park", "close" };
    const struct step *s = into;
    const struct ynode *first = NULL, *raise = tree_get(n, "raise");
    bool doing = false;
    for (unsigned i = FIRST_DOING; i <= LAST_DOING; i++) doing |= tree_get(n, step_rows[i].name) != NULL;
    if (!doing)
        bind_error(b, n,
                   "says when, but nothing to do (needs, drop, add, offer, raise, notify, update, move, callback, park, close)");
    for (size_t i = 0; i < sizeof ways / sizeof *ways; i++) {
        const struct ynode *way = tree_get(n, ways[i]);
        if (way && first)
            findings_key(b->f, F_ERROR, way, "a ticket goes one way, and \"%s\" is one: make it two steps", first->key.p);
        else if (way) first = way;
    }
    if (raise && s->raise < 0 && !s->narrow)
        bind_error(b, raise, "lowers the urgency: write \"narrow: yes\" beside it to mean that");
}
static const struct mapping step_mapping = { .name = "a step",
                                             .rows = step_rows,
                                             .size = sizeof(struct step),
                                             .name_at = NOWHERE,
                                             .line_at = AT(step, line),
                                             .check = step_check };

/* ---- overflow ---- */

static const struct row overflow_when_rows[] = {
    { "waiting", &K_OVER, AT(overflow, waiting_over), .min = 1, .max = 1000000, .example = "\">200\"",
      .help = "more than so many wait here" },
    { "expected_wait", &K_SPAN, AT(overflow, expected_over), .arg = &over_rule, .min = SECOND, .max = MONTH, .example = "\">10m\"",
      .help = "the expected wait is longer than this, or than this share of the answer target" },
    { "closed", &K_REF, AT(overflow, closed), .arg = &to_hours, .help = "these hours are closed" },
    { "staffed", &K_BOOLWORD, AT(overflow, nobody_staffed), .arg = &staffing,
      .help = "`none`: nobody who could take it is present" },
    { "age", &K_SPAN, AT(overflow, age), .arg = &over_rule, .min = SECOND, .max = MONTH, .clock = "enqueueing", .example = "20m",
      .help = "it has waited so long: looked at then, not before it waits" },
    { .name = NULL },
};
static const struct mapping overflow_when_mapping = {
    .name = "conditions", .rows = overflow_when_rows, .name_at = NOWHERE, .line_at = NOWHERE
};
static const struct row overflow_rows[] = {
    { "when", &K_MAPPING, 0, .arg = &overflow_when_mapping, .flags = ROW_NEEDED,
      .help = "all of these hold: when a ticket is about to wait here, or, with `age`, when it has waited so long" },
    { "move", &K_REF, AT(overflow, move), .arg = &to_queue, .help = "the queue it goes to instead" },
    { "callback", &K_CALLBACK, AT(overflow, callback), .arg = &callback_mapping,
      .help = "it waits elsewhere until then, and keeps its age" },
    { "refuse", &K_TEXT, AT(overflow, refuse), .min = 1, .max = 1024, .example = "Please write again tomorrow.",
      .help = "it ends (cancelled), and the customer is told this" },
    { "deflect", &K_TEXT, AT(overflow, deflect), .min = 1, .max = 64, .example = "help-page",
      .help = "it waits all the same; integrations are told this word and may offer another way" },
    { "answer", &K_REF, AT(overflow, answer), .arg = &to_text, .example = "closed",
      .help =
          "what the customer is told (of `texts`), beside one of the others or alone: then it waits all the same. Never in answer "
          "to what a machine wrote" },
    { .name = NULL },
};
static void overflow_check(struct bind *b, const struct ynode *n, void *into)
{
    const struct ynode *when = tree_get(n, "when"), *first = NULL;
    (void)into;
    if (when && when->type == Y_MAP && when->count == 0)
        bind_error(b, when, "has no condition (waiting, expected_wait, closed, staffed, age)");
    for (const struct row *r = overflow_rows + 1; r->name; r++) {
        const struct ynode *way = strcmp(r->name, "answer") ? tree_get(n, r->name) : NULL;
        if (way && first)
            findings_key(b->f, F_ERROR, way, "a ticket goes one way, and \"%s\" is one: make it two overflows", first->key.p);
        else if (way) first = way;
    }
    if (!first && !tree_get(n, "answer"))
        bind_error(b, n, "says when, but not where to: add one of move, callback, refuse, deflect, or an answer");
}
static const struct mapping overflow_mapping = { .name = "an overflow",
                                                 .rows = overflow_rows,
                                                 .size = sizeof(struct overflow),
                                                 .name_at = NOWHERE,
                                                 .line_at = AT(overflow, line),
                                                 .check = overflow_check };

/* ---- who is asked, and how ---- */

static void gate_init(void *into, struct str name)
{
    struct gate *g = into;
    (void)name;
    g->waiting_over = g->age_ms = UINT32_MAX;
}
static void gate_check(struct bind *b, const struct ynode *n, void *into)
{
    if (!tree_get(n, "waiting") && !tree_get(n, "age") && !((struct gate *)into)->reserve)
        bind_error(b, n, "has no condition: add waiting: \">5\", age: 45s or reserve: 2");
}
static const struct row gate_rows[] = {
    { "group", &K_GROUP, AT(gate, group), .flags = ROW_NEEDED,
      .help = "the agents it holds back, unless they are in one of the queue's `groups` too; where the queue has groups, an open "
              "gate lets them in" },
    { "waiting", &K_OVER, AT(gate, waiting_over), .min = 0, .max = 1000000, .example = "\">5\"",
      .help = "it opens while more than so many wait here …" },
    { "age", &K_MS, AT(gate, age_ms), .min = SECOND, .max = MONTH, .clock = "enqueueing", .example = "45s",
      .help = "… or when the oldest has waited so long" },
    { "reserve", &K_U32, AT(gate, reserve), "0", 0, 10000, .help = "… and only while more than so many of the group are idle" },
    { .name = NULL },
};
static const struct mapping gate_mapping = { .name = "a gate",
                                             .rows = gate_rows,
                                             .size = sizeof(struct gate),
                                             .name_at = NOWHERE,
                                             .line_at = AT(gate, line),
                                             .init = gate_init,
                                             .check = gate_check };

static const struct row offers_rows[] = {
    { "at-once", &K_U32, AT(offer_rules, at_once), "1", 1, 16, .flags = ROW_LIMIT,
      .help = "so many agents are asked at once; the first accept wins" },
    { "back-off", &K_MS, AT(offer_rules, back_off_ms), "30s", SECOND, DAY, .clock = "the decline or missed offer",
      .flags = ROW_LIMIT, .help = "that agent is not asked again for this ticket" },
    { "most", &K_U32, AT(offer_rules, most), "0", 0, 1000, .flags = ROW_LIMIT,
      .help = "offers of one ticket in this queue; 0: no end" },
    { "exhausted", &K_REF, AT(offer_rules, exhausted), .arg = &to_queue, .usual = "it begins anew",
      .help = "the queue it moves to after `most`" },
    { .name = NULL },
};
static void offers_check(struct bind *b, const struct ynode *n, void *into)
{
    const struct ynode *to = tree_get(n, "exhausted");
    if (to && ((struct offer_rules *)into)->most == 0) bind_error(b, to, "never happens without an end: add \"most: 8\"");
}
static const struct mapping offers_mapping = {
    .name = "the rules of offers", .rows = offers_rows, .name_at = NOWHERE, .line_at = NOWHERE, .check = offers_check
};

static const struct row last_agent_rows[] = {
    { "within", &K_MS, AT(last_agent, within_ms), .min = MINUTE, .max = MONTH, .usual = "7d",
      .clock = "the end of the customer's last ticket with them", .flags = ROW_LIMIT, .example = "7d",
      .help = "how long they are remembered" },
    { "wait", &K_MS, AT(last_agent, wait_ms), "0s", 0, DAY, .clock = "enqueueing", .example = "45s",
      .help = "it waits for them alone; then for everybody. 0: they are only preferred" },
    { "skip", &K_BITS, AT(last_agent, skip), .arg = &skips, .example = "[skills]", .help = "checks that do not count for them" },
    { .name = NULL },
};
static void last_agent_check(struct bind *b, const struct ynode *n, void *into)
{
    struct last_agent *l = into;
    (void)b;
    if (!tree_get(n, "within")) l->within_ms = DEFAULT_LAST_WITHIN;
}
static const struct mapping last_agent_mapping = { .name = "the rules of the last agent",
                                                   .rows = last_agent_rows,
                                                   .name_at = NOWHERE,
                                                   .line_at = NOWHERE,
                                                   .check = last_agent_check };

static const struct row index_rows[] = {
    { "match", &K_F64, AT(queue, match_power), "1", 0, 4, .help = "the power of how well the agent fits" },
    { "idle", &K_F64, AT(queue, idle_power), "0", 0, 4, .help = "the power of how long the agent has been idle" },
    { .name = NULL },
};
static const struct mapping index_mapping = { .name = "powers", .rows = index_rows, .name_at = NOWHERE, .line_at = NOWHERE };

/* ---- a queue ---- */

static void queue_init(void *into, struct str name)
{
    static const enum choose usual[] = { CHOOSE_BEST_SKILL, CHOOSE_LEAST_LOADED, CHOOSE_LONGEST_IDLE };
    struct queue *q = into;
    (void)name;
    for (unsigned u = 0; u < URG_COUNT; u++) q->answer.within_ms[u] = DEFAULT_ANSWER;
    memcpy(q->choose, usual, sizeof usual);
    q->choose_count = 3;
}
static bool chooses(const struct queue *q, enum choose word)
{
    for (uint32_t i = 0; i < q->choose_count; i++)
        if (q->choose[i] == word) return true;
    return false;
}
static void queue_check(struct bind *b, const struct ynode *n, void *into)
{
    struct queue *q = into;
    bool bounded = q->order == ORDER_SLACK || q->order == ORDER_WEIGHTS || tree_get(n, "age-cap");
    (void)b;
    if (!bounded) q->age_cap = (struct span_of){ 0, 0 }; /* the order asked for is not to be broken */
    if (chooses(q, CHOOSE_LAST_AGENT) && !q->last_agent.within_ms) q->last_agent.within_ms = DEFAULT_LAST_WITHIN;
}
static const struct row queue_rows[] = {
    { "takes", &K_TAKES, AT(queue, takes), .arg = &takes_mapping,
      .help = "which tickets: all conditions that are given must hold; exactly one queue takes `default`; none: only by rules and "
              "moves" },
    { "needs", &K_NEEDS, AT(queue, needs), .help = "what an agent must be able to" },
    { "sla", &K_MAPPING, 0, .arg = &sla_mapping, .help = "targets" },
    { "groups", &K_GROUPS, AT(queue, groups), .usual = "everybody", .help = "who is asked to begin with" },
    { "order", &K_WORD, AT(queue, order), "slack", .arg = &orders,
      .help = "who is next: `slack` the least time left to its target, divided by the weight, and what is late as if one to two "
              "targets were left, less the longer it waits; `fifo` the oldest; `priority` strictly the most urgent; `weights` the "
              "highest index. One order "
              "over all "
              "queues that an agent serves" },
    { "weight", &K_F64, AT(queue, weight), "1", 0.01, 100,
      .help = "how much dearer a late ticket is here than in other queues: divides the time left (slack), multiplies the wait "
              "(weights)" },
    { "age-cap", &K_SPAN, AT(queue, age_cap), "300%", SECOND, MONTH, .arg = &cap_rule, .clock = "enqueueing",
      .usual = "`fifo`, `priority`: none",
      .help = "who has waited so long, or this share of the answer target, goes before everybody who has not" },
    { "index", &K_MAPPING, 0, .arg = &index_mapping,
      .help = "of the order weights: weight × wait ÷ target × fit ^ `match` × idle ^ `idle`" },
    { "choose", &K_CHOOSE, 0, .arg = &choices, .usual = "best-skill, least-loaded, longest-idle",
      .example = "[last-agent, best-skill, longest-idle]",
      .help = "which agent: an ordered list, each word deciding only between those whom the words before hold for equal; or one "
              "score, as weights 0.01 to 100: `{ best-skill: 2, longest-idle: 1 }`" },
    { "gate", &K_ITEMS, AT(queue, gates), .max = GROUPS_MAX, .arg = &gate_mapping,
      .help = "groups that help here only when it is needed" },
    { "offers", &K_MAPPING, AT(queue, offers), .arg = &offers_mapping, .flags = ROW_LIMIT, .help = "how tickets are offered" },
    { "last-agent", &K_MAPPING, AT(queue, last_agent), .arg = &last_agent_mapping,
      .help = "whom the customer had last; also by `choose: last-agent`" },
    { "prefer-wait", &K_MS, AT(queue, prefer_wait_ms), "0s", 0, DAY, .clock = "enqueueing", .example = "30s",
      .help = "it waits for the agent that attribute `customer.agent` names; then for everybody" },
    { "swap", &K_WORD, AT(queue, swap), "all", .arg = &swaps,
      .help = "which waiting tickets take the timeline of a new policy: all, keeping their age, or only new ones" },
    { "acknowledge", &K_REF, AT(queue, acknowledge), .arg = &to_text, .example = "received",
      .help = "what the customer is told (of `texts`) when their message opens a ticket here; never in answer to what a machine "
              "wrote" },
    { "bots", &K_BOOLWORD, AT(queue, no_bots), "first", .arg = &bots, .help = "whether bots are asked, before people" },
    { "timeline", &K_ITEMS, AT(queue, timeline), .max = STEPS_MAX, .arg = &step_mapping,
      .help = "what changes while a ticket waits" },
    { "overflow", &K_ITEMS, AT(queue, overflow), .max = 64, .arg = &overflow_mapping,
      .help = "where tickets go instead of waiting here; the first that holds" },
    { .name = NULL },
};
const struct mapping queue_mapping = { .name = "a queue",
                                       .rows = queue_rows,
                                       .size = sizeof(struct queue),
                                       .name_at = AT(queue, name),
                                       .line_at = AT(queue, line),
                                       .init = queue_init,
                                       .check = queue_check };
