"""Rotation, throttling, single flight, stale keys: the semantics of a fetched key set, on an
injected clock.
"""

from __future__ import annotations

import asyncio
import json
import threading
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise

import pytest

from authz_lib import JWTVerifier, RemoteKeySet, errors
from authz_lib.testing.issuer import TestIssuer
from authz_lib.transport.fetch import FetchError

URL = "https://issuer.example/.well-known/jwks.json"


class Endpoint:
    """A fetcher that serves an issuer's keys, counts, and can be down."""

    def __init__(self, issuer):
        self.issuer = issuer
        self.fetches = 0
        self.down = False

    def __call__(self, url):
        self.fetches += 1
        if self.down:
            raise FetchError("the connection failed")
        return json.dumps(self.issuer.jwks()).encode()


@pytest.fixture
def issuer(clock):
    return TestIssuer("https://issuer.example", algorithm="EdDSA", clock=clock)


@pytest.fixture
def endpoint(issuer):
    return Endpoint(issuer)


@pytest.fixture
def keys(endpoint, clock):
    return RemoteKeySet(URL, fetcher=endpoint, clock=clock)


def unavailable(keys, key_id):
    with pytest.raises(errors.KeySetUnavailableError) as caught:
        keys.find(key_id, "EdDSA")
    return str(caught.value)


def unknown(keys, key_id):
    with pytest.raises(errors.UnknownKeyError):
        keys.find(key_id, "EdDSA")


class TestFreshness:
    def test_one_fetch_serves_until_a_refresh_is_due(self, keys, endpoint, issuer, clock):
        first = keys.find(issuer.key_id, "EdDSA")
        clock.advance(269)
        assert keys.find(issuer.key_id, "EdDSA") is first
        assert endpoint.fetches == 1

    def test_a_refresh_comes_ahead_of_the_end_and_keeps_an_unchanged_key(
        self, keys, endpoint, issuer, clock
    ):
        first = keys.find(issuer.key_id, "EdDSA")
        clock.advance(270)
        assert keys.find(issuer.key_id, "EdDSA") is first
        assert endpoint.fetches == 2
        assert keys.find(issuer.key_id, "EdDSA") is first
        assert endpoint.fetches == 2

    def test_a_refresh_drops_a_key_that_is_gone(self, keys, endpoint, issuer, clock):
        old = issuer.key_id
        keys.find(old, "EdDSA")
        issuer.rotate()
        clock.advance(270)
        unknown(keys, old)

    def test_nothing_is_fetched_before_it_is_needed(self, keys, endpoint):
        assert keys.peek("any", "EdDSA") is None
        assert endpoint.fetches == 0

    def test_a_clock_that_ran_backwards_empties_the_set(self, keys, endpoint, issuer, clock):
        keys.find(issuer.key_id, "EdDSA")
        endpoint.down = True
        clock.advance(-3600)
        assert keys.peek(issuer.key_id, "EdDSA") is None
        unavailable(keys, issuer.key_id)

    def test_the_jitter_of_threads_is_no_clock_that_ran_backwards(
        self, keys, endpoint, issuer, clock
    ):
        keys.find(issuer.key_id, "EdDSA")
        clock.advance(-0.5)
        keys.find(issuer.key_id, "EdDSA")
        assert endpoint.fetches == 1

    def test_prefetch_fetches_once(self, keys, endpoint, issuer):
        keys.prefetch()
        keys.prefetch()
        assert endpoint.fetches == 1
        assert keys.peek(issuer.key_id, "EdDSA") is not None

    def test_so_do_a_hundred_tasks(self, keys, endpoint, issuer):
        async def main():
            await asyncio.gather(*[keys.aprefetch() for _ in range(100)])
            await keys.aprefetch()

        asyncio.run(main())
        assert endpoint.fetches == 1
        assert keys.peek(issuer.key_id, "EdDSA") is not None


