/* Tables become examples: one row, one text, one label. The file's bytes stay where they are, as part of `files`; examples point
   into them, so a row costs its place, its label and no copy. Labels are told apart by a map and numbered as they come; once all
   is read, labelled_settle gives them their lasting order.

   A row is either good, or passed over and told, or a mistake of the whole file: a label that is too long is hardly a label but a
   wrong column, and one that the kind of model does not know has no right place. Such mistakes are told like bad rows, with the
   nearest right word, and then nothing is learnt. */
#include "cli/labelled.h"

#include "config/findings.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#define TOLD_ROWS 10u
#define MAP_PAIRS 64u

/* ---- labels ---- */

void labels_init(struct labels *l)
{
    *l = (struct labels){ .cap = MODEL_LABELS_MAX };
    map_init(&l->by_name, 3 * MODEL_LABELS_MAX);
}

void labels_fini(struct labels *l)
{
    for (uint32_t i = 0; i < l->count; i++) free(l->names[i]);
    free(l->names);
    map_fini(&l->by_name);
    *l = (struct labels){ 0 };
}

int labels_find(const struct labels *l, struct str name)
{
    uintptr_t number = (uintptr_t)map_get(&l->by_name, name);
    return (int)number - 1;
}

static enum err labels_room(struct labels *l)
{
    uint32_t room = l->room ? l->room * 2 : 64;
    if (l->count < l->room) return ERR_OK;
    char **more = realloc(l->names, room * sizeof *more);
    if (!more) return ERR_NOMEM;
    l->names = more;
    l->room = room;
    return ERR_OK;
}

enum err labels_add(struct labels *l, struct str name, uint32_t *number)
{
    int found = labels_find(l, name);
    if (found >= 0) return *number = (uint32_t)found, ERR_OK;
    if (l->count >= l->cap) return ERR_FULL;
    enum err e = labels_room(l);
    char *copy = e ? NULL : strndup(name.p ? name.p : "", name.n);
    if (!copy) return ERR_NOMEM;
    e = map_put(&l->by_name, str_of(copy), (void *)(uintptr_t)(l->count + 1));
    if (e) return free(copy), e;
    *number = l->count;
    l->names[l->count++] = copy;
    return ERR_OK;
}

const struct words *labelled_only(enum model_kind kind)
{
    static struct words moods;
    moods = (struct words){ sentiment_words.v + 1, sentiment_words.count - 1 }; /* all but "unknown" */
    return kind == MODEL_URGENCY ? &urgency_words : kind == MODEL_SENTIMENT ? &moods : NULL;
}

/* ---- --map ---- */

struct renames {
    struct {
        struct str from, to;
    } pairs[MAP_PAIRS];
    size_t count;
};

static bool renames_read(struct renames *r, const struct labelled_cfg *cfg)
{
    struct str rest = str_of(cfg->map);

    *r = (struct renames){ .count = 0 };
    while (rest.n) {
        const char *comma = memchr(rest.p, ',', rest.n);
        struct str pair = { rest.p, comma ? (size_t)(comma - rest.p) : rest.n };
        const char *equals = memchr(pair.p, '=', pair.n);
        size_t step = comma ? pair.n + 1 : pair.n, at = equals ? (size_t)(equals - pair.p) : 0;
        if (!equals || r->count == MAP_PAIRS) {
            fprintf(stderr, "naru %s: --map: \"%.*s\" is not FROM=TO (write --map \"0=negative,1=positive\", at most %u pairs)\n",
                    cfg->who, STR_FMT(pair), MAP_PAIRS);
            return false;
        }
        r->pairs[r->count].from = table_trim((struct str){ pair.p, at });
        r->pairs[r->count++].to = table_trim((struct str){ equals + 1, pair.n - at - 1 });
        rest = (struct str){ rest.p + step, rest.n - step };
    }
    return true;
}

static struct str renamed(const struct renames *r, struct str label)
{
    for (size_t i = 0; i < r->count; i++)
        if (str_eq(r->pairs[i].from, label)) return r->pairs[i].to;
    return label;
}

/* ---- rows ---- */

void labelled_init(struct labelled *l)
{
    *l = (struct labelled){ .count = 0 };
    labels_init(&l->labels);
}

void labelled_fini(struct labelled *l)
{
    for (uint32_t i = 0; i < l->file_count; i++) table_fini(&l->files[i]);
    free(l->rows);
    free(l->places);
    free(l->more);
    labels_fini(&l->labels);
    *l = (struct labelled){ .count = 0 };
}

static bool grow(void *list, size_t room, size_t size)
{
    void *p, *more;
    memcpy(&p, list, sizeof p);
    if (!(more = realloc(p, room * size))) return false;
    memcpy(list, &more, sizeof more);
    return true;
}

