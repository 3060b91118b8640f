/* A file is known by its entry (device, inode, size, time of change): `naru train` renames a new file into place, so a change shows
   there. One that could not be opened is remembered likewise and tried again only when it has changed, so that a damaged file is
   told of once.

   Copies are named by what they hold (both checksums and the size), so that all workers of a machine map the same one. The copy of
   a model that another one replaces goes at once, what crashed workers left goes after a day: a copy is a cache, and whoever has it
   mapped keeps it. */
#include "workers/triage/models.h"

#include "base/clock.h"
#include "workers/triage/model_file.h"

#include <dirent.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

static const char *name_of(const struct policy *p, enum model_kind kind)
{
    const char *const names[MODEL_KIND_COUNT] = { [MODEL_INTENT] = p->model_intent,
                                                  [MODEL_URGENCY] = p->model_urgency,
                                                  [MODEL_SENTIMENT] = p->model_sentiment,
                                                  [MODEL_LANGUAGE] = p->model_language };
    return names[kind];
}

/* ---- finding ---- */

static bool look(struct model_seen *s, const char *dir, size_t n, const char *name)
{
    struct stat st;
    int len = n ? snprintf(s->path, sizeof s->path, "%.*s/%s", (int)n, dir, name) : snprintf(s->path, sizeof s->path, "%s", name);
    if (len < 0 || (size_t)len >= sizeof s->path || stat(s->path, &st) != 0) return s->path[0] = 0, false;
    s->device = (uint64_t)st.st_dev;
    s->inode = (uint64_t)st.st_ino;
    s->size = (uint64_t)st.st_size;
    s->changed_ns = (uint64_t)st.st_mtim.tv_sec * 1000000000u + (uint64_t)st.st_mtim.tv_nsec;
    return true;
}

static bool look_beside(struct model_seen *s, const char *name)
{
    char self[512];
    ssize_t n = readlink("/proc/self/exe", self, sizeof self - 1);
    if (n <= 0) return false;
    self[n] = 0;
    char *slash = strrchr(self, '/');
    if (!slash || (size_t)(slash - self) + sizeof "/models" > sizeof self) return false;
    memcpy(slash, "/models", sizeof "/models");
    return look(s, self, strlen(self), name);
}

/* Routers say where a policy is from: "file:PATH", or "api:WHO", which is in no folder. NULL: not a file. */
static const char *file_of(const struct policy *p)
{
    if (!p->path || strncmp(p->path, "api:", 4) == 0) return NULL;
    return strncmp(p->path, "file:", 5) == 0 ? p->path + 5 : p->path;
}

static void find(struct model_seen *s, const struct policy *p, const char *name, const struct models_place *where)
{
    const char *file = file_of(p), *slash = file ? strrchr(file, '/') : NULL;
    *s = (struct model_seen){ 0 };
    if (*name == '/') {
        look(s, NULL, 0, name);
        return;
    }
    if (slash ? look(s, file, (size_t)(slash - file) + (slash == file), name) : file && look(s, ".", 1, name)) return;
    for (uint32_t i = 0; i < where->count; i++)
        if (look(s, where->dirs[i], strlen(where->dirs[i]), name)) return;
    look_beside(s, name);
}

static bool same(const struct model_seen *a, const struct model_seen *b)
{
    return a->device == b->device && a->inode == b->inode && a->size == b->size && a->changed_ns == b->changed_ns &&
           strcmp(a->path, b->path) == 0;
}

/* ---- copies ---- */

#define DAY_MS        86400000u
#define COPIES_LOOKED 4096u /* entries of the folder that a cleaning looks at */
#define COPY_NAME     64u

static void copy_name(const struct model *m, char out[COPY_NAME])
{
    const struct model_header *h = model_parts_of(m)->h;
    snprintf(out, COPY_NAME, "%08" PRIx32 "%08" PRIx32 "-%" PRIu64 ".model", h->header_crc, h->parts_crc, h->size);
}

/* All of a file into memory of the caller's: it may be written over meanwhile, so it is read, not mapped. */
static enum err read_whole(const char *path, char **out, size_t *size, char why[200])
{
    int fd;
    size_t done = 0;
    ssize_t n = 1;
    *out = NULL;
    enum err e = model_file_open(path, &fd, size, why);
    if (e) return e;
    if (!(*out = malloc(*size))) e = ERR_NOMEM;
    while (!e && done < *size && (n = read(fd, *out + done, *size - done)) > 0) done += (size_t)n;
    close(fd);
    if (!e && done < *size) e = ERR_IO;
    if (e) snprintf(why, 200, "cannot read it: %s", e == ERR_NOMEM ? err_text(e) : "it grew shorter meanwhile");
    return e;
}

static bool write_copy(const char *copies, const char *path, struct str bytes)
{
    char draft[1024];
    size_t done = 0;
    ssize_t n = 1;
    (void)mkdir(copies, 0700);
    snprintf(draft, sizeof draft, "%.900s/draft-XXXXXX", copies);
    int to = mkostemp(draft, O_CLOEXEC); /* its own: another thread may be writing the same copy */
    if (to < 0) return false;
    while (done < bytes.n && (n = write(to, bytes.p + done, bytes.n - done)) > 0) done += (size_t)n;
    bool ok = close(to) == 0 && done == bytes.n && rename(draft, path) == 0;
    if (!ok) (void)unlink(draft);
    return ok;
}

