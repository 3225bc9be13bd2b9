"""A pytest plugin that runs the code of the pages, of the README and of the docstrings (``pytest -p executed``)."""

from __future__ import annotations

from sybil import Sybil, SybilCollection
from sybil.document import PythonDocStringDocument
from sybil.parsers.myst import DocTestDirectiveParser, PythonCodeBlockParser, SkipParser
from sybil.parsers.rest import DocTestParser

_pages = Sybil(
    parsers=[PythonCodeBlockParser(), DocTestDirectiveParser(), SkipParser()],
    patterns=["docs/*.md", "README.md"],
)
_docstrings = Sybil(
    parsers=[DocTestParser()],
    patterns=["src/**/*.py"],
    document_types={".py": PythonDocStringDocument},
)

pytest_collect_file = SybilCollection([_pages, _docstrings]).pytest()
