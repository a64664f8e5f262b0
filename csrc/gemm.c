/* Scratch of the dense products.  Contract: fastnn/gemm.h */
#include "fastnn/gemm.h"

#include "kernels/gemm_blocks.h"

size_t fnn_gemm_work_bytes(fnn_dtype_t dtype, size_t m, size_t n, size_t k) {
    const size_t widest = 32; /* lanes of two vectors, the width of a panel, on any ISA */
    const size_t most = m <= PACK_ONE ? PACK_ONE_PANELS * widest : PACK_NC;
    const size_t cols = n < most ? (n + widest - 1) / widest * widest : most;
    const size_t element = dtype == FNN_F32 ? sizeof(float) : sizeof(double);
    const size_t deep = DEEP_BYTES / element, depth = k < deep ? k : deep;
    const size_t a_panel = k >= PACK_DEPTH ? PACK_ONE * depth + PACK_SLACK : 0;
    return (cols * depth + a_panel) * element;
}
