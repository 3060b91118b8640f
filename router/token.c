#include "router/token.h"

#include "base/buf.h"
#include "base/log.h"
#include "base/map.h"
#include "base/openssl.h"
#include "base/rng.h"
#include "router/sign.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

/* The list in memory is one array, rebuilt as a whole when the file has changed, and a map from the 32 bytes of each hash. What is
   looked up is the SHA-256 of what the client sent, so the time of a look-up tells nothing about any token; the last comparison is
   in constant time all the same.

   Writers (token_create, token_revoke) hold a lock on FILE.lock, write FILE.new, sync it and rename it over FILE: a reader sees
   the old list or the new one, and lines that nobody understands are kept as they are. */

#define TOKEN_PREFIX   "naru_"
#define TOKEN_CHARS    48u /* with the prefix */
#define FILE_MAX       (16u << 20)
#define TOKENS_MAX     100000u
#define NAME_MAX_BYTES 128u
#define HASH_HEX_MIN   8u

const char *const token_role_names[TOKEN_ROLE_COUNT] = { "source", "agent", "supervisor", "operator" };

struct entry {
    unsigned char hash[32];
    struct token what;
};
struct tokens {
    char *path;
    struct entry *v;
    size_t n;
    struct map by_hash;
    struct stat seen;               /* the file as it was read; st_ino 0: there was none */
    bool unread;                    /* it could not be, the last time: told once, for whoever sends any token has it looked at */
    char last[TOKEN_CHARS];         /* a source sends the same token with every event: the one that was found last … */
    const struct entry *last_entry; /* … and what it is; NULL: none */
};

/* ---- one line ---- */

static int hex_digit(char c)
{
    if (c >= '0' && c <= '9') return c - '0';
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

static bool read_hash(struct str hex, unsigned char out[32])
{
    if (hex.n != 64) return false;
    for (size_t i = 0; i < 32; i++) {
        int hi = hex_digit(hex.p[2 * i]), lo = hex_digit(hex.p[2 * i + 1]);
        if (hi < 0 || lo < 0) return false;
        out[i] = (unsigned char)(hi << 4 | lo);
    }
    return true;
}

static struct str next_word(struct str *line)
{
    const char *blank = line->n ? memchr(line->p, ' ', line->n) : NULL;
    struct str w = { line->p, blank ? (size_t)(blank - line->p) : line->n };
    size_t step = blank ? w.n + 1 : w.n;

    *line = (struct str){ line->p ? line->p + step : NULL, line->n - step };
    return w;
}

static bool copy_word(struct str w, char *out, size_t room)
{
    if (w.n == 0 || w.n >= room) return false;
    for (size_t i = 0; i < w.n; i++)
        if ((unsigned char)w.p[i] <= 0x20 || w.p[i] == 0x7F) return false;
    memcpy(out, w.p, w.n);
    out[w.n] = 0;
    return true;
}

static bool read_role(struct str w, enum token_role *out)
{
    for (int i = 0; i < TOKEN_ROLE_COUNT; i++)
        if (str_is(w, token_role_names[i])) {
            *out = (enum token_role)i;
            return true;
        }
    return false;
}

static bool read_line(struct str line, unsigned char hash[32], struct token_row *row)
{
    struct str hex = next_word(&line);

    if (!read_hash(hex, hash)) return false;
    memcpy(row->hash, hex.p, 64);
    row->hash[64] = 0;
    if (!read_role(next_word(&line), &row->what.role)) return false;
    if (!copy_word(next_word(&line), row->what.workspace, sizeof row->what.workspace)) return false;
    if (!copy_word(next_word(&line), row->what.subject, sizeof row->what.subject)) return false;
    if (str_u64(next_word(&line), 0, INT64_MAX, &row->created)) return false;
    if (str_u64(next_word(&line), 0, INT64_MAX, &row->what.expires)) return false;
    row->name = line;
    return true;
}

/* ---- the file ---- */

static enum err read_file(const char *path, struct buf *out, struct stat *st)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    char p[16384];
    ssize_t n;

    memset(st, 0, sizeof *st);
    if (fd < 0) return access(path, F_OK) ? ERR_OK : ERR_IO;
    fstat(fd, st);
    while ((n = read(fd, p, sizeof p)) > 0) buf_add(out, p, (size_t)n);
    close(fd);
    if (n < 0) return ERR_IO;
    return out->err;
}

static bool next_line(struct str *text, struct str *line)
{
    if (text->n == 0) return false;
    const char *lf = memchr(text->p, '\n', text->n);
    size_t n = lf ? (size_t)(lf - text->p) : text->n, step = lf ? n + 1 : n;
    *line = (struct str){ text->p, n };
    *text = (struct str){ text->p + step, text->n - step };
    return true;
}

static bool is_blank(struct str line) { return line.n == 0 || line.p[0] == '#'; }

enum err token_list(const char *path, void (*fn)(void *ctx, const struct token_row *row), void *ctx)
{
    struct token_row row;
    unsigned char hash[32];
    struct str text, line;
    struct stat st;
    struct buf b;

