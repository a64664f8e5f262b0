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
    head : tuple (loss kind, loss parameter, whether the loss applies the last activation)
    metrics : sequence of tuple or object
        Settings of streaming metrics, as `MetricState` takes them; and metrics of the whole epoch,
        objects with ``compute(y_true, y_pred, weight)`` and ``check_weights()``, for which the run
        keeps outputs, targets and weights: 4 or 8 bytes a value.
    batch_rows : int
        Rows in the largest batch that will come.
    state : OptimizerState or None
        With a state the run trains; without, it evaluates and changes no parameter.
    threads : int
        At most.
    """
    cdef readonly Network network
    cdef readonly OptimizerState state
    cdef list metric_states
    cdef list whole         # metrics of all rows of an epoch, with their places among all
    cdef size_t n_metrics   # of both kinds
    cdef size_t *places     # of the streaming ones among all
    cdef cnp.ndarray kept_p, kept_y, kept_weight  # what the run keeps of its rows
    cdef object rows_of     # what the sources point into
    cdef fnn_run_t run
    cdef fnn_source_t source
    cdef fnn_metric_slot_t *slots
    cdef readonly size_t threads
    cdef readonly size_t done  # epochs that the last call of `epochs` completed
    cdef bint cancelled

    def __cinit__(self):
        self.slots = NULL
        self.places = NULL
        self.run.team = NULL

    def __init__(self, Network network not None, head, metrics, size_t batch_rows,
                 OptimizerState state=None, size_t threads=1):
        cdef Py_ssize_t i
        network.check_built()
        self.network = network
        self.state = state
        self.threads = max(1, min(threads, FNN_MOST_THREADS))
        self.n_metrics = len(metrics)
        self.metric_states, self.whole, places = [], [], []
        for place, metric in enumerate(metrics):
            if isinstance(metric, tuple):
                self.metric_states.append(MetricState(metric, network.n_out))
                places.append(place)
            else:
                self.whole.append((place, metric))
        fnn_free(self.slots)
        fnn_free(self.places)
        self.slots = <fnn_metric_slot_t *>fnn_alloc(len(places) * sizeof(fnn_metric_slot_t))
        self.places = <size_t *>fnn_alloc(len(places) * sizeof(size_t))
        if self.slots == NULL or self.places == NULL:
            raise MemoryError("Run: no memory for metrics")
        for i, metric in enumerate(self.metric_states):
            self.slots[i].set = (<MetricState>metric).set
            self.slots[i].state = (<MetricState>metric).state()
            self.slots[i].size = fnn_metric_state_size(&self.slots[i].set, network.n_out)
            self.places[i] = places[i]
        self.run.keep.p = self.run.keep.y = self.run.keep.weight = NULL
        self.run.keep.rows = 0
        loss, param, skip_activation = head
        if not 0 <= loss < FNN_LOSS_COUNT:
            raise ValueError(f"Run: unknown loss kind {loss}")
        self.run.plan = network.plan
        self.run.params = cnp.PyArray_DATA(network.parameter_arena)
        self.run.head.loss = <fnn_loss_t><int>loss
        self.run.head.param = param
        self.run.head.skip_activation = skip_activation
        self.run.n_metrics = len(self.metric_states)
        self.run.metrics = self.slots
        self.run.inputs = &self.source
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
        fnn_free(self.places)

    cdef int reserve(self, size_t batch_rows) except -1:
        """Make room for batches of up to `batch_rows` rows."""
        cdef size_t rows = max(1, batch_rows), doubles = 0
        if self.run.team != NULL and fnn_team_fits(self.run.team, self.network.plan, rows,
                                                   self.threads):
            return 0
        fnn_team_free(self.run.team)
        self.run.team = NULL
        cdef size_t i
        for i in range(self.run.n_metrics):
            doubles += self.slots[i].size
        if fnn_team_new(self.network.plan, rows, self.state is not None, doubles, self.threads,
                        &self.run.team) != FNN_OK:
            raise MemoryError(f"fastnn: no memory for batches of {rows} rows")
        return 0

    def bind(self, cnp.ndarray x not None, cnp.ndarray y not None, cnp.ndarray weight,
             cnp.ndarray order, size_t batch_size, bint check_finite):
        """Point the run at checked rows and start it at step 0; returns the number of steps.

        With `order` at the rows that it names, in that order.  The caller vouches for them.
        """
        cdef size_t rows = x.shape[0], cols = self.network.n_out
        cdef bint labels = self.run.head.loss == FNN_SPARSE_CATEGORICAL_CROSSENTROPY
        if (x.ndim != 2 or <size_t>x.shape[1] != self.network.n_in or rows == 0
                or <size_t>y.shape[0] != rows or batch_size == 0
                or (labels and (y.ndim != 1 or y.dtype != np.int32))
                or (not labels and _shape(y) != (rows, cols))
                or (weight is not None and _shape(weight) != (rows,))):
            raise ValueError(f"Run: x {_shape(x)} and y {_shape(y)} do not fit the network")
        if order is not None:
            if order.dtype != np.uint64 or not _is_plain(order) or order.ndim != 1 or (
                    order.shape[0] == 0):
                raise ValueError("Run: order must be a vector of uint64 indices")
            rows = order.shape[0]
        if weight is not None:
            for _, metric in self.whole:
                metric.check_weights()
        self.reserve(min(batch_size, rows))
        _set_source(&self.source, x)
        _set_source(&self.run.y, y)
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

    cdef int make_room(self, size_t rows) except -1:
        """Make room to keep `rows` more rows, if the run has metrics that want them."""
        cdef size_t kept = self.run.keep.rows, most = 0, cols = self.network.n_out
        if not self.whole:
            return 0
        if self.kept_p is not None:
            most = self.kept_p.shape[0]
        if kept + rows > most:
            # Streams come batch by batch: half as much again, so that little is copied.
            most = max(kept + rows, kept + kept // 2)
            dtype = self.network.parameter_arena.dtype
            self.kept_p = _grown(self.kept_p, kept, (most, cols), dtype)
            if self.run.head.loss == FNN_SPARSE_CATEGORICAL_CROSSENTROPY:
                self.kept_y = _grown(self.kept_y, kept, (most,), np.int32)
            else:
                self.kept_y = _grown(self.kept_y, kept, (most, cols), dtype)
            if self.kept_weight is not None:
                self.kept_weight = _grown(self.kept_weight, kept, (most,), dtype)
        if self.kept_weight is None and self.run.weight.data != NULL:
            self.kept_weight = np.ones(most, self.kept_p.dtype)
        self.run.keep.p = cnp.PyArray_DATA(self.kept_p)
        self.run.keep.y = cnp.PyArray_DATA(self.kept_y)
        self.run.keep.weight = NULL
        if self.kept_weight is not None:
            self.run.keep.weight = cnp.PyArray_DATA(self.kept_weight)
        return 0

    cdef list whole_results(self):
        """Pairs of place and result of the metrics of the whole epoch; rows as the steps came."""
        cdef size_t rows = self.run.keep.rows
        if not self.whole:
            return []
        if rows == 0:
            return [(place, float("nan")) for place, _ in self.whole]
        parts = []
        for array in (self.kept_y, self.kept_p, self.kept_weight):
            part = None
            if array is not None:
                part = array[:rows]
                part.flags.writeable = False
            parts.append(part)
        return [(place, metric.compute(*parts)) for place, metric in self.whole]

    def kept(self):
        """Copies of the rows kept since `begin`: outputs, targets and weights, if any."""
        cdef size_t rows = self.run.keep.rows
        if not self.whole or rows == 0:
            return []
        arrays = [self.kept_p, self.kept_y]
        if self.kept_weight is not None:
            arrays.append(self.kept_weight)
        return [array[:rows].copy() for array in arrays]

    def keep(self, arrays):
        """Go on, after `begin`, with what `kept` returned."""
        if not arrays:
            return
        cdef object dtype = self.network.parameter_arena.dtype, of_y = dtype
        cdef tuple shape = _shape(arrays[0]), shape_of_y = shape
        if self.run.head.loss == FNN_SPARSE_CATEGORICAL_CROSSENTROPY:
            of_y, shape_of_y = np.dtype(np.int32), shape[:1]
        wanted = [(dtype, shape), (of_y, shape_of_y), (dtype, shape[:1])][:len(arrays)]
        if not self.whole or shape[1:] != (self.network.n_out,) or (
                [(array.dtype, array.shape) for array in arrays] != wanted):
            raise ValueError("Run: these are rows of another run")
        self.run.keep.rows = shape[0]
        self.kept_p, self.kept_y = np.array(arrays[0]), np.array(arrays[1])
        self.kept_weight = np.array(arrays[2]) if len(arrays) == 3 else None

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
        self.run.loss_sum = self.run.weight_sum = 0
        self.run.keep.rows = 0
        self.kept_weight = None
        for metric in self.metric_states:
            (<MetricState>metric).reset()

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
        if self.run.step < stop:
            self.make_room(min(stop * self.run.batch_size, self.run.rows)
                           - self.run.step * self.run.batch_size)
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
        cdef size_t count = records.shape[0], width = 2 + self.n_metrics, i
        cdef const uint64_t *choice = NULL
        cdef double *record = <double *>cnp.PyArray_DATA(records)
        cdef uint64_t *index = <uint64_t *>cnp.PyArray_DATA(order) if order is not None else NULL
        cdef fnn_random_t stream = _stream(seed, "shuffle", first, 0)
        cdef fnn_status_t status = FNN_OK
        cdef double slice_began, epoch_began = 0, now
        cdef bint has_whole = len(self.whole) > 0, is_over = False
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
        self.run.keep.rows = 0
        self.kept_weight = None
        self.make_room(self.run.rows)
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
                            self.run.loss_sum = self.run.weight_sum = 0
                            self.run.keep.rows = 0
                            for i in range(self.run.n_metrics):
                                fnn_metric_reset(&self.slots[i].set, self.slots[i].state,
                                                 network.n_out)
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
                            record[2 + self.places[i]] = fnn_metric_result(
                                &self.slots[i].set, self.slots[i].state, network.n_out)
                        if has_whole:
                            is_over = True
                            break
                        record += width
                        self.done += 1
                        self.run.step = 0
            finally:
                self.state.t = self.run.t
                network.end_writing()
            if status == FNN_INTERRUPTED:
                self.raise_interrupt()
            if status != FNN_OK:
                return "loss" if status == FNN_NONFINITE_LOSS else "input"
            if is_over:
                for place, result in self.whole_results():
                    record[2 + <size_t>place] = result
                record[0] = fnn_now() - epoch_began
                record += width
                self.done += 1
                self.run.step = 0
                is_over = False
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

    def metrics(self, bint whole=True):
        """Results of the metrics since `begin`, without those of the `whole` epoch if not asked."""
        if not whole:
            return [metric.result() for metric in self.metric_states]
        cdef size_t i
        results = [None] * self.n_metrics
        for i in range(self.run.n_metrics):
            results[self.places[i]] = self.metric_states[i].result()
        for place, result in self.whole_results():
            results[place] = result
        return results


cdef cnp.ndarray _grown(cnp.ndarray array, size_t kept, tuple shape, dtype):
    """A longer array that begins with the first `kept` rows of `array`."""
    cdef cnp.ndarray longer = np.empty(shape, dtype)
    if kept > 0:
        longer[:kept] = array[:kept]
    return longer
