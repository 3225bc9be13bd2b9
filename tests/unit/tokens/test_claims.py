"""The claim checks, through the verifier and on real tokens."""

from __future__ import annotations

import itertools
import json
from math import inf

import pytest

from authz_lib import JWTVerifier, errors
from authz_lib.tokens.claim_reader import shown_path
from authz_lib.tokens.claims import ClaimRules, HeaderRules, TimeRules

NOW = 1_800_000_000.0
ISSUER = "https://issuer.example"


@pytest.fixture
def verify(ec_issuer, clock):
    def verify(claims, *, headers=None, audience=None, issuer=ISSUER, **options):
        verifier = JWTVerifier(
            issuer=issuer,
            audience=audience,
            algorithms=["ES256"],
            keys=ec_issuer.key_set(),
            clock=clock,
            **options,
        )
        return verifier.verify(ec_issuer.token(claims, headers=headers))

    return verify


def refused(verify, claims, claim, **options):
    with pytest.raises(errors.InvalidClaimError) as caught:
        verify(claims, **options)
    assert caught.value.claim == claim


class TestExpiry:
    @pytest.mark.parametrize(
        "exp", ["1900000000", True, False, [1], {"a": 1}, 2**53 + 1, -(2**53) - 1, 10**400]
    )
    def test_must_be_a_number(self, verify, exp):
        refused(verify, {"exp": exp}, "exp")

    @pytest.mark.parametrize("text", ["1e999", "-1e999", "NaN", "Infinity", "null", "1" * 5000])
    def test_must_be_finite_and_present(self, ec_issuer, clock, text):
        verifier = JWTVerifier(
            issuer=ISSUER,
            audience=None,
            algorithms=["ES256"],
            keys=ec_issuer.key_set(),
            clock=clock,
        )
        header = json.dumps({"alg": "ES256", "kid": ec_issuer.key_id}).encode()
        with pytest.raises(errors.InvalidTokenError):
            verifier.verify(ec_issuer.sign(header, f'{{"iss":"{ISSUER}","exp":{text}}}'.encode()))

    def test_is_required(self, verify):
        refused(verify, {"exp": None}, "exp")

    def test_ends_at_the_second(self, verify):
        assert verify({"exp": NOW + 1})
        assert verify({"exp": NOW + 0.5})
        for exp in (NOW, NOW - 1, 0, -1):
            with pytest.raises(errors.TokenExpiredError):
                verify({"exp": exp})

    def test_has_a_leeway_only_when_told_so(self, verify):
        assert verify({"exp": NOW - 9}, leeway_seconds=10)
        with pytest.raises(errors.TokenExpiredError):
            verify({"exp": NOW - 10}, leeway_seconds=10)


class TestNotBeforeAndIssuedAt:
    @pytest.mark.parametrize("name", ["nbf", "iat"])
    def test_may_lie_thirty_seconds_ahead(self, verify, name):
        assert verify({name: NOW + 30})
        with pytest.raises(errors.TokenNotYetValidError, match=name):
            verify({name: NOW + 31})

    @pytest.mark.parametrize("name", ["nbf", "iat"])
    def test_has_a_leeway_of_its_own(self, verify, name):
        with pytest.raises(errors.TokenNotYetValidError):
            verify({name: NOW + 1}, not_before_leeway_seconds=0, leeway_seconds=600)

    @pytest.mark.parametrize("name", ["nbf", "iat"])
    @pytest.mark.parametrize("value", ["1", True, [], 2**60])
    def test_must_be_a_number(self, verify, name, value):
        refused(verify, {name: value}, name)

    def test_may_be_absent(self, verify):
        assert verify({"iat": None})

    def test_an_age_makes_iat_required(self, verify):
        refused(verify, {"iat": None}, "iat", max_token_age_seconds=60)

    def test_an_age_is_enforced(self, verify):
        assert verify({"iat": NOW - 59}, max_token_age_seconds=60)
        with pytest.raises(errors.TokenExpiredError, match="max_token_age_seconds"):
            verify({"iat": NOW - 60}, max_token_age_seconds=60)


class TestIssuer:
    """CVE-2024-53861: no prefix, no list, no case folding, no normalization."""

    @pytest.mark.parametrize(
        "iss",
        [
            ISSUER + "/",
            ISSUER[:-1],
            ISSUER.upper(),
            [ISSUER],
            {"a": ISSUER},
            "",
            None,
            True,
            ISSUER + "\u200b",
        ],
    )
    def test_is_exact(self, verify, iss):
        refused(verify, {"iss": iss}, "iss")

    def test_may_be_one_of_several(self, verify):
        assert verify({}, issuer=["https://other.example", ISSUER]).issuer == ISSUER

    def test_is_skipped_only_by_an_explicit_none(self, verify, ec_issuer):
        assert verify({"iss": "anyone"}, issuer=None).issuer == "anyone"
        assert verify({"iss": ["a"]}, issuer=None).issuer is None
        with pytest.raises(TypeError):
            JWTVerifier(audience=None, algorithms=["ES256"], keys=ec_issuer.key_set())


