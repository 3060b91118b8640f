#include "cli/target.h"

#include "cli/data_dir.h"

#include <limits.h>
#include <netdb.h>
#include <stdio.h>

static enum err bad_target(const char *who, const char *what, const char *text)
{
    fprintf(stderr, "naru %s: %s: %s\n", who, text, what);
    return ERR_USAGE;
}

static enum err read_token(struct target *t, const char *who, const char *path)
{
    char fallback[PATH_MAX];

    if (!path) {
        snprintf(fallback, sizeof fallback, "%s/operator.token", data_dir(NULL));
        path = fallback;
    }
    FILE *f = fopen(path, "r");
    if (!f) return bad_target(who, "cannot be read; say --token or --token-file", path);
    bool any = fgets(t->token, sizeof t->token, f) != NULL;
    fclose(f);
    if (any) t->token[strcspn(t->token, " \t\r\n")] = '\0';
    return any && *t->token ? ERR_OK : bad_target(who, "holds no token", path);
}

static enum err find_address(struct target *t, const char *who, const char *url)
{
    struct addrinfo hints = { .ai_socktype = SOCK_STREAM }, *found = NULL;
    char host[256], port[8] = "80";
    const char *p = url, *end;

    if (strncmp(p, "http://", 7)) return bad_target(who, "the address must begin with http://", url);
    p += 7;
    snprintf(t->authority, sizeof t->authority, "%.*s", (int)strcspn(p, "/"), p);
    bool v6 = *p == '[';
    end = v6 ? strchr(p, ']') : p + strcspn(p, ":/");
    if (!end || end == p + v6 || (size_t)(end - p) >= sizeof host) return bad_target(who, "names no host", url);
    snprintf(host, sizeof host, "%.*s", (int)(end - p) - v6, p + v6);
    end += v6;
    if (*end == ':') snprintf(port, sizeof port, "%.*s", (int)strcspn(end + 1, "/"), end + 1);
    int e = getaddrinfo(host, port, &hints, &found);
    if (e) return bad_target(who, gai_strerror(e), url);
    memcpy(&t->addr, found->ai_addr, found->ai_addrlen);
    freeaddrinfo(found);
    return ERR_OK;
}

enum err target_set(struct target *t, const char *who, const char *url, const char *token, const char *token_file)
{
    *t = (struct target){ 0 };
    enum err e = find_address(t, who, url);
    if (e) return e;
    if (!token) e = read_token(t, who, token_file);
    else if (strlen(token) >= sizeof t->token) e = bad_target(who, "too long", "--token");
    else memcpy(t->token, token, strlen(token));
    if (e) return e;
    for (const char *p = t->token; *p; p++)
        if (*p <= ' ' || *p > '~') return bad_target(who, "not a token", token ? "--token" : "token file");
    return ERR_OK;
}
