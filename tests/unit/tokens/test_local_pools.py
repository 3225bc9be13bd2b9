"""Tokens that the Cognito of others issued: moto's, in process, and ministack's, over HTTP."""

from __future__ import annotations

import json
import socket
from importlib.util import find_spec
from inspect import signature

import boto3
import pytest
import requests
from moto import mock_aws

from authz_lib import JWTVerifier, RemoteKeySet, StaticKeySet, errors
from authz_lib.testing.issuer import TestIssuer
from authz_lib.tokens.load_balancer import LoadBalancerKeySet
from authz_lib.tokens.remote_keys import FetchOptions, KeySetOptions
from authz_lib.transport.fetch import HTTPFetcher

PASSWORD = "Correct-Horse-7-Battery"


def sign_in(client):
    """A pool with a user in a group; returns the pool, the client and a fresh access and ID
    token.
    """
    pool = client.create_user_pool(PoolName="people")["UserPool"]["Id"]
    flows = ["ALLOW_USER_PASSWORD_AUTH", "ALLOW_REFRESH_TOKEN_AUTH"]
    app = client.create_user_pool_client(
        UserPoolId=pool, ClientName="web", ExplicitAuthFlows=flows
    )["UserPoolClient"]
    client.admin_create_user(UserPoolId=pool, Username="alice", MessageAction="SUPPRESS")
    client.admin_set_user_password(
        UserPoolId=pool, Username="alice", Password=PASSWORD, Permanent=True
    )
    client.create_group(UserPoolId=pool, GroupName="clerks")
    client.admin_add_user_to_group(UserPoolId=pool, Username="alice", GroupName="clerks")
    answer = client.initiate_auth(
        ClientId=app["ClientId"],
        AuthFlow="USER_PASSWORD_AUTH",
        AuthParameters={"USERNAME": "alice", "PASSWORD": PASSWORD},
    )["AuthenticationResult"]
    return pool, app["ClientId"], answer["AccessToken"], answer["IdToken"]


def check(access, identity, *, client_id, **options):
    """Each token passes where it is meant, and nowhere else."""
    of_access = JWTVerifier.cognito(client_id=client_id, token_use="access", **options)
    of_identity = JWTVerifier.cognito(client_id=client_id, token_use="id", **options)
    token = of_access.verify(access)
    assert token.claims["client_id"] == client_id
    assert token.claims["cognito:groups"] == ("clerks",)
    assert of_identity.verify(identity).claims["aud"] == client_id
    for verifier, wrong in ((of_access, identity), (of_identity, access)):
        with pytest.raises(errors.InvalidClaimError):
            verifier.verify(wrong)
    with pytest.raises(errors.InvalidClaimError):
        JWTVerifier.cognito(client_id="other", token_use="access", **options).verify(access)
    with pytest.raises(errors.InvalidSignatureError):
        of_access.verify(access[:-10] + ("A" if access[-10] != "A" else "B") + access[-9:])


def test_tokens_of_moto_verify(monkeypatch):
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "testing")
    with mock_aws():
        pool, client_id, access, identity = sign_in(
            boto3.client("cognito-idp", region_name="us-east-1")
        )
        # moto answers for the pool's own URL, to `requests` only.
        document = requests.get(
            f"https://cognito-idp.us-east-1.amazonaws.com/{pool}/.well-known/jwks.json", timeout=5
        )
    check(
        access, identity, client_id=client_id, user_pool_id=pool, keys=StaticKeySet(document.json())
    )


@pytest.mark.stack
@pytest.mark.skipif(find_spec("authz_local") is None, reason="needs `authz-local`")
def test_tokens_of_ministack_verify():
    """Its key set is fetched over HTTP; its issuer is the one it writes into its tokens."""
    from authz_local.stack import LocalAWS

    with LocalAWS() as aws:
        pool, client_id, access, identity = sign_in(aws.client("cognito-idp"))
        jwks_url = f"{aws.url}/{pool}/.well-known/jwks.json"
        check(access, identity, client_id=client_id, user_pool_id=pool, jwks_url=jwks_url)


LOCAL_HOSTS = ["cognito", "localhost.localstack.cloud", "host.docker.internal", "0.0.0.0"]


class Stack:
    """A local stack as a compose file names it: each host name resolves to this machine."""

    def __init__(self, host):
        self.host = host

    def start(self, port):
        self.url = f"http://{self.host}:{port}"
        self.provider = TestIssuer(self.url, algorithm="RS256")

    def verifies(self, verifier):
        token = self.provider.access_token(client_id="web", claims={"aud": "web"})
        return verifier.verify(token).issuer == self.provider.issuer

    def answer(self, received, _sock):
        path = received.target
        if path == "/.well-known/openid-configuration":
            body = {"issuer": self.url, "jwks_uri": f"{self.url}/keys"}
        elif path in {"/keys", "/local_1/.well-known/jwks.json"}:
            body = self.provider.jwks()
        else:
            return reply(200, self.provider.pem(path.rpartition("/")[2]))
        return reply(200, json.dumps(body).encode())


def reply(status, body):
    return f"HTTP/1.1 {status} X\r\nContent-Length: {len(body)}\r\n\r\n".encode() + body


@pytest.fixture(params=LOCAL_HOSTS)
def stack(request, serve, monkeypatch):
    for name in ("HTTP_PROXY", "http_proxy"):
        monkeypatch.delenv(name, raising=False)
    made = Stack(request.param)
    port = serve(made.answer).port
    made.start(port)
    monkeypatch.setattr(
        socket,
        "getaddrinfo",
        lambda *_args, **_options: [
            (socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP, "", ("127.0.0.1", port))
        ],
    )
    return made


