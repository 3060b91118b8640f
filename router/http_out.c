/* A call (out_call) is on `calls` from http_out_post until its end or its cancelling, and its easy handle is in the multi handle
   (curl_loop.c) as long. Handles of plain calls are used again (`spare`): making one costs more than resetting it. One that carried
   a password or a mail is not.

   libcurl's own deadline covers a call that runs. A call that waits for one of LIM_OUT_SOCKETS has none there; `sweep` ends it. */
#include "router/http_out.h"

#include "base/address.h"
#include "base/buf.h"
#include "base/clock.h"
#include "base/limits.h"
#include "base/log.h"
#include "base/loop.h"
#include "base/metrics.h"
#include "base/openssl.h"
#include "router/curl_loop.h"
#include "router/sign.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/queue.h>

#define SWEEP_MS 250u
#define SPARE    64u /* easy handles kept, of some 20 KiB each */

#define OUT_END_WORD(id, word) word,
const char *const out_end_words[OUT_END_COUNT] = { OUT_END_MAP(OUT_END_WORD) };
#undef OUT_END_WORD

struct out_call {
    struct http_out *out;
    TAILQ_ENTRY(out_call) link;
    CURL *easy;
    struct curl_slist *headers;
    struct buf answer;
    uint64_t asked, deadline; /* mono ms */
    out_fn *fn;
    void *ctx;
    struct curl_slist *mail_to;
    bool public_only, is_private; /* is_private: its address was refused for that */
    bool plain;                   /* its handle may be used again */
    size_t body_n, mail_at;       /* mail_at: how much of a mail was handed to libcurl */
    char body[];
};
struct http_out {
    struct curl_loop curl;
    struct timer sweep;
    TAILQ_HEAD(, out_call) calls;
    uint32_t count, spares;
    CURL *spare[SPARE];
};

/* ---- handles ---- */

static CURL *easy_get(struct http_out *o) { return o->spares ? o->spare[--o->spares] : curl_easy_init(); }

static void easy_put(struct http_out *o, CURL *easy, bool again)
{
    if (!again || o->spares == SPARE) {
        curl_easy_cleanup(easy);
        return;
    }
    curl_easy_reset(easy);
    o->spare[o->spares++] = easy;
}

/* ---- ends ---- */

static void call_free(struct out_call *c)
{
    struct http_out *o = c->out;
    TAILQ_REMOVE(&o->calls, c, link);
    if (--o->count == 0) timer_stop(&o->sweep);
    if (c->easy) {
        curl_loop_remove(&o->curl, c->easy);
        easy_put(o, c->easy, c->plain);
    }
    curl_slist_free_all(c->headers);
    curl_slist_free_all(c->mail_to);
    buf_fini(&c->answer);
    free(c);
}

static void end(struct out_call *c, struct out_answer said)
{
    out_fn *fn = c->fn;
    void *ctx = c->ctx;
    struct buf answer = c->answer;
    metric_add(MET_WEBHOOK_CALLS, out_end_words[said.end], 1);
    metric_observe(MET_WEBHOOK_TIME, "", (double)(clock_mono_ms() - c->asked) / 1e3);
    memset(&c->answer, 0, sizeof c->answer); /* ours now */
    call_free(c);
    if (said.end == OUT_OK || said.end == OUT_STATUS) said.body = buf_str(&answer);
    fn(ctx, &said);
    buf_fini(&answer);
}

static const struct code_row {
    CURLcode code;
    enum out_end end;
} code_rows[] = {
    { CURLE_OPERATION_TIMEDOUT, OUT_TIMEOUT },    { CURLE_COULDNT_RESOLVE_HOST, OUT_CONNECT },
    { CURLE_COULDNT_RESOLVE_PROXY, OUT_CONNECT }, { CURLE_COULDNT_CONNECT, OUT_CONNECT },
    { CURLE_SSL_CONNECT_ERROR, OUT_TLS },         { CURLE_PEER_FAILED_VERIFICATION, OUT_TLS },
    { CURLE_SSL_CACERT_BADFILE, OUT_TLS },        { CURLE_SSL_CERTPROBLEM, OUT_TLS },
};

