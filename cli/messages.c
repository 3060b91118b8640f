/* naru messages: replies that have not arrived, or of which nobody knows: which, why, and what a person decides. Over the router's
 * API. */
#include "base/json.h"
#include "base/opt.h"
#include "cli/api.h"
#include "cli/cli.h"

#include <stdio.h>
#include <string.h>

struct messages_opts {
    struct opt_list words;
    const char *url, *token, *token_file;
    bool json;
};
static const struct opt rows[] = {
    { "", OPT_LIST, offsetof(struct messages_opts, words), NULL, 0, 0, "[STATE] | resend ID | confirm ID",
      "what to do; states: queued, sending, sent, failed, unknown (default), recorded" },
    { "url", OPT_STR, offsetof(struct messages_opts, url), "http://127.0.0.1:8080", 0, 0, "URL", "where a router listens" },
    { "token", OPT_STR, offsetof(struct messages_opts, token), NULL, 0, 0, "TOKEN", "access token" },
    { "token-file", OPT_STR, offsetof(struct messages_opts, token_file), NULL, 0, 0, "FILE",
      "… or a file with it (default: operator.token of the data folder)" },
    { "json", OPT_FLAG, offsetof(struct messages_opts, json), NULL, 0, 0, NULL, "as the API gives it" },
    { NULL, OPT_STR, 0, NULL, 0, 0, NULL, NULL },
};

static int usage(const char *what)
{
    fprintf(stderr, "naru messages: %s (naru messages --help tells more)\n", what);
    return 2;
}

static struct str text_of(const struct json *o, const char *key) { return json_str(json_get(o, key)); }

static void print_message(const struct json *m)
{
    uint64_t tries = 0;
    (void)json_is_u64(json_get(m, "tries"), &tries);
    printf("%-36.*s  %-36.*s  %-20.*s  %-8.*s  %-24.*s  %5llu  %.*s\n", STR_FMT(text_of(m, "id")), STR_FMT(text_of(m, "ticket")),
           STR_FMT(text_of(m, "account")), STR_FMT(text_of(m, "state")), STR_FMT(text_of(m, "since")), (unsigned long long)tries,
           STR_FMT(text_of(m, "why")));
}

/* A list of them, or the one that something was decided of. */
static void print(const struct json *doc)
{
    const struct json *all = json_get(doc, "messages");
    printf("%-36s  %-36s  %-20s  %-8s  %-24s  %5s  %s\n", "message", "ticket", "account", "state", "since", "tries", "why");
    if (!all) print_message(doc);
    for (const struct json *m = json_first(all); m; m = json_next(m)) print_message(m);
}

static int ask(const struct messages_opts *o, const char *method, const char *path)
{
    struct api_question q = { .command = "naru messages",
                              .url = o->url,
                              .token = o->token,
                              .token_file = o->token_file,
                              .method = method,
                              .path = path,
                              .within_ms = 30000 };
    struct buf text;
    buf_init(&text, 16u << 20);
    struct json *doc = api_ask(&q, &text);
    if (doc && o->json) printf("%s\n", buf_cstr(&text));
    else if (doc) print(doc);
    int exit_status = doc ? 0 : 1;
    json_free(doc);
    buf_fini(&text);
    return exit_status;
}

int messages_main(int argc, char **argv)
{
    struct messages_opts o = { 0 };
    char path[128];
    if (opt_parse(rows, "naru messages [STATE] | resend ID | confirm ID [options]", argc, argv, &o)) return 2;
    const char *word = o.words.count ? o.words.v[0] : "unknown", *id = o.words.count > 1 ? o.words.v[1] : NULL;
    bool decides = !strcmp(word, "resend") || !strcmp(word, "confirm");
    if (decides && (!id || strlen(id) != 36 || strspn(id, "0123456789abcdefABCDEF-") != 36))
        return usage("which message? give its id");
    if (!decides && (id || strlen(word) > 16 || strspn(word, "abcdefghijklmnopqrstuvwxyz") != strlen(word)))
        return usage("say a state, resend ID or confirm ID");
    if (decides) snprintf(path, sizeof path, "/v1/messages/%s/%s", id, word);
    else snprintf(path, sizeof path, "/v1/messages?state=%s", word);
    return ask(&o, decides ? "POST" : "GET", path);
}
