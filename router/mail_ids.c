#include "router/mail_ids.h"

#include "base/openssl.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/queue.h>

static const char hex[] = "0123456789abcdef";

static void put_hex(const uint8_t *p, size_t n, char *out)
{
    for (size_t i = 0; i < n; i++) {
        out[2 * i] = hex[p[i] >> 4];
        out[2 * i + 1] = hex[p[i] & 15];
    }
    out[2 * n] = '\0';
}

static bool get_hex(struct str s, uint8_t *out)
{
    for (size_t i = 0; i < s.n; i++) {
        const char *at = s.p[i] ? strchr(hex, s.p[i]) : NULL;
        if (!at) return false;
        if (i & 1) out[i / 2] |= (uint8_t)(at - hex);
        else out[i / 2] = (uint8_t)((at - hex) << 4);
    }
    return s.n % 2 == 0;
}

/* ---- lists of ids ---- */

static bool is_blank(char c) { return c == ' ' || (c >= '\t' && c <= '\r') || c == ','; }

struct str mail_next_id(struct str *rest)
{
    while (rest->n) {
        while (rest->n && is_blank(*rest->p)) rest->p++, rest->n--;
        if (!rest->n) break;
        bool bracket = *rest->p == '<';
        struct str id = { rest->p + bracket, 0 };
        size_t left = rest->n - bracket;
        while (id.n < left && (bracket ? id.p[id.n] != '>' && id.p[id.n] != '<' : !is_blank(id.p[id.n]))) id.n++;
        size_t used = bracket + id.n + (bracket && id.n < left && id.p[id.n] == '>');
        rest->p += used;
        rest->n -= used;
        while (id.n && is_blank(*id.p)) id.p++, id.n--;
        while (id.n && is_blank(id.p[id.n - 1])) id.n--;
        if (id.n && (bracket || memchr(id.p, '@', id.n))) return id;
    }
    return STR_NONE;
}

void mail_conversation(struct str id, char out[CONVERSATION_HEX + 1])
{
    uint8_t sum[SHA256_DIGEST_LENGTH];
    SHA256((const unsigned char *)id.p, id.n, sum);
    put_hex(sum, CONVERSATION_HEX / 2, out);
}

/* ---- ours: naru.32 hex.32 hex.conversation@domain ---- */

#define PREFIX   "naru."
#define ID_HEX   32u
#define HEAD     (sizeof PREFIX - 1 + ID_HEX + 1 + ID_HEX + 1)
#define SAID_MAX 100u

static bool is_named_by_mail(struct str conversation)
{
    uint8_t b[CONVERSATION_HEX / 2];
    return conversation.n == CONVERSATION_HEX && get_hex(conversation, b);
}

void mail_make_id(char out[MAIL_ID_MAX], const struct id *message, const struct id *ticket, struct str conversation,
                  struct str domain)
{
    char m[ID_HEX + 1], t[ID_HEX + 1], said[2 * SAID_MAX + 2] = "0";
    put_hex(message->b, 16, m);
    put_hex(ticket->b, 16, t);
    if (is_named_by_mail(conversation)) {
        memcpy(said, conversation.p, conversation.n);
        said[conversation.n] = '\0';
    } else if (conversation.n && conversation.n <= SAID_MAX) {
        said[0] = 'x';
        put_hex((const uint8_t *)conversation.p, conversation.n, said + 1);
    }
    int room = (int)(MAIL_ID_MAX - HEAD - strlen(said) - 2);
    snprintf(out, MAIL_ID_MAX, PREFIX "%s.%s.%s@%.*s", m, t, said, domain.n < (size_t)room ? (int)domain.n : room, domain.p);
}

