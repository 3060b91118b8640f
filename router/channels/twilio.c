/* Twilio: SMS, WhatsApp and calls, by which channel the account is on.
   https://www.twilio.com/docs/messaging/guides/webhook-request
   https://www.twilio.com/docs/usage/security#validating-requests

   A request is a signed form; or a body of any type whose SHA-256 stands in the signed address (`bodySHA256`). There is no time in
   it: a replay is the same MessageSid or CallSid again, and so the same event. Texts are answered with an empty TwiML document, so
   that Twilio sends nothing by itself. What becomes of our own messages comes to …/status, and is none of the customer's words.

   Calls are twilio_calls.c's. */
#include "router/channels/twilio.h"

#include "base/openssl.h"
#include "router/channels/pick.h"
#include "router/channels/twiml.h"
#include "router/router.h"
#include "router/sign.h"

#include <stdio.h>

#define MEDIA_MOST 10u

/* ---- verify ---- */

static bool is_form(struct str type) { return http_type_is(type, "application/x-www-form-urlencoded"); }

static bool body_is(struct str body, struct str hash)
{
    struct mac m = { .n = SHA256_DIGEST_LENGTH };
    SHA256((const unsigned char *)(body.n ? body.p : ""), body.n, m.p);
    return sign_is_hex(&m, hash);
}

/* The address alone is signed, and in it the hash of whatever the body is. */
static bool hash_signed(const struct door *d, const struct delivery *in, struct str said, struct str hash)
{
    bool of_url = twilio_signed(d, in->url, NULL, said), of_body = body_is(in->body, hash);
    return of_url && of_body;
}

static enum verified verify_form(const struct door *d, const struct delivery *in, struct str said, struct str hash)
{
    struct twilio_form f;
    const char *id = d->account->id;
    enum verified how = BAD_SIGNATURE;
    if (twilio_form_read(&f, in->method == HTTP_M_POST ? in->body : STR_NONE)) return BAD_FORM;
    struct str account = twilio_form_get(&f, "AccountSid");
    twilio_form_sort(&f);
    if (hash.n ? hash_signed(d, in, said, hash) : twilio_signed(d, in->url, &f, said))
        how = id && account.n && !str_is(account, id) ? OTHER_ACCOUNT : VERIFIED;
    twilio_form_fini(&f);
    return how;
}

static enum verified twilio_verify(const struct door *d, const struct delivery *in)
{
    struct str said = in->header(in->ctx, "x-twilio-signature"), hash = channel_raw(in->query, "bodySHA256");
    bool form = !in->body.n || is_form(in->type);
    if (!said.n) return UNSIGNED;
    if (form) return verify_form(d, in, said, hash);
    if (!hash.n) return BAD_TYPE;
    return hash_signed(d, in, said, hash) ? VERIFIED : BAD_SIGNATURE;
}

/* ---- texts ---- */

static struct str first_of(struct channel_in *c, struct str form, const char *const *names, size_t count)
{
    struct str s = STR_NONE;
    for (size_t i = 0; i < count && !s.n; i++) s = channel_form(c, form, names[i]);
    return s;
}
#define FIRST_OF(c, form, ...)                                                                                                     \
    first_of(c, form, (const char *const[]){ __VA_ARGS__ }, sizeof((const char *const[]){ __VA_ARGS__ }) / sizeof(char *))

/* "image/jpeg" → image; what is no picture, sound or film is a file. */
static struct str media_kind(struct str type)
{
    static const struct str kinds[] = { { "image", 5 }, { "audio", 5 }, { "video", 5 } };
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++)
        if (type.n > kinds[i].n && !memcmp(type.p, kinds[i].p, kinds[i].n) && type.p[kinds[i].n] == '/') return kinds[i];
    return STR("file");
}

static void read_media(struct channel_in *c, struct str form, struct attachments *a)
{
    uint64_t n = 0;
    char name[32];
    (void)str_u64(channel_form(c, form, "NumMedia"), 0, MEDIA_MOST, &n);
    for (unsigned i = 0; i < n; i++) {
        snprintf(name, sizeof name, "MediaContentType%u", i);
        struct str type = channel_form(c, form, name);
        snprintf(name, sizeof name, "MediaUrl%u", i);
        attach(a, media_kind(type), type, channel_form(c, form, name));
    }
}

