#define FNN_PART_PRODUCTS
#include "isa/avx2.c" /* see isa/families.inc */
