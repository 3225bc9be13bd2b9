from __future__ import annotations

import datetime as dt
import hashlib
import subprocess
import sys
import threading

import botocore.auth
import pytest
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials as BotocoreCredentials
from botocore.credentials import ReadOnlyCredentials, RefreshableCredentials

from authz_lib.errors import ConfigurationError, DeliveryError, InvalidRequestError
from authz_lib.sigv4 import Credentials, SigV4Signer
from authz_lib.sigv4.credentials import DefaultCredentials

FIXED = Credentials("AKIDEXAMPLE", "secret-text", "token-text")
URL = "https://abc.execute-api.eu-west-1.amazonaws.com/prod/x"
NOW = 1_800_000_000.0


@pytest.fixture
def signer():
    return SigV4Signer(
        service="execute-api", region="eu-west-1", credentials=FIXED, clock=lambda: NOW
    )


def names(signed):
    return (
        signed.headers["authorization"].partition("SignedHeaders=")[2].partition(",")[0].split(";")
    )


def test_agrees_with_add_auth_of_botocore(signer, monkeypatch):
    then = dt.datetime.fromtimestamp(NOW, dt.UTC).replace(tzinfo=None)
    for target in (botocore.auth, botocore.compat):
        monkeypatch.setattr(target, "get_current_datetime", lambda *_a, **_k: then, raising=False)
    headers = {"Content-Type": "application/json", "X-Amz-Target": "a  b"}
    request = AWSRequest("POST", URL + "?b=1&a=2", headers, b"{}")
    botocore.auth.SigV4Auth(
        BotocoreCredentials("AKIDEXAMPLE", "secret-text", "token-text"), "execute-api", "eu-west-1"
    ).add_auth(request)
    if request.headers["X-Amz-Date"] != "20270115T080000Z":
        pytest.fail("botocore's clock moved to another name")
    signed = signer.sign("POST", URL + "?b=1&a=2", headers, b"{}")
    assert signed.headers["authorization"] == request.headers["Authorization"]


def test_only_stable_headers_are_signed(signer):
    signed = signer.sign(
        "get",
        URL,
        {
            "User-Agent": "x",
            "Accept": "y",
            "X-Amz-Meta": "z",
            "X-Forwarded-For": "1",
            "X-Amzn-Trace-Id": "t",
        },
    )
    assert names(signed) == ["host", "x-amz-date", "x-amz-meta", "x-amz-security-token"]
    assert signed.method == "GET"
    assert signed.headers["user-agent"] == "x"
    more = SigV4Signer(
        service="execute-api", region="eu-west-1", credentials=FIXED, also_sign=["Idempotency-Key"]
    )
    assert "idempotency-key" in names(more.sign("GET", URL, {"IDEMPOTENCY-KEY": "k"}))
    assert "idempotency-key" not in names(more.sign("GET", URL))


def test_a_header_that_botocore_never_signs_is_signed_where_it_is_asked_for():
    """A name in `SignedHeaders` whose header is not signed makes a signature that fails."""
    signer = SigV4Signer(
        service="execute-api",
        region="eu-west-1",
        credentials=FIXED,
        also_sign=["User-Agent"],
        clock=lambda: NOW,
    )
    one, other = (signer.sign("GET", URL, {"User-Agent": value}) for value in ("x", "y"))
    assert "user-agent" in names(one)
    assert one.headers["authorization"] != other.headers["authorization"]


def test_inherited_signatures_are_replaced(signer):
    fresh = signer.sign("GET", URL)
    again = signer.sign(
        "GET",
        URL,
        {"Authorization": "Bearer x", "X-AMZ-Date": "old", "x-amz-security-token": "other"},
    )
    assert again == fresh


def test_a_session_token_is_sent_only_when_there_is_one():
    plain = SigV4Signer(
        service="execute-api", region="eu-west-1", credentials=Credentials("A", "B")
    )
    assert "x-amz-security-token" not in plain.sign("GET", URL).headers


