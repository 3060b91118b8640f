/* Mailgun's inbound routes. https://documentation.mailgun.com/docs/mailgun/user-manual/receive-forward-store/

   A form a mail: multipart/form-data with attachments, else often urlencoded. To an address that ends in "mime" the mail comes
   whole, in `body-mime`; else taken apart. Signed are `timestamp` and `token` alone (HMAC-SHA256 under the webhook signing key,
   hex), not the rest. So whoever catches one request could send another under its signature for five minutes; therefore a token
   that has brought one mail brings no other: the door remembers the last ones. Mailgun sends again, for eight hours, what is
   answered otherwise than 2xx and 406. */
#include "base/json.h"
#include "base/openssl.h"
#include "router/http_req.h"
#include "router/mail_hook.h"
#include "router/mail_send.h"
#include "router/multipart.h"
#include "router/sign.h"

#include <stdio.h>
#include <stdlib.h>

#define MAILGUN_BODY   36700160u /* 35 MiB: a mail of 25 with its attachments as they are */
#define MAILGUN_TOKENS 8192u

/* ---- who asks ---- */

static bool is_multipart(struct str type) { return http_type_is(type, "multipart/form-data"); }
static bool is_form(struct str type) { return http_type_is(type, "application/x-www-form-urlencoded"); }

/* One whose value needs no decoding (digits, hex). */
static struct str field(const struct delivery *in, const char *name)
{
    return is_multipart(in->type) ? multipart_peek(in->type, in->body, name) : channel_raw(in->body, name);
}

static enum verified mailgun_verify(const struct door *d, const struct delivery *in)
{
    if (!is_multipart(in->type) && !is_form(in->type)) return BAD_TYPE;
    struct str parts[2] = { field(in, "timestamp"), field(in, "token") }, said = field(in, "signature");
    uint64_t at;
    if (!parts[0].n || !parts[1].n || !said.n) return UNSIGNED;
    if (!channel_signed(d, SIGN_SHA256, parts, 2, said, sign_is_hex)) return BAD_SIGNATURE;
    if (str_u64(parts[0], 0, UINT64_MAX / 1000, &at)) return BAD_FORM;
    return channel_now(in, at * 1000) ? VERIFIED : OLD_TIMESTAMP;
}

/* ---- tokens that were used ---- */

struct used {
    uint8_t token[16], mail[16]; /* of their SHA-256 */
};
struct mailgun {
    struct used v[MAILGUN_TOKENS];
    uint32_t next;
};

static void short_hash(struct str s, uint8_t out[16])
{
    uint8_t sum[SHA256_DIGEST_LENGTH];
    SHA256((const unsigned char *)(s.p ? s.p : ""), s.n, sum);
    memcpy(out, sum, 16);
}

/* May this token bring this mail? It is remembered with it. */
static bool token_good(struct door *d, struct str token, struct str mail)
{
    struct mailgun *g = d->own ? d->own : (d->own = calloc(1, sizeof *g));
    struct used u;
    if (!g) return false;
    short_hash(token, u.token);
    short_hash(mail, u.mail);
    for (uint32_t i = 0; i < MAILGUN_TOKENS; i++)
        if (!memcmp(g->v[i].token, u.token, sizeof u.token)) return !memcmp(g->v[i].mail, u.mail, sizeof u.mail);
    g->v[g->next++ % MAILGUN_TOKENS] = u;
    return true;
}

static void mailgun_close(struct door *d)
{
    free(d->own);
    d->own = NULL;
}

/* ---- a mail taken apart ---- */

struct apart {
    const struct form *form;
    const struct json *headers; /* [["Name", "value"], …]; NULL */
};

/* A header is a field of the form, or stands in the list of all. */
static struct str header(void *ctx, const char *name)
{
    const struct apart *a = ctx;
    for (uint32_t i = 0; i < a->form->count; i++) {
        const struct form_part *p = &a->form->parts[i];
        if (!p->file.n && p->value.n && mail_is_name(p->name, name)) return p->value;
    }
    for (const struct json *h = json_first(a->headers); h; h = json_next(h)) {
        const struct json *k = json_first(h);
        if (mail_is_name(json_str(k), name)) return json_str(json_next(k));
    }
    return STR_NONE;
}

