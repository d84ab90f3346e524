"""The figures of docs/curves.md: curve models on pairs of a curve and a fraction of it, beside the sampler of Domhan et al.

    python docs/curve_pairs.py spikenas.npz pairs.npz --minutes 15

``spikenas.npz`` is the file of ``spikenas_table.py``. The sampler takes seconds for each pair, so what it said is kept in
``pairs.npz``, and a run that ends, or is told to after some minutes, goes on where it was; ``--minutes 0`` only prints the
figures of the pairs that are there. The pairs: trainings of the three spiking data sets drawn with seed 7, three of each at
every fraction and once more as far as time went (75); 24 others of each with seed 11 at 5 %; and with ``--images N`` N
trainings of each task of ``images-v1``, which grows, so that other trainings are drawn of another copy.
"""

from __future__ import annotations

import argparse
import time
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import numpy as np

from warmnas.bench import FloatArray, open_benchmark
from warmnas.surrogates.curves import Curves, curve_models
from warmnas.surrogates.curves.final import FinalValues, NormalMixture
from warmnas.surrogates.curves.tables import table_curves

SPIKING = ("CIFAR10", "CIFAR100", "TinyImagenet")
FRACTIONS, LATER = (0.05, 0.1, 0.2, 0.4, 0.6, 0.8), (0.2, 0.4, 0.6, 0.8)
METHODS = ("lc-pfn", "domhan", "domhan-fast", "last")
FIRST = 75  # pairs of seed 7
NEAR = 0.1  # probabilities that agree


class Pair(NamedTuple):
    """A whole curve, of which a fraction is shown."""

    group: str  # spiking, spiking-5 or images
    name: str  # of the data set
    fraction: float
    row: int
    values: FloatArray  # (epochs,)
    compared: tuple[float, float]  # best and median final value of the data set

    @property
    def key(self) -> str:
        """Names the pair in the file of results; the values are part of it."""
        return f"{self.group} {self.name} {self.fraction} {self.row} {self.values.sum():.4f}"

    @property
    def shown(self) -> Curves:
        """The part that a method sees."""
        return Curves(self.values[None], trusted=True).at_fraction(self.fraction)


def drawn(values: FloatArray, count: int, rng: np.random.Generator) -> tuple[FloatArray, tuple[float, float]]:
    """Some whole curves, and the best and the median final value of all: (count, epochs)."""
    values = values[~np.isnan(values).any(axis=1)].astype(np.float64)
    ends = values[:, -1]
    chosen = rng.choice(len(values), min(count, len(values)), replace=False)
    return values[chosen], (float(ends.max()), float(np.median(ends)))


def spiking(path: Path) -> Iterator[Pair]:
    """The pairs of SpikeNAS-Bench, in the order in which they are sampled."""
    with np.load(path) as file:
        data = {name: file[f"{name}_val_acc"] for name in SPIKING}
    rng = np.random.default_rng(7)
    sets = {name: drawn(values, 12, rng) for name, values in data.items()}
    rounds = ((0, 1, 2), (3, 4, 5))
    first = [(name, f, row) for rows in rounds for name in SPIKING for f in FRACTIONS for row in rows]
    for name, fraction, row in first[:FIRST]:
        yield Pair("spiking", name, fraction, row, sets[name][0][row], sets[name][1])
    rng = np.random.default_rng(11)
    sets = {name: drawn(values, 24, rng) for name, values in data.items()}
    for row in range(24):
        yield from (Pair("spiking-5", name, 0.05, row, sets[name][0][row], sets[name][1]) for name in SPIKING)


def images(count: int) -> Iterator[Pair]:
    """``count`` trainings of each task of ``images-v1`` at four fractions."""
    table, rng = open_benchmark("images-v1"), np.random.default_rng(1000)
    sets = {task: drawn(table_curves(table, task)[0].values, count, rng) for task in table.tasks}
    for row in range(count):
        for task, (values, compared) in sets.items():
            yield from (Pair("images", task, f, row, values[row], compared) for f in LATER if row < len(values))


