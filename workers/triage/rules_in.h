/* The inside of rules.h, shared by what makes rules (rules.c) and what asks their conditions (ask.c). */
#ifndef NARU_WORKERS_TRIAGE_RULES_IN_H
#define NARU_WORKERS_TRIAGE_RULES_IN_H

#include "workers/triage/guards.h"
#include "workers/triage/rules.h"

struct rules {
    struct policy *policy; /* one reference */
    struct lexicon *lexicon;
    struct guards guards;
    struct str **why; /* by condition: for each of its words "text=장애" */
    struct rule_text *texts;
    uint32_t bit_words;
    struct arena arena;
};

/* The attributes of the message that some rule asks for, by the number of their key. */
struct attribute_slot {
    uint64_t search;
    uint32_t first; /* index into the event's attributes; next[] leads to others of the same key, LIM_LIST_ITEMS ends */
};
struct hours_slot {
    uint64_t search;
    bool open;
};
struct scratch {
    struct lexicon_scratch *lexicon;
    struct features *features;
    uint64_t *candidates; /* bits of rules */
    struct attribute_slot *attributes;
    struct hours_slot *hours;
    uint32_t next[LIM_LIST_ITEMS];
    double numbers[LIM_LIST_ITEMS]; /* of attributes in slots; NAN: it is none, and no range holds */
    uint64_t search;
    uint32_t bit_room, attribute_room, hours_room;
    const struct rules *finding; /* during rules_find */
    struct str intent;           /* what the candidates know of; look may change under way */
    enum sentiment sentiment;
    struct drafts drafts;
};

/* Do all conditions of a rule hold? *why gets the one that speaks for it best. */
bool ask_rule(const struct rules *r, struct scratch *s, const struct look *look, uint32_t rule, struct str *why);
/* Notes which attributes the message has. Once a search, before ask_rule. */
void ask_attributes(const struct rules *r, struct scratch *s, const struct event *e);

#endif
