/* naru explain TICKET: the life of a ticket for people, from GET /v1/tickets/{id}/explain. */
#include "base/json.h"
#include "base/limits.h"
#include "base/opt.h"
#include "cli/api.h"
#include "cli/cli.h"
#include "cli/data_dir.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>

struct explain_opts {
    const char *ticket, *url, *token, *token_file;
    bool json;
};
static const struct opt rows[] = {
    { "", OPT_STR, offsetof(struct explain_opts, ticket), NULL, 0, 0, "TICKET", "the ticket's id" },
    { "url", OPT_STR, offsetof(struct explain_opts, url), "http://127.0.0.1:8080", 0, 0, "URL", "where a router listens" },
    { "token", OPT_STR, offsetof(struct explain_opts, token), NULL, 0, 0, "TOKEN", "access token" },
    { "token-file", OPT_STR, offsetof(struct explain_opts, token_file), NULL, 0, 0, "FILE", "… or a file with it (default: operator.token of the data folder)" },
    { "json", OPT_FLAG, offsetof(struct explain_opts, json), NULL, 0, 0, NULL, "as the API gives it" },
    { NULL, OPT_STR, 0, NULL, 0, 0, NULL, NULL },
};

static struct str text_of(const struct json *o, const char *key) { return json_str(json_get(o, key)); }

/* A list of objects reads as its words: "billing 5, lang:ko 1", "money". */
static void add_list(struct buf *b, const struct json *list)
{
    for (const struct json *i = json_first(list); i; i = json_next(i)) {
        struct str name = text_of(i, "name"), skill = text_of(i, "skill");
        if (b->n) buf_addz(b, ", ");
        if (name.n) buf_addstr(b, name);
        else if (skill.n) buf_addf(b, "%.*s %.0f", STR_FMT(skill), json_num(json_get(i, "level")));
        else json_print(b, i);
    }
}

/* A line for each of the members that are there. */
static void print_members(const struct json *o, const char *const *keys, size_t count)
{
    struct buf b;
    buf_init(&b, 65536);
    for (size_t i = 0; i < count; i++) {
        const struct json *v = json_get(o, keys[i]);
        if (!v) continue;
        buf_clear(&b);
        if (json_type(v) == JSON_STRING) buf_addstr(&b, json_str(v));
        else if (json_type(v) == JSON_ARRAY) add_list(&b, v);
        else json_print(&b, v);
        if (b.n) printf("  %-12s %s\n", keys[i], buf_cstr(&b));
    }
    buf_fini(&b);
}

static void print_reasons(const struct json *verdict, int indent)
{
    for (const struct json *r = json_first(json_get(verdict, "reasons")); r; r = json_next(r)) {
        struct str part = text_of(r, "part"), by = text_of(r, "by"), detail = text_of(r, "detail");
        printf("%*s%-10.*s because of %.*s%s%.*s\n", indent, "", STR_FMT(part), STR_FMT(by), detail.n ? ": " : "", STR_FMT(detail));
    }
}

static void print_verdict(const struct json *v)
{
    static const char *const keys[] = { "language", "intent", "confidence", "unsure", "urgency", "score", "sentiment", "needs", "tags", "queue", "policy" };
    if (!v) return;
    printf("verdict\n");
    print_members(v, keys, sizeof keys / sizeof *keys);
    print_reasons(v, 4);
}

/* The candidates of an offer: the best with their terms, then how many failed which test first. */
static void print_candidates(const struct json *d)
{
    struct buf b;
    buf_init(&b, 65536);
    for (const struct json *c = json_first(json_get(d, "top")); c; c = json_next(c)) {
        buf_clear(&b);
        json_print(&b, c);
        printf("        candidate %s\n", buf_cstr(&b));
    }
    for (const struct json *f = json_first(json_get(d, "failed")); f; f = json_next(f))
        if (json_num(f) > 0) printf("        %.0f not eligible: %.*s\n", json_num(f), STR_FMT(json_key(f)));
    buf_fini(&b);
}

/* What a later message changed: "urgency: normal → critical", "tags: angry"; then why. */
static void print_change(const struct json *d)
{
    struct buf b;
    buf_init(&b, 65536);
    for (const struct json *c = json_first(json_get(d, "changes")); c; c = json_next(c)) {
        struct str key = json_key(c);
        bool pair = !str_is(key, "tags") && !str_is(key, "needs");
        buf_clear(&b);
        if (json_type(c) == JSON_STRING) buf_addstr(&b, json_str(c));
        for (const struct json *i = json_type(c) == JSON_ARRAY ? json_first(c) : NULL; i; i = json_next(i)) {
            if (b.n) buf_addz(&b, pair ? " → " : ", ");
            if (json_type(i) == JSON_STRING) buf_addz(&b, json_str(i).n ? "" : "(none)"), buf_addstr(&b, json_str(i));
            else buf_addf(&b, "%.*s %.0f", STR_FMT(text_of(i, "skill")), json_num(json_get(i, "level")));
        }
        printf("        %.*s: %s\n", STR_FMT(key), buf_cstr(&b));
    }
    buf_fini(&b);
    print_reasons(json_get(d, "verdict"), 10);
}

