/* Message-IDs, and the conversation that a mail belongs to (RFC 5322, 3.6.4). Pure.

   A conversation of mails is named by the first mail of it: CONVERSATION_HEX hex digits of the SHA-256 of its Message-ID, which
   every later mail tells as the first of its References. Mail programs cut that list; therefore a Message-ID that we make says it
   again: <naru.MESSAGE.TICKET.CONVERSATION@domain>. What tells neither is looked up among the Message-IDs seen (mail_threads). That
   two subjects are alike never threads. */
#ifndef NARU_ROUTER_MAIL_IDS_H
#define NARU_ROUTER_MAIL_IDS_H

#include "base/idmap.h"
#include "router/mail.h"

#define CONVERSATION_HEX 32u
#define MAIL_ID_MAX      400u /* bytes of one that we make */

/* The next <…> of a list of Message-IDs, without brackets and blanks; a word with an "@" where brackets are missing. *rest moves
   on. STR_NONE: there is none. */
struct str mail_next_id(struct str *rest);
/* Of a Message-ID; writes a NUL. */
void mail_conversation(struct str id, char out[CONVERSATION_HEX + 1]);
/* Ours, without brackets. A conversation that is not named by a mail is told by its bytes, one too long for that not at all. */
void mail_make_id(char out[MAIL_ID_MAX], const struct id *message, const struct id *ticket, struct str conversation,
                  struct str domain);
/* Is it one that we made? Then *ticket and, where it says it, the conversation (`out` has room for 101; "" if it does not). */
bool mail_own_id(struct str id, struct id *ticket, char out[101]);

/* Message-IDs seen, with their conversations: the last LIM_MAIL_THREADS of them. */
struct mail_threads;
enum err mail_threads_new(struct mail_threads **out, size_t cap);
void mail_threads_free(struct mail_threads *t); /* NULL is fine */
/* `conversation` must be of CONVERSATION_HEX digits; others are not kept. `account` keeps doors apart. */
void mail_threads_put(struct mail_threads *t, struct str account, struct str id, struct str conversation);
bool mail_threads_get(const struct mail_threads *t, struct str account, struct str id, char out[CONVERSATION_HEX + 1]);

/* The conversation of a mail: what the nearest mail it answers says or is known for, else its root's, else its own. *ours: it
   answers one that we sent. `t` may be NULL. */
void mail_thread(const struct mail *m, const struct mail_threads *t, struct str account, char out[101], bool *ours);

#endif
