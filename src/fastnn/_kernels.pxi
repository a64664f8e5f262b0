# The kernels on NumPy arrays: shapes and types checked, empty arrays first, then one call without
# the GIL.  `fastnn/kernels/` gives each its public name and its manual.
import sys


cdef int _refuse_mask(str where, str name, object value) except -1:
    ma = sys.modules.get("numpy.ma")  # not loaded: then `value` is no masked array
    if ma is not None and isinstance(value, ma.MaskedArray):
        raise TypeError(f"{where}: {name} is a masked array; want one without a mask")
    return 0


cdef cnp.ndarray _real(str where, str name, object value, cnp.dtype dtype=None):
    """`value` as a plain float32 or float64 array, of `dtype` if given."""
    cdef int kind
    if cnp.PyArray_CheckExact(value) and cnp.PyArray_ISCARRAY_RO(value):  # as it should be
        kind = cnp.PyArray_TYPE(value)
        if kind in (cnp.NPY_FLOAT32, cnp.NPY_FLOAT64) if dtype is None else kind == dtype.type_num:
            return value
    _refuse_mask(where, name, value)
    cdef cnp.ndarray array = np.asarray(value)
    cdef cnp.dtype native = array.dtype
    if not native.isnative:
        native = native.newbyteorder("=")
    if dtype is None:
        if native.kind != "f" or native.itemsize not in (4, 8):
            raise TypeError(
                f"{where}: {name} must be a float32 or float64 array, got {array.dtype}")
        dtype = native
    elif native != dtype:
        raise TypeError(
            f"{where}: {name} must be {dtype} like the first argument, got {array.dtype}")
    if not _is_plain(array):
        array = np.array(array, dtype=dtype, order="C")
    return array


cdef cnp.ndarray _writable(str where, str name, object value, cnp.dtype dtype, tuple shape):
    """An array to write into, or a new one for None: nothing is converted, nothing is copied."""
    if value is None:
        return np.empty(shape, dtype)
    if cnp.PyArray_CheckExact(value) and cnp.PyArray_ISCARRAY(value):  # as it should be
        if cnp.PyArray_TYPE(value) == dtype.type_num and _has_shape(value, shape):
            return value
    if not isinstance(value, np.ndarray):
        raise TypeError(f"{where}: {name} must be an array, got {type(value).__name__}")
    _refuse_mask(where, name, value)
    cdef cnp.ndarray array = value
    if array.dtype != dtype:
        raise TypeError(f"{where}: {name} must be {dtype}, got {array.dtype}")
    if _shape(array) != shape:
        raise ValueError(f"{where}: {name} has shape {_shape(array)}, want {shape}")
    if not cnp.PyArray_ISCARRAY(array):
        raise ValueError(f"{where}: {name} must be C-contiguous, aligned and writable")
    return array


cdef inline tuple _shape(cnp.ndarray array):
    return (<object>array).shape


cdef inline bint _has_shape(cnp.ndarray array, tuple shape):
    """Compared number by number: a tuple of an array's shape takes a while to make."""
    cdef int axis
    if cnp.PyArray_NDIM(array) != len(shape):
        return False
    for axis in range(cnp.PyArray_NDIM(array)):
        if cnp.PyArray_DIM(array, axis) != <Py_ssize_t>shape[axis]:
            return False
    return True


cdef int _check_rank(str where, str name, cnp.ndarray array, int rank) except -1:
    if array.ndim != rank:
        raise ValueError(f"{where}: {name} must be {rank}-D, got shape {_shape(array)}")
    return 0


cdef inline bint _overlap(cnp.ndarray a, cnp.ndarray b) noexcept:
    """Whether two C-contiguous arrays share memory."""
    cdef char *first = <char *>cnp.PyArray_DATA(a)
    cdef char *second = <char *>cnp.PyArray_DATA(b)
    return (first < second + cnp.PyArray_NBYTES(b)) and (second < first + cnp.PyArray_NBYTES(a))


