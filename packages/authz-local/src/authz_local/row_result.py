"""One request of a scenario: how it is sent, what was answered, and how that differs."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, TypeAlias
from urllib.parse import urlsplit

if TYPE_CHECKING:
    from collections.abc import Mapping

    from authz_local.scenario import RequestRow
    from authz_local.stack import Invocation

__all__ = ["HTTPAnswer", "NoAnswerError", "RowResult", "compared", "send"]

HTTPAnswer: TypeAlias = tuple[int, "Mapping[str, str]", bytes]
"""Status, headers and body."""

_LONGEST_JSON = 300
_TIMEOUT_SECONDS = 35  # an API Gateway waits 29 or 30


class NoAnswerError(Exception):
    """The request could not be sent, or no answer came in time."""


@dataclass(frozen=True, slots=True)
class RowResult:
    """What one request was answered, beside what was expected."""

    row: RequestRow
    status: int | None
    """``None``: there was no answer."""
    decisions: tuple[str, ...]
    """What the policy store decided for this request, in order; a batch has one per item."""
    policies: tuple[str, ...]
    """The determining policies of the last decision."""
    reached: bool
    """Whether one of the scenario's services was invoked."""
    milliseconds: float
    differences: tuple[str, ...]
    invocations: tuple[Invocation, ...] = ()
    """The Lambda functions that were invoked for it, in order."""
    content: bytes = b""
    """The body of the answer."""

    @property
    def decision(self) -> str | None:
        """The last decision."""
        return self.decisions[-1] if self.decisions else None


def send(method: str, url: str, headers: Mapping[str, str], body: bytes | None) -> HTTPAnswer:
    """Send one HTTP request to this machine.  No redirect is followed.

    Raises:
        NoAnswerError: nobody listens there, the answer is not HTTP, it took longer than 35 seconds,
            or the URL or a header is malformed.
    """
    import urllib3

    try:
        parts = urlsplit(url)
        target = parts.path + (f"?{parts.query}" if parts.query else "")
        # The loopback address, whatever the machine's resolver makes of `*.localhost`.
        with urllib3.HTTPConnectionPool(
            "127.0.0.1", parts.port, timeout=_TIMEOUT_SECONDS, retries=False
        ) as pool:
            answer = pool.request(
                method,
                target or "/",
                headers={**headers, "Host": parts.netloc},
                body=body,
                redirect=False,
            )
            return answer.status, answer.headers, answer.data
    except ValueError:  # its text may quote a token
        raise NoAnswerError("the URL or a header is malformed") from None
    except urllib3.exceptions.HTTPError as error:
        raise NoAnswerError(type(error).__name__) from None


def compared(
    result: RowResult, expected_headers: Mapping[str, str], answer: HTTPAnswer
) -> RowResult:
    """The result with its differences, one text each."""
    expect = result.row.expect
    _, headers, content = answer
    found = _other_headers(expected_headers, headers)
    if result.status != expect.status:
        found.append(f"status {result.status}, expected {expect.status}")
    if expect.decision is not None and result.decision != expect.decision:
        found.append(f"decision {result.decision}, expected {expect.decision}")
    if expect.policy is not None and expect.policy not in result.policies:
        found.append(f"policies {', '.join(result.policies) or 'none'}, expected {expect.policy}")
    if expect.reached is not None and result.reached != expect.reached:
        found.append(f"the service was {'' if result.reached else 'not '}reached")
    if expect.body is not None and not _contains(_json_or_none(content), expect.body):
        found.append(_other_json(expect.body, _json_or_none(content)))
    return replace(result, differences=tuple(found), content=content)


def _other_headers(expected: Mapping[str, str], answered: Mapping[str, str]) -> list[str]:
    lower = {name.lower(): value for name, value in answered.items()}
    return [
        f"header {name} {lower.get(name.lower(), 'missing')!r}, expected {value!r}"
        for name, value in expected.items()
        if lower.get(name.lower()) != value
    ]


def _other_json(expected: object, answered: object) -> str:
    """Both, as far as a line holds them."""
    texts = [json.dumps(one, sort_keys=True) for one in (answered, expected)]
    short = [text if len(text) <= _LONGEST_JSON else f"{text[:_LONGEST_JSON]}..." for text in texts]
    return f"the JSON answer differs: {short[0]}, expected {short[1]}"


def _json_or_none(content: bytes) -> object:
    try:
        return json.loads(content)
    except ValueError:
        return None


def _contains(answered: object, expected: object) -> bool:
    if isinstance(expected, dict):
        return isinstance(answered, dict) and all(
            name in answered and _contains(answered[name], value)
            for name, value in expected.items()
        )
    if isinstance(expected, list):
        return (
            isinstance(answered, list)
            and len(answered) == len(expected)
            and all(_contains(one, other) for one, other in zip(answered, expected, strict=True))
        )
    return answered == expected
