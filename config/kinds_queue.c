/* The kinds of values that queues and agents use: clocks and spans, choices, callbacks, groups of agents, maxima, secrets.
   As in kinds.c, each is one `struct kind`. */
#include "base/limits.h"
#include "base/opt.h"
#include "config/draft.h"

#include <stdlib.h>

/* ---- a time, or a share of the answer target ---- */

static void read_span(struct bind *b, const struct ynode *n, const struct row *r, void *into)
{
    const struct span_rule *rule = r->arg;
    struct span_of *s = into, v = { 0, 0 };
    if (!bind_is_scalar(b, n, "a time such as 10m or a share of the answer target such as 200%")) return;
    struct ynode bare = *n;
    if (rule->over && bare.text.n > 1 && bare.text.p[0] == '>') bare.text.p++, bare.text.n--;
    while (bare.text.n > 1 && bare.text.p[0] == ' ') bare.text.p++, bare.text.n--;
    bool good = bare.text.p[bare.text.n - 1] == '%' ? bind_percent(b, &bare, rule->pct_min, rule->pct_max, &v.pct)
                                                    : bind_ms(b, &bare, r->min, r->max, &v.ms);
    if (good) *s = v;
}
static void schema_span(struct jw *w, const struct row *r)
{
    const struct span_rule *rule = r->arg;
    schema_pattern(w, rule->over ? "^>? *[0-9]+(ms|s|m|h|d|%)$" : "^[0-9]+(ms|s|m|h|d|%)$");
}
const struct kind K_SPAN = { .name = "duration or percentage", .example = "10m", .read = read_span, .schema = schema_span };

/* The same into a struct step. */
static void read_after(struct bind *b, const struct ynode *n, const struct row *r, void *into)
{
    struct step *s = into;
    struct span_of v = { 0, 0 };
    read_span(b, n, r, &v);
    s->after_ms = v.ms;
    s->after_pct = v.pct;
}
const struct kind K_AFTER = { .name = "duration or percentage", .example = "40%", .read = read_after, .schema = schema_span };

/* ---- ">200" ---- */

static void read_over(struct bind *b, const struct ynode *n, const struct row *r, void *into)
{
    uint64_t v;
    if (!bind_is_scalar(b, n, "a count such as \">200\"")) return;
    struct str s = n->text;
    if (s.p[0] == '>') s.p++, s.n--;
    while (s.n && s.p[0] == ' ') s.p++, s.n--;
    if (!str_u64(s, (uint64_t)r->min, (uint64_t)r->max, &v)) *(uint32_t *)into = (uint32_t)v;
    else
        bind_error(b, n, "\"%.*s\" is not a count such as \">200\" (from %.0f to %.0f)", STR_FMT(findings_shown(n->text)), r->min,
                   r->max);
}
static void schema_over(struct jw *w, const struct row *r)
{
    (void)r;
    schema_pattern(w, "^>? *[0-9]+$");
}
const struct kind K_OVER = { .name = "count such as \">200\"", .example = "\">5\"", .read = read_over, .schema = schema_over };

/* ---- choose: an ordered list of words, or words with weights; into a struct queue ---- */

static void add_choice(struct bind *b, const struct ynode *n, struct queue *q, int at, const struct wordset *set)
{
    for (uint32_t i = 0; i < q->choose_count; i++) {
        if ((int)q->choose[i] != at) continue;
        bind_warn(b, n, "\"%s\" stands here twice", set->words->v[at]);
        return;
    }
    q->choose[q->choose_count++] = (enum choose)at;
}

static void read_weights(struct bind *b, const struct ynode *n, const struct row *r, struct queue *q)
{
    static const struct row weight = { .min = 0.01, .max = 100 };
    const struct wordset *set = r->arg;
    q->choose_weighted = true;
    for (const struct ynode *c = n->first; c; c = c->next) {
        int at = words_find(set->words, c->key);
        if (at < 0) {
            findings_key(b->f, F_ERROR, c, "\"%.*s\" is not a choice%s", STR_FMT(findings_shown(c->key)),
                         findings_hint(b->f, c->key, set->words->v, set->words->count));
            continue;
        }
        q->choose_weight[q->choose_count] = 1;
        K_F64.read(b, c, &weight, &q->choose_weight[q->choose_count]);
        q->choose[q->choose_count++] = (enum choose)at;
    }
}