bool mail_own_id(struct str id, struct id *ticket, char out[101])
{
    struct id message;
    const char *at = memchr(id.p, '@', id.n);
    if (id.n < HEAD + 2 || !at || (size_t)(at - id.p) <= HEAD || memcmp(id.p, PREFIX, sizeof PREFIX - 1)) return false;
    const char *m = id.p + sizeof PREFIX - 1, *t = m + ID_HEX + 1;
    if (m[ID_HEX] != '.' || t[ID_HEX] != '.') return false;
    if (!get_hex((struct str){ m, ID_HEX }, message.b) || !get_hex((struct str){ t, ID_HEX }, ticket->b)) return false;
    struct str said = { id.p + HEAD, (size_t)(at - id.p) - HEAD };
    out[0] = '\0';
    if (is_named_by_mail(said)) {
        memcpy(out, said.p, said.n);
        out[said.n] = '\0';
    } else if (said.n > 2 && said.n <= 2 * SAID_MAX + 1 && *said.p == 'x') {
        if (!get_hex((struct str){ said.p + 1, said.n - 1 }, (uint8_t *)out)) return out[0] = '\0', false;
        out[(said.n - 1) / 2] = '\0';
    } else {
        return str_is(said, "0");
    }
    return true;
}

/* ---- ids seen ---- */

struct heard {
    struct id key; /* of account and Message-ID, as the event's is */
    uint8_t conversation[CONVERSATION_HEX / 2];
    TAILQ_ENTRY(heard) link;
};
struct mail_threads {
    struct idmap by_key;
    TAILQ_HEAD(, heard) order; /* the oldest first: it goes when there are too many */
    size_t cap;
};

enum err mail_threads_new(struct mail_threads **out, size_t cap)
{
    struct mail_threads *t = calloc(1, sizeof *t);
    if (!t) return ERR_NOMEM;
    t->cap = cap;
    idmap_init(&t->by_key, cap);
    TAILQ_INIT(&t->order);
    *out = t;
    return ERR_OK;
}

static void forget_first(struct mail_threads *t)
{
    struct heard *s = TAILQ_FIRST(&t->order);
    TAILQ_REMOVE(&t->order, s, link);
    (void)idmap_del(&t->by_key, &s->key);
    free(s);
}

void mail_threads_free(struct mail_threads *t)
{
    if (!t) return;
    while (!TAILQ_EMPTY(&t->order)) forget_first(t);
    idmap_fini(&t->by_key);
    free(t);
}

void mail_threads_put(struct mail_threads *t, struct str account, struct str id, struct str conversation)
{
    struct heard *s;
    char own[CONVERSATION_HEX + 1];
    mail_conversation(id, own);
    if (!is_named_by_mail(conversation) || str_is(conversation, own)) return; /* the id itself says it */
    struct id key = id_of_event(account, id);
    if (idmap_get(&t->by_key, &key)) return;
    while (t->by_key.count >= t->cap) forget_first(t);
    if (!(s = calloc(1, sizeof *s))) return;
    s->key = key;
    (void)get_hex(conversation, s->conversation);
    if (idmap_put(&t->by_key, s)) free(s);
    else TAILQ_INSERT_TAIL(&t->order, s, link);
}

bool mail_threads_get(const struct mail_threads *t, struct str account, struct str id, char out[CONVERSATION_HEX + 1])
{
    struct id key = id_of_event(account, id);
    const struct heard *s = t ? idmap_get(&t->by_key, &key) : NULL;
    if (s) put_hex(s->conversation, sizeof s->conversation, out);
    return s != NULL;
}

/* ---- the conversation of a mail ---- */

void mail_thread(const struct mail *m, const struct mail_threads *t, struct str account, char out[101], bool *ours)
{
    struct id ticket;
    *ours = false;
    for (uint32_t i = 0; i < m->ref_count; i++) {
        if (!mail_own_id(m->refs[i], &ticket, out)) continue;
        *ours = true;
        if (*out) return;
    }
    for (uint32_t i = 0; i < m->ref_count; i++)
        if (mail_threads_get(t, account, m->refs[i], out)) return;
    mail_conversation(m->root.n ? m->root : m->id, out);
}
