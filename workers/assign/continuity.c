#include "base/log.h"
#include "workers/assign/core.h"

#include <stdlib.h>

/* Whom a customer had last, what their last tickets were, and which agents have had a ticket: so that who writes again reaches
   who knows them, and nobody is asked the same thing twice.

   A customer is a person: the attribute `customer.id` of the event, over all channels and accounts; where there is none, who the
   channel says it is, (account, customer). One without either is nobody and is not remembered.

   workspace.customers holds LIM_KNOWN_CUSTOMERS of them, each as its key and its packed row, the very bytes that Redis keeps;
   rows are unpacked only where they are asked for. They stand in one list, last used first, and the last one makes room for a new
   one. A customer comes in when an agent gets a ticket of theirs, and is written when a ticket that somebody had ends. `open` is
   the ticket of theirs that an agent got last; the end of that ticket clears it, so it never outlives the ticket. A ticket does
   not refer to its customer: it is found by its key each time, and may have been forgotten.

   ticket.owners are the agents who have had it, the first one first. When there are more than fit, the first stays and the
   second goes. */

_Static_assert(LIM_AGENTS <= UINT16_MAX, "an index of the roster fits into ticket.owners");
#define KEY_MAX 322u /* account, NUL, customer; or NUL, person */

struct customer {
    struct customer *newer, *older;
    struct ticket *open; /* an agent has it, or had it last */
    uint64_t at;         /* when an agent got a ticket of theirs, or one ended; 0: long ago */
    char *row;           /* a packed customer_row; owned */
    uint32_t row_n, key_n;
    char key[];
};

void continuity_init(struct customers *c)
{
    *c = (struct customers){ 0 };
    map_init(&c->by_key, LIM_KNOWN_CUSTOMERS);
}

void continuity_fini(struct customers *all)
{
    for (struct customer *c = all->newest, *older; c; c = older) {
        older = c->older;
        free(c->row);
        free(c);
    }
    map_fini(&all->by_key);
}

/* ---- the list: last used first ---- */

static void unlink_customer(struct customers *all, struct customer *c)
{
    if (c->newer) c->newer->older = c->older;
    else all->newest = c->older;
    if (c->older) c->older->newer = c->newer;
    else all->oldest = c->newer;
    c->newer = c->older = NULL;
}

static void link_newest(struct customers *all, struct customer *c)
{
    c->newer = NULL;
    c->older = all->newest;
    if (all->newest) all->newest->newer = c;
    else all->oldest = c;
    all->newest = c;
}

static void used(struct customers *all, struct customer *c)
{
    if (all->newest == c) return;
    unlink_customer(all, c);
    link_newest(all, c);
}

static struct str key_of_customer(const struct customer *c) { return (struct str){ c->key, c->key_n }; }

static void forget(struct workspace *ws, struct customer *c)
{
    (void)map_del(&ws->customers.by_key, key_of_customer(c));
    unlink_customer(&ws->customers, c);
    if (c->row) change_customer_gone(ws, key_of_customer(c));
    free(c->row);
    free(c);
}

/* ---- one customer ---- */

/* Empty: nobody knows who it is. */
static struct str key_of(const struct ticket *t, char out[KEY_MAX])
{
    struct str first = ticket_text(t, TEXT_PERSON).n ? STR_NONE : ticket_text(t, TEXT_ACCOUNT),
               second = ticket_text(t, TEXT_PERSON).n ? ticket_text(t, TEXT_PERSON) : ticket_text(t, TEXT_CUSTOMER);

    if (!second.n || first.n + 1 + second.n > KEY_MAX) return STR_NONE;
    if (first.n) memcpy(out, first.p, first.n);
    out[first.n] = '\0';
    memcpy(out + first.n + 1, second.p, second.n);
    return (struct str){ out, first.n + 1 + second.n };
}

/* Found, and the last used from now on; NULL: not known. */
static struct customer *find(struct workspace *ws, const struct ticket *t)
{
    char bytes[KEY_MAX];
    struct str key = key_of(t, bytes);
    struct customer *c = key.n ? map_get(&ws->customers.by_key, key) : NULL;

    if (c) used(&ws->customers, c);
    return c;
}

/* Found or made; NULL: no memory. */
static struct customer *know(struct workspace *ws, struct str key)
{
    struct customers *all = &ws->customers;
    struct customer *c = map_get(&all->by_key, key);

    if (c) {
        used(all, c);
        return c;
    }
    if (all->by_key.count >= LIM_KNOWN_CUSTOMERS) forget(ws, all->oldest);
    if (!(c = calloc(1, sizeof *c + key.n))) return NULL;
    memcpy(c->key, key.p, key.n);
    c->key_n = (uint32_t)key.n;
    if (map_put(&all->by_key, key_of_customer(c), c)) {
        free(c);
        return NULL;
    }
    link_newest(all, c);
    return c;
}

