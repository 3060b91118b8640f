/* Bytes come in blocks into one buffer; a row is looked for only when all of it must be there: the buffer holds the longest row
   that may be, or the rest of the file. So memory is bounded whatever the file is, and base/csv.h, which cuts rows and cells where
   they stand, serves here as it does for files read as a whole (cli/table.h). libcsv 3.0.3 was read for
   this: it copies cells byte by byte into a buffer that grows without a bound, calls back without a place, has one code for all
   that is wrong, and lets an open quote take the rest of the file. Lines, bounds and reasons would have to be written around it.

   A row is checked as a whole (UTF-8, no NUL, as many cells as the header has) before any cell of it is looked at. */
#include "workers/simulate/sheet.h"

#include "base/csv.h"
#include "config/findings.h"
#include "workers/simulate/arrival.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <strings.h>
#include <sys/stat.h>
#include <unistd.h>

#define ROOM       (1u << 20)       /* of the buffer */
#define NEEDED     (SHEET_ROW + 2u) /* bytes that hold the longest row with its line end */
#define PATH_SHOWN 200u

/* ---- saying what is wrong ---- */

static const char *path_end(const char *path)
{
    size_t n = strlen(path);
    return n > PATH_SHOWN ? path + n - PATH_SHOWN : path;
}

static enum err say(char why[SHEET_WHY], enum err e, const char *path, uint64_t line, const char *fmt, va_list ap)
{
    int n = line ? snprintf(why, SHEET_WHY, "%s:%" PRIu64 ": ", path_end(path), line)
                 : snprintf(why, SHEET_WHY, "%s: ", path_end(path));
    if (n > 0 && (size_t)n < SHEET_WHY) vsnprintf(why + n, SHEET_WHY - (size_t)n, fmt, ap);
    for (char *c = why; *c; c++)
        if ((unsigned char)*c < 0x20 || *c == 0x7F) *c = '?';
    return e;
}

enum err sheet_say(const struct sheet *s, char why[SHEET_WHY], const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    enum err e = say(why, ERR_USAGE, s->path, s->line, fmt, ap);
    va_end(ap);
    return e;
}

static enum err refuse(const struct sheet *s, char why[SHEET_WHY], enum err e, const char *fmt, ...)
    __attribute__((format(printf, 4, 5)));
static enum err refuse(const struct sheet *s, char why[SHEET_WHY], enum err e, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    say(why, e, s->path, 0, fmt, ap);
    va_end(ap);
    return e;
}

/* ---- bytes ---- */

/* Afterwards the longest row is there, or all that is left. */
static enum err fill(struct sheet *s, char why[SHEET_WHY])
{
    if (s->ended || s->end - s->at >= NEEDED) return ERR_OK;
    memmove(s->bytes, s->bytes + s->at, s->end - s->at);
    s->end -= s->at;
    s->at = 0;
    while (!s->ended && s->end < ROOM) {
        ssize_t n = read(s->fd, s->bytes + s->end, ROOM - s->end);
        if (n < 0 && errno == EINTR) continue;
        if (n < 0) return refuse(s, why, ERR_IO, "%s", strerror(errno));
        if (n == 0) s->ended = true;
        s->end += (size_t)n;
    }
    return ERR_OK;
}

/* The next row that is not empty, whole, and its place. */
static enum err take_row(struct sheet *s, struct str *out, char why[SHEET_WHY])
{
    for (;;) {
        enum err e = fill(s, why);
        if (e) return e;
        if (s->at == s->end) return ERR_NOTFOUND;
        char *p = s->bytes + s->at;
        struct csv_row row = csv_row(p, s->end - s->at, SHEET_ROW);
        s->line = s->next_line;
        s->next_line += row.lines;
        s->at += row.step;
        if (row.bad) return sheet_say(s, why, "the row %s (a row has at most %u bytes)", row.bad, SHEET_ROW);
        *out = (struct str){ p, row.n };
        if (row.n) return ERR_OK;
    }
}

static enum err check_text(const struct sheet *s, struct str row, char why[SHEET_WHY])
{
    size_t at = 0;
    if (memchr(row.p, 0, row.n)) return sheet_say(s, why, "has a NUL byte: is this a text file in UTF-8?");
    if (str_utf8(row, &at)) return ERR_OK;
    return sheet_say(s, why, "is not UTF-8: its byte %zu is 0x%02x (iconv -t UTF-8 turns other encodings into it)", at + 1,
                     (unsigned char)row.p[at]);
}

