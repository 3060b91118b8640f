/* The first policy's section says when a simulation begins, unless the arrivals file does; opening hours reach from the day on that
   a policy is loaded at. So the first policy is read twice: to learn when, and as of then. */
#include "cli/simulate_in.h"

#include "base/clock.h"
#include "workers/simulate/bind.h"
#include "workers/simulate/duties.h"
#include "workers/simulate/generate.h"
#include "workers/simulate/trace.h"

#include <stdio.h>

#define HISTORY_WHO "simulate"
#define TOLD_MAX    (4u << 20) /* bytes of what is said about one file */

static void tell_findings(const char *who, const char *path, const struct findings *f, enum err e)
{
    struct buf out;

    buf_init(&out, TOLD_MAX);
    findings_text(f, path, &out);
    fprintf(stderr, "%s", buf_cstr(&out));
    if (e && !f->errors) fprintf(stderr, "%s: %s: %s\n", who, path, err_text(e));
    buf_fini(&out);
}

enum err simulate_policy(struct policy **out, const char *who, const char *path, uint64_t at)
{
    struct findings f;

    *out = NULL;
    findings_init(&f);
    enum err e = policy_load_file(out, path, at, &f);
    if (e) tell_findings(who, path, &f, e); /* warnings are `naru check`'s */
    findings_fini(&f);
    return e;
}

static enum err tell_lacks(const struct policy *p)
{
    struct buf out;

    buf_init(&out, TOLD_MAX);
    sim_lacks(p, &out);
    fprintf(stderr, "%s", buf_cstr(&out));
    buf_fini(&out);
    return ERR_POLICY;
}

static enum err read_arrivals(struct simulate_in *in, const char *who, const char *path, const struct policy *p)
{
    struct findings f;

    findings_init(&f);
    enum err e = arrivals_load_file(&in->arrivals, path, p, &f);
    if (e || f.count) tell_findings(who, path, &f, e);
    findings_fini(&f);
    if (e) return e;
    in->warm_ms = in->arrivals->warm_up_ms;
    in->over_ms = in->arrivals->for_ms;
    return ERR_OK;
}

/* The first policy as of the begin that the recorded tickets give, their classes added to its section. */
static enum err read_history(struct simulate_in *in, const char *who, const struct simulate_files *files)
{
    char why[512];
    enum err e = history_read(&in->recorded, HISTORY_WHO, files->history);

    if (!e) e = simulate_policy(&in->policy[0], who, files->policy, recorded_from(in->recorded));
    if (e) return e;
    e = recorded_bind(in->recorded, in->policy[0], why);
    if (e) fprintf(stderr, "%s: %s\n", who, why);
    if (!e) e = history_tell(in->recorded, HISTORY_WHO, files->history, in->seed);
    if (!e && !files->roster)
        fprintf(stderr, "who was there is not recorded: all %u agents are, in their shifts (--roster says otherwise)\n",
                in->policy[0]->agent_count);
    return e;
}

/* The first policy, as of the simulation's begin. */
static enum err read_first(struct simulate_in *in, const char *who, const struct simulate_files *files)
{
    struct policy *now = NULL;
    enum err e = simulate_policy(&now, who, files->policy, clock_wall_ms());

    if (e) return e;
    if (!now->simulate.given) e = tell_lacks(now);
    else if (files->arrivals) e = read_arrivals(in, who, files->arrivals, now);
    if (!e) e = simulate_policy(&in->policy[0], who, files->policy, in->arrivals ? in->arrivals->from : now->simulate.from);
    if (!e && strcmp(in->policy[0]->version, now->version)) {
        fprintf(stderr, "%s: %s was changed while it was read\n", who, files->policy);
        e = ERR_STALE;
    }
    policy_unref(now);
    return e;
}

static enum err bind(struct simulate_in *in, const char *who, unsigned side, const char *path)
{
    struct findings f;

    findings_init(&f);
    enum err e = sim_bind(&in->rules[side], in->policy[0], in->policy[side], &in->arena, &f);
    if (e || f.count) tell_findings(who, path, &f, e);
    findings_fini(&f);
    if (!e && in->arrivals) in->rules[side].from = in->arrivals->from;
    return e;
}

static enum err read_second(struct simulate_in *in, const char *who, const char *path)
{
    enum err e = simulate_policy(&in->policy[1], who, path, in->rules[0].from);

    if (!e && in->recorded) e = recorded_join(in->recorded, in->policy[1]);
    return e ? e : bind(in, who, 1, path);
}

static enum err read_roster(struct simulate_in *in, const char *who, const char *path)
{
    char why[512];
    enum err e = duties_load(&in->duties, path, in->policy[0], why);

    if (e) fprintf(stderr, "%s: %s\n", who, why);
    return e;
}

enum err simulate_in_open(struct simulate_in *in, const char *who, const struct simulate_files *files, uint64_t seed)
{
    *in = (struct simulate_in){ .trace = files->trace, .seed = seed };
    arena_init(&in->arena, 64u << 20);
    enum err e = files->history ? read_history(in, who, files) : read_first(in, who, files);
    if (!e) e = bind(in, who, 0, files->policy);
    if (!e && files->compare) e = read_second(in, who, files->compare);
    if (!e && files->roster) e = read_roster(in, who, files->roster);
    return e;
}

void simulate_in_fini(struct simulate_in *in)
{
    duties_fini(&in->duties);
    arrivals_free(in->arrivals);
    arena_fini(&in->arena);
    policy_unref(in->policy[0]);
    policy_unref(in->policy[1]);
    recorded_free(in->recorded);
    *in = (struct simulate_in){ 0 };
}

enum err simulate_in_source(void *ctx, uint32_t r, struct source **out, char why[512])
{
    const struct simulate_in *in = ctx;

    if (in->recorded) return recorded_open(out, in->recorded, in->seed, r, why);
    if (in->arrivals)
        return generate_open(
            out,
            &(struct generate_cfg){
                .arrivals = in->arrivals, .timezone = in->policy[0]->timezone, .seed = in->seed, .replication = r },
            why);
    return trace_open(out, &(struct trace_cfg){ .path = in->trace, .rules = &in->rules[0], .seed = in->seed, .replication = r },
                      why);
}