cdef cnp.ndarray _apart(cnp.ndarray out, cnp.ndarray array):
    """`array`, copied if it shares memory with `out`: products must not read what they write."""
    if array is not None and _overlap(out, array):
        return array.copy()
    return array


def matmul(str where not None, a, b, bint transpose_a, bint transpose_b, bias, bint relu,
           bint accumulate, out, names=("a", "b")):
    """`names`: what the caller calls a and b."""
    cdef str a_name = names[0], b_name = names[1]
    cdef cnp.ndarray a_ = _real(where, a_name, a)
    cdef cnp.dtype dtype = a_.descr
    cdef cnp.ndarray b_ = _real(where, b_name, b, dtype), bias_ = None
    _check_rank(where, a_name, a_, 2)
    _check_rank(where, b_name, b_, 2)
    cdef size_t m = a_.shape[1 if transpose_a else 0], k = a_.shape[0 if transpose_a else 1]
    cdef size_t n = b_.shape[0 if transpose_b else 1]
    cdef size_t lda = a_.shape[1], ldb = b_.shape[1]
    if <size_t>b_.shape[1 if transpose_b else 0] != k:
        raise ValueError(
            f"{where}: {a_name} {_shape(a_)}{' transposed' if transpose_a else ''} and "
            f"{b_name} {_shape(b_)}{' transposed' if transpose_b else ''} do not fit")
    if transpose_a and transpose_b:
        raise ValueError(f"{where}: only one of a and b can be transposed")
    if bias is not None:
        bias_ = _real(where, "bias", bias, dtype)
        if _shape(bias_) != (n,):
            raise ValueError(f"{where}: bias has shape {_shape(bias_)}, want {(n,)}")
        if accumulate:
            raise ValueError(f"{where}: bias and accumulate exclude each other")
    if accumulate and out is None:
        raise ValueError(f"{where}: accumulate adds to out, which is None")
    cdef cnp.ndarray out_ = _writable(where, "out", out, dtype, (m, n))
    a_, b_, bias_ = _apart(out_, a_), _apart(out_, b_), _apart(out_, bias_)
    if m == 0 or n == 0:
        return out_
    cdef unsigned flags = (FNN_GEMM_ADD if accumulate else 0) | (FNN_GEMM_RELU if relu else 0)
    cdef bint single = dtype.type_num == cnp.NPY_FLOAT32
    cdef void *work = fnn_scratch(fnn_gemm_work_bytes(FNN_F32 if single else FNN_F64, m, n, k))
    if work == NULL:
        raise MemoryError(f"{where}: no memory for packed panels")
    cdef void *ap = cnp.PyArray_DATA(a_)
    cdef void *bp = cnp.PyArray_DATA(b_)
    cdef void *cp = cnp.PyArray_DATA(out_)
    cdef void *sp = cnp.PyArray_DATA(bias_) if bias_ is not None else NULL
    cdef const fnn_kernels_t *table = _kernels
    with nogil:
        if single:
            if transpose_a:
                table.f32.gemm_tn(<float *>cp, n, <float *>ap, lda, <float *>bp, ldb,
                                  <float *>sp, m, n, k, flags, work)
            elif transpose_b:
                table.f32.gemm_nt(<float *>cp, n, <float *>ap, lda, <float *>bp, ldb,
                                  <float *>sp, m, n, k, flags, work)
            else:
                table.f32.gemm_nn(<float *>cp, n, <float *>ap, lda, <float *>bp, ldb,
                                  <float *>sp, m, n, k, flags, work)
        else:
            if transpose_a:
                table.f64.gemm_tn(<double *>cp, n, <double *>ap, lda, <double *>bp, ldb,
                                  <double *>sp, m, n, k, flags, work)
            elif transpose_b:
                table.f64.gemm_nt(<double *>cp, n, <double *>ap, lda, <double *>bp, ldb,
                                  <double *>sp, m, n, k, flags, work)
            else:
                table.f64.gemm_nn(<double *>cp, n, <double *>ap, lda, <double *>bp, ldb,
                                  <double *>sp, m, n, k, flags, work)
        fnn_free(work)
    return out_


