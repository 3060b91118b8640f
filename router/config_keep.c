/* One item a (workspace, kind, name), found by a hash that is also the id of its journal row, so that compaction can ask whether
   the row is the newest. An agent that is gone shares the item of the agent that was there: the newer of both stands.

   The account table is made anew at each swap of a policy: it borrows names from the policies, which are referenced as long as they
   are in `policies`. */
#include "router/config_keep.h"

#include "base/log.h"
#include "config/findings.h"

#include <stdio.h>
#include <stdlib.h>

#define CONFIG_ITEMS (LIM_AGENTS * 4u)

struct account_row {
    struct account_found found;
    struct rate most;
};

static struct str key_of(const struct id *id) { return (struct str){ (const char *)id->b, sizeof id->b }; }

enum err config_keep_init(struct config_keep *k)
{
    memset(k, 0, sizeof *k);
    map_init(&k->by_id, CONFIG_ITEMS);
    map_init(&k->accounts, CONFIG_ITEMS);
    arena_init(&k->account_arena, 16u << 20);
    return ERR_OK;
}

void config_keep_fini(struct config_keep *k)
{
    struct kept_config *c;
    for (size_t i = 0; (c = map_next(&k->by_id, &i));) {
        policy_unref(c->policy);
        free(c->packed);
        free(c);
    }
    free(k->policies);
    map_fini(&k->by_id);
    map_fini(&k->accounts);
    arena_fini(&k->account_arena);
}

static struct id item_id(const struct config *c)
{
    char key[64 + 1 + 8 + 128 + 8];
    int n = snprintf(key, sizeof key, "config %s %.*s", c->kind == CONFIG_POLICY ? "policy" : "agent", STR_FMT(c->name));
    return id_of_event(c->workspace, (struct str){ key, (size_t)n });
}

const struct kept_config *config_keep_policy(const struct config_keep *k, struct str workspace)
{
    for (uint32_t i = 0; i < k->policy_count; i++) {
        if (str_is(workspace, k->policies[i]->policy->workspace)) return k->policies[i];
    }
    return NULL;
}

/* ---- accounts ---- */

static enum err add_account(struct config_keep *k, const struct policy *p, const struct account *a)
{
    struct account_row *row = arena_alloc(&k->account_arena, sizeof *row);
    if (!row) return ERR_NOMEM;
    row->found = (struct account_found){ p->workspace, p->channels[a->channel].name };
    row->most = a->most;
    return map_put(&k->accounts, str_of(a->name), row);
}

static void remake_accounts(struct config_keep *k)
{
    map_fini(&k->accounts);
    map_init(&k->accounts, CONFIG_ITEMS);
    arena_clear(&k->account_arena);
    for (uint32_t i = 0; i < k->policy_count; i++) {
        const struct policy *p = k->policies[i]->policy;
        for (uint32_t a = 0; a < p->account_count; a++) {
            enum err err = add_account(k, p, &p->accounts[a]);
            if (err) log_error("workspace=%s account=%s cannot be used: %s", p->workspace, p->accounts[a].name, err_text(err));
        }
    }
}

bool config_keep_account(void *keep, struct str name, struct account_found *out)
{
    const struct config_keep *k = keep;
    const struct account_row *row = map_get(&k->accounts, name);
    if (row) *out = row->found;
    return row;
}

const struct rate *config_keep_most(const struct config_keep *k, struct str name, const char **workspace)
{
    const struct account_row *row = map_get(&k->accounts, name);
    if (row) *workspace = row->found.workspace;
    return row ? &row->most : NULL;
}

const char *config_keep_near_account(void *keep, struct str name, struct str workspace)
{
    const struct config_keep *k = keep;
    const char *near = NULL;
    for (uint32_t i = 0; i < k->policy_count && !near; i++) {
        const struct policy *p = k->policies[i]->policy;
        const char **names = calloc(p->account_count + 1, sizeof *names);
        if (!names || !(str_is(workspace, "*") || str_is(workspace, p->workspace))) {
            free(names);
            continue;
        }
        for (uint32_t a = 0; a < p->account_count; a++) names[a] = p->accounts[a].name;
        near = str_nearest(name, names, p->account_count);
        free(names);
    }
    return near;
}

/* An account's name belongs to one workspace of the installation. */
static const char *account_taken(const struct config_keep *k, const struct policy *p, const char **by)
{
    for (uint32_t i = 0; i < p->account_count; i++) {
        const struct account_row *row = map_get(&k->accounts, str_of(p->accounts[i].name));
        if (row && strcmp(row->found.workspace, p->workspace) != 0) return *by = row->found.workspace, p->accounts[i].name;
    }
    return NULL;
}

