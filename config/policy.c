/* Loading a policy: bytes → tree → draft → policy.

   tree_read says what is wrong with the form; the binder, with the tables of rows.c, what is wrong with each value; resolve_refs
   with each name; check_whole with the whole. All of them run even after errors, so that a file's mistakes are found in one go,
   and only a file without any is turned into a policy; warnings are looked for only then.

   Memory: the tree lives in an arena of its own that goes at the end of loading; everything a policy points to lives in the arena
   of its policy_mem, freed with the last reference. Once loaded nothing in it changes, so it is read from any thread. */
#include "base/limits.h"
#include "base/map.h"
#include "base/openssl.h"
#include "config/closed_files.h"
#include "config/draft.h"

#include <math.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>

#define POLICY_ARENA (64u << 20)
#define TREE_ARENA   (96u << 20)

struct policy_mem {
    struct arena arena;
    atomic_uint refs;
    struct map queues, accounts; /* name → the struct */
};

/* ---- from draft to policy ---- */

/* Every channel word has its entry: those of the file first, in its order, then the rest with their defaults. */
static void complete_channels(struct bind *b, struct policy *p)
{
    struct channel *all = bind_alloc(b, (p->channel_count + channel_words.count) * sizeof *all);
    uint32_t listed = p->channel_count;
    if (!all) return;
    if (listed) memcpy(all, p->channels, listed * sizeof *all);
    p->channels = all;
    for (unsigned w = 0; w < channel_words.count; w++) {
        bool there = false;
        for (uint32_t i = 0; i < listed; i++) there |= !strcmp(all[i].name, channel_words.v[w]);
        if (there) continue;
        all[p->channel_count++] =
            (struct channel){ .name = channel_words.v[w], .cost = channel_cost(str_of(channel_words.v[w])), .offer_ms = 20000 };
    }
}

static enum err expand_hours(struct bind *b, struct draft *d, uint64_t now)
{
    enum err e = ERR_OK;
    d->p.hours = bind_alloc(b, d->hours_count * sizeof *d->p.hours);
    if (!d->p.hours) return ERR_NOMEM;
    d->p.hours_count = d->hours_count;
    for (uint32_t i = 0; i < d->hours_count && !e; i++) e = hours_expand(&d->hours[i], now, b->arena, &d->p.hours[i]);
    d->p.loaded = now;
    if (!d->p.timezone) d->p.timezone = "UTC";
    if (!e) e = simulate_from(&d->p.simulate.from, d->p.timezone);
    return e ? e : hours_midnights(&d->p, now, b->arena);
}

static void number_conds(struct policy *p, struct conds *conds)
{
    for (uint32_t k = 0; k < conds->count; k++) {
        struct cond *c = &conds->v[k];
        uint32_t *count = c->kind == COND_TEXT ? &p->pattern_count : c->kind == COND_MATCH ? &p->expression_count : NULL;
        c->number = p->cond_count++;
        if (count) c->pattern = *count, *count += c->words.count;
        number_conds(p, &c->inner);
    }
}

static unsigned actions_of(const struct step *s)
{
    return (s->needs.count ? STEP_NEEDS : 0u) | (s->drop.count ? STEP_DROP : 0u) | (s->raise ? STEP_RAISE : 0u) |
           (s->move >= 0 ? STEP_MOVE : 0u) | (s->add ? STEP_ADD : 0u) | (s->at_once ? STEP_OFFER : 0u) |
           (s->callback.given ? STEP_CALLBACK : 0u) | (s->notify.count ? STEP_NOTIFY : 0u) | (s->update ? STEP_UPDATE : 0u) |
           (s->park ? STEP_PARK : 0u) | (s->close ? STEP_CLOSE : 0u);
}

/* Whose hours a callback waits for, when it does not say: those whose being closed sent it there, else the queue's. */
static void callback_hours(struct callback *c, int closed, const struct queue *q)
{
    if (c->next_open && c->hours < 0) c->hours = closed >= 0 ? closed : q->answer.hours;
}

