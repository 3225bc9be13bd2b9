"""A hook that is an `async def`: its coroutine is always true, so it is refused when built."""

from __future__ import annotations

import functools

import pytest

from authz_lib import (
    ActionMap,
    BearerToken,
    ExpectedGateway,
    GatewayCache,
    JWTVerifier,
    LambdaAuthorizer,
    RemoteKeySet,
    SigV4Signer,
    VerifiedPermissions,
)
from authz_lib._support.checks import is_answering, require_function
from authz_lib.decisions.log import DecisionLog
from authz_lib.delivery import Delivery
from authz_lib.errors import ConfigurationError, UntrustedEventError
from authz_lib.principal import Principal
from authz_lib.service.principal_headers import principal_from_headers, principal_to_headers
from authz_lib.testing.issuer import TestIssuer
from authz_lib.tokens.load_balancer import LoadBalancerKeySet

ISSUER = TestIssuer("https://issuer.example", algorithm="EdDSA")
URL = "https://issuer.example/keys"


async def coroutine(*_):
    return False


async def asynchronous_generator(*_):
    yield False


def generator(*_):
    yield False


class Called:
    async def __call__(self, *_):
        return False


NOT_PLAIN = {
    "coroutine": coroutine,
    "asynchronous generator": asynchronous_generator,
    "generator": generator,
    "partial": functools.partial(coroutine, 1),
    "object": Called(),
    "method": Called().__call__,
}


def plain(*_):
    return True


def having(**methods):
    return type("Mine", (), {name: staticmethod(method) for name, method in methods.items()})()


def verifier(**options):
    return JWTVerifier(
        **{
            "issuer": ISSUER.issuer,
            "audience": None,
            "algorithms": ["EdDSA"],
            "keys": ISSUER.key_set(),
            **options,
        }
    )


def authorizer(**options):
    line = {"method": "GET", "route": "/orders", "action": "List", "public": True}
    return LambdaAuthorizer(
        **{
            "verifier": verifier(),
            "token_sources": [BearerToken()],
            "actions": ActionMap.from_document({"version": 1, "actions": [line]}),
            "decisions": None,
            "response": "iam",
            "gateway_cache": GatewayCache.OFF,
            **options,
        }
    )


def source(read):
    return having(read=read) if read is not plain else BearerToken()


def gateway(api_id):
    checks = dict.fromkeys(("account_id", "issuer", "client_ids", "token_use"))
    return ExpectedGateway(kind="http-lambda", api_id=api_id, **checks)


VP = dict.fromkeys(
    (
        "is_authorized",
        "is_authorized_with_token",
        "batch_is_authorized",
        "batch_is_authorized_with_token",
    ),
    plain,
)


def boto3_client(hook):
    methods = having(**VP | {"is_authorized": hook, "close": plain})
    methods.meta = having(endpoint_url=plain)
    methods.meta.events = having(register=lambda *_, **__: None)
    return VerifiedPermissions("PSEXAMPLE", client=methods)


@pytest.mark.parametrize("hook", NOT_PLAIN.values(), ids=NOT_PLAIN)
@pytest.mark.parametrize(
    "build",
    [
        lambda hook: verifier(revoked=hook),
        lambda hook: verifier(check=hook),
        lambda hook: verifier(clock=hook),
        lambda hook: verifier(keys=having(find=hook, peek=plain, prefetch=plain)),
        lambda hook: RemoteKeySet(URL, fetcher=hook),
        lambda hook: LoadBalancerKeySet(URL, fetcher=hook),
        lambda hook: authorizer(verifier=having(verify=hook)),
        lambda hook: authorizer(token_sources=[source(hook)]),
        lambda hook: authorizer(decisions=having(is_authorized=hook)),
        gateway,
        lambda hook: DecisionLog(on_decision=hook),
        lambda hook: Delivery(primary=having(deliver=hook)),
        lambda hook: Delivery(
            primary=having(deliver=plain), fallback=having(deliver=plain), rollout=hook
        ),
        lambda hook: Delivery(primary=having(deliver=plain), on_event=hook),
        lambda hook: SigV4Signer(
            service="execute-api",
            region="eu-west-1",
            credentials=having(get_frozen_credentials=hook),
        ),
        boto3_client,
    ],
)
def test_what_would_only_promise_an_answer_is_refused_when_built(build, hook):
    with pytest.raises(ConfigurationError):
        build(hook)


@pytest.mark.parametrize(
    "build",
    [
        lambda hook: verifier(revoked=hook, check=hook, clock=hook),
        lambda hook: RemoteKeySet(URL, fetcher=hook),
        lambda hook: authorizer(decisions=having(is_authorized=hook)),
        gateway,
        lambda hook: DecisionLog(on_decision=hook),
        lambda hook: Delivery(
            primary=having(deliver=hook), fallback=having(deliver=hook), rollout=hook, on_event=hook
        ),
        boto3_client,
    ],
)
def test_plain_ones_are_taken(build):
    build(plain)


@pytest.mark.filterwarnings("ignore:coroutine .* was never awaited:RuntimeWarning")
@pytest.mark.parametrize("check", [coroutine, generator, lambda _: False, lambda _: True])
def test_a_proof_that_answers_anything_is_no_proof(check):
    event = {"headers": principal_to_headers(Principal("alice", expires_at=4e9))}
    with pytest.raises(UntrustedEventError):
        principal_from_headers(event, proof=having(check=check))


def test_a_class_is_no_function():
    assert is_answering(dict)
    with pytest.raises(ConfigurationError, match="`hook` must be a callable"):
        require_function(dict, "hook")
    with pytest.raises(ConfigurationError, match="`hook` must be a callable"):
        require_function(None, "hook")
    require_function(None, "hook", optional=True)
