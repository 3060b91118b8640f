#include "proto/records.h"

/* The tables that come of the lists in records.h. Nothing is decided here. */

WORDS_TABLE(role, ROLE_MAP)
WORDS_TABLE(event_kind, EVENT_KIND_MAP)
WORDS_TABLE(urgency, URGENCY_MAP)
WORDS_TABLE(sentiment, SENTIMENT_MAP)
WORDS_TABLE(ticket_state, TICKET_STATE_MAP)
WORDS_TABLE(presence, PRESENCE_MAP)
WORDS_TABLE(entry_kind, ENTRY_KIND_MAP)
WORDS_TABLE(act_kind, ACT_KIND_MAP)
WORDS_TABLE(config_kind, CONFIG_KIND_MAP)
WORDS_TABLE(answer, ANSWER_MAP)

RECORD_MAP(RECORD_TABLE)

#define MSG_ROW(no, id, rec) [MSG_##id] = { #id, &rec##_record },
const struct msg_row msg_table[MSG_COUNT] = { MSG_MAP(MSG_ROW) };