class TestUnknownKeys:
    def test_a_key_rotated_a_second_after_a_fetch_is_accepted_at_once(
        self, keys, endpoint, issuer, clock
    ):
        keys.find(issuer.key_id, "EdDSA")
        clock.advance(1)
        new = issuer.rotate(keep_old=True)
        assert keys.find(new, "EdDSA").key_id == new
        assert endpoint.fetches == 2

    def test_a_miss_within_the_cool_down_is_not_a_no(self, keys, endpoint, issuer, clock):
        keys.find(issuer.key_id, "EdDSA")
        unknown(keys, "random-1")
        clock.advance(9.9)
        unavailable(keys, "random-2")
        assert endpoint.fetches == 2
        clock.advance(0.2)
        unknown(keys, "random-3")
        assert endpoint.fetches == 3

    def test_a_known_key_is_never_delayed_by_the_cool_down(self, keys, issuer, clock):
        keys.find(issuer.key_id, "EdDSA")
        unknown(keys, "random")
        assert keys.find(issuer.key_id, "EdDSA").key_id == issuer.key_id

    def test_ten_thousand_random_kids_in_ten_seconds_cause_two_fetches(self, keys, endpoint, clock):
        answers = set()
        for number in range(10_000):
            with pytest.raises(errors.AuthzError) as caught:
                keys.find(f"random-{number}", "EdDSA")
            answers.add(type(caught.value))
            clock.advance(0.001)
        assert endpoint.fetches == 2
        assert answers == {errors.UnknownKeyError, errors.KeySetUnavailableError}

    def test_a_random_kid_every_nine_seconds_cannot_keep_a_rotated_key_out(
        self, keys, endpoint, issuer, clock
    ):
        """The window is fixed: a miss inside it does not extend it."""
        keys.find(issuer.key_id, "EdDSA")
        waited = 0
        for second in range(3600):
            if second % 9 == 0:
                with pytest.raises(errors.AuthzError):
                    keys.find(f"random-{second}", "EdDSA")
            if second % 97 == 0:
                new, since = issuer.rotate(keep_old=False), second
                waiting = True
            if waiting:
                try:
                    keys.find(new, "EdDSA")
                    waiting = False
                except errors.KeySetUnavailableError:
                    waited = max(waited, second - since)
            clock.advance(1)
        assert not waiting
        assert waited < 10

    def test_a_known_kid_with_another_algorithm_fetches_nothing(self, keys, endpoint, issuer):
        keys.find(issuer.key_id, "EdDSA")
        with pytest.raises(errors.InvalidAlgorithmError):
            keys.find(issuer.key_id, "RS256")
        assert endpoint.fetches == 1

    def test_a_token_without_kid_fetches_nothing(self, keys, endpoint, issuer):
        keys.find(issuer.key_id, "EdDSA")
        unknown(keys, None)
        assert endpoint.fetches == 1


