"""The hand-written tables of `docs/reference` say what the code says."""

from __future__ import annotations

import inspect
import re
import tomllib
from itertools import pairwise
from pathlib import Path

import pytest

from authz_lib import LambdaAuthorizer, RemoteKeySet, errors
from authz_lib._support import strict_json
from authz_lib.actions import map as actions_map
from authz_lib.audit import source, template
from authz_lib.authorizer import questions, route_refusals, settings
from authz_lib.decisions import avp_batch, avp_client, cedar_text, verified_permissions, vocabulary
from authz_lib.decisions.cache import DecisionCache
from authz_lib.decisions.point import DecisionPoint
from authz_lib.entities import hierarchy, uid, values
from authz_lib.gateway import arns, event_maps, responses
from authz_lib.routes import uri
from authz_lib.service import handler
from authz_lib.smithy import model
from authz_lib.tokens import assertion, attributes, jwk, jws, presets
from authz_lib.transport import pool, url

CHECKOUT = Path(__file__).parents[2]
REFERENCE = CHECKOUT / "docs" / "reference"


def text_of(name):
    return (REFERENCE / name).read_text(encoding="utf-8")


def rows_of(text):
    """The cells of each row of each table, headings and rules left out."""
    lines = text.splitlines()
    for before, line in pairwise(lines):
        if line.startswith("|") and before.startswith("|") and not line.startswith("|---"):
            yield [cell.strip() for cell in re.split(r"(?<!\\)\|", line)[1:-1]]


def default(function, name):
    return inspect.signature(function).parameters[name].default


LIMITS = {
    "a token, characters": jws.MAX_TOKEN_LENGTH,
    "a `kid`, characters": jwk.MAX_KEY_ID_LENGTH,
    "issuers of one authorizer, from variables": settings.MAX_ISSUERS,
    "attributes of a caller": attributes.MAX_ATTRIBUTES,
    "a key set, bytes": default(RemoteKeySet, "max_bytes"),
    "keys of a set": default(RemoteKeySet, "max_keys"),
    "seconds for a fetch": default(RemoteKeySet, "timeout_seconds"),
    "seconds until a key set is fetched anew": default(RemoteKeySet, "ttl_seconds"),
    "seconds that known keys are used while fetches fail": default(
        RemoteKeySet, "max_stale_seconds"
    ),
    "seconds between two fetches that unknown keys cause": default(
        RemoteKeySet, "miss_cooldown_seconds"
    ),
    "verified tokens that are remembered": presets.DEFAULT_REMEMBER,
    "seconds that a signed assertion lives": assertion._MOST_SECONDS,
    "groups of a caller, in an authorizer": questions._MAX_GROUPS,
    "questions of a call of Verified Permissions": avp_batch.MAX_BATCH,
    "entities of a call, the caller's and the others": avp_batch.MAX_OTHER_ENTITIES,
    "an entity's id, characters": uid.MAX_ID_LENGTH,
    "an entity's type, characters": uid.MAX_TYPE_LENGTH,
    "an action, characters": vocabulary.MAX_ACTION_LENGTH,
    "levels of a value": values.MAX_DEPTH,
    "levels of entities in one another": hierarchy.MAX_HIERARCHY_DEPTH,
    "a request to Verified Permissions, bytes": verified_permissions._MAX_REQUEST_BYTES,
    "decisions that `cached(...)` remembers": default(DecisionCache, "max_entries"),
    "seconds that an allow is remembered": default(DecisionPoint.cached, "ttl_seconds"),
    "seconds that a deny is remembered": default(DecisionPoint.cached, "deny_ttl_seconds"),
    "a text of policies, characters": cedar_text.MAX_POLICY_CHARACTERS,
    "a schema, characters": cedar_text.MAX_SCHEMA_CHARACTERS,
    "brackets that are open at one place of a policy": cedar_text.MAX_NESTING,
    "operators in a row": cedar_text.MAX_CHAIN,
    "one header of an event, or the names of all, characters": event_maps.MAX_HEADER_CHARACTERS,
    "the query, or path and route, characters": event_maps.MAX_LINE_CHARACTERS,
    "a method ARN, bytes": arns.MAX_METHOD_ARN_BYTES,
    "an answer of an authorizer, policy and context, bytes": responses.MAX_RESPONSE_BYTES,
    "a body that `json_body` reads, characters": handler._MAX_BODY_CHARACTERS,
    "a route, characters": uri._MAX_CHARACTERS,
    "segments of a route": uri._MAX_SEGMENTS,
    "an action map, bytes": actions_map._MAX_BYTES,
    "a template for the audit, characters": source.MAX_FILE_CHARACTERS,
    "resources of a template": template.MAX_RESOURCES,
    "a Smithy model, bytes": model._MAX_BYTES,
    "levels of JSON": strict_json.MAX_JSON_DEPTH,
    "seconds to connect to Verified Permissions": default(
        avp_client.ThinClient, "connect_timeout_seconds"
    ),
    "seconds for an answer of Verified Permissions": default(
        avp_client.ThinClient, "read_timeout_seconds"
    ),
    "attempts at Verified Permissions": default(avp_client.ThinClient, "max_attempts"),
    "an answer of Verified Permissions, bytes": avp_client._MAX_RESPONSE_BYTES,
    "connections that are kept": pool.MAX_IDLE,
    "a URL, characters": url.MAX_URL_CHARACTERS,
}


