/* Contract: fastnn/source.h; tests: tests/test_source.py */
#include "fastnn/source.h"

#include <string.h>

enum {
    AHEAD = 12,     /* rows that are fetched before they are wanted, where the order jumps; */
    WIDE_AHEAD = 4, /* of those of WIDE bytes and more; */
    WIDE = 512,
    MOST = 8192,         /* bytes of each row: the CPU itself guesses what follows */
    FETCHED_LINES = 512, /* of 64 bytes, a good part of the smallest second caches ... */
    SMALL = 131072       /* ... which keep a source of so many bytes anyway */
};

/* NaN and Inf are told by their bits, whatever the floating-point mode: without the sign they are
 * no less than a limit, that of the first float that is not finite after the cast.  Then adding
 * 2^31 - limit (or 2^15, 2^63) carries into the sign.  The flags are or-ed: no sum waits for
 * another.  The limit of a cast from double to float is halfway from the largest float to 2^128,
 * which rounds to Inf. */
#define LIMIT_F16 UINT16_C(0x7c00)
#define LIMIT_F32 UINT32_C(0x7f800000)
#define LIMIT_F64 UINT64_C(0x7ff0000000000000)
#define LIMIT_F64_AS_F32 UINT64_C(0x47effffff0000000)
#define SIGN(bits) ((bits)((bits)1 << (8 * sizeof(bits) - 1)))
#define FLAG(bits, x, limit) (((x) & (bits)(SIGN(bits) - 1)) + (bits)(SIGN(bits) - (limit)))

/* IEEE half to float, exact: subnormals are scaled, Inf and NaN keep their kind.  No branches, so
 * that a loop over it becomes vectors. */
static inline float from_half(uint16_t half) {
    const uint32_t size = half & 0x7fffu, fraction = half & 0x3ffu;
    const float small = (float)(int32_t)fraction * 0x1p-24f;
    uint32_t bits;
    memcpy(&bits, &small, sizeof bits);
    const uint32_t large = (size << 13) + (size < LIMIT_F16 ? 112u << 23 : 224u << 23);
    bits = (size < 0x400u ? bits : large) | (uint32_t)(half & 0x8000u) << 16;
    float value;
    memcpy(&value, &bits, sizeof value);
    return value;
}

static inline const char *row_at(const fnn_source_t *source, const uint64_t *order, size_t first,
                                 size_t i) {
    const size_t row = order != NULL ? (size_t)order[i] : first + i;
    return source->data + (ptrdiff_t)row * source->row_stride;
}

static const uint8_t SIZE[] = {
    [FNN_BOOL] = 1,   [FNN_INT8] = 1,   [FNN_INT16] = 2,   [FNN_INT32] = 4,
    [FNN_INT64] = 8,  [FNN_UINT8] = 1,  [FNN_UINT16] = 2,  [FNN_UINT32] = 4,
    [FNN_UINT64] = 8, [FNN_FLOAT16] = 2, [FNN_FLOAT32] = 4, [FNN_FLOAT64] = 8,
};

/* Whether elements and rows lie one behind the other. */
static inline bool lie_together(const fnn_source_t *source) {
    const ptrdiff_t size = SIZE[source->type];
    return (source->col_stride == size || source->cols == 1) &&
           source->row_stride == size * (ptrdiff_t)source->cols;
}

/* Into the second cache: the first one's few open misses would soon be used up. */
static inline void fetch(const char *row, size_t bytes) {
    for (size_t b = 0; b < bytes; b += 64)
        __builtin_prefetch(row + b, 0, 2);
    __builtin_prefetch(row + bytes - 1, 0, 2);
}

/* ---- elements that lie together ------------------------------------------------------------- */

#define FNN_ALWAYS static inline __attribute__((always_inline))

/* Floats to floats: copied or cast, and checked, in vectors of 16 bytes (or half of that on the
 * narrower side); the last one reaches back over elements that are done already. */
