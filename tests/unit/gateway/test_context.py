"""The principal as flat values: what is written, and what is read back."""

from __future__ import annotations

import pytest

from authz_lib.errors import UntrustedEventError
from authz_lib.gateway.context import (
    NO_VALUE,
    PRINCIPAL_KEYS,
    principal_from_context,
    refusal_context,
    to_context,
)
from authz_lib.principal import Principal

NOW = 1_700_000_000.0
PLAIN = to_context(Principal("alice", expires_at=NOW + 60))


def read(**changes):
    return principal_from_context({**PLAIN, **changes}, now=NOW)


def test_no_value_of_the_principal_is_ever_empty():
    assert all(str(PLAIN[key]) for key in PRINCIPAL_KEYS)
    assert {refusal_context("x")[key] for key in PRINCIPAL_KEYS} == {NO_VALUE}


@pytest.mark.parametrize("none", ["", "-"])
def test_none_is_read_in_the_form_of_today_and_of_older_authorizers(none):
    caller = read(issuer=none, client_id=none, tenant_id=none, token_use=none)
    assert (caller.issuer, caller.client_id, caller.tenant_id) == (None, None, None)
    assert "token_use" not in caller.claims


def test_a_value_that_is_the_sign_for_none_is_told_apart():
    written = to_context(Principal("-", tenant_id="-", expires_at=NOW + 60))
    assert (written["sub"], written["tenant_id"]) == ('"-"', '"-"')
    caller = principal_from_context(written, now=NOW)
    assert (caller.subject, caller.tenant_id) == ("-", "-")


@pytest.mark.parametrize("text", ['"', '"a', '"a"b', '""', '"a","b"', '"\\ud800"', '"\ud800"'])
def test_a_broken_json_text_is_refused_with_the_key_and_without_the_value(text):
    with pytest.raises(UntrustedEventError, match="`tenant_id` of the principal") as caught:
        read(tenant_id=text)
    assert text not in str(caught.value)


@pytest.mark.parametrize("none", ["", "-"])
def test_nobody_is_refused(none):
    with pytest.raises(UntrustedEventError, match="`sub`"):
        read(sub=none)
    with pytest.raises(UntrustedEventError):
        principal_from_context(refusal_context("x"), now=NOW)