static void ended(struct out_call *c, CURLcode code)
{
    long status = 0, bytes = 0;
    curl_off_t later = 0;
    enum out_end how = OUT_BROKEN;
    curl_easy_getinfo(c->easy, CURLINFO_RESPONSE_CODE, &status);
    curl_easy_getinfo(c->easy, CURLINFO_REQUEST_SIZE, &bytes);
    curl_easy_getinfo(c->easy, CURLINFO_RETRY_AFTER, &later);
    /* SMTP tells a code for each command: of a mail that failed only a refusal is the answer, not the last "go on". */
    bool mail = c->mail_to != NULL;
    if (mail && code != CURLE_OK && status < 400) status = 0;
    if (mail && status >= 400) how = OUT_STATUS;
    else if (code == CURLE_OK) how = status >= 200 && status < 300 ? OUT_OK : OUT_STATUS;
    else if (c->answer.err) how = OUT_TOOBIG;
    else if (c->is_private) how = OUT_PRIVATE;
    for (size_t i = 0; how == OUT_BROKEN && i < sizeof code_rows / sizeof *code_rows; i++) {
        if (code_rows[i].code == code) how = code_rows[i].end;
    }
    end(c, (struct out_answer){ .end = how,
                                .status = (unsigned)status,
                                .retry_after_s = later > 0 && later < UINT32_MAX ? (uint32_t)later : 0,
                                .sent = mail ? c->mail_at > 0 || status : bytes > 0 });
}

static void on_done(CURL *easy, CURLcode code)
{
    struct out_call *c = NULL;
    if (!curl_easy_getinfo(easy, CURLINFO_PRIVATE, (char **)&c) && c) ended(c, code);
}

static void on_sweep(struct timer *t)
{
    struct http_out *o = t->ctx;
    struct out_call *c, *next;
    uint64_t now = clock_mono_ms();
    for (c = TAILQ_FIRST(&o->calls); c; c = next) {
        next = TAILQ_NEXT(c, link);
        if (now < c->deadline + SWEEP_MS) continue;                      /* libcurl's own deadline comes first */
        end(c, (struct out_answer){ .end = OUT_TIMEOUT, .sent = true }); /* it may just have got its connection */
        next = TAILQ_FIRST(&o->calls);                                   /* its callback may have done anything to the list */
    }
}

/* ---- opening and closing ---- */

enum err http_out_open(struct http_out **out, uv_loop_t *loop)
{
    struct http_out *o = calloc(1, sizeof *o);
    if (!o) return ERR_NOMEM;
    if (curl_global_init(CURL_GLOBAL_DEFAULT)) return free(o), ERR_INTERNAL;
    enum err e = curl_loop_open(&o->curl, loop, LIM_OUT_SOCKETS, on_done);
    if (e) return curl_global_cleanup(), free(o), e;
    TAILQ_INIT(&o->calls);
    timer_init(&o->sweep, loop, on_sweep, o);
    *out = o;
    return ERR_OK;
}

void http_out_close(struct http_out *o)
{
    struct out_call *c;
    if (!o || !o->curl.multi) return;
    while ((c = TAILQ_FIRST(&o->calls))) call_free(c);
    while (o->spares) curl_easy_cleanup(o->spare[--o->spares]);
    curl_loop_close(&o->curl);
    timer_fini(&o->sweep);
    curl_global_cleanup();
}

void http_out_free(struct http_out *o) { free(o); }

/* ---- one call ---- */

static size_t on_body(char *p, size_t size, size_t n, void *ctx)
{
    struct out_call *c = ctx;
    buf_add(&c->answer, p, size * n);
    return c->answer.err ? 0 : size * n; /* 0: libcurl ends the call */
}

static bool add_header(struct out_call *c, const char *line)
{
    struct curl_slist *more = curl_slist_append(c->headers, line);
    if (more) c->headers = more;
    return more != NULL;
}

enum err http_out_sign(char out[OUT_SIGNATURE], struct str secret, uint64_t wall_ms, struct str body)
{
    struct mac m;
    int n = snprintf(out, OUT_SIGNATURE, "t=%llu", (unsigned long long)(wall_ms / 1000));
    const struct str parts[] = { { out + 2, (size_t)n - 2 }, STR("."), body };
    enum err e = sign_hmac(&m, SIGN_SHA256, secret, parts, 3);
    if (e) return e;
    memcpy(out + n, ",v1=", 4);
    sign_hex(m.p, m.n, out + n + 4);
    return ERR_OK;
}

/* One of ours, unless the caller said its own. */
static bool add_default(struct out_call *c, struct str own, const char *name, const char *line)
{
    size_t n = strlen(name);
    for (struct str rest = own; rest.n;) {
        const char *nl = memchr(rest.p, '\n', rest.n);
        if (rest.n > n && !strncasecmp(rest.p, name, n) && rest.p[n] == ':') return true;
        if (!nl) break;
        rest = (struct str){ nl + 1, rest.n - (size_t)(nl + 1 - rest.p) };
    }
    return add_header(c, line);
}