class TestAudience:
    @pytest.mark.parametrize("aud", ["orders", ["orders"], ["other", "orders"]])
    def test_one_must_be_the_expected(self, verify, aud):
        assert verify({"aud": aud}, audience="orders")

    @pytest.mark.parametrize(
        "aud",
        [None, "Orders", "order", [], ["other"], [["orders"]], {"orders": 1}, 1, ["orders", 1]],
    )
    def test_anything_else_is_refused(self, verify, aud):
        refused(verify, {"aud": aud}, "aud", audience=["orders", "billing"])

    def test_is_skipped_only_by_an_explicit_none(self, verify, ec_issuer):
        assert verify({"aud": "anyone"}, audience=None)
        with pytest.raises(TypeError):
            JWTVerifier(issuer=None, algorithms=["ES256"], keys=ec_issuer.key_set())


class TestClient:
    def test_is_exact(self, verify):
        assert verify({"client_id": "web"}, client_id=["web", "app"])
        for client in ("We", "webb", ["web"], None, 1):
            refused(verify, {"client_id": client}, "client_id", client_id="web")


class TestType:
    @pytest.mark.parametrize("typ", ["at+jwt", "AT+JWT", "application/at+jwt", None])
    def test_the_expected_one_or_none_at_all(self, verify, typ):
        assert verify({}, headers={"typ": typ}, typ="at+jwt")

    @pytest.mark.parametrize("typ", ["JWT", "id+jwt", ""])
    def test_another_is_refused(self, verify, typ):
        """RFC 8725, section 3.11: an ID token is no access token."""
        with pytest.raises(errors.InvalidTokenError, match="typ"):
            verify({}, headers={"typ": typ}, typ="at+jwt")

    def test_must_be_text(self, verify):
        with pytest.raises(errors.InvalidTokenError):
            verify({}, headers={"typ": ["at+jwt"]})


class TestScopes:
    @pytest.mark.parametrize("scope", ["read write", "write extra read", ["read", "write"]])
    def test_all_of(self, verify, scope):
        assert verify({"scope": scope}, all_scopes=["read", "write"])

    @pytest.mark.parametrize(
        "scope", [None, "", "read", "readwrite", "Read Write", "read,write", "read\twrite"]
    )
    def test_all_of_and_one_is_missing(self, verify, scope):
        with pytest.raises(errors.InsufficientScopeError):
            verify({"scope": scope}, all_scopes=["read", "write"])

    def test_any_of(self, verify):
        assert verify({"scope": "read"}, any_scope=["read", "write"])
        with pytest.raises(errors.InsufficientScopeError):
            verify({"scope": "readwrite"}, any_scope=["read", "write"])

    @pytest.mark.parametrize("scope", [1, {"read": 1}, ["read", 1], True])
    def test_must_be_text_or_texts(self, verify, scope):
        refused(verify, {"scope": scope}, "scope", any_scope="read")


class TestGroups:
    def test_any_of(self, verify):
        assert verify({"cognito:groups": ["a", "b"]}, any_group=["b", "c"])
        for groups in (["a"], [], None):
            with pytest.raises(errors.AccessDeniedError):
                verify({"cognito:groups": groups}, any_group=["b", "c"])

    def test_of_another_claim(self, verify):
        assert verify({"roles": ["admin"]}, any_group="admin", groups_claim="roles")

    @pytest.mark.parametrize("groups", ["admin", "[admin]", {"admin": 1}, ["admin", 1]])
    def test_must_be_a_list_of_texts(self, verify, groups):
        refused(verify, {"cognito:groups": groups}, "cognito:groups", any_group="admin")


class TestConfiguration:
    @pytest.mark.parametrize(
        "options",
        [
            {"issuer": ""}, {"issuer": []}, {"audience": [""]}, {"audience": [1]},
            {"client_id": 7}, {"issuer": [None]},
            {"leeway_seconds": -1}, {"leeway_seconds": 601},
            {"not_before_leeway_seconds": float("nan")},
            {"max_token_age_seconds": 0}, {"max_token_age_seconds": float("nan")}, {"remember": -1},
            {"remember_bytes": -1}, {"all_scopes": []}, {"any_group": 1},
        ],
    )  # fmt: skip
    def test_what_makes_no_sense_fails_at_construction(self, verify, options):
        with pytest.raises(errors.ConfigurationError):
            verify({}, **options)

    @pytest.mark.parametrize("name", ["leeway_seconds", "not_before_leeway_seconds"])
    def test_a_leeway_is_named_as_the_argument_that_gives_it(self, verify, name):
        with pytest.raises(errors.ConfigurationError, match=f"`{name}`"):
            verify({}, **{name: 601})
        assert verify({}, **{name: 600})

    def test_an_age_may_be_a_part_of_a_second(self):
        assert TimeRules(max_token_age_seconds=0.5).max_token_age_seconds == 0.5


