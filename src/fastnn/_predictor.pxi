# A network frozen for serving: few rows at the least cost, from any thread.

cdef size_t _HELD_WORK = 1 << 16      # rows times parameters up to which the GIL is kept ...
cdef size_t _UNPOLLED_WORK = 1 << 28  # ... and a thread's until Ctrl-C is looked for: some 10 ms

cdef const char *_SIGNATURE_F32 = "int (const float *, float *, int, void *)"
cdef const char *_SIGNATURE_F64 = "int (const double *, double *, int, void *)"


cdef void _free_capsule(object capsule) noexcept:
    fnn_predictor_free(<fnn_predictor_t *>PyCapsule_GetContext(capsule))


def _load_predictor(recipe, parameters, check_finite):
    """A predictor from its pickle."""
    if parameters is None:  # a model of several inputs or outputs
        return Predictor(recipe, check_finite=check_finite)
    return Predictor((recipe, parameters), check_finite=check_finite)


@cython.final
cdef class Predictor:
    """A model frozen for serving: one row, or a few, at the least cost.

    ``model.predictor()`` makes one.  It keeps the parameters of that moment and never changes;
    threads share it without locks, and it goes through `pickle` and `fork`.

    Parameters
    ----------
    model : Model
        What it does is copied; the model may be trained further, or let go.
    check_finite : bool
        Refuse NaN and Inf in the rows; if False they go through to the result.

    Attributes
    ----------
    inputs, outputs : int, or tuple of int
        Columns of a row that comes in, and of one that goes out; a tuple each for a model with
        several inputs or outputs, in the order of its `input_names` and `output_names`.
    dtype : str
        "float32" or "float64".
    check_finite : bool
    capsule : PyCapsule
        The C function and its data, as ``scipy.LowLevelCallable`` takes them.  Only for one input
        and one output: a TypeError for several, as of the next two.
    address, user_data : int
        The same two as numbers, for ctypes and Numba; valid as long as the predictor lives.
    abi_version : int
        Of the C function's interface; docs/predictor.md describes it.

    Examples
    --------
    >>> import numpy as np
    >>> import fastnn as fnn
    >>> model = fnn.Sequential([fnn.Input(2), fnn.Dense(1, kernel_initializer="ones")])
    >>> predictor = model.predictor()
    >>> predictor
    Predictor(inputs=2, outputs=1, dtype='float32')
    >>> predictor([1.0, 2.0])
    array([3.], dtype=float32)
    >>> predictor(np.array([[1.0, 2.0], [3.0, 4.0]], np.float32))
    array([[3.],
           [7.]], dtype=float32)

    Several inputs and outputs come and go as those of ``model.predict``:

    >>> a, b = fnn.Input(2), fnn.Input(2)
    >>> total = fnn.Add()([a, b])
    >>> predictor = fnn.Model({"a": a, "b": b}, [total, fnn.Subtract()([a, b])]).predictor()
    >>> predictor({"a": [5.0, 6.0], "b": [1.0, 2.0]})
    [array([6., 8.], dtype=float32), array([4., 4.], dtype=float32)]
    """
    cdef fnn_predictor_t *handle  # NULL for several inputs or outputs
    cdef Network frozen           # which go through a copy of the model that nobody else has
    cdef tuple names              # of its inputs
    cdef object form              # of its outputs: None for one, a tuple of names, or "list"
    cdef size_t held_rows, unpolled_rows, row_work  # see _HELD_WORK
    cdef cnp.npy_intp n_in, n_out
    cdef int typenum
    cdef cnp.dtype real
    cdef PlanSpec made_from
    cdef size_t n_params
    cdef readonly bint check_finite
    cdef object __weakref__

    abi_version = FNN_PREDICTOR_ABI

    def __cinit__(self, model, *, bint check_finite=True):
        cdef const fnn_kernels_t *kernels = _kernels
        cdef cnp.ndarray parameters
        cdef fnn_status_t status
        self.check_finite = check_finite
        if isinstance(model, Network) and (len(model.input_cols) > 1 or len(model.output_cols) > 1):
            self.frozen = model.copy()
            self.real = self.frozen.parameter_arena.dtype
            self.typenum = cnp.NPY_VOID  # what no array of numbers is: `can_read` reads none
            self.names, self.form = self.frozen.input_names, self.frozen._output_form
            return
        if isinstance(model, Network):
            parameters = model.snapshot()
            self.made_from = (<Network>model).made_from
            kernels = fnn_plan_kernels((<Network>model).plan)
        elif isinstance(model, tuple):
            recipe, parameters = model
            self.made_from = PlanSpec(recipe)
        else:
            raise TypeError(f"Predictor: model must be a Model, got {type(model).__name__}")
        name, cols, n_inputs, outputs, _, _, _ = self.made_from.recipe
        if len(outputs) == 1 and not 0 <= outputs[0] < len(cols):
            raise ValueError("Predictor: the plan contradicts itself")
        if n_inputs != 1 or len(outputs) != 1:
            raise ValueError(f"Predictor: want a model with one input and one output, "
                             f"got {n_inputs} and {len(outputs)}")
        self.real = np.dtype(name)
        self.typenum = self.real.num
        if parameters.dtype != self.real or not _is_plain(parameters):
            raise TypeError(f"Predictor: the parameters are no plain {name} array")
        self.n_params = parameters.size
        if self.n_params != <size_t>self.made_from.recipe[5]:
            raise ValueError(f"Predictor: got {self.n_params} parameters, "
                             f"want {self.made_from.recipe[5]}")
        status = fnn_predictor_new(&self.made_from.spec, kernels, cnp.PyArray_DATA(parameters),
                                   check_finite, &self.handle)
        if status == FNN_NO_MEMORY:
            raise MemoryError(f"Predictor: no memory for {self.n_params} parameters")
        if status != FNN_OK:
            raise ValueError("Predictor: the plan contradicts itself")
        self.n_in, self.n_out = cols[0], cols[outputs[0]]
        self.row_work = self.n_params + <size_t>sum(cols)
        self.held_rows = _HELD_WORK // self.row_work
        self.unpolled_rows = max(_UNPOLLED_WORK // self.row_work, <size_t>1)

    def __dealloc__(self):
        fnn_predictor_free(self.handle)

    # -- running it -------------------------------------------------------------------------------

    cdef Py_ssize_t run(self, const void *x, void *out, size_t rows) except -1:
        """The status of `fnn_predictor_run`; many rows without the GIL, on the threads there are.

        Where it is not FNN_OK some rows of `out` may have been written.
        """
        cdef size_t block, threads, done = 0
        cdef Py_ssize_t element
        cdef fnn_status_t status = FNN_OK
        if rows <= self.held_rows:
            status = fnn_predictor_run(self.handle, x, out, rows)
            if self.made_from.functions is not None:
                self.made_from.functions.check()
            return status
        element = self.real.itemsize
        threads = _count_threads(rows, self.row_work)
        while done < rows and status == FNN_OK:
            block = min(rows - done, self.unpolled_rows * threads)
            with nogil:
                status = fnn_predictor_run_many(
                    self.handle, <const char *>x + <Py_ssize_t>done * self.n_in * element,
                    <char *>out + <Py_ssize_t>done * self.n_out * element, block, threads)
            done += block
            PyErr_CheckSignals()
        if self.made_from.functions is not None:
            self.made_from.functions.check()
        return status

    cdef inline bint can_read(self, object x) noexcept:
        """Whether `x` is a plain array (n, inputs) or (inputs,), which C reads as it lies."""
        cdef cnp.ndarray array
        cdef int rank
        if type(x) is not cnp.ndarray:
            return False
        array = <cnp.ndarray>x
        rank = cnp.PyArray_NDIM(array)
        return ((rank == 1 or (rank == 2 and cnp.PyArray_DIM(array, 0) > 0))
                and cnp.PyArray_DIM(array, rank - 1) == self.n_in
                and cnp.PyArray_TYPE(array) == self.typenum and cnp.PyArray_ISCARRAY_RO(array))

    def __call__(self, x):
        """Return ``predict(x)``."""
        return self.predict_new("Predictor", x)

    def predict(self, x):
        """Outputs for rows, in a new array.

        Parameters
        ----------
        x : array_like, shape (n, inputs) or (inputs,), or a list or dict of such
            Fastest: an array of the predictor's dtype, in C order.  Others are cast first.  Sparse
            rows only among several inputs.

        Returns
        -------
        ndarray, shape (n, outputs) or (outputs,), or a list or dict of such
            The bits of ``model.predict`` on the same rows.

        Raises
        ------
        TypeError, ValueError
            As ``model.predict``.
        """
        return self.predict_new("Predictor.predict", x)

    cdef object predict_new(self, str where, object x):
        cdef cnp.ndarray rows, out
        cdef cnp.npy_intp shape[2]
        cdef int rank
        if self.can_read(x):
            rows = <cnp.ndarray>x
            rank = cnp.PyArray_NDIM(rows)
            shape[0] = cnp.PyArray_DIM(rows, 0)
            shape[rank - 1] = self.n_out
            out = cnp.PyArray_EMPTY(rank, shape, self.typenum, 0)
            if self.run(cnp.PyArray_DATA(rows), cnp.PyArray_DATA(out),
                        1 if rank == 1 else <size_t>shape[0]) == FNN_OK:
                return out
        return self.predict_any(where, x, None)

    def predict_into(self, x, out):
        """Outputs for rows, written into an array.

        Parameters
        ----------
        x : array_like, shape (n, inputs) or (inputs,)
            As `predict`.
        out : ndarray, shape (n, outputs) or (outputs,)
            Of the predictor's dtype, in C order; it may share memory with `x`.

        Returns
        -------
        ndarray
            `out`.

        Raises
        ------
        TypeError, ValueError
            As `predict`, and if `out` does not fit.
        """
        cdef cnp.ndarray rows, to
        cdef int rank
        cdef size_t n = 1
        cdef Py_ssize_t element, gap
        if self.can_read(x) and type(out) is cnp.ndarray:
            rows = <cnp.ndarray>x
            to = <cnp.ndarray>out
            rank = cnp.PyArray_NDIM(rows)
            if rank == 2:
                n = <size_t>cnp.PyArray_DIM(rows, 0)
            element = 4 if self.typenum == cnp.NPY_FLOAT32 else 8
            gap = <Py_ssize_t>cnp.PyArray_DATA(to) - <Py_ssize_t>cnp.PyArray_DATA(rows)
            if (cnp.PyArray_NDIM(to) == rank and cnp.PyArray_DIM(to, rank - 1) == self.n_out
                    and (rank == 1 or <size_t>cnp.PyArray_DIM(to, 0) == n)
                    and cnp.PyArray_TYPE(to) == self.typenum and cnp.PyArray_ISCARRAY(to)
                    and (gap >= element * self.n_in * <Py_ssize_t>n
                         or -gap >= element * self.n_out * <Py_ssize_t>n)
                    and self.run(cnp.PyArray_DATA(rows), cnp.PyArray_DATA(to), n) == FNN_OK):
                return out
        if out is None:
            raise TypeError("Predictor.predict_into: out is None; want an array")
        return self.predict_any("Predictor.predict_into", x, out)

    cdef object predict_any(self, str where, object x, object out):
        """The general path: any real numbers, any strides, and all that is to be refused."""
        from fastnn import data

        cdef cnp.ndarray rows, to
        cdef tuple shape
        if self.frozen is not None:
            found = None if out is not None else self.predict_parts(x)
            if found is not None:
                return found
            return self.frozen.predict_served(x, out, where, self.check_finite)
        given = data.as_array(x, where=where, name="x")
        single = given.ndim == 1
        if single:
            if given.shape[0] != self.n_in:
                raise ValueError(
                    f"{where}: x has shape {given.shape}; want ({self.n_in},) or (n, {self.n_in})")
            given = given[None]
        given = data.as_rows(given, where=where, name="x", columns=self.n_in)
        shape = (self.n_out,) if single else (given.shape[0], self.n_out)
        to = _writable(where, "out", out, self.real, shape)
        if self.check_finite:
            data.check_finite(given, where=where, name="x", dtype=self.real)
        for op in self.made_from.recipe[4]:
            if op[0] == FNN_OP_EMBEDDING:
                data.check_indices(given[:, op[9]], where=where, name=f"x[:, {op[9]}]",
                                   below=op[10])
        rows = gather(given, self.real)[0]
        if self.run(cnp.PyArray_DATA(rows), cnp.PyArray_DATA(to), rows.shape[0]) != FNN_OK:
            raise MemoryError(f"{where}: no memory for scratch")
        return to

    cdef object predict_parts(self, object x):
        """Outputs for a row or a few in plain arrays, one for each input; None: not that simple."""
        cdef Network network = self.frozen
        cdef fnn_source_t sources[_MOST_INPUTS]
        cdef void *to[FNN_MOST_OUTPUTS]
        cdef cnp.ndarray part, result
        cdef cnp.npy_intp shape[2]
        cdef Py_ssize_t i, cols, element = 4 if network.code == FNN_F32 else 8
        cdef int rank = 0
        cdef size_t bad = 0
        parts = x
        if len(self.names) == 1:
            parts = (x,)
        elif type(x) is dict and len(x) == len(self.names):
            parts = [(<dict>x).get(name) for name in self.names]
        elif type(x) is not list and type(x) is not tuple:
            return None
        if len(parts) != len(self.names) or network.made_from.functions is not None:
            return None
        shape[0] = 1
        for i in range(len(parts)):
            if type(parts[i]) is not cnp.ndarray:
                return None
            part = <cnp.ndarray>parts[i]
            cols = network.input_cols[i]
            if i == 0:
                rank = cnp.PyArray_NDIM(part)
                if rank == 2:
                    shape[0] = cnp.PyArray_DIM(part, 0)
                if not (0 < rank < 3 and 0 < <size_t>shape[0] <= network.small_rows):
                    return None
            if (cnp.PyArray_NDIM(part) != rank or cnp.PyArray_DIM(part, rank - 1) != cols
                    or (rank == 2 and cnp.PyArray_DIM(part, 0) != shape[0])
                    or cnp.PyArray_TYPE(part) != network.typenum
                    or not cnp.PyArray_ISCARRAY_RO(part)):
                return None
            sources[i].data = <const char *>cnp.PyArray_DATA(part)
            sources[i].type = FNN_FLOAT32 if network.code == FNN_F32 else FNN_FLOAT64
            sources[i].col_stride = element
            sources[i].row_stride = element * cols
            sources[i].cols = cols
            sources[i].indices = NULL
        outs = []
        for i in range(len(network.output_cols)):
            shape[rank - 1] = network.output_cols[i]
            result = cnp.PyArray_EMPTY(rank, shape, network.typenum, 0)
            to[i] = cnp.PyArray_DATA(result)
            outs.append(result)
        # one workspace does for all threads: the GIL is held
        if fnn_predict(network.plan, cnp.PyArray_DATA(network.parameter_arena), &network.small, 1,
                       1 if rank == 1 else <size_t>shape[0],
                       sources, 1 if rank == 1 else <size_t>shape[0], self.check_finite, to, NULL,
                       NULL, &bad) != FNN_OK:
            return None
        if self.form is None:
            return outs[0]
        return outs if type(self.form) is str else dict(zip(self.form, outs))

    # -- what it is -------------------------------------------------------------------------------

    @property
    def inputs(self):
        return self.n_in if self.frozen is None else self.frozen.input_cols

    @property
    def outputs(self):
        return self.n_out if self.frozen is None else self.frozen.output_cols

    @property
    def dtype(self):
        return self.real.name

    def __repr__(self):
        unchecked = "" if self.check_finite else ", check_finite=False"
        return (f"Predictor(inputs={self.inputs}, outputs={self.outputs}, dtype={self.dtype!r}"
                f"{unchecked})")

    def __copy__(self):
        return self

    def __deepcopy__(self, memo):
        return self

    def __reduce__(self):
        cdef cnp.npy_intp shape[1]
        if self.frozen is not None:
            return _load_predictor, (self.frozen, None, self.check_finite)
        shape[0] = <cnp.npy_intp>self.n_params
        cdef void *memory = <void *>fnn_predictor_params(self.handle)
        parameters = cnp.PyArray_SimpleNewFromData(1, shape, self.typenum, memory)
        return _load_predictor, (self.made_from.recipe, parameters.copy(), self.check_finite)

    # -- the C function ---------------------------------------------------------------------------

    cdef int check_called(self, str what) except -1:
        if self.frozen is not None:
            raise TypeError(
                f"Predictor.{what}: the C function takes one input and gives one output, this "
                f"model has {len(self.inputs)} and {len(self.outputs)}; want a model whose inputs "
                f"are one that Split cuts, and whose outputs are one made by Concatenate")
        return 0

    @property
    def address(self):
        self.check_called("address")
        if self.typenum == cnp.NPY_FLOAT32:
            return <uintptr_t>&fnn_predictor_call_f32
        return <uintptr_t>&fnn_predictor_call_f64

    @property
    def user_data(self):
        self.check_called("user_data")
        return <uintptr_t>self.handle

    @property
    def capsule(self):
        cdef bint single = self.typenum == cnp.NPY_FLOAT32
        self.check_called("capsule")
        cdef void *function = <void *><uintptr_t>self.address
        capsule = PyCapsule_New(function, _SIGNATURE_F32 if single else _SIGNATURE_F64, NULL)
        PyCapsule_SetContext(capsule, self.handle)
        fnn_predictor_hold(self.handle)
        PyCapsule_SetDestructor(capsule, _free_capsule)
        return capsule
