"""Pytest plugin `executed`: runs the code of pages, README and docstrings."""

from __future__ import annotations

from pathlib import Path

from sybil import Sybil
from sybil.document import PythonDocStringDocument
from sybil.parsers.myst import (
    DocTestDirectiveParser,
    PythonCodeBlockParser,
    SkipParser,
)
from sybil.parsers.rest import DocTestParser
from sybil.sybil import SybilCollection

_ROOT = str(Path(__file__).parents[1])

_pages = Sybil(
    parsers=[PythonCodeBlockParser(), DocTestDirectiveParser(), SkipParser()],
    path=_ROOT,
    patterns=["*.md"],
)
_docstrings = Sybil(
    parsers=[DocTestParser()],
    path=_ROOT,
    patterns=["src/*.py", "src/*/*.py", "src/*/*/*.py"],
    document_types={".py": PythonDocStringDocument},
)

pytest_collect_file = SybilCollection([_pages, _docstrings]).pytest()
