#include "workers/assign/core.h"

#include <stdlib.h>

/* A later message of a conversation has its own verdict; what it says of the ticket is added to what is known:

     urgency    rises, never falls: a polite "thank you" after "my money is gone" makes nothing less urgent. The deadline moves
                with it.
     needs      grow; each keeps its highest level. What steps of the timeline gave up stays given up.
     language   changes when the source states another, or a message of some length is in another: "ok" is in no language. A
                need for the former language that a verdict asked for is one for the new language then, and so is `lang: ticket`
                of the queue.
     intent     the last sure one counts; an unsure verdict, or one without an intent, takes nothing away.
     tags       add up.
     queue      where the policy would send what is known now, if that is elsewhere than what it would have said before the
                message: so a ticket that a person, or its timeline, has moved stays there until there is something new. That
                nothing takes it is no reason to move.

   A waiting ticket moves at once and keeps its age. An offered one stays offered as long as it belongs to the same queue and its
   agent has the skills; else the offer is withdrawn, which is no miss of the agent's, and it waits again with its age. One that
   an agent has stays theirs: they are told what changed, and its record says where it would belong (`suits`). Nothing new: no
   entry. One entry tells what changed, with the verdict that did it. */

#define LANGUAGE_BYTES 20u   /* a shorter text changes no language */
#define DETAIL_MAX     8192u /* of an entry: it is kept with the ticket */
#define REASONS_MAX    32u

enum change_bit {
    IS_URGENCY = 1,
    IS_NEEDS = 2,
    IS_LANGUAGE = 4,
    IS_INTENT = 8,
    IS_TAGS = 16,
    IS_QUEUE = 32,
    IS_NAMED = 64,
    IS_SENTIMENT = 128
};

/* What the ticket was, and which parts are other now. */
struct shift {
    const struct event *event;
    const struct verdict *verdict;
    struct facts was;
    enum urgency urgency;
    uint32_t queue, suits;
    unsigned bits;
};

/* ---- facts ---- */

static bool tells_language(const struct ticket *t, const struct event *e, const struct verdict *v)
{
    const struct facts *f = &t->facts;

    if (!v->language.n || str_is(v->language, "und") || str_eq(v->language, f->language)) return false;
    return e->language.n || e->text.n >= LANGUAGE_BYTES || !f->language.n || str_is(f->language, "und");
}

static bool has_tag(const struct tag *tags, uint32_t count, struct str name)
{
    for (uint32_t i = 0; i < count; i++)
        if (str_eq(tags[i].name, name)) return true;
    return false;
}

/* The tags of both, in ws->arena; the ticket's own when there is no new one. */
static bool add_tags(struct workspace *ws, struct facts *f, const struct verdict *v)
{
    const struct tag *more = v->tags.items;
    struct tag *all = NULL;
    uint32_t n = f->tag_count;

    for (uint32_t i = 0; i < v->tags.count && n < LIM_LIST_ITEMS; i++) {
        if (has_tag(all ? all : f->tags, n, more[i].name)) continue;
        if (!all) {
            if (!(all = arena_alloc(&ws->arena, LIM_LIST_ITEMS * sizeof *all))) return false;
            if (n) memcpy(all, f->tags, n * sizeof *all);
        }
        all[n++] = more[i];
    }
    if (!all) return false;
    f->tags = all;
    f->tag_count = n;
    return true;
}

/* What is known of the ticket with the verdict added; gives which facts are new. */
static unsigned learn(struct workspace *ws, const struct ticket *t, const struct event *e, const struct verdict *v,
                      struct facts *now)
{
    unsigned bits = 0;

    *now = t->facts;
    if (tells_language(t, e, v)) now->language = v->language, bits |= IS_LANGUAGE;
    if (v->intent.n && !v->unsure && (now->unsure || !str_eq(v->intent, now->intent))) {
        now->intent = v->intent;
        now->unsure = false;
        now->confidence = v->confidence;
        bits |= IS_INTENT;
    }
    if (v->queue.n && !str_eq(v->queue, now->named)) now->named = v->queue, bits |= IS_NAMED;
    if (add_tags(ws, now, v)) bits |= IS_TAGS;
    if (v->sentiment != SENT_UNKNOWN && v->sentiment != now->sentiment) now->sentiment = v->sentiment, bits |= IS_SENTIMENT;
    return bits;
}

/* ---- queue ---- */

uint32_t ticket_route(const struct workspace *ws, const struct ticket *t, const struct facts *f)
{
    struct event e = { .account = ticket_text(t, TEXT_ACCOUNT), .channel = ticket_text(t, TEXT_CHANNEL) };
    struct verdict v = {
        .language = f->language, .intent = f->intent, .unsure = f->unsure, .queue = f->named, .tags = { f->tags, f->tag_count }
    };

    return policy_route(ws->policy, &e, &v);
}

