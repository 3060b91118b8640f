/* The fold over rows. Known by its id from sending_add (or the first of its rows) to sending_drop, a message is listed with its
   ticket as long. Rows come in any order: compaction moves them. */
#include "base/panic.h"
#include "router/parts.h"
#include "router/sending_impl.h"

#include <stdlib.h>

RECORD_TABLE(message_row, MESSAGE_ROW_FIELDS)
RECORD_TABLE(part_taken, PART_TAKEN_FIELDS)
RECORD_TABLE(message_end_row, MESSAGE_END_ROW_FIELDS)

static enum err message_new(struct sending *s, const struct id *id, struct out_message **out)
{
    struct out_message *m;
    if (!sending_has_room(s)) return ERR_FULL;
    if (!(m = calloc(1, sizeof *m))) return ERR_NOMEM;
    m->id = *id;
    m->in = s;
    TAILQ_INIT(&m->taken);
    enum err e = idmap_put(&s->by_id, m);
    if (e) return free(m), e;
    s->counts[MESSAGE_QUEUED]++;
    s->bytes += sizeof *m;
    *out = m;
    return ERR_OK;
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
    sending_parts_drop(s, m, false);
    sending_unchange(s, m);
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
    *out = m;
    return ERR_OK;
}

static void copy_text(char *out, size_t room, struct str s)
{
    size_t n = s.n < room ? s.n : room - 1;
    if (n) memcpy(out, s.p, n);
    out[n] = '\0';
}

static void fold_end(struct sending *s, struct out_message *m, const struct message_end_row *end)
{
    const struct part_taken *taken = end->taken.items;
    m->step = end->step;
    m->part = end->part;
    m->parts = end->parts;
    m->tries = end->tries;
    m->once = end->once;
    m->at = end->at;
    m->began = end->began;
    m->due = 0;
    copy_text(m->why, sizeof m->why, end->why);
    sending_parts_drop(s, m, false);
    for (uint32_t i = 0; i < end->taken.count; i++) sending_part_taken(s, m, &taken[i]);
    m->receipt = sending_receipt_of(m);
    sending_set_state(s, m, end->state);
}

enum err sending_fold(struct sending *s, const struct id *id, struct str packed, uint64_t number)
{
    struct out_message *m = sending_find(s, id);
    struct message_end_row end;
    struct arena arena;
    arena_init(&arena, 65536);
    enum err e = record_unpack(&message_end_row_record, &end, packed, &arena);
    if (!e && !m) e = message_new(s, id, &m);
    if (!e && m->step >= end.step) e = ERR_EXISTS;
    if (!e) {
        fold_end(s, m, &end);
        m->row_end = m->row_was = number;
        if (m->packed && !message_ended(m) && !m->lane) e = sending_lane_enter(s, m);
    }
    arena_fini(&arena);
    return e;
}

static struct list pack_parts(const struct out_message *m, struct part_taken out[PARTS_MOST])
{
    const struct out_part *p;
    uint32_t n = 0;
    TAILQ_FOREACH (p, &m->taken, link) {
        if (n < PARTS_MOST) out[n++] = (struct part_taken){ p->number, p->external, p->receipt };
    }
    return (struct list){ out, n };
}

void sending_pack(const struct out_message *m, struct buf *out)
{
    struct part_taken taken[PARTS_MOST];
    struct message_end_row end = { .step = m->step,
                                   .state = m->state,
                                   .part = m->part,
                                   .tries = m->tries,
                                   .once = m->once,
                                   .at = m->at,
                                   .began = m->began,
                                   .why = str_of(m->why),
                                   .parts = m->parts,
                                   .taken = pack_parts(m, taken) };
    record_pack_short(out, &message_end_row_record, &end);
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
    return m && (number == m->row_intent || number == m->row_end || number == m->row_was);
}

void sending_row_moved(struct sending *s, uint64_t from, uint64_t to, const struct id *id)
{
    struct out_message *m = sending_find(s, id);
    if (m && m->row_intent == from) m->row_intent = to;
    if (m && m->row_end == from) m->row_end = to;
    if (m && m->row_was == from) m->row_was = to;
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
    idmap_fini(&s->by_external);
}
