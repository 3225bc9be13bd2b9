"""The tree is the one that is drawn, and every error keeps its promises."""

from __future__ import annotations

import copy
import inspect
import pickle

import pytest

from authz_lib import errors

BUILD = {
    errors.InvalidClaimError: {"claim": "iss"},
    errors.BatchIncompleteError: {"results": ["decision", "error"]},
    errors.DeliveryError: {"outcome": "not_sent"},
}
CLASSES = [getattr(errors, name) for name in errors.__all__ if name != "AuthzError"]

# error, its parent, status, retryable: as drawn in the design
TREE = [
    ("ConfigurationError", "AuthzError", 500, False),
    ("AuthenticationError", "AuthzError", 401, False),
    ("MissingTokenError", "AuthenticationError", 401, False),
    ("AmbiguousTokenError", "AuthenticationError", 401, False),
    ("UntrustedEventError", "AuthenticationError", 401, False),
    ("InvalidTokenError", "AuthenticationError", 401, False),
    ("InvalidSignatureError", "InvalidTokenError", 401, False),
    ("InvalidAlgorithmError", "InvalidTokenError", 401, False),
    ("UnknownKeyError", "InvalidTokenError", 401, False),
    ("InvalidClaimError", "InvalidTokenError", 401, False),
    ("TokenExpiredError", "InvalidTokenError", 401, False),
    ("TokenNotYetValidError", "InvalidTokenError", 401, False),
    ("TokenRevokedError", "InvalidTokenError", 401, False),
    ("AccessDeniedError", "AuthzError", 403, False),
    ("InsufficientScopeError", "AccessDeniedError", 403, False),
    ("InvalidRequestError", "AuthzError", 400, False),
    ("DeliveryRejectedError", "AuthzError", 502, False),
    ("DependencyError", "AuthzError", 503, True),
    ("KeySetUnavailableError", "DependencyError", 503, True),
    ("PolicyStoreUnavailableError", "DependencyError", 503, True),
    ("PolicyStoreThrottledError", "DependencyError", 503, True),
    ("PolicyStoreMisconfiguredError", "DependencyError", 503, False),
    ("BatchIncompleteError", "DependencyError", 503, True),
    ("DeliveryError", "DependencyError", 503, True),
]


def test_the_tree_is_the_drawn_one():
    found = {(c.__name__, c.__bases__[0].__name__, c.status, c.retryable) for c in CLASSES}
    assert found == set(TREE)


def test_every_name_stands_in_the_drawing():
    for name in errors.__all__:
        assert name in (errors.__doc__ or "")


@pytest.mark.parametrize("cls", CLASSES, ids=lambda cls: cls.__name__)
def test_every_error_says_when_and_what_to_do(cls):
    summary, *rest = inspect.cleandoc(cls.__doc__ or "").splitlines()  # 3.13 has cleaned it
    assert summary.endswith(".")
    said = [line.split(":")[0] for line in rest if line.startswith(("When:", "What"))]
    assert said == ["When", "What to do"]


@pytest.mark.parametrize("cls", CLASSES, ids=lambda cls: cls.__name__)
def test_the_signature_names_the_message(cls):
    assert next(iter(inspect.signature(cls).parameters)) == "message"


def test_all_is_sorted_and_whole():
    public = {
        name
        for name, value in vars(errors).items()
        if isinstance(value, type) and issubclass(value, Exception)
    }
    assert errors.__all__ == sorted(errors.__all__)
    assert public == set(errors.__all__)


def test_codes_are_unique():
    codes = [cls.code for cls in [errors.AuthzError, *CLASSES]]
    assert len(codes) == len(set(codes))


def test_the_root_is_never_raised_itself():
    with pytest.raises(TypeError, match="never raised itself"):
        errors.AuthzError("no")


def test_a_configuration_error_is_a_value_error():
    assert issubclass(errors.ConfigurationError, ValueError)


@pytest.mark.parametrize("cls", CLASSES, ids=lambda cls: cls.__name__)
@pytest.mark.parametrize(
    "again", [copy.copy, copy.deepcopy, lambda error: pickle.loads(pickle.dumps(error))]
)
def test_an_error_survives_copying_and_pickling(cls, again):
    error = cls("fixed text", **BUILD.get(cls, {}))
    twin = again(error)
    assert type(twin) is cls
    assert str(twin) == "fixed text"
    assert vars(twin) == vars(error)


def test_extra_members_are_kept():
    assert errors.InvalidClaimError("x", claim="aud").claim == "aud"
    assert errors.InvalidRequestError("x").field is None
    assert errors.InvalidRequestError("x", field="action.actionId").field == "action.actionId"
    assert errors.BatchIncompleteError("x", results=[1, 2]).results == (1, 2)
    assert errors.DeliveryError("x", outcome="ambiguous").outcome == "ambiguous"
