#include "cli/save.h"

#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

static enum err failed(char why[200], const char *path)
{
    snprintf(why, 200, "%.140s: %.50s", path, strerror(errno));
    return ERR_IO;
}

static const char *folder_of(const char *place, char room[PATH_MAX])
{
    snprintf(room, PATH_MAX, "%s", place);
    return dirname(room);
}

static bool write_all(int fd, struct str bytes)
{
    while (bytes.n) {
        ssize_t n = write(fd, bytes.p, bytes.n);
        if (n < 0 && errno == EINTR) continue;
        if (n < 0) return false;
        bytes = (struct str){ bytes.p + n, bytes.n - (size_t)n };
    }
    return fsync(fd) == 0;
}

enum err save_possible(const char *place, char why[200])
{
    char room[PATH_MAX];
    struct stat st;
    const char *folder = folder_of(place, room);

    if (access(folder, W_OK | X_OK)) return failed(why, folder);
    if (stat(place, &st) == 0 && S_ISDIR(st.st_mode)) return errno = EISDIR, failed(why, place);
    if (stat(place, &st) == 0 && !S_ISREG(st.st_mode)) /* a device would be replaced by a file */
        return snprintf(why, 200, "%.140s: is no regular file", place), ERR_IO;
    return ERR_OK;
}

static bool one_file(const char *a, const char *b)
{
    struct stat x, y;

    return stat(a, &x) == 0 && stat(b, &y) == 0 && x.st_dev == y.st_dev && x.st_ino == y.st_ino;
}

bool save_same(const char *a, const char *b)
{
    char of_a[PATH_MAX], of_b[PATH_MAX], name_a[PATH_MAX], name_b[PATH_MAX];

    if (!a || !b) return false;
    if (!strcmp(a, b) || one_file(a, b)) return true;
    snprintf(name_a, sizeof name_a, "%s", a);
    snprintf(name_b, sizeof name_b, "%s", b);
    return !strcmp(basename(name_a), basename(name_b)) && one_file(folder_of(a, of_a), folder_of(b, of_b));
}

static enum err open_beside(struct save *s, const char *place, int *fd, char why[200])
{
    int n = snprintf(s->place, sizeof s->place, "%s", place);
    int m = snprintf(s->beside, sizeof s->beside, "%s.%ld.new", place, (long)getpid());

    if (n >= PATH_MAX || m >= PATH_MAX) return snprintf(why, 200, "%.100s…: the name is too long", place), ERR_TOOBIG;
    *fd = open(s->beside, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
    return *fd < 0 ? failed(why, s->beside) : ERR_OK;
}

enum err save_beside(struct save *s, const char *place, struct str bytes, char why[200])
{
    int fd;
    enum err e = open_beside(s, place, &fd, why);

    if (e) return e;
    if (!write_all(fd, bytes)) e = failed(why, s->beside);
    if (close(fd) && !e) e = failed(why, s->beside);
    if (e) save_drop(s);
    return e;
}

enum err save_open(struct save *s, const char *place, FILE **out, char why[200])
{
    int fd;
    enum err e = open_beside(s, place, &fd, why);

    if (e) return e;
    if ((*out = fdopen(fd, "w"))) return ERR_OK;
    e = failed(why, s->beside);
    close(fd);
    save_drop(s);
    return e;
}

enum err save_close(struct save *s, FILE *f, char why[200])
{
    enum err e = ferror(f) || fflush(f) || fsync(fileno(f)) ? failed(why, s->beside) : ERR_OK;

    if (fclose(f) && !e) e = failed(why, s->beside);
    if (e) save_drop(s);
    return e;
}

enum err save_commit(const struct save *s, char why[200])
{
    char room[PATH_MAX];

    if (rename(s->beside, s->place)) {
        enum err e = failed(why, s->place);
        save_drop(s);
        return e;
    }
    int fd = open(folder_of(s->place, room), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd >= 0) (void)fsync(fd), close(fd); /* not all file systems can; the file itself is safe */
    return ERR_OK;
}

void save_drop(const struct save *s) { (void)unlink(s->beside); }
