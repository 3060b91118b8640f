/* Mails as events, replies as mails, and the webhooks that bring mails; by hand, without a router. */
#include "router/mail_event.h"
#include "router/multipart.h"
#include "router/sender.h"
#include "router/sign.h"
#include "tests/unit/base/unit.h"

#include <stdlib.h>

extern const struct provider provider_lmtp, provider_postmark, provider_mailgun;

static const char *const addresses[] = { "@all.example", "help@shop.example" };
static struct account account = { .name = "mails",
                                  .addresses = { (const char **)addresses, 2 },
                                  .smtp = "smtp://mail.example:587" };
static struct door door = { .provider = &provider_lmtp, .account = &account, .workspace = "w", .channel = "email" };
static struct arena arena;
static struct mail mail;

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

/* ---- events ---- */

static struct channel_in in;
static const struct event *event_of(const char *text, const char *envelope, const struct mail_threads *t)
{
    channel_in_fini(&in);
    arena_clear(&arena);
    channel_in_init(&in, &door, NULL, &arena);
    assert_int_equal(mail_read(&mail, &arena, str_of(text), envelope), ERR_OK);
    assert_int_equal(mail_event(&in, &mail, t, STR("help+7@shop.example")), ERR_OK);
    return in.count ? in.events : NULL;
}

static struct str attribute(const struct event *e, const char *key)
{
    const struct attribute *v = e->attributes.items;
    for (uint32_t i = 0; i < e->attributes.count; i++)
        if (str_is(v[i].key, key)) return v[i].value;
    return STR_NONE;
}

TEST(a_mail_is_a_message_of_its_sender_with_what_a_reply_must_know)
{
    struct mail_answer answer;
    const struct event *e = event_of(
        "From: Kim <kim@X.Example>\r\nReply-To: <other@x.example>\r\nMessage-ID: <3@x>\r\nReferences: <1@x> <2@x>\r\n"
        "In-Reply-To: <2@x>\r\nSubject: order\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n\r\nhello\r\n--b\r\n"
        "Content-Type: image/png; name=a.png\r\n\r\nhello\r\n--b--\r\n",
        "kim@x.example", NULL);
    assert_non_null(e);
    assert_int_equal(e->kind, EVENT_MESSAGE);
    assert_str(e->external, "3@x");
    assert_str(e->customer, "kim@x.example");
    assert_str(e->name, "Kim");
    assert_str(e->text, "hello");
    assert_int_equal(e->conversation.n, CONVERSATION_HEX);
    assert_str(attribute(e, "event.to"), "help+7@shop.example");
    assert_str(attribute(e, "event.attachments"), "1");
    assert_str(attribute(e, "event.attachments.1.name"), "a.png");
    assert_str(attribute(e, "event.attachments.1.size"), "5");
    assert_int_equal(attribute(e, "event.automatic").n, 0);
    mail_answer_read(attribute(e, REPLY_WITH), &answer);
    assert_str(answer.id, "3@x");
    assert_str(answer.references, "1@x 2@x");
    assert_str(answer.to, "other@x.example");
    assert_str(answer.subject, "order");
}

TEST(long_chains_keep_the_first_and_the_last)
{
    char text[8192] = "From: a@b\r\nMessage-ID: <end@x>\r\nReferences: <root@x>";
    struct mail_answer answer;
    for (int i = 0; i < 90; i++) {
        char one[64];
        snprintf(one, sizeof one, "\r\n <middle-%02d-long-enough@x.example>", i);
        strcat(text, one);
    }
    strcat(text, "\r\n\r\nhi\r\n");
    const struct event *e = event_of(text, NULL, NULL);
    struct str with = attribute(e, REPLY_WITH);
    assert_true(with.n > 700 && with.n <= REPLY_WITH_MAX);
    mail_answer_read(with, &answer);
    assert_int_equal(memcmp(answer.references.p, "root@x middle-", 14), 0);
    assert_int_equal(memcmp(answer.references.p + answer.references.n - 19, &"long-enough@x.example"[2], 19), 0);
}

