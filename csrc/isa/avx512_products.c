#define FNN_PART_PRODUCTS
#include "isa/avx512.c" /* see isa/families.inc */
