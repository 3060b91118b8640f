/* Models as a policy names them: where they are found, when they are opened anew, what is kept when the new one is no good, and the
   copies that make writing over a file harmless. */
#include "tests/unit/triage/model_kit.h"
#include "workers/triage/models.h"

#include <dirent.h>
#include <fcntl.h>
#include <ftw.h>
#include <pthread.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <unistd.h>

static struct buf one, other, language; /* two models of kind intent, one of languages */
static struct features *features;
static char root[64], at_home[80], elsewhere[80], copies[80];
static char said[1000];
static uint32_t times_said;

static int up(void **state)
{
    (void)state;
    kit_learn(&one, MODEL_INTENT, 1, true);
    kit_learn(&other, MODEL_INTENT, 2, true);
    kit_learn(&language, MODEL_LANGUAGE, 1, false);
    return features_new(&features);
}
static int down(void **state)
{
    (void)state;
    buf_fini(&one);
    buf_fini(&other);
    buf_fini(&language);
    features_free(features);
    return 0;
}

static int fresh(void **state)
{
    (void)state;
    snprintf(root, sizeof root, "/tmp/naru-test-models-XXXXXX");
    if (!mkdtemp(root)) return -1;
    snprintf(at_home, sizeof at_home, "%s/home", root);
    snprintf(elsewhere, sizeof elsewhere, "%s/else", root);
    snprintf(copies, sizeof copies, "%s/copies", root);
    *said = 0;
    times_said = 0;
    return mkdir(at_home, 0700) || mkdir(elsewhere, 0700);
}
static int remove_one(const char *path, const struct stat *st, int type, struct FTW *f)
{
    (void)st, (void)type, (void)f;
    return remove(path);
}
static int gone(void **state)
{
    (void)state;
    return nftw(root, remove_one, 8, FTW_DEPTH | FTW_PHYS);
}

static const char *in(const char *folder, const char *name)
{
    static char path[4][256];
    static unsigned i;
    snprintf(path[++i % 4], sizeof *path, "%s/%s", folder, name);
    return path[i % 4];
}

static void write_in_place(const char *path, const void *bytes, size_t n)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);
    assert_true(fd >= 0 && write(fd, bytes, n) == (ssize_t)n);
    close(fd);
}
/* As `naru train` does it. */
static void put(const char *path, const struct buf *b)
{
    write_in_place(in(root, "new"), b->p, b->n);
    assert_int_equal(rename(in(root, "new"), path), 0);
}
static void age(const char *path, time_t seconds)
{
    struct timeval t[2] = { { .tv_sec = time(NULL) - seconds }, { .tv_sec = time(NULL) - seconds } };
    assert_int_equal(utimes(path, t), 0);
}
static bool is_there(const char *path) { return access(path, F_OK) == 0; }

static void on_said(void *ctx, enum model_kind kind, const char *name, const char *why)
{
    (void)ctx;
    times_said++;
    snprintf(said, sizeof said, "%s %s: %s", model_kind_words.v[kind], name, why);
}

static struct models_place place(const char *dir, const char *copies_in)
{
    return (struct models_place){ .dirs = { dir }, .count = dir ? 1 : 0, .copies = copies_in };
}
static struct policy policy_of(const char *path, const char *name) { return (struct policy){ .path = path, .model_intent = name }; }

/* Opens anew what is in `m`, as the desk does. */
static void again(struct models *m, const struct policy *p, const struct models_place *where)
{
    struct models old = *m;
    models_open(m, p, where, &old, on_said, NULL);
    models_fini(&old);
}

static uint64_t seed_of(const struct model *m)
{
    struct model_facts f;
    model_facts(m, &f);
    return f.seed;
}
/* The file that serves intents: the seed it was learnt with; 0: none. Its answer must be right. */
static uint64_t serves(const struct models *m)
{
    float p[MODEL_LABELS_MAX];
    if (!m->of[MODEL_INTENT]) return 0;
    assert_int_equal(kit_ask(m->of[MODEL_INTENT], features, "where is my parcel", p).label, 1);
    return seed_of(m->of[MODEL_INTENT]);
}

/* ---- finding ---- */

