/* The inner loops of scoring, included by score.c once for each set of instructions, after these are defined:
     SET             what tells the compiler that the set may be used
     LOOP(name)      name with the set's ending
     VEC, LANES      so many floats at once; all widths are multiples of it
     SPLAT(x)  LOAD(p)  STORE(p, v)               the same float everywhere; floats in memory
     LOW(p)  HIGH(p)                              the low and the high halves of LANES bytes, less 8, as floats
     MULADD(a, b, c) SUM(v)                       a × b + c; all lanes together */

/* `n` vectors of units from `j` on and as many of the other half, over all found features: sums stay in registers. */
SET static inline void LOOP(units)(const struct model_parts *p, struct reading *r, uint32_t j, const int n)
{
    uint32_t half = p->h->width / 2;
    VEC low[BLOCK], high[BLOCK];
    for (int k = 0; k < n; k++) low[k] = LOAD(p->hidden + j + k * LANES), high[k] = LOAD(p->hidden + half + j + k * LANES);
    for (uint32_t i = 0; i < r->count; i++) {
        const uint8_t *w = (const uint8_t *)(model_row(p, r->v[i].row) + MODEL_ROW_HEAD) + j;
        VEC times = SPLAT(r->v[i].adds);
        for (int k = 0; k < n; k++) {
            low[k] = MULADD(LOW(w + k * LANES), times, low[k]);
            high[k] = MULADD(HIGH(w + k * LANES), times, high[k]);
        }
    }
    for (int k = 0; k < n; k++) STORE(r->hidden + j + k * LANES, low[k]), STORE(r->hidden + half + j + k * LANES, high[k]);
}

/* The hidden layer: each found feature's row, times its value. */
SET static void LOOP(hidden)(const struct model_parts *p, struct reading *r)
{
    uint32_t half = p->h->width / 2, j = 0;
    float by = r->square > 0 ? 1 / sqrtf(r->square) : 0;
    for (uint32_t i = 0; i < r->count; i++) r->v[i].adds = r->v[i].value * by * model_row_scale(model_row(p, r->v[i].row));
    for (; j + BLOCK * LANES <= half; j += BLOCK * LANES) LOOP(units)(p, r, j, BLOCK);
    for (; j + 3 * LANES <= half; j += 3 * LANES) LOOP(units)(p, r, j, 3);
    for (; j < half; j += LANES) LOOP(units)(p, r, j, 1);
}

/* The labels' scores: what each hidden unit above 0 says for them. */
SET static void LOOP(out)(const struct model_parts *p, const struct reading *r, float *scores)
{
    uint32_t stride = p->stride;
    memcpy(scores, p->bias, stride * sizeof *scores);
    for (uint32_t j = 0; j < p->h->width; j++) {
        if (r->hidden[j] <= 0) continue;
        const float *out = p->out + (size_t)j * stride;
        VEC times = SPLAT(r->hidden[j]);
        for (uint32_t k = 0; k < stride; k += LANES) STORE(scores + k, MULADD(LOAD(out + k), times, LOAD(scores + k)));
    }
}

SET static void LOOP(net)(const struct model_parts *p, struct reading *r, float *scores)
{
    LOOP(hidden)(p, r);
    LOOP(out)(p, r, scores);
}

/* What each found feature adds to a label's score: its row times the slopes. */
SET static void LOOP(adds)(const struct model_parts *p, struct reading *r, const float *slope)
{
    uint32_t half = p->h->width / 2;
    float by = r->square > 0 ? 1 / sqrtf(r->square) : 0;
    for (uint32_t i = 0; i < r->count; i++) {
        const char *row = model_row(p, r->v[i].row);
        const uint8_t *w = (const uint8_t *)(row + MODEL_ROW_HEAD);
        VEC sum = SPLAT(0);
        for (uint32_t j = 0; j < half; j += LANES) {
            sum = MULADD(LOW(w + j), LOAD(slope + j), sum);
            sum = MULADD(HIGH(w + j), LOAD(slope + half + j), sum);
        }
        r->v[i].adds = SUM(sum) * by * r->v[i].value * model_row_scale(row);
    }
}

#undef SET
#undef LOOP
#undef VEC
#undef LANES
#undef SPLAT
#undef LOAD
#undef STORE
#undef LOW
#undef HIGH
#undef MULADD
#undef SUM
