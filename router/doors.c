/* A door is in `by_name` while a policy names its account with a provider. What changes of an account changes in its door, so that
   a provider's own memory (`own`) outlives a change of the policy; another provider makes another door. A door that is named no
   more leaves the map at once, and memory with the last who holds it.

   A door holds a reference of the policy that named it last: its texts are good as long as it is. Its secrets are its own, wiped
   when it goes. One that cannot be read makes the door not ready, which is logged with what to do; the other doors go on. */
#include "router/doors.h"

#include "base/log.h"
#include "base/metrics.h"
#include "base/openssl.h"
#include "router/router.h"

#include <stdlib.h>

#define TELL_MS 60000u

struct kept_door {
    struct door d; /* first: a door is its kept door */
    struct policy *policy;
    uint32_t refs;              /* of others */
    bool named, listed, closed; /* closed: that a secret cannot be read was logged */
    uint64_t told_at[DOOR_WAYS];
    uint32_t untold[DOOR_WAYS];
    char name[65];
};

static struct kept_door *kept(struct door *d) { return (struct kept_door *)d; }

/* ---- end ---- */

static void free_door(struct kept_door *k)
{
    if (k->d.provider && k->d.provider->close) k->d.provider->close(&k->d);
    policy_unref(k->policy);
    OPENSSL_cleanse(k, sizeof *k);
    free(k);
}

static void drop(struct router *r, struct kept_door *k)
{
    map_del(&r->doors.by_name, str_of(k->name));
    k->listed = false;
    if (k->refs == 0) free_door(k);
}

struct door *door_ref(struct door *d)
{
    kept(d)->refs++;
    return d;
}

void door_unref(struct door *d)
{
    if (d && --kept(d)->refs == 0 && !kept(d)->listed) free_door(kept(d));
}

/* ---- secrets ---- */

static bool read_one(const struct kept_door *k, const char *what, const char *where, struct secret *out)
{
    enum err e = secret_read(where, out->p, &out->n);
    if (e)
        log_error("account=%s is closed: its %s %s cannot be read (%s); put it there and send SIGHUP", k->name, what, where,
                  err_text(e));
    return !e;
}

static void read_secrets(struct kept_door *k)
{
    const struct account *a = k->d.account;
    bool good = true;
    OPENSSL_cleanse(k->d.secrets, sizeof k->d.secrets);
    OPENSSL_cleanse(&k->d.token, sizeof k->d.token);
    OPENSSL_cleanse(&k->d.verify, sizeof k->d.verify);
    k->d.secret_count = 0;
    for (uint32_t i = 0; i < a->secrets.count && i < 2; i++) {
        bool read = read_one(k, "secret", a->secrets.v[i], &k->d.secrets[k->d.secret_count]);
        k->d.secret_count += read;
        good &= read;
    }
    if (a->token) good &= read_one(k, "token", a->token, &k->d.token);
    if (a->verify) good &= read_one(k, "verify", a->verify, &k->d.verify);
    k->d.ready = good;
    if (good && k->closed) log_info("account=%s is open again: its secrets can be read", k->name);
    k->closed = !good;
}

/* ---- which there are ---- */

static struct kept_door *door_of(struct router *r, const char *name, const struct provider *provider)
{
    struct kept_door *k = map_get(&r->doors.by_name, str_of(name));
    if (k && k->d.provider == provider) return k;
    if (k) drop(r, k);
    if (strlen(name) >= sizeof k->name || !(k = calloc(1, sizeof *k))) return NULL;
    memcpy(k->name, name, strlen(name));
    k->d.provider = provider;
    if (map_put(&r->doors.by_name, str_of(k->name), k)) return free(k), NULL;
    k->listed = true;
    return k;
}

