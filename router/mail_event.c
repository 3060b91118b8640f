/* Which kind of event a mail is: a person's, or a machine's that is marked, is a message; a report that one of our mails did not
   arrive is a receipt of the conversation it was sent in, so that whoever holds the ticket sees it; and what a machine says to
   nothing that we know of is counted and let go, since two machines that make tickets of each other's answers fill a queue in an
   hour. */
#include "router/mail_event.h"

#include "base/buf.h"

#include <stdio.h>

/* ---- what a reply must know ---- */

/* The chain of References that a reply carries: the root, then the nearest ones, as many as there is room for (RFC 5322, 3.6.4,
   with the middle cut). */
static struct str chain(struct channel_in *c, const struct mail *m, size_t room)
{
    size_t n = m->root.n, first = 0;
    char *out = arena_alloc(c->arena, room + 1);
    if (!out || n > room) return STR_NONE;
    memcpy(out, m->root.p ? m->root.p : "", n);
    size_t left = room - n;
    while (first < m->ref_count && m->refs[first].n + 1 <= left) left -= m->refs[first++].n + 1;
    while (first--) {
        struct str id = m->refs[first];
        if (str_eq(id, m->root)) continue;
        if (n) out[n++] = ' ';
        memcpy(out + n, id.p, id.n);
        n += id.n;
    }
    return (struct str){ out, n };
}

static bool one_word(struct str s)
{
    for (size_t i = 0; i < s.n; i++)
        if ((unsigned char)s.p[i] <= ' ' || s.p[i] == '<' || s.p[i] == '>' || s.p[i] == 0x7f) return false;
    return s.n > 0;
}

/* At most so many bytes of it, and no part of a character. */
static struct str front_of(struct str s, size_t most)
{
    if (s.n <= most) return s;
    for (s.n = most; s.n && ((unsigned char)s.p[s.n] & 0xC0) == 0x80;) s.n--;
    return s;
}

static struct str answer_with(struct channel_in *c, const struct mail *m)
{
    struct buf b;
    bool said = one_word(m->id) && m->id.n <= 300 && memchr(m->id.p, '@', m->id.n);
    buf_init(&b, REPLY_WITH_MAX);
    if (said) buf_addf(&b, "m %.*s\n", STR_FMT(m->id));
    if (one_word(m->reply_to) && m->reply_to.n <= 256) buf_addf(&b, "t %.*s\n", STR_FMT(m->reply_to));
    if (m->automatic) buf_addf(&b, "a %s\n", mail_auto_words[m->automatic]);
    struct str subject = front_of(m->subject, 250);
    if (subject.n) buf_addf(&b, "s %.*s\n", STR_FMT(subject));
    struct str refs = chain(c, m, REPLY_WITH_MAX - b.n - 8);
    if (refs.n) buf_addf(&b, "r %.*s\n", STR_FMT(refs));
    struct str out = b.err ? STR_NONE : channel_text(c, "%.*s", STR_FMT(buf_str(&b)));
    buf_fini(&b);
    return out;
}

void mail_answer_read(struct str with, struct mail_answer *out)
{
    memset(out, 0, sizeof *out);
    while (with.n) {
        const char *nl = memchr(with.p, '\n', with.n);
        struct str line = { with.p, nl ? (size_t)(nl - with.p) : with.n };
        with.p += line.n + (nl != NULL);
        with.n -= line.n + (nl != NULL);
        if (line.n < 3 || line.p[1] != ' ') continue;
        struct str v = { line.p + 2, line.n - 2 };
        if (*line.p == 'm') out->id = v;
        else if (*line.p == 'r') out->references = v;
        else if (*line.p == 't') out->to = v;
        else if (*line.p == 's') out->subject = v;
        else if (*line.p == 'a') out->automatic = v;
    }
}

/* ---- the event ---- */

