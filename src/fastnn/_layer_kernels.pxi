# The kernels of layers other than dense on NumPy arrays, as in _kernels.pxi; and the moments of
# columns that Normalization adapts to.

cdef inline void *_data(cnp.ndarray array) noexcept:
    return NULL if array is None else cnp.PyArray_DATA(array)


cdef cnp.ndarray _shaped(str where, str name, object value, cnp.dtype dtype, tuple shape):
    """An input of a shape, or None for None."""
    if value is None:
        return None
    cdef cnp.ndarray array = _real(where, name, value, dtype)
    if not _has_shape(array, shape):
        raise ValueError(f"{where}: {name} has shape {_shape(array)}, want {shape}")
    return array


cdef inline bint _is_like(object value, cnp.ndarray model):
    """Whether `value` is a plain array with the dtype and the shape of `model`."""
    return (cnp.PyArray_CheckExact(value) and cnp.PyArray_ISCARRAY_RO(value)
            and cnp.PyArray_TYPE(value) == cnp.PyArray_TYPE(model)
            and cnp.PyArray_SAMESHAPE(value, model))


cdef cnp.ndarray _shaped_like(str where, str name, object value, cnp.ndarray model):
    """An input of the dtype and shape of `model`, or None for None."""
    if _is_like(value, model):
        return value
    return _shaped(where, name, value, model.dtype, _shape(model))


cdef cnp.ndarray _writable_like(str where, str name, object value, cnp.ndarray model):
    """`_writable` with the dtype and the shape of `model`."""
    if _is_like(value, model) and cnp.PyArray_ISWRITEABLE(value):
        return value
    return _writable(where, name, value, model.dtype, _shape(model))


cdef cnp.ndarray _matrix(str where, str name, object value, size_t *rows, size_t *cols):
    """The first input, which decides about the dtype."""
    cdef cnp.ndarray array = _real(where, name, value)
    _check_rank(where, name, array, 2)
    rows[0] = array.shape[0]
    cols[0] = array.shape[1]
    return array


cdef cnp.ndarray _apart_unless_same(cnp.ndarray out, cnp.ndarray array):
    """As `_apart`, for inputs that `out` may be itself."""
    if array is not None and cnp.PyArray_DATA(array) == cnp.PyArray_DATA(out):
        return array
    return _apart(out, array)


cdef cnp.ndarray _new_vector(cnp.ndarray model, size_t n):
    """A vector of n elements, not set, of the dtype of `model`."""
    cdef cnp.npy_intp length = n
    return cnp.PyArray_EMPTY(1, &length, cnp.PyArray_TYPE(model), 0)


cdef int _distinct(str where, tuple names, tuple arrays) except -1:
    """Results that are written by the same call."""
    cdef Py_ssize_t i, k
    for i in range(len(arrays)):
        for k in range(i):
            if (arrays[i] is not None and arrays[k] is not None
                    and _overlap(<cnp.ndarray>arrays[i], <cnp.ndarray>arrays[k])):
                raise ValueError(f"{where}: {names[i]} and {names[k]} share memory")
    return 0


# ---- combine ------------------------------------------------------------------------------------

cdef list _several(str where, object inputs, int kind):
    """Arrays of one shape and dtype."""
    cdef list arrays = []
    cdef cnp.ndarray first = None
    if not isinstance(inputs, (list, tuple)):
        raise TypeError(f"{where}: inputs must be a list of arrays, got {type(inputs).__name__}")
    if kind == FNN_SUBTRACT and len(inputs) != 2:
        raise ValueError(f"{where}: subtract takes two inputs, got {len(inputs)}")
    if len(inputs) == 0:
        raise ValueError(f"{where}: inputs is empty; want at least one array")
    first = _real(where, "inputs[0]", inputs[0])
    arrays.append(first)
    for k in range(1, len(inputs)):
        value = inputs[k]
        if not _is_like(value, first):
            value = _shaped(where, f"inputs[{k}]", value, first.dtype, _shape(first))
            _want(where, (f"inputs[{k}]",), (value,))
        arrays.append(value)
    return arrays


cdef void **_addresses(str where, list arrays, cnp.ndarray out, size_t more=0) except NULL:
    """Where the arrays' values are, `more` bytes behind them; one that shares memory with `out` is
    replaced by a copy first.  In memory of this thread, until it asks for some again."""
    cdef size_t n = len(arrays), k
    cdef cnp.ndarray array
    cdef void **to = <void **>fnn_scratch(n * sizeof(void *) + more)
    if to == NULL:
        raise MemoryError(f"{where}: no memory for the addresses of {n} arrays")
    for k in range(n):
        array = arrays[k]
        if _overlap(out, array):
            array = arrays[k] = array.copy()
        to[k] = cnp.PyArray_DATA(array)
    return to


def add_to(str where not None, out, x):
    cdef cnp.ndarray x_ = _real(where, "x", x)
    if out is None:
        raise TypeError(f"{where}: out must be an array, got NoneType")
    cdef cnp.ndarray out_ = _writable_like(where, "out", out, x_)
    x_ = _apart(out_, x_)
    cdef size_t n = x_.size
    cdef void *op = _data(out_)
    cdef void *xp = _data(x_)
    cdef bint single = x_.dtype.itemsize == 4
    cdef const fnn_kernels_t *table = _kernels
    with nogil:
        if single:
            table.f32.add_to(<float *>op, <float *>xp, n)
        else:
            table.f64.add_to(<double *>op, <double *>xp, n)
    return out_


def combine(str where not None, int kind, inputs, out):
    cdef list arrays = _several(where, inputs, kind)
    cdef cnp.ndarray first = arrays[0]
    cdef cnp.ndarray out_ = _writable_like(where, "out", out, first)
    cdef void **ap = _addresses(where, arrays, out_)
    cdef void *op = _data(out_)
    cdef size_t n = cnp.PyArray_SIZE(first), n_in = len(arrays)
    cdef bint single = cnp.PyArray_TYPE(first) == cnp.NPY_FLOAT32
    cdef const fnn_kernels_t *table = _kernels
    with nogil:
        if single:
            table.f32.combine(<fnn_combine_t>kind, <const float *const *>ap, n_in, <float *>op, n)
        else:
            table.f64.combine(<fnn_combine_t>kind, <const double *const *>ap, n_in, <double *>op,
                              n)
    return out_


