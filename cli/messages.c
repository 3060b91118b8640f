/* naru messages: replies that have not arrived, or of which nobody knows: which, why, and what a person decides. Over the API of
   each router that is named: a reply is sent, listed and decided upon by its ticket's home. */
#include "base/json.h"
#include "base/opt.h"
#include "cli/api.h"
#include "cli/cli.h"

#include <stdio.h>
#include <string.h>

struct messages_opts {
    struct opt_list words, urls;
    const char *token, *token_file;
    bool json;
};
static const struct opt rows[] = {
    { "", OPT_LIST, offsetof(struct messages_opts, words), NULL, 0, 0, "[STATE] | resend ID | confirm ID",
      "what to do; states: queued, sending, sent, failed, unknown (default), recorded" },
    { "url", OPT_LIST, offsetof(struct messages_opts, urls), NULL, 0, 0, "URL",
      "where a router listens: all of them are asked (default: http://127.0.0.1:8080)" },
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

static void print_heading(void)
{
    printf("%-36s  %-36s  %-20s  %-8s  %-24s  %5s  %s\n", "message", "ticket", "account", "state", "since", "tries", "why");
}

static struct json *ask(const struct messages_opts *o, const char *url, const char *method, const char *path, bool elsewhere)
{
    struct api_question q = { .command = "naru messages",
                              .url = url,
                              .token = o->token,
                              .token_file = o->token_file,
                              .method = method,
                              .path = path,
                              .within_ms = 30000,
                              .elsewhere = elsewhere };
    struct buf text;
    buf_init(&text, 16u << 20);
    struct json *doc = api_ask(&q, &text);
    if (doc && o->json) printf("%s\n", buf_cstr(&text));
    buf_fini(&text);
    return doc;
}

/* What each router has, one list below the other; one that does not answer is told, and the others are asked all the same. */
static int list(const struct messages_opts *o, const char *path)
{
    int exit_status = 0;
    if (!o->json) print_heading();
    for (size_t i = 0; i < o->urls.count; i++) {
        struct json *doc = ask(o, o->urls.v[i], "GET", path, false);
        if (!doc) exit_status = 1;
        for (const struct json *m = o->json ? NULL : json_first(json_get(doc, "messages")); m; m = json_next(m)) print_message(m);
        json_free(doc);
    }
    return exit_status;
}

/* Whoever has it does it; the last one asked says why nobody has. */
static int decide(const struct messages_opts *o, const char *path)
{
    struct json *doc = NULL;
    for (size_t i = 0; i < o->urls.count && !doc; i++) doc = ask(o, o->urls.v[i], "POST", path, i + 1 < o->urls.count);
    if (!doc) return 1;
    if (!o->json) {
        print_heading();
        print_message(doc);
    }
    json_free(doc);
    return 0;
}

int messages_main(int argc, char **argv)
{
    struct messages_opts o = { .json = false };
    char path[128];
    if (opt_parse(rows, "naru messages [STATE] | resend ID | confirm ID [options]", argc, argv, &o)) return 2;
    const char *word = o.words.count ? o.words.v[0] : "unknown", *id = o.words.count > 1 ? o.words.v[1] : NULL;
    bool decides = !strcmp(word, "resend") || !strcmp(word, "confirm");
    if (decides && (!id || strlen(id) != 36 || strspn(id, "0123456789abcdefABCDEF-") != 36))
        return usage("which message? give its id");
    if (!decides && (id || strlen(word) > 16 || strspn(word, "abcdefghijklmnopqrstuvwxyz") != strlen(word)))
        return usage("say a state, resend ID or confirm ID");
    if (!o.urls.count) o.urls.v[o.urls.count++] = "http://127.0.0.1:8080";
    if (decides) snprintf(path, sizeof path, "/v1/messages/%s/%s", id, word);
    else snprintf(path, sizeof path, "/v1/messages?state=%s", word);
    return decides ? decide(&o, path) : list(&o, path);
}