    buf_init(&b, FILE_MAX);
    enum err e = read_file(path, &b, &st);
    text = buf_str(&b);
    while (!e && next_line(&text, &line))
        if (!is_blank(line) && read_line(line, hash, &row)) fn(ctx, &row);
    buf_fini(&b);
    return e;
}

/* ---- the list in memory ---- */

static void drop(struct tokens *t)
{
    map_fini(&t->by_hash);
    map_init(&t->by_hash, TOKENS_MAX);
    free(t->v);
    t->v = NULL;
    t->n = 0;
    t->last_entry = NULL;
}

static size_t count_lines(struct str text)
{
    struct str line;
    size_t n = 0;

    while (next_line(&text, &line)) n++;
    return n < TOKENS_MAX ? n : TOKENS_MAX;
}

static enum err load(struct tokens *t)
{
    struct token_row row;
    struct str text, line;
    struct stat st;
    struct buf b;
    size_t number = 0, room;

    buf_init(&b, FILE_MAX);
    enum err e = read_file(t->path, &b, &st);
    if (e) {
        if (!t->unread) log_error("tokens=%s cannot be read; the tokens known before stay valid", t->path);
        t->unread = true;
        goto out;
    }
    t->unread = false;
    text = buf_str(&b);
    drop(t);
    t->seen = st;
    room = count_lines(text);
    if (room && !(t->v = calloc(room, sizeof *t->v))) {
        e = ERR_NOMEM;
        goto out;
    }
    while (next_line(&text, &line) && t->n < room) {
        struct entry *it = &t->v[t->n];
        number++;
        if (is_blank(line)) continue;
        if (!read_line(line, it->hash, &row)) {
            log_warn("tokens=%s:%zu is malformed and skipped", t->path, number);
            e = ERR_PROTO;
            continue;
        }
        it->what = row.what;
        if (!map_put(&t->by_hash, (struct str){ (char *)it->hash, 32 }, it)) t->n++;
    }
out:
    buf_fini(&b);
    return e;
}

enum err tokens_open(struct tokens **out, const char *path)
{
    struct tokens *t = calloc(1, sizeof *t);

    *out = NULL;
    if (!t) return ERR_NOMEM;
    map_init(&t->by_hash, TOKENS_MAX);
    t->path = strdup(path);
    enum err e = t->path ? load(t) : ERR_NOMEM;
    if (e && e != ERR_PROTO) {
        tokens_close(t);
        return e;
    }
    *out = t;
    return e;
}

void tokens_close(struct tokens *t)
{
    if (!t) return;
    drop(t);
    map_fini(&t->by_hash);
    free(t->path);
    free(t);
}

void tokens_refresh(struct tokens *t)
{
    struct stat st = { 0 };

    if (stat(t->path, &st)) st = (struct stat){ 0 };
    if (st.st_ino == t->seen.st_ino && st.st_size == t->seen.st_size && st.st_mtim.tv_sec == t->seen.st_mtim.tv_sec &&
        st.st_mtim.tv_nsec == t->seen.st_mtim.tv_nsec) {
        t->unread = false;
        return;
    }
    (void)load(t);
    if (!t->unread) log_info("tokens=%s read again count=%zu", t->path, t->n);
}

/* What a header says is a token; empty: it is none. */
static struct str token_of(struct str header)
{
    if (header.n < 7 || (memcmp(header.p, "Bearer ", 7) != 0 && memcmp(header.p, "bearer ", 7) != 0)) return STR_NONE;
    struct str text = { header.p + 7, header.n - 7 };
    bool good = text.n == TOKEN_CHARS && memcmp(text.p, TOKEN_PREFIX, sizeof TOKEN_PREFIX - 1) == 0;
    return good ? text : STR_NONE;
}

bool token_hash(struct str header, unsigned char hash[32])
{
    struct str text = token_of(header);
    if (text.n) SHA256((const unsigned char *)text.p, text.n, hash);
    return text.n > 0;
}

static const struct entry *find(const struct tokens *t, const unsigned char hash[32])
{
    const struct entry *it = map_get(&t->by_hash, (struct str){ (const char *)hash, 32 });
    return it && CRYPTO_memcmp(it->hash, hash, 32) == 0 ? it : NULL;
}

static enum err give(const struct entry *it, uint64_t wall_ms, const struct token **out)
{
    if (it->what.expires && it->what.expires <= wall_ms) return ERR_STALE;
    *out = &it->what;
    return ERR_OK;
}

enum err tokens_check(struct tokens *t, struct str header, uint64_t wall_ms, const struct token **out)
{
    unsigned char hash[32];
    struct str text = token_of(header);

    *out = NULL;
    if (!text.n) return ERR_UNAUTHORIZED;
    if (t->last_entry && CRYPTO_memcmp(text.p, t->last, TOKEN_CHARS) == 0) return give(t->last_entry, wall_ms, out);
    if (!token_hash(header, hash)) return ERR_UNAUTHORIZED;
    const struct entry *it = find(t, hash);
    if (!it) return ERR_UNAUTHORIZED;
    memcpy(t->last, text.p, TOKEN_CHARS);
    t->last_entry = it;
    return give(it, wall_ms, out);
}

