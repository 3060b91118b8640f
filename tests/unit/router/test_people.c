/* Customers over all channels: the newest statement wins, whatever the order. */
#include "router/facts.h"
#include "router/people.h"
#include "router/person_json.h"
#include "tests/unit/base/unit.h"

#include <stdio.h>
#include <stdlib.h>

static struct people p;
static struct arena arena;
static unsigned kept_n;

static int set_up(void **state)
{
    UNUSED(state);
    arena_init(&arena, 16u << 20);
    kept_n = 0;
    return people_init(&p) != ERR_OK;
}

static int tear_down(void **state)
{
    UNUSED(state);
    people_fini(&p);
    arena_fini(&arena);
    return 0;
}

static void on_kept(void *ctx, const struct id *key, uint64_t at, struct str packed)
{
    UNUSED(ctx), UNUSED(key), UNUSED(at), UNUSED(packed);
    kept_n++;
}

/* identities: "mail:kim@x chat:7" */
static struct person person(const char *id, const char *identities, uint64_t at)
{
    struct person r = {
        .workspace = STR("w"), .id = str_of(id), .at = at, .name = STR("Kim"), .tier = STR("gold"), .language = STR("ko")
    };
    struct identity *v = arena_alloc(&arena, PERSON_IDENTITIES * sizeof *v);
    char *text = arena_strdup(&arena, str_of(identities)), *save = NULL;
    uint32_t n = 0;
    for (char *word = strtok_r(text, " ", &save); word; word = strtok_r(NULL, " ", &save)) {
        char *colon = strchr(word, ':');
        v[n++] = (struct identity){ { word, (size_t)(colon - word) }, str_of(colon + 1) };
    }
    r.identities = (struct list){ v, n };
    r.key = person_key(r.workspace, r.id);
    return r;
}

static enum err say(const char *id, const char *identities, uint64_t at)
{
    struct person r = person(id, identities, at);
    return people_take(&p, &r, on_kept, NULL, NULL);
}

static const char *who(const char *account, const char *id)
{
    struct person r;
    if (people_find(&p, str_of(account), str_of(id), &r, &arena)) return "nobody";
    return arena_strdup(&arena, r.id);
}

static void identities_on_two_channels_are_one_customer(void **state)
{
    UNUSED(state);
    assert_int_equal(say("crm-1", "mail:kim@x chat:7", 10), ERR_OK);
    assert_string_equal(who("mail", "kim@x"), "crm-1");
    assert_string_equal(who("chat", "7"), "crm-1");
    assert_string_equal(who("chat", "8"), "nobody");
    assert_string_equal(who("mail", "7"), "nobody");
}

static void the_newest_statement_wins_in_any_order(void **state)
{
    UNUSED(state);
    assert_int_equal(say("a", "mail:1 chat:1", 20), ERR_OK);
    assert_int_equal(say("a", "mail:9", 10), ERR_EXISTS);
    assert_int_equal(say("a", "mail:9", 20), ERR_EXISTS);
    assert_string_equal(who("mail", "1"), "a");
    assert_int_equal(say("a", "mail:2", 30), ERR_OK);
    assert_string_equal(who("mail", "1"), "nobody");
    assert_string_equal(who("chat", "1"), "nobody");
    assert_string_equal(who("mail", "2"), "a");
    assert_int_equal(p.by_identity.count, 1);
}

static void a_newer_statement_takes_an_identity_and_an_older_one_does_not(void **state)
{
    struct person r = person("b", "chat:1 sms:1", 20), got;
    uint32_t moved = 0;
    UNUSED(state);
    assert_int_equal(say("a", "mail:1 chat:1", 10), ERR_OK);
    kept_n = 0;
    assert_int_equal(people_take(&p, &r, on_kept, NULL, &moved), ERR_OK);
    assert_int_equal(moved, 1);
    assert_int_equal(kept_n, 2); /* it, and who lost one */
    assert_string_equal(who("chat", "1"), "b");
    assert_string_equal(who("mail", "1"), "a");
    assert_int_equal(people_get(&p, STR("w"), STR("a"), &got, &arena), ERR_OK);
    assert_int_equal(got.identities.count, 1);
    assert_int_equal(say("c", "chat:1 line:1", 15), ERR_OK); /* older than b's */
    assert_string_equal(who("chat", "1"), "b");
    assert_string_equal(who("line", "1"), "c");
}

