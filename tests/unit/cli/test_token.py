"""`authz token verify`."""

from __future__ import annotations

import io
import json

import pytest

from authz_lib.cli.main import main
from authz_lib.testing.issuer import TestIssuer

POOL = "us-east-1_Abc123"


@pytest.fixture(scope="module")
def pool():
    return TestIssuer(f"https://cognito-idp.us-east-1.amazonaws.com/{POOL}")


@pytest.fixture
def jwks(pool, tmp_path):
    path = tmp_path / "jwks.json"
    path.write_text(json.dumps(pool.jwks()))
    return str(path)


@pytest.fixture
def verify(jwks, capsys):
    def verify(token, *options, cognito=True):
        where = ["--cognito", POOL] if cognito else []
        code = main(["token", "verify", token, *where, "--jwks", jwks, *options])
        out, err = capsys.readouterr()
        if len(token) > 5:
            assert token not in out + err
            assert token.split(".")[0] not in out + err
        return code, out, err

    return verify


def states(out):
    return {line[8:].split(":")[0]: line[:8].strip() for line in out.splitlines()}


class TestCognito:
    def test_a_good_token(self, pool, verify):
        code, out, err = verify(pool.access_token(client_id="web"), "--client-id", "web")
        assert (code, err) == (0, "")
        assert set(states(out).values()) == {"passed"}
        assert len(states(out)) == 7

    def test_from_standard_input(self, pool, verify, monkeypatch):
        monkeypatch.setattr("sys.stdin", io.StringIO(pool.access_token(client_id="web") + "\n"))
        assert verify("-", "--client-id", "web")[0] == 0

    def test_what_is_no_text_on_standard_input(self, verify, monkeypatch):
        monkeypatch.setattr(
            "sys.stdin", io.TextIOWrapper(io.BytesIO(b"\xff\xfe"), encoding="utf-8")
        )
        code, out, _ = verify("-", "--client-id", "web")
        assert (code, states(out)["form and header"]) == (1, "FAILED")

    @pytest.mark.parametrize(
        ("make", "failed"),
        [
            (lambda pool: "garbage-of-some-length", "form and header"),
            (
                lambda pool: pool.access_token(client_id="web", headers={"alg": "HS256"}),
                "algorithm",
            ),
            (lambda pool: pool.access_token(client_id="web", headers={"kid": "another"}), "key"),
            (
                lambda pool: pool.access_token(
                    client_id="web", claims={"iss": "https://x.example"}
                ),
                "issuer",
            ),
            (lambda pool: pool.access_token(client_id="web")[:-4] + "AAAA", "signature"),
            (
                lambda pool: pool.access_token(client_id="other"),
                "audience, client and other claims",
            ),
            (lambda pool: pool.id_token(client_id="web"), "audience, client and other claims"),
            (lambda pool: pool.access_token(client_id="web", expires_in_seconds=-1), "dates"),
        ],
    )
    def test_says_which_check_failed(self, pool, verify, make, failed):
        code, out, _ = verify(make(pool), "--client-id", "web")
        assert code == 1
        names = list(states(out))
        assert states(out)[failed] == "FAILED"
        position = names.index(failed)
        assert all(states(out)[name] == "passed" for name in names[:position])
        assert all(states(out)[name] == "open" for name in names[position + 1 :])

    def test_never_says_that_a_signature_passed_which_was_not_checked(self, pool, verify):
        stranger = TestIssuer("https://attacker.example")
        _, out, _ = verify(stranger.access_token(client_id="web"), "--client-id", "web")
        assert states(out)["issuer"] == "FAILED"
        assert states(out)["signature"] == "open"

    def test_other_options(self, pool, verify):
        assert verify(pool.id_token(client_id="x"), "--any-client", "--token-use", "id")[0] == 0
        assert verify(pool.id_token(client_id="x"), "--any-client", "--token-use", "any")[0] == 0
        local = pool.access_token(client_id="x", claims={"iss": "http://127.0.0.1/pool"})
        assert verify(local, "--any-client", "--issuer", "http://127.0.0.1/pool")[0] == 0


class TestAnyIssuer:
    def test_a_good_token_with_a_fetched_key_set(self, capsys):
        issuer = TestIssuer(algorithm="ES256")
        with issuer.serve() as endpoint:
            options = [
                "--jwks",
                endpoint.jwks_url,
                "--issuer",
                issuer.issuer,
                "--audience",
                "a",
                "--algorithm",
                "ES256",
            ]
            assert main(["token", "verify", issuer.token({"aud": "a"}), *options]) == 0
            assert set(states(capsys.readouterr().out).values()) == {"passed"}
            endpoint.fault = "error"
            assert main(["token", "verify", issuer.token({"aud": "a"}), *options]) == 2
            assert "could not find out" in capsys.readouterr().err

    def test_a_wrong_issuer_is_found_after_the_signature(self, pool, verify):
        code, out, _ = verify(
            pool.token(), "--issuer", "https://other.example", "--any-audience", cognito=False
        )
        assert code == 1
        assert states(out)["signature"] == "passed"
        assert states(out)["issuer"] == "FAILED"


@pytest.mark.parametrize(
    ("options", "cognito"),
    [
        ([], True),
        (["--client-id", "web", "--any-client"], True),
        (["--client-id", "web", "--algorithm", "ES256"], True),
        ([], False),
        (["--issuer", "https://x.example"], False),
        (["--issuer", "https://x.example", "--audience", "a", "--any-audience"], False),
        (["--issuer", "https://x.example", "--any-audience", "--algorithm", "none"], False),
    ],
)
def test_a_question_that_makes_no_sense_is_a_2(verify, options, cognito):
    code, out, err = verify("a.b.c", *options, cognito=cognito)
    assert (code, out) == (2, "")
    assert err.startswith("authz token: ")


def test_a_missing_key_file_is_a_2(capsys):
    options = ["--cognito", POOL, "--any-client", "--jwks", "no/such/file.json"]
    assert main(["token", "verify", "a.b.c", *options]) == 2
    assert "could not be read" in capsys.readouterr().err