static void read_choose(struct bind *b, const struct ynode *n, const struct row *r, void *into)
{
    struct queue *q = into;
    const struct wordset *set = r->arg;
    if (!bind_list_fits(b, n, CHOOSE_MAX)) return;
    if (!bind_count(n)) {
        bind_error(b, n, "names no choice; leave the key out for the usual one");
        return;
    }
    q->choose_count = 0;
    if (n->type == Y_MAP) {
        read_weights(b, n, r, q);
        return;
    }
    for (const struct ynode *c = bind_first(n); c; c = c == n ? NULL : c->next) {
        int at = bind_word(b, c, set, "a choice");
        if (at >= 0) add_choice(b, c, q, at, set);
    }
}
static void schema_one_word(struct jw *w, const struct row *r) { schema_words(w, r->arg); }
static void schema_choose(struct jw *w, const struct row *r)
{
    jw_key(w, "anyOf");
    jw_open(w, '[');
    jw_open(w, '{');
    schema_list_or_one(w, schema_one_word, r);
    jw_close(w, '}');
    jw_open(w, '{');
    schema_text_of(w, "object");
    jw_key(w, "propertyNames");
    jw_open(w, '{');
    schema_words(w, r->arg);
    jw_close(w, '}');
    jw_key(w, "additionalProperties");
    jw_open(w, '{');
    schema_text_of(w, "number");
    jw_close(w, '}');
    jw_close(w, '}');
    jw_close(w, ']');
}
const struct kind K_CHOOSE = { .name = "word, list of words, or words with weights", .read = read_choose, .schema = schema_choose };

/* ---- words as bits ---- */

static void read_bits(struct bind *b, const struct ynode *n, const struct row *r, void *into)
{
    unsigned bits = 0;
    if (n->type == Y_MAP) {
        bind_expected(b, n, "a word or a list of words");
        return;
    }
    for (const struct ynode *c = bind_first(n); c; c = c == n ? NULL : c->next) {
        int at = bind_word(b, c, r->arg, "a word known here");
        bits |= at >= 0 ? 1u << at : 0;
    }
    *(unsigned *)into = bits;
}
static void schema_bits(struct jw *w, const struct row *r) { schema_list_or_one(w, schema_one_word, r); }
const struct kind K_BITS = { .name = "word or list of words", .example = "[skills]", .read = read_bits, .schema = schema_bits };

/* ---- callback: `next-open`, a time, or a mapping; into a struct callback ---- */

static void callback_none(void *into)
{
    *(struct callback *)into = (struct callback){ .hours = -1, .retries = 3, .again_ms = 3600000 };
}

static void read_callback(struct bind *b, const struct ynode *n, const struct row *r, void *into)
{
    struct callback *c = into;
    if (n->type == Y_MAP) bind_mapping(b, n, r->arg, c);
    else if (n->type == Y_SCALAR && str_is(n->text, "next-open")) c->next_open = true;
    else if (n->type == Y_SCALAR && !opt_ms(n->text, &(uint64_t){ 0 })) (void)bind_ms(b, n, 1000, 2592000e3, &c->in_ms);
    else bind_expected(b, n, "next-open, a time such as 30m, or a mapping of both");
    c->given = true;
}
static void schema_callback(struct jw *w, const struct row *r)
{
    jw_key(w, "anyOf");
    jw_open(w, '[');
    jw_open(w, '{');
    schema_pattern(w, "^(next-open|[0-9]+(ms|s|m|h|d))$");
    jw_close(w, '}');
    jw_open(w, '{');
    schema_mapping(w, r->arg);
    jw_close(w, '}');
    jw_close(w, ']');
}
static const struct mapping *inner_of(const struct row *r) { return r->arg; }
const struct kind K_CALLBACK = { .name = "`next-open`, duration or mapping",
                                 .example = "next-open",
                                 .read = read_callback,
                                 .init = callback_none,
                                 .schema = schema_callback,
                                 .inner = inner_of,
                                 .suffix = "" };

