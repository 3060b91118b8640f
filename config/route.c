/* Which queue a verdict goes to. Asked once a ticket, so it walks the queues in the file's order; lists are short. */
#include "config/policy.h"

static bool any_glob(const struct words_list *l, struct str text)
{
    for (uint32_t i = 0; i < l->count; i++)
        if (str_glob(str_of(l->v[i]), text)) return true;
    return false;
}

static bool any_word(const struct words_list *l, struct str text)
{
    for (uint32_t i = 0; i < l->count; i++)
        if (str_is(text, l->v[i])) return true;
    return false;
}

static bool any_tag(const struct words_list *l, const struct list *tags)
{
    const struct tag *t = tags->items;
    for (uint32_t i = 0; i < tags->count; i++)
        if (any_word(l, t[i].name)) return true;
    return false;
}

/* All conditions that are given hold, and at least one is given. */
static bool takes(const struct takes *t, const struct event *e, const struct verdict *v)
{
    if (t->intent.count && (v->intent.n == 0 || !any_glob(&t->intent, v->intent))) return false;
    if (t->tag.count && !any_tag(&t->tag, &v->tags)) return false;
    if (t->channel.count && !any_word(&t->channel, e->channel)) return false;
    if (t->account.count && !any_word(&t->account, e->account)) return false;
    if (t->language.count && !any_word(&t->language, v->language)) return false;
    return t->intent.count || t->tag.count || t->channel.count || t->account.count || t->language.count;
}

const char *const route_by_words[ROUTE_BY_COUNT] = { "rule", "unsure", "takes", "default" };

uint32_t policy_route_by(const struct policy *p, const struct event *e, const struct verdict *v, enum route_by *by)
{
    int named = v->queue.n ? policy_queue(p, v->queue) : -1; /* gone when the verdict is of an older version */
    enum route_by unused;
    if (!by) by = &unused;
    if (named >= 0) return *by = ROUTE_RULE, (uint32_t)named;
    if (v->unsure && p->unsure_queue >= 0) return *by = ROUTE_UNSURE, (uint32_t)p->unsure_queue;
    for (uint32_t i = 0; i < p->queue_count; i++)
        if (!p->queues[i].takes.any && takes(&p->queues[i].takes, e, v)) return *by = ROUTE_TAKES, i;
    return *by = ROUTE_DEFAULT, p->default_queue;
}

uint32_t policy_route(const struct policy *p, const struct event *e, const struct verdict *v)
{
    return policy_route_by(p, e, v, NULL);
}
