/* The header Idempotency-Key at the door: who asks again hears the first answer (idempotency.h). */
#include "base/metrics.h"
#include "router/api.h"
#include "router/idempotency.h"

#include <stdio.h>

static void on_answered(void *one, unsigned status, const char *type, struct str body, const char *extra)
{
    idem_end(one, &(struct idem_answer){ status, type, extra, body });
}

static void answer_again(struct call *c, const struct idem_answer *a)
{
    char extra[IDEM_EXTRA_MAX + 32];
    snprintf(extra, sizeof extra, "Idempotency-Replayed: true\r\n%s", a->extra);
    metric_add(MET_IDEMPOTENT, "replayed", 1);
    http_answer(c->req, a->status, a->type, a->body, extra);
}

static bool begin(struct call *c, const struct idem_ask *ask)
{
    struct idem_answer first;
    struct idem *one = NULL;
    enum idem_state s = idem_begin(&c->router->idems, ask, &one, &first);
    if (s == IDEM_NEW) http_on_answer(c->req, on_answered, one);
    if (s == IDEM_NEW) return true;
    if (s == IDEM_AGAIN) answer_again(c, &first);
    else if (s == IDEM_OPEN)
        http_problem(c->req, 409, "idempotency-under-way", "the first request under this key is not answered yet");
    else if (s == IDEM_OTHER) http_problem(c->req, 422, "idempotency-reused", "this key came with another request before");
    else http_problem(c->req, 503, "overloaded", "too many requests with a key are under way");
    if (s == IDEM_OPEN || s == IDEM_OTHER) metric_add(MET_IDEMPOTENT, "refused", 1);
    return false;
}

bool call_once(struct call *c)
{
    struct str key = http_header(c->req, "idempotency-key");
    char asker[256];
    if (!key.n || c->route->method != HTTP_M_POST) return true;
    if (!idem_key_ok(key)) {
        http_problem(c->req, 400, "bad-request", "an Idempotency-Key is 1 to %u visible characters", IDEM_KEY_MAX);
        return false;
    }
    int n = snprintf(asker, sizeof asker, "%s %s %s", token_role_names[c->token->role], c->token->workspace, c->token->subject);
    return begin(c, &(struct idem_ask){ .key = key,
                                        .asker = { asker, (size_t)n },
                                        .method = STR("POST"),
                                        .target = http_target(c->req),
                                        .body = http_body(c->req),
                                        .now = router_now(c->router) });
}
