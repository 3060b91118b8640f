/* Between `naru train` and the corrections: rows are read and chosen once (feedback_load), handed out as examples, and in the end
   both models say what they think of the rest (feedback_judge).

   All texts live in the arena of struct feedback, which dies with it. What is told goes to stderr while it works and to stdout when
   it is a result. */
#include "base/clock.h"
#include "base/json.h"
#include "cli/feedback.h"
#include "cli/feedback_compare.h"
#include "cli/feedback_rows.h"
#include "cli/feedback_select.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define TEXTS_MOST ((size_t)1 << 30)

struct feedback {
    struct arena arena;
    struct selected chosen;
    uint32_t *learnt; /* numbers of the rows to learn from */
    float weight;
    const char *field; /* while reading */
    struct said *said;
    uint32_t said_count, said_room, read; /* read: rows of any field */
};

/* ---- reading ---- */

static struct said *said_room(struct feedback *f)
{
    if (f->said_count < f->said_room) return &f->said[f->said_count];
    uint32_t room = f->said_room ? f->said_room * 2 : 1024;
    struct said *more = realloc(f->said, room * sizeof *more);
    if (!more) return NULL;
    f->said = more;
    f->said_room = room;
    return &f->said[f->said_count];
}

static enum err copy_text(struct feedback *f, const struct json *o, const char *key, struct str *into)
{
    struct str s = json_str(json_get(o, key));
    *into = (struct str){ arena_strdup(&f->arena, s), s.n };
    return into->p ? ERR_OK : ERR_NOMEM;
}

static enum err on_row(void *ctx, const struct json *row)
{
    struct feedback *f = ctx;
    const struct json *correction = json_get(row, "correction");
    struct str at = json_str(json_get(row, "at")), label = json_str(json_get(correction, f->field));
    struct said *s;
    if (f->read++ == FEEDBACK_ROWS_MOST) return ERR_FULL;
    if (!label.n || label.n > MODEL_LABEL_LEN) return ERR_OK;
    if (!(s = said_room(f))) return ERR_NOMEM;
    *s = (struct said){ .at = 0 };
    enum err e = copy_text(f, correction, f->field, &s->label);
    if (!e) e = copy_text(f, row, "ticket", &s->ticket);
    if (!e) e = copy_text(f, row, "channel", &s->channel);
    if (!e) e = copy_text(f, row, "subject", &s->subject);
    if (!e) e = copy_text(f, row, "text", &s->text);
    if (e) return e;
    (void)clock_parse(at.p, at.n, &s->at);
    f->said_count++;
    return ERR_OK;
}

static enum err read_sources(struct feedback *f, const struct feedback_opts *o)
{
    enum err e = ERR_OK;
    for (size_t i = 0; i < o->from.count && !e; i++) {
        const struct feedback_source s = {
            .who = "train", .from = o->from.v[i], .token = o->token, .token_file = o->token_file, .workspace = o->workspace
        };
        e = feedback_rows_read(&s, on_row, f);
    }
    if (e == ERR_FULL) fprintf(stderr, "naru train: --from-feedback: more than %u corrections\n", FEEDBACK_ROWS_MOST);
    return e == ERR_FULL ? ERR_USAGE : e;
}

static void tell_chosen(const struct feedback *f)
{
    const struct selected *s = &f->chosen;
    fprintf(stderr,
            "naru train: corrections=%u of %s=%u learnt=%u held_back=%u; left out: earlier=%u same_text=%u conflicting=%u "
            "no_text=%u\n",
            f->read, f->field, s->given, s->learnt, s->held, s->earlier, s->again, s->conflicting, s->no_text);
}

static enum err choose(struct feedback *f, unsigned held)
{
    uint32_t n = 0;
    enum err e = feedback_select(&f->chosen, f->said, f->said_count, held, &f->arena);
    if (e) return e;
    tell_chosen(f);
    if (!f->chosen.learnt) {
        fprintf(stderr, "naru train: --from-feedback: no correction of %s to learn from\n", f->field);
        return ERR_NOTFOUND;
    }
    f->learnt = arena_alloc(&f->arena, f->chosen.learnt * sizeof *f->learnt);
    if (!f->learnt) return ERR_NOMEM;
    for (uint32_t i = 0; i < f->chosen.count; i++) {
        if (!f->chosen.v[i].held) f->learnt[n++] = i;
    }
    return ERR_OK;
}

enum err feedback_load(struct feedback **out, const struct feedback_opts *o, enum model_kind kind)
{
    struct feedback *f = calloc(1, sizeof *f);
    if (!f) return ERR_NOMEM;
    arena_init(&f->arena, TEXTS_MOST);
    f->field = model_kind_words.v[kind];
    f->weight = (float)o->weight;
    enum err e = read_sources(f, o);
    if (!e) e = choose(f, (unsigned)o->held);
    free(f->said); /* its texts are in the arena */
    f->said = NULL;
    if (e) feedback_free(f);
    else *out = f;
    return e;
}

void feedback_free(struct feedback *f)
{
    if (!f) return;
    free(f->said);
    arena_fini(&f->arena);
    free(f);
}

uint32_t feedback_count(const struct feedback *f) { return f->chosen.learnt; }

struct feedback_example feedback_example(const struct feedback *f, uint32_t i)
{
    const struct chosen *c = &f->chosen.v[f->learnt[i]];
    return (struct feedback_example){ c->text, c->label, f->weight };
}

/* ---- judging ---- */

void feedback_right(const struct learn_report *report, const struct example *rows, uint32_t count, bool *right)
{
    memset(right, 0, count * sizeof *right);
    for (uint32_t i = 0; i < report->judged_count; i++) {
        const struct judged *j = &report->judged[i];
        if (j->row < count) right[j->row] = j->label == rows[j->row].label;
    }
}

