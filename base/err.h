/* Errors: one list gives enum, stable names and texts. 0 is success; no errno, -1 or NULL crosses a module border. */
#ifndef NARU_BASE_ERR_H
#define NARU_BASE_ERR_H

#define ERR_MAP(X)                                                   \
    X(OK, "ok")                                                      \
    X(NOMEM, "out of memory")                                        \
    X(FULL, "full")                                                  \
    X(PROTO, "malformed message")                                    \
    X(VERSION, "unknown protocol version")                           \
    X(UNKNOWN, "unknown message type")                               \
    X(STATE, "not possible in this state")                           \
    X(NOTFOUND, "not found")                                         \
    X(EXISTS, "exists already")                                      \
    X(UNAUTHORIZED, "not authenticated")                             \
    X(FORBIDDEN, "not allowed")                                      \
    X(TOOBIG, "larger than its limit")                               \
    X(RANGE, "outside its range")                                    \
    X(UTF8, "not valid UTF-8")                                       \
    X(JSON, "not valid JSON")                                        \
    X(YAML, "not valid YAML")                                        \
    X(POLICY, "not a valid policy")                                  \
    X(USAGE, "wrong usage")                                          \
    X(IO, "input/output error")                                      \
    X(CLOSED, "closed")                                              \
    X(REFUSED, "connection refused")                                 \
    X(TIMEOUT, "timed out")                                          \
    X(BUSY, "busy")                                                  \
    X(UNAVAILABLE, "not available now")                              \
    X(STALE, "an old epoch, session or token")                       \
    X(GAP, "a gap in the change log")                                \
    X(INTERNAL, "internal error")

#define ERR_ENUM(id, text) ERR_##id,
enum err { ERR_MAP(ERR_ENUM) ERR_COUNT };
#undef ERR_ENUM

/* "ERR_FULL": stable, for logs and tests. Never NULL. */
const char *err_name(enum err e);
/* "full": for people. Never NULL. */
const char *err_text(enum err e);

#endif
