/* What is generated from the tables of keys is what the tree holds. */
#include "base/json.h"
#include "config/draft.h"
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
    assert_fresh("docs/policy.md", policy_reference, "naru check --reference > docs/policy.md");
}

/* Reads every row's example into room for the largest struct there is. */
static void read_examples(const struct mapping *m, unsigned *wrong)
{
    static uint64_t room[4096];
    static struct agent_group groups[GROUPS_MAX];
    for (const struct row *r = m->rows; r->name; r++) {
        const char *example = row_example(r);
        struct findings f;
        struct arena arena;
        struct ynode *root = NULL;
        char yaml[400];
        if (r->kind->inner && r->arg != m) read_examples(r->kind->inner(r), wrong);
        if (r->kind->inner && !example) continue;
        if (!example) fail_msg("%s of %s has no example", r->name, m->name);
        findings_init(&f);
        arena_init(&arena, 1u << 20);
        struct bind b = { .f = &f, .arena = &arena, .groups = groups };
        snprintf(yaml, sizeof yaml, "%s%s: %s\n", r->name, r->flags & ROW_PREFIX ? "tier" : "", example);
        memset(room, 0, sizeof room);
        if (tree_read(&root, str_of(yaml), &arena, &f) == ERR_OK) r->kind->read(&b, root->first, r, (char *)room + r->offset);
        if (f.count) {
            print_error("%s", yaml);
            print_findings(&f);
            ++*wrong;
        }
        arena_fini(&arena);
        findings_fini(&f);
    }
}

TEST(every_key_has_an_example_and_every_example_is_good)
{
    UNUSED(state);
    unsigned wrong = 0;
    read_examples(&policy_mapping, &wrong);
    read_examples(&arrivals_mapping, &wrong);
    assert_int_equal(wrong, 0);
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
        cmocka_unit_test(every_key_has_an_example_and_every_example_is_good),
        cmocka_unit_test(the_json_schema_is_json_and_knows_the_deepest_key),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
