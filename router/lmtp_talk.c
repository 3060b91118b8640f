/* What a line may say is a table: the verb, in which states it may come, and what it does. A line out of place, of an unknown verb,
   or with parameters that were not offered changes nothing but the count of faults; too many of them end the talk.

   A mail's bytes go through an automaton of five states that takes the dots away and finds the end. Only CR LF . CR LF is the end,
   and only after CR LF is a dot one too many: a bare LF is a byte like any other, so no server before us can be made to see another
   end than we do. */
#include "router/lmtp_talk.h"

#include <stdarg.h>
#include <stdio.h>
#include <strings.h>

#define FAULTS_MAX 20u
#define PATH_MOST  320u

#define LMTP_END_LABEL(id, label, answer)  label,
#define LMTP_END_ANSWER(id, label, answer) answer,
const char *const lmtp_end_labels[LMTP_END_COUNT] = { LMTP_END_MAP(LMTP_END_LABEL) };
static const char *const end_answers[LMTP_END_COUNT] = { LMTP_END_MAP(LMTP_END_ANSWER) };

static void say(struct lmtp_talk *t, const char *line)
{
    buf_addz(t->out, line);
    buf_addz(t->out, "\r\n");
}

static void over(struct lmtp_talk *t, const char *line)
{
    say(t, line);
    t->owner.reset(t->owner.ctx);
    t->state = LMTP_OVER;
}

static void fault(struct lmtp_talk *t, const char *line)
{
    if (++t->faults > FAULTS_MAX) over(t, "421 4.7.0 too many faults");
    else say(t, line);
}

static void forget(struct lmtp_talk *t)
{
    t->owner.reset(t->owner.ctx);
    t->rcpts = 0;
    if (t->state != LMTP_GREETED) t->state = LMTP_READY;
}

void lmtp_talk_init(struct lmtp_talk *t, const struct lmtp_owner *owner, struct buf *out, const char *host, size_t most)
{
    memset(t, 0, sizeof *t);
    t->owner = *owner;
    t->out = out;
    t->most = most;
    buf_addf(out, "220 %s Naru LMTP\r\n", host);
}

/* ---- paths and their parameters ---- */

static struct str trim(struct str s)
{
    while (s.n && *s.p == ' ') s.p++, s.n--;
    while (s.n && s.p[s.n - 1] == ' ') s.n--;
    return s;
}

/* "<path> parameters" → both. A route before the address (RFC 5321, appendix C) is passed over. False: it is none. */
static bool path_of(struct str s, struct str *path, struct str *params)
{
    bool quoted = false;
    size_t end = 1;
    if (s.n < 2 || *s.p != '<') return false;
    for (; end < s.n && (quoted || s.p[end] != '>'); end++) {
        if (s.p[end] == '\\' && quoted) end++;
        else if (s.p[end] == '"') quoted = !quoted;
        else if (!quoted && (s.p[end] == ' ' || s.p[end] == '<')) return false;
    }
    if (end >= s.n) return false;
    *path = (struct str){ s.p + 1, end - 1 };
    *params = trim((struct str){ s.p + end + 1, s.n - end - 1 });
    if (params->n && s.p[end + 1] != ' ') return false;
    const char *colon = path->n && *path->p == '@' ? memchr(path->p, ':', path->n) : NULL;
    if (colon) *path = (struct str){ colon + 1, path->n - (size_t)(colon + 1 - path->p) };
    return path->n <= PATH_MOST;
}

static struct str next_word(struct str *rest)
{
    *rest = trim(*rest);
    size_t n = 0;
    while (n < rest->n && rest->p[n] != ' ') n++;
    struct str word = { rest->p, n };
    rest->p += n;
    rest->n -= n;
    return word;
}

static bool is_word(struct str s, const char *z) { return s.n == strlen(z) && strncasecmp(s.p, z, s.n) == 0; }

/* NULL: all of them are fine. */
static const char *mail_params(const struct lmtp_talk *t, struct str params)
{
    uint64_t size;
    for (struct str w; (w = next_word(&params)).n;) {
        bool is_size = w.n > 5 && strncasecmp(w.p, "SIZE=", 5) == 0;
        if (is_size && str_u64((struct str){ w.p + 5, w.n - 5 }, 0, UINT64_MAX, &size))
            return "501 5.5.4 SIZE is a number of bytes";
        if (is_size && size > t->most) return end_answers[LMTP_TOO_BIG];
        if (!is_size && !is_word(w, "BODY=7BIT") && !is_word(w, "BODY=8BITMIME") && !is_word(w, "SMTPUTF8"))
            return "555 5.5.4 a parameter that is not known here";
    }
    return NULL;
}

