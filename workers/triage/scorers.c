/* Two kinds of things are kept here:

     joined   a scorer's process, from its first word until it leaves. Its list `open` holds the questions it has not answered.
     held     an event that waits, in one of SCORERS_EVENTS slots, with a question for each stage. A question is waiting (for
              room with a scorer, in the list of its stage), then open (`of` is set, in its scorer's list), then closed. As long as
              it is waiting or open it is in the heap of deadlines, and counted in its event's `pending`; close_question is the only
              place where that ends. With the last one the event leaves its slot, is handed to `ready`, and is freed.

   So an event is handed on exactly once, whatever comes in which order, and nothing here is left by what never comes.

   A question's number is made of its event's serial, its slot and its stage; it is found without a search, and a number of an
   earlier user of the slot, or of an earlier life of the process, does not fit. Numbers stay below 2^53, exact in every language.

   Owned: a joined its `workspaces`; a held its `notes`, one for each answer taken, whose texts `given` points to. */
#include "workers/triage/scorers.h"

#include "base/heap.h"
#include "base/log.h"
#include "base/metrics.h"
#include "workers/triage/scored.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/queue.h>

#define STAGE_BITS  2
#define SLOT_BITS   14
#define SERIAL_MASK ((UINT64_C(1) << 37) - 1)
#define EVENT_ARENA (1u << 20) /* lists of one event */
#define PASSED_MAX  64u        /* questions looked at in vain when a scorer has room */

struct question {
    struct heap_node due; /* key: when it is given up; waiting: half of the time, open: all of it */
    TAILQ_ENTRY(question) next;
    struct joined *of;
    bool waiting;
    uint64_t asked_at, deadline;
};
TAILQ_HEAD(questions, question);
struct note {
    struct answered answered;
    char by[80], room[SCORED_ROOM];
};
struct held {
    void *from, *workspace;
    uint64_t serial;
    uint32_t slot, pending; /* questions waiting or open */
    struct question questions[ANSWER_COUNT];
    struct note *notes[ANSWER_COUNT];
    char name[65]; /* of its workspace */
    size_t n;
    char packed[];
};
struct workspace_name {
    char text[65];
};
struct offer_of { /* what a scorer says it answers */
    char by[80];  /* "scorer:NAME" */
    unsigned stages;
    uint32_t at_once;
    struct workspace_name *workspaces; /* none: all */
    uint32_t workspace_count;
};
struct joined {
    void *peer;
    struct offer_of what;
    struct questions open;
    uint32_t under_way; /* length of `open` */
    uint32_t misses;    /* in a row */
    bool trying;        /* was left alone, and has not answered in time since */
    uint64_t until;     /* left alone until then */
};
struct scorers {
    struct scorers_cfg cfg;
    struct joined *joined[SCORERS_MAX];
    uint32_t joined_count, turn;
    struct held *slots[SCORERS_EVENTS];
    uint16_t free_slots[SCORERS_EVENTS];
    uint32_t free_count;
    uint64_t first, serial; /* serials first … serial - 1 were used */
    size_t bytes;
    struct questions waiting[ANSWER_COUNT];
    struct heap deadlines;
    struct buf room; /* one packed event */
    struct arena arena;
};

_Static_assert(SCORERS_EVENTS == 1u << SLOT_BITS, "a question's number holds its slot");
_Static_assert(ANSWER_COUNT <= 1u << STAGE_BITS, "… and its stage");
_Static_assert(SCORERS_MAX <= 64, "sets of scorers are bits");

static const char *stage_name(unsigned stage) { return answer_words.v[stage]; }
static const char *name_of(const struct joined *j) { return j->what.by + strlen("scorer:"); }
static void fall_back(const char *cause) { metric_add(MET_SCORER_FALLBACK, cause, 1); }

/* ---- events that wait ---- */

static uint64_t question_number(const struct held *h, unsigned stage)
{
    return (h->serial & SERIAL_MASK) << (SLOT_BITS + STAGE_BITS) | (uint64_t)h->slot << STAGE_BITS | stage;
}

