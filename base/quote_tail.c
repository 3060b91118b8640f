#include "base/quote_impl.h"

/* What stands below a mail's words: the signature that programs part off with "-- ", a closing with names and addresses under it,
   "Sent from my iPhone", legal notices. The last lines are looked at from below; each cutter knows one form and says from which
   line on it is that. They are asked again until none has anything to cut: a notice may stand under a signature.

   A name left standing harms nobody, a lost word may be the one that mattered. So a closing's block goes only when every line of
   it looks like a name, a post or an address; a thank-you is the customer's own and stays, only what is under it may go; Korean
   "○○ 드림" goes, but "신고 드림" (I shall report you) is a sentence. A single word under a thank-you stays too: it may be one. */

#define TAIL_LINES  32u
#define BLOCK_LINES 8u
#define CUTS        8
#define CLOSING_MAX 48u
#define NOTICE_MIN  60u /* bytes */
#define NOTICE_MAX  4096u

struct tail {
    struct str text;
    struct line v[TAIL_LINES]; /* lines with something in them, the last first */
    bool border[TAIL_LINES];   /* a blank line above, or the beginning */
    uint32_t count;
};

static void tail_read(struct tail *t, struct str s)
{
    t->text = s;
    t->count = 0;
    for (size_t n = s.n; n && t->count < TAIL_LINES;) {
        const char *nl = memrchr(s.p, '\n', n - 1);
        size_t at = nl ? (size_t)(nl + 1 - s.p) : 0;
        struct line l = quote_line(s.p + at, s.p + s.n);
        if (l.s.n) {
            t->v[t->count] = l;
            t->border[t->count++] = false;
        } else if (t->count) {
            t->border[t->count - 1] = true;
        }
        n = at;
        if (!n && t->count) t->border[t->count - 1] = true;
    }
}

/* ---- what a line looks like ---- */

static bool is_rule(struct str s) /* ----, ====, ____, ──── */
{
    if (s.n < 3) return false;
    for (size_t i = 0; i < s.n;) {
        size_t n = quote_in(s.p[i], "-_=") ? 1 : 0;
        struct str rest = { s.p + i, s.n - i };
        if (!n && (quote_begins(rest, "─") || quote_begins(rest, "━") || quote_begins(rest, "―") || quote_begins(rest, "—"))) n = 3;
        if (!n) return false;
        i += n;
    }
    return true;
}

static const char *const telephones[] = { "tel",  "phone",   "mobile", "mob",    "cell",   "fax",    "t",    "m",    "p",
                                          "f",    "ph",      "전화",   "휴대폰", "핸드폰", "연락처", "팩스", "tél",  "tél.",
                                          "tel.", "telefon", "mobil",  "電話",   "携帯",   "电话",   "手机", "手機", NULL };

/* A telephone number that the line ends with: seven digits or more, after nothing, a "+", a "0", a "(", or the word for it. */
static bool is_telephone(struct str s)
{
    size_t at = s.n, digits = 0;
    while (at && (quote_digit(s.p[at - 1]) || quote_in(s.p[at - 1], " -.()+/"))) digits += quote_digit(s.p[--at]);
    if (digits < 7 || digits > 16) return false;
    struct str number = quote_trim((struct str){ s.p + at, s.n - at }), label = quote_trim((struct str){ s.p, at });
    if (quote_ends(label, ":")) label = quote_trim((struct str){ label.p, label.n - 1 });
    if (quote_is_any(label, telephones)) return true;
    return !label.n && quote_in(*number.p, "+0(");
}

static bool is_address(struct str s)
{
    const char *at = memchr(s.p, '@', s.n);
    bool mail = at && memchr(at, '.', (size_t)(s.p + s.n - at));
    bool web = quote_begins(s, "http") || quote_begins(s, "www.") || quote_begins(s, "<http");
    return (mail || web) && quote_words(s) <= 3;
}

static bool is_contact(struct str s) { return is_telephone(s) || is_address(s); }

static const char *const no_names[] = { "i ",   "i'",      "my ",     "we ",    "our ",      "no ",    "not ",  "still ", "please",
                                        "pls",  "nothing", "help",    "refund", "cancel",    "urgent", "where", "when",   "why",
                                        "how ", "what",    "waiting", "ps",     "p.s",       "it ",    "the ",  "this ",  "and ",
                                        "but ", "bitte",   "ich ",    "wo ",    "por favor", "je ",    "s'il",  NULL };
static const char *const particles[] = { "de",  "del", "der", "van", "von", "la", "le", "da", "dos",
                                         "bin", "of",  "and", "&",   "-",   "|",  "/",  NULL };

