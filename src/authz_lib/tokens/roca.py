"""RSA keys of a generator whose primes can be found: ROCA (CVE-2017-15361).

Its primes are powers of 65537 modulo every small prime, and so is their product.  See Nemec et al.,
"The Return of Coppersmith's Attack", section 2, and https://github.com/crocs-muni/roca.
"""

from __future__ import annotations

from functools import cache
from math import prod
from typing import Final

__all__ = ["has_roca_fingerprint"]

_GENERATOR: Final = 65537
# Every generator of this kind, for keys of whatever size, used at least these.
_PRIMES: Final = (
    3, 5, 7, 11, 13, 17, 19, 23, 29, 31, 37, 41, 43, 47, 53, 59, 61, 67, 71, 73, 79, 83, 89, 97,
    101, 103, 107, 109, 113, 127, 131, 137, 139, 149, 151, 157, 163, 167,
)  # fmt: skip
_PRODUCT: Final = prod(_PRIMES)


def has_roca_fingerprint(modulus: int) -> bool:
    """Whether the modulus looks like one of that generator.

    Of other keys fewer than one in a hundred million does.

    >>> has_roca_fingerprint(2**2048 - 1)
    False
    """
    rest = modulus % _PRODUCT
    return all(rest % prime in powers for prime, powers in _powers())


@cache
def _powers() -> tuple[tuple[int, frozenset[int]], ...]:
    """For each prime, the remainders that a power of 65537 can leave."""
    return tuple(
        (prime, frozenset(pow(_GENERATOR, exponent, prime) for exponent in range(prime)))
        for prime in _PRIMES
    )
