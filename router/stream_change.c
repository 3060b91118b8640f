/* What is kept of an event is its head, up to the customer: a packed record may be cut behind any field, so the head is a record
   itself, without the text, which nobody is told here. Of an entry all is kept but a detail that is not told. */
#include "router/stream_change.h"

#include "config/policy.h"
#include "proto/mp.h"
#include "router/hook_event.h"

#include <stdio.h>

#define HEAD_MAX    2048u
#define VERDICT_MAX 65536u

#define STREAM_ROW_FIELDS(X) X(REC, entry, entry) X(BIN, event, HEAD_MAX) X(BIN, verdict, VERDICT_MAX) X(BOOL, own, 0)
RECORD_DECL(stream_row, STREAM_ROW_FIELDS)
RECORD_TABLE(stream_row, STREAM_ROW_FIELDS)

bool stream_change_told(const struct entry *en)
{
    if (en->kind == ENTRY_CONFIG && !en->agent.n) return false; /* a policy, or customers */
    return webhook_word(en->kind) != NULL;
}

/* The packed event up to its customer, in `room`; empty when it is no such record. */
static struct str head_of(struct str event, char room[HEAD_MAX])
{
    struct mp r = mp_on(event);
    size_t nodes = 0, fields = record_field(&event_record, "customer") + 1;
    uint64_t count = event.n ? mp_array(&r) : 0;
    const unsigned char *from = r.p;
    if (fields > count) fields = count;
    for (size_t i = 0; i < fields; i++) (void)mp_skip(&r, 1, LIM_RECORD_NODES, &nodes);
    size_t n = (size_t)(r.p - from);
    if (r.err || !fields || n >= HEAD_MAX) return STR_NONE;
    room[0] = (char)(0x90 | fields); /* an array of so many */
    memcpy(room + 1, from, n);
    return (struct str){ room, n + 1 };
}

void stream_change_pack(struct buf *out, const struct entry *en, struct str event, bool own, struct str verdict)
{
    char room[HEAD_MAX];
    struct stream_row row = { .entry = *en, .event = head_of(event, room), .own = own };
    if (verdict.n <= VERDICT_MAX) row.verdict = verdict;
    if (!hook_tells_detail(en)) row.entry.detail = STR_NONE;
    record_pack_short(out, &stream_row_record, &row);
}

/* ---- messages ---- */

static enum err unpack(struct hook_row *out, struct str body, struct arena *a)
{
    struct stream_row row;
    struct event event;
    struct verdict verdict;
    *out = (struct hook_row){ 0 };
    enum err e = record_unpack(&stream_row_record, &row, body, a);
    if (e) return e;
    bool known = row.event.n && !record_unpack(&event_record, &event, row.event, a);
    bool judged = row.verdict.n && !record_unpack(&verdict_record, &verdict, row.verdict, a);
    out->entry = row.entry;
    hook_row_facts(out, known ? &event : NULL, row.own, judged ? &verdict : NULL);
    return ERR_OK;
}

/* The data is one line: between the tokens of JSON any blank may stand, and a detail is JSON that somebody else wrote. */
static void one_line(char *p, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (p[i] == '\n' || p[i] == '\r') p[i] = ' ';
}

enum err stream_change_message(struct buf *out, const struct stream_change *c, struct arena *scratch)
{
    struct hook_row row;
    char text[CHANGE_TEXT];
    arena_clear(scratch);
    enum err e = unpack(&row, c->body, scratch);
    if (e) return e;
    struct id id = hook_id(&row.entry);
    buf_addf(out, "id: %s\nevent: %s\ndata: ", change_text(c->id, text), webhook_word(row.entry.kind));
    size_t from = out->n;
    hook_event_json(out, &id, &row);
    if (!out->err) one_line(out->p + from, out->n - from);
    buf_addz(out, "\n\n");
    return out->err;
}

void stream_gap_message(struct buf *out, struct change_id after, struct change_id next)
{
    char text[CHANGE_TEXT];
    struct jw w = jw_on(out);
    buf_addz(out, "event: gap\ndata: ");
    jw_open(&w, '{');
    if (after.epoch) jw_key(&w, "after"), jw_strz(&w, change_text(after, text));
    if (next.epoch) jw_key(&w, "next"), jw_strz(&w, change_text(next, text));
    jw_close(&w, '}');
    buf_addz(out, "\n\n");
}
