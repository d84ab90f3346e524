"""Original files: conversion, opening and queries, beside the packages that read them themselves.

``make speed`` runs this after ``compare.py``. Every reader runs in a process of its own on the same records of genuine size
(one 12-epoch and three 200-epoch seeds on four data sets), so that its peak memory is its own. Seconds are those of the
processor, without the imports. The number of records may be given: ``python tests/speed/files.py 1000``. Nothing is
asserted; a package that is not installed is left out.
"""

from __future__ import annotations

import bz2
import json
import pickle
import subprocess
import sys
import tempfile
import time
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np

RECORDS, ALL, QUERIES = 1000, 15_625, 1000
MODULES, SCHEDULES, SEEDS = 423_624, (4, 12, 36, 108), 3
EVALUATED = {
    "cifar10-valid": ("x-valid", "ori-test"),
    "cifar10": ("ori-test",),
    "cifar100": ("x-valid", "x-test", "ori-test"),
    "ImageNet16-120": ("x-valid", "x-test", "ori-test"),
}

IMPORT_OFFICIAL = """
import torch
from nas_201_api import NASBench201API
load = torch.load
torch.load = lambda *a, **k: load(*a, **{**k, "weights_only": False})  # the package's call fails on torch >= 2.6
"""
OPEN_OFFICIAL = "api = NASBench201API(FILE, verbose=False)"
IMPORT_NATS = "import nats_bench"
OPEN_NATS = "api = nats_bench.create(FILE, 'tss', fast_mode=False, verbose=False)"
QUERY_API = "values = [api.get_more_info(i % N, 'cifar100', hp='200', is_random=False)['valid-accuracy'] for i in range(Q)]"
IMPORT_OURS = """
import h5py, numpy, pandas, xarray
from pathlib import Path
from warmnas.bench import open_benchmark
from warmnas.bench.importing import import_to
from warmnas.bench.readers import Options
"""
OPEN_OURS = "table = open_benchmark(FILE)"
WARM_OURS = "table = open_benchmark(FILE); table.value('cifar100', table.names[0])"
QUERY_OURS = "values = [table.value('cifar100', table.names[i % N]) for i in range(Q)]"
BATCH_OURS = """
rows = numpy.arange(100 * Q) % N
table.values('cifar100')
started = time.process_time()
for _ in range(100):
    values = table.values('cifar100', rows)
"""
CONVERT = "import_to(Path(FILE), FORM, Path(OUT), Options())"
ENDS = """
from warmnas.bench import Table
from warmnas.bench.ends import without_curves
without_curves(Table.open(FILE)).save(OUT)
"""
CHILD = """
import json, time
{imports}
FILE, FORM, OUT, N, Q = {file!r}, {form!r}, {out!r}, {n}, {q}
started = time.process_time()
{first}
first = time.process_time() - started
started = time.process_time()
{second}
second = time.process_time() - started
peak = next(int(line.split()[1]) / 1024 for line in open('/proc/self/status') if line.startswith('VmHWM'))
print(json.dumps([first, second, peak]))
"""


def measured(imports: str, first: str, second: str = "", **values: Any) -> tuple[float, float, float]:
    """Seconds of two pieces of code in a fresh process, and its peak memory in MiB (of Linux)."""
    code = CHILD.format(
        imports=imports, first=first, second=second, **{"form": "", "out": "", "n": 1, "q": QUERIES, **values}
    )
    done = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    one, two, peak = json.loads(done.stdout.splitlines()[-1])
    return one, two, peak


def _run(rng: np.random.Generator, dataset: str, epochs: int, cell: str) -> dict[str, Any]:
    splits = EVALUATED[dataset]
    often = splits if epochs == 12 else ("x-valid",) if dataset == "cifar10-valid" else ("ori-test",)
    keys = [f"{split}@{e}" for split in splits for e in range(epochs) if split in often or e == epochs - 1]
    return {
        "name": dataset,
        "net_state_dict": None,
        "train_acc1es": dict(enumerate(rng.uniform(0, 100, epochs).tolist())),
        "train_acc5es": dict(enumerate(rng.uniform(0, 100, epochs).tolist())),
        "train_losses": dict(enumerate(rng.uniform(0, 5, epochs).tolist())),
        "train_times": dict(enumerate([12.5] * epochs)),
        "arch_config": {"channel": 16, "num_cells": 5, "arch_str": cell, "class_num": 10},
        "params": 0.8,
        "flop": 113.95,
        "seed": 777,
        "epochs": epochs,
        "latency": [0.016],
        "eval_names": list(splits),
        "eval_acc1es": dict(zip(keys, rng.uniform(0, 100, len(keys)).tolist(), strict=True)),
        "eval_times": {f"{split}@{e}": 4.15 for split in splits for e in range(epochs)},
        "eval_losses": dict(zip(keys, rng.uniform(0, 5, len(keys)).tolist(), strict=True)),
    }


def content(n: int) -> dict[str, Any]:
    """A NAS-Bench-201 file of n records."""
    from warmnas.bench import space

    cells, rng = space("nasbench201"), np.random.default_rng(0)
    names = [cells.to_string(genotype) for genotype in cells.from_index(np.arange(n))]
    infos = {}
    for index, name in enumerate(names):
        infos[index] = {
            key: {
                "arch_index": index,
                "arch_str": name,
                "all_results": {(d, seed): _run(rng, d, epochs, name) for d in EVALUATED for seed in seeds},
                "dataset_seed": {d: list(seeds) for d in EVALUATED},
                "clear_net_done": True,
            }
            for key, epochs, seeds in (("less", 12, (111,)), ("full", 200, (777, 888, 999)))
        }
    return {"meta_archs": names, "total_archs": n, "arch2infos": infos, "evaluated_indexes": list(infos)}


