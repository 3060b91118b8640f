/* Reading takes a thread of the pool, and a mail may take long; two at a time leave threads for files and names. A job is in
   `waiting` until it runs, then libuv has it, then its owner; whoever has it frees it.

   A kept mail is a file FOLDER/EVENT.eml. What is being received lies in FOLDER/new/ and has no other name: what a crash leaves
   there goes at the next start. Once an hour a thread looks through the folder and takes away what is too old, and the oldest of
   what is too much. A mail that is lost here costs nobody a ticket: the event has the words. */
#include "router/mailroom.h"

#include "base/clock.h"
#include "base/log.h"
#include "base/loop.h"
#include "base/metrics.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/queue.h>
#include <sys/stat.h>
#include <unistd.h>

#define RUNNING_MAX 2u
#define SWEEP_MS    3600000u
#define ARENA_MAX   (8u << 20)

struct work {
    struct mail_job job; /* first: a job is its work */
    uv_work_t uv;
    TAILQ_ENTRY(work) link;
    struct mailroom *room;
    mail_reader *read;
    struct str bytes;
    int fd;
    char arg[400];
    bool has_arg;
    mail_job_fn *fn;
    void *ctx;
};
struct sweep {
    uv_work_t uv;
    struct mailroom *room;
    uint64_t before, bytes; /* wall s; most in all */
    uint64_t files, total, gone;
};
struct mailroom {
    uv_loop_t *loop;
    TAILQ_HEAD(, work) waiting;
    uint32_t waits, running;
    uint64_t days, most, swept, serial;
    bool closed, sweeping;
    struct mail_threads *threads;
    char folder[4000];
};

struct mail_threads *mailroom_threads(struct mailroom *m) { return m->threads; }

/* ---- opening ---- */

static void clear_new(const struct mailroom *m)
{
    char path[4400];
    snprintf(path, sizeof path, "%s/new", m->folder);
    DIR *d = opendir(path);
    for (struct dirent *e; d && (e = readdir(d));) {
        if (e->d_name[0] == '.') continue;
        snprintf(path, sizeof path, "%s/new/%s", m->folder, e->d_name);
        (void)unlink(path);
    }
    if (d) closedir(d);
}

static enum err make_folder(const char *path)
{
    if (mkdir(path, 0700) == 0 || errno == EEXIST) return ERR_OK;
    log_error("the folder %s cannot be made: %s", path, strerror(errno));
    return ERR_IO;
}

enum err mailroom_open(struct mailroom **out, uv_loop_t *loop, const struct mailroom_cfg *cfg)
{
    char path[4400];
    struct mailroom *m = calloc(1, sizeof *m);
    if (!m) return ERR_NOMEM;
    TAILQ_INIT(&m->waiting);
    m->loop = loop;
    m->days = cfg->days;
    m->most = cfg->bytes;
    snprintf(m->folder, sizeof m->folder, "%s", cfg->folder);
    snprintf(path, sizeof path, "%s/new", m->folder);
    enum err err = mail_threads_new(&m->threads, LIM_MAIL_THREADS);
    if (!err) err = make_folder(m->folder);
    if (!err) err = make_folder(path);
    if (err) return mailroom_free(m), err;
    clear_new(m);
    mail_open();
    *out = m;
    return ERR_OK;
}

static void finish(struct work *w) { w->fn(w->ctx, &w->job); }

void mailroom_close(struct mailroom *m)
{
    if (!m || m->closed) return;
    m->closed = true;
    for (struct work *w; (w = TAILQ_FIRST(&m->waiting));) {
        TAILQ_REMOVE(&m->waiting, w, link);
        m->waits--;
        w->job.err = ERR_CLOSED;
        finish(w);
    }
}

void mailroom_free(struct mailroom *m)
{
    if (!m) return;
    mail_threads_free(m->threads);
    mail_close();
    free(m);
}

/* ---- reading ---- */

static enum err map_file(struct work *w)
{
    struct stat st;
    if (fdatasync(w->fd) || fstat(w->fd, &st)) return ERR_IO;
    w->bytes = STR_NONE;
    if (!st.st_size) return ERR_OK;
    void *p = mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_PRIVATE, w->fd, 0);
    if (p == MAP_FAILED) return ERR_NOMEM;
    w->bytes = (struct str){ p, (size_t)st.st_size };
    return ERR_OK;
}

static void on_work(uv_work_t *uv)
{
    struct work *w = uv->data;
    w->job.err = w->fd >= 0 ? map_file(w) : ERR_OK;
    if (!w->job.err) w->job.err = w->read(&w->job.mail, &w->job.arena, w->bytes, w->has_arg ? w->arg : NULL, w->job.why);
    if (w->fd >= 0 && w->bytes.n) munmap((void *)w->bytes.p, w->bytes.n);
}

static void on_done(uv_work_t *uv, int status);

static void run(struct mailroom *m)
{
    while (m->running < RUNNING_MAX && !TAILQ_EMPTY(&m->waiting)) {
        struct work *w = TAILQ_FIRST(&m->waiting);
        TAILQ_REMOVE(&m->waiting, w, link);
        m->waits--;
        w->uv.data = w;
        if (uv_queue_work(m->loop, &w->uv, on_work, on_done)) {
            w->job.err = ERR_NOMEM;
            finish(w);
            continue;
        }
        m->running++;
    }
}

