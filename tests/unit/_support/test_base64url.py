from __future__ import annotations

import pytest

from authz_lib._support import base64url


@pytest.mark.parametrize(
    ("data", "text"),
    [(b"", b""), (b"f", b"Zg"), (b"fo", b"Zm8"), (b"foo", b"Zm9v"), (b"\xfb\xff", b"-_8")],
)
def test_the_canonical_text(data, text):
    assert base64url.encode(data) == text
    assert base64url.decode(text) == data


@pytest.mark.parametrize(
    "text",
    [
        b"Z", b"Zg==", b"Zg=", b"=", b"Zh", b"Zm9", b"Z g", b"Zg\n", b"Zm9v\n", b"+_8", b"-/8",
        b"Zm9vZ", b"\x00\x00", b"Zm=v", b"\xff\xff",
    ],
)  # fmt: skip
def test_anything_else_is_refused(text):
    with pytest.raises(ValueError):
        base64url.decode(text)