def combine_grad(str where not None, int kind, inputs, size_t which, output, dy, out):
    cdef list arrays = _several(where, inputs, kind)
    cdef cnp.ndarray first = arrays[0]
    cdef size_t n = first.size, n_in = len(arrays)
    if which >= n_in:
        raise ValueError(f"{where}: which must be in 0 .. {n_in - 1}, got {which}")
    cdef cnp.ndarray y_ = _shaped_like(where, "output", output, first)
    cdef cnp.ndarray dy_ = _real(where, "dy", dy, first.dtype)
    if _shape(dy_) != _shape(first):
        raise ValueError(f"{where}: dy has shape {_shape(dy_)}, want {_shape(first)}")
    cdef cnp.ndarray out_ = _writable(where, "out", out, first.dtype, _shape(first))
    y_, dy_ = _apart(out_, y_), _apart(out_, dy_)
    cdef void **ap = _addresses(where, arrays, out_)
    cdef void *yp = _data(y_)
    cdef void *dp = _data(dy_)
    cdef void *op = _data(out_)
    cdef bint single = first.dtype.itemsize == 4
    cdef const fnn_kernels_t *table = _kernels
    with nogil:
        if single:
            table.f32.combine_grad(<fnn_combine_t>kind, <const float *const *>ap, n_in, which,
                                   <float *>yp, <float *>dp, <float *>op, n)
        else:
            table.f64.combine_grad(<fnn_combine_t>kind, <const double *const *>ap, n_in, which,
                                   <double *>yp, <double *>dp, <double *>op, n)
    return out_


def concatenate(str where not None, inputs, out):
    cdef list arrays = []
    cdef cnp.ndarray first = None, array
    cdef size_t rows = 0, cols = 0, wide = 0, k, n_in
    if not isinstance(inputs, (list, tuple)):
        raise TypeError(f"{where}: inputs must be a list of arrays, got {type(inputs).__name__}")
    n_in = len(inputs)
    if n_in == 0:
        raise ValueError(f"{where}: inputs is empty; want at least one array")
    first = _matrix(where, "inputs[0]", inputs[0], &rows, &wide)
    arrays.append(first)
    for k in range(1, n_in):
        array = _real(where, f"inputs[{k}]", inputs[k], first.descr)
        if array.ndim != 2 or <size_t>array.shape[0] != rows:
            raise ValueError(f"{where}: inputs[{k}] has shape {_shape(array)}, want {rows} rows")
        wide += array.shape[1]
        arrays.append(array)
    cdef cnp.ndarray out_ = _writable(where, "out", out, first.descr, (rows, wide))
    cdef void **ap = _addresses(where, arrays, out_, n_in * sizeof(size_t))
    cdef size_t *widths = <size_t *>(ap + n_in)
    for k in range(n_in):
        widths[k] = (<cnp.ndarray>arrays[k]).shape[1]
    cdef void *op = _data(out_)
    cdef bint single = cnp.PyArray_TYPE(first) == cnp.NPY_FLOAT32
    cdef const fnn_kernels_t *table = _kernels
    with nogil:
        if single:
            table.f32.concatenate(<const float *const *>ap, widths, n_in, <float *>op, rows)
        else:
            table.f64.concatenate(<const double *const *>ap, widths, n_in, <double *>op, rows)
    return out_


def move_columns(str where not None, bint add, x, start, stop, out, at):
    """out[:, at : at + stop - start] = (or +=) x[:, start:stop]; the numbers are within bounds."""
    cdef size_t rows = 0, wide = 0
    cdef cnp.ndarray x_ = _matrix(where, "x", x, &rows, &wide)
    cdef size_t first = start, cols
    if stop is None:
        stop = wide
    if not 0 <= start <= stop <= wide:
        raise ValueError(
            f"{where}: start {start} and stop {stop} do not lie in order within x's {wide} columns")
    cols = stop - start
    if out is None:
        out = np.empty((rows, cols), x_.dtype)
    if not isinstance(out, np.ndarray):
        raise TypeError(f"{where}: out must be an array, got {type(out).__name__}")
    if out.ndim != 2 or out.shape[0] != rows or at + cols > out.shape[1]:
        raise ValueError(f"{where}: out has shape {out.shape}, want {rows} rows and at least "
                         f"{at + cols} columns")
    cdef cnp.ndarray out_ = _writable(where, "out", out, x_.dtype, out.shape)
    x_ = _apart(out_, x_)
    cdef size_t out_wide = out_.shape[1], place = at
    cdef bint single = x_.dtype.itemsize == 4
    cdef const fnn_kernels_t *table = _kernels
    if rows == 0 or cols == 0:
        return out_
    cdef char *xp = <char *>_data(x_) + first * (4 if single else 8)
    cdef char *op = <char *>_data(out_) + place * (4 if single else 8)
    with nogil:
        if single and add:
            table.f32.add_columns(<float *>op, out_wide, <float *>xp, wide, rows, cols)
        elif single:
            table.f32.copy_columns(<float *>op, out_wide, <float *>xp, wide, rows, cols)
        elif add:
            table.f64.add_columns(<double *>op, out_wide, <double *>xp, wide, rows, cols)
        else:
            table.f64.copy_columns(<double *>op, out_wide, <double *>xp, wide, rows, cols)
    return out_


def affine(str where not None, bint back, x, scale, shift, out):
    cdef size_t rows = 0, cols = 0
    cdef cnp.ndarray x_ = _matrix(where, "x", x, &rows, &cols)
    cdef cnp.ndarray scale_ = _shaped(where, "scale", scale, x_.dtype, (cols,))
    cdef cnp.ndarray shift_ = _shaped(where, "shift", shift, x_.dtype, (cols,))
    if scale_ is None or (back and shift_ is None):
        raise TypeError(f"{where}: {'shift' if scale_ is not None else 'scale'} must be an array, "
                        "got NoneType")
    cdef cnp.ndarray out_ = _writable_like(where, "out", out, x_)
    x_ = _apart_unless_same(out_, x_)
    scale_, shift_ = _apart(out_, scale_), _apart(out_, shift_)
    cdef void *xp = _data(x_)
    cdef void *sp = _data(scale_)
    cdef void *tp = _data(shift_)
    cdef void *op = _data(out_)
    cdef bint single = x_.dtype.itemsize == 4
    cdef const fnn_kernels_t *table = _kernels
    with nogil:
        if single and back:
            table.f32.affine_back(<float *>xp, <float *>sp, <float *>tp, <float *>op, rows, cols)
        elif single:
            table.f32.affine_columns(<float *>xp, <float *>tp, <float *>sp, <float *>op, rows,
                                     cols)
        elif back:
            table.f64.affine_back(<double *>xp, <double *>sp, <double *>tp, <double *>op, rows,
                                  cols)
        else:
            table.f64.affine_columns(<double *>xp, <double *>tp, <double *>sp, <double *>op, rows,
                                     cols)
    return out_


# ---- norm ---------------------------------------------------------------------------------------

