/* A file is made in the data folder, where the journal is: a disk that is full refuses webhooks before it refuses rows. It has no
   name (O_TMPFILE, or unlinked at once), so that nothing is left of it when we die. Bytes are written as they come, which goes to
   the page cache, and read through a mapping; written, not mapped, because a full disk must be an error and no signal.

   What is there of it belongs to its request: descriptor and mapping go with http_spool_drop. */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE /* O_TMPFILE */
#endif
#include "router/http_spool.h"

#include "base/log.h"
#include "base/metrics.h"
#include "router/http_req.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

static int open_file(const char *dir)
{
    char path[4096];
    int fd = open(dir, O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);

    if (fd >= 0 || snprintf(path, sizeof path, "%s/body-XXXXXX", dir) >= (int)sizeof path) return fd;
    fd = mkostemp(path, O_CLOEXEC); /* a file system without O_TMPFILE */
    if (fd >= 0) unlink(path);
    return fd;
}

static enum err write_all(struct http_req *r, const char *p, size_t n)
{
    struct http_spool *s = &r->pool->spool;

    if (n > s->cap - s->used) return ERR_FULL;
    while (n) {
        ssize_t did = write(r->spool_fd, p, n);
        if (did < 0 && errno == EINTR) continue;
        if (did <= 0) {
            log_error("a body of %llu bytes so far cannot be stored in %s: %s", (unsigned long long)r->spool_n, s->dir,
                      strerror(errno));
            return ERR_IO;
        }
        p += did;
        n -= (size_t)did;
        r->spool_n += (uint64_t)did;
        s->used += (uint64_t)did;
    }
    metric_set(MET_HTTP_SPOOLED, "", (double)s->used);
    return ERR_OK;
}

static enum err begin(struct http_req *r)
{
    size_t kept = r->bytes_n - r->head_n;

    if ((r->spool_fd = open_file(r->pool->spool.dir)) < 0) {
        log_error("no file for a large body can be made in %s: %s", r->pool->spool.dir, strerror(errno));
        return ERR_IO;
    }
    r->spooled = true;
    r->bytes_n = r->head_n;
    return write_all(r, r->bytes + r->head_n, kept);
}

enum err http_spool_add(struct http_req *r, const char *p, size_t n)
{
    enum err e = r->spooled ? ERR_OK : begin(r);

    return e ? e : write_all(r, p, n);
}

enum err http_spool_end(struct http_req *r)
{
    void *map = mmap(NULL, r->spool_n, PROT_READ, MAP_PRIVATE, r->spool_fd, 0);

    if (map == MAP_FAILED) return errno == ENOMEM ? ERR_NOMEM : ERR_IO;
    r->map = map;
    return ERR_OK;
}

void http_spool_drop(struct http_req *r)
{
    if (!r->spooled) return;
    if (r->map) munmap(r->map, r->spool_n);
    close(r->spool_fd);
    r->pool->spool.used -= r->spool_n;
    metric_set(MET_HTTP_SPOOLED, "", (double)r->pool->spool.used);
    r->spooled = false;
    r->map = NULL;
    r->spool_n = 0;
}