/* ---- groups of agents: their names are what the file names them; a set is a bit each ---- */

static void unknown_group(struct bind *b, const struct ynode *n)
{
    const char *words[GROUPS_MAX];
    if (b->again) {
        if (!b->gone.n) b->gone = n->text;
        return;
    }
    for (uint32_t i = 0; i < b->group_count; i++) words[i] = b->groups[i].name;
    bind_error(b, n, "\"%.*s\" is not a group that the policy names%s", STR_FMT(findings_shown(n->text)),
               findings_hint(b->f, n->text, words, b->group_count));
}

/* Its number, or -1 with the error said. */
static int group_of(struct bind *b, const struct ynode *n)
{
    if (!bind_is_scalar(b, n, "a name") || !bind_is_name(b, n, n->text, 64, "")) return -1;
    for (uint32_t i = 0; i < b->group_count; i++)
        if (str_is(n->text, b->groups[i].name)) return (int)i;
    if (b->fixed) {
        unknown_group(b, n);
        return -1;
    }
    if (b->group_count == GROUPS_MAX) {
        bind_error(b, n, "is one group too many: a workspace has at most %u, this file names %s, %s, …", GROUPS_MAX,
                   b->groups[0].name, b->groups[1].name);
        return -1;
    }
    b->groups[b->group_count] = (struct agent_group){ bind_text(b, n->text), n->line };
    return (int)b->group_count++;
}

static void read_group(struct bind *b, const struct ynode *n, const struct row *r, void *into)
{
    (void)r;
    int at = group_of(b, n);
    if (at >= 0) *(uint32_t *)into = (uint32_t)at;
}
static void read_groups(struct bind *b, const struct ynode *n, const struct row *r, void *into)
{
    uint64_t set = 0;
    (void)r;
    if (n->type == Y_MAP) {
        bind_expected(b, n, "a group or a list of groups");
        return;
    }
    for (const struct ynode *c = bind_first(n); c; c = c == n ? NULL : c->next) {
        int at = group_of(b, c);
        if (at >= 0 && (set >> at & 1)) bind_warn(b, c, "\"%s\" stands here twice", b->groups[at].name);
        set |= at >= 0 ? 1ull << at : 0;
    }
    *(uint64_t *)into = set;
}
static void schema_group(struct jw *w, const struct row *r)
{
    (void)r;
    schema_text_of(w, "string");
}
static void schema_groups(struct jw *w, const struct row *r) { schema_list_or_one(w, schema_group, r); }
const struct kind K_GROUP = { .name = "group of agents", .example = "second-line", .read = read_group, .schema = schema_group };
const struct kind K_GROUPS = {
    .name = "group or list of groups", .example = "[first-line]", .read = read_groups, .schema = schema_groups
};

/* ---- a number for each of some channels; into a list of struct channel_max and its count ---- */

struct maxima {
    struct channel_max *v;
    uint32_t count;
};

static void read_maxima(struct bind *b, const struct ynode *n, const struct row *r, void *into)
{
    struct maxima *list = into;
    if (n->type != Y_MAP) {
        bind_expected(b, n, "channels with numbers such as { webchat: 3 }");
        return;
    }
    if (!bind_list_fits(b, n, LIM_LIST_ITEMS)) return;
    list->v = bind_alloc(b, n->count * sizeof *list->v);
    list->count = 0;
    if (!list->v) return;
    for (const struct ynode *c = n->first; c; c = c->next) {
        int64_t v;
        int channel = words_find(&channel_words, c->key);
        if (channel < 0) {
            findings_key(b->f, F_ERROR, c, "\"%.*s\" is not a channel%s", STR_FMT(findings_shown(c->key)),
                         findings_hint(b->f, c->key, channel_words.v, channel_words.count));
            continue;
        }
        struct channel_max *m = &list->v[list->count++];
        bind_ref_key(b, REF_CHANNEL, c, (int *)&m->channel);
        if (bind_whole(b, c, &v) && bind_within(b, c, r, v)) m->max = (uint32_t)v;
    }
}
static void schema_maxima(struct jw *w, const struct row *r)
{
    (void)r;
    schema_text_of(w, "object");
    jw_key(w, "propertyNames");
    jw_open(w, '{');
    schema_words(w, &(struct wordset){ &channel_words, 0, 0 });
    jw_close(w, '}');
    jw_key(w, "additionalProperties");
    jw_open(w, '{');
    K_U32.schema(w, r);
    jw_close(w, '}');
}
const struct kind K_MAXIMA = {
    .name = "channels with numbers", .example = "{ webchat: 3 }", .read = read_maxima, .schema = schema_maxima
};

