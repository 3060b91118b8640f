/* The console: a page at / and the files that it is made of, of the folder console/, which travel inside the program. The page
   has no rights of its own: it asks the public API, with the token that a person gives it.

   Its policy of content (CSP) lets scripts and styles come from here alone, none of them inline, lets it talk to this server alone,
   and refuses every use of a text as HTML (Trusted Types), so that a customer's words stay words even if the scripts were careless.
 */
#include "base/map.h"
#include "console_files.h"
#include "router/api.h"

#include <stdio.h>

#define FILES (sizeof console_files / sizeof *console_files)

static const char guards[] =
    "Cache-Control: no-cache\r\nX-Content-Type-Options: nosniff\r\nReferrer-Policy: no-referrer\r\n"
    "Cross-Origin-Opener-Policy: same-origin\r\nCross-Origin-Resource-Policy: same-origin\r\n"
    "Content-Security-Policy: default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'; trusted-types 'none'\r\n";

static const char *type_of(const char *name)
{
    static const struct {
        const char *end, *type;
    } rows[] = { { ".html", "text/html; charset=utf-8" },
                 { ".js", "text/javascript; charset=utf-8" },
                 { ".css", "text/css; charset=utf-8" },
                 { ".svg", "image/svg+xml" } };
    const char *dot = strrchr(name, '.');
    for (size_t i = 0; dot && i < sizeof rows / sizeof *rows; i++)
        if (!strcmp(dot, rows[i].end)) return rows[i].type;
    return "application/octet-stream";
}

void get_console(struct call *c)
{
    static const uint64_t seed[2] = { 1, 2 };
    char tag[24], headers[sizeof guards + 64];
    struct str name = c->arg[0].n ? c->arg[0] : STR("index.html");
    size_t i = 0;
    while (i < FILES && !str_is(name, console_files[i].name)) i++;
    if (i == FILES) {
        http_problem(c->req, 404, "not-found", "the console has no such file");
        return;
    }
    struct str body = { (const char *)console_files[i].bytes, console_files[i].n };
    snprintf(tag, sizeof tag, "\"%016llx\"", (unsigned long long)hash_bytes(body.p, body.n, seed));
    snprintf(headers, sizeof headers, "ETag: %s\r\n%s", tag, guards);
    bool same = str_is(http_header(c->req, "if-none-match"), tag);
    http_answer(c->req, same ? 304 : 200, type_of(console_files[i].name), same ? STR_NONE : body, headers);
}
