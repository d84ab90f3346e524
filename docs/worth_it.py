"""Is a search worth it? The study of docs/worth_it.md.

    WARMNAS_DATA=FOLDER python docs/worth_it.py train runs/worth-it        # stop and start it whenever you like
    WARMNAS_DATA=FOLDER python docs/worth_it.py table runs/worth-it [--csv docs/worth_it.csv]

``train`` trains the pool, class by class over the three tasks, and between its parts whatever the table of the classes
so far needs; ``table`` gives the table of what is there. FOLDER has spoken-digits.npz and flowers17.npz (with or without
their resolution in the name); animal-mnist is a package.
"""

from __future__ import annotations

import argparse
import time
from pathlib import Path

import numpy as np
import pandas as pd
from worth_it_lab import BUDGET, CLASSES, RECIPE, RESNET, SEEDS, Lab
from worth_it_replay import SEARCHES, replay, sources_of

PAIRED = range(1000, 1012)
STEP = 5  # classes between two looks at what has to be retrained
FIRST, AGAIN = 20, 20  # classes before there is a table, and before what has no search is trained with another seed
DRAWS = 10_000  # of the bootstrap
ALONE = ("ResNet cell", "ResNet cell, tuned", "ResNet cell, long", "plain ResNet")


def found_cells(lab: Lab) -> dict[tuple[str, str], list[int]]:
    """Of each (task, optimizer): the cell that each paired seed's search finds."""
    cells = np.stack([lab.space.from_string(name) for name in lab.names])
    found = {}
    for key, values in lab.validation().items():
        task = lab.tasks[key]
        sources = sources_of(lab.space, task)
        for name in SEARCHES:
            found[key, name] = [replay(lab.space, cells, values, task, sources, name, BUDGET, seed) for seed in PAIRED]
    return found


def retrain_found(lab: Lab) -> None:
    """The final networks of all cells that a search finds."""
    wanted = {(key, lab.names[cell], RECIPE, 0) for (key, _), cells in found_cells(lab).items() for cell in cells}
    lab.train_finals(sorted(wanted, key=lambda one: one[:2]), "found cells on train and validation")


def train_alone(lab: Lab, seeds: int) -> None:
    """What has no search: the ResNet cell as it is, tuned, and trained for long; the plain residual network."""
    for seed in range(seeds):
        lab.train_finals([(key, RESNET, RECIPE, seed) for key in lab.tasks], f"the ResNet cell, seed {seed}")
        for key in lab.tasks:
            lab.say(f"plain ResNet, seed {seed}: {lab.plain(key, seed):.2f} % on {lab.tasks[key].name}")
        if seed == 0:
            lab.train_tuned()
        lab.train_finals([(key, RESNET, lab.best_tuned(key), seed) for key in lab.tasks], f"the tuned cell, seed {seed}")
        lab.train_finals([(key, RESNET, lab.long(key), seed) for key in lab.tasks], f"the cell for long, seed {seed}")


def alone(lab: Lab, key: str) -> dict[str, list[float]]:
    """Test accuracies of what has no search, a value per paired seed; what was retrained less often repeats."""
    recipes = (RECIPE, lab.best_tuned(key), lab.long(key))
    each = [lab.test([(key, RESNET, recipe, seed) for seed in range(SEEDS)]) for recipe in recipes]
    each.append([lab.plain(key, seed, train=False) for seed in range(SEEDS)])
    known = [[value for value in values if np.isfinite(value)] or [np.nan] for values in each]
    return {
        name: [values[seed % len(values)] for seed in range(len(PAIRED))] for name, values in zip(ALONE, known, strict=True)
    }


def table(lab: Lab) -> pd.DataFrame:
    """Test accuracy of every method, and of ``warm`` against it: a row per task and method, and of their mean."""
    values: dict[str, dict[str, np.ndarray]] = {}
    for key, task in lab.tasks.items():
        values[task.family] = {name: np.array(each) for name, each in alone(lab, key).items()}
    for (key, name), cells in found_cells(lab).items():
        tests = lab.test([(key, lab.names[cell], RECIPE, 0) for cell in cells])
        values[lab.tasks[key].family][name] = np.array(tests)
    names = [*SEARCHES, *ALONE]
    values["mean"] = {name: np.mean([values[t.family][name] for t in lab.tasks.values()], axis=0) for name in names}
    rows = []
    for family, each in values.items():
        for name in names:
            difference = each["warm"] - each[name]
            low, high = interval(difference)
            row = {"task": family, "method": name, "test": each[name].mean(), "sd": each[name].std(ddof=1)}
            rows.append(row | {"warm_minus": difference.mean(), "low": low, "high": high})
    return pd.DataFrame(rows)


def interval(differences: np.ndarray) -> tuple[float, float]:
    """Of the mean of paired differences, by a bootstrap over the seeds, 95 %."""
    draws = np.random.default_rng(0).choice(differences, (DRAWS, len(differences))).mean(axis=1)
    return float(np.quantile(draws, 0.025)), float(np.quantile(draws, 0.975))


def train(lab: Lab) -> None:
    """Everything, in an order in which there is a table early."""
    started = time.monotonic()
    for classes in range(STEP, lab.classes + STEP, STEP):
        lab.train_pool(min(classes, lab.classes))
        if classes >= FIRST:
            retrain_found(lab)
            train_alone(lab, min(SEEDS, 1 + (classes - FIRST) // AGAIN))
        share = min(classes, lab.classes) / lab.classes
        minutes = (time.monotonic() - started) / 60
        print(f"{classes} of {lab.classes} classes; at this pace {minutes * (1 - share) / share:.0f} min left", flush=True)


def main() -> None:
    """Train, or say what is known."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=("train", "table"))
    parser.add_argument("folder", type=Path)
    parser.add_argument("--classes", type=int, default=CLASSES, help="of the pool")
    parser.add_argument("--csv", type=Path, help="where to write the table")
    given = parser.parse_args()
    lab = Lab(given.folder, given.classes, lambda text: print(text, flush=True))
    if given.what == "train":
        train(lab)
        return
    retrain_found(lab)
    found = table(lab)
    pool = {lab.tasks[key].family: int(np.isfinite(values).sum()) for key, values in lab.validation().items()}
    print(f"cells of the pool so far: {pool}; {len(PAIRED)} paired seeds")
    print(found.to_string(index=False, float_format=lambda value: f"{value:.2f}"))
    if given.csv:
        found.round(3).to_csv(given.csv, index=False)


if __name__ == "__main__":
    main()
