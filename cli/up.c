/* naru up: a whole Naru on one machine.

   Everything it makes lies in the data folder: redis/ (its AOF), journal.db and history.db (the router's), tokens (hashes) and
   operator.token (the first one, readable by its user only), run/ (unix sockets, the port file), log/ (one file a process). A lock
   on the folder keeps a second `naru up` out. The processes find each other through run/; whichever dies is started again. */
#include "base/clock.h"
#include "base/log.h"
#include "base/loop.h"
#include "base/opt.h"
#include "base/rng.h"
#include "cli/cli.h"
#include "cli/data_dir.h"
#include "cli/demo.h"
#include "cli/supervise.h"
#include "router/token.h"
#include "workers/triage/models.h"

#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <limits.h>
#include <netdb.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#define SOCKET_PATH_MAX 90 /* of the 107 that a unix socket's path may have, leaving room for a name */
#define ARG_BYTES       4096
#define POLICIES_MAX    100u /* their options and some more are a child's arguments: CHILD_ARGS */

struct up_opts {
    struct opt_list policy;
    const char *data, *listen, *redis, *lmtp;
    uint64_t triage, seconds, rate;
    bool demo, json, verbose;
};
static const struct opt rows[] = {
    { "policy", OPT_LIST, offsetof(struct up_opts, policy), NULL, 0, 0, "FILE", "a workspace's policy" },
    { "data", OPT_STR, offsetof(struct up_opts, data), NULL, 0, 0, "DIR",
      "data folder (default $NARU_DATA or ~/.local/share/naru)" },
    { "listen", OPT_STR, offsetof(struct up_opts, listen), "127.0.0.1:8080", 0, 0, "ADDR",
      "where HTTP listens; port 0 takes any free one" },
    { "lmtp", OPT_STR, offsetof(struct up_opts, lmtp), NULL, 0, 0, "ADDR",
      "where mails are taken: HOST:PORT or the path of a unix socket" },
    { "redis", OPT_STR, offsetof(struct up_opts, redis), NULL, 0, 0, "URL", "use this Redis 7 instead of starting one" },
    { "triage", OPT_U64, offsetof(struct up_opts, triage), "0", 0, 64, "N", "triage workers; 0: one a core" },
    { "verbose", OPT_FLAG, offsetof(struct up_opts, verbose), NULL, 0, 0, NULL, "processes log here instead of into DIR/log" },
    { "demo", OPT_FLAG, offsetof(struct up_opts, demo), NULL, 0, 0, NULL,
      "simulated customers and agents in a folder of its own, then a summary" },
    { "seconds", OPT_U64, offsetof(struct up_opts, seconds), "60", 5, 3600, "N", "how long the demo's customers write" },
    { "rate", OPT_U64, offsetof(struct up_opts, rate), "60", 1, 5000, "R", "the demo's messages a second" },
    { "json", OPT_FLAG, offsetof(struct up_opts, json), NULL, 0, 0, NULL,
      "the demo's summary as one JSON object on the last line" },
    { NULL, OPT_STR, 0, NULL, 0, 0, NULL, NULL },
};

struct up {
    struct up_opts o;
    uv_loop_t loop;
    struct signals signals;
    struct supervisor *sup;
    struct demo *demo;
    struct timer banner;
    char data[PATH_MAX], run[PATH_MAX], self[PATH_MAX], redis_url[PATH_MAX + 16];
    char token_file[PATH_MAX + 32], port_file[PATH_MAX + 32];
    bool own_run, listened;
    const char *router_log; /* borrowed from `texts` */
    long router_log_at;     /* where it ended when we started */
    int lock, status;
    char *texts[1024]; /* built arguments, freed at the end */
    unsigned text_count;
    const char *models[MODELS_DIRS]; /* where the policies lie, each folder once; borrowed from `texts` */
    unsigned model_count;
};

/* An argument made for a child; lives as long as the supervisor. */
__attribute__((format(printf, 2, 3))) static const char *text(struct up *u, const char *fmt, ...)
{
    char *p = malloc(ARG_BYTES);
    va_list ap;
    if (!p || u->text_count == sizeof u->texts / sizeof *u->texts) {
        fprintf(stderr, "naru up: out of memory\n");
        exit(1);
    }
    va_start(ap, fmt);
    vsnprintf(p, ARG_BYTES, fmt, ap);
    va_end(ap);
    return u->texts[u->text_count++] = p;
}

