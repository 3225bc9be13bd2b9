from __future__ import annotations

import pytest

import authz_lib.sigv4 as room


def test_every_public_name_is_there_sorted_and_listed():
    assert room.__all__ == sorted(room.__all__)
    assert set(room.__all__) <= set(dir(room))
    for name in room.__all__:
        assert getattr(room, name).__module__.startswith("authz_lib.sigv4.")


def test_an_unknown_name_is_an_attribute_error():
    with pytest.raises(AttributeError):
        room.SigV3Signer  # noqa: B018
