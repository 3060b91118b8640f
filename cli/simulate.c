/* naru simulate: a policy's rules on traffic of one's own, before anybody is routed by them. What is read is in simulate_in.c; what
   is run, and what its figures mean, in workers/simulate. Here: options, the file of outcomes, the picture, the end.

   A signal asks the run to stop; what there is by then is told, marked, and the exit status is 128 + its number. */
#include "base/clock.h"
#include "base/csv.h"
#include "base/log.h"
#include "base/metrics.h"
#include "base/opt.h"
#include "cli/cli.h"
#include "cli/save.h"
#include "cli/simulate_in.h"
#include "workers/simulate/bind.h"
#include "workers/simulate/page.h"
#include "workers/simulate/plot.h"

#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <unistd.h>

#define WHO          "naru simulate"
#define PAGE_MAX     (256u << 20) /* bytes of what is told */
#define DRAWN        20u          /* replications of drawn arrivals, unless said otherwise */
#define TELL_EACH_MS 500u

struct simulate_cfg {
    struct simulate_files files;
    struct history_opts history;
    const char *out, *plot;
    uint64_t seed, replications;
    bool json, example;
};

#define FILES(name) offsetof(struct simulate_cfg, files.name)
static const struct opt rows[] = {
    { "policy", OPT_STR, FILES(policy), NULL, 0, 0, "P.yaml", "the policy, with a section `simulate`" },
    { "trace", OPT_STR, FILES(trace), NULL, 0, 0, "T.csv",
      "arrivals: a CSV file with the columns id, arrival_ms, class, work_ms, patience_ms" },
    { "arrivals", OPT_STR, FILES(arrivals), NULL, 0, 0, "A.yaml", "arrivals to be drawn: rates by class and time of day" },
    HISTORY_ROWS(struct simulate_cfg, history),
    { "roster", OPT_STR, FILES(roster), NULL, 0, 0, "R.csv",
      "who is there when: a CSV file with the columns agent, from_ms, to_ms; without it everybody is, all the time" },
    { "seed", OPT_U64, offsetof(struct simulate_cfg, seed), "1", 0, 0, "N", "of all that is random; the same gives the same" },
    { "replications", OPT_U64, offsetof(struct simulate_cfg, replications), "0", 0, EXPERIMENT_MOST, "N",
      "runs with other random numbers, for 95 % intervals; 0: 20 of drawn arrivals, 1 of a trace" },
    { "compare", OPT_STR, FILES(compare), NULL, 0, 0, "Q.yaml", "a second policy on the same arrivals: differences P - Q" },
    { "out", OPT_STR, offsetof(struct simulate_cfg, out), NULL, 0, 0, "F.csv",
      "what became of each arrival under P in the first replication: id, outcome, agent, start_ms, end_ms" },
    { "json", OPT_FLAG, offsetof(struct simulate_cfg, json), NULL, 0, 0, NULL, "all figures as one JSON object" },
    { "plot", OPT_STR, offsetof(struct simulate_cfg, plot), NULL, 0, 0, "F.svg",
      "a picture of waits and shares in time over the day" },
    { "example", OPT_FLAG, offsetof(struct simulate_cfg, example), NULL, 0, 0, NULL,
      "print a section `simulate` for the policy, to begin with" },
    { .name = NULL },
};

static volatile sig_atomic_t stop; /* 0, or the signal's number */

/* The second one ends it at once. */
static void on_signal(int number)
{
    stop = number;
    signal(number, SIG_DFL);
}

/* ---- options ---- */

static bool wrong(const char *what)
{
    fprintf(stderr, WHO ": %s; --help tells more\n", what);
    return false;
}

static bool complain(const char *why)
{
    fprintf(stderr, WHO ": %s\n", why);
    return false;
}

/* A result must not take the place of what it is made from. */
static bool would_overwrite(const struct simulate_cfg *c, const char *result)
{
    const char *const inputs[] = { c->files.policy, c->files.compare, c->files.trace, c->files.arrivals, c->files.roster };

    for (size_t i = 0; i < sizeof inputs / sizeof *inputs; i++)
        if (save_same(result, inputs[i])) return true;
    return false;
}

