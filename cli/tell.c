#include "cli/tell.h"

#include "cli/scan.h"

#include <stdarg.h>
#include <stdio.h>
#include <unistd.h>

void tally_add(struct tally *t, struct str name)
{
    unsigned i = 0;

    if (name.n >= sizeof t->rows[0].name) name.n = sizeof t->rows[0].name - 1;
    while (i < t->used && !str_is(name, t->rows[i].name)) i++;
    if (i == TALLY_ROWS) i = TALLY_ROWS - 1;
    if (i == t->used) {
        bool rest = ++t->used == TALLY_ROWS;
        snprintf(t->rows[i].name, sizeof t->rows[i].name, "%.*s", rest ? 5 : (int)name.n, rest ? "other" : name.p);
    }
    t->rows[i].count++;
    t->total++;
}

void tally_text(const struct tally *t, struct buf *out)
{
    for (unsigned i = 0; i < t->used; i++)
        buf_addf(out, "%s%s=%llu", i ? " " : "", t->rows[i].name, (unsigned long long)t->rows[i].count);
}

void tally_json(const struct tally *t, struct buf *out)
{
    buf_addc(out, '{');
    for (unsigned i = 0; i < t->used; i++) {
        buf_addz(out, i ? ",\"" : "\"");
        scan_escape(out, str_of(t->rows[i].name));
        buf_addf(out, "\":%llu", (unsigned long long)t->rows[i].count);
    }
    buf_addc(out, '}');
}

/* ---- telling ---- */

static bool progress_open; /* the cursor stands behind a progress line */

void tell_progress(const char *fmt, ...)
{
    bool tty = isatty(STDERR_FILENO);
    char line[512];
    va_list args;

    va_start(args, fmt);
    vsnprintf(line, sizeof line, fmt, args);
    va_end(args);
    if (tty) fprintf(stderr, "\r%s\033[K", line);
    else fprintf(stderr, "%s\n", line);
    fflush(stderr);
    progress_open = tty;
}

void tell_progress_end(void)
{
    if (progress_open) fputc('\n', stderr);
    progress_open = false;
}

static void number(struct buf *b, double v)
{
    if (v == (double)(int64_t)v) buf_addf(b, "%lld", (long long)v);
    else buf_addf(b, "%.3f", v);
}

void tell_summary(const struct tell_row *rows, size_t count, const struct tally *refused, bool json)
{
    struct buf text, object;

    buf_init(&text, 65536);
    buf_init(&object, 65536);
    for (size_t i = 0; i < count; i++) {
        buf_addf(&text, "  %-16s ", rows[i].key);
        number(&text, rows[i].v);
        buf_addf(&object, "%s\"%s\":", i ? "," : "{", rows[i].key);
        number(&object, rows[i].v);
        buf_addc(&text, '\n');
    }
    if (refused->total) {
        buf_addz(&text, "  refused by       ");
        tally_text(refused, &text);
        buf_addc(&text, '\n');
    }
    buf_addz(&object, ",\"refused_by\":");
    tally_json(refused, &object);
    buf_addz(&object, "}\n");
    fputs(buf_cstr(json ? &object : &text), stdout);
    fflush(stdout);
    buf_fini(&text);
    buf_fini(&object);
}
