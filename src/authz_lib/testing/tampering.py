"""What an attacker does to a token: each function makes one that must not verify of a good one."""

from __future__ import annotations

import base64
import json
import time
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = [
    "alg_hs256",
    "alg_none",
    "expired",
    "flipped_signature_bit",
    "foreign_key",
    "other_claims",
]


def _b64(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def _unb64(segment: str) -> bytes:
    return base64.urlsafe_b64decode(segment + "=" * (-len(segment) % 4))


def _parts(token: str) -> tuple[dict[str, Any], dict[str, Any]]:
    header, payload, _ = token.split(".")
    return json.loads(_unb64(header)), json.loads(_unb64(payload))


def _signed(header: dict[str, Any], payload: dict[str, Any], sign: Callable[[bytes], bytes]) -> str:
    signing_input = f"{_b64(json.dumps(header).encode())}.{_b64(json.dumps(payload).encode())}"
    return f"{signing_input}.{_b64(sign(signing_input.encode()))}"


def _rs256(key: Any) -> Callable[[bytes], bytes]:
    from cryptography.hazmat.primitives import hashes
    from cryptography.hazmat.primitives.asymmetric import padding

    return lambda data: bytes(key.sign(data, padding.PKCS1v15(), hashes.SHA256()))


def expired(token: str, signing_key: bytes) -> str:
    """The same token an hour past its ``exp``, signed by the issuer's own key (PEM)."""
    from cryptography.hazmat.primitives.serialization import load_pem_private_key

    header, payload = _parts(token)
    now = int(time.time())
    moved = payload | {"iat": now - 7200, "auth_time": now - 7200, "exp": now - 3600}
    return _signed(header, moved, _rs256(load_pem_private_key(signing_key, password=None)))


def foreign_key(token: str) -> str:
    """The same header (with its ``kid``) and claims, signed by a key that the issuer never had."""
    from cryptography.hazmat.primitives.asymmetric import rsa

    header, payload = _parts(token)
    return _signed(
        header, payload, _rs256(rsa.generate_private_key(public_exponent=65537, key_size=2048))
    )


def flipped_signature_bit(token: str) -> str:
    """The same token with one bit of the signature changed."""
    signing_input, _, signature = token.rpartition(".")
    raw = bytearray(_unb64(signature))
    raw[len(raw) // 2] ^= 1
    return f"{signing_input}.{_b64(bytes(raw))}"


def alg_none(token: str) -> str:
    """An unsecured JWT with the same claims (RFC 7519, section 6)."""
    header, payload = _parts(token)
    return _signed(header | {"alg": "none"}, payload, lambda _: b"")


def alg_hs256(token: str, public_key: bytes) -> str:
    """The same claims, with the issuer's public key (PEM) as an HMAC secret (CVE-2022-29217)."""
    import hashlib
    import hmac

    header, payload = _parts(token)
    return _signed(
        header | {"alg": "HS256"},
        payload,
        lambda data: hmac.new(public_key, data, hashlib.sha256).digest(),
    )


def other_claims(token: str, **claims: Any) -> str:
    """The same header and signature over other claims: ``other_claims(own, sub="alice")``."""
    header, payload, signature = token.split(".")
    changed = json.loads(_unb64(payload)) | claims
    return f"{header}.{_b64(json.dumps(changed).encode())}.{signature}"