static struct held *held_new(struct scorers *s, const struct asking *a)
{
    struct held *h = NULL;
    buf_clear(&s->room);
    record_pack(&s->room, &event_record, a->event);
    size_t n = s->room.n;
    if (!s->room.err && s->free_count && s->bytes + n <= SCORERS_BYTES) h = malloc(sizeof *h + n);
    if (!h) return NULL;
    *h = (struct held){
        .from = a->from, .workspace = a->workspace, .serial = s->serial++, .slot = s->free_slots[--s->free_count], .n = n
    };
    memcpy(h->packed, s->room.p, n);
    snprintf(h->name, sizeof h->name, "%.*s", STR_FMT(a->event->workspace));
    s->slots[h->slot] = h;
    s->bytes += n;
    return h;
}

static void held_take(struct scorers *s, struct held *h)
{
    s->slots[h->slot] = NULL;
    s->free_slots[s->free_count++] = (uint16_t)h->slot;
    s->bytes -= h->n;
}

static void held_free(struct held *h)
{
    for (unsigned i = 0; i < ANSWER_COUNT; i++) free(h->notes[i]);
    free(h);
}

static void hand_on(struct scorers *s, struct held *h)
{
    struct event e;
    struct given given = { 0 };
    held_take(s, h);
    for (unsigned i = 0; i < ANSWER_COUNT; i++)
        if (h->notes[i]) given.of[i] = h->notes[i]->answered;
    if (record_unpack(&event_record, &e, (struct str){ h->packed, h->n }, &s->arena) == ERR_OK)
        s->cfg.ready(s->cfg.ctx, h->from, h->workspace, &e, &given);
    else log_error("out of memory, an event is dropped: its router sends it again");
    arena_clear(&s->arena);
    held_free(h);
}

/* ---- questions ---- */

static struct held *held_of(struct question *q, unsigned *stage)
{
    *stage = (unsigned)(q->due.tie & (ANSWER_COUNT - 1)); /* the number's lowest bits */
    return container_of(q - *stage, struct held, questions);
}

/* Where it is from: kept apart from the packed event, for those who look at many. */
static struct str workspace_of(struct question *q)
{
    unsigned stage;
    return str_of(held_of(q, &stage)->name);
}

static void detach(struct scorers *s, struct question *q)
{
    struct joined *j = q->of;
    unsigned stage;
    (void)held_of(q, &stage);
    heap_remove(&s->deadlines, &q->due);
    TAILQ_REMOVE(j ? &j->open : &s->waiting[stage], q, next);
    if (j) j->under_way--;
    q->of = NULL;
    q->waiting = false;
}

/* `note`, which it takes, or the cause why there is none. */
static void close_question(struct scorers *s, struct question *q, struct note *note, const char *cause)
{
    unsigned stage;
    struct held *h = held_of(q, &stage);
    detach(s, q);
    h->notes[stage] = note;
    if (note) metric_add(MET_SCORER_ANSWERED, stage_name(stage), 1);
    else fall_back(cause);
    if (--h->pending == 0) hand_on(s, h);
}

/* ---- who may be asked ---- */

static bool answers_for(const struct offer_of *o, unsigned stage, struct str workspace)
{
    if (!(o->stages >> stage & 1)) return false;
    for (uint32_t i = 0; i < o->workspace_count; i++)
        if (str_is(workspace, o->workspaces[i].text)) return true;
    return o->workspace_count == 0;
}

static bool left_alone(const struct joined *j, uint64_t now) { return now < j->until || (j->trying && j->under_way); }
static bool takes_more(const struct joined *j) { return !j->what.at_once || j->under_way < j->what.at_once; }

