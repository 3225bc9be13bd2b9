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


ISSUER = "https://issuer.example"
SECRET = "correct horse battery staple, and more"
BALANCER = "arn:aws:elasticloadbalancing:us-east-1:123456789012:loadbalancer/app/web/50dc6c495c"


def shared(**claims):
    from authz_lib.tokens import SharedSecretIssuer

    return SharedSecretIssuer(secret=SECRET, **claims).mint("alice")


class TestPasted:
    @pytest.mark.parametrize(
        "form",
        [
            "Bearer {}",
            "bearer  {}",
            "Authorization: Bearer {}\r\n",
            "'{}'",
            '"Bearer {}",',
            "`{}`",
            "\ufeff{}\n\n",
            "token={}",
            '  "access_token": "{}",',
            "x-amzn-oidc-accesstoken: {}",
        ],
    )
    def test_what_people_paste_around_a_token(self, pool, verify, form):
        token = form.format(pool.access_token(client_id="web"))
        assert verify(token, "--client-id", "web")[0] == 0

    @pytest.mark.parametrize(
        "form",
        [
            "curl -H 'Authorization: Bearer {}' https://api.example/orders",
            "curl https://api.example/orders \\\n  -H 'Authorization: Bearer {}' \\\n  -i",
            "access_token={}&token_type=bearer&expires_in=3600",
            "https://app.example/callback#id_token={}&state=x",
            "session={}; Path=/; HttpOnly",
            "export TOKEN={}",
            'const token = "{}";',
            "b'{}'",
            "<{}>",
            "**{}**",
            "\u200b{}\u200b",
            "Bearer Bearer {}",
            "DPoP {}",
            "{} {}",
        ],
    )
    def test_a_text_that_holds_one(self, pool, verify, form):
        token = pool.access_token(client_id="web")
        assert verify(form.replace("{}", token), "--client-id", "web")[0] == 0

    def test_two_tokens_are_a_2_that_says_so(self, pool, verify):
        two = f"{pool.access_token(client_id='web')} {pool.id_token(client_id='web')}"
        code, _, err = verify(two, "--client-id", "web")
        assert (code, "the input holds 2 tokens" in err) == (2, True)

    def test_a_quoted_mail_and_escaped_line_breaks(self, pool, verify):
        token = pool.access_token(client_id="web")
        parts = [token[start : start + 70] for start in range(0, len(token), 70)]
        for text in ("\n".join(f"> {part}" for part in parts), "\\n".join(parts),
                     "\u0020".join(parts), token.replace(".", "%2E")):  # fmt: skip
            assert verify(text, "--client-id", "web")[0] == 0

    @pytest.mark.parametrize("word", ["undefined", "Bearer null", "None"])
    def test_a_word_is_no_opaque_token(self, capsys, jwks, word):
        options = ["--cognito", POOL, "--any-client", "--jwks", jwks]
        assert main(["token", "verify", word, *options]) == 1
        assert "a word that a program writes" in capsys.readouterr().out

    def test_one_that_is_cut_off_says_so(self, pool, verify):
        token = pool.access_token(client_id="web")
        for text in (f"{token[:40]}...{token[-20:]}", token.replace(".", "..")):
            assert "it is cut off" in verify(text, "--client-id", "web")[1]

    def test_line_breaks_within(self, pool, verify):
        token = pool.access_token(client_id="web")
        wrapped = " \\\n".join(token[start : start + 64] for start in range(0, len(token), 64))
        assert verify(wrapped, "--client-id", "web")[0] == 0

    def test_from_a_file_or_without_an_argument(self, pool, jwks, tmp_path, monkeypatch, capsys):
        token = pool.access_token(client_id="web")
        (tmp_path / "token.txt").write_text(f"Bearer {token}\n")
        options = ["--cognito", POOL, "--jwks", jwks, "--client-id", "web"]
        file = ["--file", str(tmp_path / "token.txt")]
        assert main(["token", "verify", *file, *options]) == 0
        monkeypatch.setattr("sys.stdin", io.StringIO(token))
        assert main(["token", "verify", *options]) == 0
        assert main(["token", "verify", token, *file, *options]) == 2
        assert "not both" in capsys.readouterr().err

    @pytest.mark.parametrize(
        ("text", "named"),
        [
            ("", "it is empty"),
            ("  \n", "it is empty"),
            ("Bearer", "it is empty"),
            ("Authorization: Bearer ", "it is empty"),
            ('{"access_token": "eyJ.e30.c2ln"}', "JSON document"),
            ("a" * 65_537, "longer than 65536"),
        ],
    )
    def test_what_is_no_token_is_a_2_that_says_so(self, jwks, capsys, text, named):
        options = ["--cognito", POOL, "--jwks", jwks, "--any-client"]
        assert main(["token", "verify", text, *options]) == 2
        assert named in capsys.readouterr().err

    def test_at_the_bound_it_is_read(self, jwks, capsys):
        options = ["--cognito", POOL, "--jwks", jwks, "--any-client"]
        assert main(["token", "verify", "a" * 65_536, *options]) == 1
        assert "longer than 16384" in capsys.readouterr().out

    @pytest.mark.parametrize(
        ("token", "named"),
        [
            ("ya29.a0AfH6SMBopaque", "opaque"),
            ("o9XQGdKTNBsSTw9pGlYGZGqkG5vF", "opaque"),
            ("eyJhbGciOiJkaXIifQ..AAAA.BBBB.CCCC", "encrypted (JWE"),
            ("eyJhbGciOiJub25lIn0.e30", "this has 2"),
        ],
    )
    def test_another_kind_of_token_is_named(self, verify, token, named):
        code, out, _ = verify(token, "--any-client")
        assert code == 1
        (failed,) = [line for line in out.splitlines() if line.startswith("FAILED")]
        assert named in failed