/* Checks the file before it is copied: a damaged one must not pass for the good one that its header says it is. */
static enum err open_copy(struct model **out, const char *path, const char *copies, char why[200])
{
    char name[COPY_NAME], room[1024], *bytes;
    struct model *checked = NULL;
    size_t size;
    bool open = false;
    enum err e = read_whole(path, &bytes, &size, why);
    if (!e) e = model_of(&checked, (struct str){ bytes, size }, why);
    if (e) goto out;
    copy_name(checked, name);
    snprintf(room, sizeof room, "%.900s/%s", copies, name);
    open = model_open(out, room, why) == ERR_OK;
    for (int i = 0; i < 2 && !open; i++) /* twice: another process may clean up just then */
        open = write_copy(copies, room, (struct str){ bytes, size }) && model_open(out, room, why) == ERR_OK;
    if (open) (void)utimensat(AT_FDCWD, room, NULL, 0); /* in use today */
    else e = model_open(out, path, why);                /* no room for copies: better so than not at all */
out:
    model_unref(checked);
    free(bytes);
    return e;
}

static bool is_used(const struct models *m, const char *name)
{
    char own[COPY_NAME];
    for (int k = 0; k < MODEL_KIND_COUNT; k++) {
        if (!m->of[k]) continue;
        copy_name(m->of[k], own);
        if (strcmp(own, name) == 0) return true;
    }
    return false;
}

static bool is_ours(const char *name)
{
    uint32_t a, b;
    uint64_t size;
    int end = 0;
    if (strncmp(name, "draft-", 6) == 0) return true;
    return sscanf(name, "%8" SCNx32 "%8" SCNx32 "-%" SCNu64 ".model%n", &a, &b, &size, &end) == 3 && end && !name[end];
}

/* Removes what others left: who has a copy mapped keeps it all the same, who needs one again makes it again. */
static void sweep(const struct models *m, const char *copies)
{
    uint64_t now = clock_wall_ms();
    DIR *d = opendir(copies);
    struct dirent *e;
    struct stat st;
    for (uint32_t i = 0; d && i < COPIES_LOOKED && (e = readdir(d)); i++) {
        if (!is_ours(e->d_name) || is_used(m, e->d_name) || fstatat(dirfd(d), e->d_name, &st, AT_SYMLINK_NOFOLLOW) != 0) continue;
        if (S_ISREG(st.st_mode) && (uint64_t)st.st_mtim.tv_sec * 1000 + DAY_MS < now) (void)unlinkat(dirfd(d), e->d_name, 0);
    }
    if (d) closedir(d);
}

/* Copies of models that were in force until now and are no more; and leftovers. */
static void clean_copies(const struct models *m, const struct models *old, const char *copies)
{
    char name[COPY_NAME], room[1024];
    for (int k = 0; old && k < MODEL_KIND_COUNT; k++) {
        if (!old->of[k] || old->of[k] == m->of[k]) continue;
        copy_name(old->of[k], name);
        snprintf(room, sizeof room, "%.900s/%s", copies, name);
        if (!is_used(m, name)) (void)unlink(room);
    }
    sweep(m, copies);
}

/* ---- opening ---- */

static enum err fits(struct models *out, enum model_kind kind, char why[200])
{
    struct model *m = out->of[kind];
    if (model_kind(m) != kind) {
        snprintf(why, 200, "it is a model of kind \"%s\", not \"%s\"", model_kind_words.v[model_kind(m)], model_kind_words.v[kind]);
        return ERR_PROTO;
    }
    return kind == MODEL_LANGUAGE ? language_model_init(&out->language, m, why) : ERR_OK;
}

static enum err open_one(struct models *out, enum model_kind kind, const struct models_place *where, char why[200])
{
    const char *path = out->seen[kind].path;
    if (!*path) return snprintf(why, 200, "there is no such file"), ERR_NOTFOUND;
    enum err e = where->copies ? open_copy(&out->of[kind], path, where->copies, why) : model_open(&out->of[kind], path, why);
    if (!e) e = fits(out, kind, why);
    if (!e) return ERR_OK;
    model_unref(out->of[kind]);
    out->of[kind] = NULL;
    return e;
}

void models_open(struct models *out, const struct policy *p, const struct models_place *where, const struct models *old,
                 void (*say)(void *ctx, enum model_kind kind, const char *name, const char *why), void *ctx)
{
    char why[200];
    bool opened = false;
    *out = (struct models){ 0 };
    for (enum model_kind k = 0; k < MODEL_KIND_COUNT; k++) {
        const char *name = name_of(p, k);
        if (!name) continue;
        find(&out->seen[k], p, name, where);
        bool kept = old && old->of[k] && same(&out->seen[k], &old->seen[k]);
        if (!kept && open_one(out, k, where, why) == ERR_OK) {
            opened = true;
            continue;
        }
        if (old && old->of[k]) out->of[k] = model_ref(old->of[k]);
        if (!kept && say) say(ctx, k, name, why);
    }
    out->language = (struct language_model){ 0 };
    if (out->of[MODEL_LANGUAGE]) (void)language_model_init(&out->language, out->of[MODEL_LANGUAGE], why); /* it fitted before */
    if (where->copies && opened) clean_copies(out, old, where->copies);
}

void models_ref(struct models *out, const struct models *m)
{
    *out = *m;
    for (int k = 0; k < MODEL_KIND_COUNT; k++)
        if (out->of[k]) model_ref(out->of[k]);
}

void models_fini(struct models *m)
{
    for (int k = 0; k < MODEL_KIND_COUNT; k++) model_unref(m->of[k]);
    *m = (struct models){ 0 };
}

bool models_changed(const struct models *m, const struct policy *p, const struct models_place *where)
{
    struct model_seen now;
    for (enum model_kind k = 0; k < MODEL_KIND_COUNT; k++) {
        const char *name = name_of(p, k);
        if (!name) continue;
        find(&now, p, name, where);
        if (!same(&now, &m->seen[k])) return true;
    }
    return false;
}
