/* Whose an address is: as a walk over all accounts in their order finds it, at the cost of three looks into a map. */
#include "base/rng.h"
#include "router/mail_book.h"
#include "tests/unit/base/unit.h"

static struct mail_book book;

static int set_up(void **state)
{
    UNUSED(state);
    mail_book_init(&book, 100000);
    return 0;
}

static int tear_down(void **state)
{
    UNUSED(state);
    mail_book_fini(&book);
    return 0;
}

TEST(addresses_are_compared_as_people_mean_them)
{
    static const char *const list[] = { "help@shop.example", "@all.example" };
    static const char *const ours[] = { "Help@SHOP.example", "help+a+b@shop.example", "누구나@all.example", "x+y@ALL.example",
                                        "help+@shop.example" };
    static const char *const others[] = { "helper@shop.example",
                                          "+help@shop.example",
                                          "help@shop.example.evil",
                                          "x@not.all.example",
                                          "@all.example",
                                          "@shop.example",
                                          "postmaster",
                                          "",
                                          "@",
                                          "help@",
                                          "+@shop.example" };
    assert_null(mail_book_find(&book, STR("help@shop.example")));
    assert_int_equal(mail_book_add(&book, "an account", list, 2), ERR_OK);
    for (size_t i = 0; i < COUNT_OF(ours); i++) assert_string_equal(mail_book_find(&book, str_of(ours[i])), "an account");
    for (size_t i = 0; i < COUNT_OF(others); i++) assert_null(mail_book_find(&book, str_of(others[i])));
}

TEST(the_first_account_that_has_an_address_keeps_it)
{
    static const char *const first[] = { "a@x", "@y" }, *const second[] = { "a@x", "b@y", "c+d@x", "@z" },
                             *const third[] = { "c@x", "@x" };
    assert_int_equal(mail_book_add(&book, "1", first, 2), ERR_OK);
    assert_int_equal(mail_book_add(&book, "2", second, 4), ERR_OK);
    assert_int_equal(mail_book_add(&book, "3", third, 2), ERR_OK);
    assert_string_equal(mail_book_find(&book, STR("a@x")), "1");
    assert_string_equal(mail_book_find(&book, STR("b@y")), "1"); /* by its domain */
    assert_string_equal(mail_book_find(&book, STR("c+d@x")), "2");
    assert_string_equal(mail_book_find(&book, STR("c+e@x")), "3");
    assert_string_equal(mail_book_find(&book, STR("w@z")), "2");
}

TEST(an_address_of_any_length_is_looked_up_within_its_bound)
{
    static const char *const list[] = { "@shop.example" };
    char text[MAIL_ADDRESS_MOST + 2];
    assert_int_equal(mail_book_add(&book, "1", list, 1), ERR_OK);
    memset(text, 'a', sizeof text);
    memcpy(text + MAIL_ADDRESS_MOST - 13, "@shop.example", 13);
    assert_non_null(mail_book_find(&book, (struct str){ text, MAIL_ADDRESS_MOST }));
    memcpy(text + MAIL_ADDRESS_MOST - 12, "@shop.example", 13);
    assert_null(mail_book_find(&book, (struct str){ text, MAIL_ADDRESS_MOST + 1 }));
}

TEST(a_full_book_says_so)
{
    static const char *const list[] = { "a@x", "b@x", "c@x" };
    mail_book_fini(&book);
    mail_book_init(&book, 2);
    assert_int_equal(mail_book_add(&book, "1", list, 3), ERR_FULL);
    assert_non_null(mail_book_find(&book, STR("b@x")));
    assert_null(mail_book_find(&book, STR("c@x")));
}

/* ---- beside a walk ---- */

#define OWNERS 300u
static char names[OWNERS][2][16];

static bool same(struct str a, const char *z) { return str_is(a, z); }

/* As the map must not differ from: each address of each owner, in their order. */
static int walk(struct str address)
{
    const char *at = memchr(address.p, '@', address.n), *plus = memchr(address.p + 1, '+', address.n - 1);
    char plain[64];
    struct str domain = { at, address.n - (size_t)(at - address.p) };
    int n =
        snprintf(plain, sizeof plain, "%.*s%.*s", (int)((plus && plus < at ? plus : at) - address.p), address.p, STR_FMT(domain));
    for (unsigned i = 0; i < OWNERS; i++) {
        for (unsigned k = 0; k < 2; k++) {
            const char *one = names[i][k];
            if (same(address, one) || same(domain, one) || same((struct str){ plain, (size_t)n }, one)) return (int)i;
        }
    }
    return -1;
}

/* One of few addresses, so that many meet; gives its length. */
static int draw(char out[16], struct rng *rng, bool domain)
{
    static const char *const more[] = { "", "", "+t", "+u" };
    char at = (char)('a' + rng_below(rng, 26));
    if (domain) return snprintf(out, 16, "@%c", at);
    return snprintf(out, 16, "%c%s@%c", (char)('a' + rng_below(rng, 24)), more[rng_below(rng, 4)], at);
}

TEST(the_map_finds_what_a_walk_over_all_accounts_finds)
{
    struct rng rng;
    char text[16];
    rng_seed(&rng, 7);
    for (unsigned i = 0; i < OWNERS; i++) {
        for (unsigned k = 0; k < 2; k++) draw(names[i][k], &rng, rng_below(&rng, 8) == 0);
        const char *list[2] = { names[i][0], names[i][1] };
        assert_int_equal(mail_book_add(&book, names[i], list, 2), ERR_OK);
    }
    for (unsigned i = 0; i < 20000; i++) {
        int n = draw(text, &rng, false);
        int want = walk((struct str){ text, (size_t)n });
        const void *got = mail_book_find(&book, (struct str){ text, (size_t)n });
        if (got != (want < 0 ? NULL : (const void *)names[want])) fail_msg("%s is another's than %d's", text, want);
    }
}

int main(void)
{
#define WITH_BOOK(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        WITH_BOOK(addresses_are_compared_as_people_mean_them),
        WITH_BOOK(the_first_account_that_has_an_address_keeps_it),
        WITH_BOOK(an_address_of_any_length_is_looked_up_within_its_bound),
        WITH_BOOK(a_full_book_says_so),
        WITH_BOOK(the_map_finds_what_a_walk_over_all_accounts_finds),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
