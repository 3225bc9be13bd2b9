"""Signing beside `botocore.auth.SigV4Auth.add_auth` alone, which makes no URL canonical and checks
no header.
"""

from __future__ import annotations

from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials as BotocoreCredentials

from _ratio import measure, print_table
from authz_lib.sigv4 import Credentials, SigV4Signer

KEYS = ("AKIDEXAMPLE", "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY", "token" * 100)
HOST = "https://abc.execute-api.eu-west-1.amazonaws.com"
BODY = b'{"idempotency_key":"job-17","payload":{"text":"' + b"x" * 1000 + b'"}}'
HEADERS = {"content-type": "application/json", "idempotency-key": "job-17"}
SHAPES = {
    "POST, 1 kB": ("POST", f"{HOST}/prod/execute", HEADERS, BODY),
    "GET, awkward path and query": (
        "GET",
        f"{HOST}/prod/a b:c/%2F?q=a+b&r=%2F:*&flag&b=2&b=1",
        {},
        b"",
    ),
}


def main() -> None:
    """Print the ratios; the bar is 1.6."""
    signer = SigV4Signer(service="execute-api", region="eu-west-1", credentials=Credentials(*KEYS))
    auth = SigV4Auth(BotocoreCredentials(*KEYS), "execute-api", "eu-west-1")
    for title, (method, url, headers, body) in SHAPES.items():
        signed = signer.sign(method, url, headers, body)
        request = AWSRequest(method, signed.url, headers, body)

        def sign(call=(method, url, headers, body)):
            return signer.sign(*call)

        def distinct(count=iter(range(10**9)), call=(method, headers, body), url=url):  # noqa: B008  # one counter
            return signer.sign(
                call[0], f"{url}{'&' if '?' in url else '?'}n={next(count)}", *call[1:]
            )

        ratios = measure(
            {
                "botocore add_auth": lambda request=request: auth.add_auth(request),
                "SigV4Signer.sign": sign,
                "SigV4Signer.sign, a new URL each time": distinct,
            },
            reference="botocore add_auth",
        )
        print_table(
            title, ratios, {"SigV4Signer.sign": 1.6, "SigV4Signer.sign, a new URL each time": 1.6}
        )


if __name__ == "__main__":
    main()
