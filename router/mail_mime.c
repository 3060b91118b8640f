/* A mail's bytes to struct mail, by GMime.

   GMime gives the tree; which part of it holds the words is decided here: of alternatives the plain one, else the HTML one; of
   related parts the first; of mixed ones every text that is not an attachment, in their order, since mail programs put a picture
   between two paragraphs that way. A report (RFC 6522) is read for what it reports. All else is told as an attachment: its name,
   type, size and SHA-256, which are found by decoding it into nothing.

   The parser reads the caller's bytes in place and keeps references into them, so nothing of GMime's outlives mail_read. It runs on
   threads of the pool: GMime keeps no state between mails but what mail_open made. */
#include "base/openssl.h"
#include "router/mail.h"
#include "router/mail_text.h"

#include <gmime/gmime.h>
#include <stdio.h>
#include <strings.h>

static GMimeParserOptions *options;

void mail_open(void)
{
    static const char *fallback[] = { "utf-8", "cp949", "windows-1252", NULL };
    if (options) return;
    g_mime_init();
    options = g_mime_parser_options_new();
    g_mime_parser_options_set_fallback_charsets(options, fallback);
    g_mime_parser_options_set_rfc2047_compliance_mode(options, GMIME_RFC_COMPLIANCE_LOOSE);
    g_mime_parser_options_set_parameter_compliance_mode(options, GMIME_RFC_COMPLIANCE_LOOSE);
}

void mail_close(void)
{
    if (!options) return;
    g_mime_parser_options_free(options);
    options = NULL;
    g_mime_shutdown();
}

struct reading {
    struct mail *m;
    struct arena *arena;
    struct buf plain; /* the words so far, UTF-8 */
    enum err err;
};

static struct str text_of(const char *z) { return z ? str_of(z) : STR_NONE; }

/* ---- what is in a part ---- */

/* All bytes of a part, decoded. The caller owns *out. */
static GByteArray *decoded(GMimePart *part)
{
    GMimeDataWrapper *content = g_mime_part_get_content(part);
    if (!content) return NULL;
    GMimeStream *to = g_mime_stream_mem_new();
    GByteArray *bytes = g_byte_array_new();
    g_mime_stream_mem_set_byte_array(GMIME_STREAM_MEM(to), bytes);
    g_mime_stream_mem_set_owner(GMIME_STREAM_MEM(to), FALSE);
    (void)g_mime_data_wrapper_write_to_stream(content, to);
    g_object_unref(to);
    return bytes;
}

static bool param_is(GMimeObject *o, const char *name, const char *value)
{
    const char *got = g_mime_object_get_content_type_parameter(o, name);
    return got && !strcasecmp(got, value);
}

static void add_html(struct buf *out, struct str charset, struct str bytes)
{
    struct buf page;
    buf_init(&page, LIM_MAIL_HTML * 3 + 16);
    if (bytes.n > LIM_MAIL_HTML) bytes.n = LIM_MAIL_HTML;
    mail_utf8(&page, charset, bytes);
    mail_unhtml(out, buf_str(&page));
    buf_fini(&page);
}

static void add_plain(struct buf *out, GMimeObject *o, struct str charset, struct str bytes)
{
    struct buf text;
    buf_init(&text, LIM_MAIL_HTML * 3 + 16);
    if (bytes.n > LIM_MAIL_HTML) bytes.n = LIM_MAIL_HTML;
    mail_utf8(&text, charset, bytes);
    if (param_is(o, "format", "flowed")) mail_unflow(out, buf_str(&text), param_is(o, "delsp", "yes"));
    else buf_addstr(out, buf_str(&text));
    buf_fini(&text);
}