def test_lattice_demands_an_unsigned_payload():
    lattice = SigV4Signer(
        service="vpc-lattice-svcs", region="eu-west-1", credentials=FIXED, clock=lambda: NOW
    )
    one, two = (lattice.sign("POST", URL, None, body) for body in (b"one", b"two"))
    assert one.headers["x-amz-content-sha256"] == "UNSIGNED-PAYLOAD"
    assert one.headers["authorization"] == two.headers["authorization"]
    assert "x-amz-content-sha256" in names(one)


def test_a_payload_hash_of_another_body_is_refused(signer):
    right = hashlib.sha256(b"body").hexdigest()
    assert (
        signer.sign("POST", URL, {"X-Amz-Content-Sha256": right}, b"body").headers[
            "x-amz-content-sha256"
        ]
        == right
    )
    for wrong in ("UNSIGNED-PAYLOAD", hashlib.sha256(b"other").hexdigest()):
        with pytest.raises(InvalidRequestError):
            signer.sign("POST", URL, {"X-Amz-Content-Sha256": wrong}, b"body")


@pytest.mark.parametrize(
    "headers",
    [
        {"x": "a\r\nHost: evil"},
        {"x": "a\nb"},
        {"x y": "a"},
        {b"x": "a"},
        {1: "a"},
        {None: "a"},
        {"": "a"},
        {"x:": "a"},
        {"x": "é"},
        {"x": 1},
        {"x": None},
        {"A": "1", "a": "2"},
        {"Host": "other.example.com"},
    ],
)
def test_headers_that_cannot_be_signed(signer, headers):
    with pytest.raises(InvalidRequestError) as caught:
        signer.sign("GET", URL, headers)
    assert caught.value.field == "headers"


@pytest.mark.parametrize("method", ["", "GET /", "G\nET", "gé"])
def test_methods_that_cannot_be_signed(signer, method):
    with pytest.raises(InvalidRequestError):
        signer.sign(method, URL)


@pytest.mark.parametrize("body", ["text", bytearray(b"x"), memoryview(b"x"), {}])
def test_only_bytes_are_signed(signer, body):
    with pytest.raises(InvalidRequestError) as caught:
        signer.sign("POST", URL, None, body)
    assert caught.value.field == "body"


@pytest.mark.parametrize(
    "wrong",
    [
        {"service": ""},
        {"service": None},
        {"service": "execute api"},
        {"service": "s3"},
        {"region": ""},
        {"region": None},
        {"region": "*"},
        {"region": "eu/west"},
        {"credentials": object()},
        {"credentials": "AKID"},
    ],
)
def test_a_wrong_argument_fails_at_construction(wrong):
    with pytest.raises(ConfigurationError):
        SigV4Signer(
            **{"service": "execute-api", "region": "eu-west-1", "credentials": FIXED, **wrong}
        )
    with pytest.raises(ConfigurationError):
        Credentials("", "x")


def test_nothing_secret_is_in_a_repr(signer):
    signed = signer.sign("POST", URL, None, b"payload-text")
    text = f"{signed!r} {signer!r} {FIXED!r}"
    for secret in ("secret-text", "token-text", "payload-text", "Signature="):
        assert secret not in text


class Exchanging:
    """Credentials that change with each question, and with each attribute read unfrozen."""

    def __init__(self):
        self.turn = 0

    def get_frozen_credentials(self):
        self.turn += 1
        return ReadOnlyCredentials(f"AKID{self.turn}", f"secret{self.turn}", f"token{self.turn}")

    access_key = property(lambda self: self.get_frozen_credentials().access_key)
    secret_key = property(lambda self: self.get_frozen_credentials().secret_key)
    token = property(lambda self: self.get_frozen_credentials().token)


def test_one_attempt_uses_one_set():
    changing = SigV4Signer(
        service="execute-api", region="eu-west-1", credentials=Exchanging(), clock=lambda: NOW
    )
    for turn in (1, 2, 3):
        signed = changing.sign("GET", URL)
        fixed = Credentials(f"AKID{turn}", f"secret{turn}", f"token{turn}")
        assert signed == SigV4Signer(
            service="execute-api", region="eu-west-1", credentials=fixed, clock=lambda: NOW
        ).sign("GET", URL)


