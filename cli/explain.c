/* naru explain TICKET: the life of a ticket for people, from GET /v1/tickets/{id}/explain. */
#include "base/json.h"
#include "base/limits.h"
#include "base/opt.h"
#include "cli/api.h"
#include "cli/cli.h"
#include "cli/life.h"

#include <stdio.h>
#include <stdlib.h>

struct explain_opts {
    const char *ticket, *url, *token, *token_file;
    bool json, no_text;
};
static const struct opt rows[] = {
    { "", OPT_STR, offsetof(struct explain_opts, ticket), NULL, 0, 0, "TICKET", "the ticket's id" },
    { "url", OPT_STR, offsetof(struct explain_opts, url), "http://127.0.0.1:8080", 0, 0, "URL", "where a router listens" },
    { "token", OPT_STR, offsetof(struct explain_opts, token), NULL, 0, 0, "TOKEN", "access token" },
    { "token-file", OPT_STR, offsetof(struct explain_opts, token_file), NULL, 0, 0, "FILE",
      "… or a file with it (default: operator.token of the data folder)" },
    { "no-text", OPT_FLAG, offsetof(struct explain_opts, no_text), NULL, 0, 0, NULL, "without the customer's words" },
    { "json", OPT_FLAG, offsetof(struct explain_opts, json), NULL, 0, 0, NULL, "as the API gives it" },
    { NULL, OPT_STR, 0, NULL, 0, 0, NULL, NULL },
};

static struct str text_of(const struct json *o, const char *key) { return json_str(json_get(o, key)); }

/* GET path into *out; what went wrong is told, but for `quiet`. The caller owns *out. */
static enum err get(const struct explain_opts *o, struct api *api, const char *path, struct buf *body, struct json **out,
                    bool quiet)
{
    unsigned status = 0;
    const char *why;
    size_t at;
    if (api_call(api, "GET", path, STR_NONE, 10000, body, &status)) {
        if (!quiet) fprintf(stderr, "naru explain: no answer from %s: is it running? (naru up)\n", o->url);
        return ERR_IO;
    }
    if (json_parse(out, buf_str(body), LIM_JSON_DEPTH, &at, &why)) {
        if (!quiet) fprintf(stderr, "naru explain: %s answered what is not JSON (status %u)\n", o->url, status);
        return ERR_JSON;
    }
    if (status == 200) return ERR_OK;
    struct str detail = text_of(*out, "detail"), title = text_of(*out, "title");
    if (!quiet)
        fprintf(stderr, "naru explain: %u %.*s: %.*s%s\n", status, STR_FMT(title), STR_FMT(detail),
                status == 401 ? " (--token-file: the data folder of `naru up` has one, operator.token)" : "");
    return ERR_PROTO;
}

/* The page. The customer's words are asked for apart; a ticket that cannot be read is explained without them. */
static void tell(const struct explain_opts *o, struct api *api, const struct json *doc)
{
    struct json *ticket = NULL;
    struct buf page, body;
    char path[256];
    buf_init(&page, 16u << 20);
    buf_init(&body, 16u << 20);
    snprintf(path, sizeof path, "/v1/tickets/%.60s", o->ticket);
    bool shown = !o->no_text && get(o, api, path, &body, &ticket, true) == ERR_OK;
    life_tell(&page, doc, shown ? ticket : NULL);
    fputs(buf_cstr(&page), stdout);
    json_free(ticket);
    buf_fini(&body);
    buf_fini(&page);
}

int explain_main(int argc, char **argv)
{
    struct explain_opts o;
    struct api *api = NULL;
    struct json *doc = NULL;
    struct buf body;
    char token[256], path[256];
    int exit_status = 1;
    if (opt_parse(rows, "naru explain TICKET [options]", argc, argv, &o)) return 2;
    if (!o.ticket) return fprintf(stderr, "naru explain: which ticket? (naru explain TICKET)\n"), 2;
    buf_init(&body, 16u << 20);
    if (api_token(o.token, o.token_file, token)) {
        fprintf(stderr, "naru explain: no token: give --token, --token-file, or run it as the user of `naru up`\n");
        goto out;
    }
    snprintf(path, sizeof path, "/v1/tickets/%.60s/explain", o.ticket);
    if (api_open(&api, o.url, token)) {
        fprintf(stderr, "naru explain: %s\n", err_text(ERR_NOMEM));
        goto out;
    }
    if (get(&o, api, path, &body, &doc, false)) goto out;
    if (o.json) printf("%s\n", buf_cstr(&body));
    else tell(&o, api, doc);
    exit_status = 0;
out:
    json_free(doc);
    api_close(api);
    buf_fini(&body);
    return exit_status;
}
