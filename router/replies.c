/* Entries become intents. Only a ticket's home does this (an entry comes to every router that has an event of it), and only while
   it keeps the ticket: what it keeps no more has ended, and its messages were made before.

   The id of a reply is the one that the router chose which took it; of the policy's own words it is made of the entry's place in
   the log, so that the same entry told twice is one message. Whoever makes it, it names the ticket's home, which sends it and knows
   what became of it. */
#include "router/replies.h"

#include "base/clock.h"
#include "base/json.h"
#include "base/metrics.h"
#include "router/router.h"

#include <stdio.h>
#include <stdlib.h>

/* ---- the customer's last message ---- */

static struct str attribute(const struct event *e, const char *key)
{
    const struct attribute *a = e->attributes.items;
    for (uint32_t i = 0; i < e->attributes.count; i++)
        if (str_is(a[i].key, key)) return a[i].value;
    return STR_NONE;
}

bool reply_event(const struct kept_ticket *t, struct event *event, struct arena *a)
{
    const struct kept_event *e;
    TAILQ_FOREACH_REVERSE(e, &t->events, event_list, sibling)
    {
        if (!e->packed || !e->reaches) continue;
        return !record_unpack(&event_record, event, (struct str){ e->packed, e->packed_n }, a);
    }
    return false;
}

static void take_with(struct message_context *out, struct str with)
{
    out->with_n = with.n <= sizeof out->with ? with.n : 0;
    if (out->with_n) memcpy(out->with, with.p, out->with_n);
}

void message_context(struct router *r, const struct out_message *m, struct message_context *out)
{
    const struct kept_ticket *t = events_ticket(&r->events, &m->row.ticket);
    struct event event;
    struct arena a;
    out->heard = m->row.heard;
    take_with(out, m->row.with);
    arena_init(&a, 1u << 20);
    if (t && reply_event(t, &event, &a) && event.received >= out->heard) {
        out->heard = event.received;
        take_with(out, attribute(&event, REPLY_WITH));
    }
    arena_fini(&a);
}

bool window_open(const struct sender *by, uint64_t heard, uint64_t now, char why[200])
{
    uint64_t hours = by->window_ms / 3600000;
    if (!by->window_ms || (heard && now <= heard + by->window_ms)) return true;
    if (!heard) snprintf(why, 200, "the customer has never written by this account, and it allows replies only");
    else if (hours)
        snprintf(why, 200, "the customer last wrote %llu hours ago: this account allows replies for %llu hours",
                 (unsigned long long)((now - heard) / 3600000), (unsigned long long)hours);
    else
        snprintf(why, 200, "the customer last wrote %llu s ago: this account allows replies for %llu s",
                 (unsigned long long)((now - heard) / 1000), (unsigned long long)by->window_ms / 1000);
    return false;
}

/* ---- may it be sent ---- */

const struct sender *reply_sender(struct router *r, struct str account, struct str workspace, struct door **door)
{
    struct door *d = doors_find(r, account);
    const struct sender *by = d && d->provider && str_is(workspace, d->workspace) ? sender_of(d) : NULL;
    if (door) *door = d;
    return by && by->needs_token && !d->account->token ? NULL : by;
}

static const struct sender *ticket_sender(struct router *r, const struct kept_ticket *t, struct event *event, struct arena *a)
{
    if (id_home(&t->id) != r->number || !reply_event(t, event, a)) return NULL;
    return reply_sender(r, event->account, event->workspace, NULL);
}

bool messages_sends(struct router *r, const struct kept_ticket *t)
{
    struct event event;
    struct arena a;
    arena_init(&a, 1u << 20);
    bool sends = ticket_sender(r, t, &event, &a) != NULL;
    arena_fini(&a);
    return sends;
}

static bool no_reply(struct result *no, unsigned status, const char *problem, const char *cause, const char *why)
{
    metric_add(MET_MESSAGES_REFUSED, cause, 1);
    *no = (struct result){ .status = status, .problem = str_of(problem), .detail = str_of(why) };
    return false;
}

static bool in_window(struct router *r, const struct kept_ticket *t, char why[200])
{
    struct event event;
    struct arena a;
    arena_init(&a, 1u << 20);
    const struct sender *by = ticket_sender(r, t, &event, &a);
    bool open = !by || window_open(by, event.received, clock_wall_ms(), why);
    arena_fini(&a);
    return open;
}

bool messages_may(struct router *r, const struct act *act, struct result *no, char why[200])
{
    const struct kept_ticket *t = act->kind == ACT_REPLY ? events_ticket(&r->events, &act->ticket) : NULL;
    if (!t || id_home(&t->id) != r->number) return true;
    if (!journal_healthy(r->journal))
        return no_reply(no, 503, "journal-full", "journal", "the journal takes no more now; send the reply again later");
    if (!act->sent && !in_window(r, t, why)) return no_reply(no, 409, "window-closed", "window", why);
    if (!act->sent && !sending_has_room(&r->messages.sending))
        return no_reply(no, 503, "overloaded", "full", "too many messages are waiting to be sent");
    return true;
}

