/* What the tables of rows share: bounds, and the mappings that one table takes from another. */
#ifndef NARU_CONFIG_ROWS_H
#define NARU_CONFIG_ROWS_H

#include "base/limits.h"
#include "config/draft.h"

#define AT(type, member) offsetof(struct type, member)
#define SECOND           1e3
#define MINUTE           60e3
#define HOUR             3600e3
#define DAY              86400e3
#define MONTH            2592000e3
#define BIT(id)          (1u << (id))

extern const enum ref_to to_queue, to_hours, to_channel, to_account, to_text;
extern const struct wordset urgencies;
extern const struct mapping triage_mapping, queue_mapping, capacity_mapping, presence_mapping, simulate_mapping, webhook_mapping,
    voice_mapping, inbound_sign_mapping, inbound_challenge_mapping, inbound_rule_mapping, inbound_send_mapping;
/* What an account's webhook must have, or may not. */
void inbound_check(struct bind *b, const struct ynode *n, const struct account *a);
/* Is it what a phone is called: sip:…, client:… or + and digits? Says so when it is not. */
void bind_phone(struct bind *b, const struct ynode *n);

#endif
