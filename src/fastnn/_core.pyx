"""The compiled core: the only module that links csrc.

Parts, included below: `_loss.pxi` (numbers and functions that losses take), `_kernels.pxi` (the
kernels on NumPy arrays), `_layer_kernels.pxi` (those of layers other than dense), `_plan.pxi` (what
a network is made from), `_network.pxi` (a lowered network: parameters, predict, forward, backward),
`_state.pxi` (what an optimizer remembers of it), `_predictor.pxi` (a network frozen for serving),
`_run.pxi` (epochs of training and evaluation).
"""
import os

cimport cython
cimport numpy as cnp
from cpython.exc cimport PyErr_CheckSignals
from cpython.pycapsule cimport (
    PyCapsule_CheckExact,
    PyCapsule_GetContext,
    PyCapsule_GetName,
    PyCapsule_GetPointer,
    PyCapsule_New,
    PyCapsule_SetContext,
    PyCapsule_SetDestructor,
)
from libc.math cimport INFINITY, NAN
from libc.math cimport pow as c_pow
from libc.math cimport sqrt as c_sqrt
from libc.string cimport memcpy, memset

import numpy as np

cnp.import_array()

# ---- which kernels ------------------------------------------------------------------------------

cdef const fnn_kernels_t *_kernels = NULL


def available_isas():
    """Names of the instruction sets that this CPU and this build have, slowest first."""
    names = []
    cdef size_t k = 0
    cdef const fnn_kernels_t *table = fnn_kernels_available(k)
    while table != NULL:
        names.append(table.name.decode())
        k += 1
        table = fnn_kernels_available(k)
    return tuple(names)


def current_isa():
    """Name of the instruction set in use."""
    return _kernels.name.decode()


def use_isa(str name not None):
    """Use the kernels of one instruction set, here and in networks built from now on."""
    global _kernels
    cdef c_bool known = False
    cdef bytes encoded = name.encode()
    cdef const fnn_kernels_t *table = fnn_kernels_by_name(encoded, &known)
    if table == NULL:
        have = ", ".join(available_isas())
        if known:
            raise RuntimeError(
                f"fastnn: this CPU or this build cannot run {name!r} kernels; it has: {have}")
        raise RuntimeError(f"fastnn: unknown instruction set {name!r}; this CPU has: {have}")
    _kernels = table


def _choose_isa():
    global _kernels
    wanted = os.environ.get("FASTNN_ISA", "")
    if wanted:
        try:
            use_isa(wanted)
        except RuntimeError as error:
            raise ImportError(f"FASTNN_ISA={wanted}: {error}") from None
    else:
        _kernels = fnn_kernels_best()


_choose_isa()


def compiler():
    """Name and version of the compiler that built the core."""
    return _compiler().decode()


cdef extern from *:
    """
    #if defined(__clang__)
    #define FNN_COMPILER "clang " __clang_version__
    #elif defined(__GNUC__)
    #define FNN_COMPILER "gcc " __VERSION__
    #else
    #define FNN_COMPILER "unknown"
    #endif
    static const char *fnn_compiler(void) { return FNN_COMPILER; }
    """
    const char *_compiler "fnn_compiler"() noexcept


cdef extern from *:
    """
    /* Exported: by it threadpoolctl tells this library from others that are called _core. */
    __attribute__((visibility("default"))) const char fnn_threadpool[] = "fastnn";
    """


def allocations():
    """How many arenas have been allocated since the process began: a step must not add to it."""
    return fnn_allocations()


def allocated_bytes():
    """How many bytes the C core holds now: arenas, scratch, and what they are rounded up by."""
    return fnn_allocated_bytes()


def peak_bytes(bint restart=False):
    """The most that `allocated_bytes` has been since the process began or the last restart."""
    cdef size_t peak = fnn_peak_bytes()
    if restart:
        fnn_restart_peak()
    return peak


# ---- arrays -------------------------------------------------------------------------------------

cdef inline int _is_plain(cnp.ndarray array) noexcept:
    """Whether C can read the array as it lies: C order, aligned, native byte order."""
    return cnp.PyArray_ISCARRAY_RO(array)


