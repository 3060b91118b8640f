/* Customers between this router's memory, its disk, and the other routers. */
#ifndef NARU_ROUTER_PEOPLE_SHARE_H
#define NARU_ROUTER_PEOPLE_SHARE_H

#include "router/people.h"
#include "router/people_db.h"

struct router;
struct people_keep {
    struct people people;
    struct people_db *db;
    struct arena arena; /* scratch of an event on its way in */
    struct {
        bool asked;     /* another router asked what is newer than … */
        uint64_t since; /* … this; and so far we are */
        size_t cursor;
    } telling;
    uint64_t led; /* wall ms when a leader was last there: what others said until then came through it */
};

enum err people_open(struct router *r, const char *path);
void people_fini_all(struct router *r);
/* Takes a statement into memory and on its way to the disk; `fn` (may be NULL) after the commit of all that it changed, once for each
   of *puts of them. As people_take, and as people_db_put when the disk cannot take it: then memory is ahead of it. */
enum err people_state(struct router *r, const struct person *p, people_db_fn *fn, void *ctx, uint32_t *puts, uint32_t *moved);
/* Packed statements, one after the other, to the other routers. */
void people_tell(struct router *r, uint16_t workspace, struct str packed);
/* What the leader passed on. */
void people_heard(struct router *r, const struct config *c);
/* Somebody leads the workspace anew: what was missed is asked for. */
void people_ask(struct router *r, uint16_t workspace);
void people_tick(struct router *r); /* once a second */

#endif