class TestWhatIsSaid:
    @pytest.mark.parametrize(
        ("make", "said"),
        [
            (
                lambda pool: pool.access_token(client_id="other"),
                'expected client_id: web; the token has client_id: "other"',
            ),
            (
                lambda pool: pool.id_token(client_id="web"),
                'expected token_use: access; the token has token_use: "id"; it looks like an ID',
            ),
            (
                lambda pool: pool.access_token(client_id="web", headers={"kid": "2024-01"}),
                'the token has kid: "2024-01" (digest 73e4d27b45fe)',
            ),
            (
                lambda pool: pool.access_token(client_id="web", claims={"exp": 1_700_000_000}),
                "the token has exp: 1700000000 (2023-11-14 22:13:20 UTC)",
            ),
            (
                lambda pool: pool.access_token(client_id="web", headers={"alg": "HS256"}),
                'expected algorithms: RS256; the token has alg: "HS256"',
            ),
            (
                lambda pool: pool.access_token(
                    client_id="web", claims={"iss": "https://x.example/\x1b[2J"}
                ),
                r'the token has iss: "https://x.example/\u001b[2J"',
            ),
        ],
    )
    def test_the_failed_check_with_both_sides(self, pool, verify, make, said):
        code, out, _ = verify(make(pool), "--client-id", "web")
        (failed,) = [line for line in out.splitlines() if line.startswith("FAILED")]
        assert code == 1
        assert said in failed

    def test_claims_only_where_asked_for_and_never_the_signature(self, pool, verify):
        token = pool.access_token(client_id="web", claims={"sub": "alice"})
        assert "alice" not in verify(token, "--client-id", "other")[1]
        _, out, _ = verify(token, "--client-id", "other", "--show-claims")
        assert '"sub": "alice"' in out
        assert token.rpartition(".")[2] not in out