cdef int _source_type(cnp.ndarray array) except -1:
    cdef cnp.dtype dtype = array.dtype
    cdef str code = chr(dtype.kind)
    cdef Py_ssize_t size = dtype.itemsize
    if not cnp.PyArray_ISNOTSWAPPED(array):
        raise TypeError(f"fastnn: cannot read {dtype} rows; want native byte order")
    if code == "f":
        if size == 4:
            return FNN_FLOAT32
        if size == 8:
            return FNN_FLOAT64
        if size == 2:
            return FNN_FLOAT16
    elif code == "b":
        return FNN_BOOL
    elif code == "i":
        return {1: FNN_INT8, 2: FNN_INT16, 4: FNN_INT32, 8: FNN_INT64}[size]
    elif code == "u":
        return {1: FNN_UINT8, 2: FNN_UINT16, 4: FNN_UINT32, 8: FNN_UINT64}[size]
    raise TypeError(f"fastnn: cannot read {dtype} rows; want real numbers")


cdef int _set_source(fnn_source_t *source, cnp.ndarray array) except -1:
    """Describe an array of one or two dimensions; the caller keeps it alive."""
    source.type = <fnn_source_type_t>_source_type(array)
    source.data = <const char *>cnp.PyArray_DATA(array)
    source.row_stride = array.strides[0]
    source.col_stride = array.strides[1] if array.ndim == 2 else array.dtype.itemsize
    source.cols = array.shape[1] if array.ndim == 2 else 1
    source.indices = NULL
    return 0


def csr_bad_row(cnp.ndarray indptr not None, cnp.ndarray indices not None, size_t columns):
    """The first row whose entries are out of place in a CSR matrix, or -1."""
    cdef size_t rows = indptr.shape[0] - 1, bad
    if (indptr.ndim != 1 or indices.ndim != 1 or indptr.shape[0] < 1
            or indices.dtype != indptr.dtype or indices.dtype not in (np.int32, np.int64)
            or not _is_plain(indptr) or not _is_plain(indices)):
        raise ValueError("csr_bad_row: want plain vectors of int32 or int64, alike")
    bad = fnn_csr_bad_row(cnp.PyArray_DATA(indptr), cnp.PyArray_DATA(indices),
                          indices.dtype == np.int64, rows, indices.shape[0], columns)
    return -1 if bad == rows else <Py_ssize_t>bad


def first_nonfinite(cnp.ndarray array not None, dtype):
    """Row of the first NaN or Inf in `array` (1-D or 2-D) after a cast to `dtype`, or -1."""
    cdef fnn_source_t source
    cdef fnn_dtype_t kind = _dtype_code(np.dtype(dtype))
    cdef size_t rows, row
    if array.ndim not in (1, 2):
        raise ValueError(f"first_nonfinite: got {array.ndim} dimensions, want 1 or 2")
    _set_source(&source, array)
    rows = array.shape[0]
    with nogil:
        row = fnn_first_nonfinite(&source, kind, NULL, 0, rows)
    return -1 if row == FNN_ALL_FINITE else <Py_ssize_t>row


def gather(cnp.ndarray array not None, dtype, order=None):
    """Rows of `array` (1-D or 2-D) cast to `dtype`, in `order` (uint64) or as they lie.

    Returns the new array (rows, columns) and the place of its first bad row, or -1: the pass that a
    fit makes over each batch.
    """
    cdef fnn_source_t source
    cdef cnp.dtype kind = np.dtype(dtype)
    cdef bint single = _dtype_code(kind) == FNN_F32
    cdef const uint64_t *index = NULL
    cdef cnp.ndarray order_array = None
    cdef size_t rows, bad
    if array.ndim not in (1, 2):
        raise ValueError(f"gather: got {array.ndim} dimensions, want 1 or 2")
    rows = array.shape[0]
    _set_source(&source, array)
    if order is not None:
        order_array = np.ascontiguousarray(order, dtype=np.uint64)
        if order_array.ndim != 1:
            raise ValueError(f"gather: order has {order_array.ndim} dimensions, want 1")
        if order_array.size and int(order_array.max()) >= rows:
            raise ValueError(f"gather: order reaches row {order_array.max()} of {rows}")
        index = <const uint64_t *>cnp.PyArray_DATA(order_array)
        rows = order_array.shape[0]
    cdef cnp.ndarray out = np.empty((rows, source.cols), kind)
    cdef void *to = cnp.PyArray_DATA(out)
    with nogil:
        if single:
            bad = fnn_gather_f32(<float *>to, &source, index, 0, rows)
        else:
            bad = fnn_gather_f64(<double *>to, &source, index, 0, rows)
    return out, -1 if bad == FNN_ALL_FINITE else <Py_ssize_t>bad


