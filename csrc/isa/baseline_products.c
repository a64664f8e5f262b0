#define FNN_PART_PRODUCTS
#include "isa/baseline.c" /* see isa/families.inc */
