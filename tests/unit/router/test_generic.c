/* Any webhook by the policy: paths and what is made of them, requests that go out, CloudEvents. */
#include "config/findings.h"
#include "router/channels/generic.h"
#include "router/cloudevents.h"
#include "router/mail.h"
#include "router/trace.h"
#include "tests/unit/router/channel_unit.h"

extern const struct provider provider_generic;

static struct policy *loaded;

#define FRONT "naru: 1\nworkspace: w\nqueues: { desk: { takes: default } }\naccounts:\n"
/* The first account of that text is the door's. */
static void use(const char *account_yaml)
{
    char text[4096];
    struct findings f;
    struct buf said;
    policy_unref(loaded);
    findings_init(&f);
    buf_init(&said, 1u << 20);
    snprintf(text, sizeof text, FRONT "%s", account_yaml);
    enum err e = policy_load(&loaded, str_of(text), "policy.yaml", NOW, &f);
    findings_text(&f, "test", &said);
    if (e) fail_msg("%s", buf_cstr(&said));
    door.account = &loaded->accounts[0];
    door.policy = loaded;
    buf_fini(&said);
    findings_fini(&f);
}

static int set_up(void **state)
{
    UNUSED(state);
    return door_set_up(&provider_generic, "form");
}

static int tear_down(void **state)
{
    if (door.provider->close) door.provider->close(&door);
    policy_unref(loaded);
    loaded = NULL;
    door.account = &account;
    return door_tear_down(state);
}

#define HEAD                                                                                                                       \
    "  a: { channel: form, provider: generic, secret: env:K, token: env:T, id: us, from: we@shop, signature: { kind: hmac, "       \
    "header: x-sig },"

TEST(a_path_finds_what_stands_there)
{
    use(HEAD " map: { id: \"list[1].id\", customer: { id: \"deep['a.b'].c\", tier: gold, sum: \"{n}/{yes}\" },"
             " conversation: \"$body.names[deep.key].x\", text: [absent, empty, nothing, { const: \"same\" }],"
             " language: lang, at: when, attributes: { q: $query.hub.x, h: $header.X-Page, me: $account.id } } }\n");
    headers[0] = "x-page", headers[1] = "home";
    in.query = STR("a=1&hub.x=%EC%95%88+b");
    const struct event *e =
        one_event("{\"list\":[{\"id\":1},{\"id\":-1002003}],\"deep\":{\"a.b\":{\"c\":\"kim\"},\"key\":\"k1\"},"
                  "\"names\":{\"k1\":{\"x\":2.5}},\"gold\":true,\"n\":3,\"yes\":false,\"empty\":\"\",\"nothing\":null,"
                  "\"lang\":\"KO_kr\",\"when\":1516403560557}");
    assert_str(e->external, "-1002003");
    assert_str(e->customer, "kim");
    assert_str(e->conversation, "2.5");
    assert_str(e->text, "same");
    assert_str(e->language, "ko");
    assert_attribute(e, "customer.tier", "true");
    assert_attribute(e, "customer.sum", "3/false");
    assert_attribute(e, "event.q", "안 b");
    assert_attribute(e, "event.h", "home");
    assert_attribute(e, "event.me", "us");
    assert_attribute(e, "event.at", "2018-01-19T23:12:40.557Z");
}

TEST(times_are_read_as_providers_write_them)
{
    static const struct {
        const char *text;
        uint64_t ms;
    } rows[] = { { "1614663967", 1614663967000ull },
                 { "1516403560557", 1516403560557ull },
                 { "1516403560557123", 1516403560557ull },
                 { "2021-03-25T05:09:27Z", 1616648967000ull },
                 { "2021-03-25 05:09:27 UTC", 1616648967000ull },
                 { "2021-03-25 14:09:27+09:00", 1616648967000ull } };
    uint64_t ms;
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        assert_int_equal(generic_time(str_of(rows[i].text), &ms), ERR_OK);
        assert_int_equal(ms, rows[i].ms);
    }
    static const char *const bad[] = { "", "0", "soon", "99999999999999999999", "2021-13-25T05:09:27Z", "2021-03-25" };
    for (size_t i = 0; i < COUNT_OF(bad); i++) assert_int_equal(generic_time(str_of(bad[i]), &ms), ERR_RANGE);
}

