"""SpikeNAS-Bench's curves, as an ``.npz`` of arrays, as a table file that ``warmnas stop`` takes.

    python docs/spikenas_table.py spikenas.npz spikenas.h5

The file holds, for each of CIFAR10, CIFAR100 and TinyImagenet, ``NAME_id`` (n,), ``NAME_val_acc`` and ``NAME_train_loss``
(n, 100), and ``ops`` (ids, 6), the operations of each id on the six edges of a cell shaped as NAS-Bench-201's. The
benchmark has no licence file: such a table is for looking at, not for passing on.

``ops`` lists the edges by the node that they leave, NAS-Bench-201 by the node that they reach. Read so, a CIFAR-10
training is at chance exactly where its cell is not connected, for all 14,935.
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np

from warmnas.bench import space as space_of
from warmnas.bench.assembling import Draft

BY_TARGET = [0, 1, 3, 2, 4, 5]  # places in ``ops`` of the edges 0-1, 0-2, 1-2, 0-3, 1-3, 2-3
TASKS = {"cifar10": "CIFAR10", "cifar100": "CIFAR100", "tiny-imagenet": "TinyImagenet"}


def convert(source: Path, out: Path) -> None:
    """Write the table of that file."""
    space = space_of("nasbench201")
    with np.load(source, allow_pickle=False) as file:
        genotypes = file["ops"][:, BY_TARGET].astype(np.int8)
        epochs = file["CIFAR10_val_acc"].shape[1]
        draft = Draft(
            "spikenas",
            space,
            [space.to_string(genotype) for genotype in genotypes],
            genotypes,
            {"task": list(TASKS), "epoch": list(range(1, epochs + 1))},
            {task: {"val": f"{name}_val_acc"} for task, name in TASKS.items()},
            "SpikeNAS-Bench",
            "none stated",
            coords={"family": list(TASKS)},
            attrs={"epochs": epochs, "leave_out": "family"},
        )
        for variable, suffix in (("val_accuracy", "val_acc"), ("train_loss", "train_loss")):
            values = draft.empty(variable, ("task", "architecture", "epoch"), np.float32)
            for place, name in enumerate(TASKS.values()):
                values[place, file[f"{name}_id"]] = file[f"{name}_{suffix}"]
    draft.table().save(out)


if __name__ == "__main__":
    convert(Path(sys.argv[1]), Path(sys.argv[2]))
