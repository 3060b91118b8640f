#include "router/channels/post.h"

#include <ctype.h>
#include <stdarg.h>
#include <stdio.h>

void post_to(const struct door *d, struct send_plan *out, const char *usual, const char *path)
{
    out->how = SEND_HTTP;
    out->method = "POST";
    buf_addz(&out->url, d->account->api ? d->account->api : usual);
    buf_addz(&out->url, path);
}

enum err post_refuse(char why[SEND_WHY], const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(why, SEND_WHY, fmt, ap);
    va_end(ap);
    return ERR_RANGE;
}

bool post_plain(struct str s)
{
    for (size_t i = 0; i < s.n; i++) {
        if (!isalnum((unsigned char)s.p[i]) && !memchr("-_.:", s.p[i], 4)) return false;
    }
    return s.n > 0;
}

enum err post_bearer(const struct door *d, struct send_plan *out, char why[SEND_WHY])
{
    struct str token = { d->token.p, d->token.n };
    if (!token.n) return post_refuse(why, "account \"%s\" has no `token` to send with", d->account->name);
    for (size_t i = 0; i < token.n; i++) {
        if ((unsigned char)token.p[i] <= ' ' || token.p[i] == 0x7f)
            return post_refuse(why, "the token of account \"%s\" has a blank or a control character in it", d->account->name);
    }
    buf_addz(&out->headers, "Authorization: Bearer ");
    buf_addstr(&out->headers, token);
    buf_addc(&out->headers, '\n');
    return ERR_OK;
}

void judge_end(struct send_result *out, enum send_end end, const char *fmt, ...)
{
    va_list ap;
    out->end = end;
    if (end != SEND_AGAIN) out->after_ms = 0;
    va_start(ap, fmt);
    vsnprintf(out->why, sizeof out->why, fmt, ap);
    va_end(ap);
}

void judge_status(const struct send_answer *a, struct send_result *out)
{
    out->after_ms = 0;
    if (a->status >= 200 && a->status < 300) return judge_end(out, SEND_DONE, "%s", "");
    if (a->status == 429 || a->status == 503) {
        out->after_ms = a->retry_after_s < 86400 ? a->retry_after_s * 1000 : 86400000;
        return judge_end(out, SEND_AGAIN, "the provider answered %u: later", a->status);
    }
    if (!a->status) return judge_end(out, SEND_UNKNOWN, "the provider did not answer");
    if (a->status >= 500) return judge_end(out, SEND_UNKNOWN, "the provider answered %u: it may have the message", a->status);
    judge_end(out, SEND_REFUSED, "the provider answered %u", a->status);
}

struct json *judge_body(const struct send_answer *a)
{
    struct json *doc = NULL;
    size_t at;
    const char *why;
    if (!a->body.n || json_parse(&doc, a->body, LIM_JSON_DEPTH, &at, &why)) return NULL;
    return doc;
}

void judge_external(struct send_result *out, struct str id)
{
    bool fits = id.n && id.n < sizeof out->external;
    for (size_t i = 0; i < id.n && fits; i++) fits = id.p[i] > ' ' && id.p[i] < 0x7f;
    if (fits) memcpy(out->external, id.p, id.n);
    out->external[fits ? id.n : 0] = '\0';
}

const struct judge_row *judge_find(const struct judge_row *rows, long code)
{
    for (; rows->sentence; rows++) {
        if (rows->code == code) return rows;
    }
    return NULL;
}
