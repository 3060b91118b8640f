/* The mails of a router: reading them off the loop, keeping them whole for some days, what is remembered between them. */
#ifndef NARU_ROUTER_MAILROOM_H
#define NARU_ROUTER_MAILROOM_H

#include "router/mail_ids.h"

#include <uv.h>

struct mailroom;
struct mailroom_cfg {
    const char *folder;   /* where mails are kept; made when it is not there */
    uint64_t days, bytes; /* how long, how much in all: the oldest go */
};
/* ERR_IO: the folder cannot be made. */
enum err mailroom_open(struct mailroom **out, uv_loop_t *loop, const struct mailroom_cfg *cfg);
/* What is being read is forgotten: its `fn` is told ERR_CLOSED, at once or when its thread is done. */
void mailroom_close(struct mailroom *m);              /* NULL, and a second time, is fine */
void mailroom_free(struct mailroom *m);               /* once the loop has ended; NULL is fine */
void mailroom_tick(struct mailroom *m, uint64_t now); /* once a second, mono ms */

struct mail_threads *mailroom_threads(struct mailroom *m);

/* ---- reading ---- */
/* Fills `mail` from bytes; any thread, pure. `arg` is what mail_job_start was given. */
typedef enum err mail_reader(struct mail *mail, struct arena *arena, struct str bytes, const char *arg, char why[200]);
struct mail_job {
    struct mail mail;
    struct arena arena; /* of the mail's texts, and the owner's until it is freed */
    enum err err;       /* ERR_TOOBIG, ERR_PROTO, ERR_NOMEM, ERR_IO, ERR_CLOSED; else the mail is there */
    char why[200];
};
typedef void mail_job_fn(void *ctx, struct mail_job *job); /* the job is the callee's: mail_job_free */
/* Reads `bytes` (to stay until `fn`), or with `fd` >= 0 the file, whose bytes are on the disk when `fn` is called; the file stays
   the caller's. `arg` may be NULL; copied. ERR_FULL beyond LIM_MAIL_JOBS. */
enum err mail_job_start(struct mailroom *m, mail_reader *read, struct str bytes, int fd, const char *arg, mail_job_fn *fn,
                        void *ctx);
void mail_job_free(struct mail_job *job);

/* ---- keeping ---- */
/* A new file to write a mail into; its name is not among the kept ones until mailroom_keep. ERR_IO, ERR_FULL (no room). */
enum err mailroom_spool(struct mailroom *m, int *fd, char path[4096]);
/* The spooled mail is (also) that of this event. ERR_IO. */
enum err mailroom_keep(struct mailroom *m, const char *path, const struct id *event);
void mailroom_drop(struct mailroom *m, const struct id *event); /* … and there is no such event after all */

#endif
