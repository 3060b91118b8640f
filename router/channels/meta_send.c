/* Replies by Meta's Graph API.
   Messenger and Instagram: POST {api}/me/messages with the page's token, text to the sender's id. Free within 24 hours of the
   customer's last message; an answer written by a person may follow within seven days under the tag HUMAN_AGENT, which the app
   needs the permission of the same name for: without it Meta refuses, and the agent reads why. The policy's own words never go
   under it. WhatsApp: POST {api}/{phone number id}/messages; 24 hours, afterwards templates alone, which are not sent from here.
   https://developers.facebook.com/docs/messenger-platform/send-messages
   https://developers.facebook.com/docs/whatsapp/cloud-api/messages/text-messages

   None of them can be asked the same thing twice: an attempt without an answer ends as unknown. */
#include "router/channels/meta.h"
#include "router/channels/pick.h"
#include "router/channels/post.h"

#define META_API "https://graph.facebook.com/v23.0" /* `api` of an account has its version in it, too */
#define HOURS_24 86400000u
#define DAYS_7   604800000u

static enum err plan_page(const struct door *d, const struct message_out *m, struct send_plan *out, char why[SEND_WHY])
{
    bool late = m->heard && m->now > m->heard + HOURS_24;
    if (!m->customer.n) return post_refuse(why, "the customer's id is not known");
    if (late && !m->by.n)
        return post_refuse(why, "24 hours after the customer's last message only a person may write, not the policy");
    enum err err = post_bearer(d, out, why);
    if (err) return err;
    post_to(d, out, META_API, "/me/messages");
    struct jw w = jw_on(&out->body);
    jw_open(&w, '{');
    jw_key(&w, "recipient"), jw_open(&w, '{'), jw_key(&w, "id"), jw_str(&w, m->customer), jw_close(&w, '}');
    jw_key(&w, "messaging_type"), jw_strz(&w, late ? "MESSAGE_TAG" : "RESPONSE");
    if (late) jw_key(&w, "tag"), jw_strz(&w, "HUMAN_AGENT");
    jw_key(&w, "message"), jw_open(&w, '{'), jw_key(&w, "text"), jw_str(&w, m->text), jw_close(&w, '}');
    jw_close(&w, '}');
    return ERR_OK;
}

static bool is_number(struct str s)
{
    for (size_t i = 0; i < s.n; i++) {
        if (s.p[i] < '0' || s.p[i] > '9') return false;
    }
    return s.n > 0;
}

static enum err plan_whatsapp(const struct door *d, const struct message_out *m, struct send_plan *out, char why[SEND_WHY])
{
    struct str number = str_of(d->account->id);
    if (!post_plain(number)) return post_refuse(why, "account \"%s\" needs the phone number's id as `id`", d->account->name);
    if (!m->customer.n) return post_refuse(why, "the customer's number is not known");
    enum err err = post_bearer(d, out, why);
    if (err) return err;
    post_to(d, out, META_API, "/");
    buf_addstr(&out->url, number);
    buf_addz(&out->url, "/messages");
    struct jw w = jw_on(&out->body);
    jw_open(&w, '{');
    jw_key(&w, "messaging_product"), jw_strz(&w, "whatsapp");
    jw_key(&w, "recipient_type"), jw_strz(&w, "individual");
    jw_key(&w, is_number(m->customer) ? "to" : "recipient"),
        jw_str(&w, m->customer); /* an id that is no number has a key of its own */
    jw_key(&w, "type"), jw_strz(&w, "text");
    jw_key(&w, "text"), jw_open(&w, '{'), jw_key(&w, "preview_url"), jw_bool(&w, false);
    jw_key(&w, "body"), jw_str(&w, m->text), jw_close(&w, '}');
    jw_close(&w, '}');
    return ERR_OK;
}

/* https://developers.facebook.com/docs/messenger-platform/error-codes
   https://developers.facebook.com/docs/whatsapp/cloud-api/support/error-codes */
