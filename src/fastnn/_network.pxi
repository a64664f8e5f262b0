# A lowered network: its plan, its parameters, and the ways to run it on rows.

cdef size_t _SMALL_ROWS = 64        # predictions up to this many rows may stay under the GIL ...
cdef size_t _SMALL_WORK = 1 << 16   # ... if their rows times parameters stay below this
cdef size_t _SHARED_WORK = 1 << 20  # multiply-adds from which the number of threads is asked for
cdef size_t _SPARE_BYTES = 1 << 24  # workspaces kept for later predictions: so much in all

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


cdef fnn_op_t *_new_ops(ops) except NULL:
    """The ops of a plan, from tuples (kind, activation, alpha, in, out, kernel, bias).

    Offsets of kernel and bias are -1 for none.  The caller frees the ops.
    """
    cdef fnn_op_t *op
    cdef fnn_op_t *op_list = <fnn_op_t *>fnn_alloc(len(ops) * sizeof(fnn_op_t))
    if op_list == NULL:
        raise MemoryError("fastnn: no memory for the plan")
    try:
        op = op_list
        for kind, activation, alpha, source, target, kernel, bias in ops:
            op.kind = <fnn_op_kind_t><int>kind
            op.activation = <fnn_activation_t><int>activation
            op.alpha = alpha
            op.in_ = source
            op.out = target
            op.kernel = FNN_NONE if kernel < 0 else kernel
            op.bias = FNN_NONE if bias < 0 else bias
            op += 1
    except BaseException:
        fnn_free(op_list)
        raise
    return op_list


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
    cdef tuple recipe  # (dtype, cols, ops): what a predictor is made from
    cdef cnp.dtype real
    cdef fnn_dtype_t code
    cdef int typenum
    cdef size_t n_in, n_out, small_rows, row_work
    cdef Py_ssize_t readers, queued, admitted, writers  # at work, waiting, let in; waiting
    cdef uint64_t writes                                # slices that have ended
    cdef bint writing
    cdef readonly bint fitting  # a trainer has it, between `begin_fit` and `end_fit`
    cdef unsigned long forks    # the process that all these are about
    cdef bint torn              # this is a child, forked in the midst of a thread's step
    cdef object __weakref__

    def __dealloc__(self):
        cdef size_t i
        fnn_workspace_free(self.small)
        fnn_workspace_free(self.kept)
        for i in range(self.n_spare):
            fnn_workspace_free(self.spare[i])
        fnn_plan_free(self.plan)

    def _build(self, dtype, cols, size_t n_inputs, ops, size_t n_params):
        """Lower once.

        `cols`: width of each tensor, inputs first.  `ops`: as `_new_ops` takes them.
        """
        cdef cnp.ndarray widths = np.array(cols, dtype=np.uintp)
        cdef fnn_plan_spec_t spec
        if self.plan != NULL:
            raise RuntimeError("Network: already built")
        self.real = np.dtype(dtype)
        self.code = _dtype_code(self.real)
        self.typenum = self.real.num
        cdef fnn_op_t *op_list = _new_ops(ops)
        cdef fnn_status_t status
        spec.dtype = self.code
        spec.n_tensors = widths.size
        spec.cols = <const size_t *>cnp.PyArray_DATA(widths)
        spec.n_inputs = n_inputs
        spec.output = widths.size - 1
        spec.n_ops = len(ops)
        spec.ops = op_list
        spec.n_params = n_params
        status = fnn_plan_new(&spec, _kernels, &self.plan)
        fnn_free(op_list)
        if status == FNN_NO_MEMORY:
            raise MemoryError("Network: no memory for the plan")
        if status != FNN_OK:
            raise ValueError("Network: the plan contradicts itself")
        self.recipe = (self.real.name, tuple(cols), tuple(ops))
        if not fnn_watch_forks():
            raise MemoryError("Network: no memory to watch for forks")
        self.forks = fnn_forks
        self.n_in = cols[0]
        self.n_out = cols[-1]
        self.parameter_arena = _new_arena(n_params, self.real)
        self.gradient_arena = _new_arena(n_params, self.real)
        self.row_work = max(1, sum(cols[target] * (cols[source] if kind == FNN_OP_DENSE else 1)
                                   for kind, _, _, source, target, _, _ in ops))
        self.spare_rows = fnn_plan_predict_rows(self.plan)
        self.most_spare = _SPARE_BYTES // (self.spare_rows * <size_t>sum(cols)
                                           * <size_t>self.real.itemsize)
        self.most_spare = min(self.most_spare, <size_t>FNN_MOST_THREADS)
        self.small_rows = min(_SMALL_ROWS, max(1, _SMALL_WORK // max(1, n_params)),
                              fnn_plan_block_rows(self.plan))
        if fnn_workspace_new(self.plan, self.small_rows, False, &self.small) != FNN_OK:
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
        if type(x) is cnp.ndarray and batch_size is None and self.plan != NULL:
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
                if n > self.small_rows or self.writing:
                    if self.run_source(&source, n, cnp.PyArray_DATA(result), n, check_finite) < 0:
                        return result
                elif fnn_predict(self.plan, cnp.PyArray_DATA(self.parameter_arena), &self.small, 1,
                                 n, &source, n, check_finite, cnp.PyArray_DATA(result), NULL, NULL,
                                 &bad) == FNN_OK:
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

    def run_predict(self, cnp.ndarray x not None, cnp.ndarray out not None, size_t block,
                    bint check_finite):
        """Checked rows `x` into `out`, by `block` rows; the first that is not finite, or -1."""
        cdef fnn_source_t source
        cdef size_t rows = x.shape[0]
        self.check_built()
        if x.ndim != 2 or <size_t>x.shape[1] != self.n_in or not self.fits(out, rows):
            raise ValueError(f"predict: x {_shape(x)} and out {_shape(out)} do not fit")
        _set_source(&source, x)
        return self.run_source(&source, rows, cnp.PyArray_DATA(out), block, check_finite)

    cdef Py_ssize_t run_source(self, const fnn_source_t *source, size_t rows, void *out,
                               size_t block, bint check_finite) except -2:
        """As `run_predict`, on the threads that there are."""
        cdef fnn_workspace_t *work[FNN_MOST_THREADS]
        cdef size_t threads = _count_threads(rows, self.row_work), bad = 0
        cdef void *params = cnp.PyArray_DATA(self.parameter_arena)
        cdef fnn_status_t status
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
            elif fnn_workspace_new(self.plan, size, False, &work[i]) != FNN_OK:
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

    def run_forward(self, cnp.ndarray x not None, cnp.ndarray out not None, bint check_finite):
        """Checked rows through the network, keeping what `run_backward` needs."""
        cdef fnn_source_t source
        cdef size_t rows = x.shape[0], bad = 0
        cdef fnn_status_t status
        if x.ndim != 2 or <size_t>x.shape[1] != self.n_in or not self.fits(out, rows):
            raise ValueError(f"forward: x {_shape(x)} and out {_shape(out)} do not fit")
        _set_source(&source, x)
        cdef void *params = cnp.PyArray_DATA(self.parameter_arena)
        cdef void *to = cnp.PyArray_DATA(out)
        self.begin_writing()  # the kept values are the network's
        try:
            if self.kept == NULL or fnn_workspace_rows(self.kept) < rows:
                fnn_workspace_free(self.kept)
                self.kept = NULL
                if fnn_workspace_new(self.plan, rows, True, &self.kept) != FNN_OK:
                    raise MemoryError(f"forward: no memory to keep {rows} rows")
            with nogil:
                status = fnn_forward(self.plan, params, self.kept, &source, rows, check_finite, to,
                                     &bad)
        finally:
            self.end_writing()
        return <Py_ssize_t>bad if status == FNN_NONFINITE_INPUT else -1

    def run_backward(self, cnp.ndarray dy not None, cnp.ndarray dx not None):
        """Gradients of sum(dy * outputs) of the last `run_forward`, into the arena and `dx`."""
        cdef void *to = cnp.PyArray_DATA(dx)
        cdef void *given = cnp.PyArray_DATA(dy)
        cdef void *params = cnp.PyArray_DATA(self.parameter_arena)
        cdef void *grads = cnp.PyArray_DATA(self.gradient_arena)
        cdef fnn_status_t status
        if self.kept == NULL:
            return False
        if (dy.dtype != self.real or not _is_plain(dy) or _shape(dy) != (dy.shape[0], self.n_out)
                or dx.dtype != self.real or not _is_plain(dx)
                or _shape(dx) != (dy.shape[0], self.n_in)):
            raise ValueError(f"backward: dy {_shape(dy)} and dx {_shape(dx)} do not fit")
        self.begin_writing()
        try:
            with nogil:
                status = fnn_backward(self.plan, params, self.kept, given, grads, &to)
        finally:
            self.end_writing()
        return status == FNN_OK


@cython.final
cdef class OptimizerState:
    """What an optimizer remembers of one network: its slots and the number of updates done."""
    cdef readonly Network network
    cdef readonly tuple slots
    cdef readonly tuple settings
    cdef public uint64_t t
    cdef fnn_update_t update
    cdef fnn_stretch_t *stretches
    cdef void *slot[2]

    def __cinit__(self):
        self.stretches = NULL

    def __dealloc__(self):
        fnn_free(self.stretches)

    def __init__(self, Network network not None, size_t slots, settings, segments):
        """`settings`: (kind, learning_rate, momentum, nesterov, beta_1, beta_2, epsilon,
        weight_decay).  `segments`: the parameters in rising order, as (offset, size,
        trainable, decay, multiplier); neighbours that are updated alike become one stretch."""
        network.check_built()
        if slots > 2:
            raise ValueError(f"OptimizerState: at most 2 slots, got {slots}")
        self.network = network
        self.slots = tuple(_new_arena(network.parameter_arena.size, network.real)
                           for _ in range(slots))
        self.slot[0] = self.slot[1] = NULL
        for i in range(slots):
            self.slot[i] = cnp.PyArray_DATA(<cnp.ndarray>self.slots[i])
        cdef size_t end = 0, n = 0
        cdef fnn_stretch_t *last
        fnn_free(self.stretches)
        self.stretches = <fnn_stretch_t *>fnn_alloc(len(segments) * sizeof(fnn_stretch_t))
        if self.stretches == NULL:
            raise MemoryError("OptimizerState: no memory for segments")
        last = NULL
        for offset, size, trainable, decay, multiplier in segments:
            if offset < end or offset + size > network.parameter_arena.size:
                raise ValueError(f"OptimizerState: segment {(offset, size)} is out of place")
            end = offset + size
            if not trainable:
                last = NULL  # a stretch must not bridge it
                continue
            if last != NULL and last.decay == decay and last.multiplier == multiplier:
                last.size = end - last.offset
                continue
            last = &self.stretches[n]
            last.offset = offset
            last.size = size
            last.decay = decay
            last.multiplier = multiplier
            n += 1
        self.update.n_stretches = n
        self.update.stretches = self.stretches
        self.configure(settings)

    def configure(self, settings):
        """Change the settings; slots and count stay."""
        kind, lr, momentum, nesterov, beta_1, beta_2, epsilon, weight_decay = settings
        if kind == FNN_ADAM and len(self.slots) != 2:
            raise ValueError("OptimizerState: Adam needs 2 slots")
        if kind == FNN_SGD and momentum != 0 and len(self.slots) != 1:
            raise ValueError("OptimizerState: SGD with momentum needs 1 slot")
        self.update.kind = <fnn_optimizer_t><int>kind
        self.update.lr = lr
        self.update.momentum = momentum
        self.update.nesterov = nesterov
        self.update.beta1 = beta_1
        self.update.beta2 = beta_2
        self.update.eps = epsilon
        self.update.weight_decay = weight_decay
        self.settings = tuple(settings)

    def arrays(self):
        """What is remembered beside the count `t`, by name: views of the slots."""
        return {f"slot_{i}": slot for i, slot in enumerate(self.slots)}

    def step(self):
        """One update of the network's parameters from its gradients."""
        cdef Network network = self.network
        cdef void *params = cnp.PyArray_DATA(network.parameter_arena)
        cdef void *grads = cnp.PyArray_DATA(network.gradient_arena)
        network.begin_writing()
        try:
            self.t += 1
            with nogil:
                fnn_update(network.plan, &self.update, self.t, params, grads, self.slot)
        finally:
            network.end_writing()