TEST(machines_make_no_event_of_what_nobody_here_wrote)
{
    char ours[600], id[MAIL_ID_MAX];
    struct id message = { { 1 } }, ticket = { { 2 } };
    assert_null(event_of("From: a@b\r\nAuto-Submitted: auto-replied\r\nMessage-ID: <1@x>\r\n\r\naway\r\n", "", NULL));
    assert_null(event_of("From: a@b\r\nMessage-ID: <1@x>\r\n\r\nbounce\r\n", "", NULL));
    mail_make_id(id, &message, &ticket, STR("0123456789abcdef0123456789abcdef"), STR("x"));
    snprintf(ours, sizeof ours, "From: a@b\r\nMessage-ID: <%s>\r\n\r\nloop\r\n", id);
    assert_null(event_of(ours, "a@b", NULL));
    snprintf(ours, sizeof ours,
             "From: a@b\r\nAuto-Submitted: auto-replied\r\nIn-Reply-To: <%s>\r\nMessage-ID: <1@x>\r\n\r\naway\r\n", id);
    const struct event *e = event_of(ours, "", NULL);
    assert_non_null(e);
    assert_str(e->conversation, "0123456789abcdef0123456789abcdef");
    assert_str(attribute(e, "event.automatic"), "auto-replied");
    snprintf(ours, sizeof ours, "From: a@b\r\nIn-Reply-To: <%s>\r\nMessage-ID: <2@x>\r\n\r\nundeliverable\r\n", id);
    e = event_of(ours, "", NULL);
    assert_int_equal(e->kind, EVENT_RECEIPT);
    assert_str(attribute(e, "event.bounce"), "unknown");
}

/* How many events a webhook's mail makes. */
static uint32_t events_of(const struct provider *p, const char *type, const char *fmt, const char *header)
{
    char body[600];
    snprintf(body, sizeof body, fmt, header);
    struct delivery d = { .method = HTTP_M_POST, .type = str_of(type), .body = str_of(body), .now = 1767225600000 };
    channel_in_fini(&in);
    arena_clear(&arena);
    channel_in_init(&in, &door, &d, &arena);
    if (p->read(&in)) fail_msg("refused: %s", in.why);
    return in.count;
}

TEST(a_machine_is_known_by_its_headers_whoever_brings_the_mail)
{
    static const struct {
        const char *name;
        uint32_t events;
    } rows[] = { { "Subject", 1 }, { "X-Autoreply", 0 }, { "x-autorespond", 0 }, { "X-Autogenerated", 0 }, { "X-Auto", 1 } };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        const char *h = rows[i].name;
        char mail_text[200];
        snprintf(mail_text, sizeof mail_text, "From: a@b\r\n%s: yes\r\nMessage-ID: <1@x>\r\n\r\naway\r\n", h);
        assert_int_equal(event_of(mail_text, "a@b", NULL) != NULL, rows[i].events);
        assert_int_equal(
            events_of(&provider_postmark, "application/json",
                      "{\"FromFull\":{\"Email\":\"a@b\"},\"MessageID\":\"1\",\"TextBody\":\"away\",\"Headers\":[{\"Name\":"
                      "\"%s\",\"Value\":\"yes\"}]}",
                      h),
            rows[i].events);
        assert_int_equal(events_of(&provider_mailgun, "application/x-www-form-urlencoded",
                                   "token=t&from=a@b&sender=a@b&body-plain=away&Message-Id=<1@x>&%s=yes", h),
                         rows[i].events);
        assert_int_equal(
            events_of(&provider_mailgun, "application/x-www-form-urlencoded",
                      "token=t&from=a@b&sender=a@b&body-plain=away&message-headers=[[\"Message-Id\",\"<1@x>\"],[\"%s\",\"yes\"]]",
                      h),
            rows[i].events);
    }
    provider_mailgun.close(&door);
}

TEST(a_mail_without_words_is_called_after_what_it_has)
{
    assert_str(event_of("From: a@b\r\nSubject: only this\r\n\r\n\r\n", NULL, NULL)->text, "only this");
    assert_str(event_of("From: a@b\r\nContent-Type: image/png; name=x.png\r\n\r\nhello\r\n", NULL, NULL)->text, "x.png");
    assert_str(event_of("From: a@b\r\n\r\n", NULL, NULL)->text, "-");
}

/* ---- replies ---- */

static struct send_plan plan;
static char why[200];

static enum err plan_of(const struct message_out *m)
{
    struct buf *bufs[] = { &plan.url, &plan.body, &plan.headers, &plan.from, &plan.to };
    for (size_t i = 0; i < 5; i++) buf_fini(bufs[i]);
    memset(&plan, 0, sizeof plan);
    for (size_t i = 0; i < 5; i++) buf_init(bufs[i], 1u << 20);
    *why = '\0';
    return provider_lmtp.sender->plan(&door, m, &plan, why);
}

