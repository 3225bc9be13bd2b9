"""The values of Cedar, taken from Python strictly and frozen."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from ipaddress import (
    IPv4Address,
    IPv4Interface,
    IPv4Network,
    IPv6Address,
    IPv6Interface,
    IPv6Network,
    ip_interface,
)
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, NoReturn, TypeAlias

from authz_lib._support.longs import is_long
from authz_lib.entities.extension_literals import (
    read_datetime,
    read_decimal,
    read_duration,
)
from authz_lib.entities.uid import EntityUid
from authz_lib.errors import InvalidRequestError

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = [
    "EMPTY_RECORD",
    "CedarDatetime",
    "CedarDecimal",
    "CedarDuration",
    "CedarIp",
    "CedarValue",
    "freeze_record",
    "freeze_value",
]

CedarValue: TypeAlias = Any
"""What `freeze_value` gives.

It is a bool, int, str or `EntityUid`, a tuple (a set), a read-only mapping (a record) or a wrapper.
"""

EMPTY_RECORD: Mapping[str, CedarValue] = MappingProxyType({})
"""The record without members: one for all."""

MAX_DEPTH = 32
_MAX_DECIMAL_DIGITS = 15
RESERVED_KEYS = frozenset({"__entity", "__extn", "__expr"})
_IP = re.compile(r"[0-9a-fA-F.:]+(?:/(?:0|[1-9][0-9]{0,2}))?")


class _RefusedError(Exception):
    """A value that Cedar does not have.  Each container on the way out adds where it stood."""

    def __init__(self, message: str) -> None:
        super().__init__(message)
        self.message = message
        self.path = ""

    def public(self, where: str) -> InvalidRequestError:
        place = where + self.path
        return InvalidRequestError(f"`{place}`: {self.message}", field=place)


def _step(key: object) -> str:
    """A record key as a path step; a key that is no plain name may be data, and is not repeated."""
    return (
        f".{key}"
        if type(key) is str and key.isidentifier() and key.isascii() and len(key) <= 64
        else "[...]"
    )


def _check_text(value: str) -> str:
    if not value.isascii():
        try:
            value.encode()
        except UnicodeEncodeError:
            raise _RefusedError("a string must be valid Unicode, without lone surrogates") from None
    return value


def _is_address(text: object) -> bool:
    if type(text) is not str or _IP.fullmatch(text) is None or (":" in text and "." in text):
        return False
    try:
        ip_interface(text)
    except ValueError:
        return False
    return True


@dataclass(frozen=True, slots=True)
class CedarIp:
    """An IP address or range, as Cedar's ``ip("...")`` reads it.

    >>> CedarIp("10.0.0.0/8")
    CedarIp(text='10.0.0.0/8')
    """

    text: str

    def __post_init__(self) -> None:
        if not _is_address(self.text):
            raise InvalidRequestError("not an IP address or range", field="ipaddr")


@dataclass(frozen=True, slots=True)
class CedarDecimal:
    """A decimal with one to four decimal places, as Cedar's ``decimal("...")`` reads it.

    At most 15 digits may stand before the point: Verified Permissions takes no more.

    >>> CedarDecimal("12.50")
    CedarDecimal(text='12.50')
    """

    text: str

    def __post_init__(self) -> None:
        if (
            type(self.text) is not str
            or len(self.text.partition(".")[0].removeprefix("-")) > _MAX_DECIMAL_DIGITS
            or read_decimal(self.text) is None
        ):
            raise InvalidRequestError(
                "not a decimal with one to four decimal places in range", field="decimal"
            )


@dataclass(frozen=True, slots=True)
class CedarDatetime:
    """A point in time to the millisecond, as Cedar's ``datetime("...")`` reads it (Cedar 4).

    >>> CedarDatetime("2026-11-20T12:00:00Z")
    CedarDatetime(text='2026-11-20T12:00:00Z')
    """

    text: str

    def __post_init__(self) -> None:
        if type(self.text) is not str or read_datetime(self.text) is None:
            raise InvalidRequestError("not a date or a time as Cedar writes it", field="datetime")


@dataclass(frozen=True, slots=True)
class CedarDuration:
    """A length of time to the millisecond, as Cedar's ``duration("...")`` reads it (Cedar 4).

    >>> CedarDuration("1h30m")
    CedarDuration(text='1h30m')
    """

    text: str

    def __post_init__(self) -> None:
        if type(self.text) is not str or read_duration(self.text) is None:
            raise InvalidRequestError(
                "not a duration as Cedar writes it, or out of range", field="duration"
            )


def _long(value: int, _: int) -> int:
    if not is_long(value):
        raise _RefusedError("an integer must fit into 64 bits")
    return value


def _decimal(value: Decimal, _: int) -> CedarDecimal:
    # Text, not arithmetic: a decimal context of the caller's could round.
    plain = format(value, "f") if value.is_finite() and -40 < value.adjusted() < 16 else "NaN"
    whole, _point, fraction = plain.partition(".")
    try:
        return CedarDecimal(f"{whole}.{fraction.rstrip('0') or '0'}")
    except InvalidRequestError:
        raise _RefusedError(
            "a decimal must be finite, in range and have at most four decimal places"
        ) from None


def _datetime(value: datetime, _: int) -> CedarDatetime:
    if value.utcoffset() is None or value.microsecond % 1000:
        raise _RefusedError("a datetime must be aware and whole in milliseconds")
    try:
        instant = value.astimezone(UTC)
    except OverflowError:
        raise _RefusedError("a datetime must lie in the years 1 to 9999 of UTC") from None
    return CedarDatetime(instant.replace(tzinfo=None).isoformat(timespec="milliseconds") + "Z")


def _duration(value: timedelta, _: int) -> CedarDuration:
    milliseconds, rest = divmod(value, timedelta(milliseconds=1))
    if rest:
        raise _RefusedError("a timedelta must be whole in milliseconds")
    return CedarDuration(f"{milliseconds}ms")


def _ip(value: Any, _: int) -> CedarIp:
    address = getattr(value, "network_address", value)
    if getattr(address, "scope_id", None) is not None:
        raise _RefusedError("an IP address must have no scope id")
    length = getattr(getattr(value, "network", value), "prefixlen", None)
    prefix = "" if length is None else f"/{length}"
    number = int(address)
    if value.version == 4:
        return CedarIp(f"{IPv4Address(number)}{prefix}")
    # Python writes some addresses with a dotted quad, which Cedar does not read.
    return CedarIp(
        ":".join([f"{number >> shift & 0xFFFF:x}" for shift in range(112, -1, -16)]) + prefix
    )


def _set(values: Iterable[Any], depth: int) -> tuple[CedarValue, ...]:
    if depth >= MAX_DEPTH:
        raise _RefusedError(f"a value may be nested {MAX_DEPTH} levels deep")
    try:
        return tuple([_freeze(value, depth + 1) for value in values])
    except _RefusedError as refused:
        refused.path = f"[]{refused.path}"
        raise


def _record(values: Mapping[Any, Any], depth: int) -> Mapping[str, CedarValue]:
    if depth >= MAX_DEPTH:
        raise _RefusedError(f"a value may be nested {MAX_DEPTH} levels deep")
    frozen = {}
    key: Any = None
    try:
        for key, value in values.items():
            frozen[_key(key)] = _freeze(value, depth + 1)
    except _RefusedError as refused:
        refused.path = _step(key) + refused.path
        raise
    return MappingProxyType(frozen)


def _key(key: Any) -> str:
    if not isinstance(key, str):
        raise _RefusedError("a key must be a string")
    if key in RESERVED_KEYS:
        raise _RefusedError("`__entity`, `__extn` and `__expr` are reserved and may not be keys")
    return _check_text(str.__str__(key))


def _same(value: Any, _: int) -> Any:
    return value


# The exact type decides; what only inherits is looked up below, in order.
_FREEZE: dict[type, Callable[[Any, int], CedarValue]] = {
    bool: _same,
    int: _long,
    str: lambda value, _: _check_text(value),
    EntityUid: _same,
    CedarIp: _same,
    CedarDecimal: _same,
    CedarDatetime: _same,
    CedarDuration: _same,
    dict: _record,
    MappingProxyType: _record,
    list: _set,
    tuple: _set,
    set: _set,
    frozenset: _set,
    Decimal: _decimal,
    datetime: _datetime,
    timedelta: _duration,
    **dict.fromkeys(
        (IPv4Address, IPv4Interface, IPv4Network, IPv6Address, IPv6Interface, IPv6Network), _ip
    ),
}
_FREEZE_INHERITED: tuple[tuple[type, Callable[[Any, int], CedarValue]], ...] = (
    (int, lambda value, depth: _long(int.__index__(value), depth)),
    (str, lambda value, _: _check_text(str.__str__(value))),
    (datetime, _datetime),
    (timedelta, _duration),
    (Decimal, _decimal),
    (Mapping, _record),
    (list, _set),
    (tuple, _set),
    (AbstractSet, _set),
)


def _freeze(value: Any, depth: int) -> CedarValue:
    convert = _FREEZE.get(type(value))
    if convert is None:
        convert = next(
            (convert for kind, convert in _FREEZE_INHERITED if isinstance(value, kind)), _refuse
        )
    return convert(value, depth)


def _refuse(value: Any, _: int) -> NoReturn:
    raise _RefusedError(f"Cedar has no value for a `{type(value).__name__}`")


def freeze_value(value: object, *, where: str = "value") -> CedarValue:
    """A Python value as the Cedar value it is, deeply read-only.

    Freezing a frozen value changes nothing.

    Raises:
        InvalidRequestError: the value, or a part of it, has no Cedar value; ``field`` says which
            part.

    >>> freeze_value({"total": 12, "tags": ["a", "b"]})["tags"]
    ('a', 'b')
    """
    try:
        return _freeze(value, 0)
    except _RefusedError as refused:
        raise refused.public(where) from None


def freeze_record(values: Mapping[str, object], *, where: str) -> Mapping[str, CedarValue]:
    """`freeze_value` for what must be a record: a context, the attributes of an entity.

    >>> dict(freeze_record({"mfa": True}, where="context"))
    {'mfa': True}
    """
    if values is EMPTY_RECORD or (type(values) is dict and not values):
        return EMPTY_RECORD
    if not isinstance(values, Mapping):
        raise InvalidRequestError(f"`{where}` must be a mapping", field=where)
    frozen: Mapping[str, CedarValue] = freeze_value(values, where=where)
    return frozen
