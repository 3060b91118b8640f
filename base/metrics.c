#include "base/metrics.h"

#include <float.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

/* A set is what one process counts: for each family its series, one a label value. Ours is `own`; those of other processes
   are decoded from their snapshots into sets of the same shape and replaced whole, so a damaged snapshot changes nothing.

   Within a family, `slots` is a small hash of numbers of series (from 1), sized so that it is never more than half full.
   The empty label has its number in `blank`, so that a family without label is found without hashing.

   Not for several threads: metrics belong to the thread of the loop. */

#define SERIES_MAX    256 /* label values a family */
#define SLOTS         (4 * SERIES_MAX)
#define LABEL_MAX     128 /* bytes of a label value */
#define PROCESSES_MAX 256
#define BUCKETS       16

static const double bucket_le[BUCKETS] = {
    1e-4, 2.5e-4, 5e-4, 1e-3, 2.5e-3, 5e-3, 1e-2, 2.5e-2, 5e-2, 0.1, 0.25, 0.5, 1, 2.5, 5, 10
};

static const struct {
    enum metric_kind kind;
    const char *name, *label, *help;
} families[MET_COUNT] = {
#define METRIC_ROW(id, kind, name, label, help) [MET_##id] = { kind, name, label, help },
    METRIC_MAP(METRIC_ROW)
#undef METRIC_ROW
};

static const char *const kind_names[] = { [M_COUNTER] = "counter", [M_GAUGE] = "gauge", [M_HISTOGRAM] = "histogram" };

struct histogram {
    uint64_t count[BUCKETS + 1]; /* each its own bucket, the last one beyond 10 s */
};

struct series {
    char *label;
    double value; /* of a histogram: the sum */
    struct histogram *histogram;
};

struct family {
    struct series *v;
    uint16_t *slots;
    uint16_t count, room, blank;
};

struct set {
    struct str process; /* owned, sanitised */
    struct family families[MET_COUNT];
};

static struct set own;
static struct set *others[PROCESSES_MAX];
static size_t others_count;

/* ---- sets ---- */

static void set_clear(struct set *s)
{
    for (size_t f = 0; f < MET_COUNT; f++) {
        struct family *family = &s->families[f];
        for (size_t i = 0; i < family->count; i++) {
            free(family->v[i].label);
            free(family->v[i].histogram);
        }
        free(family->v);
        free(family->slots);
    }
    free((char *)s->process.p);
    memset(s, 0, sizeof *s);
}

static void set_free(struct set *s)
{
    if (!s) return;
    set_clear(s);
    free(s);
}

static bool name_copy(struct str *out, struct str s)
{
    char *p = malloc(s.n + 1);

    if (!p) return false;
    if (s.n) memcpy(p, s.p, s.n);
    p[s.n] = 0;
    *out = (struct str){ p, s.n };
    return true;
}

/* Label values come from our own lists and the operator's names, not from customers: FNV-1a is enough. */
static uint32_t label_hash(const char *label)
{
    uint32_t h = 2166136261u;

    for (; *label; label++) h = (h ^ (unsigned char)*label) * 16777619u;
    return h;
}

static uint16_t *slot_of(const struct family *f, const char *label)
{
    uint32_t i = label_hash(label) % SLOTS;

    while (f->slots[i] && strcmp(f->v[f->slots[i] - 1].label, label) != 0) i = (i + 1) % SLOTS;
    return &f->slots[i];
}

static struct series *series_find(const struct family *f, const char *label)
{
    if (!*label) return f->blank ? &f->v[f->blank - 1] : NULL;
    if (!f->slots) return NULL;
    uint16_t number = *slot_of(f, label);
    return number ? &f->v[number - 1] : NULL;
}

static bool family_grow(struct family *f)
{
    uint16_t room = f->room ? (uint16_t)(f->room * 2) : 1;
    struct series *v = realloc(f->v, room * sizeof *v);

    if (!v) return false;
    f->v = v;
    f->room = room;
    return true;
}

static struct series *series_add(struct family *f, enum metric_kind kind, const char *label)
{
    struct series s = { .label = strdup(label), .histogram = kind == M_HISTOGRAM ? calloc(1, sizeof *s.histogram) : NULL };

