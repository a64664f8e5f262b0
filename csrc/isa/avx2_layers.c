#define FNN_PART_LAYERS
#include "isa/avx2.c" /* see isa/families.inc */
