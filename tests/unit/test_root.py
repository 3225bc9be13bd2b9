"""The root is lazy, sorted and whole."""

from __future__ import annotations

import re
import subprocess
import sys

import pytest

import authz_lib
from authz_lib import errors

HEAVY = [
    "boto3",
    "botocore",
    "cachetools",
    "cedarpy",
    "cryptography",
    "jwt",
    "pydantic",
    "urllib3",
    "yaml",
]


def test_importing_the_root_loads_no_third_party_package():
    code = f"import sys, authz_lib; print([name for name in {HEAVY} if name in sys.modules])"
    result = subprocess.run(
        [sys.executable, "-I", "-c", code], capture_output=True, text=True, check=True, timeout=60
    )
    assert result.stdout.strip() == "[]"


def test_all_is_sorted_and_every_name_has_a_home():
    assert authz_lib.__all__ == sorted(authz_lib.__all__)
    assert set(authz_lib.__all__) == set(authz_lib._HOME)


@pytest.mark.parametrize("name", authz_lib.__all__)
def test_every_public_name_resolves_and_is_listed(name):
    assert getattr(authz_lib, name) is not None
    assert name in dir(authz_lib)


@pytest.mark.parametrize("name", authz_lib.__all__)
def test_every_public_name_is_documented_with_an_example(name):
    """The session `docs` runs the examples."""
    named = errors.AuthzError if name == "errors" else getattr(authz_lib, name)
    # Python 3.13 takes the indentation away.
    assert re.search(r"^ *>>> ", named.__doc__ or "", re.MULTILINE)


def test_an_unknown_name_is_an_attribute_error():
    with pytest.raises(AttributeError, match="no attribute `Verifier`"):
        _ = authz_lib.Verifier
