"""A scenario that runs: its local AWS, policy store and users, and its requests over HTTP."""

from __future__ import annotations

import json
import re
import time
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Any

from authz_lib.errors import ConfigurationError
from authz_lib.testing import tampering
from authz_local._interrupts import interrupts_held_back
from authz_local._process import free_port
from authz_local.companions import Companions
from authz_local.row_result import HTTPAnswer, NoAnswerError, RowResult, compared, send
from authz_local.scenario import Scenario
from authz_local.sign_in import signed_in
from authz_local.stack import DeployedStack, LocalAWS
from authz_local.template import find_template, load_template

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path
    from types import TracebackType
    from typing import Self

    from authz_lib.testing.policy_store.server import PolicyStoreServer
    from authz_local.scenario import RequestRow, TokenRecipe, UserSetup

__all__ = ["LocalScenario"]

_POLL_SECONDS = 0.2
_STARTED = 8  # functions that are started before their first event: each is a process
_PASSWORD = "Local-only-1!"  # of users that live as long as the command
_STORE_URL = "AWS_ENDPOINT_URL_VERIFIEDPERMISSIONS"
_STORE_TYPES = "AWS::VerifiedPermissions::"
_VARIABLE = re.compile(r"\$\{([^}]+)\}")


@dataclass(slots=True)
class _User:
    sub: str
    tokens: dict[tuple[str, str], str] = field(default_factory=dict)  # (client, use) -> token