/* Where it belongs now; its own queue when nothing new says otherwise. */
static uint32_t belongs(const struct workspace *ws, const struct ticket *t, const struct facts *now)
{
    uint32_t before = ticket_route(ws, t, &t->facts), after = ticket_route(ws, t, now);
    bool named = now->named.n && policy_queue(ws->policy, now->named) == (int)after;

    if (after == before || (after == ws->policy->default_queue && !named)) return t->queue;
    return after;
}

/* ---- needs ---- */

static uint16_t language_skill(struct workspace *ws, struct str language)
{
    char name[5 + 16];
    struct str cut = text_cut(language, sizeof name - 5);

    memcpy(name, "lang:", 5);
    if (cut.n) memcpy(name + 5, cut.p, cut.n);
    return (uint16_t)space_intern(ws, (struct str){ name, 5 + cut.n });
}

static bool asks_for(struct workspace *ws, const struct verdict *v, uint16_t skill)
{
    const struct need *n = v->needs.items;

    for (uint32_t i = 0; i < v->needs.count; i++)
        if (space_intern(ws, n[i].skill) == skill) return true;
    return false;
}

/* What verdicts asked of the former language is asked of the new one, unless this verdict asks for the former again. */
static void asked_in_new_language(struct workspace *ws, struct ticket *t, const struct shift *s)
{
    struct needs n = needs_open(t->asked);
    uint16_t from = language_skill(ws, s->was.language), to = language_skill(ws, t->facts.language);

    if (!s->was.language.n || asks_for(ws, s->verdict, from)) return;
    for (uint32_t i = 0; i < n.count; i++) {
        if (n.v[i].skill != from) continue;
        uint32_t level = n.v[i].level;
        memmove(n.v + i, n.v + i + 1, (--n.count - i) * sizeof *n.v);
        needs_add(ws, &n, to, level);
        needs_close(ws, &t->asked, &n);
        return;
    }
}

/* True: it needs something else now. Not while it waits in a line. */
static bool ask_again(struct workspace *ws, struct ticket *t, const struct shift *s)
{
    struct needs before = needs_open(t->needs);
    bool spoken = s->bits & IS_LANGUAGE;

    if (spoken) asked_in_new_language(ws, t, s);
    if (!ticket_ask(ws, t, s->verdict) && !spoken) return false;
    change_touch_about(ws, t);
    ticket_needs_of_queue(ws, t);
    steps_again(ws, t);
    return before.count != t->needs->count || memcmp(before.v, t->needs->v, before.count * sizeof *before.v) != 0;
}

bool ticket_serves(const struct workspace *ws, const struct ticket *t, const struct agent *a)
{
    const struct roster *r = &ws->roster;

    for (uint32_t i = 0; i < t->needs->count; i++) {
        const uint8_t *col = t->needs->v[i].skill < r->level_room ? r->level[t->needs->v[i].skill] : NULL;
        if (!col || col[a->index] < t->needs->v[i].level) return false;
    }
    return true;
}

/* ---- urgency ---- */

static bool press(struct workspace *ws, struct ticket *t, const struct verdict *v)
{
    if (v->score > t->score) {
        t->score = v->score;
        change_touch_about(ws, t);
    }
    if (v->urgency <= t->urgency) return false;
    t->urgency = v->urgency;
    ticket_due_from_sla(ws, t);
    return true;
}

/* ---- the record ---- */

static void put_two(struct jw *w, const char *key, struct str was, struct str is)
{
    jw_key(w, key), jw_open(w, '[');
    jw_str(w, was), jw_str(w, is);
    jw_close(w, ']');
}

static void put_new_tags(struct jw *w, const struct ticket *t, const struct shift *s)
{
    jw_key(w, "tags"), jw_open(w, '[');
    for (uint32_t i = s->was.tag_count; i < t->facts.tag_count; i++) jw_str(w, t->facts.tags[i].name);
    jw_close(w, ']');
}

static void put_needs(struct workspace *ws, struct jw *w, const struct ticket *t)
{
    jw_key(w, "needs"), jw_open(w, '[');
    for (uint32_t i = 0; i < t->needs->count; i++) {
        struct need n = { space_skill(ws, t->needs->v[i].skill), t->needs->v[i].level };
        jw_open(w, '{'), record_json_fields(w, &need_record, &n), jw_close(w, '}');
    }
    jw_close(w, ']');
}

static void put_changes(struct workspace *ws, struct jw *w, const struct ticket *t, const struct shift *s)
{
    const struct queue *q = ws->policy->queues;

    if (s->bits & IS_URGENCY) put_two(w, "urgency", str_of(urgency_words.v[s->urgency]), str_of(urgency_words.v[t->urgency]));
    if (s->bits & IS_LANGUAGE) put_two(w, "language", s->was.language, t->facts.language);
    if (s->bits & IS_INTENT) put_two(w, "intent", s->was.intent, t->facts.intent);
    if (s->bits & IS_TAGS) put_new_tags(w, t, s);
    if (s->bits & IS_NEEDS) put_needs(ws, w, t);
    if (s->bits & IS_QUEUE) put_two(w, "queue", str_of(q[s->queue].name), str_of(q[s->suits].name));
    else if (s->suits != s->queue) jw_key(w, "suits"), jw_strz(w, q[s->suits].name);
}

