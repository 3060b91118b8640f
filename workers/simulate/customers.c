#include "workers/simulate/draw.h"
#include "workers/simulate/play.h"

#include <math.h>
#include <stdlib.h>

/* Customers, from their arrival to their outcome. A live one is in play.customers (by its ticket), on the list from play.first to
   play.latest (as is one whose ticket the core gave up when no more arrived), and in play.patience while it may hang up: from its
   arrival to the first accept, or until it is put off to be called back. It owns its offers; memory of both is used again. Its
   outcome is told once: when its work is over, it hung up, or it was turned away; a ticket that is being wrapped up has been told
   and is still there.

   What an agent does about an offer hangs on the seed, the arrival's id and the number of the offer alone, so that two policies
   meet the same agents. */

enum err play_customers_init(struct play *p)
{
    idmap_init(&p->customers, LIM_TICKETS);
    heap_init(&p->patience, LIM_TICKETS);
    heap_init(&p->replies, (size_t)LIM_TICKETS * 16);
    heap_init(&p->replies_now, (size_t)LIM_TICKETS * 16);
    return ERR_OK;
}

void play_customers_fini(struct play *p)
{
    while (p->first) {
        struct customer *c = p->first;
        c->hand = NULL;
        customer_over(p, c);
    }
    for (struct customer *c; (c = p->spare);) {
        p->spare = c->next;
        free(c);
    }
    for (struct offered *o; (o = p->offered_spare);) {
        p->offered_spare = o->next;
        free(o);
    }
    idmap_fini(&p->customers);
    heap_fini(&p->patience);
    heap_fini(&p->replies);
    heap_fini(&p->replies_now);
}

struct customer *customer_of(const struct play *p, const struct id *ticket) { return idmap_get(&p->customers, ticket); }

/* ---- coming ---- */

static struct customer *make(struct play *p, const struct arrival *a)
{
    struct customer *c = p->spare;

    if (c) p->spare = c->next;
    else if (!(c = malloc(sizeof *c))) return NULL;
    *c = (struct customer){ .class = a->class, .number = ++p->count, .at = a->at, .start = NEVER, .left = (double)a->work };
    memcpy(c->id, a->id, sizeof c->id);
    c->queue = c->first_queue = UINT32_MAX;
    c->prev = p->latest;
    if (p->latest) p->latest->next = c;
    else p->first = c;
    p->latest = c;
    return c;
}

/* Events are numbered by their customer; the last eight bytes are to look random (idmap.h). */
static struct id event_id(const struct customer *c, bool hangup)
{
    uint64_t v[2] = { c->number, c->number * 2 + hangup };
    struct id id;

    v[1] = (v[1] ^ (v[1] >> 30)) * UINT64_C(0xBF58476D1CE4E5B9);
    v[1] = (v[1] ^ (v[1] >> 27)) * UINT64_C(0x94D049BB133111EB);
    v[1] ^= v[1] >> 31;
    memcpy(id.b, v, sizeof id.b);
    return id;
}

/* Each has a conversation of its own: its number. */
static void tell_core(struct play *p, struct customer *c, enum event_kind kind)
{
    const struct kind *k = &p->kinds[c->class];
    char text[24], *end = text + sizeof text, *s = end;

    for (uint64_t n = c->number; n; n /= 10) *--s = (char)('0' + n % 10);
    struct str conversation = { s, (size_t)(end - s) };
    struct event e = { .id = event_id(c, kind == EVENT_HANGUP),
                       .workspace = p->name,
                       .account = STR("simulation"),
                       .channel = k->channel,
                       .external = conversation,
                       .kind = kind,
                       .conversation = conversation,
                       .language = k->language,
                       .received = play_wall(p),
                       .home = 1 };
    struct verdict v = { .event = e.id,
                         .workspace = p->name,
                         .language = k->language,
                         .urgency = k->class->urgency,
                         .needs = { k->needs, k->need_count },
                         .queue = k->queue };
    space_take(p->ws, e.received, &e, &v);
}

void customer_take(struct play *p, const struct arrival *a)
{
    struct customer *c = make(p, a);

    if (!c) {
        play_fail(p, ERR_NOMEM, "out of memory");
        return;
    }
    p->taking = c;
    c->patience.tie = c->number;
    if (a->patience < SIM_TIME_MAX * 2) {
        c->patience.key = (int64_t)(a->at + a->patience);
        if (heap_push(&p->patience, &c->patience)) play_fail(p, ERR_NOMEM, "out of memory");
    }
    tell_core(p, c, p->kinds[c->class].event);
    if (p->taking) play_fail(p, ERR_FULL, "arrival \"%s\": more than %u tickets would be live at once", a->id, LIM_TICKETS);
}

void customer_opened(struct play *p, const struct entry *e)
{
    struct customer *c = p->taking;

    p->taking = NULL;
    if (!c) return;
    c->ticket = e->ticket;
    if (idmap_put(&p->customers, c)) play_fail(p, ERR_NOMEM, "out of memory");
}

void customer_hangs_up(struct play *p, struct customer *c)
{
    if (heap_has(&c->patience)) heap_remove(&p->patience, &c->patience);
    tell_core(p, c, EVENT_HANGUP);
}

