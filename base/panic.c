#include "base/panic.h"

#include "base/log.h"

#include <stdlib.h>

void naru_panic(const char *file, int line, const char *what)
{
    log_write(LOG_ERROR, "panic at %s:%d: %s; this is a bug of ours: please report this line and the core dump", file, line, what);
    abort();
}
