/* The arrivals file, read as a policy is: tree.c for the form, the binder with the rows below for each value, then what hangs on
   the policy: each class is one of its `simulate` section, and has a time that it takes.

   Everything, the struct arrivals itself too, lives in one arena that arrivals_free ends. The tree goes when reading ends. */
#include "config/arrivals.h"

#include "config/closed_files.h"
#include "config/rows.h"

#include <stdlib.h>

#define ARRIVALS_ARENA (8u << 20)
#define TREE_ARENA     (96u << 20)
#define LONGEST        (400 * DAY) /* as far as opening hours reach */
#define FASTEST        10000       /* arrivals a second */

struct arrivals_draft {
    struct arrivals a;
    uint32_t naru;
};

static const struct row class_rows[] = {
    { "rate", &K_RATE, AT(arrival_class, rate), .max = FASTEST, .flags = ROW_NEEDED,
      .help = "how many come: `200/h`, or by time of day, each until the next, over midnight" },
    { "work", &K_DIST, AT(arrival_class, work), .min = 1, .max = MONTH, .usual = "what the policy's class says",
      .help = "how long an agent of speed 1 works on one" },
    { "patience", &K_DIST, AT(arrival_class, patience), .min = 1, .max = MONTH, .usual = "what the policy's class says",
      .example = "{ exponential: 2m }", .help = "how long one waits before hanging up" },
    { .name = NULL },
};
static const struct mapping class_mapping = { .name = "how a class arrives",
                                              .rows = class_rows,
                                              .size = sizeof(struct arrival_class),
                                              .name_at = AT(arrival_class, name),
                                              .line_at = AT(arrival_class, line) };

static void arrivals_check(struct bind *b, const struct ynode *n, void *into)
{
    const struct arrivals *a = &((struct arrivals_draft *)into)->a;
    const struct ynode *classes = tree_get(n, "classes"), *warm = tree_get(n, "warm-up");
    char span[32];
    if (classes && classes->type == Y_MAP && !classes->count)
        bind_error(b, classes, "nobody arrives: give a class its rate, such as { billing: { rate: 200/h } }");
    if (warm && a->for_ms && a->warm_up_ms >= a->for_ms)
        bind_error(b, warm, "leaves nothing to report of %s: it is the first part of \"for\"", ms_text((double)a->for_ms, span));
}
static const struct row arrivals_rows[] = {
    { "naru", &K_U32, AT(arrivals_draft, naru), .min = 1, .max = 1, .flags = ROW_NEEDED, .example = "1",
      .help = "the version of this format: 1" },
    { "from", &K_INSTANT, AT(arrivals_draft, a.from), .usual = "the policy's `simulate.from`",
      .help = "when it begins, in the policy's time zone" },
    { "for", &K_LONG, AT(arrivals_draft, a.for_ms), .min = SECOND, .max = LONGEST, .flags = ROW_NEEDED, .clock = "the begin",
      .help = "how long somebody comes; the warm-up is part of it" },
    { "warm-up", &K_LONG, AT(arrivals_draft, a.warm_up_ms), .max = LONGEST, .usual = "none", .clock = "the begin", .example = "1h",
      .help = "who comes in its first part is served, and not reported" },
    { "classes", &K_NAMED, AT(arrivals_draft, a.classes), .max = LIM_LIST_ITEMS, .arg = &class_mapping, .flags = ROW_NEEDED,
      .help = "who comes, by class" },
    { .name = NULL },
};
const struct mapping arrivals_mapping = { .name = "arrivals (keys such as for and classes)",
                                          .rows = arrivals_rows,
                                          .name_at = NOWHERE,
                                          .line_at = NOWHERE,
                                          .check = arrivals_check };

/* ---- what hangs on the policy ---- */

static int class_of(const struct simulate_rules *s, const char *name)
{
    for (uint32_t i = 0; i < s->class_count; i++)
        if (!strcmp(s->classes[i].name, name)) return (int)i;
    return -1;
}

static void unknown_class(struct bind *b, const struct ynode *n, const struct policy *p)
{
    const char *words[LIM_LIST_ITEMS];
    const struct simulate_rules *s = &p->simulate;
    if (!s->given) {
        findings_key(b->f, F_ERROR, n, "\"%.*s\" is nothing to this policy: it has no \"simulate\" section with classes",
                     STR_FMT(findings_shown(n->key)));
        return;
    }
    for (uint32_t i = 0; i < s->class_count; i++) words[i] = s->classes[i].name;
    findings_key(b->f, F_ERROR, n, "\"%.*s\" is not a class of the policy's simulate.classes%s", STR_FMT(findings_shown(n->key)),
                 findings_hint(b->f, n->key, words, s->class_count));
}

