"""What TAPAS may know of the tasks of a table of chains: DCNs and images, and the prefixes measured on the sources."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from ..bench import FloatArray, Genotypes, IntArray, Split, Table
from ..bench.candidates import SortedRows

if TYPE_CHECKING:
    from ..surrogates.predictors.experiments import Experiments, Images


@dataclass(frozen=True)
class SourceChains:
    """Chains of one earlier task, trained layer by layer.

    Attributes:
        genotypes: shape (chains, genes).
        experiments: the same chains, with the accuracy of every prefix.
    """

    genotypes: Genotypes
    experiments: Experiments

    def drawn(self, indices: IntArray, own: IntArray) -> Experiments:
        """The experiments of the chains with these indices, ``own`` being those of all: (rows,) and (chains,)."""
        found = SortedRows(own).find(indices)
        chosen = np.zeros(len(own), dtype=bool)
        chosen[found[found >= 0]] = True
        return self.experiments.rows(chosen)


@dataclass(frozen=True)
class Chains:
    """A target among chains; no accuracy of it is here.

    Attributes:
        dcn: of the target, 0 at chance, 1 at 100 %.
        images: of the target, which the costs of a chain depend on.
        sources: in the order of the problem's sources.
    """

    dcn: float
    images: Images
    sources: tuple[SourceChains, ...]


def chains_of(table: Table, task: str, sources: Sequence[str]) -> Chains | None:
    """What the table says; None where it is none of chains, or does not hold the tasks' DCNs."""
    if table.prefixes is None or "dcn" not in table.data:
        return None
    from ..surrogates.predictors.experiments import dcn_of, experiments_of, images_of

    known = []
    for name in sources:
        array = table.data[Split.VAL.variable][table.tasks.index(name)].notnull()
        measured: FloatArray = array.any([dim for dim in array.dims if dim != "architecture"]).values
        known.append(SourceChains(table.genotypes[measured], experiments_of(table, (name,))))
    return Chains(dcn_of(table, task), images_of(table, task), tuple(known))


def together(parts: Sequence[Experiments]) -> Experiments:
    """Experiments of several tasks, numbered in their order; at least one."""
    from ..surrogates.predictors.experiments import Experiments

    numbered = [{**vars(part), "task": np.full(len(part), number)} for number, part in enumerate(parts)]
    return Experiments(**{name: np.concatenate([part[name] for part in numbered]) for name in numbered[0]})
