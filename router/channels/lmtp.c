/* Mails of a mail server come by LMTP (router/lmtp.c), not by webhook: this row is the sender alone. */
#include "router/mail_send.h"

const struct provider provider_lmtp = { .word = "lmtp", .sender = &mail_sender };
