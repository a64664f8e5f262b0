#include "isa/tables.h"

#if defined(__aarch64__)
#include <arm_neon.h>

#define FNN_ISA neon
#define FNN_ISA_IS_NEON 1
#define FNN_VECTOR_BYTES 16
#include "isa/families.inc"
#else
typedef int fnn_not_aarch64; /* ISO C wants a declaration in every file */
#endif
