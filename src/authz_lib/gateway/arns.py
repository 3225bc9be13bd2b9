"""`MethodArn`: the ARN of one method of one API, parsed and written without loss."""

from __future__ import annotations

import re
from typing import NamedTuple

from authz_lib._support.memo import Memo
from authz_lib.errors import InvalidRequestError

__all__ = ["MAX_METHOD_ARN_BYTES", "MAX_RESOURCE_CHARACTERS", "MethodArn"]

MAX_METHOD_ARN_BYTES = 1600
"""API Gateway answers 414 above it."""
MAX_RESOURCE_CHARACTERS = 512
"""The longest ``Resource`` that API Gateway accepts in an authorizer's policy."""

_API = re.compile(r"arn:(aws(?:-[a-z0-9]+)*):execute-api:([a-z0-9-]+):([0-9]{12}):([A-Za-z0-9_-]+)")
_new = tuple.__new__  # what a named tuple's own constructor calls
_NOT_IN_A_POLICY = re.compile(r"[*?\x00-\x20\x7f-\x9f]|\$\{")


class MethodArn(NamedTuple):
    """``arn:PARTITION:execute-api:REGION:ACCOUNT:API/STAGE/METHOD/PATH``, of any kind of API.

    Attributes:
        partition: ``aws``, ``aws-us-gov``, ``aws-cn``, ...
        method: the HTTP method, or the route key of a WebSocket API (``$connect``) or an HTTP API's
            ``$default``.
        path: with its leading slash and exactly as sent, so ``/`` is the root; ``None`` where the
            ARN has no path.

    >>> api = "arn:aws-us-gov:execute-api:us-gov-west-1:123456789012:abc/prod"
    >>> arn = MethodArn.parse(f"{api}/GET/orders/a:b%20c")
    >>> arn.partition, arn.method, arn.path
    ('aws-us-gov', 'GET', '/orders/a:b%20c')
    >>> MethodArn.parse(f"{api}/$connect").path is None
    True

    See the API Gateway developer guide, "Control access for invoking an API".
    """

    partition: str
    region: str
    account: str
    api: str
    stage: str
    method: str
    path: str | None

    @classmethod
    def parse(cls, text: str) -> MethodArn:
        """Read an ARN.  ``str(MethodArn.parse(text)) == text`` for every text that is accepted.

        Raises:
            InvalidRequestError: it is not the ARN of a method, or longer than 1600 bytes.
        """
        if type(text) is not str or len(text) > MAX_METHOD_ARN_BYTES:
            raise InvalidRequestError(
                "the method ARN is not a string of at most 1600 bytes", field="methodArn"
            )
        # The path is everything after the third slash: colons, `@`, `~` and `%` are legal in it.
        head, _, rest = text.partition("/")
        stage, _, rest = rest.partition("/")
        method, slash, rest = rest.partition("/")
        api = _APIS[head]
        if (
            api is None
            or not stage
            or not method
            or not (text.isascii() or len(text.encode("utf-8", "replace")) <= MAX_METHOD_ARN_BYTES)
        ):
            raise InvalidRequestError(
                "not `arn:PARTITION:execute-api:REGION:ACCOUNT:API/STAGE/METHOD/PATH`",
                field="methodArn",
            )
        return _new(cls, (*api, stage, method, slash + rest if slash else None))

    def __str__(self) -> str:
        return f"{self.stage_prefix}{self.method}{self.path or ''}"

    @property
    def stage_prefix(self) -> str:
        """Everything up to the method, which all ARNs of this stage share."""
        head = f"arn:{self.partition}:execute-api:{self.region}:{self.account}"
        return f"{head}:{self.api}/{self.stage}/"

    @property
    def resource(self) -> str:
        """This one method and path, as it may stand in a policy: it names nothing else.

        Raises:
            InvalidRequestError: it holds ``*``, ``?``, ``${`` or a control character, which a
                policy would read as more than itself, or is longer than 512 characters.

        >>> stage = "arn:aws:execute-api:eu-west-1:123456789012:abc/prod"
        >>> MethodArn.parse(f"{stage}/GET/orders/7").resource.removeprefix(stage)
        '/GET/orders/7'
        >>> MethodArn.parse(f"{stage}/GET/orders/*").resource
        Traceback (most recent call last):
          ...
        authz_lib.errors.InvalidRequestError: the path holds a wildcard or an invisible character
        """
        self.require_stage()
        text = str(self)
        if _NOT_IN_A_POLICY.search(text):
            raise InvalidRequestError(
                "the path holds a wildcard or an invisible character",
                field="methodArn",
            )
        if len(text) > MAX_RESOURCE_CHARACTERS:
            raise InvalidRequestError(
                "a policy's `Resource` holds at most 512 characters", field="methodArn"
            )
        return text

    def require_stage(self) -> None:
        """Refuse a stage that a policy would read as every stage.

        Raises:
            InvalidRequestError: it holds a wildcard.
        """
        if "*" in self.stage or "?" in self.stage:
            raise InvalidRequestError(
                "the stage of the ARN is a wildcard, as in AWS's sample event: a policy would "
                "allow every stage; put the name of a stage there",
                field="methodArn",
            )

    @property
    def everything(self) -> str:
        """Every method and path of this stage, as a pattern; for an explicit ``Deny``.

        >>> stage = "arn:aws:execute-api:eu-west-1:123456789012:abc/prod"
        >>> MethodArn.parse(f"{stage}/GET/").everything.removeprefix(stage)
        '/*'
        """
        return f"{self.stage_prefix}*"


def _read_api(head: str) -> tuple[str, str, str, str] | None:
    match = _API.fullmatch(head)
    return None if match is None else (match[1], match[2], match[3], match[4])


# Partition, Region, account and API.  An authorizer is asked by few APIs.
_APIS: Memo[str, tuple[str, str, str, str] | None] = Memo(_read_api, max_entries=64)