    if (!f->slots && *label) f->slots = calloc(SLOTS, sizeof *f->slots);
    if (!s.label || (kind == M_HISTOGRAM && !s.histogram) || (!f->slots && *label)) goto fail;
    if (f->count == f->room && !family_grow(f)) goto fail;
    f->v[f->count++] = s;
    if (*label) *slot_of(f, label) = f->count;
    else f->blank = f->count;
    return &f->v[f->count - 1];
fail:
    free(s.label);
    free(s.histogram);
    return NULL;
}

/* ---- counting ---- */

/* A copy that is short and valid UTF-8, as Prometheus demands: what is not becomes '?'. */
static void clean_label(const char *label, char out[LABEL_MAX + 1])
{
    size_t n = 0, left = strlen(label);

    while (left > 0) {
        size_t step = str_utf8_step(label, left);
        if (n + (step ? step : 1) > LABEL_MAX) break;
        memcpy(out + n, step ? label : "?", step ? step : 1);
        n += step ? step : 1;
        label += step ? step : 1;
        left -= step ? step : 1;
    }
    out[n] = 0;
}

static struct series *series_new(struct family *f, enum metric m, const char *label)
{
    char clean[LABEL_MAX + 1];

    clean_label(label, clean);
    struct series *s = series_find(f, clean);
    if (s) return s;
    if (f->count < SERIES_MAX) return series_add(f, families[m].kind, clean);
    return (s = series_find(f, "other")) ? s : series_add(f, families[m].kind, "other"); /* the one beyond */
}

static struct series *series_get(enum metric m, const char *label)
{
    struct family *f = &own.families[m];

    if (!label || !*families[m].label) label = "";
    struct series *s = series_find(f, label);
    return s ? s : series_new(f, m, label);
}

void metrics_init(const char *process)
{
    set_clear(&own);
    while (others_count > 0) set_free(others[--others_count]);
    char clean[LABEL_MAX + 1];
    clean_label(process, clean);
    name_copy(&own.process, str_of(clean));
}

void metric_add(enum metric m, const char *label, double by)
{
    struct series *s = series_get(m, label);

    if (!s || families[m].kind == M_HISTOGRAM) return;
    if (families[m].kind == M_COUNTER && !(by >= 0 && by <= DBL_MAX)) return; /* counters only rise */
    s->value += by;
}

void metric_set(enum metric m, const char *label, double v)
{
    struct series *s = families[m].kind == M_GAUGE ? series_get(m, label) : NULL;

    if (s) s->value = v;
}

void metric_observe(enum metric m, const char *label, double seconds)
{
    struct series *s = families[m].kind == M_HISTOGRAM ? series_get(m, label) : NULL;
    size_t bucket = 0;

    if (!s || !isfinite(seconds)) return;
    if (seconds < 0) seconds = 0; /* two clocks may disagree */
    while (bucket < BUCKETS && seconds > bucket_le[bucket]) bucket++;
    s->histogram->count[bucket]++;
    s->value += seconds;
}

static uint64_t histogram_total(const struct histogram *h)
{
    uint64_t total = 0;

    for (size_t i = 0; i <= BUCKETS; i++) total += h->count[i];
    return total;
}

double metric_get(enum metric m, const char *label)
{
    const struct series *s = series_find(&own.families[m], label && *families[m].label ? label : "");

    if (!s) return 0;
    return s->histogram ? (double)histogram_total(s->histogram) : s->value;
}

/* ---- snapshots ----

   "NMS1", then for each series: 1, length and bytes of the family's name, length and bytes of the label value, kind, value
   (a double), and for a histogram its counts (17 × 8 bytes); then 0. Numbers are little-endian. A family is known by its name,
   so that processes of two versions understand each other: an unknown one is skipped, and its kind tells how long it is. */

#define SNAPSHOT_MAGIC "NMS1"

static void pack_u64(struct buf *out, uint64_t v)
{
    char bytes[8];

    for (int i = 0; i < 8; i++) bytes[i] = (char)(v >> (8 * i));
    buf_add(out, bytes, 8);
}

static void pack_f64(struct buf *out, double v)
{
    uint64_t bits;

    memcpy(&bits, &v, 8);
    pack_u64(out, bits);
}

static void pack_text(struct buf *out, const char *z)
{
    size_t n = strlen(z);

    buf_addc(out, (char)(unsigned char)n); /* names and labels are shorter than 256 */
    buf_add(out, z, n);
}