enum err config_keep_check(struct config_keep *k, struct str workspace, struct str yaml, const char *path, uint64_t now,
                           struct policy **out, struct findings *f)
{
    struct policy *p = NULL;
    const char *by = NULL, *name;
    enum err err = policy_load(&p, yaml, path, now, f);
    if (!err && workspace.n && !str_is(workspace, p->workspace)) {
        if (f)
            findings_add(f, F_ERROR, 0, 0, "workspace", "the policy is of workspace \"%s\", not of the one it was sent for",
                         p->workspace);
        err = ERR_POLICY;
    }
    if (!err && (name = account_taken(k, p, &by))) {
        if (f) findings_add(f, F_ERROR, 0, 0, "accounts", "the account \"%s\" belongs to workspace \"%s\" already", name, by);
        err = ERR_POLICY;
    }
    if (err) {
        policy_unref(p);
        p = NULL;
    }
    *out = p;
    return err;
}

/* ---- putting ---- */

static enum err list_policy(struct config_keep *k, struct kept_config *c)
{
    for (uint32_t i = 0; i < k->policy_count; i++) {
        if (k->policies[i] == c) return ERR_OK;
    }
    struct kept_config **v = realloc(k->policies, (k->policy_count + 1) * sizeof(struct kept_config *));
    if (!v) return ERR_NOMEM;
    k->policies = v;
    v[k->policy_count++] = c;
    return ERR_OK;
}

/* Takes over `policy` and `packed` on ERR_OK. */
static enum err replace(struct config_keep *k, const struct config *c, char *packed, size_t n, struct policy *policy, uint64_t row)
{
    struct id id = item_id(c);
    struct kept_config *item = map_get(&k->by_id, key_of(&id));
    enum err err = ERR_OK;
    bool fresh = !item;
    if (fresh) {
        if (!(item = calloc(1, sizeof *item))) return ERR_NOMEM;
        item->id = id;
        if ((err = map_put(&k->by_id, key_of(&item->id), item))) return free(item), err;
    }
    if (policy && (err = list_policy(k, item))) {
        if (fresh) map_del(&k->by_id, key_of(&item->id)), free(item);
        return err;
    }
    struct policy *old = item->policy;
    char *old_packed = item->packed;
    item->packed = packed;
    item->packed_n = (uint32_t)n;
    item->at = c->at;
    item->kind = c->kind;
    item->row = row;
    if (policy) {
        item->policy = policy;
        k->policy_changes++;
        remake_accounts(k);
    }
    if (policy) policy_unref(old);
    free(old_packed);
    k->changes++;
    return ERR_OK;
}

static const struct kept_config *known(const struct config_keep *k, const struct config *c)
{
    struct id id = item_id(c);
    return map_get(&k->by_id, key_of(&id));
}

enum err config_keep_put(struct config_keep *k, const struct config *c, uint64_t now, struct journal *j, journal_fn *fn, void *ctx,
                         struct findings *f)
{
    const struct kept_config *was = known(k, c);
    struct policy *policy = NULL;
    struct buf packed;
    uint64_t row = 0;
    enum err err = ERR_OK;
    if (was && was->at >= c->at && (was->policy || c->kind != CONFIG_POLICY)) return ERR_EXISTS;
    buf_init(&packed, LIM_ZMQ_MESSAGE);
    if (c->kind == CONFIG_POLICY) err = config_keep_check(k, c->workspace, c->body, "policy", now, &policy, f);
    if (err) goto out;
    record_pack(&packed, &config_record, c);
    if ((err = packed.err)) goto out;
    struct id id = item_id(c);
    if (j && (err = journal_append(j, ROW_CONFIG, &id, buf_str(&packed), fn, ctx, &row))) goto out;
    if ((err = replace(k, c, packed.p, packed.n, policy, row))) goto out;
    memset(&packed, 0, sizeof packed); /* the item owns it now */
    policy = NULL;
out:
    policy_unref(policy);
    buf_fini(&packed);
    return err;
}

void config_keep_row(struct config_keep *k, uint64_t number, struct str body, uint64_t now)
{
    struct config c;
    struct findings f;
    struct arena arena;
    arena_init(&arena, LIM_ZMQ_MESSAGE);
    findings_init(&f);
    enum err err = record_unpack(&config_record, &c, body, &arena);
    if (!err) err = config_keep_put(k, &c, now, NULL, NULL, NULL, &f);
    if (!err) {
        struct id id = item_id(&c);
        struct kept_config *item = map_get(&k->by_id, key_of(&id));
        item->row = number;
    } else if (err != ERR_EXISTS) {
        log_error("row=%llu a kept configuration cannot be used any more: %s", (unsigned long long)number, err_text(err));
    }
    findings_fini(&f);
    arena_fini(&arena);
}

bool config_keep_row_live(const struct config_keep *k, uint64_t number, const struct id *id)
{
    const struct kept_config *c = map_get(&k->by_id, key_of(id));
    return c && c->row == number;
}

void config_keep_row_moved(struct config_keep *k, uint64_t from, uint64_t to, const struct id *id)
{
    struct kept_config *c = map_get(&k->by_id, key_of(id));
    if (c && c->row == from) c->row = to;
}

const struct kept_config *config_keep_next(const struct config_keep *k, size_t *cursor) { return map_next(&k->by_id, cursor); }
