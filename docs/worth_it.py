"""Is a search worth it? The study of docs/worth_it.md.

    WARMNAS_DATA=FOLDER python docs/worth_it.py train runs/worth-it        # stop and start it whenever you like
    WARMNAS_DATA=FOLDER python docs/worth_it.py table runs/worth-it [--csv docs/worth_it.csv]

``train`` trains the pool, class by class over the three tasks, and between its parts whatever the table of the classes
so far needs; ``table`` gives the table of what is there, with --retrain of all classes so far. FOLDER has spoken-digits.npz
and flowers17.npz (with or without their resolution in the name); animal-mnist is a package.
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
BUDGETS = (5, BUDGET)  # of the searches in the table
STEP = 50  # classes between two looks at what has to be retrained, most of which the next look no longer wants
AGAIN = 50  # classes before what has no search is trained with another seed
DRAWS = 10_000  # of the bootstrap
ALONE = ("ResNet cell", "ResNet cell, tuned", "ResNet cell, long", "plain ResNet")


def found_cells(lab: Lab) -> dict[tuple[str, str], list[list[int]]]:
    """Of each (task, optimizer): what each paired seed's search has found after every training."""
    cells = np.stack([lab.space.from_string(name) for name in lab.names])
    found = {}
    for key, values in lab.validation().items():
        sources = sources_of(lab.space, lab.tasks[key])
        known = (lab.space, cells, values, lab.tasks[key], sources)
        for name in SEARCHES:
            found[key, name] = [replay(*known, name, BUDGET, seed) for seed in PAIRED]
    return found


def retrain_found(lab: Lab) -> None:
    """The final networks of all cells that a search finds."""
    wanted = {(key, lab.names[found[-1]], RECIPE, 0) for (key, _), all in found_cells(lab).items() for found in all}
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
    """A row per task and method, and for the mean of the tasks: test and validation accuracy, and ``warm`` against it.

    Test accuracy after fewer trainings is given where all networks that were found then are retrained.
    """
    rows: list[dict[str, object]] = []
    replayed = found_cells(lab)
    for budget in BUDGETS:
        tests: dict[str, dict[str, np.ndarray]] = {task.family: {} for task in lab.tasks.values()}
        validated: dict[str, dict[str, np.ndarray]] = {task.family: {} for task in lab.tasks.values()}
        values = lab.validation()
        for (key, name), searches in replayed.items():
            family, cells = lab.tasks[key].family, [found[:budget][-1] for found in searches]
            tests[family][name] = np.array(lab.test([(key, lab.names[cell], RECIPE, 0) for cell in cells]))
            validated[family][name] = values[key][cells]
        for key, task in lab.tasks.items() if budget == BUDGET else ():
            each = {name: np.array(found) for name, found in alone(lab, key).items()}
            tests[task.family] |= each
            validated[task.family] |= {name: np.full(len(PAIRED), np.nan) for name in each}
        for found in (tests, validated):
            names = list(found[next(iter(found))])
            found["mean"] = {name: np.mean([each[name] for each in found.values()], axis=0) for name in names}
        for family in tests:
            rows += [
                {"trainings": budget, "task": family} | _row(name, tests[family], validated[family])
                for name in tests[family]
            ]
    return pd.DataFrame(rows)


def _row(name: str, tests: dict[str, np.ndarray], validated: dict[str, np.ndarray]) -> dict[str, object]:
    """Means over the paired seeds, and of ``warm`` less this method with a 95 % interval."""
    found: dict[str, object] = {"method": name}
    for what, values in (("validation", validated), ("test", tests)):
        difference = values["warm"] - values[name]
        low, high = interval(difference)
        found |= {what: values[name].mean(), f"{what}_warm_minus": difference.mean(), "low": low, "high": high}
        found[f"{what}_low"], found[f"{what}_high"] = found.pop("low"), found.pop("high")
    return found


def interval(differences: np.ndarray) -> tuple[float, float]:
    """Of the mean of paired differences, by a bootstrap over the seeds, 95 %."""
    draws = np.random.default_rng(0).choice(differences, (DRAWS, len(differences))).mean(axis=1)
    return float(np.quantile(draws, 0.025)), float(np.quantile(draws, 0.975))


def markdown(found: pd.DataFrame, what: str) -> str:
    """A line per method: its accuracy on every task, on the mean, and that of ``warm`` less it there, with its interval."""
    tasks = list(dict.fromkeys(found["task"]))
    lines = [f"| method | {' | '.join(tasks)} | `warm` less it |", f"|{'---|' * (len(tasks) + 2)}"]
    for method, rows in found.groupby("method", sort=False):
        values = [f"{value:.2f}" if np.isfinite(value) else "" for value in rows[what]]
        mean = rows.iloc[-1]
        less, low, high = (mean[f"{what}_{name}"] for name in ("warm_minus", "low", "high"))
        said = f"{less:+.2f} ({low:+.2f} to {high:+.2f})" if np.isfinite(less) and method != "warm" else ""
        if any(values):
            lines.append(f"| {method} | {' | '.join(values)} | {said} |")
    return "\n".join(lines)


def train(lab: Lab) -> None:
    """Everything, in an order in which there is a table early."""
    started = time.monotonic()
    for classes in range(STEP, lab.classes + STEP, STEP):
        lab.train_pool(min(classes, lab.classes))
        retrain_found(lab)
        train_alone(lab, min(SEEDS, max(1, classes // AGAIN)))
        share = min(classes, lab.classes) / lab.classes
        minutes = (time.monotonic() - started) / 60
        print(f"{classes} of {lab.classes} classes; at this pace {minutes * (1 - share) / share:.0f} min left", flush=True)


def main() -> None:
    """Train, or say what is known."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=("train", "table"))
    parser.add_argument("folder", type=Path)
    parser.add_argument("--classes", type=int, default=CLASSES, help="of the pool")
    parser.add_argument("--retrain", action="store_true", help="train first what the table of the cells so far lacks")
    parser.add_argument("--csv", type=Path, help="where to write the table")
    given = parser.parse_args()
    lab = Lab(given.folder, given.classes, lambda text: print(text, flush=True))
    if given.what == "train":
        train(lab)
        return
    if given.retrain:
        retrain_found(lab)
    found = table(lab)
    pool = {lab.tasks[key].family: int(np.isfinite(values).sum()) for key, values in lab.validation().items()}
    print(f"cells of the pool so far: {pool}; {len(PAIRED)} paired seeds")
    for budget, what in ((BUDGET, "test"), *((budget, "validation") for budget in BUDGETS)):
        print(f"\n{what} accuracy after {budget} trainings\n\n{markdown(found[found['trainings'] == budget], what)}")
    if given.csv:
        found.round(3).to_csv(given.csv, index=False)


if __name__ == "__main__":
    main()
