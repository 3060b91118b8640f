/* A customer is one piece of memory: its key, the links of its identities, and its packed record. Two maps find it: by its key, a
   hash of workspace and id, and by each identity's hash through the link, which lies within the piece. So an identity costs 24
   bytes and its slot, and nothing is kept twice but what is packed.

   Always true: every link of a piece is the one that by_identity finds, and its packed record names exactly the identities that it
   has links for. Who is forgotten keeps key and time alone, so that an older statement that comes late does not bring them back. */
#include "router/people.h"

#include "router/facts.h"

#include <stdlib.h>

RECORD_TABLE(identity, IDENTITY_FIELDS)
RECORD_TABLE(person, PERSON_FIELDS)

struct link {
    struct id id; /* first: by_identity finds it by this */
    struct kept_person *of;
};
struct kept_person {
    struct id key; /* first */
    uint64_t at;
    uint32_t packed_n, link_n;
    struct link links[]; /* then the packed record */
};

static char *packed_of(const struct kept_person *k) { return (char *)(k->links + k->link_n); }
static size_t size_of(size_t links, size_t packed) { return sizeof(struct kept_person) + links * sizeof(struct link) + packed; }

struct id person_key(struct str workspace, struct str id)
{
    char name[200];
    size_t n = workspace.n <= 64 ? workspace.n : 64;
    memcpy(name, "customer\1", 9);
    if (n) memcpy(name + 9, workspace.p, n);
    return id_of_event((struct str){ name, 9 + n }, id);
}

enum err people_init(struct people *p)
{
    *p = (struct people){ .bytes = 0 };
    idmap_init(&p->by_key, LIM_PEOPLE);
    idmap_init(&p->by_identity, LIM_LINKS);
    arena_init(&p->scratch, 1u << 20);
    buf_init(&p->packed, PERSON_PACKED);
    return ERR_OK;
}

void people_fini(struct people *p)
{
    struct kept_person *k;
    for (size_t i = 0; (k = idmap_next(&p->by_key, &i));) free(k);
    idmap_fini(&p->by_key);
    idmap_fini(&p->by_identity);
    arena_fini(&p->scratch);
    buf_fini(&p->packed);
}

/* ---- pieces ---- */

static void unlink_all(struct people *p, struct kept_person *k)
{
    for (uint32_t i = 0; i < k->link_n; i++) (void)idmap_del(&p->by_identity, &k->links[i].id);
}

/* Out of the maps and of memory. */
static void drop(struct people *p, struct kept_person *k)
{
    unlink_all(p, k);
    (void)idmap_del(&p->by_key, &k->key);
    p->bytes -= size_of(k->link_n, k->packed_n);
    p->gone -= k->packed_n == 0;
    free(k);
}

/* Puts a piece in place of what was there of that key; its identities are nobody's. */
static enum err place(struct people *p, const struct person *r, struct str packed)
{
    uint32_t n = r->gone ? 0 : r->identities.count;
    const struct identity *v = r->identities.items;
    struct kept_person *k = malloc(size_of(n, packed.n)), *was = idmap_get(&p->by_key, &r->key);
    if (!k) return ERR_NOMEM;
    *k = (struct kept_person){ .key = r->key, .at = r->at, .packed_n = (uint32_t)packed.n, .link_n = n };
    if (packed.n) memcpy(packed_of(k), packed.p, packed.n);
    for (uint32_t i = 0; i < n; i++) k->links[i] = (struct link){ id_of_event(v[i].account, v[i].id), k };
    if (was) drop(p, was); /* the statement's texts may have lain there */
    enum err e = idmap_put(&p->by_key, k);
    if (e) return free(k), e;
    for (uint32_t i = 0; i < n; i++) {
        enum err bad = idmap_put(&p->by_identity, &k->links[i]);
        if (bad && bad != ERR_EXISTS) e = bad; /* named twice is named once */
    }
    p->bytes += size_of(n, packed.n);
    p->gone += packed.n == 0;
    return e;
}

static enum err unpack(const struct kept_person *k, struct person *out, struct arena *arena)
{
    if (!k || !k->packed_n) return ERR_NOTFOUND;
    return record_unpack(&person_record, out, (struct str){ packed_of(k), k->packed_n }, arena);
}

static enum err pack(struct people *p, const struct person *r, struct str *out)
{
    buf_clear(&p->packed);
    if (!r->gone) record_pack_short(&p->packed, &person_record, r);
    *out = buf_str(&p->packed);
    return p->packed.err ? ERR_TOOBIG : ERR_OK;
}

/* ---- who has an identity ---- */

static struct kept_person *holder(const struct people *p, const struct identity *v)
{
    struct id id = id_of_event(v->account, v->id);
    const struct link *l = idmap_get(&p->by_identity, &id);
    return l ? l->of : NULL;
}

/* Takes identity `lost` away from whom it was linked to. */
static enum err strip(struct people *p, struct kept_person *k, const struct identity *lost, people_fn *kept, void *ctx)
{
    struct person r;
    struct str packed;
    arena_clear(&p->scratch);
    enum err e = unpack(k, &r, &p->scratch);
    struct identity *v = r.identities.items;
    uint32_t n = 0;
    for (uint32_t i = 0; !e && i < r.identities.count; i++)
        if (!str_eq(v[i].account, lost->account) || !str_eq(v[i].id, lost->id)) v[n++] = v[i];
    if (!e) r.identities.count = n;
    if (!e) e = pack(p, &r, &packed);
    if (!e) e = place(p, &r, packed);
    if (!e && kept) kept(ctx, &r.key, r.at, packed);
    return e;
}