def layer_norm(str where not None, x, gamma, beta, double eps, bint rms, stats, out):
    """(out, stats)"""
    cdef size_t rows = 0, cols = 0
    cdef cnp.ndarray x_ = _matrix(where, "x", x, &rows, &cols)
    cdef cnp.ndarray gamma_ = _shaped(where, "gamma", gamma, x_.dtype, (cols,))
    cdef cnp.ndarray beta_ = _shaped(where, "beta", beta, x_.dtype, (cols,))
    cdef cnp.ndarray out_ = _writable_like(where, "out", out, x_)
    cdef cnp.ndarray stats_ = _writable(where, "stats", stats, x_.dtype, (rows, 2))
    _distinct(where, ("out", "stats"), (out_, stats_))
    x_ = _apart(stats_, _apart_unless_same(out_, x_))
    gamma_, beta_ = _apart(stats_, _apart(out_, gamma_)), _apart(stats_, _apart(out_, beta_))
    if cols == 0:
        stats_[...] = np.nan
        return out_, stats_
    cdef void *xp = _data(x_)
    cdef void *gp = _data(gamma_)
    cdef void *bp = _data(beta_)
    cdef void *op = _data(out_)
    cdef void *sp = _data(stats_)
    cdef bint single = x_.dtype.itemsize == 4
    cdef const fnn_kernels_t *table = _kernels
    with nogil:
        if single:
            table.f32.layer_norm(<float *>xp, <float *>gp, <float *>bp, <float *>op, <float *>sp,
                                 rows, cols, eps, rms)
        else:
            table.f64.layer_norm(<double *>xp, <double *>gp, <double *>bp, <double *>op,
                                 <double *>sp, rows, cols, eps, rms)
    return out_, stats_


def layer_norm_grad(str where not None, x, gamma, stats, dy, bint rms, out):
    cdef size_t rows = 0, cols = 0
    cdef cnp.ndarray x_ = _matrix(where, "x", x, &rows, &cols)
    cdef cnp.ndarray gamma_ = _shaped(where, "gamma", gamma, x_.dtype, (cols,))
    cdef cnp.ndarray stats_ = _shaped(where, "stats", stats, x_.dtype, (rows, 2))
    cdef cnp.ndarray dy_ = _shaped_like(where, "dy", dy, x_)
    _want(where, ("stats", "dy"), (stats_, dy_))
    cdef cnp.ndarray out_ = _writable_like(where, "out", out, x_)
    x_, dy_ = _apart(out_, x_), _apart(out_, dy_)
    gamma_, stats_ = _apart(out_, gamma_), _apart(out_, stats_)
    cdef void *xp = _data(x_)
    cdef void *gp = _data(gamma_)
    cdef void *sp = _data(stats_)
    cdef void *dp = _data(dy_)
    cdef void *op = _data(out_)
    cdef bint single = x_.dtype.itemsize == 4
    cdef const fnn_kernels_t *table = _kernels
    with nogil:
        if single:
            table.f32.layer_norm_grad(<float *>xp, <float *>gp, <float *>sp, <float *>dp,
                                      <float *>op, rows, cols, rms)
        else:
            table.f64.layer_norm_grad(<double *>xp, <double *>gp, <double *>sp, <double *>dp,
                                      <double *>op, rows, cols, rms)
    return out_


cdef int _want(str where, tuple names, tuple arrays) except -1:
    cdef Py_ssize_t k
    for k in range(len(arrays)):
        if arrays[k] is None:
            raise TypeError(f"{where}: {names[k]} must be an array, got NoneType")
    return 0


def layer_norm_param_grad(str where not None, x, stats, dy, bint rms, bint add, dgamma, dbeta):
    """(dgamma, dbeta)"""
    cdef size_t rows = 0, cols = 0
    cdef cnp.ndarray x_ = _matrix(where, "x", x, &rows, &cols)
    cdef cnp.ndarray stats_ = _shaped(where, "stats", stats, x_.dtype, (rows, 2))
    cdef cnp.ndarray dy_ = _shaped_like(where, "dy", dy, x_)
    _want(where, ("stats", "dy"), (stats_, dy_))
    if add and (dgamma is None or dbeta is None):
        raise ValueError(f"{where}: accumulate adds to dgamma and dbeta, one of which is None")
    cdef cnp.ndarray dgamma_ = _writable(where, "dgamma", dgamma, x_.dtype, (cols,))
    cdef cnp.ndarray dbeta_ = _writable(where, "dbeta", dbeta, x_.dtype, (cols,))
    _distinct(where, ("dgamma", "dbeta"), (dgamma_, dbeta_))
    x_, dy_ = _apart(dbeta_, _apart(dgamma_, x_)), _apart(dbeta_, _apart(dgamma_, dy_))
    stats_ = _apart(dbeta_, _apart(dgamma_, stats_))
    cdef void *xp = _data(x_)
    cdef void *sp = _data(stats_)
    cdef void *dp = _data(dy_)
    cdef void *gp = _data(dgamma_)
    cdef void *bp = _data(dbeta_)
    cdef bint single = x_.dtype.itemsize == 4
    cdef const fnn_kernels_t *table = _kernels
    with nogil:
        if single:
            table.f32.layer_norm_param_grad(<float *>xp, <float *>sp, <float *>dp, <float *>gp,
                                            <float *>bp, rows, cols, add, rms)
        else:
            table.f64.layer_norm_param_grad(<double *>xp, <double *>sp, <double *>dp,
                                            <double *>gp, <double *>bp, rows, cols, add, rms)
    return dgamma_, dbeta_


def layer_norm_backward(str where not None, x, gamma, stats, dy, bint rms, bint add, out, dgamma,
                        dbeta):
    """(out, dgamma, dbeta)"""
    cdef size_t rows = 0, cols = 0
    cdef cnp.ndarray x_ = _matrix(where, "x", x, &rows, &cols)
    cdef cnp.ndarray gamma_ = _shaped(where, "gamma", gamma, x_.dtype, (cols,))
    cdef cnp.ndarray stats_ = _shaped(where, "stats", stats, x_.dtype, (rows, 2))
    cdef cnp.ndarray dy_ = _shaped_like(where, "dy", dy, x_)
    _want(where, ("stats", "dy"), (stats_, dy_))
    if add and (dgamma is None or dbeta is None):
        raise ValueError(f"{where}: accumulate adds to dgamma and dbeta, one of which is None")
    cdef cnp.ndarray out_ = _writable_like(where, "out", out, x_)
    cdef cnp.ndarray dgamma_ = _writable(where, "dgamma", dgamma, x_.dtype, (cols,))
    cdef cnp.ndarray dbeta_ = _writable(where, "dbeta", dbeta, x_.dtype, (cols,))
    _distinct(where, ("out", "dgamma", "dbeta"), (out_, dgamma_, dbeta_))
    for written in (out_, dgamma_, dbeta_):
        x_, dy_ = _apart(written, x_), _apart(written, dy_)
        gamma_, stats_ = _apart(written, gamma_), _apart(written, stats_)
    cdef void *xp = _data(x_)
    cdef void *gp = _data(gamma_)
    cdef void *sp = _data(stats_)
    cdef void *dp = _data(dy_)
    cdef void *op = _data(out_)
    cdef void *dgp = _data(dgamma_)
    cdef void *dbp = _data(dbeta_)
    cdef bint single = x_.dtype.itemsize == 4
    cdef const fnn_kernels_t *table = _kernels
    with nogil:
        if single:
            table.f32.layer_norm_backward(<float *>xp, <float *>gp, <float *>sp, <float *>dp,
                                          <float *>op, <float *>dgp, <float *>dbp, rows, cols,
                                          add, rms)
        else:
            table.f64.layer_norm_backward(<double *>xp, <double *>gp, <double *>sp, <double *>dp,
                                          <double *>op, <double *>dgp, <double *>dbp, rows, cols,
                                          add, rms)
    return out_, dgamma_, dbeta_


