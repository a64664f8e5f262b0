/* Scratch of the dense products.  Contract: fastnn/gemm.h */
#include "fastnn/gemm.h"

#include "kernels/gemm_blocks.h"

size_t fnn_gemm_work_bytes(fnn_dtype_t dtype, size_t n, size_t k) {
    const size_t widest = 32; /* lanes of two vectors, the width of a panel, on any ISA */
    const size_t cols = n < PACK_NC ? (n + widest - 1) / widest * widest : PACK_NC;
    const size_t depth = k < KC ? k : KC;
    const size_t a_panel = k >= PACK_DEPTH ? (size_t)PACK_MC * KC + PACK_SLACK : 0;
    return (cols * depth + a_panel) * (dtype == FNN_F32 ? sizeof(float) : sizeof(double));
}
