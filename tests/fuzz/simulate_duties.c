/* Any bytes as a roster: duties come sorted, those of one agent do not overlap. */
#include "base/panic.h"
#include "workers/simulate/duties.h"

#include <stdio.h>
#include <sys/mman.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

static void check(const struct duties *d)
{
    uint64_t until[2] = { 0, 0 };
    for (uint32_t i = 0; i < d->count; i++) {
        const struct duty *v = &d->v[i];
        uint64_t *of = &until[!strcmp(v->agent, "b")];
        naru_assert(v->from < v->to && v->from >= *of && (i == 0 || v->from >= v[-1].from));
        *of = v->to;
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    static struct agent_spec agents[] = { { .name = "a" }, { .name = "b" } };
    static const struct policy policy = { .agents = agents, .agent_count = 2 };
    struct duties d;
    char path[64], why[512];
    int fd = memfd_create("roster", MFD_CLOEXEC);

    if (fd < 0 || write(fd, data, n) != (ssize_t)n) return close(fd), 0;
    snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
    if (duties_load(&d, path, &policy, why)) naru_assert(!strncmp(why, path, strlen(path)) && !d.v);
    else check(&d);
    duties_fini(&d);
    close(fd);
    return 0;
}