/* What is remembered, in ws->arena and in the row; false: nothing. */
static bool row_of(struct workspace *ws, const struct customer *c, struct customer_row *out)
{
    return c->row && !record_unpack(&customer_row_record, out, (struct str){ c->row, c->row_n }, &ws->arena);
}

static bool keep_row(struct customer *c, struct str packed, uint64_t at)
{
    char *copy = malloc(packed.n);

    if (!copy) return false;
    memcpy(copy, packed.p, packed.n);
    free(c->row);
    c->row = copy;
    c->row_n = (uint32_t)packed.n;
    c->at = at;
    return true;
}

/* ---- who has had a ticket ---- */

static void add_owner(struct ticket *t, const struct agent *a)
{
    if (t->owner_count && t->owners[t->owner_count - 1] == a->index) return;
    if (t->owner_count == OWNERS_MAX) {
        memmove(t->owners + 1, t->owners + 2, (OWNERS_MAX - 2) * sizeof *t->owners);
        t->owner_count--;
    }
    t->owners[t->owner_count++] = (uint16_t)a->index;
}

void continuity_held(struct workspace *ws, struct ticket *t, const struct agent *a)
{
    char bytes[KEY_MAX];
    struct str key = key_of(t, bytes);
    struct customer *c = key.n ? know(ws, key) : NULL;

    add_owner(t, a);
    if (c) c->open = t, c->at = ws->now;
}

struct list continuity_owners(struct workspace *ws, const struct ticket *t)
{
    struct holder *v = arena_alloc(&ws->arena, (t->owner_count ? t->owner_count : 1u) * sizeof *v);

    if (!v) return (struct list){ NULL, 0 };
    for (uint32_t i = 0; i < t->owner_count; i++) v[i] = (struct holder){ ws->roster.v[t->owners[i]]->name };
    return (struct list){ v, t->owner_count };
}

void continuity_restore_owners(struct workspace *ws, struct ticket *t, struct list owners)
{
    const struct holder *v = owners.items;

    for (uint32_t i = 0; i < owners.count; i++) {
        const struct agent *a = roster_add(ws, v[i].agent);
        if (a) add_owner(t, a);
    }
}

/* ---- the end of a ticket ---- */

/* The last person who had it: a bot is nobody to come back to. */
static struct str last_person(const struct workspace *ws, const struct ticket *t)
{
    for (uint32_t i = t->owner_count; i-- > 0;)
        if (!ws->roster.v[t->owners[i]]->bot) return ws->roster.v[t->owners[i]]->name;
    return STR_NONE;
}

static void add_previous(struct workspace *ws, const struct ticket *t, struct customer_row *r, struct previous out[PREVIOUS_MAX])
{
    const struct previous *was = r->previous.items;
    uint32_t n = 1;

    out[0] = (struct previous){ .ticket = t->id,
                                .at = ws->now,
                                .queue = str_of(queue_of(ws, t)->name),
                                .agent = ws->roster.v[t->owners[t->owner_count - 1]]->name,
                                .state = t->state,
                                .intent = t->facts.intent };
    for (uint32_t i = 0; i < r->previous.count && n < PREVIOUS_MAX; i++) out[n++] = was[i];
    r->previous = (struct list){ out, n };
}

/* The ticket's state is its end. Nothing is remembered of one that nobody had. */
void continuity_ended(struct workspace *ws, const struct ticket *t)
{
    struct previous previous[PREVIOUS_MAX];
    struct customer_row row = { 0 };
    char bytes[KEY_MAX];
    struct str key = t->owner_count ? key_of(t, bytes) : STR_NONE, person;
    struct customer *c = key.n ? know(ws, key) : NULL;

    if (!c) return;
    if (c->open == t) c->open = NULL;
    (void)row_of(ws, c, &row);
    person = last_person(ws, t);
    if (person.n) row.agent = person, row.at = ws->now;
    add_previous(ws, t, &row, previous);
    buf_clear(&ws->detail);
    record_pack(&ws->detail, &customer_row_record, &row);
    if (!ws->detail.err && keep_row(c, buf_str(&ws->detail), ws->now)) change_customer(ws, key, (struct str){ c->row, c->row_n });
    arena_clear(&ws->arena);
}

/* ---- the beginning of the next one ---- */

/* Who has an open ticket of theirs now counts as the last one. */
static struct agent *last_of(struct workspace *ws, const struct customer *c, const struct ticket *t, uint64_t *at)
{
    struct agent *a = c->open && c->open != t ? ticket_agent(c->open) : NULL;
    struct customer_row row;

