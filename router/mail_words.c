/* From the pieces of a mail to what an event needs: ids, sender, own words, and whether a person wrote it at all.

   The loop guard. Two machines that answer each other never stop; so what a machine wrote, or may have, is told apart here, by what
   RFC 3834 asks programs to say and by what they say who never read it. A mail that is only marked still becomes an event: it is
   for the policy to say what a newsletter is worth. What is never done for such a one is an automatic answer. */
#include "base/quote.h"
#include "router/mail_ids.h"
#include "router/mail_text.h"

#include <stdlib.h>
#include <strings.h>

#define MAIL_AUTO_WORD(id, word) word,
const char *const mail_auto_words[MAIL_AUTO_COUNT] = { MAIL_AUTO_MAP(MAIL_AUTO_WORD) };

/* ---- small texts ---- */

static enum err copy(struct str *out, struct arena *arena, struct str s)
{
    *out = (struct str){ arena_strdup(arena, s), s.n };
    return out->p ? ERR_OK : ERR_NOMEM;
}

static struct str trim(struct str s)
{
    while (s.n && (*s.p == ' ' || (*s.p >= '\t' && *s.p <= '\r'))) s.p++, s.n--;
    while (s.n && (s.p[s.n - 1] == ' ' || (s.p[s.n - 1] >= '\t' && s.p[s.n - 1] <= '\r'))) s.n--;
    return s;
}

/* The longest front of it that is not longer than `max` and cuts no character. */
static struct str clip(struct str s, size_t max)
{
    if (s.n <= max) return s;
    for (s.n = max; s.n && ((unsigned char)s.p[s.n] & 0xC0) == 0x80;) s.n--;
    return s;
}

enum err mail_line(struct str *out, struct arena *arena, struct str text, size_t max)
{
    struct buf b;
    buf_init(&b, LIM_MAIL_HEAD * 3 + 16);
    mail_clean(&b, clip(text, LIM_MAIL_HEAD));
    for (size_t i = 0; i < b.n; i++)
        if (b.p[i] == '\n' || b.p[i] == '\t') b.p[i] = ' ';
    enum err err = b.err ? ERR_NOMEM : copy(out, arena, clip(trim(buf_str(&b)), max));
    buf_fini(&b);
    return err;
}

/* The first word of a header's value, without case: "auto-replied; owner-email=…" is auto-replied. */
static bool says(struct str value, const char *word)
{
    size_t n = strlen(word);
    value = trim(value);
    return value.n >= n && strncasecmp(value.p, word, n) == 0 && (value.n == n || strchr(" ;,\t\r\n(", value.p[n]));
}

/* ---- ids ---- */

static void push_ref(struct mail *m, struct str id)
{
    for (uint32_t i = 0; i < m->ref_count; i++)
        if (str_eq(m->refs[i], id)) return;
    if (m->ref_count < LIM_MAIL_REFS) m->refs[m->ref_count++] = id;
}

/* Of many the last ones count, and the first is the root. */
static void take_references(struct mail *m, struct str all)
{
    struct str last[LIM_MAIL_REFS], id;
    size_t n = 0;
    while ((id = mail_next_id(&all)).n) {
        if (!n) m->root = id;
        last[n++ % LIM_MAIL_REFS] = id;
    }
    for (size_t i = 0; i < n && i < LIM_MAIL_REFS; i++) push_ref(m, last[(n - 1 - i) % LIM_MAIL_REFS]);
}

static enum err take_ids(struct mail *m, struct arena *arena, const struct mail_head *h)
{
    struct str id = h->message_id, reply, refs, answered;
    enum err err = copy(&reply, arena, h->in_reply_to);
    if (!err) err = copy(&refs, arena, h->references);
    if (err) return err;
    m->ref_count = 0;
    m->root = STR_NONE;
    answered = mail_next_id(&reply);
    if (answered.n) push_ref(m, answered);
    take_references(m, refs);
    if (!m->root.n) m->root = answered;
    return copy(&m->id, arena, mail_next_id(&id));
}

/* ---- machines ---- */

static bool is_loop(const struct mail *m)
{
    struct id ticket;
    char conversation[101];
    return mail_own_id(m->id, &ticket, conversation);
}

static enum mail_auto automatic(const struct mail *m, const struct mail_head *h)
{
    bool submitted = h->auto_submitted.n && !says(h->auto_submitted, "no");
    if (is_loop(m)) return AUTO_LOOP;
    if (h->report || (h->envelope_from && !*h->envelope_from && !submitted)) return AUTO_BOUNCE;
    if (says(h->auto_submitted, "auto-replied") || says(h->auto_submitted, "auto-notified") || h->autoreply.n ||
        says(h->precedence, "auto_reply"))
        return AUTO_REPLY;
    if (submitted) return h->envelope_from && !*h->envelope_from ? AUTO_REPLY : AUTO_GENERATED;
    if (h->list_id.n || says(h->precedence, "list")) return AUTO_LIST;
    if (says(h->precedence, "bulk") || says(h->precedence, "junk")) return AUTO_BULK;
    if (h->suppress.n && !says(h->suppress, "none")) return AUTO_SUPPRESS;
    return AUTO_NO;
}

enum err mail_take_head(struct mail *m, struct arena *arena, const struct mail_head *h)
{
    enum err err = take_ids(m, arena, h);
    if (!err) m->automatic = automatic(m, h);
    return err;
}

/* ---- sender and words ---- */

enum err mail_take_from(struct mail *m, struct arena *arena, struct str address, struct str name)
{
    struct str clean;
    enum err err = mail_line(&clean, arena, address, 256);
    if (!err) err = mail_line(&m->name, arena, name, 256);
    if (err) return err;
    char *p = (char *)clean.p, *at = memrchr(p, '@', clean.n);
    for (; at && at < p + clean.n; at++)
        if (*at >= 'A' && *at <= 'Z') *at |= 0x20;
    m->from = clean;
    return ERR_OK;
}

enum err mail_take_text(struct mail *m, struct arena *arena, struct str text, struct str said)
{
    struct buf b;
    struct str whole = said.n && trim(said).n ? said : text;
    buf_init(&b, LIM_MAIL_HTML * 3 + 16);
    mail_clean(&b, clip(whole, LIM_MAIL_HTML));
    char *room = b.err ? NULL : malloc(b.n + 1);
    enum err err = room ? ERR_OK : ERR_NOMEM;
    if (!err) {
        struct str own = trim(quote_own_words(trim(buf_str(&b)), STR("email"), room, b.n)), kept = clip(own, LIM_TEXT);
        m->cut = kept.n < own.n || whole.n > LIM_MAIL_HTML;
        err = copy(&m->text, arena, kept);
    }
    free(room);
    buf_fini(&b);
    return err;
}

enum err mail_take_parts(struct mail *m, struct arena *arena, struct str plain, struct str html)
{
    struct buf page;
    buf_init(&page, LIM_MAIL_HTML * 3 + 16);
    if (html.n > LIM_MAIL_HTML) html.n = LIM_MAIL_HTML;
    if (!plain.n) mail_unhtml(&page, html);
    enum err err = page.err ? ERR_NOMEM : mail_take_text(m, arena, plain.n ? plain : buf_str(&page), STR_NONE);
    buf_fini(&page);
    return err;
}
