"""The error codes of AWS that say "later": what throttles, and what was waited for too long.

The lists are botocore's own, of ``botocore.retries.standard``: what it tries again.  Many services
send them with a 400, so the status alone does not tell.  ``LimitExceededException`` is left out:
many services mean a fixed quota by it, which no waiting changes.

See https://docs.aws.amazon.com/sdkref/latest/guide/feature-retry-behavior.html
"""

from __future__ import annotations

from typing import Final

__all__ = ["LATER_CODES", "THROTTLING_CODES"]

THROTTLING_CODES: Final = frozenset(
    {
        "BandwidthLimitExceeded",
        "EC2ThrottledException",
        "PriorRequestNotComplete",
        "ProvisionedThroughputExceededException",
        "RequestLimitExceeded",
        "RequestThrottled",
        "RequestThrottledException",
        "SlowDown",
        "ThrottledException",
        "Throttling",
        "ThrottlingException",
        "TooManyRequestsException",
        "TransactionInProgressException",
    }
)
"""Asked too often."""

LATER_CODES: Final = THROTTLING_CODES | {"RequestTimeout", "RequestTimeoutException"}
"""Neither a "no" nor a missing setting: the same call may succeed later."""
