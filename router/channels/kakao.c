/* Kakao i Open Builder: a skill of a chatbot on a KakaoTalk channel.
   https://kakaobusiness.gitbook.io/main/tool/chatbot/skill_guide/answer_json_format
   https://kakaobusiness.gitbook.io/main/tool/chatbot/skill_guide/ai_chatbot_callback_guide

   Kakao calls a skill for each utterance, waits five seconds, and shows what the body of the answer says. It signs nothing: the
   skill is given a header, X-Naru-Token, whose value is the account's secret.

   There is no push. Where a block has callbacks (AI chatbots), a request brings callbackUrl, to which one answer may be sent within
   a minute; so what is answered at once is a receipt, and the agent's first reply goes there. Any later one cannot reach the
   customer before they write again, and is refused with that sentence, rather than kept where the agent believes it was read.

   A request has no id. With a callbackUrl, which is made for one request, identity is that address; without one it is the user, the
   words and the ten seconds in which they came: a request that comes again is at once, and a customer who says "yes" twice to two
   questions is slower. Two in one such time are one event, one over its edge is two: both harm less than a lost message. */
#include "config/texts.h"
#include "router/automatic.h"
#include "router/channels/pick.h"
#include "router/channels/post.h"
#include "router/sign.h"

#include <ctype.h>

#define KAKAO_BODY       262144u
#define KAKAO_SAME_MS    10000u
#define KAKAO_WINDOW_MS  55000u /* a callback is good for a minute, and our way there takes some of it */
#define KAKAO_TEXT       1000u  /* characters of one bubble */
#define KAKAO_BUBBLES    3u
#define KAKAO_PARAMS     20u
#define KAKAO_REPLY_WITH 1024u

/* ---- addresses ---- */

/* Is it an address of Kakao's, https and without a port, a user or an odd character, or one below the account's `api`? Only there
   an answer is sent, whatever a request says. */
static bool kakao_address(const struct door *d, struct str url)
{
    static const char scheme[] = "https://", domain[] = ".kakao.com";
    struct str api = str_of(d->account->api);
    for (size_t i = 0; i < url.n; i++) {
        if ((unsigned char)url.p[i] <= ' ' || (unsigned char)url.p[i] >= 0x7f || url.p[i] == '\\') return false;
    }
    if (!url.n || url.n > KAKAO_REPLY_WITH) return false;
    if (api.n) return url.n > api.n && !memcmp(url.p, api.p, api.n) && url.p[api.n] == '/';
    if (url.n <= sizeof scheme - 1 || memcmp(url.p, scheme, sizeof scheme - 1)) return false;
    struct str host = { url.p + sizeof scheme - 1, 0 };
    const char *end = url.p + url.n;
    while (host.p + host.n < end && host.p[host.n] != '/') {
        char ch = host.p[host.n++];
        if (!isalnum((unsigned char)ch) && ch != '-' && ch != '.') return false;
    }
    return host.n > sizeof domain - 1 && !memcmp(host.p + host.n - (sizeof domain - 1), domain, sizeof domain - 1);
}

/* ---- in ---- */

static enum verified kakao_verify(const struct door *d, const struct delivery *in)
{
    struct str said = in->header(in->ctx, "x-naru-token");
    if (!said.n) return UNSIGNED;
    return channel_secret(d, said) ? VERIFIED : BAD_SIGNATURE;
}

/* The bot's id; that of its development channel ends in '!'. */
static bool is_ours(const struct channel_in *c, struct str bot)
{
    if (bot.n && bot.p[bot.n - 1] == '!') bot.n--;
    return !c->door->account->id || str_is(bot, c->door->account->id);
}

static struct str kakao_identity(struct channel_in *c, struct str user, struct str utterance, struct str callback)
{
    char text[ID_TEXT + 1];
    struct id id = id_of_event(user, callback.n ? callback : utterance);
    if (callback.n) return channel_text(c, "callback:%s", id_text(&id, text));
    return channel_text(c, "%s:%llu", id_text(&id, text), (unsigned long long)(c->in->now / KAKAO_SAME_MS));
}

