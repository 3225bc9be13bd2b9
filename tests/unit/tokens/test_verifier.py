"""Remembering, hooks, asynchronous use, several issuers, fetching ahead."""

from __future__ import annotations

import asyncio
import dataclasses
import json
import threading
from collections.abc import Mapping
from contextvars import ContextVar

import pytest

from authz_lib import JWTVerifier, RemoteKeySet, VerifiedToken, errors
from authz_lib._support.workers import Workers
from authz_lib.testing.issuer import TestIssuer
from authz_lib.tokens import BundledKeySet
from authz_lib.tokens.jws import Compact
from authz_lib.tokens.verifier import verify_async
from authz_lib.transport.fetch import FetchError

ISSUER = "https://issuer.example"
URL = f"{ISSUER}/jwks"


@pytest.fixture
def issuer(clock):
    return TestIssuer(ISSUER, algorithm="EdDSA", clock=clock)


@pytest.fixture
def verifier_of(issuer, clock):
    def build(**options):
        keys = options.pop("keys", None) or RemoteKeySet(
            URL, fetcher=lambda _: json.dumps(issuer.jwks()).encode(), clock=clock
        )
        return JWTVerifier(
            issuer=ISSUER, audience=None, algorithms=["EdDSA"], keys=keys, clock=clock, **options
        )

    return build


@pytest.fixture
def signatures(monkeypatch):
    """How many signatures were checked."""
    counted = []
    verify = Compact.verify

    def count(self, key):
        counted.append(key)
        return verify(self, key)

    monkeypatch.setattr(Compact, "verify", count)
    return counted


