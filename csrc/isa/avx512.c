#include "isa/tables.h"

#if defined(__x86_64__)
#include <immintrin.h>

#include "isa/begin_avx512.h"
#define FNN_ISA avx512
#define FNN_ISA_IS_AVX512 1
#define FNN_VECTOR_BYTES 64
#include "isa/families.inc"
#include "isa/end.h"
#else
typedef int fnn_not_x86_64; /* ISO C wants a declaration in every file */
#endif
