/* The list of metric families: id, kind, Prometheus name, label ("" for none), help. Rows are kept in the order of the pipeline. */
#ifndef NARU_BASE_METRICS_LIST_H
#define NARU_BASE_METRICS_LIST_H

#define METRIC_MAP(X)                                                                                                              \
    X(HTTP_REQUESTS, M_COUNTER, "naru_http_requests_total", "code", "HTTP requests answered, by status code")                       \
    X(HTTP_CONNECTIONS, M_GAUGE, "naru_http_connections", "", "HTTP and WebSocket connections open")                                \
    X(HTTP_REFUSED, M_COUNTER, "naru_http_refused_total", "cause", "Requests and connections refused, by cause")                    \
    X(HTTP_SPOOLED, M_GAUGE, "naru_http_spooled_bytes", "", "Bytes of large bodies that lie in files now")                          \
    X(IDEMPOTENT, M_COUNTER, "naru_idempotent_total", "what",                                                                      \
      "Requests with an Idempotency-Key: replayed, refused; answers forgotten early")                                              \
    X(EVENTS, M_COUNTER, "naru_events_total", "result", "Events received, by result: accepted, duplicate, refused")                 \
    X(EVENT_REFUSED, M_COUNTER, "naru_events_refused_total", "cause", "Events refused, by cause")                                   \
    X(ACCOUNT_REFUSED, M_COUNTER, "naru_account_refused_total", "account",                                                         \
      "Events and mails refused for coming faster than their account's `most`, by \"WORKSPACE/ACCOUNT\"")                          \
    X(AGENT_REFUSED, M_COUNTER, "naru_agent_refused_total", "workspace",                                                           \
      "What agents asked faster than `capacity.acts`, and was refused, by workspace")                                             \
    X(CHANNEL_REQUESTS, M_COUNTER, "naru_channel_requests_total", "provider", "Webhooks of channels' providers, by provider")        \
    X(CHANNEL_REFUSED, M_COUNTER, "naru_channel_refused_total", "cause", "… refused, by cause")                                     \
    X(CHANNEL_SKIPPED, M_COUNTER, "naru_channel_skipped_total", "what", "What came in them and is no event here, by kind")          \
    X(CHANNEL_BAD_ITEMS, M_COUNTER, "naru_channel_bad_items_total", "cause", "Items of batches that could not be taken, by cause")   \
    X(CHANNEL_CUT, M_COUNTER, "naru_channel_cut_total", "what", "Texts of their events that were too long, or left out, by kind")   \
    X(DOORS, M_GAUGE, "naru_doors", "state", "Accounts with a provider: ready, not_ready (a secret cannot be read)")                \
    X(CHATS, M_GAUGE, "naru_chats", "", "Customers' sockets of the web chat that are open")                                         \
    X(CHAT_LINES, M_COUNTER, "naru_chat_lines_total", "by", "Messages of the web chat, by who wrote: customer, agent, system")      \
    X(MESSAGES, M_COUNTER, "naru_messages_total", "state",                                                                         \
      "Messages to customers that came into a state: queued, sending, sent, failed, unknown, recorded")                            \
    X(MESSAGES_KEPT, M_GAUGE, "naru_messages_kept", "state", "Messages to customers that are kept here, by state")                 \
    X(MESSAGES_WAITING, M_GAUGE, "naru_messages_waiting", "account", "Messages that have yet to leave, by \"WORKSPACE/ACCOUNT\"")  \
    X(MESSAGE_TRIES, M_COUNTER, "naru_message_tries_total", "result", "Tries to send one: done, again, refused, unknown; unwritten: not begun")          \
    X(MESSAGE_RECEIPTS, M_COUNTER, "naru_message_receipts_total", "what",                                                          \
      "Providers' words on what was sent: delivered, read, failed; unknown: of no message here")                                   \
    X(MESSAGES_REFUSED, M_COUNTER, "naru_messages_refused_total", "cause",                                                         \
      "Messages not taken (full, window, journal), policy texts not sent (often, recent, automatic, text)")                                 \
    X(EVENT_ACK, M_HISTOGRAM, "naru_event_ack_seconds", "", "From an event's arrival to its 202")                                   \
    X(LMTP_CONNECTIONS, M_GAUGE, "naru_lmtp_connections", "", "LMTP connections open")                                              \
    X(LMTP_REFUSED, M_COUNTER, "naru_lmtp_refused_total", "cause", "LMTP connections and recipients refused, by cause")             \
    X(LMTP_MAILS, M_COUNTER, "naru_lmtp_mails_total", "result", "Mails by LMTP, one a recipient, by the answer that they got")      \
    X(MAIL_TIME, M_HISTOGRAM, "naru_mail_seconds", "", "From a mail's last byte to its answer")                                     \
    X(MAIL_BYTES, M_GAUGE, "naru_mail_kept_bytes", "", "Bytes of the mails that are kept whole")                                    \
    X(EVENTS_LIVE, M_GAUGE, "naru_events_live", "state", "Events not settled, by state")                                            \
    X(EVENTS_DEAD, M_COUNTER, "naru_events_dead_total", "", "Events given up after three attempts")                                 \
    X(CUSTOMERS, M_GAUGE, "naru_customers", "", "Customers whose contacts of the last seven days are counted")                      \
    X(PEOPLE, M_GAUGE, "naru_customers_linked", "what", "Customers stated over all channels: customers, identities, bytes")         \
    X(PEOPLE_REFUSED, M_COUNTER, "naru_customers_refused_total", "cause", "Statements of customers refused, by cause")              \
    X(FACTS_MISSED, M_COUNTER, "naru_customer_facts_missed_total", "cause", "What could not be counted or attached of customers")   \
    X(JOURNAL_COMMITS, M_COUNTER, "naru_journal_commits_total", "", "Transactions committed to the journal")                        \
    X(JOURNAL_ROWS, M_COUNTER, "naru_journal_rows_total", "", "Rows committed to the journal")                                      \
    X(JOURNAL_COMMIT, M_HISTOGRAM, "naru_journal_commit_seconds", "", "Duration of a journal transaction with its sync")            \
    X(JOURNAL_PENDING, M_GAUGE, "naru_journal_pending_rows", "", "Rows waiting for the next journal transaction")                   \
    X(MBOX_FRAMES, M_COUNTER, "naru_mailbox_frames_total", "direction", "Frames between processes: sent, received")                 \
    X(MBOX_RECORDS, M_COUNTER, "naru_mailbox_records_total", "direction", "Records between processes: sent, received")              \
    X(MBOX_REFUSED, M_COUNTER, "naru_mailbox_refused_total", "cause", "Frames and records refused, by cause")                       \
    X(MBOX_PEERS, M_GAUGE, "naru_mailbox_peers", "role", "Peers alive, by role")                                                    \
    X(TRIAGE_EVENTS, M_COUNTER, "naru_triage_events_total", "result", "Events triaged: ok, unsure, error")                          \
    X(TRIAGE_TIME, M_HISTOGRAM, "naru_triage_seconds", "", "Time to read one event")                                                \
    X(TRIAGE_ROUNDTRIP, M_HISTOGRAM, "naru_triage_roundtrip_seconds", "", "From dispatch to the verdict's arrival at the router")   \
    X(TRIAGE_RETRIES, M_COUNTER, "naru_triage_retries_total", "cause", "Events sent to triage again, by cause")                     \
    X(RULE_HITS, M_COUNTER, "naru_rule_hits_total", "rule", "Rules that fired")                                                     \
    X(SCORER_ASKED, M_COUNTER, "naru_scorer_asked_total", "stage", "Questions put to external scorers, by stage")                    \
    X(SCORER_ANSWERED, M_COUNTER, "naru_scorer_answered_total", "stage", "Answers of external scorers taken, by stage")              \
    X(SCORER_LATE, M_COUNTER, "naru_scorer_late_total", "stage", "Questions that their scorer let pass their deadline, by stage")    \
    X(SCORER_BROKEN, M_COUNTER, "naru_scorer_broken_total", "cause", "Answers of external scorers refused, by cause")                \
    X(SCORER_FALLBACK, M_COUNTER, "naru_scorer_fallback_total", "cause", "Stages answered by ours for want of an answer, by cause")  \
    X(SCORER_PAUSED, M_COUNTER, "naru_scorer_paused_total", "scorer", "Times a scorer was left alone for missing deadlines")         \
    X(SCORER_TIME, M_HISTOGRAM, "naru_scorer_seconds", "stage", "From a question to its answer, by stage")                           \
    X(TICKETS, M_COUNTER, "naru_tickets_total", "change", "Changes of tickets, by kind")                                            \
    X(FEEDBACK, M_COUNTER, "naru_feedback_total", "field", "Corrections kept, by the field that they correct")                      \
    X(FEEDBACK_REFUSED, M_COUNTER, "naru_feedback_refused_total", "cause", "Corrections refused, by cause")                         \
    X(FEEDBACK_DROPPED, M_COUNTER, "naru_feedback_dropped_total", "cause",                                                          \
      "Corrections that went (rows, age) or could not be kept (transfer)")                                                          \
    X(QUEUE_LENGTH, M_GAUGE, "naru_queue_length", "queue", "Tickets waiting")                                                       \
    X(QUEUE_OLDEST, M_GAUGE, "naru_queue_oldest_wait_seconds", "queue", "Wait of the ticket that has waited longest")               \
    X(OFFERS, M_COUNTER, "naru_offers_total", "outcome", "Offers by outcome: made, accepted, declined, expired, withdrawn")         \
    X(OFFER_TIME, M_HISTOGRAM, "naru_offer_seconds", "", "From a ticket's opening to its first offer")                              \
    X(WAIT_TIME, M_HISTOGRAM, "naru_ticket_wait_seconds", "queue", "From a ticket's opening to the accept")                         \
    X(SLA_ANSWER_MET, M_COUNTER, "naru_sla_answer_met_total", "queue", "Tickets answered within the target of their queue")        \
    X(SLA_ANSWER_BREACHED, M_COUNTER, "naru_sla_answer_breached_total", "queue", "Tickets whose deadline for it passed first")     \
    X(SLA_REPLY_MET, M_COUNTER, "naru_sla_reply_met_total", "queue", "Tickets replied to within the target of their queue")        \
    X(SLA_REPLY_BREACHED, M_COUNTER, "naru_sla_reply_breached_total", "queue", "Tickets whose deadline for it passed first")       \
    X(SLA_RESOLVE_MET, M_COUNTER, "naru_sla_resolve_met_total", "queue", "Tickets resolved within the target of their queue")      \
    X(SLA_RESOLVE_BREACHED, M_COUNTER, "naru_sla_resolve_breached_total", "queue", "Tickets whose deadline for it passed first")   \
    X(CALL_STEPS, M_COUNTER, "naru_call_steps_total", "what",                                                                      \
      "Calls: dialled, started, not_connected, callback, called, unreached, pushed, refused, unsent, no_phone")                     \
    X(WEBHOOK_CALLS, M_COUNTER, "naru_webhook_calls_total", "result",                                                              \
      "Webhooks called, by result: ok, status, timeout, connect, tls, too_big, broken, full")                                      \
    X(WEBHOOK_TIME, M_HISTOGRAM, "naru_webhook_seconds", "", "From a webhook's call to its end")                                    \
    X(HOOKS, M_COUNTER, "naru_hooks_total", "result",                                                                              \
      "Webhooks of changes, by result: kept, delivered, failed (an attempt), dead, dropped")                                        \
    X(HOOK_BACKLOG, M_GAUGE, "naru_hook_backlog", "webhook", "Changes that a webhook is still to be told")                          \
    X(HOOK_OLDEST, M_GAUGE, "naru_hook_oldest_seconds", "webhook", "Age of the oldest change that a webhook is still to be told")   \
    X(HOOK_DEAD, M_GAUGE, "naru_hook_dead_letters", "webhook", "Changes that a webhook did not take in time, kept for a replay")    \
    X(HOOK_STATE, M_GAUGE, "naru_hook_state", "webhook",                                                                            \
      "0: it is told of changes; 1: probed after failures in a row; 2: off, it said 410 Gone; 3: its secret cannot be read")        \
    X(STREAMS, M_GAUGE, "naru_streams", "", "Readers of the stream of changes")                                                     \
    X(STREAM_MESSAGES, M_COUNTER, "naru_stream_messages_total", "what", "Told to readers of the stream: change, gap")               \
    X(STREAM_ENDED, M_COUNTER, "naru_streams_ended_total", "cause",                                                                \
      "Streams that ended, by cause: client, slow, token, stopping; full: one more was refused")                                   \
    X(BOT_ANSWERS, M_COUNTER, "naru_bot_answers_total", "result",                                                                  \
      "What came of asking a bot's webhook: reply, done, handover, decline, unsure, failed, bad")                                  \
    X(BOTS, M_GAUGE, "naru_bots", "", "Bots by webhook that this router serves")                                                    \
    X(AGENTS, M_GAUGE, "naru_agents", "presence", "Agents by presence; off_shift: available outside their hours")                  \
    X(AGENT_UNITS, M_GAUGE, "naru_agent_units", "kind", "Units of capacity of agents present: total, held, offered, kept")          \
    X(ACTS_REFUSED, M_COUNTER, "naru_acts_refused_total", "cause", "Acts of agents and users refused by the leader, by cause")      \
    X(MATCH_TIME, M_HISTOGRAM, "naru_match_seconds", "", "Duration of one matching pass")                                           \
    X(APPLY, M_COUNTER, "naru_store_applies_total", "result", "Batches written to Redis: ok, stale, gap, error")                    \
    X(APPLY_TIME, M_HISTOGRAM, "naru_store_apply_seconds", "", "Round trip of one batch to Redis")                                  \
    X(REDIS_UP, M_GAUGE, "naru_redis_up", "", "1 while the Redis link is usable")                                                   \
    X(REDIS_FAULTS, M_COUNTER, "naru_redis_faults_total", "cause", "Redis link faults: refused, stalled, closed, error")            \
    X(LEADS, M_COUNTER, "naru_leads_total", "", "Times this process took the lead of a workspace")                                  \
    X(STORE_ROLLBACKS, M_COUNTER, "naru_store_rollbacks_total", "", "Times Redis was found older than what a router had seen")      \
    X(HOME_SILENT, M_COUNTER, "naru_home_silent_total", "", "Confirmations given without the home router's commit (silent for 3 s)") \
    X(POLICY_LOADS, M_COUNTER, "naru_policy_loads_total", "result", "Policies loaded: ok, refused")                                 \
    X(MODEL_LOADS, M_COUNTER, "naru_model_loads_total", "result", "Sets of trained models opened: ok, refused (the old ones stay)")  \
    X(BUILD_INFO, M_GAUGE, "naru_build_info", "version", "1, with the version as label")

#endif
