/* The customer's own words out of a mail: without the earlier mail that it quotes, without signature and legal notice. Pure. */
#ifndef NARU_BASE_QUOTE_H
#define NARU_BASE_QUOTE_H

#include "base/str.h"

#define QUOTE_SAID 64u /* room for what quote_say writes */

/* The customer's own words in `text` (any bytes, lines end in LF or CRLF). What goes, by `channel`:
     email     lines that begin with ">"; lines that introduce a quote (On … wrote:), and with them all that follows when what they
               introduce is not marked with ">"; Original-Message lines and From/Sent/To/Subject blocks in the same way; at the end
               of what is left: signatures, names after a closing, notes of mobile programs, legal notices
     form      the same, except From/Sent/… blocks, which forms write themselves
     others    blocks of "> " lines
   A line is kept whole or goes whole, in the order they stand, so replies between quoted lines stay. What a forward line
   introduces stays: the customer hands it on to be read. When nothing would be left, or what is left would itself be read
   differently, all of `text` is given. A word too many costs triage little, a word lost costs the customer: in doubt it stays.
   So the result is never longer, UTF-8 stays UTF-8, and own words of own words are the same words. Time is linear in `text`.
   Gives a part of `text` (nothing is written), or what it wrote into `room` when lines in the middle went; `room` holds `cap`
   bytes, of which text.n may be used: with a smaller one all of `text` is given. */
struct str quote_own_words(struct str text, struct str channel, char *room, size_t cap);

/* "312 of 2,041 bytes" into `out`, for the reason that a verdict gives: how many bytes of a text count. */
struct str quote_say(size_t own, size_t whole, char out[QUOTE_SAID]);

#endif