/* Adds the words of a text part. False: it has none to show. */
static bool add_words(struct reading *r, GMimeObject *o)
{
    GByteArray *bytes = decoded(GMIME_PART(o));
    if (!bytes) return false;
    struct str s = { (const char *)bytes->data, bytes->len },
               charset = text_of(g_mime_object_get_content_type_parameter(o, "charset"));
    size_t before = r->plain.n;
    if (before) buf_addz(&r->plain, r->plain.p[before - 1] == '\n' ? "\n" : "\n\n");
    size_t from = r->plain.n;
    if (g_mime_content_type_is_type(g_mime_object_get_content_type(o), "text", "html")) add_html(&r->plain, charset, s);
    else add_plain(&r->plain, o, charset, s);
    g_byte_array_free(bytes, TRUE);
    for (size_t i = from; i < r->plain.n; i++)
        if ((unsigned char)r->plain.p[i] > ' ') return true;
    r->plain.n = before;
    return false;
}

/* ---- attachments ---- */

static void measure(struct mail_file *f, GMimeDataWrapper *content)
{
    if (!content) return;
    GMimeStream *nothing = g_mime_stream_null_new(), *to = g_mime_stream_filter_new(nothing);
    GMimeFilter *sum = g_mime_filter_checksum_new(G_CHECKSUM_SHA256);
    g_mime_stream_filter_add(GMIME_STREAM_FILTER(to), sum);
    (void)g_mime_data_wrapper_write_to_stream(content, to);
    (void)g_mime_stream_flush(to);
    f->size = GMIME_STREAM_NULL(nothing)->written;
    char *text = g_mime_filter_checksum_get_string(GMIME_FILTER_CHECKSUM(sum));
    if (text) snprintf(f->sha256, sizeof f->sha256, "%s", text);
    g_free(text);
    g_object_unref(sum);
    g_object_unref(to);
    g_object_unref(nothing);
}

static void add_file(struct reading *r, GMimeObject *o)
{
    struct mail *m = r->m;
    if (m->file_count == LIM_MAIL_FILES) {
        m->more_files++;
        return;
    }
    struct mail_file *f = &m->files[m->file_count++];
    char *type = g_mime_content_type_get_mime_type(g_mime_object_get_content_type(o));
    const char *name = GMIME_IS_PART(o) ? g_mime_part_get_filename(GMIME_PART(o)) : NULL;
    if (!name && GMIME_IS_MESSAGE_PART(o)) {
        GMimeMessage *inner = g_mime_message_part_get_message(GMIME_MESSAGE_PART(o));
        name = inner ? g_mime_message_get_subject(inner) : NULL;
    }
    r->err = mail_line(&f->name, r->arena, text_of(name), 255);
    if (!r->err) r->err = mail_line(&f->type, r->arena, text_of(type), 127);
    if (GMIME_IS_PART(o)) measure(f, g_mime_part_get_content(GMIME_PART(o)));
    g_free(type);
}

/* ---- reports ---- */

/* The value of a field in text of fields ("Status: 5.1.1"), unfolded or not; STR_NONE. */
static struct str field(struct str s, const char *name)
{
    size_t n = strlen(name);
    while (s.n) {
        const char *nl = memchr(s.p, '\n', s.n);
        size_t all = nl ? (size_t)(nl - s.p) + 1 : s.n;
        if (all > n + 1 && strncasecmp(s.p, name, n) == 0 && s.p[n] == ':') {
            struct str v = { s.p + n + 1, all - n - 1 };
            while (v.n && (unsigned char)*v.p <= ' ') v.p++, v.n--;
            while (v.n && (unsigned char)v.p[v.n - 1] <= ' ') v.n--;
            return v;
        }
        s.p += all;
        s.n -= all;
    }
    return STR_NONE;
}

static void read_status(struct reading *r, GMimeObject *o)
{
    GByteArray *bytes = GMIME_IS_PART(o) ? decoded(GMIME_PART(o)) : NULL;
    if (!bytes) return;
    struct str all = { (const char *)bytes->data, bytes->len };
    r->err = mail_line(&r->m->bounce, r->arena, field(all, "Status"), 16);
    g_byte_array_free(bytes, TRUE);
}

