# What losses take besides arrays: numbers, and a person's own function.


cdef int _fill_loss_set(fnn_loss_set_t *set, settings) except -1:
    """The C settings from those of a spec: numbers by name."""
    cdef size_t i
    memset(set, 0, sizeof(fnn_loss_set_t) - sizeof(set.quantiles))  # which come last
    set.n_quantiles = 1
    for name, value in settings.items():
        if name == "delta":
            set.delta = value
        elif name == "epsilon":
            set.epsilon = value
        elif name == "power":
            set.power = value
        elif name == "gamma":
            set.gamma = value
        elif name == "alpha":
            set.alpha = value
        elif name == "margin":
            set.margin = value
        elif name == "smoothing":
            set.smoothing = value
        elif name == "log_input":
            set.log_input = value
        elif name == "balance":
            set.balance = value
        elif name == "full":
            set.full = value
        elif name == "variance":
            set.variance = {"exp": FNN_VARIANCE_EXP, "softplus": FNN_VARIANCE_SOFTPLUS,
                            "linear": FNN_VARIANCE_LINEAR}[value]
        elif name == "quantiles":
            if not 1 <= len(value) <= FNN_MOST_QUANTILES:
                raise ValueError(f"fastnn: want 1 to {FNN_MOST_QUANTILES} quantiles, "
                                 f"got {len(value)}")
            set.n_quantiles = len(value)
            for i in range(set.n_quantiles):
                set.quantiles[i] = value[i]
        elif name == "target_columns":
            set.own.target_cols = value
        elif name not in ("function", "name"):  # _OwnLoss reads these
            raise ValueError(f"fastnn: unknown setting {name!r} of a loss")
    return 0


cdef int _check_outputs(str where, int kind, size_t cols, const fnn_loss_set_t *set) except -1:
    if not fnn_loss_takes(<fnn_loss_t>kind, cols, set):
        want = "2 columns a target"
        if set.n_quantiles > 1:
            want = f"{set.n_quantiles} columns a target"
        raise ValueError(f"{where}: got {cols} output columns; want {want}")
    return 0


cdef object _capsule_of(function):
    """The capsule in a `scipy.LowLevelCallable`, which is a tuple, a bare capsule, or None."""
    if isinstance(function, tuple):
        # LowLevelCallable forbids [0]
        function = next(tuple.__iter__(function), None)
    return function if PyCapsule_CheckExact(function) else None


_SIZES = {"size_t", "ssize_t", "Py_ssize_t", "ulong", "long", "unsignedlong", "unsignedlongint",
          "longint", "unsignedlonglong", "longlong", "uint64_t", "int64_t", "uintptr_t", "intptr_t"}


def own_loss_type(str where not None, function):
    """What a person's loss is: "python", or the type of a C function, "float32" or "float64"."""
    capsule = _capsule_of(function)
    if capsule is None:
        if callable(function):
            return "python"
        raise TypeError(f"{where}: function must be a Python function, a scipy.LowLevelCallable or "
                        f"a PyCapsule, got {type(function).__name__}")
    cdef const char *name = PyCapsule_GetName(capsule)
    signature = name.decode() if name != NULL else ""
    plain = "".join(signature.replace("const", "").split())
    result, _, arguments = plain.partition("(")
    kinds = arguments.rstrip(")").split(",")
    for dtype, word in (("float64", "double*"), ("float32", "float*")):
        if (result == "void" and kinds[:4] == [word] * 4 and len(kinds) == 7
                and kinds[4] in _SIZES and kinds[5] in _SIZES and kinds[6] == "void*"):
            return dtype
    raise TypeError(
        f"{where}: function has the C signature {signature!r}; want "
        f"'void (double *, double *, double *, double *, size_t, size_t, void *)', or float for "
        f"double: y_pred, y_true, value, gradient, rows, columns, user_data")


cdef void _call_own_f32(const float *y_pred, const float *y_true, float *value, float *gradient,
                        size_t rows, size_t cols, void *own) noexcept with gil:
    (<_OwnLoss>own).call(y_pred, y_true, value, gradient, rows)


cdef void _call_own_f64(const double *y_pred, const double *y_true, double *value,
                        double *gradient, size_t rows, size_t cols, void *own) noexcept with gil:
    (<_OwnLoss>own).call(y_pred, y_true, value, gradient, rows)