void messages_name(struct router *r, struct act *act)
{
    if (act->kind != ACT_REPLY || !id_is_none(&act->message)) return;
    act->message = id_new(clock_wall_ms(), id_home(&act->ticket), &r->messages.sending.rng);
}

/* ---- intents ---- */

struct intent { /* what is being made, and what its texts point into */
    struct message_row row;
    struct event event;
    const struct kept_ticket *ticket;
    struct buf text;
    struct json *detail;
    struct arena arena;
    struct id id;
};

static enum err of_reply(struct router *r, const struct entry *en, struct intent *i)
{
    struct str by = json_str(json_get(i->detail, "by"));
    (void)r;
    if (id_parse(json_str(json_get(i->detail, "message")), &i->id)) return ERR_NOTFOUND; /* of a router that knew no ids */
    i->row.text = json_str(json_get(i->detail, "text"));
    i->row.subject = json_str(json_get(i->detail, "subject"));
    i->row.by = by.n ? by : en->agent;
    i->row.agent = !by.n;
    i->row.sent = i->row.recorded = json_bool(json_get(i->detail, "sent"));
    return i->row.text.n ? ERR_OK : ERR_NOTFOUND;
}

/* ---- the policy's own words ---- */

/* The customer's language: as the last verdict that has one says, else as the source said. */
static struct str language_of(struct intent *i)
{
    const struct kept_event *e;
    struct verdict v;
    TAILQ_FOREACH_REVERSE(e, &i->ticket->events, event_list, sibling)
    {
        if (!e->verdict || record_unpack(&verdict_record, &v, (struct str){ e->verdict, e->verdict_n }, &i->arena)) continue;
        if (v.language.n && !str_is(v.language, "und")) return v.language;
    }
    return i->event.language;
}

static struct str number_of(struct intent *i, const char *member, uint64_t per, char out[24])
{
    uint64_t n;
    if (!json_is_u64(json_get(i->detail, member), &n)) return STR_NONE;
    return (struct str){ out, (size_t)snprintf(out, 24, "%llu", (unsigned long long)((n + per - 1) / per)) };
}

static enum err write_text(struct intent *i, const struct text *text)
{
    char id[ID_TEXT + 1], position[24], wait[24];
    struct str values[TEXT_HOLES] = {
        [HOLE_NAME] = i->event.name,
        [HOLE_TICKET] = { id_text(&i->ticket->id, id) + ID_TEXT - 8, 8 },
        [HOLE_POSITION] = number_of(i, "position", 1, position),
        [HOLE_WAIT] = number_of(i, "wait_s", 60, wait),
        [HOLE_OPENS] = json_str(json_get(i->detail, "opens")),
    };
    i->row.language = language_of(i);
    automatic_fill(&i->text, str_of(text_say(text, i->row.language)), values);
    i->row.text = buf_str(&i->text);
    return i->text.err;
}

static enum err left_out(const char *cause)
{
    metric_add(MET_MESSAGES_REFUSED, cause, 1);
    return ERR_NOTFOUND;
}

/* The same entry told twice is the same message. */
static struct id id_of_entry(const struct entry *en)
{
    char text[ID_TEXT + 1], name[96];
    int n = snprintf(name, sizeof name, "%s:%llu:%llu", id_text(&en->ticket, text), (unsigned long long)en->epoch,
                     (unsigned long long)en->seq);
    return id_at_home(id_of_event(STR("naru/texts"), (struct str){ name, (size_t)n }), id_home(&en->ticket));
}

/* May the policy say something to this customer now? The bounds count it. */
static enum err may_say(struct router *r, const struct entry *en, struct intent *i)
{
    static const char *const causes[] = { [AUTOMATIC_OFTEN] = "often", [AUTOMATIC_RECENT] = "recent" };
    struct str who = i->event.customer.n ? i->event.customer : i->event.conversation;
    if (!i->row.text.n) return left_out("text");
    if (attribute(&i->event, "event.automatic").n) return left_out("automatic");
    struct automatic_words words = { i->event.account, who, i->row.word, &i->id };
    enum automatic_end how = automatic_ask(&r->messages.automatic, &words, en->at);
    return how ? left_out(causes[how]) : ERR_OK;
}

/* Sent only by accounts that can send: for all others the word is an integration's, as it is when the policy has no such text. */
static enum err of_update(struct router *r, const struct entry *en, struct intent *i)
{
    const struct kept_config *p = config_keep_policy(&r->config, i->event.workspace);
    struct str word = json_str(json_get(i->detail, "text"));
    const struct text *text = p && p->policy ? policy_text(p->policy, word) : NULL;
    if (!text || !reply_sender(r, i->event.account, i->event.workspace, NULL)) return ERR_NOTFOUND;
    i->id = id_of_entry(en);
    i->row.word = word;
    enum err e = write_text(i, text);
    return e ? e : may_say(r, en, i);
}

