"""Operators that are activations, with what their attributes say."""

from __future__ import annotations

import math
from collections.abc import Callable

from fastnn import activations
from fastnn.interchange.onnx_parts import act, affine, per_column, uniform
from fastnn.interchange.onnx_reader import Call, Handler, Value
from fastnn.interchange.onnx_shapes import column_axis
from fastnn.interchange.onnx_values import Unsupported, neat

__all__ = ["FUNCTIONS"]


def _plain(activation: Callable[[], activations.Activation]) -> Handler:
    return lambda call: act(call, call.rows(), activation())


def _softmax(activation: Callable[[], activations.Activation]) -> Handler:
    def handle(call: Call) -> Value:
        rows = call.rows()
        if call.opset < 13:  # all axes from this one on are one
            column_axis(call, rows, call.attribute("axis", 1))
        else:
            axis = column_axis(call, rows, call.attribute("axis", -1))
            if rows.dims[axis - 1] != rows.ref.units:
                raise Unsupported(f"axis {axis} of a tensor of rank {rows.rank}; want the last")
        return act(call, rows, activation())

    return handle


def leaky_relu(call: Call) -> Value:
    """LeakyRelu; a slope that is negative needs a layer with slopes."""
    rows, alpha = call.rows(), neat(call.attribute("alpha", 0.01))
    if alpha >= 0:
        return act(call, rows, activations.LeakyReLU(alpha))
    return call.make("prelu", [rows], rows.dims, {"alpha": uniform(alpha, rows)}, frozen=True)


def prelu(call: Call) -> Value:
    """PRelu."""
    rows = call.rows()
    wide, flat = per_column(call, rows, call.const(1))
    return call.make("prelu", [wide], wide.dims, {"alpha": flat})


def thresholded_relu(call: Call) -> Value:
    """ThresholdedRelu: relu, then what is not above the threshold becomes 0."""
    alpha = neat(call.attribute("alpha", 1.0))
    if alpha < 0:
        raise Unsupported(f"its threshold {alpha} lies below 0")
    return act(call, act(call, call.rows(), activations.ReLU()), activations.HardShrink(alpha))


def elu(call: Call) -> Value:
    """Elu."""
    alpha = neat(call.attribute("alpha", 1.0))
    if alpha < 0:
        raise Unsupported(f"its alpha {alpha} lies below 0")
    return act(call, call.rows(), activations.ELU(alpha))


def celu(call: Call) -> Value:
    """Celu."""
    alpha = neat(call.attribute("alpha", 1.0))
    if alpha < 1e-30:
        raise Unsupported(f"its alpha {alpha}; want more than 0")
    return act(call, call.rows(), activations.CELU(alpha))


def selu(call: Call) -> Value:
    """Selu; with other numbers than the paper's, a multiple of elu."""
    alpha = call.attribute("alpha", 1.6732632423543772)
    gamma = call.attribute("gamma", 1.0507009873554805)
    if math.isclose(alpha, 1.6732632423543772, rel_tol=1e-6) and math.isclose(
        gamma, 1.0507009873554805, rel_tol=1e-6
    ):
        return act(call, call.rows(), activations.SELU())
    if alpha < 0:
        raise Unsupported(f"its alpha {alpha} lies below 0")
    return affine(call, act(call, call.rows(), activations.ELU(neat(alpha))), gamma, 0.0)


def gelu(call: Call) -> Value:
    """Gelu."""
    approximate = call.attribute("approximate", "none") == "tanh"
    return act(call, call.rows(), activations.GELUTanh() if approximate else activations.GELU())


def hard_sigmoid(call: Call) -> Value:
    """HardSigmoid: ``clip(alpha * x + beta, 0, 1)``."""
    rows = call.rows()
    alpha, beta = call.attribute("alpha", 0.2), call.attribute("beta", 0.5)
    if not (math.isclose(alpha, 1 / 6, rel_tol=1e-6) and beta == 0.5):
        rows = affine(call, rows, 6 * neat(alpha), 6 * (neat(beta) - 0.5))
    return act(call, rows, activations.HardSigmoid())


def shrink(call: Call) -> Value:
    """Shrink: soft if it moves by the threshold, hard if it does not move."""
    threshold, bias = neat(call.attribute("lambd", 0.5)), neat(call.attribute("bias", 0.0))
    if threshold < 0 or bias not in (0, threshold):
        raise Unsupported(f"lambd {threshold} with bias {bias}; want a bias of 0, or the same")
    soft = bias > 0 or threshold == 0
    activation = activations.SoftShrink if soft else activations.HardShrink
    return act(call, call.rows(), activation(threshold))


def swish(call: Call) -> Value:
    """Swish: ``x * sigmoid(alpha * x)``."""
    rows, alpha = call.rows(), neat(call.attribute("alpha", 1.0))
    if alpha == 1:
        return act(call, rows, activations.SiLU())
    if alpha == 0:
        return affine(call, rows, 0.5, 0.0)
    inner = act(call, affine(call, rows, alpha, 0.0), activations.SiLU())
    return affine(call, inner, 1 / alpha, 0.0)


FUNCTIONS: dict[str, Handler] = {
    "Celu": celu,
    "Elu": elu,
    "Exp": _plain(activations.Exp),
    "Gelu": gelu,
    "HardSigmoid": hard_sigmoid,
    "HardSwish": _plain(activations.HardSiLU),
    "LeakyRelu": leaky_relu,
    "LogSoftmax": _softmax(activations.LogSoftmax),
    "Mish": _plain(activations.Mish),
    "PRelu": prelu,
    "Relu": _plain(activations.ReLU),
    "Selu": selu,
    "Shrink": shrink,
    "Sigmoid": _plain(activations.Sigmoid),
    "Softmax": _softmax(activations.Softmax),
    "Softplus": _plain(activations.Softplus),
    "Softsign": _plain(activations.Softsign),
    "Swish": swish,
    "Tanh": _plain(activations.Tanh),
    "ThresholdedRelu": thresholded_relu,
}
