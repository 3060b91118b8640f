/* The keys of an account's `voice`: what callers hear while they wait, in which language, and where agents are reached. */
#include "config/rows.h"

WORDS_TABLE(voice_language, VOICE_LANGUAGE_MAP)

static const struct wordset languages = { &voice_language_words, 0, 0 };

/* ---- phones ---- */

static bool is_number(struct str s)
{
    if (s.n < 3 || s.n > 17 || s.p[0] != '+') return false;
    for (size_t i = 1; i < s.n; i++)
        if (s.p[i] < '0' || s.p[i] > '9') return false;
    return true;
}

static bool has_scheme(struct str s, struct str scheme) { return s.n > scheme.n && !memcmp(s.p, scheme.p, scheme.n); }

void bind_phone(struct bind *b, const struct ynode *n)
{
    if (n->type != Y_SCALAR) return; /* said by the row */
    if (is_number(n->text) || has_scheme(n->text, STR("sip:")) || has_scheme(n->text, STR("client:"))) return;
    bind_error(b, n, "\"%.*s\" is no phone: write sip:name@host, client:name, or a number such as \"+821012345678\"",
               STR_FMT(findings_shown(n->text)));
}

/* ---- by language ---- */

static const struct row number_rows[] = {
    { "en", &K_WORDS, VOICE_EN * sizeof(struct words_list), .min = 1, .max = 16, .example = "[\"+1\", \"+44\"]",
      .help = "beginnings of callers' numbers who are spoken to in English; the longest that fits counts" },
    { "ko", &K_WORDS, VOICE_KO * sizeof(struct words_list), .min = 1, .max = 16, .usual = "`\"+82\"` while there is no list at all",
      .example = "[\"+82\"]", .help = "… in Korean" },
    { .name = NULL },
};
static const struct mapping number_mapping = {
    .name = "numbers by language", .rows = number_rows, .name_at = NOWHERE, .line_at = NOWHERE
};

static const struct row greet_rows[] = {
    { "en", &K_TEXT, VOICE_EN * sizeof(char *), .min = 1, .max = 1000, .usual = "a short greeting", .example = "Welcome to Hanbit.",
      .help = "what an English caller hears first" },
    { "ko", &K_TEXT, VOICE_KO * sizeof(char *), .min = 1, .max = 1000, .usual = "a short greeting",
      .example = "한빛 고객센터입니다.", .help = "what a Korean caller hears first" },
    { .name = NULL },
};
static const struct mapping greet_mapping = {
    .name = "greetings by language", .rows = greet_rows, .name_at = NOWHERE, .line_at = NOWHERE
};

/* ---- the whole ---- */

static void voice_check(struct bind *b, const struct ynode *n, void *into)
{
    const struct ynode *connect = tree_get(n, "connect");
    (void)into;
    if (!connect || connect->type != Y_SCALAR) return;
    bind_phone(b, connect);
    for (const char *p = connect->text.p; (p = strpbrk(p, "{}")); p += 7) {
        if (strncmp(p, "{agent}", 7) == 0) continue;
        bind_error(b, connect, "only {agent} is filled in here: write it so, or take the braces out");
        return;
    }
}
static const struct row voice_rows[] = {
    { "connect", &K_TEXT, AT(voice_rules, connect), .min = 1, .max = 256, .usual = "agents' own `phone`",
      .example = "sip:{agent}@pbx.example.com",
      .help = "where an agent without a `phone` is reached: `sip:…`, `client:…` or a number; `{agent}` stands for their name" },
    { "ring", &K_MS, AT(voice_rules, ring_ms), "20s", 5 * SECOND, 10 * MINUTE, .clock = "the accept",
      .help = "how long their phone rings; then the call goes back to its queue" },
    { "language", &K_WORD, AT(voice_rules, language), "en", .arg = &languages,
      .help = "of callers whose number is not in `numbers`" },
    { "numbers", &K_MAPPING, AT(voice_rules, numbers), .arg = &number_mapping, .help = "languages by the caller's number" },
    { "greet", &K_MAPPING, AT(voice_rules, greet), .arg = &greet_mapping, .help = "what callers hear first" },
    { "music", &K_URL, AT(voice_rules, music), .max = 1024, .usual = "silence", .example = "https://cdn.example.com/hold.mp3",
      .help = "what waiting callers hear; an accept interrupts it" },
    { "say-every", &K_MS, AT(voice_rules, say_ms), "30s", 0, HOUR, .clock = "the greeting", .example = "1m",
      .help = "how often they hear their place in the line and the expected wait; 0: never" },
    { "callback", &K_FLAG, AT(voice_rules, callback), "no", .example = "yes",
      .help = "they are told that they may press 1 and be called back when it is their turn" },
    { .name = NULL },
};
const struct mapping voice_mapping = {
    .name = "the rules of calls", .rows = voice_rows, .name_at = NOWHERE, .line_at = NOWHERE, .check = voice_check
};
