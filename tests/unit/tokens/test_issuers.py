"""The presets, each on real tokens."""

from __future__ import annotations

import json

import pytest

from authz_lib import JWTVerifier, RemoteKeySet, errors
from authz_lib.testing.issuer import TestIssuer
from authz_lib.tokens import SharedSecretIssuer, issuers
from authz_lib.tokens.issuers import cognito_issuers
from authz_lib.tokens.load_balancer import LoadBalancerKeySet
from authz_lib.transport.fetch import FetchError

POOL = "us-gov-west-1_EXAMPLE"
POOL_ISSUER = f"https://cognito-idp.us-gov-west-1.amazonaws.com/{POOL}"
SWITCHED = f"https://issuer-cognito-idp.us-gov-west-1.amazonaws.com/{POOL}"


@pytest.fixture(scope="module")
def pool():
    return TestIssuer(POOL_ISSUER)


def refused(verifier, token, claim):
    with pytest.raises(errors.InvalidClaimError) as caught:
        verifier.verify(token)
    assert caught.value.claim == claim
    return str(caught.value)


class TestCognito:
    def verifier(self, pool, **options):
        arguments = {
            "user_pool_id": POOL,
            "client_id": "web",
            "token_use": "access",
            "keys": pool.key_set(),
        }
        return JWTVerifier.cognito(**arguments | options)

    @pytest.mark.parametrize("issuer", [POOL_ISSUER, SWITCHED])
    def test_accepts_an_access_token_of_either_issuer(self, pool, issuer):
        token = self.verifier(pool).verify(
            pool.access_token(client_id="web", claims={"iss": issuer})
        )
        assert token.issuer == issuer
        assert token.claims["cognito:groups"] == ("clerks",)

    @pytest.mark.parametrize(
        "issuer", [POOL_ISSUER + "2", POOL_ISSUER + "/", "https://attacker.example", None]
    )
    def test_no_other_issuer(self, pool, issuer):
        refused(
            self.verifier(pool), pool.access_token(client_id="web", claims={"iss": issuer}), "iss"
        )

    def test_refuses_an_id_token_where_an_access_token_is_meant_and_says_so(self, pool):
        message = refused(self.verifier(pool), pool.id_token(client_id="web"), "token_use")
        assert "an access token is expected" in message

    def test_refuses_an_access_token_where_an_id_token_is_meant_and_says_so(self, pool):
        verifier = self.verifier(pool, token_use="id")
        assert "an ID token is expected" in refused(
            verifier, pool.access_token(client_id="web"), "token_use"
        )

    @pytest.mark.parametrize("use", [None, "refresh", "", ["access"], True, "Access"])
    def test_token_use_is_mandatory(self, pool, use):
        for expected in ("access", "id", None):
            token = pool.access_token(client_id="web", claims={"token_use": use})
            refused(self.verifier(pool, token_use=expected), token, "token_use")

    def test_both_uses_when_told_so_each_with_its_client(self, pool):
        verifier = self.verifier(pool, token_use=None)
        assert verifier.verify(pool.access_token(client_id="web"))
        assert verifier.verify(pool.id_token(client_id="web"))
        refused(verifier, pool.access_token(client_id="other", claims={"aud": "web"}), "client_id")
        refused(verifier, pool.id_token(client_id="other", claims={"client_id": "web"}), "aud")

    def test_a_wrong_client_is_named_with_where_it_stands(self, pool):
        message = refused(self.verifier(pool), pool.access_token(client_id="other"), "client_id")
        assert "an ID token names the client in `aud`, an access token in `client_id`" in message
        message = refused(
            self.verifier(pool, token_use="id"), pool.id_token(client_id="other"), "aud"
        )
        assert "an ID token names the client in `aud`, an access token in `client_id`" in message

    def test_one_of_several_clients_or_any(self, pool):
        assert self.verifier(pool, client_id=["app", "web"]).verify(
            pool.access_token(client_id="web")
        )
        assert self.verifier(pool, client_id=None).verify(pool.access_token(client_id="whoever"))

    def test_an_audience_is_checked_when_the_access_token_has_one(self, pool):
        verifier = self.verifier(pool, audience="https://orders.example")
        assert verifier.verify(pool.access_token(client_id="web"))
        assert verifier.verify(
            pool.access_token(client_id="web", claims={"aud": "https://orders.example"})
        )
        refused(
            verifier,
            pool.access_token(client_id="web", claims={"aud": "https://billing.example"}),
            "aud",
        )
        bound = pool.access_token(client_id="other", claims={"aud": "https://orders.example"})
        refused(verifier, bound, "client_id")

    def test_only_rs256(self, pool):
        with pytest.raises(errors.InvalidAlgorithmError):
            self.verifier(pool).verify(pool.access_token(client_id="web", headers={"alg": "RS512"}))

    def test_a_token_of_another_pool_with_its_own_key(self, pool):
        other = TestIssuer(
            "https://cognito-idp.us-gov-west-1.amazonaws.com/us-gov-west-1_Other", algorithm="RS256"
        )
        refused(self.verifier(pool), other.access_token(client_id="web"), "iss")
        with pytest.raises(errors.UnknownKeyError):
            self.verifier(pool).verify(
                other.access_token(client_id="web", claims={"iss": POOL_ISSUER})
            )

    def test_a_revocation_hook_sees_what_a_revocation_names(self, pool):
        revoked = []
        verifier = self.verifier(pool, revoked=lambda token: token.claims["origin_jti"] in revoked)
        token = pool.access_token(client_id="web")
        revoked.append(verifier.verify(token).claims["origin_jti"])
        with pytest.raises(errors.TokenRevokedError):
            verifier.verify(token)

    def test_fetches_only_for_the_issuer_seen(self, pool):
        asked = []

        def fetcher(url):
            asked.append(url)
            return json.dumps(pool.jwks()).encode()

        verifier = self.verifier(pool, keys=None, fetcher=fetcher)
        verifier.verify(pool.access_token(client_id="web", claims={"iss": SWITCHED}))
        assert asked == [f"{SWITCHED}/.well-known/jwks.json"]

    def test_prefetch_tolerates_the_issuer_that_is_not_used(self, pool):
        def fetcher(url):
            if url.startswith("https://issuer-"):
                raise FetchError("the answer was HTTP status 403", status=403)
            return json.dumps(pool.jwks()).encode()

        verifier = self.verifier(pool, keys=None, fetcher=fetcher)
        verifier.prefetch(strict=True)
        assert verifier.verify(pool.access_token(client_id="web"))

        def nothing(url):
            raise FetchError("the answer was HTTP status 403", status=403)

        with pytest.raises(errors.KeySetUnavailableError):
            self.verifier(pool, keys=None, fetcher=nothing).prefetch(strict=True)

    def test_points_at_a_local_aws(self, pool):
        with pool.serve() as endpoint:
            local = f"{endpoint.url}/{POOL}"
            verifier = self.verifier(pool, keys=None, issuer=local, jwks_url=endpoint.jwks_url)
            assert verifier.issuers == {local}
            assert verifier.verify(pool.access_token(client_id="web", claims={"iss": local}))
            refused(verifier, pool.access_token(client_id="web"), "iss")

    def test_an_issuer_override_says_where_its_keys_are(self, pool):
        with pool.serve() as endpoint:
            verifier = self.verifier(pool, keys=None, issuer=endpoint.url)
            assert verifier.verify(pool.access_token(client_id="web", claims={"iss": endpoint.url}))

    @pytest.mark.parametrize(
        "options",
        [
            {"user_pool_id": ""}, {"user_pool_id": "us-east-1"}, {"user_pool_id": "us-east-1_"},
            {"user_pool_id": None},
            {"user_pool_id": "us-east-1_a/b"}, {"user_pool_id": "us-east-1_" + "a" * 46},
            {"user_pool_id": "pool_abc"},
            {"user_pool_id": "cn-north-1_abc"}, {"user_pool_id": "eusc-de-east-1_abc"},
            {"user_pool_id": "a.b_c"},
            {"user_pool_id": "us-iso-east-1_abc"}, {"user_pool_id": "us-east-1_é"},
            {"user_pool_id": "us-east-1_a\n"},
            {"token_use": "refresh"}, {"client_id": ""}, {"client_id": []}, {"jwks_url": "https://e.example/jwks"},
            {"keys": None, "jwks_url": "http://e.example/jwks"}, {"keys": None, "issuer": "http://e.example"},
        ],
    )  # fmt: skip
    def test_what_makes_no_sense_fails_at_construction(self, pool, options):
        with pytest.raises(errors.ConfigurationError):
            self.verifier(pool, **options)

    @pytest.mark.parametrize("missing", ["user_pool_id", "client_id", "token_use"])
    def test_no_check_is_skipped_by_leaving_it_out(self, missing):
        arguments = {"user_pool_id": POOL, "client_id": "web", "token_use": "access"}
        del arguments[missing]
        with pytest.raises(TypeError):
            JWTVerifier.cognito(**arguments)

    def test_an_issuer_makes_any_partition_possible(self):
        own = "https://cognito-idp.eusc-de-east-1.amazonaws.eu/eusc-de-east-1_abc"
        verifier = JWTVerifier.cognito(
            user_pool_id="eusc-de-east-1_abc", client_id="web", token_use="access", issuer=own
        )
        assert verifier.issuers == {own}

    def test_issuers_of_regions(self):
        assert cognito_issuers("ap-southeast-2_Ab1") == (
            "https://cognito-idp.ap-southeast-2.amazonaws.com/ap-southeast-2_Ab1",
            "https://issuer-cognito-idp.ap-southeast-2.amazonaws.com/ap-southeast-2_Ab1",
        )


