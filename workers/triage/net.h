/* One member of a model while it is being learnt: a net with one hidden layer over sparse rows of features. Pure; no threads of its
   own. Learning is by stochastic gradient steps on the cross-entropy, their length by AdaGrad (Duchi, Hazan, Singer 2011), with
   dropout of features and of hidden units (Srivastava et al. 2014). */
#ifndef NARU_WORKERS_TRIAGE_NET_H
#define NARU_WORKERS_TRIAGE_NET_H

#include "base/str.h"

/* Labelled texts as rows of (feature, value): row i is entries [start[i], start[i + 1]). Values are not normalised: a row is
   brought to length 1 over the features that a net knows, when it is read. */
struct sparse {
    uint32_t count;    /* rows */
    uint32_t features; /* entries' features are below it */
    uint32_t labels;
    uint64_t *start;
    uint32_t *feature;
    float *value;
    uint32_t *label;
    float *weight;
    uint64_t room, row_room; /* used while it is being filled */
};

#define NET_WIDTH_MAX  128u
#define NET_LABELS_MAX 4112u /* padded to 16 */

struct step;
struct net_cfg {
    uint32_t width;  /* hidden units: a multiple of 16, to NET_WIDTH_MAX */
    uint32_t epochs; /* 1.. */
    float rate;      /* first step's length; falls to 0 in a straight line */
    float drop;      /* share of features left out of each step, 0..0.9 */
    float hidden_drop;
    uint64_t seed;
};
struct net {
    uint32_t width, labels, stride; /* stride: labels padded to 16 */
    uint32_t features;
    float *in;          /* feature f: width weights, then width sums of squared gradients */
    float *hidden_bias; /* width, then their sums */
    float *out;         /* unit j: stride weights; then all their sums */
    float *bias;        /* stride, then their sums */
    uint8_t *known;     /* by feature: met in training */
};

/* Learns from rows[0..count) of `m` (indexes of its rows). net_fini is due in any case. `stop` may be NULL; true ends it early with
   ERR_CLOSED. ERR_NOMEM. */
enum err net_learn(struct net *n, const struct sparse *m, const uint32_t *rows, uint32_t count, const struct net_cfg *cfg,
                   bool (*stop)(void *ctx), void *ctx);
void net_fini(struct net *n); /* a zeroed one is fine */
/* The room that one reading needs; NULL on no memory; to be given to free(). */
struct step *net_step_new(void);
/* Adds the scores (logits) of row `row` to out[0..labels); false when no feature of it is known. `room` keeps nothing. */
bool net_score(const struct net *n, const struct sparse *m, uint32_t row, struct step *room, float *out);

#endif
