"""Makes the table of docs/lcranknet.md on curves of spiking networks: ``python docs/lcranknet_figures.py spikenas.npz``.

The file is SpikeNAS-Bench's, in arrays: ``ops`` (cells, 6), and for each data set D ``D_id`` (n,), rows of ``ops``, and
``D_val_acc`` (n, 100) in percent. It has no licence file and is not shipped. Its cells are NAS-Bench-201's with the edges
listed by where they start: only so are the cells that stay at chance level the ones whose input does not reach the output.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from warmnas.bench import space
from warmnas.transfer.lcranknet import LCRankNet
from warmnas.transfer.lcranknet.model import TaskCurves
from warmnas.transfer.lcranknet.study import VARIANTS, fit_variants, ranked, without_classes

CELLS = space("nasbench201")
EDGES = [0, 1, 3, 2, 4, 5]
EPOCHS = (1, 3, 5, 10, 15, 25, 40, 50)
EVERY = (*VARIANTS, "without sources")
SOURCE, TARGETS = "CIFAR10", ("CIFAR100", "TinyImagenet")
ROWS = 1000  # trainings of the source
FINISHED = 10


def curves_of(path: Path, task: str) -> TaskCurves:
    """Genotypes and curves of a data set."""
    with np.load(path, allow_pickle=False) as file:
        cells, ids, values = file["ops"][:, EDGES], file[f"{task}_id"], file[f"{task}_val_acc"]
    return cells[ids].astype(np.int8), values.astype(np.float64)


def study(path: Path, seed: int, steps: int, out: Path, variants: Sequence[str]) -> None:
    """Both targets, in a drawn order, from trainings on the source of other function classes; rows go to ``out``."""
    rng = np.random.default_rng(seed)
    targets = {name: curves_of(path, name) for name in TARGETS}
    classes = np.concatenate([CELLS.class_keys(genotypes) for genotypes, _ in targets.values()])
    source = without_classes(curves_of(path, SOURCE), CELLS, classes)
    drawn = rng.permutation(len(source[1]))[:ROWS]
    orders = {name: rng.permutation(len(curves)) for name, (_, curves) in targets.items()}
    for variant in variants:
        alone = variant == "without sources"
        sources = {} if alone else {SOURCE: (source[0][drawn], source[1][drawn])}
        fitted = (
            LCRankNet(steps=steps).fit({}, CELLS, seed)
            if alone
            else fit_variants(sources, CELLS, [variant], seed, None, steps)[variant]
        )
        for name, (genotypes, curves) in targets.items():
            target = genotypes[orders[name]], curves[orders[name]]
            for finished in (FINISHED,) if alone else (0, FINISHED):
                rows = ranked({variant: fitted}, target, EPOCHS, finished).assign(task=name, seed=seed)
                rows.to_csv(out, mode="a", header=not out.exists(), index=False)


def main() -> None:
    """The command at the head of this file."""
    parser = argparse.ArgumentParser(description="LCRankNet on curves of spiking networks.")
    parser.add_argument("curves", type=Path)
    parser.add_argument("--seed", type=int, action="append", help="1000 if none is given; may be repeated")
    parser.add_argument("--steps", type=int, default=1000)
    parser.add_argument("--out", type=Path, default=Path("lcranknet.csv"))
    parser.add_argument("--variant", action="append", choices=EVERY, help="all if none is given; may be repeated")
    options = parser.parse_args()
    seeds = options.seed or [1000]
    for seed in seeds:
        study(options.curves, seed, options.steps, options.out, options.variant or EVERY)
    scores = pd.read_csv(options.out).drop_duplicates()
    print(scores.pivot_table("spearman", ["task", "finished", "method"], "epochs", sort=False).round(3).to_string())


if __name__ == "__main__":
    main()
