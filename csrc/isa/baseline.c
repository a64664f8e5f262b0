/* Any CPU of the compiler's target: SSE2 on x86-64, plain 16-byte vectors elsewhere. */
#include "isa/tables.h"

#define FNN_ISA baseline
#define FNN_ISA_IS_BASELINE 1
#define FNN_VECTOR_BYTES 16
#include "isa/families.inc"
