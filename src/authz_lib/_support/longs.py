"""Cedar's `Long`: a whole number of 64 bits with its sign."""

from __future__ import annotations

__all__ = ["MAX_LONG", "MIN_LONG", "is_long"]

MIN_LONG, MAX_LONG = -(2**63), 2**63 - 1


def is_long(number: int) -> bool:
    """Whether a number fits.

    >>> is_long(2**63 - 1), is_long(2**63)
    (True, False)
    """
    return MIN_LONG <= number <= MAX_LONG
