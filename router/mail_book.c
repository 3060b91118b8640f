/* An address may be known in three ways: as it stands, without its "+anything", by its domain. Each is one look into the map, and
   of the owners found the one who came first has it: what a walk over all owners in their order would have found. */
#include "router/mail_book.h"

#include <stdlib.h>

void mail_book_init(struct mail_book *b, size_t most)
{
    memset(b, 0, sizeof *b);
    map_init(&b->places, most);
}

void mail_book_fini(struct mail_book *b)
{
    if (b->places.cap) map_fini(&b->places);
    free(b->owners);
    memset(b, 0, sizeof *b);
}

static enum err add_owner(struct mail_book *b, const void *owner)
{
    if (b->count == b->room) {
        uint32_t room = b->room ? 2 * b->room : 64;
        const void **more = realloc(b->owners, room * sizeof *more);
        if (!more) return ERR_NOMEM;
        b->owners = more;
        b->room = room;
    }
    b->owners[b->count++] = owner;
    return ERR_OK;
}

enum err mail_book_add(struct mail_book *b, const void *owner, const char *const *addresses, uint32_t n)
{
    enum err e = add_owner(b, owner);
    for (uint32_t i = 0; i < n && !e; i++) {
        e = map_put(&b->places, str_of(addresses[i]), (void *)(uintptr_t)b->count);
        if (e == ERR_EXISTS) e = ERR_OK;
    }
    return e;
}

/* The lesser of a place that is known and the one of `key`; 0: none. */
static uintptr_t first_of(const struct mail_book *b, uintptr_t known, struct str key)
{
    uintptr_t at = (uintptr_t)map_get(&b->places, key);
    return at && (!known || at < known) ? at : known;
}

const void *mail_book_find(const struct mail_book *b, struct str address)
{
    char text[MAIL_ADDRESS_MOST];
    if (address.n > sizeof text) return NULL;
    for (size_t i = 0; i < address.n; i++)
        text[i] = address.p[i] >= 'A' && address.p[i] <= 'Z' ? (char)(address.p[i] | 0x20) : address.p[i];
    char *at = memrchr(text, '@', address.n);
    if (!at || at == text) return NULL;
    struct str domain = { at, address.n - (size_t)(at - text) };
    uintptr_t place = first_of(b, first_of(b, 0, (struct str){ text, address.n }), domain);
    char *plus = memchr(text + 1, '+', (size_t)(at - text) - 1);
    if (plus) {
        memmove(plus, domain.p, domain.n);
        place = first_of(b, place, (struct str){ text, (size_t)(plus - text) + domain.n });
    }
    return place ? b->owners[place - 1] : NULL;
}
