/* Mails as programs write them, and as nobody should. */
#include "router/mail_ids.h"
#include "router/mail_text.h"
#include "tests/unit/base/unit.h"

#include <stdlib.h>

static struct arena arena;
static struct mail mail;

static const struct mail *take_from(const char *text, const char *envelope)
{
    arena_clear(&arena);
    assert_int_equal(mail_read(&mail, &arena, str_of(text), envelope), ERR_OK);
    return &mail;
}
static const struct mail *take(const char *text) { return take_from(text, "a@b.example"); }

static int set_up(void **state)
{
    UNUSED(state);
    mail_open();
    arena_init(&arena, 16u << 20);
    return 0;
}
static int tear_down(void **state)
{
    UNUSED(state);
    arena_fini(&arena);
    mail_close();
    return 0;
}

/* ---- words ---- */

TEST(names_and_subjects_are_read_in_any_charset)
{
    const struct mail *m = take("From: =?EUC-KR?B?sei5zsH2?= <Minji@Shop.EXAMPLE>\r\nSubject: =?ISO-8859-1?Q?Gr=FC=DFe?=\r\n"
                                " =?UTF-8?B?7ZmY67aI?=\r\nMessage-ID: <1@x>\r\n\r\nhi\r\n");
    assert_str(m->from, "Minji@shop.example");
    assert_str(m->name, "김민지");
    assert_str(m->subject, "Grüße환불");
    assert_str(m->text, "hi");
    assert_str(m->id, "1@x");
}

TEST(bodies_are_read_in_any_charset)
{
    static const struct {
        const char *head, *body, *want;
    } cases[] = {
        { "text/plain; charset=euc-kr", "\xC8\xAF\xBA\xD2", "환불" },
        { "text/plain; charset=\"ks_c_5601-1987\"", "\x8C\x63\xB9\xE6\xB0\xA2", "똠방각" }, /* of CP949 alone */
        { "text/plain; charset=iso-2022-kr", "\x1b$)C\x0eH/:R\x0f ok", "환불 ok" },
        { "text/plain; charset=iso-8859-1", "na\xEFve \x80", "naïve €" },
        { "text/plain; charset=utf-8", "\xED\x99\x98\xFF", "환\xEF\xBF\xBD" },
        { "text/plain", "\xC8\xAF\xBA\xD2", "환불" },
        { "text/plain; charset=no-such", "plain", "plain" },
        { "text/plain; charset=gb2312", "\xCD\xCB\xBF\xEE", "退款" },
        { "text/plain; charset=shift_jis", "\x95\xD4\x8B\xE0", "返金" },
        { "text/html; charset=euc-kr", "<p>\xC8\xAF\xBA\xD2 &amp; more</p>", "환불 & more" },
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        char text[512];
        snprintf(text, sizeof text, "From: a@b\r\nContent-Type: %s\r\n\r\n%s\r\n", cases[i].head, cases[i].body);
        assert_str(take(text)->text, cases[i].want);
    }
}

TEST(a_charset_of_any_length_is_none_when_nobody_knows_it)
{
    for (int n = 1; n < 200; n++) {
        char text[512];
        snprintf(text, sizeof text, "From: a@b\r\nContent-Type: text/plain; charset=%.*s\r\n\r\nplain\r\n", n,
                 "x23456789x123456789x123456789x123456789x123456789x123456789x123456789x123456789x123456789x123456789"
                 "x23456789x123456789x123456789x123456789x123456789x123456789x123456789x123456789x123456789x123456789");
        assert_str(take(text)->text, "plain");
    }
}

TEST(of_alternatives_the_plain_one_is_read_and_the_page_when_it_is_blank)
{
    assert_str(
        take("From: a@b\r\nContent-Type: multipart/alternative; boundary=x\r\n\r\n--x\r\nContent-Type: text/plain\r\n\r\nplain\r\n"
             "--x\r\nContent-Type: text/html\r\n\r\n<b>page</b>\r\n--x--\r\n")
            ->text,
        "plain");
    assert_str(
        take("From: a@b\r\nContent-Type: multipart/alternative; boundary=x\r\n\r\n--x\r\nContent-Type: text/plain\r\n\r\n  \r\n"
             "--x\r\nContent-Type: text/html\r\n\r\n<b>page</b>\r\n--x--\r\n")
            ->text,
        "page");
}

