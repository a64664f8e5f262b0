# A lowered network: its plan, its parameters, and the ways to run it on rows.

cdef size_t _SMALL_ROWS = 64        # predictions up to this many rows may stay under the GIL ...
cdef size_t _SMALL_WORK = 1 << 16   # ... if their rows times parameters stay below this
cdef size_t _SHARED_WORK = 1 << 20  # multiply-adds from which the number of threads is asked for
cdef size_t _SPARE_BYTES = 1 << 25  # workspaces kept for later predictions: so much in all
cdef size_t _LEAST_SHARE = 32       # rows for which a thread more is worth a workspace

cdef extern from * nogil:
    """
    #include <pthread.h>
    #include <time.h>
    static unsigned long fnn_forks; /* from the process of the first network down to this one */
    static void fnn_count_fork(void) { ++fnn_forks; }
    static bool fnn_watch_forks(void) {
        static bool watched; /* under the GIL */
        watched = watched || pthread_atfork(NULL, NULL, fnn_count_fork) == 0;
        return watched;
    }
    static void fnn_nap(void) { /* 50 us */
        const struct timespec t = {0, 50000};
        nanosleep(&t, NULL);
    }
    static double fnn_now(void) {
        struct timespec t;
        clock_gettime(CLOCK_MONOTONIC, &t);
        return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
    }
    """
    unsigned long fnn_forks
    c_bool fnn_watch_forks() noexcept
    void fnn_nap() noexcept
    double fnn_now() noexcept


cdef c_bool _poll_signals(void *unused) noexcept with gil:
    """Called from C between row blocks: true if a signal handler raised; the caller re-raises."""
    try:
        return PyErr_CheckSignals() != 0
    except BaseException as error:
        global _pending_error
        _pending_error = error
        return True


_CALLED_ITSELF = (
    "fastnn: a function of this model, a loss or a Lambda layer, called the model itself while it "
    "runs, and each would wait for the other; want what depends on the arrays that the function "
    "gets, or on a model.copy() or model.predictor() made beforehand")
_pending_error = None
_get_num_threads = None  # fastnn.parallel's, once it has been wanted


cdef size_t _count_threads(size_t rows, size_t row_work) except 0:
    """Threads for predictions of so many rows; little work does not even ask."""
    global _get_num_threads
    if rows < _SHARED_WORK // row_work:
        return 1
    if _get_num_threads is None:
        from fastnn.parallel import get_num_threads

        _get_num_threads = get_num_threads
    return <size_t>_get_num_threads()


cdef int _raise_pending() except -1:
    """Raise what a signal handler raised while C was running."""
    global _pending_error
    error, _pending_error = _pending_error, None
    raise error if error is not None else KeyboardInterrupt()


