"""Scores as a Table, beside the accuracies of the same architectures where a benchmark knows them.

Each part of a proxy is a variable ``score_naswot`` or ``score_az_nas_expressivity`` (architecture, init); a proxy of
several parts also has its score within this set (architecture). -inf stands where nothing could be measured.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import numpy as np

from ...bench import ACCURACY, Split, Table
from .inputs import Inputs
from .recipe import ProbeRecipe
from .scores import Scores

if TYPE_CHECKING:
    import xarray as xr


def variable(proxy: str, part: str = "") -> str:
    """Name of the variable that holds a proxy's score, or a part of it."""
    return "_".join(["score", proxy.replace("-", "_"), *([part] if part else [])])


def to_table(scores: Scores, inputs: Inputs, recipe: ProbeRecipe, name: str, known: Table | None = None) -> Table:
    """A table of the scored architectures, each once.

    Args:
        scores: of architectures of one space.
        inputs: what they were measured with; also the task's name where there are no accuracies.
        recipe: how they were measured.
        name: of the table.
        known: a table that holds accuracies of all of these architectures.
    """
    _, first = np.unique(scores.space.index(scores.genotypes), return_index=True)
    rows = np.sort(first)
    genotypes = scores.genotypes[rows]
    if known is None:
        data = _unmeasured(scores, rows, inputs)
    else:
        data = known.data.isel(architecture=known.rows(genotypes)).drop_vars(["genotype", "name"])
        data = data.assign_coords(
            name=("architecture", [scores.space.to_string(g) for g in genotypes]),
            genotype=(("architecture", "gene"), genotypes),
        )
    data = data.assign(_variables(scores, rows))
    made = {"name": name, "proxies": json.dumps([proxy.key() for proxy in scores.proxies]), "proxy_inputs": inputs.identity}
    data.attrs.pop("hash", None)
    return Table(data.assign_attrs(made, proxy_recipe=json.dumps(recipe.key() | {"inits": recipe.inits})))


def _variables(scores: Scores, rows: np.ndarray[Any, Any]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for proxy in scores.proxies:
        for i, part in enumerate(proxy.parts):
            found[variable(proxy.name, part)] = (("architecture", "init"), scores.parts[proxy.name][rows, :, i])
        if len(proxy.parts) > 1:
            found[variable(proxy.name)] = ("architecture", scores.of(proxy.name, rows))
    return found


def _unmeasured(scores: Scores, rows: np.ndarray[Any, Any], inputs: Inputs) -> xr.Dataset:
    """A table without accuracies: one task, of which nothing was measured."""
    import xarray as xr

    task = inputs.name
    return xr.Dataset(
        {Split.VAL.variable: (("task", "architecture"), np.full((1, len(rows)), np.nan), {"units": "percent"})},
        {
            "task": [task],
            "name": ("architecture", [scores.space.to_string(g) for g in scores.genotypes[rows]]),
            "genotype": (("architecture", "gene"), scores.genotypes[rows]),
        },
        {
            "space": scores.space.name,
            "source": "zero-cost proxies measured by warmnas",
            "licence": "none: only scores of untrained networks",
            "absent": "Nothing was trained; the table holds scores only.",
            "splits": json.dumps({task: {Split.VAL.value: "not measured"}}),
            "metrics": json.dumps({task: vars(ACCURACY)}),
        },
    )
