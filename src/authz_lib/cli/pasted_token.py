"""A token as people paste it, and what it is where it is no signed token."""

from __future__ import annotations

import json
import re
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

from authz_lib._support import base64url
from authz_lib._support.key_id import digest_of_key_id
from authz_lib._support.strict_json import loads_object
from authz_lib.errors import ConfigurationError

__all__ = ["MAX_INPUT_CHARACTERS", "Peeked", "read_pasted", "tidied"]

MAX_INPUT_CHARACTERS: Final = 64 * 1024
_FIELD: Final = re.compile(r"(?!eyJ)[A-Za-z][A-Za-z0-9_-]{0,63}[\"'\s]{0,8}[:=]")
_SCHEME: Final = re.compile(r"bearer\s+", re.IGNORECASE)
_QUOTES: Final = "\"'`\u2018\u2019\u201c\u201d,; \t\r\n\ufeff\\"
# With what no one sees, and what ends a line of a command or a quoted mail.
_AROUND_A_LINE: Final = " \t\\\ufeff\u200b\u00a0"
_NO_TOKEN: Final = re.compile(r"[^A-Za-z0-9_.=+/~-]+")
_WHITE: Final = re.compile(r"[\s\\]+")


def read_pasted(token: str | None, file: str | None) -> str:
    """The text of the argument, of a file, or of standard input.

    Raises:
        ConfigurationError: it cannot be read, is too long, or both are given.
    """
    if token not in {None, "-"} and file is not None:
        raise ConfigurationError("pass the token or `--file`, not both")
    if file is not None:
        try:
            with Path(file).open(encoding="utf-8", errors="replace") as stream:
                text = stream.read(MAX_INPUT_CHARACTERS + 1)
        except (OSError, ValueError) as error:
            reason = getattr(error, "strerror", None) or "no such path"
            raise ConfigurationError(f"the token's file cannot be read: {reason}") from None
    else:
        text = _standard_input() if token in {None, "-"} else str(token)
    if len(text) > MAX_INPUT_CHARACTERS:
        raise ConfigurationError(
            f"the input is longer than {MAX_INPUT_CHARACTERS} characters: it is no token"
        )
    return text


def _standard_input() -> str:
    try:
        return sys.stdin.read(MAX_INPUT_CHARACTERS + 1)
    except UnicodeDecodeError:  # it is no token, and the verifier says so
        return "\N{REPLACEMENT CHARACTER}"
    except OSError as error:
        raise ConfigurationError(f"standard input cannot be read: {error.strerror}") from None
    except (AttributeError, ValueError):  # a process may be started without a standard input
        raise ConfigurationError("standard input is closed: there is no token to read") from None


def tidied(text: str) -> str:
    """The token alone: without field name, ``Bearer``, quotes, white space and line breaks.

    Of a longer text, such as a command or a URL, the one JWT that it holds.

    Raises:
        ConfigurationError: nothing is left, it is a JSON document, or holds several JWTs.

    >>> tidied(' "Authorization: Bearer eyJ.e30\\n  .c2ln", ')
    'eyJ.e30.c2ln'
    """
    text = text.replace("\\n", " ").replace("\\r", " ").strip(_QUOTES)
    if text.startswith(("{", "[")):
        raise ConfigurationError(
            "the input is a JSON document: paste one token of it, such as the `access_token`"
        )
    whole = text
    for prefix in (_FIELD, _SCHEME):
        text = prefix.sub("", text, count=1) if prefix.match(text) else text
        text = text.strip(_QUOTES)
    text = _WHITE.sub("", text)
    if not text.startswith("eyJ") or text.count(".") != 2 or _NO_TOKEN.search(text):
        found = _jwts(whole)
        if len(found) > 1:
            raise ConfigurationError(f"the input holds {len(found)} tokens: paste one of them")
        text = found.pop() if found else text
    if not text or text.lower() == "bearer":
        raise ConfigurationError("there is no token in the input: it is empty")
    return text


def _jwts(text: str) -> set[str]:
    """What in a text looks like a JWT: it begins as a JSON object does in base64url."""
    lines = [line.lstrip(">").strip(_AROUND_A_LINE) for line in text.splitlines()]
    joined = "".join(lines).replace("%2E", ".")
    words = [word[max(word.find("=eyJ") + 1, 0) :] for word in _NO_TOKEN.split(joined)]
    return {word for word in words if word.startswith("eyJ") and word.count(".") >= 2}


class Peeked:
    """What a token says of itself.  Nothing of it is verified.

    Attributes:
        header: its header, or nothing where it cannot be read.
        claims: its claims, likewise.
    """

    def __init__(self, token: str) -> None:
        self._segments = token.split(".")
        self._padded = "=" in token
        self.header = _object(self._segments[0])
        self.claims = _object(self._segments[1]) if len(self._segments) == 3 else {}

    def hint(self, *, load_balancer: bool) -> str | None:
        """What it is, where it is no token of the kind that is expected."""
        count = len(self._segments)
        if "enc" in self.header or (count == 5 and self._segments.count("") < 2):
            return "it is encrypted (JWE, five segments): let the provider issue a signed one"
        if "" in self._segments[1:-1]:
            return "it is cut off: copy the whole token"
        if self._segments[0].lower() in _WORDS:
            return "it is a word that a program writes where it has no token: look at the client"
        if count == 1 or (count != 3 and not self.header):
            return (
                "it is opaque, not a JWT: only its issuer can read it. Auth0 issues a JWT when the "
                "client asks for an `audience`; of Google only the ID token is one"
            )
        if count != 3:
            return f"a signed token has three segments, and this has {count}: is it whole?"
        return self._hint_of_header(load_balancer=load_balancer)

    def _hint_of_header(self, *, load_balancer: bool) -> str | None:
        if load_balancer:
            return None if "signer" in self.header else _NOT_OF_A_BALANCER
        if "signer" in self.header or self._padded:
            return "it looks like `x-amzn-oidc-data` of a load balancer: use `--alb`"
        if "nonce" in self.header:
            return (
                "its header has a `nonce`, so it is meant for Microsoft Graph, and nobody else can "
                "check its signature: ask Entra for a scope of your own API"
            )
        return None

    def looks_like_id_token(self) -> bool:
        """Whether it has claims that only ID tokens have."""
        return bool({"nonce", "at_hash", "c_hash"} & self.claims.keys()) or (
            self.claims.get("token_use") == "id"
        )

    def found(self, name: str) -> str:
        """What it has under a name, on one line; a date also as one."""
        in_header = name not in self.claims or "signer" in self.header
        holder = self.header if in_header else self.claims
        if name not in holder:
            return "nothing"
        value = holder[name]
        text = json.dumps(value)
        text = text if len(text) <= 256 else f"{text[:253]}..."
        if name in {"exp", "nbf", "iat"} and type(value) is int and 0 <= value < 2**33:
            text = f"{text} ({datetime.fromtimestamp(value, UTC):%Y-%m-%d %H:%M:%S} UTC)"
        if name == "kid":
            text = f"{text} (digest {digest_of_key_id(value)})"
        return text


_WORDS: Final = frozenset({"undefined", "null", "none", "nil", "nan", "false", "true"})
_NOT_OF_A_BALANCER: Final = (
    "its header has no `signer`, so no load balancer made it. `x-amzn-oidc-accesstoken` is the "
    "provider's own token: use `--oidc` or `--cognito`"
)


def _object(segment: str) -> dict[str, Any]:
    try:
        return loads_object(base64url.decode(segment.rstrip("=").encode("ascii")))
    except ValueError:
        return {}
