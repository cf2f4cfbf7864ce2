"""Seeds by purpose: random numbers that do not depend on what was drawn before."""

import hashlib


def seed_for(*purpose: int | str) -> int:
    """A 63-bit seed for a purpose such as `(seed, "order", epoch)`: the same on every machine, far apart otherwise."""
    digest = hashlib.blake2b(repr(purpose).encode(), digest_size=8).digest()
    return int.from_bytes(digest, "little") >> 1