TEST(attachments_are_told_by_name_type_size_and_sum)
{
    const struct mail *m = take("From: a@b\r\nContent-Type: multipart/mixed; boundary=x\r\n\r\n--x\r\n\r\nsee "
                                "this\r\n--x\r\nContent-Type: application/pdf\r\n"
                                "Content-Disposition: attachment; "
                                "filename*=UTF-8''%EC%98%81%EC%88%98%EC%A6%9D.pdf\r\nContent-Transfer-Encoding: base64\r\n\r\n"
                                "aGVsbG8=\r\n--x\r\nContent-Type: image/png; "
                                "name=\"=?EUC-KR?B?u+fB+A==?=.png\"\r\n\r\nhello\r\n--x\r\n\r\nand this\r\n--x--\r\n");
    assert_str(m->text, "see this\n\nand this");
    assert_int_equal(m->file_count, 2);
    assert_str(m->files[0].name, "영수증.pdf");
    assert_str(m->files[0].type, "application/pdf");
    assert_int_equal(m->files[0].size, 5);
    assert_string_equal(m->files[0].sha256, "2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824");
    assert_str(m->files[1].name, "사진.png");
}

TEST(lines_that_flow_are_one_line)
{
    assert_str(
        take("From: a@b\r\nContent-Type: text/plain; charset=utf-8; format=flowed\r\n\r\nthis line \r\ngoes on\r\nthis not\r\n")
            ->text,
        "this line goes on\nthis not");
    assert_str(take("From: a@b\r\nContent-Type: text/plain; charset=utf-8; format=flowed; delsp=yes\r\n\r\n한 \r\n글\r\n")->text,
               "한글");
}

TEST(quoted_mail_and_signatures_are_not_the_customers_words)
{
    assert_str(
        take("From: a@b\r\n\r\nno, blue\r\n\r\nOn Tue, Nov 3, 2026 at 10:22 AM Shop <h@s.example> wrote:\r\n> red?\r\n")->text,
        "no, blue");
    assert_str(take("From: a@b\r\n\r\n> only a quote\r\n")->text, "> only a quote");
}

/* ---- HTML ---- */

static void page(const char *html, const char *want)
{
    struct buf out;
    buf_init(&out, 1u << 20);
    mail_unhtml(&out, str_of(html));
    assert_str(buf_str(&out), want);
    buf_fini(&out);
}

TEST(a_page_reads_as_it_looks)
{
    page("<html><head><title>t</title><style>p{}</style></head><body><p>one</p><p>two<br>three</p></body></html>",
         "one\n\ntwo\nthree\n");
    page("<ul><li>a</li><li>b</li></ul>", "- a\n- b\n");
    page("<table><tr><td>a</td><td>b</td></tr><tr><td>c</td></tr></table>", "a b\nc\n");
    page("a<!-- > <p>no</p> -->b", "ab\n");
    page("<script>if (a < b) \"</p>\"</script>yes", "yes\n");
    page("<head><meta x><body>no end tag", "no end tag\n");
    page("1 < 2 &lt; 3 &#51;&#x34; &nosuch; & x &#xD800;", "1 < 2 < 3 34 &nosuch; & x\n");
    page("<div>mine</div><blockquote>theirs<br>more<blockquote>older</blockquote></blockquote><div>mine again</div>",
         "mine\n> theirs\n> more\n>> older\nmine again\n");
    page("<a href=\"x>y\">link</a> <a href='open>after", "link after\n");
    page("<pre>a\n  b</pre>", "a\n  b\n");
    page("", "");
    page("<", "<\n");
    page("</blockquote></blockquote>x", "x\n");
}

/* ---- threads ---- */

TEST(a_conversation_is_named_by_its_first_mail)
{
    char root[101], got[101];
    bool ours;
    mail_conversation(STR("root@x"), root);
    mail_thread(take("From: a@b\r\nMessage-ID: <root@x>\r\n\r\nhi\r\n"), NULL, STR("m"), got, &ours);
    assert_string_equal(got, root);
    mail_thread(take("From: a@b\r\nMessage-ID: <3@x>\r\nIn-Reply-To: <2@x>\r\nReferences: <root@x>\r\n <2@x>\r\n\r\nhi\r\n"), NULL,
                STR("m"), got, &ours);
    assert_string_equal(got, root);
    assert_false(ours);
    mail_thread(take("From: a@b\r\nMessage-ID: <9@x>\r\nSubject: Re: same\r\n\r\nhi\r\n"), NULL, STR("m"), got, &ours);
    assert_string_not_equal(got, root);
}

