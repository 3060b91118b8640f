#include "cli/feedback_rows.h"

#include "base/limits.h"
#include "cli/api.h"
#include "cli/data_dir.h"

#include <errno.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

#define PAGE      500
#define PAGE_MOST (16u << 20)
#define CALL_MS   30000

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

static void add_escaped(struct buf *b, const char *text)
{
    for (; *text; text++) {
        bool plain = strchr("-_.~", *text) || (*text >= '0' && *text <= '9') || ((*text | 32) >= 'a' && (*text | 32) <= 'z');
        if (plain) buf_addc(b, *text);
        else buf_addf(b, "%%%02X", (unsigned char)*text);
    }
}

static void page_path(const struct feedback_source *s, const char *after, struct buf *path)
{
    buf_clear(path);
    buf_addf(path, "/v1/feedback?limit=%d", PAGE);
    if (*after) buf_addf(path, "&after=%s", after);
    if (s->since) buf_addz(path, "&since="), add_escaped(path, s->since);
    if (s->workspace) buf_addz(path, "&workspace="), add_escaped(path, s->workspace);
}

/* One page: its rows, and where to go on ("": it was the last). */
static enum err take_page(const struct feedback_source *s, struct buf *body, unsigned status, char after[32], feedback_row_fn *fn,
                          void *ctx)
{
    struct json *doc = NULL;
    const char *why;
    size_t at;
    enum err e = ERR_OK;
    if (json_parse(&doc, buf_str(body), LIM_JSON_DEPTH, &at, &why))
        return complain(s, "answered what is not JSON (status %u): is it a router of Naru?", status);
    struct str detail = json_str(json_get(doc, "detail")), next = json_str(json_get(doc, "next"));
    if (status != 200) e = complain(s, "%u %.*s", status, STR_FMT(detail));
    for (const struct json *r = json_first(json_get(doc, "feedback")); r && !e; r = json_next(r)) e = fn(ctx, r);
    snprintf(after, 32, "%.*s", STR_FMT(next));
    json_free(doc);
    return e;
}

static enum err read_pages(const struct feedback_source *s, const char *url, const char *token, feedback_row_fn *fn, void *ctx)
{
    struct api *api = NULL;
    struct buf body, path;
    char after[32] = "";
    unsigned status;
    enum err e = api_open(&api, url, token);
    buf_init(&body, PAGE_MOST);
    buf_init(&path, 2048);
    while (!e) {
        page_path(s, after, &path);
        buf_clear(&body);
        if (api_call(api, "GET", buf_cstr(&path), STR_NONE, CALL_MS, &body, &status)) {
            e = complain(s, "no answer from %s: is it running?", url);
            break;
        }
        e = take_page(s, &body, status, after, fn, ctx);
        if (!*after) break;
    }
    buf_fini(&path);
    buf_fini(&body);
    api_close(api);
    return e;
}

static enum err pick_token(const struct feedback_source *s, const char *folder, char token[256])
{
    char path[PATH_MAX];
    if (s->token) return snprintf(token, 256, "%s", s->token) < 256 ? ERR_OK : complain(s, "the token is too long");
    if (s->token_file) snprintf(path, sizeof path, "%s", s->token_file);
    else snprintf(path, sizeof path, "%s/operator.token", folder);
    return api_token_file(path, token) ? complain(s, "no token in %s: give --token or --token-file", path) : ERR_OK;
}

/* A folder names its router by the port that it listens on. */
static enum err folder_url(const struct feedback_source *s, char url[64])
{
    char path[PATH_MAX], port[256];
    uint64_t number;
    snprintf(path, sizeof path, "%s/run/port", s->from);
    if (api_token_file(path, port) || str_u64(str_of(port), 1, 65535, &number))
        return complain(s, "no router runs there (%s has no port): start it with naru up, or name its URL", path);
    snprintf(url, 64, "http://127.0.0.1:%u", (unsigned)number);
    return ERR_OK;
}

enum err feedback_rows_read(const struct feedback_source *s, feedback_row_fn *fn, void *ctx)
{
    struct stat st;
    char token[256], url[64];
    bool remote = !strncmp(s->from, "http://", 7) || !strncmp(s->from, "https://", 8);
    if (!remote && (stat(s->from, &st) || !S_ISDIR(st.st_mode))) return read_file(s, fn, ctx);
    enum err e = remote ? ERR_OK : folder_url(s, url);
    if (!e) e = pick_token(s, remote ? data_dir(NULL) : s->from, token);
    return e ? e : read_pages(s, remote ? s->from : url, token, fn, ctx);
}