static void kakao_notes(struct channel_in *c, struct event *e, const struct json *doc)
{
    const struct json *params = pick(doc, "action.params");
    uint32_t told = 0;
    event_note(c, e, "event.block", pick_text(doc, "userRequest.block.name"));
    event_note(c, e, "customer.plusfriend_user_key", pick_text(doc, "userRequest.user.properties.plusfriendUserKey"));
    event_note(c, e, "customer.app_user_id", pick_id(c, doc, "userRequest.user.properties.appUserId"));
    for (const struct json *p = params ? json_first(params) : NULL; p && told < KAKAO_PARAMS; p = json_next(p), told++) {
        struct str key = channel_text(c, "event.param.%.*s", STR_FMT(json_key(p)));
        if (key.n) event_note(c, e, key.p, json_str(p));
    }
}

/* In Kakao's word for it ("kr") or a language's. Korean where nothing is said: it is who uses KakaoTalk. */
static struct str kakao_language(struct str lang) { return !lang.n || str_is(lang, "kr") ? STR("ko") : lang; }

/* What the customer reads at once: the account's `receipt`, without what is not known yet (a place, a wait), or a sentence of ours.
 */
static struct str kakao_receipt_text(struct channel_in *c, struct str language)
{
    const struct policy *p = c->door->policy;
    int index = c->door->account->receipt;
    bool named = index >= 0 && (uint32_t)index < p->texts.count;
    const struct str unknown[TEXT_HOLES] = { 0 };
    struct str text = STR_NONE;
    struct buf b;
    if (named) {
        buf_init(&b, KAKAO_TEXT * 4);
        automatic_fill(&b, str_of(text_say(&p->texts.v[index], language)), unknown);
        text = channel_text(c, "%.*s", STR_FMT(buf_str(&b)));
        buf_fini(&b);
    }
    if (text.n) return text;
    return language.n >= 2 && !memcmp(language.p, "ko", 2) ? STR("문의가 접수되었습니다. 잠시만 기다려 주세요.")
                                                           : STR("We have your message. One moment, please.");
}

static void kakao_receipt(struct channel_in *c, struct str text, bool callback)
{
    struct jw w = jw_on(&c->answer.body);
    c->answer.type = "application/json; charset=utf-8";
    jw_open(&w, '{');
    jw_key(&w, "version"), jw_strz(&w, "2.0");
    if (callback) {
        jw_key(&w, "useCallback"), jw_bool(&w, true);
        jw_key(&w, "data"), jw_open(&w, '{'), jw_key(&w, "text"), jw_str(&w, text), jw_close(&w, '}');
    } else {
        jw_key(&w, "template"), jw_open(&w, '{'), jw_key(&w, "outputs"), jw_open(&w, '['), jw_open(&w, '{');
        jw_key(&w, "simpleText"), jw_open(&w, '{'), jw_key(&w, "text"), jw_str(&w, text), jw_close(&w, '}');
        jw_close(&w, '}'), jw_close(&w, ']'), jw_close(&w, '}');
    }
    jw_close(&w, '}');
}

static enum err kakao_read(struct channel_in *c)
{
    const struct json *doc = NULL;
    enum err err = channel_json(c, &doc);
    if (err) return err;
    struct str user = pick_text(doc, "userRequest.user.id"), utterance = pick_text(doc, "userRequest.utterance"),
               lang = pick_text(doc, "userRequest.lang"), callback = pick_text(doc, "userRequest.callbackUrl");
    if (!user.n || !utterance.n)
        return channel_refuse(c, 400, "malformed", "a skill's request has userRequest.user.id and userRequest.utterance");
    if (!is_ours(c, pick_text(doc, "bot.id"))) return channel_refuse(c, 403, "other_account", "bot.id is not the account's `id`");
    if (callback.n && !kakao_address(c->door, callback)) {
        channel_skip(c, "callback_address");
        callback = STR_NONE;
    }
    struct event *e = channel_event(c);
    if (!e) return ERR_PROTO;
    e->kind = EVENT_MESSAGE;
    e->external = kakao_identity(c, user, utterance, callback);
    e->conversation = e->customer = user;
    e->text = utterance;
    kakao_notes(c, e, doc);
    if (callback.n) channel_reply_with(c, e, callback);
    kakao_receipt(c, kakao_receipt_text(c, kakao_language(lang)), callback.n > 0);
    return ERR_OK;
}

