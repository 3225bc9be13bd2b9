"""A scenario that runs: the local AWS, policy store and users of one example, and its requests over real HTTP."""

from __future__ import annotations

import json
import re
import time
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from functools import partial
from typing import TYPE_CHECKING, Any, TypeAlias
from urllib.parse import urlsplit

from authz_lib.errors import ConfigurationError
from authz_lib.testing import tampering
from authz_lib.testing._interrupts import interrupts_held_back
from authz_lib.testing.companions import Companions
from authz_lib.testing.scenario import Scenario
from authz_lib.testing.stack import DeployedStack, LocalAWS

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path
    from types import TracebackType
    from typing import Self

    from authz_lib.testing.policy_store import PolicyStoreServer
    from authz_lib.testing.scenario import RequestRow, TokenRecipe, UserSetup

__all__ = ["LocalScenario", "Outcome"]

_Answer: TypeAlias = tuple[int, "Mapping[str, str]", bytes]  # status, headers, body

_POLL_SECONDS = 0.2
_PASSWORD = "Local-only-1!"  # of users that live as long as the command
_VARIABLE = re.compile(r"\$\{([^}]+)\}")


@dataclass(frozen=True, slots=True)
class Outcome:
    """What one request was answered, beside what was expected."""

    row: RequestRow
    status: int
    decision: str | None
    policies: tuple[str, ...]
    reached: bool
    milliseconds: float
    differences: tuple[str, ...]


@dataclass(slots=True)
class _User:
    sub: str
    tokens: dict[tuple[str, str], str] = field(default_factory=dict)  # (client, use) -> token


class LocalScenario:
    """Everything that an example folder (``template.yaml``, ``requests.yaml``) describes, running on this machine.

    Used as a context manager; when the block ends, nothing of it is left.

    Raises:
        ConfigurationError: a file is missing or wrong, the template does not deploy, or a package is not installed.
    """

    def __init__(self, folder: Path, *, port: int | None = None, on_event: Callable[[str], None] | None = None) -> None:
        self._folder = folder
        self._template = folder / "template.yaml"
        if not self._template.is_file():
            raise ConfigurationError(f"`{folder.name}` has no `template.yaml`")
        self.scenario = Scenario.load(folder / "requests.yaml")
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

    def __enter__(self) -> Self:
        try:
            self._set_up()
        except BaseException:
            self._stop()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._stop()

    def _stop(self) -> None:
        with interrupts_held_back():  # companions stop processes too
            self._life.close()

    # -- set up --------------------------------------------------------------------------------------------------------

    def _set_up(self) -> None:
        environment, store = self._start_policy_store()
        self.aws = LocalAWS(
            port=self._port,
            region=self.scenario.region,
            environment=environment,
            check_iam=self.scenario.check_iam,
        )
        self._life.callback(self.aws.stop)
        self.aws.start()
        self._say(f"local AWS at {self.aws.url}")
        parameters = {"LocalEndpoint": self.aws.url, **self.scenario.parameters, **store}
        companions = self._companions()
        if companions is not None:
            parameters |= self._life.enter_context(companions.started())
        for name in self.scenario.before:
            path = self._folder / name
            earlier = self.aws.deploy(path, parameters=parameters, stack_name=path.stem, on_event=self._say)
            self.variables.update(earlier.outputs)
        self.parameters = parameters
        self.stack = self.aws.deploy(self._template, parameters=parameters, on_event=self._say)
        self.variables.update(self.stack.outputs)
        self._say(f"deployed {self._template.name}: {len(self.stack.resources)} resources")
        self._create_users()
        self._fill_tables()
        if companions is not None:
            companions.seed(self)

    def _start_policy_store(self) -> tuple[dict[str, str], dict[str, str]]:
        """Variables for the Lambdas and parameters of the template; both empty for an example without policies."""
        setup = self.scenario.policy_store
        if setup is None:
            return {}, {}
        from authz_lib.testing.policy_store import PolicyStoreServer  # the Cedar engine is needed only here

        self._store = self._life.enter_context(PolicyStoreServer())
        store_id = self._store.create_store_from_directory(self._folder / setup.directory)
        self._say(f"policy store endpoint at {self._store.url}: {setup.directory}/ in {store_id}")
        return {"AWS_ENDPOINT_URL_VERIFIEDPERMISSIONS": self._store.url}, {setup.parameter: store_id}

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
        identity.admin_set_user_password(UserPoolId=pool_id, Username=name, Password=_PASSWORD, Permanent=True)
        for group in user.groups:
            identity.admin_add_user_to_group(UserPoolId=pool_id, Username=name, GroupName=group)
        return _User(sub=next(a["Value"] for a in created["User"]["Attributes"] if a["Name"] == "sub"))

    def _fill_tables(self) -> None:
        for output, items in self.scenario.tables.items():
            table = self._output(output)
            for item in items:
                attributes = {key: {"S": self._substitute(str(value))} for key, value in item.items()}
                self.aws.client("dynamodb").put_item(TableName=table, Item=attributes)

    # -- words of the document -----------------------------------------------------------------------------------------

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

    def token(self, user: str, *, use: str = "access", client: str | None = None) -> str:
        """A real token of one of the scenario's users, from the pool; the same one each time it is asked for."""
        pool = self.scenario.user_pool
        if pool is None or user not in self._users:
            raise ConfigurationError(f"`requests.yaml` names the unknown user `{user}`")
        client = client or next(iter(pool.clients))
        tokens = self._users[user].tokens
        if (client, use) not in tokens:
            answer = self.aws.client("cognito-idp").initiate_auth(
                ClientId=self._output(pool.clients[client]),
                AuthFlow="USER_PASSWORD_AUTH",
                AuthParameters={"USERNAME": user, "PASSWORD": _PASSWORD},
            )["AuthenticationResult"]
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
            raise ConfigurationError("`requests.yaml` changes a token, and has no `user_pool`")
        return self.aws.pool_signing_key(self._output(pool.output), use)

    # -- requests ------------------------------------------------------------------------------------------------------

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

    def run(self, row: RequestRow) -> Outcome:
        """Send one request and compare the answer with what is expected; ask again where the row says so."""
        deadline = time.monotonic() + (row.within_seconds or 0)
        outcome = self._run_once(row)
        while outcome.differences and time.monotonic() < deadline:
            time.sleep(_POLL_SECONDS)
            outcome = self._run_once(row)
        return outcome

    def _run_once(self, row: RequestRow) -> Outcome:
        send = self._sender(row)
        asked_before = len(self._decisions())
        reached_before = self._invocations()
        started = time.perf_counter()
        status, headers, content = send()
        milliseconds = (time.perf_counter() - started) * 1000
        asked = self._decisions()[asked_before:]
        last = asked[-1] if asked else None
        outcome = Outcome(
            row=row,
            status=status,
            decision=last.decision if last else None,
            policies=tuple(last.determining_policies) if last else (),
            reached=self._invocations() > reached_before,
            milliseconds=milliseconds,
            differences=(),
        )
        expected_headers = {name: self._substitute(value) for name, value in row.expect.headers.items()}
        return _compared(outcome, _other_headers(expected_headers, headers), content)

    def _decisions(self) -> Sequence[Any]:
        return () if self._store is None else self._store.requests

    def _sender(self, row: RequestRow) -> Callable[[], _Answer]:
        if row.invoke is None:
            return partial(_send, *self.request_of(row))
        if row.invoke not in self.stack.functions:
            raise ConfigurationError(f"request `{row.name}` invokes the unknown function `{row.invoke}`")
        payload = self._substitute(json.dumps(row.body if row.body is not None else {})).encode()
        function = self.stack.functions[row.invoke]

        def invoke() -> _Answer:
            status, content = self.aws.invoke(function, payload)
            return status, {}, content

        return invoke

    def _invocations(self) -> int:
        names = [self.stack.functions[service] for service in self.scenario.services]
        return sum(line.startswith("START RequestId") for name in names for line in self.aws.function_log(name))


