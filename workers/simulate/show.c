#include "workers/simulate/show.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#define ROOM (SHOW_MAX - 1) /* without a sign */

/* ---- figures ---- */

static void show_count(double v, char out[ROOM])
{
    char digits[24];
    int n = snprintf(digits, sizeof digits, "%.0f", fmin(v, 1e15)), at = 0;

    for (int i = 0; i < n; i++) {
        if (i && (n - i) % 3 == 0) out[at++] = ',';
        out[at++] = digits[i];
    }
    out[at] = 0;
}

/* Two units at most, as many digits as matter. */
static void show_time(double s, char out[ROOM])
{
    static const struct {
        double below, large, small;
        const char *fmt;
    } rows[] = { { 3600, 60, 1, "%.0fm%02.0fs" }, { 86400, 3600, 60, "%.0fh%02.0fm" }, { INFINITY, 86400, 3600, "%.0fd%02.0fh" } };

    if (s < 9.9995) snprintf(out, ROOM, s == 0 ? "0s" : "%.2fs", s);
    else if (s < 99.95) snprintf(out, ROOM, "%.1fs", s);
    else
        for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
            double small = floor(s / rows[i].small + 0.5),
                   ratio = rows[i].large / rows[i].small; /* rounded, so that 60s never shows */
            if (small * rows[i].small >= rows[i].below) continue;
            snprintf(out, ROOM, rows[i].fmt, floor(small / ratio), fmod(small, ratio));
            break;
        }
}

static void show_size(enum unit unit, double v, char out[ROOM])
{
    if (unit == UNIT_COUNT) show_count(v, out);
    else if (unit == UNIT_TIME) show_time(v, out);
    else if (unit == UNIT_SHARE) snprintf(out, ROOM, "%.2f %%", 100 * v);
    else snprintf(out, ROOM, "%.3f", v);
}

/* What is rounded to nothing has no sign. */
static const char *show_with(enum unit unit, double v, char sign, char out[SHOW_MAX])
{
    if (isnan(v)) return memcpy(out, "-", 2);
    show_size(unit, fabs(v), out + 1);
    if (sign && strpbrk(out + 1, "123456789")) out[0] = sign;
    else memmove(out, out + 1, strlen(out + 1) + 1);
    return out;
}

const char *show(enum unit unit, double v, char out[SHOW_MAX]) { return show_with(unit, v, v < 0 ? '-' : 0, out); }

const char *show_signed(enum unit unit, double v, char out[SHOW_MAX]) { return show_with(unit, v, v < 0 ? '-' : '+', out); }

const char *show_half(enum unit unit, const struct interval *v, char out[SHOW_MAX])
{
    char text[SHOW_MAX];

    out[0] = 0;
    if (!isnan(v->half)) snprintf(out, SHOW_MAX, " ±%.30s", show(unit, v->half, text));
    return out;
}

/* ---- widths ---- */

static uint32_t code_point(const char *p, size_t n)
{
    static const uint8_t lead[] = { 0, 0x7f, 0x1f, 0x0f, 0x07 };
    uint32_t c = (uint8_t)p[0] & lead[n];
    for (size_t i = 1; i < n; i++) c = c << 6 | ((uint8_t)p[i] & 0x3f);
    return c;
}

/* The blocks of Unicode's EastAsianWidth W and F that names are written in. */
static bool is_wide(uint32_t c)
{
    static const struct {
        uint32_t from, to;
    } rows[] = { { 0x1100, 0x115f }, { 0x2e80, 0x303e }, { 0x3041, 0xa4cf },  { 0xac00, 0xd7a3 },
                 { 0xf900, 0xfaff }, { 0xff00, 0xff60 }, { 0x20000, 0x3fffd } };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        if (c >= rows[i].from && c <= rows[i].to) return true;
    return false;
}

uint32_t show_width(struct str text)
{
    uint32_t width = 0;

    for (size_t i = 0, step; i < text.n; i += step) {
        step = str_utf8_step(text.p + i, text.n - i);
        width += step && is_wide(code_point(text.p + i, step)) ? 2 : 1;
        if (step == 0) step = 1;
    }
    return width;
}

/* ---- the grid ---- */

void grid_init(struct grid *g, uint32_t columns)
{
    *g = (struct grid){ .columns = columns };
    buf_init(&g->cells, 64u << 20);
}

void grid_fini(struct grid *g) { buf_fini(&g->cells); }

void grid_add(struct grid *g, const char *text)
{
    buf_add(&g->cells, text, strlen(text) + 1);
    g->count++;
}

static void pad(struct buf *out, uint32_t n)
{
    while (n-- > 0) buf_addc(out, ' ');
}

static void put_row(const struct grid *g, const char **cell, const uint32_t *widths, struct buf *out)
{
    uint32_t gap = 0; /* blanks due: those at a row's end are never written */

    for (uint32_t c = 0; c < g->columns; c++) {
        struct str text = str_of(*cell);
        uint32_t room = widths[c] - show_width(text);
        if (c) gap += 2 + room;
        if (text.n) {
            pad(out, gap);
            buf_addstr(out, text);
            gap = 0;
        }
        if (c == 0) gap += room;
        *cell += text.n + 1;
    }
    buf_addc(out, '\n');
}

void grid_text(const struct grid *g, struct buf *out)
{
    uint32_t *widths = calloc(g->columns, sizeof *widths);
    const char *cell = g->cells.p;

    if (!widths || g->cells.err) {
        out->err = widths ? g->cells.err : ERR_NOMEM;
        goto end;
    }
    for (uint32_t i = 0; i < g->count; i++) {
        uint32_t w = show_width(str_of(cell));
        if (w > widths[i % g->columns]) widths[i % g->columns] = w;
        cell += strlen(cell) + 1;
    }
    cell = g->cells.p;
    for (uint32_t i = 0; i + g->columns <= g->count; i += g->columns) put_row(g, &cell, widths, out);
end:
    free(widths);
}