def column_moments(str where not None, x):
    """(mean, variance)"""
    cdef size_t rows = 0, cols = 0
    cdef cnp.ndarray x_ = _matrix(where, "x", x, &rows, &cols)
    if rows == 0:
        raise ValueError(f"{where}: x has no rows, got shape {_shape(x_)}")
    cdef cnp.ndarray mean = _new_vector(x_, cols), variance = _new_vector(x_, cols)
    cdef void *xp = _data(x_)
    cdef void *mp = _data(mean)
    cdef void *vp = _data(variance)
    cdef bint single = x_.dtype.itemsize == 4
    cdef const fnn_kernels_t *table = _kernels
    with nogil:
        if single:
            table.f32.column_moments(<float *>xp, <float *>mp, <float *>vp, rows, cols)
        else:
            table.f64.column_moments(<double *>xp, <double *>mp, <double *>vp, rows, cols)
    return mean, variance


def batch_norm(str where not None, x, mean, variance, gamma, beta, double eps, out):
    cdef size_t rows = 0, cols = 0
    cdef cnp.ndarray x_ = _matrix(where, "x", x, &rows, &cols)
    cdef cnp.ndarray mean_ = _shaped(where, "mean", mean, x_.dtype, (cols,))
    cdef cnp.ndarray var_ = _shaped(where, "variance", variance, x_.dtype, (cols,))
    cdef cnp.ndarray gamma_ = _shaped(where, "gamma", gamma, x_.dtype, (cols,))
    cdef cnp.ndarray beta_ = _shaped(where, "beta", beta, x_.dtype, (cols,))
    _want(where, ("mean", "variance"), (mean_, var_))
    cdef cnp.ndarray out_ = _writable_like(where, "out", out, x_)
    x_ = _apart_unless_same(out_, x_)
    mean_, var_ = _apart(out_, mean_), _apart(out_, var_)
    gamma_, beta_ = _apart(out_, gamma_), _apart(out_, beta_)
    cdef void *xp = _data(x_)
    cdef void *mp = _data(mean_)
    cdef void *vp = _data(var_)
    cdef void *gp = _data(gamma_)
    cdef void *bp = _data(beta_)
    cdef void *op = _data(out_)
    cdef bint single = x_.dtype.itemsize == 4
    cdef const fnn_kernels_t *table = _kernels
    with nogil:
        if single:
            table.f32.batch_norm(<float *>xp, <float *>mp, <float *>vp, <float *>gp, <float *>bp,
                                 <float *>op, rows, cols, eps)
        else:
            table.f64.batch_norm(<double *>xp, <double *>mp, <double *>vp, <double *>gp,
                                 <double *>bp, <double *>op, rows, cols, eps)
    return out_


def batch_norm_sums(str where not None, x, mean, variance, dy, double eps):
    """(sum_dy, sum_dy_xhat)"""
    cdef size_t rows = 0, cols = 0
    cdef cnp.ndarray x_ = _matrix(where, "x", x, &rows, &cols)
    cdef cnp.ndarray mean_ = _shaped(where, "mean", mean, x_.dtype, (cols,))
    cdef cnp.ndarray var_ = _shaped(where, "variance", variance, x_.dtype, (cols,))
    cdef cnp.ndarray dy_ = _shaped_like(where, "dy", dy, x_)
    _want(where, ("mean", "variance", "dy"), (mean_, var_, dy_))
    cdef cnp.ndarray plain = _new_vector(x_, cols), along = _new_vector(x_, cols)
    cdef void *xp = _data(x_)
    cdef void *mp = _data(mean_)
    cdef void *vp = _data(var_)
    cdef void *dp = _data(dy_)
    cdef void *pp = _data(plain)
    cdef void *ap = _data(along)
    cdef bint single = x_.dtype.itemsize == 4
    cdef const fnn_kernels_t *table = _kernels
    with nogil:
        if single:
            table.f32.batch_norm_sums(<float *>xp, <float *>mp, <float *>vp, <float *>dp,
                                      <float *>pp, <float *>ap, rows, cols, eps)
        else:
            table.f64.batch_norm_sums(<double *>xp, <double *>mp, <double *>vp, <double *>dp,
                                      <double *>pp, <double *>ap, rows, cols, eps)
    return plain, along


def batch_norm_grad(str where not None, x, mean, variance, gamma, sum_dy, sum_dy_xhat, dy,
                    batch_rows, double eps, out):
    cdef size_t rows = 0, cols = 0
    cdef cnp.ndarray x_ = _matrix(where, "x", x, &rows, &cols)
    cdef cnp.ndarray mean_ = _shaped(where, "mean", mean, x_.dtype, (cols,))
    cdef cnp.ndarray var_ = _shaped(where, "variance", variance, x_.dtype, (cols,))
    cdef cnp.ndarray gamma_ = _shaped(where, "gamma", gamma, x_.dtype, (cols,))
    cdef cnp.ndarray plain = _shaped(where, "sum_dy", sum_dy, x_.dtype, (cols,))
    cdef cnp.ndarray along = _shaped(where, "sum_dy_xhat", sum_dy_xhat, x_.dtype, (cols,))
    cdef cnp.ndarray dy_ = _shaped_like(where, "dy", dy, x_)
    _want(where, ("mean", "variance", "sum_dy", "sum_dy_xhat", "dy"),
          (mean_, var_, plain, along, dy_))
    cdef cnp.ndarray out_ = _writable_like(where, "out", out, x_)
    cdef size_t all_rows = rows if batch_rows is None else batch_rows
    x_, dy_ = _apart(out_, x_), _apart_unless_same(out_, dy_)
    mean_, var_, gamma_ = _apart(out_, mean_), _apart(out_, var_), _apart(out_, gamma_)
    plain, along = _apart(out_, plain), _apart(out_, along)
    cdef void *xp = _data(x_)
    cdef void *mp = _data(mean_)
    cdef void *vp = _data(var_)
    cdef void *gp = _data(gamma_)
    cdef void *pp = _data(plain)
    cdef void *ap = _data(along)
    cdef void *dp = _data(dy_)
    cdef void *op = _data(out_)
    cdef bint single = x_.dtype.itemsize == 4
    cdef const fnn_kernels_t *table = _kernels
    with nogil:
        if single:
            table.f32.batch_norm_grad(<float *>xp, <float *>mp, <float *>vp, <float *>gp,
                                      <float *>pp, <float *>ap, <float *>dp, <float *>op, rows,
                                      all_rows, cols, eps)
        else:
            table.f64.batch_norm_grad(<double *>xp, <double *>mp, <double *>vp, <double *>gp,
                                      <double *>pp, <double *>ap, <double *>dp, <double *>op,
                                      rows, all_rows, cols, eps)
    return out_


