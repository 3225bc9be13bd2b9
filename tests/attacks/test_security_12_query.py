"""Security 12: a query of many parameters of one name, which took time by its square."""

from __future__ import annotations

import time

from authz_lib.gateway import parse_authorizer_event
from authz_lib.testing import events


def test_a_query_of_16_kb_is_read_in_the_time_of_its_parts() -> None:
    raw = events.http_authorizer_event("abc") | {"rawQueryString": "a&" * 8_000}
    times = []
    for _ in range(5):
        event = parse_authorizer_event(raw)
        started = time.thread_time()
        assert len(event.query["a"]) == 8_000
        times.append(time.thread_time() - started)
    assert min(times) < 0.05
