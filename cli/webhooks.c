/* naru webhooks: how the webhooks of a workspace are, their dead letters, telling those again, a test. Over the router's API. */
#include "base/json.h"
#include "base/opt.h"
#include "cli/api.h"
#include "cli/cli.h"

#include <stdio.h>
#include <string.h>

struct webhooks_opts {
    struct opt_list words;
    const char *url, *token, *token_file, *workspace;
    bool json, all;
};
static const struct opt rows[] = {
    { "", OPT_LIST, offsetof(struct webhooks_opts, words), NULL, 0, 0, "[list] | dead NAME | replay NAME [ID] | test NAME",
      "what to do" },
    { "all", OPT_FLAG, offsetof(struct webhooks_opts, all), NULL, 0, 0, NULL, "replay: all dead letters" },
    { "workspace", OPT_STR, offsetof(struct webhooks_opts, workspace), NULL, 0, 0, "NAME", "where there are several" },
    { "url", OPT_STR, offsetof(struct webhooks_opts, url), "http://127.0.0.1:8080", 0, 0, "URL", "where a router listens" },
    { "token", OPT_STR, offsetof(struct webhooks_opts, token), NULL, 0, 0, "TOKEN", "access token" },
    { "token-file", OPT_STR, offsetof(struct webhooks_opts, token_file), NULL, 0, 0, "FILE",
      "… or a file with it (default: operator.token of the data folder)" },
    { "json", OPT_FLAG, offsetof(struct webhooks_opts, json), NULL, 0, 0, NULL, "as the API gives it" },
    { NULL, OPT_STR, 0, NULL, 0, 0, NULL, NULL },
};

static int usage(const char *what)
{
    fprintf(stderr, "naru webhooks: %s (naru webhooks --help tells more)\n", what);
    return 2;
}

static struct str text_of(const struct json *o, const char *key) { return json_str(json_get(o, key)); }
static uint64_t number_of(const struct json *o, const char *key)
{
    uint64_t n = 0;
    (void)json_is_u64(json_get(o, key), &n);
    return n;
}

/* ---- what came, for people ---- */

/* "timeout", "status 503" */
static void print_how(const struct json *o)
{
    struct str how = text_of(o, "how");
    if (number_of(o, "status") && !str_is(how, "ok")) printf("status %llu", (unsigned long long)number_of(o, "status"));
    else printf("%.*s", STR_FMT(how));
}

static void print_list(const struct json *doc)
{
    printf("%-24s  %-9s  %8s  %10s  %6s  %8s  %-24s  %s\n", "webhook", "state", "backlog", "delivered", "dead", "dropped",
           "oldest waiting", "last failure");
    for (const struct json *w = json_first(json_get(doc, "webhooks")); w; w = json_next(w)) {
        const struct json *bad = json_get(w, "last_failure");
        struct str oldest = text_of(w, "oldest");
        printf("%-24.*s  %-9.*s  %8llu  %10llu  %6llu  %8llu  %-24.*s  ", STR_FMT(text_of(w, "webhook")),
               STR_FMT(text_of(w, "state")), (unsigned long long)number_of(w, "backlog"),
               (unsigned long long)number_of(w, "delivered"), (unsigned long long)number_of(w, "dead_letters"),
               (unsigned long long)number_of(w, "dropped"), STR_FMT(oldest.n ? oldest : STR("-")));
        if (bad) print_how(bad), printf(" at %.*s", STR_FMT(text_of(bad, "at")));
        printf("\n");
    }
}

static void print_dead(const struct json *doc)
{
    printf("%-36s  %-24s  %-24s  %8s  %s\n", "id", "since", "given up", "attempts", "last failure");
    for (const struct json *d = json_first(json_get(doc, "dead")); d; d = json_next(d)) {
        printf("%.*s  %.*s  %.*s  %8llu  ", STR_FMT(text_of(d, "id")), STR_FMT(text_of(d, "since")), STR_FMT(text_of(d, "died")),
               (unsigned long long)number_of(d, "attempts"));
        print_how(d);
        printf("\n");
    }
    if (json_get(doc, "next")) printf("… and more\n");
}

static void print_replayed(const struct json *doc) { printf("told again: %llu\n", (unsigned long long)number_of(doc, "replayed")); }

static void print_test(const struct json *doc)
{
    printf("%s: ", json_bool(json_get(doc, "delivered")) ? "delivered" : "not delivered");
    print_how(doc);
    printf(" in %llu ms\n", (unsigned long long)number_of(doc, "took_ms"));
}

/* ---- asking ---- */

static const struct action {
    const char *word, *method, *path; /* path behind /v1/webhooks/NAME */
    bool named;
    void (*print)(const struct json *doc);
} actions[] = { { "list", "GET", "", false, print_list },
                { "dead", "GET", "/dead", true, print_dead },
                { "replay", "POST", "/replay", true, print_replayed },
                { "test", "POST", "/test", true, print_test } };

static int ask(const struct webhooks_opts *o, const struct action *a)
{
    const char *name = a->named ? o->words.v[1] : NULL, *id = o->words.count > 2 ? o->words.v[2] : NULL;
    char path[512], what[128];
    snprintf(path, sizeof path, "/v1/webhooks%s%.64s%s%s%.64s", name ? "/" : "", name ? name : "", a->path,
             o->workspace ? "?workspace=" : "", o->workspace ? o->workspace : "");
    snprintf(what, sizeof what, id ? "{\"id\":\"%.36s\"}" : "{\"all\":true}", id);
    struct api_question q = { .command = "naru webhooks",
                              .url = o->url,
                              .token = o->token,
                              .token_file = o->token_file,
                              .method = a->method,
                              .path = path,
                              .body = !strcmp(a->word, "replay") ? str_of(what) : STR_NONE,
                              .within_ms = 70000 };
    struct buf text;
    buf_init(&text, 16u << 20);
    struct json *doc = api_ask(&q, &text);
    bool good = doc && (strcmp(a->word, "test") || json_bool(json_get(doc, "delivered")));
    if (doc && o->json) printf("%s\n", buf_cstr(&text));
    else if (doc) a->print(doc);
    json_free(doc);
    buf_fini(&text);
    return good ? 0 : 1;
}

int webhooks_main(int argc, char **argv)
{
    struct webhooks_opts o = { 0 };
    if (opt_parse(rows, "naru webhooks [list] | dead NAME | replay NAME (ID | --all) | test NAME [options]", argc, argv, &o))
        return 2;
    const char *word = o.words.count ? o.words.v[0] : "list";
    for (size_t i = 0; i < sizeof actions / sizeof *actions; i++) {
        const struct action *a = &actions[i];
        if (strcmp(word, a->word) != 0) continue;
        if (a->named && o.words.count < 2) return usage("which webhook?");
        if (!strcmp(word, "replay") && o.all == (o.words.count > 2)) return usage("replay NAME and an id, or --all");
        if (a->named &&
            strspn(o.words.v[1], "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.") != strlen(o.words.v[1]))
            return usage("that is no name of a webhook");
        return ask(&o, a);
    }
    return usage("say list, dead, replay or test");
}