TEST(a_model_is_found_beside_its_policy_then_in_the_folders_given)
{
    struct models_place where = place(elsewhere, NULL);
    struct policy p = policy_of(in(at_home, "policy.yaml"), "kit-intent.model");
    char yaml[256];
    struct models m;
    snprintf(yaml, sizeof yaml, "%s", p.path);
    p.path = yaml;
    put(in(elsewhere, "kit-intent.model"), &other);
    models_open(&m, &p, &where, NULL, on_said, NULL);
    assert_int_equal(serves(&m), 2);
    assert_false(models_changed(&m, &p, &where));
    put(in(at_home, "kit-intent.model"), &one);
    assert_true(models_changed(&m, &p, &where));
    again(&m, &p, &where);
    assert_int_equal(serves(&m), 1);
    assert_int_equal(times_said, 0);
    models_fini(&m);
}

TEST(an_absolute_name_is_taken_as_it_is)
{
    struct models_place where = place(elsewhere, NULL);
    char name[256];
    snprintf(name, sizeof name, "%s", in(at_home, "kit-intent.model"));
    struct policy p = policy_of("policy.yaml", name);
    struct models m;
    put(in(elsewhere, "kit-intent.model"), &other);
    models_open(&m, &p, &where, NULL, on_said, NULL);
    assert_int_equal(serves(&m), 0);
    models_fini(&m);
    put(name, &one);
    models_open(&m, &p, &where, NULL, on_said, NULL);
    assert_int_equal(serves(&m), 1);
    models_fini(&m);
}

TEST(a_policy_named_without_a_folder_is_in_this_one)
{
    struct models_place where = place(NULL, NULL);
    struct policy p = policy_of("policy.yaml", "sub/kit-intent.model");
    struct models m;
    char was[1024];
    assert_non_null(getcwd(was, sizeof was));
    assert_int_equal(mkdir(in(at_home, "sub"), 0700), 0);
    put(in(at_home, "sub/kit-intent.model"), &one);
    assert_int_equal(chdir(at_home), 0);
    models_open(&m, &p, &where, NULL, on_said, NULL);
    assert_int_equal(chdir(was), 0);
    assert_int_equal(serves(&m), 1);
    models_fini(&m);
}

TEST(a_policy_from_a_router_says_where_it_is_from)
{
    struct models_place where = place(NULL, NULL);
    char was[1024], path[300];
    struct policy p = policy_of(path, "kit-intent.model");
    struct models m;
    put(in(at_home, "kit-intent.model"), &one);
    snprintf(path, sizeof path, "file:%s/policy.yaml", at_home);
    models_open(&m, &p, &where, NULL, on_said, NULL);
    assert_int_equal(serves(&m), 1);
    models_fini(&m);
    assert_non_null(getcwd(was, sizeof was));
    assert_int_equal(chdir(at_home), 0);
    snprintf(path, sizeof path, "api:somebody"); /* has no folder, not even this one */
    models_open(&m, &p, &where, NULL, on_said, NULL);
    assert_int_equal(chdir(was), 0);
    assert_int_equal(serves(&m), 0);
    models_fini(&m);
}

TEST(a_missing_model_is_told_and_taken_when_it_comes)
{
    struct models_place where = place(elsewhere, NULL);
    struct policy p = policy_of("/nowhere/policy.yaml", "kit-intent.model");
    struct models m;
    models_open(&m, &p, &where, NULL, on_said, NULL);
    assert_string_equal(said, "intent kit-intent.model: there is no such file");
    assert_null(m.of[MODEL_INTENT]);
    assert_false(models_changed(&m, &p, &where));
    put(in(elsewhere, "kit-intent.model"), &one);
    assert_true(models_changed(&m, &p, &where));
    again(&m, &p, &where);
    assert_int_equal(serves(&m), 1);
    unlink(in(elsewhere, "kit-intent.model"));
    assert_true(models_changed(&m, &p, &where));
    again(&m, &p, &where);
    assert_int_equal(serves(&m), 1); /* what is open stays */
    assert_int_equal(times_said, 2);
    models_fini(&m);
}

TEST(what_a_policy_does_not_name_is_not_looked_for)
{
    struct models_place where = place(elsewhere, NULL);
    struct policy p = { .path = "p.yaml" };
    struct models m;
    models_open(&m, &p, &where, NULL, on_said, NULL);
    for (int k = 0; k < MODEL_KIND_COUNT; k++) assert_null(m.of[k]);
    assert_false(models_changed(&m, &p, &where));
    assert_int_equal(times_said, 0);
    models_fini(&m);
    models_fini(&m); /* a zeroed one is fine */
}

/* ---- no good ---- */

TEST(a_model_of_another_kind_is_refused)
{
    struct models_place where = place(elsewhere, NULL);
    struct policy p = policy_of("p.yaml", "kit-intent.model");
    struct models m;
    put(in(elsewhere, "kit-intent.model"), &language);
    models_open(&m, &p, &where, NULL, on_said, NULL);
    assert_null(m.of[MODEL_INTENT]);
    assert_non_null(strstr(said, "it is a model of kind \"language\", not \"intent\""));
    models_fini(&m);
}