class LocalScenario:
    """What a folder's ``template.yaml`` and ``requests.yaml`` describe, running on this machine.

    A context manager: when the block ends, nothing of it is left.

    Args:
        folder: the folder with both files.
        port: the local AWS's port on 127.0.0.1; a free one by default.
        on_event: is told what was done, a line each time.
        document: another file instead of ``requests.yaml``.

    Raises:
        ConfigurationError: a file is missing or wrong, the template does not deploy, or a package
            is not installed.
    """

    def __init__(
        self,
        folder: Path,
        *,
        port: int | None = None,
        on_event: Callable[[str], None] | None = None,
        document: Path | None = None,
    ) -> None:
        self._folder = folder
        self._template = find_template(folder)
        template = load_template(self._template)  # before anything is started
        self._needs_store = _STORE_TYPES in str(template["Resources"])
        self.scenario = Scenario.load(_document_of(folder) if document is None else document)
        self._port = port
        self._say = on_event or (lambda _: None)
        self._life = ExitStack()
        self._users: dict[str, _User] = {}
        self.variables: dict[str, str] = {}
        """What `${...}` in the document stands for."""
        self.parameters: dict[str, str] = {}
        """What the template was deployed with."""
        self.stack: DeployedStack
        self.aws: LocalAWS
        self._store: PolicyStoreServer | None = None
        self._position = 0

    def __enter__(self) -> Self:
        try:
            with _one_line_errors(f"`{self._template.name}` and `requests.yaml`"):
                self._set_up()
        except BaseException:
            self._stop()
            raise
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._stop()

    def _stop(self) -> None:
        with interrupts_held_back():  # companions stop processes too
            self._life.close()

    # -- set up ---

    def _set_up(self) -> None:
        store_port = None
        if self.scenario.policy_store is not None or self._needs_store:
            store_port = free_port()
        store_url = {} if store_port is None else {_STORE_URL: f"http://127.0.0.1:{store_port}"}
        self.aws = LocalAWS(
            port=self._port,
            region=self.scenario.region,
            environment=store_url,
            check_iam=self.scenario.check_iam,
        )
        self._life.callback(self.aws.stop)
        self.aws.launch()
        # While it starts: nothing up to its end is needed.
        store = {} if store_port is None else self._start_policy_store(store_port)
        parameters = {"LocalEndpoint": self.aws.url, **self.scenario.parameters, **store}
        companions = self._companions()
        if companions is not None:
            parameters |= self._life.enter_context(companions.started())
        # What differs from run to run is left out: the next run finds the transformed template.
        built = self.aws.build(
            self._template, parameters=self.scenario.parameters, on_event=self._say
        )
        self.aws.prepare_clients()
        self.aws.wait_until_it_answers()
        self._say(f"local AWS at {self.aws.url}")
        for name in self.scenario.before:
            path = self._folder / name
            earlier = self.aws.deploy(
                path, parameters=parameters, stack_name=path.stem, on_event=self._say
            )
            self.variables.update(earlier.outputs)
        self.parameters = parameters
        self.stack = self.aws.deploy_built(
            self._template, built, parameters=parameters, on_event=self._say
        )
        self.variables.update(self.stack.outputs)
        self._say(f"deployed {self._template.name}: {len(self.stack.resources)} resources")
        for name in self.scenario.services:
            if name not in self.stack.functions:
                raise ConfigurationError(f"`requests.yaml` names the unknown function `{name}`")
        self._create_users()
        self._fill_tables()
        wait = None if companions is None else companions.seed(self)
        self.aws.start_functions(list(self.stack.functions.values())[:_STARTED])
        if wait is not None:
            wait()

    def _start_policy_store(self, port: int) -> dict[str, str]:
        """Parameters of the template; none where it makes its own policy store."""
        from authz_lib.testing.policy_store.server import PolicyStoreServer  # loads the engine

        self._store = self._life.enter_context(
            PolicyStoreServer(port=port, user_pools_url=self.aws.url)
        )
        setup = self.scenario.policy_store
        if setup is None:
            self._say(f"policy store endpoint at {self._store.url}")
            return {}
        store_id = self._store.create_store_from_directory(self._folder / setup.directory)
        self._say(f"policy store endpoint at {self._store.url}: {setup.directory}/ in {store_id}")
        return {setup.parameter: store_id}

    def _companions(self) -> Companions | None:
        name = self.scenario.companions
        return None if name is None else Companions(self._folder / name)

    def _output(self, name: str) -> str:
        try:
            return self.variables[name]
        except KeyError:
            raise ConfigurationError(f"`{self._template.name}` has no output `{name}`") from None

    def _create_users(self) -> None:
        pool = self.scenario.user_pool
        if pool is None:
            return
        pool_id = self._output(pool.output)
        identity = self.aws.client("cognito-idp")
        for group in sorted({group for user in pool.users.values() for group in user.groups}):
            identity.create_group(UserPoolId=pool_id, GroupName=group)
        for name, user in pool.users.items():
            self._users[name] = self._create_user(pool_id, name, user)
            self.variables[f"{name}.sub"] = self._users[name].sub
        self._say(f"user pool {pool_id} with {', '.join(pool.users)}")

    def _create_user(self, pool_id: str, name: str, user: UserSetup) -> _User:
        identity = self.aws.client("cognito-idp")
        attributes = [{"Name": key, "Value": value} for key, value in user.attributes.items()]
        created = identity.admin_create_user(
            UserPoolId=pool_id, Username=name, UserAttributes=attributes, MessageAction="SUPPRESS"
        )
        identity.admin_set_user_password(
            UserPoolId=pool_id, Username=name, Password=_PASSWORD, Permanent=True
        )
        for group in user.groups:
            identity.admin_add_user_to_group(UserPoolId=pool_id, Username=name, GroupName=group)
        return _User(
            sub=next(a["Value"] for a in created["User"]["Attributes"] if a["Name"] == "sub")
        )

    def _fill_tables(self) -> None:
        for output, items in self.scenario.tables.items():
            table = self._output(output)
            for item in items:
                attributes = {
                    key: {"S": self._substitute(str(value))} for key, value in item.items()
                }
                self.aws.client("dynamodb").put_item(TableName=table, Item=attributes)

    # -- words of the document ---

    def _substitute(self, text: str) -> str:
        def value(match: re.Match[str]) -> str:
            name = match[1]
            user, _, what = name.partition(".")
            if what in {"access_token", "id_token"} and user in self._users:
                return self.token(user, use=what.removesuffix("_token"))
            if name not in self.variables:
                raise ConfigurationError(f"`requests.yaml` names the unknown variable `{name}`")
            return self.variables[name]

        return _VARIABLE.sub(value, text)

    def substituted(self, text: str) -> str:
        """A text of the document, with what its `${...}` stand for."""
        return self._substitute(text)

    def token(self, user: str, *, use: str = "access", client: str | None = None) -> str:
        """A token of one of the scenario's users, from the pool; the same one each time."""
        pool = self.scenario.user_pool
        if pool is None or user not in self._users:
            raise ConfigurationError(f"`requests.yaml` names the unknown user `{user}`")
        client = client or next(iter(pool.clients))
        tokens = self._users[user].tokens
        if (client, use) not in tokens:
            with _one_line_errors(f"token of `{user}`"):
                answer = signed_in(
                    self.aws.client("cognito-idp"),
                    pool_id=self._output(pool.output),
                    client_id=self._output(pool.clients[client]),
                    user=user,
                    password=_PASSWORD,
                )
            tokens[client, "access"] = answer["AccessToken"]
            tokens[client, "id"] = answer["IdToken"]
        return tokens[client, use]

    def _token_of(self, recipe: TokenRecipe) -> str:
        if recipe.user is None:
            return recipe.text or ""
        token = self.token(recipe.user, use=recipe.use, client=recipe.client)
        if recipe.change == "expired":
            return tampering.expired(token, self._pool_key(recipe.use))
        if recipe.change == "alg_hs256":
            return tampering.alg_hs256(token, _public_key(self._pool_key(recipe.use)))
        return token if recipe.change is None else str(getattr(tampering, recipe.change)(token))

    def _pool_key(self, use: str) -> bytes:
        pool = self.scenario.user_pool
        if pool is None:
            raise ConfigurationError("`requests.yaml` changes a token, but has no `user_pool`")
        return self.aws.pool_signing_key(self._output(pool.output), use)

    # -- requests ---

    def request_of(self, row: RequestRow) -> tuple[str, str, dict[str, str], bytes | None]:
        """The HTTP request that a row describes: method, URL, headers, body."""
        method, _, url = (row.call or "").partition(" ")
        headers = {name: self._substitute(value) for name, value in row.headers.items()}
        recipe = row.recipe()
        if recipe is not None:
            scheme = "Bearer " if recipe.header.lower() == "authorization" else ""
            headers[recipe.header] = scheme + self._token_of(recipe)
        if row.body is None:
            return method, self._substitute(url), headers, None
        return (
            method,
            self._substitute(url),
            headers | {"Content-Type": "application/json"},
            self._substitute(json.dumps(row.body)).encode(),
        )

    def run(self, row: RequestRow) -> RowResult:
        """Send one request and compare the answer; again while the row's `within_seconds` last."""
        deadline = time.monotonic() + (row.within_seconds or 0)
        result = self._run_once(row)
        while result.differences and time.monotonic() < deadline:
            time.sleep(_POLL_SECONDS)
            result = self._run_once(row)
        return result

    def _run_once(self, row: RequestRow) -> RowResult:
        with _one_line_errors(f"request `{row.name}`"):
            return self._run(row)

    def _run(self, row: RequestRow) -> RowResult:
        ask = self._sender(row)
        expected_headers = {
            name: self._substitute(value) for name, value in row.expect.headers.items()
        }
        asked_before = len(self._decisions())
        _, position = self.aws.invocations(self._position)
        started = time.perf_counter()
        answer, reason = _ask_once(ask)
        milliseconds = (time.perf_counter() - started) * 1000
        asked = self._decisions()[asked_before:]
        invoked, self._position = self.aws.invocations(position)
        services = {self.stack.functions[name] for name in self.scenario.services}
        result = RowResult(
            row=row,
            status=answer[0] if answer else None,
            decisions=tuple(record.decision for record in asked),
            policies=self._named(asked[-1].determining_policies) if asked else (),
            reached=any(one.function in services for one in invoked),
            invocations=tuple(invoked),
            milliseconds=milliseconds,
            differences=(f"no answer: {reason}",),
        )
        return result if answer is None else compared(result, expected_headers, answer)

    def _named(self, policies: Sequence[str]) -> tuple[str, ...]:
        """Policies that the template makes by their logical id; others by their own id."""
        logical = {physical: name for name, physical in self.stack.resources.items()}
        return tuple(logical.get(policy, policy) for policy in policies)

    def _decisions(self) -> Sequence[Any]:
        return () if self._store is None else self._store.requests

    def _sender(self, row: RequestRow) -> Callable[[], HTTPAnswer]:
        if row.invoke is None:
            return partial(send, *self.request_of(row))
        if row.invoke not in self.stack.functions:
            raise ConfigurationError(
                f"request `{row.name}` invokes the unknown function `{row.invoke}`"
            )
        payload = self._substitute(json.dumps(row.body if row.body is not None else {})).encode()
        function = self.stack.functions[row.invoke]

        def invoke() -> HTTPAnswer:
            status, content = self.aws.invoke(function, payload)
            return status, {}, content

        return invoke