class TestOIDC:
    @pytest.fixture
    def provider(self):
        return TestIssuer(algorithm="ES256")

    def test_discovers_the_key_set_when_it_is_first_needed(self, provider):
        with provider.serve() as endpoint:
            provider.issuer = endpoint.url
            verifier = JWTVerifier.oidc(endpoint.url, audience="orders", algorithms=["ES256"])
            assert endpoint.requests == 0
            assert verifier.verify(provider.token({"aud": "orders"})).issuer == endpoint.url
            assert endpoint.paths == ["/.well-known/openid-configuration", "/.well-known/jwks.json"]
            provider.rotate()
            assert verifier.verify(provider.token({"aud": "orders"}))
            assert endpoint.requests == 3  # discovery is not repeated

    @pytest.mark.parametrize(
        "document",
        [
            {"issuer": "https://other.example", "jwks_uri": "https://p.example/jwks"},
            {"issuer": "https://p.example/", "jwks_uri": "https://p.example/jwks"},
            {"jwks_uri": "https://p.example/jwks"},
            {"issuer": "https://p.example"},
            {"issuer": "https://p.example", "jwks_uri": "http://p.example/jwks"},
            {
                "issuer": "https://p.example",
                "jwks_uri": "http://127.0.0.1:9001/2018-06-01/runtime/invocation/next",
            },
            {"issuer": "https://p.example", "jwks_uri": "file:///etc/passwd"},
            {"issuer": "https://p.example", "jwks_uri": ["https://p.example/jwks"]},
        ],
    )
    def test_the_document_must_name_the_issuer_and_a_fetchable_key_set(self, provider, document):
        asked = []

        def fetcher(url):
            asked.append(url)
            return json.dumps(document).encode()

        verifier = JWTVerifier.oidc(
            "https://p.example", audience=None, algorithms=["ES256"], fetcher=fetcher
        )
        with pytest.raises(errors.KeySetUnavailableError, match="discovery document"):
            verifier.verify(provider.token({"iss": "https://p.example"}))
        assert asked == ["https://p.example/.well-known/openid-configuration"]

    def test_both_fetches_share_one_deadline(self, provider, monkeypatch):
        """A provider that answers slowly to both must not hold a caller for twice the time."""
        given, now = [], [100.0]
        documents = [
            {"issuer": "https://p.example", "jwks_uri": "https://p.example/jwks"},
            provider.jwks(),
        ]

        class SlowFetcher:
            def __init__(self, *, timeout_seconds):
                given.append(timeout_seconds)

            def __call__(self, url):
                now[0] += 2
                return json.dumps(documents[len(given) - 1]).encode()

        monkeypatch.setattr(issuers, "HTTPFetcher", SlowFetcher)
        monkeypatch.setattr(issuers, "monotonic", lambda: now[0])
        assert issuers.DiscoveringFetcher("https://p.example")(
            "https://p.example/.well-known/openid-configuration"
        )
        assert given == [3.0, 1.0]

    def test_a_discovery_document_has_at_most_150_kb_and_64_levels(self, provider):
        document = {"issuer": "https://p.example", "jwks_uri": "https://p.example/jwks"}
        text = json.dumps(document)[:-1]
        right = {
            text + " " * (149_999 - len(text)) + "}": True,
            text + " " * (150_000 - len(text)) + "}": False,
            text + ', "a":' + "[" * 63 + "]" * 63 + "}": True,
            text + ', "a":' + "[" * 64 + "]" * 64 + "}": False,
        }
        for discovery, is_right in right.items():
            answers = [discovery.encode(), json.dumps(provider.jwks()).encode()]
            fetch = issuers.DiscoveringFetcher(
                "https://p.example", fetcher=lambda _, answers=answers: answers.pop(0)
            )
            if is_right:
                assert fetch("https://p.example/.well-known/openid-configuration")
            else:
                with pytest.raises(FetchError):
                    fetch("https://p.example/.well-known/openid-configuration")

    @pytest.mark.parametrize("left_behind", [b'{"keys": []}', b"<html>", b'{"keys": 1}'])
    def test_a_place_without_a_usable_key_is_left(self, provider, clock, left_behind):
        """It answers 200, so nothing failed: and yet the keys have moved."""
        discovery = "https://p.example/.well-known/openid-configuration"
        named = {"issuer": "https://p.example", "jwks_uri": "https://keys.example/1"}
        documents = {
            discovery: json.dumps(named).encode(),
            "https://keys.example/1": json.dumps(provider.jwks()).encode(),
        }
        provider._clock = clock
        verifier = JWTVerifier.oidc(
            "https://p.example",
            audience=None,
            algorithms=["ES256"],
            fetcher=lambda url: documents[url],
            clock=clock,
        )
        token = provider.token({"iss": "https://p.example"}, expires_in_seconds=9999)
        verifier.verify(token)
        documents["https://keys.example/2"] = documents["https://keys.example/1"]
        documents["https://keys.example/1"] = left_behind
        documents[discovery] = json.dumps(named | {"jwks_uri": "https://keys.example/2"}).encode()
        for _ in range(2):
            clock.advance(280)
            assert verifier.verify(token)
        new = provider.rotate()
        documents["https://keys.example/2"] = json.dumps(provider.jwks()).encode()
        clock.advance(10)
        token = provider.token({"iss": "https://p.example"}, expires_in_seconds=9999)
        assert verifier.verify(token).key_id == new

    def test_a_moved_key_set_is_discovered_again(self, provider, clock):
        documents = {
            "https://p.example/.well-known/openid-configuration": {
                "issuer": "https://p.example", "jwks_uri": "https://keys.example/1",
            },
            "https://keys.example/1": provider.jwks(),
        }  # fmt: skip

        def fetcher(url):
            if url not in documents:
                raise FetchError("the answer was HTTP status 404", status=404)
            return json.dumps(documents[url]).encode()

        provider._clock = clock
        verifier = JWTVerifier.oidc(
            "https://p.example", audience=None, algorithms=["ES256"], fetcher=fetcher, clock=clock
        )
        token = provider.token({"iss": "https://p.example"}, expires_in_seconds=9999)
        verifier.verify(token)
        documents["https://p.example/.well-known/openid-configuration"]["jwks_uri"] = (
            "https://keys.example/2"
        )
        documents["https://keys.example/2"] = documents.pop("https://keys.example/1")
        provider.rotate()
        documents["https://keys.example/2"] = provider.jwks()
        clock.advance(300)
        verifier.verify(token)  # the fetch fails: known keys hold
        clock.advance(2)
        with pytest.raises(errors.UnknownKeyError):
            verifier.verify(token)
        assert verifier.verify(provider.token({"iss": "https://p.example"}))

    @pytest.mark.parametrize(
        "issuer",
        ["", "p.example", "http://p.example", "https://u:p@p.example", None, ["https://p"]],
    )
    def test_an_issuer_must_be_a_url(self, issuer):
        with pytest.raises(errors.ConfigurationError):
            JWTVerifier.oidc(issuer, audience="orders")


