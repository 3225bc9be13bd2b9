"""Rotation, stale secrets, throttling, single flight: on an injected clock, without AWS."""

from __future__ import annotations

import asyncio
import base64
import json
import logging
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from authz_lib import JWTVerifier, errors
from authz_lib.tokens import SecretSource, SharedSecretIssuer
from authz_lib.tokens.secret_source import StoredSecret
from authz_lib.tokens.shared_secret import SecretKeySet

A, B, C = (f"secret {name}: correct horse battery staple" for name in "ABC")
A_, B_, C_ = A.encode(), B.encode(), C.encode()


class Vault:
    """Keeps a secret and the one before it, counts what is read, and can be down."""

    def __init__(self, clock):
        self.clock = clock
        self.versions = [StoredSecret(A, created=clock() - 86_400)]
        self.reads = self.previous_reads = 0
        self.failure = self.previous_failure = None
        self.gate = None

    def rotate(self, value, *, made_ago=0.0):
        self.versions = [StoredSecret(value, self.clock() - made_ago), self.versions[0]]

    def current(self):
        self.reads += 1
        if self.gate is not None:
            assert self.gate.wait(5)
        if self.failure is not None:
            raise self.failure
        return self.versions[0]

    def previous(self, current):
        assert current is self.versions[0]
        self.previous_reads += 1
        if self.previous_failure is not None:
            raise self.previous_failure
        return self.versions[1] if len(self.versions) > 1 else None


@pytest.fixture
def vault(clock):
    return Vault(clock)


@pytest.fixture
def source_of(vault, clock):
    return lambda **options: SecretSource("the secret", vault, **{"clock": clock, **options})


@pytest.fixture
def source(source_of):
    return source_of()


def verifier_of(source, clock):
    return JWTVerifier.shared_secret(secret=source, issuer=None, audience=None, clock=clock)


def signed(secret, clock):
    return SharedSecretIssuer(secret=secret, clock=clock).mint("worker", ttl_seconds=86_400)


DOWN = ConnectionError("not to be quoted")
SHORT = "mysecret"


class TestFreshness:
    def test_nothing_is_read_before_it_is_needed(self, source, vault):
        assert source.peek() is None
        assert vault.reads == 0

    def test_one_reading_serves_for_the_time_to_live(self, source, vault, clock):
        first = source.accepted()
        assert first == (A_,)
        clock.advance(119.9)
        assert source.accepted() is first
        assert source.peek() is first
        assert vault.reads == 1
        clock.advance(0.1)
        assert source.peek() is None
        assert source.accepted() is first  # unchanged: what was verified with it is remembered
        assert vault.reads == 2

    def test_a_secret_that_never_was_another_has_no_previous_one_to_ask_for(self, source, vault):
        source.accepted()
        assert vault.previous_reads == 0

    def test_a_clock_that_ran_backwards_empties_it(self, source, vault, clock):
        source.accepted()
        vault.failure = DOWN
        clock.advance(-3600)
        assert source.peek() is None
        with pytest.raises(errors.DependencyError):
            source.accepted()

    def test_the_jitter_of_threads_is_no_clock_that_ran_backwards(self, source, vault, clock):
        source.accepted()
        clock.advance(-0.5)
        source.accepted()
        assert vault.reads == 1