class TestRemembering:
    def test_checks_a_signature_once(self, verifier_of, issuer, signatures):
        verifier, token = verifier_of(), issuer.token()
        assert verifier.verify(token) is verifier.verify(token)
        assert len(signatures) == 1

    def test_can_be_turned_off(self, verifier_of, issuer, signatures):
        verifier, token = verifier_of(remember=0), issuer.token()
        assert verifier.verify(token) == verifier.verify(token)
        assert len(signatures) == 2

    def test_ends_with_the_token(self, verifier_of, issuer, clock):
        verifier, token = verifier_of(), issuer.token(expires_in_seconds=60)
        verifier.verify(token)
        clock.advance(59)
        assert verifier.verify(token)
        clock.advance(1)
        with pytest.raises(errors.TokenExpiredError):
            verifier.verify(token)

    def test_ends_with_the_age_of_the_token(self, verifier_of, issuer, clock):
        verifier, token = verifier_of(max_token_age_seconds=10), issuer.token()
        verifier.verify(token)
        clock.advance(10)
        with pytest.raises(errors.TokenExpiredError):
            verifier.verify(token)

    def test_checks_the_dates_again_when_the_clock_was_set_back(self, verifier_of, issuer, clock):
        keys = issuer.key_set()
        verifier, token = verifier_of(keys=keys), issuer.token({"nbf": clock()})
        verifier.verify(token)
        clock.advance(-3600)
        with pytest.raises(errors.TokenNotYetValidError):
            verifier.verify(token)

    def test_ends_with_the_key(self, verifier_of, issuer, clock):
        """A hit is a use of the key set: it causes the refresh that shows the rotation."""
        verifier, token = verifier_of(), issuer.token(expires_in_seconds=3600)
        verifier.verify(token)
        issuer.rotate()
        clock.advance(269)
        assert verifier.verify(token)
        clock.advance(1)
        with pytest.raises(errors.UnknownKeyError):
            verifier.verify(token)

    def test_ends_when_the_keys_are_too_old(self, issuer, clock, verifier_of):
        answers = [json.dumps(issuer.jwks()).encode()]

        def fetcher(_):
            if not answers:
                raise FetchError("down")
            return answers.pop()

        verifier = verifier_of(keys=RemoteKeySet(URL, fetcher=fetcher, clock=clock))
        token = issuer.token(expires_in_seconds=100_000)
        verifier.verify(token)
        clock.advance(3599)
        assert verifier.verify(token)
        clock.advance(1)
        with pytest.raises(errors.KeySetUnavailableError):
            verifier.verify(token)

    def test_ends_when_another_key_takes_the_kid(self, verifier_of, issuer, clock):
        verifier, token, kid = verifier_of(), issuer.token(expires_in_seconds=3600), issuer.key_id
        verifier.verify(token)
        issuer.rotate()
        issuer._keys = [issuer._keys[-1]._replace(key_id=kid)]
        clock.advance(270)
        with pytest.raises(errors.InvalidSignatureError):
            verifier.verify(token)

    def test_survives_a_refresh_that_changes_nothing(self, verifier_of, issuer, clock, signatures):
        verifier, token = verifier_of(), issuer.token(expires_in_seconds=3600)
        verifier.verify(token)
        clock.advance(300)
        verifier.verify(token)
        assert len(signatures) == 1

    def test_is_bounded_in_entries(self, verifier_of, issuer, signatures):
        verifier = verifier_of(remember=10)
        tokens = [issuer.token({"jti": str(number)}) for number in range(20)]
        for token in tokens:
            verifier.verify(token)
        assert len(verifier._memory) == 10
        verifier.verify(tokens[-1])
        assert len(signatures) == 20
        verifier.verify(tokens[0])
        assert len(signatures) == 21

    def test_is_bounded_in_bytes(self, verifier_of, issuer):
        """What counts is the memory that the claims take, not their text."""
        verifier = verifier_of(remember_bytes=16_000)
        for number in range(20):
            verifier.verify(issuer.token({"jti": str(number), "x": "x" * 1000}))
        assert 2 <= len(verifier._memory) <= 4
        many = {"x": [{} for _ in range(30)]}
        verifier.verify(issuer.token(many))
        assert 1 <= len(verifier._memory) <= 2
        verifier.verify(issuer.token({"x": "x" * 8000}))
        verifier.verify(issuer.token(headers={"x": [{} for _ in range(100)]}))
        assert 1 <= len(verifier._memory) <= 2  # those are too heavy
        assert verifier._memory.weight <= 16_000

    def test_one_token_over_the_bound_is_not_remembered(self, verifier_of, issuer):
        token = issuer.token({"x": [{} for _ in range(30)]})
        measured = verifier_of()
        measured.verify(token)
        weight = measured._memory.weight
        for most, count in ((weight, 1), (weight - 1, 0)):
            verifier = verifier_of(remember_bytes=most)
            verifier.verify(token)
            assert len(verifier._memory) == count

    def test_never_remembers_a_refused_token(self, verifier_of, issuer):
        verifier = verifier_of()
        bad = [
            issuer.token({"iss": "x"}),
            issuer.token(expires_in_seconds=-1),
            issuer.token()[:-4] + "AAAA",
        ]
        for token in bad:
            for _ in range(2):
                with pytest.raises(errors.InvalidTokenError):
                    verifier.verify(token)
        assert len(verifier._memory) == 0

    def test_does_not_keep_the_token(self, verifier_of, issuer):
        verifier, token = verifier_of(), issuer.token()
        verifier.verify(token)
        assert token not in repr(verifier._memory._entries)

    def test_two_verifiers_share_nothing(self, verifier_of, issuer):
        token = issuer.token()
        verifier_of().verify(token)
        with pytest.raises(errors.AccessDeniedError):
            verifier_of(any_group="admin").verify(token)


class TestVerifiedToken:
    def test_is_deeply_read_only(self, verifier_of, issuer):
        verifier = verifier_of()
        text = issuer.token(
            {"cognito:groups": ["a"], "nested": {"list": [{"b": [1]}]}, "matrix": [[1], [{"c": 2}]]}
        )
        token = verifier.verify(text)
        with pytest.raises(AttributeError):
            token.claims["cognito:groups"].append("admin")
        with pytest.raises(TypeError):
            token.claims["sub"] = "root"
        with pytest.raises(TypeError):
            token.claims["nested"]["list"][0]["b"] = 2
        with pytest.raises(TypeError):
            token.claims["matrix"][1][0]["c"] = 3
        with pytest.raises(AttributeError):
            token.claims = {}
        with pytest.raises(TypeError):
            token.header["alg"] = "none"
        assert isinstance(token.claims["nested"]["list"][0], Mapping)
        again = verifier.verify(text)
        assert again.claims["cognito:groups"] == ("a",)
        assert again.claims["nested"]["list"][0]["b"] == (1,)

    def test_is_a_value(self):
        token = VerifiedToken({"sub": "alice"}, {"alg": "EdDSA"}, ISSUER, "k1")
        assert (token.claims, token.header, token.issuer, token.key_id) == (
            {"sub": "alice"}, {"alg": "EdDSA"}, ISSUER, "k1",
        )  # fmt: skip
        assert token == VerifiedToken(
            claims=token.claims, header=token.header, issuer=ISSUER, key_id="k1"
        )
        assert dataclasses.replace(token, key_id="k2") != token

    def test_names_issuer_and_key(self, verifier_of, issuer):
        token = verifier_of().verify(issuer.token())
        assert (token.issuer, token.key_id) == (ISSUER, issuer.key_id)
        assert token.header["alg"] == "EdDSA"


