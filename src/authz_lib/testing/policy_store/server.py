"""Verified Permissions on this machine, on the real Cedar engine.  For tests only.

| to use | for |
|---|---|
| `PolicyStoreServer` | what takes an endpoint URL: boto3, a Lambda, any language |
| `PolicyStores.attach` | one botocore client, without a socket |

A Lambda takes the URL as ``AWS_ENDPOINT_URL_VERIFIEDPERMISSIONS``.  Signatures are **not** checked.
Cedar is given all policies of a store, not a slice of them: tests compare slices with it.
"""

from __future__ import annotations

import json
import threading
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple, Self

from authz_lib._support.checks import require_count
from authz_lib._support.strict_json import loads_document
from authz_lib.decisions.cedar_text import load_cedarpy
from authz_lib.errors import ConfigurationError
from authz_lib.testing.policy_store.faults import Fault
from authz_lib.testing.policy_store.operations import OPERATIONS, perform
from authz_lib.testing.policy_store.state import OperationError, State
from authz_lib.testing.policy_store.stores import put_schema_text
from authz_lib.testing.policy_store.targets import PUT_SCHEMA_TEXT
from authz_lib.testing.policy_store.token_keys import TokenKeys

if TYPE_CHECKING:
    from collections.abc import Iterator
    from os import PathLike
    from types import TracebackType

    from authz_lib.testing.policy_store.decisions import AuthorizationRecord
    from authz_lib.testing.policy_store.tokens import ReadToken

__all__ = ["Fault", "PolicyStoreServer", "PolicyStores"]

_STATUS = {"InternalServerException": 500}
_CONTENT_TYPE = "application/x-amz-json-1.0"


class _Answer(NamedTuple):
    status: int
    body: bytes
    request_id: str
    error: str | None = None

    @property
    def headers(self) -> dict[str, str]:
        named = {} if self.error is None else {"x-amzn-ErrorType": self.error}
        return {"Content-Type": _CONTENT_TYPE, "x-amzn-RequestId": self.request_id} | named


@dataclass(slots=True)
class _Plan:
    """A fault, the operation that it is for (``None``: any), and how many times it is left."""

    fault: Fault
    operation: str | None
    times: int


