/* Texts of mails: from any charset to UTF-8, from HTML to plain text, lines that flow put together again. Pure; any bytes are fine,
   what comes out is UTF-8 without NUL, with LF lines. */
#ifndef NARU_ROUTER_MAIL_TEXT_H
#define NARU_ROUTER_MAIL_TEXT_H

#include "base/buf.h"

/* Appends `bytes`, of `charset` (as a Content-Type names it; empty: not told), as UTF-8. A charset that is not known, not told or
   not true is guessed: UTF-8 if it is that, else Korean (CP949) if all of it is, else Windows-1252. What cannot be read becomes
   U+FFFD. Sets that others contain are read as the larger one, as mail programs write them under the smaller one's name (EUC-KR for
   CP949). */
void mail_utf8(struct buf *out, struct str charset, struct str bytes);
/* Appends UTF-8 with what is none replaced by U+FFFD; CRLF and CR become LF; other control characters but tabs go. */
void mail_clean(struct buf *out, struct str text);
/* format=flowed (RFC 3676): a line that ends in a space goes on in the next one of the same quote depth. */
void mail_unflow(struct buf *out, struct str text, bool delsp);
/* The words of an HTML page (UTF-8), as a text that reads like it: paragraphs, rows and lists on lines, quotes with "> " in front,
   scripts, styles and comments gone, entities read. Time and memory are linear in `html`. */
void mail_unhtml(struct buf *out, struct str html);

#endif
