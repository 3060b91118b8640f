/* Where Naru is and with which token one speaks to it. */
#ifndef NARU_CLI_TARGET_H
#define NARU_CLI_TARGET_H

#include "base/str.h"

#include <sys/socket.h>

struct target {
    struct sockaddr_storage addr;
    char authority[300]; /* host:port, for the Host header */
    char token[256];
};
/* Reads "http://host[:port]", finds its address, and takes the token: `token` if given, else the first line of `token_file`, else
   of operator.token in the data folder. Tells people on stderr what is wrong, in the name of `who`. */
enum err target_set(struct target *t, const char *who, const char *url, const char *token, const char *token_file);

#endif
