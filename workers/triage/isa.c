#include "workers/triage/isa.h"

#include <stdatomic.h>

static atomic_int limit = ISA_AVX512;

static enum isa best(void)
{
#ifdef __x86_64__
    if (__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512vl") &&
        __builtin_cpu_supports("avx512dq"))
        return ISA_AVX512;
    if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma")) return ISA_AVX2;
#endif
    return ISA_PLAIN;
}

enum isa isa_used(void)
{
    static atomic_int known = -1;
    int has = atomic_load_explicit(&known, memory_order_relaxed), most = atomic_load_explicit(&limit, memory_order_relaxed);
    if (has < 0) atomic_store_explicit(&known, has = (int)best(), memory_order_relaxed);
    return (enum isa)(has < most ? has : most);
}

void isa_limit(enum isa most) { atomic_store(&limit, (int)most); }
