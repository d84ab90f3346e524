"""``warmnas fit`` and ``warmnas predict``: predictors, learned and kept in files."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from .. import console
from .common import AsJson, Printer, Seed, as_json, open_tables


def fit(
    predictor: Annotated[str, typer.Option(help="Name, with options as in trees[trees=50].")],
    table: Annotated[str, typer.Option(help="Name of a benchmark, or a table file (.h5), to learn from.")],
    target: Annotated[str, typer.Option(help="The task whose values are learned.")],
    out: Annotated[Path, typer.Option(help="The model file to write.")],
    seed: Seed = 0,
    json: AsJson = False,
) -> Printer:
    """Learn a predictor from the validation values of one task, and save it."""
    from ..search import models

    content = models.fit_model(predictor, open_tables([table])[0], target, out, seed)
    learned = f"{content['predictor']} of {content['architectures']} architectures of {content['task']}"
    return as_json(content) if json else lambda: print(f"{out}: {learned} ({content['table']})")


def predict(
    model: Annotated[Path, typer.Option(help="A file that warmnas fit wrote.")],
    table: Annotated[str, typer.Option(help="Name of a benchmark, or a table file (.h5), of the architectures.")],
    task: Annotated[str, typer.Option(help="The task whose architectures are predicted.")],
    arch: Annotated[
        list[str], typer.Option(help="Architectures [default: all that are measured on the task]; several may follow.")
    ] = [],  # noqa: B006
    json: AsJson = False,
) -> Printer:
    """What a saved predictor says of architectures: expected value and standard deviation."""
    from ..search import models

    content = models.predict_with(model, open_tables([table])[0], task, arch)
    return as_json(content) if json else lambda: console.print_predictions(content["rows"])
