#include "cli/report.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

const char *report_name(const struct report *r, uint32_t label)
{
    if (label == MEASURE_OOS) return r->oos ? r->oos : "(out of scope)";
    return label < r->labels ? r->names[label] : "(nothing)";
}

/* Numbers in columns; undefined ones as "-". */
static const char *fraction(double v, char out[16])
{
    if (isnan(v)) snprintf(out, 16, "-");
    else snprintf(out, 16, "%.4f", v);
    return out;
}

void report_rows(const struct report_row *rows, size_t count)
{
    char text[16];

    for (size_t i = 0; i < count; i++) {
        bool whole = !isnan(rows[i].v) && rows[i].v == floor(rows[i].v) && fabs(rows[i].v) > 1;
        if (whole) printf("  %-18s %.0f\n", rows[i].key, rows[i].v);
        else printf("  %-18s %s\n", rows[i].key, fraction(rows[i].v, text));
    }
}

void report_rows_json(struct jw *w, const struct report_row *rows, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        jw_key(w, rows[i].key);
        jw_f64(w, rows[i].v);
    }
}

/* ---- by label ---- */

static struct measure_class *classes_of(const struct report *r)
{
    struct measure_class *of = malloc(((size_t)r->labels + 1) * sizeof *of);
    if (of) measure_classes(of, r->rows, r->count, r->labels);
    return of;
}

static double worth(const struct measure_class *c) { return isnan(c->f1) ? 2 : c->f1; }

static int worst_first(const void *a, const void *b)
{
    const struct measure_class *x = a, *y = b;
    if (worth(x) != worth(y)) return worth(x) < worth(y) ? -1 : 1;
    return (x->label > y->label) - (x->label < y->label);
}

void report_classes(const struct report *r, uint32_t most)
{
    struct measure_class *of = classes_of(r);
    char f1[16], precision[16], recall[16];
    uint32_t shown = 0;

    if (!of) return;
    qsort(of, r->labels + 1, sizeof *of, worst_first);
    printf("      F1  precision  recall     rows  label\n");
    for (uint32_t i = 0; i <= r->labels && shown < most; i++) {
        if (of[i].support + of[i].called == 0) continue;
        printf("  %6s     %6s  %6s  %7u  %s\n", fraction(of[i].f1, f1), fraction(of[i].precision, precision),
               fraction(of[i].recall, recall), of[i].support, report_name(r, of[i].label));
        shown++;
    }
    free(of);
}

void report_classes_json(struct jw *w, const struct report *r)
{
    struct measure_class *of = classes_of(r);

    jw_open(w, '[');
    for (uint32_t i = 0; of && i <= r->labels; i++) {
        if (of[i].support + of[i].called == 0) continue;
        jw_open(w, '{');
        jw_key(w, "label"), jw_strz(w, report_name(r, of[i].label));
        jw_key(w, "rows"), jw_u64(w, of[i].support);
        jw_key(w, "precision"), jw_f64(w, of[i].precision);
        jw_key(w, "recall"), jw_f64(w, of[i].recall);
        jw_key(w, "f1"), jw_f64(w, of[i].f1);
        jw_close(w, '}');
    }
    jw_close(w, ']');
    free(of);
}

/* ---- mistakes ---- */

static uint32_t pairs_of(struct measure_pair *out, const struct report *r, uint32_t most)
{
    uint32_t found = 0;
    if (measure_pairs(out, most < REPORT_PAIRS ? most : REPORT_PAIRS, &found, r->rows, r->count)) found = 0;
    return found;
}

void report_pairs(const struct report *r, uint32_t most)
{
    struct measure_pair pairs[REPORT_PAIRS];
    uint32_t found = pairs_of(pairs, r, most);

    printf("    rows  is → was called\n");
    for (uint32_t i = 0; i < found; i++)
        printf("  %6u  %s → %s\n", pairs[i].count, report_name(r, pairs[i].truth), report_name(r, pairs[i].called));
}

void report_pairs_json(struct jw *w, const struct report *r, uint32_t most)
{
    struct measure_pair pairs[REPORT_PAIRS];
    uint32_t found = pairs_of(pairs, r, most);

    jw_open(w, '[');
    for (uint32_t i = 0; i < found; i++) {
        jw_open(w, '{');
        jw_key(w, "truth"), jw_strz(w, report_name(r, pairs[i].truth));
        jw_key(w, "called"), jw_strz(w, report_name(r, pairs[i].called));
        jw_key(w, "rows"), jw_u64(w, pairs[i].count);
        jw_close(w, '}');
    }
    jw_close(w, ']');
}
