/* The provider `widget`: our own web chat. What lies below /v1/channels/{account}:

     GET  …/stream    becomes the customer's WebSocket (widget_conn.c)
     POST …/session   a token for a visitor whom nobody has named: from an allowed page alone, so many an address
     GET  …/widget    how the panel looks: what the policy says of it
     OPTIONS          the browser's question before a POST from another page

   A page is known by the Origin that its browser states. One that the account does not list is refused everywhere, but for pages of
   this very server (/chat): their Origin is the Host that was asked. Where there is none (a program, an app), a token signed by the
   shop is good for the stream, and a visitor's token cannot be had. */
#include "base/clock.h"
#include "base/json.h"
#include "base/log.h"
#include "base/rng.h"
#include "router/channels/widget_impl.h"
#include "router/origin.h"
#include "router/router.h"

#include <stdio.h>

#define VISITOR       "visitor-" /* how the ids of visitors begin */
#define VISITOR_BYTES 16

static const struct rate session_rate = { .burst = 20, .per_minute = 60 };

static enum verified verify(const struct door *d, const struct delivery *in)
{
    (void)d, (void)in;
    return VERIFIED; /* each action has a proof of its own: a token, an Origin */
}

static enum err no_webhook(struct channel_in *c)
{
    return channel_refuse(c, 404, "action", "a web chat has /stream, /session and /widget, and no webhook");
}

/* ---- origins ---- */

static bool origin_allowed(const struct channel_in *c, struct str origin)
{
    const struct words_list *list = &c->door->account->origins;
    if (origin_of_host(origin, c->in->header(c->in->ctx, "host"))) return true;
    for (uint32_t i = 0; i < list->count; i++)
        if (str_is(origin, list->v[i]) || !strcmp(list->v[i], "*")) return origin.n > 0;
    return false;
}

/* Headers for a page that may read the answer. `origin` was found in the policy, or is any: no header can be smuggled in, for the
   parser of HTTP lets no line end into a value. */
static const char *cors(struct str origin, char out[512])
{
    if (!origin.n || origin.n > 300) return "";
    snprintf(out, 512,
             "Access-Control-Allow-Origin: %.*s\r\nVary: Origin\r\nAccess-Control-Allow-Methods: GET, POST\r\n"
             "Access-Control-Allow-Headers: authorization, content-type\r\nAccess-Control-Max-Age: 600\r\n",
             STR_FMT(origin));
    return out;
}

/* ---- a visitor's token ---- */

static bool hex_after(struct str s, size_t at)
{
    if (s.n != at + 2 * VISITOR_BYTES || memcmp(s.p, VISITOR, at) != 0) return false;
    for (size_t i = at; i < s.n; i++)
        if (!(s.p[i] >= '0' && s.p[i] <= '9') && !(s.p[i] >= 'a' && s.p[i] <= 'f')) return false;
    return true;
}

/* The id of the visitor's last token, if it is still good: they stay who they are. Else a new one. */
static void visitor_id(const struct channel_in *c, char out[64])
{
    struct widget_claims claims;
    struct str said = c->in->header(c->in->ctx, "authorization"), account = str_of(c->door->account->name);
    unsigned char raw[VISITOR_BYTES];
    if (said.n > 7 && !strncasecmp(said.p, "Bearer ", 7)) {
        struct str token = { said.p + 7, said.n - 7 }, sub = { claims.sub, 0 };
        enum token_fault f = widget_token_read(&claims, token, c->door->secrets, c->door->secret_count, account, c->in->now);
        sub.n = claims.sub_n;
        if (!f && hex_after(sub, sizeof VISITOR - 1)) {
            snprintf(out, 64, "%.*s", STR_FMT(sub));
            return;
        }
    }
    rng_secret(raw, sizeof raw);
    memcpy(out, VISITOR, sizeof VISITOR - 1);
    sign_hex(raw, sizeof raw, out + sizeof VISITOR - 1);
}

static void answer_session(struct channel_in *c, struct str origin)
{
    char token[WIDGET_TOKEN_MAX], id[64], headers[512], more[600];
    struct buf *b = &c->router->text;
    uint64_t exp = c->in->now + WIDGET_TOKEN_LIFE_S * 1000ull;
    visitor_id(c, id);
    if (widget_token_make(token, &c->door->secrets[0], str_of(id), str_of(c->door->account->name), c->in->now, exp)) {
        channel_turn_away(c, 503, "memory", "overloaded", "no memory for a token");
        return;
    }
    buf_clear(b);
    struct jw w = jw_on(b);
    jw_open(&w, '{');
    jw_key(&w, "token"), jw_strz(&w, token);
    jw_key(&w, "customer"), jw_strz(&w, id);
    jw_key(&w, "expires_in"), jw_u64(&w, WIDGET_TOKEN_LIFE_S);
    jw_close(&w, '}');
    snprintf(more, sizeof more, "%sCache-Control: no-store\r\n", cors(origin, headers));
    http_answer(c->req, 201, "application/json", buf_str(b), more);
}