static void read_returned(struct reading *r, GMimeObject *o)
{
    GByteArray *bytes = NULL;
    struct str id = STR_NONE;
    if (GMIME_IS_MESSAGE_PART(o)) {
        GMimeMessage *inner = g_mime_message_part_get_message(GMIME_MESSAGE_PART(o));
        id = text_of(inner ? g_mime_message_get_message_id(inner) : NULL);
    } else if (GMIME_IS_PART(o) && (bytes = decoded(GMIME_PART(o)))) {
        id = field((struct str){ (const char *)bytes->data, bytes->len }, "Message-ID");
        while (id.n && (*id.p == '<')) id.p++, id.n--;
        while (id.n && id.p[id.n - 1] == '>') id.n--;
    }
    r->err = mail_line(&r->m->bounced, r->arena, id, 998);
    if (bytes) g_byte_array_free(bytes, TRUE);
}

static bool is_type(GMimeObject *o, const char *type, const char *sub)
{
    return g_mime_content_type_is_type(g_mime_object_get_content_type(o), type, sub);
}

static bool is_report(GMimeObject *o)
{
    return o && is_type(o, "multipart", "report") && param_is(o, "report-type", "delivery-status");
}

static void walk(struct reading *r, GMimeObject *o, unsigned depth);

static void walk_report(struct reading *r, GMimeMultipart *parts, unsigned depth)
{
    int n = g_mime_multipart_get_count(parts);
    for (int i = 0; i < n && !r->err; i++) {
        GMimeObject *o = g_mime_multipart_get_part(parts, i);
        if (!i) walk(r, o, depth);
        else if (is_type(o, "message", "delivery-status") || is_type(o, "message", "global-delivery-status")) read_status(r, o);
        else if (!r->m->bounced.n) read_returned(r, o);
    }
}

/* ---- the tree ---- */

static bool is_attached(GMimeObject *o)
{
    const char *how = g_mime_object_get_disposition(o);
    return (how && !strcasecmp(how, "attachment")) || (GMIME_IS_PART(o) && g_mime_part_get_filename(GMIME_PART(o)));
}

/* Is there a part under it, not too deep, that gives words of this kind? */
static bool gives(GMimeObject *o, const char *sub, unsigned depth)
{
    if (depth > LIM_MAIL_DEPTH) return false;
    if (GMIME_IS_PART(o)) return is_type(o, "text", sub) && !is_attached(o);
    if (!GMIME_IS_MULTIPART(o)) return false;
    int n = g_mime_multipart_get_count(GMIME_MULTIPART(o));
    for (int i = 0; i < n; i++)
        if (gives(g_mime_multipart_get_part(GMIME_MULTIPART(o), i), sub, depth + 1)) return true;
    return false;
}

/* The first alternative that has plain words to show, else the last with HTML ones, else any. What else is among them stays unsaid:
   it is the same again. */
static void walk_alternative(struct reading *r, GMimeMultipart *parts, unsigned depth)
{
    static const char *const kinds[] = { "plain", "html", "*" };
    int n = g_mime_multipart_get_count(parts);
    for (size_t k = 0; k < 3 && !r->err; k++) {
        size_t before = r->plain.n;
        for (int i = 0; i < n && r->plain.n == before && !r->err; i++) {
            GMimeObject *o = g_mime_multipart_get_part(parts, i);
            if (gives(o, kinds[k], depth + 1)) walk(r, o, depth + 1);
        }
        if (r->plain.n != before) return;
    }
}

static void walk_multipart(struct reading *r, GMimeObject *o, unsigned depth)
{
    GMimeMultipart *parts = GMIME_MULTIPART(o);
    int n = g_mime_multipart_get_count(parts);
    if (is_type(o, "multipart", "alternative")) {
        walk_alternative(r, parts, depth);
    } else if (is_report(o)) {
        walk_report(r, parts, depth + 1);
    } else {
        for (int i = 0; i < n && !r->err; i++) walk(r, g_mime_multipart_get_part(parts, i), depth + 1);
    }
}

static void walk(struct reading *r, GMimeObject *o, unsigned depth)
{
    if (depth > LIM_MAIL_DEPTH || r->err) return;
    if (GMIME_IS_MULTIPART(o)) walk_multipart(r, o, depth);
    else if (GMIME_IS_PART(o) && is_type(o, "text", "*") && !is_attached(o) && !is_type(o, "text", "calendar"))
        (void)add_words(r, o);
    else add_file(r, o);
}

