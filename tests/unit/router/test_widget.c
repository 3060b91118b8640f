/* The web chat without a socket: who a token says its bearer is, and what a conversation remembers. */
#include "router/channels/widget_chat.h"
#include "router/channels/widget_token.h"
#include "tests/unit/base/unit.h"

#include <stdlib.h>

#define NOW   1767225600000ull /* 2026-01-01T00:00:00Z */
#define NOW_S 1767225600

static struct secret secrets[2], stranger;
static struct widget_claims claims;

static void secret_set(struct secret *s, const char *text)
{
    s->n = strlen(text);
    memcpy(s->p, text, s->n);
}

static int set_up_secrets(void **state)
{
    UNUSED(state);
    secret_set(&secrets[0], "a secret of 32 bytes or thereabouts");
    secret_set(&secrets[1], "the one before it, which is still good");
    secret_set(&stranger, "another account's secret, or a guess");
    return 0;
}

static size_t base64url(const void *p, size_t n, char *out)
{
    size_t len = sign_base64(p, n, out);
    while (len && out[len - 1] == '=') len--;
    for (size_t i = 0; i < len; i++) out[i] = out[i] == '+' ? '-' : out[i] == '/' ? '_' : out[i];
    out[len] = '\0';
    return len;
}

/* A token with that header and those claims; valid until the next. */
static struct str token_of(const char *head, const char *body, const struct secret *secret)
{
    static char out[16384];
    struct mac m;
    size_t n = base64url(head, strlen(head), out);
    out[n++] = '.';
    n += base64url(body, strlen(body), out + n);
    struct str text = { out, n };
    assert_int_equal(sign_hmac(&m, SIGN_SHA256, secret_str(secret), &text, 1), ERR_OK);
    out[n++] = '.';
    n += base64url(m.p, m.n, out + n);
    return (struct str){ out, n };
}

static enum token_fault read_token(struct str token) { return widget_token_read(&claims, token, secrets, 2, STR("web"), NOW); }

static const char hs256[] = "{\"alg\":\"HS256\",\"typ\":\"JWT\"}";

static enum token_fault fault_of(const char *body) { return read_token(token_of(hs256, body, &secrets[0])); }

static enum token_fault fault_at(const char *fmt, long long s)
{
    char body[200];
    snprintf(body, sizeof body, fmt, s);
    return fault_of(body);
}

/* ---- tokens ---- */

TEST(a_token_of_ours_says_who_its_bearer_is_until_it_expires)
{
    char token[WIDGET_TOKEN_MAX];
    assert_int_equal(widget_token_make(token, &secrets[0], STR("visitor-1"), STR("web"), NOW, NOW + 3600000), ERR_OK);
    assert_int_equal(read_token(str_of(token)), TOKEN_GOOD);
    assert_str((struct str){ claims.sub, claims.sub_n }, "visitor-1");
    assert_int_equal(claims.exp, NOW + 3600000);
    assert_int_equal(claims.name_n + claims.facts_n, 0);
    assert_int_equal(widget_token_read(&claims, str_of(token), secrets, 2, STR("web"), NOW + 3600000 - 1), TOKEN_GOOD);
    assert_int_equal(widget_token_read(&claims, str_of(token), secrets, 2, STR("web"), NOW + 3600000), TOKEN_EXPIRED);
    assert_int_equal(widget_token_read(&claims, str_of(token), secrets, 2, STR("other"), NOW), TOKEN_AUDIENCE);
    assert_int_equal(widget_token_read(&claims, str_of(token), &stranger, 1, STR("web"), NOW), TOKEN_SIGNATURE);
    assert_int_equal(widget_token_read(&claims, str_of(token), secrets, 0, STR("web"), NOW), TOKEN_SIGNATURE);
}

TEST(either_live_secret_signs)
{
    static const char body[] = "{\"sub\":\"kim\",\"exp\":1767225700}";
    assert_int_equal(read_token(token_of(hs256, body, &secrets[0])), TOKEN_GOOD);
    assert_int_equal(read_token(token_of(hs256, body, &secrets[1])), TOKEN_GOOD);
    assert_int_equal(read_token(token_of(hs256, body, &stranger)), TOKEN_SIGNATURE);
}

