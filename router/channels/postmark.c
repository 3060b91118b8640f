/* Postmark's inbound webhook. https://postmarkapp.com/developer/webhooks/inbound-webhook

   One JSON object a mail, its parts taken apart, attachments in base64 (35 MB in all). Nothing is signed: the secret stands in the
   address that the operator enters there, as the password of HTTP Basic (https://naru:SECRET@…) or as ?token=SECRET. Postmark sends
   again, ten times over half a day, what is not answered 200; a 403 ends that. */
#include "base/json.h"
#include "base/openssl.h"
#include "router/mail_hook.h"
#include "router/mail_send.h"
#include "router/sign.h"

#include <stdio.h>
#include <strings.h>

#define POSTMARK_BODY 36700160u /* 35 MiB */

/* ---- who asks ---- */

/* The password of "Basic base64(user:password)". False: there is none. */
static bool basic_password(struct str header, unsigned char out[1024], struct str *password)
{
    size_t n = 0;
    if (header.n < 7 || header.n > 1000 || strncasecmp(header.p, "Basic ", 6)) return false;
    if (sign_unbase64((struct str){ header.p + 6, header.n - 6 }, out, &n)) return false;
    const unsigned char *colon = memchr(out, ':', n);
    if (!colon) return false;
    *password = (struct str){ (const char *)colon + 1, n - (size_t)(colon + 1 - out) };
    return true;
}

static enum verified postmark_verify(const struct door *d, const struct delivery *in)
{
    unsigned char room[1024];
    struct str said;
    if (!basic_password(in->header(in->ctx, "authorization"), room, &said)) said = channel_raw(in->query, "token");
    if (!said.n) return UNSIGNED;
    bool good = channel_secret(d, said);
    OPENSSL_cleanse(room, sizeof room);
    if (!good) return BAD_SIGNATURE;
    return http_type_is(in->type, "application/json") ? VERIFIED : BAD_TYPE;
}

/* ---- the mail ---- */

static struct str text(const struct json *doc, const char *key) { return json_str(json_get(doc, key)); }

static struct str header(void *doc, const char *name)
{
    for (const struct json *h = json_first(json_get(doc, "Headers")); h; h = json_next(h))
        if (mail_is_name(text(h, "Name"), name)) return text(h, "Value");
    return STR_NONE;
}

static enum err read_head(struct mail *m, struct arena *arena, struct json *doc)
{
    bool nobody = str_is(header(doc, "Return-Path"), "<>"), report = http_type_is(header(doc, "Content-Type"), "multipart/report");
    struct mail_head h = { header, doc, nobody ? "" : NULL, report };
    enum err e = mail_take_head(m, arena, &h);
    if (!e && !m->id.n) e = mail_line(&m->id, arena, text(doc, "MessageID"), 256);
    if (!e && !m->id.n) e = ERR_PROTO;
    return e;
}

static enum err read_sender(struct mail *m, struct arena *arena, const struct json *doc)
{
    const struct json *full = json_get(doc, "FromFull");
    struct str address = text(full, "Email"), reply = text(doc, "ReplyTo");
    const char *open = memchr(reply.p ? reply.p : "", '<', reply.n),
               *shut = open ? memchr(open, '>', reply.n - (size_t)(open - reply.p)) : NULL;
    if (shut) reply = (struct str){ open + 1, (size_t)(shut - open) - 1 };
    enum err e = reply.n ? mail_take_from(m, arena, reply, STR_NONE) : ERR_OK;
    if (!e && reply.n) m->reply_to = m->from;
    return e ? e : mail_take_from(m, arena, address.n ? address : text(doc, "From"), text(full, "Name"));
}

static void sum_of(struct mail_file *f, struct arena *arena, struct str base64)
{
    unsigned char *bytes = arena_alloc(arena, base64.n / 4 * 3 + 4);
    uint8_t sum[SHA256_DIGEST_LENGTH];
    size_t n = 0;
    if (!bytes || sign_unbase64(base64, bytes, &n)) return;
    SHA256(bytes, n, sum);
    sign_hex(sum, sizeof sum, f->sha256);
    f->size = n;
}

static enum err read_files(struct mail *m, struct arena *arena, const struct json *doc)
{
    enum err e = ERR_OK;
    for (const struct json *a = json_first(json_get(doc, "Attachments")); a && !e; a = json_next(a)) {
        if (m->file_count == LIM_MAIL_FILES) {
            m->more_files++;
            continue;
        }
        struct mail_file *f = &m->files[m->file_count++];
        (void)json_is_u64(json_get(a, "ContentLength"), &f->size);
        e = mail_line(&f->name, arena, text(a, "Name"), 255);
        if (!e) e = mail_line(&f->type, arena, text(a, "ContentType"), 127);
        if (!e) sum_of(f, arena, text(a, "Content"));
    }
    return e;
}

static enum err postmark_mail(struct mail *m, struct arena *arena, struct str body, const char *type, char why[200])
{
    struct json *doc = NULL;
    const char *said = "";
    size_t at = 0;
    (void)type;
    memset(m, 0, sizeof *m);
    if (channel_json_parse(&doc, arena, body, &at, &said)) {
        snprintf(why, 200, "the body is no JSON: %s (at byte %zu)", said, at);
        return ERR_PROTO;
    }
    enum err e = read_head(m, arena, doc);
    if (e == ERR_PROTO) snprintf(why, 200, "the mail has neither a Message-ID nor a MessageID");
    if (!e) e = read_sender(m, arena, doc);
    if (!e) e = mail_line(&m->subject, arena, text(doc, "Subject"), 1024);
    if (!e) e = mail_take_parts(m, arena, text(doc, "TextBody"), text(doc, "HtmlBody"));
    if (!e) e = read_files(m, arena, doc);
    json_free(doc);
    return e;
}

static enum err postmark_read(struct channel_in *c) { return mail_hook_read(c, postmark_mail, NULL); }
static bool postmark_serve(struct channel_in *c) { return mail_hook_serve(c, postmark_mail, NULL); }

const struct provider provider_postmark = { .word = "postmark",
                                            .body_max = POSTMARK_BODY,
                                            .verify = postmark_verify,
                                            .read = postmark_read,
                                            .serve = postmark_serve,
                                            .sender = &mail_sender };
