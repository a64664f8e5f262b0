"""Names and comments that C takes, from those that a person gave."""

from __future__ import annotations

import re

from fastnn._spec import describe

__all__ = ["Names", "check_prefix", "comment"]

# Of C, of newer C and of C++, whose compilers people give such files to.
_KEYWORDS = """
    auto break case char const continue default do double else enum extern float for goto if
    inline int long register restrict return short signed sizeof static struct switch typedef
    union unsigned void volatile while _Bool _Complex _Imaginary
    bool true false nullptr constexpr alignas alignof static_assert thread_local typeof asm
    class new delete this template typename namespace operator private protected public try
    catch throw using virtual friend and or not xor main NULL size_t
"""
# Of the headers that the file includes, and of its own main.
_LIBRARY = """
    exp expf expm1 expm1f log logf log1p log1pf fabs fabsf sqrt sqrtf tanh tanhf erfc erfcf floor
    floorf fma fmaf NAN INFINITY HUGE_VAL EOF BUFSIZ stdin stdout stderr printf linux unix
    distance far failed got want most d n i j u p w z rows scratch
"""
_IDENTIFIER = re.compile(r"[A-Za-z][A-Za-z0-9_]*")


class Names:
    """C identifiers, each given out once.

    Examples
    --------
    >>> names = Names(["dense"])
    >>> names.take("encoder/dense 0/kernel"), names.take("dense"), names.take("int")
    ('encoder_dense_0_kernel', 'dense_', 'int_')
    """

    def __init__(self, taken: list[str]) -> None:
        self._taken = {*taken, *_KEYWORDS.split(), *_LIBRARY.split()}

    def take(self, wish: str) -> str:
        """Return the identifier nearest to `wish` that is not taken."""
        plain = re.sub(r"[^A-Za-z0-9_]", "_", wish).lstrip("_")
        if not plain or plain[0].isdigit():
            plain = f"n{plain}"
        while plain in self._taken:
            plain += "_"
        self._taken.add(plain)
        return plain


def check_prefix(where: str, name: object) -> str:
    """Return `name` if C functions can begin with it.

    Raises
    ------
    TypeError, ValueError
        If it is no string, or no C identifier.
    """
    if not isinstance(name, str):
        raise TypeError(f"{where}: name must be a string, got {describe(name)}")
    if not _IDENTIFIER.fullmatch(name) or name in _KEYWORDS.split() or len(name) > 40:
        raise ValueError(
            f"{where}: name begins the names of the C functions; want letters, digits and _, a "
            f"letter first, at most 40, no word of C's own, got {describe(name)}"
        )
    return name


def comment(text: str) -> str:
    """Return `text` such that it may stand in a C comment.

    Examples
    --------
    >>> comment("a*/b")
    'a* /b'
    """
    plain = text.encode("ascii", "replace").decode()
    for ending in ("*/", "/*", "??"):
        plain = plain.replace(ending, ending[0] + " " + ending[1])
    return plain.replace("\\", "/")