class TestOutage:
    def test_known_keys_hold_until_max_stale_then_nothing_does_and_fetches_back_off(
        self, keys, endpoint, issuer, clock
    ):
        """90 minutes without the endpoint."""
        began = clock()
        keys.find(issuer.key_id, "EdDSA")
        endpoint.down = True
        fetched_at = []
        for _ in range(90 * 60):
            clock.advance(1)
            before = endpoint.fetches
            if clock() - began < 3600:
                assert keys.find(issuer.key_id, "EdDSA")
            else:
                assert "issuer.example" in unavailable(keys, issuer.key_id)
            if endpoint.fetches > before:
                fetched_at.append(clock() - began)
        assert fetched_at[0] == 270
        gaps = [later - earlier for earlier, later in pairwise(fetched_at)]
        assert gaps[:2] == sorted(gaps[:2])
        assert max(gaps) <= 10  # so soon a new key is seen when the endpoint answers again
        assert min(gaps[8:]) >= 10  # and no sooner do unknown keys make it fetch
        assert endpoint.fetches < 530

    def test_stale_is_counted_from_the_last_success(self, keys, endpoint, issuer, clock):
        keys.find(issuer.key_id, "EdDSA")
        clock.advance(270)
        keys.find(issuer.key_id, "EdDSA")  # refreshed
        endpoint.down = True
        clock.advance(3599)
        assert keys.find(issuer.key_id, "EdDSA")
        clock.advance(1)
        unavailable(keys, issuer.key_id)

    def test_a_failed_refresh_is_not_repeated_on_every_call(self, keys, endpoint, issuer, clock):
        keys.find(issuer.key_id, "EdDSA")
        endpoint.down = True
        clock.advance(300)
        for _ in range(100):
            keys.find(issuer.key_id, "EdDSA")
        assert endpoint.fetches == 2

    def test_an_unknown_kid_during_an_outage_is_not_a_no(self, keys, endpoint, issuer, clock):
        keys.find(issuer.key_id, "EdDSA")
        endpoint.down = True
        for _ in range(10):
            unavailable(keys, "random")
            clock.advance(0.05)
        assert endpoint.fetches == 2

    def test_recovery_is_seen_after_the_back_off(self, keys, endpoint, issuer, clock):
        endpoint.down = True
        unavailable(keys, issuer.key_id)
        endpoint.down = False
        unavailable(keys, issuer.key_id)
        clock.advance(1)
        assert keys.find(issuer.key_id, "EdDSA")

    @pytest.mark.parametrize("cooldown", [1, 10, 60])
    def test_after_an_outage_a_new_key_waits_no_longer_than_the_cool_down(
        self, endpoint, issuer, clock, cooldown
    ):
        keys = RemoteKeySet(URL, fetcher=endpoint, clock=clock, miss_cooldown_seconds=cooldown)
        keys.find(issuer.key_id, "EdDSA")
        endpoint.down = True
        for second in range(600):
            clock.advance(1)
            if second % 3 == 0:
                unavailable(keys, f"random-{second}")
        endpoint.down = False
        new = issuer.rotate(keep_old=True)
        clock.advance(min(cooldown, 30))
        assert keys.find(new, "EdDSA").key_id == new

    def test_unknown_keys_during_an_outage_fetch_no_faster_than_the_cool_down(
        self, endpoint, issuer, clock
    ):
        keys = RemoteKeySet(URL, fetcher=endpoint, clock=clock, ttl_seconds=1e6)
        keys.find(issuer.key_id, "EdDSA")
        endpoint.down = True
        for number in range(10_000):
            unavailable(keys, f"random-{number}")
            clock.advance(0.1)
        assert endpoint.fetches <= 1 + 1000 / 10 + 4  # the four first tries are closer

    def test_no_stale_keys_when_told_so(self, endpoint, issuer, clock):
        keys = RemoteKeySet(URL, fetcher=endpoint, clock=clock, max_stale_seconds=0)
        keys.find(issuer.key_id, "EdDSA")
        endpoint.down = True
        clock.advance(299)
        assert keys.find(issuer.key_id, "EdDSA")
        clock.advance(1)
        unavailable(keys, issuer.key_id)

    @pytest.mark.parametrize(
        "document",
        [
            b"",
            b"<html>",
            b"[]",
            b"{}",
            b'{"keys": {}}',
            b"\xff",
            b'{"keys": [], "keys": []}',
            b'{"keys": []}',
            b'{"keys": [null, 1, {"kty": "RSA"}]}',
            b'{"keys": [{"kty": "oct", "k": "AAAA", "kid": "a"}]}',
            b" " * 150_001,
            b'{"keys": [' + b"[" * 63 + b"]" * 63 + b"]}",
            "text",
        ],
    )
    def test_a_bad_document_is_a_failed_fetch_and_drops_nothing(
        self, endpoint, issuer, clock, document
    ):
        answers = [json.dumps(issuer.jwks()).encode(), document]
        keys = RemoteKeySet(URL, fetcher=lambda _: answers.pop(0), clock=clock)
        keys.find(issuer.key_id, "EdDSA")
        clock.advance(270)
        assert keys.find(issuer.key_id, "EdDSA")
        assert answers == []

    def test_too_many_keys_are_a_failed_fetch(self, issuer, clock):
        document = {"keys": issuer.jwks()["keys"] * 33}
        keys = RemoteKeySet(URL, fetcher=lambda _: json.dumps(document).encode(), clock=clock)
        assert "32 keys" in unavailable(keys, issuer.key_id)

    @pytest.mark.parametrize("kind", ["empty", "junk", "symmetric", "weak", "nameless", "two"])
    def test_a_set_without_a_usable_key_is_a_failed_fetch(self, issuer, clock, kind):
        good = issuer.jwks()["keys"][0]
        entries = {
            "empty": [],
            "junk": [None, 1, {"kty": "RSA"}],
            "symmetric": [{"kty": "oct", "k": "A" * 43, "kid": "a"}],
            "weak": [{"kty": "RSA", "kid": "c", "n": "AQAB", "e": "AQAB"}],
            "nameless": [{name: value for name, value in good.items() if name != "kid"}],
            "two": [good, good | {"x": TestIssuer(algorithm="EdDSA").jwks()["keys"][0]["x"]}],
        }[kind]
        usable = json.dumps(issuer.jwks()).encode()
        answers = [json.dumps({"keys": entries}).encode()]
        keys = RemoteKeySet(URL, fetcher=lambda _: answers[0], clock=clock)
        assert "no usable key" in unavailable(keys, issuer.key_id)  # and not: an unknown key
        with pytest.raises(errors.KeySetUnavailableError):
            keys.prefetch()
        answers.insert(0, usable)
        clock.advance(1)
        key = keys.find(issuer.key_id, "EdDSA")
        del answers[0]
        for _ in range(3599):
            clock.advance(1)
            assert keys.find(issuer.key_id, "EdDSA") is key
        clock.advance(1)
        assert "no usable key" in unavailable(keys, issuer.key_id)

    def test_one_usable_key_is_enough(self, issuer, clock):
        """An issuer that withdraws keys names those that are left."""
        old = issuer.key_id
        answers = [issuer.jwks()]
        keys = RemoteKeySet(URL, fetcher=lambda _: json.dumps(answers[-1]).encode(), clock=clock)
        keys.find(old, "EdDSA")
        issuer.rotate()
        answers.append({"keys": [None, {"kty": "oct", "k": "AAAA"}, *issuer.jwks()["keys"]]})
        clock.advance(270)
        unknown(keys, old)


