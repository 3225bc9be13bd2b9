"""Sphinx extension: writes `llms.txt`, the table of contents for programs that read pages.

Its form is that of https://llmstxt.org: a title, one line of summary, and lists of links. The
Markdown of each page is served beside its HTML (`_sources/`), so the links lead there.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from docutils import nodes

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sphinx.application import Sphinx
    from sphinx.environment import BuildEnvironment

_LONGEST_LINE = 200


def setup(app: Sphinx) -> dict[str, bool]:
    """Write the file when an HTML build has ended."""
    app.connect("build-finished", _write)
    return {"parallel_read_safe": True}


def _write(app: Sphinx, failure: Exception | None) -> None:
    if failure is None and app.builder.format == "html":
        text = llms_text(app.env)
        Path(app.outdir, "llms.txt").write_text(text, encoding="utf-8")


def llms_text(env: BuildEnvironment) -> str:
    """The file: a section for each part of the table of contents, a line for each page."""
    root = env.config.root_doc
    parts = [f"# {env.config.project}", f"> {_first_sentence(env, root)}"]
    for part in env.toctree_includes[root]:
        pages = [part, *_below(env, part)]
        lines = "\n".join(_line(env, page) for page in pages)
        parts.append(f"## {env.titles[part].astext()}\n\n{lines}")
    return "\n\n".join(parts) + "\n"


def _below(env: BuildEnvironment, page: str) -> Iterator[str]:
    for child in env.toctree_includes.get(page, []):
        yield child
        yield from _below(env, child)


def _line(env: BuildEnvironment, page: str) -> str:
    title = env.titles[page].astext()
    link = f"- [{title}](_sources/{page}.md.txt)"
    sentence = _first_sentence(env, page)
    return f"{link}: {sentence}" if sentence else link


def _first_sentence(env: BuildEnvironment, page: str) -> str:
    """The first sentence of a page's first paragraph."""
    for paragraph in env.get_doctree(page).findall(nodes.paragraph):
        text = " ".join(paragraph.astext().split())
        end = text.find(". ")
        sentence = text if end < 0 else text[: end + 1]
        return sentence[:_LONGEST_LINE]
    return ""
