"""Makes the pictures and tables of docs/metadata.md from the shipped tables: ``python docs/metadata_figures.py``.

Needs matplotlib (``pip install 'warmnas[docs]'``). The text between ``<!-- NAME -->`` and ``<!-- end -->`` is replaced.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from pathlib import Path

import matplotlib as mpl
import numpy as np
from matplotlib.figure import Figure

mpl.use("Agg")
import matplotlib.pyplot as plt

from warmnas.bench import Split, Table, benchmarks, open_benchmark
from warmnas.metadata import quality as q
from warmnas.metadata.experiments import read_plan

DOCS = Path(__file__).parent
PICTURES = DOCS / "images"
TABLES = ("images-v1", "chains-v1", "subsets-v1")
REAL = ("cifar10-valid", "cifar100", "ImageNet16-120")
INK, MUTED = "#1b1f24", "#8c959f"
COLOURS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#000000", "#999933", "#882255", "#44aa99")


def short(task: str) -> str:
    """A task's name for people: ``cifar100[seed=0,part=2,of=5,eval=1000]`` is ``cifar100 part 2``."""
    base, _, options = task.partition("[")
    part = re.search(r"part=([\d-]+)", options)
    return f"{base} part {part[1]}" if part else base


def number(value: float, digits: int = 2) -> str:
    """A figure, or a dash where there is none."""
    return "-" if np.isnan(value) else f"{value:.{digits}f}"


