/* `webhooks` of a policy: its keys, what the words of `only` mean, and what is wrong with an address.

   A change is called by its subject and what happened: the kinds of entries that are about tickets are "ticket." and their own
   word, those of agents and queues have words here. What is not told at all has none. */
#include "base/address.h"
#include "config/lint.h"
#include "config/rows.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <strings.h>

#define TICKET_WORD(id, word) "ticket." word,
static const char *const ticket_words[] = { ENTRY_KIND_MAP(TICKET_WORD) };
#undef TICKET_WORD
#define KINDS (sizeof ticket_words / sizeof *ticket_words)
static const struct {
    enum entry_kind kind;
    const char *word;
} others[] = { { ENTRY_NONE, NULL },
               { ENTRY_NO_TICKET, NULL },
               { ENTRY_PRESENCE, "agent.presence" },
               { ENTRY_CONFIG, "agent.changed" },
               { ENTRY_QUEUE, "queue.changed" } };
#define OTHERS (sizeof others / sizeof *others)
static const char *const groups[] = { "ticket.*", "agent.*", "queue.*" };
#define GROUPS (sizeof groups / sizeof *groups)

const char *webhook_word(enum entry_kind kind)
{
    for (size_t i = 0; i < OTHERS; i++)
        if (others[i].kind == kind) return others[i].word;
    return (size_t)kind < KINDS ? ticket_words[kind] : NULL;
}

/* ---- only ---- */

static bool means(struct str said, const char *word)
{
    bool open = said.n && said.p[said.n - 1] == '*';
    return word && (str_is(said, word) || (open && strncmp(said.p, word, said.n - 1) == 0));
}

uint64_t webhook_kinds(struct str said)
{
    uint64_t kinds = 0;
    for (unsigned k = 0; k < KINDS; k++) kinds |= (uint64_t)means(said, webhook_word((enum entry_kind)k)) << k;
    return kinds;
}

const char *webhook_near(struct str said)
{
    const char *words[KINDS + GROUPS];
    size_t count = 0;
    for (unsigned k = 0; k < KINDS; k++)
        if ((words[count] = webhook_word((enum entry_kind)k))) count++;
    for (size_t i = 0; i < GROUPS; i++) words[count++] = groups[i];
    return str_nearest(said, words, count);
}

static void unknown_kind(struct bind *b, const struct ynode *n)
{
    const char *near = webhook_near(n->text);
    bind_error(b, n, "\"%.*s\" is no change that is told%s%s%s", STR_FMT(findings_shown(n->text)), near ? " (did you mean \"" : "",
               near ? near : "", near ? "\"?)" : "; ticket.*, agent.* and queue.* are all of their kind");
}

static void check_only(struct bind *b, const struct ynode *n, struct webhook *w)
{
    w->kinds = n ? 0 : webhook_kinds(STR("*"));
    if (!n || n->type == Y_MAP) return;
    for (const struct ynode *c = bind_first(n); c; c = c == n ? NULL : c->next) {
        uint64_t kinds = c->type == Y_SCALAR && c->text.n ? webhook_kinds(c->text) : 0;
        if (!kinds && c->type == Y_SCALAR && c->text.n) unknown_kind(b, c);
        w->kinds |= kinds;
    }
}

/* ---- headers ---- */

static bool is_ours(const char *name, size_t n)
{
    static const char *const ours[] = { "host", "content-type", "content-length", "transfer-encoding", "connection", "expect" };
    for (size_t i = 0; i < sizeof ours / sizeof *ours; i++)
        if (strlen(ours[i]) == n && !strncasecmp(name, ours[i], n)) return true;
    return n >= 8 && !strncasecmp(name, "webhook-", 8);
}

static void check_headers(struct bind *b, const struct ynode *n)
{
    if (!n || n->type == Y_MAP) return;
    for (const struct ynode *c = bind_first(n); c; c = c == n ? NULL : c->next) {
        if (c->type != Y_SCALAR || !c->text.n) continue;
        size_t name = strcspn(c->text.p, ": ");
        bool good = name && c->text.p[name] == ':' && c->text.p[name + 1] == ' ' && c->text.p[name + 2];
        for (size_t i = 0; i < c->text.n; i++)
            good = good && (unsigned char)c->text.p[i] >= ' ' && (unsigned char)c->text.p[i] < 0x7f;
        if (!good) bind_error(b, c, "is not a header such as \"X-Tenant: hanbit\"");
        else if (is_ours(c->text.p, name)) bind_error(b, c, "is a header that Naru writes itself; take it out");
    }
}

