"""A small report of every kind: by the command where that is quick, from made-up results where it would train for long."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from warmnas.bench import Table, space
from warmnas.bench.assembling import Draft
from warmnas.cli import main
from warmnas.search.report.fewshot import write_few_shot_report
from warmnas.search.report.live import write_live_report

CELLS = space("nasbench201")
HOSTILE = "<script>alert(1)</script>"
TASKS, FAMILIES, ROWS, EPOCHS = ("digits", "letters", HOSTILE), ("ink", "ink", "light"), 60, 12
OPTIMIZERS = ["random", "rea", "local", "source-ranking", "live-params"]
STOPPERS = [
    "none",
    "last",
    "median",
    "i-epoch",
    "successive-halving",
    "hyperband",
    "asha",
    "oracle",
    "threshold[quantile=0.5]",
]
SMALL = ["--batch", "16", "--width", "4", "--resolution", "8"]
RESNET = "|nor_conv_3x3~0|+|none~0|nor_conv_3x3~1|+|skip_connect~0|none~1|skip_connect~2|"


def curves_table() -> Table:
    """Curves of cells on three tasks; each rises at its own rate to where its convolutions take it."""
    rng = np.random.default_rng(7)
    genotypes = CELLS.from_index(np.sort(rng.choice(CELLS.size, ROWS, replace=False)))
    draft = Draft(
        "made-up",
        CELLS,
        [CELLS.to_string(genotype) for genotype in genotypes],
        genotypes,
        {"task": list(TASKS), "seed": [0, 1], "epoch": list(range(1, EPOCHS + 1))},
        {task: {"val": "val", "test": "test"} for task in TASKS},
        "made up",
        "none",
        coords={"family": list(FAMILIES), "validation_size": [1000] * len(TASKS)},
        attrs={"leave_out": "family"},
    )
    axes = ("task", "architecture", "seed", "epoch")
    rates = rng.uniform(0.3, 1.0, (len(TASKS), ROWS, 1, 1))
    ends = (40 + 8.0 * (genotypes >= 2).sum(axis=1))[None, :, None, None]
    curves = ends * (1 - 0.8 * np.exp(-rates * np.arange(1, EPOCHS + 1))) + rng.standard_normal((3, ROWS, 2, EPOCHS))
    draft.empty("val_accuracy", axes)[:] = np.clip(curves, 1, 99)
    draft.empty("test_accuracy", axes)[:] = np.clip(curves - 1, 1, 99)
    draft.empty("train_seconds", axes)[:] = 2.0
    return draft.table()


def written(folder: Path) -> dict[str, Path]:
    """The reports, {kind: file}."""
    table = folder / "curves.h5"
    curves_table().save(table)
    study = ["study", "--benchmark", str(table), "--budget", "30", "--leave-out", "task"]
    commands = {
        "study": [*study, "--runs", "12", "--task", "digits", HOSTILE, "--optimizer", *OPTIMIZERS],
        "fronts": [
            *study,
            "--runs",
            "5",
            "--task",
            "digits",
            "--objectives",
            "live-params",
            "--optimizer",
            "random",
            "mo-rea",
        ],
        "clock": [*study, "--runs", "3", "--task", "digits", "--seconds", "300", "--optimizer", "random", "rea"],
        "predictors": [*study[:3], "--task", "digits", "--predictor", "trees", "--budget", "20", "--runs", "2"],
        "stop": ["stop", "--table", str(table), "--target", "digits", "letters", "--orders", "6", "--method", *STOPPERS],
        "oneshot": ["oneshot", "--method", "darts", "--data", str(images(folder)), "--epochs", "2", *SMALL],
    }
    for kind, words in commands.items():
        assert main([*words, "--seed", "0", "--out", str(folder / kind)]) == 0, kind
    live = folder / "live" / "report.html"
    names = {RESNET} | {row["architecture"] for row in trainings()}
    write_live_report(searched(), {name: CELLS.graph(CELLS.from_string(name)) for name in names}, live)
    write_few_shot_report(few_shot(), folder / "fewshot" / "report.html")
    return {kind: folder / kind / "report.html" for kind in [*commands, "live", "fewshot"]}


def images(folder: Path) -> Path:
    """Three classes of grey squares, 8 x 8."""
    labels = np.arange(90) % 3
    noise = np.random.default_rng(0).normal(60 + 60 * labels[:, None, None], 40, (90, 8, 8))
    path = folder / "squares.npz"
    np.savez(path, x=np.clip(noise, 0, 255).astype(np.uint8), y=labels)
    return path


def trainings() -> list[dict[str, Any]]:
    """Six trainings of a live search: the ResNet cell, others, one that was stopped."""
    cells = [RESNET, *(CELLS.to_string(CELLS.from_index(np.array([at]))[0]) for at in (400, 7000, 9000, 12000, 15000))]
    rows: list[dict[str, Any]] = []
    for place, cell in enumerate(cells, start=1):
        state, epochs = ("stopped", 4) if place == 3 else ("done", 10)
        curve = [round((60.0 + 5 * place) * (1 - 0.5 / (epoch + 1)), 2) for epoch in range(epochs)]
        cost = {"params": 1000 * place, "flops": 2_000_000 * place, "seconds": 9.5 * place, "epochs": epochs}
        training = {"evaluation": place, "architecture": cell, "state": state, "reason": "", "curve": curve}
        rows.append({**training, **cost, "validation": curve[-1]})
    return rows


def searched() -> dict[str, Any]:
    """What ``summary.json`` of a live search says, as far as its report reads it."""
    rows = trainings()
    classes = ["a circle", "a square", "a rather long name of a class"]
    return {
        "task": {
            "name": "my_images",
            "classes": classes,
            "images": {"train": 600, "val": 200, "test": 200},
            "shape": [16, 16, 3],
            "smallest_class": 20,
            "source": "my_images/",
            "licence": "mine",
        },
        "settings": {"optimizer": "warm"},
        "rows": rows,
        "found": rows[-1] | {"evaluations": 6, "retrained": True, "test": 81.5},
        "reference": rows[0],
        "test": {
            "accuracy": 81.5,
            "images": 200,
            "interval": [75.5, 86.3],
            "unequal": True,
            "balanced_accuracy": 79.9,
            "confusion": [[80, 10, 10], [5, 55, 0], [6, 6, 28]],
        },
        "notes": ["1 image is not readable and left out: my_images/a circle/31.png."],
        "exports": {"onnx": {"file": "model.onnx", "difference": 2e-6}, "state-dict": {"file": "weights.safetensors"}},
        "price": {"resolution": 16, "finer": {"resolution": 32, "times": 4.0}},
        "sources": [{"name": "images-v1:cifar10"}, {"name": "nasbench201:cifar100"}],
        "workers": 1,
        "device": "cpu",
        "seconds": 300.0,
        "store": "runs/mine/store.db",
        "protocol": "0123456789abcdef",
        "versions": {"warmnas": "0.1.0"},
        "command": "warmnas search --data my_images/ --space nasbench201 --budget 6",
    }


def few_shot() -> dict[str, Any]:
    """What ``summary.json`` of a few-shot study says: two methods beside their controls."""

    def spread(accuracy: float) -> dict[str, float]:
        return {"accuracy": accuracy, "half": 1.5}

    rows = []
    for place, method in enumerate(("fomaml", "metanas")):
        names = ("method", "random architecture", "no adaptation", "centroids")
        beside = [
            {"name": name, **spread(60.0 - 3 * n + place), "difference": spread(3.0 * n)} for n, name in enumerate(names)
        ]
        searched_cell = {"reading_gap": spread(0.2) if place else None, "keep_task_architecture": True if place else None}
        rows.append({"method": method, "cell": RESNET, "seconds": 40.0 + place, "rows": beside, **searched_cell})
    settings = {"ways": 5, "shots": 2, "episodes": 30, "width": 8, "cells": 1, "steps": 100, "seed": 0}
    about = {"data": "digits", "space": "nasbench201", "images": "0123456789abcdef", "versions": {"warmnas": "0.1.0"}}
    return {"settings": settings, "rows": rows, "command": "warmnas fewshot --method fomaml metanas --data digits", **about}