TEST(times_count_to_the_second)
{
    static const char exp[] = "{\"sub\":\"kim\",\"exp\":%lld}", nbf[] = "{\"sub\":\"kim\",\"exp\":1767225700,\"nbf\":%lld}";
    const long long most = NOW_S + WIDGET_TOKEN_LIFE_S + WIDGET_TOKEN_SKEW_S;
    assert_int_equal(fault_at(exp, NOW_S), TOKEN_EXPIRED);
    assert_int_equal(fault_at(exp, NOW_S - 1), TOKEN_EXPIRED);
    assert_int_equal(fault_at(exp, NOW_S + 1), TOKEN_GOOD);
    assert_int_equal(fault_at(exp, 0), TOKEN_EXPIRED);
    assert_int_equal(fault_at(exp, most), TOKEN_GOOD);
    assert_int_equal(fault_at(exp, most + 1), TOKEN_TOO_LONG);
    assert_int_equal(fault_at(exp, 999999999999), TOKEN_TOO_LONG);
    assert_int_equal(fault_at(exp, 1000000000000), TOKEN_CLAIMS); /* milliseconds: no time of ours */
    assert_int_equal(fault_at(exp, -1), TOKEN_CLAIMS);
    assert_int_equal(fault_at(nbf, NOW_S + WIDGET_TOKEN_SKEW_S), TOKEN_GOOD);
    assert_int_equal(fault_at(nbf, NOW_S + WIDGET_TOKEN_SKEW_S + 1), TOKEN_EARLY);
    assert_int_equal(fault_at(nbf, 0), TOKEN_GOOD);
    assert_int_equal(fault_at(nbf, -1), TOKEN_CLAIMS);
}

TEST(a_token_without_a_time_or_a_bearer_is_none)
{
    static const char *const bodies[] = { "{}",
                                          "{\"sub\":\"kim\"}",
                                          "{\"sub\":\"kim\",\"exp\":\"1767225700\"}",
                                          "{\"sub\":\"kim\",\"exp\":null}",
                                          "{\"sub\":\"kim\",\"exp\":1e300}",
                                          "{\"sub\":\"kim\",\"exp\":1767225700,\"nbf\":\"x\"}",
                                          "{\"exp\":1767225700}",
                                          "{\"sub\":\"\",\"exp\":1767225700}",
                                          "{\"sub\":7,\"exp\":1767225700}",
                                          "{\"sub\":\"a\\nb\",\"exp\":1767225700}",
                                          "{\"sub\":\"a\\u007fb\",\"exp\":1767225700}",
                                          "{\"sub\":\"kim\",\"exp\":1767225700,\"name\":7}",
                                          "{\"sub\":\"kim\",\"exp\":1767225700,\"name\":\"a\\tb\"}",
                                          "{\"sub\":\"kim\",\"exp\":1767225700,\"tier\":1}",
                                          "{\"sub\":\"kim\",\"exp\":1767225700,\"attributes\":[]}",
                                          "{\"sub\":\"kim\",\"exp\":1767225700,\"attributes\":{\"a\":[]}}",
                                          "{\"sub\":\"kim\",\"exp\":1767225700,\"attributes\":{\"\":\"x\"}}",
                                          "{\"sub\":\"kim\",\"exp\":1767225700,\"attributes\":{\"a b\":\"x\"}}",
                                          "{\"sub\":\"kim\",\"exp\":1767225700,\"attributes\":{\"a@\":\"x\"}}" };
    for (size_t i = 0; i < COUNT_OF(bodies); i++)
        if (fault_of(bodies[i]) != TOKEN_CLAIMS) fail_msg("%s: %s", bodies[i], token_fault_cause(fault_of(bodies[i])));
}

/* A body whose member `key` is so long. */
static enum token_fault with_length(const char *before, size_t n, const char *after)
{
    char *body = malloc(strlen(before) + n + strlen(after) + 1);
    size_t at = (size_t)sprintf(body, "%s", before);
    memset(body + at, 'x', n);
    strcpy(body + at + n, after);
    enum token_fault f = fault_of(body);
    free(body);
    return f;
}

