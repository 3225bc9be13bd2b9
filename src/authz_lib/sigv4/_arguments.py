"""What the client and the delivery ask of the same arguments."""

from __future__ import annotations

import re

from authz_lib.errors import InvalidRequestError

__all__ = ["check_timeout", "is_count", "is_key", "is_seconds", "is_text"]

_KEY = re.compile(r"[\x21-\x7e]{1,255}")
_DAY = 86_400.0


def is_key(value: object) -> bool:
    """Whether ``value`` can be an idempotency key: 1 to 255 visible ASCII characters."""
    return isinstance(value, str) and _KEY.fullmatch(value) is not None


def is_count(value: object, least: int = 0) -> bool:
    """Whether ``value`` is a whole number that is not below ``least``: text from the environment is
    none.
    """
    return type(value) is int and value >= least


def is_seconds(value: object) -> bool:
    """Whether ``value`` is a number that can bound a wait: ``inf`` and ``nan`` do not fit into a
    socket's timeout.
    """
    return type(value) in {int, float} and -_DAY < value <= _DAY  # type: ignore[operator]  # a number by now


def check_timeout(seconds: object) -> None:
    """Refuse a time that bounds nothing."""
    if not is_seconds(seconds):
        raise InvalidRequestError(
            "`timeout_seconds` is not a number of at most a day", field="timeout_seconds"
        )


def is_text(value: object) -> bool:
    """Whether ``value`` is text: ``os.environ.get`` of what is not set is none."""
    return isinstance(value, str)
