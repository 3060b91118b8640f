/* The rules of one policy, ready to run: words compiled, texts of reasons prepared. Immutable when made; shared between threads
   as long as each has a scratch of its own. */
#ifndef NARU_WORKERS_TRIAGE_RULES_H
#define NARU_WORKERS_TRIAGE_RULES_H

#include "config/policy.h"
#include "workers/triage/model.h"

struct rules;
struct scratch;

/* Texts of a rule as verdicts give them: cut to the records' limits, so that nothing is formatted for a message. */
struct rule_text {
    struct str name; /* "outage" */
    struct str by;   /* "rule:outage" */
    struct str intent, queue;
    struct need *needs;      /* rule->needs.count */
    struct str *need_detail; /* "tech:5"; empty for `lang: ticket` */
    struct tag *tags;        /* rule->tags.count */
};

/* Takes a reference of `p`. Slow (words are compiled): not on the loop. On ERR_POLICY `why` is a sentence; ERR_NOMEM. */
enum err rules_new(struct rules **out, struct policy *p, char why[200]);
void rules_free(struct rules *r); /* NULL is fine */
const struct policy *rules_policy(const struct rules *r);
const struct rule_text *rules_text(const struct rules *r, uint32_t rule);

/* What one thread needs to read messages: one for any number of rules, fitted to each of them before its first use. */
enum err scratch_new(struct scratch **out);
enum err scratch_fit(struct scratch *s, const struct rules *r);
void scratch_free(struct scratch *s);

/* What conditions look at. Intent, sentiment change as rules act; the rest stands. */
struct look {
    const struct event *event;
    uint64_t now; /* wall ms */
    struct str language, intent;
    double confidence; /* of `intent`, 0..1; 1 when a rule named it */
    enum sentiment sentiment;
};

/* Finds the words of all rules in `key` (text_key of the message), and which rules the message may concern. Before rules_next, once
   a message. */
enum err rules_find(const struct rules *r, struct scratch *s, const struct look *look, struct str key);
/* The next rule, in the file's order, whose conditions all hold: its index, or -1 after the last. *from begins at 0.
 *why gets the condition that speaks for it best: "text=장애"; empty for a rule without conditions. */
int rules_next(const struct rules *r, struct scratch *s, const struct look *look, uint32_t *from, struct str *why);

/* What a rule adds to the urgency score. */
struct weighed {
    uint32_t rule; /* its index: rules_text names it */
    double weigh;  /* -1..1 */
};

/* Rooms in the scratch for the making of one verdict. */
struct drafts {
    char subject[4096], text[TEXT_MAX], key[TEXT_MAX];
    struct need needs[LIM_LIST_ITEMS];
    struct tag tags[LIM_LIST_ITEMS], fired[LIM_LIST_ITEMS];
    struct weighed weighed[LIM_LIST_ITEMS];
    struct reason reasons[LIM_LIST_ITEMS];
    float p[MODEL_LABELS_MAX]; /* probabilities by a model */
};
struct drafts *scratch_drafts(struct scratch *s);
/* The n-grams of the message being read; of the scratch. */
struct features *scratch_features(struct scratch *s);

#endif
