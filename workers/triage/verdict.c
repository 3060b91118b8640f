/* Triage is a list of stages, each reading what earlier ones left in a `reading` and adding its part:

     text       subject and the customer's own words of the text in NFC, and their key
     language   stated by the source, else given by a scorer, else by script and model
     intent     given by a scorer, else by the model; in doubt there is none
     sentiment  given by a scorer, else by the model
     rules      words, attributes, hours, what was found so far → actions
     urgency    a score put together from scorer or model, rules and context
     verdict    what was gathered becomes the record

   Every part of a verdict has a reason: which part, by what (script, source, model, scorer:name, rule:name, default), in what
   detail.

   A reading lives on the stack for one event. Lists are gathered in the scratch's rooms, which keep nothing from one event to the
   next, and copied at their true length into the caller's arena. A list that is full takes no more (LIM_LIST_ITEMS). */
#include "workers/triage/verdict.h"

#include "base/quote.h"
#include "workers/triage/language.h"
#include "workers/triage/spoke.h"
#include "workers/triage/urgency.h"

#include <stdio.h>

struct reading {
    const struct rules *r;
    const struct models *m; /* never NULL */
    struct scratch *s;
    struct drafts *d;
    struct arena *arena;
    struct verdict *v;
    const struct given *given; /* never NULL */
    struct look look;
    struct str subject, text, key;      /* NFC, NFC, and the key of both */
    int urgency, raise;                 /* the highest named, or -1; all raises together */
    bool doubted;                       /* the intent is below the policy's bound, or out of scope */
    bool ruled_intent, ruled_sentiment; /* a rule has named it: it wins over what a model said before */
    struct str urgency_by;
    uint32_t needs, tags, fired, reasons, weighed; /* used of the drafts' rooms */
};

static void because(struct reading *w, struct str part, struct str by, struct str detail)
{
    if (w->reasons < LIM_LIST_ITEMS) w->d->reasons[w->reasons++] = (struct reason){ part, by, detail };
}

/* ---- text ---- */

/* Quotes and signatures are not the customer's words: the reason says how much is. */
static enum err own_words(struct reading *w, struct str text, struct str *own)
{
    char *said;
    *own = quote_own_words(text, w->look.event->channel, w->d->key, sizeof w->d->key); /* the key's room, before there is a key */
    if (own->n == text.n) return ERR_OK;
    if (!(said = arena_alloc(w->arena, QUOTE_SAID))) return ERR_NOMEM;
    because(w, STR("text"), STR("quote"), quote_say(own->n, text.n, said));
    return ERR_OK;
}

static enum err stage_text(struct reading *w)
{
    const struct event *e = w->look.event;
    struct drafts *d = w->d;
    struct str own;
    enum err err = own_words(w, text_clip(e->text, TEXT_MAX), &own);
    size_t n = 0;
    if (err) return err;
    w->subject = text_nfc(text_clip(e->subject, sizeof d->subject), d->subject, sizeof d->subject);
    w->text = text_nfc(own, d->text, TEXT_MAX);
    if (w->text.p >= d->key && w->text.p < d->key + sizeof d->key) /* the key is to be written there */
        w->text.p = memcpy(d->text, w->text.p, w->text.n);
    if (w->subject.n) n = text_key(w->subject, d->key, sizeof d->subject);
    if (n) d->key[n++] = '\n'; /* no key of a word holds one, so none is found across the two */
    w->key = (struct str){ d->key, n + text_key(w->text, d->key + n, TEXT_MAX - n) };
    features_of_key(scratch_features(w->s), w->key);
    return ERR_OK;
}

/* What a scorer answered in place of a stage of ours; NULL: nothing. The reason is given with it. */
static const struct answered *given(struct reading *w, enum answer stage)
{
    const struct answered *a = &w->given->of[stage];
    if (!a->is) return NULL;
    because(w, str_of(answer_words.v[stage]), a->by, a->detail);
    return a;
}

/* ---- language ---- */

static enum err stage_language(struct reading *w)
{
    char code[LANGUAGE_MAX + 1];
    struct str stated = w->look.event->language;
    size_t n = language_stated(stated, code);
    if (n) {
        char *copy = arena_alloc(w->arena, n);
        if (!copy) return ERR_NOMEM;
        memcpy(copy, code, n);
        w->look.language = (struct str){ copy, n };
        because(w, STR("language"), STR("source"), stated);
        return ERR_OK;
    }
    const struct answered *told = given(w, ANSWER_LANGUAGE);
    if (told) return w->look.language = told->label, ERR_OK;
    struct letters l = { 0 };
    letters_count(&l, w->subject);
    letters_count(&l, w->text);
    struct language_found *found = arena_alloc(w->arena, sizeof *found);
    if (!found) return ERR_NOMEM;
    language_judge(&l, w->m->language.model ? &w->m->language : NULL, scratch_features(w->s), found);
    w->look.language = found->code;
    because(w, STR("language"), found->by, str_of(found->said));
    return ERR_OK;
}

