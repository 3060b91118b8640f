/* Every chat is in by_key, by_conversation and `order`; every line in its chat's list, in the order of seq, and in by_line by its
   id (so a message that comes twice is one line). `durable` lines come before those that are not. A chat that nobody holds goes
   when it is a day old, or, the longest untouched first, when there are too many or their lines take too much; its rows are garbage
   then. The first lines of a long chat go alone. While the journal is replayed lines may come in any order, for compaction moves
   old rows behind younger ones: they are put in their place by seq. */
#include "router/channels/widget_chat.h"

#include "base/limits.h"

#include <stdlib.h>

#define SWEEP_AT_ONCE 256u
#define HOUR_MS       3600000ull

WORDS_TABLE(chat_by, CHAT_BY_MAP)
WORDS_TABLE(chat_state, CHAT_STATE_MAP)
RECORD_TABLE(chat_row, CHAT_ROW_FIELDS)

void chats_init(struct chats *c)
{
    *c = (struct chats){ 0 };
    map_init(&c->by_key, LIM_CHATS + 1);
    map_init(&c->by_conversation, LIM_CHATS + 1);
    map_init(&c->by_line, LIM_CHATS * (size_t)LIM_CHAT_LINES);
    TAILQ_INIT(&c->order);
}

static size_t line_size(const struct chat_line *l) { return sizeof *l + l->ref_n + l->name_n + l->text_n; }
static struct str id_key(const struct id *id) { return (struct str){ (const char *)id->b, sizeof id->b }; }
static struct str whole_key(const struct chat *c) { return (struct str){ c->key, (size_t)c->account_n + 1 + c->customer_n }; }
static struct str conversation_key(const uint64_t *k) { return (struct str){ (const char *)k, sizeof *k }; }

static void drop_line(struct chat_line *l)
{
    struct chat *c = l->chat;
    TAILQ_REMOVE(&c->lines, l, link);
    map_del(&c->all->by_line, id_key(&l->id));
    c->all->bytes -= line_size(l);
    c->count--;
    free(l);
}

static void drop_chat(struct chat *c)
{
    struct chats *all = c->all;
    while (!TAILQ_EMPTY(&c->lines)) drop_line(TAILQ_FIRST(&c->lines));
    TAILQ_REMOVE(&all->order, c, link);
    map_del(&all->by_key, whole_key(c));
    if (map_get(&all->by_conversation, conversation_key(&c->conversation)) == c)
        map_del(&all->by_conversation, conversation_key(&c->conversation));
    free(c->agent);
    free(c);
}

void chats_fini(struct chats *c)
{
    while (!TAILQ_EMPTY(&c->order)) drop_chat(TAILQ_FIRST(&c->order));
    map_fini(&c->by_key);
    map_fini(&c->by_conversation);
    map_fini(&c->by_line);
}

/* ---- chats ---- */

/* An account's name has no byte that is not printable: the border between both parts is a NUL, which neither holds. */
static struct str make_key(char *room, struct str account, struct str customer)
{
    memcpy(room, account.p, account.n);
    room[account.n] = '\0';
    memcpy(room + account.n + 1, customer.p, customer.n);
    return (struct str){ room, account.n + 1 + customer.n };
}

struct chat *chats_find(const struct chats *c, struct str account, struct str customer)
{
    char room[64 + 256];
    if (!account.n || account.n > 63 || !customer.n || customer.n > 191) return NULL;
    return map_get(&c->by_key, make_key(room, account, customer));
}

struct chat *chats_by_conversation(const struct chats *c, uint64_t conversation)
{
    return map_get(&c->by_conversation, conversation_key(&conversation));
}

static void touch(struct chat *c, uint64_t now)
{
    if (now > c->touched) c->touched = now;
    TAILQ_REMOVE(&c->all->order, c, link);
    TAILQ_INSERT_TAIL(&c->all->order, c, link);
}

