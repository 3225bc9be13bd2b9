"""A percentage rollout: a key that was let in stays in while the percentage rises."""

from __future__ import annotations

import logging
import os
import re
from hashlib import sha256
from typing import TYPE_CHECKING

from authz_lib._support.checks import require_flag, require_text
from authz_lib.errors import ConfigurationError, InvalidRequestError

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["RolloutFlag"]

_BUCKETS = 10_000
_PERCENTAGE = re.compile(r"[0-9]{1,3}(\.[0-9]{1,2})?")
_logger = logging.getLogger(__name__)


class RolloutFlag:
    """Lets a percentage of keys in, and the same keys every time.

    A hash of the flag's name, the salt and the key selects one of 10,000 buckets.  A retried
    request therefore takes the path that it took before, in every process.  Where the percentage
    rises, further keys are let in and none is left out.

    Not a secret: whoever chooses the key can choose the path.

    A ``Callable[[str], bool]`` can be used in its place, such as one that asks an OpenFeature
    client.

    Args:
        name: part of the hash, so that two flags let different keys in.
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
        self.name = require_text(name, "name")
        require_flag(enabled, "enabled")
        given: object = salt
        if not isinstance(given, str):
            raise ConfigurationError("`salt` must be a string")
        if type(percentage) not in {int, float} or not 0 <= percentage <= 100:
            raise ConfigurationError("`percentage` must be a number from 0 to 100")
        self.enabled = enabled
        self.percentage = percentage if enabled else 0
        self._below = round(self.percentage * _BUCKETS / 100)
        # With their lengths, so that no two pairs of name and salt make one text.
        self._prefix = f"{len(name)}:{name}{len(salt)}:{salt}".encode()

    @classmethod
    def from_env(
        cls,
        name: str = "USE_API_GATEWAY",
        *,
        salt: str = "",
        environ: Mapping[str, str] | None = None,
    ) -> RolloutFlag:
        """Read ``name`` and ``name_PERCENTAGE`` from the environment, once.

        =================== ============================== ===================================
        variable            value                          meaning
        =================== ============================== ===================================
        ``name``            ``true``                       enabled
        ``name``            ``false``, empty or absent     not enabled
        ``name``            anything else                  not enabled, and a warning is logged
        ``name_PERCENTAGE`` a plain number from 0 to 100   that percentage
        ``name_PERCENTAGE`` absent                         100
        ``name_PERCENTAGE`` anything else                  0, and a warning is logged
        =================== ============================== ===================================

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
            InvalidRequestError: the key is not text, or is empty: all would share one bucket.
        """
        given: object = key
        if not isinstance(given, str) or not given:
            raise InvalidRequestError(
                "the rollout key must be a non-empty string", field="rollout_key"
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
