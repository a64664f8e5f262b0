"""The variants that take part: a peer, a way of using it, a number of threads."""

from __future__ import annotations

import importlib.util
from typing import NamedTuple

from .workloads import Predict, Work


class Peer(NamedTuple):
    """A file of this folder; `uses` are the ways of using it that are processes of their own."""

    label: str
    module: str
    needs: tuple[str, ...]
    uses: tuple[str, ...] = ("",)
    fits: bool = True
    predicts: bool = True
    threads: bool = True  # it can use more than one
    slow: bool = False  # the tiny networks only


PEERS = {
    "fastnn": Peer("fastnn", "fastnn_peer", ("fastnn",)),
    "python": Peer("pure Python", "pure_python", (), threads=False, slow=True),
    "numpy": Peer("NumPy", "numpy_peer", ("numpy",)),
    "sklearn": Peer("scikit-learn", "scikit_learn", ("sklearn",)),
    "torch": Peer("PyTorch", "pytorch", ("torch",), ("eager", "compiled")),
    "torchscript": Peer("TorchScript", "torch_script", ("torch",), fits=False),
    "jax": Peer("JAX scan", "jax_scan", ("jax",)),
    "ort": Peer("ONNX Runtime", "onnx_runtime", ("onnxruntime", "onnx"), fits=False),
}


class Variant(NamedTuple):
    """What has a process of its own."""

    peer: str
    use: str
    threads: int

    @property
    def id(self) -> str:
        return f"{self.peer}{'-' if self.use else ''}{self.use}/{self.threads}"

    @property
    def label(self) -> str:
        """The peer and its use, without the number of threads."""
        return f"{PEERS[self.peer].label} {self.use}".strip()

    def takes(self, work: Work, *, quick: bool, cores: int) -> bool:
        """Tell whether it takes part in a workload; a quick run leaves out what cannot win."""
        peer = PEERS[self.peer]
        compiled = self.use == "compiled"
        if isinstance(work, Predict):
            if peer.slow and (work.rows > 32 or work.net.units[0] > 20):
                return False
            if quick and (work.flops > 1e10 or (self.threads > 1 and work.rows < 1000)):
                return False
            return peer.predicts and not (quick and compiled)
        if peer.slow and not work.cars:
            return False
        if work.sweep and (peer.slow or compiled):
            return False
        if quick and self.threads != (cores if work.heavy and peer.threads else 1):
            return self.peer == "fastnn" and not work.cars
        if quick and compiled:
            return work.heavy and work.batch_size == 512
        return peer.fits


def missing(peer: Peer) -> list[str]:
    """Return what it needs and is not installed."""
    return [name for name in peer.needs if importlib.util.find_spec(name) is None]


def variants(names: list[str], cores: int) -> list[Variant]:
    """Return the variants of some peers, on one thread and on all cores."""
    return [
        Variant(name, use, threads)
        for name in names
        for use in PEERS[name].uses
        for threads in sorted({1, cores if PEERS[name].threads else 1})
    ]
