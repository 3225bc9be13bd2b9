"""Tokens for `requests.yaml`: made with the real secret, and what an attacker makes without it."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from authz_lib.testing import tampering
from authz_lib.tokens import SharedSecretIssuer

if TYPE_CHECKING:
    from authz_local.local_scenario import LocalScenario


def seed(local: LocalScenario) -> None:
    """Put the tokens where `${...}` finds them."""
    stored = local.aws.client("secretsmanager").get_secret_value(
        SecretId=local.stack.outputs["SecretArn"]
    )
    secret = stored["SecretString"]
    fresh = SharedSecretIssuer(secret=secret).mint("alice")
    someone_elses = SharedSecretIssuer(secret=secret).mint("bob")
    local.variables |= {
        "fresh": fresh,
        "someone_elses": someone_elses,
        "spliced": tampering.other_claims(someone_elses, sub="alice"),
        "expired": SharedSecretIssuer(secret=secret, clock=lambda: time.time() - 61).mint(
            "alice", ttl_seconds=60
        ),
        "other_secret": SharedSecretIssuer(
            secret="a secret of somebody else, long enough to be one"
        ).mint("alice"),
        "hs384": SharedSecretIssuer(secret=secret, algorithm="HS384").mint("alice"),
        "alg_none": tampering.alg_none(fresh),
        "foreign_key": tampering.foreign_key(fresh),
        "flipped_bit": tampering.flipped_signature_bit(fresh),
    }
