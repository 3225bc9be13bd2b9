"""Who signed a request: one rule for each form of IAM caller."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, TypeAlias, get_args

from authz_lib.errors import ConfigurationError, UntrustedEventError
from authz_lib.principal import Principal, cognito_pool

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

__all__ = ["IAMCallers", "IAMForm", "principal_from_iam"]

IAMForm: TypeAlias = Literal[
    "identity-pool",
    "identity-pool-guest",
    "user",
    "role-session",
    "federated-user",
    "root",
]
"""The forms of IAM callers; the table at `IAMCallers` says who is the subject of each."""


@dataclass(frozen=True, slots=True, kw_only=True)
class IAMCallers:
    """Which IAM callers are taken, and who each of them is.

    | form | who it is | subject |
    |---|---|---|
    | ``identity-pool`` | a signed-in user of a Cognito identity pool | the identity id |
    | ``identity-pool-guest`` | one who has not signed in | the identity id |
    | ``user`` | an IAM user | the user's ARN |
    | ``role-session`` | a session of a role: a service or a person | the session's ARN |
    | ``federated-user`` | a session of ``GetFederationToken`` | its ARN, with its name |
    | ``root`` | the root user of an account | ``arn:aws:iam::<account>:root`` |

    The last two and guests are refused unless they are named.  Whoever makes a session chooses its
    name, so keep the right to make one from people who must not be one another.

    Always refused: a role without a session, and a session of an identity pool in an event that
    does not say whose it is, as those of function URLs: all users of the pool share that session.

    Args:
        forms: the forms that are taken.
        identity_pool_ids: the identity pools that are taken; ``None``: any that may sign a request.
        user_pool_issuer: the ``iss`` of a Cognito user pool.  The subject of an ``identity-pool``
            caller is then the ``sub`` in that pool, and who signed in elsewhere is refused.
            ``None``: the identity id.

    Raises:
        ConfigurationError: a value of another type or form.

    >>> IAMCallers(forms=["user"]).forms
    frozenset({'user'})
    """

    forms: Collection[IAMForm] = ("identity-pool", "user", "role-session")
    identity_pool_ids: Collection[str] | None = None
    user_pool_issuer: str | None = None

    def __post_init__(self) -> None:
        forms = _texts(self.forms)
        if not forms or not forms <= set(get_args(IAMForm)):
            raise ConfigurationError(
                f"`forms` must be a list of {', '.join(f'`{form}`' for form in get_args(IAMForm))}"
            )
        object.__setattr__(self, "forms", forms)
        if self.identity_pool_ids is not None:
            pools = _texts(self.identity_pool_ids)
            if not pools:
                raise ConfigurationError(
                    "`identity_pool_ids` must be a list of identity pool ids, or `None`"
                )
            object.__setattr__(self, "identity_pool_ids", pools)
        if self.user_pool_issuer is not None and (
            type(self.user_pool_issuer) is not str
            or cognito_pool(self.user_pool_issuer) is None
            or not self.user_pool_issuer.startswith("https://cognito-idp.")
        ):
            raise ConfigurationError(
                "`user_pool_issuer` must be the `https://cognito-idp.` issuer of a user pool, or "
                "`None`"
            )


def principal_from_iam(identity: Mapping[str, Any], callers: IAMCallers | None) -> Principal:
    """The caller who signed, from ``requestContext.identity`` or ``authorizer.iam``.

    ``None`` are the callers that `IAMCallers` takes without arguments.

    Raises:
        UntrustedEventError: nobody signed, a form that is not taken, or an event that does not say
            which person it is.
    """
    if callers is None:
        callers = _ANY_CALLERS
    # REST APIs fill `identity` for every request: only a signed one has an ARN.
    arn = identity.get("userArn")
    if type(arn) is not str or not arn:
        raise UntrustedEventError("`userArn` of the event is missing: the request was not signed")
    claims = {name: identity[name] for name in _CLAIMS if type(identity.get(name)) is str}
    cognito = _cognito(identity)
    if cognito is not None:
        claims.update(cognito.claims())
        form: IAMForm = "identity-pool" if cognito.is_signed_in else "identity-pool-guest"
        _require(form, callers)
        _check_pool(cognito, callers)
        if form == "identity-pool" and callers.user_pool_issuer is not None:
            subject = cognito.subject_in(callers.user_pool_issuer)
            return Principal(subject, issuer=callers.user_pool_issuer, claims=claims)
        return Principal(cognito.identity_id, claims=claims)
    _require(_form_of(arn), callers)
    return Principal(arn, claims=claims)


_CLAIMS = (
    "accessKey",
    "accountId",
    "caller",
    "callerId",
    "user",
    "userArn",
    "userId",
    "principalOrgId",
)
_ARN = re.compile(r"arn:aws[a-z-]*:(iam|sts)::[0-9]{1,12}:(root|(?!root/)[a-z-]+/[^\s*?]+)")
# What Cognito names the sessions that it makes: every user of a pool has this one.
_SHARED_SESSION = "/CognitoIdentityCredentials"


@dataclass(frozen=True, slots=True)
class _CognitoIdentity:
    """What an event says of a user of an identity pool."""

    identity_id: str
    pool_id: str
    methods: tuple[str, ...]
    """Whether signed in, the provider, and the provider with its subject (``amr``)."""

    @property
    def is_signed_in(self) -> bool:
        return "authenticated" in self.methods

    def claims(self) -> dict[str, str]:
        """By the names of a REST API, whatever the kind of event."""
        return {
            "cognitoIdentityId": self.identity_id,
            "cognitoIdentityPoolId": self.pool_id,
            "cognitoAuthenticationType": self.methods[0],
            "cognitoAuthenticationProvider": ",".join(self.methods[1:]),
        }

    def subject_in(self, issuer: str) -> str:
        """The ``sub`` in a user pool.

        Raises:
            UntrustedEventError: the user signed in elsewhere, or in more than one place.
        """
        named = [method for method in self.methods if ":CognitoSignIn:" in method]
        provider, _, subject = named[0].partition(":CognitoSignIn:") if named else ("", "", "")
        if (
            len(named) != 1
            or provider != issuer.removeprefix("https://")
            or not re.fullmatch(r"[0-9A-Za-z-]{1,128}", subject)
        ):
            raise UntrustedEventError("the identity does not name one user of `user_pool_issuer`")
        return subject


def _cognito(identity: Mapping[str, Any]) -> _CognitoIdentity | None:
    """The identity of a pool's user; ``None`` where the event holds nothing of one."""
    nested = identity.get("cognitoIdentity")
    if nested is None:
        type_, provider = (
            identity.get("cognitoAuthenticationType"),
            identity.get("cognitoAuthenticationProvider"),
        )
        identity_id, pool_id = (
            identity.get("cognitoIdentityId"),
            identity.get("cognitoIdentityPoolId"),
        )
        if not (identity_id or pool_id or type_ or provider):
            return None
        methods: Any = [type_, *(provider.split(",") if type(provider) is str else ())]
    else:
        nested = nested if isinstance(nested, dict) else {}
        identity_id, pool_id = nested.get("identityId"), nested.get("identityPoolId")
        methods = nested.get("amr")
    if type(identity_id) is not str or type(pool_id) is not str or not identity_id or not pool_id:
        raise UntrustedEventError("the event does not say which user of an identity pool it is")
    is_list = isinstance(methods, list) and all(type(method) is str for method in methods)
    kinds = [method for method in methods if method in _KINDS] if is_list else []
    if len(kinds) != 1:
        raise UntrustedEventError("the event does not say whether the identity has signed in")
    others = [method.strip() for method in methods if method not in _KINDS]
    return _CognitoIdentity(identity_id, pool_id, (kinds[0], *others))


