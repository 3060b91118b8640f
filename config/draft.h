/* A policy in the making: what the tables of rows fill before names are resolved and hours are expanded. */
#ifndef NARU_CONFIG_DRAFT_H
#define NARU_CONFIG_DRAFT_H

#include "config/bind.h"
#include "config/hours.h"

struct draft {
    struct policy p;
    uint32_t naru;
    struct hours_spec *hours;
    uint32_t hours_count;
};

/* The words of channels, with what one costs when the policy does not say. */
#define CHANNEL_MAP(X)                                                                                                             \
    X("email", 15)                                                                                                                 \
    X("webchat", 30)                                                                                                               \
    X("sms", 20)                                                                                                                   \
    X("whatsapp", 30)                                                                                                              \
    X("messenger", 30)                                                                                                             \
    X("instagram", 30)                                                                                                             \
    X("x", 30) X("line", 30) X("kakao", 30) X("telegram", 30) X("slack", 30) X("voice", 100) X("form", 15) X("api", 10)
extern const struct words channel_words;
uint32_t channel_cost(struct str channel);

extern const struct mapping policy_mapping, agent_mapping, when_mapping, arrivals_mapping;

/* What a condition row of a rule makes. */
struct cond_spec {
    enum cond_kind kind;
    int ref;                   /* enum ref_to its words must name, or -1 */
    const struct wordset *set; /* its words must be of these, or NULL */
    bool language;             /* its words are language subtags */
};

/* What a span may be: percent from .. to, and whether it is a limit to be exceeded (">10m"). */
struct span_rule {
    uint32_t pct_min, pct_max;
    bool over;
};

/* The kinds that only policies use. */
extern const struct kind K_NEEDS, K_SKILLS, K_WITHIN, K_AFTER, K_SPAN, K_OVER, K_CHOOSE, K_BITS, K_CALLBACK, K_GROUP, K_GROUPS,
    K_COND, K_CONDS, K_NOT, K_WHEN, K_TAKES, K_LANGUAGES, K_REFS, K_MAXIMA, K_URL, K_SMTP, K_ADDRESSES, K_SECRET, K_SECRETS, K_ZONE,
    K_OPEN, K_DATES, K_INSTANT, K_LONG, K_DIST, K_SHARE, K_CHANNEL, K_LANGUAGE, K_BY_CLASS, K_PARALLEL, K_PLACES, K_RATE, K_VALUE,
    K_EACH, K_MEMBERS, K_TESTS, K_SIGN, K_RULES, K_SEND_URL, K_HEADERS, K_BODY, K_ORIGINS, K_COLOUR, K_TEXTS, K_MOST;

/* A K_INSTANT as it was read to wall ms of a valid zone. ERR_INTERNAL (no time-zone data). */
enum err simulate_from(uint64_t *instant, const char *zone);

void bind_language(struct bind *b, const struct ynode *n); /* says when a text is no language subtag */

/* Resolves b->refs against the draft; unknown names are errors with the nearest. `with` may be another policy (for one agent). */
void resolve_refs(struct bind *b, const struct policy *p, const struct draft *d);
/* What follows from the whole (lint.c): errors, and when there are none at all, warnings. */
void check_whole(struct bind *b, const struct draft *d, const struct ynode *root);

#endif