static bool add_own(struct out_call *c, struct str own)
{
    char line[4096];
    while (own.n) {
        const char *nl = memchr(own.p, '\n', own.n);
        size_t n = nl ? (size_t)(nl - own.p) : own.n;
        if (n >= sizeof line) return false;
        snprintf(line, sizeof line, "%.*s", (int)n, own.p);
        if (n && (strchr(line, '\r') || !add_header(c, line))) return false;
        own = (struct str){ own.p + n + (nl != NULL), own.n - n - (nl != NULL) };
    }
    return true;
}

static bool set_headers(struct out_call *c, const struct out_ask *ask)
{
    char line[OUT_SIGNATURE + 20] = "Naru-Signature: ";
    if (ask->mail_from) return true;
    if (!add_default(c, ask->headers, "Content-Type", "Content-Type: application/json") ||
        !add_default(c, ask->headers, "Accept", "Accept: application/json") || !add_header(c, "Expect:") ||
        !add_own(c, ask->headers))
        return false;
    if (!ask->secret.n) return true;
    char *value = line + strlen(line);
    return !http_out_sign(value, ask->secret, ask->now, ask->body) && add_header(c, line);
}

static size_t on_mail(char *out, size_t size, size_t n, void *ctx)
{
    struct out_call *c = ctx;
    size_t left = c->body_n - c->mail_at, give = left < size * n ? left : size * n;
    memcpy(out, c->body + c->mail_at, give);
    c->mail_at += give;
    return give;
}

/* A connection that somebody else's call opened may be used again: its address is looked at once more before a request leaves. */
static int on_connected(void *ctx, char *ip, char *own_ip, int port, int own_port)
{
    struct out_call *c = ctx;
    struct sockaddr_in6 a6 = { .sin6_family = AF_INET6 };
    struct sockaddr_in a4 = { .sin_family = AF_INET };
    (void)own_ip, (void)port, (void)own_port;
    const struct sockaddr *a = inet_pton(AF_INET, ip, &a4.sin_addr) == 1 ? (struct sockaddr *)&a4 : (struct sockaddr *)&a6;
    bool known = a->sa_family == AF_INET || inet_pton(AF_INET6, ip, &a6.sin6_addr) == 1;
    c->is_private = !known || !address_public(a);
    return c->is_private ? CURL_PREREQFUNC_ABORT : CURL_PREREQFUNC_OK;
}

/* The name was resolved: what counts is the address that is connected to. */
static curl_socket_t on_open(void *ctx, curlsocktype purpose, struct curl_sockaddr *a)
{
    struct out_call *c = ctx;
    (void)purpose;
    if (c->public_only && !address_public(&a->addr)) {
        c->is_private = true;
        return CURL_SOCKET_BAD;
    }
    return curl_loop_socket(&c->out->curl, a);
}

static CURLcode set_http(struct out_call *c, const struct out_ask *ask)
{
    CURLcode e = curl_easy_setopt(c->easy, CURLOPT_PROTOCOLS_STR, "http,https");
    if (!e) e = curl_easy_setopt(c->easy, CURLOPT_HTTPHEADER, c->headers);
    if (!e) e = curl_easy_setopt(c->easy, CURLOPT_POST, 1L);
    if (!e && ask->method) e = curl_easy_setopt(c->easy, CURLOPT_CUSTOMREQUEST, ask->method);
    if (!e) e = curl_easy_setopt(c->easy, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)c->body_n);
    if (!e) e = curl_easy_setopt(c->easy, CURLOPT_POSTFIELDS, (const char *)c->body);
    return e;
}

static CURLcode set_mail(struct out_call *c, const struct out_ask *ask)
{
    CURLcode e = curl_easy_setopt(c->easy, CURLOPT_PROTOCOLS_STR, "smtp,smtps");
    if (!ask->mail_to || !(c->mail_to = curl_slist_append(NULL, ask->mail_to))) return CURLE_OUT_OF_MEMORY;
    if (!e) e = curl_easy_setopt(c->easy, CURLOPT_USE_SSL, ask->user.n ? (long)CURLUSESSL_ALL : (long)CURLUSESSL_TRY);
    if (!e) e = curl_easy_setopt(c->easy, CURLOPT_MAIL_FROM, ask->mail_from);
    if (!e) e = curl_easy_setopt(c->easy, CURLOPT_MAIL_RCPT, c->mail_to);
    if (!e) e = curl_easy_setopt(c->easy, CURLOPT_UPLOAD, 1L);
    if (!e) e = curl_easy_setopt(c->easy, CURLOPT_READFUNCTION, on_mail);
    if (!e) e = curl_easy_setopt(c->easy, CURLOPT_READDATA, c);
    return e;
}