cdef class Network:
    """A plan with its parameters and gradients: the compiled half of a model.

    Threads: any number may predict at once.  A fit takes the network for slices of at most about
    50 ms; a predict that comes meanwhile waits for the slice and sees whole steps.  They take
    turns: readers that queue are let in when a slice ends, later ones wait for the next slice, so
    neither starves the other.  All counters are guarded by the GIL; C runs without it.
    """
    cdef fnn_plan_t *plan
    cdef fnn_workspace_t *small
    cdef fnn_workspace_t *kept
    cdef fnn_workspace_t *spare[FNN_MOST_THREADS]  # of predictions; guarded by the GIL
    cdef size_t n_spare, most_spare, spare_rows
    cdef readonly cnp.ndarray parameter_arena
    cdef readonly cnp.ndarray gradient_arena
    cdef PlanSpec made_from
    cdef bint plain  # one input, one output, no own functions
    cdef cnp.dtype real
    cdef fnn_dtype_t code
    cdef int typenum
    cdef size_t n_in, n_out, small_rows, row_work
    cdef readonly tuple input_cols, output_cols
    cdef uint64_t forwards  # training ones of the low level
    cdef Py_ssize_t readers, queued, admitted, writers  # at work, waiting, let in; waiting
    cdef uint64_t writes                                # slices that have ended
    cdef bint writing
    cdef readonly bint fitting  # a trainer has it, between `begin_fit` and `end_fit`
    cdef unsigned long forks    # the process that all these are about
    cdef bint torn              # this is a child, forked in the midst of a thread's step
    cdef public tuple penalties  # of the loss: (offset, size, l1, l2) each; None for none
    cdef public bint penalties_per_row  # divided by the rows of a batch, or by their weights
    cdef object __weakref__

    def __dealloc__(self):
        cdef size_t i
        fnn_workspace_free(self.small)
        fnn_workspace_free(self.kept)
        for i in range(self.n_spare):
            fnn_workspace_free(self.spare[i])
        fnn_plan_free(self.plan)

    def _build(self, dtype, cols, size_t n_inputs, outputs, ops, size_t n_params, functions=None):
        """Lower once; the arguments are those of `PlanSpec`."""
        cdef fnn_status_t status
        if self.plan != NULL:
            raise RuntimeError("Network: already built")
        if n_inputs > _MOST_INPUTS or len(outputs) > FNN_MOST_OUTPUTS:
            raise ValueError(
                f"Network: at most {_MOST_INPUTS} inputs and {FNN_MOST_OUTPUTS} outputs")
        self.real = np.dtype(dtype)
        self.code = _dtype_code(self.real)
        self.typenum = self.real.num
        self.made_from = PlanSpec((self.real.name, tuple(cols), n_inputs, tuple(outputs),
                                   tuple(ops), n_params, functions))
        status = fnn_plan_new(&self.made_from.spec, _kernels, &self.plan)
        if status == FNN_NO_MEMORY:
            raise MemoryError("Network: no memory for the plan")
        if status != FNN_OK:
            raise ValueError("Network: the plan contradicts itself")
        self.plain = n_inputs == 1 and len(outputs) == 1 and functions is None
        self.input_cols = tuple(cols[:n_inputs])
        self.output_cols = tuple([cols[k] for k in outputs])
        if not fnn_watch_forks():
            raise MemoryError("Network: no memory to watch for forks")
        self.forks = fnn_forks
        self.n_in = cols[0]
        self.n_out = cols[outputs[0]]
        self.parameter_arena = _new_arena(n_params, self.real)
        self.gradient_arena = _new_arena(n_params, self.real)
        self.row_work = max(1, sum(cols[n_inputs + i] * (cols[op[5][0]] if op[0] == FNN_OP_DENSE
                                                         else 1) for i, op in enumerate(ops)))
        self.spare_rows = fnn_plan_predict_rows(self.plan)
        self.most_spare = _SPARE_BYTES // (
            self.spare_rows * <size_t>sum(cols) * <size_t>self.real.itemsize
            + fnn_plan_scratch_bytes(self.plan, self.spare_rows, False))
        self.most_spare = min(self.most_spare, <size_t>FNN_MOST_THREADS)
        self.small_rows = min(_SMALL_ROWS, max(1, _SMALL_WORK // max(1, n_params)),
                              fnn_plan_block_rows(self.plan))
        if fnn_workspace_new(self.plan, self.small_rows, False, False, &self.small) != FNN_OK:
            raise MemoryError("Network: no memory for a workspace")

    cdef int check_built(self) except -1:
        if self.plan == NULL:
            raise RuntimeError(
                f"{type(self).__name__}: not built yet; call super().__init__(layers) first")
        return 0

    def block_rows(self):
        """Rows that the plan takes through all layers at once."""
        self.check_built()
        return fnn_plan_block_rows(self.plan)

    # -- many readers, one writer -----------------------------------------------------------------

    cdef int check_process(self) except -1:
        """In a child of fork only the thread that forked lives on: nobody else has the network."""
        if self.forks != fnn_forks:
            self.forks = fnn_forks
            self.torn = self.torn or self.writing
            self.writing = self.fitting = False
            self.readers = self.queued = self.admitted = self.writers = 0
        if self.torn:
            raise RuntimeError(
                "fastnn: this process was forked in the midst of a training step of this model; "
                "fork between fits, or give the child a copy or a predictor made before")
        return 0

    cdef int begin_reading(self) except -1:
        cdef uint64_t turn = self.writes
        self.check_built()
        self.check_process()
        if self.writing or self.writers > 0:
            if is_within_own(self, self.made_from.functions):
                if self.writing:
                    raise RuntimeError(_CALLED_ITSELF)
                self.readers += 1  # the one that called the function keeps writers out anyway
                return 0
            self.queued += 1
            try:
                while self.writes == turn and (self.writing or self.writers > 0):
                    with nogil:
                        fnn_nap()
                    PyErr_CheckSignals()
            finally:
                if self.writes == turn:
                    self.queued -= 1
                else:
                    self.admitted -= 1
        self.readers += 1
        return 0

    cdef void end_reading(self) noexcept:
        if self.readers > 0:  # or a signal handler forked, and this is the child
            self.readers -= 1

    cdef int begin_writing(self) except -1:
        self.check_built()
        self.check_process()
        if (self.writing or self.readers > 0) and is_within_own(self, self.made_from.functions):
            raise RuntimeError(_CALLED_ITSELF)
        self.writers += 1
        try:
            while self.writing or self.readers > 0 or self.admitted > 0:
                with nogil:
                    fnn_nap()
                PyErr_CheckSignals()
        finally:
            self.writers -= 1
        self.writing = True
        return 0

    cdef void end_writing(self) noexcept:
        self.writing = False
        self.writes += 1
        self.admitted += self.queued
        self.queued = 0

    def begin_fit(self):
        """Take the network for a fit; a second one at the same time is an error."""
        self.check_built()
        self.check_process()
        if self.fitting:
            raise RuntimeError("Trainer.fit: this model is being fitted already")
        self.fitting = True

    def end_fit(self):
        self.fitting = False

    def snapshot(self, cnp.ndarray out=None):
        """A copy of the parameter arena, taken between two steps of a fit; into `out` if given."""
        self.begin_reading()
        try:
            if out is None:
                return self.parameter_arena.copy()
            (<object>out)[...] = self.parameter_arena
            return out
        finally:
            self.end_reading()

    def restore(self, cnp.ndarray arena not None):
        """Write the whole parameter arena, between two steps of a fit."""
        self.begin_writing()
        try:
            (<object>self.parameter_arena)[...] = arena
        finally:
            self.end_writing()

    # -- rows in, rows out ------------------------------------------------------------------------

    def predict(self, x, *, batch_size=None, out=None, bint check_finite=True):
        """Outputs of the network for rows or for a stream of batches.

        Parameters
        ----------
        x : array_like, shape (n, inputs), or an iterable of batches
            Any real dtype and any strides; nothing is copied whole.  A stream holds arrays, or
            tuples whose first element is the array (so a stream for `fit` works).
        batch_size : int, optional
            Rows computed at once at most; the result does not depend on it.
        out : ndarray, shape (n, outputs), optional
            Written instead of a new array: the model's dtype, C order.
        check_finite : bool
            Refuse NaN and Inf in `x`; if False they go through to the result.

        Returns
        -------
        ndarray, shape (n, outputs), of the model's dtype
            The output activation applied.  Row i has the bits that row i alone gives.

        Raises
        ------
        ValueError
            If `x` has the wrong shape or no rows, holds NaN or Inf, or `out` does not fit.
        TypeError
            If `x` holds no real numbers.

        Examples
        --------
        >>> import fastnn as fnn
        >>> model = fnn.Sequential([fnn.Input(2), fnn.Dense(1, kernel_initializer="ones")])
        >>> model.predict([[1.0, 2.0], [3.0, 4.0]])
        array([[3.],
               [7.]], dtype=float32)
        """
        cdef cnp.ndarray rows, result
        cdef cnp.npy_intp shape[2]
        cdef fnn_source_t source
        cdef size_t n, bad = 0
        cdef Py_ssize_t gap
        cdef void *to
        if type(x) is cnp.ndarray and batch_size is None and self.plan != NULL and self.plain:
            rows = <cnp.ndarray>x
            n = <size_t>cnp.PyArray_DIM(rows, 0) if cnp.PyArray_NDIM(rows) == 2 else 0
            if (n > 0 and cnp.PyArray_TYPE(rows) == self.typenum
                    and <size_t>cnp.PyArray_DIM(rows, 1) == self.n_in
                    and cnp.PyArray_ISCARRAY_RO(rows)):
                source.data = <const char *>cnp.PyArray_DATA(rows)
                source.type = FNN_FLOAT32 if self.code == FNN_F32 else FNN_FLOAT64
                source.col_stride = 4 if self.code == FNN_F32 else 8
                source.row_stride = source.col_stride * <Py_ssize_t>self.n_in
                source.cols = self.n_in
                source.indices = NULL
                if out is None:
                    shape[0] = <cnp.npy_intp>n
                    shape[1] = <cnp.npy_intp>self.n_out
                    result = cnp.PyArray_EMPTY(2, shape, self.typenum, 0)
                elif self.fits(out, n):
                    result = <cnp.ndarray>out
                    gap = <Py_ssize_t>cnp.PyArray_DATA(result) - <Py_ssize_t>source.data
                    if (gap < source.row_stride * <Py_ssize_t>n
                            and -gap < source.col_stride * <Py_ssize_t>(n * self.n_out)):
                        return self.predict_rows(x, batch_size, out, check_finite)  # they overlap
                else:
                    return self.predict_rows(x, batch_size, out, check_finite)
                to = cnp.PyArray_DATA(result)
                if n > self.small_rows or self.writing:
                    if self.run_sources(&source, n, &to, n, check_finite) < 0:
                        return result
                elif fnn_predict(self.plan, cnp.PyArray_DATA(self.parameter_arena), &self.small, 1,
                                 n, &source, n, check_finite, &to, NULL, NULL, &bad) == FNN_OK:
                    return result
        return self.predict_rows(x, batch_size, out, check_finite)

    cdef bint fits(self, object out, size_t n):
        """Whether `out` can be written as it is, and is no part of any checked array's error."""
        if type(out) is not cnp.ndarray:
            return False
        cdef cnp.ndarray array = <cnp.ndarray>out
        return (cnp.PyArray_NDIM(array) == 2 and cnp.PyArray_TYPE(array) == self.typenum
                and <size_t>cnp.PyArray_DIM(array, 0) == n
                and <size_t>cnp.PyArray_DIM(array, 1) == self.n_out
                and cnp.PyArray_ISCARRAY(array))

    def predict_rows(self, x, batch_size, out, check_finite):
        """The general path of `predict`; the model overrides it to take any input."""
        raise TypeError("predict: want an array of the network's dtype")

    cdef Py_ssize_t set_sources(self, str where, tuple xs, fnn_source_t *sources) except -1:
        """Describe the rows of all inputs; how many there are."""
        cdef Py_ssize_t i
        self.check_built()
        if len(xs) != len(self.input_cols):
            raise ValueError(f"{where}: got {len(xs)} inputs, want {len(self.input_cols)}")
        for i, x in enumerate(xs):
            if len(x.shape) != 2 or x.shape[1] != self.input_cols[i] or len(x) != len(xs[0]):
                raise ValueError(f"{where}: x {tuple(x.shape)} does not fit the network")
            if isinstance(x, np.ndarray):
                _set_source(&sources[i], x)
            else:
                self.set_sparse(&sources[i], x)
        return len(xs[0])

    cdef int set_sparse(self, fnn_source_t *source, object x) except -1:
        """Describe the rows of a `fastnn.data.SparseRows`, which has checked them."""
        cdef cnp.ndarray values = x.values, indices = x.indices, indptr = x.indptr
        if (values.dtype != self.real or not _is_plain(values) or not _is_plain(indices)
                or not _is_plain(indptr) or indices.dtype != indptr.dtype
                or indices.dtype not in (np.int32, np.int64)):
            raise ValueError("Network: sparse rows of another type")
        source.data = <const char *>cnp.PyArray_DATA(values)
        source.type = FNN_FLOAT32 if self.code == FNN_F32 else FNN_FLOAT64
        source.row_stride = source.col_stride = 0
        source.cols = x.shape[1]
        source.indices = cnp.PyArray_DATA(indices)
        source.indptr = cnp.PyArray_DATA(indptr)
        source.wide = indices.dtype == np.int64
        return 0

    cdef int set_outs(self, str where, tuple outs, Py_ssize_t rows, void **to) except -1:
        """Where the rows of all outputs are, in plain arrays of the network's type."""
        cdef Py_ssize_t i
        if len(outs) != len(self.output_cols):
            raise ValueError(f"{where}: got {len(outs)} outputs, want {len(self.output_cols)}")
        for i, out in enumerate(outs):
            to[i] = NULL
            if out is None:
                continue
            if out.dtype != self.real or not _is_plain(out) or (
                    _shape(out) != (rows, self.output_cols[i])):
                raise ValueError(f"{where}: {_shape(out)} does not fit output {i}")
            to[i] = cnp.PyArray_DATA(<cnp.ndarray>out)
        return 0

    def run_predict(self, tuple xs not None, tuple outs not None, size_t block,
                    bint check_finite):
        """Checked rows into `outs`, by `block` rows; the first that is not finite, or -1."""
        cdef fnn_source_t sources[_MOST_INPUTS]
        cdef void *to[FNN_MOST_OUTPUTS]
        cdef size_t rows = self.set_sources("predict", xs, sources)
        self.set_outs("predict", outs, rows, to)
        return self.run_sources(sources, rows, to, block, check_finite)

    cdef Py_ssize_t run_sources(self, const fnn_source_t *source, size_t rows, void **out,
                                size_t block, bint check_finite) except -2:
        """As `run_predict`, on the threads that there are."""
        cdef fnn_workspace_t *work[FNN_MOST_THREADS]
        cdef size_t threads = min(_count_threads(rows, self.row_work), rows // _LEAST_SHARE + 1)
        cdef size_t bad = 0
        cdef void *params = cnp.PyArray_DATA(self.parameter_arena)
        cdef fnn_status_t status
        if self.made_from.functions is not None and is_within_own(None, self.made_from.functions):
            raise RuntimeError(_CALLED_ITSELF)
        self.borrow(work, threads, rows)
        try:
            self.begin_reading()
            try:
                with nogil:
                    status = fnn_predict(self.plan, params, work, threads, max(block, <size_t>1),
                                         source, rows, check_finite, out, _poll_signals, NULL,
                                         &bad)
            finally:
                self.end_reading()
        finally:
            self.give_back(work, threads)
        if self.made_from.functions is not None:
            self.made_from.functions.check()
        if status == FNN_INTERRUPTED:
            _raise_pending()
        return <Py_ssize_t>bad if status == FNN_NONFINITE_INPUT else -1

    cdef int borrow(self, fnn_workspace_t **work, size_t n, size_t rows) except -1:
        """Workspaces for `n` threads: new ones are dear beside a thousand rows, unless they are
        so large that none is kept; those are for no more rows than there are."""
        cdef size_t i, size = self.spare_rows if self.most_spare > 0 else min(self.spare_rows, rows)
        for i in range(n):
            if self.n_spare > 0:
                self.n_spare -= 1
                work[i] = self.spare[self.n_spare]
            elif fnn_workspace_new(self.plan, size, False, False, &work[i]) != FNN_OK:
                self.give_back(work, i)
                raise MemoryError(f"predict: no memory for blocks of {size} rows")
        return 0

    cdef void give_back(self, fnn_workspace_t **work, size_t n) noexcept:
        cdef size_t i
        for i in range(n):
            if self.n_spare < self.most_spare:
                self.spare[self.n_spare] = work[i]
                self.n_spare += 1
            else:
                fnn_workspace_free(work[i])

    def run_forward(self, tuple xs not None, tuple outs not None, bint check_finite,
                    uint64_t seed):
        """Checked rows through the network, keeping what `run_backward` needs."""
        cdef fnn_source_t sources[_MOST_INPUTS]
        cdef void *to[FNN_MOST_OUTPUTS]
        cdef size_t rows = self.set_sources("forward", xs, sources), bad = 0
        cdef fnn_status_t status
        self.set_outs("forward", outs, rows, to)
        cdef void *params = cnp.PyArray_DATA(self.parameter_arena)
        self.begin_writing()  # the kept values are the network's
        try:
            if self.kept == NULL or fnn_workspace_rows(self.kept) < rows:
                fnn_workspace_free(self.kept)
                self.kept = NULL
                if fnn_workspace_new(self.plan, rows, True, True, &self.kept) != FNN_OK:
                    raise MemoryError(f"forward: no memory to keep {rows} rows")
            with nogil:
                status = fnn_forward(self.plan, params, self.kept, sources, rows, check_finite,
                                     seed, self.forwards, to, &bad)
            self.forwards += 1
        finally:
            self.end_writing()
        if self.made_from.functions is not None:
            self.made_from.functions.check()
        return <Py_ssize_t>bad if status == FNN_NONFINITE_INPUT else -1

    def run_backward(self, tuple dys not None, tuple dxs not None):
        """Gradients of the sum of dy * output over outputs and rows of the last `run_forward`,
        into the arena and `dxs`; a dy may be None for zeros."""
        cdef void *to[_MOST_INPUTS]
        cdef void *given[FNN_MOST_OUTPUTS]
        cdef void *params = cnp.PyArray_DATA(self.parameter_arena)
        cdef void *grads = cnp.PyArray_DATA(self.gradient_arena)
        cdef fnn_status_t status
        if self.kept == NULL:
            return False
        cdef Py_ssize_t rows = len(dxs[0]), i
        self.set_outs("backward", dys, rows, given)
        for i, dx in enumerate(dxs):
            if dx.dtype != self.real or not _is_plain(dx) or (
                    _shape(dx) != (rows, self.input_cols[i])):
                raise ValueError(f"backward: dx {_shape(dx)} does not fit")
            to[i] = cnp.PyArray_DATA(<cnp.ndarray>dx)
        self.begin_writing()
        try:
            with nogil:
                status = fnn_backward(self.plan, params, self.kept, <const void *const *>given,
                                      grads, to)
        finally:
            self.end_writing()
        if self.made_from.functions is not None:
            self.made_from.functions.check()
        return status == FNN_OK
