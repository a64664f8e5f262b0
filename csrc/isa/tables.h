/* One table for each ISA that this compiler's target has. */
#ifndef FASTNN_ISA_TABLES_H
#define FASTNN_ISA_TABLES_H

#include "fastnn/kernels.h"

extern const fnn_kernels_t fnn_kernels_table_baseline;
#if defined(__x86_64__)
extern const fnn_kernels_t fnn_kernels_table_avx2;
extern const fnn_kernels_t fnn_kernels_table_avx512;
#elif defined(__aarch64__)
extern const fnn_kernels_t fnn_kernels_table_neon;
#endif

#endif
