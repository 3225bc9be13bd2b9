"""The sidebar of every page, made from the titles of pages alone.

Sphinx copies all entries of all pages for each sidebar, and then leaves out what is no title.  Here
what is no title is left out once.  That changes no page, unless a table of contents stands in an
``only`` directive.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sphinx import addnodes

if TYPE_CHECKING:
    from docutils import nodes
    from sphinx.application import Sphinx
    from sphinx.environment import BuildEnvironment

_BEFORE_THE_THEME = 100


def setup(app: Sphinx) -> dict[str, bool]:
    """Sphinx calls this."""
    app.connect("env-updated", _make_titles)
    app.connect("html-page-context", _put_titles, priority=_BEFORE_THE_THEME)
    return {"parallel_read_safe": True, "parallel_write_safe": True}


def _make_titles(_: Sphinx, env: BuildEnvironment) -> None:
    env.sidebar_titles = {name: _title_of(toc) for name, toc in env.tocs.items()}  # type: ignore[attr-defined]


def _title_of(toc: nodes.bullet_list) -> nodes.bullet_list:
    """A page's title, and the pages below it."""
    kept = toc.deepcopy()
    for entry in kept.children:
        if len(entry.children) > 1:
            below = list(entry.findall(addnodes.toctree))
            if below:
                entry[1][:] = below  # type: ignore[index]
            else:
                entry.pop(1)  # type: ignore[attr-defined]
    return kept


def _put_titles(
    app: Sphinx, _page: str, _template: str, context: dict[str, Any], _: object
) -> None:
    toctree = context["toctree"]

    def of_titles(**options: Any) -> str:
        if not options.get("titles_only"):
            return str(toctree(**options))
        whole, app.env.tocs = app.env.tocs, app.env.sidebar_titles  # type: ignore[attr-defined]
        try:
            return str(toctree(**options))
        finally:
            app.env.tocs = whole

    context["toctree"] = of_titles
