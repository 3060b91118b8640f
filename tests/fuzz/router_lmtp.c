/* An LMTP talk: whatever comes, in one piece or byte by byte, gives the same answers and the same mails; no mail is longer than
   its limit, and a line of a mail that was sent as "." CR LF after CR LF is its end. */
#include "router/lmtp_talk.h"
#include "router/mail_book.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define MOST       2000u
#define must(cond) ((cond) ? (void)0 : abort())

struct pass {
    struct buf out;
    uint64_t sum, mail; /* of the mails that were whole; of this one */
    size_t size;
    uint32_t begun, ended;
};

static enum lmtp_rcpt rcpt(void *ctx, struct str a)
{
    static const char *const list[] = { "a@b", "@all" };
    static struct mail_book book;
    (void)ctx;
    must(a.n > 0);
    if (!book.count) {
        mail_book_init(&book, 8);
        must(mail_book_add(&book, &book, list, 2) == ERR_OK);
    }
    return mail_book_find(&book, a) ? LMTP_RCPT_OURS : LMTP_RCPT_UNKNOWN;
}
static enum lmtp_end begin(void *ctx, struct str from)
{
    struct pass *p = ctx;
    must(from.n <= 320);
    p->begun++;
    p->size = 0;
    p->mail = 7;
    return LMTP_KEPT;
}
static enum lmtp_end body(void *ctx, struct str b)
{
    struct pass *p = ctx;
    p->size += b.n;
    must(p->size <= MOST);
    for (size_t i = 0; i < b.n; i++) p->mail = (p->mail ^ (unsigned char)b.p[i]) * 0x100000001b3u;
    return LMTP_KEPT;
}
static void end(void *ctx, enum lmtp_end so_far)
{
    struct pass *p = ctx;
    if (so_far == LMTP_KEPT) p->sum = p->sum * 31 + p->mail;
    p->ended++;
}
static void reset(void *ctx) { (void)ctx; }

static void run(struct pass *p, const uint8_t *data, size_t size, size_t step)
{
    static const enum lmtp_end kept[LIM_MAIL_RCPT];
    struct lmtp_owner owner = { p, rcpt, begin, body, end, reset };
    struct lmtp_talk t;
    buf_init(&p->out, 4u << 20);
    lmtp_talk_init(&t, &owner, &p->out, "fuzz", MOST);
    for (size_t at = 0; at < size && !lmtp_talk_over(&t);) {
        at += lmtp_talk_feed(&t, (struct str){ (const char *)data + at, size - at < step ? size - at : step });
        if (lmtp_talk_waits(&t)) lmtp_talk_ends(&t, kept);
    }
    must(p->ended <= p->begun && t.rcpts <= LIM_MAIL_RCPT);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct pass whole = { .sum = 7 }, torn = { .sum = 7 };
    if (size > 1u << 16) return 0;
    run(&whole, data, size, size + 1);
    run(&torn, data, size, 1);
    must(whole.sum == torn.sum && whole.begun == torn.begun && whole.ended == torn.ended);
    must(str_eq(buf_str(&whole.out), buf_str(&torn.out)));
    buf_fini(&whole.out);
    buf_fini(&torn.out);
    return 0;
}