/* The longest untouched chat that nobody holds goes. Those in use are few beside LIM_CHATS, and looked past so far only. */
static bool make_room(struct chats *all, const struct chat *but)
{
    uint32_t looked = 0;
    struct chat *c;
    TAILQ_FOREACH (c, &all->order, link) {
        if (c != but && !c->held) break;
        if (++looked == LIM_CHAT_CONNS) return false;
    }
    if (!c) return false;
    drop_chat(c);
    all->forgotten++;
    return true;
}

enum err chats_take(struct chats *all, struct str account, struct str customer, uint64_t conversation, uint64_t now,
                    struct chat **out)
{
    *out = chats_find(all, account, customer);
    if (*out) return touch(*out, now), ERR_OK;
    if (!account.n || account.n > 63 || !customer.n || customer.n > 191) return ERR_TOOBIG;
    if (all->by_key.count >= LIM_CHATS && !make_room(all, NULL)) return ERR_FULL;
    struct chat *c = calloc(1, sizeof *c + account.n + 1 + customer.n);
    if (!c) return ERR_NOMEM;
    c->all = all;
    c->account_n = (uint8_t)account.n;
    c->customer_n = (uint8_t)customer.n;
    c->touched = now;
    c->conversation = conversation;
    TAILQ_INIT(&c->lines);
    make_key(c->key, account, customer);
    if (map_put(&all->by_key, whole_key(c), c)) return free(c), ERR_NOMEM;
    (void)map_put(&all->by_conversation, conversation_key(&c->conversation), c); /* one that collides hears no states */
    TAILQ_INSERT_TAIL(&all->order, c, link);
    *out = c;
    return ERR_OK;
}

bool chat_state_set(struct chat *c, enum chat_state state, struct str agent)
{
    bool same_agent = c->agent ? str_is(agent, c->agent) : agent.n == 0;
    if (c->state == state && same_agent) return false;
    if (!same_agent) {
        free(c->agent);
        c->agent = agent.n ? strndup(agent.p, agent.n) : NULL;
    }
    c->state = (uint8_t)state;
    return true;
}

/* ---- lines ---- */

static size_t cut_text(struct str s, size_t max)
{
    if (s.n <= max) return s.n;
    while (max && ((unsigned char)s.p[max] & 0xC0) == 0x80) max--;
    return max;
}

static struct chat_line *line_new(const struct id *id, const struct chat_words *w)
{
    size_t ref = cut_text(w->ref, 64), name = cut_text(w->name, 128), text = cut_text(w->text, 16384);
    struct chat_line *l = calloc(1, sizeof *l + ref + name + text);
    if (!l) return NULL;
    l->id = *id;
    l->by = (uint8_t)w->by;
    l->ref_n = (uint8_t)ref;
    l->name_n = (uint8_t)name;
    l->text_n = (uint16_t)text;
    if (ref) memcpy(l->bytes, w->ref.p, ref);
    if (name) memcpy(l->bytes + ref, w->name.p, name);
    if (text) memcpy(l->bytes + ref + name, w->text.p, text);
    return l;
}

static enum err keep_line(struct chat *c, struct chat_line *l)
{
    struct chat_line *at = TAILQ_LAST(&c->lines, chat_lines);
    if (map_put(&c->all->by_line, id_key(&l->id), l)) return ERR_NOMEM;
    l->chat = c;
    while (at && at->seq > l->seq) at = TAILQ_PREV(at, chat_lines, link);
    if (at) TAILQ_INSERT_AFTER(&c->lines, at, l, link);
    else TAILQ_INSERT_HEAD(&c->lines, l, link);
    c->all->bytes += line_size(l);
    if (l->seq > c->last) c->last = l->seq;
    c->count++;
    while (c->count > LIM_CHAT_LINES && TAILQ_FIRST(&c->lines)->durable) drop_line(TAILQ_FIRST(&c->lines));
    while (c->all->bytes > LIM_CHAT_BYTES && make_room(c->all, c)) {
    }
    return ERR_OK;
}