class TestRotation:
    def test_the_previous_one_is_accepted_from_the_rotation_for_previous_seconds(
        self, source_of, vault, clock
    ):
        vault.rotate(B)
        source = source_of(ttl_seconds=1000)
        assert source.accepted() == (B_, A_)
        clock.advance(299.9)
        assert source.accepted() == (B_, A_)
        clock.advance(0.1)
        assert source.accepted() == (B_,)
        assert vault.reads == 1  # it ends in time, whether there is a refresh or not

    def test_a_cold_process_counts_from_when_the_version_was_made(self, source, vault, clock):
        vault.rotate(B, made_ago=299)
        assert source.accepted() == (B_, A_)
        clock.advance(1)
        assert source.accepted() == (B_,)

    def test_after_that_a_cold_process_does_not_even_ask(self, source, vault):
        vault.rotate(B, made_ago=300)
        assert source.accepted() == (B_,)
        assert vault.previous_reads == 0

    def test_without_a_date_a_cold_process_accepts_no_previous_one(self, source, vault):
        vault.versions = [StoredSecret(B), StoredSecret(A)]
        assert source.accepted() == (B_,)

    @pytest.mark.parametrize("ahead", [5, 86_400, float("inf"), float("nan")])
    def test_a_date_in_the_future_is_the_first_reading(self, source, vault, clock, ahead):
        vault.rotate(B, made_ago=-ahead)
        assert source.accepted() == (B_, A_)
        for seconds in (120, 120, 59.9):
            clock.advance(seconds)
            assert source.accepted() == (B_, A_)
        clock.advance(0.1)
        assert source.accepted() == (B_,)

    def test_a_pending_version_that_lay_long_is_measured_from_when_the_other_was_last_seen(
        self, source, vault, clock
    ):
        source.accepted()
        clock.advance(200)
        vault.rotate(B, made_ago=86_400)  # AWSPENDING since yesterday, AWSCURRENT only now
        assert source.accepted() == (B_, A_)
        clock.advance(99)
        assert source.accepted() == (B_, A_)
        clock.advance(1)  # 300 s after A was seen
        assert source.accepted() == (B_,)

    def test_no_overlap_if_it_is_0(self, source_of, vault):
        vault.rotate(B)
        assert source_of(previous_seconds=0).accepted() == (B_,)
        assert vault.previous_reads == 0

    def test_the_one_before_the_previous_is_gone_at_once(self, source, vault, clock):
        source.accepted()
        vault.rotate(B)
        vault.rotate(C)
        clock.advance(120)
        assert source.accepted() == (C_, B_)

    def test_a_label_that_is_taken_away_ends_the_overlap(self, source, vault, clock):
        vault.rotate(B)
        assert source.accepted() == (B_, A_)
        del vault.versions[1]
        clock.advance(120)
        assert source.accepted() == (B_,)

    def test_the_same_value_again_is_no_rotation(self, source, vault, clock):
        first = source.accepted()
        vault.rotate(A)
        clock.advance(120)
        assert source.accepted() is first

    def test_the_overlap_ends_while_the_place_is_down(self, source, vault, clock):
        vault.rotate(B)
        source.accepted()
        vault.failure = DOWN
        clock.advance(300)
        assert source.accepted() == (B_,)

    @pytest.mark.parametrize(
        "previous", [SHORT, "", '{"a": 1}', "-----BEGIN PUBLIC KEY-----\n" + "x" * 40]
    )
    def test_a_previous_one_that_is_not_usable_is_not_accepted(
        self, source, vault, clock, previous
    ):
        vault.versions = [StoredSecret(B, clock()), StoredSecret(previous)]
        assert source.accepted() == (B_,)

    def test_a_previous_one_that_may_not_be_read_is_not_accepted(self, source, vault, caplog):
        """A role that may read ``AWSCURRENT`` only must not keep a leaked secret alive."""
        vault.rotate(B)
        vault.previous_failure = errors.ConfigurationError("refused")
        assert source.accepted() == (B_,)
        assert "refused: the previous one is not accepted" in caplog.text

    def test_a_previous_one_that_could_not_be_read_is_a_failed_reading(self, source, vault, clock):
        source.accepted()
        vault.rotate(B)
        vault.previous_failure = DOWN
        clock.advance(120)
        assert source.accepted() == (A_,)