TEST(texts_of_a_token_are_bounded)
{
    static const char rest[] = "\",\"exp\":1767225700}";
    static const char key[] = "{\"sub\":\"kim\",\"exp\":1767225700,\"attributes\":{\"",
                      value[] = "{\"sub\":\"kim\",\"exp\":1767225700,\"attributes\":{\"a\":\"";
    assert_int_equal(with_length("{\"sub\":\"", WIDGET_SUB_MAX, rest), TOKEN_GOOD);
    assert_int_equal(with_length("{\"sub\":\"", WIDGET_SUB_MAX + 1, rest), TOKEN_CLAIMS);
    assert_int_equal(with_length("{\"sub\":\"kim\",\"name\":\"", WIDGET_NAME_MAX, rest), TOKEN_GOOD);
    assert_int_equal(claims.name_n, WIDGET_NAME_MAX);
    assert_int_equal(with_length("{\"sub\":\"kim\",\"name\":\"", WIDGET_NAME_MAX + 1, rest), TOKEN_CLAIMS);
    assert_int_equal(with_length(key, WIDGET_FACT_KEY, "\":1}}"), TOKEN_GOOD);
    assert_int_equal(with_length(key, WIDGET_FACT_KEY + 1, "\":1}}"), TOKEN_CLAIMS);
    assert_int_equal(with_length(value, WIDGET_FACT_VALUE, "\"}}"), TOKEN_GOOD);
    assert_int_equal(with_length(value, WIDGET_FACT_VALUE + 1, "\"}}"), TOKEN_CLAIMS);
    assert_int_equal(with_length("{\"pad\":\"", WIDGET_TOKEN_MAX, rest), TOKEN_MALFORMED);
}

/* Each "customer.kN" with a value of 243 takes 256 bytes of WIDGET_FACTS. */
TEST(facts_of_a_token_fit_into_their_room_and_no_more)
{
    char body[4096], value[244];
    memset(value, 'v', 243);
    value[243] = '\0';
    for (int most = 3; most <= 5; most++) {
        size_t n = (size_t)snprintf(body, sizeof body, "{\"sub\":\"kim\",\"exp\":1767225700,\"attributes\":{");
        for (int i = 0; i < most; i++) n += (size_t)snprintf(body + n, sizeof body - n, "%s\"k%d\":\"%s\"", i ? "," : "", i, value);
        snprintf(body + n, sizeof body - n, "}}");
        assert_int_equal(fault_of(body), most <= 4 ? TOKEN_GOOD : TOKEN_CLAIMS);
    }
    assert_int_equal(fault_of("{\"sub\":\"kim\",\"exp\":1767225700,\"tier\":\"gold\",\"attributes\":{\"n\":2.5,\"yes\":true,\"no\":"
                              "false,\"A-_.9\":\"\"}}"),
                     TOKEN_GOOD);
    static const char want[] = "customer.tier\0gold\0customer.n\0002.5\0customer.yes\0true\0customer.no\0false\0customer.A-_.9\0";
    assert_int_equal(claims.facts_n, sizeof want);
    assert_memory_equal(claims.facts, want, sizeof want);
}

TEST(a_token_may_be_for_several_accounts)
{
    static const struct {
        const char *aud;
        enum token_fault want;
    } rows[] = { { "\"web\"", TOKEN_GOOD },
                 { "\"other\"", TOKEN_AUDIENCE },
                 { "[\"other\",\"web\"]", TOKEN_GOOD },
                 { "[\"other\"]", TOKEN_AUDIENCE },
                 { "[]", TOKEN_AUDIENCE },
                 { "null", TOKEN_AUDIENCE },
                 { "{\"a\":\"web\"}", TOKEN_AUDIENCE },
                 { "\"webs\"", TOKEN_AUDIENCE },
                 { "[[\"web\"]]", TOKEN_AUDIENCE },
                 { "7", TOKEN_AUDIENCE } };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        char body[200];
        snprintf(body, sizeof body, "{\"sub\":\"kim\",\"exp\":1767225700,\"aud\":%s}", rows[i].aud);
        if (fault_of(body) != rows[i].want) fail_msg("aud %s: %s", rows[i].aud, token_fault_cause(fault_of(body)));
    }
}

