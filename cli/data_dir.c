#include "cli/data_dir.h"

#include <errno.h>
#include <limits.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static const char *env(const char *name)
{
    const char *v = getenv(name);

    return v && *v ? v : NULL;
}

static const char *home(void)
{
    const char *h = env("HOME");
    const struct passwd *pw = h ? NULL : getpwuid(getuid());

    if (h) return h;
    return pw ? pw->pw_dir : "/";
}

const char *data_dir(const char *option)
{
    static char path[PATH_MAX];

    if (option && *option) snprintf(path, sizeof path, "%s", option);
    else if (env("NARU_DATA")) snprintf(path, sizeof path, "%s", env("NARU_DATA"));
    else if (env("XDG_DATA_HOME")) snprintf(path, sizeof path, "%s/naru", env("XDG_DATA_HOME"));
    else snprintf(path, sizeof path, "%s/.local/share/naru", home());
    return path;
}

int data_dir_make(const char *path)
{
    char part[PATH_MAX];
    size_t n = strlen(path);

    if (n == 0 || n >= sizeof part) {
        errno = ENAMETOOLONG;
        return -1;
    }
    memcpy(part, path, n + 1);
    for (char *p = part + 1; *p; p++) {
        if (*p != '/') continue;
        *p = 0;
        if (mkdir(part, 0755) && errno != EEXIST) return -1;
        *p = '/';
    }
    struct stat st;
    if (!mkdir(part, 0700)) return 0;
    if (errno != EEXIST || stat(part, &st)) return -1;
    if (S_ISDIR(st.st_mode)) return 0;
    errno = ENOTDIR;
    return -1;
}