static enum err take_head(struct mail *m, struct arena *arena, const struct form *f, const struct json *headers)
{
    struct str sender = form_field(f, "sender");
    bool nobody = form_get(f, "sender") && (!sender.n || str_is(sender, "<>"));
    struct apart a = { f, headers };
    struct mail_head h = { header, &a, nobody ? "" : NULL, http_type_is(form_field(f, "Content-Type"), "multipart/report") };
    return mail_take_head(m, arena, &h);
}

/* `from` is a header: "Name <address>". */
static enum err take_sender(struct mail *m, struct arena *arena, const struct form *f)
{
    struct str from = form_field(f, "from"), name = STR_NONE, address = from.n ? from : form_field(f, "sender");
    const char *open = address.n ? memrchr(address.p, '<', address.n) : NULL,
               *shut = open ? memchr(open, '>', address.n - (size_t)(open - address.p)) : NULL;
    if (shut) {
        name = (struct str){ address.p, (size_t)(open - address.p) };
        address = (struct str){ open + 1, (size_t)(shut - open) - 1 };
    }
    while (name.n && (name.p[name.n - 1] == ' ' || name.p[name.n - 1] == '"')) name.n--;
    while (name.n && *name.p == '"') name.p++, name.n--;
    return mail_take_from(m, arena, address, name);
}

static void take_files(struct mail *m, const struct form *f)
{
    m->file_count = form_files(f, m->files, &m->more_files);
    m->more_files += f->more;
}

static enum err take_apart(struct mail *m, struct arena *arena, const struct form *f, char why[200])
{
    struct json *headers = NULL;
    struct str said = form_field(f, "message-headers");
    const char *sentence;
    size_t at;
    if (said.n && json_parse(&headers, said, 8, &at, &sentence)) headers = NULL; /* without them there are the fields */
    enum err e = take_head(m, arena, f, headers);
    if (!e && !m->id.n) e = mail_line(&m->id, arena, form_field(f, "token"), 256); /* a mail without one is known by its delivery */
    if (!e) e = take_sender(m, arena, f);
    if (!e) e = mail_line(&m->subject, arena, form_field(f, "subject"), 1024);
    if (!e) e = mail_take_parts(m, arena, form_field(f, "body-plain"), form_field(f, "body-html"));
    if (!e && !m->from.n && !m->text.n) {
        snprintf(why, 200, "the form has neither `from` nor `body-plain`: is it a mail?");
        e = ERR_PROTO;
    }
    if (!e) take_files(m, f);
    json_free(headers);
    return e;
}

static enum err mailgun_mail(struct mail *m, struct arena *arena, struct str body, const char *type, char why[200])
{
    struct form *f = arena_alloc(arena, sizeof *f);
    memset(m, 0, sizeof *m);
    if (!f) return ERR_NOMEM;
    const char *said = "a field's escapes are broken";
    enum err e = is_multipart(str_of(type)) ? multipart_read(f, arena, str_of(type), body, &said) : form_urlencoded(f, arena, body);
    if (!e && f->bad) e = ERR_PROTO;
    if (e == ERR_PROTO) snprintf(why, 200, "the form cannot be read: %s", said);
    if (e) return e;
    const struct form_part *whole = form_get(f, "body-mime");
    struct str sender = form_field(f, "sender");
    char from[400];
    if (sender.n >= sizeof from) sender = STR_NONE;
    snprintf(from, sizeof from, "%.*s", STR_FMT(sender));
    return whole ? mail_read(m, arena, whole->value, form_get(f, "sender") ? from : NULL) : take_apart(m, arena, f, why);
}

/* ---- the row ---- */

/* By the id that its event will have, however a field spells it: a token that comes again brings no other event. */
static enum err mailgun_check(struct channel_in *c, const struct mail *m)
{
    if (token_good(c->door, field(c->in, "token"), m->id)) return ERR_OK;
    return channel_refuse(c, 401, "replay", "this token has brought another mail before");
}

static enum err mailgun_read(struct channel_in *c) { return mail_hook_read(c, mailgun_mail, mailgun_check); }
static bool mailgun_serve(struct channel_in *c) { return mail_hook_serve(c, mailgun_mail, mailgun_check); }

const struct provider provider_mailgun = { .word = "mailgun",
                                           .body_max = MAILGUN_BODY,
                                           .verify = mailgun_verify,
                                           .read = mailgun_read,
                                           .serve = mailgun_serve,
                                           .close = mailgun_close,
                                           .sender = &mail_sender };
