/* What customers' clients are told, as JSON: proto/asyncapi.yaml names each. One message is written at a time, into w->out, and
   sent to one socket or to all of a chat. A client that reads too slowly is closed by ws_send; it comes back with its last seq. */
#include "base/clock.h"
#include "base/json.h"
#include "base/log.h"
#include "router/channels/widget_impl.h"
#include "router/router.h"

#include <stdio.h>

static struct jw begin(struct widget *w, const char *type)
{
    buf_clear(&w->out);
    struct jw j = jw_on(&w->out);
    jw_open(&j, '{');
    jw_key(&j, "type"), jw_strz(&j, type);
    return j;
}

static void send_one(struct widget_conn *c)
{
    struct buf *b = &c->router->widget.out;
    if (b->err) log_error("a message to a customer could not be written: %s", err_text(b->err));
    else if (c->sock) (void)ws_send(c->sock, buf_str(b)); /* too slow: the socket is being closed */
}

static void send_all(struct chat *chat, const struct widget_conn *but)
{
    for (struct widget_conn *c = chat->conns; c; c = c->next)
        if (c != but) send_one(c);
}

void widget_tell_welcome(struct widget_conn *c, uint64_t after)
{
    const struct chat_line *first = chat_after(c->chat, 0);
    struct jw j = begin(&c->router->widget, "welcome");
    jw_key(&j, "seq"), jw_u64(&j, chat_seq(c->chat));
    jw_key(&j, "router"), jw_u64(&j, c->router->number);
    jw_key(&j, "customer"), jw_str(&j, chat_customer(c->chat));
    if (after > c->chat->last) jw_key(&j, "lost"), jw_bool(&j, true); /* nobody here said what they have */
    /* What they missed may be more than is kept. */
    if (after && after < c->chat->last && first && first->seq > after && c->chat->count == LIM_CHAT_LINES)
        jw_key(&j, "from"), jw_u64(&j, first->seq);
    if (c->chat->read_by_agent) jw_key(&j, "read"), jw_u64(&j, c->chat->read_by_agent);
    jw_key(&j, "max_length"), jw_u64(&j, LIM_CHAT_TEXT);
    jw_close(&j, '}');
    send_one(c);
}

static void write_line(struct widget *w, const struct chat_line *l)
{
    char at[25], id[ID_TEXT + 1];
    struct jw j = begin(w, "message");
    jw_key(&j, "seq"), jw_u64(&j, l->seq);
    jw_key(&j, "id");
    if (l->ref_n) jw_str(&j, line_ref(l));
    else jw_strz(&j, id_text(&l->id, id));
    jw_key(&j, "by"), jw_strz(&j, chat_by_words.v[l->by]);
    if (l->name_n) jw_key(&j, "name"), jw_str(&j, line_name(l));
    jw_key(&j, "at"), jw_strz(&j, clock_text(l->at, at));
    jw_key(&j, "text"), jw_str(&j, line_text(l));
    jw_close(&j, '}');
}

void widget_tell_lines(struct widget_conn *c, uint64_t after)
{
    for (const struct chat_line *l = chat_after(c->chat, after); l; l = chat_next(l)) {
        write_line(&c->router->widget, l);
        send_one(c);
    }
}

void widget_tell_line(struct chat_line *l, const struct widget_conn *but)
{
    struct widget_conn *c = l->chat->conns;
    if (!c) return;
    write_line(&c->router->widget, l);
    send_all(l->chat, but);
}

void widget_tell_ack(struct widget_conn *c, struct str ref, uint64_t seq)
{
    struct jw j = begin(&c->router->widget, "ack");
    jw_key(&j, "id"), jw_str(&j, ref);
    jw_key(&j, "seq"), jw_u64(&j, seq);
    jw_close(&j, '}');
    send_one(c);
}

void widget_tell_error(struct widget_conn *c, struct str ref, const char *error, const char *detail, uint32_t wait_ms)
{
    struct jw j = begin(&c->router->widget, "error");
    jw_key(&j, "error"), jw_strz(&j, error);
    jw_key(&j, "detail"), jw_strz(&j, detail ? detail : "");
    if (ref.n) jw_key(&j, "id"), jw_str(&j, ref);
    if (wait_ms) jw_key(&j, "retry_ms"), jw_u64(&j, wait_ms);
    jw_close(&j, '}');
    send_one(c);
}

void widget_tell_elsewhere(struct widget_conn *c, uint32_t home)
{
    char why[120];
    snprintf(why, sizeof why, "router number %u has this conversation, this is number %u: come back with ?router=%u", home,
             c->router->number, home);
    struct jw j = begin(&c->router->widget, "error");
    jw_key(&j, "error"), jw_strz(&j, "wrong-router");
    jw_key(&j, "detail"), jw_strz(&j, why);
    jw_key(&j, "router"), jw_u64(&j, home);
    jw_close(&j, '}');
    send_one(c);
}

void widget_tell_state(struct widget *w, struct chat *chat, struct widget_conn *one, uint64_t position, double wait_ms)
{
    if (!one && !chat->conns) return;
    struct jw j = begin(w, "state");
    jw_key(&j, "state"), jw_strz(&j, chat_state_words.v[chat->state == CHAT_UNKNOWN ? CHAT_NONE : chat->state]);
    if (chat->state == CHAT_WITH_AGENT && chat->agent) jw_key(&j, "agent"), jw_strz(&j, chat->agent);
    if (position) jw_key(&j, "position"), jw_u64(&j, position);
    if (wait_ms >= 0) jw_key(&j, "expected_wait_ms"), jw_u64(&j, (uint64_t)wait_ms);
    jw_close(&j, '}');
    if (one) send_one(one);
    else send_all(chat, NULL);
}

void widget_tell_sign(struct widget *w, struct chat *chat, const struct widget_conn *but, const char *type, const char *by, bool on,
                      uint64_t seq)
{
    if (!chat->conns) return;
    struct jw j = begin(w, type);
    jw_key(&j, "by"), jw_strz(&j, by);
    if (seq) jw_key(&j, "seq"), jw_u64(&j, seq);
    else jw_key(&j, "on"), jw_bool(&j, on);
    jw_close(&j, '}');
    send_all(chat, but);
}