class TestPresets:
    def test_oidc(self, capsys, monkeypatch):
        issuer = TestIssuer(ISSUER)
        with issuer.serve() as endpoint:
            monkeypatch.setattr(
                "authz_lib.tokens.issuers.DiscoveringFetcher.__call__",
                lambda *_: json.dumps(issuer.jwks()).encode(),
            )
            options = ["--oidc", ISSUER, "--audience", "orders"]
            assert main(["token", "verify", issuer.token({"aud": "orders"}), *options]) == 0
            other = issuer.token({"aud": "other", "nonce": "n"})
            assert main(["token", "verify", other, *options]) == 1
        out = capsys.readouterr().out
        assert 'expected audience: orders; the token has aud: "other"; it looks like an ID' in out
        assert endpoint.requests == 0

    def test_a_shared_secret_is_named_by_its_place(self, capsys, monkeypatch, tmp_path):
        monkeypatch.setenv("ORDERS_SECRET", SECRET)
        (tmp_path / "secret").write_text(f"{SECRET}\n")
        token = shared(issuer="orders", audience="billing")
        for place in (
            ["--shared-secret-env", "ORDERS_SECRET"],
            ["--shared-secret-file", str(tmp_path / "secret")],
        ):
            options = [*place, "--issuer", "orders", "--audience", "billing"]
            assert main(["token", "verify", token, *options]) == 0
            assert main(["token", "verify", token, *place, "--any-issuer", "--any-audience"]) == 0
            assert main(["token", "verify", token, *place, "--issuer", "x", "--any-audience"]) == 1
        (tmp_path / "secret").write_text("another secret, of more than 32 bytes")
        options = ["--shared-secret-file", str(tmp_path / "secret"), "--any-issuer"]
        assert main(["token", "verify", token, *options, "--any-audience"]) == 1
        out, err = capsys.readouterr()
        assert "none of the accepted secrets (1)" in out
        assert SECRET not in out + err

    @pytest.mark.parametrize(
        ("place", "named"),
        [
            (["--shared-secret-env", "NO_SUCH_VARIABLE"], "`NO_SUCH_VARIABLE` is not set"),
            (["--shared-secret-file", "no/such/file"], "cannot be read"),
        ],
    )
    def test_a_secret_that_is_not_there_is_a_2(self, capsys, place, named):
        assert main(["token", "verify", "a.b.c", *place, "--any-issuer", "--any-audience"]) == 2
        assert named in capsys.readouterr().err

    def test_no_option_takes_a_secret_itself(self, capsys):
        with pytest.raises(SystemExit):
            main(["token", "verify", "a.b.c", "--shared-secret", SECRET])
        assert "ambiguous" in capsys.readouterr().err

    def test_a_token_of_a_load_balancer_in_the_wrong_preset(self, pool, verify, capsys):
        token = pool.token({}, headers={"signer": BALANCER, "client": "web"})
        _, out, _ = verify(token, "--any-client")
        assert "use `--alb`" in out
        padded = ".".join(f"{part}{'=' * (-len(part) % 4)}" for part in token.split("."))
        assert "use `--alb`" in verify(padded + ("" if "=" in padded else "="), "--any-client")[1]
        options = ["--alb", BALANCER, "--any-client", "--any-issuer"]
        assert main(["token", "verify", pool.access_token(client_id="x"), *options]) == 1
        assert "no load balancer made it" in capsys.readouterr().out

    def test_a_load_balancer_checks_its_header_before_any_fetch(self, capsys):
        other = BALANCER.replace("web", "other")
        issuer = TestIssuer(algorithm="ES256")
        token = issuer.token({}, headers={"signer": other, "client": "web", "exp": 4_000_000_000})
        options = ["--alb", BALANCER, "--any-client", "--any-issuer"]
        assert main(["token", "verify", token, *options]) == 1
        out = capsys.readouterr().out
        assert states(out)["load balancer, client and issuer"] == "FAILED"
        assert f'expected load_balancer_arn: {BALANCER}; the token has signer: "{other}"' in out

    @pytest.mark.parametrize(
        "options",
        [
            ["--oidc", ISSUER, "--audience", "a", "--token-use", "id"],
            ["--oidc", ISSUER, "--audience", "a", "--jwks", "x.json"],
            ["--oidc", ISSUER, "--audience", "a", "--cognito", POOL],
            ["--oidc", ISSUER],
            ["--alb", BALANCER, "--any-client"],
            ["--alb", BALANCER, "--any-client", "--any-issuer", "--audience", "a"],
            ["--jwks", "x.json", "--issuer", ISSUER, "--any-audience", "--any-client"],
        ],
    )
    def test_what_would_be_ignored_or_is_left_open_is_a_2(self, capsys, options):
        assert main(["token", "verify", "a.b.c", *options]) == 2
        assert "`--" in capsys.readouterr().err


TENANT = "0f8fad5b-d9cb-469f-a165-70867728950e"
ENTRA = f"https://login.microsoftonline.com/{TENANT}/v2.0"
OKTA = "https://orders.okta.com/oauth2/aus1"
AUTH0 = "https://orders.eu.auth0.com/"
KEYCLOAK = "https://id.orders.example/realms/shop"
# The option, what it is given, the issuer, the claim that names the client.
PROVIDERS = [
    ("entra", TENANT, ENTRA, "azp"),
    ("entra", TENANT, f"https://sts.windows.net/{TENANT}/", "appid"),
    ("okta", OKTA, OKTA, "cid"),
    ("auth0", AUTH0, AUTH0, "azp"),
    ("auth0", AUTH0, AUTH0, "client_id"),
    ("keycloak", KEYCLOAK, KEYCLOAK, "azp"),
]


