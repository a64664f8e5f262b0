# Types of the compiled core.  What each name does is said in _core.pyx and the files it includes.
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, ClassVar, Literal, Protocol, final, overload

import numpy as np
import numpy.typing as npt
from typing_extensions import CapsuleType

_Real = npt.NDArray[np.floating[Any]]
_Numbers = npt.NDArray[np.generic]

# ---- which kernels ------------------------------------------------------------------------------

def available_isas() -> tuple[str, ...]: ...
def current_isa() -> str: ...
def use_isa(name: str) -> None: ...
def compiler() -> str: ...
def allocations() -> int: ...
def allocated_bytes() -> int: ...
def peak_bytes(restart: bool = False) -> int: ...

# ---- arrays -------------------------------------------------------------------------------------

def first_nonfinite(array: _Numbers, dtype: npt.DTypeLike) -> int: ...
def gather(
    array: _Numbers, dtype: npt.DTypeLike, order: npt.ArrayLike | None = None
) -> tuple[_Real, int]: ...
def csr_bad_row(indptr: npt.NDArray[Any], indices: npt.NDArray[Any], columns: int) -> int: ...

# ---- random numbers -----------------------------------------------------------------------------

random_purposes: dict[str, int]

def philox4x32(counter: Sequence[int], key: Sequence[int]) -> tuple[int, int, int, int]: ...
def random_uniform(
    seed: int, purpose: str, epoch: int, step: int, n: int
) -> npt.NDArray[np.float64]: ...
def random_normal(
    seed: int, purpose: str, epoch: int, step: int, n: int
) -> npt.NDArray[np.float64]: ...
def random_permutation(
    seed: int, purpose: str, epoch: int, n: int, out: npt.NDArray[np.uint64] | None = None
) -> npt.NDArray[np.uint64]: ...

# ---- losses -------------------------------------------------------------------------------------

def own_loss_type(where: str, function: object) -> Literal["python", "float32", "float64"]: ...

# ---- kernels ------------------------------------------------------------------------------------

def matmul(
    where: str,
    a: npt.ArrayLike,
    b: npt.ArrayLike,
    transpose_a: bool,
    transpose_b: bool,
    bias: npt.ArrayLike | None,
    relu: bool,
    accumulate: bool,
    out: _Real | None,
    names: tuple[str, str] = ("a", "b"),
) -> _Real: ...
def column_sum(where: str, a: npt.ArrayLike, accumulate: bool, out: _Real | None) -> _Real: ...
def activation(
    where: str, kind: int, z: npt.ArrayLike, alpha: float, out: _Real | None
) -> _Real: ...
def activation_grad(
    where: str, kind: int, saved: npt.ArrayLike, dy: npt.ArrayLike, alpha: float, out: _Real | None
) -> _Real: ...
@overload
def loss(
    where: str,
    kind: int,
    z: npt.ArrayLike,
    y: npt.ArrayLike,
    sample_weight: npt.ArrayLike | None,
    settings: Mapping[str, Any],
    gradient: Literal[False],
    out: None,
) -> float: ...
@overload
def loss(
    where: str,
    kind: int,
    z: npt.ArrayLike,
    y: npt.ArrayLike,
    sample_weight: npt.ArrayLike | None,
    settings: Mapping[str, Any],
    gradient: Literal[True],
    out: _Real | None,
) -> _Real: ...
def sgd_step(
    where: str,
    param: _Real,
    grad: _Real,
    velocity: _Real | None,
    learning_rate: float,
    momentum: float,
    nesterov: bool,
) -> None: ...
def adam_step(
    where: str,
    param: _Real,
    grad: _Real,
    m: _Real,
    v: _Real,
    t: int,
    learning_rate: float,
    beta_1: float,
    beta_2: float,
    epsilon: float,
    weight_decay: float,
) -> None: ...
def elementwise_step(
    where: str,
    kind: int,
    param: _Real,
    grad: _Real,
    slots: Sequence[_Real | None],
    settings: dict[str, float],
) -> None: ...
def fma_probe(dtype: npt.DTypeLike, rounds: int, mix: int) -> float: ...