#define FNN_FLOATS(name, stored, bits, real, lanes, limit)                                         \
    FNN_ALWAYS bool name(real *restrict out, const char *restrict from, size_t n) {                \
        typedef stored floats __attribute__((vector_size(lanes * sizeof(stored))));                \
        typedef bits flags __attribute__((vector_size(lanes * sizeof(stored))));                   \
        typedef real reals __attribute__((vector_size(lanes * sizeof(real))));                     \
        bits any = 0;                                                                              \
        if (n < lanes) {                                                                           \
            for (size_t j = 0; j < n; ++j) {                                                       \
                stored x;                                                                          \
                bits raw;                                                                          \
                memcpy(&x, from + j * sizeof x, sizeof x);                                         \
                memcpy(&raw, &x, sizeof raw);                                                      \
                any |= FLAG(bits, raw, limit);                                                     \
                out[j] = (real)x;                                                                  \
            }                                                                                      \
            return (any & SIGN(bits)) != 0;                                                        \
        }                                                                                          \
        flags all = {0};                                                                           \
        for (size_t j = 0;;) {                                                                     \
            floats x;                                                                              \
            memcpy(&x, from + j * sizeof(stored), sizeof x);                                       \
            all |= FLAG(bits, (flags)x, limit);                                                    \
            const reals y = __builtin_convertvector(x, reals);                                     \
            memcpy(out + j, &y, sizeof y);                                                         \
            if (j + 2 * lanes <= n)                                                                \
                j += lanes;                                                                        \
            else if (j + lanes < n)                                                                \
                j = n - lanes;                                                                     \
            else                                                                                   \
                break;                                                                             \
        }                                                                                          \
        for (size_t lane = 0; lane < lanes; ++lane)                                                \
            any |= all[lane];                                                                      \
        return (any & SIGN(bits)) != 0;                                                            \
    }

/* Others: loops that the compiler turns into vectors.  Whole numbers are finite in both types. */
#define FNN_OTHERS(name, stored, real, convert, flag)                                              \
    FNN_ALWAYS bool name(real *restrict out, const char *restrict from, size_t n) {                \
        uint16_t any = 0;                                                                          \
        for (size_t j = 0; j < n; ++j) {                                                           \
            stored raw;                                                                            \
            memcpy(&raw, from + j * sizeof raw, sizeof raw);                                       \
            any |= flag;                                                                           \
            out[j] = (real)convert(raw);                                                           \
        }                                                                                          \
        return (any & SIGN(uint16_t)) != 0;                                                        \
    }

FNN_FLOATS(take_f32_f32, float, uint32_t, float, 4, LIMIT_F32)
FNN_FLOATS(take_f64_f32, double, uint64_t, float, 2, LIMIT_F64_AS_F32)
FNN_FLOATS(take_f32_f64, float, uint32_t, double, 2, LIMIT_F32)
FNN_FLOATS(take_f64_f64, double, uint64_t, double, 2, LIMIT_F64)