TEST(a_form_is_mapped_by_its_fields)
{
    use(HEAD " map: { id: MessageId, customer: { id: From, name: \"['user[name]']\" }, text: Body } }\n");
    in.type = STR("application/x-www-form-urlencoded; charset=utf-8");
    const struct event *e = one_event("MessageId=SM1&From=%2B8210&user%5Bname%5D=Kim&Body=a+b%26c");
    assert_str(e->external, "SM1");
    assert_str(e->customer, "+8210");
    assert_str(e->name, "Kim");
    assert_str(e->text, "a b&c");
}

/* ---- replies ---- */

static const struct message_out hello = { .customer = STR("kim/../x y"),
                                          .conversation = STR("c?1"),
                                          .text = STR("안녕 \"q\"\n{text}"),
                                          .by = STR("ann"),
                                          .with = STR("{\"room\":\"r#1\"}"),
                                          .now = NOW };

static const struct sender *plan_of(const struct message_out *m, enum err want)
{
    const struct sender *s = door.provider->sender_for(&door);
    forget();
    assert_non_null(s);
    assert_int_equal(s->plan(&door, m, &plan, why), want);
    return s;
}

TEST(what_fills_a_hole_adds_nothing_but_itself)
{
    use(HEAD " send: { url: \"https://api.example/{customer}/{reply.room}?c={conversation}\", method: PUT, user: \"bot/token\","
             " headers: { X-Key: \"k {token}\", X-By: \"{by}\" }, text-max: 100, rate: 5, window: 24h, repeatable: yes,"
             " body: { t: \"<{text}>\", deep: { list: [1, true, \"{by}\", \"007\"], none: null }, braces: \"{{x}}\" } } }\n");
    const struct sender *s = plan_of(&hello, ERR_OK);
    assert_str(buf_str(&plan.url), "https://api.example/kim%2F..%2Fx%20y/r%231?c=c%3F1");
    assert_str(buf_str(&plan.headers), "Content-Type: application/json\nX-Key: k tok-1\nX-By: ann\n");
    assert_str(buf_str(&plan.body),
               "{\"t\":\"<안녕 \\\"q\\\"\\n{text}>\",\"deep\":{\"list\":[1,true,\"ann\",\"007\"],\"none\":null},"
               "\"braces\":\"{x}\"}");
    assert_string_equal(plan.method, "PUT");
    assert_str(plan.user, "bot/token");
    assert_str(plan.password, "tok-1");
    assert_int_equal(s->text_max, 100);
    assert_int_equal(s->per_second, 5);
    assert_int_equal(s->window_ms, 86400000);
    assert_true(s->repeatable);
}

TEST(a_request_that_cannot_be_written_is_refused)
{
    use(HEAD " send: { url: \"https://api.example/{reply.room}/{customer}\", headers: { X-By: \"{by}\" }, body: { t: \"{text}\" } "
             "} }\n");
    struct message_out m = hello;
    m.by = STR("ann\r\nX-Evil: 1");
    plan_of(&m, ERR_RANGE);
    m = hello, m.with = STR_NONE;
    plan_of(&m, ERR_RANGE); /* the room is not known */
    m = hello, m.customer = STR("..");
    plan_of(&m, ERR_OK);
    assert_str(buf_str(&plan.url), "https://api.example/r%231/%2E%2E");
    m = hello, m.with = STR("no json");
    plan_of(&m, ERR_RANGE);
}

TEST(a_form_goes_out_escaped)
{
    use(HEAD " send: { url: \"https://api.example/\", as: form, body: { Body: \"{text}\", \"n&m\": 7 } } }\n");
    plan_of(&hello, ERR_OK);
    assert_str(buf_str(&plan.body), "Body=%EC%95%88%EB%85%95%20%22q%22%0A%7Btext%7D&n%26m=7");
}

TEST(what_the_provider_answers_is_judged)
{
    use(HEAD " send: { url: \"https://api.example/\", body: { t: \"{text}\" }, external: data.id } }\n");
    const struct sender *s = plan_of(&hello, ERR_OK);
    static const struct {
        unsigned status;
        const char *body;
        enum send_end end;
        const char *external;
    } rows[] = { { 201, "{\"data\":{\"id\":77}}", SEND_DONE, "77" },
                 { 200, "no json", SEND_DONE, "" },
                 { 429, "", SEND_AGAIN, "" },
                 { 503, "", SEND_AGAIN, "" },
                 { 500, "", SEND_UNKNOWN, "" },
                 { 401, "", SEND_REFUSED, "" } };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        forget();
        s->judge(&door, &(struct send_answer){ .status = rows[i].status, .body = str_of(rows[i].body), .retry_after_s = 2 },
                 &result);
        assert_int_equal(result.end, rows[i].end);
        assert_string_equal(result.external, rows[i].external);
        assert_int_equal(result.after_ms, rows[i].end == SEND_AGAIN ? 2000 : 0);
    }
}

