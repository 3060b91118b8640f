#include "base/metrics.h"
#include "workers/assign/core.h"

#include <stdlib.h>

/* What happened, put on record. Three lists grow here and are drained by the caller after each turn:

   entries  are packed when the change is logged, so a ticket's fields must already be as they are after the change; where the
            kind means a new owner, the entry's own number becomes the ticket's token.
   writes   are made at the end of the turn (change_flush), one field a ticket or agent whatever happened to it, all of the turn in
   one command a hash (struct group). A ticket that ended in the turn it was opened in leaves no trace in Redis but its entries.
   mail     carries the number of the entry it must not overtake.

   In a rehearsal (workspace.h) none of the three does: its watcher is told each entry, and that is all.

   Always true: a live ticket that differs from Redis is marked `dirty` and on `touched`. */

#define OUT_CAP (64u << 20)

static const bool new_token[ENTRY_QUEUE + 1] = {
    [ENTRY_OFFERED] = true, [ENTRY_ACCEPTED] = true, [ENTRY_RETURNED] = true, [ENTRY_RESUMED] = true, [ENTRY_MOVED] = true,
};

/* Room for one more item of a growing array; false: no memory. */
static bool room_for(void **v, uint32_t count, uint32_t *room, size_t size)
{
    if (count < *room) return true;
    uint32_t more = *room ? *room * 2 : 64;
    void *p = realloc(*v, more * size);
    if (!p) return false;
    *v = p;
    *room = more;
    return true;
}

void change_touch(struct workspace *ws, struct ticket *t)
{
    if (t->short_at) ws->shorts_again = true; /* others may be able to serve it now */
    if (ws->watch) return;
    t->dirty = true;
    if (t->touched_at || t->state == TK_INVALID) return;
    naru_assert(room_for((void **)&ws->touched, ws->touched_count, &ws->touched_room, sizeof *ws->touched));
    ws->touched[ws->touched_count++] = t;
    t->touched_at = ws->touched_count;
}

void change_touch_about(struct workspace *ws, struct ticket *t)
{
    t->dirty_about = true;
    change_touch(ws, t);
}

void change_touch_agent(struct workspace *ws, struct agent *a)
{
    if (a->touched || ws->watch) return;
    naru_assert(
        room_for((void **)&ws->touched_agents, ws->touched_agent_count, &ws->touched_agent_room, sizeof *ws->touched_agents));
    ws->touched_agents[ws->touched_agent_count++] = a;
    a->touched = true;
}

static void fill_past(const struct past *p, struct entry *e)
{
    e->ticket = p->id;
    e->state = p->state;
    e->token_epoch = p->token_epoch;
    e->token_seq = p->token_seq;
    if (p->agent) e->agent = p->agent->name;
}

static void fill_entry(const struct workspace *ws, const struct change *c, struct entry *e)
{
    const struct ticket *t = c->t;
    const struct agent *a = c->agent ? c->agent : t ? ticket_agent(t) : NULL;
    const struct hold *offer = t && a ? ticket_offer_to(t, a) : NULL;

    *e = (struct entry){
        .workspace = ws->name, .epoch = ws->epoch, .seq = ws->seq, .kind = c->kind, .at = ws->now, .home = c->home
    };
    if (a) e->agent = a->name;
    if (c->event) e->event = *c->event;
    e->policy = str_of(ws->policy_version);
    e->cause = text_cut(str_of(c->cause), 128);
    e->actor = text_cut(ws->actor, 128);
    e->detail = c->detail;
    if (c->past) fill_past(c->past, e);
    if (c->queue) e->queue = str_of(c->queue->name);
    if (!t && !e->home) e->home = ws->teller;
    if (!t) return;
    e->ticket = t->id;
    if (!c->event) e->home = t->home;
    e->state = t->state;
    e->queue = str_of(queue_of(ws, t)->name);
    e->urgency = t->urgency;
    e->token_epoch = t->token_epoch;
    e->token_seq = t->token_seq;
    e->deadline = offer ? offer->until : t->until;
}

