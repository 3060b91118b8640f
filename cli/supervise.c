/* A child is in one of three places: running (pid > 0), waiting to be started again (its timer armed), or done (stopping and no
   pid). The exit callback is the only place that moves it on. Back-off doubles from 100 ms to 5 s and falls back once a child
   has lived for 10 s. */
#include "cli/supervise.h"

#include "base/clock.h"
#include "base/log.h"
#include "base/loop.h"

#include <fcntl.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define BACKOFF_MIN_MS 100u
#define BACKOFF_MAX_MS 5000u
#define LIVED_MS       10000u
#define KILL_AFTER_MS  15000u
#define RANKS          3u

struct child {
    struct supervisor *s;
    struct child_spec spec;
    uv_process_t proc;
    atomic_int pid; /* 0: not running */
    struct timer again;
    uint64_t started_ms, backoff_ms;
};
struct supervisor {
    uv_loop_t *loop;
    struct child *v[CHILD_MAX];
    unsigned count, restarts, rank;
    bool stopping;
    struct timer kill;
    void (*done)(void *ctx);
    void *ctx;
    char **env;
    char parent[40];
};

static void child_start(struct child *c);
static void stop_rank(struct supervisor *s);

static void on_child_exit(uv_process_t *proc, int64_t status, int sig)
{
    struct child *c = proc->data;
    struct supervisor *s = c->s;
    uint64_t lived = clock_mono_ms() - c->started_ms;
    uv_close((uv_handle_t *)proc, NULL);
    atomic_store(&c->pid, 0);
    if (s->stopping) {
        log_info("child=%s stopped status=%d signal=%d", c->spec.name, (int)status, sig);
        stop_rank(s);
        return;
    }
    if (c->spec.again && !c->spec.again(c->spec.ctx, (int)status, sig)) return;
    if (lived >= LIVED_MS) c->backoff_ms = BACKOFF_MIN_MS;
    log_warn("child=%s died status=%d signal=%d lived_ms=%llu restart_in_ms=%llu", c->spec.name, (int)status, sig,
             (unsigned long long)lived, (unsigned long long)c->backoff_ms);
    timer_once(&c->again, c->backoff_ms);
    c->backoff_ms = c->backoff_ms * 2 > BACKOFF_MAX_MS ? BACKOFF_MAX_MS : c->backoff_ms * 2;
    s->restarts++;
}

static void on_again(struct timer *t) { child_start(t->ctx); }

static void child_start(struct child *c)
{
    int log = c->spec.log_path ? open(c->spec.log_path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600) : -1;
    int out = log >= 0 ? log : STDERR_FILENO;
    uv_stdio_container_t io[3] = { { .flags = UV_IGNORE },
                                   { .flags = UV_INHERIT_FD, .data.fd = out },
                                   { .flags = UV_INHERIT_FD, .data.fd = out } };
    uv_process_options_t o = { .exit_cb = on_child_exit,
                               .file = c->spec.argv[0],
                               .args = (char **)(uintptr_t)c->spec.argv,
                               .env = c->s->env,
                               .stdio = io,
                               .stdio_count = 3 };
    c->proc.data = c;
    c->started_ms = clock_mono_ms();
    int e = uv_spawn(c->s->loop, &c->proc, &o);
    if (log >= 0) close(log);
    if (e) {
        log_error("child=%s cannot start error=\"%s\": is %s installed?", c->spec.name, uv_strerror(e), c->spec.argv[0]);
        uv_close((uv_handle_t *)&c->proc, NULL);
        timer_once(&c->again, BACKOFF_MAX_MS);
        return;
    }
    atomic_store(&c->pid, c->proc.pid);
    log_info("child=%s started pid=%d", c->spec.name, c->proc.pid);
}

extern char **environ;

enum err supervisor_new(struct supervisor **out, uv_loop_t *loop)
{
    struct supervisor *s = calloc(1, sizeof *s);
    size_t n = 0;
    while (environ[n]) n++;
    if (!s || !(s->env = calloc(n + 2, sizeof *s->env))) return free(s), ERR_NOMEM;
    memcpy(s->env, environ, n * sizeof *environ);
    snprintf(s->parent, sizeof s->parent, "NARU_PARENT=%d", (int)getpid());
    s->env[n] = s->parent;
    s->loop = loop;
    *out = s;
    return ERR_OK;
}

