#include "base/quote_impl.h"

/* What mail programs write above a quote, in the languages that they write it in. Four forms:

     marked     "> …" on each line
     sentence   "On 3 Nov 2026 at 14:22, A <a@b> wrote:", wrapped over up to three lines
     line       "-----Original Message-----"
     block      "From: … Sent: … To: … Subject: …", one label a line

   A sentence counts by its word (wrote, schrieb, 작성 …) and the colon at its end; with an address, or a date and a time, it is
   sure and takes all that follows; without, only marked lines. Where programs write no verb, an address right before the colon
   and a time do. A block needs a sender, a date, and a subject, or an addressee and an address: what customers write about journeys
   ("From: Seoul, To: Busan, Date: …") has no such things. Dates are not parsed: digits are counted. */

#define SENTENCE_LINES 3
#define BLOCK_LINES    12

bool quote_marked(const struct line *l, bool mail)
{
    struct str s = l->s;
    size_t mark = quote_begins(s, ">") ? 1 : quote_begins(s, "\xEF\xBC\x9E") ? 3 : 0;
    if (!mark) return false;
    s.p += mark;
    s.n -= mark;
    if (!mail) return s.n && *s.p == ' ';
    for (size_t i = 0; i < s.n && i < 4; i++) { /* a face: >_<  >.<  >:(  ><  >///< */
        if (quote_in(s.p[i], "<([D")) return s.n > i + 1 && s.p[i] != '<';
        if (!quote_in(s.p[i], "_.:;=-/")) break;
    }
    return true;
}

/* ---- sentences ---- */

static const char *const openers[] = { "on ",   "am ",  "le ", "el ", "em ", "il ", "op ", "den ", "w dniu ",
                                       "pada ", "vào ", "в ",  "на",  "在",  "於",  "于",  NULL };
static const char *const verbs[] = { "wrote",    "schrieb",    "a écrit", "a ecrit",  "escribió",     "escribio",
                                     "escreveu", "ha scritto", "schreef", "napisał",  "пишет",        "написал",
                                     "skrev",    "yazdı",      "đã viết", "menulis",  "작성",         "님이 쓴",
                                     "님의 말",  "写道",       "寫道",    "のメール", "は書きました", "さんが書きました",
                                     NULL };

struct evidence {
    uint32_t digits;
    bool time, year, address;
};

static struct evidence weigh(struct str s)
{
    struct evidence e = { .address = memchr(s.p, '@', s.n) };
    for (size_t i = 0, run = 0; i < s.n; i++) {
        run = quote_digit(s.p[i]) ? run + 1 : 0;
        e.digits += run > 0;
        e.year |= run == 4 && (i < 4 || !quote_digit(s.p[i - 4])) && (s.p[i - 3] == '1' || s.p[i - 3] == '2');
        e.time |= run == 2 && i >= 3 && (s.p[i - 2] == ':' || s.p[i - 2] == 'h') && quote_digit(s.p[i - 3]);
    }
    return e;
}

static bool colon_last(struct str *s)
{
    size_t n = quote_ends(*s, ":") ? 1 : quote_ends(*s, "\xEF\xBC\x9A") ? 3 : 0;
    s->n -= n;
    *s = quote_trim(*s);
    return n > 0;
}

static enum lead sentence(struct str s)
{
    if (!colon_last(&s)) return LEAD_NONE;
    struct evidence e = weigh(s);
    bool address_last = e.address && (quote_ends(s, ">") || quote_ends(s, ">)"));
    if (!quote_has_any(s, verbs)) return address_last && e.time ? LEAD_REST : LEAD_NONE;
    if (quote_has(s, " i wrote")) return e.address ? LEAD_REST : LEAD_MARKED;
    return (e.address && e.digits >= 3) || (e.time && (e.year || e.digits >= 7)) ? LEAD_REST : LEAD_MARKED;
}

static bool may_open(struct str s)
{
    if (s.n && quote_digit(*s.p)) return true;
    return quote_begins_any(s, openers);
}

/* A sentence that begins at `l`, on one line or wrapped over several. */
static enum lead wrapped_sentence(const struct line *l, const char *end, const char **after)
{
    char joined[QUOTE_LINE];
    size_t n = 0;
    struct line at = *l;
    enum lead found = sentence(l->s);
    *after = l->next;
    if (found || !may_open(l->s) || weigh(l->s).digits < 3) return found;
    for (int lines = 1;; lines++) {
        if (!at.s.n || n + at.s.n + 1 > sizeof joined) return LEAD_NONE;
        memcpy(joined + n, at.s.p, at.s.n);
        n += at.s.n;
        if (lines > 1 && (found = sentence((struct str){ joined, n }))) break;
        joined[n++] = ' ';
        if (lines == SENTENCE_LINES || at.next == end) return LEAD_NONE;
        at = quote_line(at.next, end);
        if (quote_marked(&at, true)) return LEAD_NONE;
    }
    if (found != LEAD_REST) return LEAD_NONE; /* half a sentence of the customer's and half of another */
    *after = at.next;
    return found;
}

/* ---- lines ---- */