uint64_t change_log(struct workspace *ws, const struct change *c)
{
    struct entry e;
    struct outbox *o = &ws->out;
    size_t at = o->entries.n;

    ws->seq++;
    ws->entries_made[c->kind]++;
    if (c->t && new_token[c->kind] && !c->keep_token) {
        c->t->token_epoch = ws->epoch;
        c->t->token_seq = ws->seq;
        change_touch(ws, c->t);
    }
    fill_entry(ws, c, &e);
    if (ws->watch) {
        ws->watch(ws->watch_ctx, &e);
        return ws->seq;
    }
    record_pack_short(&o->entries, &entry_record, &e);
    if (!room_for((void **)&o->entry, o->entry_count, &o->entry_room, sizeof *o->entry)) o->entries.err = ERR_NOMEM;
    if (o->entries.err) return ws->seq; /* the caller sees it when draining, and stops leading */
    o->entry[o->entry_count++] = (struct out_entry){ ws->seq, e.home, (uint32_t)at, (uint32_t)(o->entries.n - at) };
    if (c->t) ticket_life_add(ws, c->t, (struct str){ o->entries.p + at, o->entries.n - at });
    return ws->seq;
}

/* ---- writes ---- */

static void put_u32(struct buf *b, uint32_t v) { buf_add(b, &v, sizeof v); }

static void write_word(struct outbox *o, struct str s)
{
    put_u32(&o->writes, (uint32_t)s.n);
    buf_add(&o->writes, s.p, s.n);
    o->word_count++;
}

void change_write(struct workspace *ws, uint32_t argc, const struct str *argv)
{
    struct outbox *o = &ws->out;

    put_u32(&o->writes, argc);
    for (uint32_t i = 0; i < argc; i++) write_word(o, argv[i]);
    o->write_count++;
}

static struct str key_of(struct workspace *ws, const char *part, struct str rest)
{
    struct buf *b = &ws->scratch;

    buf_clear(b);
    buf_addz(b, "naru:{");
    buf_addstr(b, ws->name);
    buf_addz(b, "}:");
    buf_addz(b, part);
    buf_addstr(b, rest);
    return buf_str(b);
}

static struct list list_backoff(struct workspace *ws, const struct ticket *t)
{
    struct backoff *v = arena_alloc(&ws->arena, (t->backoff_count ? t->backoff_count : 1) * sizeof *v);

    if (!v) return (struct list){ NULL, 0 };
    for (uint32_t i = 0; i < t->backoff_count; i++)
        v[i] = (struct backoff){ ws->roster.v[t->backoff[i].agent]->name, t->backoff[i].until };
    return (struct list){ v, t->backoff_count };
}

static struct list list_offers(struct workspace *ws, const struct ticket *t)
{
    uint32_t n = 0, count = ticket_offers(t);
    struct open_offer *v = arena_alloc(&ws->arena, (count ? count : 1) * sizeof *v);

    if (!v) return (struct list){ NULL, 0 };
    for (const struct hold *h = t->holds; h; h = h->next)
        if (h->kind == HOLD_OFFER) v[n++] = (struct open_offer){ h->agent->name, h->units, h->until, h->token_epoch, h->token_seq };
    return (struct list){ v, n };
}

static struct list list_events(struct workspace *ws, const struct ticket *t)
{
    struct seen_event *v = arena_alloc(&ws->arena, (t->event_count ? t->event_count : 1) * sizeof *v);
    uint32_t n = 0;

    if (!v) return (struct list){ NULL, 0 };
    for (const struct taken *e = t->events; e; e = e->next) v[n++] = (struct seen_event){ e->event };
    return (struct list){ v, n };
}

struct list change_messages(struct workspace *ws, const struct ticket *t)
{
    struct message *v = arena_alloc(&ws->arena, (t->note_count ? t->note_count : 1) * sizeof *v);

    if (!v) return (struct list){ NULL, 0 };
    uint32_t i = 0;
    for (const struct note *n = t->notes; n; n = n->next, i++) {
        struct str by = { n->text + n->n, n->by_n };
        v[i] = (struct message){ n->event, n->at, by.n ? by : STR("customer"), { n->text, n->n } };
    }
    return (struct list){ v, t->note_count };
}

static struct list list_needs(struct workspace *ws, const struct need_set *n)
{
    struct need *v = arena_alloc(&ws->arena, (n->count ? n->count : 1) * sizeof *v);