/* ---- where a webhook and a secret are ---- */

/* What is behind the scheme: a host without a user in front of it, a path without spaces. */
static bool is_url(struct str s)
{
    size_t n = s.n > 8 && !memcmp(s.p, "https://", 8) ? 8 : s.n > 7 && !memcmp(s.p, "http://", 7) ? 7 : 0;
    if (!n || strchr("/:?#@", s.p[n])) return false;
    for (size_t i = n; i < s.n; i++)
        if ((unsigned char)s.p[i] <= ' ' || (unsigned char)s.p[i] >= 0x7f || strchr("\"<>\\", s.p[i])) return false;
    return true;
}

static void read_url(struct bind *b, const struct ynode *n, const struct row *r, void *into)
{
    if (!bind_is_scalar(b, n, "a URL such as https://bot.example/offers")) return;
    const char *slash = is_url(n->text) ? strchr(strstr(n->text.p, "//") + 2, '/') : NULL, *at = strchr(n->text.p, '@');
    if ((double)n->text.n > r->max) bind_error(b, n, "has %zu bytes; at most %.0f are allowed", n->text.n, r->max);
    else if (!is_url(n->text))
        bind_error(b, n, "\"%.*s\" is not a URL: write https://host/path, or http:// within your network",
                   STR_FMT(findings_shown(n->text)));
    else if (at && (!slash || at < slash))
        bind_error(b, n, "holds a user or password, which do not belong in this file: sign with \"secret\" instead");
    else *(const char **)into = bind_text(b, n->text);
}
static void schema_url(struct jw *w, const struct row *r)
{
    (void)r;
    schema_pattern(w, "^https?://[^/:?#@ ][^ ]*$");
}
const struct kind K_URL = { .name = "URL", .example = "https://bot.example/offers", .read = read_url, .schema = schema_url };

static void read_secret(struct bind *b, const struct ynode *n, const struct row *r, void *into)
{
    K_TEXT.read(b, n, &(struct row){ .min = 1, .max = r->max }, into);
    if (n->type == Y_SCALAR && !(n->text.n > 6 && !memcmp(n->text.p, "file:/", 6)) &&
        !(n->text.n > 4 && !memcmp(n->text.p, "env:", 4)))
        bind_error(b, n, "a secret does not belong in this file: write file:/path or env:NAME");
}
static void schema_secret(struct jw *w, const struct row *r)
{
    (void)r;
    schema_pattern(w, "^(file:/|env:).");
}
const struct kind K_SECRET = {
    .name = "`file:/path` or `env:NAME`", .example = "env:BOT_KEY", .read = read_secret, .schema = schema_secret
};

/* row->max is how many. */
static void read_secrets(struct bind *b, const struct ynode *n, const struct row *r, void *into)
{
    struct words_list *list = into;
    if (n->type == Y_MAP) {
        bind_expected(b, n, K_SECRET.name);
        return;
    }
    if (!bind_list_fits(b, n, (size_t)r->max) || !(list->v = bind_alloc(b, bind_count(n) * sizeof *list->v))) return;
    list->count = 0;
    for (const struct ynode *c = bind_first(n); c; c = c == n ? NULL : c->next) {
        list->v[list->count] = NULL;
        read_secret(b, c, &(struct row){ .max = 1024 }, &list->v[list->count]);
        if (list->v[list->count]) list->count++;
    }
}
static void schema_secrets(struct jw *w, const struct row *r) { schema_list_or_one(w, schema_secret, r); }
const struct kind K_SECRETS = { .name = "`file:/path` or `env:NAME`, or a list of two",
                                .example = "[env:KEY, file:/etc/naru/next.key]",
                                .read = read_secrets,
                                .schema = schema_secrets };
