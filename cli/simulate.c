/* naru simulate: a policy's rules on traffic of one's own, before anybody is routed by them. Reads the policy and what comes in,
   runs the matching core under a virtual clock (workers/simulate), and tells what came of it. */
#include "base/clock.h"
#include "base/log.h"
#include "base/metrics.h"
#include "base/opt.h"
#include "cli/cli.h"
#include "config/findings.h"
#include "workers/simulate/bind.h"
#include "workers/simulate/duties.h"
#include "workers/simulate/run.h"
#include "workers/simulate/trace.h"

#include <inttypes.h>
#include <stdio.h>

struct simulate_cfg {
    const char *policy, *trace, *roster, *out;
    uint64_t seed;
};

static const struct opt rows[] = {
    { "policy", OPT_STR, offsetof(struct simulate_cfg, policy), NULL, 0, 0, "FILE", "the policy, with a section `simulate`" },
    { "trace", OPT_STR, offsetof(struct simulate_cfg, trace), NULL, 0, 0, "FILE",
      "arrivals: a CSV file with the columns id, arrival_ms, class, work_ms, patience_ms" },
    { "roster", OPT_STR, offsetof(struct simulate_cfg, roster), NULL, 0, 0, "FILE",
      "who is there when: a CSV file with the columns agent, from_ms, to_ms; without it everybody is, all the time" },
    { "seed", OPT_U64, offsetof(struct simulate_cfg, seed), "1", 0, 0, "N", "of all that is random; the same gives the same" },
    { "out", OPT_STR, offsetof(struct simulate_cfg, out), NULL, 0, 0, "FILE",
      "what became of each arrival: a CSV file with the columns id, outcome, agent, start_ms, end_ms" },
    { .name = NULL },
};

static volatile sig_atomic_t stop;

static void on_signal(int signal)
{
    (void)signal;
    stop = 1;
}

/* ---- the policy ---- */

/* Hours reach from the day on that a policy is loaded at: it is loaded as of the simulation's begin. */
static struct policy *load_policy(const char *path)
{
    struct policy *p = NULL;
    struct findings f;
    struct buf out;
    uint64_t at = clock_wall_ms();
    enum err e;

    findings_init(&f);
    buf_init(&out, 4u << 20);
    e = policy_load_file(&p, path, at, &f);
    if (!e && p->simulate.from != at) {
        at = p->simulate.from;
        policy_unref(p);
        p = NULL;
        e = policy_load_file(&p, path, at, &f);
    }
    if (e) {
        findings_text(&f, path, &out);
        fprintf(stderr, "%.*s", STR_FMT(buf_str(&out)));
        if (!f.errors) fprintf(stderr, "naru simulate: %s: %s\n", path, err_text(e));
    } else if (!p->simulate.given) {
        sim_lacks(p, &out);
        fprintf(stderr, "%.*s", STR_FMT(buf_str(&out)));
        policy_unref(p);
        p = NULL;
    }
    buf_fini(&out);
    findings_fini(&f);
    return p;
}

/* ---- what comes out ---- */

struct summing {
    FILE *out; /* or NULL */
    uint64_t count[OUT_WAITING + 1], wait_ms, answered;
};

static void write_text(FILE *f, const char *s)
{
    if (!strpbrk(s, ",\"\r\n")) {
        fputs(s, f);
        return;
    }
    putc('"', f);
    for (; *s; s++) {
        if (*s == '"') putc('"', f);
        putc(*s, f);
    }
    putc('"', f);
}

static void write_row(FILE *f, const struct outcome_of *o)
{
    write_text(f, o->id);
    fprintf(f, ",%s,", outcome_words.v[o->outcome]);
    if (o->agent) write_text(f, o->agent);
    if (o->start != UINT64_MAX) fprintf(f, ",%" PRIu64, o->start);
    else putc(',', f);
    fprintf(f, ",%" PRIu64 "\n", o->end);
}

static void on_outcome(void *ctx, const struct outcome_of *o)
{
    struct summing *s = ctx;

    s->count[o->outcome]++;
    if (o->start != UINT64_MAX) s->wait_ms += o->start - o->arrived, s->answered++;
    if (s->out) write_row(s->out, o);
}

static void tell(const struct summing *s, const struct sim_end *end)
{
    printf("offered    %" PRIu64 "\nanswered   %" PRIu64 "\nabandoned  %" PRIu64 "\nblocked    %" PRIu64 "\nwaiting    %" PRIu64
           "\nmean wait  %.3f s\n",
           end->tickets, s->answered, s->count[OUT_ABANDONED], s->count[OUT_BLOCKED], s->count[OUT_WAITING],
           s->answered ? (double)s->wait_ms / 1000 / (double)s->answered : 0.0);
    if (end->stopped) printf("interrupted at %.3f s of the simulation\n", (double)end->last_ms / 1000);
}

/* ---- all of it ---- */

static int run(const struct simulate_cfg *cfg, struct policy *p, struct source *source, const struct duties *duties, FILE *out)
{
    struct summing s = { .out = out };
    struct sim_end end;
    struct sim_cfg run_cfg = { .policy = p,
                               .rules = &p->simulate,
                               .duties = duties,
                               .source = source,
                               .seed = cfg->seed,
                               .stop = &stop,
                               .on_outcome = on_outcome,
                               .ctx = &s };
    enum err e;

    if (out) fputs("id,outcome,agent,start_ms,end_ms\n", out);
    e = sim_run(&run_cfg, &end);
    if (e) {
        fprintf(stderr, "naru simulate: %s\n", end.why);
        return 1;
    }
    tell(&s, &end);
    return end.stopped ? 1 : 0;
}

static int with_files(const struct simulate_cfg *cfg, struct policy *p)
{
    struct source *source = NULL;
    struct duties duties = { .given = false };
    char why[512];
    FILE *out = NULL;
    int status = 1;

    if (trace_open(&source, &(struct trace_cfg){ .path = cfg->trace, .rules = &p->simulate, .seed = cfg->seed }, why) ||
        (cfg->roster && duties_load(&duties, cfg->roster, p, why)))
        fprintf(stderr, "naru simulate: %s\n", why);
    else if (cfg->out && !(out = fopen(cfg->out, "w"))) perror(cfg->out);
    else status = run(cfg, p, source, &duties, out);
    if (out && (ferror(out) | fclose(out))) {
        fprintf(stderr, "naru simulate: %s could not be written\n", cfg->out);
        status = 1;
    }
    duties_fini(&duties);
    source_close(source);
    return status;
}

int simulate_main(int argc, char **argv)
{
    struct simulate_cfg cfg = { .seed = 0 };
    struct policy *p;
    int status;

    if (opt_parse(rows, "naru simulate --policy FILE --trace FILE [--roster FILE] [--seed N] [--out FILE]", argc, argv, &cfg))
        return 2;
    if (!cfg.policy || !cfg.trace) {
        fprintf(stderr, "naru simulate: name a policy and a trace; --help tells more\n");
        return 2;
    }
    metrics_init("simulate");
    signal(SIGINT, on_signal);
    signal(SIGTERM, on_signal);
    if (!(p = load_policy(cfg.policy))) return 1;
    status = with_files(&cfg, p);
    policy_unref(p);
    return status;
}