def write(folder: Path, n: int) -> dict[str, Path]:
    """The records in both layouts."""
    import torch

    made = content(n)
    files = {"nasbench201": folder / "NAS-Bench-201-v1_1-096897.pth", "nats": folder / "NATS-tss-v1_0-3ffb9.pickle.pbz2"}
    torch.save(made, files["nasbench201"])
    made["arch2infos"] = {i: {"12": hp["less"], "200": hp["full"]} for i, hp in made["arch2infos"].items()}
    with bz2.open(files["nats"], "wb", compresslevel=1) as file:
        pickle.dump(made, file, 4)
    return files


def _rows(out: Path, ends: Path, n: int, theirs: tuple[float, float, float]) -> list[tuple[str, float, float]]:
    """What is compared, ours, theirs."""
    rows = []
    for what, file in (("with curves", str(out)), ("--last-epoch", str(ends))):
        opened, asked, peak = measured(IMPORT_OURS, OPEN_OURS, QUERY_OURS, file=file, n=n)
        rows += [
            (f"open {what}, s", opened, theirs[0]),
            (f"open {what} and {QUERIES} queries, s", opened + asked, theirs[0] + theirs[1]),
            (f"peak memory {what}, MiB", peak, theirs[2]),
        ]
    _, warm, _ = measured(IMPORT_OURS, WARM_OURS, QUERY_OURS, file=str(ends), n=n)
    _, batch, _ = measured(IMPORT_OURS, OPEN_OURS, BATCH_OURS, file=str(ends), n=n)
    return [
        *rows,
        (f"{QUERIES} further queries one by one, s", warm, theirs[1]),
        (f"{QUERIES} further queries in a batch, s", batch / 10_000, theirs[1]),
    ]


def compare(folder: Path, n: int) -> None:
    """Each official reader against ours, and what a conversion costs."""
    rivals = {
        "nasbench201": ("nas_201_api", "nas-bench-201, patched", IMPORT_OFFICIAL, OPEN_OFFICIAL),
        "nats": ("nats_bench", "nats-bench", IMPORT_NATS, OPEN_NATS),
    }
    for form, path in write(folder, n).items():
        out, ends = folder / f"{form}.h5", folder / f"{form}-ends.h5"
        idle = measured(IMPORT_OURS, "pass", file="")[2]
        converted, _, peak = measured(IMPORT_OURS, CONVERT, file=str(path), form=form, out=str(out))
        measured(IMPORT_OURS, ENDS, file=str(out), out=str(ends))
        size, scale = path.stat().st_size / 2**20, ALL / n
        print(f"{form}: {n} records, {size:.0f} MiB; converted in {converted:.1f} s, peak {peak:.0f} MiB", flush=True)
        whole = (idle + (peak - idle) * scale) / 1024
        print(f"  all {ALL}, if it grows in proportion: {converted * scale:.0f} s, {whole:.1f} GiB")
        package, label, imports, opening = rivals[form]
        if find_spec(package) is None:
            print(f"  {label}: not installed, left out")
            continue
        theirs = measured(imports, opening, QUERY_API, file=str(path), n=n)
        print(f"  {'':40}{'warmnas':>12}{label:>24}{'ratio':>12}")
        for what, mine, other in _rows(out, ends, n, theirs):
            print(f"  {what:40}{mine:12.4g}{other:24.4g}{other / mine:11.1f}x")
        print(
            f"  {label}, all {ALL}: {theirs[0] * scale:.0f} s and {theirs[2] * scale / 1024:.0f} GiB, extrapolated",
            flush=True,
        )


def modules() -> None:
    """Queries of every training of NAS-Bench-101, 423,624 x 4 x 3, in one batch; a dictionary per module is the other."""
    values = np.random.default_rng(0).random((1, MODULES, len(SCHEDULES), SEEDS, 8), dtype=np.float32)
    from warmnas.bench import space
    from warmnas.bench.assembling import Draft

    searched = space("nasbench101")
    genotypes = searched.modules  # type: ignore[attr-defined]
    epochs = sorted({e // part for e in SCHEDULES for part in (1, 2)})
    axes: dict[str, Any] = {"task": ["cifar10"], "schedule": list(SCHEDULES), "seed": range(SEEDS), "epoch": epochs}
    names = [str(row) for row in range(len(genotypes))]
    draft = Draft("x", searched, names, genotypes, axes, {"cifar10": {"val": "x"}}, "made here", "CC0")
    draft.arrays["val_accuracy"] = (
        ("task", "architecture", "schedule", "seed", "epoch"),
        100 * values,
        {"units": "percent"},
    )
    table = draft.table()
    started = time.process_time()
    total = sum(table.seed_values("cifar10", "val", schedule).size for schedule in SCHEDULES)
    batch = total / (time.process_time() - started)
    some = 20_000
    nested = {name: {s: [{"val": 0.5}] * SEEDS for s in SCHEDULES} for name in names[:some]}
    started = time.process_time()
    looked = [nested[name][s][r]["val"] for name in names[:some] for s in SCHEDULES for r in range(SEEDS)]
    loop = len(looked) / (time.process_time() - started)
    print(
        f"NAS-Bench-101's shape, {total} values in a batch: {batch / 1e6:.1f} million/s, dictionaries {loop / 1e6:.2f}: ",
        end="",
    )
    print(f"{batch / loop:.1f}x; in memory {values.nbytes / 2**20:.0f} MiB per variable")


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as name:
        compare(Path(name), int(sys.argv[1]) if len(sys.argv) > 1 else RECORDS)
    modules()