    if (!v) return (struct list){ NULL, 0 };
    for (uint32_t i = 0; i < n->count; i++) v[i] = (struct need){ space_skill(ws, n->v[i].skill), n->v[i].level };
    return (struct list){ v, n->count };
}

struct list change_needs(struct workspace *ws, const struct ticket *t) { return list_needs(ws, t->needs); }

struct str change_needs_told(struct workspace *ws, const struct ticket *t)
{
    struct jw w = jw_on(&ws->detail);

    buf_clear(&ws->detail);
    jw_open(&w, '{');
    jw_key(&w, "needs"), jw_open(&w, '[');
    for (uint32_t i = 0; i < t->needs->count; i++) {
        jw_open(&w, '{');
        jw_key(&w, "skill"), jw_str(&w, space_skill(ws, t->needs->v[i].skill));
        jw_key(&w, "level"), jw_u64(&w, t->needs->v[i].level);
        jw_close(&w, '}');
    }
    jw_close(&w, ']');
    jw_close(&w, '}');
    return ws->detail.err ? STR_NONE : buf_str(&ws->detail);
}

/* ---- groups: one command for a field of many tickets, agents, customers ---- */

#define GROUP_WORDS 2000u /* Lua unpacks no more than some thousands at once */

static void group_word(struct group *g, struct str s)
{
    if (!g->words.cap) buf_init(&g->words, OUT_CAP);
    put_u32(&g->words, (uint32_t)s.n);
    buf_add(&g->words, s.p, s.n);
    g->count++;
}

static void group_close(struct workspace *ws, struct group *g, const char *command, const char *key)
{
    struct outbox *o = &ws->out;

    if (!g->count) return;
    put_u32(&o->writes, g->count + 2);
    write_word(o, str_of(command));
    write_word(o, key_of(ws, key, STR_NONE));
    buf_add(&o->writes, g->words.p, g->words.n);
    o->word_count += g->count;
    o->write_count++;
    if (g->words.err) o->writes.err = g->words.err;
    buf_clear(&g->words);
    g->count = 0;
}

static void group_set(struct workspace *ws, struct group *g, const char *key, struct str id, struct str value)
{
    group_word(g, id);
    group_word(g, value);
    if (g->count >= GROUP_WORDS) group_close(ws, g, "HSET", key);
}

static void group_del(struct workspace *ws, struct group *g, const char *key, struct str id)
{
    group_word(g, id);
    if (g->count >= GROUP_WORDS) group_close(ws, g, "HDEL", key);
}

static void close_groups(struct workspace *ws)
{
    group_close(ws, &ws->rows, "HSET", "tickets");
    group_close(ws, &ws->abouts, "HSET", "about");
    group_close(ws, &ws->holds, "HSET", "held");
    group_close(ws, &ws->presences, "HSET", "presence");
    group_close(ws, &ws->customers_put, "HSET", "customers");
    group_close(ws, &ws->rows_gone, "HDEL", "tickets");
    group_close(ws, &ws->abouts_gone, "HDEL", "about");
    group_close(ws, &ws->holds_gone, "HDEL", "held");
    group_close(ws, &ws->customers_gone, "HDEL", "customers");
}

void change_customer(struct workspace *ws, struct str key, struct str packed)
{
    if (!ws->watch) group_set(ws, &ws->customers_put, "customers", key, packed);
}

void change_customer_gone(struct workspace *ws, struct str key)
{
    if (!ws->watch) group_del(ws, &ws->customers_gone, "customers", key);
}

/* ---- a ticket ---- */

static struct str pack_about(struct workspace *ws, const struct ticket *t)
{
    struct about a = { .event = t->event,
                       .call = t->call,
                       .channel = ticket_text(t, TEXT_CHANNEL),
                       .account = ticket_text(t, TEXT_ACCOUNT),
                       .conversation = ticket_text(t, TEXT_CONVERSATION),
                       .customer = ticket_text(t, TEXT_CUSTOMER),
                       .person = ticket_text(t, TEXT_PERSON),
                       .preferred = t->prefer ? t->prefer->name : STR_NONE,
                       .name = ticket_text(t, TEXT_NAME),
                       .subject = ticket_text(t, TEXT_SUBJECT),
                       .language = t->facts.language,
                       .intent = t->facts.intent,
                       .score = t->score,
                       .tags = { t->facts.tags, t->facts.tag_count },
                       .verdict = ticket_text(t, TEXT_VERDICT),
                       .messages = change_messages(ws, t),
                       .events = list_events(ws, t),
                       .named = t->facts.named,
                       .unsure = t->facts.unsure,
                       .sentiment = t->facts.sentiment,
                       .confidence = t->facts.confidence,
                       .asked = list_needs(ws, t->asked) };

