"""Where secrets come from, and their rotation on moto, over HTTP."""

from __future__ import annotations

import base64
import json
import os
import time
import warnings
from datetime import UTC, datetime
from itertools import count

import boto3
import pytest
from moto import mock_aws
from moto.server import ThreadedMotoServer

from authz_lib import JWTVerifier, errors
from authz_lib.tokens import (
    SharedSecretIssuer,
    secret_from_environment,
    secret_from_parameter_store,
    secret_from_secrets_manager,
)

A, B = "correct horse battery staple, and more", "the secret after it, known to few as well"
A_, B_ = A.encode(), B.encode()


class Clock:
    """The real time, which moto writes into its versions, moved by the test."""

    offset = 0.0

    def __call__(self):
        return time.time() + self.offset


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def credentials(monkeypatch, tmp_path):
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "testing")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "none"))


class TestEnvironment:
    def test_it_is_read_once(self, monkeypatch):
        monkeypatch.setenv("ORDERS_SECRET", A)
        assert secret_from_environment("ORDERS_SECRET") == A
        monkeypatch.setenv("ORDERS_SECRET", "")
        with pytest.raises(errors.ConfigurationError, match="`ORDERS_SECRET`"):
            secret_from_environment("ORDERS_SECRET")

    def test_a_json_object_that_a_task_definition_put_there(self, monkeypatch):
        monkeypatch.setenv("ORDERS_SECRET", json.dumps({"jwt_secret": A}))
        assert secret_from_environment("ORDERS_SECRET", json_key="jwt_secret") == A
        with pytest.raises(
            errors.ConfigurationError, match=r"`ORDERS_SECRET`: .*`other`"
        ) as caught:
            secret_from_environment("ORDERS_SECRET", json_key="other")
        assert "jwt_secret" not in str(caught.value)
        with pytest.raises(errors.ConfigurationError, match="`json_key`"):
            SharedSecretIssuer(secret=secret_from_environment("ORDERS_SECRET"))

    def test_base64(self, monkeypatch):
        monkeypatch.setenv("ORDERS_SECRET", base64.b64encode(bytes(range(32))).decode())
        assert secret_from_environment("ORDERS_SECRET", encoding="base64") == bytes(range(32))
        with pytest.raises(errors.ConfigurationError, match="`encoding`"):
            secret_from_environment("ORDERS_SECRET", encoding="hex")


class TestSecretsManager:
    @pytest.fixture
    def client(self, credentials):
        with mock_aws():
            yield boto3.client("secretsmanager")

    def test_nothing_is_read_when_it_is_built(self):
        assert repr(secret_from_secrets_manager("nothing")) == (
            "<SecretSource: secret `nothing` of Secrets Manager>"
        )

    def test_the_current_version_and_the_previous_while_it_counts(self, client, clock):
        client.create_secret(Name="orders", SecretString=A)
        assert secret_from_secrets_manager("orders").accepted() == (A_,)
        client.put_secret_value(SecretId="orders", SecretString=B)
        source = secret_from_secrets_manager("orders", client=client, clock=clock)
        assert source.accepted() == (B_, A_)
        clock.offset = 300
        assert source.accepted() == (B_,)
        assert secret_from_secrets_manager("orders", previous_seconds=0).accepted() == (B_,)

    def test_a_binary_secret(self, client):
        client.create_secret(Name="orders", SecretBinary=bytes(range(32)))
        assert secret_from_secrets_manager("orders").accepted() == (bytes(range(32)),)

    def test_the_key_and_value_form_of_the_console(self, client):
        client.create_secret(Name="orders", SecretString=json.dumps({"jwt_secret": A}))
        source = secret_from_secrets_manager("orders", json_key="jwt_secret")
        assert source.accepted() == (A_,)
        for options in ({}, {"json_key": "secret"}):
            with pytest.raises(errors.ConfigurationError, match=r"`orders` .*`json_key`") as caught:
                secret_from_secrets_manager("orders", **options).accepted()
            assert "jwt_secret" not in str(caught.value)
            assert "horse" not in str(caught.value)

    def test_base64_in_a_json_object(self, client):
        value = base64.urlsafe_b64encode(bytes(range(255, 191, -1))).decode()
        client.create_secret(Name="orders", SecretString=json.dumps({"key": value}))
        source = secret_from_secrets_manager("orders", json_key="key", encoding="base64")
        assert source.accepted() == (bytes(range(255, 191, -1)),)

    def test_a_secret_that_is_not_there_is_a_setting_for_verifier_and_issuer(self, client):
        source = secret_from_secrets_manager("nothing")
        verifier = JWTVerifier.shared_secret(secret=source, issuer=None, audience=None)
        with pytest.raises(errors.ConfigurationError, match="`nothing`"):
            verifier.verify(SharedSecretIssuer(secret=A).mint("worker"))
        with pytest.raises(errors.ConfigurationError, match="`nothing`"):
            SharedSecretIssuer(secret=source).mint("worker")

    @pytest.mark.parametrize("answer", [{}, {"SecretString": ""}])
    def test_an_empty_one_is_refused(self, answer):
        class Empty:
            def get_secret_value(self, **_):
                return answer

        with pytest.raises(errors.ConfigurationError, match=r"`orders`.*32 bytes"):
            secret_from_secrets_manager("orders", client=Empty()).accepted()

    def test_a_service_that_cannot_be_asked(self):
        class Broken:
            def get_secret_value(self, **_):
                raise ConnectionError("not to be quoted")

        with pytest.raises(errors.DependencyError, match="ConnectionError") as caught:
            secret_from_secrets_manager("orders", client=Broken()).accepted()
        assert "quoted" not in str(caught.value)

    @pytest.mark.parametrize("name", ["", None])
    def test_a_name_must_be_one(self, name):
        for secret_from in (secret_from_secrets_manager, secret_from_parameter_store):
            with pytest.raises(errors.ConfigurationError):
                secret_from(name)
        with pytest.raises(errors.ConfigurationError, match="`jsonkey`"):
            secret_from_secrets_manager("orders", jsonkey="x")