@final
class MetricState:
    def __init__(self, settings: tuple[int, int, int, int, float, float], cols: int) -> None: ...
    @property
    def settings(self) -> tuple[int, int, int, int, float, float]: ...
    @property
    def cols(self) -> int: ...
    def reset(self) -> None: ...
    def update(
        self, p: npt.ArrayLike, y: npt.ArrayLike, weight: npt.ArrayLike | None = None
    ) -> None: ...
    def update_classes(
        self,
        predicted: npt.NDArray[np.int32],
        actual: npt.NDArray[np.int32],
        weight: npt.NDArray[np.float64] | None = None,
    ) -> None: ...
    def merge(self, other: MetricState) -> None: ...
    def result(self) -> float: ...

# ---- kernels of layers other than dense ----------------------------------------------------------

def add_to(where: str, out: _Real, x: npt.ArrayLike) -> _Real: ...
def combine(where: str, kind: int, inputs: Sequence[npt.ArrayLike], out: _Real | None) -> _Real: ...
def concatenate(where: str, inputs: Sequence[npt.ArrayLike], out: _Real | None) -> _Real: ...
def combine_grad(
    where: str,
    kind: int,
    inputs: Sequence[npt.ArrayLike],
    which: int,
    output: npt.ArrayLike,
    dy: npt.ArrayLike,
    out: _Real | None,
) -> _Real: ...
def move_columns(
    where: str,
    add: bool,
    x: npt.ArrayLike,
    start: int,
    stop: int | None,
    out: _Real | None,
    at: int,
) -> _Real: ...
def affine(
    where: str,
    back: bool,
    x: npt.ArrayLike,
    scale: npt.ArrayLike,
    shift: npt.ArrayLike | None,
    out: _Real | None,
) -> _Real: ...
def layer_norm(
    where: str,
    x: npt.ArrayLike,
    gamma: npt.ArrayLike | None,
    beta: npt.ArrayLike | None,
    eps: float,
    rms: bool,
    stats: _Real | None,
    out: _Real | None,
) -> tuple[_Real, _Real]: ...
def layer_norm_grad(
    where: str,
    x: npt.ArrayLike,
    gamma: npt.ArrayLike | None,
    stats: npt.ArrayLike,
    dy: npt.ArrayLike,
    rms: bool,
    out: _Real | None,
) -> _Real: ...
def layer_norm_param_grad(
    where: str,
    x: npt.ArrayLike,
    stats: npt.ArrayLike,
    dy: npt.ArrayLike,
    rms: bool,
    add: bool,
    dgamma: _Real | None,
    dbeta: _Real | None,
) -> tuple[_Real, _Real]: ...
def layer_norm_backward(
    where: str,
    x: npt.ArrayLike,
    gamma: npt.ArrayLike | None,
    stats: npt.ArrayLike,
    dy: npt.ArrayLike,
    rms: bool,
    add: bool,
    out: _Real | None,
    dgamma: _Real | None,
    dbeta: _Real | None,
) -> tuple[_Real, _Real, _Real]: ...
def column_moments(where: str, x: npt.ArrayLike) -> tuple[_Real, _Real]: ...
def batch_norm(
    where: str,
    x: npt.ArrayLike,
    mean: npt.ArrayLike,
    variance: npt.ArrayLike,
    gamma: npt.ArrayLike | None,
    beta: npt.ArrayLike | None,
    eps: float,
    out: _Real | None,
) -> _Real: ...
def batch_norm_sums(
    where: str,
    x: npt.ArrayLike,
    mean: npt.ArrayLike,
    variance: npt.ArrayLike,
    dy: npt.ArrayLike,
    eps: float,
) -> tuple[_Real, _Real]: ...
def batch_norm_grad(
    where: str,
    x: npt.ArrayLike,
    mean: npt.ArrayLike,
    variance: npt.ArrayLike,
    gamma: npt.ArrayLike | None,
    sum_dy: npt.ArrayLike,
    sum_dy_xhat: npt.ArrayLike,
    dy: npt.ArrayLike,
    batch_rows: int | None,
    eps: float,
    out: _Real | None,
) -> _Real: ...
def noise(
    where: str,
    kind: int,
    x: npt.ArrayLike,
    rate: float,
    seed: int,
    epoch: int,
    step: int,
    first: int,
    mask: _Real | None,
    out: _Real | None,
) -> tuple[_Real, _Real | None]: ...
def noise_grad(
    where: str, mask: npt.ArrayLike | None, dy: npt.ArrayLike, out: _Real | None
) -> _Real: ...
def prelu(where: str, x: npt.ArrayLike, alpha: npt.ArrayLike, out: _Real | None) -> _Real: ...
def prelu_grad(
    where: str, x: npt.ArrayLike, alpha: npt.ArrayLike, dy: npt.ArrayLike, out: _Real | None
) -> _Real: ...
def prelu_param_grad(
    where: str, x: npt.ArrayLike, dy: npt.ArrayLike, add: bool, out: _Real | None
) -> _Real: ...
def maxout(where: str, z: npt.ArrayLike, pieces: int, out: _Real | None) -> _Real: ...
def maxout_grad(
    where: str,
    z: npt.ArrayLike,
    output: npt.ArrayLike,
    dy: npt.ArrayLike,
    pieces: int,
    out: _Real | None,
) -> _Real: ...
def glu(where: str, z: npt.ArrayLike, out: _Real | None) -> _Real: ...
def glu_grad(where: str, z: npt.ArrayLike, dy: npt.ArrayLike, out: _Real | None) -> _Real: ...
def bilinear_out(
    where: str,
    t: npt.ArrayLike,
    x2: npt.ArrayLike,
    bias: npt.ArrayLike | None,
    out: _Real | None,
) -> _Real: ...
def bilinear_grad(
    where: str, dy: npt.ArrayLike, t: npt.ArrayLike, x2: npt.ArrayLike
) -> tuple[_Real, _Real]: ...
def activity(
    where: str, x: npt.ArrayLike, l1: float, l2: float, dx: _Real | None, scale: float
) -> float: ...
def embedding(
    where: str, index: npt.ArrayLike, table: npt.ArrayLike, out: _Real | None
) -> _Real: ...
def embedding_grad(where: str, index: npt.ArrayLike, dy: npt.ArrayLike, dtable: _Real) -> _Real: ...
def csr_dense(
    where: str,
    x: Any,
    kernel: npt.ArrayLike,
    bias: npt.ArrayLike | None,
    rows: npt.ArrayLike | None,
    out: _Real | None,
) -> _Real: ...
def csr_dense_grad(
    where: str,
    x: Any,
    dy: npt.ArrayLike,
    rows: npt.ArrayLike | None,
    add: bool,
    out: _Real | None,
) -> _Real: ...

