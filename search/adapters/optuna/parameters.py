"""A search space in Optuna's terms: every gene a categorical parameter named like the gene, with the gene's choices."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
from optuna.distributions import CategoricalDistribution, IntDistribution

from ....bench import WarmnasError
from ....bench.spaces.base import Gene

Genotype = npt.NDArray[np.int8]


def distributions(genes: Sequence[Gene], ordinal: bool = False) -> dict[str, Any]:
    """Gene name to its choices, or to their numbers where a sampler knows numbers only (``ordinal``)."""
    if ordinal:
        return {gene.name: IntDistribution(0, len(gene.choices) - 1) for gene in genes}
    return {gene.name: CategoricalDistribution(gene.choices) for gene in genes}


def to_params(genes: Sequence[Gene], genotype: Genotype, ordinal: bool = False) -> dict[str, Any]:
    """A genotype (genes,) as parameters."""
    pairs = zip(genes, genotype.tolist(), strict=True)
    return {gene.name: value if ordinal else gene.choices[value] for gene, value in pairs}


def to_genotype(genes: Sequence[Gene], params: Mapping[str, Any], ordinal: bool = False) -> Genotype:
    """The genotype (genes,) of parameters; WarmnasError where one is missing or has no such choice."""
    try:
        values = [int(params[g.name]) if ordinal else g.choices.index(params[g.name]) for g in genes]
    except (KeyError, ValueError) as error:
        raise WarmnasError(f"these parameters describe no architecture ({type(error).__name__}: {error})") from error
    return np.array(values, dtype=np.int8)
