/* multipart/form-data (RFC 7578), by GMime. Pure. */
#ifndef NARU_ROUTER_MULTIPART_H
#define NARU_ROUTER_MULTIPART_H

#include "router/form.h"

/* Reads a body; `type` is its Content-Type, whole. Texts live in the arena. ERR_PROTO: it is no form, *why is a sentence (static);
   ERR_TOOBIG: a part with a head too large, more parts than LIM_MAIL_PARTS; ERR_NOMEM. */
enum err multipart_read(struct form *f, struct arena *arena, struct str type, struct str body, const char **why);
/* The boundary that a body begins with, by its looks; STR_NONE: it begins with none. */
struct str multipart_boundary(struct str body);
/* A field straight from the raw body, for what must be known before the body is parsed (a signature): the value
   of the first part whose head names it, if that is one short line. STR_NONE. */
struct str multipart_peek(struct str type, struct str body, const char *name);

#endif
