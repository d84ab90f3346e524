"""Small tables of made-up learning curves for the tests of early termination."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from warmnas.bench import ACCURACY, FloatArray, Metric, Table, space
from warmnas.bench.assembling import Draft
from warmnas.search.stoppers import Setting, SourceCurves

EPOCHS = 7
CELLS = space("nasbench201")
# What makes the tests' heavy methods light.
SHORT = {
    "baker": "baker[builds=6,trials=2,delta=0.4]",
    "chandrashekaran": "chandrashekaran[builds=4]",
    "lcrank": "lcrank[steps=5,members=1]",
    "zero-epoch": "zero-epoch[finish=2,trees=5]",
    "threshold": "threshold[quantile=0.5]",
}


def rising(ends: FloatArray, epochs: int, rng: np.random.Generator, noise: float = 1.0) -> FloatArray:
    """Curves in percent that rise to about the ends (n,), each at its own rate: (n, epochs)."""
    x = np.arange(1, epochs + 1)
    rates = rng.uniform(0.3, 1.0, len(ends))
    curves = ends[:, None] * (1 - 0.8 * np.exp(-rates[:, None] * x))
    values: FloatArray = np.clip(curves + noise * rng.standard_normal(curves.shape), 1, 99)
    return values


def quality(genotypes: np.ndarray) -> FloatArray:
    """Final accuracies that depend on the genotype: convolutions are good, on every task. (n,)"""
    ends: FloatArray = 40 + 8.0 * (genotypes >= 2).sum(axis=1) + 0.5 * genotypes[:, 0]
    return ends


def setting(
    candidates: int = 9, epochs: int = EPOCHS, metric: Metric = ACCURACY, seed: int = 0
) -> tuple[Setting, FloatArray, np.ndarray]:
    """A setting with two sources, and values (candidates, epochs) and genotypes of candidates that none of them has."""
    rng = np.random.default_rng(seed)
    genotypes = CELLS.from_index(rng.choice(CELLS.size, candidates + 16, replace=False))
    mirrored = (lambda v: v) if metric.sign > 0 else (lambda v: 100 - v)
    sources = []
    for place in range(2):
        some = genotypes[candidates + 8 * place : candidates + 8 * (place + 1)]
        sources.append(SourceCurves(f"source {place}", some, mirrored(rising(quality(some), epochs, rng))))
    own = genotypes[:candidates]
    values = mirrored(rising(quality(own), epochs, rng))
    return Setting(epochs, CELLS, metric, candidates, tuple(sources), seed), values, own


def table(
    tasks: Sequence[str] = ("a", "b", "c"),
    families: Sequence[str] = ("f", "f", "g"),
    architectures: int = 40,
    epochs: int = EPOCHS,
    seeds: int = 2,
    seconds: bool = True,
    schedules: Sequence[int] = (),
) -> Table:
    """A table of cells: curves by epoch, or one value per schedule where schedules are given."""
    rng = np.random.default_rng(7)
    genotypes = CELLS.from_index(np.sort(rng.choice(CELLS.size, architectures, replace=False)))
    steps = {"schedule": list(schedules)} if schedules else {"epoch": list(range(1, epochs + 1))}
    draft = Draft(
        "made-up",
        CELLS,
        [CELLS.to_string(genotype) for genotype in genotypes],
        genotypes,
        {"task": list(tasks), "seed": list(range(seeds)), **steps},
        {task: {"val": "val"} for task in tasks},
        "made up",
        "none",
        coords={"family": list(families), "validation_size": [1000] * len(tasks)},
        attrs={"leave_out": "family"},
    )
    dims = ("task", "architecture", "seed", *steps)
    values = draft.empty("val_accuracy", dims)
    places = np.array(schedules or range(1, epochs + 1))
    times = draft.empty("train_seconds", dims) if seconds else None
    for task in range(len(tasks)):
        for seed in range(seeds):
            curves = rising(quality(genotypes), int(places.max()), rng)[:, places - 1]
            where = (task, slice(None), slice(None), seed) if schedules else (task, slice(None), seed)
            values[where] = curves
            if times is not None:
                times[where] = places * 2.0 if schedules else 2.0
    return draft.table()