static bool name_word(struct str w)
{
    if (quote_is_any(w, particles)) return true;
    return (*w.p >= 'A' && *w.p <= 'Z') || (w.p[0] == '\xC3' && w.n > 2 && (unsigned char)w.p[1] < 0x9F);
}

/* A name, a post, a firm in Latin letters: up to five words, each with a capital, not all of it in capitals. */
static bool is_name(struct str s)
{
    uint32_t words = 0, small = 0;
    if (s.n < 2 || s.n > 60 || quote_in(s.p[s.n - 1], "?!:")) return false;
    if (quote_begins_any(s, no_names)) return false;
    for (size_t i = 0; i < s.n;) {
        size_t from = i;
        for (; i < s.n && s.p[i] != ' '; i++) {
            if (quote_digit(s.p[i])) return false;
            small += s.p[i] >= 'a' && s.p[i] <= 'z';
        }
        if (i > from && (!name_word((struct str){ s.p + from, i - from }) || ++words > 5)) return false;
        while (i < s.n && s.p[i] == ' ') i++;
    }
    return small > 0 || s.n <= 4;
}

/* A name in letters that take three bytes: two to six of them (Hangul, Han, Kana), the honorific too. */
static bool is_short_east(struct str s)
{
    for (size_t i = 0; i < s.n; i++)
        if ((unsigned char)s.p[i] < 0x80 && s.p[i] != ' ') return false;
    return s.n >= 6 && s.n <= 20 && (unsigned char)*s.p >= 0xE3;
}

static const char *const deeds[] = { "신고", "문의", "요청", "부탁", "말씀", "연락", "전화", "감사", "보내", "알려",
                                     "확인", "전달", "안내", "제출", "회신", "답변", "추천", "사과", "인사", "축하",
                                     "제안", "공유", "메일", "글",   "설명", "질문", "취소", "환불", "주문", "접수",
                                     "신청", "건의", "항의", "보고", "첨부", "남겨", "맡겨", "돌려", NULL };
static const char *const humble[] = { "드림", "올림", "배상", "拜上", "敬上", "謹呈", NULL };

/* "홍길동 드림", "나루전자 홍길동 올림": a name before it, not a deed. */
static bool is_humble(struct str s)
{
    for (const char *const *z = humble; *z; z++) {
        if (!quote_ends(s, *z)) continue;
        struct str name = quote_trim((struct str){ s.p, s.n - strlen(*z) });
        for (const char *const *d = deeds; *d; d++)
            if (quote_ends(name, *d)) return false;
        return name.n >= 6 && name.n <= 40 && quote_words(name) <= 2;
    }
    return false;
}

/* ---- closings ---- */

static const char *const regards[] = { "regards",
                                       "best regards",
                                       "kind regards",
                                       "warm regards",
                                       "kindest regards",
                                       "with kind regards",
                                       "best wishes",
                                       "best",
                                       "sincerely",
                                       "yours sincerely",
                                       "sincerely yours",
                                       "yours faithfully",
                                       "yours truly",
                                       "respectfully",
                                       "br",
                                       "kr",
                                       "rgds",
                                       "mit freundlichen grüßen",
                                       "mit freundlichen grüssen",
                                       "mit freundlichem gruß",
                                       "freundliche grüße",
                                       "viele grüße",
                                       "liebe grüße",
                                       "beste grüße",
                                       "schöne grüße",
                                       "herzliche grüße",
                                       "gruß",
                                       "mfg",
                                       "vg",
                                       "lg",
                                       "hochachtungsvoll",
                                       "cordialement",
                                       "bien cordialement",
                                       "bien à vous",
                                       "salutations",
                                       "sincères salutations",
                                       "meilleures salutations",
                                       "cdt",
                                       "saludos",
                                       "un saludo",
                                       "saludos cordiales",
                                       "un cordial saludo",
                                       "atentamente",
                                       "atte",
                                       "cordialmente",
                                       "atenciosamente",
                                       "cordiali saluti",
                                       "distinti saluti",
                                       "met vriendelijke groet",
                                       "敬具",
                                       "草々",
                                       "此致",
                                       "此致敬礼",
                                       "敬礼",
                                       "祝好",
                                       "顺颂商祺",
                                       "敬祝",
                                       "敬上",
                                       NULL };
