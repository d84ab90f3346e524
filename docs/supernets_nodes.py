"""Ranking discrepancy against the number of vertices, for docs/supernets.md.

``python docs/supernets_nodes.py OUT.jsonl [--minutes 12]`` runs what is not in the file yet; ``--print OUT.jsonl`` prints
the table. The modules of NAS-Bench-101 with 4, 5, 6 and 7 vertices are four spaces (Yu et al., Evaluating the search phase
of neural architecture search, ICLR 2020, section 4.2). In each, supernets are trained on uniformly drawn modules, and the
same 30 modules are scored by every supernet and trained alone. CIFAR-10, 2,500 training images of 16 x 16, C = 16, one
module per stack; lengths and sizes were fixed before any run.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from supernets_figures import Work, main, rows  # the script beside this one

from warmnas.bench import Genotypes
from warmnas.bench.spaces.nasbench101_subspaces import NASBench101Subspace
from warmnas.metadata.tasks import ImageTask, open_task
from warmnas.metadata.training import Epoch, Recipe, train
from warmnas.search.oneshot import Search, Settings, search_supernet
from warmnas.search.oneshot.parts.candidates import accuracies
from warmnas.search.oneshot.validation import kendall, kendall_interval
from warmnas.search.zero_shot.correlations import spearman

VERTICES = (4, 5, 6, 7)
TAU = {4: 0.441, 5: 0.314, 6: 0.214, 7: 0.195}  # the paper's, over 200 modules
MODULES = 30
SEEDS = range(1000, 1003)
RECIPE = Recipe(width=16, cells=1, resolution=16, batch=64, epochs=10, train_size=2500)
SUPERNET = Settings(epochs=60, batch=64, width=16, cells=1)


def task() -> ImageTask:
    """The images of both sides."""
    return open_task("cifar10[eval=1000]", resolution=RECIPE.resolution, train_size=RECIPE.train_size)


def chosen(vertices: int) -> Genotypes:
    """The modules that are compared, all different, (n, 26)."""
    of = NASBench101Subspace(vertices)
    rows: Genotypes = np.random.default_rng(SEEDS[0]).permutation(of.modules)[:MODULES]
    return rows


def alone(vertices: int, number: int) -> dict[str, Any]:
    """What a module reaches when it is trained by itself, and its size."""
    of, genotype, epochs = NASBench101Subspace(vertices), chosen(vertices)[number], list[Epoch]()
    train(of, genotype, task(), RECIPE, SEEDS[0], report=epochs.append)
    size = float(of.params(genotype, 10, width=RECIPE.width, cells=RECIPE.cells))
    return {"vertices": vertices, "module": number, "value": epochs[-1].val_accuracy, "params": size}


def shared(vertices: int, seed: int) -> dict[str, Any]:
    """The modules' accuracies with the weights of one supernet, on images that its weights have not learned from."""
    of, scores = NASBench101Subspace(vertices), list[float]()

    def after(search: Search, cell: Genotypes) -> None:
        scores.extend(accuracies(search, chosen(vertices)).tolist())

    result = search_supernet("rsps[candidates=1]", of, task(), replace(SUPERNET, seed=seed), after=after)
    return {"vertices": vertices, "seed": seed, "scores": scores, "seconds": result.seconds}


def left(done: list[dict[str, Any]]) -> list[Work]:
    """All supernets, then the modules alone, space by space in turn."""
    there = {(row["vertices"], row.get("seed"), row.get("module")) for row in done}
    nets: list[Work] = [(shared, (n, seed)) for seed in SEEDS for n in VERTICES if (n, seed, None) not in there]
    return nets + [(alone, (n, i)) for i in range(MODULES) for n in VERTICES if (n, None, i) not in there]


def show(path: Path) -> None:
    """The table, over the modules that were trained alone."""
    found = rows(path)
    heads = [
        "vertices",
        "modules",
        "spread alone",
        "tau, mean of seeds",
        "95 %",
        "Spearman",
        "tau of parameters",
        "paper's tau",
    ]
    print(f"| {' | '.join(heads)} |\n|{len(heads) * '---|'}")
    for n in VERTICES:
        own = {row["module"]: row for row in found if row["vertices"] == n and "module" in row}
        nets = [np.array(row["scores"])[list(own)] for row in found if row["vertices"] == n and "scores" in row]
        if len(own) < 2 or not nets:
            continue
        truth, size = (np.array([row[key] for row in own.values()]) for key in ("value", "params"))
        taus = [kendall(scores, truth) for scores in nets]
        low, high = kendall_interval(np.mean(nets, axis=0), truth)
        rho = np.mean([spearman(scores, truth) for scores in nets])
        deviation = np.std(taus, ddof=1) if len(taus) > 1 else np.nan
        figures = [f"{truth.std(ddof=1):.1f}", f"{np.mean(taus):.2f} +- {deviation:.2f}", f"{low:.2f} to {high:.2f}"]
        figures += [f"{value:.2f}" for value in (rho, kendall(size, truth), TAU[n])]
        print(f"| {n} | {len(own)} | {' | '.join(figures)} |")


if __name__ == "__main__":
    main(left, show)