class TestFailures:
    @pytest.fixture(
        params=[
            DOWN,
            errors.DependencyError("throttled"),
            errors.ConfigurationError("refused"),
            SHORT,
            "",
            "ab" * 32,
            '{"jwt_secret": "correct horse battery staple, and more"}',
            "-----BEGIN PUBLIC KEY-----\n" + "x" * 40,
            None,
        ],
        ids=["down", "throttled", "refused", "short", "empty", "easy", "JSON", "key", "none"],
    )
    def broken(self, request, vault):
        def break_():
            if isinstance(request.param, Exception):
                vault.failure = request.param
            else:
                vault.versions = [StoredSecret(request.param)]

        return break_

    def test_a_failed_refresh_changes_nothing_until_max_stale(
        self, source, vault, clock, broken, caplog
    ):
        source.accepted()
        broken()
        clock.advance(3599.9)
        assert source.accepted() == (A_,)
        assert "the known one is used" in caplog.text
        assert "quoted" not in caplog.text
        clock.advance(0.1)
        refused = vault.failure is not None and isinstance(vault.failure, ValueError)
        expected = errors.ConfigurationError if refused else errors.DependencyError
        for _ in range(2):  # also from the back-off
            with pytest.raises(expected) as caught:
                source.accepted()
            assert type(caught.value) is expected
            assert "quoted" not in str(caught.value)

    def test_a_first_reading_that_finds_no_usable_secret_is_a_setting(self, source, vault):
        vault.versions = [StoredSecret(SHORT)]
        with pytest.raises(errors.ConfigurationError, match=r"the secret: .*32 bytes") as caught:
            source.accepted()
        assert SHORT not in str(caught.value)

    def test_failures_keep_a_distance_and_a_success_ends_it(self, source, vault, clock):
        vault.failure = DOWN
        for _ in range(100):
            with pytest.raises(errors.DependencyError, match="ConnectionError"):
                source.accepted()
        assert vault.reads == 1
        clock.advance(1.1)
        vault.failure = None
        assert source.accepted() == (A_,)

    def test_a_refresh_that_failed_is_not_repeated_at_once(self, source, vault, clock):
        source.accepted()
        vault.failure = DOWN
        clock.advance(120)
        for _ in range(100):
            source.accepted()
        assert vault.reads == 2

    def test_stale_secrets_can_be_forbidden(self, source_of, vault, clock):
        source = source_of(max_stale_seconds=0)
        source.accepted()
        vault.failure = DOWN
        clock.advance(119.9)
        source.accepted()
        clock.advance(0.1)
        with pytest.raises(errors.DependencyError):
            source.accepted()

    def test_what_is_no_stored_secret_is_could_not_find_out(self, clock):
        class Odd:
            def current(self):
                return "text"

            previous = current

        with pytest.raises(errors.DependencyError, match="not understood"):
            SecretSource("odd", Odd(), clock=clock).accepted()
        Odd.current = lambda _: None
        with pytest.raises(errors.DependencyError, match="no answer"):
            SecretSource("odd", Odd(), clock=clock).accepted()


class TestUnknownSignatures:
    def test_a_running_verifier_accepts_the_new_secret_at_once(self, source, vault, clock):
        verifier = verifier_of(source, clock)
        assert verifier.verify(signed(A, clock))
        vault.rotate(B)
        token = signed(B, clock)
        assert verifier.verify(token)
        assert verifier.verify(signed(A, clock))
        assert vault.reads == 2
        assert verifier.verify(token)

    def test_so_does_an_async_one_and_not_on_the_event_loop(self, source, vault, clock):
        verifier = verifier_of(source, clock)
        readers = []
        read = vault.current
        vault.current = lambda: (readers.append(threading.current_thread()), read())[1]

        async def verify():
            assert await verifier.averify(signed(A, clock))
            vault.rotate(B)
            assert await verifier.averify(signed(B, clock))
            with pytest.raises(errors.InvalidSignatureError):
                await verifier.averify(signed(C, clock))

        asyncio.run(verify())
        assert len(readers) == 2
        assert threading.main_thread() not in readers

    def test_ten_thousand_bad_tokens_cause_a_reading_each_ten_seconds(self, source, vault, clock):
        verifier = verifier_of(source, clock)
        bad = signed(C, clock)
        assert verifier.verify(signed(A, clock))
        for _ in range(10_000):
            with pytest.raises(errors.InvalidSignatureError):
                verifier.verify(bad)
            clock.advance(0.001)
        assert vault.reads == 2
        clock.advance(0.1)
        with pytest.raises(errors.InvalidSignatureError):
            verifier.verify(bad)
        assert vault.reads == 3

    def test_a_known_secret_is_never_delayed_by_bad_tokens(self, source, vault, clock):
        """Others go on with the known one while the reading that a bad token caused hangs."""
        verifier = verifier_of(source, clock)
        verifier.verify(signed(A, clock))
        vault.gate = threading.Event()
        with ThreadPoolExecutor(1) as pool:
            bad = pool.submit(verifier.verify, signed(C, clock))
            while vault.reads < 2:
                pass
            assert verifier.verify(signed(A, clock))
            vault.gate.set()
            assert isinstance(bad.exception(), errors.InvalidSignatureError)

    def test_what_could_not_be_read_anew_is_not_a_no(self, source, vault, clock):
        verifier = verifier_of(source, clock)
        verifier.verify(signed(A, clock))
        for failure in (DOWN, errors.ConfigurationError("refused")):
            vault.failure = failure
            for _ in range(10):
                with pytest.raises(errors.DependencyError):
                    verifier.verify(signed(B, clock))
            clock.advance(40)
        assert vault.reads == 3
        vault.failure = None
        assert verifier.verify(signed(A, clock))

    def test_fixed_secrets_know_no_newer(self, clock):
        keys = SecretKeySet([A, B])
        assert keys.newer_than(keys.find(None, "HS256")) is None


