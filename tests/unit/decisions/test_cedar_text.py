from __future__ import annotations

import subprocess
import sys
import time

import pytest

from authz_lib import AuthorizationRequest, CedarEngine, EntityUid
from authz_lib._support.own_stack import map_on_own_stack
from authz_lib.decisions import policy_files, policy_validation
from authz_lib.decisions.cedar_text import (
    MAX_CHAIN,
    MAX_NESTING,
    MAX_POLICY_CHARACTERS,
    MAX_SCHEMA_CHARACTERS,
    parse_schema,
)
from authz_lib.decisions.policy_files import parse_policies, parse_texts, read_directory
from authz_lib.errors import ConfigurationError

ALL = "permit(principal, action, resource);"


def test_the_characters_of_a_text_at_the_bound_and_one_past_it(tmp_path):
    text = f"{ALL} //".ljust(MAX_POLICY_CHARACTERS, ".")
    (policy,) = parse_policies("a.cedar", text)
    assert (policy.statement({"a.cedar": text}), policy.place) == (ALL, "a.cedar:1")
    with pytest.raises(ConfigurationError, match=r"^a: the text has more than 16000000 characters"):
        parse_policies("a", text + ".")
    (tmp_path / "a.cedar").write_text(text + ".")
    with pytest.raises(ConfigurationError, match=r"a.cedar` has more than 16000000 characters$"):
        read_directory(tmp_path)


def test_many_texts_are_parsed_and_validated_on_one_stack_each(tmp_path, monkeypatch):
    """A thread for each of 10,000 files took three times as long as to parse them."""
    made = []
    for module in (policy_files, policy_validation):
        monkeypatch.setattr(
            module,
            "map_on_own_stack",
            lambda call, items: made.append(call) or map_on_own_stack(call, items),
        )
    texts = {f"p{number}": f'@id("own") {ALL}' for number in range(250)}
    engine = CedarEngine.from_policies(texts)
    assert (len(engine), len(made)) == (250, 1)
    reader = AuthorizationRequest(EntityUid("User", "a"), "View", EntityUid("Page", "1"))
    assert engine.is_authorized(reader).determining_policies == tuple(sorted(texts))
    for name in texts:
        (tmp_path / f"{name}.cedar").write_text(ALL)
    schema = "entity User, Page; action View appliesTo { principal: User, resource: Page };"
    (tmp_path / "schema.cedarschema").write_text(schema)
    assert (len(CedarEngine.from_directory(tmp_path)), len(made)) == (250, 3)


def test_texts_are_told_apart_at_each_number_of_policies():
    """They are parsed in parts; a part is of one text."""
    counts = [0, 1, 99, 100, 101, 0, 200, 250, 1]
    texts = [(f"f{n}", f"{ALL}\n" * count, "s") for n, count in enumerate(counts)]
    parsed = parse_texts(texts)
    assert [len(policies) for policies in parsed] == counts
    for (name, _, stem), policies in zip(texts, parsed, strict=True):
        numbers = range(1, len(policies) + 1)
        ids = [stem] if len(policies) == 1 else [f"{stem}#{number}" for number in numbers]
        assert [policy.id for policy in policies] == ids
        assert [policy.place for policy in policies] == [f"{name}:{number}" for number in numbers]


def test_the_first_fault_is_of_the_first_text():
    deep = f"permit(principal, action, resource) when {{ {'(' * 100}true{')' * 100} }};"
    with pytest.raises(ConfigurationError, match=r"^a:1:\d+: the policy does not parse"):
        CedarEngine.from_policies({"a": "permit(principal", "b": deep})
    with pytest.raises(ConfigurationError, match=r"^a:1: the policy is nested too deeply"):
        CedarEngine.from_policies({"a": deep, "b": "permit(principal"})


def test_as_deep_a_policy_as_before_is_read():
    """Python counts its own frames with the levels of JSON: a wrapper more was a policy less."""
    condition = f"{'if true then true else ' * 300}principal{'.a' * 194}"
    text = f"permit(principal, action, resource) when {{ {condition} }};"
    assert len(CedarEngine.from_text(text)) == len(CedarEngine.from_policies({"a": text})) == 1


def test_a_fault_in_the_last_of_many_texts_has_its_place():
    texts = {f"p{number}": ALL for number in range(250)}
    with pytest.raises(ConfigurationError, match=r"^p249:2:1: the policy does not parse: "):
        CedarEngine.from_policies(texts | {"p249": "permit(principal, action,\nresourc);"})
    with pytest.raises(ConfigurationError, match="`p249` must be exactly one policy or template"):
        CedarEngine.from_policies(texts | {"p249": ALL * 2})


