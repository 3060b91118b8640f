/* Any bytes as a trace: times never go back, ids of one instant rise, what is refused is told with the file's name. */
#include "base/panic.h"
#include "workers/simulate/trace.h"

#include <stdio.h>
#include <sys/mman.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

static void check_row(const struct arrival *a, const struct arrival *last, bool first)
{
    naru_assert(a->id[0] && a->class < 2 && a->at <= SIM_TIME_MAX && a->work <= SIM_TIME_MAX);
    naru_assert(a->patience <= SIM_TIME_MAX || a->patience == SIM_FOR_EVER);
    naru_assert(first || a->at > last->at || (a->at == last->at && sim_id_cmp(a->id, last->id) > 0));
}

static void read_all(struct source *s, const char *path)
{
    struct arrival a, last = { .at = 0 };
    enum err e;
    for (bool first = true; !(e = source_next(s, &a)); first = false) {
        check_row(&a, &last, first);
        last = a;
    }
    naru_assert(e == ERR_NOTFOUND || !strncmp(s->why, path, strlen(path)));
    source_close(s);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    static struct sim_class classes[] = { { .name = "a", .work = { DIST_EXPONENTIAL, 1000, 0 } }, { .name = "billing" } };
    static const struct simulate_rules rules = { .classes = classes, .class_count = 2 };
    struct source *s;
    char path[64], why[512];
    int fd = memfd_create("trace", MFD_CLOEXEC);

    if (fd < 0 || write(fd, data, n) != (ssize_t)n) return close(fd), 0;
    snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
    struct trace_cfg cfg = { path, &rules, 1, 0 };
    if (trace_open(&s, &cfg, why)) naru_assert(!strncmp(why, path, strlen(path)));
    else read_all(s, path);
    close(fd);
    return 0;
}