TEST(a_damaged_file_is_told_of_once_and_the_old_model_stays)
{
    struct models_place where = place(elsewhere, NULL);
    struct policy p = policy_of("p.yaml", "kit-intent.model");
    struct models m;
    put(in(elsewhere, "kit-intent.model"), &one);
    models_open(&m, &p, &where, NULL, on_said, NULL);
    other.p[other.n / 2] ^= 1;
    put(in(elsewhere, "kit-intent.model"), &other);
    other.p[other.n / 2] ^= 1;
    assert_true(models_changed(&m, &p, &where));
    again(&m, &p, &where);
    assert_non_null(strstr(said, "damaged"));
    assert_int_equal(serves(&m), 1);
    assert_false(models_changed(&m, &p, &where));
    again(&m, &p, &where); /* as for another kind of model that changed */
    assert_int_equal(serves(&m), 1);
    assert_int_equal(times_said, 1);
    put(in(elsewhere, "kit-intent.model"), &other);
    assert_true(models_changed(&m, &p, &where));
    again(&m, &p, &where);
    assert_int_equal(serves(&m), 2);
    models_fini(&m);
}

/* A language model with more labels than one may have. */
static void learn_many_labels(struct buf *out)
{
    enum { N = LANGUAGE_LABELS + 1 };
    static char names[N][8];
    static const char *labels[N];
    static struct example e[N];
    struct learn_report report;
    char why[200];
    for (uint32_t i = 0; i < N; i++) {
        snprintf(names[i], sizeof names[i], "l%u", i);
        labels[i] = names[i];
        e[i] = (struct example){ str_of(names[i]), i, 1 };
    }
    struct learn_cfg cfg = { .kind = MODEL_LANGUAGE, .seed = 1, .dev = e, .dev_count = 2 };
    buf_init(out, 64u << 20);
    assert_int_equal(learn(out, e, N, labels, N, NULL, &cfg, &report, why), ERR_OK);
    learn_report_fini(&report);
}

TEST(a_language_model_that_does_not_fit_leaves_the_old_one)
{
    struct models_place where = place(elsewhere, NULL);
    struct policy p = { .path = "p.yaml", .model_language = "l.model" };
    struct models m;
    struct buf many;
    learn_many_labels(&many);
    put(in(elsewhere, "l.model"), &language);
    models_open(&m, &p, &where, NULL, on_said, NULL);
    const struct model *was = m.of[MODEL_LANGUAGE];
    assert_non_null(was);
    put(in(elsewhere, "l.model"), &many);
    again(&m, &p, &where);
    assert_non_null(strstr(said, "257 labels"));
    assert_ptr_equal(m.of[MODEL_LANGUAGE], was);
    assert_ptr_equal(m.language.model, was);
    models_fini(&m);
    models_open(&m, &p, &where, NULL, on_said, NULL);
    assert_null(m.of[MODEL_LANGUAGE]);
    assert_null(m.language.model);
    models_fini(&m);
    buf_fini(&many);
}

TEST(references_outlive_the_set_they_are_of)
{
    struct models_place where = place(elsewhere, copies);
    struct policy p = policy_of("p.yaml", "kit-intent.model");
    struct models m, held;
    put(in(elsewhere, "kit-intent.model"), &one);
    models_open(&m, &p, &where, NULL, on_said, NULL);
    models_ref(&held, &m);
    models_fini(&m);
    assert_int_equal(serves(&held), 1);
    models_fini(&held);
}

/* ---- copies ---- */

TEST(writing_over_a_model_in_place_harms_nobody)
{
    struct models_place where = place(elsewhere, copies);
    struct policy p = policy_of("p.yaml", "kit-intent.model");
    struct models m;
    char noise[4096];
    memset(noise, 'x', sizeof noise);
    put(in(elsewhere, "kit-intent.model"), &one);
    models_open(&m, &p, &where, NULL, on_said, NULL);
    write_in_place(in(elsewhere, "kit-intent.model"), "", 0); /* cut to nothing: what is mapped of it is gone */
    assert_int_equal(serves(&m), 1);
    again(&m, &p, &where);
    write_in_place(in(elsewhere, "kit-intent.model"), noise, sizeof noise);
    again(&m, &p, &where);
    write_in_place(in(elsewhere, "kit-intent.model"), other.p, other.n / 2); /* half of it has been written */
    again(&m, &p, &where);
    assert_int_equal(serves(&m), 1);
    assert_int_equal(times_said, 3);
    write_in_place(in(elsewhere, "kit-intent.model"), other.p, other.n);
    assert_true(models_changed(&m, &p, &where));
    again(&m, &p, &where);
    assert_int_equal(serves(&m), 2);
    models_fini(&m);
}

