#include "cli/api.h"

#include "base/limits.h"
#include "cli/data_dir.h"

#include <curl/curl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>

struct api {
    CURL *curl;
    struct curl_slist *headers;
    char *url;
};

enum err api_open(struct api **out, const char *url, const char *token)
{
    struct api *a = calloc(1, sizeof *a);
    char line[300];
    if (!a || !(a->url = strdup(url)) || !(a->curl = curl_easy_init())) return api_close(a), ERR_NOMEM;
    a->headers = curl_slist_append(a->headers, "Expect:");
    a->headers = curl_slist_append(a->headers, "Content-Type: application/json");
    if (token && *token) {
        snprintf(line, sizeof line, "Authorization: Bearer %s", token);
        a->headers = curl_slist_append(a->headers, line);
    }
    *out = a;
    return ERR_OK;
}

void api_close(struct api *a)
{
    if (!a) return;
    curl_slist_free_all(a->headers);
    if (a->curl) curl_easy_cleanup(a->curl);
    free(a->url);
    free(a);
}

static size_t on_body(char *p, size_t size, size_t n, void *ctx)
{
    struct buf *out = ctx;
    buf_add(out, p, size * n);
    return out->err ? 0 : size * n;
}

enum err api_call(struct api *a, const char *method, const char *path, struct str body, long timeout_ms, struct buf *out,
                  unsigned *status)
{
    char url[4096];
    if ((size_t)snprintf(url, sizeof url, "%s%s", a->url, path) >= sizeof url) return ERR_TOOBIG;
    curl_easy_reset(a->curl);
    curl_easy_setopt(a->curl, CURLOPT_URL, url);
    curl_easy_setopt(a->curl, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(a->curl, CURLOPT_PROXY, "");
    curl_easy_setopt(a->curl, CURLOPT_TIMEOUT_MS, timeout_ms);
    curl_easy_setopt(a->curl, CURLOPT_HTTPHEADER, a->headers);
    curl_easy_setopt(a->curl, CURLOPT_CUSTOMREQUEST, method);
    curl_easy_setopt(a->curl, CURLOPT_WRITEFUNCTION, on_body);
    curl_easy_setopt(a->curl, CURLOPT_WRITEDATA, out);
    if (body.n) {
        curl_easy_setopt(a->curl, CURLOPT_POSTFIELDS, body.p);
        curl_easy_setopt(a->curl, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)body.n);
    }
    long code = 0;
    if (curl_easy_perform(a->curl) != CURLE_OK) return ERR_IO;
    curl_easy_getinfo(a->curl, CURLINFO_RESPONSE_CODE, &code);
    *status = (unsigned)code;
    return ERR_OK;
}

enum err api_token_file(const char *path, char out[256])
{
    FILE *f = fopen(path, "r");
    if (!f) return ERR_IO;
    char *line = fgets(out, 256, f);
    fclose(f);
    if (!line) return ERR_IO;
    out[strcspn(out, "\r\n")] = '\0';
    return *out ? ERR_OK : ERR_IO;
}

enum err api_token(const char *token, const char *token_file, char out[256])
{
    char path[PATH_MAX];
    if (token) return snprintf(out, 256, "%s", token) < 256 ? ERR_OK : ERR_TOOBIG;
    if (token_file) return api_token_file(token_file, out);
    snprintf(path, sizeof path, "%s/operator.token", data_dir(NULL));
    return api_token_file(path, out);
}

static struct json *read_answer(const struct api_question *q, const struct buf *text, unsigned status)
{
    struct json *doc = NULL;
    const char *why;
    size_t at;
    if (json_parse(&doc, buf_str(text), LIM_JSON_DEPTH, &at, &why)) {
        fprintf(stderr, "%s: %s answered what is not JSON (status %u)\n", q->command, q->url, status);
        return NULL;
    }
    if (status == 200) return doc;
    if (q->elsewhere && (status == 404 || status == 421)) return json_free(doc), NULL;
    fprintf(stderr, "%s: %u %.*s: %.*s\n", q->command, status, STR_FMT(json_str(json_get(doc, "title"))),
            STR_FMT(json_str(json_get(doc, "detail"))));
    json_free(doc);
    return NULL;
}

struct json *api_ask(const struct api_question *q, struct buf *text)
{
    struct api *api = NULL;
    struct json *doc = NULL;
    char token[256];
    unsigned status = 0;
    if (api_token(q->token, q->token_file, token)) {
        fprintf(stderr, "%s: no token: give --token, --token-file, or run it as the user of `naru up`\n", q->command);
        return NULL;
    }
    if (api_open(&api, q->url, token)) fprintf(stderr, "%s: %s\n", q->command, err_text(ERR_NOMEM));
    else if (api_call(api, q->method, q->path, q->body, q->within_ms, text, &status))
        fprintf(stderr, "%s: no answer from %s: is it running? (naru up)\n", q->command, q->url);
    else doc = read_answer(q, text, status);
    api_close(api);
    return doc;
}
