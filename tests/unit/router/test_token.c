#include "router/token.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

/* cmocka.h wants these before it. */
/* clang-format off */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
/* clang-format on */

static char dir[64], path[128];

static int make_dir(void **state)
{
    (void)state;
    snprintf(dir, sizeof dir, "/tmp/naru-token-XXXXXX");
    assert_non_null(mkdtemp(dir));
    snprintf(path, sizeof path, "%s/tokens", dir);
    return 0;
}

static int drop_dir(void **state)
{
    static const char *const names[] = { "tokens", "tokens.lock", "tokens.new" };

    (void)state;
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        char file[256];
        snprintf(file, sizeof file, "%s/%s", dir, names[i]);
        unlink(file);
    }
    rmdir(dir);
    return 0;
}

static const struct token alice = { .role = TOKEN_OPERATOR, .workspace = "hanbit", .subject = "alice", .expires = 5000 };

static struct str bearer(const char *text)
{
    static char header[128];

    return (struct str){ header, (size_t)snprintf(header, sizeof header, "Bearer %s", text) };
}

static void a_created_token_is_known_and_says_what_it_may(void **state)
{
    struct tokens *t;
    const struct token *got;
    char text[64];
    struct stat st;

    (void)state;
    assert_int_equal(token_create(path, &alice, STR("her laptop"), 1000, text), ERR_OK);
    assert_int_equal(strlen(text), 48);
    assert_memory_equal(text, "naru_", 5);
    assert_int_equal(stat(path, &st), 0);
    assert_int_equal(st.st_mode & 0777, 0600);
    assert_int_equal(tokens_open(&t, path), ERR_OK);
    assert_int_equal(tokens_check(t, bearer(text), 4999, &got), ERR_OK);
    assert_int_equal(got->role, TOKEN_OPERATOR);
    assert_string_equal(got->workspace, "hanbit");
    assert_string_equal(got->subject, "alice");
    assert_int_equal(tokens_check(t, bearer(text), 5000, &got), ERR_STALE);
    assert_null(got);
    tokens_close(t);
}

static void the_file_holds_no_token(void **state)
{
    char text[64], line[512];

    (void)state;
    assert_int_equal(token_create(path, &alice, STR_NONE, 1000, text), ERR_OK);
    FILE *f = fopen(path, "r");
    assert_non_null(fgets(line, sizeof line, f));
    fclose(f);
    assert_null(strstr(line, text + 5));
    assert_non_null(strstr(line, " operator hanbit alice 1000 5000 "));
}

static void anything_but_the_token_itself_is_refused(void **state)
{
    struct tokens *t;
    const struct token *got;
    char text[64], other[128];

    (void)state;
    assert_int_equal(token_create(path, &alice, STR_NONE, 1000, text), ERR_OK);
    assert_int_equal(tokens_open(&t, path), ERR_OK);
    for (size_t i = 0; i < 48; i++) { /* each character counts */
        memcpy(other, text, 64);
        other[i] = other[i] == 'A' ? 'B' : 'A';
        assert_int_equal(tokens_check(t, bearer(other), 0, &got), ERR_UNAUTHORIZED);
    }
    snprintf(other, sizeof other, "%s ", text);
    assert_int_equal(tokens_check(t, bearer(other), 0, &got), ERR_UNAUTHORIZED);
    assert_int_equal(tokens_check(t, str_of(text), 0, &got), ERR_UNAUTHORIZED);
    assert_int_equal(tokens_check(t, STR_NONE, 0, &got), ERR_UNAUTHORIZED);
    assert_int_equal(tokens_check(t, STR("Bearer"), 0, &got), ERR_UNAUTHORIZED);
    assert_int_equal(tokens_check(t, STR("Bearer "), 0, &got), ERR_UNAUTHORIZED);
    assert_int_equal(tokens_check(t, STR("Basic abc"), 0, &got), ERR_UNAUTHORIZED);
    assert_int_equal(tokens_check(t, bearer(text), 0, &got), ERR_OK);
    tokens_close(t);
}

static void a_missing_file_is_an_empty_list_until_it_is_there(void **state)
{
    struct tokens *t;
    const struct token *got;
    char text[64];

    (void)state;
    assert_int_equal(tokens_open(&t, path), ERR_OK);
    tokens_refresh(t);
    assert_int_equal(token_create(path, &alice, STR_NONE, 1000, text), ERR_OK);
    assert_int_equal(tokens_check(t, bearer(text), 0, &got), ERR_UNAUTHORIZED);
    tokens_refresh(t); /* at once: it works as soon as it is printed */
    assert_int_equal(tokens_check(t, bearer(text), 0, &got), ERR_OK);
    tokens_close(t);
}

/* How many lines the pipe has. */
static uint32_t lines_of(int from)
{
    char text[4096];
    ssize_t n = read(from, text, sizeof text);
    uint32_t lines = 0;
    for (ssize_t i = 0; i < n; i++) lines += text[i] == '\n';
    return lines;
}

