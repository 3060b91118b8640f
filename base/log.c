#include "base/log.h"

#include "base/clock.h"
#include "base/str.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

/* A line is built on the stack and leaves in one write, so that lines of several threads and processes do not mix. */

#define LINE_MAX_BYTES 2048

enum log_level log_max = LOG_INFO;

static char log_who[32] = "naru";
static const char *const level_names[] = { "error", "warn", "info", "debug" };

void log_init(const char *who)
{
    const char *wanted = getenv("NARU_LOG");

    snprintf(log_who, sizeof log_who, "%s", who);
    for (int i = LOG_ERROR; wanted && i <= LOG_DEBUG; i++)
        if (!strcmp(wanted, level_names[i])) log_max = (enum log_level)i;
}

struct line {
    char p[LINE_MAX_BYTES];
    size_t n;
};

static bool line_add(struct line *l, const char *p, size_t n)
{
    if (n > sizeof l->p - 4 - l->n) return false; /* 4: "..." and the newline always fit */
    memcpy(l->p + l->n, p, n);
    l->n += n;
    return true;
}

/* C0 and C1 controls, DEL and bytes that are no UTF-8 would steer a terminal or forge a line. */
static bool is_control(const char *p, size_t step)
{
    unsigned char c = (unsigned char)p[0];

    return step == 0 || c < 0x20 || c == 0x7F || (c == 0xC2 && (unsigned char)p[1] < 0xA0);
}

static bool line_add_escaped(struct line *l, const char *p, size_t step)
{
    char out[9];
    int n = 0;

    if (*p == '\n') return line_add(l, "\\n", 2);
    if (*p == '\t') return line_add(l, "\\t", 2);
    for (size_t i = 0; i < (step ? step : 1); i++) n += snprintf(out + n, sizeof out - (size_t)n, "\\x%02x", (unsigned char)p[i]);
    return line_add(l, out, (size_t)n);
}

static void line_add_text(struct line *l, const char *p, size_t n)
{
    while (n > 0) {
        size_t step = str_utf8_step(p, n);
        bool fits = is_control(p, step) ? line_add_escaped(l, p, step) : line_add(l, p, step);
        if (!fits) {
            memcpy(l->p + l->n, "...", 3);
            l->n += 3;
            return;
        }
        p += step ? step : 1;
        n -= step ? step : 1;
    }
}

void log_write(enum log_level lvl, const char *fmt, ...)
{
    char text[LINE_MAX_BYTES + 8], when[25]; /* more than a line, so that the cut is seen and marked */
    struct line l = { .n = 0 };
    va_list args;

    va_start(args, fmt);
    int n = vsnprintf(text, sizeof text, fmt, args);
    va_end(args);
    if (n < 0) n = 0;
    if ((size_t)n >= sizeof text) n = sizeof text - 1;

    int head = snprintf(l.p, 96, "%s %s %s ", clock_text(clock_wall_ms(), when), level_names[lvl], log_who);
    l.n = (size_t)head;
    line_add_text(&l, text, (size_t)n);
    l.p[l.n++] = '\n';
    ssize_t written = write(STDERR_FILENO, l.p, l.n);
    (void)written; /* when stderr is gone there is nobody left to tell */
}
