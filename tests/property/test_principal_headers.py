"""A principal as headers: never an empty value, and never another principal's."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from authz_lib import principal_from_headers
from authz_lib.gateway.context import principal_from_context, to_context
from authz_lib.principal import Principal
from authz_lib.service.principal_headers import principal_to_headers

END = 4_000_000_000.0
texts = st.one_of(
    st.sampled_from(["-", "--", '"', '"-"', " ", "a,b", "null", "[]"]),
    st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=20),
)
principals = st.builds(
    Principal,
    texts,
    issuer=st.none() | texts,
    client_id=st.none() | texts,
    tenant_id=st.none() | texts,
    groups=st.lists(texts, max_size=3).map(tuple),
    scopes=st.frozensets(texts, max_size=3),
    claims=st.just({}),
    expires_at=st.just(END),
)


def told(principal):
    return (
        principal.subject,
        principal.issuer,
        principal.client_id,
        principal.tenant_id,
        principal.groups,
        principal.scopes,
    )


@given(principals)
def test_there_and_back_by_headers_and_by_an_event(principal):
    headers = principal_to_headers(principal)
    assert all(value and value == value.strip() for value in headers.values())
    assert all(value.isascii() and value.isprintable() for value in headers.values())
    by_headers = principal_from_headers({"headers": headers}, proof=None, clock=lambda: END - 60)
    flat = {key: str(value) for key, value in to_context(principal).items()}
    by_event = principal_from_context(flat, now=END - 60)
    assert told(by_headers) == told(by_event) == told(principal)