static const char *const thanks[] = { "thanks",
                                      "thank you",
                                      "many thanks",
                                      "thanks in advance",
                                      "thank you in advance",
                                      "thanks a lot",
                                      "thank you very much",
                                      "thanks so much",
                                      "thx",
                                      "cheers",
                                      "thanks and regards",
                                      "thanks & regards",
                                      "thank you and best regards",
                                      "감사합니다",
                                      "감사드립니다",
                                      "고맙습니다",
                                      "수고하세요",
                                      "부탁드립니다",
                                      "danke",
                                      "vielen dank",
                                      "besten dank",
                                      "danke im voraus",
                                      "vielen dank im voraus",
                                      "merci",
                                      "merci d'avance",
                                      "merci beaucoup",
                                      "gracias",
                                      "muchas gracias",
                                      "gracias de antemano",
                                      "よろしくお願いします",
                                      "よろしくお願いいたします",
                                      "よろしくお願い致します",
                                      "ありがとうございます",
                                      "谢谢",
                                      "謝謝",
                                      NULL };

static struct str bare(struct str s) /* without the marks at its end */
{
    static const char *const wide[] = { "，", "。", "、", "！", NULL };
    for (size_t before = 0; before != s.n;) {
        before = s.n;
        while (s.n && quote_in(s.p[s.n - 1], ",.!~^ ")) s.n--;
        for (const char *const *z = wide; *z; z++)
            if (quote_ends(s, *z)) s.n -= 3;
    }
    return s;
}

/* Do v[0 … k-1], under a closing, name who wrote? `sure`: the closing alone says that a name follows. */
static bool names_below(const struct tail *t, uint32_t k, bool sure)
{
    bool known = sure;
    for (uint32_t i = 0; i < k; i++) {
        struct str s = bare(t->v[i].s);
        bool first = i + 1 == k, contact = is_contact(t->v[i].s), humbly = is_humble(s);
        bool name = is_name(t->v[i].s), east = is_short_east(s) && (first || sure);
        bool small =
            first && sure && quote_words(s) == 1 && s.n <= 12 && !quote_ends(t->v[i].s, "!") && !quote_ends(t->v[i].s, "?");
        if (!contact && !humbly && !name && !east && !small && !(i + 1 < k && is_rule(s))) return false;
        known |= contact || humbly || (name && quote_words(s) > 1) || (name && first && k == 1);
    }
    return known;
}

static int cut_closing(const struct tail *t)
{
    for (uint32_t k = 0; k < t->count && k <= BLOCK_LINES; k++) {
        struct str s = bare(t->v[k].s);
        if (s.n > CLOSING_MAX) continue;
        if (quote_is_any(s, regards) && names_below(t, k, true)) return (int)k;
        if (k && quote_is_any(s, thanks)) return names_below(t, k, false) ? (int)k - 1 : -1;
    }
    return -1;
}

/* "Best regards, John Smith" on the last line. */
static int cut_closing_line(const struct tail *t)
{
    struct str s = t->v[0].s;
    const char *comma = memchr(s.p, ',', s.n);
    if (!comma || comma + 1 == s.p + s.n) return -1;
    struct str name = quote_trim((struct str){ comma + 1, (size_t)(s.p + s.n - comma - 1) });
    return quote_is_any(quote_trim((struct str){ s.p, (size_t)(comma - s.p) }), regards) && is_name(name) ? 0 : -1;
}

/* "홍길동 드림" on its own, a border or a thank-you above; contacts may follow. */
static int cut_humble(const struct tail *t)
{
    for (uint32_t k = 0; k < t->count && k <= BLOCK_LINES; k++) {
        if (is_contact(t->v[k].s)) continue;
        if (!is_humble(bare(t->v[k].s))) return -1;
        return t->border[k] || (k + 1 < t->count && quote_is_any(bare(t->v[k + 1].s), thanks)) ? (int)k : -1;
    }
    return -1;
}

/* ---- what programs write ---- */

/* "-- " as RFC 3676 (4.3) has it parts off what follows; other rules do so only from names and addresses. */
static int cut_delimited(const struct tail *t)
{
    bool plain = true, contact = false;
    for (uint32_t k = 0; k < t->count && k <= 12; k++) {
        struct str s = t->v[k].s;
        struct str raw = { t->v[k].raw, (size_t)(t->v[k].next - t->v[k].raw) };
        if (quote_begins(raw, "-- ") && s.n == 2) return (int)k;
        if ((str_is(s, "--") || is_rule(s)) && plain && (contact || !k)) return (int)k;
        plain &= is_contact(s) || is_name(s) || is_short_east(s);
        contact |= is_contact(s);
    }
    return -1;
}

static const struct {
    const char *begins, *ends;
} taglines[] = { { "sent from my", "" },
                 { "sent from", "" },
                 { "get outlook for", "" },
                 { "sent with [", "" },
                 { "sent with proton mail", "" },
                 { "", "outlook 다운로드" },
                 { "", "에서 보냈습니다" },
                 { "von meinem", "gesendet" },
                 { "gesendet von", "" },
                 { "gesendet mit", "" },
                 { "envoyé de mon", "" },
                 { "envoyé depuis", "" },
                 { "envoyé à partir", "" },
                 { "enviado desde", "" },
                 { "enviado do meu", "" },
                 { "enviado de mi", "" },
                 { "inviato da", "" },
                 { "verzonden vanaf", "" },
                 { "отправлено с", "" },
                 { "", "에서 보냄" },
                 { "", "에서 보낸 메일입니다" },
                 { "", "から送信" },
                 { "发自", "" },
                 { "從我的", "傳送" },
                 { "从我的", "发送" },
                 { "傳送自", "" } };
