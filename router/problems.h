/* Every refusal that a client can meet over HTTP or a WebSocket: a stable type (the last part of "/problems/…"), the status it
   usually comes with, and a title that says the same in words. Types are never renamed or reused: clients test them.
   http_problem() takes its titles from here, openapi.yaml its list. */
#ifndef NARU_ROUTER_PROBLEMS_H
#define NARU_ROUTER_PROBLEMS_H

/* X(id, usual status, type, title) */
#define PROBLEM_MAP(X)                                                                                                             \
    X(BAD_REQUEST, 400, "bad-request", "The request is malformed")                                                                 \
    X(BAD_JSON, 400, "bad-json", "The body is not valid JSON")                                                                     \
    X(BAD_UTF8, 400, "bad-utf8", "The text is not valid UTF-8")                                                                    \
    X(BAD_EVENT, 422, "bad-event", "The event lacks a field or has a wrong one")                                                   \
    X(BAD_CUSTOMER, 422, "bad-customer", "The statement of a customer lacks a field or has a wrong one")                           \
    X(BAD_FIELD, 422, "bad-field", "A field is missing or has a wrong value")                                                      \
    X(BAD_POLICY, 422, "bad-policy", "The policy has errors")                                                                      \
    X(BATCH_TOO_LARGE, 422, "batch-too-large", "Too many events in one request")                                                   \
    X(UNAUTHORIZED, 401, "unauthorized", "A valid bearer token is needed")                                                         \
    X(BAD_SIGNATURE, 401, "bad-signature", "The request is not signed as the account's provider signs")                            \
    X(TOKEN_EXPIRED, 401, "token-expired", "The bearer token has expired")                                                         \
    X(FORBIDDEN, 403, "forbidden", "Whoever asks this is not allowed to")                                                          \
    X(NOT_FOUND, 404, "not-found", "There is nothing at this path")                                                                \
    X(MESSAGE_NOT_FOUND, 404, "message-not-found", "There is no such message")                                                     \
    X(WINDOW_CLOSED, 409, "window-closed", "The channel does not let a reply out any more")                                        \
    X(EVENT_NOT_FOUND, 404, "event-not-found", "There is no such event")                                                           \
    X(TICKET_NOT_FOUND, 404, "ticket-not-found", "There is no such ticket")                                                        \
    X(AGENT_NOT_FOUND, 404, "agent-not-found", "There is no such agent")                                                           \
    X(ACCOUNT_NOT_FOUND, 404, "account-not-found", "No account of this name takes webhooks")                                       \
    X(WEBHOOK_NOT_FOUND, 404, "webhook-not-found", "There is no such webhook")                                                     \
    X(CUSTOMER_NOT_FOUND, 404, "customer-not-found", "There is no such customer")                                                  \
    X(QUEUE_NOT_FOUND, 404, "queue-not-found", "There is no such queue")                                                           \
    X(WRONG_ROUTER, 421, "wrong-router", "Another router has it")                                                                  \
    X(UNKNOWN_ACCOUNT, 422, "unknown-account", "There is no such account")                                                         \
    X(UNKNOWN_WORKSPACE, 422, "unknown-workspace", "There is no such workspace")                                                   \
    X(METHOD_NOT_ALLOWED, 405, "method-not-allowed", "The path does not know this method")                                         \
    X(NOT_IMPLEMENTED, 501, "not-implemented", "The server does not know this method or coding")                                   \
    X(HTTP_VERSION, 505, "http-version", "Only HTTP/1.0 and HTTP/1.1 are spoken here")                                             \
    X(EXPECTATION_FAILED, 417, "expectation-failed", "The expectation cannot be met")                                              \
    X(UPGRADE_REQUIRED, 426, "upgrade-required", "This path speaks WebSocket, version 13")                                         \
    X(BAD_HANDSHAKE, 400, "bad-handshake", "The WebSocket handshake is malformed")                                                 \
    X(UNSUPPORTED_MEDIA_TYPE, 415, "unsupported-media-type", "The body's type is not understood here")                             \
    X(LINE_TOO_LONG, 414, "line-too-long", "The request line is too long")                                                         \
    X(HEADERS_TOO_LARGE, 431, "headers-too-large", "The headers are too large or too many")                                        \
    X(BODY_TOO_LARGE, 413, "body-too-large", "The body is too large")                                                              \
    X(TIMEOUT, 408, "timeout", "The request took too long to arrive")                                                              \
    X(TOO_MANY_CONNECTIONS, 503, "too-many-connections", "Too many connections")                                                   \
    X(TOO_MANY_REQUESTS, 429, "too-many-requests", "Too many requests")                                                            \
    X(OVERLOADED, 503, "overloaded", "Too much is waiting; try again later")                                                       \
    X(JOURNAL_FULL, 503, "journal-full", "Nothing more can be stored now; try again later")                                        \
    X(JOURNAL_FAILED, 503, "journal-failed", "The journal does not work; nothing is accepted")                                     \
    X(NOT_READY, 503, "not-ready", "A part that is needed for this is not there now")                                              \
    X(NOT_LEADING, 503, "not-leading", "Nobody leads the workspace now; try again")                                                \
    X(NO_ANSWER, 503, "no-answer", "The answer did not come in time; it may still have been done")                                 \
    X(SHUTTING_DOWN, 503, "shutting-down", "The server is stopping; try again")                                                    \
    X(WRONG_STATE, 409, "wrong-state", "Not possible in the present state")                                                        \
    X(TICKET_NOT_OFFERED, 409, "ticket-not-offered-to-you", "The ticket is not offered to this agent")                             \
    X(OFFER_EXPIRED, 409, "offer-expired", "The offer is over")                                                                    \
    X(OLD_TOKEN, 409, "old-token", "The ticket has changed hands since this token")                                                \
    X(NOT_YOUR_TICKET, 409, "not-your-ticket", "Another agent has the ticket")                                                     \
    X(OLD_SESSION, 409, "old-session", "A newer connection speaks for this agent")                                                 \
    X(AGENT_OFFLINE, 409, "agent-offline", "The agent is not there to take it")                                                    \
    X(NO_ROOM, 409, "no-room", "The agent has no room for it")                                                                     \
    X(TOO_MANY_CALLBACKS, 409, "too-many-callbacks", "The ticket was put off as often as it may be")                               \
    X(NOT_ELIGIBLE, 409, "not-eligible", "The agent is not one who may be offered it")                                             \
    X(AGENT_EXISTS, 409, "agent-exists", "There is such an agent already")                                                         \
    X(PRECONDITION_FAILED, 412, "precondition-failed", "It has changed since it was read")                                         \
    X(IDEMPOTENCY_UNDER_WAY, 409, "idempotency-under-way", "The first request under this key is still under way")                  \
    X(IDEMPOTENCY_REUSED, 422, "idempotency-reused", "The key was used for another request")                                       \
    X(INTERNAL, 500, "internal", "Something went wrong here; the log tells more")

#define PROBLEM_ENUM(id, status, type, title) PROBLEM_##id,
enum problem { PROBLEM_MAP(PROBLEM_ENUM) PROBLEM_COUNT };
#undef PROBLEM_ENUM

/* Rows in the order of the enum. */
struct problem_row {
    unsigned status; /* the usual one */
    const char *type, *title;
};
extern const struct problem_row problem_rows[PROBLEM_COUNT];
/* The row of a type; NULL when there is none. */
const struct problem_row *problem_find(const char *type);

#endif
