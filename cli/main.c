/* naru: the program. Finds the sub-command in the table of cli.h and runs it. */
#include "base/str.h"
#include "cli/cli.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <unistd.h>

static const struct command {
    const char *name;
    int (*fn)(int argc, char **argv);
    const char *help;
} commands[] = {
#define COMMAND_ROW(name, fn, help) { #name, fn, help },
    COMMAND_MAP(COMMAND_ROW)
#undef COMMAND_ROW
};
#define COMMAND_COUNT (sizeof commands / sizeof *commands)

static void usage(FILE *to)
{
    fprintf(to, "naru %s: omnichannel message router and triage engine\n\nusage: naru COMMAND [options]   (naru COMMAND --help tells them)\n\n",
            NARU_VERSION);
    for (size_t i = 0; i < COMMAND_COUNT; i++) fprintf(to, "  %-8s %s\n", commands[i].name, commands[i].help);
}

int version_main(int argc, char **argv)
{
    (void)argc, (void)argv;
    printf("naru %s\n", NARU_VERSION);
    return 0;
}

/* A process that `naru up` started must not outlive it, however it ends. */
static void follow_parent(void)
{
    const char *parent = getenv("NARU_PARENT");
    if (!parent) return;
    prctl(PR_SET_PDEATHSIG, SIGTERM);
    if (getppid() != atoi(parent)) exit(1); /* it died before we asked */
    unsetenv("NARU_PARENT");
}

int main(int argc, char **argv)
{
    const char *names[COMMAND_COUNT];
    follow_parent();
    if (argc < 2) return usage(stderr), 2;
    struct str word = str_of(argv[1]);
    if (str_is(word, "--help") || str_is(word, "-h") || str_is(word, "help")) return usage(stdout), 0;
    if (str_is(word, "--version")) return version_main(0, NULL);
    for (size_t i = 0; i < COMMAND_COUNT; i++) {
        if (str_is(word, commands[i].name)) return commands[i].fn(argc - 1, argv + 1);
        names[i] = commands[i].name;
    }
    const char *near = str_nearest(word, names, COMMAND_COUNT);
    fprintf(stderr, "naru: \"%s\" is not a command%s%s%s\n", argv[1], near ? " (did you mean \"" : "", near ? near : "", near ? "\"?)" : "");
    return 2;
}