# ---- noise --------------------------------------------------------------------------------------

def noise(str where not None, int kind, x, double rate, seed, epoch, step, first, mask, out):
    """(out, mask); the mask of Gaussian noise is None."""
    cdef cnp.ndarray x_ = _real(where, "x", x), mask_ = None
    cdef cnp.ndarray out_ = _writable_like(where, "out", out, x_)
    cdef fnn_random_t stream = _stream(seed, "user", epoch, step)
    cdef uint64_t place = first
    if kind != FNN_GAUSSIAN_NOISE:
        mask_ = _writable(where, "mask", mask, x_.dtype, _shape(x_))
        _distinct(where, ("out", "mask"), (out_, mask_))
        x_ = _apart(mask_, x_)
    x_ = _apart_unless_same(out_, x_)
    cdef size_t n = x_.size
    cdef void *xp = _data(x_)
    cdef void *mp = _data(mask_)
    cdef void *op = _data(out_)
    cdef bint single = x_.dtype.itemsize == 4
    cdef const fnn_kernels_t *table = _kernels
    with nogil:
        if single:
            table.f32.noise(<fnn_noise_t>kind, &stream, place, <float *>xp, <float *>mp,
                            <float *>op, n, rate)
        else:
            table.f64.noise(<fnn_noise_t>kind, &stream, place, <double *>xp, <double *>mp,
                            <double *>op, n, rate)
    return out_, mask_


def noise_grad(str where not None, mask, dy, out):
    """A mask of None is that of Gaussian noise: dy itself."""
    cdef cnp.ndarray dy_ = _real(where, "dy", dy)
    cdef cnp.ndarray mask_ = _shaped_like(where, "mask", mask, dy_)
    cdef cnp.ndarray out_ = _writable(where, "out", out, dy_.dtype, _shape(dy_))
    dy_, mask_ = _apart_unless_same(out_, dy_), _apart(out_, mask_)
    cdef fnn_noise_t kind = FNN_GAUSSIAN_NOISE if mask_ is None else <fnn_noise_t>0
    cdef size_t n = dy_.size
    cdef void *mp = _data(mask_)
    cdef void *dp = _data(dy_)
    cdef void *op = _data(out_)
    cdef bint single = dy_.dtype.itemsize == 4
    cdef const fnn_kernels_t *table = _kernels
    with nogil:
        if single:
            table.f32.noise_grad(kind, <float *>mp, <float *>dp, <float *>op, n)
        else:
            table.f64.noise_grad(kind, <double *>mp, <double *>dp, <double *>op, n)
    return out_


# ---- units --------------------------------------------------------------------------------------

def prelu(str where not None, x, alpha, out):
    cdef size_t rows = 0, cols = 0
    cdef cnp.ndarray x_ = _matrix(where, "x", x, &rows, &cols)
    cdef cnp.ndarray alpha_ = _shaped(where, "alpha", alpha, x_.dtype, (cols,))
    _want(where, ("alpha",), (alpha_,))
    cdef cnp.ndarray out_ = _writable_like(where, "out", out, x_)
    x_, alpha_ = _apart_unless_same(out_, x_), _apart(out_, alpha_)
    cdef void *xp = _data(x_)
    cdef void *ap = _data(alpha_)
    cdef void *op = _data(out_)
    cdef bint single = x_.dtype.itemsize == 4
    cdef const fnn_kernels_t *table = _kernels
    with nogil:
        if single:
            table.f32.prelu(<float *>xp, <float *>ap, <float *>op, rows, cols)
        else:
            table.f64.prelu(<double *>xp, <double *>ap, <double *>op, rows, cols)
    return out_


def prelu_grad(str where not None, x, alpha, dy, out):
    cdef size_t rows = 0, cols = 0
    cdef cnp.ndarray x_ = _matrix(where, "x", x, &rows, &cols)
    cdef cnp.ndarray alpha_ = _shaped(where, "alpha", alpha, x_.dtype, (cols,))
    cdef cnp.ndarray dy_ = _shaped_like(where, "dy", dy, x_)
    _want(where, ("alpha", "dy"), (alpha_, dy_))
    cdef cnp.ndarray out_ = _writable_like(where, "out", out, x_)
    x_, dy_ = _apart(out_, x_), _apart_unless_same(out_, dy_)
    alpha_ = _apart(out_, alpha_)
    cdef void *xp = _data(x_)
    cdef void *ap = _data(alpha_)
    cdef void *dp = _data(dy_)
    cdef void *op = _data(out_)
    cdef bint single = x_.dtype.itemsize == 4
    cdef const fnn_kernels_t *table = _kernels
    with nogil:
        if single:
            table.f32.prelu_grad(<float *>xp, <float *>ap, <float *>dp, <float *>op, rows, cols)
        else:
            table.f64.prelu_grad(<double *>xp, <double *>ap, <double *>dp, <double *>op, rows,
                                 cols)
    return out_


def prelu_param_grad(str where not None, x, dy, bint add, out):
    cdef size_t rows = 0, cols = 0
    cdef cnp.ndarray x_ = _matrix(where, "x", x, &rows, &cols)
    cdef cnp.ndarray dy_ = _shaped_like(where, "dy", dy, x_)
    _want(where, ("dy",), (dy_,))
    if add and out is None:
        raise ValueError(f"{where}: accumulate adds to out, which is None")
    cdef cnp.ndarray out_ = _writable(where, "out", out, x_.dtype, (cols,))
    x_, dy_ = _apart(out_, x_), _apart(out_, dy_)
    cdef void *xp = _data(x_)
    cdef void *dp = _data(dy_)
    cdef void *op = _data(out_)
    cdef bint single = x_.dtype.itemsize == 4
    cdef const fnn_kernels_t *table = _kernels
    with nogil:
        if single:
            table.f32.prelu_param_grad(<float *>xp, <float *>dp, <float *>op, rows, cols, add)
        else:
            table.f64.prelu_param_grad(<double *>xp, <double *>dp, <double *>op, rows, cols, add)
    return out_


cdef size_t _split_columns(str where, size_t cols, size_t pieces) except? 0:
    if cols % pieces != 0:
        raise ValueError(f"{where}: z has {cols} columns, which {pieces} pieces do not divide")
    return cols // pieces


def maxout(str where not None, z, size_t pieces, out):
    cdef size_t rows = 0, cols = 0
    cdef cnp.ndarray z_ = _matrix(where, "z", z, &rows, &cols)
    cdef size_t units = _split_columns(where, cols, pieces)
    cdef cnp.ndarray out_ = _writable(where, "out", out, z_.dtype, (rows, units))
    z_ = _apart(out_, z_)
    cdef void *zp = _data(z_)
    cdef void *op = _data(out_)
    cdef bint single = z_.dtype.itemsize == 4
    cdef const fnn_kernels_t *table = _kernels
    with nogil:
        if single:
            table.f32.maxout(<float *>zp, <float *>op, rows, units, pieces)
        else:
            table.f64.maxout(<double *>zp, <double *>op, rows, units, pieces)
    return out_


