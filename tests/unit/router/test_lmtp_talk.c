#include "router/lmtp_talk.h"
#include "tests/unit/base/unit.h"

#include <stdlib.h>

static struct lmtp_talk talk;
static struct buf out, got;
static char from[400];
static int ends, begun;
static enum lmtp_end so_far, refuse;

static enum lmtp_rcpt rcpt(void *ctx, struct str a)
{
    UNUSED(ctx);
    if (str_is(a, "later@shop.example")) return LMTP_RCPT_LATER;
    if (str_is(a, "full@shop.example")) return LMTP_RCPT_DISK;
    return str_is(a, "nobody@shop.example") ? LMTP_RCPT_UNKNOWN : LMTP_RCPT_OURS;
}
static enum lmtp_end begin(void *ctx, struct str f)
{
    UNUSED(ctx);
    snprintf(from, sizeof from, "%.*s", STR_FMT(f));
    buf_clear(&got);
    begun++;
    return LMTP_KEPT;
}
static enum lmtp_end body(void *ctx, struct str b)
{
    UNUSED(ctx);
    buf_addstr(&got, b);
    return refuse;
}
static void end(void *ctx, enum lmtp_end e)
{
    UNUSED(ctx);
    so_far = e;
    ends++;
}
static void reset(void *ctx) { UNUSED(ctx); }

static void begin_talk(size_t most)
{
    struct lmtp_owner owner = { NULL, rcpt, begin, body, end, reset };
    buf_fini(&out);
    buf_fini(&got);
    buf_init(&out, 1u << 20);
    buf_init(&got, 1u << 20);
    ends = begun = 0;
    refuse = LMTP_KEPT;
    lmtp_talk_init(&talk, &owner, &out, "naru.example", most);
    buf_clear(&out);
}

/* Feeds in pieces of `step` bytes, answering each mail as kept. */
static void feed(const char *text, size_t n, size_t step)
{
    static const enum lmtp_end kept[LIM_MAIL_RCPT];
    for (size_t at = 0; at < n && !lmtp_talk_over(&talk);) {
        at += lmtp_talk_feed(&talk, (struct str){ text + at, n - at < step ? n - at : step });
        if (lmtp_talk_waits(&talk)) lmtp_talk_ends(&talk, kept);
    }
}
static void says(const char *text, const char *answers)
{
    buf_clear(&out);
    feed(text, strlen(text), SIZE_MAX);
    assert_str(buf_str(&out), answers);
}

#define HELLO "250-naru\r\n250-PIPELINING\r\n250-ENHANCEDSTATUSCODES\r\n250-8BITMIME\r\n250-SMTPUTF8\r\n250 SIZE 1000\r\n"
#define OPEN  "LHLO x\r\nMAIL FROM:<a@b>\r\nRCPT TO:<help@shop.example>\r\nDATA\r\n"

TEST(a_mail_is_answered_once_for_each_recipient)
{
    begin_talk(1000);
    says("LHLO mx.example\r\n", HELLO);
    says("MAIL FROM:<a@b> SIZE=10 BODY=8BITMIME SMTPUTF8\r\n", "250 2.1.0 fine\r\n");
    says("RCPT TO:<help@shop.example>\r\n", "250 2.1.5 fine\r\n");
    says("RCPT TO:<nobody@shop.example>\r\n", "550 5.1.1 no account has this address\r\n");
    says("rcpt to: <HELP+17@Shop.Example>\r\n", "250 2.1.5 fine\r\n");
    says("RCPT TO:<later@shop.example>\r\n", "451 4.3.0 the address cannot be taken now; try again later\r\n");
    says("RCPT TO:<full@shop.example>\r\n", "452 4.3.1 no room to keep mails; try again later\r\n");
    says("DATA\r\n", "354 end with a dot on a line of its own\r\n");
    says("Subject: x\r\n\r\n..dot\r\n.\r\n", "250 2.0.0 kept\r\n250 2.0.0 kept\r\n");
    assert_str(buf_str(&got), "Subject: x\r\n\r\n.dot\r\n");
    assert_string_equal(from, "a@b");
    says("QUIT\r\n", "221 2.0.0 good-bye\r\n");
    assert_true(lmtp_talk_over(&talk));
}

TEST(dots_and_ends_are_found_across_any_border)
{
    static const struct {
        const char *in, *want;
    } cases[] = {
        { ".\r\n", "" },
        { "..\r\n.\r\n", ".\r\n" },
        { ".a\r\n.\r\n", "a\r\n" },
        { "a\n.\nb\r\n.\r\n", "a\n.\nb\r\n" },     /* bare LF ends nothing … */
        { "a\n.\r\nb\r\n.\r\n", "a\n.\r\nb\r\n" }, /* … in no mixture … */
        { "a\r\n.\nb\r\n.\r\n", "a\r\n\nb\r\n" },  /* … but a dot that begins a line goes */
        { "a\r.\r\nb\r\n.\r\n", "a\r.\r\nb\r\n" },
        { "\r\r\n.\r\r\n\r\n.\r\n", "\r\r\n\r\r\n\r\n" },
        { "\r\n\r\n.\r\n", "\r\n\r\n" },
        { "x\r\n...\r\n.\r\n", "x\r\n..\r\n" },
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        for (size_t step = 1; step < 12; step++) {
            begin_talk(1000);
            feed(OPEN, strlen(OPEN), step);
            feed(cases[i].in, strlen(cases[i].in), step);
            assert_int_equal(ends, 1);
            assert_str(buf_str(&got), cases[i].want);
            assert_int_equal(talk.state, LMTP_READY);
        }
    }
}