TEST(an_account_without_a_way_to_send_has_no_sender)
{
    use(HEAD " }\n");
    assert_null(door.provider->sender_for(&door));
}

/* ---- paths that are none ---- */

TEST(a_path_that_is_none_is_told)
{
    static const char *const bad[] = { "",           ".a",         "a.",      "a..b",  "a[",        "a[x",           "a]b",
                                       "a[]",        "a[-1]x",     "a[b[c]]", "a b",   "$",         "$query",        "$query.",
                                       "$account.x", "$nothing.x", "a['x",    "a[0]b", "$body.a[]", "a[99999999999]" };
    struct path p;
    char said[200];
    for (size_t i = 0; i < COUNT_OF(bad); i++) {
        if (path_parse(&p, str_of(bad[i]), false, &arena, said) != ERR_RANGE) fail_msg("taken: %s", bad[i]);
        assert_true(said[0]);
    }
    char deep[200] = "a";
    for (int i = 0; i < 40; i++) strcat(deep, ".a");
    assert_int_equal(path_parse(&p, str_of(deep), false, &arena, said), ERR_RANGE);
}

TEST(two_paths_are_the_same_only_step_by_step)
{
    static const char *const all[] = { "a", "b", "a.b", "a.b.c", "a[]", "a[].b[]", "a[0]", "a[1]", "a[0].b", "b[0].a" };
    struct path p[COUNT_OF(all)], again;
    char said[200];
    for (size_t i = 0; i < COUNT_OF(all); i++)
        if (path_parse(&p[i], str_of(all[i]), true, &arena, said)) fail_msg("%s: %s", all[i], said);
    for (size_t i = 0; i < COUNT_OF(all); i++) {
        assert_int_equal(path_parse(&again, str_of(all[i]), true, &arena, said), ERR_OK);
        for (size_t k = 0; k < COUNT_OF(all); k++)
            if (same_path(&again, &p[k]) != (i == k)) fail_msg("%s and %s", all[i], all[k]);
        assert_false(same_path(&p[i], NULL) || same_path(NULL, &p[i]));
    }
    assert_true(same_path(NULL, NULL));
}

/* ---- CloudEvents, binary ---- */

static struct buf made;
static struct cloudevent_binary binary;
static bool header(const char *name, const char *value) { return cloudevent_header(&binary, str_of(name), str_of(value)); }

TEST(headers_of_a_cloudevent_are_decoded)
{
    buf_init(&made, 65536);
    cloudevent_begin(&binary, &made);
    assert_true(header("CE-Id", "a%20b%"));
    assert_true(header("ce-subject", "\"%EC%95%88 \\\"x\\\"\""));
    assert_true(header("Content-Type", "not ours"));
    assert_true(cloudevent_body(&binary, STR("text/plain"), STR("hi \"there\"")));
    assert_str(buf_str(&made), "{\"id\":\"a b%\",\"subject\":\"안 \\\"x\\\"\",\"data\":\"hi \\\"there\\\"\"}");
    buf_clear(&made);
    cloudevent_begin(&binary, &made);
    assert_false(header("ce-subject", "%FF"));
    buf_clear(&made);
    cloudevent_begin(&binary, &made);
    assert_false(header("ce-data", "x"));
    buf_clear(&made);
    cloudevent_begin(&binary, &made);
    assert_false(cloudevent_body(&binary, STR("application/json"), STR("{},\"source\":\"/x\"")));
    buf_clear(&made);
    cloudevent_begin(&binary, &made);
    assert_false(cloudevent_body(&binary, STR("image/png"), STR("x")));
    buf_fini(&made);
}

/* ---- forms ---- */

#define PART(name, value) "--b0\r\nContent-Disposition: form-data; name=\"" name "\"\r\n\r\n" value "\r\n"
#define FILE(name, file)                                                                                                           \
    "--b0\r\nContent-Disposition: form-data; name=\"" name "\"; filename=\"" file "\"\r\nContent-Type: image/png\r\n\r\nPNG\r\n"
#define MAIL_MAP                                                                                                                   \
    HEAD " map: { customer: { id: envelope.from, name: from }, subject: subject, text: [text, subject], attachments: %s,"          \
         " attributes: { to: \"envelope.to[1]\" } } }\n"
