/* naru classify: a line of text in, a JSON object out, for whoever wants to compare a model or a policy with something else.

   Lines are taken out of one buffer that read(2) fills. Before it would wait for more input, what was answered goes out: a person
   at a terminal, or a program on a pipe that waits for each answer, gets it at once, and a file is still answered in large writes.
   A line that is longer than triage reads is answered by its beginning, like a message; the rest of it is let go. */
#include "cli/cli.h"
#include "cli/triager.h"
#include "workers/triage/model.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define OUT_CAP   (64u << 20)
#define OUT_FLUSH 65536u

struct classify_opts {
    const char *model, *file;
    struct triager_opts triager;
    uint64_t features;
};

static const struct opt rows[] = {
    { "model", OPT_STR, offsetof(struct classify_opts, model), NULL, 0, 0, "M.model", "the model that answers" },
    TRIAGER_ROWS(struct classify_opts, triager),
    { "features", OPT_U64, offsetof(struct classify_opts, features), "5", 0, EVIDENCE_MAX, "N",
      "how many of the strongest features are told" },
    { "file", OPT_STR, offsetof(struct classify_opts, file), NULL, 0, 0, "F", "lines come from there (default: standard input)" },
    { .name = NULL },
};

struct classifier {
    struct classify_opts o;
    struct model *model; /* with its features and room for probabilities, or … */
    struct features *f;
    float *p;
    struct triager triager;
    enum err (*answer)(struct classifier *c, struct str line);
    struct buf out;
    char line[TEXT_MAX + 1]; /* the beginning of a line that is not complete yet */
    size_t n;
};

static int complain(const char *what, const char *why)
{
    fprintf(stderr, "naru classify: %s: %s\n", what, why);
    return 2;
}

/* ---- answers ---- */

static enum err answer_model(struct classifier *c, struct str line)
{
    struct evidence ev[EVIDENCE_MAX];
    struct guess g;
    struct jw w = jw_on(&c->out);

    features_read(c->f, STR_NONE, line);
    model_score(c->model, c->f, c->p, &g);
    uint32_t n = c->o.features ? model_explain(c->model, c->f, g.label, ev, (uint32_t)c->o.features) : 0;
    jw_open(&w, '{');
    jw_key(&w, "label"), jw_str(&w, model_label(c->model, g.label));
    jw_key(&w, "p"), jw_f64(&w, g.p);
    jw_key(&w, "second"), jw_str(&w, model_label(c->model, g.second));
    jw_key(&w, "margin"), jw_f64(&w, g.margin);
    jw_key(&w, "oos"), jw_bool(&w, g.oos);
    jw_key(&w, "features"), jw_open(&w, '[');
    for (uint32_t i = 0; i < n; i++) {
        jw_open(&w, '[');
        jw_str(&w, ev[i].feature);
        jw_f64(&w, (double)ev[i].weight);
        jw_close(&w, ']');
    }
    jw_close(&w, ']');
    jw_close(&w, '}');
    return ERR_OK;
}

static enum err answer_policy(struct classifier *c, struct str line)
{
    struct event e = c->triager.blank;

    e.text = line;
    enum err err = triager_ask(&c->triager, &e);
    if (!err) record_json(&c->out, &verdict_record, &c->triager.v);
    return err;
}

/* ---- lines ---- */

static enum err flush(struct classifier *c)
{
    struct str rest = buf_str(&c->out);

    while (rest.n) {
        ssize_t n = write(STDOUT_FILENO, rest.p, rest.n);
        if (n < 0 && errno != EINTR) return ERR_IO;
        if (n > 0) rest = (struct str){ rest.p + n, rest.n - (size_t)n };
    }
    buf_clear(&c->out);
    return ERR_OK;
}

static enum err answer_line(struct classifier *c)
{
    struct str line = { c->line, c->n };

    if (line.n && line.p[line.n - 1] == '\r') line.n--;
    enum err e = c->answer(c, text_clip(line, TEXT_MAX));
    c->n = 0;
    buf_addc(&c->out, '\n');
    if (!e) e = c->out.err;
    return !e && c->out.n >= OUT_FLUSH ? flush(c) : e;
}

/* Keeps what fits; one byte more than a text has room for tells text_clip that it was cut. */
static void keep(struct classifier *c, const char *p, size_t n)
{
    size_t room = sizeof c->line - c->n;
    memcpy(c->line + c->n, p, n < room ? n : room);
    c->n += n < room ? n : room;
}

static enum err take_bytes(struct classifier *c, const char *p, size_t n, bool *open)
{
    enum err e = ERR_OK;

    while (n && !e) {
        const char *end = memchr(p, '\n', n);
        size_t part = end ? (size_t)(end - p) : n, step = end ? part + 1 : part;
        keep(c, p, part);
        *open = !end;
        if (end) e = answer_line(c);
        p += step;
        n -= step;
    }
    return e;
}

static bool would_wait(int fd)
{
    struct pollfd p = { .fd = fd, .events = POLLIN };
    return poll(&p, 1, 0) == 0;
}

static enum err answer_all(struct classifier *c, int fd)
{
    static char bytes[65536];
    bool open = false; /* the last line has no end yet */
    enum err e = ERR_OK;
    ssize_t n;

    while (!e && (n = read(fd, bytes, sizeof bytes)) != 0) {
        if (n < 0 && errno == EINTR) continue;
        if (n < 0) return ERR_IO;
        e = take_bytes(c, bytes, (size_t)n, &open);
        if (!e && would_wait(fd)) e = flush(c);
    }
    if (!e && open) e = answer_line(c);
    return e ? e : flush(c);
}

/* ---- all of it ---- */

static int prepare(struct classifier *c)
{
    char why[200] = "";

    if (!c->o.model == !c->o.triager.policy) return complain("who answers", "give either --model or --policy");
    if (c->o.triager.policy) {
        c->answer = answer_policy;
        return triager_init(&c->triager, "classify", &c->o.triager) ? 2 : 0;
    }
    enum err e = model_open(&c->model, c->o.model, why);
    if (e) return complain(c->o.model, *why ? why : err_text(e)), 1;
    c->answer = answer_model;
    c->p = malloc(model_labels(c->model) * sizeof *c->p);
    return c->p && !features_new(&c->f) ? 0 : (complain(c->o.model, err_text(ERR_NOMEM)), 1);
}

int classify_main(int argc, char **argv)
{
    static struct classifier c;
    int fd = STDIN_FILENO;

    if (opt_parse(rows, "naru classify --model M.model | --policy P.yaml [--file F]", argc, argv, &c.o)) return 2;
    buf_init(&c.out, OUT_CAP);
    int status = prepare(&c);
    if (!status && c.o.file && (fd = open(c.o.file, O_RDONLY | O_CLOEXEC)) < 0) status = complain(c.o.file, strerror(errno));
    enum err e = status ? ERR_OK : answer_all(&c, fd);
    if (e) status = (complain(e == ERR_IO ? "input or output" : "a line", err_text(e)), 1);
    if (fd > STDIN_FILENO) close(fd);
    if (c.o.triager.policy) triager_fini(&c.triager);
    features_free(c.f);
    free(c.p);
    model_unref(c.model);
    buf_fini(&c.out);
    return status;
}