static void read_place(struct channel_in *c, struct str form, struct attachments *a)
{
    struct str lat = channel_form(c, form, "Latitude"), lon = channel_form(c, form, "Longitude");
    if (!lat.n || !lon.n) return;
    attach(a, STR("location"), FIRST_OF(c, form, "Label", "Address"), channel_text(c, "%.*s,%.*s", STR_FMT(lat), STR_FMT(lon)));
}

/* Attributes that stand in the form by a name of their own. */
static const struct noted {
    const char *name, *key;
} noted[] = {
    { "OptOutType", "event.opt_out" }, /* STOP, START, HELP: Twilio has answered it */
    { "ButtonPayload", "event.button" },
    { "ListId", "event.list" },
    { "To", "event.to" },
};

/* What became of a message of ours; the states on the way there tell nothing. */
static const struct {
    const char *status;
    enum receipt what;
} receipts[] = {
    { "delivered", RECEIPT_DELIVERED }, { "read", RECEIPT_READ }, { "undelivered", RECEIPT_FAILED }, { "failed", RECEIPT_FAILED }
};

static void read_receipt(struct channel_in *c, struct str id, struct str status)
{
    channel_skip(c, "receipt");
    for (size_t i = 0; i < sizeof receipts / sizeof *receipts; i++)
        if (c->router && str_is(status, receipts[i].status)) messages_receipt(c->router, c->door, id, receipts[i].what);
}

static enum err read_text(struct channel_in *c, struct str form)
{
    struct str status = channel_form(c, form, "MessageStatus");
    struct str id = FIRST_OF(c, form, "MessageSid", "SmsMessageSid", "SmsSid"), from = channel_form(c, form, "From");
    struct attachments a = { c, NULL, 0 };
    if (status.n) return read_receipt(c, id, status), ERR_OK;
    if (!id.n || !from.n) return channel_skip(c, "incomplete"), ERR_OK;
    struct event *e = a.e = channel_event(c);
    if (!e) return ERR_PROTO;
    e->kind = EVENT_MESSAGE;
    e->external = id;
    e->customer = e->conversation = from;
    e->name = channel_form(c, form, "ProfileName");
    e->text = FIRST_OF(c, form, "Body", "ButtonText", "ListTitle", "ButtonPayload", "ListId");
    for (size_t i = 0; i < sizeof noted / sizeof *noted; i++) event_note(c, e, noted[i].key, channel_form(c, form, noted[i].name));
    read_media(c, form, &a);
    read_place(c, form, &a);
    attach_end(&a);
    if (!e->text.n) e->text = STR("[empty]"); /* a message must say something */
    channel_reply_with(c, e, channel_form(c, form, "To"));
    return ERR_OK;
}

/* ---- the row ---- */

static bool on_voice(const struct door *d) { return !strcmp(d->channel, "voice"); }
static struct str form_of(const struct channel_in *c) { return c->in->method == HTTP_M_POST ? c->in->body : c->in->query; }

static enum err twilio_read(struct channel_in *c)
{
    if (c->in->body.n && !is_form(c->in->type)) return channel_skip(c, "not_a_form"), ERR_OK;
    return on_voice(c->door) ? twilio_call_read(c, form_of(c)) : read_text(c, form_of(c));
}

static void twilio_answer(struct channel_in *c)
{
    c->answer.type = "text/xml";
    if (on_voice(c->door)) twilio_call_answer(c, form_of(c));
    else twiml_empty(&c->answer.body);
}

static bool twilio_serve(struct channel_in *c)
{
    if (on_voice(c->door)) return twilio_call_serve(c, form_of(c));
    if (!c->in->action.n || str_is(c->in->action, "status")) return false;
    channel_turn_away(c, 404, "action", "not-found", "texts come to the account's address, their receipts to …/status");
    return true;
}

const struct provider provider_twilio = { .word = "twilio",
                                          .body_max = 65536,
                                          .verify = twilio_verify,
                                          .read = twilio_read,
                                          .answer = twilio_answer,
                                          .serve = twilio_serve,
                                          .close = twilio_call_close,
                                          .sender_for = twilio_sender,
                                          .changed = twilio_call_changed,
                                          .tick = twilio_call_tick };
