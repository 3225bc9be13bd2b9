"""`python -m authz_lib.cli` is `authz`."""

from __future__ import annotations

from authz_lib.cli.main import run_as_process

run_as_process()
