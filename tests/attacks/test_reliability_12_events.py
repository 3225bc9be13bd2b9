"""Reliability 12: an event that is larger than any gateway sends, and one of another type."""

from __future__ import annotations

import time

import pytest

from authz_lib import QueryParameter, errors, principal_from_headers

MEGABYTE = 1_000_000
EVENTS = {
    "one parameter, encoded": {"rawQueryString": "t=" + "%41" * (MEGABYTE // 3)},
    "many parameters": {"rawQueryString": "&".join(f"a{n}=1" for n in range(MEGABYTE // 9))},
}


@pytest.mark.parametrize("event", EVENTS.values(), ids=EVENTS.keys())
def test_a_query_of_a_megabyte_is_refused_before_it_is_read(event: dict[str, str]) -> None:
    times = []
    for _ in range(3):
        started = time.thread_time()
        with pytest.raises(errors.UntrustedEventError):
            QueryParameter("t").read(event)
        times.append(time.thread_time() - started)
    assert min(times) < 0.01


@pytest.mark.parametrize("name", [None, 1, 1.5, ("a",)])
def test_a_header_whose_name_is_no_text_is_refused(name: object) -> None:
    with pytest.raises(errors.UntrustedEventError):
        principal_from_headers({"headers": {name: "x"}}, proof=None)
