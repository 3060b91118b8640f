#include "workers/assign/choice.h"

/* The record of a decision: who won, the best three with their terms, and how many failed at which test first. It is written with
   every offer, so the counting goes over words of 64 agents, and only over what a line knows already.

   The tests, in their order: offline, away, the skills, a back-off, somebody else alone being asked, bots being left out, the
   groups, units, units that are kept, the channel's maximum, a ramp or the day's cap, an exclusive ticket, a closed gate. Who says
   available outside their shift is counted as that, not as away. */

static uint64_t excluded_word(const struct line *l, uint32_t w)
{
    uint64_t out = 0;

    for (uint32_t i = 0; i < l->excluded_count; i++)
        if (l->excluded[i] / 64 == w) out |= 1ull << (l->excluded[i] % 64);
    return out;
}

/* Counts those of `*left` who are in `failed`, and takes them out of it. */
static void fail(uint32_t *count, uint64_t *left, uint64_t failed)
{
    failed &= *left;
    if (!failed) return;
    *count += bits_in(failed);
    *left &= ~failed;
}

/* Of those with the skills who are not asked at all. */
static void tally_unasked(const struct roster *r, const struct line *l, uint32_t w, uint64_t left, struct tally *t)
{
    if (left && l->excluded_count) fail(&t->backoff, &left, excluded_word(l, w));
    if (left && l->only) fail(&t->only, &left, UINT64_MAX);
    if (left && l->no_bots) fail(&t->bot, &left, r->bots[w]);
    if (left) t->groups += bits_in(left);
}

/* Those with units and a place who are not free all the same. */
static void tally_barred(const struct roster *r, uint32_t w, uint64_t left, struct tally *t)
{
    for (; left; left &= left - 1) {
        enum bar why = r->v[w * 64 + (uint32_t)__builtin_ctzll(left)]->barred;
        if (why == BAR_RAMP) t->ramp++;
        else if (why == BAR_DAY) t->daily++;
        else t->exclusive++;
    }
}

static void tally_word(const struct roster *r, const struct line *l, uint32_t w, const uint64_t *eligible, struct tally *t)
{
    bool f = l->favoured;
    uint64_t avail = r->avail[w], left = avail & eligible[w], unfit = avail & ~eligible[w];

    if (unfit && l->excluded_count) fail(&t->backoff, &unfit, excluded_word(l, w));
    if (unfit && l->skilled) {
        uint64_t skilled = unfit & l->skilled[w];
        tally_unasked(r, l, w, skilled, t);
        unfit &= ~skilled;
    }
    if (unfit) t->skills += bits_in(unfit);
    if (!left) return;
    fail(&t->capacity, &left, ~r->room_for[1][l->channel][w]);
    if (!f) fail(&t->keep, &left, ~r->room_for[0][l->channel][w]);
    fail(&t->channel_max, &left, ~r->below[l->channel][w]);
    tally_barred(r, w, left & ~r->free[f][l->channel][w], t);
    left &= r->free[f][l->channel][w];
    if (left) t->fit += bits_in(left);
}

static void tally_ends(const struct roster *r, struct tally *t)
{
    uint32_t known = 0, online = 0, avail = 0;

    for (uint32_t w = 0; w < r->words; w++) {
        if (r->known[w]) known += bits_in(r->known[w]);
        if (r->online[w]) online += bits_in(r->online[w]);
        if (r->avail[w]) avail += bits_in(r->avail[w]);
        if (r->off_shift[w]) t->off_shift += bits_in(r->off_shift[w]);
    }
    t->offline = known - online;
    t->away = online - avail - t->off_shift;
}

static void tally_gates(struct workspace *ws, struct line *l, const uint64_t *eligible, struct tally *t)
{
    const uint64_t *is_free = line_free_set(ws, l);
    struct gates g = gates_now(ws, l);

    for (uint32_t w = 0; g.closed && w < ws->roster.words; w++)
        for (uint64_t left = eligible[w] & is_free[w]; left; left &= left - 1)
            if (gate_stops(ws, &g, w * 64 + (uint32_t)__builtin_ctzll(left))) t->gate++, t->fit--;
}

void match_tally(struct workspace *ws, struct line *l, struct tally *out)
{
    const uint64_t *eligible = line_eligible(ws, l);

    *out = (struct tally){ 0 };
    if (!eligible) return;
    for (uint32_t w = 0; w < ws->roster.words; w++) tally_word(&ws->roster, l, w, eligible, out);
    tally_gates(ws, l, eligible, out);
    tally_ends(&ws->roster, out);
}

const char *fails_word(enum fails f)
{
#define WORD(name) #name,
    static const char *const words[] = { TALLY_MAP(WORD) "fit" };
#undef WORD
    return words[f];
}

void tally_tell(const struct tally *t, struct buf *b)
{
#define ROW(name) { ",\"" #name "\":", offsetof(struct tally, name) },
    static const struct {
        const char *key; /* the first one goes without its comma */
        size_t at;
    } rows[] = { TALLY_MAP(ROW) };
#undef ROW
    size_t none = b->n;

    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        uint32_t n = *(const uint32_t *)((const char *)t + rows[i].at);
        if (!n) continue;
        buf_addz(b, rows[i].key + (b->n == none));
        buf_addu(b, n);
    }
}

static void add_candidate(const struct choice *c, uint32_t agent, bool first, struct buf *b)
{
    const struct agent *a = c->ws->roster.v[agent];
    struct jw w = jw_on(b);

    buf_addz(b, first ? "{\"agent\":" : ",{\"agent\":");
    jw_str(&w, a->name);
    choice_tell(c, agent, b);
    buf_addz(b, ",\"units\":");
    buf_addu(b, a->used);
    buf_addc(b, '}');
}

struct str why_chosen(struct workspace *ws, struct line *l, const struct choice *c, uint32_t winner, uint32_t together)
{
    struct buf *b = &ws->detail;
    struct jw w = jw_on(b);
    uint32_t top[WHY_TOP], n;
    bool seen = false;
    struct tally t;

    if (ws->watch) return STR_NONE;
    n = choice_first(c, WHY_TOP, top);
    match_tally(ws, l, &t);
    buf_clear(b);
    buf_addz(b, "{\"winner\":");
    jw_str(&w, ws->roster.v[c->best[winner].agent]->name);
    buf_addz(b, ",\"top\":[");
    for (uint32_t i = 0; i < n; i++) {
        seen = seen || top[i] == winner;
        add_candidate(c, c->best[i == WHY_TOP - 1 && !seen ? winner : top[i]].agent, i == 0, b); /* the winner in any case */
    }
    buf_addz(b, "],\"candidates\":");
    buf_addu(b, t.fit);
    if (together > 1) {
        buf_addz(b, ",\"together\":");
        buf_addu(b, together);
    }
    buf_addz(b, ",\"failed\":{");
    tally_tell(&t, b);
    buf_addz(b, "}}");
    return b->err ? STR_NONE : buf_str(b);
}
