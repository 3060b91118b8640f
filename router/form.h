/* A form that came in: its fields by name, and its files. Pure. */
#ifndef NARU_ROUTER_FORM_H
#define NARU_ROUTER_FORM_H

#include "base/arena.h"

#define LIM_FORM_PARTS 1000u

struct mail_file;
struct form_part {
    struct str name, file,
        type;           /* file: the file's name, empty: it is a field; type: of a multipart form, text/plain when not said */
    struct str charset; /* as its type names it; may be empty */
    struct str value;   /* decoded; bytes, not always text */
};
struct form {
    struct form_part parts[LIM_FORM_PARTS];
    uint32_t count, more; /* more: what there was beyond that */
    uint32_t bad;         /* fields whose escapes are broken; they are left out */
};
/* Reads an application/x-www-form-urlencoded body. Texts live in the arena. ERR_NOMEM. */
enum err form_urlencoded(struct form *f, struct arena *arena, struct str body);
/* The first of that name, field or file; NULL: none. */
const struct form_part *form_get(const struct form *f, const char *name);
/* The value of the first field of that name; STR_NONE: none. */
struct str form_field(const struct form *f, const char *name);
/* What is to be told of its files (LIM_MAIL_FILES of them at most, borrowed from the form); *more: how many there are beyond. */
uint32_t form_files(const struct form *f, struct mail_file *out, uint32_t *more);

#endif