def maxout_grad(str where not None, z, output, dy, size_t pieces, out):
    cdef size_t rows = 0, cols = 0
    cdef cnp.ndarray z_ = _matrix(where, "z", z, &rows, &cols)
    cdef size_t units = _split_columns(where, cols, pieces)
    cdef cnp.ndarray y_ = _shaped(where, "output", output, z_.dtype, (rows, units))
    cdef cnp.ndarray dy_ = _shaped(where, "dy", dy, z_.dtype, (rows, units))
    _want(where, ("output", "dy"), (y_, dy_))
    cdef cnp.ndarray out_ = _writable(where, "out", out, z_.dtype, _shape(z_))
    z_, y_, dy_ = _apart(out_, z_), _apart(out_, y_), _apart(out_, dy_)
    cdef void *zp = _data(z_)
    cdef void *yp = _data(y_)
    cdef void *dp = _data(dy_)
    cdef void *op = _data(out_)
    cdef bint single = z_.dtype.itemsize == 4
    cdef const fnn_kernels_t *table = _kernels
    with nogil:
        if single:
            table.f32.maxout_grad(<float *>zp, <float *>yp, <float *>dp, <float *>op, rows, units,
                                  pieces)
        else:
            table.f64.maxout_grad(<double *>zp, <double *>yp, <double *>dp, <double *>op, rows,
                                  units, pieces)
    return out_


def glu(str where not None, z, out):
    cdef size_t rows = 0, cols = 0
    cdef cnp.ndarray z_ = _matrix(where, "z", z, &rows, &cols)
    cdef size_t units = _split_columns(where, cols, 2)
    cdef cnp.ndarray out_ = _writable(where, "out", out, z_.dtype, (rows, units))
    z_ = _apart(out_, z_)
    cdef void *zp = _data(z_)
    cdef void *op = _data(out_)
    cdef bint single = z_.dtype.itemsize == 4
    cdef const fnn_kernels_t *table = _kernels
    with nogil:
        if single:
            table.f32.glu(<float *>zp, <float *>op, rows, units)
        else:
            table.f64.glu(<double *>zp, <double *>op, rows, units)
    return out_


def glu_grad(str where not None, z, dy, out):
    cdef size_t rows = 0, cols = 0
    cdef cnp.ndarray z_ = _matrix(where, "z", z, &rows, &cols)
    cdef size_t units = _split_columns(where, cols, 2)
    cdef cnp.ndarray dy_ = _shaped(where, "dy", dy, z_.dtype, (rows, units))
    _want(where, ("dy",), (dy_,))
    cdef cnp.ndarray out_ = _writable(where, "out", out, z_.dtype, _shape(z_))
    z_, dy_ = _apart(out_, z_), _apart(out_, dy_)
    cdef void *zp = _data(z_)
    cdef void *dp = _data(dy_)
    cdef void *op = _data(out_)
    cdef bint single = z_.dtype.itemsize == 4
    cdef const fnn_kernels_t *table = _kernels
    with nogil:
        if single:
            table.f32.glu_grad(<float *>zp, <float *>dp, <float *>op, rows, units)
        else:
            table.f64.glu_grad(<double *>zp, <double *>dp, <double *>op, rows, units)
    return out_


def bilinear_out(str where not None, t, x2, bias, out):
    cdef cnp.ndarray t_ = _real(where, "t", t)
    _check_rank(where, "t", t_, 3)
    cdef size_t rows = t_.shape[0], units = t_.shape[1], n2 = t_.shape[2]
    cdef cnp.ndarray x2_ = _shaped(where, "x2", x2, t_.dtype, (rows, n2))
    cdef cnp.ndarray bias_ = _shaped(where, "bias", bias, t_.dtype, (units,))
    _want(where, ("x2",), (x2_,))
    cdef cnp.ndarray out_ = _writable(where, "out", out, t_.dtype, (rows, units))
    t_, x2_, bias_ = _apart(out_, t_), _apart(out_, x2_), _apart(out_, bias_)
    cdef void *tp = _data(t_)
    cdef void *xp = _data(x2_)
    cdef void *bp = _data(bias_)
    cdef void *op = _data(out_)
    cdef bint single = t_.dtype.itemsize == 4
    cdef const fnn_kernels_t *table = _kernels
    with nogil:
        if single:
            table.f32.bilinear_out(<float *>tp, <float *>xp, <float *>bp, <float *>op, rows,
                                   units, n2)
        else:
            table.f64.bilinear_out(<double *>tp, <double *>xp, <double *>bp, <double *>op, rows,
                                   units, n2)
    return out_


def bilinear_grad(str where not None, dy, t, x2):
    """(dt, dx2), new arrays"""
    cdef cnp.ndarray t_ = _real(where, "t", t).copy()
    _check_rank(where, "t", t_, 3)
    cdef size_t rows = t_.shape[0], units = t_.shape[1], n2 = t_.shape[2]
    cdef cnp.ndarray x2_ = _shaped(where, "x2", x2, t_.dtype, (rows, n2))
    cdef cnp.ndarray dy_ = _shaped(where, "dy", dy, t_.dtype, (rows, units))
    _want(where, ("x2", "dy"), (x2_, dy_))
    cdef cnp.ndarray dx2 = np.empty((rows, n2), t_.dtype)
    cdef void *dp = _data(dy_)
    cdef void *tp = _data(t_)
    cdef void *xp = _data(x2_)
    cdef void *op = _data(dx2)
    cdef bint single = t_.dtype.itemsize == 4
    cdef const fnn_kernels_t *table = _kernels
    with nogil:
        if single:
            table.f32.bilinear_grad(<float *>dp, <float *>tp, <float *>xp, <float *>op, rows,
                                    units, n2)
        else:
            table.f64.bilinear_grad(<double *>dp, <double *>tp, <double *>xp, <double *>op, rows,
                                    units, n2)
    return t_, dx2


def activity(str where not None, x, double l1, double l2, dx, double scale):
    """The penalty; `dx`, if there is one, gets its gradient added."""
    cdef cnp.ndarray x_ = _real(where, "x", x), dx_ = None
    if dx is not None:
        dx_ = _writable(where, "dx", dx, x_.dtype, _shape(x_))
        x_ = _apart(dx_, x_)
    cdef size_t n = x_.size
    cdef double total
    cdef void *xp = _data(x_)
    cdef void *dp = _data(dx_)
    cdef bint single = x_.dtype.itemsize == 4
    cdef const fnn_kernels_t *table = _kernels
    with nogil:
        if single:
            total = table.f32.activity(<float *>xp, <float *>dp, n, l1, l2, scale)
        else:
            total = table.f64.activity(<double *>xp, <double *>dp, n, l1, l2, scale)
    return total


# ---- lookup -------------------------------------------------------------------------------------

