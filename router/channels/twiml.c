/* What is said to callers, in the languages that `voice` knows, and the XML around it.

   A waiting caller goes round: a document says or plays something and ends with a redirect to …/hold, which is the poll. Everything
   that the next request must know stands in its address (when the place was told last, how often no ticket was found), so that
   any router can answer it, also one that has just begun. The addresses are signed by Twilio like all it sends. */
#include "router/channels/twiml.h"

#define POLL_S 2u /* silence between two requests of a waiting caller */

static const struct voice {
    const char *tag; /* of <Say language> */
    const char *said[SAID_COUNT];
    const char *place, *minutes, *soon, *offer;
} voices[VOICE_LANGUAGES] = {
#define SAID_EN(id, en, ko) [id] = en,
#define SAID_KO(id, en, ko) [id] = ko,
    [VOICE_EN] = { .tag = "en-US",
                   .said = { TWIML_SAID_MAP(SAID_EN) },
                   .place = "You are number %llu in line. ",
                   .minutes = "The expected wait is about %llu minutes. ",
                   .soon = "It will be your turn within a minute. ",
                   .offer = "To be called back when it is your turn, press 1." },
    [VOICE_KO] = { .tag = "ko-KR",
                   .said = { TWIML_SAID_MAP(SAID_KO) },
                   .place = "현재 대기 순서는 %llu번째입니다. ",
                   .minutes = "예상 대기 시간은 약 %llu분입니다. ",
                   .soon = "곧 연결해 드리겠습니다. ",
                   .offer = "순서가 되었을 때 전화를 받으시려면 1번을 눌러 주세요." },
};

/* ---- pieces ---- */

void twiml_text(struct buf *out, struct str s)
{
    static const char *const meaning[128] = {
        ['&'] = "&amp;", ['<'] = "&lt;", ['>'] = "&gt;", ['"'] = "&quot;", ['\''] = "&apos;"
    };
    for (size_t i = 0; i < s.n; i++) {
        unsigned char b = (unsigned char)s.p[i];
        if (b < 128 && meaning[b]) buf_addz(out, meaning[b]);
        else if (b >= ' ' || b == '\t' || b == '\n' || b == '\r') buf_addc(out, (char)b);
    }
}

static void begin(struct buf *out) { buf_addz(out, "<?xml version=\"1.0\" encoding=\"UTF-8\"?><Response>"); }
static void end(struct buf *out) { buf_addz(out, "</Response>"); }

static void say_open(struct buf *out, const struct twiml *t) { buf_addf(out, "<Say language=\"%s\">", voices[t->language].tag); }
static void say_close(struct buf *out) { buf_addz(out, "</Say>"); }

static void say(struct buf *out, const struct twiml *t, struct str text)
{
    say_open(out, t);
    twiml_text(out, text);
    say_close(out);
}

static void add_action(struct buf *out, const struct twiml *t, const char *action)
{
    twiml_text(out, t->base);
    buf_addc(out, '/');
    buf_addz(out, action);
}

static void add_hold(struct buf *out, const struct twiml *t, uint64_t said_s, uint32_t missed)
{
    add_action(out, t, "hold");
    buf_addf(out, "?s=%llu&amp;m=%u", (unsigned long long)said_s, missed);
}

static void redirect(struct buf *out, const struct twiml *t, uint64_t said_s, uint32_t missed)
{
    buf_addz(out, "<Redirect method=\"POST\">");
    add_hold(out, t, said_s, missed);
    buf_addz(out, "</Redirect>");
}

/* ---- whom it is for ---- */

static size_t longest(const struct words_list *beginnings, struct str number)
{
    size_t most = 0;
    for (uint32_t i = 0; i < beginnings->count; i++) {
        struct str b = str_of(beginnings->v[i]);
        if (b.n > most && b.n <= number.n && !memcmp(b.p, number.p, b.n)) most = b.n;
    }
    return most;
}

enum voice_language twiml_language(const struct voice_rules *v, struct str number)
{
    enum voice_language best = v->language;
    size_t most = 0, lists = 0;
    for (unsigned i = 0; i < VOICE_LANGUAGES; i++) {
        size_t n = longest(&v->numbers[i], number);
        lists += v->numbers[i].count;
        if (n > most) most = n, best = (enum voice_language)i;
    }
    return !lists && number.n > 3 && !memcmp(number.p, "+82", 3) ? VOICE_KO : best;
}

/* A name in a SIP address (RFC 3261): all but unreserved characters as %XX; elsewhere as it stands. */
static void add_name(struct buf *out, struct str name, bool sip)
{
    for (size_t i = 0; i < name.n; i++) {
        unsigned char b = (unsigned char)name.p[i];
        bool plain = (b >= '0' && b <= '9') || ((b | 0x20) >= 'a' && (b | 0x20) <= 'z') || (b && strchr("-_.!~*'()+", b));
        if (plain || !sip) buf_addc(out, (char)b);
        else buf_addf(out, "%%%02X", b);
    }
}