def markdown(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A table."""
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


def quality_table(table: Table) -> str:
    """Spread, noise and ceilings of every task."""
    sizes = {task: eval_sizes(table, task) for task in table.tasks}
    head = (
        *(
            "task",
            "images: train / val / test",
            "architectures",
            "worst",
            "median",
            "best",
            "sd between them",
            "sd of the better half",
        ),
        *("noise (sd of one training)", "Spearman of two seeds", "ceiling", ""),
    )
    rows = [
        (
            short(x.task),
            sizes[x.task],
            str(x.architectures),
            *(number(v, 1) for v in (x.lowest, x.median, x.highest)),
            number(x.spread),
            number(x.upper_spread),
            number(x.noise),
            number(x.seeds),
            number(x.ceiling),
            x.verdict,
        )
        for x in q.quality(table)
    ]
    return markdown(head, rows)


def eval_sizes(table: Table, task: str) -> str:
    """Images of the three splits."""
    import json

    sizes = json.loads(table.data.attrs["sizes"])[task]
    return " / ".join(f"{sizes[split]:,}" for split in Split)


def real_table(table: Table) -> str:
    """Rank correlation with the real NAS-Bench-201."""
    real = open_benchmark("nasbench201")
    found = {task: [q.with_another(table, real, task, target) for target in REAL] for task in table.tasks}
    rows = [(short(task), *(number(rho) for rho, _ in line), str(line[0][1])) for task, line in found.items()]
    return markdown(("task", *REAL, "cells"), rows)


def curves(table: Table) -> Figure:
    """Validation accuracy by epoch of every training of the first seed, one panel per task."""
    figure, axes = plt.subplots(2, 5, figsize=(12, 5), sharex=True, layout="constrained")
    for axis, task in zip(axes.flat, table.tasks, strict=False):
        block = table.data["val_accuracy"][table.tasks.index(task)].transpose("architecture", "seed", "epoch").values[:, 0]
        block = block[~np.isnan(block[:, -1])]
        epochs = np.arange(1, block.shape[1] + 1)
        axis.plot(epochs, block.T, color=COLOURS[0], alpha=min(0.5, 12 / len(block) + 0.03), linewidth=0.6)
        axis.plot(epochs, np.median(block, axis=0), color=COLOURS[1], linewidth=1.6)
        axis.set_title(f"{short(task)} ({len(block)})", fontsize=9, color=INK)
    figure.supxlabel("epoch", fontsize=9)
    figure.supylabel("validation accuracy (percent)", fontsize=9)
    return figure


def epochs_picture(table: Table) -> Figure:
    """Spearman between the accuracy after an epoch and the final one."""
    figure, axis = plt.subplots(figsize=(7, 4), layout="constrained")
    lines = {short(task): q.by_epoch(table, task) for task in table.tasks}
    order = sorted(lines, key=lambda name: lines[name][len(lines[name]) // 2])
    for i, name in enumerate(order):
        axis.plot(
            np.arange(1, len(lines[name]) + 1), lines[name], color=COLOURS[i % len(COLOURS)], linewidth=1.4, label=name
        )
    axis.set_xlabel("epoch")
    axis.set_ylabel("Spearman with the last epoch")
    axis.legend(fontsize=7, frameon=False, loc="lower right", ncols=2)
    return figure


def heatmap(table: Table) -> Figure:
    """Spearman between tasks; on the diagonal that of two seeds of one task."""
    values = q.between_tasks(table)
    np.fill_diagonal(values, [x.seeds for x in q.quality(table)])
    names = [short(task) for task in table.tasks]
    figure, axis = plt.subplots(figsize=(7, 6), layout="constrained")
    image = axis.imshow(values, cmap="cividis", vmin=0, vmax=1)
    for (i, j), value in np.ndenumerate(values):
        axis.text(j, i, number(value), ha="center", va="center", fontsize=7, color="white" if value < 0.6 else INK)
    axis.set_xticks(range(len(names)), names, rotation=45, ha="right", fontsize=8)
    axis.set_yticks(range(len(names)), names, fontsize=8)
    figure.colorbar(image, label="Spearman (diagonal: two seeds)", shrink=0.8)
    return figure


def chains_picture(table: Table) -> Figure:
    """Validation accuracy by prefix."""
    figure, axes = plt.subplots(2, 5, figsize=(12, 5), sharex=True, layout="constrained")
    for axis, task in zip(axes.flat, table.tasks, strict=False):
        block = table.data["val_accuracy"][table.tasks.index(task)].transpose("architecture", "seed", "epoch").values[:, 0]
        axis.plot(
            np.arange(1, block.shape[1] + 1), block.T, color=COLOURS[2], alpha=0.5, linewidth=0.8, marker=".", markersize=3
        )
        axis.set_title(f"{short(task)} ({int((~np.isnan(block[:, 0])).sum())})", fontsize=9, color=INK)
    figure.supxlabel("layers of the prefix", fontsize=9)
    figure.supylabel("validation accuracy (percent)", fontsize=9)
    return figure


def subsets_table(table: Table) -> str:
    """The class subsets by source: how many, how far the cells are apart in one task."""
    groups: dict[str, list[str]] = {}
    for task in table.tasks:
        base, _, options = task.partition("[")
        side = {"1-4": " (meta-train classes)", "5": " (held-out classes)"}.get(
            (re.findall(r"part=([\d-]+)", options) or [""])[0], ""
        )
        groups.setdefault(base + side, []).append(task)
    rows = []
    for name, tasks in groups.items():
        blocks = [table.values(task) for task in tasks]
        blocks = [block[~np.isnan(block)] for block in blocks]
        rows.append(
            (
                name,
                str(len(tasks)),
                str(sum(map(len, blocks))),
                number(float(np.mean([b.mean() for b in blocks])), 1),
                number(float(np.std([b.mean() for b in blocks])), 1),
                number(float(np.mean([b.std() for b in blocks])), 1),
            )
        )
    return markdown(
        ("classes from", "tasks", "trainings", "mean accuracy", "sd between tasks", "sd of cells within a task"), rows
    )


def progress(there: dict[str, Table]) -> str:
    """How much of each plan stands in its table."""
    rows = []
    for name in TABLES:
        plan = read_plan(name)
        per_task = plan.architectures.per_task
        wanted = len(plan.tasks) * sum(
            part for draw in (plan.architectures, per_task) for part in (int(draw.uniform), draw.upper_half)
        )
        wanted = wanted * plan.seeds + len(plan.tasks) * plan.extra_seeds.architectures * max(
            plan.extra_seeds.seeds - plan.seeds, 0
        )
        done = 0
        if name in there:
            array = there[name].data["val_accuracy"].transpose("task", "architecture", "seed", "epoch").values
            done = int((~np.isnan(array)).any(axis=-1).sum())
        rows.append((f"`{name}`", f"{done:,}", f"{wanted:,}"))
    return markdown(("table", "trainings in it", "in its plan"), rows)


def replace(text: str, name: str, content: str) -> str:
    """The text with what stands between the marks of that name replaced."""
    pattern = rf"(<!-- {name} -->\n).*?(<!-- end -->)"
    if not re.search(pattern, text, re.DOTALL):
        raise SystemExit(f"docs/metadata.md has no marks <!-- {name} --> ... <!-- end -->")
    return re.sub(pattern, lambda match: f"{match[1]}{content}\n{match[2]}", text, flags=re.DOTALL)


def main() -> None:
    """Write pictures and tables."""
    mpl.rcParams.update(
        {
            "axes.spines.top": False,
            "axes.spines.right": False,
            "axes.edgecolor": MUTED,
            "text.color": INK,
            "axes.labelcolor": INK,
            "xtick.color": INK,
            "ytick.color": INK,
            "xtick.labelsize": 8,
            "ytick.labelsize": 8,
            "svg.hashsalt": "warmnas",
            "font.size": 9,
        }
    )
    PICTURES.mkdir(exist_ok=True)
    page = (DOCS / "metadata.md").read_text()
    there = {name: open_benchmark(name) for name in TABLES if name in benchmarks}
    page = replace(page, "progress", progress(there))
    pictures: dict[str, Figure] = {}
    if images := there.get("images-v1"):
        page = replace(page, "quality", quality_table(images))
        page = replace(page, "real", real_table(images))
        pictures = {"curves": curves(images), "epochs": epochs_picture(images), "tasks": heatmap(images)}
    if chains := there.get("chains-v1"):
        pictures["chains"] = chains_picture(chains)
        page = replace(page, "chains", quality_table(chains))
    if subsets := there.get("subsets-v1"):
        page = replace(page, "subsets", subsets_table(subsets))
    for name, figure in pictures.items():
        figure.savefig(PICTURES / f"metadata-{name}.png", dpi=110)
    (DOCS / "metadata.md").write_text(page)


if __name__ == "__main__":
    main()