    buf_clear(&ws->detail);
    record_pack_short(&ws->detail, &about_record, &a);
    if (ws->detail.err) ws->out.writes.err = ws->detail.err;
    return buf_str(&ws->detail);
}

static struct str pack_row(struct workspace *ws, const struct ticket *t)
{
    const struct hold *owner = ticket_hold(t, HOLD_OWNER), *consulted = ticket_hold(t, HOLD_CONSULT);
    struct ticket_row r = { .id = t->id,
                            .state = t->state,
                            .queue = str_of(queue_of(ws, t)->name),
                            .urgency = t->urgency,
                            .home = t->home,
                            .enqueued = t->enqueued,
                            .due = t->due_at,
                            .agent = owner ? owner->agent->name : STR_NONE,
                            .units = owner ? owner->units : 0,
                            .token_epoch = t->token_epoch,
                            .token_seq = t->token_seq,
                            .offer_epoch = t->offer_epoch,
                            .offer_seq = t->offer_seq,
                            .until = t->until,
                            .steps = swap_steps(ws, t),
                            .reply_from = t->reply_from,
                            .overflowed = t->overflowed,
                            .sla_told = t->sla_told,
                            .step_at = t->step_at,
                            .needs = change_needs(ws, t),
                            .backoff = list_backoff(ws, t),
                            .offers = list_offers(ws, t),
                            .only = t->only ? t->only->name : STR_NONE,
                            .only_until = t->only_until,
                            .only_skip = t->only_skip,
                            .no_bots = t->no_bots,
                            .offers_made = t->offers_made,
                            .assigned_at = t->assigned_at,
                            .last_reply = t->last_reply,
                            .started = t->started,
                            .hung_up = t->hung_up,
                            .callbacks = t->callbacks,
                            .connect_by = t->connect_by,
                            .consulted = consulted ? consulted->agent->name : STR_NONE,
                            .consult_units = consulted ? consulted->units : 0,
                            .owners = continuity_owners(ws, t),
                            .wants = list_needs(ws, t->wants) };

    buf_clear(&ws->detail);
    record_pack_short(&ws->detail, &ticket_row_record, &r);
    if (ws->detail.err) ws->out.writes.err = ws->detail.err;
    return buf_str(&ws->detail);
}

static void flush_held(struct workspace *ws, struct ticket *t, struct str id)
{
    struct buf *b = &ws->detail;

    if (!t->held_changed) return;
    t->held_changed = false;
    if (!t->holds && t->held_kept) group_del(ws, &ws->holds_gone, "held", id);
    t->held_kept = t->holds != NULL;
    if (!t->holds) return;
    buf_clear(b);
    hold_text(t, b);
    group_set(ws, &ws->holds, "held", id, buf_str(b));
}

static void flush_ticket(struct workspace *ws, struct ticket *t)
{
    char text[ID_TEXT + 1];
    struct str id = { id_text(&t->id, text), ID_TEXT };

    group_set(ws, &ws->rows, "tickets", id, pack_row(ws, t));
    if (t->fresh || t->dirty_about) group_set(ws, &ws->abouts, "about", id, pack_about(ws, t));
    flush_held(ws, t, id);
    t->fresh = t->dirty = t->dirty_about = false;
    arena_clear(&ws->arena);
}

static void flush_agent(struct workspace *ws, struct agent *a)
{
    struct agent_row r = { .presence = a->presence,
                           .reason = str_of(a->reason),
                           .session = a->session,
                           .router = a->router,
                           .connected = a->connected,
                           .misses = a->misses,
                           .lost = a->lost,
                           .idle = a->idle,
                           .day = a->day,
                           .taken = a->taken,
                           .online = a->online,
                           .claim = a->claim,
                           .leaving = a->leaving,
                           .ramp_at = a->ramp_at,
                           .ramp_offers = a->ramp_offers };

    buf_clear(&ws->detail);
    record_pack_short(&ws->detail, &agent_row_record, &r);
    if (ws->detail.err) ws->out.writes.err = ws->detail.err;
    group_set(ws, &ws->presences, "presence", a->name, buf_str(&ws->detail));
    a->touched = false;
}