class TestHooks:
    def test_revoked_is_asked_on_every_call(self, verifier_of, issuer):
        revoked = set()
        verifier = verifier_of(revoked=lambda token: token.claims["jti"] in revoked)
        token = issuer.token({"jti": "7"})
        verifier.verify(token)
        revoked.add("7")
        with pytest.raises(errors.TokenRevokedError):
            verifier.verify(token)

    @pytest.mark.parametrize("answer", [None, 0, "", [], True, "no"])
    def test_any_answer_but_false_is_a_yes(self, verifier_of, issuer, answer):
        with pytest.raises(errors.TokenRevokedError):
            verifier_of(revoked=lambda _: answer).verify(issuer.token())

    def test_a_revoked_hook_that_fails_did_not_find_out(self, verifier_of, issuer):
        def revoked(token):
            raise ConnectionError(token.claims["sub"])

        with pytest.raises(errors.DependencyError) as caught:
            verifier_of(revoked=revoked).verify(issuer.token({"sub": "alice"}))
        assert caught.value.status == 503
        assert "alice" not in str(caught.value)

    def test_a_hook_may_raise_errors_of_the_tree(self, verifier_of, issuer):
        def hook(token):
            raise errors.KeySetUnavailableError("as is")

        for name in ("revoked", "check"):
            with pytest.raises(errors.KeySetUnavailableError, match="as is"):
                verifier_of(**{name: hook}).verify(issuer.token())

    def test_the_custom_check_runs_last_and_on_every_call(self, verifier_of, issuer, clock):
        seen = []
        verifier = verifier_of(check=seen.append)
        token = issuer.token(expires_in_seconds=60)
        verifier.verify(token)
        verifier.verify(token)
        assert [found.issuer for found in seen] == [ISSUER, ISSUER]
        clock.advance(60)
        with pytest.raises(errors.TokenExpiredError):
            verifier.verify(token)
        with pytest.raises(errors.InvalidClaimError):
            verifier.verify(issuer.token({"iss": "x"}))
        assert len(seen) == 2

    @pytest.mark.parametrize("answer", [0, "", (), "no", 1, object()])
    def test_any_answer_of_the_custom_check_but_true_or_none_refuses(
        self, verifier_of, issuer, answer
    ):
        with pytest.raises(errors.InvalidTokenError, match="refused"):
            verifier_of(check=lambda _: answer).verify(issuer.token())
        assert verifier_of(check=lambda _: True).verify(issuer.token())

    def test_the_custom_check_refuses(self, verifier_of, issuer):
        with pytest.raises(errors.InvalidTokenError, match="refused"):
            verifier_of(check=lambda _: False).verify(issuer.token())
        with pytest.raises(errors.InvalidTokenError, match="KeyError"):
            verifier_of(check=lambda token: token.claims["missing"]).verify(issuer.token())


async def asynchronous(token):
    raise errors.AccessDeniedError("nobody would ever see this")


class Asynchronous:
    async def __call__(self, token):
        raise errors.AccessDeniedError("nobody would ever see this")


ARN = "arn:aws:elasticloadbalancing:us-east-1:123456789012:loadbalancer/app/web/50dc6c495c0c9188"
SECRET = "correct horse battery staple, and more"