@pytest.mark.parametrize("text", ["entity User; //", "{}"])
def test_the_characters_of_a_schema_at_the_bound_and_one_past_it(text):
    fill = "." if "/" in text else " "
    parse_schema(text.ljust(MAX_SCHEMA_CHARACTERS, fill))
    with pytest.raises(ConfigurationError, match=r"^<schema>: the text has more than 1000000 char"):
        CedarEngine.from_text(ALL, text.ljust(MAX_SCHEMA_CHARACTERS + 1, fill))


SMALL_STACK = f"""
import threading
from authz_lib import CedarEngine
from authz_lib.decisions.cedar_text import parse_schema
from authz_lib.errors import ConfigurationError

def policy(condition):
    return f"permit(principal, action, resource) when {{{{ {{condition}} }}}};"

def brackets(n):
    return policy("(" * (n - 1) + "1 == 1" + ")" * (n - 1))

def chain(sign):
    return lambda n: policy(f" {{sign}} ".join(["1"] * (n + 1)) + " == 1")

def ors(n):
    return policy(" || ".join(["true"] * (n + 1)))

def schema(n):
    return "entity User = {{a: " + "Set<" * n + "Long" + ">" * n + "}};"

def json_schema(n):
    return "[" * n

def work():
    for make, bound in ((brackets, {MAX_NESTING}), (chain("+"), {MAX_CHAIN}), (ors, {MAX_CHAIN})):
        CedarEngine.from_text(make(bound))
        for past in (bound + 1, 20_000):
            try:
                CedarEngine.from_text(make(past))
            except ConfigurationError as error:
                assert "more than" in str(error), error
            else:
                raise AssertionError((make, past))
    parse_schema(schema({MAX_NESTING} - 1))  # and the braces
    for text in (schema({MAX_NESTING}), schema(20_000), json_schema(65), json_schema(20_000)):
        try:
            parse_schema(text)
        except ConfigurationError:
            pass
        else:
            raise AssertionError(text[:100])
    parse_schema("{{}}")
    print("fine")

threading.stack_size(32768)
thread = threading.Thread(target=work)
thread.start()
thread.join()
"""


def test_the_smallest_stack():
    ended = subprocess.run(
        [sys.executable, "-c", SMALL_STACK], check=False, capture_output=True, text=True
    )
    assert (ended.returncode, ended.stdout) == (0, "fine\n"), ended.stderr[-500:]


def test_many_long_chains_in_one_policy_take_linear_time():
    chain = " || ".join(["true"] * 25)
    listed = ", ".join([f"({chain})"] * 2000)
    text = f"permit(principal, action, resource) when {{ [{listed}].contains(true) }};"
    started = time.process_time()
    parse_policies("a.cedar", text)
    assert time.process_time() - started < 10


def test_every_statement_of_a_text_is_found_in_linear_time():
    text = "\n".join(f'@id("{n}") {ALL}' for n in range(3000))
    policies = parse_policies("a.cedar", text)
    started = time.process_time()
    statements = [policy.statement({"a.cedar": text}) for policy in policies]
    assert time.process_time() - started < 1
    assert statements[2999] == f'@id("2999") {ALL}'
    assert policies[2999].place == "a.cedar:3000"


@pytest.mark.parametrize("bad", ["Content-Length: 5\r\n", "\\x ", "\\q"])
def test_many_bad_escapes_are_refused_in_linear_time(bad):
    text = f'permit(principal, action, resource) when {{ "{bad * 20_000}" == 1 }};'
    started = time.process_time()
    with pytest.raises(ConfigurationError, match=r"^a.cedar:1: the text has many escapes"):
        parse_policies("a.cedar", text)
    assert time.process_time() - started < 1  # Cedar alone: more than a minute


def test_good_escapes_are_not_counted():
    good = r"\" \' \\ \n \r \t \0 \x41 \u{1F600} \\q \\x"
    text = f'permit(principal, action, resource) when {{ context.a like "{good * 500} \\*" }};'
    (policy,) = parse_policies("a.cedar", text)
    assert policy.place == "a.cedar:1"
    assert len(parse_policies("a.cedar", f"// {chr(92)}q\r\n" * 500 + ALL)) == 1
