/* What the journal costs: prints, never judges.
     journal_bench FILE closed ROWS BATCH BODY    BATCH rows are kept under way
     journal_bench FILE paced  ROWS RATE  BODY    RATE rows a second, one a loop turn where the clock allows
   Every third row is a settle; what is settled is garbage, so compaction runs as it would. The file is made anew. */
#include "base/clock.h"
#include "base/loop.h"
#include "base/metrics.h"
#include "router/journal.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

struct bench {
    uv_loop_t loop;
    struct journal *j;
    bool paced;
    uint64_t rows, width, sent, told, failed, begun_us;
    uint32_t *took_us, *sent_us;
    char *body;
    size_t body_n;
    struct turn_end turn;
    uv_idle_t busy;
    uv_timer_t tick;
    double append_s;
};

static double cpu_of_this_thread(void)
{
    struct timespec t;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static bool is_live(void *ctx, uint64_t number, enum row_kind kind, const struct id *id)
{
    (void)ctx;
    (void)number;
    (void)kind;
    (void)id;
    return false;
}

static void on_closed(void *ctx) { (void)ctx; }

static void on_told(void *ctx, enum err e, uint64_t number)
{
    struct bench *b = ctx;
    b->failed += e != ERR_OK;
    if (number <= b->rows) b->took_us[number - 1] = (uint32_t)(clock_mono_us() - b->begun_us) - b->sent_us[number - 1];
    if (++b->told < b->rows) return;
    journal_close(b->j, on_closed, NULL);
    turn_end_fini(&b->turn);
    uv_close((uv_handle_t *)&b->tick, NULL);
}

static void send_one(struct bench *b)
{
    struct id id = { { 0 } }, ticket = { { 7 } };
    uint64_t n = b->sent / 3;
    memcpy(id.b, &n, sizeof n);
    b->sent_us[b->sent] = (uint32_t)(clock_mono_us() - b->begun_us);
    b->sent++;
    enum err e = b->sent % 3 ? journal_append(b->j, ROW_EVENT, &id, (struct str){ b->body, b->body_n }, on_told, b, NULL)
                             : journal_settle(b->j, &id, &ticket, clock_wall_ms(), on_told, b);
    if (e) fprintf(stderr, "refused: %s\n", err_name(e)), exit(1);
}

static bool on_turn(struct turn_end *t)
{
    struct bench *b = t->ctx;
    double from = cpu_of_this_thread();
    if (b->paced) {
        uint64_t due = (clock_mono_us() - b->begun_us) * b->width / 1000000;
        while (b->sent < b->rows && b->sent < due) send_one(b);
    } else {
        while (b->sent < b->rows && b->sent - b->told < b->width) send_one(b);
    }
    b->append_s += cpu_of_this_thread() - from;
    return false;
}

static void on_tick(uv_timer_t *t) { (void)t; }

static int by_size(const void *a, const void *b)
{
    uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
    return (x > y) - (x < y);
}

static void fresh(const char *path)
{
    char wal[4096];
    snprintf(wal, sizeof wal, "%s-wal", path);
    unlink(path);
    unlink(wal);
}

int main(int argc, char **argv)
{
    struct bench b = { 0 };
    if (argc != 6) {
        fprintf(stderr, "usage: journal_bench FILE closed|paced ROWS BATCH|RATE BODY\n");
        return 2;
    }
    b.paced = strcmp(argv[2], "paced") == 0;
    b.rows = strtoull(argv[3], NULL, 10);
    b.width = strtoull(argv[4], NULL, 10);
    b.body_n = strtoull(argv[5], NULL, 10);
    b.body = malloc(b.body_n + 1);
    b.took_us = calloc(b.rows, sizeof *b.took_us);
    b.sent_us = calloc(b.rows, sizeof *b.sent_us);
    memset(b.body, 'x', b.body_n);
    metrics_init("bench");
    uv_loop_init(&b.loop);
    fresh(argv[1]);
    struct journal_cfg cfg = { .path = argv[1], .linger_us = 300, .is_live = is_live };
    if (journal_open(&b.j, &b.loop, &cfg)) return 1;
    turn_end_init(&b.turn, &b.loop, on_turn, &b);
    uv_timer_init(&b.loop, &b.tick);
    if (b.paced) uv_timer_start(&b.tick, on_tick, 1, 1);
    b.begun_us = clock_mono_us();
    double cpu = cpu_of_this_thread(), all = (double)clock_cpu_us() / 1e6;
    while (b.told < b.rows && uv_run(&b.loop, UV_RUN_ONCE)) {
    }
    double wall = (double)(clock_mono_us() - b.begun_us) / 1e6;
    cpu = cpu_of_this_thread() - cpu;
    all = (double)clock_cpu_us() / 1e6 - all;
    double commits = metric_get(MET_JOURNAL_COMMITS, ""), rows = (double)b.rows;
    qsort(b.took_us, b.rows, sizeof *b.took_us, by_size);
    printf("rows=%.0f failed=%.0f rows_per_s=%.0f commits=%.0f rows_per_commit=%.1f\n", rows, (double)b.failed, rows / wall,
           commits, rows / commits);
    printf("cpu us per row: appending=%.3f loop=%.3f thread=%.3f; us per commit: loop=%.1f thread=%.1f\n", b.append_s / rows * 1e6,
           cpu / rows * 1e6, (all - cpu) / rows * 1e6, cpu / commits * 1e6, (all - cpu) / commits * 1e6);
    printf("ms to durable: p50=%.3f p99=%.3f p99.9=%.3f max=%.3f\n", b.took_us[b.rows / 2] / 1e3,
           b.took_us[b.rows * 99 / 100] / 1e3, b.took_us[b.rows * 999 / 1000] / 1e3, b.took_us[b.rows - 1] / 1e3);
    loop_finish(&b.loop);
    free(b.body);
    free(b.took_us);
    free(b.sent_us);
    return 0;
}