/* The least busy one that is not in `tried`, or NULL, and why: "busy" may change any moment. */
static struct joined *pick(const struct scorers *s, unsigned stage, struct str workspace, uint64_t tried, uint64_t now,
                           const char **cause)
{
    struct joined *best = NULL;
    bool paused = false, busy = false;
    for (uint32_t n = 0; n < s->joined_count; n++) {
        uint32_t i = (s->turn + n) % s->joined_count;
        struct joined *j = s->joined[i];
        if (!answers_for(&j->what, stage, workspace)) continue;
        if (left_alone(j, now)) paused = true;
        else if (!takes_more(j) || (tried >> i & 1)) busy = true;
        else if (!best || j->under_way < best->under_way) best = j;
    }
    *cause = busy ? "busy" : paused ? "paused" : "none";
    return best;
}

static bool may_wait(const char *cause) { return strcmp(cause, "busy") == 0; }

static uint32_t place_of(const struct scorers *s, const void *peer)
{
    uint32_t i = 0;
    while (i < s->joined_count && s->joined[i]->peer != peer) i++;
    return i;
}

unsigned scorers_wanted(struct scorers *s, struct str workspace, const uint32_t within_ms[ANSWER_COUNT], uint64_t now)
{
    unsigned stages = 0;
    const char *cause;
    for (unsigned i = 0; i < ANSWER_COUNT; i++) {
        if (!within_ms[i]) continue;
        if (pick(s, i, workspace, 0, now, &cause) || may_wait(cause)) stages |= 1u << i;
        else fall_back(cause);
    }
    return stages;
}

/* ---- asking ---- */

static struct score question_of(const struct event *e, const struct shown *show, const struct question *q, unsigned stage,
                                uint64_t now)
{
    return (struct score){ .id = q->due.tie,
                           .stage = (enum answer)stage,
                           .event = e->id,
                           .workspace = e->workspace,
                           .account = e->account,
                           .channel = e->channel,
                           .language = show->language,
                           .subject = e->subject,
                           .text = show->text,
                           .attributes = e->attributes,
                           .within_ms = (uint32_t)(q->deadline - now) };
}

/* The question is `j`'s now. */
static void asked(struct scorers *s, struct question *q, struct joined *j, unsigned stage, uint64_t now)
{
    q->of = j;
    q->asked_at = now;
    TAILQ_INSERT_TAIL(&j->open, q, next);
    j->under_way++;
    heap_rekey(&s->deadlines, &q->due, (int64_t)q->deadline);
    metric_add(MET_SCORER_ASKED, stage_name(stage), 1);
}

/* Puts the question to the first that takes it; NULL: nobody does, for this cause. */
static struct joined *send(struct scorers *s, const struct score *q, uint64_t now, const char **cause)
{
    uint64_t tried = 0;
    for (struct joined *j; (j = pick(s, q->stage, q->workspace, tried, now, cause));) {
        uint32_t at = place_of(s, j->peer);
        if (s->cfg.send(s->cfg.ctx, j->peer, q) == ERR_OK) {
            s->turn = at + 1;
            return j;
        }
        tried |= UINT64_C(1) << at;
    }
    return NULL;
}

static void ask_stage(struct scorers *s, const struct asking *a, const struct shown *show, struct held *h, unsigned stage,
                      uint64_t now)
{
    struct question *q = &h->questions[stage];
    const char *cause;
    q->deadline = now + a->within_ms[stage];
    q->due = (struct heap_node){ .key = (int64_t)(now + (a->within_ms[stage] + 1) / 2), .tie = question_number(h, stage) };
    struct score text = question_of(a->event, show, q, stage, now);
    if (heap_push(&s->deadlines, &q->due) != ERR_OK) return fall_back("full");
    struct joined *j = send(s, &text, now, &cause);
    if (!j && !may_wait(cause)) { /* who was there is left alone by now */
        heap_remove(&s->deadlines, &q->due);
        return fall_back(cause);
    }
    h->pending++;
    if (j) return asked(s, q, j, stage, now);
    q->waiting = true;
    TAILQ_INSERT_TAIL(&s->waiting[stage], q, next);
}