static bool results_possible(const struct simulate_cfg *c)
{
    char why[200], section[PATH_MAX];
    const char *const results[] = { c->out, c->plot, c->history.write_trace, c->history.write_trace ? section : NULL };

    if (history_section(&c->history, section)) return wrong("the name of --write-trace is too long");
    if (save_same(c->out, c->history.write_trace) || save_same(c->plot, c->history.write_trace))
        return wrong("--write-trace and --out or --plot name the same file");
    if (save_same(c->out, c->plot)) return wrong("--out and --plot name the same file");
    for (size_t i = 0; i < sizeof results / sizeof *results; i++) {
        if (would_overwrite(c, results[i])) return wrong("--out, --plot or --write-trace names a file that is read");
        if (results[i] && save_possible(results[i], why)) return fprintf(stderr, WHO ": %s\n", why), false;
    }
    return true;
}

static bool options_good(struct simulate_cfg *c)
{
    if (!c->files.policy) return wrong("name a policy: --policy P.yaml");
    if (c->example) return true;
    int given = !!c->files.trace + !!c->files.arrivals + c->history.wanted;
    if (!given) return wrong("say what comes in: --trace T.csv, --arrivals A.yaml or --from-history");
    if (given > 1) return wrong("--trace, --arrivals and --from-history exclude each other");
    if (!c->history.wanted && history_asked(&c->history))
        return wrong("--url, --since, --until, --write-trace, --workspace and --token go with --from-history");
    if (c->history.wanted) c->files.history = &c->history;
    if (c->replications == 0) c->replications = c->files.arrivals ? DRAWN : 1;
    return results_possible(c);
}

static int print_example(const char *path)
{
    struct policy *p;
    struct buf out;

    if (simulate_policy(&p, WHO, path, clock_wall_ms())) return 1;
    buf_init(&out, PAGE_MAX);
    sim_example(p, &out);
    bool good = !out.err && printf("%s", buf_cstr(&out)) >= 0 && !fflush(stdout);
    if (!good) complain(err_text(out.err ? out.err : ERR_IO));
    buf_fini(&out);
    policy_unref(p);
    return good ? 0 : 1;
}

/* ---- outcomes, as they come ---- */

struct watch {
    const struct simulate_cfg *cfg;
    FILE *out; /* of P's first replication, or NULL */
    struct simulate_in *in;
    bool progress;
    uint64_t seen, told_ms; /* outcomes; when a line was written last */
};

static void write_row(FILE *f, const struct outcome_of *o)
{
    csv_put(f, o->id);
    fprintf(f, ",%s,", outcome_words.v[o->outcome]);
    if (o->agent) csv_put(f, o->agent);
    if (o->start != UINT64_MAX) fprintf(f, ",%" PRIu64, o->start);
    else putc(',', f);
    if (o->outcome != OUT_WAITING) fprintf(f, ",%" PRIu64 "\n", o->end);
    else fputs(",\n", f);
}

static void tell_progress_of(struct watch *w, unsigned side, uint32_t r, const struct outcome_of *o)
{
    uint64_t now = clock_mono_ms();

    if (now - w->told_ms < TELL_EACH_MS) return;
    w->told_ms = now;
    fprintf(stderr, "\r\033[K%s, replication %" PRIu32 " of %" PRIu64 ", at %.1f h: %" PRIu64 " tickets", side ? "Q" : "P", r + 1,
            w->cfg->replications, (double)o->arrived / 3600000, w->seen);
}

static void on_outcome(void *ctx, unsigned side, uint32_t r, const struct outcome_of *o)
{
    struct watch *w = ctx;

    if (w->out && side == 0 && r == 0) write_row(w->out, o);
    if (++w->seen % 4096 == 0 && w->progress) tell_progress_of(w, side, r, o);
}

static enum err open_source(void *ctx, uint32_t r, struct source **out, char why[512])
{
    return simulate_in_source(((struct watch *)ctx)->in, r, out, why);
}

/* ---- what is told ---- */

