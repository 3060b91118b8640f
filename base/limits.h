/* Every cap of Naru in one place. A growing thing that is not here has its cap in the policy or in a command-line option. */
#ifndef NARU_BASE_LIMITS_H
#define NARU_BASE_LIMITS_H

#define LIM_HTTP_LINE        8192u
#define LIM_HTTP_HEADERS     16384u
#define LIM_HTTP_HEADER_N    100u
#define LIM_HTTP_BODY        262144u
#define LIM_HTTP_PIPELINE    256u        /* unanswered requests of one connection; reading pauses there */
#define LIM_HTTP_HEAD_MS     10000u      /* headers complete within */
#define LIM_HTTP_BODY_MS     30000u
#define LIM_HTTP_BODY_RATE   65536u      /* bytes a second that a larger body must come with */
#define LIM_HTTP_SPOOL       1073741824u /* bytes of bodies above LIM_HTTP_BODY, in files, at once */
#define LIM_HTTP_IDLE_MS     75000u
#define LIM_HTTP_ANSWER_MS   30000u      /* our own answer within, else 503 */
#define LIM_HTTP_CONNS       20000u
#define LIM_HTTP_CONNS_ADDR  50u         /* loopback and listed proxies excepted */
#define LIM_OUT_HIGH         1048576u    /* unwritten bytes of one connection: pause its source */
#define LIM_OUT_CAP          8388608u    /* … and close it */
#define LIM_OUT_CALLS        1024u       /* webhooks under way or waiting for a connection */
#define LIM_OUT_SOCKETS      256u
#define LIM_OUT_ANSWER       65536u      /* bytes of one answer */
#define LIM_BOT_TICKETS      4096u       /* of one bot by webhook, offered and held */
#define LIM_HOOKS            2000000u    /* changes that one router has still to tell webhooks; about 200 bytes each … */
#define LIM_HOOKS_EACH       1000000u    /* … and one webhook */
#define LIM_WEBHOOKS         32u         /* of one policy */
#define LIM_STREAMS          100u        /* readers of GET /v1/stream of one router */
#define LIM_STREAM_CHANGES   65536u      /* changes kept for those who connect again or read slowly … */
#define LIM_STREAM_BYTES     16777216u   /* … and their bytes, packed; both of all workspaces together */
#define LIM_STREAM_KEEP_MS   300000u     /* … and kept for so long after the last reader has gone */
#define LIM_STREAM_AHEAD     131072u     /* unwritten bytes of one reader: beyond it waits in the ring, and falls out of it */
#define LIM_CHATS            50000u      /* conversations of the web chat that one router remembers */
#define LIM_CHAT_LINES       200u        /* messages of one that are kept */
#define LIM_CHAT_BYTES       134217728u  /* of all their messages together: the longest untouched go first */
#define LIM_CHAT_HOURS       25u         /* after its last message a conversation is forgotten: tokens live 24 */
#define LIM_CHAT_CONNS       19000u      /* customers' sockets; some of LIM_HTTP_CONNS are left for others */
#define LIM_CHAT_TABS        8u          /* … of one conversation */
#define LIM_CHAT_TEXT        4000u       /* characters of a customer's message */
#define LIM_IDEM_KEYS        20000u      /* of Idempotency-Key, remembered by one router */
#define LIM_IDEM_BYTES       33554432u   /* … of their answers */
#define LIM_JSON_DEPTH       64u
#define LIM_BATCH_EVENTS     100u
#define LIM_WS_FRAME         65536u
#define LIM_WS_MESSAGE       262144u
#define LIM_ZMQ_MESSAGE      1048576u
#define LIM_FRAME_FLUSH      196608u     /* an outbox frame is sent when it is this big, or at the end of the loop turn */
#define LIM_MSGPACK_DEPTH    16u
#define LIM_MSGPACK_NODES    200000u     /* per frame; 10,000 per record */
#define LIM_RECORD_NODES     10000u
#define LIM_LIST_ITEMS       256u        /* items of one list in a record */
#define LIM_PEERS            256u
#define LIM_YAML_BYTES       1000000u    /* with its envelope it fits into one message */
#define LIM_ACT_BODY         1004096u    /* … as a packed record */
#define LIM_YAML_NODES       400000u     /* texts, lists and mappings of a file */
#define LIM_YAML_DEPTH       32u
#define LIM_ICS_BYTES        1048576u    /* of an .ics file that a policy file names */
#define LIM_ICS_DEPTH        8u          /* components within each other there */
#define LIM_ICS_RULES        256u        /* recurrence rules there */
#define LIM_ICS_STEPS        20000u      /* occurrences looked at of one rule */
#define LIM_CLOSED_FILES     64u         /* that a policy file names */
#define LIM_CLOSED_DATES     2000u       /* of one calendar; of one .ics file */
#define LIM_RULES            10000u      /* of a policy */
#define LIM_RULE_WORDS       2000u       /* of one condition */
#define LIM_RULE_CONDS       64u         /* of one rule, inner ones counted */
#define LIM_RULE_DEPTH       6u          /* of all, any, not within each other */
#define LIM_PATTERNS         20000u      /* words of all text conditions of a policy */
#define LIM_EXPRESSIONS      2000u       /* of all match conditions: each takes 1 to 20 ms to compile, off the loop */
#define LIM_POLICY_ERRORS    100u
#define LIM_TEXT             262144u     /* an event's text */
#define LIM_SCORE_TEXT       65536u      /* … as a scorer is shown it */
#define LIM_TICKET_MESSAGES  20u
#define LIM_TICKET_BYTES     16384u      /* of those messages together */
#define LIM_TICKET_EVENTS    64u         /* event ids a ticket remembers for duplicates */
#define LIM_TICKETS          1000000u    /* live, of one workspace */
#define LIM_AGENTS           20000u
#define LIM_EVENTS_LIVE      2000000u    /* unsettled in one router */
#define LIM_IDENTITIES       5000000u
#define LIM_CUSTOMERS        750000u     /* whose contacts of seven days one router counts; 50 MB of them */
#define LIM_CUSTOMERS_BODY   8388608u    /* of POST /v1/customers: 1,000 of them */
#define LIM_PEOPLE           1000000u    /* customers whose identities are linked, those forgotten counted; one router */
#define LIM_LINKS            2000000u    /* … and their identities */
#define LIM_PEOPLE_BYTES     1073741824u /* … and their memory: 335 bytes of a customer of two identities, tables included */
#define LIM_IDENTITY_DAYS    8u
#define LIM_ACTS             65536u      /* questions to the leader under way */
#define LIM_KNOWN_CUSTOMERS  200000u     /* whose last agent and tickets one workspace remembers; about 400 bytes each */
#define LIM_MESSAGES         65536u      /* to customers, kept in one router: under way, of live tickets, and those that a person must look at */
#define LIM_MESSAGE_BYTES    268435456u  /* … of all of them */
#define LIM_REPLY_DETAIL     60000u      /* bytes of a reply with its text escaped, in an entry */
#define LIM_AGENT_EARLY      8u          /* acts of an agent's socket that wait for its welcome … */
#define LIM_AGENT_BYTES      16384u      /* … and their bytes; more are refused */
#define LIM_LIFE             64u         /* change-log entries kept with a ticket */