/* ---- out ---- */

/* Bytes of the first bubble of `s`: at most KAKAO_TEXT characters, cut behind a space where there is one in its second half. */
static size_t bubble(struct str s)
{
    size_t at = 0, space = 0, chars = 0;
    while (at < s.n && chars < KAKAO_TEXT) {
        size_t step = str_utf8_step(s.p + at, s.n - at);
        at += step ? step : 1;
        chars++;
        if ((s.p[at - 1] == ' ' || s.p[at - 1] == '\n') && chars > KAKAO_TEXT / 2) space = at;
    }
    return at < s.n && space ? space : at;
}

static enum err kakao_outputs(struct jw *w, struct str text, char why[SEND_WHY])
{
    jw_key(w, "outputs");
    jw_open(w, '[');
    for (uint32_t n = 0; text.n; n++) {
        size_t take = bubble(text);
        if (n == KAKAO_BUBBLES) return post_refuse(why, "Kakao takes %u bubbles of %u characters", KAKAO_BUBBLES, KAKAO_TEXT);
        jw_open(w, '{');
        jw_key(w, "simpleText"), jw_open(w, '{'), jw_key(w, "text"), jw_str(w, (struct str){ text.p, take }), jw_close(w, '}');
        jw_close(w, '}');
        text = (struct str){ text.p + take, text.n - take };
    }
    jw_close(w, ']');
    return ERR_OK;
}

static enum err kakao_plan(const struct door *d, const struct message_out *m, struct send_plan *out, char why[SEND_WHY])
{
    if (!m->with.n) return post_refuse(why, "the block has no callback: Kakao takes no reply before the customer writes again");
    if (!m->by.n) return post_refuse(why, "the one callback is the agent's; the policy's words stand in the answer of the skill");
    if (m->answered) return post_refuse(why, "the callback is used: Kakao takes no second reply before the customer writes again");
    if (!kakao_address(d, m->with)) return post_refuse(why, "the callback is no address of Kakao's");
    if (!m->text.n) return post_refuse(why, "there is no text to send");
    out->how = SEND_HTTP;
    out->method = "POST";
    buf_addstr(&out->url, m->with);
    struct jw w = jw_on(&out->body);
    jw_open(&w, '{');
    jw_key(&w, "version"), jw_strz(&w, "2.0");
    jw_key(&w, "template"), jw_open(&w, '{');
    enum err err = kakao_outputs(&w, m->text, why);
    jw_close(&w, '}'), jw_close(&w, '}');
    return err;
}

static void kakao_judge(const struct door *d, const struct send_answer *a, struct send_result *out)
{
    struct json *doc = judge_body(a);
    struct str status = pick_text(doc, "status");
    (void)d;
    judge_status(a, out);
    if (out->end == SEND_DONE && status.n && !str_is(status, "SUCCESS"))
        judge_end(out, SEND_REFUSED, "Kakao did not take it: the callback is used or too old, or the answer is none of a skill's");
    else if (out->end == SEND_REFUSED)
        judge_end(out, SEND_REFUSED, "Kakao did not take it (status %u): the callback is used or too old", a->status);
    judge_external(out, pick_text(doc, "taskId"));
    json_free(doc);
}

static const struct sender kakao_sender = { .window_ms = KAKAO_WINDOW_MS, .plan = kakao_plan, .judge = kakao_judge };

const struct provider provider_kakao = {
    .word = "kakao", .body_max = KAKAO_BODY, .verify = kakao_verify, .read = kakao_read, .sender = &kakao_sender
};
