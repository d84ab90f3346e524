"""Chance that does not depend on order: what is drawn is drawn by a hash of its content and of a name and a seed."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

DIGEST = 16  # bytes; at 8 two of a billion images would be taken for one
Keys = npt.NDArray[np.uint64]


def digests(images: npt.NDArray[np.uint8]) -> list[bytes]:
    """Hash of each image's pixels and shape: n times 16 bytes."""
    shape = repr(images.shape[1:]).encode()
    images = np.ascontiguousarray(images)
    return [hashlib.blake2b(image, digest_size=DIGEST, person=shape[:16]).digest() for image in images]


def keys(contents: Sequence[bytes], *salt: object) -> Keys:
    """A random number for each content, (n,), the same wherever and whenever it is drawn with this salt."""
    seed = hashlib.blake2b("\0".join(map(str, salt)).encode(), digest_size=32).digest()
    drawn = b"".join(hashlib.blake2b(content, digest_size=8, key=seed).digest() for content in contents)
    return np.frombuffer(drawn, dtype="<u8").astype(np.uint64)


def permutation(n: int, *salt: object) -> npt.NDArray[np.int64]:
    """The numbers from 0 to n - 1 in a random order, (n,)."""
    return np.argsort(keys([str(i).encode() for i in range(n)], *salt), kind="stable").astype(np.int64)
