/* The demo runs as a script in a thread of its own, with blocking calls only: wait for readiness, start the two load clients,
   show the queues once a second, let the tail settle, stop the clients, look up every acknowledged event, say what became of it.
   The loop's thread only starts it, may ask it to end early, and hears when it is done. */
#include "cli/demo.h"

#include "base/clock.h"
#include "base/json.h"
#include "cli/api.h"
#include "cli/demo_texts.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <spawn.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#define READY_MS  30000u
#define SETTLE_MS 20000u
#define TEXTS     (sizeof demo_texts / sizeof *demo_texts)

struct account { /* what became of the acknowledged events and their tickets */
    uint64_t events, settled, live, no_ticket, dead, lost;
    uint64_t tickets, offered, accepted, resolved, twice;
};
struct demo {
    struct demo_cfg cfg;
    uv_thread_t thread;
    uv_async_t finished;
    atomic_bool interrupted;
    bool started;
    unsigned port;
    int status;
    struct api *api;
    char dir[PATH_MAX];
};

/* ---- small helpers ---- */

static struct json *get(struct demo *d, const char *path, unsigned *status)
{
    struct buf b;
    struct json *doc = NULL;
    size_t at;
    const char *why;
    buf_init(&b, 8u << 20);
    *status = 0;
    if (api_call(d->api, "GET", path, STR_NONE, 5000, &b, status) || json_parse(&doc, buf_str(&b), 64, &at, &why)) doc = NULL;
    buf_fini(&b);
    return doc;
}

static double num(const struct json *o, const char *key)
{
    const struct json *v = json_get(o, key);
    return v && json_type(v) == JSON_NUMBER ? json_num(v) : 0;
}

static void nap(unsigned ms) { usleep(ms * 1000u); }

static bool wait_ready(struct demo *d)
{
    uint64_t until = clock_mono_ms() + READY_MS;
    unsigned status = 0;
    while (clock_mono_ms() < until && !atomic_load(&d->interrupted)) {
        json_free(get(d, "/readyz", &status));
        if (status == 200) return true;
        nap(100);
    }
    fprintf(stderr, "demo: not ready after %u s; see the logs in %s/log\n", READY_MS / 1000, d->cfg.data);
    return false;
}

static pid_t start_client(struct demo *d, const char *name, const char *const *args)
{
    extern char **environ;
    char path[PATH_MAX + 32];
    const char *argv[32] = { d->cfg.self, name };
    unsigned n = 2;
    pid_t pid = -1;
    posix_spawn_file_actions_t io;
    for (; *args && n < 31; args++) argv[n++] = *args;
    posix_spawn_file_actions_init(&io);
    posix_spawn_file_actions_addopen(&io, 0, "/dev/null", O_RDONLY, 0);
    snprintf(path, sizeof path, "%s/%s.json", d->dir, name);
    posix_spawn_file_actions_addopen(&io, 1, path, O_WRONLY | O_CREAT | O_TRUNC, 0600);
    snprintf(path, sizeof path, "%s/%s.log", d->dir, name);
    posix_spawn_file_actions_addopen(&io, 2, path, O_WRONLY | O_CREAT | O_TRUNC, 0600);
    if (posix_spawn(&pid, d->cfg.self, &io, NULL, (char **)(uintptr_t)argv, environ)) pid = -1;
    posix_spawn_file_actions_destroy(&io);
    return pid;
}

/* The last line of a client's output is its summary. */
static struct json *client_summary(struct demo *d, const char *name)
{
    char path[PATH_MAX + 32], line[65536], last[65536] = "";
    struct json *doc = NULL;
    size_t at;
    const char *why;
    snprintf(path, sizeof path, "%s/%s.json", d->dir, name);
    FILE *f = fopen(path, "r");
    if (!f) return NULL;
    while (fgets(line, sizeof line, f))
        if (line[0] == '{') memcpy(last, line, sizeof last);
    fclose(f);
    if (json_parse(&doc, str_of(last), 16, &at, &why)) return NULL;
    return doc;
}

/* ---- the show ---- */

static void agent_names(struct demo *d, struct buf *out)
{
    unsigned status;
    struct json *doc = get(d, "/v1/agents", &status);
    for (const struct json *a = json_first(json_get(doc, "agents")); a; a = json_next(a)) {
        if (out->n) buf_addc(out, ',');
        buf_addstr(out, json_str(json_get(a, "agent")));
    }
    json_free(doc);
}

static bool write_texts(const char *path)
{
    FILE *f = fopen(path, "w");
    if (!f) return false;
    fputs("text\n", f);
    for (size_t i = 0; i < TEXTS; i++) fprintf(f, "%s\n", demo_texts[i]);
    return fclose(f) == 0;
}

static void show_doors(const struct demo *d)
{
    printf("demo: watch them at http://127.0.0.1:%u/ (sign in with the token in %s)\n", d->port, d->cfg.token_file);
    printf("demo: write to them yourself at http://127.0.0.1:%u/chat: an agent answers\n", d->port);
}

