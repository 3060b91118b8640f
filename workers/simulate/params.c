/* The rows, and what a position between 0 and 1 stands for. A value is read off it by factors or by differences (`log`), rounded,
   and written. The position of what is written need not give the very same text again, so a value counts as moved only when its
   text is another than that of the position of what is written; all others are not edited at all. */
#include "workers/simulate/params.h"

#include "base/opt.h"
#include "config/bind.h"
#include "config/edit.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#define SECOND 1e3
#define DAY    86400e3
#define MONTH  2592000e3

static const char *const order_choices[] = { "slack", "fifo", "priority", "weights", NULL };
static const char *const choose_choices[] = { "[best-skill, least-loaded, longest-idle]",
                                              "[best-skill, longest-idle]",
                                              "[own-skill-first, longest-idle]",
                                              "[spare-skill, longest-idle]",
                                              "[spare-skill, best-skill, longest-idle]",
                                              "[fastest, longest-idle]",
                                              "[least-loaded, longest-idle]",
                                              "[longest-idle]",
                                              NULL };

const struct param_row param_rows[] = {
    { "queues.*.weight", PARAM_NUMBER, true, 0.01, 100, .fallback = "1" },
    { "queues.*.age-cap", PARAM_SPAN, true, SECOND, MONTH, 100, 10000, .reach = 16, .fallback = "300%" },
    { "queues.*.order", PARAM_CHOICE, .fallback = "slack", .words = order_choices, .together = true },
    { "queues.*.index.match", PARAM_NUMBER, false, 0, 4, .fallback = "1" },
    { "queues.*.index.idle", PARAM_NUMBER, false, 0, 4, .fallback = "0" },
    { "queues.*.choose", PARAM_CHOICE, .fallback = "[best-skill, least-loaded, longest-idle]", .words = choose_choices,
      .together = true },
    { "queues.*.choose.*", PARAM_NUMBER, true, 0.01, 100, .fallback = NULL },
    { "queues.*.gate[].waiting", PARAM_OVER, false, 0, 1000000, .reach = 4 },
    { "queues.*.gate[].age", PARAM_MS, true, SECOND, MONTH, .reach = 16 },
    { "queues.*.gate[].reserve", PARAM_WHOLE, false, 0, 10000, .reach = 4, .fallback = "0" },
    { "queues.*.offers.at-once", PARAM_WHOLE, false, 1, 16, .fallback = "1" },
    { "queues.*.offers.back-off", PARAM_MS, true, SECOND, DAY, .reach = 16, .fallback = "30s" },
    { "queues.*.last-agent.wait", PARAM_MS, false, 0, DAY, .reach = 4 },
    { "queues.*.prefer-wait", PARAM_MS, false, 0, DAY, .reach = 4 },
    { "queues.*.timeline[].after", PARAM_SPAN, true, 1, MONTH, 1, 1000, .reach = 8 },
    { "queues.*.overflow[].when.waiting", PARAM_OVER, true, 1, 1000000, .reach = 8 },
    { "queues.*.overflow[].when.expected_wait", PARAM_OVER_SPAN, true, SECOND, MONTH, 1, 10000, .reach = 8 },
    { "queues.*.overflow[].when.age", PARAM_SPAN, true, SECOND, MONTH, 1, 10000, .reach = 8 },
    { "capacity.keep.units", PARAM_WHOLE, false, 1, 10000, .reach = 2 },
    { .path = NULL },
};

/* ---- values ---- */

static bool is_number(const struct param *p) { return p->word_count == 0; }

/* "45s", ">30%", "2.5" → a number; *percent says which. */
bool param_read(enum param_kind kind, struct str s, double *out, bool *percent)
{
    bool over = kind == PARAM_OVER || kind == PARAM_OVER_SPAN;
    uint64_t whole;
    *percent = false;
    if (over) {
        if (!s.n || s.p[0] != '>') return false;
        s.p++, s.n--;
    }
    if (kind == PARAM_NUMBER) {
        char *end;
        *out = strtod(s.p, &end); /* texts of the tree are NUL-terminated */
        return s.n && end == s.p + s.n && isfinite(*out);
    }
    if ((kind == PARAM_SPAN || kind == PARAM_OVER_SPAN) && s.n && s.p[s.n - 1] == '%') {
        *percent = true;
        s.n--;
    } else if (kind != PARAM_WHOLE && kind != PARAM_OVER) {
        if (opt_ms(s, &whole)) return false;
        *out = (double)whole;
        return true;
    }
    if (str_u64(s, 0, UINT32_MAX, &whole)) return false;
    *out = (double)whole;
    return true;
}

