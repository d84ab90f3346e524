"""Source tasks as the transfer methods read them: checked, and without what was not measured.

A source is a pair of genotypes (runs, rows, genes) and values (runs, rows), larger being better; rows are each run's own
draw. Where all runs have the same rows, both are broadcasts, and whatever is made of them is made once.
"""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from ..bench import FloatArray, Genotypes, SearchSpace, WarmnasError

Source = tuple[Genotypes, FloatArray]


def usable(sources: Iterable[Source], space: SearchSpace) -> list[Source]:
    """The sources that something can be learned from.

    A row whose value is no finite number is replaced, in its run, by a measured row of the same source. A source that has
    none in some run is left out.

    Raises:
        WarmnasError: where a source is of another search space.
    """
    kept = []
    for genotypes, values in sources:
        if genotypes.shape[-1] != len(space.genes):
            raise WarmnasError(
                f"a source task has genotypes of {genotypes.shape[-1]} genes, the target ({space.name}) of "
                f"{len(space.genes)}; sources must be of the target's search space, or give --sources none"
            )
        measured = np.isfinite(values)
        if measured.all():
            kept.append((genotypes, values))
        elif measured.any(axis=1).all():
            kept.append(_replaced(genotypes, values, measured))
    return kept


def _replaced(
    genotypes: Genotypes, values: FloatArray, measured: np.ndarray[tuple[int, ...], np.dtype[np.bool_]]
) -> Source:
    """Rows that were not measured, replaced by those that were, in turn."""
    place = np.tile(np.arange(values.shape[1]), (len(values), 1))
    for run, known in enumerate(measured):
        there = np.flatnonzero(known)
        gaps = np.flatnonzero(~known)
        place[run, gaps] = there[np.arange(len(gaps)) % len(there)]
    return np.take_along_axis(genotypes, place[..., None], axis=1), np.take_along_axis(values, place, axis=1)


def once(source: Source) -> Source:
    """The source of a single run where all runs have the same rows, else the source as it is."""
    genotypes, values = source
    return (genotypes[:1], values[:1]) if values.strides[0] == 0 and genotypes.strides[0] == 0 else source


def thinned(source: Source, rows: int) -> Source:
    """At most ``rows`` rows of the source: the first of a fixed random order, the same for every run."""
    values = source[1]
    if values.shape[1] <= rows:
        return source
    some = np.sort(np.random.default_rng(0).permutation(values.shape[1])[:rows])
    distinct = once(source)
    few = distinct[0][:, some], distinct[1][:, some]
    if len(few[1]) == len(values):
        return few
    return np.broadcast_to(few[0], (len(values), *few[0].shape[1:])), np.broadcast_to(few[1], (len(values), rows))
