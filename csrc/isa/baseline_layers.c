#define FNN_PART_LAYERS
#include "isa/baseline.c" /* see isa/families.inc */