class TestEntries:
    def remote(self, document):
        return RemoteKeySet(URL, fetcher=lambda _: json.dumps(document).encode())

    def test_bad_entries_do_not_spoil_good_ones(self, issuer):
        good = issuer.jwks()["keys"][0]
        bad = [
            None, 1, "key", [], {}, {"kty": 1}, {"kty": "AKP", "kid": "a"},
            {"kty": "RSA", "kid": "b"},
            {"kty": "RSA", "kid": "c", "n": "AQAB", "e": "AQAB"},
            {"kty": "oct", "k": "AAAA", "kid": "d"},
            good | {"kid": 7}, good | {"kid": "k" * 257}, good | {"d": "AAAA", "kid": "private"},
            good | {"x": "!!", "kid": "f"}, good | {"x": "é", "kid": "g"},
            good | {"crv": ["Ed25519"], "kid": "h"},
            good | {"alg": ["EdDSA"], "kid": "i"}, good | {"alg": "RS256", "kid": "j"},
        ]  # fmt: skip
        keys = self.remote({"keys": [*bad, good]})
        assert keys.find(issuer.key_id, "EdDSA").key_id == issuer.key_id
        assert "private" not in keys._snapshot.table._key_ids
        assert len(keys._snapshot.table) == 1

    def test_the_same_entry_twice_is_one(self, issuer):
        document = {"keys": [*issuer.jwks()["keys"], *issuer.jwks()["keys"]]}
        assert self.remote(document).find(issuer.key_id, "EdDSA").key_id == issuer.key_id

    def test_two_keys_of_one_kid_are_ambiguous_and_refused(self, issuer):
        other = TestIssuer(algorithm="EdDSA").jwks()["keys"][0] | {"kid": issuer.key_id}
        document = issuer.jwks()
        document["keys"].append(other)
        document["keys"].append(other | {"kid": "another"})  # the set has a usable key
        with pytest.raises(errors.InvalidAlgorithmError, match="two keys"):
            self.remote(document).find(issuer.key_id, "EdDSA")

    def test_one_kid_for_two_kinds_of_key_is_not_ambiguous(self, issuer, ec_issuer):
        document = issuer.jwks()
        document["keys"].append(ec_issuer.jwks()["keys"][0] | {"kid": issuer.key_id})
        keys = self.remote(document)
        assert keys.find(issuer.key_id, "EdDSA") is not keys.find(issuer.key_id, "ES256")

    def test_a_key_without_kid_needs_permission_and_solitude(self, issuer, ec_issuer):
        nameless = {
            name: value for name, value in issuer.jwks()["keys"][0].items() if name != "kid"
        }
        unknown(self.remote({"keys": [nameless, *ec_issuer.jwks()["keys"]]}), "any")

        def allowed(*entries):
            document = json.dumps({"keys": entries}).encode()
            return RemoteKeySet(URL, fetcher=lambda _: document, allow_missing_kid=True)

        assert allowed(nameless).find("any", "EdDSA")
        assert allowed(nameless).find(None, "EdDSA")
        assert allowed(*issuer.jwks()["keys"]).find(None, "EdDSA")
        with pytest.raises(errors.UnknownKeyError):
            allowed(nameless).find("any", "RS256")
        with pytest.raises(errors.UnknownKeyError):
            allowed(*issuer.jwks()["keys"]).find("another", "EdDSA")
        unknown(allowed(nameless, *ec_issuer.jwks()["keys"]), None)