#define LIM_MAIL_BYTES       26214400u   /* of one mail; streamed to a file, never in memory */
#define LIM_MAIL_LINE        4096u       /* of an LMTP command */
#define LIM_MAIL_RCPT        100u        /* recipients of one mail */
#define LIM_MAIL_COMMANDS    1000u       /* of one LMTP connection, without those that carry a mail */
#define LIM_MAIL_CONNS       256u        /* LMTP connections */
#define LIM_MAIL_JOBS        64u         /* mails that wait to be read; more are asked to come again */
#define LIM_MAIL_ADDRESSES   200000u     /* addresses that accounts of LMTP have together */
#define LIM_MAIL_HEAD        262144u     /* bytes of the head of a mail, or of a part of one */
#define LIM_MAIL_COLONS      1000u       /* of one field of a head: groups within groups; more: it is refused */
#define LIM_MAIL_PARTS       1000u       /* parts of a mail; more: it is refused */
#define LIM_MAIL_DEPTH       32u         /* parts within parts that are looked into */
#define LIM_MAIL_NESTED      100u        /* mails within mails, as they are counted before reading; more: refused */
#define LIM_MAIL_FILES       20u         /* attachments told with an event */
#define LIM_MAIL_HTML        2097152u    /* bytes of HTML that are read for words */
#define LIM_MAIL_REFS        100u        /* Message-IDs of References that are looked at */
#define LIM_MAIL_THREADS     200000u     /* Message-IDs whose conversation is remembered */

#endif
