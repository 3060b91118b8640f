/* Lines and the journal: a line is told once its row is durable. What the policy or an agent says comes from messages.c, which has
   kept its intent before; the line's id is the message's, so a message that is handed over twice is one line. */
#include "base/clock.h"
#include "base/log.h"
#include "base/metrics.h"
#include "router/channels/widget_impl.h"
#include "router/router.h"

#include <stdio.h>

enum err widget_init(struct router *r)
{
    struct widget *w = &r->widget;
    chats_init(&w->chats);
    TAILQ_INIT(&w->conns);
    rate_table_init(&w->sessions);
    arena_init(&w->scratch, 1u << 20);
    buf_init(&w->out, 1u << 18);
    return ERR_OK;
}

void widget_fini(struct router *r)
{
    chats_fini(&r->widget.chats);
    arena_fini(&r->widget.scratch);
    buf_fini(&r->widget.out);
}

enum err widget_keep_line(struct router *r, struct chat_line *l, journal_fn *fn, void *ctx)
{
    buf_clear(&r->packed);
    chat_line_pack(l, &r->packed);
    if (r->packed.err) return ERR_TOOBIG;
    return journal_append(r->journal, ROW_CHAT, &l->id, buf_str(&r->packed), fn, ctx, &l->row);
}

static uint64_t key_of(void *ctx, struct str account, struct str customer)
{
    struct router *r = ctx;
    return events_conversation_key(&r->events, account, customer);
}

void widget_row(struct router *r, uint64_t number, const struct id *id, struct str body)
{
    enum err e = chats_row(&r->widget.chats, number, id, body, key_of, r);
    if (e && e != ERR_EXISTS && e != ERR_FULL)
        log_error("row=%llu of a web chat cannot be used: %s", (unsigned long long)number, err_text(e));
}

bool widget_row_live(struct router *r, uint64_t number, const struct id *id)
{
    return chats_row_live(&r->widget.chats, number, id);
}
void widget_row_moved(struct router *r, uint64_t from, uint64_t to, const struct id *id)
{
    chats_row_moved(&r->widget.chats, from, to, id);
}

/* ---- to the customer ---- */

static void on_line(void *ctx, enum err e, uint64_t number)
{
    struct chat_line *l = ctx;
    (void)number;
    l->chat->held--;
    l->durable = !e;
    if (e) chat_unsay(l);
    else widget_tell_line(l, NULL);
}

static void done(const struct chat_line *l, struct send_result *out)
{
    char id[ID_TEXT + 1];
    out->end = SEND_DONE;
    snprintf(out->external, sizeof out->external, "%s", id_text(&l->id, id));
}

static void again(struct send_result *out, const char *why)
{
    out->end = SEND_AGAIN;
    snprintf(out->why, sizeof out->why, "%s", why);
}

void widget_here(struct router *r, struct door *d, const struct message_out *m, struct send_result *out)
{
    struct str account = str_of(d->account->name), who = m->conversation.n ? m->conversation : m->customer;
    struct chat_words words = { .by = m->by.n ? CHAT_AGENT : CHAT_SYSTEM, .name = m->by, .text = m->text };
    struct chat *chat;
    struct chat_line *l;
    enum err e = chats_take(&r->widget.chats, account, who, key_of(r, account, who), m->now, &chat);
    if (e == ERR_TOOBIG) {
        out->end = SEND_REFUSED;
        snprintf(out->why, sizeof out->why, "the conversation is none of a web chat");
        return;
    }
    if (!e) e = chat_say(chat, &m->id, &words, m->now, &l);
    if (e == ERR_EXISTS) {
        if (l->durable) done(l, out);
        else again(out, "it is being stored");
        return;
    }
    if (!e && (e = widget_keep_line(r, l, on_line, l))) chat_unsay(l);
    if (e) {
        again(out, "it could not be stored now");
        return;
    }
    chat->held++;
    metric_add(MET_CHAT_LINES, words.by == CHAT_AGENT ? "agent" : "system", 1);
    done(l, out); /* the row that says so is written behind the line's */
}