@cython.final
cdef class _OwnLoss:
    """A person's loss as one run calls it, from any thread of the run."""
    cdef object function
    cdef str name
    cdef cnp.dtype dtype
    cdef size_t cols, target_cols
    cdef str kind
    cdef object network  # that the run is of, if any
    cdef object error  # what the function raised
    cdef c_bool failed

    def __init__(self, settings, size_t cols, cnp.dtype dtype):
        self.function = settings["function"]
        self.name = settings["name"]
        self.dtype = dtype
        self.cols = cols
        self.target_cols = settings.get("target_columns", 0) or cols
        self.error = None
        self.failed = False
        self.kind = own_loss_type(self.name, self.function)
        if self.kind not in ("python", dtype.name):
            have, want = {"float32": ("float", "double"), "float64": ("double", "float")}[self.kind]
            raise TypeError(
                f"{self.name}: the loss is a C function of {have}, but the network computes in "
                f"{dtype.name}: want a function of {want}, or a network of dtype={self.kind!r}")

    cdef int fill(self, fnn_own_loss_t *own) except -1:
        """Point C at the function; the run keeps this object alive."""
        own.failed = &self.failed
        if self.kind == "python":
            own.f32 = &_call_own_f32
            own.f64 = &_call_own_f64
            own.user_data = <void *>self
            return 0
        capsule = _capsule_of(self.function)
        cdef void *address = PyCapsule_GetPointer(capsule, PyCapsule_GetName(capsule))
        own.f32 = <fnn_own_loss_f32_fn *>address
        own.f64 = <fnn_own_loss_f64_fn *>address
        own.user_data = PyCapsule_GetContext(capsule)
        return 0

    cdef void call(self, const void *y_pred, const void *y_true, void *value, void *gradient,
                   size_t rows) noexcept:
        """The Python function on some rows; what it raises is kept, and the step dropped."""
        cdef cnp.ndarray predicted, targets, values, slopes
        if self.failed:
            return
        keep_subnormals()
        try:
            # copies: the function may keep them
            predicted = np.empty((rows, self.cols), self.dtype)
            targets = np.empty((rows, self.target_cols), self.dtype)
            memcpy(cnp.PyArray_DATA(predicted), y_pred, predicted.nbytes)
            memcpy(cnp.PyArray_DATA(targets), y_true, targets.nbytes)
            enter_own(self.network)
            try:
                result = self.function(targets, predicted)
            finally:
                leave_own()
            if not isinstance(result, (tuple, list)) or len(result) != 2:
                got = type(result).__name__
                if isinstance(result, (tuple, list)):
                    got += f" of {len(result)}"
                raise TypeError(f"{self.name}: the loss must return the values and the gradient "
                                f"as a tuple of 2, got a {got}")
            values = self.checked("values", result[0], (rows,))
            slopes = self.checked("gradient", result[1], (rows, self.cols))
            wrong = np.isfinite(values) & ~np.isfinite(slopes).all(axis=1)
            if wrong.any():
                row = int(wrong.argmax())
                raise FloatingPointError(
                    f"{self.name}: the gradient that the loss returned is not finite: "
                    f"{slopes[row]}, for y_true {targets[row]} and y_pred {predicted[row]}")
            memcpy(value, cnp.PyArray_DATA(values), values.nbytes)
            memcpy(gradient, cnp.PyArray_DATA(slopes), slopes.nbytes)
        except BaseException as error:
            self.error = error
            self.failed = True
        flush_subnormals()

    cdef cnp.ndarray checked(self, str what, result, tuple shape):
        """What the function returned, in the network's type."""
        cdef cnp.ndarray array = np.asarray(result)
        if array.dtype.kind not in "fiub":
            raise TypeError(f"{self.name}: the loss must return {what} of real numbers, "
                            f"got an array of {array.dtype}")
        if _shape(array) != shape:
            hint = "; one value a row, no mean or sum over rows" if what == "values" else ""
            raise ValueError(f"{self.name}: the loss returned {what} of shape {_shape(array)}; "
                             f"want {shape}{hint}")
        return np.ascontiguousarray(array, self.dtype)

    cdef int raise_error(self) except -1:
        """Raise what the function raised during the last call into C."""
        if not self.failed:
            return 0
        error, self.error = self.error, None
        self.failed = False
        raise error
