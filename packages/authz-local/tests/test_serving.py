"""URLs that resolve here."""

from __future__ import annotations

import pytest

from authz_local.deployment import local_url
from authz_local.serving import _loopback, print_description, variable


@pytest.mark.parametrize(
    ("on_aws", "here", "loopback"),
    [
        (
            "https://a1b2.execute-api.eu-west-1.amazonaws.com",
            "http://a1b2.execute-api.localhost:4566",
            "http://127.0.0.1:4566/_aws/execute-api/a1b2/$default",
        ),
        (
            "https://a1b2.execute-api.us-gov-west-1.amazonaws.com/prod/",
            "http://a1b2.execute-api.localhost:4566/prod",
            "http://127.0.0.1:4566/_aws/execute-api/a1b2/prod",
        ),
        (
            "https://x7y.lambda-url.eu-west-1.on.aws/",
            "http://x7y.lambda-url.eu-west-1.localhost:4566/",
            "http://127.0.0.1:4566/_aws/lambda-url/x7y/",
        ),
        ("https://app.example.com", "https://app.example.com", None),
        ("us-east-1_Abc", "us-east-1_Abc", None),
    ],
)
def test_a_url_of_aws_is_one_here(on_aws, here, loopback):
    assert local_url(on_aws, 4566) == here
    assert _loopback(here) == loopback


def test_what_is_printed_has_a_form(capsys):
    print_description(
        {
            "outputs": {"Url": "http://a.execute-api.localhost:1", "Pool": "p"},
            "loopback": {"Url": "http://127.0.0.1:1/_aws/execute-api/a/$default"},
            "tokens": {"ALICE": "eyJ"},
            "requests": [{"name": "own order", "line": "curl -i -X GET http://x"}],
        }
    )
    assert capsys.readouterr().out.splitlines() == [
        "Url = http://a.execute-api.localhost:1",
        "Pool = p",
        (
            "# Url, where `*.localhost` does not resolve: "
            "http://127.0.0.1:1/_aws/execute-api/a/$default"
        ),
        "",
        "ALICE='eyJ'",
        "",
        "# own order",
        "curl -i -X GET http://x",
    ]


def test_a_user_s_variable_is_one_of_the_shell():
    assert variable("big-admins user") == "BIG_ADMINS_USER"
