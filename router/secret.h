/* Secrets that a policy names and does not hold: "file:/etc/naru/bot.key", "env:BOT_KEY". */
#ifndef NARU_ROUTER_SECRET_H
#define NARU_ROUTER_SECRET_H

#include "base/str.h"

#define SECRET_MAX 1024u

/* Reads it into `out`, without the newline at its end; *n is its length. ERR_NOTFOUND: no such file or variable, or it is empty;
   ERR_IO: it cannot be read; ERR_TOOBIG; ERR_RANGE: neither file: nor env:. */
enum err secret_read(const char *where, char out[SECRET_MAX], size_t *n);

#endif