def test_refreshable_credentials_of_botocore_never_mix():
    turn = 0

    def refresh():
        nonlocal turn
        turn += 1
        return {
            "access_key": f"AKID{turn}",
            "secret_key": f"secret{turn}",
            "token": f"token{turn}",
            # always due: each question about the expiry refreshes again
            "expiry_time": (dt.datetime.now(dt.UTC) + dt.timedelta(seconds=30)).isoformat(),
        }

    credentials = RefreshableCredentials.create_from_metadata(refresh(), refresh, "test")
    signer = SigV4Signer(
        service="execute-api", region="eu-west-1", credentials=credentials, clock=lambda: NOW
    )
    for _ in range(5):
        signed = signer.sign("GET", URL)
        number = signed.headers["x-amz-security-token"].removeprefix("token")
        fixed = Credentials(f"AKID{number}", f"secret{number}", f"token{number}")
        expected = SigV4Signer(
            service="execute-api", region="eu-west-1", credentials=fixed, clock=lambda: NOW
        ).sign("GET", URL)
        assert signed == expected


def test_a_plain_frozen_set_is_accepted():
    frozen = ReadOnlyCredentials("AKIDEXAMPLE", "secret-text", "token-text")
    by_set = SigV4Signer(
        service="execute-api", region="eu-west-1", credentials=frozen, clock=lambda: NOW
    )
    by_own = SigV4Signer(
        service="execute-api", region="eu-west-1", credentials=FIXED, clock=lambda: NOW
    )
    assert by_set.sign("GET", URL) == by_own.sign("GET", URL)


def test_the_environment_comes_first_and_is_read_anew():
    environ = {"AWS_ACCESS_KEY_ID": "A1", "AWS_SECRET_ACCESS_KEY": "S1", "AWS_SESSION_TOKEN": "T1"}
    source = DefaultCredentials(environ)
    assert source.get_frozen_credentials() == Credentials("A1", "S1", "T1")
    environ.update(AWS_ACCESS_KEY_ID="A2", AWS_SECRET_ACCESS_KEY="S2", AWS_SESSION_TOKEN="")
    assert source.get_frozen_credentials() == Credentials("A2", "S2", None)
    environ["AWS_SECRET_ACCESS_KEY"] = ""
    with pytest.raises(DeliveryError) as caught:
        source.get_frozen_credentials()
    assert caught.value.outcome == "not_sent"


class Swapping(dict):
    """An environment that another thread exchanges between two reads, a number of times."""

    def __init__(self, swaps):
        super().__init__()
        self.turn = 1
        self.swaps = swaps

    def get(self, name, default=""):
        value = {
            "AWS_ACCESS_KEY_ID": f"A{self.turn}",
            "AWS_SECRET_ACCESS_KEY": f"S{self.turn}",
        }.get(name, default)
        if name == "AWS_ACCESS_KEY_ID" and self.swaps:
            self.swaps -= 1
            self.turn += 1
        return value


def test_an_environment_exchanged_while_it_is_read_never_mixes():
    assert DefaultCredentials(Swapping(1)).get_frozen_credentials() == Credentials("A2", "S2")
    with pytest.raises(DeliveryError):
        DefaultCredentials(Swapping(100)).get_frozen_credentials()


def test_the_chain_is_asked_once_and_a_failure_is_not_remembered(monkeypatch):
    answers = [None, BotocoreCredentials("AC", "SC")]
    monkeypatch.setattr("botocore.session.Session.get_credentials", lambda self: answers.pop(0))
    source = DefaultCredentials({})
    with pytest.raises(DeliveryError) as caught:
        source.get_frozen_credentials()
    assert caught.value.outcome == "not_sent"
    assert source.get_frozen_credentials().access_key == "AC"
    assert source.get_frozen_credentials().access_key == "AC"


