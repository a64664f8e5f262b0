# What an optimizer remembers of a network, and its schedule.

cdef int _set_schedule(fnn_schedule_t *schedule, numbers, cnp.ndarray table) except -1:
    """A schedule from what `Schedule.numbers` gives; the caller keeps `table`, its last part."""
    kind, rate, steps, a, b, c, flag, warmup_steps, warmup_start, _ = numbers
    if not 0 <= kind < FNN_RATE_COUNT:
        raise ValueError(f"fastnn: unknown kind of schedule {kind}")
    schedule.kind = <fnn_rate_t><int>kind
    schedule.rate = rate
    schedule.steps = steps
    schedule.a = a
    schedule.b = b
    schedule.c = c
    schedule.flag = flag
    schedule.warmup_steps = warmup_steps
    schedule.warmup_start = warmup_start
    schedule.n = table.size // 2
    schedule.table = <const double *>cnp.PyArray_DATA(table)
    return 0


def schedule_at(numbers, uint64_t step):
    """The rate after `step` updates of the schedule that `Schedule.numbers` describes."""
    cdef fnn_schedule_t schedule
    cdef cnp.ndarray table = np.array(numbers[9], dtype=np.float64)
    _set_schedule(&schedule, numbers, table)
    return fnn_schedule_at(&schedule, step)


NO_UPDATE = FNN_NO_UPDATE  # the kind of a state that only wants gradients


cdef int _fill_update(fnn_update_t *update, given) except -1:
    """The numbers of an update from what `Optimizer.settings` gives, but for its schedule."""
    update.kind = <fnn_optimizer_t><int>given["kind"]
    update.lr = given.get("learning_rate", 0.0)
    update.momentum = given.get("momentum", 0.0)
    update.nesterov = given.get("nesterov", False)
    update.beta1 = given.get("beta_1", 0.0)
    update.beta2 = given.get("beta_2", 0.0)
    update.eps = given.get("epsilon", 0.0)
    update.weight_decay = given.get("weight_decay", 0.0)
    update.least = given.get("least", 0.0)
    update.most = given.get("most", 0.0)
    update.shrink = given.get("shrink", 0.0)
    update.grow = given.get("grow", 0.0)
    update.momentum_decay = given.get("momentum_decay", 0.0)
    update.beta2_decay = given.get("beta_2_decay", 0.0)
    update.eps2 = given.get("epsilon_2", 0.0)
    update.threshold = given.get("threshold", 0.0)
    update.ratio = given.get("adam_ratio", 0.0)
    update.iterations = given.get("ns_steps", 0)
    update.accumulate = given.get("accumulate_steps", 1)
    update.noise = given.get("noise", 0.0)
    update.noise_decay = given.get("noise_decay", 0.0)
    update.centralize = given.get("centralize", False)
    update.clip_value = given.get("clip_value", 0.0)
    update.clip_norm = given.get("clip_norm", 0.0)
    update.global_clip_norm = given.get("global_clip_norm", 0.0)
    update.ema = given.get("ema", 0.0)
    update.lookahead = given.get("lookahead_steps", 0)
    update.lookahead_alpha = given.get("lookahead_alpha", 0.0)
    return 0


