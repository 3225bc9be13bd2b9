"""What a test lets the local endpoint answer instead."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Any

from authz_lib.errors import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["Fault"]


@dataclass(frozen=True, slots=True)
class Fault:
    """What comes instead of an answer.  Exactly one field is given.

    Attributes:
        code: an error code of the service, such as ``"ThrottlingException"``.
        status: an HTTP status with an empty body.
        body: these bytes with status 200.
        hang: no answer until the server closes, for read timeouts.
        disconnect: the connection is closed without an answer.

    Raises:
        ConfigurationError: none of the fields is given, several are, or one is of the wrong kind.
    """

    code: str | None = None
    status: int | None = None
    body: bytes | None = None
    hang: bool = False
    disconnect: bool = False

    def __post_init__(self) -> None:
        given = [field for field in fields(self) if getattr(self, field.name) != field.default]
        if len(given) != 1 or not _FAULTY[given[0].name](getattr(self, given[0].name)):
            raise ConfigurationError(
                "a fault is one of `code` (text), `status` (200 to 599), `body` (bytes), "
                "`hang` (`True`) or `disconnect` (`True`)"
            )


_FAULTY: dict[str, Callable[[Any], bool]] = {
    "code": lambda code: isinstance(code, str) and code != "",
    "status": lambda status: type(status) is int and 200 <= status <= 599,
    "body": lambda body: isinstance(body, bytes),
    "hang": lambda hang: hang is True,
    "disconnect": lambda disconnect: disconnect is True,
}