def column_sum(str where not None, a, bint accumulate, out):
    cdef cnp.ndarray a_ = _real(where, "a", a)
    _check_rank(where, "a", a_, 2)
    if accumulate and out is None:
        raise ValueError(f"{where}: accumulate adds to out, which is None")
    cdef size_t rows = a_.shape[0], cols = a_.shape[1]
    cdef cnp.ndarray out_ = _writable(where, "out", out, a_.dtype, (cols,))
    a_ = _apart(out_, a_)
    cdef void *ap = cnp.PyArray_DATA(a_)
    cdef void *cp = cnp.PyArray_DATA(out_)
    cdef bint single = a_.dtype.itemsize == 4
    cdef const fnn_kernels_t *table = _kernels
    if not accumulate:
        memset(cp, 0, out_.nbytes)
    if rows == 0 or cols == 0:
        return out_
    with nogil:
        if single:
            table.f32.column_sum(<float *>cp, <float *>ap, rows, cols)
        else:
            table.f64.column_sum(<double *>cp, <double *>ap, rows, cols)
    return out_


cdef int _rows_and_cols(str where, str name, cnp.ndarray array, size_t *rows,
                        size_t *cols) except -1:
    """A vector is one row."""
    if array.ndim not in (1, 2):
        raise ValueError(
            f"{where}: {name} must be 1-D or 2-D, got shape {_shape(array)}")
    rows[0] = array.shape[0] if array.ndim == 2 else 1
    cols[0] = array.shape[array.ndim - 1]
    return 0


def activation(str where not None, int kind, z, double alpha, out):
    cdef cnp.ndarray z_ = _real(where, "z", z)
    cdef size_t rows = 0, cols = 0
    _rows_and_cols(where, "z", z_, &rows, &cols)
    cdef cnp.ndarray out_ = _writable(where, "out", out, z_.dtype, _shape(z_))
    cdef void *zp = cnp.PyArray_DATA(z_)
    cdef void *op = cnp.PyArray_DATA(out_)
    if zp != op:
        z_ = _apart(out_, z_)
        zp = cnp.PyArray_DATA(z_)
    if rows == 0 or cols == 0:
        return out_
    cdef bint single = z_.dtype.itemsize == 4
    cdef const fnn_kernels_t *table = _kernels
    with nogil:
        if single:
            table.f32.activation[kind](<float *>zp, <float *>op, rows, cols, <float>alpha)
        else:
            table.f64.activation[kind](<double *>zp, <double *>op, rows, cols, alpha)
    return out_


def activation_grad(str where not None, int kind, saved, dy, double alpha, out):
    cdef cnp.ndarray saved_ = _real(where, "saved", saved)
    cdef cnp.ndarray dy_ = _real(where, "dy", dy, saved_.dtype)
    cdef size_t rows = 0, cols = 0
    _rows_and_cols(where, "saved", saved_, &rows, &cols)
    if _shape(dy_) != _shape(saved_):
        raise ValueError(f"{where}: dy has shape {_shape(dy_)}, want saved's {_shape(saved_)}")
    cdef cnp.ndarray out_ = _writable(where, "out", out, saved_.dtype, _shape(saved_))
    saved_ = _apart(out_, saved_)
    if cnp.PyArray_DATA(dy_) != cnp.PyArray_DATA(out_):
        dy_ = _apart(out_, dy_)
    cdef void *sp = cnp.PyArray_DATA(saved_)
    cdef void *dp = cnp.PyArray_DATA(dy_)
    cdef void *op = cnp.PyArray_DATA(out_)
    if rows == 0 or cols == 0:
        return out_
    cdef bint single = saved_.dtype.itemsize == 4
    cdef const fnn_kernels_t *table = _kernels
    with nogil:
        if single:
            table.f32.activation_grad[kind](<float *>sp, <float *>dp, <float *>op, rows, cols,
                                            <float>alpha)
        else:
            table.f64.activation_grad[kind](<double *>sp, <double *>dp, <double *>op, rows, cols,
                                            alpha)
    return out_