class TestParameterStore:
    @pytest.fixture
    def client(self, credentials):
        with mock_aws():
            yield boto3.client("ssm")

    @staticmethod
    def put(client, value, **options):
        client.put_parameter(Name="/orders/secret", Value=value, Overwrite=True, **options)

    def test_a_secure_string(self, client):
        self.put(client, A, Type="SecureString")
        assert secret_from_parameter_store("/orders/secret").accepted() == (A_,)
        client.put_parameter(Name="/orders/open", Value=A, Type="String")
        with pytest.raises(errors.ConfigurationError, match="SecureString"):
            secret_from_parameter_store("/orders/open", client=client).accepted()
        with pytest.raises(errors.ConfigurationError, match="ParameterNotFound"):
            secret_from_parameter_store("/nothing").accepted()

    def test_the_previous_version_while_it_counts(self, client, clock):
        self.put(client, A, Type="SecureString")
        self.put(client, B, Type="SecureString")
        arn = client.get_parameter(Name="/orders/secret")["Parameter"]["ARN"]
        for name in ("/orders/secret", arn):
            source = secret_from_parameter_store(name, clock=clock)
            assert source.accepted() == (B_, A_)
            clock.offset = 300
            assert source.accepted() == (B_,)
            clock.offset = 0

    def test_a_version_that_is_named_has_none_before_it(self):
        asked = []

        class Store:
            def get_parameter(self, **query):
                asked.append(query["Name"])
                return {
                    "Parameter": {
                        "Type": "SecureString", "Value": A, "Version": 3, "Selector": ":3",
                        "LastModifiedDate": datetime.now(UTC),
                    }
                }  # fmt: skip

        assert secret_from_parameter_store("/n:3", client=Store()).accepted() == (A_,)
        assert asked == ["/n:3"]

    def test_a_json_object(self, client):
        self.put(client, json.dumps({"jwt_secret": A}), Type="SecureString")
        source = secret_from_parameter_store("/orders/secret", json_key="jwt_secret")
        assert source.accepted() == (A_,)


class Rotating:
    """A secret on a moto that listens, whom it is rotated for, and a clock for both of them."""

    def __init__(self, url, service, name):
        self.aws = boto3.client(service, endpoint_url=url, region_name="us-east-1")
        self.service, self.name, self.clock = service, name, Clock()
        self.url = url

    def create(self, value):
        if self.service == "ssm":
            self.aws.put_parameter(Name=self.name, Value=value, Type="SecureString")
        else:
            self.aws.create_secret(Name=self.name, SecretString=value)

    def rotate(self, value):
        if self.service == "ssm":
            self.aws.put_parameter(Name=self.name, Value=value, Type="SecureString", Overwrite=True)
        else:
            self.aws.put_secret_value(SecretId=self.name, SecretString=value)

    def source(self, **options):
        client = boto3.client(self.service, endpoint_url=self.url, region_name="us-east-1")
        make = secret_from_parameter_store if self.service == "ssm" else secret_from_secrets_manager
        return make(self.name, client=client, clock=self.clock, **options)

    def verifier(self, secret=None):
        return JWTVerifier.shared_secret(
            secret=secret or self.source(), issuer=None, audience=None, clock=self.clock
        )

    def signer(self, secret=None):
        return SharedSecretIssuer(secret=secret or self.source(), clock=self.clock)


