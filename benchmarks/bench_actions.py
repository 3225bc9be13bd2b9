"""What a resolve costs: beside a raw RSA verify (the least that a token costs), and with a hundred
times the routes.
"""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))

from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.hazmat.primitives.hashes import SHA256

from _ratio import measure, print_table
from authz_lib.actions import ActionMap


def table(routes: int) -> ActionMap:
    """A table of ``routes`` routes, a half with a label, in services of ten routes each."""
    lines = []
    for number in range(routes // 2):
        collection = f"/v1/area{number // 5}/things{number}"
        lines.append({"method": "GET", "route": collection, "action": f"bench:List{number}"})
        lines.append(
            {
                "method": "GET",
                "route": f"{collection}/{{thingId}}",
                "action": f"bench:Get{number}",
                "resource_type": "Thing",
                "resource_id_label": "thingId",
            }
        )
    return ActionMap.from_document({"version": 1, "actions": lines})


def by_query(routes: int) -> ActionMap:
    """Operations that share one route and differ in a query literal."""
    lines = [
        {
            "method": "POST",
            "route": "/",
            "query": {"Action": f"Do{number}"},
            "action": f"bench:Do{number}",
        }
        for number in range(routes)
    ]
    return ActionMap.from_document({"version": 1, "actions": lines})


def main() -> None:
    """Print both tables."""
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    message = b"x" * 700  # a token's signing input
    signature = key.sign(message, padding.PKCS1v15(), SHA256())
    public, scheme, digest = key.public_key(), padding.PKCS1v15(), SHA256()
    small, large = table(10), table(1000)
    path = "/v1/area0/things3/0f8b5a1e-7c2d"
    path_large = "/v1/area99/things498/0f8b5a1e-7c2d"
    assert small.resolve("GET", None, path, {}).resource_id == "0f8b5a1e-7c2d"
    assert large.resolve("GET", None, path_large, {}).entry.action == "bench:Get498"

    cases = {
        "raw RSA-2048 verify": lambda: public.verify(signature, message, scheme, digest),
        "by route key, with a label": lambda: small.resolve(
            "GET", "GET /v1/area0/things3/{thingId}", "/v1/area0/things3/0f8b5a1e-7c2d", {}
        ),
        "by route key, no label": lambda: small.resolve(
            "GET", "GET /v1/area0/things3", "/v1/area0/things3", {}
        ),
        "by route key, other label names": lambda: small.resolve(
            "GET", "GET /v1/area0/things3/{id}", "/v1/area0/things3/0f8b5a1e-7c2d", {}
        ),
        "by path": lambda: small.resolve("GET", None, path, {}),
        "by path, percent-encoded": lambda: small.resolve(
            "GET", None, "/v1/area0/things3/a%20b", {}
        ),
        "unknown path": lambda: small.resolve("GET", None, "/v1/area0/nothing/here", {}),
    }
    ratios = measure(cases, reference="raw RSA-2048 verify")
    print_table(
        "a resolve beside a raw RSA verify",
        ratios,
        {"by route key, with a label": 0.06, "by route key, no label": 0.06},
    )
    for name, route, route_large in (
        ("by path", None, None),
        ("by route key", "/v1/area0/things3/{thingId}", "/v1/area99/things498/{thingId}"),
    ):
        cases = {
            "10 routes": lambda route=route: small.resolve("GET", route, path, {}),
            "1000 routes": lambda route=route_large: large.resolve("GET", route, path_large, {}),
        }
        print_table(f"routes, {name}", measure(cases, reference="10 routes"), {"1000 routes": 2.0})
    few, many = by_query(10), by_query(1000)
    cases = {
        "10 routes": lambda: few.resolve("POST", "/", "/", {"Action": ["Do9"]}),
        "1000 routes": lambda: many.resolve("POST", "/", "/", {"Action": ["Do999"]}),
    }
    print_table(
        "routes, by query literal", measure(cases, reference="10 routes"), {"1000 routes": 2.0}
    )


if __name__ == "__main__":
    main()
