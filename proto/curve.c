#include "proto/curve.h"

#include "base/log.h"
#include "base/panic.h"
#include "base/zpump.h"

#define ZMQ_BUILD_DRAFT_API 1 /* for ZMQ_ZAP_ENFORCE_DOMAIN, which the header hides and the library has */
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <zmq.h>

/* libzmq 4.3.4 lets every key in when CURVE is set without a ZAP handler, so a served socket also gets ZMQ_ZAP_ENFORCE_DOMAIN:
   without our guard nobody connects, with it only the keys of the peers' file.

   The guard is the only thing in Naru that a process has once: libzmq fixes its address. It is a REP socket, so each question
   must be read to its last part and answered before the next; parts beyond the eighth are read and forgotten. */

#define PEERS_MAX  1024
#define PARTS_MAX  8
#define ENTRY_MARK "?key="

static struct {
    struct zpump *pump;
    void *sock;
    struct curve *first;
    struct {
        char bytes[256];
        size_t n;
    } part[PARTS_MAX];
    size_t parts;
} guard;

enum { ZAP_VERSION, ZAP_REQUEST, ZAP_DOMAIN, ZAP_ADDRESS, ZAP_IDENTITY, ZAP_MECHANISM, ZAP_KEY, ZAP_PARTS };

/* ---- files ---- */

static bool decode(struct str z85, uint8_t out[32])
{
    char text[CURVE_KEY_TEXT + 1] = { 0 };

    if (z85.n != CURVE_KEY_TEXT) return false;
    memcpy(text, z85.p, z85.n);
    return zmq_z85_decode(out, text) != NULL;
}

static struct str first_word(const char *line)
{
    size_t from = strspn(line, " \t"), n = strcspn(line + from, " \t\r\n");

    return (struct str){ line + from, n };
}

static enum err load_secret(struct curve *c, const char *file)
{
    FILE *f = fopen(file, "r");
    char line[256] = "";
    uint8_t raw[32];
    struct stat st;
    enum err e = ERR_OK;

    if (!f || !fgets(line, sizeof line, f)) {
        log_error("file=%s cannot read the secret key", file);
        e = ERR_IO;
    } else if (!decode(first_word(line), raw)) {
        log_error("file=%s does not begin with a secret key of 40 characters (Z85)", file);
        e = ERR_USAGE;
    } else {
        memcpy(c->secret_key, first_word(line).p, CURVE_KEY_TEXT);
        if (fstat(fileno(f), &st) == 0 && (st.st_mode & 077))
            log_warn("file=%s others can read the secret key: chmod 600 it", file);
        if (zmq_curve_public(c->public_key, c->secret_key)) e = ERR_USAGE;
    }
    explicit_bzero(line, sizeof line);
    explicit_bzero(raw, sizeof raw);
    if (f) fclose(f);
    return e;
}

static enum err add_peer(struct curve *c, const char *file, unsigned line_no, const char *line)
{
    struct str word = first_word(line);

    if (word.n == 0 || str_is(word, "#")) return ERR_OK;
    if (c->count == PEERS_MAX || !decode(word, c->peers[c->count])) {
        log_error("%s:%u: %s", file, line_no, c->count == PEERS_MAX ? "too many keys" : "not a public key of 40 characters (Z85)");
        return ERR_USAGE;
    }
    c->count++;
    return ERR_OK;
}

static enum err load_peers(struct curve *c, const char *file)
{
    FILE *f = fopen(file, "r");
    char line[512];
    enum err e = ERR_OK;

    if (!f) {
        log_error("file=%s cannot read the peers' public keys", file);
        return ERR_IO;
    }
    if (!(c->peers = calloc(PEERS_MAX, sizeof *c->peers))) e = ERR_NOMEM;
    for (unsigned no = 1; !e && fgets(line, sizeof line, f); no++) e = add_peer(c, file, no, line);
    fclose(f);
    return e;
}

enum err curve_load(struct curve *c, const char *name, const char *secret_file, const char *peers_file)
{
    *c = (struct curve){ 0 };
    snprintf(c->name, sizeof c->name, "%s", name);
    if (!peers_file) {
        log_error("a secret key needs the file of the peers' public keys too");
        return ERR_USAGE;
    }
    enum err e = load_secret(c, secret_file);
    return e ? e : load_peers(c, peers_file);
}

void curve_fini(struct curve *c)
{
    explicit_bzero(c->secret_key, sizeof c->secret_key);
    free(c->peers);
    c->peers = NULL;
    c->count = 0;
}

static bool knows_raw(const struct curve *c, const uint8_t key[32])
{
    for (size_t i = 0; i < c->count; i++)
        if (memcmp(c->peers[i], key, 32) == 0) return true;
    return false;
}

bool curve_knows(const struct curve *c, struct str z85)
{
    uint8_t raw[32];

    return decode(z85, raw) && knows_raw(c, raw);
}

enum err curve_split(struct str endpoint, struct str *address, struct str *key)
{
    const char *mark = endpoint.n ? memmem(endpoint.p, endpoint.n, ENTRY_MARK, sizeof ENTRY_MARK - 1) : NULL;
    uint8_t raw[32];