bool scorers_ask(struct scorers *s, const struct asking *a, uint64_t now)
{
    struct held *h = held_new(s, a);
    struct shown show = { STR_NONE, STR_NONE };
    if (h) show = s->cfg.show(s->cfg.ctx, a->event);
    for (unsigned i = 0; i < ANSWER_COUNT; i++) {
        if (!(a->stages >> i & 1)) continue;
        if (h) ask_stage(s, a, &show, h, i, now);
        else fall_back("full");
    }
    if (!h || h->pending) return h != NULL;
    held_take(s, h);
    held_free(h);
    return false;
}

/* ---- questions that wait for room ---- */

/* False when it did not take it. */
static bool put_waiting(struct scorers *s, struct joined *j, struct question *q, uint64_t now)
{
    unsigned stage;
    struct held *h = held_of(q, &stage);
    struct event e;
    bool sent = false;
    if (record_unpack(&event_record, &e, (struct str){ h->packed, h->n }, &s->arena) == ERR_OK) {
        struct shown show = s->cfg.show(s->cfg.ctx, &e);
        struct score text = question_of(&e, &show, q, stage, now);
        sent = s->cfg.send(s->cfg.ctx, j->peer, &text) == ERR_OK;
    }
    arena_clear(&s->arena);
    if (!sent) return false;
    TAILQ_REMOVE(&s->waiting[stage], q, next);
    q->waiting = false;
    asked(s, q, j, stage, now);
    return true;
}

/* Those of other workspaces are passed over, but not without end: what lies behind them keeps its deadline all the same. */
static void fill_stage(struct scorers *s, struct joined *j, unsigned stage, uint64_t now)
{
    struct question *q = TAILQ_FIRST(&s->waiting[stage]), *next;
    for (uint32_t passed = 0; q && passed < PASSED_MAX && !left_alone(j, now) && takes_more(j); q = next) {
        next = TAILQ_NEXT(q, next);
        if (now >= q->deadline || !answers_for(&j->what, stage, workspace_of(q))) passed++;
        else if (!put_waiting(s, j, q, now)) return;
    }
}

static void fill(struct scorers *s, struct joined *j, uint64_t now)
{
    for (unsigned i = 0; i < ANSWER_COUNT; i++) fill_stage(s, j, i, now);
}

void scorers_room(struct scorers *s, void *peer, uint64_t now)
{
    uint32_t at = place_of(s, peer);
    if (at < s->joined_count) fill(s, s->joined[at], now);
}

/* After one has gone: what waits for nobody any more is given up. */
static void give_up_waiting(struct scorers *s, unsigned stage)
{
    const char *cause;
    struct question *q = TAILQ_FIRST(&s->waiting[stage]), *next;
    for (; q; q = next) {
        next = TAILQ_NEXT(q, next);
        if (!pick(s, stage, workspace_of(q), 0, 0, &cause) && strcmp(cause, "none") == 0) close_question(s, q, NULL, "down");
    }
}

/* ---- answers and deadlines ---- */

static void heard(struct joined *j)
{
    if (j->trying) log_info("%s answers in time again", j->what.by);
    j->misses = 0;
    j->trying = false;
    j->until = 0;
}

static void missed(struct joined *j, uint64_t now)
{
    j->misses++;
    if (now < j->until || (!j->trying && j->misses < SCORERS_MISSES)) return;
    if (!j->trying) /* said once, until it answers in time */
        log_warn("%s missed %u deadlines in a row: left alone for %u s, then tried with one question at a time", j->what.by,
                 SCORERS_MISSES, SCORERS_PAUSE_MS / 1000);
    metric_add(MET_SCORER_PAUSED, name_of(j), 1);
    j->trying = true;
    j->until = now + SCORERS_PAUSE_MS;
    j->misses = 0;
}

/* The open question of that number; NULL, and why there is none. */
static struct question *find(struct scorers *s, uint64_t id, const char **cause)
{
    unsigned stage = id & ((1u << STAGE_BITS) - 1);
    struct held *h = s->slots[id >> STAGE_BITS & (SCORERS_EVENTS - 1)];
    uint64_t serial = id >> (SLOT_BITS + STAGE_BITS);
    if (h && stage < ANSWER_COUNT && h->questions[stage].of && question_number(h, stage) == id) return &h->questions[stage];
    bool ours = serial <= SERIAL_MASK && ((serial - s->first) & SERIAL_MASK) < s->serial - s->first;
    *cause = ours ? "closed" : "unknown";
    return NULL;
}