class TestOneReading:
    def test_all_wait_for_the_first_one(self, source, vault):
        vault.gate = threading.Event()
        with ThreadPoolExecutor(8) as pool:
            answers = [pool.submit(source.accepted) for _ in range(8)]
            vault.gate.set()
            assert len({id(answer.result()) for answer in answers}) == 1
        assert vault.reads == 1

    def test_at_a_refresh_the_others_use_the_known_one(self, source, vault, clock):
        source.accepted()
        vault.rotate(B)
        clock.advance(120)
        vault.gate = threading.Event()
        with ThreadPoolExecutor(1) as pool:
            first = pool.submit(source.accepted)
            while vault.reads < 2:
                pass
            assert source.accepted() == (A_,)
            vault.gate.set()
            assert first.result() == (B_, A_)

    def test_who_waits_does_not_wait_for_ever(self, source, vault, monkeypatch):
        monkeypatch.setattr("authz_lib.tokens.secret_source._WAIT_SECONDS", 0.0)
        vault.gate = threading.Event()
        with ThreadPoolExecutor(1) as pool:
            first = pool.submit(source.accepted)
            while vault.reads < 1:
                pass
            with pytest.raises(errors.DependencyError, match="in time"):
                source.accepted()
            vault.gate.set()
            assert first.result() == (A_,)

    def test_a_failure_reaches_all(self, source, vault):
        vault.failure = errors.ConfigurationError("refused")
        vault.gate = threading.Event()
        with ThreadPoolExecutor(4) as pool:
            answers = [pool.submit(source.accepted) for _ in range(4)]
            vault.gate.set()
            assert {type(answer.exception()) for answer in answers} == {errors.ConfigurationError}
        assert vault.reads == 1


class TestVerifierAndIssuer:
    def test_both_take_the_one_source_and_the_issuer_signs_with_the_current(
        self, source, vault, clock
    ):
        issuer, verifier = (
            SharedSecretIssuer(secret=source, clock=clock),
            verifier_of(source, clock),
        )
        old = issuer.mint("worker", ttl_seconds=86_400)
        assert verifier.verify(old)
        vault.rotate(B)
        clock.advance(120)
        assert verifier_of(B, clock).verify(issuer.mint("worker"))
        assert verifier.verify(old)
        assert vault.reads == 2

    def test_a_remembered_verification_dies_with_its_secret(self, source, vault, clock):
        verifier = verifier_of(source, clock)
        old = signed(A, clock)
        verifier.verify(old)
        vault.rotate(B)
        clock.advance(120)
        assert verifier.verify(old)
        assert verifier.verify(old)
        clock.advance(179.9)
        assert verifier.verify(old)
        clock.advance(0.1)
        with pytest.raises(errors.InvalidSignatureError):
            verifier.verify(old)
        assert vault.reads == 4  # at 0, 120, 299.9; and the last one asked once more

    def test_while_nothing_changes_it_is_remembered(self, source, clock):
        keys = SecretKeySet(source)
        key = keys.find(None, "HS256")
        clock.advance(120)
        assert keys.peek(None, "HS256") is None
        assert keys.find(None, "HS256") is key
        assert keys.peek("kid", "HS256") is key

    def test_the_longest_algorithm_of_those_who_share_it_decides(self, source, vault, clock):
        assert source.accepted() == (A_,)
        SharedSecretIssuer(secret=source, algorithm="HS512", clock=clock)
        with pytest.raises(errors.ConfigurationError, match="64 bytes for HS512"):
            source.accepted()
        clock.advance(2)
        vault.rotate(B * 2)
        SecretKeySet(source, algorithm="HS256")
        assert source.accepted() == (B_ * 2,)

    def test_prefetch_reads_it(self, source, vault, clock):
        verifier = verifier_of(source, clock)
        verifier.prefetch()
        verifier.prefetch()
        assert vault.reads == 1
        clock.advance(3600)
        vault.failure = DOWN
        verifier.prefetch()
        clock.advance(2)
        with pytest.raises(errors.DependencyError):
            verifier.prefetch(strict=True)
        clock.advance(40)
        vault.failure = errors.ConfigurationError("refused")
        with pytest.raises(errors.ConfigurationError):
            verifier.prefetch()

    def test_a_source_goes_with_hmac_only(self, source):
        with pytest.raises(errors.ConfigurationError):
            SecretKeySet(source, algorithm="RS256")