static struct str trim(struct str s)
{
    while (s.n && (s.p[0] == ' ' || s.p[0] == '\t')) s.p++, s.n--;
    while (s.n && (s.p[s.n - 1] == ' ' || s.p[s.n - 1] == '\t')) s.n--;
    return s;
}

/* ---- the header ---- */

struct names {
    char text[SHEET_COLUMNS][64]; /* cut where longer */
    const char *list[SHEET_COLUMNS];
};

static bool wants(const struct sheet_form *f, const char *name, uint32_t *which)
{
    for (uint32_t i = 0; i < f->count; i++)
        if (!strcasecmp(f->columns[i], name)) return *which = i, true;
    return false;
}

static enum err read_names(struct sheet *s, struct str row, struct names *n, char why[SHEET_WHY])
{
    struct str cell;
    uint32_t which;

    for (bool more = true; more; s->columns++) {
        if (s->columns == SHEET_COLUMNS) return sheet_say(s, why, "the header names more than %u columns", SHEET_COLUMNS);
        more = csv_cell(&row, &cell);
        cell = trim(cell);
        char *name = n->text[s->columns];
        snprintf(name, sizeof n->text[0], "%.*s", STR_FMT(cell));
        n->list[s->columns] = name;
        if (cell.n >= sizeof n->text[0] || !wants(s->form, name, &which)) continue;
        if (s->place[which] >= 0) return sheet_say(s, why, "the header names %s twice", s->form->columns[which]);
        s->place[which] = (int)s->columns;
    }
    return ERR_OK;
}

static size_t add(char *to, size_t room, size_t at, const char *fmt, ...) __attribute__((format(printf, 4, 5)));
static size_t add(char *to, size_t room, size_t at, const char *fmt, ...)
{
    va_list ap;
    if (at >= room) return at;
    va_start(ap, fmt);
    int n = vsnprintf(to + at, room - at, fmt, ap);
    va_end(ap);
    return n < 0 ? at : at + (size_t)n;
}

/* "arrival_ms (named "arrival"?), work_ms": what the header lacks, each with the name that is near to it. */
static bool lacking(const struct sheet *s, const struct names *n, char out[200])
{
    size_t at = 0;
    *out = '\0';
    for (uint32_t i = 0; i < s->form->count; i++) {
        if (s->place[i] >= 0) continue;
        const char *name = s->form->columns[i], *near = str_nearest(str_of(name), n->list, s->columns);
        uint32_t other;
        at = add(out, 200, at, "%s%s", at ? ", " : "", name);
        if (near && *near && !wants(s->form, near, &other)) at = add(out, 200, at, " (\"%s\": did you mean \"%s\"?)", near, name);
    }
    return at != 0;
}

static enum err check_names(const struct sheet *s, const struct names *n, char why[SHEET_WHY])
{
    char lacks[200], form[120] = "", has[160] = "";
    size_t at = 0;

    if (!lacking(s, n, lacks)) return ERR_OK;
    for (uint32_t i = 0; i < s->form->count; i++) at = add(form, sizeof form, at, "%s%s", i ? "," : "", s->form->columns[i]);
    if (s->columns == 1 && strpbrk(n->text[0], ";\t|"))
        return sheet_say(s, why, "commas part the columns; the header has none. It is, in any order: %s", form);
    at = 0;
    for (uint32_t i = 0; i < s->columns; i++) at = add(has, sizeof has, at, "%s%s", i ? "," : "", n->text[i]);
    return sheet_say(s, why, "the header lacks %s. It has: %s%s; it should have, in any order: %s", lacks, has,
                     at >= sizeof has ? "…" : "", form);
}

static enum err read_header(struct sheet *s, char why[SHEET_WHY])
{
    struct str row;
    enum err e = fill(s, why);
    if (e) return e;
    const char *p = s->bytes;
    if (s->end >= 3 && !memcmp(p, "\xEF\xBB\xBF", 3)) s->at = 3;
    if (s->end >= 2 && (!memcmp(p, "\xFF\xFE", 2) || !memcmp(p, "\xFE\xFF", 2)))
        return refuse(s, why, ERR_USAGE, "is UTF-16; save it as UTF-8");
    struct names *n = calloc(1, sizeof *n);
    e = n ? take_row(s, &row, why) : refuse(s, why, ERR_NOMEM, "%s", err_text(ERR_NOMEM));
    if (e == ERR_NOTFOUND) e = refuse(s, why, ERR_USAGE, "is empty; its first line names the columns");
    if (!e) e = check_text(s, row, why);
    if (!e) e = read_names(s, row, n, why);
    if (!e) e = check_names(s, n, why);
    free(n);
    return e;
}