TEST(the_token_does_not_say_how_it_is_signed)
{
    static const char body[] = "{\"sub\":\"kim\",\"exp\":1767225700}";
    static const struct {
        const char *head;
        enum token_fault want;
    } rows[] = { { "{\"alg\":\"none\"}", TOKEN_ALGORITHM },
                 { "{\"alg\":\"None\"}", TOKEN_ALGORITHM },
                 { "{\"alg\":\"hs256\"}", TOKEN_ALGORITHM },
                 { "{\"alg\":\"HS512\"}", TOKEN_ALGORITHM },
                 { "{\"alg\":\"RS256\"}", TOKEN_ALGORITHM },
                 { "{\"alg\":[\"HS256\"]}", TOKEN_ALGORITHM },
                 { "{}", TOKEN_ALGORITHM },
                 { "[]", TOKEN_ALGORITHM },
                 { "{\"alg\":\"HS256\",\"crit\":[\"exp\"]}", TOKEN_ALGORITHM },
                 { "{\"alg\":\"HS256\",\"crit\":null}", TOKEN_ALGORITHM },
                 { "{\"alg\":\"HS256\",\"alg\":\"none\"}", TOKEN_MALFORMED },
                 { "{\"alg\":\"HS256\"", TOKEN_MALFORMED },
                 { "x", TOKEN_MALFORMED } };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        enum token_fault f = read_token(token_of(rows[i].head, body, &secrets[0]));
        if (f != rows[i].want) fail_msg("header %s: %s", rows[i].head, token_fault_cause(f));
    }
    struct str t = token_of("{\"alg\":\"none\"}", body, &secrets[0]); /* and without its mac */
    t.n = (size_t)((const char *)memrchr(t.p, '.', t.n) - t.p) + 1;
    assert_int_equal(read_token(t), TOKEN_MALFORMED);
    static const char *const claims_of_none[] = { "[]", "7", "\"kim\"", "{", "" };
    for (size_t i = 0; i < COUNT_OF(claims_of_none); i++) assert_int_equal(fault_of(claims_of_none[i]), TOKEN_MALFORMED);
}

TEST(a_token_is_three_parts)
{
    static const char *const odd[] = { "", ".", "..", "...", "a", "a.b", "a.b.", ".a.b", "a..b", "a.b.c.d", "a.b.c." };
    for (size_t i = 0; i < COUNT_OF(odd); i++)
        if (read_token(str_of(odd[i])) != TOKEN_MALFORMED) fail_msg("\"%s\" is taken for a token", odd[i]);
    assert_int_equal(read_token(STR("a.b.c")), TOKEN_SIGNATURE);
}

