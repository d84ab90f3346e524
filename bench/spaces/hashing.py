"""Identity of functions by evaluation in a ring: two expressions are equal if their random values are.

Operations become random maps of 64-bit integers, addition becomes addition modulo 2^64, so that commutativity,
associativity, zero and identity hold by construction and nothing else does (Schwartz-Zippel; a collision among the
few thousand functions of a space has probability below 1e-11, and the counts are tested).
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

Hashes = npt.NDArray[np.uint64]
# Odd multipliers: fixed, so that canonical forms are the same on every machine.
_KEYS = np.random.Generator(np.random.PCG64(20210101)).integers(1, 2**63, size=64, dtype=np.uint64) | np.uint64(1)


def key(i: int) -> np.uint64:
    """The i-th random odd constant."""
    return np.uint64(_KEYS[i])


def scramble(values: Hashes, i: int) -> Hashes:
    """A random non-linear map of 64-bit integers (splitmix64's finaliser), one for every ``i``."""
    mixed = (values ^ key(i)) * np.uint64(0xBF58476D1CE4E5B9)
    mixed ^= mixed >> np.uint64(29)
    mixed *= np.uint64(0x94D049BB133111EB)
    return mixed ^ (mixed >> np.uint64(32))


def first_of_class(hashes: Hashes) -> npt.NDArray[np.int64]:
    """For every position the first position with the same hash: (n,) -> (n,)."""
    _, first, inverse = np.unique(hashes, return_index=True, return_inverse=True)
    return first[inverse.reshape(-1)].astype(np.int64)
