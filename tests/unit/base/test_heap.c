#include "base/heap.h"
#include "base/rng.h"
#include "tests/unit/base/unit.h"

struct item {
    int number;
    struct heap_node node;
};

TEST(the_smallest_key_comes_first_and_ties_decide)
{
    struct heap h;
    struct item items[] = { { 1, { 5, 2, 0 } }, { 2, { 5, 1, 0 } }, { 3, { -7, 9, 0 } }, { 4, { INT64_MAX, 0, 0 } } };
    static const int want[] = { 3, 2, 1, 4 };

    UNUSED(state);
    heap_init(&h, 10);
    assert_null(heap_peek(&h));
    for (int i = 0; i < 4; i++) assert_int_equal(heap_push(&h, &items[i].node), ERR_OK);
    for (int i = 0; i < 4; i++) {
        struct item *it = container_of(heap_peek(&h), struct item, node);
        assert_int_equal(it->number, want[i]);
        assert_true(heap_has(&it->node));
        heap_remove(&h, &it->node);
        assert_false(heap_has(&it->node));
    }
    assert_null(heap_peek(&h));
    heap_fini(&h);
}

TEST(push_when_full_leaves_the_node_outside)
{
    struct heap h;
    struct heap_node a = { 1, 0, 0 }, b = { 2, 0, 0 };

    UNUSED(state);
    heap_init(&h, 1);
    assert_int_equal(heap_push(&h, &a), ERR_OK);
    assert_int_equal(heap_push(&h, &b), ERR_FULL);
    assert_false(heap_has(&b));
    heap_remove(&h, &a);
    assert_int_equal(heap_push(&h, &b), ERR_OK);
    heap_fini(&h);
    heap_fini(&h);
}

enum { NODES = 200 };

static void check_order(const struct heap *h, struct heap_node *nodes)
{
    size_t in = 0;
    const struct heap_node *least = NULL;

    for (int i = 0; i < NODES; i++) {
        const struct heap_node *n = &nodes[i];
        if (!heap_has(n)) continue;
        in++;
        assert_ptr_equal(h->v[n->at - 1], n);
        if (!least || n->key < least->key || (n->key == least->key && n->tie < least->tie)) least = n;
    }
    assert_int_equal(h->count, in);
    assert_ptr_equal(heap_peek(h), least);
}

TEST(random_operations_keep_the_order)
{
    static struct heap_node nodes[NODES];
    struct heap h;
    struct rng rng;

    UNUSED(state);
    rng_seed(&rng, 12);
    heap_init(&h, NODES);
    for (int step = 0; step < 30000; step++) {
        struct heap_node *n = &nodes[rng_below(&rng, NODES)];
        int64_t key = (int64_t)rng_below(&rng, 50) - 25; /* many equal keys */
        if (!heap_has(n)) {
            n->key = key;
            n->tie = (uint64_t)(n - nodes);
            assert_int_equal(heap_push(&h, n), ERR_OK);
        } else if (rng_below(&rng, 2)) {
            heap_rekey(&h, n, key);
        } else {
            heap_remove(&h, n);
        }
        check_order(&h, nodes);
    }
    const struct heap_node *last = NULL;
    for (struct heap_node *n; (n = heap_peek(&h)); last = n) {
        if (last) assert_true(last->key < n->key || (last->key == n->key && last->tie < n->tie));
        heap_remove(&h, n);
    }
    heap_fini(&h);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_smallest_key_comes_first_and_ties_decide),
        cmocka_unit_test(push_when_full_leaves_the_node_outside),
        cmocka_unit_test(random_operations_keep_the_order),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
