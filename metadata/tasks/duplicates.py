"""Identical and near-identical images, so that no copy of a training image is validated or tested on.

The perceptual hash is 8 x 8 mean grey values, centred and scaled to length 1, kept as numbers: the bits of the usual hash
flip with noise where an image is flat, and most of a handwritten digit is flat. Two images whose hashes are within ``NEAR``
(a correlation of 0.997) are near-identical if their 16 x 16 copies differ by at most ``LEVELS`` of 256 and by ``SHARE`` of
their contrast in grey, brightness apart, and by ``COLOURS`` in colour, where JPEG is coarse, all on average. So simple
images (digits, spectrograms) that are alike stay apart. Measured: 64 pairs among flowers17's 1,360 images, 8 among
25,000 of CIFAR-100's, 49 among 60,000 of Fashion-MNIST's, 2 among 5,000 of MNIST's, none among scikit-learn's digits.

Candidates come from a k-d tree over the ten directions of largest variance: a projection only shortens distances, so
none is missed. Images of a single colour hold nothing that could be remembered and are never taken for copies.
"""

from __future__ import annotations

import hashlib
from collections import OrderedDict
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from .pixels import Float32
from .source import Source
from .task import Ints

NEAR, LEVELS, SHARE, COLOURS = 0.08, 3.0, 0.06, 8.0
LUMA = np.array([0.299, 0.587, 0.114], np.float32)  # ITU-R 601
DIRECTIONS = 10
FLAT = 1.0  # levels of contrast below which an image is a single colour
MANY = 10  # a few copies in a small class are copies, not what the class is like
MOST_PAIRS, NEAREST = 20_000_000, 32  # thousands of pictures by one fixed camera
CHUNK = 100_000  # pairs compared at one time
Groups = npt.NDArray[np.int64]
_KEPT: OrderedDict[bytes, Groups] = OrderedDict()  # by content; class subsets of one parent ask for the same again


def near_identical(source: Source) -> Groups:
    """Group number of each image, (n,): near-identical images, and chains of them, have the same."""
    content = hashlib.blake2b(b"".join(source.digests)).digest()
    if content not in _KEPT:
        _KEPT[content] = groups_of(source.digests, source.small())
        if len(_KEPT) > 16:
            _KEPT.popitem(last=False)
    return _KEPT[content]


def groups_of(digests: Sequence[bytes], thumbs: Float32) -> Groups:
    """Groups from the hash of each image and its small copy, (n, 16, 16, c)."""
    n = len(digests)
    flat = thumbs.reshape(n, -1).max(1) - thumbs.reshape(n, -1).min(1) < FLAT
    _, content = np.unique(np.frombuffer(b"".join(digests), dtype=f"V{len(digests[0])}"), return_inverse=True)
    content = np.where(flat, n + np.arange(n), content)
    first = np.unique(content, return_index=True)[1]
    lively = first[~flat[first]]
    pairs = lively[_close_pairs(thumbs[lively])]
    return joined(content, pairs)


def separable(groups: Groups, digests: Sequence[bytes], labels: Ints) -> tuple[Groups, tuple[str, ...]]:
    """The groups, and notes where they had to be loosened: a group that is most of a class cannot be split.

    Of such groups (one fixed camera, one pattern with a little noise) only identical images stay together; and where even
    these are most of a class (one image everywhere: a test of chance) every image is alone.
    """
    notes = []
    if (large := _most_of_a_class(groups, labels)).any():
        identical = np.unique(np.frombuffer(b"".join(digests), dtype=f"V{len(digests[0])}"), return_inverse=True)[1]
        groups = np.where(large, len(groups) + identical, groups)
        notes.append(f"Near-identical images are most of a class; {large.sum()} of them may be in different parts.")
    if (large := _most_of_a_class(groups, labels)).any():
        groups = np.where(large, 2 * len(groups) + np.arange(len(groups)), groups)
        notes.append(f"Identical images are most of a class; {large.sum()} of them may be in different parts.")
    return np.unique(groups, return_inverse=True)[1].astype(np.int64), tuple(notes)


def _most_of_a_class(groups: Groups, labels: Ints) -> npt.NDArray[np.bool_]:
    """Which images (n,) are in a group of more than ``MANY`` that holds more than half of one class."""
    pairs, counts = np.unique(np.stack([groups, labels], 1), axis=0, return_counts=True)
    large = (counts > MANY) & (2 * counts > np.bincount(labels)[pairs[:, 1]])
    return np.isin(groups, pairs[large, 0])


def joined(groups: Groups, pairs: npt.NDArray[np.int64]) -> Groups:
    """Groups (n,) with the groups of each pair of images (m, 2) made one, numbered from 0."""
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import connected_components

    groups = np.unique(groups, return_inverse=True)[1]
    size = int(groups.max()) + 1
    links = groups[pairs.reshape(-1, 2)]
    graph = coo_array((np.ones(len(links), bool), (links[:, 0], links[:, 1])), shape=(size, size))
    return np.asarray(connected_components(graph, directed=False)[1][groups], np.int64)


def _candidates(points: Float32) -> npt.NDArray[np.int64]:
    """Pairs of points (n, d) within NEAR, (m, 2); where they are too many to list, of each point and its nearest."""
    from scipy.spatial import cKDTree

    tree, n = cKDTree(points), len(points)
    if n * (n - 1) // 2 <= MOST_PAIRS or (tree.count_neighbors(tree, NEAR) - n) // 2 <= MOST_PAIRS:
        return np.asarray(tree.query_pairs(NEAR, output_type="ndarray"), np.int64)
    nearest = tree.query(points, k=NEAREST + 1, distance_upper_bound=NEAR)[1][:, 1:]
    pairs = np.stack([np.repeat(np.arange(n), NEAREST), nearest.ravel()], axis=1)
    return np.asarray(pairs[pairs[:, 1] < n], np.int64)


def _close_pairs(thumbs: Float32) -> npt.NDArray[np.int64]:
    """Pairs of near-identical images, (m, 2), among different ones."""
    n, side, _, channels = thumbs.shape
    if n < 2:
        return np.empty((0, 2), np.int64)
    grey = thumbs @ LUMA if channels == len(LUMA) else thumbs.mean(3)
    hashes = grey.reshape(n, side // 2, 2, side // 2, 2).mean((2, 4)).reshape(n, -1)
    hashes = hashes - hashes.mean(1, keepdims=True)
    hashes /= np.maximum(np.linalg.norm(hashes, axis=1, keepdims=True), 1e-6)
    directions = np.linalg.eigh(hashes.T @ hashes)[1][:, -DIRECTIONS:]
    candidates = _candidates(hashes @ directions)
    grey, colour = grey.reshape(n, -1), thumbs.reshape(n, -1)
    grey = grey - grey.mean(1, keepdims=True)  # a little more light is no other image
    most = np.minimum(LEVELS, SHARE * grey.std(1))
    kept = [np.empty((0, 2), np.int64)]
    for start in range(0, len(candidates), CHUNK):
        pair = candidates[start : start + CHUNK]
        pair = pair[np.linalg.norm(hashes[pair[:, 0]] - hashes[pair[:, 1]], axis=1) <= NEAR]
        pair = pair[np.abs(grey[pair[:, 0]] - grey[pair[:, 1]]).mean(1) <= most[pair].min(1)]
        kept.append(pair[np.abs(colour[pair[:, 0]] - colour[pair[:, 1]]).mean(1) <= COLOURS])
    return np.concatenate(kept)