static void has(const char *text)
{
    if (!strstr(buf_cstr(&plan.body), text)) fail_msg("no \"%s\" in\n%s", text, buf_cstr(&plan.body));
}
static void has_not(const char *text)
{
    if (strstr(buf_cstr(&plan.body), text)) fail_msg("\"%s\" in\n%s", text, buf_cstr(&plan.body));
}

static struct message_out reply(void)
{
    return (struct message_out){ .id = { { 1 } },
                                 .ticket = { { 2 } },
                                 .conversation = STR("0123456789abcdef0123456789abcdef"),
                                 .customer = STR("kim@x.example"),
                                 .text = STR("hello\n.\nbye"),
                                 .by = STR("ann"),
                                 .with = STR("m 3@x\ns order\nr 1@x 2@x\n"),
                                 .now = 1700000000000 };
}

TEST(a_reply_is_a_mail_that_answers_one)
{
    struct message_out m = reply();
    assert_int_equal(plan_of(&m), ERR_OK);
    assert_int_equal(plan.how, SEND_MAIL);
    assert_str(buf_str(&plan.url), "smtp://mail.example:587");
    assert_str(buf_str(&plan.from), "help@shop.example");
    assert_str(buf_str(&plan.to), "kim@x.example");
    has("\r\nSubject: Re: order\r\n");
    has("\r\nIn-Reply-To: <3@x>\r\n");
    has("\r\nReferences: <1@x> <2@x> <3@x>\r\n");
    has("Message-Id: "
        "<naru.01000000000000000000000000000000.02000000000000000000000000000000.0123456789abcdef0123456789abcdef@shop.example>");
    has("Date: Tue, 14 Nov 2023 22:13:20 +0000\r\n");
    has("\r\n\r\nhello\r\n.\r\nbye\r\n");
    has_not("Auto-Submitted");
    for (size_t i = 1; i < plan.body.n; i++)
        if (plan.body.p[i] == '\n') assert_int_equal(plan.body.p[i - 1], '\r');
}

TEST(an_answer_by_nobody_says_so_and_is_marked_once)
{
    struct message_out m = reply();
    m.by = STR_NONE;
    m.with = STR("s 회신: 환불\n");
    m.text = STR("접수되었습니다");
    assert_int_equal(plan_of(&m), ERR_OK);
    has("\r\nAuto-Submitted: auto-replied\r\n");
    has("base64");
    has_not("In-Reply-To");
    struct arena own;
    arena_init(&own, 1u << 20);
    assert_int_equal(mail_read(&mail, &own, buf_str(&plan.body), NULL), ERR_OK);
    assert_str(mail.subject, "회신: 환불");
    assert_str(mail.text, "접수되었습니다");
    assert_int_equal(mail.automatic, AUTO_LOOP);
    arena_fini(&own);
}

TEST(machines_hear_from_people_alone)
{
    struct message_out m = reply();
    m.with = STR("m 3@x\na list\n");
    assert_int_equal(plan_of(&m), ERR_OK);
    m.by = STR_NONE;
    assert_int_equal(plan_of(&m), ERR_RANGE);
    assert_non_null(strstr(why, "machine"));
    struct mail_answer answer;
    mail_answer_read(attribute(event_of("From: a@b\r\nList-Id: x\r\nMessage-ID: <1@x>\r\n\r\nnews\r\n", "a@b", NULL), REPLY_WITH),
                     &answer);
    assert_str(answer.automatic, "list");
}

TEST(nothing_a_customer_writes_becomes_a_header)
{
    struct message_out m = reply();
    m.subject = STR("x\r\nBcc: victim@y");
    assert_int_equal(plan_of(&m), ERR_OK);
    has_not("\nBcc:");
    m.with = STR("m a>\rBcc: b\nt a@b\rc\n");
    assert_int_equal(plan_of(&m), ERR_RANGE);
    m.with = STR("m a>b\n");
    assert_int_equal(plan_of(&m), ERR_OK);
    has_not("In-Reply-To");
}

TEST(what_cannot_be_sent_says_why)
{
    struct message_out m = reply();
    static const char *const bad[] = { "", "kim", "kim@", "@x", "a b@x", "a@b@c", "a@b>\r\nDATA", "a,b@c" };
    for (size_t i = 0; i < COUNT_OF(bad); i++) {
        m.customer = str_of(bad[i]);
        assert_int_equal(plan_of(&m), ERR_RANGE);
    }
    m = reply();
    account.smtp = NULL;
    assert_int_equal(plan_of(&m), ERR_RANGE);
    assert_non_null(strstr(why, "smtp"));
    account.smtp = "smtp://mail.example:587";
    account.from = "no address";
    assert_int_equal(plan_of(&m), ERR_RANGE);
    account.from = NULL;
}

