#define FNN_PART_PRODUCTS
#include "isa/neon.c" /* see isa/families.inc */
