#include "base/metrics.h"
#include "base/rng.h"
#include "tests/unit/base/unit.h"

#include <math.h>
#include <stdlib.h>

static struct buf text;

static int setup(void **state)
{
    UNUSED(state);
    metrics_init("router-1");
    buf_init(&text, 1 << 24);
    return 0;
}

static int teardown(void **state)
{
    UNUSED(state);
    buf_fini(&text);
    metrics_init("");
    return 0;
}

static const char *render(void)
{
    buf_clear(&text);
    metrics_render(&text);
    assert_int_equal(text.err, ERR_OK);
    return buf_cstr(&text);
}

static void assert_line(const char *line)
{
    if (!strstr(render(), line)) fail_msg("no \"%s\" in\n%s", line, render());
}

static int count_of(const char *what)
{
    int n = 0;

    for (const char *p = render(); (p = strstr(p, what)); p++) n++;
    return n;
}

TEST(nothing_counted_renders_nothing)
{
    UNUSED(state);
    assert_string_equal(render(), "");
    assert_true(metric_get(MET_EVENTS, "accepted") == 0);
    assert_true(metric_get(MET_EVENTS, NULL) == 0);
}

TEST(counters_rise_by_label)
{
    UNUSED(state);
    metric_add(MET_EVENTS, "accepted", 1);
    metric_add(MET_EVENTS, "accepted", 2);
    metric_add(MET_EVENTS, "refused", 1);
    assert_true(metric_get(MET_EVENTS, "accepted") == 3);
    assert_true(metric_get(MET_EVENTS, "refused") == 1);
    assert_true(metric_get(MET_EVENTS, "duplicate") == 0);
    assert_line(
        "# HELP naru_events_total Events received, by result: accepted, duplicate, refused\n# TYPE naru_events_total counter\n"
        "naru_events_total{process=\"router-1\",result=\"accepted\"} 3\n"
        "naru_events_total{process=\"router-1\",result=\"refused\"} 1\n");
}

TEST(counters_never_fall)
{
    UNUSED(state);
    metric_add(MET_EVENTS_DEAD, "", 5);
    metric_add(MET_EVENTS_DEAD, "", -1);
    metric_add(MET_EVENTS_DEAD, "", NAN);
    metric_add(MET_EVENTS_DEAD, "", INFINITY);
    metric_set(MET_EVENTS_DEAD, "", 1);
    assert_true(metric_get(MET_EVENTS_DEAD, "") == 5);
}

TEST(gauges_are_set_and_moved)
{
    UNUSED(state);
    metric_set(MET_REDIS_UP, "", 1);
    metric_add(MET_HTTP_CONNECTIONS, "", 3);
    metric_add(MET_HTTP_CONNECTIONS, NULL, -5);
    metric_set(MET_QUEUE_OLDEST, "billing", 1.25);
    metric_set(MET_AGENTS, "away", NAN);
    metric_set(MET_AGENTS, "busy", -INFINITY);
    assert_line("naru_redis_up{process=\"router-1\"} 1\n");
    assert_line("naru_http_connections{process=\"router-1\"} -2\n");
    assert_line("naru_queue_oldest_wait_seconds{process=\"router-1\",queue=\"billing\"} 1.25\n");
    assert_line("{process=\"router-1\",presence=\"away\"} NaN\n");
    assert_line("{process=\"router-1\",presence=\"busy\"} -Inf\n");
}

TEST(a_family_without_label_ignores_one)
{
    UNUSED(state);
    metric_add(MET_LEADS, "stray", 1);
    metric_add(MET_LEADS, "", 1);
    assert_true(metric_get(MET_LEADS, "") == 2);
    assert_int_equal(count_of("naru_leads_total{"), 1);
}

TEST(histograms_have_cumulative_buckets_sum_and_count)
{
    UNUSED(state);
    metric_observe(MET_EVENT_ACK, "", 0.0001); /* on the border: within */
    metric_observe(MET_EVENT_ACK, "", 0.003);
    metric_observe(MET_EVENT_ACK, "", 60);
    metric_observe(MET_EVENT_ACK, "", -1); /* counts as 0 */
    metric_observe(MET_EVENT_ACK, "", NAN);
    metric_add(MET_EVENT_ACK, "", 1);
    assert_true(metric_get(MET_EVENT_ACK, "") == 4);
    assert_line("# TYPE naru_event_ack_seconds histogram\n"
                "naru_event_ack_seconds_bucket{process=\"router-1\",le=\"0.0001\"} 2\n"
                "naru_event_ack_seconds_bucket{process=\"router-1\",le=\"0.00025\"} 2\n");
    assert_line("_bucket{process=\"router-1\",le=\"0.005\"} 3\n");
    assert_line("_bucket{process=\"router-1\",le=\"10\"} 3\n"
                "naru_event_ack_seconds_bucket{process=\"router-1\",le=\"+Inf\"} 4\n"
                "naru_event_ack_seconds_sum{process=\"router-1\"} 60.0031\n"
                "naru_event_ack_seconds_count{process=\"router-1\"} 4\n");
}

