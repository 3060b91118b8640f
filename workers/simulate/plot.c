/* Three panels share one axis of time. A line has a gap where a part of the day has no such figure, and a dot where it would be one
   point long. Numbers are written with two decimals and a point: the same figures give the same bytes.

   Colours are the first two of Okabe and Ito's set (2008), told apart by who sees few colours; the 90 of 100 are dashed, so that
   the picture can be read without any. */
#include "workers/simulate/plot.h"

#include "workers/simulate/show.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#define WIDTH   920.0
#define LEFT    84.0
#define RIGHT   24.0
#define PLOT_W  (WIDTH - LEFT - RIGHT)
#define TICKS_X 13u /* at most so many times on the axis */

struct panel {
    double top, height, most; /* most: the value at its top */
    double least;             /* … and at its foot */
};
static const double TOP_WAIT = 126, TOP_SHARE = 374, TOP_COUNT = 554, HEIGHT = 682;

struct day {
    struct bucket_figures parts[SIM_DAY_PARTS];
    uint32_t count, step, days;
};

/* ---- text ---- */

void plot_escape(struct buf *out, struct str text)
{
    static const char *const words[256] = { ['&'] = "&amp;", ['<'] = "&lt;", ['>'] = "&gt;", ['"'] = "&quot;", ['\''] = "&#39;" };

    for (size_t i = 0, step; i < text.n; i += step) {
        step = str_utf8_step(text.p + i, text.n - i);
        uint8_t c = (uint8_t)text.p[i];
        bool told = step > 1 ? !(c == 0xef && text.p[i + 1] == '\xbf' && (uint8_t)text.p[i + 2] >= 0xbe)
                             : step == 1 && (c >= 0x20 || c == '\t');
        if (step == 1 && words[c]) buf_addz(out, words[c]);
        else if (told) buf_add(out, text.p + i, step);
        else buf_addz(out, "\xef\xbf\xbd");
        if (step == 0) step = 1;
    }
}

static void put_text(struct buf *out, double x, double y, const char *class, const char *text)
{
    buf_addf(out, "<text x=\"%.2f\" y=\"%.2f\" class=\"%s\">", x, y, class);
    plot_escape(out, str_of(text));
    buf_addz(out, "</text>\n");
}

static const char style[] =
    "<style>\n"
    "svg{--ground:#fff;--ink:#1f2328;--soft:#59636e;--line:#d1d9e0;--p:#0072b2;--q:#c25700}\n"
    "@media "
    "(prefers-color-scheme:dark){svg{--ground:#0d1117;--ink:#f0f6fc;--soft:#9198a1;--line:#3d444d;--p:#56b4e9;--q:#e69f00}}\n"
    "text{font:13px system-ui,sans-serif;fill:var(--ink)}\n"
    ".title{font-size:18px;font-weight:600}.soft{fill:var(--soft)}.end{fill:var(--soft);text-anchor:end}"
    ".mid{fill:var(--soft);text-anchor:middle}.head{font-weight:600}\n"
    ".ground{fill:var(--ground)}.grid{stroke:var(--line);stroke-width:1}.axis{stroke:var(--soft);stroke-width:1}\n"
    "path{fill:none;stroke-width:2;stroke-linejoin:round;stroke-linecap:round}.p{stroke:var(--p)}.q{stroke:var(--q)}"
    ".dash{stroke-dasharray:6 5;stroke-width:1.6}\n"
    "circle.p{fill:var(--p)}circle.q{fill:var(--q)}.bar{fill:var(--soft);opacity:.45}\n"
    "</style>\n";

/* ---- axes ---- */

/* The smallest of the steps in which people count by which `most` takes four at most. */
static double step_for(double most, bool time)
{
    static const double times[] = { 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 14400, 21600, 43200, 86400 };
    static const double tens[] = { 1, 2, 5 };
    double power = pow(10, floor(log10(most / 4)));

    for (size_t i = 0; time && most > 40 && i < sizeof times / sizeof *times; i++)
        if (times[i] * 4 >= most) return times[i];
    for (size_t i = 0; i < 3; i++)
        if (tens[i] * power * 4 >= most) return tens[i] * power;
    return 10 * power;
}

