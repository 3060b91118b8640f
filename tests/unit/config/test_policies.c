/* The faulty policies of tests/policies: each file is named by its fault and says in comments what is to be found in it:

     # expect: 14: warning: queues.billing.timeline[1].needs.billing: widens nothing … lower it below 5

   line, level, dotted key, and parts of the text in their order, with " … " between them: first what is wrong, last the remedy.
   Exactly these findings, no more and no fewer, are demanded of each file. Line 0 is the whole file. */
#include "base/limits.h"
#include "tests/unit/config/unit.h"

#include <dirent.h>

#define EXPECT    "# expect: "
#define FILES_MAX 200u
#define FIELD     " … "

struct wanted {
    uint32_t line;
    bool error;
    const char *key, *parts; /* within the file's text */
};
struct file {
    char name[128], path[512];
    char *text;
    struct wanted wanted[LIM_POLICY_ERRORS];
    uint32_t count;
};

static char *text_of(const char *path)
{
    FILE *f = fopen(path, "rb");
    assert_non_null(f);
    char *text = calloc(1, 1u << 20);
    assert_non_null(text);
    assert_true(fread(text, 1, (1u << 20) - 1, f) > 0);
    fclose(f);
    return text;
}

/* "14: warning: key: text": cut into its fields. Keys have no ": " within. */
static bool read_wanted(char *line, struct wanted *w)
{
    char *level = strstr(line, ": "), *key = level ? strstr(level + 2, ": ") : NULL, *parts = key ? strstr(key + 2, ": ") : NULL;
    if (!parts) return false;
    *level = *key = *parts = '\0';
    w->line = (uint32_t)strtoul(line, NULL, 10);
    w->error = !strcmp(level + 2, "error");
    w->key = key + 2;
    w->parts = parts + 2;
    return w->error || !strcmp(level + 2, "warning");
}

static void read_file(struct file *f, const char *name)
{
    snprintf(f->name, sizeof f->name, "%s", name);
    snprintf(f->path, sizeof f->path, "%s/tests/policies/%s", NARU_SOURCE_DIR, name);
    f->text = text_of(f->path);
    f->count = 0;
    for (char *at = strstr(f->text, EXPECT), *next; at; at = next) {
        char *end = strchr(at, '\n');
        if (end) *end = '\0';
        next = end ? strstr(end + 1, EXPECT) : NULL;
        if (f->count == COUNT_OF(f->wanted) || !read_wanted(at + strlen(EXPECT), &f->wanted[f->count]))
            fail_msg("%s: cannot read \"%s\"", name, at);
        f->count++;
    }
}

/* All parts stand in the text, in their order. */
static bool has_parts(const char *text, const char *parts)
{
    while (*parts) {
        const char *gap = strstr(parts, FIELD);
        size_t n = gap ? (size_t)(gap - parts) : strlen(parts);
        const char *at = text;
        while (*at && strncmp(at, parts, n)) at++;
        if (!*at) return false;
        text = at + n;
        parts += n + (gap ? strlen(FIELD) : 0);
    }
    return true;
}

static bool is_wanted(const struct wanted *w, const struct finding *v)
{
    return v->line == w->line && v->error == w->error && !strcmp(v->key, w->key) && has_parts(v->text, w->parts);
}

/* How many findings and expectations have no partner. Each expectation stands for one finding. */
static unsigned differences(const struct file *f, const struct findings *found)
{
    bool met[LIM_POLICY_ERRORS] = { false };
    unsigned wrong = found->more;
    for (uint32_t i = 0; i < found->count; i++) {
        uint32_t k = 0;
        while (k < f->count && (met[k] || !is_wanted(&f->wanted[k], &found->v[i]))) k++;
        if (k < f->count) {
            met[k] = true;
            continue;
        }
        const struct finding *v = &found->v[i];
        print_error("%s: not expected: %u: %s: %s: %s\n", f->name, v->line, v->error ? "error" : "warning", v->key, v->text);
        wrong++;
    }
    for (uint32_t k = 0; k < f->count; k++) {
        if (met[k]) continue;
        print_error("%s: not found: %u: %s: %s\n", f->name, f->wanted[k].line, f->wanted[k].key, f->wanted[k].parts);
        wrong++;
    }
    return wrong;
}

static unsigned check_file(const char *name)
{
    static struct file f;
    struct policy *p = NULL;
    struct findings found;
    unsigned wrong = 0;
    read_file(&f, name);
    findings_init(&found);
    enum err e = policy_load_file(&p, f.path, NOW, &found);
    if (f.count == 0) wrong++, print_error("%s: expects nothing\n", name);
    if (!e != !found.errors) wrong++, print_error("%s: %s with %u errors\n", name, err_name(e), found.errors);
    for (uint32_t k = 0; k < f.count; k++)
        if (!strstr(f.wanted[k].parts, FIELD)) wrong++, print_error("%s: no remedy is asked for: %s\n", name, f.wanted[k].parts);
    for (uint32_t i = 0; i < found.count; i++)
        if (found.v[i].line && !found.v[i].column) wrong++, print_error("%s: a line without a column\n", name);
    wrong += differences(&f, &found);
    policy_unref(p);
    findings_fini(&found);
    free(f.text);
    return wrong;
}