/* {"event", "changes", "verdict"}; a verdict with more to say than the record may hold says less of why. */
static struct str told(struct workspace *ws, const struct ticket *t, const struct shift *s, uint32_t reasons)
{
    struct buf *b = &ws->detail;
    struct jw w = jw_on(b);
    struct verdict v = *s->verdict;
    char id[ID_TEXT + 1];

    buf_clear(b);
    if (v.reasons.count > reasons) v.reasons.count = reasons;
    if (!reasons) v.rules.count = v.tags.count = v.needs.count = 0;
    jw_open(&w, '{');
    jw_key(&w, "event"), jw_strz(&w, id_text(&s->event->id, id));
    jw_key(&w, "changes"), jw_open(&w, '{');
    put_changes(ws, &w, t, s);
    jw_close(&w, '}');
    jw_key(&w, "verdict"), jw_open(&w, '{');
    record_json_fields(&w, &verdict_record, &v);
    jw_close(&w, '}');
    jw_close(&w, '}');
    if (b->err || b->n > DETAIL_MAX) return reasons ? told(ws, t, s, reasons / 4) : STR_NONE;
    return buf_str(b);
}

static void name_changes(const struct shift *s, char out[128])
{
    static const struct {
        enum change_bit bit;
        const char *word;
    } words[] = { { IS_URGENCY, "urgency" }, { IS_NEEDS, "needs" }, { IS_LANGUAGE, "language" },
                  { IS_INTENT, "intent" },   { IS_TAGS, "tags" },   { IS_QUEUE, "queue" } };
    size_t n = 0;

    for (size_t i = 0; i < sizeof words / sizeof *words; i++) {
        if (!(s->bits & words[i].bit)) continue;
        if (n) memcpy(out + n, ", ", 2), n += 2;
        memcpy(out + n, words[i].word, strlen(words[i].word));
        n += strlen(words[i].word);
    }
    out[n] = '\0';
}

/* ---- what comes of it ---- */

static void move(struct workspace *ws, struct ticket *t, const struct shift *s)
{
    waiting_leave(ws, t);
    ticket_to_queue(ws, t, s->suits);
    log_change(ws, .kind = ENTRY_MOVED, .t = t, .cause = "retriaged");
}

/* Offers to agents who could not be offered it now; all, when it `moves`. */
static void withdraw_unfit(struct workspace *ws, struct ticket *t, bool moves)
{
    for (struct hold *h = t->holds, *next; h && t->state == TK_OFFERED; h = next) {
        next = h->next;
        if (moves || !ticket_serves(ws, t, h->agent)) offer_withdraw(ws, h, "retriaged");
    }
}

/* Puts on record what changed, and lets follow from it what must. */
static void settle(struct workspace *ws, struct ticket *t, struct shift *s)
{
    char what[128];
    bool moves = s->suits != t->queue && (t->state == TK_WAITING || t->state == TK_OFFERED);

    if (moves) s->bits |= IS_QUEUE;
    name_changes(s, what);
    if (!*what) return; /* a rule names the queue that it is in, or one that it cannot go to now */
    change_touch(ws, t);
    log_change(ws, .kind = ENTRY_RETRIAGED, .t = t, .cause = what, .detail = told(ws, t, s, REASONS_MAX));
    withdraw_unfit(ws, t, moves);
    if (moves) move(ws, t, s);
    change_offer_all(ws, t, "changed", what);
}

void ticket_retriage(struct workspace *ws, struct ticket *t, const struct event *e, const struct verdict *v)
{
    struct shift s = { .event = e, .verdict = v, .was = t->facts, .urgency = t->urgency, .queue = t->queue, .suits = t->queue };
    struct facts now;
    char *old = NULL;
    bool waits = t->line != NULL;

    s.bits = learn(ws, t, e, v, &now);
    if (s.bits) s.suits = belongs(ws, t, &now);
    if (s.bits && !ticket_retell(ws, t, &now, &old)) s.bits = 0, s.suits = t->queue; /* no memory: the next message tells it */
    waiting_leave(ws, t);
    if (press(ws, t, v)) s.bits |= IS_URGENCY;
    if (ask_again(ws, t, &s)) s.bits |= IS_NEEDS;
    if (s.bits) settle(ws, t, &s);
    if (waits || (t->state == TK_WAITING && !t->line)) waiting_again(ws, t);
    if (s.bits) ticket_schedule(ws, t);
    bots_message(ws, t, v);
    free(old);
    arena_clear(&ws->arena);
}
