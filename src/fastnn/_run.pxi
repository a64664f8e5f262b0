# Epochs: a run binds rows, a loss and metrics to a network and takes steps in C.


cdef c_bool _poll_run(void *run) noexcept with gil:
    """Called from C between row blocks: true if the run is to stop."""
    return (<Run>run).cancelled or _poll_signals(NULL)


@cython.final
cdef class Run:
    """One pass after another over rows: an epoch of training, or an evaluation.

    Parameters
    ----------
    network : Network
    heads : sequence of tuple (loss kind, loss parameter, whether the loss applies the activation
        of the output, weight of the loss)
        One for each output.
    metrics : sequence of tuple (kind, number of the output)
    batch_rows : int
        Rows in the largest batch that will come.
    state : OptimizerState or None
        With a state the run trains; without, it evaluates and changes no parameter.
    threads : int
        At most.
    seed : int
        Of noise.
    """
    cdef readonly Network network
    cdef readonly OptimizerState state
    cdef list metric_states
    cdef object rows_of     # what the sources point into
    cdef fnn_run_t run
    cdef fnn_source_t sources[_MOST_INPUTS]
    cdef fnn_head_t heads[FNN_MOST_OUTPUTS]
    cdef size_t head_cols[FNN_MOST_OUTPUTS]
    cdef size_t n_heads
    cdef fnn_metric_slot_t *slots
    cdef readonly size_t threads
    cdef readonly size_t done  # epochs that the last call of `epochs` completed
    cdef bint cancelled

    def __cinit__(self):
        self.slots = NULL
        self.run.team = NULL

    def __init__(self, Network network not None, heads, metrics, size_t batch_rows,
                 OptimizerState state=None, size_t threads=1, uint64_t seed=0):
        cdef Py_ssize_t i
        network.check_built()
        self.network = network
        self.state = state
        self.threads = max(1, min(threads, FNN_MOST_THREADS))
        self.metric_states = [MetricState(kind, network.output_cols[head])
                              for kind, head in metrics]
        fnn_free(self.slots)
        self.slots = <fnn_metric_slot_t *>fnn_alloc(
            len(self.metric_states) * sizeof(fnn_metric_slot_t))
        if self.slots == NULL:
            raise MemoryError("Run: no memory for metrics")
        for i, metric in enumerate(self.metric_states):
            self.slots[i].metric = <fnn_metric_t>(<MetricState>metric).kind
            self.slots[i].state = (<MetricState>metric).state()
            self.slots[i].head = metrics[i][1]
        if len(heads) != len(network.output_cols):
            raise ValueError(f"Run: got {len(heads)} heads for {len(network.output_cols)} outputs")
        for i, (loss, param, skip_activation, weight) in enumerate(heads):
            if not 0 <= loss < FNN_LOSS_COUNT:
                raise ValueError(f"Run: unknown loss kind {loss}")
            self.heads[i].loss = <fnn_loss_t><int>loss
            self.heads[i].param = param
            self.heads[i].skip_activation = skip_activation
            self.heads[i].weight = weight
            self.head_cols[i] = network.output_cols[i]
        self.n_heads = len(heads)
        self.run.plan = network.plan
        self.run.params = cnp.PyArray_DATA(network.parameter_arena)
        self.run.heads = self.heads
        self.run.seed = seed
        self.run.n_metrics = len(self.metric_states)
        self.run.metrics = self.slots
        self.run.inputs = self.sources
        self.run.grads = NULL
        if state is not None:
            if state.network is not network:
                raise ValueError("Run: the optimizer's state belongs to another network")
            self.run.grads = cnp.PyArray_DATA(network.gradient_arena)
            self.run.slot[0] = state.slot[0]
            self.run.slot[1] = state.slot[1]
        self.run.poll = _poll_run
        self.run.poll_data = <void *>self
        self.reserve(batch_rows)

    def __dealloc__(self):
        fnn_team_free(self.run.team)
        fnn_free(self.slots)

    cdef int reserve(self, size_t batch_rows) except -1:
        """Make room for batches of up to `batch_rows` rows."""
        cdef size_t rows = max(1, batch_rows), doubles = 0
        if self.run.team != NULL and fnn_team_fits(self.run.team, self.network.plan, rows,
                                                   self.threads):
            return 0
        fnn_team_free(self.run.team)
        self.run.team = NULL
        for metric in self.metric_states:
            doubles += fnn_metric_state_size(<fnn_metric_t>(<MetricState>metric).kind,
                                             (<MetricState>metric).cols)
        if fnn_team_new(self.network.plan, rows, self.state is not None, doubles, self.threads,
                        &self.run.team) != FNN_OK:
            raise MemoryError(f"fastnn: no memory for batches of {rows} rows")
        return 0

    cdef int set_target(self, size_t head, cnp.ndarray y, size_t rows) except -1:
        """Point an output's head at its targets."""
        cdef bint labels = self.heads[head].loss == FNN_SPARSE_CATEGORICAL_CROSSENTROPY
        if self.heads[head].weight == 0:
            return 0
        if (y is None or <size_t>y.shape[0] != rows
                or (labels and (y.ndim != 1 or y.dtype != np.int32))
                or (not labels and _shape(y) != (rows, self.network.output_cols[head]))):
            raise ValueError(f"Run: the targets of output {head} do not fit the network")
        return _set_source(&self.heads[head].y, y)

    def bind(self, x not None, y not None, cnp.ndarray weight, cnp.ndarray order,
             size_t batch_size, bint check_finite):
        """Point the run at checked rows and start it at step 0; returns the number of steps.

        `x` and `y`: an array, or a tuple of arrays, one for each input and output.  With `order` at
        the rows that it names, in that order.  The caller vouches for them.
        """
        cdef tuple xs = x if isinstance(x, tuple) else (x,)
        cdef tuple ys = y if isinstance(y, tuple) else (y,)
        cdef size_t rows = self.network.set_sources("Run", xs, self.sources), k
        if rows == 0 or batch_size == 0 or len(ys) != len(self.network.output_cols) or (
                weight is not None and _shape(weight) != (rows,)):
            raise ValueError(f"Run: {rows} rows, {len(ys)} targets and weights do not fit")
        for k in range(<size_t>len(ys)):
            self.set_target(k, ys[k], rows)
        if order is not None:
            if order.dtype != np.uint64 or not _is_plain(order) or order.ndim != 1 or (
                    order.shape[0] == 0):
                raise ValueError("Run: order must be a vector of uint64 indices")
            rows = order.shape[0]
        self.reserve(min(batch_size, rows))
        self.run.weight.data = NULL
        if weight is not None:
            _set_source(&self.run.weight, weight)
        self.run.order = NULL
        if order is not None:
            self.run.order = <const uint64_t *>cnp.PyArray_DATA(order)
        self.rows_of = (x, y, weight, order)
        self.run.rows = rows
        self.run.batch_size = min(batch_size, rows)
        self.run.check_finite = check_finite
        self.run.step = 0
        return (rows + self.run.batch_size - 1) // self.run.batch_size

    def release(self):
        """Let go of the rows."""
        self.rows_of = None
        self.run.rows = 0

    def cancel(self):
        """Stop from another thread: `advance` and `epochs` raise KeyboardInterrupt, as Ctrl-C."""
        self.cancelled = True

    cdef int check_interrupts(self) except -1:
        if self.cancelled:
            raise KeyboardInterrupt
        return PyErr_CheckSignals()

    cdef int raise_interrupt(self) except -1:
        """Raise what made C return FNN_INTERRUPTED."""
        if self.cancelled:
            raise KeyboardInterrupt
        return _raise_pending()

    def begin(self):
        """Start the sums of an epoch at 0."""
        self.reset_sums()
        for metric in self.metric_states:
            (<MetricState>metric).reset()

    cdef void reset_sums(self) noexcept nogil:
        cdef size_t k
        self.run.loss_sum = self.run.weight_sum = 0
        for k in range(self.n_heads):
            self.heads[k].loss_sum = self.heads[k].weight_sum = 0

    def advance(self, size_t stop):
        """Take steps until step `stop`; "" or what went wrong: "loss" or "input".

        Python's signal handlers run every 50 ms; what they raise comes out between two steps, or
        out of a long step that is then dropped before its update.
        """
        cdef fnn_status_t status = FNN_OK
        cdef Network network = self.network
        if self.rows_of is None or stop * self.run.batch_size >= (
                self.run.rows + self.run.batch_size):
            raise ValueError(f"Run: cannot go to step {stop}")
        while self.run.step < stop:
            if self.state is not None:
                network.begin_writing()
                self.run.update = self.state.update
                self.run.t = self.state.t
            else:
                network.begin_reading()
            try:
                with nogil:
                    status = fnn_run(&self.run, stop)
            finally:
                if self.state is not None:
                    self.state.t = self.run.t
                    network.end_writing()
                else:
                    network.end_reading()
            if network.made_from.functions is not None:
                network.made_from.functions.check()  # whatever else went wrong with its zeros
            if status == FNN_INTERRUPTED:
                self.raise_interrupt()
            if status != FNN_OK:
                return "loss" if status == FNN_NONFINITE_LOSS else "input"
            self.check_interrupts()
        return ""

    def epochs(self, seed, size_t first, size_t steps, cnp.ndarray order,
               cnp.ndarray records not None, cnp.ndarray chosen=None):
        """Train whole epochs of `steps` steps each, for which Python is needed only for signals.

        Epoch number `first` (from 0) and those after it, each in a new order of the rows where
        `order` is given to hold it: of all rows, or of those that `chosen` names.  `records`
        (epochs, 2 + metrics), float64, takes seconds, loss and metrics of each; `done` tells how
        many are filled, also after an exception.  Returns what `advance` returns.
        """
        cdef Network network = self.network
        cdef size_t count = records.shape[0], width = 2 + len(self.metric_states), i
        cdef const uint64_t *choice = NULL
        cdef double *record = <double *>cnp.PyArray_DATA(records)
        cdef uint64_t *index = <uint64_t *>cnp.PyArray_DATA(order) if order is not None else NULL
        cdef fnn_random_t stream = _stream(seed, "shuffle", first, 0)
        cdef fnn_status_t status = FNN_OK
        cdef double slice_began, epoch_began = 0, now
        if self.rows_of is None or self.state is None or (
                order is not None and self.rows_of[3] is not order) or (
                steps * self.run.batch_size >= self.run.rows + self.run.batch_size):
            raise ValueError(f"Run: cannot train epochs of {steps} steps")
        if chosen is not None:
            if order is None or chosen.dtype != np.uint64 or not _is_plain(chosen) or (
                    _shape(chosen) != _shape(order)):
                raise ValueError("Run: order must have a place for each of the chosen rows")
            choice = <const uint64_t *>cnp.PyArray_DATA(chosen)
        if records.dtype != np.float64 or not _is_plain(records) or (
                _shape(records) != (count, width)):
            raise ValueError(f"Run: records must be float64 of shape {(count, width)}")
        self.done = 0
        self.run.step = 0
        while self.done < count:
            network.begin_writing()
            self.run.update = self.state.update
            self.run.t = self.state.t
            try:
                with nogil:
                    slice_began = now = fnn_now()
                    while self.done < count and now - slice_began < 0.05:
                        if self.run.step == 0:
                            epoch_began = now
                            if index != NULL:
                                stream.epoch = <uint32_t>(first + self.done)
                                fnn_random_permutation(&stream, index, self.run.rows)
                                if choice != NULL:
                                    for i in range(self.run.rows):
                                        index[i] = choice[index[i]]
                            self.reset_sums()
                            for i in range(self.run.n_metrics):
                                fnn_metric_reset(self.slots[i].metric, self.slots[i].state,
                                                 self.head_cols[self.slots[i].head])
                        status = fnn_run(&self.run, steps)
                        if status != FNN_OK:
                            break
                        now = fnn_now()
                        if self.run.step < steps:
                            continue
                        record[0] = now - epoch_began
                        record[1] = NAN
                        if self.run.weight_sum > 0:
                            record[1] = self.run.loss_sum / self.run.weight_sum
                        for i in range(self.run.n_metrics):
                            record[2 + i] = fnn_metric_result(
                                self.slots[i].metric, self.slots[i].state, self.head_cols[self.slots[i].head])
                        record += width
                        self.done += 1
                        self.run.step = 0
            finally:
                self.state.t = self.run.t
                network.end_writing()
            if network.made_from.functions is not None:
                network.made_from.functions.check()  # whatever else went wrong with its zeros
            if status == FNN_INTERRUPTED:
                self.raise_interrupt()
            if status != FNN_OK:
                return "loss" if status == FNN_NONFINITE_LOSS else "input"
            self.check_interrupts()
        return ""

    @property
    def step(self):
        """Steps done since `bind`, or since the epoch in `epochs` began."""
        return self.run.step

    @property
    def loss(self):
        """Mean loss since `begin`; NaN before the first weighted row."""
        return self.run.loss_sum / self.run.weight_sum if self.run.weight_sum else float("nan")

    @property
    def batch_loss(self):
        """Mean loss of the last batch."""
        return self.run.batch_loss

    @property
    def bad_row(self):
        """After "input": the place in the batch of the row that is not finite."""
        return self.run.bad_row

    def losses(self):
        """Mean loss of each output since `begin`, without its weight; NaN before the first row."""
        return [head.loss_sum / head.weight_sum if head.weight_sum else float("nan")
                for head in self.heads[:self.n_heads]]

    def metrics(self):
        """Results of the metrics since `begin`."""
        return [metric.result() for metric in self.metric_states]
