"""Regularizers: penalties on parameters or activities, added to the loss.

``loss`` of a fit and of an evaluation includes them; metrics do not.  They are not divided by the
number of rows or of parameters, as in Keras.
"""

from __future__ import annotations

from fastnn._spec import Spec, check_float, resolve

__all__ = ["L1", "L1L2", "L2", "Regularizer", "get"]


class Regularizer(Spec):
    """Base of the regularizers: the penalty is ``l1 * sum(|w|) + l2 * sum(w**2)``.

    Attributes
    ----------
    l1, l2 : float
    """

    __slots__ = ("l1", "l2")
    l1: float
    l2: float


class L1(Regularizer):
    """``l1 * sum(|w|)``: drives weights to 0.

    Parameters
    ----------
    l1 : float, default 0.01
        At least 0.

    Examples
    --------
    >>> L1(0.1)
    L1(l1=0.1)
    """

    __slots__ = ()
    tag = "l1"

    def __init__(self, l1: float = 0.01) -> None:
        self._set(l1=check_float("L1", "l1", l1, at_least=0), l2=0.0)


class L2(Regularizer):
    """``l2 * sum(w**2)``: its gradient is ``2 * l2 * w``.

    Parameters
    ----------
    l2 : float, default 0.01
        At least 0.

    Examples
    --------
    >>> L2(1e-4)
    L2(l2=0.0001)
    """

    __slots__ = ()
    tag = "l2"

    def __init__(self, l2: float = 0.01) -> None:
        self._set(l1=0.0, l2=check_float("L2", "l2", l2, at_least=0))


class L1L2(Regularizer):
    """``l1 * sum(|w|) + l2 * sum(w**2)``.

    Parameters
    ----------
    l1, l2 : float, default 0.01
        At least 0.

    Examples
    --------
    >>> L1L2(l1=1e-5, l2=1e-4)
    L1L2(l1=1e-05, l2=0.0001)
    """

    __slots__ = ()
    tag = "l1_l2"

    def __init__(self, l1: float = 0.01, l2: float = 0.01) -> None:
        self._set(
            l1=check_float("L1L2", "l1", l1, at_least=0),
            l2=check_float("L1L2", "l2", l2, at_least=0),
        )


Regularizer.table = {cls.tag: cls for cls in (L1, L2, L1L2)}


def get(regularizer: object, where: str = "regularizers.get") -> Regularizer | None:
    """Return the regularizer that a name, a spec or a config stands for; None of None.

    Parameters
    ----------
    regularizer : str, Regularizer, mapping or None
    where : str
        Who asks; begins the message of an error.

    Raises
    ------
    TypeError, ValueError
        If it is none of these.

    Examples
    --------
    >>> get("l2")
    L2()
    """
    return None if regularizer is None else resolve(Regularizer, regularizer, where)
