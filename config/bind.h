/* The binder: option rows turn a tree into structures. A row names a key, says of which kind its value is, where it goes, its
   default, bounds and help; reading, defaults, bounds, the JSON Schema and the reference page all come from the same row. */
#ifndef NARU_CONFIG_BIND_H
#define NARU_CONFIG_BIND_H

#include "config/findings.h"
#include "proto/record.h"

struct bind;
struct row;
struct mapping;

/* How one kind of value is read and described. Everything but `name` and `read` may be NULL. */
struct kind {
    const char *name; /* for people: "duration" */
    void (*read)(struct bind *b, const struct ynode *n, const struct row *r, void *into);
    void (*init)(void *into);                            /* before anything is read: what "not given" looks like, if not zero */
    void (*schema)(struct jw *w, const struct row *r);   /* members of the JSON Schema object that is open */
    const struct mapping *(*inner)(const struct row *r); /* the mapping whose rows are documented below this one */
    const char *suffix;                                  /* of the inner mapping's path in the reference: "", ".NAME" or "[]" */
    const char *example;                                 /* a value, as in a file; of a row that has none of its own */
};

#define ROW_NEEDED 1u /* must be written */
#define ROW_IDLE   2u /* nothing acts on it yet: checked for form, and a warning */
#define ROW_PREFIX 4u /* `name` ends in ".": any key that begins with it */
#define ROW_LIMIT                                                                                                                  \
    8u /* a limit: naru check says when its default is taken; of a mapping: its rows hold also when it is not written */

struct row {
    const char *name;
    const struct kind *kind;
    size_t offset;
    const char *fallback; /* the default, as if it had been written; NULL: none */
    double min, max;      /* numbers; durations in ms; texts in bytes; lists in items. Both 0: unchecked */
    const void *arg;      /* the kind's own: a mapping, a wordset, … */
    unsigned flags;
    const char *help;
    const char *usual;   /* a default that is not read from `fallback`, in words of the file or of people */
    const char *clock;   /* of a duration: from when it runs */
    const char *example; /* a value, as in a file; NULL: the kind's, or the default */
};
#define NOWHERE ((size_t)-1) /* offset of an idle row that has no place: read into scratch memory, and forgotten */

struct mapping {
    const char *name;                                                 /* "queue": what one of them is called */
    const struct row *rows;                                           /* ends with a row whose name is NULL */
    size_t size;                                                      /* of its struct, for lists of them */
    size_t name_at, line_at;                                          /* where its name and line go; NOWHERE: nowhere */
    const struct words *names;                                        /* the only names allowed for it, or NULL */
    size_t name_max;                                                  /* bytes of a name; 0: 64 */
    void (*init)(void *into, struct str name);                        /* defaults that depend on the name */
    void (*check)(struct bind *b, const struct ynode *n, void *into); /* what rows cannot say, after reading */
};

/* Words of an enum as values of a key. */
struct wordset {
    const struct words *words;
    unsigned hidden; /* bit i: word i is not for files */
    unsigned idle;   /* bit i: allowed, warned of: nothing acts on it yet */
};

/* What a name in a file refers to. Resolved when all of the file was read, so that order in the file does not matter. */
enum ref_to { REF_QUEUE, REF_HOURS, REF_CHANNEL, REF_ACCOUNT, REF_AGENT, REF_CLASS, REF_TEXT, REF_COUNT };
struct ref {
    enum ref_to to;
    struct str name;
    const struct ynode *node;
    int *out; /* NULL: only to be checked */
    struct ref *next;
};

struct bind {
    struct findings *f;
    struct arena *arena; /* the policy's: everything read ends up there */
    struct ref *refs;    /* newest first */
    struct agent_group *groups;
    uint32_t group_count;
    bool fixed; /* no new groups: one agent is read against a policy's */
    bool again; /* … whose names may be gone: they are left out, and `gone` is the first of them */
    struct str gone;
    unsigned broken;      /* memory ran out */
    unsigned idle;        /* within how many idle keys we are: said once, for the outermost */
    uint64_t scratch[16]; /* where idle rows without a place are read to */
};

void bind_mapping(struct bind *b, const struct ynode *n, const struct mapping *m, void *into);
void bind_defaults(struct bind *b, const struct mapping *m, void *into, struct str name);
void bind_ref(struct bind *b, enum ref_to to, const struct ynode *n, int *out);
/* The same of a member's key. */
void bind_ref_key(struct bind *b, enum ref_to to, const struct ynode *n, int *out);
void *bind_alloc(struct bind *b, size_t n);
const char *bind_text(struct bind *b, struct str s);
void bind_error(struct bind *b, const struct ynode *n, const char *fmt, ...) __attribute__((format(printf, 3, 4)));
void bind_warn(struct bind *b, const struct ynode *n, const char *fmt, ...) __attribute__((format(printf, 3, 4)));
/* "expected a duration such as 15s, found a list" */
void bind_expected(struct bind *b, const struct ynode *n, const char *what);
bool bind_is_scalar(struct bind *b, const struct ynode *n, const char *what); /* false, and said, when it is not */
/* Walks a list, or takes a scalar as a list of one. NULL ends. */
const struct ynode *bind_first(const struct ynode *n);
uint32_t bind_count(const struct ynode *n);
bool bind_list_fits(struct bind *b, const struct ynode *n, uint32_t max);

/* 90000 → "90s": the largest unit that divides, as a file would write it. */
const char *ms_text(double ms, char out[32]);
/* Plain whole number, duration, percentage: the value, or false with the error said. */
bool bind_whole(struct bind *b, const struct ynode *n, int64_t *out);
bool bind_ms(struct bind *b, const struct ynode *n, double min, double max, uint32_t *out);
bool bind_percent(struct bind *b, const struct ynode *n, double min, double max, uint32_t *out);
bool bind_within(struct bind *b, const struct ynode *n, const struct row *r, int64_t v);
/* The number of a word, or -1 with the error (and the nearest word) said. */
int bind_word(struct bind *b, const struct ynode *n, const struct wordset *set, const char *what);
/* A name: letters, digits and -_.@+ (and `more`), 1..max bytes. */
bool bind_is_name(struct bind *b, const struct ynode *n, struct str s, size_t max, const char *more);

/* The kinds that any file could use. */
extern const struct kind K_TEXT, K_NAME, K_U32, K_INT, K_F64, K_FLAG, K_MS, K_PERCENT, K_WORD, K_BOOLWORD, K_WORDS, K_NAMES,
    K_MAPPING, K_NAMED, K_ITEMS, K_REF;

/* A value of the row as an example; NULL for mappings, whose rows have their own. */
const char *row_example(const struct row *r);

/* For schema functions. */
void schema_mapping(struct jw *w, const struct mapping *m);
void schema_words(struct jw *w, const struct wordset *set);
void schema_list_or_one(struct jw *w, void (*item)(struct jw *w, const struct row *r), const struct row *r);
void schema_pattern(struct jw *w, const char *pattern);
void schema_text_of(struct jw *w, const char *type);

#endif