TEST(observing_what_is_no_histogram_does_nothing)
{
    UNUSED(state);
    metric_observe(MET_LEADS, "", 1);
    metric_observe(MET_REDIS_UP, "", 1);
    assert_string_equal(render(), "");
}

TEST(label_values_are_escaped_and_made_valid)
{
    UNUSED(state);
    metric_add(MET_RULE_HITS, "a\"b\\c\nd", 1);
    metric_add(MET_RULE_HITS, "bad\xFF", 1);
    metric_add(MET_RULE_HITS, "bad\xFF", 1); /* finds the cleaned one again */
    assert_line("rule=\"a\\\"b\\\\c\\nd\"} 1\n");
    assert_line("rule=\"bad?\"} 2\n");
}

TEST(long_label_values_are_cut_between_characters)
{
    char label[400];

    UNUSED(state);
    label[0] = 'x';
    for (size_t i = 1; i + 3 < sizeof label; i += 3) memcpy(label + i, "\xEC\x9E\xA5", 4);
    metric_add(MET_RULE_HITS, label, 1);
    metric_add(MET_RULE_HITS, label, 1);
    assert_int_equal(count_of("naru_rule_hits_total{"), 1);
    assert_true(str_utf8(buf_str(&text), NULL));
    assert_true(text.n < 400);
}

TEST(label_values_beyond_256_count_under_other)
{
    char label[16];

    UNUSED(state);
    for (int i = 0; i < 300; i++) {
        snprintf(label, sizeof label, "queue-%d", i);
        metric_add(MET_QUEUE_LENGTH, label, 1);
    }
    assert_true(metric_get(MET_QUEUE_LENGTH, "other") == 44);
    assert_true(metric_get(MET_QUEUE_LENGTH, "queue-255") == 1);
    assert_true(metric_get(MET_QUEUE_LENGTH, "queue-256") == 0);
    assert_int_equal(count_of("naru_queue_length{"), 257);
}

/* ---- snapshots ---- */

static void fill(void)
{
    metric_add(MET_EVENTS, "accepted", 41);
    metric_set(MET_AGENTS, "", -2.5);
    metric_set(MET_REDIS_UP, "", 1);
    metric_observe(MET_WAIT_TIME, "billing", 2);
    metric_observe(MET_WAIT_TIME, "tech", 700);
    metric_observe(MET_MATCH_TIME, "", 0.01);
}

static void pack_from(const char *process, struct buf *out)
{
    metrics_init(process);
    fill();
    buf_init(out, 100000);
    metrics_pack(out);
    assert_int_equal(out->err, ERR_OK);
}

TEST(a_snapshot_renders_as_it_did_at_home)
{
    struct buf packed;

    UNUSED(state);
    pack_from("triage-1", &packed);
    char *want = strdup(render());
    metrics_init("router-1");
    assert_int_equal(metrics_take(STR("triage-1"), buf_str(&packed)), ERR_OK);
    assert_string_equal(render(), want);
    assert_int_equal(metrics_take(STR("triage-1"), buf_str(&packed)), ERR_OK); /* replaces, does not add */
    assert_string_equal(render(), want);
    metrics_forget(STR("unknown"));
    assert_string_equal(render(), want);
    metrics_forget(STR("triage-1"));
    assert_string_equal(render(), "");
    free(want);
    buf_fini(&packed);
}

