/* TwiML: the XML that tells Twilio what a caller hears and whom they are connected with. Pure.
   https://www.twilio.com/docs/voice/twiml */
#ifndef NARU_ROUTER_CHANNELS_TWIML_H
#define NARU_ROUTER_CHANNELS_TWIML_H

#include "base/buf.h"
#include "config/policy.h"

/* What one call goes by. */
struct twiml {
    struct str base; /* where this account is reached: "https://…/v1/channels/hotline" */
    const struct voice_rules *rules;
    enum voice_language language;
};
/* What is said: X(CONSTANT, "English", "Korean"). */
#define TWIML_SAID_MAP(X)                                                                                                          \
    X(SAID_GREETING, "Hello. Please hold, we will connect you.",                                                                   \
      "안녕하세요. 상담원을 연결해 드리겠습니다. 잠시만 기다려 주세요.")                                                           \
    X(SAID_CALLED, "Hello. You asked us to call you back. We are connecting you now.",                                             \
      "안녕하세요. 요청하신 전화입니다. 상담원을 연결해 드리겠습니다.")                                                            \
    X(SAID_BACK, "We will call you back. Thank you. Goodbye.", "저희가 전화를 드리겠습니다. 감사합니다.")                          \
    X(SAID_BYE, "Thank you for calling. Goodbye.", "이용해 주셔서 감사합니다.")                                                    \
    X(SAID_SORRY, "We are sorry, we cannot take your call now. Please call again later.",                                          \
      "죄송합니다. 지금은 전화를 받을 수 없습니다. 나중에 다시 걸어 주세요.")
#define TWIML_SAID_ENUM(id, en, ko) id,
enum twiml_said { TWIML_SAID_MAP(TWIML_SAID_ENUM) SAID_COUNT };
#undef TWIML_SAID_ENUM

struct twiml_hold {
    bool say;          /* place and wait, now */
    bool offer;        /* they may press 1 */
    uint64_t position; /* 0: not known */
    uint64_t wait_ms;  /* UINT64_MAX: not known */
    uint64_t said_s;   /* wall seconds of the last time, told back with the next request */
    uint32_t missed;   /* requests in a row that found no ticket, likewise */
};
struct twiml_dial {
    struct str phone;  /* sip:… client:… or a number */
    struct str ticket; /* its id */
    struct str token;  /* "5.7" */
};

/* The number's language by the account's rules. */
enum voice_language twiml_language(const struct voice_rules *v, struct str number);
/* Where `agent` is reached: their own phone, else `connect` with their name in it. Empty: nowhere. */
void twiml_phone(struct buf *out, const struct voice_rules *v, const char *own, struct str agent);
/* Appends text with what XML has a meaning for escaped, and without what it must not hold. */
void twiml_text(struct buf *out, struct str s);

void twiml_empty(struct buf *out);
void twiml_greet(struct buf *out, const struct twiml *t, bool called); /* … and to the line; `called`: by us */
void twiml_hold(struct buf *out, const struct twiml *t, const struct twiml_hold *h);
void twiml_dial(struct buf *out, const struct twiml *t, const struct twiml_dial *d);
void twiml_end(struct buf *out, const struct twiml *t, enum twiml_said said);

#endif
