# Types of the compiled core.  What each name does is said in _core.pyx and the files it includes.
from collections.abc import Iterable, Sequence
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
    param: float,
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
    param: float,
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

# ---- networks -----------------------------------------------------------------------------------

# (kind, activation, alpha, input tensor, output tensor, offset of the kernel, of the bias)
_Op = tuple[float, ...]
# (offset, size, trainable, decay, multiplier)
_Segment = tuple[int, int, bool, float, float]

class Network:
    @property
    def parameter_arena(self) -> _Real: ...
    @property
    def gradient_arena(self) -> _Real: ...
    def _build(
        self,
        dtype: npt.DTypeLike,
        cols: Sequence[int],
        n_inputs: int,
        ops: Sequence[_Op],
        n_params: int,
    ) -> None: ...
    def block_rows(self) -> int: ...
    def snapshot(self) -> _Real: ...
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
    def run_predict(self, x: _Numbers, out: _Real, block: int, check_finite: bool) -> int: ...
    def run_forward(self, x: _Numbers, out: _Real, check_finite: bool) -> int: ...
    def run_backward(self, dy: _Real, dx: _Real) -> bool: ...

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

@final
class OptimizerState:
    t: int
    def __init__(
        self,
        network: Network,
        slots: int,
        settings: Sequence[float],
        segments: Sequence[_Segment],
    ) -> None: ...
    @property
    def network(self) -> Network: ...
    @property
    def slots(self) -> tuple[_Real, ...]: ...
    @property
    def settings(self) -> tuple[float, ...]: ...
    def configure(self, settings: Sequence[float]) -> None: ...
    def step(self) -> None: ...

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
        head: tuple[int, float, bool],
        metrics: Sequence[tuple[int, int, int, int, float, float] | _Whole],
        batch_rows: int,
        state: OptimizerState | None = None,
        threads: int = 1,
    ) -> None: ...
    @property
    def threads(self) -> int: ...
    @property
    def network(self) -> Network: ...
    @property
    def state(self) -> OptimizerState | None: ...
    def bind(
        self,
        x: _Numbers,
        y: _Numbers,
        weight: _Numbers | None,
        order: npt.NDArray[np.uint64] | None,
        batch_size: int,
        check_finite: bool,
    ) -> int: ...
    def release(self) -> None: ...
    def cancel(self) -> None: ...
    def begin(self) -> None: ...
    def kept(self) -> list[npt.NDArray[Any]]: ...
    def keep(self, arrays: Sequence[npt.NDArray[Any]]) -> None: ...
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
    def advance(self, stop: int) -> Literal["", "loss", "input"]: ...
    @property
    def step(self) -> int: ...
    @property
    def loss(self) -> float: ...
    @property
    def batch_loss(self) -> float: ...
    @property
    def bad_row(self) -> int: ...
    def metrics(self, whole: bool = True) -> list[float]: ...
