/* The customer's own words: a file of mails with the words that count, and what must hold for any bytes. */
#include "base/clock.h"
#include "base/quote.h"
#include "base/rng.h"
#include "tests/unit/base/unit.h"

#include <stdio.h>
#include <stdlib.h>

#define BIG 65536u

static char room[BIG], again[BIG], text[BIG];

static struct str own(struct str s, const char *channel) { return quote_own_words(s, str_of(channel), room, sizeof room); }

static struct str trim_end(struct str s)
{
    while (s.n && (s.p[s.n - 1] == '\n' || s.p[s.n - 1] == '\r')) s.n--;
    return s;
}

static void holds(struct str s, const char *channel)
{
    struct str once = quote_own_words(s, str_of(channel), room, sizeof room);
    size_t at;
    assert_true(once.n <= s.n);
    assert_true(once.n > 0 || s.n == 0);
    if (str_utf8(s, &at)) assert_true(str_utf8(once, &at));
    struct str twice = quote_own_words(once, str_of(channel), again, sizeof again);
    assert_true(str_eq(once, twice));
}

/* ---- the file ---- */

struct mail {
    char name[64], channel[16];
    struct str text, expected; /* expected.p NULL: all of it */
};

static char *read_all(size_t *n)
{
    FILE *f = fopen(NARU_SOURCE_DIR "/tests/unit/base/own_words.txt", "rb");
    char *all = calloc(1, 1 << 18);
    assert_non_null(f);
    assert_non_null(all);
    *n = fread(all, 1, (1 << 18) - 1, f);
    fclose(f);
    return all;
}

static const char *next_mail(const char *p, struct mail *m)
{
    p = strstr(p, "\n%% ");
    if (!p) return NULL;
    assert_int_equal(sscanf(p + 4, "%63s %15s", m->name, m->channel), 2);
    const char *body = strchr(p + 4, '\n') + 1, *mark = strstr(body, "\n%=");
    assert_non_null(mark);
    const char *words = strchr(mark + 1, '\n') + 1, *end = strstr(words, "\n%% ");
    m->text = (struct str){ body, (size_t)(mark - body) };
    m->expected = (struct str){ words, end ? (size_t)(end - words) : strlen(words) };
    if (strncmp(mark, "\n%= all", 7) == 0) m->expected = m->text, words = mark + 1;
    return words - 1;
}

static struct str with_crlf(struct str s, char *out)
{
    size_t n = 0;
    for (size_t i = 0; i < s.n; i++) {
        if (s.p[i] == '\n') out[n++] = '\r';
        out[n++] = s.p[i];
    }
    return (struct str){ out, n };
}

TEST(each_mail_of_the_file_gives_the_customers_words)
{
    struct mail m;
    size_t n;
    int count = 0, wrong = 0;
    char *all = read_all(&n);
    for (const char *p = all; (p = next_mail(p, &m)); count++) {
        struct str got = trim_end(own(m.text, m.channel)), want = trim_end(m.expected);
        if (str_eq(got, want)) continue;
        wrong++;
        print_error("%s: got\n%.*s\n--- instead of\n%.*s\n", m.name, STR_FMT(got), STR_FMT(want));
    }
    free(all);
    assert_true(count >= 60);
    assert_int_equal(wrong, 0);
}

TEST(line_ends_of_networks_make_no_difference)
{
    struct mail m;
    size_t n;
    static char wide[BIG], expected[BIG];
    char *all = read_all(&n);
    for (const char *p = all; (p = next_mail(p, &m));) {
        struct str want = trim_end(with_crlf(m.expected, expected));
        struct str got = trim_end(own(with_crlf(m.text, wide), m.channel));
        if (!str_eq(got, want)) print_error("%s\n", m.name);
        assert_true(str_eq(got, want));
    }
    free(all);
}

TEST(own_words_of_own_words_are_the_same_and_never_longer)
{
    struct mail m;
    size_t n;
    char *all = read_all(&n);
    for (const char *p = all; (p = next_mail(p, &m));) {
        holds(m.text, m.channel);
        holds(m.text, "email");
        holds(m.text, "webchat");
        for (size_t cut = 0; cut < m.text.n; cut++) holds((struct str){ m.text.p, cut }, "email");
    }
    free(all);
}

/* ---- any bytes ---- */