static void who_was_forgotten_does_not_come_back_by_an_old_statement(void **state)
{
    struct person gone = person("a", "", 30), got;
    UNUSED(state);
    gone = (struct person){ .key = gone.key, .at = 30, .gone = true };
    assert_int_equal(say("a", "mail:1", 10), ERR_OK);
    size_t before = p.bytes;
    assert_int_equal(people_take(&p, &gone, on_kept, NULL, NULL), ERR_OK);
    assert_true(p.bytes < before);
    assert_int_equal(p.gone, 1);
    assert_string_equal(who("mail", "1"), "nobody");
    assert_int_equal(people_get(&p, STR("w"), STR("a"), &got, &arena), ERR_NOTFOUND);
    assert_int_equal(say("a", "mail:1", 20), ERR_EXISTS);
    assert_int_equal(say("a", "mail:1", 40), ERR_OK);
    assert_string_equal(who("mail", "1"), "a");
    assert_int_equal(p.gone, 0);
}

static void rows_give_back_what_was_kept(void **state)
{
    struct people again;
    struct str packed;
    struct id key;
    uint64_t at;
    UNUSED(state);
    assert_int_equal(say("a", "mail:1 chat:1", 10), ERR_OK);
    assert_int_equal(say("b", "chat:1", 20), ERR_OK);
    assert_int_equal(people_init(&again), ERR_OK);
    for (size_t i = 0; people_next(&p, &i, &key, &at, &packed);) assert_int_equal(people_row(&again, &key, at, packed), ERR_OK);
    assert_int_equal(again.by_key.count, 2);
    assert_int_equal(again.by_identity.count, 2);
    assert_int_equal(again.bytes, p.bytes);
    assert_int_equal(people_row(&again, &(struct id){ { 1 } }, 5, STR("\x91junk")), ERR_PROTO);
    people_fini(&again);
}

static struct str attribute(const struct event *e, const char *key)
{
    const struct attribute *a = e->attributes.items;
    for (uint32_t i = 0; i < e->attributes.count; i++)
        if (str_is(a[i].key, key)) return a[i].value;
    return STR_NONE;
}

static void an_event_is_told_what_its_source_did_not_say(void **state)
{
    struct attribute stored[] = { { STR("agent"), STR("ann") }, { STR("segment"), STR("vip") } },
                     said[] = { { STR("customer.tier"), STR("silver") } };
    struct person r = person("crm-1", "mail:kim@x", 10);
    struct event e = { .account = STR("mail"), .customer = STR("kim@x"), .attributes = { said, 1 } },
                 other = { .account = STR("mail"), .customer = STR("lee@x") };
    UNUSED(state);
    r.attributes = (struct list){ stored, 2 };
    assert_int_equal(people_take(&p, &r, NULL, NULL, NULL), ERR_OK);
    assert_int_equal(people_attach(&p, &e, &arena), ERR_OK);
    assert_true(str_is(e.person, "crm-1") && str_is(e.name, "Kim"));
    assert_true(str_is(attribute(&e, "customer.tier"), "silver"));
    assert_true(str_is(attribute(&e, "customer.language"), "ko"));
    assert_true(str_is(attribute(&e, "customer.agent"), "ann") && str_is(attribute(&e, "customer.segment"), "vip"));
    assert_int_equal(people_attach(&p, &other, &arena), ERR_OK);
    assert_true(!other.person.n && !other.attributes.count);
}

static void an_event_that_is_full_of_attributes_stays_within_its_bounds(void **state)
{
    struct attribute said[FACTS_ROOM];
    struct person r = person("crm-1", "mail:kim@x", 10);
    struct event e = { .account = STR("mail"), .customer = STR("kim@x"), .attributes = { said, FACTS_ROOM } };
    UNUSED(state);
    for (uint32_t i = 0; i < FACTS_ROOM; i++) said[i] = (struct attribute){ STR("event.x"), STR("1") };
    assert_int_equal(people_take(&p, &r, NULL, NULL, NULL), ERR_OK);
    assert_int_equal(people_attach(&p, &e, &arena), ERR_FULL);
    assert_int_equal(e.attributes.count, FACTS_ROOM);
    assert_true(str_is(e.person, "crm-1"));
}

