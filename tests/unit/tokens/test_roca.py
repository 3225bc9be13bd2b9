"""The fingerprint of broken RSA keys, and of no others."""

from __future__ import annotations

from random import Random

import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from hypothesis import given
from hypothesis import strategies as st

from authz_lib._support import base64url
from authz_lib.testing.issuer import TestIssuer
from authz_lib.tokens.jwk import InvalidJWKError, load_jwk, load_jwk_set
from authz_lib.tokens.roca import has_roca_fingerprint


def product(values: list[int]) -> int:
    result = 1
    for value in values:
        result *= value
    return result


SMALL = [n for n in range(2, 400) if all(n % d for d in range(2, n))]
# Of keys of 2048 bits: the product of the first 71 primes.
M = product(SMALL[:71])

PRIMES = [n for n in range(2, 1500) if all(n % d for d in range(2, 40) if d < n)]
MODULI = [product(PRIMES[:count]) for count in (39, 71, 126, 225)]


def is_prime(number: int) -> bool:
    """Fermat, to three bases: enough for numbers that nobody chose."""
    return all(pow(base, number - 1, number) == 1 for base in (2, 3, 5))


def roca_prime(random: Random) -> int:
    """A prime of 1024 bits as the broken generator makes it: k * M + (65537 ** a mod M)."""
    while True:
        rest = pow(65537, random.getrandbits(62), M)
        number = (random.getrandbits(1024) | 3 << 1022) // M * M + rest
        if number.bit_length() == 1024 and is_prime(number):
            return number


RANDOM = Random(2017)
MODULUS = roca_prime(RANDOM) * roca_prime(RANDOM)


@given(st.integers(0, 2**62), st.integers(0, 2**62), st.integers(0, 2**53))
def test_every_product_of_the_generator_has_it(first, second, high):
    """Whatever the exponents and the size, the primes that M has more of included."""
    for m in MODULI:
        one, two = (pow(65537, exponent, m) for exponent in (first, second))
        assert has_roca_fingerprint((high * m + one) * two)


def test_a_whole_key_has_it():
    assert has_roca_fingerprint(MODULUS)


def test_ordinary_keys_have_not():
    for _ in range(3):
        numbers = rsa.generate_private_key(65537, 2048).public_key().public_numbers()
        assert not has_roca_fingerprint(numbers.n)


@given(st.randoms(use_true_random=False), st.sampled_from([2048, 3072, 4096]))
def test_other_numbers_have_not(random, bits):
    assert not has_roca_fingerprint(random.getrandbits(bits) | 1 << (bits - 1) | 1)


def test_such_a_key_is_a_bad_one_and_not_a_foreign_one():
    good = TestIssuer(algorithm="RS256").jwks()["keys"][0]
    bad = good | {"n": base64url.encode(MODULUS.to_bytes(256, "big")).decode(), "kid": "broken"}
    with pytest.raises(InvalidJWKError) as caught:
        load_jwk(bad)
    assert not caught.value.foreign
    table = load_jwk_set({"keys": [bad, good]})
    assert (len(table), [str(error) for error in table.skipped]) == (1, [str(caught.value)])
