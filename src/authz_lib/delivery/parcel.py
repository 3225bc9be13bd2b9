"""What is delivered: a JSON document and its idempotency key, in one envelope."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Any

from authz_lib._support.checks import is_idempotency_key
from authz_lib._support.strict_json import StrictJSONError, loads_object
from authz_lib.errors import InvalidRequestError

__all__ = ["Parcel"]


@dataclass(frozen=True, slots=True)
class Parcel:
    """What is delivered.  It is made once: both ways carry the same bytes.

    Attributes:
        body: the envelope, ``{"idempotency_key": ..., "payload": ...}``, as JSON.  Not in the repr.
        idempotency_key: the key that is in the body.
        repeatable: whether delivering it twice does no harm.
    """

    body: bytes = field(repr=False)
    idempotency_key: str
    repeatable: bool

    @classmethod
    def pack(cls, payload: Any, *, idempotency_key: str, repeatable: bool = False) -> Parcel:
        """Put a JSON document into its envelope.

        Raises:
            InvalidRequestError: the payload is not JSON, or the key is not 1 to 255 visible ASCII
                characters.

        >>> Parcel.pack({"n": 1}, idempotency_key="job-17").body
        b'{"idempotency_key":"job-17","payload":{"n":1}}'
        """
        if not is_idempotency_key(idempotency_key):
            raise InvalidRequestError(
                "`idempotency_key` must be 1 to 255 visible ASCII characters",
                field="idempotency_key",
            )
        envelope = {"idempotency_key": idempotency_key, "payload": payload}
        try:
            body = json.dumps(envelope, allow_nan=False, separators=(",", ":")).encode()
        except (TypeError, ValueError, RecursionError):
            raise InvalidRequestError("`payload` must be JSON", field="payload") from None
        return cls(body, idempotency_key, repeatable)

    @staticmethod
    def unpack(body: bytes | str) -> tuple[str, Any]:
        """Read the key and the payload from an envelope: the receiver's side.

        Raises:
            InvalidRequestError: it is not an envelope.  The message never quotes it.

        >>> Parcel.unpack(b'{"idempotency_key":"job-17","payload":{"n":1}}')
        ('job-17', {'n': 1})
        """
        try:
            envelope = loads_object(body.encode() if isinstance(body, str) else body)
        except (StrictJSONError, UnicodeEncodeError):
            raise InvalidRequestError("the body is not an envelope", field="body") from None
        if set(envelope) != {"idempotency_key", "payload"} or not is_idempotency_key(
            envelope["idempotency_key"]
        ):
            raise InvalidRequestError("the body is not an envelope", field="body")
        return envelope["idempotency_key"], envelope["payload"]
