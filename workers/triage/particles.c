/* A table rather than a grammar: the particles that nouns of customers' messages take, the endings of 이다 ("is"), and the stems of
   the light verbs by which a noun becomes a deed (환불하다, 결제되다), behind which any ending may follow. A run is accepted when
   it is a chain of them, so compounds (에서는, 한테만, 들이) need no entries. Whether the noun ends in a vowel is not asked:
   customers mix 을 and 를.

   What is found wrongly is a noun that looks like one (사고 + 나 "or" is also 사고나 "an accident happens"), which costs little:
   both speak of the word. Particles and endings as in the National Institute of Korean Language's lists of 조사 and 어미; the
   choice is ours. */
#include "workers/triage/particles.h"

#include "workers/triage/text.h"

#define RUN_MAX   36u /* bytes: 12 syllables */
#define CHAIN_MAX 3u

/* By length in syllables, shortest first. */
static const char *const particles[] = {
    /* case and other particles */
    "이",
    "가",
    "은",
    "는",
    "을",
    "를",
    "의",
    "에",
    "도",
    "만",
    "로",
    "과",
    "와",
    "랑",
    "나",
    "야",
    "요",
    "들",
    "께",
    "란",
    "든",
    "뿐",
    "에서",
    "에게",
    "한테",
    "께서",
    "으로",
    "로서",
    "로써",
    "까지",
    "부터",
    "마저",
    "조차",
    "밖에",
    "보다",
    "처럼",
    "만큼",
    "대로",
    "마다",
    "이나",
    "이랑",
    "하고",
    "든지",
    "라도",
    "이란",
    "이든",
    "같은",
    "같이",
    "관련",
    "때문",
    "으로서",
    "으로써",
    "이라도",
    "이든지",
    "에게서",
    "한테서",
    "커녕",
    "이야",
    "중",
    "시",
    "후",
    "전",
    "건",
    "때문에",
    /* 이다 */
    "인",
    "임",
    "일",
    "다",
    "네",
    "죠",
    "지",
    "고",
    "며",
    "면",
    "라",
    "인데",
    "인지",
    "인가",
    "이다",
    "이고",
    "이며",
    "이면",
    "라면",
    "이라",
    "라서",
    "라고",
    "라는",
    "이네",
    "이죠",
    "이지",
    "지요",
    "네요",
    "예요",
    "에요",
    "여요",
    "입니다",
    "입니까",
    "인데요",
    "인가요",
    "인지요",
    "인가봐요",
    "이에요",
    "이예요",
    "이네요",
    "이라서",
    "이라고",
    "이라는",
    "이라면",
    "인지도",
    "일까요",
    "일까",
    "였어요",
    "였는데",
    "였습니다",
    "이었어요",
    "이었는데",
    "이었습니다",
    "였던",
    "이었던",
    "인데도",
    /* light verbs, where another ending would make another word of 한 and 된 */
    "한",
    "된",
    "한다",
    "된다",
    "한데",
    "된데",
    "한지",
    "된지",
    "한거",
    "된거",
    "한게",
    "된게",
    "한다고",
    "된다고",
    "한다는",
    "된다는",
};

/* Any ending follows these. */
static const char *const stems[] = { "하",   "해",   "했",   "할",   "합",   "함",   "되",   "돼",   "됐",   "될",
                                     "됩",   "됨",   "받",   "시키", "시켜", "시킨", "시킬", "당하", "당해", "당했",
                                     "당한", "드려", "드립", "드리", "안돼", "안되", "안됨", "못하", "못해", "못했" };

static bool begins(struct str s, const char *with, size_t n) { return s.n >= n && memcmp(s.p, with, n) == 0; }

static bool chain(struct str run, unsigned left)
{
    if (run.n == 0) return true;
    if (left == 0) return false;
    for (size_t i = 0; i < sizeof stems / sizeof *stems; i++)
        if (begins(run, stems[i], strlen(stems[i]))) return true;
    for (size_t i = 0; i < sizeof particles / sizeof *particles; i++) {
        size_t n = strlen(particles[i]);
        if (begins(run, particles[i], n) && chain((struct str){ run.p + n, run.n - n }, left - 1)) return true;
    }
    return false;
}

/* Bytes of the syllables (U+AC00 … U+D7A3) at the front, at most RUN_MAX and one more syllable. */
static size_t run_of(struct str s)
{
    size_t n = 0;
    while (n < s.n && n <= RUN_MAX) {
        uint32_t cp;
        size_t step = text_next(s.p + n, s.p + s.n, &cp);
        if (cp < 0xAC00 || cp > 0xD7A3) break;
        n += step;
    }
    return n;
}

bool particles_follow(struct str rest)
{
    size_t n = run_of(rest);
    return n <= RUN_MAX && chain((struct str){ rest.p, n }, CHAIN_MAX);
}
