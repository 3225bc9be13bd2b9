"""How ministack starts the process of a Python function, corrected where AWS differs.

| ministack | here |
|---|---|
| its own Python, whatever the runtime | the Python that the code's file ``.authz-local`` names |
| its own packages | those that the same file names, and no others |
| layers before the function's code | the code, its packages, the layers, the runtime's packages |
| botocore is imported for every function | botocore is prepared when the function imports it |
| a function that does not start says one line | its traceback is in its log |
| a dry run of an invocation does nothing | it starts the function, and does not wait |
"""

from __future__ import annotations

import io
import json
import os
import time
import zipfile
from contextlib import suppress
from contextvars import ContextVar, copy_context
from functools import partial
from http import HTTPStatus
from queue import SimpleQueue
from threading import Thread
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from pathlib import Path
    from types import ModuleType

__all__ = ["INVOCATIONS", "MARKER", "correct_functions", "marker"]

INVOCATIONS = "AUTHZ_LOCAL_INVOCATIONS"
"""The variable with the path of the journal of invocations."""
MARKER = ".authz-local"
"""The file in the archive of a function or a layer that `marker` makes."""
_OF_THE_TOOL = ("PYTHONPATH", "PYTHONHOME", "PYTHONSAFEPATH", "VIRTUAL_ENV", "UV")
_AT_ONCE = 2
_python: ContextVar[str | None] = ContextVar("python", default=None)


def marker(
    packages: Iterable[Path], runtime: Iterable[Path] = (), python: Path | None = None
) -> str:
    """What the file says: the interpreter, folders of packages, and those of the runtime.

    >>> marker(["/cache/a"], ["/cache/boto3"], "/usr/bin/python3")
    '=/usr/bin/python3\\n/cache/a\\n-/cache/boto3\\n'
    """
    lines = [*([] if python is None else [f"={python}"]), *map(str, packages)]
    return "".join(f"{line}\n" for line in [*lines, *(f"-{path}" for path in runtime)])


_PATHS_BEFORE = """    sys.path.insert(0, code_dir)
    for _ld in filter(None, os.environ.get("_LAMBDA_LAYERS_DIRS", "").split(os.pathsep)):
"""
_PATHS = f'''
def _authz_packages(folder):
    try:
        with open(os.path.join(folder, "{MARKER}"), encoding="utf-8") as listed:
            return [line for line in listed.read().splitlines() if line[:1] not in ("", "=")]
    except OSError:
        return []

def _authz_paths(code_dir):
    """As AWS has them: the function's code, its packages, the layers', the runtime's."""
    import site
    own, runtime = [], []
    for line in _authz_packages(code_dir):
        (runtime if line.startswith("-") else own).append(line.lstrip("-"))
    layers = list(filter(None, os.environ.get("_LAMBDA_LAYERS_DIRS", "").split(os.pathsep)))
    found = [code_dir, *own]
    for layer in layers:
        python = os.path.join(layer, "python")
        inner = os.path.join(python, "lib", "python%d.%d" % sys.version_info[:2], "site-packages")
        found += [path for path in (inner, python) if os.path.isdir(path)]
        found += _authz_packages(layer)
        found.append(layer)
    sys.path[:0] = [*found, ]
    sys.path.extend(runtime)
    for path in found:
        if path.endswith("site-packages"):
            site.addsitedir(path)

def _authz_when_botocore_is_imported():
    """Importing botocore costs what many a function never needs."""
    import importlib.util

    class Finder:
        def find_spec(self, name, path=None, target=None):
            if name != "botocore.handlers":
                return None
            sys.meta_path.remove(self)
            spec = importlib.util.find_spec(name)
            execute = spec.loader.exec_module
            def run_and_install(module):
                execute(module)
                sys.modules["botocore"].handlers = module  # the import sets it only now
                _ms_install_invoke_depth()
            spec.loader.exec_module = run_and_install
            return spec

    sys.meta_path.insert(0, Finder())
'''
_READY_BEFORE = """    _ms_install_invoke_depth()
    try:
        mod = importlib"""
_READY = """    _authz_when_botocore_is_imported()
    try:
        mod = importlib"""
_ERROR = 'json.dumps({"status": "error", "error": str(e)})'
_FAILED_BEFORE = f"""        _real_stdout.write({_ERROR} + "\\n")
        _real_stdout.flush()
        return
"""
_FAILED = """        traceback.print_exc()
        _real_stdout.write(json.dumps({"status": "error", "error": repr(e)}) + "\\n")
        _real_stdout.flush()
        return
"""


def correct_functions(runtime: ModuleType, lambdas: ModuleType) -> None:
    """Replace how a Python function starts.

    Args:
        runtime: ``ministack.core.lambda_runtime``.
        lambdas: ``ministack.services.lambda_svc``.

    Raises:
        RuntimeError: ministack's script is another one.
    """
    module, functions = runtime, lambdas  # type: Any, Any
    script = _corrected(module._PYTHON_WORKER_SCRIPT)  # noqa: SLF001
    module._PYTHON_WORKER_SCRIPT = script  # noqa: SLF001
    for name in _OF_THE_TOOL:
        os.environ.pop(name, None)
    other = module._detect_runtime_binary  # noqa: SLF001

    def chosen(name: str) -> tuple[str, str]:
        python = _python.get()
        if python is not None:
            return python, script
        found: tuple[str, str] = other(name)
        return found

    module._detect_runtime_binary = chosen  # noqa: SLF001
    functions._emit_lambda_logs = _noting(functions._emit_lambda_logs)  # noqa: SLF001
    functions._execute_function_warm = _with_its_log(functions._execute_function_warm)  # noqa: SLF001
    module.Worker._spawn = _telling_why(module.Worker._spawn, module)  # noqa: SLF001
    functions._invoke = _starting(functions, module)  # noqa: SLF001