/* One line a queue; returns how many tickets are live in all. */
static uint64_t show_queues(struct demo *d, uint64_t second, bool print)
{
    unsigned status;
    uint64_t live = 0;
    struct json *doc = get(d, "/v1/queues", &status);
    if (!doc) return UINT64_MAX;
    if (print && d->cfg.json == false && isatty(STDOUT_FILENO)) printf("\033[H\033[2J");
    if (print)
        printf("%4llu s  %-14s %8s %10s %8s %9s\n", (unsigned long long)second, "queue", "waiting", "oldest ms", "offered",
               "assigned");
    for (const struct json *q = json_first(json_get(doc, "queues")); q; q = json_next(q)) {
        struct str name = json_str(json_get(q, "queue"));
        live += (uint64_t)(num(q, "waiting") + num(q, "offered") + num(q, "assigned"));
        if (print)
            printf("        %-14.*s %8.0f %10.0f %8.0f %9.0f\n", STR_FMT(name), num(q, "waiting"), num(q, "oldest_wait_ms"),
                   num(q, "offered"), num(q, "assigned"));
    }
    if (print && !d->cfg.json && isatty(STDOUT_FILENO)) show_doors(d); /* the screen was cleared */
    if (print) fflush(stdout);
    json_free(doc);
    return live;
}

static void watch(struct demo *d, pid_t sender)
{
    int status;
    for (uint64_t second = 1;; second++) {
        for (int i = 0; i < 10; i++) {
            if (waitpid(sender, &status, WNOHANG) == sender) return;
            if (atomic_load(&d->interrupted)) kill(sender, SIGINT);
            nap(100);
        }
        show_queues(d, second, true);
    }
}

static void settle(struct demo *d)
{
    uint64_t until = clock_mono_ms() + SETTLE_MS;
    while (clock_mono_ms() < until && show_queues(d, 0, false) != 0) nap(100);
}

static void stop_client(pid_t pid)
{
    int status;
    if (pid <= 0) return;
    kill(pid, SIGINT);
    for (int i = 0; i < 100; i++, nap(50))
        if (waitpid(pid, &status, WNOHANG) == pid) return;
    kill(pid, SIGKILL);
    waitpid(pid, &status, 0);
}

/* ---- the reckoning ---- */

/* Reads a ticket's life: was it offered, accepted, resolved; did a second agent get it while the first still had it? */
static void account_ticket(struct demo *d, struct str id, struct account *a)
{
    char path[128];
    unsigned status;
    struct str owner = STR_NONE;
    bool offered = false, accepted = false, resolved = false, twice = false;
    snprintf(path, sizeof path, "/v1/tickets/%.*s/explain", STR_FMT(id));
    struct json *doc = get(d, path, &status);
    for (const struct json *e = json_first(json_get(doc, "life")); e; e = json_next(e)) {
        struct str kind = json_str(json_get(e, "kind")), agent = json_str(json_get(e, "agent"));
        if (str_is(kind, "offered")) offered = true;
        if (str_is(kind, "returned")) owner = STR_NONE;
        if (str_is(kind, "ended")) resolved |= str_is(json_str(json_get(e, "state")), "resolved");
        if (!str_is(kind, "accepted")) continue;
        accepted = true;
        twice |= owner.n && !str_eq(owner, agent);
        owner = agent;
    }
    a->tickets++;
    a->offered += offered, a->accepted += accepted, a->resolved += resolved, a->twice += twice;
    json_free(doc);
}

static void account_event(struct demo *d, const char *id, struct account *a)
{
    char path[160];
    unsigned status;
    snprintf(path, sizeof path, "/v1/events/%s", id);
    struct json *doc = get(d, path, &status);
    struct str state = json_str(json_get(doc, "state")), ticket = json_str(json_get(doc, "ticket"));
    a->events++;
    if (str_is(state, "dead")) a->dead++;
    else if (str_is(state, "settled") && !ticket.n) a->no_ticket++;
    else if (str_is(state, "settled")) a->settled++;
    else if (str_is(state, "accepted") || str_is(state, "triaged") || str_is(state, "taken")) a->live++;
    else a->lost++;
    if (ticket.n) account_ticket(d, ticket, a);
    json_free(doc);
}

static void account_all(struct demo *d, struct account *a)
{
    char path[PATH_MAX + 32], line[128];
    snprintf(path, sizeof path, "%s/acked", d->dir);
    FILE *f = fopen(path, "r");
    for (; f && fgets(line, sizeof line, f);) {
        line[strcspn(line, "\r\n")] = '\0';
        if (*line) account_event(d, line, a);
    }
    if (f) fclose(f);
}