    *at = ws->now;
    if (a && !a->bot) return a;
    if (!row_of(ws, c, &row)) return NULL;
    *at = row.at;
    return roster_find(&ws->roster, row.agent);
}

/* Whom the customer had last, by the rules of the queue that the ticket is in. */
void continuity_recall(struct workspace *ws, struct ticket *t)
{
    const struct last_agent *rule = &queue_of(ws, t)->last_agent;
    struct customer *c = rule->within_ms ? find(ws, t) : NULL;
    uint64_t at;

    t->last = NULL;
    if (!c) return;
    t->last = last_of(ws, c, t, &at);
    if (t->last && (!t->last->known || at + rule->within_ms < t->enqueued)) t->last = NULL;
    arena_clear(&ws->arena);
}

static bool there(const struct agent *a) { return a && a->known && a->presence != PRES_OFFLINE && !a->leaving && !a->off_shift; }

/* A new ticket waits for the one agent whom the customer asks for, or had last, while the policy says so and they are there. */
void continuity_wait(struct workspace *ws, struct ticket *t)
{
    const struct queue *q = queue_of(ws, t);

    if (t->state != TK_WAITING) return;
    if (q->prefer_wait_ms && there(t->prefer)) ticket_only(ws, t, t->prefer, ws->now + q->prefer_wait_ms, 0);
    else if (q->last_agent.wait_ms && there(t->last))
        ticket_only(ws, t, t->last, ws->now + q->last_agent.wait_ms, q->last_agent.skip);
}

/* ---- what goes along with a ticket ---- */

static struct list previous_of(struct workspace *ws, const struct ticket *t)
{
    const struct customer *c = find(ws, t);
    struct customer_row row;

    return c && row_of(ws, c, &row) ? row.previous : (struct list){ NULL, 0 };
}

static struct list rules_of(struct workspace *ws, const struct ticket *t)
{
    const struct str packed = ticket_text(t, TEXT_VERDICT);
    struct verdict v;

    if (!packed.n || record_unpack_one(&verdict_record, "rules", &v, packed, &ws->arena)) return (struct list){ NULL, 0 };
    return v.rules;
}

void continuity_context(struct workspace *ws, const struct ticket *t, struct offer *o)
{
    o->messages = change_messages(ws, t);
    o->rules = rules_of(ws, t);
    o->owners = continuity_owners(ws, t);
    o->previous = previous_of(ws, t);
}

/* ---- rebuilding ---- */

void space_restore_customer(struct workspace *ws, uint64_t now, struct str key, struct str packed)
{
    struct customer_row row;
    struct customer *c = NULL;

    if (now > ws->now) ws->now = now;
    if (key.n && key.n <= KEY_MAX && !record_unpack(&customer_row_record, &row, packed, &ws->arena)) c = know(ws, key);
    if (!c || !keep_row(c, packed, row.at)) change_customer_gone(ws, key);
    arena_clear(&ws->arena);
}

static int by_time(const void *a, const void *b)
{
    const struct customer *x = *(struct customer *const *)a, *y = *(struct customer *const *)b;

    return (x->at > y->at) - (x->at < y->at);
}

/* Redis gives them in no order: the last used are those whose tickets ended last. */
void continuity_restored(struct workspace *ws)
{
    struct customers *all = &ws->customers;
    struct customer *c, **v = malloc((all->by_key.count + 1) * sizeof *v);
    size_t n = 0;

    for (size_t i = 0; v && (c = map_next(&all->by_key, &i));) v[n++] = c;
    if (n) qsort(v, n, sizeof *v, by_time);
    if (n) all->newest = all->oldest = NULL;
    for (size_t i = 0; i < n; i++) link_newest(all, v[i]);
    free(v);
}

/* ---- what must always hold ---- */

/* The customer's `open` is a live ticket of theirs; `listed` counts the list. */
static const char *check_customer(const struct workspace *ws, const struct customer *c, size_t *listed)
{
    struct ticket *t;
    char bytes[KEY_MAX];

    ++*listed;
    if (map_get(&ws->customers.by_key, key_of_customer(c)) != c) return "a customer is not found by their key";
    if (c->older && c->older->newer != c) return "the list of customers is broken";
    if (!c->open) return NULL;
    for (size_t i = 0; (t = idmap_next(&ws->tickets, &i));)
        if (t == c->open) return str_eq(key_of(t, bytes), key_of_customer(c)) ? NULL : "a customer has the ticket of another";
    return "a customer has a ticket that has ended";
}

const char *continuity_check(const struct workspace *ws)
{
    const char *why = NULL;
    size_t listed = 0;

    for (const struct customer *c = ws->customers.newest; c && !why; c = c->older) why = check_customer(ws, c, &listed);
    if (!why && listed != ws->customers.by_key.count) why = "customers are listed who are not known, or known and not listed";
    return why;
}