TEST(our_own_id_says_the_conversation_when_the_list_is_cut)
{
    char root[101], got[101], id[MAIL_ID_MAX], text[600];
    bool ours;
    struct id message = { { 1 } }, ticket = { { 2 } }, read;
    mail_conversation(STR("root@x"), root);
    mail_make_id(id, &message, &ticket, str_of(root), STR("shop.example"));
    assert_true(mail_own_id(str_of(id), &read, got));
    assert_string_equal(got, root);
    assert_true(id_eq(&read, &ticket));
    snprintf(text, sizeof text, "From: a@b\r\nMessage-ID: <3@x>\r\nIn-Reply-To: <%s>\r\n\r\nhi\r\n", id);
    mail_thread(take(text), NULL, STR("m"), got, &ours);
    assert_string_equal(got, root);
    assert_true(ours);
    mail_make_id(id, &message, &ticket, STR("customer-7"), STR("shop.example"));
    assert_true(mail_own_id(str_of(id), &read, got));
    assert_string_equal(got, "customer-7");
    id[12] = 'z';
    assert_false(mail_own_id(str_of(id), &read, got));
    assert_false(mail_own_id(STR("naru.1.2.3@x"), &read, got));
}

TEST(a_middle_mail_is_remembered_and_the_oldest_forgotten)
{
    struct mail_threads *t;
    char root[101], got[101];
    bool ours;
    assert_int_equal(mail_threads_new(&t, 2), ERR_OK);
    mail_conversation(STR("root@x"), root);
    mail_threads_put(t, STR("m"), STR("2@x"), str_of(root));
    const struct mail *m = take("From: a@b\r\nMessage-ID: <3@x>\r\nIn-Reply-To: <2@x>\r\n\r\nhi\r\n");
    mail_thread(m, t, STR("m"), got, &ours);
    assert_string_equal(got, root);
    mail_thread(m, t, STR("other"), got, &ours);
    assert_string_not_equal(got, root);
    mail_threads_put(t, STR("m"), STR("4@x"), str_of(root));
    mail_threads_put(t, STR("m"), STR("5@x"), str_of(root));
    assert_false(mail_threads_get(t, STR("m"), STR("2@x"), got));
    assert_true(mail_threads_get(t, STR("m"), STR("5@x"), got));
    mail_threads_free(t);
}

/* ---- machines ---- */

TEST(what_machines_write_is_told_apart)
{
    static const struct {
        const char *head, *envelope;
        enum mail_auto want;
    } cases[] = {
        { "Subject: x\r\n", "a@b", AUTO_NO },
        { "Auto-Submitted: no\r\n", "a@b", AUTO_NO },
        { "Auto-Submitted: auto-replied\r\n", "a@b", AUTO_REPLY },
        { "Auto-Submitted: Auto-Replied; owner-email=\"x\"\r\n", "", AUTO_REPLY },
        { "Auto-Submitted: auto-generated\r\n", "a@b", AUTO_GENERATED },
        { "X-Autoreply: yes\r\n", "a@b", AUTO_REPLY },
        { "Precedence: bulk\r\n", "a@b", AUTO_BULK },
        { "Precedence: junk\r\n", "a@b", AUTO_BULK },
        { "Precedence: list\r\n", "a@b", AUTO_LIST },
        { "List-Id: <x.example>\r\n", "a@b", AUTO_LIST },
        { "X-Auto-Response-Suppress: All\r\n", "a@b", AUTO_SUPPRESS },
        { "X-Auto-Response-Suppress: None\r\n", "a@b", AUTO_NO },
        { "Subject: x\r\n", "", AUTO_BOUNCE },
        { "Message-ID: <naru.00000000000000000000000000000001.00000000000000000000000000000002.0@x>\r\n", "a@b", AUTO_LOOP },
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        char text[512];
        snprintf(text, sizeof text, "From: a@b\r\n%s\r\nhi\r\n", cases[i].head);
        if (take_from(text, cases[i].envelope)->automatic != cases[i].want)
            fail_msg("%s: %s", cases[i].head, mail_auto_words[mail.automatic]);
    }
}

