"""What `BearerToken` accepts, beside the grammar written as a regular expression."""

from __future__ import annotations

import re

from hypothesis import given
from hypothesis import strategies as st

from authz_lib.errors import AmbiguousTokenError, InvalidTokenError
from authz_lib.gateway.sources import BearerToken

GRAMMAR = re.compile(r"[Bb][Ee][Aa][Rr][Ee][Rr] ([A-Za-z0-9._~+/-]+=*)")

schemes = st.sampled_from(
    ["Bearer", "bearer", "BEARER", "BeArEr", "Bearer2", "Basic", "", "\u212aearer"]
)
separators = st.sampled_from([" ", "  ", "\t", "", "\u00a0", " =", "\n"])
tokens = st.text(st.sampled_from([*"abzAZ019-._~+/= ,\n\t\x00\u00e9\u0660\u212a"]), max_size=12)


@given(schemes, separators, tokens)
def test_it_reads_what_the_grammar_says(scheme, separator, token):
    value = f"{scheme}{separator}{token}"
    # White space around a field's value is none of it (RFC 9110, 5.5).
    match = GRAMMAR.fullmatch(value.strip(" \t"))
    try:
        read = BearerToken().read({"headers": {"Authorization": value}})
    except (AmbiguousTokenError, InvalidTokenError):
        assert match is None
    else:
        assert read == (match[1] if match else None)
