"""The dataset characterisation number (TAPAS: Istrate et al., AAAI 2019, arXiv 1806.00250; Scheidegger et al., 1803.09588).

A task is characterised by the accuracy that fixed, modest networks reach after a short training. Here the landmarks are
four NAS-Bench-201 cells in a small frame, each trained with three seeds, and a task's numbers are their mean accuracies
with the deviation over seeds. Since accuracy depends on the number of classes C, there is also the normalised form
(a - 1/C) / (1 - 1/C), 0 at chance and 1 at no error.

Only the training part is read: a fifth of it, stratified by class, is held out to measure the accuracy. Every landmark
training is a training on the target, and whoever uses the numbers in a search has to charge for them: ``trainings`` says
how many.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from ...bench import Genotypes, WarmnasError, space
from ..tasks import ImageTask, Part
from ..training import Epoch, Recipe

Floats = npt.NDArray[np.float64]

# Name of each landmark and its cell: little to deep, by what the signal passes through.
LANDMARKS = {
    "identity": "|none~0|+|none~0|none~1|+|skip_connect~0|none~1|none~2|",
    "conv1x1": "|nor_conv_1x1~0|+|none~0|skip_connect~1|+|skip_connect~0|none~1|skip_connect~2|",
    "residual": "|nor_conv_3x3~0|+|none~0|nor_conv_3x3~1|+|skip_connect~0|none~1|skip_connect~2|",
    "dense3x3": "|nor_conv_3x3~0|+|nor_conv_3x3~0|nor_conv_3x3~1|+|skip_connect~0|nor_conv_3x3~1|nor_conv_3x3~2|",
}
SEEDS = (0, 1, 2)
SHARE = 5  # one image in five measures, the others train
RECIPE = Recipe(epochs=5, batch=64, width=8, cells=1, resolution=16)


@dataclass(frozen=True)
class Characterisation:
    """Accuracies of the landmarks on a task.

    Attributes:
        names: of the landmarks.
        accuracy: percent, shape (landmarks, seeds).
        classes: number of classes of the task.
    """

    names: tuple[str, ...]
    accuracy: Floats
    classes: int

    @property
    def mean(self) -> Floats:
        """Mean over seeds in percent, (landmarks,)."""
        return np.asarray(self.accuracy.mean(axis=1))

    @property
    def std(self) -> Floats:
        """Deviation over seeds in percentage points, (landmarks,)."""
        return np.asarray(self.accuracy.std(axis=1, ddof=1))

    @property
    def normalised(self) -> Floats:
        """Mean accuracy on a scale from chance (0) to no error (1), (landmarks,)."""
        chance = 1 / self.classes
        return np.asarray((self.mean / 100 - chance) / (1 - chance))

    @property
    def dcn(self) -> float:
        """The characterisation number: the normalised accuracy of the last, deepest landmark."""
        return float(self.normalised[-1])

    @property
    def trainings(self) -> int:
        """Trainings that it cost."""
        return int(self.accuracy.size)


def characterise(task: ImageTask, recipe: Recipe = RECIPE, seeds: tuple[int, ...] = SEEDS) -> Characterisation:
    """Train every landmark on the training part of a task, of images of the recipe's resolution.

    Raises WarmnasError where a class has fewer than two training images, since none could be held out.
    """
    probe = held_out(task)
    cells = space("nasbench201")
    accuracy = np.empty((len(LANDMARKS), len(seeds)))
    for row, cell in enumerate(LANDMARKS.values()):
        for column, seed in enumerate(seeds):
            accuracy[row, column] = _final_accuracy(cells.from_string(cell), probe, recipe, seed)
    return Characterisation(tuple(LANDMARKS), accuracy, len(task.classes))


def _final_accuracy(genotype: Genotypes, probe: ImageTask, recipe: Recipe, seed: int) -> float:
    from ..training import train

    epochs: list[Epoch] = []
    train(space("nasbench201"), genotype, probe, recipe, seed, report=epochs.append)
    return epochs[-1].val_accuracy


def held_out(task: ImageTask) -> ImageTask:
    """The task whose parts are all made of the training part: a fifth of every class, at least one image, is held out."""
    labels = task.train.labels
    counts = np.bincount(labels, minlength=len(task.classes))
    if counts.min() < 2:
        name = task.classes[int(counts.argmin())]
        raise WarmnasError(f"{task.name}: class '{name}' has {counts.min()} training images; a descriptor needs two")
    rng = np.random.default_rng(0)
    kept_out = [rng.permutation(np.flatnonzero(labels == c))[: max(n // SHARE, 1)] for c, n in enumerate(counts)]
    out = np.zeros(len(labels), dtype=bool)
    out[np.concatenate(kept_out)] = True
    inside, outside = (Part(task.train.images[rows], labels[rows]) for rows in (~out, out))
    return replace(task, train=inside, val=outside, test=outside)
