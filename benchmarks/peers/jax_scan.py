"""JAX: all epochs in one compiled call, each a scan over its steps, state donated.

Adam is written out, as Optax would do it.  The rows of an epoch are gathered at its start, in the
order that is handed in.
"""

from __future__ import annotations

from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

from .child import Ways
from .workloads import Array, Task

UNROLL = 4  # steps of the scan in one turn of its loop, at which tiny networks are fastest


def set_up(use: str, threads: int) -> dict[str, str]:
    return {"JAX": jax.__version__}  # XLA makes a thread for each core that the process may use


class Training:
    """Epochs from the initial weights; the call compiles at the first."""

    def __init__(self, task: Task) -> None:
        self.task = task
        self.x, self.y = jnp.asarray(task.x), jnp.asarray(task.y)
        self.orders = jnp.asarray(task.orders)
        self.call = _epochs(task)
        self.reset()

    def reset(self) -> None:
        params = [jnp.array(value) for value in self.task.weights]
        zeros = [[jnp.zeros_like(value) for value in params] for _ in range(2)]
        self.state = jax.block_until_ready((params, *zeros, jnp.zeros(())))

    def run(self, epochs: int) -> None:
        self.state = self.call(self.state, self.x, self.y, self.orders, epochs)
        jax.block_until_ready(self.state)

    def weights(self) -> list[Array]:
        return [np.array(value) for value in self.state[0]]


def forward(net_hidden: str, params: list[Any], x: Any) -> Any:
    """Return the logits."""
    activation = jnp.tanh if net_hidden == "tanh" else jax.nn.relu
    for i in range(0, len(params), 2):
        x = x @ params[i] + params[i + 1]
        x = activation(x) if i + 2 < len(params) else x
    return x


def _epochs(task: Task) -> Any:
    steps = len(task.x) // task.batch_size

    def loss(params: list[Any], x: Any, y: Any) -> Any:
        z = forward(task.net.hidden, params, x)
        if task.net.labels:
            at_label = jnp.take_along_axis(z, y[:, None], axis=1)[:, 0]
            return jnp.mean(jax.nn.logsumexp(z, axis=1) - at_label)
        return jnp.mean((z - y) ** 2)

    def step(state: Any, batch: Any) -> tuple[Any, None]:
        params, m, v, t = state
        gradients = jax.grad(loss)(params, *batch)
        t = t + 1.0
        rate, root = 1e-3 / (1.0 - 0.9**t), jnp.sqrt(1.0 - 0.999**t)
        m = [0.9 * a + 0.1 * g for a, g in zip(m, gradients, strict=True)]
        v = [0.999 * a + 0.001 * g * g for a, g in zip(v, gradients, strict=True)]
        params = [
            p - rate * a / (jnp.sqrt(b) / root + 1e-8) for p, a, b in zip(params, m, v, strict=True)
        ]
        return (params, m, v, t), None

    @partial(jax.jit, donate_argnums=0)
    def run(state: Any, x: Any, y: Any, orders: Any, epochs: Any) -> Any:
        def epoch(number: Any, state: Any) -> Any:
            order = orders[number % len(orders)]
            shape = (steps, task.batch_size)
            rows = x.at[order].get(mode="promise_in_bounds").reshape(*shape, *x.shape[1:])
            wanted = y.at[order].get(mode="promise_in_bounds").reshape(*shape, *y.shape[1:])
            return lax.scan(step, state, (rows, wanted), unroll=min(UNROLL, steps))[0]

        return lax.fori_loop(0, epochs, epoch, state)

    return run


def predictions(task: Task) -> Ways:
    params = [jnp.asarray(value) for value in task.weights]
    hidden = task.net.hidden

    def predict(params: list[Any], x: Any) -> Any:
        z = forward(hidden, params, x)
        return jax.nn.softmax(z, axis=1) if task.net.labels else z

    names = {
        "predict": jax.jit(predict),
        "params": params,
        "x": task.x,
        "array": jnp.asarray(task.x),
    }
    names["asarray"] = np.asarray
    return {
        "NumPy in and out": ("asarray(predict(params, x))", names),
        "JAX arrays": ("predict(params, array).block_until_ready()", names),
    }