ALB = "arn:aws:elasticloadbalancing:us-east-1:123456789012:loadbalancer/app/web/50dc6c495c0c9188"
FOREIGN_ALB = (
    "arn:aws:elasticloadbalancing:us-east-1:999999999999:loadbalancer/app/web/50dc6c495c0c9188"
)


class TestLoadBalancer:
    @pytest.fixture
    def balancer(self, clock):
        return TestIssuer("https://provider.example", algorithm="ES256", clock=clock)

    @pytest.fixture
    def asked(self):
        return []

    @pytest.fixture
    def verifier(self, balancer, asked, clock):
        def fetcher(url):
            asked.append(url)
            pem = balancer.pem(url.rpartition("/")[2])
            if pem is None:
                raise FetchError("the answer was HTTP status 404", status=404)
            return pem

        return JWTVerifier.alb(
            load_balancer_arn=[ALB],
            client_id="web",
            issuer="https://provider.example",
            fetcher=fetcher,
            clock=clock,
        )

    def token(self, balancer, **options):
        return balancer.alb_token(**{"load_balancer_arn": ALB, "client_id": "web"} | options)

    def test_accepts_its_padded_token(self, balancer, verifier, asked):
        text = self.token(balancer)
        assert "=" in text
        token = verifier.verify(text)
        assert token.claims["sub"] == "alice"
        assert token.issuer == "https://provider.example"
        assert verifier.verify(text) is token
        assert asked == [f"https://public-keys.auth.elb.us-east-1.amazonaws.com/{balancer.key_id}"]
        assert verifier.issuers == {"https://provider.example"}

    @pytest.mark.parametrize(
        ("claim", "options"),
        [
            ("signer", {"load_balancer_arn": FOREIGN_ALB}),
            ("signer", {"headers": {"signer": [ALB]}}),
            ("signer", {"headers": {"signer": None}}),
            ("client", {"client_id": "other"}),
            ("iss", {"headers": {"iss": "https://attacker.example"}}),
        ],
    )
    def test_albeast_is_refused_before_any_fetch(self, balancer, verifier, asked, claim, options):
        """An attacker's own load balancer signs whatever `iss` the attacker configures."""
        refused(verifier, self.token(balancer, **options), claim)
        assert asked == []

    @pytest.mark.parametrize(
        "kid", ["../x", "1", "", None, "x" * 36, "00000000-0000-0000-0000-00000000000/"]
    )
    def test_the_kid_must_be_a_uuid_before_it_enters_a_url(self, balancer, verifier, asked, kid):
        with pytest.raises(errors.InvalidTokenError):
            verifier.verify(self.token(balancer, headers={"kid": kid}))
        assert asked == []

    def test_ends_with_the_exp_of_its_header(self, balancer, verifier, clock):
        token = self.token(balancer, expires_in_seconds=120, claims={"exp": None})
        assert verifier.verify(token)
        clock.advance(120)
        with pytest.raises(errors.TokenExpiredError):
            verifier.verify(token)
        refused(verifier, self.token(balancer, headers={"exp": None}), "exp")
        refused(verifier, self.token(balancer, headers={"exp": "9999999999"}), "exp")

    def test_ends_with_the_exp_of_its_payload_when_that_is_earlier(self, balancer, verifier, clock):
        token = self.token(balancer, claims={"exp": clock() + 10})
        assert verifier.verify(token)
        clock.advance(10)
        with pytest.raises(errors.TokenExpiredError):
            verifier.verify(token)

    def test_the_signature_covers_the_padded_text(self, balancer, verifier):
        token = self.token(balancer)
        with pytest.raises(errors.InvalidTokenError):
            verifier.verify(token.replace("=", ""))
        with pytest.raises(errors.InvalidTokenError):
            verifier.verify(token.replace("=.", "==."))

    def test_a_verifier_of_other_tokens_takes_no_padding(self, balancer):
        verifier = JWTVerifier(
            issuer=None,
            audience=None,
            algorithms=["ES256"],
            keys=balancer.key_set(),
            clock=balancer._clock,
        )
        with pytest.raises(errors.InvalidTokenError, match="canonical"):
            verifier.verify(self.token(balancer))

    def test_a_forged_token_of_the_right_signer(self, balancer, verifier, clock):
        attacker = TestIssuer("https://provider.example", algorithm="ES256", clock=clock)
        with pytest.raises(errors.UnknownKeyError):
            verifier.verify(self.token(attacker))
        with pytest.raises(errors.InvalidSignatureError):
            verifier.verify(self.token(attacker, headers={"kid": balancer.key_id}))

    def test_random_kids_cause_few_fetches_and_do_not_hurt_known_keys(
        self, balancer, verifier, asked, clock
    ):
        known = self.token(balancer, expires_in_seconds=9999)
        verifier.verify(known)
        answers = set()
        for number in range(500):
            kid = f"00000000-0000-4000-8000-{number:012}"
            with pytest.raises(errors.AuthzError) as caught:
                verifier.verify(self.token(balancer, headers={"kid": kid}))
            answers.add(type(caught.value))
            clock.advance(0.01)
        assert len(asked) <= 10
        assert answers == {errors.UnknownKeyError, errors.KeySetUnavailableError}
        assert verifier.verify(known)
        clock.advance(10)
        balancer.rotate(keep_old=True)
        assert verifier.verify(self.token(balancer))

    def test_an_outage_is_a_503_and_backs_off(self, balancer, clock):
        asked = []

        def fetcher(url):
            asked.append(url)
            raise FetchError("no answer in time")

        keys = LoadBalancerKeySet("https://keys.example/", fetcher=fetcher, clock=clock)
        for _ in range(10):
            with pytest.raises(errors.KeySetUnavailableError):
                keys.find(balancer.key_id, "ES256")
        assert len(asked) == 1
        assert repr(keys) == "<LoadBalancerKeySet at host keys.example>"

    def test_a_known_key_outlives_an_outage_for_an_hour_and_a_withdrawal_not_at_all(
        self, balancer, clock
    ):
        answers = {"down": False, "gone": False}

        def fetcher(url):
            if answers["down"]:
                raise FetchError("no answer in time")
            if answers["gone"]:
                raise FetchError("the answer was HTTP status 403", status=403)
            return balancer.pem(balancer.key_id)

        keys = LoadBalancerKeySet("https://keys.example/", fetcher=fetcher, clock=clock)
        key = keys.find(balancer.key_id, "ES256")
        clock.advance(3600)
        assert keys.find(balancer.key_id, "ES256") is key
        answers["down"] = True
        clock.advance(3600)
        assert keys.find(balancer.key_id, "ES256") is key
        clock.advance(3600)
        with pytest.raises(errors.KeySetUnavailableError):
            keys.find(balancer.key_id, "ES256")
        answers.update(down=False, gone=True)
        clock.advance(60)
        with pytest.raises(errors.UnknownKeyError):
            keys.find(balancer.key_id, "ES256")

    def test_a_pem_that_is_none_is_a_503(self, balancer, clock):
        keys = LoadBalancerKeySet("https://keys.example/", fetcher=lambda _: b"<html>", clock=clock)
        with pytest.raises(errors.KeySetUnavailableError):
            keys.find(balancer.key_id, "ES256")

    def test_a_key_has_at_most_8_kib(self, balancer, clock):
        pem = balancer.pem(balancer.key_id)
        for size, refused in ((8192, False), (8193, True)):
            padded = pem + b"\n" * (size - len(pem))
            keys = LoadBalancerKeySet(
                "https://keys.example/", fetcher=lambda _, pem=padded: pem, clock=clock
            )
            if refused:
                with pytest.raises(errors.KeySetUnavailableError, match="longer than 8192"):
                    keys.find(balancer.key_id, "ES256")
            else:
                assert keys.find(balancer.key_id, "ES256")

    @pytest.mark.parametrize("algorithm", ["RS256", "ES384", "EdDSA"])
    def test_a_key_that_no_balancer_signs_with_replaces_none(self, balancer, clock, algorithm):
        other = TestIssuer(algorithm=algorithm)
        answers = [balancer.pem(balancer.key_id), other.pem(other.key_id)]
        keys = LoadBalancerKeySet(
            "https://keys.example/", fetcher=lambda _: answers.pop(0), clock=clock
        )
        key = keys.find(balancer.key_id, "ES256")
        clock.advance(3600)
        assert keys.find(balancer.key_id, "ES256") is key
        assert answers == []

    def test_over_http(self, balancer, clock):
        with balancer.serve() as endpoint:
            verifier = JWTVerifier.alb(
                load_balancer_arn=ALB,
                client_id=None,
                issuer=None,
                keys_url=endpoint.url,
                clock=clock,
            )
            assert verifier.verify(self.token(balancer))
            assert verifier.issuers is None
            verifier.prefetch(strict=True)
            assert endpoint.paths == [f"/{balancer.key_id}"]

    def test_govcloud_has_a_place_of_its_own(self, balancer, clock):
        asked = []

        def fetcher(url):
            asked.append(url)
            return balancer.pem(balancer.key_id)

        arn = ALB.replace("arn:aws:", "arn:aws-us-gov:").replace("us-east-1", "us-gov-west-1")
        verifier = JWTVerifier.alb(
            load_balancer_arn=arn, client_id="web", issuer=None, fetcher=fetcher, clock=clock
        )
        assert verifier.verify(self.token(balancer, load_balancer_arn=arn))
        assert asked == [
            f"https://s3-us-gov-west-1.amazonaws.com/aws-elb-public-keys-prod-us-gov-west-1/{balancer.key_id}"
        ]

    @pytest.mark.parametrize(
        "arn",
        [
            None, "", "web", ALB.replace("app/", "net/"), ALB.replace("arn:aws:", "arn:aws-cn:"),
            ALB + "/", [],
            [ALB, ALB.replace("us-east-1", "eu-west-1")], ALB.replace("123456789012", "*"),
            ALB + "\n",
        ],
    )  # fmt: skip
    def test_an_arn_must_be_one(self, arn):
        with pytest.raises(errors.ConfigurationError):
            JWTVerifier.alb(load_balancer_arn=arn, client_id="web", issuer=None)

    def test_is_not_for_any_of(self, verifier):
        with pytest.raises(errors.ConfigurationError):
            JWTVerifier.any_of(verifier)