class TestArguments:
    """What a typing tool would have found must not weaken a verifier where none is used."""

    @pytest.mark.parametrize(
        "build",
        [
            lambda issuer, **options: JWTVerifier(
                issuer=ISSUER, audience=None, algorithms=["EdDSA"], keys=issuer.key_set(), **options
            ),
            lambda _, **options: JWTVerifier.cognito(
                user_pool_id="us-east-1_Abc123", client_id="web", token_use="access", **options
            ),
            lambda _, **options: JWTVerifier.oidc(ISSUER, audience=None, **options),
            lambda _, **options: JWTVerifier.alb(
                load_balancer_arn=ARN, client_id=None, issuer=None, **options
            ),
            lambda _, **options: JWTVerifier.shared_secret(
                secret=SECRET, issuer=None, audience=None, **options
            ),
        ],
    )
    def test_a_misspelt_check_is_not_a_check_left_out(self, issuer, build):
        assert build(issuer, all_scopes=["orders/write"])
        with pytest.raises(
            errors.ConfigurationError, match="unknown argument: `all_scope`, `any_groups`"
        ):
            build(issuer, any_groups=["admin"], all_scope=["orders/write"])

    @pytest.mark.parametrize("name", ["revoked", "check"])
    @pytest.mark.parametrize("hook", [asynchronous, Asynchronous(), {"alice"}, "alice"])
    def test_a_hook_is_a_plain_function(self, verifier_of, name, hook):
        with pytest.raises(errors.ConfigurationError, match=f"`{name}` must be a plain function"):
            verifier_of(**{name: hook})

    @pytest.mark.parametrize(
        ("name", "value"),
        [
            ("typ", 5),
            ("groups_claim", None),
            ("leeway_seconds", "5"),
            ("leeway_seconds", None),
            ("not_before_leeway_seconds", None),
            ("max_token_age_seconds", "5"),
            ("remember", None),
            ("remember", "10"),
            ("remember_bytes", 1.5),
        ],
    )
    def test_a_value_of_the_wrong_type(self, verifier_of, name, value):
        with pytest.raises(errors.ConfigurationError, match=f"`{name}`"):
            verifier_of(**{name: value})

    def test_a_clock_is_a_function(self, issuer):
        with pytest.raises(errors.ConfigurationError, match="`clock`"):
            JWTVerifier(
                issuer=ISSUER,
                audience=None,
                algorithms=["EdDSA"],
                keys=issuer.key_set(),
                clock=1_800_000_000,
            )

    def test_a_clock_that_says_nothing_accepts_nothing(self, issuer):
        verifier = JWTVerifier(
            issuer=ISSUER,
            audience=None,
            algorithms=["EdDSA"],
            keys=issuer.key_set(),
            clock=lambda: float("nan"),
        )
        with pytest.raises(errors.TokenExpiredError):
            verifier.verify(issuer.token())

    @pytest.mark.parametrize("keys", [URL, {"keys": []}, [], None, RemoteKeySet])
    def test_keys_are_a_key_set(self, keys):
        with pytest.raises(errors.ConfigurationError):
            JWTVerifier(issuer=ISSUER, audience=None, algorithms=["EdDSA"], keys=keys)

    @pytest.mark.parametrize("algorithms", [None, 5, [["EdDSA"]]])
    def test_algorithms_are_a_list_of_names(self, issuer, algorithms):
        with pytest.raises(errors.ConfigurationError, match="`algorithms`"):
            JWTVerifier(issuer=ISSUER, audience=None, algorithms=algorithms, keys=issuer.key_set())


