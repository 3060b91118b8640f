/* The kind of value that says how often something may happen: "500/s" is 500 at once and 500 in each second of the long run,
   "600/min" is 600 at once and 10 a second in the long run. Into a struct rate; bounds are of its number. */
#include "config/draft.h"

#define FORM "^[1-9][0-9]*/(s|min)$"

static const struct most_unit {
    const char *word;
    uint32_t per_minute;
} units[] = { { "/s", 60 }, { "/min", 1 } };
#define UNITS (sizeof units / sizeof *units)

static const struct most_unit *unit_of(struct str word)
{
    for (size_t i = 0; i < UNITS; i++)
        if (str_is(word, units[i].word)) return &units[i];
    return NULL;
}

/* The nearest right answer keeps the number that was written. */
static void say_form(struct bind *b, const struct ynode *n, struct str number, struct str word)
{
    struct str all = findings_shown(n->text);
    const struct most_unit *near = NULL;
    for (size_t i = 0; i < UNITS && word.n > 1; i++)
        if (word.p[0] == '/' && word.p[1] == units[i].word[1]) near = &units[i];
    if (!number.n || number.n > 7) bind_error(b, n, "\"%.*s\" is not a rate (write 500/s or 600/min)", STR_FMT(all));
    else if (near) bind_error(b, n, "\"%.*s\" is not a rate: did you mean %.*s%s?", STR_FMT(all), STR_FMT(number), near->word);
    else bind_error(b, n, "\"%.*s\" is not a rate: write %.*s/s or %.*s/min", STR_FMT(all), STR_FMT(number), STR_FMT(number));
}

static void read_most(struct bind *b, const struct ynode *n, const struct row *r, void *into)
{
    uint64_t count = 0;
    if (!bind_is_scalar(b, n, "a rate such as 500/s")) return;
    struct str number = { n->text.p, strspn(n->text.p, "0123456789") }, word = { n->text.p + number.n, n->text.n - number.n };
    const struct most_unit *unit = unit_of(word);
    if (!unit || !number.n) say_form(b, n, number, word);
    else if (str_u64(number, (uint64_t)r->min, (uint64_t)r->max, &count))
        bind_error(b, n, "%.*s is out of bounds: %.0f%s to %.0f%s", STR_FMT(findings_shown(n->text)), r->min, unit->word, r->max,
                   unit->word);
    else *(struct rate *)into = (struct rate){ (uint32_t)count, (uint32_t)count * unit->per_minute };
}

static void schema_most(struct jw *w, const struct row *r)
{
    (void)r;
    schema_pattern(w, FORM);
}
const struct kind K_MOST = { .name = "rate", .example = "500/s", .read = read_most, .schema = schema_most };
