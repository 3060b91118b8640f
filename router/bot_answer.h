/* What a bot's webhook answers, read and judged. Pure: bytes of a stranger in, what to do out. */
#ifndef NARU_ROUTER_BOT_ANSWER_H
#define NARU_ROUTER_BOT_ANSWER_H

#include "base/json.h"

#define BOT_WHY 200u

enum bot_end { BOT_KEEPS, BOT_DONE, BOT_HANDS_OVER, BOT_DECLINES };
struct bot_answer {
    enum bot_end end;
    bool unsure;       /* handed over because its confidence is below the policy's; `reply` is not to be sent */
    struct str reply;  /* to the customer; empty: none */
    struct str reason; /* of handing over or declining, at most 128 bytes */
    char text[64];     /* `reason` may point here */
};
/* {"reply": "text", "done": true, "handover": "reason", "confidence": 0.4} or {"decline": "reason"}: at least one of reply, done,
   handover, decline must say something, nothing else may be there. `below`: an answer that is less sure of itself hands over.
   ERR_JSON, ERR_RANGE: `why` is a sentence without the bot's own words. Texts point into *doc, which the caller frees in any case
   (NULL is fine); *out must stay where it is. */
enum err bot_answer_read(struct bot_answer *out, struct json **doc, struct str body, double below, char why[BOT_WHY]);

#endif
