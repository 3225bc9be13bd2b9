"""What is built of `docs/`: every public name is there, and nothing needs a network."""

from __future__ import annotations

import html
import inspect
import json
import re
import sys
from importlib import import_module
from pathlib import Path

import pytest
from public_names import described_modules
from site_versions import versions_of

import authz_lib

CHECKOUT = Path(__file__).parents[2]
DOCS = CHECKOUT / "docs"

MODULES = described_modules()
ROOMS = [
    *["actions", "authorizer", "decisions", "delivery", "entities", "gateway", "service"],
    *["sigv4", "testing.events", "testing.policy_store", "tokens"],
]


@pytest.fixture(scope="session")
def inventory(site):
    """Every name of the inventory, with the page that describes it."""
    from sphinx.util.inventory import InventoryFile

    read = InventoryFile.loads((site / "objects.inv").read_bytes(), uri="")
    return {
        name: item.uri.partition("#")[0]
        for kind, items in read.data.items()
        if kind.startswith("py:")
        for name, item in items.items()
    }


def excluded(module):
    """What the page of a module leaves out, by name."""
    text = "\n".join(path.read_text() for path in (DOCS / "reference").rglob("*.md"))
    block = text.partition(f".. automodule:: {module}\n")[2].partition("```")[0]
    found = re.search(r":exclude-members: (.+)", block)
    return set(found[1].split(", ")) if found else set()


@pytest.mark.parametrize("name", authz_lib.__all__)
def test_each_name_of_the_root_has_an_entry(name, inventory):
    assert inventory[f"authz_lib.{name}"].startswith("reference/")


@pytest.mark.parametrize("room", ROOMS)
def test_each_name_of_a_room_has_an_entry(room, inventory):
    names = import_module(f"authz_lib.{room}").__all__
    assert [name for name in names if f"authz_lib.{room}.{name}" not in inventory] == []


@pytest.mark.parametrize("module", MODULES)
def test_each_name_of_a_described_module_has_an_entry(module, inventory):
    names = set(import_module(module).__all__) - excluded(module)
    assert [name for name in sorted(names) if f"{module}.{name}" not in inventory] == []


def imported_names():
    """The names that pages, READMEs and the examples' code import, as paths."""
    files = [CHECKOUT / "README.md", *DOCS.rglob("*.md"), *(CHECKOUT / "examples").rglob("*.py")]
    for path in files:
        for module, names in re.findall(
            r"^from (authz_lib(?:\.[a-z_0-9]+)*) import (\([^)]*\)|.+)$",
            path.read_text(encoding="utf-8"),
            re.MULTILINE,
        ):
            for name in re.findall(r"(\w+)(?: as \w+)?", re.sub(r"#.*", "", names)):
                yield f"{module}.{name}"


def test_what_pages_and_examples_import_is_public(inventory):
    imported = set(imported_names())
    assert len(imported) > 80
    assert (
        sorted(name for name in imported if name not in inventory and name not in sys.modules) == []
    )


SIGNATURE = re.compile(r'<dt class="sig sig-object py" id="([^"]+)">(.*?)</dt>', re.DOTALL)
PARAMETER = re.compile(r'<em class="sig-param">(.*?)</em>', re.DOTALL)


def untyped(page):
    for name, signature in SIGNATURE.findall(page):
        for parameter in PARAMETER.findall(signature):
            text = html.unescape(re.sub(r"<[^>]+>", "", parameter)).strip()
            if text not in {"*", "/"} and ":" not in text:
                yield f"{name}: {text}"


def test_each_argument_has_its_type(site):
    pages = sorted((site / "reference").rglob("*.html"))
    assert len(pages) > 20
    found = [each for page in pages for each in untyped(page.read_text(encoding="utf-8"))]
    assert found == []


def test_an_argument_without_a_type_is_seen():
    signature = '<dt class="sig sig-object py" id="f">f(<em class="sig-param">x</em>)</dt>'
    assert [*untyped(signature)] == ["f: x"]


