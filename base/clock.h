/* Two clocks, read at the edge and handed in: deadlines run on the monotonic one, dates that people read on the wall. */
#ifndef NARU_BASE_CLOCK_H
#define NARU_BASE_CLOCK_H

#include <stdint.h>

uint64_t clock_mono_us(void);
uint64_t clock_mono_ms(void);
uint64_t clock_wall_ms(void);
uint64_t clock_cpu_us(void); /* CPU time of this process, user and system */
/* RFC 3339 with milliseconds and Z: "2026-03-01T09:30:00.250Z"; returns `out`. */
char *clock_text(uint64_t wall_ms, char out[25]);
/* RFC 3339 with any offset and up to 9 decimals. 0 on success, -1 otherwise. */
int clock_parse(const char *p, uint64_t n, uint64_t *wall_ms);

#endif
