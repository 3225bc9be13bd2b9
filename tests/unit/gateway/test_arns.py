"""ARNs are kept without loss, and what a policy would read as more than itself does not enter
one.
"""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from authz_lib.errors import InvalidRequestError
from authz_lib.gateway import MethodArn

HEAD = "arn:aws:execute-api:eu-west-1:123456789012:abc/prod"


@pytest.mark.parametrize("partition", ["aws", "aws-us-gov", "aws-cn", "aws-iso-b"])
@pytest.mark.parametrize(
    "tail",
    ["GET/", "GET", "$connect", "$default/", "GET/a:b@c~d%20e", "GET//x//", "GET/é", "GET/*"],
)
def test_every_part_survives(partition, tail):
    text = f"arn:{partition}:execute-api:us-gov-west-1:123456789012:abc/prod/{tail}"
    arn = MethodArn.parse(text)
    assert str(arn) == text
    assert arn.partition == partition
    assert arn.everything == f"arn:{partition}:execute-api:us-gov-west-1:123456789012:abc/prod/*"


@given(st.text(st.characters(exclude_categories=["Cs"]), max_size=200))
def test_any_path_survives(path):
    text = f"{HEAD}/GET/{path}"
    try:
        arn = MethodArn.parse(text)
    except InvalidRequestError:
        assert len(text.encode()) > 1600
    else:
        assert str(arn) == text
        assert arn.path == f"/{path}"


@pytest.mark.parametrize(
    "text",
    [
        "",
        None,
        7,
        "arn:aws:execute-api:eu-west-1:123456789012:abc",
        "arn:aws:execute-api:eu-west-1:123456789012:abc/prod",
        "arn:aws:execute-api:eu-west-1::abc/prod/GET/",
        "arn:aws:execute-api:eu-west-1:12345678901a:abc/prod/GET/",
        "arn:aws:lambda:eu-west-1:123456789012:abc/prod/GET/",
        "arn:awsx:execute-api:eu-west-1:123456789012:abc/prod/GET/",
        "arn:aws:execute-api:eu-west-1:123456789012:a*/prod/GET/",
        "arn:aws:execute-api:eu-west-1:123456789012:abc//GET/",
        f"x{HEAD}/GET/",
        f"{HEAD}/GET/" + "a" * 1600,
        f"{HEAD}/GET/" + "é" * 800,
    ],
)
def test_what_is_no_method_arn_is_refused(text):
    with pytest.raises(InvalidRequestError) as caught:
        MethodArn.parse(text)
    assert caught.value.field == "methodArn"


@pytest.mark.parametrize(
    "path", ["*", "a?b", "a b", "a\nb", "a\x00", "a\x85", "${aws:x}", "a" * 500]
)
def test_what_must_not_enter_a_policy_does_not(path):
    with pytest.raises(InvalidRequestError):
        _ = MethodArn.parse(f"{HEAD}/GET/{path}").resource


def test_a_wildcard_stage_does_not_enter_a_policy():
    with pytest.raises(InvalidRequestError):
        _ = MethodArn.parse("arn:aws:execute-api:eu-west-1:123456789012:abc/*/GET/").resource


def test_what_may_enter_a_policy_names_only_itself():
    assert MethodArn.parse(f"{HEAD}/GET/a:b@c%20d").resource == f"{HEAD}/GET/a:b@c%20d"
