"""The C functions that an exported network calls, each written once, for float.

`source` gives the ones that a network needs, in an order in which each is defined before its use;
`as_double` turns float code into double code.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

__all__ = ["NAMES", "as_double", "source", "takes_alpha"]

# Sums run from the bias on, in the order of the inputs, as in fastnn's own kernels.
_FUNCTIONS = {
    "MULTIPLY_ADD": """\
/* a b + c: rounded once where the machine has an instruction for it, else twice. */
#ifdef FP_FAST_FMAF
#define MULTIPLY_ADD(a, b, c) fmaf(a, b, c)
#else
#define MULTIPLY_ADD(a, b, c) ((a) * (b) + (c))
#endif
""",
    "copy": """\
static void copy(const float *x, float *out, size_t n) {
    for (size_t i = 0; i < n; ++i)
        out[i] = x[i];
}
""",
    "dense": """\
/* out = bias + x kernel; kernel is (inputs, units), row by row; bias may be NULL. */
static void dense(const float *x, size_t inputs, const float *kernel, const float *bias,
                  float *out, size_t units) {
    for (size_t j = 0; j < units; ++j)
        out[j] = bias ? bias[j] : 0;
    for (size_t i = 0; i < inputs; ++i, kernel += units)
        for (size_t j = 0; j < units; ++j)
            out[j] = MULTIPLY_ADD(x[i], kernel[j], out[j]);
}
""",
    "bilinear": """\
/* out[u] = bias[u] + a kernel_u b; row i of kernel holds row i of kernel_0, of kernel_1, ... */
static void bilinear(const float *a, size_t rows, const float *b, size_t cols,
                     const float *kernel, const float *bias, float *out, size_t units) {
    for (size_t u = 0; u < units; ++u) {
        out[u] = bias ? bias[u] : 0;
        for (size_t i = 0; i < rows; ++i) {
            const float *row = kernel + (i * units + u) * cols;
            float sum = 0;
            for (size_t j = 0; j < cols; ++j)
                sum = MULTIPLY_ADD(row[j], b[j], sum);
            out[u] = MULTIPLY_ADD(a[i], sum, out[u]);
        }
    }
}
""",
    "maxout": """\
/* The largest piece of each unit; piece p of unit u is x[p * units + u]. */
static void maxout(const float *x, float *out, size_t units, size_t pieces) {
    for (size_t u = 0; u < units; ++u) {
        out[u] = x[u];
        for (size_t p = 1; p < pieces; ++p)
            if (!(x[p * units + u] <= out[u]))
                out[u] = x[p * units + u];
    }
}
""",
    "is_row": """\
/* Whether x is a whole number within 0 and rows - 1; NaN is not. */
static int is_row(float x, float rows) {
    return x >= 0 && x < rows && floorf(x) == x;
}
""",
    "prelu": """\
static void prelu(const float *x, const float *alpha, float *out, size_t n) {
    for (size_t i = 0; i < n; ++i)
        out[i] = x[i] > 0 ? x[i] : alpha[i] * x[i];
}
""",
    "shift_and_scale": """\
/* (x - mean) scale + beta, column by column; beta may be NULL. */
static void shift_and_scale(const float *x, const float *mean, const float *scale,
                            const float *beta, float *out, size_t n) {
    for (size_t i = 0; i < n; ++i) {
        const float y = (x[i] - mean[i]) * scale[i];
        out[i] = beta ? y + beta[i] : y;
    }
}
""",
    "scale_and_shift": """\
/* x scale + mean, column by column: back to the units of the targets. */
static void scale_and_shift(const float *x, const float *mean, const float *scale, float *out,
                            size_t n) {
    for (size_t i = 0; i < n; ++i)
        out[i] = MULTIPLY_ADD(x[i], scale[i], mean[i]);
}
""",
    "layer_norm": """\
/* The row to mean 0 and variance 1, then gamma and beta; each may be NULL. */
static void layer_norm(const float *x, const float *gamma, const float *beta, float epsilon,
                       float *out, size_t n) {
    float mean = 0, variance = 0;
    for (size_t i = 0; i < n; ++i)
        mean += x[i];
    mean /= (float)n;
    for (size_t i = 0; i < n; ++i)
        variance += (x[i] - mean) * (x[i] - mean);
    const float scale = 1 / sqrtf(variance / (float)n + epsilon);
    for (size_t i = 0; i < n; ++i) {
        const float y = (x[i] - mean) * scale;
        out[i] = (gamma ? gamma[i] * y : y) + (beta ? beta[i] : 0);
    }
}
""",
    "rms_norm": """\