static void complete_queue(struct queue *q)
{
    for (uint32_t i = 0; i < q->timeline_count; i++) {
        q->timeline[i].actions = actions_of(&q->timeline[i]);
        callback_hours(&q->timeline[i].callback, -1, q);
    }
    for (uint32_t i = 0; i < q->overflow_count; i++) callback_hours(&q->overflow[i].callback, q->overflow[i].closed, q);
}

static void complete_keep(struct policy *p)
{
    const struct words_list *on = &p->capacity.keep_words;
    for (uint32_t i = 0; i < on->count; i++)
        for (uint32_t c = 0; c < p->channel_count; c++)
            if (!strcmp(on->v[i], p->channels[c].name)) p->capacity.keep_channels |= 1u << c;
}

/* After all names are resolved: what follows from two places of the file together. */
static void complete(struct policy *p)
{
    complete_keep(p);
    for (uint32_t i = 0; i < p->queue_count; i++) complete_queue(&p->queues[i]);
}

/* It stands in every verdict and every change, so it is short: 64 bits tell the versions of one workspace apart. */
static void hash_of(struct str yaml, char out[72])
{
    unsigned char sum[SHA256_DIGEST_LENGTH];
    SHA256((const unsigned char *)(yaml.n ? yaml.p : ""), yaml.n, sum);
    size_t n = (size_t)snprintf(out, 72, "sha256:");
    for (size_t i = 0; i < 8; i++) n += (size_t)snprintf(out + n, 72 - n, "%02x", sum[i]);
}

static void finish(struct policy *p)
{
    for (uint32_t i = 0; i < p->webhook_count; i++) p->tells_queues |= p->webhooks[i].kinds >> ENTRY_QUEUE & 1;
    for (uint32_t i = 0; i < p->rule_count; i++) number_conds(p, &p->rules[i].when);
    for (uint32_t i = 0; i < p->queue_count; i++)
        if (p->queues[i].takes.any) p->default_queue = i;
}

static enum err index_names(struct policy *p, struct policy_mem *mem)
{
    enum err e = ERR_OK;
    for (uint32_t i = 0; i < p->queue_count && !e; i++) e = map_put(&mem->queues, str_of(p->queues[i].name), &p->queues[i]);
    for (uint32_t i = 0; i < p->account_count && !e; i++) e = map_put(&mem->accounts, str_of(p->accounts[i].name), &p->accounts[i]);
    return e;
}

static enum err publish(struct policy **out, struct draft *d, struct policy_mem *mem, struct str yaml, const char *path)
{
    struct policy *p = arena_alloc(&mem->arena, sizeof *p);
    if (!p) return ERR_NOMEM;
    finish(&d->p);
    *p = d->p;
    p->mem = mem;
    p->path = arena_strdup(&mem->arena, str_of(path));
    p->yaml = (struct str){ arena_strdup(&mem->arena, yaml), yaml.n };
    hash_of(yaml, p->version);
    if (!p->path || !p->yaml.p) return ERR_NOMEM;
    enum err e = index_names(p, mem);
    if (!e) *out = p;
    return e;
}

/* ---- loading ---- */

static enum err bind_all(struct bind *b, struct draft *d, const struct ynode *root, uint64_t now)
{
    b->groups = bind_alloc(b, GROUPS_MAX * sizeof *b->groups);
    if (b->broken) return ERR_NOMEM;
    bind_mapping(b, root, &policy_mapping, d);
    d->p.groups = b->groups;
    d->p.group_count = b->group_count;
    complete_channels(b, &d->p);
    if (b->broken) return ERR_NOMEM;
    enum err e = expand_hours(b, d, now);
    if (e) return e;
    resolve_refs(b, &d->p, d);
    complete(&d->p);
    check_whole(b, d, root);
    return b->broken ? ERR_NOMEM : b->f->errors ? ERR_POLICY : ERR_OK;
}