@final
class ColumnMoments:
    def __init__(self, cols: int) -> None: ...
    @property
    def cols(self) -> int: ...
    def update(
        self, x: _Numbers, weight: npt.ArrayLike | None = None, skip_nan: bool = False
    ) -> None: ...
    def merge(self, other: ColumnMoments) -> None: ...
    def count(self) -> npt.NDArray[np.float64]: ...
    def mean(self) -> npt.NDArray[np.float64]: ...
    def variance(self) -> npt.NDArray[np.float64]: ...

# ---- networks -----------------------------------------------------------------------------------

# (kind, activation, alpha, beta, variant, inputs, kernel, bias, state, number, size)
_Op = tuple[int, int, float, float, int, tuple[int, ...], int, int, tuple[int, int], int, int]

class Functions:
    @property
    def calls(self) -> list[Any]: ...
    def add(
        self,
        name: str,
        forward: Callable[..., Any],
        backward: Callable[..., Any],
        fan_in: int,
        units: int,
        dtype: str,
    ) -> int: ...

class Network:
    penalties: tuple[tuple[int, int, float, float], ...] | None
    penalties_per_row: bool
    @property
    def parameter_arena(self) -> _Real: ...
    @property
    def gradient_arena(self) -> _Real: ...
    def _build(
        self,
        dtype: npt.DTypeLike,
        cols: Sequence[int],
        n_inputs: int,
        outputs: Sequence[int],
        ops: Sequence[_Op],
        n_params: int,
        functions: Functions | None = None,
    ) -> None: ...
    @property
    def input_cols(self) -> tuple[int, ...]: ...
    @property
    def output_cols(self) -> tuple[int, ...]: ...
    def block_rows(self) -> int: ...
    def snapshot(self, out: _Real | None = None) -> _Real: ...
    def restore(self, arena: _Real) -> None: ...
    @property
    def fitting(self) -> bool: ...
    def begin_fit(self) -> None: ...
    def end_fit(self) -> None: ...
    def predict(
        self,
        x: npt.ArrayLike | Iterable[Any],
        *,
        batch_size: int | None = None,
        out: _Real | None = None,
        check_finite: bool = True,
    ) -> _Real: ...
    def predict_rows(
        self, x: object, batch_size: int | None, out: _Real | None, check_finite: bool
    ) -> _Real: ...
    def run_predict(
        self, xs: tuple[Any, ...], outs: tuple[Any, ...], block: int, check_finite: bool
    ) -> int: ...
    def run_forward(
        self, xs: tuple[Any, ...], outs: tuple[Any, ...], check_finite: bool, seed: int
    ) -> int: ...
    def run_backward(self, dys: tuple[Any, ...], dxs: tuple[Any, ...]) -> bool: ...

