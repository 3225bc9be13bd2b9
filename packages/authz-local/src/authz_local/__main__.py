"""`python -m authz_local` is `authz-local`."""

from __future__ import annotations

from authz_local.command import run_local_as_process

run_local_as_process()