_KINDS = ("authenticated", "unauthenticated")
_FORMS: Mapping[tuple[str, str], IAMForm] = {
    ("iam", "user"): "user",
    ("iam", "root"): "root",
    ("sts", "assumed-role"): "role-session",
    ("sts", "federated-user"): "federated-user",
}


def _form_of(arn: str) -> IAMForm:
    match = _ARN.fullmatch(arn)
    kind, _, name = match[2].partition("/") if match else ("", "", "")
    form = _FORMS.get((match[1], kind)) if match else None
    if form is None or (form == "role-session" and [*map(bool, name.split("/"))] != [True, True]):
        raise UntrustedEventError("`userArn` of the event is of no form that names one caller")
    if form == "role-session" and arn.endswith(_SHARED_SESSION):
        raise UntrustedEventError(
            "the session is that of all users of an identity pool, and the event does not say "
            "which user it is"
        )
    return form


def _require(form: IAMForm, callers: IAMCallers) -> None:
    if form not in callers.forms:
        raise UntrustedEventError(f"a caller of the form `{form}` is not in `forms`")


def _check_pool(cognito: _CognitoIdentity, callers: IAMCallers) -> None:
    pools = callers.identity_pool_ids
    if pools is not None and cognito.pool_id not in pools:
        raise UntrustedEventError("the identity pool is not an expected one")


def _texts(values: object) -> frozenset[str]:
    """The values as a set of names; empty where they are none."""
    listed = values if isinstance(values, list | tuple | set | frozenset) else ()
    is_named = all(type(value) is str and value for value in listed)
    return frozenset(listed) if is_named else frozenset()


_ANY_CALLERS = IAMCallers()
