"""`requests.yaml` is checked whole before anything is started."""

from __future__ import annotations

import pytest

from authz_lib.errors import ConfigurationError
from authz_local.scenario import Scenario, TokenRecipe

GOOD = """
user_pool: {output: Pool, clients: {web: Web}, users: {alice: {groups: [g]}}}
requests:
  - {name: one, call: "GET ${Url}/x", as: alice, expect: {status: 200, json: {id: "1"}}}
  - name: two
    call: "GET ${Url}/x"
    token: {text: garbage, header: x-token}
    expect: {status: 401, reached: false}
  - {name: three, call: "GET ${Url}/x", expect: {status: 401}}
"""
NO_CLIENT = "{user: alice, client: nope}"


def load(tmp_path, text):
    (tmp_path / "requests.yaml").write_text(text)
    return Scenario.load(tmp_path / "requests.yaml")


def test_a_good_document_is_read(tmp_path):
    one, two, three = load(tmp_path, GOOD).requests
    assert one.recipe() == TokenRecipe(user="alice")
    assert one.expect.body == {"id": "1"}
    assert two.recipe() == TokenRecipe(text="garbage", header="x-token")
    assert three.recipe() is None


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("requests: [", "requests.yaml:1:12: the document is not YAML"),
        ("[]", "`document`"),
        ("reqests: []", "requests.yaml:1:1: `reqests`"),
        (
            "requests: [{name: x, call: FETCH /x, expect: {status: 200}}]",
            ":1:22: `requests.0.call`",
        ),
        (
            "requests: [{name: x, call: GET /x, expect: {status: 99}}]",
            ":1:45: `requests.0.expect.status`",
        ),
        (
            "requests: [{name: x, call: GET /x, expect: {}}]",
            ":1:36: `requests.0.expect.status`",
        ),
        ("requests: [{name: x, expect: {status: 200}}]", "a `call` or an `invoke`"),
        (
            "requests: [{name: x, call: GET /x, invoke: F, expect: {status: 200}}]",
            "a `call` or an `invoke`",
        ),
        (
            "requests: [{name: x, invoke: F, token: {text: t}, expect: {status: 200}}]",
            "no token and no headers",
        ),
        ("region: Moon", "`region`"),
        (
            "requests: [{name: x, call: GET /x, token: {}, expect: {status: 200}}]",
            "either a `user` or a `text`",
        ),
        (
            "requests: [{name: x, call: GET /x, as: a, token: {user: a}, expect: {status: 200}}]",
            "`as` or `token`, not both",
        ),
        (
            "requests: [{name: x, call: GET /x, as: mallory, expect: {status: 200}}]",
            "requests.yaml:1:12: .* unknown user `mallory`",
        ),
        (
            f"{GOOD}  - {{name: x, call: GET /x, expect: {{status: 200}}, token: {NO_CLIENT}}}",
            "client `nope`",
        ),
    ],
)
def test_a_broken_document_is_one_clear_line(tmp_path, text, message):
    with pytest.raises(ConfigurationError, match=message) as caught:
        load(tmp_path, text)
    assert "\n" not in str(caught.value)


def test_dates_are_text_as_in_json(tmp_path):
    day = "{day: 2026-01-01}"
    row = f"{{name: x, call: GET /x, body: {day}, expect: {{status: 200, json: {day}}}}}"
    (row,) = load(tmp_path, f"requests: [{row}]").requests
    assert row.body == row.expect.body == {"day": "2026-01-01"}


def test_a_missing_document_says_so(tmp_path):
    with pytest.raises(ConfigurationError, match=r"requests\.yaml` cannot be read"):
        Scenario.load(tmp_path / "requests.yaml")


def test_a_job_may_be_polled_and_other_templates_come_before(tmp_path):
    row = "{name: x, call: GET /x, within_seconds: 30, expect: {status: 200}}"
    scenario = load(tmp_path, f"before: [identity.yaml]\nrequests: [{row}]")
    assert scenario.before == ["identity.yaml"]
    assert scenario.requests[0].within_seconds == 30


@pytest.mark.parametrize("seconds", [0, -1, 301, "soon"])
def test_a_job_is_not_polled_for_ever(tmp_path, seconds):
    text = (
        f"requests: [{{name: x, call: GET /x, within_seconds: {seconds}, expect: {{status: 200}}}}]"
    )
    with pytest.raises(ConfigurationError, match="within_seconds"):
        load(tmp_path, text)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (GOOD + "requests: []", "requests.yaml:10:1: .*the key `requests` is there twice"),
        (
            "requests:\n- {name: x, call: GET /x, expect: {status: 200,\n status: 201}}",
            "requests.yaml:3:2: .*the key `status`",
        ),
        ("requests:\n  - {\n", "requests.yaml:3:1: the document is not YAML"),
        ("[" * 5000 + "]" * 5000, "requests.yaml:1:65: the document is nested too deeply"),
    ],
)
def test_a_row_is_never_dropped_without_a_word(tmp_path, text, message):
    with pytest.raises(ConfigurationError, match=message) as caught:
        load(tmp_path, text)
    assert "\n" not in str(caught.value)


def test_what_is_merged_in_may_be_overridden(tmp_path):
    rows = """
requests:
  - &one {name: one, call: GET /x, expect: {status: 200}}
  - &two {<<: *one, name: two}
  - {<<: [*two, *one], name: three, expect: {status: 201}}
"""
    _, two, three = load(tmp_path, rows).requests
    assert (two.name, two.call, three.name, three.expect.status) == ("two", "GET /x", "three", 201)
