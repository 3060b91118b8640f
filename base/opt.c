#include "base/opt.h"

#include "base/panic.h"

#include <math.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>

#define ROWS_MAX 128

static enum err mistake(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

static enum err mistake(const char *fmt, ...)
{
    va_list args;
    char text[1024];

    va_start(args, fmt);
    vsnprintf(text, sizeof text, fmt, args);
    va_end(args);
    fprintf(stderr, "naru: %s\n", text);
    return ERR_USAGE;
}

enum err opt_ms(struct str text, uint64_t *out)
{
    static const struct {
        const char *unit;
        uint64_t ms;
    } units[] = { { "ms", 1 }, { "s", 1000 }, { "m", 60000 }, { "h", 3600000 }, { "d", 86400000 } };
    struct str digits = { text.p, 0 };
    uint64_t n;

    while (digits.n < text.n && text.p[digits.n] >= '0' && text.p[digits.n] <= '9') digits.n++;
    if (str_u64(digits, 0, UINT64_MAX, &n)) return ERR_RANGE;
    struct str unit = { text.p + digits.n, text.n - digits.n };
    if (unit.n == 0 && n == 0) {
        *out = 0;
        return ERR_OK;
    }
    for (size_t i = 0; i < sizeof units / sizeof *units; i++)
        if (str_is(unit, units[i].unit)) return __builtin_mul_overflow(n, units[i].ms, out) ? ERR_RANGE : ERR_OK;
    return ERR_RANGE;
}

/* ---- one setter a kind ---- */

static bool in_bounds(const struct opt *o, double v) { return (o->min == 0 && o->max == 0) || (v >= o->min && v <= o->max); }

static bool set_str(const struct opt *o, const char *text, void *field)
{
    (void)o;
    *(const char **)field = text;
    return true;
}

static bool set_list(const struct opt *o, const char *text, void *field)
{
    struct opt_list *list = field;

    (void)o;
    if (list->count == sizeof list->v / sizeof *list->v) return false;
    list->v[list->count++] = text;
    return true;
}

static bool set_u64(const struct opt *o, const char *text, void *field)
{
    uint64_t v;

    if (str_u64(str_of(text), 0, UINT64_MAX, &v) || !in_bounds(o, (double)v)) return false;
    *(uint64_t *)field = v;
    return true;
}

static bool set_ms(const struct opt *o, const char *text, void *field)
{
    uint64_t v;

    if (opt_ms(str_of(text), &v) || !in_bounds(o, (double)v)) return false;
    *(uint64_t *)field = v;
    return true;
}

static bool set_f64(const struct opt *o, const char *text, void *field)
{
    char *end;
    double v = strtod(text, &end);

    if (end == text || *end || !isfinite(v) || !in_bounds(o, v)) return false;
    *(double *)field = v;
    return true;
}

static bool set_flag(const struct opt *o, const char *text, void *field)
{
    (void)o;
    *(bool *)field = !strcmp(text, "true");
    return true;
}

static const struct {
    bool (*set)(const struct opt *o, const char *text, void *field);
    const char *wants; /* for the error */
    bool bounded;
} kinds[] = {
    [OPT_STR] = { set_str, "a word", false },        [OPT_LIST] = { set_list, "at most 1024 words", false },
    [OPT_U64] = { set_u64, "a whole number", true }, [OPT_MS] = { set_ms, "a duration such as 250ms, 15s, 2m, 4h or 7d", true },
    [OPT_F64] = { set_f64, "a number", true },       [OPT_FLAG] = { set_flag, "no value", false },
};

static bool set(const struct opt *o, const char *text, void *into) { return kinds[o->kind].set(o, text, (char *)into + o->offset); }

static enum err bad_value(const struct opt *o, const char *text)
{
    const char *dashes = *o->name ? "--" : "", *name = *o->name ? o->name : o->arg ? o->arg : "the argument";

    if (kinds[o->kind].bounded && (o->min != 0 || o->max != 0))
        return mistake("%s%s: \"%s\" is not %s from %.15g to %.15g%s", dashes, name, text, kinds[o->kind].wants, o->min, o->max,
                       o->kind == OPT_MS ? " (milliseconds)" : "");
    return mistake("%s%s: \"%s\" is not %s", dashes, name, text, kinds[o->kind].wants);
}

/* ---- help ---- */

static size_t left_column(const struct opt *o, char *out, size_t room)
{
    const char *arg = o->arg ? o->arg : "VALUE";
    int n;

    if (!*o->name) n = snprintf(out, room, "  %s", arg);
    else if (o->kind == OPT_FLAG) n = snprintf(out, room, "  --%s", o->name);
    else n = snprintf(out, room, "  --%s %s", o->name, arg);
    return n < 0 ? 0 : (size_t)n;
}

static void print_help(const struct opt *rows, const char *usage)
{
    size_t width = strlen("  --help");
    char left[256];

    for (const struct opt *o = rows; o->name; o++) {
        size_t n = left_column(o, left, sizeof left);
        if (n > width) width = n;
    }
    printf("usage: %s\n\n", usage);
    for (const struct opt *o = rows; o->name; o++) {
        left_column(o, left, sizeof left);
        printf("%-*s  %s", (int)width, left, o->help ? o->help : "");
        if (o->kind == OPT_LIST && *o->name) printf(" (may be given many times)");
        if (o->fallback && *o->fallback && o->kind != OPT_FLAG) printf(" (default %s)", o->fallback);
        printf("\n");
    }
    printf("%-*s  this text\n", (int)width, "  --help");
}

/* ---- parsing ---- */

struct parse {
    const struct opt *rows;
    void *into;
    bool given[ROWS_MAX];
};

/* What is given replaces the default; of a list, the first word given does. */
static bool give(struct parse *p, const struct opt *o, const char *text)
{
    size_t row = (size_t)(o - p->rows);

    if (o->kind == OPT_LIST && !p->given[row]) ((struct opt_list *)(void *)((char *)p->into + o->offset))->count = 0;
    p->given[row] = true;
    return set(o, text, p->into);
}

static const struct opt *row_named(const struct opt *rows, struct str name)
{
    for (const struct opt *o = rows; o->name; o++)
        if (str_is(name, o->name)) return o;
    return NULL;
}

static enum err unknown_option(const struct opt *rows, struct str name)
{
    const char *names[ROWS_MAX + 1];
    size_t count = 0;

    for (const struct opt *o = rows; o->name; o++)
        if (*o->name) names[count++] = o->name;
    names[count++] = "help";
    const char *near = str_nearest(name, names, count);
    if (near) return mistake("unknown option --%.*s; did you mean --%s?", STR_FMT(name), near);
    return mistake("unknown option --%.*s; --help lists the options", STR_FMT(name));
}

static enum err take_word(struct parse *p, const char *word)
{
    const struct opt *o = row_named(p->rows, STR_NONE);

    if (!o) return mistake("unexpected argument \"%s\"; --help lists the options", word);
    if (o->kind != OPT_LIST && p->given[o - p->rows]) return mistake("one argument too many: \"%s\"", word);
    return give(p, o, word) ? ERR_OK : bad_value(o, word);
}

/* `word` begins with "--"; *next is the word after it or NULL, and becomes NULL when it was used as the value. */
static enum err take_option(struct parse *p, const char *word, const char **next)
{
    const char *equals = strchr(word, '='), *value = equals ? equals + 1 : NULL;
    struct str name = { word + 2, equals ? (size_t)(equals - word) - 2 : strlen(word) - 2 };
    const struct opt *o = name.n ? row_named(p->rows, name) : NULL;

    if (!o) return unknown_option(p->rows, name);
    if (o->kind == OPT_FLAG) {
        if (value) return mistake("--%s takes no value", o->name);
        value = "true";
    }
    if (!value) {
        value = *next;
        *next = NULL;
    }
    if (!value) return mistake("--%s needs a value: %s", o->name, kinds[o->kind].wants);
    return give(p, o, value) ? ERR_OK : bad_value(o, value);
}

static void fill_defaults(const struct opt *rows, void *into)
{
    static const size_t sizes[] = {
        [OPT_STR] = sizeof(const char *), [OPT_LIST] = sizeof(struct opt_list), [OPT_U64] = sizeof(uint64_t),
        [OPT_MS] = sizeof(uint64_t),      [OPT_F64] = sizeof(double),           [OPT_FLAG] = sizeof(bool),
    };

    for (const struct opt *o = rows; o->name; o++) {
        naru_assert(o - rows < ROWS_MAX);
        memset((char *)into + o->offset, 0, sizes[o->kind]);
        if (o->fallback) naru_assert(set(o, o->fallback, into)); /* a default outside its own bounds */
    }
}

enum err opt_parse(const struct opt *rows, const char *usage, int argc, char **argv, void *into)
{
    struct parse p = { .rows = rows, .into = into };
    bool only_words = false;
    enum err e = ERR_OK;

    fill_defaults(rows, into);
    for (int i = 1; i < argc && !e; i++) {
        const char *word = argv[i], *next = i + 1 < argc ? argv[i + 1] : NULL, *unused = next;
        if (only_words || word[0] != '-' || !word[1]) {
            e = take_word(&p, word);
        } else if (!strcmp(word, "--")) {
            only_words = true;
        } else if (!strcmp(word, "-h") || !strcmp(word, "--help")) {
            print_help(rows, usage);
            fflush(stdout);
            exit(0);
        } else if (word[1] != '-') {
            e = mistake("unknown option %s; options are written --name", word);
        } else {
            e = take_option(&p, word, &unused);
            if (next && !unused) i++;
        }
    }
    return e;
}
