"""What ``warmnas proxies`` does: draw architectures, score them, compare with a benchmark's accuracies, write a table."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np

from ...bench import FloatArray, Genotypes, SearchSpace, Split, Table, WarmnasError, benchmarks, open_benchmark, space
from ...surrogates.proxies import (
    Inputs,
    Memory,
    ProbeRecipe,
    Scores,
    connected_classes,
    draw_connected,
    make_proxies,
    open_inputs,
    to_table,
)
from .bounded import Found, pareto, search_within
from .choice import choose
from .correlations import Correlations, best, ceiling, correlations
from .costs import Limit
from .scoring import score_in_parallel

POPULATION = 64  # of a search within a limit, at most
FIRST = 10  # choices that are told


def known_table(of: SearchSpace, genotypes: Genotypes) -> Table | None:
    """The registered benchmark that measured most of these architectures, if it is half of them; the first of equals."""
    found: tuple[float, Table | None] = (0.5, None)
    for name in benchmarks:
        with suppress(WarmnasError):  # a package that is not installed
            table = open_benchmark(name)
            if table.space.name == of.name:
                share = float((table.rows(genotypes) >= 0).mean())
                found = max(found, (share, table), key=lambda pair: pair[0])
    return found[1]


def score_sample(
    space_name: str,
    data: str,
    names: Sequence[str],
    sample: int | None,
    recipe: ProbeRecipe,
    out: Path,
    workers: int = 1,
    progress: Callable[[int, int], None] | None = None,
    limit: Limit | None = None,
) -> dict[str, Any]:
    """Score ``sample`` connected architectures, or one of every class of functions, and write the table ``out``.

    They are drawn uniformly, or with a ``limit`` found by evolution: those within it that the first proxy likes.

    Args:
        space_name: of the architectures.
        data: ``gaussian`` or a task.
        names: of the proxies.
        sample: how many architectures; None: one of every connected class of functions.
        recipe: size of the networks, batch, draws, and the seed of everything.
        out: the table file.
        workers: processes.
        progress: told how many architectures of how many are done.
        limit: what a network may cost.

    Returns:
        What ``--json`` prints.
    """
    if out.suffix not in (".h5", ".hdf5", ".nc"):
        raise WarmnasError(f"--out {out}: a table file ends in .h5")
    make_proxies(names)
    of, inputs = space(space_name), open_inputs(data)
    if type(of).build is SearchSpace.build:
        some = of.sample(1, np.random.default_rng(0))[0]
        of.build(some, inputs.shape, inputs.classes)  # says that there are no networks; others would import torch here
    found, done = None, 0

    def tell(some: int) -> None:
        nonlocal done
        done += some
        if progress is not None:
            progress(done, len(genotypes) if sample is None else sample)

    if sample is None:
        if limit:
            raise WarmnasError("--within: a search needs --sample, the number of its measurements, not --every-class")
        genotypes = connected_classes(of)
    elif limit:
        found = _within(limit, of, names[0], inputs, recipe, sample, tell)
        genotypes = found.genotypes
    else:
        genotypes = draw_connected(of, sample, np.random.default_rng(recipe.seed))
    scores = score_in_parallel(of, genotypes, names, inputs, recipe, workers, None if found else tell)
    known = known_table(of, genotypes)
    whole = known is not None and bool((known.rows(genotypes) >= 0).all())
    to_table(scores, inputs, recipe, out.stem, known if whole else None).save(out)
    return {
        "out": str(out),
        "space": of.name,
        "data": inputs.name,
        "recipe": asdict(recipe),
        "benchmark": None if known is None else known.name,
        **compared(scores, known),
        **({"limit": asdict(limit), **_told(of, found)} if limit and found else {}),
    }


def _within(
    limit: Limit,
    of: SearchSpace,
    proxy: str,
    inputs: Inputs,
    recipe: ProbeRecipe,
    evaluations: int,
    progress: Callable[[int], None],
) -> Found:
    """The search within a limit; what it measures is remembered for the table."""
    memory = Memory.of_user()
    cost, population = limit.cost(of, inputs, recipe, memory), max(2, min(POPULATION, evaluations // 4))
    found = search_within(of, proxy, inputs, recipe, cost, limit.bound, evaluations, population, memory, progress)
    memory.close()
    return found


def _told(of: SearchSpace, found: Found) -> dict[str, Any]:
    """The first choices of a search, and those that no other beats at a lower cost, cheapest first."""

    def row(i: int) -> dict[str, Any]:
        return {"arch": of.to_string(found.genotypes[i]), "score": float(found.scores[i]), "cost": float(found.costs[i])}

    front = pareto(found.scores, found.costs).tolist()
    return {"best": [row(i) for i in range(len(found.scores))[:FIRST]], "front": [row(i) for i in front]}


def compared(scores: Scores, table: Table | None) -> dict[str, Any]:
    """Rows per proxy, ceilings per task and what choosing by each proxy gives; empty of figures without a table."""
    tasks = [task for task in table.tasks if table.has(task, Split.VAL)] if table is not None else []
    found = {task: _task(scores, table, task) for task in tasks if table is not None}
    rows = [
        {
            "proxy": proxy.name,
            "architectures": len(scores.genotypes),
            "seconds": scores.seconds[proxy.name],
            "networks": scores.networks[proxy.name],
            "per_second": scores.networks[proxy.name] / scores.seconds[proxy.name] if scores.seconds[proxy.name] else None,
            "not_measured": len(scores.problems[proxy.name]),
            "spearman": {task: found[task][proxy.name].spearman for task in tasks},
            "interval": {task: [found[task][proxy.name].low, found[task][proxy.name].high] for task in tasks},
            **{
                key: {task: getattr(found[task][proxy.name], key) for task in tasks}
                for key in ("classes", "partial", "top_half", "top_tenth")
            },
        }
        for proxy in scores.proxies
    ]
    chosen = [
        choice for task in tasks if table is not None for choice in choose(table, task, scores, _classes(table, task))
    ]
    ceilings = {task: ceilings_of(table, task, scores.genotypes) for task in tasks if table is not None}
    return {"rows": rows, "ceilings": ceilings, "choice": [asdict(choice) for choice in chosen]}


def _task(scores: Scores, table: Table, task: str) -> dict[str, Correlations]:
    rows = table.rows(scores.genotypes)
    values = table.values(task, np.maximum(rows, 0)) * table.metrics[task].sign
    accuracies: FloatArray = np.where(rows < 0, np.nan, values)
    classes = scores.space.class_keys(scores.genotypes)
    size = scores.space.live_params(scores.genotypes, _classes(table, task))
    return {p.name: correlations(scores.of(p.name), accuracies, classes, size) for p in scores.proxies}


def ceilings_of(table: Table, task: str, genotypes: Genotypes) -> dict[str, float]:
    """Label-noise ceilings of the rank correlation: over all of these architectures, the better half, the best tenth."""
    rows = table.rows(genotypes)
    seeds = table.seed_values(task)[rows[rows >= 0]]
    means = table.values(task, rows[rows >= 0]) * table.metrics[task].sign
    seeds, means = seeds[~np.isnan(means)], means[~np.isnan(means)]
    tops = {"all": 1.0, "top_half": 1 / 2, "top_tenth": 1 / 10}
    return {name: ceiling(seeds[best(means, share)]) for name, share in tops.items()}


def _classes(table: Table, task: str) -> int:
    """Classes of a task, for counting parameters, whose order hardly depends on them; 10 where the table does not say."""
    if "classes" not in table.data.coords:
        return 10
    return int(table.data["classes"].values[table.tasks.index(task)])
