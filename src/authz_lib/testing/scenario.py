"""The document `requests.yaml`: what a local stack needs beside its template, and what to ask it
with which answers.

It is read once and checked whole (pydantic); everything in it names things, nothing in it is code.
"""

from __future__ import annotations

from pathlib import Path  # noqa: TC003 - pydantic resolves the annotations at run time
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from authz_lib.errors import ConfigurationError
from authz_lib.testing.yaml_file import read_yaml

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
    """A policy store made from a folder of Cedar policies; its id becomes a parameter of the
    template.
    """

    directory: Name
    parameter: Name


class UserSetup(_Document):
    """A user of the pool, with groups and attributes."""

    groups: list[Name] = []
    attributes: dict[str, str] = {}


class UserPoolSetup(_Document):
    """The pool and clients that the template's outputs name, and the users to make in it."""

    output: Name
    clients: dict[Name, Name] = Field(min_length=1)
    """Short name to the output that holds the client's id; the first is the one that tokens are for
    by default.
    """
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
            raise ValueError("a token is of a `user` or a `text`, one of the two")
        return self


class Expectation(_Document):
    """The answer that is expected; what is left out is not compared."""

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
    """A part of the JSON answer: every member named here must be there, lists in full."""


class RequestRow(_Document):
    """One request over real HTTP, or one invocation of a function, and the answer that is
    expected.
    """

    name: Name
    call: (
        Annotated[str, Field(pattern=r"^(GET|HEAD|POST|PUT|PATCH|DELETE|OPTIONS) \S+$")] | None
    ) = None
    invoke: Name | None = None
    """The logical id of a Lambda function; ``body`` is its payload, ``status`` the one of the
    invocation.
    """
    as_user: Name | None = Field(default=None, alias="as")
    """Short for a token of that user."""
    token: TokenRecipe | None = None
    headers: dict[Name, str] = {}
    body: Any = None
    within_seconds: Annotated[int, Field(ge=1, le=300)] | None = None
    """Ask again until the answer is the expected one, for at most this long: a job that is
    polled.
    """
    expect: Expectation

    @model_validator(mode="after")
    def _one_target(self) -> RequestRow:
        if (self.call is None) == (self.invoke is None):
            raise ValueError("a request is a `call` or an `invoke`, one of the two")
        if self.invoke is not None and (self.recipe() is not None or self.headers):
            raise ValueError("an `invoke` has no token and no headers")
        return self

    @model_validator(mode="after")
    def _one_token(self) -> RequestRow:
        if self.as_user is not None and self.token is not None:
            raise ValueError("`as` and `token` are two ways to say one thing")
        return self

    def recipe(self) -> TokenRecipe | None:
        """The token that the request carries, if any."""
        return TokenRecipe(user=self.as_user) if self.as_user is not None else self.token


class Scenario(_Document):
    """A whole `requests.yaml`."""

    region: Annotated[str, Field(pattern=r"^[a-z]{2}(-[a-z]+)+-\d$")] = "us-east-1"
    companions: Name | None = None
    """A Python file beside this one that starts what the local AWS lacks; see
    `authz_lib.testing.companions`.
    """
    before: list[Name] = []
    """Templates deployed before `template.yaml`, in this order, as stacks of their own; their
    outputs are known too.
    """
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
            ConfigurationError: it cannot be read, is not YAML, has a key twice, or a member is
                missing, unknown or wrong; one line.
        """
        document = read_yaml(path)
        try:
            scenario = cls.model_validate(document)
        except ValidationError as error:
            first = error.errors(include_url=False, include_input=False)[0]
            where = ".".join(str(step) for step in first["loc"]) or "document"
            raise ConfigurationError(f"`{path.name}`: `{where}`: {first['msg']}") from None
        _check_names(scenario, path)
        return scenario


def _check_names(scenario: Scenario, path: Path) -> None:
    pool = scenario.user_pool
    for row in scenario.requests:
        recipe = row.recipe()
        if recipe is None or recipe.user is None:
            continue
        if pool is None or recipe.user not in pool.users:
            raise ConfigurationError(
                f"`{path.name}`: request `{row.name}` names the unknown user `{recipe.user}`"
            )
        if recipe.client is not None and recipe.client not in pool.clients:
            raise ConfigurationError(
                f"`{path.name}`: request `{row.name}` names the unknown client `{recipe.client}`"
            )
