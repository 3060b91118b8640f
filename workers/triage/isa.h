/* Sets of instructions that inner loops are compiled for: the function's body is written once, plainly, and each set gets it with
   the compiler's vectoriser set to it. Which one runs is asked of the processor, once. */
#ifndef NARU_WORKERS_TRIAGE_ISA_H
#define NARU_WORKERS_TRIAGE_ISA_H

enum isa { ISA_PLAIN, ISA_AVX2, ISA_AVX512 }; /* each has those before it */

/* The best set that this machine has, or less where isa_limit asked for that. Thread-safe. */
enum isa isa_used(void);
/* Nothing above `most` from now on: for tests and measurements. Not while other threads learn. */
void isa_limit(enum isa most);

/* What a function that uses a set is marked with. GCC's vectoriser takes half the width for AVX-512 unless it is told; clang has no
   such word. */
#define ISA_AVX2_SET __attribute__((target("avx2,fma")))
#ifdef __clang__
#define ISA_AVX512_SET __attribute__((target("avx512f,avx512vl,avx512bw,avx512dq,fma")))
#else
#define ISA_AVX512_SET __attribute__((target("avx512f,avx512vl,avx512bw,avx512dq,fma,prefer-vector-width=512")))
#endif

/* VARIANT(name, attributes) for each set, and a table of `prefix`name by enum isa. */
#ifdef __x86_64__
#define ISA_VARIANTS(VARIANT) VARIANT(plain, ) VARIANT(avx2, ISA_AVX2_SET) VARIANT(avx512, ISA_AVX512_SET)
#define ISA_TABLE(prefix)                                                                                                          \
    {                                                                                                                              \
        [ISA_PLAIN] = prefix##plain, [ISA_AVX2] = prefix##avx2, [ISA_AVX512] = prefix##avx512                                      \
    }
#else
#define ISA_VARIANTS(VARIANT) VARIANT(plain, )
#define ISA_TABLE(prefix)                                                                                                          \
    {                                                                                                                              \
        [ISA_PLAIN] = prefix##plain                                                                                                \
    }
#endif

#endif
