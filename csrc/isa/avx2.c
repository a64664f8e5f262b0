#include "isa/tables.h"

#if defined(__x86_64__)
#include <immintrin.h>

#include "isa/begin_avx2.h"
#define FNN_ISA avx2
#define FNN_ISA_IS_AVX2 1
#define FNN_VECTOR_BYTES 32
#include "isa/families.inc"
#include "isa/end.h"
#else
typedef int fnn_not_x86_64; /* ISO C wants a declaration in every file */
#endif