void change_flush(struct workspace *ws)
{
    for (uint32_t i = 0; i < ws->touched_count; i++) {
        struct ticket *t = ws->touched[i];
        if (!t) continue;
        t->touched_at = 0;
        if (t->dirty || t->fresh) flush_ticket(ws, t);
    }
    ws->touched_count = 0;
    for (uint32_t i = 0; i < ws->touched_agent_count; i++) flush_agent(ws, ws->touched_agents[i]);
    ws->touched_agent_count = 0;
    close_groups(ws);
}

void change_gone(struct workspace *ws, struct ticket *t)
{
    char text[ID_TEXT + 1];
    struct str id = { id_text(&t->id, text), ID_TEXT };

    if (t->touched_at) ws->touched[t->touched_at - 1] = NULL;
    t->touched_at = 0;
    if (t->fresh) return;
    group_del(ws, &ws->rows_gone, "tickets", id);
    group_del(ws, &ws->abouts_gone, "about", id);
    if (t->held_kept) group_del(ws, &ws->holds_gone, "held", id);
}

void change_stray(struct workspace *ws, struct str id)
{
    group_del(ws, &ws->rows_gone, "tickets", id);
    group_del(ws, &ws->abouts_gone, "about", id);
    group_del(ws, &ws->holds_gone, "held", id);
}

/* ---- mail ---- */

void change_mail(struct workspace *ws, const struct out_mail *m, const struct record *r, const void *obj)
{
    struct outbox *o = &ws->out;
    struct out_mail mail = *m;
    size_t at = o->mail_bytes.n;

    if (ws->watch) return;
    record_pack_short(&o->mail_bytes, r, obj);
    if (o->mail_bytes.err || !room_for((void **)&o->mail, o->mail_count, &o->mail_room, sizeof *o->mail)) {
        o->mail_bytes.n = at; /* an offer that is not shown expires; a result that is not given is asked for again */
        o->mail_bytes.err = ERR_OK;
        metric_add(MET_MBOX_REFUSED, "outbox_full", 1);
        return;
    }
    mail.offset = (uint32_t)at;
    mail.length = (uint32_t)(o->mail_bytes.n - at);
    o->mail[o->mail_count++] = mail;
}

void change_fill_offer(struct workspace *ws, const struct ticket *t, const struct agent *a, struct offer *o)
{
    const struct agent *with = a ? a : ticket_with(t);
    const struct hold *h = with ? ticket_offer_to(t, with) : NULL;

    *o = (struct offer){ .workspace = ws->name,
                         .ticket = t->id,
                         .token_epoch = t->token_epoch,
                         .token_seq = t->token_seq,
                         .state = t->state,
                         .queue = str_of(queue_of(ws, t)->name),
                         .channel = ticket_text(t, TEXT_CHANNEL),
                         .account = ticket_text(t, TEXT_ACCOUNT),
                         .conversation = ticket_text(t, TEXT_CONVERSATION),
                         .customer = ticket_text(t, TEXT_CUSTOMER),
                         .name = ticket_text(t, TEXT_NAME),
                         .language = t->facts.language,
                         .intent = t->facts.intent,
                         .urgency = t->urgency,
                         .score = t->score,
                         .sentiment = t->facts.sentiment,
                         .confidence = t->facts.confidence,
                         .subject = ticket_text(t, TEXT_SUBJECT),
                         .needs = change_needs(ws, t),
                         .tags = { t->facts.tags, t->facts.tag_count },
                         .created = t->enqueued,
                         .deadline = t->due_at };
    if (with) o->agent = with->name;
    if (!h) return;
    o->token_epoch = h->token_epoch;
    o->token_seq = h->token_seq;
    if (h->until > ws->now) o->expires_in = (uint32_t)(h->until - ws->now);
}

/* What an agent sees of a ticket: all of it, with its context, when it comes to them; of what is new of it later, the newest; else
   only what happened to it. */
enum shown { SHOW_EVENT, SHOW_FIELDS, SHOW_LAST, SHOW_ALL };

