/* What the files of the outbox (hook_box.c, hook_lane.c, hook_rows.c) have of each other. Nobody else includes it. */
#ifndef NARU_ROUTER_HOOK_PART_H
#define NARU_ROUTER_HOOK_PART_H

#include "router/hook_box.h"

/* ---- lanes: hook_lane.c ---- */
enum lane_place { LANE_READY, LANE_WAITING, LANE_OUT };
struct hook_lane {
    struct id key; /* first: see idmap.h */
    struct listener *to;
    struct told *head, *tail;
    struct heap_node due;
    TAILQ_ENTRY(hook_lane) link;
    uint32_t failed; /* attempts of its head */
    uint8_t place;   /* enum lane_place */
};
struct hook_lane *lane_of(struct told *t);                        /* in which it is pending */
struct hook_lane *lane_for(struct listener *l, uint64_t subject); /* found, or made: empty, and ready; NULL: no memory */
void lane_free(struct hook_lane *n);                              /* it is in no place */
void lane_leave(struct hook_lane *n);                             /* its place; it must be put into another, or freed */
void lane_to(struct hook_lane *n, enum lane_place place);         /* LANE_READY or LANE_OUT, behind the others */
void lane_insert(struct hook_lane *n, struct told *t);            /* in the order of changes, though not before what is under way */
void lane_pop(struct hook_lane *n); /* takes the head off; the lane, which is in no place, goes on or goes */
void lanes_hurry(struct listener *l, uint64_t now, bool all); /* those whose wait is over (all: whose is not, too) are ready */

/* ---- changes and who is told of them: hook_box.c ---- */
struct hook *hook_new(struct hookbox *b, const struct id *id, uint32_t count); /* in `hooks`, in no list; NULL: no memory */
void hook_free(struct hookbox *b, struct hook *h);                             /* it is in no list */
void hook_set_body(struct hookbox *b, struct hook *h, struct str body);        /* copied; empty, or without memory: there is none */
void hook_retire(struct hookbox *b, struct hook *h);                           /* nobody is left: from `order` to `done` */
bool hook_is_over(const struct hook *h);
bool told_is_pending(const struct told *t);
void told_enter(struct told *t); /* it begins to wait: into its lane */
void letter_insert(struct listener *l, struct dead_letter *d);

#endif
