#include "router/mail_send.h"

#include "router/mail_event.h"

#include <gmime/gmime.h>
#include <stdio.h>
#include <strings.h>

static enum err refuse(char why[200], const char *text)
{
    snprintf(why, 200, "%s", text);
    return ERR_RANGE;
}

/* ---- addresses ---- */

/* One that can stand in an envelope and a header: no blanks, brackets, quotes; one "@" with something on both sides. */
static bool is_address(struct str s)
{
    const char *at = memchr(s.p, '@', s.n);
    size_t where;
    if (s.n < 3 || s.n > 320 || !at || at == s.p || at == s.p + s.n - 1 || !str_utf8(s, &where)) return false;
    for (size_t i = 0; i < s.n; i++)
        if ((unsigned char)s.p[i] <= ' ' || s.p[i] == 0x7f || strchr("<>\"(),:;\\[]", s.p[i]) || (s.p[i] == '@' && &s.p[i] != at))
            return false;
    return true;
}

/* Who the account writes as: `from`, "Name <address>" or the address; else the first whole address of its own. NULL: nobody. The
   caller frees. */
static InternetAddressList *own_address(const struct account *a)
{
    const char *text = a->from;
    for (uint32_t i = 0; !text && i < a->addresses.count; i++)
        if (*a->addresses.v[i] != '@') text = a->addresses.v[i];
    InternetAddressList *list = text ? internet_address_list_parse(NULL, text) : NULL;
    InternetAddress *one = list && internet_address_list_length(list) == 1 ? internet_address_list_get_address(list, 0) : NULL;
    if (one && INTERNET_ADDRESS_IS_MAILBOX(one) &&
        is_address(str_of(internet_address_mailbox_get_addr(INTERNET_ADDRESS_MAILBOX(one)))))
        return list;
    if (list) g_object_unref(list);
    return NULL;
}

static const char *address_of(InternetAddressList *list)
{
    return internet_address_mailbox_get_addr(INTERNET_ADDRESS_MAILBOX(internet_address_list_get_address(list, 0)));
}

/* ---- headers ---- */

/* Answers are marked once, whoever marked them first, in whichever language. */
static bool is_marked(struct str subject)
{
    static const char *const marks[] = { "re:",   "aw:",   "sv:",   "vs:",   "antw:", "rv:",  "회신:",
                                         "답장:", "답변:", "回复:", "回覆:", "返信:", "re：", "re[" };
    for (size_t i = 0; i < sizeof marks / sizeof *marks; i++) {
        size_t n = strlen(marks[i]);
        if (subject.n >= n && strncasecmp(subject.p, marks[i], n) == 0) return true;
    }
    return false;
}

static void set_subject(GMimeMessage *mail, struct str subject)
{
    struct buf b;
    buf_init(&b, 2048);
    if (subject.n > 1024) subject.n = 1024;
    buf_addz(&b, is_marked(subject) ? "" : subject.n ? "Re: " : "Re:");
    for (size_t i = 0; i < subject.n; i++) buf_addc(&b, (unsigned char)subject.p[i] < ' ' ? ' ' : subject.p[i]);
    g_mime_message_set_subject(mail, buf_cstr(&b), "utf-8");
    buf_fini(&b);
}

static bool plain_id(struct str s)
{
    for (size_t i = 0; i < s.n; i++)
        if ((unsigned char)s.p[i] <= ' ' || (unsigned char)s.p[i] >= 0x7f || s.p[i] == '<' || s.p[i] == '>') return false;
    return s.n > 0;
}

static void set_threading(GMimeMessage *mail, const struct mail_answer *a)
{
    struct buf refs;
    struct str rest = a->references, id;
    buf_init(&refs, 8192);
    while (rest.n) {
        const char *blank = memchr(rest.p, ' ', rest.n);
        id = (struct str){ rest.p, blank ? (size_t)(blank - rest.p) : rest.n };
        rest.p += id.n + (blank != NULL);
        rest.n -= id.n + (blank != NULL);
        if (plain_id(id) && !str_eq(id, a->id)) buf_addf(&refs, "%s<%.*s>", refs.n ? " " : "", STR_FMT(id));
    }
    if (plain_id(a->id)) {
        char answered[REPLY_WITH_MAX + 3];
        snprintf(answered, sizeof answered, "<%.*s>", STR_FMT(a->id));
        buf_addf(&refs, "%s%s", refs.n ? " " : "", answered);
        g_mime_object_set_header(GMIME_OBJECT(mail), "In-Reply-To", answered, NULL);
    }
    if (refs.n && !refs.err) g_mime_object_set_header(GMIME_OBJECT(mail), "References", buf_cstr(&refs), NULL);
    buf_fini(&refs);
}

