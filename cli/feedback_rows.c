#include "cli/feedback_rows.h"

#include "base/limits.h"
#include "cli/pages.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

#define PAGE 500

static enum err complain(const struct feedback_source *s, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
static enum err complain(const struct feedback_source *s, const char *fmt, ...)
{
    va_list args;
    fprintf(stderr, "naru %s: %s: ", s->who, s->from);
    va_start(args, fmt);
    vfprintf(stderr, fmt, args);
    va_end(args);
    fputc('\n', stderr);
    return ERR_USAGE;
}

/* ---- files ---- */

static enum err line_row(const struct feedback_source *s, struct str line, unsigned number, feedback_row_fn *fn, void *ctx)
{
    struct json *row = NULL;
    const char *why = NULL;
    size_t at = 0;
    if (line.n > FEEDBACK_LINE) return complain(s, "line %u is longer than %u bytes", number, FEEDBACK_LINE);
    if (json_parse(&row, line, LIM_JSON_DEPTH, &at, &why)) return complain(s, "line %u, byte %zu: %s", number, at + 1, why);
    enum err e = json_type(json_get(row, "correction")) == JSON_OBJECT
                     ? fn(ctx, row)
                     : complain(s, "line %u is no correction: write the file with naru feedback --out", number);
    json_free(row);
    return e;
}

static enum err read_file(const struct feedback_source *s, feedback_row_fn *fn, void *ctx)
{
    FILE *f = fopen(s->from, "r");
    char *line = NULL;
    size_t room = 0;
    ssize_t n;
    enum err e = ERR_OK;
    if (!f) return complain(s, "%s (a URL begins with http://)", strerror(errno));
    for (unsigned number = 1; !e && (n = getline(&line, &room, f)) >= 0; number++) {
        while (n && (line[n - 1] == '\n' || line[n - 1] == '\r')) n--;
        if (n) e = line_row(s, (struct str){ line, (size_t)n }, number, fn, ctx);
    }
    if (!e && ferror(f)) e = complain(s, "cannot be read");
    free(line);
    fclose(f);
    return e;
}

/* ---- routers ---- */

static enum err read_pages(const struct feedback_source *s, feedback_row_fn *fn, void *ctx)
{
    const struct pages p = { .who = s->who, .from = s->from, .token = s->token, .token_file = s->token_file };
    struct buf path;
    buf_init(&path, 2048);
    buf_addf(&path, "/v1/feedback?limit=%d", PAGE);
    if (s->since) buf_addz(&path, "&since="), pages_escape(&path, s->since);
    if (s->workspace) buf_addz(&path, "&workspace="), pages_escape(&path, s->workspace);
    enum err e = pages_read(&p, buf_cstr(&path), "feedback", fn, ctx);
    buf_fini(&path);
    return e;
}

enum err feedback_rows_read(const struct feedback_source *s, feedback_row_fn *fn, void *ctx)
{
    struct stat st;
    bool file = !pages_is_url(s->from) && (stat(s->from, &st) || !S_ISDIR(st.st_mode));
    return file ? read_file(s, fn, ctx) : read_pages(s, fn, ctx);
}
