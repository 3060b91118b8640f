/* The fold over rows. Known by its id from sending_add (or the first of its rows) to sending_drop, a message is listed with its
   ticket as long. Rows come in any order: compaction moves them. */
#include "base/panic.h"
#include "router/sending_impl.h"

#include <stdlib.h>

RECORD_TABLE(message_row, MESSAGE_ROW_FIELDS)
RECORD_TABLE(message_end_row, MESSAGE_END_ROW_FIELDS)

static enum err message_new(struct sending *s, const struct id *id, struct out_message **out)
{
    struct out_message *m;
    if (!sending_has_room(s)) return ERR_FULL;
    if (!(m = calloc(1, sizeof *m))) return ERR_NOMEM;
    m->id = *id;
    enum err e = idmap_put(&s->by_id, m);
    if (e) return free(m), e;
    s->counts[MESSAGE_QUEUED]++;
    s->bytes += sizeof *m;
    *out = m;
    return ERR_OK;
}

static void external_forget(struct sending *s, struct out_message *m)
{
    struct str key = { m->external_key, m->external_n };
    if (m->external_key && map_get(&s->by_external, key) == m) map_del(&s->by_external, key);
    free(m->external_key);
    m->external_key = NULL;
}

/* What the provider calls it, for receipts. Without memory for it they are not found. */
void sending_external_known(struct sending *s, struct out_message *m)
{
    struct str x = str_of(m->external);
    external_forget(s, m);
    if (!x.n || !m->packed || !(m->external_key = malloc(64 + 1 + 64 + 1 + x.n))) return;
    m->external_n = sending_key(m->external_key, m->row.workspace, m->row.account);
    memcpy(m->external_key + m->external_n, x.p, x.n);
    m->external_n += x.n;
    (void)map_put(&s->by_external, (struct str){ m->external_key, m->external_n }, m);
}

static void leave_ticket(struct sending *s, struct out_message *m)
{
    struct ticket_messages *of = m->of;
    if (!of) return;
    TAILQ_REMOVE(&of->all, m, sibling);
    m->of = NULL;
    if (!TAILQ_EMPTY(&of->all)) return;
    TAILQ_REMOVE(&s->tickets, of, link);
    idmap_del(&s->by_ticket, &of->ticket);
    free(of);
}

static void message_free(struct sending *s, struct out_message *m)
{
    sending_lane_leave(s, m);
    leave_ticket(s, m);
    external_forget(s, m);
    sending_told(s, m);
    sending_heard(s, m);
    idmap_del(&s->by_id, &m->id);
    s->counts[m->state]--;
    s->bytes -= sizeof *m + m->packed_n;
    free(m->packed);
    free(m);
}

static enum err join_ticket(struct sending *s, struct out_message *m)
{
    struct ticket_messages *of = idmap_get(&s->by_ticket, &m->row.ticket);
    if (!of) {
        if (!(of = calloc(1, sizeof *of))) return ERR_NOMEM;
        of->ticket = m->row.ticket;
        TAILQ_INIT(&of->all);
        enum err e = idmap_put(&s->by_ticket, of);
        if (e) return free(of), e;
        TAILQ_INSERT_TAIL(&s->tickets, of, link);
    }
    TAILQ_INSERT_TAIL(&of->all, m, sibling);
    m->of = of;
    return ERR_OK;
}

static enum err read_row(struct out_message *m, struct str packed)
{
    if (!(m->packed = malloc(packed.n))) return ERR_NOMEM;
    memcpy(m->packed, packed.p, packed.n);
    m->packed_n = (uint32_t)packed.n;
    return record_unpack(&message_row_record, &m->row, (struct str){ m->packed, m->packed_n }, NULL);
}

enum err sending_add(struct sending *s, const struct id *id, struct str packed, uint64_t number, struct out_message **out)
{
    struct out_message *m = sending_find(s, id);
    enum err e = ERR_OK;
    if (m && m->packed) return *out = m, ERR_EXISTS;
    if (!packed.n) return ERR_PROTO;
    if (!m && (e = message_new(s, id, &m))) return e;
    e = read_row(m, packed);
    if (e) free(m->packed), m->packed = NULL, m->packed_n = 0;
    s->bytes += m->packed_n;
    if (!e && !m->step) { /* nothing is known of its sending */
        m->at = m->began = m->row.at;
        m->due = 0;
        if (m->row.recorded) sending_set_state(s, m, MESSAGE_RECORDED);
    }
    if (!e) e = join_ticket(s, m);
    if (!e && !message_ended(m)) e = sending_lane_enter(s, m);
    if (e) return message_free(s, m), e;
    m->row_intent = number;
    sending_external_known(s, m);
    *out = m;
    return ERR_OK;
}