def loss(str where not None, int kind, z, y, sample_weight, settings, bint gradient, out):
    """The weighted mean as a float, or its gradient as an array.

    `settings`: the loss's numbers by name, those of `fnn_loss_set_t`.
    """
    cdef cnp.ndarray z_ = _real(where, "z", z), y_, weight_ = None, out_ = None
    cdef cnp.dtype dtype = z_.dtype
    _check_rank(where, "z", z_, 2)
    cdef size_t rows = z_.shape[0], cols = z_.shape[1]
    cdef double weights = rows, terms = fnn_loss_terms(<fnn_loss_t>kind, cols), total, scale
    cdef fnn_loss_set_t set
    _fill_loss_set(&set, settings)
    if rows == 0 or cols == 0:
        raise ValueError(f"{where}: the mean of no rows is not defined, got z {_shape(z_)}")
    _check_outputs(where, kind, cols, &set)
    cdef tuple wanted = (rows, fnn_loss_target_cols(<fnn_loss_t>kind, cols, &set))
    if kind == FNN_SPARSE_CATEGORICAL_CROSSENTROPY:
        y_ = np.asarray(y)
        if y_.dtype.kind not in "iub":
            raise TypeError(f"{where}: y must be integer labels, got {y_.dtype}")
        if _shape(y_) != (rows,):
            raise ValueError(f"{where}: y has shape {_shape(y_)}, want {(rows,)}")
        if not (0 <= y_.min() and y_.max() < cols):
            raise ValueError(
                f"{where}: y has labels from {y_.min()} to {y_.max()}, want 0 to {cols - 1}")
        y_ = np.ascontiguousarray(y_, dtype=np.int32)
    else:
        y_ = _real(where, "y", y, dtype)
        if _shape(y_) != wanted:
            whose = "z's " if wanted == _shape(z_) else ""
            raise ValueError(f"{where}: y has shape {_shape(y_)}, want {whose}{wanted}")
    if sample_weight is not None:
        weight_ = _real(where, "sample_weight", sample_weight, dtype)
        if _shape(weight_) != (rows,):
            raise ValueError(
                f"{where}: sample_weight has shape {_shape(weight_)}, want {(rows,)}")
        weights = weight_.sum(dtype=np.float64)
    if gradient:
        out_ = _writable(where, "out", out, dtype, _shape(z_))
        y_, weight_ = _apart(out_, y_), _apart(out_, weight_)
        if cnp.PyArray_DATA(z_) != cnp.PyArray_DATA(out_):
            z_ = _apart(out_, z_)
    if weights == 0:
        raise ValueError(f"{where}: sample_weight sums to 0, so the mean is not defined")
    scale = 1.0 / (weights * terms)
    cdef void *zp = cnp.PyArray_DATA(z_)
    cdef void *yp = cnp.PyArray_DATA(y_)
    cdef void *wp = cnp.PyArray_DATA(weight_) if weight_ is not None else NULL
    cdef void *dp = cnp.PyArray_DATA(out_) if gradient else NULL
    cdef bint single = dtype.itemsize == 4
    cdef const fnn_kernels_t *table = _kernels
    with nogil:
        if single:
            total = table.f32.loss[kind](<float *>zp, yp, <float *>wp, NULL, <float *>dp, rows,
                                         cols, scale, &set)
        else:
            total = table.f64.loss[kind](<double *>zp, yp, <double *>wp, NULL, <double *>dp,
                                         rows, cols, scale, &set)
    return out_ if gradient else total / (weights * terms)