/* "1h30m": the largest unit that fits, and the next one when the step needs it. */
static void time_label(double v, double step, char out[SHOW_MAX])
{
    static const struct {
        double unit;
        const char *word, *small;
    } rows[] = { { 86400, "d", "h" }, { 3600, "h", "m" }, { 60, "m", "s" } };
    static const double smaller[] = { 3600, 60, 1 };

    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        if (v < rows[i].unit) continue;
        double whole = floor(v / rows[i].unit), rest = (v - whole * rows[i].unit) / smaller[i];
        if (rest < 0.5) snprintf(out, SHOW_MAX, "%.0f%s", whole, rows[i].word);
        else snprintf(out, SHOW_MAX, "%.0f%s%02.0f%s", whole, rows[i].word, rest, rows[i].small);
        return;
    }
    snprintf(out, SHOW_MAX, v == 0 ? "0" : step < 0.1 ? "%.2fs" : step < 1 ? "%.1fs" : "%.0fs", v);
}

static double at_y(const struct panel *p, double v) { return p->top + p->height * (p->most - v) / (p->most - p->least); }

static void put_scale(struct buf *out, const struct panel *p, double step, bool time)
{
    char label[SHOW_MAX];

    for (double v = 0; v <= p->most * 1.0001; v += step) {
        double y = at_y(p, v);
        if (time) time_label(v, step, label);
        else show(UNIT_COUNT, v, label);
        buf_addf(out, "<line x1=\"%.2f\" x2=\"%.2f\" y1=\"%.2f\" y2=\"%.2f\" class=\"%s\"/>\n", LEFT, LEFT + PLOT_W, y, y,
                 v == 0 ? "axis" : "grid");
        put_text(out, LEFT - 10, y + 4.5, "end", label);
    }
}

static double at_x(const struct day *d, double part) { return LEFT + part / d->count * PLOT_W; }

static void put_clock(struct buf *out, const struct day *d, double top)
{
    static const uint32_t steps[] = { 5, 10, 15, 30, 60, 120, 180, 240 };
    uint32_t pick = 0, span = d->count * d->step;
    char label[8];

    while (pick < sizeof steps / sizeof *steps - 1 && (steps[pick] < d->step || span / steps[pick] > TICKS_X)) pick++;
    for (uint32_t i = 0; i <= d->count; i++) {
        uint32_t at = (d->parts[0].at + i * d->step) % 1440;
        if (at % steps[pick]) continue;
        double x = at_x(d, i);
        snprintf(label, sizeof label, "%02u:%02u", at / 60, at % 60);
        buf_addf(out, "<line x1=\"%.2f\" x2=\"%.2f\" y1=\"%.2f\" y2=\"%.2f\" class=\"axis\"/>\n", x, x, top, top + 5);
        put_text(out, x, top + 20, "mid", label);
    }
}

/* ---- lines ---- */

enum series { SERIES_WAIT, SERIES_P90, SERIES_WITHIN };

static double value_of(const struct bucket_figures *b, enum series s)
{
    return s == SERIES_WAIT ? b->wait : s == SERIES_P90 ? b->p90 : b->within;
}

static void put_line(struct buf *out, const struct day *d, const struct panel *p, enum series s, const char *class)
{
    for (uint32_t i = 0, next; i < d->count; i = next) {
        next = i + 1;
        if (isnan(value_of(&d->parts[i], s))) continue;
        while (next < d->count && !isnan(value_of(&d->parts[next], s))) next++;
        if (next == i + 1) {
            buf_addf(out, "<circle cx=\"%.2f\" cy=\"%.2f\" r=\"2.5\" class=\"%.1s\"/>\n", at_x(d, i + 0.5),
                     at_y(p, value_of(&d->parts[i], s)), class);
            continue;
        }
        buf_addf(out, "<path class=\"%s\" d=\"", class);
        for (uint32_t k = i; k < next; k++)
            buf_addf(out, "%s%.2f %.2f", k == i ? "M" : "L", at_x(d, k + 0.5), at_y(p, value_of(&d->parts[k], s)));
        buf_addz(out, "\"/>\n");
    }
}