class TestConcurrency:
    def test_sixty_four_threads_and_a_cold_cache_are_one_fetch_and_one_wait(self, issuer, clock):
        """The fetcher answers only when all the others wait for it; a second fetch would break the
        count.
        """
        callers = 64
        arrived = threading.Barrier(callers)
        waiting = threading.Semaphore(0)
        fetches = []

        def fetcher(url):
            fetches.append(threading.get_ident())
            for _ in range(callers):
                assert waiting.acquire(timeout=10)
            return json.dumps(issuer.jwks()).encode()

        keys = RemoteKeySet(URL, fetcher=fetcher, clock=clock)
        run = keys._flights.run
        waits = []

        def counted(key, work, *, timeout_seconds):
            waits.append(threading.get_ident())
            waiting.release()
            return run(key, work, timeout_seconds=None)

        keys._flights = type("Counted", (), {"run": staticmethod(counted)})()

        def call():
            arrived.wait(10)
            return keys.find(issuer.key_id, "EdDSA")

        with ThreadPoolExecutor(callers) as pool:
            found = {id(future.result()) for future in [pool.submit(call) for _ in range(callers)]}
        assert len(fetches) == 1
        assert len(found) == 1
        assert len(waits) == len(set(waits)) == callers

    def test_while_one_refreshes_the_others_use_the_known_keys(self, issuer, clock):
        refreshing, go_on = threading.Event(), threading.Event()
        fetches = []

        def fetcher(url):
            fetches.append(url)
            if len(fetches) > 1:
                refreshing.set()
                assert go_on.wait(10)
            return json.dumps(issuer.jwks()).encode()

        keys = RemoteKeySet(URL, fetcher=fetcher, clock=clock)
        keys.find(issuer.key_id, "EdDSA")
        clock.advance(300)
        with ThreadPoolExecutor(1) as pool:
            leader = pool.submit(keys.find, issuer.key_id, "EdDSA")
            assert refreshing.wait(10)
            for _ in range(10):  # would hang here if a hit waited
                assert keys.find(issuer.key_id, "EdDSA")
            assert not leader.done()
            go_on.set()
            assert leader.result(10)
        assert len(fetches) == 2

    def test_who_waits_waits_no_longer_than_the_fetch_may_take(self, issuer, clock):
        hanging, go_on = threading.Event(), threading.Event()

        def fetcher(url):
            hanging.set()
            assert go_on.wait(10)
            return json.dumps(issuer.jwks()).encode()

        keys = RemoteKeySet(URL, fetcher=fetcher, clock=clock, timeout_seconds=0.05)
        with ThreadPoolExecutor(1) as pool:
            leader = pool.submit(keys.find, issuer.key_id, "EdDSA")
            assert hanging.wait(10)
            assert "no answer in time" in unavailable(keys, issuer.key_id)
            go_on.set()
            assert leader.result(10)

    def test_a_miss_that_joined_an_older_fetch_is_not_a_no(self, issuer, clock):
        """That fetch may have been answered before the key was there."""
        hanging, go_on = threading.Event(), threading.Event()
        document = json.dumps(issuer.jwks()).encode()

        def fetcher(url):
            hanging.set()
            assert go_on.wait(10)
            return document

        keys = RemoteKeySet(URL, fetcher=fetcher, clock=clock)
        joined = threading.Event()
        run = keys._flights.run

        def announced(key, work, *, timeout_seconds):
            if hanging.is_set():
                joined.set()
            return run(key, work, timeout_seconds=timeout_seconds)

        keys._flights = type("Announced", (), {"run": staticmethod(announced)})()
        with ThreadPoolExecutor(2) as pool:
            leader = pool.submit(keys.find, issuer.key_id, "EdDSA")
            assert hanging.wait(10)
            follower = pool.submit(keys.find, "younger", "EdDSA")
            assert joined.wait(10)
            go_on.set()
            assert leader.result(10)
            with pytest.raises(errors.KeySetUnavailableError):
                follower.result(10)

    def test_verifying_while_keys_rotate(self, clock):
        """A free-running race: every answer is right, or honestly unknown, and no thread sees
        anything else.
        """
        issuer = TestIssuer("https://issuer.example", algorithm="EdDSA", clock=clock)
        lock, stop = threading.Lock(), threading.Event()

        def fetcher(url):
            with lock:
                return json.dumps(issuer.jwks()).encode()

        keys = RemoteKeySet(URL, fetcher=fetcher, clock=clock, miss_cooldown_seconds=1)
        verifier = JWTVerifier(
            issuer="https://issuer.example",
            audience=None,
            algorithms=["EdDSA"],
            keys=keys,
            clock=clock,
            remember=8,
        )
        outcomes: dict[str, int] = {}

        def verify():
            while not stop.is_set():
                with lock:
                    token = issuer.token({"sub": "alice"})
                    current = issuer.key_id
                try:
                    for _ in range(3):
                        verified = verifier.verify(token)
                        assert (verified.key_id, verified.claims["sub"]) == (current, "alice")
                    outcome = "ok"
                except (errors.UnknownKeyError, errors.KeySetUnavailableError) as error:
                    outcome = error.code
                outcomes[outcome] = outcomes.get(outcome, 0) + 1

        with ThreadPoolExecutor(8) as pool:
            futures = [pool.submit(verify) for _ in range(8)]
            for _ in range(60):
                with lock:
                    issuer.rotate()
                clock.advance(2)
                token = issuer.token()
                for _ in range(50):
                    try:
                        verifier.verify(token)
                        break
                    except errors.DependencyError:
                        clock.advance(1)
            stop.set()
            for future in futures:
                future.result(30)
        assert outcomes["ok"] > 0
        assert verifier.verify(issuer.token()).key_id == issuer.key_id