TEST(a_pipeline_is_held_where_a_mail_waits_for_its_answer)
{
    static const enum lmtp_end two[] = { LMTP_KEPT, LMTP_JOURNAL };
    const char *text =
        "LHLO x\r\nMAIL FROM:<>\r\nRCPT TO:<help@shop.example>\r\nRCPT TO:<x@all.example>\r\nDATA\r\nhi\r\n.\r\nNOOP\r\n";
    begin_talk(1000);
    size_t n = lmtp_talk_feed(&talk, str_of(text));
    assert_true(lmtp_talk_waits(&talk));
    assert_int_equal(n, strlen(text) - 6);
    assert_int_equal(lmtp_talk_feed(&talk, str_of(text + n)), 0);
    buf_clear(&out);
    lmtp_talk_ends(&talk, two);
    assert_int_equal(lmtp_talk_feed(&talk, str_of(text + n)), 6);
    assert_str(buf_str(&out), "250 2.0.0 kept\r\n451 4.3.0 the mail cannot be kept now; try again later\r\n250 2.0.0 fine\r\n");
    assert_string_equal(from, "");
}

TEST(what_is_out_of_place_or_unknown_changes_nothing)
{
    begin_talk(1000);
    says("EHLO x\r\n", "500 5.5.1 not known here: LHLO, MAIL, RCPT, DATA, RSET, NOOP, QUIT\r\n");
    says("MAIL FROM:<a@b>\r\n", "503 5.5.1 LHLO first, and one MAIL at a time\r\n");
    says("LHLO\r\n", "501 5.5.4 LHLO needs a name\r\n");
    says("LHLO x\r\n", HELLO);
    says("RCPT TO:<help@shop.example>\r\n", "503 5.5.1 MAIL first\r\n");
    says("MAIL FROM:<a@b> SIZE=1001\r\n", "552 5.3.4 the mail is larger than what is taken here\r\n");
    says("MAIL FROM:<a@b> RET=FULL\r\n", "555 5.5.4 a parameter that is not known here\r\n");
    says("MAIL FROM:a@b\r\n", "501 5.5.4 write MAIL FROM:<address>\r\n");
    says("MAIL FROM:<a@b>\r\nMAIL FROM:<a@b>\r\n", "250 2.1.0 fine\r\n503 5.5.1 LHLO first, and one MAIL at a time\r\n");
    says("DATA\r\n", "503 5.5.1 no recipient was taken\r\n");
    says("RSET\r\nDATA\r\n", "250 2.0.0 forgotten\r\n503 5.5.1 no recipient was taken\r\n");
    says("NOOP\n", "500 5.5.2 a line ends in CR LF\r\n");
    says("NO\rOP\r\n", "500 5.5.2 a line is text and ends in CR LF\r\n");
    says("\xff\r\n", "500 5.5.2 a line is text and ends in CR LF\r\n");
    assert_int_equal(begun, 0);
    for (int i = 0; i < 20; i++) feed("WHAT\r\n", 6, 6);
    assert_true(lmtp_talk_over(&talk));
}

TEST(everything_has_an_end)
{
    char line[LIM_MAIL_LINE + 10];
    begin_talk(10);
    memset(line, 'x', sizeof line);
    feed(line, sizeof line, 100);
    feed("\r\n", 2, 2);
    assert_true(lmtp_talk_over(&talk));
    begin_talk(10);
    feed(OPEN "01234567890\r\n.\r\n", strlen(OPEN) + 16, 3);
    assert_int_equal(so_far, LMTP_TOO_BIG);
    begin_talk(10);
    feed("LHLO x\r\nMAIL FROM:<a@b>\r\n", 25, 25);
    for (unsigned i = 0; i < LIM_MAIL_RCPT; i++) feed("RCPT TO:<x@all.example>\r\n", 25, 25);
    says("RCPT TO:<x@all.example>\r\n", "452 4.5.3 too many recipients\r\n");
    for (unsigned i = 0; i < LIM_MAIL_COMMANDS; i++) feed("NOOP\r\n", 6, 6);
    assert_true(lmtp_talk_over(&talk));
    begin_talk(1000);
    feed(OPEN, strlen(OPEN), 9);
    refuse = LMTP_DISK;
    feed("a\r\nb\r\n.\r\n", 9, 1);
    assert_int_equal(so_far, LMTP_DISK);
    assert_str(buf_str(&got), "a");
}

static int tear_down(void **state)
{
    UNUSED(state);
    buf_fini(&out);
    buf_fini(&got);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        RUN(a_mail_is_answered_once_for_each_recipient),
        RUN(dots_and_ends_are_found_across_any_border),
        RUN(a_pipeline_is_held_where_a_mail_waits_for_its_answer),
        RUN(what_is_out_of_place_or_unknown_changes_nothing),
        RUN(everything_has_an_end),
    };
    return cmocka_run_group_tests(tests, NULL, tear_down);
}
