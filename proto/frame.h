/* One frame between two processes: a msgpack array
       [version, type, from, incarnation, seq, acked, records]
   version      1
   type         wire number of records.h
   from         the sender's name ("triage-2"), 1..64 bytes
   incarnation  a number that differs at every start of the sender (wall milliseconds at start)
   seq          how many records this incarnation had sent to this inbox before this frame
   acked        how many of the receiver's records the sender has consumed so far: this is the credit
   records      array of records of that type; may be empty (a frame sent only for its acked)
   Everything declared must lie within the bytes that are there; all bytes must be used. */
#ifndef NARU_PROTO_FRAME_H
#define NARU_PROTO_FRAME_H

#include "proto/records.h"

#define FRAME_VERSION 1

struct frame_head {
    uint32_t type;
    struct str from; /* borrowed from the bytes */
    uint64_t incarnation, seq, acked;
    uint32_t count;  /* records */
};

/* A reader over one whole frame. frame_open walks every header first: depth, node count, claims within the bytes left, exactly
   one value. Then frame_next gives record after record into a struct of the type's record; texts point into the bytes, lists
   live in the reader's arena until frame_close. frame_next: ERR_NOTFOUND after the last. A record that is not as its table says
   is an error of that record only (the reader goes on with the next). */
struct frame_reader {
    struct frame_head head;
    struct str bytes;
    size_t at;        /* next record's offset */
    uint32_t given;
    struct arena arena;
};
enum err frame_open(struct frame_reader *f, struct str bytes); /* ERR_PROTO, ERR_VERSION, ERR_UNKNOWN, ERR_TOOBIG */
enum err frame_next(struct frame_reader *f, void *obj);
void frame_close(struct frame_reader *f);

/* Writer: the head is written last, when the count is known. */
void frame_write(struct buf *out, const struct frame_head *head, struct str packed_records);

#endif
