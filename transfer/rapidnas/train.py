"""Meta-train RapidNAS on the tasks of tables and write a model.

    python -m warmnas.transfer.rapidnas.train --table subsets-v1 --loss rank --out FOLDER
    python -m warmnas.transfer.rapidnas.train --shipped --loss rank --out FOLDER

The folder then holds ``LOSS.safetensors``, the model (``RapidNAS.load``, or ``rapidnas[model=...]`` in a study), and
``LOSS.state.safetensors``, its checkpoint. Step s draws from (seed, s), so a training that was stopped goes on with the
same command, to the same weights bit for bit. The images of the tasks are looked for by name, and below WARMNAS_DATA.

``--shipped`` makes the weights that come with warmnas again: :data:`SHIPPED`. They have seen no class of the tasks that
docs/rapidnas.md judges them on, so its figures are theirs.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import re
import sys
import time
from collections.abc import Sequence
from importlib import resources
from pathlib import Path
from typing import Any

import numpy as np

from ... import __version__
from ...bench import Table, WarmnasError, open_benchmark
from ...metadata.shipped import ENCODERS, HELD_OUT
from . import checkpoint
from .experience import experience
from .model import Experience, RapidNAS

SHIPPED = ("--table", ENCODERS, "--without", *HELD_OUT)


def gathered(tables: Sequence[Table], without: Sequence[str], reads: str) -> tuple[list[Experience], dict[str, Any]]:
    """Experience on all tasks but those whose names match a pattern, and notes of what it is."""
    known: list[Experience] = []
    families: set[str] = set()
    for table in tables:
        if table.space.name != tables[0].space.name:
            raise WarmnasError(
                f"{table.name} is of {table.space.name}, {tables[0].name} of {tables[0].space.name}; take one"
            )
        tasks = [task for task in table.tasks if not any(re.search(pattern, task) for pattern in without)]
        found = experience(table, tasks, reads)
        families |= {table.family(one.name) for one in found}
        known += found
    notes: dict[str, Any] = {"tables": {t.name: t.hash for t in tables}, "plans": plans(tables)}
    return known, {**notes, "tasks": [e.name for e in known], "families": sorted(families)}


def plans(tables: Sequence[Table]) -> dict[str, str]:
    """BLAKE2 digest of the plan that warmnas measured a table by, for tables that have one: name to digest."""
    folder, found = resources.files("warmnas.metadata") / "plans", {}
    for table in tables:
        if (file := folder / f"{table.name}.toml").is_file():
            found[table.name] = hashlib.blake2b(file.read_bytes(), digest_size=16).hexdigest()
    return found


def train(
    tables: Sequence[Table],
    folder: Path,
    model: RapidNAS,
    without: Sequence[str] = (),
    reads: str = "auto",
    every: float = 60.0,
) -> Path:
    """Train up to ``model.steps``, from the checkpoint in the folder if there is one; the path of the model's file."""
    known, notes = gathered(tables, without, reads)
    options = {key: value for key, value in model.get_params().items() if key != "space"}
    identity = hashlib.blake2b(json.dumps([notes, options], sort_keys=True).encode(), digest_size=16).hexdigest()
    networks = model.start(known)
    folder.mkdir(parents=True, exist_ok=True)
    state, path = folder / f"{model.loss}.state.safetensors", folder / f"{model.loss}.safetensors"
    if state.exists():
        checkpoint.read(networks, state, identity)
    losses, saved = [], time.monotonic()
    while networks.step < model.steps:
        losses.append(networks.advance(np.random.default_rng([model.seed, networks.step]), model.steps))
        if time.monotonic() - saved > every or networks.step == model.steps:
            checkpoint.write(networks, state, identity)
            predictor, generator = np.mean(losses, axis=0)
            line = f"step {networks.step}: predictor {predictor:.4f}, generator {generator:.4f}"
            print(line, file=sys.stderr, flush=True)
            losses, saved = [], time.monotonic()
    model.save(path, {**notes, "identity": identity, "without": list(without), "version": __version__})
    return path


def arguments() -> argparse.ArgumentParser:
    """What the training and the evaluation have in common."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--table", nargs="+", required=True, help="benchmarks or table files of one space")
    parser.add_argument("--reads", default="auto", help="images, embedding, or auto: images where they are here")
    parser.add_argument("--steps", type=int, default=1000)
    parser.add_argument("--members", type=int, default=2, help="networks side by side")
    parser.add_argument("--seed", type=int, default=0)
    return parser


def main(words: list[str] | None = None) -> int:
    """Exit code 2 and one line where the arguments or the input are wrong."""
    parser = arguments()
    parser.description = "Meta-train RapidNAS (MetaD2A) on the tasks of tables."
    parser.add_argument("--loss", default="squared", help="squared, as published, or rank: pairwise within each task")
    parser.add_argument("--without", nargs="*", default=[], help="patterns of names of tasks to leave out")
    parser.add_argument("--out", type=Path, required=True, help="folder of checkpoint and model")
    words = sys.argv[1:] if words is None else words
    if "--shipped" in words:
        words = [*(word for word in words if word != "--shipped"), *SHIPPED]
    options = parser.parse_args(words)
    try:
        tables = [open_benchmark(name) for name in options.table]
        model = RapidNAS(tables[0].space, options.seed, options.members, options.steps, options.loss)
        path = train(tables, options.out, model, options.without, options.reads)
    except WarmnasError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    print(path)
    return 0


if __name__ == "__main__":
    sys.exit(main())
