/* Naru's own HTTP API from the command line: blocking calls through libcurl. */
#ifndef NARU_CLI_API_H
#define NARU_CLI_API_H

#include "base/buf.h"
#include "base/json.h"

struct api;
/* `url` like "http://127.0.0.1:8080"; `token` may be empty. Not for use by two threads at once. */
enum err api_open(struct api **out, const char *url, const char *token);
void api_close(struct api *a);
/* One call within `timeout_ms`. The body of the answer is appended to `out`, whatever its status. ERR_IO: no answer came. */
enum err api_call(struct api *a, const char *method, const char *path, struct str body, long timeout_ms, struct buf *out,
                  unsigned *status);
/* The first line of a token file, without its end. ERR_IO when it cannot be read. */
enum err api_token_file(const char *path, char out[256]);
/* The token of a command: `token` as it was given, else of the file, else (both NULL) operator.token of the data folder. ERR_IO,
   ERR_TOOBIG. */
enum err api_token(const char *token, const char *token_file, char out[256]);

/* One question of a command that asks no more than that. */
struct api_question {
    const char *command; /* "naru webhooks": begins what is told on stderr */
    const char *url, *token, *token_file;
    const char *method, *path;
    struct str body;
    long within_ms;
    bool elsewhere; /* another router may know: a 404 or a 421 is not told */
};
/* The answer of status 200 as JSON, for the caller to free, and as it came in `text` (initialised by the caller). NULL when there
   is none: stderr has been told why. */
struct json *api_ask(const struct api_question *q, struct buf *text);

#endif
