/* What customers are told in the policy's own words. */
#ifndef NARU_CONFIG_TEXTS_H
#define NARU_CONFIG_TEXTS_H

#include "config/policy.h"

/* What is filled in where a text says {word}: X(CONSTANT, "word", "help"). */
#define TEXT_HOLE_MAP(X)                                                                                                           \
    X(HOLE_NAME, "name", "the customer's name")                                                                                    \
    X(HOLE_TICKET, "ticket", "the last eight characters of the ticket's id")                                                       \
    X(HOLE_POSITION, "position", "the ticket's place in its queue")                                                                \
    X(HOLE_WAIT, "wait", "the expected wait, in minutes")                                                                          \
    X(HOLE_OPENS, "opens", "when the hours open again: 2026-03-02 09:00")
#define TEXT_HOLE_ENUM(id, word, help) id,
enum text_hole { TEXT_HOLE_MAP(TEXT_HOLE_ENUM) TEXT_HOLES, TEXT_NO_HOLE = -1, TEXT_BAD_HOLE = -2 };
#undef TEXT_HOLE_ENUM
extern const char *const text_hole_words[TEXT_HOLES];

/* The hole that the text begins with; *n is its length. TEXT_NO_HOLE: it begins with none; TEXT_BAD_HOLE: with an unknown one. */
int text_hole(struct str text, size_t *n);
/* In the customer's language, else in the one written first. NULL: a text of nothing (a file with errors). */
const char *text_say(const struct text *t, struct str language);
const struct text *policy_text(const struct policy *p, struct str name); /* NULL: there is none */

#endif