static int remove_one(const char *path, const struct stat *st, int flag, struct FTW *ftw)
{
    (void)st, (void)flag, (void)ftw;
    return remove(path);
}
static void remove_tree(const char *path) { nftw(path, remove_one, 16, FTW_DEPTH | FTW_PHYS); }

/* Unix socket paths are short: a deep data folder gets its run/ in /tmp. */
static enum err prepare_folders(struct up *u)
{
    char sub[PATH_MAX + 32];
    if (u->o.demo && !u->o.data) {
        snprintf(u->data, sizeof u->data, "/tmp/naru-demo-XXXXXX");
        if (!mkdtemp(u->data)) return ERR_IO;
    } else {
        snprintf(sub, sizeof sub, "%s", data_dir(u->o.data));
        if (data_dir_make(sub)) return ERR_IO;
        if (!realpath(sub, u->data)) return ERR_IO;
    }
    if (strlen(u->data) + 4 <= SOCKET_PATH_MAX) {
        snprintf(u->run, sizeof u->run, "%.*s/run", (int)sizeof u->run - 5, u->data);
    } else {
        snprintf(u->run, sizeof u->run, "/tmp/naru-run-XXXXXX");
        if (!mkdtemp(u->run)) return ERR_IO;
        u->own_run = true;
    }
    static const char *const subs[] = { "redis", "log" };
    for (size_t i = 0; i < sizeof subs / sizeof *subs; i++) {
        snprintf(sub, sizeof sub, "%s/%s", u->data, subs[i]);
        if (data_dir_make(sub)) return ERR_IO;
    }
    return data_dir_make(u->run) ? ERR_IO : ERR_OK;
}

static enum err take_lock(struct up *u)
{
    char path[PATH_MAX + 32];
    snprintf(path, sizeof path, "%s/up.lock", u->data);
    u->lock = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (u->lock < 0) return ERR_IO;
    return flock(u->lock, LOCK_EX | LOCK_NB) ? ERR_EXISTS : ERR_OK;
}