/* ---- going ---- */

/* Until when an answer is in time, in ms after its arrival. */
static uint64_t target_of(const struct play *p, const struct customer *c)
{
    const struct sim_class *k = p->kinds[c->class].class;
    const struct policy *policy = p->laid;
    uint32_t queue = c->first_queue != UINT32_MAX ? c->first_queue : (uint32_t)k->queue;
    const struct sla *s = &policy->queues[queue].answer;
    uint64_t came = p->begin + c->at;

    if (k->target_ms) return k->target_ms;
    if (s->hours < 0) return s->within_ms[k->urgency];
    return hours_add(&policy->hours[s->hours], came, s->within_ms[k->urgency]) - came;
}

void customer_queued(struct play *p, struct customer *c)
{
    c->first_queue = c->queue;
    c->target = target_of(p, c);
}

void customer_tell(struct play *p, struct customer *c, enum outcome o, uint64_t end)
{
    struct hand *h = c->start == NEVER ? NULL : c->served_by;

    if (c->told) return;
    c->told = true;
    if (o == OUT_SERVED && h && play_counts(p)) h->use.served++;
    p->cfg->on_outcome(p->cfg->ctx,
                       &(struct outcome_of){
                           .id = c->id,
                           .outcome = o,
                           .class = c->class,
                           .queue = c->first_queue != UINT32_MAX ? c->first_queue : (uint32_t)p->kinds[c->class].class->queue,
                           .agent = h ? h->name.p : NULL,
                           .agent_index = h ? h->index : UINT32_MAX,
                           .arrived = c->at,
                           .start = c->start,
                           .end = end,
                           .target = c->first_queue != UINT32_MAX ? c->target : target_of(p, c),
                           .match = h ? hand_match(h, c->class) : NAN,
                       });
}

void customer_given_up(struct play *p, struct customer *c)
{
    customer_not_offered_at_all(p, c);
    if (heap_has(&c->patience)) heap_remove(&p->patience, &c->patience);
    hand_lets_go(p, c);
    if (customer_of(p, &c->ticket) == c) idmap_del(&p->customers, &c->ticket);
}

void customer_over(struct play *p, struct customer *c)
{
    customer_given_up(p, c);
    if (c->prev) c->prev->next = c->next;
    else p->first = c->next;
    if (c->next) c->next->prev = c->prev;
    else p->latest = c->prev;
    c->next = p->spare;
    p->spare = c;
}

/* ---- offers ---- */

/* What they do, and after how long. */
static enum reply draw_reply(const struct play *p, const struct customer *c, uint64_t *after)
{
    const struct simulate_rules *r = p->cfg->rules;
    const uint64_t seed[2] = { p->cfg->seed, c->offers };
    struct rng rng;
    double u;

    *after = 0;
    if (r->declined <= 0 && r->missed <= 0 && r->accept.kind == DIST_NONE) return REPLY_ACCEPT;
    rng_seed(&rng, hash_bytes(c->id, strlen(c->id), seed));
    u = rng_f64(&rng);
    if (r->accept.kind != DIST_NONE) *after = draw_ms(&r->accept, &rng);
    if (u < r->declined) return REPLY_DECLINE;
    return u < r->declined + r->missed ? REPLY_NOTHING : REPLY_ACCEPT;
}

static void add(struct play *p, struct customer *c, struct offered with, uint64_t after)
{
    struct offered *o = p->offered_spare, **at = &c->offered;

    if (o) p->offered_spare = o->next;
    else if (!(o = malloc(sizeof *o))) {
        play_fail(p, ERR_NOMEM, "out of memory");
        return;
    }
    *o = with;
    o->who = c;
    o->in = after ? &p->replies : &p->replies_now;
    o->due.key = (int64_t)(p->now + after);
    o->due.tie = ++p->replied;
    while (*at) at = &(*at)->next;
    *at = o;
    if (o->reply != REPLY_NOTHING && heap_push(o->in, &o->due)) play_fail(p, ERR_NOMEM, "out of memory");
}

void customer_offered(struct play *p, struct customer *c, struct hand *h, uint64_t epoch, uint64_t seq)
{
    uint64_t after;

    c->offers++;
    p->decisions++;
    enum reply reply = draw_reply(p, c, &after);
    add(p, c, (struct offered){ .to = h, .token_epoch = epoch, .token_seq = seq, .reply = reply }, after);
}

void customer_concerns(struct play *p, struct customer *c, struct hand *h, enum reply reply)
{
    add(p, c, (struct offered){ .to = h, .token_epoch = c->token_epoch, .token_seq = c->token_seq, .reply = reply }, 0);
}

static void drop(struct play *p, struct offered **at)
{
    struct offered *o = *at;

    *at = o->next;
    if (heap_has(&o->due)) heap_remove(o->in, &o->due);
    o->next = p->offered_spare;
    p->offered_spare = o;
}

void customer_not_offered(struct play *p, struct customer *c, const struct hand *h)
{
    for (struct offered **at = &c->offered; *at;) {
        if ((*at)->to == h) drop(p, at);
        else at = &(*at)->next;
    }
}

void customer_not_offered_at_all(struct play *p, struct customer *c)
{
    while (c->offered) drop(p, &c->offered);
}
