# What a plan is made from: ops and widths as Python tells them, and a person's own functions.

from threading import get_ident

cdef enum:
    _MOST_INPUTS = 64  # of a network


_within = {}  # by thread: what the own functions that it is calling belong to


cdef int enter_own(owner) except -1:
    """Note that this thread calls a person's function, for a network or its `Functions`."""
    _within.setdefault(get_ident(), []).append(owner)
    return 0


cdef int leave_own() except -1:
    cdef list owners = _within[get_ident()]
    owners.pop()
    if not owners:
        del _within[get_ident()]
    return 0


cdef bint is_within_own(network, Functions functions):
    """Whether this thread is in a function of the network."""
    owners = _within.get(get_ident())
    if owners is None:
        return False
    return any(one is not None and (one is network or one is functions) for one in owners)


cdef void _call_function(void *data, const void *x, const void *out, const void *dy, void *to,
                         size_t rows) noexcept with gil:
    """A layer of a person's own, forward (dy is NULL) or backward."""
    cdef FunctionCall call = <FunctionCall>data
    cdef cnp.npy_intp n = <cnp.npy_intp>rows
    cdef Py_ssize_t cols = call.fan_in if dy != NULL else call.units
    if fnn_function_failed()[0]:  # an earlier one: what comes in means nothing
        memset(to, 0, <size_t>n * <size_t>cols * <size_t>call.real.itemsize)
        return
    try:
        enter_own(call.owner)
        try:
            if dy == NULL:
                given = call.forward(call.view(x, n, call.fan_in))
            else:
                given = call.backward(call.view(x, n, call.fan_in), call.view(out, n, call.units),
                                      call.view(dy, n, call.units))
        finally:
            leave_own()
        what = "function" if dy == NULL else "gradient"
        result = np.asarray(given)
        if result.dtype.kind not in "fiub":
            raise TypeError(f"{call.name}: {what} must return real numbers, "
                            f"got {type(given).__name__} of dtype {result.dtype}")
        if _shape(result) != (n, cols):
            raise ValueError(f"{call.name}: {what} must return shape {(n, cols)}, "
                             f"got {_shape(result)}")
        call.write(to, result, n, cols)
    except BaseException as error:
        call.owner.errors[get_ident()] = error
        fnn_function_failed()[0] = True
        memset(to, 0, <size_t>n * <size_t>cols * <size_t>call.real.itemsize)


cdef class Functions:
    """The own functions of one network, and whether one of them has failed."""
    cdef dict errors  # by thread
    cdef readonly list calls

    def __cinit__(self):
        self.calls = []
        self.errors = {}

    def add(self, str name, forward, backward, fan_in, units, dtype):
        """One more; returns its number."""
        self.calls.append(FunctionCall(self, name, forward, backward, fan_in, units, dtype))
        return len(self.calls) - 1

    cdef int check(self) except -1:
        """Raise what a function has raised in this thread."""
        if fnn_function_failed()[0]:
            fnn_function_failed()[0] = False
            raise self.errors.pop(get_ident())
        return 0

    def __reduce__(self):
        return _load_functions, ([call.recipe() for call in self.calls],)


@cython.final
cdef class FunctionCall:
    cdef Functions owner
    cdef readonly str name
    cdef object forward, backward
    cdef Py_ssize_t fan_in, units
    cdef cnp.dtype real

    def __init__(self, Functions owner not None, str name, forward, backward, fan_in, units, dtype):
        self.owner = owner
        self.name = name
        self.forward = forward
        self.backward = backward
        self.fan_in = fan_in
        self.units = units
        self.real = np.dtype(dtype)

    def recipe(self):
        return self.name, self.forward, self.backward, self.fan_in, self.units, self.real.name

    cdef object view(self, const void *data, cnp.npy_intp rows, cnp.npy_intp cols):
        """The rows as an array that cannot be written; it must not be kept."""
        cdef cnp.npy_intp shape[2]
        shape[0] = rows
        shape[1] = cols
        array = cnp.PyArray_SimpleNewFromData(2, shape, self.real.num, <void *>data)
        array.flags.writeable = False
        return array

    cdef int write(self, void *to, object result, cnp.npy_intp rows, cnp.npy_intp cols) except -1:
        cdef cnp.npy_intp shape[2]
        shape[0] = rows
        shape[1] = cols
        cnp.PyArray_SimpleNewFromData(2, shape, self.real.num, to)[...] = result
        return 0


def _load_functions(recipes):
    functions = Functions()
    for recipe in recipes:
        functions.add(*recipe)
    return functions


@cython.final
cdef class PlanSpec:
    """A network's plan as C takes it.

    `cols`: width of each tensor, inputs first.  `outputs`: tensors.  `ops`: tuples (kind,
    activation, alpha, beta, variant, inputs, kernel, bias, state, number, size); op i writes
    tensor ``n_inputs + i``, offsets are -1 for none.  `functions`: a `Functions` or None.
    """
    cdef fnn_plan_spec_t spec
    cdef readonly tuple recipe
    cdef readonly Functions functions
    cdef cnp.ndarray widths, ends, sources
    cdef fnn_op_t *ops

    def __cinit__(self):
        self.ops = NULL

    def __dealloc__(self):
        fnn_free(self.ops)

    def __init__(self, recipe):
        cdef fnn_op_t *op
        cdef size_t k = 0
        dtype, cols, n_inputs, outputs, ops, n_params, functions = recipe
        self.recipe = recipe
        self.functions = functions
        self.widths = np.array(cols, dtype=np.uintp)
        self.ends = np.array(outputs, dtype=np.uintp)
        self.sources = np.array([one for item in ops for one in item[5]], dtype=np.uintp)
        self.ops = <fnn_op_t *>fnn_alloc(len(ops) * sizeof(fnn_op_t))
        if self.ops == NULL:
            raise MemoryError("fastnn: no memory for the plan")
        op = self.ops
        for i, (kind, activation, alpha, beta, variant, inputs, kernel, bias, state, number,
                size) in enumerate(ops):
            op.kind = <fnn_op_kind_t><int>kind
            op.activation = <fnn_activation_t><int>activation
            op.alpha = alpha
            op.beta = beta
            op.variant = variant
            op.in_ = inputs[0]
            op.out = n_inputs + i
            op.n_in = len(inputs)
            op.ins = k
            op.kernel = FNN_NONE if kernel < 0 else kernel
            op.bias = FNN_NONE if bias < 0 else bias
            op.state[0] = FNN_NONE if state[0] < 0 else state[0]
            op.state[1] = FNN_NONE if state[1] < 0 else state[1]
            op.number = number
            op.size = size
            if kind == FNN_OP_FUNCTION:
                op.function = _call_function
                op.data = <void *>self.functions.calls[number]
            k += op.n_in
            op += 1
        self.spec.dtype = _dtype_code(np.dtype(dtype))
        self.spec.n_tensors = self.widths.size
        self.spec.cols = <const size_t *>cnp.PyArray_DATA(self.widths)
        self.spec.n_inputs = n_inputs
        self.spec.n_outputs = self.ends.size
        self.spec.outputs = <const size_t *>cnp.PyArray_DATA(self.ends)
        self.spec.n_ops = len(ops)
        self.spec.ops = self.ops
        self.spec.n_ins = k
        self.spec.ins = <const size_t *>cnp.PyArray_DATA(self.sources)
        self.spec.n_params = n_params
