"""An embedding of a task's raw training images that needs no training and no download.

Three groups of numbers, each known to say something about which networks suit a task:

* sizes: log10 of images, classes and images per class;
* the images: moments of their intensity, how colourful they are, the share of the power in each of eight bands of spatial
  frequency, how much of the variance the leading principal components hold;
* the classes: accuracy of nearest class mean and of nearest neighbour, and the ratio of the variance between classes to
  that within them, in pixels and after random convolutions (fixed random 3x3 filters, rectified and pooled: features of an
  untrained network, Saxe et al., ICML 2011).

At most 2,000 images are looked at, resized to 16 x 16.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from ..tasks import ImageTask

Floats = npt.NDArray[np.float64]
SIZE, IMAGES, FILTERS, BANDS, COMPONENTS = 16, 2000, 32, 8, (1, 4, 16, 64)

FEATURES = (
    *("log10 images", "log10 classes", "log10 images per class"),
    *("mean intensity", "deviation of intensity", "skewness of intensity", "deviation between images", "colourfulness"),
    *(f"power in band {band}" for band in range(1, BANDS + 1)),
    *(f"variance in {n} components" for n in COMPONENTS),
    *(f"{what} of {space}" for space in ("pixels", "filters") for what in ("class means", "neighbours", "separation")),
)


def embed(task: ImageTask) -> Floats:
    """The embedding of a task, shape (len(FEATURES),); the same for the same training images and labels."""
    labels = task.train.labels
    rows = np.sort(np.random.default_rng(0).permutation(len(labels))[:IMAGES])
    images = resized(task.train.images[rows])
    classes = len(task.classes)
    sizes = np.log10([len(labels), classes, len(labels) / classes])
    flat = images.reshape(len(images), -1)
    parts = [sizes, _intensities(images), _bands(images.mean(axis=-1)), _spectrum(flat)]
    for features in (flat, random_filters(images)):
        parts.append(_separability(features, labels[rows], classes))
    return np.concatenate(parts)


def resized(images: npt.NDArray[np.uint8]) -> Floats:
    """Images (n, h, w, c) as floats in 0..1 of 16 x 16 and three channels, by area or nearest pixel."""
    _, height, width, channels = images.shape
    scaled = images / 255.0
    for axis, length in ((1, height), (2, width)):
        edges = np.linspace(0, length, SIZE + 1)
        starts = np.minimum(edges[:-1].astype(np.int64), length - 1)
        if length > SIZE:
            counts = np.diff([*starts, length])
            shape = [1, 1, 1, 1]
            shape[axis] = SIZE
            scaled = np.add.reduceat(scaled, starts, axis=axis) / counts.reshape(shape)
        else:
            scaled = np.take(scaled, starts, axis=axis)
    return np.repeat(scaled, 3, axis=-1) if channels == 1 else scaled[..., :3]


def _intensities(images: Floats) -> Floats:
    grey = images.mean(axis=-1)
    mean, deviation = grey.mean(), grey.std()
    skewness = ((grey - mean) ** 3).mean() / max(deviation, 1e-6) ** 3
    return np.array([mean, deviation, skewness, grey.mean(axis=(1, 2)).std(), images.std(axis=-1).mean()])


def _bands(grey: Floats) -> Floats:
    """Share of the power, without the mean, in rings of spatial frequency."""
    power = np.abs(np.fft.fft2(grey - grey.mean(axis=(1, 2), keepdims=True))) ** 2
    frequency = np.hypot(*np.meshgrid(np.fft.fftfreq(SIZE), np.fft.fftfreq(SIZE)))
    ring = np.minimum((frequency / frequency.max() * BANDS).astype(np.int64), BANDS - 1)
    total = np.bincount(ring.ravel(), power.mean(axis=0).ravel(), minlength=BANDS)
    return np.asarray(total / max(total.sum(), 1e-12))


def _spectrum(flat: Floats) -> Floats:
    values = np.linalg.svd(flat - flat.mean(axis=0), compute_uv=False) ** 2
    share = np.cumsum(values) / max(values.sum(), 1e-12)
    return np.array([share[min(n, len(share)) - 1] for n in COMPONENTS])


def random_filters(images: Floats) -> Floats:
    """Rectified random 3x3 filters, pooled to 2 x 2: (n, 16, 16, 3) -> (n, 4 * filters)."""
    windows = np.lib.stride_tricks.sliding_window_view(images, (3, 3), axis=(1, 2))
    patches = windows.reshape(*windows.shape[:3], -1)
    patches = patches - patches.mean(axis=-1, keepdims=True)
    weights = np.random.default_rng(1).standard_normal((patches.shape[-1], FILTERS)) / np.sqrt(patches.shape[-1])
    response = np.maximum(patches @ weights, 0)
    half = response.shape[1] // 2
    pooled = [response[:, a : a + half, b : b + half].mean(axis=(1, 2)) for a in (0, half) for b in (0, half)]
    return np.concatenate(pooled, axis=1)


def _separability(features: Floats, labels: npt.NDArray[np.int64], classes: int) -> Floats:
    """Accuracy of nearest class mean and of nearest neighbour, each without the image itself; log variance ratio."""
    scaled = (features - features.mean(axis=0)) / np.maximum(features.std(axis=0), 1e-6)
    counts = np.bincount(labels, minlength=classes).astype(np.float64)
    sums = np.zeros((classes, scaled.shape[1]))
    np.add.at(sums, labels, scaled)
    means = sums / np.maximum(counts, 1)[:, None]
    to_means = _distances(scaled, means)
    # Without the image itself its own class mean is farther away by this factor; a class of one has no mean left.
    own = counts[labels]
    mine = np.arange(len(labels)), labels
    to_means[mine] = np.where(own > 1, to_means[mine] * (own / np.maximum(own - 1, 1)) ** 2, np.inf)
    to_means[:, counts == 0] = np.inf
    between = _distances(scaled, scaled)
    np.fill_diagonal(between, np.inf)
    within = float(((scaled - means[labels]) ** 2).sum())
    ratio = float((counts[:, None] * means**2).sum()) / max(within, 1e-9)
    nearest_mean = (to_means.argmin(axis=1) == labels).mean()
    nearest = (labels[between.argmin(axis=1)] == labels).mean()
    return np.array([nearest_mean, nearest, np.log(max(ratio, 1e-9))])


def _distances(one: Floats, other: Floats) -> Floats:
    squares = (one**2).sum(axis=1)[:, None] + (other**2).sum(axis=1) - 2 * one @ other.T
    return np.asarray(np.maximum(squares, 0))
