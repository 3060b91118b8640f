/* What senders of JSON APIs have in common. Pure. */
#ifndef NARU_ROUTER_CHANNELS_POST_H
#define NARU_ROUTER_CHANNELS_POST_H

#include "base/json.h"
#include "router/sender.h"

#define SEND_WHY 200u /* bytes of `why` in sender.h */

/* Begins a POST to the account's `api`, or `usual`, with `path` behind it. */
void post_to(const struct door *d, struct send_plan *out, const char *usual, const char *path);
/* "Authorization: Bearer …" of the account's token. ERR_RANGE with `why`: there is none, or it cannot stand in a header. */
enum err post_bearer(const struct door *d, struct send_plan *out, char why[SEND_WHY]);
/* May it stand in an address or a header as it is? Letters, digits and "-_.:" alone, not empty. */
bool post_plain(struct str s);
/* ERR_RANGE with a sentence. */
enum err post_refuse(char why[SEND_WHY], const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* What an answer's status says where its body says no more: 2xx done, 429 and 503 again, other 5xx and silence unknown, else
   refused. */
void judge_status(const struct send_answer *a, struct send_result *out);
/* The answer's JSON, or NULL; the caller frees it. */
struct json *judge_body(const struct send_answer *a);
void judge_end(struct send_result *out, enum send_end end, const char *fmt, ...) __attribute__((format(printf, 3, 4)));
/* Keeps the provider's id of the message, when it is one that can be kept. */
void judge_external(struct send_result *out, struct str id);

/* What a provider's error means: rows end with one whose `sentence` is NULL. */
struct judge_row {
    long code;
    enum send_end end;
    const char *sentence;
};
const struct judge_row *judge_find(const struct judge_row *rows, long code); /* NULL: it is not there */

#endif