#define MAIL PART("from", "Kim <k@x>") PART("envelope", "{\"from\":\"k@x\",\"to\":[\"a@y\",\"b@y\"]}") PART("text", "hello\r\nyou")

static void use_mails(const char *attachments)
{
    char text[1024];
    snprintf(text, sizeof text, MAIL_MAP, attachments);
    use(text);
    mail_open();
    in.type = STR("multipart/form-data; boundary=\"b0\"");
}

TEST(a_multipart_form_is_mapped_by_its_fields_and_into_their_json)
{
    use_mails("yes");
    const struct event *e = one_event(MAIL FILE("f1", "cup.png") FILE("f2", "box.png") "--b0--\r\n");
    assert_str(e->customer, "k@x");
    assert_str(e->name, "Kim <k@x>");
    assert_str(e->text, "hello\r\nyou");
    assert_attribute(e, "event.to", "b@y");
    assert_attribute(e, "event.attachments", "2");
    assert_attribute(e, "event.attachments.2.name", "box.png");
    assert_attribute(e, "event.attachments.2.type", "image/png");
    assert_attribute(e, "event.attachments.2.size", "3");
    assert_attribute(e, "event.attachments.1.sha256", "796120837694d3f3f29259cfeb25091698c2a0aa87873658d840b4993ee889b3");
}

TEST(files_that_nobody_asked_for_are_left_out_and_one_alone_says_its_name)
{
    double skipped = metric_get(MET_CHANNEL_SKIPPED, "file");
    use_mails("no");
    const struct event *e = one_event(MAIL FILE("f1", "cup.png") "--b0--\r\n");
    assert_int_equal(attribute(e, "event.attachments").n, 0);
    assert_true(metric_get(MET_CHANNEL_SKIPPED, "file") == skipped + 1);
    use_mails("yes");
    assert_str(one_event(PART("from", "k") FILE("f1", "cup.png") "--b0--\r\n")->text, "cup.png");
    assert_no_event(PART("from", "k") "--b0--\r\n");
}

TEST(the_same_form_under_another_boundary_is_the_same_event)
{
    char first[80];
    use_mails("yes");
    const struct event *e = one_event(MAIL FILE("f1", "cup.png") "--b0--\r\n");
    snprintf(first, sizeof first, "%.*s", STR_FMT(e->external));
    in.type = STR("multipart/form-data; boundary=zz");
    e = one_event(
        "--zz\r\nContent-Disposition: form-data; name=from\r\n\r\nKim <k@x>\r\n--zz\r\nContent-Disposition: form-data; "
        "name=envelope"
        "\r\n\r\n{\"from\":\"k@x\",\"to\":[\"a@y\",\"b@y\"]}\r\n--zz\r\nContent-Disposition: form-data; "
        "name=text\r\n\r\nhello\r\nyou"
        "\r\n--zz\r\nContent-Disposition: form-data; name=f1; filename=cup.png\r\nContent-Type: image/png\r\n\r\nPNG\r\n--zz--");
    assert_str(e->external, first);
    use_mails("yes");
    e = one_event(MAIL FILE("f1", "cap.png") "--b0--\r\n");
    assert_false(str_is(e->external, first));
}

TEST(fields_in_other_charsets_are_read)
{
    use_mails("no");
    assert_str(one_event(PART("text", "\xb9\xe8\xbc\xdb") "--b0--\r\n")->text, "배송");
    assert_str(
        one_event(
            "--b0\r\nContent-Disposition: form-data; name=text\r\nContent-Type: text/plain; charset=iso-8859-1\r\n\r\ncaf\xe9\r\n"
            "--b0--\r\n")
            ->text,
        "café");
    assert_str(one_event(PART("_charset_", "shift_jis") PART("text", "\x94\x7a\x91\x97") "--b0--\r\n")->text, "配送");
    in.type = STR("application/x-www-form-urlencoded");
    assert_str(one_event("text=%b9%e8%bc%db")->text, "배송");
}

TEST(a_form_of_another_boundary_or_cut_short_is_refused)
{
    use_mails("yes");
    assert_refused("--b1\r\nContent-Disposition: form-data; name=text\r\n\r\nx\r\n--b1--\r\n", 400, "malformed");
    assert_non_null(strstr(c.why, "boundary that its content-type names"));
    assert_refused(MAIL, 400, "malformed");
    assert_non_null(strstr(c.why, "cut short"));
    assert_refused("", 400, "malformed");
    assert_no_event("--b0--\r\n");
    in.type = STR("multipart/form-data");
    assert_refused(MAIL "--b0--\r\n", 400, "malformed");
    in.type = STR("multipart/form-data; notboundary=b0");
    assert_refused(MAIL "--b0--\r\n", 400, "malformed");
}