/* The row to a mean square of 1, then gamma. */
static void rms_norm(const float *x, const float *gamma, float epsilon, float *out, size_t n) {
    float square = 0;
    for (size_t i = 0; i < n; ++i)
        square += x[i] * x[i];
    const float scale = 1 / sqrtf(square / (float)n + epsilon);
    for (size_t i = 0; i < n; ++i)
        out[i] = x[i] * scale * gamma[i];
}
""",
    "add": """\
static void add(const float *a, const float *b, float *out, size_t n) {
    for (size_t i = 0; i < n; ++i)
        out[i] = a[i] + b[i];
}
""",
    "subtract": """\
static void subtract(const float *a, const float *b, float *out, size_t n) {
    for (size_t i = 0; i < n; ++i)
        out[i] = a[i] - b[i];
}
""",
    "multiply": """\
static void multiply(const float *a, const float *b, float *out, size_t n) {
    for (size_t i = 0; i < n; ++i)
        out[i] = a[i] * b[i];
}
""",
    "maximum": """\
static void maximum(const float *a, const float *b, float *out, size_t n) {
    for (size_t i = 0; i < n; ++i)
        out[i] = a[i] < b[i] ? b[i] : a[i];
}
""",
    "divide": """\
static void divide(float *x, size_t n, float by) {
    for (size_t i = 0; i < n; ++i)
        x[i] /= by;
}
""",
    "sigmoid": """\
static float sigmoid(float z) { return 1 / (1 + expf(-z)); }
""",
    "softplus": """\
/* log(1 + exp(z)), which neither overflows nor loses digits */
static float softplus(float z) { return (z > 0 ? z : 0) + log1pf(expf(-fabsf(z))); }
""",
    "hard_sigmoid": """\
static float hard_sigmoid(float z) {
    const float y = (z + 3) / 6;
    return y < 0 ? 0 : y > 1 ? 1 : y;
}
""",
    "gelu": """\
/* z times the normal distribution function */
static float gelu(float z) { return 0.5f * z * erfcf(-0.7071067811865476f * z); }
""",
    "gelu_tanh": """\
/* (1 + tanh(u)) / 2 is 1 / (1 + exp(-2 u)) */
static float gelu_tanh(float z) {
    return z / (1 + expf(-1.5957691216057308f * (z + 0.044715f * z * z * z)));
}
""",
    "squareplus": """\
/* (z + sqrt(z^2 + b)) / 2, without the cancellation where z < 0 */
static float squareplus(float z, float b) {
    const float s = 0.5f * (fabsf(z) + sqrtf(z * z + b));
    return z < 0 ? 0.25f * b / s : s;
}
""",
    "tanh_shrink": """\
/* z - tanh(z) in double, for its difference loses digits near 0 */
static float tanh_shrink(float z) { return (float)((double)z - tanh((double)z)); }
""",
    "largest": """\
static float largest(const float *z, size_t n) {
    float most = z[0];
    for (size_t i = 1; i < n; ++i)
        if (z[i] > most)
            most = z[i];
    return most;
}
""",
    "apply_softmax": """\
static void apply_softmax(const float *z, float *out, size_t n) {
    const float most = largest(z, n);
    float sum = 0;
    for (size_t i = 0; i < n; ++i) {
        out[i] = expf(z[i] - most);
        sum += out[i];
    }
    for (size_t i = 0; i < n; ++i)
        out[i] /= sum;
}
""",
    "apply_log_softmax": """\
static void apply_log_softmax(const float *z, float *out, size_t n) {
    const float most = largest(z, n);
    float sum = 0;
    for (size_t i = 0; i < n; ++i)
        sum += expf(z[i] - most);
    sum = logf(sum);
    for (size_t i = 0; i < n; ++i)
        out[i] = z[i] - most - sum;
}
""",
    "apply_sparsemax": """\
/* The nearest point of the simplex: all above a threshold, less it.  Each pass throws out what lies
 * below the threshold so far, which raises it; the pass that throws out nothing is the last. */
static void apply_sparsemax(const float *z, float *out, size_t n) {
    const float most = largest(z, n);
    float threshold = -1;
    size_t before = n + 1;
    for (;;) {
        float sum = 0;
        size_t kept = 0;
        for (size_t i = 0; i < n; ++i)
            if (!(z[i] - most < threshold)) {
                sum += z[i] - most;
                ++kept;
            }
        if (kept >= before)
            break;
        before = kept;
        threshold = (sum - 1) / (float)kept;
    }
    for (size_t i = 0; i < n; ++i) {
        const float y = z[i] - most - threshold;
        out[i] = y < 0 ? 0 : y;
    }
}
""",
    "glu": """\
