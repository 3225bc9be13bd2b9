"""Authorization of the routes of a Powertools resolver.  Needs the extra ``powertools``.

Each route says what it asks for.  `ResolverAuthorization` reads the caller in one way that is
chosen once, and checks the route before anything of it runs.
"""

from __future__ import annotations

from contextlib import contextmanager
from time import perf_counter
from typing import TYPE_CHECKING, Any, Final, NamedTuple, TypedDict, Unpack

from authz_lib._support.checks import require_known, require_method, require_one_of
from authz_lib._support.current_request import CURRENT_REQUEST
from authz_lib._support.extras import load_extra
from authz_lib.authorizer.callers import Callers, require_qualified_ids
from authz_lib.decisions.request import AuthorizationRequest
from authz_lib.entities import EntityUid
from authz_lib.errors import (
    AccessDeniedError,
    AuthenticationError,
    AuthzError,
    ConfigurationError,
    InsufficientScopeError,
)
from authz_lib.gateway.events import Event
from authz_lib.integrations.resolver_routes import (
    added_routes,
    kinds_of,
    matched_route,
    require_no_success,
    requirement_of,
)
from authz_lib.integrations.route_requirements import (
    MET_KEY,
    PRINCIPAL_KEY,
    RouteRequirement,
    any_caller,
    principal_of,
    public,
    requires,
)
from authz_lib.principal import Principal
from authz_lib.service.event_principal import principal_from_event
from authz_lib.service.expected_gateway import VERIFIED_AT, ExpectedGateway
from authz_lib.service.handler import event_names, service_handler, smithy_error_of
from authz_lib.service.principal_headers import MutualTLS, SecretHeader, principal_from_headers
from authz_lib.smithy.errors import SmithyError
from authz_lib.tokens.assertion import SignedAssertion
from authz_lib.tokens.attributes import Attributes
from authz_lib.tokens.claim_reader import COGNITO_GROUPS

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from aws_lambda_powertools import Logger
    from aws_lambda_powertools.event_handler import Response
    from aws_lambda_powertools.event_handler.api_gateway import ApiGatewayResolver, Route

    from authz_lib.authorizer.callers import Claim
    from authz_lib.decisions.point import DecisionPoint
    from authz_lib.decisions.request import Decision
    from authz_lib.gateway.refusals import EventNames
    from authz_lib.gateway.sources import TokenSource
    from authz_lib.integrations.powertools_metrics import AuthorizationMetrics
    from authz_lib.integrations.route_requirements import Next
    from authz_lib.service.handler import Handler
    from authz_lib.service.principal_headers import Proof
    from authz_lib.smithy.error_answers import ErrorFormat
    from authz_lib.tokens.attributes import Attribute
    from authz_lib.tokens.verifier import Verifier

__all__ = [
    "ResolverAuthorization",
    "ResolverOptions",
    "RouteRequirement",
    "any_caller",
    "principal_of",
    "public",
    "requires",
]

_powertools: Any = load_extra(
    "aws_lambda_powertools.event_handler",
    extra="powertools",
    what="`authz_lib.integrations.powertools`",
)

_NO_ROUTE: Final = "no_route"
_RESULTS: Final = {401: "unauthenticated", 403: "deny"}


class ResolverOptions(TypedDict, total=False):
    """What every `ResolverAuthorization` takes."""

    decisions: DecisionPoint | None
    application: EntityUid | None
    errors: ErrorFormat
    logger: Logger | None
    metrics: AuthorizationMetrics | None


