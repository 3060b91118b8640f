/* A mail becomes an event. Pure but for counting. */
#ifndef NARU_ROUTER_MAIL_EVENT_H
#define NARU_ROUTER_MAIL_EVENT_H

#include "router/mail_ids.h"

/* The event of a mail that came in by c->door (channel_event), or none: one of our own that came back, a report or an answering
   machine about nothing known here are skipped and counted. `to`: the address that it was sent to, may be empty. `threads` may be
   NULL. Texts of `m` must live until the answer. ERR_PROTO after a refusal that channel_event told. */
enum err mail_event(struct channel_in *c, const struct mail *m, const struct mail_threads *threads, struct str to);

/* Attachments as attributes: event.attachments, how many (`more`: beside those told); event.attachments.1.name, .type, .size,
   .sha256 of each. Nothing without any. */
void mail_event_files(struct channel_in *c, struct event *e, const struct mail_file *files, uint32_t count, uint32_t more);

/* What a reply must know of the mail it answers, as channel_reply_with keeps it: lines of "m Message-ID", "s subject", "t address",
   "a why it is a machine's", "r References". Written by mail_event, read by the sender. */
#define REPLY_WITH_MAX 1024u
struct mail_answer { /* any may be empty */
    struct str id, to, subject, automatic;
    struct str references; /* without brackets, blanks between */
};
void mail_answer_read(struct str with, struct mail_answer *out);

#endif
