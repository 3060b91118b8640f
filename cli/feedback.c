/* naru feedback: what people corrected, a JSON object a line, for `naru train --from-feedback` on another machine and for others.
 */
#include "base/opt.h"
#include "cli/cli.h"
#include "cli/data_dir.h"
#include "cli/feedback_rows.h"

#include <errno.h>
#include <stdio.h>

struct feedback_out_opts {
    struct opt_list from;
    const char *out, *token, *token_file, *workspace, *since;
};
#define ROW(name, kind, field, fallback, arg, help)                                                                                \
    {                                                                                                                              \
        name, kind, offsetof(struct feedback_out_opts, field), fallback, 0, 0, arg, help                                           \
    }
static const struct opt rows[] = {
    ROW("", OPT_LIST, from, NULL, "[URL|DIR|FILE...]", "routers, data folders of naru up, files (default: the data folder)"),
    ROW("out", OPT_STR, out, "-", "FILE", "where the lines go; - is the standard output"),
    ROW("since", OPT_STR, since, NULL, "TIME", "given at or after this time, like 2026-03-01T09:30:00Z"),
    ROW("workspace", OPT_STR, workspace, NULL, "NAME", "whose (default: the token's)"),
    ROW("token", OPT_STR, token, NULL, "TOKEN", "access token of an operator"),
    ROW("token-file", OPT_STR, token_file, NULL, "FILE", "… or a file with it (default: operator.token of the data folder)"),
    { NULL, OPT_STR, 0, NULL, 0, 0, NULL, NULL },
};

struct writing {
    FILE *to;
    struct buf line;
    uint64_t count;
};

static enum err write_row(void *ctx, const struct json *row)
{
    struct writing *w = ctx;
    buf_clear(&w->line);
    json_print(&w->line, row);
    buf_addc(&w->line, '\n');
    if (w->line.err || fwrite(w->line.p, 1, w->line.n, w->to) != w->line.n) return ERR_IO;
    w->count++;
    return ERR_OK;
}

static enum err write_all(struct writing *w, const struct feedback_out_opts *o)
{
    enum err e = ERR_OK;
    for (size_t i = 0; i < o->from.count && !e; i++) {
        const struct feedback_source s = { .who = "feedback",
                                           .from = o->from.v[i],
                                           .token = o->token,
                                           .token_file = o->token_file,
                                           .workspace = o->workspace,
                                           .since = o->since };
        e = feedback_rows_read(&s, write_row, w);
    }
    return e;
}

int feedback_main(int argc, char **argv)
{
    struct feedback_out_opts o;
    if (opt_parse(rows, "naru feedback [URL|DIR|FILE...] [options]", argc, argv, &o)) return 2;
    if (!o.from.count) o.from.v[o.from.count++] = data_dir(NULL);
    bool named = strcmp(o.out, "-") != 0;
    struct writing w = { .to = named ? fopen(o.out, "w") : stdout };
    if (!w.to) return fprintf(stderr, "naru feedback: %s: %s\n", o.out, strerror(errno)), 1;
    buf_init(&w.line, FEEDBACK_LINE + 1);
    enum err e = write_all(&w, &o);
    bool good = fflush(w.to) == 0 && !ferror(w.to);
    if (named) good = fclose(w.to) == 0 && good;
    if (e == ERR_IO || !good) fprintf(stderr, "naru feedback: %s cannot be written: %s\n", o.out, strerror(errno));
    else if (!e) fprintf(stderr, "naru feedback: %llu corrections\n", (unsigned long long)w.count);
    buf_fini(&w.line);
    return e || !good ? 1 : 0;
}
