/* A model is its file's bytes, mapped read-only, and nothing else: opening checks them once, so that scoring need not. After the
   check these hold: every slot's row is below `rows`, at least one slot is free and no search is long, labels are unique UTF-8, not
   empty and ended, no number that is multiplied is so large that a sum could be infinite, shares add up to 1.

   The file must not be changed in place while it is mapped; who replaces it writes a new one and renames it (models.c copies what
   it opens, for those who do not). */
#include "workers/triage/model_file.h"

#include <fcntl.h>
#include <math.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>

#define RUN_MOST 4096u /* used slots in a row: more is no table that was filled by hashes, and would make every search long */
#define BIG_MOST 1e6f  /* of any number of a net: far above what is learnt, and no sum of them is infinite */

#define MODEL_KIND_WORD(id, word) word,
static const char *const kind_words[] = { MODEL_KIND_MAP(MODEL_KIND_WORD) };
const struct words model_kind_words = { kind_words, MODEL_KIND_COUNT };

struct model {
    struct model_parts parts;
    void *map; /* NULL: the bytes are somebody else's */
    size_t size;
    atomic_uint refs;
    struct str *label;
};

/* ---- checking ---- */

static enum err bad(char why[200], const char *what)
{
    snprintf(why, 200, "%s", what);
    return ERR_PROTO;
}

uint64_t model_size(const struct model_header *h)
{
    uint64_t stride = (h->labels + 15) / 16 * 16, n = MODEL_HEADER;
    n += model_align(h->label_bytes) + model_align((uint64_t)h->slots * sizeof(struct model_slot));
    n += model_align((uint64_t)h->rows * model_row_size(h)) + model_align((uint64_t)h->width * 4);
    return n + model_align(h->width * stride * 4) + 2 * model_align(stride * 4);
}

static uint32_t crc_of(const void *p, size_t n) { return (uint32_t)crc32_z(0, p, n); }

static uint32_t header_crc(const struct model_header *h)
{
    struct model_header copy = *h;
    copy.header_crc = 0;
    return crc_of(&copy, sizeof copy);
}

void model_sign(char *bytes)
{
    struct model_header h;
    memcpy(&h, bytes, sizeof h);
    h.parts_crc = crc_of(bytes + MODEL_HEADER, h.size - MODEL_HEADER);
    h.header_crc = header_crc(&h);
    memcpy(bytes, &h, sizeof h);
}

static enum err check_header(const struct model_header *h, size_t size, char why[200])
{
    if (memcmp(h->magic, MODEL_MAGIC, sizeof h->magic) != 0) return bad(why, "this is no model file");
    if (h->version != MODEL_VERSION) {
        snprintf(why, 200, "the model file is of version %u, this program reads version %u", (unsigned)h->version, MODEL_VERSION);
        return ERR_PROTO;
    }
    if (h->header_crc != header_crc(h)) return bad(why, "the model file is damaged: its header's checksum is wrong");
    if (h->kind >= MODEL_KIND_COUNT || h->groups == 0 || h->groups & ~GRAM_ALL)
        return bad(why, "the model is of a kind that this program does not know");
    if (h->labels < 1 || h->labels > MODEL_LABELS_MAX || h->label_bytes < 2 * h->labels ||
        h->label_bytes > h->labels * (MODEL_LABEL_LEN + 1) || (h->oos != MODEL_NO_OOS && h->oos >= h->labels))
        return bad(why, "the model file's labels make no sense");
    if (h->width < MODEL_LANES || h->width > MODEL_WIDTH_MAX || h->width % MODEL_LANES || h->rows < 1 || h->rows > MODEL_ROWS_MAX ||
        h->slots <= h->rows || h->slots > 4 * MODEL_ROWS_MAX)
        return bad(why, "the model file's sizes make no sense");
    if (!(h->temperature >= 0.01f && h->temperature <= 100) || !(h->threshold >= 0 && h->threshold <= 1))
        return bad(why, "the model file's temperature or threshold makes no sense");
    if (h->size != size || model_size(h) != size) return bad(why, "the model file is cut short or too long");
    return ERR_OK;
}