@pytest.fixture(scope="module")
def moto():
    server = ThreadedMotoServer("127.0.0.1", 0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    yield f"http://{host}:{port}"
    server.stop()


NAMES = map("/orders/{}".format, count())


@pytest.fixture(params=["secretsmanager", "ssm"])
def rotating(request, moto, credentials):
    rotating = Rotating(moto, request.param, next(NAMES))
    rotating.create(A)
    return rotating


class TestRotationEndToEnd:
    def test_signer_first(self, rotating):
        """The signer restarts with ``[B, A]`` while the verifier still has ``[A]``."""
        verifier = rotating.verifier()
        assert verifier.verify(rotating.signer().mint("worker"))
        rotating.rotate(B)
        token = rotating.signer().mint("worker")
        assert rotating.verifier(B).verify(token)
        assert verifier.verify(token)  # it read the secret anew

    def test_signer_first_within_the_time_to_live_even_when_strangers_used_up_the_cool_down(
        self, rotating
    ):
        verifier = rotating.verifier()
        with pytest.raises(errors.InvalidSignatureError):
            verifier.verify(rotating.signer("x" + A).mint("stranger"))
        rotating.rotate(B)
        signer = rotating.signer()
        with pytest.raises(errors.InvalidSignatureError):
            verifier.verify(signer.mint("worker"))
        rotating.clock.offset = 10
        assert verifier.verify(signer.mint("worker"))

    def test_verifier_first(self, rotating):
        """The verifier restarts with ``[B, A]`` while the signer still has ``[A]``."""
        signer = rotating.signer()
        old = signer.mint("worker", ttl_seconds=600)
        rotating.rotate(B)
        verifier = rotating.verifier()
        assert verifier.verify(old)
        assert verifier.verify(signer.mint("worker"))
        assert rotating.verifier(A).verify(signer.mint("worker"))
        rotating.clock.offset = 121  # the signer reads it anew
        assert rotating.verifier(B).verify(signer.mint("worker"))
        assert verifier.verify(signer.mint("worker"))

    def test_a_leaked_secret_is_gone_after_the_overlap(self, rotating):
        running = rotating.verifier()
        leaked = rotating.signer(A)
        token = leaked.mint("thief", ttl_seconds=86_400)
        assert running.verify(token)
        rotating.rotate(B)
        cold = rotating.verifier()
        for seconds in (0, 121, 290):
            rotating.clock.offset = seconds
            assert running.verify(token)
            assert cold.verify(token)
            assert cold.verify(leaked.mint("thief"))
        rotating.clock.offset = 301
        for verifier in (running, cold, rotating.verifier()):
            for forged in (token, leaked.mint("thief")):
                with pytest.raises(errors.InvalidSignatureError):
                    verifier.verify(forged)
            assert verifier.verify(rotating.signer().mint("worker"))

    def test_without_an_overlap_it_is_gone_with_the_next_reading(self, rotating):
        verifier = rotating.verifier(rotating.source(previous_seconds=0))
        token = rotating.signer(A).mint("thief", ttl_seconds=600)
        assert verifier.verify(token)
        rotating.rotate(B)
        assert verifier.verify(rotating.signer().mint("worker"))  # which makes it read anew
        with pytest.raises(errors.InvalidSignatureError):
            verifier.verify(token)

    def test_a_secret_that_turns_useless_changes_nothing_until_max_stale(self, rotating):
        verifier, token = rotating.verifier(), rotating.signer(A).mint("worker", ttl_seconds=7200)
        assert verifier.verify(token)
        rotating.rotate("mysecret")
        rotating.clock.offset = 3590
        assert verifier.verify(token)
        rotating.clock.offset = 3601
        with pytest.raises(errors.DependencyError, match="32 bytes"):
            verifier.verify(token)
        rotating.rotate(B)
        rotating.clock.offset = 3700
        assert verifier.verify(rotating.signer().mint("worker"))


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system has no fork")
def test_a_forked_process_reads_with_a_client_of_its_own(moto, credentials, monkeypatch):
    monkeypatch.setenv("AWS_ENDPOINT_URL", moto)
    clock = Clock()
    boto3.client("secretsmanager").create_secret(Name="forked", SecretString=A)
    source = secret_from_secrets_manager("forked", clock=clock)
    assert source.accepted() == (A_,)
    made = source._reader._client._made
    assert made is not None
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # Python 3.12: threads and fork
        child = os.fork()
    if child == 0:
        code = 1
        try:
            clock.offset = 121
            fresh = source._reader._client._made is None
            code = 0 if fresh and source.accepted() == (A_,) else 2
        finally:
            os._exit(code)
    assert os.waitpid(child, 0)[1] == 0
    assert source._reader._client._made is made
