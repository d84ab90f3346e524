"""What an architecture costs on hardware: parameters, multiply-adds, measured latency, or an additive model of latency.

A cost is a function from genotypes (n, genes) to numbers (n,), smaller being cheaper, inf where it is not known.

FLOPs are a bad stand-in for latency on a GPU, where launching a skip or a pooling takes as long as a 1x1 convolution. An
additive model needs few measurements: T = T_0 + sum over operations of their time, calibrated on 10 to 20 networks.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from ...bench import FloatArray, Genotypes, SearchSpace, Table, UnknownName, WarmnasError, open_benchmark
from ...surrogates.proxies import Inputs, Memory, ProbeRecipe, score

Cost = Callable[[Genotypes], FloatArray]
FEWEST = 3  # measured networks, below which nothing is calibrated


@dataclass(frozen=True)
class Limit:
    """What a network may cost.

    Attributes:
        what: ``params``, ``flops``, ``live-params``, ``live-flops``, or ``TABLE:DEVICE``: a measured latency.
        bound: in the cost's own unit; networks cost this much at most.
    """

    what: str
    bound: float

    @classmethod
    def parse(cls, text: str) -> Limit:
        """``live-flops=60e6`` or ``hw.h5:pixel3=5.3``. Raises WarmnasError where it does not read so."""
        what, found, number = text.rpartition("=")
        try:
            bound = float(number)
        except ValueError:
            bound = float("nan")
        if not found or not what or not bound > 0:
            raise WarmnasError(f"--within {text}: write COST=BOUND with a bound above 0, such as live-flops=60e6")
        return cls(what, bound)

    def cost(self, space: SearchSpace, inputs: Inputs, recipe: ProbeRecipe, memory: Memory | None = None) -> Cost:
        """The function that prices genotypes. Raises UnknownName or WarmnasError where nothing has this price."""
        name, found, device = self.what.rpartition(":")
        if not found:
            return network_cost(space, self.what, inputs, recipe, memory)
        table = open_benchmark(name)
        if table.space.name != space.name:
            raise WarmnasError(f"--within {self.what}: {name} is a table of {table.space.name}, not of {space.name}")
        return measured_latency(table, device)


def network_cost(space: SearchSpace, kind: str, inputs: Inputs, recipe: ProbeRecipe, memory: Memory | None = None) -> Cost:
    """``live-params`` or ``live-flops`` (or ``params``, ``flops``) of the networks as the recipe builds them."""
    if kind not in (kinds := ("params", "flops", "live-params", "live-flops")):
        raise UnknownName("cost", kind, kinds)
    kept = memory or Memory(None)
    return lambda genotypes: score(space, genotypes, [kind], inputs, recipe, kept).of(kind)


def measured_latency(table: Table, device: str, task: str | None = None) -> Cost:
    """Latency of a device as the table has it (its own unit); inf for what it did not measure.

    Raises WarmnasError where the table has no latencies, and UnknownName where it has no such device or task.
    """
    if "latency" not in table.data:
        raise WarmnasError(f"{table.name} has no latencies; calibrate an additive model on a few measured networks")
    array = table.data["latency"]
    if "device" in array.dims:
        devices = [str(name) for name in array["device"].values]
        if device not in devices:
            raise UnknownName(f"device of {table.name}", device, devices)
        array = array.isel(device=devices.index(device))
    if "task" in array.dims:
        if (task := task or table.tasks[0]) not in table.tasks:
            raise UnknownName(f"task of {table.name}", task, table.tasks)
        array = array.isel(task=table.tasks.index(task))
    values = np.asarray(array.values, dtype=np.float64)
    values = np.where(np.isnan(values), np.inf, values)

    def cost(genotypes: Genotypes) -> FloatArray:
        rows = table.rows(genotypes)
        return np.where(rows < 0, np.inf, values[np.maximum(rows, 0)])

    return cost


@dataclass(frozen=True)
class AdditiveLatency:
    """T = base + sum over genes of the time of what the gene says; operations that no path uses take no time.

    Where all genes have the same choices (the edges of a cell) a choice has one time wherever it stands, else each gene has
    its own.

    Attributes:
        space: of the genotypes.
        base: time of everything else.
        times: of each choice, (choices,) or (sum of choices of all genes,), none negative.
    """

    space: SearchSpace
    base: float
    times: FloatArray

    @classmethod
    def calibrate(cls, space: SearchSpace, genotypes: Genotypes, latencies: FloatArray) -> AdditiveLatency:
        """Fit to measured networks: (n, genes) and (n,), by least squares with no negative time.

        Raises WarmnasError where a latency is not a positive number or there are too few.
        """
        from scipy.optimize import nnls

        latencies = np.asarray(latencies, dtype=np.float64)
        if latencies.shape != (len(genotypes),) or len(latencies) < FEWEST:
            raise WarmnasError(f"additive latency: give {FEWEST} measured networks or more, with a latency each")
        if not (np.isfinite(latencies) & (latencies > 0)).all():
            raise WarmnasError("additive latency: a latency is not a number above 0; leave the network out")
        features = _counts(space, genotypes)
        design = np.concatenate([np.ones((len(features), 1)), features], axis=1)
        # Errors in proportion to the latency, so that a slow network does not outweigh the others.
        fitted, _ = nnls(design / latencies[:, None], np.ones(len(features)))
        return cls(space, float(fitted[0]), fitted[1:])

    def __call__(self, genotypes: Genotypes) -> FloatArray:
        """Predicted latencies: (n, genes) -> (n,), in the unit of the measured ones."""
        predicted: FloatArray = self.base + _counts(self.space, genotypes) @ self.times
        return predicted


def _counts(space: SearchSpace, genotypes: Genotypes) -> FloatArray:
    """How often each choice stands in the live part, (n, choices); by gene where genes have different choices."""
    live = space.live(genotypes)
    if len({gene.choices for gene in space.genes}) == 1:
        choices = range(len(space.genes[0].choices))
        return np.stack([(live == choice).sum(axis=-1) for choice in choices], axis=-1).astype(np.float64)
    columns = [live[..., g] == c for g, gene in enumerate(space.genes) for c in range(len(gene.choices))]
    return np.stack(columns, axis=-1).astype(np.float64)