/* ---- verbs ---- */

static void on_lhlo(struct lmtp_talk *t, struct str arg)
{
    if (!trim(arg).n) {
        fault(t, "501 5.5.4 LHLO needs a name");
        return;
    }
    t->state = LMTP_READY;
    forget(t);
    buf_addf(t->out, "250-naru\r\n250-PIPELINING\r\n250-ENHANCEDSTATUSCODES\r\n250-8BITMIME\r\n250-SMTPUTF8\r\n250 SIZE %zu\r\n",
             t->most);
}

/* "FROM:<…>" without its first word; *rest begins at the path. Blanks after the colon are common, if wrong. */
static bool after_word(struct str arg, const char *word, struct str *rest)
{
    size_t n = strlen(word);
    if (arg.n < n || strncasecmp(arg.p, word, n)) return false;
    *rest = trim((struct str){ arg.p + n, arg.n - n });
    return true;
}

static void on_mail(struct lmtp_talk *t, struct str arg)
{
    struct str path, params;
    if (!after_word(arg, "FROM:", &arg) || !path_of(arg, &path, &params)) {
        fault(t, "501 5.5.4 write MAIL FROM:<address>");
        return;
    }
    const char *bad = mail_params(t, params);
    if (bad) {
        fault(t, bad);
        return;
    }
    memcpy(t->from, path.p, path.n);
    t->from[path.n] = '\0';
    t->state = LMTP_MAIL;
    say(t, "250 2.1.0 fine");
}

static void on_rcpt(struct lmtp_talk *t, struct str arg)
{
    struct str path, params;
    if (!after_word(arg, "TO:", &arg) || !path_of(arg, &path, &params) || !path.n) {
        fault(t, "501 5.5.4 write RCPT TO:<address>");
        return;
    }
    if (params.n) {
        fault(t, "555 5.5.4 a parameter that is not known here");
        return;
    }
    if (t->rcpts == LIM_MAIL_RCPT) {
        say(t, "452 4.5.3 too many recipients");
        return;
    }
    enum lmtp_rcpt whose = t->owner.rcpt(t->owner.ctx, path);
    if (whose == LMTP_RCPT_UNKNOWN) say(t, "550 5.1.1 no account has this address");
    else if (whose == LMTP_RCPT_FAST) say(t, "450 4.7.1 too many mails for this address at once; try again later");
    else if (whose == LMTP_RCPT_LATER) say(t, "451 4.3.0 the address cannot be taken now; try again later");
    else if (whose == LMTP_RCPT_DISK) say(t, "452 4.3.1 no room to keep mails; try again later");
    if (whose != LMTP_RCPT_OURS) return;
    t->rcpts++;
    t->state = LMTP_RCPT;
    say(t, "250 2.1.5 fine");
}

static void on_data(struct lmtp_talk *t, struct str arg)
{
    if (arg.n) {
        fault(t, "501 5.5.4 DATA stands alone");
        return;
    }
    t->size = 0;
    t->dot = 0;
    t->so_far = t->owner.begin(t->owner.ctx, str_of(t->from));
    t->state = LMTP_DATA;
    say(t, "354 end with a dot on a line of its own");
}

static void on_rset(struct lmtp_talk *t, struct str arg)
{
    (void)arg;
    forget(t);
    say(t, "250 2.0.0 forgotten");
}

static void on_noop(struct lmtp_talk *t, struct str arg)
{
    (void)arg;
    say(t, "250 2.0.0 fine");
}

static void on_vrfy(struct lmtp_talk *t, struct str arg)
{
    (void)arg;
    say(t, "252 2.1.5 send it and see");
}

static void on_quit(struct lmtp_talk *t, struct str arg)
{
    (void)arg;
    over(t, "221 2.0.0 good-bye");
}

#define IN(state) (1u << (state))
#define ANY       (IN(LMTP_GREETED) | IN(LMTP_READY) | IN(LMTP_MAIL) | IN(LMTP_RCPT))
static const struct verb {
    const char *word;
    unsigned states;
    void (*fn)(struct lmtp_talk *t, struct str arg);
    const char *out_of_place;
} verbs[] = {
    { "LHLO", ANY, on_lhlo, "" },
    { "MAIL", IN(LMTP_READY), on_mail, "503 5.5.1 LHLO first, and one MAIL at a time" },
    { "RCPT", IN(LMTP_MAIL) | IN(LMTP_RCPT), on_rcpt, "503 5.5.1 MAIL first" },
    { "DATA", IN(LMTP_RCPT), on_data, "503 5.5.1 no recipient was taken" },
    { "RSET", ANY, on_rset, "" },
    { "NOOP", ANY, on_noop, "" },
    { "VRFY", ANY, on_vrfy, "" },
    { "QUIT", ANY, on_quit, "" },
};