static enum shown shown_with(struct str what)
{
    static const struct {
        const char *what;
        enum shown shown;
    } rows[] = { { "offer", SHOW_ALL },
                 { "assigned", SHOW_ALL },
                 { "consult", SHOW_ALL },
                 { "message", SHOW_LAST },
                 { "changed", SHOW_FIELDS } };

    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        if (str_is(what, rows[i].what)) return rows[i].shown;
    return SHOW_EVENT;
}

static struct list last_message(struct workspace *ws, const struct ticket *t)
{
    struct list all = change_messages(ws, t);

    if (all.count > 1) all = (struct list){ (struct message *)all.items + all.count - 1, 1 };
    return all;
}

static void show(struct workspace *ws, struct ticket *t, struct agent *a, const char *what, const char *cause, bool confirm)
{
    struct offer o;
    enum shown shown = shown_with(str_of(what));

    if (!a->connected || ws->watch) return;
    if (shown == SHOW_LAST && a->bot) shown = SHOW_ALL; /* a webhook remembers nothing from one request to the next */
    if (shown) change_fill_offer(ws, t, a, &o);
    else
        o = (struct offer){ .workspace = ws->name,
                            .ticket = t->id,
                            .token_epoch = t->token_epoch,
                            .token_seq = t->token_seq,
                            .state = t->state,
                            .urgency = t->urgency };
    o.what = str_of(what);
    o.agent = a->name;
    o.session = a->session;
    o.cause = text_cut(str_of(cause), 128);
    if (shown == SHOW_ALL) continuity_context(ws, t, &o);
    if (shown == SHOW_LAST) o.messages = last_message(ws, t); /* the agent has the others */
    change_mail(ws,
                &(struct out_mail){ .type = MSG_OFFER, .router = a->router, .seq = ws->seq, .home = t->home, .confirm = confirm },
                &offer_record, &o);
    arena_clear(&ws->arena);
}

void change_offer(struct workspace *ws, struct ticket *t, struct agent *a, const char *what, const char *cause)
{
    show(ws, t, a, what, cause, false);
}

void change_offer_state(struct workspace *ws, const struct ticket *t, const struct agent *a, const struct act *act)
{
    struct offer o = { .workspace = ws->name,
                       .what = STR("message_state"),
                       .agent = a->name,
                       .session = a->session,
                       .ticket = t->id,
                       .state = t->state,
                       .urgency = t->urgency,
                       .cause = text_cut(act->reason, 128),
                       .message = act->message,
                       .why = text_cut(act->text, 256) };

    if (a->connected && !ws->watch)
        change_mail(ws, &(struct out_mail){ .type = MSG_OFFER, .router = a->router, .seq = ws->seq, .home = t->home },
                    &offer_record, &o);
}

void change_offer_confirmed(struct workspace *ws, struct ticket *t, struct agent *a, const char *what, const char *cause)
{
    show(ws, t, a, what, cause, true);
}

void change_offer_all(struct workspace *ws, struct ticket *t, const char *what, const char *cause)
{
    for (const struct hold *h = t->holds; h; h = h->next) change_offer(ws, t, h->agent, what, cause);
}

struct outbox *space_out(struct workspace *ws) { return &ws->out; }

void space_out_clear(struct workspace *ws)
{
    struct outbox *o = &ws->out;

    buf_clear(&o->entries);
    buf_clear(&o->writes);
    buf_clear(&o->mail_bytes);
    o->entries.cap = o->writes.cap = o->mail_bytes.cap = OUT_CAP;
    o->entry_count = o->write_count = o->word_count = o->mail_count = 0;
}

void change_fini(struct workspace *ws)
{
    struct outbox *o = &ws->out;

    buf_fini(&o->entries);
    buf_fini(&o->writes);
    buf_fini(&o->mail_bytes);
    free(o->entry);
    free(o->mail);
    buf_fini(&ws->rows.words);
    buf_fini(&ws->abouts.words);
    buf_fini(&ws->holds.words);
    buf_fini(&ws->presences.words);
    buf_fini(&ws->customers_put.words);
    buf_fini(&ws->customers_gone.words);
    buf_fini(&ws->rows_gone.words);
    buf_fini(&ws->abouts_gone.words);
    buf_fini(&ws->holds_gone.words);
    free(ws->touched);
    free(ws->touched_agents);
}
