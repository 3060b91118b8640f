/* Whose address is it? Mail addresses and what they belong to, looked up in constant time. Pure. */
#ifndef NARU_ROUTER_MAIL_BOOK_H
#define NARU_ROUTER_MAIL_BOOK_H

#include "base/map.h"

#define MAIL_ADDRESS_MOST 320u /* bytes of an address that is looked up; a longer one is nobody's */

struct mail_book {
    struct map places; /* address → its owner's place, from 1 */
    const void **owners;
    uint32_t count, room;
};
/* `most`: addresses that it holds. */
void mail_book_init(struct mail_book *b, size_t most);
void mail_book_fini(struct mail_book *b); /* also of one that is all zero */
/* A further owner, behind those that are there, with its addresses: lower-case, whole ("help@shop.example") or a domain's
   ("@shop.example"). One that an earlier owner has stays that owner's. Owner and addresses are borrowed as long as the book lives.
   ERR_FULL, ERR_NOMEM: some of the addresses may be in. */
enum err mail_book_add(struct mail_book *b, const void *owner, const char *const *addresses, uint32_t n);
/* The first owner who has the address, whole or by its domain; NULL: none. "name+anything" is also "name". Letters of ASCII are
   compared without case. */
const void *mail_book_find(const struct mail_book *b, struct str address);

#endif