def pool(stack, **options):
    return JWTVerifier.cognito(
        user_pool_id="us-east-1_Ab1", client_id="web", token_use="access", **options
    )


def test_plain_http_to_another_host_is_refused_and_the_way_round_is_named(stack):
    for build in (
        lambda: pool(stack, issuer=f"{stack.url}/local_1"),
        lambda: pool(stack, issuer=stack.url, jwks_url=f"{stack.url}/keys"),
        lambda: JWTVerifier.oidc(stack.url, audience="web"),
        lambda: RemoteKeySet(stack.url),
        lambda: LoadBalancerKeySet(stack.url),
        lambda: pool(stack, issuer=stack.url, key_set={"insecure_http_hosts": ["other"]}),
    ):
        with pytest.raises(errors.ConfigurationError, match="`insecure_http_hosts`"):
            build()


def test_a_named_host_is_taken_and_each_says_so_once_in_the_log(stack, caplog):
    options = {"insecure_http_hosts": [stack.host]}
    stack.provider.issuer = f"{stack.url}/local_1"
    assert stack.verifies(pool(stack, issuer=f"{stack.url}/local_1", key_set=options))
    assert stack.verifies(
        pool(
            stack,
            issuer=f"{stack.url}/local_1",
            jwks_url=f"{stack.url}/keys",
            key_set=options,
        )
    )
    stack.provider.issuer = stack.url
    assert stack.verifies(JWTVerifier.oidc(stack.url, audience="web", key_set=options))
    keys = RemoteKeySet(f"{stack.url}/keys", **options)
    assert keys.find(stack.provider.key_id, "RS256")
    assert [(line.name, line.levelname) for line in caplog.records] == [
        ("authz_lib.transport", "WARNING")
    ] * 4
    assert all(stack.host in line.getMessage() for line in caplog.records)


def test_a_load_balancers_keys_may_be_local_too(stack):
    stack.provider = TestIssuer(stack.url, algorithm="ES256")
    keys = LoadBalancerKeySet(stack.url, insecure_http_hosts=[stack.host])
    assert keys.find(stack.provider.key_id, "ES256")


def test_https_does_not_become_http(monkeypatch):
    """A provider over https cannot name a key set over plain http, wherever that is."""
    document = {"issuer": "https://p.example", "jwks_uri": "http://cognito/keys"}
    verifier = JWTVerifier.oidc(
        "https://p.example",
        audience="web",
        fetcher=lambda _: json.dumps(document).encode(),
        key_set={"insecure_http_hosts": ["cognito"]},
    )
    with pytest.raises(errors.KeySetUnavailableError, match="over plain http"):
        verifier.prefetch(strict=True)


def test_a_preset_takes_what_its_key_set_takes():
    """One list of arguments for all presets: a new argument cannot be forgotten."""
    own = {"url", "fetcher", "clock"}
    assert signature(RemoteKeySet).parameters.keys() - own == KeySetOptions.__optional_keys__
    own = {"keys_url", "fetcher", "clock"}
    assert signature(LoadBalancerKeySet).parameters.keys() - own == FetchOptions.__optional_keys__


@pytest.mark.parametrize(
    "build",
    [
        lambda **options: pool(None, **options),
        lambda **options: JWTVerifier.oidc("https://p.example", audience=None, **options),
    ],
    ids=["cognito", "oidc"],
)
def test_the_limits_of_a_presets_key_set(build):
    """At the bound and one past it: 40 keys are more than the 32 of the default."""
    document = {"keys": TestIssuer(algorithm="RS256").jwks()["keys"] + _keys(39)}
    discovery = {"issuer": "https://p.example", "jwks_uri": "https://p.example/keys"}

    def fetcher(url):
        return json.dumps(discovery if "openid" in url else document).encode()

    build(fetcher=fetcher, key_set={"max_keys": 40}).prefetch(strict=True)
    for options in ({"max_keys": 39}, {"max_keys": 40, "max_bytes": 1000}, None):
        with pytest.raises(errors.KeySetUnavailableError):
            build(fetcher=fetcher, key_set=options).prefetch(strict=True)
    for wrong in ({"max_keys": 0}, {"max_kyes": 64}, {"timeout_seconds": 0}, [64]):
        with pytest.raises(errors.ConfigurationError):
            build(fetcher=fetcher, key_set=wrong)


def _keys(count):
    jwk = TestIssuer(algorithm="ES256").jwks()["keys"][0]
    return [{**jwk, "kid": str(number)} for number in range(count)]


def test_a_key_set_that_is_given_is_not_fetched():
    keys = TestIssuer(algorithm="RS256").key_set()
    with pytest.raises(errors.ConfigurationError, match="`key_set`"):
        pool(None, keys=keys, key_set={"timeout_seconds": 5})


def test_the_times_of_a_preset_reach_the_fetch(monkeypatch):
    """The connect timeout too: the pool is what connects."""
    asked = []

    def fetch(self, url):
        asked.append((self._timeout_seconds, self._connect_timeout_seconds, self._max_bytes))
        raise OSError

    monkeypatch.setattr(HTTPFetcher, "__call__", fetch)
    times = {"timeout_seconds": 9, "connect_timeout_seconds": 4, "max_bytes": 7}
    for verifier in (
        pool(None, key_set=times),
        JWTVerifier.oidc("https://p.example", audience=None, key_set=times),
    ):
        verifier.prefetch()
    with pytest.raises(errors.KeySetUnavailableError):
        LoadBalancerKeySet("https://p.example", **times).find(
            "12345678-1234-1234-1234-123456789012", "ES256"
        )
    assert len(asked) == 4
    for total, connect, size in asked:
        assert (total, connect, size) == (pytest.approx(9, abs=0.5), 4, 7)
