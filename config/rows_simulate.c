/* The keys of `simulate`: what a simulation is told of customers and agents beyond the rules that the service follows. Its classes
   are what a trace or an arrivals file names (arrivals.c). What is said here never changes a decision of the service. */
#include "config/rows.h"

#include <string.h>

/* ---- classes ---- */

static void class_check(struct bind *b, const struct ynode *n, void *into)
{
    struct sim_class *c = into;
    if (str_is(n->key, "all")) findings_key(b->f, F_ERROR, n, "\"all\" stands for all classes: give this one another name");
    if (!tree_get(n, "queue")) bind_ref_key(b, REF_QUEUE, n, &c->queue);
}
static const struct row class_rows[] = {
    { "queue", &K_REF, AT(sim_class, queue), .arg = &to_queue, .usual = "the queue of the class's name",
      .help = "where its tickets come to" },
    { "channel", &K_CHANNEL, AT(sim_class, channel), "voice", .example = "webchat", .help = "the channel that they come on" },
    { "urgency", &K_WORD, AT(sim_class, urgency), "normal", .arg = &urgencies, .help = "how urgent they are" },
    { "needs", &K_NEEDS, AT(sim_class, needs), .example = "{ billing: 5 }",
      .help = "skills that they need beyond what the queue asks for" },
    { "language", &K_LANGUAGE, AT(sim_class, language), .usual = "`und`: unknown",
      .help = "the customers' language, for `lang: ticket`" },
    { "weight", &K_F64, AT(sim_class, weight), "1", 0, 1000, .example = "3",
      .help = "what a breach of its target weighs in reports and for the tuner" },
    { "target", &K_MS, AT(sim_class, target_ms), .min = SECOND, .max = MONTH, .usual = "the queue's answer target for its urgency",
      .clock = "the arrival", .help = "answered within it is in time" },
    { "work", &K_DIST, AT(sim_class, work), .min = 1, .max = MONTH,
      .help = "how long an agent of speed 1 works on one, where a trace or arrivals do not say" },
    { "patience", &K_DIST, AT(sim_class, patience), .min = 1, .max = MONTH, .usual = "for ever",
      .example = "{ lognormal: 4m, cv: 1.2 }",
      .help = "how long one waits for an agent before hanging up, where a trace or arrivals do not say" },
    { .name = NULL },
};
static const struct mapping class_mapping = { .name = "a class of tickets",
                                              .rows = class_rows,
                                              .size = sizeof(struct sim_class),
                                              .name_at = AT(sim_class, name),
                                              .line_at = AT(sim_class, line),
                                              .check = class_check };

/* ---- agents ---- */

static void sim_agent_check(struct bind *b, const struct ynode *n, void *into)
{
    bind_ref_key(b, REF_AGENT, n, &((struct sim_agent *)into)->agent);
}
static const struct row sim_agent_rows[] = {
    { "speed", &K_BY_CLASS, AT(sim_agent, speed), "1", 0.01, 100, .example = "{ billing: 1.2, all: 0.9 }",
      .help = "a ticket takes them its work divided by this" },
    { "match", &K_BY_CLASS, AT(sim_agent, match), .max = 1000, .usual = "not counted", .example = "{ billing: 0.9, tech: 0.4 }",
      .help = "what it is worth that they serve this class, for reports" },
    { .name = NULL },
};
static const struct mapping sim_agent_mapping = { .name = "what is simulated of an agent",
                                                  .name_max = 128,
                                                  .rows = sim_agent_rows,
                                                  .size = sizeof(struct sim_agent),
                                                  .name_at = AT(sim_agent, name),
                                                  .line_at = AT(sim_agent, line),
                                                  .check = sim_agent_check };

/* ---- offers ---- */

static void sim_offers_check(struct bind *b, const struct ynode *n, void *into)
{
    const struct simulate_rules *s = into;
    if (s->declined + s->missed > 0.95)
        bind_error(b, n, "leaves too few offers that are accepted: declined and missed are 95%% at most together");
}
static const struct row sim_offer_rows[] = {
    { "accept", &K_DIST, AT(simulate_rules, accept), .max = HOUR, .usual = "at once", .example = "3s", .clock = "the offer",
      .help = "when an agent accepts; beyond the channel's `offer` they have missed it" },
    { "declined", &K_SHARE, AT(simulate_rules, declined), "0%", 0, 95, .example = "2%", .help = "share of offers" },
    { "missed", &K_SHARE, AT(simulate_rules, missed), "0%", 0, 95, .example = "1%", .help = "share of offers" },
    { .name = NULL },
};
static const struct mapping sim_offers_mapping = {
    .name = "what agents do with offers", .rows = sim_offer_rows, .name_at = NOWHERE, .line_at = NOWHERE, .check = sim_offers_check
};

/* ---- the section ---- */

static void simulate_check(struct bind *b, const struct ynode *n, void *into)
{
    struct simulate_rules *s = into;
    const struct ynode *classes = tree_get(n, "classes");
    s->given = true;
    if (classes && classes->type == Y_MAP && !classes->count)
        bind_error(b, classes, "names no class: give one, such as { billing: { work: { exponential: 180s } } }");
}
static const struct row simulate_rows[] = {
    { "from", &K_INSTANT, AT(simulate_rules, from), "2026-01-05 00:00",
      .help = "the time of arrival_ms 0 of a trace, in the policy's `timezone`" },
    { "classes", &K_NAMED, AT(simulate_rules, classes), .max = LIM_LIST_ITEMS, .arg = &class_mapping, .flags = ROW_NEEDED,
      .help = "tickets that are alike: what a trace calls its `class`" },
    { "agents", &K_NAMED, AT(simulate_rules, agents), .max = LIM_AGENTS, .arg = &sim_agent_mapping,
      .help = "how fast agents are, and for what; the names are those of `agents`" },
    { "parallel", &K_PARALLEL, AT(simulate_rules, parallel), .min = 0.01, .max = 1, .usual = "1/n: an agent has one pair of hands",
      .help = "how fast each of n tickets at once is worked on, by channel: with one, two, …; further ones as the last" },
    { "places", &K_PLACES, AT(simulate_rules, places), .max = LIM_TICKETS, .usual = "without end",
      .help = "so many may wait in a queue; who comes when all places are taken is blocked" },
    { "offers", &K_MAPPING, 0, .arg = &sim_offers_mapping, .help = "what agents do with offers" },
    { .name = NULL },
};
const struct mapping simulate_mapping = { .name = "what is simulated (keys such as classes)",
                                          .rows = simulate_rows,
                                          .name_at = NOWHERE,
                                          .line_at = AT(simulate_rules, line),
                                          .check = simulate_check };
