/* Any bytes as a mail (the first picks the channel): own words are never longer, never nothing, UTF-8 stays UTF-8, and own words of
   own words are the same. */
#include "base/panic.h"
#include "base/quote.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const char *const channels[] = { "email", "form", "webchat" };
    size_t at;
    if (size == 0) return 0;
    struct str s = { (const char *)data + 1, size - 1 }, channel = str_of(channels[data[0] % 3]);
    char *room = malloc(size), *again = malloc(size), said[QUOTE_SAID];
    naru_assert(room && again);
    struct str once = quote_own_words(s, channel, room, s.n), twice = quote_own_words(once, channel, again, once.n);
    naru_assert(once.n <= s.n && (once.n || !s.n) && str_eq(once, twice));
    if (str_utf8(s, &at)) naru_assert(str_utf8(once, &at));
    naru_assert(quote_say(once.n, s.n, said).n < QUOTE_SAID);
    free(room);
    free(again);
    return 0;
}
