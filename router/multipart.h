/* multipart/form-data (RFC 7578), by GMime. Pure. */
#ifndef NARU_ROUTER_MULTIPART_H
#define NARU_ROUTER_MULTIPART_H

#include "base/arena.h"

#define LIM_FORM_PARTS 200u

struct form_part {
    struct str name, file, type; /* file: of the file name, may be empty; type: text/plain when not said */
    struct str value;            /* decoded; bytes, not always text */
};
struct form {
    struct form_part parts[LIM_FORM_PARTS];
    uint32_t count;
};
/* Reads a body; `type` is its Content-Type, whole. Texts live in the arena. ERR_PROTO: it is no form; ERR_TOOBIG: too many parts, a
   part with a head too large; ERR_NOMEM. */
enum err multipart_read(struct form *f, struct arena *arena, struct str type, struct str body);
/* The first of that name; NULL: none. */
const struct form_part *multipart_get(const struct form *f, const char *name);
/* Its value without an owner, straight from the raw body, for what must be known before the body is parsed (a signature): the value
   of the first part whose head names it, if that is one short line. STR_NONE. */
struct str multipart_peek(struct str type, struct str body, const char *name);

#endif