/* ---- models ---- */

/* What the model of a kind says, its probabilities in the drafts; NULL where there is no model. */
static const struct model *ask(struct reading *w, enum model_kind kind, struct guess *g)
{
    const struct model *m = w->m->of[kind];
    if (m) model_score(m, scratch_features(w->s), w->d->p, g);
    return m;
}

#define GUESS_ROOM 256u /* of what is said of one: as much as a reason takes */

/* "refund 0.93: 환불 0.61, refund + back 0.33": the guess and what spoke for it. In doubt the bound that it missed and the next
   best stand there too: "unsure (0.310 < 0.400): refund 0.31, else exchange 0.28: 환불 0.40". `missed` < 0: no doubt. */
static struct str say_intent(struct reading *w, const struct model *m, const struct guess *g, double missed)
{
    struct evidence spoke[SPOKE_ASKED];
    struct features *f = scratch_features(w->s);
    char *room = arena_alloc(w->arena, GUESS_ROOM);
    size_t n = 0;
    if (!room) return STR_NONE;
    if (missed >= 0) {
        bool oos = g->oos && model_oos(m) >= 0;
        n = (size_t)snprintf(room, GUESS_ROOM, "%s (%.3f < %.3f): ", oos ? "out of scope" : "unsure", g->oos ? g->scope : g->p,
                             missed);
    }
    n += (size_t)snprintf(room + n, GUESS_ROOM - n, "%s %.2f", model_label(m, g->label).p, g->p);
    if (missed >= 0 && g->second != g->label)
        n += (size_t)snprintf(room + n, GUESS_ROOM - n, ", else %s %.2f", model_label(m, g->second).p, g->p - g->margin);
    size_t said = spoke_say(spoke, model_explain(m, f, g->label, spoke, SPOKE_ASKED), w->key, room + n + 2, GUESS_ROOM - n - 2);
    if (said) memcpy(room + n, ": ", 2), n += 2 + said;
    return (struct str){ room, n };
}

static struct str say_mood(struct reading *w, const struct model *m, const struct guess *g)
{
    char *room = arena_alloc(w->arena, GUESS_ROOM);
    int n = room ? snprintf(room, GUESS_ROOM, "%s %.2f", model_label(m, g->label).p, g->p) : 0;
    return (struct str){ room, (size_t)n };
}

static enum err stage_intent(struct reading *w)
{
    const struct answered *told = given(w, ANSWER_INTENT);
    double below = rules_policy(w->r)->unsure_below;
    struct guess g;
    if (told) {
        w->look.confidence = told->oos ? 0 : told->p;
        w->doubted = told->oos || told->p < below;
        if (!w->doubted) w->look.intent = told->label;
        return ERR_OK;
    }
    const struct model *m = ask(w, MODEL_INTENT, &g);
    if (!m) return ERR_OK;
    w->doubted = g.oos || g.p < below;
    w->look.confidence = g.p;
    if (!w->doubted) w->look.intent = model_label(m, g.label);
    because(w, STR("intent"), STR("model"), say_intent(w, m, &g, g.oos ? model_threshold(m) : w->doubted ? below : -1));
    return ERR_OK;
}

static enum err stage_sentiment(struct reading *w)
{
    const struct answered *told = given(w, ANSWER_SENTIMENT);
    struct guess g;
    const struct model *m = told ? NULL : ask(w, MODEL_SENTIMENT, &g);
    int word = told ? told->word : m ? words_find(&sentiment_words, model_label(m, g.label)) : -1;
    if (word >= 0) w->look.sentiment = (enum sentiment)word;
    if (m) because(w, STR("sentiment"), STR("model"), say_mood(w, m, &g));
    return ERR_OK;
}

/* ---- rules: one function an action ---- */

struct acting {
    const struct rule *rule;
    const struct rule_text *text;
    uint32_t index;
};

static void act_urgency(struct reading *w, const struct acting *a)
{
    if (a->rule->urgency <= w->urgency) return;
    w->urgency = a->rule->urgency;
    w->urgency_by = a->text->by;
}

static void act_raise(struct reading *w, const struct acting *a)
{
    static const struct str details[] = {
        { "-3", 2 }, { "-2", 2 }, { "-1", 2 }, { "0", 1 }, { "+1", 2 }, { "+2", 2 }, { "+3", 2 }
    };
    int by = a->rule->raise;
    if (by == 0) return;
    w->raise += by;
    because(w, STR("raise"), a->text->by, details[by < -3 ? 0 : by > 3 ? 6 : by + 3]);
}

