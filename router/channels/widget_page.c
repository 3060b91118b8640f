/* What a browser loads: the widget's script, which a shop's page names, and a page of ours to try it on. All of it travels inside
   the program. The page's policy of content (CSP) allows what the script needs and no more: no inline script, no inline style. */
#include "base/map.h"
#include "chat_css.h"
#include "chat_js.h"
#include "chat_page.h"
#include "router/api.h"

#include <stdio.h>

#define ACCOUNT_MARK  "{account}"
#define LANGUAGE_MARK "{language}"

static void answer_file(struct call *c, const char *type, const unsigned char *p, size_t n)
{
    static const uint64_t seed[2] = { 1, 2 };
    char tag[24], headers[200];
    snprintf(tag, sizeof tag, "\"%016llx\"", (unsigned long long)hash_bytes(p, n, seed));
    snprintf(headers, sizeof headers,
             "ETag: %s\r\nCache-Control: max-age=300\r\nX-Content-Type-Options: nosniff\r\nCross-Origin-Resource-Policy: "
             "cross-origin\r\n",
             tag);
    if (str_is(http_header(c->req, "if-none-match"), tag)) http_answer(c->req, 304, type, STR_NONE, headers);
    else http_answer(c->req, 200, type, (struct str){ (const char *)p, n }, headers);
}

void get_chat_script(struct call *c) { answer_file(c, "text/javascript; charset=utf-8", chat_js, sizeof chat_js); }
void get_chat_style(struct call *c) { answer_file(c, "text/css; charset=utf-8", chat_css, sizeof chat_css); }

/* ---- the page ---- */

/* A word that may stand in an attribute of HTML; else the usual one. */
static struct str word_or(struct str s, const char *usual)
{
    for (size_t i = 0; i < s.n; i++) {
        char low = (char)(s.p[i] | 0x20);
        if (!(low >= 'a' && low <= 'z') && !(s.p[i] >= '0' && s.p[i] <= '9') && !strchr("-_.", s.p[i])) return str_of(usual);
    }
    return s.n && s.n <= 64 ? s : str_of(usual);
}

static void fill(struct buf *out, struct str account, struct str language)
{
    struct str rest = { (const char *)chat_page, sizeof chat_page };
    const char *brace;
    while ((brace = rest.n ? memchr(rest.p, '{', rest.n) : NULL)) {
        size_t before = (size_t)(brace - rest.p), left = rest.n - before;
        bool a = left > strlen(ACCOUNT_MARK) && !memcmp(brace, ACCOUNT_MARK, strlen(ACCOUNT_MARK));
        bool l = left > strlen(LANGUAGE_MARK) && !memcmp(brace, LANGUAGE_MARK, strlen(LANGUAGE_MARK));
        size_t mark = a ? strlen(ACCOUNT_MARK) : l ? strlen(LANGUAGE_MARK) : 1;
        buf_add(out, rest.p, before);
        buf_addstr(out, a ? account : l ? language : STR("{"));
        rest = (struct str){ brace + mark, left - mark };
    }
    buf_addstr(out, rest);
}

void get_chat_page(struct call *c)
{
    struct buf *b = &c->router->text;
    buf_clear(b);
    fill(b, word_or(http_param(c->req, "account"), "web"), word_or(http_param(c->req, "language"), "ko"));
    http_answer(c->req, 200, "text/html; charset=utf-8", buf_str(b),
                "Cache-Control: no-cache\r\nX-Content-Type-Options: nosniff\r\n"
                "Content-Security-Policy: default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; "
                "base-uri 'none'; form-action 'none'; frame-ancestors 'none'\r\n");
}
