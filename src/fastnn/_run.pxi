# Epochs: a run binds rows, a loss and metrics to a network and takes steps in C.


cdef c_bool _poll_run(void *run) noexcept with gil:
    """Called from C between row blocks: true if the run is to stop."""
    return (<Run>run).cancelled or _poll_signals(NULL)


cdef str _wrong(fnn_status_t status):
    if status == FNN_NONFINITE_LOSS:
        return "loss"
    return "gradient" if status == FNN_NONFINITE_GRADIENT else "input"


@cython.final
cdef class Run:
    """One pass after another over rows: an epoch of training, or an evaluation.

    Parameters
    ----------
    network : Network
    heads : sequence of tuple (loss kind, its settings, whether the loss applies the activation of
        the output, weight of the loss, and perhaps the outputs that metrics see)
        One for each output.  The settings are those of `fnn_loss_set_t` by name; of a person's own
        loss also "function".  The outputs that metrics see, as a range: for a loss with fewer
        targets than outputs.
    metrics : sequence of tuple (metric, number of the output)
        Settings of streaming metrics, as `MetricState` takes them; and metrics of the whole epoch,
        objects with ``compute(y_true, y_pred, weight)`` and ``check_weights()``, for which the run
        keeps outputs, targets and weights: 4 or 8 bytes a value.
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
    cdef list own           # a person's losses
    cdef list kept          # what the run keeps of its rows for metrics of all rows of an epoch
    cdef size_t n_metrics   # of both kinds
    cdef size_t *places     # of the streaming ones among all
    cdef object rows_of     # what the sources point into
    cdef fnn_run_t run
    cdef fnn_source_t sources[_MOST_INPUTS]
    cdef fnn_head_t *heads
    cdef size_t head_cols[FNN_MOST_OUTPUTS]  # that metrics see
    cdef size_t n_heads
    cdef fnn_metric_slot_t *slots
    cdef fnn_penalty_t *penalties
    cdef readonly size_t threads
    cdef readonly size_t done  # epochs that the last call of `epochs` completed
    cdef bint cancelled

    def __cinit__(self):
        self.slots = NULL
        self.heads = NULL
        self.places = NULL
        self.penalties = NULL
        self.run.team = NULL

    def __init__(self, Network network not None, heads, metrics, size_t batch_rows,
                 OptimizerState state=None, size_t threads=1, uint64_t seed=0):
        cdef Py_ssize_t i
        network.check_built()
        self.network = network
        self.state = state
        self.threads = max(1, min(threads, FNN_MOST_THREADS))
        if len(heads) != len(network.output_cols):
            raise ValueError(f"Run: got {len(heads)} heads for {len(network.output_cols)} outputs")
        self.own = []
        fnn_free(self.heads)
        self.heads = <fnn_head_t *>fnn_alloc(len(heads) * sizeof(fnn_head_t))
        if self.heads == NULL:
            raise MemoryError("Run: no memory for losses")
        self.n_heads = len(heads)
        for i, (loss, settings, skip_activation, weight, *measured) in enumerate(heads):
            self.set_head(i, loss, settings, skip_activation, weight,
                          measured[0] if measured else None)
        self.n_metrics = len(metrics)
        self.metric_states, places, outputs, whole = [], [], [], {}
        for place, (metric, head) in enumerate(metrics):
            if isinstance(metric, tuple):
                self.metric_states.append(MetricState(metric, self.head_cols[head]))
                places.append(place)
                outputs.append(head)
            else:
                whole.setdefault(head, []).append((place, metric))
        fnn_free(self.slots)
        fnn_free(self.places)
        self.slots = <fnn_metric_slot_t *>fnn_alloc(len(places) * sizeof(fnn_metric_slot_t))
        self.places = <size_t *>fnn_alloc(len(places) * sizeof(size_t))
        if self.slots == NULL or self.places == NULL:
            raise MemoryError("Run: no memory for metrics")
        for i, metric in enumerate(self.metric_states):
            self.slots[i].set = (<MetricState>metric).set
            self.slots[i].state = (<MetricState>metric).state()
            self.slots[i].head = outputs[i]
            self.slots[i].size = fnn_metric_state_size(&self.slots[i].set,
                                                       self.head_cols[outputs[i]])
            self.places[i] = places[i]
        for _, head in metrics:
            if (self.heads[head].target_cols != self.head_cols[head]
                    and self.heads[head].loss != FNN_SPARSE_CATEGORICAL_CROSSENTROPY):
                raise ValueError(
                    f"Run: metrics compare each output with a target; this loss has "
                    f"{self.heads[head].target_cols} targets for {self.head_cols[head]} outputs: "
                    f"want no metrics")
        self.kept = []
        for head, found in whole.items():
            self.keep(head, found)
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
        self.take_penalties(network.penalties or ())
        self.run.poll = _poll_run
        self.run.poll_data = <void *>self
        self.reserve(batch_rows)

    cdef int keep(self, size_t i, list metrics) except -1:
        """Keep the rows of output i for metrics of all of them."""
        cdef _Kept kept = _Kept()
        kept.head = &self.heads[i]
        kept.cols = self.head_cols[i]
        kept.real = self.network.real
        kept.metrics = metrics
        self.kept.append(kept)
        return 0

    cdef int set_head(self, size_t i, int loss, settings, bint skip_activation, double weight,
                      measured) except -1:
        """What output i is held against."""
        cdef size_t cols = self.network.output_cols[i]
        cdef fnn_head_t *head = &self.heads[i]
        cdef _OwnLoss own
        if not 0 <= loss < FNN_LOSS_COUNT:
            raise ValueError(f"Run: unknown loss kind {loss}")
        _fill_loss_set(&head.set, settings)
        if weight != 0:
            _check_outputs("Run", loss, cols, &head.set)
        if loss == FNN_OWN_LOSS:
            own = _OwnLoss(settings, cols, self.network.parameter_arena.dtype)
            own.network = self.network
            own.fill(&head.set.own)
            self.own.append(own)
        head.loss = <fnn_loss_t>loss
        head.skip_activation = skip_activation
        head.weight = weight
        head.terms = fnn_loss_terms(head.loss, cols)
        head.target_cols = fnn_loss_target_cols(head.loss, cols, &head.set)
        self.head_cols[i] = cols
        head.measured = 0
        if measured is not None:
            head.measured = self.head_cols[i] = len(measured)
            head.measured_first, head.measured_step = measured.start, measured.step
            if not 0 < 2 * head.measured <= cols or measured[-1] >= cols or measured.start < 0:
                raise ValueError(f"Run: metrics cannot see {measured} of {cols} outputs")
        if head.target_cols > cols:
            raise ValueError(f"Run: targets have {head.target_cols} columns; want at most "
                             f"as many as the network has outputs, {cols}")
        return 0

    def __dealloc__(self):
        fnn_team_free(self.run.team)
        fnn_free(self.slots)
        fnn_free(self.heads)
        fnn_free(self.places)
        fnn_free(self.penalties)

    cdef int take_penalties(self, penalties) except -1:
        fnn_free(self.penalties)
        self.penalties = <fnn_penalty_t *>fnn_alloc(len(penalties) * sizeof(fnn_penalty_t))
        if self.penalties == NULL:
            raise MemoryError("Run: no memory for penalties")
        for i, (offset, size, l1, l2) in enumerate(penalties):
            if offset + size > self.network.parameter_arena.size:
                raise ValueError(f"Run: penalty {(offset, size)} is out of place")
            self.penalties[i] = fnn_penalty_t(offset, size, l1, l2)
        self.run.n_penalties = len(penalties)
        self.run.penalties = self.penalties
        self.run.penalties_per_row = self.network.penalties_per_row
        return 0

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
        # a person's loss writes its gradient in evaluations too
        if fnn_team_new(self.network.plan, rows, self.state is not None or len(self.own) > 0,
                        doubles, self.threads, &self.run.team) != FNN_OK:
            raise MemoryError(f"fastnn: no memory for batches of {rows} rows")
        return 0

    cdef int set_target(self, size_t head, cnp.ndarray y, size_t rows) except -1:
        """Point an output's head at its targets."""
        cdef bint labels = self.heads[head].loss == FNN_SPARSE_CATEGORICAL_CROSSENTROPY
        if self.heads[head].weight == 0:
            return 0
        if (y is None or <size_t>y.shape[0] != rows
                or (labels and (y.ndim != 1 or y.dtype != np.int32))
                or (not labels and _shape(y) != (rows, self.heads[head].target_cols))):
            raise ValueError(f"Run: the targets of output {head} do not fit the network")
        return _set_source(&self.heads[head].y, y)

    def bind(self, x not None, y not None, weight, cnp.ndarray order, size_t batch_size,
             bint check_finite):
        """Point the run at checked rows and start it at step 0; returns the number of steps.

        `x` and `y`: an array (`x` may be sparse rows), or a tuple or `fastnn.data.Tables`, an array
        for each input and output.  With `order` at the rows that it names, in that order.  The
        caller vouches for them.  `weight`: one for each row, None, or a tuple or `Tables` of them
        for each output.
        """
        cdef tuple xs = x if isinstance(x, tuple) else getattr(x, "arrays", None) or (x,)
        cdef tuple ys = y if isinstance(y, tuple) else getattr(y, "arrays", None) or (y,)
        cdef size_t rows = self.network.set_sources("Run", xs, self.sources), k
        cdef tuple weights = weight if isinstance(weight, tuple) else getattr(
            weight, "arrays", None) or (weight,)
        if rows == 0 or batch_size == 0 or len(ys) != len(self.network.output_cols) or (
                len(weights) not in (1, len(ys))) or any(
                one is not None and _shape(one) != (rows,) for one in weights):
            raise ValueError(f"Run: {rows} rows, {len(ys)} targets and weights do not fit")
        for k in range(<size_t>len(ys)):
            self.set_target(k, ys[k], rows)
        if order is not None:
            if order.dtype != np.uint64 or not _is_plain(order) or order.ndim != 1 or (
                    order.shape[0] == 0):
                raise ValueError("Run: order must be a vector of uint64 indices")
            rows = order.shape[0]
        if any(one is not None for one in weights):
            for kept in self.kept:
                for _, metric in (<_Kept>kept).metrics:
                    metric.check_weights()
        self.reserve(min(batch_size, rows))
        self.run.weight.data = NULL
        self.run.weighs_heads = len(weights) > 1
        if len(weights) == 1 and weight is not None:
            _set_source(&self.run.weight, weights[0])
        for k in range(<size_t>len(weights) if len(weights) > 1 else 0):
            self.heads[k].row_weight.data = NULL
            if weights[k] is not None:
                _set_source(&self.heads[k].row_weight, weights[k])
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
        """Make room to keep `rows` more rows, for the metrics that want them."""
        for kept in self.kept:
            (<_Kept>kept).make_room(
                rows, self.run.weight.data != NULL or self.run.weighs_heads)
        return 0

    cdef list whole_results(self):
        """Pairs of place and result of the metrics of the whole epoch; rows as the steps came."""
        return [pair for kept in self.kept for pair in (<_Kept>kept).results()]

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
        """Start an epoch over the bound rows: at step 0, its sums at 0."""
        self.run.step = 0
        self.reset_sums()
        for kept in self.kept:
            (<_Kept>kept).forget()
        for metric in self.metric_states:
            (<MetricState>metric).reset()

    cdef void reset_sums(self) noexcept nogil:
        cdef size_t k
        self.run.loss_sum = self.run.weight_sum = 0
        for k in range(self.n_heads):
            self.heads[k].loss_sum = self.heads[k].weight_sum = 0
            self.heads[k].keep.rows = 0

    def sums(self):
        """Copies of the sums since `begin`: of losses and weights, then of each streaming metric,
        then the rows that are kept for metrics of all of them: outputs, targets and weights."""
        cdef size_t k
        cdef list rows = []
        found = [self.run.loss_sum, self.run.weight_sum]
        for k in range(self.n_heads):
            found += [self.heads[k].loss_sum, self.heads[k].weight_sum]
        for kept in self.kept:
            copies = (<_Kept>kept).copies()
            found.append(len(copies))
            rows += copies
        return [np.array(found),
                *((<MetricState>metric).sums.copy() for metric in self.metric_states), *rows]

    def go_on(self, size_t step, sums):
        """Go on within an epoch: at this step, with what `sums` returned there."""
        cdef size_t k, n = len(self.metric_states)
        found, states, rows = sums[0], sums[1:1 + n], list(sums[1 + n:])
        if len(states) != n or np.shape(found) != (2 + 2 * self.n_heads + len(self.kept),) or any(
                np.shape(given) != _shape((<MetricState>metric).sums)
                for given, metric in zip(states, self.metric_states)) or (
                len(rows) != sum(found[2 + 2 * self.n_heads:])):
            raise ValueError("Run: these are sums of other metrics")
        for kept, count in zip(self.kept, found[2 + 2 * self.n_heads:]):
            (<_Kept>kept).take(rows[:int(count)])
            del rows[:int(count)]
        self.run.step = step
        self.run.loss_sum = found[0]
        self.run.weight_sum = found[1]
        for k in range(self.n_heads):
            self.heads[k].loss_sum = found[2 + 2 * k]
            self.heads[k].weight_sum = found[3 + 2 * k]
        for given, metric in zip(states, self.metric_states):
            (<object>(<MetricState>metric).sums)[...] = given

    def advance(self, size_t stop, double seconds=INFINITY):
        """Take steps until step `stop`; "" or what went wrong: "loss", "gradient" or "input".

        Returns sooner, with steps left, at the first look at the clock after `seconds`: C comes
        back for one about every 50 ms.

        Python's signal handlers run every 50 ms; what they raise comes out between two steps, or
        out of a long step that is then dropped before its update.
        """
        cdef double began = fnn_now()
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
            if network.made_from.functions is not None:
                network.made_from.functions.check()  # whatever else went wrong with its zeros
            for own in self.own:
                (<_OwnLoss>own).raise_error()
            if status == FNN_INTERRUPTED:
                self.raise_interrupt()
            if status != FNN_OK:
                return _wrong(status)
            self.check_interrupts()
            if fnn_now() - began >= seconds:
                break
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
        cdef fnn_random_words_fn *words = _kernels.f32.random_words
        cdef fnn_status_t status = FNN_OK
        cdef double slice_began, epoch_began = 0, now
        cdef bint has_whole = len(self.kept) > 0, is_over = False
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
        for kept in self.kept:
            (<_Kept>kept).forget()
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
                                fnn_random_permutation(&stream, words, index,
                                                       self.run.rows)
                                if choice != NULL:
                                    for i in range(self.run.rows):
                                        index[i] = choice[index[i]]
                            self.reset_sums()
                            for i in range(self.run.n_metrics):
                                fnn_metric_reset(&self.slots[i].set, self.slots[i].state,
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
                            record[2 + self.places[i]] = fnn_metric_result(
                                &self.slots[i].set, self.slots[i].state,
                                self.head_cols[self.slots[i].head])
                        if has_whole:
                            is_over = True
                            break
                        record += width
                        self.done += 1
                        if self.done < count:
                            self.run.step = 0
            finally:
                self.state.t = self.run.t
                network.end_writing()
            if network.made_from.functions is not None:
                network.made_from.functions.check()  # whatever else went wrong with its zeros
            for own in self.own:
                (<_OwnLoss>own).raise_error()
            if status == FNN_INTERRUPTED:
                self.raise_interrupt()
            if status != FNN_OK:
                return _wrong(status)
            if is_over:
                for place, result in self.whole_results():
                    record[2 + <size_t>place] = result
                record[0] = fnn_now() - epoch_began
                record += width
                self.done += 1
                if self.done < count:
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

    def losses(self):
        """Mean loss of each output since `begin`, without its weight; NaN before the first row."""
        return [head.loss_sum / head.weight_sum if head.weight_sum else float("nan")
                for head in self.heads[:self.n_heads]]

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


@cython.final
cdef class _Kept:
    """What a run keeps of one output, in the order of its steps."""
    cdef fnn_head_t *head  # the run's, which holds this
    cdef size_t cols
    cdef cnp.dtype real
    cdef list metrics      # pairs of place and metric
    cdef cnp.ndarray p, y, weight

    cdef void forget(self) noexcept:
        self.head.keep.rows = 0
        self.weight = None

    cdef int make_room(self, size_t rows, bint weighted) except -1:
        """Make room to keep `rows` more rows."""
        cdef fnn_head_t *head = self.head
        cdef size_t kept = head.keep.rows, most = 0, cols = self.cols
        if self.p is not None:
            most = self.p.shape[0]
        if kept + rows > most:
            # Streams come batch by batch: half as much again, so that little is copied.
            most = max(kept + rows, kept + kept // 2)
            self.p = _grown(self.p, kept, (most, cols), self.real)
            if head.loss == FNN_SPARSE_CATEGORICAL_CROSSENTROPY:
                self.y = _grown(self.y, kept, (most,), np.int32)
            else:
                self.y = _grown(self.y, kept, (most, cols), self.real)
            if self.weight is not None:
                self.weight = _grown(self.weight, kept, (most,), self.real)
        if self.weight is None and weighted:
            self.weight = np.ones(most, self.real)
        head.keep.p = cnp.PyArray_DATA(self.p)
        head.keep.y = cnp.PyArray_DATA(self.y)
        head.keep.weight = NULL
        if self.weight is not None:
            head.keep.weight = cnp.PyArray_DATA(self.weight)
        return 0

    cdef list copies(self):
        """Copies of the rows kept: outputs, targets and weights, if any."""
        cdef size_t rows = self.head.keep.rows
        if rows == 0:
            return []
        arrays = [self.p, self.y] if self.weight is None else [self.p, self.y, self.weight]
        return [array[:rows].copy() for array in arrays]

    cdef int take(self, list arrays) except -1:
        """Go on with what `copies` returned."""
        self.forget()
        if not arrays:
            return 0
        cdef tuple shape = _shape(arrays[0]), shape_of_y = shape
        of_y = self.real
        if self.head.loss == FNN_SPARSE_CATEGORICAL_CROSSENTROPY:
            of_y, shape_of_y = np.dtype(np.int32), shape[:1]
        wanted = [(self.real, shape), (of_y, shape_of_y), (self.real, shape[:1])][:len(arrays)]
        if shape[1:] != (self.cols,) or (
                [(array.dtype, array.shape) for array in arrays] != wanted):
            raise ValueError("Run: these are rows of another run")
        self.head.keep.rows = shape[0]
        self.p, self.y = np.array(arrays[0]), np.array(arrays[1])
        self.weight = np.array(arrays[2]) if len(arrays) == 3 else None
        return 0

    cdef list results(self):
        """Pairs of place and result."""
        cdef size_t rows = self.head.keep.rows
        if rows == 0:
            return [(place, float("nan")) for place, _ in self.metrics]
        parts = []
        for array in (self.y, self.p, self.weight):
            part = None
            if array is not None:
                part = array[:rows]
                part.flags.writeable = False
            parts.append(part)
        return [(place, metric.compute(*parts)) for place, metric in self.metrics]


cdef cnp.ndarray _grown(cnp.ndarray array, size_t kept, tuple shape, dtype):
    """A longer array that begins with the first `kept` rows of `array`."""
    cdef cnp.ndarray longer = np.empty(shape, dtype)
    if kept > 0:
        longer[:kept] = array[:kept]
    return longer
