/* Kinds of values that accounts of mail have: addresses, and the server that mails are handed to. */
#include "config/draft.h"

#include <stdio.h>

/* Letters of a mail address that need no quoting (RFC 5321, and UTF-8 by RFC 6531). */
static bool is_atom(char c) { return (unsigned char)c > ' ' && c != 0x7f && !strchr("\"(),:;<>@[\\]", c); }

/* "local@domain", or "@domain". */
static bool is_address(struct str s)
{
    const char *at = memchr(s.p, '@', s.n);
    if (!at || (size_t)(at - s.p) > 64) return false;
    struct str domain = { at + 1, (size_t)(s.p + s.n - at - 1) };
    if (!domain.n || domain.p[0] == '.' || domain.p[domain.n - 1] == '.') return false;
    for (size_t i = 0; i < s.n; i++)
        if (&s.p[i] != at && !is_atom(s.p[i])) return false;
    return true;
}

static const char *lower_text(struct bind *b, struct str s)
{
    char text[257];
    for (size_t i = 0; i < s.n; i++) text[i] = s.p[i] >= 'A' && s.p[i] <= 'Z' ? (char)(s.p[i] | 0x20) : s.p[i];
    return bind_text(b, (struct str){ text, s.n });
}

/* row->max is how many. */
static void read_addresses(struct bind *b, const struct ynode *n, const struct row *r, void *into)
{
    struct words_list *list = into;
    if (n->type == Y_MAP) {
        bind_expected(b, n, "a mail address or a list of them");
        return;
    }
    if (!bind_list_fits(b, n, (size_t)r->max) || !(list->v = bind_alloc(b, bind_count(n) * sizeof *list->v))) return;
    list->count = 0;
    for (const struct ynode *c = bind_first(n); c; c = c == n ? NULL : c->next) {
        if (!bind_is_scalar(b, c, "a mail address")) continue;
        if (c->text.n > 256) bind_error(b, c, "has %zu bytes; at most 256 are allowed", c->text.n);
        else if (!c->text.n || !is_address(c->text))
            bind_error(b, c, "\"%.*s\" is not a mail address: write help@shop.example, or \"@shop.example\" for a whole domain",
                       STR_FMT(findings_shown(c->text)));
        else if ((list->v[list->count] = lower_text(b, c->text))) list->count++;
    }
}
static void schema_address(struct jw *w, const struct row *r)
{
    (void)r;
    schema_pattern(w, "^[^@ ]*@[^@ .][^@ ]*$");
}
static void schema_addresses(struct jw *w, const struct row *r) { schema_list_or_one(w, schema_address, r); }
const struct kind K_ADDRESSES = {
    .name = "mail address, or a list of them", .example = "[help@shop.example]", .read = read_addresses, .schema = schema_addresses
};

/* smtp://host[:port] or smtps://host[:port], nothing behind. */
static bool is_smtp(struct str s)
{
    size_t n = s.n > 8 && !memcmp(s.p, "smtps://", 8) ? 8 : s.n > 7 && !memcmp(s.p, "smtp://", 7) ? 7 : 0;
    if (!n) return false;
    const char *colon = memchr(s.p + n, ':', s.n - n);
    struct str host = { s.p + n, (colon ? (size_t)(colon - s.p) : s.n) - n };
    uint64_t port;
    if (!host.n || (colon && str_u64((struct str){ colon + 1, (size_t)(s.p + s.n - colon - 1) }, 1, 65535, &port))) return false;
    for (size_t i = 0; i < host.n; i++)
        if (!is_atom(host.p[i]) || strchr("/?#%", host.p[i])) return false;
    return true;
}
static void read_smtp(struct bind *b, const struct ynode *n, const struct row *r, void *into)
{
    if (!bind_is_scalar(b, n, "a mail server such as smtps://mail.shop.example:465")) return;
    if ((double)n->text.n > r->max) bind_error(b, n, "has %zu bytes; at most %.0f are allowed", n->text.n, r->max);
    else if (!is_smtp(n->text))
        bind_error(b, n,
                   "\"%.*s\" is not a mail server: write smtps://host:465, or smtp://host:587; user and password stand in `user` "
                   "and `token`",
                   STR_FMT(findings_shown(n->text)));
    else *(const char **)into = bind_text(b, n->text);
}
static void schema_smtp(struct jw *w, const struct row *r)
{
    (void)r;
    schema_pattern(w, "^smtps?://[^/:?#@ ]+(:[0-9]+)?$");
}
const struct kind K_SMTP = {
    .name = "mail server", .example = "smtps://mail.shop.example:465", .read = read_smtp, .schema = schema_smtp
};