static const struct judge_row codes[] = {
    { 190, SEND_REFUSED, "Meta does not take the account's token any more: make a new one" },
    { 10, SEND_REFUSED,
      "Meta does not allow it: the window of the customer's last message is over, or the app lacks a permission" },
    { 200, SEND_REFUSED, "Meta does not allow it: the app lacks a permission, or the customer does not take messages" },
    { 551, SEND_REFUSED, "the customer does not take messages now" },
    { 100, SEND_REFUSED, "Meta does not know this customer, or did not understand the message" },
    { 368, SEND_REFUSED, "Meta has blocked the account for its policies" },
    { 131005, SEND_REFUSED, "Meta does not allow it: the token lacks a permission" },
    { 131026, SEND_REFUSED, "the customer's WhatsApp cannot take the message" },
    { 131031, SEND_REFUSED, "Meta has locked the account" },
    { 131047, SEND_REFUSED, "more than 24 hours since the customer's last message: WhatsApp takes templates only" },
    { 131051, SEND_REFUSED, "WhatsApp does not know this kind of message" },
    { 2, SEND_AGAIN, "Meta is out of service for a moment" },
    { 4, SEND_AGAIN, "too many calls of the app" },
    { 17, SEND_AGAIN, "too many calls of the user" },
    { 32, SEND_AGAIN, "too many calls of the page" },
    { 341, SEND_AGAIN, "too many calls of the app" },
    { 613, SEND_AGAIN, "too many calls" },
    { 1200, SEND_AGAIN, "Meta could not send it for a moment" },
    { 80006, SEND_AGAIN, "too many calls of the page" },
    { 80007, SEND_AGAIN, "too many calls of the business account" },
    { 130429, SEND_AGAIN, "too many messages" },
    { 131016, SEND_AGAIN, "WhatsApp is out of service for a moment" },
    { 131048, SEND_AGAIN, "WhatsApp holds back: too many of the number's messages were reported" },
    { 131056, SEND_AGAIN, "too many messages to this customer" },
    { 131057, SEND_AGAIN, "the account is in maintenance" },
    { 0, SEND_DONE, NULL },
};

static void judge_error(const struct json *error, const struct send_answer *a, struct send_result *out)
{
    uint64_t code = 0, more = 0;
    const struct json *v;
    if ((v = pick(error, "code"))) json_is_u64(v, &code);
    if ((v = pick(error, "error_subcode"))) json_is_u64(v, &more);
    const struct judge_row *row = judge_find(codes, (long)code);
    if (!row)
        return judge_end(out, out->end, "Meta answered %u, code %llu/%llu", a->status, (unsigned long long)code,
                         (unsigned long long)more);
    judge_end(out, row->end, "%s (code %llu/%llu)", row->sentence, (unsigned long long)code, (unsigned long long)more);
}

static void meta_judge(const struct door *d, const struct send_answer *a, struct send_result *out)
{
    struct json *doc = judge_body(a);
    const struct json *error = pick(doc, "error"), *list = pick(doc, "messages"), *first = list ? json_first(list) : NULL;
    (void)d;
    judge_status(a, out);
    if (error) judge_error(error, a, out);
    judge_external(out, first ? pick_text(first, "id") : pick_text(doc, "message_id"));
    json_free(doc);
}

static const struct sender messenger = {
    .needs_token = true, .text_max = 2000, .window_ms = DAYS_7, .plan = plan_page, .judge = meta_judge
};
/* 1,000 bytes: so many characters of four bytes each */
static const struct sender instagram = {
    .needs_token = true, .text_max = 250, .window_ms = DAYS_7, .plan = plan_page, .judge = meta_judge
};
static const struct sender whatsapp = {
    .needs_token = true, .text_max = 4096, .per_second = 80, .window_ms = HOURS_24, .plan = plan_whatsapp, .judge = meta_judge
};

const struct sender *meta_sender(const struct door *d)
{
    if (!strcmp(d->channel, "whatsapp")) return &whatsapp;
    return strcmp(d->channel, "instagram") ? &messenger : &instagram;
}