static enum err rows_room(struct labelled *l, bool more)
{
    uint32_t room = l->room ? l->room * 2 : 4096;
    if (l->count < l->room) return ERR_OK;
    if (l->count >= LEARN_ROWS) return ERR_FULL;
    if (!grow(&l->rows, room, sizeof *l->rows) || !grow(&l->places, room, sizeof *l->places)) return ERR_NOMEM;
    if (more && !grow(&l->more, room, sizeof *l->more)) return ERR_NOMEM;
    l->room = room;
    return ERR_OK;
}

static enum err add_row(struct labelled *l, struct example row, struct labelled_place place, const struct labelled_more *more)
{
    enum err e = rows_room(l, more != NULL);
    if (e) return e;
    if (more) l->more[l->count] = *more;
    l->places[l->count] = place;
    l->rows[l->count++] = row;
    l->oos += row.label == LEARN_OOS;
    return ERR_OK;
}

enum err labelled_add(struct labelled *l, struct str text, struct str label, float weight)
{
    uint32_t number = LEARN_OOS;
    enum err e = label.n ? labels_add(&l->labels, label, &number) : ERR_OK;
    return e ? e : add_row(l, (struct example){ text, number, weight }, (struct labelled_place){ UINT32_MAX, 0 }, NULL);
}

/* ---- one file ---- */

struct reading {
    struct labelled *l;
    const struct labelled_cfg *cfg;
    struct table *t;
    struct renames renames;
    struct tally bad; /* of this file */
    uint64_t told;
    bool wrong; /* a mistake of the whole file */
};

/* "F.tsv:7: empty text", ten times at most. */
static void tell_row(struct reading *r, uint32_t line, const char *reason, const char *hint)
{
    tally_add(&r->bad, str_of(reason));
    tally_add(&r->l->bad, str_of(reason));
    if (r->told++ < TOLD_ROWS) fprintf(stderr, "%s:%" PRIu32 ": %s%s\n", r->t->path, line, reason, hint);
}

static const char *text_trouble(struct str text)
{
    if (!text.p) return "no such column in this row";
    if (table_trim(text).n == 0) return "empty text";
    if (memchr(text.p, 0, text.n)) return "a NUL byte in the text";
    return str_utf8(text, NULL) ? NULL : "the text is not UTF-8";
}

static const char *label_trouble(struct str label)
{
    if (!label.p) return "no such column in this row";
    if (label.n == 0) return "empty label";
    return memchr(label.p, 0, label.n) || !str_utf8(label, NULL) ? "the label is not UTF-8" : NULL;
}

/* ' "hihg" (did you mean "high"?)', or all that are known. */
static const char *kind_hint(const struct words *only, struct str label, char *out, size_t room)
{
    char shown[80];
    snprintf(shown, sizeof shown, "%.*s", STR_FMT(label));
    const char *near = str_nearest(str_of(shown), only->v, only->count);
    int n = snprintf(out, room, near ? ": \"%s\" (did you mean \"%s\"?)" : ": \"%s\" (known:", shown, near);
    for (unsigned i = 0; !near && i < only->count; i++) n += snprintf(out + n, room - (size_t)n, " %s", only->v[i]);
    if (!near) snprintf(out + n, room - (size_t)n, "; --map \"%s=WORD\" renames)", shown);
    return out;
}

/* Is it a label that this kind of data may have? If not, nothing will be learnt: a mistake of the file. */
static bool label_fits(struct reading *r, uint32_t line, struct str label)
{
    char hint[256];
    struct str clip = findings_shown(label);

    if (label.n > MODEL_LABEL_LEN) {
        snprintf(hint, sizeof hint, " of %zu bytes (at most %u): is --label the right column?", label.n, MODEL_LABEL_LEN);
        tell_row(r, line, "a label", hint);
    } else if (r->cfg->only && words_find(r->cfg->only, label) < 0) {
        tell_row(r, line, "not a label of this kind", kind_hint(r->cfg->only, clip, hint, sizeof hint));
    } else {
        return true;
    }
    r->wrong = true;
    return false;
}

enum { CELL_TEXT, CELL_LABEL, CELL_MORE, CELLS = CELL_MORE + LABELLED_MORE };

static enum err take_row(struct reading *r, const struct table_row *row)
{
    const char *bad = row->bad ? row->bad : text_trouble(row->cell[CELL_TEXT]);
    struct str label = table_trim(row->cell[CELL_LABEL]);
    struct example example = { row->cell[CELL_TEXT], LEARN_OOS, 1 };
    struct labelled_more more;
    enum err e = ERR_OK;

    if (!bad) bad = label_trouble(label);
    if (bad) return tell_row(r, row->line, bad, ""), ERR_OK;
    label = renamed(&r->renames, label);
    if (!r->cfg->oos || !str_is(label, r->cfg->oos)) {
        if (!label_fits(r, row->line, label)) return ERR_OK;
        e = labels_add(&r->l->labels, label, &example.label);
    }
    bool further = r->cfg->subject || r->cfg->language || r->cfg->attributes;
    memcpy(more.cell, row->cell + CELL_MORE, sizeof more.cell);
    struct labelled_place place = { (uint32_t)(r->t - r->l->files), row->line };
    return e ? e : add_row(r->l, example, place, further ? &more : NULL);
}

