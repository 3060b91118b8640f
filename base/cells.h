/* Where a value falls in a histogram in the manner of HdrHistogram (Gil Tene): 2^bits equal steps for each power of two, so that
   the error is no more than a share of the value whatever its size. Values below 2^(bits + 1) have a cell each (the first two
   rows); from there row r holds [2^(r + bits - 1), 2^(r + bits)). */
#ifndef NARU_BASE_CELLS_H
#define NARU_BASE_CELLS_H

#include <stdint.h>

/* Of `rows` rows; what is 2^(rows + bits - 1) or more falls into the last cell. rows + bits <= 64, bits < 31. */
static inline uint32_t cell_of(uint64_t v, unsigned bits, unsigned rows)
{
    const uint64_t top = (UINT64_C(1) << (rows + bits - 1)) - 1;

    if (v > top) v = top;
    if (v < UINT64_C(2) << bits) return (uint32_t)v;
    unsigned shift = 63u - (unsigned)__builtin_clzll(v) - bits;
    return (shift << bits) + (uint32_t)(v >> shift);
}

/* A cell holds the values from cell_first on, so many as cell_width says. */
static inline uint64_t cell_width(uint32_t cell, unsigned bits)
{
    return cell < 2u << bits ? 1 : UINT64_C(1) << ((cell >> bits) - 1);
}
static inline uint64_t cell_first(uint32_t cell, unsigned bits)
{
    return cell < 2u << bits ? cell : (uint64_t)(cell - (((cell >> bits) - 1) << bits)) * cell_width(cell, bits);
}

#endif