class TestTimes:
    """The rules by themselves: a verifier asks `window` first, and `check` only outside of it."""

    @pytest.mark.parametrize("date", [2**53, -(2**53), 2.0**53, -(2.0**53), 0, 1.5])
    def test_every_finite_date_up_to_2_to_the_53_is_read(self, date):
        claims = {"exp": date, "nbf": date, "iat": date}
        assert TimeRules().read(claims) == (date, date, date)

    @pytest.mark.parametrize("name", ["exp", "nbf", "iat"])
    @pytest.mark.parametrize("date", [2**53 + 1, -(2**53) - 1, inf, -inf, float("nan"), None, "1"])
    def test_anything_else_is_no_date(self, name, date):
        with pytest.raises(errors.InvalidClaimError, match="is not a number of seconds") as caught:
            TimeRules().read({"exp": NOW, name: date})
        assert caught.value.claim == name

    def test_the_window_is_where_the_check_passes(self):
        dates = (None, NOW - 90, NOW, NOW + 40)
        rules = [
            TimeRules(
                expiry_leeway_seconds=late,
                not_before_leeway_seconds=early,
                max_token_age_seconds=age,
            )
            for late, early, age in itertools.product((0, 7), (0, 30), (None, 60))
        ]
        moments = [NOW + step for step in (*range(-140, 100, 5), -0.5, 0.5, 6.5, 7)]
        for rule, not_before, issued_at in itertools.product(rules, dates, dates):
            times = (NOW, not_before, issued_at)
            start, end = rule.window(times)
            for moment in moments:
                try:
                    rule.check(times, moment)
                    passes = True
                except (errors.TokenExpiredError, errors.TokenNotYetValidError):
                    passes = False
                assert passes is (start <= moment < end), (rule, times, moment)

    def test_the_window_begins_and_ends_at_the_second(self):
        rules = TimeRules(expiry_leeway_seconds=7, max_token_age_seconds=60)
        assert rules.window((NOW, None, None)) == (-inf, NOW + 7)
        assert rules.window((NOW, NOW - 50, NOW - 90)) == (NOW - 80, NOW - 30)
        assert rules.window((NOW, NOW - 90, NOW - 50)) == (NOW - 80, NOW + 7)

    @pytest.mark.parametrize("times", [(NOW + 90, NOW + 30, None), (NOW + 90, None, NOW + 30)])
    def test_the_leeway_ends_after_its_last_second(self, times):
        TimeRules().check(times, NOW)
        with pytest.raises(errors.TokenNotYetValidError):
            TimeRules().check(times, NOW - 0.5)

    def test_a_clock_that_says_nan_accepts_nothing(self):
        with pytest.raises(errors.TokenExpiredError):
            TimeRules().check((NOW, None, None), float("nan"))


class TestWhatAnErrorSays:
    @pytest.mark.parametrize(
        ("options", "name"), [({}, "iss"), ({"client_id": "web"}, "client_id")]
    )
    def test_missing_or_another(self, verify, options, name):
        with pytest.raises(errors.InvalidClaimError, match=f"^`{name}` is missing$"):
            verify({name: None}, **options)
        with pytest.raises(errors.InvalidClaimError, match=f"^`{name}` is not the expected one$"):
            verify({name: "x"}, **options)

    @pytest.mark.parametrize("aud", ["x", ("x",)])
    @pytest.mark.parametrize("cognito", [True, False])
    def test_the_audience(self, aud, cognito):
        rules = ClaimRules(issuers=None, audiences=frozenset({"orders"}), cognito=cognito)
        with pytest.raises(errors.InvalidClaimError, match=r"^`aud` is not the expected one$"):
            rules.check(None, {"aud": aud, "token_use": "access"})

    def test_the_use_of_a_token(self):
        rules = ClaimRules(issuers=None, audiences=None, cognito=True)
        with pytest.raises(errors.InvalidClaimError, match=r"it must be `access` or `id`$"):
            rules.check(None, {"token_use": "refresh"})


