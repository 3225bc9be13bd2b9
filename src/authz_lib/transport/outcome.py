"""What is known about a call that was tried: four outcomes, and the one that each status means."""

from __future__ import annotations

from enum import StrEnum

from authz_lib.errors import DeliveryError, DeliveryRejectedError

__all__ = ["Outcome", "RefusedOnRepeatError", "error_of_status", "outcome_of_status"]


class Outcome(StrEnum):
    """What is known after a call.  Only ``NOT_SENT`` is a licence to try another way.

    >>> [str(outcome_of_status(status)) for status in (202, 403, 502)]
    ['delivered', 'rejected', 'ambiguous']
    """

    DELIVERED = "delivered"
    """2xx: the other side took it."""

    NOT_SENT = "not_sent"
    """No byte of the request left: no connection, no handshake, no credentials."""

    REJECTED = "rejected"
    """The other side said no (3xx and 4xx).  A no is never worked around."""

    AMBIGUOUS = "ambiguous"
    """The other side may have acted.

    The connection broke or timed out after the first byte, or the answer was a 5xx.
    """


def outcome_of_status(status: int) -> Outcome:
    """The outcome that an HTTP status stands for.

    A redirect is never followed and counts as a no: a 303 may follow work that was done.  A 5xx
    proves nothing: a gateway answers 502 and 504 for a backend that finished or will finish.
    """
    if 200 <= status < 300:
        return Outcome.DELIVERED
    if 300 <= status < 500:
        return Outcome.REJECTED
    return Outcome.AMBIGUOUS


class RefusedOnRepeatError(DeliveryError):
    """An attempt may have acted, and the one after it was refused.

    The outcome is ambiguous, and the refusal is not worked around.
    """

    def __init__(self, status: int) -> None:
        message = f"a repeated call was answered with {status}; the attempt before may have acted"
        super().__init__(message, outcome=Outcome.AMBIGUOUS)


def error_of_status(status: int, what: str) -> DeliveryError | DeliveryRejectedError:
    """The error that a status other than 2xx stands for; ``what`` was answered with it."""
    message = f"{what} was answered with {status}"
    if outcome_of_status(status) is Outcome.REJECTED:
        return DeliveryRejectedError(message)
    return DeliveryError(message, outcome=Outcome.AMBIGUOUS)