static struct note *note_new(const struct joined *j, unsigned stage, const struct scored *said, const char **cause)
{
    struct note *n = calloc(1, sizeof *n);
    if (!n) return *cause = "memory", NULL;
    memcpy(n->by, j->what.by, sizeof n->by);
    *cause = scored_check((enum answer)stage, said, str_of(n->by), &n->answered, n->room);
    if (!*cause) return n;
    free(n);
    return NULL;
}

void scorers_answer(struct scorers *s, void *peer, const struct scored *said, uint64_t now)
{
    const char *cause = NULL;
    unsigned stage;
    struct question *q = find(s, said->id, &cause);
    if (q && q->of->peer != peer) q = NULL, cause = "stranger";
    if (!q) return metric_add(MET_SCORER_BROKEN, cause, 1);
    (void)held_of(q, &stage);
    struct joined *j = q->of;
    heard(j);
    metric_observe(MET_SCORER_TIME, stage_name(stage), (double)(now - q->asked_at) / 1e3);
    struct note *n = note_new(j, stage, said, &cause);
    if (!n) metric_add(MET_SCORER_BROKEN, cause, 1);
    close_question(s, q, n, said->error.n ? "error" : "broken");
    fill(s, j, now);
}

uint64_t scorers_next(const struct scorers *s)
{
    const struct heap_node *n = heap_peek(&s->deadlines);
    return n ? (uint64_t)n->key : UINT64_MAX;
}

void scorers_due(struct scorers *s, uint64_t now)
{
    unsigned stage;
    while (scorers_next(s) <= now) {
        struct question *q = container_of(heap_peek(&s->deadlines), struct question, due);
        (void)held_of(q, &stage);
        if (q->of) missed(q->of, now);
        if (q->of) metric_add(MET_SCORER_LATE, stage_name(stage), 1);
        close_question(s, q, NULL, q->of ? "late" : "busy");
    }
}

/* ---- who is there ---- */

static bool good_name(struct str name)
{
    for (size_t i = 0; i < name.n; i++)
        if ((unsigned char)name.p[i] <= ' ' || name.p[i] == 0x7f) return false;
    return name.n >= 1 && name.n <= 64;
}

static unsigned read_stages(const struct list *stages, struct str *odd)
{
    const struct tag *t = stages->items;
    unsigned bits = 0;
    for (uint32_t i = 0; i < stages->count; i++) {
        int at = words_find(&answer_words, t[i].name);
        if (at >= 0) bits |= 1u << at;
        else *odd = t[i].name;
    }
    return bits;
}

static enum err read_offer(struct offer_of *out, const struct scorer *in, struct str *odd)
{
    const struct tag *t = in->workspaces.items;
    bool named = good_name(in->name);
    *out = (struct offer_of){ .stages = named ? read_stages(&in->stages, odd) : 0, .at_once = in->at_once };
    snprintf(out->by, sizeof out->by, "scorer:%.*s", named ? (int)in->name.n : 1, named ? in->name.p : "?");
    if (!in->workspaces.count) return ERR_OK;
    out->workspaces = calloc(in->workspaces.count, sizeof *out->workspaces);
    if (!out->workspaces) return ERR_NOMEM;
    out->workspace_count = in->workspaces.count;
    for (uint32_t i = 0; i < in->workspaces.count; i++)
        snprintf(out->workspaces[i].text, sizeof out->workspaces[i].text, "%.*s", STR_FMT(t[i].name));
    return ERR_OK;
}

static bool same_offer(const struct offer_of *a, const struct offer_of *b)
{
    return strcmp(a->by, b->by) == 0 && a->stages == b->stages && a->at_once == b->at_once &&
           a->workspace_count == b->workspace_count &&
           (!a->workspace_count || !memcmp(a->workspaces, b->workspaces, a->workspace_count * sizeof *a->workspaces));
}