TEST(a_file_of_the_same_size_written_in_place_is_noticed)
{
    struct models_place where = place(elsewhere, copies);
    struct policy p = policy_of("p.yaml", "kit-intent.model");
    struct models m;
    char path[256];
    snprintf(path, sizeof path, "%s", in(elsewhere, "kit-intent.model"));
    put(path, &one);
    age(path, 100);
    models_open(&m, &p, &where, NULL, on_said, NULL);
    int fd = open(path, O_WRONLY);
    assert_true(fd >= 0 && pwrite(fd, "x", 1, 0) == 1);
    close(fd);
    assert_true(models_changed(&m, &p, &where));
    models_fini(&m);
}

static uint32_t count_in(const char *folder)
{
    uint32_t n = 0;
    for (DIR *d = opendir(folder); d;) {
        struct dirent *e = readdir(d);
        if (!e) return closedir(d), n;
        n += e->d_name[0] != '.';
    }
    return n;
}

TEST(a_damaged_file_does_not_pass_for_the_good_copy_of_the_same_name)
{
    struct models_place where = place(elsewhere, copies);
    struct policy p = policy_of("p.yaml", "kit-intent.model");
    struct models m;
    put(in(elsewhere, "kit-intent.model"), &one);
    models_open(&m, &p, &where, NULL, on_said, NULL);
    models_fini(&m);
    assert_int_equal(count_in(copies), 1);
    one.p[one.n - 100] ^= 1; /* its header is whole */
    put(in(elsewhere, "kit-intent.model"), &one);
    one.p[one.n - 100] ^= 1;
    models_open(&m, &p, &where, NULL, on_said, NULL);
    assert_int_equal(serves(&m), 0);
    assert_non_null(strstr(said, "damaged"));
    models_fini(&m);
}

static const char *only_copy(void)
{
    static char path[400];
    DIR *d = opendir(copies);
    assert_non_null(d);
    for (struct dirent *e; (e = readdir(d));)
        if (e->d_name[0] != '.') snprintf(path, sizeof path, "%s/%s", copies, e->d_name);
    closedir(d);
    assert_int_equal(count_in(copies), 1);
    return path;
}

TEST(a_damaged_copy_is_made_again)
{
    struct models_place where = place(elsewhere, copies);
    struct policy p = policy_of("p.yaml", "kit-intent.model");
    struct models m;
    put(in(elsewhere, "kit-intent.model"), &one);
    models_open(&m, &p, &where, NULL, on_said, NULL);
    models_fini(&m);
    write_in_place(only_copy(), "power went", 10);
    models_open(&m, &p, &where, NULL, on_said, NULL);
    assert_int_equal(serves(&m), 1);
    assert_int_equal(count_in(copies), 1);
    assert_int_equal(times_said, 0);
    models_fini(&m);
}

TEST(a_model_is_used_without_a_copy_where_none_can_be_made)
{
    struct models_place where = place(elsewhere, "/dev/null/copies");
    struct policy p = policy_of("p.yaml", "kit-intent.model");
    struct models m;
    put(in(elsewhere, "kit-intent.model"), &one);
    models_open(&m, &p, &where, NULL, on_said, NULL);
    assert_int_equal(serves(&m), 1);
    models_fini(&m);
}

TEST(the_copy_of_a_replaced_model_goes)
{
    struct models_place where = place(elsewhere, copies);
    struct policy p = policy_of("p.yaml", "kit-intent.model");
    struct models m, held;
    put(in(elsewhere, "kit-intent.model"), &one);
    models_open(&m, &p, &where, NULL, on_said, NULL);
    models_ref(&held, &m); /* somebody still answers with it */
    for (int i = 0; i < 6; i++) {
        put(in(elsewhere, "kit-intent.model"), i % 2 ? &one : &other);
        again(&m, &p, &where);
        assert_int_equal(serves(&m), i % 2 ? 1 : 2);
        assert_int_equal(serves(&held), 1);
        assert_int_equal(count_in(copies), 1);
    }
    put(in(elsewhere, "kit-intent.model"), &one); /* the same once more under a new entry */
    again(&m, &p, &where);
    assert_int_equal(count_in(copies), 1);
    models_fini(&held);
    models_fini(&m);
}