struct judge {               /* both models and what scoring needs */
    struct model *models[2]; /* old (NULL: none), new */
    struct features *features;
    float *p;
    char why[200];
};

/* Does the model say this label of the text that was read? `label` NULL: that it is out of scope. What it would not decide is not
 * right. */
static bool says(struct judge *j, const struct model *m, const char *label)
{
    struct guess g;
    int oos = model_oos(m), want = label ? model_find(m, str_of(label)) : oos;
    model_score(m, j->features, j->p, &g);
    if (g.oos) return !label || (want >= 0 && want == oos);
    return want >= 0 && (uint32_t)want == g.label;
}

static void judge_row(struct judge *j, struct comparison *c, struct str text, const char *label)
{
    features_read(j->features, STR_NONE, text);
    comparison_add(c, j->models[0] && says(j, j->models[0], label), says(j, j->models[1], label));
}

static void judge_base(struct judge *j, struct comparison *c, const struct feedback_base *base)
{
    for (uint32_t i = 0; i < base->count; i++) {
        const struct example *e = &base->rows[i];
        if (base->before) comparison_add(c, base->before[i], base->after[i]);
        else judge_row(j, c, e->text, e->label == LEARN_OOS ? NULL : base->labels[e->label]);
    }
}

static enum err open_one(struct judge *j, int at, const char *path)
{
    enum err e = model_open(&j->models[at], path, j->why);
    if (e) fprintf(stderr, "naru train: %s: %s\n", path, j->why);
    return e ? ERR_USAGE : ERR_OK;
}

static enum err judge_open(struct judge *j, const struct feedback_opts *o, const char *new_path, const char *out_path)
{
    const char *old = o->old ? o->old : access(out_path, F_OK) == 0 ? out_path : NULL;
    enum err e = open_one(j, 1, new_path);
    if (!e && old) e = open_one(j, 0, old);
    if (!e && old && model_kind(j->models[0]) != model_kind(j->models[1])) {
        fprintf(stderr, "naru train: %s is a model of %s: name one of %s with --old\n", old,
                model_kind_words.v[model_kind(j->models[0])], model_kind_words.v[model_kind(j->models[1])]);
        e = ERR_USAGE;
    }
    if (!e) e = features_new(&j->features);
    uint32_t most = j->models[1] ? model_labels(j->models[1]) : 0;
    if (j->models[0] && model_labels(j->models[0]) > most) most = model_labels(j->models[0]);
    if (!e && !(j->p = malloc((most ? most : 1) * sizeof *j->p))) e = ERR_NOMEM;
    return e;
}

static void judge_close(struct judge *j)
{
    features_free(j->features);
    model_unref(j->models[0]);
    model_unref(j->models[1]);
    free(j->p);
}

/* ---- telling ---- */

static void tell_row(const char *name, const struct comparison *c, bool both)
{
    double n = c->n ? c->n : 1;
    if (!c->n) printf("%-22s %7u %9s %9s %8s %8s %10s\n", name, 0u, "-", "-", "-", "-", "-");
    else if (!both) printf("%-22s %7u %9s %8.2f%% %8s %8s %10s\n", name, c->n, "-", 100 * c->new_right / n, "-", "-", "-");
    else
        printf("%-22s %7u %8.2f%% %8.2f%% %8u %8u %10.2g\n", name, c->n, 100 * c->old_right / n, 100 * c->new_right / n, c->fixed,
               c->broken, comparison_p(c));
}

static void tell_sentence(enum compared c, const struct comparison *held, const struct comparison *base, bool force)
{
    const char *kept = force ? "written all the same (--force)" : "not written; --force writes it";
    bool base_worse = comparison_says(base) == COMPARED_WORSE;
    if (c == COMPARED_BETTER)
        printf("better: %u corrections that were held back are judged rightly now, %u no longer\n", held->fixed, held->broken);
    else if (c == COMPARED_WORSE)
        printf("worse: on the %s %u rows became wrong, %u right; %s\n", base_worse ? "base data" : "corrections held back",
               base_worse ? base->broken : held->broken, base_worse ? base->fixed : held->fixed, kept);
    else
        printf("no clear difference: %u corrections that were held back became right, %u wrong, which may be chance; %s\n",
               held->fixed, held->broken, kept);
}

static bool tell(const struct judge *j, const struct comparison *held, const struct comparison *base, bool cross, bool force)
{
    bool both = j->models[0] != NULL;
    printf("%-22s %7s %9s %9s %8s %8s %10s\n", "judged on", "n", "old", "new", "fixed", "broken", "McNemar p");
    tell_row("corrections held back", held, both);
    tell_row(cross ? "base, cross-validated" : "base, dev", base, both || cross);
    if (!both) {
        printf("first: there is no older model to compare with\n");
        return true;
    }
    enum compared c = compared_together(held, base);
    tell_sentence(c, held, base, force);
    return c == COMPARED_BETTER || force;
}

enum err feedback_judge(const struct feedback *f, const struct feedback_opts *o, const char *new_path, const char *out_path,
                        const struct feedback_base *base, bool *swap)
{
    struct judge j = { .features = NULL };
    struct comparison held = { 0 }, of_base = { 0 };
    enum err e = judge_open(&j, o, new_path, out_path);
    *swap = false;
    if (e) goto out;
    for (uint32_t i = 0; i < f->chosen.count; i++) {
        if (f->chosen.v[i].held) judge_row(&j, &held, f->chosen.v[i].text, f->chosen.v[i].label);
    }
    judge_base(&j, &of_base, base);
    *swap = tell(&j, &held, &of_base, base->before != NULL, o->force);
out:
    judge_close(&j);
    return e;
}
