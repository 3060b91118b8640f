/* The HTTP API: one table of routes. A handler gets a call whose token, role and path have been checked. */
#ifndef NARU_ROUTER_API_H
#define NARU_ROUTER_API_H

#include "router/problems.h"
#include "router/router.h"

struct route;
struct call {
    struct router *router;
    struct http_req *req;
    const struct token *token; /* NULL on public paths; borrowed for the call */
    const struct route *route;
    struct str arg[2]; /* what stood for {} in the path */
};
enum {
    MAY_SOURCE = 1 << TOKEN_SOURCE,
    MAY_AGENT = 1 << TOKEN_AGENT,
    MAY_SUPERVISOR = 1 << TOKEN_SUPERVISOR,
    MAY_OPERATOR = 1 << TOKEN_OPERATOR,
    MAY_ALL = 15,
    MAY_ANYBODY = 16
};
struct route {
    enum http_method method;
    const char *pattern; /* "/v1/tickets/{}/accept" */
    unsigned roles;
    void (*handler)(struct call *c);
    enum act_kind act; /* what the handler asks the leader for, where it is one of several alike */
};

/* The workspace that the call is about: ?workspace=, the token's, or the only one. Answers with a problem and gives false when
 * there is none. */
bool call_workspace(struct call *c, uint16_t *workspace);
bool call_id(struct call *c, struct id *out);             /* arg[0]; answers 404 otherwise */
bool call_sees(const struct call *c, uint16_t workspace); /* is it a workspace of the token? */
bool token_privileged(const struct token *t);
/* … of a ticket: its own when it is kept here, else as above. */
bool call_ticket_workspace(struct call *c, const struct id *ticket, uint16_t *workspace);
/* An act with workspace, kind of the route and who asks. */
void call_act(struct call *c, uint16_t workspace, struct act *act);
/* Fills an act of a ticket from the body; answers and gives false otherwise. Texts point into `doc`. */
struct act_room;
bool call_read_act(struct call *c, const struct json *doc, struct act *act, struct act_room *room);
/* Asks the leader; its result answers the request as it is. `wrap`: the member a bare array is put under (NULL: none). */
void call_ask(struct call *c, uint16_t workspace, struct act *act, bool patient);
void answer_result(struct http_req *req, const struct result *res);
/* A POST with an Idempotency-Key: false when it has been answered, as its first one was or with a refusal. */
bool call_once(struct call *c);
/* A page of a list: ?limit= of 1 to `most`, else `usual`; ?after= as an id. They answer 422 and give false otherwise. */
bool call_limit(struct call *c, uint64_t most, uint64_t usual, uint64_t *out);
bool call_after(struct call *c, struct id *out); /* all zeros: from the first one on */
/* What ?after= names is not in the list any more: 422, since going on anywhere else would tell some twice or never. */
void answer_page_gone(struct http_req *req);
/* Answers 200 with the body and its ETag, or 304 when If-None-Match names it. `version`: etag.h; may be empty. */
void answer_tagged(struct http_req *req, struct str version, struct str json);
/* {"name": "…"} bodies: the text of a member, at most `max` bytes; answers 422 and gives false when it is something else. */
bool body_text(struct http_req *req, const struct json *doc, const char *name, size_t max, struct str *out);
/* The body as a JSON object (an empty one counts as {}); answers and gives false otherwise. Caller frees. */
bool body_object(struct http_req *req, struct json **doc);

/* ---- handlers, by file ---- */
void get_event(struct call *c); /* api_events.c */
void list_events(struct call *c);
void replay_event(struct call *c);
void get_ticket(struct call *c); /* api_tickets.c */
void list_tickets(struct call *c);
void act_on_ticket(struct call *c);
void post_feedback(struct call *c); /* api_feedback.c */
void list_feedback(struct call *c);
/* Answers 200 with a ticket's JSON object and, as its member `feedback`, the corrections that are kept of it here. */
void answer_with_feedback(struct router *r, struct http_req *req, const struct id *ticket, struct str body);
void list_agents(struct call *c); /* api_agents.c */
void get_agent(struct call *c);
void put_agent(struct call *c);
void delete_agent(struct call *c);
void post_presence(struct call *c);
void agent_stream(struct call *c);
void get_queue(struct call *c);
void get_stream(struct call *c); /* api_stream.c */
void get_policy(struct call *c); /* api_policy.c */
void post_policy(struct call *c);
/* Stores a configuration here and with the leader, when there is one, then answers 200 with `answer`. */
void keep_config(struct call *c, const struct config *config, struct str answer);
void post_customers(struct call *c); /* api_customers.c */
void get_customer(struct call *c);
void find_customer(struct call *c);
void forget_customer(struct call *c);
void channel_visit(struct call *c); /* channel.c */
void list_webhooks(struct call *c); /* api_hooks.c */
void list_dead_letters(struct call *c);
void replay_dead_letters(struct call *c);
void test_webhook(struct call *c);
void get_problem(struct call *c);
void get_metrics(struct call *c); /* api_state.c */
void get_health(struct call *c);
void get_ready(struct call *c);
void get_me(struct call *c);
void get_console(struct call *c); /* console.c: the page, and what it is made of */

#endif