def _starting(functions: Any, runtime: Any) -> Any:
    """AWS starts functions before their first event too; here it is a dry run that asks for it."""
    invoke = functions._invoke  # noqa: SLF001
    wanted: SimpleQueue[Callable[[], None]] = SimpleQueue()

    def start(name: str, version: str) -> None:
        function = functions._functions[name]  # noqa: SLF001
        aliases = function.get("aliases") or {}
        if version == "$LATEST" and aliases:  # events go to what the alias names
            version = next(iter(aliases.values()))["FunctionVersion"]
        record = (function.get("versions") or {}).get(version, function)
        config, code = record.get("config") or record, record.get("code_zip")
        if not code or not str(config.get("Runtime", "")).startswith("python"):
            return
        worker, _ = runtime.acquire_worker(name, config, code, qualifier=version)
        runtime.release_worker(worker)  # an invocation takes it, and waits for its start
        runtime.ensure_spawned(worker)

    def keep_starting() -> None:
        while True:
            begin = wanted.get()
            with suppress(Exception):  # it starts again, and says why, when it is invoked
                begin()

    async def invoked(name: str, *args: Any, **more: Any) -> Any:
        answer = await invoke(name, *args, **more)
        if answer[0] == HTTPStatus.NO_CONTENT:
            version = answer[1].get("X-Amz-Executed-Version", "$LATEST")
            wanted.put(partial(copy_context().run, start, name, version))
        return answer

    for _ in range(_AT_ONCE):
        Thread(target=keep_starting, daemon=True).start()  # nobody waits for them at the end
    return invoked


def _telling_why(spawn: Any, runtime: Any) -> Any:
    """A function that does not start: what it wrote is the log of its invocation."""

    def spawned(worker: Any) -> None:
        chosen = _python.set(_named_python(worker.code_zip))
        try:
            spawn(worker)
        except RuntimeError as error:
            if worker._stderr_thread is not None:  # noqa: SLF001  else it has no process
                worker._stderr_thread.join(timeout=1)  # noqa: SLF001
            log = worker._drain_stderr()  # noqa: SLF001
            # It ends by itself soon; who waits for its start would find it alive until then.
            process, worker._proc = worker._proc, None  # noqa: SLF001
            if process is not None:
                runtime._signal(process)  # noqa: SLF001
                runtime._collect(process, time.monotonic() + 2)  # noqa: SLF001
            raise RuntimeError(f"{error}\n{log}" if log else str(error)) from None
        finally:
            _python.reset(chosen)

    return spawned


def _noting(emit: Any) -> Any:
    """Write a line of JSON per invocation to the file of ``AUTHZ_LOCAL_INVOCATIONS``."""
    path = os.environ.pop(INVOCATIONS, None)

    def emitted(
        function: Any, request_id: str, log: str, error: bool, milliseconds: int, **more: Any
    ) -> None:
        emit(function, request_id, log, error, milliseconds, **more)
        if path is not None:
            name = (function.get("config") or function).get("FunctionName", "")
            line = json.dumps({"function": name, "failed": error, "log": log or ""})
            with open(path, "a", encoding="utf-8") as journal:  # noqa: PTH123  # one write: whole
                journal.write(f"{line}\n")

    return emitted


def _named_python(code: bytes) -> str | None:
    """The interpreter that an archive's marker names; ministack's own without one."""
    try:
        with zipfile.ZipFile(io.BytesIO(code)) as archive:
            first = archive.read(MARKER).decode().partition("\n")[0]
    except (KeyError, zipfile.BadZipFile):
        return None
    return first[1:] if first.startswith("=") else None


def _with_its_log(execute: Any) -> Any:
    """The log of an invocation whose function did not start is what the function wrote."""

    def executed(*args: Any, **kwargs: Any) -> Any:
        result = execute(*args, **kwargs)
        body = result.get("body")
        if result.get("error") and not result.get("log") and isinstance(body, dict):
            message = str(body.get("errorMessage", ""))
            body["errorMessage"] = message.partition("\n")[0]
            result["log"] = message
        return result

    return executed


def _corrected(script: str) -> str:
    start = script.find(_PATHS_BEFORE)
    end = script.find("    # After sys.path is complete", start)
    if start < 0 or end < 0 or _READY_BEFORE not in script or _FAILED_BEFORE not in script:
        raise RuntimeError("ministack's script for Python functions is another one")
    script = script[:start] + "    _authz_paths(code_dir)\n" + script[end:]
    return (
        script.replace(_READY_BEFORE, _READY)
        .replace(_FAILED_BEFORE, _FAILED)
        .replace("def run():\n", f"{_PATHS}\ndef run():\n", 1)
    )