cdef cnp.ndarray _indices(str where, object index, cnp.dtype dtype, size_t vocabulary):
    """Indices as reals of `dtype`, all of them checked; one column or several."""
    cdef cnp.ndarray given = np.asarray(index)
    if (<object>given).dtype.kind not in "iuf":
        raise TypeError(f"{where}: index must hold whole numbers, got {given.dtype}")
    if given.ndim not in (1, 2):
        raise ValueError(f"{where}: index must be 1-D or 2-D, got shape {_shape(given)}")
    _refuse_mask(where, "index", index)
    if vocabulary > <size_t>1 << (24 if dtype.itemsize == 4 else 53):
        raise ValueError(f"{where}: a table of {vocabulary} rows is more than {dtype} can number")
    cdef cnp.ndarray plain, out
    cdef size_t n = cnp.PyArray_SIZE(given), bad
    if (<object>given).dtype.kind == "f":
        plain = np.ascontiguousarray(given, np.float64)
        bad = _kernels.f64.embedding_check(<const double *>_data(plain), 1, n, vocabulary)
        out = np.ascontiguousarray(plain, dtype)
    else:  # what is beyond the largest int64 becomes negative, and is refused too
        plain = np.ascontiguousarray(given, np.int64)
        out = np.empty(_shape(given), dtype)
        if dtype.itemsize == 4:
            bad = _kernels.f32.embedding_index(<const int64_t *>_data(plain), <float *>_data(out),
                                               n, vocabulary)
        else:
            bad = _kernels.f64.embedding_index(<const int64_t *>_data(plain), <double *>_data(out),
                                               n, vocabulary)
    if bad < n:
        place = np.unravel_index(bad, _shape(given)) if given.ndim == 2 else (bad,)
        spot = ", ".join([str(int(k)) for k in place])
        raise ValueError(f"{where}: index[{spot}] is {given[place]}, want a whole number from 0 to "
                         f"{<Py_ssize_t>vocabulary - 1}")
    return out


def embedding(str where not None, index, table, out):
    cdef size_t vocabulary = 0, dim = 0
    cdef cnp.ndarray table_ = _matrix(where, "table", table, &vocabulary, &dim)
    cdef cnp.ndarray index_ = _indices(where, index, table_.dtype, vocabulary)
    cdef size_t rows = index_.shape[0], each = 1 if index_.ndim == 1 else index_.shape[1], c
    cdef cnp.ndarray out_ = _writable(where, "out", out, table_.dtype, _shape(index_) + (dim,))
    table_ = _apart(out_, table_)
    cdef char *ip = <char *>_data(index_)
    cdef char *tp = <char *>_data(table_)
    cdef char *op = <char *>_data(out_)
    cdef size_t size = table_.dtype.itemsize
    cdef const fnn_kernels_t *kernels = _kernels
    with nogil:
        for c in range(each):
            if size == 4:
                kernels.f32.embedding(<float *>(ip + c * size), each, <float *>tp,
                                      <float *>(op + c * dim * size), each * dim, rows, dim)
            else:
                kernels.f64.embedding(<double *>(ip + c * size), each, <double *>tp,
                                      <double *>(op + c * dim * size), each * dim, rows, dim)
    return out_


def embedding_grad(str where not None, index, dy, dtable):
    """`dtable` gets the gradient added."""
    if not isinstance(dtable, np.ndarray) or dtable.ndim != 2:
        raise TypeError(f"{where}: dtable must be a 2-D array, got {type(dtable).__name__}")
    cdef cnp.ndarray dy_ = _real(where, "dy", dy)
    cdef cnp.ndarray out_ = _writable(where, "dtable", dtable, dy_.dtype, dtable.shape)
    cdef size_t vocabulary = out_.shape[0], dim = out_.shape[1]
    cdef cnp.ndarray index_ = _indices(where, index, dy_.dtype, vocabulary)
    cdef size_t rows = index_.shape[0], each = 1 if index_.ndim == 1 else index_.shape[1], c
    if _shape(dy_) != _shape(index_) + (dim,):
        raise ValueError(
            f"{where}: dy has shape {_shape(dy_)}, want {_shape(index_) + (dim,)}")
    dy_ = _apart(out_, dy_)
    cdef char *ip = <char *>_data(index_)
    cdef char *dp = <char *>_data(dy_)
    cdef char *op = <char *>_data(out_)
    cdef size_t size = dy_.dtype.itemsize
    cdef const fnn_kernels_t *kernels = _kernels
    with nogil:
        for c in range(each):
            if size == 4:
                kernels.f32.embedding_grad(<float *>(ip + c * size), each,
                                           <float *>(dp + c * dim * size), each * dim,
                                           <float *>op, rows, dim)
            else:
                kernels.f64.embedding_grad(<double *>(ip + c * size), each,
                                           <double *>(dp + c * dim * size), each * dim,
                                           <double *>op, rows, dim)
    return out_


# ---- sparse -------------------------------------------------------------------------------------

cdef class _Csr:
    """A scipy CSR matrix as C reads it, and the arrays that keep it alive."""
    cdef fnn_csr_t c
    cdef cnp.ndarray indptr, indices, values, order
    cdef size_t rows  # of the block


cdef _Csr _csr(str where, object x, cnp.dtype dtype, size_t k, object order):
    """Checked: a matrix (n, k) of `dtype`, and which of its rows."""
    if getattr(x, "format", None) != "csr":
        raise TypeError(f"{where}: x must be a scipy.sparse CSR matrix or array, got "
                        f"{type(x).__name__}")
    cdef size_t n = x.shape[0]
    if x.shape[1] != k:
        raise ValueError(f"{where}: x has {x.shape[1]} columns, want the kernel's {k} rows")
    cdef _Csr out = _Csr()
    cdef cnp.dtype numbers = np.dtype(np.int64)
    if x.indptr.dtype == np.int32 and x.indices.dtype == np.int32:
        numbers = np.dtype(np.int32)
    out.indptr = np.ascontiguousarray(x.indptr, numbers)
    out.indices = np.ascontiguousarray(x.indices, numbers)
    out.values = _real(where, "x.data", x.data, dtype)
    cdef size_t entries = min(len(out.indices), len(out.values)), bad
    if len(out.indptr) != n + 1:
        raise ValueError(f"{where}: x.indptr has {len(out.indptr)} elements, want {n + 1}")
    out.c.indptr = _data(out.indptr)
    out.c.indices = _data(out.indices)
    out.c.wide = numbers.itemsize == 8
    out.c.values = _data(out.values)
    out.c.order = NULL
    out.c.first = 0
    out.rows = n
    with nogil:
        bad = fnn_csr_bad_row(out.c.indptr, out.c.indices, out.c.wide, n, entries, k)
    if bad < n:
        raise ValueError(f"{where}: row {bad} of x has entries or columns out of bounds")
    if order is not None:
        given = np.asarray(order)
        if given.dtype.kind not in "iu" or given.ndim != 1:
            raise TypeError(f"{where}: rows must be a vector of integers, got {given.dtype} of "
                            f"shape {given.shape}")
        if given.size and not (0 <= given.min() and given.max() < n):
            raise ValueError(f"{where}: rows reach from {given.min()} to {given.max()}, "
                             f"x has {n}")
        out.order = np.ascontiguousarray(given, np.uint64)
        out.c.order = <const uint64_t *>_data(out.order)
        out.rows = out.order.shape[0]
    return out


