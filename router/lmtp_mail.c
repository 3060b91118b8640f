/* A mail that comes in by LMTP: its recipients, its spool file, its answers.

   While a mail comes in it has a spool file; when the mail is whole a job reads it (mailroom.h), then each account among its
   recipients gets its event, and when the journal has answered for all of them each recipient is answered.

   The spool file has two names at most: new/N, gone when the mail is done, and EVENT.eml, made before the journal is asked, so that
   a kept event has its mail. A server that hears nothing (we died) sends again: the event has the mail's Message-ID, and is one.

   An account that leaves the policy meanwhile stays good until the mail is done (door_ref). Whose an address is stands in a book
   that is made anew when a policy has changed; its texts are the policies'. */
#include "base/clock.h"
#include "base/log.h"
#include "base/metrics.h"
#include "router/lmtp_impl.h"
#include "router/router.h"

#include <errno.h>
#include <stdio.h>
#include <unistd.h>

/* ---- the mail of a connection ---- */

static void drop_file(struct conn *c)
{
    if (c->fd < 0) return;
    close(c->fd);
    (void)unlink(c->path);
    c->fd = -1;
}

void lmtp_mail_drop(struct conn *c)
{
    drop_file(c);
    for (uint32_t i = 0; i < c->part_count; i++) {
        if (c->parts[i].in.arena) channel_in_fini(&c->parts[i].in);
        c->parts[i].in.arena = NULL;
        door_unref(c->parts[i].door);
    }
    c->part_count = c->rcpt_count = 0;
    if (c->job) mail_job_free(c->job);
    c->job = NULL;
}

/* ---- what the talk asks for ---- */

/* The addresses of all policies, in their order: the first that names one has it. */
static void refresh_book(struct lmtp *l)
{
    const struct config_keep *k = &l->router->config;
    enum err e = ERR_OK;
    if (l->seen == k->policy_changes + 1) return;
    mail_book_fini(&l->book);
    mail_book_init(&l->book, LIM_MAIL_ADDRESSES);
    l->seen = k->policy_changes + 1;
    for (uint32_t i = 0; i < k->policy_count; i++) {
        const struct policy *p = k->policies[i]->policy;
        for (uint32_t a = 0; a < p->account_count && !e; a++) {
            const struct account *acc = &p->accounts[a];
            if (acc->provider == PROVIDER_LMTP) e = mail_book_add(&l->book, acc, acc->addresses.v, acc->addresses.count);
        }
    }
    if (e) log_error("lmtp: the mails of some accounts are refused: %s (at most %u addresses)", err_text(e), LIM_MAIL_ADDRESSES);
}

static enum lmtp_rcpt refuse_rcpt(enum lmtp_rcpt how, const char *cause)
{
    metric_add(MET_LMTP_REFUSED, cause, 1);
    return how;
}

static enum lmtp_rcpt on_rcpt(void *ctx, struct str address)
{
    struct conn *c = ctx;
    struct router *r = c->of->router;
    refresh_book(c->of);
    const struct account *a = mail_book_find(&c->of->book, address);
    struct door *d = a ? doors_find(r, str_of(a->name)) : NULL;
    uint32_t i = 0;
    if (!a) return refuse_rcpt(LMTP_RCPT_UNKNOWN, "address");
    if (!d || r->stopping || r->failed) return refuse_rcpt(LMTP_RCPT_LATER, "not_ready");
    if (!journal_healthy(r->journal)) return refuse_rcpt(LMTP_RCPT_DISK, "disk");
    while (i < c->part_count && c->parts[i].door != d) i++;
    if (i == c->part_count && !admit_would(r, str_of(a->name))) return refuse_rcpt(LMTP_RCPT_FAST, "rate"); /* before its bytes */
    if (i == ACCOUNTS) return refuse_rcpt(LMTP_RCPT_LATER, "accounts");
    if (i == c->part_count) {
        struct part *p = &c->parts[c->part_count++];
        memset(p, 0, sizeof *p);
        p->conn = c;
        p->door = door_ref(d);
        snprintf(p->to, sizeof p->to, "%.*s", STR_FMT(address));
    }
    c->rcpts[c->rcpt_count++] = (uint8_t)i;
    return LMTP_RCPT_OURS;
}

static enum lmtp_end end_of(enum err e)
{
    static const struct {
        enum err e;
        enum lmtp_end end;
    } rows[] = { { ERR_OK, LMTP_KEPT }, { ERR_TOOBIG, LMTP_MALFORMED }, { ERR_PROTO, LMTP_MALFORMED }, { ERR_FULL, LMTP_DISK },
                 { ERR_IO, LMTP_DISK }, { ERR_NOMEM, LMTP_BUSY },       { ERR_CLOSED, LMTP_JOURNAL } };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        if (rows[i].e == e) return rows[i].end;
    return LMTP_JOURNAL;
}

static enum lmtp_end on_begin(void *ctx, struct str from)
{
    struct conn *c = ctx;
    (void)from;
    drop_file(c);
    c->held_n = 0;
    return end_of(mailroom_spool(c->of->router->mails, &c->fd, c->path));
}

static enum lmtp_end write_all(struct conn *c, struct str bytes)
{
    while (bytes.n) {
        ssize_t n = write(c->fd, bytes.p, bytes.n);
        if (n < 0 && errno == EINTR) continue;
        if (n <= 0) return LMTP_DISK;
        bytes.p += n;
        bytes.n -= (size_t)n;
    }
    return LMTP_KEPT;
}

