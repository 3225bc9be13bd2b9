"""The short way to a question makes the same one as the long way."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from authz_lib.decisions.request import AuthorizationRequest
from authz_lib.decisions.vocabulary import Vocabulary
from authz_lib.entities import EntityUid
from authz_lib.errors import InvalidRequestError
from authz_lib.principal import Principal

names = st.text(st.sampled_from('ab|:"\\é\n'), min_size=1, max_size=6)
callers = st.builds(
    Principal,
    subject=names,
    groups=st.lists(names, unique=True, max_size=3).map(tuple),
    tenant_id=st.none() | names,
    expires_at=st.none() | st.floats(0, 2e9),
)


@given(callers, names, st.builds(EntityUid, st.sampled_from(["Order", "User", "Group"]), names))
def test_a_caller_s_question_is_that_of_the_request(caller, action, resource):
    vocabulary = Vocabulary(
        action_type="Action", principal_type="User", group_type="Group", principal_id="sub"
    )
    long = vocabulary.question(AuthorizationRequest(caller, action, resource))
    short = vocabulary.caller_question(caller, action, resource)
    assert short == long
    assert short.canonical_text == long.canonical_text


@given(callers, names, names, names)
def test_a_question_about_another_resource_is_the_one_that_is_asked_anew(caller, action, one, two):
    vocabulary = Vocabulary(
        action_type="Action", principal_type="User", group_type="Group", principal_id="sub"
    )
    first = vocabulary.caller_question(caller, action, EntityUid("Order", one))
    other = EntityUid("Order", two)
    assert first.about(other) == vocabulary.caller_question(caller, action, other)
    assert first.about(other).canonical_text == (
        vocabulary.caller_question(caller, action, other).canonical_text
    )


@given(callers, names, st.floats(0, 2e9))
def test_a_question_with_another_end_differs_in_nothing_else(caller, action, end):
    vocabulary = Vocabulary(
        action_type="Action", principal_type="User", group_type="Group", principal_id="sub"
    )
    question = vocabulary.caller_question(caller, action, EntityUid("Order", "1"))
    later = question.until(end)
    assert later.expires_at == end
    assert later.canonical_text == question.canonical_text
    assert later.until(question.expires_at) == question


@pytest.mark.parametrize(
    "parts",
    [
        {"expires_at": "soon"},
        {"expires_at": float("nan")},
        {"entities": 5},
        {"entities": None},
        {"entities": [1]},
        {"context": []},
    ],
)
def test_a_part_of_another_type_is_a_documented_error(parts):
    vocabulary = Vocabulary(
        action_type="Action", principal_type="User", group_type="Group", principal_id="sub"
    )
    alice, order = EntityUid("User", "alice"), EntityUid("Order", "1")
    with pytest.raises(InvalidRequestError):
        vocabulary.question(AuthorizationRequest(alice, "Read", order, **parts))