TEST(a_form_of_many_parts_is_bounded)
{
    struct buf body;
    buf_init(&body, 1u << 20);
    for (unsigned i = 0; i < 900; i++) buf_addf(&body, "--b0\r\nContent-Disposition: form-data; name=f%u\r\n\r\nv\r\n", i);
    buf_addz(&body, PART("text", "the last") "--b0--\r\n");
    use_mails("yes");
    assert_str(one_event(buf_cstr(&body))->text, "the last");
    buf_clear(&body);
    for (unsigned i = 0; i < 1200; i++) buf_addf(&body, "--b0\r\nContent-Disposition: form-data; name=f%u\r\n\r\nv\r\n", i);
    buf_addz(&body, "--b0--\r\n");
    assert_refused(buf_cstr(&body), 413, "too_long");
    buf_clear(&body);
    for (unsigned i = 0; i < 1200; i++) buf_addf(&body, "f%u=v&", i);
    buf_addz(&body, "text=late");
    in.type = STR("application/x-www-form-urlencoded");
    double cut = metric_get(MET_CHANNEL_CUT, "field");
    assert_no_event(buf_cstr(&body));
    assert_true(metric_get(MET_CHANNEL_CUT, "field") == cut + 201);
    buf_fini(&body);
}

TEST(lists_in_the_json_of_a_field_are_walked)
{
    use(HEAD " map: { each: \"payload.actions[]\", id: id, customer: { id: $body.payload.user.id, name: $body.user }, text: value "
             "} }\n");
    in.type = STR("application/x-www-form-urlencoded");
    assert_int_equal(
        read_it("user=Kim&payload=%7B%22user%22:%7B%22id%22:%22u1%22%7D,%22actions%22:[%7B%22id%22:1,%22value%22:%22a%22%7D,7,"
                "%7B%22id%22:2,%22value%22:%22b%22%7D]%7D"),
        ERR_OK);
    assert_int_equal(c.count, 2);
    assert_str(c.events[1].external, "2");
    assert_str(c.events[1].customer, "u1");
    assert_str(c.events[1].name, "Kim");
    assert_str(c.events[1].text, "b");
    assert_no_event("payload={&user=7");
    assert_no_event("payload=7");
}

/* ---- batches ---- */

static struct buf batch;

/* A list of `n` items, the `bad`th and every 100th after it as `wrong` says; `right` has the item's number. */
static const char *batch_of(unsigned n, unsigned bad, const char *right, const char *wrong)
{
    buf_init(&batch, 1u << 20);
    for (unsigned i = 1; i <= n; i++) {
        buf_addc(&batch, i == 1 ? '[' : ',');
        if (bad && i % 100 == bad % 100) buf_addz(&batch, wrong);
        else buf_addf(&batch, right, i);
    }
    buf_addc(&batch, ']');
    return buf_cstr(&batch);
}

static void take_batch(const char *right, const char *wrong, const char *cause)
{
    char places[CHANNEL_BAD_TEXT];
    double counted = metric_get(MET_CHANNEL_BAD_ITEMS, cause);
    assert_int_equal(read_it(batch_of(1000, 17, right, wrong)), ERR_OK);
    assert_int_equal(c.count, 990);
    assert_int_equal(c.bad.count, 10);
    assert_string_equal(channel_bad_places(&c, places), "17,117,217,317,417,517,617,717,817,917");
    assert_non_null(strstr(c.bad.why, "event 17: "));
    assert_true(metric_get(MET_CHANNEL_BAD_ITEMS, cause) == counted + 10);
    buf_fini(&batch);
}

/* More than a request may have, or all that it has: refused, the former whatever else is in it. */
static void refuse_batch(const char *right, const char *wrong, const char *cause)
{
    char places[CHANNEL_BAD_TEXT];
    assert_refused(batch_of(1, 1, right, wrong), 422, cause);
    buf_fini(&batch);
    for (unsigned i = 0; i < 2; i++) {
        assert_refused(batch_of(i ? 1500 : 40, 0, i ? right : wrong, ""), i ? 413 : 422, i ? "batch" : cause);
        buf_fini(&batch);
    }
    assert_refused(batch_of(40, 0, wrong, ""), 422, cause);
    assert_int_equal(c.bad.count, 40);
    assert_string_equal(channel_bad_places(&c, places), "1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16");
    buf_fini(&batch);
    assert_no_event("[]");
}

