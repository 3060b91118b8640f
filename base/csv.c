/* A cell that begins with a quote goes on to the next lone quote, across commas and line ends; doubled quotes in it become one by
   moving the cell's bytes together, which needs no room.

   A row is found before it is cut: only one that is whole, and not too long, is ever changed. So a quote that was never closed
   costs its own line, not the rest of the file. Most rows have no quote: they end where their line does. */
#include "base/csv.h"

static struct csv_row row_of(const char *p, size_t n, bool ended)
{
    return (struct csv_row){ .n = n && p[n - 1] == '\r' ? n - 1 : n, .step = ended ? n + 1 : n, .lines = 1 };
}

static struct csv_row first_line(const char *p, size_t left)
{
    const char *end = memchr(p, '\n', left);
    return row_of(p, end ? (size_t)(end - p) : left, end != NULL);
}

struct csv_row csv_row(const char *p, size_t left, size_t most)
{
    enum { START, PLAIN, QUOTED, CLOSED } in = START;
    struct csv_row first = first_line(p, left);
    uint32_t lines = 1;
    size_t i;

    if (first.n <= most && !memchr(p, '"', first.n)) return first;
    for (i = 0; i < left && i <= most; i++) {
        char c = p[i];
        if (in == QUOTED) {
            if (c == '"') in = CLOSED;
            lines += c == '\n';
        } else if (c == '\n') break;
        else if (c == ',') in = START;
        else if (c == '"' && in != PLAIN) in = QUOTED; /* opens, or was a doubled one */
        else if (in == CLOSED && c != '\r') return first.bad = "has text behind a closing quote", first;
        else if (in != CLOSED) in = PLAIN;
    }
    if (in == QUOTED) first.bad = "opens a quote that is not closed";
    else if (i > most) first.bad = "is too long";
    if (first.bad) return first;
    struct csv_row row = row_of(p, i, i < left);
    row.lines = lines;
    return row;
}

/* The cell behind an opening quote, doubled quotes made one; gives the bytes that it took. */
static size_t quoted(char *p, size_t n, struct str *cell)
{
    size_t to = 0, i = 0;
    for (; i < n; i++) {
        if (p[i] == '"' && (i + 1 == n || p[++i] != '"')) break;
        p[to++] = p[i];
    }
    *cell = (struct str){ p, to };
    return i;
}

bool csv_cell(struct str *rest, struct str *cell)
{
    char *base = (char *)rest->p; /* may be written to, as the header says */
    size_t from = 0;
    struct str inner = STR_NONE;

    if (rest->n && *base == '"') from = 1 + quoted(base + 1, rest->n - 1, &inner);
    const char *comma = from < rest->n ? memchr(base + from, ',', rest->n - from) : NULL;
    size_t n = comma ? (size_t)(comma - base) : rest->n, step = comma ? n + 1 : n;
    *cell = inner.p ? inner : (struct str){ base, n };
    *rest = (struct str){ base + step, rest->n - step };
    return comma != NULL;
}

void csv_put(FILE *f, const char *text)
{
    if (!strpbrk(text, ",\"\r\n")) {
        fputs(text, f);
        return;
    }
    putc('"', f);
    for (; *text; text++) {
        if (*text == '"') putc('"', f);
        putc(*text, f);
    }
    putc('"', f);
}
