"""A percentage rollout that does not move a key once it has been let in."""

from __future__ import annotations

import logging
import os
import re
from hashlib import sha256
from typing import TYPE_CHECKING

from authz_lib.errors import ConfigurationError, InvalidRequestError
from authz_lib.sigv4._arguments import is_text

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["RolloutFlag"]

_BUCKETS = 10_000
_PERCENTAGE = re.compile(r"[0-9]{1,3}(\.[0-9]{1,2})?")
_logger = logging.getLogger(__name__)


class RolloutFlag:
    """Lets a percentage of keys in: the same ones every time, and never fewer when the percentage
    rises.

    A key falls into one of 10,000 buckets by a hash of the flag's name, the salt and the key: a
    retried request takes the path it took before, in every process.  It is *not* a secret who is
    in: whoever chooses the key can choose the path.  Any ``Callable[[str], bool]``, such as one
    that asks an OpenFeature client, can take its place.

    Args:
        name: part of the hash: two flags let different keys in.
        enabled: ``False`` lets nobody in, whatever the percentage is.
        percentage: 0 to 100, in steps of 0.01.
        salt: another salt lets other keys in.

    Raises:
        ConfigurationError: an argument is wrong.

    >>> flag = RolloutFlag("USE_API_GATEWAY", percentage=10)
    >>> [key for key in map(str, range(40)) if flag(key)]
    ['1', '6', '19', '35', '37']
    """

    __slots__ = ("_below", "_prefix", "enabled", "name", "percentage")

    def __init__(
        self, name: str, *, enabled: bool = True, percentage: float = 100, salt: str = ""
    ) -> None:
        if not is_text(name) or not name:
            raise ConfigurationError("`name` must be a text that is not empty")
        if type(enabled) is not bool:  # `"false"` is true
            raise ConfigurationError(
                "`enabled` is neither `True` nor `False`: `from_env` reads the environment"
            )
        if not is_text(salt):
            raise ConfigurationError("`salt` must be a text")
        if type(percentage) not in {int, float} or not 0 <= percentage <= 100:
            raise ConfigurationError("`percentage` is not a number from 0 to 100")
        self.name = name
        self.enabled = enabled
        self.percentage = percentage if enabled else 0
        self._below = round(self.percentage * _BUCKETS / 100)
        self._prefix = (
            f"{len(name)}:{name}{len(salt)}:{salt}".encode()
        )  # lengths: no two (name, salt) are one text

    @classmethod
    def from_env(
        cls,
        name: str = "USE_API_GATEWAY",
        *,
        salt: str = "",
        environ: Mapping[str, str] | None = None,
    ) -> RolloutFlag:
        """Read ``name`` and ``name_PERCENTAGE`` from the environment, once.

        Only the exact text ``true`` switches on.  The percentage applies under it; absent means
        100.  A percentage that is not a plain number from 0 to 100 means 0 and a warning in the
          log: a typing error must not move traffic.

        >>> RolloutFlag.from_env(environ={"USE_API_GATEWAY": "true"}).percentage
        100.0
        >>> RolloutFlag.from_env(environ={"USE_API_GATEWAY": "True"}).percentage
        0
        """
        environ = os.environ if environ is None else environ
        switch = environ.get(name, "false")
        if switch not in {"true", "false", ""}:
            _logger.warning("`%s` is neither `true` nor `false`: it counts as `false`", name)
        return cls(
            name,
            enabled=switch == "true",
            percentage=_percentage(f"{name}_PERCENTAGE", environ),
            salt=salt,
        )

    def __call__(self, key: str) -> bool:
        """Whether ``key`` is in.

        Raises:
            InvalidRequestError: the key is not text, or empty, so that everybody would share one
                bucket.
        """
        given: object = key
        if not isinstance(given, str) or not given:
            raise InvalidRequestError(
                "the rollout key is not text or is empty", field="rollout_key"
            )
        digest = sha256(self._prefix + key.encode("utf-8", "surrogatepass")).digest()
        return int.from_bytes(digest[:8]) % _BUCKETS < self._below

    def __repr__(self) -> str:
        return f"RolloutFlag({self.name!r}, enabled={self.enabled}, percentage={self.percentage})"


def _percentage(name: str, environ: Mapping[str, str]) -> float:
    text = environ.get(name, "100")
    if _PERCENTAGE.fullmatch(text) and float(text) <= 100:
        return float(text)
    _logger.warning("`%s` is not a number from 0 to 100: it counts as 0", name)
    return 0.0