#define CE_RIGHT "{\"specversion\":\"1.0\",\"source\":\"/s\",\"type\":\"t\",\"id\":\"%u\",\"data\":\"hi\"}"
#define CE_WRONG "{\"specversion\":\"1.0\",\"source\":\"/s\",\"type\":\"t\",\"data\":\"hi\"}"
#define EV_RIGHT "{\"id\":\"%u\",\"text\":\"hi\",\"customer\":\"kim\"}"
#define NO_SIGN  "signature: none"

TEST(bad_items_of_a_batch_are_left_out_and_told_and_the_others_are_taken)
{
    use("  a: { channel: form, provider: generic, " NO_SIGN " }\n");
    take_batch(EV_RIGHT, "{\"id\":\"x\",\"txet\":\"hi\"}", "unknown_key");
    take_batch(EV_RIGHT, "{\"id\":\"x\",\"text\":\"hi\",\"account\":\"other\"}", "account");
    take_batch(EV_RIGHT, "7", "type");
    use("  a: { channel: api, provider: cloudevents, " NO_SIGN " }\n");
    door.provider = providers[PROVIDER_CLOUDEVENTS];
    in.type = STR("application/cloudevents-batch+json");
    take_batch(CE_RIGHT, CE_WRONG, "missing");
    take_batch(CE_RIGHT, "null", "type");
    take_batch(CE_RIGHT, "{\"specversion\":\"0.3\",\"source\":\"/s\",\"type\":\"t\",\"id\":\"1\"}", "specversion");
}

TEST(a_batch_without_a_good_item_is_refused_as_its_first_one)
{
    use("  a: { channel: form, provider: generic, " NO_SIGN " }\n");
    refuse_batch(EV_RIGHT, "{\"id\":\"x\",\"txet\":\"hi\"}", "unknown_key");
    assert_refused("[{\"id\":\"1\",\"text\":\"hi\"},", 400, "malformed");
    use("  a: { channel: api, provider: cloudevents, " NO_SIGN " }\n");
    door.provider = providers[PROVIDER_CLOUDEVENTS];
    in.type = STR("application/cloudevents-batch+json");
    refuse_batch(CE_RIGHT, CE_WRONG, "missing");
    assert_refused("{}", 400, "malformed");
    assert_refused("[" CE_WRONG, 400, "malformed");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_path_finds_what_stands_there, set_up, tear_down),
        cmocka_unit_test(times_are_read_as_providers_write_them),
        cmocka_unit_test_setup_teardown(a_form_is_mapped_by_its_fields, set_up, tear_down),
        cmocka_unit_test_setup_teardown(what_fills_a_hole_adds_nothing_but_itself, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_request_that_cannot_be_written_is_refused, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_form_goes_out_escaped, set_up, tear_down),
        cmocka_unit_test_setup_teardown(what_the_provider_answers_is_judged, set_up, tear_down),
        cmocka_unit_test_setup_teardown(an_account_without_a_way_to_send_has_no_sender, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_path_that_is_none_is_told, set_up, tear_down),
        cmocka_unit_test_setup_teardown(two_paths_are_the_same_only_step_by_step, set_up, tear_down),
        cmocka_unit_test(headers_of_a_cloudevent_are_decoded),
        cmocka_unit_test_setup_teardown(a_multipart_form_is_mapped_by_its_fields_and_into_their_json, set_up, tear_down),
        cmocka_unit_test_setup_teardown(files_that_nobody_asked_for_are_left_out_and_one_alone_says_its_name, set_up, tear_down),
        cmocka_unit_test_setup_teardown(the_same_form_under_another_boundary_is_the_same_event, set_up, tear_down),
        cmocka_unit_test_setup_teardown(fields_in_other_charsets_are_read, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_form_of_another_boundary_or_cut_short_is_refused, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_form_of_many_parts_is_bounded, set_up, tear_down),
        cmocka_unit_test_setup_teardown(lists_in_the_json_of_a_field_are_walked, set_up, tear_down),
        cmocka_unit_test_setup_teardown(bad_items_of_a_batch_are_left_out_and_told_and_the_others_are_taken, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_batch_without_a_good_item_is_refused_as_its_first_one, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