ONE = frozenset({"one"})
USE = {"token_use": "access"}
TOLD = [
    # what is asked, the claims, the claim that is wrong, and what was expected by its argument
    ({"type": "at+jwt"}, {}, None, {"typ": "at+jwt"}),
    ({"issuers": ONE}, {"iss": "x"}, "iss", {"issuer": ONE}),
    ({"audiences": ONE}, {"aud": "x"}, "aud", {"audience": ONE}),
    ({"clients": ONE}, {"client_id": "x"}, "client_id", {"client_id": ONE}),
    ({"access_only": True}, {"aud": "x"}, "client_id", {}),
    ({"access_only": True}, {"typ": "ID", "azp": "x"}, "typ", {}),
    ({"cognito": True}, {}, "token_use", {"token_use": ("access", "id")}),
    ({"cognito": True, "token_use": "id"}, USE, "token_use", {"token_use": "id"}),
    ({"cognito": True, "clients": ONE}, USE | {"client_id": "x"}, "client_id", {"client_id": ONE}),
    ({"cognito": True, "audiences": ONE}, USE | {"aud": "x"}, "aud", {"audience": ONE}),
    ({"all_scopes": ONE}, {"scope": "x"}, None, {"all_scopes": ONE}),
    ({"any_scope": ONE}, {"scope": "x"}, None, {"any_scope": ONE}),
    ({"any_group": ONE}, {}, None, {"any_group": ONE, "groups_claim": "cognito:groups"}),
    (
        {"any_group": ONE, "groups_claim": ("realm_access", "roles")},
        {},
        None,
        {"any_group": ONE, "groups_claim": shown_path(("realm_access", "roles"))},
    ),
]


class TestWhatAnErrorNames:
    """The argument that asks for it, with what it asks for; nothing that the token says."""

    @pytest.mark.parametrize(("asked", "claims", "claim", "configured"), TOLD)
    def test_of_a_claim(self, asked, claims, claim, configured):
        rules = ClaimRules(**{"issuers": None, "audiences": None, **asked})
        with pytest.raises(errors.AuthzError) as caught:
            rules.check("jwt", claims)
        assert getattr(caught.value, "claim", None) == claim
        assert caught.value.configured == configured
        assert str(caught.value)
        assert claim is None or f"`{claim}`" in str(caught.value)

    def test_an_audience_of_no_kind(self):
        rules = ClaimRules(issuers=None, audiences=ONE)
        for aud in (None, 7, ("a", 7)):
            with pytest.raises(errors.InvalidClaimError, match=r"expected one; it is missing, or"):
                rules.check(None, {"aud": aud})

    @pytest.mark.parametrize(
        ("asked", "times", "message", "configured"),
        [
            (
                {"expiry_leeway_seconds": 5},
                (NOW - 5, None, None),
                "the token has expired",
                {"leeway_seconds": 5},
            ),
            (
                {"max_token_age_seconds": 60},
                (NOW + 9, None, NOW - 60),
                "the token is older than `max_token_age_seconds`",
                {"max_token_age_seconds": 60},
            ),
            (
                {},
                (NOW + 99, NOW + 31, None),
                "`nbf` lies in the future",
                {"not_before_leeway_seconds": 30.0},
            ),
            (
                {"not_before_leeway_seconds": 2},
                (NOW + 99, None, NOW + 3),
                "`iat` lies in the future",
                {"not_before_leeway_seconds": 2},
            ),
        ],
    )
    def test_of_a_date(self, asked, times, message, configured):
        with pytest.raises(errors.AuthzError) as caught:
            TimeRules(**asked).check(times, NOW)
        assert str(caught.value) == message
        assert caught.value.configured == configured

    @pytest.mark.parametrize(
        ("name", "argument"),
        [("signer", "load_balancer_arn"), ("client", "client_id"), ("iss", "issuer")],
    )
    def test_of_a_header(self, name, argument):
        rules = HeaderRules(signers=ONE, clients=ONE, issuers=ONE)
        header = {"signer": "one", "client": "one", "iss": "one"}
        rules.check(header)
        with pytest.raises(errors.InvalidClaimError, match=f"`{name}`") as caught:
            rules.check(header | {name: "x"})
        assert caught.value.claim == name
        assert caught.value.configured == {argument: ONE}


class TestHeaderDates:
    """A load balancer signs `exp` in the header; the claims may bring dates of their own."""

    RULES = HeaderRules(signers=frozenset({"arn"}), clients=None, issuers=None)

    @pytest.mark.parametrize(("outer", "inner"), [(5, 9), (9, 5), (5, None)])
    def test_the_earlier_end_counts(self, outer, inner):
        claims = {"nbf": 1, "iat": 2} | ({} if inner is None else {"exp": inner})
        assert self.RULES.read({"exp": outer}, claims) == (5, 1, 2)

    def test_the_header_must_have_one(self):
        with pytest.raises(errors.InvalidClaimError) as caught:
            self.RULES.read({}, {"exp": 5})
        assert caught.value.claim == "exp"