static void copy_text(char *out, size_t room, struct str s)
{
    size_t n = s.n < room ? s.n : room - 1;
    if (n) memcpy(out, s.p, n);
    out[n] = '\0';
}

enum err sending_fold(struct sending *s, const struct id *id, struct str packed, uint64_t number)
{
    struct out_message *m = sending_find(s, id);
    struct message_end_row end;
    enum err e = record_unpack(&message_end_row_record, &end, packed, NULL);
    if (!e && !m) e = message_new(s, id, &m);
    if (e) return e;
    if (m->step >= end.step) return ERR_EXISTS;
    m->step = end.step;
    m->part = end.part;
    m->tries = end.tries;
    m->once = end.once;
    m->at = end.at;
    m->began = end.began;
    m->receipt = end.receipt;
    m->row_end = number;
    m->due = 0;
    copy_text(m->external, sizeof m->external, end.external);
    copy_text(m->why, sizeof m->why, end.why);
    sending_set_state(s, m, end.state);
    if (m->packed) sending_external_known(s, m);
    if (m->packed && !message_ended(m) && !m->lane) return sending_lane_enter(s, m);
    return ERR_OK;
}

void sending_pack(const struct out_message *m, struct buf *out)
{
    struct message_end_row end = { .step = m->step,
                                   .state = m->state,
                                   .part = m->part,
                                   .tries = m->tries,
                                   .once = m->once,
                                   .at = m->at,
                                   .began = m->began,
                                   .external = str_of(m->external),
                                   .why = str_of(m->why),
                                   .receipt = m->receipt };
    record_pack(out, &message_end_row_record, &end);
}

/* Frees those of which only ends are known, or all. Without memory for the list they stay, and do no harm. */
static void free_messages(struct sending *s, bool all)
{
    struct out_message *m, **v = malloc((s->by_id.count + 1) * sizeof *v);
    size_t n = 0;
    if (!v) return;
    for (size_t i = 0; (m = idmap_next(&s->by_id, &i));) { /* the map is not walked while it changes */
        if (all || !m->packed) v[n++] = m;
    }
    while (n) message_free(s, v[--n]);
    free(v);
}

/* Those with an intent are durable, and may leave; ends without one are of messages that are settled and gone. */
void sending_replayed(struct sending *s)
{
    struct out_message *m;
    struct lane *l;
    free_messages(s, false);
    for (size_t i = 0; (m = idmap_next(&s->by_id, &i));) m->committed = true;
    for (size_t i = 0; (l = map_next(&s->lanes, &i));) sending_lane_wait(l);
}

bool sending_row_live(const struct sending *s, uint64_t number, const struct id *id)
{
    const struct out_message *m = sending_find(s, id);
    return m && (number == m->row_intent || number == m->row_end);
}

void sending_row_moved(struct sending *s, uint64_t from, uint64_t to, const struct id *id)
{
    struct out_message *m = sending_find(s, id);
    if (m && m->row_intent == from) m->row_intent = to;
    if (m && m->row_end == from) m->row_end = to;
}

void sending_forget(struct sending *s, struct out_message *m) { message_free(s, m); }

void sending_to_back(struct sending *s, struct ticket_messages *of)
{
    TAILQ_REMOVE(&s->tickets, of, link);
    TAILQ_INSERT_TAIL(&s->tickets, of, link);
}

void sending_drop(struct sending *s, struct ticket_messages *of)
{
    for (struct out_message *m = TAILQ_FIRST(&of->all), *next; m; m = next) {
        next = TAILQ_NEXT(m, sibling);
        naru_assert(message_ended(m));
        message_free(s, m); /* the last one takes `of` along */
    }
}

void sending_fini(struct sending *s)
{
    struct outlet *o;
    free_messages(s, true);
    while ((o = TAILQ_FIRST(&s->outlet_list))) {
        TAILQ_REMOVE(&s->outlet_list, o, link);
        heap_fini(&o->due);
        free(o);
    }
    idmap_fini(&s->by_id);
    idmap_fini(&s->by_ticket);
    map_fini(&s->lanes);
    map_fini(&s->outlets);
    map_fini(&s->by_external);
}