def csr_dense(str where not None, x, kernel, bias, rows, out):
    cdef size_t k = 0, cols = 0, n
    cdef cnp.ndarray kernel_ = _matrix(where, "kernel", kernel, &k, &cols)
    cdef cnp.ndarray bias_ = _shaped(where, "bias", bias, kernel_.dtype, (cols,))
    cdef _Csr x_ = _csr(where, x, kernel_.dtype, k, rows)
    n = x_.rows
    cdef cnp.ndarray out_ = _writable(where, "out", out, kernel_.dtype, (n, cols))
    kernel_, bias_ = _apart(out_, kernel_), _apart(out_, bias_)
    if _overlap(out_, x_.values):
        x_.values = x_.values.copy()
        x_.c.values = _data(x_.values)
    cdef void *kp = _data(kernel_)
    cdef void *bp = _data(bias_)
    cdef void *op = _data(out_)
    cdef bint single = kernel_.dtype.itemsize == 4
    cdef const fnn_kernels_t *table = _kernels
    with nogil:
        if single:
            table.f32.csr_dense(&x_.c, <float *>kp, <float *>bp, <float *>op, n, cols)
        else:
            table.f64.csr_dense(&x_.c, <double *>kp, <double *>bp, <double *>op, n, cols)
    return out_


def csr_dense_grad(str where not None, x, dy, rows, bint add, out):
    cdef size_t n = 0, cols = 0
    cdef cnp.ndarray dy_ = _matrix(where, "dy", dy, &n, &cols)
    if getattr(x, "format", None) != "csr":
        raise TypeError(f"{where}: x must be a scipy.sparse CSR matrix or array, got "
                        f"{type(x).__name__}")
    cdef size_t k = x.shape[1]
    cdef _Csr x_ = _csr(where, x, dy_.dtype, k, rows)
    if x_.rows != n:
        raise ValueError(f"{where}: dy has {n} rows, want {x_.rows}")
    if add and out is None:
        raise ValueError(f"{where}: accumulate adds to out, which is None")
    cdef cnp.ndarray out_ = _writable(where, "out", out, dy_.dtype, (k, cols))
    dy_ = _apart(out_, dy_)
    if _overlap(out_, x_.values):
        x_.values = x_.values.copy()
        x_.c.values = _data(x_.values)
    cdef void *dp = _data(dy_)
    cdef void *op = _data(out_)
    cdef bint single = dy_.dtype.itemsize == 4
    cdef const fnn_kernels_t *table = _kernels
    if not add:
        memset(op, 0, out_.nbytes)
    with nogil:
        if single:
            table.f32.csr_dense_grad(&x_.c, <float *>dp, <float *>op, n, cols)
        else:
            table.f64.csr_dense_grad(&x_.c, <double *>dp, <double *>op, n, cols)
    return out_


# ---- moments ------------------------------------------------------------------------------------

@cython.final
cdef class ColumnMoments:
    """Mean and variance of the columns of rows that come in any number of pieces, in one pass.

    Rows may have any real dtype and any strides; all arithmetic is in double.
    """
    cdef readonly size_t cols
    cdef cnp.ndarray state, work

    def __init__(self, size_t cols):
        if not 0 < cols < 1 << 40:
            raise ValueError(f"ColumnMoments: cols must be at least 1, got {cols}")
        self.cols = cols
        self.state = np.zeros((cols, 4))  # weight, origin, mean, spread
        self.work = np.empty(fnn_moments_work_size(cols))

    def update(self, cnp.ndarray x not None, weight=None, bint skip_nan=False):
        """Add the rows of `x` (rows, cols); `weight` (rows,) is what each counts for.

        Inf is refused, and NaN unless `skip_nan`, which leaves it out of its column's moments.  A
        refusal is a ValueError that names the row; the state is then as before.
        """
        cdef str where = "ColumnMoments.update"
        cdef cnp.ndarray weight_ = None, state
        cdef fnn_source_t source
        cdef size_t rows, bad
        _refuse_mask(where, "x", x)
        if x.ndim not in (1, 2) or <size_t>(1 if x.ndim == 1 else x.shape[1]) != self.cols:
            raise ValueError(f"{where}: x has shape {_shape(x)}, want (rows, {self.cols})")
        rows = x.shape[0]
        if not cnp.PyArray_ISNOTSWAPPED(x):
            x = x.astype((<object>x).dtype.newbyteorder("="))
        _set_source(&source, x)
        if weight is not None:
            weight_ = np.ascontiguousarray(weight, np.float64)
            if _shape(weight_) != (rows,):
                raise ValueError(f"{where}: weight has shape {_shape(weight_)}, want {(rows,)}")
            if rows and not (weight_.min() >= 0 and weight_.max() < np.inf):
                raise ValueError(f"{where}: weight must be finite and not negative, got "
                                 f"{weight_.min()} to {weight_.max()}")
        state = self.state.copy()  # kept as it is until all rows have passed
        bad = fnn_moments_update(<fnn_moments_t *>_data(state), &source, <double *>_data(weight_),
                                 rows, skip_nan, <double *>_data(self.work))
        if bad != FNN_ALL_FINITE:
            raise ValueError(f"{where}: row {bad} of x holds {'Inf' if skip_nan else 'NaN or Inf'}")
        self.state = state

    def merge(self, ColumnMoments other not None):
        """Add what `other` has seen."""
        if other.cols != self.cols:
            raise ValueError(
                f"ColumnMoments.merge: got {other.cols} columns, want {self.cols}")
        ours, theirs = self.state, other.state
        total = ours[:, 0] + theirs[:, 0]
        share = np.divide(theirs[:, 0], total, out=np.zeros(self.cols), where=total > 0)
        origin = np.where(ours[:, 0] > 0, ours[:, 1], theirs[:, 1])
        shift = (theirs[:, 1] - origin) + (theirs[:, 2] - ours[:, 2])
        spread = ours[:, 3] + theirs[:, 3] + shift**2 * share * ours[:, 0]
        self.state = np.stack([total, origin, ours[:, 2] + shift * share, spread], axis=1)

    def count(self):
        """Weight of the values seen in each column (cols,): their number without weights."""
        return self.state[:, 0].copy()

    def mean(self):
        """Mean of each column (cols,); NaN where nothing has been seen."""
        return np.where(self.state[:, 0] > 0, self.state[:, 1] + self.state[:, 2], np.nan)

    def variance(self):
        """Variance of each column (cols,), divided by the weight; NaN where nothing was seen."""
        return np.divide(self.state[:, 3], self.state[:, 0], out=np.full(self.cols, np.nan),
                         where=self.state[:, 0] > 0)
