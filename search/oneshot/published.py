"""Rankings that others have published: a CSV with a score for every cell, set against a table or a column of its own.

Few-shot NAS (Zhao et al., ICML 2021; github.com/aoiang/few-shot-NAS) publishes the accuracies that a one-shot supernet
and its few-shot split give to all 15,625 cells of NAS-Bench-201, after 600 epochs on CIFAR-10.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from ...bench import FloatArray, Genotypes, SearchSpace, Table, WarmnasError, open_benchmark
from ..zero_shot.correlations import spearman
from .validation import agreement


def published_ranking(
    path: str | Path, scores: str, truth: str | Table = "nasbench201", task: str = "cifar10-valid", cells: str = "arch_str"
) -> dict[str, Any]:
    """How a column of scores agrees with the truth, over strings and over function classes.

    Args:
        path: of the CSV, perhaps compressed.
        scores: column of the supernet's accuracies.
        truth: a column of the same file, a benchmark's name or a table.
        task: of the table.
        cells: column of the cells' strings.

    Returns:
        ``cells`` and ``spearman_of_cells`` over all strings that both sides have, and the entries of
        :func:`.validation.agreement` over function classes.

    Raises:
        WarmnasError: where the file has no such column, or no cell of the table.
    """
    import pandas as pd

    frame = pd.read_csv(path)
    for column in (cells, scores):
        if column not in frame:
            raise WarmnasError(f"{path}: no column '{column}'; it has {', '.join(map(str, frame.columns))}")
    own = isinstance(truth, str) and truth in frame
    table = truth if isinstance(truth, Table) else open_benchmark("nasbench201" if own else str(truth))
    genotypes: Genotypes = np.stack([table.space.from_string(text) for text in frame[cells]])
    rows = table.rows(genotypes)
    if own:
        values: FloatArray = frame[truth].to_numpy(dtype=np.float64)
    else:
        values = np.where(rows >= 0, table.values(task)[np.maximum(rows, 0)] * table.metrics[task].sign, np.nan)
    given: FloatArray = frame[scores].to_numpy(dtype=np.float64)
    both = np.isfinite(values) & np.isfinite(given)
    if both.sum() < 3:
        raise WarmnasError(f"{path}: hardly a cell has both a score and a true value; look at the column '{scores}'")
    genotypes, given, values = genotypes[both], given[both], values[both]
    found = {"cells": len(given), "spearman_of_cells": spearman(given, values)}
    merged = _by_class(table.space, genotypes, given, values)
    size = table.space.live_params(merged[0], 10)
    return {**found, "classes": len(merged[1]), **agreement(scores, merged[1], merged[2], size)}


def _by_class(
    space: SearchSpace, genotypes: Genotypes, scores: FloatArray, truth: FloatArray
) -> tuple[Genotypes, FloatArray, FloatArray]:
    """One genotype of each function class, with the means of its scores and of its true values."""
    _, first, place = np.unique(space.class_keys(genotypes), return_index=True, return_inverse=True)
    place = place.reshape(-1)
    count = np.bincount(place)
    return genotypes[first], np.bincount(place, weights=scores) / count, np.bincount(place, weights=truth) / count