void twiml_phone(struct buf *out, const struct voice_rules *v, const char *own, struct str agent)
{
    static const struct str mark = { "{agent}", 7 };
    struct str s = own ? str_of(own) : str_of(v->connect);
    bool sip = s.n > 4 && !memcmp(s.p, "sip:", 4);
    while (s.n) {
        const char *hit = own ? NULL : memmem(s.p, s.n, mark.p, mark.n);
        size_t n = hit ? (size_t)(hit - s.p) : s.n;
        buf_add(out, s.p, n);
        if (hit) add_name(out, agent, sip);
        n += hit ? mark.n : 0;
        s = (struct str){ s.p + n, s.n - n };
    }
}

/* ---- documents ---- */

void twiml_empty(struct buf *out)
{
    begin(out);
    end(out);
}

void twiml_greet(struct buf *out, const struct twiml *t, bool called)
{
    const char *own = t->rules->greet[t->language];
    begin(out);
    say(out, t, str_of(called ? voices[t->language].said[SAID_CALLED] : own ? own : voices[t->language].said[SAID_GREETING]));
    redirect(out, t, 0, 0);
    end(out);
}

/* Whole minutes, rounded up; below one there is no number. */
static void say_place(struct buf *out, const struct twiml *t, const struct twiml_hold *h)
{
    const struct voice *v = &voices[t->language];
    uint64_t minutes = h->wait_ms == UINT64_MAX ? 0 : (h->wait_ms + 59999) / 60000;
    bool waits = h->wait_ms != UINT64_MAX;
    if (!h->position && !waits && !h->offer) return;
    say_open(out, t);
    if (h->position) buf_addf(out, v->place, (unsigned long long)h->position);
    if (waits && minutes > 1) buf_addf(out, v->minutes, (unsigned long long)minutes);
    else if (waits) buf_addz(out, v->soon);
    if (h->offer) buf_addz(out, v->offer);
    say_close(out);
}

static void hold_body(struct buf *out, const struct twiml *t, const struct twiml_hold *h)
{
    if (h->say) say_place(out, t, h);
    if (!t->rules->music) return;
    buf_addz(out, "<Play>");
    twiml_text(out, str_of(t->rules->music));
    buf_addz(out, "</Play>");
}

void twiml_hold(struct buf *out, const struct twiml *t, const struct twiml_hold *h)
{
    begin(out);
    if (h->offer) {
        buf_addf(out, "<Gather input=\"dtmf\" numDigits=\"1\" timeout=\"%u\" method=\"POST\" action=\"", POLL_S);
        add_hold(out, t, h->said_s, h->missed);
        buf_addz(out, "\">");
        hold_body(out, t, h);
        buf_addz(out, "</Gather>");
    } else {
        hold_body(out, t, h);
        if (!t->rules->music) buf_addf(out, "<Pause length=\"%u\"/>", POLL_S);
    }
    redirect(out, t, h->said_s, h->missed);
    end(out);
}

/* The element that reaches a phone, by how it is written. */
static const struct phone_kind {
    const char *scheme, *element;
    size_t skip; /* of the scheme, in the element */
} phone_kinds[] = { { "sip:", "Sip", 0 }, { "client:", "Client", 7 }, { "", "Number", 0 } };

void twiml_dial(struct buf *out, const struct twiml *t, const struct twiml_dial *d)
{
    const struct phone_kind *k = phone_kinds;
    while (d->phone.n < strlen(k->scheme) || memcmp(d->phone.p, k->scheme, strlen(k->scheme)) != 0) k++;
    begin(out);
    buf_addf(out, "<Dial timeout=\"%u\" method=\"POST\" action=\"", t->rules->ring_ms / 1000);
    add_action(out, t, "dialed");
    buf_addf(out, "?k=%.*s&amp;t=%.*s\"><%s statusCallbackEvent=\"answered\" statusCallbackMethod=\"POST\" statusCallback=\"",
             STR_FMT(d->ticket), STR_FMT(d->token), k->element);
    add_action(out, t, "leg");
    buf_addf(out, "?k=%.*s&amp;t=%.*s\">", STR_FMT(d->ticket), STR_FMT(d->token));
    twiml_text(out, (struct str){ d->phone.p + k->skip, d->phone.n - k->skip });
    buf_addf(out, "</%s></Dial>", k->element);
    end(out);
}

void twiml_end(struct buf *out, const struct twiml *t, enum twiml_said said)
{
    begin(out);
    say(out, t, str_of(voices[t->language].said[said]));
    buf_addz(out, "<Hangup/>");
    end(out);
}