/* ---- url ---- */

/* The host as it is written, without brackets. */
static void host_of(const char *url, char out[256])
{
    const char *from = strstr(url, "//") + 2;
    size_t n = *from == '[' ? strcspn(++from, "]") : strcspn(from, ":/?#");
    snprintf(out, 256, "%.*s", (int)(n < 255 ? n : 255), from);
}

/* Known to be no public one by its looks; a name is found out when it is called. */
static bool looks_private(const char *url)
{
    struct sockaddr_in a4 = { .sin_family = AF_INET };
    struct sockaddr_in6 a6 = { .sin6_family = AF_INET6 };
    char host[256];
    host_of(url, host);
    size_t n = strlen(host);
    if (!strcasecmp(host, "localhost") || (n > 10 && !strcasecmp(host + n - 10, ".localhost"))) return true;
    if (inet_pton(AF_INET, host, &a4.sin_addr) == 1) return !address_public((const struct sockaddr *)&a4);
    return inet_pton(AF_INET6, host, &a6.sin6_addr) == 1 && !address_public((const struct sockaddr *)&a6);
}

static void check_webhook(struct bind *b, const struct ynode *n, void *into)
{
    struct webhook *w = into;
    check_only(b, tree_get(n, "only"), w);
    check_headers(b, tree_get(n, "headers"));
    if (w->url && tree_get(n, "url") && !w->in_private && looks_private(w->url))
        bind_error(b, tree_get(n, "url"),
                   "is an address of this machine or of a private network: write \"private: yes\" if it is meant");
}

void warn_webhooks(struct bind *b, const struct draft *d, const struct ynode *root)
{
    for (uint32_t i = 0; i < d->p.webhook_count; i++) {
        const struct webhook *w = &d->p.webhooks[i];
        const struct ynode *url = tree_get(tree_get(tree_get(root, "webhooks"), w->name), "url");
        if (url && !w->in_private && !strncmp(w->url, "http://", 7))
            bind_warn(b, url, "goes over the open network for everybody to read: write https://");
    }
}

/* ---- rows ---- */

static const struct row webhook_rows[] = {
    { "url", &K_URL, AT(webhook, url), .max = 2048, .flags = ROW_NEEDED, .example = "https://crm.example/naru",
      .help = "where each change is posted, as a CloudEvent" },
    { "secret", &K_SECRETS, AT(webhook, secrets), .max = 2, .flags = ROW_NEEDED, .example = "file:/etc/naru/crm.key",
      .help = "where the secret is that signs (Standard Webhooks); with two, while one is being changed, both sign" },
    { "only", &K_WORDS, AT(webhook, only), .max = 64, .usual = "all", .example = "[ticket.opened, ticket.ended, agent.*]",
      .help =
          "which changes: `ticket.` and a word of a ticket's life, `agent.presence`, `agent.changed`, `queue.changed`; `*` at the "
          "end stands for anything" },
    { "within", &K_MS, AT(webhook, within_ms), "10s", 100, MINUTE, .clock = "the request",
      .help = "an answer later than that is none" },
    { "give-up", &K_MS, AT(webhook, give_up_ms), "3d", SECOND, 14 * DAY, .clock = "the change",
      .help = "how long it is tried again before it is a dead letter" },
    { "at-once", &K_U32, AT(webhook, at_once), "8", 1, 64, .help = "requests under way at a time" },
    { "private", &K_FLAG, AT(webhook, in_private), "no", .example = "yes",
      .help = "the address may be one of this machine or of a private network" },
    { "headers", &K_WORDS, AT(webhook, headers), .max = 1024, .example = "[\"X-Tenant: hanbit\"]", .help = "sent along" },
    { .name = NULL },
};
const struct mapping webhook_mapping = { .name = "a webhook",
                                         .rows = webhook_rows,
                                         .size = sizeof(struct webhook),
                                         .name_at = AT(webhook, name),
                                         .line_at = AT(webhook, line),
                                         .check = check_webhook };