/* Lines that mean something, shuffled: what no person writes, but a peer may send. */
static struct str shuffled(struct rng *g)
{
    static const char *const lines[] = { "> quoted",
                                         "",
                                         "a word",
                                         "-- ",
                                         "--",
                                         "-----Original Message-----",
                                         "From: a@b.c",
                                         "Sent: 3 Nov 2026 14:30",
                                         "To: x",
                                         "Subject: y",
                                         "Thanks,",
                                         "Best regards,",
                                         "John Smith",
                                         "Sent from my iPhone",
                                         "감사합니다",
                                         "홍길동 드림",
                                         "010-1234-5678",
                                         "On 3 Nov 2026 at 14:30",
                                         "A <a@b> wrote:",
                                         "On 3 Nov 2026 at 14:30 A <a@b> wrote:",
                                         "A wrote:",
                                         "This e-mail is confidential, intended for the recipient",
                                         "____",
                                         "---------- Forwarded message ---------",
                                         ">",
                                         "\xFF\xFE",
                                         "\xEF\xBC\x9E x" };
    size_t n = 0, count = rng_below(g, 30);
    for (size_t i = 0; i < count; i++) {
        const char *z = lines[rng_below(g, sizeof lines / sizeof *lines)];
        memcpy(text + n, z, strlen(z));
        n += strlen(z);
        text[n++] = '\n';
    }
    return (struct str){ text, n };
}

TEST(shuffled_lines_keep_the_properties)
{
    struct rng g;
    rng_seed(&g, 7);
    for (int i = 0; i < 20000; i++) {
        struct str s = shuffled(&g);
        holds(s, "email");
        holds(s, "form");
        holds(s, "sms");
    }
}

static void fill(const char *unit)
{
    size_t n = strlen(unit);
    for (size_t at = 0; at < BIG; at++) text[at] = unit[at % n];
}

TEST(sixty_four_kib_of_anything_take_bounded_time)
{
    static const char *const units[] = { "\n",
                                         ">",
                                         "> a\n",
                                         "a wrote:\n",
                                         "On 2026 14:30 1\n",
                                         "From: a\n",
                                         "From: a\n\n",
                                         "-- \na\n",
                                         "Thanks,\n",
                                         "A b\n",
                                         "\n\n> a\nb\n",
                                         "Sent: 1\n",
                                         "a wrote:\n\n",
                                         "2026 14:30 ",
                                         "감사합니다\n",
                                         "---\n",
                                         "This email is confidential\n\n",
                                         "On 2026 14:30 1\na wrote:\n" };
    for (size_t i = 0; i < sizeof units / sizeof *units; i++) {
        fill(units[i]);
        struct str s = { text, BIG };
        uint64_t began = clock_mono_ms();
        struct str got = own(s, "email");
        uint64_t took = clock_mono_ms() - began;
        assert_true(got.n > 0 && got.n <= BIG);
        if (took > 500) print_error("%s: %d ms\n", units[i], (int)took);
        assert_true(took <= 500); /* sanitizers, a busy machine; a quadratic one takes seconds */
    }
}

TEST(a_text_without_anything_to_take_is_given_as_it_is)
{
    struct str s = STR("I want my money back\nnow");
    assert_ptr_equal(own(s, "email").p, s.p);
    assert_int_equal(own(s, "email").n, s.n);
    assert_int_equal(own(STR_NONE, "email").n, 0);
    s = STR("one line > of words");
    assert_ptr_equal(own(s, "webchat").p, s.p);
}

TEST(words_in_front_are_not_copied)
{
    struct str s = STR("words\n\n> quoted\n> more\n"), got = own(s, "email");
    assert_ptr_equal(got.p, s.p);
    assert_true(str_is(got, "words"));
}

TEST(a_room_that_is_too_small_gives_the_whole_text)
{
    struct str s = STR("a\n> b\nc");
    assert_true(str_eq(quote_own_words(s, STR("email"), room, s.n - 1), s));
    assert_true(str_is(quote_own_words(s, STR("email"), room, s.n), "a\nc"));
}

TEST(a_nul_in_the_text_is_a_byte_like_others)
{
    static const char z[] = "-\0-\n\0>\n>\0\nwords\n\0,\n-- \0\n";
    holds((struct str){ z, sizeof z - 1 }, "email");
}

TEST(counts_are_said_with_commas)
{
    char out[QUOTE_SAID];
    assert_true(str_is(quote_say(312, 2041, out), "312 of 2,041 bytes"));
    assert_true(str_is(quote_say(1000, 1234567, out), "1,000 of 1,234,567 bytes"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        RUN(each_mail_of_the_file_gives_the_customers_words),
        RUN(line_ends_of_networks_make_no_difference),
        RUN(own_words_of_own_words_are_the_same_and_never_longer),
        RUN(shuffled_lines_keep_the_properties),
        RUN(sixty_four_kib_of_anything_take_bounded_time),
        RUN(a_text_without_anything_to_take_is_given_as_it_is),
        RUN(words_in_front_are_not_copied),
        RUN(a_room_that_is_too_small_gives_the_whole_text),
        RUN(a_nul_in_the_text_is_a_byte_like_others),
        RUN(counts_are_said_with_commas),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