def _public_key(private_pem: bytes) -> bytes:
    from cryptography.hazmat.primitives import serialization

    key = serialization.load_pem_private_key(private_pem, password=None)
    return key.public_key().public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)


def _send(method: str, url: str, headers: Mapping[str, str], body: bytes | None) -> _Answer:
    import urllib3

    parts = urlsplit(url)
    target = parts.path + (f"?{parts.query}" if parts.query else "")
    # Connect to the loopback address whatever the machine's resolver makes of `*.localhost`.
    with urllib3.HTTPConnectionPool("127.0.0.1", parts.port, timeout=30, retries=False) as pool:
        answer = pool.request(
            method, target or "/", headers={**headers, "Host": parts.netloc}, body=body, redirect=False
        )
        return answer.status, answer.headers, answer.data


def _compared(outcome: Outcome, other_headers: list[str], content: bytes) -> Outcome:
    expect = outcome.row.expect
    found = list(other_headers)
    if outcome.status != expect.status:
        found.append(f"status {outcome.status}, expected {expect.status}")
    if expect.decision is not None and outcome.decision != expect.decision:
        found.append(f"decision {outcome.decision}, expected {expect.decision}")
    if expect.policy is not None and expect.policy not in outcome.policies:
        found.append(f"policies {', '.join(outcome.policies) or 'none'}, expected {expect.policy}")
    if expect.reached is not None and outcome.reached != expect.reached:
        found.append("the service was reached" if outcome.reached else "the service was not reached")
    if expect.body is not None and not _contains(_json_or_none(content), expect.body):
        found.append("the JSON answer differs")
    return replace(outcome, differences=tuple(found))


def _other_headers(expected: Mapping[str, str], answered: Mapping[str, str]) -> list[str]:
    lower = {name.lower(): value for name, value in answered.items()}
    return [
        f"header {name} {lower.get(name.lower(), 'missing')!r}, expected {value!r}"
        for name, value in expected.items()
        if lower.get(name.lower()) != value
    ]


def _json_or_none(content: bytes) -> object:
    try:
        return json.loads(content)
    except ValueError:
        return None


def _contains(answered: object, expected: object) -> bool:
    if isinstance(expected, dict):
        return isinstance(answered, dict) and all(
            name in answered and _contains(answered[name], value) for name, value in expected.items()
        )
    if isinstance(expected, list):
        return (
            isinstance(answered, list)
            and len(answered) == len(expected)
            and all(_contains(one, other) for one, other in zip(answered, expected, strict=True))
        )
    return answered == expected
