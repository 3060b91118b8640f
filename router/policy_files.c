/* Policy files given by --policy: imported as a new version only when their bytes differ from what was imported last, so that a
   restart does not undo a policy that was sent by API since. The hash of the last import is kept in the journal. */
#include "base/clock.h"
#include "base/log.h"
#include "base/metrics.h"
#include "router/router.h"

#include <stdio.h>

static struct str hash_key(const char *workspace, char out[96])
{
    int n = snprintf(out, 96, "policy_file:%s", workspace);
    return (struct str){ out, (size_t)n };
}

static void print_findings(const struct findings *f, const char *path)
{
    struct buf text;
    buf_init(&text, 1u << 20);
    findings_text(f, path, &text);
    fputs(buf_cstr(&text), stderr);
    buf_fini(&text);
}

/* A loaded file becomes the active policy when it is another than the last that was imported. */
static enum err import(struct router *r, const struct policy *p, const char *path, char imported[80])
{
    char key[96], source[256];
    struct findings f;
    struct str hash = str_of(p->version);
    struct str last = imported[0] ? str_of(imported) : journal_meta(r->journal, hash_key(p->workspace, key));
    bool same = str_eq(last, hash) && config_keep_policy(&r->config, str_of(p->workspace));
    if (same) return snprintf(imported, 80, "%s", p->version), ERR_OK;
    snprintf(source, sizeof source, "file:%.240s", path);
    struct config c = { .workspace = str_of(p->workspace),
                        .kind = CONFIG_POLICY,
                        .version = hash,
                        .at = clock_wall_ms(),
                        .source = str_of(source),
                        .body = p->yaml };
    const struct kept_config *was = config_keep_policy(&r->config, c.workspace);
    if (was && was->at >= c.at) c.at = was->at + 1; /* the clock went back */
    findings_init(&f);
    enum err err = config_keep_put(&r->config, &c, c.at, r->journal, NULL, NULL, &f);
    if (err) print_findings(&f, path);
    findings_fini(&f);
    if (!err) err = journal_set_meta(r->journal, hash_key(p->workspace, key), hash);
    if (!err) snprintf(imported, 80, "%s", p->version);
    if (!err) log_info("workspace=%s policy=%s imported from %s", p->workspace, p->version, path);
    return err;
}

static enum err import_file(struct router *r, const char *path, char imported[80])
{
    struct policy *p = NULL;
    struct findings f;
    findings_init(&f);
    enum err err = policy_load_file(&p, path, clock_wall_ms(), &f);
    if (f.count || f.more) print_findings(&f, path);
    if (err == ERR_IO) fprintf(stderr, "%s: cannot be read\n", path);
    if (!err) err = import(r, p, path, imported);
    metric_add(MET_POLICY_LOADS, err ? "refused" : "ok", 1);
    policy_unref(p);
    findings_fini(&f);
    return err;
}

enum err policy_import(struct router *r, bool strict)
{
    enum err bad = ERR_OK;
    for (size_t i = 0; i < r->opts.policies.count; i++) {
        enum err err = import_file(r, r->opts.policies.v[i], r->imported[i]);
        if (err) bad = err;
        if (err) log_error("policy file %s is not used: correct it and send SIGHUP", r->opts.policies.v[i]);
    }
    if (!bad) {
        r->old_policy = NULL;
        return ERR_OK;
    }
    if (!r->config.policy_count) return strict ? ERR_POLICY : ERR_OK;
    r->old_policy = "a policy file has errors: an earlier version is in use";
    log_error("serving with the last good policy");
    return ERR_OK;
}

void policy_tell(struct router *r, struct peer *only)
{
    const struct kept_config *c;
    for (struct peer *p = NULL; (p = mailbox_next(r->mail, p));) {
        if (peer_role(p) != ROLE_TRIAGE || !peer_is_up(p) || (only && p != only)) continue;
        bool all = true;
        for (size_t i = 0; (c = config_keep_next(&r->config, &i));) {
            if (c->kind != CONFIG_POLICY) continue;
            if (mailbox_put_packed(r->mail, p, MSG_CONFIG, (struct str){ c->packed, c->packed_n })) all = false;
        }
        peer_set_data(p, all ? NULL : r); /* not NULL: it has still to be told, see router.c */
    }
}

static void nobody(void *ctx, const struct result *res)
{
    (void)ctx;
    if (res->status >= 400 && res->status < 500) log_warn("the leader refused a configuration: %.*s", STR_FMT(res->detail));
}

void config_tell_leader(struct router *r, uint16_t workspace)
{
    const struct kept_config *c;
    struct arena arena;
    arena_init(&arena, LIM_ZMQ_MESSAGE);
    for (size_t i = 0; (c = config_keep_next(&r->config, &i));) {
        struct config config;
        arena_clear(&arena);
        if (record_unpack(&config_record, &config, (struct str){ c->packed, c->packed_n }, &arena)) continue;
        if (!str_is(config.workspace, router_workspace(r, workspace))) continue;
        struct act act = { .workspace = config.workspace,
                           .kind = ACT_CONFIG,
                           .agent = config.name,
                           .router = r->number,
                           .actor = str_of(r->opts.name),
                           .privileged = true,
                           .body = { c->packed, c->packed_n } };
        if (acts_ask(&r->acts, workspace, &act, true, router_now(r), nobody, NULL))
            log_warn("a configuration could not be told to the leader");
    }
    arena_fini(&arena);
}