TEST(families_of_several_processes_stay_together)
{
    struct buf packed;

    UNUSED(state);
    pack_from("triage-1", &packed);
    metrics_init("router-1");
    fill();
    assert_int_equal(metrics_take(STR("triage-1"), buf_str(&packed)), ERR_OK);
    assert_int_equal(metrics_take(STR("triage-2"), buf_str(&packed)), ERR_OK);
    assert_int_equal(count_of("# TYPE naru_events_total "), 1);
    assert_int_equal(count_of("# HELP naru_ticket_wait_seconds "), 1);
    assert_line("naru_events_total{process=\"router-1\",result=\"accepted\"} 41\n"
                "naru_events_total{process=\"triage-1\",result=\"accepted\"} 41\n"
                "naru_events_total{process=\"triage-2\",result=\"accepted\"} 41\n");
    metrics_forget(STR("triage-1"));
    assert_int_equal(count_of("triage-1"), 0);
    assert_true(count_of("triage-2") > 0);
    buf_fini(&packed);
}

/* A snapshot cut anywhere is refused; a flipped byte is refused or changes a value; neither crashes, and a refusal keeps the last.
 */
TEST(damage_at_every_byte_is_survived)
{
    struct buf packed;

    UNUSED(state);
    pack_from("triage-1", &packed);
    metrics_init("router-1");
    assert_int_equal(metrics_take(STR("triage-1"), buf_str(&packed)), ERR_OK);
    char *want = strdup(render());
    for (size_t n = 0; n < packed.n; n++) {
        char *cut = malloc(n ? n : 1); /* exactly so long: reading beyond is seen */
        memcpy(cut, packed.p, n);
        assert_int_equal(metrics_take(STR("triage-1"), (struct str){ cut, n }), ERR_PROTO);
        free(cut);
    }
    assert_string_equal(render(), want);
    for (size_t i = 0; i < packed.n; i++) {
        for (int bit = 0; bit < 8; bit++) {
            packed.p[i] = (char)(packed.p[i] ^ (1 << bit));
            enum err e = metrics_take(STR("triage-1"), buf_str(&packed));
            packed.p[i] = (char)(packed.p[i] ^ (1 << bit));
            assert_true(e == ERR_OK || e == ERR_PROTO);
            if (e) continue;
            assert_true(str_utf8((struct str){ render(), text.n }, NULL));
            assert_int_equal(metrics_take(STR("triage-1"), buf_str(&packed)), ERR_OK);
        }
    }
    assert_string_equal(render(), want);
    free(want);
    buf_addc(&packed, 0); /* something follows */
    assert_int_equal(metrics_take(STR("triage-1"), buf_str(&packed)), ERR_PROTO);
    buf_fini(&packed);
}

TEST(random_bytes_are_refused)
{
    struct rng rng;
    char bytes[200];

    UNUSED(state);
    rng_seed(&rng, 31);
    for (int i = 0; i < 20000; i++) {
        size_t n = rng_below(&rng, sizeof bytes);
        for (size_t k = 0; k < n; k++) bytes[k] = (char)rng_u64(&rng);
        if (n >= 4) memcpy(bytes, "NMS1", 4);
        enum err e = metrics_take(STR("x"), (struct str){ bytes, n });
        assert_true(e == ERR_PROTO || (e == ERR_OK && n == 5));
    }
}

/* One gauge series, written by hand. */
static struct str series(struct buf *b, const char *name, const char *label, int kind, int times)
{
    static const char zeros[8];

    buf_init(b, 100000);
    buf_addz(b, "NMS1");
    for (int i = 0; i < times; i++) {
        buf_addc(b, 1);
        buf_addc(b, (char)(unsigned char)strlen(name));
        buf_addz(b, name);
        buf_addc(b, (char)(unsigned char)strlen(label));
        buf_addz(b, label);
        buf_addc(b, (char)kind);
        buf_add(b, zeros, 8);
    }
    buf_addc(b, 0);
    return buf_str(b);
}

TEST(odd_snapshots_are_refused_and_unknown_families_skipped)
{
    char long_label[200];
    const struct {
        const char *name, *label;
        int kind, times;
        enum err want;
    } rows[] = {
        { "naru_agents", "away", M_GAUGE, 1, ERR_OK },
        { "naru_agents", "away", M_GAUGE, 2, ERR_PROTO },   /* twice the same series */
        { "naru_agents", "away", M_COUNTER, 1, ERR_PROTO }, /* another kind */
        { "naru_agents", "away", 3, 1, ERR_PROTO },         /* no kind */
        { "naru_redis_up", "x", M_GAUGE, 1, ERR_PROTO },    /* a label that the family has not */
        { "naru_agents", "\xFF", M_GAUGE, 1, ERR_PROTO },
        { "naru_agents", long_label, M_GAUGE, 1, ERR_PROTO },
        { "naru_of_tomorrow", "away", M_GAUGE, 3, ERR_OK },
        { "", "", M_GAUGE, 1, ERR_OK },
    };

    UNUSED(state);
    memset(long_label, 'x', sizeof long_label - 1);
    long_label[sizeof long_label - 1] = 0;
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct buf b;
        struct str s = series(&b, rows[i].name, rows[i].label, rows[i].kind, rows[i].times);
        if (metrics_take(STR("x"), s) != rows[i].want) fail_msg("row %zu", i);
        buf_fini(&b);
    }
}

