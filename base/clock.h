/* Two clocks, read at the edge and handed in: deadlines run on the monotonic one, dates that people read on the wall. */
#ifndef NARU_BASE_CLOCK_H
#define NARU_BASE_CLOCK_H

#include <stdint.h>

uint64_t clock_mono_us(void);
uint64_t clock_mono_ms(void);
uint64_t clock_wall_ms(void);
uint64_t clock_boot_ms(void); /* as mono, and it goes on while the machine sleeps */
uint64_t clock_cpu_us(void);  /* CPU time of this process, user and system */
/* RFC 3339 with milliseconds and Z: "2026-03-01T09:30:00.250Z"; returns `out`. */
char *clock_text(uint64_t wall_ms, char out[25]);
/* RFC 3339 with any offset and up to 9 decimals. 0 on success, -1 otherwise. */
int clock_parse(const char *p, uint64_t n, uint64_t *wall_ms);

/* Wall time for deadlines: what the wall clock read when it began, gone on since by the boot clock. Setting the wall clock does not
   reach it, it never falls, and the time that a machine slept has passed. */
struct steady {
    uint64_t base;
};
void steady_begin(struct steady *s, uint64_t wall_ms, uint64_t boot_ms);
uint64_t steady_ms(const struct steady *s, uint64_t boot_ms);
/* By how much the wall clock was set since, in milliseconds: above 0 forward. */
int64_t steady_off(const struct steady *s, uint64_t wall_ms, uint64_t boot_ms);

#endif
