/* Bearer tokens with roles. A token is "naru_" and 43 base64url characters (32 random bytes); only its SHA-256 is stored, a line
   each, in a file (0600):
       <64 hex of sha256> <role> <workspace or *> <subject> <created ms> <expires ms or 0> <name>
   The router reads the file again when it has changed; `naru token` writes it (whole file, renamed into place, under a lock). */
#ifndef NARU_ROUTER_TOKEN_H
#define NARU_ROUTER_TOKEN_H

#include "base/str.h"

enum token_role { TOKEN_SOURCE, TOKEN_AGENT, TOKEN_SUPERVISOR, TOKEN_OPERATOR, TOKEN_ROLE_COUNT };
extern const char *const token_role_names[TOKEN_ROLE_COUNT]; /* source agent supervisor operator */

struct token { /* what a bearer may do */
    enum token_role role;
    char workspace[65]; /* "*": all */
    char subject[129];  /* agent name for role agent, else who it was made for */
    uint64_t expires;   /* wall ms; 0 never */
};
struct tokens;
/* A missing file is an empty list. ERR_IO, ERR_PROTO (the bad line is logged and skipped, the rest stands). */
enum err tokens_open(struct tokens **out, const char *path);
void tokens_close(struct tokens *t);
/* Looks at the file (a microsecond) and reads it again when it is another: every second, and whenever a token is not known, for a
   token works as soon as `naru token create` has printed it. */
void tokens_refresh(struct tokens *t);
/* `header` is the value of Authorization. ERR_UNAUTHORIZED: absent, malformed or unknown; ERR_STALE: expired. *out is borrowed
 * until the next refresh. */
enum err tokens_check(struct tokens *t, struct str header, uint64_t wall_ms, const struct token **out);
/* For who goes on after the request: what tokens_again knows the same token by. False: the header is no token. */
bool token_hash(struct str header, unsigned char hash[32]);
enum err tokens_again(const struct tokens *t, const unsigned char hash[32], uint64_t wall_ms, const struct token **out);
/* Makes a token and adds it to the file. `text` gets it, once and never again. */
enum err token_create(const char *path, const struct token *what, struct str name, uint64_t wall_ms, char text[64]);
/* One line of the file, for people. */
struct token_row {
    char hash[65]; /* hex */
    struct token what;
    uint64_t created; /* wall ms */
    struct str name;  /* borrowed during the call */
};
/* Calls `fn` for each good line; a missing file has none. */
enum err token_list(const char *path, void (*fn)(void *ctx, const struct token_row *row), void *ctx);
/* Removes those whose hash begins with `hash_prefix` (>= 8 hex; fewer: ERR_RANGE). *removed counts. */
enum err token_revoke(const char *path, struct str hash_prefix, uint32_t *removed);

#endif