cdef tuple _state_arrays(str where, tuple names, tuple values):
    """Vectors of one type and length: all but the gradient are updated in place."""
    cdef list arrays = []
    cdef cnp.ndarray first = None, array
    for name, value in zip(names, values):
        if not isinstance(value, np.ndarray):
            raise TypeError(f"{where}: {name} must be an array, got {type(value).__name__}")
        if first is None:
            first = value
            if (first.dtype.kind != "f" or first.dtype.itemsize not in (4, 8)
                    or not first.dtype.isnative):
                raise TypeError(f"{where}: {name} must be float32 or float64, got {first.dtype}")
        if name == "grad":
            array = _real(where, name, value, first.dtype)
            if _shape(array) != _shape(first):
                raise ValueError(
                    f"{where}: grad has shape {_shape(array)}, want {_shape(first)}")
        else:
            array = _writable(where, name, value, first.dtype, _shape(first))
            _check_rank(where, name, array, 1)
        for other in arrays:
            if _overlap(array, other):
                raise ValueError(f"{where}: {name} shares memory with another argument")
        arrays.append(array)
    return tuple(arrays)


def sgd_step(str where not None, param, grad, velocity, double learning_rate, double momentum,
             bint nesterov):
    cdef cnp.ndarray p, g, v = None
    if velocity is None:
        if momentum != 0:
            raise ValueError(f"{where}: momentum {momentum} needs a velocity array, got None")
        p, g = _state_arrays(where, ("param", "grad"), (param, grad))
    else:
        p, v, g = _state_arrays(where, ("param", "velocity", "grad"), (param, velocity, grad))
    cdef fnn_sgd_t settings
    settings.lr = learning_rate
    settings.momentum = momentum
    settings.nesterov = nesterov
    cdef void *pp = cnp.PyArray_DATA(p)
    cdef void *vp = cnp.PyArray_DATA(v) if v is not None else NULL
    cdef void *gp = cnp.PyArray_DATA(g)
    cdef size_t n = p.size
    cdef bint single = p.dtype.itemsize == 4
    cdef const fnn_kernels_t *table = _kernels
    with nogil:
        if single:
            table.f32.sgd(<float *>pp, <float *>vp, <float *>gp, n, &settings)
        else:
            table.f64.sgd(<double *>pp, <double *>vp, <double *>gp, n, &settings)


def adam_step(str where not None, param, grad, m, v, t, double learning_rate, double beta_1,
              double beta_2, double epsilon, double weight_decay):
    cdef cnp.ndarray p, g, m_, v_
    p, m_, v_, g = _state_arrays(where, ("param", "m", "v", "grad"), (param, m, v, grad))
    if t < 1:
        raise ValueError(f"{where}: t counts steps from 1, got {t}")
    cdef double step = t
    cdef double root = c_sqrt(1.0 - c_pow(beta_2, step))
    cdef fnn_adam_t settings
    settings.step = learning_rate * root / (1.0 - c_pow(beta_1, step))
    settings.beta1 = beta_1
    settings.one_minus_beta1 = 1.0 - beta_1
    settings.beta2 = beta_2
    settings.one_minus_beta2 = 1.0 - beta_2
    settings.eps = epsilon * root
    settings.decay = 1.0 - learning_rate * weight_decay
    cdef void *pp = cnp.PyArray_DATA(p)
    cdef void *mp = cnp.PyArray_DATA(m_)
    cdef void *vp = cnp.PyArray_DATA(v_)
    cdef void *gp = cnp.PyArray_DATA(g)
    cdef size_t n = p.size
    cdef bint single = p.dtype.itemsize == 4
    cdef const fnn_kernels_t *table = _kernels
    with nogil:
        if single:
            table.f32.adam(<float *>pp, <float *>mp, <float *>vp, <float *>gp, n, &settings)
        else:
            table.f64.adam(<double *>pp, <double *>mp, <double *>vp, <double *>gp, n, &settings)


