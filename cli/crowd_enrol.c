/* --register: every agent is PUT before the first one connects.

   One connection with up to ENROL_AT_ONCE requests under way; `asked` is the ring of those whose answers are to come, in their
   order. Passes go over those who are not made yet: 503 and a lost connection leave an agent for the next pass. It ends with all
   agents made, with a refusal that will not go away, or after ENROL_MS. */
#include "cli/crowd.h"
#include "cli/scan.h"

#include <inttypes.h>
#include <stdio.h>

#define ENROL_MS 30000u

/* The agent's own address: the stream's without its last part. */
static struct str resource(const struct agent *a) { return (struct str){ a->path, strlen(a->path) - strlen(AGENT_STREAM) }; }

/* Passes over those who are not made yet, until none is left: 503 and a lost connection leave an agent for the next pass. */
static void enrol_more(struct crowd *c)
{
    struct enrolment *e = &c->enrol;
    const struct target *target = &c->hub->target;

    for (; e->net.up && e->cursor < c->count && e->under_way < ENROL_AT_ONCE; e->cursor++) {
        if (c->agents[e->cursor].registered) continue;
        e->asked[(e->first + e->under_way++) % ENROL_AT_ONCE] = e->cursor;
        buf_addf(client_out(&e->net),
                 "PUT %.*s HTTP/1.1\r\nHost: %s\r\nAuthorization: Bearer %s\r\nContent-Type: "
                 "application/json\r\nContent-Length: "
                 "%zu\r\n\r\n%.*s",
                 STR_FMT(resource(&c->agents[e->cursor])), target->authority, target->token, e->body.n, STR_FMT(buf_str(&e->body)));
    }
    if (e->done < c->count && e->cursor == c->count && e->under_way == 0 && !timer_armed(&e->again)) timer_once(&e->again, 300);
}

void enrol_end(struct crowd *c)
{
    struct enrolment *e = &c->enrol;

    if (e->over) return;
    e->over = true;
    client_stop(&e->net);
    client_fini(&e->net);
    timer_fini(&e->again);
    timer_fini(&e->deadline);
}

static bool on_enrolled(void *ctx, const struct answer *h)
{
    struct crowd *c = ctx;
    struct enrolment *e = &c->enrol;

    if (e->under_way == 0) return false;
    struct agent *a = &c->agents[e->asked[e->first]];
    e->first = (e->first + 1) % ENROL_AT_ONCE;
    e->under_way--;
    if (h->status >= 200 && h->status < 300) {
        a->registered = true;
        e->done++;
    } else if (h->status != 503 && h->status != 429 && !c->failed) {
        c->failed = true;
        fprintf(stderr, "naru crowd: agent %s is refused with %u: %.*s\n", a->name, h->status, STR_FMT(h->body));
    }
    return true;
}

static void on_enrol_up(void *ctx)
{
    struct crowd *c = ctx;

    answers_init(&c->enrol.answers, on_enrolled, c);
    c->enrol.cursor = c->enrol.under_way = 0;
    enrol_more(c);
}

static void on_enrol_bytes(void *ctx, const char *p, size_t n)
{
    struct crowd *c = ctx;
    struct enrolment *e = &c->enrol;
    size_t used;
    enum err err = answers_feed(&e->answers, p, n, &used);

    client_proven(&e->net);
    if (c->failed) {
        enrol_end(c);
        crowd_finish(c);
    } else if (e->done == c->count) {
        enrol_end(c);
        crowd_open(c);
    } else if (err) client_drop(&e->net, 0);
    else enrol_more(c);
}

static void on_enrol_down(void *ctx) { (void)ctx; }

static const struct client_cfg enrol_cfg = { .out_cap = 1 << 24,
                                             .back_off_min = 50,
                                             .back_off_max = 1000,
                                             .on_up = on_enrol_up,
                                             .on_bytes = on_enrol_bytes,
                                             .on_down = on_enrol_down };

static void on_enrol_again(struct timer *t)
{
    struct crowd *c = t->ctx;

    c->enrol.cursor = 0;
    enrol_more(c);
}

static void on_enrol_late(struct timer *t)
{
    struct crowd *c = t->ctx;

    fprintf(stderr, "naru crowd: only %u of %u agents could be made in %u s; is Naru up at %s?\n", c->enrol.done, c->count,
            ENROL_MS / 1000, c->o.url);
    c->failed = true;
    enrol_end(c);
    crowd_finish(c);
}

/* "billing:5,lang:ko:10" → {"billing":5,"lang:ko":10} */
static bool write_skills(struct buf *out, const char *list)
{
    buf_addc(out, '{');
    for (const char *p = list; *p;) {
        struct str item = { p, strcspn(p, ",") };
        const char *colon = memrchr(item.p, ':', item.n);
        uint64_t level;
        if (!colon || colon == item.p || str_u64((struct str){ colon + 1, item.n - (size_t)(colon + 1 - item.p) }, 1, 10, &level))
            return false;
        buf_addz(out, p == list ? "\"" : ",\"");
        scan_escape(out, (struct str){ item.p, (size_t)(colon - item.p) });
        buf_addf(out, "\":%" PRIu64, level);
        p += item.n;
        if (*p) p++;
    }
    buf_addc(out, '}');
    return true;
}

bool enrol_body(struct crowd *c)
{
    struct buf *b = &c->enrol.body;

    buf_init(b, 65536);
    buf_addz(b, "{\"skills\":");
    if (!write_skills(b, c->o.skills))
        return fputs("naru crowd: --skills: is to look like billing:5,lang:ko:10 with levels 1 to 10\n", stderr), false;
    buf_addf(b, ",\"capacity\":%" PRIu64 "}", c->o.capacity);
    return !b->err;
}

void enrol_begin(struct crowd *c)
{
    struct enrolment *e = &c->enrol;

    timer_init(&e->again, c->hub->loop, on_enrol_again, c);
    timer_init(&e->deadline, c->hub->loop, on_enrol_late, c);
    client_init(&e->net, c->hub, &enrol_cfg, c);
    client_start(&e->net, 0);
    timer_once(&e->deadline, ENROL_MS);
}
