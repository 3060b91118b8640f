/* Hand-over between the loop and a database's thread. The lock is held for a few loads and stores only; a job belongs to the thread
   from db_thread_give until `done` is called with it, so its memory needs no lock. */
#include "router/journal_thread.h"

#include "base/panic.h"

#include <pthread.h>

#define IDLE_FIRST_MS 100u

static void give_back(struct db_thread *t, void *job)
{
    t->job = NULL;
    t->finished = job;
    uv_async_send(&t->back);
}

/* With the lock held; gives it up while it works or waits. Returns the new wait in ms, 0 = until woken. */
static unsigned turn(struct db_thread *t, unsigned wait_ms, unsigned *step)
{
    void *job = t->job;
    bool tell = false;
    if (job) {
        uv_mutex_unlock(&t->lock);
        t->work(t->ctx, job);
        uv_mutex_lock(&t->lock);
        give_back(t, job);
        *step = 0;
        wait_ms = IDLE_FIRST_MS;
        if (!t->after) return wait_ms;
        uv_mutex_unlock(&t->lock);
        t->after(t->ctx, &tell);
    } else if (!wait_ms) {
        uv_cond_wait(&t->wake, &t->lock);
        return 0;
    } else {
        if (uv_cond_timedwait(&t->wake, &t->lock, (uint64_t)wait_ms * 1000000u) != UV_ETIMEDOUT || t->job || t->quit)
            return wait_ms;
        uv_mutex_unlock(&t->lock);
        wait_ms = t->idle ? t->idle(t->ctx, (*step)++, &tell) : 0;
    }
    uv_mutex_lock(&t->lock);
    if (tell) {
        t->tell = true;
        uv_async_send(&t->back);
    }
    return wait_ms;
}

static void run(void *arg)
{
    struct db_thread *t = arg;
    unsigned wait_ms = 0, step = 0;
    pthread_setname_np(pthread_self(), t->name);
    uv_mutex_lock(&t->lock);
    while (t->job || !t->quit) wait_ms = turn(t, wait_ms, &step);
    uv_mutex_unlock(&t->lock);
    if (t->end) t->end(t->ctx);
    uv_mutex_lock(&t->lock);
    t->over = true;
    uv_async_send(&t->back);
    uv_mutex_unlock(&t->lock);
}

static void join(struct db_thread *t)
{
    t->joined = true;
    uv_thread_join(&t->thread);
    uv_cond_destroy(&t->wake);
    uv_mutex_destroy(&t->lock);
    uv_close((uv_handle_t *)&t->back, NULL);
    t->ended(t->ctx);
}

static void on_back(uv_async_t *h)
{
    struct db_thread *t = h->data;
    if (t->joined) return;
    uv_mutex_lock(&t->lock);
    void *job = t->finished;
    bool over = t->over, tell = t->tell;
    t->finished = NULL;
    t->tell = false;
    uv_mutex_unlock(&t->lock);
    if (job) t->busy = false;
    if (job) t->done(t->ctx, job);
    if (tell) t->done(t->ctx, NULL);
    if (over) join(t);
}

enum err db_thread_start(struct db_thread *t, uv_loop_t *loop)
{
    if (uv_mutex_init(&t->lock)) return ERR_NOMEM;
    if (uv_cond_init(&t->wake)) goto no_cond;
    if (uv_async_init(loop, &t->back, on_back)) goto no_async;
    t->back.data = t;
    if (uv_thread_create(&t->thread, run, t)) {
        uv_close((uv_handle_t *)&t->back, NULL);
        goto no_async;
    }
    return ERR_OK;
no_async:
    uv_cond_destroy(&t->wake);
no_cond:
    uv_mutex_destroy(&t->lock);
    return ERR_NOMEM;
}

void db_thread_give(struct db_thread *t, void *job)
{
    naru_assert(!t->busy && !t->joined);
    t->busy = true;
    uv_mutex_lock(&t->lock);
    t->job = job;
    uv_cond_signal(&t->wake);
    uv_mutex_unlock(&t->lock);
}

void db_thread_quit(struct db_thread *t)
{
    uv_mutex_lock(&t->lock);
    t->quit = true;
    uv_cond_signal(&t->wake);
    uv_mutex_unlock(&t->lock);
}
