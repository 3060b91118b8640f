/* CURVE of one mailbox: its key pair, the public keys that may connect to it, and the answer to ZeroMQ's question "may this key
   connect?" (ZAP). ZeroMQ asks in one place a process, so the first mailbox with CURVE opens that place on its loop, the last
   closes it; the domain of a question names the mailbox. All mailboxes with CURVE of a process live on one loop.

   Files: the secret key is a file whose first line is the key in Z85 (40 characters). The peers' file has one public key a line
   in Z85, then anything (a name, say); empty lines and lines that begin with "# " are skipped.

   An endpoint that is dialled with CURVE carries the public key of who answers there: "tcp://host:port?key=" and 40 characters of
   Z85 as they are (no escapes: everything after "?key=" is the key). */
#ifndef NARU_PROTO_CURVE_H
#define NARU_PROTO_CURVE_H

#include "base/str.h"

#include <uv.h>

#define CURVE_KEY_TEXT 40

struct curve {
    char name[65]; /* the ZAP domain */
    char public_key[CURVE_KEY_TEXT + 1], secret_key[CURVE_KEY_TEXT + 1];
    uint8_t (*peers)[32];
    size_t count;
    void (*on_stranger)(void *ctx); /* a key that is not among `peers` was refused */
    void *ctx;
    struct curve *next; /* open guards of the process */
};

/* ERR_IO (no such file), ERR_USAGE (not keys), ERR_NOMEM: each logged. curve_fini in every case. */
enum err curve_load(struct curve *c, const char *name, const char *secret_file, const char *peers_file);
void curve_fini(struct curve *c);
bool curve_knows(const struct curve *c, struct str z85);
enum err curve_serve(const struct curve *c, void *sock);                          /* before bind */
enum err curve_connect(const struct curve *c, void *sock, struct str server_key); /* before connect */
enum err curve_guard(struct curve *c, void *zmq, uv_loop_t *loop);                /* before curve_serve's socket is bound */
void curve_unguard(struct curve *c);
/* Splits "address?key=…"; *key is STR_NONE when there is none. ERR_USAGE when what follows is not 40 characters of Z85. */
enum err curve_split(struct str endpoint, struct str *address, struct str *key);

#endif
