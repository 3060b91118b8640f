/* One file a sub-command, thin. Each main gets argv[0] = the sub-command's name and returns the exit status:
   0 good, 1 failed or findings, 2 wrong usage. */
#ifndef NARU_CLI_CLI_H
#define NARU_CLI_CLI_H

#define COMMAND_MAP(X)                                                                                     \
    X(up, up_main, "run a whole Naru on this machine (redis-server, router, triage, assigner); --demo shows one at work") \
    X(router, router_main, "run a router: the front end")                                                  \
    X(triage, triage_main, "run a triage worker")                                                          \
    X(assign, assign_main, "run an assigner: the matching brain")                                          \
    X(train, train_main, "learn a model from labelled messages")                                           \
    X(eval, eval_main, "judge a model, or a policy's verdicts, on labelled messages")                      \
    X(classify, classify_main, "lines of text in; what a model or a policy says of each out, as JSON")     \
    X(check, check_main, "check policy files")                                                             \
    X(simulate, simulate_main, "play traffic to a policy's rules before anybody is routed by them")         \
    X(tune, tune_main, "search values of a policy in the simulator, and print the change")                 \
    X(holidays, holidays_main, "days that are closed: of a country by its rules, or of an .ics file")      \
    X(explain, explain_main, "tell the life of a ticket and why it went where it went")                    \
    X(feedback, feedback_main, "write out what people corrected, to learn from")                           \
    X(webhooks, webhooks_main, "who is told of changes: states, dead letters, telling those again, a test")  \
    X(messages, messages_main, "replies that failed or of which nobody knows: which, why; send again, confirm") \
    X(customers, customers_main, "customers over all channels: read them in from a CSV or JSON-lines file") \
    X(send, send_main, "load client: customers who send messages from a file")                             \
    X(crowd, crowd_main, "load client: agents on WebSockets who take offers")                              \
    X(token, token_main, "create, list and revoke access tokens")                                          \
    X(version, version_main, "print the version")
#define COMMAND_DECL(name, fn, help) int fn(int argc, char **argv);
COMMAND_MAP(COMMAND_DECL)
#undef COMMAND_DECL

#endif