class ResolverAuthorization:
    """Authorization in front of every route of one resolver.

    Make it with `behind_gateway`, `behind_proxy` or `with_tokens`: they say how the caller is read.
    It is read in that way only.

    For each request, before anything of the route runs:

    1. The route has exactly one of `requires`, `any_caller` and `public`.  Else the answer is 500.
    2. The caller is read, and its time has not passed: else 401.
    3. The caller has the scopes, and the policies allow the action: else 403.  Where that cannot be
       found out: 503.

    The caller is ``app.context["principal"]`` then, see `principal_of`, until the request is
    answered.  An `AuthzError` or `SmithyError` that a route raises becomes its answer too.  No
    exception handler of the resolver sees it, so none can turn a refusal into something else.

    **Not** checked: what comes before the middlewares of a resolver.  With ``enable_validation``
    Powertools validates a request before anything else, and answers 422 to a stranger too.  Nor
    what a route returns, or catches.

    A resolver answers one request at a time.  While it does, another one is refused.
    """

    def __init__(
        self,
        app: ApiGatewayResolver,
        read: Callable[[Mapping[str, Any]], Principal],
        options: ResolverOptions,
    ) -> None:
        require_known(options, ResolverOptions.__optional_keys__)
        kinds_of(app)
        if app._router_middlewares:  # noqa: SLF001  there is no public way to see them
            raise ConfigurationError(
                "make `ResolverAuthorization` before other middlewares are added: nothing may run "
                "before it"
            )
        self._app = app
        self._read = read
        self._decisions = options.get("decisions")
        self._application = options.get("application")
        self._errors: ErrorFormat = options.get("errors", "smithy")
        self._logger = options.get("logger")
        self._metrics = options.get("metrics")
        self._is_checked = False
        require_one_of(self._errors, "errors", ("smithy", "standard"))
        if self._decisions is not None:
            require_method(
                self._decisions, "decisions", "is_authorized", such_as="`VerifiedPermissions`"
            )
        if self._application is not None and not isinstance(self._application, EntityUid):
            raise ConfigurationError("`application` must be an `EntityUid`")
        if self._logger is not None:
            require_method(self._logger, "logger", "append_keys", such_as="Powertools' `Logger`")
        if self._metrics is not None:
            require_method(self._metrics, "metrics", "request", such_as="`AuthorizationMetrics`")
        self._answered = service_handler(errors=self._errors)(app.resolve)
        app.use([_Middleware(self)])

    @classmethod
    def behind_gateway(
        cls,
        app: ApiGatewayResolver,
        gateway: ExpectedGateway,
        **options: Unpack[ResolverOptions],
    ) -> ResolverAuthorization:
        """The caller is who the gateway verified, see `principal_from_event`.

        Args:
            app: the resolver, before other middlewares are added.
            gateway: whose word is taken.
            options: ``decisions`` and ``application``: whom `requires` asks, and the resource of
                actions that are on no particular one.  ``errors``: as in `service_handler`.
                ``logger``: a Powertools logger, whose lines about a request have ``authz_result``
                and ``authz_reason``.  ``metrics``: see `AuthorizationMetrics`.

        Raises:
            ConfigurationError: the resolver is no known one, reads no event of that gateway, or has
                middlewares already.
        """
        if not isinstance(gateway, ExpectedGateway):
            raise ConfigurationError("`gateway` must be an `ExpectedGateway`")
        if not kinds_of(app) & VERIFIED_AT[gateway.kind].keys():
            raise ConfigurationError(
                f"`{type(app).__name__}` reads no event of a gateway of the kind `{gateway.kind}`"
            )
        return cls(app, lambda event: principal_from_event(event, gateway=gateway), options)

    @classmethod
    def behind_proxy(
        cls,
        app: ApiGatewayResolver,
        *,
        proof: Proof,
        attributes: Mapping[str, str | Attribute] | None = None,
        **options: Unpack[ResolverOptions],
    ) -> ResolverAuthorization:
        """The caller is who the principal headers name, see `principal_from_headers`.

        Args:
            app: the resolver, before other middlewares are added.
            proof: what shows that the headers are no client's own.  Here it is never ``None``:
                a load balancer and a function URL hand over what a client sends.
            attributes: as the authorizer declares them.
            options: as of `behind_gateway`.

        Raises:
            ConfigurationError: no proof, or as of `behind_gateway`.
        """
        if not isinstance(proof, SecretHeader | MutualTLS | SignedAssertion):
            raise ConfigurationError(
                "`proof` must be a `SecretHeader`, `MutualTLS` or `SignedAssertion`"
            )
        if attributes is not None:
            Attributes(attributes)
        return cls(
            app,
            lambda event: principal_from_headers(event, proof=proof, attributes=attributes),
            options,
        )

    @classmethod
    def with_tokens(
        cls,
        app: ApiGatewayResolver,
        *,
        verifier: Verifier,
        token_sources: Sequence[TokenSource],
        tenant_claim: Claim,
        groups_claim: Claim = COGNITO_GROUPS,
        attributes: Mapping[str, str | Attribute] | None = None,
        **options: Unpack[ResolverOptions],
    ) -> ResolverAuthorization:
        """The caller is who the token of the request names: nothing in front verifies it.

        So it is behind a load balancer, or with a function URL without IAM.  What a gateway says
        about the caller is not read.

        Args:
            app: the resolver, before other middlewares are added.
            verifier: verifies the token, such as `JWTVerifier.alb`.
            token_sources: where the token is read from.
            tenant_claim: the claim that holds the tenant, which users must not be able to write.
                With several issuers one per issuer, as for `LambdaAuthorizer`.
            groups_claim: the claim that holds the groups, or one per issuer.  ``None``: no groups.
            attributes: claims that are attributes of the caller.
            options: as of `behind_gateway`.

        Raises:
            ConfigurationError: there is no source.  With several issuers: a claim is not named per
                issuer, or the ids do not contain the issuer.  Or as of `behind_gateway`.
        """
        callers = Callers(
            verifier,
            token_sources,
            tenant_claim=tenant_claim,
            groups_claim=groups_claim,
            attributes=attributes,
        )
        require_qualified_ids(verifier, options.get("decisions"))
        return cls(app, lambda event: callers.principal(Event.of(event)), options)

    def handler(self) -> Handler:
        """The Lambda's handler.  Call it when all routes are there.

        Raises:
            ConfigurationError: a route has no requirement or several, or one that cannot be met.
        """
        self.check()
        return self.resolve

    def check(self) -> None:
        """Look at every route.

        Raises:
            ConfigurationError: as of `handler`.
        """
        for route in added_routes(self._app):
            self._requirement_of(route)
        self._is_checked = True

    def resolve(self, event: Any, context: Any = None) -> Any:
        """Answer one event, as the resolver's own ``resolve`` does; no error leaves it.

        For a handler that is decorated.  The first event checks all routes.
        """
        return self._answered(event, context)

    def _requirement_of(self, route: Route) -> RouteRequirement:
        return requirement_of(
            route,
            has_decisions=self._decisions is not None,
            has_application=self._application is not None,
        )

    def answer(self, app: ApiGatewayResolver, next_middleware: Next) -> Response[Any]:
        """The middleware: check the request, and let it pass to the route."""
        names = event_names(app.current_event.raw_event, app.lambda_context)
        if MET_KEY in app.context:
            return self._refusal(
                ConfigurationError("the resolver is still answering another request"), names
            )
        app.context[MET_KEY] = None
        before = CURRENT_REQUEST.set(names)
        try:
            return self._answer(app, names, next_middleware)
        finally:
            CURRENT_REQUEST.reset(before)
            app.context.pop(PRINCIPAL_KEY, None)
            app.context.pop(MET_KEY, None)

    def _answer(
        self, app: ApiGatewayResolver, names: EventNames, next_middleware: Next
    ) -> Response[Any]:
        started = perf_counter()
        outcome = self._checked(app)
        seconds = perf_counter() - started
        try:
            with self._logged(outcome):
                if outcome.error is not None:
                    return self._refusal(outcome.error, names)
                response = next_middleware(app)
                if outcome.result == _NO_ROUTE:
                    require_no_success(app, response)
                return response
        except Exception as error:
            known = _known(error)
            if known is None:
                raise
            if isinstance(known, AuthzError):
                outcome = _Outcome.of(known)
            with self._logged(outcome):
                return self._refusal(known, names)
        finally:
            if self._metrics is not None and outcome.result != _NO_ROUTE:
                self._metrics.request(
                    outcome.result, outcome.reason, seconds=seconds, cache_hits=outcome.cache_hits
                )

    def _checked(self, app: ApiGatewayResolver) -> _Outcome:
        app.context.pop(PRINCIPAL_KEY, None)
        try:
            if not self._is_checked:
                self.check()
            route = matched_route(app)
            if route is None:
                return _Outcome(_NO_ROUTE, "allowed")
            requirement = self._requirement_of(route)
            hits = self._meet(requirement, app)
        except Exception as error:  # noqa: BLE001  whatever it is, the route does not run
            return _Outcome.of(error)
        app.context[MET_KEY] = requirement
        return _Outcome("public" if requirement.is_public else "allow", "allowed", cache_hits=hits)

    def _meet(self, requirement: RouteRequirement, app: ApiGatewayResolver) -> int:
        """Read the caller and check the route; how many answers were remembered."""
        if requirement.is_public:
            return 0
        principal: object = self._read(app.current_event.raw_event)
        if not isinstance(principal, Principal):
            raise AuthenticationError("the caller is no `Principal`")
        if not requirement.scopes <= principal.scopes:
            raise InsufficientScopeError(
                "the token lacks a scope of the route", configured={"scopes": requirement.scopes}
            )
        decision = self._decided(requirement, principal, app)
        app.context[PRINCIPAL_KEY] = principal
        return int(decision is not None and decision.source == "cache")

    def _decided(
        self, requirement: RouteRequirement, principal: Principal, app: ApiGatewayResolver
    ) -> Decision | None:
        if requirement.action is None:
            return None
        if self._decisions is None:  # every route is checked for this
            raise ConfigurationError("`requires` with an action needs `decisions`")
        resource = requirement.resource_for(app.context["_route_args"], self._application)
        decision = self._decisions.is_authorized(
            AuthorizationRequest(principal, requirement.action, resource)
        )
        if decision.allowed is not True:
            raise AccessDeniedError(
                "the policies do not allow it", configured={"action": requirement.action}
            )
        return decision

    def _refusal(self, error: Exception, names: EventNames) -> Response[Any]:
        said = smithy_error_of(error, names).to_response(
            request_id=names.request_id, error_format=self._errors
        )
        return _powertools.Response(  # type: ignore[no-any-return]
            status_code=said["statusCode"], body=said["body"], headers=said["headers"]
        )

    @contextmanager
    def _logged(self, outcome: _Outcome) -> Iterator[None]:
        """Lines of the logger have both, and none of another request."""
        if self._logger is None:
            yield
            return
        self._logger.append_keys(authz_result=outcome.result, authz_reason=outcome.reason)
        try:
            yield
        finally:
            self._logger.remove_keys(["authz_result", "authz_reason"])


class _Outcome(NamedTuple):
    """What came of a request, for a log and a metric."""

    result: str
    reason: str
    error: Exception | None = None
    cache_hits: int = 0

    @classmethod
    def of(cls, error: Exception) -> _Outcome:
        if not isinstance(error, AuthzError):
            return cls(
                "error", "resource" if isinstance(error, SmithyError) else "unhandled", error
            )
        return cls(_RESULTS.get(error.status, "error"), error.code, error)


class _Middleware:
    """What Powertools calls for each request; it asks a middleware for ``__name__``."""

    def __init__(self, authorization: ResolverAuthorization) -> None:
        self.__name__ = "authorization"
        self._answer = authorization.answer

    def __call__(self, app: ApiGatewayResolver, next_middleware: Next) -> Response[Any]:
        return self._answer(app, next_middleware)


def _known(error: BaseException) -> AuthzError | SmithyError | None:
    """The error of this library, also where `Depends` of Powertools has wrapped it."""
    if type(error).__name__ == "DependencyResolutionError" and error.__cause__ is not None:
        return _known(error.__cause__)
    return error if isinstance(error, AuthzError | SmithyError) else None
