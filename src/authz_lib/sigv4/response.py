"""`Response`: the answer to a signed call."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Self

from authz_lib.errors import DeliveryError
from authz_lib.transport.outcome import (
    Outcome,
    RefusedOnRepeatError,
    error_of_status,
    outcome_of_status,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["Response"]


@dataclass(frozen=True, slots=True)
class Response:
    """A whole answer; headers and body are not in its repr.

    Attributes:
        status: the HTTP status.
        headers: names are found in any case.
        body: the bytes, as they came.
        unsettled: this answers a second attempt, and the first may have acted.
    """

    status: int
    headers: Mapping[str, str] = field(repr=False)
    body: bytes = field(repr=False)
    unsettled: bool = False

    @property
    def outcome(self) -> Outcome:
        """What the status says of the call.

        A no to a second attempt says nothing about the first.
        """
        outcome = outcome_of_status(self.status)
        return Outcome.AMBIGUOUS if self.unsettled and outcome is Outcome.REJECTED else outcome

    def json(self) -> Any:
        """The body as JSON.

        Raises:
            DeliveryError: it is not JSON.  The other side has acted all the same: ``"ambiguous"``.
        """
        try:
            return json.loads(self.body)
        except (ValueError, RecursionError):
            raise DeliveryError("the answer is not JSON", outcome=Outcome.AMBIGUOUS) from None

    def raise_for_status(self) -> Self:
        """Return the response if it is a 2xx.

        Raises:
            DeliveryRejectedError: 3xx or 4xx: a no, which must not be worked around.
            DeliveryError: 5xx, or a no to a second attempt: the outcome is ``"ambiguous"``.
        """
        if self.outcome is Outcome.DELIVERED:
            return self
        if self.unsettled and outcome_of_status(self.status) is Outcome.REJECTED:
            raise RefusedOnRepeatError(self.status)
        raise error_of_status(self.status, "the signed call")
