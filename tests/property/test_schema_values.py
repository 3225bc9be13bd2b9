"""With and without a schema, a value is what its Python type says."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from ipaddress import ip_address

from hypothesis import event, given
from hypothesis import strategies as st

from authz_lib import AuthorizationRequest, CedarEngine, Entity, EntityUid
from authz_lib.errors import ConfigurationError, InvalidRequestError

ALICE = EntityUid("User", "alice")
DOC = EntityUid("Doc", "1")


@dataclass(frozen=True)
class Kind:
    """A type of the schema, a value of it, and a condition that only such a value meets."""

    type: str
    value: object
    condition: str  # `{}` is the value
    guard: bool = True


PLAIN = [
    Kind("User", ALICE, "{} == principal"),
    Kind("ipaddr", ip_address("127.0.0.1"), "{}.isLoopback()"),
    Kind("decimal", Decimal("0.5"), '{}.lessThan(decimal("1.0"))'),
    Kind("datetime", datetime(2020, 1, 1, tzinfo=UTC), '{} < datetime("2030-01-01")'),
    Kind("duration", timedelta(minutes=1), '{} < duration("1h")'),
    Kind("String", "User", '{} == "User"'),
    Kind("Long", 7, "{} == 7"),
    Kind("Bool", True, "{} == true"),
]
# What a caller can send, and Cedar's reader may take for something else.
DATA = st.sampled_from(
    [
        {"type": "User", "id": "alice"},
        {"fn": "ip", "arg": "127.0.0.1"},
        {"fn": "decimal", "arg": "0.5"},
        "127.0.0.1",
        "0.5",
        "2020-01-01",
        "1m",
        'User::"alice"',
        "User",
        "-",
        7,
        True,
    ]
)


def inside(kind: Kind, shape: str) -> Kind:
    if shape == "set":
        return Kind(f"Set<{kind.type}>", [kind.value], "", guard=False)
    return Kind(f"{{ m: {kind.type} }}", {"m": kind.value}, kind.condition.replace("{}", "{}.m"))


def wrapped(value: object, shapes: list[str]) -> object:
    for shape in shapes:
        value = [value] if shape == "set" else {"m": value}
    return value


@st.composite
def cases(draw):
    """A type, a value for it or a value that only looks like one, and where it stands."""
    plain = draw(st.sampled_from(PLAIN))
    shapes = draw(st.lists(st.sampled_from(["record", "record", "set"]), max_size=3))
    if "set" in shapes:  # a condition cannot take a member out of a set: it compares the whole
        shapes = [shape for shape in shapes if shape != "set"] + ["set"]
    kind = plain
    for shape in shapes:
        kind = inside(kind, shape)
    if not kind.guard:
        literal = {
            "User": "principal",
            "ipaddr": 'ip("127.0.0.1")',
            "decimal": 'decimal("0.5")',
            "datetime": 'datetime("2020-01-01")',
            "duration": 'duration("1m")',
            "String": '"User"',
            "Long": "7",
            "Bool": "true",
        }[plain.type]
        for _ in shapes[:-1]:
            literal = f"{{m: {literal}}}"
        kind = Kind(kind.type, kind.value, f"{{}}.contains({literal})")
    value = draw(st.one_of(st.just(kind.value), DATA.map(lambda data: wrapped(data, shapes))))
    where = draw(st.sampled_from(["context", "attribute", "tag", "held"]))
    return kind, value, where, draw(st.booleans())


def engine(policies, schema, held, *, checked):
    return CedarEngine.from_text(
        policies, schema, held, validate_policies=False, validate_requests=checked
    )


def ask(build, request):
    """The decision, or the error's name."""
    try:
        return bool(build().is_authorized(request))
    except (ConfigurationError, InvalidRequestError) as error:
        return type(error).__name__


@given(cases())
def test_a_schema_never_makes_an_allow_of_a_deny(case):
    kind, value, where, forbids = case
    of_entity = where in {"attribute", "held"}
    schema = (
        "entity User;\n"
        f"entity Doc {{ v?: {kind.type if of_entity else 'Long'} }} tags {kind.type};\n"
        "action Read appliesTo { principal: User, resource: Doc, "
        f"context: {{ v?: {kind.type if where == 'context' else 'Long'} }} }};"
    )
    path = {"context": "context.v", "tag": 'resource.getTag("v")'}.get(where, "resource.v")
    condition = kind.condition.replace("{}", path)
    policies = f"permit(principal, action, resource) when {{ {condition} }};"
    if forbids:
        policies = (
            "permit(principal, action, resource);"
            f"forbid(principal, action, resource) when {{ {condition} }};"
        )
    attrs = {"v": value} if of_entity else {}
    doc = Entity(DOC, attrs=attrs, tags={"v": value} if where == "tag" else {})
    request = AuthorizationRequest(
        ALICE, "Read", DOC if where == "held" else doc, {"v": value} if where == "context" else {}
    )
    held = [doc] if where == "held" else []
    plain = ask(lambda: engine(policies, None, held, checked=False), request)
    loose = ask(lambda: engine(policies, schema, held, checked=False), request)
    strict = ask(lambda: engine(policies, schema, held, checked=True), request)
    assert loose in {plain, "ConfigurationError"}
    assert strict in {loose, "InvalidRequestError"}
    if value is kind.value:
        assert plain is loose is strict is not forbids
    event(f"{where}: {plain} {loose} {strict}")