class PolicyStores:
    """Policy stores in memory, and what they were asked.

    Args:
        read_token: reads the claims of a token for the ``...WithToken`` operations, instead of
            checking signature and expiry by the keys of the identity source's issuer.
            ``authz_lib.testing.policy_store.tokens.read_unverified`` checks neither.
        user_pools_url: where the user pools of identity sources have their keys: a local AWS.  By
            default as `JWTVerifier.cognito` finds them.

    Attributes:
        requests: an `AuthorizationRecord` per decision, in order; a batch has one per item.
        calls: the operation of each call, also of refused and failed ones.

    Raises:
        ConfigurationError: `cedarpy` is not installed.

    >>> stores = PolicyStores()
    >>> policy = '@id("all") permit(principal, action, resource);'
    >>> store_id = stores.create_store(policy)
    >>> listed = stores.call("ListPolicies", {"policyStoreId": store_id})
    >>> listed["policies"][0]["policyId"]
    'all'
    """

    def __init__(
        self, *, read_token: ReadToken | None = None, user_pools_url: str | None = None
    ) -> None:
        load_cedarpy()  # here the error says what is missing; an answer of the endpoint could not
        self._state = State(read_token, TokenKeys(user_pools_url))
        self._plans: list[_Plan] = []
        self._lock = threading.RLock()
        self._counter = 0
        self.calls: list[str] = []

    @property
    def requests(self) -> list[AuthorizationRecord]:
        """The decisions that were made, in order."""
        return self._state.records

    def create_store_from_directory(self, path: str | PathLike[str]) -> str:
        """A store with the policies, ids, schema and template links of a policy directory.

        ``entities.json`` is not read, because the service holds no entities.  The directory is that
        of `authz_lib.decisions.policy_files`.

        Raises:
            ConfigurationError: a file is wrong.
        """
        from authz_lib.decisions.policy_files import read_directory

        with self._lock:
            return self._state.create_store_from(read_directory(Path(path)))

    def create_store(self, policies: str, schema: str | None = None) -> str:
        """A store with the policies of one text, with the ids of `CedarEngine.from_text`."""
        from authz_lib.decisions.policy_files import collect, parse_policies

        parsed = parse_policies("<policies>", policies, "policy")
        with self._lock:
            return self._state.create_store_from(
                collect(parsed, {"<policies>": policies}, schema=schema)
            )

    def inject(self, fault: Fault, *, operation: str | None = None, times: int = 1) -> None:
        """Let the next calls fail: ``times`` calls, of one operation or of any.

        Raises:
            ConfigurationError: it is no `Fault`, there is no such operation, or ``times`` is below
                1.
        """
        given: object = fault
        if not isinstance(given, Fault):
            raise ConfigurationError("`fault` must be a `Fault`")
        if operation is not None and operation not in OPERATIONS:
            raise ConfigurationError(
                "`operation` is not one of the local endpoint's, such as `IsAuthorized`"
            )
        require_count(times, "times")
        with self._lock:
            self._plans.append(_Plan(fault, operation, times))

    def call(self, operation: str, document: dict[str, Any]) -> dict[str, Any]:
        """Do one operation in this process.

        Raises:
            OperationError: the service would answer with an error.
        """
        with self._lock:
            return perform(self._state, operation, document)

    def put_schema(self, policy_store_id: str, text: str) -> None:
        """Set the schema of a store, in either of Cedar's forms; ``PutSchema`` takes JSON alone.

        Raises:
            OperationError: there is no such store, or the text is no schema.
        """
        with self._lock:
            put_schema_text(self._state.store({"policyStoreId": policy_store_id}), text)

    def find_user_pools_at(self, url: str) -> None:
        """Fetch the keys of user pools there from now on: a local AWS that started meanwhile."""
        self._state.keys.user_pools_url = url

    def attach(self, client: Any) -> None:
        """Answer a botocore client for ``verifiedpermissions`` here, without sending anything."""
        client.meta.events.register("before-send.verifiedpermissions", self._before_send)

    def _before_send(self, request: Any, **_: Any) -> Any:
        from botocore.awsrequest import AWSResponse
        from botocore.exceptions import ConnectionClosedError, ReadTimeoutError

        operation, fault = self._arrive(request.headers.get("X-Amz-Target"))
        if fault is not None and fault.hang:
            raise ReadTimeoutError(endpoint_url=request.url)
        if fault is not None and fault.disconnect:
            raise ConnectionClosedError(endpoint_url=request.url)
        answer = self._answer(operation, request.body, fault)
        return AWSResponse(request.url, answer.status, _headers(answer.headers), _Raw(answer.body))

    def _arrive(self, target: Any) -> tuple[str, Fault | None]:
        text = target.decode() if isinstance(target, bytes) else target or ""
        operation = text if text == PUT_SCHEMA_TEXT else text.rpartition(".")[2]
        with self._lock:
            self.calls.append(operation)
            for plan in self._plans:
                if plan.times > 0 and plan.operation in {None, operation}:
                    plan.times -= 1
                    return operation, plan.fault
        return operation, None

    def _answer(self, operation: str, body: bytes | str, fault: Fault | None) -> _Answer:
        with self._lock:
            self._counter += 1
            request_id = f"00000000-0000-4000-8000-{self._counter:012d}"
        if fault is not None:
            return _faulty(fault, request_id)
        sent = body.encode() if isinstance(body, str) else body
        try:
            parsed = loads_document(sent or b"{}")
            if operation == PUT_SCHEMA_TEXT:
                self.put_schema(parsed["policyStoreId"], parsed["text"])
                document = {}
            else:
                document = self.call(operation, parsed)
        except OperationError as error:
            return _error_answer(error, request_id)
        except (ValueError, TypeError, KeyError, AttributeError, RecursionError):
            return _error_answer(
                OperationError("SerializationException", "the request does not parse"), request_id
            )
        return _Answer(200, json.dumps(document).encode(), request_id)


