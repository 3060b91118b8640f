/* Members of JSON objects whose names are known here: written as the literals that they are, with the comma before them. */
#ifndef NARU_ROUTER_JSON_TEXT_H
#define NARU_ROUTER_JSON_TEXT_H

#include "base/json.h"

#define LIT(b, text) buf_add((b), (text), sizeof(text) - 1)

static inline void member_text(struct buf *b, struct str name, struct str value)
{
    struct jw w = jw_on(b);
    if (!value.n) return;
    buf_addstr(b, name);
    jw_str(&w, value);
}
/* A text that needs no escapes: a word, an id, a time. */
static inline void member_word(struct buf *b, struct str name, const char *value, size_t n)
{
    buf_addstr(b, name);
    buf_addc(b, '"');
    buf_add(b, value, n);
    buf_addc(b, '"');
}
/* Left out when empty. */
#define MEMBER(b, name, value)      member_text((b), STR(",\"" name "\":"), (value))
#define MEMBER_WORD(b, name, value) member_word((b), STR(",\"" name "\":"), (value), strlen(value))

#endif
