"""Skip drift and noise operations, for docs/supernets.md.

``python docs/supernets_drift.py OUT.jsonl [--minutes 12]`` runs what is not in the file yet; ``--print OUT.jsonl --picture
OUT.svg`` prints the tables and draws the weights. Two questions, with constants that were fixed before any run:

* What happens to operation weights over four times the usual epochs? digits at its own 8 x 8 pixels, C = 8, N = 1, five
  seeds, and one rate of alpha for all methods, that of FairDARTS's paper, since the usual 3e-4 hardly moves alpha in so few
  steps.
* In S4, whose operations are a separable convolution and noise: how many noise operations do argmax and perturbation keep,
  read off the same supernet? Of the 8 edges of both cells.
"""

from __future__ import annotations

import argparse
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from supernets_figures import Work, rows, run  # the script beside this one

from warmnas.bench import Genotypes, space
from warmnas.metadata.tasks import open_task
from warmnas.search.oneshot import Method, Search, Settings, make_method, methods, search_supernet
from warmnas.search.oneshot.parts.perturbation import Perturbation

USUAL, TIMES, RATE, SIDE = 10, 4, 3e-3, 8
NAMES = ("darts", "robust-darts", "fair-darts", "gdas", "drnas")  # darts-pt reads the supernet of darts
SEEDS = range(1000, 1005)
SHOWN = {
    "skip_connect": "#c0392b",
    "nor_conv_3x3": "#1f6fb2",
    "nor_conv_1x1": "#7fb2e5",
    "none": "#888",
    "avg_pool_3x3": "#e0a030",
}
TUNE = 0.05


def at_one_rate(name: str) -> str:
    """Register a method whose alpha has the common rate; its name."""

    def build() -> Method:
        method = make_method(name)
        assert method.alpha is not None
        return replace(method, alpha=replace(method.alpha, rate=RATE))

    own = f"{name}-at-one-rate"
    if own not in methods:
        methods(own)(build)
    return own


def drift(name: str, seed: int) -> dict[str, Any]:
    """Operation weights after every epoch, the cell, and for DARTS what perturbation reads off the same supernet."""
    of = space("nasbench201")
    task, settings = open_task("digits", resolution=SIDE), Settings(TIMES * USUAL, 64, seed, 8, 1)
    found: dict[str, Any] = {}

    def after(search: Search, cell: Genotypes) -> None:
        if name == "darts":
            read = Perturbation(TUNE / TIMES).read(search)
            found.update(pt_cell=of.to_string(read), pt_skips=search.layout.skips(read))

    result = search_supernet(at_one_rate(name), of, task, settings, after=after)
    weights = {op: [row["operations"][op] for row in result.history] for op in result.history[0]["operations"]}
    about = {"cell": result.cell, "skips": result.skips, "stopped": result.stopped}
    return {"drift": name, "seed": seed, "weights": weights, **about, **found}


def noise(seed: int) -> dict[str, Any]:
    """Noise operations in the cells that both ways read off one supernet of S4."""
    of, task = space("darts-s4"), open_task("digits", resolution=SIDE)
    found: dict[str, Any] = {"noise": "darts-s4", "seed": seed}

    def kept(search: Search, cell: Genotypes) -> int:
        pairs = zip(search.layout.columns(cell), search.layout.column_of("noise"), strict=True)
        return sum(int(((columns >= 0) & (columns == places)).sum()) for columns, places in pairs)

    def after(search: Search, cell: Genotypes) -> None:
        found["argmax"] = kept(search, cell)
        found["edges"] = int((search.layout.columns(cell) >= 0).sum())
        found["perturbation"] = kept(search, Perturbation(TUNE).read(search))

    search_supernet(at_one_rate("darts"), of, task, Settings(USUAL, 64, seed, 4, 3), after=after)
    return found


def left(done: list[dict[str, Any]]) -> list[Work]:
    """What is still to do, seed by seed; S4 at last."""
    drifts = {(row["drift"], row["seed"]) for row in done if "drift" in row}
    noises = {row["seed"] for row in done if "noise" in row}
    found: list[Work] = []
    for seed in SEEDS:
        found += [(drift, (name, seed)) for name in NAMES if (name, seed) not in drifts]
    return found + [(noise, (seed,)) for seed in SEEDS if seed not in noises]


