"""What model-based searches share: normal scores of observed values, expected improvement."""

from __future__ import annotations

from typing import Any, TypeVar

import numpy as np
import numpy.typing as npt

from ..bench import FloatArray


def normal_scores(values: FloatArray) -> FloatArray:
    """Normal quantiles of the ranks within each run, ties shared: (runs, n) -> (runs, n), larger being better."""
    from scipy.special import ndtri
    from scipy.stats import rankdata

    scores: FloatArray = ndtri((rankdata(values, axis=1) - 0.5) / values.shape[1])
    return scores


Floats = TypeVar("Floats", bound=npt.NDArray[np.floating[Any]])


def expected_improvement(mean: Floats, std: Floats, best: Floats) -> Floats:
    """E[max(f - best, 0)] of a normal f, in the type of ``mean``: three broadcastable arrays -> one."""
    from scipy.special import ndtr

    z = (mean - best) / std
    density = np.exp(-0.5 * z * z) * mean.dtype.type(0.3989422804014327)
    gain: Floats = std * (z * ndtr(z) + density)
    return gain