cdef fnn_dtype_t _dtype_code(cnp.dtype dtype) except *:
    if dtype.kind == "f" and dtype.isnative:
        if dtype.itemsize == 4:
            return FNN_F32
        if dtype.itemsize == 8:
            return FNN_F64
    raise TypeError(f"fastnn: networks compute in float32 or float64, got {dtype}")


@cython.final
cdef class _Arena:
    """Memory of the C core under NumPy views; freed with the last of them."""
    cdef void *memory

    def __dealloc__(self):
        fnn_free(self.memory)


cdef cnp.ndarray _new_arena(size_t n, cnp.dtype dtype):
    """A zeroed vector, aligned to a cache line."""
    cdef _Arena arena = _Arena()
    cdef cnp.npy_intp shape[1]
    cdef size_t size = dtype.itemsize
    if n > <size_t>(1 << 62) // size:
        raise MemoryError(f"fastnn: cannot allocate {n} elements")
    arena.memory = fnn_alloc(n * size)
    if arena.memory == NULL:
        raise MemoryError(f"fastnn: cannot allocate {n * size} bytes")
    shape[0] = <cnp.npy_intp>n
    cdef cnp.ndarray view = cnp.PyArray_SimpleNewFromData(1, shape, dtype.num, arena.memory)
    cnp.set_array_base(view, arena)
    return view


# ---- random numbers -----------------------------------------------------------------------------

random_purposes = {
    "init": FNN_RANDOM_INIT,
    "shuffle": FNN_RANDOM_SHUFFLE,
    "split": FNN_RANDOM_SPLIT,
    "user": FNN_RANDOM_USER,
    "gradient": FNN_RANDOM_GRADIENT,
}


cdef fnn_random_t _stream(seed, purpose, epoch, step) except *:
    cdef fnn_random_t stream
    if purpose not in random_purposes:
        raise ValueError(f"fastnn: unknown purpose {purpose!r}; known: {list(random_purposes)}")
    stream.seed = seed
    stream.purpose = random_purposes[purpose]
    stream.epoch = epoch
    stream.step = step
    return stream


def philox4x32(counter, key):
    """One block of Philox4x32-10: four 32-bit numbers from four counters and two keys."""
    cdef uint32_t c[4]
    cdef uint32_t k[2]
    cdef uint32_t out[4]
    for i in range(4):
        c[i] = counter[i]
    for i in range(2):
        k[i] = key[i]
    fnn_philox4x32(c, k, out)
    return out[0], out[1], out[2], out[3]


def random_uniform(seed, purpose, epoch, step, size_t n):
    """`n` float64 numbers, uniform on [0, 1)."""
    cdef fnn_random_t stream = _stream(seed, purpose, epoch, step)
    cdef cnp.ndarray out = np.empty(n)
    fnn_random_uniform(&stream, <double *>cnp.PyArray_DATA(out), n)
    return out


def random_normal(seed, purpose, epoch, step, size_t n):
    """`n` float64 standard normals."""
    cdef fnn_random_t stream = _stream(seed, purpose, epoch, step)
    cdef cnp.ndarray out = np.empty(n)
    fnn_random_normal(&stream, <double *>cnp.PyArray_DATA(out), n)
    return out


def random_permutation(seed, purpose, epoch, size_t n, cnp.ndarray out=None):
    """A random order of 0 .. n - 1 as uint64, into `out` if given."""
    cdef fnn_random_t stream = _stream(seed, purpose, epoch, 0)
    if out is None:
        out = np.empty(n, np.uint64)
    elif out.dtype != np.uint64 or not _is_plain(out) or <size_t>out.size != n:
        raise ValueError(f"random_permutation: out must be a uint64 vector of {n}")
    cdef uint64_t *index = <uint64_t *>cnp.PyArray_DATA(out)
    cdef fnn_random_words_fn *words = _kernels.f32.random_words
    with nogil:
        fnn_random_permutation(&stream, words, index, n)
    return out


include "_loss.pxi"
include "_kernels.pxi"
include "_layer_kernels.pxi"
include "_plan.pxi"
include "_network.pxi"
include "_state.pxi"
include "_predictor.pxi"
include "_run.pxi"
