#include "router/secret.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

static enum err from_file(const char *path, char out[SECRET_MAX], size_t *n)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK); /* never waits, not even for a pipe without a writer */
    if (fd < 0) return errno == ENOENT ? ERR_NOTFOUND : ERR_IO;
    ssize_t got = read(fd, out, SECRET_MAX);
    close(fd);
    if (got < 0) return ERR_IO;
    if ((size_t)got == SECRET_MAX) return ERR_TOOBIG;
    *n = (size_t)got;
    return ERR_OK;
}

static enum err from_env(const char *name, char out[SECRET_MAX], size_t *n)
{
    struct str v = str_of(getenv(name));
    if (v.n >= SECRET_MAX) return ERR_TOOBIG;
    if (v.n) memcpy(out, v.p, v.n);
    *n = v.n;
    return ERR_OK;
}

enum err secret_read(const char *where, char out[SECRET_MAX], size_t *n)
{
    enum err e = ERR_RANGE;
    *n = 0;
    if (!strncmp(where, "file:", 5)) e = from_file(where + 5, out, n);
    else if (!strncmp(where, "env:", 4)) e = from_env(where + 4, out, n);
    if (e) return e;
    while (*n && (out[*n - 1] == '\n' || out[*n - 1] == '\r')) --*n;
    return *n ? ERR_OK : ERR_NOTFOUND;
}