TEST(process_names_are_checked_and_their_number_bounded)
{
    struct buf b;
    char name[200];

    UNUSED(state);
    struct str s = series(&b, "naru_agents", "away", M_GAUGE, 1);
    memset(name, 'x', sizeof name);
    assert_int_equal(metrics_take(STR_NONE, s), ERR_PROTO);
    assert_int_equal(metrics_take(STR("\xFF"), s), ERR_PROTO);
    assert_int_equal(metrics_take(STR("a\0b"), s), ERR_PROTO);
    assert_int_equal(metrics_take((struct str){ name, sizeof name }, s), ERR_PROTO);
    assert_int_equal(metrics_take(STR("router-1"), s), ERR_PROTO); /* that is us */
    for (int i = 0; i < 256; i++) {
        snprintf(name, sizeof name, "p%d", i);
        assert_int_equal(metrics_take(str_of(name), s), ERR_OK);
    }
    assert_int_equal(metrics_take(STR("one more"), s), ERR_FULL);
    assert_int_equal(metrics_take(STR("p7"), s), ERR_OK);
    metrics_forget(STR("p3"));
    assert_int_equal(metrics_take(STR("one more"), s), ERR_OK);
    buf_fini(&b);
}

TEST(the_text_is_clean_for_promtool)
{
    struct buf packed;

    UNUSED(state);
    if (access("/usr/bin/promtool", X_OK) != 0) skip();
    pack_from("triage \"1\"", &packed);
    metrics_init("router-1");
    for (int m = 0; m < MET_COUNT; m++) { /* every family has something */
        metric_add((enum metric)m, "a", 1);
        metric_set((enum metric)m, "b\\\"\n", 0.5);
        metric_observe((enum metric)m, "c", 0.2);
    }
    assert_int_equal(metrics_take(STR("triage \"1\""), buf_str(&packed)), ERR_OK);
    FILE *p = popen("/usr/bin/promtool check metrics", "w");
    assert_non_null(p);
    render();
    assert_int_equal(fwrite(text.p, 1, text.n, p), text.n);
    assert_int_equal(pclose(p), 0);
    assert_int_equal(count_of("# TYPE "), MET_COUNT);
    buf_fini(&packed);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(nothing_counted_renders_nothing, setup, teardown),
        cmocka_unit_test_setup_teardown(counters_rise_by_label, setup, teardown),
        cmocka_unit_test_setup_teardown(counters_never_fall, setup, teardown),
        cmocka_unit_test_setup_teardown(gauges_are_set_and_moved, setup, teardown),
        cmocka_unit_test_setup_teardown(a_family_without_label_ignores_one, setup, teardown),
        cmocka_unit_test_setup_teardown(histograms_have_cumulative_buckets_sum_and_count, setup, teardown),
        cmocka_unit_test_setup_teardown(observing_what_is_no_histogram_does_nothing, setup, teardown),
        cmocka_unit_test_setup_teardown(label_values_are_escaped_and_made_valid, setup, teardown),
        cmocka_unit_test_setup_teardown(long_label_values_are_cut_between_characters, setup, teardown),
        cmocka_unit_test_setup_teardown(label_values_beyond_256_count_under_other, setup, teardown),
        cmocka_unit_test_setup_teardown(a_snapshot_renders_as_it_did_at_home, setup, teardown),
        cmocka_unit_test_setup_teardown(families_of_several_processes_stay_together, setup, teardown),
        cmocka_unit_test_setup_teardown(damage_at_every_byte_is_survived, setup, teardown),
        cmocka_unit_test_setup_teardown(random_bytes_are_refused, setup, teardown),
        cmocka_unit_test_setup_teardown(odd_snapshots_are_refused_and_unknown_families_skipped, setup, teardown),
        cmocka_unit_test_setup_teardown(process_names_are_checked_and_their_number_bounded, setup, teardown),
        cmocka_unit_test_setup_teardown(the_text_is_clean_for_promtool, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
