/* The mailbox of a process: one bound PULL inbox, one PUSH outbox a peer, frames as in frame.h.

   Peers meet by HELLO: whoever knows an address dials it (mailbox_dial), the HELLO it sends names its own inbox, and the other
   side connects back. A HELLO goes to every peer every second and is the heartbeat. A peer is `up` from its first HELLO until it
   has been silent for MAILBOX_SILENT_MS, or comes back under a new incarnation (then down, then up again).

   Sending: mailbox_put appends one record to the peer's open frame; frames leave when full or at the end of the loop turn, one
   frame for all records of a type that are there. Credit: a peer takes `window` records beyond what it has consumed; past that
   mailbox_put gives ERR_FULL and on_credit is called when there is room again. HELLO and RESULT-sized control do not bypass
   credit: only HELLO itself does. Records are consumed when on_record returns.

   Nothing is stored for a peer that is away: whoever needs certainty keeps the record until it is answered.

   With CURVE an address that is dialled, or told to peers, ends in "?key=" and the public key of who listens there, 40 characters
   of Z85 as they are ("tcp://10.0.0.5:7001?key=rq:rM>}U?@Lns47E1%kR.o@n%FcmmsL/@{H8]yf7"); our own is added to `advertise` by
   itself. With CURVE nothing is ever sent to an address without a key, nor to a key that is not in the peers' file when a peer
   names it. What the files hold: curve.h. */
#ifndef NARU_PROTO_MAILBOX_H
#define NARU_PROTO_MAILBOX_H

#include "proto/frame.h"

#include <uv.h>

#define MAILBOX_HELLO_MS  1000u
#define MAILBOX_SILENT_MS 3000u

struct mailbox;
struct peer; /* lives until the mailbox is closed; a restarted process of the same name is the same peer */

struct mailbox_cfg {
    const char *name;      /* this process, unique in the installation: "router-1" */
    enum role role;
    const char *inbox;     /* where to bind: "ipc://…" or "tcp://addr:port" */
    const char *advertise; /* what peers are told to connect to; NULL: inbox */
    uint32_t window;       /* records each peer may have under way to us */
    uint32_t number;       /* a router's number, else 0 */
    const char *curve_secret_file; /* NULL: no CURVE. A file with our secret key (Z85); peers' public keys, one a line, in … */
    const char *curve_peers_file;  /* … this one: only they may connect (ZAP), and the first is not special */
    void *ctx;
    void (*on_up)(void *ctx, struct peer *p);
    void (*on_down)(void *ctx, struct peer *p);   /* silent, or restarted: what was under way to it may be lost */
    void (*on_credit)(void *ctx, struct peer *p); /* after an ERR_FULL: there is room again */
    /* One record of a type that this process takes; `obj` is the struct of the type's record, its texts valid during the call. */
    void (*on_record)(void *ctx, struct peer *p, enum msg type, const void *obj);
};

/* ERR_USAGE (bad address), ERR_IO (bind failed; logged), ERR_NOMEM. */
enum err mailbox_open(struct mailbox **out, uv_loop_t *loop, const struct mailbox_cfg *cfg);
/* Introduces this process at `endpoint`, again every second until a peer answers from there. */
enum err mailbox_dial(struct mailbox *m, const char *endpoint);
/* ERR_FULL: no credit or outbox stuck. ERR_CLOSED: the peer is down. ERR_TOOBIG: the record alone exceeds the message limit. */
enum err mailbox_put(struct mailbox *m, struct peer *p, enum msg type, const void *obj);
/* The same for a record already packed by record_pack (not checked again). */
enum err mailbox_put_packed(struct mailbox *m, struct peer *p, enum msg type, struct str packed);
void mailbox_flush(struct mailbox *m);
void mailbox_close(struct mailbox *m); /* flushes what can be; frees itself later in the loop */

/* What peers are told to connect to, with the port that was really bound and our key. */
const char *mailbox_inbox(const struct mailbox *m);

const char *peer_name(const struct peer *p);
enum role peer_role(const struct peer *p);
uint32_t peer_number(const struct peer *p);
bool peer_is_up(const struct peer *p);
uint32_t peer_credit(const struct peer *p);   /* records that may be put now */
void *peer_data(const struct peer *p);        /* the owner's own, NULL at first; stays over restarts of the peer */
void peer_set_data(struct peer *p, void *data);
/* for (struct peer *p = NULL; (p = mailbox_next(m, p)); ) … over all known peers */
struct peer *mailbox_next(const struct mailbox *m, struct peer *p);

#endif
