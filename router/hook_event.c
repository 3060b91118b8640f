#include "router/hook_event.h"

#include "base/clock.h"
#include "config/policy.h"

#include <stdio.h>

struct id hook_id(const struct entry *en)
{
    char which[48];
    int n = snprintf(which, sizeof which, "%llu.%llu", (unsigned long long)en->epoch, (unsigned long long)en->seq);
    return id_of_event(en->workspace, (struct str){ which, (size_t)n });
}

struct str hook_subject(const struct entry *en, char out[160])
{
    if (!id_is_none(&en->ticket)) return (struct str){ id_text(&en->ticket, out), ID_TEXT };
    bool queue = en->kind == ENTRY_QUEUE;
    int n = snprintf(out, 160, "%s %.*s", queue ? "queue" : "agent", STR_FMT(queue ? en->queue : en->agent));
    return (struct str){ out, (size_t)n };
}

void hook_row_facts(struct hook_row *r, const struct event *e, bool own, const struct verdict *v)
{
    if (e) {
        r->account = e->account;
        r->channel = e->channel;
        r->conversation = e->conversation;
        r->customer = e->customer;
        if (own) r->external = e->external;
    }
    if (!v) return;
    r->judged = true;
    r->language = v->language;
    r->intent = v->intent;
    r->confidence = v->confidence;
    r->score = v->score;
    r->unsure = v->unsure;
    r->sentiment = v->sentiment;
    r->tags = v->tags;
}

/* ---- JSON ---- */

static void put_tags(struct jw *w, const struct list *tags)
{
    const struct tag *t = tags->items;
    jw_key(w, "tags"), jw_open(w, '[');
    for (uint32_t i = 0; i < tags->count; i++) jw_str(w, t[i].name);
    jw_close(w, ']');
}

static void put_verdict(struct jw *w, const struct hook_row *r)
{
    if (!r->judged) return;
    jw_key(w, "verdict"), jw_open(w, '{');
    jw_text(w, "language", r->language);
    jw_text(w, "intent", r->intent);
    jw_key(w, "confidence"), jw_f64(w, r->confidence);
    jw_key(w, "unsure"), jw_bool(w, r->unsure);
    jw_key(w, "score"), jw_f64(w, r->score);
    jw_key(w, "sentiment"), jw_strz(w, sentiment_words.v[r->sentiment]);
    put_tags(w, &r->tags);
    jw_close(w, '}');
}

static void put_ticket(struct jw *w, const struct hook_row *r)
{
    const struct entry *en = &r->entry;
    char text[64];
    jw_key(w, "ticket"), jw_strz(w, id_text(&en->ticket, text));
    jw_key(w, "state"), jw_strz(w, ticket_state_words.v[en->state]);
    jw_text(w, "queue", en->queue);
    jw_text(w, "agent", en->agent);
    jw_key(w, "urgency"), jw_strz(w, urgency_words.v[en->urgency]);
    jw_text(w, "account", r->account);
    jw_text(w, "channel", r->channel);
    jw_text(w, "conversation", r->conversation);
    jw_text(w, "customer", r->customer);
    if (!id_is_none(&en->event)) jw_key(w, "event"), jw_strz(w, id_text(&en->event, text));
    jw_text(w, "external_id", r->external);
    snprintf(text, sizeof text, "%llu.%llu", (unsigned long long)en->token_epoch, (unsigned long long)en->token_seq);
    if (en->token_epoch) jw_key(w, "token"), jw_strz(w, text);
    jw_time(w, "deadline", en->deadline);
    put_verdict(w, r);
}

/* "away:missed": the word, then the reason. */
static void put_agent(struct jw *w, const struct entry *en)
{
    const char *colon = en->cause.n ? memchr(en->cause.p, ':', en->cause.n) : NULL;
    struct str word = { en->cause.p, colon ? (size_t)(colon - en->cause.p) : en->cause.n };
    jw_key(w, "agent"), jw_str(w, en->agent);
    if (en->kind == ENTRY_PRESENCE) jw_text(w, "presence", word);
    else jw_key(w, "removed"), jw_bool(w, str_is(en->cause, config_kind_words.v[CONFIG_AGENT_GONE]));
    if (colon) jw_text(w, "reason", (struct str){ colon + 1, en->cause.n - word.n - 1 });
}

bool hook_tells_detail(const struct entry *en)
{
    static const uint64_t kinds = 1ull << ENTRY_RELAXED | 1ull << ENTRY_NOTIFIED | 1ull << ENTRY_UPDATED | 1ull << ENTRY_SCHEDULED |
                                  1ull << ENTRY_DEFLECTED | 1ull << ENTRY_QUEUE;
    return kinds >> en->kind & 1 && en->detail.n && en->detail.p[0] == '{';
}

static void put_data(struct jw *w, const struct hook_row *r)
{
    const struct entry *en = &r->entry;
    bool ticket = !id_is_none(&en->ticket);
    jw_open(w, '{');
    jw_key(w, "seq"), jw_u64(w, en->seq);
    if (ticket) put_ticket(w, r);
    else if (en->kind == ENTRY_QUEUE) jw_text(w, "queue", en->queue);
    else put_agent(w, en);
    if (ticket) jw_text(w, "cause", en->cause);
    jw_text(w, "actor", en->actor);
    jw_text(w, "policy", en->policy);
    if (hook_tells_detail(en)) jw_key(w, "detail"), jw_raw(w, en->detail);
    jw_close(w, '}');
}

void hook_event_json(struct buf *out, const struct id *id, const struct hook_row *r)
{
    const struct entry *en = &r->entry;
    const char *word = webhook_word(en->kind);
    char text[96];
    struct jw w = jw_on(out);
    jw_open(&w, '{');
    jw_key(&w, "specversion"), jw_strz(&w, "1.0");
    jw_key(&w, "id"), jw_strz(&w, id_text(id, text));
    snprintf(text, sizeof text, "/workspaces/%.*s", STR_FMT(en->workspace));
    jw_key(&w, "source"), jw_strz(&w, text);
    snprintf(text, sizeof text, "naru.%s", word ? word : "unknown");
    jw_key(&w, "type"), jw_strz(&w, text);
    if (!id_is_none(&en->ticket)) jw_key(&w, "subject"), jw_strz(&w, id_text(&en->ticket, text));
    else jw_key(&w, "subject"), jw_str(&w, en->kind == ENTRY_QUEUE ? en->queue : en->agent);
    jw_key(&w, "time"), jw_strz(&w, clock_text(en->at, text));
    jw_key(&w, "datacontenttype"), jw_strz(&w, "application/json");
    snprintf(text, sizeof text, "%020llu", (unsigned long long)en->seq);
    jw_key(&w, "sequence"), jw_strz(&w, text);
    jw_key(&w, "data"), put_data(&w, r);
    jw_close(&w, '}');
}
