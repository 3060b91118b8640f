/* Urgency is one number that several voices raise or lower, and only then a level: so an operator can say how much each counts
   (`triage: { urgency: ... }`), and explain can show what each gave.

   What a model says of four ordered levels is taken as its expectation: sum of p(k) * k / 3. A model that wavers between low and
   critical so says neither, where the likeliest level alone would jump from one to the other. `model` says how far it may lead away
   from `start`: 0 it is not heard, 1 as it speaks, 2 twice as far (expectations shrink to the middle when a model is in doubt).

   Named levels and raises act on the level, not on the score. Where they move it out of the score's band, the score becomes the
   level's usual one, held within the band: so that among tickets of a level the score still orders, and never contradicts it. */
#include "workers/triage/urgency.h"

#include <math.h>

#define CONTACTS_MOST   3u /* contacts beyond the first that count */
#define SECONDS_MOST    (10ull * 366 * 86400)
#define SECONDS_AN_HOUR 3600.0

static double hold(double x, double least, double most) { return x < least ? least : x > most ? most : x; }

static void tell(struct urgency_sum *s, struct urgency_part part)
{
    if (part.kind != URGENCY_NAMES) s->score += part.value;
    if (s->part_count < URGENCY_PARTS) s->parts[s->part_count++] = part;
}

/* ---- what the message says ---- */

static void base_of(struct urgency_sum *s, const struct urgency_policy *u, const struct urgency_view *v)
{
    double expected = 0;
    int likeliest = 0;
    if (!v->p || u->model == 0) {
        tell(s, (struct urgency_part){ .by = STR("default"), .value = u->start });
        return;
    }
    for (int k = 0; k < (int)URG_COUNT; k++) {
        expected += (double)v->p[k] * k / (URG_COUNT - 1);
        if (v->p[k] > v->p[likeliest]) likeliest = k;
    }
    double led = hold(u->start + u->model * (expected - u->start), 0, 1);
    tell(s, (struct urgency_part){ .by = v->by, .value = led, .what = urgency_words.v[likeliest], .p = (double)v->p[likeliest] });
}

/* ---- context ---- */

static struct str attribute(const struct urgency_view *v, const char *key)
{
    const struct attribute *at = v->attributes ? v->attributes->items : NULL;
    for (uint32_t i = 0; at && i < v->attributes->count; i++)
        if (str_is(at[i].key, key)) return at[i].value;
    return STR_NONE;
}

static double number(const struct urgency_view *v, const char *key, uint64_t most)
{
    uint64_t n;
    return str_u64(attribute(v, key), 0, UINT64_MAX, &n) ? 0 : (double)(n < most ? n : most);
}

static void adds(struct urgency_sum *s, const char *what, double value)
{
    if (value != 0) tell(s, (struct urgency_part){ .by = STR("context"), .what = what, .value = value, .kind = URGENCY_ADDS });
}

static void context_of(struct urgency_sum *s, const struct urgency_policy *u, const struct urgency_view *v)
{
    struct str before = attribute(v, "conversation.sentiment");
    bool negative = v->sentiment == SENT_NEGATIVE;
    bool content = str_is(before, sentiment_words.v[SENT_POSITIVE]) || str_is(before, sentiment_words.v[SENT_NEUTRAL]);
    double contacts = number(v, "customer.contacts_7d", CONTACTS_MOST + 1);
    double hours = number(v, "conversation.waiting", SECONDS_MOST) / SECONDS_AN_HOUR, waited = u->waiting * hours;
    adds(s, "negative", negative ? u->negative : 0);
    adds(s, "turn", negative && content ? u->turn : 0);
    adds(s, "repeated", contacts > 1 ? u->repeated * (contacts - 1) : 0);
    adds(s, "waiting", waited < u->waiting_most ? waited : u->waiting_most);
}

/* ---- the level ---- */

static enum urgency level_of(const struct urgency_policy *u, double score)
{
    int k = URG_COUNT - 1;
    while (k > 0 && score < u->levels[k]) k--;
    return (enum urgency)k;
}

static double usual(const struct urgency_policy *u, enum urgency level)
{
    static const double points[URG_COUNT] = { 0.2, 0.4, 0.7, 0.95 };
    double most = level + 1 < URG_COUNT ? nextafter(u->levels[level + 1], 0) : 1;
    return hold(points[level], u->levels[level], most < u->levels[level] ? u->levels[level] : most);
}

void urgency_settle(const struct urgency_policy *u, const struct urgency_view *view, struct urgency_sum *out)
{
    out->score = 0;
    out->part_count = 0;
    base_of(out, u, view);
    for (uint32_t i = 0; i < view->rule_count; i++)
        tell(out, (struct urgency_part){ .by = view->rules[i].by, .value = view->rules[i].weigh, .kind = URGENCY_ADDS });
    context_of(out, u, view);
    out->score = hold(out->score, 0, 1);
    enum urgency scored = level_of(u, out->score);
    int level = scored;
    if (view->named >= 0) {
        level = view->named;
        if (out->part_count == URGENCY_PARTS) out->part_count--; /* what decides is always told */
        tell(out, (struct urgency_part){ .by = view->named_by, .what = urgency_words.v[level], .kind = URGENCY_NAMES });
    }
    level += view->raise;
    out->level = (enum urgency)(level < URG_LOW ? URG_LOW : level > URG_CRITICAL ? URG_CRITICAL : level);
    if (out->level != scored) out->score = usual(u, out->level);
}

/* ---- texts ---- */

static char *put(char *at, const char *end, const char *text)
{
    while (*text && at < end) *at++ = *text++;
    return at;
}

/* Two decimals, without the C library's slow way: this is done for every message. */
static char *put_number(char *at, const char *end, double x, bool signs)
{
    long hundredths = lround(fabs(x) * 100), whole = hundredths / 100;
    char text[8] = { (char)('0' + whole % 10), '.', (char)('0' + hundredths / 10 % 10), (char)('0' + hundredths % 10) };
    if (x < 0 || signs) at = put(at, end, x < 0 ? "-" : "+");
    return put(at, end, text);
}

struct str urgency_part_say(const struct urgency_part *part, char room[URGENCY_SAID])
{
    char *at = room;
    const char *end = room + URGENCY_SAID;
    if (part->kind == URGENCY_BASE) {
        at = put_number(at, end, part->value, false);
        if (part->what) at = put(put(put(at, end, " "), end, part->what), end, " ");
        if (part->what) at = put_number(at, end, part->p, false);
    } else {
        if (part->what) at = put(at, end, part->what);
        if (part->kind == URGENCY_ADDS) {
            if (part->what) at = put(at, end, " ");
            at = put_number(at, end, part->value, true);
        }
    }
    return (struct str){ room, (size_t)(at - room) };
}
