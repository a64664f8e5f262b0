"""What every frozen spec shares: fields, repr, config, name lookup, argument checks.

Specs say what a layer, loss, optimizer, ... is; they hold numbers and names, never arrays.  They
are plain classes: a hundred dataclasses would make the import of fastnn several times slower.
"""

from __future__ import annotations

import math
import operator
from collections.abc import Iterable, Mapping
from types import FunctionType
from typing import Any, ClassVar, Self, TypeVar, cast
from weakref import WeakKeyDictionary

import numpy as np

T = TypeVar("T")
S = TypeVar("S", bound="Spec")

MAX_UNITS = 2**31 - 1


class Spec:
    """Base of all frozen specs.

    A family (`Layer`, `Loss`, ...) is a direct subclass that holds in `table` its classes by
    name.  A member states its `tag` (the name it is saved under; the class's own name unless
    given) and an ``__init__`` that calls ``self._set(...)`` with one field for each argument,
    under the argument's name.

    Specs are equal only to themselves, so that two uses of one layer can be told from two layers.

    Examples
    --------
    >>> from fastnn.layers import Dense
    >>> layer = Dense(32, activation="relu")
    >>> layer
    Dense(32, activation='relu')
    >>> layer.replace(units=8)
    Dense(8, activation='relu')
    """

    __slots__ = ()
    tag: ClassVar[str] = ""
    table: ClassVar[Mapping[str, type[Spec]]] = {}

    def __init_subclass__(cls) -> None:
        super().__init_subclass__()
        if "tag" not in cls.__dict__:
            cls.tag = cls.__name__
        if cls.__module__.startswith("fastnn."):
            _name_init(cls)

    def _set(self, **fields: object) -> None:
        """Set the fields; for ``__init__`` alone."""
        for name, value in fields.items():
            object.__setattr__(self, name, value)

    def __setattr__(self, name: str, value: object) -> None:
        raise AttributeError(
            f"{type(self).__name__} is frozen: {name!r} cannot be set; "
            f"make a changed copy with .replace(...)"
        )

    def __delattr__(self, name: str) -> None:
        raise AttributeError(f"{type(self).__name__} is frozen: {name!r} cannot be deleted")

    def __reduce__(self) -> tuple[Any, ...]:
        return _build, (type(self), self._fields())

    @classmethod
    def _arguments(cls) -> dict[str, bool]:
        """Return the constructor's arguments, and whether each must be given."""
        from inspect import Parameter, signature

        return {
            name: argument.default is Parameter.empty
            for name, argument in signature(cls).parameters.items()
        }

    def _fields(self) -> dict[str, Any]:
        return {name: getattr(self, name) for name in self._arguments()}

    def _changed(self) -> dict[str, Any]:
        """Return the fields that differ from what the constructor fills in."""
        arguments = self._arguments()
        required = {name: getattr(self, name) for name, needed in arguments.items() if needed}
        plain = type(self)(**required)._fields()
        return {
            name: value
            for name, value in self._fields().items()
            if name not in required and not _alike(value, plain[name])
        }

    def short(self) -> str | Self:
        """Return the spec's name if that says it all, else the spec.

        Examples
        --------
        >>> from fastnn.activations import LeakyReLU
        >>> LeakyReLU().short(), LeakyReLU(0.2).short()
        ('leaky_relu', LeakyReLU(alpha=0.2))
        """
        full = any(self._arguments().values()) or self._changed()
        return self if full or self.tag not in self.table else self.tag

    def __repr__(self) -> str:
        words = [
            repr(shown(getattr(self, name))) for name, needed in self._arguments().items() if needed
        ]
        words += [f"{name}={shown(value)!r}" for name, value in self._changed().items()]
        return f"{type(self).__name__}({', '.join(words)})"

    def replace(self, **changes: Any) -> Self:
        """Return a copy with some fields changed.

        Examples
        --------
        >>> from fastnn.optimizers import Adam
        >>> Adam().replace(learning_rate=0.01)
        Adam(learning_rate=0.01)
        """
        fields = self._fields()
        for name in changes:
            lookup("argument", name, fields, where=f"{type(self).__name__}.replace")
        return type(self)(**(fields | changes))

    def config(self) -> dict[str, Any]:
        """Return all fields as a dict that JSON can hold; ``kind`` is the spec's name.

        Examples
        --------
        >>> from fastnn.losses import Huber
        >>> Huber(delta=2.0).config()
        {'kind': 'huber', 'delta': 2.0}
        """
        return {"kind": self.tag} | {name: _plain(value) for name, value in self._fields().items()}

    @classmethod
    def from_config(
        cls, config: Mapping[str, Any], custom_objects: Mapping[str, type[Spec]] | None = None
    ) -> Self:
        """Build the spec that `config` describes.

        Parameters
        ----------
        config : mapping
            What `config()` gave.
        custom_objects : mapping of name to class, optional
            A person's own classes, by the ``kind`` they were saved under.

        Raises
        ------
        TypeError, ValueError
            If `config` is no such mapping, or names an unknown class or argument.

        Examples
        --------
        >>> from fastnn.losses import Loss
        >>> Loss.from_config({"kind": "huber", "delta": 2.0})
        Huber(delta=2.0)
        """
        where = f"{cls.__name__}.from_config"
        if not isinstance(config, Mapping):
            raise TypeError(f"{where}: config must be a mapping, got {describe(config)}")
        custom = custom_objects or {}
        own = {} if "table" in cls.__dict__ else {cls.tag: cls}  # a family is no member
        known: Mapping[str, type[Spec]] = {**cls.table, **own, **custom}
        kind = config.get("kind")
        if not isinstance(kind, str):
            raise ValueError(f"{where}: config must have a 'kind' that is a name, got {kind!r}")
        found = lookup("kind", kind, known, where=where)
        if not issubclass(found, cls):
            raise ValueError(f"{where}: got a config of kind {kind!r} ({found.__name__})")
        arguments = found._arguments()
        fields = {name: value for name, value in config.items() if name != "kind"}
        for name in fields:
            lookup("argument", name, arguments, where=f"{where}: {kind}")
        missing = [name for name, needed in arguments.items() if needed and name not in fields]
        if missing:
            raise ValueError(f"{where}: config of kind {kind!r} lacks {', '.join(missing)}")
        return found(**{name: _revive(value, custom) for name, value in fields.items()})


