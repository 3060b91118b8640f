/* Accounts beside their providers: a provider that is not for the account's channel, what it must be given and was not, what was
   given and nobody reads. What each needs is PROVIDER_MAP's; what each reads is `readers`. */
#include "config/lint.h"

#include <stdio.h>

static const struct provider_row {
    unsigned needs;
    const char *channels;
} rows[PROVIDER_COUNT] = {
#define PROVIDER_ROW(id, word, needs, channels) [id] = { needs, channels },
    PROVIDER_MAP(PROVIDER_ROW)
#undef PROVIDER_ROW
};

static bool has_word(const char *list, const char *word)
{
    size_t n = strlen(word);
    for (const char *p = list; (p = strstr(p, word)); p += n)
        if ((p == list || p[-1] == ' ') && (p[n] == ' ' || p[n] == '\0')) return true;
    return false;
}

static bool is_for(enum provider_id id, const char *channel) { return !*rows[id].channels || has_word(rows[id].channels, channel); }

/* The providers that are for the channel alone, as a list in words; "": any is. */
static void name_providers(const char *channel, char *out, size_t room)
{
    size_t n = 0;
    out[0] = '\0';
    for (unsigned i = 0; i < PROVIDER_COUNT && n < room; i++) {
        if (*rows[i].channels && is_for(i, channel))
            n += (size_t)snprintf(out + n, room - n, "%s%s", n ? ", " : "", provider_words.v[i]);
    }
    if (n < room) snprintf(out + n, room - n, "%sgeneric", n ? " or " : "");
}

static void check_channel(struct bind *b, const struct policy *p, const struct account *a, const struct ynode *n)
{
    char names[200];
    if (is_for(a->provider, p->channels[a->channel].name)) return;
    name_providers(p->channels[a->channel].name, names, sizeof names);
    findings_at(b->f, F_ERROR, tree_get(n, "provider"), "\"%s\" is for %s, and this account is on %s: there it is %s",
                provider_words.v[a->provider], rows[a->provider].channels, p->channels[a->channel].name, names);
}

static void check_needs(struct bind *b, const struct account *a, const struct ynode *n)
{
    const struct {
        unsigned bit;
        bool given;
        const char *key, *what;
    } needs[] = {
        { ACCOUNT_SECRET, a->secrets.count > 0, "secret", "what its webhooks are signed with" },
        { ACCOUNT_TOKEN, a->token != NULL, "token", "what replies are sent with" },
        { ACCOUNT_VERIFY, a->verify != NULL, "verify", "the word of its challenge" },
        { ACCOUNT_ID, a->id != NULL, "id", "what it calls this account" },
    };
    for (size_t i = 0; i < sizeof needs / sizeof *needs; i++) {
        if (!(rows[a->provider].needs & needs[i].bit) || needs[i].given) continue;
        findings_key(b->f, F_ERROR, n, "\"%s\" needs `%s`, %s: add it%s", provider_words.v[a->provider], needs[i].key,
                     needs[i].what, needs[i].bit == ACCOUNT_ID ? "" : ", as file:… or env:…");
    }
}

/* An address is one account's: the mail goes nowhere else. */
static void check_addresses(struct bind *b, const struct policy *p, uint32_t at, const struct ynode *n)
{
    const struct account *a = &p->accounts[at];
    const struct ynode *v = tree_get(n, "addresses");
    if (a->provider == PROVIDER_LMTP && !a->addresses.count)
        findings_key(b->f, F_ERROR, n, "\"lmtp\" needs `addresses`, whose mails it takes: add them, such as [help@shop.example]");
    for (uint32_t o = 0; v && a->provider == PROVIDER_LMTP && o < at; o++) {
        const struct account *other = &p->accounts[o];
        for (uint32_t i = 0; other->provider == PROVIDER_LMTP && i < other->addresses.count; i++) {
            for (uint32_t k = 0; k < a->addresses.count; k++) {
                if (strcmp(a->addresses.v[k], other->addresses.v[i]) == 0)
                    findings_at(b->f, F_ERROR, v, "%s is an address of the account %s already", a->addresses.v[k], other->name);
            }
        }
    }
}

/* What hands mails over must say as whom. */
static void check_smtp(struct bind *b, const struct account *a, const struct ynode *n)
{
    bool whole = a->from != NULL;
    for (uint32_t i = 0; i < a->addresses.count; i++) whole |= *a->addresses.v[i] != '@';
    bool read = a->provider == PROVIDER_LMTP || a->provider == PROVIDER_POSTMARK || a->provider == PROVIDER_MAILGUN;
    if (a->smtp && read && !whole)
        findings_at(b->f, F_ERROR, tree_get(n, "smtp"), "needs `from`, the address that replies come from");
}

void check_accounts(struct bind *b, const struct draft *d, const struct ynode *root)
{
    const struct ynode *all = tree_get(root, "accounts");
    for (uint32_t i = 0; i < d->p.account_count; i++) {
        const struct account *a = &d->p.accounts[i];
        const struct ynode *n = tree_get(all, a->name);
        if (!n || a->channel >= d->p.channel_count) continue;
        check_channel(b, &d->p, a, n);
        check_needs(b, a, n);
        check_addresses(b, &d->p, i, n);
        check_smtp(b, a, n);
    }
}

