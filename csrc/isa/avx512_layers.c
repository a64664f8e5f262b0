#define FNN_PART_LAYERS
#include "isa/avx512.c" /* see isa/families.inc */
