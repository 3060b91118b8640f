/* The parts of a message that its provider has, and what it tells of them. A part is kept from the provider's word that it has it
   until the message goes, or the part is to be sent again: then it is none of these. by_external finds it by a hash of what the
   provider calls it in that account, 16 bytes whatever the provider's ids look like; a row tells all of them, at most PARTS_MOST.
 */
#include "router/parts.h"
#include "router/sending_impl.h"

#include <stdio.h>
#include <stdlib.h>

static struct id external_of(struct str workspace, struct str account, struct str external)
{
    char key[64 + 1 + 64 + 1];
    size_t n = sending_key(key, workspace, account);
    return id_of_event((struct str){ key, n }, external);
}

struct id sending_external(const struct message_row *row, const char *external)
{
    return *external ? external_of(row->workspace, row->account, str_of(external)) : (struct id){ { 0 } };
}

static void part_free(struct sending *s, struct out_part *p)
{
    TAILQ_REMOVE(&p->of->taken, p, link);
    if (idmap_get(&s->by_external, &p->external) == p) idmap_del(&s->by_external, &p->external);
    s->bytes -= sizeof *p;
    free(p);
}

void sending_parts_drop(struct sending *s, struct out_message *m, bool failed)
{
    for (struct out_part *p = TAILQ_FIRST(&m->taken), *next; p; p = next) {
        next = TAILQ_NEXT(p, link);
        if (!failed || p->receipt == RECEIPT_FAILED) part_free(s, p);
    }
}

void sending_part_taken(struct sending *s, struct out_message *m, const struct part_taken *taken)
{
    struct out_part *p, *before = TAILQ_LAST(&m->taken, out_parts);
    while (before && before->number > taken->number) before = TAILQ_PREV(before, out_parts, link);
    if (taken->number >= PARTS_MOST || (before && before->number == taken->number) || !(p = malloc(sizeof *p))) return;
    *p = (struct out_part){ .external = taken->external, .of = m, .number = taken->number, .receipt = taken->receipt };
    if (before) TAILQ_INSERT_AFTER(&m->taken, before, p, link);
    else TAILQ_INSERT_HEAD(&m->taken, p, link);
    s->bytes += sizeof *p;
    if (!id_is_none(&p->external)) (void)idmap_put(&s->by_external, p);
}

uint32_t sending_part_next(const struct out_message *m)
{
    const struct out_part *p;
    uint32_t next = m->part + 1;
    TAILQ_FOREACH (p, &m->taken, link) next += p->number == next;
    return next;
}

uint32_t sending_parts_taken(const struct out_message *m)
{
    const struct out_part *p;
    uint32_t n = 0;
    TAILQ_FOREACH (p, &m->taken, link) n++;
    return n;
}

/* The least of what was told of each; nothing while one has not left. */
enum receipt sending_receipt_of(const struct out_message *m)
{
    const struct out_part *p;
    enum receipt least = RECEIPT_READ;
    TAILQ_FOREACH (p, &m->taken, link) {
        if (p->receipt == RECEIPT_FAILED) return RECEIPT_FAILED;
        if (p->receipt < least) least = p->receipt;
    }
    bool whole = !TAILQ_EMPTY(&m->taken) && sending_parts_taken(m) >= m->parts;
    return whole ? least : RECEIPT_NONE;
}

void sending_say_undelivered(struct out_message *m)
{
    const struct out_part *p;
    char list[120] = "";
    size_t n = 0;
    if (m->parts < 2) {
        snprintf(m->why, sizeof m->why, "the provider could not deliver it");
        return;
    }
    TAILQ_FOREACH (p, &m->taken, link) {
        if (p->receipt != RECEIPT_FAILED || n + 5 > sizeof list) continue;
        n += (size_t)snprintf(list + n, sizeof list - n, "%s%u", n ? ", " : "", p->number + 1);
    }
    snprintf(m->why, sizeof m->why, "the provider could not deliver part %s of %u", list, m->parts);
}

/* What the message is by its receipts now; people hear of the whole alone. */
static void judge(struct sending *s, struct out_message *m, uint64_t now)
{
    enum receipt was = m->receipt;
    bool whole = sending_parts_taken(m) >= m->parts; /* else it goes on, or ended for another cause */
    m->receipt = sending_receipt_of(m);
    if (whole && m->receipt == RECEIPT_FAILED) sending_say_undelivered(m);
    if (!whole || m->receipt == was) sending_row_due(s, m);
    else sending_change(s, m, m->receipt == RECEIPT_FAILED ? MESSAGE_FAILED : MESSAGE_SENT, now);
}

/* `read` says `delivered` as well, and what was read or delivered did not fail. */
struct out_message *sending_receipt(struct sending *s, struct str workspace, struct str account, struct str external,
                                    enum receipt what, uint64_t now)
{
    if (workspace.n > 64 || account.n > 64 || !external.n) return NULL;
    struct id id = external_of(workspace, account, external);
    struct out_part *p = idmap_get(&s->by_external, &id);
    bool late = p && (p->receipt >= what || (what == RECEIPT_FAILED && p->receipt != RECEIPT_NONE));
    if (!p || late) return NULL;
    p->receipt = what;
    judge(s, p->of, now);
    return p->of;
}
