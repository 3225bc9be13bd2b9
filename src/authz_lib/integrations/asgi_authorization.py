"""How an application knows its callers, and whom it asks what they may do."""

from __future__ import annotations

from typing import TYPE_CHECKING

from authz_lib._support.checks import require_one_of
from authz_lib._support.clock import system_clock
from authz_lib.decisions.point import DecisionPoint
from authz_lib.errors import ConfigurationError
from authz_lib.gateway.sources import BearerToken
from authz_lib.integrations.asgi_callers import MangumCallers, RouterCallers, TokenCallers
from authz_lib.tokens.claim_reader import COGNITO_GROUPS

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from authz_lib._support.clock import Clock
    from authz_lib.authorizer.callers import Claim
    from authz_lib.gateway.sources import TokenSource
    from authz_lib.integrations.asgi_callers import ASGICallers
    from authz_lib.service.expected_gateway import ExpectedGateway
    from authz_lib.service.principal_headers import Proof
    from authz_lib.smithy.error_answers import ErrorFormat
    from authz_lib.tokens.attributes import Attribute
    from authz_lib.tokens.verifier import Verifier

__all__ = ["AppAuthorization"]


class AppAuthorization:
    """How an application knows its callers, whom it asks what they may do, and how it says no.

    Build it with `mangum`, `behind_router` or `standalone`.

    Args:
        callers: finds out who calls.
        decisions: answers what a caller may do; ``None`` where no route asks.
        errors: the shape of error bodies: ``"smithy"`` for generated SDK clients, ``"standard"``
            for a plain one.

    Raises:
        ConfigurationError: ``decisions`` is no `DecisionPoint`, or ``errors`` is none of the two.
    """

    __slots__ = ("callers", "decisions", "errors")

    def __init__(
        self,
        callers: ASGICallers,
        *,
        decisions: DecisionPoint | None = None,
        errors: ErrorFormat = "smithy",
    ) -> None:
        given: object = decisions
        if given is not None and not isinstance(given, DecisionPoint):
            raise ConfigurationError("`decisions` must be a decision point, such as `CedarEngine`")
        require_one_of(errors, "errors", ("smithy", "standard"))
        self.callers = callers
        self.decisions = decisions
        self.errors: ErrorFormat = errors

    def __repr__(self) -> str:
        return f"<AppAuthorization by {type(self.callers).__name__}>"

    @classmethod
    def mangum(
        cls,
        *,
        gateway: ExpectedGateway,
        decisions: DecisionPoint | None = None,
        errors: ErrorFormat = "smithy",
        clock: Clock = system_clock,
    ) -> AppAuthorization:
        """For a Lambda behind API Gateway, under Mangum.

        The caller is read from the gateway's event, see
        `authz_lib.service.principal_from_event`, which says what is checked and what is not.  No
        header is read.  Without an event, as under uvicorn, every caller is refused with 401.

        Raises:
            ConfigurationError: ``gateway`` is no `ExpectedGateway`.
        """
        return cls(MangumCallers(gateway, clock=clock), decisions=decisions, errors=errors)

    @classmethod
    def behind_router(
        cls,
        *,
        proof: Proof | None,
        attributes: Mapping[str, str | Attribute] | None = None,
        decisions: DecisionPoint | None = None,
        errors: ErrorFormat = "smithy",
        clock: Clock = system_clock,
    ) -> AppAuthorization:
        """For a service behind a gateway that writes the caller into headers.

        See `authz_lib.service.principal_from_headers`, which says what is checked and what is not.
        No token is read.

        Args:
            proof: a `SignedAssertion` or a `SecretHeader`; an explicit ``None`` trusts whoever can
                reach this service.
            attributes: the attributes of the caller, as the authorizer declares them.
            decisions: see `AppAuthorization`.
            errors: see `AppAuthorization`.
            clock: seconds since the epoch.

        Raises:
            ConfigurationError: ``proof`` is a `MutualTLS`, which only an event shows, or is none.
        """
        callers = RouterCallers(proof, attributes=attributes, clock=clock)
        return cls(callers, decisions=decisions, errors=errors)

    @classmethod
    def standalone(
        cls,
        *,
        verifier: Verifier,
        tenant_claim: Claim,
        groups_claim: Claim = COGNITO_GROUPS,
        attributes: Mapping[str, str | Attribute] | None = None,
        token_sources: Sequence[TokenSource] = (BearerToken(),),
        decisions: DecisionPoint | None = None,
        errors: ErrorFormat = "smithy",
    ) -> AppAuthorization:
        """For a service that verifies tokens itself.

        No event and no principal header is read.

        Args:
            verifier: such as a `JWTVerifier`.
            tenant_claim: the claim that holds the tenant; an explicit ``None`` for no tenants.
                With several issuers one per issuer, as for `LambdaAuthorizer`.
            groups_claim: the claim that holds the groups, or ``None``.
            attributes: the claims that are attributes of the caller.
            token_sources: where the token is.  A cookie is sent by pages of other origins too:
                with one, refuse such requests yourself.
            decisions: see `AppAuthorization`.
            errors: see `AppAuthorization`.

        Raises:
            ConfigurationError: as for `LambdaAuthorizer`.
        """
        callers = TokenCallers(
            verifier,
            token_sources,
            tenant_claim=tenant_claim,
            groups_claim=groups_claim,
            attributes=attributes,
            decisions=decisions,
        )
        return cls(callers, decisions=decisions, errors=errors)
