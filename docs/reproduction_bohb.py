"""BOHB as NAS-Bench-201's comparison ran it, in plain Python; it shares no code with warmnas but the table.

``python docs/reproduction_bohb.py TABLE`` prints what it found by the 12-epoch signal, judged at 200 epochs on every task:
mean and standard deviation over runs.

What the reference does (AutoDL-Projects at f8f44bf to da2575c, ``exps/algos/BOHB.py``; constants of the paper and of
``scripts-search/NAS-Bench-201-algos/BOHB.sh``) and HpBandSter underneath it (``BOHB``, ``successive_halving``):

* brackets of Hyperband with eta 3 from 12 to 200 "epochs": 9, 3, 1 trainings, then 3, 1, then 3, and again;
* yet the objective ignores the budget: every call answers with the value of the whole 12-epoch training and charges all of
  it, promotions of the same cell and repeats included;
* 4 samples for the acquisition, no random share, bandwidths of at least .3, found from the numbers by which the operations
  are coded, with no upper bound: above 1 the kernel of the same choice is negative;
* after the time has run out every call has loss 100, and what is returned is the best of those that came to the last rung.
"""

from __future__ import annotations

import math
import random
import sys

import numpy as np

from warmnas.bench import FloatArray, Split, Table

TASKS, RUNS = ("cifar10-valid", "cifar100", "ImageNet16-120"), 500
SECONDS, ETA, SAMPLES, NARROWEST, FEWEST = 12_000, 3, 4, 0.3, 7
LEVELS = 3  # rungs of 200/9, 200/3 and 200 epochs, of which the objective reads nothing
Cell = list[int]


class Density:
    """Product of Aitchison-Aitken kernels as statsmodels' KDEMultivariate has it for unordered variables."""

    def __init__(self, cells: list[Cell]) -> None:
        self.cells = np.array(cells)
        n, genes = self.cells.shape
        self.h = np.maximum(1.06 * self.cells.std(axis=0) * n ** (-1 / (4 + genes)), NARROWEST)
        self.levels = np.array([len(np.unique(column)) for column in self.cells.T])

    def at(self, cell: Cell) -> float:
        """The density, which may be negative, infinite or no number at all."""
        with np.errstate(divide="ignore", invalid="ignore"):
            apart = self.h / (self.levels - 1)
            kernels = np.where(self.cells == cell, 1 - self.h, apart)
            return float(kernels.prod(axis=1).mean())


class Model:
    """HpBandSter's generator of configurations: a pair of densities per budget, and the one of the largest is used."""

    def __init__(self, rng: random.Random) -> None:
        self.rng = rng
        self.results: dict[int, list[tuple[float, Cell]]] = {}
        self.densities: dict[int, tuple[Density, Density]] = {}

    def learn(self, level: int, loss: float, cell: Cell) -> None:
        """A result of a budget; those below a budget with a model are forgotten."""
        if max(self.densities, default=-1) > level:
            return
        known = self.results.setdefault(level, [])
        known.append((loss, cell))
        order = [known[i][1] for i in np.argsort([loss for loss, _ in known], kind="stable")]
        good = max(FEWEST, 15 * len(order) // 100)
        bad = order[good : good + max(FEWEST, 85 * len(order) // 100)]
        if len(bad) >= FEWEST:
            self.densities[level] = Density(order[:good]), Density(bad)

    def propose(self) -> Cell:
        """The best ratio of a few samples around good cells, or a random cell."""
        if not self.densities:
            return [self.rng.randrange(5) for _ in range(6)]
        good, bad = self.densities[max(self.densities)]
        best, chosen = math.inf, None
        for _ in range(SAMPLES):
            centre = good.cells[self.rng.randrange(len(good.cells))]
            cell = [
                int(m) if self.rng.random() < 1 - h else self.rng.randrange(5)
                for m, h in zip(centre, good.h, strict=True)
            ]  # fmt: skip
            likely = good.at(cell)
            ratio = max(1e-32, bad.at(cell)) / max(likely, 1e-32)
            if not math.isfinite(ratio) and math.isfinite(likely):
                chosen = cell
                break
            if ratio < best:
                best, chosen = ratio, cell
        return chosen or [self.rng.randrange(5) for _ in range(6)]


def brackets() -> list[list[int]]:
    """Trainings at each rung of the brackets of one round of Hyperband, as HpBandSter counts them."""
    sizes = [LEVELS // (s + 1) * ETA**s for s in range(LEVELS - 1, -1, -1)]
    return [[max(size // ETA**i, 1) for i in range(s + 1)] for s, size in zip((2, 1, 0), sizes, strict=True)]


def bohb_run(signal: FloatArray, seconds: FloatArray, rng: random.Random) -> tuple[int, int]:
    """One run: the row of the cell that is returned, and how many trainings were paid.

    Args:
        signal: validation accuracy after a 12-epoch training, in the order of the cells' indices, (cells,).
        seconds: of that training, (cells,).
        rng: of this run.
    """
    model, spent, paid = Model(rng), 0.0, 0
    last: list[tuple[float, int]] = []
    while True:
        for rungs in brackets():
            waiting: list[tuple[float, Cell | None]] = [(0.0, None)] * rungs[0]
            for rung, size in enumerate(rungs):
                level = LEVELS - len(rungs) + rung
                done: list[tuple[float, Cell | None]] = []
                for _, known in sorted(waiting, key=lambda member: member[0])[:size]:
                    cell = model.propose() if known is None else known
                    place = int("".join(map(str, cell)), 5)
                    if spent + seconds[place] > SECONDS:
                        return min(last)[1], paid
                    spent, paid = spent + seconds[place], paid + 1
                    loss = 100 - float(signal[place])
                    done.append((loss, cell))
                    model.learn(level, loss, cell)
                    if level == LEVELS - 1:
                        last.append((loss, place))
                waiting = done


def main() -> None:
    """Print the rows."""
    table = Table.open(sys.argv[1])
    by_index = np.argsort(table.space.index(table.genotypes))  # table row of the cell with that index
    for task in TASKS[:2]:
        times = table.training_seconds(task, 12)
        assert times is not None
        signal, seconds = table.schedule_values(task, 12)[by_index], times[by_index]
        ends = [bohb_run(signal, seconds, random.Random(run)) for run in range(RUNS)]
        rows, paid = by_index[[row for row, _ in ends]], np.mean([made for _, made in ends])
        tests = [table.values(other, rows, Split.TEST) for other in TASKS]
        found = " | ".join(f"{t.mean():.2f} ± {t.std(ddof=1):.2f}" for t in tests)
        print(f"| BOHB on {task}, {paid:.1f} trainings | {RUNS} | {found} |")


if __name__ == "__main__":
    main()