static const char *const devices[] = { "iphone", "ipad",    "galaxy", "android", "samsung", "mobile",   "phone",      "handy",
                                       "mobil",  "móvil",   "tablet", "huawei",  "xiaomi",  "pixel",    "outlook",    "mail",
                                       "yahoo",  "windows", "갤럭시", "아이폰",  "휴대폰",  "스마트폰", "안드로이드", "모바일",
                                       "네이버", "手机",    "手機",   "スマホ",  "携帯",    "телефон",  NULL };

static int cut_tagline(const struct tail *t)
{
    struct str s = bare(t->v[0].s);
    bool link = quote_has(s, "<http") != NULL;
    if (s.n > 120 || (quote_words(s) > 6 && !link) || s.n < t->v[0].s.n - 1) return -1;
    for (size_t i = 0; i < sizeof taglines / sizeof *taglines; i++)
        if (quote_begins(s, taglines[i].begins) && quote_ends(s, taglines[i].ends)) return quote_has_any(s, devices) ? 0 : -1;
    return -1;
}

static const char *const this_mail[] = { "this e-mail",
                                         "this email",
                                         "this message",
                                         "this communication",
                                         "this transmission",
                                         "본 메일",
                                         "이 메일",
                                         "본 이메일",
                                         "이 이메일",
                                         "본 전자우편",
                                         "본 메시지",
                                         "diese e-mail",
                                         "diese mail",
                                         "diese nachricht",
                                         "ce message",
                                         "ce courriel",
                                         "cet e-mail",
                                         "este mensaje",
                                         "este correo",
                                         "本メール",
                                         "このメール",
                                         "本电子邮件",
                                         "本邮件",
                                         "此邮件",
                                         "本郵件",
                                         "此郵件",
                                         NULL };
static const char *const law[][6] = { { "confidential", "vertraulich", "confidentiel", "confidencial", "privileged", NULL },
                                      { "intended", "addressee", "recipient", "bestimmt", "destinat", NULL },
                                      { "unauthorized", "unauthorised", "unbefugt", "interdit", "prohibi", NULL },
                                      { "기밀", "비밀", "保密", "机密", "機密", NULL },
                                      { "수신인", "수신자", "수취인", "受信者", "收件人", NULL },
                                      { "법적", "법률", "무단", "違法", "法律", NULL },
                                      { "秘密", "宛先", "誤って", "擅自", "禁止", NULL },
                                      { "received this", "in error", "irrtümlich", "par erreur", "por error", NULL },
                                      { "삭제", "폐기", "löschen", "supprimer", "删除", NULL } };
static const char *const mottoes[] = { "consider the environment before printing", "virus-free.", "virenfrei.", "avast.com", NULL };

/* The last paragraph: a notice when it speaks of this mail and of two matters of law. */
static int cut_notice(const struct tail *t)
{
    uint32_t k = 0, matters = 0;
    while (k < t->count && !t->border[k]) k++;
    if (k == t->count || k + 1 == t->count) return -1; /* longer than what is looked at, or all there is */
    const char *from = t->v[k].raw, *to = t->v[0].next;
    struct str s = { from, (size_t)(to - from) };
    if (s.n > NOTICE_MAX) return -1;
    if (k == 0 && s.n <= 200 && quote_has_any(s, mottoes)) return 0;
    if (s.n < NOTICE_MIN) return -1;
    if (!quote_has_any(s, this_mail)) return -1;
    for (size_t i = 0; i < sizeof law / sizeof *law; i++) matters += quote_has_any(s, law[i]);
    return matters >= 2 ? (int)k : -1;
}

static int (*const cutters[])(const struct tail *t) = { cut_tagline, cut_notice,       cut_delimited,
                                                        cut_closing, cut_closing_line, cut_humble };

size_t quote_tail(struct str s)
{
    struct tail t;
    for (int cuts = 0; cuts < CUTS; cuts++) {
        int at = -1;
        tail_read(&t, s);
        for (size_t i = 0; t.count && at < 0 && i < sizeof cutters / sizeof *cutters; i++) at = cutters[i](&t);
        if (at < 0) break;
        s.n = (size_t)(t.v[at].raw - s.p);
    }
    return s.n;
}
