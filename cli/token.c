/* naru token: create, list and revoke access tokens. Only the hash of a token is kept; the token itself is printed once. */
#include "router/token.h"

#include "base/clock.h"
#include "base/opt.h"
#include "cli/cli.h"
#include "cli/data_dir.h"

#include <limits.h>
#include <stdio.h>

struct token_opts {
    struct opt_list words;
    const char *role, *workspace, *subject, *name, *tokens, *data;
    uint64_t expires_ms;
};

static const struct opt rows[] = {
    { "role", OPT_STR, offsetof(struct token_opts, role), NULL, 0, 0, "ROLE", "create: source, agent, supervisor or operator" },
    { "workspace", OPT_STR, offsetof(struct token_opts, workspace), "*", 0, 0, "NAME",
      "create: the workspace it is good for, * for all" },
    { "subject", OPT_STR, offsetof(struct token_opts, subject), NULL, 0, 0, "NAME",
      "create: the agent's name (role agent), or who or what it is for" },
    { "expires", OPT_MS, offsetof(struct token_opts, expires_ms), NULL, 0, 0, "TIME",
      "create: how long it is good, like 30d (default: for ever)" },
    { "name", OPT_STR, offsetof(struct token_opts, name), "", 0, 0, "TEXT", "create: a note for people" },
    { "tokens", OPT_STR, offsetof(struct token_opts, tokens), NULL, 0, 0, "FILE", "the list (default: tokens in the data folder)" },
    { "data", OPT_STR, offsetof(struct token_opts, data), NULL, 0, 0, "DIR",
      "data folder (default $NARU_DATA or ~/.local/share/naru)" },
    { "", OPT_LIST, offsetof(struct token_opts, words), NULL, 0, 0, "create | list | revoke HASH", "what to do" },
    { NULL, OPT_STR, 0, NULL, 0, 0, NULL, NULL },
};

static int usage(const char *what)
{
    fprintf(stderr, "naru token: %s (naru token --help tells more)\n", what);
    return 2;
}

static int failed(const char *path, enum err e)
{
    fprintf(stderr, "naru token: %s: %s\n", path, err_text(e));
    return 1;
}

static const char *list_path(const struct token_opts *o)
{
    static char path[PATH_MAX + 8];

    if (o->tokens) return o->tokens;
    snprintf(path, sizeof path, "%s/tokens", data_dir(o->data));
    return path;
}

static bool find_role(const char *word, enum token_role *out)
{
    for (int i = 0; word && i < TOKEN_ROLE_COUNT; i++)
        if (!strcmp(word, token_role_names[i])) {
            *out = (enum token_role)i;
            return true;
        }
    return false;
}

static int create(const struct token_opts *o)
{
    struct token what = { 0 };
    char text[64];

    if (!find_role(o->role, &what.role)) return usage("--role is source, agent, supervisor or operator");
    if (!o->subject) return usage("--subject is missing");
    if (strlen(o->workspace) >= sizeof what.workspace || strlen(o->subject) >= sizeof what.subject)
        return usage("that name is too long");
    memcpy(what.workspace, o->workspace, strlen(o->workspace));
    memcpy(what.subject, o->subject, strlen(o->subject));
    uint64_t now = clock_wall_ms();
    if (o->expires_ms) what.expires = now + o->expires_ms;
    const char *path = list_path(o);
    if (!o->tokens && data_dir_make(data_dir(o->data))) return failed(path, ERR_IO);
    enum err e = token_create(path, &what, str_of(o->name), now, text);
    if (e == ERR_RANGE) return usage("names are single words without blanks, the note is one line of at most 128 bytes");
    if (e) return failed(path, e);
    puts(text);
    return 0;
}

static void print_row(void *ctx, const struct token_row *row)
{
    char created[25], expires[25] = "never";

    (void)ctx;
    if (row->what.expires) clock_text(row->what.expires, expires);
    printf("%.16s  %-10s  %-16s  %-20s  %s  %-24s  %.*s\n", row->hash, token_role_names[row->what.role], row->what.workspace,
           row->what.subject, clock_text(row->created, created), expires, STR_FMT(row->name));
}

static int list(const struct token_opts *o)
{
    const char *path = list_path(o);

    printf("%-16s  %-10s  %-16s  %-20s  %-24s  %-24s  %s\n", "hash", "role", "workspace", "subject", "created", "expires", "name");
    enum err e = token_list(path, print_row, NULL);
    return e ? failed(path, e) : 0;
}

static int revoke(const struct token_opts *o)
{
    const char *path = list_path(o);
    uint32_t removed;

    if (o->words.count != 2) return usage("revoke takes the beginning of one hash, as list shows it");
    enum err e = token_revoke(path, str_of(o->words.v[1]), &removed);
    if (e == ERR_RANGE) return usage("the hash is to be at least 8 characters");
    if (e) return failed(path, e);
    printf("revoked %u\n", removed);
    return removed ? 0 : 1;
}

static const struct {
    const char *word;
    int (*fn)(const struct token_opts *o);
} actions[] = { { "create", create }, { "list", list }, { "revoke", revoke } };

int token_main(int argc, char **argv)
{
    struct token_opts o = { 0 };

    if (opt_parse(rows, "naru token create --role ROLE --subject NAME [options] | list | revoke HASH", argc, argv, &o)) return 2;
    for (size_t i = 0; o.words.count && i < sizeof actions / sizeof *actions; i++)
        if (!strcmp(o.words.v[0], actions[i].word)) return actions[i].fn(&o);
    return usage("say create, list or revoke");
}
