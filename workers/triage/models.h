/* The trained models that a policy names: found, opened, watched. Opening reads and checks whole files: not on the loop. */
#ifndef NARU_WORKERS_TRIAGE_MODELS_H
#define NARU_WORKERS_TRIAGE_MODELS_H

#include "config/policy.h"
#include "workers/triage/language_model.h"

#define MODELS_DIRS 16u

/* Where files are looked for. A name beginning with '/' is taken as it is; others are tried in the folder of the policy's file (its
   path, or what a router says of it: "file:PATH"), then in `dirs`, then in "models" beside the program. */
struct models_place {
    const char *dirs[MODELS_DIRS]; /* borrowed */
    uint32_t count;
    /* Not NULL: a folder of our own, into which files are copied (once for all processes, by content) before they are mapped, so
       that whoever writes over a model in place harms nobody. The copy of a model that was replaced is removed, as are leftovers
       of a day. NULL: files are mapped where they are. */
    const char *copies;
};

struct models {
    struct model *of[MODEL_KIND_COUNT]; /* NULL: none, or none that is good */
    struct model_seen {                 /* the file as it was when it was opened, to know whether it changed */
        char path[1024];                /* empty: not found */
        uint64_t device, inode, size, changed_ns;
    } seen[MODEL_KIND_COUNT];
    struct language_model language; /* made of the language model; `model` is NULL without one */
};

/* Opens what `p` names. What cannot be opened stays NULL, or is taken from `old` (may be NULL), with its reason told by `say`
   (kind, the name as written, a sentence). models_fini is due. */
void models_open(struct models *out, const struct policy *p, const struct models_place *where, const struct models *old,
                 void (*say)(void *ctx, enum model_kind kind, const char *name, const char *why), void *ctx);
void models_ref(struct models *out, const struct models *m); /* references of all of them; models_fini is due */
void models_fini(struct models *m);                          /* a zeroed one is fine */
/* True when a file that `p` names is no longer the one that was opened. Looks at the files' entries only. */
bool models_changed(const struct models *m, const struct policy *p, const struct models_place *where);

#endif