static const char *part(const char **at, uint64_t n)
{
    const char *p = *at;
    *at += model_align(n);
    return p;
}

static int by_text(const void *a, const void *b) { return strcmp(*(const char *const *)a, *(const char *const *)b); }

static bool check_labels(const struct model_parts *p)
{
    const char *at = p->labels, *end = at + p->h->label_bytes, *sorted[MODEL_LABELS_MAX];
    size_t bad_at;
    for (uint32_t i = 0; i < p->h->labels; i++) {
        const char *nul = at < end ? memchr(at, 0, (size_t)(end - at)) : NULL;
        if (!nul || nul == at || (size_t)(nul - at) > MODEL_LABEL_LEN) return false;
        if (!str_utf8((struct str){ at, (size_t)(nul - at) }, &bad_at)) return false; /* verdicts carry them */
        sorted[i] = at;
        at = nul + 1;
    }
    qsort(sorted, p->h->labels, sizeof *sorted, by_text);
    for (uint32_t i = 1; i < p->h->labels; i++)
        if (strcmp(sorted[i - 1], sorted[i]) == 0) return false;
    return at == end;
}

static bool check_slots(const struct model_parts *p)
{
    bool free_slot = false;
    uint32_t run = 0;
    for (uint32_t i = 0; i < p->h->slots; i++) {
        const struct model_slot *s = &p->slots[i];
        run = s->print ? run + 1 : 0;
        if (!s->print) free_slot = true;
        else if (s->row >> 8 >= p->h->rows || !(s->row & 0xFF) || run > RUN_MOST) return false;
    }
    return free_slot;
}

static bool sane(const float *v, uint64_t n)
{
    for (uint64_t i = 0; i < n; i++)
        if (!(fabsf(v[i]) <= BIG_MOST)) return false; /* nor is NaN */
    return true;
}

/* They stand for the probabilities of a text without known features. */
static bool check_shares(const struct model_parts *p)
{
    double sum = 0;
    for (uint32_t i = 0; i < p->h->labels; i++) {
        if (!(p->shares[i] >= 0 && p->shares[i] <= 1.001f)) return false;
        sum += (double)p->shares[i];
    }
    return fabs(sum - 1) < 0.01;
}

static bool rows_sane(const struct model_parts *p)
{
    for (uint32_t i = 0; i < p->h->rows; i++)
        if (!(fabsf(model_row_scale(model_row(p, i))) <= BIG_MOST)) return false;
    return true;
}

enum err model_check(struct model_parts *out, struct str bytes, char why[200])
{
    const struct model_header *h = (const struct model_header *)(const void *)bytes.p;
    if (bytes.n < MODEL_HEADER) return bad(why, "this is no model file: it is shorter than a header");
    enum err e = check_header(h, bytes.n, why);
    if (e) return e;
    if (h->parts_crc != crc_of(bytes.p + MODEL_HEADER, bytes.n - MODEL_HEADER))
        return bad(why, "the model file is damaged: its checksum is wrong");
    const char *at = bytes.p + MODEL_HEADER;
    struct model_parts p = { .h = h, .stride = (h->labels + 15) / 16 * 16 };
    p.labels = part(&at, h->label_bytes);
    p.slots = (const void *)part(&at, (uint64_t)h->slots * sizeof *p.slots);
    p.weights = part(&at, (uint64_t)h->rows * model_row_size(h));
    p.hidden = (const void *)part(&at, (uint64_t)h->width * 4);
    p.out = (const void *)part(&at, (uint64_t)h->width * p.stride * 4);
    p.bias = (const void *)part(&at, (uint64_t)p.stride * 4);
    p.shares = (const void *)part(&at, (uint64_t)p.stride * 4);
    if (!check_labels(&p)) return bad(why, "the model file's labels make no sense");
    if (!check_slots(&p)) return bad(why, "the model file's features make no sense");
    if (!rows_sane(&p) || !sane(p.hidden, h->width) || !sane(p.out, (uint64_t)h->width * p.stride) || !sane(p.bias, p.stride))
        return bad(why, "the model file holds numbers that are none, or huge");
    if (!check_shares(&p)) return bad(why, "the model file's shares of labels do not add up to 1");
    *out = p;
    return ERR_OK;
}