TEST(what_crashed_workers_left_goes_after_a_day)
{
    struct models_place where = place(elsewhere, copies);
    struct policy p = policy_of("p.yaml", "kit-intent.model");
    struct models m;
    static const struct {
        const char *name;
        time_t age;
        bool stays;
    } files[] = { { "draft-abcdef", 90000, false },
                  { "draft-ghijkl", 3600, true },
                  { "0123456789abcdef-1000.model", 90000, false },
                  { "0123456789abcdef-1001.model", 3600, true },
                  { "mine.model", 90000, true },
                  { "0123456789abcdef-1000.model.bak", 90000, true } };
    assert_int_equal(mkdir(copies, 0700), 0);
    for (size_t i = 0; i < sizeof files / sizeof *files; i++) {
        write_in_place(in(copies, files[i].name), "x", 1);
        age(in(copies, files[i].name), files[i].age);
    }
    put(in(elsewhere, "kit-intent.model"), &one);
    models_open(&m, &p, &where, NULL, on_said, NULL);
    assert_int_equal(serves(&m), 1);
    for (size_t i = 0; i < sizeof files / sizeof *files; i++)
        if (is_there(in(copies, files[i].name)) != files[i].stays) fail_msg("%s", files[i].name);
    models_fini(&m);
}

TEST(a_copy_in_use_is_no_leftover_however_old)
{
    struct models_place where = place(elsewhere, copies);
    struct policy p = policy_of("p.yaml", "kit-intent.model");
    struct models m;
    put(in(elsewhere, "kit-intent.model"), &one);
    models_open(&m, &p, &where, NULL, on_said, NULL);
    age(only_copy(), 90000);
    p.model_language = "l.model";
    put(in(elsewhere, "l.model"), &language);
    again(&m, &p, &where);
    assert_int_equal(count_in(copies), 2);
    models_fini(&m);
}

static void *open_one(void *ctx)
{
    struct models_place where = place(elsewhere, copies);
    struct policy p = policy_of("p.yaml", "kit-intent.model");
    float room[MODEL_LABELS_MAX];
    struct models m;
    struct features *f;
    (void)ctx;
    models_open(&m, &p, &where, NULL, NULL, NULL);
    bool good = m.of[MODEL_INTENT] && features_new(&f) == ERR_OK;
    if (good) {
        good = kit_ask(m.of[MODEL_INTENT], f, "where is my parcel", room).label == 1;
        features_free(f);
    }
    models_fini(&m);
    return good ? &times_said : NULL;
}

TEST(many_may_make_the_same_copy_at_once)
{
    pthread_t threads[8];
    void *good;
    put(in(elsewhere, "kit-intent.model"), &one);
    for (size_t i = 0; i < 8; i++) assert_int_equal(pthread_create(&threads[i], NULL, open_one, NULL), 0);
    for (size_t i = 0; i < 8; i++) assert_true(pthread_join(threads[i], &good) == 0 && good);
    assert_int_equal(count_in(copies), 1);
}

#define ROW(name) cmocka_unit_test_setup_teardown(name, fresh, gone)

int main(void)
{
    const struct CMUnitTest tests[] = {
        ROW(a_model_is_found_beside_its_policy_then_in_the_folders_given),
        ROW(an_absolute_name_is_taken_as_it_is),
        ROW(a_policy_named_without_a_folder_is_in_this_one),
        ROW(a_policy_from_a_router_says_where_it_is_from),
        ROW(a_missing_model_is_told_and_taken_when_it_comes),
        ROW(what_a_policy_does_not_name_is_not_looked_for),
        ROW(a_model_of_another_kind_is_refused),
        ROW(a_damaged_file_is_told_of_once_and_the_old_model_stays),
        ROW(a_language_model_that_does_not_fit_leaves_the_old_one),
        ROW(references_outlive_the_set_they_are_of),
        ROW(writing_over_a_model_in_place_harms_nobody),
        ROW(a_file_of_the_same_size_written_in_place_is_noticed),
        ROW(a_damaged_file_does_not_pass_for_the_good_copy_of_the_same_name),
        ROW(a_damaged_copy_is_made_again),
        ROW(a_model_is_used_without_a_copy_where_none_can_be_made),
        ROW(the_copy_of_a_replaced_model_goes),
        ROW(what_crashed_workers_left_goes_after_a_day),
        ROW(a_copy_in_use_is_no_leftover_however_old),
        ROW(many_may_make_the_same_copy_at_once),
    };
    return cmocka_run_group_tests(tests, up, down);
}