def sample(pairs: list[Pair], path: Path, minutes: float) -> dict[str, NormalMixture]:
    """What the sampler says of each pair; those that ``path`` has not are sampled until time is up, and kept there."""
    known: dict[str, FloatArray] = dict(np.load(path)) if path.exists() else {}
    until, wanted = time.monotonic() + 60 * minutes, {pair.key: pair for pair in pairs}
    for done, (key, pair) in enumerate(wanted.items()):
        if key in known:
            continue
        if time.monotonic() > until:
            break
        mixture = curve_models["domhan"]().final_values(pair.shown).mixture
        known[key] = np.stack([mixture.weights[0], mixture.locations[0], mixture.stds[0]]).astype(np.float32)
        np.savez(path.with_suffix(".new.npz"), **known)  # type: ignore[arg-type]
        path.with_suffix(".new.npz").replace(path)
        print(f"{done + 1} of {len(wanted)}", end="\r", flush=True)
    return {key: NormalMixture(*(part[None] for part in known[key])) for key in wanted if key in known}


def judge(pairs: list[Pair], sampled: dict[str, NormalMixture]) -> None:
    """Print the tables of log-loss / CRPS, the coverage, and the agreement with the sampler."""
    losses, agreed, covered = defaultdict(list), defaultdict(list), defaultdict(list)
    models = {name: curve_models[name]() for name in METHODS if name != "domhan"}
    for pair in (pair for pair in pairs if pair.key in sampled):
        end, which = pair.values[-1:], pair.group.removesuffix("-5")
        said = {name: model.final_values(pair.shown) for name, model in models.items()}
        last = said["last"]
        said["domhan"] = FinalValues(last.metric, sampled[pair.key], last.known)
        losses[which, pair.fraction].append([(-said[m].log_density(end)[0], said[m].crps(end)[0]) for m in METHODS])
        covered[which].append([0.05 <= said[m].level(end)[0] <= 0.95 for m in METHODS])
        than = (*pair.compared, float(end[0]))
        gap = [abs(said["domhan-fast"].p_better(x)[0] - said["domhan"].p_better(x)[0]) for x in than]
        agreed[pair.group, "CIFAR10" if pair.name == "CIFAR10" else "others"].append(gap)
    print("pairs, and log-loss / CRPS of " + ", ".join(METHODS))
    for (which, fraction), found in sorted(losses.items()):
        mean = np.mean(found, axis=0)
        print(f"{which:8} {fraction:4.0%} {len(found):4}  " + "   ".join(f"{a:8.2f} / {b:5.2f}" for a, b in mean))
    for which, inside in covered.items():
        shares = (f"{name} {share:.0%}" for name, share in zip(METHODS, np.mean(inside, axis=0), strict=True))
        print(f"{which}: the central 90 % intervals hold " + ", ".join(shares))
    print(f"domhan-fast within {NEAR} of the sampler, and the mean difference; x the best, the median, the own final value")
    for (group, name), gaps in sorted(agreed.items()):
        near, mean = (np.array(gaps) <= NEAR).mean(axis=0), np.mean(gaps, axis=0)
        line = "   ".join(f"{share:.0%} {gap:.3f}" for share, gap in zip(near, mean, strict=True))
        print(f"{group:10} {name:8} {len(gaps):3} pairs   {line}")


def main() -> None:
    """Sample what is missing, and print the figures."""
    parser = argparse.ArgumentParser(description="Curve models on pairs of a curve and a fraction of it.")
    parser.add_argument("spikenas", type=Path)
    parser.add_argument("results", type=Path)
    parser.add_argument("--minutes", type=float, default=15.0, help="for the sampler")
    parser.add_argument("--images", type=int, default=0, metavar="N", help="trainings of each task of images-v1")
    options = parser.parse_args()
    pairs = [*spiking(options.spikenas), *images(options.images)]
    judge(pairs, sample(pairs, options.results, options.minutes))


if __name__ == "__main__":
    main()