#define OF(provider) (1u << PROVIDER_##provider)
#define OF_MAIL      (OF(LMTP) | OF(POSTMARK) | OF(MAILGUN))
/* Who reads what; the others take no notice of it. (voice, signature, challenge, map and send have rules of their own.) */
static const struct reader_row {
    const char *key;
    unsigned readers;
} readers[] = {
    { "secret", ~(OF(NONE) | OF(LMTP)) },
    { "token", OF_MAIL | OF(TWILIO) | OF(META) | OF(LINE) | OF(SLACK) | OF(TELEGRAM) | OF(GENERIC) },
    { "verify", OF(META) | OF(GENERIC) },
    { "id", OF(TWILIO) | OF(META) | OF(LINE) | OF(SLACK) | OF(KAKAO) | OF(GENERIC) },
    { "from", OF_MAIL | OF(TWILIO) | OF(GENERIC) },
    { "api", OF(TWILIO) | OF(META) | OF(LINE) | OF(SLACK) | OF(TELEGRAM) | OF(KAKAO) },
    { "receipt", OF(KAKAO) },
    { "addresses", OF_MAIL },
    { "smtp", OF_MAIL },
    { "user", OF_MAIL },
    { "origins", OF(WIDGET) },
    { "widget", OF(WIDGET) },
};

static void name_readers(unsigned set, char *out, size_t room)
{
    size_t n = 0;
    out[0] = '\0';
    for (unsigned i = 0; i < PROVIDER_COUNT && n < room; i++)
        if (set >> i & 1) n += (size_t)snprintf(out + n, room - n, "%s%s", n ? ", " : "", provider_words.v[i]);
}

static void warn_unread(struct bind *b, const struct account *a, const struct ynode *n)
{
    char names[200];
    for (size_t i = 0; i < sizeof readers / sizeof *readers; i++) {
        const struct ynode *v = tree_get(n, readers[i].key);
        if (!v || readers[i].readers >> a->provider & 1) continue;
        name_readers(readers[i].readers, names, sizeof names);
        if (a->provider == PROVIDER_NONE) bind_warn(b, v, "does nothing: the account has no provider; name one, or take it out");
        else bind_warn(b, v, "does nothing: the provider %s does not read it; it is for %s", provider_words.v[a->provider], names);
    }
}

/* Agents would write into the void. Without a `token` they are put on record for others to send. */
static void warn_replies(struct bind *b, const struct policy *p, const struct account *a, const struct ynode *n)
{
    static const enum provider_id tokens[] = { PROVIDER_META, PROVIDER_LINE, PROVIDER_SLACK, PROVIDER_TELEGRAM };
    bool mail = a->provider == PROVIDER_LMTP || a->provider == PROVIDER_POSTMARK || a->provider == PROVIDER_MAILGUN;
    bool text = a->provider == PROVIDER_TWILIO && strcmp(p->channels[a->channel].name, "voice") != 0;
    if (mail && !a->smtp)
        findings_key(b->f, F_WARN, n,
                     "every reply fails: no mail server takes them; add `smtp`, such as smtps://mail.shop.example:465");
    if (text && !a->id) findings_key(b->f, F_WARN, n, "every reply fails: add `id`, Twilio's AccountSid");
    for (size_t i = 0; i < sizeof tokens / sizeof *tokens; i++) {
        if (a->provider == tokens[i] && !a->token)
            findings_key(b->f, F_WARN, n, "replies are put on record and not sent: add `token`, what they are sent with");
    }
}

/* What is written for callers and cannot be kept. */
static void warn_voice(struct bind *b, const struct policy *p, const struct account *a, const struct ynode *n)
{
    const struct ynode *v = tree_get(n, "voice");
    bool calls = a->provider == PROVIDER_TWILIO && !strcmp(p->channels[a->channel].name, "voice");
    uint32_t phones = 0;
    for (uint32_t i = 0; i < p->agent_count; i++) phones += p->agents[i].phone != NULL;
    if (!calls && v) findings_key(b->f, F_WARN, v, "does nothing: it is for accounts of the provider twilio on the channel voice");
    if (!calls) return;
    if (!a->voice.connect && !phones)
        findings_key(b->f, F_WARN, n, "callers wait for ever: no agent has a `phone`, and the account no `voice.connect`; add one");
    if (a->voice.callback && !(a->id && a->from && p->public_url))
        findings_key(
            b->f, F_WARN, tree_get(v, "callback"),
            "nobody is called back: that takes the account's `id`, its `from` and the policy's `public-url`; add what is missing");
}

void warn_accounts(struct bind *b, const struct draft *d, const struct ynode *root)
{
    const struct ynode *all = tree_get(root, "accounts");
    for (uint32_t i = 0; i < d->p.account_count; i++) {
        const struct account *a = &d->p.accounts[i];
        const struct ynode *n = tree_get(all, a->name);
        if (!n) continue;
        warn_unread(b, a, n);
        warn_replies(b, &d->p, a, n);
        warn_voice(b, &d->p, a, n);
        if (a->provider == PROVIDER_TWILIO && !d->p.public_url)
            findings_key(b->f, F_WARN, n,
                         "its webhooks are refused unless they are addressed to us as http://HOST/…: Twilio signs the address; add "
                         "`public-url`, as it was given to Twilio");
    }
}