static enum lmtp_end write_held(struct conn *c)
{
    struct str held = { c->held, c->held_n };
    c->held_n = 0;
    return write_all(c, held);
}

static enum lmtp_end on_body(void *ctx, struct str bytes)
{
    struct conn *c = ctx;
    enum lmtp_end e = bytes.n > HELD_BYTES - c->held_n ? write_held(c) : LMTP_KEPT;
    if (e || bytes.n > HELD_BYTES) return e ? e : write_all(c, bytes);
    memcpy(c->held + c->held_n, bytes.p, bytes.n);
    c->held_n += bytes.n;
    return LMTP_KEPT;
}

/* ---- a whole mail ---- */

static void answer_all(struct conn *c)
{
    enum lmtp_end ends[LIM_MAIL_RCPT];
    for (uint32_t i = 0; i < c->rcpt_count; i++) {
        ends[i] = c->parts[c->rcpts[i]].end;
        metric_add(MET_LMTP_MAILS, lmtp_end_labels[ends[i]], 1);
    }
    metric_observe(MET_MAIL_TIME, "", (double)(clock_mono_us() - c->ended_us) / 1e6);
    if (c->closing) return; /* nobody hears it any more; what is kept is kept, and comes again as a duplicate */
    lmtp_talk_ends(&c->talk, ends);
    lmtp_conn_work(c);
}

/* Something that kept it busy is over; `c` may be gone then. */
static void part_done(struct conn *c)
{
    if (--c->busy) return;
    answer_all(c);
    if (c->closing) lmtp_conn_try_free(c);
}

/* What the journal did not take is no event, and its file would be nobody's. */
static enum lmtp_end refused_end(struct part *p, const struct intake_end *end)
{
    mailroom_drop(p->conn->of->router->mails, &p->in.events[0].id);
    if (end->status == 413) return LMTP_TOO_BIG;
    if (end->wait_ms) return LMTP_FAST;
    return str_is(str_of(end->problem), "journal-full") ? LMTP_DISK : LMTP_JOURNAL;
}

static void on_stored(void *ctx, const struct intake_end *end)
{
    struct part *p = ctx;
    const struct mail *m = &p->conn->job->mail;
    struct mail_threads *threads = mailroom_threads(p->conn->of->router->mails);
    if (end->status) p->end = refused_end(p, end);
    else mail_threads_put(threads, str_of(p->door->account->name), m->id, p->in.events[0].conversation);
    part_done(p->conn);
}

/* The event of one account, ready for the journal; there may be none. */
static enum err make_event(struct conn *c, struct part *p)
{
    struct router *r = c->of->router;
    p->delivery = (struct delivery){ .now = clock_wall_ms() };
    channel_in_init(&p->in, p->door, &p->delivery, &c->job->arena);
    p->in.router = r;
    p->in.events = arena_alloc(&c->job->arena, sizeof(struct event));
    if (!p->in.events) return ERR_NOMEM;
    enum err e = mail_event(&p->in, &c->job->mail, mailroom_threads(r->mails), str_of(p->to));
    if (!e) e = channel_complete(&p->in, r->number);
    if (!e && p->in.count) e = mailroom_keep(r->mails, c->path, &p->in.events[0].id);
    return e;
}

static void take_parts(struct conn *c)
{
    c->busy += 1 + c->part_count; /* first: the journal may answer at once */
    for (uint32_t i = 0; i < c->part_count; i++) {
        struct part *p = &c->parts[i];
        enum err e = make_event(c, p);
        p->end = end_of(e);
        if (!e && p->in.count) intake_events(c->of->router, c->ended_us, p->in.events, p->in.count, on_stored, p);
        else part_done(c);
    }
    part_done(c);
}

static void all_end(struct conn *c, enum lmtp_end end)
{
    for (uint32_t i = 0; i < c->part_count; i++) c->parts[i].end = end;
    c->busy++;
    part_done(c);
}

static void on_read_mail(void *ctx, struct mail_job *job)
{
    struct conn *c = ctx;
    c->job = job;
    c->busy--; /* the job's */
    if (!job->err) {
        take_parts(c);
        return;
    }
    if (job->err == ERR_TOOBIG || job->err == ERR_PROTO) log_info("a mail was refused: it cannot be read (%s)", err_text(job->err));
    all_end(c, end_of(job->err));
}

static enum err read_mail(struct mail *m, struct arena *arena, struct str bytes, const char *from, char why[200])
{
    (void)why;
    return mail_read(m, arena, bytes, from);
}

static void on_end(void *ctx, enum lmtp_end so_far)
{
    struct conn *c = ctx;
    c->whole = true;
    c->so_far = so_far ? so_far : write_held(c);
}

void lmtp_mail_take(struct conn *c)
{
    enum err e = ERR_OK;
    c->whole = false;
    c->ended_us = clock_mono_us();
    if (c->so_far) {
        all_end(c, c->so_far);
        return;
    }
    c->busy++;
    e = mail_job_start(c->of->router->mails, read_mail, STR_NONE, c->fd, c->talk.from, on_read_mail, c);
    if (!e) return;
    c->busy--;
    all_end(c, e == ERR_FULL ? LMTP_BUSY : end_of(e));
}

/* ---- the talk's owner ---- */

static void on_reset(void *ctx) { lmtp_mail_drop(ctx); }

struct lmtp_owner lmtp_mail_owner(struct conn *c) { return (struct lmtp_owner){ c, on_rcpt, on_begin, on_body, on_end, on_reset }; }
