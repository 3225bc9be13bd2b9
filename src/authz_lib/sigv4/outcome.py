"""What is known about a call that was tried: the four outcomes, and what each HTTP status says about them."""

from __future__ import annotations

from enum import StrEnum

__all__ = ["Outcome", "outcome_of_status"]


class Outcome(StrEnum):
    """What is known after a call.  Only ``NOT_SENT`` is a licence to try another way.

    >>> outcome_of_status(202), outcome_of_status(403), outcome_of_status(502)
    (<Outcome.DELIVERED: 'delivered'>, <Outcome.REJECTED: 'rejected'>, <Outcome.AMBIGUOUS: 'ambiguous'>)
    """

    DELIVERED = "delivered"
    """2xx: the other side took it."""

    NOT_SENT = "not_sent"
    """No byte of the request left: no connection, no handshake, no credentials."""

    REJECTED = "rejected"
    """The other side said no (3xx and 4xx).  Working around a no is what an attacker would want."""

    AMBIGUOUS = "ambiguous"
    """The other side may have acted: the connection broke or timed out after the first byte, or a 5xx."""


def outcome_of_status(status: int) -> Outcome:
    """The outcome that an HTTP status stands for.

    A redirect is never followed and counts as a no: a 303 may follow work that was done.  A 5xx proves nothing: a
    gateway answers 502 and 504 for a backend that finished or will finish.
    """
    if 200 <= status < 300:
        return Outcome.DELIVERED
    if 300 <= status < 500:
        return Outcome.REJECTED
    return Outcome.AMBIGUOUS