def _name_init(cls: type[Spec]) -> None:
    """Give a class that inherits its ``__init__`` a copy under its own name.

    Python names the function in ``Dropout.__init__() got an unexpected keyword argument``; nobody
    knows the base that has it.
    """
    inherited: Any = cls.__init__
    if "__init__" in cls.__dict__ or not isinstance(inherited, FunctionType):
        return
    own = FunctionType(
        inherited.__code__,
        inherited.__globals__,
        "__init__",
        inherited.__defaults__,
        inherited.__closure__,
    )
    own.__kwdefaults__ = inherited.__kwdefaults__
    own.__annotations__ = inherited.__annotations__
    own.__module__ = cls.__module__
    own.__qualname__ = f"{cls.__qualname__}.__init__"
    cls.__init__ = own  # type: ignore[method-assign]


def _build(cls: type[S], fields: dict[str, Any]) -> S:
    return cls(**fields)


def shown(value: object) -> object:
    """Return `value` as a repr or a summary shows it: a spec by its name if that says it all."""
    return value.short() if isinstance(value, Spec) else value


def _alike(one: object, other: object) -> bool:
    """Whether two fields hold the same; specs do if their fields do."""
    if isinstance(one, Spec) or isinstance(other, Spec):
        if not isinstance(one, Spec) or type(one) is not type(other):
            return False
        theirs = other._fields()
        return all(_alike(value, theirs[name]) for name, value in one._fields().items())
    if isinstance(one, np.ndarray) or isinstance(other, np.ndarray):
        return np.array_equal(cast(Any, one), cast(Any, other))
    return bool(_plain(one) == _plain(other))


