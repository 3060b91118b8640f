/* The LMTP door: mails from a mail server on this machine or in this network, into the accounts of provider `lmtp`. */
#ifndef NARU_ROUTER_LMTP_H
#define NARU_ROUTER_LMTP_H

#include "base/err.h"

struct router;
struct lmtp;
/* `address`: HOST:PORT, [v6]:PORT, or the path of a unix socket (begins with "/" or "unix:"); a socket that a dead process left is
   taken over. ERR_IO with a log line. */
enum err lmtp_open(struct lmtp **out, struct router *r, const char *address);
/* Closes the door and its connections: a mail that was not answered for comes again, and what was kept of it is a duplicate then.
 */
void lmtp_close(struct lmtp *l); /* NULL, and a second time, is fine */
void lmtp_free(struct lmtp *l);  /* once the loop has ended; NULL is fine */

#endif
