"""A task of a table as a Syne Tune blackbox: what its simulator backend runs, and what its surrogates read."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from syne_tune.config_space import choice, randint

from ....bench import Table, WarmnasError
from ..curves import curves_of
from ..extras import require

VALIDATION, ELAPSED, EPOCH = "metric_val", "metric_elapsed_time", "hp_epoch"


def blackbox(table: Table, task: str, schedule: int | None = None) -> Any:
    """The task as a ``BlackboxTabular``, without test values: nothing that searches may see them.

    Configurations have a categorical hyperparameter per gene, named like the gene. A configuration that is another genotype
    of a measured function has its results; one that was not measured is none of the blackbox. Results are VALIDATION, mean
    over the seeds recorded, in the task's own unit and direction (``table.metrics[task].direction``), and ELAPSED,
    simulated seconds since the start of the training; the resource is EPOCH, at the epochs that the table has.

    Args:
        table: where the results are.
        task: which task of it.
        schedule: total epochs of the training; None for the longest.

    Raises:
        WarmnasError: where the table has no training times, or where an epoch is missing for some architectures.
    """
    tabular = require("syne_tune.blackbox_repository.blackbox_tabular", "Syne Tune", "syne-tune").BlackboxTabular
    space, candidates = table.space, table.candidates(task)
    everything = space.all_genotypes()
    found = candidates.rows(everything)
    rows = candidates.table_rows[found[found >= 0]]
    curves = curves_of(table, task, schedule)
    if curves.seconds is None:
        raise WarmnasError(f"{table.name} has no training times for {task}, which a simulator cannot do without")
    results = np.stack([curves.values[rows], curves.seconds[rows]], axis=-1)
    if np.isnan(results).any():
        incomplete = int(np.isnan(results).any(axis=(1, 2)).sum())
        raise WarmnasError(
            f"{table.name}: {incomplete} of {len(rows)} configurations of {task} lack a value or a time at one of the "
            f"epochs {curves.epochs.tolist()}; a blackbox has all of them"
        )
    genes = space.genes
    columns = {gene.name: np.array(gene.choices, dtype=object)[everything[found >= 0, i]] for i, gene in enumerate(genes)}
    return tabular(
        hyperparameters=pd.DataFrame(columns),
        configuration_space={gene.name: choice(list(gene.choices)) for gene in genes},
        fidelity_space={EPOCH: randint(1, int(curves.epochs[-1]))},
        objectives_evaluations=results[:, None].astype(np.float32),
        fidelity_values=curves.epochs,
        objectives_names=[VALIDATION, ELAPSED],
    )