TEST(each_faulty_policy_is_told_exactly_its_faults_with_place_and_remedy)
{
    UNUSED(state);
    unsigned files = 0, wrong = 0;
    DIR *d = opendir(NARU_SOURCE_DIR "/tests/policies");
    assert_non_null(d);
    for (struct dirent *e; (e = readdir(d));) {
        size_t n = strlen(e->d_name);
        if (n < 6 || strcmp(e->d_name + n - 5, ".yaml")) continue;
        files++;
        wrong += check_file(e->d_name);
    }
    closedir(d);
    assert_int_equal(wrong, 0);
    assert_true(files >= 40 && files <= FILES_MAX);
}

/* Takes `agents:` and `simulate:`, the last sections of each file, out of its text; false when there are none. */
static bool cut_agents(char *text)
{
    char *agents = strstr(text, "\nagents:"), *end = agents ? strstr(agents, EXPECT) : NULL;
    if (!agents) return false;
    memmove(agents + 1, end, strlen(end) + 1);
    return true;
}

TEST(where_agents_come_by_the_api_nothing_is_said_of_them)
{
    UNUSED(state);
    unsigned files = 0;
    DIR *d = opendir(NARU_SOURCE_DIR "/tests/policies");
    assert_non_null(d);
    for (struct dirent *e; (e = readdir(d));) {
        char path[512];
        struct policy *p = NULL;
        struct findings f;
        if (!strstr(e->d_name, ".yaml")) continue;
        snprintf(path, sizeof path, "%s/tests/policies/%s", NARU_SOURCE_DIR, e->d_name);
        char *text = text_of(path);
        findings_init(&f);
        if (cut_agents(text)) {
            files++;
            (void)policy_load(&p, str_of(text), path, NOW, &f);
        }
        for (uint32_t i = 0; i < f.count; i++)
            if (strstr(f.v[i].text, "of this file") && !strstr(f.v[i].text, "no account of this file"))
                fail_msg("%s: %s: %s", e->d_name, f.v[i].key, f.v[i].text);
        policy_unref(p);
        findings_fini(&f);
        free(text);
    }
    closedir(d);
    assert_true(files >= 40);
}

#define STAFF(closed)                                                                                                              \
    "naru: 1\nworkspace: w\nhours:\n  desk: { timezone: Europe/Paris, open: { mon-fri: \"09:00-17:00\" } }\n"                      \
    "  early: { timezone: Europe/Paris, open: { mon-fri: \"08:00-12:30\" } }\n"                                                    \
    "  late: { timezone: Europe/Paris, open: { mon-thu: \"12:30-18:00\" " closed                                                   \
    "queues:\n  q: { takes: default, sla: { answer: { within: 15m, hours: desk } } }\n"                                            \
    "agents: { anna: { shift: early }, ben: { shift: late } }\n"

/* The text of the only finding at `now`; "" when there is none. */
static void only_finding(const char *yaml, uint64_t now, char out[400])
{
    struct policy *p = NULL;
    struct findings f;
    findings_init(&f);
    assert_int_equal(policy_load(&p, str_of(yaml), "p", now, &f), ERR_OK);
    if (f.count > 1) print_findings(&f);
    assert_true(f.count <= 1);
    snprintf(out, 400, "%s", f.count ? f.v[0].text : "");
    policy_unref(p);
    findings_fini(&f);
}

TEST(which_gap_is_named_does_not_depend_on_the_day_it_is_checked)
{
    UNUSED(state);
    char text[400];
    for (uint64_t hours = 0; hours < 370 * 24; hours += 199) {
        only_finding(STAFF("} }\n"), NOW + hours * 3600000, text);
        if (strncmp(text, "every Friday 12:30-17:00 nobody of this file who could take it is on shift", 74))
            fail_msg("%llu hours on: %s", (unsigned long long)hours, text);
    }
}

TEST(a_gap_of_a_single_day_is_named_with_its_date)
{
    UNUSED(state);
    char text[400];
    only_finding(STAFF(", fri: \"12:30-18:00\" }, closed: [2026-03-18] }\n"), NOW, text);
    assert_non_null(strstr(text, "on Wednesday 2026-03-18 12:30-17:00 nobody of this file"));
    only_finding(STAFF(", fri: \"12:30-18:00\" }, closed: [2026-03-14] }\n"), NOW, text);
    assert_string_equal(text, ""); /* a Saturday */
}

TEST(a_file_that_is_only_played_needs_no_rules_for_its_queues)
{
    UNUSED(state);
    char text[400];
#define PLAYED                                                                                                                     \
    "naru: 1\nworkspace: w\nqueues: { q: { takes: default }, vip: { takes: { tag: vip } } }\nsimulate: { classes: { vip: {} } }\n"
    only_finding(PLAYED, NOW, text);
    assert_string_equal(text, "");
    only_finding(PLAYED "accounts: { web: { channel: webchat } }\n", NOW, text);
    assert_non_null(strstr(text, "no rule gives the tag \"vip\""));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_faulty_policy_is_told_exactly_its_faults_with_place_and_remedy),
        cmocka_unit_test(where_agents_come_by_the_api_nothing_is_said_of_them),
        cmocka_unit_test(which_gap_is_named_does_not_depend_on_the_day_it_is_checked),
        cmocka_unit_test(a_file_that_is_only_played_needs_no_rules_for_its_queues),
        cmocka_unit_test(a_gap_of_a_single_day_is_named_with_its_date),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