SECRET = "correct horse battery staple, and more"
OLD_SECRET = "the previous secret, still known to a few"


class TestSharedSecret:
    def test_issuer_and_audience_are_required_keywords(self):
        for arguments in ({"issuer": None}, {"audience": None}):
            with pytest.raises(TypeError):
                JWTVerifier.shared_secret(secret=SECRET, **arguments)

    def test_the_demo_passes_an_explicit_none(self, clock):
        token = SharedSecretIssuer(secret=SECRET, clock=clock).mint("worker")
        verifier = JWTVerifier.shared_secret(secret=SECRET, issuer=None, audience=None, clock=clock)
        verified = verifier.verify(token)
        assert verified.claims["sub"] == "worker"
        assert verified.issuer is None
        assert verified.claims["exp"] - verified.claims["iat"] == 60

    def test_a_minted_token_is_short_lived_and_unlike_any_other(self, clock):
        issuer = SharedSecretIssuer(secret=SECRET, clock=clock)
        verifier = JWTVerifier.shared_secret(secret=SECRET, issuer=None, audience=None, clock=clock)
        token = issuer.mint("worker", ttl_seconds=5, claims={"tenant_id": "7"})
        assert token != issuer.mint("worker", ttl_seconds=5, claims={"tenant_id": "7"})
        assert verifier.verify(token).claims["tenant_id"] == "7"
        clock.advance(5)
        with pytest.raises(errors.TokenExpiredError):
            verifier.verify(token)

    def test_secrets_rotate(self, clock):
        verifier = JWTVerifier.shared_secret(
            secret=[SECRET, OLD_SECRET], issuer=None, audience=None, clock=clock
        )
        for secret in (SECRET, OLD_SECRET, [OLD_SECRET, "x" + SECRET]):
            assert verifier.verify(SharedSecretIssuer(secret=secret, clock=clock).mint("worker"))
        with pytest.raises(errors.InvalidSignatureError):
            verifier.verify(SharedSecretIssuer(secret="x" + SECRET, clock=clock).mint("worker"))

    def test_a_token_for_one_service_is_refused_by_another(self, clock):
        token = SharedSecretIssuer(
            secret=SECRET, issuer="orders", audience="billing", clock=clock
        ).mint("worker")
        billing = JWTVerifier.shared_secret(
            secret=SECRET, issuer="orders", audience="billing", clock=clock
        )
        shipping = JWTVerifier.shared_secret(
            secret=SECRET, issuer="orders", audience="shipping", clock=clock
        )
        assert billing.verify(token)
        refused(shipping, token, "aud")

    @pytest.mark.parametrize(("algorithm", "length"), [("HS256", 32), ("HS384", 48), ("HS512", 64)])
    def test_each_algorithm_has_its_length(self, clock, algorithm, length):
        """CVE-2025-45768."""
        secret = bytes(range(length))
        token = SharedSecretIssuer(secret=secret, algorithm=algorithm, clock=clock).mint("worker")
        options = {"issuer": None, "audience": None, "algorithm": algorithm, "clock": clock}
        assert JWTVerifier.shared_secret(secret=secret, **options).verify(token)
        with pytest.raises(errors.ConfigurationError, match=str(length)):
            JWTVerifier.shared_secret(secret=secret[:-1], **options)

    def test_is_told_apart_by_issuer_from_others(self, clock, ec_issuer):
        token = SharedSecretIssuer(secret=SECRET, issuer="orders", clock=clock).mint("worker")
        verifier = JWTVerifier.any_of(
            JWTVerifier.shared_secret(secret=SECRET, issuer="orders", audience=None, clock=clock),
            JWTVerifier(
                issuer=ec_issuer.issuer,
                audience=None,
                algorithms=["ES256"],
                keys=ec_issuer.key_set(),
                clock=clock,
            ),
        )
        assert verifier.verify(token)
        forged = SharedSecretIssuer(secret=SECRET, issuer=ec_issuer.issuer, clock=clock).mint(
            "worker"
        )
        with pytest.raises(errors.InvalidAlgorithmError):
            verifier.verify(forged)

    def test_never_beside_a_key_set(self, ec_issuer):
        with pytest.raises(errors.ConfigurationError):
            JWTVerifier(
                issuer=None,
                audience=None,
                algorithms=["HS256"],
                keys=RemoteKeySet("https://e.example/"),
            )
        with pytest.raises(errors.ConfigurationError):
            JWTVerifier.shared_secret(secret=SECRET, issuer=None, audience=None, algorithm="RS256")

    def test_an_issuer_in_capitals_is_https_all_the_same(self):
        """No key set on this machine for an issuer elsewhere, however `https` is written."""
        issuer = "HTTPS://p.example"
        document = json.dumps({"issuer": issuer, "jwks_uri": "http://127.0.0.1/jwks"}).encode()
        with pytest.raises(FetchError, match="on this machine"):
            issuers.DiscoveringFetcher(issuer, fetcher=lambda _: document)("https://p.example/x")