static bool nobody_comes(const struct rates *r)
{
    bool none = r->count > 0;
    for (uint32_t i = 0; i < r->count; i++) none &= r->v[i].per_ms <= 0;
    return none;
}

static void join_class(struct bind *b, const struct policy *p, const struct ynode *n, struct arrival_class *c)
{
    int at = class_of(&p->simulate, c->name);
    if (at < 0) {
        unknown_class(b, n, p);
        return;
    }
    const struct sim_class *of = &p->simulate.classes[at];
    c->class = (uint32_t)at;
    if (c->patience.kind == DIST_NONE) c->patience = of->patience;
    if (c->work.kind == DIST_NONE) c->work = of->work;
    if (c->work.kind == DIST_NONE && !tree_get(n, "work"))
        findings_key(
            b->f, F_ERROR, n,
            "nobody says how long its work takes: give \"work\" here or in the policy's simulate.classes.%s, such as work: { "
            "exponential: 180s }",
            c->name);
    if (!b->f->errors && nobody_comes(&c->rate)) /* a rate that is refused is 0 as well */
        findings_key(b->f, F_WARN, tree_get(n, "rate"), "nobody of this class ever comes: its rate is 0");
}

static enum err join_policy(struct bind *b, const struct policy *p, const struct ynode *root, struct arrivals *a)
{
    const struct ynode *classes = tree_get(root, "classes");
    enum err e = ERR_OK;
    for (uint32_t i = 0; i < a->class_count; i++) {
        const struct ynode *n = tree_get(classes, a->classes[i].name);
        if (n) join_class(b, p, n, &a->classes[i]);
    }
    if (!tree_get(root, "from")) a->from = p->simulate.from;
    else e = simulate_from(&a->from, p->timezone);
    return e;
}

/* ---- loading ---- */

static enum err bind_arrivals(struct bind *b, const struct policy *p, const struct ynode *root, struct arrivals_draft *d)
{
    bind_mapping(b, root, &arrivals_mapping, d);
    if (b->broken) return ERR_NOMEM;
    enum err e = join_policy(b, p, root, &d->a);
    return e ? e : b->broken ? ERR_NOMEM : b->f->errors ? ERR_POLICY : ERR_OK;
}

enum err arrivals_load(struct arrivals **out, struct str yaml, const struct policy *p, struct findings *f)
{
    struct arrivals_draft *d = NULL;
    struct arena trees, *mem = malloc(sizeof *mem);
    struct findings unread;
    struct ynode *root = NULL;
    *out = NULL;
    if (!mem) return ERR_NOMEM;
    findings_init(&unread);
    if (!f) f = &unread;
    arena_init(mem, ARRIVALS_ARENA);
    arena_init(&trees, TREE_ARENA);
    struct bind b = { .f = f, .arena = mem };
    enum err form = tree_read(&root, yaml, &trees, f), e = form;
    d = arena_alloc(mem, sizeof *d);
    if (!d) e = ERR_NOMEM;
    if (d && root && form != ERR_NOMEM) e = bind_arrivals(&b, p, root, d);
    if (form && (!e || e == ERR_POLICY)) e = form;
    if (!e) {
        d->a.mem = mem;
        *out = &d->a;
        mem = NULL; /* the arrivals' own now */
    }
    findings_sort(f);
    if (mem) arena_fini(mem);
    free(mem);
    arena_fini(&trees);
    findings_fini(&unread);
    return e;
}

enum err arrivals_load_file(struct arrivals **out, const char *path, const struct policy *p, struct findings *f)
{
    struct buf bytes;
    *out = NULL;
    buf_init(&bytes, LIM_YAML_BYTES + 65536);
    enum err e = file_bytes(path, LIM_YAML_BYTES, &bytes);
    if (e == ERR_IO && f) findings_add(f, F_ERROR, 0, 0, "", "cannot be read: is the path right, and may this user read it?");
    if (e == ERR_TOOBIG && f) findings_add(f, F_ERROR, 0, 0, "", "is larger than %u bytes", LIM_YAML_BYTES);
    if (!e) e = arrivals_load(out, buf_str(&bytes), p, f);
    buf_fini(&bytes);
    return e;
}

void arrivals_free(struct arrivals *a)
{
    struct arena *mem = a ? a->mem : NULL;
    if (!mem) return;
    arena_fini(mem);
    free(mem);
}