static struct policy_mem *mem_new(void)
{
    struct policy_mem *mem = calloc(1, sizeof *mem);
    if (!mem) return NULL;
    arena_init(&mem->arena, POLICY_ARENA);
    map_init(&mem->queues, LIM_LIST_ITEMS);
    map_init(&mem->accounts, LIM_LIST_ITEMS);
    atomic_init(&mem->refs, 1);
    return mem;
}

static void mem_free(struct policy_mem *mem)
{
    map_fini(&mem->queues);
    map_fini(&mem->accounts);
    arena_fini(&mem->arena);
    free(mem);
}

enum err policy_load(struct policy **out, struct str yaml, const char *path, uint64_t now, struct findings *f)
{
    struct draft d = { .naru = 0 };
    struct arena trees;
    struct findings unread;
    struct ynode *root = NULL;
    *out = NULL;
    struct policy_mem *mem = mem_new();
    if (!mem) return ERR_NOMEM;
    findings_init(&unread);
    if (!f) f = &unread;
    arena_init(&trees, TREE_ARENA);
    struct bind b = { .f = f, .arena = &mem->arena };
    enum err form = tree_read(&root, yaml, &trees, f), e = form;
    if (root && form != ERR_NOMEM) e = bind_all(&b, &d, root, now);
    if (e == ERR_POLICY && form) e = form;
    if (!e) e = form;
    if (!e) e = publish(out, &d, mem, yaml, path);
    findings_sort(f);
    if (e) mem_free(mem);
    arena_fini(&trees);
    findings_fini(&unread);
    return e;
}

enum err policy_load_file(struct policy **out, const char *path, uint64_t now, struct findings *f)
{
    struct buf bytes, whole; /* as written; with the dates of the files that it names */
    struct findings unread;
    *out = NULL;
    findings_init(&unread);
    if (!f) f = &unread;
    buf_init(&bytes, LIM_YAML_BYTES + 65536);
    buf_init(&whole, CLOSED_FILES_ROOM);
    enum err e = file_bytes(path, LIM_YAML_BYTES, &bytes), files = ERR_OK;
    if (e == ERR_IO) findings_add(f, F_ERROR, 0, 0, "", "cannot be read: is the path right, and may this user read it?");
    if (!e || e == ERR_TOOBIG) files = e = closed_files(buf_str(&bytes), path, &whole, f);
    if (!e || e == ERR_POLICY) e = policy_load(out, buf_str(&whole), path, now, f); /* all mistakes in one go */
    if (!e && files) {
        policy_unref(*out);
        *out = NULL;
        e = files;
    }
    buf_fini(&whole);
    buf_fini(&bytes);
    findings_fini(&unread);
    return e;
}

struct policy *policy_ref(struct policy *p)
{
    atomic_fetch_add_explicit(&p->mem->refs, 1, memory_order_relaxed);
    return p;
}

void policy_unref(struct policy *p)
{
    if (p && atomic_fetch_sub_explicit(&p->mem->refs, 1, memory_order_acq_rel) == 1) mem_free(p->mem);
}

/* ---- looking up ---- */

double sim_number_of(const struct sim_by_class *n, uint32_t class, double otherwise)
{
    for (uint32_t i = 0; i < n->count; i++)
        if (n->v[i].class == class) return n->v[i].v;
    return isnan(n->all) ? otherwise : n->all;
}

int policy_queue(const struct policy *p, struct str name)
{
    const struct queue *q = map_get(&p->mem->queues, name);
    return q ? (int)(q - p->queues) : -1;
}

int policy_account(const struct policy *p, struct str name)
{
    const struct account *a = map_get(&p->mem->accounts, name);
    return a ? (int)(a - p->accounts) : -1;
}

int policy_channel(const struct policy *p, struct str name)
{
    for (uint32_t i = 0; i < p->channel_count; i++)
        if (str_is(name, p->channels[i].name)) return (int)i;
    return -1;
}

int policy_group(const struct policy *p, struct str name)
{
    for (uint32_t i = 0; i < p->group_count; i++)
        if (str_is(name, p->groups[i].name)) return (int)i;
    return -1;
}