class TestAsync:
    def test_a_fetch_runs_beside_the_loop(self, issuer, clock, verifier_of):
        """The loop goes on while the fetch hangs: it is the loop that lets it go on."""
        go_on = threading.Event()
        threads = []

        def fetcher(_):
            threads.append(threading.get_ident())
            assert go_on.wait(10)
            return json.dumps(issuer.jwks()).encode()

        verifier = verifier_of(keys=RemoteKeySet(URL, fetcher=fetcher, clock=clock))

        async def main():
            task = asyncio.create_task(verifier.averify(issuer.token({"sub": "alice"})))
            while not threads:
                await asyncio.sleep(0)
            go_on.set()
            return await task

        assert asyncio.run(main()).claims["sub"] == "alice"
        assert threads != [threading.get_ident()]

    def test_hooks_that_hang_keep_no_fetch_waiting(self, issuer, clock, verifier_of):
        go_on = threading.Event()
        asked = []

        def revoked(_):
            asked.append(1)
            assert go_on.wait(10)
            return False

        slow = verifier_of(revoked=revoked)
        fetcher = lambda _: json.dumps(issuer.jwks()).encode()  # noqa: E731
        cold = verifier_of(keys=RemoteKeySet(URL, fetcher=fetcher, clock=clock))

        async def main():
            tasks = [
                asyncio.create_task(slow.averify(issuer.token({"sub": str(number)})))
                for number in range(20)
            ]
            while len(asked) < 8:  # as many as there are threads
                await asyncio.sleep(0)
            found = await cold.averify(issuer.token({"sub": "alice"}))
            go_on.set()
            await asyncio.gather(*tasks)
            return found

        assert asyncio.run(main()).claims["sub"] == "alice"

    def test_what_needs_no_fetch_runs_at_once(self, issuer, verifier_of, monkeypatch):
        verifier = verifier_of()
        verifier.prefetch()
        monkeypatch.setattr(Workers, "run", None)
        token = issuer.token()

        async def main():
            first = await verifier.averify(token)
            return first, await verifier.averify(token)

        first, second = asyncio.run(main())
        assert first is second

    def test_a_due_refresh_of_a_remembered_token_runs_beside_the_loop(
        self, issuer, clock, verifier_of
    ):
        threads = []

        def fetcher(_):
            threads.append(threading.get_ident())
            return json.dumps(issuer.jwks()).encode()

        verifier = verifier_of(keys=RemoteKeySet(URL, fetcher=fetcher, clock=clock))
        token = issuer.token(expires_in_seconds=3600)
        verifier.verify(token)
        clock.advance(300)
        assert asyncio.run(verifier.averify(token))
        assert threads[0] == threading.get_ident() != threads[1]

    def test_the_revoked_hook_runs_beside_the_loop(self, issuer, verifier_of):
        threads = []

        def revoked(_):
            threads.append(threading.get_ident())
            return False

        verifier = verifier_of(revoked=revoked)
        verifier.prefetch()
        token = issuer.token()
        for _ in range(2):
            assert asyncio.run(verifier.averify(token))
        assert len(threads) == 2
        assert threading.get_ident() not in threads

    def test_no_task_takes_a_thread_of_asyncio(self, issuer, clock, verifier_of, monkeypatch):
        monkeypatch.setattr(asyncio, "to_thread", None)
        monkeypatch.setattr(asyncio.BaseEventLoop, "run_in_executor", None)
        keys = RemoteKeySet(URL, fetcher=lambda _: json.dumps(issuer.jwks()).encode(), clock=clock)
        verifier = verifier_of(keys=keys, revoked=lambda _: False)

        async def main():
            tokens = [issuer.token({"sub": str(number)}) for number in range(30)]
            return await asyncio.gather(*map(verifier.averify, tokens))

        assert len(asyncio.run(main())) == 30

    def test_while_one_task_refreshes_the_others_use_the_known_keys(
        self, issuer, clock, verifier_of
    ):
        refreshing, go_on, fetches = threading.Event(), threading.Event(), []

        def fetcher(_):
            fetches.append(threading.get_ident())
            if len(fetches) > 1:
                refreshing.set()
                assert go_on.wait(10)
            return json.dumps(issuer.jwks()).encode()

        verifier = verifier_of(keys=RemoteKeySet(URL, fetcher=fetcher, clock=clock))
        verifier.prefetch()
        clock.advance(300)
        tokens = [issuer.token({"sub": str(number)}) for number in range(20)]

        async def main():
            tasks = [asyncio.create_task(verifier.averify(token)) for token in tokens]
            done, waiting = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
            while len(done) < 19:
                more, waiting = await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
                done |= more
            assert refreshing.wait(10)
            go_on.set()
            await asyncio.gather(*waiting)

        asyncio.run(main())
        assert len(fetches) == 2

    @pytest.mark.parametrize("bundled", [False, True])
    def test_a_set_that_is_down_is_asked_once_and_each_task_gets_its_own_error(
        self, issuer, clock, verifier_of, bundled
    ):
        fetches = []

        def fetcher(_):
            fetches.append(threading.get_ident())
            raise OSError

        keys = RemoteKeySet(URL, fetcher=fetcher, clock=clock)
        if bundled:
            other = TestIssuer(algorithm="EdDSA")
            keys = BundledKeySet(other.key_set(), then=keys)
        verifier = verifier_of(keys=keys)
        tokens = [issuer.token({"sub": str(number)}) for number in range(50)]

        async def main():
            calls = map(verifier.averify, tokens)
            return await asyncio.gather(*calls, return_exceptions=True)

        found = asyncio.run(main())
        assert {type(error) for error in found} == {errors.KeySetUnavailableError}
        assert len({id(error) for error in found}) == 50
        assert len(fetches) == 1
        for number, error in enumerate(found):
            trace, seen = error.__traceback__, set()
            while trace is not None:
                seen |= {v for v in trace.tb_frame.f_locals.values() if type(v) is str}
                trace = trace.tb_next
            assert seen.isdisjoint(set(tokens) - {tokens[number]})

    def test_a_task_that_is_cancelled_does_not_end_the_fetch(self, issuer, clock, verifier_of):
        entered, go_on, fetches = threading.Event(), threading.Event(), []

        def fetcher(_):
            fetches.append(1)
            entered.set()
            assert go_on.wait(10)
            return json.dumps(issuer.jwks()).encode()

        verifier = verifier_of(keys=RemoteKeySet(URL, fetcher=fetcher, clock=clock))

        async def main():
            first, second = (
                asyncio.create_task(verifier.averify(issuer.token({"sub": name})))
                for name in ("a", "b")
            )
            while not entered.is_set():
                await asyncio.sleep(0)
            first.cancel()
            await asyncio.sleep(0)
            go_on.set()
            return await second

        assert asyncio.run(main()).claims["sub"] == "b"
        assert len(fetches) == 1

    def test_the_hook_sees_the_context_variables_of_its_request(self, issuer, verifier_of):
        request = ContextVar("request")
        seen = []
        verifier = verifier_of(
            revoked=lambda token: seen.append((token.claims["sub"], request.get())) or False
        )

        async def one(name):
            request.set(name)
            await verifier.averify(issuer.token({"sub": name}))

        async def main():
            await asyncio.gather(one("a"), one("b"))

        asyncio.run(main())
        assert sorted(seen) == [("a", "a"), ("b", "b")]

    def test_any_key_set_is_asked_one_kid_at_a_time(self, issuer, verifier_of):
        inner, inside, most = issuer.key_set(), [], []

        class Foreign:
            def find(self, key_id, algorithm):
                inside.append(key_id)
                most.append(len(inside))
                inside.remove(key_id)
                return inner.find(key_id, algorithm)

            def peek(self, key_id, algorithm):
                return None

            def prefetch(self):
                pass

        verifier = verifier_of(keys=Foreign())

        async def main():
            tokens = [issuer.token({"sub": str(number)}) for number in range(10)]
            return await asyncio.gather(*map(verifier.averify, tokens))

        assert len(asyncio.run(main())) == 10
        assert max(most) == 1

    def test_refuses_as_verify_does(self, issuer, verifier_of):
        for token, error in [
            ("garbage", errors.InvalidTokenError),
            (issuer.token({"iss": "x"}), errors.InvalidClaimError),
            (issuer.token(headers={"kid": "x"}), errors.UnknownKeyError),
            (None, errors.InvalidTokenError),
        ]:
            with pytest.raises(error):
                asyncio.run(verifier_of().averify(token))


