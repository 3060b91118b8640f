/* What the files of the provider `twilio` share: signed forms, what goes to its REST API, TwiML. All of it is pure. */
#ifndef NARU_ROUTER_CHANNELS_TWILIO_H
#define NARU_ROUTER_CHANNELS_TWILIO_H

#include "router/sender.h"

#define TWILIO_API    "https://api.twilio.com"
#define TWILIO_PARAMS 1000u /* of one form; a request of Twilio's has some dozens */
#define TWILIO_SID    64u   /* bytes of an identifier that is taken */

/* ---- twilio_form.c: forms, and what is signed ---- */

/* A form, decoded; sorted as it is signed, once twilio_form_sort was called. Owned: twilio_form_fini. */
struct twilio_param {
    struct str name, value;
};
struct twilio_form {
    struct twilio_param *v;
    uint32_t count;
    char *text;
};
/* ERR_PROTO: a broken escape. ERR_TOOBIG: more than TWILIO_PARAMS. ERR_NOMEM. On an error there is nothing to free. */
enum err twilio_form_read(struct twilio_form *out, struct str form);
void twilio_form_fini(struct twilio_form *f);
/* By name, then by value, in the order of UTF-16 units (the SDK sorts JavaScript strings); the same pair twice counts once. */
void twilio_form_sort(struct twilio_form *f);
struct str twilio_form_get(const struct twilio_form *f, const char *name); /* the first of the name; STR_NONE */
/* Is `said` base64(HMAC-SHA1(secret, url + each name + value)) under a live secret of the door? `url` counts with and without its
   port, as validateRequest of Twilio's SDKs has it. `f` sorted; NULL: no parameters.
   https://www.twilio.com/docs/usage/security#validating-requests */
bool twilio_signed(const struct door *d, struct str url, const struct twilio_form *f, struct str said);

/* ---- twilio_rest.c: what is sent to the REST API ---- */

/* Appends "name=value" of a form, with "&" before all but the first. */
void twilio_add(struct buf *form, const char *name, struct str value);
void twilio_escape(struct buf *out, struct str s); /* all but letters, digits and "-_.~" as %XX */
/* Appends "{api}/2010-04-01/Accounts/{id}{path}". ERR_RANGE with `why`: the account has no `id`. */
enum err twilio_url(const struct door *d, struct buf *url, const char *path, char why[200]);
/* Basic: the account's `id` and `token`, or where that is none its secret; a token "SK…:secret" is an API key with its own name. */
void twilio_login(const struct door *d, struct str *user, struct str *password);
/* Where Twilio reaches this account: "{public-url}/v1/channels/{account}". False: there is no public-url. */
bool twilio_door_url(const struct door *d, struct buf *out);
/* By the account's channel: sms, whatsapp; NULL for voice. */
const struct sender *twilio_sender(const struct door *d);

/* ---- twilio_calls.c: a call, from its first request to its end ---- */

enum err twilio_call_read(struct channel_in *c, struct str form);
void twilio_call_answer(struct channel_in *c, struct str form);
bool twilio_call_serve(struct channel_in *c, struct str form);
void twilio_call_changed(struct router *r, struct door *d, const struct kept_ticket *t, const struct entry *en);
void twilio_call_tick(struct door *d, uint64_t now);
void twilio_call_close(struct door *d);

#endif
