"""What a scenario needs and the local AWS lacks: a database, an OIDC provider, a bucket's objects.

`requests.yaml` names a Python file under ``companions``.  The file defines at least one of

| function | meaning |
|---|---|
| ``companions(folder)`` | a context manager: starts processes, yields parameters of the template |
| ``seed(local)`` | is called once after the deployment, with the running `LocalScenario` |

What ``seed`` returns, if anything, is called before the first request: it waits for what was begun.
"""

from __future__ import annotations

import importlib.util
from contextlib import nullcontext
from typing import TYPE_CHECKING, Any

from authz_lib.errors import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from contextlib import AbstractContextManager
    from pathlib import Path

__all__ = ["Companions"]


class Companions:
    """The two functions of a companions file.

    Raises:
        ConfigurationError: there is no such file, it needs a package that is not installed, or it
            defines neither function.
    """

    def __init__(self, path: Path) -> None:
        spec = importlib.util.spec_from_file_location(f"_authz_companions_{path.parent.name}", path)
        if not path.is_file() or spec is None or spec.loader is None:
            raise ConfigurationError(f"`{path.name}` does not exist")
        module = importlib.util.module_from_spec(spec)
        try:
            spec.loader.exec_module(module)
        except ModuleNotFoundError as error:
            raise ConfigurationError(
                f"`{path.name}` needs `{error.name}`, which is not installed "
                "(the examples need the dependency group `examples`)"
            ) from None
        self._start: Callable[[Path], AbstractContextManager[Mapping[str, str]]] | None
        self._start = getattr(module, "companions", None)
        self._seed: Callable[[Any], object] | None = getattr(module, "seed", None)
        if self._start is None and self._seed is None:
            raise ConfigurationError(f"`{path.name}` defines neither `companions` nor `seed`")
        self._folder = path.parent

    def started(self) -> AbstractContextManager[Mapping[str, str]]:
        """Start the companions; what the context yields are parameters of the template."""
        return nullcontext({}) if self._start is None else self._start(self._folder)

    def seed(self, local: Any) -> Callable[[], None]:
        """Fill what was deployed, where the file has a `seed`; what is returned waits for it."""
        wait = None if self._seed is None else self._seed(local)
        return wait if callable(wait) else lambda: None
