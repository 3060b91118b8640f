/* Requests to Twilio's REST API, and what its answers mean for a message.
   https://www.twilio.com/docs/messaging/api/message-resource#create-a-message-resource
   https://www.twilio.com/docs/api/errors

   Twilio has no key by which it could tell that a second request is the first one again: what may have arrived is not repeated. */
#include "router/channels/post.h"
#include "router/channels/twilio.h"

#include <stdio.h>

#define TEXT_MAX  1600u /* code points of one message; longer ones Twilio refuses (21617) */
#define WINDOW_MS 86400000u

/* ---- forms and addresses ---- */

void twilio_escape(struct buf *out, struct str s)
{
    static const char hex[] = "0123456789ABCDEF";
    for (size_t i = 0; i < s.n; i++) {
        unsigned char b = (unsigned char)s.p[i];
        bool plain = (b >= '0' && b <= '9') || ((b | 0x20) >= 'a' && (b | 0x20) <= 'z') || (b && strchr("-_.~", b));
        if (plain) buf_addc(out, (char)b);
        else buf_addc(out, '%'), buf_addc(out, hex[b >> 4]), buf_addc(out, hex[b & 15]);
    }
}

void twilio_add(struct buf *form, const char *name, struct str value)
{
    if (form->n) buf_addc(form, '&');
    buf_addz(form, name);
    buf_addc(form, '=');
    twilio_escape(form, value);
}

enum err twilio_url(const struct door *d, struct buf *url, const char *path, char why[200])
{
    const struct account *a = d->account;
    if (!a->id) return post_refuse(why, "account \"%s\" has no `id`: Twilio's AccountSid is needed to send", a->name);
    buf_addz(url, a->api ? a->api : TWILIO_API);
    buf_addz(url, "/2010-04-01/Accounts/");
    twilio_escape(url, str_of(a->id));
    buf_addz(url, path);
    return ERR_OK;
}

void twilio_login(const struct door *d, struct str *user, struct str *password)
{
    const struct secret *s = d->token.n ? &d->token : &d->secrets[0];
    const char *colon = d->token.n ? memchr(s->p, ':', s->n) : NULL;
    size_t n = colon ? (size_t)(colon - s->p) : 0;
    *user = colon ? (struct str){ s->p, n } : str_of(d->account->id);
    *password = colon ? (struct str){ colon + 1, s->n - n - 1 } : (struct str){ s->p, s->n };
}

bool twilio_door_url(const struct door *d, struct buf *out)
{
    if (!d->policy->public_url) return false;
    buf_addz(out, d->policy->public_url);
    buf_addz(out, "/v1/channels/");
    twilio_escape(out, str_of(d->account->name));
    return true;
}

/* ---- a message ---- */

static bool on_whatsapp(const struct door *d) { return !strcmp(d->channel, "whatsapp"); }

static bool begins(struct str s, const char *with)
{
    size_t n = strlen(with);
    return s.n >= n && !memcmp(s.p, with, n);
}

static void add_number(const struct door *d, struct buf *form, const char *name, struct str number)
{
    twilio_add(form, name, STR_NONE);
    if (on_whatsapp(d) && !begins(number, "whatsapp:")) twilio_escape(form, STR("whatsapp:"));
    twilio_escape(form, number);
}

/* The policy's number or messaging service; else the number that the customer wrote to. */
static enum err add_from(const struct door *d, const struct message_out *m, struct buf *form, char why[200])
{
    struct str from = d->account->from ? str_of(d->account->from) : m->with;
    if (!from.n)
        return post_refuse(why, "account \"%s\" has no `from`, and it is not known which number the customer wrote to",
                           d->account->name);
    if (from.n == 34 && begins(from, "MG")) twilio_add(form, "MessagingServiceSid", from);
    else add_number(d, form, "From", from);
    return ERR_OK;
}

static enum err plan_text(const struct door *d, const struct message_out *m, struct send_plan *out, char why[200])
{
    enum err e = twilio_url(d, &out->url, "/Messages.json", why);
    struct buf back;
    if (!m->customer.n) return post_refuse(why, "the customer's number is not known");
    out->how = SEND_HTTP;
    out->method = "POST";
    buf_addz(&out->headers, "Content-Type: application/x-www-form-urlencoded\n");
    if (!e) e = add_from(d, m, &out->body, why);
    if (e) return e;
    add_number(d, &out->body, "To", m->customer);
    twilio_add(&out->body, "Body", m->text);
    buf_init(&back, 4096);
    if (twilio_door_url(d, &back)) {
        buf_addz(&back, "/status");
        twilio_add(&out->body, "StatusCallback", buf_str(&back));
    }
    buf_fini(&back);
    twilio_login(d, &out->user, &out->password);
    return ERR_OK;
}

static const struct judge_row codes[] = {
    { 20003, SEND_REFUSED, "the account's id or token is not right" },
    { 20429, SEND_AGAIN, "too many requests" },
    { 21211, SEND_REFUSED, "the customer's number is none" },
    { 21408, SEND_REFUSED, "this account may not send to that country" },
    { 21606, SEND_REFUSED, "`from` is no number that may send there" },
    { 21610, SEND_REFUSED, "the customer has opted out (STOP)" },
    { 21614, SEND_REFUSED, "the customer's number takes no messages" },
    { 21617, SEND_REFUSED, "the text is too long" },
    { 63016, SEND_REFUSED, "more than 24 hours after the customer's last message WhatsApp takes approved templates alone" },
    { 0, SEND_REFUSED, NULL },
};

static void judge_error(const struct send_answer *a, const struct json *doc, struct send_result *out)
{
    uint64_t code = 0;
    struct str said = json_str(json_get(doc, "message"));
    (void)json_is_u64(json_get(doc, "code"), &code);
    const struct judge_row *row = judge_find(codes, (long)code);
    if (row) judge_end(out, row->end, "Twilio %ld: %s", row->code, row->sentence);
    else
        judge_end(out, SEND_REFUSED, "Twilio %llu: %.*s", (unsigned long long)(code ? code : a->status),
                  (int)(said.n < 150 ? said.n : 150), said.n ? said.p : "refused");
}

static void judge_text(const struct door *d, const struct send_answer *a, struct send_result *out)
{
    struct json *doc = judge_body(a);
    (void)d;
    judge_status(a, out);
    if (a->status >= 500) judge_end(out, SEND_UNKNOWN, "Twilio answered %u: it may have the message", a->status);
    else if (out->end == SEND_REFUSED) judge_error(a, doc, out);
    else if (out->end == SEND_DONE) judge_external(out, json_str(json_get(doc, "sid")));
    json_free(doc);
}

static const struct sender sms_sender = { .text_max = TEXT_MAX, .plan = plan_text, .judge = judge_text };
static const struct sender whatsapp_sender = {
    .text_max = TEXT_MAX, .window_ms = WINDOW_MS, .plan = plan_text, .judge = judge_text
};

const struct sender *twilio_sender(const struct door *d)
{
    if (on_whatsapp(d)) return &whatsapp_sender;
    return strcmp(d->channel, "sms") ? NULL : &sms_sender;
}
