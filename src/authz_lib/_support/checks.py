"""The checks of arguments, in one wording: what is wrong is refused when a thing is built.

Each names the argument and the form that it must have, never the value, which may be a secret.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from inspect import isasyncgenfunction, iscoroutinefunction, isgeneratorfunction
from math import inf
from typing import TYPE_CHECKING, Any, Final

from authz_lib.errors import ConfigurationError, InvalidRequestError

if TYPE_CHECKING:
    from collections.abc import Collection

__all__ = [
    "FIELD_NAME",
    "check_timeout",
    "is_answering",
    "is_count",
    "is_idempotency_key",
    "is_seconds",
    "is_text",
    "require_count",
    "require_flag",
    "require_function",
    "require_known",
    "require_mapping",
    "require_method",
    "require_names",
    "require_one_of",
    "require_optional_text",
    "require_seconds",
    "require_text",
]

FIELD_NAME: Final = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
"""``token`` of RFC 9110, section 5.6.2: the name of a header or of a cookie."""

_DAY: Final = 86_400.0
_IDEMPOTENCY_KEY: Final = re.compile(r"[\x21-\x7e]{1,255}")


_PROMISES: Final = (iscoroutinefunction, isgeneratorfunction, isasyncgenfunction)


def is_answering(function: object) -> bool:
    """Whether a call gives the answer itself.

    An ``async def`` gives a coroutine, and a function with ``yield`` a generator: nobody would run
    it, and it is true whatever its answer would be.

    >>> is_answering(len), is_answering(5)
    (True, False)
    >>> async def revoked(token): return False
    >>> is_answering(revoked)
    False
    """
    if not callable(function):
        return False
    return not any(
        promises(one) for promises in _PROMISES for one in (function, type(function).__call__)
    )


def is_text(value: object) -> bool:
    """Whether ``value`` is text that is not empty."""
    return type(value) is str and value != ""


def is_count(value: object, least: int = 0) -> bool:
    """Whether ``value`` is a whole number that is not below ``least``; ``True`` is none."""
    return type(value) is int and value >= least


def is_seconds(value: object, *, most: float = _DAY) -> bool:
    """Whether ``value`` is a finite number from 0 to ``most``: ``inf`` and ``nan`` are none."""
    return type(value) in {int, float} and 0 <= value <= most and value < inf  # type: ignore[operator]


def is_idempotency_key(value: object) -> bool:
    """Whether ``value`` is 1 to 255 visible ASCII characters."""
    return isinstance(value, str) and _IDEMPOTENCY_KEY.fullmatch(value) is not None


def check_timeout(value: object) -> None:
    """Refuse the time of one call that bounds no wait.

    A time below zero is taken: it means that the time is over.

    Raises:
        InvalidRequestError: not a number, or more than a day.
    """
    if type(value) not in {int, float} or not -_DAY < value <= _DAY:  # type: ignore[operator]
        raise InvalidRequestError(
            "`timeout_seconds` must be a number of seconds, at most 86400", field="timeout_seconds"
        )


def require_text(value: Any, argument: str) -> str:
    """Text that is not empty.

    >>> require_text("", "region")
    Traceback (most recent call last):
      ...
    authz_lib.errors.ConfigurationError: `region` must be a non-empty string
    """
    if not is_text(value):
        raise ConfigurationError(f"`{argument}` must be a non-empty string")
    return str(value)


def require_optional_text(value: Any, argument: str) -> str | None:
    """Text that is not empty, or ``None``."""
    if value is not None and not is_text(value):
        raise ConfigurationError(f"`{argument}` must be a non-empty string or `None`")
    return None if value is None else str(value)


def require_one_of(value: Any, argument: str, choices: Collection[str | None]) -> None:
    """One of a few words.

    >>> require_one_of("maybe", "errors", ("smithy", "standard"))
    Traceback (most recent call last):
      ...
    authz_lib.errors.ConfigurationError: `errors` must be `smithy` or `standard`
    """
    if value not in tuple(choices):  # a tuple: what is no text may not be hashable
        *first, last = [f"`{choice}`" for choice in choices]
        words = f"{', '.join(first)} or {last}" if first else last
        raise ConfigurationError(f"`{argument}` must be {words}")


def require_flag(value: Any, argument: str) -> bool:
    """``True`` or ``False``; ``"false"`` of the environment is neither."""
    if type(value) is not bool:
        raise ConfigurationError(f"`{argument}` must be `True` or `False`")
    return value


def require_count(value: Any, argument: str, *, least: int = 1, most: int | None = None) -> int:
    """A whole number from ``least`` to ``most``.

    >>> require_count(0, "max_attempts")
    Traceback (most recent call last):
      ...
    authz_lib.errors.ConfigurationError: `max_attempts` must be a whole number, at least 1
    """
    if not is_count(value, least) or (most is not None and value > most):
        bound = f", at least {least}" if most is None else f" from {least} to {most}"
        raise ConfigurationError(f"`{argument}` must be a whole number{bound}")
    return int(value)


def require_seconds(
    value: Any, argument: str, *, most: float = _DAY, above_zero: bool = False
) -> float:
    """A finite number of seconds from 0 to ``most``.

    >>> require_seconds(0.5, "timeout_seconds")
    0.5
    """
    if not is_seconds(value, most=most) or (above_zero and value == 0):
        least = "above 0, at most" if above_zero else "from 0 to"
        raise ConfigurationError(f"`{argument}` must be a number of seconds {least} {most:g}")
    return float(value)


def require_names(value: Any, argument: str, *, of: str = "non-empty strings") -> tuple[str, ...]:
    """A list, tuple or set of names, at least one; one string is refused, since it is a list too.

    >>> require_names("orders-web", "client_ids")
    Traceback (most recent call last):
      ...
    authz_lib.errors.ConfigurationError: `client_ids` must be a list of non-empty strings
    """
    names = () if isinstance(value, str) or not isinstance(value, Iterable) else tuple(value)
    if not names or not all(is_text(name) for name in names):
        raise ConfigurationError(f"`{argument}` must be a list of {of}")
    return names


def require_mapping(value: Any, argument: str, *, of: str) -> Mapping[Any, Any]:
    """A mapping; ``of`` says from what to what."""
    if not isinstance(value, Mapping):
        raise ConfigurationError(f"`{argument}` must be a mapping {of}")
    return value


def require_method(value: object, argument: str, method: str, *, such_as: str) -> None:
    """An object, not a class, that has the method.

    >>> require_method(None, "keys", "find", such_as="`StaticKeySet`")
    Traceback (most recent call last):
      ...
    authz_lib.errors.ConfigurationError: `keys` must have a method `find`, such as `StaticKeySet`
    """
    found = getattr(value, method, None)
    if isinstance(value, type) or not callable(found):
        raise ConfigurationError(f"`{argument}` must have a method `{method}`, such as {such_as}")
    if not is_answering(found):
        raise ConfigurationError(
            f"`{method}` of `{argument}` must be a plain method: nobody would await another"
        )


def require_function(value: Any, argument: str, *, optional: bool = False) -> None:
    """A plain function, or an object that is called like one.

    >>> async def on_event(event): ...
    >>> require_function(on_event, "on_event")
    Traceback (most recent call last):
      ...
    authz_lib.errors.ConfigurationError: `on_event` must be a plain function: nobody would await
        another
    """
    if optional and value is None:
        return
    if isinstance(value, type) or not callable(value):
        raise ConfigurationError(f"`{argument}` must be a callable")
    if not is_answering(value):
        raise ConfigurationError(
            f"`{argument}` must be a plain function: nobody would await another"
        )


def require_clock(value: Any) -> Any:
    """A function that returns seconds since the epoch.

    >>> require_clock(1_700_000_000)
    Traceback (most recent call last):
      ...
    authz_lib.errors.ConfigurationError: `clock` must be a function that returns seconds
    """
    if not is_answering(value):
        raise ConfigurationError("`clock` must be a function that returns seconds")
    return value


def require_known(options: Mapping[str, object], known: Collection[str]) -> None:
    """Refuse a misspelt keyword: at run time it is just one more member of ``options``.

    >>> require_known({"tll": 1}, {"ttl"})
    Traceback (most recent call last):
      ...
    authz_lib.errors.ConfigurationError: unknown argument: `tll`
    """
    unknown = sorted(options.keys() - set(known))
    if unknown:
        raise ConfigurationError(f"unknown argument: {', '.join(f'`{name}`' for name in unknown)}")
