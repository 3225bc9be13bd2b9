"""Settings of the property tests, and the tests that need `authz-local`.

The property tests have the same examples on every run; `uv run nox -s fuzz` looks for new ones.
"""

from __future__ import annotations

import os
from importlib.util import find_spec

from hypothesis import settings

# They deploy templates, and read them with `authz-local`, which a plain install does not bring.
collect_ignore = [] if find_spec("authz_local") else ["examples", "stack"]


def pytest_report_header():
    return f"left out without `authz-local`: {', '.join(collect_ignore)}" if collect_ignore else ""


settings.register_profile("steady", deadline=None, derandomize=True, max_examples=50)
settings.register_profile("fuzz", deadline=None, print_blob=True)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "steady"))
