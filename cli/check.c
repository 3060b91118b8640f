/* naru check: reads policy files as the service would, and says everything it finds. Also writes what is generated from the tables
   that read them: the JSON Schema for editors and the page of keys. */
#include "base/clock.h"
#include "base/opt.h"
#include "cli/check_models.h"
#include "cli/check_try.h"
#include "cli/cli.h"
#include "config/facts.h"
#include "config/findings.h"
#include "config/schema.h"
#include "workers/triage/rules.h"

#include <errno.h>
#include <stdio.h>
#include <unistd.h>

struct check_cfg {
    struct opt_list files;
    const char *account, *body, *type; /* --try */
    bool json, schema, reference;
};

static const struct opt rows[] = {
    { "", OPT_LIST, offsetof(struct check_cfg, files), NULL, 0, 0, "FILE", "policy files" },
    { "json", OPT_FLAG, offsetof(struct check_cfg, json), NULL, 0, 0, NULL, "one JSON object a file, on its own line" },
    { "try", OPT_STR, offsetof(struct check_cfg, account), NULL, 0, 0, "ACCOUNT",
      "show the events that the account makes of a recorded body (--body); generic and cloudevents" },
    { "body", OPT_STR, offsetof(struct check_cfg, body), "-", 0, 0, "FILE", "that body; -: standard input" },
    { "type", OPT_STR, offsetof(struct check_cfg, type), NULL, 0, 0, "TYPE",
      "its content-type, if not JSON or a form by its looks" },
    { "schema", OPT_FLAG, offsetof(struct check_cfg, schema), NULL, 0, 0, NULL, "print the JSON Schema of policies, for editors" },
    { "reference", OPT_FLAG, offsetof(struct check_cfg, reference), NULL, 0, 0, NULL, "print the reference page of all keys" },
    { .name = NULL },
};

static int print(struct buf *out)
{
    if (out->err) fprintf(stderr, "naru check: %s\n", err_text(out->err));
    bool good = !out->err && fwrite(out->p, 1, out->n, stdout) == out->n && !fflush(stdout);
    if (!good && !out->err) fprintf(stderr, "naru check: what it found cannot be written\n");
    return good ? 0 : 1;
}

static int print_generated(void (*generate)(struct buf *out))
{
    struct buf out;
    buf_init(&out, 4u << 20);
    generate(&out);
    int status = print(&out);
    buf_fini(&out);
    return status;
}

/* "1 error", "2 errors" */
static const char *counted(uint32_t count, const char *what, char out[40])
{
    snprintf(out, 40, "%u %s%s", count, what, count == 1 ? "" : "s");
    return out;
}

static void summary(struct buf *out, const char *path, const struct policy *p, const struct findings *f, enum err e)
{
    char number[40];
    if (p)
        buf_addf(out, "%s: good: workspace %s, %u queues, %u rules, %u accounts, %u agents; %s\n", path, p->workspace,
                 p->queue_count, p->rule_count, p->account_count, p->agent_count, counted(f->count + f->more, "warning", number));
    else buf_addf(out, "%s: refused: %s, %s\n", path, err_text(e), counted(f->errors, "error", number));
}

/* Expressions and words were looked at one by one; whether all of them compile together only compiling tells. */
static enum err compile_rules(struct policy *p, struct findings *f)
{
    struct rules *r = NULL;
    char why[200];
    enum err e = rules_new(&r, p, why);
    if (e) findings_add(f, F_ERROR, 0, 0, "triage.rules", "%s", why);
    rules_free(r);
    return e;
}

struct fact_to {
    const char *path;
    struct buf *out;
};
static void fact_text(void *ctx, const char *key, const char *text)
{
    struct fact_to *to = ctx;
    buf_addf(to->out, "%s: note: %s: %s\n", to->path, key, text);
}

/* A file that is not there may well be where the router runs: no more than a note. */
static void note_secrets(struct fact_to *to, const char *of, const char *name, const char *key, const char *const *where,
                         uint32_t count)
{
    for (uint32_t i = 0; i < count; i++) {
        if (strncmp(where[i], "file:", 5) != 0 || !access(where[i] + 5, R_OK)) continue;
        buf_addf(to->out, "%s: note: %s.%s.%s: %s cannot be read here: %s\n", to->path, of, name, key, where[i], strerror(errno));
    }
}

static void unread_secrets(const struct policy *p, struct fact_to *to)
{
    for (uint32_t i = 0; i < p->account_count; i++) {
        const struct account *a = &p->accounts[i];
        note_secrets(to, "accounts", a->name, "secret", a->secrets.v, a->secrets.count);
        note_secrets(to, "accounts", a->name, "token", &a->token, a->token != NULL);
        note_secrets(to, "accounts", a->name, "verify", &a->verify, a->verify != NULL);
    }
    for (uint32_t i = 0; i < p->webhook_count; i++)
        note_secrets(to, "webhooks", p->webhooks[i].name, "secret", p->webhooks[i].secrets.v, p->webhooks[i].secrets.count);
}

/* 0 good, 1 not. */
static int check_file(const char *path, bool json)
{
    struct policy *p = NULL;
    struct findings f;
    struct buf out;
    findings_init(&f);
    buf_init(&out, 4u << 20);
    enum err e = policy_load_file(&p, path, clock_wall_ms(), &f);
    if (!e && (e = compile_rules(p, &f)) != ERR_OK) policy_unref(p), p = NULL;
    if (p) check_models(p, &f);
    if (e && f.errors == 0) fprintf(stderr, "naru check: %s: %s\n", path, err_text(e));
    if (json) {
        findings_json(&f, path, p, &out);
        buf_addc(&out, '\n');
    } else {
        findings_text(&f, path, &out);
        if (p) policy_facts(p, fact_text, &(struct fact_to){ path, &out });
        if (p) unread_secrets(p, &(struct fact_to){ path, &out });
        summary(&out, path, p, &f, e);
    }
    int status = print(&out) || e ? 1 : 0;
    policy_unref(p);
    buf_fini(&out);
    findings_fini(&f);
    return status;
}

/* What is wrong with the file is told, what is doubtful is not. */
static int try_file(const struct check_cfg *cfg)
{
    struct policy *p = NULL;
    struct findings f;
    struct buf out;
    if (cfg->files.count != 1) {
        fprintf(stderr, "naru check: --try takes one policy file\n");
        return 2;
    }
    findings_init(&f);
    buf_init(&out, 4u << 20);
    enum err e = policy_load_file(&p, cfg->files.v[0], clock_wall_ms(), &f);
    if (e && !f.errors) fprintf(stderr, "naru check: %s: %s\n", cfg->files.v[0], err_text(e));
    if (e) findings_text(&f, cfg->files.v[0], &out);
    int status = e ? (print(&out), 1) : check_try(p, cfg->account, cfg->body, cfg->type);
    policy_unref(p);
    buf_fini(&out);
    findings_fini(&f);
    return status;
}

int check_main(int argc, char **argv)
{
    struct check_cfg cfg = { .json = false };
    if (opt_parse(rows, "naru check FILE... [--json] | FILE --try ACCOUNT --body FILE | --schema | --reference", argc, argv, &cfg))
        return 2;
    if (cfg.schema) return print_generated(policy_schema);
    if (cfg.reference) return print_generated(policy_reference);
    if (cfg.files.count == 0) {
        fprintf(stderr, "naru check: name at least one policy file; --help tells more\n");
        return 2;
    }
    if (cfg.account) return try_file(&cfg);
    int worst = 0;
    for (size_t i = 0; i < cfg.files.count; i++) worst |= check_file(cfg.files.v[i], cfg.json);
    return worst;
}
