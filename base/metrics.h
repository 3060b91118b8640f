/* Metrics: one table of families (metrics_list.h) gives names, kinds, units and help; a process keeps values by family and one
   label value. Rendered in the Prometheus text format 0.0.4. Values of other processes arrive as snapshots (proto's `stats`).
   Not for several threads: all of it belongs to the thread of the loop. */
#ifndef NARU_BASE_METRICS_H
#define NARU_BASE_METRICS_H

#include "base/buf.h"

enum metric_kind { M_COUNTER, M_GAUGE, M_HISTOGRAM };

#include "base/metrics_list.h"
#define METRIC_ENUM(id, kind, name, label, help) MET_##id,
enum metric { METRIC_MAP(METRIC_ENUM) MET_COUNT };
#undef METRIC_ENUM

void metrics_init(const char *process); /* "router-1": stands as label process= on every line of this process */
/* `label` is the value of the family's one label ("" for a family without). At most 256 label values a family; further ones count under "other". */
void metric_add(enum metric m, const char *label, double by);
void metric_set(enum metric m, const char *label, double v);
/* Seconds into a histogram with buckets 100 µs … 10 s (1-2.5-5 steps). */
void metric_observe(enum metric m, const char *label, double seconds);
double metric_get(enum metric m, const char *label); /* for tests; a histogram gives its count */
/* A packed snapshot of all values of this process, and the taking-in of another's (replacing its last one). */
void metrics_pack(struct buf *out);
enum err metrics_take(struct str process, struct str packed); /* ERR_PROTO on anything odd */
void metrics_forget(struct str process);
void metrics_render(struct buf *out);

#endif
