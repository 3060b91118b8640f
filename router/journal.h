/* The journal: what a router has promised. An append-only log in SQLite (WAL, synchronous=FULL), one connection on its own
   thread, group commit: all rows that wait go into one transaction and their callbacks run after it, in order.

   A row is (number, kind, id, body): an event, the entry that took it together with its verdict, then the other change-log entries
   that matter to its home (accepted, ended …) or a configuration. Replaying the rows from the start through the same fold as live
   gives the router's memory. A settled event's rows are garbage: when enough of the oldest rows are, they are deleted as a range,
   and the few that are still live in it are appended again first (log-structured compaction), so the file stays as large as what
   lives.

   Identities (event id → ticket) outlive their rows by LIM_IDENTITY_DAYS in a table of their own, written when the event settles,
   and in a bounded hash in memory.

   A failed sync or write error other than a full disk is fatal: on_fatal is called once, nothing is acknowledged any more. A full
   disk (or quota) fails the batch with ERR_FULL; the journal goes on trying with the next. */
#ifndef NARU_ROUTER_JOURNAL_H
#define NARU_ROUTER_JOURNAL_H

#include "base/id.h"

#include <uv.h>

enum row_kind {
    ROW_EVENT = 1,
    ROW_VERDICT = 2,
    ROW_ENTRY = 3,
    ROW_CONFIG = 4,
    ROW_DEAD = 5,
    ROW_TAKEN = 6,
    ROW_MESSAGE = 7,     /* a reply on its way out, and … */
    ROW_MESSAGE_END = 8, /* … what is known of its sending */
    ROW_HOOK = 9,        /* a change to be told to webhooks, and … */
    ROW_HOOK_END = 10,   /* … to whom it was told, or who did not take it */
    ROW_CHAT = 11,       /* a line of a web chat, so that who comes back gets what they missed */
};
/* Is a row of this kind over once the event whose id it bears is settled? Others are their owners' to keep, also under an event's
   id: a customer's line of a web chat is shown for a day after its ticket has ended. */
bool row_ends_with_event(enum row_kind kind);

struct journal;
struct journal_cfg {
    const char *path;          /* …/journal.db; its folder exists */
    uint32_t linger_us;        /* how long a first row may wait for company, when much of it is likely; 0 = none */
    uint32_t pending_max;      /* rows waiting; default 200,000: beyond it ERR_FULL */
    uint64_t (*wall_ms)(void); /* NULL: clock_wall_ms */
    void *ctx;
    /* Called for every live row in order while opening: the body is valid during the call. */
    void (*on_row)(void *ctx, uint64_t number, enum row_kind kind, const struct id *id, struct str body);
    void (*on_fatal)(void *ctx, const char *why);
    /* Compaction asks: append row `number` again? Called on the loop's thread; true = live: the row is appended again under a new
       number by the journal itself, and `on_moved` tells it. */
    bool (*is_live)(void *ctx, uint64_t number, enum row_kind kind, const struct id *id);
    void (*on_moved)(void *ctx, uint64_t from, uint64_t to, const struct id *id);
};
/* ERR_OK: durable. ERR_FULL: disk full, not written. ERR_IO: fatal. ERR_CLOSED: closing. */
typedef void journal_fn(void *ctx, enum err e, uint64_t number);

/* Opens or creates, replays rows, loads identities. ERR_IO with a log line that says why (locked by another process, no space,
 * newer format). */
enum err journal_open(struct journal **out, uv_loop_t *loop, const struct journal_cfg *cfg);
/* The body is copied. `fn` may be NULL. Rows are numbered in the order of the calls; *number (may be NULL) is told at once.
 * ERR_FULL: too much waits, or the disk was full a moment ago. */
enum err journal_append(struct journal *j, enum row_kind kind, const struct id *id, struct str body, journal_fn *fn, void *ctx,
                        uint64_t *number);
/* The body of a row that is in the log, for who does not keep it: `fn` gets it once, in the order of all calls, valid during the
   call. ERR_NOTFOUND: there is no such row any more (it was moved: ask again under its new number). Costs the thread a look into a
   chunk of up to 128 KiB. ERR_FULL as with journal_append. */
typedef void journal_read_fn(void *ctx, enum err e, struct str body);
enum err journal_read(struct journal *j, uint64_t number, journal_read_fn *fn, void *ctx);
/* The event is settled: its identity is kept with `ticket` (none: no ticket) and `at`; its rows may go (is_live will say false).
 * `fn` after the commit; may be NULL. */
enum err journal_settle(struct journal *j, const struct id *event, const struct id *ticket, uint64_t at, journal_fn *fn, void *ctx);
/* Rows are being moved to the end, in their order: one that was written before another may stand behind it until all have been. */
bool journal_compacting(const struct journal *j);
/* A small value kept for good ("seen_seq:<workspace>"), last one wins, written with the next commit. journal_meta: what was stored
 * at open, or empty; borrowed for the journal's life. */
enum err journal_set_meta(struct journal *j, struct str key, struct str value);
struct str journal_meta(const struct journal *j, struct str key);
/* A settled identity: its ticket (none when there was none) and when. ERR_NOTFOUND. */
enum err journal_known(const struct journal *j, const struct id *event, struct id *ticket, uint64_t *at);
/* Hands over what waits; call at the end of a loop turn (the journal installs its own turn_end; this is for shutdown and tests). */
void journal_flush(struct journal *j);
bool journal_healthy(const struct journal *j); /* false after a fatal error or while the disk is full */
uint64_t journal_pending(const struct journal *j);
/* Commits what waits, checkpoints, closes, frees itself later in the loop; then calls `done`. */
void journal_close(struct journal *j, void (*done)(void *ctx), void *ctx);

#endif
