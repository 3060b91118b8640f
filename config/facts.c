/* What follows from a policy that nobody wrote in so many words: how long a ticket may have to wait, and which limits are defaults.

   Bounds are read from the policy. Which limits were not written is read from its text, against the same rows that gave them their
   defaults: each row with ROW_LIMIT, wherever its mapping stands or, when the mapping is a limit itself, would stand. Places are
   gathered by row, so that ten queues without `offers` make one fact of each limit and not ten. */
#include "config/facts.h"

#include "base/limits.h"
#include "config/draft.h"

#include <stdio.h>
#include <stdlib.h>

#define FACT_TEXT  600
#define TREE_ARENA (96u << 20)
#define LIMITS_MAX 48u
#define NAMES_SAID 3u

struct telling {
    policy_say *say;
    void *ctx;
};

/* ---- how long a ticket may have to wait ---- */

static double cap_of(const struct queue *q, unsigned urgency)
{
    return q->age_cap.ms ? q->age_cap.ms : (double)q->answer.within_ms[urgency] * q->age_cap.pct / 100;
}

/* "30m", or, where they differ, one for each urgency, the tightest first. */
static void caps_text(const struct queue *q, struct buf *out)
{
    char text[32];
    bool same = true;
    for (unsigned u = 1; u < URG_COUNT; u++) same &= cap_of(q, u) == cap_of(q, 0);
    if (same) buf_addz(out, ms_text(cap_of(q, 0), text));
    for (unsigned u = same ? 0 : URG_COUNT; u-- > 0;)
        buf_addf(out, "%s %s%s", urgency_words.v[u], ms_text(cap_of(q, u), text), u ? ", " : "");
}

static void tell_wait(const struct telling *t, const struct policy *p, const struct queue *q)
{
    char key[160];
    struct buf text;
    buf_init(&text, FACT_TEXT);
    snprintf(key, sizeof key, "queues.%s.age-cap", q->name);
    if (q->age_cap.ms || q->age_cap.pct) {
        buf_addz(&text, "waits at most ");
        caps_text(q, &text);
        if (q->age_cap.pct)
            buf_addf(&text, " (age cap %u%% of the answer target%s%s%s)", q->age_cap.pct, q->answer.hours >= 0 ? ", while " : "",
                     q->answer.hours >= 0 ? p->hours[q->answer.hours].name : "", q->answer.hours >= 0 ? " are open" : "");
        else buf_addz(&text, " (age cap)");
        buf_addz(&text, " plus the tickets that reached their caps earlier");
    } else if (q->order == ORDER_FIFO) {
        buf_addz(&text, "no age cap: nobody passes who came later to this queue, but other queues may");
    } else {
        buf_addz(&text, "no age cap: nothing bounds the wait of what is less urgent; add \"age-cap: 300%\" to bound it");
    }
    t->say(t->ctx, key, buf_cstr(&text));
    buf_fini(&text);
}

static void tell_answer(const struct telling *t, const struct queue *q)
{
    char key[160];
    if (q->answer.given) return;
    snprintf(key, sizeof key, "queues.%s.sla.answer", q->name);
    t->say(t->ctx, key, "15m for all (default)");
}

/* ---- which limits are defaults ---- */

struct limit {
    const struct row *row;
    char key[120];
    char names[3 * 68];
    uint32_t missing;
};
struct limits {
    struct limit v[LIMITS_MAX];
    uint32_t count;
};

static void note_missing(struct limits *l, const struct row *r, const char *path, const char *name)
{
    char key[120];
    struct limit *at = NULL;
    snprintf(key, sizeof key, "%s.%s", path, r->name);
    for (uint32_t i = 0; i < l->count && !at; i++)
        if (l->v[i].row == r && !strcmp(l->v[i].key, key)) at = &l->v[i];
    if (!at) {
        if (l->count == LIMITS_MAX) return;
        at = &l->v[l->count++];
        *at = (struct limit){ .row = r };
        memcpy(at->key, key, sizeof key);
    }
    size_t n = strlen(at->names);
    if (name && at->missing < NAMES_SAID) snprintf(at->names + n, sizeof at->names - n, "%s%.64s", n ? ", " : "", name);
    at->missing++;
}

/* `n` NULL: the mapping is not written, but its limits hold. */
static void walk_limits(struct limits *l, const struct mapping *m, const struct ynode *n, const char *path, const char *name)
{
    for (const struct row *r = m->rows; r->name; r++) {
        const struct ynode *c = tree_get(n, r->name);
        char below[120];
        snprintf(below, sizeof below, "%s%s%s%s", path, path[0] ? "." : "", r->name, r->kind == &K_NAMED ? ".*" : "");
        if (r->kind == &K_NAMED) {
            for (const struct ynode *one = c && c->type == Y_MAP ? c->first : NULL; one; one = one->next)
                walk_limits(l, r->arg, one, below, one->key.p);
        } else if (r->kind == &K_MAPPING) {
            if (c || (r->flags & ROW_LIMIT)) walk_limits(l, r->arg, c, below, name);
        } else if ((r->flags & ROW_LIMIT) && !c) {
            note_missing(l, r, path, name);
        }
    }
}

static void tell_limits(const struct telling *t, const struct limits *l)
{
    for (uint32_t i = 0; i < l->count; i++) {
        const struct limit *at = &l->v[i];
        const char *usual = at->row->fallback ? at->row->fallback : at->row->usual;
        char text[FACT_TEXT], more[40] = "";
        if (at->missing > NAMES_SAID) snprintf(more, sizeof more, " and %u more", at->missing - NAMES_SAID);
        snprintf(text, sizeof text, "%s (default%s%s%s)", usual ? usual : "", at->names[0] ? ": " : "", at->names, more);
        t->say(t->ctx, at->key, text);
    }
}

void policy_facts(const struct policy *p, policy_say *say, void *ctx)
{
    struct telling t = { say, ctx };
    struct arena trees;
    struct findings f;
    struct ynode *root = NULL;
    struct limits *limits = calloc(1, sizeof *limits);
    for (uint32_t i = 0; i < p->queue_count; i++) {
        tell_answer(&t, &p->queues[i]);
        tell_wait(&t, p, &p->queues[i]);
    }
    findings_init(&f);
    arena_init(&trees, TREE_ARENA);
    if (limits && tree_read(&root, p->yaml, &trees, &f) == ERR_OK) {
        walk_limits(limits, &policy_mapping, root, "", NULL);
        tell_limits(&t, limits);
    }
    arena_fini(&trees);
    findings_fini(&f);
    free(limits);
}