class TestContent:
    @pytest.mark.parametrize("stored", [{"jwt_secret": A, "other": 1}, {"jwt_secret": A}])
    def test_a_member_of_a_json_object(self, source_of, vault, stored):
        for value in (json.dumps(stored), json.dumps(stored).encode()):
            vault.versions = [StoredSecret(value)]
            assert source_of(json_key="jwt_secret").accepted() == (A_,)

    @pytest.mark.parametrize(
        "stored",
        [
            json.dumps({"jwtsecret": A}),
            '{"jwt_secret": 7}',
            '{"jwt_secret": null}',
            A,
            "[]",
            "\ud800",
            7,
            f'{{"jwt_secret": "{A}", "jwt_secret": "{B}"}}',
        ],
    )
    def test_a_member_that_is_not_there_is_named_and_the_content_is_not(
        self, source_of, vault, stored
    ):
        vault.versions = [StoredSecret(stored)]
        with pytest.raises(
            errors.ConfigurationError, match=r"the secret: (.*`jwt_secret`|.*neither)"
        ) as caught:
            source_of(json_key="jwt_secret").accepted()
        assert "horse" not in str(caught.value)

    def test_a_json_object_without_json_key_hints_at_it(self, source, vault):
        vault.versions = [StoredSecret(json.dumps({"jwt_secret": A}))]
        with pytest.raises(errors.ConfigurationError, match="`json_key`"):
            source.accepted()

    @pytest.mark.parametrize("text", ["+/+/", "-_-_"])
    def test_base64_of_either_alphabet_padded_or_not(self, source_of, vault, text):
        wanted = bytes(range(32)) + base64.b64decode("+/+/") + b"!"
        encoded = base64.b64encode(wanted).decode()
        for value in (encoded, encoded.rstrip("="), f" {encoded}\n", encoded.encode()):
            stored = value.replace("+/+/", text) if isinstance(value, str) else value
            vault.versions = [StoredSecret(stored)]
            assert source_of(encoding="base64").accepted() == (wanted,)

    @pytest.mark.parametrize("value", ["not base64!" * 5, "\xe9" * 40, "A" * 45])
    def test_what_is_no_base64_is_refused(self, source_of, vault, value):
        vault.versions = [StoredSecret(value)]
        with pytest.raises(errors.ConfigurationError, match="not base64"):
            source_of(encoding="base64").accepted()

    def test_a_secret_is_weighed_after_it_is_decoded(self, source_of, vault):
        vault.versions = [StoredSecret("c2VjcmV0" * 5)]  # 40 digits, 30 bytes
        with pytest.raises(errors.ConfigurationError, match="32 bytes"):
            source_of(encoding="base64").accepted()


@pytest.mark.parametrize(
    "options",
    [
        {"ttl_seconds": 0},
        {"ttl_seconds": -1},
        {"ttl_seconds": float("nan")},
        {"ttl_seconds": 10 * 366 * 86_400 + 1},
        {"max_stale_seconds": -1},
        {"previous_seconds": -1},
        {"previous_seconds": None},
        {"miss_cooldown_seconds": 0.9},
        {"json_key": ""},
        {"json_key": 7},
        {"encoding": "hex"},
        {"previous": 5},
    ],
)
def test_an_option_must_make_sense(source_of, options):
    with pytest.raises(errors.ConfigurationError):
        source_of(**options)


def test_a_reader_must_be_one(clock):
    for reader in (A, Vault, None):
        with pytest.raises(errors.ConfigurationError, match="SecretReader"):
            SecretSource("x", reader, clock=clock)


def test_a_verifier_without_a_source_loads_nothing_that_reads():
    code = (
        "import sys; from authz_lib import JWTVerifier\n"
        f"JWTVerifier.shared_secret(secret={A!r}, issuer=None, audience=None)\n"
        "loaded = {'authz_lib.tokens.secret_source', 'authz_lib.transport'} & set(sys.modules)\n"
        "assert not loaded, loaded"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_nothing_shows_the_secret(source, caplog):
    caplog.set_level(logging.DEBUG)
    keys = SecretKeySet(source)
    shown = repr(source.accepted) + repr(source) + repr(keys) + repr(keys.find(None, "HS256"))
    assert "horse" not in shown + repr(StoredSecret(A)) + repr(SharedSecretIssuer(secret=source))
    assert "horse" not in caplog.text