def test_each_limit_of_the_page_is_the_code_s():
    written = {name: number for name, number, _ in rows_of(text_of("limits.md"))}
    assert written.keys() == LIMITS.keys()
    numbers = {name: float(re.sub(r"[^\d]", "", number)) for name, number in written.items()}
    assert numbers == LIMITS


def test_each_error_of_the_page_is_the_tree_s():
    pattern = r"\| \{py:class\}`~authz_lib\.errors\.(\w+)` \| `(\w+)` \| (\d+) \| (yes|) ?\|"
    written = {
        name: (code, int(status), retry == "yes")
        for name, code, status, retry in re.findall(pattern, text_of("errors.md"))
    }
    assert written == {
        name: (kind.code, kind.status, kind.retryable)
        for name, kind in vars(errors).items()
        if name in errors.__all__ and kind is not errors.AuthzError
    }


@pytest.mark.parametrize("name", errors.__all__)
def test_each_error_says_when_and_what_to_do(name):
    text = inspect.getdoc(getattr(errors, name))
    if name != "AuthzError":
        assert re.search(r"^When: ", text, re.MULTILINE)
        assert re.search(r"^What to do: ", text, re.MULTILINE)


def test_each_reason_of_the_authorizer_alone_is_on_the_page():
    section = text_of("failures.md").partition("## Reasons of an authorizer\n")[2]
    rows = [row[0].strip("`") for row in rows_of(section.partition("\n## ")[0])]
    assert rows == list(route_refusals._NO_LINE)


PROVIDERS = [
    path
    for path in sorted((CHECKOUT / "docs" / "how-to" / "providers").glob("*.md"))
    if "AUTHZ_TENANT_CLAIM:" in path.read_text(encoding="utf-8")
]


@pytest.mark.parametrize("page", PROVIDERS, ids=lambda page: page.stem)
def test_the_variables_of_a_provider_s_page_build_an_authorizer(page, tmp_path):
    found = re.findall(r"^    (AUTHZ_\w+): (.+)$", page.read_text(encoding="utf-8"), re.MULTILINE)
    actions, policies = tmp_path / "actions.json", tmp_path / "policies"
    line = '{"method": "GET", "route": "/orders", "action": "ListOrders"}'
    actions.write_text(f'{{"version": 1, "actions": [{line}]}}')
    policies.mkdir()
    (policies / "all.cedar").write_text("permit(principal, action, resource);")
    rest = {
        "AUTHZ_ACTIONS": str(actions),
        "AUTHZ_POLICIES": str(policies),
        "AUTHZ_APPLICATION": 'Application::"orders"',
        "AUTHZ_RESPONSE": "simple",
        "AUTHZ_GATEWAY_TTL_SECONDS": "0",
    }
    assert LambdaAuthorizer.from_env(dict(found) | rest)


def test_each_provider_with_variables_is_built():
    assert [page.stem for page in PROVIDERS] == ["auth0", "cognito", "entra", "keycloak", "okta"]


def test_each_variable_that_the_code_reads_is_on_the_page():
    """`AUTHZ_*` variables of an authorizer have a test beside the settings."""
    read = set()
    for path in (CHECKOUT / "src").rglob("*.py"):
        text = path.read_text(encoding="utf-8")
        read |= set(re.findall(r'environ\w*\.get\("([A-Z_]+)"', text))
        read |= set(
            re.findall(r'"((?:AWS|SSL|REQUESTS)_[A-Z_]+|HTTPS?_PROXY|NO_COLOR|NO_PROXY)"', text)
        )
    read -= {"AWS_IAM", "AWS_LAMBDA"}  # kinds of authorization, and of integration
    assert len(read) > 10
    page = text_of("environment.md")
    assert sorted(name for name in read if f"`{name}`" not in page) == []


def test_the_supported_pythons_are_those_of_the_package():
    project = tomllib.loads((CHECKOUT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    said = [each.rpartition(" :: ")[2] for each in project["classifiers"] if " :: 3." in each]
    page = (CHECKOUT / "docs" / "explanation" / "compatibility.md").read_text(encoding="utf-8")
    assert f"| Python | {', '.join(said)};" in page
    assert project["requires-python"] == f">={said[0]}"


TEXTS = [
    *CHECKOUT.glob("*.md"),
    *sorted((CHECKOUT / "docs").rglob("*.md")),
    *sorted((CHECKOUT / "examples").glob("*/README.md")),
    *sorted((CHECKOUT / "packages").glob("*/README.md")),
]


@pytest.mark.parametrize("path", TEXTS, ids=lambda path: path.relative_to(CHECKOUT).as_posix())
def test_each_link_to_a_file_leads_there(path):
    """Sphinx checks its pages; the files that GitHub shows are checked here."""
    links = re.findall(r"\]\(([^)\s#:]+)(?:#[^)\s]*)?\)", path.read_text(encoding="utf-8"))
    assert [link for link in links if not (path.parent / link).exists()] == []
