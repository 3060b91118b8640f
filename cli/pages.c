#include "cli/pages.h"

#include "base/limits.h"
#include "cli/api.h"
#include "cli/data_dir.h"

#include <limits.h>
#include <stdarg.h>
#include <stdio.h>

#define PAGE_MOST (64u << 20)
#define CALL_MS   30000
#define AFTER     64 /* bytes of what a page goes on after */

bool pages_is_url(const char *from) { return !strncmp(from, "http://", 7) || !strncmp(from, "https://", 8); }

static enum err complain(const struct pages *p, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
static enum err complain(const struct pages *p, const char *fmt, ...)
{
    va_list args;
    fprintf(stderr, "naru %s: %s: ", p->who, p->from);
    va_start(args, fmt);
    vfprintf(stderr, fmt, args);
    va_end(args);
    fputc('\n', stderr);
    return ERR_USAGE;
}

void pages_escape(struct buf *path, const char *text)
{
    for (; *text; text++) {
        bool plain = strchr("-_.~", *text) || (*text >= '0' && *text <= '9') || ((*text | 32) >= 'a' && (*text | 32) <= 'z');
        if (plain) buf_addc(path, *text);
        else buf_addf(path, "%%%02X", (unsigned char)*text);
    }
}

/* One page: its items, and where to go on ("": it was the last). */
static enum err take_page(const struct pages *p, struct buf *body, unsigned status, const char *list, char after[AFTER],
                          pages_fn *fn, void *ctx)
{
    struct json *doc = NULL;
    const char *why;
    size_t at;
    enum err e = ERR_OK;
    if (json_parse(&doc, buf_str(body), LIM_JSON_DEPTH, &at, &why))
        return complain(p, "answered what is not JSON (status %u): is it a router of Naru?", status);
    struct str detail = json_str(json_get(doc, "detail")), next = json_str(json_get(doc, "next"));
    if (status != 200) e = complain(p, "%u %.*s", status, STR_FMT(detail));
    for (const struct json *i = json_first(json_get(doc, list)); i && !e; i = json_next(i)) e = fn(ctx, i);
    snprintf(after, AFTER, "%.*s", STR_FMT(next));
    json_free(doc);
    return e;
}

static enum err read_all(const struct pages *p, const char *url, const char *token, const char *path, const char *list,
                         pages_fn *fn, void *ctx)
{
    struct api *api = NULL;
    struct buf body, query;
    char after[AFTER] = "";
    unsigned status;
    enum err e = api_open(&api, url, token);
    buf_init(&body, PAGE_MOST);
    buf_init(&query, 4096);
    do {
        buf_clear(&query);
        buf_clear(&body);
        buf_addf(&query, "%s%s%s", path, *after ? "&after=" : "", after);
        if (!e && api_call(api, "GET", buf_cstr(&query), STR_NONE, CALL_MS, &body, &status))
            e = complain(p, body.err ? "a page of %s is too large" : "no answer from %s: is it running?", url);
        if (!e) e = take_page(p, &body, status, list, after, fn, ctx);
    } while (!e && *after);
    buf_fini(&query);
    buf_fini(&body);
    api_close(api);
    return e;
}

static enum err pick_token(const struct pages *p, const char *folder, char token[256])
{
    char path[PATH_MAX];
    if (p->token) return snprintf(token, 256, "%s", p->token) < 256 ? ERR_OK : complain(p, "the token is too long");
    if (p->token_file) snprintf(path, sizeof path, "%s", p->token_file);
    else snprintf(path, sizeof path, "%s/operator.token", folder);
    return api_token_file(path, token) ? complain(p, "no token in %s: give --token or --token-file", path) : ERR_OK;
}

/* A folder names its router by the port that it listens on. */
static enum err folder_url(const struct pages *p, char url[64])
{
    char path[PATH_MAX], port[256];
    uint64_t number;
    snprintf(path, sizeof path, "%s/run/port", p->from);
    if (api_token_file(path, port) || str_u64(str_of(port), 1, 65535, &number))
        return complain(p, "no router runs there (%s has no port): start it with naru up, or name its URL", path);
    snprintf(url, 64, "http://127.0.0.1:%u", (unsigned)number);
    return ERR_OK;
}

enum err pages_read(const struct pages *p, const char *path, const char *list, pages_fn *fn, void *ctx)
{
    char token[256], url[64];
    bool remote = pages_is_url(p->from);
    enum err e = remote ? ERR_OK : folder_url(p, url);
    if (!e) e = pick_token(p, remote ? data_dir(NULL) : p->from, token);
    return e ? e : read_all(p, remote ? p->from : url, token, path, list, fn, ctx);
}