/* An overflow's `refuse`: the customer is told the text that stands there. */
static enum err of_refusal(struct router *r, const struct entry *en, struct intent *i)
{
    static const char by[] = "overflow:";
    struct str text = json_str(json_get(i->detail, "text"));
    if (!text.n || en->cause.n < sizeof by - 1 || memcmp(en->cause.p, by, sizeof by - 1) != 0) return ERR_NOTFOUND;
    if (!reply_sender(r, i->event.account, i->event.workspace, NULL)) return ERR_NOTFOUND;
    i->id = id_of_entry(en);
    i->row.word = STR("refuse");
    i->row.text = text;
    i->row.language = language_of(i);
    return may_say(r, en, i);
}

/* What stands in an entry of each kind. ERR_NOTFOUND: nothing for the customer. */
static enum err (*const said_by[])(struct router *, const struct entry *, struct intent *) = {
    [ENTRY_REPLIED] = of_reply,
    [ENTRY_UPDATED] = of_update,
    [ENTRY_ENDED] = of_refusal,
};

static void fill_row(const struct kept_ticket *t, const struct entry *en, struct intent *i)
{
    const struct event *e = &i->event;
    i->row.workspace = e->workspace;
    i->row.ticket = t->id;
    i->row.epoch = en->epoch;
    i->row.seq = en->seq;
    i->row.at = en->at;
    i->row.state = en->state;
    i->row.actor = en->actor;
    i->row.account = e->account;
    i->row.channel = e->channel;
    i->row.conversation = e->conversation;
    i->row.customer = e->customer;
    i->row.with = attribute(e, REPLY_WITH);
    i->row.heard = e->received;
}

static enum err make(struct router *r, const struct kept_ticket *t, const struct entry *en, struct intent *i)
{
    const char *why;
    size_t at;
    if (!reply_event(t, &i->event, &i->arena)) return ERR_NOTFOUND;
    if (json_parse(&i->detail, en->detail, LIM_JSON_DEPTH, &at, &why)) return ERR_NOTFOUND;
    fill_row(t, en, i);
    enum err e = said_by[en->kind](r, en, i);
    if (e) return e;
    if (sending_find(&r->messages.sending, &i->id)) return ERR_EXISTS;
    if (!reply_sender(r, i->row.account, i->row.workspace, NULL)) i->row.recorded = true;
    buf_clear(&r->packed);
    record_pack(&r->packed, &message_row_record, &i->row);
    return r->packed.err;
}

enum err messages_of_entry(struct router *r, const struct entry *en, struct id *id, struct str *row)
{
    const struct kept_ticket *t = events_ticket(&r->events, &en->ticket);
    struct intent i;
    if (!t || en->home != r->number || en->kind >= sizeof said_by / sizeof *said_by || !said_by[en->kind]) return ERR_NOTFOUND;
    if (!en->detail.n) return ERR_NOTFOUND;
    if (!sending_has_room(&r->messages.sending)) { /* the door refused before; this one came by another router */
        metric_add(MET_MESSAGES_REFUSED, "full", 1);
        return ERR_NOTFOUND;
    }
    memset(&i, 0, sizeof i);
    i.ticket = t;
    buf_init(&i.text, 16384);
    arena_init(&i.arena, 1u << 20);
    enum err e = make(r, t, en, &i);
    *id = i.id;
    *row = buf_str(&r->packed);
    json_free(i.detail);
    buf_fini(&i.text);
    arena_fini(&i.arena);
    return e;
}

/* ---- after a start ---- */

/* `detail` of the entry, as the leader wrote it (workers/assign/consult.c). */
static struct str detail_again(const struct out_message *m, struct buf *out)
{
    struct jw w = jw_on(out);
    char id[ID_TEXT + 1];
    jw_open(&w, '{');
    jw_key(&w, "message"), jw_strz(&w, id_text(&m->id, id));
    if (!m->row.agent) jw_key(&w, "by"), jw_str(&w, m->row.by);
    if (m->row.subject.n) jw_key(&w, "subject"), jw_str(&w, m->row.subject);
    jw_key(&w, "text"), jw_str(&w, m->row.text);
    if (m->row.sent) jw_key(&w, "sent"), jw_bool(&w, true);
    jw_close(&w, '}');
    return out->err ? STR_NONE : buf_str(out);
}

void reply_recall(struct router *r, const struct out_message *m)
{
    struct kept_ticket *t = m->packed ? events_ticket(&r->events, &m->row.ticket) : NULL;
    struct buf detail;
    if (!t || m->row.word.n || m->row.state == TK_INVALID) return;
    buf_init(&detail, LIM_REPLY_DETAIL);
    struct entry en = { .epoch = m->row.epoch,
                        .seq = m->row.seq,
                        .kind = ENTRY_REPLIED,
                        .at = m->row.at,
                        .ticket = t->id,
                        .agent = m->row.agent ? m->row.by : str_of(t->agent),
                        .state = m->row.state,
                        .queue = t->queue ? str_of(t->queue) : STR_NONE,
                        .urgency = t->urgency,
                        .token_epoch = t->token_epoch,
                        .token_seq = t->token_seq,
                        .actor = m->row.actor,
                        .detail = detail_again(m, &detail) };
    if (en.detail.n) events_life(t, &en, events_entry_packed(&r->events, &en));
    buf_fini(&detail);
}
