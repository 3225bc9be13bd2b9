"""Security 3: the error of one lookup of credentials, raised to all callers that wait for it."""

from __future__ import annotations

import threading

import botocore.session
import pytest

from authz_lib import SigV4Signer
from authz_lib.errors import DeliveryError

CALLERS = 20


@pytest.fixture
def waiting(monkeypatch):
    """The chain finds nothing, when it is told to go on."""
    monkeypatch.delenv("AWS_ACCESS_KEY_ID", raising=False)
    go_on = threading.Event()

    def find_nothing(self):
        assert go_on.wait(10)

    monkeypatch.setattr(botocore.session.Session, "get_credentials", find_nothing)
    return go_on


def frames_of(error: BaseException | None):
    """Every frame that can be reached from an error."""
    seen, todo = set(), [error]
    while todo:
        one = todo.pop()
        if one is None or id(one) in seen:
            continue
        seen.add(id(one))
        todo += [one.__cause__, one.__context__]
        trace = one.__traceback__
        while trace is not None:
            yield trace.tb_frame
            trace = trace.tb_next


def test_each_caller_has_an_error_of_its_own(waiting):
    signer = SigV4Signer(service="execute-api", region="eu-west-1")
    caught: dict[str, DeliveryError] = {}
    begun = threading.Barrier(CALLERS + 1)

    def call(token: str) -> None:
        begun.wait(10)
        try:
            signer.sign("GET", "https://api.example.com/", {"x-token": token})
        except DeliveryError as error:
            caught[token] = error

    tokens = [f"token-of-{number}" for number in range(CALLERS)]
    threads = [threading.Thread(target=call, args=(token,)) for token in tokens]
    for thread in threads:
        thread.start()
    begun.wait(10)
    threading.Event().wait(0.2)  # all but one wait for the one by now
    waiting.set()
    for thread in threads:
        thread.join(10)
    assert set(caught) == set(tokens)
    assert len({id(error) for error in caught.values()}) == CALLERS
    assert {type(error).__name__ for error in caught.values()} == {"NoCredentialsError"}
    for token, error in caught.items():
        seen = {frame.f_locals.get("token") for frame in frames_of(error)} - {None}
        assert seen == {token}
