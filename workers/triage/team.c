/* Threads take jobs by number until there are none. A job belongs to its thread from then until `finished` counts it; the caller's
   thread only waits, tells how far all is, and sets `stop`, which nets look at every thousand steps. */
#include "workers/triage/team.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#define THREADS_MOST 16
#define TELL_NS      100000000

struct team {
    struct team_job *jobs;
    uint32_t count, room;
    atomic_uint next;
    atomic_bool stop;
    pthread_mutex_t lock;
    pthread_cond_t changed;
    uint32_t finished; /* under lock, as is what follows */
    uint32_t running;
    double weight_done, weight_all;
};

enum err team_new(struct team **out)
{
    *out = calloc(1, sizeof **out);
    if (!*out) return ERR_NOMEM;
    pthread_mutex_init(&(*out)->lock, NULL);
    pthread_cond_init(&(*out)->changed, NULL);
    return ERR_OK;
}

void team_clear(struct team *t)
{
    for (uint32_t i = 0; i < t->count; i++) {
        struct team_job *j = &t->jobs[i];
        net_fini(&j->net);
        free(j->rows);
        free(j->held);
        free(j->scores);
        free(j->known);
    }
    t->count = 0;
}

void team_free(struct team *t)
{
    if (!t) return;
    team_clear(t);
    pthread_cond_destroy(&t->changed);
    pthread_mutex_destroy(&t->lock);
    free(t->jobs);
    free(t);
}

struct team_job *team_add(struct team *t)
{
    if (t->count == t->room) {
        uint32_t room = t->room ? t->room * 2 : 16;
        struct team_job *jobs = realloc(t->jobs, room * sizeof *jobs);
        if (!jobs) return NULL;
        t->jobs = jobs;
        t->room = room;
    }
    t->jobs[t->count] = (struct team_job){ 0 };
    return &t->jobs[t->count++];
}

uint32_t team_count(const struct team *t) { return t->count; }
struct team_job *team_job(struct team *t, uint32_t i) { return &t->jobs[i]; }

static bool is_stopped(void *ctx) { return atomic_load(&((struct team *)ctx)->stop); }

static enum err judge_held(struct team_job *j)
{
    struct step *room = net_step_new();
    j->scores = calloc((size_t)j->held_count * j->matrix->labels + 1, sizeof *j->scores);
    j->known = calloc(j->held_count + 1, 1);
    enum err e = room && j->scores && j->known ? ERR_OK : ERR_NOMEM;
    for (uint32_t i = 0; !e && i < j->held_count; i++)
        j->known[i] = net_score(&j->net, j->matrix, j->held[i], room, j->scores + (size_t)i * j->matrix->labels);
    free(room);
    return e;
}

static void do_job(struct team *t, struct team_job *j)
{
    j->err = net_learn(&j->net, j->matrix, j->rows, j->count, &j->cfg, is_stopped, t);
    if (!j->err && j->held_count) {
        j->err = judge_held(j);
        net_fini(&j->net);
    }
}

static void *work(void *ctx)
{
    struct team *t = ctx;
    for (uint32_t i; (i = atomic_fetch_add(&t->next, 1)) < t->count;) {
        do_job(t, &t->jobs[i]);
        pthread_mutex_lock(&t->lock);
        t->finished++;
        t->weight_done += (double)t->jobs[i].count * t->jobs[i].cfg.epochs;
        pthread_cond_signal(&t->changed);
        pthread_mutex_unlock(&t->lock);
    }
    pthread_mutex_lock(&t->lock);
    t->running--;
    pthread_cond_signal(&t->changed);
    pthread_mutex_unlock(&t->lock);
    return NULL;
}

static void wait_for_all(struct team *t, bool (*tell)(void *ctx, double done), void *ctx)
{
    pthread_mutex_lock(&t->lock);
    while (t->running) {
        struct timespec until;
        clock_gettime(CLOCK_REALTIME, &until);
        until.tv_nsec += TELL_NS;
        if (until.tv_nsec >= 1000000000) until.tv_sec++, until.tv_nsec -= 1000000000;
        pthread_cond_timedwait(&t->changed, &t->lock, &until);
        double done = t->weight_all > 0 ? t->weight_done / t->weight_all : 0;
        pthread_mutex_unlock(&t->lock);
        if (tell && !tell(ctx, done)) atomic_store(&t->stop, true);
        pthread_mutex_lock(&t->lock);
    }
    pthread_mutex_unlock(&t->lock);
}

enum err team_run(struct team *t, bool (*tell)(void *ctx, double done), void *ctx)
{
    pthread_t threads[THREADS_MOST];
    long cpus = sysconf(_SC_NPROCESSORS_ONLN);
    uint32_t want = cpus < 1 ? 1 : cpus > THREADS_MOST ? THREADS_MOST : (uint32_t)cpus, started = 0;
    enum err e = ERR_OK;
    if (want > t->count) want = t->count;
    atomic_store(&t->next, 0);
    atomic_store(&t->stop, false);
    t->finished = 0;
    t->weight_done = t->weight_all = 0;
    for (uint32_t i = 0; i < t->count; i++) t->weight_all += (double)t->jobs[i].count * t->jobs[i].cfg.epochs;
    t->running = want;
    for (; started < want; started++)
        if (pthread_create(&threads[started], NULL, work, t) != 0) break;
    pthread_mutex_lock(&t->lock);
    t->running -= want - started;
    pthread_mutex_unlock(&t->lock);
    wait_for_all(t, tell, ctx);
    for (uint32_t i = 0; i < started; i++) pthread_join(threads[i], NULL);
    if (started == 0 && t->count) return ERR_NOMEM;
    for (uint32_t i = 0; i < t->count; i++)
        if (t->jobs[i].err && !e) e = t->jobs[i].err;
    return !e && atomic_load(&t->stop) ? ERR_CLOSED : e;
}