enum err sheet_open(struct sheet *s, const char *path, const struct sheet_form *form, char why[SHEET_WHY])
{
    struct stat st;
    enum err e;

    *s = (struct sheet){ .path = path, .form = form, .next_line = 1, .fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK) };
    for (uint32_t i = 0; i < SHEET_WANTED; i++) s->place[i] = -1;
    if (s->fd < 0) e = refuse(s, why, ERR_IO, "%s", strerror(errno));
    else if (fstat(s->fd, &st) || !S_ISREG(st.st_mode))
        e = refuse(s, why, ERR_IO, "is no regular file (it may have to be read more than once)");
    else if (!(s->bytes = malloc(ROOM))) e = refuse(s, why, ERR_NOMEM, "%s", err_text(ERR_NOMEM));
    else e = read_header(s, why);
    if (e) sheet_close(s);
    return e;
}

void sheet_close(struct sheet *s)
{
    if (s->fd >= 0) close(s->fd);
    free(s->bytes);
    *s = (struct sheet){ .fd = -1 };
}

/* ---- rows ---- */

enum err sheet_next(struct sheet *s, char why[SHEET_WHY])
{
    struct str row, cells[SHEET_COLUMNS], cell;
    enum err e = take_row(s, &row, why);
    uint32_t count = 0;

    if (!e) e = check_text(s, row, why);
    if (e) return e;
    for (bool more = true; more; count++) {
        more = csv_cell(&row, &cell);
        if (count < s->columns) cells[count] = cell;
    }
    if (count != s->columns)
        return sheet_say(s, why, "has %u %s, the header %u (a text with a comma stands in quotes: \"a,b\")", count,
                         count == 1 ? "field" : "fields", s->columns);
    for (uint32_t i = 0; i < s->form->count; i++) s->cell[i] = trim(cells[s->place[i]]);
    return ERR_OK;
}

/* ---- numbers ---- */

/* The number that is meant by thousands parted, an exponent, a fraction or a unit; NAN when none is. */
static double meant(const char *text)
{
    static const struct {
        const char *name;
        double ms;
    } units[] = { { "", 1 }, { "ms", 1 }, { "s", 1000 }, { "m", 60000 }, { "min", 60000 }, { "h", 3600000 } };
    char plain[64], *end;
    size_t n = 0;

    for (const char *c = text; *c && n + 1 < sizeof plain; c++)
        if (!strchr(",_' ", *c)) plain[n++] = *c;
    plain[n] = '\0';
    double v = strtod(plain, &end);
    for (size_t i = 0; end != plain && i < sizeof units / sizeof *units; i++)
        if (!strcasecmp(end, units[i].name)) return v * units[i].ms;
    return NAN;
}

static enum err bad_number(const struct sheet *s, uint32_t column, char why[SHEET_WHY])
{
    const char *name = s->form->columns[column];
    char text[64];

    snprintf(text, sizeof text, "%.*s", STR_FMT(findings_shown(s->cell[column])));
    double v = meant(text);
    if (!*text) return sheet_say(s, why, "%s is empty", name);
    if (v < 0) return sheet_say(s, why, "%s \"%s\" is negative", name, text);
    if (v > (double)SIM_TIME_MAX && v > 1e12)
        return sheet_say(s, why,
                         "%s \"%s\" is beyond %llu (ten years): times count from the begin of the simulation, not from 1970", name,
                         text, SIM_TIME_MAX);
    if (v > (double)SIM_TIME_MAX) return sheet_say(s, why, "%s \"%s\" is beyond %llu (ten years)", name, text, SIM_TIME_MAX);
    if (v >= 0) return sheet_say(s, why, "%s \"%s\" is no whole number of milliseconds: write %.0f", name, text, v);
    return sheet_say(s, why, "%s \"%s\" is no whole number of milliseconds", name, text);
}

enum err sheet_ms(const struct sheet *s, uint32_t column, uint64_t *out, char why[SHEET_WHY])
{
    return str_u64(s->cell[column], 0, SIM_TIME_MAX, out) ? bad_number(s, column, why) : ERR_OK;
}