@final
class Predictor:
    abi_version: ClassVar[int]
    def __init__(self, model: Network, *, check_finite: bool = True) -> None: ...
    @property
    def inputs(self) -> int: ...
    @property
    def outputs(self) -> int: ...
    @property
    def dtype(self) -> str: ...
    @property
    def check_finite(self) -> bool: ...
    @property
    def capsule(self) -> CapsuleType: ...
    @property
    def address(self) -> int: ...
    @property
    def user_data(self) -> int: ...
    def __call__(self, x: npt.ArrayLike) -> _Real: ...
    def predict(self, x: npt.ArrayLike) -> _Real: ...
    def predict_into(self, x: npt.ArrayLike, out: _Real) -> _Real: ...

NO_UPDATE: int

def schedule_at(numbers: Sequence[Any], step: int) -> float: ...
def optimizer_step(
    where: str,
    settings: dict[str, Any],
    param: _Real,
    grad: _Real,
    state: dict[str, Any],
    t: int,
    seed: int,
) -> bool: ...

@final
class OptimizerState:
    t: int
    def __init__(
        self,
        network: Network,
        settings: dict[str, Any],
        segments: Sequence[tuple[Any, ...]],
        seed: int = 0,
    ) -> None: ...
    @property
    def network(self) -> Network: ...
    @property
    def settings(self) -> dict[str, Any]: ...
    def configure(self, settings: dict[str, Any]) -> None: ...
    @property
    def learning_rate(self) -> float: ...
    @property
    def trained(self) -> tuple[tuple[int, int, int], ...]: ...
    freezes: int
    seed: int
    def describe(self, segments: Sequence[Any]) -> None: ...
    def arrays(self) -> dict[str, _Real]: ...
    def step(self) -> None: ...
    @property
    def averages(self) -> bool: ...
    def use_averages(self, wanted: bool) -> None: ...

# ---- epochs -------------------------------------------------------------------------------------

class _Whole(Protocol):
    """A metric that is computed from all rows of an epoch at once."""

    def check_weights(self) -> None: ...
    def compute(
        self, y_true: npt.NDArray[Any], y_pred: npt.NDArray[Any], weight: npt.NDArray[Any] | None
    ) -> float: ...

@final
class Run:
    def __init__(
        self,
        network: Network,
        heads: Sequence[tuple[int, Mapping[str, Any], bool, float]],
        metrics: Sequence[tuple[tuple[int, int, int, int, float, float] | _Whole, int]],
        batch_rows: int,
        state: OptimizerState | None = None,
        threads: int = 1,
        seed: int = 0,
    ) -> None: ...
    @property
    def threads(self) -> int: ...
    @property
    def network(self) -> Network: ...
    @property
    def state(self) -> OptimizerState | None: ...
    def bind(
        self,
        x: Any,
        y: Any,
        weight: _Numbers | None,
        order: npt.NDArray[np.uint64] | None,
        batch_size: int,
        check_finite: bool,
    ) -> int: ...
    def release(self) -> None: ...
    def cancel(self) -> None: ...
    def begin(self) -> None: ...
    def sums(self) -> list[npt.NDArray[np.float64]]: ...
    def go_on(self, step: int, sums: Sequence[npt.NDArray[np.float64]]) -> None: ...
    def epochs(
        self,
        seed: int,
        first: int,
        steps: int,
        order: npt.NDArray[np.uint64] | None,
        records: npt.NDArray[np.float64],
        chosen: npt.NDArray[np.uint64] | None = None,
    ) -> str: ...
    @property
    def done(self) -> int: ...
    def advance(
        self, stop: int, seconds: float = ...
    ) -> Literal["", "loss", "gradient", "input"]: ...
    @property
    def step(self) -> int: ...
    @property
    def loss(self) -> float: ...
    @property
    def batch_loss(self) -> float: ...
    @property
    def bad_row(self) -> int: ...
    def losses(self) -> list[float]: ...
    def metrics(self, whole: bool = True) -> list[float]: ...