    *address = endpoint;
    *key = STR_NONE;
    if (!mark) return ERR_OK;
    address->n = (size_t)(mark - endpoint.p);
    key->p = mark + sizeof ENTRY_MARK - 1;
    key->n = endpoint.n - address->n - (sizeof ENTRY_MARK - 1);
    return decode(*key, raw) ? ERR_OK : ERR_USAGE;
}

/* ---- sockets ---- */

enum err curve_serve(const struct curve *c, void *sock)
{
    int on = 1;

    if (zmq_setsockopt(sock, ZMQ_CURVE_SERVER, &on, sizeof on) ||
        zmq_setsockopt(sock, ZMQ_CURVE_SECRETKEY, c->secret_key, CURVE_KEY_TEXT + 1) ||
        zmq_setsockopt(sock, ZMQ_ZAP_DOMAIN, c->name, strlen(c->name)) ||
        zmq_setsockopt(sock, ZMQ_ZAP_ENFORCE_DOMAIN, &on, sizeof on))
        return ERR_IO;
    return ERR_OK;
}

enum err curve_connect(const struct curve *c, void *sock, struct str server_key)
{
    char key[CURVE_KEY_TEXT + 1] = { 0 };

    memcpy(key, server_key.p, CURVE_KEY_TEXT);
    if (zmq_setsockopt(sock, ZMQ_CURVE_SERVERKEY, key, sizeof key) ||
        zmq_setsockopt(sock, ZMQ_CURVE_PUBLICKEY, c->public_key, sizeof c->public_key) ||
        zmq_setsockopt(sock, ZMQ_CURVE_SECRETKEY, c->secret_key, sizeof c->secret_key))
        return ERR_IO;
    return ERR_OK;
}

/* ---- the guard ---- */

static bool part_is(size_t i, const char *text)
{
    return i < guard.parts && str_is((struct str){ guard.part[i].bytes, guard.part[i].n }, text);
}

static bool admitted(void)
{
    struct curve *c = guard.first;

    while (c && !part_is(ZAP_DOMAIN, c->name)) c = c->next;
    if (!c) return false;
    if (guard.parts == ZAP_PARTS && part_is(ZAP_MECHANISM, "CURVE") && guard.part[ZAP_KEY].n == 32 &&
        knows_raw(c, (const uint8_t *)guard.part[ZAP_KEY].bytes))
        return true;
    if (c->on_stranger) c->on_stranger(c->ctx);
    return false;
}

static void answer(bool yes)
{
    const char *texts[] = { "1.0", NULL, yes ? "200" : "400", yes ? "known key" : "unknown key", "", "" };

    for (size_t i = 0; i < 6; i++) {
        int more = i < 5 ? ZMQ_SNDMORE : 0;
        const char *p = texts[i] ? texts[i] : guard.part[ZAP_REQUEST].bytes;
        size_t n = texts[i] ? strlen(texts[i]) : guard.parts > ZAP_REQUEST ? guard.part[ZAP_REQUEST].n : 0;
        if (zmq_send(guard.sock, p, n, ZMQ_DONTWAIT | more) < 0)
            log_error("cannot answer a key check: %s", zmq_strerror(zmq_errno()));
    }
}

/* Called once a part; the socket tells whether another follows. */
static void on_part(void *ctx, const void *data, size_t len)
{
    int more = 0;
    size_t n = sizeof more;

    (void)ctx;
    if (guard.parts < PARTS_MAX) { /* one that is too long matches nothing */
        guard.part[guard.parts].n = len <= sizeof guard.part[0].bytes ? len : 0;
        memcpy(guard.part[guard.parts].bytes, data, guard.part[guard.parts].n);
        guard.parts++;
    }
    zmq_getsockopt(guard.sock, ZMQ_RCVMORE, &more, &n);
    if (more) return;
    answer(admitted());
    guard.parts = 0;
}

static enum err guard_open(void *zmq, uv_loop_t *loop)
{
    int linger = 0;
    enum err e = ERR_IO;
    void *sock = zmq_socket(zmq, ZMQ_REP);

    if (!sock) return ERR_NOMEM;
    zmq_setsockopt(sock, ZMQ_LINGER, &linger, sizeof linger);
    if (zmq_bind(sock, "inproc://zeromq.zap.01") == 0) e = zpump_open(&guard.pump, loop, sock, on_part, NULL);
    if (e) zmq_close(sock);
    else guard.sock = sock;
    return e;
}

enum err curve_guard(struct curve *c, void *zmq, uv_loop_t *loop)
{
    if (!guard.pump) {
        enum err e = guard_open(zmq, loop);
        if (e) return e;
    }
    c->next = guard.first;
    guard.first = c;
    return ERR_OK;
}

void curve_unguard(struct curve *c)
{
    struct curve **at = &guard.first;

    while (*at && *at != c) at = &(*at)->next;
    if (!*at) return;
    *at = c->next;
    if (guard.first) return;
    zpump_close(guard.pump);
    guard.pump = NULL;
    guard.sock = NULL;
    guard.parts = 0;
}
