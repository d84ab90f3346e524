"""``warmnas fit`` and ``warmnas predict``: predictors, learned and kept in files."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from .. import console
from . import names
from .common import AsJson, Printer, Seed, as_json, example, open_tables

FIT_EXAMPLE = example("warmnas fit --predictor trees --table nasbench201 --target cifar100 \\", "    --out trees.model")
PREDICT_EXAMPLE = example(
    "warmnas predict --model trees.model --table nasbench201 --task cifar100 \\", "    --arch 334131 111111"
)


def fit(
    predictor: Annotated[
        str,
        typer.Option(metavar="NAME", help="Name, with options as in trees[trees=50].", autocompletion=names.predictors),
    ],
    table: Annotated[
        str,
        typer.Option(
            metavar="B", help="Name of a benchmark, or a table file (.h5), to learn from.", autocompletion=names.benchmarks
        ),
    ],
    target: Annotated[
        str, typer.Option(metavar="TASK", help="The task whose values are learned.", autocompletion=names.tasks)
    ],
    out: Annotated[Path, typer.Option(metavar="MODEL", help="The model file to write.")],
    seed: Seed = 0,
    json: AsJson = False,
) -> Printer:
    """Learn a predictor from the validation values of one task, and save it."""
    from ..search import models

    with console.busy(f"{predictor} learns {target}"):
        content = models.fit_model(predictor, open_tables([table])[0], target, out, seed)
    learned = f"{content['predictor']} of {content['architectures']} architectures of {content['task']}"
    return as_json(content) if json else lambda: print(f"{out}: {learned} ({content['table']})")


def predict(
    model: Annotated[Path, typer.Option(metavar="MODEL", help="A file that warmnas fit wrote.")],
    table: Annotated[
        str,
        typer.Option(
            metavar="B",
            help="Name of a benchmark, or a table file (.h5), of the architectures.",
            autocompletion=names.benchmarks,
        ),
    ],
    task: Annotated[
        str, typer.Option(metavar="TASK", help="The task whose architectures are predicted.", autocompletion=names.tasks)
    ],
    arch: Annotated[
        list[str],
        typer.Option(metavar="STR", help="Architectures [default: all that are measured on the task]; several may follow."),
    ] = [],  # noqa: B006
    json: AsJson = False,
) -> Printer:
    """What a saved predictor says of architectures: expected value and standard deviation, in the metric's unit."""
    from ..search import models

    with console.busy(f"predicting {task}"):
        content = models.predict_with(model, open_tables([table])[0], task, arch)
    return as_json(content) if json else lambda: console.print_predictions(content["rows"])