TEST(codes_of_mail_servers_are_judged)
{
    static const struct {
        unsigned code;
        enum send_end end;
    } cases[] = { { 250, SEND_DONE }, { 450, SEND_AGAIN }, { 550, SEND_REFUSED }, { 535, SEND_AGAIN }, { 0, SEND_UNKNOWN } };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct send_answer a = { .status = cases[i].code };
        struct send_result r = { 0 };
        provider_lmtp.sender->judge(&door, &a, &r);
        assert_int_equal(r.end, cases[i].end);
    }
    assert_false(provider_lmtp.sender->repeatable);
}

/* ---- forms ---- */

TEST(a_form_gives_its_fields_and_files)
{
    const char *said = NULL;
    static struct form f;
    struct str type = STR("multipart/form-data; boundary=\"a b\"");
    struct str body =
        STR("--a b\r\nContent-Disposition: form-data; name=\"token\"\r\n\r\nabc\r\n--a b\r\nContent-Disposition: form-data; "
            "name=file; filename=\"x.bin\"\r\nContent-Type: x/y\r\n\r\n\0\xff\r\n\r\n--a b--\r\n");
    arena_clear(&arena);
    assert_int_equal(multipart_read(&f, &arena, type, body, &said), ERR_OK);
    assert_int_equal(f.count, 2);
    assert_str(form_get(&f, "token")->value, "abc");
    const struct form_part *file = form_get(&f, "file");
    assert_str(file->file, "x.bin");
    assert_str(file->type, "x/y");
    assert_true(str_eq(file->value, STR("\0\xff\r\n")));
    assert_null(form_get(&f, "nothing"));
    assert_str(multipart_peek(type, body, "token"), "abc");
    assert_int_equal(multipart_peek(type, body, "x.bin").n, 0);
    assert_int_equal(multipart_peek(STR("multipart/form-data"), body, "token").n, 0);
    assert_int_equal(multipart_read(&f, &arena, STR("text/plain"), body, &said), ERR_PROTO);
    assert_int_equal(multipart_read(&f, &arena, STR("multipart/form-data; boundary=x\r\nX: y"), body, &said), ERR_PROTO);
}

TEST(a_field_that_only_looks_like_one_is_none)
{
    struct str type = STR("multipart/form-data; boundary=x");
    assert_int_equal(
        multipart_peek(type, STR("--x\r\nContent-Disposition: form-data; filename=\"token\"\r\n\r\nabc\r\n--x--"), "token").n, 0);
    assert_int_equal(
        multipart_peek(type, STR("--x\r\nContent-Disposition: form-data; name=\"tokens\"\r\n\r\nabc\r\n--x--"), "token").n, 0);
    assert_int_equal(multipart_peek(type, STR("--x\r\nContent-Disposition: form-data; name=\"token\"\r\n\r\nno end"), "token").n,
                     0);
    assert_int_equal(multipart_peek(type, STR(""), "token").n, 0);
}

static int tear_all(void **state)
{
    struct buf *bufs[] = { &plan.url, &plan.body, &plan.headers, &plan.from, &plan.to };
    for (size_t i = 0; i < 5; i++) buf_fini(bufs[i]);
    channel_in_fini(&in);
    return tear_down(state);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        RUN(a_mail_is_a_message_of_its_sender_with_what_a_reply_must_know),
        RUN(long_chains_keep_the_first_and_the_last),
        RUN(machines_make_no_event_of_what_nobody_here_wrote),
        RUN(a_machine_is_known_by_its_headers_whoever_brings_the_mail),
        RUN(a_mail_without_words_is_called_after_what_it_has),
        RUN(a_reply_is_a_mail_that_answers_one),
        RUN(an_answer_by_nobody_says_so_and_is_marked_once),
        RUN(machines_hear_from_people_alone),
        RUN(nothing_a_customer_writes_becomes_a_header),
        RUN(what_cannot_be_sent_says_why),
        RUN(codes_of_mail_servers_are_judged),
        RUN(a_form_gives_its_fields_and_files),
        RUN(a_field_that_only_looks_like_one_is_none),
    };
    return cmocka_run_group_tests(tests, set_up, tear_all);
}