/* Every character of it, by every other one of its alphabet and some that are of none. */
TEST(an_altered_token_is_never_good)
{
    static const char by[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_+/=. \t";
    char token[WIDGET_TOKEN_MAX];
    assert_int_equal(widget_token_make(token, &secrets[0], STR("visitor-1"), STR("web"), NOW, NOW + 3600000), ERR_OK);
    size_t n = strlen(token);
    for (size_t i = 0; i < n; i++) {
        char was = token[i];
        for (size_t k = 0; k <= sizeof by - 1; k++) { /* its NUL too */
            bool same =
                by[k] == was || (was == '-' && by[k] == '+') || (was == '_' && by[k] == '/'); /* base64 as base64url spells it */
            token[i] = by[k];
            if (!same && !read_token((struct str){ token, n })) fail_msg("byte %zu may be '%c'", i, by[k]);
        }
        token[i] = was;
        if (!read_token((struct str){ token, i })) fail_msg("it may end at %zu", i);
    }
    assert_int_equal(read_token(str_of(token)), TOKEN_GOOD);
    token[n] = 'A';
    assert_int_equal(read_token((struct str){ token, n + 1 }), TOKEN_SIGNATURE);
}

TEST(no_token_is_made_of_what_does_not_fit)
{
    char token[WIDGET_TOKEN_MAX], sub[600];
    memset(sub, 'a', sizeof sub);
    assert_int_equal(widget_token_make(token, &secrets[0], (struct str){ sub, sizeof sub }, STR("web"), NOW, NOW), ERR_RANGE);
}

/* ---- conversations ---- */

static struct chats chats;

static int set_up_chats(void **state)
{
    UNUSED(state);
    chats_init(&chats);
    return 0;
}

static int tear_down_chats(void **state)
{
    UNUSED(state);
    chats_fini(&chats);
    return 0;
}

static struct id id_of(unsigned n) { return (struct id){ { (uint8_t)(n >> 16), (uint8_t)(n >> 8), (uint8_t)n, 1 } }; }

static struct chat *chat_of(const char *customer, uint64_t now)
{
    struct chat *c;
    assert_int_equal(chats_take(&chats, STR("web"), str_of(customer), 7, now, &c), ERR_OK);
    return c;
}

static struct chat_line *say(struct chat *c, unsigned n, const char *text, uint64_t now, bool durable)
{
    struct chat_words w = { .by = CHAT_CUSTOMER, .ref = STR("r"), .text = str_of(text) };
    struct chat_line *l;
    struct id id = id_of(n);
    assert_int_equal(chat_say(c, &id, &w, now, &l), ERR_OK);
    l->durable = durable;
    return l;
}

/* The texts after `seq`, one behind the other. */
static const char *after(const struct chat *c, uint64_t seq)
{
    static char out[256];
    size_t n = 0;
    out[0] = '\0';
    for (const struct chat_line *l = chat_after(c, seq); l; l = chat_next(l))
        n += (size_t)snprintf(out + n, sizeof out - n, "%.*s", STR_FMT(line_text(l)));
    return out;
}

TEST(a_conversation_goes_on_after_any_number)
{
    struct chat *c = chat_of("kim", 100);
    assert_int_equal(chat_seq(c), 0);
    assert_string_equal(after(c, 0), "");
    uint64_t a = say(c, 1, "a", 100, true)->seq, b = say(c, 2, "b", 200, true)->seq, d = say(c, 3, "c", 300, true)->seq;
    assert_int_equal(a, 100), assert_int_equal(b, 200), assert_int_equal(d, 300);
    assert_string_equal(after(c, 0), "abc");
    assert_string_equal(after(c, 99), "abc");
    assert_string_equal(after(c, 100), "bc");
    assert_string_equal(after(c, 150), "bc"); /* a number that no line has */
    assert_string_equal(after(c, 200), "c");
    assert_string_equal(after(c, 300), "");
    assert_string_equal(after(c, UINT64_MAX), "");
    assert_int_equal(chat_seq(c), 300);
}

TEST(numbers_rise_though_the_clock_stands_or_falls)
{
    struct chat *c = chat_of("kim", 1000);
    assert_int_equal(say(c, 1, "a", 1000, true)->seq, 1000);
    assert_int_equal(say(c, 2, "b", 1000, true)->seq, 1001);
    assert_int_equal(say(c, 3, "c", 10, true)->seq, 1002);
    assert_int_equal(say(c, 4, "d", 1003, true)->seq, 1003);
    assert_int_equal(say(c, 5, "e", 5000, true)->seq, 5000);
}

TEST(a_line_is_told_once_it_is_durable_and_none_before_an_earlier_one)
{
    struct chat *c = chat_of("kim", 1);
    struct chat_line *a = say(c, 1, "a", 1, false), *b = say(c, 2, "b", 2, false);
    assert_string_equal(after(c, 0), "");
    assert_int_equal(chat_seq(c), 0);
    a->durable = true;
    assert_string_equal(after(c, 0), "a");
    assert_int_equal(chat_seq(c), 1);
    b->durable = true;
    assert_string_equal(after(c, 0), "ab");
}

TEST(a_line_that_comes_twice_is_one_and_one_that_failed_may_come_again)
{
    struct chat *c = chat_of("kim", 1);
    struct chat_line *l = say(c, 1, "a", 1, false), *again;
    struct id id = id_of(1);
    assert_int_equal(chat_say(c, &id, &(struct chat_words){ .text = STR("b") }, 2, &again), ERR_EXISTS);
    assert_ptr_equal(again, l);
    size_t bytes = chats.bytes;
    chat_unsay(l);
    assert_null(chats_line(&chats, &id));
    assert_true(chats.bytes < bytes && c->count == 0);
    assert_true(say(c, 1, "a", 3, true)->seq > 1);
}

TEST(the_first_lines_of_a_long_conversation_go_alone)
{
    struct chat *c = chat_of("kim", 1);
    for (unsigned i = 1; i <= LIM_CHAT_LINES + 3; i++) say(c, i, "x", i, true);
    assert_int_equal(c->count, LIM_CHAT_LINES);
    assert_int_equal(chat_after(c, 0)->seq, 4); /* who comes back with an older number gets what there is */
    assert_int_equal(chat_after(c, 2)->seq, 4);
    struct id first = id_of(3);
    assert_null(chats_line(&chats, &first));
}

TEST(a_journal_that_stands_still_bounds_a_conversation_too)
{
    struct chat *c = chat_of("kim", 1);
    struct chat_line *l;
    struct id id = id_of(0xFFFF);
    for (unsigned i = 1; i <= 2 * LIM_CHAT_LINES; i++) say(c, i, "x", i, false);
    assert_int_equal(chat_say(c, &id, &(struct chat_words){ .text = STR("y") }, 9999, &l), ERR_NOMEM);
    assert_int_equal(c->count, 2 * LIM_CHAT_LINES);
}

TEST(a_long_text_is_cut_between_characters)
{
    struct chat *c = chat_of("kim", 1);
    char *text = malloc(16386 + 1);
    for (size_t i = 0; i < 16386; i++) text[i] = "\xED\x95\x9C"[i % 3];
    text[16386] = '\0';
    assert_int_equal(line_text(say(c, 1, text, 1, true)).n, 16383);
    text[16384] = '\0';
    memset(text, 'x', 16384);
    assert_int_equal(line_text(say(c, 2, text, 2, true)).n, 16384);
    free(text);
}

static uint64_t key_of(void *ctx, struct str account, struct str customer)
{
    UNUSED(ctx), UNUSED(account);
    return customer.n;
}

TEST(rows_that_come_in_any_order_are_the_same_conversation)
{
    static const unsigned order[] = { 3, 1, 4, 2 };
    struct buf rows[5];
    struct chat *c = chat_of("kim", 1);
    struct id id;
    for (unsigned i = 1; i <= 4; i++) {
        buf_init(&rows[i], 4096);
        chat_line_pack(say(c, i, (const char[]){ (char)('a' + i - 1), 0 }, i * 10, true), &rows[i]);
    }
    chats_fini(&chats);
    chats_init(&chats);
    for (size_t i = 0; i < 4; i++) {
        id = id_of(order[i]);
        assert_int_equal(chats_row(&chats, order[i], &id, buf_str(&rows[order[i]]), key_of, NULL), ERR_OK);
    }
    assert_int_equal(chats_row(&chats, 9, &id, buf_str(&rows[2]), key_of, NULL), ERR_EXISTS);
    c = chats_find(&chats, STR("web"), STR("kim"));
    assert_non_null(c);
    assert_string_equal(after(c, 0), "abcd");
    assert_string_equal(after(c, 20), "cd");
    assert_ptr_equal(chats_by_conversation(&chats, 3), c);
    assert_str(line_ref(chats_line(&chats, &id)), "r");
    assert_int_equal(say(c, 5, "e", 5, true)->seq, 41); /* the number rises over a restart */
    assert_true(chats_row_live(&chats, 2, &id) && !chats_row_live(&chats, 3, &id));
    chats_row_moved(&chats, 2, 77, &id);
    chats_row_moved(&chats, 2, 78, &id);
    assert_true(chats_row_live(&chats, 77, &id));
    for (size_t n = 0; n < rows[1].n; n++) {
        id = id_of(100);
        assert_int_not_equal(chats_row(&chats, 1, &id, (struct str){ rows[1].p, n }, key_of, NULL), ERR_OK);
    }
    for (unsigned i = 1; i <= 4; i++) buf_fini(&rows[i]);
}

TEST(a_conversation_is_forgotten_a_day_after_its_last_word_unless_somebody_holds_it)
{
    const uint64_t day = LIM_CHAT_HOURS * 3600000ull;
    struct chat *held = chat_of("held", 1000);
    held->held = 1;
    (void)say(chat_of("old", 1000), 1, "x", 1000, true);
    (void)chat_of("young", 1001);
    chats_sweep(&chats, 1000 + day - 1);
    assert_int_equal(chats.by_key.count, 3);
    chats_sweep(&chats, 1000 + day);
    assert_null(chats_find(&chats, STR("web"), STR("old")));
    assert_non_null(chats_find(&chats, STR("web"), STR("young")));
    assert_ptr_equal(chats_find(&chats, STR("web"), STR("held")), held);
    assert_int_equal(chats.bytes, 0);
    held->held = 0;
}

TEST(who_is_too_long_or_nobody_has_no_conversation)
{
    char name[192];
    struct chat *c;
    memset(name, 'n', sizeof name);
    assert_int_equal(chats_take(&chats, STR("web"), STR_NONE, 1, 1, &c), ERR_TOOBIG);
    assert_int_equal(chats_take(&chats, STR_NONE, STR("kim"), 1, 1, &c), ERR_TOOBIG);
    assert_int_equal(chats_take(&chats, STR("web"), (struct str){ name, 192 }, 1, 1, &c), ERR_TOOBIG);
    assert_int_equal(chats_take(&chats, (struct str){ name, 64 }, STR("kim"), 1, 1, &c), ERR_TOOBIG);
    assert_int_equal(chats_take(&chats, (struct str){ name, 63 }, (struct str){ name, 191 }, 1, 1, &c), ERR_OK);
    assert_true(chat_account(c).n == 63 && chat_customer(c).n == 191);
    assert_ptr_equal(chats_find(&chats, (struct str){ name, 63 }, (struct str){ name, 191 }), c);
    assert_null(chats_find(&chats, (struct str){ name, 63 }, (struct str){ name, 190 }));
}

TEST(what_a_customer_is_told_of_the_ticket_is_news_once)
{
    struct chat *c = chat_of("kim", 1);
    assert_true(chat_state_set(c, CHAT_WAITING, STR_NONE));
    assert_false(chat_state_set(c, CHAT_WAITING, STR_NONE));
    assert_true(chat_state_set(c, CHAT_WITH_AGENT, STR("ann")));
    assert_false(chat_state_set(c, CHAT_WITH_AGENT, STR("ann")));
    assert_true(chat_state_set(c, CHAT_WITH_AGENT, STR("bob")));
    assert_string_equal(c->agent, "bob");
    assert_true(chat_state_set(c, CHAT_ENDED, STR_NONE));
    assert_null(c->agent);
}

int main(void)
{
#define SIGNED(name)  cmocka_unit_test_setup(name, set_up_secrets)
#define CHATTED(name) cmocka_unit_test_setup_teardown(name, set_up_chats, tear_down_chats)
    const struct CMUnitTest tests[] = {
        SIGNED(a_token_of_ours_says_who_its_bearer_is_until_it_expires),
        SIGNED(either_live_secret_signs),
        SIGNED(times_count_to_the_second),
        SIGNED(a_token_without_a_time_or_a_bearer_is_none),
        SIGNED(texts_of_a_token_are_bounded),
        SIGNED(facts_of_a_token_fit_into_their_room_and_no_more),
        SIGNED(a_token_may_be_for_several_accounts),
        SIGNED(the_token_does_not_say_how_it_is_signed),
        SIGNED(a_token_is_three_parts),
        SIGNED(an_altered_token_is_never_good),
        SIGNED(no_token_is_made_of_what_does_not_fit),
        CHATTED(a_conversation_goes_on_after_any_number),
        CHATTED(numbers_rise_though_the_clock_stands_or_falls),
        CHATTED(a_line_is_told_once_it_is_durable_and_none_before_an_earlier_one),
        CHATTED(a_line_that_comes_twice_is_one_and_one_that_failed_may_come_again),
        CHATTED(the_first_lines_of_a_long_conversation_go_alone),
        CHATTED(a_journal_that_stands_still_bounds_a_conversation_too),
        CHATTED(a_long_text_is_cut_between_characters),
        CHATTED(rows_that_come_in_any_order_are_the_same_conversation),
        CHATTED(a_conversation_is_forgotten_a_day_after_its_last_word_unless_somebody_holds_it),
        CHATTED(who_is_too_long_or_nobody_has_no_conversation),
        CHATTED(what_a_customer_is_told_of_the_ticket_is_news_once),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