@pytest.mark.parametrize(("option", "value", "iss", "client"), PROVIDERS)
class TestProviders:
    @pytest.fixture
    def ask(self, option, value, iss, client, tmp_path, capsys):
        issuer = TestIssuer(iss)
        (tmp_path / "keys.json").write_text(json.dumps(issuer.jwks()))

        def ask(claims=(), headers=None, *, options=("--audience", "orders", "--client-id", "w")):
            token = issuer.token(
                {"aud": "orders", client: "w", **dict(claims)}, headers=headers or {}
            )
            where = [f"--{option}", value, "--jwks", str(tmp_path / "keys.json")]
            code = main(["token", "verify", f"Bearer {token}", *where, *options])
            out, err = capsys.readouterr()
            failed = [line for line in out.splitlines() if line.startswith("FAILED")]
            return code, "".join(failed), err

        return ask

    def test_its_access_token_passes(self, ask):
        assert ask() == (0, "", "")
        assert ask(options=["--any-audience", "--any-client"])[0] == 0

    def test_each_failed_check_names_both_sides(self, ask, client):
        code, failed, _ = ask({client: "another"})
        assert code == 1
        assert f'expected client_id: w; the token has {client}: "another"' in failed
        code, failed, _ = ask({"aud": "billing"})
        assert 'expected audience: orders; the token has aud: "billing"' in failed
        code, failed, _ = ask({"iss": "https://other.example"})
        assert "`iss`" in failed
        assert 'the token has iss: "https://other.example"' in failed
        code, failed, _ = ask({"exp": 1_700_000_000})
        assert "2023-11-14 22:13:20 UTC" in failed

    def test_an_id_token_is_named(self, ask, client):
        code, failed, _ = ask({client: None, "nonce": "n"})
        assert code == 1
        assert "is missing: an access token names its client there" in failed
        assert "it looks like an ID token" in failed

    @pytest.mark.parametrize(
        ("options", "named"),
        [
            (["--any-client"], "--audience"),
            (["--audience", "a"], "--client-id"),
            (["--any-audience", "--any-client", "--token-use", "id"], "--token-use"),
            (["--any-audience", "--any-client", "--issuer", "x"], "--issuer"),
            (["--any-audience", "--any-client", "--any-issuer"], "--any-issuer"),
        ],
    )
    def test_what_is_left_open_or_ignored_is_a_2(self, ask, options, named):
        code, _, err = ask(options=options)
        assert (code, named in err) == (2, True)


@pytest.mark.parametrize(
    ("options", "named"),
    [
        (["--entra", "common"], "directory (tenant) id"),
        (["--entra", "contoso.onmicrosoft.com"], "directory (tenant) id"),
        (["--entra", TENANT, "--algorithm", "RS256"], "--algorithm"),
        (["--okta", "https://orders.okta.com"], "custom authorization server"),
        (["--auth0", "https://orders.eu.auth0.com"], "slash at the end"),
        (["--keycloak", "https://id.orders.example/auth"], "address of a realm"),
        (["--keycloak", KEYCLOAK, "--okta", OKTA], "pass one of `--okta`, `--keycloak`"),
    ],
)
def test_what_is_no_issuer_of_a_provider_is_a_2(capsys, options, named):
    ask = ["token", "verify", "a.b.c", *options, "--any-audience", "--any-client"]
    assert main(ask) == 2
    assert named in capsys.readouterr().err


def test_a_token_for_microsoft_graph_is_named(capsys, tmp_path):
    issuer, other = TestIssuer(ENTRA), TestIssuer(ENTRA)
    (tmp_path / "keys.json").write_text(json.dumps(issuer.jwks()))
    # Entra signs it over another header than the one it sends, so no key set verifies it.
    token = other.token({"azp": "w"}, headers={"nonce": "n", "kid": issuer.key_id})
    where = ["--entra", TENANT, "--jwks", str(tmp_path / "keys.json")]
    assert main(["token", "verify", token, *where, "--any-audience", "--any-client"]) == 1
    out = capsys.readouterr().out
    assert states(out)["signature"] == "FAILED"
    assert "it is meant for Microsoft Graph" in out


def test_checks_for_machines(pool, verify):
    token = pool.access_token(client_id="web")
    code, out, _ = verify(token, "--client-id", "web", "--json", "--show-claims")
    found = json.loads(out)
    assert (code, found["passed"], len(found["checks"])) == (0, True, 7)
    assert {check["state"] for check in found["checks"]} == {"passed"}
    assert found["claims"]["client_id"] == "web"
    assert found["header"]["alg"] == "RS256"
    code, out, _ = verify(token, "--client-id", "another", "--json")
    found = json.loads(out)
    assert (code, found["passed"], "claims" in found) == (1, False, False)
    failed = [check for check in found["checks"] if check["state"] == "FAILED"]
    assert [check["name"] for check in failed] == ["audience, client and other claims"]
    assert "expected client_id: another" in failed[0]["reason"]


def test_states_are_coloured_where_somebody_looks(pool, verify, monkeypatch):
    monkeypatch.delenv("NO_COLOR", raising=False)
    monkeypatch.setenv("FORCE_COLOR", "1")
    _, out, _ = verify(pool.access_token(client_id="web"), "--client-id", "web")
    assert out.count("\x1b[32mpassed  \x1b[0m") == 7
