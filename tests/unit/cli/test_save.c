#include "cli/save.h"
#include "tests/unit/cli/unit.h"

#include <dirent.h>
#include <sys/stat.h>
#include <unistd.h>

static char why[200];

static const char *bytes_of(const char *path)
{
    static char out[64];
    FILE *f = fopen(path, "r");

    assert_non_null(f);
    out[fread(out, 1, sizeof out - 1, f)] = 0;
    fclose(f);
    return out;
}

static unsigned files(void)
{
    DIR *d = opendir(unit_dir);
    unsigned n = 0;

    assert_non_null(d);
    for (struct dirent *e; (e = readdir(d));) n += e->d_name[0] != '.';
    closedir(d);
    return n;
}

TEST(the_old_file_stands_until_the_new_one_is_put_in_its_place)
{
    struct save s;
    char place[256];

    UNUSED(state);
    strcpy(place, unit_path("m.model"));
    assert_int_equal(save_beside(&s, place, STR("old"), why), ERR_OK);
    assert_int_equal(save_commit(&s, why), ERR_OK);
    assert_int_equal(save_beside(&s, place, STR("new"), why), ERR_OK);
    assert_string_equal(bytes_of(place), "old");
    assert_string_equal(bytes_of(s.beside), "new");
    assert_int_equal(save_commit(&s, why), ERR_OK);
    assert_string_equal(bytes_of(place), "new");
    assert_int_equal(files(), 1);
}

TEST(what_is_written_bit_by_bit_is_put_in_its_place_whole)
{
    struct save s;
    FILE *f;
    char place[256];

    UNUSED(state);
    strcpy(place, unit_path("m.model"));
    assert_int_equal(save_open(&s, place, &f, why), ERR_OK);
    fputs("bit ", f), fputs("by bit", f);
    assert_string_equal(bytes_of(place), "new");
    assert_int_equal(save_close(&s, f, why), ERR_OK);
    assert_int_equal(save_commit(&s, why), ERR_OK);
    assert_string_equal(bytes_of(place), "bit by bit");
    assert_int_equal(save_open(&s, place, &f, why), ERR_OK);
    fputs("new", f);
    assert_int_equal(save_close(&s, f, why), ERR_OK);
    assert_int_equal(save_commit(&s, why), ERR_OK);
    assert_int_equal(files(), 1);
}

TEST(a_device_is_not_replaced_by_a_file)
{
    UNUSED(state);
    assert_int_equal(save_possible("/dev/null", why), ERR_IO);
    assert_string_equal(why, "/dev/null: is no regular file");
}

TEST(what_is_dropped_leaves_nothing)
{
    struct save s;
    char place[256];

    UNUSED(state);
    strcpy(place, unit_path("m.model"));
    assert_int_equal(save_beside(&s, place, STR("never"), why), ERR_OK);
    assert_int_equal(files(), 2);
    save_drop(&s);
    assert_int_equal(files(), 1);
    assert_string_equal(bytes_of(place), "new");
}

TEST(places_that_cannot_be_are_told_before_and_when_written)
{
    static char long_name[PATH_MAX + 8];
    struct save s;
    char place[256];

    UNUSED(state);
    strcpy(place, unit_path("absent/m.model"));
    assert_int_equal(save_possible(place, why), ERR_IO);
    assert_non_null(strstr(why, "No such file"));
    assert_int_equal(save_beside(&s, place, STR("x"), why), ERR_IO);
    assert_non_null(strstr(why, "No such file"));
    assert_int_equal(save_possible(unit_dir, why), ERR_IO); /* a folder */
    assert_non_null(strstr(why, "Is a directory"));
    assert_int_equal(save_possible(unit_path("m.model"), why), ERR_OK);
    memset(long_name, 'x', sizeof long_name - 1);
    assert_int_equal(save_beside(&s, long_name, STR("x"), why), ERR_TOOBIG);
    assert_int_equal(files(), 1);
}

TEST(a_folder_in_the_place_is_not_replaced_and_nothing_is_left)
{
    struct save s;
    char place[256];

    UNUSED(state);
    strcpy(place, unit_path("folder"));
    assert_int_equal(mkdir(place, 0700), 0);
    assert_int_equal(save_beside(&s, place, STR("x"), why), ERR_OK);
    assert_int_equal(save_commit(&s, why), ERR_IO);
    assert_int_equal(files(), 2);
}

TEST(one_file_is_one_however_it_is_spelt)
{
    char place[256], other[400], link[256], folder[300];

    UNUSED(state);
    strcpy(place, unit_path("same.csv"));
    strcpy(link, unit_path("link.csv"));
    snprintf(folder, sizeof folder, "%s/sub", unit_dir);
    snprintf(other, sizeof other, "%s/./same.csv", unit_dir);
    assert_true(save_same(place, other)); /* neither is there yet */
    assert_false(save_same(place, link));
    assert_false(save_same(place, NULL));
    assert_int_equal(mkdir(folder, 0755), 0);
    snprintf(other, sizeof other, "%s/same.csv", folder);
    assert_false(save_same(place, other));
    fclose(fopen(place, "w"));
    assert_int_equal(symlink("same.csv", link), 0);
    assert_true(save_same(place, link));
    snprintf(other, sizeof other, "%s/../same.csv", folder);
    assert_true(save_same(place, other));
    assert_false(save_same(place, "/nowhere/same.csv"));
    assert_int_equal(unlink(place) | unlink(link) | rmdir(folder), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_old_file_stands_until_the_new_one_is_put_in_its_place),
        cmocka_unit_test(what_is_written_bit_by_bit_is_put_in_its_place_whole),
        cmocka_unit_test(a_device_is_not_replaced_by_a_file),
        cmocka_unit_test(what_is_dropped_leaves_nothing),
        cmocka_unit_test(places_that_cannot_be_are_told_before_and_when_written),
        cmocka_unit_test(a_folder_in_the_place_is_not_replaced_and_nothing_is_left),
        cmocka_unit_test(one_file_is_one_however_it_is_spelt),
    };
    return cmocka_run_group_tests(tests, unit_dir_make, unit_dir_remove);
}
