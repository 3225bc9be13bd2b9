"""The pytest plugin of the test kit, and what it imports."""

from __future__ import annotations

import subprocess
import sys

HEAVY = ["boto3", "botocore", "cedarpy", "cryptography", "jwt", "pydantic", "urllib3", "yaml"]


def test_the_plugin_loads_nothing_that_a_bare_install_may_lack():
    code = f"""
import sys
import authz_lib.testing.plugin
print([name for name in {HEAVY} if name in sys.modules])
"""
    ended = subprocess.run(
        [sys.executable, "-I", "-c", code], capture_output=True, text=True, check=True, timeout=60
    )
    assert ended.stdout.strip() == "[]"


def test_its_fixtures_make_and_serve_real_keys(authz_issuer, authz_jwks):
    from authz_lib import JWTVerifier, RemoteKeySet

    verifier = JWTVerifier(
        issuer=authz_issuer.issuer,
        audience=None,
        algorithms=["RS256"],
        keys=RemoteKeySet(authz_jwks.jwks_url),
    )
    assert verifier.verify(authz_issuer.token({"sub": "alice"})).claims["sub"] == "alice"
