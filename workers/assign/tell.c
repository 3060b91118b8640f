#include "config/hours.h"
#include "config/texts.h"
#include "workers/assign/core.h"

#include <stdio.h>

/* The customer is to be told something in the policy's words: an acknowledgement, an answer outside of the hours, a step's update.
   What is decided here is that it is said, and what only the leader knows of the ticket (its place, its wait, the hours); the
   ticket's home makes the text of it, in the customer's language, and sends it. What the text does not ask for is not worked out.
 */

static bool asks_for(const struct text *text, enum text_hole hole)
{
    size_t len;

    for (uint32_t i = 0; text && i < text->count; i++)
        for (struct str s = str_of(text->v[i].text); s.n; s.p++, s.n--)
            if (text_hole(s, &len) == (int)hole) return true;
    return false;
}

static void put_position(struct workspace *ws, struct ticket *t, struct jw *w)
{
    uint32_t position = forecast_position(ws, t);

    if (position) jw_key(w, "position"), jw_u64(w, position);
}

static void put_wait(struct workspace *ws, struct ticket *t, struct jw *w)
{
    struct service s = forecast_ticket(ws, t);
    double wait = estimate_wait(&s);

    if (wait >= 0) jw_key(w, "wait_s"), jw_u64(w, (uint64_t)(wait / 1e3) + 1);
}

static void put_opens(const struct workspace *ws, const struct hours *h, struct jw *w)
{
    uint64_t next = 0;
    char text[40];

    if (!h || hours_open(h, ws->now, &next) || !next) return;
    struct local at = hours_local(h->timezone, next);
    snprintf(text, sizeof text, "%04u-%02u-%02u %02u:%02u", at.ymd / 10000, at.ymd / 100 % 100, at.ymd % 100, at.minute / 60,
             at.minute % 60);
    jw_key(w, "opens"), jw_strz(w, text);
}

void tell_customer(struct workspace *ws, struct ticket *t, const struct policy *p, const char *word, const char *cause, int hours)
{
    const struct text *text = policy_text(p, str_of(word));
    int clock = hours >= 0 ? hours : queue_of(ws, t)->answer.hours;
    struct jw w = jw_on(&ws->detail);

    buf_clear(&ws->detail);
    jw_open(&w, '{');
    jw_key(&w, "text"), jw_strz(&w, word);
    if (asks_for(text, HOLE_POSITION)) put_position(ws, t, &w);
    if (asks_for(text, HOLE_WAIT)) put_wait(ws, t, &w);
    if (asks_for(text, HOLE_OPENS)) put_opens(ws, clock >= 0 ? &ws->policy->hours[clock] : NULL, &w);
    jw_close(&w, '}');
    log_change(ws, .kind = ENTRY_UPDATED, .t = t, .cause = cause, .detail = ws->detail.err ? STR_NONE : buf_str(&ws->detail));
}

/* The name of a text of the policy in use by its index; NULL: none. */
const char *tell_name(const struct policy *p, int index)
{
    return index >= 0 && (uint32_t)index < p->texts.count ? p->texts.v[index].name : NULL;
}
