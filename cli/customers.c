/* naru customers import: customers of other systems, from a file through POST /v1/customers, a few hundred at a time.

   A chunk is sent until it was answered or TRIES are over. What the door refused is told by the line of the file. Stating the same
   again is harmless, so an import that was cut short is begun again, or gone on with --from. */
#include "base/json.h"
#include "base/limits.h"
#include "base/opt.h"
#include "cli/api.h"
#include "cli/cli.h"
#include "cli/customers_rows.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define CHUNK       500u
#define CHUNK_BYTES 2000000u
#define TRIES       20u
#define ANSWER_MS   30000

struct customers_opts {
    struct opt_list words;
    const char *url, *token, *token_file, *workspace;
    uint64_t from;
};
#define ROW(name, kind, field, fallback, min, max, arg, help)                                                                      \
    {                                                                                                                              \
        name, kind, offsetof(struct customers_opts, field), fallback, min, max, arg, help                                          \
    }
static const struct opt rows[] = {
    ROW("", OPT_LIST, words, NULL, 0, 0, "import FILE.csv|FILE.jsonl", "what to do"),
    ROW("from", OPT_U64, from, "1", 1, 4294967295.0, "LINE", "go on with this line of the file"),
    ROW("url", OPT_STR, url, "http://127.0.0.1:8080", 0, 0, "URL", "where Naru is"),
    ROW("workspace", OPT_STR, workspace, NULL, 0, 0, "NAME", "whose customers (default: the token's)"),
    ROW("token", OPT_STR, token, NULL, 0, 0, "TOKEN", "access token"),
    ROW("token-file", OPT_STR, token_file, NULL, 0, 0, "FILE", "… or a file with it (default: operator.token of the data folder)"),
    { NULL, OPT_STR, 0, NULL, 0, 0, NULL, NULL },
};

struct importing {
    struct api *api;
    const char *path;
    char door[300];
    struct buf body, answer;
    uint32_t lines[CHUNK], count; /* of the chunk */
    uint64_t kept, refused;
};

static void tell_refused(struct importing *im, uint32_t line, struct str why)
{
    im->refused++;
    fprintf(stderr, "%s:%u: %.*s\n", im->path, line, STR_FMT(why));
}

/* The answer's results, in the order of the chunk. */
static enum err take_answer(struct importing *im)
{
    struct json *doc = NULL;
    const char *why;
    size_t at;
    uint32_t i = 0;
    if (json_parse(&doc, buf_str(&im->answer), LIM_JSON_DEPTH, &at, &why)) return ERR_PROTO;
    for (const struct json *v = json_first(json_get(doc, "results")); v && i < im->count; v = json_next(v), i++) {
        const struct json *problem = json_get(v, "problem");
        if (problem) tell_refused(im, im->lines[i], json_str(json_get(problem, "detail")));
        else im->kept++;
    }
    json_free(doc);
    return i == im->count ? ERR_OK : ERR_PROTO;
}

static enum err send_chunk(struct importing *im)
{
    unsigned status = 0;
    enum err e = ERR_IO;
    if (!im->count) return ERR_OK;
    buf_addc(&im->body, ']');
    if (im->body.err) return im->body.err;
    for (unsigned i = 0; i < TRIES; i++) {
        if (i) usleep(250000);
        buf_clear(&im->answer);
        e = api_call(im->api, "POST", im->door, buf_str(&im->body), ANSWER_MS, &im->answer, &status);
        if (!e && status != 503 && status != 429) break;
    }
    if (e) fprintf(stderr, "naru customers: no answer from the router\n");
    else if (status != 200) fprintf(stderr, "naru customers: refused with %u: %.*s\n", status, STR_FMT(buf_str(&im->answer)));
    if (!e && status != 200) e = ERR_REFUSED;
    if (!e && (e = take_answer(im))) fprintf(stderr, "naru customers: the answer cannot be read\n");
    if (e) fprintf(stderr, "naru customers: stopped; go on with --from %u\n", im->lines[0]);
    im->count = 0;
    buf_clear(&im->body);
    return e;
}

static enum err import_all(struct importing *im, struct customers_file *f, uint64_t from)
{
    enum err e = ERR_OK;
    char why[200];
    uint32_t line;
    while (!e) {
        size_t before = im->body.n;
        buf_addc(&im->body, im->count ? ',' : '[');
        enum err read = customers_file_read(f, &im->body, &line, why);
        if (read == ERR_NOTFOUND) break;
        if (read || line < from) {
            im->body.n = before;
            if (read && line >= from) tell_refused(im, line, str_of(why));
            continue;
        }
        im->lines[im->count++] = line;
        if (im->count == CHUNK || im->body.n > CHUNK_BYTES) e = send_chunk(im);
    }
    if (!e && im->count) {
        im->body.n--; /* the comma of one that did not come */
        e = send_chunk(im);
    }
    return e;
}

static int import(const struct customers_opts *o, const char *path)
{
    struct importing im = { .path = path };
    struct customers_file f = { .text = NULL };
    char token[256], why[200] = "";
    if (api_token(o->token, o->token_file, token))
        return fprintf(stderr, "naru customers: no token: give --token or --token-file\n"), 2;
    enum err e = customers_file_open(&f, path, why);
    if (e) fprintf(stderr, "naru customers: %s: %s\n", path, *why ? why : err_text(e));
    snprintf(im.door, sizeof im.door, "/v1/customers%s%s", o->workspace ? "?workspace=" : "", o->workspace ? o->workspace : "");
    buf_init(&im.body, CHUNK_BYTES + (1u << 20));
    buf_init(&im.answer, 8u << 20);
    if (!e) e = api_open(&im.api, o->url, token);
    if (!e) e = import_all(&im, &f, o->from);
    if (!e) printf("%llu customers kept, %llu refused\n", (unsigned long long)im.kept, (unsigned long long)im.refused);
    api_close(im.api);
    customers_file_close(&f);
    buf_fini(&im.body);
    buf_fini(&im.answer);
    return e || im.refused ? 1 : 0;
}

int customers_main(int argc, char **argv)
{
    struct customers_opts o;
    if (opt_parse(rows, "naru customers import FILE.csv|FILE.jsonl [options]", argc, argv, &o)) return 2;
    if (o.words.count == 2 && !strcmp(o.words.v[0], "import")) return import(&o, o.words.v[1]);
    fprintf(stderr, "naru customers: say import and a file (naru customers --help tells more)\n");
    return 2;
}
