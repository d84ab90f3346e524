"""A task as a set: features of some of its training images, class by class.

The paper reads ResNet-18 features, 512 numbers per image, of weights trained on ImageNet. Here nothing is downloaded: an
image's features are the responses of fixed random 3x3 filters, rectified and pooled (:func:`random_filters` of the
descriptors; Saxe et al., ICML 2011), and its mean intensity, deviation and colourfulness. Such features tell textures,
contrasts and how alike the images of a class are, but know no objects.

Where only a stored embedding of the task is at hand it stands as a set of one class with one "image".
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from ...bench import WarmnasError
from ...metadata.descriptors.embedding import FILTERS, random_filters, resized
from ...metadata.tasks import ImageTask

Floats = npt.NDArray[np.float32]
CLASSES, PER_CLASS = 100, 40  # kept of a task at most, drawn by a fixed seed
FEATURES = 4 * FILTERS + 3  # of an image


@dataclass(frozen=True, eq=False)
class TaskSet:
    """What a set encoder reads of a task.

    Attributes:
        features: (classes, images, features); rows behind a class's count are zeros.
        counts: images of each class, (classes,), at least one.
        sizes: log10 of the number of classes and of training images per class, (2,).
    """

    features: Floats
    counts: npt.NDArray[np.int64]
    sizes: Floats

    def __post_init__(self) -> None:
        shape = self.features.shape
        if len(shape) != 3 or self.counts.shape != shape[:1] or self.sizes.shape != (2,) or not len(self.counts):
            raise WarmnasError(
                f"a task's features must have the shape (classes, images, features) and its counts (classes,), "
                f"not {shape} and {self.counts.shape}"
            )
        if self.counts.min() < 1 or self.counts.max() > shape[1]:
            raise WarmnasError(f"a task's counts must be from 1 to {shape[1]}, the images per class of its features")
        if not (np.isfinite(self.features).all() and np.isfinite(self.sizes).all()):
            raise WarmnasError("a task's features and sizes must be finite numbers")


def image_set(task: ImageTask) -> TaskSet:
    """The set of a task's training images, at most CLASSES classes and PER_CLASS images of each."""
    rng = np.random.default_rng(0)
    labels = task.train.labels
    known = np.unique(labels)
    chosen = np.sort(rng.permutation(known)[:CLASSES])
    rows = [rng.permutation(np.flatnonzero(labels == c))[:PER_CLASS] for c in chosen]
    counts = np.array([len(r) for r in rows])
    features = np.zeros((len(rows), int(counts.max()), FEATURES), dtype=np.float32)
    found = image_features(task.train.images[np.concatenate(rows)])
    for place, part in enumerate(np.split(found, np.cumsum(counts)[:-1])):
        features[place, : len(part)] = part
    sizes = np.log10([len(known), len(labels) / len(known)]).astype(np.float32)
    return TaskSet(features, counts, sizes)


def image_features(images: npt.NDArray[np.uint8]) -> Floats:
    """Features of images (n, height, width, channels): (n, FEATURES)."""
    scaled = resized(images)
    plain = [scaled.mean(axis=(1, 2, 3)), scaled.mean(axis=-1).std(axis=(1, 2)), scaled.std(axis=-1).mean(axis=(1, 2))]
    return np.concatenate([random_filters(scaled), np.stack(plain, axis=1)], axis=1).astype(np.float32)


def embedding_set(embedding: npt.ArrayLike) -> TaskSet:
    """The set of a stored embedding (numbers,). What a table stores of sizes is in it, so ``sizes`` are zeros."""
    vector = np.asarray(embedding, dtype=np.float32)
    return TaskSet(vector[None, None, :], np.ones(1, dtype=np.int64), np.zeros(2, dtype=np.float32))
