/* A key is under way from its request to its answer, then done. All of them are in `by_id`, by a hash of asker and key, and in one
   line by age; what is done leaves at its end of life, or when room is needed, the oldest first. What is under way never does: its
   request holds it. Bodies are kept as a hash: a thousand policies under a thousand keys cost nothing. */
#include "router/idempotency.h"

#include "base/metrics.h"
#include "base/openssl.h"

#include <stdio.h>
#include <stdlib.h>

struct idem {
    struct id id;
    struct idems *all;
    unsigned char print[SHA256_DIGEST_LENGTH]; /* of method, target and body */
    struct idem *older, *newer;
    uint64_t at;
    bool done;
    unsigned status;
    char type[48], extra[IDEM_EXTRA_MAX];
    size_t n;
    char *body;
};

static void hash(unsigned char out[SHA256_DIGEST_LENGTH], const struct str *parts, size_t count)
{
    unsigned char each[8][SHA256_DIGEST_LENGTH]; /* hashed one by one, so that no two sets of parts are the same bytes */
    for (size_t i = 0; i < count; i++) SHA256((const unsigned char *)(parts[i].n ? parts[i].p : ""), parts[i].n, each[i]);
    SHA256(each[0], count * sizeof *each, out);
}

static void drop(struct idems *all, struct idem *one)
{
    (void)idmap_del(&all->by_id, &one->id);
    *(one->older ? &one->older->newer : &all->oldest) = one->newer;
    *(one->newer ? &one->newer->older : &all->newest) = one->older;
    all->bytes -= one->n;
    free(one->body);
    free(one);
}

void idems_init(struct idems *all, size_t keys_max, size_t bytes_max)
{
    *all = (struct idems){ .keys_max = keys_max, .bytes_max = bytes_max };
    idmap_init(&all->by_id, keys_max);
}

void idems_fini(struct idems *all)
{
    while (all->oldest) drop(all, all->oldest);
    idmap_fini(&all->by_id);
}

static void expire(struct idems *all, uint64_t now)
{
    struct idem *next;
    for (struct idem *one = all->oldest; one && one->at + IDEM_MS <= now; one = next) {
        next = one->newer;
        if (one->done) drop(all, one);
    }
}

/* Forgets the oldest answer; false when there is none. */
static bool forget_one(struct idems *all)
{
    struct idem *one = all->oldest;
    while (one && !one->done) one = one->newer;
    if (!one) return false;
    drop(all, one);
    metric_add(MET_IDEMPOTENT, "forgotten", 1);
    return true;
}

bool idem_key_ok(struct str key)
{
    for (size_t i = 0; i < key.n; i++)
        if (key.p[i] <= 0x20 || key.p[i] >= 0x7f) return false;
    return key.n > 0 && key.n <= IDEM_KEY_MAX;
}

static enum idem_state add(struct idems *all, const struct id *id, const unsigned char *print, uint64_t now, struct idem **out)
{
    while (all->by_id.count >= all->keys_max)
        if (!forget_one(all)) return IDEM_FULL;
    struct idem *one = calloc(1, sizeof *one);
    if (!one) return IDEM_FULL;
    one->id = *id;
    one->all = all;
    one->at = now;
    memcpy(one->print, print, sizeof one->print);
    if (idmap_put(&all->by_id, one)) {
        free(one);
        return IDEM_FULL;
    }
    one->older = all->newest;
    *(all->newest ? &all->newest->newer : &all->oldest) = one;
    all->newest = one;
    *out = one;
    return IDEM_NEW;
}

enum idem_state idem_begin(struct idems *all, const struct idem_ask *ask, struct idem **out, struct idem_answer *answer)
{
    unsigned char who[SHA256_DIGEST_LENGTH], print[SHA256_DIGEST_LENGTH];
    struct id id;
    hash(who, (struct str[]){ ask->asker, ask->key }, 2);
    hash(print, (struct str[]){ ask->method, ask->target, ask->body }, 3);
    memcpy(&id, who, sizeof id);
    expire(all, ask->now);
    struct idem *one = idmap_get(&all->by_id, &id);
    if (!one) return add(all, &id, print, ask->now, out);
    if (memcmp(one->print, print, sizeof print) != 0) return IDEM_OTHER;
    if (!one->done) return IDEM_OPEN;
    *answer = (struct idem_answer){ one->status, one->type, one->extra, { one->body, one->n } };
    return IDEM_AGAIN;
}

/* One large answer does not put out all others. */
static bool fits(struct idems *all, size_t n)
{
    if (n > all->bytes_max / 8) return false;
    while (all->bytes + n > all->bytes_max)
        if (!forget_one(all)) return false;
    return true;
}

void idem_end(struct idem *one, const struct idem_answer *answer)
{
    struct idems *all = one->all;
    bool keep = answer->status < 500 && answer->status != 429 && fits(all, answer->body.n);
    char *body = keep ? malloc(answer->body.n + 1) : NULL;
    if (!body) {
        drop(all, one);
        return;
    }
    if (answer->body.n) memcpy(body, answer->body.p, answer->body.n);
    one->body = body;
    one->n = answer->body.n;
    one->status = answer->status;
    snprintf(one->type, sizeof one->type, "%s", answer->type);
    if (strlen(answer->extra) < sizeof one->extra) snprintf(one->extra, sizeof one->extra, "%s", answer->extra);
    one->done = true;
    all->bytes += one->n;
}
