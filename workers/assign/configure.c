#include "base/log.h"
#include "base/metrics.h"
#include "workers/assign/core.h"

#include <stdio.h>
#include <stdlib.h>

/* Configuration comes in: a policy, which is swapped in whole (swap.c), or an agent made at run time. The newest `at` wins,
   wherever it comes from; what is older changes nothing. Agents of the old policy who are not in the new one and were not made by
   API lose what they have to others. */

#define LAY_OUT_AGAIN_MS 86400000ull /* after hours could not be laid out further */

/* ---- agents of a policy ---- */

static void reread_agent(struct workspace *ws, struct agent *a)
{
    struct agent_spec spec;
    struct arena arena;
    char why[200];

    arena_init(&arena, 1u << 20);
    if (policy_agent_again(ws->policy, a->name, (struct str){ a->json, a->json_n }, &spec, &arena, why) ||
        roster_spec(ws, a, &spec))
        log_warn("agent=%.*s not usable under the new policy; put it again", STR_FMT(a->name));
    else if (why[0]) log_warn("agent=%.*s names=\"%s\" which the new policy does not; left out", STR_FMT(a->name), why);
    arena_fini(&arena);
}

static void drop_agent(struct workspace *ws, struct agent *a)
{
    roster_forget(ws, a);
    if (a->presence != PRES_OFFLINE) agent_set_presence(ws, a, PRES_OFFLINE, NULL, "agent_gone");
    agent_drop_all(ws, a, "agent_gone");
    a->connected = false;
    a->leaving = a->lease = a->lost = 0;
    change_touch_agent(ws, a);
    agent_schedule(ws, a);
}

static const struct agent_spec *in_policy(const struct policy *p, struct str name)
{
    for (uint32_t i = 0; i < p->agent_count; i++)
        if (str_is(name, p->agents[i].name)) return &p->agents[i];
    return NULL;
}

void configure_agents(struct workspace *ws, const struct policy *p)
{
    uint32_t before = ws->roster.count;
    char *named = calloc(before + 1, 1);

    for (uint32_t i = 0; i < p->agent_count; i++) {
        struct agent *a = roster_add(ws, str_of(p->agents[i].name));
        if (!a) continue;
        if (named && a->index < before) named[a->index] = 1;
        if (!a->by_api && roster_spec(ws, a, &p->agents[i])) log_warn("agent=%s not taken cause=memory", p->agents[i].name);
    }
    for (uint32_t i = 0; i < before; i++) {
        struct agent *a = ws->roster.v[i];
        if (a->by_api && a->json) reread_agent(ws, a);
        else if (a->known && !a->by_api && named && !named[i]) drop_agent(ws, a);
    }
    for (uint32_t i = 0; i < ws->roster.count; i++) {
        hold_recount(ws, ws->roster.v[i]);
        agent_schedule(ws, ws->roster.v[i]); /* by the new policy's times */
    }
    free(named);
}

/* Hours and days reach as far as they were laid out when the policy was loaded. Long before they end it is loaded again from its
   bytes: the same version, so there is no entry. What is refused (a calendar of which only holidays are left) stays as it is. */
void space_lay_out(struct workspace *ws)
{
    struct findings f;
    struct policy *p = NULL;

    if (ws->now < ws->lay_out_at || !policy_stale(ws->policy, ws->now)) return;
    ws->lay_out_at = ws->now + LAY_OUT_AGAIN_MS;
    findings_init(&f);
    f.checked = true;
    enum err e = policy_load(&p, ws->policy->yaml, ws->policy->path, ws->now, &f);
    if (!e) e = space_policy(ws, ws->now, p);
    if (e)
        log_warn("workspace=%.*s hours end soon and cannot be laid out further cause=%s; give it a policy", STR_FMT(ws->name),
                 err_text(e));
    else log_info("workspace=%.*s policy=%s hours laid out further", STR_FMT(ws->name), ws->policy->version);
    policy_unref(p);
    findings_fini(&f);
}

enum err space_agent(struct workspace *ws, uint64_t now, const struct agent_spec *spec)
{
    struct agent *a = roster_add(ws, str_of(spec->name));

    if (now > ws->now) ws->now = now;
    if (!a) return ERR_FULL;
    a->by_api = true;
    return roster_spec(ws, a, spec);
}

/* ---- from records ---- */

static void explain(struct buf *why, const char *text)
{
    if (why) buf_addz(why, text);
}

static void write_config(struct workspace *ws, const struct config *c, struct str packed)
{
    char field[6 + 128 + 1] = "policy", key[8 + 64 + 16];
    int n = snprintf(key, sizeof key, "naru:{%.*s}:config", STR_FMT(ws->name));
    size_t f = 6;

    if (c->kind != CONFIG_POLICY) {
        memcpy(field, "agent:", 6);
        memcpy(field + 6, c->name.p, c->name.n);
        f = 6 + c->name.n;
    }
    change_write(ws, 4, (struct str[]){ STR("HSET"), { key, (size_t)n }, { field, f }, packed });
}

