"""Macros and loops."""

from __future__ import annotations

import pytest


@pytest.mark.parametrize(
    ("head", "message"),
    [
        ("Transform: MyMacro", "the macro `MyMacro` was not seen"),
        ("Transform: [AWS::LanguageExtensions, {Name: Mine}]", "the macro `Mine` was not seen"),
        ("Transform: AWS::LanguageExtensions", None),
        ("Description: x", None),
    ],
)
def test_a_macro_may_change_everything(audit, head, message):
    file = audit(f"{head}\nResources: {{B: {{Type: AWS::S3::Bucket}}}}")
    assert [one.message.partition(":")[0] for one in file.findings] == (
        [message] if message else []
    )
    assert all(one.line == 1 for one in file.findings)


def test_what_a_loop_makes_is_not_seen(audit):
    text = """
    Transform: AWS::LanguageExtensions
    Resources:
      Fn::ForEach::Urls:
        - Name
        - [A, B]
        - Url${Name}: {Type: AWS::Lambda::Url, Properties: {AuthType: NONE}}
    """
    (finding,) = audit(text).findings
    assert (finding.rule, finding.line) == ("not-seen", 3)


def test_what_a_module_makes_is_not_seen(audit):
    file = audit("Resources: {Orders: {Type: 'Mine::Orders::Api::MODULE', Properties: {}}}")
    (finding,) = file.findings
    assert (finding.rule, finding.resource) == ("not-seen", "Orders")