def test_a_failing_refresh_is_not_sent_and_says_nothing():
    class Broken:
        def get_frozen_credentials(self):
            raise RuntimeError("secret-text")

    with pytest.raises(DeliveryError) as caught:
        SigV4Signer(service="execute-api", region="eu-west-1", credentials=Broken()).sign(
            "GET", URL
        )
    assert caught.value.outcome == "not_sent"
    assert "secret-text" not in str(caught.value)
    assert caught.value.__cause__ is None


@pytest.mark.parametrize("keys", [(None, None), ("AKID", None), ("", "secret"), ("AKID", "")])
def test_empty_credentials_are_not_sent(keys):
    empty = SigV4Signer(
        service="execute-api", region="eu-west-1", credentials=ReadOnlyCredentials(*keys, None)
    )
    with pytest.raises(DeliveryError) as caught:
        empty.sign("GET", URL)
    assert caught.value.outcome == "not_sent"


def test_a_signer_is_shared_between_threads(signer):
    barrier, seen = threading.Barrier(8), []

    def work(number):
        barrier.wait(5)
        seen.extend(
            (number, signer.sign("POST", f"{URL}/{number}", None, b"%d" % number))
            for _ in range(20)
        )

    threads = [threading.Thread(target=work, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(10)
    expected = {
        number: signer.sign("POST", f"{URL}/{number}", None, b"%d" % number) for number in range(8)
    }
    assert len(seen) == 160
    assert all(signed == expected[number] for number, signed in seen)


@pytest.mark.parametrize(
    ("statement", "absent"),
    [
        ("import authz_lib.sigv4", ["boto3", "botocore", "urllib3"]),
        (
            (
                "from authz_lib import SigV4Signer\n"
                "SigV4Signer(service='execute-api', region='eu-west-1')"
            ),
            ["boto3", "botocore", "urllib3"],
        ),
        (
            (
                "from authz_lib.sigv4 import Credentials, SigV4Signer\n"
                "fixed = Credentials('A', 'b')\n"
                "at = {'service': 'execute-api', 'region': 'eu-west-1'}\n"
                "signer = SigV4Signer(**at, credentials=fixed)\n"
                "signer.sign('GET', 'https://x.test/')"
            ),
            ["boto3", "botocore", "urllib3"],
        ),
    ],
)
def test_importing_loads_little(statement, absent):
    code = f"{statement}\nimport sys\nprint([name for name in {absent!r} if name in sys.modules])"
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=True
    )
    assert done.stdout.strip() == "[]"


def test_no_credentials_are_nothing_that_passes():
    signer = SigV4Signer(
        service="execute-api",
        region="eu-west-1",
        credentials=DefaultCredentials({"AWS_ACCESS_KEY_ID": "A"}),
    )
    with pytest.raises(DeliveryError, match="without `AWS_SECRET_ACCESS_KEY`") as caught:
        signer.sign("GET", "https://abc.example.com/")
    assert (caught.value.outcome, caught.value.retryable) == ("not_sent", False)


@pytest.mark.parametrize(
    ("headers", "message"),
    [
        ({"X-Count": 7}, "the value of the header `X-Count` must be text, not `int`"),
        ({"X-Flag": True}, "the value of the header `X-Flag` must be text, not `bool`"),
        ({"X-None": None}, "the value of the header `X-None` must be text, not `NoneType`"),
        ({"X-Bytes": b"a"}, "the value of the header `X-Bytes` must be text, not `bytes`"),
        ({"X-Line": "a\nb"}, "the value of the header `X-Line` must be plain ASCII on one line"),
        ({"X-Text": "secret é"}, "the value of the header `X-Text` must be plain ASCII"),
        ({"ü": "a"}, "a header name is not plain ASCII"),
        ({7: "a"}, "a header name is not plain ASCII"),
    ],
)
def test_a_wrong_header_is_named_and_its_value_is_not(headers, message):
    signer = SigV4Signer(
        service="execute-api", region="eu-west-1", credentials=Credentials("AKID", "text")
    )
    with pytest.raises(InvalidRequestError) as caught:
        signer.sign("GET", "https://abc.example.com/", headers)
    assert message in str(caught.value)
    assert "secret" not in str(caught.value)
