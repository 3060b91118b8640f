/* Replies as mails, handed to a mail server by SMTP submission: of accounts of provider lmtp, postmark and mailgun that name
   `smtp`.

   A mail tells what it answers (In-Reply-To, References) and carries ticket and conversation in its Message-ID, the same over all
   attempts: a server or a mailbox that got it twice knows it as one. That is why an attempt whose end nobody heard is made again,
   as mail servers themselves do (RFC 5321, 4.2.5 and RFC 1047): the account counts as `repeatable`. */
#ifndef NARU_ROUTER_MAIL_SEND_H
#define NARU_ROUTER_MAIL_SEND_H

#include "router/sender.h"

extern const struct sender mail_sender;

#endif