/* ---- the whole ---- */

static struct str header(void *mail, const char *name)
{
    GMimeHeader *h = g_mime_header_list_get_header(g_mime_object_get_header_list(GMIME_OBJECT(mail)), name);
    return text_of(h ? g_mime_header_get_raw_value(h) : NULL);
}

static void read_head(struct reading *r, GMimeMessage *mail, const char *envelope_from)
{
    struct mail_head h = { header, mail, envelope_from, is_report(g_mime_message_get_mime_part(mail)) };
    r->err = mail_take_head(r->m, r->arena, &h);
    if (!r->err) r->err = mail_line(&r->m->subject, r->arena, text_of(g_mime_message_get_subject(mail)), 1024);
}

static InternetAddress *first_mailbox(InternetAddressList *list)
{
    int n = list ? internet_address_list_length(list) : 0;
    for (int i = 0; i < n; i++) {
        InternetAddress *a = internet_address_list_get_address(list, i);
        if (INTERNET_ADDRESS_IS_MAILBOX(a)) return a;
    }
    return NULL;
}

static void read_sender(struct reading *r, GMimeMessage *mail)
{
    InternetAddress *from = first_mailbox(g_mime_message_get_from(mail)), *reply = first_mailbox(g_mime_message_get_reply_to(mail));
    if (!from) from = first_mailbox(g_mime_message_get_addresses(mail, GMIME_ADDRESS_TYPE_SENDER));
    if (reply && !r->err) {
        r->err =
            mail_take_from(r->m, r->arena, text_of(internet_address_mailbox_get_addr(INTERNET_ADDRESS_MAILBOX(reply))), STR_NONE);
        r->m->reply_to = r->m->from;
        r->m->from = STR_NONE;
    }
    if (from && !r->err)
        r->err = mail_take_from(r->m, r->arena, text_of(internet_address_mailbox_get_addr(INTERNET_ADDRESS_MAILBOX(from))),
                                text_of(internet_address_get_name(from)));
}

/* A mail without a Message-ID is known by its bytes. */
static void name_it(struct reading *r, struct str bytes)
{
    uint8_t sum[SHA256_DIGEST_LENGTH];
    char text[80] = "sha256-";
    if (r->m->id.n || r->err) return;
    SHA256((const unsigned char *)bytes.p, bytes.n, sum);
    sign_hex(sum, sizeof sum, text + 7);
    r->err = mail_line(&r->m->id, r->arena, str_of(text), sizeof text);
}

static void read_message(struct reading *r, GMimeMessage *mail, struct str bytes, const char *envelope_from)
{
    GMimeObject *body = g_mime_message_get_mime_part(mail);
    read_head(r, mail, envelope_from);
    read_sender(r, mail);
    name_it(r, bytes);
    if (body) walk(r, body, 0);
    if (!r->err && r->plain.err) r->err = r->plain.err == ERR_FULL ? ERR_TOOBIG : r->plain.err;
    if (!r->err) r->err = mail_take_text(r->m, r->arena, buf_str(&r->plain), STR_NONE);
}

enum err mail_read(struct mail *m, struct arena *arena, struct str bytes, const char *envelope_from)
{
    struct reading r = { .m = m, .arena = arena };
    enum err err = mail_scan(bytes);
    memset(m, 0, sizeof *m);
    if (err) return err;
    GByteArray view = { (guint8 *)bytes.p, (guint)bytes.n };
    GMimeStream *stream = g_mime_stream_mem_new_with_byte_array(&view);
    g_mime_stream_mem_set_owner(GMIME_STREAM_MEM(stream), FALSE);
    GMimeParser *parser = g_mime_parser_new_with_stream(stream);
    GMimeMessage *mail = g_mime_parser_construct_message(parser, options);
    buf_init(&r.plain, 16u << 20);
    r.err = mail ? ERR_OK : ERR_PROTO;
    if (mail) read_message(&r, mail, bytes, envelope_from);
    buf_fini(&r.plain);
    if (mail) g_object_unref(mail);
    g_object_unref(parser);
    g_object_unref(stream);
    return r.err;
}