def optimizer_step(str where not None, settings, param, grad, dict state not None, t,
                   uint64_t seed):
    """Update `t` of one parameter; a matrix is the kernel of a layer.

    `settings` is what `Optimizer.settings` gives, `state` the arrays that those ask for.
    """
    cdef cnp.ndarray p, g, one, scalars, table
    cdef fnn_update_t update
    cdef fnn_stretch_t stretch
    cdef fnn_segment_t segment
    cdef fnn_schedule_t schedule
    cdef size_t i, n
    cdef uint64_t number = t
    cdef c_bool updated = False
    cdef fnn_status_t status
    cdef fnn_dtype_t code
    if not isinstance(param, np.ndarray):
        raise TypeError(f"{where}: param must be an array, got {type(param).__name__}")
    p = _writable(where, "param", param, _real(where, "param", param).dtype, _shape(param))
    g = _real(where, "grad", grad, p.dtype)
    if _shape(g) != _shape(p):
        raise ValueError(f"{where}: grad has shape {_shape(g)}, want that of param, {_shape(p)}")
    n = p.size
    code = _dtype_code(p.dtype)
    memset(&update, 0, sizeof(update))
    _fill_update(&update, settings)
    if settings.get("schedule") is not None:
        table = np.array(settings["schedule"][9], dtype=np.float64)
        _set_schedule(&schedule, settings["schedule"], table)
        update.schedule = &schedule
    memset(&segment, 0, sizeof(segment))
    segment.matrix = segment.hidden = p.ndim > 1
    segment.cols = p.shape[p.ndim - 1] if p.ndim > 1 else 1
    segment.rows = n // max(segment.cols, <size_t>1)
    segment.decay = segment.multiplier = segment.rate = 1.0
    stretch = fnn_stretch_t(0, n, 1.0, 1.0, 0.0, 0.0)
    update.n_stretches = update.n_segments = 1
    update.stretches, update.segments = &stretch, &segment
    update.seed = seed
    scalars = _writable(where, "state['scalars']", state["scalars"], np.dtype(np.float64),
                        (FNN_UPDATE_SCALARS,))
    update.scalars = <double *>cnp.PyArray_DATA(scalars)
    for name, array in state.items():
        if name == "scalars":
            continue
        one = _writable(where, f"state[{name!r}]", array, p.dtype, _shape(array))
        if np.may_share_memory(one, p) or np.may_share_memory(one, g):
            raise ValueError(f"{where}: state[{name!r}] shares memory with param or grad")
        if name == "ema":
            update.mean = cnp.PyArray_DATA(one)
        elif name == "slow":
            update.slow = cnp.PyArray_DATA(one)
        elif name == "accumulated":
            update.sum = cnp.PyArray_DATA(one)
        else:
            update.slot[(<tuple>settings["slots"]).index(name)] = cnp.PyArray_DATA(one)
    if n == 0:
        return True
    if np.may_share_memory(g, p):
        raise ValueError(f"{where}: param and grad share memory")
    if not fnn_update_is_piecewise(&update):
        g = g.copy()  # which the update overwrites
    cdef void *params = cnp.PyArray_DATA(p)
    cdef void *grads = cnp.PyArray_DATA(g)
    if fnn_update_new_work(&update, code) != FNN_OK:
        raise MemoryError(f"{where}: no memory for updates of whole parameters")
    try:
        with nogil:
            status = fnn_update(_kernels, code, &update, number, n, params, grads, 1, &updated)
    finally:
        fnn_update_free_work(&update)
    if status == FNN_NONFINITE_GRADIENT:
        raise FloatingPointError(
            f"{where}: the norm of grad is not finite; the update was not applied")
    return bool(updated)