static void set_head(GMimeMessage *mail, const struct message_out *m, InternetAddressList *from, const char *to)
{
    char id[MAIL_ID_MAX];
    struct mail_answer answer;
    InternetAddress *sender = internet_address_list_get_address(from, 0);
    const char *name = internet_address_get_name(sender), *address = address_of(from);
    GDateTime *at = g_date_time_new_from_unix_utc((gint64)(m->now / 1000));
    g_mime_message_add_mailbox(mail, GMIME_ADDRESS_TYPE_FROM, name, address);
    g_mime_message_add_mailbox(mail, GMIME_ADDRESS_TYPE_TO, NULL, to);
    mail_answer_read(m->with, &answer);
    set_subject(mail, m->subject.n ? m->subject : answer.subject);
    if (at) g_mime_message_set_date(mail, at);
    if (at) g_date_time_unref(at);
    mail_make_id(id, &m->id, &m->ticket, m->conversation, str_of(strchr(address, '@') + 1));
    g_mime_message_set_message_id(mail, id);
    set_threading(mail, &answer);
    /* A reply by a person is none; one by the policy is, so that no machine answers it (RFC 3834, 5). */
    if (!m->by.n) g_mime_object_set_header(GMIME_OBJECT(mail), "Auto-Submitted", "auto-replied", NULL);
    if (!m->by.n) g_mime_object_set_header(GMIME_OBJECT(mail), "X-Auto-Response-Suppress", "All", NULL);
}

/* ---- the mail ---- */

static enum err set_words(GMimeMessage *mail, struct str text)
{
    struct buf b;
    GMimeTextPart *part = g_mime_text_part_new_with_subtype("plain");
    buf_init(&b, 4u << 20);
    buf_addstr(&b, text);
    if (!text.n || text.p[text.n - 1] != '\n') buf_addc(&b, '\n');
    const char *words = buf_cstr(&b);
    bool ascii = true;
    for (size_t i = 0; i < b.n; i++) ascii &= (unsigned char)b.p[i] < 0x80;
    g_mime_text_part_set_charset(part, "utf-8");
    g_mime_text_part_set_text(part, words);
    /* quoted-printable keeps long lines whole; where most bytes would be escaped, base64 is shorter */
    g_mime_part_set_content_encoding(GMIME_PART(part),
                                     ascii ? GMIME_CONTENT_ENCODING_QUOTEDPRINTABLE : GMIME_CONTENT_ENCODING_BASE64);
    g_mime_message_set_mime_part(mail, GMIME_OBJECT(part));
    g_object_unref(part);
    enum err err = b.err;
    buf_fini(&b);
    return err;
}

/* The whole mail with CRLF lines. */
static enum err write_mail(GMimeMessage *mail, struct buf *out)
{
    GMimeFormatOptions *format = g_mime_format_options_new();
    g_mime_format_options_set_newline_format(format, GMIME_NEWLINE_FORMAT_DOS);
    char *text = g_mime_object_to_string(GMIME_OBJECT(mail), format);
    g_mime_format_options_free(format);
    if (text) buf_addz(out, text);
    g_free(text);
    return text ? out->err : ERR_NOMEM;
}

static enum err plan_mail(const struct door *d, const struct message_out *m, InternetAddressList *from, struct str to,
                          struct send_plan *out)
{
    const struct account *a = d->account;
    GMimeMessage *mail = g_mime_message_new(TRUE);
    buf_addz(&out->from, address_of(from));
    buf_addstr(&out->to, to);
    buf_addz(&out->url, a->smtp);
    enum err err = out->from.err ? out->from.err : out->to.err ? out->to.err : out->url.err;
    if (!err) set_head(mail, m, from, buf_cstr(&out->to));
    if (!err) err = set_words(mail, m->text);
    if (!err) err = write_mail(mail, &out->body);
    g_object_unref(mail);
    out->how = SEND_MAIL;
    if (d->token.n) {
        out->user = a->user ? str_of(a->user) : buf_str(&out->from);
        out->password = (struct str){ d->token.p, d->token.n };
    }
    return err;
}

static enum err mail_plan(const struct door *d, const struct message_out *m, struct send_plan *out, char why[200])
{
    struct mail_answer answer;
    mail_answer_read(m->with, &answer);
    struct str to = answer.to.n ? answer.to : m->customer;
    if (!d->account->smtp) return refuse(why, "the account names no mail server to hand replies to (smtp)");
    if (!m->by.n && answer.automatic.n) return refuse(why, "no automatic answer goes to a mail that a machine wrote");
    if (!is_address(to)) return refuse(why, "the customer has no mail address that can be answered");
    InternetAddressList *from = own_address(d->account);
    if (!from) return refuse(why, "the account has no address to write from (from, or one whole address among addresses)");
    enum err err = plan_mail(d, m, from, to, out);
    g_object_unref(from);
    return err;
}

/* RFC 5321, 4.2.1: 2xx done, 4xx not now, 5xx never. That our user or password is not taken (RFC 4954, 6) says nothing of the mail:
   it waits until somebody has put that right. No code: the connection broke, and the mail may have arrived or not. */
static void mail_judge(const struct door *d, const struct send_answer *a, struct send_result *out)
{
    (void)d;
    unsigned kind = a->status / 100;
    bool ourselves = a->status == 530 || a->status == 534 || a->status == 535 || a->status == 538;
    out->end = kind == 2 ? SEND_DONE : kind == 4 || ourselves ? SEND_AGAIN : kind == 5 ? SEND_REFUSED : SEND_UNKNOWN;
    if (ourselves) snprintf(out->why, sizeof out->why, "the mail server takes neither user nor password (%u)", a->status);
    else if (kind != 2) snprintf(out->why, sizeof out->why, "the mail server answered %u", a->status);
}

/* Not repeatable: that two mails have one Message-ID few servers look at, and customers would read both. */
const struct sender mail_sender = { .plan = mail_plan, .judge = mail_judge };
