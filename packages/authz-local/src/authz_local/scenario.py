"""The document `requests.yaml`: what a template needs beside it, the requests, and their answers.

It is read once and checked as a whole.  Nothing in it is code.
"""

from __future__ import annotations

from pathlib import Path  # noqa: TC003 - pydantic resolves the annotations at run time
from typing import TYPE_CHECKING, Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from authz_lib._support.yaml_file import read_yaml, yaml_places
from authz_lib.errors import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = [
    "Expectation",
    "PolicyStoreSetup",
    "RequestRow",
    "Scenario",
    "TokenRecipe",
    "UserPoolSetup",
    "UserSetup",
]

Name = Annotated[str, Field(min_length=1)]


class _Document(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class PolicyStoreSetup(_Document):
    """A policy store made from a folder of Cedar policies."""

    directory: Name
    parameter: Name
    """The parameter of the template that takes the store's id."""


class UserSetup(_Document):
    """A user of the pool, with groups and attributes."""

    groups: list[Name] = []
    attributes: dict[str, str] = {}


class UserPoolSetup(_Document):
    """The pool and clients that the template's outputs name, and the users to make in it."""

    output: Name
    clients: dict[Name, Name] = Field(min_length=1)
    """Short name to the output that holds the client's id; the first is the default of tokens."""
    users: dict[Name, UserSetup] = Field(min_length=1)


class TokenRecipe(_Document):
    """Which token a request carries, and what was done to it."""

    user: Name | None = None
    text: str | None = None
    client: Name | None = None
    use: Literal["access", "id"] = "access"
    change: (
        Literal["alg_hs256", "alg_none", "expired", "flipped_signature_bit", "foreign_key"] | None
    ) = None
    header: Name = "Authorization"

    @model_validator(mode="after")
    def _one_origin(self) -> TokenRecipe:
        if (self.user is None) == (self.text is None):
            raise ValueError("a token has either a `user` or a `text`")
        return self


class Expectation(_Document):
    """The answer that is expected.  What is left out is not compared."""

    status: Annotated[int, Field(ge=100, le=599)]
    decision: Literal["ALLOW", "DENY"] | None = None
    """The last decision of the policy store for this request."""
    policy: Name | None = None
    """A determining policy of that decision."""
    reached: bool | None = None
    """Whether one of the `services` was invoked, by its own log."""
    headers: dict[Name, str] = {}
    """Headers of the answer, exactly."""
    body: Any = Field(default=None, alias="json")
    """A part of the JSON answer: each member named here must be there, a list as a whole."""


class RequestRow(_Document):
    """One request over HTTP, or one invocation of a function, and the expected answer."""

    name: Name
    call: (
        Annotated[str, Field(pattern=r"^(GET|HEAD|POST|PUT|PATCH|DELETE|OPTIONS) \S+$")] | None
    ) = None
    invoke: Name | None = None
    """The logical id of a Lambda function: ``body`` is its payload, ``status`` the invocation's."""
    as_user: Name | None = Field(default=None, alias="as")
    """A user, whose access token is sent."""
    token: TokenRecipe | None = None
    headers: dict[Name, str] = {}
    body: Any = None
    within_seconds: Annotated[int, Field(ge=1, le=300)] | None = None
    """Ask again until the answer is the expected one, for at most this long."""
    expect: Expectation

    @model_validator(mode="after")
    def _one_target(self) -> RequestRow:
        if (self.call is None) == (self.invoke is None):
            raise ValueError("a request has either a `call` or an `invoke`")
        if self.invoke is not None and (self.recipe() is not None or self.headers):
            raise ValueError("an `invoke` has no token and no headers")
        return self

    @model_validator(mode="after")
    def _one_token(self) -> RequestRow:
        if self.as_user is not None and self.token is not None:
            raise ValueError("a request has `as` or `token`, not both")
        return self

    def recipe(self) -> TokenRecipe | None:
        """The token that the request carries, if any."""
        return TokenRecipe(user=self.as_user) if self.as_user is not None else self.token


class Scenario(_Document):
    """A whole `requests.yaml`."""

    region: Annotated[str, Field(pattern=r"^[a-z]{2}(-[a-z]+)+-\d$")] = "us-east-1"
    companions: Name | None = None
    """A Python file that starts what the local AWS lacks; see `authz_local.companions`."""
    before: list[Name] = []
    """Templates that are deployed first, in this order, each as a stack of its own."""
    policy_store: PolicyStoreSetup | None = None
    user_pool: UserPoolSetup | None = None
    parameters: dict[Name, str] = {}
    """More parameters of the template."""
    tables: dict[Name, list[dict[str, Any]]] = {}
    """Output that holds a DynamoDB table's name, to the items to put into it."""
    services: list[Name] = []
    check_iam: bool = False
    requests: list[RequestRow] = []

    @classmethod
    def load(cls, path: Path) -> Scenario:
        """Read and check the document.

        Raises:
            ConfigurationError: it cannot be read, is not YAML, or a member is missing, unknown,
                wrong or there twice.
        """
        document = read_yaml(path)
        try:
            scenario = cls.model_validate(document)
        except ValidationError as error:
            first = error.errors(include_url=False, include_input=False)[0]
            member = ".".join(str(step) for step in first["loc"]) or "document"
            where = _place(path, first["loc"])
            raise ConfigurationError(f"{where}: `{member}`: {first['msg']}") from None
        _check_names(scenario, path)
        return scenario


def _place(path: Path, member: Sequence[str | int]) -> str:
    """Where a member stands; of one that is absent, what holds it."""
    text = path.read_text(encoding="utf-8")
    places = yaml_places(text, str(path))
    steps = tuple(member)
    found = (places.get(steps[:end]) for end in range(len(steps), 0, -1))
    return next(filter(None, found), str(path))


def _check_names(scenario: Scenario, path: Path) -> None:
    pool = scenario.user_pool
    for number, row in enumerate(scenario.requests):
        recipe = row.recipe()
        if recipe is None or recipe.user is None:
            continue
        if pool is None or recipe.user not in pool.users:
            raise ConfigurationError(
                f"{_place(path, ('requests', number))}: request `{row.name}` names the unknown "
                f"user `{recipe.user}`"
            )
        if recipe.client is not None and recipe.client not in pool.clients:
            raise ConfigurationError(
                f"{_place(path, ('requests', number))}: request `{row.name}` names the unknown "
                f"client `{recipe.client}`"
            )