def test_every_class_has_its_methods(inventory):
    """Presets and asynchronous verbs are inherited, and described all the same."""
    assert "authz_lib.tokens.verifier.JWTVerifier.cognito" in inventory
    assert "authz_lib.tokens.verifier.JWTVerifier.entra" in inventory
    assert "authz_lib.decisions.point.DecisionPoint.arequire" in inventory


@pytest.fixture(scope="session")
def pages(site):
    return {path.relative_to(site).as_posix(): path.read_text() for path in site.rglob("*.html")}


def test_no_page_needs_a_network(pages):
    loads = re.compile(r'<(?:script|img|iframe)[^>]+src="(?:https?:)?//|<link[^>]+href="https?://')
    assert [name for name, text in pages.items() if loads.search(text)] == []


def test_each_flow_is_a_picture_of_the_page(pages):
    for page in ("authorizer", "service", "decisions", "delivery"):
        (picture,) = re.findall(r'<svg class="authz-flow".*?</svg>', pages[f"how-to/{page}.html"])
        assert picture.count("<rect") >= 5
        assert "<title>" in picture


def test_each_block_of_code_can_be_copied(pages):
    assert all("copybutton.js" in text for text in pages.values())


def test_llms_txt_lists_every_page(site):
    text = (site / "llms.txt").read_text(encoding="utf-8")
    assert text.startswith("# authz-lib\n\n> Who is calling")
    linked = re.findall(r"^- \[.+?\]\((.+?)\)", text, re.MULTILINE)
    assert [link for link in linked if not (site / link).is_file()] == []
    written = {path.relative_to(DOCS).as_posix() for path in DOCS.rglob("*.md")}
    assert {link.removeprefix("_sources/").removesuffix(".txt") for link in linked} == written - {
        "index.md"
    }


def test_the_changelog_is_a_page(pages):
    assert "Unreleased" in pages["reference/changelog.html"]


def links_of(page, pages):
    """The pages that the text of a page links to; its navigation does not count."""
    body = pages[page].partition('<article role="main"')[2].partition("</article>")[0]
    folder = Path(page).parent
    for target in re.findall(r'href="([^"#:]+\.html)', body):
        parts = []
        for part in (folder / target).parts:
            parts = parts[:-1] if part == ".." else [*parts, part]
        yield "/".join(parts)


QUESTIONS = {
    "how-to/test-your-service.html": "two users",
    "how-to/deploy.html": "arm64",
    "how-to/incidents.html": "key set is down",
    "how-to/providers/entra.html": "tid",
    "reference/failures.html": "ambiguous_path",
}


@pytest.mark.parametrize("answer", QUESTIONS)
def test_an_answer_is_two_clicks_away(answer, pages):
    first = set(links_of("index.html", pages))
    second = {link for page in first if page in pages for link in links_of(page, pages)}
    assert answer in first | second
    assert QUESTIONS[answer] in re.sub(r"<[^>]+>", "", pages[answer])


@pytest.mark.parametrize("word", ["ambiguous_path", "arm64", "tid"])
def test_a_search_finds_the_word(word, site):
    text = (site / "searchindex.js").read_text(encoding="utf-8")
    index = json.loads(text.removeprefix("Search.setIndex(").removesuffix(")"))
    assert word in index["terms"] or word in index["titleterms"]


def test_versions_are_written_where_they_are_given():
    assert [*versions_of("1.1=/1.1/ 1.0=/1.0/")] == [("1.1", "/1.1/"), ("1.0", "/1.0/")]
    assert versions_of("") == []
    with pytest.raises(ValueError, match="is not of the form"):
        versions_of("1.1")


def test_a_docstring_s_table_is_a_table(pages):
    assert inspect.getdoc(authz_lib.LambdaAuthorizer).count("\n|") > 3
    assert not re.search(r"<p>\|[^<]*\|", pages["reference/api/authorizer.html"])
