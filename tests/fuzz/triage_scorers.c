/* A day in the life of the table of scorers, told by bytes: who joins, leaves, has room, answers what in which words, how time
   goes. Whatever the order, each event that is held is handed on exactly once, at its deadline at the latest, and what is handed on
   is fit for a verdict. */
#include "base/log.h"
#include "base/metrics.h"
#include "base/panic.h"
#include "workers/triage/scorers.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define EVENTS 512u
#define PEERS  4u
#define ASKED  64u

struct day {
    struct scorers *s;
    const uint8_t *at, *end;
    uint64_t now;
    uint32_t held, handed;
    uint64_t deadline[EVENTS]; /* 0: handed on, or never held */
    uint64_t asked[ASKED];     /* numbers of questions, the last ones */
    void *asked_of[ASKED];
    uint32_t asked_count, credit;
};
static char peers[PEERS];

static uint8_t next_byte(struct day *d) { return d->at < d->end ? *d->at++ : 0; }
static struct str next_text(struct day *d)
{
    size_t n = next_byte(d) & 31, left = (size_t)(d->end - d->at);
    struct str s = { (const char *)d->at, n < left ? n : left };
    d->at += s.n;
    return str_utf8(s, NULL) ? s : STR("refund"); /* the wire lets nothing else pass */
}

static struct shown on_show(void *ctx, const struct event *e)
{
    (void)ctx;
    return (struct shown){ STR("en"), e->text };
}

static enum err on_send(void *ctx, void *peer, const struct score *q)
{
    struct day *d = ctx;
    naru_assert(q->id < UINT64_C(1) << 53 && q->within_ms > 0 && q->stage < ANSWER_COUNT);
    if (d->credit == 0) return ERR_FULL;
    d->credit--;
    d->asked[d->asked_count % ASKED] = q->id;
    d->asked_of[d->asked_count++ % ASKED] = peer;
    return ERR_OK;
}

static void on_ready(void *ctx, void *from, void *workspace, const struct event *e, const struct given *given)
{
    struct day *d = ctx;
    uint64_t *deadline = &d->deadline[(uintptr_t)from - 1];
    naru_assert(workspace == peers && *deadline && e->text.n == 5);
    *deadline = 0;
    d->handed++;
    for (unsigned i = 0; i < ANSWER_COUNT; i++) {
        const struct answered *a = &given->of[i];
        if (!a->is) continue;
        naru_assert(a->p >= 0 && a->p <= 1 && a->by.n > 7 && a->by.n <= 128 && a->detail.n <= 256 && a->label.n <= 64);
        naru_assert((a->oos && i == ANSWER_INTENT) == (a->label.n == 0) && str_utf8(a->detail, NULL));
    }
}

static void join(struct day *d)
{
    struct tag stages[3], where = { STR("w") };
    uint8_t what = next_byte(d);
    uint32_t n = what & 3;
    for (uint32_t i = 0; i < n; i++) {
        uint8_t stage = next_byte(d) % (ANSWER_COUNT + 1);
        stages[i].name = stage < ANSWER_COUNT ? str_of(answer_words.v[stage]) : next_text(d);
    }
    struct scorer s = { next_text(d), { stages, n }, { &where, what >> 2 & 1 }, what >> 3 & 3 };
    (void)scorers_join(d->s, &peers[what >> 6], &s);
}

static void ask(struct day *d)
{
    struct event e = { .workspace = STR("w"), .text = STR("hello") };
    uint32_t within[ANSWER_COUNT], most = 0, n = d->held;
    if (n == EVENTS) return;
    for (unsigned i = 0; i < ANSWER_COUNT; i++) {
        within[i] = next_byte(d) % 100;
        if (within[i] > most) most = within[i];
    }
    struct asking a = { (void *)(uintptr_t)(n + 1), peers, &e, 0, within };
    a.stages = scorers_wanted(d->s, e.workspace, within, d->now);
    if (!a.stages || !scorers_ask(d->s, &a, d->now)) return;
    d->deadline[n] = d->now + most;
    d->held++;
}

static void answer(struct day *d)
{
    static const double ps[] = { 0, 0.5, 1, -1, 2, __builtin_nan(""), __builtin_inf(), 1e-300 };
    uint8_t which = next_byte(d), how = next_byte(d);
    void *peer = which >> 7 ? &peers[how & 3] : d->asked_of[which % ASKED];
    struct scored said = { .id = d->asked[which % ASKED], .p = ps[how & 7], .oos = how >> 3 & 1 };
    if (how >> 4 & 1) said.label = next_text(d);
    else said.label = str_of(how & 32 ? "high" : how & 64 ? "negative" : "ko");
    if (how >> 7) said.second = next_text(d), said.reason = next_text(d), said.error = next_text(d);
    if (which % 16 == 15) said.id ^= (uint64_t)how << (which & 56);
    scorers_answer(d->s, peer, &said, d->now);
}

static void pass(struct day *d)
{
    d->now += (uint64_t)next_byte(d) * (next_byte(d) & 1 ? 100 : 1);
    scorers_due(d->s, d->now);
    naru_assert(scorers_next(d->s) > d->now);
    for (uint32_t i = 0; i < d->held; i++) naru_assert(!d->deadline[i] || d->deadline[i] > d->now);
}

static void leave(struct day *d) { scorers_leave(d->s, &peers[next_byte(d) % PEERS]); }
static void room(struct day *d)
{
    uint8_t b = next_byte(d);
    d->credit = b >> 2;
    scorers_room(d->s, &peers[b & 3], d->now);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static void (*const acts[])(struct day * d) = { join, ask, answer, pass, leave, room, ask, answer };
    static bool ready;
    struct day d = { .at = data, .end = data + size, .now = 1000, .credit = 100 };
    struct scorers_cfg cfg = { .ctx = &d, .first = 7, .show = on_show, .send = on_send, .ready = on_ready };
    if (!ready) metrics_init("fuzz");
    ready = true;
    log_max = LOG_ERROR;
    naru_assert(scorers_new(&d.s, &cfg) == ERR_OK);
    while (d.at < d.end) acts[next_byte(&d) & 7](&d);
    scorers_due(d.s, d.now + 1000);
    naru_assert(d.handed == d.held && scorers_next(d.s) == UINT64_MAX);
    scorers_free(d.s);
    return 0;
}
