"""The folder of the example, and the one local AWS that the tests of this folder share."""

from __future__ import annotations

from pathlib import Path

import pytest

FOLDER = Path(__file__).parents[3] / "examples" / "hello_invoker"


@pytest.fixture(scope="session")
def folder():
    return FOLDER


@pytest.fixture(scope="module")
def local():
    from authz_local.local_scenario import LocalScenario

    with LocalScenario(FOLDER) as scenario:
        yield scenario