enum err tokens_again(const struct tokens *t, const unsigned char hash[32], uint64_t wall_ms, const struct token **out)
{
    const struct entry *it = find(t, hash);

    *out = NULL;
    return it ? give(it, wall_ms, out) : ERR_UNAUTHORIZED;
}

/* ---- writing ---- */

static enum err write_all(int fd, struct str s)
{
    while (s.n) {
        ssize_t n = write(fd, s.p, s.n);
        if (n < 0) return ERR_IO;
        s.p += n;
        s.n -= (size_t)n;
    }
    return fsync(fd) ? ERR_IO : ERR_OK;
}

static enum err replace_file(const char *path, struct str text)
{
    char fresh[4096];

    if ((size_t)snprintf(fresh, sizeof fresh, "%s.new", path) >= sizeof fresh) return ERR_RANGE;
    int fd = open(fresh, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    if (fd < 0) return ERR_IO;
    enum err e = fchmod(fd, 0600) ? ERR_IO : write_all(fd, text);
    if (close(fd) && !e) e = ERR_IO;
    if (!e && rename(fresh, path)) e = ERR_IO;
    if (e) unlink(fresh);
    return e;
}

static int lock_file(const char *path)
{
    char lock[4096];

    if ((size_t)snprintf(lock, sizeof lock, "%s.lock", path) >= sizeof lock) return -1;
    int fd = open(lock, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
    if (fd >= 0 && flock(fd, LOCK_EX)) {
        close(fd);
        return -1;
    }
    return fd;
}

static void make_text(char text[64])
{
    unsigned char secret[32];
    char base64[48];

    rng_secret(secret, sizeof secret);
    EVP_EncodeBlock((unsigned char *)base64, secret, sizeof secret);
    OPENSSL_cleanse(secret, sizeof secret);
    memcpy(text, TOKEN_PREFIX, 5);
    for (size_t i = 0; i < 43; i++) text[5 + i] = base64[i] == '+' ? '-' : base64[i] == '/' ? '_' : base64[i];
    text[TOKEN_CHARS] = 0;
}

static void add_line(struct buf *b, const char *text, const struct token *what, struct str name, uint64_t wall_ms)
{
    unsigned char hash[32];
    char hex[2 * sizeof hash + 1];

    SHA256((const unsigned char *)text, TOKEN_CHARS, hash);
    sign_hex(hash, sizeof hash, hex);
    buf_addf(b, "%s %s %s %s %llu %llu %.*s\n", hex, token_role_names[what->role], what->workspace, what->subject,
             (unsigned long long)wall_ms, (unsigned long long)what->expires, STR_FMT(name));
}

static bool what_ok(const struct token *what, struct str name)
{
    char word[129];

    if ((unsigned)what->role >= TOKEN_ROLE_COUNT || name.n > NAME_MAX_BYTES) return false;
    for (size_t i = 0; i < name.n; i++)
        if ((unsigned char)name.p[i] < 0x20) return false;
    return copy_word(str_of(what->workspace), word, sizeof word) && copy_word(str_of(what->subject), word, sizeof word);
}

enum err token_create(const char *path, const struct token *what, struct str name, uint64_t wall_ms, char text[64])
{
    struct stat st;
    struct buf b;

    if (!what_ok(what, name)) return ERR_RANGE;
    int lock = lock_file(path);
    if (lock < 0) return ERR_IO;
    buf_init(&b, FILE_MAX);
    enum err e = read_file(path, &b, &st);
    if (b.n && b.p[b.n - 1] != '\n') buf_addc(&b, '\n');
    make_text(text);
    add_line(&b, text, what, name, wall_ms);
    if (!e) e = b.err;
    if (!e) e = replace_file(path, buf_str(&b));
    buf_fini(&b);
    close(lock);
    return e;
}

enum err token_revoke(const char *path, struct str hash_prefix, uint32_t *removed)
{
    struct buf before, after;
    struct str text, line;
    struct stat st;

    *removed = 0;
    if (hash_prefix.n < HASH_HEX_MIN || hash_prefix.n > 64) return ERR_RANGE;
    int lock = lock_file(path);
    if (lock < 0) return ERR_IO;
    buf_init(&before, FILE_MAX);
    buf_init(&after, FILE_MAX);
    enum err e = read_file(path, &before, &st);
    text = buf_str(&before);
    while (!e && next_line(&text, &line)) {
        if (!is_blank(line) && line.n >= hash_prefix.n && !memcmp(line.p, hash_prefix.p, hash_prefix.n)) {
            ++*removed;
            continue;
        }
        buf_addstr(&after, line);
        buf_addc(&after, '\n');
    }
    if (!e) e = after.err;
    if (!e && *removed) e = replace_file(path, buf_str(&after));
    buf_fini(&before);
    buf_fini(&after);
    close(lock);
    return e;
}
