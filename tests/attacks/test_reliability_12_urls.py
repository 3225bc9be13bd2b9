"""Reliability 12: the URLs that signing remembers, 128 of any length."""

from __future__ import annotations

import contextlib
import tracemalloc

from authz_lib import SigV4Signer, errors
from authz_lib.sigv4 import Credentials


def test_urls_of_a_megabyte_are_not_kept():
    signer = SigV4Signer(
        service="execute-api",
        region="eu-west-1",
        credentials=Credentials("AKIDEXAMPLE", "secret"),
        clock=lambda: 0,
    )
    tracemalloc.start()
    try:
        before = tracemalloc.get_traced_memory()[0]
        for number in range(20):
            with contextlib.suppress(errors.InvalidRequestError):
                signer.sign("GET", f"https://a.example/{number}/{'x' * 1_000_000}")
        grown = tracemalloc.get_traced_memory()[0] - before
    finally:
        tracemalloc.stop()
    assert grown < 3_000_000