static struct str pack_config(const struct config *c, struct buf *b)
{
    buf_init(b, LIM_YAML_BYTES + 4096);
    record_pack(b, &config_record, c);
    return b->err ? STR_NONE : buf_str(b);
}

static enum err take_policy(struct workspace *ws, const struct config *c, bool announce, struct buf *why)
{
    struct findings f;
    struct policy *p = NULL;
    struct buf packed = { 0 };
    enum err e = ERR_STALE;

    findings_init(&f);
    f.checked = true; /* by the router that took it */
    if (ws->policy && c->at <= ws->policy_at && ws->policy_at) {
        explain(why, "a newer policy is in use already");
        if (c->at == ws->policy_at) e = ERR_EXISTS; /* told again */
        goto out;
    }
    e = policy_load(&p, c->body, "policy", ws->now, &f);
    if (!e && !str_is(ws->name, p->workspace)) {
        explain(why, "the policy is for another workspace");
        e = ERR_POLICY;
    }
    if (e && why) findings_text(&f, "policy", why);
    if (e || (e = space_policy(ws, ws->now, p))) goto out;
    log_info("workspace=%.*s policy=%s queues=%u agents=%u in force", STR_FMT(ws->name), p->version, p->queue_count,
             p->agent_count);
    ws->policy_at = c->at;
    if (!pack_config(c, &packed).n) e = ERR_NOMEM;
    if (e) goto out;
    free((char *)ws->policy_packed.p);
    ws->policy_packed = buf_str(&packed);
    packed = (struct buf){ 0 };
    if (!announce) goto out;
    write_config(ws, c, ws->policy_packed);
    log_change(ws, .kind = ENTRY_CONFIG, .cause = "policy");
    change_mail(ws, &(struct out_mail){ .type = MSG_CONFIG, .router = SPACE_ALL_ROUTERS, .seq = ws->seq }, &config_record, c);
out:
    if (e != ERR_EXISTS && e != ERR_STALE) metric_add(MET_POLICY_LOADS, e ? "refused" : "ok", 1);
    buf_fini(&packed);
    policy_unref(p);
    findings_fini(&f);
    return e;
}

static enum err keep_json(struct agent *a, struct str json)
{
    char *copy = malloc(json.n + 1);

    if (!copy) return ERR_NOMEM;
    if (json.n) memcpy(copy, json.p, json.n);
    copy[json.n] = '\0';
    free(a->json);
    a->json = copy;
    a->json_n = json.n;
    return ERR_OK;
}

static enum err make_agent(struct workspace *ws, const struct config *c, struct buf *why)
{
    struct agent_spec spec;
    struct arena arena;
    struct agent *a;
    char text[200] = "";
    enum err e;

    arena_init(&arena, 1u << 20);
    if (!ws->policy) { /* read once there is one */
        e = (a = roster_add(ws, c->name)) ? keep_json(a, c->body) : ERR_FULL;
    } else {
        e = policy_agent(ws->policy, c->name, c->body, &spec, &arena, text);
        if (e) explain(why, text);
        else if (!(a = roster_add(ws, c->name))) e = ERR_FULL;
        else if (!(e = keep_json(a, c->body))) e = roster_spec(ws, a, &spec);
    }
    if (!e) a->by_api = true, a->config_at = c->at;
    arena_fini(&arena);
    return e;
}

static void unmake_agent(struct workspace *ws, struct agent *a, uint64_t at)
{
    const struct agent_spec *spec = ws->policy ? in_policy(ws->policy, a->name) : NULL;

    free(a->json);
    a->json = NULL;
    a->by_api = false;
    a->config_at = at;
    if (spec) (void)roster_spec(ws, a, spec); /* what the policy says of them holds again */
    else drop_agent(ws, a);
}

static enum err take_agent(struct workspace *ws, const struct config *c, bool announce, struct buf *why)
{
    struct agent *a = roster_find(&ws->roster, c->name);
    struct buf packed;
    struct str bytes;
    enum err e = ERR_OK;

    if (a && a->config_at && c->at <= a->config_at) return c->at == a->config_at ? ERR_EXISTS : ERR_STALE;
    if (c->kind == CONFIG_AGENT) e = make_agent(ws, c, why);
    else if (!a || (!a->known && announce)) e = ERR_NOTFOUND;
    else unmake_agent(ws, a, c->at);
    if (e || !announce) return e;
    bytes = pack_config(c, &packed);
    write_config(ws, c, bytes);
    log_change(ws, .kind = ENTRY_CONFIG, .agent = roster_find(&ws->roster, c->name), .cause = config_kind_words.v[c->kind],
               .detail = bytes.n <= 65536 ? bytes : STR_NONE);
    buf_fini(&packed);
    return ERR_OK;
}

