/* A ticket's life tells its state after each change (router/ticket_json.c). It is worked on while it is assigned, and waits until
   it first is. A bot that hands over served nobody: what was before does not count. Lives are cut at LIM_LIFE changes; what follows
   the last is taken to go on until the end, which the ticket itself tells. */
#include "base/clock.h"
#include "workers/simulate/recorded.h"

struct life {
    uint64_t since;            /* it has been assigned; 0: it is not */
    uint64_t accepted, worked; /* accepted: first; 0: never */
    uint64_t offered;          /* last before that; 0: never */
    uint32_t offers, declined, missed;
    uint64_t put_off; /* for a callback, before anybody accepted */
    struct str agent;
};

static uint64_t time_of(const struct json *v)
{
    struct str s = json_str(v);
    uint64_t ms;
    return s.n && !clock_parse(s.p, s.n, &ms) ? ms : 0;
}

static int word_of(const struct words *words, const struct json *v)
{
    struct str s = json_str(v);
    return s.n ? words_find(words, s) : -1;
}

static void stop(struct life *l, uint64_t at)
{
    if (l->since && at > l->since) l->worked += at - l->since;
    l->since = 0;
}

static void go(struct life *l, uint64_t at, struct str agent)
{
    if (!l->since) l->since = at;
    if (!l->accepted) l->accepted = at;
    if (agent.n) l->agent = agent;
}

static void count_offer(struct life *l, int kind, uint64_t at)
{
    if (kind == ENTRY_OFFERED && !l->accepted) l->offered = at;
    l->offers += kind == ENTRY_OFFERED;
    l->declined += kind == ENTRY_DECLINED;
    l->missed += kind == ENTRY_OFFER_EXPIRED;
}

static void change(struct life *l, const struct json *entry)
{
    int kind = word_of(&entry_kind_words, json_get(entry, "kind")), state = word_of(&ticket_state_words, json_get(entry, "state"));
    uint64_t at = time_of(json_get(entry, "at"));

    if (!at) return;
    if (kind == ENTRY_HANDED_OVER) *l = (struct life){ .put_off = l->put_off };
    count_offer(l, kind, at);
    if (kind == ENTRY_SCHEDULED && !l->accepted && !l->put_off) l->put_off = at;
    if (state == TK_ASSIGNED) go(l, at, json_str(json_get(entry, "agent")));
    else if (state >= 0) stop(l, at);
}

static void read_verdict(const struct json *v, struct recorded_ticket *out)
{
    const struct json *need = json_first(json_get(v, "needs"));
    for (; need && out->need_count < RECORDED_NEEDS; need = json_next(need)) {
        struct str skill = json_str(json_get(need, "skill"));
        uint64_t level;
        if (skill.n && skill.n <= 64 && json_is_u64(json_get(need, "level"), &level) && level <= 10)
            out->needs[out->need_count++] = (struct recorded_need){ skill, (uint32_t)level };
    }
}

static void read_class(const struct json *ticket, struct recorded_ticket *out)
{
    int urgency = word_of(&urgency_words, json_get(ticket, "urgency"));
    struct str first = json_str(json_get(json_first(json_get(ticket, "life")), "queue"));
    out->queue = first.n ? first : json_str(json_get(ticket, "queue"));
    out->channel = json_str(json_get(ticket, "channel"));
    out->language = json_str(json_get(ticket, "language"));
    out->urgency = urgency < 0 ? URG_NORMAL : (enum urgency)urgency;
    read_verdict(json_get(ticket, "verdict"), out);
}

/* Bounds are those of the records (proto/records.h) that the router tells. */
static bool is_closed_ticket(const struct recorded_ticket *t, int state, uint64_t ended)
{
    return state >= TK_RESOLVED && t->at && ended >= t->at && t->queue.n && t->queue.n <= 64 && t->channel.n &&
           t->channel.n <= 32 && t->language.n <= 16;
}

enum err recorded_parse(const struct json *ticket, struct recorded_ticket *out)
{
    struct life life = { 0 };
    uint64_t ended = time_of(json_get(ticket, "ended"));
    int state = word_of(&ticket_state_words, json_get(ticket, "state"));

    *out = (struct recorded_ticket){ .at = time_of(json_get(ticket, "created")) };
    read_class(ticket, out);
    if (id_parse(json_str(json_get(ticket, "ticket")), &out->id) || !is_closed_ticket(out, state, ended)) return ERR_PROTO;
    for (const struct json *en = json_first(json_get(ticket, "life")); en; en = json_next(en)) change(&life, en);
    stop(&life, ended);
    out->served = life.accepted != 0;
    out->hung_up = state == TK_ABANDONED && !out->served && !life.put_off;
    uint64_t until = life.put_off ? life.put_off : out->served ? life.accepted : ended;
    out->wait = until > out->at ? until - out->at : 0;
    out->work = life.worked;
    out->offers = life.offers;
    out->declined = life.declined;
    out->missed = life.missed;
    out->accept = out->served && life.offered && life.accepted >= life.offered ? life.accepted - life.offered : UINT64_MAX;
    out->agent = life.agent.n <= 128 ? life.agent : STR_NONE;
    return ERR_OK;
}