enum err chat_say(struct chat *c, const struct id *id, const struct chat_words *w, uint64_t now, struct chat_line **out)
{
    if ((*out = chats_line(c->all, id))) return ERR_EXISTS;
    struct chat_line *l = c->count < 2 * LIM_CHAT_LINES ? line_new(id, w) : NULL; /* a journal that stands still for long */
    if (!l) return ERR_NOMEM;
    l->at = now;
    l->seq = now > c->last ? now : c->last + 1;
    if (keep_line(c, l)) return free(l), ERR_NOMEM;
    touch(c, now);
    *out = l;
    return ERR_OK;
}

struct chat_line *chats_line(const struct chats *c, const struct id *id) { return map_get(&c->by_line, id_key(id)); }
void chat_unsay(struct chat_line *l) { drop_line(l); }

const struct chat_line *chat_next(const struct chat_line *l)
{
    l = TAILQ_NEXT(l, link);
    return l && l->durable ? l : NULL;
}

const struct chat_line *chat_after(const struct chat *c, uint64_t seq)
{
    const struct chat_line *l, *found = NULL;
    TAILQ_FOREACH_REVERSE(l, &c->lines, chat_lines, link)
    {
        if (l->seq <= seq) break;
        if (l->durable) found = l;
    }
    return found;
}

uint64_t chat_seq(const struct chat *c)
{
    const struct chat_line *l;
    TAILQ_FOREACH_REVERSE(l, &c->lines, chat_lines, link)
    if (l->durable) return l->seq;
    return 0;
}

/* ---- rows ---- */

void chat_line_pack(const struct chat_line *l, struct buf *out)
{
    struct chat_row row = { .account = chat_account(l->chat),
                            .customer = chat_customer(l->chat),
                            .seq = l->seq,
                            .at = l->at,
                            .by = l->by,
                            .ref = line_ref(l),
                            .name = line_name(l),
                            .text = line_text(l) };
    record_pack(out, &chat_row_record, &row);
}

enum err chats_row(struct chats *all, uint64_t number, const struct id *id, struct str body,
                   uint64_t (*key_of)(void *ctx, struct str account, struct str customer), void *ctx)
{
    struct chat_row row;
    struct arena none;
    struct chat *c;
    arena_init(&none, 4096);
    enum err e = record_unpack(&chat_row_record, &row, body, &none);
    arena_fini(&none);
    if (e) return e;
    if (chats_line(all, id)) return ERR_EXISTS;
    e = chats_take(all, row.account, row.customer, key_of(ctx, row.account, row.customer), row.at, &c);
    if (e) return e;
    struct chat_line *l = line_new(id, &(struct chat_words){ row.by, row.ref, row.name, row.text });
    if (!l) return ERR_NOMEM;
    l->seq = row.seq;
    l->at = row.at;
    l->row = number;
    l->durable = true;
    if (keep_line(c, l)) return free(l), ERR_NOMEM;
    return ERR_OK;
}

bool chats_row_live(const struct chats *c, uint64_t number, const struct id *id)
{
    const struct chat_line *l = chats_line(c, id);
    return l && l->row == number;
}

void chats_row_moved(struct chats *c, uint64_t from, uint64_t to, const struct id *id)
{
    struct chat_line *l = chats_line(c, id);
    if (l && l->row == from) l->row = to;
}

void chats_sweep(struct chats *all, uint64_t now)
{
    struct chat *c, *next;
    uint32_t looked = 0;
    for (c = TAILQ_FIRST(&all->order); c && looked++ < SWEEP_AT_ONCE; c = next) {
        next = TAILQ_NEXT(c, link);
        if (now < c->touched + LIM_CHAT_HOURS * HOUR_MS) break;
        if (c->held) touch(c, now); /* a long tab: looked at again in a day */
        else drop_chat(c);
    }
}
