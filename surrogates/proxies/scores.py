"""Proxies on many architectures: networks in, scores out."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from ...bench import FloatArray, Genotypes, IntArray, SearchSpace
from .inputs import Inputs
from .memory import Memory, recall
from .proxy import Proxy
from .recipe import ProbeRecipe
from .scoring import Measurement, make_proxies


@dataclass(frozen=True)
class Scores:
    """What proxies measured on a set of architectures.

    Attributes:
        space: of the architectures.
        genotypes: (architectures, genes), as they were asked for.
        proxies: in the order asked for.
        parts: by name of the proxy, (architectures, inits, parts); -inf where nothing could be measured.
        seconds: by name, computing time of one thread for the different networks that were measured.
        networks: by name, how many different networks those are.
        problems: by name, what could not be measured: row -> reason.
    """

    space: SearchSpace
    genotypes: Genotypes
    proxies: tuple[Proxy, ...]
    parts: dict[str, FloatArray]
    seconds: dict[str, float]
    networks: dict[str, int]
    problems: dict[str, dict[int, str]]

    def of(self, name: str, rows: Sequence[int] | IntArray | None = None) -> FloatArray:
        """Scores, larger is better, (architectures,), or of ``rows`` among themselves; means over the inits.

        Where a proxy ranks relative to the other candidates, these are the candidates: scores of another set are not
        comparable. What could not be measured is -inf.
        """
        proxy = next(proxy for proxy in self.proxies if proxy.name == name)
        parts = self.parts[name].mean(axis=1)
        parts = parts if rows is None else parts[np.asarray(rows)]
        combined = proxy.combine(parts)
        # A proxy of several parts has something to rank by while one of them is known.
        return np.where(np.isneginf(parts).all(axis=1), -np.inf, combined)


def score(
    space: SearchSpace,
    genotypes: Genotypes,
    names: Sequence[str],
    inputs: Inputs,
    recipe: ProbeRecipe | None = None,
    memory: Memory | None = None,
    report: Callable[[int], None] | None = None,
) -> Scores:
    """Measure proxies on architectures.

    Args:
        space: of the genotypes; its networks must be networks of images.
        genotypes: (architectures, genes).
        names: of the proxies.
        inputs: what goes into the networks.
        recipe: size of the networks, batch, seed and number of draws.
        memory: what was measured before; None: nothing, and nothing is kept.
        report: told of architectures as they are done.

    Raises:
        WarmnasError: for an unknown proxy, a space without networks, or inputs that are too few.
    """
    recipe, memory = recipe or ProbeRecipe(), memory or Memory(None)
    wanted, genotypes = make_proxies(names), space.check(genotypes)
    measured = []
    for genotype in genotypes:
        measured.append([recall(space, genotype, wanted, inputs, recipe, i, memory) for i in range(recipe.inits)])
        if report is not None:
            report(1)
    return collected(space, genotypes, wanted, measured)


def collected(
    space: SearchSpace, genotypes: Genotypes, wanted: Sequence[Proxy], measured: Sequence[Sequence[Sequence[Measurement]]]
) -> Scores:
    """Scores from ``measured[architecture][init][proxy]``."""
    _, first = np.unique(space.live(genotypes), axis=0, return_index=True)
    parts, seconds, networks, problems = {}, {}, {}, {}
    for p, proxy in enumerate(wanted):
        column = [[of_init[p] for of_init in row] for row in measured]
        parts[proxy.name] = np.array([[m.parts for m in row] for row in column], dtype=np.float64).reshape(
            len(genotypes), len(measured[0]) if measured else 0, len(proxy.parts)
        )
        # An architecture that stands in the set again was not measured again.
        timed = range(len(column)) if proxy.whole else first
        seconds[proxy.name] = float(sum(m.seconds for row in timed for m in column[row]))
        networks[proxy.name] = len(timed)
        problems[proxy.name] = {i: m.problem for i, row in enumerate(column) for m in row if m.problem}
    return Scores(space, genotypes, tuple(wanted), parts, seconds, networks, problems)