static void a_file_that_cannot_be_read_is_told_once_and_the_tokens_stay(void **state)
{
    struct tokens *t;
    const struct token *got;
    char text[64], away[160];
    int ends[2], err = dup(STDERR_FILENO);

    (void)state;
    snprintf(away, sizeof away, "%s/tokens.new", dir);
    assert_int_equal(token_create(path, &alice, STR_NONE, 1000, text), ERR_OK);
    assert_int_equal(tokens_open(&t, path), ERR_OK);
    assert_int_equal(rename(path, away), 0);
    assert_int_equal(mkdir(path, 0700), 0); /* opens, and cannot be read, whoever one is */
    assert_int_equal(pipe(ends), 0);
    dup2(ends[1], STDERR_FILENO);
    for (int i = 0; i < 3; i++) tokens_refresh(t);
    assert_int_equal(tokens_check(t, bearer(text), 0, &got), ERR_OK);
    rmdir(path);
    rename(away, path);
    tokens_refresh(t); /* as it was: nothing to read again, nothing to tell */
    dup2(err, STDERR_FILENO);
    close(err);
    close(ends[1]);
    assert_int_equal(lines_of(ends[0]), 1);
    assert_int_equal(tokens_check(t, bearer(text), 0, &got), ERR_OK);
    close(ends[0]);
    tokens_close(t);
}

static void a_revoked_token_is_gone_and_the_others_stay(void **state)
{
    struct tokens *t;
    const struct token *got;
    char one[64], two[64], hash[16];
    uint32_t removed;

    (void)state;
    assert_int_equal(token_create(path, &alice, STR_NONE, 1000, one), ERR_OK);
    FILE *f = fopen(path, "r");
    assert_non_null(fgets(hash, 13, f));
    fclose(f);
    assert_int_equal(token_create(path, &alice, STR_NONE, 1000, two), ERR_OK);
    assert_int_equal(tokens_open(&t, path), ERR_OK);
    assert_int_equal(token_revoke(path, STR("1234567"), &removed), ERR_RANGE);
    assert_int_equal(token_revoke(path, str_of(hash), &removed), ERR_OK);
    assert_int_equal(removed, 1);
    assert_int_equal(token_revoke(path, str_of(hash), &removed), ERR_OK);
    assert_int_equal(removed, 0);
    tokens_refresh(t);
    assert_int_equal(tokens_check(t, bearer(one), 0, &got), ERR_UNAUTHORIZED);
    assert_int_equal(tokens_check(t, bearer(two), 0, &got), ERR_OK);
    tokens_close(t);
}

static void count_row(void *ctx, const struct token_row *row)
{
    ++*(size_t *)ctx;
    assert_string_equal(row->what.subject, "alice");
}

static void bad_lines_are_skipped_and_kept(void **state)
{
    static const char bad[] = "# a comment\n\nnonsense\n"
                              "0000000000000000000000000000000000000000000000000000000000000000 king hanbit bob 1 0 x\n"
                              "0000000000000000000000000000000000000000000000000000000000000000 agent hanbit bob -1 0 x\n"
                              "000000000000000000000000000000000000000000000000000000000000000g agent hanbit bob 1 0 x\n"
                              "0000000000000000000000000000000000000000000000000000000000000000 agent hanbit";
    struct tokens *t;
    const struct token *got;
    char text[64];
    size_t rows = 0;

    (void)state;
    FILE *f = fopen(path, "w");
    fputs(bad, f);
    fclose(f);
    assert_int_equal(token_create(path, &alice, STR_NONE, 1000, text), ERR_OK);
    assert_int_equal(tokens_open(&t, path), ERR_PROTO);
    assert_non_null(t);
    assert_int_equal(tokens_check(t, bearer(text), 0, &got), ERR_OK);
    tokens_close(t);
    assert_int_equal(token_list(path, count_row, &rows), ERR_OK);
    assert_int_equal(rows, 1);
    char all[2048];
    f = fopen(path, "r");
    size_t n = fread(all, 1, sizeof all - 1, f);
    fclose(f);
    assert_true(n > sizeof bad);
    assert_memory_equal(all, bad, sizeof bad - 1);
}

static void words_that_would_break_the_line_are_refused(void **state)
{
    struct token what = alice;
    char text[64];

    (void)state;
    snprintf(what.subject, sizeof what.subject, "a b");
    assert_int_equal(token_create(path, &what, STR_NONE, 1, text), ERR_RANGE);
    snprintf(what.subject, sizeof what.subject, "a\nb");
    assert_int_equal(token_create(path, &what, STR_NONE, 1, text), ERR_RANGE);
    what = alice;
    what.workspace[0] = 0;
    assert_int_equal(token_create(path, &what, STR_NONE, 1, text), ERR_RANGE);
    assert_int_equal(token_create(path, &alice, STR("two\nlines"), 1, text), ERR_RANGE);
    assert_int_equal(access(path, F_OK), -1);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, make_dir, drop_dir)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_created_token_is_known_and_says_what_it_may),
        TEST(the_file_holds_no_token),
        TEST(anything_but_the_token_itself_is_refused),
        TEST(a_missing_file_is_an_empty_list_until_it_is_there),
        TEST(a_revoked_token_is_gone_and_the_others_stay),
        TEST(bad_lines_are_skipped_and_kept),
        TEST(a_file_that_cannot_be_read_is_told_once_and_the_tokens_stay),
        TEST(words_that_would_break_the_line_are_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