TEST(a_report_says_which_mail_did_not_arrive)
{
    const struct mail *m = take_from("From: MAILER-DAEMON@x\r\nContent-Type: multipart/report; report-type=delivery-status; "
                                     "boundary=x\r\n\r\n--x\r\n\r\nsorry\r\n--x\r\n"
                                     "Content-Type: message/delivery-status\r\n\r\nReporting-MTA: dns; x\r\n\r\nFinal-Recipient: "
                                     "rfc822; a@b\r\nAction: failed\r\n"
                                     "Status: 5.1.1\r\n\r\n--x\r\nContent-Type: message/rfc822\r\n\r\nFrom: us@x\r\nMessage-ID: "
                                     "<naru.1@x>\r\n\r\nhello\r\n--x--\r\n",
                                     "");
    assert_int_equal(m->automatic, AUTO_BOUNCE);
    assert_str(m->bounce, "5.1.1");
    assert_str(m->bounced, "naru.1@x");
    m = take_from("From: MAILER-DAEMON@x\r\nContent-Type: multipart/report; report-type=delivery-status; "
                  "boundary=x\r\n\r\n--x\r\n\r\nsorry\r\n"
                  "--x\r\nContent-Type: text/rfc822-headers\r\n\r\nFrom: us@x\r\nMessage-ID: <naru.2@x>\r\n\r\n--x--\r\n",
                  "");
    assert_str(m->bounced, "naru.2@x");
}

/* ---- harm ---- */

static char *repeat(const char *head, const char *part, size_t times)
{
    size_t n = strlen(part), h = strlen(head);
    char *all = malloc(h + n * times + 1);
    assert_non_null(all);
    memcpy(all, head, h);
    for (size_t i = 0; i < times; i++) memcpy(all + h + i * n, part, n);
    all[h + n * times] = '\0';
    return all;
}

static enum err read_repeated(const char *head, const char *part, size_t times)
{
    char *all = repeat(head, part, times);
    arena_clear(&arena);
    enum err err = mail_read(&mail, &arena, str_of(all), "a@b");
    free(all);
    return err;
}

TEST(trees_that_would_cost_too_much_are_refused_before_they_are_built)
{
    assert_int_equal(read_repeated("From: a@b\r\nContent-Type: multipart/mixed; boundary=x\r\n\r\n", "--x\r\n\r\nhi\r\n", 2000),
                     ERR_TOOBIG);
    assert_int_equal(read_repeated("From: a@b\r\nContent-Type: multipart/mixed; boundary*0=x\r\n\r\n", "--x\r\n\r\n", 2000),
                     ERR_TOOBIG);
    assert_int_equal(read_repeated("From: a@b\r\n", "X: y\r\n", 100000), ERR_TOOBIG);
    assert_int_equal(read_repeated("From: ", "a:", 100000), ERR_TOOBIG);
    assert_int_equal(read_repeated("From: ", "a:\r\n ", 900), ERR_OK);
    assert_int_equal(read_repeated("From: a@b\r\n", "Content-Type: message/rfc822\r\n\r\n", 1000), ERR_TOOBIG);
    assert_int_equal(
        read_repeated("From: a@b\r\nContent-Type: multipart/digest; boundary=x\r\n\r\n--x\r\n\r\n", "X: y\r\n", 100000),
        ERR_TOOBIG);
    assert_int_equal(read_repeated("From: a@b\r\n\r\n", "-- not a boundary\r\n", 5000), ERR_OK);
}