def elementwise_step(str where not None, int kind, param, grad, slots, settings):
    """One step of the optimizer `kind` on vectors; `settings`: fields of fnn_elementwise_t."""
    cdef cnp.ndarray p, g
    cdef void *at[FNN_MOST_SLOTS]
    cdef fnn_elementwise_t given
    cdef size_t i, n
    names = tuple(f"slots[{i}]" for i in range(len(slots)) if slots[i] is not None)
    if not FNN_ADAM < kind < FNN_ELEMENTWISE_COUNT or len(slots) != FNN_MOST_SLOTS:
        raise ValueError(f"{where}: no elementwise optimizer {kind} with {len(slots)} slots")
    p, *arrays, g = _state_arrays(
        where, ("param", *names, "grad"),
        (param, *(slot for slot in slots if slot is not None), grad))
    rest = iter(arrays)
    for i in range(FNN_MOST_SLOTS):
        at[i] = NULL
        if slots[i] is not None:
            at[i] = cnp.PyArray_DATA(<cnp.ndarray>next(rest))
    memset(&given, 0, sizeof(given))
    given.decay = 1.0
    for name, value in settings.items():
        if name == "lr":
            given.lr = value
        elif name == "root":
            given.root = value
        elif name == "beta1":
            given.beta1 = value
            given.one_minus_beta1 = 1.0 - value
        elif name == "beta2":
            given.beta2 = value
            given.one_minus_beta2 = 1.0 - value
        elif name == "eps":
            given.eps = value
        elif name == "decay":
            given.decay = value
        elif name == "momentum":
            given.momentum = value
        elif name == "a":
            given.a = value
        elif name == "b":
            given.b = value
        elif name == "c":
            given.c = value
        elif name == "least":
            given.least = value
        elif name == "most":
            given.most = value
        elif name == "flag":
            given.flag = value
        else:
            raise ValueError(f"{where}: unknown setting {name!r}")
    n = p.size
    cdef void *pp = cnp.PyArray_DATA(p)
    cdef void *gp = cnp.PyArray_DATA(g)
    cdef bint single = p.dtype.itemsize == 4
    cdef const fnn_kernels_t *table = _kernels
    with nogil:
        if single:
            table.f32.elementwise[kind](<float *>pp, <float **>at, <float *>gp, n, &given)
        else:
            table.f64.elementwise[kind](<double *>pp, <double **>at, <double *>gp, n, &given)


def fma_probe(dtype, size_t rounds, int mix):
    """Floating-point operations done by one run of the FMA probe; time it from outside."""
    cdef bint single = _dtype_code(np.dtype(dtype)) == FNN_F32
    cdef double flops
    cdef const fnn_kernels_t *table = _kernels
    with nogil:
        flops = table.f32.fma_probe(rounds, mix) if single else table.f64.fma_probe(rounds, mix)
    return flops