static CURLcode set_user(struct out_call *c, const struct out_ask *ask)
{
    char text[1024];
    if (!ask->user.n) return CURLE_OK;
    if (ask->user.n >= sizeof text || ask->password.n >= sizeof text) return CURLE_BAD_FUNCTION_ARGUMENT;
    snprintf(text, sizeof text, "%.*s", STR_FMT(ask->user));
    CURLcode e = curl_easy_setopt(c->easy, CURLOPT_USERNAME, text);
    snprintf(text, sizeof text, "%.*s", STR_FMT(ask->password));
    if (!e) e = curl_easy_setopt(c->easy, CURLOPT_PASSWORD, text);
    OPENSSL_cleanse(text, sizeof text);
    return e;
}

static CURLcode set_options(struct out_call *c, const struct out_ask *ask)
{
    CURLcode e = curl_easy_setopt(c->easy, CURLOPT_URL, ask->url);
    if (!e) e = curl_easy_setopt(c->easy, CURLOPT_PRIVATE, c);
    if (!e) e = curl_easy_setopt(c->easy, CURLOPT_NOSIGNAL, 1L);
    if (!e) e = curl_easy_setopt(c->easy, CURLOPT_TIMEOUT_MS, (long)ask->within_ms);
    if (!e) e = curl_easy_setopt(c->easy, CURLOPT_FOLLOWLOCATION, 0L);
    if (!e) e = curl_easy_setopt(c->easy, CURLOPT_FRESH_CONNECT, ask->once ? 1L : 0L);
    if (!e) e = curl_easy_setopt(c->easy, CURLOPT_SSL_VERIFYPEER, 1L);
    if (!e) e = curl_easy_setopt(c->easy, CURLOPT_SSL_VERIFYHOST, 2L);
    if (!e) e = curl_easy_setopt(c->easy, CURLOPT_USERAGENT, "naru/" NARU_VERSION);
    if (!e) e = curl_easy_setopt(c->easy, CURLOPT_WRITEFUNCTION, on_body);
    if (!e) e = curl_easy_setopt(c->easy, CURLOPT_WRITEDATA, c);
    if (!e) e = curl_easy_setopt(c->easy, CURLOPT_OPENSOCKETFUNCTION, on_open);
    if (!e) e = curl_easy_setopt(c->easy, CURLOPT_OPENSOCKETDATA, c);
    if (!e && ask->public_only) e = curl_easy_setopt(c->easy, CURLOPT_PREREQFUNCTION, on_connected);
    if (!e && ask->public_only) e = curl_easy_setopt(c->easy, CURLOPT_PREREQDATA, c);
    if (!e) e = curl_easy_setopt(c->easy, CURLOPT_CLOSESOCKETFUNCTION, curl_loop_close_socket);
    if (!e) e = curl_easy_setopt(c->easy, CURLOPT_CLOSESOCKETDATA, &c->out->curl);
    if (!e) e = set_user(c, ask);
    if (!e) e = ask->mail_from ? set_mail(c, ask) : set_http(c, ask);
    return e;
}

enum err http_out_post(struct http_out *o, const struct out_ask *ask, out_fn *fn, void *ctx, struct out_call **call)
{
    if (!o->curl.multi) return ERR_CLOSED;
    if (o->count >= LIM_OUT_CALLS) {
        metric_add(MET_WEBHOOK_CALLS, "full", 1);
        return ERR_FULL;
    }
    struct out_call *c = calloc(1, sizeof *c + ask->body.n + 1);
    if (!c) return ERR_NOMEM;
    c->out = o;
    c->fn = fn;
    c->ctx = ctx;
    c->asked = clock_mono_ms();
    c->deadline = c->asked + ask->within_ms;
    c->body_n = ask->body.n;
    c->public_only = ask->public_only;
    c->plain = !ask->mail_from && !ask->user.n;
    if (ask->body.n) memcpy(c->body, ask->body.p, ask->body.n);
    buf_init(&c->answer, LIM_OUT_ANSWER);
    TAILQ_INSERT_TAIL(&o->calls, c, link);
    if (o->count++ == 0) timer_every(&o->sweep, SWEEP_MS);
    enum err err = (c->easy = easy_get(o)) && set_headers(c, ask) ? ERR_OK : ERR_NOMEM;
    if (!err && set_options(c, ask)) err = ERR_RANGE;
    if (!err) err = curl_loop_add(&o->curl, c->easy); /* it runs at the loop's next turn */
    if (err) call_free(c);
    else if (call) *call = c;
    return err;
}

void http_out_cancel(struct out_call *call) { call_free(call); }