static void more_than_fits_is_refused(void **state)
{
    char text[PERSON_PACKED];
    struct person r = person("a", "mail:1", 10);
    struct attribute *v = arena_alloc(&arena, (PERSON_ATTRIBUTES + 1) * sizeof *v);
    UNUSED(state);
    memset(text, 'x', sizeof text);
    for (uint32_t i = 0; i < PERSON_ATTRIBUTES; i++) v[i] = (struct attribute){ STR("k"), { text, 1024 } };
    r.attributes = (struct list){ v, PERSON_ATTRIBUTES };
    assert_int_equal(people_take(&p, &r, NULL, NULL, NULL), ERR_OK); /* 32 KiB fit */
    r.attributes.count = PERSON_ATTRIBUTES + 1;
    r.at++;
    assert_int_equal(people_take(&p, &r, NULL, NULL, NULL), ERR_TOOBIG);
    p.bytes = LIM_PEOPLE_BYTES;
    assert_int_equal(say("b", "mail:2", 10), ERR_FULL);
    assert_string_equal(who("mail", "2"), "nobody");
    p.bytes = 0;
}

/* ---- JSON ---- */

static bool account_of(void *ctx, struct str name, struct account_found *out)
{
    UNUSED(ctx);
    if (str_is(name, "elsewhere")) return *out = (struct account_found){ "other", "sms" }, true;
    *out = (struct account_found){ "w", "email" };
    return str_is(name, "mail");
}

static const char *near_of(void *ctx, struct str name, struct str workspace)
{
    UNUSED(ctx), UNUSED(name), UNUSED(workspace);
    return "mail";
}

static void a_statement_is_checked_member_by_member(void **state)
{
    static const struct {
        const char *json, *why;
    } rows[] = {
        { "{\"id\":\"c\",\"name\":\"Kim\",\"tier\":\"gold\",\"language\":\"ko\",\"attributes\":{\"n\":3,\"b\":true,\"no\":null},"
          "\"identities\":[{\"account\":\"mail\",\"id\":\"x\"}]}",
          NULL },
        { "[]", "must be an object" },
        { "{\"name\":\"Kim\"}", "\"id\" is missing" },
        { "{\"id\":\"\"}", "must not be empty" },
        { "{\"id\":7}", "must be a string" },
        { "{\"id\":\"c\",\"teir\":\"gold\"}", "did you mean \"tier\"" },
        { "{\"id\":\"c\",\"identities\":{}}", "must be an array" },
        { "{\"id\":\"c\",\"identities\":[{\"account\":\"mail\"}]}", "needs \"account\" and \"id\"" },
        { "{\"id\":\"c\",\"identities\":[{\"account\":\"mial\",\"id\":\"1\"}]}", "did you mean \"mail\"" },
        { "{\"id\":\"c\",\"identities\":[{\"account\":\"elsewhere\",\"id\":\"1\"}]}", "no policy of this workspace" },
        { "{\"id\":\"c\",\"attributes\":{\"open_tickets\":0}}", "the router itself" },
        { "{\"id\":\"c\",\"attributes\":{\"x\":[1]}}", "a text, a number or a boolean" },
    };
    const struct ingest_env env = { .account = account_of, .near = near_of, .workspace = STR("w"), .now = 5 };
    UNUSED(state);
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct json *doc;
        const char *bad;
        size_t at;
        struct person r;
        char why[PERSON_WHY] = "";
        assert_int_equal(json_parse(&doc, str_of(rows[i].json), 8, &at, &bad), ERR_OK);
        enum err e = person_read(&r, doc, &env, &arena, why);
        if (rows[i].why && (e != ERR_PROTO || !strstr(why, rows[i].why))) fail_msg("%s: \"%s\"", rows[i].json, why);
        if (!rows[i].why) {
            assert_int_equal(e, ERR_OK);
            assert_int_equal(r.identities.count, 1);
            assert_int_equal(r.attributes.count, 2);
        }
        json_free(doc);
    }
}

#define P(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)
int main(void)
{
    const struct CMUnitTest tests[] = {
        P(identities_on_two_channels_are_one_customer),
        P(the_newest_statement_wins_in_any_order),
        P(a_newer_statement_takes_an_identity_and_an_older_one_does_not),
        P(who_was_forgotten_does_not_come_back_by_an_old_statement),
        P(rows_give_back_what_was_kept),
        P(an_event_is_told_what_its_source_did_not_say),
        P(an_event_that_is_full_of_attributes_stays_within_its_bounds),
        P(more_than_fits_is_refused),
        P(a_statement_is_checked_member_by_member),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