class TestConfiguration:
    @pytest.mark.parametrize(
        "url",
        [
            "", "jwks.json", "/etc/passwd", "file:///etc/passwd", "ftp://e.example/", "http://e.example/jwks",
            "https://user:secret@e.example/", "https://user@e.example/", "https:///jwks", "https://e.example/#x",
            "https://e.example:port/", "https://e.example/ x", "https://e.example\\@127.0.0.1/", "http://127.1/",
            "http://localhost.example/", "http://127.0.0.1.example/", "http://[::2]/",
            "https://[/", 7, None,
            "https://e.example/\n", "http://2130706433/", "HTTPS//e.example",
        ],
    )  # fmt: skip
    def test_only_https_or_loopback_without_credentials(self, url):
        with pytest.raises(errors.ConfigurationError) as caught:
            RemoteKeySet(url)
        assert "secret" not in str(caught.value)

    @pytest.mark.parametrize(
        "url",
        [
            "https://e.example/jwks", "https://e.example:8443/jwks?a=b", "http://127.0.0.1:4566/", "http://[::1]:1/",
            "http://localhost:4566/pool", "http://cognito.localhost:4566/", "http://127.8.9.1/",
        ],
    )  # fmt: skip
    def test_these_may_be_fetched(self, url):
        assert RemoteKeySet(url)

    @pytest.mark.parametrize(
        "options",
        [
            {"ttl_seconds": 0}, {"ttl_seconds": -1}, {"timeout_seconds": 0},
            {"max_stale_seconds": -1},
            {"refresh_ahead_seconds": -1}, {"miss_cooldown_seconds": 0}, {"ttl_seconds": None},
            {"ttl_seconds": float("nan")}, {"miss_cooldown_seconds": float("nan")},
            {"max_stale_seconds": "3600"},
        ],
    )  # fmt: skip
    def test_times_must_make_sense(self, options):
        with pytest.raises(errors.ConfigurationError):
            RemoteKeySet(URL, **options)

    def test_the_repr_names_the_host(self):
        assert repr(RemoteKeySet(URL)) == "<RemoteKeySet at host issuer.example>"