#define FNN_TAKE_OTHERS(real, to)                                                                  \
    FNN_OTHERS(take_bool_##to, uint8_t, real, 0 !=, 0)                                             \
    FNN_OTHERS(take_i8_##to, int8_t, real, , 0)                                                    \
    FNN_OTHERS(take_i16_##to, int16_t, real, , 0)                                                  \
    FNN_OTHERS(take_i32_##to, int32_t, real, , 0)                                                  \
    FNN_OTHERS(take_i64_##to, int64_t, real, , 0)                                                  \
    FNN_OTHERS(take_u8_##to, uint8_t, real, , 0)                                                   \
    FNN_OTHERS(take_u16_##to, uint16_t, real, , 0)                                                 \
    FNN_OTHERS(take_u32_##to, uint32_t, real, , 0)                                                 \
    FNN_OTHERS(take_u64_##to, uint64_t, real, , 0)                                                 \
    FNN_OTHERS(take_f16_##to, uint16_t, real, from_half, FLAG(uint16_t, raw, LIMIT_F16))

FNN_TAKE_OTHERS(float, f32)
FNN_TAKE_OTHERS(double, f64)

/* ---- rows ----------------------------------------------------------------------------------- */

/* Rows that lie one behind the other are one long row.  Elements that lie apart are taken one by
 * one; so are those of narrow rows, whose vectors would cost more than they save. */
#define FNN_ROWS(take)                                                                             \
    do {                                                                                           \
        if (order == NULL && lie_together(source))                                                 \
            bad = take(out, row_at(source, NULL, first, 0), rows * cols);                          \
        else if (wide)                                                                             \
            for (size_t i = 0; i < rows; ++i, out += cols) {                                       \
                if (order != NULL && i + ahead < rows)                                             \
                    fetch(row_at(source, order, first, i + ahead), fetched);                       \
                bad |= take(out, row_at(source, order, first, i), cols);                           \
            }                                                                                      \
        else                                                                                       \
            for (size_t i = 0; i < rows; ++i) {                                                    \
                const char *from = row_at(source, order, first, i);                                \
                const size_t next = order != NULL && i + ahead < rows ? i + ahead : i;             \
                const ptrdiff_t apart = row_at(source, order, first, next) - from;                 \
                for (size_t j = 0; j < cols; ++j, from += source->col_stride) {                    \
                    __builtin_prefetch(from + apart, 0, 2);                                        \
                    bad |= take(out++, from, 1);                                                   \
                }                                                                                  \
            }                                                                                      \
    } while (0)

#define FNN_TYPES(to)                                                                              \
    switch (source->type) {                                                                        \
    case FNN_BOOL: FNN_ROWS(take_bool_##to); break;                                                \
    case FNN_INT8: FNN_ROWS(take_i8_##to); break;                                                  \
    case FNN_INT16: FNN_ROWS(take_i16_##to); break;                                                \
    case FNN_INT32: FNN_ROWS(take_i32_##to); break;                                                \
    case FNN_INT64: FNN_ROWS(take_i64_##to); break;                                                \
    case FNN_UINT8: FNN_ROWS(take_u8_##to); break;                                                 \
    case FNN_UINT16: FNN_ROWS(take_u16_##to); break;                                               \
    case FNN_UINT32: FNN_ROWS(take_u32_##to); break;                                               \
    case FNN_UINT64: FNN_ROWS(take_u64_##to); break;                                               \
    case FNN_FLOAT16: FNN_ROWS(take_f16_##to); break;                                              \
    case FNN_FLOAT32: FNN_ROWS(take_f32_##to); break;                                              \
    case FNN_FLOAT64: FNN_ROWS(take_f64_##to); break;                                              \
    case FNN_SOURCE_TYPE_COUNT: break;                                                             \
    }

/* ---- finding what is not finite ------------------------------------------------------------- */

#define FNN_SCAN(name, bits)                                                                       \
    static bool name(const char *from, ptrdiff_t stride, size_t n, bits limit) {                   \
        bits any = 0;                                                                              \
        if (stride == sizeof(bits)) /* known: vectors */                                           \
            for (size_t j = 0; j < n; ++j) {                                                       \
                bits raw;                                                                          \
                memcpy(&raw, from + j * sizeof raw, sizeof raw);                                   \
                any |= FLAG(bits, raw, limit);                                                     \
            }                                                                                      \
        else                                                                                       \
            for (size_t j = 0; j < n; ++j, from += stride) {                                       \
                bits raw;                                                                          \
                memcpy(&raw, from, sizeof raw);                                                    \
                any |= FLAG(bits, raw, limit);                                                     \
            }                                                                                      \
        return (any & SIGN(bits)) != 0;                                                            \
    }

FNN_SCAN(scan_16, uint16_t)
FNN_SCAN(scan_32, uint32_t)
FNN_SCAN(scan_64, uint64_t)

/* Whether one of n elements is not finite after a cast to `dtype`. */
static bool scan(const fnn_source_t *source, fnn_dtype_t dtype, const char *from, ptrdiff_t stride,
                 size_t n) {
    const uint64_t limit = dtype == FNN_F32 ? LIMIT_F64_AS_F32 : LIMIT_F64;
    switch (source->type) {
    case FNN_FLOAT16: return scan_16(from, stride, n, LIMIT_F16);
    case FNN_FLOAT32: return scan_32(from, stride, n, LIMIT_F32);
    case FNN_FLOAT64: return scan_64(from, stride, n, limit);
    default: return false;
    }
}

/* Whether one of the rows as they lie holds such an element; along what lies together. */
static bool scan_rows(const fnn_source_t *source, fnn_dtype_t dtype, size_t first, size_t rows) {
    const ptrdiff_t down = source->row_stride, right = source->col_stride;
    const char *from = row_at(source, NULL, first, 0);
    const size_t cols = source->cols;
    bool bad = false;
    if (lie_together(source))
        return scan(source, dtype, from, SIZE[source->type], rows * cols);
    if (down == SIZE[source->type])
        for (size_t j = 0; j < cols; ++j)
            bad |= scan(source, dtype, from + (ptrdiff_t)j * right, down, rows);
    else
        for (size_t i = 0; i < rows; ++i)
            bad |= scan(source, dtype, from + (ptrdiff_t)i * down, right, cols);
    return bad;
}

size_t fnn_first_nonfinite(const fnn_source_t *source, fnn_dtype_t dtype, const uint64_t *order,
                           size_t first, size_t rows) {
    enum { PIECE = 8192 }; /* elements looked at together, before it is asked which row it was */
    const size_t cols = source->cols, most = PIECE / (cols + 1) + 1;
    size_t i = 0;
    if (source->type < FNN_FLOAT16)
        return FNN_ALL_FINITE;
    for (size_t part; order == NULL && i < rows; i += part) {
        part = rows - i < most ? rows - i : most;
        if (scan_rows(source, dtype, first + i, part))
            break;
    }
    for (; i < rows; ++i)
        if (scan(source, dtype, row_at(source, order, first, i), source->col_stride, cols))
            return i;
    return FNN_ALL_FINITE;
}

/* ---- the faces ------------------------------------------------------------------------------ */

/* A few rows of the network's own type, which are cached or fetched: what a small step is fed. */
#define FNN_FEW(to)                                                                                \
    do {                                                                                           \
        if (cols == 1)                                                                             \
            for (size_t i = 0; i < rows; ++i)                                                      \
                bad |= take_##to##_##to(out + i, row_at(source, order, first, i), 1);              \
        else                                                                                       \
            for (size_t i = 0; i < rows; ++i)                                                      \
                bad |= take_##to##_##to(out + i * cols, row_at(source, order, first, i), cols);    \
    } while (0)

#define FNN_GATHER(real, to, dtype)                                                                \
    size_t fnn_gather_##to(real *out, const fnn_source_t *source, const uint64_t *order,           \
                           size_t first, size_t rows) {                                            \
        const size_t cols = source->cols, size = SIZE[source->type], width = cols * size;          \
        const size_t ahead = width < WIDE ? AHEAD : WIDE_AHEAD;                                    \
        const size_t fetched = width < MOST ? width : MOST;                                        \
        const bool wide = source->col_stride == (ptrdiff_t)size && cols >= 4;                      \
        bool bad = false;                                                                          \
        if (rows == 0 || cols == 0)                                                                \
            return FNN_ALL_FINITE;                                                                 \
        if (rows <= AHEAD && source->type == (dtype == FNN_F32 ? FNN_FLOAT32 : FNN_FLOAT64) &&     \
            (cols == 1 || source->col_stride == (ptrdiff_t)size))                                  \
            FNN_FEW(to);                                                                           \
        else                                                                                       \
            FNN_TYPES(to)                                                                          \
        return bad ? fnn_first_nonfinite(source, dtype, order, first, rows) : FNN_ALL_FINITE;      \
    }

FNN_GATHER(float, f32, FNN_F32)
FNN_GATHER(double, f64, FNN_F64)

bool fnn_is_large(const fnn_source_t *source, size_t all) {
    return all * source->cols * SIZE[source->type] > SMALL;
}

void fnn_fetch_rows(const fnn_source_t *source, size_t all, const uint64_t *order, size_t rows) {
    const size_t cols = source->cols, width = cols * SIZE[source->type];
    if (!fnn_is_large(source, all))
        return;
    const bool apart = cols > 1 && source->col_stride != SIZE[source->type];
    const size_t lines = apart ? cols : width / 64 + 1, most = FETCHED_LINES / lines;
    rows = rows < most ? rows : most;
    for (size_t i = 0; i < rows; ++i) {
        const char *row = row_at(source, order, 0, i);
        if (apart)
            for (size_t j = 0; j < cols; ++j)
                fetch(row + (ptrdiff_t)j * source->col_stride, 1);
        else
            fetch(row, width);
    }
}

void fnn_gather_labels(int32_t *out, const fnn_source_t *source, const uint64_t *order,
                       size_t first, size_t rows) {
    for (size_t i = 0; i < rows; ++i)
        memcpy(out + i, row_at(source, order, first, i), sizeof *out);
}