enum err supervisor_start(struct supervisor *s, const struct child_spec *spec)
{
    if (s->count == CHILD_MAX) return ERR_FULL;
    struct child *c = calloc(1, sizeof *c);
    if (!c) return ERR_NOMEM;
    *c = (struct child){ .s = s, .spec = *spec, .backoff_ms = BACKOFF_MIN_MS };
    timer_init(&c->again, s->loop, on_again, c);
    s->v[s->count++] = c;
    child_start(c);
    return ERR_OK;
}

static void signal_rank(struct supervisor *s, unsigned rank, int sig)
{
    for (unsigned i = 0; i < s->count; i++) {
        int pid = atomic_load(&s->v[i]->pid);
        if (pid > 0 && s->v[i]->spec.stop_rank == rank) kill(pid, sig);
    }
}

static bool rank_runs(const struct supervisor *s, unsigned rank)
{
    for (unsigned i = 0; i < s->count; i++)
        if (s->v[i]->spec.stop_rank == rank && atomic_load(&s->v[i]->pid) > 0) return true;
    return false;
}

/* Goes to the first rank that still runs and tells it to stop, once a rank. */
static void stop_rank(struct supervisor *s)
{
    unsigned before = s->rank;
    while (s->rank < RANKS && !rank_runs(s, s->rank)) s->rank++;
    if (s->rank == RANKS) {
        timer_fini(&s->kill);
        for (unsigned i = 0; i < s->count; i++) timer_fini(&s->v[i]->again);
        s->done(s->ctx);
        return;
    }
    if (s->rank == before && timer_armed(&s->kill)) return;
    signal_rank(s, s->rank, SIGTERM);
    timer_once(&s->kill, KILL_AFTER_MS);
}

static void on_kill(struct timer *t)
{
    struct supervisor *s = t->ctx;
    log_warn("stop rank=%u takes too long: killing", s->rank);
    signal_rank(s, s->rank, SIGKILL);
}

void supervisor_stop(struct supervisor *s, void (*done)(void *), void *ctx)
{
    if (s->stopping) return;
    s->stopping = true;
    s->done = done, s->ctx = ctx;
    timer_init(&s->kill, s->loop, on_kill, s);
    for (unsigned i = 0; i < s->count; i++) timer_stop(&s->v[i]->again);
    stop_rank(s);
}

void supervisor_hup(struct supervisor *s)
{
    for (unsigned i = 0; i < s->count; i++) {
        int pid = atomic_load(&s->v[i]->pid);
        if (pid > 0 && s->v[i]->spec.takes_hup) kill(pid, SIGHUP);
    }
}

void supervisor_free(struct supervisor *s)
{
    if (!s) return;
    for (unsigned i = 0; i < s->count; i++) free(s->v[i]);
    free(s->env);
    free(s);
}

static uint64_t cpu_of(int pid)
{
    char path[64], line[1024];
    unsigned long user = 0, sys = 0;
    snprintf(path, sizeof path, "/proc/%d/stat", pid);
    FILE *f = fopen(path, "r");
    if (!f) return 0;
    char *end = fgets(line, sizeof line, f) ? strrchr(line, ')') : NULL; /* the name may hold anything */
    fclose(f);
    if (!end || sscanf(end + 1, " %*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %lu %lu", &user, &sys) != 2) return 0;
    return (uint64_t)(user + sys) * 1000000u / (uint64_t)sysconf(_SC_CLK_TCK);
}

uint64_t supervisor_cpu_us(struct supervisor *s)
{
    uint64_t sum = 0;
    for (unsigned i = 0; i < s->count; i++) {
        int pid = atomic_load(&s->v[i]->pid);
        if (pid > 0) sum += cpu_of(pid);
    }
    return sum;
}

unsigned supervisor_restarts(const struct supervisor *s) { return s->restarts; }