def show(path: Path) -> None:
    """Both tables."""
    every = rows(path)
    print(
        "| method | seeds | weight of skips at the start, usual end, four times | skips | stopped |\n|---|---|---|---|---|"
    )
    for name in NAMES:
        mine = [row for row in every if row.get("drift") == name]
        if not mine:
            continue
        curves = [row["weights"]["skip_connect"] for row in mine]
        at = [np.mean([curve[min(epoch, len(curve)) - 1] for curve in curves]) for epoch in (1, USUAL, TIMES * USUAL)]
        print(f"| `{name}` | {len(mine)} | {' '.join(f'{v:.3f}' for v in at)} | {skips(mine, 'skips')} | {ended(mine)} |")
        if name == "darts":
            print(f"| `darts-pt` | {len(mine)} | as `darts` | {skips(mine, 'pt_skips')} | |")
    noisy = [row for row in every if "noise" in row]
    for key in ("argmax", "perturbation"):
        if noisy:
            print(f"\nS4, {key}: {' '.join(str(row[key]) for row in noisy)} noise operations of {noisy[0]['edges']} edges")


def skips(mine: list[dict[str, Any]], key: str) -> str:
    """By seed."""
    return " ".join(str(row[key]) for row in mine)


def ended(mine: list[dict[str, Any]]) -> str:
    """Epochs of the searches that stopped early."""
    return " ".join(str(len(row["weights"]["skip_connect"])) for row in mine if row["stopped"])


def draw(path: Path, picture: Path) -> None:
    """A panel per method: mean weight of every operation over the seeds, and each seed's weight of skips."""
    width, height, gap = 210, 150, 34
    parts = []
    for place, name in enumerate(NAMES):
        mine = [row["weights"] for row in rows(path) if row.get("drift") == name]
        if not mine:
            continue
        most = max(0.3, *(v for weights in mine for curve in weights.values() for v in curve))
        x0, y0 = gap + place * (width + gap), gap

        def line(curve: list[float], colour: str, thick: float, x0: int = x0, y0: int = y0, most: float = most) -> str:
            last = TIMES * USUAL - 1
            points = " ".join(
                f"{x0 + width * i / last:.1f},{y0 + height * (1 - v / most):.1f}" for i, v in enumerate(curve)
            )
            return f'<polyline points="{points}" fill="none" stroke="{colour}" stroke-width="{thick}"/>'

        parts.append(
            f'<text x="{x0}" y="{y0 - 10}">{name}</text><text x="{x0 - 6}" y="{y0 + 8}" text-anchor="end">{most:.1f}</text>'
        )
        parts.append(f'<path d="M{x0} {y0}V{y0 + height}H{x0 + width}" fill="none" stroke="#444"/>')
        usual = x0 + width * (USUAL - 1) / (TIMES * USUAL - 1)
        parts.append(f'<path d="M{usual:.1f} {y0}V{y0 + height}" stroke="#bbb" stroke-dasharray="3 3"/>')
        parts += [line(weights["skip_connect"], SHOWN["skip_connect"], 0.6) for weights in mine]
        for op, colour in SHOWN.items():
            curves = [weights[op] for weights in mine if op in weights]
            shortest = min(map(len, curves), default=0)
            if shortest:
                parts.append(line([float(np.mean([c[i] for c in curves])) for i in range(shortest)], colour, 2))
    for i, (op, colour) in enumerate(SHOWN.items()):
        parts.append(f'<text x="{gap + 150 * i}" y="{height + 2 * gap + 6}" fill="{colour}">{op}</text>')
    size = f'viewBox="0 0 {gap + len(NAMES) * (width + gap)} {height + 2 * gap + 16}"'
    picture.write_text(
        f'<svg xmlns="http://www.w3.org/2000/svg" {size} font-family="sans-serif" font-size="12">'
        f'<rect width="100%" height="100%" fill="#fff"/>{"".join(parts)}</svg>\n',
        encoding="utf-8",
    )


def main() -> None:
    """See the module's head."""
    parser = argparse.ArgumentParser()
    parser.add_argument("out", nargs="?", type=Path)
    parser.add_argument("--minutes", type=float, default=1e9)
    parser.add_argument("--print", type=Path, dest="printed")
    parser.add_argument("--picture", type=Path)
    arguments = parser.parse_args()
    if arguments.printed is None:
        run(arguments.out, arguments.minutes, left)
        return
    show(arguments.printed)
    if arguments.picture is not None:
        draw(arguments.printed, arguments.picture)


if __name__ == "__main__":
    main()