static const char *const originals[] = { "original message",
                                         "original mail",
                                         "원본 메시지",
                                         "원본 메세지",
                                         "원본메시지",
                                         "원본 메일",
                                         "원본메일",
                                         "ursprüngliche nachricht",
                                         "originalnachricht",
                                         "message d'origine",
                                         "message original",
                                         "mensaje original",
                                         "mensagem original",
                                         "messaggio originale",
                                         "oorspronkelijk bericht",
                                         "元のメッセージ",
                                         "元のメール",
                                         "原始邮件",
                                         "原始郵件",
                                         "原邮件",
                                         "oryginalna wiadomość",
                                         "исходное сообщение",
                                         "reply above this line",
                                         "write above this line",
                                         "이 줄 위에",
                                         NULL };
static const char *const forwards[] = { "forwarded message",
                                        "begin forwarded",
                                        "전달된 메시지",
                                        "전달된 메일",
                                        "전달 메일",
                                        "weitergeleitete nachricht",
                                        "message transféré",
                                        "mensaje reenviado",
                                        "mensagem encaminhada",
                                        "messaggio inoltrato",
                                        "転送されたメッセージ",
                                        "转发邮件",
                                        "转发的邮件",
                                        "轉寄郵件",
                                        "пересылаемое сообщение",
                                        NULL };

static enum lead ruled(struct str s)
{
    if (s.n > 120) return LEAD_NONE;
    if (quote_begins(s, "begin forwarded message")) return LEAD_FORWARD;
    if (s.n < 6 || !quote_in(*s.p, "-_=#*") || !quote_in(s.p[1], "-_=#*")) return LEAD_NONE;
    if (quote_has_any(s, forwards)) return LEAD_FORWARD;
    return quote_has_any(s, originals) ? LEAD_REST : LEAD_NONE;
}

/* ---- blocks ---- */

enum label { L_NONE, L_FROM, L_SENT, L_TO, L_SUBJECT, L_COUNT };
static const char *const senders[] = { "from",   "von",    "de",         "da",        "van",      "från",
                                       "od",     "от",     "보낸사람",   "보낸 사람", "보낸이",   "보낸 이",
                                       "발신",   "발신자", "差出人",     "送信者",    "发件人",   "發件人",
                                       "寄件者", "寄件人", "expéditeur", "remitente", "mittente", NULL };
static const char *const dates[] = { "sent",      "date",       "gesendet",   "datum",     "envoyé",   "envoyé le",
                                     "enviado",   "enviado el", "enviada em", "fecha",     "data",     "inviato",
                                     "verzonden", "보낸 날짜",  "보낸날짜",   "보낸 시간", "보낸시간", "날짜",
                                     "일시",      "送信日時",   "日時",       "日付",      "发送时间", "日期",
                                     "寄件日期",  "傳送時間",   "傳送日期",   "дата",      NULL };
static const char *const addressees[] = { "to",   "an",   "à",        "À",         "para",   "aan",  "a",
                                          "cc",   "кому", "받는사람", "받는 사람", "받는이", "수신", "수신자",
                                          "참조", "宛先", "收件人",   "收件者",    NULL };
static const char *const subjects[] = { "subject", "betreff", "objet", "asunto", "assunto", "oggetto", "onderwerp", "제목",
                                        "件名",    "主题",    "主題",  "主旨",   "标题",    "тема",    NULL };
static const char *const *const labels[L_COUNT] = { NULL, senders, dates, addressees, subjects };

/* Which label `s` begins with, a colon after it; programs for rich text set it in stars. */
static enum label label_of(struct str s)
{
    while (s.n && *s.p == '*') s.p++, s.n--;
    const char *colon = memchr(s.p, ':', s.n < 32 ? s.n : 32);
    if (!colon) colon = memmem(s.p, s.n < 32 ? s.n : 32, "\xEF\xBC\x9A", 3);
    if (!colon) return L_NONE;
    struct str name = quote_trim((struct str){ s.p, (size_t)(colon - s.p) });
    if (quote_ends(name, "*")) name = quote_trim((struct str){ name.p, name.n - 1 });
    for (enum label k = L_FROM; k < L_COUNT; k++)
        if (quote_is_any(name, labels[k])) return k;
    return L_NONE;
}

static bool block(const struct line *l, const char *end, const char **after)
{
    bool seen[L_COUNT] = { 0 }, blank = false, address = false;
    struct line at = *l;
    if (label_of(l->s) != L_FROM) return false;
    for (int lines = 0, others = 0; lines < BLOCK_LINES; lines++) {
        enum label label = label_of(at.s);
        if (label) seen[label] = true;
        else if (at.s.n && (blank || ++others > 2)) break; /* a long list of addressees is wrapped */
        blank = !at.s.n;
        if (label) *after = at.next;
        address |= at.s.n && memchr(at.s.p, '@', at.s.n);
        if (seen[L_SUBJECT] || at.next >= end) break; /* the last of them, everywhere */
        at = quote_line(at.next, end);
    }
    return seen[L_SENT] && (seen[L_SUBJECT] || (seen[L_TO] && address));
}

enum lead quote_lead(const struct line *l, const char *end, bool blocks, const char **after)
{
    enum lead found;
    *after = l->next;
    if (l->s.n < 4 || l->s.n > QUOTE_LINE) return LEAD_NONE;
    if ((found = ruled(l->s))) return found;
    if (blocks && block(l, end, after)) return LEAD_REST;
    return wrapped_sentence(l, end, after);
}