static double most_of(const struct day *days, uint32_t sides, enum series s)
{
    double most = 0;

    for (uint32_t side = 0; side < sides; side++)
        for (uint32_t i = 0; i < days[side].count; i++)
            most = fmax(most, value_of(&days[side].parts[i], s)); /* fmax passes NAN over */
    return most;
}

/* ---- panels ---- */

static const char *const line_class[2][2] = { { "p", "p dash" }, { "q", "q dash" } };

static void put_waits(const struct day *days, uint32_t sides, struct buf *out)
{
    double most = fmax(most_of(days, sides, SERIES_P90), most_of(days, sides, SERIES_WAIT));
    if (most <= 0) most = 1;
    double step = step_for(most, true);
    struct panel p = { TOP_WAIT, 200, ceil(most / step) * step, 0 };

    put_text(out, LEFT, p.top - 14, "head", "Wait of those answered");
    put_scale(out, &p, step, true);
    for (uint32_t side = 0; side < sides; side++) {
        put_line(out, &days[side], &p, SERIES_P90, line_class[side][1]);
        put_line(out, &days[side], &p, SERIES_WAIT, line_class[side][0]);
    }
}

static double least_share(const struct day *days, uint32_t sides)
{
    double least = 1;

    for (uint32_t side = 0; side < sides; side++)
        for (uint32_t i = 0; i < days[side].count; i++) least = fmin(least, days[side].parts[i].within); /* fmin passes NAN over */
    return least;
}

/* When nearly all are in time, the foot is not 0: what differs would be flat. */
static void put_shares(const struct day *days, uint32_t sides, struct buf *out)
{
    static const struct {
        int from, step;
    } feet[] = { { 80, 5 }, { 50, 10 }, { 0, 25 } };
    double least = 100 * least_share(days, sides);
    size_t foot = least > 82 ? 0 : least > 55 ? 1 : 2;
    struct panel p = { TOP_SHARE, 132, 1, feet[foot].from / 100.0 };
    char label[16];

    put_text(out, LEFT, p.top - 14, "head", "Answered in time, of those offered");
    for (int pct = feet[foot].from; pct <= 100; pct += feet[foot].step) {
        double y = at_y(&p, pct / 100.0);
        buf_addf(out, "<line x1=\"%.2f\" x2=\"%.2f\" y1=\"%.2f\" y2=\"%.2f\" class=\"%s\"/>\n", LEFT, LEFT + PLOT_W, y, y,
                 pct > feet[foot].from ? "grid" : "axis");
        snprintf(label, sizeof label, "%d %%", pct);
        put_text(out, LEFT - 10, y + 4.5, "end", label);
    }
    for (uint32_t side = 0; side < sides; side++) put_line(out, &days[side], &p, SERIES_WITHIN, line_class[side][0]);
}

/* Of P; Q has the same. All days and replications together are brought down to one of each. */
static void put_arrivals(const struct plot *plot, const struct day *d, struct buf *out)
{
    double most = 0, each = 1.0 / plot->replications / d->days * 60 / d->step;

    for (uint32_t i = 0; i < d->count; i++) most = fmax(most, (double)d->parts[i].offered * each);
    if (most < 1) most = 1;
    double step = step_for(most, false);
    struct panel p = { TOP_COUNT, 64, ceil(most / step) * step, 0 };
    if (step * 2 < p.most) step *= 2; /* a low panel */
    p.most = ceil(p.most / step) * step;
    put_text(out, LEFT, p.top - 14, "head", "Tickets an hour");
    put_scale(out, &p, step, false);
    for (uint32_t i = 0; i < d->count; i++) {
        double y = at_y(&p, (double)d->parts[i].offered * each), x = at_x(d, i) + 0.5;
        if (d->parts[i].offered == 0) continue;
        buf_addf(out, "<rect x=\"%.2f\" y=\"%.2f\" width=\"%.2f\" height=\"%.2f\" class=\"bar\"/>\n", x, y,
                 fmax(0.5, PLOT_W / d->count - 1), p.top + p.height - y);
    }
    put_clock(out, d, p.top + p.height);
    put_text(out, LEFT + PLOT_W / 2, p.top + p.height + 42, "mid", "time of arrival");
}