@cython.final
cdef class OptimizerState:
    """What an optimizer remembers of one network: its arrays and the number of updates done.

    Parameters
    ----------
    network : Network
    settings : dict
        What `Optimizer.settings` gives, or {"kind": NO_UPDATE}: a state whose steps leave the
        gradients, with those of the penalties, and change no parameter.
    segments : sequence of tuple
        What `describe_segments` gives: the parameters in rising order.
    seed : int
        Of the noise of gradients.
    """
    cdef readonly Network network
    cdef readonly dict settings
    cdef public size_t freezes  # of the network, when the segments were described
    cdef size_t n_state         # numbers that a factored second moment has
    cdef public uint64_t t
    cdef fnn_update_t update
    cdef fnn_stretch_t *stretches
    cdef fnn_segment_t *segments
    cdef fnn_schedule_t schedule
    cdef cnp.ndarray table     # of the schedule
    cdef cnp.ndarray scalars
    cdef cnp.ndarray training  # the parameters of training, while the network has the averages
    cdef dict kept             # name -> array: what arrays() gives

    def __cinit__(self):
        self.stretches = NULL
        self.segments = NULL

    def __dealloc__(self):
        fnn_update_free_work(&self.update)
        fnn_free(self.stretches)
        fnn_free(self.segments)

    def __init__(self, Network network not None, settings, segments, uint64_t seed=0):
        network.check_built()
        if self.network is not None:
            raise RuntimeError("OptimizerState: already made")
        self.network = network
        self.settings = {}
        self.kept = {}
        self.scalars = np.zeros(FNN_UPDATE_SCALARS)
        self.update.scalars = <double *>cnp.PyArray_DATA(self.scalars)
        self.update.seed = seed
        self.update.penalty_scale = 1.0
        self.take_segments(segments)
        self.take_arrays(settings)
        self.configure(settings)

    cdef int take_segments(self, segments) except -1:
        """Copy the segments; neighbours that are updated alike become one stretch."""
        cdef size_t end = 0, n = 0, state = 0
        cdef fnn_stretch_t *last = NULL
        cdef fnn_segment_t *segment
        self.stretches = <fnn_stretch_t *>fnn_alloc(len(segments) * sizeof(fnn_stretch_t))
        self.segments = <fnn_segment_t *>fnn_alloc(len(segments) * sizeof(fnn_segment_t))
        if self.stretches == NULL or self.segments == NULL:
            raise MemoryError("OptimizerState: no memory for segments")
        for (offset, rows, cols, matrix, trainable, hidden, decay, multiplier, l1, l2, constraint,
             least, most, rate) in segments:
            size = rows * cols
            if offset < end or offset + size > self.network.parameter_arena.size or (
                    not 0 <= constraint < FNN_CONSTRAINT_COUNT):
                raise ValueError(f"OptimizerState: segment {(offset, size)} is out of place")
            end = offset + size
            place = state  # whether it is trained or not, so that it has the same when it is again
            state += rows + cols if matrix else rows
            if not trainable:
                last = NULL  # a stretch must not bridge it
                continue
            segment = &self.segments[self.update.n_segments]
            self.update.n_segments += 1
            segment.offset = offset
            segment.rows = rows
            segment.cols = cols
            segment.matrix = matrix
            segment.hidden = hidden
            segment.decay = decay
            segment.multiplier = multiplier
            segment.l1 = l1
            segment.l2 = l2
            segment.constraint = <fnn_constraint_t><int>constraint
            segment.least = least
            segment.most = most
            segment.rate = rate
            segment.state = place
            if last != NULL and (last.decay, last.multiplier, last.l1, last.l2) == (
                    decay, multiplier, l1, l2):
                last.size = end - last.offset
                continue
            last = &self.stretches[n]
            last.offset = offset
            last.size = size
            last.decay = decay
            last.multiplier = multiplier
            last.l1 = l1
            last.l2 = l2
            n += 1
        self.update.n_stretches = n
        self.update.stretches = self.stretches
        self.update.segments = self.segments
        self.n_state = state
        return 0

    def describe(self, segments):
        """Take the segments anew, after some were frozen or set free; arrays and count stay."""
        fnn_free(self.stretches)
        fnn_free(self.segments)
        self.stretches = NULL
        self.segments = NULL
        self.update.n_segments = self.update.n_stretches = 0
        self.take_segments(segments)
        self.configure(self.settings)

    cdef cnp.ndarray new_array(self, name, size_t size):
        cdef cnp.ndarray array = _new_arena(size, self.network.real)
        self.kept[name] = array
        return array

    cdef int take_arrays(self, settings) except -1:
        """Make the arrays that an optimizer of these settings needs."""
        cdef size_t n = self.network.parameter_arena.size, i, k
        cdef const fnn_segment_t *segment
        kind, names = settings["kind"], settings.get("slots", (None, None, None))
        for i, name in enumerate(names):
            if name is None:
                continue
            size = n
            if kind == FNN_ADAFACTOR:
                size = self.n_state
            self.update.slot[i] = cnp.PyArray_DATA(self.new_array(name, size))
            initial = settings.get("initial", (0.0, 0.0, 0.0))[i]
            for k in range(self.update.n_segments if initial else 0):
                segment = &self.segments[k]
                (<object>self.kept[name])[
                    segment.offset : segment.offset + segment.rows * segment.cols
                ] = initial * (segment.multiplier if kind == FNN_RPROP else 1.0)
        if settings.get("ema", 0.0):
            self.update.mean = cnp.PyArray_DATA(self.new_array("ema", n))
        if settings.get("lookahead_steps", 0):
            self.update.slow = cnp.PyArray_DATA(self.new_array("slow", n))
        if settings.get("accumulate_steps", 1) > 1:
            self.update.sum = cnp.PyArray_DATA(self.new_array("accumulated", n))
        if self.update.mean != NULL or kind == FNN_SCHEDULE_FREE:
            self.training = self.new_array("training", n)
        self.kept["scalars"] = self.scalars
        return 0

    def configure(self, settings):
        """Change the settings; arrays and count stay, so they must be of the same kinds."""
        given = dict(settings)
        for name in ("kind", "slots"):
            if self.settings and given.get(name) != self.settings.get(name):
                raise ValueError(
                    f"OptimizerState: {name} was {self.settings.get(name)}, got {given.get(name)}")
        for name, there in (("ema", self.update.mean != NULL),
                            ("lookahead_steps", self.update.slow != NULL)):
            if bool(given.get(name, 0)) != there:
                raise ValueError(f"OptimizerState: {name} cannot be changed to {given.get(name)}")
        if given.get("accumulate_steps", 1) > 1 and self.update.sum == NULL:
            raise ValueError("OptimizerState: accumulate_steps cannot be changed from 1")
        if not 0 <= given["kind"] < FNN_OPTIMIZER_COUNT:
            raise ValueError(f"OptimizerState: unknown kind {given['kind']}")
        self.update.schedule = NULL
        if given.get("schedule") is not None:
            self.table = np.array(given["schedule"][9], dtype=np.float64)
            _set_schedule(&self.schedule, given["schedule"], self.table)
            self.update.schedule = &self.schedule
        _fill_update(&self.update, given)
        self.settings = given
        if fnn_update_new_work(&self.update, self.network.code) != FNN_OK:
            raise MemoryError("OptimizerState: no memory for updates of whole parameters")

    @property
    def seed(self):
        """Of the noise of gradients."""
        return self.update.seed

    @seed.setter
    def seed(self, uint64_t value):
        self.update.seed = value

    @property
    def learning_rate(self):
        """The rate of the next update."""
        if self.update.schedule != NULL:
            return fnn_schedule_at(self.update.schedule, self.t)
        return self.update.lr

    @property
    def trained(self):
        """The parameters that are trained, as (offset, size, kind of constraint)."""
        cdef size_t k
        return tuple(
            (self.segments[k].offset, self.segments[k].rows * self.segments[k].cols,
             <int>self.segments[k].constraint)
            for k in range(self.update.n_segments))

    def arrays(self):
        """Name -> array, itself: with `t` and the parameters all that a resumed fit needs."""
        return dict(self.kept)

    def step(self):
        """One update of the network's parameters from its gradients."""
        cdef Network network = self.network
        cdef void *params = cnp.PyArray_DATA(network.parameter_arena)
        cdef void *grads = cnp.PyArray_DATA(network.gradient_arena)
        cdef size_t n = network.parameter_arena.size
        cdef const fnn_kernels_t *kernels = fnn_plan_kernels(network.plan)
        cdef c_bool updated = False
        cdef fnn_status_t status
        network.begin_writing()
        try:
            with nogil:
                status = fnn_update(kernels, network.code, &self.update, self.t + 1, n, params,
                                    grads, 1, &updated)
            if updated:
                self.t += 1
        finally:
            network.end_writing()
        if status == FNN_NONFINITE_GRADIENT:
            raise FloatingPointError(
                "fastnn: the norm of the gradients is not finite; the update was not applied")

    # -- averages ---------------------------------------------------------------------------------

    @property
    def averages(self):
        """Whether there are averaged parameters, which predictions should use."""
        return self.training is not None

    def use_averages(self, bint wanted):
        """Give the network the averaged parameters, or those of training back.

        Where there are none (yet), or the network has those already, nothing happens.  If the
        parameters were changed while the network had the averages, training goes on from there.
        """
        cdef Network network = self.network
        cdef cnp.ndarray found
        if self.training is None or self.t == 0 or (
                wanted == bool((<double *>cnp.PyArray_DATA(self.scalars))[3])):
            return
        network.begin_writing()
        try:
            parameters = <object>network.parameter_arena
            if wanted:
                (<object>self.training)[...] = parameters
                parameters[...] = self.averaged()
            else:
                found = self.averaged()
                if found.tobytes() == parameters.tobytes():
                    parameters[...] = self.training
            (<double *>cnp.PyArray_DATA(self.scalars))[3] = wanted
        finally:
            network.end_writing()

    cdef cnp.ndarray averaged(self):
        """The averages, from the parameters that `training` holds."""
        cdef cnp.ndarray found = np.empty_like(self.training)
        fnn_update_averages(&self.update, self.network.code, found.size,
                            cnp.PyArray_DATA(self.training), cnp.PyArray_DATA(found))
        return found