def _faulty(fault: Fault, request_id: str) -> _Answer:
    if fault.code is not None:
        return _error_answer(OperationError(fault.code, "injected"), request_id)
    if fault.status is not None:
        return _Answer(fault.status, b"", request_id)
    return _Answer(200, fault.body or b"", request_id)


def _error_answer(error: OperationError, request_id: str) -> _Answer:
    document = {
        "__type": f"com.amazonaws.verifiedpermissions#{error.code}",
        "message": error.message,
    } | error.members
    return _Answer(
        _STATUS.get(error.code, 400), json.dumps(document).encode(), request_id, error.code
    )


def _headers(headers: dict[str, str]) -> Any:
    from botocore.compat import HTTPHeaders

    made = HTTPHeaders()
    for name, value in headers.items():
        made[name] = value
    return made


class _Raw:
    """A body as botocore streams it."""

    def __init__(self, body: bytes) -> None:
        self._body = body

    def stream(self, *_: Any, **__: Any) -> Iterator[bytes]:
        yield self._body


class PolicyStoreServer(PolicyStores):
    """Policy stores behind an HTTP server on loopback, for the time of a ``with`` block.

    Args:
        port: by default a free one.
        read_token: see `PolicyStores`.
        user_pools_url: see `PolicyStores`.

    >>> with PolicyStoreServer() as server:
    ...     server.url.startswith("http://127.0.0.1:")
    True
    """

    def __init__(
        self,
        *,
        port: int = 0,
        read_token: ReadToken | None = None,
        user_pools_url: str | None = None,
    ) -> None:
        super().__init__(read_token=read_token, user_pools_url=user_pools_url)
        self._port = port
        self._closing = threading.Event()
        self._server: _Server | None = None
        self._thread: threading.Thread | None = None

    @property
    def url(self) -> str:
        """Where it listens, such as ``http://127.0.0.1:41234``."""
        if self._server is None:
            raise RuntimeError("the policy store server is not started")
        return f"http://127.0.0.1:{self._server.server_address[1]}"

    def __enter__(self) -> Self:
        self._closing.clear()
        self._server = _Server(("127.0.0.1", self._port), self)
        self._thread = threading.Thread(
            target=self._server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True
        )
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._closing.set()
        if self._server is not None and self._thread is not None:
            self._server.shutdown()
            self._server.close_connections()
            self._server.server_close()
            self._thread.join()
        self._server = None

    def respond(self, target: str | None, body: bytes) -> _Answer | None:
        """The answer to one call, or ``None`` to close the connection."""
        operation, fault = self._arrive(target)
        if fault is not None and fault.hang:
            self._closing.wait()
            return None
        if fault is not None and fault.disconnect:
            return None
        return self._answer(operation, body, fault)


class _Server(ThreadingHTTPServer):
    daemon_threads = False  # joined when the server closes
    request_queue_size = 128

    def __init__(self, address: tuple[str, int], owner: PolicyStoreServer) -> None:
        self.owner = owner
        self._open: set[Any] = set()
        super().__init__(address, _Handler)

    def process_request(self, request: Any, client_address: Any) -> None:
        self._open.add(request)
        super().process_request(request, client_address)

    def shutdown_request(self, request: Any) -> None:
        self._open.discard(request)
        super().shutdown_request(request)

    def close_connections(self) -> None:
        """End the connections that clients keep alive; their threads would never end."""
        import socket

        for request in list(self._open):
            try:
                request.shutdown(socket.SHUT_RDWR)
            except OSError:
                continue

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Print nothing: a client may go away."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def do_POST(self) -> None:
        server = self.server
        assert isinstance(server, _Server)  # noqa: S101  (the handler serves no other)
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        answer = server.owner.respond(self.headers.get("X-Amz-Target"), body)
        if answer is None:
            self.close_connection = True
            return
        lines = [
            f"HTTP/1.1 {answer.status} -",
            *[f"{name}: {value}" for name, value in answer.headers.items()],
        ]
        head = "\r\n".join([*lines, f"Content-Length: {len(answer.body)}", "", ""]).encode()
        self.wfile.write(head + answer.body)  # a second send would wait for the first one's ACK

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002  (its name)
        """Print nothing."""