class TestAnyOf:
    @pytest.fixture
    def other(self, clock):
        return TestIssuer("https://other.example", algorithm="ES256", clock=clock)

    def verifier(self, issuer, audience=None, **options):
        return JWTVerifier(
            issuer=options.pop("name", issuer.issuer),
            audience=audience,
            algorithms=[issuer.algorithm],
            keys=issuer.key_set(),
            clock=issuer._clock,
            **options,
        )

    def test_each_token_is_checked_by_the_verifier_of_its_issuer(self, issuer, other):
        verifier = JWTVerifier.any_of(
            self.verifier(issuer), self.verifier(other, audience="orders")
        )
        assert verifier.issuers == {ISSUER, "https://other.example"}
        assert verifier.verify(issuer.token()).issuer == ISSUER
        assert verifier.verify(other.token({"aud": "orders"})).issuer == "https://other.example"
        with pytest.raises(errors.InvalidClaimError):
            verifier.verify(other.token())

    def test_an_issuer_cannot_speak_for_another(self, issuer, other):
        verifier = JWTVerifier.any_of(self.verifier(issuer), self.verifier(other))
        forged = other.token({"iss": ISSUER}, headers={"kid": issuer.key_id})
        with pytest.raises(errors.InvalidAlgorithmError):
            verifier.verify(forged)
        impostor = TestIssuer(ISSUER, algorithm="EdDSA", clock=issuer._clock)
        with pytest.raises(errors.InvalidSignatureError):
            verifier.verify(impostor.token(headers={"kid": issuer.key_id}))

    @pytest.mark.parametrize(
        "iss", ["https://unknown.example", None, 1, ["https://issuer.example"], {}]
    )
    def test_an_unknown_issuer_selects_nothing(self, issuer, other, iss):
        verifier = JWTVerifier.any_of(self.verifier(issuer), self.verifier(other))
        with pytest.raises(errors.InvalidClaimError) as caught:
            verifier.verify(issuer.token({"iss": iss}))
        assert caught.value.claim == "iss"

    def test_what_cannot_be_told_apart_is_refused(self, issuer, other):
        for verifiers in (
            [],
            [self.verifier(issuer), self.verifier(issuer)],
            [self.verifier(issuer), self.verifier(other, name=None)],
            [self.verifier(issuer), JWTVerifier.any_of(self.verifier(issuer))],
        ):
            with pytest.raises(errors.ConfigurationError):
                JWTVerifier.any_of(*verifiers)
        for wrong in ([self.verifier(issuer)], None, "verifier"):
            with pytest.raises(errors.ConfigurationError, match="takes verifiers"):
                JWTVerifier.any_of(wrong)

    def test_nests(self, issuer, other):
        inner = JWTVerifier.any_of(self.verifier(issuer))
        assert JWTVerifier.any_of(inner, self.verifier(other)).verify(issuer.token())