/* IPv6: a home has a whole /64 of addresses. */
static struct str who_asks(const struct channel_in *c, char room[16 + 65])
{
    static const char mapped[12] = { [10] = (char)0xFF, [11] = (char)0xFF };
    memset(room, 0, 16);
    if (!http_peer(c->req, room)) return STR_NONE;
    if (memcmp(room, mapped, 12) != 0) memset(room + 8, 0, 8);
    size_t n = strnlen(c->door->account->name, 64);
    memcpy(room + 16, c->door->account->name, n);
    return (struct str){ room, 16 + n };
}

static void post_session(struct channel_in *c, struct str origin)
{
    char room[16 + 65];
    uint32_t wait;
    if (!origin.n) channel_turn_away(c, 403, "origin", "forbidden", "a visitor's token is given to pages: there is no Origin");
    else if (!rate_take(&c->router->widget.sessions, who_asks(c, room), &session_rate, router_now(c->router), &wait))
        channel_turn_away(c, 429, "rate", "too-many-requests", "too many new visitors from this address; try again in a minute");
    else answer_session(c, origin);
}

/* ---- how it looks ---- */

static void get_look(struct channel_in *c, struct str origin)
{
    const struct widget_look *look = &c->door->account->widget;
    char headers[512], more[600];
    struct buf *b = &c->router->text;
    buf_clear(b);
    struct jw w = jw_on(b);
    jw_open(&w, '{');
    jw_text(&w, "title", str_of(look->title));
    jw_text(&w, "colour", str_of(look->colour));
    jw_key(&w, "hello"), jw_open(&w, '{');
    jw_text(&w, "ko", str_of(look->hello.ko));
    jw_text(&w, "en", str_of(look->hello.en));
    jw_close(&w, '}');
    jw_close(&w, '}');
    snprintf(more, sizeof more, "%sCache-Control: max-age=60\r\n", cors(origin, headers));
    http_answer(c->req, 200, "application/json", buf_str(b), more);
}

/* ---- the stream ---- */

/* ?router=N: who had the conversation until now. */
static bool home_asked(struct channel_in *c, uint32_t *home)
{
    struct str said = http_param(c->req, "router");
    uint64_t n = c->router->number;
    if (said.n && str_u64(said, 0, 4095, &n)) {
        channel_turn_away(c, 422, "message", "bad-field", "\"router\" must be the number that the chat was welcomed with");
        return false;
    }
    *home = (uint32_t)n;
    return true;
}

static void open_stream(struct channel_in *c, struct str origin)
{
    struct widget_claims claims;
    uint32_t home;
    /* Without one in the handshake the client's hello brings it. */
    struct str token = subprotocol_token(c->in->header(c->in->ctx, "sec-websocket-protocol"));
    (void)origin;
    if (token.n) {
        enum token_fault f =
            widget_token_read(&claims, token, c->door->secrets, c->door->secret_count, str_of(c->door->account->name), c->in->now);
        if (f) {
            channel_turn_away(c, 401, token_fault_cause(f), f == TOKEN_EXPIRED ? "token-expired" : "bad-signature",
                              token_fault_text(f));
            return;
        }
    }
    if (!home_asked(c, &home)) return;
    if (c->router->widget.conn_count >= LIM_CHAT_CONNS)
        channel_turn_away(c, 503, "chats", "overloaded", "too many chats are open here; try again later");
    else widget_connect(c->router, c->door, c->req, token.n ? &claims : NULL, home);
}

/* ---- actions ---- */

static const struct action_row {
    const char *action;
    enum http_method method;
    void (*fn)(struct channel_in *c, struct str origin); /* origin: allowed, or none */
} action_rows[] = {
    { "stream", HTTP_M_GET, open_stream },
    { "session", HTTP_M_POST, post_session },
    { "widget", HTTP_M_GET, get_look },
};

static void preflight(struct channel_in *c, struct str origin)
{
    char headers[512];
    if (!origin.n) channel_turn_away(c, 403, "origin", "forbidden", "there is no Origin");
    else http_answer(c->req, 204, "text/plain", STR_NONE, cors(origin, headers));
}

static bool serve(struct channel_in *c)
{
    struct str origin = c->in->header(c->in->ctx, "origin");
    const struct action_row *row = action_rows, *end = row + sizeof action_rows / sizeof *action_rows;
    while (row < end && !str_is(c->in->action, row->action)) row++;
    if (row == end) return false;
    if (origin.n && !origin_allowed(c, origin))
        channel_turn_away(c, 403, "origin", "forbidden", "the account's origins do not list this page");
    else if (c->in->method == HTTP_M_OPTIONS) preflight(c, origin);
    else if (c->in->method != row->method)
        channel_turn_away(c, 405, "method", "method-not-allowed", "this path knows another method");
    else row->fn(c, origin);
    return true;
}

/* ---- replies ---- */

static enum err plan(const struct door *d, const struct message_out *m, struct send_plan *out, char why[200])
{
    (void)d, (void)m, (void)why;
    out->how = SEND_HERE;
    return ERR_OK;
}

static const struct sender widget_sender = { .text_max = LIM_CHAT_TEXT, .repeatable = true, .plan = plan, .here = widget_here };
const struct provider provider_widget = {
    .word = "widget", .body_max = 1024, .verify = verify, .read = no_webhook, .serve = serve, .sender = &widget_sender
};
