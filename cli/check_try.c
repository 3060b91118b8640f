/* A door and a delivery made by hand: the same adapter reads the same bytes as in the service, and only the signature is not looked
   at. Nothing is sent, kept or asked. */
#include "cli/check_try.h"

#include "base/clock.h"
#include "base/limits.h"
#include "base/metrics.h"
#include "router/channel.h"
#include "router/mail.h"
#include "router/multipart.h"

#include <stdio.h>
#include <stdlib.h>

#define BODY_MAX (3u << 20)

static struct str no_header(void *ctx, const char *name)
{
    (void)ctx, (void)name;
    return STR_NONE;
}

/* The caller frees *out. */
static enum err read_file(const char *path, char **out, size_t *n)
{
    FILE *f = strcmp(path, "-") ? fopen(path, "rb") : stdin;
    enum err e = ERR_IO;
    *out = f ? malloc(BODY_MAX + 1) : NULL;
    if (*out) {
        *n = fread(*out, 1, BODY_MAX + 1, f);
        e = ferror(f) ? ERR_IO : *n > BODY_MAX ? ERR_TOOBIG : ERR_OK;
    }
    if (f && f != stdin) fclose(f);
    return e;
}

static const struct account *find(const struct policy *p, const char *name)
{
    const char *names[LIM_LIST_ITEMS];
    int at = policy_account(p, str_of(name));
    for (uint32_t i = 0; i < p->account_count && i < LIM_LIST_ITEMS; i++) names[i] = p->accounts[i].name;
    if (at < 0) {
        const char *near = str_nearest(str_of(name), names, p->account_count < LIM_LIST_ITEMS ? p->account_count : LIM_LIST_ITEMS);
        fprintf(stderr, "naru check: the policy has no account \"%s\"%s%s%s\n", name, near ? " (did you mean \"" : "",
                near ? near : "", near ? "\"?)" : "");
        return NULL;
    }
    const struct account *a = &p->accounts[at];
    if (a->provider == PROVIDER_GENERIC || a->provider == PROVIDER_CLOUDEVENTS) return a;
    fprintf(stderr, "naru check: --try is for accounts of the providers generic and cloudevents; %s has %s\n", name,
            provider_words.v[a->provider]);
    return NULL;
}

static void print_event(struct buf *out, const struct event *e)
{
    struct event shown = *e;
    shown.received = 0; /* that of a trial says nothing */
    record_json(out, &event_record, &shown);
    buf_addc(out, '\n');
}

static void print_skipped(struct buf *out)
{
    static const char *const skipped[] = { "unmapped", "no_text", "inexact_number", "file" };
    static const char *const cut[] = { "attribute", "reply_with", "text", "subject", "name", "id", "characters", "field" };
    for (size_t i = 0; i < sizeof skipped / sizeof *skipped; i++) {
        double n = metric_get(MET_CHANNEL_SKIPPED, skipped[i]);
        if (n > 0) buf_addf(out, "skipped: %.0f %s\n", n, skipped[i]);
    }
    for (size_t i = 0; i < sizeof cut / sizeof *cut; i++) {
        double n = metric_get(MET_CHANNEL_CUT, cut[i]);
        if (n > 0) buf_addf(out, "cut or left out: %.0f %s\n", n, cut[i]);
    }
}

static void print_bad(struct buf *out, const struct channel_in *c)
{
    char places[CHANNEL_BAD_TEXT];
    if (!c->bad.count) return;
    buf_addf(out, "bad items: %u (%s%s): %s\n", c->bad.count, channel_bad_places(c, places),
             c->bad.count > CHANNEL_BAD_TOLD ? ",…" : "", c->bad.why);
}

static int print_all(struct channel_in *c)
{
    struct buf out;
    buf_init(&out, 64u << 20);
    for (uint32_t i = 0; i < c->count; i++) print_event(&out, &c->events[i]);
    print_skipped(&out);
    print_bad(&out, c);
    if (!c->count && !c->answer.body.n)
        fprintf(stderr, "naru check: the body makes no event: %s\n",
                metric_get(MET_CHANNEL_SKIPPED, "unmapped") + metric_get(MET_CHANNEL_SKIPPED, "no_text") > 0
                    ? "no `when` took an item, or `text` found nothing in it"
                    : "`each` found no list in it, or an empty one");
    if (c->answer.body.n) buf_addf(&out, "answer: %.*s\n", STR_FMT(buf_str(&c->answer.body)));
    bool good = !out.err && (!out.n || fwrite(out.p, 1, out.n, stdout) == out.n) && !fflush(stdout);
    buf_fini(&out);
    return good ? 0 : 1;
}

/* What it seems to be, when nobody says it. */
static const char *type_of(const struct account *a, struct str body, char out[128])
{
    struct str boundary = multipart_boundary(body);
    bool json = body.n && strchr("{[ \t\r\n", body.p[0]);
    snprintf(out, 128, "%s", "application/x-www-form-urlencoded");
    if (json) snprintf(out, 128, "%s", a->provider == PROVIDER_CLOUDEVENTS ? "application/cloudevents+json" : "application/json");
    else if (boundary.n) snprintf(out, 128, "multipart/form-data; boundary=\"%.*s\"", STR_FMT(boundary));
    return out;
}

static int try_body(const struct policy *p, const struct account *a, struct str body, const char *type)
{
    struct door door = { .provider = providers[a->provider],
                         .account = a,
                         .policy = p,
                         .workspace = p->workspace,
                         .channel = p->channels[a->channel].name,
                         .ready = true };
    char guess[128];
    struct delivery in = { .method = HTTP_M_POST, .body = body, .header = no_header, .now = clock_wall_ms() };
    struct channel_in c;
    struct arena arena;
    in.type = str_of(type ? type : type_of(a, body, guess));
    mail_open(); /* the parser of multipart forms is that of mails */
    arena_init(&arena, (4u << 20) + 4 * body.n);
    channel_in_init(&c, &door, &in, &arena);
    enum err e = door.provider->read(&c);
    if (!e) e = channel_complete(&c, 0);
    if (e) fprintf(stderr, "naru check: refused: %s\n", c.cause ? c.why : err_text(e));
    int status = e ? 1 : print_all(&c);
    channel_in_fini(&c);
    arena_fini(&arena);
    return status;
}

int check_try(const struct policy *p, const char *account, const char *path, const char *type)
{
    const struct account *a = find(p, account);
    char *bytes = NULL;
    size_t n = 0;
    if (!a) return 1;
    enum err e = read_file(path, &bytes, &n);
    if (e) fprintf(stderr, "naru check: %s: %s\n", path, err_text(e));
    metrics_init("check");
    int status = e ? 1 : try_body(p, a, (struct str){ bytes, n }, type);
    free(bytes);
    return status;
}
