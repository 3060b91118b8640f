/* naru tune: values of a policy searched for on one's own traffic, tried on days that the search has not seen, and printed as a
   change of the file. Reads the files, cuts the arrivals into parts, lets workers/simulate/tune.h search, and shows what came of it
   (tune_show.c). */
#include "cli/tune.h"

#include "base/clock.h"
#include "base/limits.h"
#include "base/metrics.h"
#include "base/opt.h"
#include "cli/cli.h"
#include "config/arrivals.h"
#include "config/closed_files.h"
#include "config/findings.h"
#include "workers/simulate/bind.h"
#include "workers/simulate/duties.h"
#include "workers/simulate/generate.h"
#include "workers/simulate/trace.h"

#include <inttypes.h>
#include <stdio.h>

static const struct opt rows[] = {
    { "policy", OPT_STR, offsetof(struct tune_args, policy), NULL, 0, 0, "FILE", "the policy, with a section `simulate`" },
    { "trace", OPT_STR, offsetof(struct tune_args, trace), NULL, 0, 0, "FILE",
      "arrivals: a CSV file with the columns id, arrival_ms, class, work_ms, patience_ms" },
    { "arrivals", OPT_STR, offsetof(struct tune_args, arrivals), NULL, 0, 0, "FILE", "or rates to draw them from, as YAML" },
    { "roster", OPT_STR, offsetof(struct tune_args, roster), NULL, 0, 0, "FILE",
      "who is there when: a CSV file with the columns agent, from_ms, to_ms; without it everybody is, all the time" },
    { "objective", OPT_STR, offsetof(struct tune_args, objective), "breach + 0.1*lateness", 0, 0, "SUM",
      "what is to become small: figures with factors, such as breach + 0.1*lateness - within; shares are 0 to 1, times seconds; "
      "CLASS.breach is of one class, worst.p99 of the class that has it worst" },
    { "over", OPT_STR, offsetof(struct tune_args, over), NULL, 0, 0, "PATTERNS",
      "what may be changed: queues.*.weights,gates; `*` is any name" },
    { "keep", OPT_STR, offsetof(struct tune_args, keep), NULL, 0, 0, "FIGURES",
      "what may not become worse than with the file as it stands: abandoned, worst.p99 + 5%" },
    { "budget", OPT_U64, offsetof(struct tune_args, budget), "200", 1, SEARCH_MOST, "N", "candidates to play" },
    { "seed", OPT_U64, offsetof(struct tune_args, seed), "1", 0, 0, "N", "of all that is random; the same gives the same" },
    { "replications", OPT_U64, offsetof(struct tune_args, replications), NULL, 0, 1000, "N",
      "runs of each day with other random numbers; 1 when not given, of --arrivals and of a single day 5" },
    { "validate", OPT_U64, offsetof(struct tune_args, every), "3", 2, 1000, "N",
      "every Nth day is kept out of the search, and tells what the change is worth" },
    { "json", OPT_FLAG, offsetof(struct tune_args, json), NULL, 0, 0, NULL, "one JSON object" },
    { .name = NULL },
};

static volatile sig_atomic_t stop;

/* The first ends the search, and what it has is shown; the second ends the program. */
static void on_signal(int signal_number)
{
    stop = 1;
    signal(signal_number, SIG_DFL);
}

/* ---- files ---- */

struct tuned { /* all that was read; zeroed is empty */
    const struct tune_args *args;
    struct buf yaml;
    struct policy *policy;
    struct arrivals *arrivals;
    struct duties duties;
    struct params params;
    struct parts parts;
    struct objective objective;
    struct guards guards;
    uint64_t from, warm_ms;
};

static int refuse(const char *what, const char *why)
{
    fprintf(stderr, "naru tune: %s%s%s\n", what, *what ? ": " : "", why);
    return 1;
}

static int tell_findings(const struct findings *f, const char *path, enum err e)
{
    struct buf out;
    buf_init(&out, 4u << 20);
    findings_text(f, path, &out);
    fprintf(stderr, "%.*s", STR_FMT(buf_str(&out)));
    buf_fini(&out);
    return f->errors ? 1 : refuse(path, err_text(e));
}

/* Hours reach from the day on that a policy is loaded at: it is loaded as of the begin of what is played. */
static enum err load_as_of(struct tuned *t, uint64_t at, struct findings *f)
{
    policy_unref(t->policy);
    return tune_load(&t->policy, buf_str(&t->yaml), t->args->policy, at, f);
}

static int read_policy(struct tuned *t)
{
    struct findings f;
    struct buf lacks;
    int status = 0;
    findings_init(&f);
    buf_init(&lacks, 1u << 20);
    enum err e = file_bytes(t->args->policy, LIM_YAML_BYTES, &t->yaml);
    if (e == ERR_IO) findings_add(&f, F_ERROR, 0, 0, "", "cannot be read: is the path right, and may this user read it?");
    if (!e) e = load_as_of(t, clock_wall_ms(), &f);
    if (!e && !t->policy->simulate.given) {
        sim_lacks(t->policy, &lacks);
        fprintf(stderr, "%.*s", STR_FMT(buf_str(&lacks)));
        status = 1;
    }
    if (!e && !status) e = load_as_of(t, t->from = t->policy->simulate.from, &f);
    if (e) status = tell_findings(&f, t->args->policy, e);
    buf_fini(&lacks);
    findings_fini(&f);
    return status;
}

/* The policy once more, as of another begin than its own. */
static int begin_at(struct tuned *t, uint64_t from)
{
    struct findings f;
    findings_init(&f);
    enum err e = load_as_of(t, t->from = from, &f);
    int status = e ? tell_findings(&f, t->args->policy, e) : 0;
    findings_fini(&f);
    return status;
}