static void pack_series(struct buf *out, size_t m, const struct series *s)
{
    buf_addc(out, 1);
    pack_text(out, families[m].name);
    pack_text(out, s->label);
    buf_addc(out, (char)families[m].kind);
    pack_f64(out, s->value);
    for (size_t i = 0; s->histogram && i <= BUCKETS; i++) pack_u64(out, s->histogram->count[i]);
}

void metrics_pack(struct buf *out)
{
    buf_addz(out, SNAPSHOT_MAGIC);
    for (size_t m = 0; m < MET_COUNT; m++)
        for (size_t i = 0; i < own.families[m].count; i++) pack_series(out, m, &own.families[m].v[i]);
    buf_addc(out, 0);
}

/* Sticky: after the first failure everything reads as nothing. */
struct reader {
    const char *p;
    size_t n;
    bool bad;
};

static const char *take_bytes(struct reader *r, size_t n)
{
    static const char zeros[256];

    if (r->bad || n > r->n) {
        r->bad = true;
        return zeros;
    }
    const char *p = r->p;
    r->p += n;
    r->n -= n;
    return p;
}

static unsigned take_u8(struct reader *r) { return (unsigned char)*take_bytes(r, 1); }

static uint64_t take_u64(struct reader *r)
{
    const unsigned char *p = (const unsigned char *)take_bytes(r, 8);
    uint64_t v = 0;

    for (int i = 0; i < 8; i++) v |= (uint64_t)p[i] << (8 * i);
    return v;
}

static double take_f64(struct reader *r)
{
    uint64_t bits = take_u64(r);
    double v;

    memcpy(&v, &bits, 8);
    return v;
}

/* Into a NUL-terminated copy; refuses NUL and bad UTF-8 within. */
static void take_text(struct reader *r, char out[256])
{
    size_t n = take_u8(r);
    struct str s = { take_bytes(r, n), n };

    if (r->bad || (n && memchr(s.p, 0, n)) || !str_utf8(s, NULL)) {
        r->bad = true;
        n = 0;
    }
    memcpy(out, s.p, n);
    out[n] = 0;
}

static size_t family_named(const char *name)
{
    size_t m = 0;

    while (m < MET_COUNT && strcmp(families[m].name, name) != 0) m++;
    return m;
}

static bool value_is_sane(enum metric_kind kind, double v) { return kind == M_GAUGE || (isfinite(v) && v >= 0); }

static void take_counts(struct reader *r, struct histogram *h)
{
    for (size_t i = 0; i <= BUCKETS; i++) {
        h->count[i] = take_u64(r);
        if (h->count[i] >> 53) r->bad = true; /* more than a double counts; 17 of them cannot overflow */
    }
}

static enum err take_series(struct reader *r, struct set *set)
{
    char name[256], label[256];
    struct histogram counts = { { 0 } };

    take_text(r, name);
    take_text(r, label);
    unsigned kind = take_u8(r);
    double value = take_f64(r);
    if (kind == M_HISTOGRAM) take_counts(r, &counts);
    if (r->bad || kind > M_HISTOGRAM || !value_is_sane(kind, value)) return ERR_PROTO;

    size_t m = family_named(name);
    if (m == MET_COUNT) return ERR_OK; /* a newer process counts more than we know */
    struct family *f = &set->families[m];
    bool misfit = kind != families[m].kind || strlen(label) > LABEL_MAX || (*label && !*families[m].label);
    if (misfit || f->count > SERIES_MAX || series_find(f, label)) return ERR_PROTO;
    struct series *s = series_add(f, kind, label);
    if (!s) return ERR_NOMEM;
    s->value = value;
    if (s->histogram) *s->histogram = counts;
    return ERR_OK;
}

static enum err take_set(struct reader *r, struct set *set)
{
    enum err e = ERR_OK;
    unsigned more = 0;

    if (memcmp(take_bytes(r, 4), SNAPSHOT_MAGIC, 4) != 0) return ERR_PROTO;
    while (!e && (more = take_u8(r)) == 1) e = take_series(r, set);
    if (!e && (r->bad || more != 0 || r->n != 0)) e = ERR_PROTO;
    return e;
}

static size_t process_at(struct str process)
{
    size_t i = 0;

    while (i < others_count && !str_eq(others[i]->process, process)) i++;
    return i;
}