static void on_done(uv_work_t *uv, int status)
{
    struct work *w = uv->data;
    struct mailroom *m = w->room;
    (void)status;
    m->running--;
    if (m->closed) w->job.err = ERR_CLOSED;
    finish(w);
    run(m);
}

enum err mail_job_start(struct mailroom *m, mail_reader *read, struct str bytes, int fd, const char *arg, mail_job_fn *fn,
                        void *ctx)
{
    if (m->closed) return ERR_CLOSED;
    if (m->waits >= LIM_MAIL_JOBS) return ERR_FULL;
    struct work *w = calloc(1, sizeof *w);
    if (!w) return ERR_NOMEM;
    w->room = m;
    w->read = read;
    w->bytes = bytes;
    w->fd = fd;
    w->fn = fn;
    w->ctx = ctx;
    w->has_arg = arg != NULL;
    if (arg) snprintf(w->arg, sizeof w->arg, "%s", arg);
    arena_init(&w->job.arena, ARENA_MAX);
    TAILQ_INSERT_TAIL(&m->waiting, w, link);
    m->waits++;
    run(m);
    return ERR_OK;
}

void mail_job_free(struct mail_job *job)
{
    arena_fini(&job->arena);
    free(job);
}

/* ---- keeping ---- */

enum err mailroom_spool(struct mailroom *m, int *fd, char path[4096])
{
    snprintf(path, 4096, "%s/new/%llu", m->folder, (unsigned long long)++m->serial);
    *fd = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (*fd >= 0) return ERR_OK;
    log_error("a mail cannot be received into %s: %s", path, strerror(errno));
    return errno == ENOSPC || errno == EDQUOT ? ERR_FULL : ERR_IO;
}

enum err mailroom_keep(struct mailroom *m, const char *path, const struct id *event)
{
    char to[4096], text[ID_TEXT + 1];
    snprintf(to, sizeof to, "%s/%s.eml", m->folder, id_text(event, text));
    if (link(path, to) == 0 || errno == EEXIST) return ERR_OK;
    log_error("event=%s its mail cannot be kept as %s: %s", text, to, strerror(errno));
    return errno == ENOSPC || errno == EDQUOT ? ERR_FULL : ERR_IO;
}

void mailroom_drop(struct mailroom *m, const struct id *event)
{
    char path[4096], text[ID_TEXT + 1];
    snprintf(path, sizeof path, "%s/%s.eml", m->folder, id_text(event, text));
    (void)unlink(path);
}

/* ---- forgetting ---- */

struct old_mail {
    uint64_t at, size;
    char name[64];
};

static int by_age(const void *a, const void *b)
{
    const struct old_mail *x = a, *y = b;
    return (x->at > y->at) - (x->at < y->at);
}

/* All kept mails, the oldest first; *count of them. The caller frees. */
static struct old_mail *list_mails(const char *folder, size_t *count)
{
    struct old_mail *all = NULL;
    size_t room = 0;
    DIR *d = opendir(folder);
    *count = 0;
    for (struct dirent *e; d && (e = readdir(d));) {
        struct stat st;
        const char *dot = strrchr(e->d_name, '.');
        if (!dot || strcmp(dot, ".eml") || strlen(e->d_name) >= sizeof all->name || fstatat(dirfd(d), e->d_name, &st, 0)) continue;
        if (*count == room) {
            struct old_mail *more = realloc(all, (room = room ? 2 * room : 256) * sizeof *all);
            if (!more) break;
            all = more;
        }
        struct old_mail *o = &all[(*count)++];
        o->at = (uint64_t)st.st_mtime;
        o->size = (uint64_t)st.st_size;
        memcpy(o->name, e->d_name, strlen(e->d_name) + 1);
    }
    if (d) closedir(d);
    if (*count) qsort(all, *count, sizeof *all, by_age);
    return all;
}

static void on_sweep(uv_work_t *uv)
{
    struct sweep *s = uv->data;
    size_t count;
    char path[4400];
    struct old_mail *all = list_mails(s->room->folder, &count);
    for (size_t i = 0; i < count; i++) s->total += all[i].size;
    s->files = count;
    for (size_t i = 0; i < count && (all[i].at < s->before || s->total > s->bytes); i++) {
        snprintf(path, sizeof path, "%s/%s", s->room->folder, all[i].name);
        if (unlink(path)) continue;
        s->total -= all[i].size;
        s->files--;
        s->gone++;
    }
    free(all);
}

static void on_swept(uv_work_t *uv, int status)
{
    struct sweep *s = uv->data;
    (void)status;
    s->room->sweeping = false;
    metric_set(MET_MAIL_BYTES, "", (double)s->total);
    if (s->gone)
        log_info("mails=%llu are kept bytes=%llu; %llu went", (unsigned long long)s->files, (unsigned long long)s->total,
                 (unsigned long long)s->gone);
    free(s);
}

void mailroom_tick(struct mailroom *m, uint64_t now)
{
    if (m->closed || m->sweeping || (m->swept && now - m->swept < SWEEP_MS)) return;
    struct sweep *s = calloc(1, sizeof *s);
    if (!s) return;
    m->swept = now;
    s->room = m;
    s->uv.data = s;
    s->before = clock_wall_ms() / 1000 - m->days * 86400;
    s->bytes = m->most;
    m->sweeping = uv_queue_work(m->loop, &s->uv, on_sweep, on_swept) == 0;
    if (!m->sweeping) free(s);
}