static int read_arrivals(struct tuned *t)
{
    struct findings f;
    int status = 0;
    if (!t->args->arrivals) return 0;
    findings_init(&f);
    enum err e = arrivals_load_file(&t->arrivals, t->args->arrivals, t->policy, &f);
    if (e) status = tell_findings(&f, t->args->arrivals, e);
    findings_fini(&f);
    if (status) return status;
    t->warm_ms = t->arrivals->warm_up_ms;
    return t->arrivals->from == t->from ? 0 : begin_at(t, t->arrivals->from);
}

static int read_words(struct tuned *t)
{
    char why[PARAMS_WHY > OBJECTIVE_WHY ? PARAMS_WHY : OBJECTIVE_WHY];
    const struct tune_args *a = t->args;
    if (params_find(&t->params, buf_str(&t->yaml), a->over, why)) return refuse("--over", why), 2;
    if (objective_parse(&t->objective, a->objective, &t->policy->simulate, why)) return refuse("--objective", why), 2;
    if (a->keep && guards_parse(&t->guards, a->keep, &t->policy->simulate, why)) return refuse("--keep", why), 2;
    return 0;
}

static enum err open_source(void *ctx, uint32_t replication, struct source **out, char why[512])
{
    const struct tuned *t = ctx;
    const struct simulate_rules *rules = &t->policy->simulate;
    if (t->arrivals)
        return generate_open(
            out,
            &(struct generate_cfg){
                .arrivals = t->arrivals, .timezone = t->policy->timezone, .seed = t->args->seed, .replication = replication },
            why);
    return trace_open(out, &(struct trace_cfg){ t->args->trace, rules, t->args->seed, replication }, why);
}

static int read_parts(struct tuned *t)
{
    char why[512] = "";
    if (t->args->roster && duties_load(&t->duties, t->args->roster, t->policy, why)) return refuse("", why);
    struct parts_cfg cfg = { .policy = t->policy,
                             .from = t->from,
                             .duties = t->args->roster ? &t->duties : NULL,
                             .replications = t->args->replications ? (uint32_t)t->args->replications : 1,
                             .seeds = t->args->replications ? (uint32_t)t->args->replications : SEEDS_USUAL,
                             .every = (uint32_t)t->args->every,
                             .days = t->arrivals == NULL,
                             .open = open_source,
                             .ctx = t };
    enum err e = parts_read(&t->parts, &cfg, why);
    if (e) return refuse("", why);
    if (t->parts.held_units == 0) {
        snprintf(why, sizeof why,
                 "the arrivals have %u days, and --validate %u would keep none of them out of the search: --validate 2",
                 t->parts.units, cfg.every);
        return refuse("", why);
    }
    return 0;
}

/* ---- all of it ---- */

static void on_better(void *ctx, const double *x, double value, uint32_t trial)
{
    const struct tuned *t = ctx;
    char text[PARAM_TEXT];
    fprintf(stderr, "candidate %u: %.6g", trial, value);
    for (uint32_t i = 0, shown = 0; i < t->params.count && shown < 4; i++) {
        if (!param_moved(&t->params.v[i], x[i])) continue;
        param_text(&t->params.v[i], x[i], text);
        fprintf(stderr, "%s %s %s", shown++ ? "," : " ", t->params.v[i].name, text);
    }
    fputc('\n', stderr);
}

static int tune(struct tuned *t)
{
    struct tuning result;
    struct tune_cfg cfg = { .yaml = buf_str(&t->yaml),
                            .path = t->args->policy,
                            .params = &t->params,
                            .parts = &t->parts,
                            .objective = &t->objective,
                            .guards = &t->guards,
                            .from = t->from,
                            .warm_ms = t->warm_ms,
                            .seed = t->args->seed,
                            .budget = (uint32_t)t->args->budget,
                            .stop = &stop,
                            .better = t->args->json ? NULL : on_better,
                            .ctx = t };
    int status;
    enum err e = tune_run(&result, &cfg);
    if (e) status = refuse("", result.why);
    else if (!result.before) status = refuse("", "interrupted before the policy as it stands was played once");
    else status = tune_show(&result, &cfg, t->args) ? 1 : 0;
    tune_fini(&result);
    return status;
}

static int with_files(const struct tune_args *args)
{
    struct tuned t = { .args = args };
    buf_init(&t.yaml, LIM_YAML_BYTES + 65536);
    int status = read_policy(&t);
    if (!status) status = read_arrivals(&t);
    if (!status) status = read_words(&t);
    if (!status) status = read_parts(&t);
    if (!status) status = tune(&t);
    parts_fini(&t.parts);
    params_fini(&t.params);
    duties_fini(&t.duties);
    arrivals_free(t.arrivals);
    policy_unref(t.policy);
    buf_fini(&t.yaml);
    return status;
}

int tune_main(int argc, char **argv)
{
    struct tune_args args = { .policy = NULL };
    if (opt_parse(rows, "naru tune --policy FILE (--trace FILE | --arrivals FILE) --over PATTERNS [options]", argc, argv, &args))
        return 2;
    if (!args.policy || !args.trace == !args.arrivals || !args.over) {
        fprintf(stderr,
                "naru tune: name a policy, a trace or arrivals (one of both), and what may be changed; --help tells more\n");
        return 2;
    }
    metrics_init("tune");
    signal(SIGINT, on_signal);
    signal(SIGTERM, on_signal);
    return with_files(&args);
}
