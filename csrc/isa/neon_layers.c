#define FNN_PART_LAYERS
#include "isa/neon.c" /* see isa/families.inc */
