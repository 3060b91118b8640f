/* Each stage has one function that reads a label: it says whether the text is one, and writes it as verdicts spell it. What is
   optional must be right too: a scorer whose second guess is rubbish has a bug that its operator wants to see counted. */
#include "workers/triage/scored.h"

#include "workers/triage/language.h"
#include "workers/triage/text.h"

#include <stdio.h>

#define INTENT_MAX 64u  /* bytes: the verdict's intent */
#define DETAIL_MAX 256u /* … and a reason's detail */

struct label {
    int word;
    struct str text; /* in the room, or static */
};

/* ---- labels: one function a stage; false: it is none ---- */

static bool name_char(unsigned char c)
{
    return c >= 0x80 || (c >= '0' && c <= '9') || ((c | 0x20) >= 'a' && (c | 0x20) <= 'z') || (c && strchr("-_.@+:", c));
}

static bool read_intent(struct str s, char room[INTENT_MAX], struct label *out)
{
    if (s.n == 0 || s.n > INTENT_MAX) return false;
    for (size_t i = 0; i < s.n; i++)
        if (!name_char((unsigned char)s.p[i])) return false;
    memcpy(room, s.p, s.n);
    *out = (struct label){ .text = { room, s.n } };
    return true;
}

static bool read_word(const struct words *w, struct str s, int least, struct label *out)
{
    int at = words_find(w, s);
    if (at < least) return false;
    *out = (struct label){ at, str_of(w->v[at]) };
    return true;
}

static bool read_urgency(struct str s, char room[INTENT_MAX], struct label *out)
{
    (void)room;
    return read_word(&urgency_words, s, URG_LOW, out);
}

static bool read_sentiment(struct str s, char room[INTENT_MAX], struct label *out)
{
    (void)room;
    return read_word(&sentiment_words, s, SENT_NEGATIVE, out); /* "unknown" is no answer */
}

static bool read_language(struct str s, char room[INTENT_MAX], struct label *out)
{
    if (str_is(s, "und")) return *out = (struct label){ .text = STR("und") }, true;
    size_t n = language_stated(s, room);
    *out = (struct label){ .text = { room, n } };
    return n > 0;
}

static bool (*const readers[ANSWER_COUNT])(struct str s, char room[INTENT_MAX], struct label *out) = {
    [ANSWER_INTENT] = read_intent,
    [ANSWER_URGENCY] = read_urgency,
    [ANSWER_SENTIMENT] = read_sentiment,
    [ANSWER_LANGUAGE] = read_language,
};

/* ---- the answer ---- */

static struct str write_detail(const struct scored *in, struct str label, char *room)
{
    int n = snprintf(room, DETAIL_MAX, "%.*s %.2f", STR_FMT(label), in->p);
    size_t used = n < 0 ? 0 : (size_t)n;
    struct str more = text_clip(in->reason, DETAIL_MAX - 2 - used); /* a label has 64 bytes at most */
    if (!more.n) return (struct str){ room, used };
    memcpy(room + used, ": ", 2);
    for (size_t i = 0; i < more.n; i++) { /* people read it in terminals */
        unsigned char c = (unsigned char)more.p[i];
        room[used + 2 + i] = c < ' ' || c == 0x7f ? ' ' : more.p[i];
    }
    return (struct str){ room, used + 2 + more.n };
}

const char *scored_check(enum answer stage, const struct scored *in, struct str by, struct answered *out, char room[SCORED_ROOM])
{
    struct label label = { 0, STR_NONE }, second = { 0, STR_NONE };
    if (in->error.n) return "error";
    if (!(in->p >= 0 && in->p <= 1)) return "p"; /* NaN too */
    if (in->oos && (stage != ANSWER_INTENT || in->label.n)) return "oos";
    if (!in->oos && !readers[stage](in->label, room, &label)) return "label";
    if (in->second.n && !readers[stage](in->second, room + INTENT_MAX, &second)) return "second";
    *out = (struct answered){
        .is = true, .oos = in->oos, .word = label.word, .label = label.text, .second = second.text, .by = by, .p = in->p
    };
    out->detail = write_detail(in, in->oos ? STR("out of scope") : label.text, room + 2 * INTENT_MAX);
    return NULL;
}
