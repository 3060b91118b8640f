/* A model file, version 1: a header of MODEL_HEADER bytes, then parts one behind the other, each beginning at a multiple of 64.
   Numbers are little-endian, as on every machine that this is built for. No vocabulary is in it: a feature is 32 bits of a hash.

     labels    `label_bytes` bytes: the labels, each ended by NUL
     slots     `slots` × struct model_slot: an open hash table; a feature's search begins at (high half of its hash × slots) >> 32
     weights   `rows` × (a float, then `width` / 2 bytes): what a feature adds to the hidden units is the float times a number of
               -7..7. A byte holds two of them, each + 8: the low half is unit j's, the high half unit j + `width` / 2's
     hidden    `width` floats: where hidden units begin
     out       `width` × `stride` floats: what a hidden unit above 0 adds to each label (stride: labels padded to 16)
     bias      `stride` floats: where labels begin
     shares    `stride` floats: the labels' shares in training

   A hidden unit is max(0, hidden + sum of its features); scores of labels are out × units + bias, divided by `temperature`, then
   softmax. The hidden layer is that of several nets side by side, learnt apart: their scores are averaged by `out` itself. */
#ifndef NARU_WORKERS_TRIAGE_MODEL_FILE_H
#define NARU_WORKERS_TRIAGE_MODEL_FILE_H

#include "workers/triage/grams.h"
#include "workers/triage/model.h"

#define MODEL_MAGIC     "NARUMODL"
#define MODEL_VERSION   1u
#define MODEL_HEADER    128u
#define MODEL_MAX       (256u << 20) /* bytes of a file that is looked at */
#define MODEL_WIDTH_MAX 1024u
#define MODEL_LANES     32u /* width is a multiple of it, so that halves of rows fill vectors */
#define MODEL_NO_OOS    UINT32_MAX

struct model_header {
    char magic[8];
    uint32_t version, header_crc;      /* CRC-32 (ISO 3309) of the header with this field 0 */
    uint64_t size;                     /* of the file */
    uint32_t parts_crc;                /* … of all that follows the header */
    uint32_t kind, groups;             /* enum model_kind; a bit for each enum gram_group it reads */
    uint32_t labels, label_bytes, oos; /* oos: the label's number, or MODEL_NO_OOS */
    uint32_t width, rows, slots;
    float temperature, threshold;
    uint64_t seed, examples; /* how it was learnt, for people */
    uint32_t reserved[10];   /* 0 */
};
_Static_assert(sizeof(struct model_header) == MODEL_HEADER, "the header is of fixed size");

struct model_slot {
    uint32_t print; /* low half of the feature's hash, never 0; 0: free */
    uint32_t row;   /* number of its row << 8 | MODEL_IDF × its inverse document frequency, 1..255 */
};
#define MODEL_IDF      16.0f
#define MODEL_ROWS_MAX (1u << 24)

struct model_parts { /* a checked file's parts, pointing into its bytes */
    const struct model_header *h;
    const char *labels;
    const struct model_slot *slots;
    const char *weights;
    const float *hidden, *out, *bias, *shares;
    uint32_t stride;
};

/* One feature's row: its scale, then its numbers, two a byte. */
#define MODEL_ROW_HEAD sizeof(float)
static inline uint32_t model_row_size(const struct model_header *h) { return (uint32_t)MODEL_ROW_HEAD + h->width / 2; }
static inline const char *model_row(const struct model_parts *p, uint32_t row)
{
    return p->weights + (size_t)row * model_row_size(p->h);
}
static inline float model_row_scale(const char *row)
{
    float scale;
    memcpy(&scale, row, sizeof scale);
    return scale;
}

static inline uint64_t model_align(uint64_t n) { return (n + 63) / 64 * 64; }
static inline uint32_t model_print(uint64_t hash) { return (uint32_t)hash ? (uint32_t)hash : 1; }
static inline uint32_t model_first_slot(uint64_t hash, uint32_t slots) { return (uint32_t)((hash >> 32) * slots >> 32); }

/* The size that a file with these counts has: header and parts. */
uint64_t model_size(const struct model_header *h);
/* Both checksums of a file that is otherwise ready. */
void model_sign(char *bytes);
/* Checks all of `bytes` and points `out` into it. ERR_PROTO with a sentence in `why`. */
enum err model_check(struct model_parts *out, struct str bytes, char why[200]);
/* A model over bytes that the caller keeps while it is in use (for validation before there is a file); they begin at a multiple
   of 8, as what malloc gives does. */
enum err model_of(struct model **out, struct str bytes, char why[200]);
const struct model_parts *model_parts_of(const struct model *m);
/* Opens a file whose size a model may have, to be closed by the caller. ERR_IO or ERR_PROTO with a sentence in `why`. */
enum err model_file_open(const char *path, int *fd, size_t *size, char why[200]);
/* How surely in scope: 0..1. Where "out of scope" was learnt as a label, its probability counts against the best one's; the 0.05
   keeps a text that nothing is known of out. */
static inline double model_scope(double p, double p_oos, bool oos_learnt) { return oos_learnt ? p / (p + p_oos + 0.05) : p; }
/* The scores before temperature; false when no feature is known. `scores` has room for the labels padded to 16. */
bool model_scores(const struct model *m, struct features *f, float *scores);
/* What scores mean: probabilities at a temperature, and the guess at a threshold. p may be the scores' own room. */
void model_judge(const struct model *m, const float *scores, bool known, double temperature, double threshold, float *p,
                 struct guess *out);

#endif
