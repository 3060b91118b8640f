/* A file is known by its entry (device, inode, size, time of change): `naru train` renames a new file into place, so a change shows
   there. One that could not be opened is remembered likewise and tried again only when it has changed, so that a damaged file is
   told of once.

   Copies are named by what they hold (both checksums and the size), so that all workers of a machine map the same one. */
#include "workers/triage/models.h"

#include "workers/triage/model_file.h"

#include <errno.h>
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

static void find(struct model_seen *s, const struct policy *p, const char *name, const struct models_place *where)
{
    const char *slash = p->path ? strrchr(p->path, '/') : NULL;
    *s = (struct model_seen){ 0 };
    if (*name == '/') {
        look(s, NULL, 0, name);
        return;
    }
    if (slash ? look(s, p->path, (size_t)(slash - p->path), name) : p->path && look(s, ".", 1, name)) return;
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

static bool copy_bytes(int from, int to, uint64_t size)
{
    char block[65536];
    for (uint64_t done = 0; done < size;) {
        ssize_t n = read(from, block, sizeof block), w = 0;
        if (n <= 0) return false;
        for (ssize_t at = 0; at < n; at += w)
            if ((w = write(to, block + at, (size_t)(n - at))) <= 0) return false;
        done += (uint64_t)n;
    }
    return true;
}

/* Where a copy of the file at `path` is, in room[1024]: made when there is none. False when it cannot be. */
static bool copy_of(const char *path, const char *copies, char room[1024])
{
    struct model_header h;
    char draft[1024];
    struct stat st;
    bool ok = false;
    int to = -1, from = open(path, O_RDONLY | O_CLOEXEC);
    if (from < 0 || pread(from, &h, sizeof h, 0) != (ssize_t)sizeof h || fstat(from, &st) != 0 || (uint64_t)st.st_size != h.size ||
        h.size > MODEL_MAX)
        goto out;
    snprintf(room, 1024, "%s/%08" PRIx32 "%08" PRIx32 "-%" PRIu64 ".model", copies, h.header_crc, h.parts_crc, h.size);
    if ((ok = access(room, R_OK) == 0)) goto out;
    snprintf(draft, sizeof draft, "%.900s/draft-%ld-%08" PRIx32, copies, (long)getpid(), h.header_crc);
    (void)mkdir(copies, 0700);
    to = open(draft, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    ok = to >= 0 && copy_bytes(from, to, h.size) && rename(draft, room) == 0;
    if (!ok) (void)unlink(draft);
out:
    if (to >= 0) close(to);
    if (from >= 0) close(from);
    return ok;
}

static enum err open_copy(struct model **out, const char *path, const char *copies, char why[200])
{
    char room[1024];
    if (!copies || !copy_of(path, copies, room)) return model_open(out, path, why);
    enum err e = model_open(out, room, why);
    if (e) (void)unlink(room); /* it was written while it was copied: the next look makes another */
    return e;
}

/* ---- opening ---- */

static enum err open_one(struct models *out, enum model_kind kind, const struct models_place *where, char why[200])
{
    struct model_seen *s = &out->seen[kind];
    if (!*s->path) return snprintf(why, 200, "there is no such file"), ERR_NOTFOUND;
    enum err e = open_copy(&out->of[kind], s->path, where->copies, why);
    if (e || model_kind(out->of[kind]) == kind) return e;
    snprintf(why, 200, "it is a model of kind \"%s\", not \"%s\"", model_kind_words.v[model_kind(out->of[kind])],
             model_kind_words.v[kind]);
    model_unref(out->of[kind]);
    out->of[kind] = NULL;
    return ERR_PROTO;
}

void models_open(struct models *out, const struct policy *p, const struct models_place *where, const struct models *old,
                 void (*say)(void *ctx, enum model_kind kind, const char *name, const char *why), void *ctx)
{
    char why[200];
    *out = (struct models){ 0 };
    for (enum model_kind k = 0; k < MODEL_KIND_COUNT; k++) {
        const char *name = name_of(p, k);
        if (!name) continue;
        find(&out->seen[k], p, name, where);
        bool kept = old && old->of[k] && same(&out->seen[k], &old->seen[k]);
        if (!kept && open_one(out, k, where, why) == ERR_OK) continue;
        if (old && old->of[k]) out->of[k] = model_ref(old->of[k]);
        if (!kept && say) say(ctx, k, name, why);
    }
    struct model *m = out->of[MODEL_LANGUAGE];
    if (!m || language_model_init(&out->language, m, why) == ERR_OK) return;
    out->language = (struct language_model){ 0 };
    if (say) say(ctx, MODEL_LANGUAGE, p->model_language, why);
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