/* Customers are the routers' business: each is told what one of them was told. */
static enum err pass_people(struct workspace *ws, const struct config *c, bool announce)
{
    struct buf packed;
    struct str bytes = pack_config(c, &packed);

    if (announce && bytes.n && bytes.n <= 65536)
        log_change(ws, .kind = ENTRY_CONFIG, .cause = config_kind_words.v[c->kind], .detail = bytes);
    buf_fini(&packed);
    return bytes.n && bytes.n <= 65536 ? ERR_OK : ERR_TOOBIG;
}

enum err space_config(struct workspace *ws, uint64_t now, const struct config *c, bool announce, struct buf *why)
{
    if (now > ws->now) ws->now = now;
    if (c->kind == CONFIG_POLICY) return take_policy(ws, c, announce, why);
    if ((c->kind == CONFIG_AGENT || c->kind == CONFIG_AGENT_GONE) && c->name.n) return take_agent(ws, c, announce, why);
    if (c->kind == CONFIG_PEOPLE) return pass_people(ws, c, announce);
    explain(why, "neither a policy nor an agent");
    return ERR_USAGE;
}

struct str space_policy_packed(const struct workspace *ws) { return ws->policy_packed; }

/* ---- If-Match ---- */

struct str agent_version(const struct workspace *ws, const struct agent *a, char room[24])
{
    if (!a || !a->known) return STR_NONE;
    if (!a->by_api) return str_of(ws->policy_version);
    int n = snprintf(room, 24, "%llu", (unsigned long long)a->config_at);
    return (struct str){ room, (size_t)n };
}

static bool among(struct str list, struct str word)
{
    for (size_t at = 0, n; at < list.n; at += n + 1) {
        const char *end = memchr(list.p + at, ',', list.n - at);
        n = end ? (size_t)(end - list.p) - at : list.n - at;
        if (str_eq((struct str){ list.p + at, n }, word)) return true;
    }
    return str_is(list, "*");
}

/* Is what it would replace what its sender has seen? It is, too, when it was taken before and is only told again. */
static bool as_seen(const struct workspace *ws, const struct config *c, struct str match)
{
    const struct agent *a = c->kind == CONFIG_POLICY ? NULL : roster_find(&ws->roster, c->name);
    char room[24];
    if (!match.n || c->at == (a ? a->config_at : ws->policy_at)) return true;
    if (c->kind == CONFIG_AGENT_GONE && (!a || !a->known)) return true; /* "not found" says more */
    struct str now = c->kind == CONFIG_POLICY ? str_of(ws->policy ? ws->policy_version : "") : agent_version(ws, a, room);
    return now.n && among(match, now);
}

static void refuse_config(struct workspace *ws, const struct act *a, enum err e, struct buf *why)
{
    const char *text = why->n ? buf_cstr(why) : err_text(e);

    if (e == ERR_NOTFOUND) refuse(ws, a, 404, "agent-not-found", "%s", text);
    else if (e == ERR_STALE) refuse(ws, a, 409, "wrong-state", "%s", text);
    else if (e == ERR_FULL || e == ERR_NOMEM) refuse(ws, a, 503, "not-leading", "%s", text);
    else refuse(ws, a, 422, "bad-request", "%s", text);
}

void act_config(struct workspace *ws, const struct act *a)
{
    struct buf why, body;
    struct arena arena;
    struct config c;
    enum err e;

    buf_init(&why, 65536);
    buf_init(&body, 1024);
    arena_init(&arena, 65536);
    e = record_unpack(&config_record, &c, a->body, &arena);
    if (!e && !c.at) c.at = ws->now;
    bool seen = e || as_seen(ws, &c, a->match);
    if (!e && seen) e = space_config(ws, ws->now, &c, true, &why);
    if (!seen) {
        refuse(ws, a, 412, "precondition-failed", "it has changed since If-Match's version was read");
    } else if (e && e != ERR_EXISTS) {
        refuse_config(ws, a, e, &why);
    } else {
        struct jw w = jw_on(&body);
        jw_open(&w, '{');
        if (c.kind == CONFIG_POLICY) jw_key(&w, "version"), jw_strz(&w, ws->policy_version);
        else jw_key(&w, "agent"), jw_str(&w, c.name);
        jw_close(&w, '}');
        answer(ws, a, 200, buf_str(&body), 0, NULL);
    }
    arena_fini(&arena);
    buf_fini(&body);
    buf_fini(&why);
}