/* ---- the whole ---- */

#define LEGEND_NAME 44 /* characters of a name shown; the title tells more */

/* A name's end says more than its folders do. */
static void legend_name(const char *name, struct buf *out)
{
    const char *slash = strrchr(name, '/');
    struct str text = str_of(slash && slash[1] ? slash + 1 : name);
    size_t at = 0;

    for (uint32_t n = 0; at < text.n && n < LEGEND_NAME; n++) {
        size_t step = str_utf8_step(text.p + at, text.n - at);
        at += step ? step : 1;
    }
    plot_escape(out, (struct str){ text.p, at });
    if (at < text.n) buf_addz(out, "…");
}

static void put_legend(const struct plot *p, uint32_t sides, struct buf *out)
{
    double x = LEFT;

    for (uint32_t side = 0; side < sides; side++, x += PLOT_W / 2) {
        for (int dash = 0; dash < 2; dash++)
            buf_addf(out, "<path class=\"%s\" d=\"M%.2f %.2fh26\"/>\n", line_class[side][dash], x, 52.0 + 18 * dash);
        buf_addf(out, "<text x=\"%.2f\" y=\"56.5\">", x + 34);
        if (sides > 1) buf_addf(out, "%c: ", "PQ"[side]);
        legend_name(p->name[side], out);
        buf_addz(out, ", mean</text>\n");
        put_text(out, x + 34, 74.5, "soft", "90 of 100 wait no longer");
    }
}

static void put_head(const struct plot *p, const struct day *d, uint32_t sides, struct buf *out)
{
    buf_addf(out,
             "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 %.0f %.0f\" width=\"%.0f\" height=\"%.0f\" role=\"img\" "
             "aria-labelledby=\"title desc\">\n<title id=\"title\">",
             WIDTH, HEIGHT, WIDTH, HEIGHT);
    plot_escape(out, str_of(p->title));
    buf_addz(out, "</title>\n<desc id=\"desc\">Waits (mean, and what 90 of 100 do not exceed), share answered in time and arrivals "
                  "by time of day");
    for (uint32_t side = 0; side < sides; side++) {
        char wait[SHOW_MAX], within[SHOW_MAX];
        buf_addz(out, side ? "; " : ". ");
        plot_escape(out, str_of(p->name[side]));
        buf_addf(out, ": mean wait %s, %s in time", show(UNIT_TIME, sim_figure(p->report[side], GROUP_OF_ALL, FIG_WAIT), wait),
                 show(UNIT_SHARE, sim_figure(p->report[side], GROUP_OF_ALL, FIG_WITHIN), within));
    }
    buf_addf(out, ".</desc>\n%s<rect width=\"%.0f\" height=\"%.0f\" class=\"ground\"/>\n", style, WIDTH, HEIGHT);
    put_text(out, LEFT, 30, "title", p->title);
    if (d->days > 1) {
        char folded[64];
        snprintf(folded, sizeof folded, "%u days in one", d->days);
        put_text(out, LEFT + PLOT_W, 30, "end", folded);
    }
}

enum err plot_svg(const struct plot *p, struct buf *out)
{
    uint32_t sides = p->report[1] ? 2 : 1;
    struct day *days = calloc(2, sizeof *days);
    enum err e = days ? ERR_OK : ERR_NOMEM;

    for (uint32_t side = 0; !e && side < sides; side++) {
        days[side].count = sim_report_day(p->report[side], days[side].parts, &days[side].step, &days[side].days);
        if (days[side].count == 0) e = ERR_NOTFOUND;
    }
    if (e) goto end;
    put_head(p, days, sides, out);
    put_legend(p, sides, out);
    put_waits(days, sides, out);
    put_shares(days, sides, out);
    put_arrivals(p, days, out);
    buf_addz(out, "</svg>\n");
    e = out->err;
end:
    free(days);
    return e;
}
