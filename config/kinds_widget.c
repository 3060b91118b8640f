#include "config/draft.h"

#include <string.h>

/* ---- kinds of the web chat: pages that may use it, a colour ---- */

/* An origin as a browser writes it (RFC 6454, 6.2): scheme, host in lower case, a port that is not the scheme's own; nothing
 * behind. */
static bool is_origin(struct str s)
{
    size_t n = s.n > 8 && !memcmp(s.p, "https://", 8) ? 8 : s.n > 7 && !memcmp(s.p, "http://", 7) ? 7 : 0;
    if (!n || strchr(".:-", s.p[n])) return false;
    size_t host = strspn(s.p + n, "abcdefghijklmnopqrstuvwxyz0123456789.-[]:");
    const char *port = s.p[n] == '[' ? strstr(s.p, "]:") : strchr(s.p + n, ':');
    if (n + host != s.n) return false;
    if (!port) return true;
    port += *port == ']' ? 2 : 1;
    return *port && strlen(port) <= 5 && strspn(port, "0123456789") == strlen(port) && strcmp(port, n == 8 ? "443" : "80") != 0;
}

static void read_origin(struct bind *b, const struct ynode *c, struct words_list *list)
{
    if (!bind_is_scalar(b, c, "an origin such as https://shop.example")) return;
    if (str_is(c->text, "*"))
        bind_warn(b, c, "lets any page of the world open chats in this account's name: list the pages of your own instead");
    else if (c->text.n > 256 || !is_origin(c->text)) {
        bind_error(b, c,
                   "\"%.*s\" is not an origin: write https://host in lower case, with :port only when it is not the usual one, and "
                   "nothing behind it",
                   STR_FMT(findings_shown(c->text)));
        return;
    }
    list->v[list->count++] = bind_text(b, c->text);
}

/* row->max is how many. */
static void read_origins(struct bind *b, const struct ynode *n, const struct row *r, void *into)
{
    struct words_list *list = into;
    if (n->type == Y_MAP) {
        bind_expected(b, n, "an origin or a list of origins");
        return;
    }
    if (!bind_list_fits(b, n, (uint32_t)r->max) || !(list->v = bind_alloc(b, bind_count(n) * sizeof *list->v))) return;
    list->count = 0;
    for (const struct ynode *c = bind_first(n); c; c = c == n ? NULL : c->next) read_origin(b, c, list);
}
static void schema_origin(struct jw *w, const struct row *r)
{
    (void)r;
    schema_pattern(w, "^(\\*|https?://[a-z0-9.\\[\\]:-]+)$");
}
static void schema_origins(struct jw *w, const struct row *r) { schema_list_or_one(w, schema_origin, r); }
const struct kind K_ORIGINS = {
    .name = "origin or list of origins", .example = "[https://shop.example]", .read = read_origins, .schema = schema_origins
};

static void read_colour(struct bind *b, const struct ynode *n, const struct row *r, void *into)
{
    (void)r;
    if (!bind_is_scalar(b, n, "a colour such as \"#1f4fd8\"")) return;
    if (n->text.n != 7 || n->text.p[0] != '#' || strspn(n->text.p + 1, "0123456789abcdefABCDEF") != 6)
        bind_error(b, n, "\"%.*s\" is not a colour: write \"#\" and six hexadecimal digits, in quotes",
                   STR_FMT(findings_shown(n->text)));
    else *(const char **)into = bind_text(b, n->text);
}
static void schema_colour(struct jw *w, const struct row *r)
{
    (void)r;
    schema_pattern(w, "^#[0-9a-fA-F]{6}$");
}
const struct kind K_COLOUR = { .name = "colour", .example = "\"#1f4fd8\"", .read = read_colour, .schema = schema_colour };
