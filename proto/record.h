/* Records: one field table each gives msgpack, JSON and the Redis hash alike.
   A record's fields are listed once in records.h as X(KIND, name, arg); from that list come the C struct and the table.

   In memory                       msgpack                 JSON                      Redis hash
   BOOL  bool                      boolean                 true / false              "1" / "0"
   U32 U64  uint32_t uint64_t      unsigned                number                    decimal
   F64   double                    float 64                number                    %.17g
   TIME  uint64_t wall ms, 0 none  unsigned                RFC 3339 text (absent: 0) decimal
   ID    struct id                 bin 16 (nil: none)      36 characters (absent)    16 bytes
   STR   struct str, arg = max     str                     string (absent when "")   as it is
   BIN   struct str, arg = max     bin                     (left out)                as it is
   ENUM  enum <arg>                unsigned                its word                  its word
   LIST  struct list of <arg>      array of records        array                     msgpack
   REC   struct <arg>              array                   object                    (not allowed)

   A record is a msgpack array of exactly its fields, in order. New fields go at the end: a shorter array is accepted (the rest is
   zero), a longer one is refused. */
#ifndef NARU_PROTO_RECORD_H
#define NARU_PROTO_RECORD_H

#include "base/arena.h"
#include "base/buf.h"
#include "base/id.h"
#include "base/json.h"

enum field_kind { FIELD_BOOL, FIELD_U32, FIELD_U64, FIELD_F64, FIELD_TIME, FIELD_ID, FIELD_STR, FIELD_BIN, FIELD_ENUM, FIELD_LIST, FIELD_REC };

struct words { /* the words of an enum, from its list */
    const char *const *v;
    unsigned count;
};
/* The number of a word, or -1. */
int words_find(const struct words *w, struct str word);

struct record;
struct field {
    const char *name;
    enum field_kind kind;
    size_t offset;
    size_t max;                 /* STR, BIN: bytes. LIST: items (LIM_LIST_ITEMS) */
    const struct words *words;  /* ENUM */
    const struct record *item;  /* LIST, REC */
};
struct record {
    const char *name;
    size_t size; /* of the struct */
    const struct field *fields;
    size_t count;
};
struct list { /* items are structs of the record named in the table, side by side */
    void *items;
    uint32_t count;
};

/* Appends the msgpack array. Never fails but for the buffer's cap (out->err); texts over their max are an assert: cut them before. */
void record_pack(struct buf *out, const struct record *r, const void *obj);
/* The same without what is empty at the record's own end: fewer bytes, and a reader sets what it does not find to zero. For those
   who read by these tables; workers in other languages are sent every field. */
void record_pack_short(struct buf *out, const struct record *r, const void *obj);
/* Unpacks one packed record that must be exactly all of `bytes`. Texts of *obj point into `bytes`; lists live in `arena`.
   ERR_PROTO (wrong type, too many fields, trailing bytes, claims larger than the bytes), ERR_TOOBIG, ERR_RANGE (enum), ERR_UTF8, ERR_NOMEM. *obj is zeroed first. */
enum err record_unpack(const struct record *r, void *obj, struct str bytes, struct arena *arena);
/* Only the field of that name, which the record has, is read; what lies before it is walked over, what lies behind not looked at. */
enum err record_unpack_one(const struct record *r, const char *name, void *obj, struct str bytes, struct arena *arena);
/* The same for the next value of a reader that may go on behind it; sticky as all of mp.h. */
struct mp;
enum err record_read(struct mp *r, const struct record *rec, void *obj, struct arena *arena);
/* Appends the JSON object (fields with no value left out). record_json_fields writes members only, into an object that is open. */
void record_json(struct buf *out, const struct record *r, const void *obj);
void record_json_fields(struct jw *w, const struct record *r, const void *obj);
/* Calls `emit` for each field of the Redis hash that has a value; value is borrowed until emit returns. only = bit mask of field indexes (~0ull: all; then fields with
   no value are skipped; with a mask they are emitted as ""). */
void record_hash(const struct record *r, const void *obj, uint64_t only, void (*emit)(void *ctx, struct str name, struct str value), void *ctx);
/* Sets one field from a Redis hash's name and value; unknown names are ERR_NOTFOUND (skip them), bad values ERR_PROTO. Texts point into `value`. */
enum err record_from_hash(const struct record *r, void *obj, struct str name, struct str value, struct arena *arena);
/* The index of a field, for masks. Panics when there is none: our own bug. */
unsigned record_field(const struct record *r, const char *name);
/* A deep copy into `arena` (texts and lists too). */
enum err record_copy(const struct record *r, void *to, const void *from, struct arena *arena);

#endif