static void print_entry(const struct json *e)
{
    struct str at = text_of(e, "at"), kind = text_of(e, "kind"), agent = text_of(e, "agent"), queue = text_of(e, "queue"),
               state = text_of(e, "state"), cause = text_of(e, "cause");
    printf("  %.*s  %-13.*s", STR_FMT(at), STR_FMT(kind));
    if (state.n) printf(" → %.*s", STR_FMT(state));
    if (queue.n) printf("  queue %.*s", STR_FMT(queue));
    if (agent.n) printf("  agent %.*s", STR_FMT(agent));
    if (cause.n) printf("  (%.*s)", STR_FMT(cause));
    printf("\n");
    print_candidates(json_get(e, "detail"));
    print_change(json_get(e, "detail"));
}

/* What people said of it since: "… ann (agent): intent refund_request, urgency high — a note". */
static void print_feedback(const struct json *list)
{
    if (json_first(list)) printf("corrections\n");
    for (const struct json *r = json_first(list); r; r = json_next(r)) {
        struct str at = text_of(r, "at"), by = text_of(r, "by"), source = text_of(r, "source"), note = text_of(r, "note");
        const char *between = " ";
        printf("  %.*s  %.*s (%.*s):", STR_FMT(at), STR_FMT(by), STR_FMT(source));
        for (const struct json *m = json_first(json_get(r, "correction")); m; m = json_next(m), between = ", ")
            printf("%s%.*s %.*s", between, STR_FMT(json_key(m)), STR_FMT(json_str(m)));
        printf("%s%.*s\n", note.n ? " — " : "", STR_FMT(note));
    }
}

static void print_all(const struct json *doc)
{
    static const char *const keys[] = { "ticket", "state", "queue", "agent", "channel", "account", "customer", "conversation", "urgency", "created", "deadline" };
    print_members(doc, keys, sizeof keys / sizeof *keys);
    print_verdict(json_get(doc, "verdict"));
    print_feedback(json_get(doc, "feedback"));
    printf("life\n");
    for (const struct json *e = json_first(json_get(doc, "life")); e; e = json_next(e)) print_entry(e);
    const struct json *waiting = json_get(doc, "waiting_for");
    if (!waiting || json_type(waiting) == JSON_NULL) return;
    struct buf b;
    buf_init(&b, 65536);
    json_print(&b, waiting);
    printf("waits because %s\n", buf_cstr(&b));
    buf_fini(&b);
}

static enum err pick_token(const struct explain_opts *o, char token[256])
{
    char path[PATH_MAX];
    if (o->token) return snprintf(token, 256, "%s", o->token) < 256 ? ERR_OK : ERR_TOOBIG;
    if (o->token_file) return api_token_file(o->token_file, token);
    snprintf(path, sizeof path, "%s/operator.token", data_dir(NULL));
    return api_token_file(path, token);
}

int explain_main(int argc, char **argv)
{
    struct explain_opts o;
    struct api *api = NULL;
    struct json *doc = NULL;
    struct buf body;
    char token[256], path[256];
    unsigned status = 0;
    size_t at;
    const char *why;
    int exit_status = 1;
    if (opt_parse(rows, "naru explain TICKET [options]", argc, argv, &o)) return 2;
    if (!o.ticket) return fprintf(stderr, "naru explain: which ticket? (naru explain TICKET)\n"), 2;
    buf_init(&body, 16u << 20);
    if (pick_token(&o, token)) {
        fprintf(stderr, "naru explain: no token: give --token, --token-file, or run it as the user of `naru up`\n");
        goto out;
    }
    snprintf(path, sizeof path, "/v1/tickets/%.60s/explain", o.ticket);
    if (api_open(&api, o.url, token) || api_call(api, "GET", path, STR_NONE, 10000, &body, &status)) {
        fprintf(stderr, "naru explain: no answer from %s: is it running? (naru up)\n", o.url);
        goto out;
    }
    if (json_parse(&doc, buf_str(&body), LIM_JSON_DEPTH, &at, &why)) {
        fprintf(stderr, "naru explain: %s answered what is not JSON (status %u)\n", o.url, status);
        goto out;
    }
    if (status != 200) {
        struct str detail = text_of(doc, "detail"), title = text_of(doc, "title");
        fprintf(stderr, "naru explain: %u %.*s: %.*s\n", status, STR_FMT(title), STR_FMT(detail));
        goto out;
    }
    if (o.json) printf("%s\n", buf_cstr(&body));
    else print_all(doc);
    exit_status = 0;
out:
    json_free(doc);
    api_close(api);
    buf_fini(&body);
    return exit_status;
}