def _plain(value: object) -> Any:
    """Return `value` as JSON holds it."""
    if isinstance(value, Spec):
        return value.config()
    if isinstance(value, tuple):
        return [_plain(item) for item in value]
    return value


def _revive(value: object, custom: Mapping[str, type[Spec]]) -> object:
    """Build the custom specs within a config; the constructors build the others."""
    if not isinstance(value, Mapping):
        return value
    kind = value.get("kind")
    if isinstance(kind, str) and kind in custom:
        return custom[kind].from_config(value, custom)
    return {name: _revive(item, custom) for name, item in value.items()}


def describe(value: object) -> str:
    """Say in an error what came: ``'7' (str)``; long values are cut, long arrays a shape.

    Examples
    --------
    >>> describe("7"), describe(None)
    ("'7' (str)", 'None')
    """
    if value is None:
        return "None"
    text = repr(value)
    if len(text) > 60:
        shape = getattr(value, "shape", None)
        if shape and hasattr(value, "__array__"):
            return f"{type(value).__name__} of shape {shape}"
        text = text[:57] + "..."
    return f"{text} ({type(value).__name__})"


def lookup(what: str, name: object, table: Mapping[str, T], where: str = "") -> T:
    """Return ``table[name]``, or raise an error that suggests the nearest name.

    Parameters
    ----------
    what : str
        What is looked for, such as "activation".
    name : str
    table : mapping
    where : str, optional
        Who asks; begins the message.

    Raises
    ------
    TypeError
        If `name` is not a string.
    ValueError
        If `table` has no such name.

    Examples
    --------
    >>> lookup("activation", "rellu", {"relu": 1, "tanh": 2}, where="Dense")
    Traceback (most recent call last):
        ...
    ValueError: Dense: unknown activation 'rellu'; did you mean 'relu'? Known: relu, tanh
    """
    prefix = f"{where}: " if where else ""
    if not isinstance(name, str):
        raise TypeError(f"{prefix}{what} must be named by a string, got {describe(name)}")
    if name in table:
        return table[name]
    raise ValueError(f"{prefix}unknown {what} {describe_name(name)}; {_known(name, table)}")


def _known(name: str, names: Iterable[str], hint: str = "") -> str:
    """Return the end of a message about an unknown name: the nearest one, and all there are."""
    from difflib import get_close_matches

    names = list(names)
    plain = name.strip().lower().replace("-", "_").replace(" ", "_")
    near = get_close_matches(plain, names, n=1)
    if near and not hint:
        hint = f"did you mean {near[0]!r}?"
    return f"{hint and hint + ' '}Known: {', '.join(names) or 'none'}"


def unexpected(where: str, name: str, known: Iterable[str], hint: str = "") -> TypeError:
    """Return the error for a keyword argument that a function does not have.

    Parameters
    ----------
    where, name : str
        The function, and what came.
    known : iterable of str
        The arguments it has.
    hint : str, optional
        In place of the nearest name.

    Examples
    --------
    >>> unexpected("TabularRegressor", "hiden", ["hidden", "dropout"])
    TypeError("TabularRegressor: unexpected argument 'hiden'; did you mean 'hidden'? \
Known: hidden, dropout")
    """
    return TypeError(f"{where}: unexpected argument {name!r}; {_known(name, known, hint)}")


def describe_name(name: str) -> str:
    """Return the name in quotes, cut if long."""
    return repr(name if len(name) <= 60 else name[:57] + "...")


_NEEDED: WeakKeyDictionary[type[Spec], tuple[str, ...]] = WeakKeyDictionary()


