/* How figures are written, the grid, and what a picture must be whatever is in it. */
#include "tests/unit/simulate/made.h"
#include "workers/simulate/plot.h"
#include "workers/simulate/show.h"

TEST(figures_are_written_with_as_many_digits_as_matter)
{
    static const struct {
        enum unit unit;
        double v;
        const char *text;
    } rows[] = {
        { UNIT_TIME, 0, "0s" },          { UNIT_TIME, 7.836, "7.84s" },    { UNIT_TIME, 9.9994, "10.00s" },
        { UNIT_TIME, 39.05, "39.0s" },   { UNIT_TIME, 99.96, "1m40s" },    { UNIT_TIME, 119.7, "2m00s" },
        { UNIT_TIME, 3599.6, "1h00m" },  { UNIT_TIME, 7260, "2h01m" },     { UNIT_TIME, 86399, "1d00h" },
        { UNIT_TIME, 90000, "1d01h" },   { UNIT_TIME, -100, "-1m40s" },    { UNIT_SHARE, 0.888352, "88.84 %" },
        { UNIT_COUNT, 0, "0" },          { UNIT_COUNT, 999, "999" },       { UNIT_COUNT, 1234567, "1,234,567" },
        { UNIT_COUNT, -1234, "-1,234" }, { UNIT_NUMBER, 0.9984, "0.998" }, { UNIT_TIME, NAN, "-" },
    };
    char out[SHOW_MAX];
    UNUSED(state);
    for (size_t i = 0; i < COUNT_OF(rows); i++) assert_string_equal(show(rows[i].unit, rows[i].v, out), rows[i].text);
    assert_string_equal(show_signed(UNIT_TIME, 2, out), "+2.00s");
    assert_string_equal(show_signed(UNIT_TIME, 0, out), "0s");
    assert_string_equal(show_signed(UNIT_SHARE, -0.01, out), "-1.00 %");
    assert_string_equal(show_half(UNIT_SHARE, &(struct interval){ 1, 0.005, 3 }, out), " ±0.50 %");
    assert_string_equal(show_half(UNIT_SHARE, &(struct interval){ 1, NAN, 1 }, out), "");
}

TEST(columns_line_up_whatever_the_script)
{
    static const char *const cells[] = { "", "a", "b", "환불 queue", "1", "22", "x", "333", "" };
    struct grid g;
    struct buf out;
    UNUSED(state);
    grid_init(&g, 3);
    buf_init(&out, 4096);
    for (size_t i = 0; i < COUNT_OF(cells); i++) grid_add(&g, cells[i]);
    grid_text(&g, &out);
    assert_string_equal(buf_cstr(&out), "              a   b\n환불 queue    1  22\nx           333\n");
    grid_fini(&g);
    buf_fini(&out);
}

/* ---- pictures ---- */

static struct buf drawn;

static const char *draw(struct sim_report *one, struct sim_report *other, const char *name)
{
    struct plot p = { { one, other }, { name, "q.yaml" }, name, 1 };
    buf_fini(&drawn);
    buf_init(&drawn, 1u << 20);
    assert_int_equal(plot_svg(&p, &drawn), ERR_OK);
    return buf_cstr(&drawn);
}

TEST(names_in_a_picture_are_escaped_and_nothing_in_it_runs)
{
    struct sim_report *r = made_report(0);
    UNUSED(state);
    for (uint32_t i = 0; i < 50; i++) add(r, made_answered(i % 2, i * 300000, i * 1000, 1));
    const char *svg = draw(r, NULL, "<script>alert(1)</script> & \"x\" \x01\xff");
    assert_null(strstr(svg, "<script"));
    assert_non_null(strstr(svg, "&lt;script&gt;alert(1)&lt;/script&gt; &amp; &quot;x&quot; \xef\xbf\xbd\xef\xbf\xbd"));
    assert_null(strstr(svg, "href"));
    assert_null(strstr(svg, "nan"));
    sim_report_free(r);
}

TEST(a_picture_of_one_ticket_or_of_nobody_answered_is_still_one)
{
    struct sim_report *r = made_report(0);
    struct plot p = { { r, NULL }, { "p.yaml", NULL }, "t", 1 };
    UNUSED(state);
    buf_fini(&drawn);
    buf_init(&drawn, 1u << 20);
    assert_int_equal(plot_svg(&p, &drawn), ERR_NOTFOUND);
    add(r, made_lost(0, OUT_ABANDONED, 0, 5));
    assert_null(strstr(draw(r, r, "p.yaml"), "nan"));
    add(r, made_answered(0, 0, SIM_TIME_MAX, 5));
    assert_null(strstr(draw(r, r, "p.yaml"), "nan"));
    sim_report_free(r);
    buf_fini(&drawn);
}

TEST(the_same_figures_give_the_same_bytes)
{
    struct sim_report *r = made_report(0);
    struct buf first;
    UNUSED(state);
    for (uint32_t i = 0; i < 500; i++) add(r, made_answered(i % 2, i * 300000, i * 777 % 90000, 1));
    draw(r, r, "p.yaml");
    first = drawn;
    drawn = (struct buf){ 0 };
    draw(r, r, "p.yaml");
    assert_true(str_eq(buf_str(&first), buf_str(&drawn)));
    buf_fini(&first), buf_fini(&drawn);
    sim_report_free(r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(figures_are_written_with_as_many_digits_as_matter),
        cmocka_unit_test(columns_line_up_whatever_the_script),
        cmocka_unit_test(names_in_a_picture_are_escaped_and_nothing_in_it_runs),
        cmocka_unit_test(a_picture_of_one_ticket_or_of_nobody_answered_is_still_one),
        cmocka_unit_test(the_same_figures_give_the_same_bytes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