enum err metrics_take(struct str process, struct str packed)
{
    struct reader r = { packed.p, packed.n, false };
    size_t at = process_at(process);
    struct set *set = NULL;
    enum err e = ERR_PROTO;

    if (process.n == 0 || process.n > LABEL_MAX || memchr(process.p, 0, process.n) || !str_utf8(process, NULL)) goto out;
    if (str_eq(process, own.process)) goto out; /* would double our own lines */
    e = ERR_FULL;
    if (at == PROCESSES_MAX) goto out;
    e = ERR_NOMEM;
    if (!(set = calloc(1, sizeof *set)) || !name_copy(&set->process, process)) goto out;
    e = take_set(&r, set);
    if (e) goto out;
    struct set *last = at < others_count ? others[at] : NULL;
    others[at] = set;
    others_count += last == NULL;
    set = last;
out:
    set_free(set);
    return e;
}

void metrics_forget(struct str process)
{
    size_t at = process_at(process);

    if (at == others_count) return;
    set_free(others[at]);
    others[at] = others[--others_count];
}

/* ---- the text format ---- */

static void render_label(struct buf *out, const char *name, struct str value)
{
    buf_addz(out, name);
    buf_addz(out, "=\"");
    for (size_t i = 0; i < value.n; i++) {
        if (value.p[i] == '\n') buf_addz(out, "\\n");
        else if (value.p[i] == '"' || value.p[i] == '\\') buf_addf(out, "\\%c", value.p[i]);
        else buf_addc(out, value.p[i]);
    }
    buf_addc(out, '"');
}

static void render_number(struct buf *out, double v)
{
    if (isnan(v)) buf_addz(out, "NaN");
    else if (isinf(v)) buf_addz(out, v > 0 ? "+Inf" : "-Inf");
    else if (v >= 0 && v < 0x1p53 && v == floor(v)) buf_addu(out, (uint64_t)v);
    else buf_addf(out, "%.15g", v);
}

/* name suffix {process="…",label="…",le="…"} value */
static void render_line(struct buf *out, size_t m, const struct set *set, const char *label, const char *suffix, const char *le,
                        double value)
{
    buf_addz(out, families[m].name);
    buf_addz(out, suffix);
    buf_addc(out, '{');
    render_label(out, "process", set->process);
    if (*families[m].label) {
        buf_addc(out, ',');
        render_label(out, families[m].label, str_of(label));
    }
    if (le) {
        buf_addc(out, ',');
        render_label(out, "le", str_of(le));
    }
    buf_addz(out, "} ");
    render_number(out, value);
    buf_addc(out, '\n');
}

static void render_histogram(struct buf *out, size_t m, const struct set *set, const struct series *s)
{
    uint64_t total = 0;
    char le[32];

    for (size_t i = 0; i <= BUCKETS; i++) {
        total += s->histogram->count[i];
        if (i < BUCKETS) snprintf(le, sizeof le, "%g", bucket_le[i]);
        render_line(out, m, set, s->label, "_bucket", i < BUCKETS ? le : "+Inf", (double)total);
    }
    render_line(out, m, set, s->label, "_sum", NULL, s->value);
    render_line(out, m, set, s->label, "_count", NULL, (double)total);
}

static void render_set(struct buf *out, size_t m, const struct set *set)
{
    const struct family *f = &set->families[m];

    for (size_t i = 0; i < f->count; i++) {
        if (f->v[i].histogram) render_histogram(out, m, set, &f->v[i]);
        else render_line(out, m, set, f->v[i].label, "", NULL, f->v[i].value);
    }
}

static bool family_has_series(size_t m)
{
    bool any = own.families[m].count > 0;

    for (size_t i = 0; i < others_count && !any; i++) any = others[i]->families[m].count > 0;
    return any;
}

void metrics_render(struct buf *out)
{
    for (size_t m = 0; m < MET_COUNT; m++) {
        if (!family_has_series(m)) continue;
        buf_addf(out, "# HELP %s %s\n", families[m].name, families[m].help);
        buf_addf(out, "# TYPE %s %s\n", families[m].name, kind_names[families[m].kind]);
        render_set(out, m, &own);
        for (size_t i = 0; i < others_count; i++) render_set(out, m, others[i]);
    }
}
