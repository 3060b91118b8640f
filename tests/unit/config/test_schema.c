/* What is generated from the tables of keys is what the tree holds. */
#include "base/json.h"
#include "config/schema.h"
#include "tests/unit/config/unit.h"

static void read_all(const char *name, struct buf *out)
{
    char path[1024];
    snprintf(path, sizeof path, "%s/%s", NARU_SOURCE_DIR, name);
    FILE *f = fopen(path, "rb");
    assert_non_null(f);
    buf_init(out, 1u << 20);
    size_t n;
    do {
        char *p = buf_reserve(out, 4096);
        assert_non_null(p);
        n = fread(p, 1, 4096, f);
        buf_grow(out, n);
    } while (n);
    fclose(f);
}

static void assert_fresh(const char *name, void (*generate)(struct buf *out), const char *how)
{
    struct buf kept, made;
    read_all(name, &kept);
    buf_init(&made, 1u << 20);
    generate(&made);
    assert_int_equal(made.err, ERR_OK);
    if (!str_eq(buf_str(&kept), buf_str(&made))) fail_msg("%s is stale: %s", name, how);
    buf_fini(&kept);
    buf_fini(&made);
}

TEST(the_json_schema_is_fresh)
{
    UNUSED(state);
    assert_fresh("config/schema.json", policy_schema, "naru check --schema > config/schema.json");
}

TEST(the_reference_page_is_fresh)
{
    UNUSED(state);
    assert_fresh("docs/policy-keys.md", policy_reference, "naru check --reference > docs/policy-keys.md");
}

TEST(the_json_schema_is_json_and_knows_the_deepest_key)
{
    UNUSED(state);
    struct buf made;
    struct json *doc = NULL;
    size_t at;
    const char *why;
    buf_init(&made, 1u << 20);
    policy_schema(&made);
    assert_int_equal(json_parse(&doc, buf_str(&made), 64, &at, &why), ERR_OK);
    static const char *const path[] = { "properties", "queues", "additionalProperties", "properties", "sla",
                                        "properties", "answer", "properties",           "within" };
    const struct json *v = doc;
    for (size_t i = 0; i < COUNT_OF(path); i++) v = json_get(v, path[i]);
    assert_non_null(v);
    json_free(doc);
    buf_fini(&made);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_json_schema_is_fresh),
        cmocka_unit_test(the_reference_page_is_fresh),
        cmocka_unit_test(the_json_schema_is_json_and_knows_the_deepest_key),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
