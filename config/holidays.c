#include "config/holidays.h"

#include "base/limits.h"
#include "config/findings.h"

#include <stdlib.h>

enum err holidays_init(struct holidays *h, struct arena *arena)
{
    *h = (struct holidays){ .arena = arena, .v = arena_alloc(arena, LIM_CLOSED_DATES * sizeof *h->v) };
    return h->v ? ERR_OK : ERR_NOMEM;
}

enum err holidays_add(struct holidays *h, int32_t day, struct str name)
{
    if (h->count == LIM_CLOSED_DATES) return ERR_FULL;
    char *copy = arena_strdup(h->arena, findings_shown(name));
    if (!copy) return ERR_NOMEM;
    for (char *c = copy; *c; c++)
        if ((unsigned char)*c < 0x20 || *c == 0x7f) *c = ' ';
    h->v[h->count++] = (struct holiday){ day, copy };
    return ERR_OK;
}

/* Days alike by name, so that the order of a file does not matter. */
static int by_day(const void *a, const void *b)
{
    const struct holiday *x = a, *y = b;
    return x->day != y->day ? (x->day > y->day) - (x->day < y->day) : strcmp(x->name, y->name);
}

static const char *both(struct holidays *h, const char *a, const char *b)
{
    size_t n = strlen(a), m = strlen(b);
    char *text = strcmp(a, b) != 0 && n + m < 200 ? arena_alloc(h->arena, n + m + 3) : NULL;
    if (!text) return a;
    memcpy(text, a, n);
    memcpy(text + n, ", ", 2);
    memcpy(text + n + 2, b, m);
    return text;
}

void holidays_sort(struct holidays *h)
{
    uint32_t n = 0;
    qsort(h->v, h->count, sizeof *h->v, by_day);
    for (uint32_t i = 0; i < h->count; i++) {
        if (n && h->v[n - 1].day == h->v[i].day) h->v[n - 1].name = both(h, h->v[n - 1].name, h->v[i].name);
        else h->v[n++] = h->v[i];
    }
    h->count = n;
}

/* ---- countries ---- */

const struct country *const countries[] = { &country_korea, NULL };

const struct country *country_find(struct str code)
{
    for (const struct country *const *c = countries; *c; c++)
        if (str_is(code, (*c)->code)) return *c;
    return NULL;
}

int country_day_find(const struct country *c, struct str word)
{
    for (uint32_t i = 0; i < c->day_count; i++)
        if (str_is(word, c->days[i].word)) return (int)i;
    return -1;
}
