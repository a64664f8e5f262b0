/* Contract: fastnn/source.h; tests: tests/test_source.py */
#include "fastnn/source.h"

#include <string.h>

/* IEEE half to float, exact: subnormals are scaled, Inf and NaN keep their kind. */
static float from_half(uint16_t half) {
    const uint32_t sign = (uint32_t)(half & 0x8000u) << 16;
    const uint32_t exponent = (half >> 10) & 0x1fu, fraction = half & 0x3ffu;
    float value;
    uint32_t bits;
    if (exponent == 0) {
        value = (float)fraction * 0x1p-24f;
        memcpy(&bits, &value, sizeof bits);
    } else if (exponent == 31)
        bits = 0x7f800000u | fraction << 13;
    else
        bits = (exponent + 112) << 23 | fraction << 13;
    bits |= sign;
    memcpy(&value, &bits, sizeof value);
    return value;
}

/* One loop for each pair of types.  `visit` takes each value; a row is bad where value - value is
 * not 0 (it is NaN for NaN and Inf).  The flags are or-ed: a sum would wait for itself. */
#define FNN_SOURCE_LOOP(stored, convert, real, visit)                                              \
    for (size_t i = 0; i < rows; ++i) {                                                            \
        const size_t row = order != NULL ? (size_t)order[i] : first + i;                           \
        const char *from = source->data + (ptrdiff_t)row * source->row_stride;                     \
        bool off = false;                                                                          \
        for (size_t j = 0; j < cols; ++j, from += source->col_stride) {                            \
            stored raw;                                                                            \
            memcpy(&raw, from, sizeof raw);                                                        \
            const real value = (real)convert(raw);                                                 \
            off |= value - value != 0;                                                             \
            visit;                                                                                 \
        }                                                                                          \
        if (off && bad == FNN_ALL_FINITE)                                                          \
            bad = i;                                                                               \
    }                                                                                              \
    break

#define FNN_SOURCE_SWITCH(real, visit)                                                             \
    switch (source->type) {                                                                        \
    case FNN_BOOL: FNN_SOURCE_LOOP(uint8_t, 0 !=, real, visit);                                    \
    case FNN_INT8: FNN_SOURCE_LOOP(int8_t, , real, visit);                                         \
    case FNN_INT16: FNN_SOURCE_LOOP(int16_t, , real, visit);                                       \
    case FNN_INT32: FNN_SOURCE_LOOP(int32_t, , real, visit);                                       \
    case FNN_INT64: FNN_SOURCE_LOOP(int64_t, , real, visit);                                       \
    case FNN_UINT8: FNN_SOURCE_LOOP(uint8_t, , real, visit);                                       \
    case FNN_UINT16: FNN_SOURCE_LOOP(uint16_t, , real, visit);                                     \
    case FNN_UINT32: FNN_SOURCE_LOOP(uint32_t, , real, visit);                                     \
    case FNN_UINT64: FNN_SOURCE_LOOP(uint64_t, , real, visit);                                     \
    case FNN_FLOAT16: FNN_SOURCE_LOOP(uint16_t, from_half, real, visit);                           \
    case FNN_FLOAT32: FNN_SOURCE_LOOP(float, , real, visit);                                       \
    case FNN_FLOAT64: FNN_SOURCE_LOOP(double, , real, visit);                                      \
    case FNN_SOURCE_TYPE_COUNT: break;                                                             \
    }

size_t fnn_gather_f32(float *out, const fnn_source_t *source, const uint64_t *order, size_t first,
                      size_t rows) {
    const size_t cols = source->cols;
    size_t bad = FNN_ALL_FINITE;
    FNN_SOURCE_SWITCH(float, *out++ = value)
    return bad;
}

size_t fnn_gather_f64(double *out, const fnn_source_t *source, const uint64_t *order, size_t first,
                      size_t rows) {
    const size_t cols = source->cols;
    size_t bad = FNN_ALL_FINITE;
    FNN_SOURCE_SWITCH(double, *out++ = value)
    return bad;
}

size_t fnn_first_nonfinite(const fnn_source_t *source, fnn_dtype_t dtype, size_t rows) {
    const size_t cols = source->cols, first = 0;
    const uint64_t *const order = NULL;
    size_t bad = FNN_ALL_FINITE;
    if (dtype == FNN_F32) {
        FNN_SOURCE_SWITCH(float, )
    } else {
        FNN_SOURCE_SWITCH(double, )
    }
    return bad;
}

void fnn_gather_labels(int32_t *out, const fnn_source_t *source, const uint64_t *order,
                       size_t first, size_t rows) {
    for (size_t i = 0; i < rows; ++i) {
        const size_t row = order != NULL ? (size_t)order[i] : first + i;
        memcpy(out + i, source->data + (ptrdiff_t)row * source->row_stride, sizeof *out);
    }
}