def _document_of(folder: Path) -> Path:
    path = folder / "requests.yaml"
    if not path.exists():
        raise ConfigurationError(
            f"`{folder}` has no `requests.yaml`: `authz local {folder} --init` writes a first one"
        )
    return path


def _ask_once(ask: Callable[[], HTTPAnswer]) -> tuple[HTTPAnswer | None, str]:
    try:
        return ask(), ""
    except NoAnswerError as error:
        return None, str(error)


@contextmanager
def _one_line_errors(what: str) -> Iterator[None]:
    """Raise a refusal or a failure of the local AWS as a `ConfigurationError` of one line."""
    from botocore.exceptions import BotoCoreError, ClientError
    from botocore.parsers import ResponseParserError

    try:
        yield
    except ClientError as error:
        reason = error.response["Error"].get("Message", "no reason given")
        raise ConfigurationError(
            f"{what}: `{error.operation_name}` was refused: {reason}"
        ) from None
    except (BotoCoreError, ResponseParserError) as error:
        raise ConfigurationError(f"{what}: the local AWS failed: {type(error).__name__}") from None


def _public_key(private_pem: bytes) -> bytes:
    from cryptography.hazmat.primitives import serialization

    key = serialization.load_pem_private_key(private_pem, password=None)
    return key.public_key().public_bytes(
        serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    )