static bool save_plot(const struct simulate_cfg *c, const struct experiment *x, const struct simulate_in *in)
{
    struct plot p = { { x->report[0], x->sides > 1 ? x->report[1] : NULL },
                      { in->policy[0]->path, in->policy[1] ? in->policy[1]->path : NULL },
                      x->partial ? "Waits and answers in time over the day (interrupted)"
                                 : "Waits and answers in time over the day",
                      x->done ? x->done : 1 };
    struct save s;
    struct buf svg;
    char why[200] = "no ticket arrived: there is nothing to draw";

    buf_init(&svg, PAGE_MAX);
    enum err e = plot_svg(&p, &svg);
    if (!e) e = save_beside(&s, c->plot, buf_str(&svg), why);
    if (!e) e = save_commit(&s, why);
    else if (e == ERR_NOMEM) snprintf(why, sizeof why, "%s", err_text(e));
    buf_fini(&svg);
    return e ? complain(why) : true;
}

static bool print_page(const struct simulate_cfg *c, const struct experiment *x, const struct simulate_in *in)
{
    struct page p = { .x = x,
                      .policy = { in->policy[0], in->policy[1] },
                      .rules = &in->rules[0],
                      .arrivals = c->files.trace      ? "trace"
                                  : c->files.arrivals ? "arrivals"
                                                      : "history",
                      .path = c->files.trace      ? c->files.trace
                              : c->files.arrivals ? c->files.arrivals
                                                  : "recorded tickets",
                      .roster = c->files.roster,
                      .seed = c->seed,
                      .warm_ms = in->warm_ms };
    struct buf out;

    buf_init(&out, PAGE_MAX);
    if (c->json) page_json(&p, &out);
    else page_text(&p, &out);
    enum err e = out.err;
    if (!e && (fwrite(out.p, 1, out.n, stdout) != out.n || fflush(stdout))) e = ERR_IO;
    buf_fini(&out);
    return e ? complain(err_text(e)) : true;
}

/* ---- all of it ---- */

static bool experiment(const struct simulate_cfg *c, struct simulate_in *in, struct watch *w)
{
    struct experiment_cfg cfg = { .policy = { in->policy[0], in->policy[1] },
                                  .rules = { &in->rules[0], in->policy[1] ? &in->rules[1] : NULL },
                                  .duties = in->duties.given ? &in->duties : NULL,
                                  .replications = (uint32_t)c->replications,
                                  .seed = c->seed,
                                  .warm_ms = in->warm_ms,
                                  .over_ms = in->over_ms,
                                  .stop = &stop,
                                  .open = open_source,
                                  .on_outcome = on_outcome,
                                  .ctx = w };
    struct experiment x;
    bool good = experiment_run(&x, &cfg) == ERR_OK;

    if (w->progress) fputs("\r\033[K", stderr);
    if (!good) complain(x.why);
    if (good) good = print_page(c, &x, in);
    if (good && c->plot) good = save_plot(c, &x, in);
    experiment_fini(&x);
    return good;
}

static bool simulate(const struct simulate_cfg *c, struct simulate_in *in)
{
    struct watch w = { .cfg = c, .in = in, .progress = isatty(STDERR_FILENO) };
    struct save s;
    char why[200];

    if (c->out && save_open(&s, c->out, &w.out, why)) return complain(why);
    if (w.out) fputs("id,outcome,agent,start_ms,end_ms\n", w.out);
    bool good = experiment(c, in, &w);
    if (!w.out) return good;
    if (save_close(&s, w.out, why)) return complain(why);
    if (!good) return save_drop(&s), false;
    return save_commit(&s, why) ? complain(why) : true;
}

int simulate_main(int argc, char **argv)
{
    struct simulate_cfg cfg = { .seed = 0 };
    struct simulate_in in;
    bool good;

    if (opt_parse(rows,
                  "naru simulate --policy P.yaml (--trace T.csv | --arrivals A.yaml | --from-history) [--compare Q.yaml] [options]",
                  argc, argv, &cfg) ||
        !options_good(&cfg))
        return 2;
    if (cfg.example) return print_example(cfg.files.policy);
    metrics_init("simulate");
    log_max = LOG_WARN; /* what a rehearsal goes through is no news */
    signal(SIGINT, on_signal);
    signal(SIGTERM, on_signal);
    good = simulate_in_open(&in, WHO, &cfg.files, cfg.seed) == ERR_OK && simulate(&cfg, &in);
    simulate_in_fini(&in);
    return !good ? 1 : stop ? 128 + stop : 0;
}