static void report(struct demo *d, const struct account *a, const struct json *sent, const struct json *crowd, double cpu)
{
    struct buf b;
    struct jw w = jw_on(&b);
    uint64_t twice = a->twice + (uint64_t)num(crowd, "double");
    const struct {
        const char *key;
        double v;
    } rows[] = {
        { "events", num(sent, "sent") },
        { "accepted_2xx", num(sent, "accepted_2xx") },
        { "tickets", (double)a->tickets },
        { "offered", (double)a->offered },
        { "accepted", (double)a->accepted },
        { "resolved", (double)a->resolved },
        { "live", (double)a->live },
        { "no_ticket", (double)a->no_ticket },
        { "dead", (double)a->dead },
        { "lost", (double)a->lost },
        { "double", (double)twice },
        { "ack_ms_p50", num(sent, "ack_ms_p50") },
        { "ack_ms_p99", num(sent, "ack_ms_p99") },
        { "offer_ms_p50", num(crowd, "offer_ms_p50") },
        { "offer_ms_p99", num(crowd, "offer_ms_p99") },
        { "cpu_us_per_event", cpu },
    };
    buf_init(&b, 65536);
    printf("\nwhat became of it\n");
    jw_open(&w, '{');
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        printf("  %-18s %12.*f\n", rows[i].key, rows[i].v == (double)(int64_t)rows[i].v ? 0 : 2, rows[i].v);
        jw_key(&w, rows[i].key);
        jw_f64(&w, rows[i].v);
    }
    jw_close(&w, '}');
    printf("  %s\n", a->lost || twice ? "NOT reconciled" : "reconciled: every acknowledged event is accounted for");
    if (d->cfg.json) printf("%.*s\n", STR_FMT(buf_str(&b)));
    fflush(stdout);
    d->status = a->lost || twice || a->events != (uint64_t)num(sent, "accepted_2xx") ? 1 : 0;
    buf_fini(&b);
}

static void play(struct demo *d)
{
    char url[64], texts[PATH_MAX + 32], ids[PATH_MAX + 32], rate[16], count[16];
    struct buf names;
    buf_init(&names, 65536);
    snprintf(url, sizeof url, "http://127.0.0.1:%u", d->port);
    snprintf(texts, sizeof texts, "%s/texts.tsv", d->dir);
    snprintf(ids, sizeof ids, "%s/acked", d->dir);
    snprintf(rate, sizeof rate, "%u", d->cfg.rate);
    snprintf(count, sizeof count, "%u", d->cfg.rate * d->cfg.seconds);
    char token[256];
    if (api_token_file(d->cfg.token_file, token) || api_open(&d->api, url, token) || !wait_ready(d) || !write_texts(texts))
        goto out;
    agent_names(d, &names);
    show_doors(d);
    const char *crowd_args[] = { "--names", buf_cstr(&names), "--url", url,      "--token-file", d->cfg.token_file, "--think",
                                 "300",     "--decline",      "0.05",  "--talk", "visitor-*",    "--json",          NULL };
    const char *send_args[] = { "--file",    texts, "--url",  url,  "--token-file", d->cfg.token_file,
                                "--account", "web", "--rate", rate, "--count",      count,
                                "--ids",     ids,   "--json", NULL };
    printf("demo: %s messages a second for %u s; agents: %s\n", rate, d->cfg.seconds, buf_cstr(&names));
    fflush(stdout);
    uint64_t cpu = supervisor_cpu_us(d->cfg.sup);
    pid_t crowd = start_client(d, "crowd", crowd_args), sender = start_client(d, "send", send_args);
    if (crowd < 0 || sender < 0) {
        fprintf(stderr, "demo: cannot start the clients: %s\n", strerror(errno));
        stop_client(crowd), stop_client(sender);
        goto out;
    }
    watch(d, sender);
    settle(d);
    cpu = supervisor_cpu_us(d->cfg.sup) - cpu;
    stop_client(crowd);
    struct json *sent = client_summary(d, "send"), *agents = client_summary(d, "crowd");
    struct account a = { 0 };
    account_all(d, &a);
    report(d, &a, sent, agents, num(sent, "sent") > 0 ? (double)cpu / num(sent, "sent") : 0);
    json_free(sent);
    json_free(agents);
out:
    buf_fini(&names);
}

/* ---- the loop's side ---- */

static void thread_main(void *arg)
{
    struct demo *d = arg;
    d->status = 1;
    play(d);
    uv_async_send(&d->finished);
}

static void on_finished(uv_async_t *h)
{
    struct demo *d = h->data;
    uv_thread_join(&d->thread);
    d->started = false;
    d->cfg.done(d->cfg.ctx, d->status);
}

enum err demo_open(struct demo **out, uv_loop_t *loop, const struct demo_cfg *cfg)
{
    struct demo *d = calloc(1, sizeof *d);
    if (!d) return ERR_NOMEM;
    d->cfg = *cfg;
    snprintf(d->dir, sizeof d->dir, "%s", cfg->data);
    uv_async_init(loop, &d->finished, on_finished);
    d->finished.data = d;
    *out = d;
    return ERR_OK;
}

void demo_start(struct demo *d, unsigned port)
{
    d->port = port;
    d->started = uv_thread_create(&d->thread, thread_main, d) == 0;
    if (!d->started) d->cfg.done(d->cfg.ctx, 1);
}

void demo_interrupt(struct demo *d)
{
    if (!d->started) d->cfg.done(d->cfg.ctx, 1);
    else atomic_store(&d->interrupted, true);
}

static void on_closed(uv_handle_t *h)
{
    struct demo *d = h->data;
    api_close(d->api);
    free(d);
}

void demo_close(struct demo *d) { uv_close((uv_handle_t *)&d->finished, on_closed); }