/* The first half of the row times the sigmoid of the second. */
static void glu(const float *z, float *out, size_t n) {
    for (size_t i = 0; i < n; ++i)
        out[i] = z[i] * sigmoid(z[n + i]);
}
""",
}

# Element by element; comparisons are such that NaN stays NaN.
_ELEMENTWISE = {
    "relu": "z[i] < 0 ? 0 : z[i]",
    "leaky_relu": "z[i] > 0 ? z[i] : alpha * z[i]",
    "elu": "z[i] > 0 ? z[i] : alpha * expm1f(z[i])",
    "gelu": "gelu(z[i])",
    "sigmoid": "sigmoid(z[i])",
    "tanh": "tanhf(z[i])",
    "silu": "z[i] * sigmoid(z[i])",
    "softplus": "softplus(z[i])",
    "exp": "expf(z[i])",
    "relu6": "z[i] < 0 ? 0 : z[i] > 6 ? 6 : z[i]",
    "hard_sigmoid": "hard_sigmoid(z[i])",
    "hard_tanh": "z[i] < -1 ? -1 : z[i] > 1 ? 1 : z[i]",
    "hard_silu": "z[i] * hard_sigmoid(z[i])",
    "selu": "z[i] > 0 ? 1.0507009873554805f * z[i] : 1.7580993408473766f * expm1f(z[i])",
    "celu": "z[i] > 0 ? z[i] : alpha * expm1f(z[i] / alpha)",
    "gelu_tanh": "gelu_tanh(z[i])",
    "mish": "z[i] * tanhf(softplus(z[i]))",
    "softsign": "z[i] / (1 + fabsf(z[i]))",
    "squareplus": "squareplus(z[i], alpha)",
    "log_sigmoid": "-softplus(-z[i])",
    "tanh_shrink": "tanh_shrink(z[i])",
    "soft_shrink": "z[i] > alpha ? z[i] - alpha : z[i] < -alpha ? z[i] + alpha : 0 * z[i]",
    "hard_shrink": "fabsf(z[i]) > alpha ? z[i] : 0 * z[i]",
}


def _elementwise(name: str, value: str) -> str:
    alpha = ", float alpha" if re.search(r"\balpha\b", value) else ""
    return (
        f"static void apply_{name}(const float *z, float *out, size_t n{alpha}) {{\n"
        f"    for (size_t i = 0; i < n; ++i)\n"
        f"        out[i] = {value};\n"
        f"}}\n"
    )


_FUNCTIONS |= {f"apply_{name}": _elementwise(name, value) for name, value in _ELEMENTWISE.items()}


NAMES = tuple(_FUNCTIONS)  # that C functions of ours have


def takes_alpha(activation: str) -> bool:
    """Tell whether the function of an activation takes its alpha."""
    return "alpha" in _ELEMENTWISE.get(activation, "")


def source(names: Iterable[str]) -> str:
    """Return the functions of these names, and what they call, each before its use.

    Examples
    --------
    >>> print(source(["apply_sigmoid"]))
    static float sigmoid(float z) { return 1 / (1 + expf(-z)); }
    <BLANKLINE>
    static void apply_sigmoid(const float *z, float *out, size_t n) {
        for (size_t i = 0; i < n; ++i)
            out[i] = sigmoid(z[i]);
    }
    <BLANKLINE>
    """
    needed: set[str] = set()
    waiting = list(names)
    while waiting:
        name = waiting.pop()
        if name not in needed:
            needed.add(name)
            code = re.sub(r"/\*.*?\*/", "", _FUNCTIONS[name], flags=re.DOTALL)
            waiting += [word for word in re.findall(r"(\w+)\(", code) if word in _FUNCTIONS]
    return "\n".join(text for name, text in _FUNCTIONS.items() if name in needed)


_FLOAT_WORDS = re.compile(r"\b(expf|expm1f|log1pf|logf|fabsf|sqrtf|tanhf|erfcf|floorf|fmaf)\b")
_FLOAT_LITERAL = re.compile(r"\b(\d+\.\d+(?:e-?\d+)?)f\b")


def as_double(text: str) -> str:
    """Return C code for float as code for double.

    Examples
    --------
    >>> as_double("static float half(float z) { return 0.5f * fabsf(z); }")
    'static double half(double z) { return 0.5 * fabs(z); }'
    """
    text = re.sub(r"\bfloat\b", "double", text).replace("FP_FAST_FMAF", "FP_FAST_FMA")
    text = _FLOAT_WORDS.sub(lambda found: found[0][:-1], text)
    return _FLOAT_LITERAL.sub(r"\1", text)