static void take_account(struct router *r, struct policy *p, const struct account *a)
{
    if (a->provider == PROVIDER_NONE) return;
    struct kept_door *k = door_of(r, a->name, providers[a->provider]);
    if (!k) {
        log_error("account=%s is closed: too many accounts, or out of memory", a->name);
        return;
    }
    struct policy *old = k->policy;
    k->policy = policy_ref(p);
    k->d.policy = p;
    k->d.account = a;
    k->d.workspace = p->workspace;
    k->d.channel = p->channels[a->channel].name;
    k->named = true;
    policy_unref(old);
    read_secrets(k);
}

static void sort_out(struct router *r)
{
    struct kept_door *k;
    uint32_t ready = 0, closed = 0;
    r->doors.curious = false;
    for (size_t i = 0; (k = map_next(&r->doors.by_name, &i));) {
        if (!k->named) {
            drop(r, k);
            i = 0; /* nothing may be deleted while walking: begin again */
            ready = closed = 0;
            continue;
        }
        r->doors.curious |= k->d.provider && k->d.provider->changed;
        ready += k->d.ready;
        closed += !k->d.ready;
    }
    metric_set(MET_DOORS, "ready", ready);
    metric_set(MET_DOORS, "not_ready", closed);
}

static void refresh(struct router *r)
{
    struct doors *d = &r->doors;
    struct kept_door *k;
    if (!d->reread && d->seen == r->config.policy_changes) return;
    d->reread = false;
    d->seen = r->config.policy_changes;
    for (size_t i = 0; (k = map_next(&d->by_name, &i));) k->named = false;
    for (uint32_t i = 0; i < r->config.policy_count; i++) {
        struct policy *p = r->config.policies[i]->policy;
        for (uint32_t a = 0; a < p->account_count; a++) take_account(r, p, &p->accounts[a]);
    }
    sort_out(r);
}

/* The name may be a policy's that goes when the doors are made anew. */
struct door *doors_find(struct router *r, struct str account)
{
    struct kept_door *k;
    char name[sizeof k->name];
    if (!account.n || account.n >= sizeof name) return NULL;
    memcpy(name, account.p, account.n);
    refresh(r);
    k = map_get(&r->doors.by_name, (struct str){ name, account.n });
    return k ? &k->d : NULL;
}

bool door_may_tell(struct door *d, enum door_way way, uint64_t now, uint32_t *untold)
{
    struct kept_door *k = kept(d);
    if (k->told_at[way] && now < k->told_at[way] + TELL_MS) return k->untold[way]++, false;
    k->told_at[way] = now;
    *untold = k->untold[way];
    k->untold[way] = 0;
    return true;
}

void doors_reload(struct router *r) { r->doors.reread = true; }

void doors_tick(struct router *r)
{
    struct kept_door *k;
    refresh(r);
    for (size_t i = 0; (k = map_next(&r->doors.by_name, &i));)
        if (k->d.provider && k->d.provider->tick) k->d.provider->tick(&k->d, router_now(r));
}

void doors_changed(struct router *r, const struct kept_ticket *t, const struct entry *en)
{
    const struct kept_event *first = TAILQ_FIRST(&t->events);
    struct event e;
    if (!r->doors.curious || en->home != r->number || !first || !first->packed) return;
    arena_clear(&r->events.scratch);
    if (record_unpack(&event_record, &e, (struct str){ first->packed, first->packed_n }, &r->events.scratch)) return;
    struct door *d = doors_find(r, e.account);
    if (d && d->ready && d->provider && d->provider->changed) d->provider->changed(r, d, t, en);
}

enum err doors_init(struct router *r)
{
    map_init(&r->doors.by_name, LIM_AGENTS);
    r->doors.scratch = malloc(LIM_CHANNEL_EVENTS * sizeof *r->doors.scratch);
    return r->doors.scratch ? ERR_OK : ERR_NOMEM;
}

/* Once nobody holds any: the loop has ended. */
void doors_fini(struct router *r)
{
    struct kept_door *k;
    for (size_t i = 0; (k = map_next(&r->doors.by_name, &i));) free_door(k);
    map_fini(&r->doors.by_name);
    free(r->doors.scratch);
}