/* Only noted: the stage that puts the urgency score together adds it up. */
static void act_weigh(struct reading *w, const struct acting *a)
{
    if (a->rule->weigh == 0 || w->weighed == LIM_LIST_ITEMS) return;
    w->d->weighed[w->weighed++] = (struct weighed){ a->index, a->rule->weigh };
}

static void act_intent(struct reading *w, const struct acting *a)
{
    if (!a->text->intent.n || w->ruled_intent) return;
    w->ruled_intent = true;
    w->look.intent = a->text->intent;
    w->look.confidence = 1;
    because(w, STR("intent"), a->text->by, a->text->intent);
}

static void act_sentiment(struct reading *w, const struct acting *a)
{
    if (a->rule->sentiment < 0 || w->ruled_sentiment) return;
    w->ruled_sentiment = true;
    w->look.sentiment = (enum sentiment)a->rule->sentiment;
    because(w, STR("sentiment"), a->text->by, str_of(sentiment_words.v[w->look.sentiment]));
}

static void act_queue(struct reading *w, const struct acting *a)
{
    if (!a->text->queue.n || w->v->queue.n) return;
    w->v->queue = a->text->queue;
    because(w, STR("queue"), a->text->by, a->text->queue);
}

static void add_need(struct reading *w, struct need need, struct str by, struct str detail)
{
    uint32_t i = 0;
    while (i < w->needs && !str_eq(w->d->needs[i].skill, need.skill)) i++;
    if (i == LIM_LIST_ITEMS || (i < w->needs && w->d->needs[i].level >= need.level)) return;
    w->d->needs[i] = need;
    if (i == w->needs) w->needs++;
    because(w, STR("needs"), by, detail);
}

/* `lang: ticket`: the skill of the ticket's own language; nothing when there is none. */
static struct str language_skill(struct reading *w)
{
    struct str l = w->look.language;
    char *p = str_is(l, "und") ? NULL : arena_alloc(w->arena, 5 + l.n);
    if (!p) return STR_NONE;
    memcpy(p, "lang:", 5);
    memcpy(p + 5, l.p, l.n);
    return (struct str){ p, 5 + l.n };
}

static void act_needs(struct reading *w, const struct acting *a)
{
    for (uint32_t n = 0; n < a->rule->needs.count; n++) {
        struct need need = a->text->needs[n];
        struct str detail = a->text->need_detail[n];
        if (a->rule->needs.v[n].from_ticket) need.skill = detail = language_skill(w);
        if (need.skill.n) add_need(w, need, a->text->by, detail);
    }
}

static void act_tags(struct reading *w, const struct acting *a)
{
    for (uint32_t n = 0; n < a->rule->tags.count; n++) {
        uint32_t i = 0;
        while (i < w->tags && !str_eq(w->d->tags[i].name, a->text->tags[n].name)) i++;
        if (i < w->tags || i == LIM_LIST_ITEMS) continue;
        w->d->tags[w->tags++] = a->text->tags[n];
        because(w, STR("tags"), a->text->by, a->text->tags[n].name);
    }
}

static void (*const acts[])(struct reading *w, const struct acting *a) = { act_urgency,   act_raise, act_weigh, act_intent,
                                                                           act_sentiment, act_needs, act_tags,  act_queue };

static enum err stage_rules(struct reading *w)
{
    uint32_t from = 0;
    struct str why;
    enum err e = rules_find(w->r, w->s, &w->look, w->key);
    if (e) return e;
    for (int i; (i = rules_next(w->r, w->s, &w->look, &from, &why)) >= 0;) {
        struct acting a = { &rules_policy(w->r)->rules[i], rules_text(w->r, (uint32_t)i), (uint32_t)i };
        if (w->fired < LIM_LIST_ITEMS) w->d->fired[w->fired++].name = a.text->name;
        because(w, STR("rule"), a.text->by, why);
        for (size_t n = 0; n < sizeof acts / sizeof *acts; n++) acts[n](w, &a);
        if (a.rule->stop) break;
    }
    return ERR_OK;
}

/* ---- urgency ---- */

/* The levels' probabilities by enum urgency, from a scorer or a model; false where neither speaks. */
static bool urgency_odds(struct reading *w, float p[URG_COUNT], struct str *by)
{
    const struct answered *told = given(w, ANSWER_URGENCY);
    struct guess g;
    for (int u = 0; u < (int)URG_COUNT; u++) p[u] = told ? (float)(1 - told->p) / (URG_COUNT - 1) : 0;
    if (told) return p[told->word] = (float)told->p, *by = told->by, true;
    const struct model *m = ask(w, MODEL_URGENCY, &g);
    if (!m) return false;
    *by = STR("model");
    for (uint32_t i = 0; i < model_labels(m); i++) {
        int u = words_find(&urgency_words, model_label(m, i));
        if (u >= 0) p[u] += w->d->p[i];
    }
    return true;
}