void mail_event_files(struct channel_in *c, struct event *e, const struct mail_file *files, uint32_t count, uint32_t more)
{
    char key[48];
    if (!count) return;
    channel_attribute(c, e, "event.attachments", channel_text(c, "%u", count + more));
    for (uint32_t i = 0; i < count; i++) {
        const struct mail_file *f = &files[i];
        const struct {
            const char *name;
            struct str value;
        } rows[] = { { "name", f->name },
                     { "type", f->type },
                     { "size", channel_text(c, "%llu", (unsigned long long)f->size) },
                     { "sha256", str_of(f->sha256) } };
        for (size_t r = 0; r < sizeof rows / sizeof *rows; r++) {
            snprintf(key, sizeof key, "event.attachments.%u.%s", i + 1, rows[r].name);
            channel_attribute(c, e, key, rows[r].value);
        }
    }
}

/* A message must say something: a mail of attachments alone says what they are called. */
static struct str words_of(struct channel_in *c, const struct mail *m)
{
    if (m->text.n) return m->text;
    if (m->subject.n) return m->subject;
    if (m->file_count && m->files[0].name.n) return m->files[0].name;
    return channel_text(c, "-");
}

static struct event *begin(struct channel_in *c, const struct mail *m, const char *conversation, struct str to)
{
    struct event *e = channel_event(c);
    if (!e) return NULL;
    e->external = m->id;
    e->conversation = channel_text(c, "%s", conversation);
    e->subject = m->subject;
    channel_attribute(c, e, "event.automatic", str_of(mail_auto_words[m->automatic]));
    channel_attribute(c, e, "event.to", to);
    return e;
}

static enum err message(struct channel_in *c, const struct mail *m, const char *conversation, struct str to)
{
    struct event *e = begin(c, m, conversation, to);
    if (!e) return ERR_PROTO;
    e->kind = EVENT_MESSAGE;
    e->customer = m->from;
    e->name = m->name;
    e->text = words_of(c, m);
    if (m->cut) channel_attribute(c, e, "event.cut", STR("text"));
    mail_event_files(c, e, m->files, m->file_count, m->more_files);
    channel_reply_with(c, e, answer_with(c, m));
    return ERR_OK;
}

static enum err bounce(struct channel_in *c, const struct mail *m, const char *conversation, struct str to)
{
    struct event *e = begin(c, m, conversation, to);
    if (!e) return ERR_PROTO;
    e->kind = EVENT_RECEIPT;
    e->text = channel_text(c, "a mail of this conversation did not arrive%s%.*s", m->bounce.n ? ": " : "", STR_FMT(m->bounce));
    channel_attribute(c, e, "event.bounce", m->bounce.n ? m->bounce : STR("unknown"));
    return ERR_OK;
}

/* Is it about something known here: a mail of ours, or a conversation with more than one mail? */
static bool concerns_us(const struct mail *m, const struct mail_threads *t, struct str account, char conversation[101])
{
    struct id ticket;
    char seen[CONVERSATION_HEX + 1];
    bool ours;
    if (m->bounced.n && mail_own_id(m->bounced, &ticket, conversation) && *conversation) return true;
    mail_thread(m, t, account, conversation, &ours);
    if (ours) return true;
    for (uint32_t i = 0; i < m->ref_count; i++)
        if (mail_threads_get(t, account, m->refs[i], seen)) return true;
    return false;
}

enum err mail_event(struct channel_in *c, const struct mail *m, const struct mail_threads *threads, struct str to)
{
    static const char *const skipped[MAIL_AUTO_COUNT] = {
        [AUTO_LOOP] = "mail_loop", [AUTO_BOUNCE] = "mail_bounce", [AUTO_REPLY] = "mail_auto_replied"
    };
    char conversation[101];
    bool known = concerns_us(m, threads, str_of(c->door->account->name), conversation);
    if (m->automatic == AUTO_LOOP || (skipped[m->automatic] && !known)) {
        channel_skip(c, skipped[m->automatic]);
        return ERR_OK;
    }
    return m->automatic == AUTO_BOUNCE ? bounce(c, m, conversation, to) : message(c, m, conversation, to);
}
