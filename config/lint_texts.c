/* What customers are told: texts that nothing says, a language that one text lacks and another has, and updates of the timeline
   that name no text, although there are texts (without any, their words are for integrations alone). */
#include "config/lint.h"
#include "config/texts.h"

#include <stdlib.h>

static bool said_in(const struct text *t, const char *language)
{
    for (uint32_t i = 0; i < t->count; i++)
        if (!t->v[i].language[0] || !strcmp(t->v[i].language, language)) return true;
    return false;
}

static bool said_by(const struct queue *q, const struct text *t, int index)
{
    if (q->acknowledge == index) return true;
    for (uint32_t i = 0; i < q->overflow_count; i++)
        if (q->overflow[i].answer == index) return true;
    for (uint32_t i = 0; i < q->timeline_count; i++)
        if (q->timeline[i].update && !strcmp(q->timeline[i].update, t->name)) return true;
    return false;
}

static void check_languages(struct bind *b, const struct policy *p, const struct text *t, const struct ynode *at)
{
    for (uint32_t i = 0; i < p->texts.count; i++)
        for (uint32_t k = 0; k < p->texts.v[i].count; k++) {
            const char *language = p->texts.v[i].v[k].language;
            if (!t->count || said_in(t, language)) continue;
            bind_warn(b, at, "is not said in \"%s\", as \"%s\" is: such customers read it in \"%s\"", language, p->texts.v[i].name,
                      t->v[0].language);
            return;
        }
}

static void check_used(struct bind *b, const struct policy *p, int index, const struct ynode *at)
{
    for (uint32_t i = 0; i < p->account_count; i++)
        if (p->accounts[i].receipt == index) return;
    for (uint32_t i = 0; i < p->queue_count; i++)
        if (said_by(&p->queues[i], &p->texts.v[index], index)) return;
    bind_warn(b, at,
              "is never said: name it as a queue's acknowledge, an overflow's answer, a step's update or an account's receipt, or "
              "take it out");
}

static void check_update(struct bind *b, const struct policy *p, const struct step *s, const struct ynode *at)
{
    if (!at || !s->update || policy_text(p, str_of(s->update))) return;
    const char **names = malloc(p->texts.count * sizeof *names);
    for (uint32_t i = 0; names && i < p->texts.count; i++) names[i] = p->texts.v[i].name;
    bind_warn(b, at, "\"%s\" is none of the texts, so integrations alone are told%s", s->update,
              names ? findings_hint(b->f, str_of(s->update), names, p->texts.count) : "");
    free(names);
}

void warn_texts(struct bind *b, const struct draft *d, const struct ynode *root)
{
    const struct policy *p = &d->p;
    const struct ynode *texts = tree_get(root, "texts");
    for (uint32_t i = 0; i < p->texts.count; i++) {
        const struct ynode *at = tree_get(texts, p->texts.v[i].name);
        if (!at) continue;
        check_languages(b, p, &p->texts.v[i], at);
        check_used(b, p, (int)i, at);
    }
    for (uint32_t i = 0; p->texts.count && i < p->queue_count; i++) {
        const struct ynode *steps = tree_get(lint_queue(root, &p->queues[i]), "timeline");
        for (uint32_t k = 0; steps && k < p->queues[i].timeline_count; k++)
            check_update(b, p, &p->queues[i].timeline[k], tree_get(tree_item(steps, k), "update"));
    }
}