static double rounded(double v, int digits)
{
    if (v == 0) return 0;
    double unit = pow(10, floor(log10(fabs(v))) - digits + 1);
    return round(v / unit) * unit;
}

static double clamped(double v, double least, double most) { return fmin(fmax(v, least), most); }

static double value_at(const struct param *p, double position)
{
    const struct param_row *r = p->row;
    double v = r->log ? p->least * pow(p->most / p->least, position) : p->least + (p->most - p->least) * position;
    v = rounded(v, r->kind == PARAM_NUMBER ? 3 : 2);
    if (r->kind != PARAM_NUMBER) v = round(v);
    return p->percent ? clamped(v, r->pct_least, r->pct_most) : clamped(v, r->least, r->most);
}

double param_position(const struct param *p)
{
    if (!is_number(p) || p->most <= p->least) return is_number(p) ? 0 : p->start;
    double x = p->row->log ? log(p->start / p->least) / log(p->most / p->least) : (p->start - p->least) / (p->most - p->least);
    return clamped(x, 0, 1);
}

/* 2.50 → "2.5" */
static void number_text(double v, char out[PARAM_TEXT])
{
    snprintf(out, PARAM_TEXT, "%.4f", v);
    char *end = out + strlen(out);
    while (end[-1] == '0') *--end = 0;
    if (end[-1] == '.') end[-1] = 0;
}

void param_text(const struct param *p, double position, char out[PARAM_TEXT])
{
    static const char *const forms[] = { [PARAM_OVER] = "\">%s\"", [PARAM_OVER_SPAN] = "\">%s\"" };
    enum param_kind kind = p->row->kind;
    char value[48];
    if (!is_number(p)) {
        uint32_t word = position < 0 ? 0 : (uint32_t)(position + 0.5);
        snprintf(out, PARAM_TEXT, "%s", p->words[word < p->word_count ? word : p->word_count - 1]);
        return;
    }
    double v = value_at(p, position);
    if (kind == PARAM_NUMBER) {
        number_text(v, out);
        return;
    }
    if (p->percent) snprintf(value, sizeof value, "%.0f%%", v);
    else if (kind == PARAM_WHOLE || kind == PARAM_OVER) snprintf(value, sizeof value, "%.0f", v);
    else ms_text(v, value);
    snprintf(out, PARAM_TEXT, kind == PARAM_OVER || kind == PARAM_OVER_SPAN ? forms[kind] : "%s", value);
}

void params_fini(struct params *p)
{
    free(p->v);
    p->v = NULL;
    p->count = 0;
    arena_fini(&p->arena);
}

/* ---- editing ---- */

bool param_moved(const struct param *p, double position)
{
    char at[PARAM_TEXT], before[PARAM_TEXT];
    param_text(p, position, at);
    param_text(p, param_position(p), before);
    return strcmp(at, before) != 0;
}

enum err params_apply(const struct params *p, const double *position, struct str yaml, struct buf *out)
{
    struct buf next;
    char text[PARAM_TEXT];
    enum err e = ERR_OK;
    buf_init(&next, out->cap);
    buf_addstr(out, yaml);
    for (uint32_t i = 0; i < p->count && !e; i++) {
        if (!param_moved(&p->v[i], position[i])) continue;
        param_text(&p->v[i], position[i], text);
        for (uint32_t k = 0; k < p->v[i].path_count && !e; k++) {
            e = edit_set(buf_str(out), p->v[i].paths[k], str_of(text), &next);
            struct buf done = next;
            next = *out;
            *out = done;
            buf_clear(&next);
        }
    }
    if (!e) e = out->err;
    buf_fini(&next);
    return e;
}