/* ---- life ---- */

enum err model_of(struct model **out, struct str bytes, char why[200])
{
    struct model_parts parts;
    *out = NULL;
    enum err e = model_check(&parts, bytes, why);
    if (e) return e;
    struct model *m = calloc(1, sizeof *m);
    struct str *label = calloc(parts.h->labels, sizeof *label);
    if (!m || !label) {
        free(m);
        free(label);
        return bad(why, "out of memory"), ERR_NOMEM;
    }
    const char *at = parts.labels;
    for (uint32_t i = 0; i < parts.h->labels; i++) {
        label[i] = str_of(at);
        at += label[i].n + 1;
    }
    *m = (struct model){ .parts = parts, .label = label };
    atomic_init(&m->refs, 1);
    *out = m;
    return ERR_OK;
}

enum err model_file_open(const char *path, int *fd, size_t *size, char why[200])
{
    struct stat st;
    int got = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK); /* a pipe without a writer must not hold us */
    enum err e = ERR_OK;
    if (got < 0 || fstat(got, &st) != 0) {
        snprintf(why, 200, "cannot read %.120s: %m", path);
        e = ERR_IO;
    } else if (!S_ISREG(st.st_mode)) {
        e = bad(why, "this is no file");
    } else if (st.st_size < (off_t)MODEL_HEADER || st.st_size > (off_t)MODEL_MAX) {
        e = bad(why, "this is no model file: its size is not one");
    }
    if (e && got >= 0) close(got);
    if (e) return e;
    *fd = got;
    *size = (size_t)st.st_size;
    return ERR_OK;
}

static enum err map_file(const char *path, struct str *out, char why[200])
{
    int fd;
    size_t size;
    enum err e = model_file_open(path, &fd, &size, why);
    if (e) return e;
    void *p = mmap(NULL, size, PROT_READ, MAP_SHARED, fd, 0);
    if (p == MAP_FAILED) {
        snprintf(why, 200, "cannot map %.120s: %m", path);
        e = ERR_IO;
    }
    close(fd);
    if (!e) *out = (struct str){ p, size };
    return e;
}

enum err model_open(struct model **out, const char *path, char why[200])
{
    struct str bytes;
    *out = NULL;
    enum err e = map_file(path, &bytes, why);
    if (e) return e;
    e = model_of(out, bytes, why);
    if (e) {
        munmap((void *)(uintptr_t)bytes.p, bytes.n);
        return e;
    }
    (*out)->map = (void *)(uintptr_t)bytes.p;
    (*out)->size = bytes.n;
    return ERR_OK;
}

struct model *model_ref(struct model *m)
{
    atomic_fetch_add(&m->refs, 1);
    return m;
}

void model_unref(struct model *m)
{
    if (!m || atomic_fetch_sub(&m->refs, 1) != 1) return;
    if (m->map) munmap(m->map, m->size);
    free(m->label);
    free(m);
}

/* ---- what is in it ---- */

enum model_kind model_kind(const struct model *m) { return (enum model_kind)m->parts.h->kind; }
uint32_t model_labels(const struct model *m) { return m->parts.h->labels; }
struct str model_label(const struct model *m, uint32_t label) { return m->label[label]; }
int model_oos(const struct model *m) { return m->parts.h->oos == MODEL_NO_OOS ? -1 : (int)m->parts.h->oos; }
double model_threshold(const struct model *m) { return (double)m->parts.h->threshold; }
const struct model_parts *model_parts_of(const struct model *m) { return &m->parts; }

int model_find(const struct model *m, struct str label)
{
    for (uint32_t i = 0; i < m->parts.h->labels; i++)
        if (str_eq(m->label[i], label)) return (int)i;
    return -1;
}

void model_facts(const struct model *m, struct model_facts *out)
{
    const struct model_header *h = m->parts.h;
    *out = (struct model_facts){ h->examples, h->seed, h->size, h->rows, h->groups, (double)h->temperature };
}
