"""Proxies on many architectures, on several processes of one thread each.

Every measurement is kept as soon as it is made, so an interrupted run goes on where it was.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from ...bench import Genotypes, SearchSpace
from ...surrogates.proxies import (
    Inputs,
    Measurement,
    Memory,
    ProbeRecipe,
    Proxy,
    Scores,
    collected,
    make_proxies,
    recall,
)
from ..workers import Part, run_parts

TOGETHER = 8  # architectures of one part


def score_in_parallel(
    space: SearchSpace,
    genotypes: Genotypes,
    names: Sequence[str],
    inputs: Inputs,
    recipe: ProbeRecipe,
    workers: int = 1,
    progress: Callable[[int], None] | None = None,
    remember: Callable[[], Memory] = Memory.of_user,
) -> Scores:
    """As :func:`warmnas.surrogates.proxies.score`, with ``workers`` processes; the result does not depend on how many.

    ``remember`` opens the memory of a process; ``progress`` is told of architectures as they are done.
    """
    wanted, genotypes = make_proxies(names), space.check(genotypes)
    chunks = [genotypes[first : first + TOGETHER] for first in range(0, len(genotypes), TOGETHER)]

    def part(chunk: Genotypes) -> Part[list[Any]]:
        return lambda report: _measured(space, chunk, wanted, inputs, recipe, remember, report)

    parts = run_parts([part(chunk) for chunk in chunks], workers, lambda _, done: progress(done) if progress else None)
    return collected(space, genotypes, wanted, [row for rows in parts for row in rows])


def _measured(
    space: SearchSpace,
    genotypes: Genotypes,
    wanted: Sequence[Proxy],
    inputs: Inputs,
    recipe: ProbeRecipe,
    remember: Callable[[], Memory],
    report: Callable[[int], None],
) -> list[list[list[Measurement]]]:
    """Measurements [architecture][init][proxy]."""
    memory, found = remember(), []
    for genotype in genotypes:
        found.append([recall(space, genotype, wanted, inputs, recipe, i, memory) for i in range(recipe.inits)])
        report(1)
    memory.close()
    return found
