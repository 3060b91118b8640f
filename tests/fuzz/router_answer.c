/* Any bytes as a bot's answer: refused with a sentence, or something that can be done. */
#include "base/panic.h"
#include "router/bot_answer.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct bot_answer a;
    struct json *doc = NULL;
    char why[BOT_WHY] = "";
    if (bot_answer_read(&a, &doc, (struct str){ (const char *)data, size }, 0.5, why)) {
        naru_assert(why[0]);
    } else {
        naru_assert(a.reason.n <= 128 && str_utf8(a.reason, &size));
        naru_assert(a.end != BOT_KEEPS || a.reply.n);
        naru_assert(a.end != BOT_DECLINES || !a.reply.n);
        naru_assert(!a.unsure || !a.reply.n);
    }
    json_free(doc);
    return 0;
}