static enum err stage_urgency(struct reading *w)
{
    struct urgency_rule rules[LIM_LIST_ITEMS];
    float p[URG_COUNT];
    struct urgency_view view = { .rules = rules,
                                 .rule_count = w->weighed,
                                 .named = w->urgency,
                                 .named_by = w->urgency_by,
                                 .raise = w->raise,
                                 .sentiment = w->look.sentiment,
                                 .attributes = &w->look.event->attributes };
    struct urgency_sum sum;
    for (uint32_t i = 0; i < w->weighed; i++)
        rules[i] = (struct urgency_rule){ rules_text(w->r, w->d->weighed[i].rule)->by, w->d->weighed[i].weigh };
    if (urgency_odds(w, p, &view.by)) view.p = p;
    urgency_settle(&rules_policy(w->r)->urgency, &view, &sum);
    w->v->urgency = sum.level;
    w->v->score = sum.score;
    for (uint32_t i = 0; i < sum.part_count; i++) {
        char *room = arena_alloc(w->arena, URGENCY_SAID);
        if (!room) return ERR_NOMEM;
        because(w, STR("urgency"), sum.parts[i].by, urgency_part_say(&sum.parts[i], room));
    }
    return ERR_OK;
}

/* ---- verdict ---- */

static bool keep(struct reading *w, struct list *out, const void *items, uint32_t count, size_t size)
{
    if (count == 0) return true;
    if (!(out->items = arena_alloc(w->arena, count * size))) return false;
    memcpy(out->items, items, count * size);
    out->count = count;
    return true;
}

static enum err stage_verdict(struct reading *w)
{
    struct verdict *v = w->v;
    v->language = w->look.language;
    v->intent = w->look.intent;
    v->sentiment = w->look.sentiment;
    v->confidence = w->look.confidence;
    v->unsure = w->doubted && !w->ruled_intent; /* where nobody speaks no guess is made, so `unsure` stays false */
    bool ok = keep(w, &v->needs, w->d->needs, w->needs, sizeof *w->d->needs);
    ok = ok && keep(w, &v->tags, w->d->tags, w->tags, sizeof *w->d->tags);
    ok = ok && keep(w, &v->rules, w->d->fired, w->fired, sizeof *w->d->fired);
    ok = ok && keep(w, &v->reasons, w->d->reasons, w->reasons, sizeof *w->d->reasons);
    return ok ? ERR_OK : ERR_NOMEM;
}

/* ---- the list ---- */

static enum err (*const stages[])(struct reading *w) = { stage_text,  stage_language, stage_intent, stage_sentiment,
                                                         stage_rules, stage_urgency,  stage_verdict };

enum err verdict_make(const struct rules *r, const struct models *m, struct scratch *s, const struct event *e,
                      const struct given *given, uint64_t now_wall_ms, struct verdict *out, struct arena *arena)
{
    static const struct given nothing;
    static const struct models none;
    struct reading w = { .r = r, .m = m ? m : &none, .s = s, .d = scratch_drafts(s), .arena = arena, .v = out, .urgency = -1 };
    w.given = given ? given : &nothing;
    w.look.event = e;
    w.look.now = now_wall_ms;
    *out = (struct verdict){ .event = e->id, .workspace = e->workspace, .policy = str_of(rules_policy(r)->version) };
    for (size_t i = 0; i < sizeof stages / sizeof *stages; i++) {
        enum err err = stages[i](&w);
        if (err) return err;
    }
    return ERR_OK;
}

enum err verdict_glance(const struct rules *r, const struct models *m, struct scratch *s, const struct event *e, struct glance *out,
                        struct arena *arena)
{
    static const struct given nothing;
    static const struct models none;
    struct reading w = { .r = r, .m = m ? m : &none, .s = s, .d = scratch_drafts(s), .arena = arena, .given = &nothing };
    w.look.event = e;
    enum err err = stage_text(&w);
    if (!err) err = stage_language(&w);
    *out = (struct glance){ w.look.language, w.text };
    return err;
}

void verdict_refuse(struct verdict *out, const struct event *e, struct str error)
{
    *out = (struct verdict){
        .event = e->id, .workspace = e->workspace, .error = error, .language = STR("und"), .urgency = URG_NORMAL, .score = 0.4
    };
}