static bool find_columns(const struct reading *r, int columns[CELLS])
{
    const struct {
        const char *option, *wanted;
    } of[CELLS] = { { "text", r->cfg->text },
                    { "label", r->cfg->label },
                    { "subject", r->cfg->subject },
                    { "language", r->cfg->language },
                    { "attributes", r->cfg->attributes } };
    for (int i = 0; i < CELLS; i++) {
        columns[i] = of[i].wanted ? table_column_told(r->t, r->cfg->who, of[i].option, of[i].wanted) : -1;
        if (of[i].wanted && columns[i] < 0) return false;
    }
    return true;
}

static enum err tell(const struct reading *r, const char *why)
{
    fprintf(stderr, "naru %s: %s: %s\n", r->cfg->who, r->t->path, why);
    return ERR_USAGE;
}

/* What was passed over, and whether the rest is of use. */
static enum err tell_file(const struct reading *r, enum err e)
{
    struct buf b;

    if (r->told > TOLD_ROWS) fprintf(stderr, "%s: … and %" PRIu64 " more\n", r->t->path, r->told - TOLD_ROWS);
    buf_init(&b, 4096);
    for (unsigned i = 0; i < r->bad.used; i++)
        buf_addf(&b, "%s%s: %" PRIu64, i ? "; " : "", r->bad.rows[i].name, r->bad.rows[i].count);
    if (r->told)
        fprintf(stderr, "naru %s: %s: %" PRIu64 " rows were not used (%s)\n", r->cfg->who, r->t->path, r->told, buf_cstr(&b));
    buf_fini(&b);
    if (e == ERR_FULL && r->l->count >= LEARN_ROWS) return tell(r, "more than 4,000,000 rows");
    if (e == ERR_FULL) return tell(r, "more than 4096 labels; is --label the right column?");
    if (e) return tell(r, err_text(e));
    return r->wrong ? tell(r, "nothing was done: not all labels can be used") : ERR_OK;
}

static enum err read_file(struct labelled *l, const struct labelled_cfg *cfg, const char *path)
{
    struct reading r = { .l = l, .cfg = cfg, .t = &l->files[l->file_count] };
    struct table_row row;
    int columns[CELLS];
    enum err e = ERR_OK;

    if (l->file_count == LABELLED_FILES) return ERR_FULL;
    if (cfg->map && !renames_read(&r.renames, cfg)) return ERR_USAGE;
    l->file_count++;
    if (table_open(r.t, cfg->who, path) || !find_columns(&r, columns)) return ERR_USAGE;
    while (!e && table_next(r.t, columns, CELLS, &row)) e = take_row(&r, &row);
    return tell_file(&r, e);
}

enum err labelled_read(struct labelled *l, const struct labelled_cfg *cfg, const char *const *paths, size_t count)
{
    enum err e = ERR_OK;

    for (size_t i = 0; !e && i < count; i++) e = read_file(l, cfg, paths[i]);
    if (e || l->count) return e;
    fprintf(stderr, "naru %s: %s: no row is left to work with\n", cfg->who, count ? paths[0] : "no file");
    return ERR_USAGE;
}

/* ---- order ---- */

struct named {
    char *name;
    uint32_t was, rank;
};

static int by_rank_and_name(const void *a, const void *b)
{
    const struct named *x = a, *y = b;
    if (x->rank != y->rank) return x->rank < y->rank ? -1 : 1;
    return strcmp(x->name, y->name);
}

enum err labelled_settle(struct labelled *l, const struct words *only)
{
    uint32_t count = l->labels.count, *now = calloc(count + 1, sizeof *now);
    struct named *list = calloc(count + 1, sizeof *list);
    enum err e = list && now ? ERR_OK : ERR_NOMEM;

    if (e) goto out;
    for (uint32_t i = 0; i < count; i++) {
        list[i] = (struct named){ l->labels.names[i], i, 0 };
        if (only) list[i].rank = (uint32_t)words_find(only, str_of(list[i].name));
        map_del(&l->labels.by_name, str_of(list[i].name));
    }
    qsort(list, count, sizeof *list, by_rank_and_name);
    for (uint32_t i = 0; i < count; i++) {
        l->labels.names[i] = list[i].name;
        now[list[i].was] = i;
        if (!e) e = map_put(&l->labels.by_name, str_of(list[i].name), (void *)(uintptr_t)(i + 1));
    }
    for (uint32_t i = 0; i < l->count; i++)
        if (l->rows[i].label != LEARN_OOS) l->rows[i].label = now[l->rows[i].label];
out:
    free(list);
    free(now);
    return e;
}