static enum err first_token(struct up *u)
{
    char path[PATH_MAX + 32], token[64];
    snprintf(u->token_file, sizeof u->token_file, "%s/operator.token", u->data);
    snprintf(path, sizeof path, "%s/tokens", u->data);
    if (access(u->token_file, R_OK) == 0) return ERR_OK;
    struct token what = { .role = TOKEN_OPERATOR, .workspace = "*", .subject = "operator" };
    enum err e = token_create(path, &what, STR("first"), clock_wall_ms(), token);
    if (e) return e;
    int fd = open(u->token_file, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (fd < 0) return ERR_IO;
    bool good = dprintf(fd, "%s\n", token) > 0;
    return close(fd) == 0 && good ? ERR_OK : ERR_IO;
}

/* The sample policy signs its web chat with $NARU_CHAT_SECRET. Who has set none gets one that stays with the data folder, so that
   visitors of before are known after a restart. */
static enum err chat_secret(struct up *u)
{
    char path[PATH_MAX + 32], hex[65] = "";
    unsigned char raw[32];
    size_t n;
    if (getenv("NARU_CHAT_SECRET")) return ERR_OK;
    snprintf(path, sizeof path, "%s/chat.secret", u->data);
    int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (fd < 0) return ERR_IO;
    bool good = read(fd, hex, 64) == 64;
    if (!good) {
        rng_secret(raw, sizeof raw);
        for (n = 0; n < sizeof raw; n++) snprintf(hex + 2 * n, 3, "%02x", raw[n]);
        good = pwrite(fd, hex, 64, 0) == 64;
    }
    good = close(fd) == 0 && good && setenv("NARU_CHAT_SECRET", hex, 1) == 0;
    return good ? ERR_OK : ERR_IO;
}

static const char *log_of(struct up *u, const char *name) { return u->o.verbose ? NULL : text(u, "%s/log/%s.log", u->data, name); }

static void start_redis(struct up *u)
{
    if (u->o.redis) {
        snprintf(u->redis_url, sizeof u->redis_url, "%s", u->o.redis);
        return;
    }
    const char *sock = text(u, "%s/redis.sock", u->run);
    snprintf(u->redis_url, sizeof u->redis_url, "unix://%s", sock);
    /* Holds must never be evicted; a ticket's hash stays one compact block up to 4 KiB a field. */
    struct child_spec spec = { .name = "redis",
                               .argv = { "setpriv",
                                         "--pdeathsig",
                                         "TERM",
                                         "redis-server",
                                         "--port",
                                         "0",
                                         "--unixsocket",
                                         sock,
                                         "--unixsocketperm",
                                         "700",
                                         "--dir",
                                         text(u, "%s/redis", u->data),
                                         "--appendonly",
                                         "yes",
                                         "--appendfsync",
                                         "everysec",
                                         "--save",
                                         "",
                                         "--maxmemory-policy",
                                         "noeviction",
                                         "--hash-max-listpack-entries",
                                         "64",
                                         "--hash-max-listpack-value",
                                         "4096",
                                         "--daemonize",
                                         "no",
                                         NULL },
                               .stop_rank = 2,
                               .log_path = log_of(u, "redis") };
    supervisor_start(u->sup, &spec);
}

static const char *inbox(struct up *u, const char *name) { return text(u, "ipc://%s/%s.inbox", u->run, name); }

static unsigned read_port(const struct up *u)
{
    unsigned port = 0;
    FILE *f = fopen(u->port_file, "r");
    if (!f) return 0;
    if (fscanf(f, "%u", &port) != 1) port = 0;
    fclose(f);
    return port;
}

static void on_stopped(void *ctx);

/* What the router wrote since we started it: why it cannot start. */
static void tell_router_log(const struct up *u)
{
    char text[4096];
    FILE *f = u->o.verbose ? NULL : fopen(u->router_log, "r");
    if (!f) return;
    if (!fseek(f, u->router_log_at, SEEK_SET))
        while (fgets(text, sizeof text, f))
            if (strstr(text, " error ") || strstr(text, ": error: ")) fputs(text, stderr);
    fclose(f);
}

/* A router that gives up before it ever listened will give up again: its options, files or port are at fault. */
static bool on_router_end(void *ctx, int status, int sig)
{
    struct up *u = ctx;
    if (u->listened || sig || !status || read_port(u)) return true;
    tell_router_log(u);
    fprintf(stderr, "naru up: the router cannot start%s%s\n", u->o.verbose ? "" : "; its log is ",
            u->o.verbose ? "" : u->router_log);
    u->status = 1;
    supervisor_stop(u->sup, on_stopped, u);
    return false;
}

static void start_router(struct up *u)
{
    struct stat log;
    struct child_spec spec = { .name = "router-1",
                               .argv = { u->self, "router", "--name", "router-1", "--number", "1", "--listen", u->o.listen,
                                         "--data", u->data, "--inbox", inbox(u, "router-1"), "--port-file", u->port_file },
                               .stop_rank = 0,
                               .log_path = log_of(u, "router-1"),
                               .takes_hup = true,
                               .again = on_router_end,
                               .ctx = u };
    unsigned n = 14;
    if (u->o.lmtp) {
        spec.argv[n++] = "--lmtp";
        spec.argv[n++] = u->o.lmtp;
    }
    for (size_t i = 0; i < u->o.policy.count; i++) {
        spec.argv[n++] = "--policy";
        spec.argv[n++] = u->o.policy.v[i];
    }
    u->router_log = spec.log_path;
    if (spec.log_path && !stat(spec.log_path, &log)) u->router_log_at = (long)log.st_size;
    supervisor_start(u->sup, &spec);
}

/* Models are looked for beside their policies. ERR_FULL: those lie in too many folders. */
static enum err find_models(struct up *u)
{
    for (size_t i = 0; i < u->o.policy.count; i++) {
        const char *path = u->o.policy.v[i], *slash = strrchr(path, '/');
        const char *folder = slash ? text(u, "%.*s", (int)(slash - path + (slash == path)), path) : ".";
        unsigned at = 0;
        while (at < u->model_count && strcmp(u->models[at], folder) != 0) at++;
        if (at == MODELS_DIRS) return ERR_FULL;
        u->models[at] = folder;
        if (at == u->model_count) u->model_count++;
    }
    return ERR_OK;
}

static void add_models(struct up *u, struct child_spec *spec)
{
    size_t n = 8;
    spec->argv[n++] = "--model-copies";
    spec->argv[n++] = text(u, "%s/models", u->data);
    for (unsigned i = 0; i < u->model_count; i++) {
        spec->argv[n++] = "--models";
        spec->argv[n++] = u->models[i];
    }
}

static void start_worker(struct up *u, const char *command, const char *name)
{
    struct child_spec spec = { .name = name,
                               .argv = { u->self, command, "--name", name, "--inbox", inbox(u, name), "--router",
                                         inbox(u, "router-1") },
                               .stop_rank = 1,
                               .log_path = log_of(u, name) };
    if (!strcmp(command, "assign")) spec.argv[8] = "--redis", spec.argv[9] = u->redis_url;
    else add_models(u, &spec);
    supervisor_start(u->sup, &spec);
}

/* "host:0" → "host:<a free port>", chosen once: a restarted router must come back where its clients look for it. */
static enum err fix_port(struct up *u)
{
    struct addrinfo hints = { .ai_family = AF_UNSPEC, .ai_socktype = SOCK_STREAM, .ai_flags = AI_NUMERICHOST }, *found = NULL;
    struct sockaddr_storage at;
    socklen_t n = sizeof at;
    char host[256], port[16];
    size_t len = strlen(u->o.listen);
    if (len < 3 || len >= sizeof host || strcmp(u->o.listen + len - 2, ":0") != 0) return ERR_OK;
    bool bracketed = u->o.listen[0] == '[';
    snprintf(host, sizeof host, "%.*s", (int)(len - 2 - 2 * bracketed), u->o.listen + bracketed);
    enum err e = ERR_USAGE;
    int fd = -1;
    if (getaddrinfo(host, "0", &hints, &found)) goto out;
    fd = socket(found->ai_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
    e = ERR_IO;
    if (fd < 0 || bind(fd, found->ai_addr, found->ai_addrlen) || getsockname(fd, (struct sockaddr *)&at, &n)) goto out;
    if (getnameinfo((struct sockaddr *)&at, n, NULL, 0, port, sizeof port, NI_NUMERICSERV)) goto out;
    u->o.listen = text(u, "%.*s%s", (int)len - 1, u->o.listen, port);
    e = ERR_OK;
out:
    if (fd >= 0) close(fd);
    if (found) freeaddrinfo(found);
    return e;
}

/* Says where, once the router has its port. */
static void on_banner(struct timer *t)
{
    struct up *u = t->ctx;
    unsigned port = read_port(u);
    if (!port) return;
    u->listened = true;
    timer_stop(t);
    if (u->o.demo) {
        demo_start(u->demo, port);
        return;
    }
    char host[256];
    snprintf(host, sizeof host, "%s", u->o.listen);
    char *colon = strrchr(host, ':');
    if (colon) *colon = '\0';
    printf("naru is up\n");
    printf("  console        http://%s:%u/  (sign in with the token in %s)\n", host, port, u->token_file);
    printf("  web chat       http://%s:%u/chat\n", host, port);
    printf("  API            http://%s:%u/v1\n", host, port);
    printf("  more tokens    naru token create --role agent --subject NAME --data %s\n", u->data);
    printf("  data           %s\n  logs           %s\n", u->data, u->o.verbose ? "here" : text(u, "%s/log", u->data));
    printf("  triage inboxes ipc://%s/triage-N.inbox, N = 1 … %llu, for scorers of your own\n", u->run,
           (unsigned long long)u->o.triage);
    printf("Ctrl-C stops it.\n");
    fflush(stdout);
}

static void on_stopped(void *ctx)
{
    struct up *u = ctx;
    signals_fini(&u->signals);
    timer_fini(&u->banner);
    if (u->demo) demo_close(u->demo);
}

static void on_stop(void *ctx)
{
    struct up *u = ctx;
    if (u->demo) demo_interrupt(u->demo);
    else supervisor_stop(u->sup, on_stopped, u);
}

static void on_hup(void *ctx) { supervisor_hup(((struct up *)ctx)->sup); }

static void on_demo_done(void *ctx, int status)
{
    struct up *u = ctx;
    u->status = status;
    supervisor_stop(u->sup, on_stopped, u);
}

static enum err prepare(struct up *u)
{
    ssize_t n = readlink("/proc/self/exe", u->self, sizeof u->self - 1);
    if (n < 0) return ERR_IO;
    u->self[n] = '\0';
    if (!u->o.triage) {
        long cores = sysconf(_SC_NPROCESSORS_ONLN);
        u->o.triage = cores < 1 ? 1 : cores > 16 ? 16 : (uint64_t)cores;
    }
    if (u->o.policy.count > POLICIES_MAX)
        return fprintf(stderr,
                       "naru up: --policy is given %zu times, at most %u times it is taken; more workspaces: naru router by hand\n",
                       u->o.policy.count, POLICIES_MAX),
               ERR_USAGE;
    if (find_models(u))
        return fprintf(stderr, "naru up: the policies lie in more than %u folders; models are looked for in so many\n",
                       MODELS_DIRS),
               ERR_USAGE;
    if (u->o.demo && !strcmp(u->o.listen, "127.0.0.1:8080")) u->o.listen = "127.0.0.1:0";
    enum err e = fix_port(u);
    if (e) return fprintf(stderr, "naru up: cannot listen on %s\n", u->o.listen), e;
    if ((e = prepare_folders(u)))
        return fprintf(stderr, "naru up: cannot make the data folder %s: %s\n", u->data, strerror(errno)), e;
    if ((e = take_lock(u))) return fprintf(stderr, "naru up: another `naru up` runs on %s\n", u->data), e;
    if ((e = first_token(u))) return fprintf(stderr, "naru up: cannot make the first token in %s: %s\n", u->data, err_text(e)), e;
    if ((e = chat_secret(u))) return fprintf(stderr, "naru up: cannot make a secret for the web chat in %s\n", u->data), e;
    snprintf(u->port_file, sizeof u->port_file, "%.*s/port", (int)sizeof u->port_file - 6, u->run);
    unlink(u->port_file);
    return ERR_OK;
}

static void start_all(struct up *u)
{
    start_redis(u);
    start_router(u);
    for (uint64_t i = 1; i <= u->o.triage; i++) start_worker(u, "triage", text(u, "triage-%llu", (unsigned long long)i));
    start_worker(u, "assign", "assign-1");
    timer_init(&u->banner, &u->loop, on_banner, u);
    timer_every(&u->banner, 50);
}

int up_main(int argc, char **argv)
{
    struct up *u = calloc(1, sizeof *u);
    if (!u) return 1;
    if (opt_parse(rows, "naru up --policy FILE [options]", argc, argv, &u->o)) return free(u), 2;
    if (!u->o.policy.count)
        return fprintf(stderr, "naru up: --policy FILE is needed (config/hanbit.yaml is a sample)\n"), free(u), 2;
    log_init("up");
    if (u->o.demo) log_max = LOG_WARN;
    u->status = 1;
    if (prepare(u)) goto out;
    uv_loop_init(&u->loop);
    if (supervisor_new(&u->sup, &u->loop)) goto out;
    signals_init(&u->signals, &u->loop, on_stop, on_hup, u);
    if (u->o.demo) {
        struct demo_cfg cfg = { .self = u->self,
                                .data = u->data,
                                .token_file = u->token_file,
                                .seconds = (unsigned)u->o.seconds,
                                .rate = (unsigned)u->o.rate,
                                .json = u->o.json,
                                .sup = u->sup,
                                .ctx = u,
                                .done = on_demo_done };
        if (demo_open(&u->demo, &u->loop, &cfg)) goto out;
    }
    start_all(u);
    u->status = 0;
    uv_run(&u->loop, UV_RUN_DEFAULT);
    loop_finish(&u->loop);
out:
    supervisor_free(u->sup);
    if (u->own_run) remove_tree(u->run);
    if (u->o.demo && !u->o.data && u->data[0] && !u->status) remove_tree(u->data);
    for (unsigned i = 0; i < u->text_count; i++) free(u->texts[i]);
    int status = u->status;
    free(u);
    return status;
}