/* What of the statement's identities it may have: not those that somebody stated later for another. `own` has room for all. */
static uint32_t admit(const struct people *p, const struct person *r, struct identity *own, uint32_t *taken)
{
    const struct identity *v = r->identities.items;
    uint32_t n = 0;
    for (uint32_t i = 0; i < r->identities.count; i++) {
        const struct kept_person *k = holder(p, &v[i]);
        bool others = k && !id_eq(&k->key, &r->key), twice = false;
        for (uint32_t j = 0; j < n && !twice; j++) twice = str_eq(own[j].account, v[i].account) && str_eq(own[j].id, v[i].id);
        if (twice || (others && k->at > r->at)) continue;
        *taken += others;
        own[n++] = v[i];
    }
    return n;
}

static bool has_room(const struct people *p, const struct kept_person *was, uint32_t identities, size_t packed)
{
    size_t links = p->by_identity.count - (was ? was->link_n : 0),
           bytes = p->bytes - (was ? size_of(was->link_n, was->packed_n) : 0);
    if (!was && p->by_key.count >= LIM_PEOPLE) return false;
    return links + identities <= LIM_LINKS && bytes + size_of(identities, packed) <= LIM_PEOPLE_BYTES;
}

enum err people_take(struct people *p, const struct person *r, people_fn *kept, void *ctx, uint32_t *moved)
{
    struct kept_person *was = idmap_get(&p->by_key, &r->key);
    struct identity own[PERSON_IDENTITIES];
    struct person mine = *r;
    struct str packed;
    uint32_t taken = 0;
    enum err e = ERR_OK;
    if (moved) *moved = 0;
    if (was && was->at >= r->at) return ERR_EXISTS;
    if (r->identities.count > PERSON_IDENTITIES || r->attributes.count > PERSON_ATTRIBUTES) return ERR_TOOBIG;
    mine.identities = (struct list){ own, r->gone ? 0 : admit(p, r, own, &taken) };
    if ((e = pack(p, &mine, &packed))) return e;
    if (!has_room(p, was, mine.identities.count, packed.n)) return ERR_FULL;
    for (uint32_t i = 0; i < mine.identities.count && !e; i++) {
        struct kept_person *k = holder(p, &own[i]);
        if (k && !id_eq(&k->key, &r->key)) e = strip(p, k, &own[i], kept, ctx);
    }
    if (!e) e = pack(p, &mine, &packed); /* stripping used the same room */
    if (!e) e = place(p, &mine, packed);
    if (!e && kept) kept(ctx, &mine.key, mine.at, packed);
    if (!e && moved) *moved = taken;
    return e;
}

enum err people_row(struct people *p, const struct id *key, uint64_t at, struct str packed)
{
    struct person r = { .key = *key, .at = at, .gone = true };
    struct arena arena;
    arena_init(&arena, 1u << 20);
    enum err e = packed.n ? record_unpack(&person_record, &r, packed, &arena) : ERR_OK;
    if (!e && !id_eq(&r.key, key)) e = ERR_PROTO;
    if (!e) e = people_take(p, &r, NULL, NULL, NULL);
    arena_fini(&arena);
    return e;
}

/* ---- asking ---- */

enum err people_get(const struct people *p, struct str workspace, struct str id, struct person *out, struct arena *arena)
{
    struct id key = person_key(workspace, id);
    return unpack(idmap_get(&p->by_key, &key), out, arena);
}

enum err people_find(const struct people *p, struct str account, struct str id, struct person *out, struct arena *arena)
{
    if (!p->by_identity.count) return ERR_NOTFOUND;
    return unpack(holder(p, &(struct identity){ account, id }), out, arena);
}

bool people_next(const struct people *p, size_t *cursor, struct id *key, uint64_t *at, struct str *packed)
{
    const struct kept_person *k = idmap_next(&p->by_key, cursor);
    if (!k) return false;
    *key = k->key;
    *at = k->at;
    *packed = (struct str){ packed_of(k), k->packed_n };
    return true;
}

/* ---- events ---- */

struct attaching {
    struct attribute *v;
    uint32_t count;
    bool full;
};

static void attach(struct attaching *a, struct arena *arena, struct str key, struct str value)
{
    char name[80] = "customer.";
    if (!value.n || key.n > 64 - 9) return;
    memcpy(name + 9, key.p, key.n);
    struct str whole = { name, 9 + key.n };
    for (uint32_t i = 0; i < a->count; i++)
        if (str_eq(a->v[i].key, whole)) return; /* the source said it */
    if (facts_key(whole)) return;
    char *copy = a->count < FACTS_ROOM ? arena_strdup(arena, whole) : NULL;
    if (copy) a->v[a->count++] = (struct attribute){ { copy, whole.n }, value };
    else a->full = true;
}

enum err people_attach(const struct people *p, struct event *e, struct arena *arena)
{
    struct person r;
    struct str who = e->customer.n ? e->customer : STR_NONE;
    if (!who.n || people_find(p, e->account, who, &r, arena)) return ERR_OK;
    const struct attribute *said = r.attributes.items;
    struct attaching a = { .v = arena_alloc(arena, (e->attributes.count + PERSON_ATTRIBUTES + 2) * sizeof *a.v) };
    if (!a.v) return ERR_NOMEM;
    if (e->attributes.count) memcpy(a.v, e->attributes.items, e->attributes.count * sizeof *a.v);
    a.count = e->attributes.count;
    attach(&a, arena, STR("tier"), r.tier);
    attach(&a, arena, STR("language"), r.language);
    for (uint32_t i = 0; i < r.attributes.count; i++) attach(&a, arena, said[i].key, said[i].value);
    e->attributes = (struct list){ a.v, a.count };
    e->person = r.id;
    if (!e->name.n) e->name = r.name;
    return a.full ? ERR_FULL : ERR_OK;
}