@cython.final
cdef class MetricState:
    """Sums of one streaming metric; csrc/include/fastnn/metric.h says what each kind means.

    `settings` are the fields of fnn_metric_set_t: kind, targets, average, count, threshold, param.
    """
    cdef readonly tuple settings
    cdef readonly size_t cols
    cdef fnn_metric_set_t set
    cdef cnp.ndarray sums

    def __init__(self, tuple settings not None, size_t cols):
        kind, targets, average, count, threshold, param = settings
        if not (0 <= kind < FNN_METRIC_COUNT and 0 <= targets < FNN_TARGETS_COUNT
                and 0 <= average < FNN_AVERAGE_COUNT and 0 <= count < 1 << 32):
            raise ValueError(f"MetricState: unknown settings {settings}")
        self.set.kind = <fnn_metric_t><int>kind
        self.set.targets = <fnn_targets_t><int>targets
        self.set.average = <fnn_average_t><int>average
        self.set.count = count
        self.set.threshold = threshold
        self.set.param = param
        if cols >= 1 << 40 or not fnn_metric_is_sound(&self.set, cols):
            raise ValueError(f"MetricState: settings {settings} do not go with {cols} columns")
        self.settings = settings
        self.cols = cols
        self.sums = np.zeros(fnn_metric_state_size(&self.set, cols))
        self.reset()

    cdef double *state(self) noexcept:
        return <double *>cnp.PyArray_DATA(self.sums)

    def reset(self):
        """Forget all batches."""
        fnn_metric_reset(&self.set, self.state(), self.cols)

    cdef cnp.ndarray labels(self, str where, str name, labels, tuple shape):
        """`labels` as a vector of int32 within the number of columns."""
        cdef cnp.ndarray array = np.ascontiguousarray(labels)
        if array.dtype != np.int32 or (shape is not None and _shape(array) != shape):
            raise ValueError(f"{where}: {name} must be int32 of shape {shape or '(n,)'}, got "
                             f"{array.dtype} {_shape(array)}")
        if array.size > 0 and (array.min() < 0 or <size_t>array.max() >= self.cols):
            raise ValueError(f"{where}: {name} must lie within 0 and {self.cols - 1}")
        return array

    def update(self, p, y, weight=None):
        """Add a batch: `p` (rows, cols), `y` like it or int32 labels, `weight` (rows,)."""
        cdef str where = "MetricState.update"
        cdef cnp.ndarray p_ = _real(where, "p", p), y_, w_ = None
        _check_rank(where, "p", p_, 2)
        if <size_t>p_.shape[1] != self.cols:
            raise ValueError(f"{where}: p has {p_.shape[1]} columns, want {self.cols}")
        cdef size_t rows = p_.shape[0]
        if self.set.targets == FNN_TARGETS_LABELS:
            y_ = self.labels(where, "y", y, (rows,))
        else:
            y_ = _real(where, "y", y, p_.dtype)
            if _shape(y_) != _shape(p_):
                raise ValueError(f"{where}: y has shape {_shape(y_)}, want {_shape(p_)}")
        if weight is not None:
            w_ = _real(where, "weight", weight, p_.dtype)
            if _shape(w_) != (rows,):
                raise ValueError(f"{where}: weight has shape {_shape(w_)}, want {(rows,)}")
        cdef void *wp = cnp.PyArray_DATA(w_) if w_ is not None else NULL
        if p_.dtype.itemsize == 4:
            fnn_metric_update_f32(&self.set, self.state(), <float *>cnp.PyArray_DATA(p_),
                                  cnp.PyArray_DATA(y_), <float *>wp, rows, self.cols)
        else:
            fnn_metric_update_f64(&self.set, self.state(), <double *>cnp.PyArray_DATA(p_),
                                  cnp.PyArray_DATA(y_), <double *>wp, rows, self.cols)

    def update_classes(self, predicted, actual, weight=None):
        """Add a batch of predicted classes, int32 (rows,), to a metric from counts."""
        cdef str where = "MetricState.update_classes"
        if not FNN_PRECISION <= self.set.kind < FNN_ROC_AUC_BINS or (
                self.set.targets != FNN_TARGETS_LABELS):
            raise ValueError(f"{where}: settings {self.settings} do not count labels")
        cdef cnp.ndarray p_ = self.labels(where, "predicted", predicted, None), w_ = None
        _check_rank(where, "predicted", p_, 1)
        cdef cnp.ndarray y_ = self.labels(where, "actual", actual, _shape(p_))
        if weight is not None:
            w_ = _real(where, "weight", weight, np.dtype(np.float64))
            if _shape(w_) != _shape(p_):
                raise ValueError(f"{where}: weight has shape {_shape(w_)}, want {_shape(p_)}")
        fnn_metric_update_classes(
            &self.set, self.state(), <int32_t *>cnp.PyArray_DATA(p_),
            <int32_t *>cnp.PyArray_DATA(y_),
            <double *>cnp.PyArray_DATA(w_) if w_ is not None else NULL, p_.shape[0], self.cols)

    def merge(self, MetricState other not None):
        """Add the batches that `other`, a state of the same metric, has seen."""
        if other.settings != self.settings or other.cols != self.cols:
            raise ValueError(
                f"MetricState.merge: got settings {other.settings} of {other.cols} columns, "
                f"want {self.settings} of {self.cols}")
        fnn_metric_merge(&self.set, self.state(), other.state(), self.cols)

    def result(self):
        """The metric over all batches so far; NaN before the first."""
        return fnn_metric_result(&self.set, self.state(), self.cols)