def _needed(cls: type[Spec]) -> tuple[str, ...]:
    """Return the arguments that must be given; to read a signature is dear, so once a class."""
    found = _NEEDED.get(cls)
    if found is None:
        found = tuple(name for name, must in cls._arguments().items() if must)
        _NEEDED[cls] = found
    return found


def resolve(family: type[S], value: object, where: str) -> S:
    """Return a spec of `family` from a spec, a name or a config.

    Raises
    ------
    TypeError, ValueError
        If `value` is none of these, or the name needs arguments.
    """
    what = family.__name__.lower()
    if isinstance(value, family):
        return value
    if isinstance(value, str):
        found = lookup(what, value, family.table, where=where)
        needed = _needed(found)
        if needed:
            raise ValueError(
                f"{where}: {what} {value!r} needs arguments; "
                f"give {found.__name__}({', '.join(needed)}) instead of its name"
            )
        value = found()
        assert isinstance(value, family)
        return value
    if isinstance(value, Mapping):
        return family.from_config(value)
    hint = ""
    if isinstance(value, type) and issubclass(value, family):
        hint = f"; give an object, {value.__name__}(...)"
    home = ".".join(family.__module__.split(".")[:2])  # where people import it from
    raise TypeError(
        f"{where}: {what} must be a name or an object of {home}, got {describe(value)}{hint}"
    )


def check_int(
    where: str, name: str, value: object, minimum: int = 1, maximum: int | None = None
) -> int:
    """Return `value` as an int within bounds; Python and NumPy integers only, no bool.

    Examples
    --------
    >>> check_int("Dense", "units", 0)
    Traceback (most recent call last):
        ...
    ValueError: Dense: units must be an integer of at least 1, got 0
    """
    bounds = f"of at least {minimum}"
    if maximum is not None:
        bounds += f" and at most {maximum}"
    if isinstance(value, bool) or not isinstance(value, (int, np.integer)):
        raise TypeError(f"{where}: {name} must be an integer {bounds}, got {describe(value)}")
    number = operator.index(value)
    if number < minimum or (maximum is not None and number > maximum):
        raise ValueError(f"{where}: {name} must be an integer {bounds}, got {number}")
    return number


def check_float(
    where: str,
    name: str,
    value: object,
    *,
    at_least: float | None = None,
    above: float | None = None,
    below: float | None = None,
) -> float:
    """Return `value` as a finite float within bounds; Python and NumPy reals only, no bool.

    Examples
    --------
    >>> check_float("Adam", "beta_1", 1.5, at_least=0, below=1)
    Traceback (most recent call last):
        ...
    ValueError: Adam: beta_1 must be a finite number, at least 0, below 1, got 1.5
    """
    known = type(value) is float or (  # asked first: it is quick, and the rule
        not isinstance(value, bool) and isinstance(value, (int, float, np.integer, np.floating))
    )
    number = math.nan
    if known:
        try:
            number = float(cast(float, value))
        except OverflowError:  # an int beyond the largest double
            number = math.inf
    if (
        math.isfinite(number)
        and (at_least is None or number >= at_least)
        and (above is None or number > above)
        and (below is None or number < below)
    ):
        return number
    wanted = "a finite number"
    for word, bound in (("at least", at_least), ("above", above), ("below", below)):
        if bound is not None:
            wanted += f", {word} {bound}"
    if known:
        raise ValueError(f"{where}: {name} must be {wanted}, got {number}")
    raise TypeError(f"{where}: {name} must be {wanted}, got {describe(value)}")


def check_bool(where: str, name: str, value: object) -> bool:
    """Return `value` as a bool; nothing else is taken for one.

    Examples
    --------
    >>> check_bool("Dense", "use_bias", "no")
    Traceback (most recent call last):
        ...
    TypeError: Dense: use_bias must be True or False, got 'no' (str)
    """
    if not isinstance(value, (bool, np.bool_)):
        raise TypeError(f"{where}: {name} must be True or False, got {describe(value)}")
    return bool(value)