class TestPrefetch:
    def test_is_best_effort_unless_strict(self, clock, verifier_of):
        def fetcher(_):
            raise FetchError("down")

        verifier = verifier_of(keys=RemoteKeySet(URL, fetcher=fetcher, clock=clock))
        verifier.prefetch()
        with pytest.raises(errors.KeySetUnavailableError):
            verifier.prefetch(strict=True)

    def test_makes_the_first_token_need_no_fetch(self, issuer, clock, verifier_of):
        fetches = []

        def fetcher(url):
            fetches.append(url)
            return json.dumps(issuer.jwks()).encode()

        verifier = verifier_of(keys=RemoteKeySet(URL, fetcher=fetcher, clock=clock))
        verifier.prefetch(strict=True)
        verifier.verify(issuer.token())
        assert len(fetches) == 1


class TestVerifyAsync:
    """What any verifier answers, on an event loop: its own word, and never half of it."""

    def threads_of(self, verifier, token):
        asyncio.run(verify_async(verifier, token))
        return verifier.threads

    def test_a_verifier_of_this_library_needs_no_thread(self, issuer, verifier_of):
        token = issuer.token({"sub": "alice"})
        assert asyncio.run(verify_async(verifier_of(), token)).claims["sub"] == "alice"

    def test_another_one_verifies_in_a_thread(self):
        class Plain:
            def __init__(self):
                self.threads = []

            def verify(self, token):
                self.threads.append(threading.current_thread())
                return token

        (thread,) = self.threads_of(Plain(), "token")
        assert thread is not threading.current_thread()

    def test_an_error_is_the_verifiers(self):
        class Refusing:
            def verify(self, token):
                raise errors.TokenRevokedError("no")

        with pytest.raises(errors.TokenRevokedError):
            asyncio.run(verify_async(Refusing(), "token"))

    def test_a_class_around_one_that_hands_on_the_rest_is_asked_itself(self, issuer, verifier_of):
        class Stricter:
            def __init__(self, inner):
                self._inner = inner

            def __getattr__(self, name):
                return getattr(self._inner, name)

            def verify(self, token):
                self._inner.verify(token)
                raise errors.AccessDeniedError("not on Sundays")

        with pytest.raises(errors.AccessDeniedError):
            asyncio.run(verify_async(Stricter(verifier_of()), issuer.token({"sub": "alice"})))

    def test_a_subclass_with_another_verify_is_asked_itself(self, issuer, verifier_of):
        class Stricter(JWTVerifier):
            def verify(self, token):
                raise errors.AccessDeniedError("not on Sundays")

        plain = verifier_of()
        stricter = Stricter._of(plain.configuration, {})
        with pytest.raises(errors.AccessDeniedError):
            asyncio.run(verify_async(stricter, issuer.token({"sub": "alice"})))