TEST(trees_are_refused_however_their_types_and_boundaries_are_spelt)
{
    static const char *const mails[] = { "message /rfc822", "message\r\n /rfc822", "message(x)/rfc822", "(;\\))message\t/RFC822" };
    static const char *const digests[] = { "multipart / digest", "multipart/\r\n digest", "multipart/(x)digest" };
    static const char *const words[] = {
        "=?us-ascii?Q?x?=", "\"=?us-ascii?B?eA==?=\"", "(y)x", "\r\n x", "\"\\x\"", "\"\xB0\xA1\""
    };
    char head[200];
    for (size_t i = 0; i < sizeof mails / sizeof *mails; i++) {
        snprintf(head, sizeof head, "From: a@b\r\nContent-Type: %s\r\n\r\n", mails[i]);
        assert_int_equal(read_repeated(head, "X: y\r\n", 100000), ERR_TOOBIG);
    }
    for (size_t i = 0; i < sizeof digests / sizeof *digests; i++) {
        snprintf(head, sizeof head, "From: a@b\r\nContent-Type: %s; boundary=x\r\n\r\n--x\r\n\r\n", digests[i]);
        assert_int_equal(read_repeated(head, "X: y\r\n", 100000), ERR_TOOBIG);
    }
    for (size_t i = 0; i < sizeof words / sizeof *words; i++) {
        snprintf(head, sizeof head, "From: a@b\r\nContent-Type: multipart/mixed; boundary=%s\r\n\r\n", words[i]);
        assert_int_equal(read_repeated(head, "--x\r\n\r\n", 2000), ERR_TOOBIG);
    }
    assert_int_equal(
        read_repeated("From: a@b\r\nSubject: message\r\nContent-Type: text/plain; name=\"message (1) / digest\"\r\n\r\n",
                      "X: y\r\n", 100000),
        ERR_OK);
}

TEST(parts_too_deep_are_left_and_what_is_above_is_read)
{
    char text[16384] = "From: a@b\r\n";
    size_t n = strlen(text);
    for (int i = 0; i < 60; i++)
        n += (size_t)snprintf(
            text + n, sizeof text - n,
            "Content-Type: multipart/mixed; boundary=b%d_\r\n\r\n--b%d_\r\nContent-Type: text/plain\r\n\r\nlevel %d\r\n--b%d_\r\n",
            i, i, i, i);
    take(text);
    assert_int_equal(memcmp(mail.text.p, "level 0\n", 8), 0);
}

TEST(any_bytes_are_read_without_harm)
{
    uint32_t seed = 7;
    char text[300];
    static const char *const words[] = { "From: ",
                                         "Content-Type: ",
                                         "multipart/mixed; boundary=",
                                         "x",
                                         "\r\n",
                                         "--x",
                                         "\n",
                                         "=?",
                                         "?B?",
                                         "\xff",
                                         "message/rfc822",
                                         "<",
                                         ">",
                                         "&#x",
                                         "text/html",
                                         "charset=",
                                         "utf-7",
                                         "\0" };
    for (int round = 0; round < 3000; round++) {
        size_t n = 0;
        while (n < 250) {
            seed = seed * 1664525u + 1013904223u;
            const char *w = words[(seed >> 16) % COUNT_OF(words)];
            size_t l = *w ? strlen(w) : 1;
            memcpy(text + n, w, l);
            n += l;
        }
        arena_clear(&arena);
        enum err err = mail_read(&mail, &arena, (struct str){ text, n }, NULL);
        size_t at;
        if (!err) assert_true(str_utf8(mail.text, &at) && str_utf8(mail.subject, &at) && str_utf8(mail.name, &at));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        RUN(names_and_subjects_are_read_in_any_charset),
        RUN(bodies_are_read_in_any_charset),
        RUN(a_charset_of_any_length_is_none_when_nobody_knows_it),
        RUN(of_alternatives_the_plain_one_is_read_and_the_page_when_it_is_blank),
        RUN(attachments_are_told_by_name_type_size_and_sum),
        RUN(lines_that_flow_are_one_line),
        RUN(quoted_mail_and_signatures_are_not_the_customers_words),
        RUN(a_page_reads_as_it_looks),
        RUN(a_conversation_is_named_by_its_first_mail),
        RUN(our_own_id_says_the_conversation_when_the_list_is_cut),
        RUN(a_middle_mail_is_remembered_and_the_oldest_forgotten),
        RUN(what_machines_write_is_told_apart),
        RUN(a_report_says_which_mail_did_not_arrive),
        RUN(trees_that_would_cost_too_much_are_refused_before_they_are_built),
        RUN(trees_are_refused_however_their_types_and_boundaries_are_spelt),
        RUN(parts_too_deep_are_left_and_what_is_above_is_read),
        RUN(any_bytes_are_read_without_harm),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