static void take_line(struct lmtp_talk *t, struct str line)
{
    size_t at;
    if (++t->commands > LIM_MAIL_COMMANDS) {
        over(t, "421 4.7.0 too many commands; come again");
        return;
    }
    if (!str_utf8(line, &at) || memchr(line.p, 0, line.n) || memchr(line.p, '\r', line.n)) {
        fault(t, "500 5.5.2 a line is text and ends in CR LF");
        return;
    }
    struct str rest = line, word = next_word(&rest);
    for (size_t i = 0; i < sizeof verbs / sizeof *verbs; i++) {
        if (!is_word(word, verbs[i].word)) continue;
        if (verbs[i].states & IN(t->state)) verbs[i].fn(t, trim(rest));
        else fault(t, verbs[i].out_of_place);
        return;
    }
    fault(t, "500 5.5.1 not known here: LHLO, MAIL, RCPT, DATA, RSET, NOOP, QUIT");
}

/* ---- lines ---- */

static size_t feed_line(struct lmtp_talk *t, struct str s)
{
    const char *nl = memchr(s.p, '\n', s.n);
    size_t n = nl ? (size_t)(nl - s.p) + 1 : s.n, room = sizeof t->line - t->line_n;
    memcpy(t->line + t->line_n, s.p, n < room ? n : room);
    t->long_line |= n > room;
    t->line_n += n < room ? n : room;
    if (!nl) return n;
    struct str line = { t->line, t->line_n - 1 };
    bool whole = line.n && line.p[line.n - 1] == '\r', too_long = t->long_line;
    t->line_n = 0;
    t->long_line = false;
    if (too_long) over(t, "500 5.5.2 the line is too long");
    else if (!whole) fault(t, "500 5.5.2 a line ends in CR LF");
    else take_line(t, (struct str){ line.p, line.n - 1 });
    return n;
}

/* ---- a mail's bytes ---- */

enum dot {
    DOT_START, /* of a line */
    DOT_TEXT,
    DOT_CR,    /* a CR, written already */
    DOT_DOT,   /* the dot a line begins with, not written */
    DOT_DOT_CR /* … and a CR, not written */
};

static void body(struct lmtp_talk *t, const char *p, size_t n)
{
    if (!n || t->so_far) return;
    t->size += n;
    t->so_far = t->size > t->most ? LMTP_TOO_BIG : t->owner.body(t->owner.ctx, (struct str){ p, n });
}

/* One byte at the beginning of a line or after a CR; gives whether it was taken, false: it is text. */
static bool step(struct lmtp_talk *t, char c)
{
    switch (t->dot) {
    case DOT_START:
        if (c != '.') break;
        return t->dot = DOT_DOT, true;
    case DOT_CR:
        if (c != '\n') break;
        return body(t, "\n", 1), t->dot = DOT_START, true;
    case DOT_DOT:
        if (c != '\r') break;
        return t->dot = DOT_DOT_CR, true;
    case DOT_DOT_CR:
        if (c == '\n') return t->state = LMTP_WAIT, true;
        body(t, "\r", 1);
        t->dot = DOT_CR;
        return step(t, c);
    }
    return t->dot = DOT_TEXT, false;
}

static size_t feed_body(struct lmtp_talk *t, struct str s)
{
    size_t i = 0;
    while (i < s.n && t->state == LMTP_DATA) {
        if (t->dot != DOT_TEXT && step(t, s.p[i])) {
            i++;
            continue;
        }
        const char *cr = memchr(s.p + i, '\r', s.n - i);
        size_t n = cr ? (size_t)(cr - s.p) + 1 - i : s.n - i;
        body(t, s.p + i, n);
        if (cr) t->dot = DOT_CR;
        i += n;
    }
    if (t->state == LMTP_WAIT) t->owner.end(t->owner.ctx, t->so_far);
    return i;
}

size_t lmtp_talk_feed(struct lmtp_talk *t, struct str bytes)
{
    size_t done = 0;
    while (done < bytes.n && t->state != LMTP_WAIT && t->state != LMTP_OVER && !t->out->err) {
        struct str rest = { bytes.p + done, bytes.n - done };
        done += t->state == LMTP_DATA ? feed_body(t, rest) : feed_line(t, rest);
    }
    return done;
}

void lmtp_talk_ends(struct lmtp_talk *t, const enum lmtp_end *ends)
{
    for (uint32_t i = 0; i < t->rcpts; i++) say(t, end_answers[ends[i]]);
    t->state = LMTP_READY;
    forget(t);
}
