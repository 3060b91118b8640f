/* One macro, one line: "2026-03-01T09:30:00.250Z info router ticket=… what happened key=value". The level is tested before
   arguments are evaluated. Ids first; a line for a fault names the next step; no message bodies, no secrets. */
#ifndef NARU_BASE_LOG_H
#define NARU_BASE_LOG_H

enum log_level { LOG_ERROR, LOG_WARN, LOG_INFO, LOG_DEBUG };
extern enum log_level log_max;

#define log_at(lvl, ...)                         \
    do {                                         \
        if ((lvl) <= log_max) log_write((lvl), __VA_ARGS__); \
    } while (0)
#define log_error(...) log_at(LOG_ERROR, __VA_ARGS__)
#define log_warn(...)  log_at(LOG_WARN, __VA_ARGS__)
#define log_info(...)  log_at(LOG_INFO, __VA_ARGS__)
#define log_debug(...) log_at(LOG_DEBUG, __VA_ARGS__)

/* `who` ("router", "triage-1") stands in every line; copied. Level from NARU_LOG (error warn info debug), default info. */
void log_init(const char *who);
/* One line to stderr in one write; control characters in it are escaped so that a peer's text cannot forge a line. */
void log_write(enum log_level lvl, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

#endif
