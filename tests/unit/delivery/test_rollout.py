from __future__ import annotations

import logging

import pytest

from authz_lib.delivery import RolloutFlag
from authz_lib.errors import ConfigurationError, InvalidRequestError

KEYS = [f"job-{number}" for number in range(100_000)]


def test_within_one_percent_sticky_and_monotone():
    inside = {
        share: {key for key in KEYS if RolloutFlag("USE_API_GATEWAY", percentage=share)(key)}
        for share in (1, 10, 50)
    }
    assert abs(len(inside[10]) / len(KEYS) - 0.10) < 0.01
    assert abs(len(inside[50]) / len(KEYS) - 0.50) < 0.01
    assert inside[1] < inside[10] < inside[50]
    again = RolloutFlag("USE_API_GATEWAY", percentage=10)
    assert inside[10] == {key for key in KEYS if again(key)}


def test_nobody_and_everybody():
    assert not any(map(RolloutFlag("F", percentage=0), KEYS[:2000]))
    assert all(map(RolloutFlag("F"), KEYS[:2000]))
    assert not any(map(RolloutFlag("F", enabled=False), KEYS[:2000]))


def test_the_smallest_step_counts():
    some = sum(map(RolloutFlag("F", percentage=0.01), KEYS))
    assert 0 < some < 40


def test_flags_and_salts_let_others_in():
    def inside(*args, **kwargs):
        return {key for key in KEYS[:5000] if RolloutFlag(*args, **kwargs)(key)}

    base = inside("F", percentage=10)
    for other in (inside("G", percentage=10), inside("F", percentage=10, salt="x")):
        assert len(base & other) < len(base) / 2
    assert inside("F1", percentage=10, salt="2") != inside("F", percentage=10, salt="12")


@pytest.mark.parametrize(
    "text",
    [
        "",
        " ",
        "10%",
        " 10",
        "10 ",
        "ten",
        "-1",
        "+1",
        "100.01",
        "101",
        "1000",
        "nan",
        "inf",
        "1e1",
        "1_0",
        "0x10",
        "10,5",
        ".5",
        "5.",
        "٣",
        "None",
        "true",
        "1.005",
    ],
)
def test_an_unparsable_percentage_is_nobody_and_a_warning(caplog, text):
    flag = RolloutFlag.from_env(
        environ={"USE_API_GATEWAY": "true", "USE_API_GATEWAY_PERCENTAGE": text}
    )
    assert flag.percentage == 0
    assert not any(map(flag, KEYS[:1000]))
    assert [
        (record.levelno, "USE_API_GATEWAY_PERCENTAGE" in record.getMessage())
        for record in caplog.records
    ] == [(logging.WARNING, True)]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("0", 0),
        ("10", 10),
        ("010", 10),
        ("50.5", 50.5),
        ("99.99", 99.99),
        ("100", 100),
        ("100.00", 100),
        (None, 100),
    ],
)
def test_a_percentage_applies_under_the_switch(caplog, text, expected):
    environ = {} if text is None else {"USE_API_GATEWAY_PERCENTAGE": text}
    assert (
        RolloutFlag.from_env(environ={"USE_API_GATEWAY": "true", **environ}).percentage == expected
    )
    assert RolloutFlag.from_env(environ={"USE_API_GATEWAY": "false", **environ}).percentage == 0
    assert RolloutFlag.from_env(environ=environ).percentage == 0
    assert caplog.records == []


@pytest.mark.parametrize("text", ["True", "TRUE", "1", "yes", "true ", "on"])
def test_only_the_exact_word_switches_on(caplog, text):
    assert RolloutFlag.from_env(environ={"USE_API_GATEWAY": text}).percentage == 0
    assert len(caplog.records) == 1


def test_the_process_environment_is_the_default(monkeypatch):
    monkeypatch.setenv("SOME_FLAG", "true")
    monkeypatch.setenv("SOME_FLAG_PERCENTAGE", "25")
    assert RolloutFlag.from_env("SOME_FLAG").percentage == 25


@pytest.mark.parametrize(
    "wrong",
    [
        {"percentage": -1},
        {"percentage": 100.5},
        {"percentage": float("nan")},
        {"percentage": True},
        {"percentage": "10"},
        {"name": ""},
        {"name": None},
        {"name": 5},
        {"enabled": "false"},
        {"enabled": "true"},
        {"enabled": None},
        {"enabled": 1},
        {"salt": None},
        {"salt": 5},
    ],
)
def test_a_wrong_argument_fails_at_construction(wrong):
    with pytest.raises(ConfigurationError):
        RolloutFlag(**{"name": "F", **wrong})


def test_an_empty_key_is_refused_and_any_text_is_taken():
    for key in ("", None, 7, b"k"):
        with pytest.raises(InvalidRequestError):
            RolloutFlag("F")(key)
    assert RolloutFlag("F")("\ud800é\0")
    assert repr(RolloutFlag("F", percentage=5)) == "RolloutFlag('F', enabled=True, percentage=5)"
