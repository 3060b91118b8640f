/* A YAML file as a small tree with marks: what the file says and where, nothing about what it means. */
#ifndef NARU_CONFIG_TREE_H
#define NARU_CONFIG_TREE_H

#include "base/arena.h"

#include <stdint.h>

struct findings;

enum ytype { Y_SCALAR, Y_LIST, Y_MAP };
struct ynode {
    enum ytype type;
    bool quoted;     /* a scalar written with quotes, or as a block: always text, never a number */
    bool flow;       /* a list or mapping written in brackets */
    struct str text; /* scalars; NUL-terminated */
    struct str key;  /* members of a mapping; NUL-terminated */
    uint32_t key_line, key_column;
    uint32_t index;        /* place among its siblings, from 0 */
    uint32_t line, column; /* of the value, from 1; columns count characters */
    /* Characters from the beginning of the file; quotes and brackets are included, and a block ends where its last scalar does. */
    uint32_t at, end;
    uint32_t count;  /* children */
    uint32_t number; /* of the node within the file */
    struct ynode *parent, *first, *last, *next;
};

/* Reads all of `yaml` into `arena`. What YAML allows and Naru does not (anchors, aliases, tags, duplicate keys, depth over
   LIM_YAML_DEPTH, a second document, an empty file) is an error in `f` like any mistake of form; ERR_YAML then, and *out is the
   tree as far as it makes sense to check on (NULL when it does not). */
enum err tree_read(struct ynode **out, struct str yaml, struct arena *arena, struct findings *f);
/* The member of a mapping, or NULL. `key` may be NULL, `n` too. */
const struct ynode *tree_get(const struct ynode *n, const char *key);
/* The item of a list, or NULL. */
const struct ynode *tree_item(const struct ynode *n, uint32_t index);
/* "queues.billing.timeline[2].move"; NUL-terminated in `arena`, "" for the root or without memory. */
const char *tree_path(const struct ynode *n, struct arena *arena);
/* The byte of `yaml` that its character `character` begins at, counted on from the byte `byte`, which is the character `from` (0
   and 0: from the beginning; a byte order mark is not counted). */
size_t tree_byte(struct str yaml, size_t byte, uint32_t from, uint32_t character);
/* "a text", "a list", "a mapping", "nothing" */
const char *tree_type(const struct ynode *n);

#endif