static void tell_offer(const struct offer_of *o, struct str odd, bool bad)
{
    char stages[64] = "";
    for (unsigned i = 0, n = 0; i < ANSWER_COUNT; i++)
        if (o->stages >> i & 1) n += (unsigned)snprintf(stages + n, sizeof stages - n, "%s%s", n ? "," : "", stage_name(i));
    if (odd.n) {
        const char *near = str_nearest(odd, answer_words.v, answer_words.count);
        log_warn("%s offers \"%.*s\", which is no stage%s%s", o->by, STR_FMT(odd), near ? ": did it mean " : "", near ? near : "");
    }
    if (o->stages) log_info("%s answers stages=%s workspaces=%" PRIu32 " (0: all)", o->by, stages, o->workspace_count);
    else if (bad) log_warn("%s needs a name without blanks and a stage of ours: not asked", o->by);
    else log_info("%s is asked nothing any more", o->by);
}

static struct joined *joined_new(struct scorers *s, void *peer)
{
    struct joined *j = calloc(1, sizeof *j);
    if (!j) return NULL;
    j->peer = peer;
    TAILQ_INIT(&j->open);
    return s->joined[s->joined_count++] = j;
}

static void joined_free(struct joined *j)
{
    free(j->what.workspaces);
    free(j);
}

enum err scorers_join(struct scorers *s, void *peer, const struct scorer *what)
{
    struct offer_of o;
    struct str odd = STR_NONE;
    uint32_t at = place_of(s, peer);
    if (at == SCORERS_MAX) return ERR_FULL;
    enum err e = read_offer(&o, what, &odd);
    if (e) return e;
    struct joined *j = at < s->joined_count ? s->joined[at] : joined_new(s, peer);
    if (!j || same_offer(&j->what, &o)) {
        free(o.workspaces);
        return j ? ERR_OK : ERR_NOMEM;
    }
    free(j->what.workspaces);
    j->what = o; /* answers under way are taken under the new name */
    bool bad = !o.stages && (odd.n || !good_name(what->name));
    tell_offer(&o, odd, bad);
    return bad ? ERR_USAGE : ERR_OK;
}

void scorers_leave(struct scorers *s, void *peer)
{
    uint32_t at = place_of(s, peer);
    if (at == s->joined_count) return;
    struct joined *j = s->joined[at];
    s->joined[at] = s->joined[--s->joined_count]; /* first, so that it is not asked again */
    for (struct question *q; (q = TAILQ_FIRST(&j->open));) close_question(s, q, NULL, "down");
    joined_free(j);
    for (unsigned i = 0; i < ANSWER_COUNT; i++) give_up_waiting(s, i);
}

/* ---- the table ---- */

enum err scorers_new(struct scorers **out, const struct scorers_cfg *cfg)
{
    struct scorers *s = calloc(1, sizeof *s);
    if (!s) return ERR_NOMEM;
    s->cfg = *cfg;
    s->first = s->serial = cfg->first & SERIAL_MASK;
    for (uint32_t i = 0; i < SCORERS_EVENTS; i++) s->free_slots[s->free_count++] = (uint16_t)(SCORERS_EVENTS - 1 - i);
    for (unsigned i = 0; i < ANSWER_COUNT; i++) TAILQ_INIT(&s->waiting[i]);
    heap_init(&s->deadlines, (size_t)SCORERS_EVENTS * ANSWER_COUNT);
    buf_init(&s->room, LIM_ZMQ_MESSAGE);
    arena_init(&s->arena, EVENT_ARENA);
    *out = s;
    return ERR_OK;
}

void scorers_free(struct scorers *s)
{
    if (!s) return;
    for (uint32_t i = 0; i < SCORERS_EVENTS; i++)
        if (s->slots[i]) held_free(s->slots[i]);
    for (uint32_t i = 0; i < s->joined_count; i++) joined_free(s->joined[i]);
    heap_fini(&s->deadlines);
    buf_fini(&s->room);
    arena_fini(&s->arena);
    free(s);
}
