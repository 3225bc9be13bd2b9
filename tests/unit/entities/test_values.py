"""What is taken in as a Cedar value, and what is refused."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal, localcontext
from enum import Enum, IntEnum, StrEnum
from ipaddress import ip_address, ip_interface, ip_network
from pathlib import Path

import cedarpy
import pytest

import authz_lib
from authz_lib.entities import (
    CedarDatetime,
    CedarDecimal,
    CedarDuration,
    CedarIp,
    EntityUid,
    freeze_record,
    freeze_value,
)
from authz_lib.errors import InvalidRequestError


class Colour(StrEnum):
    RED = "red"


class Level(IntEnum):
    HIGH = 3


class Role(str, Enum):  # noqa: UP042  (the older spelling is the case)
    ADMIN = "admin"


@pytest.mark.parametrize(
    ("given", "frozen"),
    [
        (True, True),
        (-(2**63), -(2**63)),
        (2**63 - 1, 2**63 - 1),
        ("Zoë", "Zoë"),
        (Colour.RED, "red"),
        (Role.ADMIN, "admin"),
        (Level.HIGH, 3),
        (["a", 1], ("a", 1)),
        (EntityUid("User", "a"), EntityUid("User", "a")),
        (Decimal(12), CedarDecimal("12.0")),
        (Decimal("-0.10"), CedarDecimal("-0.1")),
        (Decimal("1E+3"), CedarDecimal("1000.0")),
        (Decimal("1.23450"), CedarDecimal("1.2345")),
        (Decimal("922337203685477.5807"), CedarDecimal("922337203685477.5807")),
        (ip_address("10.0.0.1"), CedarIp("10.0.0.1")),
        (ip_network("10.0.0.0/8"), CedarIp("10.0.0.0/8")),
        (ip_interface("10.1.2.3/8"), CedarIp("10.1.2.3/8")),
        (ip_address("::ffff:1.2.3.4"), CedarIp("0:0:0:0:0:ffff:102:304")),
        (ip_network("2001:db8::/32"), CedarIp("2001:db8:0:0:0:0:0:0/32")),
        (
            datetime(2026, 1, 2, 3, 4, 5, 6000, tzinfo=UTC),
            CedarDatetime("2026-01-02T03:04:05.006Z"),
        ),
        (
            datetime(2026, 1, 2, 3, tzinfo=timezone(timedelta(hours=2))),
            CedarDatetime("2026-01-02T01:00:00.000Z"),
        ),
        (timedelta(days=-1, milliseconds=5), CedarDuration("-86399995ms")),
    ],
)
def test_a_python_value_becomes_its_cedar_value(given, frozen):
    result = freeze_value(given)
    assert result == frozen
    assert type(result) is type(frozen)


@pytest.mark.parametrize(
    "given",
    [
        None,
        1.0,
        float("nan"),
        b"bytes",
        NotImplemented,
        2**63,
        -(2**63) - 1,
        "\ud800",
        ["ok", {"deep": [None]}],
        {1: "x"},
        {"__entity": {"type": "User", "id": "root"}},
        {"a": [{"__extn": {}}]},
        {"a": {"b": {"__expr": "true"}}},
        {"\ud800": 1},
        Decimal("1.23456"),
        Decimal("NaN"),
        Decimal("-Infinity"),
        Decimal("922337203685477.5808"),
        Decimal("1E+999999"),
        Decimal("1E-999999"),
        datetime(2026, 1, 1),  # noqa: DTZ001
        datetime(2026, 1, 1, microsecond=1, tzinfo=UTC),
        datetime.max.replace(microsecond=0, tzinfo=timezone(timedelta(hours=-1))),
        timedelta(microseconds=1),
        ip_address("fe80::1%eth0"),
        ip_interface("fe80::1%eth0/64"),
    ],
    ids=repr,
)
def test_what_cedar_does_not_have_is_refused(given):
    with pytest.raises(InvalidRequestError):
        freeze_value(given)


def test_a_decimal_is_not_rounded_by_the_caller_s_context():
    with localcontext() as context:
        context.prec = 3
        assert freeze_value(Decimal("12345.6789")) == CedarDecimal("12345.6789")


def test_the_error_says_where_and_never_what():
    with pytest.raises(InvalidRequestError) as raised:
        freeze_record({"order": {"lines": [{"price": 1.5}], "note": "secret"}}, where="context")
    assert raised.value.field == "context.order.lines[].price"
    with pytest.raises(InvalidRequestError) as raised:
        freeze_record({"alice@example.com": None}, where="context")
    assert raised.value.field == "context[...]"
    assert "alice" not in str(raised.value)


def test_a_value_that_contains_itself_is_refused_not_a_crash():
    loop: list[object] = []
    loop.append(loop)
    with pytest.raises(InvalidRequestError, match="32 levels"):
        freeze_value(loop)


def test_a_frozen_record_does_not_follow_its_source():
    source = {"list": [1], "record": {"x": 1}}
    frozen = freeze_value(source)
    source["list"].append(2)
    source["record"]["x"] = 2
    assert frozen["list"] == (1,)
    assert frozen["record"]["x"] == 1
    with pytest.raises(TypeError):
        frozen["record"]["x"] = 3


@pytest.mark.parametrize(
    "type_",
    ["", "User Type", "User::", "::User", "1User", "Üser", "in", "A::__cedar", "x" * 201, 7, None],
)
def test_a_type_must_be_a_cedar_type(type_):
    with pytest.raises(InvalidRequestError) as raised:
        EntityUid(type_, "a")
    assert raised.value.field == "type"


@pytest.mark.parametrize("id_", ["", "x" * 613, "\udfff", 17, None, b"a"])
def test_an_id_must_be_an_id(id_):
    with pytest.raises(InvalidRequestError) as raised:
        EntityUid("User", id_)
    assert raised.value.field == "id"


def test_an_id_may_be_a_member_of_a_str_enum_and_is_then_plain():
    assert type(EntityUid("User", Role.ADMIN).id) is str
    assert EntityUid("User", Role.ADMIN) == EntityUid("User", "admin")


@pytest.mark.parametrize(
    ("wrapper", "text"),
    [
        (CedarIp, "10.0.0.256"),
        (CedarIp, "10.0.0.0/33"),
        (CedarIp, "10.0.0.0/255.0.0.0"),
        (CedarIp, "::ffff:1.2.3.4"),
        (CedarIp, "fe80::1%eth0"),
        (CedarIp, "10.0.0.0/08"),
        (CedarIp, 7),
        (CedarDecimal, "1"),
        (CedarDecimal, "1.23456"),
        (CedarDecimal, "+1.0"),
        (CedarDecimal, "1.0\n"),
        (CedarDecimal, "922337203685477.5808"),
        (CedarDecimal, None),
        (CedarDatetime, "2026-13-01"),
        (CedarDatetime, "2026-01-01T25:00:00Z"),
        (CedarDatetime, "2026-01-01T00:00:00"),
        (CedarDatetime, "2026-01-01T00:00:00+0260"),
        (CedarDatetime, None),
        (CedarDuration, ""),
        (CedarDuration, "-"),
        (CedarDuration, "1s1h"),
        (CedarDuration, "9223372036854775808ms"),
        (CedarDuration, 1),
    ],
)
def test_a_wrapper_refuses_what_cedar_would_not_read(wrapper, text):
    with pytest.raises(InvalidRequestError):
        wrapper(text)


@pytest.mark.parametrize(
    ("wrapper", "function", "text", "fits"),
    [
        (CedarDatetime, "datetime", "0000-01-01", True),
        (CedarDatetime, "datetime", "0000-02-29", True),
        (CedarDatetime, "datetime", "0000-02-30", False),
        (CedarDatetime, "datetime", "0000-00-01", False),
        (CedarDatetime, "datetime", "0000-01-01T00:00:00+2359", True),
        (CedarDatetime, "datetime", "0000-01-01T24:00:00Z", False),
        (CedarDatetime, "datetime", "0100-02-29", False),
        (CedarDatetime, "datetime", "9999-12-31T23:59:59.999-2359", True),
        (CedarDuration, "duration", "-9223372036854775808ms", True),
        (CedarDuration, "duration", "-9223372036854775809ms", False),
        (CedarDuration, "duration", "9223372036854775807ms", True),
        (CedarDuration, "duration", "9223372036854775808ms", False),
        (CedarDuration, "duration", "-106751991167d7h12m55s808ms", True),
        (CedarDuration, "duration", "-106751991167d7h12m55s809ms", False),
    ],
)
def test_the_bounds_of_times_are_those_of_the_engine(wrapper, function, text, fits):
    request = {
        "principal": 'User::"a"',
        "action": 'Action::"b"',
        "resource": 'Thing::"c"',
        "context": {"x": {"__extn": {"fn": function, "arg": text}}},
    }
    policy = "permit(principal, action, resource);"
    assert (cedarpy.is_authorized(request, policy, []).decision is cedarpy.Decision.Allow) is fits
    if fits:
        assert wrapper(text).text == text
    else:
        with pytest.raises(InvalidRequestError):
            wrapper(text)


def test_the_form_of_a_name_is_written_down_once():
    """A second copy would drift: ask `IDENTIFIER` or `TYPE_NAME` of `authz_lib.entities.uid`."""
    root = Path(authz_lib.__file__).parent
    identifier = "[A-Za-z_][A-Za-z0-9_]*"
    copies = [
        str(file.relative_to(root))
        for file in sorted(root.rglob("*.py"))
        if identifier in file.read_text(encoding="utf-8")
    ]
    assert copies == ["entities/uid.py", "smithy/shapes.py"]  # the second one is Smithy's


def test_an_empty_record_is_one_and_what_only_looks_empty_is_read():
    class Odd(dict):
        def __len__(self):
            return 0

    assert freeze_record({}, where="x") is freeze_record({}, where="x")
    assert dict(freeze_record(Odd(a=1), where="x")) == {"a": 1}
    with pytest.raises(InvalidRequestError):
        freeze_record(Odd(__entity={"type": "User", "id": "root"}), where="x")
    for wrong in ([], (), "", None, set()):
        with pytest.raises(InvalidRequestError, match="must be a mapping"):
            freeze_record(wrong, where="x")
