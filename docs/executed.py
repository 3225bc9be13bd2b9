"""Pytest plugin `executed`: runs the code of pages, README and docstrings."""

from __future__ import annotations

from doctest import NORMALIZE_WHITESPACE
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
    parsers=[DocTestParser(NORMALIZE_WHITESPACE)],  # a long output may be wrapped
    path=_ROOT,
    patterns=[f"src/{folders}*.py" for folders in ("", "*/", "*/*/", "*/*/*/")],
    document_types={".py": PythonDocStringDocument},
)

pytest_collect_file = SybilCollection([_pages, _docstrings]).pytest()
